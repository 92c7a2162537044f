package measure_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

func eventKey() engine.Key {
	return engine.Key{Account: "shop", Kind: engine.KindEvent, ID: "e1"}
}

// readingOf follows the log of an event with a reader, and compares what it tells with what the event itself says.
type readingOf struct {
	t      *rapid.T
	shell  *enginetest.Shell
	reader *measure.Reader
	read   int // runs
	stock  measure.Stock
	lives  map[engine.HoldID]bool // holds that were told and have not ended
	orders int64
	state  engine.EventState
	copies map[engine.OrderID]engine.Incarnation // of orders, as replies gave them
	each   func(*measure.Entry)                  // sees every entry, too
}

func newReading(t *rapid.T, shell *enginetest.Shell) *readingOf {
	r := &readingOf{t: t, shell: shell, reader: measure.NewReader(), lives: map[engine.HoldID]bool{}, copies: map[engine.OrderID]engine.Incarnation{}}
	shell.Each = func(_ *engine.Command, out *engine.Outcome) {
		if out.Shows&engine.ShowsOrder != 0 {
			r.copies[out.Order.ID] = out.Order.Incarnation
		}
	}
	return r
}

func (r *readingOf) follow() {
	t := r.t
	for ; r.read < len(r.shell.Log); r.read++ {
		run := r.shell.Log[r.read]
		if err := r.reader.Each(run, func(e *measure.Entry) { r.entry(e) }); err != nil {
			t.Fatal(err)
		}
		state := r.reader.AppendState(nil)
		again := measure.NewReader()
		if rest, err := again.ReadState(state); err != nil || len(rest) > 0 {
			t.Fatalf("a state is read again with %v, %d bytes left", err, len(rest))
		}
		if !bytes.Equal(again.AppendState(nil), state) {
			t.Fatal("a state that was read is written with other bytes")
		}
		r.reader = again // whatever comes next has to follow from what was kept
	}
	if n := r.reader.Partial(); n > 0 {
		t.Fatalf("%d facts of a whole log are not told", n)
	}
	if !r.shell.Event.Exists() {
		return
	}
	var none engine.Facts
	out := r.shell.Event.Step(&engine.Command{Verb: engine.VerbGet}, r.shell.Now, &none)
	if out.Code != engine.CodeOK || none.Count > 0 {
		t.Fatalf("the event is not shown: %s", out.Code)
	}
	view := &out.Event
	if got, want := r.stock, stockOf(view); got != want {
		t.Fatalf("after run %d the stock is told as %+v, the event has %+v", r.read, got, want)
	}
	if int64(len(r.lives)) != view.HoldsLive || r.orders != view.Orders || r.state != view.State {
		t.Fatalf("after run %d there are told %d live holds, %d orders, state %s; the event has %d, %d, %s",
			r.read, len(r.lives), r.orders, r.state, view.HoldsLive, view.Orders, view.State)
	}
}

// stockOf counts an event's tickets as the definition says: in the order of the lots, in whole sales, as the pools let.
func stockOf(v *engine.EventView) (s measure.Stock) {
	room, all := map[string]int64{}, map[string]int64{}
	for _, p := range v.Pools {
		room[p.Pool], all[p.Pool] = p.Free, p.Capacity-p.Blocked
	}
	for _, l := range v.Lots {
		s.Held, s.Paying, s.Sold, s.Blocked = s.Held+l.Held, s.Paying+l.Paying, s.Sold+l.Sold, s.Blocked+l.Blocked
		units := max(1, l.Spec.Units)
		take := func(have int64, from map[string]int64) int64 {
			for _, p := range l.Spec.Pools {
				have = min(have, from[p])
			}
			have = max(0, have/units*units)
			for _, p := range l.Spec.Pools {
				from[p] -= have
			}
			return have
		}
		if l.Open {
			s.Free += take(l.Free, room)
		}
		s.Sellable += take(l.Capacity-l.Blocked, all)
	}
	return s
}

func (r *readingOf) entry(e *measure.Entry) {
	t := r.t
	if e.Key != eventKey() {
		t.Fatalf("an entry is about %+v", e.Key)
	}
	if r.each != nil {
		r.each(e)
	}
	switch e.Kind { //nolint:exhaustive // the others are compared elsewhere
	case measure.KindHeld:
		if e.Replaces != 0 {
			r.ended(e.Replaces)
		}
		r.lives[e.Hold] = true
		if e.Units == 0 || e.Person == 0 {
			t.Fatalf("a hold of nothing, or of nobody: %+v", e)
		}
	case measure.KindHoldEnded:
		r.ended(e.Hold)
	case measure.KindOrdered:
		r.orders++
		r.ended(e.Hold)
		r.order(e)
	case measure.KindRefunding:
		var none engine.Facts
		out := r.shell.Event.Step(&engine.Command{Verb: engine.VerbOrder, Order: string(engine.AppendOrderID(nil, e.Order, r.copies[e.Order]))}, r.shell.Now, &none)
		i := slices.IndexFunc(out.Order.Refunds, func(v engine.RefundView) bool { return v.ID == e.Refund })
		if i < 0 || out.Order.Refunds[i].AmountMinor != e.AmountMinor || out.Order.Refunds[i].ByBuyer != e.ByBuyer {
			t.Fatalf("refund %d of order %d over %d is shown as %+v", e.Refund, e.Order, e.AmountMinor, out.Order.Refunds)
		}
	case measure.KindState:
		r.state = e.State
	case measure.KindStock:
		r.stock = e.Stock
	case measure.KindEventSet:
		if r.state == 0 {
			r.state = engine.EventDraft
		}
	}
}

func (r *readingOf) ended(id engine.HoldID) {
	if !r.lives[id] {
		r.t.Fatalf("hold %d ends that is not live", id)
	}
	delete(r.lives, id)
}

// order compares an order with what the event shows of it.
func (r *readingOf) order(e *measure.Entry) {
	var none engine.Facts
	name := string(engine.AppendOrderID(nil, e.Order, r.copies[e.Order]))
	out := r.shell.Event.Step(&engine.Command{Verb: engine.VerbOrder, Order: name}, r.shell.Now, &none)
	if out.Code != engine.CodeOK {
		r.t.Fatalf("order %s is not shown: %s", name, out.Code)
	}
	o := &out.Order
	want := measure.Money{TotalMinor: o.TotalMinor}
	for i := range o.Items {
		it := &o.Items[i]
		want.FaceMinor += it.Quantity * it.FaceMinor
		want.TaxMinor += it.Quantity * it.TaxMinor
		for _, fee := range it.Fees {
			want.FeesMinor += it.Quantity * fee.Minor
		}
	}
	if e.Money != want || e.Units != o.Tickets || e.Hold != o.Hold || e.Purchase != o.Purchase || e.Person != measure.PersonOf("shop", o.Buyer) {
		r.t.Fatalf("order %s is told as %+v of %d tickets, hold %d, purchase %d; it is %+v", name, e.Money, e.Units, e.Hold, e.Purchase, o)
	}
}

func TestEntriesSayWhatTheEventSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dice := enginetest.RapidDice(t)
		shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
		twin := enginetest.NewTwin(shell)
		r := newReading(t, shell)
		note := shell.Each
		shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
			note(cmd, out)
			twin.Model.Step(cmd, shell.Now, out)
		}
		g := enginetest.NewGenerator(dice, shell, twin.Model)
		for range 60 {
			if err := g.Turn(); err != nil {
				t.Fatal(err)
			}
			r.follow()
		}
	})
}
