// Package engine is the event: a show that sells tickets, as a pure state machine. It decides; it does no I/O, reads no clock, starts no
// goroutine and has no randomness. Given the same state and the same command, with its time, it gives the same result, everywhere, for ever.
//
// # Nouns
//
// An [Event] has lots: sellable blocks at one price, counted (general admission) or seated. Lots may draw from pools, capacity that several of them
// share. A buyer takes a hold: tickets out of sale until a deadline. A hold that is paid becomes an order, with tickets. A tier is a lot that opens when
// the lot it follows first has nothing free. Every unit of a capacity is in one place:
//
//	         hold                 confirm
//	free ------------> held ------------------> sold
//	^  |  <------------  ^ \                      ^
//	|  |  release, expire,  \  (a later issue)    |
//	|  |  replaced           `----> paying -------'
//	|  |
//	|  `---- block ----> blocked
//	`------ unblock -------'
//
// # The life of a hold
//
//	held --confirm--> confirmed: an order
//	held --release--> released
//	held --a new hold of the same buyer--> replaced
//	held --Expire at or after its deadline--> expired
//	any of these --enough others have ended--> forgotten: its id is unknown, but a repeat of its request still gets its id and total
//
// An event is a draft, on sale, paused or closed; open, pause and close change that, and VerbSchedule does it when wall time comes.
//
// # Step, facts, Fold
//
//	       command, now                          run from the log
//	            |                                       |
//	check ids and fields                        decode a fact
//	look up the request id                      check that it fits
//	apply the rules, by precedence                      |
//	            |                                       |
//	       emit a fact ------> apply <------------------'
//	            |                |
//	       settle: what follows  |  tables, counts, StateHash
//	            |                |
//	         outcome             v
//
// [Event.Step] checks everything before the first fact, then emits facts and applies each at once with the function that [Event.Fold] uses when
// the log is read. So the live state is the replayed state, and StateHash, kept up to date row by row, proves it: a VerbProve puts it into the log.
//
// # The caller's loop
//
//	out := event.Step(cmd, now, &facts)      // out is valid until the next Step; now never runs backwards
//	if err := event.LiveCheck(); err != nil  // conservation is broken: set the event aside
//	hand facts to the log; send out when they are durable
//	while event.Unsettled(): Step(VerbSettle)            // before any other command
//	at event.NextDeadline(), in node time: Step(VerbExpire)
//	at event.NextSchedule(), in wall time: Step(VerbSchedule)
//	after an outage, before anything else: Step(VerbResume)
//	after a restore from a backup, before anything else, and after VerbCreate in such a log: Step(VerbRestore)
//
// # Time
//
// Everything the event knows of time came with a step or a run. Deadlines are kept in event time, which is node time less all outages so far, and are
// shown in node time. A hold that is due counts as held until a VerbExpire has ended it; its buyer is told hold_expired meanwhile.
//
// # Invariants
//
//   - G1: free + held + paying + sold + blocked = capacity, in every lot and pool, after every fact. Each change checks its own lot and pools;
//     [Event.Check] counts everything again.
//   - A seat has at most one owner; holds, orders and tickets are numbered from 1 and no number is used twice. In logs that were restored from
//     backups an id is a number and an incarnation, so that two copies of one log never give the same one.
//   - A buyer has at most one live hold. Limits count held + paying + sold in the step that takes the hold.
//   - G3: a request id has one effect. Accepted ids are part of the state; refused ones and the pending tally are volatile.
//   - Replay gives the same StateHash, and so does a snapshot with the facts after it.
//   - No step copies a large table, and every table has a bound (see [Limits] and the constants beside it).
//
// # Memory
//
// Rows have fixed sizes, live in chunks, hold no pointers and name each other by slot. Strings are interned in an arena. Tables grow a chunk at a time.
// A live hold costs about 85 to 110 bytes beyond the caller's own ids, with its buyer, its request and their indexes.
package engine
