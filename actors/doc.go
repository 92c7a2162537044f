// Package actors carries commands to the state that decides them, and facts to the journal that keeps them.
//
//	Submit ──► routes ──► mailbox ──► event actor ──run──► Journal
//	(any       (lock-     (bounded,   (one a event:         │ durable,
//	goroutine)  free)      refusing)   Step, encode)        ▼ in log order
//	  ▲                                                   Released ──► replies leave, samples
//	  └────────── code: nothing happened ─┘                          └──► metrics actor
//
// One actor owns one event: its tickets and its line. A turn of the actor takes everything that waits in its mailbox, stamps it once with node
// time, steps through it and appends one run of facts. The actor never waits for the disk.
//
// # Promises
//
//   - Submit does not block, and either the Replier is called or a code says that nothing happened.
//   - Commands of one event are stepped in the order of their Submits; the commands of a request are not interleaved with others of the same event.
//   - An answer leaves after its facts, and all facts it could show, are durable (G2, G8).
//   - Every queue is bounded. A full mailbox refuses; it does not block, grow or drop.
//   - An idle event leaves memory; the next request, or its next deadline, wakes it from its snapshot.
//   - A panic in Step costs the one command: the event is rebuilt from the log. What could repeat on replay quarantines the event, not the process.
//   - Stop answers everything that was accepted.
//
// # Time
//
// [Clock] is node time: monotone over restarts, slewed to wall time by at most 500 ppm. Outages are facts of the node's own aggregate; an event
// hears of those since its last fact before anything else, so that deadlines stand still while the process is down.
package actors
