package engine

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func someTimes() []Timed {
	return []Timed{
		{Class: TimedHold, Buckets: []TimedBucket{{-300, 7}, {-12, 1}, {40, 200}}},
		{Class: TimedHold, Failure: 3, Buckets: []TimedBucket{{-301, 1}}},
		{Class: TimedBuy, Flow: FlowOneClick, Buckets: []TimedBucket{{-1 << 15, 1}, {1<<15 - 1, 1<<32 - 1}}},
		{Class: TimedTouch, Buckets: []TimedBucket{{0, 5}}},
	}
}

func timeCommand(times []Timed) *Command {
	return &Command{Verb: VerbTime, Touch: &TouchCommand{Times: times}}
}

// TestTimesAreWrittenAsEver compares times with what was written when they were new.
func TestTimesAreWrittenAsEver(t *testing.T) {
	w := &world{t: t, e: New(testKey()), now: start}
	w.step(timeCommand(someTimes()))
	if w.facts.Count != 0 {
		t.Fatal("an event that does not exist has times")
	}
	w.step(&Command{Verb: VerbCreate, Spec: testSpec()})
	hash, seq := w.e.StateHash(), w.e.Seq()
	w.facts.Reset()
	w.step(timeCommand(nil))
	w.step(timeCommand(someTimes()))
	if w.e.Seq() != seq+1 || w.facts.Count != 1 {
		t.Fatalf("times are %d facts", w.facts.Count)
	}
	run := Run{Key: testKey(), First: seq + 1, At: w.now, Facts: w.facts}
	again, err := OpenSnapshot(testKey(), created(t))
	if err != nil {
		t.Fatal(err)
	}
	var view FactView
	if err := again.(*Event).FoldEach(&run, func(v *FactView) bool { view = *v; return true }); err != nil {
		t.Fatal(err)
	}
	if again.StateHash() != w.e.StateHash() {
		t.Fatalf("replayed %016x, live %016x; %016x before", again.StateHash(), w.e.StateHash(), hash)
	}
	var reader FactReader
	err = reader.Each(&run, func(f *Fact) error {
		if f.Kind != FactTimed || !slices.EqualFunc(f.Times, someTimes(), func(a, b Timed) bool {
			return a.Class == b.Class && a.Flow == b.Flow && a.Failure == b.Failure && slices.Equal(a.Buckets, b.Buckets)
		}) {
			t.Errorf("times are read as %+v", f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "timed.txt", hex.EncodeToString(w.facts.Buf)+"\n"+view.Kind+" "+view.Text+"\n")
}

// created is the snapshot of an event that was created just now.
func created(t *testing.T) []byte {
	t.Helper()
	w := &world{t: t, e: New(testKey()), now: start}
	w.step(&Command{Verb: VerbCreate, Spec: testSpec()})
	return w.e.AppendSnapshot(nil)
}

func TestTimesThatCannotBeAreRefused(t *testing.T) {
	read := func(times []Timed) error {
		f := factTimed{times: times}
		run := Run{Key: testKey(), First: 1, At: start, Facts: Facts{Buf: f.append(nil), Count: 1}}
		return new(FactReader).Each(&run, func(*Fact) error { return nil })
	}
	full := make([]TimedBucket, TimedBucketsMax+1)
	for i := range full {
		full[i] = TimedBucket{Index: int32(i), Count: 1}
	}
	if err := read([]Timed{{Buckets: full[1:]}}); err != nil {
		t.Errorf("%d buckets: %v", TimedBucketsMax, err)
	}
	one := []TimedBucket{{1, 1}}
	for name, times := range map[string][]Timed{
		"none": nil, "of nothing": {{}}, "one too many": {{Buckets: full}}, "no such class": {{Class: timedClassesEnd, Buckets: one}},
		"no such flow": {{Flow: Flows, Buckets: one}}, "no such failure": {{Failure: TimedFailures, Buckets: one}},
		"twice": {{Buckets: one}, {Buckets: one}}, "out of order": {{Class: TimedBuy, Buckets: one}, {Class: TimedHold, Buckets: one}},
		"a bucket twice": {{Buckets: []TimedBucket{{1, 1}, {1, 1}}}}, "no count": {{Buckets: []TimedBucket{{1, 0}}}},
		"too long": {{Buckets: []TimedBucket{{1 << 15, 1}}}}, "too short": {{Buckets: []TimedBucket{{-1<<15 - 1, 1}}}},
	} {
		if err := read(times); !errors.Is(err, ErrMalformed) {
			t.Errorf("times, %s: %v", name, err)
		}
	}
}

// allGolden are the facts of all golden files, each step a run.
func allGolden(t testing.TB) []*Run {
	t.Helper()
	runs := goldenRuns(t)
	for _, lines := range [][]string{linesOf(goldenAfterSale(t)), linesOf(goldenCheckout(t)), linesOf(goldenTouches(t)), linesOf(goldenObserved(t)), linesOf(goldenLine(t)), linesOf(goldenWait(t)), linesOf(goldenCodes(t))} {
		for _, line := range lines {
			f := strings.Fields(line)
			run := &Run{Key: testKey(), First: 1, At: start}
			if strings.HasSuffix(line, " ") { // a step without facts
				continue
			}
			if _, err := fmt.Sscan(f[len(f)-2], &run.Facts.Count); err != nil {
				t.Fatal(err)
			}
			run.Facts.Buf, _ = hex.DecodeString(f[len(f)-1])
			runs = append(runs, run)
		}
	}
	timed, captured, voided := factTimed{times: someTimes()}, factPaid{purchase: 1, step: stepCaptured}, factPaid{purchase: 2, step: stepVoided}
	buf := append(voided.append(captured.append(timed.append(nil))), byte(kindArchived)) // of which those files have none
	return append(runs, &Run{Key: testKey(), First: 1, At: start, Facts: Facts{Buf: buf, Count: 4}})
}

func linesOf(_ *world, lines []string) []string { return lines }

// TestFactsAreReadAsTheyAreTold compares the two readers of facts: what the one tells, the other reads too.
func TestFactsAreReadAsTheyAreTold(t *testing.T) {
	kinds := map[FactKind]bool{}
	var teller Teller
	var reader FactReader
	for _, run := range allGolden(t) {
		var told []Told
		if err := teller.Each(run, func(v *Told) error { told = append(told, *v); return nil }); err != nil {
			t.Fatal(err)
		}
		i := 0
		err := reader.Each(run, func(f *Fact) error {
			v := &told[i]
			i++
			kinds[f.Kind] = true
			if f.Seq != v.Seq || f.At != v.At || f.RequestID != v.RequestID || v.Hold != 0 && f.Hold != v.Hold || v.Order != 0 && f.Order != v.Order ||
				v.Purchase != 0 && f.Purchase != v.Purchase || v.Refund != 0 && f.Refund != v.Refund || v.Ticket != 0 && f.Ticket != v.Ticket {
				t.Errorf("a fact is told as %+v and read as %+v", v, f)
			}
			return nil
		})
		if err != nil || i != run.Facts.Count {
			t.Fatalf("%d of %d facts are read: %v", i, run.Facts.Count, err)
		}
		for _, broken := range [][]byte{run.Facts.Buf[:max(0, len(run.Facts.Buf)-1)], append(bytes.Clone(run.Facts.Buf), 0)} {
			damaged := *run
			if damaged.Facts.Buf = broken; run.Facts.Count == 0 {
				continue
			}
			if err := reader.Each(&damaged, func(*Fact) error { return nil }); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%x is read: %v", broken, err)
			}
		}
	}
	for kind := FactOther; kind < FactOutage; kind++ {
		if !kinds[kind] {
			t.Errorf("the golden files have no fact that is read as kind %d", kind)
		}
	}
}

func FuzzReadFacts(f *testing.F) {
	for _, run := range allGolden(f) {
		f.Add(run.Facts.Buf, uint8(run.Facts.Count), false)
	}
	f.Fuzz(func(t *testing.T, buf []byte, count uint8, node bool) {
		run := Run{Key: testKey(), First: 1, At: start, Facts: Facts{Buf: buf, Count: int(count)}}
		if node {
			run.Key.Kind = KindNode
		}
		n := 0
		err := new(FactReader).Each(&run, func(*Fact) error { n++; return nil })
		if err == nil && n != int(count) || err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d facts of %d, %v", n, count, err)
		}
	})
}
