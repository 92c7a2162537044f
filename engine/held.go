package engine

// heldBy finds a buyer's own live hold. Every other id, unknown, ended or another buyer's, gets its refusal.
func (e *Event) heldBy(cmd *Command, buyer uint32) (slot uint32, why refusal) {
	unknown := refusal{code: CodeHoldUnknown, field: fieldHold}
	id, in, ok := ParseHoldID(cmd.Hold)
	if !ok || buyer == 0 || in != e.holdIncarnation(id) {
		return 0, unknown
	}
	ref := e.holdSlots.get(uint64(id))
	if ref == 0 {
		return 0, unknown
	}
	if ref&endedTag != 0 {
		row := e.ended.at(e.ended.near(ref &^ endedTag))
		switch {
		case row.buyer != buyer-1:
			return 0, unknown
		case row.state() == HoldExpired:
			return 0, refusal{code: CodeHoldExpired, field: fieldHold}
		}
		return 0, refusal{code: CodeHoldEnded, field: fieldHold, text: endedAs(row.state())}
	}
	row := e.holds.at(ref - 1)
	switch {
	case row.buyer != buyer-1:
		return 0, unknown
	case row.state() == HoldPaying:
		return 0, refusal{code: CodePaymentInProgress, field: fieldHold}
	case row.expires <= e.eventTime():
		return 0, refusal{code: CodeHoldExpired, field: fieldHold}
	}
	return ref - 1, refusal{}
}

// extend gives a hold more time. What was offered to somebody who waited has the time of an offer and no more: others wait for it.
func (e *Event) extend(cmd *Command) {
	var f factExtended
	slot, ok := e.own(cmd, &f.asked)
	if !ok {
		return
	}
	row := e.holds.at(slot)
	if at := e.liveWaiter(row.buyer + 1); at != 0 && e.list.rows.at(at-1).state == WaitOffered {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeWrongState, field: fieldHold, text: offerKeepsTime})
		return
	}
	f.hold = row.id()
	now := e.eventTime()
	f.life = int64(max(row.expires, min(now+e.life(f.hold), row.maxEnd)) - now)
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyExtended(&f, slot)
	e.showLive(slot)
}

// release gives a hold back.
func (e *Event) release(cmd *Command) {
	var f factReleased
	slot, ok := e.own(cmd, &f.asked)
	if !ok {
		return
	}
	f.hold = e.holds.at(slot).id()
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	total := e.applyReleased(&f, slot)
	e.showHold(f.hold, total)
}

// confirm turns a paid hold into an order.
func (e *Event) confirm(cmd *Command) {
	if cmd.Payment != nil && cmd.Payment.Late {
		e.confirmLate(cmd)
		return
	}
	f := &e.work.confirmed
	slot, ok := e.own(cmd, &f.asked)
	if !ok {
		return
	}
	e.finishConfirm(cmd, f, slot)
}

// finishConfirm is the rest of confirm, for a hold that was found.
func (e *Event) finishConfirm(cmd *Command, f *factConfirmed, slot uint32) {
	row := e.holds.at(slot)
	total := e.total(&row.basket)
	switch {
	case total > 0 && cmd.PaymentRef == "" && !cmd.BoxOffice:
		e.refuseAsked(cmd, &f.asked, refusal{code: CodePaymentRefMissing, field: fieldPaymentRef, want: total})
		return
	case e.orders.live() >= e.limits.Orders:
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeTooMany, text: tooManyOrders, want: int64(e.limits.Orders)})
		return
	}
	f.hold, f.order, f.ticket = row.id(), OrderID(e.orders.rows)+1, e.ticketLast+1
	f.boxOffice, f.paymentRef = cmd.BoxOffice, cmd.PaymentRef
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyConfirmed(f, slot)
	e.showOrder(f.order)
}

// own does what extend, release and confirm have in common: it checks the command, looks up its request and finds the buyer's hold.
func (e *Event) own(cmd *Command, a *asked) (slot uint32, ok bool) {
	if !e.validOwn(cmd) {
		return 0, false
	}
	if !e.sellsHere(cmd) {
		return 0, false
	}
	known, _, buyer := e.knownToo(cmd, a)
	if known {
		return 0, false
	}
	slot, why := e.heldBy(cmd, buyer)
	if why.code != CodeOK {
		e.refuseAsked(cmd, a, why)
		return 0, false
	}
	return slot, true
}

// expire ends holds that are due, the earliest first, then what is due of purchases and of the line, and writes the tally.
func (e *Event) expire() {
	now := e.eventTime()
	if plantedBug(plantedExpireEarly) {
		now += 1e6
	}
	sorts, left := sortsPerExpire, ExpireBatchMax
	for ; left > 0; left-- {
		slot, ok := e.nextDue(now, &sorts)
		if !ok {
			break
		}
		f := factExpired{hold: e.holds.at(slot).id()}
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
		e.applyExpired(&f, slot)
	}
	e.dueLine(e.duePurchases(left))
	if e.tally.any && e.tally.due <= e.now {
		e.writeTally()
	}
}

func (e *Event) writeTally() {
	f := factTallied{counts: e.tally.counts}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyTallied(&f)
	*e.tally.counts = [Codes][Flows]uint32{}
	e.tally.any = false
}
