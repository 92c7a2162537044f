package engine

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// What a snapshot keeps of what became of orders, since version 3.

// The bits of a ticket in a snapshot.
const (
	keptAdmitted = 1 << iota
	keptCode
	keptVoid
	keptEnd
)

// appendAfter appends what became of an order; it stands before its basket, whose seats may be others' by now.
//
//	| 0 if it is not void, or the refund that made it so + 1 | n | n tickets: number in the order, bits, as the bits say: admitted gate, code, refund |
func (e *Event) appendAfter(dst []byte, order uint32) []byte {
	a := e.after(order)
	void := uint64(0)
	if a.void {
		void = uint64(a.voidBy) + 1
	}
	rows := e.ticketsByID(a)
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, void), uint64(len(rows)))
	last := e.orders.at(order).ticket
	for _, row := range rows {
		dst = binary.AppendUvarint(dst, uint64(row.id-last))
		last = row.id
		at := len(dst)
		dst = append(dst, 0)
		if row.admitted != 0 {
			dst[at] |= keptAdmitted
			gate := ""
			if row.gate != 0 {
				gate = e.names.get(row.gate)
			}
			dst = appendString(binary.AppendUvarint(dst, uint64(row.admitted)), gate)
		}
		if row.code != 0 {
			dst[at] |= keptCode
			dst = binary.AppendUvarint(dst, uint64(row.code))
		}
		if row.void {
			dst[at] |= keptVoid
			dst = binary.AppendUvarint(dst, uint64(row.refund))
		}
	}
	return dst
}

// ticketsByID lists the tickets of an order that have rows, in order.
func (e *Event) ticketsByID(a *afterRow) []*ticketRow {
	var rows []*ticketRow
	for ref := a.tickets; ref != 0; ref = e.tickets.at(ref - 1).next {
		rows = append(rows, e.tickets.at(ref-1))
	}
	slices.SortFunc(rows, func(a, b *ticketRow) int { return cmp.Compare(a.id, b.id) })
	return rows
}

// openAfter reads what appendAfter wrote, of the order in a slot, of which nothing is known yet but its first ticket. The hashes follow when the basket is there.
func (e *Event) openAfter(d *decoder, order uint32) {
	slot := e.afters.alloc()
	e.orders.at(order).after = slot + 1
	void := uint32(d.uint(RefundsAllMax + 1))
	*e.afters.at(slot) = afterRow{order: order, void: void != 0, voidBy: max(void, 1) - 1}
	id := e.orders.at(order).ticket
	for i := range d.count(TicketsChangedMax, 2) {
		step := d.uint(1 << 40)
		if i > 0 && step == 0 {
			d.fail("a ticket is there twice")
		}
		id += TicketID(step)
		row := ticketRow{id: id, next: e.afters.at(slot).tickets}
		bits, gate := d.byte(), ""
		if bits&keptAdmitted != 0 {
			row.admitted, gate = Instant(d.uint(uint64(e.lastAt))), d.idOrNone()
		}
		if bits&keptCode != 0 {
			row.code = uint32(d.uint(TicketCodesMax))
		}
		if row.void = bits&keptVoid != 0; row.void {
			row.refund = uint32(d.uint(RefundsAllMax))
		}
		if d.what == "" && (bits == 0 && void == 0 || bits >= keptEnd || bits&keptAdmitted != 0 && row.admitted == 0 || bits&keptCode != 0 && row.code == 0) {
			d.fail("a ticket that nothing became of")
		}
		if d.what != "" {
			return
		}
		if gate != "" {
			row.gate = e.names.put(gate)
		}
		ref := e.tickets.alloc()
		*e.tickets.at(ref) = row
		e.afters.at(slot).tickets = ref + 1
		e.ticketIndex.insert(ticketHash32(id), ref)
	}
}

// openSeats takes the seats of void tickets out of an item of an order that is being read, whose first ticket is first: they are kept in the tickets' rows.
// It returns how many tickets of the item are void.
func (e *Event) openSeats(d *decoder, order uint32, it *factItem, first TicketID) (gone int64) {
	a := e.after(order)
	if a == nil {
		return 0
	}
	l := &e.lots[e.prices[it.price].lot]
	tickets := int64(it.sales) * l.units
	if l.seating == nil {
		for ref := a.tickets; ref != 0; ref = e.tickets.at(ref - 1).next {
			if row := e.tickets.at(ref - 1); row.void && row.id >= first && row.id < first+TicketID(tickets) {
				gone++
			}
		}
		if a.void {
			return tickets
		}
		return gone
	}
	kept := it.seats[:0]
	for i, n := range it.seats {
		row := e.ticketChanged(first + TicketID(i))
		switch {
		case row != nil && row.void && int(n) < len(l.seating.seats) && row.seat == 0:
			row.seat = n + 1
			gone++
		case a.void || row != nil && row.void:
			d.fail("a void ticket of a seat that is not there, or that has no row")
			return 0
		default:
			kept = append(kept, n)
		}
	}
	it.seats = kept
	return gone
}

// openVoid completes an order that was read with what became of it.
func (e *Event) openVoid(d *decoder, order uint32) {
	a := e.after(order)
	if a == nil {
		return
	}
	o := e.orders.at(order)
	for ref := a.tickets; ref != 0; ref = e.tickets.at(ref - 1).next {
		row := e.tickets.at(ref - 1)
		if row.id > e.ticketLast {
			d.fail("a ticket behind the end of its order")
			return
		}
		e.rows += e.ticketHash(row)
	}
	gone, i := e.gone(order), 0
	for it := e.firstItem(&o.basket); it.sales > 0; it = e.nextItem(it) {
		if gone[i] > 0 {
			e.takeBack(o.buyer, e.prices[it.price].lot, gone[i])
		}
		i++
	}
}

// appendRefunds appends all refunds: | n | n times: order, amount, at, how, state, reason, gateway's id, attempt, intended, hash if intended |
func (e *Event) appendRefunds(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.refunds.rows))
	for i := range e.refunds.rows {
		r := e.refunds.at(i)
		for _, v := range [...]uint64{uint64(r.order), uint64(r.amount), uint64(r.at - e.since)} {
			dst = binary.AppendUvarint(dst, v)
		}
		reason := ""
		if r.reason != 0 {
			reason = e.names.get(r.reason)
		}
		dst = appendString(appendString(append(dst, byte(r.how), byte(r.state)), reason), e.named(r.ref))
		dst = binary.AppendUvarint(dst, uint64(r.attempt))
		if r.call == 0 {
			dst = append(dst, 0)
			continue
		}
		c := e.calls.at(r.call - 1)
		dst = append(binary.AppendUvarint(dst, uint64(c.intended)), c.hash[:]...)
	}
	return dst
}

func (e *Event) openRefunds(d *decoder) {
	for range d.count(RefundsAllMax, 6) {
		r := refundRow{order: uint32(d.uint(math.MaxUint32)), amount: d.int(), at: e.since + Instant(d.uint(uint64(e.lastAt-e.since)))}
		r.how, r.state = refundHow(d.byte()), RefundState(d.byte())
		reason, ref := d.idOrNone(), d.string(PaymentRefLenMax)
		r.attempt = uint32(d.uint(attemptsMax))
		call := refundCall{intended: Instant(d.uint(uint64(e.lastAt)))}
		if call.intended != 0 {
			d.hash(&call.hash)
		}
		if d.what != "" || r.order >= e.orders.rows || e.orders.at(r.order).after == 0 || r.how >= refundHowEnd || r.state < RefundQueued || r.state > RefundExternal {
			d.fail("a refund of no order, or in no state")
			return
		}
		a := e.after(r.order)
		if r.amount > e.orders.at(r.order).total-a.refunded {
			d.fail("more is refunded than was paid")
			return
		}
		slot := e.refunds.alloc()
		r.older = a.refunds
		a.refunds, a.refunded = slot+1, a.refunded+r.amount
		a.count++
		if reason != "" {
			r.reason = e.names.put(reason)
		}
		r.ref = e.name(ref)
		if call.intended != 0 {
			r.call = e.calls.alloc() + 1
			*e.calls.at(r.call - 1) = call
		}
		*e.refunds.at(slot) = r
		e.putRefund(slot)
	}
	for i := range e.afters.rows {
		e.rows += afterHash(e.afters.at(i))
	}
}

// aftersale verifies what became of orders: each row is of one order, refunds add up, and void tickets of seated lots know their seats.
func (c *checker) aftersale() error {
	e := c.e
	afters, tickets, refunds, open, calls := 0, 0, 0, 0, 0
	for order := range e.orders.rows {
		a := e.after(order)
		if a == nil {
			continue
		}
		afters++
		c.rows += afterHash(a)
		refunded, count := int64(0), uint32(0)
		for n := a.refunds; n != 0; n = e.refunds.at(n - 1).older {
			r := e.refunds.at(n - 1)
			if r.order != order || r.older >= n {
				return e.broken("refund %d is of another order", n)
			}
			if r.reason != 0 {
				c.names++
			}
			if r.ref != 0 {
				c.names++
			}
			if !e.soundRefund(r) {
				return e.broken("refund %d cannot be: %+v", n, *r)
			}
			if r.open() {
				open++
			}
			if r.call != 0 {
				calls++
			}
			refunded, count = refunded+r.amount, count+1
			c.rows += e.refundHash(r, n-1)
		}
		refunds += int(count)
		if a.order != order || refunded != a.refunded || count != a.count || refunded > e.orders.at(order).total || !a.void && a.voidBy != 0 || a.voidBy > e.refunds.rows {
			return e.broken("order %d is %+v, its refunds add up to %d", order+1, *a, refunded)
		}
		for ref := a.tickets; ref != 0; ref = e.tickets.at(ref - 1).next {
			if err := c.ticket(order, e.tickets.at(ref-1)); err != nil {
				return err
			}
			tickets++
		}
	}
	if e.cancelled.next > e.orders.rows || e.cancelled.bought > e.purchases.rows.rows {
		return e.broken("the cancellation is at %+v", e.cancelled)
	}
	if open != e.refundsOpen || calls != e.calls.live() {
		return e.broken("%d refunds are open and %d requests are kept, counted %d and %d", e.refundsOpen, e.calls.live(), open, calls)
	}
	if afters != e.afters.live() || tickets != e.tickets.live() || tickets != e.ticketIndex.count || refunds != int(e.refunds.rows) {
		return e.broken("%d orders, %d tickets and %d refunds are kept, counted %d, %d and %d", e.afters.live(), e.tickets.live(), e.refunds.rows, afters, tickets, refunds)
	}
	return nil
}

// soundRefund reports whether the parts of a refund fit together.
func (e *Event) soundRefund(r *refundRow) bool {
	charged := e.orders.at(r.order).purchase != 0
	switch {
	case r.state < RefundQueued || r.state > RefundExternal || r.how >= refundHowEnd || r.amount < 0 || r.attempt > attemptsMax,
		(r.state == RefundSent) != (r.call != 0),
		(r.state == RefundExternal) != (!charged && r.amount > 0),
		r.ref != 0 && r.state != RefundDone,
		!charged && r.attempt != 0:
		return false
	case r.state == RefundSent || r.state == RefundFailed:
		return e.moneyOf(r.order).charge == ChargeCaptured
	}
	return true
}

// ticket verifies a ticket that is not as it was sold.
func (c *checker) ticket(order uint32, row *ticketRow) error {
	e := c.e
	if at, ok := e.orderOfTicket(row.id); !ok || at != order || e.ticketChanged(row.id) != row {
		return e.broken("ticket %d is not found, or of another order", row.id)
	}
	seated := e.lots[e.prices[e.placeOfTicket(order, row.id).price].lot].seating != nil
	if row.void && row.refund > e.refunds.rows || !row.void && (row.refund != 0 || row.seat != 0) || (row.seat != 0) != (row.void && seated) {
		return e.broken("ticket %d is %+v", row.id, *row)
	}
	if row.refund != 0 && e.refunds.at(row.refund-1).order != order {
		return e.broken("ticket %d is void by the refund of another order", row.id)
	}
	if row.gate != 0 {
		c.names++
	}
	if row.admitted != 0 {
		c.admitted++
	}
	c.rows += e.ticketHash(row)
	return nil
}

// admissions counts the requests to let somebody in that are remembered.
func (c *checker) admissions() (admits int) {
	for i := range c.e.money.rows {
		if c.e.money.at(i).verb() == VerbAdmit {
			admits++
		}
	}
	return admits
}
