package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/store/storetest"
)

// files is the content of a folder.
type files map[string][]byte

func readFolder(t *testing.T, fs vfs.FS, dir string) files {
	t.Helper()
	all := make(files)
	var walk func(dir string)
	walk = func(dir string) {
		names, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			p := path.Join(dir, name)
			info, err := fs.Stat(p)
			if errors.Is(err, os.ErrNotExist) {
				continue // a store that died a moment ago may still be tidying up
			}
			if err != nil {
				t.Fatal(err)
			}
			if info.IsDir() {
				walk(p)
				continue
			}
			f, err := fs.Open(p)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(f)
			if err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
			all[p] = b
		}
	}
	walk(dir)
	return all
}

func (f files) mem() *vfs.MemFS {
	fs := vfs.NewCrashableMem()
	for p, b := range f {
		if err := fs.MkdirAll(path.Dir(p), 0o700); err != nil {
			panic(err)
		}
		file, err := fs.Create(p, vfs.WriteCategoryUnspecified)
		if err != nil {
			panic(err)
		}
		if _, err := file.Write(slices.Clone(b)); err != nil {
			panic(err)
		}
		_ = file.Close()
	}
	for _, d := range []string{"tail", "log", "tmp"} {
		if err := fs.MkdirAll(path.Join(dataDir, d), 0o700); err != nil {
			panic(err)
		}
	}
	return fs
}

// kindOf groups the files of a folder.
func kindOf(p string) string {
	base := path.Base(p)
	switch {
	case strings.Contains(p, "/tail/"):
		return "tail"
	case strings.HasSuffix(base, ".log"):
		return "wal"
	case strings.HasSuffix(base, ".sst"):
		return "sst"
	case strings.HasPrefix(base, "MANIFEST"):
		return "manifest"
	case strings.HasPrefix(base, "OPTIONS"):
		return "options"
	case strings.HasPrefix(base, "marker"):
		return "marker"
	}
	return base
}

// damage changes one file and says how.
func damage(f files, p string, rng *rand.Rand) string {
	b := slices.Clone(f[p])
	how := ""
	switch kind := rng.IntN(10); {
	case kind == 0:
		delete(f, p)
		return "removed"
	case kind == 1:
		b = append(b, make([]byte, 1+rng.IntN(100))...)
		how = "zeros appended"
	case len(b) == 0:
		b = []byte{byte(rng.Uint32())}
		how = "a byte appended"
	case kind <= 3:
		n := rng.IntN(len(b))
		how = fmt.Sprintf("cut to %d of %d bytes", n, len(b))
		b = b[:n]
	case kind == 4:
		at := rng.IntN(len(b))
		n := min(len(b)-at, 1+rng.IntN(4096))
		clear(b[at : at+n])
		how = fmt.Sprintf("%d zeros at %d of %d", n, at, len(b))
	case kind == 5:
		at := rng.IntN(len(b))
		n := min(len(b)-at, 1+rng.IntN(64))
		for i := range n {
			b[at+i] = byte(rng.Uint32())
		}
		how = fmt.Sprintf("%d random bytes at %d of %d", n, at, len(b))
	default:
		at := rng.IntN(len(b))
		if rng.IntN(2) == 0 {
			at = len(b) - 1 - rng.IntN(min(len(b), 2048)) // the newest part of a log
		}
		b[at] ^= 1 << rng.IntN(8)
		how = fmt.Sprintf("a bit of byte %d of %d", at, len(b))
	}
	f[p] = b
	return how
}

// TestDamageIsRefusedOrRepaired changes one file of a folder at random, of every kind there is, after a clean end and after a crash: what was
// acknowledged is there after the next start, or there is none. HOLDFAST_DAMAGES sets how often. Then it changes batches in ways that no checksum of
// a file notices.
func TestDamageIsRefusedOrRepaired(t *testing.T) {
	t.Run("files", testDamagedFiles)
	t.Run("batches", testAlteredBatches)
}

// testAlteredBatches writes to Pebble behind the store's back.
func testAlteredBatches(t *testing.T) {
	for name, alter := range map[string]func(db *pebble.DB, get func(seq uint64) []byte) error{
		"a fact": func(db *pebble.DB, get func(uint64) []byte) error {
			b := get(5)
			b[len(b)-linkLen-1] ^= 1
			return db.Set(journalKey(5), b, pebble.Sync)
		},
		"a fact, and the batch's own link": func(db *pebble.DB, get func(uint64) []byte) error {
			b := get(5)
			b[len(b)-linkLen-1] ^= 1
			sum := sha256.Sum256(b[:len(b)-linkLen])
			copy(b[len(b)-linkLen:], sum[:])
			return db.Set(journalKey(5), b, pebble.Sync)
		},
		"a batch that is gone": func(db *pebble.DB, _ func(uint64) []byte) error { return db.Delete(journalKey(5), pebble.Sync) },
		"the first batch is gone": func(db *pebble.DB, _ func(uint64) []byte) error {
			return db.Delete(journalKey(1), pebble.Sync)
		},
		"a batch in another's place": func(db *pebble.DB, get func(uint64) []byte) error {
			return db.Set(journalKey(5), get(6), pebble.Sync)
		},
		"a key that is none": func(db *pebble.DB, get func(uint64) []byte) error {
			return db.Set(append(journalKey(5), 0), get(5), pebble.Sync)
		},
		"the last batch": func(db *pebble.DB, get func(uint64) []byte) error {
			b := get(20)
			b[len(b)-linkLen-1] ^= 1
			return db.Set(journalKey(20), b, pebble.Sync)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			for range 20 {
				b.put(1, 1, 2)
			}
			b.close()
			opts := &pebble.Options{FS: b.c.FS, FormatMajorVersion: pebble.FormatNewest, Logger: pebbleLog{log: quiet(), life: newLife(nil)}}
			db, err := pebble.Open(dataDir+"/log", opts)
			if err != nil {
				t.Fatal(err)
			}
			get := func(seq uint64) []byte {
				v, c, err := db.Get(journalKey(seq))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.Close() }()
				return slices.Clone(v)
			}
			if err := alter(db, get); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			// Without the tail it is the chain alone that notices.
			for _, tail := range []bool{true, false} {
				if !tail {
					if err := b.c.FS.RemoveAll(dataDir + "/tail"); err != nil {
						t.Fatal(err)
					}
					b.c.AcceptOneCopy = true
					b.c.Alarm = func(error) {}
				}
				rep, err := Verify(VerifyConfig{Dir: dataDir, FS: b.c.FS, New: b.c.New, Open: b.c.Open})
				if err == nil && len(rep.Problems) == 0 {
					t.Errorf("with the tail %v: a check found nothing wrong", tail)
				}
				s, err := Open(b.c)
				if err == nil {
					if _, err = s.Recover(); err == nil {
						t.Errorf("with the tail %v: it was recovered", tail)
					}
					_ = s.Close()
				}
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("with the tail %v: it was refused with %v", tail, err)
				}
			}
		})
	}
}

func testDamagedFiles(t *testing.T) {
	type outcome struct{ tried, refused, whole int }
	outcomes := make(map[string]*outcome)
	var mu sync.Mutex
	type job struct {
		folder   files
		w        *storetest.Writer
		released int
		seed     uint64
	}
	jobs := make(chan job)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for j := range jobs {
				rng := rand.New(rand.NewPCG(j.seed, 3))
				byKind := make(map[string][]string)
				for p := range j.folder {
					byKind[kindOf(p)] = append(byKind[kindOf(p)], p)
				}
				kinds := sortedNames(byKind)
				kind := kinds[int(j.seed)%len(kinds)]
				slices.Sort(byKind[kind])
				p := byKind[kind][rng.IntN(len(byKind[kind]))]
				f := make(files, len(j.folder))
				for p, b := range j.folder {
					f[p] = b
				}
				how := damage(f, p, rng)
				err := checkImage(crashImage{fs: f.mem(), released: j.released, damaged: true}, j.w, false)
				mu.Lock()
				o := outcomes[kind]
				if o == nil {
					o = &outcome{}
					outcomes[kind] = o
				}
				o.tried++
				switch {
				case err == nil:
					o.whole++
				case errors.Is(err, errSilentLoss):
					t.Errorf("seed %d, %s, %s: %v", j.seed, p, how, err)
				default:
					o.refused++
				}
				mu.Unlock()
			}
		})
	}
	want := envInt("HOLDFAST_DAMAGES", 1500)
	for seed := uint64(0); seed < uint64(want); {
		mem := vfs.NewCrashableMem()
		p := newScript(mem, seed, 3)
		if err := p.run(); err != nil {
			t.Fatal(err)
		}
		_, released, _ := p.w.State()
		clean := readFolder(t, mem, dataDir)
		// And once more, in use: all of it written, nothing closed.
		s := mustOpen(t, p.config())
		if _, err := s.Recover(); err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			p.w.Put(s, toyKey(i%6), 1+i%3, make([]byte, 100))
			if i%10 == 0 {
				p.w.AwaitAll()
			}
		}
		p.w.AwaitAll()
		_, crashed, _ := p.w.State()
		crash := readFolder(t, mem, dataDir)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for range 250 {
			jobs <- job{folder: clean, w: p.w, released: released, seed: seed}
			jobs <- job{folder: crash, w: p.w, released: crashed, seed: seed}
			seed++
		}
	}
	close(jobs)
	wg.Wait()
	total := outcome{}
	for _, kind := range sortedNames(outcomes) {
		o := outcomes[kind]
		t.Logf("%-10s %5d damaged: %5d refused, %5d whole", kind, o.tried, o.refused, o.whole)
		total.tried, total.refused, total.whole = total.tried+o.tried, total.refused+o.refused, total.whole+o.whole
	}
	t.Logf("%-10s %5d damaged: %5d refused, %5d whole", "all", total.tried, total.refused, total.whole)
	for _, kind := range []string{"wal", "sst", "manifest", "options", "marker", "tail", nameFormat, nameLock} {
		if outcomes[kind] == nil {
			t.Errorf("no %s file was damaged: the test does not see all kinds", kind)
		}
	}
}
