package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// What one in a hundred buyers, or so, does. They are people: impatient, forgetful, twice as fast as they should be.
const (
	percentEager      = 2  // try before the sale opens
	percentTwice      = 10 // click hold twice
	percentPayTwice   = 6  // click pay twice
	percentForget     = 3  // pay without a payment reference first
	percentGreedy     = 3  // ask for more than the limit first
	percentThrifty    = 2  // name a price that is too low first
	percentChildAlone = 2  // want a child's ticket without an adult's first
	percentSome       = 10 // take whatever is free of what they asked for
	percentAbandon    = 12 // hold, and never come back
	percentRelease    = 3  // hold, and give back
	percentExtend     = 5  // hold, extend, pay
	percentReplace    = 8  // hold, hold something else instead, pay
	percentSlow       = 4  // hold, and pay too late
)

const (
	visitsMax    = 4 // how often a buyer looks again after everything it likes was sold out
	likingsMax   = 3 // lots that a buyer tries in a visit
	seatTriesMax = 2 // how often a buyer chooses seats before it tries another lot

	clickPause = 60 * time.Millisecond // between two tries
	visitPause = time.Second           // until the page is loaded again
)

// buyer is one person in the demo. Everything it does is drawn from its own dice, so that a seed gives the same crowd.
type buyer struct {
	sale     *sale
	shop     *shop
	id       string
	pays     paysBy
	cards    []demoCard
	dice     *rand.Rand
	requests int
	click    string // the request id of the last buy
	eyes     eyes
}

func newBuyer(s *sale, n int) *buyer {
	own := *s.shops[n%len(s.shops)]
	b := &buyer{
		sale: s, shop: &own, id: s.plan.crowd + strconv.Itoa(n+1),
		dice: rand.New(rand.NewPCG(s.seed, uint64(n))),
	}
	if b.pays = b.drawPays(); b.pays != paysElsewhere {
		b.cards = b.drawCards()
	}
	b.eyes = newEyes(b.shop.channel, s.seed, n)
	b.shop.device = b.eyes.device
	return b
}

func (b *buyer) chance(percent int) bool { return b.dice.IntN(100) < percent }

// requestID is new for every command that is not a repeat.
func (b *buyer) requestID() string {
	b.requests++
	return b.id + "-" + strconv.Itoa(b.requests)
}

// pause is thinking time, about as long as given. It reports whether the demo goes on.
func (b *buyer) pause(ctx context.Context, about time.Duration) bool {
	t := time.NewTimer(about/2 + time.Duration(b.dice.Int64N(int64(about))))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// arrival is when the buyer comes, after the demo's start: most come in the first rush.
func (b *buyer) arrival() time.Duration {
	span := b.sale.rush
	switch {
	case b.chance(percentEager):
		return 0
	case b.chance(50):
		span /= 6
	}
	return b.sale.opensAfter + time.Duration(b.dice.Int64N(int64(span)))
}

// visit is everything a buyer does until it has tickets or gives up.
func (b *buyer) visit(ctx context.Context) {
	t := time.NewTimer(b.arrival())
	defer t.Stop()
	select {
	case <-ctx.Done():
		return
	case <-t.C:
	}
	b.shops(ctx)
}

// shops is everything that a buyer does in the shop.
func (b *buyer) shops(ctx context.Context) {
	b.sale.counts.shopping.Add(1)
	defer b.sale.counts.shopping.Add(-1)
	for visit := range visitsMax {
		b.arrives(ctx, visit > 0)
		if visit == 0 && b.pays == paysOneClick && b.oneClick(ctx) {
			return
		}
		h, ok := b.choose(ctx)
		if ok && b.decide(ctx, h) {
			return
		}
		if !b.pause(ctx, visitPause) {
			return
		}
	}
	b.goesWithout(ctx)
	b.sale.counts.gaveUp.Add(1)
}

// choose tries what the buyer likes, in its order, until something is held.
func (b *buyer) choose(ctx context.Context) (held, bool) {
	quantity := 1 + b.dice.Int64N(demoLimit)
	liking := b.sale.plan.likings()
	b.dice.Shuffle(len(liking), func(i, j int) { liking[i], liking[j] = liking[j], liking[i] })
	liking = liking[:min(len(liking), likingsMax)]
	if b.sale.plan.lot("child") != nil && b.chance(percentChildAlone) {
		_, _ = b.hold(ctx, ask{items: []askItem{{lot: "child", quantity: 1}}}) // refused: requires_missing
		liking = slices.Insert(liking, 0, "child")
	}
	for _, id := range liking {
		lot := b.sale.plan.lot(id)
		switch {
		case id == "child":
			if h, ok := b.hold(ctx, ask{items: []askItem{{lot: "floor", quantity: 1}, {lot: "child", quantity: 1}}}); ok {
				return h, true
			}
		case lot.seated() && !b.sale.plan.best:
			if h, ok := b.chooseSeats(ctx, lot, min(quantity, lot.rowSeats)); ok {
				return h, true
			}
		default:
			if h, ok := b.hold(ctx, b.ask(lot, max(quantity/lot.units, 1))); ok {
				return h, true
			}
		}
		if !b.pause(ctx, clickPause) {
			break
		}
	}
	return held{}, false
}

// ask is a request for a counted lot, with a human mistake before it now and then.
func (b *buyer) ask(lot *planLot, quantity int64) ask {
	a := ask{items: []askItem{{lot: lot.id, quantity: quantity}}}
	switch {
	case b.chance(percentGreedy):
		a.items[0].quantity = demoLimit + 1 // refused: limit_reached
	case b.chance(percentThrifty):
		a.hasMax, a.maxPrice = true, lot.price()*quantity-1 // refused: price_exceeded
	case b.chance(percentSome):
		a.fill = "best_effort"
	}
	return a
}

// chooseSeats picks neighbouring seats on the plan of the house, others if somebody was faster.
func (b *buyer) chooseSeats(ctx context.Context, lot *planLot, quantity int64) (held, bool) {
	for range seatTriesMax {
		row, first := b.dice.Int64N(lot.rows), b.dice.Int64N(lot.rowSeats-quantity+1)
		seats := make([]string, quantity)
		for i := range quantity {
			seats[i] = lot.seat(row, first+i)
		}
		if h, ok := b.hold(ctx, ask{items: []askItem{{lot: lot.id, seats: seats}}}); ok {
			return h, true
		}
		if !b.pause(ctx, clickPause) {
			break
		}
	}
	return held{}, false
}

// hold asks for tickets, clicking twice now and then. Both answers to one request id must be the same.
func (b *buyer) hold(ctx context.Context, a ask) (held, bool) {
	b.selects(ctx, b.sale.plan.cost(&a))
	h, ok := b.holdOnce(ctx, a)
	if ok {
		b.touch(ctx, &pb.Touch{Kind: "carted", CartMinor: h.total})
	}
	return h, ok
}

func (b *buyer) holdOnce(ctx context.Context, a ask) (held, bool) {
	id := b.requestID()
	if !b.chance(percentTwice) {
		h, err := b.shop.hold(ctx, id, b.id, a)
		return b.took(h, err)
	}
	var other held
	var otherErr error
	var second sync.WaitGroup
	second.Go(func() { other, otherErr = b.shop.hold(ctx, id, b.id, a) })
	h, err := b.shop.hold(ctx, id, b.id, a)
	second.Wait()
	b.sale.counts.clickedTwice.Add(1)
	switch {
	case ctx.Err() != nil:
		return held{}, false
	case (err == nil) != (otherErr == nil):
		b.sale.ledger.breaks("request %s was sent twice: one answer was %s, the other %s", id, outcomeOf(err), outcomeOf(otherErr))
	case err == nil && (h.id != other.id || h.total != other.total):
		b.sale.ledger.breaks("request %s was sent twice and made holds %s and %s", id, h.id, other.id)
	}
	if err != nil {
		h, err = other, otherErr
	}
	return b.took(h, err)
}

// took counts a hold, once however often it was answered.
func (b *buyer) took(h held, err error) (held, bool) {
	if err != nil {
		return held{}, false
	}
	b.sale.counts.holds.Add(1)
	return h, true
}

// decide is what a buyer does with a hold. It reports whether it is done with this sale.
func (b *buyer) decide(ctx context.Context, h held) bool {
	think := b.sale.plan.think
	switch roll := b.dice.IntN(100); {
	case roll < percentAbandon:
		b.walksAway(ctx, stepPayment)
		b.sale.counts.abandoned.Add(1)
		return true
	case roll < percentAbandon+percentRelease:
		if b.pause(ctx, think) && b.shop.release(ctx, b.requestID(), b.id, h.id) == nil { // too late is no harm
			b.sale.counts.released.Add(1)
		}
		b.sale.counts.gaveBack.Add(1)
		return true
	case roll < percentAbandon+percentRelease+percentExtend:
		if b.pause(ctx, think) && b.shop.extend(ctx, b.requestID(), b.id, h.id) == nil {
			b.pause(ctx, think)
		}
	case roll < percentAbandon+percentRelease+percentExtend+percentReplace:
		if b.pause(ctx, think) {
			if instead, ok := b.choose(ctx); ok {
				b.sale.counts.replaced.Add(1)
				h = instead
			}
		}
	case roll < percentAbandon+percentRelease+percentExtend+percentReplace+percentSlow:
		b.pause(ctx, 2*b.sale.plan.holdTTL)
	}
	if !b.pause(ctx, think) {
		return true
	}
	return b.pay(ctx, h)
}

// pay turns a hold into tickets. It reports whether the buyer is done with this sale.
func (b *buyer) pay(ctx context.Context, h held) bool {
	if h.total != totalUnknown {
		b.checksOut(ctx, h.total)
	}
	if b.pays == paysElsewhere {
		return b.payElsewhere(ctx, h)
	}
	return b.payHold(ctx, h.id, h.total, b.cards)
}

// payElsewhere confirms a hold with a payment made to somebody else. It reports whether the buyer has tickets now.
func (b *buyer) payElsewhere(ctx context.Context, h held) bool {
	if b.chance(percentForget) {
		_, _ = b.shop.confirm(ctx, b.requestID(), b.id, h.id, "") // refused: payment_ref_missing
	}
	id, ref, clicked := b.requestID(), "pay-"+b.id, time.Now()
	var other toldOrder
	var otherErr error
	var second sync.WaitGroup
	twice := b.chance(percentPayTwice)
	if twice {
		b.sale.counts.clickedTwice.Add(1)
		second.Go(func() { other, otherErr = b.shop.confirm(ctx, id, b.id, h.id, ref) })
	}
	order, err := b.shop.confirm(ctx, id, b.id, h.id, ref)
	second.Wait()
	if ctx.Err() != nil {
		return true
	}
	b.sees(ctx, id, clicked)
	if twice && (err == nil) != (otherErr == nil) {
		b.sale.ledger.breaks("request %s was sent twice: one answer was %s, the other %s", id, outcomeOf(err), outcomeOf(otherErr))
	}
	if twice && err == nil && otherErr == nil && (order.id != other.id || !slices.Equal(order.tickets, other.tickets)) {
		b.sale.ledger.breaks("request %s was sent twice and made orders %s and %s", id, order.id, other.id)
	}
	if err != nil {
		return false // too late: start again
	}
	if order.hold != h.id || h.total != totalUnknown && order.total != h.total {
		b.sale.ledger.breaks("hold %s promised %s, its order %s costs %s", h.id, money(h.total, demoCurrency), order.id, money(order.total, order.currency))
	}
	b.gets(ctx, order.id)
	b.sale.ledger.told(order)
	b.sale.counts.orders.Add(1)
	b.sale.counts.served.Add(1)
	return true
}
