package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

const (
	hereEvery    = 500 * time.Millisecond
	sweepEvery   = time.Second
	soldOutPause = 3 * time.Second  // from the sell-out until who has heard nothing asks
	freedPause   = 6 * time.Second  // until the office gives tickets back
	tailMax      = 35 * time.Second // until the office closes the sale, even if the last tickets find nobody
	soldOutEvery = 5 * time.Second
	quietFor     = 2 * time.Second // until the office believes that nothing happens any more
	unsoldMax    = 4 * demoPassTTL // without an order, until the office believes that what is left finds nobody
)

// serve lets those with passes shop, until nothing is left and nobody is on the way to anything; then the sale is closed.
func (s *lineSale) serve(ctx context.Context) error {
	background := make(chan error, 1)
	go func() { background <- s.afterDraw(ctx) }()
	tick := time.NewTicker(officeEvery)
	defer tick.Stop()
	var swept, asked, freed time.Time
	ordered, orderedAt := int64(0), time.Now()
	quiet := 0 // looks at which nobody was on the way to anything, one after the other
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		now := time.Now()
		if now.Sub(swept) > sweepEvery {
			swept = now
			s.meanwhile(&s.sweeping, func() { s.sweep(ctx) })
		}
		if orders := s.shown.Load().orders; orders != ordered {
			ordered, orderedAt = orders, now
		}
		if gone := s.free() == 0 && s.shown.Load().holdsLive == 0; s.sellOut.IsZero() && (gone || now.Sub(orderedAt) > unsoldMax) {
			s.sellOut = now
		}
		if !s.sellOut.IsZero() {
			gone := now.Sub(s.sellOut)
			if gone > soldOutPause && now.Sub(asked) > soldOutEvery {
				asked = now
				s.meanwhile(&s.asking, func() { s.askSoldOut(ctx) })
			}
			if gone > freedPause && freed.IsZero() {
				freed = now
				if err := s.freeSome(ctx); err != nil {
					return err
				}
			}
			if quiet++; freed.IsZero() || !s.quiet() {
				quiet = 0
			}
			if quiet*int(officeEvery) > int(quietFor) || gone > tailMax {
				break
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-background:
			if background = nil; err != nil {
				return err
			}
		case <-tick.C:
		}
	}
	s.over.Store(true)
	s.acting.Wait() // who has begun something ends it
	if _, err := s.office.client.CloseEvent(ctx, s.plan.event, &pb.CloseCommand{RequestId: s.office.officeID()}); err != nil {
		return fmt.Errorf("close the sale: %w", err)
	}
	return s.until(ctx, "end the last hold", func(*pb.Line) bool { return s.shown.Load().holdsLive == 0 })
}

// afterDraw is what the crowd does as soon as places are drawn: latecomers join, everybody asks where they are, and some try to buy at once.
func (s *lineSale) afterDraw(ctx context.Context) error {
	if err := s.each(ctx, s.some(func(p *person) bool { return p.does(habitLate) }), 0, s.takePlace); err != nil {
		return err
	}
	s.line.late.Store(int64(len(s.some(func(p *person) bool { return p.does(habitLate) && p.entry != 0 }))))
	waiting := func(p *person) bool { return p.state == engine.PlaceWaiting }
	if err := s.each(ctx, s.some(waiting), 0, s.ask); err != nil {
		return err
	}
	last := s.now.Load().GetServed() + 10*s.plan.tickets() // whose turn does not come meanwhile
	return s.each(ctx, s.some(func(p *person) bool { return waiting(p) && p.does(habitEarly) && int64(p.place) > last }), 0, s.early)
}

// sweep lets those ask whose turn must have come and who were not told: messages can be lost, places cannot.
func (s *lineSale) sweep(ctx context.Context) {
	served := map[string]line.Place{}
	for _, t := range s.now.Load().GetTracks() {
		served[t.Track] = line.Place(t.Served)
	}
	forgotten := s.some(func(p *person) bool {
		turn := p.state == engine.PlaceWaiting && p.place != 0 && p.place <= served[p.track()] && !p.absent
		return !p.shopping && (turn || p.wait == engine.WaitOffered && !p.did(didTake))
	})
	_ = s.each(ctx, forgotten, 0, s.ask) // the demo was stopped
}

// askSoldOut lets everybody ask for their chance who still waits and has not heard that there is none.
func (s *lineSale) askSoldOut(ctx context.Context) {
	who := s.some(func(p *person) bool { return p.state == engine.PlaceWaiting && !p.soldOut })
	_ = s.each(ctx, who, 0, s.ask) // the demo was stopped
}

// meanwhile does something beside the office's work, unless it is still being done.
func (s *lineSale) meanwhile(busy *atomic.Bool, do func()) {
	if busy.CompareAndSwap(false, true) {
		s.acting.Go(func() {
			defer busy.Store(false)
			do()
		})
	}
}

// freeSome is what frees tickets after a sell-out: some orders are given back, and the guests' places go on sale.
func (s *lineSale) freeSome(ctx context.Context) error {
	orders := s.ledger.ordered()
	for i := range orders {
		o := &orders[i]
		if i%demoRefundShare != 0 || o.purchase == "" {
			continue
		}
		if _, err := s.office.client.Refund(ctx, s.plan.event, &pb.RefundCommand{RequestId: s.office.officeID(), Buyer: o.buyer, Order: o.id, Reason: "goodwill"}); err != nil {
			return fmt.Errorf("give order %s back: %w", o.id, err)
		}
		s.ledger.refunded(o.id)
		s.line.refunds.Add(1)
	}
	if err := s.office.block(ctx, s.plan.blockLot, s.plan.blockUnits, true); err != nil {
		return fmt.Errorf("put the guests' places on sale: %w", err)
	}
	s.line.unblocked.Add(s.plan.blockUnits)
	return nil
}

// free is how many tickets of the house are free.
func (s *lineSale) free() int64 {
	for _, p := range s.shown.Load().pools {
		if p.id == "house" {
			return p.free
		}
	}
	return 0
}

// quiet reports whether nobody is on the way to anything: no pass is good, nothing is held or offered, and nothing is free.
func (s *lineSale) quiet() bool {
	shown, l := s.shown.Load(), s.now.Load()
	return s.free() == 0 && shown.holdsLive == 0 && l.GetAdmitted() == 0 && l.GetSkipped() == 0
}

// tellEverybody lets everybody ask for the last time, when the sale is closed.
func (s *lineSale) tellEverybody(ctx context.Context) error {
	s.turnsDeaf()
	return s.each(ctx, s.some(func(p *person) bool { return p.entry != 0 }), 0, s.ask)
}

// turnsDeaf lets nobody hear messages any more: they come over a connection of their own, and those that are still on their way are older than what everybody is told now.
func (s *lineSale) turnsDeaf() {
	s.crowdMu.Lock()
	defer s.crowdMu.Unlock()
	s.deaf = true
}
