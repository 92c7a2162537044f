package bench_test

import (
	"testing"

	"github.com/holdfast-engine/holdfast/bench"
)

// BenchmarkTouch is durable touches over NATS, one a message and many in a command, in turns with holds of the same window on another event.
func BenchmarkTouch(b *testing.B) {
	for _, w := range []window{{4096, 1}, {4096, 64}, {16384, 256}} {
		b.Run(w.String(), func(b *testing.B) {
			measure(b, func() { benchmarkTouch(b, w) })
		})
	}
}

func benchmarkTouch(b *testing.B, w window) {
	rig, end := startRig(b)
	defer end()
	events := nights()
	createAll(b, rig, events)
	check(b, rig.Create(bench.EventID, 1e9))
	c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(1)}
	onSale, reported := c, c
	onSale.Events, onSale.Tickets = events, ticketsPerEventDefault
	reported.Ask, reported.Workload = bench.AskTouch, bench.NewWorkload(2)
	holds, touches := startLoad(b, rig, onSale), startLoad(b, rig, reported)
	defer holds.Close()
	defer touches.Close()

	out, err := bench.Alternate(rounds(), roundFor(), holds.Run, touches.Run)
	check(b, err)
	held, seen := bench.Rates(out[0]), bench.Rates(out[1])
	ratio, latency := seen.Over(held), bench.Latencies(out[1])
	b.ReportMetric(seen.Median(), "touches/s")
	b.ReportMetric(held.Median(), "holds/s")
	b.ReportMetric(ratio.Median(), "ratio")
	b.ReportMetric(float64(latency.ValueAtQuantile(50)), "p50-us")
	b.ReportMetric(float64(latency.ValueAtQuantile(99)), "p99-us")
	b.ReportMetric(bench.CPUNs(out[1]).Median(), "cpu-ns/touch")
	b.ReportMetric(bench.CPUNs(out[0]).Median(), "cpu-ns/hold")
	b.Logf("touches/s %v", seen)
	b.Logf("holds/s   %v", held)
	b.Logf("ratio     %v", ratio)
}
