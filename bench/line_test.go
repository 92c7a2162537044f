package bench_test

import (
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/transport"
)

// lineWindows are how joins and questions travel.
func lineWindows() []window { return []window{{1024, 1}, {4096, 1}, {4096, 64}, {16384, 256}} }

// BenchmarkLineJoin is durable joins over NATS, in turns with holds of the same window on other events: of a line that is served already, and of a lobby, whose list is
// hashed as it grows. A line takes a million (BENCH_WAITERS) before the next is joined. Nothing is sold, so nobody's turn comes.
func BenchmarkLineJoin(b *testing.B) {
	for _, w := range lineWindows() {
		b.Run(w.String(), func(b *testing.B) { measure(b, func() { benchmarkLineJoin(b, w) }) })
	}
}

func benchmarkLineJoin(b *testing.B, w window) {
	rig, end := startLobbies(b, transport.Config{})
	defer end()
	events := nights()
	served, lobbies, onSale := joiners{rig: rig}, joiners{rig: rig}, events[2*linesMeasured:]
	served.events, lobbies.events = events[:linesMeasured], events[linesMeasured:2*linesMeasured]
	createAll(b, rig, onSale)
	holds := startLoad(b, rig, bench.LoadConfig{
		Subjects: bench.EngineSubjects, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(1), Events: onSale, Tickets: ticketsPerEventDefault,
	})
	defer holds.Close()
	served.start(b, w, 2, false)
	defer served.load.Close()
	lobbies.start(b, w, 3, true)
	defer lobbies.load.Close()

	out, err := bench.Alternate(rounds(), roundFor(), holds.Run, served.run, lobbies.run)
	check(b, err)
	served.check(b)
	lobbies.check(b)
	reportBase(b, out[0])
	reportBeside(b, "served", "join", out[0], out[1])
	reportBeside(b, "", "join", out[0], out[2])
}

// linesMeasured is how many lines are joined, one after the other.
const linesMeasured = 16

// joiners are buyers who join one line after the other.
type joiners struct {
	rig    *bench.Rig
	events []string
	load   *bench.Load
	joined int64 // as they were told
}

func (j *joiners) start(b *testing.B, w window, seed int, lobby bool) {
	b.Helper()
	for _, event := range j.events {
		check(b, j.rig.CreateLine(event, 0, lobby))
	}
	j.load = startLoad(b, j.rig, bench.LoadConfig{
		Subjects: bench.EngineSubjects, Ask: bench.AskJoin, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(seed),
		Events: j.events, Tickets: fromEnv(b, "BENCH_WAITERS", waitersDefault, 20_000),
	})
}

func (j *joiners) run(d time.Duration) (bench.Round, error) {
	r, err := j.load.Run(d)
	j.joined += r.All
	return r, err
}

// check compares what the buyers were told with what the lines say.
func (j *joiners) check(b *testing.B) {
	b.Helper()
	waiting := int64(0)
	for _, event := range j.events {
		l, err := j.rig.Line(event)
		check(b, err)
		waiting += l.Waiting
	}
	if waiting != j.joined {
		b.Fatalf("%d joins were acknowledged, %d wait", j.joined, waiting)
	}
}

// reportBase reports rounds that others are compared with.
func reportBase(b *testing.B, held []bench.Round) {
	b.Helper()
	b.ReportMetric(bench.Rates(held).Median(), "holds/s")
	b.ReportMetric(bench.CPUNs(held).Median(), "cpu-ns/hold")
	b.Logf("holds/s %v", bench.Rates(held))
}

// reportBeside reports rounds of something beside those of holds that they took turns with. Kind, if there is one, tells it from others.
func reportBeside(b *testing.B, kind, what string, held, rounds []bench.Round) {
	b.Helper()
	if kind != "" {
		kind += "-"
	}
	rates, latency := bench.Rates(rounds), bench.Latencies(rounds)
	ratio := rates.Over(bench.Rates(held))
	cpu := bench.CPUNs(rounds).Over(bench.CPUNs(held))
	b.ReportMetric(rates.Median(), kind+what+"s/s")
	b.ReportMetric(ratio.Median(), kind+"ratio")
	b.ReportMetric(cpu.Median(), kind+"cpu-ratio")
	b.ReportMetric(float64(latency.ValueAtQuantile(50)), kind+"p50-us")
	b.ReportMetric(float64(latency.ValueAtQuantile(99)), kind+"p99-us")
	b.Logf("%s%ss/s %v", kind, what, rates)
	b.Logf("%sratio %v; of processor time %v", kind, ratio, cpu)
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
	reportBase(b, out[0])
	reportBeside(b, "", "place", out[0], out[1])
}
