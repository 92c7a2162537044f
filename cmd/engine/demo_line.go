package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

const (
	demoLineBuyersDefault = 100_000
	demoLobbyMax          = 8 * time.Second // how long the lobby is open in a demo of the default size; a smaller one is over sooner
	demoLobbyMin          = 500 * time.Millisecond
	demoPassTTL           = 10 * time.Second
	demoGrace             = 4 * time.Second
	demoOfferTTL          = 4 * time.Second
	demoAside             = 8 * time.Second
	demoPresence          = 2 * time.Second // without a sign from somebody who has sent some, they are absent
	demoShoppersShare     = 8               // one of so many tickets is the most passes at once, so that the line is seen to move
	demoShoppersMin       = 20
	demoReceipts          = 200 // receipts that are kept and verified
	demoPasses            = 200 // passes, the same
	demoRefundShare       = 40  // one of so many orders is given back after the sell-out
)

// demoMemberCode is what members were sent: with it they join in a track of their own.
const demoMemberCode = "openers fan club"

// demoDrawValue is the public value of the demo's draw: what a lottery would have drawn.
func demoDrawValue(seed uint64) string {
	return fmt.Sprintf("lottery of the demo: %d %d %d", seed%49+1, (seed*7+3)%49+1, (seed*31+17)%49+1) //nolint:mnd // numbers of 49
}

// lineSale is a sale through a line: its crowd gathers in the lobby, is drawn, and shops with passes.
type lineSale struct {
	*sale
	crowdMu sync.Mutex
	people  []person
	deaf    bool // guarded like people: everybody asks for the last time, and a message may be older than an answer
	line    lineCounts

	keep             map[int]bool          // whose receipts are kept
	receipts         map[int][]*pb.Receipt // and those, by person
	natsURL          string
	passes           map[int]toldPass           // a sample of them by person, as edges get them
	published        publishedDraw              // what was published of the draw, as it came over NATS
	now              atomic.Pointer[pb.Line]    // the line, as it was published last
	broadcast        atomic.Pointer[pb.LineNow] // what was published of it last
	reports          *client.Client             // the connection that messages come over
	sellOut          time.Time                  // when nothing was free for the first time
	over             atomic.Bool                // the sale is closed
	sweeping, asking atomic.Bool
	acting           sync.WaitGroup // people who do something now
}

// lineCounts is what the crowd of a line did and was told.
type lineCounts struct {
	joined, again, reloaded, left, late, refused     atomic.Int64 // joins by how they ended
	admitted, vanished, returned                     atomic.Int64
	guessed                                          atomic.Int64 // members' codes that were none
	early, lent                                      atomic.Int64 // attempts to buy without a pass of one's own, all refused
	toldSoldOut, gaveUp                              atomic.Int64
	wished, autoWished, offered, ignored, autoBought atomic.Int64
	looks                                            atomic.Int64 // answers to place
	refunds, unblocked                               atomic.Int64
	messages                                         atomic.Int64 // about places and waiting, to single people
}

func newLineSale(p plan, buyers int, seed uint64) *lineSale {
	s := &lineSale{sale: newSale(p, buyers, seed, 0, 0), people: drawPeople(buyers, seed), keep: map[int]bool{}, receipts: map[int][]*pb.Receipt{}, passes: map[int]toldPass{}}
	for i := range min(demoReceipts, buyers) {
		s.keep[i*buyers/min(demoReceipts, buyers)] = true
	}
	return s
}

// makeLinePlan lays out a house that is sold through a line: the organiser's wishes are the demo's, with times for a crowd that is in a hurry.
func makeLinePlan(tickets int64) plan {
	p := makePlan(tickets)
	mode, value := engine.LineModeLine.String(), true
	ms := func(d time.Duration) *int64 { n := d.Milliseconds(); return &n }
	most := max(tickets/demoShoppersShare, demoShoppersMin)
	p.best = true
	p.line = &pb.LineSpec{
		Mode: &mode, DrawValue: &value, PassTtlMs: ms(demoPassTTL), GraceMs: ms(demoGrace), OfferTtlMs: ms(demoOfferTTL), AsideMs: ms(demoAside), ShoppersMax: &most,
		Tracks: demoTracks(),
	}
	return p
}

// demoTracks are the tracks of the demo's lines.
func demoTracks() []*pb.TrackSpec {
	return []*pb.TrackSpec{
		{Track: trackGeneral, ShareBp: shareGeneralBp}, {Track: trackMember, ShareBp: shareMemberBp, CodeOnly: true}, {Track: trackAccessible, ShareBp: shareAccessibleBp},
	}
}

// lobbyFor is how long the lobby is open.
func (s *lineSale) lobbyFor() time.Duration {
	return min(max(demoLobbyMax*time.Duration(s.buyers)/demoLineBuyersDefault, demoLobbyMin), demoLobbyMax)
}

// prepare creates the event, and waits until its lobby is open: once the hash of its seed is public.
func (s *lineSale) prepare(ctx context.Context) error {
	if err := s.office.create(ctx, s.plan.create()); err != nil {
		return fmt.Errorf("create the event: %w", err)
	}
	uses, track := int64(s.buyers), trackMember
	codes := &pb.CodesCommand{RequestId: s.office.officeID(), Codes: []*pb.CodeSpec{{Name: "members", Code: demoMemberCode, Uses: &uses, Track: &track}}}
	if _, err := s.office.client.Do(ctx, s.plan.event, codes); err != nil {
		return fmt.Errorf("set the members' code: %w", err)
	}
	if err := s.office.block(ctx, s.plan.blockLot, s.plan.blockUnits, false); err != nil {
		return fmt.Errorf("block the guests' places: %w", err)
	}
	return s.until(ctx, "open the lobby", func(l *pb.Line) bool { return l.Phase == engine.LineLobby.String() })
}

// linePatience is how long the demo waits for a step of the line.
const linePatience = time.Minute

// until reads the event until its line is as it should be.
func (s *lineSale) until(ctx context.Context, what string, done func(*pb.Line) bool) error {
	late := time.After(linePatience)
	tick := time.NewTicker(officeEvery)
	defer tick.Stop()
	for {
		if err := s.look(ctx); err != nil {
			return err
		}
		if l := s.now.Load(); l != nil && done(l) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return fmt.Errorf("%s: nothing of it after %v; the line is in phase %s", what, linePatience, s.now.Load().GetPhase())
		case <-tick.C:
		}
	}
}

// look reads the event and its line.
func (s *lineSale) look(ctx context.Context) error {
	e, err := s.office.client.Get(ctx, s.plan.event)
	if err != nil {
		return fmt.Errorf("read the event: %w", err)
	}
	s.shown.Store(shownOf(e))
	s.now.Store(e.Line)
	return nil
}

// run is the whole sale.
func (s *lineSale) run(ctx context.Context) error {
	stop, err := s.follow(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := s.gather(ctx); err != nil {
		return err
	}
	if err := s.draw(ctx); err != nil {
		return err
	}
	if err := s.serve(ctx); err != nil {
		return err
	}
	s.took = time.Since(s.opened)
	defer s.acting.Wait() // what was bought for somebody in the end is in their books
	return s.tellEverybody(ctx)
}

// draw closes the lobby, gives the public value, and waits until places are drawn.
func (s *lineSale) draw(ctx context.Context) error {
	if err := s.office.open(ctx); err != nil {
		return fmt.Errorf("open the sale: %w", err)
	}
	s.opened = time.Now()
	if err := s.until(ctx, "close the lobby", func(l *pb.Line) bool { return l.Root != "" }); err != nil {
		return err
	}
	if _, err := s.office.client.Do(ctx, s.plan.event, &pb.DrawCommand{RequestId: s.office.officeID(), Value: demoDrawValue(s.seed)}); err != nil {
		return fmt.Errorf("give the public value: %w", err)
	}
	return s.until(ctx, "draw the places", func(l *pb.Line) bool { return l.Phase == engine.LineServing.String() })
}

// told notes what somebody was told of their place. It is called with the mutex held.
func (p *person) told(place *pb.Place) {
	p.entry, p.state = line.Entry(place.Entry), placeState(place.State)
	if place.Place != 0 {
		p.place = line.Place(place.Place)
	}
}

// placeState finds a state of a place by its name; 0 is none.
func placeState(name string) engine.PlaceState {
	for s := engine.PlaceWaiting; s <= engine.PlaceOver; s++ {
		if s.String() == name {
			return s
		}
	}
	return 0
}

// waitState finds a state of a waiter by its name; 0 is none.
func waitState(name string) engine.WaitState {
	for s := engine.WaitWaiting; s <= engine.WaitOver; s++ {
		if s.String() == name {
			return s
		}
	}
	return 0
}

// demoInLine runs the sale and reports whether all of it adds up.
func demoInLine(ctx context.Context, p *process, sale *lineSale, stdout io.Writer) (sound bool, err error) {
	fmt.Fprintf(stdout, "An engine in %s, NATS at %s, HTTP at %s.\nThrough a line: %s tickets in %d lots, for %s buyers over %d NATS connections; a pass lives %v, a hold %v, passes at once at most %s.\n\n",
		p.config.data, p.natsURL, p.httpURL, thousands(sale.plan.tickets()), len(sale.plan.lots), thousands(int64(sale.buyers)), len(sale.shops), demoPassTTL, demoHoldTTL, thousands(sale.plan.line.GetShoppersMax()))
	if err := sale.prepare(ctx); err != nil {
		return false, err
	}
	if err := p.introduce(ctx, sale.customers()); err != nil {
		return false, err
	}
	over, drawn := make(chan struct{}), make(chan struct{})
	display := newLineDisplay(stdout, sale)
	go func() {
		defer close(drawn)
		display.run(over)
	}()
	err = sale.run(ctx)
	close(over)
	<-drawn
	if err != nil {
		return false, err
	}
	sale.counts.reporting.Wait()
	if err := sale.readBack(ctx); err != nil {
		return false, err
	}
	kept, err := p.settled(ctx, sale.sale)
	if err != nil {
		return false, err
	}
	if err := sale.look(ctx); err != nil {
		return false, err
	}
	found, err := sale.check(ctx)
	if err != nil {
		return false, err
	}
	found.print(stdout, sale)
	fair, err := sale.fairness(ctx)
	if err != nil {
		return false, err
	}
	fmt.Fprintln(stdout)
	if err := fair.print(stdout); err != nil {
		return false, err
	}
	sound = sale.report(stdout, display.display) && len(found.found) == 0 && fair.Overtaken == 0
	sale.summary(stdout)
	truth := sale.sandbox.Truth()
	r := reconcile(sale.ledger.ordered(), sale.ledger.paid(), kept, &truth, "hf."+p.store.Installation()+"."+engine.SingleAccount+"."+sale.plan.event+".")
	r.print(stdout)
	return sound && len(r.off) == 0, nil
}
