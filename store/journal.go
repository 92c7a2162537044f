package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// journal is the way of a run to the disk. Three goroutines carry it on: the committer takes all runs that wait and makes one batch of them; the
// tailer writes the same bytes to the second copy; the releaser waits for both and releases the runs, in the order in which they were appended.
type journal struct {
	db      *pebble.DB
	tail    *tail
	life    *life
	stats   *counters
	observe func(BatchStats)

	tag        uint64
	depth      int // batches in flight, at most
	batchBytes int
	runBytes   int // facts of a run, at most

	mu       sync.Mutex
	pending  []*engine.Run
	idle     bool        // the committer sleeps because nothing is pending
	full     bool        // the committer sleeps because too much is in flight
	inFlight int         // batches that are not durable yet
	launched time.Time   // when the last batch left
	hurry    *time.Timer // wakes the committer when a slow disk may have one batch more
	flight   []*entry
	tailWork []*entry
	tailed   uint64        // highest seq durable in the tail
	probing  bool          // a sync of the tail is wanted though nothing is written
	readers  chan struct{} // closed when acked moves; nil if nobody waits
	closing  bool
	drained  bool // the committer has stopped
	commit   sync.Cond
	tailer   sync.Cond
	release  sync.Cond
	barrier  sync.Cond // tailed or acked has moved: for those who wait for a position

	acked   atomic.Uint64 // highest seq durable in both copies and released
	applied atomic.Uint64 // highest seq in Pebble's memtable
	bytes   atomic.Uint64 // of all batches up to applied
	syncs   syncClock
	flush   *flusher
	wg      sync.WaitGroup
	closed  chan struct{} // closed when nothing more will be released

	// the committer's own
	seq  uint64
	head link
	free entryPool
	own  uint64 // the first batch that it makes; it never changes
}

func newJournal(db *pebble.DB, t *tail, c *Config, l *life, stats *counters) *journal {
	j := &journal{
		db: db, tail: t, life: l, stats: stats, observe: c.Observe, tag: t.tag, depth: c.BatchesInFlight, batchBytes: c.BatchBytes,
		runBytes: int(c.TailSegmentBytes / RunBytesShare),
		closed:   make(chan struct{}),
	}
	j.commit.L, j.tailer.L, j.release.L, j.barrier.L = &j.mu, &j.mu, &j.mu, &j.mu
	j.syncs.start = time.Now()
	j.hurry = time.AfterFunc(batchPause, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.commit.Signal()
	})
	j.flush = newFlusher(db, j)
	return j
}

// startAt sets the position after which the journal goes on.
func (j *journal) startAt(seq uint64, head link, bytes uint64) {
	j.seq, j.head, j.tailed, j.own = seq, head, seq, seq+1
	j.acked.Store(seq)
	j.applied.Store(seq)
	j.bytes.Store(bytes)
	j.flush.flushed.Store(seq)
}

func (j *journal) start() {
	j.wg.Add(3)
	go j.runCommitter()
	go j.runTailer()
	go j.runReleaser()
	j.flush.start()
}

// append queues a run. See Store.Append.
func (j *journal) append(r *engine.Run) {
	if len(r.Facts.Buf) > j.runBytes {
		panic(fmt.Sprintf("store: a run of %v has %d bytes of facts, at most %d fit into a batch", r.Key, len(r.Facts.Buf), j.runBytes))
	}
	if len(r.Beside) > 0 && r.Facts.Count == 0 {
		panic(fmt.Sprintf("store: a run of %v has records beside it, but no facts: it would never be written", r.Key))
	}
	j.mu.Lock()
	if j.closing || j.life.dead.Load() {
		j.mu.Unlock()
		return
	}
	if plantedBug(plantedReleaseEmptyRuns) && r.Facts.Count == 0 && r.Owner != nil {
		j.mu.Unlock()
		go r.Owner.Released(r)
		return
	}
	j.pending = append(j.pending, r)
	if j.idle {
		j.idle = false
		j.commit.Signal()
	}
	j.mu.Unlock()
}

// runCommitter makes batches until the journal closes or dies.
func (j *journal) runCommitter() {
	defer j.wg.Done()
	defer j.life.guard("write a journal batch")
	var spare []*engine.Run
	for {
		j.mu.Lock()
		for !j.life.dead.Load() && len(j.pending) == 0 && !j.closing {
			j.idle = true
			j.commit.Wait()
		}
		j.idle = false
		j.awaitSlot()
		runs := j.pending
		j.pending = spare[:0]
		stop := j.life.dead.Load() || len(runs) == 0
		if stop {
			j.drained = true
			j.tailer.Signal()
			j.release.Signal()
		}
		j.mu.Unlock()
		if stop {
			return
		}
		rest := runs
		for len(rest) > 0 {
			if len(rest) < len(runs) {
				j.mu.Lock()
				j.awaitSlot()
				j.mu.Unlock()
			}
			e, n := j.encode(rest)
			rest = rest[n:]
			if !j.launch(e) {
				return
			}
		}
		clear(runs)
		spare = runs
	}
}

// awaitSlot waits until another batch may be in flight, or the journal is dead. REQUIRES: j.mu.
func (j *journal) awaitSlot() {
	for !j.life.dead.Load() && !j.hasSlot() {
		j.full = true
		j.commit.Wait()
	}
	j.full = false
}

// hasSlot says that another batch may leave. If only time has to pass for that, the committer is woken when it has. REQUIRES: j.mu.
func (j *journal) hasSlot() bool {
	switch {
	case j.inFlight < min(j.depth, batchesAtOnce):
		return true
	case j.inFlight >= j.depth:
		return false
	}
	left := batchPause - time.Since(j.launched)
	if left > 0 {
		j.hurry.Reset(left)
	}
	return left <= 0
}

// encode makes an entry of the first n of runs: as many as fit into a batch.
func (j *journal) encode(runs []*engine.Run) (e *entry, n int) {
	e = j.free.get()
	written := 0
	for _, r := range runs {
		if r.Facts.Count > 0 {
			if written > 0 && len(e.rec)+runLen(r) > j.batchBytes {
				break
			}
			if written == 0 {
				e.rec = beginBatch(beginRecord(e.rec[:0]), j.seq+1, j.acked.Load(), j.bytes.Load(), &j.head)
			}
			e.rec = appendRun(e.rec, r)
			e.facts += r.Facts.Count
			for i := range r.Beside {
				e.beside += len(r.Beside[i].Key) + len(r.Beside[i].Value) + besideOverhead
			}
			written++
		}
		n++
	}
	e.runs = append(e.runs, runs[:n]...)
	if written == 0 {
		return e, n
	}
	j.seq++
	e.seq = j.seq
	e.rec, j.head = finishBatch(e.rec, tailHead, written)
	e.length = len(e.rec) - tailHead
	e.rec = finishRecord(e.rec, j.tag, e.seq)
	return e, n
}

// launch hands an entry to both copies; false if the journal is dead.
func (j *journal) launch(e *entry) bool {
	if j.life.dead.Load() {
		return false
	}
	if e.seq > 0 {
		e.pebble = j.db.NewBatchWithSize(e.length + e.beside + 64)
		op := e.pebble.SetDeferred(journalKeyLen, e.length)
		appendJournalKey(op.Key[:0], e.seq)
		copy(op.Value, e.batch())
		if err := op.Finish(); err != nil {
			j.life.die(fmt.Errorf("journal: build batch %d: %w", e.seq, err))
			return false
		}
		if e.beside > 0 {
			if err := e.putBeside(); err != nil {
				j.life.die(fmt.Errorf("journal: build batch %d: %w", e.seq, err))
				return false
			}
		}
	}
	e.began = time.Now()
	j.mu.Lock()
	if e.seq > 0 {
		j.inFlight++
		j.launched = e.began
		j.tailWork = append(j.tailWork, e)
		if len(j.tailWork) == 1 {
			j.tailer.Signal()
		}
		j.syncs.begin(e.began)
		j.mu.Unlock()
		if err := j.db.ApplyNoSyncWait(e.pebble, pebble.Sync); err != nil {
			j.life.die(fmt.Errorf("journal: write batch %d: %w", e.seq, err))
			return false
		}
		j.applied.Store(e.seq)
		j.bytes.Add(uint64(e.length))
		j.mu.Lock()
	}
	j.flight = append(j.flight, e)
	if len(j.flight) == 1 {
		j.release.Signal()
	}
	j.mu.Unlock()
	return true
}

// runTailer writes the second copy: everything that waits, then one sync.
func (j *journal) runTailer() {
	defer j.wg.Done()
	var work []*entry
	for {
		j.mu.Lock()
		for len(j.tailWork) == 0 && !j.probing && !j.life.dead.Load() {
			if j.drained {
				j.mu.Unlock()
				return
			}
			j.tailer.Wait()
		}
		if j.life.dead.Load() {
			j.mu.Unlock()
			return
		}
		work, j.tailWork = j.tailWork, work[:0]
		probe := j.probing
		j.probing = false
		j.mu.Unlock()

		if err := j.writeTail(work, probe); err != nil {
			j.life.die(err)
			return
		}
		if n := len(work); n > 0 {
			j.mu.Lock()
			j.tailed = work[n-1].seq
			j.barrier.Broadcast()
			j.mu.Unlock()
			clear(work)
		}
	}
}

func (j *journal) writeTail(work []*entry, probe bool) error {
	began := time.Now()
	for _, e := range work {
		if err := j.tail.write(e.rec, e.seq); err != nil {
			return err
		}
	}
	if len(work) == 0 && probe {
		if err := j.tail.probe(); err != nil {
			return err
		}
	} else if err := j.tail.sync(); err != nil {
		return err
	}
	j.syncs.tail(time.Since(began))
	return nil
}

// runReleaser releases runs in order, each batch when it is durable in both copies.
func (j *journal) runReleaser() {
	defer j.wg.Done()
	for {
		j.mu.Lock()
		for len(j.flight) == 0 && !j.life.dead.Load() {
			if j.drained {
				j.mu.Unlock()
				return
			}
			j.release.Wait()
		}
		if j.life.dead.Load() {
			j.mu.Unlock()
			return
		}
		e := j.flight[0]
		copy(j.flight, j.flight[1:])
		j.flight[len(j.flight)-1] = nil
		j.flight = j.flight[:len(j.flight)-1]
		j.mu.Unlock()
		if e.seq > 0 && !j.awaitDurable(e) {
			return
		}
		if !j.releaseRuns(e) {
			return
		}
		j.free.put(e, 2*j.batchBytes)
	}
}

// awaitDurable waits for both copies of an entry and makes room for the next; false if the journal is dead.
func (j *journal) awaitDurable(e *entry) bool {
	if !plantedBug(plantedAckBeforeSync) {
		if err := e.pebble.SyncWait(); err != nil {
			j.life.die(fmt.Errorf("journal: sync batch %d: %w", e.seq, err))
			return false
		}
	}
	synced := time.Now()
	j.mu.Lock()
	for j.tailed < e.seq && !j.life.dead.Load() && !plantedBug(plantedAckBeforeSync) {
		j.barrier.Wait()
	}
	if j.life.dead.Load() {
		j.mu.Unlock()
		return false
	}
	j.inFlight--
	j.acked.Store(e.seq)
	j.syncs.end(time.Now(), j.inFlight)
	if j.full {
		j.commit.Signal()
	}
	if j.readers != nil {
		close(j.readers)
		j.readers = nil
	}
	j.barrier.Broadcast()
	j.mu.Unlock()
	if !plantedBug(plantedAckBeforeSync) {
		if err := e.pebble.Close(); err != nil {
			j.life.die(fmt.Errorf("journal: close batch %d: %w", e.seq, err))
			return false
		}
	}
	j.stats.batches.Add(1)
	j.stats.bytes.Add(uint64(e.length))
	j.stats.facts.Add(uint64(e.facts))
	if j.observe != nil {
		j.observe(BatchStats{
			Runs: len(e.runs), Facts: e.facts, Bytes: e.length,
			PebbleSyncNs: synced.Sub(e.began).Nanoseconds(), TailSyncNs: j.syncs.tailNs.Load(), DurableNs: time.Since(e.began).Nanoseconds(),
		})
	}
	return true
}

func (j *journal) releaseRuns(e *entry) bool {
	for _, r := range e.runs {
		if j.life.dead.Load() {
			return false
		}
		if r.Owner != nil {
			r.Owner.Released(r)
		}
	}
	j.stats.runs.Add(uint64(len(e.runs)))
	return true
}

// probeTail makes the tailer sync although nothing is written.
func (j *journal) probeTail() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.probing = true
	j.tailer.Signal()
}

// wake makes every goroutine look around: after a death or a close.
func (j *journal) wake() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.commit.Broadcast()
	j.tailer.Broadcast()
	j.release.Broadcast()
	j.barrier.Broadcast()
}

// close writes and releases what was appended and stops the goroutines.
func (j *journal) close() {
	j.mu.Lock()
	j.closing = true
	j.mu.Unlock()
	j.wake()
	j.wg.Wait()
	j.hurry.Stop()
	close(j.closed)
	j.flush.close()
}
