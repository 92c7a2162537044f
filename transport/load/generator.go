package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Generator sends and takes answers over one NATS connection. It carries out one load after the other, [Generator.Open] or [Generator.Closed], and keeps the
// holds that one took for the next to confirm. Make one with [New].
type Generator struct {
	c      Config
	nc     *nats.Conn
	sub    *nats.Subscription
	reply  string
	origin time.Time
	pacer  *pacer
	ticked time.Duration // the sender's own

	mu       sync.Mutex // guards what follows: the sender and the subscription's goroutine take turns
	dice     *rand.Rand
	asked    uint64 // commands so far: what ids are made of
	item     []byte
	body     []byte // the message being made, and a command, a request id and a buyer in it
	command  []byte
	request  []byte
	buyer    []byte
	subjects [][kinds + 1]string // of each event, made when first used; the last is its batch
	kept     []keptHolds         // of each event
	joined   []keptHolds         // who has joined its line
	keptMost int

	slots  []slot
	next   uint64 // number of the next message
	oldest uint64 // no older message waits for its answer
	flying int64  // messages that do

	counts     *counts // of the load that runs; what comes between two loads is counted and forgotten
	late       int64   // messages answered after they were given up, since the last result
	start      time.Duration
	from, till time.Duration // what is due or comes within is measured
	want       int64         // closed loop: so many messages are kept on their way
	total      Progress
	told       time.Duration
	err        error
}

// slot is a message on its way.
type slot struct {
	due     time.Duration
	event   uint32
	asked   [kinds]uint16 // by kind
	waiting bool
}

// New subscribes to answers on nc, which stays the caller's.
func New(nc *nats.Conn, c Config) (*Generator, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	g := &Generator{
		c: c, nc: nc, reply: nc.NewInbox(), origin: time.Now(),
		dice: rand.New(rand.NewPCG(c.Seed, 0)), item: oneTicket(c.Lot),
		subjects: make([][kinds + 1]string, len(c.Events)), kept: make([]keptHolds, len(c.Events)), joined: make([]keptHolds, len(c.Events)),
		keptMost: max(HoldsKeptMax/len(c.Events), holdsKeptPerEventMin),
		slots:    make([]slot, 1024), counts: newCounts(c),
	}
	g.asked = g.dice.Uint64() << 40 // 24 bits of the seed's; the rest counts up to a million million commands
	if g.pacer, err = newPacer(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if g.sub, err = nc.Subscribe(g.reply, g.receive); err == nil {
		err = g.sub.SetPendingLimits(-1, -1) // MessagesInFlightMax bounds it
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		g.pacer.close()
		return nil, fmt.Errorf("load: subscribe to answers: %w", err)
	}
	return g, nil
}

// Close ends the subscription.
func (g *Generator) Close() error {
	g.pacer.close()
	if err := g.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		return fmt.Errorf("load: %w", err)
	}
	return nil
}

func (g *Generator) now() time.Duration { return time.Since(g.origin) }

// Open sends on a schedule whatever the answers, until it is over or ctx ends, and returns when every message was answered or given up. An error
// is a fault of the load or of an answer, not a refusal; what was measured is returned all the same.
func (g *Generator) Open(ctx context.Context, s Schedule) (*Result, error) {
	s, err := s.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	start := g.begin(s.Warmup, s.For, s.PerSecond*(g.c.Timeout.Seconds()+1))
	a := arrivals{gap: float64(g.c.Batch) / s.PerSecond * 1e9, kind: s.Arrivals, dice: rand.New(rand.NewPCG(g.c.Seed, 1))}
	till := g.till
	for due := start + a.next(); due < till && g.wait(ctx, due); due = start + a.next() {
		g.mu.Lock()
		if g.now() < till+g.c.Timeout {
			g.send(due)
		} else if g.measured(due) { // the generator cannot keep up, and has to come to an end
			g.counts.Due += int64(g.c.Batch)
			g.counts.NotSent += int64(g.c.Batch)
		}
		g.mu.Unlock()
	}
	return g.finish(ctx)
}

// Closed keeps so many commands on their way, a multiple of the batch, until its time is over or ctx ends. It returns what [Generator.Open] does.
func (g *Generator) Closed(ctx context.Context, outstanding int, warmup, measured time.Duration) (*Result, error) {
	if messages := outstanding / g.c.Batch; messages < 1 || messages > MessagesInFlightMax {
		return nil, fmt.Errorf("load: %d commands on their way in messages of %d: give 1 to %d messages", outstanding, g.c.Batch, MessagesInFlightMax)
	}
	till := g.begin(warmup, measured, math.Inf(1)) + warmup + measured
	g.mu.Lock()
	g.want = int64(outstanding / g.c.Batch)
	g.mu.Unlock()
	for now := g.now(); now < till && g.failed() == nil && ctx.Err() == nil; now = g.now() {
		g.tick(now)
		g.pacer.sleep(time.Millisecond)
	}
	return g.finish(ctx)
}

// begin starts a load with room for so many commands on their way, if MessagesInFlightMax allows, and returns the moment of its start.
func (g *Generator) begin(warmup, measured time.Duration, commands float64) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	most := min(commands/float64(g.c.Batch), MessagesInFlightMax)
	if room := 1 << int(math.Ceil(math.Log2(max(most, 1024)))); room > len(g.slots) {
		g.slots = make([]slot, room)
		g.next, g.oldest = g.next+uint64(room), g.next+uint64(room) // answers to earlier messages find nothing
	}
	g.start = g.now()
	g.counts, g.err, g.want = newCounts(g.c), nil, 0
	g.ticked = g.start
	g.from, g.till, g.told, g.total = g.start+warmup, g.start+warmup+measured, g.start, Progress{}
	return g.start
}

// wait returns when a message is due and has room, or false if the load is over before.
func (g *Generator) wait(ctx context.Context, due time.Duration) bool {
	for {
		now := g.now()
		if now-g.ticked >= time.Millisecond { // also when it is behind, and never sleeps
			g.tick(now)
		}
		g.mu.Lock()
		full, failed := g.full(), g.err != nil
		g.mu.Unlock()
		left := due - now
		switch {
		case failed || ctx.Err() != nil:
			return false
		case left <= 0 && !full:
			return true
		case left <= 0:
			left = time.Millisecond
		}
		g.pacer.sleep(min(max(left, pause), 10*time.Millisecond))
	}
}

// finish waits for what is on its way and returns the result.
func (g *Generator) finish(ctx context.Context) (*Result, error) {
	stopped := g.now()
	g.mu.Lock()
	g.want = 0
	ended := ctx.Err() != nil
	if ended || g.err != nil {
		g.till = min(g.till, max(stopped, g.from))
	}
	g.mu.Unlock()
	for g.failed() == nil {
		now := g.now()
		g.mu.Lock()
		left := g.flying
		g.mu.Unlock()
		if left == 0 {
			break
		}
		g.tick(now)
		if ctx.Err() != nil && now-stopped > stopWithin {
			break
		}
		g.pacer.sleep(time.Millisecond)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.giveUp(math.MaxInt64, g.now())
	c := g.counts
	c.Took, c.Stopped, c.Late = g.till-g.from, ended, g.late
	g.counts, g.late = newCounts(g.c), 0
	return c.result(), g.err
}

func (g *Generator) failed() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}

// fail ends the load with the first thing that went wrong. The caller holds mu.
func (g *Generator) fail(err error) {
	if g.err == nil {
		g.err = fmt.Errorf("load: %w", err)
	}
}

// tick gives up what has waited for too long, and tells how it goes.
func (g *Generator) tick(now time.Duration) {
	g.ticked = now
	g.mu.Lock()
	g.giveUp(now-g.c.Timeout, now)
	g.topUp()
	var p Progress
	tell := g.c.Progress != nil && now-g.told >= time.Second
	if tell {
		g.told += time.Second
		p = g.total
		p.Since, p.Warming, p.InFlight = now-g.start, now < g.from, g.flying*int64(g.c.Batch)
	}
	g.mu.Unlock()
	if tell {
		g.c.Progress(p)
	}
}

// full says that no message may be sent before an earlier one is answered. The caller holds mu.
func (g *Generator) full() bool { return g.next-g.oldest >= uint64(len(g.slots)) }

func (g *Generator) slot(number uint64) *slot { return &g.slots[number&uint64(len(g.slots)-1)] }

// measured says that a message which is due then counts.
func (g *Generator) measured(due time.Duration) bool { return due >= g.from && due < g.till }

// topUp sends what a closed loop lacks. The caller holds mu.
func (g *Generator) topUp() {
	for g.flying < g.want && !g.full() && g.err == nil {
		now := g.now()
		if now >= g.till {
			return
		}
		before := g.flying
		if g.send(now); g.flying == before {
			return // not sent: the next tick tries again
		}
	}
}

// send makes a message and publishes it. The caller holds mu and knows that there is room.
func (g *Generator) send(due time.Duration) {
	s := g.slot(g.next)
	*s = slot{due: due, waiting: true}
	subject := g.compose(s)
	number := g.next
	g.next++
	g.flying++
	n := int64(g.c.Batch)
	if g.measured(due) {
		g.counts.Due += n
		g.counts.Sent += n
	}
	g.total.Sent += n
	if err := g.nc.PublishRequest(subject, g.reply, g.body); err != nil {
		g.forget(number)
		g.total.Sent -= n
		if g.measured(due) {
			g.counts.Sent -= n
			g.counts.NotSent += n
		}
		if errors.Is(err, nats.ErrConnectionClosed) {
			g.fail(fmt.Errorf("publish: %w", err))
		}
		return
	}
	if g.measured(due) {
		record(g.counts.Lag, g.now()-due)
	}
}

// forget notes that a message waits no more. The caller holds mu.
func (g *Generator) forget(number uint64) {
	g.slot(number).waiting = false
	g.flying--
	for g.oldest < g.next && !g.slot(g.oldest).waiting {
		g.oldest++
	}
}

// giveUp ends the waiting of messages that were due before a moment, oldest first. The caller holds mu.
func (g *Generator) giveUp(before, now time.Duration) {
	n := int64(g.c.Batch)
	for g.oldest < g.next {
		s := g.slot(g.oldest)
		if s.due >= before {
			return
		}
		if g.measured(s.due) {
			g.counts.TimedOut += n
			record(g.counts.Latency, now-s.due)
		}
		g.total.TimedOut += n
		g.forget(g.oldest)
	}
}
