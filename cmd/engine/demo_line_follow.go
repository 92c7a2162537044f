package main

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// follow takes what is published of the line, of its people and of the purchases that are made for them, and lets clients say that somebody is there. stop ends it.
func (s *lineSale) follow(ctx context.Context) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var stops []func() error
	stop = func() {
		cancel()
		for _, end := range stops {
			_ = end() // the connection may be closed
		}
	}
	c, event := s.reports, s.plan.event
	end, err := c.Line(event, s.publishes)
	if err == nil {
		stops = append(stops, end)
		end, err = c.LineChanges(event, "", func(m *pb.LineChanged) { s.isTold(ctx, m) })
	}
	if err == nil {
		stops = append(stops, end)
		end, err = c.Purchases(event, "", func(m *pb.PurchaseChanged) { s.purchaseChanged(ctx, m.Purchase) })
	}
	if err != nil {
		stop()
		return nil, err
	}
	stops = append(stops, end)
	go s.beHere(ctx)
	return stop, nil
}

// publishes takes what is published of the line: what the draw can be recomputed from is kept as it came, and must not change any more.
func (s *lineSale) publishes(m *pb.LineNow) {
	l := m.Line
	if l == nil {
		return
	}
	s.broadcast.Store(m)
	s.crowdMu.Lock()
	defer s.crowdMu.Unlock()
	if s.deaf {
		return // what was published is being looked at
	}
	d := &s.published
	d.Lobby.Account, d.Lobby.Event, d.Lobby.DrawValue = engine.SingleAccount, s.plan.event, true
	s.keepPublished("commit", &d.Lobby.Commit, l.Commit)
	s.keepPublished("seed", &d.Revealed.Seed, l.Seed)
	if s.keepPublished("root", &d.Closed.Root, l.Root); l.Root != "" {
		d.Closed.Entries = l.Entries
	}
	if l.Value != "" {
		d.Revealed.Value = l.Value
	}
	if l.Seed != "" && d.Closed.Root == (line.Hash{}) {
		s.ledger.breaks("the seed was published before the root of the list")
	}
}

// keepPublished keeps a hash that was published, and notes if it was another one before.
func (s *lineSale) keepPublished(what string, into *line.Hash, text string) {
	if text == "" {
		return
	}
	before := *into
	if err := into.UnmarshalText([]byte(text)); err != nil || before != (line.Hash{}) && before != *into {
		s.ledger.breaks("the %s was published as %s, and then as %s: %v", what, before, text, errors.Join(err))
	}
}

// isTold gives somebody a message about them.
func (s *lineSale) isTold(ctx context.Context, m *pb.LineChanged) {
	buyer := m.GetPlace().GetBuyer()
	if buyer == "" {
		buyer = m.GetWaiter().GetBuyer()
	}
	n := s.number(buyer)
	if n < 0 {
		return
	}
	s.line.messages.Add(1)
	if m.GetPlace().GetChance().GetTold() == line.SoldOut.String() {
		s.line.toldSoldOut.Add(1)
	}
	s.hears(ctx, n, news{place: m.Place, waiter: m.Waiter, message: true})
}

// beHere lets clients say that their people are there, as long as they look.
func (s *lineSale) beHere(ctx context.Context) {
	tick := time.NewTicker(hereEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var here []string
		s.crowdMu.Lock()
		for n := range s.people {
			if p := &s.people[n]; p.does(habitWatched) && p.entry != 0 && !p.absent && (p.state == engine.PlaceWaiting || p.state == engine.PlaceSkipped) {
				here = append(here, s.name(n))
				p.absent = p.does(habitStray) && !p.did(didReturn) // who strays says it once
			}
		}
		s.crowdMu.Unlock()
		if err := s.reports.Here(s.plan.event, here...); err != nil && ctx.Err() == nil {
			s.counts.unanswered(err)
		}
	}
}
