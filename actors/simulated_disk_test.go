package actors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// simDisk is what survives a simulated process: runs since the last snapshot of each aggregate, snapshots, and the high mark of node time. Beside them it
// folds every run, as it becomes durable, into a replica of its aggregate: what the disk says is true.
type simDisk struct {
	t        *testing.T
	mu       sync.Mutex
	runs     map[engine.Key][]*engine.Run
	snaps    map[engine.Key]*engine.Snapshot
	replicas map[engine.Key]engine.Aggregate
	sealed   map[string][]byte // of the vault
	highMark engine.Instant
	facts    int
	// kept, if not nil, is told of each run that is durable now, and how many holds of its event are live with it.
	kept func(run *engine.Run, live int)
}

func newSimDisk(t *testing.T) *simDisk {
	return &simDisk{
		t: t, runs: map[engine.Key][]*engine.Run{}, snaps: map[engine.Key]*engine.Snapshot{}, replicas: map[engine.Key]engine.Aggregate{},
		sealed: map[string][]byte{},
	}
}

// keep makes a run durable.
func (d *simDisk) keep(run *engine.Run) {
	if run.Facts.Count == 0 {
		return
	}
	d.mu.Lock()
	d.facts += run.Facts.Count
	kept := &engine.Run{Key: run.Key, Partition: run.Partition, First: run.First, At: run.At}
	kept.Facts = engine.Facts{Buf: bytes.Clone(run.Facts.Buf), Count: run.Facts.Count}
	d.runs[run.Key] = append(d.runs[run.Key], kept)
	for _, r := range run.Beside {
		d.sealed[string(r.Key)] = bytes.Clone(r.Value)
	}
	d.highMark = max(d.highMark, run.At)
	if d.replicas[run.Key] == nil {
		d.replicas[run.Key] = engine.NewAggregate(run.Key)
	}
	if err := d.replicas[run.Key].Fold(kept); err != nil {
		d.t.Errorf("the log of %s does not fold: %v", run.Key.ID, err)
	}
	ev, is := d.replicas[run.Key].(*engine.Event)
	d.mu.Unlock()
	if is && d.kept != nil {
		d.kept(run, int(ev.Stats().HoldsLive))
	}
}

// snapshot keeps an aggregate's state and cuts its log.
func (d *simDisk) snapshot(snap *engine.Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if has := d.replicas[snap.Key]; has.Seq() != snap.Seq || has.StateHash() != snap.StateHash {
		d.t.Errorf("the snapshot of %s is of fact %d with hash %016x, durable is %d with %016x", snap.Key.ID, snap.Seq, snap.StateHash, has.Seq(), has.StateHash())
	}
	d.snaps[snap.Key], d.runs[snap.Key] = snap, nil
}

// rebuild folds the log onto the last snapshot.
func (d *simDisk) rebuild(key engine.Key) (engine.Aggregate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	agg := engine.NewAggregate(key)
	if snap := d.snaps[key]; snap != nil {
		var err error
		if agg, err = engine.OpenSnapshot(key, snap.State); err != nil {
			return nil, fmt.Errorf("open the snapshot of %s: %w", key.ID, err)
		}
	}
	for _, run := range d.runs[key] {
		if err := agg.Fold(run); err != nil {
			return nil, fmt.Errorf("fold the log of %s: %w", key.ID, err)
		}
	}
	return agg, nil
}

// recovered is what a start finds: asleep what has no log since its snapshot, awake what has. Some of what is awake was in a snapshot pass before.
func (d *simDisk) recovered(dice *rand.Rand) *engine.Recovered {
	d.mu.Lock()
	r := &engine.Recovered{HighMark: d.highMark}
	var awake []engine.Key
	for _, key := range slices.SortedFunc(maps.Keys(d.replicas), func(a, b engine.Key) int { return strings.Compare(a.ID, b.ID) }) {
		has := d.replicas[key]
		if len(d.runs[key]) > 0 && dice.IntN(3) == 0 {
			d.snaps[key] = &engine.Snapshot{Asleep: engine.Asleep{Key: key, Seq: has.Seq()}, State: has.AppendSnapshot(nil)}
			d.runs[key] = nil
		}
		if len(d.runs[key]) > 0 {
			awake = append(awake, key)
			continue
		}
		wake, _ := has.NextDeadline()
		if has.AwaitsWall() {
			wake = 1
		}
		r.Asleep = append(r.Asleep, engine.Asleep{Key: key, Seq: has.Seq(), LastAt: has.LastAt(), StateHash: has.StateHash(), Wake: wake})
	}
	d.mu.Unlock()
	for _, key := range awake {
		agg, err := d.rebuild(key)
		if err != nil {
			d.t.Fatal(err)
		}
		if got, want := agg.StateHash(), d.replicas[key].StateHash(); got != want {
			d.t.Errorf("%s comes back with state %016x, it was %016x", key.ID, got, want)
		}
		r.Awake = append(r.Awake, engine.Recalled{Key: key, State: agg})
	}
	return r
}

// down is how long the process has been down in all, as its log says.
func (d *simDisk) down() engine.Instant {
	d.mu.Lock()
	defer d.mu.Unlock()
	if node, ok := d.replicas[nodeKey()].(*engine.Node); ok {
		return engine.Instant(node.Down())
	}
	return 0
}

// simWriter is the journal of one process: it takes a while to make runs durable, many at once. When the process is dead it still lets go of what it is
// given, so that its goroutines end, but keeps nothing.
type simWriter struct {
	disk    *simDisk
	slowest time.Duration
	// falls, if not nil, is asked before and after each run of an event becomes durable whether the process falls there.
	falls func(point string) bool

	seed uint64

	mu      sync.Mutex
	waiting []*engine.Run
	writing bool
	dead    bool
}

func (w *simWriter) Append(run *engine.Run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, run)
	if !w.writing {
		w.writing = true
		go w.write()
	}
}

// write makes what comes within a while durable together, until nothing comes. The while is drawn from the moment, not from a stream: how much was drawn
// before depends on how goroutines took turns.
func (w *simWriter) write() {
	for {
		dice := rand.New(rand.NewPCG(w.seed, uint64(time.Now().UnixNano())))
		time.Sleep(time.Duration(dice.Int64N(int64(w.slowest))))
		w.mu.Lock()
		batch := w.waiting
		w.waiting = nil
		w.writing = len(batch) > 0
		w.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, run := range batch {
			// The fall of the process comes between two runs at most: what is durable was durable whole.
			w.mu.Lock()
			asks := w.falls != nil && run.Key.Kind == engine.KindEvent && run.Facts.Count > 0
			if asks && !w.dead {
				w.dead = w.falls("before it is durable")
			}
			if !w.dead {
				w.disk.keep(run)
				w.dead = asks && w.falls("when it is durable")
			}
			w.mu.Unlock()
			run.Owner.Released(run)
		}
	}
}

// kill makes the process dead: nothing is kept from now on.
func (w *simWriter) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
}

func (w *simWriter) isDead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead
}

func (w *simWriter) Load(key engine.Key) ([]byte, bool, error) {
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	snap, ok := w.disk.snaps[key]
	if !ok {
		return nil, false, nil
	}
	return snap.State, true, nil
}

func (w *simWriter) Sleep(snap *engine.Snapshot, done func(error)) {
	if !w.isDead() {
		w.disk.snapshot(snap)
	}
	go done(nil)
}

func (w *simWriter) Rebuild(key engine.Key) (engine.Aggregate, error) { return w.disk.rebuild(key) }

func (w *simWriter) HighMark(at engine.Instant) {
	if w.isDead() {
		return
	}
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	w.disk.highMark = max(w.disk.highMark, at)
}

// Archive implements Snapshots: no event of the day is closed for long enough.
func (*simWriter) Archive(context.Context, []engine.Key) error {
	return errors.New("an event was archived within a day")
}

// Archived implements Snapshots.
func (*simWriter) Archived(engine.Key) (engine.Instant, bool, error) { return 0, false, nil }
