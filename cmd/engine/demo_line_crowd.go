package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// lineHands is how many of the crowd's questions are on their way at once.
const lineHands = 512

// name is the id of a person, number their number by it; -1 is somebody else.
func (s *lineSale) name(n int) string { return s.plan.crowd + strconv.Itoa(n+1) }

func (s *lineSale) number(buyer string) int {
	digits, ours := strings.CutPrefix(buyer, s.plan.crowd)
	n, err := strconv.Atoi(digits)
	if !ours || err != nil || n < 1 || n > len(s.people) {
		return -1
	}
	return n - 1
}

// shopOf is the connection that a person comes through.
func (s *lineSale) shopOf(n int) *shop { return s.shops[n%len(s.shops)] }

// each does something for people, many at once, evenly over a time.
func (s *lineSale) each(ctx context.Context, who []int, over time.Duration, do func(ctx context.Context, n int)) error {
	next, began := make(chan int), time.Now()
	var hands sync.WaitGroup
	for range min(lineHands, len(who)) {
		hands.Go(func() {
			for n := range next {
				do(ctx, n)
			}
		})
	}
	for i, n := range who {
		if early := time.Until(began.Add(over * time.Duration(i) / time.Duration(len(who)))); early > time.Millisecond {
			time.Sleep(early)
		}
		if ctx.Err() != nil {
			break
		}
		next <- n
	}
	close(next)
	hands.Wait()
	return ctx.Err()
}

// some lists people, in an order that has nothing to do with their numbers.
func (s *lineSale) some(which func(p *person) bool) (who []int) {
	s.crowdMu.Lock()
	defer s.crowdMu.Unlock()
	for n := range s.people {
		if which(&s.people[n]) {
			who = append(who, n)
		}
	}
	rand.New(rand.NewPCG(s.seed, uint64(len(who)))).Shuffle(len(who), func(i, j int) { who[i], who[j] = who[j], who[i] })
	return who
}

// gather lets the crowd into the lobby: families last, so that one of them has a place already.
func (s *lineSale) gather(ctx context.Context) error {
	if err := s.each(ctx, s.some(func(p *person) bool { return !p.does(habitLate) && !p.does(habitFamily) }), s.lobbyFor(), s.takePlace); err != nil {
		return err
	}
	return s.each(ctx, s.some(func(p *person) bool { return p.does(habitFamily) }), 0, s.takePlace)
}

// takePlace joins for a person, with all that they do in a lobby.
func (s *lineSale) takePlace(ctx context.Context, n int) {
	p := &s.people[n]
	if p.does(habitEarly) {
		s.guess(ctx, n)
	}
	place, err := s.joinOnce(ctx, n, "join")
	switch refused := refusedAs(err, engine.CodeAlreadyInLine); {
	case ctx.Err() != nil:
		return
	case refused && p.does(habitFamily):
		s.line.refused.Add(1)
		s.note(n, func(p *person) { p.refused = true })
		return
	case err == nil && p.does(habitFamily):
		s.ledger.breaks("%s got entry %d, although %s, of the same home, has a place", s.name(n), place.Entry, s.name(n-1))
	case err != nil:
		s.ledger.breaks("%s could not join: %s", s.name(n), outcomeOf(err))
		return
	}
	s.line.joined.Add(1)
	switch entry := place.Entry; {
	case p.does(habitTwice):
		again, id := place, "join"
		if n%2 == 0 {
			id = "reload"
		}
		if again, err = s.joinOnce(ctx, n, id); err != nil && ctx.Err() == nil || err == nil && again.Entry != entry {
			s.ledger.breaks("%s joined twice, with entry %d and then %d (%s)", s.name(n), entry, again.GetEntry(), outcomeOf(err))
		}
		s.line.again.Add(1)
	case p.does(habitReload), p.does(habitChange):
		if s.leave(ctx, n, "leave") != nil || p.does(habitChange) {
			s.line.left.Add(1)
			return
		}
		if again, err := s.joinOnce(ctx, n, "back"); err != nil && ctx.Err() == nil || err == nil && again.Entry <= entry {
			s.ledger.breaks("%s left entry %d and got entry %d (%s)", s.name(n), entry, again.GetEntry(), outcomeOf(err))
		}
		s.line.reloaded.Add(1)
	}
}

// guess tries to join as a member with a code that is none.
func (s *lineSale) guess(ctx context.Context, n int) {
	shop := s.shopOf(n)
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	_, err := shop.client.Do(within, s.plan.event, &pb.JoinCommand{
		RequestId: s.name(n) + "-guess", Buyer: s.name(n), Channel: shop.channel, Track: trackMember, Code: "let me in",
	})
	if _ = shop.note(ctx, err); ctx.Err() == nil && !refusedAs(err, engine.CodeCodeUnknown) {
		s.ledger.breaks("%s tried a code that is none, and was answered %s", s.name(n), outcomeOf(err))
	}
	s.line.guessed.Add(1)
}

// joinOnce asks for a place, and notes what the answer says.
func (s *lineSale) joinOnce(ctx context.Context, n int, id string) (*pb.Place, error) {
	p, shop := &s.people[n], s.shopOf(n)
	cmd := &pb.JoinCommand{RequestId: s.name(n) + "-" + id, Buyer: s.name(n), Channel: shop.channel, Track: p.track(), Wants: int64(n)%demoLimit + 1}
	if p.track() == trackMember {
		cmd.Code = demoMemberCode
	}
	if home := p.home(n); home != "" {
		cmd.Links = []string{home}
	}
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	r, err := shop.client.Do(within, s.plan.event, cmd)
	if shop.note(ctx, err) != nil {
		return nil, err
	}
	s.note(n, func(p *person) { p.told(r.Place) })
	if s.keep[n] && r.Place.Receipt != nil {
		s.crowdMu.Lock()
		s.receipts[n] = append(s.receipts[n], r.Place.Receipt)
		s.crowdMu.Unlock()
	}
	return r.Place, nil
}

// leave gives a person's place up.
func (s *lineSale) leave(ctx context.Context, n int, id string) error {
	shop := s.shopOf(n)
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	r, err := shop.client.Do(within, s.plan.event, &pb.LeaveCommand{RequestId: s.name(n) + "-" + id, Buyer: s.name(n), Channel: shop.channel})
	if shop.note(ctx, err) == nil {
		s.note(n, func(p *person) { p.told(r.Place) })
	}
	return err
}

// note changes what is known of a person.
func (s *lineSale) note(n int, change func(p *person)) {
	s.crowdMu.Lock()
	defer s.crowdMu.Unlock()
	change(&s.people[n])
}

// known is what is known of a person.
func (s *lineSale) known(n int) person {
	s.crowdMu.Lock()
	defer s.crowdMu.Unlock()
	return s.people[n]
}

// ask reads a person's place and waiting, as their client does that has heard nothing for a while.
func (s *lineSale) ask(ctx context.Context, n int) {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	shop := s.shopOf(n)
	r, err := shop.client.Do(within, s.plan.event, &pb.PlaceCommand{Buyer: s.name(n)})
	if err != nil {
		if ctx.Err() == nil {
			shop.counts.unanswered(fmt.Errorf("the place of %s: %w", s.name(n), err))
		}
		return
	}
	s.line.looks.Add(1)
	s.hears(ctx, n, news{place: r.Place, waiter: r.Waiter})
}

// news is what somebody learns of their place, and of their waiting for freed tickets: from a message, or because they have asked.
type news struct {
	place   *pb.Place
	waiter  *pb.Waiter
	message bool
}

// hears is what somebody does when they learn how it stands.
func (s *lineSale) hears(ctx context.Context, n int, of news) {
	var do func(context.Context, int)
	place, waiter := of.place, of.waiter
	s.note(n, func(p *person) {
		if s.deaf && of.message {
			return
		}
		if place != nil && int64(p.entry) <= place.Entry {
			p.told(place)
			if place.Chance.GetTold() == line.SoldOut.String() {
				p.soldOut = true
			}
		}
		if place.GetPass() != "" && len(s.passes) < demoPasses {
			s.passes[n] = toldPass{signed: place.Pass, at: time.Now()}
		}
		if waiter != nil {
			p.wait = waitState(waiter.State)
		}
		if s.over.Load() || p.shopping {
			return
		}
		switch {
		case p.state == engine.PlaceAdmitted && !p.did(didShop):
			do = p.begins(didShop, s.shop)
		case waiter != nil && p.wait == engine.WaitOffered && !p.did(didTake):
			do = p.begins(didTake, func(ctx context.Context, n int) { s.takeOffered(ctx, n, waiter) })
		case p.state == engine.PlaceSkipped && p.does(habitReturn) && !p.did(didReturn):
			do = p.begins(didReturn, s.comeBack)
		case p.soldOut && p.state == engine.PlaceWaiting && !p.did(didGiveUp) && (p.does(habitWait) || p.does(habitGiveUp)):
			do = p.begins(didGiveUp, s.hearsSoldOut)
		}
	})
	if do == nil || ctx.Err() != nil {
		return
	}
	s.acting.Go(func() {
		do(ctx, n)
		s.note(n, func(p *person) { p.shopping = false })
	})
}

// refusedAs reports whether a command was refused with a code.
func refusedAs(err error, code engine.Code) bool {
	var refused *client.Refusal
	return errors.As(err, &refused) && refused.Name == code.String()
}

// customers are the buyers of the crowd who pay through the engine; some of them have agreed that they are bought for.
func (s *lineSale) customers() []knownBuyer {
	list := s.sale.customers()
	for i := range list {
		list[i].autoBuy = s.people[s.number(list[i].id)].does(habitAuto)
	}
	return list
}
