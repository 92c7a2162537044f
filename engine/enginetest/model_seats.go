package enginetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// modelParty is an item for which the engine picks the seats.
type modelParty struct {
	seats, accessible, companion int64
	restricted, split            bool
}

// takes reports whether a party can use a seat that is not of a kind it counts.
func (p *modelParty) takes(s modelSeat) bool {
	return s.kind == "" || s.kind == "restricted" && p.restricted
}

// theater is the seats of a lot while seats are being picked.
type theater struct {
	seats []modelSeat
	free  map[string]bool // by label
}

// at returns the seat in a place of a row, nil if there is none that is free.
func (t *theater) at(row, place int) *modelSeat {
	for i := range t.seats {
		if s := &t.seats[i]; s.row == row && s.place == place && t.free[s.label] {
			return s
		}
	}
	return nil
}

// everybodys reports whether there is a free seat in a place that a party could use without asking for its kind.
func (t *theater) everybodys(p *modelParty, row, place int) bool {
	s := t.at(row, place)
	return s != nil && p.takes(*s)
}

// count counts the free seats of a kind.
func (t *theater) count(is func(modelSeat) bool) int64 {
	var n int64
	for _, s := range t.seats {
		if t.free[s.label] && is(s) {
			n++
		}
	}
	return n
}

// seatScore says how good a choice of seats is: less is better, from the top down.
type seatScore struct {
	groups, orphans int
	rank            int64
	row, place      int // of the first group
}

func (a seatScore) compare(b seatScore) int {
	return cmp.Or(cmp.Compare(a.groups, b.groups), cmp.Compare(a.orphans, b.orphans), cmp.Compare(a.rank, b.rank), cmp.Compare(a.row, b.row), cmp.Compare(a.place, b.place))
}

// score rates seats that are side by side.
func (t *theater) score(p *modelParty, seats []modelSeat) seatScore {
	first, last := seats[0], seats[len(seats)-1]
	score := seatScore{groups: 1, row: first.row, place: first.place}
	if t.everybodys(p, first.row, first.place-1) && !t.everybodys(p, first.row, first.place-2) {
		score.orphans++
	}
	if t.everybodys(p, last.row, last.place+1) && !t.everybodys(p, last.row, last.place+2) {
		score.orphans++
	}
	for _, s := range seats {
		score.rank += s.rank<<16 + s.off
	}
	return score
}

// together tries every place of every row, and returns the best seats for a party that stays together.
func (t *theater) together(p *modelParty, size int64) []modelSeat {
	var best []modelSeat
	for _, first := range t.seats {
		var set []modelSeat
		for i := range int(size) {
			if s := t.at(first.row, first.place+i); s != nil {
				set = append(set, *s)
			}
		}
		if int64(len(set)) == size && p.suits(set) && (best == nil || t.score(p, set).compare(t.score(p, best)) < 0) {
			best = set
		}
	}
	return best
}

// suits reports whether seats side by side are of the kinds that a party asks for.
func (p *modelParty) suits(set []modelSeat) bool {
	var accessible, companion int64
	for i, s := range set {
		switch {
		case s.kind == "accessible":
			accessible++
		case s.kind == "companion":
			companion++
			if !besideAccessible(set, i, -1) && !besideAccessible(set, i, 1) {
				return false
			}
		case !p.takes(s):
			return false
		}
	}
	return accessible == p.accessible && companion == p.companion
}

// runs returns the free seats for everybody, those side by side together.
func (t *theater) runs(p *modelParty) [][]modelSeat {
	var runs [][]modelSeat
	for _, s := range t.seats {
		if !t.free[s.label] || !p.takes(s) {
			continue
		}
		if n := len(runs); n > 0 && t.beside(runs[n-1][len(runs[n-1])-1], s) {
			runs[n-1] = append(runs[n-1], s)
			continue
		}
		runs = append(runs, []modelSeat{s})
	}
	return runs
}

func (t *theater) beside(a, b modelSeat) bool { return a.row == b.row && a.place+1 == b.place }

// apart finds the best score that size seats in several groups can have, by trying everything, and seats with that score.
func (t *theater) apart(p *modelParty, size int64) (best seatScore, seats []modelSeat) {
	found := false
	runs := t.runs(p)
	var try func(i int, left int64, score seatScore, set []modelSeat)
	try = func(i int, left int64, score seatScore, set []modelSeat) {
		switch {
		case left == 0:
			if !found || score.compare(best) < 0 {
				best, seats, found = score, slices.Clone(set), true
			}
			return
		case i == len(runs) || found && score.groups >= best.groups:
			return
		}
		for n := min(left, int64(len(runs[i]))); n > 0; n-- {
			group, rated := []modelSeat(nil), seatScore{}
			for from := range int64(len(runs[i])) - n + 1 {
				part := runs[i][from : from+n]
				if s := t.score(p, part); group == nil || s.compare(rated) < 0 {
					group, rated = part, s
				}
			}
			sum := seatScore{groups: score.groups + 1, orphans: score.orphans + rated.orphans, rank: score.rank + rated.rank}
			try(i+1, left-n, sum, append(slices.Clone(set), group...))
		}
		try(i+1, left, score, set)
	}
	try(0, size, seatScore{}, nil)
	return best, seats
}

// rate returns the score of any seats, in groups of those side by side. It is false if a party cannot have them.
func (t *theater) rate(p *modelParty, labels []string) (score seatScore, ok bool) {
	var seats []modelSeat
	for _, s := range t.seats {
		if slices.Contains(labels, s.label) && t.free[s.label] && p.takes(s) {
			seats = append(seats, s)
		}
	}
	if len(seats) != len(labels) {
		return score, false
	}
	for from := 0; from < len(seats); {
		to := from + 1
		for to < len(seats) && t.beside(seats[to-1], seats[to]) {
			to++
		}
		group := t.score(p, seats[from:to])
		score.groups, score.orphans, score.rank = score.groups+1, score.orphans+group.orphans, score.rank+group.rank
		from = to
	}
	return score, true
}

// seat picks seats for a party, as many as it wants or, if it may be smaller, as can be had. Of several equally good ways to split a party the model
// believes the engine's, in said.
func (t *theater) seat(p *modelParty, whole bool, said []string) (labels []string) {
	size := p.seats
	if p.split {
		size = min(size, t.count(p.takes))
		if whole && size < p.seats {
			return nil
		}
	}
	seats := t.together(p, size)
	for seats == nil && !whole && !p.split && p.accessible == 0 && size > 0 {
		size--
		seats = t.together(p, size)
	}
	if seats == nil && p.split && size > 0 {
		best, apart := t.apart(p, size)
		seats = apart
		if score, ok := t.rate(p, said[:min(size, int64(len(said)))]); ok && int64(len(said)) >= size && score.groups == best.groups &&
			(score.compare(best) == 0 || best.groups > 4 || size > 16) {
			for _, label := range said[:size] {
				labels = append(labels, strings.Clone(label)) // it is a view into the engine's memory
			}
		}
	}
	if labels == nil {
		for _, s := range seats {
			labels = append(labels, s.label)
		}
	}
	for _, label := range labels {
		t.free[label] = false
	}
	return labels
}

// lacking adds why a party cannot sit: too few seats of some kind, or none side by side.
func (t *theater) lacking(p *modelParty) engine.Code {
	kind := func(name string) int64 { return t.count(func(s modelSeat) bool { return s.kind == name }) }
	if kind("accessible") < p.accessible || kind("companion") < p.companion || t.count(p.takes) < p.seats-p.accessible-p.companion {
		return engine.CodeSoldOut
	}
	return engine.CodeNotTogether
}

// theater returns the seats of a lot as they are, with those of one hold as free.
func (m *Model) theater(l *modelLot, without *modelHold) *theater {
	t := &theater{seats: l.seats, free: map[string]bool{}}
	for _, s := range l.seats {
		t.free[s.label] = m.seatFree(l, s.label, without)
	}
	return t
}

// unasked returns an error if a hold has got a seat of a kind that it did not ask for.
func (m *Model) unasked(cmd *engine.Command, out *engine.Outcome) error {
	if cmd.Verb != engine.VerbHold || out.Code != engine.CodeOK || out.Repeated {
		return nil
	}
	asked, got := map[string]int64{}, map[string]int64{}
	for i := range cmd.Items {
		it := &cmd.Items[i]
		asked[it.Lot+" accessible"] += it.Accessible
		asked[it.Lot+" companion"] += it.Companion
		if it.Restricted {
			asked[it.Lot+" restricted"] += it.Quantity
		}
	}
	for _, taken := range out.Hold.Items {
		for _, label := range taken.Seats {
			chosen := func(it engine.Item) bool { return slices.Contains(it.Seats, label) }
			k := slices.IndexFunc(m.lot(taken.Lot).seats, func(s modelSeat) bool { return s.label == label })
			if kind := m.lot(taken.Lot).seats[k].kind; kind != "" && !slices.ContainsFunc(cmd.Items, chosen) {
				got[taken.Lot+" "+kind]++
			}
		}
	}
	for kind, n := range got {
		if n > asked[kind] {
			return fmt.Errorf("a hold that asks for %d seats of %s has got %d", asked[kind], kind, n)
		}
	}
	return nil
}

// lotTaken is the first lot of a hold of which a chosen seat is not free.
func (m *Model) lotTaken(cmd *engine.Command) string {
	for _, w := range m.wishes(cmd) {
		for _, label := range w.seats {
			if !m.seatFree(w.lot, label, m.liveHold(cmd.Buyer)) {
				return w.lot.spec.Lot
			}
		}
	}
	panic("enginetest: a hold is refused for a seat that is free")
}

// alternatives returns what is offered instead of the chosen seats of a lot.
func (m *Model) alternatives(cmd *engine.Command, lot string) []engine.Alternative {
	var without *modelHold
	if h := m.liveHold(cmd.Buyer); h != nil && h.state == engine.HoldHeld {
		without = h
	}
	l := m.lot(lot)
	t := m.theater(l, without)
	p := &modelParty{}
	for i := range cmd.Items {
		for _, label := range cmd.Items[i].Seats {
			k := slices.IndexFunc(l.seats, func(s modelSeat) bool { return s.label == label })
			if cmd.Items[i].Lot != lot || k < 0 {
				continue
			}
			p.seats++
			switch l.seats[k].kind {
			case "accessible":
				p.accessible++
			case "companion":
				p.companion++
			case "restricted":
				p.restricted = true
			}
		}
	}
	if p.accessible == 0 {
		p.companion = 0
	}
	var all []engine.Alternative
	for range engine.AlternativesMax {
		seats := t.seat(p, true, nil)
		if seats == nil || p.accessible > 0 && p.seats > engine.AccessiblePartyMax {
			break
		}
		all = append(all, engine.Alternative{Lot: lot, Seats: seats})
	}
	return all
}
