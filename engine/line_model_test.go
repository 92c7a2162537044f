package engine_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/fifo"
)

// playLine plays with an event that has a line.
func playLine(dice enginetest.Dice, turns int) (*enginetest.Shell, *enginetest.Twin, error) {
	return play{limits: lineLimits(dice), turns: turns, after: 10, lines: true}.run(dice)
}

func lineLimits(dice enginetest.Dice) engine.Limits {
	l := limits(dice)
	if l.Lots != 0 {
		l.Line = 4 + dice.Below(20, "line")
	}
	return l
}

// TestTheLineAnswersAsTheModelDoes makes the claim of TestEngineAnswersAsTheModelDoes for events with lines: every answer is the model's, every fact folds, every
// snapshot opens, and every invariant holds after every step.
func TestTheLineAnswersAsTheModelDoes(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		if _, _, err := playLine(enginetest.RapidDice(t), 60); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLongLinesAnswerAsTheModelDoes plays longer lives of events with lines. HOLDFAST_MODEL_RUNS asks for more of them, and HOLDFAST_MODEL_SEED for others.
func TestLongLinesAnswerAsTheModelDoes(t *testing.T) {
	runs, seed := number(t, "HOLDFAST_MODEL_RUNS", number(t, "HOLDFAST_RAPID_CHECKS", 100)), uint64(number(t, "HOLDFAST_MODEL_SEED", 1))
	seen, offers, kept, least := map[enginetest.Situation]int{}, 0, 0, 0
	for range runs {
		shell, twin, err := playLine(enginetest.SeededDice(seed), 400)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for met, n := range twin.Seen {
			seen[met] += n
		}
		offers, kept, least = offers+twin.Model.Offers, kept+twin.Model.Kept, least+twin.Model.Least
		checker := fifo.New(eventKey())
		for _, run := range shell.Log {
			if err := checker.Read(run); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if r := checker.Report(); r.Inversions > 0 {
			t.Fatalf("seed %d: %q", seed, r.Wrong)
		}
		if fair, ok := shell.Event.Fairness(); ok {
			v, _ := shell.Event.Line()
			counted := [...]uint64{fair.All.Joined, fair.All.Served, fair.All.NoShows, fair.All.Left, fair.All.Overtook}
			if want := [...]uint64{uint64(v.Joined), uint64(checker.Passes()), uint64(v.Gone), uint64(v.Left), 0}; counted != want || fair.All.Ordered < uint64(v.Spent) {
				t.Fatalf("seed %d: joined, served, no-shows, left and overtaken are %d, the report says %+v", seed, want, fair.All)
			}
		}
		seed++
	}
	for _, want := range []struct {
		verb engine.Verb
		code engine.Code
	}{
		{engine.VerbJoin, engine.CodeOK},
		{engine.VerbJoin, engine.CodeLobbyClosed},
		{engine.VerbJoin, engine.CodeAlreadyInLine},
		{engine.VerbJoin, engine.CodeTooMany},
		{engine.VerbJoin, engine.CodeTrackUnknown},
		{engine.VerbJoin, engine.CodeNotOnSale},
		{engine.VerbLeave, engine.CodeOK},
		{engine.VerbLeave, engine.CodeNotInLine},
		{engine.VerbAbsent, engine.CodeOK},
		{engine.VerbPresent, engine.CodeOK},
		{engine.VerbPlace, engine.CodeOK},
		{engine.VerbPlace, engine.CodeNotInLine},
		{engine.VerbDraw, engine.CodeOK},
		{engine.VerbDraw, engine.CodeDrawDone},
		{engine.VerbDraw, engine.CodeWrongState},
		{engine.VerbSeed, engine.CodeOK},
		{engine.VerbReveal, engine.CodeOK},
		{engine.VerbReveal, engine.CodeInvalid},
		{engine.VerbRate, engine.CodeOK},
		{engine.VerbHold, engine.CodeOK},
		{engine.VerbHold, engine.CodePassRequired},
		{engine.VerbHold, engine.CodePassExpired},
		{engine.VerbConfirm, engine.CodeOK},
		{engine.VerbWait, engine.CodeOK},
		{engine.VerbWait, engine.CodeInvalid},
		{engine.VerbWait, engine.CodeNotOnSale},
		{engine.VerbWait, engine.CodeLotUnknown},
		{engine.VerbWait, engine.CodeWrongState},
		{engine.VerbWait, engine.CodePassRequired},
		{engine.VerbWait, engine.CodeAlreadyInLine},
		{engine.VerbWait, engine.CodeTooMany},
		{engine.VerbWait, engine.CodeBelowMinimum},
		{engine.VerbWait, engine.CodeAboveMaximum},
		{engine.VerbWait, engine.CodeLimitReached},
		{engine.VerbWait, engine.CodeNotTogether},
	} {
		n := 0
		for met, count := range seen {
			if met.Verb == want.verb && met.Code == want.code {
				n += count
			}
		}
		if n == 0 {
			t.Errorf("%s was never answered with %s", want.verb, want.code)
		}
	}
	if offers < runs {
		t.Errorf("only %d offers in %d lives", offers, runs)
	}
	if least == 0 {
		t.Error("a price that was shown between the pass and now was never the least")
	}
	t.Logf("seeds up to %d: %d offers, %d times tickets were kept, %d times a price between the pass and now was the least, %s", seed-1, offers, kept, least, coverage(seen))
}

// TestAWokenLineGoesOnAsIfAwake runs an event with a line beside a copy of it that was woken from its snapshot, whatever phase it was in.
func TestAWokenLineGoesOnAsIfAwake(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		first, twin, err := playLine(enginetest.RapidDice(t), 40)
		if err != nil || !first.Event.Exists() {
			return // the test above says what is wrong
		}
		first.Each = nil
		first.Pass(first.Now + engine.TallyPeriodNs) // a pending tally does not survive sleep
		state := first.Event.AppendSnapshot(nil)
		woken, err := engine.OpenSnapshot(eventKey(), state)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(woken.AppendSnapshot(nil), state) {
			t.Fatal("the snapshot is written again with other bytes")
		}
		second := enginetest.NewShell(eventKey(), first.Limits, first.Now)
		second.Event = woken.(*engine.Event)
		first.Log = nil
		sideBySide(t, enginetest.RapidDice(t), "w", first, second, twin.Model)
	})
}
