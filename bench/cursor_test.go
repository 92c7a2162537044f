package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	kpi "github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/store"
)

// BenchmarkCursor reads the log of a mixed sale (BENCH_CURSOR_BUYERS, see enginetest.MixedLog) from a store by a cursor, as those who follow the log do: the runs
// alone, with facts told one by one as the projector of purchases and the notices read them, with entries made of them, and with KPIs.
func BenchmarkCursor(b *testing.B) {
	measure(b, func() { benchmarkCursor(b) })
}

func benchmarkCursor(b *testing.B) {
	log := enginetest.MixedLog(fromEnv(b, "BENCH_CURSOR_BUYERS", 100_000, 1_000), 10)
	s := openStore(b, dataDir(b), func(c *store.Config) { c.PassBytes = -1 })
	cursor, err := s.Cursor("bench") // before the first run: the log is kept for it
	check(b, err)
	facts, durable := 0, make(releases, 1)
	log[len(log)-1].Owner = durable
	for _, run := range log {
		facts += run.Facts.Count
		run.Partition = run.Key.Partition()
		s.Append(run)
	}
	<-durable
	var teller engine.Teller
	for _, reader := range []struct {
		name string
		make func() func(*engine.Run) error
	}{
		{"runs", func() func(*engine.Run) error { return func(*engine.Run) error { return nil } }},
		{"told", func() func(*engine.Run) error {
			return func(run *engine.Run) error { return teller.Each(run, func(*engine.Told) error { return nil }) }
		}},
		{"entries", func() func(*engine.Run) error {
			r := kpi.NewReader()
			return func(run *engine.Run) error { return r.Each(run, func(*kpi.Entry) {}) }
		}},
		{"kpis", func() func(*engine.Run) error { return kpi.NewFollower(kpi.PolicyDefault(), time.LoadLocation).Run }},
	} {
		rates := bench.Numbers{}
		for range rounds() {
			use := reader.make()
			began := time.Now()
			_, err := cursor.Read(context.Background(), 0, 0, func(_ uint64, run *engine.Run) error { return use(run) })
			check(b, err)
			rates = append(rates, float64(facts)/time.Since(began).Seconds())
		}
		b.ReportMetric(rates.Median(), reader.name+"-facts/s")
		b.Logf("%-8s facts/s %v", reader.name, rates)
	}
	check(b, s.Close())
}
