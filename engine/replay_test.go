package engine_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// life is an event that has been through a number of turns, with the state hash it had after each of its runs.
type life struct {
	shell  *enginetest.Shell
	twin   *enginetest.Twin
	hashes []uint64 // hashes[i] is the state hash after the first i runs of the log
}

func live(t *rapid.T, turns int) *life {
	dice := enginetest.RapidDice(t)
	l := &life{shell: enginetest.NewShell(eventKey(), limits(dice), enginetest.WorkloadStart)}
	l.twin = enginetest.NewTwin(l.shell)
	l.hashes = append(l.hashes, l.shell.Event.StateHash())
	l.shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
		l.twin.Model.Step(cmd, l.shell.Now, out)
		if len(l.shell.Log) == len(l.hashes) {
			l.hashes = append(l.hashes, l.shell.Event.StateHash())
		}
	}
	g := enginetest.NewGenerator(dice, l.shell, l.twin.Model)
	for range turns {
		if err := g.Turn(); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// fold folds runs into an aggregate and compares its state hash after every one of them.
func (l *life) fold(t *rapid.T, a engine.Aggregate, from int) {
	for i := from; i < len(l.shell.Log); i++ {
		if err := a.Fold(l.shell.Log[i]); err != nil {
			t.Fatalf("run %d of %d: %v", i, len(l.shell.Log), err)
		}
		if got, want := a.StateHash(), l.hashes[i+1]; got != want {
			t.Fatalf("after run %d of %d the log folds to state hash %016x, live was %016x", i, len(l.shell.Log), got, want)
		}
		if err := a.Check(); err != nil {
			t.Fatalf("after run %d of %d: %v", i, len(l.shell.Log), err)
		}
	}
}

func TestEveryPrefixOfTheLogFoldsToTheLiveState(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		l := live(t, 50)
		replica := engine.NewAggregate(eventKey())
		l.fold(t, replica, 0)
		if got, want := replica.AppendSnapshot(nil), l.shell.Event.AppendSnapshot(nil); !bytes.Equal(got, want) {
			t.Fatalf("the replica's snapshot of %d bytes is not the live one of %d bytes", len(got), len(want))
		}
	})
}

func TestSnapshotAndTailAreTheWholeLog(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		l := live(t, 50)
		cut := rapid.IntRange(0, len(l.shell.Log)).Draw(t, "cut")
		first := engine.NewAggregate(eventKey())
		for _, run := range l.shell.Log[:cut] {
			if err := first.Fold(run); err != nil {
				t.Fatal(err)
			}
		}
		state := first.AppendSnapshot(nil)
		second, err := engine.OpenSnapshot(eventKey(), state)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := second.StateHash(), l.hashes[cut]; got != want {
			t.Fatalf("the snapshot after %d runs opens to state hash %016x, live was %016x", cut, got, want)
		}
		if again := second.AppendSnapshot(nil); !bytes.Equal(again, state) {
			t.Fatalf("the snapshot after %d runs is written again with other bytes", cut)
		}
		l.fold(t, second, cut)
	})
}

// TestTheSameCommandsMakeTheSameFacts runs two events side by side: nothing hidden (map order, addresses, an earlier event) may reach the log.
func TestTheSameCommandsMakeTheSameFacts(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		dice := enginetest.RapidDice(t)
		bounds := limits(dice)
		first := enginetest.NewShell(eventKey(), bounds, enginetest.WorkloadStart)
		second := enginetest.NewShell(eventKey(), bounds, enginetest.WorkloadStart)
		sideBySide(t, dice, "q", first, second, enginetest.NewModel(eventKey(), bounds))
	})
}

// TestAWokenEventGoesOnAsIfAwake runs an event beside a copy of it that was woken from its snapshot.
func TestAWokenEventGoesOnAsIfAwake(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		l := live(t, 30)
		first := l.shell
		if !first.Event.Exists() {
			return // what does not exist is not put to sleep
		}
		first.Pass(first.Now + engine.TallyPeriodNs) // a pending tally does not survive sleep
		woken, err := engine.OpenSnapshot(eventKey(), first.Event.AppendSnapshot(nil))
		if err != nil {
			t.Fatal(err)
		}
		second := enginetest.NewShell(eventKey(), first.Limits, first.Now)
		second.Event = woken.(*engine.Event)
		first.Log = nil
		sideBySide(t, enginetest.RapidDice(t), "w", first, second, l.twin.Model)
	})
}

// sideBySide gives two events the same commands. They must give the same answers and make the same facts.
func sideBySide(t *rapid.T, dice enginetest.Dice, prefix string, first, second *enginetest.Shell, model *enginetest.Model) {
	first.Each = func(cmd *engine.Command, out *engine.Outcome) {
		model.Step(cmd, first.Now, out)
		said := enginetest.Describe(out)
		second.Now = first.Now
		if again := enginetest.Describe(second.Step(cmd)); again != said {
			t.Fatalf("two events answer otherwise\nfirst:  %s\nsecond: %s", said, again)
		}
	}
	g := enginetest.NewGenerator(dice, first, model)
	g.Awake, g.Prefix = true, prefix
	for range 40 {
		if err := g.Turn(); err != nil {
			t.Fatal(err)
		}
	}
	first.Pass(first.Now + 3600e9) // every hold ends
	same := func(a, b *engine.Run) bool {
		return a.First == b.First && a.At == b.At && a.Facts.Count == b.Facts.Count && bytes.Equal(a.Facts.Buf, b.Facts.Buf)
	}
	if !slices.EqualFunc(first.Log, second.Log, same) {
		t.Fatal("two events made other facts of the same commands")
	}
}

// TestEveryFactPrefixConserves cuts runs between their facts, as no crash does but a reader of the log may: G1 and every other invariant must hold
// after every single fact.
func TestEveryFactPrefixConserves(t *testing.T) {
	thorough(t)
	rapid.Check(t, func(t *rapid.T) {
		l := live(t, 40)
		whole := engine.NewAggregate(eventKey())
		for i, run := range l.shell.Log {
			if run.Facts.Count > 1 {
				cutRun(t, whole, run)
			}
			if err := whole.Fold(run); err != nil {
				t.Fatalf("run %d: %v", i, err)
			}
		}
	})
}

// cutRun finds the ends of a run's facts by trying: bytes fold as so many facts only if they are exactly those facts.
func cutRun(t *rapid.T, before engine.Aggregate, run *engine.Run) {
	state, exists := before.AppendSnapshot(nil), before.Seq() > 0
	from := 0
	for count := 1; count < run.Facts.Count; count++ {
		found := false
		for end := from + 1; end < len(run.Facts.Buf) && !found; end++ {
			part := engine.NewAggregate(run.Key)
			if exists {
				var err error
				if part, err = engine.OpenSnapshot(run.Key, state); err != nil {
					t.Fatal(err)
				}
			}
			cut := *run
			cut.Facts = engine.Facts{Buf: run.Facts.Buf[:end], Count: count}
			if part.Fold(&cut) != nil {
				continue
			}
			found, from = true, end
			if err := part.Check(); err != nil {
				t.Fatalf("after %d of %d facts: %v", count, run.Facts.Count, err)
			}
		}
		if !found {
			t.Fatalf("fact %d of %d has no end", count, run.Facts.Count)
		}
	}
}
