package actors

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// timesEvery is how often an event puts into its log how long answers took, while it answers: the oldest time waits that long, those before a sleep or a stop
// not at all.
const timesEvery = 10 * time.Second

// The buckets of times: from a microsecond to ten minutes. What is shorter or longer is in the first or the last.
var (
	timesFirst = measure.TimesIndex(int64(time.Microsecond))
	timesCount = min(int(measure.TimesIndex(int64(10*time.Minute))-timesFirst)+1, engine.TimedBucketsMax)
)

// failureOf is the kind of failure of each code.
var failureOf = func() (of [engine.Codes]uint8) {
	for code := range of {
		of[code] = uint8(measure.FailureOf(engine.Code(code)))
	}
	return of
}()

const timedKinds = engine.TimedClasses * engine.Flows * engine.TimedFailures

// eventTimes gathers how long answers of one event took. The journal's goroutine adds, the event's actor takes.
type eventTimes struct {
	since atomic.Int64 // monotonic time of the oldest one; 0 is none
	mu    sync.Mutex
	kinds [timedKinds]*[]uint32 // by class, flow and failure; counts by bucket
}

// timesPool keeps the counts that no event needs now: an event has some only while it answers.
var timesPool = sync.Pool{New: func() any {
	counts := make([]uint32, timesCount)
	return &counts
}}

// add notes the times of samples of a durable run. Those of commands that nobody waited for are left out.
func (t *eventTimes) add(samples []engine.Sample, mono int64) {
	any := false
	t.mu.Lock()
	for i := range samples {
		s := &samples[i]
		if !s.Verb.OfCallers() {
			continue
		}
		kind := (int(s.Verb.TimedClass())*engine.Flows+int(s.Flow))*engine.TimedFailures + int(failureOf[s.Code])
		counts := t.kinds[kind]
		if counts == nil {
			counts = timesPool.Get().(*[]uint32) //nolint:forcetypeassert // nothing else is put there
			t.kinds[kind] = counts
		}
		(*counts)[min(max(int(measure.TimesIndex(s.LatencyNs)-timesFirst), 0), timesCount-1)]++
		any = true
	}
	t.mu.Unlock()
	if any && t.since.Load() == 0 {
		t.since.Store(max(mono, 1))
	}
}

// take takes what has been gathered.
func (t *eventTimes) take() (times []engine.Timed) {
	t.mu.Lock()
	kinds := t.kinds
	t.kinds = [timedKinds]*[]uint32{}
	t.since.Store(0)
	t.mu.Unlock()
	for kind, counts := range kinds {
		if counts == nil {
			continue
		}
		timed := engine.Timed{
			Class: engine.TimedClass(kind / engine.TimedFailures / engine.Flows), Flow: engine.Flow(kind / engine.TimedFailures % engine.Flows),
			Failure: uint8(kind % engine.TimedFailures),
		}
		for i, n := range *counts {
			if n > 0 {
				timed.Buckets = append(timed.Buckets, engine.TimedBucket{Index: timesFirst + int32(i), Count: n})
			}
		}
		times = append(times, timed)
		clear(*counts)
		timesPool.Put(counts)
	}
	return times
}

// untold reports whether the event has times that are not in its log, and has a log.
func (a *eventActor) untold() bool {
	return a.times.since.Load() != 0 && a.ev != nil && a.ev.Exists() && !a.isArchived()
}

// timesDue reports whether the event has times that have waited for long enough.
func (a *eventActor) timesDue(mono time.Duration) bool {
	return a.untold() && mono-time.Duration(a.times.since.Load()) >= timesEvery
}

// nextTimes is when times have to be told that are there, or will be when what was answered is durable.
func (a *eventActor) nextTimes(mono time.Duration) (time.Duration, bool) {
	switch {
	case a.node.cfg.Measure == nil:
		return 0, false
	case a.untold():
		return time.Duration(a.times.since.Load()) + timesEvery, true
	}
	return mono + timesEvery, a.unreleased.Load() > 0
}

// tellTimes puts what has been gathered into the log.
func (a *eventActor) tellTimes() {
	if !a.untold() {
		return
	}
	if times := a.times.take(); len(times) > 0 {
		a.internal(engine.Command{Verb: engine.VerbTime, Touch: &engine.TouchCommand{Times: times}})
	}
}
