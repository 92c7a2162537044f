package store

import (
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// flusher moves batches out of Pebble's memtable, so that the tail may forget them.
type flusher struct {
	db      *pebble.DB
	journal *journal
	want    chan struct{} // capacity 1: a flush is wanted
	stop    chan struct{}
	wg      sync.WaitGroup
	flushed atomic.Uint64 // every batch up to this seq is in Pebble's tables
}

func newFlusher(db *pebble.DB, j *journal) *flusher {
	return &flusher{db: db, journal: j, want: make(chan struct{}, 1), stop: make(chan struct{})}
}

// ask starts a flush if batch seq is not in a table yet.
func (f *flusher) ask(seq uint64) {
	if f.flushed.Load() >= seq {
		return
	}
	select {
	case f.want <- struct{}{}:
	default:
	}
}

// await returns when batch seq is in a table.
func (f *flusher) await(seq uint64) error {
	j := f.journal
	if f.flushed.Load() >= seq {
		return nil
	}
	j.stats.tailWaits.Add(1)
	for f.flushed.Load() < seq {
		if err := j.life.check(); err != nil {
			return err
		}
		f.ask(seq)
		j.mu.Lock()
		if f.flushed.Load() < seq && !j.life.dead.Load() {
			j.barrier.Wait()
		}
		j.mu.Unlock()
	}
	return nil
}

// run flushes when asked, until the journal has drained.
func (f *flusher) run() {
	defer f.wg.Done()
	defer f.journal.life.guard("flush the memtable")
	for {
		select {
		case <-f.want:
		case <-f.stop:
			return
		case <-f.journal.life.done:
			return
		}
		seq := f.journal.applied.Load()
		done, err := f.db.AsyncFlush()
		if err != nil {
			f.journal.life.die(err)
			return
		}
		select {
		case <-done:
		case <-f.journal.life.done:
			return
		}
		f.flushed.Store(seq)
		f.journal.mu.Lock()
		f.journal.barrier.Broadcast()
		f.journal.mu.Unlock()
	}
}

func (f *flusher) start() {
	f.wg.Add(1)
	go f.run()
}

func (f *flusher) close() {
	close(f.stop)
	f.wg.Wait()
}
