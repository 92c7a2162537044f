package engine

// The line's clock stands still while nobody can shop through the line: while the event is paused, or in mode open. So no pass and no time of grace runs out
// meanwhile, each goes on with what was left of it, and nobody is taken for a shopper who wants nothing. Holds, and what is offered to those who wait, can be paid
// at any time and run on.

// lineClock is what the line's clock is behind event time.
type lineClock struct {
	stood   Instant // for how long it has stood still, until it last went on; below 0 if event time was set back meanwhile, by an outage said to be longer than it was
	stopped Instant // event time at which it stopped
	stands  bool
}

// lineTime is the time of the line: of passes, times of grace, and of how those with a pass behave. The event has a line.
func (e *Event) lineTime() Instant {
	c := &e.line.clock
	if c.stands {
		return c.stopped - c.stood
	}
	return e.eventTime() - c.stood
}

// turnLineClock stops the line's clock, or lets it go on, after the event's state or mode has changed.
func (e *Event) turnLineClock() {
	if e.line == nil {
		return
	}
	c := &e.line.clock
	switch stands := e.state == EventPaused || e.lineMode() != LineModeLine; {
	case stands && !c.stands:
		c.stopped, c.stands = e.eventTime(), true
	case !stands && c.stands:
		c.stood, c.stopped, c.stands = c.stood+e.eventTime()-c.stopped, 0, false
	}
}

// turnUntil is the node time at which a turn runs out, if the clock goes on now.
func (e *Event) turnUntil(t *turnRow) Instant {
	return t.deadline - e.lineTime() + e.eventTime() + Instant(e.down)
}

// turnsOver reports whether the first turn of a chain has run out.
func (e *Event) turnsOver(c *chain) bool {
	return c.first != 0 && e.line.turns.at(c.first-1).deadline <= e.lineTime()
}
