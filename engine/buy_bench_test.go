package engine

import (
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// BenchmarkBuy measures purchases beside the hold of BenchmarkEvent, on one core, with ids of 16 bytes: a buy alone, which has two facts, and one that is
// intended, authorised and sold, which has four. Compare them in one run:
//
//	go test ./engine -run - -bench 'Event/hold$|Buy' -benchmem
func BenchmarkBuy(b *testing.B) {
	b.Run("hold", benchHold)
	b.Run("buy", func(b *testing.B) { benchBuy(b, false) })
	b.Run("buy+sold", func(b *testing.B) { benchBuy(b, true) })
}

func benchBuy(b *testing.B, sold bool) {
	cmds := benchHolds(b.N)
	card := PaymentCommand{Note: goodCard()}
	for i := range cmds {
		cmds[i].Verb, cmds[i].Payment = VerbBuy, &card
	}
	e, facts := benchEvent(b, 1e9)
	var told Signals
	intent := &Command{Verb: VerbIntend, Payment: &PaymentCommand{Operation: payment.Authorise}}
	result := &Command{Verb: VerbResult, Payment: &PaymentCommand{
		Operation: payment.Authorise, Result: &payment.Result{Answer: payment.Authorised, Ref: "pi_3PqLk2eZvKYlo2C1", AmountMinor: 4750, Currency: "EUR"},
	}}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range cmds {
		benchStep(b, e, &cmds[i].Command, benchAt(i), facts, CodeOK)
		if sold {
			intent.Payment.At, result.Payment.At = PurchaseID(i)+1, PurchaseID(i)+1
			benchStep(b, e, intent, benchAt(i), facts, CodeOK)
			if out := benchStep(b, e, result, benchAt(i), facts, CodeOK); out.Purchase.State != PurchaseSold {
				b.Fatalf("it is %s", out.Purchase.State)
			}
		}
		e.TakeSignals(&told)
		told.Reset()
	}
	benchDone(b, e, "buys/s")
}
