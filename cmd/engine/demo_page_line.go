package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The line of the shop page, with times for people.
const (
	shopPassTTL     = 3 * time.Minute
	shopGrace       = 2 * time.Minute
	shopOfferTTL    = 3 * time.Minute
	shopShoppersMax = 200             // passes at once, so that the line is seen to move
	shopGather      = 5 * time.Second // in which the crowd comes into the lobby
	shopAskers      = 64              // of the crowd who ask at the same time
	percentVanish   = 10              // of those with a pass, who are not seen again
)

// makeShopLinePlan is the house of the shop page, sold through a line.
func makeShopLinePlan(tickets int64) plan {
	p := makeShopPlan(tickets)
	mode, most := engine.LineModeLine.String(), int64(shopShoppersMax)
	pass, grace, offer := shopPassTTL.Milliseconds(), shopGrace.Milliseconds(), shopOfferTTL.Milliseconds()
	p.open, p.best = false, true
	p.line = &pb.LineSpec{Mode: &mode, ShoppersMax: &most, PassTtlMs: &pass, GraceMs: &grace, OfferTtlMs: &offer, Tracks: demoTracks()}
	track := trackMember
	p.codes[0].Track = &track
	return p
}

// placed is one of the crowd with their place.
type placed struct{ n, place int64 }

// gather lets the crowd into the lobby, one by one over a few seconds.
func (s *sale) gather(ctx context.Context) {
	s.crowdAsks(ctx, shopGather, func(shop *shop, n int) error {
		id := s.plan.crowd + fmt.Sprint(n+1)
		_, err := shop.client.Join(ctx, s.plan.event, &pb.JoinCommand{RequestId: id + "-join", Buyer: id, Channel: shop.channel})
		return err
	})
}

// crowdAsks lets everybody in the crowd ask for something, spread over a time.
func (s *sale) crowdAsks(ctx context.Context, over time.Duration, ask func(shop *shop, n int) error) {
	began := time.Now()
	var askers sync.WaitGroup
	for asker := range shopAskers {
		askers.Go(func() {
			for n := asker; n < s.buyers; n += shopAskers {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Until(began.Add(over * time.Duration(n) / time.Duration(s.buyers)))):
				}
				shop := s.shops[n%len(s.shops)]
				_ = shop.note(ctx, ask(shop, n)) // who was refused stays outside
			}
		})
	}
	askers.Wait()
}

// shopInLine lets everybody in the crowd shop when it is their turn, and returns when nobody of them waits or shops any more.
func (s *sale) shopInLine(ctx context.Context) {
	defer s.crowd.Store(crowdGone)
	line := s.served(ctx, func(l *pb.Line) bool { return l.GetPhase() == engine.LineServing.String() })
	if line == nil {
		return
	}
	var mu sync.Mutex
	var order []placed
	s.crowdAsks(ctx, 0, func(shop *shop, n int) error {
		p, _, err := shop.client.Place(ctx, s.plan.event, &pb.PlaceCommand{Buyer: s.plan.crowd + fmt.Sprint(n+1)})
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, placed{int64(n), p.Place})
		}
		return err
	})
	slices.SortFunc(order, func(a, b placed) int { return int(a.place - b.place) })
	var inside sync.WaitGroup
	defer inside.Wait()
	for len(order) > 0 {
		line = s.served(ctx, func(l *pb.Line) bool { return crowdServed(l) >= order[0].place })
		if line == nil {
			return
		}
		for len(order) > 0 && order[0].place <= crowdServed(line) {
			b := newBuyer(s, int(order[0].n))
			if order = order[1:]; b.chance(percentVanish) {
				continue
			}
			inside.Go(func() { b.shops(ctx) })
		}
	}
}

// crowdServed is the last place of the crowd's track whose turn has come: visitors in other tracks have turns of their own.
func crowdServed(l *pb.Line) int64 {
	for _, t := range l.GetTracks() {
		if t.Track == trackGeneral {
			return t.Served
		}
	}
	return 0
}

// served reads the line until it is as it should be; nil if it never will be.
func (s *sale) served(ctx context.Context, done func(*pb.Line) bool) *pb.Line {
	tick := time.NewTicker(officeEvery)
	defer tick.Stop()
	for {
		e, err := s.office.client.Get(ctx, s.plan.event)
		if err == nil && done(e.Line) {
			return e.Line
		}
		if err == nil && (e.State == engine.EventClosed.String() || e.State == engine.EventCancelled.String()) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
