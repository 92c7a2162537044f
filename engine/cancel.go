package engine

import (
	"encoding/binary"
	"math"
	"strings"
)

// An event that is cancelled sells nothing any more and takes nobody in. What follows is done by its own follow-ups, ahead of whatever waits: live holds end,
// and every order is refunded, one after the other, with its tickets void and their places blocked.

// cancelled is what an event knows of its cancellation.
type cancelled struct {
	reason string // empty if none was said
	next   uint32 // slot of the first order that no refund was made of yet
	bought uint32 // slot of the first purchase that nobody has looked at yet

	// Orders that were refunded because of it, by the state of their refunds. They follow from the refunds.
	orders, refunded, failed, external int64
}

// factCancelled says that the show does not take place.
//
//	| 50 | asked | reason |
type factCancelled struct {
	asked
	reason string
}

func (f *factCancelled) append(dst []byte) []byte {
	return appendString(f.asked.append(append(dst, byte(kindCancelled))), f.reason)
}

// factSwept says that a hold ended because its event was cancelled.
//
//	| 51 | hold |
type factSwept struct{ hold HoldID }

func (f *factSwept) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindSwept)), uint64(f.hold))
}

// factPassed says that the next orders of a cancelled event have nothing to refund, or that of its next purchases none waits for the lane.
//
//	| 52 | purchases | orders |
type factPassed struct{ purchases, orders uint32 }

func (f *factPassed) append(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(append(dst, byte(kindPassed)), uint64(f.purchases)), uint64(f.orders))
}

// cancel calls the show off.
func (e *Event) cancel(cmd *Command) {
	if !e.validRequest(cmd) {
		return
	}
	var f factCancelled
	if cmd.Payment != nil {
		f.reason = cmd.Payment.Reason
	}
	if f.reason != "" && !e.validID("reason", f.reason) {
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	if e.known(cmd, &f.asked) {
		return
	}
	if e.state == EventCancelled {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeWrongState, field: fieldEvent, text: e.notOnSale()})
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	closed := e.state == EventClosed
	e.applyCancelled(&f)
	if !closed {
		e.signalOver()
	}
	e.settle()
	e.showEvent()
}

func (e *Event) applyCancelled(f *factCancelled) {
	if e.state != EventClosed {
		e.closed = e.now
	}
	e.state = EventCancelled
	e.cancelled.reason = strings.Clone(f.reason)
	e.remember(&f.asked, VerbCancel, 0, 0)
}

func (e *Event) foldCancelled(d *decoder) error {
	var f factCancelled
	d.caller(&f.asked)
	f.reason = d.idOrNone()
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if e.state == EventCancelled {
		return unfit("an event is cancelled twice")
	}
	e.applyCancelled(&f)
	return nil
}

// sweeping reports whether the follow-ups of a cancellation are not done yet.
func (e *Event) sweeping() bool {
	return e.state == EventCancelled && (e.due.holds > 0 || e.cancelled.bought < e.purchases.rows.rows || e.cancelled.next < e.orders.rows)
}

// sweep does follow-ups of a cancellation: as many as the step may still make.
func (e *Event) sweep() {
	for e.followUps > 0 && e.due.holds > 0 {
		sorts := math.MaxInt // those that are due first in all have to be found, whatever it takes: this happens once
		slot, ok := e.nextDue(instantLast, &sorts)
		if !ok {
			panic("engine: a hold whose clock runs and that is never due")
		}
		f := factSwept{hold: e.holds.at(slot).id()}
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
		e.applySwept(&f, slot)
		e.followUps--
	}
	looks := passedMax
	for ; e.followUps > 0 && looks > 0 && e.cancelled.bought < e.purchases.rows.rows; e.followUps-- {
		slot := e.cancelled.bought
		for looks > 0 && slot < e.purchases.rows.rows && e.purchases.rows.at(slot).state != PurchaseQueued {
			slot++
			looks--
		}
		if slot > e.cancelled.bought {
			e.pass(factPassed{purchases: slot - e.cancelled.bought})
			continue
		}
		e.stepPurchase(slot, factPaid{step: stepReleased})
	}
	for ; e.followUps > 0 && looks > 0 && e.cancelled.next < e.orders.rows; e.followUps-- {
		order := e.cancelled.next
		for looks > 0 && order < e.orders.rows && e.allVoid(order) {
			order++
			looks--
		}
		if looks == 0 || order == e.orders.rows {
			e.pass(factPassed{orders: order - e.cancelled.next})
			continue
		}
		e.cancelOrder(order)
	}
}

// passedMax is how many orders without a ticket that is good for anything one step looks at.
const passedMax = 1 << 14

// instantLast is after every deadline.
const instantLast = Instant(math.MaxInt64)

// cancelOrder refunds what is left of an order.
func (e *Event) cancelOrder(order uint32) {
	f := &e.work.refunding
	f.asked = asked{}
	f.refund, f.order, f.reason, f.tickets = RefundID(e.refunds.rows)+1, OrderID(order)+1, "", f.tickets[:0]
	f.how = refundWhole | refundBlock | refundCancelled
	f.amount = min(e.valueLeft(order, false), e.leftOf(order))
	f.state = e.refundBegins(order, f.amount)
	e.emitRefunding(f)
}

func (e *Event) applySwept(_ *factSwept, slot uint32) { e.end(slot, HoldReleased) }

func (e *Event) foldSwept(d *decoder) error {
	f := factSwept{hold: HoldID(d.uint(math.MaxInt64))}
	slot, err := e.foldOwn(d, &asked{}, f.hold)
	if err != nil {
		return err
	}
	if e.state != EventCancelled || e.holds.at(slot).state() != HoldHeld {
		return unfit("a hold is swept away that is being paid, or of an event that was not cancelled")
	}
	e.applySwept(&f, slot)
	return nil
}

func (e *Event) pass(f factPassed) {
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyPassed(&f)
}

func (e *Event) applyPassed(f *factPassed) {
	e.cancelled.next += f.orders
	e.cancelled.bought += f.purchases
}

func (e *Event) foldPassed(d *decoder) error {
	f := factPassed{purchases: uint32(d.uint(passedMax)), orders: uint32(d.uint(passedMax))}
	if err := d.err(); err != nil {
		return err
	}
	if e.state != EventCancelled || f.orders+f.purchases == 0 || !e.noneQueued(e.cancelled.bought, e.cancelled.bought+f.purchases) || !e.nothingToRefund(e.cancelled.next, e.cancelled.next+f.orders) {
		return unfit("orders are passed over that have something to refund")
	}
	e.applyPassed(&f)
	return nil
}

// noneQueued reports whether the purchases in a range of slots are there and none of them waits for the lane.
func (e *Event) noneQueued(from, to uint32) bool {
	if to > e.purchases.rows.rows || to < from {
		return false
	}
	for ; from < to; from++ {
		if e.purchases.rows.at(from).state == PurchaseQueued {
			return false
		}
	}
	return true
}

// nothingToRefund reports whether the orders in a range of slots are there and have no ticket that is good for anything.
func (e *Event) nothingToRefund(from, to uint32) bool {
	if to > e.orders.rows || to < from {
		return false
	}
	for ; from < to; from++ {
		if !e.allVoid(from) {
			return false
		}
	}
	return true
}

// countCancelled adds a refund that a cancellation made to its progress, or with -1 takes it out.
func (e *Event) countCancelled(r *refundRow, by int64) {
	if r.how&refundCancelled == 0 {
		return
	}
	c := &e.cancelled
	c.orders += by
	switch r.state {
	case RefundDone:
		c.refunded += by
	case RefundFailed:
		c.failed += by
	case RefundExternal:
		c.external += by
	case RefundQueued, RefundSent:
	}
}

func (e *Event) cancelledHash() uint64 {
	if e.state != EventCancelled && e.cancelled.next == 0 && e.cancelled.reason == "" {
		return 0
	}
	h := hasher(hashK2)
	h.pair(uint64(e.cancelled.next), uint64(e.cancelled.bought))
	h.string(e.cancelled.reason)
	return uint64(h)
}

// viewCancel shows how far the refunds of a cancelled event are.
func (e *Event) viewCancel() *CancelView {
	c := &e.cancelled
	if e.state != EventCancelled {
		return nil
	}
	return &CancelView{Reason: c.reason, Orders: c.orders, Refunded: c.refunded, Failed: c.failed, External: c.external}
}
