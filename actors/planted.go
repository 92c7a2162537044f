package actors

import "github.com/holdfast-engine/holdfast/engine"

// planted names a bug that a build with its tag puts in on purpose, to prove that the tests would see it.
type planted uint8

const (
	plantedNone            planted = iota
	plantedAnswerEarly             // let answers leave when they are decided, not when they are durable
	plantedWallTime                // take wall time for node time
	plantedForgetOutage            // let deadlines run on while the process is down
	plantedNewKey                  // send a request again under another key
	plantedPostFirst               // let a request leave before its intent is durable
	plantedTimeoutDeclines         // take it for a no when the gateway does not answer
	plantedLetLogGo                // let the log go before the checkpoint of the KPIs is durable
	plantedPromiseFirst            // promise the seed of a draw before it is kept
	plantedRevealEarly             // reveal it before the lobby's root is published
)

// plantedBug reports whether this build has the bug. A constant comparison: in an ordinary build every use of it is compiled away.
func plantedBug(p planted) bool { return p == plantedBugInBuild && p != plantedNone }

// answerNow is the bug plantedAnswerEarly: nothing that a run shows is durable yet.
func answerNow(run *engine.Run) {
	for _, req := range run.Requests {
		if reply := req.Reply; reply != nil {
			req.Reply = nil
			reply.Durable(req)
		}
	}
}
