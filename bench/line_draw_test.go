package bench_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport"
)

// BenchmarkLineDraw opens an event with a million (BENCH_WAITERS) in its lobby, over NATS: until everybody has a place, with the list closed, made durable and published,
// the seed revealed, and the draw in the log. Meanwhile some keep asking for their places: draw-p100-us is the longest that one of them waited, and on an event beside it
// holds go on. At the end everybody's place is compared with what the published messages give.
func BenchmarkLineDraw(b *testing.B) {
	measure(b, func() {
		const beside = "night-two-2026"
		waiters := fromEnv(b, "BENCH_WAITERS", waitersDefault, 1000)
		rig, end := startLobbies(b, transport.Config{})
		defer end()
		check(b, rig.CreateLine(bench.EventID, 0, true))
		check(b, rig.Create(beside, 1e9))
		ids := idText(bench.NewWorkload(2), waiters)
		joined := joinOver(b, rig, waiters)

		c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: 64, Batch: 1}
		c.Event, c.Workload = beside, bench.NewWorkload(1)
		holds := startLoad(b, rig, c)
		defer holds.Close()
		c.Event, c.Workload, c.Ask = bench.EventID, bench.NewWorkload(2).Again(waiters), bench.AskPlace
		asking := startLoad(b, rig, c)
		defer asking.Close()
		before, err := holds.Run(roundFor())
		check(b, err)

		asked, held := goOn(b, asking), goOn(b, holds)
		began := time.Now()
		check(b, rig.Open(bench.EventID))
		opened := time.Since(began)
		state, err := rig.Line(bench.EventID)
		for ; err == nil && state.Phase != "serving" && time.Since(began) < time.Minute; state, err = rig.Line(bench.EventID) {
			time.Sleep(time.Millisecond)
		}
		drawn := time.Since(began)
		check(b, err)
		waits, during := asked(), held()
		b.ReportMetric(joined, "joins/s")
		b.ReportMetric(float64(drawn.Microseconds())/1000, "draw-ms")
		b.ReportMetric(float64(waits.Latency.Max()), "draw-p100-us")
		b.ReportMetric(float64(before.Latency.ValueAtQuantile(99)), "hold-before-p99-us")
		b.ReportMetric(float64(during.Latency.ValueAtQuantile(99)), "hold-p99-us")
		b.Logf("opened after %v, %d drawn after %v; %d places were asked for meanwhile, p50 %d us", opened, state.Waiting, drawn, waits.Commands, waits.Latency.ValueAtQuantile(50))
		verifyDraw(b, rig, state, ids)
	})
}

// joinOver lets so many join the lobby, in batches over NATS, and returns how many a second did.
func joinOver(b *testing.B, rig *bench.Rig, waiters int) (perSecond float64) {
	b.Helper()
	batch := min(250, waiters)
	if waiters%batch != 0 {
		b.Fatalf("%d do not join in batches of %d: let BENCH_WAITERS be a multiple", waiters, batch)
	}
	l := startLoad(b, rig, bench.LoadConfig{
		Subjects: bench.EngineSubjects, Ask: bench.AskJoin, Workload: bench.NewWorkload(2), Outstanding: min(16, waiters/batch) * batch, Batch: batch,
		Events: []string{bench.EventID}, Tickets: waiters, Ends: true,
	})
	defer l.Close()
	began := time.Now()
	r, err := l.Run(time.Minute)
	check(b, err)
	if r.All != int64(waiters) {
		b.Fatalf("%d of %d have joined", r.All, waiters)
	}
	return float64(waiters) / time.Since(began).Seconds()
}

// goOn keeps a load going until the function that it returns is called.
func goOn(b *testing.B, l *bench.Load) (stop func() bench.Round) {
	b.Helper()
	wait, err := l.Start(time.Hour)
	check(b, err)
	return func() bench.Round {
		check(b, l.Stop())
		r, err := wait()
		check(b, err)
		return r
	}
}

// verifyDraw compares everybody's place with what seed, root and the leaves of the list give.
func verifyDraw(b *testing.B, rig *bench.Rig, state bench.LineState, ids string) {
	b.Helper()
	var seed line.Seed
	var commit, root line.Hash
	unhex(b, seed[:], state.Seed)
	unhex(b, commit[:], state.Commit)
	unhex(b, root[:], state.Root)
	texts, err := rig.Leaves(bench.EventID)
	check(b, err)
	leaves := make([]line.Hash, len(texts))
	for i := range leaves {
		unhex(b, leaves[i][:], texts[i])
	}
	if line.Commit(seed) != commit || line.Root(leaves) != root {
		b.Fatalf("the seed or the list is not what was promised: %+v", state)
	}
	drawn := line.Places(seed, root, "", leaves)
	shown := askPlaces(b, rig, ids)
	if len(shown.places) != len(drawn) {
		b.Fatalf("%d were drawn, %d have places", len(drawn), len(shown.places))
	}
	for entry, place := range shown.places {
		if drawn[entry-1] != place {
			b.Fatalf("entry %d has place %d, and was drawn as %d", entry, place, drawn[entry-1])
		}
	}
	b.Logf("commit, root and %d places are what the published messages give; hash %x", len(drawn), shown.hash.Sum(nil)[:8])
}

func unhex(b *testing.B, dst []byte, text string) {
	b.Helper()
	if n, err := hex.Decode(dst, []byte(text)); err != nil || n != len(dst) {
		b.Fatalf("the line shows %q: %v", text, err)
	}
}
