package engine

import (
	"fmt"
	"testing"
)

func linkedHold(buyer string, quantity int64, links ...uint64) *Command {
	cmd := hold(buyer, "ga", quantity)
	cmd.Payment = &PaymentCommand{Note: Annotation{Links: links}}
	return cmd
}

// TestBoundsOfLinkedBuyers fills both bounds: nobody is linked beyond them, and whoever tries sets an alarm off.
func TestBoundsOfLinkedBuyers(t *testing.T) {
	spec := testSpec()
	spec.Lots[0].Capacity, spec.Pay.LimitPerLinked = 3*LinkedBuyersMax, LimitMax
	w := newWorld(t, spec)
	for i := range LinkedBuyersMax {
		w.ok(linkedHold(fmt.Sprintf("b%d", i), 1, 7))
	}
	w.ok(linkedHold("other", 1, 8))
	refused := func(cmd *Command) {
		t.Helper()
		var told Signals
		w.e.TakeSignals(&told)
		before := w.e.StateHash()
		if out := w.refused(CodeTooManyLinks, cmd); out.Field != "buyer" {
			t.Errorf("the field is %q", out.Field)
		}
		if w.e.TakeSignals(&told); len(told.Alarms) != 1 || told.Alarms[0].Why != AlarmLinks || w.e.StateHash() != before {
			t.Errorf("alarms are %+v", told.Alarms)
		}
	}
	refused(linkedHold("one", 1, 7))
	refused(linkedHold("other", 1, 7))
	w.ok(linkedHold("b3", 1, 9))
	refused(linkedHold("other", 1, 9))

	var links []uint64
	for i := range uint64(LinksPerBuyerMax) {
		links = append(links, 100+i, 100+i) // a link that is said twice is one
	}
	w.ok(linkedHold("many", 1, links...))
	w.ok(linkedHold("many", 1, links[3], 8)) // nothing of it is new but whom it links to
	refused(linkedHold("many", 1, 99))
	refused(linkedHold("more", 1, append(links, 99)...))
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
	a, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil || a.StateHash() != w.e.StateHash() {
		t.Fatalf("opened %v: %v", a, err)
	}
}

// TestLinkedBuyersCountTogetherInAnyOrder links the same buyers in many orders: who is in which cluster must not depend on it, and the limit sees them all.
func TestLinkedBuyersCountTogetherInAnyOrder(t *testing.T) {
	pairs := [][2]uint64{{1, 2}, {3, 4}, {2, 3}, {5, 6}, {4, 5}}
	for turn := range len(pairs) {
		spec := testSpec()
		spec.Pay.LimitPerLinked = int64(len(pairs))
		w := newWorld(t, spec)
		for i := range pairs {
			p := pairs[(i*2+turn)%len(pairs)]
			w.ok(linkedHold(fmt.Sprintf("b%d", p[0]), 1, p[0], p[1]))
		}
		if out := w.refused(CodeLimitReached, linkedHold("last", 1, 6)); out.Have != 0 {
			t.Errorf("turn %d: %d are left", turn, out.Have)
		}
		w.refused(CodeLimitReached, linkedHold("b1", 2))
		w.ok(linkedHold("b1", 1))
		w.ok(linkedHold("alone", int64(len(pairs))-1, 99))
		replica := New(testKey())
		if err := replica.Fold(&Run{First: 1, At: w.now, Facts: w.facts}); err != nil || replica.StateHash() != w.e.StateHash() {
			t.Fatalf("folded %016x, live %016x: %v", replica.StateHash(), w.e.StateHash(), err)
		}
		if err := replica.Check(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTicketsOfLinkedBuyersAreSummed links buyers before and after they buy, makes one cluster of two, and gives tickets back: the sums are those of one count of all
// clusters, also when the event has slept.
func TestTicketsOfLinkedBuyersAreSummed(t *testing.T) {
	spec := testSpec()
	spec.Lots[0].Capacity, spec.Pay.LimitPerLinked = 100, 100
	w := newWorld(t, spec)
	wants := func(when string, clusters int, units int64) {
		t.Helper()
		if got, want := w.e.linkedTo, (linkedSums{clusters: clusters, units: units}); got != want {
			t.Errorf("%s: %+v, want %+v", when, got, want)
		}
		opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
		if err == nil {
			err = opened.Check()
		}
		if err == nil {
			err = w.e.Check()
		}
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	buys := func(buyer string, quantity int64, links ...uint64) {
		t.Helper()
		held := w.ok(linkedHold(buyer, quantity, links...)).Hold.ID
		w.ok(&Command{Verb: VerbConfirm, Buyer: buyer, Hold: string(AppendHoldID(nil, held, 0)), PaymentRef: "inv-" + buyer})
	}
	buys("anna", 2)
	buys("ben", 1, 1)
	wants("ben is linked to nobody", 0, 0)
	w.ok(linkedHold("anna", 1, 1))
	wants("anna is linked to him after she bought", 1, 3)
	buys("cleo", 4, 2)
	w.ok(linkedHold("dora", 1, 2, 3))
	wants("dora to cleo, and buys nothing", 2, 7)
	w.ok(linkedHold("emil", 1, 4))
	w.ok(linkedHold("fred", 1, 4))
	wants("two who buy nothing", 2, 7)
	w.ok(linkedHold("fred", 1, 2, 1))
	wants("all are one", 1, 7)
	w.ok(&Command{Verb: VerbRefund, Order: "o2", Payment: &PaymentCommand{}})
	wants("ben gives his ticket back", 1, 6)
	w.ok(&Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{}})
	w.ok(&Command{Verb: VerbRefund, Order: "o3", Payment: &PaymentCommand{}})
	wants("all give their tickets back", 0, 0)
}

// BenchmarkLinkedHold is a hold of a buyer who is linked to as many others as may be: each of them is looked at.
func BenchmarkLinkedHold(b *testing.B) {
	spec := testSpec()
	spec.Lots[0].Capacity, spec.LimitPerBuyer, spec.Pay.LimitPerLinked = 1<<20, 0, LimitMax
	w := newWorld(b, spec)
	for i := range LinkedBuyersMax {
		w.ok(linkedHold(fmt.Sprintf("b%d", i), 1, 7))
	}
	cmd := linkedHold("b5", 2, 7)
	b.ResetTimer()
	for i := range b.N {
		w.facts.Reset()
		cmd.RequestID = fmt.Sprintf("q%d", i)
		w.ok(cmd)
	}
}
