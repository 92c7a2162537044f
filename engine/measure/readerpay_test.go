package measure_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// till is a sale with a gateway that answers as the dice fall.
type till struct {
	*readingOf
	asked     int
	purchases map[engine.PurchaseID]*toldPurchase
	refunds   map[engine.RefundID]int
	seen      map[measure.Kind]int
}

// toldPurchase is what entries have said of a purchase.
type toldPurchase struct {
	attempted, ended, asked, answered, captured, undone int
	flow                                                engine.Flow
}

func (s *till) below(n int, what string) int { return rapid.IntRange(0, n-1).Draw(s.t, what) }

func (s *till) do(cmd engine.Command) *engine.Outcome {
	s.asked++
	if cmd.Verb != engine.VerbIntend && cmd.Verb != engine.VerbResult {
		cmd.RequestID = fmt.Sprintf("q%d", s.asked)
	}
	return s.shell.Do(&cmd)
}

func note() engine.Annotation {
	return engine.Annotation{
		Known: true, Method: "m1", Gateway: "sandbox", Kind: payment.MethodCard, Agreement: "v1", OneClickOn: true, OneClickShare: engine.OneClickEveryone,
		Can: payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable,
	}
}

func (s *till) items() []engine.Item {
	items := []engine.Item{{Lot: []string{"ga", "pack", "late", "free"}[s.below(4, "lot")], Quantity: int64(1 + s.below(3, "sales"))}}
	if s.below(3, "two items") == 0 {
		items = append(items, engine.Item{Lot: "stalls", Quantity: 1})
	}
	return items
}

// turn lets one thing happen.
func (s *till) turn() {
	buyer := fmt.Sprintf("b%d", s.below(6, "buyer"))
	device, channel := engine.Device(s.below(3, "device")), []string{"", "web", "app"}[s.below(3, "channel")]
	switch s.below(12, "turn") {
	case 0, 1:
		s.do(engine.Command{Verb: engine.VerbHold, Buyer: buyer, Items: s.items(), Device: device, Channel: channel})
	case 2:
		s.do(engine.Command{Verb: engine.VerbBuy, Buyer: buyer, Items: s.items(), Device: device, Channel: channel, Payment: &engine.PaymentCommand{Note: note(), Again: true}})
	case 3:
		if out := s.do(engine.Command{Verb: engine.VerbOffer, Buyer: buyer, Items: s.items(), Payment: &engine.PaymentCommand{Note: note()}}); out.Shows&engine.ShowsOffer != 0 {
			offer := string(engine.AppendOfferID(nil, out.Offer.ID, 0))
			s.do(engine.Command{Verb: engine.VerbBuy, Buyer: buyer, Payment: &engine.PaymentCommand{Note: note(), Offer: offer, Again: true}})
		}
	case 4: // pays the hold just taken, by the gateway or outside
		out := s.do(engine.Command{Verb: engine.VerbHold, Buyer: buyer, Items: s.items()})
		if out.Code != engine.CodeOK {
			return
		}
		id := string(engine.AppendHoldID(nil, out.Hold.ID, 0))
		switch s.below(4, "how") {
		case 0:
			s.do(engine.Command{Verb: engine.VerbConfirm, Buyer: buyer, Hold: id, PaymentRef: "inv"})
		case 1:
			s.do(engine.Command{Verb: engine.VerbRelease, Buyer: buyer, Hold: id})
		case 2: // too late
			s.shell.Pass(s.shell.Now + 130e9)
			s.do(engine.Command{Verb: engine.VerbConfirm, Buyer: buyer, Hold: id, PaymentRef: "inv", Payment: &engine.PaymentCommand{Late: true, Equal: true}})
		default:
			s.do(engine.Command{Verb: engine.VerbBuy, Buyer: buyer, Hold: id, Payment: &engine.PaymentCommand{Note: note()}})
		}
	case 5, 6, 7, 8:
		s.gateway(s.shell.Event)
	case 9:
		s.shell.Pass(s.shell.Now + engine.Instant(s.below(400, "seconds"))*1e9)
	case 10:
		s.back()
	case 11:
		if s.below(25, "cancelled") == 0 {
			s.do(engine.Command{Verb: engine.VerbCancel})
			s.shell.Settle()
		} else if s.below(4, "repriced") == 0 {
			s.do(engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: int64(100 + s.below(1000, "price")), Set: engine.SetLotFace}}}})
		}
	}
}

// gateway lets the gateway answer one thing that it is asked.
func (s *till) gateway(e *engine.Event) {
	work := e.OpenWork(nil)
	if len(work) == 0 {
		return
	}
	w := work[s.below(len(work), "work")]
	if w.Intended == 0 && w.Operation.Changes() {
		if out := s.do(engine.Command{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: w.Purchase, Refund: w.Refund, Operation: w.Operation, Attempt: w.Attempt}}); out.Code != engine.CodeOK {
			return
		}
		if s.below(5, "no answer yet") == 0 {
			return
		}
	}
	answers := map[payment.Operation][]payment.Answer{
		payment.Authorise: {payment.Authorised, payment.Authorised, payment.Captured, payment.DeclinedSoft, payment.DeclinedHard, payment.ActionNeeded, payment.Unknown},
		payment.LookUp:    {payment.Authorised, payment.DeclinedSoft, payment.Pending, payment.Voided},
		payment.Cancel:    {payment.Voided, payment.Authorised},
		payment.Capture:   {payment.Captured, payment.Failed},
		payment.Void:      {payment.Voided, payment.Failed},
		payment.Refund:    {payment.Refunded, payment.Refunded, payment.Failed},
	}[w.Operation]
	if len(answers) == 0 {
		return
	}
	result := payment.Result{Answer: answers[s.below(len(answers), "answer")], Ref: "ch_1", AmountMinor: w.AmountMinor, Currency: w.Currency, Decline: payment.DeclineGeneric}
	s.do(engine.Command{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{At: w.Purchase, Refund: w.Refund, Operation: w.Operation, Result: &result}})
}

// back takes an order back, or gives money of it back.
func (s *till) back() {
	if s.orders == 0 {
		return
	}
	id := engine.OrderID(1 + s.below(int(s.orders), "order"))
	name := string(engine.AppendOrderID(nil, id, 0))
	out := s.do(engine.Command{Verb: engine.VerbOrder, Order: name})
	if out.Code != engine.CodeOK {
		return
	}
	order := out.Order
	switch s.below(4, "back") {
	case 0:
		if order.Purchase != 0 {
			s.do(engine.Command{Verb: engine.VerbUndo, Buyer: order.Buyer, Payment: &engine.PaymentCommand{Purchase: string(engine.AppendPurchaseID(nil, order.Purchase, 0))}})
		}
	case 1:
		s.do(engine.Command{Verb: engine.VerbRefund, Order: name, Payment: &engine.PaymentCommand{Block: s.below(2, "block") == 0}})
	case 2:
		ticket := order.FirstTicket + engine.TicketID(s.below(int(order.Tickets), "ticket"))
		s.do(engine.Command{Verb: engine.VerbRefund, Order: name, Payment: &engine.PaymentCommand{Tickets: []string{string(engine.AppendTicketID(nil, ticket, 0))}, KeepFees: true}})
	default:
		s.do(engine.Command{Verb: engine.VerbRefund, Order: name, Payment: &engine.PaymentCommand{HasAmount: true, AmountMinor: 5}})
	}
}

// note notes what is told of purchases and refunds.
func (s *till) note(e *measure.Entry) {
	s.seen[e.Kind]++
	p := s.purchases[e.Purchase]
	if p == nil {
		p = &toldPurchase{}
		s.purchases[e.Purchase] = p
	}
	switch e.Kind { //nolint:exhaustive // the others are not about purchases
	case measure.KindAttempted:
		p.attempted++
		p.flow = e.Flow
	case measure.KindAsked:
		p.asked++
	case measure.KindAuthorised:
		p.answered++
	case measure.KindOrdered, measure.KindDeclined, measure.KindReleased:
		p.ended++
		if e.Purchase != 0 && (e.Flow != p.flow || !e.HasFlow) {
			s.t.Errorf("purchase %d began in flow %d and ended in %d", e.Purchase, p.flow, e.Flow)
		}
	case measure.KindCaptured:
		p.captured++
	case measure.KindUndone:
		p.undone++
		if e.AmountMinor != e.Money.TotalMinor || e.Order == 0 {
			s.t.Errorf("an undo is told as %+v", e)
		}
	case measure.KindRefunding:
		s.refunds[e.Refund] = 0
	case measure.KindRefunded:
		s.refunds[e.Refund]++
	}
}

// check compares what was told of each purchase and refund with what the event shows of it.
func (s *till) check() {
	for id, p := range s.purchases {
		if id == 0 {
			continue
		}
		buyers := s.do(engine.Command{Verb: engine.VerbPurchase, Payment: &engine.PaymentCommand{Purchase: string(engine.AppendPurchaseID(nil, id, 0))}})
		v := buyers.Purchase
		if v == nil {
			s.t.Fatalf("purchase %d is not shown: %s", id, buyers.Code)
		}
		final, captured := 0, 0
		if v.State.Final() {
			final = 1
		}
		if v.Charge == engine.ChargeCaptured && v.State == engine.PurchaseSold {
			captured = 1
		}
		if p.attempted != 1 || p.ended != final || p.flow != v.Flow || captured > p.captured || p.undone != 0 != v.Undone || p.asked > 1 || p.answered > p.asked || p.captured > 1 {
			s.t.Errorf("purchase %d is told as %+v, and shown as %+v", id, p, v)
		}
	}
	for id, done := range s.refunds {
		if done > 1 {
			s.t.Errorf("refund %d is done %d times", id, done)
		}
	}
	for order := engine.OrderID(1); order <= engine.OrderID(s.orders); order++ {
		out := s.do(engine.Command{Verb: engine.VerbOrder, Order: string(engine.AppendOrderID(nil, order, 0))})
		for _, f := range out.Order.Refunds {
			if done := f.State == engine.RefundDone || f.State == engine.RefundExternal; done != (s.refunds[f.ID] == 1) {
				s.t.Errorf("refund %d is %s, and told %d times", f.ID, f.State, s.refunds[f.ID])
			}
		}
	}
}

func TestPurchasesAreToldAsTheyAre(t *testing.T) {
	all := map[measure.Kind]int{}
	rapid.Check(t, func(t *rapid.T) {
		shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
		s := &till{readingOf: newReading(t, shell), purchases: map[engine.PurchaseID]*toldPurchase{}, refunds: map[engine.RefundID]int{}, seen: all}
		s.each = s.note
		s.do(engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
			Name: "Night One", Currency: "EUR", Open: true, HoldTTLMs: 120_000, MaxHoldMs: 1_200_000,
			Pools: []engine.PoolSpec{{Pool: "hall", Capacity: 40}, {Pool: "floor", Capacity: 25}},
			Lots: []engine.LotSpec{
				{Lot: "ga", FaceMinor: 4500, TaxMinor: 300, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: 6, Pools: []string{"hall", "floor"}},
				{Lot: "pack", FaceMinor: 15001, Fees: []engine.Fee{{Name: "service", Minor: 500}}, Capacity: 19, Units: 4, Pools: []string{"hall", "floor"}},
				{Lot: "late", FaceMinor: 6000, Capacity: 8, After: "ga", Pools: []string{"hall"}},
				{Lot: "free", Capacity: 9},
				{Lot: "stalls", FaceMinor: 9000, Rows: []engine.RowSpec{{Section: "A", Row: "1", Through: "3", Seats: 5}}},
			},
		}})
		for range 150 {
			s.turn()
			s.follow()
		}
		s.check()
	})
	for _, kind := range []measure.Kind{
		measure.KindOffered, measure.KindHeld, measure.KindHoldEnded, measure.KindAttempted, measure.KindAction, measure.KindAsked, measure.KindAuthorised,
		measure.KindDeclined, measure.KindReleased, measure.KindOrdered, measure.KindCaptured, measure.KindUndone, measure.KindRefunding, measure.KindRefunded,
		measure.KindState, measure.KindStock, measure.KindTier,
	} {
		if all[kind] == 0 {
			t.Errorf("no history has an entry of kind %d", kind)
		}
	}
}

// paid is a gateway's answer that an amount is reserved.
func paid(minor int64) *payment.Result {
	return &payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: minor, Currency: "EUR"}
}
