package engine

import (
	"slices"
	"strings"
	"testing"
)

// checkShape verifies what a row's shape says of itself: every seat is found by its label and by its place, and nothing else is.
func checkShape(t *testing.T, r *RowSpec, s *rowShape) {
	t.Helper()
	if s.seats != int(r.Seats) || s.places < s.seats || s.best < 0 || s.best > 2*s.places {
		t.Fatalf("%+v: %d seats in %d places, the best at %d", r, s.seats, s.places, s.best)
	}
	labels := map[string]bool{}
	last := -1
	for seat := range s.seats {
		place, label := s.place(seat), string(s.appendLabel(nil, seat))
		if place <= last || place >= s.places || s.seatAt(place) != seat {
			t.Fatalf("%+v: seat %d is in place %d after %d, where seat %d is", r, seat, place, last, s.seatAt(place))
		}
		if found, ok := s.seatLabelled(label); !ok || found != seat || labels[label] || !validSeatLabel(label) {
			t.Fatalf("%+v: seat %d has label %q, by which seat %d is found (%t)", r, seat, label, found, ok)
		}
		labels[label], last = true, place
	}
	for _, label := range []string{"", "0", "01", "-1", "x", "1000000", "18446744073709551615"} {
		if seat, ok := s.seatLabelled(label); ok && !labels[label] {
			t.Fatalf("%+v: seat %d is found by %q", r, seat, label)
		}
	}
	for n := range 60 {
		label := string(AppendTicketID(nil, TicketID(n), 0))[1:]
		if _, ok := s.seatLabelled(label); ok != labels[label] {
			t.Fatalf("%+v: a seat %q is there: %t, and is found: %t", r, label, labels[label], ok)
		}
	}
	for k := seatAccessible; k < seatKinds; k++ {
		for place := range s.places {
			if hasBit(s.kinds[k], place) && (s.kind(place) != k || s.place(s.seatAt(place)) != place) {
				t.Fatalf("%+v: place %d is of kind %d, or has no seat", r, place, s.kind(place))
			}
		}
	}
}

// FuzzRows lays out rows of hostile words. What is not refused is consistent.
func FuzzRows(f *testing.F) {
	f.Add("1", "40", int64(50), int64(1), int64(0), int64(0), "", "", "15 35", "", "1 4", "2-3", "49-50")
	f.Add("A", "M", int64(4), int64(0), int64(101), int64(2), "", "105", "", "103", "", "", "")
	f.Add("R9", "R12", int64(5), int64(0), int64(112), int64(-1), "", "", "112 110", "109-108", "111", "", "")
	f.Add("x", "", int64(4), int64(0), int64(0), int64(0), "1a 1b king queen", "king", "1b", "", "queen", "", "1a")
	f.Fuzz(func(t *testing.T, row, through string, seats, rank, first, step int64, labels, best, aisles, missing, accessible, companion, restricted string) {
		r := &RowSpec{
			Section: "S", Row: row, Through: through, Seats: seats, Rank: rank, First: first, Step: step, Labels: labels, Best: best, Aisles: aisles,
			Missing: missing, Accessible: accessible, Companion: companion, Restricted: restricted,
		}
		d := decoder{buf: appendRow(nil, r)}
		if again := d.row(); seats > 0 && d.what == "" && again != *r {
			t.Fatalf("%+v is written as %+v", r, again)
		}
		if _, _, rows, _, ok := rowsOf(r); ok {
			var names []string
			eachRow(r, func(name string) bool { names = append(names, name); return true })
			if len(names) != rows || names[0] != row || through != "" && names[rows-1] != through {
				t.Fatalf("%q through %q is %q", row, through, names)
			}
			slices.Sort(names)
			if len(slices.Compact(names)) != rows {
				t.Fatalf("%q through %q has a row twice", row, through)
			}
		}
		s, wrong := shapeRow(r)
		if wrong.field == "" {
			checkShape(t, r, s)
		} else if wrong.text == "" || strings.Contains(wrong.text, "4111111111111111") {
			t.Fatalf("%+v: %s: %q", r, wrong.field, wrong.text)
		}
	})
}
