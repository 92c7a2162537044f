package actors

import (
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// slewMaxPPM bounds how fast node time is drawn towards wall time: 500 microseconds a second, the bound NTP daemons use. A wall clock that
// jumps therefore never expires holds in a mass; it is followed slowly and alarmed.
const slewMaxPPM = 500

// ClockAlarm is the difference between node time and wall time above which the clock is alarming.
const ClockAlarm = time.Second

// Clock is node time. It starts at the later of wall time and the highest node time persisted, then follows the monotonic clock, slewed to
// wall time by at most 500 ppm. It never runs backwards. Safe for concurrent use; Now costs one clock read.
type Clock struct {
	now     func() time.Time // carries a monotonic reading, as time.Now does
	wallNow func() engine.Instant
	origin  time.Time
	anchor  atomic.Pointer[anchor]
}

// anchor is a point that node time passes through, and its present speed.
type anchor struct {
	mono time.Duration // since origin
	node engine.Instant
	ppm  int64 // node time gained a second, in microseconds
}

// NewClock starts node time at the later of wall's present and highMark. wall is time.Now outside tests.
func NewClock(wall func() time.Time, highMark engine.Instant) *Clock {
	now := wall()
	c := &Clock{now: wall, origin: now}
	c.wallNow = func() engine.Instant { return engine.Instant(wall().UnixNano()) }
	c.anchor.Store(&anchor{node: max(engine.Instant(now.UnixNano()), highMark)})
	return c
}

// Now is the present node time.
func (c *Clock) Now() engine.Instant {
	if plantedBug(plantedWallTime) {
		return c.Wall()
	}
	a := c.anchor.Load()
	return a.at(c.Mono())
}

// Mono is the monotonic time since the clock was made.
func (c *Clock) Mono() time.Duration { return c.now().Sub(c.origin) }

// both is Now and Mono of the same moment, for one clock read.
func (c *Clock) both() (engine.Instant, time.Duration) {
	mono := c.Mono()
	if plantedBug(plantedWallTime) {
		return c.Wall(), mono
	}
	return c.anchor.Load().at(mono), mono
}

// Wall is the present wall time: only for what people scheduled by it.
func (c *Clock) Wall() engine.Instant { return c.wallNow() }

func (a *anchor) at(mono time.Duration) engine.Instant {
	d := mono - a.mono
	if d < 0 {
		d = 0 // read before a newer anchor was published: stand still rather than run backwards
	}
	return a.node + engine.Instant(d) + engine.Instant(int64(d)/1_000_000*a.ppm)
}

// Slew sets the speed for the time until the next call, one second later by convention, and returns how far node time is ahead of wall time.
// Only one goroutine calls it.
func (c *Clock) Slew() time.Duration {
	mono := c.Mono()
	node := c.anchor.Load().at(mono)
	ahead := time.Duration(node - c.Wall())
	ppm := -ahead.Microseconds() // to be gone within a second, if the bound allows
	ppm = min(max(ppm, -slewMaxPPM), slewMaxPPM)
	c.anchor.Store(&anchor{mono: mono, node: node, ppm: ppm})
	return ahead
}
