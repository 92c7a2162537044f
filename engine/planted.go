package engine

// planted names a bug that a build with its tag puts in on purpose, to prove that the tests would see it.
type planted uint8

const (
	plantedNone                planted = iota
	plantedForgetRequests              // leave the accepted request ids out of a snapshot
	plantedFreeTwice                   // give the tickets of an expired hold back twice
	plantedOneTooMany                  // sell one more than there is
	plantedHalfAHold                   // grant an all-or-nothing hold of seats though some are taken
	plantedIgnoreQuantity              // take a repeat with another quantity for the same request
	plantedForgetBought                // leave what was bought out of a buyer's limit
	plantedExpireEarly                 // end holds a millisecond before their deadline
	plantedLeaveOrphans                // pick seats without a thought of those left alone
	plantedSeatUnasked                 // pick accessible seats for whoever comes
	plantedAdmitTwice                  // let the holder of a ticket in again
	plantedRefundAboveTotal            // give back more than was paid
	plantedRefundWithoutIntent         // take a refund for done that nobody has asked the gateway for
	plantedForgetCluster               // let linked buyers each have the limit for themselves
	plantedRefundFreesTwice            // give the tickets of a refund back twice
	plantedTimeoutDeclines             // take an answer that did not come for a decline
	plantedForgetVoid                  // leave the money of a purchase where it is that was undone
	plantedOfferTwice                  // let an offer buy again
	plantedExpirePaying                // give up a purchase whose time is over without asking the gateway
	plantedIgnoreAmount                // sell whatever amount the gateway has
	plantedStaleRuns                   // search for seats in rows as they were
	plantedTouchTwice                  // count a touch again that was reported before
	plantedPassOfOthers                // let whoever comes shop with somebody else's pass
	plantedSwapWaiters                 // serve the second before the first
	plantedOvertakeWaiter              // offer freed tickets to the second of those who wait
	plantedWaiterToTheBack             // send whoever asks again to the end of the waiting list
	plantedBackOfTheLine               // send whoever joins again to the back
	plantedKeepUse                     // count a code as used though its hold has expired
)

// plantedBug reports whether this build has the bug. A constant comparison: in an ordinary build every use of it is compiled away.
func plantedBug(p planted) bool { return p == plantedBugInBuild && p != plantedNone }
