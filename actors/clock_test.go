package actors

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// jumpyWall is a wall clock that somebody sets; the monotonic clock below it runs on.
type jumpyWall struct{ offset time.Duration }

func (w *jumpyWall) clock(highMark engine.Instant) *Clock {
	c := NewClock(time.Now, highMark)
	c.wallNow = func() engine.Instant { return engine.Instant(time.Now().Add(w.offset).UnixNano()) }
	return c
}

func TestNodeTimeNeverStartsBelowTheHighMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mark := engine.Instant(time.Now().Add(time.Hour).UnixNano())
		if got := NewClock(time.Now, mark).Now(); got != mark {
			t.Fatalf("node time %d, want the high mark %d", got, mark)
		}
	})
}

func TestNodeTimeFollowsAWallJumpByAtMost500ppm(t *testing.T) {
	for name, jump := range map[string]time.Duration{"forward": time.Hour, "backward": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &jumpyWall{}
				c := w.clock(0)
				w.offset = jump
				before := c.Now()
				c.Slew()
				for range 100 {
					time.Sleep(time.Second)
					ahead := c.Slew()
					if ahead.Abs() < ClockAlarm {
						t.Fatalf("the jump of %v is not seen: %v", jump, ahead)
					}
				}
				gained := time.Duration(c.Now()-before) - 100*time.Second
				if most := 100 * slewMaxPPM * time.Microsecond; gained.Abs() > most {
					t.Fatalf("node time moved %v against the monotonic clock in 100 s, more than %v", gained, most)
				}
				if (gained > 0) != (jump > 0) {
					t.Fatalf("node time moved %v, away from a wall that jumped %v", gained, jump)
				}
			})
		})
	}
}

func TestNodeTimeReachesWallTimeAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &jumpyWall{}
		c := w.clock(0)
		w.offset = 10 * time.Millisecond
		last := c.Now()
		for range 60 {
			c.Slew()
			time.Sleep(time.Second)
			if now := c.Now(); now < last {
				t.Fatal("node time ran backwards")
			} else {
				last = now
			}
		}
		if ahead := c.Slew(); ahead.Abs() > 100*time.Microsecond {
			t.Fatalf("still %v from wall time after a minute", ahead)
		}
	})
}
