package engine

import "github.com/holdfast-engine/holdfast/engine/line"

// lineRows verifies the line: one live place a buyer, the order of those who wait, and of a lobby its tree.
func (c *checker) lineRows() error {
	e := c.e
	l := e.line
	if l == nil {
		return nil
	}
	var counts [placeStatesEnd]int
	var tree line.Tree
	chained := [TracksMax]int{}
	turns, passesHolding := 0, 0
	for slot := range l.rows.rows {
		r := l.rows.at(slot)
		if r.buyer >= e.buyers.rows || r.state < PlaceWaiting || r.state >= placeStatesEnd || int(r.track) >= e.trackCount() {
			return e.broken("entry %d is %+v", slot+1, *r)
		}
		if r.state.live() && c.buyers[r.buyer].entry != 0 && l.rows.at(c.buyers[r.buyer].entry-1).state.live() {
			return e.broken("the buyer of entry %d has two places", slot+1)
		}
		c.buyers[r.buyer].entry = slot + 1
		counts[r.state]++
		c.rows += e.entryHash(slot) + l.placeHash(slot)
		if r.flags&rowChained != 0 {
			if r.state != PlaceWaiting || r.place == 0 {
				return e.broken("entry %d waits for its turn and is %+v", slot+1, *r)
			}
			chained[r.track]++
		}
		if l.phase < LineClosed && c.deep {
			tree.Append(e.leaf(slot))
		}
		if (r.state == PlaceAdmitted || r.state == PlaceSkipped) && !l.hasTurn(r) || r.flags&rowReturned != 0 && r.state != PlaceWaiting {
			return e.broken("entry %d is %+v, and has no turn", slot+1, *r)
		}
		if !l.hasTurn(r) {
			continue
		}
		turns++
		t := l.turns.at(r.prev - 1)
		if holding := e.buyers.at(r.buyer).hold != 0; t.entry != slot || r.state != PlaceSkipped && holding != (t.flags&turnHolding != 0) {
			return e.broken("the turn of entry %d is %+v, its buyer's hold %d", slot+1, *t, e.buyers.at(r.buyer).hold)
		}
		if r.state == PlaceAdmitted && t.flags&turnHolding != 0 {
			passesHolding++
		}
		c.rows += l.turnHash(slot)
	}
	if turns != l.turns.live() || passesHolding != l.holding {
		return e.broken("%d turns are kept, %d holding, counted %d and %d", l.turns.live(), l.holding, turns, passesHolding)
	}
	if err := c.turns(&l.passes, PlaceAdmitted); err != nil {
		return err
	}
	if err := c.turns(&l.skipped, PlaceSkipped); err != nil {
		return err
	}
	if counts != l.counts {
		return e.broken("the line counts %v, its entries %v", l.counts, counts)
	}
	if l.phase < LineClosed && c.deep && tree.Root() != l.tree.Root() {
		return e.broken("the root over its lobby is %s, it says %s", tree.Root(), l.tree.Root())
	}
	for t := range l.tracks {
		last, n := line.Place(0), 0
		for at := l.tracks[t].waiting.first; at != 0; at = l.rows.at(at - 1).next {
			r := l.rows.at(at - 1)
			if n++; r.flags&rowChained == 0 || int(r.track) != t || r.place <= last || n > chained[t] {
				return e.broken("track %d has entry %d at place %d behind place %d", t, at, r.place, last)
			}
			last = r.place
		}
		if n != chained[t] || n != l.tracks[t].waiting.n {
			return e.broken("track %d has %d who wait, counted %d", t, l.tracks[t].waiting.n, n)
		}
	}
	return nil
}

// turns verifies a chain of turns: those of all entries in a state, by deadline.
func (c *checker) turns(of *chain, state PlaceState) error {
	l := c.e.line
	n, last := 0, Instant(0)
	for at := of.first; at != 0; at = l.turns.at(at - 1).next {
		t := l.turns.at(at - 1)
		if n++; n > of.n || l.rows.at(t.entry).state != state || t.deadline < last {
			return c.e.broken("turn %d of the %s ones is %+v, behind one until %d", n, state, *t, last)
		}
		last = t.deadline
	}
	if n != of.n || n != l.counts[state] {
		return c.e.broken("%d are %s, of %d turns", l.counts[state], state, n)
	}
	return nil
}
