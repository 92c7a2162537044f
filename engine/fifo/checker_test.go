package fifo_test

import (
	"bytes"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/fifo"
)

// TestWhoIsOvertakenOnTheListIsSeen lets three wait for what is sold out, frees two tickets, and gives the checker the log: as it is, and with the first offer made to the second
// who waits.
func TestWhoIsOvertakenOnTheListIsSeen(t *testing.T) {
	key := engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}
	s := enginetest.NewShell(key, engine.Limits{}, enginetest.WorkloadStart)
	do := func(cmd engine.Command) {
		cmd.RequestID = "r" + string(rune('a'+len(s.Log)))
		if out := s.Do(&cmd); out.Code != engine.CodeOK {
			t.Fatalf("%s is refused: %s", cmd.Verb, out.Code)
		}
	}
	do(engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
		Name: "Night One", Currency: "EUR", Open: true, Lots: []engine.LotSpec{{Lot: "ga", Capacity: 1}}, Line: &engine.LineSpec{Mode: engine.LineModeOpen},
	}})
	do(engine.Command{Verb: engine.VerbHold, Buyer: "x", Items: []engine.Item{{Lot: "ga", Quantity: 1}}})
	for i, buyer := range []string{"a", "b", "c"} {
		do(engine.Command{Verb: engine.VerbWait, Buyer: buyer, Line: &engine.LineCommand{Wishes: []engine.Wish{{Lot: "ga", Quantity: int64(1 + i/2)}}}})
	}
	do(engine.Command{Verb: engine.VerbCapacity, Lot: "ga", Quantity: 3})
	read := func(change func(i int, facts []byte) []byte) fifo.Report {
		c := fifo.New(key)
		for i, run := range s.Log {
			facts := change(i, bytes.Clone(run.Facts.Buf))
			if err := c.Read(&engine.Run{Key: key, First: run.First, At: run.At, Facts: engine.Facts{Buf: facts, Count: run.Facts.Count}}); err != nil {
				t.Fatal(err)
			}
		}
		return c.Report()
	}
	if r := read(func(_ int, facts []byte) []byte { return facts }); r.Offers != 2 || r.Inversions != 0 {
		t.Errorf("%d offers, %d inversions: %q", r.Offers, r.Inversions, r.Wrong)
	}
	r := read(func(i int, facts []byte) []byte {
		if i == len(s.Log)-1 {
			at := bytes.Index(facts, []byte{74, 1, 0}) // whose turn it is: waiter 1, with the first wish
			facts[at+1] = 2
		}
		return facts
	})
	if r.Inversions == 0 {
		t.Errorf("the first offer is made to the second, and nobody is overtaken")
	}
}
