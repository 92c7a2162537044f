package actors

import (
	"bytes"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// fairMetrics is what the metrics say of how fair lines were, those that are 0 left out.
func fairMetrics(t *testing.T, n *Node) map[string]float64 {
	t.Helper()
	synctest.Wait()
	var b bytes.Buffer
	n.Metrics().WriteText(&b)
	values := map[string]float64{}
	for line := range strings.Lines(b.String()) {
		name, ours := strings.CutPrefix(line, "holdfast_line_")
		name, number, ok := strings.Cut(name, " ")
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		switch of, _, _ := strings.Cut(name, "{"); of {
		case "places", "waiters", "shoppers", "serving", "share_behind": // of awake events
			continue
		}
		if ours && ok && (err != nil || value != 0) {
			values[name] = value
		}
	}
	return values
}

// TestWhatLinesHaveCountedStays follows the lines of two events: through sleep, a panic, the end of one and a restart the sums stay what they are, and whoever comes
// then is counted once.
func TestWhatLinesHaveCountedStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeLog()
		n := started(t, l, Config{SleepAfter: 5 * time.Second, Watcher: &moves{}})
		ids := 0
		do := func(event string, cmd engine.Command) answer {
			t.Helper()
			ids++
			cmd.RequestID = fmt.Sprintf("r%d", ids)
			a := ask(t, n, event, cmd)
			if a.code != engine.CodeOK {
				t.Fatalf("%v of %s: %v", cmd.Verb, cmd.Buyer, a.code)
			}
			return a
		}
		want := map[string]float64{}
		wants := func(when string, changed map[string]float64) {
			t.Helper()
			maps.Copy(want, changed)
			if got := fairMetrics(t, n); !maps.Equal(got, want) {
				t.Fatalf("%s the metrics say\n%v\nwant\n%v", when, got, want)
			}
		}
		wants("of nobody", nil)

		spec := engine.LineSpec{PassTTLMs: 30_000, GraceMs: 60_000, ShoppersMax: 1}
		do("e1", withLine(1, spec))
		do("e2", withLine(2, spec))
		for _, buyer := range []string{"anna", "ben", "cleo", "dora"} {
			do("e1", join(buyer))
		}
		do("e2", join("emil"))
		do("e1", engine.Command{Verb: engine.VerbAbsent, Buyer: "ben"})
		do("e1", engine.Command{Verb: engine.VerbLeave, Buyer: "dora"})
		time.Sleep(time.Second)
		wants("after the joins", map[string]float64{"joined_total": 5, "served_total": 2, "left_total": 1, "wait_seconds_count": 2})

		time.Sleep(31 * time.Second) // anna's pass and emil's run out, ben is skipped, cleo's turn comes; both events sleep in between
		h := do("e1", hold("", "cleo"))
		do("e1", engine.Command{Verb: engine.VerbConfirm, Buyer: "cleo", Hold: h.hold, PaymentRef: "p"})
		time.Sleep(2 * time.Minute) // ben is not back in time
		synctest.Wait()
		if awake := n.routes.Size(); awake != 0 {
			t.Fatalf("%d events are awake", awake)
		}
		wants("when both sleep", map[string]float64{
			"served_total": 3, "no_shows_total": 1, `passes_ended_total{flow="standard"}`: 3, `passes_ordered_total{flow="standard"}`: 1, "tickets": 1,
			"wait_seconds_count": 3, "wait_seconds_sum": 30, `wait_seconds{quantile="0.9"}`: 30, `wait_seconds{quantile="0.99"}`: 30,
		})

		do("e2", join("fred")) // wakes it
		if code := ask(t, n, "e2", bad("bad")).code; code != engine.CodeInternal {
			t.Fatalf("the panic is answered %v", code)
		}
		do("e2", join("gina"))
		do("e1", engine.Command{Verb: engine.VerbClose})
		time.Sleep(time.Second)
		wants("when both woke, one was rebuilt and one is over", map[string]float64{"joined_total": 7, "served_total": 4, "wait_seconds_count": 4})
		time.Sleep(time.Minute)
		wants("when both sleep again", map[string]float64{"served_total": 5, `passes_ended_total{flow="standard"}`: 5, "wait_seconds_count": 5, "wait_seconds_sum": 60})

		n = started(t, l, Config{SleepAfter: -1, Watcher: &moves{}})
		time.Sleep(time.Second)
		wants("after a restart", nil)
	})
}
