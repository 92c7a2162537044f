package actors

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// fakeVault keeps records in memory, unsealed. They are there when the event that they belong to has been told.
type fakeVault struct {
	mu      sync.Mutex
	records map[string][]byte
}

func (v *fakeVault) Seal(account, subject, name string, plain []byte) (engine.Sealed, error) {
	return engine.Sealed{Key: []byte(account + "/" + subject + "/" + name), Value: append([]byte(nil), plain...)}, nil
}

func (v *fakeVault) Open(account, subject, name string) ([]byte, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	plain, ok := v.records[account+"/"+subject+"/"+name]
	return plain, ok, nil
}

func (v *fakeVault) Remove(account, subject, name string) engine.Sealed {
	return engine.Sealed{Key: []byte(account + "/" + subject + "/" + name)}
}

func (v *fakeVault) Keep(records ...engine.Sealed) error {
	v.keep(records)
	return nil
}

func (v *fakeVault) Erase(_ context.Context, account string, subjects ...string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name := range v.records {
		for _, s := range subjects {
			if strings.HasPrefix(name, account+"/"+s+"/") {
				delete(v.records, name)
			}
		}
	}
	return nil
}

// keep does what the journal does with what lies beside a run.
func (v *fakeVault) keep(beside []engine.Sealed) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.records == nil {
		v.records = make(map[string][]byte)
	}
	for _, s := range beside {
		if s.Value == nil {
			delete(v.records, string(s.Key))
			continue
		}
		v.records[string(s.Key)] = s.Value
	}
}

// fakeWallets knows every method of every buyer.
type fakeWallets struct{ none bool }

func (fakeWallets) Annotate(_ string, cmd *engine.Command) {
	note := &cmd.Payment.Note
	note.Known, note.Method, note.Gateway, note.Kind = true, "m1", "fake", payment.MethodCard
	note.Can = payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable
	note.Agreement, note.CapMinor = "v1", 1_000_000
}

func (w fakeWallets) Method(string, string, string) (payment.Method, error) {
	if w.none {
		return payment.Method{}, ErrNoMethod
	}
	return payment.Method{Token: "tok", Customer: "cus", Kind: payment.MethodCard}, nil
}

// sent is one call that a gateway got.
type sent struct {
	at   time.Duration // since the test's start
	call payment.Call
}

// fakeGateway answers as it is told, after a while of simulated time.
type fakeGateway struct {
	mu     sync.Mutex
	began  time.Time
	takes  time.Duration
	answer func(call *payment.Call, nth int) payment.Result // nth call of its order and operation, from 0
	calls  []sent
	at     int // calls under way
	most   int
	nth    map[string]int
	before func(call *payment.Call) // when a call arrives; nil is nothing
}

func newFakeGateway(takes time.Duration, answer func(call *payment.Call, nth int) payment.Result) *fakeGateway {
	return &fakeGateway{began: time.Now(), takes: takes, answer: answer, nth: make(map[string]int)}
}

func (*fakeGateway) Name() string { return "fake" }

func (*fakeGateway) Capabilities(payment.MethodKind) payment.Capabilities {
	return payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable
}

func (*fakeGateway) Prepare(in payment.Intent) ([]byte, error) {
	if in.AmountMinor < 0 {
		return nil, errors.New("a negative amount")
	}
	return fmt.Appendf(nil, "%v %s %d %s %s %s", in.Operation, in.Key, in.AmountMinor, in.Currency, in.Ref, in.Method.Token), nil
}

func (g *fakeGateway) Do(ctx context.Context, call payment.Call) payment.Result {
	g.mu.Lock()
	g.calls = append(g.calls, sent{time.Since(g.began), call})
	g.at++
	g.most = max(g.most, g.at)
	which := call.Order + call.Operation.String()
	nth := g.nth[which]
	g.nth[which]++
	g.mu.Unlock()
	if g.before != nil {
		g.before(&call)
	}
	if g.takes > 0 {
		select {
		case <-time.After(g.takes):
		case <-ctx.Done():
		}
	}
	g.mu.Lock()
	g.at--
	g.mu.Unlock()
	if ctx.Err() != nil {
		return payment.Result{Detail: ctx.Err().Error()}
	}
	return g.answer(&call, nth)
}

// of lists the calls of an operation.
func (g *fakeGateway) of(op payment.Operation) []sent {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []sent
	for _, s := range g.calls {
		if s.call.Operation == op {
			list = append(list, s)
		}
	}
	return list
}

// fakeEvents takes what a lane tells events, and makes it durable after a while.
type fakeEvents struct {
	mu      sync.Mutex
	vault   *fakeVault
	commit  time.Duration
	intents []engine.PaymentCommand
	durable map[string]int // requests whose intent is durable, by hash
	results []told
	began   time.Time
	refuse  func(cmd *engine.Command) engine.Code // of an intent or a result; nil takes all
	away    engine.Code                           // what Submit answers, CodeOK to take
}

// told is a result that an event got.
type told struct {
	at time.Duration
	engine.PaymentCommand
	payment.Result
}

func (e *fakeEvents) submit(req *engine.Request) engine.Code {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.away != engine.CodeOK {
		return e.away
	}
	cmd := req.Commands[0]
	pay := *cmd.Payment
	code := engine.CodeOK
	if e.refuse != nil {
		code = e.refuse(&cmd)
	}
	if cmd.Verb == engine.VerbIntend && code == engine.CodeOK {
		e.intents = append(e.intents, pay)
	}
	time.AfterFunc(e.commit, func() {
		e.mu.Lock()
		if code == engine.CodeOK {
			e.vault.keep(req.Beside)
			if cmd.Verb == engine.VerbIntend {
				e.durable[string(pay.Hash[:])]++
			} else {
				e.results = append(e.results, told{time.Since(e.began), pay, *pay.Result})
			}
		}
		e.mu.Unlock()
		req.Reply.Outcome(req, 0, &engine.Outcome{Verb: cmd.Verb, Code: code})
		req.Reply.Durable(req)
	})
	return engine.CodeOK
}

func (e *fakeEvents) told() []told {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]told(nil), e.results...)
}

// fakeLane is a lane whose gateway and events are fakes. It runs in the bubble of the test.
func fakeLane(t *testing.T, g *fakeGateway, c LaneConfig) (*lane, *fakeEvents, *Node) {
	t.Helper()
	vault := &fakeVault{}
	n := started(t, newFakeLog(), Config{Gateways: []Gateway{g}, Vault: vault, Installation: "i1", Wallets: fakeWallets{}, Lane: c})
	e := &fakeEvents{vault: vault, commit: time.Millisecond, durable: make(map[string]int), began: time.Now()}
	l := n.payments.lanes["fake"]
	l.submit = e.submit
	return l, e, n
}

// wanted is work that an event wants done.
func wanted(n *Node, op payment.Operation, p engine.PurchaseID) engine.Work {
	return engine.Work{
		Operation: op, Purchase: p, Buyer: "anna", Gateway: "fake", Method: "m1", Kind: payment.MethodCard, AmountMinor: 9500, Currency: "EUR", Since: n.clock.Now(),
	}
}

func give(n *Node, works ...engine.Work) {
	for i := range works {
		n.payments.take(n, engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}, &works[i])
	}
}

// yes is a gateway's answer to whatever it is asked.
func yes(call *payment.Call, _ int) payment.Result {
	r := payment.Result{Ref: "ch_" + call.Order, AmountMinor: 9500, Currency: "EUR"}
	switch call.Operation {
	case payment.Authorise, payment.LookUp:
		r.Answer = payment.Authorised
	case payment.Capture:
		r.Answer = payment.Captured
	case payment.Void, payment.Cancel:
		r.Answer = payment.Voided
	case payment.Refund:
		r.Answer = payment.Refunded
	}
	return r
}
