package sandbox

import (
	"context"
	"time"
)

// KeyAge is how long the sandbox remembers an idempotency key. The same key later is a new request, as at real gateways.
const KeyAge = 24 * time.Hour

// ChargesMaxDefault bounds the charges that a sandbox keeps.
const ChargesMaxDefault = 1 << 20

// Config says how a sandbox behaves. The zero value answers at once and does what tokens ask for.
type Config struct {
	// Name is how methods name the gateway; empty is sandbox.
	Name string
	// Seed decides everything that is drawn: latencies, faults, ids. What happens to a request depends on the seed, its key and how often it
	// was sent, not on what else goes on.
	Seed uint64
	// Latency is how long answers take.
	Latency Latency
	// Faults is what goes wrong by itself, whatever the tokens say.
	Faults Faults
	// RatePerSecond is above how many requests a second the sandbox refuses them as too many; 0 is no limit. Burst is how many may come at once.
	RatePerSecond, Burst int
	// RetryAfter is what it then says; 0 is a second.
	RetryAfter time.Duration
	// Timeout is how long a caller waits for an answer that never comes; 0 is no time. It ends with the caller's context at the latest.
	Timeout time.Duration
	// ChargesMax bounds the charges kept; 0 is ChargesMaxDefault. Beyond it requests are refused before they are looked at.
	ChargesMax int
	// File keeps the ledger; each effect is synced to it before it is answered. Empty keeps it in memory only.
	File string
	// Now is the sandbox's clock; nil is the wall's.
	Now func() time.Time
	// Wait waits for d, or for ctx with its error; nil really waits.
	Wait func(ctx context.Context, d time.Duration) error
	// Changed is called with a charge's order when something has happened to it that no request asked for: a buyer has authenticated. It is
	// what a webhook would say, and must not block. It may be nil.
	Changed func(order string)
}

// Latency is a distribution of times: log-normal with this median and 99th percentile. Zero is no time.
type Latency struct {
	Median, P99 time.Duration
}

// Faults is how often things go wrong, each in 10,000 requests. Declines and authentications happen to tokens that succeed otherwise.
type Faults struct {
	DeclineSoft, DeclineHard, Authenticate int // of charges
	LostRequest                            int // nothing happened, and no answer comes
	LostAnswer                             int // it happened, and no answer comes
	StoredError                            int // it happened, and a server error is the answer to this key for ever
	Throttle                               int // refused as too many, before it is looked at
	CaptureFails, RefundFails              int // definitely, this time
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "sandbox"
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = time.Second
	}
	if c.ChargesMax == 0 {
		c.ChargesMax = ChargesMaxDefault
	}
	if c.Burst == 0 {
		c.Burst = max(c.RatePerSecond, 1)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	return c
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
