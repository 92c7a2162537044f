// Package transport speaks to the world: the NATS server side, the HTTP side, and the codecs between them and the engine's commands.
//
// A message travels like this:
//
//	NATS subscription      one goroutine: subject, reply subject and size are checked, the body is decoded into a pooled request,
//	                       the bounds on work in flight are taken, and the request is submitted to the engine
//	Replier.Outcome        the goroutine that owns the event: the outcome is encoded at once into the request's own buffer
//	Replier.Durable        the journal's goroutine: the request joins the outbox
//	outbox                 one goroutine: publishes the reply, gives the bounds back, returns the request to the pool
//
// Promises:
//   - A reply leaves only after Durable. A request that was refused before the engine saw it is answered at once and changed nothing.
//   - Replies go only to subjects below the configured prefixes (_INBOX by default), so nobody can make the engine publish a command.
//     A message whose reply subject is not one of those is dropped unread, and counted.
//   - Messages of one NATS connection for one event reach the event in the order in which they were published.
//   - Nothing is unbounded: see limits.go for every bound, its reason and what happens when it is reached.
//   - Strings of a command are views into the NATS message, which lives as long as the request: the engine copies what it keeps.
//
// The wire itself is described in docs/wire.md; holdfastpb holds the schema.
package transport
