package engine

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goldenRuns are the facts of the golden files of events, a run for each step.
func goldenRuns(t testing.TB) []*Run {
	t.Helper()
	var runs []*Run
	for _, name := range []string{"event.txt", "seats.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata", "golden", name))
		if err != nil {
			t.Fatal(err)
		}
		next := Seq(1)
		for _, line := range strings.Split(string(text), "\n") {
			f := strings.Fields(line)
			if len(f) != 4 {
				continue
			}
			run := &Run{Key: testKey(), First: next, At: start}
			if _, err := fmt.Sscan(f[2], &run.Facts.Count); err != nil {
				t.Fatal(err)
			}
			if run.Facts.Buf, err = hex.DecodeString(f[3]); err != nil {
				t.Fatal(err)
			}
			next += Seq(run.Facts.Count)
			runs = append(runs, run)
		}
	}
	return runs
}

func TestEveryFactCanBeToldWithoutTheState(t *testing.T) {
	var teller Teller
	told := map[ToldKind]int{}
	for _, run := range goldenRuns(t) {
		next := run.First
		err := teller.Each(run, func(v *Told) error {
			if v.Seq != next || v.At != run.At {
				t.Fatalf("fact %d at %d is told as %d at %d", next, run.At, v.Seq, v.At)
			}
			next++
			told[v.Kind]++
			if v.Kind == ToldConfirmed && (v.Hold == 0 || v.Order == 0 || v.Ticket == 0 || v.RequestID == "") {
				t.Fatalf("an order is told as %+v", v)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if next != run.First+Seq(run.Facts.Count) {
			t.Fatalf("%d facts are told as %d", run.Facts.Count, next-run.First)
		}
	}
	for kind := ToldOther; kind <= ToldExpired; kind++ {
		if told[kind] == 0 {
			t.Errorf("the golden files have no fact of kind %d", kind)
		}
	}
}

// waitRuns are the facts of the golden waiting list, a run for each step.
func waitRuns(t testing.TB) (w *world, runs []*Run) {
	t.Helper()
	w, lines := goldenWait(t)
	next := Seq(1)
	for _, line := range lines {
		run := &Run{Key: testKey(), First: next}
		var name, facts string
		if _, err := fmt.Sscan(line+" -", &name, &run.At, &run.Facts.Count, &facts); err != nil {
			t.Fatal(err)
		}
		if run.At += start; run.Facts.Count > 0 {
			run.Facts.Buf, _ = hex.DecodeString(facts)
			runs = append(runs, run)
		}
		next += Seq(run.Facts.Count)
	}
	return w, runs
}

// TestWhatBecomesOfWaitersIsTold reads the facts of a waiting list: the turn of each waiter is told with its hold, and how a wait ended where a fact of its own says so.
func TestWhatBecomesOfWaitersIsTold(t *testing.T) {
	w, runs := waitRuns(t)
	var teller Teller
	var said []string
	var b2, b3 Told
	for _, run := range runs {
		err := teller.Each(run, func(v *Told) error {
			switch v.Kind { //nolint:exhaustive // those of the waiting list
			case ToldWaiterOffered:
				said = append(said, fmt.Sprintf("%d wish %d is offered hold %d for %d s", v.Waiter, v.Wish, v.Hold, (v.Until-run.At)/second))
			case ToldWaiterLeft, ToldWaiterUnpaid, ToldWaiterUnfit:
				said = append(said, fmt.Sprintf("%d wish %d is %d: %s %t", v.Waiter, v.Wish, v.Kind-ToldWaiterOffered, v.Why, v.RequestID != ""))
			default:
				if v.Waiter != 0 || v.Until != 0 {
					t.Errorf("a fact of kind %d is told of waiter %d", v.Kind, v.Waiter)
				}
			}
			switch v.Waiter {
			case 2:
				b2 = *v
			case 3:
				b3 = *v
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"5 wish 0 is 1: ok true", "2 wish 1 is offered hold 3 for 60 s", "3 wish 1 is 3: price_exceeded false", "6 wish 1 is offered hold 4 for 60 s",
		"2 wish 0 is 2: method_unusable false",
	}
	if !slices.Equal(said, want) {
		t.Fatalf("told %q, want %q", said, want)
	}
	w.facts.Reset()
	tell := func(told Told) *Outcome {
		return w.e.Step(&Command{Verb: VerbTell, Payment: &PaymentCommand{Told: &told}}, w.now, &w.facts)
	}
	b2.Hold = 3 // as it was offered: what became of both is shown
	if out := tell(b2); out.Shows != ShowsWaiter|ShowsHold || out.Waiter.Buyer != "b2" || out.Waiter.State != WaitUnpaid || out.Hold.ID != 3 || out.Hold.State != HoldReleased {
		t.Errorf("%+v %+v", out, out.Waiter)
	}
	if out := tell(b3); out.Shows != ShowsWaiter || out.Waiter.State != WaitUnfit || !out.Waiter.Wishes[0].Off {
		t.Errorf("%+v %+v", out, out.Waiter)
	}
	if out := tell(Told{Waiter: 99}); out.Code != CodeOK || out.Shows != 0 {
		t.Errorf("a waiter who is not there is shown: %+v", out)
	}
	if w.facts.Count != 0 {
		t.Error("telling has facts")
	}
}

func TestFactsThatCannotBeReadAreNotToldPast(t *testing.T) {
	var teller Teller
	for _, run := range goldenRuns(t) {
		if run.Facts.Count == 0 {
			continue
		}
		for _, broken := range [][]byte{run.Facts.Buf[:len(run.Facts.Buf)-1], append(run.Facts.Buf[:len(run.Facts.Buf):len(run.Facts.Buf)], 0), {250}, {byte(kindAudited)}} {
			damaged := *run
			damaged.Facts.Buf = broken
			if len(broken) == 1 {
				damaged.Facts.Count = 1
			}
			if err := teller.Each(&damaged, func(*Told) error { return nil }); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%x is told: %v", broken, err)
			}
		}
	}
}

func TestWhatAFactIsAboutIsShown(t *testing.T) {
	w, _ := goldenLife(t)
	tell := func(told Told) *Outcome {
		w.facts.Reset()
		out := w.e.Step(&Command{Verb: VerbTell, Payment: &PaymentCommand{Told: &told}}, w.now, &w.facts)
		if w.facts.Count != 0 {
			t.Fatal("telling has facts")
		}
		return out
	}
	if out := tell(Told{Kind: ToldConfirmed, Hold: 2, Order: 1, Ticket: 1}); out.Code != CodeOK || out.Shows != ShowsOrder || out.Order.Buyer != "b2" || out.Order.Tickets != 4 {
		t.Fatalf("%+v", out)
	}
	if out := tell(Told{Kind: ToldExpired, Hold: 3}); out.Code != CodeOK || out.Shows != ShowsHold || out.Hold.Buyer != "b1" || out.Hold.State != HoldExpired {
		t.Fatalf("%+v", out)
	}
	for _, told := range []Told{{}, {Order: 99}, {Hold: 99}} {
		if out := tell(told); out.Code != CodeOK || out.Shows != 0 {
			t.Fatalf("%+v is shown: %+v", told, out)
		}
	}
	none := New(testKey())
	if out := none.Step(&Command{Verb: VerbTell, Payment: &PaymentCommand{Told: &Told{Order: 1}}}, start, &w.facts); out.Code != CodeEventUnknown {
		t.Fatalf("%+v", out)
	}
}

func FuzzTell(f *testing.F) {
	_, waiting := waitRuns(f)
	for _, run := range append(goldenRuns(f), waiting...) {
		f.Add(run.Facts.Buf, uint8(run.Facts.Count))
	}
	f.Fuzz(func(t *testing.T, buf []byte, count uint8) {
		var teller Teller
		n := 0
		run := Run{Key: testKey(), First: 1, At: start, Facts: Facts{Buf: buf, Count: int(count)}}
		err := teller.Each(&run, func(*Told) error { n++; return nil })
		if err == nil && n != int(count) || err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d facts of %d, %v", n, count, err)
		}
	})
}

func BenchmarkTellHeld(b *testing.B) {
	w := newWorld(b, testSpec())
	w.facts.Reset()
	for i := range 256 {
		w.step(hold(fmt.Sprintf("buyer%d", i), "ga", 1))
	}
	run := Run{Key: testKey(), First: 2, At: start, Facts: w.facts}
	var teller Teller
	b.ReportAllocs()
	for b.Loop() {
		if err := teller.Each(&run, func(*Told) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(run.Facts.Count), "ns/fact")
}
