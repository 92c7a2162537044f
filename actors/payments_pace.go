package actors

import "time"

// pacer is a lane's token bucket, with a rate that can be set at any time and that a gateway's limits push down. It has no clock of its own.
type pacer struct {
	rate   float64 // calls a second, as it was set
	burst  float64
	share  float64 // of the rate: below 1 since the gateway has limited us, and growing back
	tokens float64
	at     time.Duration // tokens and share are of this moment

	pausedUntil time.Duration // the gateway does not want a call before
	halvedAt    time.Duration
	halved      bool // halvedAt is set
}

const (
	shareLeast      = 1.0 / 64 // of the rate, whatever the gateway says
	shareGainPerSec = 1.0 / 32 // how fast the rate grows back: from half in 16 s
	halveEvery      = time.Second
	burstSeconds    = 0.1 // of the rate may leave at one moment
)

func newPacer(rate float64) pacer {
	p := pacer{share: 1}
	p.set(0, rate)
	p.tokens = p.burst
	return p
}

// set changes the rate.
func (p *pacer) set(now time.Duration, rate float64) {
	p.refill(now)
	p.rate, p.burst = rate, max(1, rate*burstSeconds)
	p.tokens = min(p.tokens, p.burst)
}

// effective is the present rate, in calls a second.
func (p *pacer) effective() float64 { return p.rate * p.share }

func (p *pacer) refill(now time.Duration) {
	if passed := (now - p.at).Seconds(); passed > 0 {
		p.tokens = min(p.burst, p.tokens+passed*p.effective())
		p.share = min(1, p.share+passed*shareGainPerSec)
		p.at = now
	}
}

// wait is how long it takes until a call may leave; 0 is now.
func (p *pacer) wait(now time.Duration) time.Duration {
	p.refill(now)
	if now < p.pausedUntil {
		return p.pausedUntil - now
	}
	if p.tokens >= 1 {
		return 0
	}
	return max(time.Duration((1-p.tokens)/p.effective()*float64(time.Second)), time.Microsecond)
}

// take uses up a token: only after wait has said 0.
func (p *pacer) take() { p.tokens-- }

// give puts a token back that was not used.
func (p *pacer) give() { p.tokens = min(p.burst, p.tokens+1) }

// throttled notes that the gateway limits us: nothing leaves for a while, then at half the rate, which grows back. Several answers to what was already
// under way halve it once.
func (p *pacer) throttled(now, retryAfter time.Duration) {
	p.refill(now)
	p.pausedUntil = max(p.pausedUntil, now+retryAfter)
	if !p.halved || now-p.halvedAt >= halveEvery {
		p.share = max(shareLeast, p.share/2) //nolint:mnd // half
		p.halved, p.halvedAt = true, now
		p.tokens = 0
	}
}
