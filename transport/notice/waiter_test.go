package notice_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/notice"
)

func waits(buyer string, maxPrice int64, wishes ...engine.Wish) engine.Command {
	return engine.Command{Verb: engine.VerbWait, Buyer: buyer, MaxPrice: maxPrice, Line: &engine.LineCommand{Wishes: wishes}}
}

// waitingList plays what becomes of those who wait for the tickets of an event that is sold out: b1 is offered two seats and lets them go, b2 gives up, the price goes
// up beyond what b3 would pay, and what b4 agreed to cannot be charged any more.
func waitingList(t *testing.T, h *theatre, event string) {
	t.Helper()
	spec := night()
	spec.Lots[0].Capacity, spec.Lots[0].Units = 2, 1
	h.do(t, event, engine.Command{Verb: engine.VerbCreate, Spec: spec})
	h.do(t, event, hold("z", engine.Item{Lot: "ga", Quantity: 2}), confirm("z", "h1"))
	h.do(t, event, hold("y", engine.Item{Lot: "stalls", Quantity: 2}))
	h.do(t, event, waits("b1", 0, engine.Wish{Lot: "stalls", Quantity: 2, Together: true}, engine.Wish{Lot: "ga", Quantity: 2}))
	h.do(t, event, waits("b2", 0, engine.Wish{Lot: "ga", Quantity: 1}))
	h.do(t, event, waits("b3", 4750, engine.Wish{Lot: "ga", Quantity: 1}))
	agreed := waits("b4", 5000, engine.Wish{Lot: "ga", Quantity: 1})
	agreed.Line.AutoBuy, agreed.Payment = true, &engine.PaymentCommand{Note: card()}
	agreed.Payment.Note.Method, agreed.Payment.Note.Agreement = "private-card", "private-terms"
	h.do(t, event, agreed)
	h.do(t, event, engine.Command{Verb: engine.VerbLeave, Buyer: "b2", Line: &engine.LineCommand{List: true}})
	h.do(t, event, engine.Command{Verb: engine.VerbRelease, Buyer: "y", Hold: "h2"}) // to b1
	h.do(t, event, engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 4600, Set: engine.SetLotFace}}}})
	h.do(t, event, engine.Command{Verb: engine.VerbCapacity, Lot: "ga", Quantity: 3}) // not to b3, to b4
	gone := &engine.PaymentCommand{Auto: true, Note: card()}
	gone.Note.Method, gone.Note.MethodWhy = "private-card", engine.EligibleExpired
	h.step(t, event, engine.CodeMethodUnusable, engine.Command{Verb: engine.VerbBuy, Buyer: "b4", Hold: "h4", Payment: gone})
	h.now += 300e9
	h.do(t, event, engine.Command{Verb: engine.VerbExpire})
}

// TestTheWaitingListIsTold reads what is told of a waiting list as it happens.
func TestTheWaitingListIsTold(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	r := reader(h, streams(t, nc), newRing())
	r.Now = func() time.Time { return time.Unix(int64(start/1e9), 0) } // before all of it: nothing is late
	waitingList(t, h, "night-one")
	h.do(t, "night-one", engine.Command{Verb: engine.VerbClose})
	run(t, r)
	var said []string
	for _, v := range take(t, nc, ofKind(notice.EventClosed)) {
		if strings.Contains(string(v.body), "private") {
			t.Errorf("what is to be charged is told: %s", v.body)
		}
		w := v.Data.Waiter
		if w == nil {
			continue
		}
		text := fmt.Sprintf("%s %s %d %s", kindOf(&v), v.Data.Buyer, w.Waiter, w.State)
		if w.Wish != nil {
			text += fmt.Sprintf(", %d %s", w.Wish.Quantity, w.Wish.Lot)
		}
		if w.Why != "" {
			text += ", " + w.Why
		}
		if v.Data.Hold != nil {
			text += fmt.Sprintf(", %s %s until %d", v.Data.Hold.ID, v.Data.Hold.State, w.Until.Unix()-int64(start/1e9))
		}
		if said = append(said, text); v.Subject != fmt.Sprint(w.Waiter) || v.ID != v.msgID || (v.Data.RequestID != "") != (kindOf(&v) == notice.WaiterLeft) || w.AutoBuy != (v.Data.Buyer == "b4") {
			t.Errorf("%s is told as %+v", text, v)
		}
	}
	want := []string{ // read when it was over: the state is what became of them
		"waiter.left b2 2 left", "waiter.offered b1 1 lapsed, 2 stalls, h3 expired until 300", "waiter.unfit b3 3 unfit, 1 ga, price_exceeded",
		"waiter.offered b4 4 unpaid, 1 ga, h4 released until 300", "waiter.unpaid b4 4 unpaid, method_unusable",
	}
	if !slices.Equal(said, want) {
		t.Fatalf("told %q, want %q", said, want)
	}
}

// TestAnOfferIsToldWithWhatItCosts reads an offer while it lasts: a restart of the engine comes between the offer and its notice, and moves its end.
func TestAnOfferIsToldWithWhatItCosts(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	h.do(t, "night-one", engine.Command{Verb: engine.VerbCreate, Spec: night()})
	h.do(t, "night-one", hold("y", engine.Item{Lot: "stalls", Quantity: 2}))
	h.do(t, "night-one", waits("b1", 0, engine.Wish{Lot: "stalls", Quantity: 2, Together: true}))
	h.do(t, "night-one", engine.Command{Verb: engine.VerbRelease, Buyer: "y", Hold: "h1"})
	const outage = 60
	h.now += outage * 1e9
	h.do(t, "night-one", engine.Command{Verb: engine.VerbResume, Down: outage * 1e9})
	run(t, reader(h, streams(t, nc), newRing()))
	all := take(t, nc, ofKind(notice.WaiterOffered))
	d := all[len(all)-1].Data
	if len(all) != 1 || d.Buyer != "b1" || d.Event.Name != "Night One" || d.Waiter.State != "offered" || !d.Waiter.Wish.Together || d.Waiter.Until.Unix() != int64(start/1e9)+300+outage {
		t.Fatalf("told %+v %+v", all, d.Waiter)
	}
	if o := d.Hold; o == nil || o.ID != "h2" || o.State != "held" || *o.TotalMinor != 18000 || o.Currency != "EUR" || len(o.Items) != 1 || len(o.Items[0].Seats) != 2 {
		t.Fatalf("the hold is told as %+v", d.Hold)
	}
}

// falls publishes up to the first notice of a kind, and nothing more: that one is kept without an answer, or is not.
type falls struct {
	notice.Publisher
	of     notice.Kind
	kept   bool
	fallen chan struct{}
	once   sync.Once
}

func (f *falls) Publish(ctx context.Context, n *notice.Notice) (err error) {
	if n.Kind != f.of {
		return f.Publisher.Publish(ctx, n)
	}
	if f.kept {
		err = f.Publisher.Publish(ctx, n)
	}
	f.once.Do(func() { close(f.fallen) })
	<-ctx.Done()
	return errors.Join(err, ctx.Err())
}

// TestAnOfferIsToldThoughTheReaderFell ends a reader between the fact and its notice, and another between the notice and the cursor: the offer is told, and once.
func TestAnOfferIsToldThoughTheReaderFell(t *testing.T) {
	t.Parallel()
	h := newTheatre()
	_, nc := house(t)
	for i, kept := range []bool{false, true} {
		event := fmt.Sprintf("night-%d", i)
		f := &falls{Publisher: streams(t, nc), of: notice.WaiterOffered, kept: kept, fallen: make(chan struct{})}
		stop := run(t, reader(h, f, newRing()))
		waitingList(t, h, event)
		<-f.fallen
		stop()
		stop = run(t, reader(h, streams(t, nc), newRing())) // knows no more than the cursor
		h.do(t, event, engine.Command{Verb: engine.VerbClose})
		offered := map[string]int{}
		for _, v := range take(t, nc, func(v *told) bool { return ofKind(notice.EventClosed)(v) && v.Data.Event.ID == event }) {
			if v.Data.Event.ID == event && kindOf(&v) == notice.WaiterOffered {
				offered[v.Data.Buyer]++
			}
		}
		if stop(); len(offered) != 2 || offered["b1"] != 1 || offered["b4"] != 1 {
			t.Errorf("kept %t: the offers are told %v times", kept, offered)
		}
	}
}
