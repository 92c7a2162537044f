package line

import (
	"math"
	"math/bits"
)

// Rates is how shoppers behave, as [Shoppers] uses it: quotients of numbers that are not 0, of at most 2^42.
type Rates struct {
	Passes, Picked, Units, Ms uint64 // of so many fresh passes, so many took a hold, of so many units altogether, after browsing so long altogether
	Late, LateUnits           uint64 // so many quiet passes took so many units
	Held, Lapsed              uint64 // of so many held units, so many came back
}

// What is assumed before anything is known, with the weight of so many passes and units.
const (
	priorPasses    = 16
	priorPicked    = 12          // three of four take something
	priorUnits     = 24          // two each
	priorMs        = 16 * 60_000 // after a minute
	priorLate      = 16          //
	priorLateUnits = 2           // one of sixteen who have waited that long
	priorHeld      = 64          //
	priorLapsed    = 8           // one of eight comes back
)

// Rates are the averages so far, with what is assumed at the beginning.
func (s *Shopping) Rates() Rates {
	return Rates{
		Passes: s.Passes.Passes + priorPasses, Picked: s.Passes.Picked + priorPicked,
		Units: add(s.Passes.Units, priorUnits), Ms: s.Passes.Ms + priorMs,
		Late: s.Late.Passes + priorLate, LateUnits: add(s.Late.Units, priorLateUnits),
		Held: s.Held + priorHeld, Lapsed: s.Lapsed + priorLapsed,
	}
}

// An Admission is what [Shoppers] decides about: the event at one moment.
type Admission struct {
	Free       uint64 // units that can be had now, over the open lots, no more than their pools have room for
	Held       uint64 // units in holds that may come back
	Holding    uint32 // passes whose buyer has a hold
	Fresh      uint32 // passes that are browsing, and not quiet: see [Shopping.Browsing]
	Quiet      uint32 // passes that are browsing, and quiet
	LanePerMin uint32 // purchases a minute that the payment lane can do; 0: no lane, or not known
	Max        uint32 // passes that may be browsing or holding; 0: no such bound
}

// A Room is what [Shoppers] found: passes, each number at most 2^32-1.
type Room struct {
	Supply  uint64 // units that passes may count on: free, and what is expected to come back
	ByStock uint32 // passes that may be fresh for the stock
	ByLane  uint32 // passes that may be fresh for the lane; 2^32-1 without one
	Grant   uint32 // passes that may be granted now
}

// Shoppers says how many more passes may be granted, so that nobody who gets one finds nothing, and neither stock nor lane is ever idle while somebody waits:
//
//	supply   = free + held x lapsed/held - quiet x late units/late passes
//	by stock = ⌈ supply / (units/pass) ⌉
//	by lane  = ⌈ lane per minute x (browsing minutes/pass) / (picks/pass x held units that are kept) ⌉
//	grant    = min(by stock - fresh, by lane - fresh - backlog, max - all), 0 while nothing is free
//
// where the fractions are [Rates] and backlog is the holding passes beyond what the lane does in two minutes. by lane is Little's law: who comes in at the lane's rate, divided by
// the share that goes on to pay, is there as long as passes are browsed. Integers only, each quotient rounded as drawn and up to 2^32-1; the same input gives the same answer on
// every machine. No input overflows.
//
// Source: J. D. C. Little, A proof for the queuing formula L = λW, Operations Research 9 (1961). docs/line.md says why each part is there.
func Shoppers(in Admission, r Rates) Room {
	r = r.valid()
	back := mulDiv(in.Held, r.Lapsed, r.Held)
	supply := add(in.Free, back)
	supply -= min(supply, mulDiv(uint64(in.Quiet), r.LateUnits, r.Late))
	room := Room{Supply: supply, ByStock: clamp(mulDivUp(supply, r.Passes, r.Units)), ByLane: math.MaxUint32}
	backlog := uint64(0)
	if in.LanePerMin > 0 {
		minutes := mulDivUp(uint64(in.LanePerMin), r.Ms, r.Picked) // x 60,000
		room.ByLane = clamp(mulDivUp(minutes, r.Held, 60_000*(r.Held-r.Lapsed)))
		backlog = uint64(in.Holding) - min(uint64(in.Holding), 2*uint64(in.LanePerMin))
	}
	if in.Free == 0 {
		return room
	}
	fresh := uint64(in.Fresh)
	grant := less(uint64(room.ByStock), fresh)
	grant = min(grant, less(uint64(room.ByLane), fresh+backlog))
	if in.Max > 0 {
		grant = min(grant, less(uint64(in.Max), fresh+uint64(in.Quiet)+uint64(in.Holding)))
	}
	room.Grant = clamp(grant)
	return room
}

// valid keeps every quotient within what can be meant: at least one unit for 64 passes, one pick for 64, at least one unit of 16 kept.
func (r Rates) valid() Rates {
	r.Passes = min(max(r.Passes, 1), 1<<42)
	r.Units = max(r.Units, r.Passes/64, 1)
	r.Picked = max(r.Picked, r.Passes/64, 1)
	r.Late = max(r.Late, 1)
	r.Held = min(max(r.Held, 16), 1<<42)
	r.Lapsed = min(r.Lapsed, r.Held-r.Held/16)
	return r
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
