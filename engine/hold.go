package engine

import "slices"

// want is what a hold asks for of one lot: items of the same lot are summed.
type want struct {
	lot   uint32
	sales int64    // asked for
	take  int64    // can be taken
	seats []uint32 // asked for, then those that are free; a part of work.seats
	off   bool     // struck off: an add-on whose tickets are gone
}

// hold takes tickets out of sale for a buyer.
func (e *Event) hold(cmd *Command) {
	if !e.validHold(cmd) {
		return
	}
	f := &e.work.held
	f.replaces, f.buyerRow = 0, 0
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	var known bool
	if known, f.buyerHash, f.buyerRow = e.knownToo(cmd, &f.asked); known {
		return
	}
	f.buyer, f.fill, f.device, f.channel = cmd.Buyer, cmd.Fill, cmd.Device, cmd.Channel

	old := uint32(0) // slot + 1 of the hold that this one replaces
	if f.buyerRow != 0 {
		old = e.buyers.at(f.buyerRow - 1).hold
	}
	// A replaced hold's tickets count as free while the new one is judged.
	if old != 0 && e.holds.at(old-1).state() == HoldHeld {
		e.lend(old-1, shareHeld, shareFree)
		e.judgeHold(cmd, f.buyerRow, old)
		e.lend(old-1, shareFree, shareHeld)
		f.replaces = e.holds.at(old - 1).id()
	} else {
		e.judgeHold(cmd, f.buyerRow, old)
	}
	if e.why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, e.why)
		return
	}

	now := e.eventTime()
	maxEnd := now + Instant(e.spec.MaxHoldMs)*1e6
	if f.replaces != 0 {
		// The end is inherited, or replacing would be a way to keep tickets for ever. An end that has passed belongs to a hold that only
		// waits for its expiry to be written: the new one is then the first of a new life.
		if end := e.holds.at(old - 1).maxEnd; end > now {
			maxEnd = end
		}
	}
	f.hold = e.holdLast + 1
	expires := min(now+e.life(f.hold), maxEnd)
	f.life, f.rest = int64(expires-now), int64(maxEnd-expires)
	e.takeItems(f)
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	slot := e.applyHeld(f)
	e.showLive(slot)
}

// life is how long a hold lives from its grant or extension: ttl and a spread of its own, so that a sell-out does not come back at once.
func (e *Event) life(id HoldID) Instant {
	ms := e.spec.HoldTTLMs
	if e.spec.SpreadMs > 0 {
		ms += int64(mix(uint64(id)^hashK1, e.seed^hashK2) % uint64(e.spec.SpreadMs))
	}
	return Instant(ms) * 1e6
}

// lend moves the counts of a hold's units, without a fact: the caller moves them back before anyone looks.
func (e *Event) lend(slot uint32, from, to share) {
	for it := e.firstItem(&e.holds.at(slot).basket); it.sales > 0; it = e.nextItem(it) {
		l := &e.lots[e.prices[it.price].lot]
		units := int64(it.sales) * l.units
		l.in[from] -= units
		l.in[to] += units
		for _, p := range l.pools {
			e.pools[p].in[from] -= units
			e.pools[p].in[to] += units
		}
	}
}

// because notes a reason to refuse the command, unless a more important one is known. Of reasons with the same code the first stays.
func (e *Event) because(why refusal) {
	if e.why.code == CodeOK || why.code < e.why.code {
		e.why = why
	}
}

// judgeHold applies the rules, in the order of the codes, and fills work.wanted with what can be taken. It leaves the reason to refuse in why.
func (e *Event) judgeHold(cmd *Command, buyer, old uint32) {
	e.why.code = CodeOK
	e.gather(cmd)
	if old != 0 && e.holds.at(old-1).state() == HoldPaying {
		e.because(refusal{code: CodePaymentInProgress, field: fieldBuyer})
	}
	if e.state != EventOnSale {
		e.because(refusal{code: CodeNotOnSale, field: fieldEvent, text: e.notOnSale()})
	}
	if e.why.code != CodeOK {
		return
	}
	if e.judgeLots(buyer); e.why.code != CodeOK {
		return
	}
	if e.fit(cmd, buyer, old); e.why.code != CodeOK {
		return
	}
	if cmd.HasMaxPrice || cmd.MaxPrice > 0 {
		total := int64(0)
		for i := range e.work.wanted {
			w := &e.work.wanted[i]
			total += w.take * e.prices[e.lots[w.lot].price].total
		}
		if total > cmd.MaxPrice {
			e.because(refusal{code: CodePriceExceeded, field: fieldMaxPrice, have: cmd.MaxPrice, want: total})
		}
	}
	if old == 0 && e.holds.live() >= e.limits.Holds {
		e.because(refusal{code: CodeTooMany, text: tooManyHolds, want: int64(e.limits.Holds)})
	}
	if buyer == 0 && e.buyers.live() >= e.limits.Buyers {
		e.because(refusal{code: CodeTooMany, text: tooManyBuyers, want: int64(e.limits.Buyers)})
	}
}

// judgeLots applies the rules that look at what is asked for, whatever is free.
func (e *Event) judgeLots(buyer uint32) {
	units := int64(0)
	for i := range e.work.wanted {
		w := &e.work.wanted[i]
		l := &e.lots[w.lot]
		units += w.sales * l.units
		if !l.open {
			e.because(refusal{code: CodeLotNotOpen, field: fieldItems, subject: aboutLot, at: w.lot})
		}
		if w.sales < l.minOrder {
			e.because(refusal{code: CodeBelowMinimum, field: fieldItems, subject: aboutLot, at: w.lot, have: w.sales, want: l.minOrder})
		}
		if most := l.spec.MaxOrder; most > 0 && w.sales > most {
			e.because(refusal{code: CodeAboveMaximum, field: fieldItems, subject: aboutLot, at: w.lot, have: most, want: w.sales})
		}
		if len(l.requires) > 0 && !e.satisfied(w, buyer, false) {
			e.because(refusal{code: CodeRequiresMissing, field: fieldItems, subject: aboutLot, at: w.lot})
		}
	}
	if most := e.spec.LimitPerOrder; most > 0 && units > most {
		e.because(refusal{code: CodeAboveMaximum, field: fieldItems, have: most, want: units})
	}
	if limit := e.spec.LimitPerBuyer; limit > 0 {
		if left := limit - e.unitsBought(buyer); units > left {
			e.because(refusal{code: CodeLimitReached, field: fieldItems, have: max(0, left), want: units})
		}
	}
}

// gather sums the items of a command by lot and finds their seats. Reasons to refuse are a quantity where seats belong or the other way round, an
// unknown lot, an unknown seat, a seat twice.
func (e *Event) gather(cmd *Command) {
	e.work.wanted = e.work.wanted[:0]
	e.work.seats = e.work.seats[:0]
	for i := range cmd.Items {
		it := &cmd.Items[i]
		number, ok := e.lotNamed(it.Lot)
		if !ok {
			e.because(refusal{code: CodeLotUnknown, field: fieldItems, subject: aboutItemLot, item: uint16(i)})
			continue
		}
		seated := e.lots[number].seating != nil
		switch {
		case !seated && len(it.Seats) > 0:
			e.because(refusal{code: CodeInvalid, field: fieldItems, subject: aboutItemLot, item: uint16(i), text: seatsOfCountedLot})
		case seated && len(it.Seats) == 0:
			e.because(refusal{code: CodeInvalid, field: fieldItems, subject: aboutItemLot, item: uint16(i), text: quantityOfSeatedLot})
		case seated:
			e.gatherSeats(it, number, i)
		default:
			e.wanted(number).sales += it.Quantity
		}
	}
}

// wanted returns the entry of a lot, made if it is missing.
func (e *Event) wanted(lot uint32) *want {
	for i := range e.work.wanted {
		if e.work.wanted[i].lot == lot {
			return &e.work.wanted[i]
		}
	}
	e.work.wanted = append(e.work.wanted, want{lot: lot})
	return &e.work.wanted[len(e.work.wanted)-1]
}

// gatherSeats adds the seats of an item. The seats of one lot stay together in work.seats only if its items do, so a second item of a lot
// copies what the first one had.
func (e *Event) gatherSeats(it *Item, lot uint32, item int) {
	w := e.wanted(lot)
	from := len(e.work.seats)
	e.work.seats = append(e.work.seats, w.seats...)
	for i, label := range it.Seats {
		n, ok := e.lots[lot].seating.number(e.seed, label)
		switch {
		case !ok:
			e.because(refusal{code: CodeSeatUnknown, field: fieldItems, subject: aboutItemSeat, item: uint16(item), at: uint32(i)})
		case slices.Contains(e.work.seats[from:], n):
			e.because(refusal{code: CodeInvalid, field: fieldItems, subject: aboutItemSeat, item: uint16(item), at: uint32(i), text: seatTwice})
		default:
			e.work.seats = append(e.work.seats, n)
		}
	}
	w.seats = e.work.seats[from:len(e.work.seats):len(e.work.seats)]
	w.sales = int64(len(w.seats))
}

// satisfied reports whether what a lot requires is in the basket (with taken: as far as it can be taken) or was bought before.
func (e *Event) satisfied(w *want, buyer uint32, taken bool) bool {
	requires := e.lots[w.lot].requires
	if len(requires) == 0 {
		return true
	}
	for _, r := range requires {
		for i := range e.work.wanted {
			if other := &e.work.wanted[i]; other.lot == r && (!taken || other.take > 0) {
				return true
			}
		}
		if e.hasBought(buyer, r) {
			return true
		}
	}
	return false
}

// fit decides what can be taken of each wanted lot, by what is free in it and in its pools.
func (e *Event) fit(cmd *Command, buyer, old uint32) {
	allSeats := true
	for i := range e.work.wanted {
		if w := &e.work.wanted[i]; e.lots[w.lot].seating != nil && !e.freeSeats(cmd, w, old) {
			allSeats = false
		}
	}
	taken := e.why // the first seat that is not free, if there is one: a reason only if there is too little of everything else
	e.why.code = CodeOK
	whole := cmd.Fill == FillAllOrNothing
	total := e.take(whole)
	if whole {
		if !allSeats && !plantedBug(plantedHalfAHold) {
			e.because(taken)
		}
		return
	}
	short := e.why.code != CodeOK
	for e.strikeOff(buyer) {
		// What the add-on would have taken of a pool is free again for the others.
		total = e.take(false)
	}
	e.why.code = CodeOK
	least := int64(1)
	if cmd.Fill == FillAtLeast {
		least = cmd.AtLeast
	}
	switch {
	case total >= least:
	case !allSeats && !short:
		e.because(taken)
	default:
		e.because(refusal{code: CodeSoldOut, field: fieldItems, have: total, want: least, text: tooFewFree})
	}
}

// take gives each wanted lot in turn what is free of it; seats that are not free count as wanted only if the whole hold is. It returns the
// sales in all. A reason to refuse is the first shortage.
func (e *Event) take(whole bool) (total int64) {
	for i := range e.work.wanted {
		w := &e.work.wanted[i]
		l := &e.lots[w.lot]
		switch {
		case w.off:
			w.take = 0
			continue
		case l.seating != nil && !whole:
			w.take = int64(len(w.seats))
		default:
			w.take = w.sales
		}
		room, where := e.room(e.work.wanted[:i], w.lot)
		if plantedBug(plantedOneTooMany) {
			room++
		}
		if room < w.take*l.units {
			why := refusal{code: CodeSoldOut, field: fieldItems, have: max(0, room), want: w.take * l.units, subject: aboutLot, at: w.lot}
			if where >= 0 {
				why.subject, why.at = aboutPool, uint32(where)
			}
			e.because(why)
			w.take = max(0, room) / l.units
		}
		if w.take < l.minOrder {
			w.take = 0
		}
		total += w.take
	}
	return total
}

// strikeOff takes the first add-on out whose tickets are gone.
func (e *Event) strikeOff(buyer uint32) bool {
	for i := range e.work.wanted {
		if w := &e.work.wanted[i]; w.take > 0 && !e.satisfied(w, buyer, true) {
			w.off = true
			return true
		}
	}
	return false
}

// room is how many units of a lot are free, counting what earlier entries take from its pools, and the pool that leaves the least, -1 if the lot does.
func (e *Event) room(before []want, number uint32) (int64, int) {
	l := &e.lots[number]
	least, where := l.in[shareFree], -1
	for _, p := range l.pools {
		free := e.pools[p].in[shareFree]
		for i := range before {
			if other := &e.lots[before[i].lot]; slices.Contains(other.pools, p) {
				free -= before[i].take * other.units
			}
		}
		if free < least {
			least, where = free, int(p)
		}
	}
	return least, where
}

// freeSeats keeps the wanted seats that are free, or the buyer's own. It returns false if that is not all of them; a reason to refuse is the first.
func (e *Event) freeSeats(cmd *Command, w *want, old uint32) bool {
	seats := e.lots[w.lot].seating.seats
	kept := w.seats[:0]
	for _, n := range w.seats {
		if s := &seats[n]; s.state == seatFree || s.state == seatHeld && old != 0 && s.owner == old-1 {
			kept = append(kept, n)
		} else if e.why.code == CodeOK {
			e.becauseTaken(cmd, w.lot, n)
		}
	}
	all := len(kept) == len(w.seats)
	w.seats = kept
	return all
}

// becauseTaken is because for a seat that is not free: it names the seat as the command did.
func (e *Event) becauseTaken(cmd *Command, lot, seat uint32) {
	for i := range cmd.Items {
		if number, _ := e.lotNamed(cmd.Items[i].Lot); number != lot {
			continue
		}
		for j, label := range cmd.Items[i].Seats {
			if n, _ := e.lots[lot].seating.number(e.seed, label); n == seat {
				e.because(refusal{code: CodeSeatTaken, field: fieldItems, subject: aboutItemSeat, item: uint16(i), at: uint32(j)})
				return
			}
		}
	}
	panic("engine: a seat that no item names")
}

// takeItems puts what can be taken into the fact.
func (e *Event) takeItems(f *factHeld) {
	f.items = f.items[:0]
	for i := range e.work.wanted {
		if w := &e.work.wanted[i]; w.take > 0 {
			f.items = append(f.items, factItem{price: e.lots[w.lot].price, sales: uint32(w.take), seats: w.seats[:min(w.take, int64(len(w.seats)))]})
		}
	}
}

// heldBy finds a buyer's own live hold. Every other id, unknown, ended or another buyer's, gets its refusal.
func (e *Event) heldBy(cmd *Command, buyer uint32) (slot uint32, why refusal) {
	unknown := refusal{code: CodeHoldUnknown, field: fieldHold}
	id, ok := ParseHoldID(cmd.Hold)
	if !ok || buyer == 0 {
		return 0, unknown
	}
	ref := e.holdSlots.get(uint64(id))
	if ref == 0 {
		return 0, unknown
	}
	if ref&endedTag != 0 {
		row := e.ended.at(e.ended.near(ref &^ endedTag))
		switch {
		case row.buyer != buyer-1:
			return 0, unknown
		case row.state() == HoldExpired:
			return 0, refusal{code: CodeHoldExpired, field: fieldHold}
		}
		return 0, refusal{code: CodeHoldEnded, field: fieldHold, text: endedAs(row.state())}
	}
	row := e.holds.at(ref - 1)
	switch {
	case row.buyer != buyer-1:
		return 0, unknown
	case row.state() == HoldPaying:
		return 0, refusal{code: CodePaymentInProgress, field: fieldHold}
	case row.expires <= e.eventTime():
		return 0, refusal{code: CodeHoldExpired, field: fieldHold}
	}
	return ref - 1, refusal{}
}

// extend gives a hold more time.
func (e *Event) extend(cmd *Command) {
	var f factExtended
	slot, ok := e.own(cmd, &f.asked)
	if !ok {
		return
	}
	row := e.holds.at(slot)
	f.hold = row.id()
	now := e.eventTime()
	f.life = int64(max(row.expires, min(now+e.life(f.hold), row.maxEnd)) - now)
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyExtended(&f, slot)
	e.showLive(slot)
}

// release gives a hold back.
func (e *Event) release(cmd *Command) {
	var f factReleased
	slot, ok := e.own(cmd, &f.asked)
	if !ok {
		return
	}
	f.hold = e.holds.at(slot).id()
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	total := e.applyReleased(&f, slot)
	e.showHold(f.hold, total)
}

// confirm turns a paid hold into an order.
func (e *Event) confirm(cmd *Command) {
	f := &e.work.confirmed
	slot, ok := e.own(cmd, &f.asked)
	if !ok {
		return
	}
	row := e.holds.at(slot)
	total := e.total(&row.basket)
	switch {
	case total > 0 && cmd.PaymentRef == "" && !cmd.BoxOffice:
		e.refuseAsked(cmd, &f.asked, refusal{code: CodePaymentRefMissing, field: fieldPaymentRef, want: total})
		return
	case e.orders.live() >= e.limits.Orders:
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeTooMany, text: tooManyOrders, want: int64(e.limits.Orders)})
		return
	}
	f.hold, f.order, f.ticket = row.id(), OrderID(e.orders.rows)+1, e.ticketLast+1
	f.boxOffice, f.paymentRef = cmd.BoxOffice, cmd.PaymentRef
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyConfirmed(f, slot)
	e.showOrder(f.order)
}

// own does what extend, release and confirm have in common: it checks the command, looks up its request and finds the buyer's hold.
func (e *Event) own(cmd *Command, a *asked) (slot uint32, ok bool) {
	if !e.validOwn(cmd) {
		return 0, false
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return 0, false
	}
	known, _, buyer := e.knownToo(cmd, a)
	if known {
		return 0, false
	}
	slot, why := e.heldBy(cmd, buyer)
	if why.code != CodeOK {
		e.refuseAsked(cmd, a, why)
		return 0, false
	}
	return slot, true
}

// expire ends holds that are due, the earliest first, and writes the tally.
func (e *Event) expire() {
	now := e.eventTime()
	if plantedBug(plantedExpireEarly) {
		now += 1e6
	}
	for range ExpireBatchMax {
		slot, ok := e.wheel.first(&e.holds)
		if !ok || e.holds.at(slot).expires > now {
			break
		}
		f := factExpired{hold: e.holds.at(slot).id()}
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
		e.applyExpired(&f, slot)
	}
	if e.tally.any && e.tally.due <= e.now {
		f := factTallied{counts: e.tally.counts}
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
		e.applyTallied(&f)
		*e.tally.counts = [Codes][Flows]uint32{}
		e.tally.any = false
	}
}
