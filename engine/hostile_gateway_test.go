package engine

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// TestWhateverAGatewaySaysCanBeReadAgain gives purchases and refunds every answer to every question at any time, between all that buyers and operators do. What
// the event decides has to fold, and its counts and sums have to hold, after each step.
func TestWhateverAGatewaySaysCanBeReadAgain(t *testing.T) {
	for seed := range uint64(20) {
		d := rand.New(rand.NewPCG(seed, 1))
		w := &world{t: t, e: NewWithLimits(testKey(), Limits{Ended: 4, Offers: 3}), now: start}
		w.ok(&Command{Verb: VerbCreate, Spec: testSpec()})
		s := &sale{world: w, replica: New(testKey())}
		s.fold(1)
		for step := range 250 {
			cmd := anyPayment(d, s.e, step)
			first := s.e.Seq() + 1
			s.facts.Reset()
			if s.now += Instant(d.Int64N(int64(3 * second))); d.IntN(40) == 0 {
				s.now += Instant(d.Int64N(int64(20 * 3600 * second)))
			}
			s.e.Step(cmd, s.now, &s.facts)
			var told Signals
			s.e.TakeSignals(&told)
			for i := range told.Work {
				if told.Work[i].AmountMinor <= 0 {
					t.Fatalf("seed %d, step %d: the lane is told %+v", seed, step, told.Work[i])
				}
			}
			if s.fold(first); s.e.LiveCheck() != nil {
				t.Fatal(s.e.LiveCheck())
			}
		}
	}
}

func anyPayment(d *rand.Rand, e *Event, step int) *Command {
	buyer := fmt.Sprint("b", d.IntN(6))
	at := PurchaseID(1 + d.IntN(max(1, int(e.purchases.rows.rows))))
	refund := RefundID(d.IntN(int(e.refunds.rows) + 1))
	p := &PaymentCommand{At: at, Purchase: fmt.Sprint("p", at), Note: goodCard(), Operation: payment.Operation(1 + d.IntN(6))}
	cmd := &Command{RequestID: fmt.Sprint("q", step), Payment: p}
	if refund != 0 && d.IntN(2) == 0 {
		p.Refund = refund
		if order := e.orders.at(e.refunds.at(uint32(refund - 1)).order); order.purchase != 0 {
			p.At = PurchaseID(order.purchase)
		}
	}
	p.Result = &payment.Result{Answer: payment.Answer(d.IntN(12)), Currency: "EUR", AmountMinor: 9500, Ref: fmt.Sprint("ch_", d.IntN(3)), Decline: payment.Decline(d.IntN(20))}
	switch d.IntN(6) {
	case 0:
		p.Result.AmountMinor = d.Int64N(3) * 4750
	case 1:
		p.Result.Currency = "USD"
	}
	if p.Refund != 0 && d.IntN(2) == 0 {
		p.Result.AmountMinor = e.refunds.at(uint32(p.Refund - 1)).amount
	}
	switch n := d.IntN(100); {
	case n < 12:
		*cmd = *oneClick(buyer)
		cmd.RequestID, cmd.Payment.Again = fmt.Sprint("q", step), true
		if d.IntN(3) == 0 {
			cmd.Payment.Note.Can &^= payment.Voidable
		}
	case n < 16:
		*cmd = *hold(buyer, "ga", 1+d.Int64N(2))
		cmd.RequestID = fmt.Sprint("q", step)
	case n < 19:
		cmd.Verb, cmd.Buyer, cmd.Hold, cmd.PaymentRef, cmd.Payment = VerbConfirm, buyer, fmt.Sprint("h", 1+d.IntN(int(e.holdLast)+1)), "inv", &PaymentCommand{Late: d.IntN(2) == 0}
	case n < 22:
		cmd.Verb, cmd.Buyer, cmd.Hold = VerbBuy, buyer, fmt.Sprint("h", 1+d.IntN(int(e.holdLast)+1))
	case n < 45: // what is wanted is asked
		cmd.Verb = VerbIntend
		if work := e.OpenWork(nil); len(work) > 0 {
			w := work[d.IntN(len(work))]
			p.At, p.Operation, p.Refund, p.Attempt = w.Purchase, w.Operation, w.Refund, w.Attempt
		}
	case n < 75:
		cmd.Verb = VerbResult
		if work := e.OpenWork(nil); len(work) > 0 && d.IntN(2) == 0 {
			w := work[d.IntN(len(work))]
			p.At, p.Operation, p.Refund = w.Purchase, w.Operation, w.Refund
		}
	case n < 79:
		cmd.Verb, cmd.Buyer = VerbUndo, buyer
		if e.purchases.rows.rows > 0 {
			cmd.Buyer = e.buyerName(e.purchases.rows.at(uint32(at - 1)).buyer)
		}
	case n < 83:
		cmd.Verb, cmd.Buyer = VerbResolve, ""
	case n < 90:
		cmd.Verb, cmd.Order = VerbRefund, fmt.Sprint("o", 1+d.IntN(int(e.orders.rows)+1))
		*p = PaymentCommand{}
		switch d.IntN(4) {
		case 0:
			p.HasAmount, p.AmountMinor = true, 1+d.Int64N(5000)
		case 1:
			p.Tickets = []string{fmt.Sprint("t", 1+d.IntN(int(e.ticketLast)+1))}
		case 2:
			p.FailedRefund = fmt.Sprint("r", 1+d.IntN(int(e.refunds.rows)+1))
		}
	case n < 92 && step > 180:
		cmd.Verb = VerbCancel
		p.Reason = ""
	default:
		cmd.Verb = VerbExpire
	}
	return cmd
}
