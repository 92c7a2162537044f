package client

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Client sends commands and takes answers. Make one with [Connect] or [New]; it is safe for concurrent use.
type Client struct {
	options Options
	nc      *nats.Conn
	ownsNC  bool
	inboxes []string
	subs    []*nats.Subscription
	late    atomic.Uint64 // answers that came after their command was given up

	sendersMu sync.RWMutex
	senders   map[string]*sender

	mu       sync.Mutex
	messages messages
	pausing  pauses
	alarm    time.Time // when run will look next; zero is not before it is woken
	closed   atomic.Bool

	wake    chan struct{}
	stop    chan struct{}
	stopped chan struct{}
}

// sendersMax is how many events a client remembers at once; idle ones are forgotten beyond it.
const sendersMax = 4096

// Connect connects to a NATS server and returns a client that owns the connection. The NATS options are passed on.
func Connect(url string, o Options, natsOptions ...nats.Option) (*Client, error) {
	nc, err := nats.Connect(url, append([]nats.Option{nats.Name("holdfast client"), nats.MaxReconnects(-1)}, natsOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", url, err)
	}
	c, err := New(nc, o)
	if err != nil {
		nc.Close()
		return nil, err
	}
	c.ownsNC = true
	return c, nil
}

// New returns a client that uses a connection of the caller's. Close leaves the connection open.
func New(nc *nats.Conn, o Options) (*Client, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		options: o, nc: nc, senders: make(map[string]*sender),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	inbox := nc.NewInbox()
	for i := range o.ReplySubjects {
		c.inboxes = append(c.inboxes, inbox+"."+strconv.Itoa(i))
		sub, err := nc.Subscribe(c.inboxes[i], c.receive)
		if err == nil {
			c.subs = append(c.subs, sub)
			err = sub.SetPendingLimits(-1, -1) // bounded by what is in flight
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("subscribe to %s: %w", c.inboxes[i], err), c.unsubscribe())
		}
	}
	go c.run()
	return c, nil
}

func (c *Client) unsubscribe() error {
	var errs []error
	for _, sub := range c.subs {
		if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			errs = append(errs, fmt.Errorf("unsubscribe: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Close ends the client. Commands that are still on their way end with [ErrOutcomeUnknown], those that wait with [ErrClosed]. A connection
// that Connect made is closed.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	close(c.stop)
	<-c.stopped
	err := c.unsubscribe()
	if c.ownsNC {
		c.nc.Close()
	}

	var sent, waiting []*call
	c.mu.Lock()
	for m := c.messages.oldest; m != nil; m = c.messages.oldest {
		sent = append(sent, m.calls...)
		c.messages.remove(m)
		c.messages.recycle(m)
	}
	for _, p := range c.pausing {
		waiting = append(waiting, p.call)
	}
	c.pausing = nil
	c.mu.Unlock()
	c.sendersMu.RLock()
	for _, s := range c.senders {
		waiting = append(waiting, s.dropAll()...)
	}
	c.sendersMu.RUnlock()
	for _, k := range sent {
		k.finish(Reply{}, k.unanswered(true, ErrClosed))
	}
	for _, k := range waiting {
		k.finish(Reply{}, k.unanswered(false, ErrClosed))
	}
	return err
}

// Late is how many answers came after their command was given up. A number that grows means that AttemptTimeout is too short.
func (c *Client) Late() uint64 { return c.late.Load() }

func (c *Client) inbox(slot uint32) string { return c.inboxes[int(slot)%len(c.inboxes)] }

// senderOf returns the sender of an event.
func (c *Client) senderOf(event string) *sender {
	c.sendersMu.RLock()
	s := c.senders[event]
	c.sendersMu.RUnlock()
	if s != nil {
		return s
	}
	c.sendersMu.Lock()
	defer c.sendersMu.Unlock()
	if s = c.senders[event]; s != nil {
		return s
	}
	if len(c.senders) >= sendersMax {
		for id, old := range c.senders {
			if old.retire() {
				delete(c.senders, id)
			}
		}
	}
	s = &sender{client: c, event: event}
	c.senders[event] = s
	return s
}

// enqueue hands a call to the sender of its event. again is a call that was sent before: it is taken even when the queue is full.
func (c *Client) enqueue(k *call, again bool) error {
	for {
		err := c.senderOf(k.event).enqueue(k, again)
		if !errors.Is(err, errRetired) {
			return err
		}
	}
}

// launch puts calls into flight as one message, and returns what its answer will be correlated by; false if the client is closed. A message is
// whole before anyone can find it: Close ends the calls of what is in flight.
func (c *Client) launch(s *sender, calls []*call) (flight, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Load() {
		return flight{}, false
	}
	deadline := time.Now().Add(c.options.AttemptTimeout)
	f := c.messages.add(s, calls, deadline)
	c.wakeBefore(deadline)
	return f, true
}

// wakeBefore makes run look not later than at. The caller holds mu.
func (c *Client) wakeBefore(at time.Time) {
	if c.alarm.IsZero() || at.Before(c.alarm) {
		c.alarm = at
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// gathers reports whether a command may travel with others: a buyer's, with a short answer that waits for nothing.
func gathers(verb engine.Verb, m proto.Message) bool {
	switch verb { //nolint:exhaustive // the others go by themselves
	case engine.VerbHold, engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm, engine.VerbOffer, engine.VerbTouch,
		engine.VerbJoin, engine.VerbLeave, engine.VerbAbsent, engine.VerbPresent, engine.VerbWait:
		return true
	case engine.VerbPlace:
		place, ok := m.(*pb.PlaceCommand)
		return ok && place.EntriesFrom == 0
	case engine.VerbBuy: // those that wait do not come here
		buy, ok := m.(*pb.BuyCommand)
		return ok && !buy.Codes
	}
	return false
}

// badID refuses an id that would go into a subject.
func badID(field string) error {
	return &Refusal{
		Code: engine.CodeInvalid, Name: engine.CodeInvalid.String(), Field: field,
		Message: "the " + field + " id must be 1 to 64 of A-Z a-z 0-9 _ -",
	}
}

func badEvent() error { return badID("event") }

// prepare checks and encodes a command into a call.
func (c *Client) prepare(k *call, event string, verb engine.Verb, m proto.Message) error {
	if !engine.ValidID(event) {
		return badEvent()
	}
	body, err := appendCommand(k.body[:0], m)
	if err != nil {
		return fmt.Errorf("holdfast: %w", err)
	}
	k.body, k.verb, k.event = body, verb, event
	k.alone = !gathers(verb, m)
	return nil
}

// do sends a command and waits for its answer.
func (c *Client) do(ctx context.Context, event string, verb engine.Verb, m proto.Message) (*pb.Reply, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.options.Timeout)
		defer cancel()
		deadline, _ = ctx.Deadline()
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("holdfast: the command was not sent: %w", err)
	}
	answer := make(chan result, 1)
	k := &call{giveUp: deadline, done: func(r Reply, err error) { answer <- result{r, err} }}
	if err := c.prepare(k, event, verb, m); err != nil {
		return nil, err
	}
	if err := c.enqueue(k, false); err != nil {
		return nil, err
	}
	var got result
	select {
	case got = <-answer:
	case <-ctx.Done():
		state := k.state.Load()
		for state != callDone && !k.state.CompareAndSwap(state, callLeft) {
			state = k.state.Load()
		}
		if state != callDone {
			return nil, k.unanswered(state == callSent, ctx.Err())
		}
		got = <-answer
	}
	if got.err != nil {
		return nil, got.err
	}
	if err := got.reply.Err(); err != nil {
		return nil, err
	}
	return got.reply.Decode()
}

// start sends a command without waiting.
func (c *Client) start(event string, verb engine.Verb, m proto.Message, done func(Reply, error)) {
	k := calls.Get().(*call)
	k.pooled, k.done, k.giveUp = true, done, time.Now().Add(c.options.Timeout)
	err := c.prepare(k, event, verb, m)
	if err == nil {
		err = c.enqueue(k, false)
	}
	if err != nil {
		k.finish(Reply{}, err)
	}
}

// pauses is a heap of the calls that wait for their next attempt.
type pauses []pause

type pause struct {
	until time.Time
	call  *call
}

// Len implements heap.Interface.
func (p pauses) Len() int { return len(p) }

// Less implements heap.Interface.
func (p pauses) Less(i, j int) bool { return p[i].until.Before(p[j].until) }

// Swap implements heap.Interface.
func (p pauses) Swap(i, j int) { p[i], p[j] = p[j], p[i] }

// Push implements heap.Interface.
func (p *pauses) Push(x any) { *p = append(*p, x.(pause)) }

// Pop implements heap.Interface.
func (p *pauses) Pop() any {
	last := (*p)[len(*p)-1]
	(*p)[len(*p)-1] = pause{}
	*p = (*p)[:len(*p)-1]
	return last
}

// later puts a call aside until its pause is over. The caller holds mu. It reports whether the call was wanted.
func (c *Client) later(k *call, until time.Time) {
	heap.Push(&c.pausing, pause{until, k})
	c.wakeBefore(until)
}
