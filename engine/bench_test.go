package engine

import (
	"runtime"
	"strconv"
	"testing"
)

// BenchmarkEvent measures the pure state machine on one core, with ids of 16 bytes. It logs the state hash, so that nobody makes it faster by
// changing what it does. Memory is reported beyond the ids themselves.
func BenchmarkEvent(b *testing.B) {
	b.Run("hold", benchHold)
	b.Run("hold+confirm", benchConfirm)
	b.Run("hold+release", benchRelease)
	b.Run("sold_out", benchSoldOut)
	b.Run("repeat", benchRepeat)
	b.Run("fold", benchFold)
	b.Run("touch", benchTouch)
	b.Run("expire", benchExpire)
	b.Run("snapshot", benchSnapshot)
}

// benchAt is when the i-th command of a benchmark comes: 2.5 million a second.
func benchAt(i int) Instant { return start + Instant(i)*400 }

type benchCommand struct {
	Command
	item [1]Item
}

func benchHolds(n int) []benchCommand {
	cmds := make([]benchCommand, n)
	for i := range cmds {
		c := &cmds[i]
		c.item[0] = Item{Lot: "ga", Quantity: 1}
		c.Command = Command{Verb: VerbHold, RequestID: benchID('r', i), Buyer: benchID('b', i), Items: c.item[:]}
	}
	return cmds
}

// benchID returns an id of 16 bytes.
func benchID(letter byte, i int) string {
	s := strconv.FormatUint(uint64(i)*0x9e3779b97f4a7c15|1<<63, 16)
	return string(letter) + s[:15]
}

func benchEvent(tb testing.TB, capacity int64) (*Event, *Facts) {
	tb.Helper()
	e, facts := New(testKey()), &Facts{}
	spec := &EventSpec{
		Name: "Night One", Currency: "EUR", HoldTTLMs: 120_000, MaxHoldMs: 600_000, Open: true,
		Lots: []LotSpec{{Lot: "ga", FaceMinor: 4500, Fees: []Fee{{Name: "service", Minor: 250}}, Capacity: capacity}},
	}
	benchStep(tb, e, &Command{Verb: VerbCreate, RequestID: "c1", Spec: spec}, start, facts, CodeOK)
	facts.Reset()
	return e, facts
}

// benchTouch takes touches of new ids and buyers, 64 in a command.
func benchTouch(b *testing.B) {
	const batch = 64
	e, facts := benchEvent(b, 1)
	touches := make([]Touch, b.N+batch)
	for i := range touches {
		touches[i] = Touch{Kind: TouchViewed, ID: benchID('t', i), Buyer: benchID('b', i), Consent: true, Device: DeviceMobile, Channel: "web", AgoMs: 850}
	}
	report := TouchCommand{}
	cmd := &Command{Verb: VerbTouch, Touch: &report}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += batch {
		report.Touches = touches[i:min(i+batch, b.N)]
		benchStep(b, e, cmd, benchAt(i), facts, CodeOK)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "touches/s")
}

func benchStep(tb testing.TB, e *Event, cmd *Command, now Instant, facts *Facts, code Code) *Outcome {
	if facts.Count >= 256 { // a drain
		facts.Reset()
	}
	out := e.Step(cmd, now, facts)
	if out.Code != code {
		tb.Fatalf("%s: %s: %s", cmd.Verb, out.Code, out.AppendMessage(nil))
	}
	return out
}

// benchDone stops the clock and reports.
func benchDone(b *testing.B, e *Event, unit string) {
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
	if b.N > 1 {
		b.Logf("%d, state hash %016x", b.N, e.StateHash())
	}
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func benchHold(b *testing.B) {
	e, facts := benchEvent(b, CapacityMax)
	cmds := benchHolds(b.N)
	before := heap()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range cmds {
		benchStep(b, e, &cmds[i].Command, benchAt(i), facts, CodeOK)
	}
	benchDone(b, e, "holds/s")
	const ids = 32
	b.ReportMetric((heap()-before)/float64(b.N)-ids, "B/hold")
	b.ReportMetric(float64(len(facts.Buf))/float64(facts.Count), "B/fact")
	runtime.KeepAlive(cmds)
	runtime.KeepAlive(e)
}

func benchConfirm(b *testing.B) {
	e, facts := benchEvent(b, CapacityMax)
	cmds := benchHolds(b.N)
	confirms := make([]string, b.N)
	for i := range confirms {
		confirms[i] = benchID('k', i)
	}
	confirm := Command{Verb: VerbConfirm, PaymentRef: "pi_3MtwBwLkdIwHu7ix28a3tqPa"}
	var name []byte
	before := heap()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range cmds {
		id := benchStep(b, e, &cmds[i].Command, benchAt(i), facts, CodeOK).Hold.ID
		name = AppendHoldID(name[:0], id, 0)
		confirm.RequestID, confirm.Buyer, confirm.Hold = confirms[i], cmds[i].Buyer, view(name)
		benchStep(b, e, &confirm, benchAt(i), facts, CodeOK)
	}
	benchDone(b, e, "orders/s")
	const ids = 16*3 + 27
	b.ReportMetric((heap()-before)/float64(b.N)-ids, "B/order")
	runtime.KeepAlive(cmds)
	runtime.KeepAlive(e)
}

func benchRelease(b *testing.B) {
	e, facts := benchEvent(b, 100)
	cmds := benchHolds(b.N)
	releases := make([]string, b.N)
	for i := range releases {
		releases[i] = benchID('x', i)
	}
	release := Command{Verb: VerbRelease}
	var name []byte
	b.ReportAllocs()
	b.ResetTimer()
	for i := range cmds {
		id := benchStep(b, e, &cmds[i].Command, benchAt(i), facts, CodeOK).Hold.ID
		name = AppendHoldID(name[:0], id, 0)
		release.RequestID, release.Buyer, release.Hold = releases[i], cmds[i].Buyer, view(name)
		benchStep(b, e, &release, benchAt(i), facts, CodeOK)
	}
	benchDone(b, e, "pairs/s")
}

func benchSoldOut(b *testing.B) {
	e, facts := benchEvent(b, 1000)
	cmds := benchHolds(b.N + 1000)
	for i := range 1000 {
		benchStep(b, e, &cmds[i].Command, benchAt(i), facts, CodeOK)
	}
	cmds = cmds[1000:]
	var text []byte
	b.ReportAllocs()
	b.ResetTimer()
	for i := range cmds {
		text = benchStep(b, e, &cmds[i].Command, benchAt(i), facts, CodeSoldOut).AppendMessage(text[:0])
	}
	benchDone(b, e, "refusals/s")
}

func benchRepeat(b *testing.B) {
	const holds = 100_000
	e, facts := benchEvent(b, CapacityMax)
	cmds := benchHolds(holds)
	for i := range cmds {
		benchStep(b, e, &cmds[i].Command, benchAt(i), facts, CodeOK)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if out := benchStep(b, e, &cmds[i*7919%holds].Command, benchAt(holds), facts, CodeOK); !out.Repeated {
			b.Fatal("not a repeat")
		}
	}
	benchDone(b, e, "repeats/s")
}

// benchFold folds a log of holds in runs of 64.
func benchFold(b *testing.B) {
	e, facts := benchEvent(b, CapacityMax)
	replica, err := OpenSnapshot(testKey(), e.AppendSnapshot(nil))
	if err != nil {
		b.Fatal(err)
	}
	cmds := benchHolds(b.N)
	var runs []Run
	for i := range cmds {
		if i%64 == 0 {
			runs = append(runs, Run{First: e.Seq() + 1, At: benchAt(i)})
		}
		run := &runs[len(runs)-1]
		e.Step(&cmds[i].Command, run.At, &run.Facts)
	}
	_ = facts
	b.ReportAllocs()
	b.ResetTimer()
	for i := range runs {
		if err := replica.Fold(&runs[i]); err != nil {
			b.Fatal(err)
		}
	}
	benchDone(b, replica.(*Event), "facts/s")
	if replica.StateHash() != e.StateHash() {
		b.Fatalf("replayed %016x, live %016x", replica.StateHash(), e.StateHash())
	}
}

// benchExpire ends holds with equal deadlines, 256 a step.
func benchExpire(b *testing.B) {
	e, facts := benchEvent(b, CapacityMax)
	e.spec.SpreadMs = 0
	cmds := benchHolds(b.N)
	for i := range cmds {
		benchStep(b, e, &cmds[i].Command, start, facts, CodeOK)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for {
		at, ok := e.NextDeadline()
		if !ok {
			break
		}
		benchStep(b, e, &Command{Verb: VerbExpire}, at, facts, CodeOK)
	}
	benchDone(b, e, "expiries/s")
}

// benchSnapshot encodes and opens an event with 100,000 holds.
func benchSnapshot(b *testing.B) {
	const holds = 100_000
	e, facts := benchEvent(b, CapacityMax)
	cmds := benchHolds(holds)
	for i := range cmds {
		benchStep(b, e, &cmds[i].Command, benchAt(i), facts, CodeOK)
	}
	var state []byte
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		state = e.AppendSnapshot(state[:0])
		if _, err := OpenSnapshot(testKey(), state); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)*holds/b.Elapsed().Seconds(), "holds/s")
	b.ReportMetric(float64(len(state))/holds, "B/hold")
}
