package engine

import (
	"strconv"
	"testing"
)

// keptFor is an event with one free ticket, which is kept for somebody who waits for three of four and was passed over too often; small waits for one.
func keptFor(t *testing.T) *world {
	t.Helper()
	w := soldOut(t, Limits{})
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 4})
	w.ok(hold("two", "ga", 2))
	w.ok(&Command{Verb: VerbConfirm, Buyer: "two", Hold: "h2", PaymentRef: "inv-2"})
	w.ok(waits("large", Wish{Lot: "ga", Quantity: 3}))
	w.passOver("ga", PassedOverMax)
	w.ok(waits("small", Wish{Lot: "ga", Quantity: 1}))
	w.settleAll()
	w.waiter("small", WaitWaiting)
	return w
}

// passOver lets strangers take a ticket and give it back, so many times.
func (w *world) passOver(lot string, times int) {
	w.t.Helper()
	for i := range times {
		buyer := "p" + strconv.Itoa(i)
		w.ok(hold(buyer, lot, 1))
		w.ok(&Command{Verb: VerbRelease, Buyer: buyer, Hold: holdText(w.e.holdLast)})
	}
}

// waiter checks where somebody on the waiting list is.
func (w *world) waiter(buyer string, want WaitState) {
	w.t.Helper()
	if got := w.ok(about(VerbPlace, buyer)).Waiter.State; got != want {
		w.t.Errorf("%s is %s, not %s", buyer, got, want)
	}
}

// TestWhenTicketsAreKeptNoLongerWhoWaitsIsFirst lets the time of keeping end, and somebody else's command come before the shell has said that it is over: a
// stranger who wants the ticket, or a fact about something else, after which the event has to ask for another look.
func TestWhenTicketsAreKeptNoLongerWhoWaitsIsFirst(t *testing.T) {
	for name, first := range map[string]func(w *world){
		"a stranger": func(w *world) { w.refused(CodeSoldOut, hold("x", "ga", 1)) },
		"other news": func(w *world) { w.ok(&Command{Verb: VerbBlock, Lot: "stalls", Seats: []string{"A/1/1"}}) },
		"the shell": func(w *world) {
			if at, ok := w.e.NextDeadline(); !ok || at > w.now {
				t.Errorf("the event wants to be woken at %d, %t", at, ok)
			}
			w.ok(&Command{Verb: VerbExpire})
		},
		"a sleep": func(w *world) {
			opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
			if err != nil {
				t.Fatal(err)
			}
			w.e = opened.(*Event)
			w.refused(CodeSoldOut, hold("x", "ga", 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := keptFor(t)
			w.t = t
			w.now += asideDefault * 1e6
			first(w)
			w.settleAll()
			w.waiter("small", WaitOffered)
		})
	}
}

// TestWhoWaitsIsServedOnceThereIsRoomForAHold fills the table of holds: tickets are free, and nobody can be offered any until another hold is paid.
func TestWhoWaitsIsServedOnceThereIsRoomForAHold(t *testing.T) {
	w := soldOut(t, Limits{Holds: 2})
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 3})
	w.ok(hold("a", "ga", 1))
	w.ok(hold("b", "ga", 1))
	w.ok(waits("c", Wish{Lot: "ga", Quantity: 1}))
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 4})
	w.settleAll()
	w.waiter("c", WaitWaiting)
	w.ok(&Command{Verb: VerbConfirm, Buyer: "a", Hold: "h2", PaymentRef: "inv-1"})
	w.settleAll()
	w.waiter("c", WaitOffered)
}

// TestNothingIsKeptForWhatCannotBe waits for more than a lot or its pool has, or has once some of it is blocked, and is passed over: nothing is kept, until there
// is more.
func TestNothingIsKeptForWhatCannotBe(t *testing.T) {
	spec := testSpec()
	spec.Pools = []PoolSpec{{Pool: "hall", Capacity: 8}}
	spec.Lots = []LotSpec{{Lot: "alone", Capacity: 8}, {Lot: "in", Capacity: 20, Pools: []string{"hall"}}, {Lot: "other", Capacity: 8, Pools: []string{"hall"}}}
	spec.LimitPerBuyer = 0
	for _, lot := range []string{"alone", "in"} {
		w := newWorld(t, spec)
		more := &Command{Verb: VerbCapacity, Lot: lot, Quantity: 12}
		if lot == "in" {
			more.Lot, more.Pool = "", "hall"
		}
		w.ok(waits("large", Wish{Lot: lot, Quantity: 9}))
		w.ok(hold("x", lot, 2))
		w.passOver(lot, 2*PassedOverMax)
		w.ok(more)
		w.waiter("large", WaitOffered)

		// One that fits is kept for, until some is blocked.
		w = newWorld(t, spec)
		w.ok(hold("x", lot, 2))
		w.ok(waits("large", Wish{Lot: lot, Quantity: 8}))
		w.passOver(lot, PassedOverMax)
		w.refused(CodeSoldOut, hold("y", lot, 1))
		w.ok(waits("small", Wish{Lot: lot, Quantity: 3}))
		w.waiter("small", WaitWaiting)
		w.ok(&Command{Verb: VerbBlock, Lot: lot, Quantity: 1})
		if lot == "in" {
			w.ok(&Command{Verb: VerbBlock, Lot: "other", Quantity: 1})
		}
		w.settleAll()
		w.waiter("small", WaitOffered)
	}
}

// TestNobodyWaitsForWhatRulesForbid asks for too few, too many, and seats side by side that no row has.
func TestNobodyWaitsForWhatRulesForbid(t *testing.T) {
	spec := testSpec()
	spec.LimitPerBuyer, spec.LimitPerOrder = 12, 6
	spec.Lots[0].MinOrder, spec.Lots[0].MaxOrder = 2, 3
	spec.Lots = append(spec.Lots, LotSpec{Lot: "packs", Capacity: 8, Units: 4}, LotSpec{Lot: "rows", Rows: []RowSpec{{Section: "B", Row: "1", Seats: 3}, {Section: "B", Row: "2", Seats: 4}}})
	w := newWorld(t, spec)
	for _, c := range []struct {
		wish Wish
		code Code
	}{
		{Wish{Lot: "ga", Quantity: 1}, CodeBelowMinimum},
		{Wish{Lot: "ga", Quantity: 4}, CodeAboveMaximum},
		{Wish{Lot: "packs", Quantity: 2}, CodeAboveMaximum},
		{Wish{Lot: "rows", Quantity: 5, Together: true}, CodeNotTogether},
		{Wish{Lot: "rows", Quantity: 5}, CodeOK},
		{Wish{Lot: "rows", Quantity: 4, Together: true}, CodeOK},
	} {
		w.refused(c.code, waits("b"+strconv.Itoa(w.last), Wish{Lot: "stalls", Quantity: 2}, c.wish))
	}
	for range 2 {
		w.ok(&Command{Verb: VerbHold, Buyer: "b", Items: []Item{{Lot: "stalls", Quantity: 5}}})
		w.ok(&Command{Verb: VerbConfirm, Buyer: "b", Hold: holdText(w.e.holdLast), PaymentRef: "inv"})
	}
	w.refused(CodeLimitReached, waits("b", Wish{Lot: "stalls", Quantity: 3}))
	w.ok(waits("b", Wish{Lot: "stalls", Quantity: 2}))
}

// TestWhoIsNotFirstAnyMoreIsCountedAnew lets somebody who has paid too late come before one who was passed over, and go again: an event that slept in between
// counts the same.
func TestWhoIsNotFirstAnyMoreIsCountedAnew(t *testing.T) {
	w := soldOut(t, Limits{})
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 5})
	w.ok(hold("late", "ga", 3))
	w.now += 130 * second
	w.ok(&Command{Verb: VerbExpire})
	w.ok(hold("two", "ga", 2))
	w.ok(&Command{Verb: VerbConfirm, Buyer: "two", Hold: "h3", PaymentRef: "inv-2"})
	w.ok(waits("large", Wish{Lot: "ga", Quantity: 3}))
	w.passOver("ga", 5)
	w.refused(CodeLateNotPossible, &Command{Verb: VerbConfirm, Buyer: "late", Hold: "h2", PaymentRef: "inv-3", Payment: &PaymentCommand{Late: true}})
	w.waiter("late", WaitWaiting)
	opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	slept := &world{t: t, e: opened.(*Event), now: w.now, last: w.last}
	for _, each := range []*world{w, slept} {
		each.ok(&Command{Verb: VerbLeave, Buyer: "late", Line: &LineCommand{List: true}})
		each.passOver("ga", 1)
	}
	if slept.e.StateHash() != w.e.StateHash() {
		t.Error("the event that slept is another one")
	}
}

// BenchmarkALookAtAllKinds is what it costs that a seat becomes free where as many kinds of wishes as there may be are for seats side by side, and none are.
func BenchmarkALookAtAllKinds(b *testing.B) {
	spec := testSpec()
	spec.Lots, spec.LimitPerBuyer = nil, 0
	for i := range WishKindsMax / (WishQuantityMax - 1) {
		spec.Lots = append(spec.Lots, LotSpec{Lot: "l" + strconv.Itoa(i), Rows: []RowSpec{{Section: "A", Row: "1", Seats: 80}}})
	}
	w := &world{t: b, e: New(testKey()), now: start}
	w.ok(&Command{Verb: VerbCreate, Spec: spec})
	for _, lot := range spec.Lots {
		var seats []string
		for n := 1; n < 80; n += 2 {
			seats = append(seats, "A/1/"+strconv.Itoa(n))
		}
		w.ok(&Command{Verb: VerbBlock, Lot: lot.Lot, Seats: seats})
		for n := range int64(WishQuantityMax - 1) {
			w.ok(waits("b"+strconv.Itoa(w.last), Wish{Lot: lot.Lot, Quantity: n + 2, Together: true}))
		}
	}
	for b.Loop() {
		if _, any := w.e.firstWhoFits(); any {
			b.Fatal("somebody fits")
		}
	}
}

// BenchmarkHoldBesideKinds is what it costs to take a ticket and to give it back beside so many kinds of wishes, all for lots that share its pool and passed over.
func BenchmarkHoldBesideKinds(b *testing.B) {
	for _, kinds := range []int{1, WishKindsMax / 4, WishKindsMax} {
		b.Run(strconv.Itoa(kinds), func(b *testing.B) {
			spec := testSpec()
			spec.Lots, spec.LimitPerBuyer = []LotSpec{{Lot: "ga", Capacity: CapacityMax / 2, Pools: []string{"hall"}}}, 0
			spec.Pools = []PoolSpec{{Pool: "hall", Capacity: CapacityMax}}
			for i := range kinds/WishQuantityMax + 1 {
				spec.Lots = append(spec.Lots, LotSpec{Lot: "l" + strconv.Itoa(i), Capacity: 0, Pools: []string{"hall"}})
			}
			w := &world{t: b, e: New(testKey()), now: start}
			w.ok(&Command{Verb: VerbCreate, Spec: spec})
			for i := range kinds {
				w.ok(waits("b"+strconv.Itoa(i), Wish{Lot: "l" + strconv.Itoa(i/WishQuantityMax), Quantity: int64(i%WishQuantityMax) + 1}))
			}
			for range PassedOverMax {
				w.ok(hold("x", "ga", 1))
				w.ok(&Command{Verb: VerbRelease, Buyer: "x", Hold: holdText(w.e.holdLast)})
			}
			for b.Loop() {
				w.ok(hold("x", "ga", 1))
				w.ok(&Command{Verb: VerbRelease, Buyer: "x", Hold: holdText(w.e.holdLast)})
				w.facts.Reset()
			}
		})
	}
}
