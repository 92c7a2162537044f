package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

// bench is an open store with a writer, on a memory file system that outlives it.
type bench struct {
	t   *testing.T
	c   Config
	s   *Store
	w   *storetest.Writer
	rec *engine.Recovered
}

func newBench(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	c := small(vfs.NewMem(), dataDir)
	c.KeepEvery = -1
	if change != nil {
		change(&c)
	}
	b := &bench{t: t, c: c, w: storetest.NewWriter()}
	b.open()
	return b
}

func (b *bench) open() {
	b.t.Helper()
	b.s = mustOpen(b.t, b.c)
	rec, err := b.s.Recover()
	if err != nil {
		b.t.Fatal(err)
	}
	b.rec = rec
	b.t.Cleanup(func() { _ = b.s.Close() })
}

func (b *bench) reopen() {
	b.t.Helper()
	b.close()
	b.open()
}

func (b *bench) close() {
	b.t.Helper()
	if err := b.s.Close(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) put(event, runs, facts int) {
	for range runs {
		b.w.Put(b.s, toyKey(event), facts, make([]byte, 100))
	}
	b.w.AwaitAll()
}

func (b *bench) pass() PassReport {
	b.t.Helper()
	rep, err := b.s.Pass(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return rep
}

func (b *bench) sleep(key engine.Key) {
	b.t.Helper()
	if err := b.trySleep(key); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) trySleep(key engine.Key) error {
	toy := b.w.Toy(key)
	wake, _ := toy.NextDeadline()
	done := make(chan error, 1)
	b.s.Sleep(&engine.Snapshot{
		Asleep: engine.Asleep{Key: key, Seq: toy.Seq(), LastAt: toy.LastAt(), StateHash: toy.StateHash(), Wake: wake}, State: toy.AppendSnapshot(nil),
	}, func(err error) { done <- err })
	return <-done
}

// verify checks the closed folder and returns the report, which must be clean.
func (b *bench) verify() Report {
	b.t.Helper()
	rep, err := Verify(VerifyConfig{Dir: b.c.Dir, FS: b.c.FS, New: b.c.New, Open: b.c.Open})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range rep.Problems {
		b.t.Errorf("verify: %v", p)
	}
	return rep
}

func TestAnAggregateSleepsAndIsLoaded(t *testing.T) {
	b := newBench(t, nil)
	// Larger than a chunk, and than a memtable.
	b.w.Run(b.s, toyKey(1), func(_ *storetest.Toy, f *engine.Facts) { storetest.AppendPad(f, 3<<20) })
	b.put(2, 3, 2)
	b.w.Toy(toyKey(2)).SetWake(77)
	b.sleep(toyKey(1))
	b.sleep(toyKey(2))
	for _, reopened := range []bool{false, true} {
		if reopened {
			b.reopen()
		}
		for _, k := range []engine.Key{toyKey(1), toyKey(2)} {
			state, ok, err := b.s.Load(k)
			if err != nil || !ok {
				t.Fatalf("load %v: found %v, %v", k, ok, err)
			}
			a, err := storetest.OpenToy(k, state)
			if err != nil || a.StateHash() != b.w.Toy(k).StateHash() || a.Seq() != b.w.Toy(k).Seq() {
				t.Fatalf("%v was loaded with another state: %v", k, err)
			}
		}
	}
	if len(b.rec.Asleep) != 2 || len(b.rec.Awake) != 0 {
		t.Fatalf("recovered %d asleep and %d awake, want 2 and 0", len(b.rec.Asleep), len(b.rec.Awake))
	}
	for _, a := range b.rec.Asleep {
		if a.Key == toyKey(2) && a.Wake != 77 {
			t.Errorf("it wants to wake at %d, want 77", a.Wake)
		}
	}
	if _, ok, err := b.s.Load(toyKey(3)); ok || err != nil {
		t.Errorf("an aggregate that never slept was loaded: %v, %v", ok, err)
	}
	b.put(2, 1, 1)
	b.reopen()
	storetest.CheckRecovered(t, b.w, b.rec)
	if len(b.rec.Awake) != 1 {
		t.Errorf("%d awake after a run of one, want 1", len(b.rec.Awake))
	}
	b.close()
	b.verify()
}

// Loading what sleeps does not read the journal, or a hundred thousand events would take as long to wake as all of their history: here the journal is gone.
// An aggregate may go to sleep while a pass folds it. Both come to the same state, but only its actor can tell when it wants to be woken at a wall time.
func TestAPassKeepsTheTimeToWake(t *testing.T) {
	var meanwhile func()
	b := newBench(t, func(c *Config) {
		fresh := c.New
		c.New = func(key engine.Key) engine.Aggregate {
			if f := meanwhile; f != nil {
				meanwhile = nil
				f()
			}
			return fresh(key)
		}
	})
	b.put(1, 3, 2)
	meanwhile = func() {
		toy := b.w.Toy(toyKey(1))
		done := make(chan error, 1)
		b.s.Sleep(&engine.Snapshot{
			Asleep: engine.Asleep{Key: toyKey(1), Seq: toy.Seq(), LastAt: toy.LastAt(), StateHash: toy.StateHash(), Wake: 77}, State: toy.AppendSnapshot(nil),
		}, func(err error) { done <- err })
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	b.pass()
	if meanwhile != nil {
		t.Fatal("the pass folded nothing")
	}
	b.reopen()
	if len(b.rec.Asleep) != 1 || b.rec.Asleep[0].Wake != 77 {
		t.Errorf("after the pass it sleeps as %+v, must wake at 77", b.rec.Asleep)
	}
}

func TestLoadingNeverReadsTheJournal(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 5, 3)
	b.put(2, 5, 3)
	b.sleep(toyKey(1))
	b.reopen()
	lower, upper := prefixBounds(keyJournal)
	if err := b.s.db.DeleteRange(lower, upper, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	state, ok, err := b.s.Load(toyKey(1))
	if err != nil || !ok {
		t.Fatalf("load: found %v, %v", ok, err)
	}
	a, err := storetest.OpenToy(toyKey(1), state)
	if err != nil || a.StateHash() != b.w.Toy(toyKey(1)).StateHash() {
		t.Fatalf("it was loaded with another state: %v", err)
	}
}

func TestTooMuchStateThatWaitsIsRefused(t *testing.T) {
	b := newBench(t, func(c *Config) { c.SleepDelay = 1 << 40 })
	b.s.snapshots.Lock() // nothing can be kept
	state := make([]byte, sleepBytesMax)
	results := make(chan error, 16)
	for i := range 8 {
		b.s.Sleep(&engine.Snapshot{Asleep: engine.Asleep{Key: toyKey(i), Seq: 1}, State: state}, func(err error) { results <- err })
	}
	for range 4 {
		if err := <-results; !errors.Is(err, ErrBusy) {
			t.Errorf("got %v, want ErrBusy", err)
		}
	}
	b.s.snapshots.Unlock()
	for range 4 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestAPassFreesTheLogAndACursorHoldsIt(t *testing.T) {
	b := newBench(t, nil)
	fill := func() {
		for i := range 6 {
			b.put(i, 60, 5)
		}
	}
	first := func() uint64 {
		it, err := b.s.db.NewIter(&pebble.IterOptions{LowerBound: journalKey(0), UpperBound: journalKey(1 << 60)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = it.Close() }()
		if !it.First() {
			t.Fatal("the journal is empty")
		}
		seq, _ := journalSeq(it.Key())
		return seq
	}
	c, err := b.s.Cursor("reader")
	if err != nil {
		t.Fatal(err)
	}
	var ends []uint64
	for range 3 {
		fill()
		rep := b.pass()
		ends = append(ends, rep.To)
		if rep.Aggregates != 6 || rep.Trimmed != 0 {
			t.Errorf("the pass kept %d aggregates and cut up to %d, want 6 and 0", rep.Aggregates, rep.Trimmed)
		}
	}
	if got := first(); got != 1 {
		t.Fatalf("the log starts at %d although a cursor holds it", got)
	}
	used := b.s.db.Metrics().DiskSpaceUsage()
	c.Advance(ends[0])
	if rep := b.pass(); rep.Trimmed != 0 {
		t.Errorf("the log was cut up to %d before the cursor's place was saved", rep.Trimmed)
	}
	if err := b.s.save(); err != nil {
		t.Fatal(err)
	}
	if rep := b.pass(); rep.Trimmed != ends[0] || first() != ends[0]+1 {
		t.Errorf("the log starts at %d, want %d, where the cursor is", first(), ends[0]+1)
	}
	if err := c.Remove(); err != nil {
		t.Fatal(err)
	}
	// Without the cursor the last pass but one holds the log.
	if rep := b.pass(); rep.Trimmed != ends[1] || first() != ends[1]+1 {
		t.Errorf("the log starts at %d, want %d, where the last pass but one ended", first(), ends[1]+1)
	}
	b.reopen() // obsolete files are removed in the background; closing waits for it
	if now := b.s.db.Metrics().DiskSpaceUsage(); now > used*2/3 {
		t.Errorf("%d bytes are in use, %d were before two thirds of the log were cut", now, used)
	}
	storetest.CheckRecovered(t, b.w, b.rec)
	b.close()
	if rep := b.verify(); rep.FirstBatch != ends[1]+1 || rep.PassLast != ends[2] || rep.PassBefore != ends[1] {
		t.Errorf("verify found the log from %d and passes at %d and %d", rep.FirstBatch, rep.PassBefore, rep.PassLast)
	}
}

func TestSnapshotsAndTailAreTheWholeLog(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 9))
		b := newBench(t, nil)
		for range 60 {
			switch rng.IntN(8) {
			case 0:
				b.pass()
			case 1:
				if k := toyKey(rng.IntN(9)); b.w.Toy(k).Seq() > 0 {
					b.sleep(k)
				}
			case 2:
				b.reopen()
				storetest.CheckRecovered(t, b.w, b.rec)
			case 3:
				k := toyKey(rng.IntN(9))
				b.w.Run(b.s, k, func(toy *storetest.Toy, f *engine.Facts) { storetest.AppendProof(f, toy.StateHash()) })
			default:
				b.put(rng.IntN(9), 1+rng.IntN(5), rng.IntN(4))
			}
		}
		b.w.AwaitAll()
		b.reopen()
		storetest.CheckRecovered(t, b.w, b.rec)
		headers, err := readAllHeaders(b.s.db)
		if err != nil {
			t.Fatal(err)
		}
		for name, hs := range headers {
			if len(hs) > 3 {
				t.Errorf("%v has %d snapshots, at most 3 are needed", aggregateKey([]byte(name)), len(hs))
			}
		}
		b.close()
		b.verify()
	}
}

func TestAPassFindsAProofThatDiffers(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 5, 2)
	b.put(2, 5, 2)
	b.pass()
	b.put(2, 1, 1)
	b.w.Run(b.s, toyKey(1), func(toy *storetest.Toy, f *engine.Facts) { storetest.AppendProof(f, toy.StateHash()+1) })
	b.w.AwaitAll()
	rep, err := b.s.Pass(t.Context())
	if err == nil || !strings.Contains(err.Error(), "event e1") || len(rep.Failed) != 1 {
		t.Fatalf("the pass said %v, want the event whose proof differs", err)
	}
	if pass, _ := b.s.positions(); pass.last.seq != rep.From {
		t.Errorf("the failed pass moved on to %d", pass.last.seq)
	}
	if st := b.s.Stats(); st.PassFailures != 1 || st.Passes != 1 {
		t.Errorf("%d passes and %d failures are counted, want 1 and 1", st.Passes, st.PassFailures)
	}
	b.close()
	v, err := Verify(VerifyConfig{Dir: b.c.Dir, FS: b.c.FS, New: b.c.New, Open: b.c.Open})
	if err != nil || len(v.Problems) != 1 || !strings.Contains(v.Problems[0].Error(), "event e1") {
		t.Errorf("verify found %v, %v, want the one proof", v.Problems, err)
	}
}

func TestPassAsksForProofsFirst(t *testing.T) {
	var b *bench
	b = newBench(t, func(c *Config) {
		c.Prove = func(context.Context) {
			b.w.Run(b.s, toyKey(1), func(toy *storetest.Toy, f *engine.Facts) { storetest.AppendProof(f, toy.StateHash()) })
			b.w.AwaitAll()
		}
	})
	b.put(1, 3, 1)
	if rep := b.pass(); rep.Facts != 4 {
		t.Errorf("the pass folded %d facts, want 3 and the proof", rep.Facts)
	}
}

func TestACancelledPassChangesNothing(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 5, 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.s.Pass(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("the pass said %v", err)
	}
	if rep := b.pass(); rep.From != 0 || rep.Aggregates != 1 {
		t.Errorf("the next pass starts at %d with %d aggregates", rep.From, rep.Aggregates)
	}
}

func TestEnoughLogStartsAPass(t *testing.T) {
	b := newBench(t, func(c *Config) { c.PassBytes = 20 << 10 })
	b.put(1, 10, 1)
	b.s.keep()
	if b.s.keeper.passDone != nil {
		t.Fatal("a pass was started for 1 KB")
	}
	for i := range 5 {
		b.put(i, 50, 3)
	}
	b.s.keep()
	if b.s.keeper.passDone == nil {
		t.Fatal("no pass was started")
	}
	<-b.s.keeper.passDone
	if st := b.s.Stats(); st.Passes != 1 || st.LogBytes != 0 {
		t.Errorf("%d passes, %d bytes of log since: want 1 and 0", st.Passes, st.LogBytes)
	}
}

func TestRebuildGivesTheDurableState(t *testing.T) {
	b := newBench(t, nil)
	for step := range 4 {
		switch step {
		case 1:
			b.pass()
		case 2:
			b.sleep(toyKey(1))
		}
		for range 20 {
			b.w.Put(b.s, toyKey(1), 2, nil)
			b.w.Put(b.s, toyKey(2), 1, nil)
		}
		// Not awaited: Rebuild waits for what was appended before.
		a, err := b.s.Rebuild(toyKey(1))
		if err != nil {
			t.Fatal(err)
		}
		if want := b.w.Toy(toyKey(1)); a.Seq() != want.Seq() || a.StateHash() != want.StateHash() {
			t.Fatalf("step %d: rebuilt with %d facts, want %d", step, a.Seq(), want.Seq())
		}
	}
	if a, err := b.s.Rebuild(toyKey(3)); err != nil || a.Seq() != 0 {
		t.Errorf("an aggregate without facts was rebuilt with %d, %v", a.Seq(), err)
	}
}
