package engine

import "encoding/binary"

// How long answers took, from their receipt to their durable reply, is nothing that an event knows: its shell measures it, by one clock, and puts what it has
// gathered into the log, so that those who read the log see it too, and see the same at every reading. No rule reads it, and no state remembers it.

// TimedClass is what kind of answers took so long. The numbers are part of the log's format.
type TimedClass uint8

// The classes.
const (
	TimedHold TimedClass = iota
	TimedBuy
	TimedConfirm
	TimedOther // commands of callers that are none of the others
	TimedRead  // get, order, purchase
	TimedTouch
	timedClassesEnd
)

// TimedClasses is how many classes there are, TimedFailures how many kinds of failures: those of [measure.Failure], 0 is none.
const (
	TimedClasses  = int(timedClassesEnd)
	TimedFailures = 6
)

// String returns the class's name.
func (c TimedClass) String() string {
	switch c {
	case TimedHold:
		return "hold"
	case TimedBuy:
		return "buy"
	case TimedConfirm:
		return "confirm"
	case TimedRead:
		return "read"
	case TimedTouch:
		return "touch"
	case TimedOther, timedClassesEnd:
	}
	return "other"
}

// TimedClass is the class of answers to the verb, which is one of callers.
func (v Verb) TimedClass() TimedClass {
	switch v { //nolint:exhaustive // the others are in one class
	case VerbHold:
		return TimedHold
	case VerbBuy:
		return TimedBuy
	case VerbConfirm:
		return TimedConfirm
	case VerbGet, VerbOrder, VerbPurchase:
		return TimedRead
	case VerbTouch:
		return TimedTouch
	default:
		return TimedOther
	}
}

// Timed says how many answers of one class, flow and failure took how long.
type Timed struct {
	Class   TimedClass
	Flow    Flow
	Failure uint8         // below TimedFailures
	Buckets []TimedBucket // in ascending order of their index, with a count each
}

// TimedBucket counts answers that took about the same time: its index says which, to whoever puts them in.
type TimedBucket struct {
	Index int32 // fits 16 bits
	Count uint32
}

// TimedBucketsMax bounds the buckets of one class: with a relative error of 1 %, from a microsecond to an hour.
const TimedBucketsMax = 1200

// factTimed says how long answers took, of which the event's shell has learned since the fact before.
//
//	| 57 | n | n times: class, flow, failure, m, m buckets: the first index signed, then differences to the one before; count |
type factTimed struct{ times []Timed }

func (f *factTimed) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kindTimed)), uint64(len(f.times)))
	for i := range f.times {
		t := &f.times[i]
		dst = binary.AppendUvarint(append(dst, byte(t.Class), byte(t.Flow), t.Failure), uint64(len(t.Buckets)))
		before := int32(0)
		for j, b := range t.Buckets {
			if j == 0 {
				dst = binary.AppendVarint(dst, int64(b.Index))
			} else {
				dst = binary.AppendUvarint(dst, uint64(b.Index-before))
			}
			before = b.Index
			dst = binary.AppendUvarint(dst, uint64(b.Count))
		}
	}
	return dst
}

// timed reads times, with their buckets in the given memory, and returns both.
func (d *decoder) timed(times []Timed, buckets []TimedBucket) ([]Timed, []TimedBucket) {
	for range d.count(TimedClasses*Flows*TimedFailures, 6) { //nolint:mnd // bytes that a class takes at least
		t := Timed{Class: TimedClass(d.byte()), Flow: Flow(d.byte()), Failure: d.byte()}
		n := d.count(TimedBucketsMax, 2)
		if d.what == "" && (int(t.Class) >= TimedClasses || int(t.Flow) >= Flows || int(t.Failure) >= TimedFailures || n == 0) {
			d.fail("times of an unknown class, or of nothing")
		}
		if last := len(times) - 1; d.what == "" && last >= 0 && times[last].order() >= t.order() {
			d.fail("times out of order")
		}
		from, index := len(buckets), int64(0)
		for j := range n {
			if j == 0 {
				index = d.signed()
			} else {
				step := d.uint(1 << 17) //nolint:mnd // as far as 16 bits are apart
				if step == 0 {
					d.fail("a bucket twice")
				}
				index += int64(step)
			}
			count := d.uint(1<<32 - 1)
			if index != int64(int16(index)) || count == 0 {
				d.fail("a bucket of times that cannot be")
			}
			if d.what != "" {
				return times, buckets
			}
			buckets = append(buckets, TimedBucket{Index: int32(index), Count: uint32(count)})
		}
		t.Buckets = buckets[from:len(buckets):len(buckets)]
		times = append(times, t)
	}
	if d.what == "" && len(times) == 0 {
		d.fail("times that are none")
	}
	return times, buckets
}

// order is the place of times among others.
func (t *Timed) order() int {
	return (int(t.Class)*Flows+int(t.Flow))*TimedFailures + int(t.Failure)
}

// time puts times into the log. The shell's own: they are right.
func (e *Event) time(cmd *Command) {
	if e.state == 0 || cmd.Touch == nil || len(cmd.Touch.Times) == 0 {
		return
	}
	f := factTimed{times: cmd.Touch.Times}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
}

func (e *Event) foldTimed(d *decoder) error {
	d.timed(nil, nil)
	return d.err()
}
