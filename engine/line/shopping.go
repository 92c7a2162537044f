package line

import (
	"encoding/binary"
	"fmt"
	"math"
)

// How shoppers are watched. Changing one of these changes what a log folds to.
const (
	cohortNs = 15_000_000_000 // passes granted within as much are judged together
	freshLen = 10             // cohorts: who has taken nothing this long after the pass was granted is quiet
	sumMax   = 1 << 10        // passes, or units: beyond it both parts of an average are halved, so that the newest count most
)

// freshMs is how long a pass is fresh, give or take a cohort.
const freshMs = freshLen * cohortNs / 1_000_000

// Shopping is how those with a pass behave: moving averages, in integers, and who is still looking around. It is part of an event's state, is changed by
// its facts only, and two that were told the same are equal. The zero Shopping knows nothing and uses the averages of [Shopping.Rates].
//
// A pass that was granted to a buyer who has no hold is browsing, until its first hold (Picked), its end, or its buyer's absence. It is fresh for 150 seconds and then
// quiet. Passes are counted by when they were granted, in cohorts of 15 seconds, and judged when their whole cohort has become quiet: so those who buy at once do not
// hide those who will not.
//
// Times are Unix nanoseconds of event time; one before an earlier one counts as that. Nothing here fails: what cannot be (more ends than
// grants) changes nothing.
type Shopping struct {
	Now    int64            // the cohort of the newest time that was told: nanoseconds / 15 s
	Fresh  [freshLen]Cohort // by cohort modulo freshLen: those that are not judged yet
	Quiet  uint32           // passes that are browsing longer than that
	Passes Average          // fresh passes that were judged, and what became of them
	Late   Average          // quiet passes that ended, and what became of them
	Held   uint64           // units of holds that ended
	Lapsed uint64           // of them, units that came back
}

// A Cohort is the passes that were granted within the same 15 seconds.
type Cohort struct {
	Granted  uint32 // passes
	Browsing uint32 // of them, those that are browsing now
	Picked   uint32 // of them, those that had a hold
	Units    uint64 // of their first holds
	Ms       uint64 // how long those that are not browsing any more did
}

// An Average is sums over the same passes. Both parts of a quotient of them are halved together.
type Average struct {
	Passes uint64
	Picked uint64 // of them, those that had a hold
	Units  uint64 // of their first holds
	Ms     uint64 // how long they were browsing, at most until they were quiet; of quiet ones it is not kept
}

// halve forgets half of an average that has become large.
func (a *Average) halve() {
	for a.Passes > sumMax {
		a.Passes, a.Picked, a.Units, a.Ms = a.Passes/2, a.Picked/2, a.Units/2, a.Ms/2
	}
}

// Granted notes a pass whose buyer is present.
func (s *Shopping) Granted(at int64) {
	if c := s.cohort(at, at); c != nil {
		c.Granted = up(c.Granted)
		c.Browsing = up(c.Browsing)
	}
}

// Picked notes that a pass that was browsing has got a hold of units, its first.
func (s *Shopping) Picked(granted, at int64, units uint32) {
	if c := s.stop(granted, at); c != nil {
		c.Picked = up(c.Picked)
		c.Units = add(c.Units, uint64(units))
		return
	}
	s.Late.Passes++
	s.Late.Picked++
	s.Late.Units = add(s.Late.Units, uint64(units))
	s.Late.halve()
}

// Stopped notes that a pass that was browsing does not any more, without a hold: it ended, was given up, or its buyer is absent.
func (s *Shopping) Stopped(granted, at int64) {
	if s.stop(granted, at) == nil {
		s.Late.Passes++
		s.Late.halve()
	}
}

// Returned notes that a pass is browsing again: its buyer is present again, or its hold has ended without an order.
func (s *Shopping) Returned(granted, at int64) {
	if c := s.cohort(granted, at); c != nil {
		c.Browsing = up(c.Browsing)
		return
	}
	s.Quiet = up(s.Quiet)
}

// HoldEnded notes that a hold of units, made with a pass, has become an order or has come back.
func (s *Shopping) HoldEnded(units uint32, sold bool) {
	s.Held += uint64(units)
	if !sold {
		s.Lapsed += uint64(units)
	}
	for s.Held > sumMax {
		s.Held, s.Lapsed = s.Held/2, s.Lapsed/2
	}
}

// Browsing is how many passes are looking around at a time: fresh ones, and quiet ones.
func (s *Shopping) Browsing(at int64) (fresh, quiet uint32) {
	now := max(s.Now, at/cohortNs)
	quiet = s.Quiet
	for i, c := range s.Fresh {
		if s.index(i) > now-freshLen {
			fresh += c.Browsing
		} else {
			quiet += c.Browsing
		}
	}
	return fresh, quiet
}

// index is which cohort is at position i of the ring.
func (s *Shopping) index(i int) int64 {
	return s.Now - int64((int(s.Now%freshLen)-i+freshLen)%freshLen)
}

// stop takes a pass that was browsing out of its cohort, which it returns; nil if the pass was quiet.
func (s *Shopping) stop(granted, at int64) *Cohort {
	c := s.cohort(granted, at)
	if c == nil {
		s.Quiet -= min(s.Quiet, 1)
		return nil
	}
	c.Browsing -= min(c.Browsing, 1)
	c.Ms += uint64(min(max(at-granted, 0)/1_000_000, freshMs))
	return c
}

// cohort is that of a pass that was granted at one time, seen from another; nil if it is judged already.
func (s *Shopping) cohort(granted, at int64) *Cohort {
	s.advance(max(at, 0) / cohortNs)
	c := min(max(granted, 0)/cohortNs, s.Now)
	if c <= s.Now-freshLen {
		return nil
	}
	return &s.Fresh[c%freshLen]
}

// advance judges the cohorts that become quiet until now.
func (s *Shopping) advance(now int64) {
	if now-s.Now >= freshLen { // all of them, the oldest first
		for i := int64(1); i <= freshLen; i++ {
			s.judge(&s.Fresh[(s.Now+i)%freshLen])
		}
		s.Now = now
		return
	}
	for s.Now < now {
		s.Now++
		s.judge(&s.Fresh[s.Now%freshLen]) // the place of the cohort that begins is that of the one that is judged
	}
}

// judge adds what became of a cohort to the averages, and leaves its place empty.
func (s *Shopping) judge(c *Cohort) {
	s.Quiet = uint32(min(uint64(s.Quiet)+uint64(c.Browsing), math.MaxUint32))
	s.Passes.Passes += uint64(c.Granted)
	s.Passes.Picked += uint64(c.Picked)
	s.Passes.Units = add(s.Passes.Units, c.Units)
	s.Passes.Ms += min(c.Ms+uint64(c.Browsing)*freshMs, uint64(c.Granted)*freshMs) // who went and came back may have counted twice
	s.Passes.halve()
	*c = Cohort{}
}

// Append appends s to b in a fixed length, for a snapshot or a state hash.
func (s *Shopping) Append(b []byte) []byte {
	b, err := binary.Append(b, binary.BigEndian, s)
	if err != nil {
		panic("line: shopping has a field without a fixed length: " + err.Error())
	}
	return b
}

// OpenShopping reads what Append has written at the beginning of b, and returns what is behind it. Bytes that no Append writes, too few, negative times,
// and sums that cannot be, are an error.
func OpenShopping(b []byte) (Shopping, []byte, error) {
	var s Shopping
	n, err := binary.Decode(b, binary.BigEndian, &s)
	if err != nil {
		return Shopping{}, nil, fmt.Errorf("line: averages of shopping: %w", err)
	}
	if s.Now < 0 || s.Passes.Passes > sumMax || s.Late.Passes > sumMax || s.Held > sumMax || s.Lapsed > s.Held ||
		s.Passes.Ms > sumMax*freshMs || s.Late.Ms != 0 || s.Late.Picked > s.Late.Passes {
		return Shopping{}, nil, fmt.Errorf("line: averages of shopping cannot be %+v", s)
	}
	for _, c := range s.Fresh {
		if c.Ms > math.MaxUint32*freshMs {
			return Shopping{}, nil, fmt.Errorf("line: a cohort of shopping cannot be %+v", c)
		}
	}
	return s, b[n:], nil
}

// up is n + 1, or n if there is no more.
func up(n uint32) uint32 { return n + min(1, math.MaxUint32-n) }
