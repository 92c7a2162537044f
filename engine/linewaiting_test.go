package engine

import (
	"slices"
	"strconv"
	"testing"
)

// TestWhoWaitsIsReadInPages: everybody whom the line or the waiting list has something to tell is on one page, whatever has become of the others, and the looks leave no facts.
func TestWhoWaitsIsReadInPages(t *testing.T) {
	w := &world{t: t, e: New(testKey()), now: start}
	w.ok(&Command{Verb: VerbCreate, Spec: &EventSpec{
		Currency: "EUR", Open: true, Line: &LineSpec{Mode: LineModeLine, Tracks: []TrackSpec{{Track: "general", ShareBp: 9000}, {Track: "member", ShareBp: 1000}}, ShoppersMax: 2},
		Lots: []LotSpec{{Lot: "ga", FaceMinor: 100, Capacity: 2}},
	}})
	const buyers = WaitingPageMax + 10
	for i := range buyers {
		c := joins("b" + strconv.Itoa(i+1))
		if c.Line = new(LineCommand); i == 5 {
			c.Line.Track, c.Line.Wants = "member", 3
		}
		w.ok(c)
	}
	w.ok(about(VerbLeave, "b3"))
	w.ok(about(VerbLeave, "b4096"))
	pages := func(list bool) (all []string, sizes []int) {
		t.Helper()
		seq, hash := w.e.Seq(), w.e.StateHash()
		for from := uint32(1); from != 0; {
			out := w.ok(&Command{Verb: VerbPlace, Line: &LineCommand{WaitingFrom: from, List: list}})
			if out.Shows != ShowsWaiting {
				t.Fatalf("it shows %b", out.Shows)
			}
			for _, r := range out.Waiting.Rows {
				if all = append(all, r.Buyer); r.Buyer == "b6" && (r.Track != 1 || r.Wants != 3 || r.Place != 6) {
					t.Errorf("b6 is %+v", r)
				}
			}
			from, sizes = out.Waiting.Next, append(sizes, len(out.Waiting.Rows))
		}
		if w.e.Seq() != seq || w.e.StateHash() != hash {
			t.Error("a look has left something behind")
		}
		return all, sizes
	}
	all, sizes := pages(false)
	if !slices.Equal(sizes, []int{WaitingPageMax - 2, 10}) || all[0] != "b1" || all[2] != "b4" || all[len(all)-1] != "b"+strconv.Itoa(buyers) {
		t.Fatalf("pages of %d, from %s, %s to %s", sizes, all[0], all[2], all[len(all)-1])
	}
	if out := w.ok(&Command{Verb: VerbPlace, Line: &LineCommand{WaitingFrom: 1<<32 - 1}}); len(out.Waiting.Rows) != 0 || out.Waiting.Next != 0 {
		t.Errorf("behind the last there are %d", len(out.Waiting.Rows))
	}

	// b1 and b2 take what there is; b7 waits for more of it, without its place in the line, and so does b8, who keeps it.
	w.ok(&Command{Verb: VerbHold, Buyer: "b1", Items: []Item{{Lot: "ga", Quantity: 1}}})
	w.ok(&Command{Verb: VerbHold, Buyer: "b2", Items: []Item{{Lot: "ga", Quantity: 1}}})
	w.ok(&Command{Verb: VerbConfirm, Buyer: "b2", Hold: "h2", PaymentRef: "p"})
	w.ok(&Command{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "p"})
	w.ok(about(VerbLeave, "b7"))
	for _, buyer := range []string{"b7", "b8", "stranger"} {
		w.ok(&Command{Verb: VerbWait, Buyer: buyer, Line: &LineCommand{Wishes: []Wish{{Lot: "ga", Quantity: 1}}}})
	}
	if all, _ = pages(true); !slices.Equal(all, []string{"b7", "stranger"}) {
		t.Errorf("on the waiting list alone there are %s", all)
	}
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 5}) // two of them are for b7 and b8, one is for b5's pass: it holds it
	if all, _ = pages(true); !slices.Equal(all, nil) {
		t.Errorf("when they are offered tickets there wait %s", all)
	}
}

// TestAnEventThatHasEndedSaysSo once, if anybody may wait in it, whatever has ended it.
func TestAnEventThatHasEndedSaysSo(t *testing.T) {
	for _, end := range []Verb{VerbClose, VerbCancel, VerbSchedule} {
		for _, with := range []string{"", "line", "list"} {
			w := &world{t: t, e: New(testKey()), now: start}
			spec := &EventSpec{Currency: "EUR", Open: true, ClosesAt: start + 1e12, Lots: []LotSpec{{Lot: "ga", FaceMinor: 100}}}
			if with == "line" {
				spec.Line = &LineSpec{Mode: LineModeLine}
			}
			w.ok(&Command{Verb: VerbCreate, Spec: spec})
			if with == "list" {
				w.ok(&Command{Verb: VerbWait, Buyer: "b1", Line: &LineCommand{Wishes: []Wish{{Lot: "ga", Quantity: 1}}}})
			}
			var s Signals
			if w.e.TakeSignals(&s); s.Over {
				t.Fatalf("%s: over before the end", with)
			}
			w.ok(&Command{Verb: end, RequestID: "x", Wall: start + 1e12})
			if w.e.TakeSignals(&s); s.Over != (with != "") {
				t.Errorf("%s ends by %s: over is %v", with, end, s.Over)
			}
			s.Reset()
			if end == VerbClose {
				w.ok(&Command{Verb: VerbCancel, RequestID: "y"})
			}
			if w.e.TakeSignals(&s); s.Over {
				t.Errorf("%s: over again", with)
			}
		}
	}
}
