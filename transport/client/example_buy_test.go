package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// tillForExamples starts a NATS server with the engine's rules behind it, a gateway that always says yes, and buyers who have a saved card.
func tillForExamples() (url string, stop func()) {
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		panic(err)
	}
	nc, err := nats.Connect(url)
	if err != nil {
		panic(err)
	}
	watch := new(transport.Watch)
	rules := &transporttest.Direct{
		Now: 1_777_629_600_000_000_000, Changed: watch.PurchaseChanged,
		Note: func(*engine.Command) engine.Annotation {
			return engine.Annotation{
				Known: true, Method: "m1", Gateway: "sandbox", Kind: payment.MethodCard, Agreement: "2026-01",
				Can:        payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable,
				OneClickOn: true, OneClickShare: engine.OneClickEveryone,
			}
		},
		Gateway: func(w engine.Work) payment.Result {
			return payment.Result{Answer: payment.Authorised, Ref: "ch_1", AmountMinor: w.AmountMinor, Currency: w.Currency}
		},
	}
	server, err := transport.Serve(transport.Config{Watch: watch, Wallets: rules}, nc, rules)
	if err != nil {
		panic(err)
	}
	return url, func() {
		if err := server.Drain(context.Background()); err != nil {
			panic(err)
		}
		nc.Close()
		s.Shutdown()
		s.WaitForShutdown()
	}
}

// One click: the offer says what it costs, the buy waits until it is sold, and the same offer buys only once.
func ExampleClient_Buy() {
	url, stop := tillForExamples()
	defer stop()
	ctx := context.Background()
	c, err := client.Connect(url, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()

	_, err = c.Create(ctx, "night-one", &pb.CreateCommand{
		Name: "Night One", Currency: "EUR", Open: true, Lots: []*pb.LotSpec{{Lot: "ga", FaceMinor: new(int64(4500)), Capacity: 3}},
	})
	fmt.Println("created:", err == nil)

	offer, err := c.Offer(ctx, "night-one", &pb.OfferCommand{Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("show the button:", offer.OneClick, offer.TotalMinor, offer.Currency)

	purchase, order, err := c.Buy(ctx, "night-one", &pb.BuyCommand{Buyer: "b1", Offer: offer.Id, WaitMs: new(int64(10_000))})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("bought:", purchase.State, len(order.Tickets), order.Tickets[0].State)

	_, _, err = c.Buy(ctx, "night-one", &pb.BuyCommand{Buyer: "b1", Offer: offer.Id})
	fmt.Println("once only:", errors.Is(err, client.ErrOfferUsed))

	purchase, _, err = c.Undo(ctx, "night-one", &pb.UndoCommand{Buyer: "b1", Purchase: purchase.Id})
	fmt.Println("taken back:", purchase.GetUndone(), err)
	// Output:
	// created: true
	// show the button: true 9000 EUR
	// bought: sold 2 pending
	// once only: true
	// taken back: true <nil>
}
