package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// bridge is between the shop page and the engine: it asks over NATS in the name of the visitor, and says in words what came of it. It keeps no
// state of purchases: each answer is the engine's.
type bridge struct {
	client *client.Client
	sale   *sale  // of the event that the page sells
	letIn  func() // lets the crowd in, once
	// openDoors opens a sale with a line, once.
	openDoors func(context.Context) error
	// introduce brings buyers along with their purchases and saved cards.
	introduce func(context.Context, []knownBuyer) error
}

// visitChannel is what the page's commands say they came through.
const visitChannel = "web"

// pageWait is how long the page waits for the end of a purchase before it shows where it is.
const pageWait = 400 * time.Millisecond

// secretPause is how long the bridge waits before it asks again for what the buyer's bank needs.
const secretPause = 50 * time.Millisecond

func (b *bridge) event() string { return b.sale.plan.event }

// visitor is a person in front of the page.
type visitor struct {
	buyer string
	cards []demoCard

	mu       sync.Mutex
	pictures map[string][]byte // codes of the visitor's tickets, by the name of their file
	seen     []string          // the same, oldest first
	device   string            // the class of device that the page has reported last
	asked    askedOf
	clicked  map[string]bool  // orders of purchases that the visitor has made
	bought   map[int64]string // purchases that were made for them, by the number of the waiter: no more than the engine lets them wait
}

// picturesMax bounds the codes that are kept for a visitor: what they may buy, in several purchases.
const picturesMax = 64

// uses notes on what the visitor looks at the page.
func (v *visitor) uses(device string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.device = device
}

func (v *visitor) usedDevice() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.device
}

func (v *visitor) picture(file string) ([]byte, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	picture, ok := v.pictures[file]
	return picture, ok
}

func (v *visitor) keep(file string, picture []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, again := v.pictures[file]; !again {
		v.seen = append(v.seen, file)
	}
	v.pictures[file] = picture
	if len(v.seen) > picturesMax {
		delete(v.pictures, v.seen[0])
		v.seen = v.seen[1:]
	}
}

// card is one of the visitor's saved cards.
func (v *visitor) card(method string) demoCard {
	for _, c := range v.cards {
		if c.method == method {
			return c
		}
	}
	return demoCard{}
}

// welcome makes a new visitor, who has bought before and has saved cards.
func (b *bridge) welcome(ctx context.Context) (*visitor, error) {
	v := &visitor{buyer: newVisitorName(), cards: visitorCards(), pictures: map[string][]byte{}, clicked: map[string]bool{}, bought: map[int64]string{}}
	for i := range v.cards {
		v.cards[i].token += "." + v.buyer // cards of other visitors are other cards
	}
	if err := b.introduce(ctx, []knownBuyer{{id: v.buyer, cards: v.cards, autoBuy: b.sale.plan.line != nil}}); err != nil {
		return nil, err
	}
	return v, nil
}

// shownVisit is what the page shows of the event, the lots and the cards.
type shownVisit struct {
	Name      string      `json:"name"`
	Performer string      `json:"performer"`
	Venue     string      `json:"venue"`
	City      string      `json:"city"`
	Date      string      `json:"date"`
	Buyer     string      `json:"buyer"`
	Crowd     int         `json:"crowd"`
	Currency  string      `json:"currency"`
	Decimals  int         `json:"decimals"`
	Limit     int64       `json:"limit"`
	UndoMs    int64       `json:"undo_ms"`
	Line      bool        `json:"line"` // it sells through a line
	Code      string      `json:"code"` // that visitors may try; empty if there are none
	Lots      []shownLot  `json:"lots"`
	Methods   []shownCard `json:"methods"`
}

type shownLot struct {
	Lot        string `json:"lot"`
	Name       string `json:"name"`
	FaceMinor  int64  `json:"face_minor"`
	FeesMinor  int64  `json:"fees_minor"`
	TotalMinor int64  `json:"total_minor"`
	Seated     bool   `json:"seated"`
	CodeOnly   bool   `json:"code_only"`
}

type shownCard struct {
	Method   string `json:"method"`
	Brand    string `json:"brand"`
	LastFour string `json:"last_four"`
	Does     string `json:"does"`
}

func (b *bridge) show(v *visitor) *shownVisit {
	p := &b.sale.plan
	exponent, _ := engine.CurrencyExponent(demoCurrency)
	shown := &shownVisit{
		Name: p.name, Performer: demoPerformer, Venue: demoVenue, City: demoCity, Date: p.startsAt.Format("Monday 2 January 2006, 15:04"),
		Buyer: v.buyer, Crowd: b.sale.buyers, Currency: demoCurrency, Decimals: exponent, Limit: demoLimit, UndoMs: p.undo.Milliseconds(),
		Line: p.line != nil,
	}
	if len(p.codes) > 0 {
		shown.Code = p.codes[0].Code
	}
	for i := range p.lots {
		l := &p.lots[i]
		shown.Lots = append(shown.Lots, shownLot{Lot: l.id, Name: l.name, FaceMinor: l.face, FeesMinor: l.fee, TotalMinor: l.price(), Seated: l.seated(), CodeOnly: l.codeOnly})
	}
	for _, c := range v.cards {
		shown.Methods = append(shown.Methods, shownCard{Method: c.method, Brand: c.brand, LastFour: c.lastFour, Does: c.does})
	}
	return shown
}

// counts is where the tickets are, as the office read it a moment ago.
func (b *bridge) counts(context.Context, *visitor, struct{}) (any, error) {
	shown, c := b.sale.shown.Load(), &b.sale.counts
	a := map[string]any{"crowd": b.sale.crowdState(), "shopping": c.shopping.Load(), "served": c.served.Load()}
	var capacity, free, held, paying, sold int64
	for i := range shown.lots {
		l := &shown.lots[i]
		capacity, free, held, paying, sold = capacity+l.capacity, free+l.free, held+l.held, paying+l.paying, sold+l.sold
	}
	maps.Copy(a, map[string]any{"capacity": capacity, "free": free, "held": held, "paying": paying, "sold": sold})
	return a, nil
}

// rush lets the crowd in. A second time changes nothing.
func (b *bridge) rush(context.Context, *visitor, struct{}) (any, error) {
	b.letIn()
	return struct{}{}, nil
}

// asksFor is what the visitor chose.
type asksFor struct {
	RequestID string `json:"request_id"`
	Lot       string `json:"lot"`
	Quantity  int64  `json:"quantity"`
	Method    string `json:"method"`
	Code      string `json:"code"`
}

func (q *asksFor) items() []*pb.Item { return []*pb.Item{{Lot: q.Lot, Quantity: q.Quantity}} }

func (b *bridge) offer(ctx context.Context, v *visitor, q asksFor) (any, error) {
	r, err := b.client.Do(ctx, b.event(), &pb.OfferCommand{RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Items: q.items(), Method: q.Method, Code: q.Code})
	if err != nil {
		return nil, err
	}
	o := r.Offer
	if !o.OneClick {
		return map[string]any{"one_click": false, "why": whyNoOneClick(o.Reason)}, nil
	}
	return map[string]any{
		"one_click": true, "offer": o.Id, "method": o.Method, "total_minor": o.TotalMinor, "brand": o.Brand, "last_four": o.LastFour, "expires_in_ms": time.Until(o.ExpiresAt.AsTime()).Milliseconds(),
	}, nil
}

func (b *bridge) buy(ctx context.Context, v *visitor, q struct {
	RequestID string `json:"request_id"`
	Offer     string `json:"offer"`
	Method    string `json:"method"`
},
) (any, error) {
	wait := pageWait.Milliseconds()
	return b.purchased(b.client.Do(ctx, b.event(), &pb.BuyCommand{
		RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Offer: q.Offer, Method: q.Method, WaitMs: &wait,
	}))(v)
}

func (b *bridge) pay(ctx context.Context, v *visitor, q struct {
	RequestID string `json:"request_id"`
	Hold      string `json:"hold"`
	Method    string `json:"method"`
},
) (any, error) {
	wait := pageWait.Milliseconds()
	return b.purchased(b.client.Do(ctx, b.event(), &pb.BuyCommand{
		RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Hold: q.Hold, Method: q.Method, WaitMs: &wait,
	}))(v)
}

func (b *bridge) hold(ctx context.Context, v *visitor, q asksFor) (any, error) {
	h, err := b.client.Hold(ctx, b.event(), &pb.HoldCommand{RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Items: q.items(), Code: q.Code})
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": h.Id, "total_minor": h.TotalMinor, "left_ms": time.Until(h.ExpiresAt.AsTime()).Milliseconds()}, nil
}

func (b *bridge) release(ctx context.Context, v *visitor, q struct {
	RequestID string `json:"request_id"`
	Hold      string `json:"hold"`
},
) (any, error) {
	_, err := b.client.Release(ctx, b.event(), &pb.ReleaseCommand{RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Hold: q.Hold})
	return struct{}{}, err
}

type asksForPurchase struct {
	Purchase string `json:"purchase"`
}

func (b *bridge) purchase(ctx context.Context, v *visitor, q asksForPurchase) (any, error) {
	return b.purchased(b.client.Do(ctx, b.event(), &pb.PurchaseCommand{Buyer: v.buyer, Purchase: q.Purchase}))(v)
}

// authenticate is what the buyer's bank does when the buyer answers it, and then what the shop does when the buyer comes back.
func (b *bridge) authenticate(ctx context.Context, v *visitor, q struct {
	Purchase string `json:"purchase"`
	Approve  bool   `json:"approve"`
},
) (any, error) {
	for {
		r, err := b.client.Do(ctx, b.event(), &pb.PurchaseCommand{Buyer: v.buyer, Purchase: q.Purchase})
		if err != nil {
			return nil, err
		}
		if r.Purchase.State != engine.PurchaseActionRequired.String() {
			break
		}
		if secret := r.Purchase.ClientSecret; secret != "" {
			if err := b.sale.sandbox.Authenticate(secret, q.Approve); err != nil {
				return nil, &pageRefusal{Code: "bank_unknown", Message: "The bank has no such question any more."}
			}
			break
		}
		select { // the engine is asking the gateway for it: it keeps none
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(secretPause):
		}
	}
	return b.purchased(b.client.Do(ctx, b.event(), &pb.CompleteCommand{RequestId: rand.Text(), Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Purchase: q.Purchase}))(v)
}

func (b *bridge) undo(ctx context.Context, v *visitor, q struct {
	RequestID string `json:"request_id"`
	Purchase  string `json:"purchase"`
},
) (any, error) {
	_, err := b.client.Do(ctx, b.event(), &pb.UndoCommand{RequestId: q.RequestID, Buyer: v.buyer, Channel: visitChannel, Device: v.usedDevice(), Purchase: q.Purchase})
	return struct{}{}, err
}

// tickets reads the codes of what a purchase has bought.
func (b *bridge) tickets(ctx context.Context, v *visitor, q asksForPurchase) (any, error) {
	return b.purchased(b.client.Do(ctx, b.event(), &pb.PurchaseCommand{Buyer: v.buyer, Purchase: q.Purchase, Codes: true}))(v)
}

// shownPurchase is a purchase as the page shows it. Times are what is left of them: the browser's clock may be wrong.
type shownPurchase struct {
	ID          string        `json:"id"`
	State       string        `json:"state"`
	Final       bool          `json:"final"`
	LanePlace   int64         `json:"lane_place"`
	EtaMs       int64         `json:"eta_ms"`
	TotalMinor  int64         `json:"total_minor"`
	FeesMinor   int64         `json:"fees_minor"`
	Method      string        `json:"method"`
	Why         string        `json:"why"`
	Hold        string        `json:"hold"`
	HoldLives   bool          `json:"hold_lives"`
	HoldLeftMs  int64         `json:"hold_left_ms"`
	UndoLeftMs  int64         `json:"undo_left_ms"`
	Order       string        `json:"order"`
	Undone      bool          `json:"undone"`
	Items       string        `json:"items"`
	TicketCount int64         `json:"ticket_count"`
	Tickets     []shownTicket `json:"tickets"`
}

type shownTicket struct {
	Ticket  string `json:"ticket"`
	LotName string `json:"lot_name"`
	Seat    string `json:"seat"`
	QR      string `json:"qr,omitempty"`
}

// purchased makes what the page shows of an answer about a purchase.
func (b *bridge) purchased(r *pb.Reply, err error) func(*visitor) (any, error) {
	return func(v *visitor) (any, error) {
		if err != nil {
			return nil, err
		}
		p := r.Purchase
		shown := &shownPurchase{
			ID: p.Id, State: p.State, LanePlace: p.LanePlace, EtaMs: p.EtaMs, TotalMinor: p.TotalMinor, Method: p.Method, Hold: p.Hold, Order: p.Order, Undone: p.Undone, HoldLives: p.HoldLives,
		}
		switch p.State {
		case engine.PurchaseSold.String():
			shown.Final, shown.UndoLeftMs = true, left(p.UndoUntil)
			v.clicks(p.Order)
			return shown, b.addOrder(v, r.Order, shown)
		case engine.PurchaseDeclined.String():
			c := v.card(p.Method)
			shown.Final, shown.HoldLeftMs = true, left(p.HoldUntil)
			shown.Why = fmt.Sprintf("%s %s was declined: %s.", c.brand, c.lastFour, declineWords(p.Decline))
		case engine.PurchaseReleased.String():
			shown.Final, shown.Why = true, "The payment did not come to an end in time."
		}
		return shown, nil
	}
}

// left is how many milliseconds are left until a moment.
func left(until interface{ AsTime() time.Time }) int64 {
	return max(time.Until(until.AsTime()).Milliseconds(), 0)
}

// addOrder adds what was bought, and draws the codes if they were asked for.
func (b *bridge) addOrder(v *visitor, o *pb.Order, shown *shownPurchase) error {
	var items []string
	for _, it := range o.GetItems() {
		items = append(items, fmt.Sprintf("%d × %s", it.Quantity, b.lotName(it.Lot)))
		for _, fee := range it.Fees {
			shown.FeesMinor += fee.Minor * it.Quantity
		}
	}
	shown.Items, shown.TicketCount = strings.Join(items, ", "), o.GetTicketCount()
	for _, t := range o.GetTickets() {
		row := shownTicket{Ticket: t.Id, LotName: b.lotName(t.Lot), Seat: t.Seat}
		if t.Code != "" {
			q, err := ticket.Draw(t.Code)
			if err != nil {
				return fmt.Errorf("draw the code of ticket %s: %w", t.Id, err)
			}
			file := fmt.Sprintf("%s-%d.svg", t.Id, t.Generation)
			v.keep(file, q.SVG())
			row.QR = "qr/" + file
		}
		shown.Tickets = append(shown.Tickets, row)
	}
	return nil
}

func (b *bridge) lotName(id string) string {
	if l := b.sale.plan.lot(id); l != nil {
		return l.name
	}
	return id
}
