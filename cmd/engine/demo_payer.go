package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// paysBy is how a buyer pays.
type paysBy uint8

const (
	paysElsewhere paysBy = iota // to somebody else, who then confirms the hold
	paysStandard                // holds, and pays the hold through the engine
	paysOneClick                // offer and buy, with a saved card
)

// What one in a hundred buyers, or so, pays with and does about it.
const (
	percentElsewhere = 15
	percentOneClick  = 40
	percentDismiss   = 6  // are shown the button, and would rather go step by step
	percentUndo      = 4  // take a purchase back as soon as it is sold
	percentRefuse    = 10 // of those whom the bank asks: say no
	percentTimeout   = 20 // of those whose first card would make the gateway time out: it does
	percentUnhappy   = 22 // have a first card on which the sandbox does something else than to succeed
)

// demoCard is a saved card of the sandbox. What it does is in its token.
type demoCard struct {
	method, token, brand, lastFour, does string
}

// unhappyCards are what can go wrong, or slowly, with a card.
var unhappyCards = [...]demoCard{
	{token: "sbx_decline_soft", lastFour: "9995", does: "is declined: not enough money"},
	{token: "sbx_decline_hard", lastFour: "9987", does: "is declined for good"},
	{token: "sbx_auth", lastFour: "3220", does: "its bank asks whether it is you"},
	{token: "sbx_timeout_charged", lastFour: "8001", does: "the answer is lost after the charge"},
	{token: "sbx_timeout_before", lastFour: "8002", does: "the request is lost"},
	{token: "sbx_slow_2000", lastFour: "8003", does: "pays, slowly"},
	{token: "sbx_pending_300", lastFour: "8005", does: "is decided later"},
	{token: "sbx_decline_expired", lastFour: "0069", does: "has expired, says the bank"},
}

// visitorCards are the saved cards of somebody in front of the shop page.
func visitorCards() []demoCard {
	return []demoCard{
		{method: "m1", token: "sbx_ok", brand: "Visa", lastFour: "4242", does: "pays"},
		{method: "m2", token: "sbx_auth", brand: "Visa", lastFour: "3220", does: "its bank asks whether it is you"},
		{method: "m3", token: "sbx_decline_soft", brand: "Mastercard", lastFour: "9995", does: "is declined: not enough money"},
		{method: "m4", token: "sbx_decline_hard", brand: "Visa", lastFour: "9987", does: "is declined for good"},
		{method: "m5", token: "sbx_slow_2000", brand: "Mastercard", lastFour: "8003", does: "pays, slowly"},
	}
}

// drawCards gives a buyer cards: mostly one that works, now and then one that does not, and one that works after it.
func (b *buyer) drawCards() []demoCard {
	good := demoCard{method: "m1", token: "sbx_ok." + b.id, brand: "Visa", lastFour: "4242"}
	if !b.chance(percentUnhappy) {
		return []demoCard{good}
	}
	bad := unhappyCards[b.dice.IntN(len(unhappyCards))]
	if strings.HasPrefix(bad.token, "sbx_timeout_") && !b.chance(percentTimeout) {
		bad = unhappyCards[0] // a gateway that times out often is not there at all: the lane would shut its door
	}
	bad.method, bad.token, bad.brand, good.method = "m1", bad.token+"."+b.id, "Mastercard", "m2"
	return []demoCard{bad, good}
}

// drawPays says how the buyer pays.
func (b *buyer) drawPays() paysBy {
	switch roll := b.dice.IntN(100); {
	case roll < percentElsewhere:
		return paysElsewhere
	case roll < percentElsewhere+percentOneClick:
		return paysOneClick
	}
	return paysStandard
}

// oneClick asks for an offer and takes it, lot after lot that the buyer likes. It reports whether the buyer is done with this sale; if the engine does
// not offer it, or a card is declined, the buyer goes on step by step.
func (b *buyer) oneClick(ctx context.Context) (done bool) {
	liking := b.sale.plan.likings()
	b.dice.Shuffle(len(liking), func(i, j int) { liking[i], liking[j] = liking[j], liking[i] })
	for _, id := range liking {
		lot := b.sale.plan.lot(id)
		quantity := max((1+b.dice.Int64N(demoLimit))/lot.units, 1)
		b.selects(ctx, lot.price()*quantity)
		o, err := b.shop.offer(ctx, b.requestID(), b.id, lot.id, quantity, b.cards[0].method)
		switch {
		case err != nil:
		case !o.OneClick:
			b.sale.counts.notOffered.Add(1)
			return false
		default:
			b.touch(ctx, &pb.Touch{Kind: "prompted", CartMinor: o.TotalMinor})
			if b.chance(percentDismiss) {
				b.touch(ctx, &pb.Touch{Kind: "dismissed", CartMinor: o.TotalMinor})
				return false
			}
			return b.take(ctx, o)
		}
		if !b.pause(ctx, clickPause) {
			return true
		}
	}
	return false
}

// take buys an offer.
func (b *buyer) take(ctx context.Context, offer *pb.Offer) (done bool) {
	clicked := time.Now()
	b.touch(ctx, &pb.Touch{Kind: "clicked", CartMinor: offer.TotalMinor})
	p, err := b.buyOnce(ctx, payAsk{offer: offer.Id, method: offer.Method})
	if err != nil {
		b.sees(ctx, b.click, clicked)
		return false
	}
	b.sale.counts.holds.Add(1)
	if p.total != offer.TotalMinor {
		b.sale.ledger.breaks("offer %s promised %s, its purchase %s costs %s", offer.Id, money(offer.TotalMinor, demoCurrency), p.id, money(p.total, demoCurrency))
	}
	p = b.follow(ctx, p)
	b.sees(ctx, b.click, clicked)
	if p.state == engine.PurchaseSold.String() {
		b.sale.counts.clickTook(time.Since(clicked))
	}
	if p.state == engine.PurchaseDeclined.String() && p.holdLives {
		return b.payHold(ctx, p.hold, offer.TotalMinor, b.cards[1:]) // the tickets are still held: another card
	}
	return b.bought(ctx, p)
}

// payHold pays a hold, card after card until one is taken.
func (b *buyer) payHold(ctx context.Context, hold string, total int64, cards []demoCard) (done bool) {
	for _, c := range cards {
		clicked := time.Now()
		p, err := b.buyOnce(ctx, payAsk{hold: hold, method: c.method})
		for range payTriesMax { // the gateway may be back, or have less to do, in a moment
			if !errors.Is(err, client.ErrPaymentUnavailable) && !errors.Is(err, client.ErrPaymentBusy) || !b.pause(ctx, payPause) {
				break
			}
			p, err = b.buyOnce(ctx, payAsk{hold: hold, method: c.method})
		}
		if err != nil {
			b.sees(ctx, b.click, clicked)
			return false
		}
		if total != totalUnknown && p.total != total {
			b.sale.ledger.breaks("hold %s promised %s, its purchase %s costs %s", hold, money(total, demoCurrency), p.id, money(p.total, demoCurrency))
		}
		p = b.follow(ctx, p)
		b.sees(ctx, b.click, clicked)
		if p.state != engine.PurchaseDeclined.String() || !p.holdLives {
			return b.bought(ctx, p)
		}
	}
	return false
}

// buyOnce sends a buy, twice now and then. Both must be one purchase.
func (b *buyer) buyOnce(ctx context.Context, a payAsk) (toldPurchase, error) {
	id := b.requestID()
	b.click = id
	if !b.chance(percentPayTwice) {
		return b.shop.buy(ctx, id, b.id, a)
	}
	b.sale.counts.clickedTwice.Add(1)
	var other toldPurchase
	var otherErr error
	var second sync.WaitGroup
	second.Go(func() { other, otherErr = b.shop.buy(ctx, id, b.id, a) })
	p, err := b.shop.buy(ctx, id, b.id, a)
	second.Wait()
	switch {
	case ctx.Err() != nil:
	case (err == nil) != (otherErr == nil):
		b.sale.ledger.breaks("request %s was sent twice: one answer was %s, the other %s", id, outcomeOf(err), outcomeOf(otherErr))
	case err == nil && p.id != other.id:
		b.sale.ledger.breaks("request %s was sent twice and made purchases %s and %s", id, p.id, other.id)
	}
	return p, err
}

const (
	payTriesMax = 3 // after a refusal for the gateway's sake
	payPause    = 500 * time.Millisecond
)

// followEvery is how often a buyer looks how far the payment is.
const followEvery = 150 * time.Millisecond

// follow waits for the end of a purchase, and answers the bank when it asks.
func (b *buyer) follow(ctx context.Context, p toldPurchase) toldPurchase {
	b.sale.counts.paying.Add(1)
	defer b.sale.counts.paying.Add(-1)
	for !p.final() && ctx.Err() == nil {
		p = b.authenticates(ctx, p)
		if p.final() || !b.pause(ctx, followEvery) {
			break
		}
		if q, err := b.shop.purchase(ctx, b.id, p.id); err == nil {
			p = q
		}
	}
	b.sale.ledger.ended(p)
	return p
}

// authenticates answers the bank if it asks, and returns how far the purchase is then.
func (b *buyer) authenticates(ctx context.Context, p toldPurchase) toldPurchase {
	if p.state != engine.PurchaseActionRequired.String() || p.secret == "" {
		return p
	}
	// The bank has no such question any more if a second click was faster: the answer below tells.
	_ = b.sale.sandbox.Authenticate(p.secret, !b.chance(percentRefuse))
	b.sale.counts.authenticated.Add(1)
	if q, err := b.shop.complete(ctx, b.requestID(), b.id, p.id); err == nil {
		return q
	}
	return p
}

// bought enters what a purchase came to in the buyer's books, and takes it back now and then. It reports whether the buyer is done with this sale.
func (b *buyer) bought(ctx context.Context, p toldPurchase) (done bool) {
	if p.state != engine.PurchaseSold.String() {
		if p.final() {
			b.sale.counts.lost.Add(1)
		}
		return false
	}
	if b.chance(percentUndo) {
		switch q, err := b.shop.undo(ctx, b.requestID(), b.id, p.id); {
		case err == nil:
			b.sale.ledger.undone(q)
			b.sale.counts.undone.Add(1)
			return true
		case ctx.Err() != nil:
			return true
		}
	}
	o, err := b.shop.order(ctx, b.id, p.order)
	if err != nil {
		b.sale.ledger.breaks("purchase %s was sold as order %s, which cannot be read: %v", p.id, p.order, err)
		return true
	}
	if o.total != p.total {
		b.sale.ledger.breaks("purchase %s costs %s, its order %s %s", p.id, money(p.total, demoCurrency), o.id, money(o.total, o.currency))
	}
	b.gets(ctx, o.id)
	if b.sale.ledger.told(o) {
		b.sale.counts.orders.Add(1)
		b.sale.counts.served.Add(1)
	}
	return true
}

// totalUnknown is the total of a hold that its buyer was not told: tickets that were offered to somebody who waited.
const totalUnknown = -1

// flowOneClick is what the wire calls the flow of one click.
const flowOneClick = "one_click"

// toldPurchase is a purchase as an answer showed it to its buyer.
type toldPurchase struct {
	id, buyer, flow, state, order, hold, decline, secret string
	total                                                int64 // minor units
	holdLives                                            bool
	undone, refunded                                     bool
}

func (p *toldPurchase) final() bool {
	switch p.state {
	case engine.PurchaseSold.String(), engine.PurchaseDeclined.String(), engine.PurchaseReleased.String():
		return true
	}
	return false
}

// String is for those who look for what is off.
func (p *toldPurchase) String() string {
	return fmt.Sprintf("%s of %s (%s): %s %s", p.id, p.buyer, p.flow, p.state, money(p.total, demoCurrency))
}
