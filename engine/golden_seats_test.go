package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// seatsSpec has rows with everything that can be said about rows.
func seatsSpec() *EventSpec {
	spec := testSpec()
	spec.LimitPerBuyer = 0
	spec.Lots = append(spec.Lots, LotSpec{Lot: "circle", FaceMinor: 7000, Rows: []RowSpec{
		{Section: "C", Row: "R8", Through: "R11", Seats: 12, Rank: 3, First: 101, Step: 2, Missing: "113", Aisles: "105 119", Best: "109", Accessible: "101-103", Companion: "105", Restricted: "121-125"},
		{Section: "C", Row: "Y", Through: "Z", Seats: 3, Rank: 2, First: 9, Step: -1},
		{Section: "box", Row: "1", Seats: 4, Labels: "1a 1b king queen", Best: "king"},
		{Section: "C", Row: "last", Seats: 5},
	}})
	return spec
}

// goldenSeats is the life of an event whose seats are picked.
func goldenSeats(t testing.TB) (w *world, lines []string) {
	t.Helper()
	w = &world{t: t, e: New(testKey()), now: start}
	for _, cmd := range []*Command{
		{Verb: VerbCreate, Spec: seatsSpec()},
		hold("b1", "circle", 3),
		{Verb: VerbHold, Buyer: "b2", Items: []Item{
			{Lot: "circle", Quantity: 2, Accessible: 1, Companion: 1},
			{Lot: "circle", Quantity: 13, Split: true},
			{Lot: "circle", Seats: []string{"box/1/queen"}},
			{Lot: "ga", Quantity: 1},
		}},
		{Verb: VerbHold, Buyer: "b3", Fill: FillBestEffort, Items: []Item{{Lot: "circle", Quantity: 9, Restricted: true}}},
		{Verb: VerbConfirm, Buyer: "b2", Hold: "h2", BoxOffice: true},
		{Verb: VerbBlock, Lot: "circle", Seats: []string{"C/R11/107"}},
		hold("b1", "circle", 2),
		{Verb: VerbUpdate, Spec: &EventSpec{Lots: []LotSpec{{Lot: "more", Rows: []RowSpec{{Section: "M", Row: "1", Seats: 2, Rank: 1}, {Section: "N", Row: "1", Seats: 2}}}}}},
		{Verb: VerbProve},
	} {
		w.facts.Reset()
		out := w.step(cmd)
		if out.Code != CodeOK {
			t.Fatalf("%s: %s", cmd.Verb, out.AppendMessage(nil))
		}
		lines = append(lines, fmt.Sprintf("%s %d %s", cmd.Verb, w.facts.Count, hex.EncodeToString(w.facts.Buf)))
	}
	return w, lines
}

// TestSeatsAreWrittenAsEver compares an event whose seats are picked with what was written when that was new.
func TestSeatsAreWrittenAsEver(t *testing.T) {
	w, lines := goldenSeats(t)
	snapshot := w.e.AppendSnapshot(nil)
	lines = append(lines, "snapshot "+hex.EncodeToString(snapshot), fmt.Sprintf("hash %016x", w.e.StateHash()))
	golden(t, "seats.txt", strings.Join(lines, "\n")+"\n")

	again := New(testKey())
	for _, line := range lines[:len(lines)-2] {
		f := strings.Fields(line)
		run := Run{Key: testKey(), First: again.Seq() + 1, At: w.now}
		run.Facts.Buf, _ = hex.DecodeString(f[2])
		if _, err := fmt.Sscan(f[1], &run.Facts.Count); err != nil {
			t.Fatal(err)
		}
		if err := again.Fold(&run); err != nil {
			t.Fatalf("%s: %v", f[0], err)
		}
	}
	opened, err := OpenSnapshot(testKey(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Event{again, opened.(*Event)} {
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		if e.StateHash() != w.e.StateHash() {
			t.Errorf("state hash %016x, live %016x", e.StateHash(), w.e.StateHash())
		}
		// They would also pick the same seats next.
		var facts Facts
		next := hold("b9", "circle", 4)
		next.RequestID = "next"
		live, err := OpenSnapshot(testKey(), snapshot)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(live.(*Event).Step(next, w.now, &facts).Hold.Items)
		if got := fmt.Sprint(e.Step(next, w.now, &facts).Hold.Items); got != want {
			t.Errorf("picked %s, want %s", got, want)
		}
	}
}
