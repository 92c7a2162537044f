package engine

import (
	"sort"
	"strconv"
	"strings"
)

// seating is the seats of one lot, numbered from 0 in the order of their rows.
type seating struct {
	rows  []seatingRow
	find  index // row by hash of "section/row"
	seats []seatRow
}

type seatingRow struct {
	label string // "section/row"
	first uint32 // number of its first seat
	seats uint32
}

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
func newSeating(seed uint64, rows []RowSpec) *seating {
	s := &seating{rows: make([]seatingRow, 0, len(rows))}
	n := uint32(0)
	for i := range rows {
		label := rows[i].Section + "/" + rows[i].Row
		s.find.insert(index32(hashString(seed, label)), uint32(i))
		s.rows = append(s.rows, seatingRow{label: label, first: n, seats: uint32(rows[i].Seats)})
		n += uint32(rows[i].Seats)
	}
	s.seats = make([]seatRow, n)
	return s
}

// number returns the number of the seat with a label "section/row/seat".
func (s *seating) number(seed uint64, label string) (uint32, bool) {
	cut := strings.LastIndexByte(label, '/')
	if cut < 0 {
		return 0, false
	}
	seat, ok := parseNumber(label[cut+1:])
	if !ok {
		return 0, false
	}
	var p probe
	s.find.seek(&p, index32(hashString(seed, label[:cut])))
	for {
		i, more := s.find.next(&p)
		if !more {
			return 0, false
		}
		row := &s.rows[i]
		if row.label == label[:cut] {
			if seat > uint64(row.seats) {
				return 0, false
			}
			return row.first + uint32(seat) - 1, true
		}
	}
}

// appendLabel appends the label of a seat.
func (s *seating) appendLabel(dst []byte, seat uint32) []byte {
	i := sort.Search(len(s.rows), func(i int) bool { return s.rows[i].first > seat }) - 1
	row := &s.rows[i]
	dst = append(dst, row.label...)
	dst = append(dst, '/')
	return strconv.AppendUint(dst, uint64(seat-row.first)+1, 10)
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
