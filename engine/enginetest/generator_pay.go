package enginetest

import (
	"slices"
	"strconv"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// paid is what a generator has seen of the holds, offers, purchases and orders of its event. The model does not know purchases: from the first one on it stands still,
// and what commands refer to is drawn from here.
type paid struct {
	begun  bool
	holds  []generatedID
	offers []generatedID
	buys   []generatedID
	orders []generatedID
	passes []generatedID // the id is empty
	asked  []engine.Work // the newest work of the lane, also what is over: results come late, and twice
	told   engine.Signals
}

type generatedID struct{ id, buyer string }

// generatedSeen is how many of each a generator remembers, the newest.
const generatedSeen = 12

func remember(list *[]generatedID, id []byte, buyer string) {
	what := generatedID{string(id), buyer}
	if slices.Contains(*list, what) {
		return
	}
	if *list = append(*list, what); len(*list) > generatedSeen {
		*list = (*list)[1:]
	}
}

// saw keeps what an outcome shows, and who was let in.
func (p *paid) saw(e *engine.Event, out *engine.Outcome) {
	if out.Shows&engine.ShowsHold != 0 {
		remember(&p.holds, engine.AppendHoldID(nil, out.Hold.ID, out.Hold.Incarnation), out.Hold.Buyer)
	}
	if out.Shows&engine.ShowsOffer != 0 && out.Offer.ID != 0 {
		remember(&p.offers, engine.AppendOfferID(nil, out.Offer.ID, out.Offer.Incarnation), out.Offer.Buyer)
	}
	if out.Shows&engine.ShowsPurchase != 0 {
		remember(&p.buys, engine.AppendPurchaseID(nil, out.Purchase.ID, out.Purchase.Incarnation), out.Purchase.Buyer)
	}
	if out.Shows&engine.ShowsOrder != 0 {
		remember(&p.orders, engine.AppendOrderID(nil, out.Order.ID, out.Order.Incarnation), out.Order.Buyer)
	}
	p.told.Reset()
	e.TakeSignals(&p.told)
	for _, c := range p.told.Places {
		if c.State == engine.PlaceAdmitted {
			remember(&p.passes, nil, c.Buyer)
		}
	}
}

// seen draws one of those that were seen.
func (g *Generator) seen(list []generatedID, what string) generatedID {
	if len(list) == 0 || g.chance(2, "another") {
		return generatedID{pick(g, "id", "h9", "f9", "p9", "o9", g.badID()), g.buyer()}
	}
	of := list[len(list)-1-g.below(1+g.below(len(list), "how old"), what)] // mostly one of the newest
	if g.chance(4, "of another buyer") {
		of.buyer = g.buyer()
	}
	return of
}

// paying draws a command about a purchase: of a buyer, of the lane, or of whoever buys what the waiting list was offered.
func (g *Generator) paying() engine.Command {
	g.paid.begun = true
	autos, open := g.shell.Event.AutoBuys(nil), g.shell.Event.OpenWork(nil)
	kind := g.weighted("pay", 25, 8, 10, 4, 4, 3, 3, 5, 8, 2, 3, 2)
	switch {
	case len(autos) > 0 && g.chance(40, "auto-buy"):
		return g.autoBuy(autos)
	case len(open) > 0 && g.chance(60, "lane"):
		return g.lane(open)
	case g.shell.State() == engine.EventPaused && g.chance(50, "open again"):
		return engine.Command{Verb: engine.VerbOpen}
	}
	switch kind {
	case 0:
		return g.buy(engine.VerbBuy)
	case 1:
		cmd := g.hold()
		g.letIn(&cmd)
		return cmd
	case 2:
		return g.buy(engine.VerbOffer)
	case 3:
		return g.onPurchase(engine.VerbUndo)
	case 4:
		return g.onPurchase(engine.VerbPurchase)
	case 5:
		return g.onPurchase(engine.VerbComplete)
	case 6:
		return g.resolve()
	case 7: // paid outside, perhaps after the end
		of := g.seen(g.paid.holds, "hold")
		cmd := engine.Command{Verb: engine.VerbConfirm, Buyer: of.buyer, Hold: of.id, PaymentRef: "inv-" + strconv.Itoa(g.below(9, "ref"))}
		cmd.Payment = &engine.PaymentCommand{Late: g.chance(70, "late"), Equal: g.chance(50, "equal")}
		return cmd
	case 8:
		of := g.seen(g.paid.holds, "hold")
		return engine.Command{Verb: pick(g, "verb", engine.VerbRelease, engine.VerbExtend), Buyer: of.buyer, Hold: of.id}
	case 9:
		return engine.Command{Verb: engine.VerbOneClick, Payment: &engine.PaymentCommand{
			On: g.chance(85, "on"), HasOn: true, PercentShare: pick[int64](g, "share", engine.OneClickEveryone, engine.OneClickEveryone, 5000), HasShare: g.chance(50, "share too"),
		}}
	case 10:
		of := g.seen(g.paid.orders, "order")
		p := &engine.PaymentCommand{KeepFees: g.chance(20, "keep fees"), Block: g.chance(20, "block"), ByBuyer: g.chance(20, "by buyer")}
		if g.chance(40, "a part") {
			*p = engine.PaymentCommand{HasAmount: true, AmountMinor: int64(1 + g.below(3000, "amount"))}
		}
		return engine.Command{Verb: engine.VerbRefund, Order: of.id, Payment: p}
	}
	return engine.Command{Verb: pick(g, "verb", engine.VerbPause, engine.VerbOpen)}
}

// note draws what the shell knows of a buyer who pays: mostly that all is well.
func (g *Generator) note() engine.Annotation {
	n := goodCard()
	switch g.weighted("note", 70, 5, 5, 5, 5, 5, 5) {
	case 1:
		n.Eligible = engine.Eligibility(g.below(9, "eligible"))
	case 2:
		n.MethodWhy = engine.Eligibility(g.below(9, "method"))
	case 3:
		n.StepUp = engine.StepUp(g.below(8, "step up"))
	case 4:
		n.Can &^= payment.SeparateCapture | payment.Voidable
	case 5:
		n.Busy, n.RetryAfterMs = true, 1000
	case 6:
		n.CapMinor = int64(1 + g.below(9000, "cap"))
	}
	if g.chance(15, "linked") {
		n.Links = []uint64{uint64(1 + g.below(5, "link"))}
	}
	return n
}

// letIn makes somebody who was let in the buyer, most often.
func (g *Generator) letIn(cmd *engine.Command) {
	if len(g.paid.passes) > 0 && g.chance(70, "with a pass") {
		cmd.Buyer = g.seen(g.paid.passes, "pass").buyer
	}
}

func (g *Generator) buy(verb engine.Verb) engine.Command {
	cmd := g.hold()
	g.letIn(&cmd)
	cmd.Verb, cmd.Fill, cmd.AtLeast = verb, engine.FillAllOrNothing, 0
	cmd.Payment = &engine.PaymentCommand{Note: g.note(), Again: g.chance(70, "again")}
	if verb == engine.VerbOffer {
		return cmd
	}
	what := g.weighted("what", 30, 40, 30)
	switch {
	case what == 1 && len(g.paid.holds) > 0:
		of := g.seen(g.paid.holds, "hold")
		cmd.Items, cmd.Hold, cmd.Buyer = nil, of.id, of.buyer
	case what == 2 && len(g.paid.offers) > 0:
		of := g.seen(g.paid.offers, "offer")
		cmd.Items, cmd.Payment.Offer, cmd.Buyer = nil, of.id, of.buyer
	}
	if cmd.Items == nil && g.chance(80, "the code is known") {
		cmd.Line = nil
	}
	if g.chance(25, "or wait") {
		said := engine.LineCommand{}
		if cmd.Line != nil {
			said = *cmd.Line
		}
		said.Wait = true
		cmd.Line = &said
	}
	switch g.weighted("method", 80, 10, 10) {
	case 1:
		n := &cmd.Payment.Note
		n.Kind, n.Can, cmd.Payment.ReturnURL = payment.MethodRedirect, payment.Instant|payment.Redirect, "https://shop.example"
	case 2:
		cmd.Payment.Note.Kind, cmd.Payment.Note.Can = payment.MethodDelayedDebit, payment.Reusable
	}
	return cmd
}

// autoBuy buys what was offered, as the shell does.
func (g *Generator) autoBuy(autos []engine.WaitChange) engine.Command {
	of := autos[g.below(len(autos), "offer")]
	hold := string(engine.AppendHoldID(nil, of.Hold, of.HoldIn))
	note := g.note()
	note.Method, note.Agreement = of.Method, of.Agreement
	return engine.Command{Verb: engine.VerbBuy, RequestID: "auto-" + hold, Buyer: of.Buyer, Hold: hold, Payment: &engine.PaymentCommand{Auto: true, Method: of.Method, Note: note}}
}

func (g *Generator) onPurchase(verb engine.Verb) engine.Command {
	of := g.seen(g.paid.buys, "purchase")
	return engine.Command{Verb: verb, Buyer: of.buyer, Payment: &engine.PaymentCommand{Purchase: of.id}}
}

func (g *Generator) resolve() engine.Command {
	cmd := g.onPurchase(engine.VerbResolve)
	g.count++
	cmd.Buyer, cmd.RequestID = "", g.Prefix+"r"+strconv.Itoa(g.count)
	cmd.Payment.Result = &payment.Result{Answer: pick(g, "answer", payment.Captured, payment.Voided, payment.Authorised, payment.Refunded), Ref: "ch_1"}
	return cmd
}

// lane draws a step of the payment lane: a request that is made, or what came back, sometimes of work that is over.
func (g *Generator) lane(open []engine.Work) engine.Command {
	w := open[g.below(len(open), "work")]
	if len(g.paid.asked) > 0 && g.chance(10, "old work") {
		w = g.paid.asked[g.below(len(g.paid.asked), "which")]
	} else if g.paid.asked = append(g.paid.asked, w); len(g.paid.asked) > generatedSeen {
		g.paid.asked = g.paid.asked[1:]
	}
	p := &engine.PaymentCommand{At: w.Purchase, Refund: w.Refund, Operation: w.Operation}
	if w.Intended == 0 && g.chance(70, "intend") {
		p.Attempt, p.Hash = w.Attempt, [32]byte{byte(w.Purchase), byte(w.Operation)}
		return engine.Command{Verb: engine.VerbIntend, Payment: p}
	}
	r := &payment.Result{Ref: "ch_" + strconv.FormatUint(uint64(w.Purchase), 10), AmountMinor: w.AmountMinor, Currency: w.Currency}
	r.Answer = [...]payment.Answer{
		payment.Authorise: payment.Authorised, payment.Capture: payment.Captured, payment.Void: payment.Voided, payment.Refund: payment.Refunded,
		payment.LookUp: payment.Authorised, payment.Cancel: payment.Voided,
	}[w.Operation]
	if g.chance(35, "another answer") {
		r.Answer = payment.Answer(g.below(int(payment.Failed)+1, "answer"))
	}
	switch r.Answer {
	case payment.DeclinedSoft:
		r.Decline = payment.DeclineInsufficientFunds
	case payment.DeclinedHard:
		r.Decline = payment.DeclineExpired
	case payment.Failed:
		r.Decline = payment.DeclineGeneric
	}
	switch g.weighted("wrong result", 94, 2, 2, 2) {
	case 1:
		r.AmountMinor++
	case 2:
		r.Currency = "USD"
	case 3:
		r.Ref = ""
	}
	p.Result = r
	return engine.Command{Verb: engine.VerbResult, Payment: p}
}
