package actors

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/holdfast-engine/holdfast/engine"
)

// scrape waits until the metrics actor has seen as many outcomes as wanted and returns the exposition.
func scrape(t *testing.T, n *Node, outcomes int) string {
	t.Helper()
	for {
		var b bytes.Buffer
		n.Metrics().WriteText(&b)
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("the exposition does not parse: %v", err)
		}
		seen := 0
		for _, m := range families["holdfast_command_duration_seconds"].GetMetric() { // what is counted last of a command
			seen += int(m.GetSummary().GetSampleCount() + m.GetHistogram().GetSampleCount())
		}
		if seen >= outcomes {
			b.Reset() // what is counted first was perhaps written before
			n.Metrics().WriteText(&b)
			return b.String()
		}
	}
}

func TestMetricsParseAndPassTheLinter(t *testing.T) {
	n := started(t, newFakeLog(), Config{})
	ask(t, n, "e1", create("c1", 1))
	ask(t, n, "e1", hold("h1", "anna"))
	ask(t, n, "e1", hold("h2", "ben"))
	n.Metrics().OfferCommit(Commit{Runs: 1, Facts: 2, Bytes: 300, FsyncNs: 85_000, TailFsyncNs: 80_000})
	n.Metrics().Counter("holdfast_test_total", "A count of another room.", func() uint64 { return 3 })
	text := scrape(t, n, 3)

	var ours strings.Builder
	for line := range strings.Lines(text) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if strings.HasPrefix(name, "holdfast_") {
			ours.WriteString(line)
		}
	}
	problems, err := promlint.New(strings.NewReader(ours.String())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, want := range []string{
		`holdfast_outcomes_total{code="sold_out"} 1`, `holdfast_outcomes_total{code="ok"} 2`, `holdfast_commands_total{verb="hold"} 2`,
		`holdfast_command_duration_seconds_count{verb="hold"} 2`, "holdfast_conservation_drift 0", "holdfast_events_awake 1", "holdfast_test_total 3",
		"go_goroutines", "process_cpu_seconds_total",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the exposition lacks %q", want)
		}
	}
}

func TestMetricsDropAndCountBeyondTheirBound(t *testing.T) {
	n := started(t, newFakeLog(), Config{})
	n.metrics.box.PostSystemMessage(&actor.SuspendMailbox{})
	for range sampleBatchesMax + 10 {
		n.metrics.offer([]engine.Sample{{Verb: engine.VerbHold}})
	}
	if got := n.metrics.dropped.Get(); got < 10 {
		t.Fatalf("%d samples dropped, want at least 10", got)
	}
}

// slowCaller takes its time to encode an answer.
type slowCaller struct {
	caller
	takes time.Duration
}

func (c *slowCaller) Outcome(req *engine.Request, i int, out *engine.Outcome) {
	time.Sleep(c.takes)
	c.caller.Outcome(req, i, out)
}

func TestSlowStepsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := started(t, newFakeLog(), Config{})
		ask(t, n, "e1", create("c1", 1000))
		slow := func(takes time.Duration, cmds ...engine.Command) {
			c := &slowCaller{caller: caller{durable: make(chan struct{})}, takes: takes}
			if code := n.Submit(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: cmds, Reply: c}); code != engine.CodeOK {
				t.Fatalf("submit: %v", code)
			}
			<-c.durable
		}
		many := make([]engine.Command, 3*stepsTimed)
		for i := range many {
			many[i] = hold(fmt.Sprintf("h%d", i), fmt.Sprintf("b%d", i))
		}
		slow(slowSteps/stepsTimed, many...)
		if got := n.metrics.slowSteps.Get(); got != 0 {
			t.Errorf("%d times slow, but no step was", got)
		}
		slow(5*time.Millisecond, hold("slow", "anna"))
		if got := n.metrics.slowSteps.Get(); got != 1 {
			t.Errorf("counted %d slow steps of one", got)
		}
		if got := time.Duration(n.metrics.stepsMaxNs.Load()); got != 5*time.Millisecond {
			t.Errorf("the longest took %v, want 5ms", got)
		}
	})
}
