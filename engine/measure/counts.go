package measure

import (
	"encoding/binary"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// counts is the meter of what can be counted by time: views, orders, money, errors, and the most of a second. Each series has a timeline.
type counts struct {
	b     *Book
	kpis  []countKPI
	lines []*timeline // by series
}

// coursesMax is how many events may have courses longer than a window. While there are more of them, their buckets are kept for windows only: 16 minutes of
// 10 s, an hour of minutes and a day of quarters. Accounts always have them.
const coursesMax = 2048

func newCounts(b *Book) *counts { return &counts{b: b, kpis: countKPIs()} }

// line is the timeline of a series, for a question: one that is empty if it has counted nothing.
func (c *counts) line(id seriesID) *timeline {
	if int(id) < len(c.lines) {
		return c.lines[id]
	}
	return new(timeline)
}

// courses says whether a series keeps its course.
func (c *counts) courses(id seriesID) bool {
	k := c.b.series.keys[id]
	return k.by == dimNone && (k.of.event == nil || len(c.b.events) <= coursesMax)
}

// change is what an entry adds to each of its series.
type change struct {
	n    int
	cols [6]counter
	by   [6]int64
}

func (d *change) count(col counter, by int64) {
	if by != 0 {
		d.cols[d.n], d.by[d.n] = col, by
		d.n++
	}
}

// change is what an entry adds.
func (e *Entry) change(d *change) {
	// Not exhaustive: the others are counted by other meters, or not at all.
	//exhaustive:ignore
	switch e.Kind {
	case KindViewed:
		d.count(cntViews, 1)
	case KindPrompted:
		d.count(cntPrompts, 1)
	case KindClicked:
		d.count(cntClicks, 1)
	case KindOffered:
		d.count(cntOffers, 1)
	case KindHeld:
		d.count(cntHolds, 1)
	case KindAttempted:
		d.count(cntAttempts, 1)
	case KindOrdered, KindObservedOrder:
		d.count(cntOrders, 1)
		d.count(cntTickets, e.Units)
		d.count(cntFace, e.Money.FaceMinor)
		d.count(cntFees, e.Money.FeesMinor)
		d.count(cntTax, e.Money.TaxMinor)
	case KindDeclined:
		d.count(cntDeclines, 1)
		d.count(cntFailed.ofFailure(e.endedBy()), 1)
	case KindReleased, KindObservedFailed:
		d.count(cntFailed.ofFailure(e.endedBy()), 1)
	case KindRefunded, KindObservedRefund, KindUndone:
		d.count(cntRefunds, e.AmountMinor)
	case KindRefused:
		if f := FailureOf(e.Code); f != FailureNone {
			d.count(cntRefused.ofFailure(f), e.Count)
		}
	case KindAdmitted:
		d.count(cntAdmitted, 1)
	case KindTimed:
		if e.Times != nil {
			n := int64(0)
			for _, bucket := range e.Times.Buckets {
				n += int64(bucket.Count)
			}
			d.count(cntCommands, n)
		}
	}
}

func (c *counts) add(s *Subject, e *Entry, in []seriesID) {
	var d change
	e.change(&d)
	if d.n == 0 {
		return
	}
	number := bucketOf(e.At)
	for _, id := range in {
		for int(id) >= len(c.lines) {
			c.lines = append(c.lines, new(timeline))
		}
		l := c.lines[id]
		slot := &l.open[number&1]
		into := &slot.counters
		if d.n == 1 && d.cols[0] < cntOrders && slot.number == number && l.first != 0 && e.At >= l.first {
			into[d.cols[0]] += d.by[0] // nearly all entries: nothing more is kept of them
			continue
		}
		if slot.number != number {
			into = l.bucket(number, c.b.now, c.courses(id))
		}
		if into == nil {
			into = &counters{}
		}
		for i := range d.n {
			into[d.cols[i]] += d.by[i]
		}
		if l.first == 0 || e.At < l.first {
			l.first = e.At
		}
		// Not exhaustive: of the others nothing more is kept.
		//exhaustive:ignore
		switch d.cols[0] {
		case cntOrders:
			c.ordered(l, s, e, into)
		case cntRefunds:
			l.priced(s.Currency)
		case cntCommands:
			l.firstCommands, l.lastCommands = span(l.firstCommands, l.lastCommands, e.At)
		}
		if into != &slot.counters {
			l.put(number, into)
		}
	}
}

// ordered notes the rest of an order.
func (c *counts) ordered(l *timeline, s *Subject, e *Entry, into *counters) {
	l.firstOrder, l.lastOrder = span(l.firstOrder, l.lastOrder, e.At)
	orders, tickets := l.sold(e.At, 1, e.Units)
	into[cntPeakOrders1s], into[cntPeakTickets1s] = max(into[cntPeakOrders1s], orders), max(into[cntPeakTickets1s], tickets)
	if e.Money != (Money{}) {
		l.priced(s.Currency)
	}
}

// span is the time from the first to the last of something, with one more.
func span(first, last, at engine.Instant) (engine.Instant, engine.Instant) {
	if first == 0 {
		return at, at
	}
	return min(first, at), max(last, at)
}

// seconds is how long a span is: a second at least.
func seconds(first, last engine.Instant) float64 {
	return max(float64(last-first)/float64(time.Second), 1)
}

// advance does nothing: what is old moves on when its series next counts something.
func (c *counts) advance(engine.Instant) {}

func (c *counts) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.lines)))
	for _, l := range c.lines {
		dst = l.appendState(dst)
	}
	return dst
}

func (c *counts) readState(r *reader) {
	for range r.count(32) {
		l := new(timeline)
		l.readState(r)
		c.lines = append(c.lines, l)
	}
	if len(c.lines) > len(c.b.series.keys) {
		r.fail("it counts more series than there are")
	}
}
