package main

import (
	"context"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// shop is what somebody does with a pass.
func (s *lineSale) shop(ctx context.Context, n int) {
	p := s.known(n)
	s.line.admitted.Add(1)
	if p.does(habitVanish) {
		s.line.vanished.Add(1)
		return
	}
	b := s.buyer(n)
	if p.does(habitLend) {
		s.lend(ctx, b)
	}
	s.counts.shopping.Add(1)
	defer s.counts.shopping.Add(-1)
	b.arrives(ctx, false)
	done := b.pays == paysOneClick && b.oneClick(ctx)
	for look := 0; !done && look < looksMax; look++ {
		h, ok := b.choose(ctx)
		if ok {
			done = b.decide(ctx, h)
		}
		if !done && !b.pause(ctx, clickPause) {
			return
		}
		if !ok {
			break // nothing of what they like
		}
	}
	switch {
	case done:
	case p.does(habitWait):
		s.waits(ctx, b)
	default:
		b.goesWithout(ctx)
		s.counts.gaveUp.Add(1)
		if s.leave(ctx, n, "nothing") == nil { // so that the next one has room
			s.line.gaveUp.Add(1)
		}
	}
}

// actRequests is how many request ids each thing has that somebody does: they do several, and no id is used twice.
const actRequests = 1000

// buyer is a person as a buyer: the same in all that they do.
func (s *lineSale) buyer(n int) *buyer {
	b := newBuyer(s.sale, n)
	s.note(n, func(p *person) {
		b.requests = int(p.turns) * actRequests
		p.turns++
	})
	return b
}

// looksMax is how often somebody with a pass chooses again.
const looksMax = 3

// lend lets somebody without a pass try to buy while somebody else has one: a pass is good for its own buyer only.
func (s *lineSale) lend(ctx context.Context, owner *buyer) {
	s.refusedWithoutPass(ctx, owner, "friend-of-"+owner.id)
	s.line.lent.Add(1)
}

// early tries to buy before it is somebody's turn.
func (s *lineSale) early(ctx context.Context, n int) {
	b := s.buyer(n)
	s.refusedWithoutPass(ctx, b, b.id)
	s.line.early.Add(1)
}

// refusedWithoutPass asks for tickets for somebody who has no pass.
func (s *lineSale) refusedWithoutPass(ctx context.Context, b *buyer, who string) {
	_, err := b.shop.hold(ctx, b.requestID(), who, ask{items: []askItem{{lot: "early", quantity: 1}}})
	if ctx.Err() == nil && !refusedAs(err, engine.CodePassRequired) {
		s.ledger.breaks("%s has no pass, and their hold was answered %s", who, outcomeOf(err))
	}
}

// comeBack is what somebody does who was away when their turn came, and hears of it: their client says again that they are here.
func (s *lineSale) comeBack(ctx context.Context, n int) {
	b := s.buyer(n)
	if b.pause(ctx, demoGrace/4) {
		s.line.returned.Add(1)
		s.note(n, func(p *person) { p.absent = false })
	}
}

// hearsSoldOut is what somebody does who hears that there is nothing left for them.
func (s *lineSale) hearsSoldOut(ctx context.Context, n int) {
	if p := s.known(n); p.does(habitWait) {
		s.waits(ctx, s.buyer(n))
	} else if s.leave(ctx, n, "give-up") == nil {
		s.line.gaveUp.Add(1)
	}
}

// waitTries is how often somebody tries to get on the waiting list while there still is something for those in the line.
const waitTries = 10

// waits puts somebody on the waiting list, for what they like best, or one of what they like second.
func (s *lineSale) waits(ctx context.Context, b *buyer) {
	n := s.number(b.id)
	p := s.known(n)
	liking := b.sale.plan.likings()
	b.dice.Shuffle(len(liking), func(i, j int) { liking[i], liking[j] = liking[j], liking[i] })
	first, second := b.sale.plan.lot(liking[0]), b.sale.plan.lot(liking[1])
	if first.price() < second.price() {
		first, second = second, first
	}
	quantity := max((1+b.dice.Int64N(demoLimit))/first.units, 1)
	most := max(first.price()*quantity, second.price())
	cmd := &pb.WaitCommand{
		Buyer: b.id, Channel: b.shop.channel, Device: b.shop.device, MaxPriceMinor: &most,
		Wishes: []*pb.Wish{{Lot: first.id, Quantity: quantity, Together: first.seated()}, {Lot: second.id, Quantity: 1}},
	}
	if p.does(habitAuto) && b.pays == paysOneClick {
		cmd.AutoBuy, cmd.Method = true, b.cards[0].method
	}
	for range waitTries {
		cmd.RequestId = b.requestID()
		s.note(n, func(p *person) { p.auto = cmd.AutoBuy })
		within, cancel := context.WithTimeout(ctx, shopPatience)
		r, err := b.shop.client.Do(within, b.shop.event, cmd)
		cancel()
		if b.shop.note(ctx, err) == nil {
			s.line.wished.Add(1)
			if cmd.AutoBuy {
				s.line.autoWished.Add(1)
			}
			s.hears(ctx, n, news{waiter: r.Waiter})
			return
		}
		if !refusedAs(err, engine.CodePassRequired) || !b.pause(ctx, visitPause) {
			return // tickets are held by somebody: it is too early to wait for them
		}
	}
}

// takeOffered is what somebody does whose turn on the waiting list has come: tickets are held for them. Who has agreed to it is bought for.
func (s *lineSale) takeOffered(ctx context.Context, n int, w *pb.Waiter) {
	s.line.offered.Add(1)
	p := s.known(n)
	switch {
	case w.AutoBuy:
		return
	case p.does(habitIgnore):
		s.line.ignored.Add(1)
		return
	}
	b := s.buyer(n)
	if b.pause(ctx, demoOfferTTL/8) {
		b.pay(ctx, held{id: w.Hold, total: totalUnknown})
	}
}

// purchaseChanged notes how a purchase goes that the engine makes for somebody on the waiting list, as they had agreed.
func (s *lineSale) purchaseChanged(ctx context.Context, told *pb.Purchase) {
	n := s.number(told.Buyer)
	p := toldOf(told)
	if n < 0 || !s.known(n).auto {
		return
	}
	if p.state == engine.PurchaseActionRequired.String() {
		s.acting.Go(func() { s.asked(ctx, n, &p) })
	}
	if !p.final() {
		return
	}
	s.ledger.ended(p)
	if p.state == engine.PurchaseSold.String() {
		s.acting.Go(func() { s.boughtFor(ctx, n, &p) })
	}
}

// asked answers the bank, which wants to hear from the buyer although the engine buys for them.
func (s *lineSale) asked(ctx context.Context, n int, p *toldPurchase) {
	b := s.buyer(n)
	if q, err := b.shop.purchase(ctx, b.id, p.id); err == nil {
		b.authenticates(ctx, q)
	}
}

// boughtFor enters the order that was bought for somebody in their books.
func (s *lineSale) boughtFor(ctx context.Context, n int, p *toldPurchase) {
	o, err := s.shopOf(n).order(ctx, p.buyer, p.order)
	if err != nil {
		s.ledger.breaks("purchase %s was sold as order %s, which cannot be read: %v", p.id, p.order, err)
		return
	}
	if s.ledger.told(o) {
		s.counts.orders.Add(1)
		s.counts.served.Add(1)
		s.line.autoBought.Add(1)
	}
}
