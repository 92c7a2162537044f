package actors

import (
	"fmt"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// lineTotals sums what the lines and waiting lists of awake events show, once for all metrics of a scrape.
type lineTotals struct {
	node *Node
	mu   sync.Mutex
	at   time.Duration
	read bool
	sum  engine.LineStats
}

// lineTotalsFor is how long a sum serves: longer than a scrape takes, shorter than two are apart.
const lineTotalsFor = 100 * time.Millisecond

func (t *lineTotals) get() engine.LineStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.node.clock.Mono()
	if t.read && now-t.at < lineTotalsFor {
		return t.sum
	}
	t.read, t.at, t.sum = true, now, engine.LineStats{}
	t.node.routes.Range(func(_ route, ref *eventRef) bool {
		if s, ok := ref.gauges.readLine(); ok {
			t.add(&s)
		}
		return true
	})
	return t.sum
}

func (t *lineTotals) add(s *engine.LineStats) {
	for i, n := range s.Places {
		t.sum.Places[i] += n
	}
	for i, n := range s.Waiters {
		t.sum.Waiters[i] += n
	}
	t.sum.Behind = max(t.sum.Behind, s.Behind)
	t.sum.Fresh += s.Fresh
	t.sum.Quiet += s.Quiet
	t.sum.Admission.Free += s.Admission.Free
	t.sum.Admission.Held += s.Admission.Held
	t.sum.Admission.Holding += s.Admission.Holding
	t.sum.Admission.LanePerMin += s.Admission.LanePerMin
	t.sum.Room.Supply += s.Room.Supply
	t.sum.Room.Promised += s.Room.Promised
	t.sum.Room.Grant += s.Room.Grant
}

// lineMetrics registers what is read of the lines of awake events at each scrape.
func (m *Metrics) lineMetrics(n *Node) {
	t := &lineTotals{node: n}
	gauge := func(f *family, label, value string, read func(*engine.LineStats) int64) {
		f.set.NewGauge(fmt.Sprintf("%s{%s=%q}", f.name, label, value), func() float64 { s := t.get(); return float64(read(&s)) })
	}
	f := m.family("holdfast_line_places", "Entries of lines of awake events, by where they are: those who are admitted have a pass.", "gauge")
	for state := engine.PlaceWaiting; int(state) < engine.PlaceStates; state++ {
		gauge(f, "state", state.String(), func(s *engine.LineStats) int64 { return s.Places[state] })
	}
	f = m.family("holdfast_line_waiters", "Waiters on the waiting lists of awake events, by where they are: those who are offered have tickets held for them.", "gauge")
	for state := engine.WaitWaiting; int(state) < engine.WaitStates; state++ {
		gauge(f, "state", state.String(), func(s *engine.LineStats) int64 { return s.Waiters[state] })
	}
	n.fair.addMetrics(m)
	m.Gauge("holdfast_line_share_behind", "The largest part of all passes of a line, from 0 to 1, that a track in which somebody waits is behind its promised share by, but for one pass, in awake events.",
		func() float64 { s := t.get(); return s.Behind })
	f = m.family("holdfast_line_shoppers", "How many may shop in lines of awake events: what that is made of, and how many passes may be granted now (grant).", "gauge")
	for of, read := range map[string]func(*engine.LineStats) int64{
		"free":         func(s *engine.LineStats) int64 { return int64(s.Admission.Free) },
		"held":         func(s *engine.LineStats) int64 { return int64(s.Admission.Held) },
		"holding":      func(s *engine.LineStats) int64 { return int64(s.Admission.Holding) },
		"fresh":        func(s *engine.LineStats) int64 { return s.Fresh },
		"quiet":        func(s *engine.LineStats) int64 { return s.Quiet },
		"supply":       func(s *engine.LineStats) int64 { return int64(s.Room.Supply) },
		"promised":     func(s *engine.LineStats) int64 { return int64(s.Room.Promised) },
		"lane_per_min": func(s *engine.LineStats) int64 { return int64(s.Admission.LanePerMin) },
		"grant":        func(s *engine.LineStats) int64 { return int64(s.Room.Grant) },
	} {
		gauge(f, "of", of, read)
	}
	m.Gauge("holdfast_line_serving", "Lines of awake events in which somebody waits or shops.", func() float64 { return float64(n.linesServing.Load()) })
	m.Gauge("holdfast_line_reveal_wait_seconds", "How long the draw that has waited longest has waited for its root to be published, its public value or its seed; 0 while none waits.",
		func() float64 { longest, _, _ := n.seeds.waits(); return longest.Seconds() })
	m.Counter("holdfast_line_seeds_failed_total", "Seeds of draws that could not be drawn, kept or opened. Any needs an operator: the log names the event.",
		func() uint64 { _, failed, _ := n.seeds.waits(); return failed })
	m.Counter("holdfast_line_seeds_revealed_total", "Seeds of draws that were revealed.", func() uint64 { _, _, revealed := n.seeds.waits(); return revealed })
	m.Gauge("holdfast_line_auto_buys_waiting", "Offers to those who wait that are to be bought as agreed and are not yet: the lane or the event does not take them at the moment.",
		func() float64 { return float64(n.autoBuys.waiting()) })
}
