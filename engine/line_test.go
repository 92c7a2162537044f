package engine

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// lobby makes an event whose lobby has n entries, and opens it.
func lobby(t testing.TB, n int) *world {
	t.Helper()
	w := &world{t: t, e: New(testKey()), now: start}
	w.ok(&Command{Verb: VerbCreate, Spec: lineSpec()})
	w.ok(&Command{Verb: VerbSeed, Line: &LineCommand{Commit: line.Commit(goldenSeed())}})
	for i := range n {
		w.ok(joins("b" + strconv.Itoa(i+1)))
	}
	w.ok(&Command{Verb: VerbOpen})
	return w
}

// places are the places of the lobby's entries, as the event has them.
func places(e *Event) []line.Place {
	list := make([]line.Place, e.line.entries)
	for slot := range e.line.entries {
		list[slot] = e.line.rows.at(slot).place
	}
	return list
}

// TestTheDrawIsWhatAnybodyCanMake compares the places that an event draws, some in each step, with those that follow from what it publishes. In between it
// sleeps, is replayed, and people come and go.
func TestTheDrawIsWhatAnybodyCanMake(t *testing.T) {
	const entries = 5000
	w := lobby(t, entries)
	w.ok(&Command{Verb: VerbPause}) // so that nobody is served yet
	replica, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	leaves := make([]line.Hash, 0, entries)
	for from := line.Entry(1); from <= entries; from += EntriesPageMax {
		leaves = append(leaves, w.ok(&Command{Verb: VerbPlace, Line: &LineCommand{EntriesFrom: from}}).Line.Leaves...)
	}
	w.facts.Reset()
	first := w.e.Seq() + 1
	published := w.ok(&Command{Verb: VerbReveal, Line: &LineCommand{Seed: goldenSeed()}}).Line
	if got := line.Root(leaves); got != published.Root {
		t.Fatalf("the root over the leaves is %s, published was %s", got, published.Root)
	}
	want := line.Places(published.Seed, published.Root, published.Value, leaves)
	steps := 0
	for ; w.e.Unsettled(); steps++ {
		if steps == 3 {
			w.ok(joins("late"))
			w.ok(about(VerbLeave, "b7"))
			w.ok(about(VerbAbsent, "b8"))
		}
		w.ok(&Command{Verb: VerbSettle})
		run := Run{Key: testKey(), First: first, At: w.now, Facts: w.facts}
		if err := replica.Fold(&run); err != nil {
			t.Fatal(err)
		}
		first = w.e.Seq() + 1
		w.facts.Reset()
		opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
		if err != nil {
			t.Fatalf("after step %d: %v", steps, err)
		}
		if opened.StateHash() != w.e.StateHash() || replica.StateHash() != w.e.StateHash() {
			t.Fatalf("after step %d: live %016x, opened %016x, replayed %016x", steps, w.e.StateHash(), opened.StateHash(), replica.StateHash())
		}
		if err := replica.Check(); err != nil {
			t.Fatal(err)
		}
		if steps%2 == 1 {
			w.e = opened.(*Event) // it slept in the middle of the draw
		}
	}
	if steps < 10 {
		t.Errorf("%d entries were drawn in %d steps", entries, steps)
	}
	for slot, place := range places(w.e) {
		if place != want[slot] {
			t.Fatalf("entry %d has place %d, anybody can see that it is %d", slot+1, place, want[slot])
		}
	}
	if v := w.ok(about(VerbPlace, "late")).Place; v.Place != entries+1 || v.State != PlaceWaiting {
		t.Errorf("who came late is %+v", v)
	}
	last := line.Place(0)
	for at := w.e.line.tracks[0].waiting.first; at != 0; at = w.e.line.rows.at(at - 1).next {
		r := w.e.line.rows.at(at - 1)
		if r.place <= last {
			t.Fatalf("place %d is behind place %d", r.place, last)
		}
		last = r.place
	}
	if n := w.e.line.tracks[0].waiting.n; n != entries {
		t.Errorf("%d wait, want all but one and the one who came late", n)
	}
	if again := replica.AppendSnapshot(nil); !bytes.Equal(again, w.e.AppendSnapshot(nil)) {
		t.Error("the replica's snapshot is another one")
	}
}

// TestALobbyIsClosedInTheStepThatOpensTheEvent looks at the facts of an opening, and that the shell is told each thing once.
func TestALobbyIsClosedInTheStepThatOpensTheEvent(t *testing.T) {
	w := lobby(t, 3)
	run := Run{Key: testKey(), First: 1, At: start, Facts: w.facts}
	var kinds []FactKind
	if err := new(FactReader).Each(&run, func(f *Fact) error { kinds = append(kinds, f.Kind); return nil }); err != nil {
		t.Fatal(err)
	}
	if n := len(kinds); n != 7 || kinds[n-2] != FactOpened || kinds[n-1] != FactLobbyClosed {
		t.Errorf("the facts are %v", kinds)
	}
	var signals Signals
	if w.e.TakeSignals(&signals); signals.Line != LineWantsReveal {
		t.Errorf("the line wants %d", signals.Line)
	}
	signals.Reset()
	w.ok(joins("b9"))
	if w.e.TakeSignals(&signals); !signals.Empty() {
		t.Errorf("it is told twice: %+v", signals)
	}
	if w.e.LineWants() != LineWantsReveal {
		t.Error("what it wants is not known any more")
	}
}

// TestTheLineIsBounded fills it: entries in all, and how often one buyer may join.
func TestTheLineIsBounded(t *testing.T) {
	w := &world{t: t, e: NewWithLimits(testKey(), Limits{Line: 20}), now: start}
	spec := lineSpec()
	spec.Open = true
	w.ok(&Command{Verb: VerbCreate, Spec: spec})
	for range joinsMax {
		w.ok(joins("b1"))
		w.ok(about(VerbLeave, "b1"))
	}
	if out := w.refused(CodeTooMany, joins("b1")); out.Field != "buyer" {
		t.Errorf("refused for %s", out.Field)
	}
	for i := range 20 - joinsMax {
		w.ok(joins("c" + strconv.Itoa(i)))
	}
	w.refused(CodeTooMany, joins("d1"))
	w.ok(joins("c1")) // who has a place keeps it
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestBoundsOfTheLine reaches the bounds of commands about the line: the last that is taken, and the first that is not.
func TestBoundsOfTheLine(t *testing.T) {
	w := &world{t: t, e: New(testKey()), now: start}
	tracks := func(n int) *EventSpec {
		spec := &EventSpec{Line: &LineSpec{Set: SetTracks}}
		for i := range n {
			spec.Line.Tracks = append(spec.Line.Tracks, TrackSpec{Track: "t" + strconv.Itoa(i), ShareBp: sharesAll / int64(n)})
		}
		spec.Line.Tracks[0].ShareBp += sharesAll % int64(n)
		return spec
	}
	spec := lineSpec()
	spec.Line.DrawValue = true
	w.ok(&Command{Verb: VerbCreate, Spec: spec})
	w.refused(CodeInvalid, &Command{Verb: VerbUpdate, Spec: tracks(TracksMax + 1)})
	w.ok(&Command{Verb: VerbUpdate, Spec: tracks(TracksMax)})
	w.ok(&Command{Verb: VerbSeed, Line: &LineCommand{Commit: line.Commit(goldenSeed())}})
	w.refused(CodeInvalid, &Command{Verb: VerbJoin, Buyer: "b0", Line: &LineCommand{Wants: WantsMax + 1}})
	w.ok(&Command{Verb: VerbJoin, Buyer: "b0", Line: &LineCommand{Wants: WantsMax, Track: "t15"}})
	for i := range EntriesPageMax {
		w.ok(joins("b" + strconv.Itoa(i)))
	}
	w.ok(joins("last"))
	if n := len(w.ok(&Command{Verb: VerbPlace, Line: &LineCommand{EntriesFrom: 1}}).Line.Leaves); n != EntriesPageMax {
		t.Errorf("a page has %d leaves", n)
	}
	if v := w.ok(&Command{Verb: VerbPlace, Line: &LineCommand{EntriesFrom: EntriesPageMax + 1}}).Line; len(v.Leaves) != 1 || v.Leaves[0] != w.ok(about(VerbPlace, "last")).Place.Leaf {
		t.Errorf("the next page is %+v", v)
	}
	w.ok(&Command{Verb: VerbOpen})
	value := string(bytes.Repeat([]byte("x"), DrawValueLenMax))
	w.refused(CodeInvalid, &Command{Verb: VerbDraw, Line: &LineCommand{Value: value + "x"}})
	w.ok(&Command{Verb: VerbDraw, Line: &LineCommand{Value: value}})
}

// TestWhatIsFreedGoesDownTheLineInSlices frees 50,000 tickets at once while a thousand wait: no step grants more than its follow-ups, and nobody comes in between,
// not even somebody who is ahead of the follow-ups.
func TestWhatIsFreedGoesDownTheLineInSlices(t *testing.T) {
	const waiting = 1000
	w := &world{t: t, e: New(testKey()), now: start}
	spec := lineSpec()
	spec.Open, spec.Lots = true, []LotSpec{{Lot: "ga", FaceMinor: 4500}}
	w.ok(&Command{Verb: VerbCreate, Spec: spec})
	for i := range waiting {
		w.ok(joins("b" + strconv.Itoa(i+1)))
	}
	granted := line.Entry(0)
	step := func(cmd *Command) *Outcome { // a step, whose passes are those of the next in line
		w.facts.Reset()
		out := w.step(cmd)
		run, n := Run{Key: testKey(), First: 1, At: w.now, Facts: w.facts}, 0
		err := new(FactReader).Each(&run, func(f *Fact) error {
			if f.Kind == FactGranted {
				if n, granted = n+1, granted+1; f.Entry != granted {
					t.Fatalf("entry %d gets a pass, it is the turn of entry %d", f.Entry, granted)
				}
			}
			return nil
		})
		if err != nil || n > FollowUpsMax {
			t.Fatalf("a %s grants %d passes: %v", cmd.Verb, n, err)
		}
		return out
	}
	step(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 50_000})
	if out := step(hold("hasty", "ga", 1)); out.Code != CodePassRequired {
		t.Fatalf("who has no pass is answered with %s", out.Code)
	}
	if v := step(joins("late")).Place; v.State != PlaceWaiting {
		t.Fatalf("who came between two slices is %s", v.State)
	}
	for w.e.Unsettled() {
		step(&Command{Verb: VerbSettle})
	}
	if granted != waiting+1 {
		t.Fatalf("%d passes, %d have waited", granted, waiting+1)
	}
}

// TestWhoVanishesKeepsNobodyWaiting sells the same tickets to two lines, through a lane and where only the stock is a bound. In one of them 30 of 100 go away when they
// are admitted, without a word: while there are tickets, as many buy in a minute, but for one in twenty at most, as what those will not take is not kept for them.
func TestWhoVanishesKeepsNobodyWaiting(t *testing.T) {
	const tickets = 2000
	for _, c := range []struct {
		lanePerMin, thinkS, spreadS int
		least                       float64 // of the speed without those who vanish
	}{
		{100, 15, 30, 0.95},
		{200, 15, 30, 0.95},
		{200, 45, 90, 0.95},
		{200, 60, 120, 0.95},
		{1000, 15, 30, 0.95},
		{0, 30, 0, 0.95},
		{0, 90, 0, 0.95},
		// Where most take longer than three minutes, the last tickets wait for passes of those who have vanished.
		{200, 90, 180, 0.85},
		{200, 240, 0, 0.75},
		{0, 240, 0, 0.85},
	} {
		sell := func(vanish int) (minutes float64) {
			minutes, passes := sellThroughLine(t, tickets, c.lanePerMin, c.thinkS, c.spreadS, vanish)
			if passes > tickets*17/10 {
				t.Errorf("a lane of %d, %d to %d s to look around, %d of 100 vanish: %d passes for %d tickets", c.lanePerMin, c.thinkS, c.thinkS+c.spreadS, vanish, passes, tickets)
			}
			return minutes
		}
		all, some := sell(0), sell(30)
		t.Logf("a lane of %d, %d to %d s to look around: %.1f minutes if everybody buys, %.1f if 30 of 100 vanish: %.0f %%", c.lanePerMin, c.thinkS, c.thinkS+c.spreadS, all, some, 100*all/some)
		if all/some < c.least {
			t.Errorf("with 30 of 100 who vanish the line sells at %.0f %% of what it does without", 100*all/some)
		}
	}
}

// TestATimeInWhichNobodyCanShopLetsNobodyIn: those who stand before a closed counter are not taken for people who want nothing.
func TestATimeInWhichNobodyCanShopLetsNobodyIn(t *testing.T) {
	mode := func(m LineMode) Command {
		return Command{Verb: VerbUpdate, Spec: &EventSpec{Line: &LineSpec{Set: SetLineMode, Mode: m}}}
	}
	for _, c := range []struct{ stops, goesOn Command }{{Command{Verb: VerbPause}, Command{Verb: VerbOpen}}, {mode(LineModeOpen), mode(LineModeLine)}} {
		w := &world{t: t, e: New(testKey()), now: start}
		spec := lineSpec()
		spec.Open, spec.Lots, spec.Line.PassTTLMs = true, []LotSpec{{Lot: "ga", FaceMinor: 4500, Capacity: 1000}}, 600_000
		w.ok(&Command{Verb: VerbCreate, Spec: spec})
		settle := func() int {
			for w.e.Unsettled() {
				w.ok(&Command{Verb: VerbSettle})
			}
			return w.e.line.passes.n
		}
		for i := range 5000 {
			w.ok(joins("b" + strconv.Itoa(i+1)))
		}
		before := settle()
		for _, s := range []Instant{60, 300} {
			stops, goesOn := c.stops, c.goesOn
			w.ok(&stops)
			w.now += s * second
			w.step(&Command{Verb: VerbExpire})
			w.ok(&goesOn)
			if after := settle(); after != before || before == 0 {
				t.Errorf("%d passes before %s, %d after %d s", before, c.stops.Verb, after, s)
			}
		}
	}
}

// TestALineSleepsAfterAnOutageThatWasSaidTooLong: event time goes back then, while the line's clock stands still.
func TestALineSleepsAfterAnOutageThatWasSaidTooLong(t *testing.T) {
	w := lobby(t, 3)
	w.ok(&Command{Verb: VerbPause})
	before := w.e.lineTime()
	w.ok(&Command{Verb: VerbResume, Down: 3600e9})
	w.ok(&Command{Verb: VerbOpen})
	if got := w.e.lineTime(); got != before || w.e.line.clock.stood >= 0 {
		t.Errorf("the line's clock goes on at %d and not at %d, after %d", got, before, w.e.line.clock.stood)
	}
	woken, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := woken.StateHash(), w.e.StateHash(); got != want {
		t.Errorf("state hash %016x asleep, %016x awake", got, want)
	}
}

// sellThroughLine is how long it takes until nineteen of twenty tickets are sold, and how many got a pass for that, where everybody looks around for so
// long, or up to a spread longer, and so many of a hundred vanish.
func sellThroughLine(t *testing.T, tickets, lanePerMin, thinkS, spreadS, vanish int) (minutes float64, passes int) {
	t.Helper()
	w := &world{t: t, e: New(testKey()), now: start}
	spec := lineSpec()
	spec.Open, spec.Lots, spec.Line.PassTTLMs = true, []LotSpec{{Lot: "ga", FaceMinor: 4500, Capacity: int64(tickets)}}, 600_000
	w.ok(&Command{Verb: VerbCreate, Spec: spec})
	if lanePerMin > 0 {
		w.ok(&Command{Verb: VerbRate, Line: &LineCommand{PerMin: int64(lanePerMin)}})
	}
	for i := range 6 * tickets {
		w.ok(joins("b" + strconv.Itoa(i+1)))
	}
	type shopper struct {
		buyer string
		at    Instant
	}
	var shopping []shopper // in the order in which they will buy
	var told Signals
	paid := 0.0 // purchases that the lane has had time for
	for orders := 0; orders < tickets*95/100; w.now += second {
		paid += float64(lanePerMin) / 60
		for due, ok := w.e.NextDeadline(); ok && due <= w.now; due, ok = w.e.NextDeadline() {
			before := w.e.Seq()
			if w.step(&Command{Verb: VerbExpire}); w.e.Seq() == before {
				break
			}
		}
		for w.e.Unsettled() {
			w.step(&Command{Verb: VerbSettle})
		}
		told.Reset()
		w.e.TakeSignals(&told)
		for _, p := range told.Places {
			n, err := strconv.Atoi(p.Buyer[1:])
			if err != nil || p.State != PlaceAdmitted {
				continue
			}
			if passes++; n*7919%100 >= vanish {
				shopping = append(shopping, shopper{p.Buyer, w.now + Instant(thinkS+n*7907%(spreadS+1))*second})
			}
		}
		slices.SortStableFunc(shopping, func(a, b shopper) int { return cmp.Compare(a.at, b.at) })
		for len(shopping) > 0 && shopping[0].at <= w.now && (paid >= 1 || lanePerMin == 0) {
			if out := w.step(hold(shopping[0].buyer, "ga", 1)); out.Code == CodeOK {
				w.ok(&Command{Verb: VerbConfirm, Buyer: shopping[0].buyer, Hold: string(AppendHoldID(nil, out.Hold.ID, 0)), BoxOffice: true})
				orders, paid = orders+1, paid-1
			}
			shopping = shopping[1:]
		}
		if w.now > start+3600*second {
			t.Fatalf("%d of 100 vanish: %d orders in an hour", vanish, orders)
		}
	}
	return float64(w.now-start) / float64(60*second), passes
}
