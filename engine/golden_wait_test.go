package engine

import (
	"encoding/hex"
	"fmt"
	"testing"
)

func waits(buyer string, wishes ...Wish) *Command {
	return &Command{Verb: VerbWait, Buyer: buyer, Line: &LineCommand{Wishes: wishes}}
}

// saved is what the shell knows of a buyer with a card, who has agreed that it is charged when the turn comes.
func saved(method string) *PaymentCommand {
	p := &PaymentCommand{Method: method, Note: goodCard()}
	p.Note.Method = method
	return p
}

// goldenWait is the life of an event with a waiting list, with a fact of every kind that is about that.
func goldenWait(t testing.TB) (w *world, lines []string) {
	t.Helper()
	w = &world{t: t, e: NewWithLimits(testKey(), Limits{Line: 100}), now: start}
	do := func(cmd *Command) {
		t.Helper()
		w.facts.Reset()
		if out := w.step(cmd); out.Code != CodeOK {
			t.Fatalf("%s: %s: %s", cmd.Verb, out.Code, out.AppendMessage(nil))
		}
		lines = append(lines, fmt.Sprintf("%s %d %d %s", cmd.Verb, w.now-start, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
		w.now += second / 4
	}
	spec := testSpec()
	spec.Lots[0].Capacity, spec.LimitPerBuyer = 4, 0
	spec.Line = &LineSpec{OfferTTLMs: 60_000, AsideMs: 30_000}
	do(&Command{Verb: VerbCreate, Spec: spec})
	do(hold("z", "ga", 4))
	do(&Command{Verb: VerbHold, Buyer: "y", Items: []Item{{Lot: "stalls", Quantity: 20}}})
	do(&Command{Verb: VerbConfirm, Buyer: "z", Hold: "h1", PaymentRef: "inv-1"})
	do(&Command{Verb: VerbConfirm, Buyer: "y", Hold: "h2", PaymentRef: "inv-2"})
	do(waits("b1", Wish{Lot: "ga", Quantity: 3}, Wish{Lot: "stalls", Quantity: 2, Together: true}))
	cmd := waits("b2", Wish{Lot: "ga", Quantity: 1})
	cmd.MaxPrice, cmd.Line.AutoBuy, cmd.Payment = 4750, true, saved("m2")
	cmd.Payment.Note.Links = []uint64{7, 9}
	do(cmd)
	cmd = waits("b3", Wish{Lot: "ga", Quantity: 1})
	cmd.MaxPrice = 4750
	do(cmd)
	cmd = waits("b4", Wish{Lot: "stalls", Quantity: 3})
	cmd.MaxPrice, cmd.HasMaxPrice = 27_450, true
	do(cmd)
	do(waits("b5", Wish{Lot: "ga", Quantity: 1}))
	do(&Command{Verb: VerbLeave, Buyer: "b5", Line: &LineCommand{List: true}})
	do(waits("b5", Wish{Lot: "ga", Quantity: 1}))
	do(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 5}) // offered to b2
	do(&Command{Verb: VerbUpdate, Spec: &EventSpec{Lots: []LotSpec{{Lot: "ga", FaceMinor: 5000, Set: SetLotFace}}}})
	do(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 6}) // b3 cannot, offered to b5
	w.facts.Reset()
	bad := saved("m2")
	bad.Auto, bad.Note.MethodWhy = true, EligibleExpired
	if out := w.step(&Command{Verb: VerbBuy, Buyer: "b2", Hold: "h3", Payment: bad}); out.Code != CodeMethodUnusable {
		t.Fatalf("a buy with a method that is gone: %s", out.Code)
	}
	lines = append(lines, fmt.Sprintf("buy %d %d %s", w.now-start, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
	for i := range PassedOverMax { // b1 is passed over until tickets are kept for it
		do(hold(fmt.Sprintf("p%d", i), "ga", 1))
		if i < PassedOverMax-1 {
			do(&Command{Verb: VerbRelease, Buyer: fmt.Sprintf("p%d", i), Hold: holdText(w.e.holdLast)})
		}
		if w.keepsTickets() {
			break
		}
	}
	cmd = waits("b6", Wish{Lot: "ga", Quantity: 2}, Wish{Lot: "stalls", Quantity: 1})
	cmd.Line.AutoBuy, cmd.Payment = true, saved("m3") // for what it costs now
	do(cmd)
	cmd.RequestID = "" // and once more
	do(cmd)
	do(&Command{Verb: VerbProve})
	return w, lines
}

// TestTheWaitingListIsWrittenAsEver compares the facts of a waiting list with what was written when they were new: facts, their words, snapshot and hash.
func TestTheWaitingListIsWrittenAsEver(t *testing.T) {
	w, lines := goldenWait(t)
	if !w.keepsTickets() {
		t.Error("nothing is kept for who was passed over")
	}
	wantsGoldenFacts(t, w, lines, "wait.txt")
}

// keepsTickets reports whether tickets are kept for somebody who waits.
func (w *world) keepsTickets() bool {
	for i := range w.e.list.kinds {
		if w.e.keeps(&w.e.list.kinds[i]) {
			return true
		}
	}
	return false
}

// holdText is how a buyer names a hold.
func holdText(id HoldID) string { return string(AppendHoldID(nil, id, 0)) }
