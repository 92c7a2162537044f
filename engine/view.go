package engine

// The functions of this file set the views of the outcome. What they show lives in the event's own memory and is used again by the next
// step, so that no answer of the hot path allocates.

// showLive shows a live hold.
func (e *Event) showLive(slot uint32) {
	row := e.holds.at(slot)
	out := &e.out
	out.Shows |= ShowsHold
	v := &out.Hold
	v.ID, v.Event, v.Buyer, v.State = row.id(), e.key.ID, e.buyerName(row.buyer), row.state()
	v.Incarnation = e.holdIncarnation(v.ID)
	v.TotalMinor, v.Currency = e.total(&row.basket), e.spec.Currency
	v.ExpiresAt = row.expires + Instant(e.down)
	if v.State == HoldPaying {
		v.ExpiresAt = 0 // its clock stands still
	}
	v.Items = e.viewItems(&row.basket, 0)
}

// showHold shows a hold, live or ended. Of one that ended long ago only the id and the total are left, and the total is the caller's.
func (e *Event) showHold(id HoldID, total int64) {
	ref := e.holdSlots.get(uint64(id))
	if ref != 0 && ref&endedTag == 0 {
		e.showLive(ref - 1)
		return
	}
	out := &e.out
	out.Shows |= ShowsHold
	out.Hold = HoldView{ID: id, Incarnation: e.holdIncarnation(id), Event: e.key.ID, State: HoldForgotten, TotalMinor: total, Currency: e.spec.Currency}
	if ref != 0 {
		row := e.ended.at(e.ended.near(ref &^ endedTag))
		out.Hold.State, out.Hold.Buyer = row.state(), e.buyerName(row.buyer)
	}
}

// showOrder shows an order.
func (e *Event) showOrder(id OrderID) {
	row := e.orders.at(uint32(id - 1))
	out := &e.out
	out.Shows |= ShowsOrder
	v := &out.Order
	*v = OrderView{
		ID: id, Incarnation: e.orderIncarnation(id), Hold: row.hold, HoldIncarnation: e.holdIncarnation(row.hold), Event: e.key.ID, Buyer: e.buyerName(row.buyer), TotalMinor: row.total, Currency: e.spec.Currency,
		At: row.at, FirstTicket: row.ticket, Items: e.viewItems(&row.basket, row.ticket),
	}
	if row.payment != 0 {
		v.PaymentRef = e.names.get(row.payment)
	} else if row.purchase != 0 {
		p := e.purchases.rows.at(row.purchase - 1)
		v.PaymentRef, v.Charge, v.Purchase = e.named(p.ref), p.charge, PurchaseID(row.purchase)
		v.PurchaseIn = e.purchaseIncarnation(v.Purchase)
		if p.flags&purchaseUndone == 0 {
			v.UndoUntil = p.undo + Instant(e.down)
		}
	}
	for i := range v.Items {
		v.Tickets += v.Items[i].Quantity * v.Items[i].Units
	}
	e.viewAfter(v, uint32(id-1))
}

// viewItems shows a basket: of an order, whose first ticket is first, also the seats of tickets that are void; first is 0 for a hold.
func (e *Event) viewItems(b *basket, first TicketID) []ItemView {
	w := &e.work
	w.items, w.labels, w.seatText = w.items[:0], w.labels[:0], w.seatText[:0]
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		p := &e.prices[it.price]
		l := &e.lots[p.lot]
		if len(w.items) == cap(w.items) {
			w.items = append(w.items, ItemView{})[:len(w.items)]
		}
		w.items = w.items[:len(w.items)+1]
		v := &w.items[len(w.items)-1]
		v.Lot, v.Quantity, v.Units = l.spec.Lot, int64(it.sales), l.units
		v.FaceMinor, v.TaxMinor, v.Fees, v.Seats, v.Code = p.face, p.tax, p.fees, nil, e.codeName(p.code)
		if l.seating != nil {
			v.Seats = e.viewSeats(l.seating, &it, first)
		}
		if first != 0 {
			first += TicketID(v.Quantity * v.Units)
		}
	}
	return w.items
}

// viewSeats shows the seats of an item by their labels.
func (e *Event) viewSeats(s *seating, it *itemRow, first TicketID) []string {
	w := &e.work
	from := len(w.seatText)
	show := func(_ TicketID, n uint32) {
		at := len(w.labels)
		// If labels moves while it grows, the labels before stay good in the memory it leaves.
		w.labels = s.appendLabel(w.labels, n)
		w.seatText = append(w.seatText, view(w.labels[at:]))
	}
	if first != 0 && e.ticketIndex.count > 0 {
		e.eachSeat(it, first, show)
	} else {
		for n := it.seats; n != 0; n = s.seats[n-1].next {
			show(0, n-1)
		}
	}
	return w.seatText[from:len(w.seatText):len(w.seatText)]
}

// get shows the event.
func (e *Event) get(cmd *Command) {
	if e.state == 0 {
		e.out.Code, e.out.Field = CodeEventUnknown, fieldNames[fieldEvent]
		return
	}
	if e.showEvent(); lineOf(cmd).Fairness {
		e.showFairness(e.out.Event.Line)
	}
}

// order shows an order to its buyer, or to a caller who names no buyer.
func (e *Event) order(cmd *Command) {
	if !e.validID("order", cmd.Order) || cmd.Buyer != "" && !e.validID("buyer", cmd.Buyer) {
		return
	}
	if e.state == 0 {
		e.out.Code, e.out.Field = CodeEventUnknown, fieldNames[fieldEvent]
		return
	}
	id, in, ok := ParseOrderID(cmd.Order)
	if !ok || uint64(id) > uint64(e.orders.rows) || in != e.orderIncarnation(id) || cmd.Buyer != "" && e.buyerName(e.orders.at(uint32(id-1)).buyer) != cmd.Buyer {
		e.out.Code, e.out.Field = CodeOrderUnknown, fieldNames[fieldOrder]
		return
	}
	e.showOrder(id)
}

// showEvent shows the event with its lots and pools.
func (e *Event) showEvent() {
	w := &e.work
	w.lots, w.pools = w.lots[:0], w.pools[:0]
	if e.list != nil {
		e.keep(everybody)
		defer e.keepNone()
	}
	for i := range e.lots {
		l := &e.lots[i]
		v := LotView{Spec: &l.spec, Counts: l.view(), Open: l.open, SoldOut: e.isSoldOut(uint32(i)), Seated: l.seating != nil}
		if l.open {
			room, _ := e.room(nil, uint32(i))
			v.Available = max(0, room) / l.units
		}
		if l.seating != nil {
			kinds := l.seating.freeOfKinds()
			v.FreeAccessible, v.FreeCompanion, v.FreeRestricted = kinds[seatAccessible], kinds[seatCompanion], kinds[seatRestricted]
		}
		w.lots = append(w.lots, v)
	}
	for i := range e.pools {
		w.pools = append(w.pools, PoolView{Pool: e.pools[i].id, Counts: e.pools[i].view()})
	}
	w.spec = e.spec
	e.out.Shows |= ShowsEvent
	e.out.Event = EventView{
		ID: e.key.ID, State: e.state, Spec: &w.spec, Lots: w.lots, Pools: w.pools, HoldsLive: int64(e.holds.live()),
		Orders: int64(e.orders.rows), StateHash: e.StateHash(), CoveredMs: e.coveredMs(e.now),
		Cancel: e.viewCancel(), Line: e.viewLine(), List: e.viewList(), Codes: e.viewCodes(),
	}
}

// showCapacity shows what became of a lot's or pool's capacity.
func (e *Event) showCapacity(place uint32, isPool bool, asked int64) {
	e.out.Shows |= ShowsCapacity
	v := &e.out.Capacity
	*v = CapacityView{Asked: asked}
	if isPool {
		v.Pool, v.Counts = e.pools[place].id, e.pools[place].view()
	} else {
		v.Lot, v.Counts = e.lots[place].spec.Lot, e.lots[place].view()
	}
}

// Stats is what the metrics want to know of an event.
type Stats struct {
	HoldsLive int64
	Orders    int64
	Buyers    int64
	Ended     int64 // ended holds still told apart from unknown ones
	Requests  int64 // request ids remembered in the bounded table
	Money     int64 // request ids remembered for good
	Refusals  int64 // refused request ids remembered in memory
	CoveredMs int64 // age of the oldest request id of the bounded table once it is full and forgets, else 0
	Counts          // units of all lots together
}

// Stats returns figures about the event as of its last step. Its cost is a few additions a lot.
func (e *Event) Stats() Stats {
	s := Stats{
		HoldsLive: int64(e.holds.live()), Orders: int64(e.orders.rows), Buyers: int64(e.buyers.live()), Ended: int64(e.ended.count()),
		Requests: int64(e.requests.count()), Money: int64(e.money.live()), Refusals: int64(e.refusals.rows.count()),
	}
	if e.requests.count() >= e.limits.Requests {
		s.CoveredMs = e.coveredMs(e.now)
	}
	for i := range e.lots {
		c := e.lots[i].view()
		s.Capacity += c.Capacity
		s.Free += c.Free
		s.Held += c.Held
		s.Paying += c.Paying
		s.Sold += c.Sold
		s.Blocked += c.Blocked
	}
	return s
}
