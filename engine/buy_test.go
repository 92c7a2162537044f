package engine

import (
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// sale is an event with a replica that folds its facts, and is woken from its snapshot after each step.
type sale struct {
	*world
	replica *Event
}

func newSale(t testing.TB) *sale {
	t.Helper()
	s := &sale{world: newWorld(t, testSpec())}
	s.replica = New(testKey())
	s.fold(1)
	return s
}

// fold folds what the last step decided, and compares.
func (s *sale) fold(first Seq) {
	s.t.Helper()
	if err := s.replica.Fold(&Run{First: first, At: s.now, Facts: s.facts}); err != nil {
		s.t.Fatal(err)
	}
	for _, e := range []*Event{s.e, s.replica} {
		if err := e.Check(); err != nil {
			s.t.Fatal(err)
		}
	}
	opened, err := OpenSnapshot(testKey(), s.replica.AppendSnapshot(nil))
	if err != nil || opened.StateHash() != s.e.StateHash() {
		s.t.Fatalf("opened %v: %v", opened, err)
	}
	s.replica = opened.(*Event)
}

func (s *sale) do(cmd *Command) *Outcome {
	s.t.Helper()
	first := s.e.Seq() + 1
	s.facts.Reset()
	s.now += second
	out := s.ok(cmd)
	s.fold(first)
	return out
}

func (s *sale) answer(id PurchaseID, operation payment.Operation, r payment.Result) *PurchaseView {
	s.t.Helper()
	if operation.Changes() {
		s.do(&Command{Verb: VerbIntend, Payment: &PaymentCommand{At: id, Operation: operation}})
	}
	return s.do(&Command{Verb: VerbResult, Payment: &PaymentCommand{At: id, Operation: operation, Result: &r}}).Purchase
}

func oneClick(buyer string) *Command {
	return &Command{Verb: VerbBuy, Buyer: buyer, Items: []Item{{Lot: "ga", Quantity: 2}}, Payment: &PaymentCommand{Note: goodCard()}}
}

func TestAPurchaseIsSoldCapturedAndToldAbout(t *testing.T) {
	s := newSale(t)
	v := s.do(oneClick("b1")).Purchase
	if v.State != PurchaseQueued || v.TotalMinor != 9500 {
		t.Fatalf("bought as %+v", v)
	}
	var told Signals
	s.e.TakeSignals(&told)
	if len(told.Work) != 1 || told.Work[0].Operation != payment.Authorise || told.Work[0].AmountMinor != 9500 || len(told.Changes) != 1 {
		t.Fatalf("signals are %+v", told)
	}
	v = s.answer(1, payment.Authorise, payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: 9500, Currency: "EUR"})
	if v.State != PurchaseSold || v.Charge != ChargeAuthorised || v.Order != 1 {
		t.Fatalf("sold as %+v", v)
	}
	at, ok := s.e.NextDeadline()
	if !ok || at != v.UndoUntil {
		t.Fatalf("wants to be woken at %d, the time to undo ends at %d", at, v.UndoUntil)
	}
	s.now = at
	s.do(&Command{Verb: VerbExpire})
	if work := s.e.OpenWork(nil); len(work) != 1 || work[0].Operation != payment.Capture || work[0].Ref != "ch_1" {
		t.Fatalf("open is %+v", work)
	}
	v = s.answer(1, payment.Capture, payment.Result{Answer: payment.Captured, Ref: "ch_1", AmountMinor: 9500, Currency: "EUR"})
	if v.Charge != ChargeCaptured || s.e.HasOpenWork() {
		t.Fatalf("captured as %+v", v)
	}
}

func TestAnotherAmountIsNeverSold(t *testing.T) {
	s := newSale(t)
	s.do(oneClick("b1"))
	v := s.answer(1, payment.Authorise, payment.Result{Answer: payment.Captured, Ref: "ch_1", AmountMinor: 9499, Currency: "EUR"})
	if v.State != PurchaseDeclined || v.Decline != payment.DeclineConfiguration || v.Charge != ChargeVoiding {
		t.Fatalf("the purchase is %+v", v)
	}
	if work := s.e.OpenWork(nil); len(work) != 1 || work[0].Operation != payment.Refund {
		t.Fatalf("open is %+v", work)
	}
	v = s.answer(1, payment.Refund, payment.Result{Answer: payment.Refunded})
	if v.Charge != ChargeVoided || s.e.Stats().Free != s.e.Stats().Capacity {
		t.Fatalf("the purchase is %+v", v)
	}
}

func TestThreeSoftDeclinesEndAHold(t *testing.T) {
	s := newSale(t)
	s.do(oneClick("b1"))
	soft := payment.Result{Answer: payment.DeclinedSoft, Decline: payment.DeclineInsufficientFunds}
	for id := PurchaseID(1); ; id++ {
		v := s.answer(id, payment.Authorise, soft)
		if v.State != PurchaseDeclined || v.HoldLives != (id < 3) {
			t.Fatalf("after decline %d the purchase is %+v", id, v)
		}
		if id == 3 {
			break
		}
		s.do(&Command{Verb: VerbBuy, Buyer: "b1", Hold: "h1", Payment: &PaymentCommand{Note: goodCard()}})
	}
	s.do(oneClick("b2"))
	if v := s.answer(4, payment.Authorise, payment.Result{Answer: payment.DeclinedHard, Decline: payment.DeclineFraud}); v.HoldLives {
		t.Fatalf("after a hard decline the purchase is %+v", v)
	}
	if s.e.Stats().Free != s.e.Stats().Capacity {
		t.Fatalf("counts are %+v", s.e.Stats().Counts)
	}
}

func TestBoundsOfABuy(t *testing.T) {
	s := newSale(t)
	cmd := oneClick("b1")
	cmd.Payment.ReturnURL = "https://shop.example/" + strings.Repeat("a", ReturnURLLenMax-20)
	if out := s.refused(CodeInvalid, cmd); out.Field != "return_url" {
		t.Fatalf("the field is %q", out.Field)
	}
	cmd.Payment.ReturnURL = cmd.Payment.ReturnURL[:ReturnURLLenMax]
	s.do(cmd)
}

func TestATimeoutIsNoDecline(t *testing.T) {
	s := newSale(t)
	s.do(oneClick("b1"))
	for _, answer := range []payment.Answer{payment.Unknown, payment.Pending, payment.NotDone, payment.NotFound} {
		if v := s.answer(1, payment.LookUp, payment.Result{Answer: answer}); v.State != PurchaseQueued {
			t.Fatalf("after %s the purchase is %s", answer, v.State)
		}
	}
	s.answer(1, payment.Authorise, payment.Result{})
	for range 3 {
		s.now, _ = s.e.NextDeadline()
		s.do(&Command{Verb: VerbExpire})
		if v := s.answer(1, payment.LookUp, payment.Result{}); v.State.Final() {
			t.Fatalf("after an answer that did not come the purchase is %s", v.State)
		}
		if s.e.Stats().Paying != 2 {
			t.Fatalf("counts are %+v", s.e.Stats().Counts)
		}
		if s.e.purchases.rows.at(0).state == PurchaseStuck {
			return
		}
	}
	t.Fatal("nobody is told that it is stuck")
}

// A hundred clicks on one button, each with a request id of its own, make one order.
func TestAnOfferBuysOnce(t *testing.T) {
	s := newSale(t)
	offer := func(buyer string) *OfferView {
		return s.do(&Command{Verb: VerbOffer, Buyer: buyer, Items: []Item{{Lot: "stalls", Seats: []string{"A/1/4", "A/1/5"}}}, Payment: &PaymentCommand{Note: goodCard()}}).Offer
	}
	v := offer("b1")
	if !v.OneClick || v.ID != 1 || v.TotalMinor != v.FaceMinor+v.FeesMinor || len(v.Items) != 1 {
		t.Fatalf("offered %+v", v)
	}
	click := func(buyer string) *Command {
		return &Command{Verb: VerbBuy, Buyer: buyer, Payment: &PaymentCommand{Offer: "f1", Note: goodCard()}}
	}
	s.refused(CodeOfferUnknown, click("b2"))
	s.do(click("b1"))
	for range 49 {
		s.refused(CodePaymentInProgress, click("b1"))
	}
	total := v.TotalMinor
	s.answer(1, payment.Authorise, payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: total, Currency: "EUR"})
	for range 50 {
		s.refused(CodeOfferUsed, click("b1"))
	}
	if s.e.Stats().Orders != 1 || s.e.Stats().Sold != 2 {
		t.Fatalf("sold %+v", s.e.Stats())
	}
	undone := s.do(&Command{Verb: VerbUndo, Buyer: "b1", Payment: &PaymentCommand{Purchase: "p1"}}).Purchase
	if !undone.Undone || undone.Charge != ChargeVoiding || s.e.Stats().Sold != 0 {
		t.Fatalf("undone %+v", undone)
	}
	s.refused(CodeOfferUsed, click("b1"))
	if v := s.answer(1, payment.Void, payment.Result{Answer: payment.Voided}); v.Charge != ChargeVoided || s.e.HasOpenWork() {
		t.Fatalf("let go %+v", v)
	}
	// What is lost to somebody else is said by its name, to a repeat of the click too.
	offer("b3")
	s.do(&Command{Verb: VerbHold, Buyer: "b4", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/5"}}}})
	lost := &Command{Verb: VerbBuy, Buyer: "b3", RequestID: "lost", Payment: &PaymentCommand{Offer: "f2", Note: goodCard()}}
	for range 2 {
		if out := s.refused(CodeSeatTaken, lost); out.Lot != "A/1/5" {
			t.Fatalf("the seat is %q", out.Lot)
		}
	}
}

// What a gateway does to a charge in the time to undo, by itself or by its operator, keeps nobody from taking a purchase back.
func TestAPurchaseIsUndoneWhateverItsChargeHasCome(t *testing.T) {
	gone := payment.Result{Answer: payment.Voided}
	for _, c := range []struct {
		news    payment.Result
		resolve payment.Answer
		charge  ChargeState
		work    payment.Operation
		amount  int64
	}{
		{news: gone, charge: ChargeVoiding, work: payment.Void, amount: 9500},
		{news: gone, resolve: payment.Voided, charge: ChargeVoided},
		{news: gone, resolve: payment.Captured, charge: ChargeVoiding, work: payment.Refund, amount: 9500},
		{news: payment.Result{Answer: payment.Captured, AmountMinor: 9500, Currency: "EUR"}, charge: ChargeVoiding, work: payment.Refund, amount: 9500},
		{news: payment.Result{Answer: payment.Captured, AmountMinor: 9499, Currency: "EUR"}, charge: ChargeVoiding, work: payment.Refund, amount: 9499},
	} {
		s := charged(t, false)
		s.answer(1, payment.LookUp, c.news)
		s.answer(1, payment.LookUp, c.news) // told twice
		if c.resolve != 0 {
			s.do(&Command{Verb: VerbResolve, RequestID: "resolve", Payment: &PaymentCommand{Purchase: "p1", Result: &payment.Result{Answer: c.resolve}}})
		}
		v := s.do(&Command{Verb: VerbUndo, Buyer: "b1", Payment: &PaymentCommand{Purchase: "p1"}}).Purchase
		work := s.e.OpenWork(nil)
		if !v.Undone || v.Charge != c.charge || s.e.Stats().Sold != 0 {
			t.Fatalf("after %+v it is undone as %+v", c, v)
		}
		if c.work == 0 && len(work) == 0 {
			continue
		}
		if len(work) != 1 || work[0].Operation != c.work || work[0].AmountMinor != c.amount {
			t.Fatalf("after %+v the lane is told %+v", c, work)
		}
	}
}

// A payment that comes late for the hold that is forgotten next gets its tickets, and nothing is written about a hold that is not there any more.
func TestALatePaymentForTheOldestEndedHold(t *testing.T) {
	for _, other := range []bool{false, true} {
		w := &world{t: t, e: NewWithLimits(testKey(), Limits{Ended: 2}), now: start}
		w.ok(&Command{Verb: VerbCreate, Spec: testSpec()})
		s := &sale{world: w, replica: New(testKey())}
		s.fold(1)
		s.do(hold("b1", "ga", 2))
		s.now, _ = s.e.NextDeadline()
		s.do(&Command{Verb: VerbExpire})
		s.do(hold("b2", "ga", 1))
		s.do(&Command{Verb: VerbRelease, Buyer: "b2", Hold: "h2"})
		if other {
			s.do(hold("b1", "ga", 1))
		}
		cmd := &Command{Verb: VerbConfirm, RequestID: "late", Buyer: "b1", Hold: "h1", PaymentRef: "inv-1", Payment: &PaymentCommand{Late: true}}
		for range 2 {
			if out := s.do(cmd); out.Order.ID != 1 || out.Order.Tickets != 2 || s.e.Stats().Sold != 2 {
				t.Fatalf("it is answered %+v", out)
			}
		}
		s.refused(CodeHoldUnknown, &Command{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv-1", Payment: &PaymentCommand{Late: true}})
	}
}

// What a gateway refuses to let go is asked for again and again, until somebody has looked: it is gone, or was taken and has to be given back.
func TestSomebodyEndsAVoidThatIsAlwaysRefused(t *testing.T) {
	resolve := func(as payment.Answer) *Command {
		return &Command{Verb: VerbResolve, RequestID: "resolve" + as.String(), Payment: &PaymentCommand{Purchase: "p1", Result: &payment.Result{Answer: as, Ref: "ch_1"}}}
	}
	refused := payment.Result{Answer: payment.Failed, Decline: payment.DeclineConfiguration}
	for _, there := range []int64{9500, 9499} {
		for _, as := range []payment.Answer{payment.Voided, payment.Captured} {
			s := newSale(t)
			s.do(oneClick("b1"))
			s.answer(1, payment.Authorise, payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: there, Currency: "EUR"})
			if there == 9500 {
				s.do(&Command{Verb: VerbUndo, Buyer: "b1", Payment: &PaymentCommand{Purchase: "p1"}})
			}
			s.refused(CodeWrongState, resolve(as)) // nobody has refused it yet
			s.answer(1, payment.Void, refused)
			s.refused(CodeWrongState, resolve(payment.Authorised))
			again := resolve(as)
			again.RequestID = "again"
			v := s.do(again).Purchase
			if as == payment.Voided {
				if v.Charge != ChargeVoided || s.e.HasOpenWork() {
					t.Fatalf("resolved as %+v", v)
				}
				continue
			}
			if work := s.e.OpenWork(nil); len(work) != 1 || work[0].Operation != payment.Refund || work[0].AmountMinor != there || work[0].Attempt != 0 {
				t.Fatalf("the lane is told %+v", work)
			}
			s.answer(1, payment.Refund, refused)
			taken := resolve(payment.Captured)
			taken.RequestID = "taken"
			s.refused(CodeWrongState, taken) // known
			gone := resolve(payment.Voided)
			gone.RequestID = "gone"
			if v := s.do(gone).Purchase; v.Charge != ChargeVoided || s.e.HasOpenWork() {
				t.Fatalf("resolved as %+v", v)
			}
		}
	}
}

// A gateway that says what no gateway should harms nobody: what was written can be read again.
func TestReasonsToDeclineThatThereAreNot(t *testing.T) {
	s := charged(t, true)
	s.refund(PaymentCommand{})
	s.sends(1, 0)
	s.answers(1, payment.Refund, payment.Result{Answer: payment.Failed, Decline: 200})
	s.do(oneClick("b2"))
	if v := s.answer(2, payment.Authorise, payment.Result{Answer: payment.DeclinedHard, Decline: 200}); v.Decline != payment.DeclineGeneric {
		t.Fatalf("declined as %+v", v)
	}
	s.do(oneClick("b3"))
	v := s.answer(3, payment.Authorise, payment.Result{Answer: payment.Captured, AmountMinor: -5, Currency: "not a currency"})
	if work := s.e.OpenWork(nil); v.State != PurchaseDeclined || len(work) != 1 || work[0].AmountMinor != 9500 || work[0].Currency != "EUR" {
		t.Fatalf("the purchase is %+v, the lane is told %+v", v, work)
	}
}

// A charge that is found to be declined after all, when it was to be captured or let go, is gone: somebody is told, and nobody asks for ever.
func TestAChargeThatWasDeclinedAfterAll(t *testing.T) {
	declined := payment.Result{Answer: payment.DeclinedHard, Decline: payment.DeclineGeneric}
	s := charged(t, false)
	s.now, _ = s.e.NextDeadline()
	s.do(&Command{Verb: VerbExpire})
	s.answer(1, payment.Capture, payment.Result{})
	if v := s.answer(1, payment.LookUp, declined); v.Charge != ChargeCaptureFailed || s.e.HasOpenWork() {
		t.Fatalf("a capture ends as %+v", v)
	}
	s = charged(t, false)
	if v := s.answer(1, payment.LookUp, declined); v.Charge != ChargeAuthorised {
		t.Fatalf("old news makes it %+v", v)
	}
	s.do(&Command{Verb: VerbUndo, Buyer: "b1", Payment: &PaymentCommand{Purchase: "p1"}})
	s.answer(1, payment.Void, payment.Result{})
	if v := s.answer(1, payment.LookUp, declined); v.Charge != ChargeVoided || s.e.HasOpenWork() {
		t.Fatalf("a void ends as %+v", v)
	}
}
