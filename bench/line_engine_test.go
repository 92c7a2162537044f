package bench_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// waitersDefault is how many wait in a line that is measured, unless BENCH_WAITERS says otherwise.
const waitersDefault = 1_000_000

// BenchmarkLineMemory is what each of a million waiters (BENCH_WAITERS) takes after a collection, beyond the buyer's id: without requests that are remembered,
// which are bounded and every accepted command has, and with one for each.
func BenchmarkLineMemory(b *testing.B) {
	measure(b, func() {
		waiters := fromEnv(b, "BENCH_WAITERS", waitersDefault, 10_000)
		ids := idText(bench.NewWorkload(1), waiters)
		for _, requests := range []int{1, waiters} {
			before := heapBytes()
			s := lobby(b, engine.Limits{Requests: requests}, 0)
			joinAll(s, ids, func(run func()) { run() })
			each := float64(heapBytes()-before)/float64(waiters) - bench.IDLen
			if requests == 1 {
				b.ReportMetric(each, "B/waiter")
			} else {
				b.ReportMetric(each-bench.IDLen, "remembered-B/waiter")
			}
			runtime.KeepAlive(s)
		}
		runtime.KeepAlive(ids)
	})
}

// lobby is an event of the pure engine with an open lobby and so many tickets.
func lobby(b *testing.B, limits engine.Limits, capacity int64) *stepper {
	b.Helper()
	s := &stepper{b: b, ev: engine.NewWithLimits(eventKey(), limits), facts: new(engine.Facts), now: start}
	s.step(&engine.Command{Verb: engine.VerbCreate, RequestID: "create", Spec: lineSpec(capacity)}, engine.CodeOK)
	s.step(&engine.Command{Verb: engine.VerbSeed, Line: &engine.LineCommand{Commit: line.Commit(lineSeed)}}, engine.CodeOK)
	return s
}

// lineSpec is an event that opens with a draw.
func lineSpec(capacity int64) *engine.EventSpec {
	return &engine.EventSpec{
		Name: "Night One", Currency: "EUR", HoldTTLMs: 120_000, MaxHoldMs: 600_000, Line: &engine.LineSpec{Mode: engine.LineModeLine},
		Lots: []engine.LotSpec{{Lot: bench.LotID, FaceMinor: 4500, Capacity: capacity}},
	}
}

// lineSeed is what draws of the pure engine are made with.
var lineSeed = line.Seed{1, 2, 3}

// joinAll lets everybody in ids join, each step run by each.
func joinAll(s *stepper, ids string, each func(run func())) {
	cmd := engine.Command{Verb: engine.VerbJoin, Channel: "web", Device: engine.DeviceMobile}
	for i := range len(ids) / (2 * bench.IDLen) {
		holdCommand(&cmd, ids, i)
		each(func() { s.step(&cmd, engine.CodeOK) })
	}
}

// BenchmarkLineSteps is the line of the pure engine, with a million entrants (BENCH_WAITERS): joins and the draw as a whole, and each step by the processor time of its
// thread, as in [BenchmarkScaleSteps].
func BenchmarkLineSteps(b *testing.B) {
	measure(b, func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		waiters := fromEnv(b, "BENCH_WAITERS", waitersDefault, 10_000)
		ids := idText(bench.NewWorkload(1), waiters)
		s := lobby(b, engine.DefaultLimits(), int64(waiters/10))
		joins := newStepTimes()
		began := time.Now()
		joinAll(s, ids, joins.time)
		b.ReportMetric(float64(waiters)/time.Since(began).Seconds(), "joins/s")

		draw, cpu := newStepTimes(), bench.ThreadTime()
		began = time.Now()
		s.step(&engine.Command{Verb: engine.VerbOpen, RequestID: "open"}, engine.CodeOK)
		draw.time(func() {
			s.step(&engine.Command{Verb: engine.VerbReveal, Line: &engine.LineCommand{Seed: lineSeed}}, engine.CodeOK)
		})
		settle := &engine.Command{Verb: engine.VerbSettle}
		for v, _ := s.ev.Line(); v.Phase == engine.LineDrawing; v, _ = s.ev.Line() {
			draw.time(func() { s.step(settle, engine.CodeOK) })
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "draw-ms")
		b.ReportMetric(float64((bench.ThreadTime()-cpu).Microseconds())/1000, "draw-cpu-ms")

		joins.report(b, "join-", "join")
		draw.report(b, "draw-", "draw")
		served(b, s, waiters/20).report(b, "serve-", "serve")
		b.Logf("state %016x", s.ev.StateHash())
	})
}

// served lets some have their turn, each of whom takes a ticket: who is admitted, holds and orders makes room for the next.
func served(b *testing.B, s *stepper, orders int) *stepTimes {
	b.Helper()
	t := newStepTimes()
	settle := &engine.Command{Verb: engine.VerbSettle}
	hold, pay := holdOne(), engine.Command{Verb: engine.VerbConfirm, BoxOffice: true}
	var told engine.Signals
	var passes []string
	for n := 0; n < orders; {
		switch {
		case s.ev.Unsettled():
			t.time(func() { s.step(settle, engine.CodeOK) })
		case len(passes) == 0:
			b.Fatalf("after %d orders nobody has a pass", n)
		default:
			hold.RequestID, hold.Buyer = "h"+strconv.Itoa(n), passes[0]
			var id []byte
			t.time(func() { id = engine.AppendHoldID(nil, s.step(&hold, engine.CodeOK).Hold.ID, 0) })
			pay.RequestID, pay.Buyer, pay.Hold = "p"+strconv.Itoa(n), passes[0], string(id)
			t.time(func() { s.step(&pay, engine.CodeOK) })
			passes = passes[1:]
			n++
		}
		s.ev.TakeSignals(&told)
		for i := range told.Places {
			if told.Places[i].State == engine.PlaceAdmitted {
				passes = append(passes, told.Places[i].Buyer)
			}
		}
		told.Reset()
	}
	return t
}
