package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// crowd is callers who send buys to one event, whatever has become of those before, and who count their answers.
type crowd struct {
	t     *testing.T
	conns []*nats.Conn
	inbox string

	mu    sync.Mutex
	asked []clicked
	open  int // not answered
	done  chan struct{}
}

// clicked is a buy that was sent.
type clicked struct {
	request, buyer string
	wait           time.Duration
	at             time.Time
	answers        int
	said           string        // the state of the purchase, or the code of the refusal
	purchase       string        // its id
	late           time.Duration // how long after its wait the first answer came
}

// newCrowd connects callers over several connections.
func newCrowd(t *testing.T, url string) *crowd {
	t.Helper()
	c := &crowd{t: t, inbox: nats.NewInbox(), done: make(chan struct{}, 1)}
	for range 4 {
		nc, err := nats.Connect(url, nats.NoReconnect())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		// A channel, since a subscription with a callback forgets what it has received and not yet called when the connection ends.
		heard := make(chan *nats.Msg, crowdHeardMax)
		_, err = nc.ChanSubscribe(c.inbox+"."+strconv.Itoa(len(c.conns))+".*", heard)
		if err == nil {
			err = nc.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan struct{})
		t.Cleanup(func() { close(over) })
		go func() {
			for {
				select {
				case m := <-heard:
					c.hears(m)
				case <-over:
					return
				}
			}
		}()
		c.conns = append(c.conns, nc)
	}
	return c
}

// crowdHeardMax bounds the answers of a connection that nobody has looked at yet.
const crowdHeardMax = 1 << 16

// click sends a buy of one ticket and does not wait.
func (c *crowd) click(request, buyer string, wait time.Duration) {
	c.t.Helper()
	c.mu.Lock()
	n := len(c.asked)
	c.asked = append(c.asked, clicked{request: request, buyer: buyer, wait: wait, at: time.Now()})
	c.open++
	c.mu.Unlock()
	by := n % len(c.conns)
	reply := fmt.Sprintf("%s.%d.%d", c.inbox, by, n)
	body := fmt.Appendf(nil, `{"request_id":%q,"buyer":%q,"items":[{"lot":"ga","quantity":1}],"wait_ms":%d}`, request, buyer, wait.Milliseconds())
	if err := c.conns[by].PublishRequest("holdfast.v1.events.rush.buy", reply, body); err != nil {
		c.t.Error(err)
	}
}

func (c *crowd) hears(m *nats.Msg) {
	now := time.Now()
	var b bought
	err := json.Unmarshal(m.Data, &b)
	n, notNumber := strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || notNumber != nil || n >= len(c.asked) {
		c.t.Errorf("%s hears %q", m.Subject, m.Data)
		return
	}
	k := &c.asked[n]
	if k.answers++; k.answers > 1 {
		return
	}
	k.late = now.Sub(k.at) - k.wait
	switch {
	case b.RequestID != k.request:
		c.t.Errorf("request %s is answered as %s", k.request, b.RequestID)
	case b.Error != nil:
		k.said = b.Error.Code
	case b.Purchase != nil:
		k.said, k.purchase = b.Purchase.State, b.Purchase.ID
	default:
		c.t.Errorf("request %s is answered %s", k.request, m.Data)
	}
	if c.open--; c.open == 0 {
		select {
		case c.done <- struct{}{}:
		default:
		}
	}
}

// flush returns when the NATS server has everything that was asked: what is still in a client's buffer when the engine stops was never asked.
func (c *crowd) flush() {
	c.t.Helper()
	for _, nc := range c.conns {
		if err := nc.Flush(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// await waits until everybody has an answer.
func (c *crowd) await(what string) {
	c.t.Helper()
	over := time.After(patience)
	for {
		c.mu.Lock()
		open := c.open
		c.mu.Unlock()
		if open == 0 {
			return
		}
		select {
		case <-c.done:
		case <-over:
			c.t.Fatalf("%s: %d of %d buys have no answer", what, open, len(c.asked))
		}
	}
}

// once fails unless everybody has had one answer, and the same request the same purchase, and returns how often something was answered.
func (c *crowd) once() map[string]int {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	said, purchases := map[string]int{}, map[string]string{}
	late := make([]time.Duration, 0, len(c.asked))
	for i := range c.asked {
		k := &c.asked[i]
		if k.answers != 1 {
			c.t.Errorf("request %s, buy %d, has %d answers", k.request, i, k.answers)
		}
		if other, again := purchases[k.request]; again && other != k.purchase {
			c.t.Errorf("request %s made purchases %s and %s", k.request, other, k.purchase)
		}
		purchases[k.request] = k.purchase
		said[k.said]++
		late = append(late, k.late)
	}
	slices.Sort(late)
	at := func(q float64) time.Duration { return late[int(q*float64(len(late)-1))].Round(time.Millisecond) }
	c.t.Logf("%d buys were answered %v; beyond wait_ms: 50%% %v, 99%% %v, all %v", len(late), said, at(0.5), at(0.99), at(1))
	return said
}

// crowdSize is how many buys a test sends: CROWD_BUYS makes it a load test.
func crowdSize(t *testing.T, usual int) int {
	t.Helper()
	text := os.Getenv("CROWD_BUYS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CROWD_BUYS=%s: say how many buys", text)
	}
	return n
}

// createRush makes the event that a crowd buys from.
func (x *paying) createRush(capacity int, holdTTL time.Duration) {
	x.t.Helper()
	b := x.ask("holdfast.v1.events.rush.create", fmt.Sprintf(`{"request_id":"c2","name":"Rush","country":"NL","city":"Utrecht","currency":"EUR","hold_ttl_ms":%d,"open":true,
		"undo_ms":0,"queue_ms":3600000,"lots":[{"lot":"ga","face_minor":4500,"capacity":%d}]}`, holdTTL.Milliseconds(), capacity))
	if b.Error != nil {
		x.t.Fatalf("create: %+v", b.Error)
	}
}

// TestEveryBuyHasOneAnswer buys much more than the lane has turns for, from a gateway that throttles, declines, loses requests and answers, and is not there for
// a while. Whatever becomes of the purchases, each buy is answered, once: when it ends, when its wait is over, or when the engine stops.
func TestEveryBuyHasOneAnswer(t *testing.T) {
	gateway := sandbox.Config{Latency: sandbox.Latency{Median: 5 * time.Millisecond, P99: 50 * time.Millisecond}, RetryAfter: 100 * time.Millisecond}
	x := payingWith(t, gateway, func(c *processConfig) {
		lane := &c.bounds.actors.Lane
		lane.Rate, lane.Concurrency, lane.CallTimeout, lane.EtaMax = 200, 16, 250*time.Millisecond, 24*time.Hour
	})
	buys := crowdSize(t, 2000)
	x.createRush(2*buys+1000, 2*time.Minute)
	c, patient := newCrowd(t, x.p.natsURL), newCrowd(t, x.p.natsURL)
	tokens := []string{
		"sbx_ok", "sbx_throttle", "sbx_ok", "sbx_decline_soft", "sbx_ok", "sbx_timeout_charged", "sbx_ok", "sbx_decline_hard", "sbx_auth", "sbx_ok",
		"sbx_throttle", "sbx_ok", "sbx_pending_300", "sbx_timeout_before", "sbx_slow_40", "sbx_ok",
	}
	wave := func(name string, count int) {
		for i := range count {
			request := fmt.Sprintf("%s-%d", name, i)
			buyer, wait := tokens[i%len(tokens)]+"-"+request, time.Duration(i%4)*500*time.Millisecond
			c.click(request, buyer, wait)
			if i%10 == 0 {
				c.click(request, buyer, time.Second) // a second click, over another connection
			}
		}
	}
	c.click("alone", "sbx_ok-alone", 30*time.Second) // sold, however busy the machine is
	c.await("before the others")
	wave("first", buys/2)
	for range 40 { // more than may wait for one purchase
		c.click("together", "sbx_pending_2000-together", 1500*time.Millisecond)
	}
	c.await("with a gateway that throttles")
	for i := range 200 { // behind all the others
		patient.click(fmt.Sprintf("last-%d", i), fmt.Sprintf("sbx_ok-last-%d", i), 30*time.Second)
	}
	patient.flush()
	wave("dark", buys/4)
	x.sandbox.SetMode(sandbox.Silent)
	tries := 0
	eventually(t, "the breaker opens", func() bool {
		tries++
		b := x.ask("holdfast.v1.events.rush.buy", fmt.Sprintf(`{"request_id":"try-%d","buyer":"sbx_ok-try-%d","items":[{"lot":"ga","quantity":1}],"wait_ms":0}`, tries, tries))
		return b.Error != nil && b.Error.Code == "payment_unavailable"
	})
	wave("refused", 40)
	x.sandbox.SetMode(sandbox.Up)
	wave("light", buys/4)
	c.await("while the gateway comes and goes")
	parked := x.p.servers[0].Stats().Parked
	if err := x.p.stop(); err != nil {
		t.Error(err)
	}
	patient.await("when the engine stops")
	if patient.once(); parked == 0 {
		t.Error("nobody waited when the engine stopped")
	}
	said := c.once()
	for _, want := range []string{"queued", "sold", "payment_unavailable"} {
		if said[want] == 0 {
			t.Errorf("nobody was answered %s", want)
		}
	}
	for code, n := range said {
		if !slices.Contains([]string{"queued", "authorising", "action_required", "sold", "declined", "released", "payment_unavailable"}, code) {
			t.Errorf("%d buys were answered %s", n, code)
		}
	}
}

// TestASlowLaneLosesNobody is a crowd that comes at once, and a lane that has turns for it in a time that is many times the life of a hold: every caller has a
// first answer, none is refused, no hold dies while its purchase waits, and in the end all have their tickets.
func TestASlowLaneLosesNobody(t *testing.T) {
	x := payingWith(t, sandbox.Config{}, func(c *processConfig) {
		lane := &c.bounds.actors.Lane
		lane.Rate, lane.Concurrency, lane.EtaMax = 100, 16, 24*time.Hour
	})
	buys := crowdSize(t, 250)
	x.createRush(buys, 200*time.Millisecond)
	c := newCrowd(t, x.p.natsURL)
	for i := range buys {
		c.click(fmt.Sprintf("buy-%d", i), fmt.Sprintf("sbx_ok-b%d", i), time.Duration(i%3)*time.Second)
	}
	c.await("behind a slow lane")
	if said := c.once(); said["queued"] == 0 || said["queued"]+said["authorising"]+said["sold"] != buys {
		t.Errorf("%d buys were answered %v", buys, said)
	}
	for i := range c.asked {
		k := &c.asked[i]
		for deadline := time.Now().Add(patience + time.Duration(buys)*time.Second/20); ; time.Sleep(5 * time.Millisecond) {
			m, err := x.nc.Request("holdfast.v1.events.rush.purchase", fmt.Appendf(nil, `{"buyer":%q,"purchase":%q}`, k.buyer, k.purchase), patience)
			if err != nil {
				t.Fatal(err)
			}
			var b bought
			if err := json.Unmarshal(m.Data, &b); err != nil || b.Purchase == nil {
				t.Fatalf("purchase %s reads %s", k.purchase, m.Data)
			}
			if b.Purchase.State == "sold" {
				break
			}
			if time.Now().After(deadline) || b.Purchase.State == "released" || b.Purchase.State == "declined" {
				t.Fatalf("purchase %s is %s", k.purchase, b.Purchase.State)
			}
		}
	}
	if truth := x.sandbox.Truth(); len(truth.Charges) != buys {
		t.Errorf("%d purchases have %d charges", buys, len(truth.Charges))
	}
}
