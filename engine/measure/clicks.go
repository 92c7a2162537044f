package measure

import "encoding/binary"

// A click is unanswered for as long as its client has not told what its buyer saw. It counts once it is answered, or due.
const (
	clickDueMs  = 10_000  // from when on an unanswered click counts, as one that was not confirmed
	clickKeptMs = 120_000 // how long an answer is waited for
	clickSeenMs = 2_000   // within which a click has to be confirmed
	clicksMax   = 1 << 16 // that are waited for: beyond it the oldest is not any more
)

// clicks are those whose answers are waited for, in the order in which they were told.
type clicks struct {
	first uint64 // the number of the oldest
	queue []click
	of    map[uint64]uint64 // row: the number of its last click
}

type click struct {
	row  uint64 // 0: it was answered
	ms   int64  // when
	at   minuteKey
	cell uint32
}

func newClicks() clicks { return clicks{of: make(map[uint64]uint64)} }

// note takes a click, or what was seen of one. A click is confirmed if its buyer saw what came of it in time, and there was an order of its attempt then. Two clicks
// within the time that an answer is due in are one. Shops report by the same touch what buyers see of the standard checkout: that answers no click. cell is that of
// the buyer by one-click, as there is no other click.
func (c *clicks) note(all *cells, key uint64, cell uint32, r *buyerRow, at minuteKey, e *Entry) {
	ms := msOf(e.At)
	number, waits := c.of[key]
	if e.Kind == KindClicked {
		if waits && ms-c.queue[number-c.first].ms < clickDueMs {
			return
		}
		if len(c.queue) == clicksMax {
			c.pop(all)
		}
		c.of[key] = c.first + uint64(len(c.queue))
		c.queue = append(c.queue, click{row: key, ms: ms, at: at, cell: cell})
		return
	}
	attempted := r.has(rowUntold) && r.request == requestOf(e.Ref)
	switch {
	case attempted && !r.has(rowByOneClick):
		return
	case attempted:
		r.flags &^= rowUntold
	case !waits:
		return // of the standard checkout, told before, or of a click that was refused and not reported
	}
	if waits {
		k := &c.queue[number-c.first]
		at, k.row = k.at, 0
		delete(c.of, key)
	} else if e.DurationMs >= clickKeptMs {
		return // it has counted, as one that was not answered
	}
	all.count(cell, at, timeClicks, 1)
	if r.orders > 0 && (attempted || !r.has(rowSells)) {
		r.orders--
		if e.DurationMs <= clickSeenMs {
			all.count(cell, at, timeConfirmed, 1)
		}
	}
}

// requestOf is enough of a request id to know it again among those of one buyer.
func requestOf(ref uint64) [3]byte { return [3]byte{byte(ref), byte(ref >> 8), byte(ref >> 16)} }

// rename gives the click of a session to its buyer.
func (c *clicks) rename(from, to uint64) {
	number, ok := c.of[from]
	if !ok {
		return
	}
	delete(c.of, from)
	c.queue[number-c.first].row = to
	if other, ok := c.of[to]; !ok || other < number {
		c.of[to] = number
	}
}

// pop stops to wait for the oldest click.
func (c *clicks) pop(all *cells) {
	k := &c.queue[0]
	if k.row != 0 {
		all.count(k.cell, k.at, timeClicks, 1)
		if c.of[k.row] == c.first {
			delete(c.of, k.row)
		}
	}
	c.queue = c.queue[1:]
	c.first++
}

// advance stops to wait for clicks that are too old.
func (c *clicks) advance(all *cells, now int64) {
	for len(c.queue) > 0 && (c.queue[0].row == 0 || c.queue[0].ms+clickKeptMs <= now) {
		c.pop(all)
	}
}

// due calls use with the clicks that are waited for and were not answered when they had to be.
func (c *clicks) due(now int64, use func(*click)) {
	for i := range c.queue {
		if k := &c.queue[i]; k.row != 0 && k.ms+clickDueMs <= now {
			use(k)
		}
	}
}

func (c *clicks) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.queue)))
	for i := range c.queue {
		k := &c.queue[i]
		waits := k.row != 0 && c.of[k.row] == c.first+uint64(i)
		dst = binary.AppendVarint(binary.LittleEndian.AppendUint64(dst, k.row), k.ms)
		dst = append(binary.AppendUvarint(binary.AppendUvarint(dst, uint64(k.at)), uint64(k.cell)), flag(waits))
	}
	return dst
}

func (c *clicks) readState(r *reader, all *cells) {
	for i := range r.count(12) {
		k := click{row: r.fixed64(), ms: r.int(), at: minuteKey(r.uint()), cell: all.read(r)}
		if r.byte() == 1 {
			c.of[k.row] = uint64(i)
		}
		c.queue = append(c.queue, k)
	}
}
