package actors

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/holdfast-engine/holdfast/engine"
)

// gauges is what an awake event shows to other goroutines.
type gauges struct {
	exists atomic.Bool // its creation is durable
	mu     sync.Mutex
	stats  engine.Stats
	line   *engine.LineStats // nil if there is none
}

func (g *gauges) show(stats engine.Stats, line engine.LineStats, lined bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stats = stats
	switch {
	case !lined:
		g.line = nil
	case g.line == nil:
		g.line = &line
	default:
		*g.line = line
	}
}

func (g *gauges) readLine() (s engine.LineStats, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.line == nil {
		return s, false
	}
	return *g.line, true
}

func (g *gauges) read() engine.Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stats
}

// totals sums what the awake events show.
type totals struct {
	engine.Stats
	events      int64
	quarantined int64
	drift       int64
	inflightMax int64
}

func (n *Node) totals() totals {
	var t totals
	n.routes.Range(func(_ route, ref *eventRef) bool {
		s := ref.gauges.read()
		t.events++
		if ref.quarantined.Load() != nil {
			t.quarantined++
		}
		t.HoldsLive += s.HoldsLive
		t.Orders += s.Orders
		t.Requests += s.Requests + s.Money
		t.Free += s.Free
		t.Held += s.Held
		t.Paying += s.Paying
		t.Sold += s.Sold
		t.Blocked += s.Blocked
		drift := s.Capacity - s.Free - s.Held - s.Paying - s.Sold - s.Blocked
		t.drift += max(drift, -drift)
		if s.CoveredMs > 0 && (t.CoveredMs == 0 || s.CoveredMs < t.CoveredMs) {
			t.CoveredMs = s.CoveredMs
		}
		t.inflightMax = max(t.inflightMax, ref.inflight.Load())
		return true
	})
	return t
}

// eventGauges registers what is read from the awake events at each scrape.
func (m *Metrics) eventGauges(n *Node) {
	gauge := func(name, help string, read func(*totals) int64) {
		m.Gauge(name, help, func() float64 { t := n.totals(); return float64(read(&t)) })
	}
	gauge("holdfast_events_awake", "Events in memory.", func(t *totals) int64 { return t.events })
	m.Gauge("holdfast_events_asleep", "Events whose state is only on disk.", func() float64 {
		n.mu.Lock()
		defer n.mu.Unlock()
		return float64(n.known.len() - n.known.awake)
	})
	gauge("holdfast_events_quarantined", "Events set aside because their state could not be trusted. Anything but 0 needs an operator.", func(t *totals) int64 { return t.quarantined })
	gauge("holdfast_holds_live", "Holds that are held or paying, in awake events.", func(t *totals) int64 { return t.HoldsLive })
	gauge("holdfast_orders", "Orders of awake events.", func(t *totals) int64 { return t.Orders })
	gauge("holdfast_conservation_drift", "Tickets by which free + held + paying + sold + blocked differs from capacity in awake events. Always 0 (G1).", func(t *totals) int64 { return t.drift })
	gauge("holdfast_mailbox_commands_max", "Commands accepted and not yet answered in the event that has most of them.", func(t *totals) int64 { return t.inflightMax })
	gauge("holdfast_request_ids", "Request ids remembered by awake events.", func(t *totals) int64 { return t.Requests })
	m.Gauge("holdfast_request_ids_covered_seconds", "Age of the oldest request id still remembered, in the awake event that forgets soonest; 0 while none has forgotten any.",
		func() float64 { t := n.totals(); return float64(t.CoveredMs) / 1e3 })

	f := m.family("holdfast_tickets", "Tickets of awake events, by where they are.", "gauge")
	for _, s := range []struct {
		state string
		read  func(*totals) int64
	}{
		{"free", func(t *totals) int64 { return t.Free }},
		{"held", func(t *totals) int64 { return t.Held }},
		{"paying", func(t *totals) int64 { return t.Paying }},
		{"sold", func(t *totals) int64 { return t.Sold }},
		{"blocked", func(t *totals) int64 { return t.Blocked }},
	} {
		f.set.NewGauge(fmt.Sprintf("holdfast_tickets{state=%q}", s.state), func() float64 { t := n.totals(); return float64(s.read(&t)) })
	}
}
