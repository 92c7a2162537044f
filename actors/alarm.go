package actors

import (
	"sync"
	"time"
)

// alarmClock wakes sleeping events: one timer for the earliest of them. Its methods are called under the node's lock.
type alarmClock struct {
	due   func() // called from the timer's goroutine, without the node's lock
	timer *time.Timer
	once  sync.Once
}

// set makes the clock ring after wait, instead of when it was set for before.
func (c *alarmClock) set(wait time.Duration) {
	c.once.Do(func() { c.timer = time.AfterFunc(wait, c.due) })
	c.timer.Reset(wait)
}

// stop ends the timer; a call of due that has begun may still run.
func (c *alarmClock) stop() {
	if c.timer != nil {
		c.timer.Stop()
	}
}
