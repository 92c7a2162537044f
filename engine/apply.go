package engine

// The apply functions change the state as a fact says. Step calls them right after it has encoded the fact, and Fold after it has decoded
// one and checked that it fits the state: so the live event and its replay go through the same code. They cannot fail.

// move moves units of a lot and of its pools from one share to another, and notes a breach of conservation.
func (e *Event) move(number uint32, units int64, from, to share) {
	l := &e.lots[number]
	l.in[from] -= units
	l.in[to] += units
	if to == shareFree && e.list != nil {
		e.list.look = true
	}
	if !l.sound() {
		e.breach = breach{found: true, place: number}
	}
	for _, p := range l.pools {
		e.movePool(p, units, from, to)
	}
	if l.in[shareFree] == 0 && !l.exhausted {
		e.exhaust(number)
	}
}

func (e *Event) movePool(number uint32, units int64, from, to share) {
	p := &e.pools[number]
	p.in[from] -= units
	p.in[to] += units
	if to == shareFree && e.list != nil {
		e.list.look = true
	}
	if !p.sound() {
		e.breach = breach{found: true, pool: true, place: number}
	}
}

// exhaust notes that a lot has nothing free for the first time: the lots that follow it may open.
func (e *Event) exhaust(number uint32) {
	l := &e.lots[number]
	l.exhausted = true
	for _, f := range l.followers {
		if !e.lots[f].open {
			e.tiersDue++
		}
	}
}

// applyHeld grants a hold and returns its slot.
func (e *Event) applyHeld(f *factHeld) uint32 {
	buyer := e.intern(f.buyer, f.buyerHash, f.buyerRow)
	if f.replaces != 0 {
		e.end(e.buyers.at(buyer).hold-1, HoldReplaced)
	}
	now := e.eventTime()
	slot := e.holds.alloc()
	row := e.holds.at(slot)
	row.idState = idState(f.hold, HoldHeld)
	row.expires = now + Instant(f.life)
	row.maxEnd = row.expires + Instant(f.rest)
	row.buyer = buyer
	row.basket = e.fill(f.items, slot)
	e.holdLast = f.hold
	e.holdSlots.set(uint64(f.hold), slot+1)
	e.buyers.at(buyer).hold = slot + 1
	for it := e.firstItem(&row.basket); it.sales > 0; it = e.nextItem(it) {
		lot := e.prices[it.price].lot
		e.move(lot, int64(it.sales)*e.lots[lot].units, shareFree, shareHeld)
	}
	e.clock(slot)
	e.rows += e.holdHash(row, f.buyerHash)
	if e.codes != nil {
		e.useCode(&row.basket, 1)
	}
	if e.line != nil {
		e.fairHeld(buyer, f.id != "")
		e.passHeld(buyer, f.replaces != 0, e.unitsIn(&row.basket))
	}
	if e.list != nil {
		e.waiterHeld(buyer, &row.basket)
	}
	e.remember(&f.asked, VerbHold, uint64(f.hold), e.total(&row.basket))
	return slot
}

// fill makes a basket of the items of a fact. Seats get the hold as their owner.
func (e *Event) fill(items []factItem, owner uint32) basket {
	if len(items) == 1 && items[0].seats == nil {
		return basket{price: items[0].price, sales: items[0].sales}
	}
	var b basket
	for i := len(items) - 1; i >= 0; i-- {
		it := &items[i]
		row := itemRow{price: it.price, sales: it.sales, next: b.more}
		if it.seats != nil {
			s := e.lots[e.prices[it.price].lot].seating
			for j := len(it.seats) - 1; j >= 0; j-- {
				s.seats[it.seats[j]] = seatRow{owner: owner, next: row.seats, state: seatHeld}
				s.mark(it.seats[j], false)
				row.seats = it.seats[j] + 1
			}
		}
		slot := e.items.alloc()
		*e.items.at(slot) = row
		b.more = slot + 1
	}
	return b
}

// end takes a live hold out of the tables: its tickets are free again, and its id is kept among the ended ones. It returns the hold's total.
func (e *Event) end(slot uint32, as HoldState) int64 {
	row := e.holds.at(slot)
	e.rows -= e.holdHash(row, e.buyerHash(row.buyer))
	b := row.basket
	total := e.total(&b)
	from := shareHeld
	if row.state() == HoldPaying {
		from = sharePaying
	}
	buyer := row.buyer
	var had []byte // of an expired hold: a payment may come late
	if as == HoldExpired && b.more != 0 {
		had = e.appendBasket(nil, &b, 0)
	}
	for it := e.firstItem(&b); it.sales > 0; it = e.nextItem(it) {
		number := e.prices[it.price].lot
		for n := it.seats; n != 0; {
			s := e.lots[number].seating
			s.mark(n-1, true)
			seat := &s.seats[n-1]
			n = seat.next
			*seat = seatRow{}
		}
		e.move(number, int64(it.sales)*e.lots[number].units, from, shareFree)
	}
	if e.codes != nil && (as != HoldExpired || !plantedBug(plantedKeepUse)) {
		e.useCode(&b, -1)
	}
	for i := b.more; i != 0; {
		next := e.items.at(i - 1).next
		e.items.release(i - 1)
		i = next
	}
	e.retire(slot, as, total)
	if as == HoldExpired {
		e.keepLate(b.price, b.sales, had)
	}
	if e.line != nil && as != HoldReplaced {
		e.passHoldEnded(buyer, false)
	}
	if e.list != nil && as != HoldReplaced {
		e.offerEnded(buyer, endedOffer(as, from == sharePaying))
	}
	return total
}

// retire takes a hold's row out and puts its id among the ended ones.
func (e *Event) retire(slot uint32, as HoldState, total int64) {
	row := e.holds.at(slot)
	if row.state() == HoldHeld {
		e.stopClock(slot)
	}
	id, buyer := row.id(), row.buyer
	e.holds.release(slot)
	b := e.buyers.at(buyer)
	b.hold = 0
	b.ended++
	if e.ended.count() >= e.limits.Ended {
		e.forgetEnded()
	}
	pos, ended := e.ended.push()
	ended.idState, ended.total, ended.buyer = idState(id, as), total, buyer
	e.rows += e.endedHash(ended, pos)
	e.holdSlots.set(uint64(id), uint32(pos&lowMask)|endedTag)
}

// forgetEnded drops the oldest ended hold: from now on its id is unknown.
func (e *Event) forgetEnded() {
	pos := e.ended.head
	row := *e.ended.at(pos)
	e.rows -= e.endedHash(&row, pos)
	if c := e.holdSlots.chunk(uint64(row.id()) >> spanShift); c.used == 1 {
		e.due.remove(c, &e.holdSlots) // the chunk goes with its last id
	}
	e.holdSlots.drop(uint64(row.id()))
	e.ended.pop()
	if e.lates != nil {
		delete(e.lates, pos)
	}
	e.buyers.at(row.buyer).ended--
	e.forget(row.buyer)
}

func (e *Event) applyExtended(f *factExtended, slot uint32) {
	row := e.holds.at(slot)
	buyer := e.buyerHash(row.buyer)
	e.rows -= e.holdHash(row, buyer)
	e.reclock(slot, e.eventTime()+Instant(f.life))
	e.rows += e.holdHash(row, buyer)
	e.remember(&f.asked, VerbExtend, uint64(f.hold), e.total(&row.basket))
}

func (e *Event) applyReleased(f *factReleased, slot uint32) int64 {
	total := e.end(slot, HoldReleased)
	e.remember(&f.asked, VerbRelease, uint64(f.hold), total)
	return total
}

func (e *Event) applyExpired(_ *factExpired, slot uint32) {
	if plantedBug(plantedFreeTwice) {
		e.lend(slot, shareHeld, shareFree)
	}
	e.end(slot, HoldExpired)
}

// applyConfirmed makes an order of a hold that was paid outside.
func (e *Event) applyConfirmed(f *factConfirmed, slot uint32) {
	flags := uint32(0)
	if f.boxOffice {
		flags = orderBoxOffice
	}
	total := e.sell(slot, f.ticket, f.paymentRef, flags, 0)
	e.remember(&f.asked, VerbConfirm, uint64(f.order), total)
}

// sell makes an order of a hold: the basket and its seats pass on as they are. It returns the total.
func (e *Event) sell(slot uint32, ticket TicketID, paymentRef string, flags, purchase uint32) int64 {
	row := e.holds.at(slot)
	buyer, b := row.buyer, row.basket
	hash := e.buyerHash(buyer)
	e.rows -= e.holdHash(row, hash)
	from := shareHeld
	if row.state() == HoldPaying {
		from = sharePaying
	}
	total := e.total(&b)
	order := e.orders.alloc()
	tickets := int64(0)
	for it := e.firstItem(&b); it.sales > 0; it = e.nextItem(it) {
		number := e.prices[it.price].lot
		units := int64(it.sales) * e.lots[number].units
		tickets += units
		for n := it.seats; n != 0; {
			seat := &e.lots[number].seating.seats[n-1]
			seat.owner, seat.state = order, seatSold
			n = seat.next
		}
		e.move(number, units, from, shareSold)
	}
	made := e.orders.at(order)
	*made = orderRow{hold: row.id(), ticket: ticket, at: e.now, total: total, buyer: buyer, basket: b, flags: flags, purchase: purchase}
	if paymentRef != "" {
		made.payment = e.names.put(paymentRef)
	}
	e.ticketLast += TicketID(tickets)
	e.noteBought(buyer, order, &b)
	e.rows += e.orderHash(made, order, hash, paymentRef)
	e.retire(slot, HoldConfirmed, total)
	if e.line != nil {
		e.passHoldEnded(buyer, true)
	}
	if e.list != nil {
		e.offerEnded(buyer, WaitBought)
	}
	return total
}

func (e *Event) applyTierOpened(f *factTierOpened) {
	e.lots[f.lot].open = true
	e.tiersDue--
	e.lookAgain()
}

func (e *Event) applyTallied(f *factTallied) {
	if e.refused == nil {
		e.refused = new([Codes][Flows]uint64)
	}
	for code := range f.counts {
		for flow, count := range f.counts[code] {
			e.refused[code][flow] += uint64(count)
		}
	}
}

func (e *Event) applyResumed(f *factResumed) { e.down += f.add }

// applyTurned opens, pauses or closes the event.
func (e *Event) applyTurned(f *factTurned) {
	verb := VerbOpen
	switch f.kind { //nolint:exhaustive // the three that turn an event
	case kindOpened:
		e.state = EventOnSale
	case kindPaused:
		verb, e.state = VerbPause, EventPaused
	case kindClosed:
		verb, e.state, e.closed = VerbClose, EventClosed, e.now
	}
	e.startLine()
	e.lookAgain()
	e.remember(&f.asked, verb, 0, 0)
}

// applyBlocked takes units out of sale or puts them back.
func (e *Event) applyBlocked(f *factBlocked) {
	from, to, verb := shareFree, shareBlocked, VerbBlock
	if f.kind == kindUnblocked {
		from, to, verb = shareBlocked, shareFree, VerbUnblock
	}
	if f.pool {
		p := &e.pools[f.place]
		if verb == VerbBlock {
			p.own += f.units
		} else {
			p.own -= f.units
		}
		e.movePool(f.place, f.units, from, to)
	} else {
		for _, n := range f.seats {
			e.lots[f.place].seating.mark(n, verb != VerbBlock)
			seat := &e.lots[f.place].seating.seats[n]
			e.rows -= seatHash(f.place, n, seat.state)
			*seat = seatRow{}
			if verb == VerbBlock {
				seat.state = seatBlocked
			}
			e.rows += seatHash(f.place, n, seat.state)
		}
		e.move(f.place, f.units, from, to)
	}
	e.lookAgain() // nothing is kept for who could not have it any more
	e.remember(&f.asked, verb, placeID(f.place, f.pool), f.units)
}

// applyResized changes a capacity.
func (e *Event) applyResized(f *factResized) {
	if f.pool {
		p := &e.pools[f.place]
		p.in[shareFree] += f.became - p.capacity
		p.capacity = f.became
		e.movePool(f.place, 0, shareFree, shareFree)
	} else {
		l := &e.lots[f.place]
		l.in[shareFree] += f.became - l.capacity
		l.capacity = f.became
		e.move(f.place, 0, shareFree, shareFree)
	}
	e.remember(&f.asked, VerbCapacity, placeID(f.place, f.pool), f.wanted)
}

func placeID(place uint32, isPool bool) uint64 {
	id := uint64(place) << 1
	if isPool {
		id |= 1
	}
	return id
}
