package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/holdfast-engine/holdfast/bench"
)

// What is sold, everywhere: one hot event at a time, one ticket to each of so many buyers, then the next event. Every buyer and every request id is
// new and random, 16 bytes each, and the hold lives for longer than it is measured.
const (
	ticketsPerEvent = 20_000
	holdTTL         = 2 * time.Minute
)

// perEvent is how many commands go to an event: ticketsPerEvent, up to a whole last batch.
func perEvent(batch int) int { return (ticketsPerEvent + batch - 1) / batch * batch }

// nightID is the id of an event, as long as those of package bench.
func nightID(i int) string { return fmt.Sprintf("night-%03d-2026", i) }

// nights is a run of events that are sold out one after the other, by workers who take commands from it.
type nights struct {
	events   []string
	perEvent int
	taken    atomic.Int64
}

// nightsMax is how many ids [nightID] has.
const nightsMax = 1000

var errNightsOver = errors.New("every event has had its commands before the round was over: this is faster than was thought")

// openNights puts events on sale, enough for a round of d and its warm-up if there are at most so many holds a second, at most nightsMax.
func openNights(ctx context.Context, p Peer, d time.Duration, perSecond, batch int) (*nights, error) {
	n := &nights{perEvent: perEvent(batch)}
	for i := range min(nightsMax, int((d+d/warmUp).Seconds()*float64(perSecond))/n.perEvent+2) {
		n.events = append(n.events, nightID(i))
		if err := p.Create(ctx, n.events[i], n.perEvent, holdTTL); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// take returns the event that the next commands, a batch, are for.
func (n *nights) take(batch int) (string, error) {
	i := int(n.taken.Add(int64(batch))-int64(batch)) / n.perEvent
	if i >= len(n.events) {
		return "", errNightsOver
	}
	return n.events[i], nil
}

// verify demands that the events have held as many tickets as commands were answered, and that no ticket is missing or there twice.
func (n *nights) verify(ctx context.Context, p Peer, answered int64) error {
	held := int64(0)
	for _, event := range n.events {
		l, err := p.Ledger(ctx, event)
		if err != nil {
			return err
		}
		if l.Free < 0 || l.Sold != 0 || l.Free+l.Held != int64(n.perEvent) {
			return fmt.Errorf("%d tickets of %s have become %+v", n.perEvent, event, l)
		}
		held += l.Held
	}
	if held != answered {
		return fmt.Errorf("%d holds were acknowledged, the events have %d", answered, held)
	}
	return nil
}

// buyers gives a worker, one of at most 1,024, its own endless stream of request ids and buyers.
type buyers struct {
	w    *bench.Workload
	text [2 * bench.IDLen]byte
}

func newBuyers(worker int) *buyers { return &buyers{w: bench.NewWorkload(worker)} }

func (b *buyers) next() (request, buyer string) {
	b.w.IDs(b.text[:bench.IDLen], b.text[bench.IDLen:])
	text := string(b.text[:])
	return text[:bench.IDLen], text[bench.IDLen:]
}

// worker does one turn: it sends commands, waits for all their answers, and returns how many were holds. Anything else is an error.
type worker func() (holds int, err error)

// warmUp is the part of a round that goes before it and does not count.
const warmUp = 5

// drive is the closed loop of our drivers: each worker takes its next turn when the last one was answered, first a while to warm up and then for d.
// What is answered in it counts, whenever it was sent; All has everything.
func drive(d time.Duration, workers []worker) (bench.Round, error) {
	rounds := make([]bench.Round, len(workers))
	errs := make([]error, len(workers))
	var failed atomic.Bool
	began := time.Now()
	counts, ends := began.Add(d/warmUp), began.Add(d/warmUp+d)
	var all sync.WaitGroup
	for i, turn := range workers {
		all.Go(func() {
			r := &rounds[i]
			r.Latency = newLatencies()
			for sent := began; sent.Before(ends) && !failed.Load(); {
				holds, err := turn()
				if err != nil {
					errs[i] = err
					failed.Store(true)
					return
				}
				answered := time.Now()
				r.All += int64(holds)
				if answered.After(counts) && answered.Before(ends) {
					r.Commands += int64(holds)
					_ = r.Latency.RecordValue(max(1, answered.Sub(sent).Microseconds())) // beyond latencyMax it would not be believed
				}
				sent = answered
			}
		})
	}
	all.Wait()
	sum := bench.Round{Took: ends.Sub(counts), Latency: newLatencies()}
	for i := range rounds {
		sum.Commands += rounds[i].Commands
		sum.All += rounds[i].All
		if rounds[i].Latency != nil {
			sum.Latency.Merge(rounds[i].Latency)
		}
	}
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return sum, errs[i]
	}
	return sum, nil
}

const latencyMax = 30 * time.Second

// newLatencies returns a histogram in microseconds like those of package bench.
func newLatencies() *hdrhistogram.Histogram { return hdrhistogram.New(1, latencyMax.Microseconds(), 3) }
