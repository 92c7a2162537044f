package actors

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

func TestALaneIsPacedFirstInFirstOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(300*time.Millisecond, yes)
		_, events, n := fakeLane(t, g, LaneConfig{Rate: 25, Concurrency: 4})
		for p := engine.PurchaseID(1); p <= 200; p++ {
			give(n, wanted(n, payment.Authorise, p))
		}
		time.Sleep(time.Minute)
		calls := g.of(payment.Authorise)
		if len(calls) != 200 || len(events.told()) != 200 {
			t.Fatalf("%d calls, %d results told", len(calls), len(events.told()))
		}
		for i, s := range calls[4:] { // those that leave at one moment may overtake each other
			if want := fmt.Sprintf("hf.i1._.e1.p%d", i+5); s.call.Order != want && calls[i+3].at != s.at && calls[min(i+5, 199)].at != s.at {
				t.Fatalf("call %d is of %s, want %s", i+4, s.call.Order, want)
			}
		}
		synctest.Wait()
		if g.most > 4 {
			t.Errorf("%d calls at once with a bound of 4", g.most)
		}
		if took := calls[199].at - calls[0].at; took < 200*300*time.Millisecond/4-time.Second || took > 20*time.Second {
			t.Errorf("200 calls of 300 ms, 4 at once, took %v", took)
		}
	})
}

func TestALaneKeepsItsRateAndTakesAnotherAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(0, yes)
		l, _, n := fakeLane(t, g, LaneConfig{Rate: 10})
		for p := engine.PurchaseID(1); p <= 1000; p++ {
			give(n, wanted(n, payment.Authorise, p))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := len(g.of(payment.Authorise)); got < 100 || got > 102 {
			t.Errorf("%d calls in 10 s at 10 a second", got)
		}
		if eta := l.show.eta(l.show.waiting.Load()); eta < 80*time.Second || eta > 200*time.Second {
			t.Errorf("900 that wait at 10 a second, each with a capture to come, have an ETA of %v", eta)
		}
		if err := n.SetLaneRate(t.Context(), "fake", 100_000); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := len(g.of(payment.Authorise)); got < 590 || got > 620 {
			t.Errorf("%d calls after 5 s more at 100 a second", got)
		}
		if v := n.Lanes(); len(v) != 1 || v[0].RateMilli != 100_000 || v[0].Gateway != "fake" {
			t.Errorf("operators see %+v", v)
		}
		if err := n.SetLaneRate(t.Context(), "none", 1); err != ErrNoGateway { //nolint:errorlint // it is not wrapped
			t.Errorf("a lane that is not there: %v", err)
		}
	})
}

func TestTheIntentIsDurableBeforeTheRequestLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events *fakeEvents
		early := 0
		g := newFakeGateway(0, nil)
		g.answer = func(call *payment.Call, nth int) payment.Result {
			hash := sha256.Sum256(call.Body)
			events.mu.Lock()
			if call.Operation != payment.LookUp && events.durable[string(hash[:])] == 0 {
				early++
			}
			events.mu.Unlock()
			return yes(call, nth)
		}
		_, e, n := fakeLane(t, g, LaneConfig{})
		events = e
		events.commit = 5 * time.Second
		for i, op := range []payment.Operation{payment.Authorise, payment.Capture, payment.Void, payment.Refund} {
			give(n, wanted(n, op, engine.PurchaseID(i+1)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if early > 0 || len(g.calls) != 4 || len(events.told()) != 4 {
			t.Fatalf("%d of %d requests left before their intent was durable; %d results told", early, len(g.calls), len(events.told()))
		}
	})
}

func TestWhatIsUnknownIsSentAgainAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(time.Second, func(call *payment.Call, nth int) payment.Result {
			switch {
			case call.Operation == payment.LookUp:
				return payment.Result{Answer: payment.NotFound}
			case nth < 8:
				return payment.Result{Answer: payment.Unknown}
			}
			return yes(call, nth)
		})
		l, events, n := fakeLane(t, g, LaneConfig{})
		give(n, wanted(n, payment.Authorise, 7))
		time.Sleep(20 * time.Minute)
		calls := g.of(payment.Authorise)
		results := events.told()
		if len(calls) != 9 || len(results) != 1 || results[0].Answer != payment.Authorised {
			t.Fatalf("%d calls, told %+v", len(calls), results)
		}
		if len(events.intents) != 1 {
			t.Errorf("%d intents for one charge", len(events.intents))
		}
		for i, s := range calls {
			if s.call.Key != calls[0].call.Key || !bytes.Equal(s.call.Body, calls[0].call.Body) || s.call.Key != "hf.i1._.e1.p7.authorise.0" {
				t.Errorf("call %d has key %s and bytes %q, the first %s and %q", i, s.call.Key, s.call.Body, calls[0].call.Key, calls[0].call.Body)
			}
		}
		synctest.Wait()
		for i, s := range g.calls[1:] {
			if s.at-g.calls[i].at > 62*time.Second {
				t.Errorf("call %d, a %v, came %v after the one before", i+1, s.call.Operation, s.at-g.calls[i].at)
			}
		}
		if got := l.show.unknown.Load(); got != 0 {
			t.Errorf("%d charges are unknown at the end", got)
		}
		if _, there, _ := n.cfg.Vault.Open("_", "anna", calls[0].call.Key); there {
			t.Error("the bytes of a request that is settled are still kept")
		}
	})
}

func TestBoundsOfALane(t *testing.T) {
	for _, c := range []struct {
		config LaneConfig
		fits   bool
	}{
		{LaneConfig{}, true},
		{LaneConfig{Rate: LaneRateMax, Concurrency: LaneConcurrencyMax}, true},
		{LaneConfig{Rate: LaneRateMax + 1}, false},
		{LaneConfig{Rate: -1}, false},
		{LaneConfig{Concurrency: LaneConcurrencyMax + 1}, false},
		{LaneConfig{Concurrency: -1}, false},
		{LaneConfig{QueueMax: -1}, false},
		{LaneConfig{EtaMax: -1}, false},
	} {
		if err := c.config.validate(); (err == nil) != c.fits {
			t.Errorf("%+v: %v", c.config, err)
		}
	}
	n := started(t, newFakeLog(), Config{
		Gateways: []Gateway{newFakeGateway(0, yes)}, Vault: &fakeVault{}, Installation: "i1", Wallets: fakeWallets{},
	})
	for rate, fits := range map[int64]bool{1: true, LaneRateMax * 1000: true, 0: false, LaneRateMax*1000 + 1: false} {
		if err := n.SetLaneRate(t.Context(), "fake", rate); (err == nil) != fits {
			t.Errorf("%d thousandths: %v", rate, err)
		}
	}
	_, err := Start(Config{Gateways: []Gateway{newFakeGateway(0, yes)}, Fatal: func(error) {}}, newFakeLog(), newFakeLog(), &engine.Recovered{})
	if err == nil {
		t.Error("a node with a gateway and without a vault starts")
	}
}
