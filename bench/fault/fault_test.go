package fault

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The sizes of long runs. The defaults are for every `go test`.
var (
	rounds    = flag.Int("rounds", 3, "TestKill: kills under load")
	powercuts = flag.Int("powercuts", 0, "TestPowerCut: power cuts; needs root")
	fs        = flag.String("fs", "ext4", "TestPowerCut: ext4 or xfs")
	histories = flag.Int("histories", 4, "TestLinearizable: histories")
	seedFlag  = flag.Uint64("seed", 0, "seed of every random choice; 0 draws one")
	again     = flag.String("again", "", "TestCompareAgain: the folder that a failed run has kept")
)

// program is the engine, built once for all tests of this package.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "holdfast-engine-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	return Build(context.Background(), dir)
})

var builtIn string

func TestMain(m *testing.M) {
	flag.Parse()
	status := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn)
	}
	if status == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// engineProgram builds the engine, once.
func engineProgram(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// seed is what a test draws its choices from. It is printed, so that a failed run can be run again.
func seed(t testing.TB) uint64 {
	t.Helper()
	s := *seedFlag
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("seed %d", s)
	return s
}

// within is a context that ends long after a healthy test of that size has.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
