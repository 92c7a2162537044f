package store

// planted names a bug that a build with its tag puts in on purpose, to prove that the tests would see it.
type planted uint8

const (
	plantedNone             planted = iota
	plantedAckBeforeSync            // release runs when they are written, not when they are synced
	plantedSkipTailSync             // call the tail durable without syncing it
	plantedDropLastRecord           // leave the last run out of a snapshot pass
	plantedFatalfReturns            // go on after Pebble has said that it cannot
	plantedSkipChainCheck           // believe every chain link
	plantedForgetAcked              // believe two copies that both end below what was acknowledged
	plantedCutPastCursor            // truncate the log without looking at the cursors
	plantedReleaseEmptyRuns         // release runs without facts ahead of the order
)

// plantedBug reports whether this build has the bug. A constant comparison: in an ordinary build every use of it is compiled away.
func plantedBug(p planted) bool { return p == plantedBugInBuild && p != plantedNone }
