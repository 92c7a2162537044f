package bench_test

import (
	"bytes"
	"crypto/ed25519"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// lineWindows are how joins and questions travel.
func lineWindows() []window { return []window{{1024, 1}, {4096, 1}, {4096, 64}, {16384, 256}} }

// BenchmarkLineJoin is durable joins over NATS, in turns with holds of the same window on other events: of a line that is served already; of a lobby, whose list is
// hashed as it grows and where each gets a signed receipt; and of a lobby of an engine that signs nothing. A line takes a million (BENCH_WAITERS) before the next is joined. Nothing is sold, so nobody's turn comes.
func BenchmarkLineJoin(b *testing.B) {
	for _, w := range lineWindows() {
		b.Run(w.String(), func(b *testing.B) { measure(b, func() { benchmarkLineJoin(b, w) }) })
	}
}

func benchmarkLineJoin(b *testing.B, w window) {
	ring := newRing()
	rig, end := startLobbies(b, transport.Config{Codes: ring})
	defer end()
	without, endWithout := startLobbies(b, transport.Config{})
	defer endWithout()
	events := nights()
	served, signed, plain, onSale := joiners{rig: rig}, joiners{rig: rig}, joiners{rig: without}, events[2*linesMeasured:]
	served.events, signed.events, plain.events = events[:linesMeasured], events[linesMeasured:2*linesMeasured], events[:linesMeasured]
	createAll(b, rig, onSale)
	holds := startLoad(b, rig, bench.LoadConfig{
		Subjects: bench.EngineSubjects, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(1), Events: onSale, Tickets: ticketsPerEventDefault,
	})
	defer holds.Close()
	c := bench.LoadConfig{Subjects: bench.EngineSubjects, Ask: bench.AskJoin, Outstanding: w.outstanding, Batch: w.batch}
	served.start(b, c, 2, false)
	defer served.load.Close()
	plain.start(b, c, 3, true)
	defer plain.load.Close()
	c.Receipts = true
	signed.start(b, c, 4, true)
	defer signed.load.Close()

	out, err := bench.Alternate(rounds(), roundFor(), holds.Run, signed.run, plain.run, served.run)
	check(b, err)
	for _, j := range []*joiners{&served, &signed, &plain} {
		j.check(b)
	}
	checkReceipt(b, rig, ring, signed.events[0], bench.NewWorkload(4))
	reportBase(b, out[0])
	reportBeside(b, "", "join", out[0], out[1])
	reportBeside(b, "unsigned", "join", out[0], out[2])
	reportBeside(b, "served", "join", out[0], out[3])
}

// checkReceipt verifies the receipt of the first who has joined.
func checkReceipt(b *testing.B, rig *bench.Rig, ring *ticket.Ring, event string, w *bench.Workload) {
	b.Helper()
	request, buyer := make([]byte, bench.IDLen), make([]byte, bench.IDLen)
	w.IDs(request, buyer)
	text, err := rig.Receipt(event, string(buyer))
	check(b, err)
	receipt, err := line.ParseReceipt(text)
	check(b, err)
	keys, err := ring.Public(engine.SingleAccount)
	check(b, err)
	var key ed25519.PublicKey
	for _, k := range keys.Key(receipt.KeyID) {
		key, _ = k.Key.(ed25519.PublicKey)
	}
	check(b, receipt.Verify(key))
}

// newRing signs receipts with keys that lie nowhere else.
func newRing() *ticket.Ring { return ticket.NewRing(&keysInMemory{}, time.Now) }

// keysInMemory is a [ticket.Safe] for as long as a benchmark runs.
type keysInMemory struct{ kept sync.Map }

func (k *keysInMemory) ReadKeys(account string) ([]byte, bool, error) {
	v, ok := k.kept.Load(account)
	if !ok {
		return nil, false, nil
	}
	return v.([]byte), true, nil
}

func (k *keysInMemory) WriteKeys(account string, plain []byte) error {
	k.kept.Store(account, bytes.Clone(plain))
	return nil
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

func (j *joiners) start(b *testing.B, c bench.LoadConfig, seed int, lobby bool) {
	b.Helper()
	for _, event := range j.events {
		check(b, j.rig.CreateLine(event, 0, lobby))
	}
	c.Workload, c.Events, c.Tickets = bench.NewWorkload(seed), j.events, fromEnv(b, "BENCH_WAITERS", waitersDefault, 20_000)
	j.load = startLoad(b, j.rig, c)
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

// BenchmarkLinePlace is questions for places over NATS in a line of a million (BENCH_WAITERS), each by another of those who wait, with how long it takes and the chance of
// one of a thousand tickets, in turns with holds of the same window on other events.
func BenchmarkLinePlace(b *testing.B) {
	for _, w := range lineWindows() {
		b.Run(w.String(), func(b *testing.B) { measure(b, func() { benchmarkLinePlace(b, w) }) })
	}
}

func benchmarkLinePlace(b *testing.B, w window) {
	waiters := fromEnv(b, "BENCH_WAITERS", waitersDefault, 1000)
	rig, end := startLobbies(b, transport.Config{Codes: newRing()})
	defer end()
	events := nights()
	createAll(b, rig, events)
	check(b, rig.CreateLine(bench.EventID, 1000, false))
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
