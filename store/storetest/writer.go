package storetest

import (
	"encoding/binary"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
)

// Appender is the part of a journal that takes runs.
type Appender interface {
	Append(run *engine.Run)
}

// Writer appends runs of toys to a journal and knows what should be in it. It is the owner of its runs. Its methods are safe for use by many
// goroutines, but the runs of one toy must be appended by one.
type Writer struct {
	mu       sync.Mutex
	cond     sync.Cond
	toys     map[engine.Key]*Toy
	appended []Written // in the order in which Append was called
	released int
	disorder bool
	closed   bool
	// OnRelease, if set, is called with the number of runs released so far, from the journal's goroutine.
	OnRelease func(released int)
}

// Written is a run as it was appended.
type Written struct {
	Key   engine.Key
	First engine.Seq
	At    engine.Instant
	Facts []byte
	Count int
	// After is the state hash of the toy after the run.
	After uint64
	run   *engine.Run
}

// NewWriter makes a writer that knows of no toys.
func NewWriter() *Writer {
	w := &Writer{toys: make(map[engine.Key]*Toy)}
	w.cond.L = &w.mu
	return w
}

// Adopt makes w go on with toys that were recovered.
func (w *Writer) Adopt(rec *engine.Recovered) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range rec.Awake {
		w.toys[r.Key] = r.State.(*Toy)
	}
}

// Toy returns the toy with a key as it is after all runs appended so far.
func (w *Writer) Toy(key engine.Key) *Toy {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.toy(key)
}

func (w *Writer) toy(key engine.Key) *Toy {
	t := w.toys[key]
	if t == nil {
		t = NewToy(key).(*Toy)
		w.toys[key] = t
	}
	return t
}

// Put appends a run of n facts of one toy, each with the given payload and its own number. n may be 0.
func (w *Writer) Put(j Appender, key engine.Key, n int, payload []byte) {
	w.Run(j, key, func(t *Toy, f *engine.Facts) {
		b := make([]byte, 8, 8+len(payload))
		for i := range n {
			binary.LittleEndian.PutUint64(b, uint64(t.Seq())+uint64(i)+1)
			AppendAdd(f, append(b, payload...))
		}
	})
}

// Run appends a run with the facts that fill appends.
func (w *Writer) Run(j Appender, key engine.Key, fill func(t *Toy, f *engine.Facts)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.toy(key)
	run := &engine.Run{Key: key, Partition: engine.PartitionOf(key.ID), First: t.Seq() + 1, At: t.LastAt() + 1, Owner: w}
	fill(t, &run.Facts)
	if run.Facts.Count > 0 {
		// A fact that does not fold is a test's own doing: the log takes what it is given.
		_ = t.Fold(run)
	}
	w.appended = append(w.appended, Written{
		Key: key, First: run.First, At: run.At, Facts: append([]byte(nil), run.Facts.Buf...), Count: run.Facts.Count, After: t.StateHash(), run: run,
	})
	// Under the lock, so that the order of appended is the order of the appends.
	j.Append(run)
}

// Released notes that a run is durable.
func (w *Writer) Released(run *engine.Run) {
	w.mu.Lock()
	if w.released >= len(w.appended) || w.appended[w.released].run != run {
		w.disorder = true
	} else {
		w.appended[w.released].run = nil
	}
	w.released++
	n, f := w.released, w.OnRelease
	w.cond.Broadcast()
	w.mu.Unlock()
	if f != nil {
		f(n)
	}
}

// State says how many runs were appended and released, and whether they were released in the order of the appends, each once.
func (w *Writer) State() (appended, released int, inOrder bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.appended), w.released, !w.disorder
}

// Await waits until n runs are released, or Stop is called.
func (w *Writer) Await(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.released < n && !w.closed {
		w.cond.Wait()
	}
}

// AwaitAll waits until every run appended so far is released, or Stop is called.
func (w *Writer) AwaitAll() {
	n, _, _ := w.State()
	w.Await(n)
}

// Stop ends every Await: nothing more will be released.
func (w *Writer) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.cond.Broadcast()
}

// Written returns the runs appended so far.
func (w *Writer) Written() []Written {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Written(nil), w.appended...)
}
