package engine

import "slices"

// refundOf is the number of the refund that made a ticket void, 0 if none did.
func (e *Event) refundOf(order uint32, id TicketID) uint32 {
	if row := e.ticketChanged(id); row != nil && row.void {
		return row.refund
	}
	if a := e.after(order); a != nil {
		return a.voidBy
	}
	return 0
}

// showRefund shows a refund and its order.
func (e *Event) showRefund(id RefundID) {
	order := e.refunds.at(uint32(id - 1)).order
	e.showOrder(OrderID(order) + 1)
	for i := range e.out.Order.Refunds {
		if e.out.Order.Refunds[i].ID == id {
			e.out.Shows, e.out.Refund = e.out.Shows|ShowsRefund, &e.out.Order.Refunds[i]
		}
	}
}

// viewAfter completes the view of an order with what became of it since it was sold: of its first TicketsShownMax tickets only.
func (e *Event) viewAfter(v *OrderView, order uint32) {
	a := e.after(order)
	if a == nil && !e.pending(order) {
		return
	}
	marks := int64(0)
	if e.pending(order) || a.void {
		marks = v.Tickets
	} else {
		for ref := a.tickets; ref != 0; {
			row := e.tickets.at(ref - 1)
			marks = max(marks, int64(row.id-v.FirstTicket)+1)
			ref = row.next
		}
	}
	v.Marks = make([]TicketMark, min(marks, TicketsShownMax))
	for i := range v.Marks {
		v.Marks[i] = e.markOf(order, v.FirstTicket+TicketID(i))
	}
	if a == nil {
		return
	}
	v.RefundedMinor = a.refunded
	for n := a.refunds; n != 0; n = e.refunds.at(n - 1).older {
		v.Refunds = append(v.Refunds, e.viewRefund(v, n))
	}
	slices.Reverse(v.Refunds)
}

// markOf says what became of a ticket of an order.
func (e *Event) markOf(order uint32, id TicketID) TicketMark {
	m := TicketMark{State: e.stateOfTicket(order, id)}
	if row := e.ticketChanged(id); row != nil {
		m.Generation, m.AdmittedAt = row.code, row.admitted
		if row.gate != 0 {
			m.Gate = e.names.get(row.gate)
		}
	}
	return m
}

// viewRefund shows a refund of an order whose tickets are in v.
func (e *Event) viewRefund(v *OrderView, number uint32) RefundView {
	row := e.refunds.at(number - 1)
	r := RefundView{
		ID: RefundID(number), Incarnation: e.refundIncarnation(RefundID(number)), Order: v.ID, OrderIn: v.Incarnation, AmountMinor: row.amount, Currency: v.Currency,
		State: row.state, At: row.at, KeepFees: row.how&refundKeepFees != 0, Blocked: row.how&refundBlock != 0, ByBuyer: row.how&refundByBuyer != 0,
	}
	if row.reason != 0 {
		r.Reason = e.names.get(row.reason)
	}
	for i := range v.Marks {
		if id := v.FirstTicket + TicketID(i); v.Marks[i].State == TicketVoided && e.refundOf(row.order, id) == number {
			r.Tickets = append(r.Tickets, id)
		}
	}
	return r
}
