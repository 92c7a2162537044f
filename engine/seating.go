package engine

import (
	"math/bits"
	"slices"
	"sort"
	"strings"
)

// seating is the seats of one lot, numbered from 0 in the order of their rows.
//
// What is free is kept a second time as bits, one a place, for the search for seats that are side by side: see seatsearch.go. That follows from
// the states of the seats, so it is in no hash and no snapshot.
type seating struct {
	rows  []seatingRow
	find  index // row by hash of "section/row"
	seats []seatRow

	free   []uint64 // places with a free seat, row by row, each from a word of its own
	ranked []rankedRow
	runs   [seatViews][]uint64 // of each ranked row, which lengths its runs of free seats have: bit n for n seats, bit 63 for that or more
	stale  []uint32            // ranked rows whose runs have to be found out again
	views  seatView            // that differ: the last is wideView only if the lot has seats with a restricted view

	accessible []uint32 // ranked rows with accessible seats
	widest     int      // how many seats there are side by side at most, for everybody; no more than somebody may wait for
	last       uint32   // the row looked up last
}

type seatingRow struct {
	label  string // "section/row"
	shape  *rowShape
	first  uint32 // number of its first seat
	word   uint32 // of its first place, in free
	ranked uint32 // its place among the ranked rows
}

// rankedRow is a row in the order of rank: the best first, of equal ones the one that was given first.
type rankedRow struct {
	row   uint32
	rank  uint32
	stale bool
}

// seatView says which seats count as seats for everybody.
type seatView uint8

const (
	plainView seatView = iota // those that nothing is special about
	wideView                  // and those with a restricted view
	seatViews
)

// seatRow is one seat: 12 bytes.
type seatRow struct {
	owner uint32 // hold's slot while held, order's slot once sold
	next  uint32 // number + 1 of the next seat of the same item
	state seatState
}

type seatState uint8

const (
	seatFree seatState = iota
	seatHeld           // its hold says whether it is being paid
	seatSold
	seatBlocked
)

// newSeating lays out the rows of a lot, which were checked before.
func newSeating(seed uint64, specs []RowSpec) *seating {
	s := &seating{views: plainView}
	seats, all := uint32(0), 0
	for i := range specs {
		shape, wrong := shapeRow(&specs[i])
		if wrong.field != "" {
			panic("engine: a row that was checked is wrong: " + wrong.field + ": " + wrong.text)
		}
		if shape.kinds[seatRestricted] != nil {
			s.views = wideView
		}
		eachRow(&specs[i], func(name string) bool {
			row := seatingRow{label: specs[i].Section + "/" + name, shape: shape, first: seats, word: uint32(all)}
			rank := uint32(specs[i].Rank)
			if rank == 0 {
				rank = uint32(len(s.rows)) + 1
			}
			s.ranked = append(s.ranked, rankedRow{row: uint32(len(s.rows)), rank: rank})
			s.find.insert(index32(hashString(seed, row.label)), uint32(len(s.rows)))
			s.rows = append(s.rows, row)
			seats += uint32(shape.seats)
			all += words(shape.places)
			return true
		})
	}
	slices.SortStableFunc(s.ranked, func(a, b rankedRow) int { return int(a.rank) - int(b.rank) })
	s.seats, s.free = make([]seatRow, seats), make([]uint64, all)
	for v := range s.views + 1 {
		s.runs[v] = make([]uint64, len(s.ranked))
	}
	for i := range s.ranked {
		row := &s.rows[s.ranked[i].row]
		row.ranked = uint32(i)
		if row.shape.kinds[seatAccessible] != nil {
			s.accessible = append(s.accessible, uint32(i))
		}
		copy(s.freeOf(row), row.shape.all)
		s.spoil(row)
	}
	s.widest = s.longest(plainView, WishQuantityMax)
	return s
}

// freeOf is a row's part of the free places.
func (s *seating) freeOf(row *seatingRow) []uint64 {
	from := int(row.word)
	return s.free[from : from+words(row.shape.places)]
}

// rowOf returns the row of a seat.
func (s *seating) rowOf(seat uint32) *seatingRow {
	if row := &s.rows[s.last]; seat >= row.first && seat < row.first+uint32(row.shape.seats) {
		return row
	}
	s.last = uint32(sort.Search(len(s.rows), func(i int) bool { return s.rows[i].first > seat }) - 1)
	return &s.rows[s.last]
}

// mark notes whether a seat is free to be picked. It changes no state.
func (s *seating) mark(seat uint32, free bool) {
	row := s.rowOf(seat)
	place := row.shape.place(int(seat - row.first))
	word, bit := &s.free[int(row.word)+place>>6], uint64(1)<<(place&63)
	if free {
		*word |= bit
	} else {
		*word &^= bit
	}
	if !plantedBug(plantedStaleRuns) {
		s.spoil(row)
	}
}

// spoil notes that the runs of a row have changed. They are found out when somebody wants to know, once for all the seats that change until then.
func (s *seating) spoil(row *seatingRow) {
	if r := &s.ranked[row.ranked]; !r.stale {
		r.stale = true
		s.stale = append(s.stale, row.ranked)
	}
}

// refresh finds out the runs of the rows that have changed.
func (s *seating) refresh() {
	for _, i := range s.stale {
		s.ranked[i].stale = false
		for v := range s.views + 1 {
			s.runs[v][i] = s.lengths(&s.rows[s.ranked[i].row], v)
		}
	}
	s.stale = s.stale[:0]
}

// lengths returns which lengths the runs of a row have.
func (s *seating) lengths(row *seatingRow, v seatView) uint64 {
	found := uint64(0)
	for r := s.run(row, v, 0); r.lo < r.hi; r = s.run(row, v, r.hi) {
		found |= lengthBit(r.hi - r.lo)
	}
	return found
}

// lengthBit is the bit of a run's length.
func lengthBit(n int) uint64 { return 1 << min(n, 63) }

// seatRun is places with free seats side by side: from lo up to hi, with none on either end.
type seatRun struct{ lo, hi int }

// run returns the first run that begins in place from or later, an empty one if there is none.
func (s *seating) run(row *seatingRow, v seatView, from int) seatRun {
	i, n := from>>6, words(row.shape.places)
	if i >= n {
		return seatRun{}
	}
	w := s.word(row, v, i) &^ (1<<(from&63) - 1)
	for w == 0 {
		if i++; i == n {
			return seatRun{}
		}
		w = s.word(row, v, i)
	}
	at := bits.TrailingZeros64(w)
	lo := i<<6 + at
	w = ^w &^ (1<<at - 1)
	for w == 0 {
		if i++; i == n {
			return seatRun{lo, n << 6}
		}
		w = ^s.word(row, v, i)
	}
	return seatRun{lo, i<<6 + bits.TrailingZeros64(w)}
}

// word is 64 places of a row: those whose seats are free and for everybody.
func (s *seating) word(row *seatingRow, v seatView, i int) uint64 {
	w := s.free[int(row.word)+i]
	if shape := row.shape; shape.anyKinds && !plantedBug(plantedSeatUnasked) {
		w &^= shape.wordOf(seatAccessible, i) | shape.wordOf(seatCompanion, i)
		if v == plainView {
			w &^= shape.wordOf(seatRestricted, i)
		}
	}
	return w
}

func (s *rowShape) wordOf(k seatKind, i int) uint64 {
	if s.kinds[k] == nil {
		return 0
	}
	return s.kinds[k][i]
}

// freeOfKinds counts the free seats of each kind.
func (s *seating) freeOfKinds() (n [seatKinds]int64) {
	for i := range s.rows {
		row := &s.rows[i]
		for j, w := range s.freeOf(row) {
			n[seatPlain] += int64(bits.OnesCount64(w))
			if row.shape.anyKinds {
				for k := seatAccessible; k < seatKinds; k++ {
					n[k] += int64(bits.OnesCount64(w & row.shape.wordOf(k, j)))
				}
			}
		}
	}
	n[seatPlain] -= n[seatAccessible] + n[seatCompanion] + n[seatRestricted]
	return n
}

// number returns the number of the seat with a label "section/row/seat".
func (s *seating) number(seed uint64, label string) (uint32, bool) {
	cut := strings.LastIndexByte(label, '/')
	if cut < 0 {
		return 0, false
	}
	var p probe
	s.find.seek(&p, index32(hashString(seed, label[:cut])))
	for {
		i, more := s.find.next(&p)
		if !more {
			return 0, false
		}
		if row := &s.rows[i]; row.label == label[:cut] {
			seat, ok := row.shape.seatLabelled(label[cut+1:])
			return row.first + uint32(seat), ok
		}
	}
}

// appendLabel appends the label of a seat.
func (s *seating) appendLabel(dst []byte, seat uint32) []byte {
	row := s.rowOf(seat)
	return row.shape.appendLabel(append(append(dst, row.label...), '/'), int(seat-row.first))
}

// parseNumber reads a positive decimal number without sign or leading zeros.
func parseNumber(s string) (uint64, bool) {
	if len(s) == 0 || len(s) > 19 || s[0] == '0' {
		return 0, false
	}
	n := uint64(0)
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n, true
}
