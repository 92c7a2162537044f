package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/holdfast-engine/holdfast/engine"
)

// Result is what a load measured. Its counts are of commands whose message was due after warming up.
type Result struct {
	Took    time.Duration // that was measured; shorter than asked for if the load was ended
	Stopped bool          // the one who started it ended it
	Batch   int           // commands a message

	// Due = Sent + NotSent, Sent = Answered + TimedOut. In a closed loop all that is sent is due.
	Due, Sent, NotSent, Answered, TimedOut int64
	// Accepted is how many were answered with the code ok, Repeated how many of all answers repeat an earlier one.
	Accepted, Repeated int64
	// Overloaded is how many were turned away before any effect, to come back later; WithoutHint how many of these do not say when.
	Overloaded, WithoutHint int64
	// AnsweredWithin and AcceptedWithin are the answers that came while it was measured, whatever they answer: the throughput.
	AnsweredWithin, AcceptedWithin int64
	// NoEngine is how many messages reached nobody: they are among those that timed out. Late is how many were answered after they had been given up,
	// by this load or by the one before it.
	Late, NoEngine int64
	// Outcomes are the answers by what was asked and code.
	Outcomes map[engine.Verb]map[engine.Code]int64

	// Latency is from the moment a message was due to its answer, a message each, in microseconds. Messages that timed out are in it, with the time
	// after which they were given up. Messages that were turned away are not, but in TurnedAway.
	Latency, TurnedAway *hdrhistogram.Histogram
	// Lag is how late messages left, in microseconds.
	Lag *hdrhistogram.Histogram
}

// Throughput is how many commands were answered a second, Goodput how many were accepted.
func (r *Result) Throughput() float64 { return float64(r.AnsweredWithin) / r.seconds() }

// Goodput is how many commands were accepted a second.
func (r *Result) Goodput() float64 { return float64(r.AcceptedWithin) / r.seconds() }

func (r *Result) seconds() float64 { return max(r.Took.Seconds(), 1e-9) }

// counts is what is counted while a load runs, in arrays.
type counts struct {
	Result
	outcomes [kinds][engine.Codes]int64
}

func newCounts(c Config) *counts {
	most := (c.Timeout + time.Minute).Microseconds()
	h := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, most, 3) }
	return &counts{Result: Result{Batch: c.Batch, Latency: h(), TurnedAway: h(), Lag: h()}}
}

// result is the counts for others.
func (c *counts) result() *Result {
	c.Outcomes = map[engine.Verb]map[engine.Code]int64{}
	for k := range kinds {
		for code, n := range c.outcomes[k] {
			if n == 0 {
				continue
			}
			if c.Outcomes[kindVerbs[k]] == nil {
				c.Outcomes[kindVerbs[k]] = map[engine.Code]int64{}
			}
			c.Outcomes[kindVerbs[k]][engine.Code(code)] = n
		}
	}
	return &c.Result
}

// record notes a time in microseconds. Beyond the end of the histogram it is the end.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(1, d.Microseconds()), h.HighestTrackableValue()))
}
