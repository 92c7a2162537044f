package engine

import (
	"fmt"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// charged is a sale with order o1 of two tickets for 95.00 that b1 has bought with one click; taken says whether the money is taken or only reserved.
func charged(t *testing.T, taken bool) *sale {
	t.Helper()
	s := newSale(t)
	s.do(oneClick("b1"))
	s.answer(1, payment.Authorise, payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: 9500, Currency: "EUR"})
	if taken {
		s.capture(1)
	}
	var rest Signals
	s.e.TakeSignals(&rest)
	return s
}

// capture lets the time to undo pass and takes the money.
func (s *sale) capture(id PurchaseID) {
	s.t.Helper()
	if at, ok := s.e.NextDeadline(); ok && s.e.purchases.rows.at(uint32(id-1)).charge == ChargeAuthorised {
		s.now = max(s.now, at)
		s.do(&Command{Verb: VerbExpire})
	}
	row := s.e.purchases.rows.at(uint32(id - 1))
	s.answer(id, payment.Capture, payment.Result{Answer: payment.Captured, Ref: "ch_1", AmountMinor: row.total, Currency: "EUR"})
}

// wanted takes what the lane was told to do.
func (s *sale) wanted() []Work {
	var told Signals
	s.e.TakeSignals(&told)
	return told.Work
}

func (s *sale) refund(p PaymentCommand) *RefundView {
	s.t.Helper()
	return s.do(&Command{Verb: VerbRefund, Order: "o1", Payment: &p}).Refund
}

// sends is the lane's intent for a refund, answers what the gateway says to it.
func (s *sale) sends(id RefundID, attempt uint32) {
	s.t.Helper()
	s.do(&Command{Verb: VerbIntend, Payment: &PaymentCommand{At: 1, Operation: payment.Refund, Refund: id, Attempt: attempt, Hash: [32]byte{byte(id)}}})
}

func (s *sale) answers(id RefundID, operation payment.Operation, r payment.Result) *Outcome {
	s.t.Helper()
	return s.do(&Command{Verb: VerbResult, Payment: &PaymentCommand{At: 1, Operation: operation, Refund: id, Result: &r}})
}

func refundedOf(amount int64) payment.Result {
	return payment.Result{Answer: payment.Refunded, Ref: "re_1", AmountMinor: amount, Currency: "EUR"}
}

func TestWhatWasTakenIsGivenBack(t *testing.T) {
	s := charged(t, true)
	v := s.refund(PaymentCommand{Tickets: []string{"t2"}})
	if v.State != RefundQueued || v.AmountMinor != 4750 {
		t.Fatalf("refunded as %+v", v)
	}
	work := s.wanted()
	if len(work) != 1 || work[0].Operation != payment.Refund || work[0].Refund != 1 || work[0].Purchase != 1 || work[0].AmountMinor != 4750 || work[0].Ref != "ch_1" || work[0].Intended != 0 {
		t.Fatalf("the lane is told %+v", work)
	}
	s.sends(1, 0)
	open := s.e.OpenWork(nil)
	if len(open) != 1 || open[0].Intended != s.now || open[0].Hash != [32]byte{1} || !s.e.HasOpenWork() {
		t.Fatalf("open is %+v", open)
	}
	if again := s.replica.OpenWork(nil); len(again) != 1 || again[0] != open[0] {
		t.Fatalf("woken, open is %+v", again)
	}
	// Nothing that is not known ends it.
	for _, r := range []payment.Result{{}, {Answer: payment.NotDone}, {Answer: payment.Pending}, {Answer: payment.NotFound}} {
		if out := s.answers(1, payment.Refund, r); out.Refund.State != RefundSent {
			t.Fatalf("after %s it is %s", r.Answer, out.Refund.State)
		}
	}
	out := s.answers(1, payment.LookUp, refundedOf(4750))
	if out.Refund.State != RefundDone || s.e.HasOpenWork() || out.Order.RefundedMinor != 4750 || out.Order.Charge != ChargeCaptured {
		t.Fatalf("done as %+v of %+v", out.Refund, out.Order)
	}
	// The rest, in two parts; more there is not.
	s.refund(PaymentCommand{HasAmount: true, AmountMinor: 50})
	if v = s.refund(PaymentCommand{}); v.AmountMinor != 4700 || v.ID != 3 {
		t.Fatalf("the rest is %+v", v)
	}
	if work = s.wanted(); len(work) != 2 || work[0].Refund != 2 || work[1].Refund != 3 {
		t.Fatalf("the lane is told %+v", work)
	}
	s.refused(CodeNotRefundable, &Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{HasAmount: true, AmountMinor: 1}})
}

func TestAnAnswerToWhatWasNotAskedChangesNothing(t *testing.T) {
	s := charged(t, true)
	s.refund(PaymentCommand{})
	if out := s.answers(1, payment.Refund, refundedOf(9500)); out.Refund.State != RefundQueued {
		t.Fatalf("a refund that nobody asked for is %s", out.Refund.State)
	}
	s.sends(1, 0)
	for _, p := range []PaymentCommand{
		{At: 1, Operation: payment.Refund, Refund: 1},              // asked already
		{At: 1, Operation: payment.Capture, Refund: 1, Attempt: 1}, // something else
		{At: 1, Operation: payment.Refund, Refund: 2},
		{At: 2, Operation: payment.Refund, Refund: 1},
	} {
		if out := s.step(&Command{Verb: VerbIntend, Payment: &p}); out.Code == CodeOK {
			t.Errorf("an intent of %+v is taken", p)
		}
	}
	s.sends(1, 1) // the first was lost before it left: the lane has looked it up
	s.answers(1, payment.Refund, refundedOf(9500))
	if out := s.answers(1, payment.Refund, payment.Result{Answer: payment.Failed}); out.Refund.State != RefundDone {
		t.Fatalf("old news makes it %s", out.Refund.State)
	}
	if out := s.step(&Command{Verb: VerbResult, Payment: &PaymentCommand{At: 1, Refund: 9, Result: &payment.Result{}}}); out.Code == CodeOK {
		t.Error("a result of no refund is taken")
	}
}

func TestAFailedRefundIsTriedAgain(t *testing.T) {
	s := charged(t, true)
	s.refund(PaymentCommand{Tickets: []string{"t1"}})
	for try := range uint32(RefundTriesMax) {
		s.sends(1, try)
		var told Signals
		s.e.TakeSignals(&told)
		out := s.answers(1, payment.Refund, payment.Result{Answer: payment.Failed, Decline: payment.DeclineGeneric})
		s.e.TakeSignals(&told)
		if out.Refund.State != RefundFailed || s.e.HasOpenWork() || len(told.Alarms) != 1 || told.Alarms[0].Why != AlarmRefund {
			t.Fatalf("try %d ends as %+v with alarms %+v", try, out.Refund, told.Alarms)
		}
		again := &Command{Verb: VerbRefund, Order: "o1", RequestID: fmt.Sprintf("again%d", try), Payment: &PaymentCommand{FailedRefund: "r1"}}
		if try == RefundTriesMax-1 {
			s.refused(CodeTooMany, again)
			break
		}
		if v := s.do(again).Refund; v.State != RefundQueued || v.AmountMinor != 4750 {
			t.Fatalf("it is tried again as %+v", v)
		}
		if out = s.do(again); !out.Repeated || out.Refund.ID != 1 {
			t.Fatalf("the same request is answered %+v", out)
		}
		if work := s.wanted(); len(work) != 1 || work[0].Attempt != try+1 || work[0].Intended != 0 {
			t.Fatalf("the lane is told %+v", work)
		}
	}
	if out := s.refused(CodeNotRefundable, &Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{FailedRefund: "r2"}}); out.Field != "refund" {
		t.Errorf("the field is %q", out.Field)
	}
	s.refused(CodeInvalid, &Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{FailedRefund: "r1", KeepFees: true}})

	// A gateway may take a refund on and say later that it has failed: to whoever asks.
	s = charged(t, true)
	s.refund(PaymentCommand{})
	s.sends(1, 0)
	s.answers(1, payment.Refund, payment.Result{Answer: payment.Pending})
	s.wanted()
	out := s.answers(1, payment.LookUp, payment.Result{Answer: payment.Failed, Decline: payment.DeclineGeneric})
	var told Signals
	s.e.TakeSignals(&told)
	if out.Refund.State != RefundFailed || len(told.Alarms) != 1 || told.Alarms[0].Why != AlarmRefund || s.e.HasOpenWork() {
		t.Fatalf("a refund that failed later is %+v with alarms %+v", out.Refund, told.Alarms)
	}

	// So may it say of what was taken for nothing: that is asked for again, under a key of its own.
	s = newSale(t)
	s.do(oneClick("b1"))
	s.answer(1, payment.Authorise, payment.Result{Answer: payment.Captured, Ref: "ch_1", AmountMinor: 9499, Currency: "EUR"})
	s.answer(1, payment.Refund, payment.Result{Answer: payment.Pending})
	s.answer(1, payment.LookUp, payment.Result{Answer: payment.Failed})
	s.now, _ = s.e.NextDeadline()
	s.do(&Command{Verb: VerbExpire})
	if work := s.e.OpenWork(nil); len(work) != 1 || work[0].Operation != payment.Refund || work[0].Attempt != 1 || work[0].AmountMinor != 9499 {
		t.Fatalf("the lane is told %+v", work)
	}

	// Another amount than asked is no refund that is done: somebody has to look.
	s = charged(t, true)
	s.refund(PaymentCommand{})
	s.sends(1, 0)
	if out := s.answers(1, payment.Refund, refundedOf(9499)); out.Refund.State != RefundFailed {
		t.Fatalf("another amount is %s", out.Refund.State)
	}
	s.refused(CodeNotRefundable, &Command{Verb: VerbRefund, Buyer: "b2", Order: "o1", Payment: &PaymentCommand{FailedRefund: "r1"}})
}

func TestWhatIsOnlyReservedIsLetGo(t *testing.T) {
	s := charged(t, false)
	v := s.refund(PaymentCommand{})
	work := s.wanted()
	if v.State != RefundQueued || len(work) != 1 || work[0].Operation != payment.Void || work[0].Refund != 0 {
		t.Fatalf("refunded as %+v, the lane is told %+v", v, work)
	}
	s.refused(CodeWrongState, &Command{Verb: VerbUndo, Buyer: "b1", Payment: &PaymentCommand{Purchase: "p1"}})
	p := s.answer(1, payment.Void, payment.Result{Answer: payment.Voided})
	o := s.do(&Command{Verb: VerbOrder, Order: "o1"}).Order
	if p.Charge != ChargeVoided || o.Refunds[0].State != RefundDone || o.Marks[1].State != TicketVoided || s.e.HasOpenWork() {
		t.Fatalf("let go as %+v, order %+v", p, o)
	}
	if s.e.purchases.due.n != 0 {
		t.Error("something is still due")
	}
}

func TestAPartWaitsUntilTheMoneyIsTaken(t *testing.T) {
	s := charged(t, false)
	s.refund(PaymentCommand{Tickets: []string{"t1"}})
	s.refund(PaymentCommand{KeepFees: true})
	if work := s.wanted(); len(work) != 0 || !s.e.HasOpenWork() {
		t.Fatalf("the lane is told %+v", work)
	}
	if out := s.step(&Command{Verb: VerbIntend, Payment: &PaymentCommand{At: 1, Operation: payment.Refund, Refund: 1}}); out.Code != CodeWrongState {
		t.Errorf("a refund of what was not taken is %s", out.Code)
	}
	s.capture(1)
	work := s.wanted()
	var refunds []RefundID
	for _, w := range work {
		if w.Operation == payment.Refund {
			refunds = append(refunds, w.Refund)
		}
	}
	if len(refunds) != 2 || work[len(work)-1].AmountMinor+work[len(work)-2].AmountMinor != 4750+4500 {
		t.Fatalf("the lane is told %+v", work)
	}
}

func TestWhatWasNeverTakenIsNotOwed(t *testing.T) {
	s := charged(t, false)
	s.refund(PaymentCommand{Tickets: []string{"t1"}})
	at, _ := s.e.NextDeadline()
	s.now = at
	s.do(&Command{Verb: VerbExpire})
	s.answer(1, payment.LookUp, payment.Result{Answer: payment.Voided}) // the reservation is gone: nothing can be captured
	s.do(&Command{Verb: VerbResolve, RequestID: "resolve", Payment: &PaymentCommand{Purchase: "p1", Result: &payment.Result{Answer: payment.Voided}}})
	o := s.do(&Command{Verb: VerbOrder, Order: "o1"}).Order
	if o.Charge != ChargeVoided || o.Refunds[0].State != RefundDone || s.e.HasOpenWork() {
		t.Fatalf("the order is %+v", o)
	}
	if v := s.refund(PaymentCommand{}); v.AmountMinor != 0 || v.State != RefundDone {
		t.Fatalf("what was never taken is refunded as %+v", v)
	}
}

func TestACancelledEventGivesEveryoneTheirMoney(t *testing.T) {
	s := charged(t, true)                                                                                                       // p1 of b1: captured
	s.do(oneClick("b2"))                                                                                                        // p2: sold, only reserved
	s.answer(2, payment.Authorise, payment.Result{Answer: payment.Authorised, Ref: "ch_2", AmountMinor: 9500, Currency: "EUR"}) //
	s.do(oneClick("b3"))                                                                                                        // p3: the gateway is being asked
	s.do(&Command{Verb: VerbIntend, Payment: &PaymentCommand{At: 3, Operation: payment.Authorise}})                             //
	s.do(oneClick("b4"))                                                                                                        // p4: waits for the lane
	s.do(hold("b5", "ga", 1))                                                                                                   //
	s.do(&Command{Verb: VerbConfirm, Buyer: "b5", Hold: string(AppendHoldID(nil, s.e.holdLast, 0)), PaymentRef: "inv"})         // paid outside
	s.do(hold("b6", "ga", 1))                                                                                                   //
	s.wanted()                                                                                                                  //
	out := s.do(&Command{Verb: VerbCancel, Payment: &PaymentCommand{Reason: "rain"}})                                           //
	if c := out.Event.Cancel; c.Orders != 3 || c.External != 1 || c.Refunded+c.Failed != 0 || out.Event.HoldsLive != 1 || s.e.Unsettled() {
		t.Fatalf("cancelled as %+v with %d holds", c, out.Event.HoldsLive)
	}
	work := s.wanted()
	if len(work) != 2 || work[0].Operation != payment.Refund || work[0].Refund != 1 || work[1].Operation != payment.Void || work[1].Purchase != 2 {
		t.Fatalf("the lane is told %+v", work)
	}
	if v := s.do(&Command{Verb: VerbPurchase, Payment: &PaymentCommand{Purchase: "p4"}}).Purchase; v.State != PurchaseReleased {
		t.Fatalf("what waited for the lane is %+v", v)
	}
	s.sends(1, 0)
	s.answers(1, payment.Refund, refundedOf(9500))
	s.answer(2, payment.Void, payment.Result{Answer: payment.Voided})
	v := s.do(&Command{Verb: VerbResult, Payment: &PaymentCommand{At: 3, Operation: payment.Authorise, Result: &payment.Result{Answer: payment.Authorised, Ref: "ch_3", AmountMinor: 9500, Currency: "EUR"}}}).Purchase
	if v.State != PurchaseReleased || v.Charge != ChargeVoiding {
		t.Fatalf("what was charged too late is %+v", v)
	}
	s.answer(3, payment.Void, payment.Result{Answer: payment.Voided})
	out = s.do(&Command{Verb: VerbGet})
	if c := out.Event.Cancel; c.Orders != 3 || c.External != 1 || c.Refunded != 2 || c.Failed != 0 || out.Event.HoldsLive != 0 || s.e.HasOpenWork() {
		t.Fatalf("in the end it is %+v with %d holds", c, out.Event.HoldsLive)
	}
	if _, ok := s.e.Archivable(); !ok {
		t.Error("it cannot be archived")
	}
}
