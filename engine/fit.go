package engine

import "slices"

// fit decides what can be taken of each wanted lot, by what is free in it and in its pools.
func (e *Event) fit(cmd *Command, buyer, old uint32) {
	allSeats := true
	for i := range e.work.wanted {
		if w := &e.work.wanted[i]; len(w.chosen) > 0 && !e.freeSeats(cmd, w, old) {
			allSeats = false
		}
	}
	taken := e.why // the first seat that is not free, if there is one: a reason only if there is too little of everything else
	e.why.code = CodeOK
	whole := cmd.Fill == FillAllOrNothing
	total := e.take(whole)
	if whole {
		e.putBack()
		if !allSeats && !plantedBug(plantedHalfAHold) {
			e.because(taken)
		}
		return
	}
	lacking := e.why // tickets, or else only seats side by side
	for e.strikeOff(buyer) {
		// What the add-on would have taken of a pool is free again for the others.
		total = e.take(false)
	}
	e.putBack()
	e.why.code = CodeOK
	least := int64(1)
	if cmd.Fill == FillAtLeast {
		least = cmd.AtLeast
	}
	switch {
	case total >= least:
	case !allSeats && lacking.code != CodeSoldOut:
		e.because(taken)
	case lacking.code == CodeNotTogether:
		e.because(lacking)
	default:
		e.because(refusal{code: CodeSoldOut, field: fieldItems, have: total, want: least, text: tooFewFree})
	}
}

// take gives each wanted lot in turn what is free of it; seats that are not free count as wanted only if the whole hold is. It returns the
// sales in all. A reason to refuse is the first shortage. The seats are marked until putBack.
func (e *Event) take(whole bool) (total int64) {
	e.putBack()
	e.work.picked = e.work.picked[:0]
	for i := range e.work.wanted {
		e.work.wanted[i].seats = nil
	}
	for i := range e.work.wanted {
		w := &e.work.wanted[i]
		l := &e.lots[w.lot]
		switch {
		case w.off:
			w.take = 0
			continue
		case l.seating != nil && !whole:
			w.take = int64(len(w.chosen)) + w.party
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
		} else if l.seating != nil && whole {
			e.seatChosen(w, w.take)
			e.seatParties(w, w.take, true)
		}
		if l.seating != nil && !whole {
			e.seatChosen(w, w.take)
			e.seatParties(w, w.take, false)
			w.take = int64(len(w.seats))
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
	least, where := l.in[shareFree]-e.list.keptOf(number), -1
	for _, p := range l.pools {
		free := e.pools[p].in[shareFree] - e.list.keptOfPool(p)
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
	kept := w.chosen[:0]
	for _, n := range w.chosen {
		if s := &seats[n]; s.state == seatFree || s.state == seatHeld && old != 0 && s.owner == old-1 {
			kept = append(kept, n)
		} else if e.why.code == CodeOK {
			e.becauseTaken(cmd, w.lot, n)
		}
	}
	all := len(kept) == len(w.chosen)
	w.chosen = kept
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
