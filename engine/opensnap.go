package engine

import (
	"fmt"
	"math"
	"slices"
)

// openEvent reads an event's snapshot. See AppendSnapshot for the layout.
func openEvent(key Key, state []byte) (*Event, error) {
	e := New(key)
	d := &decoder{buf: state}
	version := d.byte()
	if d.what == "" && (version < 1 || version > snapshotVersion) {
		return nil, fmt.Errorf("%w: snapshot of event %q has version %d: was it written by a newer version?", ErrMalformed, key.ID, version)
	}
	e.state = EventState(d.byte())
	if e.state > EventCancelled {
		d.fail("an unknown state")
	}
	if e.state != 0 {
		e.openTables(d, version)
	}
	if d.what == "" && len(d.buf) > 0 {
		d.fail("bytes after the end")
	}
	if err := d.err(); err != nil {
		return nil, fmt.Errorf("snapshot of event %q: %w", key.ID, err)
	}
	if err := e.check(false); err != nil {
		return nil, fmt.Errorf("%w: snapshot: %w", ErrMalformed, err)
	}
	return e, nil
}

// openTables reads everything after the state. It fails d at the first thing that does not fit.
func (e *Event) openTables(d *decoder, version byte) {
	e.seq, e.lastAt, e.since = Seq(d.int()), Instant(d.uint(uint64(instantMax))), Instant(d.uint(uint64(instantMax)))
	e.down, e.holdLast = int64(d.uint(uint64(instantMax))), HoldID(d.uint(1<<stateShift-1))
	e.now = e.lastAt
	if e.since > e.lastAt || e.down > int64(e.lastAt) {
		d.fail("times out of order")
	}
	e.limits = d.limits()
	if e.limits != e.limits.filled() {
		d.fail("a bound is out of range")
	}
	spec := d.spec()
	if d.what != "" || len(spec.Lots)+len(spec.Pools) > 0 {
		d.fail("a spec with lots")
		return
	}
	e.spec = ownSpec(spec)
	e.openLayout(d, spec)
	if d.what != "" {
		return
	}
	buyers := d.count(e.limits.Buyers, 2)
	for range buyers {
		name := d.id()
		hash := hashString(e.seed, name)
		if d.what != "" || e.buyerNamed(name, hash) != 0 {
			d.fail("a buyer is there twice")
			return
		}
		e.intern(name, hash, 0)
	}
	e.openOrders(d, version)
	if version > 2 {
		e.openRefunds(d)
		e.openCalledOff(d)
		e.openLinks(d)
	}
	e.openHolds(d)
	e.openEnded(d)
	e.openRequests(d)
	e.openRefused(d)
	if version > 1 {
		e.openRestores(d, version)
		e.openDated(d)
	} else if e.state == EventClosed {
		e.closed = e.lastAt // or earlier: version 1 did not tell
	}
	if version > 2 && d.what == "" {
		e.openPurchases(d)
		if d.what == "" {
			e.openOffers(d)
			e.openLates(d)
		}
	}
	if version > 3 && d.what == "" {
		e.openTouches(d)
	}
	if version > 4 && d.what == "" {
		if e.openCodes(d); d.what == "" {
			e.openLine(d)
		}
		if d.what == "" {
			e.openList(d)
		}
	}
	if version < 5 && e.codes != nil {
		d.fail("a price with a code of before there were codes")
	}
	if hash := d.fixed64(); d.what == "" && hash != e.StateHash() {
		d.fail(fmt.Sprintf("its state hash is %016x, its content's %016x", hash, e.StateHash()))
	}
}

// openLayout reads pools, lots and prices.
func (e *Event) openLayout(d *decoder, spec *EventSpec) {
	type poolState struct{ capacity, own int64 }
	type lotState struct {
		capacity, blocked int64
		open, exhausted   bool
		seats             []uint32
	}
	pools := make([]poolState, d.count(e.limits.Pools, 3))
	for i := range pools {
		spec.Pools = append(spec.Pools, PoolSpec{Pool: d.text(IDLenMax)})
		pools[i] = poolState{capacity: int64(d.uint(CapacityMax)), own: int64(d.uint(CapacityMax))}
	}
	lots := make([]lotState, d.count(e.limits.Lots, 18))
	for i := range lots {
		l := d.lotSpec()
		s := lotState{capacity: int64(d.uint(CapacityMax))}
		s.open, s.exhausted, s.blocked = d.bool(), d.bool(), int64(d.uint(CapacityMax))
		if len(l.Rows) > 0 {
			if s.blocked > int64(len(d.buf)) {
				d.fail("a list is cut off")
				return
			}
			s.seats = d.seats(int(s.blocked), nil)
		}
		if d.what != "" {
			return
		}
		spec.Lots, lots[i] = append(spec.Lots, l), s
	}
	check := specCheck{e: e}
	if d.what == "" && (!check.fields(spec) || !check.layout(spec)) {
		d.fail(check.field + ": " + check.text)
	}
	if d.what != "" {
		return
	}
	e.addLayout(spec)
	e.openPrices(d)
	if d.what != "" {
		return
	}
	e.tiersDue = 0
	for i := range pools {
		p := &e.pools[i]
		p.capacity, p.own = pools[i].capacity, pools[i].own
		p.in = [shares]int64{shareFree: p.capacity - p.own, shareBlocked: p.own}
	}
	for i := range lots {
		l, s := &e.lots[i], &lots[i]
		if l.seating != nil && s.capacity != int64(len(l.seating.seats)) {
			d.fail("a seated lot with more or less than its seats")
			return
		}
		l.capacity, l.open, l.exhausted = s.capacity, s.open, s.exhausted
		l.in = [shares]int64{shareFree: l.capacity}
		for _, n := range s.seats {
			if int(n) >= len(l.seating.seats) || l.seating.seats[n].state != seatFree {
				d.fail("a blocked seat that is not there, or there twice")
				return
			}
			l.seating.seats[n].state = seatBlocked
			l.seating.mark(n, false)
			e.rows += seatHash(uint32(i), n, seatBlocked)
		}
		e.shift(uint32(i), s.blocked, shareBlocked)
	}
	for i := range e.lots {
		l := &e.lots[i]
		if l.after < 0 && !l.open {
			d.fail("a lot that is no tier and not open")
			return
		}
		if !l.open && e.lots[l.after].exhausted {
			e.tiersDue++
		}
	}
}

// openPrices replaces the prices that addLayout made by all that there ever were.
func (e *Event) openPrices(d *decoder) {
	e.prices = e.prices[:0]
	newest := make([]uint32, len(e.lots)) // number + 1 of the lot's price so far
	for range d.count(e.limits.PriceVersions+CodePricesMax, 4) {
		lot := uint32(d.uint(math.MaxUint32))
		if lot&codePriceFlag != 0 && d.what == "" {
			e.openCodePrice(d, lot&^codePriceFlag)
			continue
		}
		p := priceVersion{lot: lot, face: int64(d.uint(MinorMax)), tax: int64(d.uint(MinorMax)), fees: d.fees()}
		if d.what != "" || int(p.lot) >= len(e.lots) {
			d.fail("a price of no lot")
			return
		}
		p.total = p.face
		for i := range p.fees {
			if p.fees[i].Minor < 0 || p.fees[i].Minor > MinorMax {
				d.fail("a fee is out of range")
				return
			}
			p.total += p.fees[i].Minor
		}
		if p.total > MinorMax {
			d.fail("a price is out of range")
			return
		}
		p.before, newest[p.lot] = newest[p.lot], uint32(len(e.prices))+1
		e.lots[p.lot].price = uint32(len(e.prices))
		e.prices = append(e.prices, p)
	}
	for i := range e.lots {
		l := &e.lots[i]
		if int(l.price) >= len(e.prices) {
			d.fail("a lot without a price")
			return
		}
		if p := &e.prices[l.price]; p.lot != uint32(i) || p.face != l.spec.FaceMinor || p.tax != l.spec.TaxMinor || !slices.Equal(p.fees, l.spec.Fees) {
			d.fail("a lot's newest price is not its present one")
			return
		}
	}
	e.hashStatic()
}

// openCodePrice reads a price with a code. Whether there is such a code is known when the codes are read.
func (e *Event) openCodePrice(d *decoder, lot uint32) {
	p := priceVersion{lot: lot, face: int64(d.uint(MinorMax)), tax: int64(d.uint(MinorMax)), before: uint32(d.uint(uint64(len(e.prices)))), code: uint32(d.uint(CodesMax))}
	if d.what != "" || p.before == 0 || p.code == 0 || e.codes != nil && e.codes.priced >= CodePricesMax {
		d.fail("a price with no code, or made of none")
		return
	}
	base := &e.prices[p.before-1]
	if p.fees, p.total = base.fees, p.face+base.total-base.face; base.code != 0 || base.lot != lot || p.face > base.face || p.tax > base.tax {
		d.fail("a price with a code that is above the one without")
		return
	}
	e.addCodePrice(p)
}

// shift counts units of a lot, that are free so far, in another share, without what a move in a step brings about. Check finds what goes below zero.
func (e *Event) shift(number uint32, units int64, to share) {
	l := &e.lots[number]
	l.in[shareFree] -= units
	l.in[to] += units
	for _, p := range l.pools {
		e.pools[p].in[shareFree] -= units
		e.pools[p].in[to] += units
	}
}

// openBasket reads a basket and takes its tickets for a hold or an order; first is the order's first ticket, 0 for a hold.
func (e *Event) openBasket(d *decoder, owner uint32, state seatState, to share, first TicketID) (basket, int64) {
	var items [ItemsPerHoldMax]factItem
	n := d.count(ItemsPerHoldMax, 2)
	if n == 0 {
		d.fail("an empty basket")
	}
	tickets := int64(0)
	for i := range n {
		it := &items[i]
		it.price = uint32(d.uint(math.MaxUint32))
		v := d.uint(QuantityMax << 1)
		it.sales = uint32(v >> 1)
		if v&1 != 0 {
			it.seats = d.seats(int(min(it.sales, SeatsPerHoldMax+1)), make([]uint32, 0, min(it.sales, SeatsPerHoldMax+1)))
		}
		if d.what != "" || len(it.seats) > SeatsPerHoldMax || int(it.price) >= len(e.prices) {
			d.fail("an item that does not fit")
			return basket{}, 0
		}
		gone := int64(0)
		if first != 0 {
			gone = e.openSeats(d, owner, it, first+TicketID(tickets))
		}
		if d.what != "" || e.fitItem(it, 0) != nil {
			d.fail("an item that does not fit")
			return basket{}, 0
		}
		lot := e.prices[it.price].lot
		for _, s := range it.seats {
			e.lots[lot].seating.seats[s].state = state
		}
		units := int64(it.sales) * e.lots[lot].units
		tickets += units
		e.shift(lot, units-gone, to)
	}
	if !e.oneCode(items[:n]) {
		d.fail("items with two codes")
		return basket{}, 0
	}
	b := e.fill(items[:n], owner)
	for it := e.firstItem(&b); it.sales > 0; it = e.nextItem(it) {
		seating := e.lots[e.prices[it.price].lot].seating
		for s := it.seats; s != 0; s = seating.seats[s-1].next {
			seating.seats[s-1].state = state
		}
	}
	return b, tickets
}

func (e *Event) openOrders(d *decoder, version byte) {
	known := uint32(orderBoxOffice)
	if version > 2 {
		known |= orderTouched
	}
	for range d.count(e.limits.Orders, 7) {
		hold, at := HoldID(d.uint(uint64(e.holdLast))), e.since+Instant(d.uint(uint64(e.lastAt-e.since)))
		buyer := uint32(d.uint(math.MaxUint32))
		flags := uint32(d.byte())
		payment := d.string(PaymentRefLenMax)
		if d.what != "" || hold == 0 || buyer >= e.buyers.rows || flags&^known != 0 {
			d.fail("an order of nobody or of no hold")
			return
		}
		slot := e.orders.alloc()
		o := e.orders.at(slot)
		o.ticket = e.ticketLast + 1
		if flags&orderTouched != 0 {
			e.openAfter(d, slot)
		}
		b, tickets := e.openBasket(d, slot, seatSold, shareSold, o.ticket)
		if d.what != "" {
			return
		}
		*o = orderRow{hold: hold, ticket: o.ticket, at: at, total: e.total(&b), buyer: buyer, basket: b, flags: flags &^ orderTouched, after: o.after}
		if payment != "" {
			o.payment = e.names.put(payment)
		}
		e.ticketLast += TicketID(tickets)
		e.noteBought(buyer, slot, &b)
		e.openVoid(d, slot)
		if d.what != "" {
			return
		}
		e.rows += e.orderHash(o, slot, e.buyerHash(buyer), payment)
	}
}

func (e *Event) openHolds(d *decoder) {
	last := HoldID(0)
	for range d.count(e.limits.Holds, 8) {
		id, state := HoldID(d.uint(uint64(e.holdLast))), HoldState(d.byte())
		expires := Instant(d.uint(uint64(instantMax) + 1<<56))
		maxEnd := expires + Instant(d.uint(1<<56))
		buyer := uint32(d.uint(math.MaxUint32))
		if d.what != "" || id <= last || state != HoldHeld && state != HoldPaying || buyer >= e.buyers.rows || e.buyers.at(buyer).hold != 0 {
			d.fail("a hold out of order, of nobody, or of somebody who has one")
			return
		}
		last = id
		slot := e.holds.alloc()
		share := shareHeld
		if state == HoldPaying {
			share = sharePaying
		}
		b, _ := e.openBasket(d, slot, seatHeld, share, 0)
		if d.what != "" {
			return
		}
		row := e.holds.at(slot)
		*row = holdRow{idState: idState(id, state), expires: expires, maxEnd: maxEnd, buyer: buyer, basket: b}
		e.holdSlots.set(uint64(id), slot+1)
		e.buyers.at(buyer).hold = slot + 1
		if state == HoldHeld { // the clock of a hold that is being paid stands still
			e.clock(slot)
		}
		e.rows += e.holdHash(row, e.buyerHash(buyer))
	}
}

func (e *Event) openEnded(d *decoder) {
	e.ended.startAt(d.uint(1 << 56))
	for range d.count(e.limits.Ended, 4) {
		id, state := HoldID(d.uint(uint64(e.holdLast))), HoldState(d.byte())
		total, buyer := d.int(), uint32(d.uint(math.MaxUint32))
		switch {
		case d.what != "" || id == 0 || buyer >= e.buyers.rows || e.holdSlots.get(uint64(id)) != 0:
			d.fail("an ended hold of nobody, or there twice")
		case state < HoldConfirmed || state > HoldExpired:
			d.fail("an ended hold that has not ended")
		}
		if d.what != "" {
			return
		}
		pos, row := e.ended.push()
		row.idState, row.total, row.buyer = idState(id, state), total, buyer
		e.buyers.at(buyer).ended++
		e.holdSlots.set(uint64(id), uint32(pos&lowMask)|endedTag)
		e.rows += e.endedHash(row, pos)
	}
}

func (e *Event) openRequests(d *decoder) {
	e.requests.startAt(d.uint(1 << 56))
	for range d.count(e.limits.Requests, 13) {
		row, hash, ok := e.openRequest(d)
		if !ok {
			return
		}
		pos, kept := e.requests.push()
		*kept = row
		e.requestIndex.insert(index32(hash), uint32(pos&lowMask))
		e.rows += requestHash(&row, hash, pos<<32)
	}
	for range d.count(e.limits.Orders+2*e.limits.Purchases+TicketsChangedMax+RefundsMax*RefundTriesMax, 13) {
		row, hash, ok := e.openRequest(d)
		if !ok {
			return
		}
		slot := e.money.alloc()
		*e.money.at(slot) = row
		e.requestIndex.insert(index32(hash), slot|moneyTag)
		e.rows += requestHash(&row, hash, uint64(slot)|moneyTag)
	}
}

func (e *Event) openRequest(d *decoder) (row requestRow, hash uint64, ok bool) {
	name := d.id()
	print, verb, id := d.fixed64(), Verb(d.byte()), d.uint(1<<stateShift-1)
	row = requestRow{print: print, object: uint64(verb)<<stateShift | id, amount: d.int(), at: uint32(d.uint(math.MaxUint32))}
	if d.what != "" {
		return row, 0, false
	}
	hash = hashString(e.seed, name)
	if e.requestNamed(name, hash) != nil || !verb.ofPurchase() && !verb.ofPlace() && !e.answerable(verb, id) { // purchases and the line are read later
		d.fail("a request that is there twice or cannot be answered")
		return row, 0, false
	}
	row.name = e.names.put(name)
	return row, hash, true
}

func (e *Event) openRefused(d *decoder) {
	for range d.count(Codes*Flows, 3) {
		code, flow, total := d.byte(), d.byte(), d.uint(math.MaxUint64)
		if d.what != "" || int(code) >= Codes || int(flow) >= Flows || total == 0 {
			d.fail("a tally of an unknown code, or of nothing")
			return
		}
		if e.refused == nil {
			e.refused = new([Codes][Flows]uint64)
		}
		e.refused[code][flow] = total
	}
}

// answerable reports whether a repeat of a remembered request could be answered.
func (e *Event) answerable(verb Verb, id uint64) bool {
	switch verb {
	case VerbHold, VerbExtend, VerbRelease:
		return id >= 1 && id <= uint64(e.holdLast)
	case VerbConfirm: // 0: a payment came too late
		return id <= uint64(e.orders.rows)
	case VerbAdmit, VerbReissue:
		return id >= 1 && id <= uint64(e.ticketLast)
	case VerbRefund:
		return id >= 1 && id <= uint64(e.refunds.rows)
	case VerbOffer:
		return id >= 1 && id <= e.offers.tail
	case VerbBuy, VerbUndo, VerbResolve:
		return id >= 1 && id <= uint64(e.purchases.rows.rows)
	case VerbBlock, VerbUnblock, VerbCapacity:
		return id>>1 <= math.MaxUint32 && e.fitPlace(uint32(id>>1), id&1 != 0) == nil
	case VerbCreate, VerbUpdate, VerbOpen, VerbPause, VerbClose, VerbOneClick, VerbCancel, VerbDraw, VerbCodes:
		return id == 0
	case VerbJoin, VerbLeave, VerbAbsent, VerbPresent, VerbWait:
		if verb == VerbWait || verb == VerbLeave && id > leftList {
			id &^= leftList
			return id >= 1 && e.list != nil && id <= uint64(e.list.rows.rows)
		}
		return id >= 1 && e.line != nil && id <= uint64(e.line.rows.rows)
	case VerbNone, VerbGet, VerbOrder, VerbExpire, VerbSettle, VerbSchedule, VerbResume, VerbProve, VerbRestore, VerbArchive, VerbWhy,
		VerbPurchase, VerbComplete, VerbIntend, VerbResult, VerbTell, VerbTouch, VerbTime, VerbPlace, VerbSeed, VerbReveal, VerbRate, verbEnd:
	}
	return false
}
