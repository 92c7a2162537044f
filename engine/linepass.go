package engine

// What a pass is good for: while an event is sold through its line, nobody gets tickets without one, and with one they cost no more than when it was granted.

// judgePass adds that a buyer (slot + 1, or 0) has no pass where one is needed.
func (e *Event) judgePass(buyer uint32) {
	if e.lineMode() != LineModeLine || plantedBug(plantedPassOfOthers) && e.line.passes.n > 0 {
		return
	}
	at := e.entryOf(buyer)
	if at == 0 {
		e.because(refusal{code: CodePassRequired, field: fieldBuyer})
		return
	}
	r := e.line.rows.at(at - 1)
	switch {
	case r.state == PlaceAdmitted && e.line.turns.at(r.prev-1).deadline > e.lineTime():
	case r.state == PlaceAdmitted, r.state == PlaceLapsed:
		e.because(refusal{code: CodePassExpired, field: fieldBuyer})
	case r.state == PlaceWaiting:
		e.because(refusal{code: CodePassRequired, field: fieldBuyer, text: turnHasNotCome})
	case r.state == PlaceSkipped:
		e.because(refusal{code: CodePassRequired, field: fieldBuyer, text: turnWasSkipped})
	default:
		e.because(refusal{code: CodePassRequired, field: fieldBuyer, text: e.whyNoPlace(buyer)})
	}
}

// promisedTo is up to which price version a buyer (slot + 1, or 0) was shown prices with a pass that is good; 0 is none.
func (e *Event) promisedTo(buyer uint32) uint32 {
	at := e.entryOf(buyer)
	if at == 0 || e.line.rows.at(at-1).state != PlaceAdmitted {
		return 0
	}
	if t := e.line.turns.at(e.line.rows.at(at-1).prev - 1); t.deadline > e.lineTime() {
		return t.prices
	}
	return 0
}

// priceFor is the price version at which the present command gets a lot: the present one, or the one that was promised with a pass if that is cheaper.
func (e *Event) priceFor(lot uint32) uint32 {
	now := e.lots[lot].price
	if e.promised == 0 || now < e.promised {
		return now
	}
	then := now
	for then >= e.promised {
		if before := e.prices[then].before; before != 0 {
			then = before - 1
			continue
		}
		return now // the lot was not there yet
	}
	if e.prices[then].total < e.prices[now].total {
		return then
	}
	return now
}
