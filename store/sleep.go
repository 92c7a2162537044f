package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// ErrBusy is given to the done function of [Store.Sleep] when too much state already waits to be kept: stay awake and try again later.
var ErrBusy = errors.New("too much state waits to be kept")

// sleeper collects the snapshots of aggregates that go to sleep and keeps them together.
type sleeper struct {
	mu      sync.Mutex
	waiting map[string]*sleeping
	bytes   int
	busy    map[string]*sleeping // being ingested
	wake    chan struct{}
	stop    chan struct{}
	stopped bool
	wg      sync.WaitGroup
}

type sleeping struct {
	header header
	state  []byte
	done   []func(error)
}

// Sleep keeps the snapshot of an aggregate that goes to sleep, together with others that do so within [Config.SleepDelay]. Every fact in it must
// have been released. done is called from a goroutine of the store when the snapshot is durable, or with the reason why it is not: [ErrBusy] when
// too much waits already. It must not block. The store keeps snap.State; it must not be changed any more.
func (s *Store) Sleep(snap *engine.Snapshot, done func(error)) {
	if err := s.life.check(); err != nil {
		done(err)
		return
	}
	name := string(appendAggregate(nil, snap.Key))
	one := &sleeping{
		header: header{seq: snap.Seq, position: s.Durable(), lastAt: snap.LastAt, hash: snap.StateHash, wake: snap.Wake},
		state:  snap.State, done: []func(error){done},
	}
	p := &s.sleeper
	p.mu.Lock()
	var refuse error
	switch {
	case p.stopped:
		refuse = ErrClosed
	case p.bytes+len(snap.State) > sleepWaitingBytesMax && p.bytes > 0:
		refuse = ErrBusy
	}
	if refuse == nil {
		if old := p.waiting[name]; old != nil {
			p.bytes -= len(old.state)
			if old.header.seq > one.header.seq {
				one.header, one.state = old.header, old.state
			}
			one.done = append(old.done, one.done...)
		}
		p.waiting[name] = one
		p.bytes += len(one.state)
	}
	p.mu.Unlock()
	if refuse != nil {
		done(refuse)
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (s *Store) startSleeper() {
	p := &s.sleeper
	p.waiting = make(map[string]*sleeping)
	p.wake, p.stop = make(chan struct{}, 1), make(chan struct{})
	p.wg.Add(1)
	go s.runSleeper()
}

func (s *Store) runSleeper() {
	p := &s.sleeper
	defer p.wg.Done()
	defer s.life.guard("keep the snapshots of sleeping aggregates")
	stopping := false
	for !stopping {
		select {
		case <-p.wake:
		case <-p.stop:
			stopping = true
		}
		if !stopping && !s.enoughSleeps() {
			select {
			case <-time.After(s.c.SleepDelay):
			case <-p.stop:
				stopping = true
			}
		}
		s.keepSleeps()
	}
}

func (s *Store) enoughSleeps() bool {
	s.sleeper.mu.Lock()
	defer s.sleeper.mu.Unlock()
	return s.sleeper.bytes >= sleepBytesMax
}

// stopSleeper keeps what still waits; later snapshots are refused.
func (s *Store) stopSleeper() {
	p := &s.sleeper
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	close(p.stop)
	p.wg.Wait()
	s.keepSleeps() // one may have come in before stopped was set, after the goroutine looked
}

// keepSleeps ingests all that waits and tells their owners.
func (s *Store) keepSleeps() {
	p := &s.sleeper
	p.mu.Lock()
	busy := p.waiting
	if len(busy) == 0 {
		p.mu.Unlock()
		return
	}
	p.waiting, p.busy = make(map[string]*sleeping), busy
	p.mu.Unlock()

	// Deferred, because Pebble ends the goroutine when it cannot go on: the owners are told all the same.
	err := fmt.Errorf("keep %d snapshots: %w", len(busy), ErrDead)
	defer func() { s.sleepsDone(busy, err) }()
	if dead := s.life.check(); dead == nil {
		if err = s.ingestSleeps(busy); err != nil {
			// Whether a failed ingestion left anything durable is not known.
			err = fmt.Errorf("store: keep %d snapshots: %w", len(busy), err)
			s.life.die(err)
		}
	}
}

func (s *Store) sleepsDone(busy map[string]*sleeping, err error) {
	p := &s.sleeper
	p.mu.Lock()
	p.busy = nil
	for _, one := range busy {
		p.bytes -= len(one.state)
		if err == nil {
			s.stats.sleeps.Add(1)
			s.stats.sleepBytes.Add(uint64(len(one.state)))
		}
	}
	p.mu.Unlock()
	for _, one := range busy {
		for _, done := range one.done {
			done(err)
		}
	}
}

func (s *Store) ingestSleeps(busy map[string]*sleeping) error {
	s.snapshots.Lock()
	defer s.snapshots.Unlock()
	pass, _ := s.positions()
	g := s.newIngestion()
	for _, name := range sortedNames(busy) {
		one := busy[name]
		hs, err := headersOf(s.db, name)
		if err != nil {
			g.abandon()
			return err
		}
		if n := len(hs); n > 0 && hs[n-1].seq > one.header.seq {
			continue // a pass has kept a newer state: the aggregate has been awake since
		}
		i, same := slices.BinarySearchFunc(hs, one.header.seq, func(h header, seq engine.Seq) int { return int(int64(h.seq) - int64(seq)) })
		if same {
			// The state is the same, but the older entry may be the one that a pass vouches for: it stays that old.
			one.header.position = min(one.header.position, hs[i].position)
		} else {
			hs = append(hs, one.header)
		}
		if err := g.replace(name, obsolete(hs, &pass), &one.header, one.state); err != nil {
			g.abandon()
			return err
		}
	}
	if g.empty {
		g.abandon()
		return nil
	}
	if err := g.finish(context.Background(), nil); err != nil {
		g.abandon()
		return err
	}
	return nil
}

// sleepState returns the state of an aggregate whose snapshot is still on its way to the disk.
func (s *Store) sleepState(name string) ([]byte, bool) {
	p := &s.sleeper
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.waiting[name]
	if one == nil {
		one = p.busy[name]
	}
	if one == nil {
		return nil, false
	}
	return slices.Clone(one.state), true
}
