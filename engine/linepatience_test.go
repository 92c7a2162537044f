package engine

import (
	"strconv"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// TestPatienceIsWhatWaitersDid: who gives up, is absent when the turn comes, and comes back, is counted while the line is served, and after a restart it is the same.
func TestPatienceIsWhatWaitersDid(t *testing.T) {
	w := lobby(t, 900)
	if p := w.e.line.patience; p != (line.Patience{}) {
		t.Errorf("in the lobby nobody waits for a turn yet: %+v", p)
	}
	for i := range 50 {
		w.ok(about(VerbAbsent, "b"+strconv.Itoa(i+1)))
	}
	w.ok(about(VerbLeave, "b60"))
	w.ok(&Command{Verb: VerbReveal, Line: &LineCommand{Seed: goldenSeed()}})
	for w.e.Unsettled() {
		w.ok(&Command{Verb: VerbSettle})
	}
	last, back := "", ""
	for i := range 900 {
		buyer := "b" + strconv.Itoa(i+1)
		switch place := w.ok(about(VerbPlace, buyer)).Place; {
		case place.State == PlaceWaiting && last == "":
			last = buyer
		case place.State == PlaceSkipped:
			back = buyer
		}
	}
	if last == "" || back == "" {
		t.Fatalf("somebody should wait, %q, and somebody should have been skipped, %q", last, back)
	}
	w.ok(about(VerbLeave, last))
	w.ok(about(VerbPresent, back))
	w.ok(joins("late"))
	p := w.e.line.patience
	here := int64(w.e.line.counts[PlaceWaiting])
	for slot := range w.e.line.rows.rows { // who came back was counted when the turn came
		if w.e.line.rows.at(slot).flags&rowReturned != 0 {
			here--
		}
	}
	if int64(p.Waiting) != here {
		t.Errorf("%d wait for their turn, patience says %+v", here, p)
	}
	if p.Left != 1 {
		t.Errorf("one gave up: %+v", p)
	}
	if p.Missed == 0 || p.Missed > 50 || p.Back != 1 {
		t.Errorf("some were absent, and one came back: %+v", p)
	}
	opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := opened.(*Event).line.patience; got != p {
		t.Errorf("after a restart %+v is %+v", p, got)
	}
}
