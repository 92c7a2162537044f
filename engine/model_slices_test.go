package engine_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// watched returns a shell whose every step is compared with the model, the replica and the checks.
func watched(t *testing.T) *enginetest.Shell {
	t.Helper()
	shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
	twin := enginetest.NewTwin(shell)
	shell.Each = func(cmd *engine.Command, out *engine.Outcome) {
		if err := twin.Check(cmd, out); err != nil {
			t.Fatal(err)
		}
	}
	return shell
}

// accept gives the event a command that it must accept.
func accept(t *testing.T, s *enginetest.Shell, cmd engine.Command) {
	t.Helper()
	if out := s.Step(&cmd); out.Code != engine.CodeOK {
		t.Fatalf("%s is refused: %s", cmd.Verb, out.AppendMessage(nil))
	}
}

// TestManyTiersOpenInSlices lets 600 tiers wait for one ticket: a step does not open more than its share, and the rest is left to Settle.
func TestManyTiersOpenInSlices(t *testing.T) {
	const tiers = 600
	s := watched(t)
	spec := &engine.EventSpec{Currency: "EUR", Open: true, Lots: []engine.LotSpec{{Lot: "first", Capacity: 1}}}
	for i := range tiers {
		spec.Lots = append(spec.Lots, engine.LotSpec{Lot: "tier-" + strconv.Itoa(i), Capacity: 1, After: "first"})
	}
	accept(t, s, engine.Command{Verb: engine.VerbCreate, RequestID: "c", Spec: spec})
	created := len(s.Log)
	accept(t, s, engine.Command{Verb: engine.VerbHold, RequestID: "h", Buyer: "b", Items: []engine.Item{{Lot: "first", Quantity: 1}}})
	s.Settle()
	opened := []int{-1} // the hold itself is a fact too
	for i, run := range s.Log[created:] {
		if i > 0 {
			opened = append(opened, 0)
		}
		opened[i] += run.Facts.Count
	}
	want := []int{engine.FollowUpsMax, engine.FollowUpsMax, tiers - 2*engine.FollowUpsMax}
	if fmt.Sprint(opened) != fmt.Sprint(want) {
		t.Fatalf("steps opened %v tiers, want %v", opened, want)
	}
	for _, l := range s.Do(&engine.Command{Verb: engine.VerbGet}).Event.Lots {
		if !l.Open {
			t.Fatalf("lot %s is not open", l.Spec.Lot)
		}
	}
}

// TestManyEqualDeadlinesEndInSlices lets 700 holds end at the same nanosecond: no Expire ends more than its batch, the first given first.
func TestManyEqualDeadlinesEndInSlices(t *testing.T) {
	const holds = 700
	s := watched(t)
	accept(t, s, engine.Command{Verb: engine.VerbCreate, RequestID: "c", Spec: &engine.EventSpec{
		Currency: "EUR", Open: true, HoldTTLMs: 1000, HasSpread: true, Lots: []engine.LotSpec{{Lot: "ga", Capacity: holds}},
	}})
	for i := range holds {
		id := strconv.Itoa(i)
		accept(t, s, engine.Command{Verb: engine.VerbHold, RequestID: "h" + id, Buyer: "b" + id, Items: []engine.Item{{Lot: "ga", Quantity: 1}}})
	}
	s.Now += 1e9
	live := []int64{}
	for range 4 {
		live = append(live, s.Step(&engine.Command{Verb: engine.VerbGet}).Event.HoldsLive)
		accept(t, s, engine.Command{Verb: engine.VerbExpire})
	}
	want := []int64{holds, holds - engine.ExpireBatchMax, holds - 2*engine.ExpireBatchMax, 0}
	if fmt.Sprint(live) != fmt.Sprint(want) {
		t.Fatalf("before each batch %v holds are live, want %v", live, want)
	}
}

// TestEqualDeadlinesEndByID extends holds in another order than they were taken in: those that end at the same nanosecond end by their ids, so that an
// event that slept in between makes the same facts.
func TestEqualDeadlinesEndByID(t *testing.T) {
	end := func(sleep bool) []*engine.Run {
		s := watched(t)
		accept(t, s, engine.Command{Verb: engine.VerbCreate, RequestID: "c", Spec: &engine.EventSpec{
			Currency: "EUR", Open: true, HoldTTLMs: 1000, HasSpread: true, Lots: []engine.LotSpec{{Lot: "ga", Capacity: 100}},
		}})
		const holds = 40 // more than fit in one bucket of different deadlines
		for i := range holds {
			id := strconv.Itoa(i + 1)
			accept(t, s, engine.Command{Verb: engine.VerbHold, RequestID: "h" + id, Buyer: "b" + id, Items: []engine.Item{{Lot: "ga", Quantity: 1}}})
		}
		s.Now += 1e6
		for i := range holds {
			id := strconv.Itoa((i*17+5)%holds + 1)
			if i%4 > 0 {
				accept(t, s, engine.Command{Verb: engine.VerbExtend, RequestID: "x" + id, Buyer: "b" + id, Hold: "h" + id})
			}
		}
		if sleep {
			if err := s.Sleep(); err != nil {
				t.Fatal(err)
			}
		}
		s.Log = s.Log[len(s.Log):]
		s.Each = nil
		s.Pass(s.Now + 10e9)
		return s.Log
	}
	awake, slept := end(false), end(true)
	if len(awake) != 2 || len(slept) != 2 {
		t.Fatalf("%d runs awake and %d after sleep, want one for each of two deadlines", len(awake), len(slept))
	}
	for i := range awake {
		if !bytes.Equal(awake[i].Facts.Buf, slept[i].Facts.Buf) {
			t.Errorf("awake the facts are % x, after sleep % x", awake[i].Facts.Buf, slept[i].Facts.Buf)
		}
	}
}

// TestEveryThingAskedForIsContent repeats each kind of accepted command with each single thing in it changed: somebody's mistake, every time.
func TestEveryThingAskedForIsContent(t *testing.T) {
	s := watched(t)
	try := func(cmd engine.Command) {
		t.Helper()
		accept(t, s, cmd)
		if out := s.Step(&cmd); out.Code != engine.CodeOK || !out.Repeated {
			t.Errorf("the same %s again is answered with %s, repeated %t", cmd.Verb, out.Code, out.Repeated)
		}
		for i, other := range enginetest.Variants(&cmd) {
			if out := s.Step(&other); out.Code != engine.CodeRequestMismatch {
				t.Errorf("%s is the same as its variant %d: %s\n%+v\n%+v", cmd.Verb, i, out.Code, cmd, other)
			}
		}
	}
	try(engine.Command{Verb: engine.VerbCreate, RequestID: "c", Spec: &engine.EventSpec{
		Currency: "EUR", Pools: []engine.PoolSpec{{Pool: "hall", Capacity: 90}}, Lots: []engine.LotSpec{
			{Lot: "ga", Capacity: 50, FaceMinor: 100},
			{Lot: "stalls", Rows: []engine.RowSpec{{Section: "A", Row: "1", Seats: 9}}},
		},
	}})
	try(engine.Command{Verb: engine.VerbOpen, RequestID: "o"})
	try(engine.Command{Verb: engine.VerbUpdate, RequestID: "u", Spec: &engine.EventSpec{City: "Utrecht", Set: engine.SetCity}})
	try(engine.Command{Verb: engine.VerbHold, RequestID: "h1", Buyer: "b1", Items: []engine.Item{{Lot: "ga", Quantity: 2}, {Lot: "stalls", Seats: []string{"A/1/1", "A/1/2"}}}})
	try(engine.Command{Verb: engine.VerbHold, RequestID: "h2", Buyer: "b2", Items: []engine.Item{{Lot: "ga", Quantity: 2}}, Fill: engine.FillAtLeast, AtLeast: 1})
	try(engine.Command{Verb: engine.VerbHold, RequestID: "h3", Buyer: "b3", Items: []engine.Item{{Lot: "ga", Quantity: 2}}, Fill: engine.FillBestEffort})
	try(engine.Command{Verb: engine.VerbExtend, RequestID: "x", Buyer: "b1", Hold: "h1"})
	try(engine.Command{Verb: engine.VerbRelease, RequestID: "r", Buyer: "b3", Hold: "h3"})
	try(engine.Command{Verb: engine.VerbConfirm, RequestID: "k", Buyer: "b1", Hold: "h1", PaymentRef: "inv-1"})
	try(engine.Command{Verb: engine.VerbBlock, RequestID: "k1", Lot: "ga", Quantity: 3})
	try(engine.Command{Verb: engine.VerbBlock, RequestID: "k2", Lot: "stalls", Seats: []string{"A/1/5", "A/1/6"}})
	try(engine.Command{Verb: engine.VerbBlock, RequestID: "k3", Pool: "hall", Quantity: 3})
	try(engine.Command{Verb: engine.VerbUnblock, RequestID: "n", Lot: "stalls", Seats: []string{"A/1/5"}})
	try(engine.Command{Verb: engine.VerbCapacity, RequestID: "g1", Lot: "ga", Quantity: 40})
	try(engine.Command{Verb: engine.VerbCapacity, RequestID: "g2", Pool: "hall", Quantity: 40})
	try(engine.Command{Verb: engine.VerbPause, RequestID: "p"})
	try(engine.Command{Verb: engine.VerbClose, RequestID: "e"})
}
