package engine

import "iter"

// A pause of the event stops the time of its line. Nobody can shop meanwhile, so no pass and no time of grace runs out; each goes on with what was left of it.
// Holds, and what is offered to those who wait, can be paid during a pause and run on.

// lineTime is the time by which passes and times of grace run out: event time, or when it was paused.
func (e *Event) lineTime() Instant {
	if e.state == EventPaused {
		return e.line.paused
	}
	return e.eventTime()
}

// lineUntil is the node time at which a turn ends if the event is not paused any longer, or again.
func (e *Event) lineUntil(t *turnRow) Instant {
	return t.deadline + e.eventTime() - e.lineTime() + Instant(e.down)
}

// turnsOver reports whether the first turn of a chain has run out.
func (e *Event) turnsOver(c *chain) bool {
	return c.first != 0 && e.line.turns.at(c.first-1).deadline <= e.lineTime()
}

// pauseLine stops the line's time.
func (e *Event) pauseLine() {
	if e.line != nil {
		e.line.paused = e.eventTime()
	}
}

// resumeLine moves what runs out by how long the event was paused.
func (e *Event) resumeLine() {
	if e.line == nil {
		return
	}
	pause := e.eventTime() - e.line.paused
	e.line.paused = 0
	for t := range e.line.inTurn() {
		e.rows -= e.line.turnHash(t.entry)
		t.deadline += pause
		e.rows += e.line.turnHash(t.entry)
	}
}

// tellResumed tells everybody whose turn it is until when it lasts now.
func (e *Event) tellResumed() {
	if e.line == nil {
		return
	}
	for t := range e.line.inTurn() {
		e.tellPlace(t.entry)
	}
}

// inTurn is the passes, and the times of grace of those who were skipped.
func (l *eventLine) inTurn() iter.Seq[*turnRow] {
	return func(yield func(*turnRow) bool) {
		for _, c := range [...]*chain{&l.passes, &l.skipped} {
			for at := c.first; at != 0; at = l.turns.at(at - 1).next {
				if !yield(l.turns.at(at - 1)) {
					return
				}
			}
		}
	}
}
