package engine

// What a pass is good for: while an event is sold through its line, nobody gets tickets without one, and with one they cost no more than was shown since it was granted.

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

// priceFor is the price version at which the present command gets a lot, or of which its code makes one: the present one, or with a pass the cheapest since the one that held when
// the pass was granted, of equal ones the newest. Whoever looks is shown each of them, and nothing may cost more than was shown. With a code it is the cheapest with that
// code: another may be cheaper without it, by smaller fees or none. What codes have made is never a lot's present price, so it is not among those before it either.
//
// Only who has a pass pays for the search: a step for each change of the lot's price since it was granted. What bounds it is [Limits.PriceVersions], which all lots of an event have
// together, so several lots in a hold make it no longer.
func (e *Event) priceFor(lot uint32) uint32 {
	best := e.lots[lot].price
	if e.promised == 0 || best < e.promised {
		return best
	}
	c := e.codeFor(lot)
	least := c.cost(&e.prices[best])
	for at := best; at >= e.promised && e.prices[at].before != 0; {
		at = e.prices[at].before - 1
		if cost := c.cost(&e.prices[at]); cost < least {
			best, least = at, cost
		}
	}
	return best
}
