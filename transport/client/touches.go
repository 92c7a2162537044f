package client

import (
	"context"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// Touch reports what buyers' clients saw and did, and tells how many touches were new. A touch without an id gets one, so that it counts once however often the
// client has to send it. Touches travel together with other commands for the event.
func (c *Client) Touch(ctx context.Context, event string, touches ...*pb.Touch) (*pb.Touches, error) {
	return show(ctx, c, event, engine.VerbTouch, touchCommand(touches), (*pb.Reply).GetTouches)
}

// TouchAsync is [Client.Touch] for those who do not wait: see [Client.HoldAsync]. The touches are not kept.
func (c *Client) TouchAsync(event string, done func(Reply, error), touches ...*pb.Touch) {
	c.start(event, engine.VerbTouch, touchCommand(touches), done)
}

// Report sends touches and asks for no answer: what is lost on the way, or refused, nobody is told. An error means that they did not leave. The touches are
// not kept.
func (c *Client) Report(event string, touches ...*pb.Touch) error {
	if !engine.ValidID(event) {
		return badEvent()
	}
	body, err := appendCommand(nil, touchCommand(touches))
	if err != nil {
		return fmt.Errorf("holdfast: %w", err)
	}
	if err := c.nc.Publish(subject(event, engine.VerbTouch.String()), body); err != nil {
		return fmt.Errorf("holdfast: report touches: %w", err)
	}
	return nil
}

// touchCommand is a command of touches that all have ids.
func touchCommand(touches []*pb.Touch) *pb.TouchCommand {
	for _, t := range touches {
		giveID(&t.Id)
	}
	return &pb.TouchCommand{Touches: touches}
}
