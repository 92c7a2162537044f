package actors

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
)

// copied is a log of its own with what l holds, as a backup would have it.
func (l *fakeLog) copied() *fakeLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := newFakeLog()
	c.highMarks = slices.Clone(l.highMarks)
	for key, runs := range l.facts {
		for _, run := range runs {
			keep := *run
			keep.Facts.Buf = bytes.Clone(run.Facts.Buf)
			c.facts[key] = append(c.facts[key], &keep)
		}
	}
	maps.Copy(c.kept, l.kept)
	return c
}

// The original goes on after the backup, and so do two copies: none gives an id that another one gives, in old events and in new ones, and what was
// asked before the backup is answered with the same ids everywhere.
func TestCopiesOfALogGiveDifferentIDs(t *testing.T) {
	original := newFakeLog()
	first := started(t, original, Config{})
	ask(t, first, "e1", create("c1", 1000))
	before := ask(t, first, "e1", hold("before", "anna"))
	backup := original.copied()

	nodes := map[string]*Node{"original": first}
	for i := range 2 {
		l := backup.copied()
		in, err := Restored(l, l, l.recovered(t), engine.Incarnation(1000+i))
		if err != nil || in != engine.Incarnation(1000+i) {
			t.Fatalf("restored as incarnation %d: %v", in, err)
		}
		nodes[fmt.Sprintf("copy %d", i+1)] = started(t, l, Config{})
	}
	// A copy of a copy, restored by a clock that stands still.
	l := backup.copied()
	for want := engine.Incarnation(2000); want < 2002; want++ {
		if in, err := Restored(l, l, l.recovered(t), 2000); err != nil || in != want {
			t.Fatalf("restored as incarnation %d, want %d: %v", in, want, err)
		}
	}
	nodes["copy of a copy"] = started(t, l, Config{})

	given := map[string]string{}
	for who, n := range nodes {
		if again := ask(t, n, "e1", hold("before", "anna")); !again.repeated || again.hold != before.hold {
			t.Errorf("%s answers a request of before the backup with %+v, it was %+v", who, again, before)
		}
		// An event made after the backup, and its first hold in the same turn.
		c, code := send(n, "e2", create("c2", 1000), hold("same-turn", "anna"))
		if code != engine.CodeOK {
			t.Fatal(code)
		}
		<-c.durable
		ids := []string{"e2/" + c.answers[1].hold}
		for i := range 20 {
			for _, event := range []string{"e1", "e2"} {
				a := ask(t, n, event, hold(fmt.Sprintf("h%d", i), fmt.Sprintf("b%d", i)))
				if a.code != engine.CodeOK {
					t.Fatalf("%s: %v", who, a.code)
				}
				ids = append(ids, event+"/"+a.hold)
			}
		}
		for _, id := range ids {
			if other, taken := given[id]; taken {
				t.Errorf("%s is given by %s and by %s", id, other, who)
			}
			given[id] = who
		}
	}
	if len(given) != 41*len(nodes) {
		t.Errorf("%d ids of %d nodes", len(given), len(nodes))
	}
}

func TestARestoreThatCannotBeNotedIsRefused(t *testing.T) {
	l := newFakeLog()
	n := started(t, l, Config{})
	ask(t, n, "e1", create("c1", 10))
	if err := n.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if in, err := Restored(l, l, l.recovered(t), engine.IncarnationMax+1); err == nil {
		t.Fatalf("incarnation %d beyond the last is taken", in)
	}
}
