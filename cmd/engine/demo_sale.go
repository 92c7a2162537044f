package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// sale is one run of the demo's on-sale: the crowd, the people who run it, and what they saw.
type sale struct {
	plan   plan
	seed   uint64
	buyers int
	shops  []*shop // connections that buyers come through
	office *shop   // the connection of those who run the sale

	opensAfter time.Duration // from the demo's start: who comes earlier is refused
	rush       time.Duration // from the opening until the last new buyer

	sandbox *sandbox.Gateway // where the charges are made: it also plays the buyers' banks

	ledger ledger
	counts saleCounts
	crowd  atomic.Int32               // crowdBefore and so on
	shown  atomic.Pointer[shownEvent] // what the office read last
	opened time.Time
	took   time.Duration // from opening to the end of the last hold
}

// saleCounts is what the crowd did. Everything is counted where it happened: at the buyers.
type saleCounts struct {
	shopping, served, gaveUp, abandoned, gaveBack, replaced, clickedTwice atomic.Int64
	commands, holds, orders, released                                     atomic.Int64
	paying, authenticated, undone, notOffered, lost                       atomic.Int64
	touches                                                               atomic.Int64
	reporting                                                             sync.WaitGroup // touches on their way

	mu       sync.Mutex
	refusals map[string]int64
	holdUs   *hdrhistogram.Histogram // microseconds from click to answer
	clickUs  *hdrhistogram.Histogram // microseconds from the one click to the confirmation
	failed   string                  // the first command that got no answer
	failures int64
}

const (
	// latencyUsMax and latencyDigits shape the histogram: a minute, and three significant digits.
	latencyUsMax  = 60_000_000
	latencyDigits = 3
)

func newSale(p plan, buyers int, seed uint64, opensAfter, rush time.Duration) *sale {
	s := &sale{plan: p, seed: seed, buyers: buyers, opensAfter: opensAfter, rush: rush}
	s.counts.refusals = map[string]int64{}
	s.counts.holdUs = hdrhistogram.New(1, latencyUsMax, latencyDigits)
	s.counts.clickUs = hdrhistogram.New(1, latencyUsMax, latencyDigits)
	return s
}

// refused counts a refusal by its code.
func (c *saleCounts) refused(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusals[code]++
}

// unanswered notes a command whose outcome nobody knows. In a demo that is a failure.
func (c *saleCounts) unanswered(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failures == 0 {
		c.failed = err.Error()
	}
	c.failures++
}

// holdTook notes how long a buyer waited for the answer to a hold.
func (c *saleCounts) holdTook(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.holdUs.RecordValue(min(max(d.Microseconds(), 1), latencyUsMax)) // the value is within its bounds
}

// clickTook notes how long a buyer waited for the confirmation after one click.
func (c *saleCounts) clickTook(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.clickUs.RecordValue(min(max(d.Microseconds(), 1), latencyUsMax)) // the value is within its bounds
}

// waited returns percentiles of what holdTook noted.
func (c *saleCounts) waited() (p50, p99 time.Duration) { return c.percentiles(c.holdUs) }

// clicked returns percentiles of what clickTook noted.
func (c *saleCounts) clicked() (p50, p99 time.Duration) { return c.percentiles(c.clickUs) }

func (c *saleCounts) percentiles(h *hdrhistogram.Histogram) (p50, p99 time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := func(q float64) time.Duration { return time.Duration(h.ValueAtQuantile(q)) * time.Microsecond }
	return at(50), at(99)
}

// refusedBy returns the refusals by code.
func (c *saleCounts) refusedBy() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.refusals)
}

// expired is how many holds ran into their deadline: those that did not end in any other way.
func (c *saleCounts) expired() int64 {
	return max(c.holds.Load()-c.orders.Load()-c.undone.Load()-c.lost.Load()-c.released.Load()-c.replaced.Load(), 0)
}

// prepare creates the event and blocks the guests' places, as an organiser does before the sale.
func (s *sale) prepare(ctx context.Context) error {
	if err := s.office.create(ctx, s.plan.create()); err != nil {
		return fmt.Errorf("create the event: %w", err)
	}
	if len(s.plan.codes) > 0 {
		if _, err := s.office.client.Codes(ctx, s.plan.event, &pb.CodesCommand{RequestId: s.office.officeID(), Codes: s.plan.codes}); err != nil {
			return fmt.Errorf("set the codes: %w", err)
		}
	}
	if s.plan.blockLot != "" {
		if err := s.office.block(ctx, s.plan.blockLot, s.plan.blockUnits, false); err != nil {
			return fmt.Errorf("block the guests' places: %w", err)
		}
	}
	return s.look(ctx)
}

// look reads the event.
func (s *sale) look(ctx context.Context) error {
	shown, err := s.office.look(ctx)
	if err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	s.shown.Store(shown)
	return nil
}

// Where the crowd is.
const (
	crowdBefore int32 = iota
	crowdInside
	crowdGone
)

// crowdState says where the crowd is, for the shop page.
func (s *sale) crowdState() string {
	switch s.crowd.Load() {
	case crowdInside:
		return "inside"
	case crowdGone:
		return "gone"
	}
	return "before"
}

// keepLooking reads the event until ctx ends.
func (s *sale) keepLooking(ctx context.Context) {
	tick := time.NewTicker(officeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = s.look(ctx) // an event that cannot be read just now stays as it was shown
		}
	}
}

// letIn reports whether the crowd is to be let in now: once.
func (s *sale) letIn() bool { return s.crowd.CompareAndSwap(crowdBefore, crowdInside) }

// shopping lets every buyer of the crowd visit, and returns when all are done.
func (s *sale) shopping(ctx context.Context) {
	defer s.crowd.Store(crowdGone)
	var crowd sync.WaitGroup
	for n := range s.buyers {
		b := newBuyer(s, n)
		crowd.Go(func() { b.visit(ctx) })
	}
	crowd.Wait()
}

// run lets the crowd loose, opens the sale, and returns when everybody is done and every hold has ended.
func (s *sale) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan struct{})
	go func() {
		s.shopping(ctx)
		close(gone)
	}()
	err := s.runOffice(ctx, gone)
	cancel() // nobody shops on without the office
	<-gone
	return err
}

// officeEvery is how often the office looks at the event.
const officeEvery = 200 * time.Millisecond

// runOffice is what the people behind the counter do: open the doors, put the guests' places on sale at half time, watch until it is over.
func (s *sale) runOffice(ctx context.Context, gone <-chan struct{}) error {
	open := time.NewTimer(s.opensAfter)
	defer open.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-open.C:
	}
	if err := s.office.open(ctx); err != nil {
		return fmt.Errorf("open the sale: %w", err)
	}
	s.opened = time.Now()
	tick := time.NewTicker(officeEvery)
	defer tick.Stop()
	released, over := false, false
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		shown := s.shown.Load()
		if !released && shown.sold()*2 > s.plan.tickets() {
			released = true
			if err := s.office.block(ctx, s.plan.blockLot, s.plan.blockUnits, true); err != nil {
				return fmt.Errorf("put the guests' places on sale: %w", err)
			}
		}
		if over && shown.holdsLive == 0 {
			s.took = time.Since(s.opened)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-gone:
			gone, over = nil, true
		case <-tick.C:
		}
	}
}

// sold is how many tickets the event has sold.
func (e *shownEvent) sold() (n int64) {
	for i := range e.lots {
		n += e.lots[i].sold
	}
	return n
}

// held is how many tickets are held.
func (e *shownEvent) held() (n int64) {
	for i := range e.lots {
		n += e.lots[i].held
	}
	return n
}

// paying is how many tickets are being paid.
func (e *shownEvent) paying() (n int64) {
	for i := range e.lots {
		n += e.lots[i].paying
	}
	return n
}

// readBack reads every order that a buyer was told of, and notes each that is not what was told.
func (s *sale) readBack(ctx context.Context) error {
	for _, told := range s.ledger.ordered() {
		kept, err := s.office.order(ctx, told.buyer, told.id)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.ledger.breaks("order %s was acknowledged and cannot be read: %v", told.id, err)
			continue
		}
		if !told.equal(&kept) {
			s.ledger.breaks("order %s reads %+v, its buyer was told %+v", told.id, kept, told)
		}
	}
	return nil
}

// equal reports whether two answers show the same order.
func (o *toldOrder) equal(other *toldOrder) bool {
	return fmt.Sprint(*o) == fmt.Sprint(*other)
}
