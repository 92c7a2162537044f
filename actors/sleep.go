package actors

import (
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// sleepStage says how far an idle event is on its way out of memory. Any request brings it back to awake.
type sleepStage uint8

const (
	awake    sleepStage = iota
	drowsy              // its proof is on its way to the disk
	snapshot            // its snapshot is on its way to the disk
)

// gaugesEvery is how often a busy event refreshes the counts that other goroutines see. An idle one shows them exactly.
const gaugesEvery = 50 * time.Millisecond

// rest ends a turn: it shows the counts, goes towards sleep or retirement, and sets the timer for the next thing to do.
func (a *eventActor) rest(mono time.Duration) {
	a.showLine()
	if !a.shown && (mono-a.lastShown >= gaugesEvery) {
		a.show(mono)
	}
	if a.ref.retiring.Load() {
		a.retire(mono)
		return
	}
	if a.ev != nil && a.ev.Draws() {
		a.ref.box.wake() // the next turn goes on
		return
	}
	if a.fallAsleep(mono) {
		return
	}
	a.rearm(mono)
}

// show publishes the event's counts.
func (a *eventActor) show(mono time.Duration) {
	if a.ev != nil {
		line, lined := a.ev.LineStats()
		a.ref.gauges.show(a.ev.Stats(), line, lined)
		a.node.fair.count(a.ev, &a.counted)
	}
	a.lastShown, a.shown = mono, true
}

// retire proves the state and tells the node when all of it is durable.
func (a *eventActor) retire(mono time.Duration) {
	if a.ev != nil && (a.ev.Seq() > a.proved || a.untold()) && !a.isArchived() {
		a.begin()
		a.tellTimes()
		a.prove(mono)
		a.append()
	}
	a.nudge.Store(true)
	if a.unreleased.Load() > 0 || a.retiredDone {
		return // the last Released wakes us
	}
	if a.untold() { // of what was released just now
		a.ref.box.wake()
		return
	}
	a.show(mono)
	a.retiredDone = true
	a.timer.Stop()
	close(a.ref.retired)
}

// fallAsleep takes an idle event one stage further towards sleep, and reports whether it is gone.
//
// The order is what makes it safe: the proof is durable before the snapshot is taken, so the snapshot holds nothing that could be lost;
// the snapshot is durable before the memory goes; and the mailbox closes only if nothing waits in it.
func (a *eventActor) fallAsleep(mono time.Duration) bool {
	after := a.node.cfg.SleepAfter
	archived := a.isArchived()
	now := archived || a.ref.sleepNow.Load()
	if a.ev == nil || !now && (after < 0 || mono-a.lastUse < after) {
		return false
	}
	if a.isWaited() {
		return false // what the gateway answers comes soon, and so does what the line waits for
	}
	if a.unreleased.Load() > 0 {
		if now {
			a.nudge.Store(true) // the last Released wakes us
		}
		return false
	}
	if a.ev.Seq() == 0 { // it was never created
		return a.node.leave(a.ref, false, 0)
	}
	wake, due := a.nextWake()
	if due && !now && wake-a.now < engine.Instant(after) {
		return false // it would hardly sleep
	}
	if archived {
		wake = 1 // if the process ends before it is in its file, the next start has to go on with it
	}
	switch a.sleep {
	case awake:
		a.sleep = drowsy
		if (a.ev.Seq() > a.proved || a.untold()) && !archived {
			a.begin()
			a.tellTimes()
			a.prove(mono)
			a.append()
		}
		a.nudge.Store(true)
		a.ref.box.wake()
	case drowsy:
		a.nudge.Store(false)
		a.sleep, a.sleepSeq = snapshot, a.ev.Seq()
		done := new(atomic.Int32) // its own: an attempt that a request has ended may still be on its way to the disk
		a.sleepKept = done
		a.node.snapshots.Sleep(&engine.Snapshot{
			Asleep: engine.Asleep{Key: a.ref.key, Seq: a.sleepSeq, LastAt: a.ev.LastAt(), StateHash: a.ev.StateHash(), Wake: wake},
			State:  a.ev.AppendSnapshot(nil),
		}, func(err error) {
			kept := int32(1)
			if err != nil {
				kept = 2
			}
			done.Store(kept)
			a.ref.box.wake()
		})
	case snapshot:
		switch {
		case a.sleepKept.Load() == 0:
			return false
		case a.sleepKept.Load() == 2 || a.ev.Seq() != a.sleepSeq:
			a.sleep, a.lastUse = awake, mono // try again when it has been idle once more
			return false
		}
		if !a.shown {
			a.show(mono) // what it has counted stays
		}
		left := false
		if archived {
			left = a.node.leaveForGood(a.ref, a.ev.LastAt())
		} else {
			left = a.node.leave(a.ref, true, wake)
		}
		if left {
			a.ev = nil // memory goes back
			return true
		}
	}
	return false
}

// isWaited reports whether the event waits for something that its shell is about: a gateway, a seed or a value of its line, or an offer that may be bought by
// itself. It does not sleep, and a start wakes it.
func (a *eventActor) isWaited() bool {
	return a.ev.HasOpenWork() || a.ev.LineWants() != engine.LineWantsNothing || a.ev.HasOffers()
}

// nextWake is the node time of the next deadline, scheduled opening or closing, or end of the time of keeping.
func (a *eventActor) nextWake() (engine.Instant, bool) {
	at, ok := a.ev.NextDeadline()
	if wall, scheduled := a.ev.NextSchedule(); scheduled {
		at, ok = a.sooner(at, ok, wall)
	}
	if wall, over := a.archiveAt(); over {
		at, ok = a.sooner(at, ok, wall)
	}
	return at, ok
}

// sooner is the earlier of a node time, if there is one, and a wall time.
func (a *eventActor) sooner(at engine.Instant, ok bool, wall engine.Instant) (engine.Instant, bool) {
	if node := a.node.clock.Now() + wall - a.node.clock.Wall(); !ok || node < at {
		return node, true
	}
	return at, ok
}

// rearm sets the timer for whatever comes first: a deadline, stale gauges, sleep.
func (a *eventActor) rearm(mono time.Duration) {
	next := time.Duration(1<<63 - 1)
	if a.ev != nil {
		if at, ok := a.nextWake(); ok {
			next = mono + min(max(time.Duration(at-a.node.clock.Now()), 0), lookAgainAfter)
		}
		switch after := a.node.cfg.SleepAfter; {
		case a.sleep != awake:
		case a.isWaited(): // its end comes with a request
		case a.isArchived() || a.ref.sleepNow.Load():
			next = min(next, mono+archiveRetry)
		case after >= 0:
			next = min(next, max(a.lastUse+after, mono+gaugesEvery))
		}
	}
	if at, ok := a.nextTimes(mono); ok {
		next = min(next, at)
	}
	if !a.shown {
		next = min(next, a.lastShown+gaugesEvery)
	}
	switch {
	case next == 1<<63-1:
		a.timerAt = 0
	case a.timerAt == 0 || next < a.timerAt || a.timerAt <= mono:
		a.timerAt = next
		a.timer.Reset(max(next-mono, 0))
	}
}
