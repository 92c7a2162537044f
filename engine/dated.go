package engine

import "encoding/binary"

// What snapshots have since version 2, and state hashes have not, because proofs in older logs are without it: when the event was closed, and by which
// fact each remembered request was accepted. Both follow from the log.
//
//	| closed at less since, + 1; 0 is not closed | a seq a request, less the one before: those in the bounded table, then those of confirms |

func (e *Event) appendDated(dst []byte) []byte {
	closed := uint64(0)
	if e.state >= EventClosed {
		closed = uint64(e.closed-e.since) + 1
	}
	dst = binary.AppendUvarint(dst, closed)
	last := Seq(0)
	for pos := e.requests.head; pos < e.requests.tail; pos++ {
		dst, last = appendSeq(dst, e.requests.at(pos).seq, last)
	}
	last = 0
	for slot := range e.money.rows {
		dst, last = appendSeq(dst, e.money.at(slot).seq, last)
	}
	return dst
}

// appendSeq appends a seq that is not below the one before. A request of before version 2 has none: it repeats the one before, or 0.
func appendSeq(dst []byte, seq, last Seq) (appended []byte, next Seq) {
	return binary.AppendUvarint(dst, uint64(seq-last)), seq
}

func (e *Event) openDated(d *decoder) {
	switch closed := d.uint(uint64(instantMax)); {
	case d.what != "":
	case (closed > 0) != (e.state >= EventClosed) || closed > uint64(e.lastAt-e.since)+1:
		d.fail("a time of closing that cannot be")
	case closed > 0:
		e.closed = e.since + Instant(closed-1)
	}
	last := Seq(0)
	for pos := e.requests.head; pos < e.requests.tail && d.what == ""; pos++ {
		last = e.openSeq(d, last)
		e.requests.at(pos).seq = last
	}
	last = 0
	for slot := range e.money.rows {
		if d.what != "" {
			return
		}
		last = e.openSeq(d, last)
		e.money.at(slot).seq = last
	}
}

func (e *Event) openSeq(d *decoder, last Seq) Seq {
	seq := last + Seq(d.uint(uint64(e.seq)))
	if seq > e.seq {
		d.fail("a request of a fact that is not there")
	}
	return seq
}
