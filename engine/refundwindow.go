package engine

import (
	"encoding/binary"
	"math"
)

// Buyers may ask for their money back until a wall time that the organiser sets, and for some time after the show was given another time. The event has no wall
// clock: it wants to be told when the time has come, and keeps what it was told.

// refundWindow is what an event knows of the times in which buyers may ask for their money.
type refundWindow struct {
	until   Instant // wall time of the end of the window after a rescheduling; 0 if there is none
	undated bool    // the show was given another time, and the next Schedule says until when the window is open
	over    bool    // the organiser's own time is over
}

// factRefundsDated says until when buyers may ask for their money after a rescheduling.
//
//	| 48 | wall time |
type factRefundsDated struct{ until Instant }

func (f *factRefundsDated) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindRefundsDated)), uint64(f.until))
}

// factRefundsEnded says that a time in which buyers may ask for their money is over: the organiser's, or that after a rescheduling.
//
//	| 49 | window |
type factRefundsEnded struct{ window bool }

func (f *factRefundsEnded) append(dst []byte) []byte {
	return appendBool(append(dst, byte(kindRefundsEnded)), f.window)
}

// buyersMayRefund reports whether the event lets buyers ask for their money.
func (e *Event) buyersMayRefund() bool {
	w := &e.window
	return w.undated || w.until != 0 || e.spec.Pay.RefundUntil != 0 && !w.over
}

// rescheduled opens the window if an update that is being applied gives the show another time.
func (e *Event) rescheduled(before Instant, s *EventSpec) {
	if s.Set&SetRefundUntil != 0 {
		e.window.over = false
	}
	if e.spec.StartsAt != before && e.orders.rows > 0 && e.spec.Pay.RefundWindowMs > 0 {
		e.window.until, e.window.undated = 0, true
	}
}

// nextWindow is the wall time at which something changes about the window; false if never.
func (e *Event) nextWindow() (wall Instant, ok bool) {
	w := &e.window
	switch until := e.spec.Pay.RefundUntil; {
	case e.state == 0 || e.state == EventArchived:
		return 0, false
	case w.undated:
		return 0, true
	case until != 0 && !w.over && (w.until == 0 || until < w.until):
		return until, true
	}
	return w.until, w.until != 0
}

// dateRefunds does what is to be done about the window when wall time has come.
func (e *Event) dateRefunds(wall Instant) {
	if e.window.undated {
		f := factRefundsDated{until: min(max(wall, 1), instantMax) + Instant(e.spec.Pay.RefundWindowMs)*1e6}
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
		e.applyRefundsDated(&f)
	}
	if e.window.until != 0 && wall >= e.window.until {
		e.endRefunds(factRefundsEnded{window: true})
	}
	if until := e.spec.Pay.RefundUntil; until != 0 && !e.window.over && wall >= until {
		e.endRefunds(factRefundsEnded{})
	}
}

func (e *Event) endRefunds(f factRefundsEnded) {
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyRefundsEnded(&f)
}

func (e *Event) applyRefundsDated(f *factRefundsDated) {
	e.window.until, e.window.undated = f.until, false
}

func (e *Event) applyRefundsEnded(f *factRefundsEnded) {
	if f.window {
		e.window.until = 0
	} else {
		e.window.over = true
	}
}

func (e *Event) foldRefundsDated(d *decoder) error {
	f := factRefundsDated{until: Instant(d.uint(windowLast))}
	if err := d.err(); err != nil {
		return err
	}
	if !e.window.undated || f.until == 0 {
		return unfit("a window for refunds that was not opened")
	}
	e.applyRefundsDated(&f)
	return nil
}

func (e *Event) foldRefundsEnded(d *decoder) error {
	f := factRefundsEnded{window: d.bool()}
	if err := d.err(); err != nil {
		return err
	}
	if f.window && e.window.until == 0 || !f.window && (e.spec.Pay.RefundUntil == 0 || e.window.over) {
		return unfit("a time for refunds ends that is over, or that there was not")
	}
	e.applyRefundsEnded(&f)
	return nil
}

// windowLast is the latest end of a window.
const windowLast = uint64(instantMax) + refundWindowMsMax*1e6

func (e *Event) windowHash() uint64 {
	w := &e.window
	if *w == (refundWindow{}) {
		return 0
	}
	h := hasher(hashK1)
	h.word(uint64(w.until))
	h.bool(w.undated)
	h.bool(w.over)
	return uint64(h)
}

// appendCalledOff appends what a snapshot keeps of a cancellation and of the window: | reason | next order | next purchase | until | bits: undated, over |
func (e *Event) appendCalledOff(dst []byte) []byte {
	w := &e.window
	dst = binary.AppendUvarint(appendString(dst, e.cancelled.reason), uint64(e.cancelled.next))
	dst = binary.AppendUvarint(dst, uint64(e.cancelled.bought))
	dst = binary.AppendUvarint(dst, uint64(w.until))
	return appendBool(appendBool(dst, w.undated), w.over)
}

func (e *Event) openCalledOff(d *decoder) {
	reason := d.idOrNone()
	e.cancelled.reason, e.cancelled.next = string([]byte(reason)), uint32(d.uint(uint64(e.orders.rows)))
	e.cancelled.bought = uint32(d.uint(math.MaxUint32))
	w := refundWindow{until: Instant(d.uint(windowLast))}
	w.undated, w.over = d.bool(), d.bool()
	if w.undated && w.until != 0 || e.state != EventCancelled && e.state != EventArchived && (reason != "" || e.cancelled.next|e.cancelled.bought != 0) {
		d.fail("a window that is open in two ways, or a cancellation of an event that was not cancelled")
	}
	e.window = w
}
