package engine

import (
	"fmt"
	"slices"
)

// checker counts the event's tables again, the slow way.
type checker struct {
	e      *Event
	deep   bool
	lots   []counts
	pools  []counts
	seats  [][]seatRow
	buyers []buyerCheck
	held   int // holds whose clock runs
	paying int // holds whose clock stands still
	items  int
	names  int
	rows   uint64

	admitted int // tickets that were used
}

type buyerCheck struct {
	hold   uint32
	ended  uint32
	linked uint32
	entry  uint32
	waiter uint32
	orders uint32
	units  int64

	purchases, purchase uint32
	offers              uint32
	order               uint32
}

// Check verifies every invariant of the event the slow way, and names the first that is broken: conservation (G1) in each lot and pool, one owner
// a seat, sums of buyers, ids of orders and tickets, indexes, the wheel, what is remembered, and the state hash. It reads every row: seconds for
// millions of holds. It changes nothing.
func (e *Event) Check() error { return e.check(true) }

// check is Check, without what takes as long as all the rest if deep is false: to make the tree over a lobby once more.
func (e *Event) check(deep bool) error {
	if e.state == 0 {
		if e.seq != 0 || e.rows != 0 {
			return e.broken("it does not exist, but has facts")
		}
		return nil
	}
	c := checker{
		e: e, deep: deep, lots: make([]counts, len(e.lots)), pools: make([]counts, len(e.pools)), seats: make([][]seatRow, len(e.lots)),
		buyers: make([]buyerCheck, e.buyers.rows),
	}
	for i := range e.lots {
		if s := e.lots[i].seating; s != nil {
			c.seats[i] = make([]seatRow, len(s.seats))
		}
	}
	for _, check := range [...]func() error{
		e.LiveCheck, c.orders, c.aftersale, c.links, c.codes, c.lineRows, c.waiters, c.holds, c.purchases, c.offers, c.ended, c.counts, c.tiers, c.buyersRows, c.requests, c.touchesRows, c.wheel, c.leaks, e.checkRestores,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.rows != e.rows {
		return e.broken("its row hashes sum up to %016x, it says %016x", c.rows, e.rows)
	}
	static := e.static
	if e.hashStatic(); e.static != static {
		return e.broken("its static hash is %016x, it says %016x", e.static, static)
	}
	return nil
}

func (e *Event) broken(format string, values ...any) error {
	return fmt.Errorf("engine: event %q at %d: %s", e.key.ID, e.seq, fmt.Sprintf(format, values...))
}

// basket counts a basket's tickets in a share and notes the owner of its seats. It returns the tickets, with those of each item that are gone.
func (c *checker) basket(b *basket, owner uint32, state seatState, to share, gone []int64) (int64, error) {
	e := c.e
	tickets, item := int64(0), 0
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		if int(it.price) >= len(e.prices) || it.sales == 0 {
			return 0, e.broken("a basket with price %d and %d sales", it.price, it.sales)
		}
		if b.more != 0 {
			c.items++
		}
		number := e.prices[it.price].lot
		units := int64(it.sales) * e.lots[number].units
		tickets += units
		left := units
		if gone != nil {
			left -= gone[item]
		}
		item++
		c.lots[number].in[to] += left
		for _, p := range e.lots[number].pools {
			c.pools[p].in[to] += left
		}
		seated := int64(0)
		for n := it.seats; n != 0; n = e.lots[number].seating.seats[n-1].next {
			seat := e.lots[number].seating.seats[n-1]
			if seat.owner != owner || seat.state != state || c.seats[number][n-1].state != seatFree {
				return 0, e.broken("seat %d of lot %d is %d of %d, but in the basket of %d", n-1, number, seat.state, seat.owner, owner)
			}
			c.seats[number][n-1] = seat
			seated++
		}
		if e.lots[number].seating != nil && seated != left {
			return 0, e.broken("an item of lot %d has %d tickets and %d seats", number, left, seated)
		}
	}
	return tickets, nil
}

func (c *checker) orders() error {
	e := c.e
	ticket := TicketID(1)
	for i := range e.orders.rows {
		o := e.orders.at(i)
		if o.buyer >= e.buyers.rows || e.buyers.at(o.buyer).name == 0 {
			return e.broken("order %d is of nobody", i+1)
		}
		gone := e.gone(i)
		tickets, err := c.basket(&o.basket, i, seatSold, shareSold, gone[:])
		if err != nil {
			return err
		}
		if o.ticket != ticket || o.total != e.total(&o.basket) {
			return e.broken("order %d starts at ticket %d for %d, want ticket %d for %d", i+1, o.ticket, o.total, ticket, e.total(&o.basket))
		}
		ticket += TicketID(tickets)
		payment := ""
		if o.payment != 0 {
			payment = e.names.get(o.payment)
			c.names++
		}
		if o.purchase != 0 && (o.purchase > e.purchases.rows.rows || e.purchases.rows.at(o.purchase-1).order != OrderID(i)+1) {
			return e.broken("order %d is of purchase %d, which is of another", i+1, o.purchase)
		}
		c.buyers[o.buyer].orders++
		c.buyers[o.buyer].order = i + 1
		c.buyers[o.buyer].units += tickets
		for _, n := range gone {
			c.buyers[o.buyer].units -= n
		}
		c.rows += e.orderHash(o, i, e.buyerHash(o.buyer), payment)
	}
	if e.ticketLast != ticket-1 {
		return e.broken("the last ticket is %d, want %d", e.ticketLast, ticket-1)
	}
	return nil
}

func (c *checker) holds() error {
	e := c.e
	live := 0
	for slot := range e.holds.rows {
		h := e.holds.at(slot)
		if h.idState == 0 {
			continue
		}
		live++
		id := h.id()
		share := shareHeld
		switch h.state() {
		case HoldHeld:
			c.held++
		case HoldPaying:
			c.paying++
			share = sharePaying
		case HoldConfirmed, HoldReleased, HoldReplaced, HoldExpired, HoldForgotten:
			return e.broken("live hold %d is %s", id, h.state())
		}
		switch {
		case id > e.holdLast || e.holdSlots.get(uint64(id)) != slot+1:
			return e.broken("hold %d in slot %d is found in %d; the last is %d", id, slot, e.holdSlots.get(uint64(id)), e.holdLast)
		case h.expires < 0 || h.expires > h.maxEnd:
			return e.broken("hold %d lives until %d, beyond its end %d", id, h.expires, h.maxEnd)
		case h.buyer >= e.buyers.rows || e.buyers.at(h.buyer).hold != slot+1 || c.buyers[h.buyer].hold != 0:
			return e.broken("hold %d is not its buyer's only one", id)
		}
		c.buyers[h.buyer].hold = slot + 1
		if _, err := c.basket(&h.basket, slot, seatHeld, share, nil); err != nil {
			return err
		}
		c.rows += e.holdHash(h, e.buyerHash(h.buyer))
	}
	if live != e.holds.live() || live+e.ended.count() != e.holdSlots.count() {
		return e.broken("%d holds live, %d ended, %d known, %d counted", e.holds.live(), e.ended.count(), e.holdSlots.count(), live)
	}
	return nil
}

func (c *checker) ended() error {
	e := c.e
	if e.ended.count() > e.limits.Ended {
		return e.broken("%d ended holds, above the bound", e.ended.count())
	}
	for pos := e.ended.head; pos < e.ended.tail; pos++ {
		r := e.ended.at(pos)
		if e.holdSlots.get(uint64(r.id())) != uint32(pos&lowMask)|endedTag {
			return e.broken("ended hold %d is not found", r.id())
		}
		c.buyers[r.buyer].ended++
		c.rows += e.endedHash(r, pos)
	}
	return nil
}

// counts compares every lot and pool with what baskets and blocked seats add up to.
func (c *checker) counts() error {
	e := c.e
	for i := range e.lots {
		l, n := &e.lots[i], &c.lots[i]
		if l.seating != nil {
			blocked := int64(0)
			for s := range l.seating.seats {
				seat := l.seating.seats[s]
				if seat.state == seatBlocked {
					blocked++
					c.rows += seatHash(uint32(i), uint32(s), seatBlocked)
				} else if seat.state != c.seats[i][s].state {
					return e.broken("seat %d of lot %q is %d, but in no basket", s, l.spec.Lot, seat.state)
				}
			}
			if err := e.checkFree(l); err != nil {
				return err
			}
			if blocked != l.in[shareBlocked] || l.capacity != int64(len(l.seating.seats)) {
				return e.broken("lot %q has %d seats, %d blocked, and says %+v", l.spec.Lot, len(l.seating.seats), blocked, l.view())
			}
		}
		n.capacity, n.in[shareBlocked] = l.capacity, l.in[shareBlocked]
		n.in[shareFree] = n.capacity - n.used()
		if *n != l.counts || !l.sound() {
			return e.broken("lot %q counts %+v, its holds and orders %+v", l.spec.Lot, l.view(), n.view())
		}
		for _, p := range l.pools {
			c.pools[p].in[shareBlocked] += l.in[shareBlocked]
		}
	}
	for i := range e.pools {
		p, n := &e.pools[i], &c.pools[i]
		n.capacity = p.capacity
		n.in[shareBlocked] += p.own
		n.in[shareFree] = n.capacity - n.used()
		if *n != p.counts || !p.sound() || p.own < 0 {
			return e.broken("pool %q counts %+v, its lots %+v", p.id, p.view(), n.view())
		}
	}
	return nil
}

// checkFree verifies what the search for seats sees of a lot.
func (e *Event) checkFree(l *lot) error {
	s := l.seating
	free := make([]uint64, len(s.free))
	for n := range s.seats {
		if row := s.rowOf(uint32(n)); s.seats[n].state == seatFree {
			setBit(free[row.word:], row.shape.place(n-int(row.first)))
		}
	}
	if !slices.Equal(free, s.free) {
		return e.broken("lot %q has free seats that are not, or the other way round", l.spec.Lot)
	}
	for v := range s.views + 1 {
		for i, have := range s.runs[v] {
			if r := &s.ranked[i]; !r.stale && have != s.lengths(&s.rows[r.row], v) {
				return e.broken("lot %q has other runs of free seats in row %d than it says", l.spec.Lot, r.row)
			}
		}
	}
	return nil
}

// tiers verifies which lots are open.
func (c *checker) tiers() error {
	e := c.e
	due := 0
	for i := range e.lots {
		l := &e.lots[i]
		switch {
		case l.in[shareFree] == 0 && !l.exhausted:
			return e.broken("lot %q has nothing free, and never had", l.spec.Lot)
		case !l.open && l.after < 0:
			return e.broken("lot %q follows none and is not open", l.spec.Lot)
		case !l.open && e.lots[l.after].exhausted:
			due++
		case l.open && l.after >= 0 && !e.lots[l.after].exhausted:
			return e.broken("lot %q is open before its time", l.spec.Lot)
		}
	}
	if due != e.tiersDue {
		return e.broken("%d tiers are due, it says %d", due, e.tiersDue)
	}
	return nil
}

func (c *checker) buyersRows() error {
	e := c.e
	live, customers, bought := 0, 0, 0
	for slot := range e.buyers.rows {
		b := e.buyers.at(slot)
		if b.name == 0 {
			continue
		}
		live++
		c.names++
		n := c.buyers[slot]
		if b.hold != n.hold || b.ended != n.ended || (b.customer != 0) != (n.orders+n.purchases+n.offers > 0) || b.hold|b.ended|b.customer|b.linked|n.entry|n.waiter == 0 || b.linked != n.linked || e.entryOf(slot+1) != n.entry || e.waiterOf(slot+1) != n.waiter {
			return e.broken("buyer %q is %+v, counted %+v", e.buyerName(slot), *b, n)
		}
		if e.buyerNamed(e.buyerName(slot), e.buyerHash(slot)) != slot+1 {
			return e.broken("buyer %q is not found", e.buyerName(slot))
		}
		if b.customer == 0 {
			continue
		}
		customers++
		row := e.customers.at(b.customer - 1)
		units := int64(0)
		for i := row.bought; i != 0; i = e.bought.at(i - 1).next {
			bought++
			units += e.bought.at(i - 1).units
		}
		if row.units != n.units || row.orders != n.orders || units != n.units || row.order != n.order || row.purchases != n.purchases || row.purchase != n.purchase || row.offers != n.offers {
			return e.broken("buyer %q bought %+v, %d by lot, counted %+v", e.buyerName(slot), *row, units, n)
		}
	}
	if live != e.buyers.live() || live != e.buyerIndex.count || customers != e.customers.live() || bought != e.bought.live() {
		return e.broken("%d buyers, %d indexed, %d counted; %d of %d customers", e.buyers.live(), e.buyerIndex.count, live, customers, e.customers.live())
	}
	return nil
}

func (c *checker) requests() error {
	e := c.e
	if e.requests.count() > e.limits.Requests || e.requests.count()+e.money.live() != e.requestIndex.count {
		return e.broken("%d requests and %d of money, %d indexed", e.requests.count(), e.money.live(), e.requestIndex.count)
	}
	if admits := c.admissions(); admits != c.admitted {
		return e.broken("%d admissions are remembered of %d", admits, c.admitted)
	}
	for pos := e.requests.head; pos < e.requests.tail; pos++ {
		r := e.requests.at(pos)
		name := e.names.get(r.name)
		hash := hashString(e.seed, name)
		if e.requestNamed(name, hash) != r || !e.answerable(r.verb(), r.id()) {
			return e.broken("request %q is not found or cannot be answered", name)
		}
		c.rows += requestHash(r, hash, pos<<32)
		c.names++
	}
	confirms, buys := uint32(0), uint32(0)
	for i := range e.money.rows {
		r := e.money.at(i)
		name := e.names.get(r.name)
		hash := hashString(e.seed, name)
		if e.requestNamed(name, hash) != r || !e.answerable(r.verb(), r.id()) {
			return e.broken("request %q of money is not found or cannot be answered", name)
		}
		switch r.verb() { //nolint:exhaustive // of money
		case VerbConfirm:
			confirms++
		case VerbBuy:
			buys++
		}
		c.rows += requestHash(r, hash, uint64(i)|moneyTag)
		c.names++
	}
	if buys != e.purchases.rows.rows || confirms != e.ordersOutside() {
		return e.broken("%d confirms and %d buys are remembered of %d orders and %d purchases", confirms, buys, e.orders.live(), e.purchases.rows.rows)
	}
	return nil
}

// ordersOutside is how many orders were paid outside.
func (e *Event) ordersOutside() (n uint32) {
	for i := range e.orders.rows {
		if e.orders.at(i).purchase == 0 {
			n++
		}
	}
	return n
}

// leaks verifies that no row and no string is kept for nothing.
func (c *checker) leaks() error {
	if c.items != c.e.items.live() || c.names != c.e.names.runs.live() {
		return c.e.broken("%d items and %d strings are kept, %d and %d are in use", c.e.items.live(), c.e.names.runs.live(), c.items, c.names)
	}
	return nil
}
