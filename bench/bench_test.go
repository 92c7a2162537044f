package bench_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
)

// TestMain prints what the numbers were measured on, and with BENCH_OUT keeps everything that is printed in a file of that folder.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if flag.Lookup("test.bench").Value.String() == "" {
		return m.Run()
	}
	store.SpareThreads() // as engine serve does; the echo has them too
	machine, err := lookAtMachine()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	header := machine.String() + fmt.Sprintf("rounds: %d of %v\n", rounds(), roundFor())
	out := os.Getenv("BENCH_OUT")
	if out == "" {
		fmt.Print(header)
		return m.Run()
	}
	file := filepath.Join(out, time.Now().UTC().Format(time.DateOnly)+"-"+fileName(machine.CPU)+".txt")
	restore, err := tee(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print(header)
	code := m.Run()
	if err := restore(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("kept in", file)
	return code
}

func lookAtMachine() (*bench.Machine, error) {
	dir, remove, err := bench.DataDir()
	if err != nil {
		return nil, err
	}
	machine, err := bench.LookAtMachine(dir, size(2000, 100))
	if e := remove(); err == nil {
		err = e
	}
	return machine, err
}

// tee makes everything printed on standard output from now on go into a file as well, until the function it returns is called.
func tee(file string) (restore func() error, err error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("keep results: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("keep results: %w", err)
	}
	stdout := os.Stdout
	os.Stdout = w
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.MultiWriter(stdout, f), r)
		copied <- err
	}()
	return func() error {
		os.Stdout = stdout
		if err := w.Close(); err != nil {
			return fmt.Errorf("keep results: %w", err)
		}
		if err := <-copied; err != nil {
			return fmt.Errorf("keep results: %w", err)
		}
		return f.Close()
	}, nil
}

// fileName makes a name for a file of what people call a processor.
func fileName(cpu string) string {
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(cpu), "-")
	return strings.Trim(name, "-")
}

// full says that the long benchmarks are wanted as well.
func full() bool { return os.Getenv("BENCH_FULL") == "1" }

// size is a number that -short makes small.
func size(normal, short int) int {
	if testing.Short() {
		return short
	}
	return normal
}

func rounds() int { return size(5, 2) }

func roundFor() time.Duration {
	if testing.Short() {
		return 20 * time.Millisecond
	}
	return time.Second
}

// measure runs f as often as testing wants, once if f takes a second, and leaves out the time of an iteration, which means nothing here.
func measure(b *testing.B, f func()) {
	b.Helper()
	for b.Loop() {
		f()
	}
	b.ReportMetric(0, "ns/op")
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// dataDir is an empty folder on a disk, removed when the benchmark is over.
func dataDir(b *testing.B) string {
	b.Helper()
	dir, remove, err := bench.DataDir()
	check(b, err)
	b.Cleanup(func() { check(b, remove()) })
	return dir
}

// startRig starts the engine on an empty folder. The function it returns ends both and may be called once.
func startRig(b *testing.B) (*bench.Rig, func()) {
	b.Helper()
	dir, remove, err := bench.DataDir()
	check(b, err)
	rig, err := bench.StartRig(bench.RigConfig{Dir: dir})
	check(b, err)
	return rig, func() {
		check(b, rig.Close())
		check(b, remove())
	}
}

// startLobbies starts an engine whose lines may have lobbies.
func startLobbies(b *testing.B, c transport.Config) (*bench.Rig, func()) {
	b.Helper()
	dir, remove, err := bench.DataDir()
	check(b, err)
	rig, err := bench.StartRig(bench.RigConfig{Dir: dir, Lobbies: true, Transport: c})
	check(b, err)
	return rig, func() {
		check(b, rig.Close())
		check(b, errors.Join(remove(), os.Remove(dir+"-vault.key")))
	}
}

// startPaying starts an engine whose buyers are charged.
func startPaying(b *testing.B, g *bench.Gateway, lane actors.LaneConfig) (*bench.Rig, func()) {
	b.Helper()
	dir, remove, err := bench.DataDir()
	check(b, err)
	rig, err := bench.StartRig(bench.RigConfig{Dir: dir, Gateway: g, Actors: actors.Config{Lane: lane}})
	check(b, err)
	return rig, func() {
		check(b, rig.Close())
		check(b, errors.Join(remove(), os.Remove(dir+"-vault.key")))
	}
}

// startLoad connects a load, and what it asks about as an echo if one is wanted.
func startLoad(b *testing.B, rig *bench.Rig, c bench.LoadConfig) *bench.Load {
	b.Helper()
	l, err := bench.NewLoad(rig.URL, c)
	check(b, err)
	return l
}

// startEcho starts an echo that answers like the engine has answered a sample of the load, and a load like it for the echo. The sample comes after a short
// round: hold ids are as long by then as in the rounds that count. It returns how many commands that took.
func startEcho(b *testing.B, rig *bench.Rig, c bench.LoadConfig, engineLoad *bench.Load) (load *bench.Load, end func(), commands int64) {
	b.Helper()
	warm, err := engineLoad.Run(roundFor() / 5)
	check(b, err)
	sample, err := engineLoad.Sample()
	check(b, err)
	echo, err := bench.NewEcho(rig.URL, bench.EventID, sample)
	check(b, err)
	c.Subjects, c.Event = bench.EchoSubjects, bench.EventID
	load = startLoad(b, rig, c)
	return load, func() {
		load.Close()
		echo.Close()
	}, warm.All + int64(c.Batch)
}

// pauses is the histogram of the garbage collector's pauses so far.
func pauses() *metrics.Float64Histogram {
	s := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(s)
	return s[0].Value.Float64Histogram()
}

// pauseQuantile is a quantile of the pauses since before, in microseconds.
func pauseQuantile(before *metrics.Float64Histogram, q float64) float64 {
	now := pauses()
	total := uint64(0)
	for i := range now.Counts {
		now.Counts[i] -= before.Counts[i]
		total += now.Counts[i]
	}
	seen := uint64(0)
	for i, n := range now.Counts {
		if seen += n; n > 0 && float64(seen) >= q*float64(total) {
			return min(now.Buckets[i+1], 10) * 1e6 // the upper end; the last bucket has none
		}
	}
	return 0
}
