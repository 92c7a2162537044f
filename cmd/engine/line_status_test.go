package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLineStatusSaysWhoseTurnComes: who is next is told so, and not that it takes no time; and nobody whose turn does not come any more.
func TestLineStatusSaysWhoseTurnComes(t *testing.T) {
	st := lineStatus{Event: "e1", State: "on_sale", Line: &statusLine{Mode: "line", Phase: "serving"}}
	for _, c := range []struct {
		ahead int64
		eta   time.Duration
		told  string
	}{{0, 0, "likely"}, {0, 4200 * time.Millisecond, "likely"}, {7, 0, "unlikely"}, {0, 0, "sold_out"}, {7, time.Minute, "sold_out"}} {
		point := statusCheckpoint{Place: 1000 + c.ahead, Track: "general", Ahead: c.ahead, EtaMs: c.eta.Milliseconds()}
		point.Chance.Told = c.told
		st.Checkpoints = append(st.Checkpoints, point)
	}
	var b strings.Builder
	if err := st.print(&b); err != nil {
		t.Fatal(err)
	}
	var turns []string
	for line := range strings.Lines(b.String()) {
		if cells := strings.Fields(line); len(cells) > 3 && cells[1] == "general" {
			turns = append(turns, strings.Join(cells[3:], " "))
		}
	}
	want := []string{"next likely, 0 %", "4s likely, 0 %", "not known unlikely, 0 %", "- sold out, 0 %", "- sold out, 0 %"}
	if !slices.Equal(turns, want) {
		t.Errorf("it says %q, want %q, in\n%s", turns, want, b.String())
	}
}
