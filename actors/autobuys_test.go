package actors

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// autoBench is a node with wallets, a gateway and a watcher over a log and a vault in memory.
type autoBench struct {
	*walletBench
	gateway *fakeGateway
	moves   *moves
}

func newAutoBench(t *testing.T, l *fakeLog, v *fakeVault, g *fakeGateway) *autoBench {
	t.Helper()
	return newLaneBench(t, l, v, g, LaneConfig{})
}

func newLaneBench(t *testing.T, l *fakeLog, v *fakeVault, g *fakeGateway, lane LaneConfig) *autoBench {
	t.Helper()
	b := &autoBench{gateway: g, moves: &moves{}}
	c := Config{
		Gateways: []Gateway{g}, Vault: v, Installation: "i1", Watcher: b.moves, OneClickAtOnce: true, Logger: slog.New(slog.DiscardHandler), Lane: lane,
		Fatal: func(err error) { t.Errorf("fatal: %v", err) },
	}
	n, err := Start(c, besideLog{l, v}, l, l.recovered(t))
	if err != nil {
		t.Fatal(err)
	}
	b.walletBench = &walletBench{Node: n, t: t, log: l, vault: v}
	return b
}

// waits puts buyers with a saved method and an agreement on the list of e1.
func (b *autoBench) waits(buyers ...string) {
	b.t.Helper()
	for _, buyer := range buyers {
		b.want(saveOf("s-"+buyer, buyer, "tok_"+buyer), engine.CodeOK)
		agree := agreeOf("a-"+buyer, buyer)
		agree.Scope = wallet.ScopeAutoBuy
		b.want(agree, engine.CodeOK)
		if a := ask(b.t, b.Node, "e1", autoWait(buyer)); a.code != engine.CodeOK {
			b.t.Fatalf("wait of %s: %v", buyer, a.code)
		}
	}
}

func autoWait(buyer string) engine.Command {
	return engine.Command{
		Verb: engine.VerbWait, RequestID: "w-" + buyer, Buyer: buyer,
		Line: &engine.LineCommand{Wishes: []engine.Wish{{Lot: "ga", Quantity: 1}}, AutoBuy: true},
	}
}

func (b *autoBench) frees(capacity int64) {
	b.t.Helper()
	cmd := engine.Command{Verb: engine.VerbCapacity, RequestID: fmt.Sprint("cap", capacity), Lot: "ga", Quantity: capacity}
	if a := ask(b.t, b.Node, "e1", cmd); a.code != engine.CodeOK {
		b.t.Fatalf("capacity: %v", a.code)
	}
}

// TestFreedTicketsAreBoughtForThoseWhoAgreed also when methods are declined, gone or were never agreed to be charged: then the next gets them.
func TestFreedTicketsAreBoughtForThoseWhoAgreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		declines := map[string]payment.Result{"tok_ben": {Answer: payment.DeclinedHard, Decline: payment.DeclineFraud}}
		g := newFakeGateway(10*time.Millisecond, nil)
		g.answer = func(call *payment.Call, _ int) payment.Result {
			if call.Operation == payment.Authorise {
				for token, r := range declines {
					if strings.Contains(string(call.Body), token) {
						return r
					}
				}
				return payment.Result{Answer: payment.Authorised, AmountMinor: 4500, Currency: "EUR", Ref: "ref-" + call.Order}
			}
			return payment.Result{Answer: payment.Captured, AmountMinor: 4500, Currency: "EUR", Ref: call.Ref}
		}
		b := newAutoBench(t, newFakeLog(), &fakeVault{}, g)
		defer b.stop()
		ask(t, b.Node, "e1", create("c", 0))
		if a := ask(t, b.Node, "e1", autoWait("nobody")); a.code != engine.CodeMethodUnusable && a.code != engine.CodeAgreementMissing {
			t.Fatalf("waiting to be bought for without a wallet: %v", a.code)
		}
		b.waits("anna", "ben", "cleo", "dora", "emil")
		// Cleo's method is gone when her turn comes, and dora does not agree any more.
		b.want(wallet.Command{Verb: wallet.VerbRemove, RequestID: "d1", Buyer: "cleo", Method: "m1"}, engine.CodeOK)
		b.want(wallet.Command{Verb: wallet.VerbAgree, RequestID: "a2", Buyer: "dora", Scope: wallet.ScopeAutoBuy, Withdraw: true}, engine.CodeOK)
		b.frees(2)
		time.Sleep(5 * time.Second)
		want := []string{
			"anna waits offered", "anna waits bought", "ben waits offered", "ben waits unpaid", "cleo waits offered", "cleo waits unpaid method_unknown",
			"dora waits offered", "dora waits unpaid agreement_missing", "emil waits offered", "emil waits bought",
		}
		if got := byBuyer(b.moves.take()); !slices.Equal(got, want) {
			t.Fatalf("two tickets for five: %q, want %q", got, want)
		}
		if got := ask(t, b.Node, "e1", engine.Command{Verb: engine.VerbGet}).lots[0]; got.Sold != 2 || got.Held+got.Paying+got.Free != 0 {
			t.Fatalf("the lot is %+v", got)
		}
		if n := len(b.autoBuys.open); n != 0 {
			t.Fatalf("%d offers are still to be bought", n)
		}
	})
}

// TestOffersWaitForAGatewayThatIsAway: nobody loses their turn because a gateway does not answer for a while; what it does not take in time goes to the next,
// and the line is told how little the lanes can do.
func TestOffersWaitForAGatewayThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		g := newFakeGateway(10*time.Millisecond, nil)
		g.answer = func(call *payment.Call, _ int) payment.Result {
			r := payment.Result{Answer: payment.Captured, AmountMinor: 4500, Currency: "EUR", Ref: "ref-" + call.Order}
			switch {
			case away.Load():
				return payment.Result{Answer: payment.Unknown}
			case call.Operation == payment.Authorise || call.Operation == payment.LookUp:
				r.Answer = payment.Authorised
			}
			return r
		}
		b := newAutoBench(t, newFakeLog(), &fakeVault{}, g)
		defer b.stop()
		cmd := create("c", 0)
		cmd.Spec.Line = &engine.LineSpec{Mode: engine.LineModeLine}
		ask(t, b.Node, "e1", cmd)
		perMin := func() int64 {
			time.Sleep(2 * time.Second)
			return perMinOf(t, b.Node)
		}
		if got := perMin(); got < 100 {
			t.Fatalf("the lane does %d purchases a minute", got)
		}
		// The calls for the first five are not answered: then it is known that the gateway is away.
		goesAway := func(capacity int64, who string, behind ...string) {
			for i := range failuresInRow {
				b.waits(who + fmt.Sprint(i))
			}
			b.waits(behind...)
			away.Store(true)
			b.frees(capacity)
			if got := perMin(); got != 1 {
				t.Fatalf("without a gateway the line counts on %d purchases a minute", got)
			}
			b.moves.take()
		}
		goesAway(5, "x", "anna", "ben")
		charged := len(g.of(payment.Authorise))
		b.frees(7)
		time.Sleep(time.Minute)
		b.moves.wants(t, "while the gateway is away", "anna waits offered", "ben waits offered")
		if len(g.of(payment.Authorise)) != charged {
			t.Fatal("something was charged")
		}
		away.Store(false)
		time.Sleep(time.Minute)
		if got := byBuyer(b.moves.take()); !slices.Equal(got[:2], []string{"anna waits bought", "ben waits bought"}) {
			t.Fatalf("when it is back: %q", got)
		}
		if got := perMin(); got < 100 {
			t.Fatalf("afterwards the lane does %d purchases a minute", got)
		}
		goesAway(12, "y", "cleo")
		b.frees(13)
		time.Sleep(6 * time.Minute)
		if got := byBuyer(b.moves.take()); !slices.Equal(got[:2], []string{"cleo waits offered", "cleo waits unpaid payment_unavailable"}) {
			t.Fatalf("while it is away for long: %q", got)
		}
	})
}

// byBuyer sorts what was noted: what happens to one buyer stays in its order.
func byBuyer(list []string) []string {
	slices.SortStableFunc(list, func(x, y string) int {
		buyerX, _, _ := strings.Cut(x, " ")
		buyerY, _, _ := strings.Cut(y, " ")
		return strings.Compare(buyerX, buyerY)
	})
	return list
}

// bank is a gateway's ledger that outlives processes: one charge a key. Each process has a gateway of its own in front of it, which ends with the process.
type bank struct {
	mu      sync.Mutex
	charges map[string]string // order by the key that charged it
}

func (k *bank) gateway() (g *fakeGateway, crash func()) {
	var dead atomic.Bool
	g = newFakeGateway(20*time.Millisecond, nil)
	g.before = func(call *payment.Call) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if call.Operation == payment.Authorise && !dead.Load() {
			k.charges[call.Key] = call.Order
		}
	}
	g.answer = func(call *payment.Call, _ int) payment.Result {
		k.mu.Lock()
		defer k.mu.Unlock()
		r := payment.Result{Answer: payment.Authorised, AmountMinor: 4500, Currency: "EUR", Ref: "ref-" + call.Order}
		switch {
		case dead.Load():
			return payment.Result{Answer: payment.Unknown}
		case call.Operation == payment.LookUp && !slices.Contains(slices.Collect(maps.Values(k.charges)), call.Order):
			return payment.Result{Answer: payment.NotDone}
		case call.Operation == payment.Capture:
			r.Answer = payment.Captured
		}
		return r
	}
	return g, func() { dead.Store(true) }
}

// TestOffersAreBoughtOnceOverRestarts crashes at many moments while freed tickets are bought: none is offered or charged twice, and all are bought in the end.
func TestOffersAreBoughtOnceOverRestarts(t *testing.T) {
	for cut := range 24 {
		synctest.Test(t, func(t *testing.T) {
			k := &bank{charges: map[string]string{}}
			g, crash := k.gateway()
			l, v := newFakeLog(), &fakeVault{}
			b := newAutoBench(t, l, v, g)
			ask(t, b.Node, "e1", create("c", 0))
			b.waits("b0", "b1", "b2", "b3", "b4")
			b.frees(3)
			time.Sleep(time.Duration(cut) * 4 * time.Millisecond)
			left, kept := l.clone(), v.clone()
			crash()
			b.stop()
			g, _ = k.gateway()
			b = newAutoBench(t, left, kept, g)
			defer b.stop()
			time.Sleep(time.Minute)
			got := ask(t, b.Node, "e1", engine.Command{Verb: engine.VerbGet}).lots[0]
			if got.Sold != 3 || got.Held+got.Paying+got.Free != 0 {
				t.Fatalf("cut %d: the lot is %+v", cut, got)
			}
			orders := map[string]string{}
			for key, order := range k.charges {
				if other, twice := orders[order]; twice {
					t.Fatalf("cut %d: order %s is charged under %s and %s", cut, order, key, other)
				}
				orders[order] = key
			}
			if len(orders) != 3 {
				t.Fatalf("cut %d: %d orders were charged", cut, len(orders))
			}
			for _, buyer := range []string{"b3", "b4"} { // who comes later was never offered anything
				if a := ask(t, b.Node, "e1", engine.Command{Verb: engine.VerbLeave, RequestID: "l-" + buyer, Buyer: buyer, Line: &engine.LineCommand{List: true}}); a.code != engine.CodeOK {
					t.Fatalf("cut %d: %s does not wait any more: %v", cut, buyer, a.code)
				}
			}
		})
	}
}

// clone is what a crash now would leave.
func (l *fakeLog) clone() *fakeLog {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := newFakeLog()
	for key, runs := range l.facts {
		c.facts[key] = slices.Clone(runs)
	}
	maps.Copy(c.kept, l.kept)
	c.highMarks = slices.Clone(l.highMarks)
	return c
}

func (v *fakeVault) clone() *fakeVault {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &fakeVault{records: maps.Clone(v.records)}
}

// perMinOf is how many purchases a minute the line of e1 counts on.
func perMinOf(t *testing.T, n *Node) (perMin int64) {
	t.Helper()
	c := &lineReader{done: make(chan struct{})}
	if code := n.Submit(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: []engine.Command{{Verb: engine.VerbGet}}, Reply: c}); code != engine.CodeOK {
		t.Fatal(code)
	}
	<-c.done
	return c.perMin
}

type lineReader struct {
	perMin int64
	done   chan struct{}
}

func (r *lineReader) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	r.perMin = out.Event.Line.PerMin
}

func (r *lineReader) Durable(*engine.Request) { close(r.done) }
