package engine_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/fifo"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// TestNobodyIsOvertaken lets people come, go, sleep through their turn, buy, and ask for everything twice, in lines with and without a lobby and with several
// tracks, while the engine falls and is rebuilt from its last snapshot and the log behind it. A checker that knows only the log and the stated rules
// must find each turn to be the next. HOLDFAST_LINE_GRANTS says how many passes are granted in all.
func TestNobodyIsOvertaken(t *testing.T) {
	grants := 40_000
	if text := os.Getenv("HOLDFAST_LINE_GRANTS"); text != "" {
		var err error
		if grants, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	sum := fifo.Report{}
	falls, commands := 0, 0
	for seed := uint64(1); sum.Passes < int64(grants); seed++ {
		s := newLineSale(seed)
		s.run(t, min(grants/5, 20_000))
		r := s.fifo.Report()
		sum.Passes, sum.Skips, sum.Offers, sum.Inversions = sum.Passes+r.Passes, sum.Skips+r.Skips, sum.Offers+r.Offers, sum.Inversions+r.Inversions
		falls, commands = falls+s.falls, commands+s.commands
		if r.Inversions > 0 || r.Overtaken.Outside > 0 {
			t.Fatalf("seed %d: %d inversions, %+v: %q", seed, r.Inversions, r.Overtaken, r.Wrong)
		}
	}
	t.Logf("%d passes, %d skipped, %d offers, %d commands, %d falls: %d inversions", sum.Passes, sum.Skips, sum.Offers, commands, falls, sum.Inversions)
}

// lineSale is a sale through a line, simulated.
type lineSale struct {
	dice     enginetest.Dice
	key      engine.Key
	event    *engine.Event
	now      engine.Instant
	facts    engine.Facts
	fifo     *fifo.Checker
	snapshot []byte
	tail     []*engine.Run // behind the snapshot
	seed     line.Seed
	buyers   int // who ever came
	holds    []lineHold
	said     []engine.Command
	commands int
	falls    int
	capacity int64
}

type lineHold struct{ buyer, id string }

func newLineSale(seed uint64) *lineSale {
	s := &lineSale{dice: enginetest.SeededDice(seed), key: eventKey(), now: enginetest.WorkloadStart, capacity: 100}
	s.event, s.fifo = engine.NewWithLimits(s.key, engine.Limits{Requests: 10_000}), fifo.New(s.key)
	s.seed[0] = byte(seed)
	return s
}

func (s *lineSale) below(n int) int { return s.dice.Below(n, "") }

// do gives the event a command, and the checker its facts.
func (s *lineSale) do(t *testing.T, cmd engine.Command) *engine.Outcome {
	t.Helper()
	s.commands++
	if cmd.RequestID == "" && cmd.Verb.OfCallers() && !cmd.Verb.IsRead() {
		cmd.RequestID = "r" + strconv.Itoa(s.commands)
		if s.below(20) == 0 {
			s.said = append(s.said, cmd)
		}
	}
	s.facts.Reset()
	first := s.event.Seq() + 1
	out := s.event.Step(&cmd, s.now, &s.facts)
	if s.facts.Count > 0 {
		run := &engine.Run{Key: s.key, First: first, At: s.now, Facts: engine.Facts{Buf: append([]byte(nil), s.facts.Buf...), Count: s.facts.Count}}
		if err := s.fifo.Read(run); err != nil {
			t.Fatal(err)
		}
		s.tail = append(s.tail, run)
	}
	return out
}

// settled does what the event wants at once.
func (s *lineSale) settled(t *testing.T) {
	t.Helper()
	for s.event.Unsettled() {
		s.do(t, engine.Command{Verb: engine.VerbSettle})
	}
}

// fall drops the event and rebuilds it: from the snapshot before, with what the log has behind it.
func (s *lineSale) fall(t *testing.T) {
	t.Helper()
	s.falls++
	hash := s.event.StateHash()
	rebuilt := engine.NewAggregate(s.key)
	if s.snapshot != nil {
		var err error
		if rebuilt, err = engine.OpenSnapshot(s.key, s.snapshot); err != nil {
			t.Fatal(err)
		}
	}
	for _, run := range s.tail {
		if err := rebuilt.Fold(run); err != nil {
			t.Fatal(err)
		}
	}
	if rebuilt.StateHash() != hash {
		t.Fatalf("rebuilt it is %016x, live it was %016x", rebuilt.StateHash(), hash)
	}
	s.event = rebuilt.(*engine.Event)
	if s.below(2) == 0 {
		s.snapshot, s.tail = s.event.AppendSnapshot(nil), nil
	}
}

// buyer is somebody, most often of those who came last.
func (s *lineSale) buyer() string {
	if s.below(5) > 0 {
		return "b" + strconv.Itoa(max(0, s.buyers-s.below(500)))
	}
	return "b" + strconv.Itoa(s.below(s.buyers+1))
}

// run sells until so many passes were granted.
func (s *lineSale) run(t *testing.T, grants int) {
	t.Helper()
	spec := &engine.EventSpec{
		Name: "Night One", Currency: "EUR", HoldTTLMs: 60_000, Open: true,
		Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 1000, Capacity: s.capacity}},
		Line: &engine.LineSpec{Mode: engine.LineModeLine, PassTTLMs: 30_000, GraceMs: 10_000},
	}
	if s.below(2) == 0 {
		spec.Line.Tracks = []engine.TrackSpec{{Track: "general", ShareBp: 7000}, {Track: "member", ShareBp: 2500}, {Track: "accessible", ShareBp: 500}}
	}
	lobby := s.below(2) == 0
	if spec.Open = !lobby; s.below(3) == 0 {
		spec.Line.ShoppersMax = int64(1 + s.below(50))
	}
	s.do(t, engine.Command{Verb: engine.VerbCreate, Spec: spec})
	if lobby {
		s.do(t, engine.Command{Verb: engine.VerbSeed, Line: &engine.LineCommand{Commit: line.Commit(s.seed)}})
		for range 200 + s.below(3000) {
			s.act(t, spec)
		}
		s.do(t, engine.Command{Verb: engine.VerbOpen})
		for range s.below(50) {
			s.act(t, spec)
		}
		s.do(t, engine.Command{Verb: engine.VerbReveal, Line: &engine.LineCommand{Seed: s.seed}})
	}
	for idle := 0; s.fifo.Passes() < int64(grants) && s.fifo.Inversions() == 0; idle++ {
		before := s.fifo.Passes()
		s.act(t, spec)
		if s.below(200) > 0 { // now and then somebody is ahead of the follow-ups, as nobody is in the engine: even so nobody is overtaken
			s.settled(t)
		}
		if s.below(grants) == 0 { // some ten times
			s.fall(t)
		}
		if s.fifo.Passes() > before {
			idle = 0
		}
		if idle > 20_000 {
			t.Fatalf("%d passes were granted, and then no more: %+v", s.fifo.Passes(), s.event)
		}
	}
	s.fall(t)
	if err := s.event.Check(); err != nil {
		t.Fatal(err)
	}
	if r, _ := s.event.Fairness(); int64(r.All.Served) != s.fifo.Passes() || int64(r.All.Overtook) != s.fifo.Inversions() {
		t.Errorf("the event counts %d passes and %d turns of somebody else, the checker %d and %d", r.All.Served, r.All.Overtook, s.fifo.Passes(), s.fifo.Inversions())
	}
}

// TestTheEventCountsWhoIsOvertaken: the event's own count finds what the checker finds.
func TestTheEventCountsWhoIsOvertaken(t *testing.T) {
	for seed := range uint64(6) {
		s := newLineSale(seed)
		s.run(t, 500)
		if r, _ := s.event.Fairness(); r.All.Overtook > 0 {
			t.Errorf("seed %d: %d turns were somebody else's", seed, r.All.Overtook)
		}
	}
}

// act lets something happen.
func (s *lineSale) act(t *testing.T, spec *engine.EventSpec) {
	t.Helper()
	switch n := s.below(100); {
	case n < 40:
		buyer := s.buyer()
		if s.below(3) > 0 {
			s.buyers++
			buyer = "b" + strconv.Itoa(s.buyers)
		}
		cmd := engine.Command{Verb: engine.VerbJoin, Buyer: buyer, Line: &engine.LineCommand{}}
		if tracks := spec.Line.Tracks; len(tracks) > 0 && s.below(2) == 0 {
			cmd.Line.Track = tracks[s.below(len(tracks))].Track
		}
		s.do(t, cmd)
	case n < 45:
		s.do(t, engine.Command{Verb: engine.VerbLeave, Buyer: s.buyer()})
	case n < 55:
		s.do(t, engine.Command{Verb: engine.VerbAbsent, Buyer: s.buyer()})
	case n < 62:
		s.do(t, engine.Command{Verb: engine.VerbPresent, Buyer: s.buyer()})
	case n < 76:
		buyer := s.buyer()
		out := s.do(t, engine.Command{Verb: engine.VerbHold, Buyer: buyer, Items: []engine.Item{{Lot: "ga", Quantity: int64(1 + s.below(3))}}})
		if out.Code == engine.CodeOK {
			s.holds = append(s.holds, lineHold{buyer, string(engine.AppendHoldID(nil, out.Hold.ID, 0))})
		}
	case n < 86 && len(s.holds) > 0:
		i := s.below(len(s.holds))
		verb := engine.VerbConfirm
		if s.below(3) == 0 {
			verb = engine.VerbRelease
		}
		s.do(t, engine.Command{Verb: verb, Buyer: s.holds[i].buyer, Hold: s.holds[i].id, BoxOffice: verb == engine.VerbConfirm})
		s.holds[i] = s.holds[len(s.holds)-1]
		s.holds = s.holds[:len(s.holds)-1]
	case n < 90:
		s.capacity += int64(s.below(40))
		s.do(t, engine.Command{Verb: engine.VerbCapacity, Lot: "ga", Quantity: s.capacity})
	case n < 92 && len(s.said) > 0:
		s.do(t, s.said[s.below(len(s.said))]) // again, exactly as it was
	case n < 93:
		mode := engine.LineMode(s.below(8) / 7)
		s.do(t, engine.Command{Verb: engine.VerbUpdate, Spec: &engine.EventSpec{Line: &engine.LineSpec{Set: engine.SetLineMode, Mode: engine.LineModeLine - mode}}})
	default:
		s.now += engine.Instant(s.below(2_000)) * 1e6
		for {
			due, ok := s.event.NextDeadline()
			if !ok || due > s.now {
				break
			}
			before := s.event.Seq()
			s.do(t, engine.Command{Verb: engine.VerbExpire})
			if s.event.Seq() == before {
				break
			}
		}
	}
}

// TestTheCheckerOfLinesSees gives the checker the log of a sale with two waiters swapped, and expects it to say so.
func TestTheCheckerOfLinesSees(t *testing.T) {
	var runs []*engine.Run
	s := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
	spec := &engine.EventSpec{
		Name: "Night One", Currency: "EUR", Open: true, Lots: []engine.LotSpec{{Lot: "ga", Capacity: 0}}, Line: &engine.LineSpec{Mode: engine.LineModeLine},
	}
	s.Do(&engine.Command{Verb: engine.VerbCreate, RequestID: "c", Spec: spec})
	for _, buyer := range []string{"a", "b", "c"} {
		s.Do(&engine.Command{Verb: engine.VerbJoin, RequestID: "j" + buyer, Buyer: buyer})
	}
	s.Do(&engine.Command{Verb: engine.VerbCapacity, RequestID: "cap", Lot: "ga", Quantity: 2})
	runs = s.Log
	last := runs[len(runs)-1]
	for _, swap := range []bool{false, true} {
		checker := fifo.New(eventKey())
		for _, run := range runs {
			if run == last && swap {
				buf := append([]byte(nil), run.Facts.Buf...)
				i := bytes.Index(buf, []byte{69, 1}) // the first pass, of entry 1: now it is the second's
				buf[i+1] = 2
				run = &engine.Run{Key: run.Key, First: run.First, At: run.At, Facts: engine.Facts{Buf: buf, Count: run.Facts.Count}}
			}
			if err := checker.Read(run); err != nil {
				t.Fatal(err)
			}
		}
		if r := checker.Report(); (r.Inversions > 0) != swap || r.Passes == 0 {
			t.Errorf("swapped %t: %d grants, %d inversions: %q", swap, r.Passes, r.Inversions, fmt.Sprint(r.Wrong))
		}
	}
}
