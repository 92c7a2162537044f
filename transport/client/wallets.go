package client

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The commands for a buyer's wallet. Each sends, waits, and returns the wallet as it is now, or an error as the other commands do.

// SaveMethod saves a method of payment by its gateway's token, and returns its id too, as in "m3".
func (c *Client) SaveMethod(ctx context.Context, buyer string, cmd *pb.SaveMethodCommand) (method string, w *pb.Wallet, err error) {
	giveID(&cmd.RequestId)
	r, err := c.wallet(ctx, buyer, "save", cmd)
	return r.GetMethod(), r.GetWallet(), err
}

// Wallet shows what is saved of a buyer, and whether they may buy with one click.
func (c *Client) Wallet(ctx context.Context, buyer string) (*pb.Wallet, error) {
	r, err := c.wallet(ctx, buyer, "list", new(pb.ListMethodsCommand))
	return r.GetWallet(), err
}

// RemoveMethod forgets a saved method.
func (c *Client) RemoveMethod(ctx context.Context, buyer string, cmd *pb.RemoveMethodCommand) (*pb.Wallet, error) {
	giveID(&cmd.RequestId)
	r, err := c.wallet(ctx, buyer, "remove", cmd)
	return r.GetWallet(), err
}

// DefaultMethod chooses the method that is taken if a purchase names none.
func (c *Client) DefaultMethod(ctx context.Context, buyer string, cmd *pb.DefaultMethodCommand) (*pb.Wallet, error) {
	giveID(&cmd.RequestId)
	r, err := c.wallet(ctx, buyer, "default", cmd)
	return r.GetWallet(), err
}

// Agree records what a buyer has agreed to, or withdraws it.
func (c *Client) Agree(ctx context.Context, buyer string, cmd *pb.AgreeCommand) (*pb.Wallet, error) {
	giveID(&cmd.RequestId)
	r, err := c.wallet(ctx, buyer, "agree", cmd)
	return r.GetWallet(), err
}

// History shows a buyer's past purchases.
func (c *Client) History(ctx context.Context, buyer string) (*pb.History, error) {
	r, err := c.wallet(ctx, buyer, "history", new(pb.HistoryCommand))
	return r.GetHistory(), err
}

func (c *Client) wallet(ctx context.Context, buyer, verb string, cmd proto.Message) (*pb.BuyerReply, error) {
	if !engine.ValidID(buyer) {
		return nil, badID("buyer")
	}
	r, err := c.ask(ctx, buyersSubject(buyer, verb), cmd, 0)
	if err == nil {
		err = r.Err() // the error has the same place in every reply
	}
	if err != nil {
		return nil, err
	}
	reply := new(pb.BuyerReply)
	if err := proto.Unmarshal(r.body, reply); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	return reply, nil
}
