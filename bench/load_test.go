package bench_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

func TestWorkloadNamesNobodyTwice(t *testing.T) {
	seen := map[string]bool{}
	request, buyer := make([]byte, bench.IDLen), make([]byte, bench.IDLen)
	for seed := range 3 {
		w, again := bench.NewWorkload(seed), bench.NewWorkload(seed)
		for range 10_000 {
			w.IDs(request, buyer)
			for _, id := range []string{"r" + string(request), "b" + string(buyer)} {
				if seen[id] || !engine.ValidID(id) {
					t.Fatalf("seed %d names %q twice, or it is no id", seed, id)
				}
				seen[id] = true
			}
			r, b := make([]byte, bench.IDLen), make([]byte, bench.IDLen)
			if again.IDs(r, b); !bytes.Equal(r, request) || !bytes.Equal(b, buyer) {
				t.Fatalf("seed %d gave %q %q, then %q %q", seed, request, buyer, r, b)
			}
		}
	}
}

// testRig starts the engine with an event on sale.
func testRig(t *testing.T, capacity int64) *bench.Rig {
	t.Helper()
	rig, err := bench.StartRig(bench.RigConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rig.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := rig.Create(bench.EventID, capacity); err != nil {
		t.Fatal(err)
	}
	return rig
}

func newLoad(t *testing.T, rig *bench.Rig, c bench.LoadConfig) *bench.Load {
	t.Helper()
	l, err := bench.NewLoad(rig.URL, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// TestEchoAndEngineGetAndGiveTheSame compares what is on the wire: requests that the schema reads, and answers that differ in nothing but the correlation.
func TestEchoAndEngineGetAndGiveTheSame(t *testing.T) {
	rig := testRig(t, 1e6)
	for _, batch := range []int{1, 64} {
		t.Run(fmt.Sprintf("batch=%d", batch), func(t *testing.T) { compareEcho(t, rig, batch) })
	}
}

func compareEcho(t *testing.T, rig *bench.Rig, batch int) {
	t.Helper()
	c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: batch, Batch: batch, Workload: bench.NewWorkload(batch)}
	engineLoad := newLoad(t, rig, c)
	sample, err := engineLoad.Sample()
	if err != nil {
		t.Fatal(err)
	}
	echo, err := bench.NewEcho(rig.URL, bench.EventID, sample)
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()

	heard := make(chan *nats.Msg, 4)
	nc, err := nats.Connect(rig.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, subject := range []string{bench.EngineSubjects + ">", bench.EchoSubjects + ">"} {
		if _, err := nc.ChanSubscribe(subject, heard); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	c.Workload = bench.NewWorkload(100 + batch)
	if _, err := newLoad(t, rig, c).Sample(); err != nil {
		t.Fatal(err)
	}
	c.Subjects, c.Workload = bench.EchoSubjects, bench.NewWorkload(100+batch)
	toEcho, err := newLoad(t, rig, c).Sample()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(toEcho.Data, sample.Data) || len(toEcho.Header) != len(sample.Header) {
		t.Errorf("the engine answered %q, the echo says %q", sample.Data, toEcho.Data)
	}
	var reply holdfastpb.Reply
	if err := proto.Unmarshal(toEcho.Data, &reply); err != nil {
		t.Errorf("the echo's answer: %v", err)
	}
	engineRequest, echoRequest := <-heard, <-heard
	if !bytes.Equal(engineRequest.Data, echoRequest.Data) || len(engineRequest.Subject) != len(echoRequest.Subject) {
		t.Errorf("the engine got %q on %s, the echo %q on %s",
			engineRequest.Data, engineRequest.Subject, echoRequest.Data, echoRequest.Subject)
	}
	if batch == 1 {
		var hold holdfastpb.HoldCommand
		err = proto.Unmarshal(engineRequest.Data, &hold)
		if err != nil || hold.GetBuyer() == "" || len(hold.GetItems()) != 1 || hold.GetItems()[0].GetLot() != bench.LotID {
			t.Errorf("the request is %v (%v)", &hold, err)
		}
	} else {
		var b holdfastpb.Batch
		if err := proto.Unmarshal(engineRequest.Data, &b); err != nil || len(b.GetCommands()) != batch {
			t.Errorf("the request has %d commands (%v)", len(b.GetCommands()), err)
		}
	}
}

func TestEveryAnsweredHoldIsInTheEvent(t *testing.T) {
	rig := testRig(t, 1e6)
	all := int64(0)
	for seed, batch := range []int{1, 16} {
		l := newLoad(t, rig, bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: 4 * batch, Batch: batch, Workload: bench.NewWorkload(seed)})
		r, err := l.Run(20 * time.Millisecond)
		for d := 40 * time.Millisecond; err == nil && r.Commands == 0 && d < time.Minute; d *= 2 { // a busy machine may finish nothing in so short a round
			all += r.All
			r, err = l.Run(d)
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.Commands == 0 || r.All < r.Commands || r.Latency.TotalCount() != r.Commands/int64(batch) {
			t.Errorf("a round of %d and %d commands has %d latencies", r.Commands, r.All, r.Latency.TotalCount())
		}
		all += r.All
	}
	state, err := rig.State(bench.EventID)
	if err != nil {
		t.Fatal(err)
	}
	if state.Holds != all || state.Free != 1e6-all {
		t.Errorf("%d holds were answered, the event has %+v", all, state)
	}
}

// TestLoadAcceptsOnlyTheAnswerItWants lets the tickets run out, and a buyer come twice: neither may count as a hold.
func TestLoadAcceptsOnlyTheAnswerItWants(t *testing.T) {
	rig := testRig(t, 10)
	for _, c := range []struct {
		name, refused, want string
		batch, seed         int
	}{
		{"sold out", "", "sold_out", 1, 1},
		{"sold out in a batch", "", "sold_out", 16, 2},
		{"another refusal", "limit_reached", "sold_out", 1, 3},
		{"a refusal", "sold_out", "", 1, 4},
		{"a refusal in a batch", "sold_out", "", 16, 5},
		{"a repeat", "", "not a hold", 1, 1},
	} {
		l := newLoad(t, rig, bench.LoadConfig{
			Subjects: bench.EngineSubjects, Outstanding: 2 * c.batch, Batch: c.batch, Refused: c.refused, Workload: bench.NewWorkload(c.seed),
		})
		length := time.Minute // the first answer that is not wanted ends it
		if c.want == "" {
			length = 20 * time.Millisecond
		}
		_, err := l.Run(length)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestLoadNoticesAnAnswerThatComesTwice has a responder that answers everything twice.
func TestLoadNoticesAnAnswerThatComesTwice(t *testing.T) {
	rig := testRig(t, 10)
	c := bench.LoadConfig{Subjects: bench.EngineSubjects, Outstanding: 1, Batch: 1, Workload: bench.NewWorkload(1)}
	sample, err := newLoad(t, rig, c).Sample()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		echo, err := bench.NewEcho(rig.URL, bench.EventID, sample)
		if err != nil {
			t.Fatal(err)
		}
		defer echo.Close()
	}
	c.Subjects = bench.EchoSubjects
	if _, err := newLoad(t, rig, c).Run(time.Second / 50); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("two answers to every message gave %v", err)
	}
}

func TestNumbersSayTheirMedianAndSpread(t *testing.T) {
	n := bench.Numbers{4e6, 1e6, 2e6}
	if n.Median() != 2e6 || n.Spread() != 1.5 || n.String() != "4.00M 1.00M 2.00M median 2.00M spread 150%" {
		t.Errorf("%v, median %v, spread %v", n, n.Median(), n.Spread())
	}
	if m := (bench.Numbers{1, 2, 3, 10}).Median(); m != 2.5 {
		t.Errorf("the median of four is %v", m)
	}
	if q := n.Over(bench.Numbers{2e6, 2e6, 1e6}); q[0] != 2 || q[1] != 0.5 || q[2] != 2 {
		t.Errorf("quotients %v", q)
	}
}
