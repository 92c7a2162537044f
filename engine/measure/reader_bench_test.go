package measure_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// BenchmarkFold folds a mixed log: the reader alone, and with a book behind it, as a node does.
func BenchmarkFold(b *testing.B) {
	log := enginetest.MixedLog(200_000, 10)
	kinds, facts := map[engine.FactKind]int{}, 0
	var reader engine.FactReader
	for _, run := range log {
		if err := reader.Each(run, func(f *engine.Fact) error { kinds[f.Kind]++; facts++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
	share := func(of ...engine.FactKind) float64 {
		n := 0
		for _, kind := range of {
			n += kinds[kind]
		}
		return 100 * float64(n) / float64(facts)
	}
	b.Logf("%d facts in %d runs: %.0f %% touched, %.0f %% held, %.0f %% extended, %.0f %% released or expired, %.0f %% confirmed, %.0f %% offered, %.0f %% buying, %.0f %% intended, %.0f %% sold, %.0f %% others",
		facts, len(log), share(engine.FactTouched), share(engine.FactHeld), share(engine.FactExtended), share(engine.FactReleased, engine.FactExpired),
		share(engine.FactConfirmed), share(engine.FactOffered), share(engine.FactBuying), share(engine.FactIntended), share(engine.FactSold),
		share(engine.FactOther, engine.FactTallied, engine.FactDeclined, engine.FactUndone, engine.FactCaptured, engine.FactVoided, engine.FactCreated))
	run := func(b *testing.B, begin func() (r *measure.Reader, fold func(*engine.Run) error)) {
		b.Helper()
		b.ReportAllocs()
		for b.Loop() {
			r, fold := begin()
			for _, run := range log {
				if err := fold(run); err != nil {
					b.Fatal(err)
				}
			}
			if r.Partial() > 0 {
				b.Fatalf("%d facts are not told", r.Partial())
			}
		}
		b.ReportMetric(float64(facts)*float64(b.N)/b.Elapsed().Seconds(), "facts/s")
	}
	b.Run("reader", func(b *testing.B) {
		entries := 0
		run(b, func() (*measure.Reader, func(*engine.Run) error) {
			r := measure.NewReader()
			return r, func(run *engine.Run) error { return r.Some(run, func(some []measure.Entry) { entries += len(some) }) }
		})
		b.ReportMetric(float64(entries)/float64(b.N)/float64(facts), "entries/fact")
	})
	b.Run("book", func(b *testing.B) {
		run(b, func() (*measure.Reader, func(*engine.Run) error) {
			f := measure.NewFollower(measure.PolicyDefault(), time.LoadLocation)
			return f.Reader, f.Run
		})
	})
}

// BenchmarkReaderMemory says what a reader keeps of a million live holds in 10,000 events, and of as many orders.
func BenchmarkReaderMemory(b *testing.B) {
	const events, each = 10_000, 100
	for _, sold := range []bool{false, true} {
		name := "hold"
		if sold {
			name = "order"
		}
		b.Run(name, func(b *testing.B) {
			shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
			n := 0
			do := func(cmd engine.Command) *engine.Outcome {
				n++
				cmd.RequestID = fmt.Sprintf("q%d", n)
				return shell.Do(&cmd)
			}
			do(engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
				Name: "Night One", Currency: "EUR", Open: true, Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 4500, Capacity: 1e6}, {Lot: "balcony", FaceMinor: 6500, Capacity: 1e6}},
			}})
			for i := range each {
				hold := engine.Command{Verb: engine.VerbHold, Buyer: fmt.Sprintf("buyer-%08d", i), Channel: "web", Items: []engine.Item{{Lot: "ga", Quantity: int64(1 + i%4)}}}
				if i%10 == 0 {
					hold.Items = append(hold.Items, engine.Item{Lot: "balcony", Quantity: 1})
				}
				if out := do(hold); sold {
					do(engine.Command{Verb: engine.VerbConfirm, Buyer: hold.Buyer, Hold: string(engine.AppendHoldID(nil, out.Hold.ID, 0)), PaymentRef: "invoice"})
				}
			}
			var before, after runtime.MemStats
			var bytes, kept float64
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				r := measure.NewReader()
				for e := range events {
					for _, run := range shell.Log {
						other := *run
						other.Key.ID = fmt.Sprintf("night-%d", e)
						if err := r.Each(&other, func(*measure.Entry) {}); err != nil {
							b.Fatal(err)
						}
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				bytes, kept = float64(after.HeapAlloc-before.HeapAlloc), float64(len(r.AppendState(nil)))
			}
			b.ReportMetric(bytes/events/each, "B/"+name)
			b.ReportMetric(kept/events/each, "state-B/"+name)
		})
	}
}
