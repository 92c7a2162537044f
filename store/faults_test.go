package store

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// faultRun runs the script on a file system on which operation number n fails with errno, once or from then on. It returns what was hit and how
// the script ended.
type faultRun struct {
	op       errorfs.Op
	hit      bool
	err      error // of the script
	died     bool
	ops      int
	mem      *linkFS
	p        *script
	atDeath  int // runs released when Fatal was called
	released int
}

func runWithFault(n int, errno syscall.Errno, sticky bool) *faultRun {
	r := &faultRun{mem: &linkFS{MemFS: vfs.NewCrashableMem()}}
	var mu sync.Mutex
	fs := errorfs.Wrap(r.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileClose || op.Kind == errorfs.OpGetDiskUsage {
			// Close is not asked for durability: everything that must last was synced before.
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		r.ops++
		switch {
		case r.ops == n:
			r.op, r.hit = op, true
		case r.ops > n && sticky && r.hit && isWrite(op):
		default:
			return nil
		}
		return &vfsError{op: op, errno: errno}
	}))
	r.p = newScript(fs, 7, 2)
	died := make(chan struct{})
	r.p.fatal = func(error) {
		_, r.atDeath, _ = r.p.w.State()
		close(died)
	}
	done := make(chan error, 1)
	go func() { done <- r.p.run() }()
	select {
	case r.err = <-done:
	case <-died:
		// The process would have ended. Here calls into the dead store may hang for ever.
	}
	mu.Lock()
	defer mu.Unlock()
	r.died = r.p.dead.Load()
	_, r.released, _ = r.p.w.State()
	return r
}

// vfsError is what a real file system returns.
type vfsError struct {
	op    errorfs.Op
	errno syscall.Errno
}

func (e *vfsError) Error() string { return fmt.Sprintf("%s (injected): %v", e.op.Path, e.errno) }
func (e *vfsError) Unwrap() error { return e.errno }

// mayFail reports whether a store may live on after op has failed: the removal of what nobody needs, space kept in advance, and a look whether something
// is there.
func mayFail(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpRemove, errorfs.OpRemoveAll, errorfs.OpFilePreallocate, errorfs.OpStat, errorfs.OpFileStat, errorfs.OpList:
		return true
	default:
		return false
	}
}

// TestEveryFailedOperationStopsTheStore makes every single file operation of a script fail, with an I/O error or with a full disk, once or for
// ever: the store dies of every failed write, nothing acknowledged is lost, and the folder opens again. HOLDFAST_FAULTS=4 tries each operation with
// each of the four.
func TestEveryFailedOperationStopsTheStore(t *testing.T) {
	clean := runWithFault(0, syscall.EIO, false)
	if clean.err != nil || clean.died {
		t.Fatalf("without a fault the script ends with %v", clean.err)
	}
	var ran, hit, died, refused, harmless atomic.Int64
	work := make(chan func())
	var wg sync.WaitGroup
	for range 16 { // most of them wait
		wg.Go(func() {
			for f := range work {
				f()
			}
		})
	}
	all := envInt("HOLDFAST_FAULTS", 1)
	for n := 1; n <= clean.ops; n++ {
		for k := range all {
			kind := n + k
			work <- func() {
				r := runWithFault(n, []syscall.Errno{syscall.EIO, syscall.ENOSPC}[kind%2], kind/2%2 == 1)
				ran.Add(1)
				if !r.hit {
					return
				}
				hit.Add(1)
				what := fmt.Sprintf("operation %d (%d on %s), fault kind %d, script: %v", n, r.op.Kind, r.op.Path, kind%4, r.err)
				switch {
				case r.died:
					died.Add(1)
				case r.err != nil:
					refused.Add(1)
				default:
					harmless.Add(1)
					if !mayFail(r.op) {
						t.Errorf("%s: the store went on", what)
					}
				}
				for _, percent := range []int{0, 100} {
					rng := rand.New(rand.NewPCG(uint64(n), uint64(percent))) // not the script's: that may still be about to find out that the store is dead
					img := crashImage{fs: r.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}), released: r.released}
					if err := checkImage(img, r.p.w, false); err != nil {
						t.Errorf("%s: after it, with %d%% of unsynced data: %v", what, percent, err)
					}
				}
			}
		}
	}
	close(work)
	wg.Wait()
	t.Logf("%d runs, %d faults: %d killed the store, %d were refused with an error, %d did no harm", ran.Load(), hit.Load(), died.Load(), refused.Load(), harmless.Load())
}
