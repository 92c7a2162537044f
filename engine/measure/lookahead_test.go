package measure_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// Entries that a book takes some at a time come to the same bytes, after every run, as those that it takes one by one: also where a run has more than are handed
// over together.
func TestEntriesTogetherAreEntriesOneByOne(t *testing.T) {
	mixed := enginetest.MixedLog(1_000, 3)
	whole := &engine.Run{Key: mixed[0].Key, First: mixed[0].First, At: mixed[0].At}
	for _, run := range mixed {
		if run.Key == whole.Key {
			whole.Facts.Buf, whole.Facts.Count = append(whole.Facts.Buf, run.Facts.Buf...), whole.Facts.Count+run.Facts.Count
		}
	}
	for what, log := range map[string][]*engine.Run{"mixed": mixed, "one run": {whole}, "random": history(t, 7, 400), "payments": payments(t)} {
		some := measure.NewFollower(measure.PolicyDefault(), time.LoadLocation)
		one := measure.NewFollower(measure.PolicyDefault(), time.LoadLocation)
		for i, run := range log {
			if err := some.Run(run); err != nil {
				t.Fatal(err)
			}
			if err := one.Reader.Each(run, one.Book.Add); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(some.AppendState(nil), one.AppendState(nil)) {
				t.Fatalf("%s: after run %d the states differ", what, i)
			}
		}
	}
}

// Facts of one run that tell how long answers took share the memory for it: each has to be told before the next is read.
func TestEachFactHasItsOwnTimes(t *testing.T) {
	shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
	create := engine.Command{Verb: engine.VerbCreate, RequestID: "create", Spec: &engine.EventSpec{
		Name: "Night One", Currency: "EUR", Open: true, Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 4500, Capacity: 100}},
	}}
	if out := shell.Do(&create); out.Code != engine.CodeOK {
		t.Fatal(out.Code)
	}
	run := &engine.Run{Key: eventKey(), First: shell.Event.Seq() + 1, At: shell.Now}
	for i := range uint32(3) {
		times := []engine.Timed{{Class: engine.TimedHold, Buckets: []engine.TimedBucket{{Index: 100, Count: i + 1}}}}
		shell.Event.Step(&engine.Command{Verb: engine.VerbTime, Touch: &engine.TouchCommand{Times: times}}, run.At, &run.Facts)
	}
	var told []uint32
	err := measure.NewReader().Each(run, func(e *measure.Entry) {
		for _, b := range e.Times.Buckets {
			told = append(told, b.Count)
		}
	})
	if err != nil || !slices.Equal(told, []uint32{1, 2, 3}) {
		t.Errorf("three facts of 1, 2 and 3 answers are told as %v: %v", told, err)
	}
}
