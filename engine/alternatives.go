package engine

// findAlternatives looks for other seats than those that an item and its like have chosen of a lot, somebody else having been faster to take one: as
// many, of the same kinds, side by side. It finds up to AlternativesMax sets without a seat in common, the best first, and changes no state.
func (e *Event) findAlternatives(cmd *Command, item uint16) {
	number, _ := e.lotNamed(cmd.Items[item].Lot)
	l := &e.lots[number]
	p := seatParty{view: plainView}
	for i := range cmd.Items {
		if cmd.Items[i].Lot != cmd.Items[item].Lot {
			continue
		}
		for _, label := range cmd.Items[i].Seats {
			seat, _ := l.seating.number(e.seed, label)
			row := l.seating.rowOf(seat)
			p.seats++
			switch row.shape.kind(row.shape.place(int(seat - row.first))) {
			case seatAccessible:
				p.accessible++
			case seatCompanion:
				p.companion++
			case seatRestricted:
				p.view = wideView
			case seatPlain, seatKinds:
			}
		}
	}
	w := &e.work
	w.alternatives, w.labels, w.seatText = w.alternatives[:0], w.labels[:0], w.seatText[:0]
	if p.accessible > 0 && p.seats > AccessiblePartyMax {
		return
	}
	sets := w.sets[:0]
	for range AlternativesMax {
		set, ok := l.seating.best(&p)
		if !ok {
			break
		}
		l.seating.markSet(&set, false)
		sets = append(sets, set)
		w.alternatives = append(w.alternatives, Alternative{Lot: l.spec.Lot, Seats: e.viewSet(l.seating, &set)})
	}
	for i := range sets {
		l.seating.markSet(&sets[i], true)
	}
	w.sets = sets
}

// showAlternatives finds alternatives as of now for a hold that was refused before.
func (e *Event) showAlternatives(cmd *Command, item uint16) {
	old := uint32(0)
	if buyer := e.buyerNamed(cmd.Buyer, hashString(e.seed, cmd.Buyer)); buyer != 0 {
		old = e.buyers.at(buyer - 1).hold
	}
	if old == 0 || e.holds.at(old-1).state() != HoldHeld {
		e.findAlternatives(cmd, item)
	} else {
		e.lend(old-1, shareHeld, shareFree)
		e.findAlternatives(cmd, item)
		e.lend(old-1, shareFree, shareHeld)
	}
	e.out.Alternatives = e.work.alternatives
}

// viewSet shows the seats of a set by their labels.
func (e *Event) viewSet(s *seating, set *seatSet) []string {
	w := &e.work
	from := len(w.seatText)
	row := &s.rows[set.row]
	for place := int(set.place); place < int(set.place+set.seats); place++ {
		at := len(w.labels)
		w.labels = s.appendLabel(w.labels, row.first+uint32(row.shape.seatAt(place)))
		w.seatText = append(w.seatText, view(w.labels[at:]))
	}
	return w.seatText[from:len(w.seatText):len(w.seatText)]
}
