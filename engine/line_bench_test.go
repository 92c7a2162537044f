package engine

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// BenchmarkLine measures the line on one core, with ids of 16 bytes, beside the hold of BenchmarkEvent. The lobby has as many entries as -benchtime says, so the
// draw of a million is
//
//	go test ./engine -run - -bench Line -benchtime 1000000x -benchmem
//
// The longest of the steps is of one run on a machine that does other things too: the tenth longest says more.
func BenchmarkLine(b *testing.B) {
	b.Run("hold", benchHold)
	b.Run("hold=promised", benchPromised)
	b.Run("join=lobby", func(b *testing.B) { benchJoin(b, true) })
	b.Run("join=serving", func(b *testing.B) { benchJoin(b, false) })
	b.Run("draw", benchDraw)
	b.Run("place", benchPlace)
	b.Run("waiting", benchWaiting)
	b.Run("serve", benchServe)
	b.Run("open", benchOpenLine)
	b.Run("admit", benchAdmit)
	b.Run("freed", func(b *testing.B) { benchFreed(b, 1, false) })
	b.Run("freed=kinds", func(b *testing.B) { benchFreed(b, WishKindsMax/8, false) })
	b.Run("freed=seats", func(b *testing.B) { benchFreed(b, 1, true) })
}

// benchAdmit frees as many tickets at once as there are waiters, and admits them: 256 in a step.
func benchAdmit(b *testing.B) {
	cmds := benchJoins(b.N)
	e, facts := benchLobby(b, cmds, 1, true)
	now := benchAt(b.N)
	free := &Command{Verb: VerbCapacity, RequestID: "cap", Lot: "ga", Quantity: int64(4 * b.N)}
	benchSteps(b, e, free, now, facts)
	b.ReportMetric(float64(e.line.passes.n), "passes")
}

// benchFreed frees as many tickets at once as are waited for, in lots of which each is wished for in eight quantities, or in rows of seats.
func benchFreed(b *testing.B, lots int, seated bool) {
	spec := &EventSpec{Name: "Night One", Currency: "EUR", HoldTTLMs: 120_000, MaxHoldMs: 600_000, Open: true, Pools: []PoolSpec{{Pool: "hall"}}}
	for i := range lots {
		spec.Lots = append(spec.Lots, LotSpec{Lot: "l" + benchID('l', i), FaceMinor: 4500, Capacity: CapacityMax / int64(lots) / 2, Pools: []string{"hall"}})
		if seated {
			spec.Pools[0].Capacity = 1
			spec.Lots[i].Capacity, spec.Lots[i].Rows = 0, []RowSpec{{Section: "A", Row: "1", Through: "500", Seats: 100}}
		}
	}
	e, facts := NewWithLimits(testKey(), Limits{Requests: 1, Line: 1 << 24}), &Facts{}
	benchStep(b, e, &Command{Verb: VerbCreate, RequestID: "c1", Spec: spec}, start, facts, CodeOK)
	units := int64(0)
	for i := range b.N {
		n := int64(1 + i/lots%8)
		if units += n; seated && units > 40_000 {
			break
		}
		wish := Wish{Lot: spec.Lots[i%lots].Lot, Quantity: n, Together: true}
		benchStep(b, e, &Command{Verb: VerbWait, RequestID: benchID('w', i), Buyer: benchID('b', i), Line: &LineCommand{Wishes: []Wish{wish}}}, benchAt(i), facts, CodeOK)
	}
	benchSteps(b, e, &Command{Verb: VerbCapacity, RequestID: "cap", Pool: "hall", Quantity: units}, benchAt(b.N), facts)
	b.ReportMetric(float64(e.list.counts[WaitOffered]), "offers")
}

// benchSteps measures a command, and each step that goes on with what it has left.
func benchSteps(b *testing.B, e *Event, cmd *Command, now Instant, facts *Facts) {
	b.Helper()
	runtime.GC()
	var each steps
	var told Signals
	b.ResetTimer()
	each.take(func() { benchStep(b, e, cmd, now, facts, CodeOK) })
	settle := &Command{Verb: VerbSettle}
	for e.Unsettled() {
		each.take(func() { benchStep(b, e, settle, now, facts, CodeOK) })
		told.Reset()
		e.TakeSignals(&told)
	}
	b.ReportMetric(float64(len(each)), "steps")
	each.report(b)
	b.ReportMetric(float64(each[len(each)/2].Microseconds()), "us/median")
}

// benchJoins are the joins of n buyers.
func benchJoins(n int) []Command {
	cmds := make([]Command, n)
	for i := range cmds {
		cmds[i] = Command{Verb: VerbJoin, RequestID: benchID('r', i), Buyer: benchID('b', i)}
	}
	return cmds
}

// benchLobby is an event whose lobby n buyers have joined, with a bound of its own on requests that are remembered.
func benchLobby(b testing.TB, cmds []Command, requests int, open bool) (*Event, *Facts) {
	b.Helper()
	e, facts := NewWithLimits(testKey(), Limits{Requests: requests, Line: 1 << 24}), &Facts{}
	spec := &EventSpec{
		Name: "Night One", Currency: "EUR", HoldTTLMs: 120_000, MaxHoldMs: 600_000, Open: open, Line: &LineSpec{Mode: LineModeLine},
		Lots: []LotSpec{{Lot: "ga", FaceMinor: 4500, Fees: []Fee{{Name: "service", Minor: 250}}}},
	}
	benchStep(b, e, &Command{Verb: VerbCreate, RequestID: "c1", Spec: spec}, start, facts, CodeOK)
	if !open {
		benchStep(b, e, &Command{Verb: VerbSeed, Line: &LineCommand{Commit: line.Commit(goldenSeed())}}, start, facts, CodeOK)
	}
	for i := range cmds {
		benchStep(b, e, &cmds[i], benchAt(i), facts, CodeOK)
	}
	return e, facts
}

func benchJoin(b *testing.B, lobby bool) {
	cmds := benchJoins(b.N)
	e, facts := benchLobby(b, nil, 1, !lobby)
	before := heap()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range cmds {
		benchStep(b, e, &cmds[i], benchAt(i), facts, CodeOK)
	}
	benchDone(b, e, "joins/s")
	const id = 16
	b.ReportMetric((heap()-before)/float64(b.N)-id, "B/waiter")
	runtime.KeepAlive(cmds)
	runtime.KeepAlive(e)
}

// steps measures steps one by one.
type steps []time.Duration

func (s *steps) take(step func()) {
	from := time.Now()
	step()
	*s = append(*s, time.Since(from))
}

func (s *steps) report(b *testing.B) {
	if len(*s) == 0 {
		return
	}
	slices.Sort(*s)
	b.ReportMetric(float64((*s)[len(*s)-1].Microseconds()), "us/longest")
	b.ReportMetric(float64((*s)[max(0, len(*s)-10)].Microseconds()), "us/10th")
}

func benchDraw(b *testing.B) {
	cmds := benchJoins(b.N)
	e, facts := benchLobby(b, cmds, 1, false)
	at := benchAt(b.N)
	benchStep(b, e, &Command{Verb: VerbOpen, RequestID: "o1"}, at, facts, CodeOK)
	runtime.GC()
	var each steps
	b.ResetTimer()
	each.take(func() {
		benchStep(b, e, &Command{Verb: VerbReveal, Line: &LineCommand{Seed: goldenSeed()}}, at, facts, CodeOK)
	})
	settle := &Command{Verb: VerbSettle}
	for e.Unsettled() {
		each.take(func() { benchStep(b, e, settle, at, facts, CodeOK) })
	}
	benchDone(b, e, "entries/s")
	each.report(b)
}

// benchWaiting reads who waits in a line of a hundred thousand, page by page.
func benchWaiting(b *testing.B) {
	e, facts := benchLobby(b, benchJoins(100_000), 1, true)
	read := &Command{Verb: VerbPlace, Line: &LineCommand{WaitingFrom: 1}}
	runtime.GC()
	b.ResetTimer()
	rows := 0
	for range b.N {
		page := e.Step(read, benchAt(100_000), facts).Waiting
		read.Line.WaitingFrom, rows = max(page.Next, 1), rows+len(page.Rows)
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// benchPlace looks at places of a line of a hundred thousand.
func benchPlace(b *testing.B) {
	cmds := benchJoins(100_000)
	e, facts := benchLobby(b, cmds, 1, true)
	look := &Command{Verb: VerbPlace}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		look.Buyer = cmds[i*7919%len(cmds)].Buyer
		benchStep(b, e, look, benchAt(len(cmds)), facts, CodeOK)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "places/s")
}

// benchPromised holds with a pass since which the price has changed 600 times, once a second while it is good.
func benchPromised(b *testing.B) {
	buyer := benchJoins(1)
	e, facts := benchLobby(b, buyer, 1, true)
	benchStep(b, e, &Command{Verb: VerbCapacity, RequestID: "cap", Lot: "ga", Quantity: 2}, start, facts, CodeOK)
	lot := []LotSpec{{Lot: "ga", Set: SetLotFace}}
	for i := range 600 {
		lot[0].FaceMinor = int64(4000 + i%97)
		benchStep(b, e, &Command{Verb: VerbUpdate, RequestID: benchID('u', i), Spec: &EventSpec{Lots: lot}}, start, facts, CodeOK)
	}
	cmds := benchHolds(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range cmds {
		cmds[i].Buyer = buyer[0].Buyer
		benchStep(b, e, &cmds[i].Command, start, facts, CodeOK)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "holds/s")
}

// benchServe admits one after the other: each gets a pass, holds and buys.
func benchServe(b *testing.B) {
	cmds := benchJoins(b.N)
	e, facts := benchLobby(b, cmds, 1, true)
	now := benchAt(b.N)
	var told Signals
	b.ReportAllocs()
	b.ResetTimer()
	benchStep(b, e, &Command{Verb: VerbCapacity, RequestID: "cap", Lot: "ga", Quantity: 1000}, now, facts, CodeOK)
	buy := &Command{Verb: VerbHold, Items: []Item{{Lot: "ga", Quantity: 1}}}
	pay := &Command{Verb: VerbConfirm, BoxOffice: true}
	capacity := int64(1000)
	var each steps
	for i := range b.N {
		now += 1000
		buy.RequestID, buy.Buyer = benchID('h', i), cmds[i].Buyer
		var id []byte
		each.take(func() { id = AppendHoldID(nil, benchStep(b, e, buy, now, facts, CodeOK).Hold.ID, 0) })
		pay.RequestID, pay.Buyer, pay.Hold = benchID('k', i), cmds[i].Buyer, string(id)
		each.take(func() { benchStep(b, e, pay, now, facts, CodeOK) })
		if i%500 == 499 {
			capacity += 500
			benchStep(b, e, &Command{Verb: VerbCapacity, RequestID: benchID('c', i), Lot: "ga", Quantity: capacity}, now, facts, CodeOK)
		}
		if e.TakeSignals(&told); told.Empty() && i == 0 {
			b.Fatal("nobody is told of a pass")
		}
		told.Reset()
	}
	benchDone(b, e, "served/s")
	each.report(b)
}

// benchOpenLine opens the snapshot of an event with as many waiters as -benchtime says.
func benchOpenLine(b *testing.B) {
	for _, lobby := range []bool{true, false} {
		name := map[bool]string{true: "lobby", false: "serving"}[lobby]
		b.Run(name, func(b *testing.B) {
			cmds := benchJoins(b.N)
			e, facts := benchLobby(b, cmds, 1, !lobby)
			from := time.Now()
			state := e.AppendSnapshot(nil)
			b.ReportMetric(float64(time.Since(from).Milliseconds()), "ms/write")
			_, _ = facts, cmds
			runtime.GC()
			b.ResetTimer()
			from = time.Now()
			again, err := OpenSnapshot(testKey(), state)
			if err != nil || again.StateHash() != e.StateHash() {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(from).Milliseconds()), "ms/open")
			b.ReportMetric(float64(len(state))/float64(b.N), "B/waiter")
		})
	}
}
