package measure

import (
	"encoding/binary"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// rungSteps are how long the buckets are that a series keeps, the finest first: what gets old moves from rung to rung, and off the last.
//
//nolint:gochecknoglobals // constant tables: Go has no constant arrays
var (
	rungSteps = [...]engine.Instant{
		engine.Instant(10 * time.Second), engine.Instant(time.Minute), engine.Instant(15 * time.Minute), engine.Instant(time.Hour), engine.Instant(24 * time.Hour),
	}
	// keptWindows is how long buckets stay on a rung of a series that only answers windows: each window, its step, and some time for clocks that differ.
	keptWindows = [len(rungSteps)]engine.Instant{engine.Instant(16 * time.Minute), engine.Instant(64 * time.Minute), engine.Instant(25 * time.Hour), 0, 0}
	// keptCourses is the same of a series that shows its whole course in at most courseMax points.
	keptCourses = [len(rungSteps)]engine.Instant{
		engine.Instant(16 * time.Minute), courseMax * engine.Instant(time.Minute), courseMax * engine.Instant(15*time.Minute), courseMax * engine.Instant(time.Hour),
		courseMax * engine.Instant(24*time.Hour),
	}
)

// rung is the buckets of one length, in order of time. Only those are there in which something happened, and of them only what did:
//
//	| number of the bucket, 4 bytes | length of what follows, 2 bytes | counters |
//
// A bucket's number is its time over the length of a bucket.
type rung struct {
	buf  []byte
	last int // where the last bucket begins
}

const bucketHead = 6

func bucketAt(buf []byte, at int) (number uint32, end int) {
	return binary.LittleEndian.Uint32(buf[at:]), at + bucketHead + int(binary.LittleEndian.Uint16(buf[at+4:]))
}

func bucketCounters(buf []byte, at, end int) counters {
	r := reader{buf: buf[at+bucketHead : end]}
	return r.counters()
}

// put merges counters into a bucket, made if it is new. Nearly always it is the last or comes after it.
func (g *rung) put(number uint32, c *counters) {
	at := 0
	if len(g.buf) > 0 {
		if last, _ := bucketAt(g.buf, g.last); number >= last {
			at = g.last
		}
	}
	end := at
	for at < len(g.buf) {
		n, after := bucketAt(g.buf, at)
		if n > number {
			end = at
			break
		}
		if end = after; n == number {
			whole := bucketCounters(g.buf, at, end)
			whole.merge(c)
			c = &whole
			break
		}
		at = after
		end = at
	}
	var fresh [bucketHead + (1+int(countersEnd))*binary.MaxVarintLen64]byte
	body := c.append(fresh[:bucketHead])
	binary.LittleEndian.PutUint32(body, number)
	binary.LittleEndian.PutUint16(body[4:], uint16(len(body)-bucketHead))
	switch grown := len(body) - (end - at); {
	case end == len(g.buf):
		g.buf, g.last = append(g.buf[:at], body...), at
	case grown == 0:
		copy(g.buf[at:], body)
	default:
		rest := append([]byte(nil), g.buf[end:]...)
		g.buf = append(append(g.buf[:at], body...), rest...)
		g.last += grown
	}
}

// each calls use with the buckets from a number on.
func (g *rung) each(from uint32, use func(number uint32, c *counters)) {
	for at := 0; at < len(g.buf); {
		number, end := bucketAt(g.buf, at)
		if number >= from {
			c := bucketCounters(g.buf, at, end)
			use(number, &c)
		}
		at = end
	}
}

// drop takes the buckets before a number out, and calls use with each.
func (g *rung) drop(before uint32, use func(number uint32, c *counters)) {
	at := 0
	for at < len(g.buf) {
		number, end := bucketAt(g.buf, at)
		if number >= before {
			break
		}
		c := bucketCounters(g.buf, at, end)
		use(number, &c)
		at = end
	}
	if at > 0 {
		g.buf = append(g.buf[:0], g.buf[at:]...)
		g.last = max(g.last-at, 0)
		if cap(g.buf) > 256 && len(g.buf) < cap(g.buf)/4 {
			g.buf = append(make([]byte, 0, len(g.buf)*2), g.buf...)
		}
	}
}

func (g *rung) appendState(dst []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(g.buf))), g.buf...)
}

func (g *rung) readState(r *reader) {
	n := r.count(1)
	g.buf = append(g.buf, r.buf[:n]...)
	r.buf = r.buf[n:]
	for at := 0; at < len(g.buf); {
		if len(g.buf)-at < bucketHead {
			r.fail("a bucket ends too early")
			break
		}
		number, end := bucketAt(g.buf, at)
		if end > len(g.buf) {
			r.fail("a bucket ends too early")
			break
		}
		body := reader{buf: g.buf[at+bucketHead : end]}
		body.counters()
		if before, _ := bucketAt(g.buf, g.last); body.what != "" || len(body.buf) > 0 || at > 0 && before >= number {
			r.fail("a bucket that does not fit")
			break
		}
		g.last, at = at, end
	}
	if r.what != "" {
		*g = rung{}
	}
}
