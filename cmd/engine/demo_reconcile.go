package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// The reconciliation holds three sources against each other that know nothing of one another: what buyers were told, what the engine says of each of
// its orders, and what the sandbox did with money.

// keptOrder is an order as the engine has it, whoever was told of it.
type keptOrder struct {
	id, purchase, buyer, charge string
	total                       int64
	tickets                     int64
	refunded                    int64
}

// keptOrders asks the engine for every order that it counts, one by one.
func (p *process) keptOrders(ctx context.Context, account, event string, count int64) ([]keptOrder, error) {
	orders := make([]keptOrder, 0, count)
	for first := int64(1); first <= count; first += engine.CommandsPerRequestMax {
		r := &orderReader{orders: &orders, durable: make(chan struct{})}
		q := &engine.Request{Account: account, Event: event, Reply: r}
		for id := first; id <= min(first+engine.CommandsPerRequestMax-1, count); id++ {
			told := &engine.Told{Order: engine.OrderID(id)}
			q.Commands = append(q.Commands, engine.Command{Verb: engine.VerbTell, Payment: &engine.PaymentCommand{Told: told}})
		}
		if code := p.node.Submit(q); code != engine.CodeOK {
			return nil, fmt.Errorf("read the orders of %s: %s", event, code)
		}
		select {
		case <-r.durable:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if r.refused != engine.CodeOK {
			return nil, fmt.Errorf("read the orders of %s: %s", event, r.refused)
		}
	}
	return orders, nil
}

// orderReader takes what the engine says of orders. It implements engine.Replier.
type orderReader struct {
	orders  *[]keptOrder
	refused engine.Code
	durable chan struct{}
}

// Outcome implements engine.Replier.
func (r *orderReader) Outcome(_ *engine.Request, _ int, out *engine.Outcome) {
	o := &out.Order
	if out.Code != engine.CodeOK || o.ID == 0 {
		r.refused = cmp.Or(out.Code, engine.CodeOrderUnknown)
		return
	}
	kept := keptOrder{
		id: string(engine.AppendOrderID(nil, o.ID, o.Incarnation)), buyer: strings.Clone(o.Buyer), charge: o.Charge.String(),
		total: o.TotalMinor, tickets: o.Tickets, refunded: o.RefundedMinor,
	}
	if o.Purchase != 0 {
		kept.purchase = string(engine.AppendPurchaseID(nil, o.Purchase, o.PurchaseIn))
	}
	*r.orders = append(*r.orders, kept)
}

// Durable implements engine.Replier.
func (r *orderReader) Durable(*engine.Request) { close(r.durable) }

// side is what one of the three sources comes to.
type side struct {
	orders, tickets   int64 // sold, and not taken back
	paid              int64 // of the orders: through the engine
	taken             int64 // minor units, of those paid
	undone            int64 // sold, and taken back in time
	refunded          int64 // sold, and given back later
	declined          int64
	reserved, waiting int64 // must be nothing at the end
}

// reconciliation is the three sides, and what does not fit.
type reconciliation struct {
	books, engine, gateway side
	off                    []string
}

func (r *reconciliation) offBy(format string, args ...any) {
	r.off = append(r.off, fmt.Sprintf(format, args...))
}

// reconcile compares the three sources, purchase by purchase, in every direction. prefix is what the gateway calls the event's charges by.
func reconcile(told []toldOrder, purchases map[string]toldPurchase, kept []keptOrder, truth *sandbox.Truth, prefix string) *reconciliation {
	r := &reconciliation{}
	r.addBooks(told, purchases)
	sold := r.addEngine(kept, purchases)
	r.addGateway(truth, purchases, prefix)
	for _, id := range slices.Sorted(maps.Keys(purchases)) {
		p := purchases[id]
		money, known := truth.Orders[prefix+id]
		order, isSold := sold[id]
		switch {
		case !p.final():
			r.offBy("purchase %s came to no end: its buyer was told last that it is %s", id, p.state)
		case p.state == engine.PurchaseSold.String() && !isSold:
			r.offBy("purchase %s was sold, says its buyer, and the engine has no order of it", id)
		case p.state != engine.PurchaseSold.String() && isSold:
			r.offBy("purchase %s was %s, says its buyer, and the engine has order %s of it", id, p.state, order.id)
		}
		due := int64(0)
		if p.state == engine.PurchaseSold.String() && !p.undone && !p.refunded {
			due = p.total
		}
		if isSold && order.total != p.total {
			r.offBy("order %s costs %d minor units, purchase %s promised %d", order.id, order.total, id, p.total)
		}
		if money.TakenMinor != due || money.ReservedMinor != 0 || money.Undecided != 0 {
			r.offBy("purchase %s: %d minor units are due, the gateway took %d, keeps %d reserved and has %d charges undecided", id, due, money.TakenMinor, money.ReservedMinor, money.Undecided)
		}
		if money.Charges > 1 {
			r.offBy("purchase %s was charged %d times", id, money.Charges)
		}
		if due > 0 && !known {
			r.offBy("purchase %s has tickets, and the gateway has no charge", id)
		}
	}
	if truth.Misuses > 0 {
		r.offBy("%d requests came to the gateway under a key that had come with other bytes before", truth.Misuses)
	}
	if len(r.off) == 0 && (r.books.tickets != r.engine.tickets || r.books.orders != r.engine.orders || r.books.taken != r.gateway.taken || r.engine.taken != r.gateway.taken) {
		r.offBy("the sums differ: %+v of the buyers, %+v of the engine, %+v of the gateway", r.books, r.engine, r.gateway)
	}
	return r
}

func (r *reconciliation) addBooks(told []toldOrder, purchases map[string]toldPurchase) {
	for i := range told {
		r.books.orders++
		r.books.tickets += int64(len(told[i].tickets))
	}
	for _, p := range purchases {
		switch {
		case p.undone:
			r.books.undone++
		case p.refunded:
			r.books.refunded++
		case p.state == engine.PurchaseSold.String():
			r.books.paid++
			r.books.taken += p.total
		case p.state == engine.PurchaseDeclined.String():
			r.books.declined++
		}
	}
}

func (r *reconciliation) addEngine(kept []keptOrder, purchases map[string]toldPurchase) map[string]keptOrder {
	sold := map[string]keptOrder{}
	for _, o := range kept {
		if o.purchase != "" {
			if before, twice := sold[o.purchase]; twice {
				r.offBy("purchase %s was sold twice, as order %s and as order %s", o.purchase, before.id, o.id)
			}
			sold[o.purchase] = o
			if p, known := purchases[o.purchase]; !known || p.buyer != o.buyer {
				r.offBy("the engine has order %s of purchase %s for %s, of which that buyer was not told", o.id, o.purchase, o.buyer)
			}
		}
		if o.refunded > 0 && o.refunded == o.total {
			r.engine.refunded++
			continue
		}
		switch o.charge {
		case engine.ChargeVoided.String():
			r.engine.undone++
		case engine.ChargeCaptured.String():
			r.engine.orders, r.engine.tickets = r.engine.orders+1, r.engine.tickets+o.tickets
			r.engine.paid, r.engine.taken = r.engine.paid+1, r.engine.taken+o.total-o.refunded
		case engine.ChargeNone.String():
			r.engine.orders, r.engine.tickets = r.engine.orders+1, r.engine.tickets+o.tickets
		default:
			r.offBy("the charge of order %s is %s, although there was time", o.id, o.charge)
		}
	}
	return sold
}

func (r *reconciliation) addGateway(truth *sandbox.Truth, purchases map[string]toldPurchase, prefix string) {
	for _, name := range slices.Sorted(maps.Keys(truth.Orders)) {
		id, ours := strings.CutPrefix(name, prefix)
		if !ours {
			continue
		}
		o := truth.Orders[name]
		if _, known := purchases[id]; !known {
			r.offBy("the gateway has charges of %s, and no buyer was told of such a purchase", name)
		}
		r.gateway.taken += o.TakenMinor
		r.gateway.reserved += o.ReservedMinor
		r.gateway.waiting += int64(o.Undecided)
		if o.TakenMinor > 0 {
			r.gateway.paid++
		}
	}
	for i := range truth.Charges {
		c := &truth.Charges[i]
		if !strings.HasPrefix(c.Order, prefix) {
			continue
		}
		switch c.State {
		case sandbox.Declined:
			r.gateway.declined++
		case sandbox.Voided:
			r.gateway.undone++
		case sandbox.Captured:
			if len(c.Refunds) > 0 && truth.Orders[c.Order].TakenMinor == 0 {
				r.gateway.refunded++
			}
		case sandbox.Waiting, sandbox.Undecided, sandbox.Authorised:
		}
	}
}

// print writes the three sides beside one another, and what is off.
func (r *reconciliation) print(w io.Writer) {
	b, e, g := &r.books, &r.engine, &r.gateway
	fmt.Fprintf(w, "\nReconciliation          %16s %16s %16s\n", "buyers' books", "engine's orders", "sandbox")
	row := func(what string, cells ...string) {
		fmt.Fprintf(w, "  %-21s %16s %16s %16s\n", what, cells[0], cells[1], cells[2])
	}
	row("tickets sold", thousands(b.tickets), thousands(e.tickets), "")
	row("orders", thousands(b.orders), thousands(e.orders), "")
	row("paid through us", thousands(b.paid), thousands(e.paid), thousands(g.paid))
	row("money taken", money(b.taken, demoCurrency), money(e.taken, demoCurrency), money(g.taken, demoCurrency))
	row("taken back in time", thousands(b.undone), thousands(e.undone), thousands(g.undone))
	row("given back later", thousands(b.refunded), thousands(e.refunded), thousands(g.refunded))
	row("declined", thousands(b.declined), "", thousands(g.declined))
	row("reserved, undecided", "", "", fmt.Sprintf("%d, %d", g.reserved, g.waiting))
	if len(r.off) == 0 {
		fmt.Fprintf(w, "  difference: 0 tickets, 0 orders, %s\n", money(0, demoCurrency))
		return
	}
	fmt.Fprintf(w, "  difference: OFF, in %d ways.\n", len(r.off))
	for i, what := range r.off[:min(len(r.off), brokenMax)] {
		fmt.Fprintf(w, "  %d. %s\n", i+1, what)
	}
}

const (
	settleEvery    = 200 * time.Millisecond
	settlePatience = time.Minute
)

// settled waits until every charge has come to its end: captures follow when the time to undo is over, voids when the lane has a place for them.
func (p *process) settled(ctx context.Context, s *sale) ([]keptOrder, error) {
	deadline := time.Now().Add(settlePatience)
	for {
		kept, err := p.keptOrders(ctx, engine.SingleAccount, s.plan.event, s.shown.Load().orders)
		if err != nil {
			return nil, err
		}
		open := slices.ContainsFunc(kept, func(o keptOrder) bool {
			return o.charge != engine.ChargeNone.String() && o.charge != engine.ChargeCaptured.String() && o.charge != engine.ChargeVoided.String()
		})
		if !open || time.Now().After(deadline) {
			return kept, nil // what is still open is printed as off
		}
		t := time.NewTimer(settleEvery)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil, ctx.Err()
		case <-t.C:
		}
	}
}
