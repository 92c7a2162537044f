package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// shop is one calling service of the demo: a NATS connection over TCP that many buyers come through. It notes what the engine answers.
type shop struct {
	client  *client.Client
	reports *client.Client // for touches: they make no hold wait
	event   string         // that it sells
	channel string
	device  string // of the buyer in front of it; none for the office
	counts  *saleCounts
	offices int // commands of the office so far: they number its request ids
}

// shopPatience is how long a shop asks for an answer before it gives up. The client sends again meanwhile, with the same request id.
const shopPatience = 20 * time.Second

// ask is what a buyer wants to hold.
type ask struct {
	items    []askItem
	fill     string
	hasMax   bool
	maxPrice int64
}

// askItem is a quantity of a counted lot, or seats of a seated one.
type askItem struct {
	lot      string
	quantity int64
	seats    []string
}

// held is a hold as the reply showed it.
type held struct {
	id    string
	total int64
}

// outcomeOf names how a command ended.
func outcomeOf(err error) string {
	var refusal *client.Refusal
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &refusal):
		return refusal.Name
	}
	return "unknown: " + err.Error()
}

// note counts how a buyer's command ended, and gives the error back.
func (s *shop) note(ctx context.Context, err error) error {
	s.counts.commands.Add(1)
	var refusal *client.Refusal
	switch {
	case err == nil || ctx.Err() != nil: // the demo was stopped: no answer is needed
	case errors.As(err, &refusal):
		s.counts.refused(refusal.Name)
	default:
		s.counts.unanswered(err)
	}
	return err
}

func (s *shop) hold(ctx context.Context, requestID, buyer string, a ask) (held, error) {
	command := &pb.HoldCommand{RequestId: requestID, Buyer: buyer, Channel: s.channel, Device: s.device, Fill: a.fill}
	if a.hasMax {
		command.MaxPriceMinor = &a.maxPrice
	}
	for _, it := range a.items {
		command.Items = append(command.Items, &pb.Item{Lot: it.lot, Quantity: it.quantity, Seats: it.seats})
	}
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	began := time.Now()
	h, err := s.client.Hold(within, s.event, command)
	s.counts.holdTook(time.Since(began))
	if s.note(ctx, err) != nil {
		return held{}, err
	}
	return held{id: h.Id, total: h.TotalMinor}, nil
}

func (s *shop) confirm(ctx context.Context, requestID, buyer, hold, paymentRef string) (toldOrder, error) {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	o, err := s.client.Confirm(within, s.event, &pb.ConfirmCommand{RequestId: requestID, Buyer: buyer, Channel: s.channel, Device: s.device, Hold: hold, PaymentRef: paymentRef})
	if s.note(ctx, err) != nil {
		return toldOrder{}, err
	}
	return told(o), nil
}

func (s *shop) release(ctx context.Context, requestID, buyer, hold string) error {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	_, err := s.client.Release(within, s.event, &pb.ReleaseCommand{RequestId: requestID, Buyer: buyer, Channel: s.channel, Device: s.device, Hold: hold})
	return s.note(ctx, err)
}

func (s *shop) extend(ctx context.Context, requestID, buyer, hold string) error {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	_, err := s.client.Extend(within, s.event, &pb.ExtendCommand{RequestId: requestID, Buyer: buyer, Channel: s.channel, Device: s.device, Hold: hold})
	return s.note(ctx, err)
}

// payAsk is what a buyer pays: an offer, or a hold with a saved method.
type payAsk struct {
	offer, hold, method string
}

func (s *shop) offer(ctx context.Context, requestID, buyer, lot string, quantity int64, method string) (*pb.Offer, error) {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	r, err := s.client.Do(within, s.event, &pb.OfferCommand{
		RequestId: requestID, Buyer: buyer, Channel: s.channel, Device: s.device, Items: []*pb.Item{{Lot: lot, Quantity: quantity}}, Method: method,
	})
	return r.GetOffer(), s.note(ctx, err)
}

func (s *shop) buy(ctx context.Context, requestID, buyer string, a payAsk) (toldPurchase, error) {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	return s.purchased(ctx)(s.client.Do(within, s.event, &pb.BuyCommand{
		RequestId: requestID, Buyer: buyer, Channel: s.channel, Device: s.device, Offer: a.offer, Hold: a.hold, Method: a.method,
	}))
}

func (s *shop) purchase(ctx context.Context, buyer, id string) (toldPurchase, error) {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	return s.purchased(ctx)(s.client.Do(within, s.event, &pb.PurchaseCommand{Buyer: buyer, Purchase: id}))
}

func (s *shop) complete(ctx context.Context, requestID, buyer, id string) (toldPurchase, error) {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	return s.purchased(ctx)(s.client.Do(within, s.event, &pb.CompleteCommand{RequestId: requestID, Buyer: buyer, Channel: s.channel, Device: s.device, Purchase: id}))
}

func (s *shop) undo(ctx context.Context, requestID, buyer, id string) (toldPurchase, error) {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	return s.purchased(ctx)(s.client.Do(within, s.event, &pb.UndoCommand{RequestId: requestID, Buyer: buyer, Channel: s.channel, Device: s.device, Purchase: id}))
}

// purchased reads what an answer says of a purchase, and of the order if it was sold.
func (s *shop) purchased(ctx context.Context) func(*pb.Reply, error) (toldPurchase, error) {
	return func(r *pb.Reply, err error) (toldPurchase, error) {
		if s.note(ctx, err) != nil {
			return toldPurchase{}, err
		}
		return toldOf(r.Purchase), nil
	}
}

// toldOf reads a purchase from a reply.
func toldOf(p *pb.Purchase) toldPurchase {
	return toldPurchase{
		id: p.Id, buyer: p.Buyer, flow: p.Flow, state: p.State, order: p.Order, hold: p.Hold, decline: p.Decline, secret: p.ClientSecret, total: p.TotalMinor, holdLives: p.HoldLives,
	}
}

// told reads an order from a reply.
func told(o *pb.Order) toldOrder {
	order := toldOrder{id: o.Id, hold: o.Hold, buyer: o.Buyer, purchase: o.Purchase, total: o.TotalMinor, currency: o.Currency}
	for _, it := range o.Items {
		order.items = append(order.items, toldItem{lot: it.Lot, quantity: it.Quantity, seats: it.Seats})
	}
	for _, ticket := range o.Tickets {
		order.tickets = append(order.tickets, ticket.Id)
	}
	return order
}

// The office: what the organiser's people do over the same wire.

func (s *shop) officeID() string {
	s.offices++
	return fmt.Sprintf("office-%d", s.offices)
}

func (s *shop) create(ctx context.Context, command *pb.CreateCommand) error {
	command.RequestId = s.officeID()
	_, err := s.client.Create(ctx, s.event, command)
	return err
}

func (s *shop) open(ctx context.Context) error {
	_, err := s.client.Open(ctx, s.event, &pb.OpenCommand{RequestId: s.officeID()})
	return err
}

// block takes free tickets out of sale, or puts them back.
func (s *shop) block(ctx context.Context, lot string, quantity int64, undo bool) error {
	var err error
	if undo {
		_, err = s.client.Unblock(ctx, s.event, &pb.UnblockCommand{RequestId: s.officeID(), Lot: lot, Quantity: quantity})
	} else {
		_, err = s.client.Block(ctx, s.event, &pb.BlockCommand{RequestId: s.officeID(), Lot: lot, Quantity: quantity})
	}
	return err
}

func (s *shop) order(ctx context.Context, buyer, id string) (toldOrder, error) {
	o, err := s.client.Order(ctx, s.event, &pb.OrderCommand{Buyer: buyer, Order: id})
	if err != nil {
		return toldOrder{}, err
	}
	return told(o), nil
}

// look reads the event.
func (s *shop) look(ctx context.Context) (*shownEvent, error) {
	e, err := s.client.Get(ctx, s.event)
	if err != nil {
		return nil, err
	}
	return shownOf(e), nil
}

// shownOf reads an event from a reply.
func shownOf(e *pb.Event) *shownEvent {
	shown := &shownEvent{state: e.State, holdsLive: e.HoldsLive, orders: e.Orders, stateHash: e.StateHash}
	for _, l := range e.Lots {
		shown.lots = append(shown.lots, shownCounts{id: l.Lot, capacity: l.Capacity, free: l.Free, held: l.Held, paying: l.Paying, sold: l.Sold, blocked: l.Blocked})
	}
	for _, p := range e.Pools {
		shown.pools = append(shown.pools, shownCounts{id: p.Pool, capacity: p.Capacity, free: p.Free, held: p.Held, paying: p.Paying, sold: p.Sold, blocked: p.Blocked})
	}
	return shown
}
