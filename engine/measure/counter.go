package measure

import (
	"encoding/binary"
	"math/bits"
)

// counter is one thing that is counted by time.
type counter uint8

const (
	cntViews counter = iota
	cntPrompts
	cntClicks
	cntOffers
	cntHolds
	cntAttempts
	cntOrders
	cntTickets
	cntDeclines
	cntAdmitted
	cntCommands
	cntFace
	cntFees
	cntTax
	cntRefunds
	// Purchases that ended without an order, and refusals, by whose fault: FailureOurs is the first.
	cntFailed
	cntFailedEnd  = cntFailed + counter(FailuresEnd) - 2
	cntRefused    = cntFailedEnd + 1
	cntRefusedEnd = cntRefused + counter(FailuresEnd) - 2

	// The columns behind are maxima, not sums: the most orders and tickets of one second, and of one minute, as far as it is no longer kept as minutes.
	cntPeakOrders1s  = cntRefusedEnd + 1
	cntPeakTickets1s = cntRefusedEnd + 2
	cntPeakOrders1m  = cntRefusedEnd + 3
	cntPeakTickets1m = cntRefusedEnd + 4
	countersEnd      = cntRefusedEnd + 5
)

// refusedCounters are the refusals, whosesoever fault.
//
//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var refusedCounters = []counter{cntRefused, cntRefused + 1, cntRefused + 2, cntRefused + 3, cntRefusedEnd}

// failedCounters are the purchases that ended without an order.
//
//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var failedCounters = []counter{cntFailed, cntFailed + 1, cntFailed + 2, cntFailed + 3, cntFailedEnd}

// ofFailure is the counter of a failure, behind the first of its kind.
func (c counter) ofFailure(f Failure) counter { return c + counter(f-FailureOurs) }

// counters is how often what happened in some time: a bucket, a window, or since the beginning.
type counters [countersEnd]int64

// merge takes in the counters of another time, or more of the same.
func (c *counters) merge(o *counters) {
	for i := range cntPeakOrders1s {
		c[i] += o[i]
	}
	for i := cntPeakOrders1s; i < countersEnd; i++ {
		c[i] = max(c[i], o[i])
	}
}

// minute tells that these counters are those of a whole minute.
func (c *counters) minute() {
	c[cntPeakOrders1m], c[cntPeakTickets1m] = max(c[cntPeakOrders1m], c[cntOrders]), max(c[cntPeakTickets1m], c[cntTickets])
}

// append appends the counters that are not 0:
//
//	| a bit each counter, uvarint | their values, varints |
func (c *counters) append(dst []byte) []byte {
	mask := uint64(0)
	for i, n := range c {
		if n != 0 {
			mask |= 1 << i
		}
	}
	dst = binary.AppendUvarint(dst, mask)
	for rest := mask; rest != 0; rest &= rest - 1 {
		dst = binary.AppendVarint(dst, c[bits.TrailingZeros64(rest)])
	}
	return dst
}

func (r *reader) counters() (c counters) {
	mask := r.uint()
	if mask >= 1<<countersEnd {
		r.fail("it counts unknown things")
		return counters{}
	}
	for ; mask != 0; mask &= mask - 1 {
		c[bits.TrailingZeros64(mask)] = r.int()
	}
	return c
}

// sum is what some columns come to.
func (c *counters) sum(of ...counter) (n int64) {
	for _, col := range of {
		n += c[col]
	}
	return n
}
