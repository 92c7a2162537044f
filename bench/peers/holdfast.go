package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// holdfast is the whole engine in this process, on an embedded NATS server over loopback TCP, asked by its own client: the [Peer] that the others are
// compared with.
type holdfast struct {
	rig    *bench.Rig
	client *client.Client
}

var _ Peer = (*holdfast)(nil)

// startHoldfast starts an engine with its data in dir.
func startHoldfast(dir string) (*holdfast, error) {
	rig, err := bench.StartRig(bench.RigConfig{Dir: dir})
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(rig.URL, client.Options{})
	if err != nil {
		return nil, errors.Join(err, rig.Close())
	}
	return &holdfast{rig: rig, client: c}, nil
}

func (h *holdfast) end() error { return errors.Join(h.client.Close(), h.rig.Close()) }

// Create implements [Peer].
func (h *holdfast) Create(ctx context.Context, event string, tickets int, ttl time.Duration) error {
	face, noSpread := int64(4500), int64(0)
	_, err := h.client.Create(ctx, event, &pb.CreateCommand{
		RequestId: "create", Name: "Night One", Currency: "EUR", HoldTtlMs: ttl.Milliseconds(), SpreadMs: &noSpread, LimitPerBuyer: LimitPerBuyer, Open: true,
		Lots: []*pb.LotSpec{{Lot: bench.LotID, FaceMinor: &face, Fees: []*pb.Fee{{Name: "service", Minor: 250}}, Capacity: int64(tickets)}},
	})
	if err != nil {
		return fmt.Errorf("holdfast: create %s: %w", event, err)
	}
	return nil
}

// Hold implements [Peer].
func (h *holdfast) Hold(ctx context.Context, r Request) (Answer, error) {
	reply, err := h.client.Do(ctx, r.Event, &pb.HoldCommand{
		RequestId: r.ID, Buyer: r.Buyer, Items: []*pb.Item{{Lot: bench.LotID, Quantity: int64(r.Quantity)}},
	})
	if code := refusedWith(err); code != "" {
		return Answer{Code: code}, nil
	}
	if err != nil {
		return Answer{}, fmt.Errorf("holdfast: hold %s: %w", r.ID, err)
	}
	return Answer{Code: Held, Hold: reply.Hold.Id, Deadline: reply.Hold.ExpiresAt.AsTime(), Repeated: reply.Repeated}, nil
}

// Confirm implements [Peer].
func (h *holdfast) Confirm(ctx context.Context, event, buyer, hold string) (Code, error) {
	_, err := h.client.Confirm(ctx, event, &pb.ConfirmCommand{Buyer: buyer, Hold: hold, PaymentRef: "inv-1"})
	if code := refusedWith(err); code != "" {
		return code, nil
	}
	if err != nil {
		return "", fmt.Errorf("holdfast: confirm %s: %w", hold, err)
	}
	return Confirmed, nil
}

func refusedWith(err error) Code {
	var refusal *client.Refusal
	if errors.As(err, &refusal) {
		return Code(refusal.Name)
	}
	return ""
}

// Ledger implements [Peer].
func (h *holdfast) Ledger(ctx context.Context, event string) (Ledger, error) {
	e, err := h.client.Get(ctx, event)
	if err != nil {
		return Ledger{}, fmt.Errorf("holdfast: ledger of %s: %w", event, err)
	}
	return Ledger{Free: e.Lots[0].Free, Held: e.Lots[0].Held, Sold: e.Lots[0].Sold}, nil
}
