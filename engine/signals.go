package engine

// TakeSignals moves what the steps since the last call want done and told into into, behind what is there. They count once the facts of those steps are durable.
func (e *Event) TakeSignals(into *Signals) {
	if e.signals.Empty() {
		return
	}
	if into.Empty() { // for most steps
		*into, e.signals = e.signals, *into
		return
	}
	into.Work = append(into.Work, e.signals.Work...)
	into.Changes = append(into.Changes, e.signals.Changes...)
	into.Alarms = append(into.Alarms, e.signals.Alarms...)
	into.Places = append(into.Places, e.signals.Places...)
	into.Waits = append(into.Waits, e.signals.Waits...)
	if e.signals.Line != LineWantsNothing {
		into.Line = e.signals.Line
	}
	into.Over = into.Over || e.signals.Over
	e.signals.Reset()
}

// OpenWork appends everything that the event still waits for the payment lane to do, oldest first: for an event that was read from disk.
func (e *Event) OpenWork(dst []Work) []Work {
	for slot := range e.purchases.rows.rows {
		if w, ok := e.workOf(slot); ok {
			dst = append(dst, w)
		}
	}
	return e.openRefundWork(dst)
}

// HasOpenWork reports whether OpenWork has anything. Such an event does not go to sleep, and is woken by a start.
func (e *Event) HasOpenWork() bool { return e.purchases.open > 0 || e.refundsOpen > 0 }
