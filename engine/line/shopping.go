package line

import (
	"encoding/binary"
	"fmt"
)

// unitsMax is the most units of one first hold that are counted.
const unitsMax = 1 << 20

// Shopping is how those with a pass behave, in integers: who is still looking around, what became of those who did, and what became of their holds. It is part of an event's state,
// is changed by its facts only, and two that were told the same are equal. The zero Shopping knows nothing yet, and assumes what docs/line.md says.
//
// A pass whose buyer is present and has taken nothing yet is browsing: from its grant until its first hold (Picked) or wish (Wished), its end, or its buyer's absence (Stopped), and again
// once its buyer is back (Returned). It is fresh for five minutes and then quiet.
//
// Times are Unix nanoseconds of event time; one before the newest counts as the newest. Nothing here fails: what cannot be (more ends than grants) is counted as far
// as it can be.
type Shopping struct {
	Passes  Course // browsing passes; well is a first hold
	Holds   Course // units in holds; well is an order
	Picks   uint64 // first holds
	Units   uint64 // of them
	Squares uint64 // of these units, each multiplied by itself
}

// Granted notes a pass whose buyer is present.
func (s *Shopping) Granted(at int64) { s.Passes.begin(at, at, 1) }

// Picked notes that a pass that was browsing has got a hold of units, its first.
func (s *Shopping) Picked(granted, at int64, units uint32) {
	s.Wished(granted, at, units)
	s.HoldMade(at, units)
}

// Wished notes that a pass that was browsing would have taken units, but is now on the waiting list for them.
func (s *Shopping) Wished(granted, at int64, units uint32) {
	s.Passes.end(granted, at, 1, true)
	n := uint64(min(units, unitsMax))
	s.Picks, s.Units, s.Squares = s.Picks+1, s.Units+n, s.Squares+n*n
	for s.Picks > sampleMax {
		s.Picks, s.Units, s.Squares = s.Picks/2, s.Units/2, s.Squares/2
	}
}

// Stopped notes that a pass that was browsing does not any more, without a hold: it ended, was given up, or its buyer is absent.
func (s *Shopping) Stopped(granted, at int64) { s.Passes.end(granted, at, 1, false) }

// Returned notes that a pass is browsing again that never had a hold: its buyer is present again.
func (s *Shopping) Returned(granted, at int64) { s.Passes.begin(granted, at, 1) }

// HoldMade notes a hold of units that is not a pass's first: that of a waiting list, or a later one.
func (s *Shopping) HoldMade(at int64, units uint32) { s.Holds.begin(at, at, units) }

// HoldEnded notes that units of a hold that was made at a time, and noted then, have become an order or have come back.
func (s *Shopping) HoldEnded(made, at int64, units uint32, sold bool) {
	s.Holds.end(made, at, units, sold)
}

// Count is how many passes are browsing: fresh ones, and quiet ones. It is as of the newest time that was told.
func (s *Shopping) Count() (fresh, quiet uint32) { return s.Passes.count() }

// Advance tells the time, so that what is asked next is as of then.
func (s *Shopping) Advance(at int64) {
	s.Passes.advance(at)
	s.Holds.advance(at)
}

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
	if !s.Passes.can() || !s.Holds.can() || s.Picks > sampleMax || s.Units > sampleMax*unitsMax || s.Squares > sampleMax*unitsMax*unitsMax {
		return Shopping{}, nil, fmt.Errorf("line: shoppers cannot behave like %+v", s)
	}
	return s, b[n:], nil
}
