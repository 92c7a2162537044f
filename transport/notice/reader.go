package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Log is the durable log, read by a cursor of its own. It is what a [Reader] needs from the store.
type Log interface {
	// Position is the last batch that the reader is done with.
	Position() uint64
	// Wait returns when a batch behind after is durable.
	Wait(ctx context.Context, after uint64) error
	// Read calls use with the runs behind after, at most limit batches, and returns the last batch read.
	Read(ctx context.Context, after uint64, limit int, use func(batch uint64, run *engine.Run) error) (uint64, error)
	// Advance says that the reader is done with every batch up to one.
	Advance(batch uint64)
}

// Publisher keeps notices for whoever reads them.
type Publisher interface {
	// Publish returns when the notice is kept, on disk. A notice with an id that was kept a moment ago is not kept again. [ErrOff] says that the
	// account has no notices.
	Publish(ctx context.Context, n *Notice) error
}

// ErrOff says that an account has no notices: its facts are passed over.
var ErrOff = errors.New("this account has no notices")

const (
	// batchesPerReadMax and FactsPerReadMax bound what a reader has in its hands: it asks the events and publishes before it reads on.
	batchesPerReadMax = 256
	// FactsPerReadMax is how many facts of one event are asked about at once.
	FactsPerReadMax = 512
	// EventsAtOnceMax is how many events' notices are published side by side; those of one event go one after the other.
	EventsAtOnceMax = 16
	// ExpiredLateMax is how old the end of a hold may be to be told. Holds can end a hundred times faster than a stream takes notices: a reader that is this far
	// behind passes over them, so that what is about money and tickets is told in time, and the log is not kept for what nobody wants to hear any more.
	ExpiredLateMax = 10 * time.Second
	// patience and patienceMax bound how long a reader waits before it tries again what failed.
	patience    = 20 * time.Millisecond
	patienceMax = 5 * time.Second
)

// Reader turns durable facts into notices.
type Reader struct {
	Log       Log
	Engine    Engine
	Codes     Codes
	Publisher Publisher
	Logger    *slog.Logger
	Now       func() time.Time // wall time, for the lag

	published [2]atomic.Uint64 // notices, and facts that had none to tell because their event is gone
	late      atomic.Uint64
	failures  atomic.Uint64
	oldest    atomic.Int64 // node time of the oldest fact in hand; 0 if there is none
}

// Stats is what a reader has done since the start.
type Stats struct {
	Published uint64
	Skipped   uint64 // facts that nothing could be told about: their event is archived or set aside, or the account has no notices
	Late      uint64 // ends of holds that were passed over: they were more than ExpiredLateMax ago
	Failures  uint64 // attempts that failed and are made again
	Lag       time.Duration
}

// Stats returns figures.
func (r *Reader) Stats() Stats {
	s := Stats{Published: r.published[0].Load(), Skipped: r.published[1].Load(), Late: r.late.Load(), Failures: r.failures.Load()}
	if at := r.oldest.Load(); at != 0 {
		s.Lag = stale(engine.Instant(at), r.Now())
	}
	return s
}

// eventFacts is what is in hand of one event, in the order of the log.
type eventFacts struct {
	key   engine.Key
	facts []engine.Told
}

// errEnough ends a read at the end of a batch.
var errEnough = errors.New("enough for now")

// Run publishes until ctx ends, or the log cannot be read: then it returns the error, and the process must not go on guessing.
func (r *Reader) Run(ctx context.Context) error {
	var teller engine.Teller
	at := r.Log.Position()
	for {
		if err := r.Log.Wait(ctx, at); err != nil {
			return unlessOver(ctx, err)
		}
		work, last, err := r.read(ctx, &teller, at)
		if err != nil {
			return unlessOver(ctx, err)
		}
		if err := r.tell(ctx, work); err != nil {
			return unlessOver(ctx, err)
		}
		r.oldest.Store(0)
		r.Log.Advance(last)
		at = last
	}
}

// unlessOver forgets an error that is the end of ctx.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // it was told to stop
	}
	return err
}

// read takes facts that have something to tell, up to the end of a batch.
func (r *Reader) read(ctx context.Context, teller *engine.Teller, after uint64) (work []*eventFacts, last uint64, err error) {
	of := map[engine.Key]*eventFacts{}
	many, reading, now := 0, after, r.Now()
	last, err = r.Log.Read(ctx, after, batchesPerReadMax, func(batch uint64, run *engine.Run) error {
		if batch != reading && many >= FactsPerReadMax {
			return errEnough
		}
		reading = batch
		if run.Key.Kind != engine.KindEvent {
			return nil
		}
		return teller.Each(run, func(t *engine.Told) error {
			if !tells(t) {
				return nil
			}
			if t.Kind == engine.ToldExpired && stale(t.At, now) > ExpiredLateMax {
				r.late.Add(1)
				return nil
			}
			ef := of[run.Key]
			if ef == nil {
				ef = &eventFacts{key: run.Key}
				of[run.Key] = ef
				work = append(work, ef)
			}
			if many == 0 {
				r.oldest.Store(int64(t.At))
			}
			told := *t
			told.RequestID, told.Buyer = strings.Clone(t.RequestID), strings.Clone(t.Buyer)
			ef.facts = append(ef.facts, told)
			many++
			return nil
		})
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err != nil {
		return nil, after, fmt.Errorf("notices: %w", err)
	}
	return work, last, nil
}

// tells reports whether a fact becomes a notice.
func tells(t *engine.Told) bool {
	// What is not here is the business of nobody outside.
	//
	//exhaustive:ignore
	switch t.Kind {
	case engine.ToldUpdated:
		return t.StartsAt
	case engine.ToldConfirmed, engine.ToldSold, engine.ToldDeclined, engine.ToldReleased, engine.ToldRefunding, engine.ToldRefunded, engine.ToldRefundFailed, engine.ToldReissued, engine.ToldAdmitted,
		engine.ToldExpired, engine.ToldClosed, engine.ToldUndone, engine.ToldCancelled,
		engine.ToldWaiterOffered, engine.ToldWaiterLeft, engine.ToldWaiterUnpaid, engine.ToldWaiterUnfit:
		return true
	}
	return false
}

// tell publishes what several events have to tell, a few events at once, and returns when all of it is kept.
func (r *Reader) tell(ctx context.Context, work []*eventFacts) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, EventsAtOnceMax)
	for _, ef := range work {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			for from := 0; from < len(ef.facts); from += FactsPerReadMax {
				if err := r.tellEvent(ctx, ef.key, ef.facts[from:min(from+FactsPerReadMax, len(ef.facts))]); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// tellEvent publishes what the facts of one event have to tell, one after the other.
func (r *Reader) tellEvent(ctx context.Context, key engine.Key, facts []engine.Told) error {
	about, code, err := ask(ctx, r.Engine, key.Account, key.ID, facts)
	if err != nil {
		return err
	}
	if code != engine.CodeOK {
		r.published[1].Add(uint64(len(facts)))
		r.Logger.Warn("facts are not told in notices", "event", key.ID, "facts", len(facts), "first", facts[0].Seq, "why", code.String())
		return nil
	}
	var made []*Notice
	err = r.again(ctx, "make notices", func() error {
		b := &building{codes: r.Codes, account: key.Account, event: key.ID, about: about}
		sale := engine.Instant(0)
		for i := range facts {
			b.fact(&facts[i], &about.told[i])
			if k := facts[i].Kind; k == engine.ToldConfirmed || k == engine.ToldSold {
				sale = facts[i].At
			}
		}
		if sale != 0 {
			b.soldOut(sale)
		}
		made = b.made
		return b.err
	})
	if err != nil {
		return err
	}
	for _, n := range made {
		off := false
		err := r.again(ctx, "publish a notice", func() error {
			err := r.Publisher.Publish(ctx, n)
			if off = errors.Is(err, ErrOff); off {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		if off {
			r.published[1].Add(uint64(len(facts)))
			return nil
		}
		r.published[0].Add(1)
	}
	return nil
}

// again does something until it succeeds or ctx ends, and waits longer each time. Nothing is passed over: the cursor holds the log until then.
func (r *Reader) again(ctx context.Context, what string, do func() error) error {
	for wait := patience; ; wait = min(2*wait, patienceMax) {
		err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.failures.Add(1)
		r.Logger.Warn("cannot "+what+": it is tried again, and what follows waits", "err", err, "after", wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}
