package client

import (
	"context"
	"crypto/rand"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The commands. Each sends, waits, and returns what the engine shows, or an error: a *[Refusal], [ErrOutcomeUnknown], [ErrQueueFull],
// [ErrNoEngine], [ErrClosed] or the context's. A command without a request id gets one.

// giveID makes a request id if there is none: 130 random bits.
func giveID(id *string) {
	if *id == "" {
		*id = rand.Text()
	}
}

// Create makes an event and shows it.
func (c *Client) Create(ctx context.Context, event string, cmd *pb.CreateCommand) (*pb.Event, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbCreate, cmd, (*pb.Reply).GetEvent)
}

// Update changes the fields of an event that are present, and shows it.
func (c *Client) Update(ctx context.Context, event string, cmd *pb.UpdateCommand) (*pb.Event, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbUpdate, cmd, (*pb.Reply).GetEvent)
}

// Open puts an event on sale and shows it.
func (c *Client) Open(ctx context.Context, event string, cmd *pb.OpenCommand) (*pb.Event, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbOpen, cmd, (*pb.Reply).GetEvent)
}

// Pause stops new holds and shows the event.
func (c *Client) Pause(ctx context.Context, event string, cmd *pb.PauseCommand) (*pb.Event, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbPause, cmd, (*pb.Reply).GetEvent)
}

// CloseEvent ends the sales of an event and shows it.
func (c *Client) CloseEvent(ctx context.Context, event string, cmd *pb.CloseCommand) (*pb.Event, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbClose, cmd, (*pb.Reply).GetEvent)
}

// Get shows an event.
func (c *Client) Get(ctx context.Context, event string) (*pb.Event, error) {
	return show(ctx, c, event, engine.VerbGet, new(pb.GetCommand), (*pb.Reply).GetEvent)
}

// Hold takes tickets out of sale and shows the hold.
func (c *Client) Hold(ctx context.Context, event string, cmd *pb.HoldCommand) (*pb.Hold, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbHold, cmd, (*pb.Reply).GetHold)
}

// Extend moves a hold's deadline and shows the hold.
func (c *Client) Extend(ctx context.Context, event string, cmd *pb.ExtendCommand) (*pb.Hold, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbExtend, cmd, (*pb.Reply).GetHold)
}

// Release gives a hold's tickets back and shows the hold.
func (c *Client) Release(ctx context.Context, event string, cmd *pb.ReleaseCommand) (*pb.Hold, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbRelease, cmd, (*pb.Reply).GetHold)
}

// Confirm makes an order of a hold that was paid elsewhere, and shows the order with its tickets.
func (c *Client) Confirm(ctx context.Context, event string, cmd *pb.ConfirmCommand) (*pb.Order, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbConfirm, cmd, (*pb.Reply).GetOrder)
}

// Order shows an order.
func (c *Client) Order(ctx context.Context, event string, cmd *pb.OrderCommand) (*pb.Order, error) {
	return show(ctx, c, event, engine.VerbOrder, cmd, (*pb.Reply).GetOrder)
}

// Block takes free tickets out of sale and shows the lot's counts.
func (c *Client) Block(ctx context.Context, event string, cmd *pb.BlockCommand) (*pb.Capacity, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbBlock, cmd, (*pb.Reply).GetCapacity)
}

// Unblock puts blocked tickets back on sale and shows the lot's counts.
func (c *Client) Unblock(ctx context.Context, event string, cmd *pb.UnblockCommand) (*pb.Capacity, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbUnblock, cmd, (*pb.Reply).GetCapacity)
}

// Capacity sets the capacity of a lot or a pool and shows what became of it.
func (c *Client) Capacity(ctx context.Context, event string, cmd *pb.CapacityCommand) (*pb.Capacity, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbCapacity, cmd, (*pb.Reply).GetCapacity)
}

// Do sends any command and returns the whole reply, which also tells whether the request id had been seen before. cmd is one of the
// command messages of holdfastpb; its request id is not made up here. A buy waits as with [Client.Buy].
func (c *Client) Do(ctx context.Context, event string, cmd proto.Message) (*pb.Reply, error) {
	verb := verbOf(cmd)
	if verb == engine.VerbNone {
		return nil, fmt.Errorf("holdfast: %T is no command", cmd)
	}
	if buy, ok := cmd.(*pb.BuyCommand); ok {
		return c.buy(ctx, event, buy)
	}
	return c.do(ctx, event, verb, cmd)
}

// verbOf returns the verb of a command message, VerbNone if it is none.
func verbOf(cmd proto.Message) engine.Verb {
	switch cmd.(type) {
	case *pb.CreateCommand:
		return engine.VerbCreate
	case *pb.UpdateCommand:
		return engine.VerbUpdate
	case *pb.OpenCommand:
		return engine.VerbOpen
	case *pb.PauseCommand:
		return engine.VerbPause
	case *pb.CloseCommand:
		return engine.VerbClose
	case *pb.GetCommand:
		return engine.VerbGet
	case *pb.HoldCommand:
		return engine.VerbHold
	case *pb.ExtendCommand:
		return engine.VerbExtend
	case *pb.ReleaseCommand:
		return engine.VerbRelease
	case *pb.ConfirmCommand:
		return engine.VerbConfirm
	case *pb.OrderCommand:
		return engine.VerbOrder
	case *pb.BlockCommand:
		return engine.VerbBlock
	case *pb.UnblockCommand:
		return engine.VerbUnblock
	case *pb.CapacityCommand:
		return engine.VerbCapacity
	case *pb.OfferCommand:
		return engine.VerbOffer
	case *pb.BuyCommand:
		return engine.VerbBuy
	case *pb.PurchaseCommand:
		return engine.VerbPurchase
	case *pb.CompleteCommand:
		return engine.VerbComplete
	case *pb.UndoCommand:
		return engine.VerbUndo
	case *pb.RefundCommand:
		return engine.VerbRefund
	case *pb.AdmitCommand:
		return engine.VerbAdmit
	case *pb.ReissueCommand:
		return engine.VerbReissue
	case *pb.CancelCommand:
		return engine.VerbCancel
	case *pb.OneClickCommand:
		return engine.VerbOneClick
	case *pb.TouchCommand:
		return engine.VerbTouch
	case *pb.JoinCommand:
		return engine.VerbJoin
	case *pb.LeaveCommand:
		return engine.VerbLeave
	case *pb.PlaceCommand:
		return engine.VerbPlace
	case *pb.AbsentCommand:
		return engine.VerbAbsent
	case *pb.PresentCommand:
		return engine.VerbPresent
	case *pb.WaitCommand:
		return engine.VerbWait
	case *pb.DrawCommand:
		return engine.VerbDraw
	case *pb.CodesCommand:
		return engine.VerbCodes
	}
	return engine.VerbNone
}

// show sends a command and picks what its reply shows.
func show[V any](ctx context.Context, c *Client, event string, verb engine.Verb, cmd proto.Message, pick func(*pb.Reply) *V) (*V, error) {
	reply, err := c.do(ctx, event, verb, cmd)
	if err != nil {
		return nil, err
	}
	v := pick(reply)
	if v == nil {
		return nil, fmt.Errorf("%w: the answer to %s shows nothing", ErrBadReply, verb)
	}
	return v, nil
}

// Events lists the ids of events, in order, from the one that follows after. next is empty when no more follow; otherwise give it as after.
// A limit of 0 is 100, the most is 1000.
func (c *Client) Events(ctx context.Context, after string, limit int) (ids []string, next string, err error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.options.Timeout)
		defer cancel()
	}
	body, err := proto.Marshal(&pb.ListCommand{After: after, Limit: int64(limit)})
	if err != nil {
		return nil, "", fmt.Errorf("holdfast: encode the command: %w", err)
	}
	m, err := c.nc.RequestWithContext(ctx, subjectList, body)
	if err != nil {
		return nil, "", fmt.Errorf("holdfast: list events: %w", err)
	}
	r := Reply{m.Data}
	if err := r.Err(); err != nil {
		return nil, "", err
	}
	reply, err := r.Decode()
	if err != nil {
		return nil, "", err
	}
	return reply.Events, reply.Next, nil
}

// The asynchronous commands, for callers with very many at once. done is called once, from a goroutine of the client that takes answers: it
// must not block. Its error is nil when an answer came, which may be a refusal: see Reply.Code. cmd is not kept.

// HoldAsync sends a hold.
func (c *Client) HoldAsync(event string, cmd *pb.HoldCommand, done func(Reply, error)) {
	giveID(&cmd.RequestId)
	c.start(event, engine.VerbHold, cmd, done)
}

// ExtendAsync sends an extend.
func (c *Client) ExtendAsync(event string, cmd *pb.ExtendCommand, done func(Reply, error)) {
	giveID(&cmd.RequestId)
	c.start(event, engine.VerbExtend, cmd, done)
}

// ReleaseAsync sends a release.
func (c *Client) ReleaseAsync(event string, cmd *pb.ReleaseCommand, done func(Reply, error)) {
	giveID(&cmd.RequestId)
	c.start(event, engine.VerbRelease, cmd, done)
}

// ConfirmAsync sends a confirm.
func (c *Client) ConfirmAsync(event string, cmd *pb.ConfirmCommand, done func(Reply, error)) {
	giveID(&cmd.RequestId)
	c.start(event, engine.VerbConfirm, cmd, done)
}
