package engine

import (
	"slices"
	"sort"
)

// What becomes of an order after it was sold: tickets are used, get new codes, or become void. Most orders stay as they are, so only what is not in its
// first state has rows: an order whose tickets or money have changed has one, and so has each ticket that was used or named. A refund of a whole
// order of a counted lot needs none for its tickets.

// afterRow is what became of an order.
type afterRow struct {
	refunded int64  // minor units of its refunds, also of those that failed: they are still owed
	order    uint32 // slot
	tickets  uint32 // slot + 1 of the ticket that changed last for the first time
	refunds  uint32 // number of its newest refund
	count    uint32 // its refunds
	voidBy   uint32 // number of the refund that made all tickets void that were not; 0 if none did, or the purchase was undone
	void     bool   // all tickets are
}

// ticketRow is a ticket that is not as it was sold.
type ticketRow struct {
	id       TicketID
	admitted Instant // node time; 0 is never
	gate     uint32  // in names; 0 if none was said
	code     uint32  // generation of its code
	seat     uint32  // of a void ticket of a seated lot: the number + 1 of the seat, which its order no longer has
	refund   uint32  // number of the refund that made it void; 0 if none did
	next     uint32  // slot + 1 of another ticket of the same order
	void     bool
}

func ticketHash32(id TicketID) uint32 { return index32(mix(uint64(id)^hashK2, hashK1)) }

// ticketChanged finds the row of a ticket; nil if the ticket is as it was sold, or as all of its order are.
func (e *Event) ticketChanged(id TicketID) *ticketRow {
	if e.ticketIndex.count == 0 {
		return nil
	}
	var p probe
	e.ticketIndex.seek(&p, ticketHash32(id))
	for {
		slot, ok := e.ticketIndex.next(&p)
		if !ok {
			return nil
		}
		if row := e.tickets.at(slot); row.id == id {
			return row
		}
	}
}

// after returns what became of an order, nil if nothing did.
func (e *Event) after(order uint32) *afterRow {
	if ref := e.orders.at(order).after; ref != 0 {
		return e.afters.at(ref - 1)
	}
	return nil
}

// touch returns what became of an order, for a change that is about to be noted: its hash is taken out of the sum until touched puts it back.
func (e *Event) touch(order uint32) *afterRow {
	o := e.orders.at(order)
	if o.after == 0 {
		slot := e.afters.alloc()
		e.afters.at(slot).order = order
		o.after = slot + 1
	} else {
		e.rows -= afterHash(e.afters.at(o.after - 1))
	}
	return e.afters.at(o.after - 1)
}

func (e *Event) touched(order uint32) { e.rows += afterHash(e.after(order)) }

// changing returns the row of a ticket for a change that is about to be noted, made if it is missing: its hash is taken out of the sum until changed puts
// it back.
func (e *Event) changing(order uint32, id TicketID) *ticketRow {
	if row := e.ticketChanged(id); row != nil {
		e.rows -= e.ticketHash(row)
		return row
	}
	a := e.touch(order)
	slot := e.tickets.alloc()
	row := e.tickets.at(slot)
	row.id, row.next = id, a.tickets
	a.tickets = slot + 1
	e.touched(order)
	e.ticketIndex.insert(ticketHash32(id), slot)
	return row
}

func (e *Event) changed(row *ticketRow) { e.rows += e.ticketHash(row) }

func afterHash(a *afterRow) uint64 {
	h := hasher(hashK1)
	h.pair(uint64(a.order)|uint64(a.voidBy)<<32, uint64(a.refunded))
	h.bool(a.void)
	return uint64(h)
}

func (e *Event) ticketHash(r *ticketRow) uint64 {
	h := hasher(hashK2)
	h.pair(uint64(r.id), uint64(r.admitted))
	h.pair(uint64(r.code)|uint64(r.seat)<<32, uint64(r.refund))
	h.bool(r.void)
	if r.gate != 0 {
		h.string(e.names.get(r.gate))
	}
	return uint64(h)
}

// orderOfTicket finds the order of a ticket.
func (e *Event) orderOfTicket(id TicketID) (order uint32, ok bool) {
	if id == 0 || id > e.ticketLast {
		return 0, false
	}
	n := sort.Search(int(e.orders.rows), func(i int) bool { return e.orders.at(uint32(i)).ticket > id })
	return uint32(n - 1), true
}

// ticketsOf is how many tickets an order was sold with.
func (e *Event) ticketsOf(order uint32) int64 {
	end := e.ticketLast + 1
	if order+1 < e.orders.rows {
		end = e.orders.at(order + 1).ticket
	}
	return int64(end - e.orders.at(order).ticket)
}

// ticketPlace is where a ticket is in its order.
type ticketPlace struct {
	item  int
	price uint32
	index int64 // of the ticket among those of its item
}

// placeOfTicket finds a ticket in its order.
func (e *Event) placeOfTicket(order uint32, id TicketID) (place ticketPlace) {
	o := e.orders.at(order)
	place.index = int64(id - o.ticket)
	for it := e.firstItem(&o.basket); it.sales > 0; it = e.nextItem(it) {
		place.price = it.price
		n := int64(it.sales) * e.lots[e.prices[it.price].lot].units
		if place.index < n {
			return place
		}
		place.index -= n
		place.item++
	}
	panic("engine: a ticket behind the end of its order")
}

// eachSeat calls use for each ticket of an item of an order, whose first ticket is first, with its seat: void ones have theirs in their rows.
func (e *Event) eachSeat(it *itemRow, first TicketID, use func(id TicketID, seat uint32)) {
	s := e.lots[e.prices[it.price].lot].seating
	chain := it.seats
	for i := range it.sales {
		id := first + TicketID(i)
		if row := e.ticketChanged(id); row != nil && row.void {
			use(id, row.seat-1)
			continue
		}
		seat := chain - 1
		chain = s.seats[seat].next // use may free the seat
		use(id, seat)
	}
}

// gone counts the void tickets of each item of an order.
func (e *Event) gone(order uint32) (gone [ItemsPerHoldMax]int64) {
	a := e.after(order)
	if a == nil {
		return gone
	}
	if a.void {
		i := 0
		for it := e.firstItem(&e.orders.at(order).basket); it.sales > 0; it = e.nextItem(it) {
			gone[i] = int64(it.sales) * e.lots[e.prices[it.price].lot].units
			i++
		}
		return gone
	}
	for ref := a.tickets; ref != 0; {
		row := e.tickets.at(ref - 1)
		if row.void {
			gone[e.placeOfTicket(order, row.id).item]++
		}
		ref = row.next
	}
	return gone
}

// voidTickets makes tickets of an order void that are not yet, all of them if list is nil: their units are free again or blocked, and the buyer's allowance is
// given back. The list is in ascending order. by is the refund's number, 0 if the purchase was undone.
func (e *Event) voidTickets(order uint32, list []TicketID, by uint32, to share) {
	o := e.orders.at(order)
	buyer := e.buyerHash(o.buyer)
	payment := e.paymentRefOf(o)
	e.rows -= e.orderHash(o, order, buyer, payment)
	gone, first, slot := e.gone(order), o.ticket, o.more
	was := e.codes != nil && e.allVoid(order)
	i := 0
	for it := e.firstItem(&o.basket); it.sales > 0; it = e.nextItem(it) {
		number := e.prices[it.price].lot
		l := &e.lots[number]
		all := int64(it.sales) * l.units
		n := all - gone[i]
		mine := list
		if list != nil {
			from := sort.Search(len(list), func(k int) bool { return list[k] >= first })
			end := sort.Search(len(list), func(k int) bool { return list[k] >= first+TicketID(all) })
			mine = list[from:end]
			n = int64(len(mine))
		}
		switch {
		case n == 0:
		case l.seating != nil:
			e.voidSeats(order, &it, number, first, mine, by, to)
			e.items.at(slot - 1).seats = it.seats
		default:
			for _, id := range mine {
				row := e.changing(order, id)
				row.void, row.refund = true, by
				e.changed(row)
			}
		}
		if n > 0 {
			e.move(number, n, shareSold, to)
			e.takeBack(o.buyer, number, n)
			if plantedBug(plantedRefundFreesTwice) {
				e.move(number, n, shareSold, to)
			}
		}
		first += TicketID(all)
		if slot != 0 {
			slot = e.items.at(slot - 1).next
		}
		i++
	}
	if list == nil {
		a := e.touch(order)
		a.void, a.voidBy = true, by
		e.touched(order)
	}
	e.rows += e.orderHash(o, order, buyer, payment)
	if e.codes != nil && !was && e.allVoid(order) {
		e.useCode(&o.basket, -1)
	}
}

// voidSeats makes the tickets of a seated item void that are in list, all of those left if list is nil: their seats leave the item's chain.
func (e *Event) voidSeats(order uint32, it *itemRow, lot uint32, first TicketID, list []TicketID, by uint32, to share) {
	s := e.lots[lot].seating
	head, last := uint32(0), uint32(0)
	e.eachSeat(it, first, func(id TicketID, n uint32) {
		if row := e.ticketChanged(id); row != nil && row.void {
			return
		}
		if list != nil && !slices.Contains(list, id) {
			if last == 0 {
				head = n + 1
			} else {
				s.seats[last-1].next = n + 1
			}
			s.seats[n].next = 0
			last = n + 1
			return
		}
		row := e.changing(order, id)
		row.void, row.refund, row.seat = true, by, n+1
		e.changed(row)
		s.seats[n] = seatRow{}
		if to == shareBlocked {
			s.seats[n].state = seatBlocked
			e.rows += seatHash(lot, n, seatBlocked)
		} else {
			s.mark(n, true)
		}
	})
	it.seats = head
}

// paymentRefOf is the reference of a payment made outside, empty if there is none.
func (e *Event) paymentRefOf(o *orderRow) string {
	if o.payment == 0 {
		return ""
	}
	return e.names.get(o.payment)
}

// stateOfTicket says what a ticket of an order is good for.
func (e *Event) stateOfTicket(order uint32, id TicketID) TicketState {
	row, a := e.ticketChanged(id), e.after(order)
	switch {
	case row != nil && row.void, a != nil && a.void:
		return TicketVoided
	case row != nil && row.admitted != 0:
		return TicketAdmitted
	case e.pending(order):
		return TicketPending
	}
	return TicketValid
}

// pending reports whether an order's purchase can still be undone: its tickets admit nobody yet.
func (e *Event) pending(order uint32) bool {
	purchase := e.orders.at(order).purchase
	return purchase != 0 && e.eventTime() < e.purchases.rows.at(purchase-1).undo
}
