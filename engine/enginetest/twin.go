package enginetest

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
)

// Twin watches the event of a [Shell] from two sides: the [Model] must give the same answers, and a replica that only ever folds the log must
// have the same state.
type Twin struct {
	Model   *Model
	Replica engine.Aggregate
	// Compared counts the answers that were compared, by verb and code.
	Compared [engine.Verbs][engine.Codes]int

	shell  *Shell
	folded int // runs of the shell's log that the replica has folded
}

// NewTwin returns the twin of an event that does not exist yet.
func NewTwin(s *Shell) *Twin {
	return &Twin{Model: NewModel(s.Key, s.Limits), Replica: engine.NewAggregate(s.Key), shell: s}
}

// Slept tells the twin that the event was put to sleep and woken.
func (t *Twin) Slept() { t.Model.Forget() }

// Check gives the model a command that the event has just answered, and compares all there is to compare. The error names the first thing that is
// wrong.
func (t *Twin) Check(cmd *engine.Command, out *engine.Outcome) error {
	t.Compared[out.Verb][out.Code]++
	e := t.shell.Event
	if diff := t.Model.Difference(out, t.Model.Step(cmd, t.shell.Now, out)); diff != "" {
		return fmt.Errorf("%s is answered otherwise than the rules say\n%s", cmd.Verb, diff)
	}
	if err := e.LiveCheck(); err != nil {
		return fmt.Errorf("after %s the quick check fails: %w", cmd.Verb, err)
	}
	if err := e.Check(); err != nil {
		return fmt.Errorf("after %s the check fails: %w", cmd.Verb, err)
	}
	for ; t.folded < len(t.shell.Log); t.folded++ {
		if err := t.Replica.Fold(t.shell.Log[t.folded]); err != nil {
			return fmt.Errorf("the facts of %s do not fold: %w", cmd.Verb, err)
		}
	}
	if got, want := t.Replica.StateHash(), e.StateHash(); got != want {
		return fmt.Errorf("after %s the log folds to state hash %016x, live is %016x", cmd.Verb, got, want)
	}
	if got, want := t.Replica.Seq(), e.Seq(); got != want {
		return fmt.Errorf("after %s the log folds to fact %d, live is %d", cmd.Verb, got, want)
	}
	return t.deadline()
}

// deadline compares when the event wants to be woken next: to end a hold or to write the tally.
func (t *Twin) deadline() error {
	got, ok := t.shell.Event.NextDeadline()
	want, wanted := t.Model.NextDeadline()
	if ok != wanted || ok && got != want {
		return fmt.Errorf("the event wants to be woken at %d (%t), the model at %d (%t)", got, ok, want, wanted)
	}
	return nil
}
