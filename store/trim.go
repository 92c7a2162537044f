package store

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// trim cuts off, in one piece, the log that nobody needs: up to the end of the pass before the last, so that the last snapshots can be made once
// more and compared, and never past a cursor. It returns the last batch that is gone.
func (s *Store) trim(ctx context.Context) (uint64, error) {
	pass, done := s.positions()
	cut := pass.before
	s.cursors.Lock()
	for _, c := range s.cursors.all {
		if c.saved.seq < cut.seq && !plantedBug(plantedCutPastCursor) {
			cut = c.saved
		}
	}
	if cut.seq > done.seq {
		// Under the lock of the cursors: a new cursor starts behind what is cut.
		s.passed.Lock()
		s.passed.trim = cut
		s.passed.Unlock()
	}
	s.cursors.Unlock()
	if cut.seq <= done.seq {
		return done.seq, nil
	}
	// First remember, durably, what the first batch that is left continues.
	if err := s.remember(func(b *pebble.Batch) error { return putPosition(b, metaTrim, &cut) }); err != nil {
		return done.seq, err
	}
	// What is still in a memtable would make the excision flush it while commits wait.
	if err := s.journal.flush.await(cut.seq); err != nil {
		return done.seq, err
	}
	if err := s.db.Excise(ctx, pebble.KeyRange{Start: journalKey(0), End: journalKey(cut.seq + 1)}); err != nil {
		err = fmt.Errorf("cut off the log up to batch %d: %w", cut.seq, err)
		s.life.die(err)
		return done.seq, err
	}
	s.stats.trimmed.Store(cut.seq)
	return cut.seq, nil
}

// remember writes a batch of things to remember, durably.
func (s *Store) remember(fill func(b *pebble.Batch) error) error {
	if err := s.life.check(); err != nil {
		return err
	}
	b := s.db.NewBatch()
	if err := fill(b); err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	s.journal.syncs.probe(true)
	defer s.journal.syncs.probe(false)
	// Pebble ends the process, or at least this goroutine, when it cannot write this.
	if err := b.Commit(pebble.Sync); err != nil {
		err = fmt.Errorf("remember: %w", err)
		s.life.die(err)
		return err
	}
	return b.Close()
}
