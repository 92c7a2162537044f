package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// waitDefault is how long a buy waits if it does not say: a bound of the wire.
const waitDefault = 2 * time.Second

// Offer asks whether to show a buyer the one-click button, and for how much.
func (c *Client) Offer(ctx context.Context, event string, cmd *pb.OfferCommand) (*pb.Offer, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbOffer, cmd, (*pb.Reply).GetOffer)
}

// Buy holds, charges and orders. It waits for the final state for cmd.WaitMs, or 2 seconds if that is not set, and shows the purchase as it is then,
// with its order once it is sold. Commands for the same event do not wait for it.
//
// ctx has to last longer than the wait: whoever leaves earlier gets [ErrOutcomeUnknown]. Send it again then with the same request id: nobody is charged twice.
func (c *Client) Buy(ctx context.Context, event string, cmd *pb.BuyCommand) (*pb.Purchase, *pb.Order, error) {
	giveID(&cmd.RequestId)
	return purchased(c.buy(ctx, event, cmd))
}

// buy sends a buy. One that waits goes by itself, and an attempt counts as lost only when the engine has had the time that it was given: sent again
// sooner it would wait anew each time, and never be answered.
func (c *Client) buy(ctx context.Context, event string, cmd *pb.BuyCommand) (*pb.Reply, error) {
	wait := waitDefault
	if cmd.WaitMs != nil {
		wait = max(0, time.Duration(*cmd.WaitMs)*time.Millisecond)
	}
	if wait == 0 {
		return c.do(ctx, event, engine.VerbBuy, cmd)
	}
	if !engine.ValidID(event) {
		return nil, badEvent()
	}
	r, err := c.ask(ctx, subject(event, engine.VerbBuy.String()), cmd, wait)
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return nil, err
	}
	return r.Decode()
}

// purchased picks what a reply shows of a purchase.
func purchased(reply *pb.Reply, err error) (*pb.Purchase, *pb.Order, error) {
	switch {
	case err != nil:
		return nil, nil, err
	case reply.Purchase == nil:
		return nil, nil, fmt.Errorf("%w: the answer shows no purchase", ErrBadReply)
	}
	return reply.Purchase, reply.Order, nil
}

// Purchase shows a purchase as it is now, with its order once it is sold.
func (c *Client) Purchase(ctx context.Context, event string, cmd *pb.PurchaseCommand) (*pb.Purchase, *pb.Order, error) {
	return purchased(c.do(ctx, event, engine.VerbPurchase, cmd))
}

// Complete says that the buyer has authenticated, or has come back from a redirect, and shows the purchase.
func (c *Client) Complete(ctx context.Context, event string, cmd *pb.CompleteCommand) (*pb.Purchase, *pb.Order, error) {
	giveID(&cmd.RequestId)
	return purchased(c.do(ctx, event, engine.VerbComplete, cmd))
}

// Undo takes back a purchase that was just sold, and shows it.
func (c *Client) Undo(ctx context.Context, event string, cmd *pb.UndoCommand) (*pb.Purchase, *pb.Order, error) {
	giveID(&cmd.RequestId)
	return purchased(c.do(ctx, event, engine.VerbUndo, cmd))
}

// Refund gives money back for an order, or for a part of it, and shows the refund.
func (c *Client) Refund(ctx context.Context, event string, cmd *pb.RefundCommand) (*pb.Refund, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbRefund, cmd, (*pb.Reply).GetRefund)
}

// Admit lets the holder of a ticket in, once, and shows the ticket. The second time it is refused [ErrAlreadyAdmitted], which tells when and where
// the first was.
func (c *Client) Admit(ctx context.Context, event string, cmd *pb.AdmitCommand) (*pb.Ticket, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbAdmit, cmd, (*pb.Reply).GetTicket)
}

// Reissue gives a ticket a new code, and shows the ticket. The old code admits nobody any more.
func (c *Client) Reissue(ctx context.Context, event string, cmd *pb.ReissueCommand) (*pb.Ticket, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbReissue, cmd, (*pb.Reply).GetTicket)
}

// Cancel says that the show does not take place, and shows the event. Every order is refunded.
func (c *Client) Cancel(ctx context.Context, event string, cmd *pb.CancelCommand) (*pb.Event, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbCancel, cmd, (*pb.Reply).GetEvent)
}

// OneClick switches one-click checkout of an event on or off, or widens it, and shows the event.
func (c *Client) OneClick(ctx context.Context, event string, cmd *pb.OneClickCommand) (*pb.Event, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbOneClick, cmd, (*pb.Reply).GetEvent)
}

// followedMax is how many purchases a subscription remembers, to leave out what is told twice.
const followedMax = 4096

// Purchases calls changed with every change of a buyer's purchases in an event from now on; an empty buyer is all buyers. What is told twice, or older
// than what was told before, is left out. changed is called from one goroutine; messages may be lost, so ask [Client.Purchase] when it matters.
// stop ends it.
func (c *Client) Purchases(event, buyer string, changed func(*pb.PurchaseChanged)) (stop func() error, err error) {
	switch {
	case !engine.ValidID(event):
		return nil, badEvent()
	case buyer == "":
		buyer = "*"
	case !engine.ValidID(buyer):
		return nil, badID("buyer")
	}
	f := &following{changed: changed, seen: make(map[string]int64)}
	sub, err := c.nc.Subscribe(purchasesSubject(event, buyer), f.take)
	if err != nil {
		return nil, fmt.Errorf("holdfast: follow purchases: %w", err)
	}
	return sub.Unsubscribe, nil
}

// following is a subscription to purchases.
type following struct {
	changed func(*pb.PurchaseChanged)
	mu      sync.Mutex
	seen    map[string]int64 // by purchase, the seq that was told last
}

func (f *following) take(m *nats.Msg) {
	change := new(pb.PurchaseChanged)
	if (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(m.Data, change) != nil {
		return // not of this contract
	}
	f.mu.Lock()
	id := change.GetPurchase().GetId()
	old := change.Seq <= f.seen[id]
	if !old {
		if len(f.seen) >= followedMax {
			clear(f.seen)
		}
		f.seen[id] = change.Seq
	}
	f.mu.Unlock()
	if !old {
		f.changed(change)
	}
}
