package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

const dataDir = "a/data"

func toyKey(i int) engine.Key {
	return engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: fmt.Sprintf("e%d", i)}
}

// script is a life of a store in which everything happens: it is made, filled so that the tail goes round, put to sleep, snapshotted, cut, closed
// and opened again. It stops at the first error, as a dead store makes every later step fail.
type script struct {
	fs     vfs.FS
	w      *storetest.Writer
	rng    *rand.Rand
	rounds int
	fatal  func(error)
	s      *Store
	dead   atomic.Bool

	projected atomic.Uint64 // the batch of the last projection that was saved
}

func newScript(fs vfs.FS, seed uint64, rounds int) *script {
	return &script{fs: fs, w: storetest.NewWriter(), rng: rand.New(rand.NewPCG(seed, 1)), rounds: rounds}
}

func (p *script) config() Config {
	c := small(p.fs, dataDir)
	c.KeepEvery = -1
	c.TailSegmentBytes = 16 << 10
	c.BatchBytes = 4 << 10
	c.Fatal = func(err error) {
		p.dead.Store(true)
		p.w.Stop()
		if p.fatal != nil {
			p.fatal(err)
		}
	}
	return c
}

func (p *script) run() error {
	for round := range p.rounds {
		if err := p.life(round); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}

func (p *script) life(round int) error {
	s, err := Open(p.config())
	if err != nil {
		return err
	}
	p.s = s
	defer func() { _ = s.Close() }()
	if _, err := s.Recover(); err != nil {
		return err
	}
	cursor, err := s.Cursor("reader")
	if err != nil {
		return err
	}
	for step := range 12 {
		for range 1 + p.rng.IntN(5) {
			p.w.Put(s, toyKey(p.rng.IntN(6)), p.rng.IntN(4), make([]byte, p.rng.IntN(200)))
		}
		p.w.AwaitAll()
		s.HighMark(engine.Instant(round*1000 + step))
		switch step % 5 {
		case 1:
			if err := p.sleep(toyKey(p.rng.IntN(6))); err != nil {
				return err
			}
		case 2:
			cursor.Advance(s.Durable())
			s.keep()
		case 3:
			if err := p.project(); err != nil {
				return err
			}
		case 4:
			if _, err := s.Pass(context.Background()); err != nil {
				return err
			}
		}
		if err := s.life.check(); err != nil {
			return err
		}
	}
	return s.Close()
}

func (p *script) sleep(key engine.Key) error {
	toy := p.w.Toy(key)
	if toy.Seq() == 0 {
		return nil
	}
	done := make(chan error, 1)
	p.s.Sleep(&engine.Snapshot{
		Asleep: engine.Asleep{Key: key, Seq: toy.Seq(), LastAt: toy.LastAt(), StateHash: toy.StateHash()}, State: toy.AppendSnapshot(nil),
	}, func(err error) { done <- err })
	return <-done
}

// project saves a projection that is made of everything up to now.
func (p *script) project() error {
	kept, err := p.s.Projection("kpi")
	if err != nil {
		return err
	}
	batch := p.s.Durable()
	if err := kept.Save(context.Background(), batch, projectedAt(batch)); err != nil {
		return err
	}
	p.projected.Store(batch)
	return nil
}

// projectedAt is what a reader would have made of the log up to a batch: of one to three chunks.
func projectedAt(batch uint64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, batch), 1+int(batch%3)*SnapshotChunkBytes/8)
}

// checkProjection is nil if the projection is one that was saved, whole, and none that is older than the last of which that was told.
func checkProjection(s *Store, atLeast uint64) error {
	kept, err := s.Projection("kpi")
	if err != nil {
		return err
	}
	batch, state, err := kept.Load()
	switch {
	case err != nil:
		return err
	case batch < atLeast:
		return fmt.Errorf("the projection is of batch %d, one of batch %d was saved: %w", batch, atLeast, errSilentLoss)
	case state == nil && batch == 0:
		return nil
	case batch > s.Durable() || !bytes.Equal(state, projectedAt(batch)):
		return fmt.Errorf("the projection of batch %d has %d bytes and is none that was saved; the log is at %d: %w", batch, len(state), s.Durable(), errSilentLoss)
	}
	return nil
}

// crashImage is what a crash would have left, and what the world had been told by then.
type crashImage struct {
	fs       *vfs.MemFS
	released int
	what     string
	damaged  bool // an alarm is in order

	projected uint64 // the batch of the last projection that was saved
}

// checkImage opens a crash image and compares what it holds with what was appended and released.
func checkImage(img crashImage, w *storetest.Writer, again bool) error {
	written := w.Written()
	c := small(img.fs, dataDir)
	c.KeepEvery = -1
	c.TailSegmentBytes = 16 << 10
	c.BatchBytes = 4 << 10
	var alarm atomic.Pointer[error]
	c.Fatal = func(err error) { alarm.Store(&err) }
	c.Alarm = c.Fatal
	if img.damaged {
		c.Alarm = func(error) {}
	}
	w2 := storetest.NewWriter()
	for range 2 {
		s, err := Open(c)
		if err != nil {
			return err
		}
		rec, err := s.Recover()
		if err != nil {
			return err
		}
		if err := checkPrefix(written, img.released, rec); err != nil {
			return err
		}
		if err := checkProjection(s, img.projected); err != nil {
			return err
		}
		if again {
			// Life goes on after a crash: what is appended now must not meet anything old.
			for i := range 5 {
				w2.Put(s, toyKey(100+i%2), 1+i, make([]byte, 100))
			}
			w2.AwaitAll()
		}
		if err := s.Close(); err != nil {
			return err
		}
		if p := alarm.Load(); p != nil {
			return *p
		}
		if !again {
			return nil
		}
	}
	rep, err := Verify(VerifyConfig{Dir: dataDir, FS: img.fs, New: storetest.NewToy, Open: storetest.OpenToy})
	if err != nil {
		return err
	}
	if len(rep.Problems) > 0 {
		return fmt.Errorf("verify: %w", rep.Problems[0])
	}
	return nil
}

// errSilentLoss marks what must never happen: a start that succeeds with other data than what was acknowledged.
var errSilentLoss = errors.New("silent loss")

// checkPrefix is nil if exactly the first n of the runs written were recovered, for an n of at least released.
func checkPrefix(written []storetest.Written, released int, rec *engine.Recovered) error {
	seqs, hashes := make(map[engine.Key]engine.Seq), make(map[engine.Key]uint64)
	for _, r := range rec.Awake {
		seqs[r.Key], hashes[r.Key] = r.State.Seq(), r.State.StateHash()
	}
	for _, a := range rec.Asleep {
		seqs[a.Key], hashes[a.Key] = a.Seq, a.StateHash
	}
	ended := false
	last := make(map[engine.Key]uint64)
	for i, x := range written {
		if x.Count == 0 {
			continue
		}
		there := x.First+engine.Seq(x.Count)-1 <= seqs[x.Key]
		switch {
		case !there && i < released:
			return fmt.Errorf("run %d of %d, %v from fact %d, was acknowledged: only %d facts were recovered: %w", i, released, x.Key, x.First, seqs[x.Key], errSilentLoss)
		case there && ended:
			return fmt.Errorf("run %d was recovered, although one before it was not: %w", i, errSilentLoss)
		case !there && x.First <= seqs[x.Key]:
			return fmt.Errorf("run %d was recovered in part: %w", i, errSilentLoss)
		case there:
			last[x.Key] = x.After
		default:
			ended = true
		}
	}
	for key, h := range hashes {
		if key.ID[1] == '1' && len(key.ID) == 4 {
			continue // written after the crash
		}
		if last[key] != h {
			return fmt.Errorf("%v was recovered with state hash %x at fact %d, it was %x: %w", key, h, seqs[key], last[key], errSilentLoss)
		}
	}
	return nil
}

func isWrite(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }

// envInt reads how much of something a long run wants.
func envInt(name string, short int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return short
}

// TestEveryCrashLosesNothingAcknowledged crashes at every write operation of a script, keeping none, half and all of what was not synced, and
// recovers. HOLDFAST_CRASHES sets at least how many recoveries there are, with a new script for each few thousand.
func TestEveryCrashLosesNothingAcknowledged(t *testing.T) {
	want := envInt("HOLDFAST_CRASHES", 3000)
	total, ops := 0, 0
	for seed := uint64(1); total < want; seed++ {
		n, o := crashScript(t, seed)
		total, ops = total+n, ops+o
		if t.Failed() {
			break
		}
	}
	t.Logf("%d crash-recoveries at %d write operations", total, ops)
}

// linkFS keeps links apart from clones: MemFS.Link takes the lock against clones twice, and stands still for ever if a clone waits in between.
type linkFS struct {
	*vfs.MemFS
	linking sync.Mutex
}

func (fs *linkFS) Link(oldname, newname string) error {
	fs.linking.Lock()
	defer fs.linking.Unlock()
	return fs.MemFS.Link(oldname, newname)
}

// CrashClone is what a crash now would leave.
func (fs *linkFS) CrashClone(cfg vfs.CrashCloneCfg) *vfs.MemFS {
	fs.linking.Lock()
	defer fs.linking.Unlock()
	return fs.MemFS.CrashClone(cfg)
}

func crashScript(t *testing.T, seed uint64) (recoveries, ops int) {
	mem := &linkFS{MemFS: vfs.NewCrashableMem()}
	var p *script
	images := make(chan crashImage, 16)
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 2))
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !isWrite(op) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		ops++
		_, released, _ := p.w.State()
		projected := p.projected.Load()
		for _, percent := range []int{0, 50, 100} {
			images <- crashImage{
				fs: mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}), released: released, projected: projected,
				what: fmt.Sprintf("seed %d, operation %d (%d on %s), %d%% of unsynced data kept", seed, ops, op.Kind, op.Path, percent),
			}
		}
		return nil
	}))
	p = newScript(fs, seed, 4)
	var wg sync.WaitGroup
	var checked atomic.Int64
	for range 2 {
		wg.Go(func() {
			for img := range images {
				n := checked.Add(1)
				if t.Failed() {
					continue
				}
				if err := checkImage(img, p.w, n%7 == 0); err != nil {
					t.Errorf("%s: %v", img.what, err)
				}
			}
		})
	}
	if err := p.run(); err != nil {
		t.Errorf("seed %d: the script itself failed: %v", seed, err)
	}
	close(images)
	wg.Wait()
	if appended, released, inOrder := p.w.State(); appended != released || !inOrder {
		t.Errorf("seed %d: %d runs appended, %d released, in order: %v", seed, appended, released, inOrder)
	}
	return int(checked.Load()), ops
}
