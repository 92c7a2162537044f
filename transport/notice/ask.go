package notice

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Engine takes requests. It is what a [Reader] needs from the actors.
type Engine interface {
	// Submit hands a request to the actor of its event; with CodeOK its Replier will be told.
	Submit(*engine.Request) engine.Code
}

// about is what an event says about facts, copied from its own memory.
type about struct {
	event  Event
	names  map[string]string // of lots, for people
	orders int64
	// soldOut is set if nothing is left, and nothing can come back but by a refund.
	soldOut bool
	told    []toldView
}

// toldView is what one fact is about, as it is now. What has been forgotten since is empty.
type toldView struct {
	hold     *engine.HoldView
	order    *engine.OrderView
	purchase *engine.PurchaseView
	refund   *engine.RefundView
	ticket   *engine.TicketView
	waiter   *engine.WaiterView
}

// asking is one question to an event: the event itself, and what its facts are about. It is the Replier of its request.
type asking struct {
	request engine.Request
	answer  about
	refused engine.Code
	done    chan struct{}
}

// retryAfter is how long a reader waits when an event cannot be asked right now.
const retryAfter = 100 * time.Millisecond

// ask asks an event what its facts are about, until it answers. It is false if it never will: it is archived, set aside, or not there.
func ask(ctx context.Context, e Engine, account, event string, facts []engine.Told) (*about, engine.Code, error) {
	for {
		a := &asking{done: make(chan struct{})}
		commands := make([]engine.Command, 1, len(facts)+1)
		commands[0].Verb = engine.VerbGet
		for i := range facts {
			commands = append(commands, engine.Command{Verb: engine.VerbTell, Payment: &engine.PaymentCommand{Told: &facts[i]}})
		}
		a.request = engine.Request{Account: account, Event: event, Commands: commands, Reply: a}
		code := e.Submit(&a.request)
		if code == engine.CodeOK {
			select {
			case <-a.done:
			case <-ctx.Done():
				return nil, code, ctx.Err()
			}
			if code = a.refused; code == engine.CodeOK {
				return &a.answer, code, nil
			}
		}
		if code != engine.CodeOverloaded && code != engine.CodeUnavailable { // a quarantined event must not hold up the others
			return nil, code, nil
		}
		if err := sleep(ctx, retryAfter); err != nil {
			return nil, code, err
		}
	}
}

// Outcome implements [engine.Replier]: it copies what the event shows.
func (a *asking) Outcome(_ *engine.Request, i int, out *engine.Outcome) {
	if out.Code != engine.CodeOK {
		a.refused = out.Code
		return
	}
	if i == 0 {
		a.answer.take(&out.Event)
		return
	}
	var v toldView
	if out.Shows&engine.ShowsHold != 0 {
		hold := out.Hold
		hold.Event, hold.Buyer, hold.Items = strings.Clone(hold.Event), strings.Clone(hold.Buyer), copyItems(hold.Items)
		v.hold = &hold
	}
	if out.Shows&engine.ShowsOrder != 0 {
		order := out.Order
		order.Event, order.Buyer, order.PaymentRef = strings.Clone(order.Event), strings.Clone(order.Buyer), strings.Clone(order.PaymentRef)
		order.Items, order.Marks, order.Refunds = copyItems(order.Items), slices.Clone(order.Marks), slices.Clone(order.Refunds)
		v.order = &order
	}
	if out.Shows&engine.ShowsPurchase != 0 {
		p := *out.Purchase
		p.Event, p.Buyer, p.Gateway, p.Method = strings.Clone(p.Event), strings.Clone(p.Buyer), strings.Clone(p.Gateway), strings.Clone(p.Method)
		v.purchase = &p
	}
	if out.Shows&engine.ShowsRefund != 0 {
		r := *out.Refund
		r.Tickets = slices.Clone(r.Tickets)
		v.refund = &r
	}
	if out.Shows&engine.ShowsTicket != 0 {
		t := *out.Ticket
		t.Lot, t.Seat, t.Gate = strings.Clone(t.Lot), strings.Clone(t.Seat), strings.Clone(t.Gate)
		v.ticket = &t
	}
	if out.Shows&engine.ShowsWaiter != 0 {
		w := out.Waiter
		v.waiter = &engine.WaiterView{Buyer: strings.Clone(w.Buyer), State: w.State, AutoBuy: w.AutoBuy, Wishes: slices.Clone(w.Wishes)}
		for i := range v.waiter.Wishes {
			v.waiter.Wishes[i].Lot = strings.Clone(v.waiter.Wishes[i].Lot)
		}
	}
	a.answer.told = append(a.answer.told, v)
}

// Durable implements [engine.Replier].
func (a *asking) Durable(*engine.Request) { close(a.done) }

// take copies the event.
func (b *about) take(v *engine.EventView) {
	s := v.Spec
	b.event = Event{
		ID: strings.Clone(v.ID), State: v.State.String(), Name: strings.Clone(s.Name), Performer: strings.Clone(s.Performer), Venue: strings.Clone(s.Venue),
		City: strings.Clone(s.City), Country: strings.Clone(s.Country), TimeZone: strings.Clone(s.TimeZone), DoorsAt: momentOrNone(s.DoorsAt), StartsAt: momentOrNone(s.StartsAt),
	}
	b.orders = v.Orders
	b.soldOut = v.State == engine.EventOnSale && v.Orders > 0
	b.names = make(map[string]string, len(v.Lots))
	for i := range v.Lots {
		l := &v.Lots[i]
		if l.Free+l.Held+l.Paying > 0 {
			b.soldOut = false
		}
		if l.Spec.Name != "" {
			b.names[strings.Clone(l.Spec.Lot)] = strings.Clone(l.Spec.Name)
		}
	}
}

func copyItems(items []engine.ItemView) []engine.ItemView {
	items = slices.Clone(items)
	for i := range items {
		it := &items[i]
		it.Lot, it.Fees, it.Seats = strings.Clone(it.Lot), slices.Clone(it.Fees), slices.Clone(it.Seats)
		for j := range it.Fees {
			it.Fees[j].Name = strings.Clone(it.Fees[j].Name)
		}
		for j := range it.Seats {
			it.Seats[j] = strings.Clone(it.Seats[j])
		}
	}
	return items
}

// sleep waits, or fails when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("notices: %w", ctx.Err())
	}
}
