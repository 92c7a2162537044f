package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
)

// Journal is what a journal must offer to be run through [TestJournal].
type Journal interface {
	Appender
	Recover() (*engine.Recovered, error)
	Close() error
}

// TestJournal runs the contract of a journal. fresh makes a place for a new journal of toys and returns a function that opens it, empty the first
// time, with what was appended later.
//
// The contract: every run is released once, in the order of the appends, runs without facts in their place; appends from many goroutines are
// safe; what was released is recovered, with every aggregate's facts contiguous and its state the same; a journal that is closed and opened goes on.
func TestJournal(t *testing.T, fresh func(t *testing.T) (open func(t *testing.T) Journal)) {
	t.Run("ReleasesEveryRunOnceInOrder", func(t *testing.T) { testOrder(t, fresh(t)) })
	t.Run("EmptyRunsKeepTheirPlace", func(t *testing.T) { testEmptyRuns(t, fresh(t)) })
	t.Run("TakesRunsOfManyGoroutines", func(t *testing.T) { testConcurrent(t, fresh(t)) })
	t.Run("RecoversWhatWasReleased", func(t *testing.T) { testReopen(t, fresh(t)) })
	t.Run("TakesLargeRuns", func(t *testing.T) { testLarge(t, fresh(t)) })
	t.Run("AnEmptyJournalRecoversNothing", func(t *testing.T) { testNothing(t, fresh(t)) })
	t.Run("CloseReleasesWhatWasAppended", func(t *testing.T) { testClose(t, fresh(t)) })
}

func key(i int) engine.Key {
	return engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: fmt.Sprintf("e%d", i)}
}

func start(t *testing.T, open func(*testing.T) Journal) (Journal, *engine.Recovered) {
	t.Helper()
	j := open(t)
	rec, err := j.Recover()
	if err != nil {
		t.Fatalf("recover: %v", err)
	}
	return j, rec
}

func stop(t *testing.T, j Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func checkOrder(t *testing.T, w *Writer, want int) {
	t.Helper()
	appended, released, inOrder := w.State()
	if appended != want || released != want || !inOrder {
		t.Fatalf("%d runs appended, %d released, in order: %v; want %d of both, in order", appended, released, inOrder, want)
	}
}

// CheckRecovered compares what was recovered with what w appended: all of it, since everything was released.
func CheckRecovered(t *testing.T, w *Writer, rec *engine.Recovered) {
	t.Helper()
	got := make(map[engine.Key]engine.Aggregate)
	for _, r := range rec.Awake {
		if got[r.Key] != nil {
			t.Fatalf("%v was recovered twice", r.Key)
		}
		got[r.Key] = r.State
	}
	for _, a := range rec.Asleep {
		if got[a.Key] != nil {
			t.Fatalf("%v is both awake and asleep", a.Key)
		}
		if want := w.Toy(a.Key); a.Seq != want.Seq() || a.StateHash != want.StateHash() || a.LastAt != want.LastAt() {
			t.Errorf("%v sleeps at fact %d with hash %x, want fact %d with hash %x", a.Key, a.Seq, a.StateHash, want.Seq(), want.StateHash())
		}
		got[a.Key] = w.Toy(a.Key)
	}
	var high engine.Instant
	for _, x := range w.Written() {
		if x.Count == 0 {
			continue
		}
		high = max(high, x.At)
		a, want := got[x.Key], w.Toy(x.Key)
		if a == nil {
			t.Fatalf("%v was not recovered", x.Key)
		}
		if a.Seq() != want.Seq() || a.StateHash() != want.StateHash() {
			t.Fatalf("%v was recovered with %d facts and hash %x, want %d and %x", x.Key, a.Seq(), a.StateHash(), want.Seq(), want.StateHash())
		}
	}
	if rec.HighMark < high {
		t.Errorf("the high mark is %d, but a run at %d was recovered", rec.HighMark, high)
	}
}

func testOrder(t *testing.T, open func(*testing.T) Journal) {
	j, _ := start(t, open)
	defer stop(t, j)
	w := NewWriter()
	const runs = 2000
	for i := range runs {
		w.Put(j, key(i%7), i%5, nil)
	}
	w.AwaitAll()
	checkOrder(t, w, runs)
}

func testEmptyRuns(t *testing.T, open func(*testing.T) Journal) {
	j, _ := start(t, open)
	w := NewWriter()
	w.Put(j, key(0), 0, nil) // nothing is in flight: its turn is now
	w.AwaitAll()
	for i := range 300 {
		w.Put(j, key(i%3), i%2, nil)
		if i%50 == 0 {
			w.AwaitAll()
		}
	}
	w.AwaitAll()
	checkOrder(t, w, 301)
	stop(t, j)
	j, rec := start(t, open)
	defer stop(t, j)
	CheckRecovered(t, w, rec)
	if rec.Facts != 150 {
		t.Errorf("%d facts were recovered, want 150: runs without facts must not be written", rec.Facts)
	}
}

func testConcurrent(t *testing.T, open func(*testing.T) Journal) {
	j, _ := start(t, open)
	const writers, runs = 8, 300
	ws := make([]*Writer, writers)
	var wg sync.WaitGroup
	for i := range ws {
		ws[i] = NewWriter()
		wg.Go(func() {
			for n := range runs {
				ws[i].Put(j, key(i), n%4, []byte("concurrent"))
				if n%64 == 0 {
					ws[i].AwaitAll()
				}
			}
			ws[i].AwaitAll()
		})
	}
	wg.Wait()
	for _, w := range ws {
		checkOrder(t, w, runs)
	}
	stop(t, j)
	j, rec := start(t, open)
	defer stop(t, j)
	if len(rec.Awake)+len(rec.Asleep) != writers {
		t.Fatalf("%d aggregates were recovered, want %d", len(rec.Awake)+len(rec.Asleep), writers)
	}
	for _, r := range rec.Awake {
		for i, w := range ws {
			if r.Key == key(i) && (r.State.Seq() != w.Toy(r.Key).Seq() || r.State.StateHash() != w.Toy(r.Key).StateHash()) {
				t.Errorf("%v was recovered with %d facts, want %d", r.Key, r.State.Seq(), w.Toy(r.Key).Seq())
			}
		}
	}
}

func testReopen(t *testing.T, open func(*testing.T) Journal) {
	w := NewWriter()
	want := 0
	for round := range 4 {
		j, rec := start(t, open)
		CheckRecovered(t, w, rec)
		for i := range 100 {
			w.Put(j, key(i%(round+2)), 1+i%3, []byte{byte(round)})
		}
		want += 100
		w.AwaitAll()
		checkOrder(t, w, want)
		stop(t, j)
	}
	j, rec := start(t, open)
	defer stop(t, j)
	CheckRecovered(t, w, rec)
}

func testLarge(t *testing.T, open func(*testing.T) Journal) {
	j, _ := start(t, open)
	w := NewWriter()
	payload := make([]byte, 200)
	for i := range 20 {
		w.Put(j, key(i%2), 1+i*6, payload) // up to 25 KB
	}
	w.AwaitAll()
	checkOrder(t, w, 20)
	stop(t, j)
	j, rec := start(t, open)
	defer stop(t, j)
	CheckRecovered(t, w, rec)
}

func testNothing(t *testing.T, open func(*testing.T) Journal) {
	for range 3 {
		j, rec := start(t, open)
		if len(rec.Awake) != 0 || len(rec.Asleep) != 0 || rec.Facts != 0 {
			t.Fatalf("a new journal recovered %d awake, %d asleep, %d facts", len(rec.Awake), len(rec.Asleep), rec.Facts)
		}
		stop(t, j)
	}
}

func testClose(t *testing.T, open func(*testing.T) Journal) {
	j, _ := start(t, open)
	w := NewWriter()
	for i := range 500 {
		w.Put(j, key(i%3), 1, nil)
	}
	stop(t, j)
	checkOrder(t, w, 500)
	if err := j.Close(); err != nil {
		t.Fatalf("the second close: %v", err)
	}
	j, rec := start(t, open)
	defer stop(t, j)
	CheckRecovered(t, w, rec)
}
