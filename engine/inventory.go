package engine

// turn opens, pauses or closes the event.
func (e *Event) turn(cmd *Command) {
	if !e.validRequest(cmd) {
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	var f factTurned
	if e.known(cmd, &f.asked) {
		return
	}
	allowed := e.state != EventClosed && e.state != EventCancelled
	// Step calls it for these three only.
	//
	//exhaustive:ignore
	switch cmd.Verb {
	case VerbOpen:
		allowed, f.kind = e.state == EventDraft || e.state == EventPaused, kindOpened
	case VerbPause:
		allowed, f.kind = e.state == EventOnSale, kindPaused
	case VerbClose:
		f.kind = kindClosed
	}
	if !allowed {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeWrongState, field: fieldEvent, text: e.notOnSale()})
		return
	}
	e.emitTurned(&f)
	e.settle()
	e.showEvent()
}

func (e *Event) emitTurned(f *factTurned) {
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyTurned(f)
	if f.kind == kindClosed {
		e.signalOver()
	}
}

// schedule opens and closes the event when wall time has come.
func (e *Event) schedule(wall Instant) {
	closes := e.spec.ClosesAt != 0 && wall >= e.spec.ClosesAt
	switch {
	case e.state == 0 || e.state == EventClosed || e.state == EventCancelled:
	case closes:
		e.emitTurned(&factTurned{kind: kindClosed})
	case e.state == EventDraft && e.spec.OpensAt != 0 && wall >= e.spec.OpensAt:
		e.emitTurned(&factTurned{kind: kindOpened})
	}
	if e.state != 0 {
		e.openLobby(wall)
		e.dateRefunds(wall)
	}
}

// resume notes that the process was down: deadlines move by as much.
func (e *Event) resume(down int64) {
	f := factResumed{add: min(down, int64(e.eventTime()))}
	if e.state == 0 || f.add <= 0 {
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyResumed(&f)
}

// prove puts the state hash into the log, for every later replay to compare.
func (e *Event) prove() {
	if e.state == 0 {
		return
	}
	f := factProved{hash: e.StateHash()}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
}

// placeNamed finds the lot or pool that a command names.
func (e *Event) placeNamed(cmd *Command) (place uint32, isPool bool, why refusal) {
	if cmd.Pool != "" {
		number, ok := e.poolNamed(cmd.Pool)
		if !ok {
			why = refusal{code: CodePoolUnknown, field: fieldPool, subject: aboutCmdPool}
		}
		return number, true, why
	}
	number, ok := e.lotNamed(cmd.Lot)
	if !ok {
		why = refusal{code: CodeLotUnknown, field: fieldLot, subject: aboutCmdLot}
	}
	return number, false, why
}

// countsOf returns the counts of a lot or pool.
func (e *Event) countsOf(place uint32, isPool bool) *counts {
	if isPool {
		return &e.pools[place].counts
	}
	return &e.lots[place].counts
}

// block takes tickets out of sale, or with VerbUnblock puts them back.
func (e *Event) block(cmd *Command) {
	if !e.validBlock(cmd) {
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	f := &e.work.blocked
	if e.known(cmd, &f.asked) {
		return
	}
	why := e.judgeBlock(cmd, f)
	if why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, why)
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyBlocked(f)
	e.settle()
	e.showCapacity(f.place, f.pool, f.units)
}

func (e *Event) judgeBlock(cmd *Command, f *factBlocked) (why refusal) {
	f.kind, f.seats, f.units = kindBlocked, f.seats[:0], cmd.Quantity
	from, short := shareFree, CodeSoldOut
	if cmd.Verb == VerbUnblock {
		f.kind, from, short = kindUnblocked, shareBlocked, CodeAboveMaximum
	}
	f.place, f.pool, why = e.placeNamed(cmd)
	if why.code != CodeOK {
		return why
	}
	if f.pool {
		p := &e.pools[f.place]
		have := p.in[shareFree]
		if cmd.Verb == VerbUnblock {
			have = p.own
		}
		if have < f.units {
			return refusal{code: short, field: fieldQuantity, subject: aboutCmdPool, have: have, want: f.units}
		}
		return refusal{}
	}
	l := &e.lots[f.place]
	switch {
	case l.seating == nil && len(cmd.Seats) > 0:
		return refusal{code: CodeInvalid, field: fieldSeats, subject: aboutCmdLot, text: seatsOfCountedLot}
	case l.seating != nil && len(cmd.Seats) == 0:
		return refusal{code: CodeInvalid, field: fieldSeats, subject: aboutCmdLot, text: quantityOfSeatedLot}
	case l.seating != nil:
		if why = e.judgeSeats(cmd, f, l); why.code != CodeOK && why.code < CodeSoldOut {
			return why
		}
	}
	if have := l.in[from]; have < f.units {
		return refusal{code: short, field: fieldQuantity, subject: aboutCmdLot, have: have, want: f.units}
	}
	if cmd.Verb == VerbBlock {
		for _, number := range l.pools {
			if free := e.pools[number].in[shareFree]; free < f.units {
				return refusal{code: short, field: fieldQuantity, subject: aboutPool, at: number, have: free, want: f.units}
			}
		}
	}
	return why
}

// judgeSeats finds the seats of a block or unblock command. Of several refusals it returns the first by precedence.
func (e *Event) judgeSeats(cmd *Command, f *factBlocked, l *lot) (why refusal) {
	needed, code, text := seatFree, CodeSeatTaken, noSentence
	if cmd.Verb == VerbUnblock {
		needed, code, text = seatBlocked, CodeWrongState, seatNotBlocked
	}
	seen := make(map[uint32]bool, len(cmd.Seats))
	for i, label := range cmd.Seats {
		r := refusal{field: fieldSeats, subject: aboutCmdSeat, at: uint32(i)}
		n, ok := l.seating.number(e.seed, label)
		switch {
		case !ok:
			r.code = CodeSeatUnknown
		case seen[n]:
			r.code, r.text = CodeInvalid, seatTwice
		case l.seating.seats[n].state != needed:
			r.code, r.text = code, text
		}
		if r.code != CodeOK && (why.code == CodeOK || r.code < why.code) {
			why = r
		}
		if ok {
			seen[n] = true
			f.seats = append(f.seats, n)
		}
	}
	f.units = int64(len(f.seats))
	return why
}

// resize changes a capacity, as far down as what is held, paying, sold and blocked allows.
func (e *Event) resize(cmd *Command) {
	if !e.validBlock(cmd) {
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	f := factResized{wanted: cmd.Quantity}
	if e.known(cmd, &f.asked) {
		return
	}
	var why refusal
	f.place, f.pool, why = e.placeNamed(cmd)
	if why.code == CodeOK && !f.pool && e.lots[f.place].seating != nil {
		why = refusal{code: CodeInvalid, field: fieldLot, subject: aboutCmdLot, text: capacityOfSeatedLot}
	}
	if why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, why)
		return
	}
	f.became = max(f.wanted, e.countsOf(f.place, f.pool).used())
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyResized(&f)
	e.settle()
	e.showCapacity(f.place, f.pool, f.wanted)
}
