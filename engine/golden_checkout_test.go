package engine

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// goldenCheckout is the life of an event that sells through payment gateways, with a fact of every kind that is about that.
func goldenCheckout(t testing.TB) (w *world, lines []string) {
	t.Helper()
	w = &world{t: t, e: NewWithLimits(testKey(), Limits{Offers: 4, Purchases: 20}), now: start}
	step := func(cmd *Command, code Code) {
		t.Helper()
		w.facts.Reset()
		at := w.now
		if out := w.step(cmd); out.Code != code {
			t.Fatalf("%s: %s: %s", cmd.Verb, out.Code, out.AppendMessage(nil))
		}
		w.now += second / 4
		lines = append(lines, fmt.Sprintf("%s %d %d %s", cmd.Verb, at-start, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
	}
	do := func(cmd *Command) { t.Helper(); step(cmd, CodeOK) }
	intend := func(id PurchaseID, operation payment.Operation, attempt uint32) {
		t.Helper()
		do(&Command{Verb: VerbIntend, Payment: &PaymentCommand{At: id, Operation: operation, Attempt: attempt, Hash: [32]byte{1, 2, 3}}})
	}
	answer := func(id PurchaseID, operation payment.Operation, r payment.Result) {
		t.Helper()
		r.Currency = "EUR"
		do(&Command{Verb: VerbResult, Payment: &PaymentCommand{At: id, Operation: operation, Result: &r}})
	}
	spec := testSpec()
	spec.LimitPerBuyer, spec.Pay = 8, PayPolicy{UndoMs: 5000, PayMs: 60_000, OneClickShare: 2000, HasOneClickShare: true, RefundUntil: start + 900*second}
	do(&Command{Verb: VerbCreate, Spec: spec})
	do(&Command{Verb: VerbOneClick, Payment: &PaymentCommand{HasShare: true, PercentShare: OneClickEveryone}})
	do(&Command{Verb: VerbUpdate, Spec: &EventSpec{Set: SetGrace | SetOfferTTL, Pay: PayPolicy{GraceMs: 30_000, OfferTTLMs: 60_000}}})
	seats := []Item{{Lot: "stalls", Seats: []string{"A/1/4", "A/1/3"}}, {Lot: "ga", Quantity: 1}, {Lot: "stalls", Quantity: 2, Split: true}}
	do(&Command{Verb: VerbOffer, Buyer: "b1", Channel: "web", Device: DeviceMobile, Items: seats, Payment: &PaymentCommand{Note: goodCard()}})
	do(&Command{Verb: VerbBuy, Buyer: "b1", Channel: "web", Payment: &PaymentCommand{Offer: "f1", Note: goodCard()}})
	intend(1, payment.Authorise, 0)
	answer(1, payment.Authorise, payment.Result{Answer: payment.ActionNeeded, Ref: "ch_1"})
	answer(1, payment.LookUp, payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: 40_750})
	do(&Command{Verb: VerbUndo, Buyer: "b1", Payment: &PaymentCommand{Purchase: "p1"}})
	intend(1, payment.Void, 0)
	answer(1, payment.Void, payment.Result{Answer: payment.Failed})

	do(hold("b2", "ga", 2))
	redirect := goodCard()
	redirect.Kind, redirect.Can, redirect.Method = payment.MethodRedirect, payment.Redirect|payment.Instant, "m2"
	do(&Command{Verb: VerbBuy, Buyer: "b2", Hold: "h2", Payment: &PaymentCommand{Note: redirect, ReturnURL: "https://shop.example/back"}})
	intend(2, payment.Authorise, 0)
	answer(2, payment.Authorise, payment.Result{Answer: payment.DeclinedSoft, Decline: payment.DeclineInsufficientFunds})
	do(&Command{Verb: VerbBuy, Buyer: "b2", Hold: "h2", Payment: &PaymentCommand{Note: redirect, ReturnURL: "https://shop.example/back"}})
	do(oneClick("b3"))
	intend(4, payment.Authorise, 0)
	answer(4, payment.Authorise, payment.Result{Answer: payment.Authorised, Ref: "ch_4", AmountMinor: 9500})
	do(&Command{Verb: VerbRestore, Incarnation: 1795296000})
	do(oneClick("b4"))
	intend(5, payment.Authorise, 0)
	answer(5, payment.Authorise, payment.Result{Answer: payment.Captured, Ref: "ch_5", AmountMinor: 1})
	w.now = start + 20*second
	do(&Command{Verb: VerbExpire}) // tries the void of p1 again, captures p4
	intend(4, payment.Capture, 0)
	answer(4, payment.Capture, payment.Result{Answer: payment.Failed})

	do(&Command{Verb: VerbHold, Buyer: "b5", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/7"}}}})
	do(hold("b6", "ga", 1))
	do(oneClick("b7"))
	intend(6, payment.Authorise, 0)
	w.now = start + 1000*second
	do(&Command{Verb: VerbExpire})
	do(&Command{Verb: VerbHold, Buyer: "b8", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/7"}}}})
	late := func(buyer, hold string) *Command {
		return &Command{Verb: VerbConfirm, Buyer: buyer, Hold: hold, PaymentRef: "inv-" + buyer, Payment: &PaymentCommand{Late: true}}
	}
	do(late("b6", "h6-tovf9c"))
	step(late("b5", "h5-tovf9c"), CodeLateNotPossible)
	w.now = start + 90_000*second
	do(&Command{Verb: VerbExpire})
	do(&Command{Verb: VerbResolve, RequestID: "resolve1", Payment: &PaymentCommand{Purchase: "p6-tovf9c", Result: &payment.Result{Answer: payment.Authorised, Ref: "ch_6"}}})
	do(&Command{Verb: VerbHold, Buyer: "b9", Items: seats[:2]})
	do(&Command{Verb: VerbHold, Buyer: "b10", Items: []Item{{Lot: "ga", Quantity: 1}}})
	w.now += 130 * second
	do(&Command{Verb: VerbExpire})
	do(&Command{Verb: VerbOffer, Buyer: "b11", Items: seats, Payment: &PaymentCommand{Note: goodCard()}})
	do(&Command{Verb: VerbBuy, Buyer: "b11", Payment: &PaymentCommand{Offer: "f2-tovf9c", Note: goodCard()}})
	do(&Command{Verb: VerbProve})
	return w, lines
}

// TestCheckoutIsWrittenAsEver compares purchases with what was written when they were new: facts, their words, snapshot and hash.
func TestCheckoutIsWrittenAsEver(t *testing.T) {
	w, lines := goldenCheckout(t)
	written := strings.Join(wantsGoldenFacts(t, w, lines, "checkout.txt"), "\n")
	for kind := kindOffered; kind <= kindOneClick; kind++ {
		if !regexp.MustCompile(`(?m)^\d+ ` + kind.String() + " ").MatchString(written) {
			t.Errorf("no fact is %s", kind)
		}
	}
}
