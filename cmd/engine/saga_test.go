package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// The sizes of long runs. The defaults are for every `go test`.
var (
	sagas     = flag.Int("sagas", 120, "TestSagasOverSockets: purchases")
	sagaKills = flag.Int("saga-kills", 4, "TestSagasOverSockets: kill -9 of the engine among them")
	sagaSeed  = flag.Uint64("saga-seed", 0, "TestSagasOverSockets: seed of every random choice; 0 draws one")
)

// long is 1 for a run that may wait for deadlines, and for captures that are tried again after a while; 0 for the one of every `go test`.
func long() int {
	if *sagas >= 1000 {
		return 1
	}
	return 0
}

// sagaCallers is how many callers ask at once.
const sagaCallers = 8

// A step is one request of a saga. It is sent again, as it was, until it is answered: over as many engines as that takes.
type step struct {
	saga    *saga
	verb    string
	request string
	fields  string // of the body, besides the request id and the buyer
}

// A saga is one buyer's purchase, and what followed.
type saga struct {
	buyer, event string
	mu           sync.Mutex
	purchase     string // by the first answer that named it
	order        string
	view         bought
	undone       bool
	refunded     int64
}

func (s *step) body() string {
	return fmt.Sprintf(`{"request_id":%q,"buyer":%q%s}`, s.request, s.saga.buyer, s.fields)
}

// sagaRun is the run: an engine that is killed, a sandbox that is not, and callers who want to know.
type sagaRun struct {
	t       *testing.T
	random  *rand.Rand
	data    string
	sandbox *sandbox.Remote
	url     string

	mu       sync.Mutex
	todo     []*step
	sagas    []*saga
	answered atomic.Int64
	repeated atomic.Int64
}

// TestSagasOverSockets sells while the engine is killed again and again, through a sandbox in a process of its own that loses requests, answers and sometimes its
// temper. At the end every caller has an answer, and what the engine believes is compared with the sandbox's truth, both ways: no buyer is charged twice, none
// without a ticket or its money back, and none has a ticket without a charge.
func TestSagasOverSockets(t *testing.T) {
	seed := *sagaSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-saga-seed %d", seed)
	dir := t.TempDir()
	ledger := filepath.Join(dir, "ledger.jsonl")
	var ready sandboxReady
	bank := startTold(t, runMainEnv+"=1", []string{
		"sandbox", "--listen", "127.0.0.1:0", "--ledger", ledger, "--seed", fmt.Sprint(seed), "--latency", "5ms", "--latency-p99", "40ms",
		"--lost-request", "200", "--lost-answer", "300", "--stored-error", "100", "--throttle", "100", "--decline-soft", "300", "--decline-hard", "200",
		"--authenticate", "300", "--capture-fails", fmt.Sprint(200 * long()),
	}, &ready)
	remote, err := sandbox.Dial(ready.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remote.Close)
	r := &sagaRun{t: t, random: rand.New(rand.NewPCG(seed, 0)), data: filepath.Join(dir, "data"), sandbox: remote, url: ready.URL}
	r.sell()
	r.settle()
	r.compare(ledger)
	if state := bank.end(t, syscall.SIGTERM); !state.Success() {
		t.Errorf("the sandbox ended with %v\n%s", state, bank.logs)
	}
}

func (r *sagaRun) start() (*child, *nats.Conn) {
	r.t.Helper()
	told, err := json.Marshal(sagaChild{Data: r.data, Sandbox: r.url})
	if err != nil {
		r.t.Fatal(err)
	}
	var ready readyLine
	c := startTold(r.t, sagaEnv+"="+string(told), nil, &ready)
	nc, err := nats.Connect(ready.NATS, nats.NoReconnect())
	if err != nil {
		r.t.Fatalf("%v\n%s", err, c.logs)
	}
	return c, nc
}

// sell runs the rounds: each engine lives until some more callers have their answers.
func (r *sagaRun) sell() {
	tokens := []string{
		"sbx_ok", "sbx_ok", "sbx_ok", "sbx_ok", "sbx_ok", "sbx_ok", "sbx_decline_soft", "sbx_decline_hard", "sbx_auth", "sbx_timeout_charged", "sbx_timeout_before",
		"sbx_error_charged", "sbx_throttle", "sbx_slow_50", "sbx_pending_200", "sbx_wrong_amount",
	}
	if long() == 1 {
		tokens = append(tokens, "sbx_capture_fails_once")
	}
	for round := range *sagaKills {
		c, nc := r.start()
		if round == 0 {
			for event, undoMs := range map[string]int{"now": 0, "later": 1500} {
				body := fmt.Sprintf(`{"request_id":"c","name":"Night","country":"NL","city":"Utrecht","currency":"EUR","open":true,"undo_ms":%d,"action_ms":10000,"pay_ms":20000,
					"lots":[{"lot":"ga","face_minor":4500,"fees":[{"name":"service","minor":250}],"capacity":1000000}]}`, undoMs)
				if _, err := nc.Request("holdfast.v1.events."+event+".create", []byte(body), patience); err != nil {
					r.t.Fatal(err)
				}
			}
		}
		share := *sagas*(round+1) / *sagaKills - *sagas*round / *sagaKills
		for range share {
			s := &saga{event: []string{"now", "later"}[r.random.IntN(2)]}
			s.buyer = fmt.Sprintf("%s-b%d", tokens[r.random.IntN(len(tokens))], len(r.sagas))
			r.sagas = append(r.sagas, s)
			r.todo = append(r.todo, &step{saga: s, verb: "buy", request: fmt.Sprint("b", len(r.sagas)), fields: fmt.Sprintf(
				`,"items":[{"lot":"ga","quantity":1}],"wait_ms":%d`, []int{0, 100, 1500}[r.random.IntN(3)])})
		}
		life := time.Duration(20+r.random.IntN(600)) * time.Millisecond
		r.ask(c, nc, life)
		nc.Close()
		if r.t.Failed() {
			r.t.FailNow()
		}
	}
}

// ask lets the callers ask for what is to be asked until everything is answered, or, if life is not 0, until the engine is killed after that time.
func (r *sagaRun) ask(c *child, nc *nats.Conn, life time.Duration) {
	queue := make(chan *step, len(r.todo)*4+16)
	for _, s := range r.todo {
		queue <- s
	}
	r.todo = nil
	over := make(chan struct{})
	if life > 0 {
		time.AfterFunc(life, func() {
			_ = c.cmd.Process.Kill()
			close(over)
		})
	}
	var callers sync.WaitGroup
	var open atomic.Int64
	open.Store(int64(len(queue)))
	for range sagaCallers {
		callers.Go(func() {
			for {
				select {
				case <-over:
					return
				case s := <-queue:
					more, err := r.send(nc, s)
					if err != nil { // it is killed, or was busy: the same request again
						r.mu.Lock()
						r.todo = append(r.todo, s)
						r.mu.Unlock()
					}
					for _, m := range more {
						open.Add(1)
						queue <- m
					}
					open.Add(-1)
				case <-time.After(time.Millisecond):
					if life == 0 && open.Load() == 0 {
						return
					}
				}
			}
		})
	}
	callers.Wait()
	for len(queue) > 0 {
		r.todo = append(r.todo, <-queue)
	}
	if life > 0 {
		<-over
		_ = c.cmd.Wait() // it was killed
	}
}

// errAgain says that a request has to be sent again.
var errAgain = errors.New("no answer that counts")

// send makes one request. It returns what the buyer does next.
func (r *sagaRun) send(nc *nats.Conn, s *step) (more []*step, err error) {
	m, err := nc.Request("holdfast.v1.events."+s.saga.event+"."+s.verb, []byte(s.body()), 5*time.Second)
	if err != nil {
		return nil, err
	}
	var b struct {
		bought
		Refund *struct {
			AmountMinor int64 `json:"amount_minor"`
		} `json:"refund"`
	}
	if err := json.Unmarshal(m.Data, &b); err != nil {
		r.t.Errorf("%s answers %s: %v", s.verb, m.Data, err)
		return nil, nil
	}
	if e := b.Error; e != nil {
		switch e.Code {
		case "payment_unavailable", "payment_busy", "overloaded", "unavailable":
			return nil, errAgain
		case "undo_too_late", "not_refundable":
			return nil, nil
		}
		r.t.Errorf("%s of %s: %s: %s", s.verb, s.saga.buyer, e.Code, e.Message)
		return nil, nil
	}
	r.answered.Add(1)
	if b.Repeated {
		r.repeated.Add(1)
	}
	g := s.saga
	g.mu.Lock()
	defer g.mu.Unlock()
	switch s.verb {
	case "buy":
		if g.purchase != "" && g.purchase != b.Purchase.ID {
			r.t.Errorf("%s bought %s, and by the same request %s", g.buyer, g.purchase, b.Purchase.ID)
		}
		g.purchase = b.Purchase.ID
		return r.next(g, &b.bought), nil
	case "undo":
		g.undone = true
	case "refund":
		if b.Refund == nil {
			r.t.Errorf("a refund is answered %s", m.Data)
			return nil, nil
		}
		g.refunded = b.Refund.AmountMinor
	}
	return nil, nil
}

// next is what a buyer does who has just bought: most are content.
func (r *sagaRun) next(g *saga, b *bought) []*step {
	if b.Order == nil || g.order != "" {
		return nil
	}
	g.order = b.Order.ID
	switch {
	case g.event == "later" && strings.HasSuffix(g.buyer, "1"):
		return []*step{{saga: g, verb: "undo", request: "u" + g.purchase, fields: fmt.Sprintf(`,"purchase":%q`, g.purchase)}}
	case g.event == "now" && strings.HasSuffix(g.buyer, "2"):
		return []*step{{saga: g, verb: "refund", request: "r" + g.purchase, fields: fmt.Sprintf(`,"order":%q,"reason":"goodwill"`, g.order)}}
	case g.event == "now" && strings.HasSuffix(g.buyer, "3"):
		return []*step{{saga: g, verb: "refund", request: "r" + g.purchase, fields: fmt.Sprintf(`,"order":%q,"amount_minor":1000`, g.order)}}
	}
	return nil
}

// settle lets an engine live, until every request is answered and every purchase has come to its end. Those who have to authenticate do, or
// fail to; in long runs some leave.
func (r *sagaRun) settle() {
	t := r.t
	c, nc := r.start()
	defer nc.Close()
	began := time.Now()
	for deadline := began.Add(10 * patience); ; time.Sleep(100 * time.Millisecond) {
		r.ask(c, nc, 0)
		if open := r.unsettled(nc); len(open) == 0 && len(r.todo) == 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d requests and %d purchases have not ended, such as %v\n%s", len(r.todo), len(open), open[:min(len(open), 5)], c.logs)
		}
	}
	t.Logf("settled %v after the last start", time.Since(began).Round(100*time.Millisecond))
	if state := c.end(t, syscall.SIGTERM); !state.Success() {
		t.Errorf("the engine ended with %v\n%s", state, c.logs)
	}
}

// unsettled reads every purchase, and lists those that have not come to their end.
func (r *sagaRun) unsettled(nc *nats.Conn) (open []string) {
	for i, g := range r.sagas {
		if g.purchase == "" {
			continue
		}
		if s := g.view.Purchase; s != nil && (s.State == "declined" || s.State == "released") {
			continue
		}
		m, err := nc.Request("holdfast.v1.events."+g.event+".purchase", fmt.Appendf(nil, `{"buyer":%q,"purchase":%q}`, g.buyer, g.purchase), patience)
		if err != nil {
			r.t.Fatal(err)
		}
		var b bought
		if err := json.Unmarshal(m.Data, &b); err != nil || b.Purchase == nil {
			r.t.Fatalf("purchase %s of %s is %s", g.purchase, g.buyer, m.Data)
		}
		g.view = b
		p := b.Purchase
		r.todo = append(r.todo, r.next(g, &b)...)
		switch {
		case p.State == "action_required" && p.ClientSecret != "" && (i%4 != 0 || long() == 0):
			_ = r.sandbox.Authenticate(r.t.Context(), p.ClientSecret, i%2 == 0) // it may have been too late
			_, _ = nc.Request("holdfast.v1.events."+g.event+".complete", fmt.Appendf(nil, `{"request_id":"d%d","buyer":%q,"purchase":%q}`, i, g.buyer, g.purchase), patience)
		case p.State == "sold":
			if p.Charge == "captured" || p.Charge == "voided" || p.Charge == "capture_failed" {
				continue
			}
		case p.State == "declined", p.State == "released":
			continue
		}
		open = append(open, fmt.Sprintf("%s/%s of %s: %s, charge %s", g.event, g.purchase, g.buyer, p.State, p.Charge))
	}
	return open
}

// compare holds what the engine said against what the sandbox did, both ways. Refunds and voids of the last moment may still be on their way when the engine stops,
// so that it is started again and looked at until they agree.
func (r *sagaRun) compare(ledger string) {
	t := r.t
	c, nc := r.start()
	var wrong []string
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		truth, err := sandbox.ReadTruth(ledger)
		if err != nil {
			t.Fatal(err)
		}
		if wrong = r.differences(&truth); len(wrong) == 0 || time.Now().After(deadline) {
			break
		}
	}
	nc.Close()
	if state := c.end(t, syscall.SIGTERM); !state.Success() {
		t.Errorf("the engine ended with %v\n%s", state, c.logs)
	}
	for _, w := range wrong[:min(len(wrong), 20)] {
		t.Error(w)
	}
	live, err := r.sandbox.Truth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if live.Misuses != 0 {
		t.Errorf("%d requests came with a key that had come with other bytes", live.Misuses)
	}
	if err := run(t.Context(), []string{"verify", r.data}, new(output), new(output)); err != nil {
		t.Errorf("verify: %v", err)
	}
	states := map[string]int{}
	for _, g := range r.sagas {
		if g.view.Purchase != nil {
			states[g.view.Purchase.State]++
		}
		if g.undone {
			states["undone"]++
		}
		if g.refunded > 0 {
			states["refunded"]++
		}
	}
	t.Logf("%d purchases, %d kills, %d answers of which %d were repeats; %v; the sandbox saw %+v; %d differences",
		len(r.sagas), *sagaKills, r.answered.Load(), r.repeated.Load(), states, live.Counts, len(wrong))
	for _, state := range []string{"sold", "declined", "refunded"} {
		if states[state] == 0 {
			t.Errorf("no purchase was ever %s: the load is not what it should be", state)
		}
	}
}

// differences lists where the engine and the sandbox disagree.
func (r *sagaRun) differences(truth *sandbox.Truth) (wrong []string) {
	known := map[string]*saga{}
	for _, g := range r.sagas {
		if g.purchase == "" {
			wrong = append(wrong, fmt.Sprintf("%s never had an answer", g.buyer))
			continue
		}
		known[g.event+"."+g.purchase] = g
	}
	ever := map[string]int{} // charges that cost the buyer something at some time
	for _, c := range truth.Charges {
		if c.State != sandbox.Declined && (c.State != sandbox.Voided || c.Secret == "") {
			ever[c.Order]++
		}
	}
	seen := map[string]bool{}
	for order, sum := range truth.Orders {
		parts := strings.Split(order, ".")
		name := strings.Join(parts[3:], ".")
		seen[name] = true
		g := known[name]
		switch {
		case g == nil && (sum.Charges > 0 || sum.ReservedMinor > 0):
			wrong = append(wrong, fmt.Sprintf("%s: charged %+v, and nobody has bought it", order, sum))
			continue
		case g == nil:
			continue
		case ever[order] > 1:
			wrong = append(wrong, fmt.Sprintf("%s of %s: %d charges were made", order, g.buyer, ever[order]))
		}
		var want int64
		if p := g.view.Purchase; p.State == "sold" && !g.undone {
			want = p.TotalMinor - g.refunded
		}
		if sum.TakenMinor != want || sum.ReservedMinor != 0 || sum.Undecided != 0 {
			wrong = append(wrong, fmt.Sprintf("%s of %s is %s (%s, undone %v, refunded %d): %d should be taken, but %+v",
				order, g.buyer, g.view.Purchase.State, g.view.Purchase.Charge, g.undone, g.refunded, want, sum))
		}
	}
	for name, g := range known {
		if g.view.Purchase.State == "sold" && !seen[name] {
			wrong = append(wrong, fmt.Sprintf("%s of %s has a ticket and no charge", name, g.buyer))
		}
	}
	return wrong
}
