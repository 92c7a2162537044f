package store

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// Store keeps the log of an engine in a data folder: the journal, snapshots and positions. Its methods are safe for use by many goroutines.
type Store struct {
	c       Config
	folder  folder
	lock    io.Closer
	life    *life
	db      *pebble.DB
	tail    *tail
	journal *journal
	vault   *Vault
	stats   counters

	recovered   atomic.Bool
	tailRecords map[uint64]link // until Recover has compared them

	passed struct {
		sync.Mutex
		passRecord
		trim position // the last batch that is cut away
	}
	passing   sync.Mutex // held by a pass
	backing   sync.Mutex // held by a backup
	snapshots sync.Mutex // held by whoever changes the snapshots
	tables    atomic.Uint64
	cursors   cursors
	sleeper   sleeper
	keeper    keeperState
	high      atomic.Int64 // engine.Instant
	holdsBack atomic.Bool
	full      atomic.Bool
	// passAgainAt is the journal's length before which no pass is tried again after one has failed.
	passAgainAt atomic.Uint64

	closeOnce sync.Once
	closeErr  error
}

// Installation is the folder's own id, drawn when it was made: lower-case letters and digits.
func (s *Store) Installation() string { return strconv.FormatUint(s.folder.tag, 36) } //nolint:mnd // the shortest

func (s *Store) genesis() position { return position{head: s.folder.genesis()} }

// start sets the goroutines of an opened store going.
func (s *Store) start() {
	wake := s.journal.wake
	s.life.wake.Store(&wake)
	s.tail.overwrite = s.journal.flush.await
	s.tail.prepare = s.journal.flush.ask
	s.journal.start()
	s.startSleeper()
	s.startKeeper()
}

// Append takes a run on its way to the disk and returns at once; run.Owner is told when the run, and every run appended before it, is durable.
// A run without facts is never written: it only waits for those before it.
//
// The run's facts must not exceed half a tail segment ([Config.TailSegmentBytes]); more is a programmer's error and panics. There is no cancel: a
// half-cancelled append has no honest answer. After an error that stopped the store, and after Close, runs are dropped and never released.
func (s *Store) Append(run *engine.Run) { s.journal.append(run) }

// Durable is the journal seq of the newest batch that is durable in both copies.
func (s *Store) Durable() uint64 { return s.journal.acked.Load() }

// loadPositions reads what the store remembers.
func (s *Store) loadPositions() error {
	genesis := s.genesis()
	p, err := getPass(s.db, &genesis)
	if err != nil {
		return pebbleError(err)
	}
	s.passed.passRecord, s.passed.trim = p, genesis
	if _, err := getPosition(s.db, metaTrim, &s.passed.trim); err != nil {
		return pebbleError(err)
	}
	high, err := getHigh(s.db)
	if err != nil {
		return pebbleError(err)
	}
	s.keeper.highSaved = high
	s.HighMark(high)
	s.stats.trimmed.Store(s.passed.trim.seq)
	return pebbleError(s.loadCursors())
}

// Close writes and releases what was appended, syncs and lets go of the folder. Later calls return what the first returned.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	err := s.orDead(func() error {
		s.stopKeeper()
		s.journal.close()
		s.stopSleeper()
		if err := s.save(); err != nil && !s.life.dead.Load() {
			return err
		}
		return s.tail.close()
	})
	if err2 := s.orDead(s.db.Close); err == nil {
		err = err2
	}
	if err2 := s.lock.Close(); err == nil {
		err = err2
	}
	if dead := s.life.check(); dead != nil {
		err = dead
	}
	if err != nil {
		return fmt.Errorf("store: close %s: %w", s.folder.dir, err)
	}
	return nil
}

// orDead does what hangs when the store is dead, or dies of it: it waits a moment longer, and no more. Pebble panics when it is closed in a state
// that it did not expect.
func (s *Store) orDead(do func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errors.New("ended early")
		defer func() { done <- err }()
		defer s.life.guard("close")
		err = do()
	}()
	select {
	case err := <-done:
		return err
	case <-s.life.done:
	}
	select {
	case err := <-done:
		return err
	case <-time.After(closePatience):
		return s.life.check()
	}
}

// closePatience is how long a dead store waits for goroutines that may hang in the kernel.
const closePatience = 200 * time.Millisecond

var errNotRecovered = errors.New("recovery has not finished")
