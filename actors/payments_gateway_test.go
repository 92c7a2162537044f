package actors

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// note is what the lane says to a buy.
func note(n *Node, verb engine.Verb) engine.Annotation {
	cmd := []engine.Command{{Verb: verb, Buyer: "anna", Payment: &engine.PaymentCommand{}}}
	n.annotate(&engine.Request{Account: engine.SingleAccount, Event: "e1", Commands: cmd})
	return cmd[0].Payment.Note
}

// TestAnOutageOfTheGatewayIsNoticedAndMadeGood lets a gateway be away for half an hour, before or after it has charged. Nobody is let in meanwhile, nothing is
// guessed, and all is settled within a minute of its return.
func TestAnOutageOfTheGatewayIsNoticedAndMadeGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away, charged := false, map[string]int{}
		g := newFakeGateway(100*time.Millisecond, nil)
		g.answer = func(call *payment.Call, nth int) payment.Result {
			g.mu.Lock()
			defer g.mu.Unlock()
			if call.Operation == payment.Authorise && (!away || nth%2 == 0) { // every other one is charged although nobody learns of it
				charged[call.Key]++
			}
			if away {
				return payment.Result{Answer: payment.Unknown}
			}
			return yes(call, nth)
		}
		l, events, n := fakeLane(t, g, LaneConfig{Rate: 50})
		for p := engine.PurchaseID(1); p <= 100; p++ {
			give(n, wanted(n, payment.Authorise, p))
		}
		time.Sleep(time.Second)
		g.mu.Lock()
		away = true
		g.mu.Unlock()
		time.Sleep(time.Second)
		if got := note(n, engine.VerbBuy); !got.Breaker || got.RetryAfterMs <= 0 {
			t.Fatalf("a second after the gateway is gone the lane says %+v", got)
		}
		before, told := len(g.of(payment.Authorise)), len(events.told())
		time.Sleep(30 * time.Minute)
		if got := len(g.of(payment.Authorise)) - before; got > 0 {
			t.Errorf("%d charges were sent to a gateway that does not answer", got)
		}
		if got := len(g.of(payment.LookUp)); got < 60 || got > 80 {
			t.Errorf("the gateway was probed %d times in half an hour", got)
		}
		if got := len(events.told()); got != told {
			t.Errorf("%d results were made up", got-told)
		}
		if l.show.unknown.Load() == 0 {
			t.Error("nothing is unknown")
		}
		g.mu.Lock()
		away = false
		g.mu.Unlock()
		time.Sleep(time.Minute)
		if got := note(n, engine.VerbBuy); got.Breaker {
			t.Errorf("a minute after its return the lane says %+v", got)
		}
		results := events.told()
		if len(results) != 100 || l.charges.Size() != 0 || l.show.unknown.Load() != 0 {
			t.Fatalf("a minute after its return %d of 100 charges are settled, %d are in the lane", len(results), l.charges.Size())
		}
		for p := engine.PurchaseID(1); p <= 100; p++ {
			if charged[fmt.Sprintf("hf.i1._.e1.p%d.authorise.0", p)] == 0 {
				t.Errorf("charge %d was told and not made", p)
			}
		}
		if len(charged) != 100 || len(events.intents) != 100 {
			t.Errorf("100 purchases had %d keys and %d intents", len(charged), len(events.intents))
		}
	})
}

func TestTheLaneHonoursRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(0, nil)
		limited := time.Duration(0)
		g.answer = func(call *payment.Call, nth int) payment.Result {
			if now := time.Since(g.began); limited == 0 && now > time.Second {
				limited = now
				return payment.Result{Answer: payment.NotDone, Throttled: true, RetryAfterMs: 7000}
			}
			return yes(call, nth)
		}
		l, events, n := fakeLane(t, g, LaneConfig{Rate: 20})
		for p := engine.PurchaseID(1); p <= 400; p++ {
			give(n, wanted(n, payment.Authorise, p))
		}
		time.Sleep(3 * time.Second)
		if got := note(n, engine.VerbBuy); got.Breaker {
			t.Error("a gateway that limits us is taken for one that is away")
		}
		time.Sleep(57 * time.Second)
		synctest.Wait()
		first := [3]int{}
		for _, s := range g.of(payment.Authorise) {
			switch after := s.at - limited; {
			case after > 0 && after < 7*time.Second:
				first[0]++
			case after >= 7*time.Second && after < 9*time.Second:
				first[1]++
			}
		}
		if first[0] > 0 || first[1] < 10 || first[1] > 32 {
			t.Errorf("%d calls while the gateway wanted none, %d in the 2 s behind that at half of 20 a second and growing", first[0], first[1])
		}
		if got := l.pace.effective(); got != 20 {
			t.Errorf("the rate comes back to %g", got)
		}
		if got := len(events.told()); got != 400 {
			t.Errorf("%d of 400 charges are settled", got)
		}
	})
}

// TestTooLongALineTurnsBuyersAway lets more buyers come at one moment than the lane can serve within its bound: those beyond it are told before they hold
// anything, also while the charges of the others are still on their way to the lane.
func TestTooLongALineTurnsBuyersAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newFakeGateway(0, yes)
		l, events, n := fakeLane(t, g, LaneConfig{Rate: 10, EtaMax: time.Minute})
		let := 0
		for range 10_000 {
			if got := note(n, engine.VerbBuy); !got.Busy {
				let++
			} else if got.RetryAfterMs < 1000 {
				t.Fatalf("turned away with %+v", got)
			}
		}
		if let < 290 || let > 310 { // each with a capture to come
			t.Fatalf("%d buyers were let in to a line of a minute at 10 a second", let)
		}
		if got := note(n, engine.VerbOffer); !got.Busy {
			t.Error("a buyer is offered what the lane will refuse")
		}
		for p := engine.PurchaseID(1); int(p) <= let; p++ {
			w := wanted(n, payment.Authorise, p)
			n.payments.comes(&w)
			give(n, w)
		}
		synctest.Wait()
		if coming, waiting := l.show.coming.Load(), l.show.waiting.Load(); coming != 0 || waiting < int64(let)-2 {
			t.Errorf("with all %d of them in the line %d wait, and %d are to come", let, waiting, coming)
		}
		time.Sleep(time.Minute)
		if got := len(events.told()); got != let {
			t.Errorf("%d of %d who were let in were served within the bound", got, let)
		}
		if got := note(n, engine.VerbBuy); got.Busy {
			t.Errorf("the line is empty, and the lane says %+v", got)
		}
		l.cfg.QueueMax = 2 // one is coming
		if first, second := note(n, engine.VerbBuy), note(n, engine.VerbBuy); first.Busy || !second.Busy {
			t.Errorf("with room for two, of which one is there: %+v, %+v", first, second)
		}
	})
}

// TestABuyerWhoHasToActIsWaitedFor follows a charge that needs authentication until its buyer comes back, and one whose buyer never does.
func TestABuyerWhoHasToActIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := false
		g := newFakeGateway(10*time.Millisecond, nil)
		g.answer = func(call *payment.Call, nth int) payment.Result {
			g.mu.Lock()
			defer g.mu.Unlock()
			acts := call.Operation == payment.Authorise || call.Operation == payment.LookUp
			if acts && (!back || call.Order == "hf.i1._.e1.p2") {
				return payment.Result{Answer: payment.ActionNeeded, ClientSecret: "secret of " + call.Order, Ref: "ch"}
			}
			return yes(call, nth)
		}
		_, events, n := fakeLane(t, g, LaneConfig{})
		give(n, wanted(n, payment.Authorise, 1), wanted(n, payment.Authorise, 2))
		time.Sleep(150 * time.Second)
		for _, r := range events.told() {
			if r.Answer != payment.ActionNeeded || r.ClientSecret != "" {
				t.Errorf("told %+v", r)
			}
		}
		if told, asked := len(events.told()), len(g.of(payment.LookUp)); told != 2 || asked != 4 {
			t.Errorf("told %d times, looked up %d times in 150 s", told, asked)
		}
		v := engine.PurchaseView{ID: 1, Gateway: "fake", State: engine.PurchaseActionRequired}
		n.payments.show(engine.Key{Account: engine.SingleAccount, ID: "e1"}, &v)
		if v.ClientSecret != "secret of hf.i1._.e1.p1" {
			t.Errorf("the buyer is shown %+v", v)
		}
		g.mu.Lock()
		back = true
		g.mu.Unlock()
		w := wanted(n, payment.LookUp, 1)
		give(n, w)
		w = wanted(n, payment.Cancel, 2)
		give(n, w)
		time.Sleep(2 * time.Second)
		ends := map[engine.PurchaseID]payment.Answer{}
		for _, r := range events.told()[2:] {
			ends[r.At] = r.Answer
		}
		if len(ends) != 2 || ends[1] != payment.Authorised || ends[2] != payment.Voided {
			t.Errorf("they end %v", ends)
		}
	})
}
