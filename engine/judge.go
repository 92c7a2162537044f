package engine

import "slices"

// want is what a hold asks for of one lot: items of the same lot are summed.
type want struct {
	lot   uint32
	sales int64 // asked for
	take  int64 // can be taken
	off   bool  // struck off: an add-on whose tickets are gone

	// Of a seated lot.
	chosen []uint32 // seats asked for, then those that are free; a part of work.seats
	party  int64    // sales for which the engine picks the seats
	seats  []uint32 // that can be taken: chosen ones, then picked ones; a part of work.picked
}

// because notes a reason to refuse the command, unless a more important one is known. Of reasons with the same code the first stays.
func (e *Event) because(why refusal) {
	if e.why.code == CodeOK || why.code < e.why.code {
		e.why = why
	}
}

// judgeHold applies the rules, in the order of the codes but for that of a missing pass, which comes before all that looks at the lots, and fills work.wanted with what can be taken. It leaves the reason to refuse in why.
func (e *Event) judgeHold(cmd *Command, buyer, old uint32) {
	e.why.code = CodeOK
	e.promised, e.coded = 0, 0
	e.gather(cmd)
	if old != 0 && e.holds.at(old-1).state() == HoldPaying {
		e.because(refusal{code: CodePaymentInProgress, field: fieldBuyer})
	}
	if e.state != EventOnSale && !e.late || e.spec.Observe {
		e.because(refusal{code: CodeNotOnSale, field: fieldEvent, text: e.notSelling()})
	}
	if e.line != nil && !e.late {
		if e.why.code == CodeOK && (e.list == nil || e.list.offering == 0) {
			e.judgePass(buyer)
		}
		e.promised = e.promisedTo(buyer)
	}
	if e.list != nil && e.list.closed {
		e.because(refusal{code: CodeSoldOut, field: fieldItems, text: freedForWaiters})
	}
	if e.why.code != CodeOK {
		return
	}
	if e.judgeCode(cmd, buyer, old); e.why.code != CodeOK {
		return
	}
	units := e.judgeLots(buyer)
	if e.spec.Pay.LimitPerLinked > 0 {
		e.judgeLinked(cmd, buyer, old, units)
	}
	if e.why.code != CodeOK {
		return
	}
	if e.fit(cmd, buyer, old); e.why.code != CodeOK && e.why.code < CodePriceExceeded {
		return
	}
	if cmd.HasMaxPrice || cmd.MaxPrice > 0 {
		total := int64(0)
		for i := range e.work.wanted {
			w := &e.work.wanted[i]
			total += w.take * e.costOf(w.lot)
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

// judgeLots applies the rules that look at what is asked for, whatever is free. It returns the units that are asked for.
func (e *Event) judgeLots(buyer uint32) (units int64) {
	for i := range e.work.wanted {
		w := &e.work.wanted[i]
		l := &e.lots[w.lot]
		units += w.sales * l.units
		if !l.open {
			e.because(refusal{code: CodeLotNotOpen, field: fieldItems, subject: aboutLot, at: w.lot})
		}
		if l.spec.CodeOnly && (e.coded == 0 || !e.isFor(&e.codes.rows[e.coded-1], w.lot)) {
			e.because(refusal{code: CodeLotNotOpen, field: fieldItems, subject: aboutLot, at: w.lot, text: lotNeedsCode})
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
			e.because(refusal{code: CodeLimitReached, field: fieldItems, have: max(0, left), want: units, limit: limit, used: limit - left})
		}
	}
	return units
}

// gather sums the items of a command by lot and finds their seats and parties. Reasons to refuse are seats of a counted lot, an unknown lot, an
// unknown seat, a seat twice, too many seats.
func (e *Event) gather(cmd *Command) {
	e.work.wanted = e.work.wanted[:0]
	e.work.seats = e.work.seats[:0]
	e.work.parties, e.work.seatsWanted = e.work.parties[:0], 0
	for i := range cmd.Items {
		it := &cmd.Items[i]
		number, ok := e.lotNamed(it.Lot)
		if !ok {
			e.because(refusal{code: CodeLotUnknown, field: fieldItems, subject: aboutItemLot, item: uint16(i)})
			continue
		}
		seated := e.lots[number].seating != nil
		switch {
		case !seated && (len(it.Seats) > 0 || it.Accessible|it.Companion != 0 || it.Restricted || it.Split):
			e.because(refusal{code: CodeInvalid, field: fieldItems, subject: aboutItemLot, item: uint16(i), text: seatsOfCountedLot})
		case seated && len(it.Seats) == 0:
			e.gatherParty(it, number, i)
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
	e.work.seats = append(e.work.seats, w.chosen...)
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
	added := len(e.work.seats) - from - len(w.chosen)
	w.chosen = e.work.seats[from:len(e.work.seats):len(e.work.seats)]
	w.sales += int64(added)
	e.countSeats(int64(added), item)
}

// countSeats counts the seats of a hold.
func (e *Event) countSeats(seats int64, item int) {
	if e.work.seatsWanted += seats; e.work.seatsWanted > SeatsPerHoldMax {
		e.because(refusal{code: CodeInvalid, field: fieldItems, subject: aboutItemLot, item: uint16(item), text: tooManySeats})
	}
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
