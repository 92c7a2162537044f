package engine

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// wantsGoldenFacts compares the runs of an event with what is in a golden file, with their words, the snapshot and the hash: and what is folded from the runs, or opened from the snapshot,
// with the event. A line is a run: its name, when it was after the start, how many facts it has, and the facts. It returns all that is written.
func wantsGoldenFacts(t *testing.T, w *world, lines []string, file string) (written []string) {
	t.Helper()
	snapshot := w.e.AppendSnapshot(nil)
	again := New(testKey())
	var words []string
	for _, text := range lines {
		f := strings.Fields(text)
		run := Run{Key: testKey(), First: again.Seq() + 1}
		if _, err := fmt.Sscan(f[1]+" "+f[2], &run.At, &run.Facts.Count); err != nil {
			t.Fatal(err)
		}
		if run.At += start; run.Facts.Count == 0 {
			continue
		}
		run.Facts.Buf, _ = hex.DecodeString(f[3])
		err := again.FoldEach(&run, func(v *FactView) bool {
			words = append(words, fmt.Sprintf("%d %s %s", v.Seq, v.Kind, v.Text))
			return true
		})
		if err != nil {
			t.Fatalf("%s: %v", f[0], err)
		}
		if err := new(Teller).Each(&run, func(*Told) error { return nil }); err != nil {
			t.Fatalf("%s: %v", f[0], err)
		}
	}
	lines = append(append(lines, words...), "snapshot "+hex.EncodeToString(snapshot), fmt.Sprintf("hash %016x", w.e.StateHash()))
	golden(t, file, strings.Join(lines, "\n")+"\n")
	opened, err := OpenSnapshot(testKey(), snapshot)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Event{again, opened.(*Event), w.e} {
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		if e.StateHash() != w.e.StateHash() || hex.EncodeToString(e.AppendSnapshot(nil)) != hex.EncodeToString(snapshot) {
			t.Fatalf("replayed or opened %016x, live %016x", e.StateHash(), w.e.StateHash())
		}
	}
	return lines
}
