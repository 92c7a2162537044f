package client

import (
	"container/heap"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
)

// receive takes an answer. It runs on the goroutine of a reply subject.
func (c *Client) receive(nm *nats.Msg) {
	if len(nm.Data) == 0 {
		if nm.Header.Get("Status") == "503" {
			c.noEngine(nm.Header.Get("Nats-Subject"))
		}
		return
	}
	c.mu.Lock()
	m := c.messages.answeredBy(correlationOf(nm.Data))
	if m == nil {
		c.mu.Unlock()
		c.late.Add(1)
		return
	}
	c.messages.remove(m)
	c.mu.Unlock()

	// The callers come first: what they send next leaves with the next batch.
	c.deliver(m.calls, nm.Data)
	s := m.sender
	c.mu.Lock()
	c.messages.recycle(m)
	c.mu.Unlock()
	s.answered()
}

// deliver gives each call of a message its answer.
func (c *Client) deliver(calls []*call, body []byte) {
	if len(calls) == 1 {
		c.settle(calls[0], Reply{body}, blamesNone)
		return
	}
	n := eachResult(body, func(i int, result []byte) {
		if i < len(calls) {
			c.settle(calls[i], Reply{result}, blamesSize)
		}
	})
	if n > 0 {
		for _, k := range calls[min(n, len(calls)):] {
			k.finish(Reply{}, fmt.Errorf("%w: a batch of %d commands has %d results", ErrBadReply, len(calls), n))
		}
		return
	}
	// The batch was refused whole. If one command is at fault the others must not suffer for it: each goes by itself.
	r := Reply{body}
	for _, k := range calls {
		c.settle(k, r, blamesOne)
	}
}

// settle ends a call with its answer, or sees to it that it is sent again: by itself if blames says that the answer may be about the others
// in its batch.
func (c *Client) settle(k *call, r Reply, blames func(engine.Code) bool) {
	code := r.Code()
	switch {
	case resend(code):
		c.again(k, r.Err(), r.retryAfter())
	case blames(code):
		k.alone = true
		if k.move(callWaiting) {
			c.requeue(k)
		}
	default:
		k.finish(r, nil)
	}
}

// blamesNone is for the answer to a command that was sent by itself.
func blamesNone(engine.Code) bool { return false }

// blamesSize is for one result of a batch: it may only not have fitted beside the others.
func blamesSize(code engine.Code) bool { return code == engine.CodeTooLarge }

// blamesOne is for a batch that was refused whole: something may be wrong with the form of one of its commands.
func blamesOne(code engine.Code) bool {
	switch code { //nolint:exhaustive // the others are true of every command in the batch
	case engine.CodeMalformed, engine.CodeTooLarge, engine.CodeUnknownVerb, engine.CodeUnknownField, engine.CodeInvalid, engine.CodeCardNumber:
		return true
	default:
		return false
	}
}

// requeue sends a call again. It ends it if the client is closed, the only reason not to take it.
func (c *Client) requeue(k *call) {
	if plantedBug(plantedNewRequestID) {
		k.body[2] ^= 1 // the first letter: the request id comes first
	}
	if err := c.enqueue(k, true); err != nil {
		k.finish(Reply{}, k.unanswered(false, err))
	}
}

// again lets a call pause before its next attempt, or ends it if its time is over by then.
func (c *Client) again(k *call, why error, hint time.Duration) {
	k.last.Store(&why)
	if !k.move(callWaiting) {
		return
	}
	until := time.Now().Add(c.options.pause(k.attempts, hint))
	if until.After(k.giveUp) {
		k.finish(Reply{}, k.unanswered(false, errTimeout))
		return
	}
	c.mu.Lock()
	closed := c.closed.Load()
	if !closed {
		c.later(k, until)
	}
	c.mu.Unlock()
	if closed {
		k.finish(Reply{}, k.unanswered(false, ErrClosed))
	}
}

// unsent puts the calls of a message that could not be published aside, unless Close or its time has ended the attempt, and reports whether it was still in
// flight. It is called under the lock of their sender, so it finishes none.
func (c *Client) unsent(f flight, why error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.messages.find(f)
	if m == nil {
		return false
	}
	c.messages.remove(m)
	for _, k := range m.calls {
		k.last.Store(&why)
		if k.move(callWaiting) {
			c.later(k, time.Now().Add(c.options.pause(k.attempts, 0)))
		}
	}
	c.messages.recycle(m)
	return true
}

// noEngine ends the attempts that are on their way to a subject where nobody listens.
func (c *Client) noEngine(subject string) {
	var gone []*message
	c.mu.Lock()
	for m := c.messages.oldest; m != nil; {
		next := m.newer
		if hasEvent(subject, m.sender.event) {
			c.messages.remove(m)
			gone = append(gone, m)
		}
		m = next
	}
	c.mu.Unlock()
	for _, m := range gone {
		// The note does not say which message it is about. With one on its way that is clear; otherwise another may have met an engine.
		c.giveBack(m, ErrNoEngine, len(gone) > 1)
	}
}

// giveBack ends the attempt of every call of a message that was removed.
func (c *Client) giveBack(m *message, why error, doubt bool) {
	for _, k := range m.calls {
		if doubt {
			k.lost.Store(true)
		}
		c.again(k, why, 0)
	}
	s := m.sender
	c.mu.Lock()
	c.messages.recycle(m)
	c.mu.Unlock()
	s.answered()
}

// run sends calls again when their pause is over, and ends attempts that got no answer in time.
func (c *Client) run() {
	defer close(c.stopped)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := c.tick(time.Now())
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-timer.C:
		case <-c.wake:
		case <-c.stop:
			return
		}
	}
}

// tick does what is due and returns when to look again, zero if nothing is to come.
func (c *Client) tick(now time.Time) time.Time {
	var ready []*call
	var overdue []*message
	c.mu.Lock()
	for len(c.pausing) > 0 && !c.pausing[0].until.After(now) {
		ready = append(ready, heap.Pop(&c.pausing).(pause).call)
	}
	for m := c.messages.oldest; m != nil && !m.deadline.After(now); m = c.messages.oldest {
		c.messages.remove(m)
		overdue = append(overdue, m)
	}
	c.mu.Unlock()

	connected := !c.nc.IsClosed()
	for _, k := range ready {
		if !connected {
			k.finish(Reply{}, k.unanswered(false, nats.ErrConnectionClosed))
			continue
		}
		c.requeue(k)
	}
	for _, m := range overdue {
		c.giveBack(m, errTimeout, true)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarm = time.Time{}
	if m := c.messages.oldest; m != nil {
		c.alarm = m.deadline
	}
	if len(c.pausing) > 0 && (c.alarm.IsZero() || c.pausing[0].until.Before(c.alarm)) {
		c.alarm = c.pausing[0].until
	}
	return c.alarm
}
