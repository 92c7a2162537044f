package client

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The line and the waiting list. What is published of them is on the subjects of [SubjectLine] and [SubjectOwnLine].

// SubjectLine returns the subject on which the line of an event is published each second.
func SubjectLine(event string) string { return "holdfast.v1.line." + event }

// SubjectOwnLine returns the subject on which it is published what has become of a buyer in the line of an event.
func SubjectOwnLine(event, buyer string) string { return SubjectLine(event) + "." + buyer }

// Join takes a place in the line, or shows the one that the buyer has.
func (c *Client) Join(ctx context.Context, event string, cmd *pb.JoinCommand) (*pb.Place, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbJoin, cmd, (*pb.Reply).GetPlace)
}

// Leave gives the buyer's place in the line up, or with List the one on the waiting list: then the reply shows a waiter and no place.
func (c *Client) Leave(ctx context.Context, event string, cmd *pb.LeaveCommand) (*pb.Reply, error) {
	giveID(&cmd.RequestId)
	return c.do(ctx, event, engine.VerbLeave, cmd)
}

// Place shows where a buyer is in the line and on the waiting list: one of both, or both. With a receipt if it is asked for.
func (c *Client) Place(ctx context.Context, event string, cmd *pb.PlaceCommand) (*pb.Place, *pb.Waiter, error) {
	r, err := c.do(ctx, event, engine.VerbPlace, cmd)
	if err != nil {
		return nil, nil, err
	}
	return r.Place, r.Waiter, nil
}

// Entries shows the line with up to 1,024 leaves of the lobby's entries, from one on.
func (c *Client) Entries(ctx context.Context, event string, from int64) (*pb.Line, error) {
	return show(ctx, c, event, engine.VerbPlace, &pb.PlaceCommand{EntriesFrom: from}, (*pb.Reply).GetLine)
}

// Absent says that a buyer who waits is not there, and shows the place.
func (c *Client) Absent(ctx context.Context, event string, cmd *pb.AbsentCommand) (*pb.Place, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbAbsent, cmd, (*pb.Reply).GetPlace)
}

// Present says that the buyer is back, and shows the place.
func (c *Client) Present(ctx context.Context, event string, cmd *pb.PresentCommand) (*pb.Place, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbPresent, cmd, (*pb.Reply).GetPlace)
}

// Wait puts a buyer on the waiting list, or shows the waiter that is there.
func (c *Client) Wait(ctx context.Context, event string, cmd *pb.WaitCommand) (*pb.Waiter, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbWait, cmd, (*pb.Reply).GetWaiter)
}

// Codes adds, changes, ends and shows codes, and shows the event with those that are named.
func (c *Client) Codes(ctx context.Context, event string, cmd *pb.CodesCommand) (*pb.Event, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbCodes, cmd, (*pb.Reply).GetEvent)
}

// Draw gives the public value that the draw waits for, and shows the line.
func (c *Client) Draw(ctx context.Context, event string, cmd *pb.DrawCommand) (*pb.Line, error) {
	giveID(&cmd.RequestId)
	return show(ctx, c, event, engine.VerbDraw, cmd, (*pb.Reply).GetLine)
}

// Here says that buyers are there: a heartbeat. It is sent without waiting for an answer. Whoever has said so once and says nothing for as long as the engine was told is absent then, until
// they say it again.
func (c *Client) Here(event string, buyers ...string) error {
	if !engine.ValidID(event) {
		return badEvent()
	}
	for some := range slices.Chunk(buyers, hereBuyersMax) {
		body, err := proto.Marshal(&pb.HereCommand{Buyers: some})
		if err != nil {
			return fmt.Errorf("holdfast: encode the heartbeat: %w", err)
		}
		if err := c.nc.Publish(subject(event, "here"), body); err != nil {
			return fmt.Errorf("holdfast: send the heartbeat: %w", err)
		}
	}
	return nil
}

// hereBuyersMax is how many buyers a heartbeat may name.
const hereBuyersMax = 4096

// JoinAsync sends a join.
func (c *Client) JoinAsync(event string, cmd *pb.JoinCommand, done func(Reply, error)) {
	giveID(&cmd.RequestId)
	c.start(event, engine.VerbJoin, cmd, done)
}

// PlaceAsync asks for a place.
func (c *Client) PlaceAsync(event string, cmd *pb.PlaceCommand, done func(Reply, error)) {
	c.start(event, engine.VerbPlace, cmd, done)
}
