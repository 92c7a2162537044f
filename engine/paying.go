package engine

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// What happens to a purchase once it waits for the lane. The lane says what it is about to send (intend) and what came back (result); time does the rest
// (duePurchases). Each step encodes a fact, applies it, and says what the lane has to do and who wants to know.

// signal says what a purchase wants of the lane now, and that its state has changed.
func (e *Event) signal(slot uint32, changed bool) {
	w, ok := e.workOf(slot)
	if ok {
		e.signals.Work = append(e.signals.Work, w)
	}
	e.signalRefunds(e.purchases.rows.at(slot))
	if changed {
		e.signalChange(slot, w.Buyer)
	}
}

// signalChange says that a purchase's state has changed. The buyer's name is copied unless the caller has.
func (e *Event) signalChange(slot uint32, buyer string) {
	row := e.purchases.rows.at(slot)
	if buyer == "" {
		buyer = strings.Clone(e.buyerName(row.buyer))
	}
	id := PurchaseID(slot) + 1
	e.signals.Changes = append(e.signals.Changes, PurchaseChange{Purchase: id, Incarnation: e.purchaseIncarnation(id), Buyer: buyer, State: row.state})
}

// alarm says that something happened to a purchase that an operator has to know.
func (e *Event) alarm(slot uint32, why AlarmReason) {
	id := PurchaseID(slot) + 1
	e.signals.Alarms = append(e.signals.Alarms, Alarm{Purchase: id, Incarnation: e.purchaseIncarnation(id), Why: why})
}

// workOf is what a purchase wants of the lane.
func (e *Event) workOf(slot uint32) (Work, bool) {
	row := e.purchases.rows.at(slot)
	operation := row.wants()
	if operation == 0 {
		return Work{}, false
	}
	id := PurchaseID(slot) + 1
	amount, currency := row.owed(e.spec.Currency, e.named(row.in))
	if currency != e.spec.Currency {
		currency = strings.Clone(currency)
	} else {
		currency = e.spec.Currency
	}
	w := Work{
		Operation: operation, Purchase: id, Incarnation: e.purchaseIncarnation(id), Buyer: strings.Clone(e.buyerName(row.buyer)),
		Gateway: strings.Clone(e.named(row.gateway)), Kind: row.kind, Ref: strings.Clone(e.named(row.ref)), AmountMinor: amount,
		Currency: currency, OnSession: true, ReturnURL: e.purchases.urls[slot], Attempt: row.attempt, Since: row.since,
		Asked: row.asked, AskedAttempt: row.askedAttempt, AskedHash: row.askedHash,
	}
	if operation == payment.Authorise || operation == payment.LookUp {
		w.Method = strings.Clone(e.named(row.method))
	}
	if operation == row.operation || operation == payment.LookUp {
		w.Intended, w.Hash = row.intended, row.hash
	}
	return w, true
}

// intend notes what the lane is about to ask the gateway. It is refused if the purchase does not want it: the lane then drops it.
func (e *Event) intend(cmd *Command) {
	p := cmd.Payment
	if p != nil && p.Refund != 0 {
		e.intendRefund(p)
		return
	}
	if p == nil || p.At == 0 || uint64(p.At) > uint64(e.purchases.rows.rows) {
		e.out.Code, e.out.Field = CodePurchaseUnknown, fieldNames[fieldPurchase]
		return
	}
	slot := uint32(p.At - 1)
	f := factIntended{purchase: p.At, operation: p.Operation, attempt: p.Attempt, hash: p.Hash}
	if !e.fitsIntent(&f, slot) {
		e.out.Code, e.out.Field = CodeWrongState, fieldNames[fieldPurchase]
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	before := e.purchases.rows.at(slot).state
	e.applyIntended(&f, slot)
	if e.purchases.rows.at(slot).state != before {
		e.signalChange(slot, "") // the lane is at it
	}
	e.showPurchase(slot)
}

// attemptsMax bounds the number of requests for one operation of a purchase: what has to be let go is asked for once an hour.
const attemptsMax = 1 << 20

// fitsIntent reports whether a purchase wants a request now: the one that it wants, not made yet, or made and lost before it left.
func (e *Event) fitsIntent(f *factIntended, slot uint32) bool {
	row := e.purchases.rows.at(slot)
	switch {
	case f.operation != row.wants() || !f.operation.Changes() || f.attempt > attemptsMax:
		return false
	case row.intended != 0 && row.operation == f.operation:
		return f.attempt > row.attempt
	}
	return f.attempt >= row.attempt
}

// result takes the gateway's answer. One that does not fit the purchase's state is old news, and changes nothing.
func (e *Event) result(cmd *Command) {
	p := cmd.Payment
	switch {
	case p == nil || p.Result == nil || p.At == 0 || uint64(p.At) > uint64(e.purchases.rows.rows):
		e.out.Code, e.out.Field = CodePurchaseUnknown, fieldNames[fieldPurchase]
		return
	case len(p.Result.Ref) > PaymentRefLenMax || !isPrintable(p.Result.Ref):
		e.bad("ref", "it is not printable ASCII, or too long")
		return
	}
	if p.Refund != 0 {
		e.resultOfRefund(p)
		return
	}
	slot := uint32(p.At - 1)
	if e.purchases.rows.at(slot).unfinished() {
		e.resultUnderWay(slot, p.Operation, p.Result)
	} else {
		e.resultOfCharge(slot, p.Operation, p.Result)
	}
	e.showPurchase(slot)
}

// resultUnderWay takes an answer for a purchase that has no final state yet.
func (e *Event) resultUnderWay(slot uint32, operation payment.Operation, r *payment.Result) {
	row := e.purchases.rows.at(slot)
	switch r.Answer {
	case payment.Authorised, payment.Captured:
		e.paidFor(slot, r)
	case payment.Voided, payment.Refunded:
		e.stepPurchase(slot, factPaid{step: stepReleased, ref: r.Ref})
	case payment.DeclinedSoft, payment.DeclinedHard, payment.Failed:
		if row.state == PurchaseQueued || operation == payment.Cancel || operation == payment.LookUp && r.Answer == payment.Failed {
			return // it says that the question was wrong, and nothing about the charge
		}
		e.decline(slot, r)
	case payment.ActionNeeded:
		if row.state == PurchaseAuthorising {
			e.stepPurchase(slot, factPaid{step: stepAction, ref: r.Ref})
		}
	case payment.NotFound:
		if row.asked != 0 && operation == payment.LookUp && int64(e.now-row.asked) > payment.KeyAgeMax {
			e.stepPurchase(slot, factPaid{step: stepReleased})
		}
	case payment.Unknown:
		if plantedBug(plantedTimeoutDeclines) {
			e.decline(slot, &payment.Result{Answer: payment.DeclinedSoft, Decline: payment.DeclineTryAgain})
		}
	case payment.Pending, payment.NotDone:
	}
}

// paidFor takes money that was reserved or taken for a purchase under way: it is sold, or the money goes back.
func (e *Event) paidFor(slot uint32, r *payment.Result) {
	row := e.purchases.rows.at(slot)
	taken := r.Answer == payment.Captured
	switch {
	case (r.AmountMinor != row.total || r.Currency != e.spec.Currency) && !plantedBug(plantedIgnoreAmount):
		e.alarm(slot, AlarmAmount)
		e.emitDeclined(slot, factDeclined{decline: payment.DeclineConfiguration})
		e.emitPaid(slot, e.goesBack(row, r))
		e.signal(slot, true)
		return
	case e.orders.live() >= e.limits.Orders || e.state == EventCancelled:
		e.emitPaid(slot, factPaid{step: stepReleased})
		e.emitPaid(slot, e.goesBack(row, r))
		e.signal(slot, true)
		return
	}
	charge := ChargeAuthorised
	if taken {
		charge = ChargeCaptured
	}
	e.sold(slot, charge, r.Ref)
}

// goesBack is the step by which money goes back that is reserved or taken: what the gateway says that it has, to the minor unit.
func (e *Event) goesBack(row *purchaseRow, r *payment.Result) factPaid {
	f := factPaid{step: stepVoiding, taken: r.Answer == payment.Captured, ref: r.Ref}
	if amount, currency := row.owed(e.spec.Currency, e.named(row.in)); r.AmountMinor <= 0 || r.AmountMinor == amount && r.Currency == currency {
		return f
	}
	if f.there = r.AmountMinor; r.Currency != e.spec.Currency && ValidID(r.Currency) {
		f.in = r.Currency
	}
	return f
}

// sold makes the order of a purchase.
func (e *Event) sold(slot uint32, charge ChargeState, ref string) {
	row := e.purchases.rows.at(slot)
	f := factSold{
		purchase: PurchaseID(slot) + 1, order: OrderID(e.orders.rows) + 1, ticket: e.ticketLast + 1, charge: charge, ref: ref,
		buyer: e.buyerName(row.buyer), total: row.total,
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applySold(&f, slot)
	e.signal(slot, true)
}

// decline ends a purchase whose charge was declined.
func (e *Event) decline(slot uint32, r *payment.Result) {
	row := e.purchases.rows.at(slot)
	f := factDeclined{decline: r.Decline, soft: r.Answer == payment.DeclinedSoft}
	if f.decline == payment.DeclineNone || int(f.decline) >= payment.Declines {
		f.decline = payment.DeclineGeneric
	}
	if f.soft && row.softs+1 < softDeclinesMax {
		h := e.holds.at(e.buyers.at(row.buyer).hold - 1)
		now := e.eventTime()
		until := min(now+max(Instant(row.left), Instant(e.spec.Pay.GraceMs)*1e6), h.maxEnd)
		f.life = max(0, int64(until-now))
	}
	e.emitDeclined(slot, f)
	e.signal(slot, true)
}

func (e *Event) emitDeclined(slot uint32, f factDeclined) {
	f.purchase = PurchaseID(slot) + 1
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyDeclined(&f, slot)
}

// stepPurchase emits a step of a purchase and signals it.
func (e *Event) stepPurchase(slot uint32, f factPaid) {
	before := e.purchases.rows.at(slot).state
	e.emitPaid(slot, f)
	e.signal(slot, e.purchases.rows.at(slot).state.String() != before.String())
}

func (e *Event) emitPaid(slot uint32, f factPaid) {
	f.purchase = PurchaseID(slot) + 1
	if f.ref != "" && f.ref == e.named(e.purchases.rows.at(slot).ref) {
		f.ref = ""
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyPaid(&f, slot)
}

// resultOfCharge takes an answer about the money of a purchase that is over.
func (e *Event) resultOfCharge(slot uint32, operation payment.Operation, r *payment.Result) {
	row := e.purchases.rows.at(slot)
	switch r.Answer {
	case payment.Authorised, payment.Captured:
		e.chargeThere(slot, r)
	case payment.Voided, payment.Refunded:
		e.chargeGone(slot)
	case payment.Failed, payment.DeclinedHard, payment.DeclinedSoft:
		if operation == payment.LookUp && r.Answer != payment.Failed && row.charge != ChargeAuthorised && row.flags&purchaseTaken == 0 { // what was declined after all is not reserved any more
			e.chargeGone(slot)
			return
		}
		late := operation == payment.LookUp && row.operation == payment.Refund // the gateway took it on, and could not do it
		if operation != row.operation && !late || row.intended == 0 {
			return
		}
		switch row.charge {
		case ChargeCapturing:
			e.captureFailed(slot, false)
		case ChargeVoiding:
			if int(row.attempt)+1 >= capturesMax {
				e.alarm(slot, AlarmVoid)
			}
			e.stepPurchase(slot, factPaid{step: stepVoiding, waits: true})
		case ChargeNone, ChargeAuthorised, ChargeCaptured, ChargeVoided, ChargeCaptureFailed:
		}
	case payment.Unknown, payment.ActionNeeded, payment.Pending, payment.NotFound, payment.NotDone:
	}
}

// chargeGone takes the news that no money of a purchase that is over is reserved or taken any more.
func (e *Event) chargeGone(slot uint32) {
	switch e.purchases.rows.at(slot).charge {
	case ChargeVoiding:
		e.stepPurchase(slot, factPaid{step: stepVoided})
	case ChargeAuthorised, ChargeCapturing:
		e.captureFailed(slot, true)
	case ChargeNone, ChargeCaptured, ChargeVoided, ChargeCaptureFailed:
	}
}

// chargeThere takes the news that money is reserved or taken for a purchase that is over.
func (e *Event) chargeThere(slot uint32, r *payment.Result) {
	row := e.purchases.rows.at(slot)
	taken := r.Answer == payment.Captured
	switch row.charge {
	case ChargeNone:
		// A purchase that nothing was charged for, and yet there is a charge.
		if row.state == PurchaseSold {
			return
		}
		e.alarm(slot, AlarmLateCharge)
		e.stepPurchase(slot, e.goesBack(row, r))
	case ChargeAuthorised, ChargeCapturing, ChargeCaptureFailed:
		if !taken {
			return
		}
		if r.AmountMinor != row.total || r.Currency != e.spec.Currency {
			if e.alarm(slot, AlarmAmount); row.charge != ChargeCaptureFailed {
				f := e.goesBack(row, r) // not at once: somebody has to look, or the buyer takes it back
				f.step = stepCaptureFailed
				e.stepPurchase(slot, f)
			}
			return
		}
		e.stepPurchase(slot, factPaid{step: stepCaptured, ref: r.Ref})
	case ChargeVoiding:
		if taken && row.flags&purchaseTaken == 0 { // it cannot be let go any more: it is given back
			e.stepPurchase(slot, e.goesBack(row, r))
		}
	case ChargeCaptured, ChargeVoided:
	}
}

// captureFailed tries a capture again after a pause, or gives it up: after so many attempts, or if there is nothing left to capture.
func (e *Event) captureFailed(slot uint32, gone bool) {
	row := e.purchases.rows.at(slot)
	if gone || int(row.attempt)+1 >= capturesMax {
		e.alarm(slot, AlarmCapture)
		e.stepPurchase(slot, factPaid{step: stepCaptureFailed})
		return
	}
	e.stepPurchase(slot, factPaid{step: stepCapturing, waits: true})
}

// duePurchases does what time asks of purchases, at most so many of them, and returns how many less that were.
func (e *Event) duePurchases(most int) (left int) {
	now := e.eventTime()
	for ; most > 0; most-- {
		slot, ok := e.purchases.due.first()
		if !ok || e.purchases.rows.at(slot).deadline > now {
			break
		}
		row := e.purchases.rows.at(slot)
		switch row.state {
		case PurchaseQueued:
			e.stepPurchase(slot, factPaid{step: stepReleased})
		case PurchaseAuthorising, PurchaseActionRequired:
			if plantedBug(plantedExpirePaying) {
				e.stepPurchase(slot, factPaid{step: stepReleased})
				continue
			}
			e.stepPurchase(slot, factPaid{step: stepCancelling})
		case PurchaseCancelling:
			e.alarm(slot, AlarmStuck)
			e.stepPurchase(slot, factPaid{step: stepStuck})
		case PurchaseStuck, PurchaseSold, PurchaseDeclined, PurchaseReleased:
			if row.charge == ChargeVoiding {
				e.stepPurchase(slot, factPaid{step: stepVoiding})
			} else {
				e.stepPurchase(slot, factPaid{step: stepCapturing})
			}
		}
	}
	return most
}
