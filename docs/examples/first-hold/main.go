// Command first-hold sells tickets from Go: it makes an event, holds two tickets, confirms them, and is refused.
//
//	go run ./docs/examples/first-hold                              # an engine on nats://127.0.0.1:4222
//	NATS_URL=nats://127.0.0.1:4333 go run ./docs/examples/first-hold
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/holdfast-engine/holdfast/transport/client"
	"github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

func main() {
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = "nats://127.0.0.1:4222"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := sell(ctx, url, fmt.Sprintf("night-one-%d", time.Now().UnixNano())); err != nil {
		fmt.Fprintln(os.Stderr, "first-hold:", err)
		os.Exit(1)
	}
}

// sell puts an event with three tickets on sale and sells two of them. The commands carry no request ids: the client makes them, and sends
// a command again with the same id if its answer is lost.
func sell(ctx context.Context, url, event string) error {
	c, err := client.Connect(url, client.Options{})
	if err != nil {
		return fmt.Errorf("connect: %w: start an engine with: go run ./cmd/engine serve", err)
	}
	defer func() { _ = c.Close() }()

	face := int64(4500)
	if _, err := c.Create(ctx, event, &holdfastpb.CreateCommand{
		Name: "Night One", Currency: "EUR", HoldTtlMs: 120_000, MaxHoldMs: 600_000, LimitPerBuyer: 4, Open: true,
		Lots: []*holdfastpb.LotSpec{{Lot: "ga", FaceMinor: &face, Fees: []*holdfastpb.Fee{{Name: "service", Minor: 250}}, Capacity: 3}},
	}); err != nil {
		return fmt.Errorf("create %s: %w", event, err)
	}

	two := []*holdfastpb.Item{{Lot: "ga", Quantity: 2}}
	hold, err := c.Hold(ctx, event, &holdfastpb.HoldCommand{Buyer: "b1", Items: two})
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	fmt.Printf("held %s until %s for %d %s in minor units\n", hold.Id, hold.ExpiresAt.AsTime().Format(time.TimeOnly), hold.TotalMinor, hold.Currency)

	order, err := c.Confirm(ctx, event, &holdfastpb.ConfirmCommand{Buyer: "b1", Hold: hold.Id, PaymentRef: "inv-77"})
	if err != nil {
		return fmt.Errorf("confirm %s: %w", hold.Id, err)
	}
	fmt.Printf("sold %s with %d tickets\n", order.Id, len(order.Tickets))

	_, err = c.Hold(ctx, event, &holdfastpb.HoldCommand{Buyer: "b2", Items: two})
	if !errors.Is(err, client.ErrSoldOut) {
		return fmt.Errorf("one ticket is left, so two should be refused as sold out, but the answer is %w", err)
	}
	fmt.Printf("refused: %v\n", err)
	return nil
}
