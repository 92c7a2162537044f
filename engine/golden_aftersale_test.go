package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// goldenAfterSale is the life of an event after its tickets were sold.
func goldenAfterSale(t testing.TB) (w *world, lines []string) {
	t.Helper()
	w = &world{t: t, e: New(testKey()), now: start}
	spec := testSpec()
	spec.LimitPerBuyer, spec.Pay.LimitPerLinked = 6, 8
	for _, cmd := range []*Command{
		{Verb: VerbCreate, Spec: spec},
		{Verb: VerbHold, Buyer: "b1", Items: []Item{{Lot: "ga", Quantity: 2}, {Lot: "stalls", Seats: []string{"A/1/4", "A/1/3", "A/1/20"}}}},
		{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv-1"},
		hold("b2", "ga", 2),
		{Verb: VerbConfirm, Buyer: "b2", Hold: "h2", BoxOffice: true},
		{Verb: VerbAdmit, Payment: &PaymentCommand{Ticket: "t1", Gate: "north"}},
		{Verb: VerbReissue, Buyer: "b1", Payment: &PaymentCommand{Ticket: "t2"}},
		{Verb: VerbAdmit, Payment: &PaymentCommand{Ticket: "t2", Code: 1}},
		{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{Tickets: []string{"t5", "t3"}, Block: true, KeepFees: true, Reason: "goodwill"}},
		{Verb: VerbRestore, Incarnation: 1795296000},
		{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{HasAmount: true, AmountMinor: 12}},
		{Verb: VerbRefund, Order: "o2", Payment: &PaymentCommand{}},
		{Verb: VerbHold, Buyer: "b3", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/1"}}}},
		{Verb: VerbUpdate, Spec: &EventSpec{Set: SetStartsAt | SetRefundUntil, StartsAt: start + 9000*second, Pay: PayPolicy{RefundUntil: start + 60*second}}},
		{Verb: VerbSchedule, Wall: start + 60*second},
		{Verb: VerbRefund, Buyer: "b1", Order: "o1", Payment: &PaymentCommand{Tickets: []string{"t4"}, ByBuyer: true}},
		{Verb: VerbSchedule, Wall: start + 60*second + refundWindowMsMax*1e6},
		hold("b4", "ga", 1),
		{Verb: VerbConfirm, Buyer: "b4", Hold: "h4-tovf9c", PaymentRef: "inv-4"},
		{Verb: VerbBuy, Buyer: "b5", Items: []Item{{Lot: "ga", Quantity: 2}}, Payment: &PaymentCommand{Note: goodCard()}},
		{Verb: VerbIntend, Payment: &PaymentCommand{At: 1, Operation: payment.Authorise}},
		{Verb: VerbResult, Payment: &PaymentCommand{At: 1, Operation: payment.Authorise, Result: &payment.Result{Answer: payment.Captured, Ref: "ch_1", AmountMinor: 9500, Currency: "EUR"}}},
		{Verb: VerbRefund, Order: "o4-tovf9c", Payment: &PaymentCommand{HasAmount: true, AmountMinor: 100}},
		{Verb: VerbIntend, Payment: &PaymentCommand{At: 1, Operation: payment.Refund, Refund: 5, Hash: [32]byte{1, 2, 3}}},
		{Verb: VerbResult, Payment: &PaymentCommand{At: 1, Operation: payment.Refund, Refund: 5, Result: &payment.Result{Answer: payment.Failed, Decline: payment.DeclineGeneric}}},
		{Verb: VerbRefund, Order: "o4-tovf9c", Payment: &PaymentCommand{FailedRefund: "r5-tovf9c"}},
		{Verb: VerbIntend, Payment: &PaymentCommand{At: 1, Operation: payment.Refund, Refund: 5, Attempt: 1, Hash: [32]byte{4, 5, 6}}},
		{Verb: VerbResult, Payment: &PaymentCommand{At: 1, Operation: payment.Refund, Refund: 5, Result: &payment.Result{Answer: payment.Refunded, Ref: "re_1", AmountMinor: 100, Currency: "EUR"}}},
		{Verb: VerbRefund, Order: "o4-tovf9c", Payment: &PaymentCommand{HasAmount: true, AmountMinor: 200}},
		{Verb: VerbIntend, Payment: &PaymentCommand{At: 1, Operation: payment.Refund, Refund: 6, Hash: [32]byte{7, 8, 9}}},
		linkedHold("b6", 1, 7, 9),
		linkedHold("b7", 1, 11),
		linkedHold("b7", 2, 11, 7),
		{Verb: VerbCancel, Payment: &PaymentCommand{Reason: "rain"}},
		{Verb: VerbProve},
	} {
		w.facts.Reset()
		out := w.step(cmd)
		if out.Code != CodeOK {
			t.Fatalf("%s: %s", cmd.Verb, out.AppendMessage(nil))
		}
		lines = append(lines, fmt.Sprintf("%s %d %s", cmd.Verb, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
	}
	return w, lines
}

// TestAfterSaleIsWrittenAsEver compares what becomes of orders with what was written when that was new: facts, their words, snapshot and hash.
func TestAfterSaleIsWrittenAsEver(t *testing.T) {
	w, lines := goldenAfterSale(t)
	snapshot := w.e.AppendSnapshot(nil)
	again := New(testKey())
	var words []string
	for _, line := range lines {
		f := strings.Fields(line)
		run := Run{Key: testKey(), First: again.Seq() + 1, At: w.now}
		run.Facts.Buf, _ = hex.DecodeString(f[2])
		if _, err := fmt.Sscan(f[1], &run.Facts.Count); err != nil {
			t.Fatal(err)
		}
		err := again.FoldEach(&run, func(v *FactView) bool {
			words = append(words, fmt.Sprintf("%d %s %s", v.Seq, v.Kind, v.Text))
			return true
		})
		if err != nil {
			t.Fatalf("%s: %v", f[0], err)
		}
	}
	lines = append(append(lines, words...), "snapshot "+hex.EncodeToString(snapshot), fmt.Sprintf("hash %016x", w.e.StateHash()))
	golden(t, "aftersale.txt", strings.Join(lines, "\n")+"\n")
	opened, err := OpenSnapshot(testKey(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Event{again, opened.(*Event)} {
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		if e.StateHash() != w.e.StateHash() {
			t.Fatalf("replayed or opened %016x, live %016x", e.StateHash(), w.e.StateHash())
		}
	}
}
