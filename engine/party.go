package engine

// party is an item that leaves the choice of seats to the engine.
type party struct {
	seatParty
	lot uint32
}

// gatherParty adds an item of a quantity of a seated lot.
func (e *Event) gatherParty(it *Item, lot uint32, item int) {
	l := &e.lots[lot]
	w := e.wanted(lot)
	w.sales += it.Quantity
	w.party += it.Quantity
	e.countSeats(it.Quantity, item)
	e.work.parties = append(e.work.parties, party{lot: lot, seatParty: seatParty{
		seats: int(it.Quantity), accessible: int(it.Accessible), companion: int(it.Companion), view: l.seating.view(it.Restricted), split: it.Split,
	}})
}

// seatChosen takes the chosen seats of a lot that are free, as many as there is room for.
func (e *Event) seatChosen(w *want, room int64) {
	from := len(e.work.picked)
	e.work.picked = append(e.work.picked, w.chosen[:min(int64(len(w.chosen)), room)]...)
	w.seats = e.work.picked[from:]
	for _, n := range w.seats {
		e.lots[w.lot].seating.mark(n, false)
	}
}

// seatParties picks seats for the parties of a lot, in the order of the items, each in what the ones before it have left. In a whole hold every party
// sits or the hold is refused; otherwise a party is as large as it can be, but one with accessible seats stays whole.
func (e *Event) seatParties(w *want, room int64, whole bool) {
	from := len(e.work.picked) - len(w.seats)
	for i := range e.work.parties {
		p := &e.work.parties[i]
		if p.lot != w.lot {
			continue
		}
		seats := p.seatParty
		if left := int(room) - len(w.seats); !whole && seats.seats > left {
			if seats.accessible > 0 {
				continue
			}
			seats.seats = left
		}
		e.seatParty(w, &seats, whole)
		w.seats = e.work.picked[from:]
	}
}

// seatParty picks seats for one party and appends them to work.picked.
func (e *Event) seatParty(w *want, p *seatParty, whole bool) {
	if p.seats == 0 {
		return
	}
	s := e.lots[w.lot].seating
	e.work.sets = e.setsFor(w, s, p, whole, e.work.sets[:0])
	for i := range e.work.sets {
		s.markSet(&e.work.sets[i], false)
		e.work.picked = s.appendSet(e.work.picked, &e.work.sets[i])
	}
}

// setsFor appends the sets that a party gets: one, several if it may be split, or none with a reason to refuse.
func (e *Event) setsFor(w *want, s *seating, p *seatParty, whole bool, sets []seatSet) []seatSet {
	if set, ok := s.best(p); ok {
		return append(sets, set)
	}
	if p.accessible > 0 {
		e.noSeats(w, p)
		return sets
	}
	fewer := *p // those who can be seated
	if p.split {
		fewer.seats = int(min(int64(p.seats), s.freeOfView(p.view)))
	} else {
		fewer.seats = s.longest(p.view, p.seats)
	}
	if fewer.seats < p.seats {
		if e.noSeats(w, p); whole || fewer.seats == 0 {
			return sets
		}
		if set, ok := s.best(&fewer); ok {
			return append(sets, set)
		}
	}
	if e.work.splitter == nil {
		e.work.splitter = new(splitter)
	}
	return s.split(e.work.splitter, &fewer, sets)
}

// noSeats is because for a party that does not fit: there are too few free seats of a kind, or they are not side by side.
func (e *Event) noSeats(w *want, p *seatParty) {
	free := e.lots[w.lot].seating.freeOfKinds()
	ordinary := free[seatPlain]
	if p.view == wideView {
		ordinary += free[seatRestricted]
	}
	for _, k := range [...]struct {
		have int64
		want int
		noun sentence
	}{
		{free[seatAccessible], p.accessible, accessibleSeats},
		{free[seatCompanion], p.companion, companionSeats},
		{ordinary, p.seats - p.accessible - p.companion, ordinarySeats},
	} {
		if k.have < int64(k.want) {
			e.because(refusal{code: CodeSoldOut, field: fieldItems, subject: aboutLot, at: w.lot, have: k.have, want: int64(k.want), text: k.noun})
			return
		}
	}
	e.because(refusal{code: CodeNotTogether, field: fieldItems, subject: aboutLot, at: w.lot, want: int64(p.seats)})
}

// freeOfView counts the free seats of a view.
func (s *seating) freeOfView(v seatView) int64 {
	n := s.freeOfKinds()
	if v == wideView {
		return n[seatPlain] + n[seatRestricted]
	}
	return n[seatPlain]
}

// putBack makes all seats that were picked so far free to be picked again.
func (e *Event) putBack() {
	for i := range e.work.wanted {
		w := &e.work.wanted[i]
		for _, n := range w.seats {
			e.lots[w.lot].seating.mark(n, true)
		}
	}
}
