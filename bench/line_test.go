package bench_test

import (
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
)

// lineWindows are how joins and questions travel.
func lineWindows() []window { return []window{{1024, 1}, {4096, 1}, {4096, 64}, {16384, 256}} }

// BenchmarkLineJoin is durable joins over NATS, in turns with holds of the same window on other events. A line takes a million (BENCH_WAITERS) before the next is
// joined. Nothing is sold, so nobody's turn comes.
func BenchmarkLineJoin(b *testing.B) {
	for _, w := range lineWindows() {
		b.Run(w.String(), func(b *testing.B) { measure(b, func() { benchmarkLineJoin(b, w) }) })
	}
}

func benchmarkLineJoin(b *testing.B, w window) {
	const lines = 32
	rig, end := startRig(b)
	defer end()
	events := nights()
	createAll(b, rig, events[lines:])
	for _, event := range events[:lines] {
		check(b, rig.CreateLine(event, 0, false))
	}
	c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(1), Events: events[lines:], Tickets: ticketsPerEventDefault}
	holds := startLoad(b, rig, c)
	defer holds.Close()
	c.Ask, c.Workload, c.Events, c.Tickets = bench.AskJoin, bench.NewWorkload(2), events[:lines], fromEnv(b, "BENCH_WAITERS", waitersDefault, 1000)
	joins := startLoad(b, rig, c)
	defer joins.Close()

	acknowledged := int64(0)
	out, err := bench.Alternate(rounds(), roundFor(), holds.Run, func(d time.Duration) (bench.Round, error) {
		r, err := joins.Run(d)
		acknowledged += r.All
		return r, err
	})
	check(b, err)
	joined := int64(0)
	for _, event := range events[:lines] {
		l, err := rig.Line(event)
		check(b, err)
		joined += l.Waiting
	}
	if joined != acknowledged {
		b.Fatalf("%d joins were acknowledged, %d wait", acknowledged, joined)
	}
	reportBeside(b, "join", out)
	b.Logf("%d wait", joined)
}

// reportBeside reports rounds of holds and of something else, in turns.
func reportBeside(b *testing.B, what string, out [][]bench.Round) {
	b.Helper()
	held, rates := bench.Rates(out[0]), bench.Rates(out[1])
	ratio, latency := rates.Over(held), bench.Latencies(out[1])
	b.ReportMetric(rates.Median(), what+"s/s")
	b.ReportMetric(held.Median(), "holds/s")
	b.ReportMetric(ratio.Median(), "ratio")
	b.ReportMetric(float64(latency.ValueAtQuantile(50)), "p50-us")
	b.ReportMetric(float64(latency.ValueAtQuantile(99)), "p99-us")
	b.ReportMetric(bench.CPUNs(out[1]).Median(), "cpu-ns/"+what)
	b.ReportMetric(bench.CPUNs(out[0]).Median(), "cpu-ns/hold")
	b.Logf("%ss/s %v", what, rates)
	b.Logf("holds/s %v", held)
	b.Logf("ratio   %v", ratio)
}

// BenchmarkLinePlace is questions for places over NATS in a line of a million (BENCH_WAITERS), each by another of those who wait, in turns with holds of the same
// window on other events.
func BenchmarkLinePlace(b *testing.B) {
	for _, w := range lineWindows() {
		b.Run(w.String(), func(b *testing.B) { measure(b, func() { benchmarkLinePlace(b, w) }) })
	}
}

func benchmarkLinePlace(b *testing.B, w window) {
	waiters := fromEnv(b, "BENCH_WAITERS", waitersDefault, 1000)
	rig, end := startRig(b)
	defer end()
	events := nights()
	createAll(b, rig, events)
	check(b, rig.CreateLine(bench.EventID, 0, false))
	fillFrom := bench.NewWorkload(2)
	again := fillFrom.Again(waiters)
	fill(b, rig, bench.LoadConfig{Subjects: bench.EngineSubjects, Ask: bench.AskJoin, Workload: fillFrom}, waiters)

	c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(1), Events: events, Tickets: ticketsPerEventDefault}
	holds := startLoad(b, rig, c)
	defer holds.Close()
	asked := startLoad(b, rig, bench.LoadConfig{Subjects: bench.EngineSubjects, Ask: bench.AskPlace, Outstanding: w.outstanding, Batch: w.batch, Workload: again})
	defer asked.Close()
	out, err := bench.Alternate(rounds(), roundFor(), holds.Run, asked.Run)
	check(b, err)
	reportBeside(b, "place", out)
}
