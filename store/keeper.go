package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// keeperState belongs to the goroutine that looks after the store about once a second.
type keeperState struct {
	stop      chan struct{}
	done      chan struct{}
	passDone  chan struct{} // closed when the pass that was started by itself has ended; nil if none was
	cancel    context.CancelFunc
	ctx       context.Context
	highSaved engine.Instant
	seen      uint64 // Durable at the last look
	lowSpace  bool
	lagging   bool
}

// HighMark notes that node time has reached at. It is on disk about a second later, and at once after Close. Times at or below an earlier one change
// nothing.
func (s *Store) HighMark(at engine.Instant) {
	for {
		old := s.high.Load()
		if int64(at) <= old || s.high.CompareAndSwap(old, int64(at)) {
			return
		}
	}
}

func (s *Store) startKeeper() {
	k := &s.keeper
	k.stop, k.done = make(chan struct{}), make(chan struct{})
	k.ctx, k.cancel = context.WithCancel(context.Background())
	go s.runKeeper()
}

func (s *Store) runKeeper() {
	k := &s.keeper
	defer close(k.done)
	defer s.life.guard("look after the store")
	if s.c.KeepEvery < 0 {
		<-k.stop
		return
	}
	tick := time.NewTicker(s.c.KeepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.keep()
		case <-k.stop:
			return
		case <-s.life.done:
			return
		}
	}
}

// stopKeeper ends a pass under way and the keeper.
func (s *Store) stopKeeper() {
	s.keeper.cancel()
	close(s.keeper.stop)
	<-s.keeper.done
	if s.keeper.passDone != nil {
		<-s.keeper.passDone
	}
}

// keep does what is due.
func (s *Store) keep() {
	if err := s.save(); err != nil {
		s.c.Logger.Error("store: positions were not saved", "err", err)
	}
	s.probe()
	s.watchSpace()
	s.watchCursors()
	s.maybePass()
}

// save writes the high mark and the cursors, durably, if they have moved.
func (s *Store) save() error {
	if err := s.life.check(); err != nil {
		return err
	}
	high := engine.Instant(s.high.Load())
	s.cursors.Lock()
	b := s.db.NewBatch()
	moved, err := s.saveCursors(b)
	s.cursors.Unlock()
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if high > s.keeper.highSaved {
		if err := putHigh(b, high); err != nil {
			return errors.Join(err, b.Close())
		}
	}
	if b.Empty() {
		return b.Close()
	}
	s.journal.syncs.probe(true)
	if err := b.Commit(pebble.Sync); err != nil {
		err = fmt.Errorf("save positions: %w", err)
		s.life.die(err)
		return err
	}
	s.journal.syncs.probe(false)
	s.keeper.highSaved = high
	s.cursors.Lock()
	for c, p := range moved {
		c.saved = p
	}
	s.cursors.Unlock()
	return b.Close()
}

// probe makes both copies sync when no batch has done so since the last look: a disk that has died shows before somebody buys.
func (s *Store) probe() {
	d := s.Durable()
	if d != s.keeper.seen {
		s.keeper.seen = d
		return
	}
	if s.life.dead.Load() {
		return
	}
	s.journal.probeTail()
	s.journal.syncs.probe(true)
	if err := s.db.LogData([]byte("probe"), pebble.Sync); err != nil {
		s.life.die(fmt.Errorf("probe the log: %w", err))
		return
	}
	s.journal.syncs.probe(false)
}

// watchCursors sets HoldsBack, with an alarm when it begins.
func (s *Store) watchCursors() {
	bytes := s.journal.bytes.Load()
	var worst uint64
	var name string
	s.cursors.Lock()
	for _, c := range s.cursors.all {
		if lag := cursorLag(&c.saved, bytes); lag > worst {
			worst, name = lag, c.name
		}
	}
	s.cursors.Unlock()
	s.stats.cursorLag.Store(worst)
	behind := worst > uint64(s.c.CursorLagBytes)
	s.holdsBack.Store(behind)
	if behind && !s.keeper.lagging {
		s.c.Alarm(fmt.Errorf("store: cursor %s holds back %d MiB of log, more than %d MiB: new holds are refused until its consumer catches up or the cursor is removed",
			name, worst>>20, s.c.CursorLagBytes>>20))
	}
	s.keeper.lagging = behind
}

// maybePass starts a pass when enough log has gathered and none is under way.
func (s *Store) maybePass() {
	k := &s.keeper
	if k.passDone != nil {
		select {
		case <-k.passDone:
			k.passDone = nil
		default:
			return
		}
	}
	bytes := s.journal.bytes.Load()
	if s.c.PassBytes < 0 || !s.recovered.Load() || s.LogBytes() < uint64(s.c.PassBytes) || bytes < s.passAgainAt.Load() {
		return
	}
	done := make(chan struct{})
	k.passDone = done
	go func() {
		defer close(done)
		defer s.life.guard("snapshot pass")
		rep, err := s.Pass(k.ctx)
		if err != nil && k.ctx.Err() == nil {
			s.passAgainAt.Store(bytes + uint64(s.c.PassBytes)/4)
			s.c.Alarm(err)
			return
		}
		s.c.Logger.Info("store: snapshot pass", "from", rep.From, "to", rep.To, "facts", rep.Facts, "aggregates", rep.Aggregates, "trimmed", rep.Trimmed, "took", rep.Took)
	}()
}

// LogBytes is how much log there is since the last pass, in bytes.
func (s *Store) LogBytes() uint64 {
	pass, _ := s.positions()
	return s.journal.bytes.Load() - pass.last.bytes
}

// Ready is nil when the store has recovered, lives, and its disk answers: the age of a sync under way is looked at, and an idle store syncs about once
// a second.
func (s *Store) Ready() error {
	if err := s.life.check(); err != nil {
		return err
	}
	if !s.recovered.Load() {
		return errNotRecovered
	}
	if d := s.journal.syncs.stalled(time.Now()); d > s.c.StallTimeout {
		return fmt.Errorf("the disk has not answered for %v: a sync hangs", d.Round(time.Millisecond))
	}
	return nil
}
