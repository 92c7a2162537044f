package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// engineForExamples starts a NATS server with the engine's rules behind it, as `engine serve` does.
func engineForExamples() (url string, stop func()) {
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		panic(err)
	}
	nc, err := nats.Connect(url)
	if err != nil {
		panic(err)
	}
	server, err := transport.Serve(transport.Config{}, nc, &transporttest.Direct{Now: 1_777_629_600_000_000_000})
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

// A sale from its first hold to its last: the second buyer comes too late.
func Example() {
	url, stop := engineForExamples()
	defer stop()
	ctx := context.Background()

	c, err := client.Connect(url, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()

	_, err = c.Create(ctx, "night-one", &pb.CreateCommand{
		Name: "Night One", Currency: "EUR", HoldTtlMs: 120_000, Open: true,
		Lots: []*pb.LotSpec{{Lot: "ga", FaceMinor: new(int64(4500)), Capacity: 3}},
	})
	fmt.Println("created:", err == nil)

	hold, err := c.Hold(ctx, "night-one", &pb.HoldCommand{Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("held:", hold.TotalMinor, hold.Currency)

	_, err = c.Hold(ctx, "night-one", &pb.HoldCommand{Buyer: "b2", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}})
	var refusal *client.Refusal
	if errors.Is(err, client.ErrSoldOut) && errors.As(err, &refusal) {
		fmt.Println("refused:", refusal.Message)
	}

	order, err := c.Confirm(ctx, "night-one", &pb.ConfirmCommand{Buyer: "b1", Hold: hold.Id, PaymentRef: "inv-77"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("tickets:", len(order.Tickets))
	// Output:
	// created: true
	// held: 9000 EUR
	// refused: lot ga has 1 of 2 tickets left
	// tickets: 2
}

// Very many commands at once need no goroutine each: they gather into batches on their own.
func ExampleClient_HoldAsync() {
	url, stop := engineForExamples()
	defer stop()
	c, err := client.Connect(url, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }()
	_, err = c.Create(context.Background(), "night-two", &pb.CreateCommand{
		Name: "Night Two", Currency: "EUR", Open: true, Lots: []*pb.LotSpec{{Lot: "ga", Capacity: 70}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	const buyers = 100
	codes := make(chan string, buyers)
	for i := range buyers {
		hold := &pb.HoldCommand{Buyer: fmt.Sprintf("b%d", i), Items: []*pb.Item{{Lot: "ga", Quantity: 1}}}
		c.HoldAsync("night-two", hold, func(r client.Reply, err error) {
			if err != nil {
				codes <- err.Error()
				return
			}
			codes <- r.Code().String()
		})
	}
	count := map[string]int{}
	for range buyers {
		count[<-codes]++
	}
	fmt.Println(count)
	// Output: map[ok:70 sold_out:30]
}
