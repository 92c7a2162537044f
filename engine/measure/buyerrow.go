package measure

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/holdfast-engine/holdfast/engine"
)

// buyerRow is what is known of one buyer at one event: 72 bytes, without a pointer. Times are milliseconds; those behind base are from there, and longer ones than
// 24 days count as 24 days.
type buyerRow struct {
	base     int64            // Unix: the first view; before there is one, the first entry
	left     int64            // minor units: orders less what went back
	steps    [funnelEnd]int32 // when each step of the funnel was first reached, those with a flag
	lastPick int32            // when tickets were last selected
	joined   int32            // when the buyer joined the shop's line
	waitedMs uint32           // what the buyer waited there since tickets were last selected
	cell     uint32           // of its event, in its way
	hold     minuteKey        // of the first hold
	offer    minuteKey        // of the first offer of one-click
	tried    minuteKey        // of the first one-click attempt
	flags    rowFlags
	hour     uint8   // of the first view
	free     uint8   // orders without a price that were kept
	orders   uint8   // by one-click since the last attempt, that no click has been told of yet
	tries    uint8   // one-click attempts, up to 255
	clean    uint8   // of them, orders without another action
	request  [3]byte // of the last attempt, see requestOf
}

// The steps of the funnel behind the view.
const (
	stepSelected = iota
	stepHeld
	stepAttempted
	stepOrdered
	funnelEnd
)

// rowFlags are facts about a row.
type rowFlags uint32

const (
	rowStep       rowFlags = 1 << iota // << step: it was reached, in order or not
	_                                  //
	_                                  //
	_                                  //
	rowViewed                          // there is a view
	rowObtainable                      // tickets could be bought then
	rowSells                           // its event sells here
	rowAsked                           // the engine was asked about one-click
	rowEligible                        // the buyer could have it
	rowOffered                         // it was offered
	rowOfferTried                      // and tried behind that
	rowFailed                          // the last attempt in time failed by ours, payment or stock
	rowPicked                          // lastPick
	rowCompleted                       // an order followed a selection of tickets
	rowJoined                          // joined
	rowTried                           // tried
	rowUntold                          // nothing was told yet of what the buyer saw of the last attempt
	rowByOneClick                      // which was by one-click
)

func (r *buyerRow) has(f rowFlags) bool { return r.flags&f != 0 }

// did says whether a step was reached, in order or not.
func (r *buyerRow) did(step int) bool { return r.flags&(rowStep<<step) != 0 }

// stepAt is when a step was first reached.
func (r *buyerRow) stepAt(step int) int64 { return r.base + int64(r.steps[step]) }

// since is a moment as the row keeps it.
func (r *buyerRow) since(ms int64) int32 {
	return int32(max(math.MinInt32, min(math.MaxInt32, ms-r.base)))
}

// net says whether an order was kept, at least in part: what went back of an order is never more than the order.
func (r *buyerRow) net() bool { return r.left > 0 || r.free > 0 }

// reach notes a step. It is true if it is the first of its kind now.
func (r *buyerRow) reach(step int, ms int64) bool {
	at := r.since(ms)
	if r.did(step) && at >= r.steps[step] {
		return false
	}
	r.flags |= rowStep << step
	r.steps[step] = at
	return true
}

// funnel has a bit each step that counts, and a bit each of them that was reported and is not taken for granted. A step counts if the first of its kind is not
// before the view, nor before the steps ahead of it. Three are taken for granted if there is no report in order: who holds tickets has selected them; who has an
// order has attempted it; and at a shop that sells elsewhere, who attempts to buy has held.
func (r *buyerRow) funnel() (reached, told uint32) {
	if !r.has(rowViewed) {
		return 0, 0
	}
	own := uint32(r.flags/rowStep) & (1<<funnelEnd - 1)
	for step := stepAttempted; step >= stepSelected; step-- { // what may be taken for granted, and was not reported in order
		next := bits.TrailingZeros32(own >> (step + 1) << (step + 1))
		if step == stepHeld && r.has(rowSells) || own&(1<<step) == 0 {
			continue
		}
		if r.steps[step] < 0 || next < funnelEnd && r.steps[step] > r.steps[next] {
			own &^= 1 << step
		}
	}
	at := int32(0)
	for step := range funnelEnd {
		next := bits.TrailingZeros32(own >> step << step)
		if next >= funnelEnd || step <= stepHeld && next > stepHeld && r.has(rowSells) || r.steps[next] < at {
			break
		}
		reached |= 1 << step
		if next == step {
			told |= 1 << step
			at = r.steps[step]
		}
	}
	return reached, told
}

// view notes a view. It is true if it is the first one now.
func (r *buyerRow) view(ms int64) bool {
	if r.has(rowViewed) && ms >= r.base {
		return false
	}
	r.rebase(ms)
	r.flags |= rowViewed
	return true
}

func (r *buyerRow) rebase(ms int64) {
	by := r.base - ms
	r.base = ms
	move := func(at *int32) { *at = int32(max(math.MinInt32, min(math.MaxInt32, int64(*at)+by))) }
	for s := range funnelEnd {
		if r.did(s) {
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

// cohort are the columns of the first track that the row counts in, with its funnel.
func (r *buyerRow) cohort(reached, told uint32) uint32 {
	if !r.has(rowViewed) {
		return 0
	}
	n := 1<<cohortViewed | reached<<funnelSelected | (told&(1<<stepOrdered-1))<<toldSelected
	set := func(c cellColumn, on bool) {
		if on {
			n |= 1 << c
		}
	}
	set(cohortObtainable, r.has(rowObtainable))
	set(cohortOrdered, r.did(stepOrdered))
	set(cohortOrderedObtainable, r.did(stepOrdered) && r.has(rowObtainable))
	set(cohortNet, r.net())
	set(cohortCompleted, r.has(rowCompleted) && told&(1<<stepSelected) != 0)
	set(cohortEligible, r.has(rowEligible))
	set(cohortAsked, r.has(rowAsked))
	set(cohortSells, r.has(rowSells))
	return n
}

// heldColumns are those of the first hold, from heldFirst on: an order is in time up to matureMs behind it.
func (r *buyerRow) heldColumns(matureMs int64) uint32 {
	switch {
	case !r.did(stepHeld):
		return 0
	case r.did(stepOrdered) && r.stepAt(stepOrdered) <= r.stepAt(stepHeld)+matureMs:
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

// stepsMs are the times from each step that was reported to the one before that was, or to the view; -1 where there is none.
func (r *buyerRow) stepsMs(told uint32) (ms [funnelEnd]int64) {
	before := int32(0)
	for step := range ms {
		ms[step] = -1
		if told&(1<<step) != 0 {
			ms[step] = int64(r.steps[step]) - int64(before)
			before = r.steps[step]
		}
	}
	return ms
}

// unite takes what a session's row knows into that of its buyer: the earlier view wins, and the first of each step; what both count is added.
func (r *buyerRow) unite(s *buyerRow) {
	pick, picked := max(r.pickMs(), s.pickMs()), r.has(rowPicked) || s.has(rowPicked)
	if s.pickMs() > r.pickMs() {
		r.waitedMs = s.waitedMs
	}
	if s.has(rowOffered) && (!r.has(rowOffered) || s.offer < r.offer) {
		r.offer = s.offer
	}
	if s.has(rowTried) && (!r.has(rowTried) || s.tried < r.tried) {
		r.tried = s.tried
	}
	if s.has(rowViewed) {
		if r.view(s.base) {
			r.hour = s.hour
			r.flags = r.flags&^rowObtainable | s.flags&rowObtainable
		}
	}
	for step := range funnelEnd {
		if s.did(step) && r.reach(step, s.stepAt(step)) && step == stepHeld {
			r.hold = s.hold
		}
	}
	r.flags |= s.flags &^ (rowObtainable | rowJoined)
	if picked {
		r.lastPick = r.since(pick)
	}
	r.left += s.left
	r.free, r.orders = plus(r.free, s.free), plus(r.orders, s.orders)
	r.tries, r.clean = plus(r.tries, s.tries), plus(r.clean, s.clean)
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
	for _, n := range [...]int64{r.base, r.left, int64(r.lastPick), int64(r.joined)} {
		dst = binary.AppendVarint(dst, n)
	}
	for _, at := range r.steps {
		dst = binary.AppendVarint(dst, int64(at))
	}
	for _, n := range [...]uint32{r.waitedMs, r.cell, uint32(r.hold), uint32(r.offer), uint32(r.tried), uint32(r.flags)} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return append(dst, r.hour, r.free, r.orders, r.tries, r.clean, r.request[0], r.request[1], r.request[2])
}

func (r *buyerRow) read(in *reader, c *cells) {
	r.base, r.left, r.lastPick, r.joined = in.int(), in.int(), int32(in.int()), int32(in.int())
	for s := range r.steps {
		r.steps[s] = int32(in.int())
	}
	r.waitedMs, r.cell = uint32(in.uint()), c.read(in)
	r.hold, r.offer, r.tried, r.flags = minuteKey(in.uint()), minuteKey(in.uint()), minuteKey(in.uint()), rowFlags(in.uint())
	r.hour, r.free, r.orders, r.tries, r.clean = in.byte(), in.byte(), in.byte(), in.byte(), in.byte()
	r.request = [3]byte{in.byte(), in.byte(), in.byte()}
}

// msOf is a moment in milliseconds since the Unix epoch.
func msOf(at engine.Instant) int64 { return int64(at) / 1e6 }
