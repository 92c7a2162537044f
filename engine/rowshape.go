package engine

import (
	"math/bits"
	"sort"
	"strconv"
	"strings"
)

// seatKind is what is special about a seat. A seat is of one kind.
type seatKind uint8

const (
	seatPlain seatKind = iota
	seatAccessible
	seatCompanion
	seatRestricted
	seatKinds
)

// rowShape is what the rows of a block have in common. Its seats stand in places: a seat takes one, and so does every aisle and every missing
// number, so that seats are side by side if their places are.
type rowShape struct {
	seats  int
	places int
	best   int // twice the place of the best seat; between two places it is odd
	gaps   []rowGap

	first, step int64 // numbering, unless there are labels

	labels   string   // of all seats, a byte between
	labelAt  []uint32 // where each begins, and where one more would
	byLabel  []uint32 // seats in the order of their labels
	all      []uint64 // places that have a seat
	kinds    [seatKinds][]uint64
	anyKinds bool // some seat is not plain
}

// rowGap is where places have no seat.
type rowGap struct {
	seat   int // the first seat behind it
	places int // places without a seat before that seat, in this and all earlier gaps
	skips  int // numbers left out before that seat
}

// place returns where a seat stands.
func (s *rowShape) place(seat int) int { return seat + s.before(seat).places }

// before returns the last gap before a seat.
func (s *rowShape) before(seat int) rowGap {
	if i := sort.Search(len(s.gaps), func(i int) bool { return s.gaps[i].seat > seat }); i > 0 {
		return s.gaps[i-1]
	}
	return rowGap{}
}

// seatAt returns the seat in a place that has one.
func (s *rowShape) seatAt(place int) int {
	i := sort.Search(len(s.gaps), func(i int) bool { return s.gaps[i].seat+s.gaps[i].places > place })
	if i > 0 {
		return place - s.gaps[i-1].places
	}
	return place
}

// kind returns what is special about the seat in a place.
func (s *rowShape) kind(place int) seatKind {
	for k := seatAccessible; k < seatKinds; k++ {
		if hasBit(s.kinds[k], place) {
			return k
		}
	}
	return seatPlain
}

// seatLabelled finds a seat by the last part of its label.
func (s *rowShape) seatLabelled(label string) (int, bool) {
	if s.labelAt != nil {
		i := sort.Search(len(s.byLabel), func(i int) bool { return s.label(s.byLabel[i]) >= label })
		if i == len(s.byLabel) || s.label(s.byLabel[i]) != label {
			return 0, false
		}
		return int(s.byLabel[i]), true
	}
	n, ok := parseNumber(label)
	if !ok || n > seatNumberMax || (int64(n)-s.first)%s.step != 0 {
		return 0, false
	}
	k := int((int64(n) - s.first) / s.step)
	i := sort.Search(len(s.gaps), func(i int) bool { return s.gaps[i].seat+s.gaps[i].skips > k })
	seat := k
	if i > 0 {
		seat -= s.gaps[i-1].skips
	}
	if k < 0 || seat >= s.seats || i < len(s.gaps) && seat >= s.gaps[i].seat {
		return 0, false
	}
	return seat, true
}

func (s *rowShape) label(seat uint32) string { return s.labels[s.labelAt[seat] : s.labelAt[seat+1]-1] }

// appendLabel appends the last part of a seat's label.
func (s *rowShape) appendLabel(dst []byte, seat int) []byte {
	if s.labelAt != nil {
		return append(dst, s.label(uint32(seat))...)
	}
	return strconv.AppendInt(dst, s.first+int64(seat+s.before(seat).skips)*s.step, 10)
}

// shapeError says which field of a row is wrong, and why.
type shapeError struct{ field, text string }

// shapeRow lays out a row. A row that is not right gives an error, and a shape that is of no use.
func shapeRow(r *RowSpec) (*rowShape, shapeError) {
	if r.Seats < 1 || r.Seats > SeatsPerRowMax {
		return nil, shapeError{"seats", "it is 1 to " + strconv.Itoa(SeatsPerRowMax)}
	}
	if r.Rank < 0 || r.Rank > RowRankMax {
		return nil, shapeError{"rank", "it is 0 (its place among the rows) to " + strconv.Itoa(RowRankMax)}
	}
	s := &rowShape{seats: int(r.Seats)}
	if wrong := s.number(r); wrong.field != "" {
		return nil, wrong
	}
	if wrong := s.lay(r); wrong.field != "" {
		return nil, wrong
	}
	s.all = make([]uint64, words(s.places))
	for seat := range s.seats {
		setBit(s.all, s.place(seat))
	}
	s.best = s.places - 1
	if r.Best != "" {
		seat, ok := s.seatLabelled(r.Best)
		if !ok {
			return nil, shapeError{"best", noSuchSeat(r.Best)}
		}
		s.best = 2 * s.place(seat)
	}
	for _, k := range [...]struct {
		kind seatKind
		name string
		list string
	}{{seatAccessible, "accessible", r.Accessible}, {seatCompanion, "companion", r.Companion}, {seatRestricted, "restricted", r.Restricted}} {
		if text := s.mark(k.kind, k.list); text != "" {
			return nil, shapeError{k.name, text}
		}
	}
	if s.kinds[seatCompanion] != nil && !s.companionsBeside() {
		return nil, shapeError{"companion", "a companion seat is beside an accessible one"}
	}
	return s, shapeError{}
}

func noSuchSeat(label string) string {
	if len(label) > seatLabelLenMax || !ValidID(label) || IsCardNumber(label) {
		return "it names seats by their numbers or labels, with spaces between, as in 1 4-6"
	}
	return "the row has no seat " + label
}

// number reads how the seats are called.
func (s *rowShape) number(r *RowSpec) shapeError {
	if r.Labels == "" {
		s.first, s.step = r.First, r.Step
		if s.first == 0 {
			s.first = 1
		}
		if s.step == 0 {
			s.step = 1
		}
		switch {
		case s.first < 1 || s.first > seatNumberMax:
			return shapeError{"first", "it is 1 to " + strconv.Itoa(seatNumberMax)}
		case s.step < -seatStepMax || s.step > seatStepMax:
			return shapeError{"step", "it is -" + strconv.Itoa(seatStepMax) + " to " + strconv.Itoa(seatStepMax)}
		}
		return shapeError{}
	}
	switch {
	case r.First != 0:
		return shapeError{"first", "it goes without labels"}
	case r.Step != 0:
		return shapeError{"step", "it goes without labels"}
	case r.Missing != "":
		return shapeError{"missing", "it goes without labels: say aisles"}
	case len(r.Labels) > RowTextLenMax:
		return shapeError{"labels", "it is longer than " + strconv.Itoa(RowTextLenMax) + " bytes"}
	}
	s.labels = r.Labels + " "
	for from := 0; from < len(s.labels); {
		n := strings.IndexByte(s.labels[from:], ' ')
		if label := s.labels[from : from+n]; !validSeatLabel(label) {
			return shapeError{"labels", "a label is 1 to " + strconv.Itoa(seatLabelLenMax) + " of A-Z a-z 0-9 _, with one space between"}
		}
		s.labelAt = append(s.labelAt, uint32(from))
		from += n + 1
	}
	if len(s.labelAt) != s.seats {
		return shapeError{"labels", "there are " + strconv.Itoa(len(s.labelAt)) + " for " + strconv.Itoa(s.seats) + " seats"}
	}
	s.labelAt = append(s.labelAt, uint32(len(s.labels)))
	s.byLabel = make([]uint32, s.seats)
	for i := range s.byLabel {
		s.byLabel[i] = uint32(i)
	}
	sort.Slice(s.byLabel, func(i, j int) bool { return s.label(s.byLabel[i]) < s.label(s.byLabel[j]) })
	for i := 1; i < s.seats; i++ {
		if s.label(s.byLabel[i]) == s.label(s.byLabel[i-1]) {
			return shapeError{"labels", "a seat is there twice"}
		}
	}
	return shapeError{}
}

// validSeatLabel reports whether a seat can be called so: no hyphen, which is in ranges.
func validSeatLabel(label string) bool {
	return len(label) <= seatLabelLenMax && ValidID(label) && strings.IndexByte(label, '-') < 0 && !IsCardNumber(label)
}

// lay finds out where the seats stand, with missing numbers and aisles between them.
func (s *rowShape) lay(r *RowSpec) shapeError {
	s.places = s.seats
	if r.Missing != "" {
		if text := s.skip(r.Missing); text != "" {
			return shapeError{"missing", text}
		}
	}
	if s.labelAt == nil {
		if last := s.first + int64(s.seats-1+s.before(s.seats).skips)*s.step; last < 1 || last > seatNumberMax {
			return shapeError{"step", "its numbers leave 1 to " + strconv.Itoa(seatNumberMax)}
		}
	}
	if r.Aisles == "" {
		return shapeError{}
	}
	aisle := make([]bool, s.seats)
	text := eachSeatRange(r.Aisles, func(from, to string) string {
		seat, ok := s.seatLabelled(from)
		switch {
		case !ok:
			return noSuchSeat(from)
		case from != to:
			return "an aisle is after one seat: give no ranges"
		case seat == s.seats-1:
			return "no seat comes after " + from
		}
		aisle[seat] = true
		return ""
	})
	if text != "" {
		return shapeError{"aisles", text}
	}
	var gaps []rowGap
	added := 0
	for seat := range s.seats {
		g := s.before(seat)
		if seat > 0 && aisle[seat-1] {
			added++
		}
		g.places += added
		g.seat = seat
		if len(gaps) == 0 && g.places > 0 || len(gaps) > 0 && gaps[len(gaps)-1].places != g.places {
			gaps = append(gaps, g)
		}
	}
	s.gaps, s.places = gaps, s.places+added
	return shapeError{}
}

// skip leaves out numbers. Each of them has to be between the row's first and last.
func (s *rowShape) skip(missing string) string {
	type numbers struct {
		from, to int64
		met      bool
	}
	var list []numbers
	text := eachSeatRange(missing, func(from, to string) string {
		a, ok := parseNumber(from)
		b, okToo := parseNumber(to)
		if !ok || !okToo || a > seatNumberMax || b > seatNumberMax {
			return "it is a list of numbers"
		}
		list = append(list, numbers{from: int64(min(a, b)), to: int64(max(a, b))})
		return ""
	})
	if text != "" {
		return text
	}
	skips := 0
	for seat := 0; seat < s.seats; {
		n := s.first + int64(seat+skips)*s.step
		left := false
		for i := range list {
			if n >= list[i].from && n <= list[i].to {
				left, list[i].met = true, true
			}
		}
		switch {
		case n < 1 || n > seatNumberMax || skips > SeatsPerRowMax:
			return "its numbers leave 1 to " + strconv.Itoa(seatNumberMax)
		case left && seat == 0:
			return "the row begins with it: say first"
		case left:
			skips++
			if len(s.gaps) == 0 || s.gaps[len(s.gaps)-1].seat != seat {
				s.gaps = append(s.gaps, rowGap{seat: seat})
			}
			s.gaps[len(s.gaps)-1].places, s.gaps[len(s.gaps)-1].skips = skips, skips
		default:
			seat++
		}
	}
	for i := range list {
		if !list[i].met {
			return "the row would have no seat " + strconv.FormatInt(list[i].from, 10) + " anyway"
		}
	}
	s.places += skips
	return ""
}

// mark makes seats special.
func (s *rowShape) mark(kind seatKind, list string) string {
	if list == "" {
		return ""
	}
	s.kinds[kind] = make([]uint64, words(s.places))
	s.anyKinds = true
	return eachSeatRange(list, func(from, to string) string {
		a, ok := s.seatLabelled(from)
		if !ok {
			return noSuchSeat(from)
		}
		b, ok := s.seatLabelled(to)
		if !ok {
			return noSuchSeat(to)
		}
		for seat := min(a, b); seat <= max(a, b); seat++ {
			place := s.place(seat)
			if s.kind(place) != seatPlain {
				return "a seat is of one kind, and named once"
			}
			setBit(s.kinds[kind], place)
		}
		return ""
	})
}

// companionsBeside reports whether every companion seat is beside an accessible one, with at most other companion seats between.
func (s *rowShape) companionsBeside() bool {
	for place := 0; place < s.places; place++ {
		from := place
		for place < s.places && hasBit(s.kinds[seatCompanion], place) {
			place++
		}
		if from < place && !hasBit(s.kinds[seatAccessible], from-1) && !hasBit(s.kinds[seatAccessible], place) {
			return false
		}
	}
	return true
}

// count counts the seats of a kind.
func (s *rowShape) count(kind seatKind) int64 {
	n := 0
	for _, w := range s.kinds[kind] {
		n += bits.OnesCount64(w)
	}
	return int64(n)
}

// eachSeatRange goes through a list of seats like "1 4-6". It stops at the first complaint and returns it.
func eachSeatRange(list string, use func(from, to string) string) string {
	if len(list) > RowTextLenMax {
		return "it is longer than " + strconv.Itoa(RowTextLenMax) + " bytes"
	}
	n := 0
	for part := range strings.SplitSeq(list, " ") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		if n++; n > RangesPerRowMax {
			return "it has more than " + strconv.Itoa(RangesPerRowMax) + " parts"
		}
		if text := use(from, to); text != "" {
			return text
		}
	}
	return ""
}

// rowsOf returns how many rows a block has, and what their names have in common before the last part: a number from first, or with letters one
// letter from first. It is false if the block does not count up.
func rowsOf(r *RowSpec) (prefix string, first, rows int, letters, ok bool) {
	a, b := r.Row, r.Through
	if b == "" || b == a {
		return a, 0, 1, false, true
	}
	digits := func(s string) int { return len(s) - len(strings.TrimRight(s, "0123456789")) }
	if n := digits(a); n > 0 {
		prefix = a[:len(a)-n]
		from, ok1 := parseNumber(a[len(prefix):])
		if !ok1 || len(b) <= len(prefix) || b[:len(prefix)] != prefix {
			return "", 0, 0, false, false
		}
		to, ok2 := parseNumber(b[len(prefix):])
		if !ok2 || to < from || to-from >= RowsPerLotMax || from > seatNumberMax {
			return "", 0, 0, false, false
		}
		return prefix, int(from), int(to-from) + 1, false, true
	}
	if len(a) == 0 || len(a) != len(b) || a[:len(a)-1] != b[:len(a)-1] {
		return "", 0, 0, false, false
	}
	from, to := a[len(a)-1], b[len(a)-1]
	if to < from || !isUpper(from) && !isLower(from) || isUpper(from) != isUpper(to) || isLower(from) != isLower(to) {
		return "", 0, 0, false, false
	}
	return a[:len(a)-1], int(from), int(to-from) + 1, true, true
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// eachRow calls use with the name of every row of a block, in order, until it returns false.
func eachRow(r *RowSpec, use func(row string) bool) bool {
	prefix, first, rows, letters, ok := rowsOf(r)
	if !ok {
		return false
	}
	for i := range rows {
		name := r.Row
		switch {
		case rows == 1:
		case letters:
			name = prefix + string(rune(first+i))
		default:
			name = prefix + strconv.Itoa(first+i)
		}
		if !use(name) {
			return false
		}
	}
	return true
}

// words is how many words of 64 bits a row of places takes.
func words(places int) int { return (places + 63) / 64 }

func hasBit(b []uint64, i int) bool { return i >= 0 && i>>6 < len(b) && b[i>>6]>>(i&63)&1 != 0 }

func setBit(b []uint64, i int) { b[i>>6] |= 1 << (i & 63) }
