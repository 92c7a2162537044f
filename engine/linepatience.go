package engine

// waited tells the line's patience what becomes of an entry that waits, as its state is about to change. Who has come back after being skipped waits for a turn that has been counted.
func (e *Event) waited(r *lineRow, to PlaceState) {
	l := e.line
	if l.phase != LineServing || e.lineOver() {
		return
	}
	now := int64(e.eventTime())
	switch {
	case r.state == PlaceSkipped && to == PlaceWaiting:
		l.patience.Came(now)
	case r.state != PlaceWaiting || r.flags&rowReturned != 0 || to == PlaceWaiting:
	case to == PlaceLeft:
		l.patience.Gave(now)
	default: // admitted, skipped, or gone at once where there is no time of grace
		l.patience.Turn(now, to == PlaceAdmitted)
	}
}

// servesFromNow tells the line's patience who waits when the line begins to be served.
func (e *Event) servesFromNow() {
	l := e.line
	l.phase, l.began = LineServing, e.now
	l.patience.Joined(int64(e.eventTime()), uint32(l.counts[PlaceWaiting]))
}
