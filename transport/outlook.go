package transport

import (
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// outlook is an event's line at a moment, ready to tell those who wait where they are. It is read by several goroutines, and does not change.
type outlook struct {
	event    string
	state    engine.EventState
	seq      engine.Seq
	line     engine.LineView // its own copy
	spec     *engine.LineSpec
	list     engine.ListView
	currency string
	opensAt  engine.Instant
	lots     []engine.PromisedPrice // that are open and for everybody, and what a sale costs now
	at       time.Time
	perMin   int64 // passes in the last minute
	pace     int64 // passes a minute that are expected; 0 is not known

	sale   *line.Outlook // nil while nobody is served
	tracks []line.Track
	wished uint64 // units that those on the waiting list want

	mu    sync.Mutex
	known map[prospect]forecast // what was calculated already
}

// prospect is what decides what somebody who waits is told: those with about as many before them are told the same.
type prospect struct {
	track  uint8
	wants  uint8
	back   bool // has been skipped, and has come back: next, as far as is known
	before uint64
}

type forecast struct {
	ahead  uint64
	chance float64
}

// lineRead reads an event, for its outlook. It is the engine's Replier for itself.
type lineRead struct {
	engine.Request
	commands [1]engine.Command
	code     engine.Code
	seen     *outlook // nil if the event shows no line
	done     chan struct{}
}

func newLineRead(account, event string) *lineRead {
	r := &lineRead{done: make(chan struct{})}
	r.commands[0].Verb = engine.VerbGet
	r.Request = engine.Request{Account: account, Event: event, Commands: r.commands[:], Reply: r}
	return r
}

// Outcome copies what the event shows. It implements [engine.Replier].
func (r *lineRead) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	r.code = out.Code
	e := &out.Event
	if out.Code != engine.CodeOK || out.Shows&engine.ShowsEvent == 0 || e.Line == nil {
		return
	}
	o := &outlook{event: strings.Clone(e.ID), state: e.State, seq: out.Seq, line: *e.Line, currency: strings.Clone(e.Spec.Currency), opensAt: e.Spec.OpensAt}
	if f := e.Line.Fairness; f != nil {
		own := *f
		own.Tracks = slices.Clone(f.Tracks)
		o.line.Fairness = &own
	}
	o.line.Value, o.line.Leaves = strings.Clone(o.line.Value), nil
	o.line.Tracks = slices.Clone(o.line.Tracks)
	for i := range o.line.Tracks {
		t := &o.line.Tracks[i]
		t.Track = strings.Clone(t.Track)
		o.tracks = append(o.tracks, line.Track{ShareBp: uint64(t.ShareBp), Granted: uint64(t.Granted), Waiting: uint64(t.Waiting)})
	}
	if e.Spec.Line != nil {
		spec := *e.Spec.Line
		spec.Tracks = nil
		o.spec = &spec
	}
	if e.List != nil {
		o.list = *e.List
	}
	for i := range e.Lots {
		if l := &e.Lots[i]; l.Open && !l.Spec.CodeOnly {
			total := l.Spec.FaceMinor
			for j := range l.Spec.Fees {
				total += l.Spec.Fees[j].Minor
			}
			o.lots = append(o.lots, engine.PromisedPrice{Lot: strings.Clone(l.Spec.Lot), TotalMinor: total, SoldOut: l.SoldOut})
		}
	}
	r.seen = o
}

// Durable implements [engine.Replier].
func (r *lineRead) Durable(*engine.Request) { close(r.done) }

// prepare makes an outlook of what was read, for the passes of the last minute and the pace that the line has.
func (o *outlook) prepare(at time.Time, perMin, pace int64) {
	o.at, o.perMin, o.pace, o.known = at, perMin, pace, make(map[prospect]forecast)
	if o.line.Phase != engine.LineServing {
		return
	}
	o.sale = line.NewOutlook(&o.line.Shopping, &o.line.Patience)
	units := o.line.Shopping.Units / max(o.line.Shopping.Picks, 1) // of a request, as those with a pass made them
	o.wished = uint64(o.list.Waiting) * max(units, 1)
}

// trackNumbered returns a track's number, 0 if there is none with that name.
func (o *outlook) trackNumbered(name string) uint8 {
	for i := range o.line.Tracks {
		if o.line.Tracks[i].Track == name {
			return uint8(i)
		}
	}
	return 0
}

// before is about how many of a track wait before a place of it: places in it are taken to lie evenly between those of other tracks and those who have left.
func (o *outlook) before(track uint8, place line.Place) uint64 {
	t := &o.line.Tracks[track]
	if place <= t.Served {
		return 0
	}
	all := max(uint64(o.line.Joined), uint64(place)) - uint64(t.Served)
	n, rest := bits.Mul64(uint64(place-t.Served-1), uint64(t.Waiting))
	before, _ := bits.Div64(n, rest, all) // n is 0: both factors are below 2^32
	return min(before, uint64(max(t.Waiting-1, 0)))
}

// rounded keeps the leading six bits of a number.
func rounded(n uint64) uint64 {
	shift := max(bits.Len64(n)-6, 0)
	return n >> shift << shift
}

// forecastAt is what somebody is told who waits for so many tickets at a place of a track.
func (o *outlook) forecastAt(track uint8, place line.Place, wants int64) forecast {
	if place <= o.line.Tracks[track].Served {
		return o.foresee(prospect{track: track, wants: wanted(wants), back: true})
	}
	return o.forecast(track, o.before(track, place), wants)
}

// forecast is what somebody is told who waits for so many tickets with so many of the track before.
func (o *outlook) forecast(track uint8, before uint64, wants int64) forecast {
	return o.foresee(prospect{track: track, wants: wanted(wants), before: rounded(before)})
}

// wanted is how many tickets somebody is taken to want.
func wanted(wants int64) uint8 { return uint8(min(max(wants, 1), engine.WantsMax)) }

func (o *outlook) foresee(p prospect) forecast {
	o.mu.Lock()
	defer o.mu.Unlock()
	if f, ok := o.known[p]; ok {
		return f
	}
	f := forecast{ahead: p.before}
	if len(o.tracks) > 1 && !p.back {
		f.ahead = line.Ahead(o.tracks, int(p.track), p.before)
	}
	if !p.back { // of those who are back nobody counts who of them is before whom
		f.ahead += uint64(max(o.line.Returned, 0))
	}
	if in := &o.line.Admission; in.Free+in.Held >= uint64(p.wants) { // else there is nothing to have, whoever comes before
		f.chance = o.sale.Chance(line.Prospect{
			Ahead: f.ahead, Skipped: uint64(o.line.Skipped), Wished: o.wished, Quantity: uint32(p.wants), Free: in.Free, Held: in.Held,
		})
	}
	o.known[p] = f
	return f
}

// etaMs is how long it takes for so many to get a pass at the present pace; 0 is not known, or never.
func (o *outlook) etaMs(ahead uint64, told line.Word) int64 {
	if o.pace <= 0 || told == line.SoldOut {
		return 0
	}
	return int64(min((ahead+1)*60_000/uint64(o.pace), math.MaxInt32)) //nolint:mnd // a minute; nobody waits for longer than three weeks
}

// word is the chance in a word, given the one that was told before.
func (o *outlook) word(chance float64, before line.Word) line.Word {
	return line.Tell(chance, o.line.Admission.Free, before)
}

// percent is a chance as it is sent.
func percent(chance float64) int64 { return int64(math.Round(100 * chance)) } //nolint:mnd // of a hundred

// checkpointsMax is how many places of a track are shown.
const checkpointsMax = 8

// appendNow appends the body of a LineNow.
func (o *outlook) appendNow(dst []byte) []byte {
	w := jsonWriter{b: append(dst, '{')}
	w.num("at_ms", o.at.UnixMilli())
	w.str("event", o.event)
	w.str("state", o.state.String())
	w.line(&o.line, o.spec)
	w.num("passes_per_min", o.perMin)
	if o.sale != nil {
		w.list("checkpoints")
		for track := range o.tracks {
			o.checkpoints(&w, uint8(track))
		}
		w.end(']')
	}
	w.str("currency", o.currency)
	if len(o.lots) > 0 {
		w.priceList("lots", o.lots)
	}
	if least, most, any := priceRange(o.lots); any {
		w.num("from_minor", least)
		w.num("to_minor", most)
	}
	w.num("seq", int64(o.seq))
	w.end('}')
	return w.b
}

// priceRange is the lowest and the highest price of the lots that are not sold out, false if all are.
func priceRange(lots []engine.PromisedPrice) (least, most int64, any bool) {
	least = math.MaxInt64
	for i := range lots {
		if l := &lots[i]; !l.SoldOut {
			least, most, any = min(least, l.TotalMinor), max(most, l.TotalMinor), true
		}
	}
	return least, most, any
}

// checkpoints writes places of a track whose distances from its head grow: the first that waits, the last, and some between.
func (o *outlook) checkpoints(w *jsonWriter, track uint8) {
	t := &o.line.Tracks[track]
	last := uint64(math.MaxUint64)
	for i := range checkpointsMax {
		if t.Waiting == 0 {
			return
		}
		before := uint64(math.Round(math.Pow(float64(t.Waiting), float64(i)/(checkpointsMax-1)))) - 1
		if before == last {
			continue
		}
		last = before
		f := o.forecast(track, before, 1)
		w.comma()
		w.b = append(w.b, '{')
		w.num("place", int64(o.placeOf(t, before)))
		w.str("track", t.Track)
		w.num("ahead", int64(f.ahead))
		told := o.word(f.chance, line.Untold)
		w.numIf("eta_ms", o.etaMs(f.ahead, told))
		w.chance(told, percent(f.chance))
		w.end('}')
	}
}
