package enginetest

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Twin watches the event of a [Shell] from two sides: the [Model] must give the same answers, and a replica that only ever folds the log must
// have the same state.
type Twin struct {
	Model   *Model
	Replica engine.Aggregate
	// Seen counts the situations in which answers were compared, so that a test can tell that its commands reached all of them.
	Seen map[Situation]int

	shell  *Shell
	beyond bool // a command came that the model does not know: from then on only what needs no model is compared
	folded int  // runs of the shell's log that the replica has folded
}

// Situation is a command, the event or hold it met, and the answer.
type Situation struct {
	Verb     engine.Verb
	Event    engine.EventState // before the command; 0 if there was no event
	Hold     string            // before extend, release and confirm: the state of the hold that is named, "due", "of another", or "none"
	Repeated bool
	Code     engine.Code
}

// NewTwin returns the twin of an event that does not exist yet.
func NewTwin(s *Shell) *Twin {
	return &Twin{Model: NewModel(s.Key, s.Limits), Replica: engine.NewAggregate(s.Key), Seen: map[Situation]int{}, shell: s}
}

// Slept tells the twin that the event was put to sleep and woken.
func (t *Twin) Slept() { t.Model.Forget() }

// Check gives the model a command that the event has just answered, and compares all there is to compare. The error names the first thing that is
// wrong.
func (t *Twin) Check(cmd *engine.Command, out *engine.Outcome) error {
	e := t.shell.Event
	met := Situation{Verb: cmd.Verb, Event: t.Model.state, Hold: t.Model.holdNamed(cmd, t.shell.Now), Repeated: out.Repeated, Code: out.Code}
	t.Seen[met]++
	t.beyond = t.beyond || !modelled(cmd)
	if !t.beyond {
		if diff := t.Model.Difference(out, t.Model.Step(cmd, t.shell.Now, out)); diff != "" {
			return fmt.Errorf("%s is answered otherwise than the rules say\n%s", cmd.Verb, diff)
		}
		if err := t.Model.unasked(cmd, out); err != nil {
			return err
		}
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
	if t.beyond {
		return nil
	}
	return t.deadline()
}

// modelled reports whether the model knows a command: of purchases it does not yet.
func modelled(cmd *engine.Command) bool {
	switch cmd.Verb {
	case engine.VerbOffer, engine.VerbBuy, engine.VerbPurchase, engine.VerbComplete, engine.VerbUndo, engine.VerbOneClick, engine.VerbIntend, engine.VerbResult,
		engine.VerbResolve:
		return false
	case engine.VerbConfirm:
		return cmd.Payment == nil || !cmd.Payment.Late
	case engine.VerbWait:
		return !lineSaid(cmd).AutoBuy || cmd.Payment != nil && chargeable(cmd.Payment)
	}
	return true
}

// chargeable reports whether the saved method can be charged as soon as a turn comes, by all that the shell knows of it.
func chargeable(p *engine.PaymentCommand) bool {
	n := &p.Note
	return n.Method != "" && (p.Method == "" || p.Method == n.Method) && n.MethodWhy == engine.EligibleYes && n.Gateway != "" && n.Kind != payment.MethodDelayedDebit && n.Can.OneClick()
}

// holdNamed tells what a command about a hold meets.
func (m *Model) holdNamed(cmd *engine.Command, now engine.Instant) string {
	switch cmd.Verb {
	case engine.VerbExtend, engine.VerbRelease, engine.VerbConfirm:
	default:
		return ""
	}
	m.now = now
	id, in, _ := engine.ParseHoldID(cmd.Hold)
	switch {
	case id == 0 || uint64(id) > uint64(len(m.holds)) || m.holds[id-1].in != in:
		return "none"
	case m.holds[id-1].buyer != cmd.Buyer:
		return "of another"
	case m.holds[id-1].forgotten:
		return engine.HoldForgotten.String()
	case m.holds[id-1].state == engine.HoldHeld && m.due(m.holds[id-1]):
		return "due"
	}
	return m.holds[id-1].state.String()
}

// deadline compares when the event wants to be woken next: to end a hold or to write the tally. It may be woken too early, but not for nothing again and again:
// the shell would notice.
func (t *Twin) deadline() error {
	got, ok := t.shell.Event.NextDeadline()
	want, wanted := t.Model.NextDeadline()
	if ok != wanted || ok && got > want {
		return fmt.Errorf("the event wants to be woken at %d (%t), the model at %d (%t)", got, ok, want, wanted)
	}
	return nil
}
