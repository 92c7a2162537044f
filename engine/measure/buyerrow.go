package measure

import (
	"encoding/binary"
	"math"

	"github.com/holdfast-engine/holdfast/engine"
)

// buyerRow is what is known of one buyer at one event: 80 bytes, without a pointer. Times are milliseconds; those of steps are since base, and longer ones than 24 days
// count as 24 days.
type buyerRow struct {
	base      int64           // Unix: the first view; before there is one, the first entry
	left      int64           // minor units: orders less what went back
	firstHold int64           // Unix
	steps     [funnelEnd]int32 // when the steps of the funnel were reached, those with a flag
	lastPick  int32           // when tickets were last selected
	joined    int32           // when the buyer joined the shop's line
	waitedMs  uint32          // what the buyer waited there since tickets were last selected
	cell      uint32          // of its event, in its way
	hold      minuteKey       // of the first hold
	offer     minuteKey       // of the first offer of one-click
	tried     minuteKey       // of the first one-click attempt
	flags     rowFlags
	hour      uint8 // of the first view
	free      uint8 // orders without a price that were kept
	orders    uint8 // by one-click, that no click has been told of yet
	tries     uint8 // one-click attempts, up to 255
	clean     uint8 // of them, orders without another action
}

// The steps of the funnel behind the view.
const (
	stepSelected = iota
	stepHeld
	stepAttempted
	stepOrdered
	funnelEnd
)

// rowFlags are facts about a row. The first are the steps that were reached in order, then those that were reported and not taken for granted.
type rowFlags uint32

const (
	rowReached  rowFlags = 1 << iota // << step
	_                                //
	_                                //
	_                                //
	rowTold                          // << step
	_                                //
	_                                //
	_                                //
	rowViewed                        // there is a view
	rowObtainable                    // tickets could be bought then
	rowOrdered                       // there is an order
	rowSells                         // its event sells here
	rowAsked                         // the engine was asked about one-click
	rowEligible                      // the buyer could have it
	rowOffered                       // it was offered
	rowOfferTried                    // and tried behind that
	rowHeld                          // there is a hold: firstHold
	rowHeldInTime                    // with an order in time
	rowFailed                        // the last attempt in time failed by ours, payment or stock
	rowPicked                        // lastPick
	rowCompleted                     // selected tickets and ordered behind it
	rowJoined                        // joined
	rowTried                         // tried
)

func (r *buyerRow) has(f rowFlags) bool { return r.flags&f != 0 }

func (r *buyerRow) reached(step int) bool { return r.flags&(rowReached<<step) != 0 }
func (r *buyerRow) told(step int) bool    { return r.flags&(rowTold<<step) != 0 }

// since is a moment as the row keeps it.
func (r *buyerRow) since(ms int64) int32 {
	return int32(max(math.MinInt32, min(math.MaxInt32, ms-r.base)))
}

// net says whether an order was kept, at least in part: what went back of an order is never more than the order.
func (r *buyerRow) net() bool { return r.left > 0 || r.free > 0 }

// reach notes a step of the funnel. The steps are ordered: one counts only if those before it were reached, and not later. Three are taken for granted: who holds
// tickets has selected them; who has an order has attempted it; and at a shop that sells elsewhere, who attempts to buy has held. What was taken for granted has
// no time, and a later report of a selection that was made before the hold gives it one.
func (r *buyerRow) reach(step int, ms int64) {
	at := r.since(ms)
	if r.reached(step) {
		if step == stepSelected && !r.told(step) && at <= r.steps[stepHeld] && (at >= 0 || !r.has(rowViewed)) {
			r.flags |= rowTold
			r.steps[stepSelected] = at
		}
		return
	}
	before := step - 1
	for before >= 0 && !r.reached(before) {
		if before == stepHeld && r.has(rowSells) {
			return
		}
		before--
	}
	if before >= 0 && at < r.steps[before] || before < 0 && r.has(rowViewed) && at < 0 {
		return
	}
	for s := before + 1; s <= step; s++ {
		r.flags |= rowReached << s
		r.steps[s] = at
	}
	r.flags |= rowTold << step
}

// view notes a view. It is true if it is the first one now.
func (r *buyerRow) view(ms int64) bool {
	if r.has(rowViewed) && ms >= r.base {
		return false
	}
	r.rebase(ms)
	r.flags |= rowViewed
	for s := range funnelEnd {
		if r.reached(s) && r.steps[s] < 0 { // it was before the view: it and those behind it are not in order
			r.flags &^= (rowReached<<funnelEnd - rowReached<<s) | (rowTold<<funnelEnd - rowTold<<s)
			break
		}
	}
	return true
}

func (r *buyerRow) rebase(ms int64) {
	by := r.base - ms
	r.base = ms
	move := func(at *int32) { *at = int32(max(math.MinInt32, min(math.MaxInt32, int64(*at)+by))) }
	for s := range funnelEnd {
		if r.reached(s) {
			move(&r.steps[s])
		}
	}
	if r.has(rowPicked) {
		move(&r.lastPick)
	}
	if r.has(rowJoined) {
		move(&r.joined)
	}
}

// cohort are the columns of the first track that the row counts in.
func (r *buyerRow) cohort() uint32 {
	if !r.has(rowViewed) {
		return 0
	}
	var n uint32 = 1 << cohortViewed
	set := func(c cellColumn, on bool) {
		if on {
			n |= 1 << c
		}
	}
	set(cohortObtainable, r.has(rowObtainable))
	set(cohortOrdered, r.has(rowOrdered))
	set(cohortOrderedObtainable, r.has(rowOrdered) && r.has(rowObtainable))
	set(cohortNet, r.net())
	n |= uint32(r.flags/rowReached&(1<<funnelEnd-1)) << funnelSelected
	n |= uint32(r.flags/rowTold&(1<<stepOrdered-1)) << toldSelected
	set(cohortCompleted, r.has(rowCompleted))
	set(cohortEligible, r.has(rowEligible))
	set(cohortAsked, r.has(rowAsked))
	set(cohortSells, r.has(rowSells))
	return n
}

// heldColumns are those of the first hold, from heldFirst on.
func (r *buyerRow) heldColumns() uint32 {
	switch {
	case !r.has(rowHeld):
		return 0
	case r.has(rowHeldInTime):
		return 1 | 1<<(heldInTime-heldFirst)
	case r.has(rowFailed):
		return 1 | 1<<(heldCouldNot-heldFirst)
	}
	return 1
}

// offerColumns are those of the first offer, from offered on.
func (r *buyerRow) offerColumns() uint32 {
	switch {
	case !r.has(rowOffered):
		return 0
	case r.has(rowOfferTried):
		return 1 | 1<<(offeredTried-offered)
	}
	return 1
}

// stepMs is how long it was from the step before that was reported; false if the step was taken for granted, or there is no view.
func (r *buyerRow) stepMs(step int) (ms int64, ok bool) {
	if !r.has(rowViewed) || !r.told(step) {
		return 0, false
	}
	for before := step - 1; before >= 0; before-- {
		if r.told(before) {
			return int64(r.steps[step]) - int64(r.steps[before]), true
		}
	}
	return int64(r.steps[step]), true
}

// unite takes what a session's row knows into that of its buyer: the earlier view wins, the steps of both are gone through in their order, what both count is
// added.
func (r *buyerRow) unite(s *buyerRow) {
	type mark struct {
		step int
		ms   int64
	}
	var marks [2 * funnelEnd]mark
	n := 0
	for _, from := range [...]*buyerRow{r, s} {
		for step := range funnelEnd {
			if from.told(step) {
				m := mark{step, from.base + int64(from.steps[step])}
				i := n
				for ; i > 0 && (marks[i-1].ms > m.ms || marks[i-1].ms == m.ms && marks[i-1].step > m.step); i-- {
					marks[i] = marks[i-1]
				}
				marks[i] = m
				n++
			}
		}
	}
	const steps = rowReached<<funnelEnd - rowReached | (rowTold<<funnelEnd - rowTold)
	base, hour, kept := r.base, r.hour, r.flags&rowObtainable
	if s.has(rowViewed) && (!r.has(rowViewed) || s.base < r.base) {
		base, hour, kept = s.base, s.hour, s.flags&rowObtainable
	} else if !r.has(rowViewed) {
		base = min(base, s.base)
	}
	pick, picked := max(r.pickMs(), s.pickMs()), r.has(rowPicked) || s.has(rowPicked)
	if s.pickMs() > r.pickMs() {
		r.waitedMs = s.waitedMs
	}
	if s.has(rowHeld) && (!r.has(rowHeld) || s.firstHold < r.firstHold) {
		r.firstHold, r.hold = s.firstHold, s.hold
	}
	if s.has(rowOffered) && (!r.has(rowOffered) || s.offer < r.offer) {
		r.offer = s.offer
	}
	if s.has(rowTried) && (!r.has(rowTried) || s.tried < r.tried) {
		r.tried = s.tried
	}
	r.rebase(base)
	r.flags = (r.flags|s.flags&^rowJoined)&^(steps|rowObtainable) | kept
	r.hour = hour
	if picked {
		r.lastPick = r.since(pick)
	}
	r.left += s.left
	r.free, r.orders = plus(r.free, s.free), plus(r.orders, s.orders)
	r.tries, r.clean = plus(r.tries, s.tries), plus(r.clean, s.clean)
	for _, m := range marks[:n] {
		r.reach(m.step, m.ms)
	}
}

// pickMs is when tickets were last selected.
func (r *buyerRow) pickMs() int64 {
	if !r.has(rowPicked) {
		return math.MinInt64
	}
	return r.base + int64(r.lastPick)
}

// plus adds small counts, up to 255.
func plus(a, b uint8) uint8 { return uint8(min(255, int(a)+int(b))) }

func (r *buyerRow) append(dst []byte) []byte {
	for _, n := range [...]int64{r.base, r.left, r.firstHold, int64(r.lastPick), int64(r.joined)} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, at := range r.steps {
		dst = binary.AppendVarint(dst, int64(at))
	}
	for _, n := range [...]uint32{r.waitedMs, r.cell, uint32(r.hold), uint32(r.offer), uint32(r.tried), uint32(r.flags)} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return append(dst, r.hour, r.free, r.orders, r.tries, r.clean)
}

func (r *buyerRow) read(in *reader, c *cells) {
	r.base, r.left, r.firstHold, r.lastPick, r.joined = in.int(), in.int(), in.int(), int32(in.int()), int32(in.int())
	for s := range r.steps {
		r.steps[s] = int32(in.int())
	}
	r.waitedMs, r.cell = uint32(in.uint()), c.read(in)
	r.hold, r.offer, r.tried, r.flags = minuteKey(in.uint()), minuteKey(in.uint()), minuteKey(in.uint()), rowFlags(in.uint())
	r.hour, r.free, r.orders, r.tries, r.clean = in.byte(), in.byte(), in.byte(), in.byte(), in.byte()
}

// msOf is a moment in milliseconds since the Unix epoch.
func msOf(at engine.Instant) int64 { return int64(at) / 1e6 }
