package line

import (
	"math"
	"math/bits"
)

// one is 1 as a share. Shares are in 2^-32.
const one = 1 << 32

// What is assumed before anything was seen.
const (
	priorPicks = 8  // first holds weigh as many,
	priorUnits = 16 // two units each
	oldTicks   = 40 // x 15 s: how long a quiet pass lasts
	backlogMin = 1  // minutes: purchases that wait longer for the lane slow the admission down
)

// assumedOfPasses: two of three take something at last, and three of five if they have not within a minute; a quiet pass lasts ten minutes.
// Whoever has looked around for as long as a pass lives takes nothing any more.
func assumedOfPasses(passMs uint64) assumption {
	a := assumption{weight: 16, first: [3]uint64{one / 8, one / 16 * 3, one / 16 * 3}, oldIll: one / oldTicks, atLast: one / 10 * 6}
	if ages := passMs/cohortMs + 2; passMs != 0 && ages < freshLen { // it may begin at the end of its cohort
		a.ages = int(ages)
	}
	return a
}

// assumedOfHolds: one unit of eight comes back.
func assumedOfHolds() assumption {
	return assumption{weight: 16, first: [3]uint64{one / 2, one / 4, one / 4}, ill: one / 20, oldIll: one / 8}
}

// A Forecast is what passes and holds come to, from a [Shopping] and what it assumes. Shares are in 2^-32.
type Forecast struct {
	Pick    uint64 // the share of passes that take something at last
	FreshMs uint64 // how long a pass is browsing and fresh, on average
	Units   uint64 // of a first hold, x 2^32
	Keep    uint64 // the share of units taken that become orders
	Promise uint64 // first holds that those who are browsing now will make, x 2^32
	Back    uint64 // the share of units held now that come back
}

// Forecast is the forecast of what was seen so far, of passes that live so long; 0 is for as long as it takes.
func (s *Shopping) Forecast(passMs uint64) Forecast {
	passes, holds := s.Passes.fate(assumedOfPasses(passMs)), s.Holds.fate(assumedOfHolds())
	back := one - holds.well[0]
	if young, old := s.Holds.count(); uint64(young)+uint64(old) > 0 {
		back = one - min(s.Holds.total(&holds.well)/(uint64(young)+uint64(old)), one)
	}
	return Forecast{
		Pick: passes.well[0], FreshMs: passes.youngMs[0], Keep: holds.well[0],
		Units:   max(mulDiv(s.Units+priorUnits, one, s.Picks+priorPicks), one),
		Promise: s.Passes.total(&passes.well), Back: back,
	}
}

// An Admission is what [Shoppers] decides about, beside a [Shopping]: the event at one moment.
type Admission struct {
	Free       uint64 // units that can be had now, over the open lots, no more than their pools have room for
	Held       uint64 // units in holds, paying ones too
	Holding    uint32 // passes whose buyer has a hold
	LanePerMin uint32 // purchases a minute that the payment lane can do; 0: no lane, or not known
	PassMs     uint64 // how long a pass lives; 0: for as long as it takes
	Max        uint32 // passes that may be browsing or holding; 0: no such bound
}

// A Room is what [Shoppers] found, each number up to its type's largest.
type Room struct {
	Supply   uint64 // units that passes may count on: free, and what is expected to come back
	Promised uint64 // of them, units that those who are browsing are expected to take
	ByStock  uint32 // passes that the rest of the supply is for
	ByLane   uint32 // passes that may be fresh for the lane's rate; 2^32-1 without one
	LaneLeft uint32 // what of that is left: less the fresh ones and the backlog; 2^32-1 without a lane
	MaxLeft  uint32 // what is left of the maximum; 2^32-1 without one
	Grant    uint32 // passes that may be granted now
	Bound    Bound  // what keeps Grant from being larger
}

// A Bound is what keeps more passes from being granted.
type Bound uint8

// The bounds. Of equal ones it is the first.
const (
	BoundFree  Bound = iota // nothing is free
	BoundStock              // what is free is for those who are inside
	BoundLane               // the payment lane
	BoundMax                // the organiser's maximum
)

// String is the bound's name on the wire.
func (b Bound) String() string { return [...]string{"free", "stock", "lane", "max"}[b] }

// Shoppers says how many more passes may be granted, so that who gets one finds something, and neither stock nor lane is idle while somebody waits:
//
//	supply   = free + ⌊held x back⌋
//	promised = ⌊promise x units⌋
//	by stock = ⌊(supply - promised) / (pick x units)⌋, but 1 if that is 0 and more than half of the supply is promised to nobody
//	by lane  = ⌈lane per minute x fresh minutes / (pick x keep)⌉
//	grant    = min(by stock, by lane - fresh - backlog, max - all), and 0 while nothing is free
//
// where back, promise, units, pick, keep and fresh minutes are those of the [Forecast], and backlog is the holding passes beyond what the lane does in a minute. By lane is
// Little's law: passes come in at the lane's rate, divided by the share of them that go on to pay, and are there for as long as they are fresh. Quiet passes take no room of the
// lane's, so that buyers who vanish do not block it. Integers only, rounded as drawn: the same input gives the same answer on every machine, and none overflows.
//
// Source: J. D. C. Little, A Proof for the Queuing Formula L = λW, Operations Research 9 (1961). docs/line.md says why each part is there.
func Shoppers(s *Shopping, in Admission) Room {
	f := s.Forecast(in.PassMs)
	fresh, quiet := s.Count()
	room := Room{
		Supply: add(in.Free, times(f.Back, in.Held)), Promised: mulDiv(f.Promise>>16, f.Units>>16, one),
		ByLane: math.MaxUint32, LaneLeft: math.MaxUint32, MaxLeft: math.MaxUint32,
	}
	rest := less(room.Supply, room.Promised)
	room.ByStock = clamp(mulDiv(rest, one, max(times(f.Pick, f.Units), 1)))
	if room.ByStock == 0 && room.Promised < rest {
		room.ByStock = 1
	}
	if in.LanePerMin > 0 {
		perOrder := max(times(f.Pick, f.Keep), 1)
		room.ByLane = clamp(mulDivUp(uint64(in.LanePerMin)*f.FreshMs, one, 60_000*perOrder))
		backlog := uint64(in.Holding) - min(uint64(in.Holding), backlogMin*uint64(in.LanePerMin))
		if plantedBug(plantedQuietBlocks) {
			backlog += uint64(quiet)
		}
		room.LaneLeft = clamp(less(uint64(room.ByLane), uint64(fresh)+backlog))
	}
	if in.Max > 0 {
		room.MaxLeft = clamp(less(uint64(in.Max), uint64(fresh)+uint64(quiet)+uint64(in.Holding)))
	}
	if in.Free == 0 {
		return room
	}
	room.Grant, room.Bound = room.ByStock, BoundStock
	if room.LaneLeft < room.Grant {
		room.Grant, room.Bound = room.LaneLeft, BoundLane
	}
	if room.MaxLeft < room.Grant {
		room.Grant, room.Bound = room.MaxLeft, BoundMax
	}
	return room
}

// share is part / whole. part is at most whole, and whole is not 0.
func share(part, whole uint64) uint64 { return mulDiv(part, one, whole) }

// times is share x n, rounded down, or 2^64-1 if that is too much.
func times(share, n uint64) uint64 {
	hi, lo := bits.Mul64(share, n)
	if hi >= one {
		return math.MaxUint64
	}
	return hi<<32 | lo>>32
}

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
