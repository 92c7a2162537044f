package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

// putToSleep keeps the present state of an aggregate as its snapshot.
func putToSleep(s *Store, w *storetest.Writer, key engine.Key) error {
	toy := w.Toy(key)
	done := make(chan error, 1)
	s.Sleep(&engine.Snapshot{
		Asleep: engine.Asleep{Key: key, Seq: toy.Seq(), LastAt: toy.LastAt(), StateHash: toy.StateHash()}, State: toy.AppendSnapshot(nil),
	}, func(err error) { done <- err })
	return <-done
}

// readToy reads the archive of a toy, replays its facts, and returns what it holds.
func readToy(fs vfs.FS, key engine.Key) (ArchiveInfo, error) {
	b, err := readFile(fs, fs.PathJoin(dataDir, ArchiveFile(key)), nil)
	if err != nil {
		return ArchiveInfo{}, err
	}
	replayed := storetest.NewToy(key)
	info, err := ReadArchive(bytes.NewReader(b), func(run *engine.Run) error {
		if run.First == replayed.Seq()+1 {
			return replayed.Fold(run)
		}
		return nil // the log no longer had the first ones
	})
	if err != nil {
		return info, err
	}
	kept, err := storetest.OpenToy(key, info.State)
	switch {
	case err != nil:
		return info, err
	case info.Key != key || kept.Seq() != info.Seq || kept.StateHash() != info.StateHash:
		return info, fmt.Errorf("%+v is not the state in it", info)
	case info.First == 1 && replayed.StateHash() != info.StateHash:
		return info, errors.New("its facts do not come to its state")
	}
	return info, nil
}

func TestArchiveMovesAnAggregateOutOfTheLog(t *testing.T) {
	b := newBench(t, nil)
	for i := range 30 {
		b.w.Put(b.s, toyKey(i%3), 2, []byte("payload"))
	}
	b.w.AwaitAll()
	for i := range 2 {
		if err := putToSleep(b.s, b.w, toyKey(i)); err != nil {
			t.Fatal(err)
		}
	}
	hash, seq := b.w.Toy(toyKey(0)).StateHash(), b.w.Toy(toyKey(0)).Seq()
	other := b.w.Toy(toyKey(2)).StateHash()
	if err := b.s.Archive(context.Background(), []engine.Key{toyKey(0), toyKey(0)}); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		at, ok, err := b.s.Archived(toyKey(0))
		if err != nil || !ok || at != b.w.Toy(toyKey(0)).LastAt() {
			t.Errorf("archived: %v at %d, %v", ok, at, err)
		}
		if _, ok, err := b.s.Archived(toyKey(1)); ok || err != nil {
			t.Errorf("another is archived: %v, %v", ok, err)
		}
		if _, ok, err := b.s.Load(toyKey(0)); ok || err != nil {
			t.Errorf("its snapshot is still there: %v, %v", ok, err)
		}
		info, err := readToy(b.c.FS, toyKey(0))
		if err != nil || info.StateHash != hash || info.Seq != seq || info.First != 1 || info.Facts != uint64(seq) {
			t.Errorf("the file holds %+v, %v", info, err)
		}
	}
	check()
	if n := b.s.Stats().Archived; n != 1 {
		t.Errorf("%d were archived", n)
	}
	b.reopen()
	check()
	found := map[engine.Key]bool{}
	for _, a := range b.rec.Awake {
		found[a.Key] = true
		if a.Key == toyKey(2) && a.State.StateHash() != other {
			t.Error("another came back as another")
		}
	}
	for _, a := range b.rec.Asleep {
		found[a.Key] = true
	}
	if found[toyKey(0)] || !found[toyKey(1)] || !found[toyKey(2)] {
		t.Errorf("found %v", found)
	}
	// Passes over what is left of it in the log, until it is cut away, leave it alone; so does a second Archive.
	for range 3 {
		b.w.Put(b.s, toyKey(2), 1, nil)
		b.w.AwaitAll()
		if _, err := b.s.Pass(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.s.Archive(context.Background(), []engine.Key{toyKey(0)}); err != nil {
		t.Fatal(err)
	}
	check()
	b.close()
	rep, err := Verify(VerifyConfig{Dir: dataDir, FS: b.c.FS, New: storetest.NewToy, Open: storetest.OpenToy})
	if err != nil || len(rep.Problems) > 0 || len(rep.Aggregates) != 2 {
		t.Errorf("verify: %v, %v, %d aggregates", err, rep.Problems, len(rep.Aggregates))
	}
}

func TestArchiveRefusesWhatIsNotAtRest(t *testing.T) {
	b := newBench(t, nil)
	b.w.Put(b.s, toyKey(0), 2, nil)
	b.w.AwaitAll()
	if err := b.s.Archive(context.Background(), []engine.Key{toyKey(0)}); !errors.Is(err, errNoSnapshot) {
		t.Errorf("without a snapshot: %v", err)
	}
	if err := putToSleep(b.s, b.w, toyKey(0)); err != nil {
		t.Fatal(err)
	}
	b.w.Put(b.s, toyKey(0), 1, nil)
	b.w.AwaitAll()
	if err := b.s.Archive(context.Background(), []engine.Key{toyKey(0)}); err == nil || !strings.Contains(err.Error(), "not at rest") {
		t.Errorf("with a fact behind its snapshot: %v", err)
	}
	if err := b.s.Archive(context.Background(), make([]engine.Key, ArchiveBatchMax+1)); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("too many: %v", err)
	}
	if err := putToSleep(b.s, b.w, toyKey(0)); err != nil {
		t.Fatal(err)
	}
	path := b.c.FS.PathJoin(dataDir, ArchiveFile(toyKey(0)))
	if err := b.c.FS.MkdirAll(b.c.FS.PathDir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, b.c.FS, path, "somebody else's")
	if err := b.s.Archive(context.Background(), []engine.Key{toyKey(0)}); err == nil || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("with a file in its place: %v", err)
	}
	if _, ok, err := b.s.Load(toyKey(0)); !ok || err != nil {
		t.Errorf("a refused archive has taken the snapshot: %v, %v", ok, err)
	}
	if err := b.c.FS.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := b.s.Archive(context.Background(), []engine.Key{toyKey(0)}); err != nil {
		t.Error(err)
	}
	names, err := b.c.FS.List(b.s.folder.path(nameTemp))
	for _, name := range names {
		if strings.HasSuffix(name, ".archive") {
			t.Errorf("%s was left behind", name)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// TestEveryCrashKeepsAnArchiveOrTheSnapshot crashes at every write operation while aggregates are archived, keeping none, half and all of what was not
// synced: each is then whole in the log or whole in its file, and archiving it again ends well.
func TestEveryCrashKeepsAnArchiveOrTheSnapshot(t *testing.T) {
	mem := &linkFS{MemFS: vfs.NewCrashableMem()}
	var mu sync.Mutex
	var armed bool
	var images []crashImage
	rng := rand.New(rand.NewPCG(7, 2))
	c := small(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !isWrite(op) {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if !armed {
			return nil
		}
		for _, percent := range []int{0, 50, 100} {
			images = append(images, crashImage{
				fs:   mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}),
				what: fmt.Sprintf("%d on %s, %d%% of unsynced data kept", op.Kind, op.Path, percent),
			})
		}
		return nil
	})), dataDir)
	c.KeepEvery = -1
	s := mustOpen(t, c)
	if _, err := s.Recover(); err != nil {
		t.Fatal(err)
	}
	w := storetest.NewWriter()
	for i := range 12 {
		w.Put(s, toyKey(i%3), 2, make([]byte, 100))
	}
	w.AwaitAll()
	keys := []engine.Key{toyKey(0), toyKey(1)}
	for _, key := range keys {
		if err := putToSleep(s, w, key); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	armed = true
	mu.Unlock()
	if err := s.Archive(context.Background(), keys); err != nil {
		t.Fatal(err)
	}
	w.Put(s, toyKey(2), 1, nil)
	w.AwaitAll()
	if _, err := s.Pass(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	armed = false
	mu.Unlock()
	before, after := 0, 0
	for _, img := range images {
		marked, err := checkArchived(img.fs, w, keys)
		if err != nil {
			t.Fatalf("%s: %v", img.what, err)
		}
		if marked {
			after++
		} else {
			before++
		}
	}
	t.Logf("%d crashes, %d of them behind the mark", len(images), after)
	if before < 20 || after < 20 {
		t.Errorf("%d crashes before the mark and %d behind it are too few", before, after)
	}
}

// checkArchived opens a crash image and looks where the aggregates are.
func checkArchived(fs vfs.FS, w *storetest.Writer, keys []engine.Key) (marked bool, err error) {
	c := small(fs, dataDir)
	c.KeepEvery = -1
	for round := range 2 {
		s, err := Open(c)
		if err != nil {
			return false, err
		}
		rec, err := s.Recover()
		if err != nil {
			return false, err
		}
		hashes := map[engine.Key]uint64{}
		for _, a := range rec.Asleep {
			hashes[a.Key] = a.StateHash
		}
		for _, a := range rec.Awake {
			hashes[a.Key] = a.State.StateHash()
		}
		gone := 0
		for _, key := range keys {
			_, ok, err := s.Archived(key)
			if err != nil {
				return false, err
			}
			hash, there := hashes[key]
			switch {
			case ok == there:
				return false, fmt.Errorf("%v is archived: %v, and in the log: %v", key, ok, there)
			case there && hash != w.Toy(key).StateHash():
				return false, fmt.Errorf("%v came back as another", key)
			case ok:
				gone++
				if info, err := readToy(fs, key); err != nil || info.StateHash != w.Toy(key).StateHash() || info.Facts != uint64(info.Seq) {
					return false, fmt.Errorf("the file of %v holds %+v: %w", key, info, err)
				}
			}
		}
		if gone != 0 && gone != len(keys) {
			return false, errors.New("one is archived and one is not")
		}
		if round == 0 {
			marked = gone > 0
			if err := s.Archive(context.Background(), keys); err != nil {
				return false, err
			}
		} else if gone == 0 {
			return false, errors.New("it is not archived although it was after the crash")
		}
		if err := s.Close(); err != nil {
			return false, err
		}
	}
	rep, err := Verify(VerifyConfig{Dir: dataDir, FS: fs, New: storetest.NewToy, Open: storetest.OpenToy})
	if err == nil && len(rep.Problems) > 0 {
		err = rep.Problems[0]
	}
	return marked, err
}

// anArchive is a file with a state of two pieces and three runs.
func anArchive(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	name := string(appendAggregate(nil, toyKey(0)))
	w, err := newArchiveWriter(&b, name, &header{seq: 6, lastAt: 77, hash: 99}, make([]byte, archiveStateBytes+5))
	for i := 0; err == nil && i < 3; i++ {
		err = w.run(&engine.Run{At: engine.Instant(i), First: engine.Seq(1 + 2*i), Facts: engine.Facts{Buf: []byte("facts"), Count: 2}})
	}
	if err == nil {
		err = w.close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDamagedArchivesAreRefused(t *testing.T) {
	whole := anArchive(t)
	runs := 0
	info, err := ReadArchive(bytes.NewReader(whole), func(*engine.Run) error { runs++; return nil })
	if err != nil || info.Key != toyKey(0) || info.Seq != 6 || info.At != 77 || info.StateHash != 99 || runs != 3 || info.Facts != 6 || info.First != 1 {
		t.Fatalf("%d runs, %+v, %v", runs, info, err)
	}
	for i := range whole {
		if _, err := ReadArchive(bytes.NewReader(whole[:i]), nil); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d of %d bytes: %v", i, len(whole), err)
		}
		spoilt := bytes.Clone(whole)
		spoilt[i] ^= 4
		info, err := ReadArchive(bytes.NewReader(spoilt), nil)
		if err == nil && (info.StateHash != 99 || info.Facts != 6 || len(info.State) != archiveStateBytes+5) {
			t.Fatalf("with byte %d changed it holds %+v", i, info)
		}
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
			t.Fatalf("with byte %d changed: %v", i, err)
		}
	}
	if _, err := ReadArchive(io.MultiReader(bytes.NewReader(whole), strings.NewReader("more")), nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("with something behind it: %v", err)
	}
	if _, err := ReadArchive(strings.NewReader("holdfast archive 2\n"), nil); !errors.Is(err, ErrNewer) {
		t.Errorf("of a later version: %v", err)
	}
}

// TestOldArchivesStillRead reads a file as the first version of the format wrote it.
func TestOldArchivesStillRead(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "version1.archive"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := ReadArchive(f, nil)
	if err != nil || info.Key != toyKey(0) || info.Seq != 6 || info.Facts != 6 || len(info.State) != archiveStateBytes+5 {
		t.Errorf("%+v, %v", info.Key, err)
	}
}

// FuzzArchive reads hostile bytes: they are an archive or an error.
func FuzzArchive(f *testing.F) {
	f.Add(anArchive(f))
	f.Add([]byte(archiveMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := ReadArchive(bytes.NewReader(b), func(run *engine.Run) error {
			if run.Facts.Count == 0 || run.First == 0 {
				t.Fatal("a run without facts")
			}
			return nil
		})
		if err == nil && info.Key.ID == "" && info.Facts > 0 && info.Seq == 0 {
			t.Fatalf("%+v", info)
		}
	})
}

// An archive behind a long pass ends when its caller's patience does, so that the engine can stop; nothing is moved.
func TestAnArchiveBehindAPassEndsWithItsCaller(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 1, 1)
	b.sleep(toyKey(1))
	b.s.passing.Lock() // as a pass does
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := b.s.Archive(ctx, []engine.Key{toyKey(1)})
	b.s.passing.Unlock()
	if !errors.Is(err, ErrBusy) {
		t.Errorf("archive: %v, want ErrBusy", err)
	}
	if _, ok, err := b.s.Archived(toyKey(1)); ok || err != nil {
		t.Errorf("it is archived: %v, %v", ok, err)
	}
}
