package engine

import (
	"strconv"
	"testing"
)

// The hot path allocates nothing but the chunks that its tables grow by: none at all where nothing grows.
func TestHotPathDoesNotAllocate(t *testing.T) {
	spec := testSpec()
	spec.LimitPerBuyer = 0
	w := newWorld(t, spec)
	w.ok(hold("first", "ga", 1))
	w.ok(&Command{Verb: VerbBlock, Lot: "ga", Quantity: 990})
	var text, name []byte
	ids := make([]string, 20_000)
	for i := range ids {
		ids[i] = "id-" + strconv.Itoa(100_000+i)
	}
	next := 0
	id := func() string { next++; return ids[next] }
	run := func(cmd *Command, code Code) {
		w.facts.Reset()
		cmd.RequestID = id()
		out := w.e.Step(cmd, w.now, &w.facts)
		if out.Code != code {
			t.Fatalf("%s: %s", cmd.Verb, out.AppendMessage(nil))
		}
		text = out.AppendMessage(text[:0])
	}
	soldOut, buy := hold("b", "ga", 100), hold("b", "ga", 2)
	seats := &Command{Verb: VerbHold, Buyer: "s", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/1", "A/1/2"}}, {Lot: "ga", Quantity: 1}}}
	release := &Command{Verb: VerbRelease, Buyer: "b"}
	repeat := hold("first", "ga", 1)
	repeat.RequestID = "r2"
	for _, c := range []struct {
		name string
		step func()
	}{
		{"sold out", func() { run(soldOut, CodeSoldOut) }},
		{"replaced hold", func() { run(buy, CodeOK) }},
		{"replaced hold with seats", func() { run(seats, CodeOK) }},
		{"hold and release", func() {
			run(buy, CodeOK)
			name = AppendHoldID(name[:0], w.e.holdLast, 0)
			release.Hold = view(name)
			run(release, CodeOK)
		}},
		{"repeat", func() {
			w.facts.Reset()
			if out := w.e.Step(repeat, w.now, &w.facts); !out.Repeated {
				t.Fatal("not a repeat")
			}
		}},
		{"get", func() { w.e.Step(&Command{Verb: VerbGet}, w.now, &w.facts) }},
		{"expire nothing", func() { w.e.Step(&Command{Verb: VerbExpire}, w.now, &w.facts) }},
	} {
		for range 600 { // past the growth of small tables
			c.step()
		}
		if n := testing.AllocsPerRun(1000, c.step); n != 0 {
			t.Errorf("%s: %v allocations a step", c.name, n)
		}
	}
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
}

func TestFoldDoesNotAllocate(t *testing.T) {
	live, facts := benchEvent(t, 1<<20)
	replica, err := OpenSnapshot(testKey(), live.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	i := 100_000
	cmd := hold("b", "ga", 1)
	var name []byte
	run := &Run{At: start}
	step := func() {
		facts.Reset()
		i++
		name = strconv.AppendInt(name[:0], int64(i), 10)
		cmd.RequestID = view(name)
		live.Step(cmd, start, facts)
		run.First, run.Facts = replica.Seq()+1, *facts
		if err := replica.Fold(run); err != nil {
			t.Fatal(err)
		}
	}
	for range 2000 {
		step()
	}
	// Both remember requests and ended holds, in chunks of 256: a few hundredths of an allocation each.
	if n := testing.AllocsPerRun(1000, step); n > 0.2 {
		t.Errorf("%v allocations a fact", n)
	}
}
