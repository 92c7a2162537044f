package bench_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/holdfast-engine/holdfast/bench"
)

// window is how much is outstanding and how it travels.
type window struct{ outstanding, batch int }

func windows() []window {
	w := []window{{64, 1}, {1024, 1}, {4096, 1}, {4096, 16}, {4096, 64}, {16384, 256}}
	if full() {
		w = append(w, window{1, 1}, window{16, 1}, window{256, 1}, window{16384, 1}, window{16384, 64}, window{65536, 1024})
	}
	return w
}

func (w window) String() string {
	return fmt.Sprintf("outstanding=%d/batch=%d", w.outstanding, w.batch)
}

// BenchmarkEcho is the ceiling: what load and NATS server do with an answer that costs nothing. BenchmarkHold runs the same again, in turns with the engine.
func BenchmarkEcho(b *testing.B) {
	for _, w := range windows() {
		b.Run("reply=fixed/"+w.String(), func(b *testing.B) {
			measure(b, func() {
				rig, end := startRig(b)
				defer end()
				check(b, rig.Create(bench.EventID, 1e9))
				c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(1)}
				sampled := startLoad(b, rig, c)
				defer sampled.Close()
				load, stop, _ := startEcho(b, rig, c, sampled)
				defer stop()
				out, err := bench.Alternate(rounds(), roundFor()/2, load.Run)
				check(b, err)
				rates, latency := bench.Rates(out[0]), bench.Latencies(out[0])
				b.ReportMetric(rates.Median(), "echoes/s")
				b.ReportMetric(float64(latency.ValueAtQuantile(50)), "p50-us")
				b.ReportMetric(float64(latency.ValueAtQuantile(99)), "p99-us")
				b.Logf("echoes/s %v", rates)
			})
		})
	}
}

// BenchmarkHold is durable holds over NATS, one hot event at a time, in turns with the echo of the same bytes.
func BenchmarkHold(b *testing.B) {
	for _, w := range windows() {
		b.Run(w.String(), func(b *testing.B) {
			measure(b, func() { benchmarkHold(b, w) })
		})
	}
}

func benchmarkHold(b *testing.B, w window) {
	rig, end := startRig(b)
	defer end()
	c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(1)}
	events := []string{bench.EventID}
	onSale := c
	if onSale.Tickets = ticketsPerEvent(b); onSale.Tickets > 0 {
		events = nights()
		onSale.Events = events
	}
	for _, event := range events {
		check(b, rig.Create(event, 1e9))
	}
	engine := startLoad(b, rig, onSale)
	defer engine.Close()
	echo, stop, acknowledged := startEcho(b, rig, c, engine)
	defer stop()

	disk := newDisk(b)
	allocs, measured := uint64(0), int64(0)
	rig.Durable()
	before := pauses()
	out, err := bench.Alternate(rounds(), roundFor(), echo.Run, func(d time.Duration) (bench.Round, error) {
		disk.probe()
		m := mallocs()
		r, err := engine.Run(d)
		allocs += mallocs() - m
		acknowledged += r.All
		measured += r.All
		return r, err
	})
	check(b, err)
	gc, commits := pauseQuantile(before, 0.999), rig.Durable()
	state := bench.State{}
	hash := uint64(0)
	for _, event := range events {
		one, err := rig.State(event)
		check(b, err)
		n, err := strconv.ParseUint(one.Hash, 16, 64)
		check(b, err)
		state.Holds, state.Held, hash = state.Holds+one.Holds, state.Held+one.Held, hash+n
	}
	if state.Holds != acknowledged || state.Held != acknowledged {
		b.Fatalf("%d holds were acknowledged, the events have %d with %d tickets", acknowledged, state.Holds, state.Held)
	}

	echoes, holds := bench.Rates(out[0]), bench.Rates(out[1])
	ratio := holds.Over(echoes)
	echoLatency, latency := bench.Latencies(out[0]), bench.Latencies(out[1])
	b.ReportMetric(holds.Median(), "holds/s")
	b.ReportMetric(echoes.Median(), "echoes/s")
	b.ReportMetric(ratio.Median(), "ratio")
	b.ReportMetric(float64(latency.ValueAtQuantile(50)), "p50-us")
	b.ReportMetric(float64(latency.ValueAtQuantile(99)), "p99-us")
	b.ReportMetric(float64(echoLatency.ValueAtQuantile(50)), "echo-p50-us")
	b.ReportMetric(disk.p50(), "fsync-p50-us")
	b.ReportMetric(float64(commits.ValueAtQuantile(50)), "commit-p50-us")
	b.ReportMetric(gc, "gc-p99.9-us")
	cpu, echoCPU := bench.CPUNs(out[1]).Median(), bench.CPUNs(out[0]).Median()
	b.ReportMetric(cpu, "cpu-ns/hold")
	b.ReportMetric(echoCPU, "cpu-ns/echo")
	b.Logf("holds/s  %v", holds)
	b.Logf("echoes/s %v", echoes)
	b.Logf("ratio    %v", ratio)
	b.Logf("latency  p50 %d p99 %d p99.9 %d max %d us, echo p50 %d p99 %d us", latency.ValueAtQuantile(50), latency.ValueAtQuantile(99),
		latency.ValueAtQuantile(99.9), latency.Max(), echoLatency.ValueAtQuantile(50), echoLatency.ValueAtQuantile(99))
	b.Logf("commits  %d of %.0f holds, p50 %d p99 %d us", commits.TotalCount(), float64(measured)/float64(max(1, commits.TotalCount())),
		commits.ValueAtQuantile(50), commits.ValueAtQuantile(99))
	b.Logf("allocs   %.2f a hold, load and server included", float64(allocs)/float64(measured))
	b.Logf("state    %016x, the sum over %d events, after %d holds, all live", hash, len(events), state.Holds)
}

// ticketsPerEventDefault is an arena: on average half of it is live in the event on sale.
const ticketsPerEventDefault = 20_000

// ticketsPerEvent is how many tickets an event sells before the next goes on sale: BENCH_TICKETS, 20,000 unless set. With 0 one event sells for ever,
// and has millions of live holds after seconds.
func ticketsPerEvent(b *testing.B) int {
	b.Helper()
	text, ok := os.LookupEnv("BENCH_TICKETS")
	if !ok {
		return ticketsPerEventDefault
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		b.Fatalf("BENCH_TICKETS=%s: give the tickets an event sells before the next goes on sale, or 0 for one event without end", text)
	}
	return n
}

// nights are events whose ids are as long as [bench.EventID], for requests of the same size.
func nights() []string {
	all := make([]string, 999)
	for i := range all {
		all[i] = fmt.Sprintf("night-%03d-2026", i)
	}
	return all
}

// BenchmarkSoldOut is the storm after the last ticket: every command is by a buyer who comes for the first time and is refused. Refusals, echoes of the same
// bytes, and holds on another event take turns.
func BenchmarkSoldOut(b *testing.B) {
	for _, w := range []window{{1024, 1}, {4096, 64}} {
		b.Run(w.String(), func(b *testing.B) {
			measure(b, func() { benchmarkSoldOut(b, w) })
		})
	}
}

func benchmarkSoldOut(b *testing.B, w window) {
	const selling, tickets = "night-two-2026", 256
	rig, end := startRig(b)
	defer end()
	check(b, rig.Create(bench.EventID, tickets))
	check(b, rig.Create(selling, 1e9))

	c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: tickets, Batch: tickets, Workload: bench.NewWorkload(1)}
	first := startLoad(b, rig, c)
	_, err := first.Sample() // takes every ticket
	check(b, err)
	first.Close()
	sold, err := rig.State(bench.EventID)
	check(b, err)
	if sold.Free != 0 {
		b.Fatalf("the event still has %d tickets", sold.Free)
	}

	c.Outstanding, c.Batch, c.Refused = w.outstanding, w.batch, "sold_out"
	storm := startLoad(b, rig, c)
	defer storm.Close()
	echo, stop, _ := startEcho(b, rig, c, storm)
	defer stop()
	c.Refused, c.Event, c.Workload = "", selling, bench.NewWorkload(2)
	hold := startLoad(b, rig, c)
	defer hold.Close()

	before := pauses()
	out, err := bench.Alternate(rounds(), roundFor(), echo.Run, storm.Run, hold.Run)
	check(b, err)
	gc := pauseQuantile(before, 0.999)
	state, err := rig.State(bench.EventID)
	check(b, err)
	if state.Hash = sold.Hash; state != sold { // the hash holds the tally of refusals, which is logged
		b.Fatalf("the storm has changed the event: %+v was %+v", state, sold)
	}

	echoes, refusals, holds := bench.Rates(out[0]), bench.Rates(out[1]), bench.Rates(out[2])
	ratio, overHolds := refusals.Over(echoes), refusals.Over(holds)
	latency := bench.Latencies(out[1])
	b.ReportMetric(refusals.Median(), "refusals/s")
	b.ReportMetric(echoes.Median(), "echoes/s")
	b.ReportMetric(holds.Median(), "holds/s")
	b.ReportMetric(ratio.Median(), "ratio")
	b.ReportMetric(overHolds.Median(), "refusals/hold")
	b.ReportMetric(float64(latency.ValueAtQuantile(50)), "p50-us")
	b.ReportMetric(float64(latency.ValueAtQuantile(99)), "p99-us")
	b.ReportMetric(gc, "gc-p99.9-us")
	b.ReportMetric(bench.CPUNs(out[1]).Median(), "cpu-ns/refusal")
	b.ReportMetric(bench.CPUNs(out[0]).Median(), "cpu-ns/echo")
	b.Logf("refusals/s %v", refusals)
	b.Logf("echoes/s   %v", echoes)
	b.Logf("holds/s    %v", holds)
	b.Logf("ratio      %v", ratio)
	b.Logf("to holds   %v", overHolds)
}

// disk probes how long the disk takes to sync, between the rounds of a benchmark.
type disk struct {
	b   *testing.B
	dir string
	p   bench.Numbers
}

func newDisk(b *testing.B) *disk {
	b.Helper()
	return &disk{b: b, dir: dataDir(b)}
}

func (d *disk) probe() {
	h, err := bench.ProbeFsync(d.dir, size(200, 10))
	check(d.b, err)
	d.p = append(d.p, float64(h.ValueAtQuantile(50)))
}

// during probes the disk a hundred times a second until the function it returns is called.
func (d *disk) during() (end func() *hdrhistogram.Histogram) {
	stop, all := make(chan struct{}), make(chan *hdrhistogram.Histogram)
	go func() {
		var sum *hdrhistogram.Histogram
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			h, err := bench.ProbeFsync(d.dir, 1)
			switch {
			case err != nil:
				d.b.Error(err)
			case sum == nil:
				sum = h
			default:
				sum.Merge(h)
			}
			select {
			case <-stop:
				all <- sum
				return
			case <-tick.C:
			}
		}
	}()
	return func() *hdrhistogram.Histogram {
		close(stop)
		h := <-all
		if h == nil {
			d.b.Fatal("the disk was never synced")
		}
		return h
	}
}

func (d *disk) p50() float64 { return d.p.Median() }

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func TestMemoryFileSystemIsRefused(t *testing.T) {
	const memory = "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		t.Skipf("this machine has no %s to try it on: %v", memory, err)
	}
	if err := bench.OnDisk(memory); err == nil {
		t.Errorf("%s was accepted", memory)
	}
	t.Setenv("BENCH_DIR", memory)
	if dir, _, err := bench.DataDir(); err == nil {
		t.Errorf("a data folder was made in %s", dir)
	}
}
