package fault

import (
	"fmt"
	"sync"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// TestOneOfferOneOrder lets a buyer's clients click a hundred times at the same moment on one offer, each click with a request id of its own, over
// several NATS connections: there is exactly one order, and every other click says why it is none.
func TestOneOfferOneOrder(t *testing.T) {
	const clicks, connections, tickets = 100, 10, 2
	h := &History{Program: engineProgram(t), Dir: t.TempDir(), Events: 1}
	ctx := within(t, patience)
	if err := h.wallets(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.serve(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.process.Stop(); err != nil {
			t.Error(err)
		}
	}()
	clients, err := Dials(h.process.Ready.NATS, connections)
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll(clients)
	const event = "linear-0"
	ask := func(c *Client, in *LinearInput) *pb.Reply {
		in.Event = event
		r, err := c.Ask(ctx, in.command())
		if err != nil {
			t.Error(err)
		}
		return r
	}
	ask(clients[0], &LinearInput{Verb: engine.VerbCreate, ID: "create"})
	offer := ask(clients[0], &LinearInput{Verb: engine.VerbOffer, ID: "offer", GA: tickets, Method: methodOK}).GetOffer()
	if !offer.GetOneClick() {
		t.Fatalf("no button: %v", offer)
	}
	replies := make([]*pb.Reply, clicks)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range clicks {
		wg.Go(func() {
			<-start
			click := &LinearInput{Verb: engine.VerbBuy, ID: fmt.Sprintf("click-%d", i), Offer: offer.GetId(), Method: methodOK, WaitMs: 20_000}
			replies[i] = ask(clients[i%connections], click)
		})
	}
	close(start)
	wg.Wait()
	answers := map[string]int{}
	var bought *pb.Reply
	for i, r := range replies {
		answers[code(r)]++
		switch code(r) {
		case engine.CodeOK.String():
			bought = r
		case engine.CodeOfferUsed.String(), engine.CodePaymentInProgress.String():
		case engine.CodeStepUpRequired.String(): // so many tries of a buyer in an hour look like somebody else's
		default:
			t.Errorf("click %d is answered %v", i, r)
		}
	}
	if answers["ok"] != 1 || bought.GetPurchase().GetState() != stateSold || len(bought.GetOrder().GetTickets()) != tickets {
		t.Fatalf("one click must be sold, the answers are %v, and of the one %v", answers, bought)
	}
	v, err := clients[0].Show(ctx, event)
	if err != nil {
		t.Fatal(err)
	}
	ga := v.GetLots()[0]
	if v.GetOrders() != 1 || ga.GetSold() != tickets || ga.GetHeld()+ga.GetPaying() != 0 || ga.GetFree() != linearGA-tickets {
		t.Errorf("the event has %d orders and %v", v.GetOrders(), ga)
	}
	if last := ask(clients[1], &LinearInput{Verb: engine.VerbBuy, ID: "late", Offer: offer.GetId(), Method: methodOK}); code(last) != engine.CodeOfferUsed.String() {
		t.Errorf("a late click is answered %v", last)
	}
	t.Logf("%d clicks: %v", clicks, answers)
}
