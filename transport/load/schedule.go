package load

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Arrivals say how the messages of an open loop are spread over time.
type Arrivals string

// The kinds of arrivals.
const (
	// Poisson arrivals are independent of each other, as people are: now and then many come at once.
	Poisson Arrivals = "poisson"
	// Constant arrivals are equally far apart.
	Constant Arrivals = "constant"
)

// Schedule says when an open loop sends.
type Schedule struct {
	// PerSecond is how many commands are due in a second.
	PerSecond float64
	// Arrivals is how they come; empty is [Poisson].
	Arrivals Arrivals
	// Warmup comes first and is not measured. For is how long it is measured.
	Warmup, For time.Duration
}

func (s Schedule) withDefaults() (Schedule, error) {
	if s.Arrivals == "" {
		s.Arrivals = Poisson
	}
	switch {
	case s.Arrivals != Poisson && s.Arrivals != Constant:
		return s, fmt.Errorf("arrivals %q: choose %s or %s", s.Arrivals, Poisson, Constant)
	case !(s.PerSecond > 0 && s.PerSecond <= 1e9):
		return s, fmt.Errorf("a rate of %v commands a second: give more than 0", s.PerSecond)
	case s.Warmup < 0 || s.For <= 0:
		return s, fmt.Errorf("warming up for %v, measuring for %v: give times", s.Warmup, s.For)
	}
	return s, nil
}

// arrivals is when messages are due, one after the other, since the beginning of the load.
type arrivals struct {
	gap  float64 // between messages on average, in nanoseconds
	dice *rand.Rand
	kind Arrivals
	at   float64 // of the last one, in nanoseconds: a hundred days lose less than a microsecond
}

func (a *arrivals) next() time.Duration {
	if a.kind == Poisson {
		a.at += a.gap * a.dice.ExpFloat64()
	} else {
		a.at += a.gap
	}
	return time.Duration(a.at)
}
