package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// call is one command on its way: waiting for a message, in one, or in a pause before the next attempt.
type call struct {
	event string
	verb  engine.Verb
	body  []byte // protobuf of the command, without correlation

	// alone keeps the command out of batches: it is not a buyer's, its answer may be long, or a batch with it was refused.
	alone    bool
	attempts int
	giveUp   time.Time
	pooled   bool

	// The waiting caller reads these when its context ends, while the client works on.
	state atomic.Uint32
	lost  atomic.Bool           // an attempt left without an answer: it may have been carried out
	last  atomic.Pointer[error] // why the last attempt has to be repeated

	done func(Reply, error)
}

// calls are pooled for asynchronous commands only: a waiting caller may leave while its call is still on its way.
var calls = sync.Pool{New: func() any { return new(call) }}

// free gives an asynchronous call back to the pool.
func (c *call) free() {
	body := c.body[:0]
	c.event, c.verb, c.body, c.alone, c.attempts, c.giveUp, c.pooled, c.done = "", 0, body, false, 0, time.Time{}, false, nil
	c.state.Store(callWaiting)
	c.lost.Store(false)
	c.last.Store(nil)
	calls.Put(c)
}

// The states of a call. Who moves it to callDone or callLeft owns the rest of it.
const (
	callWaiting uint32 = iota
	callSent
	callDone // the answer was given to done
	callLeft // the caller has gone
)

// finish gives the answer to the caller, unless that has gone.
func (c *call) finish(r Reply, err error) {
	for {
		s := c.state.Load()
		if s == callDone || s == callLeft {
			return
		}
		if c.state.CompareAndSwap(s, callDone) {
			c.done(r, err)
			if c.pooled {
				c.free()
			}
			return
		}
	}
}

// move changes the state of a call that is still wanted, and reports whether it is.
func (c *call) move(to uint32) bool {
	for {
		s := c.state.Load()
		if s == callDone || s == callLeft {
			return false
		}
		if c.state.CompareAndSwap(s, to) {
			return true
		}
	}
}

// unanswered is the error of a call that ends without an answer, because of cause.
func (c *call) unanswered(sent bool, cause error) error {
	last := c.last.Load()
	switch unknown := sent || c.lost.Load(); {
	case unknown && last != nil:
		return fmt.Errorf("%w (%w, before: %w)", ErrOutcomeUnknown, cause, *last)
	case unknown:
		return fmt.Errorf("%w (%w)", ErrOutcomeUnknown, cause)
	case last != nil:
		return fmt.Errorf("%w (%w)", *last, cause)
	default:
		return fmt.Errorf("holdfast: the command was not sent: %w", cause)
	}
}

// pause returns how long to wait before the next attempt: doubling, half of it random, never less than the engine asked for.
func (o *Options) pause(attempts int, hint time.Duration) time.Duration {
	d := o.BackoffMax
	if attempts < 16 {
		d = min(o.BackoffMax, o.BackoffMin<<max(0, attempts-1))
	}
	return max(hint, d/2) + time.Duration(rand.Int64N(int64(d/2)+1))
}

// result is what a waiting caller gets.
type result struct {
	reply Reply
	err   error
}

// errTimeout is the cause when a command's own time ran out.
var errTimeout = fmt.Errorf("no answer in time: %w", context.DeadlineExceeded)
