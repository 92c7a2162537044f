package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

// statesAt folds the log of a folder from its beginning up to a batch. The log must not have been cut.
func statesAt(t *testing.T, c *Config, batch uint64) (states [32]byte, head link) {
	t.Helper()
	f := folder{fs: c.FS, dir: c.Dir}
	if found, err := f.readFormat(); err != nil || !found {
		t.Fatal(err)
	}
	err := lookInto(&f, c, func(db *pebble.DB) error {
		fold := folding{c: c, r: db, all: map[string]*known{}, at: position{head: f.genesis()}}
		if err := fold.fold(batch); err != nil {
			return err
		}
		var list []VerifiedAggregate
		for _, name := range sortedNames(fold.all) {
			k := fold.all[name]
			list = append(list, VerifiedAggregate{Key: k.key, Seq: k.state.Seq(), StateHash: k.state.StateHash()})
		}
		states, head = statesOf(list), fold.at.head
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return states, head
}

// keepAs is what a test that has no incarnations does at the end of a restore.
func keepAs(*Store, *engine.Recovered) error { return nil }

// load appends to a store from several goroutines, with aggregates that go to sleep and passes, until it is told to stop.
func load(t *testing.T, b *bench) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			for ctx.Err() == nil {
				b.w.Put(b.s, toyKey(10*i+rng.IntN(10)), rng.IntN(4), make([]byte, rng.IntN(200)))
				if rng.IntN(50) == 0 {
					b.w.AwaitAll()
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := b.s.Pass(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("pass: %v", err)
			}
		}
	})
	wg.Go(func() {
		kept, err := b.s.Projection("kpi")
		for ctx.Err() == nil && err == nil {
			batch := b.s.Durable()
			err = kept.Save(ctx, batch, projectedAt(batch))
		}
		if ctx.Err() == nil {
			t.Errorf("projection: %v", err)
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// TestBackupDuringLoad makes backups of a store that works hard, and finds each whole: it has everything that was acknowledged when it was asked for, and
// its states are those that the original's own log comes to at the batch that the backup names.
func TestBackupDuringLoad(t *testing.T) {
	for _, c := range []struct {
		name string
		fs   vfs.FS
		copy bool
	}{{"linked", vfs.Default, false}, {"copied", vfs.Default, true}, {"in memory", vfs.NewMem(), false}} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			if err := c.fs.MkdirAll(root, 0o700); err != nil {
				t.Fatal(err)
			}
			b := newBench(t, func(conf *Config) { conf.FS, conf.Dir = c.fs, filepath.Join(root, "data") })
			if _, err := b.s.Cursor("keeps-the-log"); err != nil {
				t.Fatal(err)
			}
			stop := load(t, b)
			defer stop()
			var made []*Manifest
			var dirs []string
			for i := range 3 {
				b.w.Await(500 * (i + 1))
				asked, dir := b.s.Durable(), filepath.Join(root, fmt.Sprint("backup", i))
				m, err := b.s.Backup(context.Background(), BackupConfig{Dir: dir, Copy: c.copy})
				if err != nil {
					t.Fatal(err)
				}
				if m.LastBatch < asked || m.Asked < asked || m.LastBatch > b.s.Durable() {
					t.Fatalf("asked for at batch %d, it was asked for at %d and ends at %d; the store is at %d", asked, m.Asked, m.LastBatch, b.s.Durable())
				}
				made, dirs = append(made, m), append(dirs, dir)
			}
			stop()
			b.close()
			for i, m := range made {
				states, head := statesAt(t, &b.c, m.LastBatch)
				if m.States != fmt.Sprintf("%x", states) || m.ChainHead != fmt.Sprintf("%x", head) {
					t.Errorf("backup %d says states %s and chain head %s at batch %d, the original had %x and %x", i, m.States, m.ChainHead, m.LastBatch, states, head)
				}
				conf := b.c
				conf.Dir = dirs[i] + "-restored"
				got, err := Restore(context.Background(), RestoreConfig{Backup: dirs[i], Store: conf, Incarnate: keepAs})
				if err != nil {
					t.Fatal(err)
				}
				rep, err := Verify(VerifyConfig{Dir: conf.Dir, FS: c.fs, New: conf.New, Open: conf.Open})
				if err != nil || len(rep.Problems) > 0 {
					t.Fatalf("%v %v", rep.Problems, err)
				}
				if rep.States != states || rep.LastBatch != m.LastBatch || got.LastBatch != m.LastBatch {
					t.Errorf("restored: %x at batch %d, want %x at %d", rep.States, rep.LastBatch, states, m.LastBatch)
				}
				if _, err := Open(Config{Dir: dirs[i], FS: c.fs, New: conf.New, Open: conf.Open}); !errors.Is(err, ErrBackup) {
					t.Errorf("a backup opens as a data folder: %v", err)
				}
				s := mustOpen(t, conf)
				if _, err := s.Recover(); err != nil {
					t.Error(err)
				}
				if err := checkProjection(s, 0); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
			if c.fs != vfs.Default {
				return
			}
			_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
				if info, err := d.Info(); err == nil && strings.HasPrefix(path, dirs[0]) && d.IsDir() && info.Mode().Perm()&0o077 != 0 && filepath.Dir(path) == root {
					t.Errorf("%s can be read by others: %v", path, info.Mode())
				}
				return err
			})
		})
	}
}

// lived is a bench whose store has done a bit of everything and is closed.
func lived(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	b := newBench(t, change)
	for i := range 5 {
		b.put(i, 20, 2)
	}
	b.pass()
	b.put(1, 5, 2)
	b.sleep(toyKey(2))
	b.pass()
	b.put(3, 30, 1)
	b.close()
	return b
}

func verifyOf(c *Config) VerifyConfig {
	return VerifyConfig{Dir: c.Dir, FS: c.FS, New: c.New, Open: c.Open}
}

func TestBackupOfAStoppedFolder(t *testing.T) {
	b := lived(t, nil)
	before := readFolder(t, b.c.FS, dataDir)
	rep, err := Verify(verifyOf(&b.c))
	if err != nil {
		t.Fatal(err)
	}
	done, total := uint64(0), uint64(0)
	m, err := BackupFolder(context.Background(), verifyOf(&b.c), BackupConfig{Dir: "backups/one", Progress: func(d, n uint64) { done, total = d, n }})
	if err != nil {
		t.Fatal(err)
	}
	if m.LastBatch != rep.LastBatch || m.States != fmt.Sprintf("%x", rep.States) || m.Aggregates != 5 || m.Running || done < total || total == 0 {
		t.Errorf("%+v after %d of %d bytes; the folder has %+v", m, done, total, rep)
	}
	after := readFolder(t, b.c.FS, dataDir)
	for p, content := range before {
		if string(after[p]) != string(content) {
			t.Errorf("%s was changed", p)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d files before, %d after", len(before), len(after))
	}
	conf := b.c
	conf.Dir = "restored"
	if _, err := Restore(context.Background(), RestoreConfig{Backup: "backups/one", Store: conf, Incarnate: keepAs}); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, conf)
	defer func() { _ = s.Close() }()
	got, err := s.Recover()
	if err != nil {
		t.Fatal(err)
	}
	if err := checkPrefix(b.w.Written(), len(b.w.Written()), got); err != nil {
		t.Error(err)
	}
}

func TestBackupsAreRefused(t *testing.T) {
	b := lived(t, nil)
	ctx := context.Background()
	refused := func(what, dir string, want error) {
		t.Helper()
		if _, err := BackupFolder(ctx, verifyOf(&b.c), BackupConfig{Dir: dir}); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("into itself", dataDir, nil)
	refused("inside itself", dataDir+"/backup", nil)
	refused("around itself", "a", nil)
	refused("nowhere", "", nil)
	if err := b.c.FS.MkdirAll("full/of", 0o700); err != nil {
		t.Fatal(err)
	}
	refused("into a folder with something in it", "full", nil)
	s := mustOpen(t, b.c)
	refused("of a folder that an engine has", "backup", ErrInUse)
	if _, err := s.Backup(ctx, BackupConfig{Dir: "backup"}); err == nil {
		t.Error("a store that has not recovered makes a backup")
	}
	if _, err := s.Recover(); err != nil {
		t.Fatal(err)
	}
	s.backing.Lock()
	if _, err := s.Backup(ctx, BackupConfig{Dir: "backup"}); !errors.Is(err, ErrBusy) {
		t.Errorf("two backups at once: %v", err)
	}
	s.backing.Unlock()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Backup(cancelled, BackupConfig{Dir: "backup"}); !errors.Is(err, context.Canceled) {
		t.Errorf("a backup that nobody wants any more: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if names, err := b.c.FS.List("backup"); err == nil {
		t.Errorf("refused backups leave %v", names)
	}
	if _, err := BackupFolder(ctx, VerifyConfig{Dir: "full", FS: b.c.FS, New: b.c.New, Open: b.c.Open}, BackupConfig{Dir: "backup"}); err == nil {
		t.Error("a backup of a folder that is no data folder")
	}
}

// TestABackupOfADamagedFolderIsRefused flips bytes all over a data folder: a backup is refused, or what was damaged does not matter and the backup comes to
// the same states.
func TestABackupOfADamagedFolderIsRefused(t *testing.T) {
	b := lived(t, nil)
	whole, err := Verify(verifyOf(&b.c))
	if err != nil {
		t.Fatal(err)
	}
	healthy := readFolder(t, b.c.FS, dataDir)
	rng := rand.New(rand.NewPCG(4, 4))
	refused := 0
	for p, content := range healthy {
		if len(content) == 0 {
			continue
		}
		for range 12 {
			damaged := make(files, len(healthy))
			for q, c := range healthy {
				damaged[q] = c
			}
			bad := append([]byte(nil), content...)
			at := rng.IntN(len(bad))
			bad[at] ^= 1 << rng.IntN(8)
			damaged[p] = bad
			from := verifyOf(&b.c)
			from.FS = damaged.mem()
			m, err := BackupFolder(context.Background(), from, BackupConfig{Dir: "backup"})
			switch {
			case err != nil:
				refused++
				if names, err := from.FS.List("backup"); err == nil {
					t.Fatalf("%s at %d: a refused backup leaves %v", p, at, names)
				}
			case m.States != fmt.Sprintf("%x", whole.States) || m.LastBatch != whole.LastBatch:
				t.Errorf("%s at %d: a backup of a damaged folder ends at batch %d with %s", p, at, m.LastBatch, m.States)
			}
		}
	}
	if refused < 20 {
		t.Errorf("only %d backups were refused", refused)
	}
}

// TestAFailedBackupLeavesTheStoreAlone lets every kind of operation on the backup's folder fail in turn: the backup fails, the store goes on.
func TestAFailedBackupLeavesTheStoreAlone(t *testing.T) {
	failing, at, count := false, 0, 0
	var mu sync.Mutex
	broken := errors.New("the backup's disk is broken")
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if !failing || !strings.HasPrefix(op.Path, "backup") || !isWrite(op) {
			return nil
		}
		count++
		if count == at {
			return broken
		}
		return nil
	})
	b := newBench(t, func(c *Config) { c.FS = errorfs.Wrap(vfs.NewMem(), inject) })
	for i := range 5 {
		b.put(i, 20, 2)
	}
	b.pass()
	for at = 1; at < 200; at++ {
		b.put(1, 1, 1)
		mu.Lock()
		failing, count = true, 0
		mu.Unlock()
		m, err := b.s.Backup(context.Background(), BackupConfig{Dir: fmt.Sprint("backup-", at), Copy: at%2 == 0})
		mu.Lock()
		failing = false
		reached := count >= at
		mu.Unlock()
		if reached && err == nil && m != nil {
			// Only what a backup can do without may fail: looking whether links work, and tidying up.
			if _, err := ReadManifest(b.c.FS, fmt.Sprint("backup-", at)); err != nil {
				t.Errorf("operation %d fails, the backup succeeds, and is none: %v", at, err)
			}
		}
		if err := b.s.life.check(); err != nil {
			t.Fatalf("operation %d on the backup's folder ends the store: %v", at, err)
		}
		if !reached {
			break
		}
	}
	t.Logf("%d operations", at-1)
	if at < 20 {
		t.Errorf("only %d operations", at)
	}
}

// TestACrashDuringABackupOrARestore crashes at every write of a backup and of a restore: what is left is a whole backup or folder, or is refused as unfinished;
// and the next attempt works.
func TestACrashDuringABackupOrARestore(t *testing.T) {
	mem := &linkFS{MemFS: vfs.NewCrashableMem()}
	var mu sync.Mutex
	var images []*vfs.MemFS
	watching := false
	rng := rand.New(rand.NewPCG(5, 5))
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if watching && isWrite(op) {
			images = append(images, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[len(images)%3], RNG: rng}))
		}
		return nil
	}))
	b := newBench(t, func(c *Config) { c.FS = fs })
	for i := range 5 {
		b.put(i, 20, 2)
	}
	b.pass()
	b.put(2, 10, 2)
	watch := func(on bool) []*vfs.MemFS {
		mu.Lock()
		defer mu.Unlock()
		watching = on
		list := images
		images = nil
		return list
	}
	watch(true)
	m, err := b.s.Backup(context.Background(), BackupConfig{Dir: "backups/one", Copy: true})
	if err != nil {
		t.Fatal(err)
	}
	during := watch(false)
	conf := b.c
	conf.Dir = "restored"
	watch(true)
	if _, err := Restore(context.Background(), RestoreConfig{Backup: "backups/one", Store: conf, Incarnate: keepAs}); err != nil {
		t.Fatal(err)
	}
	restoring := watch(false)
	if len(during) < 30 || len(restoring) < 30 {
		t.Fatalf("%d and %d crashes", len(during), len(restoring))
	}
	whole := 0
	for i, img := range during {
		if err := checkImage(crashImage{fs: img, released: 0}, b.w, false); err != nil {
			t.Fatalf("crash %d of the backup: the original: %v", i, err)
		}
		got, err := ReadManifest(img, "backups/one")
		switch {
		case err == nil && got.States == m.States:
			whole++
		case !errors.Is(err, ErrUnfinished) && !errors.Is(err, os.ErrNotExist):
			t.Fatalf("crash %d of the backup: %+v, %v", i, got, err)
		}
		conf.FS = img
		_, err = Restore(context.Background(), RestoreConfig{Backup: "backups/one", Store: conf, Incarnate: keepAs})
		if (err == nil) != (got != nil) {
			t.Fatalf("crash %d of the backup: manifest %t, restore: %v", i, got != nil, err)
		}
	}
	t.Logf("%d crashes of a backup, %d left it whole; %d of a restore", len(during), whole, len(restoring))
	for i, img := range restoring {
		conf.FS = img
		if _, err := img.Stat("restored"); err == nil {
			if rep, err := Verify(verifyOf(&conf)); err != nil || len(rep.Problems) > 0 || fmt.Sprintf("%x", rep.States) != m.States {
				t.Fatalf("crash %d of the restore left a folder that is not whole: %v %v", i, rep.Problems, err)
			}
			continue
		}
		half := conf
		half.Dir = "restored.unfinished"
		if _, err := img.Stat("restored.unfinished/FORMAT"); err == nil {
			s, err := Open(half)
			switch {
			case err == nil: // it only wanted its name
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				continue
			case !errors.Is(err, ErrUnfinished):
				t.Fatalf("crash %d of the restore: half a folder opens with %v", i, err)
			}
		}
		if _, err := Restore(context.Background(), RestoreConfig{Backup: "backups/one", Store: conf, Incarnate: keepAs}); err != nil {
			t.Fatalf("crash %d of the restore: the next attempt: %v", i, err)
		}
	}
}

// TestAnAcknowledgedRunIsInTheNextBackup asks for a backup right after a run was released.
func TestAnAcknowledgedRunIsInTheNextBackup(t *testing.T) {
	b := newBench(t, nil)
	for i := range 5 {
		b.w.Put(b.s, toyKey(i), 3, []byte("fact"))
		b.w.AwaitAll()
		dir := fmt.Sprint("backup", i)
		if _, err := b.s.Backup(context.Background(), BackupConfig{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		rep, err := Verify(VerifyConfig{Dir: dir, FS: b.c.FS, New: storetest.NewToy, Open: storetest.OpenToy})
		if err != nil || len(rep.Problems) > 0 || len(rep.Aggregates) != i+1 || rep.Facts != uint64(3*(i+1)) {
			t.Fatalf("backup %d: %+v, %v", i, rep, err)
		}
	}
}
