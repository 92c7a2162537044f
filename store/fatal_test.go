package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

func TestPebblesFatalfDoesNotReturn(t *testing.T) {
	var got atomic.Pointer[error]
	l := newLife(func(err error) { got.Store(&err) })
	l.opening.Store(false)
	returned := make(chan bool, 1)
	go func() {
		back := false
		defer func() { returned <- back }()
		pebbleLog{log: quiet(), life: l}.Fatalf("commit error: %v", syscall.EIO)
		back = true
	}()
	if <-returned {
		t.Error("Fatalf returned to Pebble: db.Apply would go on and return nil")
	}
	if p := got.Load(); p == nil || !strings.Contains((*p).Error(), syscall.EIO.Error()) || !errors.Is(l.check(), ErrDead) {
		t.Error("Config.Fatal was not called with the error")
	}
}

func TestWhatPebbleOnlyAnnouncesEndsTheStore(t *testing.T) {
	for name, announce := range map[string]func(e *pebble.EventListener){
		"a background error": func(e *pebble.EventListener) { e.BackgroundError(syscall.ENOSPC) },
		"damage": func(e *pebble.EventListener) {
			e.DataCorruption(pebble.DataCorruptionInfo{Path: "000001.sst", Details: syscall.EIO})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var stats counters
			called := make(chan error, 1)
			l := newLife(func(err error) { called <- err })
			l.opening.Store(false)
			go announce(listener(l, quiet(), &stats))
			if err := <-called; err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestADeadStoreAnswers kills a store and asks everything of it.
func TestADeadStoreAnswers(t *testing.T) {
	died := 0
	b := newBench(t, func(c *Config) { c.Fatal = func(error) { died++ } })
	b.put(1, 3, 1)
	b.s.life.die(syscall.EIO)
	b.s.life.die(syscall.ENOSPC)
	b.w.Put(b.s, toyKey(1), 1, nil)
	if _, err := b.s.Rebuild(toyKey(1)); !errors.Is(err, ErrDead) {
		t.Errorf("Rebuild: %v", err)
	}
	if _, _, err := b.s.Load(toyKey(1)); !errors.Is(err, ErrDead) {
		t.Errorf("Load: %v", err)
	}
	if _, err := b.s.Pass(context.Background()); !errors.Is(err, ErrDead) {
		t.Errorf("Pass: %v", err)
	}
	if _, err := b.s.Cursor("c"); !errors.Is(err, ErrDead) {
		t.Errorf("Cursor: %v", err)
	}
	if _, err := b.s.Recover(); !errors.Is(err, ErrDead) {
		t.Errorf("Recover: %v", err)
	}
	if err := b.trySleep(toyKey(1)); !errors.Is(err, ErrDead) {
		t.Errorf("Sleep: %v", err)
	}
	if err := b.s.Ready(); !errors.Is(err, ErrDead) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Ready: %v", err)
	}
	if err := b.s.Close(); !errors.Is(err, ErrDead) {
		t.Errorf("Close: %v", err)
	}
	if _, released, _ := b.w.State(); released != 3 || died != 1 {
		t.Errorf("%d runs released, Fatal called %d times: want 3 and 1", released, died)
	}
}

func TestAClosedStoreAnswers(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 3, 1)
	b.close()
	b.w.Put(b.s, toyKey(1), 1, nil)
	if err := b.trySleep(toyKey(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Sleep: %v", err)
	}
	if _, released, _ := b.w.State(); released != 3 {
		t.Errorf("%d runs released, want 3", released)
	}
}

// gate lets operations through only while it is open.
type gate struct {
	mu      sync.Mutex
	cond    sync.Cond
	closed  bool
	waiting int
	is      func(errorfs.Op) bool
}

func newGate(is func(errorfs.Op) bool) *gate {
	g := &gate{is: is}
	g.cond.L = &g.mu
	return g
}

func (g *gate) wrap(fs vfs.FS) vfs.FS {
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !g.is(op) {
			return nil
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		for g.closed {
			g.waiting++
			g.cond.Broadcast()
			g.cond.Wait()
			g.waiting--
		}
		return nil
	}))
}

func (g *gate) shut(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
	g.cond.Broadcast()
}

// await waits until something waits at the gate.
func (g *gate) await() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.waiting == 0 {
		g.cond.Wait()
	}
}

func isSync(op errorfs.Op) bool {
	return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
}

// TestTheRingWaitsForPebble holds up every flush of a memtable: the tail must then stop rather than overwrite what is nowhere else a second time.
func TestTheRingWaitsForPebble(t *testing.T) {
	g := newGate(func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate && kindOf(op.Path) == "sst" })
	b := newBench(t, func(c *Config) {
		c.FS = g.wrap(vfs.NewMem())
		c.TailSegmentBytes = 16 << 10
		c.BatchBytes = 8 << 10
		c.MemTableBytes = 1 << 20
	})
	g.shut(true)
	const runs = 400
	for i := range runs {
		b.w.Put(b.s, toyKey(i%3), 2, make([]byte, 200)) // 160 KB: more than the ring, less than a memtable
	}
	g.await()
	for b.s.Stats().TailWaits == 0 {
		time.Sleep(time.Millisecond)
	}
	_, released, _ := b.w.State()
	if released == 0 || released == runs {
		t.Errorf("%d of %d runs were released while the memtable could not be flushed", released, runs)
	}
	recs, err := scanTail(b.s.folder.fs, b.s.folder.path(nameTail), b.s.folder.tag)
	if err != nil || len(recs) == 0 || recs[0].seq != 1 {
		t.Errorf("the tail starts at batch %v, although nothing is in a table yet: %v", recs[0].seq, err)
	}
	g.shut(false)
	b.w.AwaitAll()
	b.reopen()
	storetest.CheckRecovered(t, b.w, b.rec)
}

// TestReadySaysWhenADiskHangs holds up syncs.
func TestReadySaysWhenADiskHangs(t *testing.T) {
	g := newGate(isSync)
	c := small(vfs.NewMem(), dataDir)
	c.KeepEvery, c.StallTimeout = -1, time.Nanosecond
	c.FS = g.wrap(c.FS)
	b := &bench{t: t, c: c, w: storetest.NewWriter()}
	b.s = mustOpen(t, c)
	t.Cleanup(func() { _ = b.s.Close() })
	if err := b.s.Ready(); !errors.Is(err, errNotRecovered) {
		t.Errorf("before it has recovered: %v", err)
	}
	if _, err := b.s.Recover(); err != nil {
		t.Fatal(err)
	}
	b.put(1, 1, 1)
	if err := b.s.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
	g.shut(true)
	b.w.Put(b.s, toyKey(1), 1, nil)
	g.await()
	if err := b.s.Ready(); err == nil {
		t.Error("ready, although a batch's sync hangs")
	}
	g.shut(false)
	b.w.AwaitAll()
	if err := b.s.Ready(); err != nil {
		t.Errorf("ready again: %v", err)
	}
	// Idle, the probe finds out.
	b.s.probe()
	g.shut(true)
	probed := make(chan struct{})
	go func() {
		defer close(probed)
		b.s.probe()
	}()
	g.await()
	for b.s.Ready() == nil {
		time.Sleep(time.Millisecond) // the probe notes its start just before
	}
	g.shut(false)
	<-probed
	if err := b.s.Ready(); err != nil {
		t.Errorf("ready after the probe: %v", err)
	}
}

func TestTheHighMarkIsKept(t *testing.T) {
	b := newBench(t, nil)
	b.s.HighMark(500)
	b.s.HighMark(400)
	b.s.keep()
	b.s.HighMark(600)
	b.reopen()
	if b.rec.HighMark != 600 {
		t.Errorf("the high mark is %d, want 600", b.rec.HighMark)
	}
	b.w.Run(b.s, toyKey(1), func(_ *storetest.Toy, f *engine.Facts) { storetest.AppendAdd(f, nil) })
	b.w.AwaitAll()
	b.reopen()
	if b.rec.HighMark != 600 {
		t.Errorf("the high mark is %d after a run at 1, want 600", b.rec.HighMark)
	}
}

func TestObserveSeesEveryBatch(t *testing.T) {
	var runs, facts, batches int
	b := newBench(t, func(c *Config) {
		c.Observe = func(s BatchStats) {
			batches++
			runs, facts = runs+s.Runs, facts+s.Facts
			if s.Bytes == 0 || s.DurableNs <= 0 || s.PebbleSyncNs <= 0 || s.TailSyncNs <= 0 {
				t.Errorf("a batch of %+v", s)
			}
		}
	})
	b.put(1, 50, 3)
	b.close()
	st := b.s.Stats()
	if runs != 50 || facts != 150 || uint64(batches) != st.Batches || st.Facts != 150 || st.Runs != 50 {
		t.Errorf("observed %d runs, %d facts, %d batches; counted %+v", runs, facts, batches, st)
	}
}

func TestARunThatIsTooLargePanics(t *testing.T) {
	b := newBench(t, nil)
	defer func() {
		if recover() == nil {
			t.Error("it was taken")
		}
	}()
	b.s.Append(&engine.Run{Key: toyKey(1), First: 1, Facts: engine.Facts{Buf: make([]byte, 64<<10), Count: 1}})
}

// TestAnExcisionThatCannotReadStopsTheStore makes the first read of a table fail while the log is cut. Pebble would take the table for empty and drop
// all of it, also what must stay.
func TestAnExcisionThatCannotReadStopsTheStore(t *testing.T) {
	var armed, failed atomic.Bool
	mem := vfs.NewMem()
	died := make(chan error, 1)
	b := newBench(t, func(c *Config) {
		c.FS = errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if armed.Load() && op.Kind == errorfs.OpFileReadAt && kindOf(op.Path) == "sst" && failed.CompareAndSwap(false, true) {
				return &vfsError{op: op, errno: syscall.EIO}
			}
			return nil
		}))
		c.Fatal = func(err error) { died <- err }
	})
	for range 2 {
		b.put(1, 30, 3)
		old, _ := b.s.positions()
		rep := PassReport{From: old.last.seq, To: b.s.Durable()}
		if err := b.s.snapshotAll(t.Context(), &old, &rep); err != nil {
			t.Fatal(err)
		}
	}
	// Everything into one table, the journal beside what must stay; opened again, nothing of it is cached.
	if err := b.s.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	storetest.CheckRecovered(t, b.w, b.rec)
	b.close()
	b.s = mustOpen(t, b.c)
	armed.Store(true)
	trimmed := make(chan struct{})
	go func() {
		defer close(trimmed)
		_, _ = b.s.trim(context.Background())
	}()
	var dead error
	select {
	case dead = <-died:
	case <-trimmed:
		select {
		case dead = <-died:
		default:
			t.Fatal("the log was cut without the read that fails")
		}
	}
	if !errors.Is(dead, syscall.EIO) {
		t.Fatalf("it died of %v", dead)
	}
	armed.Store(false)
	b.c.FS = readFolder(t, mem, dataDir).mem() // the dead store has its own
	b.c.Fatal = nil
	b.open()
	storetest.CheckRecovered(t, b.w, b.rec)
	b.close()
	b.verify()
}

// TestAnExcisionThatMeetsDamageEndsTheStoreInTime looks at when the store dies: before Pebble has cut the log on the strength of what it could not read.
// How Pebble lays out its tables differs from run to run, so that opening now and then meets the damage first: then the folder is made anew.
func TestAnExcisionThatMeetsDamageEndsTheStoreInTime(t *testing.T) {
	for range 20 {
		if died, met := excisionOverDamage(t); met {
			if !errors.Is(died, ErrDamaged) {
				t.Errorf("it died of %v", died)
			}
			return
		}
	}
	t.Fatal("no excision of 20 met the damage")
}

// excisionOverDamage damages the tables of a folder and cuts its log. It reports whether the excision met the damage, and what the store died of.
func excisionOverDamage(t *testing.T) (died error, met bool) {
	b := newBench(t, nil)
	for range 2 {
		b.put(1, 300, 5)
		old, _ := b.s.positions()
		rep := PassReport{From: old.last.seq, To: b.s.Durable()}
		if err := b.s.snapshotAll(t.Context(), &old, &rep); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.s.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	b.close()
	folder := readFolder(t, b.c.FS, dataDir)
	for p, content := range folder {
		if kindOf(p) == "sst" {
			for at := len(content) / 20; at < len(content)*3/4; at += 512 { // but for what opening reads: the last batch and what follows
				content[at] ^= 1
			}
		}
	}
	b.c.FS = folder.mem()
	fatal := make(chan error, 1)
	b.c.Fatal = func(err error) {
		fatal <- err
		select {} // as if the process had ended here
	}
	var opened atomic.Bool
	over := make(chan struct{})
	go func() {
		defer close(over)
		if s, err := Open(b.c); err == nil {
			opened.Store(true)
			_, _ = s.trim(context.Background())
		}
	}()
	select {
	case err := <-fatal:
		return err, opened.Load()
	case <-over:
		return nil, false
	}
}
