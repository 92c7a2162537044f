package load_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/client"
	"github.com/holdfast-engine/holdfast/transport/load"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must happen. No test passes because of it.
const patience = 30 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// serve answers with e behind a NATS server until the test ends, and returns a connection for a load.
func serve(t *testing.T, e transport.Engine) *nats.Conn {
	t.Helper()
	broker, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := transport.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	s, err := transport.Serve(transport.Config{}, nc, e)
	if err != nil {
		t.Fatal(err)
	}
	caller, err := load.Connect(url, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Drain(within(t)); err != nil {
			t.Error(err)
		}
		caller.Close()
		nc.Close()
		broker.Shutdown()
		broker.WaitForShutdown()
	})
	return caller
}

func generator(t *testing.T, nc *nats.Conn, c load.Config) *load.Generator {
	t.Helper()
	g, err := load.New(nc, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// balanced fails unless everything that was due is accounted for.
func balanced(t *testing.T, r *load.Result) {
	t.Helper()
	outcomes := int64(0)
	for _, by := range r.Outcomes {
		for _, n := range by {
			outcomes += n
		}
	}
	latencies := (r.Latency.TotalCount() + r.TurnedAway.TotalCount()) * int64(r.Batch)
	if r.Due != r.Sent+r.NotSent || r.Sent != r.Answered+r.TimedOut || r.Answered != outcomes || r.Sent != latencies {
		t.Errorf("%d were due, %d sent and %d not; %d answered with %d outcomes, %d timed out; latencies of %d", r.Due, r.Sent, r.NotSent, r.Answered, outcomes, r.TimedOut, latencies)
	}
	if r.Due == 0 {
		t.Error("nothing was due")
	}
}

// accounted is a load whose numbers are compared with what the events say.
type accounted struct {
	name     string
	arrivals load.Arrivals
	batch    int
	events   int
	tickets  int64
	buyers   uint64
	closed   int
}

// TestEveryCommandIsAccountedFor compares what a load says with what the events say afterwards. On a machine that is so busy that a hold is answered only when
// nothing is left to send, nobody confirms: then the same load has more time.
func TestEveryCommandIsAccountedFor(t *testing.T) {
	for _, c := range []accounted{
		{name: "one a message", arrivals: load.Constant, batch: 1, events: 1, tickets: 1e6},
		{name: "batches over events", arrivals: load.Poisson, batch: 7, events: 5, tickets: 1e6},
		{name: "sold out, the same buyers again", arrivals: load.Poisson, batch: 3, events: 2, tickets: 20, buyers: 30},
		{name: "closed", batch: 4, events: 3, tickets: 1e6, closed: 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			for slower := time.Duration(1); !c.balances(t, slower); slower *= 4 {
				if slower > 64 {
					t.Fatal("in 13 s there is a verb of which nothing was accepted")
				}
			}
		})
	}
}

// balances runs the load, so many times slower than usual, and reports whether commands of each verb were accepted: otherwise there is nothing to compare.
func (c *accounted) balances(t *testing.T, slower time.Duration) bool {
	t.Helper()
	nc := serve(t, &transporttest.Direct{Now: 1})
	own := load.OwnEvents{Count: c.events, Tickets: c.tickets, HoldTTL: time.Minute, Name: "load"}
	if err := own.Create(within(t), nc); err != nil {
		t.Fatal(err)
	}
	g := generator(t, nc, load.Config{
		Events: own.IDs(), Lot: load.LotID, Mix: load.Mix{Hold: 5, Confirm: 2, Release: 1, Get: 1}, Batch: c.batch, Buyers: c.buyers, HoldTTL: time.Minute,
		Timeout: patience, Seed: 7,
	})
	var r *load.Result
	var err error
	if c.closed > 0 {
		r, err = g.Closed(within(t), c.closed, 0, 50*time.Millisecond*slower)
	} else {
		r, err = g.Open(within(t), load.Schedule{PerSecond: 10_000 / float64(slower), Arrivals: c.arrivals, For: 200 * time.Millisecond * slower})
	}
	if err != nil {
		t.Fatal(err)
	}
	if c.closed > 0 && r.Due == 0 { // it had no turn at all
		return false
	}
	balanced(t, r)
	if r.TimedOut+r.NotSent+r.Repeated+r.Overloaded+r.Late+r.NoEngine != 0 || r.Stopped {
		t.Errorf("of %d commands: %+v", r.Due, r)
	}
	if c.arrivals == load.Constant && r.Due != 1999 { // one each 100 us, none at the beginning and none at the end
		t.Errorf("%d were due in 200 ms of 10,000 a second", r.Due)
	}
	ok := func(v engine.Verb) int64 { return r.Outcomes[v][engine.CodeOK] }
	for _, v := range []engine.Verb{engine.VerbHold, engine.VerbConfirm, engine.VerbRelease, engine.VerbGet} {
		if ok(v) == 0 {
			t.Logf("no %s was accepted: %v", v, r.Outcomes)
			return false
		}
	}
	if r.Throughput() <= 0 {
		t.Errorf("the throughput of %+v is %v", r, r.Throughput())
	}
	shop, err := client.New(nc, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	held, orders := int64(0), int64(0)
	for _, id := range own.IDs() {
		v, err := shop.Get(within(t), id)
		if err != nil {
			t.Fatal(err)
		}
		held, orders = held+v.GetHoldsLive(), orders+v.GetOrders()
	}
	if orders != ok(engine.VerbConfirm) {
		t.Errorf("%d confirms were accepted, the events have %d orders", ok(engine.VerbConfirm), orders)
	}
	if want := ok(engine.VerbHold) - ok(engine.VerbConfirm) - ok(engine.VerbRelease); c.buyers == 0 && held != want {
		t.Errorf("%d holds should be live, the events have %d", want, held)
	}
	if c.tickets == 20 && r.Outcomes[engine.VerbHold][engine.CodeSoldOut] == 0 {
		t.Errorf("40 tickets were never sold out: %v", r.Outcomes)
	}
	if err := own.Close(within(t), nc); err != nil {
		t.Fatal(err)
	}
	if v, err := shop.Get(within(t), own.IDs()[0]); err != nil || v.GetState() != "closed" {
		t.Errorf("afterwards the event is %v (%v)", v.GetState(), err)
	}
	return true
}

// TestWhoJoinsAsksForThePlace compares a load of joins and places with what the lines say afterwards.
func TestWhoJoinsAsksForThePlace(t *testing.T) {
	for _, batch := range []int{1, 5} {
		nc := serve(t, &transporttest.Direct{Now: 1})
		own := load.OwnEvents{Count: 2, Tickets: 3, HoldTTL: time.Minute, Line: true, Name: "load"}
		if err := own.Create(within(t), nc); err != nil {
			t.Fatal(err)
		}
		g := generator(t, nc, load.Config{Events: own.IDs(), Lot: load.LotID, Mix: load.Mix{Join: 1, Place: 3}, Batch: batch, Timeout: patience})
		joined, placed, asked := int64(0), int64(0), int64(0)
		for placed == 0 { // on a busy machine nobody may have joined before the load is over
			r, err := g.Open(within(t), load.Schedule{PerSecond: 5000, Arrivals: load.Constant, For: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			balanced(t, r)
			joined, placed, asked = joined+r.Outcomes[engine.VerbJoin][engine.CodeOK], placed+r.Outcomes[engine.VerbPlace][engine.CodeOK], asked+r.Due
		}
		shop, err := client.New(nc, client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = shop.Close() }()
		there := int64(0)
		for _, id := range own.IDs() {
			v, err := shop.Get(within(t), id)
			if err != nil {
				t.Fatal(err)
			}
			there += v.GetLine().GetJoined()
		}
		if joined != there || joined+placed != asked {
			t.Errorf("of %d commands %d joins and %d places were accepted; %d have joined", asked, joined, placed, there)
		}
	}
}

// TestAStallIsCountedForEverybodyWhoCame has an engine that answers nothing for a while: who was due meanwhile waited, and nobody is left out.
func TestAStallIsCountedForEverybodyWhoCame(t *testing.T) {
	e := &transporttest.Engine{Answer: held}
	nc := serve(t, e)
	g := generator(t, nc, load.Config{Events: []string{"e1"}, Lot: "ga", Timeout: patience})
	e.Hold()
	stalled := make(chan time.Duration)
	go func() {
		for n := 0; n < 10; n, _ = e.Taken() {
			time.Sleep(time.Millisecond)
		}
		tenth := time.Now()
		for n := 0; n < 30; n, _ = e.Taken() {
			time.Sleep(time.Millisecond)
		}
		waited := time.Since(tenth)
		e.LetGo()
		stalled <- waited
	}()
	r, err := g.Open(within(t), load.Schedule{PerSecond: 1000, Arrivals: load.Constant, For: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, r)
	least := (<-stalled).Microseconds()
	waited := int64(0)
	for _, bar := range r.Latency.Distribution() {
		if bar.To >= least {
			waited += bar.Count
		}
	}
	if waited < 10 {
		t.Errorf("ten messages waited for %d us or more, the latencies have %d", least, waited)
	}
}

// held answers every command with a hold.
func held(r *engine.Request, i int, out *engine.Outcome) {
	out.Shows = engine.ShowsHold
	out.Hold = engine.HoldView{ID: 7, Event: r.Event, Buyer: r.Commands[i].Buyer, State: engine.HoldHeld, Currency: "EUR"}
}

func TestWhatIsNotAnsweredTimesOutAndIsInTheLatencies(t *testing.T) {
	e := &transporttest.Engine{Answer: held}
	nc := serve(t, e)
	e.Hold()
	const timeout = 20 * time.Millisecond
	g := generator(t, nc, load.Config{Events: []string{"e1"}, Lot: "ga", Batch: 2, Timeout: timeout})
	r, err := g.Open(within(t), load.Schedule{PerSecond: 2000, For: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, r)
	if r.TimedOut != r.Sent || r.Latency.Min() < timeout.Microseconds()*99/100 {
		t.Errorf("%d of %d timed out, the shortest latency is %d us", r.TimedOut, r.Sent, r.Latency.Min())
	}
	e.LetGo()
	// Answers that come now are late, whenever they do: they belong to no message that waits.
	for ctx := within(t); r.Late == 0; {
		if r, err = g.Open(ctx, load.Schedule{PerSecond: 2000, For: 5 * time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		if ctx.Err() != nil {
			t.Fatal("no answer was late")
		}
	}
}

func TestNobodyListensIsSaid(t *testing.T) {
	g := generator(t, empty(t), load.Config{Events: []string{"e1"}, Lot: "ga", Timeout: 20 * time.Millisecond})
	r, err := g.Open(within(t), load.Schedule{PerSecond: 1000, For: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, r)
	if r.NoEngine == 0 || r.TimedOut != r.Sent {
		t.Errorf("of %d commands %d timed out, and %d messages found nobody", r.Sent, r.TimedOut, r.NoEngine)
	}
}

// empty is a NATS system without an engine.
func empty(t *testing.T) *nats.Conn {
	t.Helper()
	broker, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := load.Connect(url, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		broker.Shutdown()
		broker.WaitForShutdown()
	})
	return nc
}

func TestWhoIsTurnedAwayIsCountedApart(t *testing.T) {
	for _, batch := range []int{1, 5} {
		nc := serve(t, &transporttest.Engine{Code: func(string) engine.Code { return engine.CodeOverloaded }})
		g := generator(t, nc, load.Config{Events: []string{"e1"}, Lot: "ga", Batch: batch, Timeout: patience})
		r, err := g.Open(within(t), load.Schedule{PerSecond: 2000, For: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, r)
		if r.Overloaded != r.Sent || r.WithoutHint != 0 || r.Accepted != 0 || r.Latency.TotalCount() != 0 || r.Outcomes[engine.VerbHold][engine.CodeOverloaded] != r.Sent {
			t.Errorf("of %d commands %d were turned away, %d without a hint, %d accepted: %v", r.Sent, r.Overloaded, r.WithoutHint, r.Accepted, r.Outcomes)
		}
	}
}

func TestALoadThatIsEndedSaysWhatItMeasured(t *testing.T) {
	nc := serve(t, &transporttest.Engine{Answer: held})
	ctx, cancel := context.WithCancel(t.Context())
	g := generator(t, nc, load.Config{Events: []string{"e1"}, Lot: "ga", Timeout: patience, Progress: func(p load.Progress) {
		if p.Answered > 0 && !p.Warming {
			cancel()
		}
	}})
	r, err := g.Open(ctx, load.Schedule{PerSecond: 1000, For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, r)
	if !r.Stopped || r.Took >= time.Hour || r.Accepted != r.Sent {
		t.Errorf("%+v", r)
	}
}

func TestAnswersThatAreNoneEndTheLoad(t *testing.T) {
	nc := empty(t)
	for _, body := range []string{"\x1a\xff", "not protobuf", "\x0a\x02hi\x7a\x03abc"} {
		sub, err := nc.Subscribe(transport.Subject("e1", "hold"), func(m *nats.Msg) { _ = m.Respond([]byte(body)) })
		if err != nil {
			t.Fatal(err)
		}
		g := generator(t, nc, load.Config{Events: []string{"e1"}, Lot: "ga", Timeout: patience})
		if r, err := g.Open(within(t), load.Schedule{PerSecond: 1000, For: time.Hour}); err == nil || r == nil {
			t.Errorf("the answer %q was taken: %+v", body, r)
		}
		if err := sub.Unsubscribe(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyLoopbackIsOnlyLoopback(t *testing.T) {
	for _, urls := range []string{"nats://127.0.0.1:4222", "127.0.0.1", "nats://localhost:1,nats://[::1]:2", "tls://user:secret@127.8.9.10:4222", "http://127.0.0.1:8480"} {
		if err := load.CheckLoopback(t.Context(), urls); err != nil {
			t.Errorf("%s: %v", urls, err)
		}
	}
	for _, urls := range []string{
		"nats://192.0.2.1:4222", "nats://127.0.0.1:4222,nats://192.0.2.1:4222", "192.0.2.1", "nats://0.0.0.0:4222", "nats://[::]:4222",
		"nats://[::ffff:192.0.2.1]:4222", "nats://user:secret@192.0.2.1", "nats://",
	} {
		err := load.CheckLoopback(t.Context(), urls)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", urls, err)
		}
		if urls != "nats://" && !errors.Is(err, load.ErrNotLoopback) {
			t.Errorf("%s: %v", urls, err)
		}
	}
	if c, err := load.DialLoopback(t.Context(), "tcp", net.JoinHostPort("192.0.2.1", "4222")); !errors.Is(err, load.ErrNotLoopback) {
		t.Errorf("dialled %v: %v", c, err)
	}
	if nc, err := load.Connect("nats://192.0.2.1:4222", true); err == nil {
		nc.Close()
		t.Error("connected to another machine")
	}
	if got := load.Redacted("nats://a:secret@127.0.0.1:1, nats://127.0.0.1:2,::secret@%"); strings.Contains(got, "secret") || !strings.Contains(got, "127.0.0.1:2") {
		t.Errorf("shown as %s", got)
	}
}

func TestCommitsAreReadFromTheMetrics(t *testing.T) {
	counts := []string{"2", "8", "10", "10"}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer open sesame" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for i, le := range []string{"1e-05", "0.001", "0.5", "+Inf"} {
			_, _ = w.Write([]byte(`holdfast_fsync_duration_seconds_bucket{le="` + le + `"} ` + counts[i] + "\n"))
		}
		_, _ = w.Write([]byte("holdfast_fsync_duration_seconds_count 10\n"))
	}))
	defer s.Close()
	if _, err := (&load.Scraper{URL: s.URL}).Commits(t.Context()); err == nil {
		t.Error("read without the token")
	}
	scraper := &load.Scraper{URL: s.URL + "/", Token: "open sesame", OnlyLoopback: true}
	before, err := scraper.Commits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if before.Count() != 10 || before.Quantile(0.5) != time.Millisecond || before.Quantile(0.1) != 10*time.Microsecond || before.Quantile(0.99) != time.Second/2 {
		t.Errorf("read %+v", before)
	}
	counts = []string{"2", "8", "10", "30"}
	after, err := scraper.Commits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := after.Since(before); d.Count() != 20 || d.Quantile(0.5) != time.Second/2 {
		t.Errorf("since then %+v", d)
	}
}
