package measure_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/enginetest"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// history is the log of a sale, the same for every seed.
func history(tb testing.TB, seed uint64, turns int) []*engine.Run {
	tb.Helper()
	shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
	twin := enginetest.NewTwin(shell)
	shell.Each = func(cmd *engine.Command, out *engine.Outcome) { twin.Model.Step(cmd, shell.Now, out) }
	g := enginetest.NewGenerator(enginetest.SeededDice(seed), shell, twin.Model)
	for range turns {
		if err := g.Turn(); err != nil {
			tb.Fatal(err)
		}
	}
	return shell.Log
}

// payments is the log of two purchases: one that is sold and given back, and one under way.
func payments(tb testing.TB) []*engine.Run {
	tb.Helper()
	shell := enginetest.NewShell(eventKey(), engine.Limits{}, enginetest.WorkloadStart)
	n := 0
	do := func(cmd engine.Command) {
		n++
		cmd.RequestID = string(rune('a' + n))
		if out := shell.Do(&cmd); out.Code != engine.CodeOK {
			tb.Fatalf("%s: %s", cmd.Verb, out.Code)
		}
	}
	do(engine.Command{Verb: engine.VerbCreate, Spec: &engine.EventSpec{
		Name: "Night One", Currency: "EUR", Open: true, Pools: []engine.PoolSpec{{Pool: "hall", Capacity: 40}},
		Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 4500, Capacity: 20, Pools: []string{"hall"}}, {Lot: "pack", Capacity: 8, Units: 4}},
	}})
	for _, buyer := range []string{"b1", "b2"} {
		do(engine.Command{Verb: engine.VerbBuy, Buyer: buyer, Items: []engine.Item{{Lot: "ga", Quantity: 2}, {Lot: "pack", Quantity: 1}}, Payment: &engine.PaymentCommand{Note: note()}})
	}
	do(engine.Command{Verb: engine.VerbIntend, Payment: &engine.PaymentCommand{At: 1, Operation: 1}})
	do(engine.Command{Verb: engine.VerbResult, Payment: &engine.PaymentCommand{At: 1, Operation: 1, Result: paid(9000)}})
	do(engine.Command{Verb: engine.VerbRefund, Order: "o1", Payment: &engine.PaymentCommand{Tickets: []string{"t1", "t4"}}})
	do(engine.Command{Verb: engine.VerbTouch, Touch: &engine.TouchCommand{Touches: []engine.Touch{{Kind: engine.TouchViewed, ID: "v1", Buyer: "b1", Consent: true}}}})
	return shell.Log
}

// FuzzReader reads hostile facts behind a history. Whatever they are, the reader says that they are none, or goes on, and can still be kept.
func FuzzReader(f *testing.F) {
	sold := payments(f)
	for _, run := range append(history(f, 1, 200), sold...) {
		f.Add(run.Facts.Buf, uint8(run.Facts.Count), false)
		f.Add(run.Facts.Buf, uint8(run.Facts.Count), true)
	}
	f.Fuzz(func(t *testing.T, buf []byte, count uint8, cut bool) {
		r := measure.NewReader()
		drop := func(*measure.Entry) {}
		for _, run := range sold {
			if cut && run.First == 1 {
				continue
			}
			if err := r.Each(run, drop); err != nil {
				t.Fatal(err)
			}
		}
		run := engine.Run{Key: eventKey(), First: 100, At: enginetest.WorkloadStart, Facts: engine.Facts{Buf: buf, Count: int(count)}}
		for range 2 {
			if err := r.Each(&run, drop); err != nil && !errors.Is(err, engine.ErrMalformed) {
				t.Fatal(err)
			}
		}
		kept(t, r.AppendState(nil))
	})
}

// kept reads a state that a reader has written.
func kept(t *testing.T, state []byte) {
	t.Helper()
	again := measure.NewReader()
	rest, err := again.ReadState(state)
	if err != nil || len(rest) > 0 {
		t.Fatalf("a state is read again with %v, %d bytes left", err, len(rest))
	}
	if !bytes.Equal(again.AppendState(nil), state) {
		t.Fatal("a state that was read is written with other bytes")
	}
}

// FuzzReaderState reads hostile states: they are refused, or are states.
func FuzzReaderState(f *testing.F) {
	for _, log := range [][]*engine.Run{history(f, 1, 200), history(f, 2, 60), payments(f)} {
		r := measure.NewReader()
		for _, run := range log {
			if err := r.Each(run, func(*measure.Entry) {}); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(r.AppendState(nil))
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		r := measure.NewReader()
		if _, err := r.ReadState(state); err == nil {
			kept(t, r.AppendState(nil))
		}
	})
}

// TestALogThatWasCutIsReadFromThere reads the end of a log alone: nothing fails, nothing is told that is not known, and what is left out is counted.
func TestALogThatWasCutIsReadFromThere(t *testing.T) {
	left := uint64(0)
	for seed := range uint64(20) {
		log := history(t, seed, 300)
		if seed == 0 {
			log = payments(t)
		}
		for _, from := range []int{1, len(log) / 3, len(log) - 1} {
			r := measure.NewReader()
			for _, run := range log[from:] {
				err := r.Each(run, func(e *measure.Entry) {
					if e.Kind == measure.KindStock || (e.Kind == measure.KindHeld || e.Kind == measure.KindOrdered) && (e.Units == 0 || e.Person == 0) {
						t.Errorf("what is not known is told: %+v", e)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			left += r.Partial()
			kept(t, r.AppendState(nil))
		}
	}
	if left == 0 {
		t.Error("nothing was left out")
	}
}

// TestADisputeIsOfItsOrder tells of what a gateway's webhook has put into the audit.
func TestADisputeIsOfItsOrder(t *testing.T) {
	r := measure.NewReader()
	for _, run := range payments(t) {
		if err := r.Each(run, func(*measure.Entry) {}); err != nil {
			t.Fatal(err)
		}
	}
	node := engine.NewNode(engine.Key{Account: engine.SingleAccount, Kind: engine.KindNode, ID: "node"})
	var told []measure.Entry
	audit := func(account, verb, arguments string) {
		t.Helper()
		run := engine.Run{Key: engine.Key{Account: engine.SingleAccount, Kind: engine.KindNode, ID: "node"}, First: node.Seq() + 1, At: enginetest.WorkloadStart}
		if !node.Audit(&engine.Audit{Account: account, Verb: verb, Arguments: arguments}, run.At, &run.Facts) {
			t.Fatal("the entry does not fit")
		}
		if err := r.Each(&run, func(e *measure.Entry) { told = append(told, *e) }); err != nil {
			t.Fatal(err)
		}
	}
	audit("shop", "charge_dispute_opened", "event=e1 purchase=p1 charge=ch_1 minor=9000 reason=fraudulent")
	if len(told) != 1 || told[0].Kind != measure.KindDisputed || told[0].Order != 1 || told[0].Purchase != 1 || told[0].Key != eventKey() || told[0].Money.TotalMinor != 9000 ||
		told[0].Person != measure.PersonOf("shop", "b1") || told[0].Flow != engine.FlowOneClick {
		t.Fatalf("a dispute is told as %+v", told)
	}
	audit("shop", "charge_fraud_warning", "event=e1 purchase=p1 charge=ch_1 minor=9000")
	audit("shop", "pause", "event=e1 request=q1")
	if r.Partial() != 0 {
		t.Errorf("%d facts are not told", r.Partial())
	}
	audit("shop", "charge_dispute_opened", "event=e1 purchase=p2 charge=ch_2 minor=9000") // was not sold
	audit("shop", "charge_dispute_opened", "event=e2 purchase=p1 charge=ch_3 minor=9000")
	audit("other", "charge_dispute_opened", "event=e1 purchase=p1 charge=ch_1 minor=9000")
	if len(told) != 1 || r.Partial() != 3 {
		t.Errorf("%d entries, %d facts not told", len(told), r.Partial())
	}
}
