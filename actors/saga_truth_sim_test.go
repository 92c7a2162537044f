package actors

import (
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// compare holds what the engine says against what the gateway did, both ways.
func (w *sagaWorld) compare() {
	truth := w.sandbox.Truth()
	if truth.Misuses > 0 {
		w.t.Errorf("%d requests came with a key that had come with other bytes before", truth.Misuses)
	}
	known := map[string]bool{}
	tickets := map[string]int64{}
	for _, s := range w.sagas {
		if s.purchase == "" {
			w.t.Errorf("%s was never told of a purchase", s.buyer)
			continue
		}
		order := strings.Join([]string{"hf", sagaInstallation, engine.SingleAccount, s.event, s.purchase}, ".")
		known[order] = true
		tickets[s.event] += w.judge(s, truth.Orders[order])
	}
	for order, money := range truth.Orders {
		if !known[order] && (money.TakenMinor != 0 || money.ReservedMinor != 0) {
			w.t.Errorf("the gateway has charged %s, which no buyer knows: %+v", order, money)
		}
	}
	for i := range sagaEvents {
		a := w.get(w.event(i))
		if a.Sold != tickets[w.event(i)] || a.Held != 0 || a.Paying != 0 {
			w.t.Errorf("%s: %d tickets were sold to buyers, the event has %+v", w.event(i), tickets[w.event(i)], a)
		}
	}
	if err := w.node.Stop(w.t.Context()); err != nil {
		w.t.Errorf("stop: %v", err)
	}
	time.Sleep(time.Second) // the disk comes to rest
}

func (w *sagaWorld) get(event string) engine.Counts {
	a := ask(w.t, w.node, event, engine.Command{Verb: engine.VerbGet})
	if len(a.lots) != 1 {
		w.t.Fatalf("get %s: %v", event, a.code)
	}
	return a.lots[0]
}

// judge compares one purchase with the money that was moved for it, and returns how many tickets the buyer has.
func (w *sagaWorld) judge(s *saga, money sandbox.OrderOfMoney) int64 {
	a, _ := w.ask(s.event, engine.Command{Verb: engine.VerbPurchase, Buyer: s.buyer, Payment: &engine.PaymentCommand{Purchase: s.purchase}})
	if a.code != engine.CodeOK {
		w.t.Errorf("purchase %s of %s: %v", s.purchase, s.event, a.code)
		return 0
	}
	p := &a.purchase
	fail := func(what string) {
		w.t.Errorf("%s of %s, %s: %s. The engine says %v, %v, %d %s; the gateway %+v", s.purchase, s.event, s.buyer, what, p.State, p.Charge, p.TotalMinor, p.Currency, money)
	}
	if money.Charges > 1 {
		fail("charged more than once")
	}
	if money.ReservedMinor != 0 || money.Undecided != 0 {
		fail("money is still reserved or undecided after everything has ended")
	}
	if !p.State.Final() {
		fail("it never ended")
		return 0
	}
	keeps := a.tickets
	want := int64(0)
	if p.State == engine.PurchaseSold && keeps > 0 {
		want = p.TotalMinor
		if p.Charge != engine.ChargeCaptured && p.Charge != engine.ChargeCaptureFailed {
			fail("its tickets are not paid")
		}
	}
	if p.Charge == engine.ChargeCaptureFailed {
		want = 0
	}
	if money.TakenMinor != want {
		if want == 0 {
			fail("charged without a ticket")
		} else {
			fail("tickets without a charge")
		}
	}
	return keeps
}
