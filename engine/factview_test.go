package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// Every fact that the golden life has is put into words, one after the other, and folding one by one comes to the same state as folding all.
func TestFactsAreShownInWords(t *testing.T) {
	w, lines := goldenLife(t)
	e := NewWithLimits(testKey(), Limits{})
	var text strings.Builder
	at := start
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) == 4 {
			run := Run{Key: testKey(), First: e.Seq() + 1, At: at}
			if f[0] == "expire" {
				run.At += 300 * second
				at += 300 * second
			}
			_, _ = fmt.Sscan(f[2], &run.Facts.Count)
			run.Facts.Buf, _ = hex.DecodeString(f[3])
			err := e.FoldEach(&run, func(v *FactView) bool {
				fmt.Fprintf(&text, "%d %s %s %s\n", v.Seq, v.Kind, v.RequestID, v.Text)
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		at += second / 4
	}
	if e.StateHash() != w.e.StateHash() {
		t.Errorf("folded one by one %016x, live %016x", e.StateHash(), w.e.StateHash())
	}
	golden(t, "facts-in-words.txt", text.String())
	if strings.Contains(text.String(), "kind_") {
		t.Error("a kind has no name")
	}
}

func TestFoldingStopsBehindAFact(t *testing.T) {
	w := newWorld(t, testSpec())
	w.facts.Reset()
	for i := range 5 {
		w.ok(hold(fmt.Sprintf("b%d", i), "ga", 1))
	}
	e := newWorld(t, testSpec()).e
	run := Run{Key: testKey(), First: e.Seq() + 1, At: w.now, Facts: w.facts}
	if err := e.FoldEach(&run, func(v *FactView) bool { return v.Seq < run.First+2 }); err != nil || e.Seq() != run.First+2 || e.holds.live() != 3 {
		t.Fatalf("it stopped behind fact %d with %d holds: %v", e.Seq(), e.holds.live(), err)
	}
	if err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if err := e.FoldEach(&run, func(*FactView) bool { return true }); err == nil {
		t.Error("a run that does not continue is folded")
	}
}

func TestFactsOfANodeAreShownInWords(t *testing.T) {
	n, facts := goldenNode(t)
	again := NewNode(n.key)
	var last FactView
	if err := again.FoldEach(&Run{First: 1, At: start, Facts: facts}, func(v *FactView) bool { last = *v; return true }); err != nil || again.StateHash() != n.StateHash() {
		t.Fatalf("%v", err)
	}
	if last.Kind != "outage" || last.Seq != n.Seq() {
		t.Errorf("%+v", last)
	}
}
