package actors

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	vm "github.com/VictoriaMetrics/metrics"
	"github.com/asynkron/protoactor-go/actor"

	"github.com/holdfast-engine/holdfast/engine"
)

// Commit is what the metrics learn of one group commit.
type Commit struct {
	Runs, Facts, Bytes int
	FsyncNs            int64 // until both copies were durable
	TailFsyncNs        int64 // the second copy's sync alone
}

// observation is the metrics actor's message: what one durable run or group commit showed.
type observation struct {
	samples []engine.Sample
	commit  Commit
}

// Metrics owns the node's counters and histograms. Its actor takes observations in batches, without ever making the one who offers wait:
// beyond its bound they are dropped and counted. No buyer and no event is in a label.
type Metrics struct {
	families []*family
	byName   map[string]*family
	mu       sync.Mutex // guards families against a registration during a scrape

	box  *mailbox[*observation]
	root *actor.RootContext
	pid  *actor.PID
	pool sync.Pool

	admin        *family
	wallets      *family
	panics       *vm.Counter
	dropped      *vm.Counter
	clockAheadNs atomic.Int64
	slowSteps    *vm.Counter
	stepsMaxNs   atomic.Int64 // of what stepsTook was told

	commands  [engine.Verbs]*vm.Counter
	outcomes  [engine.Codes]*vm.Counter
	durations [engine.Verbs]*vm.PrometheusHistogram
	repeats   *vm.Counter
	runs      *vm.PrometheusHistogram
	facts     *vm.PrometheusHistogram
	fsync     *vm.PrometheusHistogram
	tailFsync *vm.PrometheusHistogram
}

// family is one metric with its HELP and TYPE. Each has a set of its own, so that the exposition groups it under its header.
type family struct {
	name, help, kind string
	set              *vm.Set
	write            func(io.Writer) // instead of set's; nil is set's
}

//nolint:mnd // bucket bounds: 10 us to 10 s, four or so a decade, because a hold takes tens to hundreds of microseconds
var secondsBuckets = []float64{
	10e-6, 25e-6, 50e-6, 75e-6, 100e-6, 150e-6, 200e-6, 300e-6, 500e-6, 750e-6,
	1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 10,
}

var sizeBuckets = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}

func newMetrics(n *Node, recovered *engine.Recovered) *Metrics {
	m := &Metrics{byName: make(map[string]*family), root: n.root}
	m.box = &mailbox[*observation]{messagesMax: sampleBatchesMax, escaped: func(cause any) {
		n.cfg.Logger.Error("the metrics actor panicked: metrics stand still, sales go on", "cause", fmt.Sprint(cause))
	}}
	m.pid = n.root.Spawn(actor.PropsFromProducer(func() actor.Actor { return metricsActor{m} },
		actor.WithMailbox(func() actor.Mailbox { return m.box })))

	f := m.family("holdfast_commands_total", "Commands answered, by verb, the engine's own (expire, settle, schedule, resume, prove, why) included.", "counter")
	for v := engine.VerbNone + 1; int(v) < engine.Verbs; v++ {
		m.commands[v] = f.set.NewCounter(fmt.Sprintf("holdfast_commands_total{verb=%q}", v))
	}
	f = m.family("holdfast_outcomes_total", "Outcomes of callers' commands, by code.", "counter")
	for c := engine.CodeOK; int(c) < engine.Codes; c++ {
		m.outcomes[c] = f.set.NewCounter(fmt.Sprintf("holdfast_outcomes_total{code=%q}", c))
	}
	f = m.family("holdfast_command_duration_seconds", "Time from a command's receipt to its durable reply, by verb.", "histogram")
	for v := range engine.Verb(engine.Verbs) {
		if !v.OfCallers() {
			continue
		}
		m.durations[v] = f.set.NewPrometheusHistogramExt(fmt.Sprintf("holdfast_command_duration_seconds{verb=%q}", v), secondsBuckets)
	}
	m.admin = m.family("holdfast_admin_commands_total", "Commands of operators that were carried out or refused, by verb and code. Each is in the audit.", "counter")
	m.wallets = m.family("holdfast_wallet_commands_total", "Commands for buyers' wallets, by verb and code.", "counter")
	m.repeats = m.counter("holdfast_repeats_total", "Outcomes that repeated an earlier one because the request id was known.")
	m.panics = m.counter("holdfast_panics_total", "Panics caught in an event's turn. Any is a bug: see the log.")
	m.slowSteps = m.counter("holdfast_slow_steps_total", "Times up to 16 steps of an event together, answers encoded, took longer than 1 ms: a step should not, however large the event.")
	m.Gauge("holdfast_steps_seconds_max", "The longest that up to 16 steps of an event have taken together since the start, times included when the processor was busy elsewhere.",
		func() float64 { return float64(m.stepsMaxNs.Load()) / 1e9 })
	m.dropped = m.counter("holdfast_samples_dropped_total", "Samples that the metrics actor had no room for: the other metrics miss them.")
	m.runs = m.histogram("holdfast_group_commit_runs", "Runs in one group commit of the journal.", sizeBuckets)
	m.facts = m.histogram("holdfast_group_commit_facts", "Facts in one group commit of the journal.", sizeBuckets)
	m.fsync = m.histogram("holdfast_fsync_duration_seconds", "Time from a group commit's write until both copies of it were durable.", secondsBuckets)
	m.tailFsync = m.histogram("holdfast_tail_fsync_duration_seconds", "Time of one sync of the tail, the journal's second copy.", secondsBuckets)

	m.Gauge("holdfast_recovery_seconds", "How long the last start took to rebuild the state from the log.", func() float64 { return float64(recovered.TookMs) / 1e3 })
	m.Gauge("holdfast_recovery_facts", "Facts folded by the last start.", func() float64 { return float64(recovered.Facts) })
	m.Gauge("holdfast_inflight_commands", "Commands accepted and not yet answered, over all events.", func() float64 { return float64(n.inflight.Load()) })
	m.Gauge("holdfast_clock_ahead_seconds", "How far node time is ahead of wall time; beyond 1 s either way is an alarm.", func() float64 { return float64(m.clockAheadNs.Load()) / 1e9 })
	m.Gauge("holdfast_holds_refused", "1 while new holds are refused because the disk or a cursor is too far behind, else 0.", func() float64 {
		if n.refusing.Load() != nil {
			return 1
		}
		return 0
	})
	m.eventGauges(n)
	return m
}

func (m *Metrics) family(name, help, kind string) *family {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byName[name] != nil {
		panic("metric registered twice: " + name)
	}
	f := &family{name: name, help: help, kind: kind, set: vm.NewSet()}
	m.byName[name] = f
	m.families = append(m.families, f)
	return f
}

func (m *Metrics) counter(name, help string) *vm.Counter {
	return m.family(name, help, "counter").set.NewCounter(name)
}

func (m *Metrics) histogram(name, help string, bounds []float64) *vm.PrometheusHistogram {
	return m.family(name, help, "histogram").set.NewPrometheusHistogramExt(name, bounds)
}

// Gauge registers a metric that is read when it is scraped. The name must be new.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.family(name, help, "gauge").set.NewGauge(name, read)
}

// Counter registers a count that another room keeps and that is read when it is scraped. The name must be new and end in _total.
func (m *Metrics) Counter(name, help string, read func() uint64) {
	m.family(name, help, "counter").set.NewGauge(name, func() float64 { return float64(read()) })
}

// written registers a metric whose lines are known only when it is scraped. write writes them in the text format, quickly.
func (m *Metrics) written(name, help, kind string, write func(io.Writer)) {
	f := m.family(name, help, kind)
	m.mu.Lock()
	defer m.mu.Unlock()
	f.write = write
}

// GaugePer registers a metric with one series a value of a label, which is read when it is scraped; there must be few values, known beforehand. The
// name must be new.
func (m *Metrics) GaugePer(name, help, label string, values []string, read func(i int) float64) {
	m.perLabel(m.family(name, help, "gauge"), label, values, read)
}

// CounterPer does the same for counts that another room keeps. The name must be new and end in _total.
func (m *Metrics) CounterPer(name, help, label string, values []string, read func(i int) uint64) {
	m.perLabel(m.family(name, help, "counter"), label, values, func(i int) float64 { return float64(read(i)) })
}

func (m *Metrics) perLabel(f *family, label string, values []string, read func(i int) float64) {
	for i, value := range values {
		f.set.NewGauge(fmt.Sprintf("%s{%s=%q}", f.name, label, value), func() float64 { return read(i) })
	}
}

// Names lists every metric with its own name, in the order of the exposition.
func (m *Metrics) Names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := make([]string, len(m.families))
	for i, f := range m.families {
		names[i] = f.name
	}
	return names
}

// WriteText writes all metrics in the Prometheus text format 0.0.4, then those of the Go runtime and the process.
func (m *Metrics) WriteText(w io.Writer) {
	m.mu.Lock()
	families := m.families
	m.mu.Unlock()
	for _, f := range families {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		if f.write != nil {
			f.write(w)
			continue
		}
		f.set.WritePrometheus(w)
	}
	vm.WriteProcessMetrics(w)
}

// offer hands samples to the metrics actor and returns an empty slice to go on with.
func (m *Metrics) offer(samples []engine.Sample) []engine.Sample {
	if len(samples) == 0 {
		return samples
	}
	o := m.take()
	samples, o.samples = o.samples[:0], samples
	m.post(o)
	return samples
}

// OfferCommit hands what a group commit showed to the metrics actor. It does not block.
func (m *Metrics) OfferCommit(c Commit) {
	o := m.take()
	o.commit = c
	m.post(o)
}

func (m *Metrics) take() *observation {
	if o, ok := m.pool.Get().(*observation); ok {
		return o
	}
	return new(observation)
}

func (m *Metrics) put(o *observation) {
	o.samples, o.commit = o.samples[:0], Commit{}
	m.pool.Put(o)
}

func (m *Metrics) post(o *observation) {
	if m.box.post(o) != postedOK {
		m.dropped.Add(max(len(o.samples), 1))
		m.put(o)
	}
}

// stepsTook notes how long a few steps took together.
func (m *Metrics) stepsTook(took time.Duration) {
	if took > slowSteps {
		m.slowSteps.Inc()
	}
	for old := m.stepsMaxNs.Load(); int64(took) > old; old = m.stepsMaxNs.Load() {
		if m.stepsMaxNs.CompareAndSwap(old, int64(took)) {
			return
		}
	}
}

// CountAdmin counts a command of an operator. verb is one of the contract: there is a line for each pair that occurs.
func (m *Metrics) CountAdmin(verb string, code engine.Code) {
	m.admin.set.GetOrCreateCounter(fmt.Sprintf("holdfast_admin_commands_total{verb=%q,code=%q}", verb, code)).Inc()
}

// close stops the actor: later observations are dropped.
func (m *Metrics) close() { m.root.Stop(m.pid) }

// metricsActor is the one goroutine at a time that writes the counters and histograms.
type metricsActor struct{ m *Metrics }

// Receive is called by the library, one message at a time.
func (a metricsActor) Receive(ctx actor.Context) {
	msg, ok := ctx.Message().(*turn[*observation])
	if !ok {
		return
	}
	for _, o := range msg.Messages {
		a.m.observe(o)
		a.m.put(o)
	}
}

func (m *Metrics) observe(o *observation) {
	for i := range o.samples {
		s := &o.samples[i]
		if s.Verb == engine.VerbNone {
			continue // no transport lets it through
		}
		m.commands[s.Verb].Inc()
		if !s.Verb.OfCallers() {
			continue
		}
		m.outcomes[s.Code].Inc()
		m.durations[s.Verb].Update(float64(s.LatencyNs) / 1e9)
		if s.Repeated {
			m.repeats.Inc()
		}
	}
	if c := &o.commit; c.Runs > 0 {
		m.runs.Update(float64(c.Runs))
		m.facts.Update(float64(c.Facts))
		m.fsync.Update(float64(c.FsyncNs) / 1e9)
		m.tailFsync.Update(float64(c.TailFsyncNs) / 1e9)
	}
}
