package engine_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
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
		return engine.Limits{Lots: 6, Pools: 3, Seats: 12, PriceVersions: 12, Holds: 4, Buyers: 5, Orders: 20, Ended: 8, Requests: 30, Refusals: 12, Touches: 8}
	case 2:
		return engine.Limits{Lots: 4, Pools: 2, Seats: 8, PriceVersions: 6, Holds: 2, Buyers: 3, Orders: 1, Ended: 2, Requests: 5, Refusals: 3, Touches: 2}
	}
	return engine.Limits{}
}

// play says what happens to an event that a generator plays with.
type play struct {
	limits             engine.Limits
	turns              int
	after              int // of them at most once the event has ended: little happens then
	lines, codes, pays bool
}

// run plays the turns through an event and its twin, and returns the first disagreement with the commands that led to it.
func (p play) run(dice enginetest.Dice) (*enginetest.Shell, *enginetest.Twin, error) {
	shell := enginetest.NewShell(eventKey(), p.limits, enginetest.WorkloadStart)
	twin := enginetest.NewTwin(shell)
	var wrong error
	shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
		if wrong == nil {
			wrong = twin.Check(cmd, out)
		}
	}
	g := enginetest.NewGenerator(dice, shell, twin.Model)
	g.Lines, g.Codes, g.Pays = p.lines, p.codes, p.pays
	for turns := p.turns; turns > 0; turns-- {
		if shell.State() >= engine.EventClosed {
			turns = min(turns, p.after)
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

// playPlain plays with an event that has neither a line nor codes.
func playPlain(dice enginetest.Dice, turns int) (*enginetest.Shell, *enginetest.Twin, error) {
	return play{limits: limits(dice), turns: turns, after: 25}.run(dice)
}

// TestEngineAnswersAsTheModelDoes makes the claim that the engine and the model are the same event, and lets rapid shrink what disproves it.
func TestEngineAnswersAsTheModelDoes(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		if _, _, err := playPlain(enginetest.RapidDice(t), 60); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzEngineAnswersAsTheModelDoes makes the same claim to the fuzzer, which sees what code is reached.
func FuzzEngineAnswersAsTheModelDoes(f *testing.F) {
	for seed := range uint64(8) {
		choices := make([]byte, 1024)
		source := rand.New(rand.NewPCG(seed, seed))
		for i := range choices {
			choices[i] = byte(source.Uint32())
		}
		f.Add(choices)
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		turns := min(len(choices)/16, 100) // a turn takes about as many bytes
		if _, _, err := playPlain(enginetest.BytesDice(choices), turns); err != nil {
			t.Fatal(err)
		}
	})
}

// TestLongRunsAnswerAsTheModelDoes plays longer lives of events than rapid does. HOLDFAST_MODEL_RUNS asks for more of them, and
// HOLDFAST_MODEL_SEED for others.
func TestLongRunsAnswerAsTheModelDoes(t *testing.T) {
	runs, seed := number(t, "HOLDFAST_MODEL_RUNS", number(t, "HOLDFAST_RAPID_CHECKS", 20)), uint64(number(t, "HOLDFAST_MODEL_SEED", 1))
	seen := map[enginetest.Situation]int{}
	for range runs {
		_, twin, err := playPlain(enginetest.SeededDice(seed), 400)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for met, n := range twin.Seen {
			seen[met] += n
		}
		seed++
	}
	t.Logf("seeds up to %d: %s", seed-1, coverage(seen))
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
func coverage(seen map[enginetest.Situation]int) string {
	var counts [engine.Verbs][engine.Codes]int
	total := 0
	for met, n := range seen {
		counts[met.Verb][met.Code] += n
		total += n
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d answers compared in %d situations", total, len(seen))
	for v := range counts {
		for c, n := range counts[v] {
			if n > 0 {
				fmt.Fprintf(&b, "\n%s %s %d", engine.Verb(v), engine.Code(c), n)
			}
		}
	}
	return b.String()
}
