package engine

import (
	"encoding/binary"
	"strings"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// The money of refunds of orders that were charged through a gateway. What was taken is given back by a request of its own for each refund. What is only
// reserved is let go, if the whole order is refunded at once: that costs the buyer nothing. Any other refund waits until the money was taken.

// refundCall is a request to give money back that is durable and may have left.
type refundCall struct {
	intended Instant // node time
	hash     [32]byte
}

// factRefundSent says that the lane is about to ask the gateway to give money back, before the request leaves.
//
//	| 53 | refund | attempt | SHA-256 of the request, 32 bytes |
type factRefundSent struct {
	refund  RefundID
	attempt uint32
	hash    [32]byte
}

func (f *factRefundSent) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kindRefundSent)), uint64(f.refund))
	return append(binary.AppendUvarint(dst, uint64(f.attempt)), f.hash[:]...)
}

// factRefundStep says what became of a refund: it is done, it failed, or it is asked for again.
//
//	| 54 | asked | refund | step | decline | gateway's id of the refund |
type factRefundStep struct {
	asked
	refund  RefundID
	step    refundStep
	decline payment.Decline // of one that failed
	ref     string          // of one that is done
}

// refundStep is part of the log's format.
type refundStep uint8

const (
	refundIsDone refundStep = 1
	refundFailed refundStep = 2
	refundAgain  refundStep = 3
)

func (f *factRefundStep) append(dst []byte) []byte {
	dst = binary.AppendUvarint(f.asked.append(append(dst, byte(kindRefundStep))), uint64(f.refund))
	return appendString(append(dst, byte(f.step), byte(f.decline)), f.ref)
}

// moneyOf is the purchase that an order was charged by, nil if it was paid outside.
func (e *Event) moneyOf(order uint32) *purchaseRow {
	if p := e.orders.at(order).purchase; p != 0 {
		return e.purchases.rows.at(p - 1)
	}
	return nil
}

// leftOf is what may still be given back of an order: nothing, if its money was let go or never taken.
func (e *Event) leftOf(order uint32) int64 {
	left := e.orders.at(order).total
	if a := e.after(order); a != nil {
		left -= a.refunded
	}
	if p := e.moneyOf(order); p != nil && (p.charge == ChargeVoiding || p.charge == ChargeVoided) {
		return 0
	}
	return left
}

// refundBegins is the state that a refund of an order begins in.
func (e *Event) refundBegins(order uint32, amount int64) RefundState {
	switch {
	case amount == 0:
		return RefundDone // nothing to give back
	case e.orders.at(order).purchase == 0:
		return RefundExternal
	}
	return RefundQueued
}

// open reports whether money of the refund still has to move.
func (r *refundRow) open() bool { return r.state == RefundQueued || r.state == RefundSent }

// wantsRefund reports whether the lane has to do something for a refund now.
func (e *Event) wantsRefund(r *refundRow) bool {
	p := e.moneyOf(r.order)
	return r.open() && p != nil && p.charge == ChargeCaptured
}

// liftRefund takes a refund out of the sums before it changes, putRefund puts it back.
func (e *Event) liftRefund(slot uint32) *refundRow {
	r := e.refunds.at(slot)
	e.rows -= e.refundHash(r, slot)
	e.countRefund(r, -1)
	return r
}

func (e *Event) putRefund(slot uint32) {
	r := e.refunds.at(slot)
	e.rows += e.refundHash(r, slot)
	e.countRefund(r, 1)
}

// countRefund adds a refund to what is counted, or with -1 takes it out.
func (e *Event) countRefund(r *refundRow, by int64) {
	if r.open() {
		e.refundsOpen += int(by)
	}
	e.countCancelled(r, by)
}

// letGo lets the money of an order go that is reserved, if all of it was just refunded.
func (e *Event) letGo(r *refundRow) {
	o := e.orders.at(r.order)
	if p := e.moneyOf(r.order); p == nil || p.charge != ChargeAuthorised || r.how&refundWhole == 0 || r.amount != o.total {
		return
	}
	p := e.liftPurchase(o.purchase - 1)
	p.charge = ChargeVoiding
	e.nextOperation(p)
	e.putPurchase(o.purchase-1, 0)
}

// notTaken ends the refunds of an order whose money was let go, or never taken: nothing is owed.
func (e *Event) notTaken(p *purchaseRow) {
	if p.order == 0 || e.refundsOpen == 0 {
		return
	}
	a := e.after(uint32(p.order - 1))
	if a == nil {
		return
	}
	for n := a.refunds; n != 0; n = e.refunds.at(n - 1).older {
		if e.refunds.at(n - 1).open() {
			r := e.liftRefund(n - 1)
			e.dropCall(r)
			r.state = RefundDone
			e.putRefund(n - 1)
		}
	}
}

func (e *Event) dropCall(r *refundRow) {
	if r.call != 0 {
		e.calls.release(r.call - 1)
		r.call = 0
	}
}

// signalRefund tells the lane of a refund that it has to do something for.
func (e *Event) signalRefund(slot uint32) {
	if w, ok := e.workOfRefund(slot); ok {
		e.signals.Work = append(e.signals.Work, w)
	}
}

// signalRefunds tells the lane of the refunds of a purchase that waited for its money.
func (e *Event) signalRefunds(p *purchaseRow) {
	if p.order == 0 || p.charge != ChargeCaptured || e.refundsOpen == 0 {
		return
	}
	a := e.after(uint32(p.order - 1))
	if a == nil {
		return
	}
	for n := a.refunds; n != 0; n = e.refunds.at(n - 1).older {
		if e.refunds.at(n-1).state == RefundQueued {
			e.signalRefund(n - 1)
		}
	}
}

// workOfRefund is what a refund wants of the lane.
func (e *Event) workOfRefund(slot uint32) (Work, bool) {
	r := e.refunds.at(slot)
	if !e.wantsRefund(r) {
		return Work{}, false
	}
	p := e.moneyOf(r.order)
	id := PurchaseID(e.orders.at(r.order).purchase)
	w := Work{
		Operation: payment.Refund, Purchase: id, Refund: RefundID(slot) + 1, Incarnation: e.purchaseIncarnation(id), Buyer: strings.Clone(e.buyerName(p.buyer)),
		Gateway: strings.Clone(e.named(p.gateway)), Kind: p.kind, Ref: strings.Clone(e.named(p.ref)), AmountMinor: r.amount, Currency: e.spec.Currency,
		Attempt: r.attempt, Since: r.at,
	}
	if r.call != 0 {
		c := e.calls.at(r.call - 1)
		w.Intended, w.Hash = c.intended, c.hash
	}
	return w, true
}

// openRefundWork appends what the refunds want of the lane, the oldest first.
func (e *Event) openRefundWork(dst []Work) []Work {
	if e.refundsOpen == 0 {
		return dst
	}
	for slot := range e.refunds.rows {
		if w, ok := e.workOfRefund(slot); ok {
			dst = append(dst, w)
		}
	}
	return dst
}

// refundMeant finds the refund that an intent or a result of the lane is of.
func (e *Event) refundMeant(p *PaymentCommand) (slot uint32, ok bool) {
	if uint64(p.Refund) > uint64(e.refunds.rows) || uint64(p.At) > uint64(e.purchases.rows.rows) {
		return 0, false
	}
	slot = uint32(p.Refund - 1)
	return slot, p.At != 0 && uint64(e.orders.at(e.refunds.at(slot).order).purchase) == uint64(p.At)
}

// intendRefund notes what the lane is about to ask the gateway to give back. It is refused if the refund does not want it: the lane then drops it.
func (e *Event) intendRefund(p *PaymentCommand) {
	slot, ok := e.refundMeant(p)
	if !ok {
		e.out.Code, e.out.Field = CodePurchaseUnknown, fieldNames[fieldPurchase]
		return
	}
	f := factRefundSent{refund: p.Refund, attempt: p.Attempt, hash: p.Hash}
	if p.Operation != payment.Refund || !e.fitsRefundSent(&f) {
		e.out.Code, e.out.Field = CodeWrongState, fieldNames[fieldPurchase]
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyRefundSent(&f)
	e.showRefund(RefundID(slot) + 1)
}

func (e *Event) fitsRefundSent(f *factRefundSent) bool {
	r := e.refunds.at(uint32(f.refund - 1))
	if !e.wantsRefund(r) || f.attempt > attemptsMax {
		return false
	}
	return f.attempt > r.attempt || f.attempt == r.attempt && r.call == 0
}

func (e *Event) applyRefundSent(f *factRefundSent) {
	slot := uint32(f.refund - 1)
	r := e.liftRefund(slot)
	if r.call == 0 {
		r.call = e.calls.alloc() + 1
	}
	r.state, r.attempt = RefundSent, f.attempt
	*e.calls.at(r.call - 1) = refundCall{intended: e.now, hash: f.hash}
	e.putRefund(slot)
}

// resultOfRefund takes the gateway's answer about a refund. One that does not fit is old news, and changes nothing.
func (e *Event) resultOfRefund(p *PaymentCommand) {
	slot, ok := e.refundMeant(p)
	if !ok {
		e.out.Code, e.out.Field = CodePurchaseUnknown, fieldNames[fieldPurchase]
		return
	}
	r := e.refunds.at(slot)
	f := factRefundStep{refund: p.Refund}
	switch p.Result.Answer {
	case payment.Refunded:
		f.step, f.ref = refundIsDone, p.Result.Ref
		if p.Result.AmountMinor != r.amount || p.Result.Currency != e.spec.Currency {
			f.step, f.decline, f.ref = refundFailed, payment.DeclineAmount, ""
		}
	case payment.Failed, payment.DeclinedHard, payment.DeclinedSoft:
		f.step, f.decline = refundFailed, p.Result.Decline // also to a look-up: the gateway took it on, and could not do it
	case payment.Unknown, payment.Authorised, payment.Captured, payment.ActionNeeded, payment.Pending, payment.Voided, payment.NotFound, payment.NotDone:
	}
	if int(f.decline) >= payment.Declines {
		f.decline = payment.DeclineGeneric
	}
	if f.step != 0 && (r.state == RefundSent || r.state == RefundQueued && plantedBug(plantedRefundWithoutIntent)) {
		e.emitRefundStep(&f)
		if f.step == refundFailed {
			e.alarm(uint32(p.At-1), AlarmRefund)
		}
	}
	e.showRefund(p.Refund)
}

func (e *Event) emitRefundStep(f *factRefundStep) {
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyRefundStep(f)
}

func (e *Event) applyRefundStep(f *factRefundStep) {
	slot := uint32(f.refund - 1)
	r := e.liftRefund(slot)
	e.dropCall(r)
	switch f.step {
	case refundIsDone:
		r.state, r.ref = RefundDone, e.name(f.ref)
	case refundFailed:
		r.state = RefundFailed
	case refundAgain:
		r.state = RefundQueued
		r.attempt++
	}
	e.putRefund(slot)
	e.remember(&f.asked, VerbRefund, uint64(f.refund), r.amount)
}

// retryRefund asks for a refund again that the gateway has refused: with a request of its own, under another key.
func (e *Event) retryRefund(cmd *Command) {
	f := factRefundStep{step: refundAgain}
	if e.known(cmd, &f.asked) {
		return
	}
	id, in, ok := ParseRefundID(cmd.Payment.FailedRefund)
	if !ok || uint64(id) > uint64(e.refunds.rows) || in != e.refundIncarnation(id) || !e.orderSaid(cmd, OrderID(e.refunds.at(uint32(id-1)).order)+1) {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeNotRefundable, field: fieldRefund, text: noSuchRefund})
		return
	}
	r := e.refunds.at(uint32(id - 1))
	switch {
	case r.state != RefundFailed:
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeNotRefundable, field: fieldRefund, text: refundNotFailed})
		return
	case r.attempt >= RefundTriesMax-1:
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeTooMany, text: tooManyTries, want: RefundTriesMax})
		return
	}
	f.refund = id
	e.emitRefundStep(&f)
	e.signalRefund(uint32(id - 1))
	e.showRefund(id)
}

func (e *Event) foldRefundSent(d *decoder) error {
	f := factRefundSent{refund: RefundID(d.int()), attempt: uint32(d.uint(attemptsMax))}
	d.hash(&f.hash)
	if err := d.err(); err != nil {
		return err
	}
	if f.refund == 0 || uint64(f.refund) > uint64(e.refunds.rows) || !e.fitsRefundSent(&f) {
		return unfit("a request for a refund that does not want it")
	}
	e.applyRefundSent(&f)
	return nil
}

func (d *decoder) refundStep(f *factRefundStep) {
	d.asked(&f.asked)
	f.refund, f.step, f.decline, f.ref = RefundID(d.int()), refundStep(d.byte()), payment.Decline(d.byte()), d.string(PaymentRefLenMax)
	if f.step < refundIsDone || f.step > refundAgain || int(f.decline) >= payment.Declines || f.step != refundIsDone && f.ref != "" || f.step != refundFailed && f.decline != 0 {
		d.fail("an unknown step of a refund")
	}
	if (f.step == refundAgain) != (f.id != "") {
		d.fail("a refund is asked for again by nobody")
	}
}

func (e *Event) foldRefundStep(d *decoder) error {
	var f factRefundStep
	d.refundStep(&f)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if f.refund == 0 || uint64(f.refund) > uint64(e.refunds.rows) {
		return unfit("a refund that is not there")
	}
	needs := RefundSent
	if f.step == refundAgain {
		needs = RefundFailed
	}
	if r := e.refunds.at(uint32(f.refund - 1)); r.state != needs || f.step == refundAgain && r.attempt >= RefundTriesMax-1 {
		return unfit("a refund is where it cannot be")
	}
	e.applyRefundStep(&f)
	return nil
}
