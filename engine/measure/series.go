package measure

import (
	"encoding/binary"
	"slices"
	"strings"
)

// dim is a dimension, as series are numbered by it.
type dim uint8

const (
	dimNone dim = iota // everything
	dimFlow
	dimDevice
	dimMethod
	dimHour
	dimChannel // the last that an event has series of
	dimGenre
	dimEvent // only what has no series of its own: else an event's row is its whole series
	dimsEnd
)

// dimSizes is how many values a dimension has, and one: value 0 is [SeriesOther].
//
//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var dimSizes = [dimsEnd]int{1, len(flowNames), len(deviceNames), len(methodNames), len(hourNames), wordsMax + 1, wordsMax + 1, 1}

// slotOf is where a scope keeps the number of a series.
func slotOf(d dim, value uint8) int {
	at := int(value)
	for before := range d {
		at += dimSizes[before]
	}
	return at
}

// The slots of a scope: an account has all dimensions, an event those that its entries differ in.
//
//nolint:gochecknoglobals // constants that are sums over a table
var (
	slotFlow, slotDevice, slotMethod = slotOf(dimFlow, 0), slotOf(dimDevice, 0), slotOf(dimMethod, 0)
	slotHour, slotChannel, slotGenre = slotOf(dimHour, 0), slotOf(dimChannel, 0), slotOf(dimGenre, 0)
	slotsOfEvent, slotsOfAccount     = slotOf(dimGenre, 0), slotOf(dimsEnd, 0)
)

func dimOf(by Dimension) dim {
	switch by {
	case ByFlow:
		return dimFlow
	case ByDevice:
		return dimDevice
	case ByMethod:
		return dimMethod
	case ByHour:
		return dimHour
	case ByChannel:
		return dimChannel
	case ByGenre:
		return dimGenre
	case ByEvent:
		return dimEvent
	case ByNothing:
	}
	return dimNone
}

// scope is an account or an event: what is broken down.
type scope struct {
	account *account
	event   *event // nil: it is the account
	slots   []seriesID
	opened  uint8 // a bit each dimension that has series
	folded  uint8 // a bit each dimension that there was no room for
}

// In slots: a series is kept as its number and one.
const (
	slotEmpty  = 0
	slotNoRoom = ^seriesID(0)
)

// seriesKey names a series.
type seriesKey struct {
	of    *scope
	by    dim
	value uint8
}

// seriesTable numbers the series and bounds those of events. An account's own series, 173 at most, come on top.
//
// Room is given in this order, so that no number of channels or hours takes the place of an event's totals: breakdowns of events by hour get series while a
// quarter of the bound is taken, their other breakdowns while half of it is, and their totals until all of it is. What finds no room is in [SeriesOther]: a
// value in that of its event and dimension, an event in that of its account. An event that found no room for a dimension at all has one row there, its total.
type seriesTable struct {
	max   int
	taken int // by events; a dimension of an event takes one more than it has values, for what is folded
	keys  []seriesKey
}

// of returns the number of a series, made if there is room: else of that which it is folded into, and false if the event has none by this dimension.
func (t *seriesTable) of(s *scope, d dim, value uint8) (seriesID, bool) {
	slot := &s.slots[slotOf(d, value)]
	switch *slot {
	case slotEmpty:
	case slotNoRoom:
		return 0, false
	default:
		return *slot - 1, true
	}
	if s.event == nil {
		return t.add(s, d, value), true
	}
	switch limit := t.limit(d); {
	case d == dimNone && t.taken >= limit:
		return t.fold(s), true
	case d == dimNone:
	case s.opened&(1<<d) == 0 && t.taken+2 > limit:
		s.folded |= 1 << d
		*slot = slotNoRoom
		return 0, false
	case s.opened&(1<<d) != 0 && value != 0 && t.taken >= limit:
		id, _ := t.of(s, d, 0)
		*slot = id + 1
		return id, true
	}
	return t.add(s, d, value), true
}

// fold lets an event count in its account's series of those that have none of their own. They share their slots: there may be very many of them.
func (t *seriesTable) fold(s *scope) seriesID {
	id, _ := t.of(&s.account.scope, dimEvent, 0)
	if s.account.foldedSlots == nil {
		s.account.foldedSlots = make([]seriesID, slotsOfEvent)
		for i := range s.account.foldedSlots {
			s.account.foldedSlots[i] = slotNoRoom
		}
		s.account.foldedSlots[0] = id + 1
	}
	s.slots = s.account.foldedSlots
	return id
}

// whole is the series of all of a scope, and whether it is its own; false if it has counted nothing.
func (t *seriesTable) whole(s *scope) (id seriesID, own, ok bool) {
	if s.slots[0] == slotEmpty {
		return 0, false, false
	}
	return s.slots[0] - 1, t.keys[s.slots[0]-1].of == s, true
}

func (t *seriesTable) limit(d dim) int {
	// Not exhaustive: the others are alike.
	//exhaustive:ignore
	switch d {
	case dimNone:
		return t.max
	case dimHour:
		return t.max / 4
	}
	return t.max / 2
}

// add makes a series.
func (t *seriesTable) add(s *scope, d dim, value uint8) seriesID {
	id := seriesID(len(t.keys))
	t.keys = append(t.keys, seriesKey{s, d, value})
	s.slots[slotOf(d, value)] = id + 1
	if s.event == nil {
		return id
	}
	if d != dimNone && s.opened&(1<<d) == 0 {
		s.opened |= 1 << d
		t.taken++
	}
	if d == dimNone || value != 0 {
		t.taken++
	}
	return id
}

// named is a series with the name of its value.
type named struct {
	name string
	id   seriesID
}

// values are the series of one dimension, in alphabetical order, [SeriesOther] last, and whether something was folded into it. With [dimNone] there is one, without
// a name.
func (t *seriesTable) values(s *scope, d dim) (found []named, folded bool) {
	whole, own, ok := t.whole(s)
	switch {
	case !ok:
		return nil, false
	case !own:
		return []named{{SeriesOther, whole}}, true
	case d == dimNone:
		return []named{{"", whole}}, false
	case d == dimEvent:
		for _, e := range s.account.events {
			if id, own, _ := t.whole(&e.scope); own {
				found = append(found, named{e.Key.ID, id})
			}
		}
	default:
		for value := 1; value < dimSizes[d]; value++ {
			id := s.slots[slotOf(d, uint8(value))]
			if id != slotEmpty && id != slotNoRoom && t.keys[id-1] == (seriesKey{s, d, uint8(value)}) {
				found = append(found, named{s.account.nameOf(d, uint8(value)), id - 1})
			}
		}
	}
	slices.SortFunc(found, func(a, b named) int { return strings.Compare(a.name, b.name) })
	if id := s.slots[slotOf(d, 0)]; id != slotEmpty {
		return append(found, named{SeriesOther, id - 1}), true
	}
	if s.folded&(1<<d) != 0 {
		return []named{{SeriesOther, whole}}, true
	}
	return found, false
}

func (a *account) nameOf(d dim, value uint8) string {
	// Not exhaustive: the others have no values.
	//exhaustive:ignore
	switch d {
	case dimFlow:
		return flowNames[value]
	case dimDevice:
		return deviceNames[value]
	case dimMethod:
		return methodNames[value]
	case dimHour:
		return hourNames[value]
	case dimChannel:
		return a.channels.names[value-1]
	case dimGenre:
		return a.genres.names[value-1]
	}
	return SeriesOther
}

func (t *seriesTable) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(t.keys)))
	for _, k := range t.keys {
		event := uint64(0)
		if k.of.event != nil {
			event = uint64(k.of.event.number) + 1
		}
		dst = binary.AppendUvarint(append(dst, byte(k.by), k.value), event)
		if event == 0 {
			dst = binary.AppendUvarint(dst, uint64(k.of.account.number))
		}
	}
	return dst
}

// readState reads the series of a book whose accounts and events are there.
func (t *seriesTable) readState(r *reader, b *Book) {
	for range r.count(3) {
		d, value := dim(r.byte()), r.byte()
		var s *scope
		if event := r.uint(); event > 0 && event <= uint64(len(b.events)) {
			s = &b.events[event-1].scope
		} else if n := r.uint(); event == 0 && n < uint64(len(b.accounts)) {
			s = &b.accounts[n].scope
		}
		if s == nil || d >= dimsEnd || int(value) >= dimSizes[d] || slotOf(d, value) >= len(s.slots) || s.slots[slotOf(d, value)] != slotEmpty ||
			d == dimChannel && int(value) > len(s.account.channels.names) || d == dimGenre && int(value) > len(s.account.genres.names) {
			r.fail("a series twice, or of nothing")
			return
		}
		t.add(s, d, value)
	}
	for _, e := range b.events {
		switch {
		case e.slots[0] != slotEmpty:
		case e.account.slots[slotOf(dimEvent, 0)] == slotEmpty:
			r.fail("an event without a series")
			return
		default:
			t.fold(&e.scope)
		}
		t.refold(&e.scope)
	}
}

// refold lets the values of an event that find no room count in their dimension's [SeriesOther] again: that they do is not written down, as room never comes back.
func (t *seriesTable) refold(s *scope) {
	for d := dimFlow; d <= dimChannel; d++ {
		if other := s.slots[slotOf(d, 0)]; other != slotEmpty && other != slotNoRoom && t.taken >= t.limit(d) {
			for value := 1; value < dimSizes[d]; value++ {
				if slot := &s.slots[slotOf(d, uint8(value))]; *slot == slotEmpty {
					*slot = other
				}
			}
		}
	}
}
