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
