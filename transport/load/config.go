package load

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Config says what a [Generator] asks for.
type Config struct {
	// Events are asked in turns drawn at random, Lot is what is bought there: one ticket a hold. Required.
	Events []string
	Lot    string
	// Mix is what the commands are. The zero value is holds only.
	Mix Mix
	// Batch is how many commands travel in one message, 1 to 1024; 0 is 1. They are due together.
	Batch int
	// Buyers is how many different buyers there are; 0 is a new one for every hold and every join.
	Buyers uint64
	// HoldTTL is how long a hold lives; older than half of it, it is left to expire. 0 is never.
	HoldTTL time.Duration
	// Timeout is how long an answer is waited for; 0 is [TimeoutDefault].
	Timeout time.Duration
	// Seed is what the dice and the ids start from: the same seed sends the same request ids again, which the engine answers as repeats.
	Seed uint64
	// Progress, if not nil, is told once a second how it goes.
	Progress func(Progress)
}

// Progress is how far a load has come.
type Progress struct {
	Since    time.Duration // of the load, warming up included
	Warming  bool
	Sent     int64 // commands so far
	Answered int64
	TimedOut int64
	InFlight int64
}

// A Mix is the shares of the commands. A confirm or a release needs a hold that was taken before and is not used up: as long as there is none, a hold
// is sent in its place. A place needs somebody who has joined, as long as there is nobody a join is sent.
type Mix struct{ Hold, Confirm, Release, Get, Join, Place int }

func (m Mix) shares() [kinds]int {
	return [kinds]int{m.Hold, m.Confirm, m.Release, m.Get, m.Join, m.Place}
}

func (m Mix) total() (n int) {
	for _, share := range m.shares() {
		n += share
	}
	return n
}

// kind is one of the commands of a mix.
type kind uint8

const (
	kindHold kind = iota
	kindConfirm
	kindRelease
	kindGet
	kindJoin
	kindPlace
	kinds
)

var kindVerbs = [kinds]engine.Verb{engine.VerbHold, engine.VerbConfirm, engine.VerbRelease, engine.VerbGet, engine.VerbJoin, engine.VerbPlace}

// kindLetters begin the request ids, so that a result of a batch says what was asked.
const kindLetters = "hcrgjp"

// draw returns the kind for a number below total.
func (m Mix) draw(n int) kind {
	for k, share := range m.shares() {
		if n -= share; n < 0 {
			return kind(k)
		}
	}
	return kindHold
}

func (c Config) withDefaults() (Config, error) {
	if c.Mix == (Mix{}) {
		c.Mix.Hold = 1
	}
	if c.Batch == 0 {
		c.Batch = 1
	}
	if c.Timeout == 0 {
		c.Timeout = TimeoutDefault
	}
	shares := c.Mix.shares()
	switch {
	case len(c.Events) == 0 || len(c.Events) > EventsMax:
		return c, fmt.Errorf("%d events: give 1 to %d", len(c.Events), EventsMax)
	case !engine.ValidID(c.Lot):
		return c, fmt.Errorf("%q cannot be the id of a lot", c.Lot)
	case slices.Min(shares[:]) < 0:
		return c, errors.New("a share of the mix is negative")
	case c.Batch < 1 || c.Batch > batchMost:
		return c, fmt.Errorf("%d commands a message: give 1 to %d", c.Batch, batchMost)
	case c.Timeout < time.Millisecond || c.Timeout > timeoutMost:
		return c, fmt.Errorf("a timeout of %v: give 1ms to %v", c.Timeout, timeoutMost)
	case c.HoldTTL < 0:
		return c, errors.New("holds cannot live for less than nothing")
	}
	for _, id := range c.Events {
		if !engine.ValidID(id) {
			return c, fmt.Errorf("%q cannot be the id of an event", id)
		}
	}
	return c, nil
}
