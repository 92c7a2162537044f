package bench_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/bench"
)

// fastLane lets as many calls through as there are.
func fastLane(concurrency int) actors.LaneConfig {
	return actors.LaneConfig{Rate: actors.LaneRateMax, Concurrency: concurrency, EtaMax: time.Hour}
}

// BenchmarkBuy is durable purchases over NATS, from the click to the confirmation, through a gateway that answers at once: hold, intent, charge and order are
// three commands and three commits. Holds of the same engine take turns with it.
func BenchmarkBuy(b *testing.B) {
	for _, captures := range []bool{false, true} {
		for _, outstanding := range []int{64, 1024, 4096} {
			b.Run(fmt.Sprintf("captures=%v/outstanding=%d", captures, outstanding), func(b *testing.B) {
				measure(b, func() { benchmarkBuy(b, captures, outstanding) })
			})
		}
	}
}

func benchmarkBuy(b *testing.B, captures bool, outstanding int) {
	const bought = "night-two-2026"
	rig, end := startPaying(b, &bench.Gateway{Captures: captures}, fastLane(min(outstanding, 1024)))
	defer end()
	check(b, rig.Create(bench.EventID, 1e9))
	check(b, rig.CreateBought(bought, 1e9, 0))
	holds := startLoad(b, rig, bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: outstanding, Batch: 1, Workload: bench.NewWorkload(1)})
	defer holds.Close()
	c := bench.BuyConfig{Event: bought, Workload: bench.NewWorkload(2), Wait: 30 * time.Second, Outstanding: outstanding, For: roundFor()}

	var held, sold, ratio, cpu, holdCPU bench.Numbers
	var latency *hdrhistogram.Histogram
	for range rounds() {
		h, err := holds.Run(roundFor())
		check(b, err)
		s, err := bench.Buy(rig.URL, c)
		check(b, err)
		held, sold = append(held, h.PerSecond()), append(sold, s.PerSecond())
		ratio, cpu = append(ratio, s.PerSecond()/h.PerSecond()), append(cpu, float64(s.CPU.Nanoseconds())/float64(max(1, s.Latency.TotalCount())))
		holdCPU = append(holdCPU, float64(h.CPU.Nanoseconds())/float64(max(1, h.All)))
		if latency == nil {
			latency = s.Latency
		} else {
			latency.Merge(s.Latency)
		}
	}
	b.ReportMetric(sold.Median(), "buys/s")
	b.ReportMetric(held.Median(), "holds/s")
	b.ReportMetric(ratio.Median(), "ratio")
	b.ReportMetric(float64(latency.ValueAtQuantile(50)), "p50-us")
	b.ReportMetric(float64(latency.ValueAtQuantile(99)), "p99-us")
	b.ReportMetric(cpu.Median(), "cpu-ns/buy")
	b.ReportMetric(holdCPU.Median(), "cpu-ns/hold")
	b.Logf("buys/s   %v", sold)
	b.Logf("holds/s  %v", held)
	b.Logf("buy/hold %v", ratio)
}

// BenchmarkClick is the time from the click to the confirmation with a gateway that takes its time, at half load: at a constant rate of arrival, half of what the
// same engine has just sold with the same gateway and as many clicks as it could take at once. The money is captured at once, so that both loads have the
// captures that they bring about. The engine's own share is what is left without the gateway's. BENCH_CLICKS is another rate, in purchases a second.
func BenchmarkClick(b *testing.B) {
	for _, gateway := range []time.Duration{0, 50 * time.Millisecond, 300 * time.Millisecond} {
		b.Run("load=0.5/gateway="+gateway.String(), func(b *testing.B) { measure(b, func() { benchmarkClick(b, gateway) }) })
	}
}

func benchmarkClick(b *testing.B, gateway time.Duration) {
	rig, end := startPaying(b, &bench.Gateway{Latency: gateway, Captures: true}, fastLane(actors.LaneConcurrencyMax))
	defer end()
	check(b, rig.CreateBought(bench.EventID, 1e9, 0))
	c := bench.BuyConfig{Event: bench.EventID, Workload: bench.NewWorkload(1), Wait: 30 * time.Second}

	c.Outstanding, c.For = size(2*actors.LaneConcurrencyMax, 256), time.Duration(size(10, 1))*time.Second
	full, err := bench.Buy(rig.URL, c)
	check(b, err)
	check(b, rig.Settled(time.Minute))

	c.PerSecond, c.For = clicksPerSecond(b, full.PerSecond()/2), time.Duration(size(20, 1))*time.Second
	r, err := bench.Buy(rig.URL, c)
	check(b, err)
	h, own := r.Latency, float64(gateway.Microseconds())
	b.ReportMetric(full.PerSecond(), "full-buys/s")
	b.ReportMetric(r.PerSecond(), "buys/s")
	for _, q := range []float64{50, 95, 99} {
		b.ReportMetric(float64(h.ValueAtQuantile(q))/1000, fmt.Sprintf("p%g-ms", q))
		b.ReportMetric(max(0, float64(h.ValueAtQuantile(q))-own)/1000, fmt.Sprintf("own-p%g-ms", q))
	}
}

// clicksPerSecond is the rate of arrival of BenchmarkClick: BENCH_CLICKS, or else half of what the engine could do.
func clicksPerSecond(b *testing.B, half float64) float64 {
	b.Helper()
	text, ok := os.LookupEnv("BENCH_CLICKS")
	if !ok {
		return half
	}
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || rate <= 0 {
		b.Fatalf("BENCH_CLICKS=%s: give purchases a second", text)
	}
	return rate
}

// BenchmarkLane is a sale through a slow lane: everybody clicks within two seconds, and is told at once or after wait_ms how long it takes. BENCH_LANE_RATE is the
// lane's calls a second, 250 unless set; with 25 it takes fourteen minutes. Half of the calls are captures.
func BenchmarkLane(b *testing.B) {
	measure(b, func() {
		rate := 250.0
		if text, ok := os.LookupEnv("BENCH_LANE_RATE"); ok {
			var err error
			if rate, err = strconv.ParseFloat(text, 64); err != nil || rate <= 0 {
				b.Fatalf("BENCH_LANE_RATE=%s: give calls a second", text)
			}
		}
		buys, wait := size(10_000, 200), 2*time.Second
		rig, end := startPaying(b, &bench.Gateway{Latency: 50 * time.Millisecond, Captures: true}, actors.LaneConfig{Rate: rate, Concurrency: 64, EtaMax: 24 * time.Hour})
		defer end()
		// Purchases may wait in the line for as long as it takes; a hold that is being paid does not run out.
		check(b, rig.CreateQueued(bench.EventID, int64(buys), 24*time.Hour))
		sales := rig.Sales(bench.EventID)
		r, err := bench.Buy(rig.URL, bench.BuyConfig{
			Event: bench.EventID, Workload: bench.NewWorkload(1), Wait: wait, PerSecond: float64(buys) / 2, Buys: buys, First: true,
		})
		check(b, err)
		sold, err := sales(int64(buys)-r.Busy, time.Duration(4*float64(buys)/rate)*time.Second+time.Minute)
		check(b, err)
		wrong := hdrhistogram.New(1, 24*3600*1000, 3)
		for buyer, said := range r.Etas {
			if at, ok := sold[buyer]; ok {
				check(b, wrong.RecordValue(max(1, (at.Sub(r.Began)-said).Abs().Milliseconds())))
			}
		}
		b.ReportMetric(float64(len(sold)), "sold")
		b.ReportMetric(float64(r.Busy), "busy")
		b.ReportMetric(float64(r.Latency.ValueAtQuantile(95))/1000-float64(wait.Milliseconds()), "p95-beyond-wait-ms")
		b.ReportMetric(float64(r.Latency.Max())/1000, "max-ms")
		b.ReportMetric(float64(wrong.ValueAtQuantile(50)), "eta-error-p50-ms")
		b.ReportMetric(float64(wrong.ValueAtQuantile(95)), "eta-error-p95-ms")
		if int64(len(sold)) != int64(buys)-r.Busy {
			b.Errorf("%d of %d purchases were sold", len(sold), int64(buys)-r.Busy)
		}
	})
}
