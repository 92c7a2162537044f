package engine

import "github.com/holdfast-engine/holdfast/engine/payment"

// purchases verifies the purchases: each that is under way has its hold, each that is sold its order, and their deadlines and sums.
func (c *checker) purchases() error {
	e := c.e
	paying, due, open := 0, 0, 0
	for slot := range e.purchases.rows.rows {
		r := e.purchases.rows.at(slot)
		if r.buyer >= e.buyers.rows || e.buyers.at(r.buyer).name == 0 {
			return e.broken("purchase %d is of nobody", slot+1)
		}
		if !e.soundPurchase(r, slot) {
			return e.broken("purchase %d cannot be: %+v", slot+1, *r)
		}
		if r.unfinished() {
			paying++
		}
		if r.deadline != 0 {
			due++
			if r.due == 0 || int(r.due) > e.purchases.due.n || *e.purchases.due.at(int(r.due - 1)) != slot {
				return e.broken("purchase %d is not where its deadline is", slot+1)
			}
		}
		if r.wants() != 0 {
			open++
		}
		for _, ref := range [...]uint32{r.gateway, r.method, r.ref, r.in} {
			if ref != 0 {
				c.names++
			}
		}
		c.buyers[r.buyer].purchases++
		c.buyers[r.buyer].purchase = slot + 1
		c.rows += e.purchaseHash(r, slot)
	}
	if paying != c.paying || due != e.purchases.due.n || open != e.purchases.open {
		return e.broken("%d purchases under way of %d holds, %d deadlines of %d, %d open of %d", paying, c.paying, due, e.purchases.due.n, open, e.purchases.open)
	}
	return nil
}

// soundPurchase reports whether the parts of a purchase fit together.
func (e *Event) soundPurchase(r *purchaseRow, slot uint32) bool {
	waits := r.flags&purchaseWaits != 0
	wantsTime := r.charge == ChargeAuthorised || waits
	switch {
	case r.state == 0 || r.state > PurchaseReleased || r.charge > ChargeCaptureFailed || int(r.flow) >= Flows || int(r.decline) >= payment.Declines,
		r.operation > payment.Cancel || r.flags >= purchaseUnknown || r.attempt > attemptsMax || r.softs > softDeclinesMax,
		r.total < 0 || r.left < 0 || r.left > MaxHoldMsMax*1e6,
		waits && (r.attempt == 0 || r.charge != ChargeCapturing && r.charge != ChargeVoiding),
		r.charge != ChargeNone && r.total == 0,
		r.there < 0, (r.there != 0) != (r.flags&purchaseOther != 0), r.in != 0 && r.there == 0, r.there != 0 && r.charge == ChargeNone,
		(r.flags&purchaseURL != 0) != (e.purchases.urls[slot] != ""),
		r.state != PurchaseSold && (r.order != 0 || r.charge != ChargeNone && r.charge != ChargeVoiding && r.charge != ChargeVoided),
		(r.state == PurchaseDeclined) != (r.decline != payment.DeclineNone):
		return false
	}
	switch r.state {
	case PurchaseQueued, PurchaseAuthorising, PurchaseActionRequired, PurchaseCancelling, PurchaseStuck:
		hold := e.buyers.at(r.buyer).hold
		if hold == 0 || r.charge != ChargeNone {
			return false
		}
		h := e.holds.at(hold - 1)
		return h.id() == r.hold && h.state() == HoldPaying && e.total(&h.basket) == r.total && (r.deadline != 0) == (r.state != PurchaseStuck)
	case PurchaseSold:
		if r.order == 0 || uint64(r.order) > uint64(e.orders.rows) {
			return false
		}
		o := e.orders.at(uint32(r.order - 1))
		return o.purchase == slot+1 && o.hold == r.hold && o.buyer == r.buyer && o.total == r.total && (r.deadline != 0) == wantsTime
	case PurchaseDeclined, PurchaseReleased:
	}
	return (r.deadline != 0) == wantsTime
}
