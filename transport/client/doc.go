// Package client talks to a Holdfast engine over NATS.
//
//	c, err := client.Connect("nats://127.0.0.1:4222", client.Options{})
//	hold, err := c.Hold(ctx, "night-one", &holdfastpb.HoldCommand{Buyer: "b1", Items: []*holdfastpb.Item{{Lot: "ga", Quantity: 2}}})
//	order, err := c.Confirm(ctx, "night-one", &holdfastpb.ConfirmCommand{Buyer: "b1", Hold: hold.Id, PaymentRef: "inv-77"})
//
// What it does on its own:
//   - A command without a request id gets a random one, written into the command, so that the caller can send the same command again.
//   - While commands for an event are on their way, further ones for that event gather and leave together in batches. A command for an
//     idle event leaves at once.
//   - A command that got no answer, or was refused as overloaded or unavailable, is sent again with the same request id, after a pause
//     that grows and is never the same twice, until the context ends. The engine answers a repeat with its first answer, so a command that
//     was carried out is not carried out again.
//
// What comes back: the reply, or an error. A *[Refusal] is the engine's no; errors.Is(err, client.ErrSoldOut) tells which. An
// [ErrOutcomeUnknown] means that the command left, that no answer came, and that it may have been carried out: send it again, with the
// request id it has, to find out.
//
// A client starts one goroutine, besides those of its NATS subscriptions, and none a request. It is safe for concurrent use. Commands
// that one goroutine sends for one event, one after the other without waiting, reach the engine in that order, unless they are retried.
package client
