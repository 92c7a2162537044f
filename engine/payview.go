package engine

// showPurchase shows a purchase, with its hold while that lives and its order once it is sold.
func (e *Event) showPurchase(slot uint32) {
	row := e.purchases.rows.at(slot)
	out, v := &e.out, &e.work.purchase
	out.Shows |= ShowsPurchase
	out.Purchase = v
	id := PurchaseID(slot) + 1
	*v = PurchaseView{
		ID: id, Incarnation: e.purchaseIncarnation(id), Event: e.key.ID, Buyer: e.buyerName(row.buyer), State: row.state, Flow: row.flow, Hold: row.hold,
		HoldIncarnation: e.holdIncarnation(row.hold), TotalMinor: row.total, Currency: e.spec.Currency, Gateway: e.named(row.gateway), Method: e.named(row.method),
		Decline: row.decline, Charge: row.charge, ChargeRef: e.named(row.ref), Order: row.order, At: row.changed, Undone: row.flags&purchaseUndone != 0,
	}
	switch row.state {
	case PurchaseQueued, PurchaseAuthorising, PurchaseActionRequired:
		v.PayUntil = row.deadline + Instant(e.down)
		e.showHold(row.hold, row.total)
	case PurchaseCancelling, PurchaseStuck:
		e.showHold(row.hold, row.total)
	case PurchaseDeclined:
		if ref := e.holdSlots.get(uint64(row.hold)); ref != 0 && ref&endedTag == 0 {
			e.showLive(ref - 1)
			if h := &e.out.Hold; h.State == HoldHeld {
				v.HoldLives, v.HoldUntil = true, h.ExpiresAt
			}
		}
	case PurchaseSold:
		if !v.Undone {
			v.UndoUntil = row.undo + Instant(e.down)
		}
		e.showOrder(row.order)
	case PurchaseReleased:
	}
}

// purchase shows a purchase to its buyer, or to a caller who names no buyer.
func (e *Event) purchase(cmd *Command) {
	p := paymentOf(cmd)
	if !e.validID("purchase", p.Purchase) || cmd.Buyer != "" && !e.validID("buyer", cmd.Buyer) {
		return
	}
	if e.state == 0 {
		e.out.Code, e.out.Field = CodeEventUnknown, fieldNames[fieldEvent]
		return
	}
	slot, ok := e.purchaseSaid(p.Purchase, cmd.Buyer)
	if !ok {
		e.out.Code, e.out.Field = CodePurchaseUnknown, fieldNames[fieldPurchase]
		return
	}
	e.showPurchase(slot)
}

// purchaseSaid finds a purchase as a caller names it. Another buyer's is unknown.
func (e *Event) purchaseSaid(text, buyer string) (slot uint32, ok bool) {
	id, in, ok := ParsePurchaseID(text)
	if !ok {
		return 0, false
	}
	slot, ok = e.purchaseNamed(id, in)
	return slot, ok && (buyer == "" || e.buyerName(e.purchases.rows.at(slot).buyer) == buyer)
}
