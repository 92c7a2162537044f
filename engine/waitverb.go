package engine

import "math"

// wait puts a buyer on the waiting list. Whoever waits keeps the place and the wishes.
func (e *Event) wait(cmd *Command) {
	if !e.validWait(cmd) || !e.sellsHere(cmd) {
		return
	}
	var f factWished
	known, hash, buyer := e.knownToo(cmd, &f.asked)
	if known {
		return
	}
	f.buyer, f.buyerHash, f.buyerRow = cmd.Buyer, hash, buyer
	l := lineOf(cmd)
	e.why.code = CodeOK
	e.putWishes(&f, l.Wishes)
	if cmd.HasMaxPrice || cmd.MaxPrice > 0 {
		f.flags, f.maxPrice = f.flags|waitPriced, cmd.MaxPrice
	}
	if !e.putCode(cmd, &f) {
		return
	}
	if e.putAgreement(cmd, &f, l.AutoBuy); e.keepsPlace(&f) {
		return
	}
	if e.judgeWait(cmd, &f); e.why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, e.why)
		return
	}
	e.emitWished(cmd, &f)
}

// buyLater puts a buyer on the waiting list whose purchase is refused because it is sold out.
func (e *Event) buyLater(cmd *Command, f *factWished) {
	e.why.code = CodeOK
	it := &cmd.Items[0]
	if len(cmd.Items) > 1 || len(it.Seats) > 0 || it.Accessible|it.Companion != 0 || it.Restricted || it.Quantity > WishQuantityMax {
		e.because(refusal{code: CodeInvalid, field: fieldItems, text: oneItemToWait})
	} else {
		e.putWishes(f, []Wish{{Lot: it.Lot, Quantity: it.Quantity, Together: !it.Split}})
	}
	if cmd.HasMaxPrice || cmd.MaxPrice > 0 {
		f.flags, f.maxPrice = f.flags|waitPriced, cmd.MaxPrice
	}
	if !e.putCode(cmd, f) {
		return
	}
	if e.putAgreement(cmd, f, true); e.keepsPlace(f) {
		return
	}
	if e.judgeWait(cmd, f); e.why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, e.why)
		return
	}
	e.emitWished(cmd, f)
}

// waitFirst puts a buyer first on the waiting list who has paid for a hold too late, whose tickets were of one lot in which there are not as many any more. Whoever waits
// already, has other tickets, or may not wait for another reason gets the money back and no more.
func (e *Event) waitFirst(cmd *Command, hash uint64, buyer uint32, had []factItem) {
	if len(had) != 1 || had[0].sales > WishQuantityMax || e.liveWaiter(buyer) != 0 {
		return
	}
	lot := e.prices[had[0].price].lot
	if room, _ := e.room(nil, lot); room >= int64(had[0].sales)*e.lots[lot].units {
		return
	}
	f := factWished{buyer: cmd.Buyer, buyerHash: hash, buyerRow: buyer, flags: waitFirst, count: 1}
	if f.code = e.codeOfItems(had); f.code != 0 {
		f.flags |= waitCoded
	}
	f.wishes[0] = waitWish{lot: lot, quantity: uint16(had[0].sales)}
	if s := e.lots[lot].seating; s != nil && had[0].sales > 1 && int(had[0].sales) <= s.widest { // side by side, or else as many
		f.wishes[1], f.count = f.wishes[0], 2
		f.wishes[0].together = true
	}
	e.why.code = CodeOK
	if e.judgeWait(cmd, &f); e.why.code == CodeOK {
		e.emitWished(cmd, &f)
	}
}

// keepsPlace shows who waits for just this already, and keeps the place. Of who waits for something else it adds that.
func (e *Event) keepsPlace(f *factWished) bool {
	at := e.liveWaiter(f.buyerRow)
	if e.why.code != CodeOK || at == 0 {
		return false
	}
	if e.waitsFor(at-1, f) {
		if !plantedBug(plantedWaiterToTheBack) || e.list.rows.at(at-1).state != WaitWaiting {
			if f.flags&waitAuto != 0 && !e.lineOver() { // afterwards nobody is put on the list again
				e.emitWaitKept(&factWaitKept{asked: f.asked, waiter: at})
			}
			e.showWaiter(at - 1)
			return true
		}
		e.emitWishEnded(&factWishEnded{asked: asked{id: "x"}, waiter: at, state: WaitLeft})
	}
	e.because(refusal{code: CodeWrongState, field: fieldBuyer, text: waitsForOthers})
	return false
}

func (e *Event) emitWaitKept(f *factWaitKept) {
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyWaitKept(f)
}

func (e *Event) applyWaitKept(f *factWaitKept) { e.remember(&f.asked, VerbWait, uint64(f.waiter), 0) }

// emitWished puts a buyer on the list, and says how it went: who is first and fits has an offer already.
func (e *Event) emitWished(cmd *Command, f *factWished) {
	e.putPriceSeen(f)
	if links := e.linksSaid(cmd); len(links) > 0 {
		f.buyerRow = e.linkTo(cmd.Buyer, f.buyerHash, f.buyerRow, links)
	}
	f.waiter = 1
	if e.list != nil {
		f.waiter += e.list.rows.rows
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyWished(f)
	e.settle()
	e.showWaiter(f.waiter - 1)
}

func (e *Event) validWait(cmd *Command) bool {
	if !e.validRequest(cmd) || !e.validID("buyer", cmd.Buyer) || !e.validCode(cmd) {
		return false
	}
	wishes := lineOf(cmd).Wishes
	switch {
	case len(wishes) == 0:
		e.bad("wishes", "it is missing")
		return false
	case len(wishes) > WishesMax:
		e.tooMany("wishes", WishesMax)
		return false
	case cmd.MaxPrice < 0:
		e.bad("max_price_minor", "it is below zero")
		return false
	}
	for i := range wishes {
		switch w := &wishes[i]; {
		case !ValidID(w.Lot) || IsCardNumber(w.Lot):
			return e.validID(wishField(i, "lot"), w.Lot)
		case w.Quantity < 1:
			e.bad(wishField(i, "quantity"), "it is 1 or more")
			return false
		case w.Quantity > WishQuantityMax:
			e.tooMany(wishField(i, "quantity"), WishQuantityMax)
			return false
		}
		for j := range i {
			if wishes[j] == wishes[i] {
				e.bad(wishField(i, "lot"), "it is the same wish as one before")
				return false
			}
		}
	}
	return true
}

// putCode puts the code that the tickets are to be taken with into a fact. It takes no use of it: that is counted when the turn comes. A code that cannot be ends the
// step, whatever else is to be said.
func (e *Event) putCode(cmd *Command, f *factWished) bool {
	l := lineOf(cmd)
	code := l.code
	if l.Code == "" && code == 0 || e.why.code != CodeOK {
		return true
	}
	if code == 0 {
		code = e.tryCode(cmd, f.buyerRow)
	}
	if code != 0 {
		c := &e.codes.rows[code-1]
		e.judgeTime(c)
		for i := range f.count {
			if e.isFor(c, f.wishes[i].lot) {
				f.code, f.flags = code, f.flags|waitCoded
			}
		}
		if f.code == 0 {
			e.because(refusal{code: CodeInvalid, field: fieldCode, text: codeOfOthers})
		}
	}
	if e.why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, e.why)
		return false
	}
	return true
}

// judgeWaitCode adds that a wish is for a lot that is sold with a code only.
func (e *Event) judgeWaitCode(f *factWished) {
	for i := range f.count {
		if lot := f.wishes[i].lot; e.lots[lot].spec.CodeOnly && (f.code == 0 || !e.isFor(&e.codes.rows[f.code-1], lot)) {
			e.because(refusal{code: CodeLotNotOpen, field: fieldWishes, subject: aboutLot, at: lot, text: lotNeedsCode})
		}
	}
}

// putWishes puts wishes into a fact. A reason to refuse is a lot that is not there.
func (e *Event) putWishes(f *factWished, wishes []Wish) {
	for i := range wishes {
		lot, ok := e.lotNamed(wishes[i].Lot)
		if !ok {
			e.because(refusal{code: CodeLotUnknown, field: fieldWishes, subject: aboutWish, item: uint16(i)})
			continue
		}
		// Of a lot without seats all tickets are together.
		f.wishes[f.count] = waitWish{lot: lot, quantity: uint16(wishes[i].Quantity), together: wishes[i].Together && e.lots[lot].seating != nil}
		f.count++
	}
	for i := range f.count {
		for j := range i {
			if f.wishes[i] == f.wishes[j] {
				e.because(refusal{code: CodeInvalid, field: fieldWishes, text: wishTwice})
			}
		}
	}
}

// putAgreement puts what an auto-buy is agreed to with into a fact.
func (e *Event) putAgreement(cmd *Command, f *factWished, auto bool) {
	if !auto {
		return
	}
	p := paymentOf(cmd)
	f.flags |= waitAuto
	if f.method, f.agreement = p.Note.Method, p.Note.Agreement; cmd.Verb == VerbBuy {
		f.agreement = p.Note.WaitAgreement
	}
	if f.agreement == "" {
		e.because(refusal{code: CodeAgreementMissing, field: fieldBuyer})
	}
	e.judgeMethod(p, 1) // whatever it will cost
	if !p.Note.Can.OneClick() {
		e.because(refusal{code: CodeMethodUnusable, field: fieldMethod, text: methodNeedsBuyer})
	}
}

// putPriceSeen gives somebody a highest price who is to be charged without being there, and has said none: what a hold of the dearest wish would cost now. Nobody is
// charged more than they could see when they agreed.
func (e *Event) putPriceSeen(f *factWished) {
	if f.flags&(waitAuto|waitPriced) != waitAuto {
		return
	}
	e.promised, e.coded = e.promisedTo(f.buyerRow), f.code
	for i := range f.count {
		w := &f.wishes[i]
		f.maxPrice = max(f.maxPrice, int64(w.quantity)*e.costOf(w.lot))
	}
	f.flags |= waitPriced | waitPriceSeen
}

// waitsFor reports whether a waiter waits for just what a fact says. Who was given a highest price and says none again means that one, whatever it would cost now.
func (e *Event) waitsFor(slot uint32, f *factWished) bool {
	r := e.list.rows.at(slot)
	flags, most := r.flags&^waitPriceSeen, r.maxPrice
	if r.flags&waitPriceSeen != 0 && f.flags&waitPriced == 0 {
		flags, most = flags&^waitPriced, 0
	}
	if r.count != f.count || flags != f.flags || most != f.maxPrice || r.code != f.code || e.named(r.method) != f.method {
		return false
	}
	for i := range r.count {
		if w := r.wishes[i]; w.lot != f.wishes[i].lot || w.quantity != f.wishes[i].quantity || w.together != f.wishes[i].together {
			return false
		}
	}
	return true
}

// judgeWait adds the reasons why a buyer cannot wait.
func (e *Event) judgeWait(cmd *Command, f *factWished) {
	if e.state != EventOnSale && e.state != EventPaused {
		e.because(refusal{code: CodeNotOnSale, field: fieldEvent, text: e.notSelling()})
		return
	}
	buyer := f.buyerRow
	if buyer != 0 {
		if hold := e.buyers.at(buyer - 1).hold; hold != 0 {
			why := refusal{code: CodeWrongState, field: fieldBuyer, text: holdsTickets}
			if e.holds.at(hold-1).state() == HoldPaying {
				why.code = CodePaymentInProgress
			}
			e.because(why)
		}
		if at := e.waiterOf(buyer); at != 0 && e.list.rows.at(at-1).before+1 >= joinsMax {
			e.because(refusal{code: CodeTooMany, field: fieldBuyer, text: tooManyWaits, want: joinsMax})
		}
	} else if e.buyers.live() >= e.limits.Buyers {
		e.because(refusal{code: CodeTooMany, text: tooManyBuyers, want: int64(e.limits.Buyers)})
	}
	if w := e.list; w != nil {
		if w.rows.live() >= e.limits.Line {
			e.because(refusal{code: CodeTooMany, text: tooManyWaiting, want: int64(e.limits.Line)})
		}
		if e.kindsWith(f.wishes[:f.count]) > WishKindsMax {
			e.because(refusal{code: CodeTooMany, field: fieldWishes, text: tooManyKinds, want: WishKindsMax})
		}
	}
	e.judgeWaitCode(f)
	e.judgeWishes(f)
	e.judgeWaitPrice(cmd, f)
	if f.flags&waitFirst == 0 {
		e.judgeWaitLine(f)
	}
	e.judgeLinkedPlace(cmd, buyer, e.liveWaiter)
}

// judgeWishes adds that a rule forbids a wish, whatever is free: nobody waits for what could not be held when the turn comes.
func (e *Event) judgeWishes(f *factWished) {
	for i := range f.count {
		w := &f.wishes[i]
		l := &e.lots[w.lot]
		sales := int64(w.quantity)
		units := sales * l.units
		why := refusal{field: fieldWishes, subject: aboutLot, at: w.lot, want: sales}
		limit := e.spec.LimitPerBuyer
		left := limit - e.unitsBought(f.buyerRow)
		switch most := l.spec.MaxOrder; {
		case sales < l.minOrder:
			why.code, why.have, why.want = CodeBelowMinimum, sales, l.minOrder
		case most > 0 && sales > most:
			why.code, why.have = CodeAboveMaximum, most
		case e.spec.LimitPerOrder > 0 && units > e.spec.LimitPerOrder:
			why = refusal{code: CodeAboveMaximum, field: fieldWishes, have: e.spec.LimitPerOrder, want: units}
		case limit > 0 && units > left:
			why = refusal{code: CodeLimitReached, field: fieldWishes, have: max(0, left), want: units, limit: limit, used: limit - left}
		case w.together && int(w.quantity) > l.seating.widest:
			why.code = CodeNotTogether
		default:
			continue
		}
		e.because(why)
	}
}

// judgeWaitLine adds that there are tickets for those in the line: whoever has no pass does not get before them by waiting for tickets that somebody just holds.
func (e *Event) judgeWaitLine(f *factWished) {
	if e.lineMode() != LineModeLine || e.linePhase() == LineNone || e.promisedTo(f.buyerRow) != 0 {
		return
	}
	for i := range f.count {
		if lot := f.wishes[i].lot; !e.isSoldOut(lot) || !e.lots[lot].open {
			e.because(refusal{code: CodePassRequired, field: fieldBuyer, text: ticketsForTheLine})
		}
	}
}

// judgeWaitPrice adds that not even the cheapest wish costs as little now as may be charged: its turn would only end it.
func (e *Event) judgeWaitPrice(cmd *Command, f *factWished) {
	if f.flags&(waitAuto|waitPriced) == 0 || f.count == 0 {
		return
	}
	e.promised, e.coded = e.promisedTo(f.buyerRow), f.code
	least := int64(math.MaxInt64)
	for i := range f.count {
		w := &f.wishes[i]
		least = min(least, int64(w.quantity)*e.costOf(w.lot))
	}
	if f.flags&waitPriced != 0 && least > f.maxPrice {
		e.because(refusal{code: CodePriceExceeded, field: fieldMaxPrice, have: f.maxPrice, want: least})
	}
	if f.flags&waitAuto != 0 && least > 0 && paymentOf(cmd).Note.aboveCap(least, e.spec.Currency) {
		e.because(refusal{code: CodeStepUpRequired, field: fieldBuyer, text: stepUpSentence(StepUpAboveAgreement)})
	}
}

func (e *Event) applyWished(f *factWished) {
	w := e.listHere()
	buyer := e.intern(f.buyer, f.buyerHash, f.buyerRow)
	before := uint8(0)
	if at := e.waiterOf(buyer + 1); at != 0 {
		before = w.rows.at(at-1).before + 1
	}
	slot := w.rows.alloc()
	*w.rows.at(slot) = waiterRow{
		buyer: buyer, joined: e.age(), maxPrice: f.maxPrice, method: e.name(f.method), agreement: e.name(f.agreement), wishes: f.wishes,
		state: WaitWaiting, count: f.count, flags: f.flags, before: before, code: f.code,
	}
	e.addWaiter(slot)
	if e.line != nil {
		e.passWished(buyer, int64(f.wishes[0].quantity)*e.lots[f.wishes[0].lot].units)
	}
	e.remember(&f.asked, VerbWait, uint64(f.waiter), 0)
}

// addWaiter adds a waiter who was put into its row to the queues and sums.
func (e *Event) addWaiter(slot uint32) {
	w := e.list
	r := w.rows.at(slot)
	w.newest.set(r.buyer, slot+1)
	w.enqueue(slot)
	if r.flags&waitFirst != 0 {
		w.early = append(w.early, slot)
	}
	if slot&slabMask == 0 {
		w.waiting = append(w.waiting, 0)
	}
	if r.state == WaitWaiting {
		w.waiting[slot>>slabShift]++
	}
	w.counts[r.state]++
	w.look = true
	e.rows += e.waiterHash(slot)
}

// leaveList takes a buyer off the waiting list. What is held for the buyer is free again.
func (e *Event) leaveList(cmd *Command) {
	if !e.validLine(cmd) || !e.sellsHere(cmd) {
		return
	}
	var f factWishEnded
	known, _, buyer := e.knownToo(cmd, &f.asked)
	if known {
		return
	}
	at := e.liveWaiter(buyer)
	switch {
	case at == 0 || e.lineOver():
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeNotInLine, field: fieldBuyer, text: doesNotWait})
		return
	case e.list.rows.at(at-1).state == WaitOffered && e.holds.at(e.buyers.at(buyer-1).hold-1).state() == HoldPaying:
		e.refuseAsked(cmd, &f.asked, refusal{code: CodePaymentInProgress, field: fieldBuyer})
		return
	}
	f.waiter, f.state = at, WaitLeft
	e.emitWishEnded(&f)
	e.settle()
	e.showWaiter(at - 1)
}

func (e *Event) emitWishEnded(f *factWishEnded) {
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyWishEnded(f)
}

func (e *Event) applyWishEnded(f *factWishEnded) {
	w := e.list
	slot := f.waiter - 1
	r := w.rows.at(slot)
	if f.wish != 0 {
		e.rows -= e.waiterHash(slot)
		wish := &r.wishes[f.wish-1]
		wish.struck = true
		w.dequeueWish(wishRef(slot, int(f.wish-1)))
		e.rows += e.waiterHash(slot)
		w.look = true
		for i := range r.count {
			if !r.wishes[i].struck {
				return
			}
		}
	}
	offered := r.state == WaitOffered
	if e.setWaiter(slot, f.state); offered {
		e.end(e.buyers.at(r.buyer).hold-1, HoldReleased)
	}
	e.remember(&f.asked, VerbLeave, leftList|uint64(f.waiter), 0)
}

// leftList tells a remembered leave of the waiting list from one of the line.
const leftList = 1 << 40
