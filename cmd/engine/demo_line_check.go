package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// The checks of a line hold three things against each other: what was published of the draw, what single people were told, and what the engine counts.

// lineAudit is what the checks found.
type lineAudit struct {
	audit

	drawn    *drawnPlaces
	places   int            // of people who were in the lobby at the end, told as drawn
	receipts int            // that are genuine and lead to the place that was told
	passes   int            // whose signature is good
	answers  map[string]int // people, by their last answer
}

// The last answers that people get, in the order in which they are printed.
const (
	answerBought   = "bought with a pass"
	answerWaited   = "bought from the waiting list"
	answerGaveBack = "bought, and took it back or were refunded"
	answerLapsed   = "had a pass, and did not buy before it ran out"
	answerGone     = "were not there when it was their turn"
	answerLeft     = "left by themselves"
	answerListEnd  = "were offered tickets from the waiting list, and did not take or get them"
	answerSoldOut  = "were told that it is sold out, and stayed until the end"
	answerOver     = "still had a chance when the sale was closed"
	answerRefused  = "got no place: somebody of their home has one"
)

var lineAnswers = [...]string{
	answerBought, answerWaited, answerGaveBack, answerLapsed, answerGone, answerLeft, answerListEnd, answerSoldOut, answerOver, answerRefused,
}

// check looks at everything that is known of the line once the sale is closed and everybody has asked for the last time.
func (s *lineSale) check(ctx context.Context) (*lineAudit, error) {
	a := &lineAudit{audit: audit{plan: &s.plan}, answers: map[string]int{}}
	if err := s.checkDraw(ctx, a); err != nil {
		return nil, err
	}
	keys, err := s.keySet(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the public keys: %w", err)
	}
	s.checkReceipts(keys, a)
	s.checkPasses(keys, a)
	s.checkAnswers(a)
	return a, nil
}

// checkDraw recomputes the draw from what was published of it, and compares what everybody was told with it.
func (s *lineSale) checkDraw(ctx context.Context, a *lineAudit) error {
	d, err := fetchDraw(ctx, s.office.client, engine.SingleAccount, s.plan.event)
	if err != nil {
		return err
	}
	if p := s.published; d.Lobby.Commit != p.Lobby.Commit || d.Closed != p.Closed || d.Revealed != p.Revealed {
		a.off("the draw reads commit %s, root %s, %d entries, value %q; while the sale ran it was published as %s, %s, %d, %q",
			d.Lobby.Commit, d.Closed.Root, d.Closed.Entries, d.Revealed.Value, p.Lobby.Commit, p.Closed.Root, p.Closed.Entries, p.Revealed.Value)
	}
	if want := demoDrawValue(s.seed); d.Revealed.Value != want {
		a.off("the draw was made with the value %q, the office gave %q", d.Revealed.Value, want)
	}
	if a.drawn, err = d.check(); err != nil {
		a.off("the draw cannot be recomputed: %v", err)
		return nil //nolint:nilerr // it is what was looked for
	}
	for n := range s.people {
		p := &s.people[n]
		if p.entry == 0 || int64(p.entry) > d.Closed.Entries {
			continue
		}
		i := p.entry - 1
		switch want := a.drawn.places[i]; {
		case a.drawn.leaves[i] != line.Leaf(engine.SingleAccount, s.plan.event, d.Lobby.Commit, p.entry, s.name(n)):
			a.off("%s was told to have entry %d, which is somebody else's in the published list", s.name(n), p.entry)
		case p.place != want && p.place != 0:
			a.off("%s, entry %d, was told place %d, and what was published gives place %d", s.name(n), p.entry, p.place, want)
		case p.place == want:
			a.places++
		}
	}
	return nil
}

// checkReceipts checks the receipts that were kept, as their owners could.
func (s *lineSale) checkReceipts(keys []byte, a *lineAudit) {
	d := s.published
	for n, list := range s.receipts {
		for _, told := range list {
			r, err := receiptOf(told)
			if err == nil {
				err = checkReceipt(r, keys)
			}
			if err == nil && a.drawn != nil {
				_, err = d.placeOf(a.drawn, r)
			}
			if err != nil {
				a.off("the receipt of %s, entry %d: %v", s.name(n), told.Entry, err)
				continue
			}
			a.receipts++
		}
	}
}

// toldPass is a pass as its buyer was told of it, and when.
type toldPass struct {
	signed string
	at     time.Time
}

// checkPasses checks passes as an edge does, at the time at which they were told.
func (s *lineSale) checkPasses(keys []byte, a *lineAudit) {
	set, err := ticket.ParseKeySet(keys)
	if err != nil {
		a.off("the public keys: %v", err)
		return
	}
	for n, told := range s.passes {
		pass, err := ticket.VerifyPass(told.signed, set, told.at)
		if err != nil {
			a.off("the pass of %s: %v", s.name(n), err)
			continue
		}
		if pass.Buyer != s.name(n) || pass.Event != s.plan.event || line.Place(pass.Place) != s.people[n].place {
			a.off("the pass of %s, at place %d, is of %s for event %s at place %d", s.name(n), s.people[n].place, pass.Buyer, pass.Event, pass.Place)
			continue
		}
		a.passes++
	}
}

// receiptOf reads a receipt of the wire.
func receiptOf(p *pb.Receipt) (*line.Receipt, error) {
	r := &line.Receipt{
		Account: p.Account, Event: p.Event, Entry: line.Entry(p.Entry), Buyer: p.Buyer, Index: uint32(p.Index), Size: uint32(p.Size), KeyID: p.Kid, Path: make([]line.Hash, len(p.Path)),
	}
	texts := []struct {
		into interface{ UnmarshalText(text []byte) error }
		text string
	}{{&r.Commit, p.Commit}, {&r.Root, p.Root}, {&r.Signature, p.Signature}}
	for i := range p.Path {
		texts = append(texts, struct {
			into interface{ UnmarshalText(text []byte) error }
			text string
		}{&r.Path[i], p.Path[i]})
	}
	for _, t := range texts {
		if err := t.into.UnmarshalText([]byte(t.text)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// checkAnswers looks whether everybody got a last answer, and whether it fits with their books.
func (s *lineSale) checkAnswers(a *lineAudit) {
	bought, back := map[string]bool{}, map[string]bool{}
	orders := s.ledger.ordered()
	for i := range orders {
		bought[orders[i].buyer] = true
	}
	for _, o := range s.ledger.givenBack() {
		back[o.buyer] = true
	}
	for _, p := range s.ledger.paid() {
		back[p.buyer] = back[p.buyer] || p.undone
	}
	for n := range s.people {
		p, name := &s.people[n], s.name(n)
		answer := p.answer(bought[name], back[name])
		if answer == "" {
			a.off("%s got no last answer: place %s, waiting list %s", name, p.state, p.wait)
			continue
		}
		a.answers[answer]++
		if ordered := p.state == engine.PlaceSpent || p.wait == engine.WaitBought; ordered != (bought[name] || back[name]) {
			a.off("%s: place %s, waiting list %s, and by their books they have bought: %t", name, p.state, p.wait, bought[name] || back[name])
		}
	}
}

// answer is the last answer that somebody got; none is empty.
func (p *person) answer(bought, back bool) string {
	switch {
	case p.refused:
		return answerRefused
	case back && !bought:
		return answerGaveBack
	case p.wait == engine.WaitBought && bought:
		return answerWaited
	case p.state == engine.PlaceSpent && bought:
		return answerBought
	case p.wait == engine.WaitLapsed, p.wait == engine.WaitReleased, p.wait == engine.WaitUnpaid, p.wait == engine.WaitUnfit:
		return answerListEnd
	}
	switch p.state { //nolint:exhaustive // the others are no last answers
	case engine.PlaceLapsed:
		return answerLapsed
	case engine.PlaceGone:
		return answerGone
	case engine.PlaceLeft:
		return answerLeft
	case engine.PlaceOver:
		if p.soldOut {
			return answerSoldOut
		}
		return answerOver
	}
	return ""
}

// answered is how many got a last answer.
func (a *lineAudit) answered() (n int) {
	for _, count := range a.answers {
		n += count
	}
	return n
}

// print says what the checks found.
func (a *lineAudit) print(w io.Writer, s *lineSale) {
	fmt.Fprintf(w, "\nThe draw: %s entries, recomputed from what was published alone.\n", thousands(s.published.Closed.Entries))
	fmt.Fprintf(w, "  commit %s\n  root   %s\n  seed   %s\n  value  %s\n", s.published.Lobby.Commit, s.published.Closed.Root, s.published.Revealed.Seed, s.published.Revealed.Value)
	fmt.Fprintf(w, "  %s people were told just the place that follows; %d receipts are genuine and lead there; %d passes are signed for their buyers\n",
		thousands(int64(a.places)), a.receipts, a.passes)
	fmt.Fprintf(w, "\nLast answers: %s of %s people have one.\n", thousands(int64(a.answered())), thousands(int64(len(s.people))))
	for _, answer := range lineAnswers {
		if n := a.answers[answer]; n > 0 {
			fmt.Fprintf(w, "  %8s  %s\n", thousands(int64(n)), answer)
		}
	}
	if len(a.found) > 0 {
		fmt.Fprintf(w, "\nThe line: OFF, in %d ways.\n", len(a.found))
		for i, what := range a.found[:min(len(a.found), brokenMax)] {
			fmt.Fprintf(w, "  %d. %s\n", i+1, strings.TrimSpace(what))
		}
	}
}

// keySet is the set of public keys, as the engine publishes it.
func (s *lineSale) keySet(ctx context.Context) ([]byte, error) {
	within, cancel := context.WithTimeout(ctx, shopPatience)
	defer cancel()
	return (&natsAccess{url: s.natsURL}).request(within, transport.SubjectJWKS, []byte("{}"))
}

// fairness asks the engine how fair the line has been.
func (s *lineSale) fairness(ctx context.Context) (*fairReport, error) {
	r, err := s.office.client.Do(ctx, s.plan.event, &pb.GetCommand{Fairness: true})
	if err != nil {
		return nil, fmt.Errorf("ask how fair the line was: %w", err)
	}
	return fairOfReply(r.Event), nil
}

// summary says what the crowd of the line did.
func (s *lineSale) summary(w io.Writer) {
	c := &s.line
	n := func(count *atomic.Int64) string { return thousands(count.Load()) }
	fmt.Fprintf(w, `
The line
  lobby      %s joined, %s of them twice and %s anew after leaving; %s left; %s refused, as somebody of their home has a place; %s came later
  passes     %s people heard of theirs, %s of them were not seen again; %s were back after they had been skipped
  tries      %s without a pass, %s with somebody else's, %s with a members' code that is none: all refused
  told       %s messages to single people, %s of them that it is sold out; places read %s times
  sold out   %s left then, %s went on the waiting list, %s of them to be bought for; %s orders given back and %s tickets of guests freed
  list       %s were offered tickets, %s did not look, %s were bought for
`, n(&c.joined), n(&c.again), n(&c.reloaded), n(&c.left), n(&c.refused), n(&c.late), n(&c.admitted), n(&c.vanished), n(&c.returned), n(&c.early), n(&c.lent), n(&c.guessed),
		n(&c.messages), n(&c.toldSoldOut), n(&c.looks), n(&c.gaveUp), n(&c.wished), n(&c.autoWished), n(&c.refunds), n(&c.unblocked), n(&c.offered), n(&c.ignored), n(&c.autoBought))
}

// demoCheckLine has the stopped engine's log judged by a checker that knows nothing but it and the rules.
func demoCheckLine(ctx context.Context, w io.Writer, p *process) (fair bool, err error) {
	r, err := fairOfFolder(ctx, p.config.data, engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: demoEvent})
	if err != nil {
		return false, err
	}
	c := r.Checked
	if c.FromFact != 0 {
		return false, fmt.Errorf("the line cannot be checked: its log begins with fact %d", c.FromFact)
	}
	fmt.Fprintf(w, "The line by its log: %s inversions in %s passes, %s skips and %s offers.\n", thousands(c.Inversions), thousands(c.Passes), thousands(c.Skips), thousands(c.Offers))
	for _, wrong := range c.Wrong {
		fmt.Fprintf(w, "  %s\n", wrong)
	}
	return c.Inversions == 0 && r.Overtaken == 0, nil
}
