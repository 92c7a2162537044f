// Package store keeps the log of the engine: the journal and its second copy, snapshots, and the positions of those who read along.
//
// # The way of a run
//
// [Store.Append] takes a run and returns at once. One goroutine makes a batch of all runs that wait, as one key of a Pebble store; the same bytes go,
// in parallel, to the tail, a ring of files. A few batches are in flight at once. When a batch is durable in both copies, its runs are released, in
// the order in which they were appended. A run without facts is never written; it keeps its place in that order.
//
// Batches are numbered without holes and chained with SHA-256, and each aggregate's facts are numbered without holes. Every batch says up to where
// both copies were durable when it was written: that is how a start tells an ordinary crash, which costs only what was never acknowledged, from
// damage. What one copy has lost it gets from the other. Where they cannot explain what was acknowledged, [Open] refuses.
//
// # Snapshots
//
// An aggregate that goes to sleep hands over its state ([Store.Sleep]); for the others a pass ([Store.Pass]) folds the durable log onto the last
// snapshots, the way recovery does, proves that it comes to the same state hashes, and then cuts off the log that nobody needs: neither the last
// snapshots but one, so that [Verify] can fold it again, nor a [Cursor]. Snapshots are ingested as tables, never written through the log.
//
// # When something fails
//
// After any error of a write, a sync or a check nothing is released any more and [Config.Fatal] is called, which ends the process: a
// retried fsync lies. Pebble tells some errors only to its logger or its event listener; these count as well.
package store
