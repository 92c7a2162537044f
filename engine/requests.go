package engine

import "encoding/binary"

// endedTag marks, in holdSlots, the position of an ended row; moneyTag, in requestIndex, the slot of a money request.
const (
	endedTag = 1 << 31
	moneyTag = 1 << 31
)

// requestNamed finds an accepted request id.
func (e *Event) requestNamed(id string, hash uint64) *requestRow {
	var p probe
	e.requestIndex.seek(&p, index32(hash))
	return e.requestFound(&p, id)
}

// requestFound is requestNamed for a walk that has been started.
func (e *Event) requestFound(p *probe, id string) *requestRow {
	for {
		ref, ok := e.requestIndex.next(p)
		if !ok {
			return nil
		}
		if row := e.requestAt(ref); e.names.get(row.name) == id {
			return row
		}
	}
}

func (e *Event) requestAt(ref uint32) *requestRow {
	if ref&moneyTag != 0 {
		return e.money.at(ref &^ moneyTag)
	}
	return e.requests.at(e.requests.near(ref))
}

// remember keeps the request of a fact that is being applied. Those about money are remembered for good; of the others the newest.
func (e *Event) remember(a *asked, verb Verb, id uint64, amount int64) {
	if a.id == "" {
		return
	}
	var row *requestRow
	var ref uint32
	var pos uint64
	if verb.aboutMoney() && id != 0 { // no id: a late payment that got nothing, once an expired hold
		slot := e.money.alloc()
		row, ref, pos = e.money.at(slot), slot|moneyTag, uint64(slot)|moneyTag
	} else {
		if e.requests.count() >= e.limits.Requests {
			e.forgetRequest()
		}
		pos, row = e.requests.push()
		ref, pos = uint32(pos&lowMask), pos<<32
	}
	row.print, row.object, row.amount = a.print, uint64(verb)<<stateShift|id, amount
	row.name, row.at, row.seq = e.names.put(a.id), e.age(), e.applying
	e.requestIndex.insert(index32(a.hash), ref)
	e.rows += requestHash(row, a.hash, pos)
}

// aboutMoney reports whether requests of the verb are remembered for good.
func (v Verb) aboutMoney() bool {
	return v == VerbConfirm || v == VerbBuy || v == VerbUndo || v == VerbAdmit || v == VerbRefund
}

// ofPurchase reports whether requests of the verb are about a purchase or an offer.
func (v Verb) ofPurchase() bool {
	return v == VerbOffer || v == VerbBuy || v == VerbUndo || v == VerbResolve
}

// ofPlace reports whether requests of the verb are about a place in the line.
func (v Verb) ofPlace() bool {
	return v >= VerbJoin && v <= VerbWait && v != VerbPlace
}

// ofLine reports whether commands of the verb are about the line.
func (v Verb) ofLine() bool { return v >= VerbJoin && v <= VerbCodes }

// forgetRequest drops the oldest request of the bounded table.
func (e *Event) forgetRequest() {
	pos := e.requests.head
	row := e.requests.at(pos)
	hash := hashString(e.seed, e.names.get(row.name))
	e.rows -= requestHash(row, hash, pos<<32)
	e.requestIndex.remove(index32(hash), uint32(pos&lowMask))
	e.names.drop(row.name)
	e.requests.pop()
}

// age is the seconds since the event was created.
func (e *Event) age() uint32 { return uint32((e.now - e.since) / 1e9) }

// coveredMs is the age of the oldest request id of the bounded table, to a second.
func (e *Event) coveredMs(now Instant) int64 {
	if e.requests.count() == 0 {
		return 0
	}
	at := e.since + Instant(e.requests.at(e.requests.head).at)*1e9
	return max(0, int64(now-at)/1e6)
}

// known looks up the request id of a command that is valid in itself. If the id was used before it sets the outcome and returns true. Otherwise
// it fills a for the fact that the command may lead to.
func (e *Event) known(cmd *Command, a *asked) bool {
	var p probe
	a.hash = hashString(e.seed, cmd.RequestID)
	e.requestIndex.seek(&p, index32(a.hash))
	return e.knownAt(&p, cmd, a)
}

// knownToo is known for a command of a buyer, who is looked up at the same time: it returns the hash of the buyer's id, and slot + 1 if the
// buyer is known.
func (e *Event) knownToo(cmd *Command, a *asked) (known bool, hash uint64, buyer uint32) {
	var p, q probe
	a.hash, hash = hashString(e.seed, cmd.RequestID), hashString(e.seed, cmd.Buyer)
	seekTwo(&e.requestIndex, &p, index32(a.hash), &e.buyerIndex, &q, index32(hash))
	if e.knownAt(&p, cmd, a) {
		return true, hash, 0
	}
	return false, hash, e.buyerFound(&q, cmd.Buyer)
}

func (e *Event) knownAt(p *probe, cmd *Command, a *asked) bool {
	a.id, a.print = cmd.RequestID, e.fingerprint(cmd)
	if row := e.requestFound(p, cmd.RequestID); row != nil {
		if row.print != a.print {
			e.refuse(cmd, refusal{code: CodeRequestMismatch, field: fieldRequestID})
			return true
		}
		e.out.Repeated = true
		e.repeat(row)
		return true
	}
	if row := e.refusals.named(cmd.RequestID, a.hash); row != nil {
		if row.print != a.print {
			e.refuse(cmd, refusal{code: CodeRequestMismatch, field: fieldRequestID})
			return true
		}
		e.out.Repeated = true
		if e.show(cmd, row.why); e.out.Lot == "" && row.about != 0 {
			e.out.Lot = e.refusals.names.get(row.about)
		}
		if row.why.code == CodeSeatTaken && cmd.Verb == VerbHold {
			e.showAlternatives(cmd, row.why.item)
		}
		return true
	}
	return false
}

// repeat answers an accepted request again: same ids and amounts, the present state.
func (e *Event) repeat(row *requestRow) {
	switch row.verb() {
	case VerbHold, VerbExtend, VerbRelease:
		e.showHold(HoldID(row.id()), row.amount)
	case VerbConfirm:
		if row.id() == 0 {
			e.showLate()
			return
		}
		e.showOrder(OrderID(row.id()))
	case VerbAdmit, VerbReissue:
		e.showTicket(TicketID(row.id()))
	case VerbRefund:
		e.showRefund(RefundID(row.id()))
	case VerbOffer:
		e.showOffer(OfferID(row.id()), row.amount)
	case VerbBuy, VerbUndo, VerbResolve:
		e.showPurchase(uint32(row.id() - 1))
	case VerbBlock, VerbUnblock, VerbCapacity:
		e.showCapacity(uint32(row.id()>>1), row.id()&1 != 0, row.amount)
	case VerbCreate, VerbUpdate, VerbOpen, VerbPause, VerbClose, VerbOneClick, VerbCancel:
		e.showEvent()
	case VerbJoin, VerbLeave, VerbAbsent, VerbPresent:
		if row.id() > leftList {
			e.showWaiter(uint32(row.id()-leftList) - 1)
			return
		}
		e.showPlace(uint32(row.id() - 1))
	case VerbWait:
		e.showWaiter(uint32(row.id() - 1))
	case VerbDraw:
		e.showLine()
	case VerbCodes:
		e.showEvent()
	case VerbNone, VerbGet, VerbOrder, VerbExpire, VerbSettle, VerbSchedule, VerbResume, VerbProve, VerbRestore, VerbArchive, VerbWhy,
		VerbPurchase, VerbComplete, VerbIntend, VerbResult, VerbTell, VerbTouch, VerbTime, VerbPlace, VerbSeed, VerbReveal, VerbRate, verbEnd:
		panic("engine: request " + e.names.get(row.name) + " is remembered for a verb that is never remembered: " + row.verb().String())
	}
}

// fingerprint hashes what a command asks for, without its request id: equal for the same command however it was encoded. Fields that its verb
// does not read are left out of a hold, the one command that has to be fast.
func (e *Event) fingerprint(cmd *Command) uint64 {
	h := hasher(hashK2)
	h.pair(uint64(cmd.Verb)|uint64(cmd.Device)<<8|uint64(cmd.Fill)<<16|uint64(len(cmd.Items))<<32, uint64(len(cmd.Seats)))
	h.string(cmd.Buyer)
	if cmd.Verb == VerbHold {
		h.wish(cmd)
		if cmd.Line != nil {
			e.codePrint(&h, cmd.Line)
		}
		return uint64(h)
	}
	if cmd.Verb == VerbBuy || cmd.Verb == VerbOffer {
		h.wish(cmd)
		h.string(cmd.Hold)
		h.payment(paymentOf(cmd))
		if cmd.Line != nil && cmd.Line.Wait {
			h.word(5) //nolint:mnd // the next number after those of wish
		}
		if cmd.Line != nil {
			e.codePrint(&h, cmd.Line)
		}
		return uint64(h)
	}
	h.string(cmd.Channel)
	h.string(cmd.Hold)
	h.string(cmd.PaymentRef)
	h.bool(cmd.BoxOffice)
	h.string(cmd.Lot)
	h.string(cmd.Pool)
	h.int(cmd.Quantity)
	h.strings(cmd.Seats)
	if cmd.Payment != nil && !cmd.Verb.ofLine() { // about the line it has nothing but what the shell adds
		h.string(cmd.Order) // which is only read by other verbs
		h.payment(cmd.Payment)
	}
	if cmd.Spec != nil {
		h.string(view(appendSpec(nil, cmd.Spec)))
	}
	if l := cmd.Line; l != nil {
		h.string(l.Track)
		h.int(l.Wants)
		h.string(l.Value)
		h.waits(cmd, l)
		e.codePrint(&h, l)
		for i := range l.Codes {
			e.codeSpecPrint(&h, &l.Codes[i])
		}
	}
	return uint64(h)
}

// codePrint adds the code that a command gives, nothing where it gives none. Fingerprints are in the log, so of codes they are made of hashes.
func (e *Event) codePrint(h *hasher, l *LineCommand) {
	if l.Code != "" {
		e.work.codeHash = HashCode(e.key.Account, e.key.ID, l.Code)
		h.word(6) //nolint:mnd // the next number after those of wish and of waiting
		h.hash(&e.work.codeHash)
	}
}

func (e *Event) codeSpecPrint(h *hasher, c *CodeSpec) {
	h.string(c.Name)
	hash := c.Hash
	if c.Code != "" {
		hash = HashCode(e.key.Account, e.key.ID, c.Code)
	}
	h.hash(&hash)
	h.strings(c.Lots)
	h.string(c.Track)
	for _, v := range [...]int64{c.Uses, c.DiscountBp, c.DiscountMinor, int64(c.OpensAt), int64(c.EndsAt), int64(c.Set)} {
		h.int(v)
	}
	h.bool(c.Ended)
}

func (h *hasher) hash(c *CodeHash) {
	for i := 0; i < len(c); i += 8 {
		h.word(binary.LittleEndian.Uint64(c[i:]))
	}
}

// payment adds what a command says about payments, orders and tickets: not what the shell adds on the way, and not how long the caller wants to wait.
func (h *hasher) payment(p *PaymentCommand) {
	for _, s := range [...]string{p.Offer, p.Method, p.ReturnURL, p.DeviceID, p.Purchase, p.Ticket, p.Gate, p.Reason, p.FailedRefund} {
		h.string(s)
	}
	for _, v := range [...]int64{p.ContactAtMs, int64(p.Code), p.AmountMinor, p.PercentShare} {
		h.int(v)
	}
	for _, v := range [...]bool{p.Again, p.Late, p.Equal, p.HasAmount, p.KeepFees, p.Block, p.ByBuyer, p.On, p.HasOn, p.HasShare} {
		h.bool(v)
	}
	h.strings(p.Tickets)
}

// wish adds what a hold asks for.
func (h *hasher) wish(cmd *Command) {
	for i := range cmd.Items {
		it := &cmd.Items[i]
		h.string(it.Lot)
		quantity := it.Quantity
		if plantedBug(plantedIgnoreQuantity) {
			quantity = 0
		}
		h.pair(uint64(quantity), uint64(len(it.Seats)))
		for _, s := range it.Seats {
			h.string(s)
		}
	}
	for i := range cmd.Items {
		it := &cmd.Items[i]
		if it.Accessible|it.Companion == 0 && !it.Restricted && !it.Split {
			continue
		}
		h.pair(4, uint64(i))
		h.pair(uint64(it.Accessible), uint64(it.Companion))
		h.bool(it.Restricted)
		h.bool(it.Split)
	}
	if cmd.AtLeast != 0 {
		h.pair(1, uint64(cmd.AtLeast))
	}
	if cmd.HasMaxPrice || cmd.MaxPrice != 0 {
		h.pair(2, uint64(cmd.MaxPrice))
	}
	if cmd.Channel != "" {
		h.word(3)
		h.string(cmd.Channel)
	}
}

// waits adds what a command says about the waiting list: nothing where it says nothing.
func (h *hasher) waits(cmd *Command, l *LineCommand) {
	for i := range l.Wishes {
		h.string(l.Wishes[i].Lot)
		h.int(l.Wishes[i].Quantity)
		h.bool(l.Wishes[i].Together)
	}
	if cmd.Verb == VerbWait {
		h.bool(l.AutoBuy)
		h.bool(cmd.HasMaxPrice)
		h.int(cmd.MaxPrice)
	}
	if l.List {
		h.bool(true)
	}
}
