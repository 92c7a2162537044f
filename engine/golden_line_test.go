package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// goldenSeed is the seed of the draws in tests.
func goldenSeed() (seed line.Seed) {
	for i := range seed {
		seed[i] = byte(i)
	}
	return seed
}

// lineSpec is an event with a lobby.
func lineSpec() *EventSpec {
	spec := testSpec()
	spec.Open = false
	spec.Line = &LineSpec{Mode: LineModeLine}
	return spec
}

func joins(buyer string) *Command { return &Command{Verb: VerbJoin, Buyer: buyer} }

func about(verb Verb, buyer string) *Command { return &Command{Verb: verb, Buyer: buyer} }

// goldenLine is the life of an event with a line, with a fact of every kind that is about that.
func goldenLine(t testing.TB) (w *world, lines []string) {
	t.Helper()
	w = &world{t: t, e: NewWithLimits(testKey(), Limits{Line: 100}), now: start}
	do := func(cmd *Command) {
		t.Helper()
		w.facts.Reset()
		if out := w.step(cmd); out.Code != CodeOK {
			t.Fatalf("%s: %s: %s", cmd.Verb, out.Code, out.AppendMessage(nil))
		}
		lines = append(lines, fmt.Sprintf("%s %d %d %s", cmd.Verb, w.now-start, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
		w.now += second / 4
	}
	spec := lineSpec()
	spec.Line.LobbyAt, spec.Line.DrawValue, spec.Line.PassTTLMs, spec.Line.GraceMs = start+second, true, 60_000, 30_000
	spec.Line.Tracks = []TrackSpec{{Track: "general", ShareBp: 7500}, {Track: "member", ShareBp: 2500}}
	do(&Command{Verb: VerbCreate, Spec: spec})
	do(&Command{Verb: VerbSeed, Line: &LineCommand{Commit: line.Commit(goldenSeed())}})
	do(&Command{Verb: VerbSchedule, Wall: start + second})
	do(&Command{Verb: VerbJoin, Buyer: "b1", Payment: &PaymentCommand{Note: Annotation{Links: []uint64{7, 9}}}, Line: &LineCommand{Wants: 2}})
	for n := 2; n <= 12; n++ {
		do(joins(fmt.Sprintf("b%d", n)))
	}
	do(&Command{Verb: VerbJoin, Buyer: "b13", Line: &LineCommand{Track: "member"}})
	do(about(VerbLeave, "b3"))
	do(joins("b3"))
	do(about(VerbAbsent, "b4"))
	do(about(VerbAbsent, "b5"))
	do(about(VerbPresent, "b5"))
	do(&Command{Verb: VerbUpdate, Spec: &EventSpec{Line: &LineSpec{Set: SetShoppersMax, ShoppersMax: 3}}})
	do(&Command{Verb: VerbOpen})
	do(joins("b14"))
	do(&Command{Verb: VerbDraw, Line: &LineCommand{Value: "lotto 3 17 22 41"}})
	do(&Command{Verb: VerbReveal, Line: &LineCommand{Seed: goldenSeed()}})
	do(&Command{Verb: VerbSettle})
	do(&Command{Verb: VerbRate, Line: &LineCommand{PerMin: 600}})
	do(&Command{Verb: VerbSettle})
	do(joins("b15"))
	admitted := func(n int) string { // the buyer of a pass
		at := w.e.line.passes.first
		for range n {
			at = w.e.line.turns.at(at - 1).next
		}
		return w.e.buyerName(w.e.line.rows.at(w.e.line.turns.at(at - 1).entry).buyer)
	}
	one, two, three := admitted(0), admitted(1), admitted(2)
	do(hold(one, "ga", 2))
	do(&Command{Verb: VerbHold, Buyer: two, Items: []Item{{Lot: "stalls", Seats: []string{"A/1/4"}}}})
	do(&Command{Verb: VerbConfirm, Buyer: one, Hold: "h1", PaymentRef: "inv-1"})
	do(about(VerbAbsent, three))
	do(about(VerbAbsent, w.e.buyerName(w.e.line.rows.at(w.e.line.tracks[0].waiting.first-1).buyer)))
	w.now += 61 * second
	do(&Command{Verb: VerbExpire}) // passes run out, one while its buyer has a hold; somebody is skipped
	skipped := func() string {
		return w.e.buyerName(w.e.line.rows.at(w.e.line.turns.at(w.e.line.skipped.first - 1).entry).buyer)
	}
	do(about(VerbPresent, skipped()))
	do(about(VerbAbsent, w.e.buyerName(w.e.line.rows.at(w.e.line.tracks[0].waiting.first-1).buyer)))
	do(about(VerbLeave, admitted(0)))
	w.now += 31 * second
	do(&Command{Verb: VerbExpire}) // somebody is gone
	do(about(VerbAbsent, admitted(0)))
	do(hold(admitted(1), "ga", 1))
	do(&Command{Verb: VerbProve})
	return w, lines
}

// TestTheLineIsWrittenAsEver compares the facts of a line with what was written when they were new: facts, their words, snapshot and hash.
func TestTheLineIsWrittenAsEver(t *testing.T) {
	w, lines := goldenLine(t)
	wantsGoldenFacts(t, w, lines, "line.txt")
}

// lineStates are snapshots of the golden line at each of its steps: it is in another phase each time.
func lineStates(t testing.TB) (states [][]byte) {
	t.Helper()
	_, lines := goldenLine(t)
	e := New(testKey())
	for _, text := range lines {
		f := strings.Fields(text)
		if len(f) < 4 {
			continue
		}
		run := Run{Key: testKey(), First: e.Seq() + 1}
		if _, err := fmt.Sscan(f[1]+" "+f[2], &run.At, &run.Facts.Count); err != nil {
			t.Fatal(err)
		}
		run.At += start
		run.Facts.Buf, _ = hex.DecodeString(f[3])
		if err := e.Fold(&run); err != nil {
			t.Fatalf("%s: %v", f[0], err)
		}
		states = append(states, e.AppendSnapshot(nil))
	}
	return states
}
