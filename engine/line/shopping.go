package line

import (
	"encoding/binary"
	"fmt"
	"math"
)

// How shoppers are watched. Changing one of these changes what a log folds to.
const (
	cohortNs  = 15_000_000_000 // passes granted within as much are watched together
	cohortMs  = cohortNs / 1_000_000
	freshLen  = 10      // cohorts: who has taken nothing for so long after the pass was granted is quiet
	sampleMax = 1 << 10 // passes: beyond it an average forgets half of what it has seen, so that the newest count most
	lateMax   = 1 << 14 // quiet passes x 15 s: the same
	heldMax   = 1 << 40 // units x milliseconds: the same for holds
)

// Shopping is how those with a pass behave, in integers: who is still looking around, and what became of those who did. It is part of an event's state, is changed by
// its facts only, and two that were told the same are equal. The zero Shopping knows nothing yet, and assumes what docs/line.md says.
//
// A pass whose buyer is present and has taken nothing yet is browsing: from its grant until its first hold (Picked), its end, or its buyer's absence (Stopped), and again
// once its buyer is back (Returned). It is fresh for 150 seconds and then quiet. What becomes of passes is counted by their age, as in a life table: of those who were
// browsing at an age, so many took something within the next 15 seconds and so many stopped. So the many who buy at once do not hide those who never will, whatever
// moment it is.
//
// Times are Unix nanoseconds of event time; one before the newest counts as the newest. Nothing here fails: what cannot be (more ends than grants) is counted as far
// as it can be.
type Shopping struct {
	Now    int64            // the newest time that was told / 15 s
	Fresh  [freshLen]Cohort // passes by the time of their grant / 15 s, modulo freshLen
	Quiet  uint32           // passes that are browsing longer than that
	Ages   [freshLen]Age    // what became of fresh passes, by age / 15 s
	Late   Age              // of quiet ones; each is counted every 15 seconds
	Picks  uint64           // first holds
	Units  uint64           // of them
	Sold   Holds            // holds that became orders
	Lapsed Holds            // holds that came back
}

// A Cohort is the passes that were granted within the same 15 seconds.
type Cohort struct {
	Browsing uint32 // that are browsing now
	Picked   uint32 // that got their first hold at the age they have now
	Stopped  uint32 // that stopped browsing at the age they have now
}

// An Age is what became of passes that were browsing at an age, within 15 seconds. It is counted when these are over for the whole cohort.
type Age struct {
	Passes  uint64
	Picked  uint64 // of them, those that got their first hold
	Stopped uint64 // of them, those that ended, or whose buyer went away
}

// Holds sums holds up that have ended.
type Holds struct {
	Units  uint64
	UnitMs uint64 // units x how long they were held
}

// Granted notes a pass whose buyer is present.
func (s *Shopping) Granted(at int64) {
	s.advance(at)
	s.enter(s.Now)
}

// Picked notes that a pass that was browsing has got a hold of units, its first.
func (s *Shopping) Picked(granted, at int64, units uint32) {
	s.advance(at)
	if c := s.leave(granted); c != nil {
		c.Picked = up(c.Picked)
	} else {
		s.Late.Picked++
		s.Late.halve(lateMax)
	}
	s.Picks++
	s.Units += uint64(units)
	for s.Picks > sampleMax {
		s.Picks, s.Units = s.Picks/2, s.Units/2
	}
}

// Stopped notes that a pass that was browsing does not any more, without a hold: it ended, was given up, or its buyer is absent.
func (s *Shopping) Stopped(granted, at int64) {
	s.advance(at)
	if c := s.leave(granted); c != nil {
		c.Stopped = up(c.Stopped)
	} else {
		s.Late.Stopped++
		s.Late.halve(lateMax)
	}
}

// Returned notes that a pass is browsing again that never had a hold: its buyer is present again.
func (s *Shopping) Returned(granted, at int64) {
	s.advance(at)
	s.enter(min(max(granted, 0)/cohortNs, s.Now))
}

// HoldEnded notes that a hold of units, made with a pass at one time, has become an order or has come back at another.
func (s *Shopping) HoldEnded(made, at int64, units uint32, sold bool) {
	s.advance(at)
	h := &s.Lapsed
	if sold {
		h = &s.Sold
	}
	ms := uint64(min(max(at-made, 0)/1_000_000+1, math.MaxUint32))
	h.Units = add(h.Units, uint64(units))
	h.UnitMs = add(h.UnitMs, uint64(units)*ms)
	for s.Sold.Units > sampleMax || s.Lapsed.Units > sampleMax || s.Sold.UnitMs > heldMax || s.Lapsed.UnitMs > heldMax {
		s.Sold.Units, s.Sold.UnitMs, s.Lapsed.Units, s.Lapsed.UnitMs = s.Sold.Units/2, s.Sold.UnitMs/2, s.Lapsed.Units/2, s.Lapsed.UnitMs/2
	}
}

// Count is how many passes are browsing: fresh ones, and quiet ones. It is as of the newest time that was told.
func (s *Shopping) Count() (fresh, quiet uint32) {
	for _, c := range s.Fresh {
		fresh = uint32(min(uint64(fresh)+uint64(c.Browsing), math.MaxUint32))
	}
	return fresh, s.Quiet
}

// Advance tells the time, so that what is asked next is as of then.
func (s *Shopping) Advance(at int64) { s.advance(at) }

// advance makes passes older until a time.
func (s *Shopping) advance(at int64) {
	now := max(at, 0) / cohortNs
	for i := 0; s.Now < now && i < freshLen; i++ { // after so many steps nobody is fresh
		for age := int64(0); age < freshLen && age <= s.Now; age++ {
			c, a := &s.Fresh[(s.Now-age)%freshLen], &s.Ages[age]
			a.Passes += uint64(c.Browsing) + uint64(c.Picked) + uint64(c.Stopped)
			a.Picked += uint64(c.Picked)
			a.Stopped += uint64(c.Stopped)
			a.halve(sampleMax)
			c.Picked, c.Stopped = 0, 0
		}
		s.Late.Passes += uint64(s.Quiet)
		s.Late.halve(lateMax)
		s.Now++
		oldest := &s.Fresh[s.Now%freshLen] // its place is that of the cohort that begins
		s.Quiet = uint32(min(uint64(s.Quiet)+uint64(oldest.Browsing), math.MaxUint32))
		*oldest = Cohort{}
	}
	s.Now = max(s.Now, now)
}

// enter counts a pass of a cohort as browsing.
func (s *Shopping) enter(cohort int64) {
	if s.Now-cohort >= freshLen {
		s.Quiet = up(s.Quiet)
		return
	}
	c := &s.Fresh[cohort%freshLen]
	c.Browsing = up(c.Browsing)
}

// leave counts a pass as not browsing any more, and returns its cohort; nil if it was quiet.
func (s *Shopping) leave(granted int64) *Cohort {
	cohort := min(max(granted, 0)/cohortNs, s.Now)
	if s.Now-cohort >= freshLen {
		s.Quiet -= min(s.Quiet, 1)
		return nil
	}
	c := &s.Fresh[cohort%freshLen]
	c.Browsing -= min(c.Browsing, 1)
	return c
}

// halve forgets half once more was seen than limit.
func (a *Age) halve(limit uint64) {
	for a.beyond(limit) {
		a.Passes, a.Picked, a.Stopped = a.Passes/2, a.Picked/2, a.Stopped/2
	}
}

// beyond reports whether more was seen than limit.
func (a *Age) beyond(limit uint64) bool {
	return a.Passes > limit || a.Picked > limit || a.Stopped > limit
}

// up is n + 1, or n if there is no more.
func up(n uint32) uint32 { return n + min(1, math.MaxUint32-n) }

// Append appends s to b in a fixed length, for a snapshot or a state hash.
func (s *Shopping) Append(b []byte) []byte {
	b, err := binary.Append(b, binary.BigEndian, s)
	if err != nil {
		panic("line: shopping has a field without a fixed length: " + err.Error())
	}
	return b
}

// OpenShopping reads what Append has written at the beginning of b, and returns what is behind it. Bytes that no Append writes (too few, a negative time, sums beyond their
// bounds) are an error.
func OpenShopping(b []byte) (Shopping, []byte, error) {
	var s Shopping
	n, err := binary.Decode(b, binary.BigEndian, &s)
	if err != nil {
		return Shopping{}, nil, fmt.Errorf("line: how shoppers behave: %w", err)
	}
	bad := s.Now < 0 || s.Now > math.MaxInt64/cohortNs || s.Picks > sampleMax || s.Units > sampleMax*math.MaxUint32
	for _, a := range s.Ages {
		bad = bad || a.beyond(sampleMax)
	}
	bad = bad || s.Late.beyond(lateMax)
	for _, h := range [...]Holds{s.Sold, s.Lapsed} {
		bad = bad || h.Units > sampleMax || h.UnitMs > heldMax
	}
	if bad {
		return Shopping{}, nil, fmt.Errorf("line: shoppers cannot behave like %+v", s)
	}
	return s, b[n:], nil
}
