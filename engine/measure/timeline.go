package measure

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// timeline is what happened in one series, by time. Every entry is in one place only: in one of two open buckets, or in a bucket of one rung, and once its
// bucket is closed also in total.
type timeline struct {
	total  counters
	open   [2]openBucket // of 10 s, the newest and the one before: entries of several events, and touches, come in about the order of time
	newest int64         // number of the newest open bucket
	rungs  [len(rungSteps)]rung
	moved  [len(rungSteps)]engine.Instant // what is before it has moved on to the next rung

	seconds []second // of the last minute with orders

	currency                                           string // of the money in it
	mixed                                              bool   // it is of several
	first                                              engine.Instant
	firstOrder, lastOrder, firstCommands, lastCommands engine.Instant // 0: there were none
}

type openBucket struct {
	number int64 // of 10 s; 0 is none
	counters
}

// second is the orders and tickets of a second.
type second struct {
	at              int64 // seconds since the Unix epoch
	orders, tickets int64
}

// secondsKept is for how long a second may still grow.
const secondsKept = 60

// bucketOf is the number of an instant's bucket of 10 s. What is before 1970 counts as its first.
func bucketOf(at engine.Instant) int64 { return int64(max(at, rungSteps[0]) / rungSteps[0]) }

// bucket opens the bucket of a number, and returns nil if it is closed: what belongs there is put.
func (l *timeline) bucket(number int64, now engine.Instant, courses bool) *counters {
	slot := &l.open[number&1]
	if number > l.newest {
		l.newest = number
		l.close(number, now, courses)
	} else if slot.number != 0 || number != l.newest-1 || engine.Instant(number)*rungSteps[0] < l.moved[0] {
		return nil
	}
	slot.number = number
	return &slot.counters
}

// close closes the open buckets that are neither that of number nor the one before.
func (l *timeline) close(number int64, now engine.Instant, courses bool) {
	a, b := &l.open[0], &l.open[1]
	if a.number > b.number {
		a, b = b, a
	}
	for _, o := range [...]*openBucket{a, b} {
		if o.number != 0 && o.number < number-1 {
			l.put(o.number, &o.counters)
			*o = openBucket{}
		}
	}
	kept := &keptWindows
	if courses {
		kept = &keptCourses
	}
	for i := range len(rungSteps) {
		l.move(i, now-kept[i], kept)
	}
}

// put keeps a closed bucket of 10 s.
func (l *timeline) put(number int64, c *counters) {
	l.total.merge(c)
	at, i := engine.Instant(number)*rungSteps[0], 0
	for i < len(rungSteps) && at < l.moved[i] {
		i++
	}
	if i < len(rungSteps) {
		l.rungs[i].put(uint32(at/rungSteps[i]), c)
	}
}

// move moves the buckets of a rung that are older than a moment to the next one that keeps something, whole ones of the next at a time.
func (l *timeline) move(i int, before engine.Instant, kept *[len(rungSteps)]engine.Instant) {
	next := i + 1
	if next < len(rungSteps) {
		before = floor(before, rungSteps[next])
	}
	if before <= l.moved[i] {
		return
	}
	l.moved[i] = before
	last := next == len(rungSteps) || kept[next] == 0
	l.rungs[i].drop(uint32(before/rungSteps[i]), func(number uint32, c *counters) {
		if i == 1 {
			c.minute()
			l.total[cntPeakOrders1m] = max(l.total[cntPeakOrders1m], c[cntPeakOrders1m])
			l.total[cntPeakTickets1m] = max(l.total[cntPeakTickets1m], c[cntPeakTickets1m])
		}
		if !last {
			l.rungs[next].put(uint32(engine.Instant(number)*rungSteps[i]/rungSteps[next]), c)
		}
	})
}

// sold takes orders into their second, and returns how many that second has now; 0 if it is too long ago to tell.
func (l *timeline) sold(at engine.Instant, orders, tickets int64) (ordersNow, ticketsNow int64) {
	sec := int64(at) / int64(time.Second)
	i := len(l.seconds)
	for i > 0 && l.seconds[i-1].at > sec {
		i--
	}
	if i > 0 && l.seconds[i-1].at == sec {
		s := &l.seconds[i-1]
		s.orders, s.tickets = s.orders+orders, s.tickets+tickets
		return s.orders, s.tickets
	}
	if n := len(l.seconds); n > 0 && sec <= l.seconds[n-1].at-secondsKept {
		return 0, 0
	}
	l.seconds = slices.Insert(l.seconds, i, second{sec, orders, tickets})
	newest := l.seconds[len(l.seconds)-1].at
	old := 0
	for l.seconds[old].at <= newest-secondsKept {
		old++
	}
	l.seconds = append(l.seconds[:0], l.seconds[old:]...)
	return orders, tickets
}

// priced notes the currency of money that comes in, if its event has named one.
func (l *timeline) priced(currency string) {
	switch {
	case currency == "" || currency == l.currency:
	case l.currency == "":
		l.currency = currency
	default:
		l.mixed = true
	}
}

// all is what happened since the beginning, the most of a minute too.
func (l *timeline) all() counters {
	c := l.total
	for i := range l.open {
		c.merge(&l.open[i].counters)
	}
	var minutes minutesSeen
	l.each(-1<<63, minutes.see)
	c[cntPeakOrders1m], c[cntPeakTickets1m] = max(c[cntPeakOrders1m], minutes.orders), max(c[cntPeakTickets1m], minutes.tickets)
	return c
}

// since is what happened in the buckets that begin at a moment or later.
func (l *timeline) since(begin engine.Instant) counters {
	var c counters
	var minutes minutesSeen
	l.each(begin, func(at, step engine.Instant, b *counters) {
		c.merge(b)
		minutes.see(at, step, b)
	})
	c[cntPeakOrders1m], c[cntPeakTickets1m] = max(c[cntPeakOrders1m], minutes.orders), max(c[cntPeakTickets1m], minutes.tickets)
	return c
}

// each calls use with the buckets that begin at a moment or later: in order of time.
func (l *timeline) each(begin engine.Instant, use func(at, step engine.Instant, c *counters)) {
	begin = max(begin, 0)
	for i := len(rungSteps) - 1; i >= 0; i-- {
		step := rungSteps[i]
		l.rungs[i].each(uint32((begin+step-1)/step), func(number uint32, c *counters) { use(engine.Instant(number)*step, step, c) })
	}
	a, b := &l.open[0], &l.open[1]
	if a.number > b.number {
		a, b = b, a
	}
	for _, o := range [...]*openBucket{a, b} {
		if at := engine.Instant(o.number) * rungSteps[0]; o.number != 0 && at >= begin {
			use(at, rungSteps[0], &o.counters)
		}
	}
}

// minutesSeen finds the most orders and tickets of a minute in buckets that come in order of time.
type minutesSeen struct {
	at              engine.Instant
	now             counters
	orders, tickets int64
}

func (m *minutesSeen) see(at, step engine.Instant, c *counters) {
	if step > rungSteps[1] { // it keeps the most of its minutes
		return
	}
	if minute := floor(at, rungSteps[1]); minute != m.at {
		m.at, m.now = minute, counters{}
	}
	m.now[cntOrders] += c[cntOrders]
	m.now[cntTickets] += c[cntTickets]
	m.orders, m.tickets = max(m.orders, m.now[cntOrders]), max(m.tickets, m.now[cntTickets])
}

func (l *timeline) appendState(dst []byte) []byte {
	dst = binary.AppendVarint(l.total.append(dst), l.newest)
	for i := range l.open {
		dst = l.open[i].append(binary.AppendVarint(dst, l.open[i].number))
	}
	for i := range l.rungs {
		dst = l.rungs[i].appendState(binary.AppendVarint(dst, int64(l.moved[i])))
	}
	dst = binary.AppendUvarint(dst, uint64(len(l.seconds)))
	for _, s := range l.seconds {
		dst = binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(dst, s.at), s.orders), s.tickets)
	}
	dst = append(appendString(dst, l.currency), flag(l.mixed))
	for _, at := range [...]engine.Instant{l.first, l.firstOrder, l.lastOrder, l.firstCommands, l.lastCommands} {
		dst = binary.AppendVarint(dst, int64(at))
	}
	return dst
}

func (l *timeline) readState(r *reader) {
	l.total, l.newest = r.counters(), r.int()
	for i := range l.open {
		l.open[i].number = r.int()
		l.open[i].counters = r.counters()
	}
	for i := range l.rungs {
		l.moved[i] = engine.Instant(r.int())
		l.rungs[i].readState(r)
	}
	for range r.count(3) {
		l.seconds = append(l.seconds, second{r.int(), r.int(), r.int()})
	}
	l.currency, l.mixed = r.string(), r.byte() == 1
	for _, at := range [...]*engine.Instant{&l.first, &l.firstOrder, &l.lastOrder, &l.firstCommands, &l.lastCommands} {
		*at = engine.Instant(r.int())
	}
}
