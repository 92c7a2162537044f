package engine

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// TestWhatBecameOfThoseInTheLineIsCounted follows seven people through a line, whose report is known beforehand.
func TestWhatBecameOfThoseInTheLineIsCounted(t *testing.T) {
	spec := testSpec()
	spec.HoldTTLMs, spec.Lots, spec.Pay.LimitPerLinked = 120_000, []LotSpec{{Lot: "ga", FaceMinor: 4500}}, 100
	spec.Line = &LineSpec{Mode: LineModeLine, PassTTLMs: 30_000, GraceMs: 10_000, Tracks: []TrackSpec{{Track: "general", ShareBp: 7500}, {Track: "member", ShareBp: 2500}}}
	w := newWorld(t, spec)
	linked := func(cmd *Command) *Command {
		cmd.Payment = &PaymentCommand{Note: goodCard()}
		cmd.Payment.Note.Links = []uint64{7}
		return cmd
	}
	pay := func(buyer string, out *Outcome) *Command {
		return &Command{Verb: VerbConfirm, Buyer: buyer, Hold: string(AppendHoldID(nil, out.Hold.ID, 0)), PaymentRef: "inv-" + buyer, Payment: &PaymentCommand{Late: true}}
	}
	for _, buyer := range []string{"a", "b", "c", "d", "e"} {
		w.ok(joins(buyer))
	}
	w.ok(&Command{Verb: VerbJoin, Buyer: "m", Line: &LineCommand{Track: "member"}})
	w.ok(about(VerbAbsent, "b"))
	w.now += 10 * second
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 200})

	if out := w.ok(linked(&Command{Verb: VerbOffer, Buyer: "a", Items: []Item{{Lot: "ga", Quantity: 1}}})); !out.Offer.OneClick {
		t.Fatalf("a sees no button: %s", out.Offer.Reason)
	}
	w.ok(pay("a", w.ok(linked(hold("a", "ga", 1)))))
	w.ok(pay("c", w.ok(hold("c", "ga", 1))))
	w.ok(about(VerbLeave, "d"))
	e := *w.ok(hold("e", "ga", 2))
	m := *w.ok(linked(hold("m", "ga", 1)))
	w.now += 31 * second // the passes of e and m run out, and the time of grace of b
	w.ok(&Command{Verb: VerbExpire})
	w.ok(pay("e", &e))
	w.now += 200 * second // the hold of m is over
	w.ok(&Command{Verb: VerbExpire})
	if r, _ := w.e.Fairness(); r.Flows[line.Standard] != (line.FlowReport{Shopped: 4, Ordered: 2}) {
		t.Errorf("of four standard passes two have bought so far: %+v", r.Flows)
	}
	w.ok(pay("m", &m)) // and is paid late
	w.refused(CodePassRequired, hold("z", "ga", 1))

	r, ok := w.e.Fairness()
	all := line.FairTrack{Joined: 6, Served: 5, NoShows: 1, Left: 1, Ordered: 4, Share: 1, P50Ms: 10_000, P90Ms: 10_000, P99Ms: 10_000, MaxMs: 10_000}
	member := line.FairTrack{Joined: 1, Served: 1, Ordered: 1, Share: 0.2, P50Ms: 10_000, P90Ms: 10_000, P99Ms: 10_000, MaxMs: 10_000}
	if !ok || r.All != all || len(r.Tracks) != 2 || r.Tracks[1] != member {
		t.Errorf("the report says %+v", r)
	}
	if r.Flows != [2]line.FlowReport{{Shopped: 4, Ordered: 3}, {Shopped: 1, Ordered: 1}} || r.Tickets != 5 || r.Linked != 2 || r.MostLinked != 2 {
		t.Errorf("the report says %+v of flows, and %d tickets, %d to linked buyers, %d to some", r.Flows, r.Tickets, r.Linked, r.MostLinked)
	}
	w.ok(&Command{Verb: VerbClose})
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := opened.(*Event).Fairness(); !reflect.DeepEqual(again, r) || opened.StateHash() != w.e.StateHash() {
		t.Errorf("after it slept the report says %+v", again)
	}
	var totals, slept line.Totals
	if !w.e.LineTotals(&totals) || !opened.(*Event).LineTotals(&slept) || !reflect.DeepEqual(totals, slept) {
		t.Errorf("the totals are %+v, after it slept %+v", totals, slept)
	}
	if difference, deviation, _ := totals.Difference(); difference != r.Difference || deviation != r.Error || totals.Flows != r.Flows {
		t.Errorf("the totals say %v ± %v of %+v", difference, deviation, totals.Flows)
	}
	if totals.Joined != 6 || totals.Served != 5 || totals.NoShows != 1 || totals.Left != 1 || totals.Overtook != 0 || totals.Waits.PercentileMs(0.99) != 10_000 {
		t.Errorf("the totals are %+v", totals)
	}
	if totals.Tickets != 5 || totals.Linked != 2 || totals.Clusters != 1 {
		t.Errorf("%d tickets, %d of them to %d clusters of linked buyers", totals.Tickets, totals.Linked, totals.Clusters)
	}
	for _, cmd := range []*Command{{Verb: VerbGet}, {Verb: VerbPlace}} {
		cmd.Line = &LineCommand{Fairness: true}
		out := w.ok(cmd)
		v := out.Line
		if cmd.Verb == VerbGet {
			v = out.Event.Line
		}
		if v.Fairness == nil || !reflect.DeepEqual(*v.Fairness, r) || v.Overtaken != 0 {
			t.Errorf("%s shows %+v", cmd.Verb, v)
		}
	}
	if v := w.ok(&Command{Verb: VerbGet}).Event.Line; v.Fairness != nil {
		t.Error("a report is made that nobody has asked for")
	}
}

// TestAnOrderWithoutAPassIsNotThePasss: what somebody buys whose pass has run out unused is no success of that pass; what was held with it and is paid late is.
func TestAnOrderWithoutAPassIsNotThePasss(t *testing.T) {
	for _, late := range []bool{false, true} {
		spec := testSpec()
		spec.HoldTTLMs, spec.Lots = 10_000, []LotSpec{{Lot: "ga", FaceMinor: 4500, Capacity: 2}}
		spec.Line = &LineSpec{Mode: LineModeLine, PassTTLMs: 30_000, GraceMs: 10_000}
		w := newWorld(t, spec)
		w.ok(joins("bert"))
		var held string
		hold := func() { held = string(AppendHoldID(nil, w.ok(hold("bert", "ga", 1)).Hold.ID, 0)) }
		if late {
			hold()
		}
		w.now += 31 * second
		w.ok(&Command{Verb: VerbExpire}) // hold and pass have run out
		want, state := uint64(1), PlaceSpent
		if !late {
			w.ok(&Command{Verb: VerbUpdate, Spec: &EventSpec{Line: &LineSpec{Set: SetLineMode}}})
			hold()
			want, state = 0, PlaceLapsed
		}
		w.ok(&Command{Verb: VerbConfirm, Buyer: "bert", Hold: held, PaymentRef: "inv", Payment: &PaymentCommand{Late: late}})
		r, _ := w.e.Fairness()
		if got := r.Flows[line.Standard].Ordered; got != want || w.ok(about(VerbPlace, "bert")).Place.State != state {
			t.Errorf("paid late %v: %d orders of passes, the place is %s", late, got, w.ok(about(VerbPlace, "bert")).Place.State)
		}
	}
}

// TestATrackThatIsBehindItsShareIsSeen: members have a quarter of the passes. While none of them waits all go to others; who then waits is behind until the track has
// caught up, and a track of which nobody waits never is.
func TestATrackThatIsBehindItsShareIsSeen(t *testing.T) {
	spec := testSpec()
	spec.Lots = []LotSpec{{Lot: "ga", FaceMinor: 4500}}
	spec.Line = &LineSpec{Mode: LineModeLine, PassTTLMs: 30_000, Tracks: []TrackSpec{{Track: "general", ShareBp: 7500}, {Track: "member", ShareBp: 2500}}}
	w := newWorld(t, spec)
	behind := func(when string, want float64) {
		t.Helper()
		if s, ok := w.e.LineStats(); !ok || s.Behind != want {
			t.Errorf("%s a track is behind by %v, want %v; %d passes", when, s.Behind, want, s.Passes)
		}
	}
	// lets lets as many more in as there are tickets.
	lets := func(tickets int64) { w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: tickets}) }
	behind("before anybody came", 0)
	for i := range 40 {
		w.ok(joins(fmt.Sprintf("g%d", i)))
	}
	lets(16)
	s, _ := w.e.LineStats()
	passes := float64(s.Passes)
	if passes < 8 || passes >= 40 {
		t.Fatalf("%v passes for 16 tickets", passes)
	}
	behind("while no member waits", 0)
	for i := range 4 {
		w.ok(&Command{Verb: VerbJoin, Buyer: fmt.Sprintf("m%d", i), Line: &LineCommand{Track: "member"}})
	}
	behind("when members come late", (passes*0.25-1)/passes)
	lets(18)
	if s, _ = w.e.LineStats(); float64(s.Passes) <= passes {
		t.Fatalf("%d passes for 18 tickets", s.Passes)
	}
	granted := s.Passes - int64(passes) // to members, who are behind
	passes = float64(s.Passes)
	behind("with two more tickets", max(0, (passes*0.25-float64(granted)-1)/passes))
	lets(100)
	behind("when nobody waits", 0)
}
