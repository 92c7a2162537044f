package engine_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// thorough lets HOLDFAST_RAPID_CHECKS ask for more runs of every property than the few seconds' worth of an everyday test.
func thorough(t *testing.T) {
	t.Helper()
	checks := os.Getenv("HOLDFAST_RAPID_CHECKS")
	if checks == "" {
		return
	}
	if err := flag.Set("rapid.checks", checks); err != nil {
		t.Fatalf("HOLDFAST_RAPID_CHECKS=%s: %v", checks, err)
	}
}

// eventKey is the event of every property.
func eventKey() engine.Key {
	return engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}
}

// limits draws bounds: as they are by default, small enough to be reached in a few hundred turns, or in a few dozen.
func limits(dice enginetest.Dice) engine.Limits {
	switch dice.Below(3, "limits") {
	case 1:
		return engine.Limits{Lots: 6, Pools: 3, Seats: 12, PriceVersions: 12, Holds: 4, Buyers: 5, Orders: 20, Ended: 8, Requests: 30, Refusals: 12}
	case 2:
		return engine.Limits{Lots: 4, Pools: 2, Seats: 8, PriceVersions: 6, Holds: 2, Buyers: 3, Orders: 3, Ended: 2, Requests: 5, Refusals: 3}
	}
	return engine.Limits{}
}

// play runs turns of a generator through an event and its twin, and returns the first disagreement with the commands that led to it.
func play(dice enginetest.Dice, turns int) (*enginetest.Shell, *enginetest.Twin, error) {
	shell := enginetest.NewShell(eventKey(), limits(dice), enginetest.WorkloadStart)
	twin := enginetest.NewTwin(shell)
	var wrong error
	shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
		if wrong == nil {
			wrong = twin.Check(cmd, out)
		}
	}
	g := enginetest.NewGenerator(dice, shell, twin.Model)
	for ; turns > 0; turns-- {
		if twin.Model.Closed() {
			turns = min(turns, 25) // little happens after that
		}
		if err := g.Turn(); err != nil {
			return shell, twin, err
		}
		if wrong != nil {
			return shell, twin, wrong
		}
	}
	return shell, twin, nil
}

// modelProperty is the claim that the engine and the model are the same event.
func modelProperty(t *rapid.T) {
	if _, _, err := play(enginetest.RapidDice(t), 60); err != nil {
		t.Fatal(err)
	}
}

func TestEngineAnswersAsTheModelDoes(t *testing.T) {
	thorough(t)
	rapid.Check(t, modelProperty)
}

func FuzzEngineAnswersAsTheModelDoes(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(modelProperty))
}

// TestLongRunsAnswerAsTheModelDoes plays longer lives of events than rapid does. HOLDFAST_MODEL_RUNS asks for more of them, and
// HOLDFAST_MODEL_SEED for others.
func TestLongRunsAnswerAsTheModelDoes(t *testing.T) {
	runs, seed := number(t, "HOLDFAST_MODEL_RUNS", 20), uint64(number(t, "HOLDFAST_MODEL_SEED", 1))
	var compared [engine.Verbs][engine.Codes]int
	for range runs {
		_, twin, err := play(enginetest.SeededDice(seed), 400)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for v := range compared {
			for c := range compared[v] {
				compared[v][c] += twin.Compared[v][c]
			}
		}
		seed++
	}
	t.Logf("seeds up to %d: %s", seed-1, coverage(&compared))
}

func number(t *testing.T, env string, otherwise int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", env, err)
	}
	return n
}

// coverage lists how often each verb was answered with each code.
func coverage(compared *[engine.Verbs][engine.Codes]int) string {
	total := 0
	var b strings.Builder
	for v := range compared {
		fmt.Fprintf(&b, "\n%s:", engine.Verb(v))
		for c, n := range compared[v] {
			if n > 0 {
				fmt.Fprintf(&b, " %s=%d", engine.Code(c), n)
				total += n
			}
		}
	}
	return fmt.Sprintf("%d answers compared%s", total, b.String())
}

// TestGeneratorReachesEveryRule tests the tests: every verb must be answered with every code that it can have, or the comparison proves nothing
// about that rule.
func TestGeneratorReachesEveryRule(t *testing.T) {
	var seen [engine.Verbs][engine.Codes]int
	const runs, first = 2000, 1000
	for seed := uint64(first); seed < first+runs; seed++ {
		_, twin, err := play(enginetest.SeededDice(seed), 100)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for v := range seen {
			for c := range seen[v] {
				seen[v][c] += twin.Compared[v][c]
			}
		}
	}
	for verb, codes := range reachable() {
		for _, code := range codes {
			if seen[verb][code] == 0 {
				t.Errorf("%s is never answered with %s", verb, code)
			}
			seen[verb][code] = 0
		}
	}
	for v := range seen {
		for c, n := range seen[v] {
			if n > 0 {
				t.Errorf("%s is answered with %s, which no rule says", engine.Verb(v), engine.Code(c))
			}
		}
	}
}

// reachable says which codes each verb can be answered with: the rules by the codes they lead to.
func reachable() map[engine.Verb][]engine.Code {
	mutating := []engine.Code{engine.CodeOK, engine.CodeInvalid, engine.CodeCardNumber, engine.CodeRequestMismatch}
	with := func(more ...engine.Code) []engine.Code { return append(append([]engine.Code{}, mutating...), more...) }
	own := []engine.Code{engine.CodeEventUnknown, engine.CodeHoldUnknown, engine.CodeHoldExpired, engine.CodeHoldEnded}
	return map[engine.Verb][]engine.Code{
		engine.VerbCreate: with(engine.CodeEventExists, engine.CodeTooMany),
		engine.VerbUpdate: with(engine.CodeEventUnknown, engine.CodeWrongState, engine.CodeTooMany),
		engine.VerbOpen:   with(engine.CodeEventUnknown, engine.CodeWrongState),
		engine.VerbPause:  with(engine.CodeEventUnknown, engine.CodeWrongState),
		engine.VerbClose:  with(engine.CodeEventUnknown, engine.CodeWrongState),
		engine.VerbGet:    {engine.CodeOK, engine.CodeEventUnknown},
		engine.VerbHold: with(
			engine.CodeEventUnknown, engine.CodeNotOnSale, engine.CodeLotUnknown, engine.CodeSeatUnknown, engine.CodeLotNotOpen, engine.CodeBelowMinimum,
			engine.CodeAboveMaximum, engine.CodeRequiresMissing, engine.CodeLimitReached, engine.CodeSoldOut, engine.CodeSeatTaken,
			engine.CodePriceExceeded, engine.CodeTooMany,
		),
		engine.VerbExtend:  with(own...),
		engine.VerbRelease: with(own...),
		engine.VerbConfirm: with(append(own, engine.CodePaymentRefMissing, engine.CodeTooMany)...),
		engine.VerbOrder:   {engine.CodeOK, engine.CodeInvalid, engine.CodeCardNumber, engine.CodeEventUnknown, engine.CodeOrderUnknown},
		engine.VerbBlock: with(
			engine.CodeEventUnknown, engine.CodeLotUnknown, engine.CodePoolUnknown, engine.CodeSeatUnknown, engine.CodeSoldOut, engine.CodeSeatTaken,
		),
		engine.VerbUnblock: with(
			engine.CodeEventUnknown, engine.CodeWrongState, engine.CodeLotUnknown, engine.CodePoolUnknown, engine.CodeSeatUnknown, engine.CodeAboveMaximum,
		),
		engine.VerbCapacity: with(engine.CodeEventUnknown, engine.CodeLotUnknown, engine.CodePoolUnknown),
		engine.VerbExpire:   {engine.CodeOK},
		engine.VerbSettle:   {engine.CodeOK},
		engine.VerbSchedule: {engine.CodeOK},
		engine.VerbResume:   {engine.CodeOK},
		engine.VerbProve:    {engine.CodeOK},
	}
}
