package engine_test

import (
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// TestCodesAnswerAsTheModelDoes plays long lives of events with codes, half of them with lines: every answer is the model's, which counts the uses of a code from
// the holds and places themselves. HOLDFAST_MODEL_RUNS asks for more of them, and HOLDFAST_MODEL_SEED for others.
func TestCodesAnswerAsTheModelDoes(t *testing.T) {
	runs, seed := number(t, "HOLDFAST_MODEL_RUNS", number(t, "HOLDFAST_RAPID_CHECKS", 100)), uint64(number(t, "HOLDFAST_MODEL_SEED", 1))
	seen := map[enginetest.Situation]int{}
	for i := range runs {
		_, twin, err := play{turns: 300, after: 10, codes: true, lines: i%2 == 0}.run(enginetest.SeededDice(seed))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for met, n := range twin.Seen {
			seen[met] += n
		}
		seed++
	}
	for _, want := range []struct {
		verb  engine.Verb
		codes []engine.Code
	}{
		{engine.VerbCodes, []engine.Code{engine.CodeOK, engine.CodeInvalid, engine.CodeWrongState}},
		{engine.VerbHold, []engine.Code{engine.CodeOK, engine.CodeCodeUnknown, engine.CodeCodeUsedUp, engine.CodeCodeLocked, engine.CodeLotNotOpen}},
		{engine.VerbJoin, []engine.Code{engine.CodeOK, engine.CodeCodeUnknown, engine.CodeTrackUnknown}},
		{engine.VerbWait, []engine.Code{engine.CodeOK, engine.CodeCodeUnknown, engine.CodeCodeUsedUp, engine.CodeLotNotOpen}},
	} {
		for _, code := range want.codes {
			n := 0
			for met, count := range seen {
				if met.Verb == want.verb && met.Code == code {
					n += count
				}
			}
			if n == 0 {
				t.Errorf("%s was never answered with %s", want.verb, code)
			}
		}
	}
}
