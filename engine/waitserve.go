package engine

import (
	"cmp"
	"slices"
)

// keep finds how many units are kept, from whoever comes behind a rank of the waiting list, for those before: for room, until keepNone or the next keep.
func (e *Event) keep(from uint64) {
	w := e.list
	w.keeping = false
	for i := range w.kinds {
		if k := &w.kinds[i]; e.keeps(k) && k.first>>wishBits < from {
			e.keepKind(k)
		}
	}
}

// keeps reports whether tickets are kept now for the first of a kind.
func (e *Event) keeps(k *waitKind) bool {
	return k.passing.until > e.eventTime() && e.couldHave(k)
}

// keepKind adds what is kept for the first of a kind.
func (e *Event) keepKind(k *waitKind) {
	w := e.list
	if !w.keeping {
		w.keeping = true
		w.lots, w.pools = append(w.lots[:0], make([]int64, len(e.lots))...), append(w.pools[:0], make([]int64, len(e.pools))...)
	}
	l := &e.lots[k.lot]
	units := int64(k.quantity) * l.units
	for _, p := range l.pools {
		w.pools[p] = min(e.pools[p].in[shareFree], w.pools[p]+units)
	}
	if k.together {
		units = l.in[shareFree]
	}
	w.lots[k.lot] = min(l.in[shareFree], w.lots[k.lot]+units)
}

// couldHave reports whether all that is not blocked would be enough for a kind. If not, nothing is kept for it: that could not help.
func (e *Event) couldHave(k *waitKind) bool {
	l := &e.lots[k.lot]
	units := int64(k.quantity) * l.units
	for _, p := range l.pools {
		if pool := &e.pools[p]; pool.capacity-pool.in[shareBlocked] < units {
			return false
		}
	}
	return l.capacity-l.in[shareBlocked] >= units
}

// keepFor is keep for the present command: an offer, or somebody who does not wait and gets nothing before all who fit. What is lent of a hold that it replaces
// is not kept from it.
func (e *Event) keepFor() {
	from := uint64(everybody)
	if e.list.offering != 0 {
		from = e.list.rank((e.list.offering - 1) >> wishBits)
	} else {
		e.list.closed = e.listUnsettled()
	}
	e.keep(from)
}

// keepNone ends what keep or keepFor has begun.
func (e *Event) keepNone() {
	if e.list != nil {
		e.list.keeping, e.list.closed = false, false
	}
}

// keptOf and keptOfPool are how many units are kept from the command that is judged.
func (w *waitList) keptOf(lot uint32) int64 {
	if w == nil || !w.keeping {
		return 0
	}
	return w.lots[lot]
}

func (w *waitList) keptOfPool(pool uint32) int64 {
	if w == nil || !w.keeping {
		return 0
	}
	return w.pools[pool]
}

// servesList reports whether somebody on the list may get tickets now.
func (e *Event) servesList() bool {
	return e.list != nil && e.list.counts[WaitWaiting] > 0 && e.state == EventOnSale && e.holds.live() < e.limits.Holds
}

// waitFirstOf is the first wish of a kind.
type waitFirstOf struct {
	order uint64
	kind  uint32
}

func sortFirsts(firsts []waitFirstOf) {
	slices.SortFunc(firsts, func(a, b waitFirstOf) int { return cmp.Compare(a.order, b.order) })
}

// firstWhoFits finds the earliest wish that what is free fits: it goes through the firsts of all kinds in their order, and knows what is kept for those before.
func (e *Event) firstWhoFits() (ref uint32, ok bool) {
	if !e.servesList() {
		return 0, false
	}
	w := e.list
	w.firsts, w.keeping = w.firsts[:0], false
	kept := false
	for i := range w.kinds {
		k := &w.kinds[i]
		keeps := e.keeps(k)
		if kept = kept || keeps; !keeps && !e.mayServe(k) {
			continue
		}
		first := k.first
		if plantedBug(plantedOvertakeWaiter) && k.waiting > 1 {
			first = w.order(w.second(k))
		}
		w.firsts = append(w.firsts, waitFirstOf{first, uint32(i)})
	}
	if !kept { // then nobody has to be looked at but who may be the earliest
		best := waitFirstOf{order: everybody}
		for _, f := range w.firsts {
			if f.order < best.order && e.fitsKind(&w.kinds[f.kind]) {
				best = f
			}
		}
		return uint32(best.order), best.order != everybody
	}
	sortFirsts(w.firsts)
	defer e.keepNone()
	before := 0 // so many of them come before the one that is looked at, and what is kept for them is kept from it
	for _, f := range w.firsts {
		for ; w.firsts[before].order>>wishBits < f.order>>wishBits; before++ {
			if k := &w.kinds[w.firsts[before].kind]; e.keeps(k) {
				e.keepKind(k)
			}
		}
		if k := &w.kinds[f.kind]; e.mayServe(k) && e.fitsKind(k) {
			return uint32(f.order), true
		}
	}
	return 0, false
}

// mayServe reports whether a kind's lot has enough for one of it, whoever else may have it, and wherever the seats are.
func (e *Event) mayServe(k *waitKind) bool {
	l := &e.lots[k.lot]
	return l.open && l.in[shareFree] >= int64(k.quantity)*l.units
}

// fitsKind reports whether what is free, and not kept for somebody before, fits the wishes of a kind.
func (e *Event) fitsKind(k *waitKind) bool {
	room, _ := e.room(nil, k.lot)
	l := &e.lots[k.lot]
	switch {
	case room < int64(k.quantity)*l.units:
		return false
	case l.seating == nil:
		return true
	case k.together:
		return l.seating.longest(plainView, int(k.quantity)) >= int(k.quantity)
	}
	return l.seating.freeOfView(plainView) >= int64(k.quantity)
}

// listUnsettled reports whether the list goes on by itself.
func (e *Event) listUnsettled() bool {
	if e.list == nil || !e.list.mayFit(e.eventTime()) {
		return false
	}
	_, any := e.firstWhoFits()
	return any
}

// settleList offers what is free to those who wait, as much as a step may do. What is left is closed to everybody else until the list has been gone through.
func (e *Event) settleList() {
	w := e.list
	for e.servesList() && w.mayFit(e.eventTime()) && e.followUps > 0 {
		ref, any := e.firstWhoFits()
		if !any {
			e.hasLooked()
			return
		}
		e.offerTo(ref)
		e.followUps -= 2 + len(w.kinds)/wishKindsALook
		if e.lots[w.rows.at(ref >> wishBits).wishes[ref&(WishesMax-1)].lot].seating != nil {
			e.followUps -= seatsALook
		}
	}
}

// hasLooked notes that nobody fits now, and when the next time of keeping ends.
func (e *Event) hasLooked() {
	w, now := e.list, e.eventTime()
	w.look, w.due = false, 0
	for i := range w.kinds {
		if until := w.kinds[i].passing.until; until > now {
			w.keptUntil(until)
		}
	}
}

// What a look costs beside the two facts of an offer, so that a step stays short: kinds that are looked at for one follow-up, and follow-ups of a search for seats.
const (
	wishKindsALook = 32
	seatsALook     = 6
)

// offerTo holds tickets for the first who fits, or strikes the wish off if a rule is in the way that has nothing to do with what is free.
func (e *Event) offerTo(ref uint32) {
	w := e.list
	slot, i := ref>>wishBits, ref&(WishesMax-1)
	r := w.rows.at(slot)
	wish := r.wishes[i]
	cmd, f := &e.work.waiting, &e.work.held
	cmd.Buyer = e.buyerName(r.buyer)
	cmd.Items = append(cmd.Items[:0], Item{Lot: e.lots[wish.lot].spec.Lot, Quantity: int64(wish.quantity), Split: e.lots[wish.lot].seating != nil && !wish.together})
	cmd.MaxPrice, cmd.HasMaxPrice = r.maxPrice, r.flags&waitPriced != 0
	f.asked, f.buyer, f.buyerHash, f.buyerRow, f.price = asked{}, cmd.Buyer, e.buyerHash(r.buyer), r.buyer+1, nil
	w.offering = ref + 1
	if cmd.Line = nil; r.code != 0 && e.isFor(&e.codes.rows[r.code-1], wish.lot) {
		e.work.ofCode = LineCommand{code: r.code}
		cmd.Line = &e.work.ofCode
	}
	e.judgeReplacing(cmd, f)
	w.offering = 0
	if why := e.why.code; why != CodeOK {
		e.emitWishEnded(&factWishEnded{waiter: slot + 1, wish: uint8(i + 1), state: WaitUnfit, code: why})
		e.tellWaiter(slot, why)
		return
	}
	e.takeItems(f)
	o := factOfferedTo{waiter: slot + 1, wish: uint8(i)}
	e.facts.Buf = o.append(e.facts.Buf)
	e.emitted()
	e.applyOfferedTo(&o)
	f.fill, f.device, f.channel = FillAllOrNothing, DeviceUnknown, ""
	f.hold, f.life = e.holdLast+1, e.offerLife()
	f.rest = max(0, e.spec.MaxHoldMs*1e6-f.life)
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyHeld(f)
	e.tellWaiter(slot, CodeOK)
}

// offerLife is how long tickets are held for somebody whose turn has come, in nanoseconds.
func (e *Event) offerLife() int64 {
	if s := e.spec.Line; s != nil {
		return s.OfferTTLMs * 1e6
	}
	return waitTTLDefault * 1e6
}

// asideLife is how long tickets are kept for somebody who was passed over too often, and for whom so many times of keeping were not enough: each is twice as long as
// the one before it.
func (e *Event) asideLife(rounds uint8) Instant {
	life := Instant(asideDefault)
	if s := e.spec.Line; s != nil {
		life = Instant(s.AsideMs)
	}
	for life *= 1e6; rounds > 0 && life < asideLifeMax; rounds-- {
		life *= 2
	}
	return min(life, asideLifeMax)
}

func (e *Event) applyOfferedTo(f *factOfferedTo) {
	e.list.offering = wishRef(f.waiter-1, int(f.wish)) + 1
}

// waiterHeld notes that a buyer got a hold: as offered, or else the buyer waits no more, or has given the offer up for it. Those who wait for the same tickets, and come
// before, were passed over.
func (e *Event) waiterHeld(buyer uint32, b *basket) {
	w := e.list
	from := uint64(everybody)
	if w.offering != 0 {
		slot := (w.offering - 1) >> wishBits
		from, w.offering = w.rank(slot), 0
		e.setWaiter(slot, WaitOffered)
	} else if at := e.liveWaiter(buyer + 1); at != 0 {
		if e.setWaiter(at-1, WaitTook); e.facts != nil { // not in a replay
			e.tellWaiter(at-1, CodeOK)
		}
	}
	if w.counts[WaitWaiting] > 0 {
		e.passOver(from, b)
	}
}

// passOver counts for the first of each kind before a rank that tickets it could have had went to somebody else.
func (e *Event) passOver(from uint64, b *basket) {
	w, now := e.list, e.eventTime()
	for i := range w.kinds {
		k := &w.kinds[i]
		p := &k.passing
		if k.first>>wishBits >= from || p.until > now || !e.sharesUnits(k.lot, b) {
			continue
		}
		if p.until != 0 {
			p.passed, p.rounds, p.until = 0, min(p.rounds+1, asideRoundsMax), 0
		}
		if p.passed++; p.passed >= PassedOverMax {
			rounds := p.rounds
			if k.together {
				rounds = min(rounds, asideTogetherMax)
			}
			p.until = now + e.asideLife(rounds)
			w.keptUntil(p.until)
		}
	}
}

// sharesUnits reports whether a basket has tickets of a lot, or of one that has a pool in common with it.
func (e *Event) sharesUnits(lot uint32, b *basket) bool {
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		other := e.prices[it.price].lot
		if other == lot {
			return true
		}
		for _, p := range e.lots[lot].pools {
			for _, q := range e.lots[other].pools {
				if p == q {
					return true
				}
			}
		}
	}
	return false
}

// offerEnded notes that the hold of a buyer has ended, if it was offered.
func (e *Event) offerEnded(buyer uint32, as WaitState) {
	at := e.liveWaiter(buyer + 1)
	if at == 0 || e.list.rows.at(at-1).state != WaitOffered {
		return
	}
	if e.setWaiter(at-1, as); e.facts != nil { // not in a replay
		e.tellWaiter(at-1, CodeOK)
	}
}

// endedOffer is what becomes of an offer whose hold ends without an order.
func endedOffer(as HoldState, paying bool) WaitState {
	switch {
	case as == HoldExpired:
		return WaitLapsed
	case paying:
		return WaitUnpaid
	}
	return WaitReleased
}

// judgeAuto adds the reasons why the hold of a buyer (slot + 1) cannot be bought as agreed.
func (e *Event) judgeAuto(p *PaymentCommand, buyer uint32, total int64) {
	at := e.liveWaiter(buyer)
	switch {
	case at == 0 || e.list.rows.at(at-1).flags&waitAuto == 0:
		e.because(refusal{code: CodeWishUnknown, field: fieldBuyer})
	case p.Note.Agreement == "":
		e.because(refusal{code: CodeAgreementMissing, field: fieldBuyer})
	case p.Note.aboveCap(total, e.spec.Currency):
		e.because(refusal{code: CodeStepUpRequired, field: fieldBuyer, text: stepUpSentence(StepUpAboveAgreement)})
	case !p.Note.Can.OneClick():
		e.because(refusal{code: CodeMethodUnusable, field: fieldMethod, text: methodNeedsBuyer})
	}
}

// failAuto gives the tickets of an offer back that could not be bought as agreed, so that they go to the next.
func (e *Event) failAuto(buyer uint32, why Code) {
	at := e.liveWaiter(buyer)
	if at == 0 || e.list.rows.at(at-1).state != WaitOffered || e.list.rows.at(at-1).flags&waitAuto == 0 {
		return
	}
	e.emitWishEnded(&factWishEnded{waiter: at, state: WaitUnpaid, code: why})
	e.tellWaiter(at-1, why)
}

// nextInList is the event time at which the list wants to be looked at again: when a time of keeping is over; false if never.
func (e *Event) nextInList() (at Instant, ok bool) {
	if !e.servesList() {
		return 0, false
	}
	return e.list.due, e.list.due != 0
}
