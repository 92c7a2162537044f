package engine

import (
	"math/bits"
	"slices"
)

// Which seats are best. A seat's rank is its row's, and within the row how far it is from the best seat: twice the distance in places. Of sets of
// seats side by side the best one leaves the fewest orphans, single seats whose neighbours are then all taken; of these it has the lowest sum of
// ranks; then it is the one in the row that was given first, and the one further to the left.
//
// Rows are looked at in the order of rank, by the lengths of their runs, which fit in one word. A set that leaves no orphan is in a run that is
// just as long or at least two longer, and the first row with such a run has it. So a search costs a comparison a row, and some tens of nanoseconds
// for the row that is found, or for each of those that have its rank.

// rankShift leaves room for the distance from the best seat of a row, which is below twice the places of a row.
const rankShift = 16

// seatSet is some seats side by side.
type seatSet struct {
	row     uint32
	place   int32
	seats   int32
	orphans int32
	rank    int64 // the sum of their ranks
}

// before reports whether a set is better than another one.
func (a *seatSet) before(b *seatSet) bool {
	switch {
	case a.orphans != b.orphans && !plantedBug(plantedLeaveOrphans):
		return a.orphans < b.orphans
	case a.rank != b.rank:
		return a.rank < b.rank
	case a.row != b.row:
		return a.row < b.row
	}
	return a.place < b.place
}

// seatParty is what a party of one item wants of a lot.
type seatParty struct {
	seats      int // all of them
	accessible int
	companion  int
	view       seatView
	split      bool
}

// view returns the view of a party that also takes seats with a restricted view, or not.
func (s *seating) view(restricted bool) seatView {
	if restricted {
		return s.views
	}
	return plainView
}

// best finds the best seats for a party, side by side in one row.
func (s *seating) best(p *seatParty) (seatSet, bool) {
	if p.accessible > 0 {
		return s.bestWith(p)
	}
	s.refresh()
	exact, more := lengthBit(p.seats), ^uint64(0)<<min(p.seats+2, 63)
	if set, ok := s.bestRun(p, exact|more, 0); ok {
		return set, true
	}
	return s.bestRun(p, lengthBit(p.seats+1), 1)
}

// bestRun finds the best seats that leave so many orphans. Which rows to look at is told by the lengths of their runs.
func (s *seating) bestRun(p *seatParty, lengths uint64, orphans int32) (best seatSet, found bool) {
	for i, have := range s.runs[p.view] {
		if have&lengths == 0 {
			continue
		}
		r := &s.ranked[i]
		if found && int64(r.rank)<<rankShift*int64(p.seats) > best.rank {
			break
		}
		row := &s.rows[r.row]
		for run := s.run(row, p.view, 0); run.lo < run.hi; run = s.run(row, p.view, run.hi) {
			if set, ok := fitRun(row.shape, run, p.seats); ok && set.orphans == orphans {
				set.row = r.row
				set.rank += int64(r.rank) << rankShift * int64(p.seats)
				if !found || set.before(&best) {
					best, found = set, true
				}
			}
		}
	}
	return best, found
}

// fitRun finds the best place for so many seats in a run. The rank is without the row's.
func fitRun(shape *rowShape, run seatRun, seats int) (best seatSet, found bool) {
	length := run.hi - run.lo
	if length < seats {
		return seatSet{}, false
	}
	// The middle of the set above the best seat, as far as the run goes; and if that leaves an orphan, one or two places beside it.
	ideal := min(max((shape.best-seats+1)>>1, run.lo), run.hi-seats)
	for place := max(ideal-2, run.lo); place <= min(ideal+2, run.hi-seats); place++ {
		set := seatSet{place: int32(place), seats: int32(seats), rank: distance(2*place-shape.best, seats)}
		if place-run.lo == 1 {
			set.orphans++
		}
		if run.hi-place-seats == 1 {
			set.orphans++
		}
		if !found || set.before(&best) {
			best, found = set, true
		}
	}
	return best, found
}

// distance sums up how far seats side by side are from the best one, in half places: |d| + |d+2| + |d+4| + ...
func distance(d, seats int) int64 {
	left := min(max((1-d)>>1, 0), seats) // those before the best seat
	right := seats - left
	from := d + 2*left
	return int64(-(left*d + left*(left-1)) + right*from + right*(right-1))
}

// longest returns the length of the longest run of a view, but no more than most.
func (s *seating) longest(v seatView, most int) int {
	s.refresh()
	all := uint64(0)
	for _, have := range s.runs[v] {
		all |= have
	}
	n := bits.Len64(all) - 1
	if n < 63 || most <= 63 {
		return max(0, min(n, most))
	}
	for i, have := range s.runs[v] {
		if have>>63 == 0 {
			continue
		}
		row := &s.rows[s.ranked[i].row]
		for run := s.run(row, v, 0); run.lo < run.hi; run = s.run(row, v, run.hi) {
			n = max(n, run.hi-run.lo)
		}
	}
	return min(n, most)
}

// bestWith finds the best seats for a party with accessible ones. It looks at every set that has one of the few accessible seats that are free.
func (s *seating) bestWith(p *seatParty) (best seatSet, found bool) {
	for _, i := range s.accessible {
		r := &s.ranked[i]
		base := int64(r.rank) << rankShift * int64(p.seats)
		if found && best.orphans == 0 && base > best.rank {
			break
		}
		row := &s.rows[r.row]
		next := 0 // the first place where no set was tried yet
		for j, w := range s.freeOf(row) {
			for w &= row.shape.kinds[seatAccessible][j]; w != 0; w &= w - 1 {
				seat := j<<6 + bits.TrailingZeros64(w)
				for next = max(next, seat-p.seats+1); next <= seat; next++ {
					set, ok := s.fitWith(row, p, next)
					set.row, set.rank = r.row, base+distance(2*next-row.shape.best, p.seats)
					if ok && (!found || set.before(&best)) {
						best, found = set, true
					}
				}
			}
		}
	}
	return best, found
}

// fitWith looks whether a party with accessible seats can sit in the places from one on.
func (s *seating) fitWith(row *seatingRow, p *seatParty, place int) (seatSet, bool) {
	n := p.seats
	if window(s.freeOf(row), place, n) != 1<<n-1 {
		return seatSet{}, false
	}
	kinds := &row.shape.kinds
	accessible, companion := window(kinds[seatAccessible], place, n), window(kinds[seatCompanion], place, n)
	switch {
	case bits.OnesCount64(accessible) != p.accessible || bits.OnesCount64(companion) != p.companion:
		return seatSet{}, false
	case p.view == plainView && window(kinds[seatRestricted], place, n) != 0:
		return seatSet{}, false
	}
	// Companions are beside an accessible seat of their own party.
	reach := accessible
	for grown := reach | (reach<<1|reach>>1)&companion; grown != reach; grown = reach | (reach<<1|reach>>1)&companion {
		reach = grown
	}
	if companion&^reach != 0 {
		return seatSet{}, false
	}
	set := seatSet{place: int32(place), seats: int32(n)}
	if s.everybodys(row, p.view, place-1) && !s.everybodys(row, p.view, place-2) {
		set.orphans++
	}
	if s.everybodys(row, p.view, place+n) && !s.everybodys(row, p.view, place+n+1) {
		set.orphans++
	}
	return set, true
}

// everybodys reports whether a place has a free seat of a view.
func (s *seating) everybodys(row *seatingRow, v seatView, place int) bool {
	return place >= 0 && place < row.shape.places && s.word(row, v, place>>6)>>(place&63)&1 != 0
}

// window returns up to 63 bits of a row; there are none beyond its ends.
func window(b []uint64, from, n int) uint64 {
	if from < 0 {
		return window(b, 0, n+from) << -from
	}
	i, at := from>>6, from&63
	if i >= len(b) {
		return 0
	}
	w := b[i] >> at
	if i+1 < len(b) {
		w |= b[i+1] << (64 - at)
	}
	return w & (1<<n - 1)
}

// splitRun is a set and the run that it is in.
type splitRun struct {
	seatSet
	run int // by number
}

// splitter finds the best way to seat a party in several groups: as few as possible, then the fewest orphans, then the lowest sum of ranks. Groups of
// the fewest are never in the same run, as they could sit together there. Of each size the best four sets are enough: a fifth is wanted only
// where four groups are in the way, and at most three are.
type splitter struct {
	top   [splitExactMax][splitGroupsMax]splitRun // by size - 1
	count [splitExactMax]int
	sets  []splitRun
	best  [splitGroupsMax + 1][splitExactMax + 1]splitState // by groups and seats
}

// splitState is the best way to seat so many in so many groups.
type splitState struct {
	found   bool
	orphans int32
	rank    int64
	groups  [splitGroupsMax]seatSet
}

// split finds seats for a party in several groups, and appends them to sets. There are enough seats for it.
func (s *seating) split(w *splitter, p *seatParty, sets []seatSet) []seatSet {
	if p.seats <= splitExactMax && s.splitExactly(w, p) {
		for groups := 1; groups <= splitGroupsMax; groups++ {
			if state := &w.best[groups][p.seats]; state.found {
				return append(sets, state.groups[:groups]...)
			}
		}
	}
	// The largest groups first: again as few groups as possible.
	from := len(sets)
	for left := p.seats; left > 0; {
		group := *p
		group.seats = s.longest(p.view, left)
		set, ok := s.best(&group)
		if !ok {
			break
		}
		s.markSet(&set, false)
		sets = append(sets, set)
		left -= group.seats
	}
	for i := range sets[from:] {
		s.markSet(&sets[from+i], true)
	}
	return sets
}

// splitExactly fills the states of w. It returns false if none has all seats of the party.
func (s *seating) splitExactly(w *splitter, p *seatParty) bool {
	s.gatherSets(w, p)
	w.sets = w.sets[:0]
	for size := range p.seats {
		w.sets = append(w.sets, w.top[size][:w.count[size]]...)
	}
	slices.SortFunc(w.sets, func(a, b splitRun) int {
		if a.run != b.run {
			return a.run - b.run
		}
		return int(a.seats - b.seats)
	})
	for groups := range w.best {
		for seats := range p.seats + 1 {
			w.best[groups][seats].found = false
		}
	}
	w.best[0][0] = splitState{found: true}
	for from := 0; from < len(w.sets); {
		to := from + 1
		for to < len(w.sets) && w.sets[to].run == w.sets[from].run {
			to++
		}
		w.add(w.sets[from:to], p.seats)
		from = to
	}
	for groups := range w.best {
		if w.best[groups][p.seats].found {
			return true
		}
	}
	return false
}

// add takes one more run into account: one of its sets, or none.
func (w *splitter) add(sets []splitRun, most int) {
	for groups := splitGroupsMax; groups > 0; groups-- {
		for seats := most; seats > 0; seats-- {
			for i := range sets {
				set := &sets[i].seatSet
				if int(set.seats) > seats {
					break
				}
				before, now := &w.best[groups-1][seats-int(set.seats)], &w.best[groups][seats]
				if !before.found {
					continue
				}
				orphans, rank := before.orphans+set.orphans, before.rank+set.rank
				if now.found && (orphans > now.orphans || orphans == now.orphans && rank >= now.rank) {
					continue
				}
				now.found, now.orphans, now.rank, now.groups = true, orphans, rank, before.groups
				now.groups[groups-1] = *set
			}
		}
	}
}

// gatherSets finds the best sets of each size up to the party's. A size is open as long as a set in a row of the present rank could be among them.
func (s *seating) gatherSets(w *splitter, p *seatParty) {
	longest := s.longest(p.view, p.seats)
	w.count = [splitExactMax]int{}
	open := uint64(2)<<longest - 2 // a bit a size
	runs, rank := 0, int64(0)
	for i, have := range s.runs[p.view] {
		r := &s.ranked[i]
		if next := int64(r.rank) << rankShift; next != rank {
			rank = next
			if open = w.open(open, rank); open == 0 {
				return
			}
		}
		if have>>bits.TrailingZeros64(open) == 0 {
			continue
		}
		row := &s.rows[r.row]
		for run := s.run(row, p.view, 0); run.lo < run.hi; run = s.run(row, p.view, run.hi) {
			for sizes := open & (2<<min(run.hi-run.lo, splitExactMax) - 1); sizes != 0; sizes &= sizes - 1 {
				size := bits.TrailingZeros64(sizes)
				set, _ := fitRun(row.shape, run, size)
				set.row = r.row
				set.rank += rank * int64(size)
				w.offer(splitRun{set, runs})
			}
			runs++
		}
	}
}

// open returns those of the open sizes of which sets in rows of a rank can still be among the best.
func (w *splitter) open(sizes uint64, rank int64) uint64 {
	for left := sizes; left != 0; left &= left - 1 {
		size := bits.TrailingZeros64(left)
		if last := &w.top[size-1][splitGroupsMax-1]; w.count[size-1] == splitGroupsMax && last.orphans == 0 && last.rank < rank*int64(size) {
			sizes &^= 1 << size
		}
	}
	return sizes
}

// offer keeps a set if it is among the best of its size.
func (w *splitter) offer(set splitRun) {
	top, n := &w.top[set.seats-1], &w.count[set.seats-1]
	if *n == splitGroupsMax && !set.before(&top[*n-1].seatSet) {
		return
	}
	i := min(*n, splitGroupsMax-1)
	for ; i > 0 && set.before(&top[i-1].seatSet); i-- {
		top[i] = top[i-1]
	}
	top[i] = set
	*n = min(*n+1, splitGroupsMax)
}

// markSet is mark for the seats of a set.
func (s *seating) markSet(set *seatSet, free bool) {
	row := &s.rows[set.row]
	for place := int(set.place); place < int(set.place+set.seats); place++ {
		s.mark(row.first+uint32(row.shape.seatAt(place)), free)
	}
}

// appendSet appends the numbers of the seats of a set.
func (s *seating) appendSet(dst []uint32, set *seatSet) []uint32 {
	row := &s.rows[set.row]
	for place := int(set.place); place < int(set.place+set.seats); place++ {
		dst = append(dst, row.first+uint32(row.shape.seatAt(place)))
	}
	return dst
}
