package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/load"
)

// loadQuantiles are the percentiles that are shown.
var loadQuantiles = []struct {
	name    string
	percent float64
}{{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"max", 100}}

func (r *loadReport) print(w io.Writer) error {
	if r.settings.json {
		return r.printJSON(w)
	}
	s, m := r.settings, r.result
	how := fmt.Sprintf("a closed loop of %s commands", thousands(int64(s.outstanding)))
	if r.rate > 0 {
		how = fmt.Sprintf("%s commands/s, %s", thousands(int64(r.rate)), s.arrivals)
	}
	fmt.Fprintf(w, "Load on %s: %s, %d a message, measured for %v, seed %d\n", s.shown(), how, s.batch, m.Took.Round(time.Millisecond), s.seed)
	if m.Stopped {
		fmt.Fprintln(w, "Ended early: this is what was measured so far.")
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "  "+name+"\t"+format+"\n", args...) }
	if r.capacity != nil {
		line("capacity", "%s/s answered with %s on their way, found first", thousands(int64(r.capacity.Throughput())), thousands(int64(s.outstanding)))
	}
	line("due", "%s commands = %s sent + %s not sent", thousands(m.Due), thousands(m.Sent), thousands(m.NotSent))
	unanswered := fmt.Sprintf("timed out after %v", s.timeout)
	if m.Stopped {
		unanswered = "not answered so far"
	}
	line("sent", "%s = %s answered + %s %s%s", thousands(m.Sent), thousands(m.Answered), thousands(m.TimedOut), unanswered, noEngineText(m))
	line("answered", "%s: %s accepted, %s turned away as overloaded%s", thousands(m.Answered), thousands(m.Accepted), thousands(m.Overloaded), repeatsText(m))
	line("throughput", "%s/s answered, %s/s accepted", thousands(int64(m.Throughput())), thousands(int64(m.Goodput())))
	for i, verb := range slices.Sorted(maps.Keys(m.Outcomes)) {
		name := ""
		if i == 0 {
			name = "outcomes"
		}
		line(name, "%-8s %s", verb, outcomesText(m.Outcomes[verb]))
	}
	line("latency", "%s, from when each message was due", quantilesText(m.Latency))
	if m.TurnedAway.TotalCount() > 0 {
		line("turned away", "%s, the same for those messages", quantilesText(m.TurnedAway))
	}
	line("lag", "%s, by which messages left this program late", quantilesText(m.Lag))
	if c := r.commits; c != nil {
		line("fsync", "p50 %s  p90 %s  p99 %s  p99.9 %s, of %s group commits meanwhile, from the engine's buckets",
			briefly(c.Quantile(0.5)), briefly(c.Quantile(0.9)), briefly(c.Quantile(0.99)), briefly(c.Quantile(0.999)), thousands(c.Count()))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func noEngineText(m *load.Result) string {
	text := ""
	if m.NoEngine > 0 {
		text += fmt.Sprintf("; %s messages found no engine listening", thousands(m.NoEngine))
	}
	if m.Late > 0 {
		text += fmt.Sprintf("; %s answers came later than that", thousands(m.Late))
	}
	return text
}

func repeatsText(m *load.Result) string {
	text := ""
	if m.Repeated > 0 {
		text += fmt.Sprintf("; %s repeat an earlier one: was this --seed used before?", thousands(m.Repeated))
	}
	if m.WithoutHint > 0 {
		text += fmt.Sprintf("; %s turned away without saying when to come back", thousands(m.WithoutHint))
	}
	return text
}

// outcomesText lists outcomes by code, ok first.
func outcomesText(by map[engine.Code]int64) string {
	var parts []string
	for _, code := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, code.String()+" "+thousands(by[code]))
	}
	return strings.Join(parts, "  ")
}

func quantilesText(h *hdrhistogram.Histogram) string {
	if h.TotalCount() == 0 {
		return "nothing to measure"
	}
	var parts []string
	for _, q := range loadQuantiles {
		parts = append(parts, q.name+" "+briefly(time.Duration(h.ValueAtQuantile(q.percent))*time.Microsecond))
	}
	return strings.Join(parts, "  ")
}

// loadJSON is the report for programs. Times are in microseconds, rates a second.
type loadJSON struct {
	NATS        string                      `json:"nats"`
	Seed        uint64                      `json:"seed"`
	Loop        string                      `json:"loop"` // open or closed
	Rate        float64                     `json:"rate,omitempty"`
	Arrivals    string                      `json:"arrivals,omitempty"`
	Capacity    float64                     `json:"capacity,omitempty"`
	Outstanding int                         `json:"outstanding,omitempty"`
	Batch       int                         `json:"batch"`
	TookMs      int64                       `json:"took_ms"`
	Stopped     bool                        `json:"stopped"`
	Due         int64                       `json:"due"`
	Sent        int64                       `json:"sent"`
	NotSent     int64                       `json:"not_sent"`
	Answered    int64                       `json:"answered"`
	TimedOut    int64                       `json:"timed_out"`
	Accepted    int64                       `json:"accepted"`
	Overloaded  int64                       `json:"overloaded"`
	WithoutHint int64                       `json:"without_hint"`
	Repeated    int64                       `json:"repeated"`
	Late        int64                       `json:"late_messages"`
	NoEngine    int64                       `json:"no_engine_messages"`
	Throughput  float64                     `json:"throughput"`
	Goodput     float64                     `json:"goodput"`
	Outcomes    map[string]map[string]int64 `json:"outcomes"`
	LatencyUs   map[string]int64            `json:"latency_us"`
	TurnedUs    map[string]int64            `json:"turned_away_us,omitempty"`
	LagUs       map[string]int64            `json:"lag_us"`
	FsyncUs     map[string]int64            `json:"fsync_us,omitempty"`
}

func (r *loadReport) printJSON(w io.Writer) error {
	s, m := r.settings, r.result
	j := loadJSON{
		NATS: s.shown(), Seed: s.seed, Loop: "closed", Rate: r.rate, Batch: s.batch, TookMs: m.Took.Milliseconds(), Stopped: m.Stopped,
		Due: m.Due, Sent: m.Sent, NotSent: m.NotSent, Answered: m.Answered, TimedOut: m.TimedOut, Accepted: m.Accepted,
		Overloaded: m.Overloaded, WithoutHint: m.WithoutHint, Repeated: m.Repeated, Late: m.Late, NoEngine: m.NoEngine,
		Throughput: m.Throughput(), Goodput: m.Goodput(), Outcomes: map[string]map[string]int64{},
		LatencyUs: quantilesJSON(m.Latency), TurnedUs: quantilesJSON(m.TurnedAway), LagUs: quantilesJSON(m.Lag),
	}
	if r.rate > 0 {
		j.Loop, j.Arrivals = "open", s.arrivals
	} else {
		j.Outstanding = s.outstanding
	}
	if r.capacity != nil {
		j.Capacity, j.Outstanding = r.capacity.Throughput(), s.outstanding
	}
	for verb, by := range m.Outcomes {
		j.Outcomes[verb.String()] = map[string]int64{}
		for code, n := range by {
			j.Outcomes[verb.String()][code.String()] = n
		}
	}
	if c := r.commits; c != nil {
		j.FsyncUs = map[string]int64{"count": c.Count()}
		for _, q := range loadQuantiles[:len(loadQuantiles)-1] {
			j.FsyncUs[q.name] = c.Quantile(q.percent / 100).Microseconds()
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(j); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func quantilesJSON(h *hdrhistogram.Histogram) map[string]int64 {
	if h.TotalCount() == 0 {
		return nil
	}
	out := map[string]int64{"count": h.TotalCount()}
	for _, q := range loadQuantiles {
		out[q.name] = h.ValueAtQuantile(q.percent)
	}
	return out
}
