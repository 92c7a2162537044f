package transport

import (
	"context"
	"math"
	"sort"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// report is an event's line with what only those who run it are shown: why so many may shop, how far the tickets last, who waits for freed ones, and how fair it was. Of an
// event without a line it says that there is none, as whoever looks at events one after the other wants to know that too.
func (l *linesSide) report(ctx context.Context, event string) ([]byte, *refusal) {
	r := newLineRead(l.server.config.Account, event)
	r.commands[0].Line = &engine.LineCommand{Fairness: true}
	if ref := l.ask(ctx, &r.Request, r.done); ref != nil {
		return nil, ref
	}
	if r.code != engine.CodeOK {
		return nil, &refusal{code: r.code, field: "event", text: "there is no event " + event}
	}
	now := time.Now()
	if r.seen == nil {
		w := jsonWriter{b: []byte{'{'}}
		w.num("at_ms", now.UnixMilli())
		w.str("event", event)
		w.end('}')
		return w.b, nil
	}
	perMin, pace := int64(0), int64(0)
	if o := l.outlook(event); o != nil {
		perMin, pace = o.perMin, o.pace
	}
	r.seen.prepare(now, perMin, pace)
	return r.seen.appendReport(nil), nil
}

// appendReport appends what appendNow does, with a report.
func (o *outlook) appendReport(dst []byte) []byte {
	dst = o.appendNow(dst)
	w := jsonWriter{b: dst[:len(dst)-1]} // without the closing brace
	if o.opensAt > 0 {
		w.num("opens_at_ms", int64(o.opensAt)/int64(time.Millisecond))
	}
	if o.sale != nil {
		w.room(&o.line)
		if last, all := o.lastsTo(); !all {
			w.num("lasts_to", int64(last))
		}
	}
	if o.list != (engine.ListView{}) {
		w.waitingList(&o.list)
	}
	w.end('}')
	return w.b
}

// room writes how many more may shop, and what keeps others out. What is no bound is left out.
func (w *jsonWriter) room(v *engine.LineView) {
	r := &v.Room
	w.object("room")
	w.num("free", int64(v.Admission.Free))
	w.num("held", int64(v.Admission.Held))
	w.num("supply", clamped(r.Supply))
	w.num("promised", clamped(r.Promised))
	w.num("by_stock", int64(r.ByStock))
	if r.LaneLeft != math.MaxUint32 {
		w.num("by_lane", int64(r.LaneLeft))
	}
	if r.MaxLeft != math.MaxUint32 {
		w.num("by_max", int64(r.MaxLeft))
	}
	w.num("grant", int64(r.Grant))
	w.str("bound", r.Bound.String())
	w.end('}')
}

func clamped(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

// likely is the chance from which on a ticket is more likely than not.
const likely = 0.5

// lastsTo is the last place of the fullest track whose chance of a ticket is one half or more, its served mark if there is none; all if that is everybody who waits.
func (o *outlook) lastsTo() (last line.Place, all bool) {
	track := 0
	for i := range o.line.Tracks {
		if o.line.Tracks[i].Waiting > o.line.Tracks[track].Waiting {
			track = i
		}
	}
	t := &o.line.Tracks[track]
	n := sort.Search(int(t.Waiting), func(before int) bool { return o.forecast(uint8(track), uint64(before), 1).chance < likely })
	switch {
	case int64(n) == t.Waiting:
		return 0, true
	case n == 0:
		return t.Served, false
	}
	return o.placeOf(t, uint64(n-1)), false
}

// placeOf is about the place of a track with so many of it before, as those who wait in it are taken to lie evenly.
func (o *outlook) placeOf(t *engine.TrackView, before uint64) line.Place {
	spread := max(uint64(o.line.Joined), uint64(t.Served)+1) - uint64(t.Served)
	return t.Served + 1 + line.Place(before*spread/uint64(t.Waiting))
}
