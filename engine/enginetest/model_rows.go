package enginetest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// modelSeat is a seat with everything that the choice of seats depends on.
type modelSeat struct {
	label string
	name  string // the last part of the label
	row   int    // of the lot, in the order given
	place int    // in the row: aisles and missing seats take a place too
	rank  int64  // of the row
	off   int64  // from the best seat of the row, in half places
	kind  string // "", "accessible", "companion" or "restricted"
}

// modelRows lays out the rows of a lot. wrong is the field that is to blame if it cannot.
func modelRows(specs []engine.RowSpec) (seats []modelSeat, wrong string) {
	rows := 0
	for i := range specs {
		r := &specs[i]
		one, field := modelRow(r)
		names := rowNames(r)
		switch {
		case len(names) == 0:
			return nil, "rows[" + strconv.Itoa(i) + "].through"
		case rows+len(names) > engine.RowsPerLotMax:
			return nil, "rows"
		case field != "":
			return nil, "rows[" + strconv.Itoa(i) + "]." + field
		}
		for _, name := range names {
			rank := r.Rank
			if rank == 0 {
				rank = int64(rows + 1)
			}
			for _, s := range one {
				s.label = r.Section + "/" + name + "/" + s.name
				s.row, s.rank = rows, rank
				seats = append(seats, s)
			}
			rows++
		}
	}
	return seats, ""
}

// rowNames counts from the first row of a block to its last. There are none if it cannot get there.
func rowNames(r *engine.RowSpec) []string {
	names := []string{r.Row}
	for name := r.Row; r.Through != "" && name != r.Through; {
		name = nextRow(name)
		if names = append(names, name); name == "" || len(names) > engine.RowsPerLotMax {
			return nil
		}
	}
	return names
}

// nextRow counts on: R9, R10; A, B. It is empty if there is nothing to count.
func nextRow(name string) string {
	head := strings.TrimRight(name, "0123456789")
	if digits := name[len(head):]; digits != "" {
		n, err := strconv.Atoi(digits)
		if err != nil || strconv.Itoa(n) != digits || n == 0 || n > 999_999+engine.RowsPerLotMax {
			return ""
		}
		return head + strconv.Itoa(n+1)
	}
	if name == "" {
		return ""
	}
	last := name[len(name)-1]
	if last >= 'a' && last < 'z' || last >= 'A' && last < 'Z' {
		return name[:len(name)-1] + string(last+1)
	}
	return ""
}

// modelRow lays out one row of a block.
func modelRow(r *engine.RowSpec) (seats []modelSeat, wrong string) {
	switch {
	case r.Seats < 1 || r.Seats > engine.SeatsPerRowMax:
		return nil, "seats"
	case r.Rank < 0 || r.Rank > engine.RowRankMax:
		return nil, "rank"
	case len(r.Labels) > engine.RowTextLenMax:
		return nil, "labels"
	}
	if r.Labels != "" {
		switch {
		case r.First != 0:
			return nil, "first"
		case r.Step != 0:
			return nil, "step"
		case r.Missing != "":
			return nil, "missing"
		}
		for i, name := range strings.Split(r.Labels, " ") {
			same := func(s modelSeat) bool { return s.name == name }
			if len(name) > 16 || !engine.ValidID(name) || strings.Contains(name, "-") || engine.IsCardNumber(name) || slices.ContainsFunc(seats, same) {
				return nil, "labels"
			}
			seats = append(seats, modelSeat{name: name, place: i})
		}
		if int64(len(seats)) != r.Seats {
			return nil, "labels"
		}
	} else if seats, wrong = modelNumbers(r); wrong != "" {
		return nil, wrong
	}
	aisles, ok := seatList(seats, r.Aisles)
	if !ok || strings.Contains(r.Aisles, "-") || slices.Contains(aisles, len(seats)-1) {
		return nil, "aisles"
	}
	for i := range seats {
		for _, a := range slices.Compact(slices.Sorted(slices.Values(aisles))) {
			if i > a {
				seats[i].place++
			}
		}
	}
	best := int64(seats[len(seats)-1].place)
	if r.Best != "" {
		list, ok := seatList(seats, r.Best)
		if !ok || len(list) != 1 || strings.Contains(r.Best, "-") {
			return nil, "best"
		}
		best = int64(2 * seats[list[0]].place)
	}
	for i := range seats {
		seats[i].off = max(2*int64(seats[i].place)-best, best-2*int64(seats[i].place))
	}
	for _, kind := range []struct{ name, list string }{{"accessible", r.Accessible}, {"companion", r.Companion}, {"restricted", r.Restricted}} {
		list, ok := seatList(seats, kind.list)
		for _, i := range list {
			ok = ok && seats[i].kind == ""
			seats[i].kind = kind.name
		}
		if !ok {
			return nil, kind.name
		}
	}
	for i := range seats {
		if seats[i].kind == "companion" && !besideAccessible(seats, i, -1) && !besideAccessible(seats, i, 1) {
			return nil, "companion"
		}
	}
	return seats, ""
}

// besideAccessible reports whether from a seat on in one direction there are companion seats only, and then an accessible one.
func besideAccessible(seats []modelSeat, i, way int) bool {
	for j := i + way; j >= 0 && j < len(seats) && seats[j].place-seats[j-way].place == way; j += way {
		if seats[j].kind != "companion" {
			return seats[j].kind == "accessible"
		}
	}
	return false
}

// modelNumbers numbers the seats of a row.
func modelNumbers(r *engine.RowSpec) (seats []modelSeat, wrong string) {
	first, step := cmp.Or(r.First, 1), cmp.Or(r.Step, 1)
	if first < 1 || first > 999_999 {
		return nil, "first"
	}
	if step < -10 || step > 10 {
		return nil, "step"
	}
	var missing [][2]int64
	if r.Missing != "" {
		for part := range strings.SplitSeq(r.Missing, " ") {
			from, to, ranged := strings.Cut(part, "-")
			if !ranged {
				to = from
			}
			a, err := strconv.ParseInt(from, 10, 64)
			b, err2 := strconv.ParseInt(to, 10, 64)
			if err != nil || err2 != nil || strconv.FormatInt(a, 10) != from || strconv.FormatInt(b, 10) != to || a < 1 || b < 1 {
				return nil, "missing"
			}
			missing = append(missing, [2]int64{min(a, b), max(a, b)})
		}
	}
	if len(missing) > engine.RangesPerRowMax {
		return nil, "missing"
	}
	met := map[int]bool{}
	for n, place := first, 0; int64(len(seats)) < r.Seats; n, place = n+step, place+1 {
		left := false
		for i, m := range missing {
			if n >= m[0] && n <= m[1] {
				left, met[i] = true, true
			}
		}
		switch {
		case n < 1 || n > 999_999:
			if r.Missing != "" {
				return nil, "missing"
			}
			return nil, "step"
		case left && place == 0:
			return nil, "missing"
		case !left:
			seats = append(seats, modelSeat{name: strconv.FormatInt(n, 10), place: place})
		}
	}
	if len(met) < len(missing) {
		return nil, "missing"
	}
	return seats, ""
}

// seatList reads a list like "1 4-6" into the numbers of seats in the row.
func seatList(seats []modelSeat, list string) (found []int, ok bool) {
	if list == "" {
		return nil, true
	}
	find := func(name string) int {
		return slices.IndexFunc(seats, func(s modelSeat) bool { return s.name == name })
	}
	parts := strings.Split(list, " ")
	for _, part := range parts {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		a, b := find(from), find(to)
		if a < 0 || b < 0 {
			return nil, false
		}
		for i := min(a, b); i <= max(a, b); i++ {
			found = append(found, i)
		}
	}
	return found, len(parts) <= engine.RangesPerRowMax
}
