package measure

import "github.com/holdfast-engine/holdfast/engine"

// duration is what a sketch is of.
type duration uint8

const (
	durationSeen           duration = iota // L1: from the click until its buyer saw what came of it
	durationEngine                         // L2: from the receipt of a command to its durable answer, if it succeeded
	durationEngineFailed                   // and if it did not
	durationHold                           // L3: L2 of holds that were granted
	durationLane                           //
	durationGateway                        //
	durationAuthentication                 //
	durationCommit                         //
	durationPageLoad                       // by the client
	durationPrompt                         //
	durationCheckout                       // from the last selection of tickets to the order, without the line
	durationLine                           // in the shop's line
	durationSelected                       // from the step before, in the order of the steps
	durationHeld                           //
	durationAttempted                      //
	durationOrdered                        //
	durations
)

// checkoutMsMax is what a longer checkout counts as in a mean: somebody went to lunch.
const checkoutMsMax = 30 * 60_000

// time takes the durations that an entry tells.
func (m *cohorts) time(cell uint32, at minuteKey, e *Entry) {
	switch e.Kind { //nolint:exhaustive // the others tell none
	case KindClickSeen:
		m.took(cell, durationSeen, at, e.DurationMs)
	case KindPageReady:
		if e.LoadMs > 0 {
			m.took(cell, durationPageLoad, at, e.LoadMs)
		}
		if e.PromptMs > 0 {
			m.took(cell, durationPrompt, at, e.PromptMs)
		}
	case KindAsked:
		m.took(cell, durationLane, at, e.DurationMs)
	case KindAction, KindAuthorised:
		if e.NeededAction {
			m.took(cell, durationAuthentication, at, e.DurationMs)
		} else {
			m.took(cell, durationGateway, at, e.DurationMs)
		}
	case KindOrdered:
		if e.Purchase != 0 {
			m.took(cell, durationCommit, at, e.DurationMs)
		}
	case KindTimed:
		if e.Times != nil {
			m.timed(cell, at, e.Times)
		}
	}
}

func (m *cohorts) took(cell uint32, kind duration, at minuteKey, ms int64) {
	m.cells.time(cell, kind, at, TimesIndex(ms*1e6), 1, ms)
}

// timed takes a batch of times of the engine: of commands, not of reads and touches.
func (m *cohorts) timed(cell uint32, at minuteKey, t *Times) {
	if t.Class == engine.TimedRead || t.Class == engine.TimedTouch {
		return
	}
	longest := TimesIndex(timesLongestNs)
	for _, b := range t.Buckets {
		index, n := min(b.Index, longest), int64(b.Count)
		if n == 0 || index < TimesZero {
			continue
		}
		if t.Failure != FailureNone {
			m.cells.time(cell, durationEngineFailed, at, index, n, 0)
			continue
		}
		m.cells.time(cell, durationEngine, at, index, n, 0)
		if t.Class == engine.TimedHold {
			m.cells.time(cell, durationHold, at, index, n, 0)
		}
	}
}

// checkout takes how long an order took since its tickets were last selected.
func (m *cohorts) checkout(cell uint32, r *buyerRow, at minuteKey, ms int64) {
	if !r.has(rowPicked) || ms < r.pickMs() {
		return
	}
	took := max(0, ms-r.pickMs()-int64(r.waitedMs))
	r.flags &^= rowPicked // a second order needs a selection of its own
	m.cells.time(cell, durationCheckout, at, TimesIndex(took*1e6), 1, min(took, checkoutMsMax))
}

// line takes how long a buyer waited in the shop's line.
func (m *cohorts) line(cell uint32, r *buyerRow, at minuteKey, e *Entry) {
	now := r.since(msOf(e.At))
	switch {
	case e.Text == stepLine:
		r.joined = now
		r.flags |= rowJoined
	case e.Text == stepAdmitted && r.has(rowJoined):
		r.flags &^= rowJoined
		waited := max(0, int64(now)-int64(r.joined))
		if r.has(rowPicked) && r.joined >= r.lastPick {
			r.waitedMs += uint32(waited)
		}
		m.took(cell, durationLine, at, waited)
	}
}
