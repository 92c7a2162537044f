package enginetest

import (
	"fmt"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// Shell is the smallest honest shell around an event: one command a turn, every turn with facts a run in its log. It never waits and it never
// fails to write. A shell is not safe for concurrent use.
type Shell struct {
	Key    engine.Key
	Limits engine.Limits
	Event  *engine.Event
	Now    engine.Instant // node time, the time of the next turn; whoever moves it moves it forwards
	// Log is every run that has facts, in order, in memory of its own.
	Log []*engine.Run
	// Each, if not nil, is called after every step, with what was asked and answered.
	Each func(cmd *engine.Command, out *engine.Outcome)

	facts engine.Facts
}

// NewShell returns a shell around an event that does not exist yet.
func NewShell(key engine.Key, limits engine.Limits, now engine.Instant) *Shell {
	return &Shell{Key: key, Limits: limits, Event: engine.NewWithLimits(key, limits), Now: now}
}

// Do goes on with what earlier steps left over, then gives the event one command. The outcome is valid until the next command.
func (s *Shell) Do(cmd *engine.Command) *engine.Outcome {
	s.Settle()
	return s.Step(cmd)
}

// Settle goes on with what a step left over, as every shell must before it looks at its mailbox.
func (s *Shell) Settle() {
	for s.Event.Unsettled() {
		before := s.Event.Seq()
		s.Step(&engine.Command{Verb: engine.VerbSettle})
		if s.Event.Seq() == before {
			panic(fmt.Sprintf("enginetest: event %s is unsettled at fact %d, but to settle changes nothing", s.Key.ID, before))
		}
	}
}

// Pass lets time go by, up to and including until, and does on the way what the event wants done: due holds end, the tally is written, sales open
// and close by the clock. Wall time is node time here.
func (s *Shell) Pass(until engine.Instant) {
	idle, last := 0, engine.Instant(0)
	for {
		s.Settle()
		due, cmd := s.next()
		if cmd == nil || due > until {
			break
		}
		s.Now = max(s.Now, due)
		before := s.Event.Seq()
		s.Step(cmd)
		if idle++; s.Event.Seq() != before || due > last { // to look at something once, when its time has come, is all right
			idle = 0
		}
		last = due
		if idle > 8 {
			panic(fmt.Sprintf("enginetest: event %s wants %s at %d again and again, but nothing changes", s.Key.ID, cmd.Verb, due))
		}
	}
	s.Now = max(s.Now, until)
}

// next returns what the event wants done next of its own accord, and when. The command is nil if there is nothing.
func (s *Shell) next() (engine.Instant, *engine.Command) {
	due, expire := s.Event.NextDeadline()
	wall, schedule := s.Event.NextSchedule()
	if schedule && (!expire || wall <= due) {
		return wall, &engine.Command{Verb: engine.VerbSchedule, Wall: max(wall, s.Now)}
	}
	if expire {
		return due, &engine.Command{Verb: engine.VerbExpire}
	}
	return 0, nil
}

// Outage stops the process for ns nanoseconds: nothing happens in between, the clock goes on, and the event learns of it when it is back.
func (s *Shell) Outage(ns int64) *engine.Outcome {
	s.Now += engine.Instant(ns)
	return s.Do(&engine.Command{Verb: engine.VerbResume, Down: ns})
}

// Sleep puts the event to sleep and wakes it from its snapshot: what is not kept across sleep is gone.
func (s *Shell) Sleep() error {
	state := s.Event.AppendSnapshot(nil)
	woken, err := engine.OpenSnapshot(s.Key, state)
	if err != nil {
		return fmt.Errorf("wake event %s from its snapshot of %d bytes: %w", s.Key.ID, len(state), err)
	}
	e, ok := woken.(*engine.Event)
	if !ok {
		return fmt.Errorf("the snapshot of event %s opens as %T", s.Key.ID, woken)
	}
	if got, want := e.StateHash(), s.Event.StateHash(); got != want {
		return fmt.Errorf("event %s has state hash %016x asleep and %016x awake", s.Key.ID, got, want)
	}
	s.Event = e
	return nil
}

// State asks the event what it is doing; 0 if it does not exist.
func (s *Shell) State() engine.EventState {
	var none engine.Facts
	if out := s.Event.Step(&engine.Command{Verb: engine.VerbGet}, s.Now, &none); out.Shows&engine.ShowsEvent != 0 {
		return out.Event.State
	}
	return 0
}

// Step is one turn: the command, and nothing before or after it.
func (s *Shell) Step(cmd *engine.Command) *engine.Outcome {
	first := s.Event.Seq() + 1
	s.facts.Reset()
	out := s.Event.Step(cmd, s.Now, &s.facts)
	if s.facts.Count > 0 {
		s.Log = append(s.Log, &engine.Run{
			Key: s.Key, Partition: engine.PartitionOf(s.Key.ID), First: first, At: s.Now,
			Facts: engine.Facts{Buf: slices.Clone(s.facts.Buf), Count: s.facts.Count},
		})
	}
	if s.Each != nil {
		s.Each(cmd, out)
	}
	return out
}
