package bench_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
)

// start is when the pure engine's benchmarks take place: time is an input.
const start = engine.Instant(1_777_629_600 * 1e9)

// pureEvent is an event without anything around it.
func pureEvent(b *testing.B, capacity int64) (*engine.Event, *engine.Facts) {
	b.Helper()
	return pureEventOf(b, &engine.EventSpec{
		Name: "Night One", Currency: "EUR", HoldTTLMs: 120_000, MaxHoldMs: 600_000, LimitPerBuyer: 4, Open: true,
		Lots: []engine.LotSpec{{Lot: bench.LotID, FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: capacity}},
	})
}

func pureEventOf(b *testing.B, spec *engine.EventSpec) (*engine.Event, *engine.Facts) {
	b.Helper()
	ev, facts := engine.New(eventKey()), new(engine.Facts)
	if out := ev.Step(&engine.Command{Verb: engine.VerbCreate, RequestID: "create", Spec: spec}, start, facts); out.Code != engine.CodeOK {
		b.Fatalf("create: %v %s", out.Code, out.AppendMessage(nil))
	}
	return ev, facts
}

func eventKey() engine.Key {
	return engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: bench.EventID}
}

// idText is the request ids and buyers of many commands as one string, made before the clock runs.
func idText(w *bench.Workload, commands int) string {
	ids := make([]byte, 2*bench.IDLen*commands)
	for i := range commands {
		at := ids[2*bench.IDLen*i:]
		w.IDs(at, at[bench.IDLen:])
	}
	return string(ids)
}

// holdCommand makes cmd the hold with the ids at i of what idText wrote.
func holdCommand(cmd *engine.Command, ids string, i int) {
	at := ids[2*bench.IDLen*i:][:2*bench.IDLen]
	cmd.RequestID, cmd.Buyer = at[:bench.IDLen], at[bench.IDLen:]
}

// holdOne is what the messages of a load say, but for the ids.
func holdOne() engine.Command {
	return engine.Command{Verb: engine.VerbHold, Channel: "web", Device: engine.DeviceMobile, Items: oneTicket}
}

var oneTicket = []engine.Item{{Lot: bench.LotID, Quantity: 1}}

// stepper runs commands as an event's actor does: a turn of 64 is one run of facts, and what each did is checked.
type stepper struct {
	b     *testing.B
	ev    *engine.Event
	facts *engine.Facts
	now   engine.Instant
	steps int
	bytes int64 // of facts
}

func (s *stepper) step(cmd *engine.Command, want engine.Code) *engine.Outcome {
	if s.steps%64 == 0 {
		s.bytes += int64(len(s.facts.Buf))
		s.facts.Reset()
		s.now += 10_000
	}
	s.steps++
	before := s.facts.Count
	out := s.ev.Step(cmd, s.now, s.facts)
	if out.Code != want {
		s.b.Fatalf("step %d: %v %s", s.steps, out.Code, out.AppendMessage(nil))
	}
	if s.facts.Count > before {
		if err := s.ev.LiveCheck(); err != nil {
			s.b.Fatal(err)
		}
	}
	return out
}

// BenchmarkEngine is the pure state machine on one core: each round has an event of its own, so that all of them grow it from nothing.
func BenchmarkEngine(b *testing.B) {
	b.Run("command=hold", func(b *testing.B) {
		commands := size(1_000_000, 10_000)
		measure(b, func() {
			var rates bench.Numbers
			var hash uint64
			for range rounds() {
				s := hold(b, commands, &rates)
				hash = s.ev.StateHash()
			}
			b.ReportMetric(rates.Median(), "holds/s")
			b.Logf("holds/s %v", rates)
			b.Logf("state   %016x after %d holds", hash, commands)
		})
	})
	b.Run("command=refused", func(b *testing.B) {
		commands := size(1_000_000, 10_000)
		measure(b, func() {
			var rates bench.Numbers
			for range rounds() {
				ev, facts := pureEvent(b, 1)
				s := &stepper{b: b, ev: ev, facts: facts, now: start}
				ids := idText(bench.NewWorkload(1), commands)
				cmd := holdOne()
				holdCommand(&cmd, ids, 0)
				s.step(&cmd, engine.CodeOK)
				hash := ev.StateHash()
				runtime.GC()
				began := time.Now()
				for i := 1; i < commands; i++ {
					holdCommand(&cmd, ids, i)
					s.step(&cmd, engine.CodeSoldOut)
				}
				rates = append(rates, float64(commands-1)/time.Since(began).Seconds())
				if ev.StateHash() != hash {
					b.Fatal("a refusal has changed the state")
				}
			}
			b.ReportMetric(rates.Median(), "refusals/s")
			b.Logf("refusals/s %v", rates)
		})
	})
	b.Run("command=confirm", func(b *testing.B) {
		commands := size(250_000, 5_000)
		measure(b, func() {
			var rates, holds bench.Numbers
			var hash uint64
			for range rounds() {
				s := hold(b, commands, &holds)
				ids := idText(bench.NewWorkload(1), commands)      // the same buyers
				requests := idText(bench.NewWorkload(2), commands) // other requests
				var refs strings.Builder
				at := make([]int, 0, commands+1)
				for i := range commands {
					at = append(at, refs.Len())
					refs.Write(engine.AppendHoldID(nil, engine.HoldID(i+1), 0))
				}
				at = append(at, refs.Len())
				text := refs.String()
				cmd := engine.Command{Verb: engine.VerbConfirm, PaymentRef: "pi_3PqRsTuVwXyZ0123"}
				runtime.GC()
				began := time.Now()
				for i := range commands {
					holdCommand(&cmd, requests, i)
					cmd.Buyer = ids[2*bench.IDLen*i+bench.IDLen:][:bench.IDLen]
					cmd.Hold = text[at[i]:at[i+1]]
					s.step(&cmd, engine.CodeOK)
				}
				rates = append(rates, float64(commands)/time.Since(began).Seconds())
				hash = s.ev.StateHash()
			}
			b.ReportMetric(rates.Median(), "orders/s")
			b.Logf("orders/s %v", rates)
			b.Logf("state    %016x after %d orders", hash, commands)
		})
	})
}

// hold lets so many buyers hold a ticket of a new event.
func hold(b *testing.B, commands int, rates *bench.Numbers) *stepper {
	b.Helper()
	ev, facts := pureEvent(b, 1e9)
	s := &stepper{b: b, ev: ev, facts: facts, now: start}
	ids := idText(bench.NewWorkload(1), commands)
	cmd := holdOne()
	runtime.GC()
	began := time.Now()
	for i := range commands {
		holdCommand(&cmd, ids, i)
		s.step(&cmd, engine.CodeOK)
	}
	*rates = append(*rates, float64(commands)/time.Since(began).Seconds())
	return s
}

// BenchmarkMemory is what a live hold and an event take in memory, after a collection. B/hold includes the ids of buyer and request, 32 bytes; B/event is an
// event with one lot and one hold, awake, with its actor and mailbox.
func BenchmarkMemory(b *testing.B) {
	measure(b, func() {
		holds := size(1_000_000, 20_000)
		if full() {
			holds = 10_000_000
		}
		before := heapBytes()
		var rates bench.Numbers
		s := hold(b, holds, &rates)
		last := holdOne()
		last.RequestID, last.Buyer = "last", "last"
		s.step(&last, engine.CodeOK) // an event refers to the strings of its last command: here that would be the text of all ids
		perHold := float64(heapBytes()-before) / float64(holds)
		facts := float64(s.bytes) / float64(holds)
		runtime.KeepAlive(s)
		s = nil

		events := size(10_000, 100)
		if full() {
			events = 100_000
		}
		rig, end := startRig(b)
		defer end()
		before = heapBytes()
		c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: 1, Batch: 1, Workload: bench.NewWorkload(1)}
		for i := range events {
			check(b, rig.Create(eventName(i), 1000))
		}
		for i := range min(events, 1000) {
			c.Event = eventName(i)
			l := startLoad(b, rig, c)
			_, err := l.Sample()
			check(b, err)
			l.Close()
		}
		perEvent := float64(heapBytes()-before) / float64(events)
		b.ReportMetric(perHold, "B/hold")
		b.ReportMetric(perEvent, "B/event")
		b.ReportMetric(facts, "log-B/hold")
		b.Logf("%d holds in one event: %.0f B a hold in memory, ids and remembered request included; %.1f B of facts a hold in the log", holds, perHold, facts)
		b.Logf("%d events awake: %.0f B an event", events, perEvent)
	})
}

// heapBytes is what is reachable.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC() // finalizers and pools give back in a second turn
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func eventName(i int) string { return "night-" + strconv.Itoa(i) }
