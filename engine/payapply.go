package engine

import "github.com/holdfast-engine/holdfast/engine/payment"

// applyBuying stops the clock of a hold and queues its purchase.
func (e *Event) applyBuying(f *factBuying, hold uint32) uint32 {
	row := e.holds.at(hold)
	now := e.eventTime()
	left := int64(row.expires - now)
	e.shiftHold(hold, HoldPaying)
	slot := e.purchases.rows.alloc()
	p := e.purchases.rows.at(slot)
	*p = purchaseRow{
		hold: f.hold, offer: f.offer, total: e.total(&row.basket), since: e.now, left: left, buyer: row.buyer, state: PurchaseQueued,
		gateway: e.name(f.gateway), method: e.name(f.method), flow: f.flow, kind: f.kind, can: f.can, operation: payment.Authorise,
	}
	if f.url != "" {
		p.flags |= purchaseURL
		if e.purchases.urls == nil {
			e.purchases.urls = map[uint32]string{}
		}
		e.purchases.urls[slot] = string([]byte(f.url))
	}
	if f.offer != 0 {
		pos := uint64(f.offer) - 1
		o := e.offers.at(pos)
		e.rows -= e.offerHash(o, pos)
		o.purchase = f.purchase
		e.rows += e.offerHash(o, pos)
	}
	if e.line != nil {
		e.fairBuying(row.buyer, f.flow)
	}
	c := e.customerOf(row.buyer)
	if c.purchase != 0 {
		if last := e.purchases.rows.at(c.purchase - 1); last.hold == f.hold {
			p.softs = last.softs
		}
	}
	c.purchases++
	c.purchase = slot + 1
	e.putPurchase(slot, now+Instant(e.spec.Pay.QueueMs)*1e6)
	e.remember(&f.asked, VerbBuy, uint64(f.purchase), p.total)
	return slot
}

// shiftHold moves a live hold to the state held or paying, with its tickets and its clock. Its deadline is the caller's.
func (e *Event) shiftHold(slot uint32, to HoldState) {
	row := e.holds.at(slot)
	buyer := e.buyerHash(row.buyer)
	e.rows -= e.holdHash(row, buyer)
	from, share := sharePaying, shareHeld
	if to == HoldPaying {
		e.stopClock(slot)
		from, share = shareHeld, sharePaying
	}
	row.idState = idState(row.id(), to)
	for it := e.firstItem(&row.basket); it.sales > 0; it = e.nextItem(it) {
		number := e.prices[it.price].lot
		e.move(number, int64(it.sales)*e.lots[number].units, from, share)
	}
	if to == HoldHeld {
		e.clock(slot)
	}
	e.rows += e.holdHash(row, buyer)
}

// applyIntended notes a request to the gateway. The first one to authorise starts the time that the charge may take.
func (e *Event) applyIntended(f *factIntended, slot uint32) {
	row := e.liftPurchase(slot)
	deadline := row.deadline
	if row.state == PurchaseQueued {
		row.state, deadline = PurchaseAuthorising, e.eventTime()+Instant(e.spec.Pay.PayMs)*1e6
	}
	row.operation, row.attempt, row.intended, row.hash = f.operation, f.attempt, e.now, f.hash
	if f.operation == payment.Authorise {
		row.asked, row.askedAttempt, row.askedHash = e.now, f.attempt, f.hash
	}
	e.putPurchase(slot, deadline)
}

// applySold makes an order of a purchase.
func (e *Event) applySold(f *factSold, slot uint32) {
	row := e.liftPurchase(slot)
	row.state, row.charge, row.order = PurchaseSold, f.charge, f.order
	e.keepRef(row, f.ref)
	e.sell(e.buyers.at(row.buyer).hold-1, f.ticket, "", 0, slot+1)
	now := e.eventTime()
	row.undo = now + Instant(e.spec.Pay.UndoMs)*1e6
	deadline := Instant(0)
	switch f.charge {
	case ChargeAuthorised:
		deadline = row.undo
	case ChargeCaptured:
		row.flags |= purchaseTaken
	case ChargeNone, ChargeCapturing, ChargeVoiding, ChargeVoided, ChargeCaptureFailed:
	}
	e.overPurchase(row, slot)
	e.putPurchase(slot, deadline)
}

// overPurchase forgets what only a purchase under way needs.
func (e *Event) overPurchase(row *purchaseRow, slot uint32) {
	if row.flags&purchaseURL != 0 {
		delete(e.purchases.urls, slot)
		row.flags &^= purchaseURL
	}
	row.askedAttempt, row.askedHash = 0, [32]byte{}
	e.nextOperation(row)
}

// nextOperation makes ready for the next intent.
func (e *Event) nextOperation(row *purchaseRow) {
	row.operation, row.attempt, row.intended, row.hash = row.wants(), 0, 0, [32]byte{}
}

// keepRef notes the gateway's id of the charge, if it is another.
func (e *Event) keepRef(row *purchaseRow, ref string) {
	if ref == "" || e.named(row.ref) == ref {
		return
	}
	if row.ref != 0 {
		e.names.drop(row.ref)
	}
	row.ref = e.names.put(ref)
}

// applyDeclined ends a purchase whose charge was declined. Its hold lives on, or ends.
func (e *Event) applyDeclined(f *factDeclined, slot uint32) {
	row := e.liftPurchase(slot)
	hold := e.buyers.at(row.buyer).hold - 1
	row.state, row.decline = PurchaseDeclined, f.decline
	if f.soft {
		row.softs++
	}
	if f.life > 0 {
		h := e.holds.at(hold)
		buyer := e.buyerHash(h.buyer)
		e.rows -= e.holdHash(h, buyer)
		h.expires = e.eventTime() + Instant(f.life)
		e.rows += e.holdHash(h, buyer)
		e.shiftHold(hold, HoldHeld)
	} else {
		e.end(hold, HoldReleased)
	}
	e.overPurchase(row, slot)
	e.putPurchase(slot, 0)
}

// capturePauses is how long a charge that could not be captured or let go waits before it is tried again, in milliseconds. The last one repeats, for what
// has to be let go; a capture is given up then.
//
//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var capturePauses = [...]int64{10_000, 60_000, 600_000, 3_600_000}

// capturesMax is how often a capture is asked for.
const capturesMax = len(capturePauses) + 1

// stuckAfterMs is how long the gateway is asked about a charge that has to end, before somebody has to look.
const stuckAfterMs = 24 * 3600 * 1000

func (e *Event) applyPaid(f *factPaid, slot uint32) {
	row := e.liftPurchase(slot)
	e.keepRef(row, f.ref)
	now, deadline := e.eventTime(), Instant(0)
	switch f.step {
	case stepAction:
		row.state, deadline = PurchaseActionRequired, now+Instant(e.actionMs(row))*1e6
	case stepCancelling:
		row.state, deadline = PurchaseCancelling, now+stuckAfterMs*1e6
		row.attempt, row.intended, row.hash, row.operation = 0, 0, [32]byte{}, payment.Cancel
	case stepStuck:
		row.state = PurchaseStuck
	case stepReleased:
		row.state = PurchaseReleased
		e.end(e.buyers.at(row.buyer).hold-1, HoldReleased)
		e.overPurchase(row, slot)
	case stepCapturing, stepVoiding:
		deadline = e.chargeAgain(f, row, now)
	case stepCaptured:
		row.charge = ChargeCaptured
		row.flags |= purchaseTaken
		row.flags &^= purchaseWaits
	case stepCaptureFailed:
		row.charge = ChargeCaptureFailed
		e.keepThere(f, row)
		row.flags &^= purchaseWaits
	case stepVoided:
		row.charge = ChargeVoided
		row.flags &^= purchaseWaits
		e.notTaken(row)
	case stepsEnd:
	}
	e.putPurchase(slot, deadline)
}

// actionMs is how long the buyer of a purchase may take to authenticate, or to come back.
func (e *Event) actionMs(row *purchaseRow) int64 {
	if row.can.Has(payment.Redirect) {
		return e.spec.Pay.RedirectMs
	}
	return e.spec.Pay.ActionMs
}

// keepThere notes what the gateway has of the money, as it has just said.
func (e *Event) keepThere(f *factPaid, row *purchaseRow) {
	if f.taken {
		row.flags |= purchaseTaken
	}
	if f.there == 0 {
		return
	}
	if row.in != 0 {
		e.names.drop(row.in)
	}
	row.flags |= purchaseOther
	row.there, row.in = f.there, e.name(f.in)
}

// chargeAgain asks for a capture or a void, now or after a pause, and returns the deadline.
func (e *Event) chargeAgain(f *factPaid, row *purchaseRow, now Instant) Instant {
	before := row.charge
	row.charge = ChargeCapturing
	if f.step == stepVoiding {
		row.charge = ChargeVoiding
	}
	asked := row.operation
	e.keepThere(f, row)
	waited := row.flags&purchaseWaits != 0
	row.flags &^= purchaseWaits
	if want := row.wants(); before != row.charge || want != asked {
		row.operation, row.attempt, row.intended, row.hash = want, 0, 0, [32]byte{}
	} else if !waited {
		row.attempt, row.intended, row.hash = row.attempt+1, 0, [32]byte{}
	}
	if !f.waits {
		return 0
	}
	row.flags |= purchaseWaits
	return now + Instant(capturePauses[min(int(row.attempt), len(capturePauses))-1])*1e6
}
