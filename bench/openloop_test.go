package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/bench/fault"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/load"
)

// openLoopMix is what `engine load` asks for unless told otherwise.
var openLoopMix = load.Mix{Hold: 70, Confirm: 15, Release: 10, Get: 5}

// openLoopTTL is how long holds live: a minute of them at full rate would take gigabytes, and holds that end are part of a sale. The capacity is what the
// engine can do once as many holds end as are granted.
const openLoopTTL = 2 * time.Second

// openLoopFor is how long the open loops measure: BENCH_SECONDS, 10 unless set. The target is a run of 60.
func openLoopFor(b *testing.B) time.Duration {
	b.Helper()
	text, ok := os.LookupEnv("BENCH_SECONDS")
	if !ok || testing.Short() {
		return 10 * roundFor()
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds <= 0 {
		b.Fatalf("BENCH_SECONDS=%s: give the seconds that an open loop is measured", text)
	}
	return time.Duration(seconds * float64(time.Second))
}

// startGenerator puts events on sale and connects an open loop to them.
func startGenerator(b *testing.B, rig *bench.Rig, c load.Config, events int) *load.Generator {
	b.Helper()
	nc, err := nats.Connect(rig.URL, nats.Name("bench open loop"), nats.SkipSubjectValidation())
	check(b, err)
	own := load.OwnEvents{Count: events, Tickets: engine.CapacityMax, HoldTTL: c.HoldTTL, Name: "night"}
	check(b, own.Create(b.Context(), nc))
	c.Events, c.Lot, c.Seed = own.IDs(), load.LotID, rand.Uint64()
	g, err := load.New(nc, c)
	check(b, err)
	b.Cleanup(func() {
		check(b, g.Close())
		nc.Close()
	})
	return g
}

// accounted fails unless everything that was sent was answered, with nothing but ok and what may be besides.
func accounted(b *testing.B, r *load.Result, may ...engine.Code) {
	b.Helper()
	answered := int64(0)
	for _, by := range r.Outcomes {
		for _, code := range append(may, engine.CodeOK) {
			answered += by[code]
		}
	}
	if r.Due != r.Sent || r.Sent != r.Answered || r.Answered != answered || r.Repeated+r.WithoutHint > 0 {
		b.Fatalf("%d commands were due, %d sent, %d answered, %d as they may be, %d timed out, %d repeated, %d turned away without a hint: %v",
			r.Due, r.Sent, r.Answered, answered, r.TimedOut, r.Repeated, r.WithoutHint, r.Outcomes)
	}
}

// BenchmarkOpenLoop finds what the engine can do, then asks for half of it at random moments that do not depend on its answers, and says how long answers
// took from the moment each was due, beside how long the disk took meanwhile.
func BenchmarkOpenLoop(b *testing.B) {
	for _, w := range []window{{4096, 1}, {16384, 64}} {
		b.Run(fmt.Sprintf("share=0.5/batch=%d", w.batch), func(b *testing.B) {
			measure(b, func() { benchmarkOpenLoop(b, w) })
		})
	}
}

func benchmarkOpenLoop(b *testing.B, w window) {
	rig, end := startRig(b)
	defer end()
	g := startGenerator(b, rig, load.Config{Mix: openLoopMix, Batch: w.batch, HoldTTL: openLoopTTL}, 4)
	_, err := g.Closed(b.Context(), w.outstanding, 0, 2*openLoopTTL)
	check(b, err)
	cpu := bench.CPUTime()
	capacity, err := g.Closed(b.Context(), w.outstanding, 0, 3*roundFor())
	check(b, err)
	closedCPU := float64(bench.CPUTime()-cpu) / float64(max(1, capacity.Sent))
	accounted(b, capacity, engine.CodeOverloaded, engine.CodeHoldExpired)

	schedule := load.Schedule{PerSecond: max(1, capacity.Throughput()/2), Warmup: roundFor(), For: openLoopFor(b)}
	disk := newDisk(b)
	probe := disk.during()
	rig.Durable()
	before := pauses()
	cpu = bench.CPUTime()
	r, err := g.Open(b.Context(), schedule)
	check(b, err)
	openCPU := float64(bench.CPUTime()-cpu) / (float64(max(1, r.Sent)) * float64(schedule.For+schedule.Warmup) / float64(schedule.For))
	accounted(b, r, engine.CodeOverloaded, engine.CodeHoldExpired) // what is not wanted is reported
	gc, commits, fsync := pauseQuantile(before, 0.999), rig.Durable(), probe()

	at := func(h *hdrhistogram.Histogram, q float64) float64 { return float64(h.ValueAtQuantile(q)) }
	b.ReportMetric(capacity.Throughput(), "capacity/s")
	b.ReportMetric(r.Throughput(), "commands/s")
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50", 50}, {"p99", 99}, {"p99.9", 99.9}} {
		b.ReportMetric(at(r.Latency, q.at), q.name+"-us")
		b.ReportMetric(at(commits, q.at), "commit-"+q.name+"-us")
		b.ReportMetric(at(fsync, q.at), "fsync-"+q.name+"-us")
	}
	b.ReportMetric(at(r.Lag, 99), "lag-p99-us")
	b.ReportMetric(float64(r.Overloaded), "overloaded")
	b.ReportMetric(at(r.Latency, 99)/at(commits, 99), "p99/commit-p99")
	b.ReportMetric(at(r.Latency, 99)/at(fsync, 99), "p99/fsync-p99")
	b.ReportMetric(closedCPU, "capacity-cpu-ns/command")
	b.ReportMetric(openCPU, "cpu-ns/command")
	b.ReportMetric(gc, "gc-p99.9-us")
	b.Logf("latency %s", quantiles(r.Latency))
	b.Logf("lag     %s", quantiles(r.Lag))
	b.Logf("commits %s, of %d", quantiles(commits), commits.TotalCount())
	b.Logf("fsync   %s, of 128 bytes meanwhile on the same disk, %d times", quantiles(fsync), fsync.TotalCount())
	b.Logf("%d commands in %v, capacity %.0f/s", r.Sent, r.Took, capacity.Throughput())
}

func quantiles(h *hdrhistogram.Histogram) string {
	return fmt.Sprintf("p50 %d p90 %d p99 %d p99.9 %d max %d us", h.ValueAtQuantile(50), h.ValueAtQuantile(90), h.ValueAtQuantile(99), h.ValueAtQuantile(99.9), h.Max())
}

// The overload: a disk that needs overloadSync for a sync and room for overloadInFlight commands make about 20,000 commands a second possible.
const (
	overloadSync     = 40 * time.Millisecond
	overloadInFlight = 2048
	overloadTimes    = 10
)

// BenchmarkOverload asks for ten times what the engine can do, which a slow disk keeps at about 20,000 commands a second. Rounds in which just as much is on
// its way as the engine takes, its peak, and rounds of overload take turns: what is accepted meanwhile should be the same. Whatever is not accepted must be
// refused as overloaded, with a hint when to come back.
func BenchmarkOverload(b *testing.B) {
	for _, batch := range []int{1, 16} {
		b.Run(fmt.Sprintf("times=%d/batch=%d", overloadTimes, batch), func(b *testing.B) {
			measure(b, func() { benchmarkOverload(b, batch) })
		})
	}
}

func benchmarkOverload(b *testing.B, batch int) {
	slow := fault.NewSlowFS()
	rig, err := bench.StartRig(bench.RigConfig{
		Dir: dataDir(b), Store: store.Config{FS: slow}, Transport: transport.Config{CommandsInFlightMax: overloadInFlight},
	})
	check(b, err)
	defer func() {
		slow.SetDelay(0)
		check(b, rig.Close())
	}()
	g := startGenerator(b, rig, load.Config{Batch: batch, HoldTTL: 10 * time.Minute}, 1)
	delay := overloadSync
	if testing.Short() {
		delay = roundFor() / 20
	}
	slow.SetDelay(delay)
	var peaks, goods bench.Numbers
	refused, turnedAway, latency := int64(0), hist(), hist()
	resident, most := int64(0), int64(0)
	for round := -1; round < rounds(); round++ {
		peak, err := g.Closed(context.Background(), overloadInFlight, roundFor()/2, 2*roundFor())
		check(b, err)
		accounted(b, peak, engine.CodeOverloaded)
		flood, err := g.Open(context.Background(), load.Schedule{PerSecond: max(1, peak.Goodput()) * overloadTimes, Warmup: roundFor() / 2, For: 2 * roundFor()})
		check(b, err)
		accounted(b, flood, engine.CodeOverloaded)
		most = max(most, bench.ResidentBytes())
		if round < 0 { // everything has its size by now
			resident = most
			continue
		}
		peaks, goods = append(peaks, peak.Goodput()), append(goods, flood.Goodput())
		refused += flood.Overloaded
		turnedAway.Merge(flood.TurnedAway)
		latency.Merge(flood.Latency)
		b.Logf("peak %.0f/s; asked for %.0f/s, accepted %.0f/s; lag %s", peak.Goodput(), float64(flood.Sent)/flood.Took.Seconds(), flood.Goodput(), quantiles(flood.Lag))
	}
	ratio := goods.Over(peaks)
	b.ReportMetric(peaks.Median(), "peak/s")
	b.ReportMetric(goods.Median(), "goodput/s")
	b.ReportMetric(ratio.Median(), "goodput/peak")
	b.ReportMetric(float64(turnedAway.ValueAtQuantile(99)), "refused-p99-us")
	b.ReportMetric(float64(latency.ValueAtQuantile(99)), "p99-us")
	b.ReportMetric(float64(most-resident)/(1<<20), "rss-growth-MiB")
	b.Logf("goodput/peak %v", ratio)
	b.Logf("accepted after %s", quantiles(latency))
	b.Logf("refused  after %s, %d of them, each with a hint", quantiles(turnedAway), refused)
}

func hist() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, (load.TimeoutDefault + time.Minute).Microseconds(), 3)
}
