package engine

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// duplicateNs is how long after an order the same items look like a click too many.
const duplicateNs = 10e9

// buy takes tickets for a buyer, or the hold that the buyer has, and has them paid. It decides everything before the first fact: once the tickets are held
// only the gateway can say no.
func (e *Event) buy(cmd *Command) {
	p := paymentOf(cmd)
	if !e.validBuy(cmd, p) {
		return
	}
	if !e.sellsHere(cmd) {
		return
	}
	f := &e.work.buying
	known, hash, buyer := e.knownToo(cmd, &f.asked)
	if known {
		return
	}
	h := &e.work.held
	h.asked, h.buyerHash, h.buyerRow = asked{}, hash, buyer
	hold, total, offer := uint32(0), int64(0), OfferID(0)
	e.why.code = CodeOK
	if p.Offer != "" {
		if cmd, offer = e.takeOffer(cmd, p, buyer); e.why.code != CodeOK {
			e.refuseAsked(cmd, &f.asked, e.why)
			return
		}
	}
	if cmd.Hold == "" {
		f.flow = FlowOneClick
		e.judgeReplacing(cmd, h)
		total = e.totalWanted()
		e.judgeOneClick(p, total)
	} else {
		f.flow = FlowStandard
		slot, why := e.heldBy(cmd, buyer)
		if why.code != CodeOK {
			e.refuseAsked(cmd, &f.asked, why)
			return
		}
		hold, total = slot, e.total(&e.holds.at(slot).basket)
		e.judgeMaxPrice(cmd, total)
		e.judgeLinked(cmd, buyer, slot+1, e.unitsIn(&e.holds.at(slot).basket))
		if e.judgeMethod(p, total); p.Auto {
			f.flow = FlowOneClick
			e.judgeAuto(p, buyer, total)
		}
	}
	e.judgePurchase(p, buyer, hold, total, cmd.Hold != "")
	if e.why.code != CodeOK {
		if lineOf(cmd).Wait && cmd.Hold == "" && e.maybeLater(cmd) {
			e.buyLater(cmd, &factWished{asked: f.asked, buyer: cmd.Buyer, buyerHash: hash, buyerRow: buyer})
			return
		}
		e.refuseAsked(cmd, &f.asked, e.why)
		if e.why.code == CodeSeatTaken {
			e.out.Alternatives = e.work.alternatives
		}
		if p.Auto && cmd.Hold != "" {
			e.failAuto(buyer, e.why.code)
		}
		return
	}
	if cmd.Hold == "" {
		hold = e.grant(cmd, h)
	} else {
		e.link(cmd, h)
	}
	f.purchase, f.hold, f.offer = PurchaseID(e.purchases.rows.rows)+1, e.holds.at(hold).id(), offer
	f.device, f.channel = cmd.Device, cmd.Channel
	n := &p.Note
	f.gateway, f.method, f.kind, f.can, f.agreement, f.url = n.Gateway, n.Method, n.Kind, n.Can, n.Agreement, ""
	if total == 0 {
		f.gateway, f.method, f.kind, f.can = "", "", 0, 0
	} else if n.Can.Has(payment.Redirect) {
		f.url = p.ReturnURL
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	slot := e.applyBuying(f, hold)
	if total == 0 {
		e.sold(slot, ChargeNone, "")
	} else {
		e.signal(slot, true)
	}
	e.showPurchase(slot)
}

// maybeLater reports whether a purchase that is refused may be had by waiting: what it is for is sold out. Without a pass that counts if there is nothing left for the line.
func (e *Event) maybeLater(cmd *Command) bool {
	switch e.why.code { //nolint:exhaustive // no other has to do with what is free
	case CodeSoldOut, CodeNotTogether:
		return true
	case CodePassRequired, CodePassExpired:
		lot, ok := e.lotNamed(cmd.Items[0].Lot)
		return ok && e.isSoldOut(lot)
	}
	return false
}

// noPayment is what a command without a PaymentCommand says.
//
//nolint:gochecknoglobals // a constant
var noPayment PaymentCommand

func paymentOf(cmd *Command) *PaymentCommand {
	if cmd.Payment == nil {
		return &noPayment
	}
	return cmd.Payment
}

// judgeOneClick adds the reasons why this buyer cannot buy with one click.
func (e *Event) judgeOneClick(p *PaymentCommand, total int64) {
	n := &p.Note
	if !e.oneClickOn(n) {
		e.because(refusal{code: CodeOneClickOff, field: fieldBuyer})
	}
	if total == 0 {
		return
	}
	switch {
	case n.Eligible != EligibleYes:
		e.because(refusal{code: CodeNotEligible, field: fieldBuyer, text: eligibleSentence(n.Eligible)})
	case n.StepUp != StepUpNone:
		e.because(refusal{code: CodeStepUpRequired, field: fieldBuyer, text: stepUpSentence(n.StepUp)})
	case n.aboveCap(total, e.spec.Currency):
		e.because(refusal{code: CodeStepUpRequired, field: fieldBuyer, text: stepUpSentence(StepUpAboveAgreement)})
	case n.Agreement == "":
		e.because(refusal{code: CodeAgreementMissing, field: fieldBuyer})
	}
	e.judgeMethod(p, total)
	if !n.Can.OneClick() {
		e.because(refusal{code: CodeMethodUnusable, field: fieldMethod, text: methodNeedsBuyer})
	}
}

// oneClickOn reports whether one-click checkout is on for a buyer, everywhere and in this event.
func (e *Event) oneClickOn(n *Annotation) bool {
	return n.OneClickOn && !e.spec.Pay.OneClickOff && int64(n.Bucket) < min(n.OneClickShare, e.spec.Pay.OneClickShare)
}

// judgeMethod adds the reasons why the saved method cannot be charged.
func (e *Event) judgeMethod(p *PaymentCommand, total int64) {
	n := &p.Note
	if total == 0 {
		return
	}
	switch {
	case p.Method != "" && n.Method != p.Method:
		e.because(refusal{code: CodeMethodUnknown, field: fieldMethod})
	case n.MethodWhy != EligibleYes:
		e.because(refusal{code: CodeMethodUnusable, field: fieldMethod, text: eligibleSentence(n.MethodWhy)})
	case n.Method == "":
		e.because(refusal{code: CodeMethodUnusable, field: fieldMethod, text: eligibleSentence(EligibleNoMethod)})
	case n.Gateway == "":
		e.because(refusal{code: CodeMethodUnusable, field: fieldMethod, text: eligibleSentence(EligibleNoGateway)})
	case n.Kind == payment.MethodDelayedDebit:
		e.because(refusal{code: CodeMethodUnusable, field: fieldMethod, text: methodIsSlow})
	case n.Can.Has(payment.Redirect) && p.ReturnURL == "":
		e.because(refusal{code: CodeMethodUnusable, field: fieldMethod, text: methodNeedsURL})
	}
}

// judgeMaxPrice adds that a total is above the command's maximum.
func (e *Event) judgeMaxPrice(cmd *Command, total int64) {
	if (cmd.HasMaxPrice || cmd.MaxPrice > 0) && total > cmd.MaxPrice {
		e.because(refusal{code: CodePriceExceeded, field: fieldMaxPrice, have: cmd.MaxPrice, want: total})
	}
}

// judgePurchase adds the reasons that have nothing to do with the flow: a click too many, the lane, and the bounds of tables.
func (e *Event) judgePurchase(p *PaymentCommand, buyer, hold uint32, total int64, held bool) {
	n := &p.Note
	switch {
	case total == 0:
	case n.Breaker:
		e.because(refusal{code: CodePaymentUnavailable, field: fieldMethod, have: n.RetryAfterMs})
	case n.Busy:
		e.because(refusal{code: CodePaymentBusy, field: fieldMethod, have: n.RetryAfterMs})
	}
	if !p.Again && !p.Auto && p.Offer == "" && buyer != 0 && e.duplicate(buyer, hold, held) {
		e.because(refusal{code: CodeDuplicateSuspected, field: fieldItems})
	}
	if e.purchases.rows.live() >= e.limits.Purchases {
		e.because(refusal{code: CodeTooMany, text: tooManyPurchases, want: int64(e.limits.Purchases)})
	}
	if e.orders.live() >= e.limits.Orders {
		e.because(refusal{code: CodeTooMany, text: tooManyOrders, want: int64(e.limits.Orders)})
	}
}

// duplicate reports whether a buyer (slot + 1) has bought just what is wanted, or what is in a hold, a moment ago.
func (e *Event) duplicate(buyer, hold uint32, held bool) bool {
	c := e.buyers.at(buyer - 1).customer
	if c == 0 || e.customers.at(c-1).order == 0 {
		return false
	}
	last := e.orders.at(e.customers.at(c-1).order - 1)
	if e.now-last.at >= duplicateNs {
		return false
	}
	sales := e.salesOf(&last.basket, allLots)
	if !held {
		for i := range e.work.wanted {
			w := &e.work.wanted[i]
			if e.salesOf(&last.basket, w.lot) != w.take {
				return false
			}
			sales -= w.take
		}
		return sales == 0
	}
	b := &e.holds.at(hold).basket
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		lot := e.prices[it.price].lot
		if e.salesOf(&last.basket, lot) != e.salesOf(b, lot) {
			return false
		}
		sales -= int64(it.sales)
	}
	return sales == 0
}

const allLots = 1<<32 - 1

// salesOf is how many sales of a lot, or of all, are in a basket.
func (e *Event) salesOf(b *basket, lot uint32) (sales int64) {
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		if lot == allLots || e.prices[it.price].lot == lot {
			sales += int64(it.sales)
		}
	}
	return sales
}

const wholePurchase = "a purchase is all or nothing"

// validBuy checks a buy command.
func (e *Event) validBuy(cmd *Command, p *PaymentCommand) bool {
	switch {
	case p.Offer != "" && !e.validID("offer", p.Offer):
		return false
	case p.Offer != "" && cmd.Hold != "":
		e.bad("offer", "an offer takes its own tickets: give it or a hold")
		return false
	case p.Offer != "" && !e.noCodeBeside(cmd, "the offer has the one that it was made with"), cmd.Hold != "" && !e.noCodeBeside(cmd, "the hold has the one that it was taken with"):
		return false
	case p.Offer != "" && len(cmd.Items) == 0: // the offer has them
		if !e.validRequest(cmd) || !e.validID("buyer", cmd.Buyer) {
			return false
		}
		if cmd.MaxPrice < 0 {
			e.bad("max_price_minor", "it is below zero")
			return false
		}
		if cmd.Fill != FillAllOrNothing {
			e.bad("fill", wholePurchase)
			return false
		}
	case cmd.Hold == "":
		if !e.validHold(cmd) {
			return false
		}
		if cmd.Fill != FillAllOrNothing {
			e.bad("fill", wholePurchase)
			return false
		}
	default:
		switch {
		case !e.validRequest(cmd) || !e.validID("buyer", cmd.Buyer) || !e.validID("hold", cmd.Hold):
			return false
		case len(cmd.Items) > 0:
			e.bad("items", "they are in the hold")
			return false
		case cmd.MaxPrice < 0:
			e.bad("max_price_minor", "it is below zero")
			return false
		}
	}
	if p.Method != "" && !e.validID("method", p.Method) {
		return false
	}
	switch {
	case len(p.ReturnURL) > ReturnURLLenMax:
		e.tooMany("return_url", ReturnURLLenMax)
	case !isPrintable(p.ReturnURL) || p.ReturnURL != "" && !strings.HasPrefix(p.ReturnURL, "https://") && !strings.HasPrefix(p.ReturnURL, "http://"):
		e.bad("return_url", "it is an address, as in https://shop.example/back")
	case ContainsCardNumber(p.ReturnURL):
		e.card("return_url")
	default:
		return true
	}
	return false
}

// isPrintable reports whether s is printable ASCII.
func isPrintable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
