package actors

import (
	"container/heap"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// alarmClock wakes sleeping events. One timer serves all: the earliest alarm's. Alarms are not removed when an event wakes for another
// reason; whoever pops one checks that it is still meant. Its methods are called under the node's lock.
type alarmClock struct {
	due    func() // called from the timer's goroutine, without the node's lock
	alarms alarmHeap
	timer  *time.Timer
	once   sync.Once
}

type alarm struct {
	at   engine.Instant
	whom route
}

func (c *alarmClock) set(whom route, at, now engine.Instant) {
	heap.Push(&c.alarms, alarm{at: at, whom: whom})
	if c.alarms[0].at == at {
		c.rearm(now)
	}
}

// pop takes the earliest alarm that is due at now.
func (c *alarmClock) pop(now engine.Instant) (whom route, at engine.Instant, ok bool) {
	if len(c.alarms) == 0 || c.alarms[0].at > now {
		return route{}, 0, false
	}
	a, _ := heap.Pop(&c.alarms).(alarm)
	return a.whom, a.at, true
}

func (c *alarmClock) rearm(now engine.Instant) {
	if len(c.alarms) == 0 {
		return
	}
	wait := max(time.Duration(c.alarms[0].at-now), 0)
	c.once.Do(func() { c.timer = time.AfterFunc(wait, c.due) })
	c.timer.Reset(wait)
}

// stop ends the timer; a call of due that has begun may still run.
func (c *alarmClock) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

type alarmHeap []alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h alarmHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *alarmHeap) Push(x any)        { *h = append(*h, x.(alarm)) } //nolint:forcetypeassert // heap.Push is only called by set
func (h *alarmHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
