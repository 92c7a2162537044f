package measure_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// mixedLog is the log of a sale to as many buyers in events on sale at once, 64 commands a run. Of 20 buyers 2 only look; 4 hold and confirm, 2 of them after an extension;
// 2 give their hold back and 2 let it end; 8 buy with one click: 6 of them are sold to, 1 is declined and 1 takes the purchase back; 2 are refused. Everybody's
// client reports the view and, but for those who only look, the selection; those who click report the prompt, the click and when they saw the result.
func mixedLog(tb testing.TB, buyers, events int) (log []*engine.Run, kinds map[engine.FactKind]int, facts int) {
	tb.Helper()
	kinds = map[engine.FactKind]int{}
	type sale struct {
		key   engine.Key
		event *engine.Event
		run   *engine.Run
		n     int
	}
	now, asked := enginetest.WorkloadStart, 0
	sales := make([]*sale, events)
	flush := func(s *sale) {
		if s.run != nil && s.run.Facts.Count > 0 {
			log = append(log, s.run)
			facts += s.run.Facts.Count
		}
		s.run, s.n = nil, 0
	}
	step := func(s *sale, cmd engine.Command) *engine.Outcome {
		if s.run == nil {
			s.run = &engine.Run{Key: s.key, First: s.event.Seq() + 1, At: now}
		}
		if cmd.RequestID == "" && cmd.Verb.OfCallers() && cmd.Verb != engine.VerbTouch {
			asked++
			cmd.RequestID = fmt.Sprintf("request-%d", asked)
		}
		out := s.event.Step(&cmd, s.run.At, &s.run.Facts)
		s.n++
		return out
	}
	for i := range sales {
		key := engine.Key{Account: "shop", Kind: engine.KindEvent, ID: fmt.Sprintf("night-%d", i)}
		sales[i] = &sale{key: key, event: engine.New(key)}
		if out := step(sales[i], engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
			Name: key.ID, Genre: "concert", Currency: "EUR", TimeZone: "Europe/Amsterdam", Open: true, Pools: []engine.PoolSpec{{Pool: "hall", Capacity: 1e9}},
			Lots: []engine.LotSpec{
				{Lot: "ga", FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: 1e8, Pools: []string{"hall"}},
				{Lot: "balcony", FaceMinor: 6500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: 1e8},
				{Lot: "vip", FaceMinor: 16500, Capacity: 0},
			},
		}}); out.Code != engine.CodeOK {
			tb.Fatal(out.Code)
		}
		flush(sales[i])
	}
	for i := range buyers {
		now += engine.Instant(100 * time.Microsecond)
		s := sales[i%events]
		buyer, device, channel := fmt.Sprintf("buyer-%08d", i), engine.Device(1+i%3), []string{"web", "app"}[i/3%2]
		touch := func(kind engine.TouchKind, more engine.Touch) {
			more.Kind, more.ID, more.Buyer, more.Consent, more.Device, more.Channel = kind, fmt.Sprintf("t-%d-%d", i, kind), buyer, true, device, channel
			if out := step(s, engine.Command{Verb: engine.VerbTouch, Touch: &engine.TouchCommand{Touches: []engine.Touch{more}}}); out.Code != engine.CodeOK {
				tb.Fatal(out.Code)
			}
		}
		hold := engine.Command{Verb: engine.VerbHold, Buyer: buyer, Device: device, Channel: channel, Items: []engine.Item{{Lot: "ga", Quantity: int64(1 + i%4)}}}
		if i%7 == 0 {
			hold.Items = append(hold.Items, engine.Item{Lot: "balcony", Quantity: 1})
		}
		touch(engine.TouchViewed, engine.Touch{})
		kind := i / events % 20
		if kind < 2 {
			continue
		}
		touch(engine.TouchSelected, engine.Touch{CartMinor: 9500})
		switch {
		case kind < 10:
			out := step(s, hold)
			if out.Code != engine.CodeOK {
				tb.Fatal(out.Code)
			}
			id := string(engine.AppendHoldID(nil, out.Hold.ID, 0))
			if kind < 4 {
				step(s, engine.Command{Verb: engine.VerbExtend, Buyer: buyer, Hold: id})
			}
			if kind < 6 {
				step(s, engine.Command{Verb: engine.VerbConfirm, Buyer: buyer, Hold: id, PaymentRef: "invoice-17", Device: device, Channel: channel})
			} else if kind < 8 {
				step(s, engine.Command{Verb: engine.VerbRelease, Buyer: buyer, Hold: id})
			}
		case kind < 18:
			touch(engine.TouchPrompted, engine.Touch{})
			out := step(s, engine.Command{Verb: engine.VerbOffer, Buyer: buyer, Device: device, Channel: channel, Items: hold.Items, Payment: &engine.PaymentCommand{Note: note()}})
			offer := string(engine.AppendOfferID(nil, out.Offer.ID, 0))
			touch(engine.TouchClicked, engine.Touch{})
			out = step(s, engine.Command{Verb: engine.VerbBuy, Buyer: buyer, RequestID: "buy-" + buyer, Device: device, Channel: channel, Payment: &engine.PaymentCommand{Note: note(), Offer: offer}})
			if out.Code != engine.CodeOK {
				tb.Fatal(out.Code)
			}
			at, total := out.Purchase.ID, out.Purchase.TotalMinor
			step(s, engine.Command{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: at, Operation: payment.Authorise}})
			result := paid(total)
			if kind == 16 {
				result.Answer, result.Decline = payment.DeclinedHard, payment.DeclineExpired
			}
			step(s, engine.Command{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{At: at, Operation: payment.Authorise, Result: result}})
			touch(engine.TouchClickSeen, engine.Touch{ClickID: "buy-" + buyer, ClickToSeenMs: int64(200 + i%1000)})
			if kind == 17 {
				step(s, engine.Command{Verb: engine.VerbUndo, Buyer: buyer, Payment: &engine.PaymentCommand{Purchase: string(engine.AppendPurchaseID(nil, at, 0))}})
			}
		default:
			hold.Items[0].Lot = "vip"
			step(s, hold)
		}
		for s.event.Unsettled() {
			step(s, engine.Command{Verb: engine.VerbSettle})
		}
		if at, ok := s.event.NextDeadline(); ok && at <= now {
			step(s, engine.Command{Verb: engine.VerbExpire})
		}
		if s.n >= 64 {
			flush(s)
		}
	}
	var reader engine.FactReader
	for _, s := range sales {
		flush(s)
	}
	for _, run := range log {
		if err := reader.Each(run, func(f *engine.Fact) error { kinds[f.Kind]++; return nil }); err != nil {
			tb.Fatal(err)
		}
	}
	return log, kinds, facts
}

// BenchmarkFold folds a mixed log: the reader alone, and with a book behind it.
func BenchmarkFold(b *testing.B) {
	log, kinds, facts := mixedLog(b, 200_000, 10)
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
	run := func(b *testing.B, use func() func(*measure.Entry)) {
		b.Helper()
		b.ReportAllocs()
		entries := 0
		for b.Loop() {
			r, take := measure.NewReader(), use()
			for _, run := range log {
				if err := r.Each(run, func(e *measure.Entry) { entries++; take(e) }); err != nil {
					b.Fatal(err)
				}
			}
			if r.Partial() > 0 {
				b.Fatalf("%d facts are not told", r.Partial())
			}
		}
		b.ReportMetric(float64(facts)*float64(b.N)/b.Elapsed().Seconds(), "facts/s")
		b.ReportMetric(float64(entries)/float64(b.N)/float64(facts), "entries/fact")
	}
	b.Run("reader", func(b *testing.B) { run(b, func() func(*measure.Entry) { return func(*measure.Entry) {} }) })
	b.Run("book", func(b *testing.B) {
		run(b, func() func(*measure.Entry) { return measure.NewBook(measure.PolicyDefault(), time.LoadLocation).Add })
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
