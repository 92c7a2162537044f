package actors

import (
	"fmt"
	"io"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// lineFair sums how fair the lines were of all events that have been awake since the start, each with all that it has ever counted. What an event has counted stays
// when it goes to sleep, and is not counted again when it wakes, so the sums that can only grow do.
type lineFair struct {
	mu   sync.Mutex
	sum  line.Totals
	next line.Totals // what count fills: its memory goes from event to event
}

// count puts what an event's line has counted by now in place of what counted says it had, which it brings up to date. counted may lead to nil: it had nothing. Cost:
// some microseconds a track.
func (f *lineFair) count(ev *engine.Event, counted **line.Totals) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !ev.LineTotals(&f.next) {
		return
	}
	if *counted == nil {
		*counted = new(line.Totals)
	}
	f.sum.Replace(*counted, &f.next)
	**counted, f.next = f.next, **counted
}

// recallCounted notes what the sums have of an event's line already, as they had it when the event went to sleep.
func (a *eventActor) recallCounted() {
	if a.ev == nil || !a.ref.again || a.counted != nil {
		return
	}
	if was := new(line.Totals); a.ev.LineTotals(was) {
		a.counted = was
	}
}

// read gives use the sums. It must be quick, as events wait meanwhile, and keep none of them.
func (f *lineFair) read(use func(sum *line.Totals)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	use(&f.sum)
}

// addMetrics registers the sums.
func (f *lineFair) addMetrics(m *Metrics) {
	count := func(name, help string, of func(*line.Totals) uint64) {
		m.Counter(name, help, func() (n uint64) { f.read(func(t *line.Totals) { n = of(t) }); return n })
	}
	count("holdfast_line_joined_total", "People who joined a line.", func(t *line.Totals) uint64 { return t.Joined })
	count("holdfast_line_served_total", "People who got a pass at their turn.", func(t *line.Totals) uint64 { return t.Served })
	count("holdfast_line_no_shows_total", "People who were absent at their turn and not back in time.", func(t *line.Totals) uint64 { return t.NoShows })
	count("holdfast_line_left_total", "People who gave their place in a line up.", func(t *line.Totals) uint64 { return t.Left })
	count("holdfast_line_overtaken_total", "Turns in lines, and holds without a pass, that were somebody else's. Always 0 (G5).", func(t *line.Totals) uint64 { return t.Overtook })
	written := func(name, help, kind string, write func(w io.Writer, name string)) {
		m.written(name, help, kind, func(w io.Writer) { write(w, name) })
	}
	written("holdfast_line_wait_seconds", "How long people waited who got a pass, from when their line was first served, or they joined if that was later.", "summary", f.writeWaits)

	flows := []string{line.Standard: "standard", line.OneClick: "one_click"}
	perFlow := func(name, help string, of func(*line.FlowReport) uint64) {
		m.CounterPer(name, help, "flow", flows, func(i int) (n uint64) { f.read(func(t *line.Totals) { n = of(&t.Flows[i]) }); return n })
	}
	perFlow("holdfast_line_passes_ended_total", "Passes that have ended, by flow: a pass is a one-click one if its buyer was offered the button.", func(r *line.FlowReport) uint64 { return r.Shopped })
	perFlow("holdfast_line_passes_ordered_total", "Passes that have ended in an order, by flow.", func(r *line.FlowReport) uint64 { return r.Ordered })
	compared := func(name, help string, of func(difference, deviation float64) float64) {
		written(name, help, "gauge", func(w io.Writer, name string) {
			var difference, deviation float64
			var ok bool
			if f.read(func(t *line.Totals) { difference, deviation, ok = t.Difference() }); ok {
				fmt.Fprintf(w, "%s %g\n", name, of(difference, deviation))
			}
		})
	}
	compared("holdfast_line_flow_difference", "How much larger the share of one-click passes is that ended in an order than of standard ones with about the same place in the same line.",
		func(difference, _ float64) float64 { return difference })
	compared("holdfast_line_flow_difference_error", "The standard error of that difference.", func(_, deviation float64) float64 { return deviation })

	gauge := func(name, help string, of func(*line.Totals) int64) {
		m.Gauge(name, help, func() (n float64) { f.read(func(t *line.Totals) { n = float64(of(t)) }); return n })
	}
	gauge("holdfast_line_tickets", "Tickets sold of events with a line.", func(t *line.Totals) int64 { return t.Tickets })
	gauge("holdfast_line_tickets_linked", "Tickets of those that clusters of linked buyers have, as they are linked now.", func(t *line.Totals) int64 { return t.Linked })
	gauge("holdfast_line_clusters", "Clusters of linked buyers that have those.", func(t *line.Totals) int64 { return t.Clusters })
}

// writeWaits writes a summary of this name. Without anybody it has no quantiles.
func (f *lineFair) writeWaits(w io.Writer, name string) {
	shares := [...]float64{0.5, 0.9, 0.99}
	var seconds [len(shares)]float64
	var sum float64
	var n uint64
	f.read(func(t *line.Totals) {
		for i, share := range shares {
			seconds[i] = float64(t.Waits.PercentileMs(share)) / 1e3
		}
		sum, n = float64(t.Waits.SumMs())/1e3, t.Waits.Count()
	})
	for i, share := range shares {
		if n > 0 {
			fmt.Fprintf(w, "%s{quantile=\"%g\"} %g\n", name, share, seconds[i])
		}
	}
	fmt.Fprintf(w, "%s_sum %g\n%s_count %d\n", name, sum, name, n)
}
