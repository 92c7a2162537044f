package client_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// queuedUntil answers buys as queued until sold says otherwise.
func queuedUntil(sold *atomic.Bool) func(*engine.Request, int, *engine.Outcome) {
	return func(r *engine.Request, i int, out *engine.Outcome) {
		out.Seq = 1
		out.Shows, out.Purchase = engine.ShowsPurchase, &engine.PurchaseView{ID: 5, Event: r.Event, Buyer: r.Commands[i].Buyer, State: engine.PurchaseQueued}
		if sold.Load() {
			out.Purchase.State, out.Seq = engine.PurchaseSold, 2
		}
	}
}

func TestBuysThatWaitKeepNoOthersFromLeaving(t *testing.T) {
	var sold atomic.Bool
	watch := new(transport.Watch)
	url := broker(t)
	server, _ := serveWith(t, url, transport.Config{Watch: watch}, &transporttest.Engine{Answer: queuedUntil(&sold), Async: true})
	c := connect(t, url, client.Options{AttemptTimeout: 10 * time.Second})
	told := make(chan *pb.PurchaseChanged, 8)
	stop, err := c.Purchases("e1", "", func(p *pb.PurchaseChanged) { told <- p })
	if err != nil {
		t.Fatal(err)
	}
	const waiting = 50 // more than may be in flight for one event
	answers := make(chan *pb.Purchase, waiting)
	for range waiting {
		go func() {
			p, _, err := c.Buy(within(t), "e1", &pb.BuyCommand{Buyer: "b1", WaitMs: new(int64(30_000))})
			if err != nil {
				t.Error(err)
			}
			answers <- p
		}()
	}
	ctx := within(t)
	for server.Stats().Parked < 16 { // as many as may wait for one purchase
		if ctx.Err() != nil {
			t.Fatal("the buys do not wait")
		}
		if p, _, err := c.Purchase(ctx, "e1", &pb.PurchaseCommand{Buyer: "b1", Purchase: "p5"}); err != nil || p.State != "queued" {
			t.Fatalf("%v, %v", p, err)
		}
	}
	sold.Store(true)
	changed := engine.PurchaseChange{Purchase: 5, Buyer: "b1", State: engine.PurchaseSold}
	for n := 0; n < waiting; { // a fake engine says queued after it was sold now and then: those are told again
		select {
		case p := <-answers:
			if n++; p.GetState() != "sold" && p.GetState() != "queued" {
				t.Errorf("purchase %v", p)
			}
		default:
			watch.PurchaseChanged(engine.SingleAccount, "e1", changed)
			if _, _, err := c.Purchase(ctx, "e1", &pb.PurchaseCommand{Buyer: "b1", Purchase: "p5"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p := <-told; p.Purchase.State != "sold" || p.Purchase.Id != "p5" {
		t.Errorf("told %v", p)
	}
	before := server.Stats().Pushes
	watch.PurchaseChanged(engine.SingleAccount, "e1", changed) // told twice, with the same seq
	for server.Stats().Pushes == before && ctx.Err() == nil {
		if _, _, err := c.Purchase(ctx, "e1", &pb.PurchaseCommand{Buyer: "b1", Purchase: "p5"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if len(told) != 0 {
		t.Errorf("what was told twice was not left out: %v", <-told)
	}
}

func TestBuyWithoutAnEngineSaysSo(t *testing.T) {
	c := connect(t, broker(t), client.Options{Timeout: 50 * time.Millisecond, BackoffMin: time.Millisecond})
	_, _, err := c.Buy(t.Context(), "e1", &pb.BuyCommand{Buyer: "b1", WaitMs: new(int64(1))})
	if !errors.Is(err, client.ErrNoEngine) {
		t.Errorf("buy without an engine: %v", err)
	}
	if _, _, err := c.Buy(t.Context(), "no event", &pb.BuyCommand{}); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("buy in no event: %v", err)
	}
	if _, err := c.Purchases("e1", "no buyer", nil); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("purchases of no buyer: %v", err)
	}
}

func TestWalletsOverTheClient(t *testing.T) {
	url := broker(t)
	rules := &transporttest.Direct{Now: 1_777_629_600_000_000_000}
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	server, err := transport.Serve(transport.Config{Wallets: rules}, nc, rules)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Drain(within(t)); err != nil {
			t.Error(err)
		}
		nc.Close()
	})
	c := connect(t, url, client.Options{})
	ctx := within(t)
	id, w, err := c.SaveMethod(ctx, "b1", &pb.SaveMethodCommand{Gateway: "sandbox", Kind: "card", Token: "sbx_ok"})
	if err != nil || id != "m1" || len(w.GetMethods()) != 1 || w.OneClick {
		t.Errorf("saved as %q: %v, %v", id, w, err)
	}
	if w, err = c.Agree(ctx, "b1", &pb.AgreeCommand{Scope: "one_click", Version: "2026-01"}); err != nil || !w.GetOneClick() {
		t.Errorf("agreed: %v, %v", w, err)
	}
	if w, err = c.DefaultMethod(ctx, "b1", &pb.DefaultMethodCommand{Method: id}); err != nil || !w.GetMethods()[0].Default {
		t.Errorf("default: %v, %v", w, err)
	}
	if h, err := c.History(ctx, "b1"); err != nil || h == nil || len(h.Purchases) != 0 {
		t.Errorf("history: %v, %v", h, err)
	}
	if w, err = c.RemoveMethod(ctx, "b1", &pb.RemoveMethodCommand{Method: id}); err != nil || len(w.GetMethods()) != 0 {
		t.Errorf("removed: %v, %v", w, err)
	}
	if w, err = c.Wallet(ctx, "b1"); err != nil || len(w.GetAgreements()) != 1 {
		t.Errorf("wallet: %v, %v", w, err)
	}
	_, _, err = c.SaveMethod(ctx, "b1", &pb.SaveMethodCommand{Gateway: "sandbox", Kind: "card", Token: "4111111111111111"})
	if !errors.Is(err, client.ErrCardNumber) {
		t.Errorf("a card number is saved: %v", err)
	}
	if _, err := c.Wallet(ctx, "b 1"); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("a wallet of nobody: %v", err)
	}
}

// TestABuyThatWaitsIsAnsweredWhateverSendsIt is about purchases that do not end within their wait, and attempts that are given less time than that: the first
// answer has to come all the same.
func TestABuyThatWaitsIsAnsweredWhateverSendsIt(t *testing.T) {
	var never atomic.Bool
	url := broker(t)
	server, _ := serveWith(t, url, transport.Config{}, &transporttest.Engine{Answer: queuedUntil(&never), Async: true})
	c := connect(t, url, client.Options{AttemptTimeout: 200 * time.Millisecond, MessagesInFlightMax: 1})
	ctx := within(t)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		r, err := c.Do(ctx, "e1", &pb.BuyCommand{RequestId: "r1", Buyer: "b1", WaitMs: new(int64(1000))})
		if err != nil || r.Purchase.GetState() != "queued" {
			t.Errorf("Do: %v, %v", r, err)
		}
		p, _, err := c.Buy(ctx, "e1", &pb.BuyCommand{Buyer: "b2", WaitMs: new(int64(1000))})
		if err != nil || p.GetState() != "queued" {
			t.Errorf("Buy: %v, %v", p, err)
		}
	}()
	for server.Stats().Parked == 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if _, _, err := c.Purchase(ctx, "e1", &pb.PurchaseCommand{Buyer: "b1", Purchase: "p5"}); err != nil {
		t.Error(err)
	}
	<-answered
}
