package engine

// hold takes tickets out of sale for a buyer.
func (e *Event) hold(cmd *Command) {
	if !e.validHold(cmd) {
		return
	}
	f := &e.work.held
	f.buyerRow = 0
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	var known bool
	if known, f.buyerHash, f.buyerRow = e.knownToo(cmd, &f.asked); known {
		return
	}
	e.judgeReplacing(cmd, f)
	if e.why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, e.why)
		e.out.Alternatives = e.work.alternatives
		return
	}
	e.showLive(e.grant(cmd, f))
}

// judgeReplacing applies the rules to a hold whose buyer is in f, in place of the hold that the buyer may have.
func (e *Event) judgeReplacing(cmd *Command, f *factHeld) {
	f.replaces = 0
	old := uint32(0) // slot + 1 of the hold that this one replaces
	if f.buyerRow != 0 {
		old = e.buyers.at(f.buyerRow - 1).hold
	}
	e.work.alternatives = e.work.alternatives[:0]
	if e.list != nil {
		e.keepFor()
	}
	// A replaced hold's tickets count as free while the new one is judged.
	replaced := old != 0 && e.holds.at(old-1).state() == HoldHeld
	if replaced {
		e.lend(old-1, shareHeld, shareFree)
		f.replaces = e.holds.at(old - 1).id()
	}
	if e.judgeHold(cmd, f.buyerRow, old); e.why.code == CodeSeatTaken {
		e.findAlternatives(cmd, e.why.item)
	}
	if replaced {
		e.lend(old-1, shareFree, shareHeld)
	}
	e.keepNone()
}

// grant takes the tickets that were judged to be free, and returns the hold's slot.
func (e *Event) grant(cmd *Command, f *factHeld) uint32 {
	f.buyer, f.fill, f.device, f.channel = cmd.Buyer, cmd.Fill, cmd.Device, cmd.Channel
	now := e.eventTime()
	maxEnd := now + Instant(e.spec.MaxHoldMs)*1e6
	if f.replaces != 0 {
		// The end is inherited, or replacing would be a way to keep tickets for ever. An end that has passed belongs to a hold that only
		// waits for its expiry to be written: the new one is then the first of a new life.
		if end := e.holds.at(e.buyers.at(f.buyerRow-1).hold - 1).maxEnd; end > now {
			maxEnd = end
		}
	}
	f.hold = e.holdLast + 1
	expires := min(now+e.life(f.hold), maxEnd)
	f.life, f.rest = int64(expires-now), int64(maxEnd-expires)
	e.takeItems(f)
	e.keepPrices(f)
	if cmd.Payment != nil {
		e.link(cmd, f)
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	return e.applyHeld(f)
}

// life is how long a hold lives from its grant or extension: ttl and a spread of its own, so that a sell-out does not come back at once.
func (e *Event) life(id HoldID) Instant {
	ms := e.spec.HoldTTLMs
	if e.spec.SpreadMs > 0 {
		ms += int64(mix(uint64(id)^hashK1, e.seed^hashK2) % uint64(e.spec.SpreadMs))
	}
	return Instant(ms) * 1e6
}

// lend moves the counts of a hold's units, without a fact: the caller moves them back before anyone looks.
func (e *Event) lend(slot uint32, from, to share) {
	for it := e.firstItem(&e.holds.at(slot).basket); it.sales > 0; it = e.nextItem(it) {
		l := &e.lots[e.prices[it.price].lot]
		units := int64(it.sales) * l.units
		l.in[from] -= units
		l.in[to] += units
		for n := it.seats; n != 0; n = l.seating.seats[n-1].next {
			l.seating.mark(n-1, to == shareFree)
		}
		for _, p := range l.pools {
			e.pools[p].in[from] -= units
			e.pools[p].in[to] += units
		}
	}
}

// takeItems puts what can be taken into the fact.
func (e *Event) takeItems(f *factHeld) {
	f.items = f.items[:0]
	for i := range e.work.wanted {
		if w := &e.work.wanted[i]; w.take > 0 {
			f.items = append(f.items, factItem{price: e.takePrice(w.lot), sales: uint32(w.take), seats: w.seats})
		}
	}
}
