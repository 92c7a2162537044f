package fault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/store"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// bound is a flag of `engine serve` that bounds something, set to a small value, and what a caller sees when it is reached.
type bound struct {
	flags []string // the first is the bound
	fill  func(b *bounded)
}

// boundsOfTheProgram are all of them. Bounds that are no flag, and those of the store, are filled in the rooms' own tests: docs/limits.md names each.
var boundsOfTheProgram = []bound{
	{[]string{"--account-commands-max=20"}, (*bounded).batchOfTooMany},
	{[]string{"--process-commands-max=20"}, (*bounded).batchOfTooMany},
	{[]string{"--inflight-per-event=20"}, (*bounded).batchOfTooMany},
	{[]string{"--account-bytes-max=2KiB"}, (*bounded).messageTooHeavy},
	{[]string{"--process-bytes-max=2KiB"}, (*bounded).messageTooHeavy},
	{[]string{"--pending-messages-max=1"}, (*bounded).burst},
	{[]string{"--pending-bytes-max=1KiB"}, (*bounded).burst},
	{[]string{"--events-awake-max=2", "--sleep-after=-1s"}, (*bounded).oneEventTooMany},
	{[]string{"--events-max=2"}, (*bounded).oneEventTooMany},
	{[]string{"--event-lots-max=2"}, func(b *bounded) {
		b.want("too_many", b.create("wide", `"lots":[{"lot":"a","capacity":1},{"lot":"b","capacity":1},{"lot":"c","capacity":1}]`))
		b.want("ok", b.create("fits", `"lots":[{"lot":"a","capacity":1},{"lot":"b","capacity":1}]`))
		b.want("too_many", b.ask("fits", "update", `{"request_id":"u1","lots":[{"lot":"c","capacity":1}]}`))
	}},
	{[]string{"--event-pools-max=1"}, func(b *bounded) {
		b.want("too_many", b.create("wide", `"pools":[{"pool":"p","capacity":1},{"pool":"q","capacity":1}],"lots":[{"lot":"a","capacity":1}]`))
	}},
	{[]string{"--event-seats-max=10"}, func(b *bounded) {
		b.want("too_many", b.create("wide", `"lots":[{"lot":"a","rows":[{"section":"A","row":"1","seats":11}]}]`))
		b.want("ok", b.create("fits", `"lots":[{"lot":"a","rows":[{"section":"A","row":"1","seats":10}]}]`))
	}},
	{[]string{"--event-prices-max=2"}, func(b *bounded) {
		b.want("ok", b.create("e", ga))
		b.want("ok", b.ask("e", "update", `{"request_id":"u1","lots":[{"lot":"ga","face_minor":200}]}`))
		b.want("too_many", b.ask("e", "update", `{"request_id":"u2","lots":[{"lot":"ga","face_minor":300}]}`))
	}},
	{[]string{"--event-holds-max=2"}, func(b *bounded) {
		b.want("ok", b.create("e", ga))
		b.want("ok", b.hold("e", "b1"))
		b.want("ok", b.hold("e", "b2"))
		b.want("too_many", b.hold("e", "b3"))
		b.want("ok", b.hold("e", "b2")) // in place of the one that b2 has
	}},
	{[]string{"--event-buyers-max=2"}, func(b *bounded) {
		b.want("ok", b.create("e", ga))
		b.want("ok", b.hold("e", "b1"))
		b.want("ok", b.hold("e", "b2"))
		b.want("too_many", b.hold("e", "b3"))
	}},
	{[]string{"--event-orders-max=1"}, func(b *bounded) {
		b.want("ok", b.create("e", ga))
		for i, want := range []string{"ok", "too_many"} {
			buyer := fmt.Sprintf("b%d", i)
			r := b.want("ok", b.hold("e", buyer))
			b.want(want, b.ask("e", "confirm", fmt.Sprintf(`{"request_id":"k%d","buyer":%q,"hold":%q,"payment_ref":"inv-1"}`, i, buyer, r.GetHold().GetId())))
		}
	}},
	{[]string{"--event-ended-max=2"}, func(b *bounded) {
		b.want("ok", b.create("e", ga))
		var first string
		for i := range 4 {
			hold := b.want("ok", b.hold("e", "b1")).GetHold().GetId() // each ends the one before
			if i == 0 {
				first = hold
			}
			want := "ok"
			switch i {
			case 0:
				continue
			case 1, 2:
				want = "hold_ended"
			case 3:
				want = "hold_unknown" // two others have ended since
			}
			b.want(want, b.ask("e", "release", fmt.Sprintf(`{"request_id":"r%d","buyer":"b1","hold":%q}`, i, first)))
		}
	}},
	{[]string{"--event-requests-max=2"}, func(b *bounded) {
		b.want("ok", b.create("e", ga))
		hold := `{"request_id":"first","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`
		b.want("ok", b.ask("e", "hold", hold))
		if r := b.want("ok", b.ask("e", "hold", hold)); !r.GetRepeated() {
			b.t.Errorf("a repeat within the bound was not recognised: %v", r)
		}
		b.want("ok", b.hold("e", "b2"))
		b.want("ok", b.hold("e", "b3"))
		if r := b.want("ok", b.ask("e", "hold", hold)); r.GetRepeated() {
			b.t.Errorf("the oldest request id is still remembered beyond the bound: %v", r)
		}
	}},
	{[]string{"--event-touches-max=2"}, func(b *bounded) {
		b.want("ok", b.create("e", ga))
		touch := func(id string) *pb.Reply {
			return b.want("ok", b.ask("e", "touch", fmt.Sprintf(`{"touches":[{"kind":"viewed","id":%q}]}`, id)))
		}
		touch("first")
		if r := touch("first"); !r.GetRepeated() {
			b.t.Errorf("a repeat within the bound was not recognised: %v", r)
		}
		touch("second")
		touch("third")
		if r := touch("first"); r.GetRepeated() {
			b.t.Errorf("the oldest touch is still remembered beyond the bound: %v", r)
		}
	}},
	{[]string{"--event-refusals-max=2"}, func(b *bounded) {
		b.want("ok", b.create("e", ga))
		refused := `{"request_id":"first","buyer":"b1","items":[{"lot":"none","quantity":1}]}`
		b.want("lot_unknown", b.ask("e", "hold", refused))
		if r := b.want("lot_unknown", b.ask("e", "hold", refused)); !r.GetRepeated() {
			b.t.Errorf("a repeat within the bound was not recognised: %v", r)
		}
		for i := range 2 {
			b.want("lot_unknown", b.ask("e", "hold", fmt.Sprintf(`{"request_id":"other%d","buyer":"b1","items":[{"lot":"none","quantity":1}]}`, i)))
		}
		if r := b.want("lot_unknown", b.ask("e", "hold", refused)); r.GetRepeated() {
			b.t.Errorf("the oldest refusal is still remembered beyond the bound: %v", r)
		}
	}},
	{[]string{"--reserve-bytes=" + nearlyAllOfTheDisk()}, func(b *bounded) {
		// Less than twice the reserve is free: what frees and finishes goes on, nothing new is taken. The engine looks once a second.
		b.until("new holds and events are refused", func() bool { return code(b.create("late"+strconv.Itoa(b.said), ga)) == "unavailable" })
	}},
}

// filledElsewhere are the flags that bound what no caller sees, with the test that fills them.
var filledElsewhere = map[string]string{
	"gateway-sandbox-rate": "TestTimeAndReach",
	"lane-concurrency":     "TestBoundsOfALane",
	"lane-queue-max":       "TestTooLongALineTurnsBuyersAway",
	"notices-bytes":        "TestTheStreamIsBoundedAndKeptBySomebodyElseOnlyIfItFits",
	"waiting-buys-max":     "TestBuysThatWaitAreBounded",
	"waiting-bytes-max":    "TestBuysThatWaitAreBounded",
	"batch-bytes":          "TestBatchesAreBoundedInBytes",
	"batches-in-flight":    "TestBatchesInFlightAreBounded",
	"cursor-lag-bytes":     "TestACursorThatHoldsTooMuchIsNoticed",
	"memtable-bytes":       "TestTheRingWaitsForPebble",
	"pass-bytes":           "TestEnoughLogStartsAPass",
	"tail-segment-bytes":   "TestTheRingWaitsForPebble",
	"tail-segments":        "TestTheRingWaitsForPebble",
}

const ga = `"lots":[{"lot":"ga","face_minor":100,"capacity":100}]`

// TestEveryBoundIsReal starts a real engine with each of its bounds made small, fills it over real NATS, and sees what the documentation says.
func TestEveryBoundIsReal(t *testing.T) {
	engine := engineProgram(t)
	listed := map[string]bool{}
	for _, c := range boundsOfTheProgram {
		name, _, _ := strings.Cut(strings.TrimPrefix(c.flags[0], "--"), "=")
		listed[name] = true
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p, err := Serve(engine, filepath.Join(dir, "data"), filepath.Join(dir, "engine.log"), append([]string{"--reserve-bytes=16MiB"}, c.flags...)...)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.Stop(); err != nil {
					t.Error(err)
				}
			}()
			nc, err := nats.Connect(p.Ready.NATS)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			c.fill(&bounded{t: t, ctx: within(t, patience), nc: nc, process: p})
		})
	}
	help, err := exec.CommandContext(t.Context(), engine, "serve", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\s+--([a-z-]+) (?:size|int) `).FindAllStringSubmatch(string(help), -1) {
		if !listed[m[1]] && filledElsewhere[m[1]] == "" {
			t.Errorf("--%s bounds something and no test fills it: add it to boundsOfTheProgram", m[1])
		}
	}
}

// TestBatchesInFlightAreBounded lets the disk hang and sends command after command: so many batches are on their way as may be, and all that comes
// later waits for one batch together.
func TestBatchesInFlightAreBounded(t *testing.T) {
	const depth, commands = 2, 10
	slow := NewSlowFS()
	var batches, runs atomic.Int64
	c := InsideConfig{Data: t.TempDir()}
	c.Store.FS, c.Store.BatchesInFlight, c.Store.KeepEvery = slow, depth, -1
	c.Store.Observe = func(b store.BatchStats) {
		batches.Add(1)
		runs.Add(int64(b.Runs))
	}
	in, err := StartInside(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := in.Stop(within(t, patience)); err != nil {
			t.Error(err)
		}
	}()
	client, err := Dial(in.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	before := batches.Load()
	r, err := client.Ask(within(t, patience), NewCommand("e", SaleSpec("create", "e", 1000, time.Hour)))
	if err != nil || r.GetError() != nil {
		t.Fatal(err, r)
	}
	for batches.Load() == before || in.Server.Stats().CommandsInFlight > 0 {
		runtime.Gosched() // an answer leaves before its batch is observed and its room is given back
	}
	goOn := slow.Hang()
	defer goOn()
	batches.Store(0)
	runs.Store(0)
	answers := make(chan []byte, commands)
	for i := range commands {
		cmd := NewCommand("e", &pb.HoldCommand{RequestId: fmt.Sprintf("h%d", i), Buyer: fmt.Sprintf("b%d", i), Items: []*pb.Item{{Lot: "early", Quantity: 1}}})
		if err := client.Send("e", "hold", cmd.Body, answers); err != nil {
			t.Fatal(err)
		}
		for taken := int64(0); taken <= int64(i) && len(answers) == 0; taken = in.Server.Stats().CommandsInFlight {
			runtime.Gosched() // until the engine has it
		}
	}
	if n := len(answers); n > 0 {
		t.Errorf("%d holds were answered while nothing could be durable", n)
	}
	goOn()
	for range commands {
		<-answers
	}
	if batches.Load() > depth+1 || runs.Load() < depth {
		t.Errorf("%d runs went to the disk in %d batches: %d may be on their way at once, and the rest goes together", runs.Load(), batches.Load(), depth)
	}
}

// bounded is a caller of an engine with a small bound.
type bounded struct {
	t       *testing.T
	ctx     context.Context
	nc      *nats.Conn
	process *Process
	said    int
}

func (b *bounded) ask(event, verb, body string) *pb.Reply {
	b.t.Helper()
	m, err := b.nc.RequestWithContext(b.ctx, Subject(event, verb), []byte(body))
	if err != nil {
		b.t.Fatalf("%s %s: %v", event, verb, err)
	}
	r := new(pb.Reply)
	if err := protojson.Unmarshal(m.Data, r); err != nil {
		b.t.Fatalf("%s %s: %s: %v", event, verb, m.Data, err)
	}
	return r
}

func (b *bounded) want(want string, r *pb.Reply) *pb.Reply {
	b.t.Helper()
	if code(r) != want {
		b.t.Fatalf("answered %s, must be %s: %v", code(r), want, r)
	}
	return r
}

// overloaded demands a refusal that says when to come back, and that something that fits is still answered.
func (b *bounded) overloaded(r *pb.Reply) {
	b.t.Helper()
	b.want("overloaded", r)
	if r.GetError().GetRetryAfterMs() <= 0 || !r.GetError().GetRetryable() {
		b.t.Errorf("refused without saying when to come back: %v", r)
	}
	b.want("ok", b.ask("e", "get", `{}`))
}

func (b *bounded) create(event, rest string) *pb.Reply {
	b.t.Helper()
	b.said++
	return b.ask(event, "create", fmt.Sprintf(`{"request_id":"c%d","name":"Night","currency":"EUR","open":true,%s}`, b.said, rest))
}

func (b *bounded) hold(event, buyer string) *pb.Reply {
	b.t.Helper()
	b.said++
	return b.ask(event, "hold", fmt.Sprintf(`{"request_id":"h%d","buyer":%q,"items":[{"lot":"ga","quantity":1}]}`, b.said, buyer))
}

func (b *bounded) until(what string, is func() bool) {
	b.t.Helper()
	for !is() {
		if b.ctx.Err() != nil {
			b.t.Fatalf("never happened: %s", what)
		}
	}
}

// batchOfTooMany asks for more at once than may be in flight.
func (b *bounded) batchOfTooMany() {
	b.want("ok", b.create("e", ga))
	batch := func(n int) string {
		return `{"commands":[` + strings.TrimSuffix(strings.Repeat(`{"get":{}},`, n), ",") + `]}`
	}
	b.want("ok", b.ask("e", "batch", batch(20)))
	b.overloaded(b.ask("e", "batch", batch(21)))
}

// messageTooHeavy sends more bytes at once than may be in flight.
func (b *bounded) messageTooHeavy() {
	b.want("ok", b.create("e", ga))
	b.want("ok", b.ask("e", "get", `{`+strings.Repeat(" ", 1000)+`}`))
	b.overloaded(b.ask("e", "get", `{`+strings.Repeat(" ", 2048)+`}`))
}

// burst sends faster than messages are decoded, until some are dropped, which the metrics tell.
func (b *bounded) burst() {
	b.want("ok", b.create("e", ga))
	inbox := b.nc.NewInbox()
	b.until("messages are dropped and counted", func() bool {
		for range 2000 {
			if err := b.nc.PublishRequest(Subject("e", "get"), inbox, []byte(`{}`)); err != nil {
				b.t.Fatal(err)
			}
		}
		if err := b.nc.Flush(); err != nil {
			b.t.Fatal(err)
		}
		return b.metric("holdfast_messages_dropped_pending_total") > 0
	})
	b.until("what fits is answered", func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, time.Second) // the request itself may be one that does not fit
		defer cancel()
		m, err := b.nc.RequestWithContext(ctx, Subject("e", "get"), []byte(`{}`))
		return err == nil && bytes.Contains(m.Data, []byte(`"event"`))
	})
}

// oneEventTooMany creates three events where two may be.
func (b *bounded) oneEventTooMany() {
	b.want("ok", b.create("e", ga))
	b.want("ok", b.create("f", ga))
	b.overloaded(b.create("g", ga))
}

// metric reads one number from /metrics.
func (b *bounded) metric(name string) float64 {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.ctx, http.MethodGet, b.process.Ready.HTTP+"/metrics", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + name + `(?:\{[^}]*\})? (\S+)$`).FindSubmatch(text)
	if m == nil {
		b.t.Fatalf("/metrics has no %s", name)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// nearlyAllOfTheDisk is two thirds of what is free where temporary folders are: enough to start, not enough to sell.
func nearlyAllOfTheDisk() string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(os.TempDir(), &s); err != nil {
		return "16MiB"
	}
	return strconv.FormatUint(s.Bavail*uint64(s.Bsize)/3*2, 10)
}
