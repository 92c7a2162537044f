package measure

import (
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// floor is the last multiple of step at or before a moment.
func floor(at, step engine.Instant) engine.Instant {
	if rest := at % step; rest < 0 {
		return at - rest - step
	} else {
		return at - rest
	}
}

// step is how coarse a window's beginning is: as coarse as what is kept for so long.
func (w Window) step() engine.Instant {
	switch w {
	case Window10s, Window1m, Window15m:
		return engine.Instant(10 * time.Second)
	case Window1h:
		return engine.Instant(time.Minute)
	case Window24h:
		return engine.Instant(15 * time.Minute)
	case WindowSale:
	}
	return 0
}

// Begin is when a window that ends at now begins: its length before now, or up to one step earlier, where a bucket of time begins. The step is 10 s for windows
// up to 15 minutes, a minute for an hour, a quarter of an hour for a day; [WindowSale] has no beginning, and gets the earliest moment that there is.
func (w Window) Begin(now engine.Instant) engine.Instant {
	if w == WindowSale {
		return -1 << 63
	}
	return floor(now-engine.Instant(w.LengthMs())*1e6, w.step())
}
