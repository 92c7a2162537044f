package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
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

// Of the callers, and of the engines that they ask.
const (
	sagaCallers = 16                     // ask at once
	sagaGlance  = 20 * time.Millisecond  // before a buyer looks again what has become of the purchase
	sagaLifeMax = 4 * time.Second        // of an engine, if what it is to see comes slowly
	sagaLinger  = 200 * time.Millisecond // up to this, after it has seen that
)

// A step is one request of a saga. It is sent again, as it was, until it is answered: over as many engines as that takes. A refusal that may pass is an answer, so
// that whoever tries again does it under another request id.
type step struct {
	saga    *saga
	verb    string
	request string
	fields  string // of the body, besides the request id and the buyer
	tries   int    // request ids that were refused
}

// A saga is one buyer's purchase, and what followed.
type saga struct {
	number       int
	buyer, event string
	ended        atomic.Bool // the buyer has seen how the purchase ended, or has left
	mu           sync.Mutex
	purchase     string // by the first answer that named it
	order        string
	view         bought
	undone       bool
	refunded     int64
}

func (s *step) body() string {
	request := s.request
	if s.tries > 0 {
		request += fmt.Sprint("-", s.tries)
	}
	return fmt.Sprintf(`{"request_id":%q,"buyer":%q%s}`, request, s.saga.buyer, s.fields)
}

// sagaRun is the run: an engine that is killed, a sandbox that is not, and callers who want to know.
type sagaRun struct {
	t       *testing.T
	random  *rand.Rand
	data    string
	sandbox *sandbox.Remote
	url     string

	mu       sync.Mutex
	waiting  []*step
	sagas    []*saga
	answered atomic.Int64
	repeated atomic.Int64
	refused  atomic.Int64  // for the moment
	ends     chan struct{} // one for each saga that has ended
	cut      int           // requests that a kill left without an answer
	underway int           // sagas that a kill met
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
		"--lost-request", "200", "--lost-answer", "300", "--stored-error", "100", "--throttle", "100", "--retry-after", "100ms", "--decline-soft", "300", "--decline-hard", "200",
		"--authenticate", "300", "--capture-fails", fmt.Sprint(50 * long()),
	}, &ready)
	remote, err := sandbox.Dial(ready.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remote.Close)
	r := &sagaRun{t: t, random: rand.New(rand.NewPCG(seed, 0)), data: filepath.Join(dir, "data"), sandbox: remote, url: ready.URL, ends: make(chan struct{}, *sagas)}
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
			payMs := []int{120_000, 20_000}[long()] // whoever's time to pay is over before the sandbox knows of the charge is released a minute after it may have been sent
			for event, undoMs := range map[string]int{"now": 0, "later": 1500} {
				body := fmt.Sprintf(`{"request_id":"c","name":"Night","country":"NL","city":"Utrecht","currency":"EUR","open":true,"undo_ms":%d,"action_ms":10000,"pay_ms":%d,
					"lots":[{"lot":"ga","face_minor":4500,"fees":[{"name":"service","minor":250}],"capacity":1000000}]}`, undoMs, payMs)
				if _, err := nc.Request("holdfast.v1.events."+event+".create", []byte(body), patience); err != nil {
					r.t.Fatal(err)
				}
			}
		}
		share := *sagas*(round+1) / *sagaKills - *sagas*round / *sagaKills
		for range share {
			s := &saga{number: len(r.sagas), event: []string{"now", "later"}[r.random.IntN(2)]}
			s.buyer = fmt.Sprintf("%s-b%d", tokens[r.random.IntN(len(tokens))], s.number)
			r.sagas = append(r.sagas, s)
			r.waiting = append(r.waiting, &step{saga: s, verb: "buy", request: fmt.Sprint("b", s.number), fields: fmt.Sprintf(
				`,"items":[{"lot":"ga","quantity":1}],"wait_ms":%d`, []int{0, 100, 1500}[r.random.IntN(3)])})
		}
		open := max(1, len(slices.DeleteFunc(slices.Clone(r.sagas), func(g *saga) bool { return g.ended.Load() })))
		r.ask(c, nc, &life{ends: 1 + r.random.IntN(open), most: sagaLifeMax, lingers: time.Duration(r.random.Int64N(int64(sagaLinger)))})
		nc.Close()
		if r.t.Failed() {
			r.t.FailNow()
		}
	}
}

// life says when an engine is killed: after so many sagas have ended, or the most that this may take, and some time besides.
type life struct {
	ends          int
	most, lingers time.Duration
}

// see returns when it is time.
func (l *life) see(ends <-chan struct{}) {
	most := time.NewTimer(l.most)
	defer most.Stop()
	for range l.ends {
		select {
		case <-ends:
		case <-most.C:
			return
		}
	}
	time.Sleep(l.lingers)
}

// ask lets the callers ask for what is to be asked until everything is answered or, with a life, until the engine is killed.
func (r *sagaRun) ask(c *child, nc *nats.Conn, l *life) {
	queue := make(chan *step, len(r.sagas)*2+16) // a saga has two at most
	for _, s := range r.waiting {
		queue <- s
	}
	var open atomic.Int64
	open.Store(int64(len(r.waiting)))
	r.waiting = nil
	over := make(chan struct{})
	if l != nil {
		for len(r.ends) > 0 { // of lives before
			<-r.ends
		}
		go func() {
			l.see(r.ends)
			_ = c.cmd.Process.Kill()
			close(over)
		}()
	}
	var callers sync.WaitGroup
	for range sagaCallers {
		callers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				select {
				case <-over:
					return
				case s := <-queue:
					more, err := r.send(nc, s)
					if err != nil { // it is killed, or refuses for the moment
						r.mu.Lock()
						r.waiting = append(r.waiting, s)
						if l != nil && !errors.Is(err, errAgain) {
							r.cut++
						}
						r.mu.Unlock()
					}
					for _, m := range more {
						open.Add(1)
						queue <- m
					}
					open.Add(-1)
				case <-time.After(time.Millisecond):
					if l == nil && open.Load() == 0 {
						return
					}
				}
			}
		})
	}
	callers.Wait()
	for len(queue) > 0 {
		r.waiting = append(r.waiting, <-queue)
	}
	if l != nil {
		_ = c.cmd.Wait() // it was killed
		for _, g := range r.sagas {
			if g.purchase != "" && !g.ended.Load() {
				r.underway++
			}
		}
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
		case "overloaded", "unavailable": // it was not looked at
			return nil, errAgain
		case "payment_unavailable", "payment_busy": // the answer to this request id
			if s.saga.purchase == "" {
				r.refused.Add(1)
				s.tries++
				return nil, errAgain
			}
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
		return r.follow(s, &b.bought), nil
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

// follow is what a buyer does who knows how the purchase stands: look again until it has ended, and authenticate where that is wanted, or fail to. In long runs some
// leave instead, and are not waited for.
func (r *sagaRun) follow(s *step, b *bought) []*step {
	g := s.saga
	again := []*step{s}
	switch p := b.Purchase; {
	case p.State == "declined" || p.State == "released" || b.Order != nil:
		r.ended(g)
		return r.next(g, b)
	case p.State != "action_required" || p.ClientSecret == "":
	case long() == 1 && g.number%4 == 0:
		r.ended(g)
		return nil
	case r.sandbox.Authenticate(r.t.Context(), p.ClientSecret, g.number%2 == 0) == nil: // otherwise it was too late, or done before
		again = append(again, &step{saga: g, verb: "complete", request: "d" + g.purchase, fields: fmt.Sprintf(`,"purchase":%q`, g.purchase)})
	}
	time.Sleep(sagaGlance)
	return again
}

// ended notes that a saga has ended, as its buyer sees it.
func (r *sagaRun) ended(g *saga) {
	if !g.ended.Swap(true) {
		r.ends <- struct{}{}
	}
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

// settle lets an engine live, until every request is answered and every purchase has come to its end.
func (r *sagaRun) settle() {
	t := r.t
	c, nc := r.start()
	defer nc.Close()
	began := time.Now()
	longest := patience * time.Duration(5+15*long()) // a capture that fails three times is tried again after ten minutes
	for deadline := began.Add(longest); ; time.Sleep(100 * time.Millisecond) {
		r.ask(c, nc, nil)
		if open := r.unsettled(nc); len(open) == 0 && len(r.waiting) == 0 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("%d requests and %d purchases have not ended, such as %v\n%s", len(r.waiting), len(open), open[:min(len(open), 5)], c.logs)
		}
	}
	t.Logf("settled %v after the last start", time.Since(began).Round(100*time.Millisecond))
	if state := c.end(t, syscall.SIGTERM); !state.Success() {
		t.Errorf("the engine ended with %v\n%s", state, c.logs)
	}
}

// settled reports whether nothing more comes of a purchase, unless its buyer wants it.
func (b *bought) settled() bool {
	p := b.Purchase
	switch {
	case p == nil:
		return false
	case p.State == "sold":
		return p.Charge == "captured" || p.Charge == "voided" || p.Charge == "capture_failed"
	}
	return p.State == "declined" || p.State == "released"
}

// unsettled reads the purchases that have not come to their end, and lists those that still have not.
func (r *sagaRun) unsettled(nc *nats.Conn) (open []string) {
	for _, g := range r.sagas {
		if g.purchase == "" || g.view.settled() {
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
		if g.view = b; !b.settled() {
			open = append(open, fmt.Sprintf("%s/%s of %s: %s, charge %s", g.event, g.purchase, g.buyer, b.Purchase.State, b.Purchase.Charge))
		}
	}
	return open
}
