package actors

import (
	"math/bits"
	"time"
)

// breaker notices that a gateway does not answer, so that nobody waits in vain: it opens after failuresInRow failures one after the other, or when half of the
// newest breakerWindow calls failed. While it is open only probes leave; the first that is answered closes it.
type breaker struct {
	inRow   int
	newest  uint32 // a bit a call, the newest lowest: 1 has failed
	calls   int    // of which newest knows, up to breakerWindow
	open    bool
	probing bool          // a probe is under way
	probeAt time.Duration // the next one
	pause   time.Duration // before the one after that
	opened  uint64        // how often it has opened
}

const (
	failuresInRow   = 5
	breakerWindow   = 20
	probeFirst      = 5 * time.Second
	probePauseLimit = 30 * time.Second // the gateway's return is noticed within this, so that all is settled within a minute of it
)

// note tells of a call that was answered or not. Throttled calls are answered. before says that it was about a charge of a process before this one: what that
// left unfinished is what was not answered, so that it fails more often than other calls, and a probe is asked at once whether the gateway is away.
func (b *breaker) note(now time.Duration, failed, before bool) {
	if b.open {
		return // of a call that had left before
	}
	b.newest = b.newest << 1 & (1<<breakerWindow - 1)
	b.calls = min(b.calls+1, breakerWindow)
	if !failed {
		b.inRow = 0
		return
	}
	b.newest |= 1
	b.inRow++
	if b.inRow >= failuresInRow || b.calls == breakerWindow && 2*bits.OnesCount32(b.newest) >= breakerWindow {
		b.open, b.pause, b.probeAt = true, probeFirst, now+probeFirst
		b.opened++
		if before {
			b.probeAt = now
		}
	}
}

// wantsProbe reports whether a probe should leave now.
func (b *breaker) wantsProbe(now time.Duration) bool { return b.open && !b.probing && now >= b.probeAt }

// probed tells how a probe ended, and reports whether the breaker has closed.
func (b *breaker) probed(now time.Duration, failed bool) bool {
	b.probing = false
	if failed {
		b.pause = min(2*b.pause, probePauseLimit) //nolint:mnd // twice as long
		b.probeAt = now + b.pause
		return false
	}
	*b = breaker{opened: b.opened}
	return true
}
