package bench_test

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
	kpi "github.com/holdfast-engine/holdfast/engine/measure"
)

// BenchmarkMeasure compares durable holds over NATS with KPIs being made of them to those without, each on an engine of its own, in turns. A measured round that
// is over leaves what it has not read yet: how old that is, is the lag; it is read before the other side's turn, which it would slow down.
func BenchmarkMeasure(b *testing.B) {
	for _, w := range []window{{4096, 1}, {4096, 64}, {16384, 256}} {
		b.Run(w.String(), func(b *testing.B) {
			measure(b, func() { benchmarkMeasure(b, w) })
		})
	}
}

func benchmarkMeasure(b *testing.B, w window) {
	plain, _, endPlain := startOnSale(b, w, false)
	defer endPlain()
	measured, rig, endMeasured := startOnSale(b, w, true)
	defer endMeasured()
	m := rig.Node.Measurement()
	lags, catchUps := bench.Numbers{}, bench.Numbers{}
	out, err := bench.Alternate(rounds(), roundFor(), plain.Run, func(d time.Duration) (bench.Round, error) {
		r, err := measured.Run(d)
		lags = append(lags, m.Lag().Seconds())
		began := time.Now()
		for m.Lag() > 0 && m.Stopped() == "" {
			time.Sleep(time.Millisecond)
		}
		catchUps = append(catchUps, time.Since(began).Seconds())
		return r, err
	})
	check(b, err)
	if why := m.Stopped(); why != "" {
		b.Fatalf("the log cannot be measured: %s", why)
	}
	without, with := bench.Rates(out[0]), bench.Rates(out[1])
	ratio := with.Over(without)
	b.ReportMetric(without.Median(), "without-holds/s")
	b.ReportMetric(with.Median(), "holds/s")
	b.ReportMetric(ratio.Median(), "ratio")
	b.ReportMetric(lags.Median(), "lag-s")
	b.ReportMetric(bench.CPUNs(out[1]).Median()-bench.CPUNs(out[0]).Median(), "cpu-ns/hold-more")
	b.Logf("without holds/s %v", without)
	b.Logf("with    holds/s %v", with)
	b.Logf("ratio           %v", ratio)
	b.Logf("processor time  %.0f ns a hold with, %.0f without", bench.CPUNs(out[1]).Median(), bench.CPUNs(out[0]).Median())
	b.Logf("lag at the end  %v s, made up for in %v s", lags, catchUps)
	b.Logf("facts measured  %d, checkpoints %d, the last of %d bytes stood still for %v s", gauge(b, rig, "holdfast_kpi_facts_total"),
		gauge(b, rig, "holdfast_kpi_checkpoints_total"), gauge(b, rig, "holdfast_kpi_checkpoint_bytes"), reading(b, rig, "holdfast_kpi_checkpoint_pause_seconds"))
}

// startOnSale starts an engine with nights on sale and a load of buyers.
func startOnSale(b *testing.B, w window, kpis bool) (*bench.Load, *bench.Rig, func()) {
	b.Helper()
	dir, remove, err := bench.DataDir()
	check(b, err)
	rig, err := bench.StartRig(bench.RigConfig{Dir: dir, Measure: kpis})
	check(b, err)
	createAll(b, rig, nights())
	load := startLoad(b, rig, bench.LoadConfig{
		Subjects: bench.EngineSubjects, Outstanding: w.outstanding, Batch: w.batch, Workload: bench.NewWorkload(1), Events: nights(), Tickets: ticketsPerEventDefault,
	})
	return load, rig, func() {
		load.Close()
		check(b, rig.Close())
		check(b, remove())
	}
}

// BenchmarkMeasureMemory is what the KPIs of 10,000 events (BENCH_MEASURE_EVENTS) and a million buyers (BENCH_MEASURE_BUYERS) take after a collection, each of
// whom has looked, chosen, held and bought once; how fast they are made, by one processor, and how long they stand still to be kept.
func BenchmarkMeasureMemory(b *testing.B) {
	events := fromEnv(b, "BENCH_MEASURE_EVENTS", 10_000, 20)
	buyers := fromEnv(b, "BENCH_MEASURE_BUYERS", 1_000_000, 2_000)
	measure(b, func() { benchmarkMeasureMemory(b, events, buyers) })
}

func benchmarkMeasureMemory(b *testing.B, events, buyers int) {
	before := heapBytes()
	f := kpi.NewFollower(kpi.PolicyDefault(), time.LoadLocation)
	facts, took := 0, time.Duration(0)
	for e := range events {
		runs := nightOf(b, e, buyers/events)
		began := time.Now()
		for _, run := range runs {
			check(b, f.Run(run))
			facts += run.Facts.Count
		}
		took += time.Since(began)
	}
	taken := heapBytes() - before
	state := f.AppendState(nil)
	began := time.Now()
	state = f.AppendState(make([]byte, 0, len(state)*9/8)) // as the node does, which knows how long the last one was
	encoded := time.Since(began)
	began = time.Now()
	opened, err := kpi.OpenFollower(time.LoadLocation, state)
	check(b, err)
	read := time.Since(began)
	began = time.Now()
	answer := opened.Book.Answer(&kpi.Query{Account: engine.SingleAccount, Window: kpi.WindowSale}, opened.Book.Now())
	asked := time.Since(began)
	b.ReportMetric(float64(facts)/took.Seconds(), "facts/s")
	b.ReportMetric(float64(taken)/float64(1<<20), "MiB")
	b.ReportMetric(float64(taken)/float64(buyers), "B/buyer")
	b.ReportMetric(encoded.Seconds(), "encode-s")
	b.ReportMetric(read.Seconds(), "open-s")
	b.Logf("%d events, %d buyers, %d facts: touches viewed and selected, holds, orders", events, buyers, facts)
	b.Logf("heap %d MiB, %d bytes a buyer; state %d MiB, encoded in %v, opened in %v; %d figures answered in %v", taken>>20, taken/int64(buyers), len(state)>>20,
		encoded, read, len(answer.Rows[0].Figures), asked)
	runtime.KeepAlive(f)
}

// nightOf is the log of an event to which so many buyers come, in runs of up to 64 commands.
func nightOf(b *testing.B, n, buyers int) []*engine.Run {
	b.Helper()
	key := engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: fmt.Sprintf("night-%05d", n)}
	ev := engine.New(key)
	at := start + engine.Instant(n)*engine.Instant(time.Second)
	var runs []*engine.Run
	run := &engine.Run{Key: key, First: 1, At: at}
	commands := 0
	step := func(cmd *engine.Command) *engine.Outcome {
		out := ev.Step(cmd, run.At, &run.Facts)
		if out.Code != engine.CodeOK {
			b.Fatalf("%v: %v %s", cmd.Verb, out.Code, out.AppendMessage(nil))
		}
		if commands++; commands%64 == 0 {
			runs = append(runs, run)
			at += engine.Instant(time.Millisecond)
			run = &engine.Run{Key: key, First: ev.Seq() + 1, At: at}
		}
		return out
	}
	step(&engine.Command{Verb: engine.VerbCreate, RequestID: "create", Spec: &engine.EventSpec{
		Name: "Night", Genre: "concert", Currency: "EUR", TimeZone: "Europe/Amsterdam", HoldTTLMs: 120_000, MaxHoldMs: 600_000, LimitPerBuyer: 4, Open: true,
		Lots: []engine.LotSpec{{Lot: bench.LotID, FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: int64(buyers)}},
	}})
	for i := range buyers {
		buyer := "buyer-" + strconv.Itoa(n*buyers+i)
		for _, kind := range []engine.TouchKind{engine.TouchViewed, engine.TouchSelected} {
			touch := engine.Touch{Kind: kind, ID: kind.String() + buyer, Buyer: buyer, Consent: true, Device: engine.DeviceMobile, Channel: "web", CartMinor: 4750}
			step(&engine.Command{Verb: engine.VerbTouch, Touch: &engine.TouchCommand{Touches: []engine.Touch{touch}}})
		}
		hold := holdOne()
		hold.RequestID, hold.Buyer = "h"+buyer, buyer
		held := string(engine.AppendHoldID(nil, step(&hold).Hold.ID, 0))
		step(&engine.Command{Verb: engine.VerbConfirm, RequestID: "c" + buyer, Buyer: buyer, Hold: held, PaymentRef: "p" + buyer})
	}
	return append(runs, run)
}
