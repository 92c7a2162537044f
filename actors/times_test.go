package actors

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// timedFacts are the facts of an event that say how long answers took.
func (l *fakeLog) timedFacts(t *testing.T, event string) (times [][]engine.Timed, at []engine.Instant) {
	t.Helper()
	l.mu.Lock()
	runs := slices.Clone(l.facts[engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: event}])
	l.mu.Unlock()
	var reader engine.FactReader
	for _, run := range runs {
		err := reader.Each(run, func(f *engine.Fact) error {
			if f.Kind == engine.FactTimed {
				var own []engine.Timed
				for _, v := range f.Times {
					v.Buckets = slices.Clone(v.Buckets)
					own = append(own, v)
				}
				times, at = append(times, own), append(at, f.At)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return times, at
}

// sum counts the answers of one class and failure.
func sum(times [][]engine.Timed, class engine.TimedClass, failure measure.Failure) (n int) {
	for _, of := range times {
		for _, v := range of {
			for _, b := range v.Buckets {
				if v.Class == class && measure.Failure(v.Failure) == failure {
					n += int(b.Count)
				}
			}
		}
	}
	return n
}

func TestHowLongAnswersTookIsInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		sold := newSoldLog()
		n := started(t, l, Config{Measure: &MeasureConfig{Log: sold, Checkpoint: sold, Policy: measure.PolicyDefault()}})
		ask(t, n, "e1", create("c1", 10))
		for i := range 250 { // for 25 seconds
			time.Sleep(100 * time.Millisecond)
			ask(t, n, "e1", hold(fmt.Sprintf("h%d", i), fmt.Sprintf("b%d", i)))
			ask(t, n, "e1", engine.Command{Verb: engine.VerbGet})
		}
		synctest.Wait()
		times, at := l.timedFacts(t, "e1")
		if len(times) != 2 || at[1]-at[0] < engine.Instant(timesEvery) {
			t.Fatalf("25 seconds of answers are told %d times, at %v", len(times), at)
		}
		if got := sum(times, engine.TimedHold, measure.FailureNone); got != 10 {
			t.Errorf("10 holds are told as %d", got)
		}
		l.hold(true) // an answer that takes a second
		late, _ := send(n, "e1", engine.Command{Verb: engine.VerbGet})
		time.Sleep(time.Second)
		l.hold(false)
		<-late.durable
		time.Sleep(15 * time.Second)
		synctest.Wait()
		times, _ = l.timedFacts(t, "e1")
		if len(times) != 3 {
			t.Fatalf("what was left is told %d times", len(times)-2)
		}
		for class, want := range map[engine.TimedClass]int{engine.TimedHold: 10, engine.TimedRead: 251, engine.TimedOther: 1} {
			if got := sum(times, class, measure.FailureNone); got != want {
				t.Errorf("%d answers of class %s are told as %d", want, class, got)
			}
		}
		if got := sum(times, engine.TimedHold, measure.FailureStock); got != 240 {
			t.Errorf("240 refusals are told as %d", got)
		}
		slow := times[2][len(times[2])-1]
		if last := slow.Buckets[len(slow.Buckets)-1]; slow.Class != engine.TimedRead || last.Count != 1 || measure.TimesMs(last.Index) < 990 || measure.TimesMs(last.Index) > 1010 {
			t.Errorf("a read that took a second is told as %+v", slow)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if _, kept := l.kept[engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}]; !kept {
			t.Error("the event does not sleep")
		}
		if times, _ := l.timedFacts(t, "e1"); len(times) != 3 {
			t.Errorf("of an event that nobody asks times are told %d times", len(times)-3)
		}
		ask(t, n, "e1", engine.Command{Verb: engine.VerbGet})
		if err := n.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		times, _ = l.timedFacts(t, "e1")
		if got := sum(times, engine.TimedRead, measure.FailureNone); got != 252 {
			t.Errorf("252 reads are told as %d when the node has stopped", got)
		}
	})
}

// TestNobodyIsToldOfTimesWithoutALog asks for events that are not there, or not any more: their times go nowhere, and nothing waits for them.
func TestNobodyIsToldOfTimesWithoutALog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		sold := newSoldLog()
		n := started(t, l, Config{Measure: &MeasureConfig{Log: sold, Checkpoint: sold, Policy: measure.PolicyDefault()}})
		spoilt := create("c1", 10)
		spoilt.Spec = nil
		for range 3 {
			ask(t, n, "e1", spoilt)
			time.Sleep(time.Minute)
		}
		if err := n.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(l.facts) > 0 {
			t.Errorf("there are facts: %v", l.facts)
		}
	})
}

func BenchmarkTimesOfAnswers(b *testing.B) {
	var times eventTimes
	samples := make([]engine.Sample, 256)
	for i := range samples {
		samples[i] = engine.Sample{Verb: engine.VerbHold, LatencyNs: int64(100_000 + i*1000)}
	}
	b.ReportAllocs()
	for b.Loop() {
		times.add(samples, 1)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(samples)), "ns/answer")
}
