package transport

import (
	"encoding/hex"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// placed is a place in an answer that is written, and what it takes to tell its buyer more: how long it takes, the chance, the receipt of the entry, the signed pass. These are made on the
// signer's goroutine once the answer is durable, and put into what is written: no event and no journal waits for them.
type placed struct {
	command int // whose answer it is
	state   engine.PlaceState
	track   uint8
	receipt bool // is asked for
	wants   int64
	entry   line.Entry
	place   line.Place
	until   engine.Instant
	leaf    line.Hash
	commit  line.Hash
	written
}

// written is where a place stands in an answer: in JSON only its end.
type written struct {
	result, resultBody int // of a batch, in protobuf: where the entry's tag and its body begin,
	resultEnd          int // and where it ends
	tag, body, end     int // of the place: its tag, its body, and the end of that
}

// more is what a place is told besides.
type more struct {
	prices  []engine.PromisedPrice
	waits   bool // ahead is known
	ahead   int64
	etaMs   int64
	told    line.Word
	percent int64
	receipt *line.Receipt
	pass    string
}

// placeMoreBytesMax is the most that what a place is told besides takes, but for prices, a receipt and a pass; priceBytesMax a price without the lot's name.
const placeMoreBytesMax, priceBytesMax = 192, 64

// bytesMax is the most that it takes in an answer, without a receipt.
func (m *more) bytesMax() int {
	n := placeMoreBytesMax + len(m.pass)
	for i := range m.prices {
		n += priceBytesMax + len(m.prices[i].Lot)
	}
	return n
}

// notePlace notes a place that an answer shows, if there is more to tell.
func (r *request) notePlace(i int, out *engine.Outcome, at written) {
	if p, ok := r.server.placeOf(out, at); ok {
		p.command = i
		cmd := &r.Commands[i]
		p.receipt = p.receipt && (cmd.Verb == engine.VerbJoin || cmd.Line != nil && cmd.Line.Receipt)
		r.placed = append(r.placed, p)
	}
}

// placeOf is what it takes to tell more about the place that an outcome shows; false if there is no more.
func (s *Server) placeOf(out *engine.Outcome, at written) (p placed, ok bool) {
	v := out.Place
	if out.Code != engine.CodeOK || out.Shows&engine.ShowsPlace == 0 {
		return placed{}, false
	}
	p = placed{
		state: v.State, wants: v.Wants, entry: v.Entry, place: v.Place, until: v.Until, leaf: v.Leaf, commit: v.Commit, receipt: v.InLobby && s.config.Codes != nil,
		written: at,
	}
	if o := s.lines.outlook(v.Event); o != nil {
		p.track = o.trackNumbered(v.Track)
	}
	return p, p.receipt || v.State == engine.PlaceWaiting || v.State == engine.PlaceAdmitted
}

// tell is what there is more to tell about a place.
func (s *Server) tell(p *placed, event, buyer string) (m more) {
	switch p.state { //nolint:exhaustive // the others are told nothing more
	case engine.PlaceWaiting:
		o := s.lines.outlook(event)
		if o == nil {
			break
		}
		m.prices = o.lots
		if p.place == 0 || o.sale == nil || int(p.track) >= len(o.tracks) {
			break
		}
		f := o.forecastAt(p.track, p.place, p.wants)
		m.told = s.lines.follow(o, buyer, p, f.chance)
		m.waits, m.ahead, m.etaMs, m.percent = true, int64(f.ahead), o.etaMs(f.ahead, m.told), percent(f.chance)
	case engine.PlaceAdmitted:
		if s.config.Codes == nil {
			break
		}
		pass := ticket.Pass{
			Account: s.config.Account, Event: strings.Clone(event), Buyer: strings.Clone(buyer), Entry: uint32(p.entry), Place: uint32(p.place), Until: int64(p.until) / 1e9,
		}
		if signed, err := s.config.Codes.Pass(pass); err == nil { // without it the buyer has the pass all the same
			m.pass = signed
		}
	}
	return m
}

// tellPlaces puts into an answer what there is more to tell about its places.
func (r *request) tellPlaces(receipts *receipts) {
	old, from := r.out, 0
	r.out = r.spare[:0]
	for i := range r.placed {
		p := &r.placed[i]
		cmd := &r.Commands[p.command]
		m := r.server.tell(p, r.Event, cmd.Buyer)
		if p.receipt {
			m.receipt = receipts.next(r.Event, cmd.Buyer, p)
		}
		// The place has to be told; the receipt, then the prices, then the rest need not be: they can be asked for, a place by itself.
		left := r.server.replyBytesMax - replyResultReserveBytes - len(r.out) - (len(old) - from)
		if need := m.bytesMax(); m.receipt != nil && left < receiptBytesMax+need*(len(r.placed)-i) {
			m.receipt = nil
		}
		if left < m.bytesMax() {
			m.prices = nil
		}
		if left < m.bytesMax() {
			m = more{}
		}
		r.out, from = r.insert(old, from, p, &m), p.resultEnd
	}
	r.out = append(r.out, old[from:]...)
	r.spare = old[:0]
}

// insert copies an answer up to the end of a place's result, with what is told besides.
func (r *request) insert(old []byte, from int, p *placed, m *more) []byte {
	if r.json {
		w := jsonWriter{b: append(r.out, old[from:p.end]...)}
		w.placeMore(m)
		return append(w.b, old[p.end:p.resultEnd]...)
	}
	w := protoWriter{b: r.out}
	result := 0
	if r.batch {
		w.b = append(w.b, old[from:p.result]...)
		result = w.open(8)
		from = p.resultBody
	}
	w.b = append(w.b, old[from:p.tag]...)
	place := w.open(placeField)
	w.b = append(w.b, old[p.body:p.end]...)
	w.placeMore(m)
	w.close(place)
	w.b = append(w.b, old[p.end:p.resultEnd]...)
	if r.batch {
		w.close(result)
	}
	return w.b
}

// JSON.

func (w *jsonWriter) chance(told line.Word, percent int64) {
	if told == line.Untold {
		return
	}
	w.object("chance")
	w.str("told", told.String())
	w.num("percent", percent)
	w.end('}')
}

// placeMore writes what a place is told besides, behind its other members.
func (w *jsonWriter) placeMore(m *more) {
	w.prices(m.prices)
	if m.waits {
		w.num("ahead", m.ahead)
		w.numIf("eta_ms", m.etaMs)
		w.chance(m.told, m.percent)
	}
	if r := m.receipt; r != nil {
		w.object("receipt")
		w.str("account", r.Account)
		w.str("event", r.Event)
		w.hash("commit", r.Commit)
		w.num("entry", int64(r.Entry))
		w.str("buyer", r.Buyer)
		w.num("index", int64(r.Index))
		w.num("size", int64(r.Size))
		w.hash("root", r.Root)
		w.list("path")
		for i := range r.Path {
			w.comma()
			w.b = append(w.b, '"')
			w.b = append(hex.AppendEncode(w.b, r.Path[i][:]), '"')
		}
		w.end(']')
		w.str("kid", r.KeyID)
		w.key("signature")
		w.b = append(w.b, '"')
		w.b = append(hex.AppendEncode(w.b, r.Signature[:]), '"')
		w.end('}')
	}
	w.str("pass", m.pass)
}

// Protobuf.

// placeField is the number of Reply.place.
const placeField = 17

func (w *protoWriter) placeMore(m *more) {
	w.prices(8, m.prices)
	w.num(12, m.ahead)
	w.num(13, m.etaMs)
	if m.told != line.Untold {
		chance := w.open(14)
		w.str(1, m.told.String())
		w.num(2, m.percent)
		w.close(chance)
	}
	if r := m.receipt; r != nil {
		from := w.open(15)
		w.str(1, r.Account)
		w.str(2, r.Event)
		w.hash(3, r.Commit)
		w.num(4, int64(r.Entry))
		w.str(5, r.Buyer)
		w.num(6, int64(r.Index))
		w.num(7, int64(r.Size))
		w.hash(8, r.Root)
		for i := range r.Path {
			w.hash(9, r.Path[i])
		}
		w.str(10, r.KeyID)
		w.tag(11, protowire.BytesType)
		w.b = protowire.AppendVarint(w.b, uint64(2*len(r.Signature)))
		w.b = hex.AppendEncode(w.b, r.Signature[:])
		w.close(from)
	}
	w.str(16, m.pass)
}
