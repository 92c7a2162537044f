package engine

import "github.com/holdfast-engine/holdfast/engine/line"

// PlaceState is where somebody is who has joined the line. The numbers are part of the log's format.
type PlaceState uint8

// The states of a place. From waiting and skipped on, those behind admitted are final: whoever wants to may join again, at the end.
const (
	PlaceWaiting  PlaceState = iota + 1
	PlaceSkipped             // its turn came while the buyer was absent: next when the buyer is back within the time of grace
	PlaceAdmitted            // the buyer has a pass
	PlaceSpent               // and has ordered with it
	PlaceLapsed              // the pass ran out
	PlaceGone                // the time of grace is over
	PlaceLeft                // the buyer gave it up
	placeStatesEnd
	PlaceOver // only shown: the event has ended before its turn came
)

// String returns the state's name on the wire.
func (s PlaceState) String() string {
	switch s {
	case PlaceWaiting:
		return "waiting"
	case PlaceSkipped:
		return "skipped"
	case PlaceAdmitted:
		return "admitted"
	case PlaceSpent:
		return "spent"
	case PlaceLapsed:
		return "lapsed"
	case PlaceGone:
		return "gone"
	case PlaceLeft:
		return "left"
	case PlaceOver:
		return "over"
	case placeStatesEnd:
	}
	return "unknown"
}

// live reports whether the state keeps its buyer from joining again.
func (s PlaceState) live() bool { return s >= PlaceWaiting && s <= PlaceAdmitted }

// lineRow is one entry of the line: 24 bytes. Entry n is in slot n-1. Entries are kept for good, as evidence.
type lineRow struct {
	buyer  uint32
	place  line.Place // 0: not drawn yet
	joined uint32     // seconds since the event was created
	chained
	state PlaceState
	track uint8
	wants uint8
	flags uint8
}

const (
	rowAbsent   = 1 << iota // the buyer is not there
	rowChained              // it is in its track's chain
	rowReturned             // its turn has come before: it is among those who came back
	rowOneClick             // with its pass the buyer was given one-click checkout
	rowJoins                // how often the buyer had joined before, from this bit on
)

// joinsMax is how often one buyer may join the line of an event.
const joinsMax = 16

func (r *lineRow) joinsBefore() uint8 { return r.flags / rowJoins }

// chained is what a row has that is in a chain.
type chained struct{ next, prev uint32 } // slot + 1, 0 is none

func (c *chained) links() *chained { return c }

// chainable is a row with such links.
type chainable[T any] interface {
	*T
	links() *chained
}

// chain is a list of rows of a slab in which each knows its neighbours: whoever leaves is taken out at once, and nobody walks over those who have left.
type chain struct {
	first, last uint32 // slot + 1, 0 is none
	n           int
}

// chainPush appends a row to a chain.
func chainPush[T any, P chainable[T]](c *chain, rows *slab[T], slot uint32) {
	at := P(rows.at(slot)).links()
	at.next, at.prev = 0, c.last
	if c.last == 0 {
		c.first = slot + 1
	} else {
		P(rows.at(c.last - 1)).links().next = slot + 1
	}
	c.last = slot + 1
	c.n++
}

// chainRemove takes a row out of a chain.
func chainRemove[T any, P chainable[T]](c *chain, rows *slab[T], slot uint32) {
	at := P(rows.at(slot)).links()
	if at.prev == 0 {
		c.first = at.next
	} else {
		P(rows.at(at.prev - 1)).links().next = at.next
	}
	if at.next == 0 {
		c.last = at.prev
	} else {
		P(rows.at(at.next - 1)).links().prev = at.prev
	}
	at.next, at.prev = 0, 0
	c.n--
}

// The two parts of an entry's hash: what never changes, and where it is now. A draw changes a million places and has to be quick.

func (e *Event) entryHash(slot uint32) uint64 {
	r := e.line.rows.at(slot)
	h := hasher(e.buyerHash(r.buyer) ^ hashK0)
	h.pair(uint64(slot)|uint64(r.joined)<<32, uint64(r.track)|uint64(r.wants)<<8|uint64(e.codeOfEntry(slot))<<16)
	return uint64(h)
}

func (l *eventLine) placeHash(slot uint32) uint64 {
	r := l.rows.at(slot)
	return mix(uint64(slot)|uint64(r.place)<<32^hashK1, uint64(r.state)|uint64(r.flags&^rowChained)<<8^hashK3)
}

// setState changes where an entry is.
func (e *Event) setState(slot uint32, state PlaceState, set, clear uint8) {
	l := e.line
	r := l.rows.at(slot)
	e.waited(r, state)
	e.rows -= l.placeHash(slot)
	switch {
	case countsCode(r.state) && !countsCode(state):
		e.placeCode(slot, -1)
	case !countsCode(r.state) && countsCode(state): // an order after the pass has run out: the use was given back then, and may be another's
		e.dropPlaceCode(slot)
	}
	l.counts[r.state]--
	r.state, r.flags = state, r.flags&^clear|set
	l.counts[state]++
	e.rows += l.placeHash(slot)
}

// wait puts an entry with a place at the end of its track's chain.
func (l *eventLine) wait(slot uint32) {
	r := l.rows.at(slot)
	r.flags |= rowChained
	chainPush(&l.tracks[r.track].waiting, &l.rows, slot)
}

// unwait takes it out, if it is there.
func (l *eventLine) unwait(slot uint32) {
	if r := l.rows.at(slot); r.flags&rowChained != 0 {
		r.flags &^= rowChained
		chainRemove(&l.tracks[r.track].waiting, &l.rows, slot)
	}
}

// liveEntry finds the live entry of a buyer (slot + 1, or 0): its slot + 1, or 0.
func (e *Event) liveEntry(buyer uint32) uint32 {
	if at := e.entryOf(buyer); at != 0 && e.line.rows.at(at-1).state.live() {
		return at
	}
	return 0
}

// entryOf finds the newest entry of a buyer (slot + 1, or 0): its slot + 1, or 0.
func (e *Event) entryOf(buyer uint32) uint32 {
	if buyer == 0 || e.line == nil {
		return 0
	}
	return e.line.newest.get(buyer - 1)
}

// slotMap maps slots of another table to values, 0 where there is none: for what few of its rows have, so that the others do not pay for it.
type slotMap struct{ chunks [][]uint32 }

func (m *slotMap) get(slot uint32) uint32 {
	c := slot >> slabShift
	if int(c) >= len(m.chunks) || m.chunks[c] == nil {
		return 0
	}
	return m.chunks[c][slot&slabMask]
}

func (m *slotMap) set(slot, value uint32) {
	c := int(slot >> slabShift)
	for len(m.chunks) <= c {
		m.chunks = append(m.chunks, nil)
	}
	if m.chunks[c] == nil {
		m.chunks[c] = make([]uint32, slabRows)
	}
	m.chunks[c][slot&slabMask] = value
}
