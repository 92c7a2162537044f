package engine_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/fifo"
)

// playAll plays with an event to which everything comes: purchases, auto-buys and refunds, and most often a line and codes. What was bought goes on after the end of sales.
func playAll(dice enginetest.Dice, turns int) (*enginetest.Shell, *enginetest.Twin, error) {
	p := play{limits: lineLimits(dice), turns: turns, after: 40, pays: true}
	p.lines, p.codes = dice.Below(3, "lines") > 0, dice.Below(2, "codes") > 0
	return p.run(dice)
}

// TestWhateverComesCanBeReadAgain claims, of events in which everything comes at once, what needs no model: every fact folds, to the same state; every invariant holds after
// every step; snapshots open as what they were made of; nothing that the event wants done keeps it from going on; and nobody is overtaken.
func TestWhateverComesCanBeReadAgain(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		if _, _, err := playAll(enginetest.RapidDice(t), 80); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLongLivesCanBeReadAgain plays longer ones, in which everything must have come. HOLDFAST_MODEL_RUNS asks for more of them, and HOLDFAST_MODEL_SEED for others.
func TestLongLivesCanBeReadAgain(t *testing.T) {
	runs, seed := number(t, "HOLDFAST_MODEL_RUNS", number(t, "HOLDFAST_RAPID_CHECKS", 60)), uint64(number(t, "HOLDFAST_MODEL_SEED", 1))
	seen := map[enginetest.Situation]int{}
	for range runs {
		shell, twin, err := playAll(enginetest.SeededDice(seed), 400)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for met, n := range twin.Seen {
			seen[met] += n
		}
		checker := fifo.New(eventKey())
		for _, run := range shell.Log {
			if err := checker.Read(run); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if r := checker.Report(); r.Inversions > 0 {
			t.Fatalf("seed %d: %q", seed, r.Wrong)
		}
		if shell.Event.Exists() {
			state := shell.Event.AppendSnapshot(nil)
			woken, err := engine.OpenSnapshot(eventKey(), state)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if !bytes.Equal(woken.AppendSnapshot(nil), state) {
				t.Fatalf("seed %d: the snapshot is written again with other bytes", seed)
			}
		}
		seed++
	}
	for _, verb := range []engine.Verb{
		engine.VerbJoin, engine.VerbWait, engine.VerbHold, engine.VerbOffer, engine.VerbBuy, engine.VerbIntend, engine.VerbResult, engine.VerbComplete, engine.VerbConfirm,
		engine.VerbUndo, engine.VerbRefund, engine.VerbCancel,
	} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(met enginetest.Situation) bool { return met.Verb == verb && met.Code == engine.CodeOK }) {
			t.Errorf("%s was never answered with ok", verb)
		}
	}
	t.Logf("seeds up to %d: %s", seed-1, coverage(seen))
}
