package engine

import (
	"runtime"
	"strconv"
	"testing"
)

// BenchmarkEvent measures the pure state machine, one core, ids of 16 bytes. It prints the state hash, so that nobody makes it faster by
// changing what it does.
func BenchmarkEvent(b *testing.B) {
	b.Run("hold", func(b *testing.B) {
		e, facts := benchEvent(b, 1<<30-1)
		cmds := benchHolds(b.N)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range cmds {
			if i&1023 == 0 {
				facts.Reset()
			}
			if out := e.Step(&cmds[i].Command, start+Instant(i)*400, facts); out.Code != CodeOK {
				b.Fatalf("%s", out.AppendMessage(nil))
			}
		}
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "holds/s")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(b.N), "B/hold")
		b.ReportMetric(float64(len(facts.Buf))/float64(facts.Count), "B/fact")
		b.Logf("%d holds, state hash %016x", b.N, e.StateHash())
		runtime.KeepAlive(cmds)
	})
}

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
		Lots: []LotSpec{{Lot: "ga", FaceMinor: 4500, Fees: []Fee{{Name: "service", Minor: 250}}, Capacity: min(capacity, CapacityMax)}},
	}
	if out := e.Step(&Command{Verb: VerbCreate, RequestID: "c1", Spec: spec}, start, facts); out.Code != CodeOK {
		tb.Fatalf("%s", out.AppendMessage(nil))
	}
	facts.Reset()
	return e, facts
}
