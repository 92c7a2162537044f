package line

import (
	"math"
	"math/bits"
)

// one is 1 as a share. Shares are in 2^-32.
const one = 1 << 32

// What is assumed before anything was seen, each with the weight of a few passes or holds.
const (
	priorWeight     = 16     // passes at each age
	priorPicks      = 8      // first holds
	priorUnits      = 16     // of them: two each
	priorSold       = 28     // units of holds that became orders
	priorLapsed     = 4      // and that came back: one of eight
	priorSoldMs     = 20_000 // after so long each
	priorLapsedMs   = 60_000
	priorLatePick   = 1 // of four quiet passes, one takes something
	priorLateStop   = 3
	lateTicks       = 40 // x 15 s: a quiet pass does not last longer on average, even if none was seen to end yet
	backlogMin      = 2  // minutes: purchases that wait longer for the lane slow the admission down
	unitsPerPickMin = 1
)

// priorPicked is, of priorWeight passes that are browsing at an age, those that take something within 15 seconds: three of four do so at last, half of them within 45 seconds.
func priorPicked(age int) uint64 { return uint64("\x02\x03\x03\x03\x02\x02\x02\x01\x01\x01"[age]) }

// A Forecast is what a pass comes to, from a [Shopping] and what it assumes. Shares are in 2^-32.
type Forecast struct {
	Pick    [freshLen + 1]uint64 // by age / 15 s: the share of browsing passes that take something at last; the last is of quiet ones
	FreshMs uint64               // how long a pass is browsing and fresh, on average
	Units   uint64               // of a first hold, x 2^32
	Keep    uint64               // the share of units taken that become orders
	Back    uint64               // the share of units held now that come back: those that are held longest are seen most
}

// Forecast is the forecast of what was seen so far.
func (s *Shopping) Forecast() Forecast {
	var f Forecast
	late := s.Late.Picked + priorLatePick
	f.Pick[freshLen] = share(late, late+max(s.Late.Stopped+priorLateStop, s.Late.Passes/lateTicks))
	for age := freshLen - 1; age >= 0; age-- {
		a := s.Ages[age]
		passes := a.Passes + priorWeight
		picked := share(min(a.Picked+priorPicked(age), passes), passes)
		gone := picked + min(share(min(a.Stopped, passes), passes), one-picked)
		f.Pick[age] = picked + times(one-gone, f.Pick[age+1])
		f.FreshMs = times(2*one-gone, cohortMs)/2 + times(one-gone, f.FreshMs)
	}
	f.Units = max(mulDiv(s.Units+priorUnits, one, s.Picks+priorPicks), unitsPerPickMin*one)
	sold, lapsed := s.Sold.Units+priorSold, s.Lapsed.Units+priorLapsed
	f.Keep = share(sold, sold+lapsed)
	soldMs, lapsedMs := s.Sold.UnitMs+priorSold*priorSoldMs, s.Lapsed.UnitMs+priorLapsed*priorLapsedMs
	f.Back = share(lapsedMs, soldMs+lapsedMs)
	return f
}

// An Admission is what [Shoppers] decides about, beside a [Shopping]: the event at one moment.
type Admission struct {
	Free       uint64 // units that can be had now, over the open lots, no more than their pools have room for
	Held       uint64 // units in holds, paying ones too
	Holding    uint32 // passes whose buyer has a hold
	LanePerMin uint32 // purchases a minute that the payment lane can do; 0: no lane, or not known
	Max        uint32 // passes that may be browsing or holding; 0: no such bound
}

// A Room is what [Shoppers] found, each number up to its type's largest.
type Room struct {
	Supply   uint64 // units that passes may count on: free, and what is expected to come back
	Promised uint64 // of them, units that those who are browsing are expected to take
	ByStock  uint32 // passes that the rest of the supply is for
	ByLane   uint32 // passes that may be fresh for the lane's rate; 2^32-1 without one
	Grant    uint32 // passes that may be granted now
}

// Shoppers says how many more passes may be granted, so that who gets one finds something, and neither stock nor lane is idle while somebody waits:
//
//	supply   = free + ⌊held x back⌋
//	promised = ⌊Σ browsing of an age x pick at that age x units⌋
//	by stock = ⌈(supply - promised) / (pick x units)⌉
//	by lane  = ⌈lane per minute x fresh minutes / (pick x keep)⌉
//	grant    = min(by stock, by lane - fresh - backlog, max - all), and 0 while nothing is free
//
// where pick, units, keep, back and fresh minutes are those of the [Forecast], and backlog is the holding passes beyond what the lane does in two minutes. By lane is Little's
// law: passes come in at the lane's rate, divided by the share of them that go on to pay, and are there for as long as they are fresh. Quiet passes take no room of the lane's, so that
// buyers who vanish do not block it. Integers only, rounded as drawn: the same input gives the same answer on every machine, and none overflows.
//
// Source: J. D. C. Little, A Proof for the Queuing Formula L = λW, Operations Research 9 (1961). docs/line.md says why each part is there.
func Shoppers(s *Shopping, in Admission) Room {
	f := s.Forecast()
	fresh, quiet := s.Count()
	room := Room{Supply: add(in.Free, times(f.Back, in.Held)), ByLane: math.MaxUint32}
	picks := mulDiv(f.Pick[freshLen], uint64(quiet), 1)
	for age := range int64(freshLen) {
		if age <= s.Now {
			picks = add(picks, f.Pick[age]*uint64(s.Fresh[(s.Now-age)%freshLen].Browsing))
		}
	}
	room.Promised = mulDiv(picks>>16, f.Units>>16, one)
	rest := room.Supply - min(room.Supply, room.Promised)
	room.ByStock = clamp(mulDivUp(rest, one, max(times(f.Pick[0], f.Units), 1)))
	backlog := uint64(0)
	if in.LanePerMin > 0 {
		perOrder := max(times(f.Pick[0], f.Keep), 1)
		room.ByLane = clamp(mulDivUp(uint64(in.LanePerMin)*f.FreshMs, one, 60_000*perOrder))
		backlog = uint64(in.Holding) - min(uint64(in.Holding), backlogMin*uint64(in.LanePerMin))
	}
	if in.Free == 0 {
		return room
	}
	grant := min(uint64(room.ByStock), less(uint64(room.ByLane), uint64(fresh)+backlog))
	if in.Max > 0 {
		grant = min(grant, less(uint64(in.Max), uint64(fresh)+uint64(quiet)+uint64(in.Holding)))
	}
	room.Grant = clamp(grant)
	return room
}

// share is part / whole. part is at most whole, and whole is not 0.
func share(part, whole uint64) uint64 { return mulDiv(part, one, whole) }

// times is share x n, rounded down, or 2^64-1 if that is too much.
func times(share, n uint64) uint64 { return mulDiv(share, n, one) }

// mulDiv is a x b / c, rounded down, or 2^64-1 if that is too much. c is not 0.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return math.MaxUint64
	}
	q, _ := bits.Div64(hi, lo, c)
	return q
}

// mulDivUp is a x b / c, rounded up, or 2^64-1 if that is too much. c is not 0.
func mulDivUp(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi >= c {
		return math.MaxUint64
	}
	q, rest := bits.Div64(hi, lo, c)
	if rest > 0 {
		q = add(q, 1)
	}
	return q
}

// add is a + b, or 2^64-1 if that is too much.
func add(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry > 0 {
		return math.MaxUint64
	}
	return sum
}

// less is a - b, or 0.
func less(a, b uint64) uint64 { return a - min(a, b) }

// clamp is n, or 2^32-1 if that is less.
func clamp(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }
