package engine

import (
	"errors"
	"testing"
)

func TestNodeKnowsHowLongItWasDownSince(t *testing.T) {
	n, _ := goldenNode(t) // down at +0 for 1 s, at +100 s for 2 s, at +200 s for 3 s
	for _, c := range []struct {
		since Instant
		want  int64
	}{
		{start - second, 6e9}, {start, 6e9}, {start + second/2, 55e8}, {start + second, 5e9}, {start + 150*second, 3e9}, {start + 300*second, 0},
	} {
		if got := n.DownSince(c.since); got != c.want {
			t.Errorf("since %d s: %d, want %d", (c.since-start)/second, got, c.want)
		}
	}
}

func TestNodeForgetsOldOutagesButNotTheirSum(t *testing.T) {
	n := NewNode(Key{Kind: KindNode, ID: "n1"})
	var facts Facts
	for i := range OutagesMax + 10 {
		n.Outage(start+Instant(i)*10*second, start+Instant(i)*10*second+second, &facts)
	}
	if len(n.outages) != OutagesMax || n.Down() != (OutagesMax+10)*1e9 || n.DownSince(0) != n.Down() {
		t.Fatalf("%d outages, %d ns, %d since ever", len(n.outages), n.Down(), n.DownSince(0))
	}
	if err := n.Check(); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenSnapshot(n.key, n.AppendSnapshot(nil))
	if err != nil || opened.StateHash() != n.StateHash() {
		t.Fatalf("opened %+v: %v", opened, err)
	}
}

func TestNodeRefusesOutagesOutOfOrder(t *testing.T) {
	n, facts := goldenNode(t)
	if n.Outage(start+150*second, start+160*second, &facts) || n.Outage(start+900*second, start+900*second, &facts) || facts.Count != 4 {
		t.Fatal("an outage out of order is noted")
	}
	if err := n.Fold(&Run{First: 9, Facts: facts}); !errors.Is(err, ErrOutOfOrder) {
		t.Fatalf("a run out of order: %v", err)
	}
	if err := n.Fold(&Run{First: 5, Facts: facts}); !errors.Is(err, ErrMalformed) {
		t.Fatalf("outages twice: %v", err)
	}
}

func TestNodeRemembersTheLastIncarnation(t *testing.T) {
	n := NewNode(Key{Kind: KindNode, ID: "n1"})
	var facts Facts
	if n.Incarnation() != 0 || n.Restored(0, &facts) || n.Restored(IncarnationMax+1, &facts) || facts.Count != 0 {
		t.Fatalf("a new node is of incarnation %d, %d facts", n.Incarnation(), facts.Count)
	}
	for i := range Incarnation(RestoresMax) {
		if !n.Restored(10*(i+1), &facts) {
			t.Fatalf("restore %d is refused", i+1)
		}
	}
	if n.Restored(IncarnationMax, &facts) || n.Incarnation() != 10*RestoresMax || facts.Count != RestoresMax {
		t.Fatalf("incarnation %d after %d facts", n.Incarnation(), facts.Count)
	}
	opened, err := OpenSnapshot(n.key, n.AppendSnapshot(nil))
	if err != nil || opened.StateHash() != n.StateHash() {
		t.Fatalf("opened %v: %v", opened, err)
	}
	again := NewNode(n.key)
	if err := again.Fold(&Run{First: 1, Facts: facts}); err != nil || again.StateHash() != n.StateHash() {
		t.Fatalf("replayed %016x, live %016x: %v", again.StateHash(), n.StateHash(), err)
	}
	if err := again.Fold(&Run{First: RestoresMax + 1, Facts: Facts{Buf: facts.Buf[:3], Count: 1}}); !errors.Is(err, ErrMalformed) {
		t.Fatalf("an earlier incarnation: %v", err)
	}
}
