package transport

import (
	"encoding/hex"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// The encoders of what the line shows: places, the line itself, and the waiting list.

// lineViews are the views that this file writes.
const lineViews = engine.ShowsPlace | engine.ShowsLine | engine.ShowsWaiter

// lineSpecOf is what an event was told about its line; nil if nothing.
func lineSpecOf(e *engine.EventView) *engine.LineSpec {
	if e.Spec == nil {
		return nil
	}
	return e.Spec.Line
}

// JSON.

func (w *jsonWriter) lineViews(out *engine.Outcome) {
	if out.Shows&engine.ShowsPlace != 0 {
		w.object("place")
		w.place(out.Place)
		w.placeEnd = len(w.b)
		w.end('}')
	}
	if out.Shows&engine.ShowsLine != 0 {
		w.line(out.Line, nil)
	}
	if out.Shows&engine.ShowsWaiter != 0 {
		w.waiter(out.Waiter)
	}
}

// hash writes a hash in hexadecimal.
func (w *jsonWriter) hash(name string, h line.Hash) {
	w.key(name)
	w.b = append(w.b, '"')
	w.b = append(hex.AppendEncode(w.b, h[:]), '"')
}

func (w *jsonWriter) place(p *engine.PlaceView) {
	w.str("event", p.Event)
	w.str("buyer", p.Buyer)
	w.num("entry", int64(p.Entry))
	w.numIf("place", int64(p.Place))
	w.str("state", p.State.String())
	if p.Absent {
		w.flag("absent", true)
	}
	w.time("until", p.Until)
	w.prices(p.Prices)
	w.str("track", p.Track)
	w.numIf("wants", p.Wants)
	if p.InLobby {
		w.hash("leaf", p.Leaf)
	}
}

func (w *jsonWriter) prices(prices []engine.PromisedPrice) {
	if len(prices) > 0 {
		w.priceList("prices", prices)
	}
}

func (w *jsonWriter) priceList(name string, prices []engine.PromisedPrice) {
	w.list(name)
	for i := range prices {
		w.comma()
		w.b = append(w.b, '{')
		w.str("lot", prices[i].Lot)
		if w.num("total_minor", prices[i].TotalMinor); prices[i].SoldOut {
			w.flag("sold_out", true)
		}
		w.end('}')
	}
	w.end(']')
}

// line writes a line, with what the event was told about it if that is at hand.
func (w *jsonWriter) line(l *engine.LineView, spec *engine.LineSpec) {
	w.object("line")
	w.str("mode", l.Mode.String())
	w.str("phase", l.Phase.String())
	if l.Committed {
		w.hash("commit", l.Commit)
	}
	if l.Phase >= engine.LineClosed && l.Root != (line.Hash{}) {
		w.hash("root", l.Root)
	}
	w.num("entries", l.Entries)
	w.str("value", l.Value)
	if l.Revealed {
		w.hash("seed", line.Hash(l.Seed))
	}
	w.num("joined", l.Joined)
	w.num("waiting", l.Waiting)
	w.num("skipped", l.Skipped)
	w.num("admitted", l.Admitted)
	w.num("spent", l.Spent)
	w.num("lapsed", l.Lapsed)
	w.num("gone", l.Gone)
	w.num("left", l.Left)
	w.numIf("served", int64(l.Served))
	w.numIf("lane_per_min", l.PerMin)
	w.tracks(l.Tracks)
	if l.LeavesFrom != 0 {
		w.num("leaves_from", int64(l.LeavesFrom))
		w.list("leaves")
		for i := range l.Leaves {
			w.comma()
			w.b = append(w.b, '"')
			w.b = append(hex.AppendEncode(w.b, l.Leaves[i][:]), '"')
		}
		w.end(']')
	}
	if spec != nil {
		w.time("lobby_at", spec.LobbyAt)
		w.num("pass_ttl_ms", spec.PassTTLMs)
		w.num("grace_ms", spec.GraceMs)
		w.numIf("shoppers_max", spec.ShoppersMax)
		if spec.DrawValue {
			w.flag("draw_value", true)
		}
		w.num("offer_ttl_ms", spec.OfferTTLMs)
		w.num("aside_ms", spec.AsideMs)
	}
	w.numIf("overtaken", l.Overtaken)
	if l.Fairness != nil {
		w.fairness(l)
	}
	w.end('}')
}

func (w *jsonWriter) fairness(l *engine.LineView) {
	f := l.Fairness
	w.object("fairness")
	w.key("all")
	w.fairTrack("", &f.All)
	w.list("tracks")
	for i := range f.Tracks {
		w.comma()
		w.fairTrack(l.Tracks[min(i, len(l.Tracks)-1)].Track, &f.Tracks[i])
	}
	w.end(']')
	w.num("tickets", int64(f.Tickets))
	w.num("linked", int64(f.Linked))
	w.num("most_linked", int64(f.MostLinked))
	w.num("standard_shopped", int64(f.Flows[line.Standard].Shopped))
	w.num("standard_ordered", int64(f.Flows[line.Standard].Ordered))
	w.num("one_click_shopped", int64(f.Flows[line.OneClick].Shopped))
	w.num("one_click_ordered", int64(f.Flows[line.OneClick].Ordered))
	w.num("difference_bp", basisPoints(f.Difference))
	w.num("error_bp", basisPoints(f.Error))
	w.end('}')
}

func (w *jsonWriter) fairTrack(name string, t *line.FairTrack) {
	w.b = append(w.b, '{')
	w.str("track", name)
	w.num("joined", int64(t.Joined))
	w.num("served", int64(t.Served))
	w.num("share_bp", basisPoints(t.Share))
	w.num("no_shows", int64(t.NoShows))
	w.num("left", int64(t.Left))
	w.num("ordered", int64(t.Ordered))
	w.num("overtook", int64(t.Overtook))
	w.num("p50_ms", int64(t.P50Ms))
	w.num("p90_ms", int64(t.P90Ms))
	w.num("p99_ms", int64(t.P99Ms))
	w.num("max_ms", int64(t.MaxMs))
	w.end('}')
}

// basisPoints is a share in hundredths of a percent.
func basisPoints(share float64) int64 { return int64(math.Round(10_000 * share)) } //nolint:mnd // of all

func (w *jsonWriter) tracks(tracks []engine.TrackView) {
	if len(tracks) == 0 {
		return
	}
	w.list("tracks")
	for i := range tracks {
		t := &tracks[i]
		w.comma()
		w.b = append(w.b, '{')
		w.str("track", t.Track)
		w.num("share_bp", t.ShareBp)
		w.num("waiting", t.Waiting)
		w.num("granted", t.Granted)
		w.numIf("served", int64(t.Served))
		if t.CodeOnly {
			w.flag("code_only", true)
		}
		w.end('}')
	}
	w.end(']')
}

func (w *jsonWriter) waiter(v *engine.WaiterView) {
	w.object("waiter")
	w.str("event", v.Event)
	w.str("buyer", v.Buyer)
	w.num("waiter", v.Waiter)
	w.str("state", v.State.String())
	w.numIf("ahead", v.Ahead)
	if v.Hold != 0 {
		idOf(w, "hold", engine.AppendHoldID, v.Hold, v.HoldIn)
	}
	w.time("until", v.Until)
	w.list("wishes")
	for i := range v.Wishes {
		wish := &v.Wishes[i]
		w.comma()
		w.b = append(w.b, '{')
		w.str("lot", wish.Lot)
		w.num("quantity", wish.Quantity)
		if wish.Together {
			w.flag("together", true)
		}
		if wish.Off {
			w.flag("off", true)
		}
		w.end('}')
	}
	w.end(']')
	if v.HasMax {
		w.num("max_price_minor", v.MaxMinor)
	}
	if v.AutoBuy {
		w.flag("auto_buy", true)
	}
	w.str("method", v.Method)
	w.str("agreement", v.Agreement)
	w.end('}')
}

func (w *jsonWriter) waitingList(l *engine.ListView) {
	w.object("waiting_list")
	w.num("waiting", l.Waiting)
	w.num("offered", l.Offered)
	w.num("bought", l.Bought)
	w.num("lapsed", l.Lapsed)
	w.num("released", l.Released)
	w.num("unpaid", l.Unpaid)
	w.num("left", l.Left)
	w.num("took", l.Took)
	w.num("unfit", l.Unfit)
	w.end('}')
}

// Protobuf.

func (w *protoWriter) lineViews(out *engine.Outcome) {
	if out.Shows&engine.ShowsPlace != 0 {
		w.placed.tag = len(w.b)
		from := w.open(placeField)
		w.place(out.Place)
		size := len(w.b) - from
		w.close(from)
		w.placed.body, w.placed.end = len(w.b)-size, len(w.b)
	}
	if out.Shows&engine.ShowsLine != 0 {
		w.line(18, out.Line, nil)
	}
	if out.Shows&engine.ShowsWaiter != 0 {
		w.waiter(19, out.Waiter)
	}
}

func (w *protoWriter) hash(num int, h line.Hash) {
	w.tag(num, protowire.BytesType)
	w.b = append(w.b, 2*line.HashLen)
	w.b = hex.AppendEncode(w.b, h[:])
}

func (w *protoWriter) place(p *engine.PlaceView) {
	w.str(1, p.Event)
	w.str(2, p.Buyer)
	w.num(3, int64(p.Entry))
	w.num(4, int64(p.Place))
	w.str(5, p.State.String())
	w.flag(6, p.Absent)
	w.time(7, p.Until)
	w.prices(8, p.Prices)
	w.str(9, p.Track)
	w.num(10, p.Wants)
	if p.InLobby {
		w.hash(11, p.Leaf)
	}
}

func (w *protoWriter) prices(num int, prices []engine.PromisedPrice) {
	for i := range prices {
		from := w.open(num)
		w.str(1, prices[i].Lot)
		w.num(2, prices[i].TotalMinor)
		w.flag(3, prices[i].SoldOut)
		w.close(from)
	}
}

func (w *protoWriter) line(num int, l *engine.LineView, spec *engine.LineSpec) {
	from := w.open(num)
	w.str(1, l.Mode.String())
	w.str(2, l.Phase.String())
	if l.Committed {
		w.hash(3, l.Commit)
	}
	if l.Phase >= engine.LineClosed && l.Root != (line.Hash{}) {
		w.hash(4, l.Root)
	}
	w.num(5, l.Entries)
	w.str(6, l.Value)
	if l.Revealed {
		w.hash(7, line.Hash(l.Seed))
	}
	w.num(8, l.Joined)
	w.num(9, l.Waiting)
	w.num(10, l.Skipped)
	w.num(11, l.Admitted)
	w.num(12, l.Spent)
	w.num(13, l.Lapsed)
	w.num(14, l.Gone)
	w.num(15, l.Left)
	w.num(16, int64(l.Served))
	w.num(17, l.PerMin)
	for i := range l.Tracks {
		t := &l.Tracks[i]
		track := w.open(18)
		w.str(1, t.Track)
		w.num(2, t.ShareBp)
		w.num(3, t.Waiting)
		w.num(4, t.Granted)
		w.num(5, int64(t.Served))
		w.flag(6, t.CodeOnly)
		w.close(track)
	}
	if l.LeavesFrom != 0 {
		w.num(19, int64(l.LeavesFrom))
		for i := range l.Leaves {
			w.hash(20, l.Leaves[i])
		}
	}
	if spec != nil {
		w.time(21, spec.LobbyAt)
		w.num(22, spec.PassTTLMs)
		w.num(23, spec.GraceMs)
		w.num(24, spec.ShoppersMax)
		w.flag(25, spec.DrawValue)
		w.num(26, spec.OfferTTLMs)
		w.num(27, spec.AsideMs)
	}
	w.num(28, l.Overtaken)
	if l.Fairness != nil {
		w.fairness(29, l)
	}
	w.close(from)
}

func (w *protoWriter) fairness(num int, l *engine.LineView) {
	f := l.Fairness
	from := w.open(num)
	w.fairTrack(1, "", &f.All)
	for i := range f.Tracks {
		w.fairTrack(2, l.Tracks[min(i, len(l.Tracks)-1)].Track, &f.Tracks[i])
	}
	standard, oneClick := &f.Flows[line.Standard], &f.Flows[line.OneClick]
	for i, n := range [...]uint64{f.Tickets, f.Linked, f.MostLinked, standard.Shopped, standard.Ordered, oneClick.Shopped, oneClick.Ordered} {
		w.num(3+i, int64(n))
	}
	w.num(10, basisPoints(f.Difference))
	w.num(11, basisPoints(f.Error))
	w.close(from)
}

func (w *protoWriter) fairTrack(num int, name string, t *line.FairTrack) {
	from := w.open(num)
	w.str(1, name)
	w.num(2, int64(t.Joined))
	w.num(3, int64(t.Served))
	w.num(4, basisPoints(t.Share))
	for i, n := range [...]uint64{t.NoShows, t.Left, t.Ordered, t.Overtook, t.P50Ms, t.P90Ms, t.P99Ms, t.MaxMs} {
		w.num(5+i, int64(n))
	}
	w.close(from)
}

func (w *protoWriter) waiter(num int, v *engine.WaiterView) {
	from := w.open(num)
	w.str(1, v.Event)
	w.str(2, v.Buyer)
	w.num(3, v.Waiter)
	w.str(4, v.State.String())
	w.num(5, v.Ahead)
	if v.Hold != 0 {
		protoID(w, 6, engine.AppendHoldID, v.Hold, v.HoldIn)
	}
	w.time(7, v.Until)
	for i := range v.Wishes {
		wish := w.open(8)
		w.str(1, v.Wishes[i].Lot)
		w.num(2, v.Wishes[i].Quantity)
		w.flag(3, v.Wishes[i].Together)
		w.flag(4, v.Wishes[i].Off)
		w.close(wish)
	}
	w.numGiven(9, v.MaxMinor, v.HasMax)
	w.flag(10, v.AutoBuy)
	w.str(11, v.Method)
	w.str(12, v.Agreement)
	w.close(from)
}

func (w *protoWriter) waitingList(num int, l *engine.ListView) {
	from := w.open(num)
	for i, n := range [...]int64{l.Waiting, l.Offered, l.Bought, l.Lapsed, l.Released, l.Unpaid, l.Left, l.Took, l.Unfit} {
		w.num(i+1, n)
	}
	w.close(from)
}
