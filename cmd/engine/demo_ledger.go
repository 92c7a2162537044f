package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ledger is what the demo's buyers were told, order by order. It is the other side of the check: nothing in it comes from the engine's counts.
type ledger struct {
	mu     sync.Mutex
	orders []toldOrder
	back   []toldOrder // that were given back later
	// purchases are what buyers were told last of each purchase that came to an end, by its id.
	purchases map[string]toldPurchase
	broken    []string // promises that an answer itself broke, found while the sale ran
}

// toldOrder is an order as the reply to its confirm showed it.
type toldOrder struct {
	id, hold, buyer string
	purchase        string // that it was sold by; empty if it was paid elsewhere
	total           int64  // minor units
	currency        string
	tickets         []string
	items           []toldItem
}

// toldItem is what an answer says was taken of one lot.
type toldItem struct {
	lot      string
	quantity int64 // sales
	seats    []string
}

// shownEvent is what the engine says of the event when everything is over.
type shownEvent struct {
	state     string
	holdsLive int64
	orders    int64
	stateHash string
	lots      []shownCounts
	pools     []shownCounts
}

// shownCounts is where the capacity of a lot or pool is, in tickets.
type shownCounts struct {
	id                                          string
	capacity, free, held, paying, sold, blocked int64
}

// brokenMax bounds the list of broken promises: the first ones tell the story.
const brokenMax = 20

// told enters an order, and reports whether it is new: who is told the same once more has learned nothing.
func (l *ledger) told(o toldOrder) (first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	same := func(other toldOrder) bool { return other.id == o.id && other.equal(&o) }
	if slices.ContainsFunc(l.orders, same) || slices.ContainsFunc(l.back, same) {
		return false
	}
	l.orders = append(l.orders, o)
	return true
}

// ended enters the end of a purchase. It is told once: a second end that is another one breaks a promise.
func (l *ledger) ended(p toldPurchase) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.purchases == nil {
		l.purchases = map[string]toldPurchase{}
	}
	if before, again := l.purchases[p.id]; again && before.final() && before.state != p.state {
		l.broken = append(l.broken, fmt.Sprintf("purchase %s ended as %s, and then as %s", p.id, before.state, p.state))
	}
	l.purchases[p.id] = p
}

// undone enters that a purchase was taken back.
func (l *ledger) undone(p toldPurchase) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.purchases[p.id]
	before.undone = true
	l.purchases[p.id] = before
}

// refunded enters that an order was given back, and its money with it.
func (l *ledger) refunded(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.orders, func(o toldOrder) bool { return o.id == id })
	o := l.orders[i]
	l.orders, l.back = slices.Delete(l.orders, i, i+1), append(l.back, o)
	p := l.purchases[o.purchase]
	p.refunded = true
	l.purchases[o.purchase] = p
}

// givenBack returns the orders that were given back.
func (l *ledger) givenBack() []toldOrder {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.back)
}

// paid returns the purchases by id.
func (l *ledger) paid() map[string]toldPurchase {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.purchases)
}

// breaks notes that an answer contradicts an earlier one.
func (l *ledger) breaks(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.broken) < brokenMax {
		l.broken = append(l.broken, fmt.Sprintf(format, args...))
	}
}

// ordered returns the orders by id, as often as each was told.
func (l *ledger) ordered() []toldOrder {
	l.mu.Lock()
	defer l.mu.Unlock()
	orders := slices.Clone(l.orders)
	slices.SortFunc(orders, func(a, b toldOrder) int { return strings.Compare(a.id, b.id) })
	return orders
}

// audit collects what is off.
type audit struct {
	plan  *plan
	found []string
}

func (a *audit) off(format string, args ...any) {
	a.found = append(a.found, fmt.Sprintf(format, args...))
}

// balance compares what buyers were told with what the engine shows, and both with the plan. It returns what is off, one sentence each;
// nothing means that every ticket and every cent is accounted for.
func (l *ledger) balance(p *plan, shown *shownEvent) []string {
	a := &audit{plan: p}
	l.mu.Lock()
	a.found = append(a.found, l.broken...)
	l.mu.Unlock()
	orders := l.ordered()
	sold := a.orders(orders)
	a.conserves(shown)
	a.compares(sold, shown)
	undone := int64(0)
	for _, p := range l.paid() {
		if p.undone {
			undone++
		}
	}
	if int64(len(orders)+len(l.givenBack()))+undone != shown.orders {
		a.off("buyers were told of %d orders and took back %d, the engine counts %d", len(orders)+len(l.givenBack()), undone, shown.orders)
	}
	if shown.holdsLive != 0 {
		a.off("%d holds are still alive although every one has ended or expired", shown.holdsLive)
	}
	return a.found
}

// orders checks the orders against each other and the price list, and returns the tickets sold by lot.
func (a *audit) orders(orders []toldOrder) map[string]int64 {
	sold := map[string]int64{}
	ids, tickets, seats := map[string]string{}, map[string]string{}, map[string]string{}
	bought := map[string]int64{}
	once := func(seen map[string]string, what, key string, o *toldOrder) {
		if before, twice := seen[key]; twice {
			a.off("%s %s is in order %s and in order %s", what, key, before, o.id)
		}
		seen[key] = o.id
	}
	for i := range orders {
		o := &orders[i]
		once(ids, "order", o.id, o)
		var units, total int64
		for _, it := range o.items {
			lot := a.plan.lot(it.lot)
			if lot == nil {
				a.off("order %s has tickets of lot %q, which the event does not have", o.id, it.lot)
				continue
			}
			units += it.quantity * lot.units
			total += it.quantity * lot.price()
			sold[lot.id] += it.quantity * lot.units
			if lot.seated() && int64(len(it.seats)) != it.quantity {
				a.off("order %s has %d sales of the seated lot %s and %d seats", o.id, it.quantity, lot.id, len(it.seats))
			}
			for _, seat := range it.seats {
				once(seats, "seat", seat, o)
				if !lot.has(seat) {
					a.off("order %s has seat %s, which lot %s does not have", o.id, seat, lot.id)
				}
			}
		}
		if o.total != total || o.currency != demoCurrency {
			a.off("order %s costs %s, its tickets cost %s", o.id, money(o.total, o.currency), money(total, demoCurrency))
		}
		if int64(len(o.tickets)) != units {
			a.off("order %s has %d tickets, its items are %d", o.id, len(o.tickets), units)
		}
		for _, ticket := range o.tickets {
			once(tickets, "ticket", ticket, o)
		}
		if bought[o.buyer] += units; bought[o.buyer] > demoLimit {
			a.off("buyer %s has %d tickets, the limit is %d", o.buyer, bought[o.buyer], demoLimit)
		}
	}
	return sold
}

// has reports whether a seat label belongs to the lot.
func (l *planLot) has(seat string) bool {
	part := strings.Split(seat, "/")
	if !l.seated() || len(part) != 3 || part[0] != l.section {
		return false
	}
	row, err := strconv.ParseInt(part[1], 10, 64)
	if err != nil || row < 1 || row > l.rows {
		return false
	}
	number, err := strconv.ParseInt(part[2], 10, 64)
	return err == nil && number >= 1 && number <= l.rowSeats
}

// conserves checks that no ticket was made or lost, lot by lot and pool by pool.
func (a *audit) conserves(shown *shownEvent) {
	one := func(what string, c *shownCounts, capacity int64) {
		if sum := c.free + c.held + c.paying + c.sold + c.blocked; sum != c.capacity {
			a.off("%s %s: free %d + held %d + paying %d + sold %d + blocked %d = %d, its capacity is %d", what, c.id, c.free, c.held, c.paying, c.sold, c.blocked, sum, c.capacity)
		}
		if min(c.free, c.held, c.paying, c.sold, c.blocked) < 0 {
			a.off("%s %s has a count below zero: %+v", what, c.id, *c)
		}
		if c.capacity != capacity {
			a.off("%s %s has capacity %d, it was created with %d", what, c.id, c.capacity, capacity)
		}
		if c.held+c.paying != 0 {
			a.off("%s %s still counts %d held and %d paying tickets although no hold is left", what, c.id, c.held, c.paying)
		}
	}
	for i := range shown.lots {
		if lot := a.plan.lot(shown.lots[i].id); lot != nil {
			one("lot", &shown.lots[i], lot.tickets())
		}
	}
	for i := range shown.pools {
		for _, pool := range a.plan.pools {
			if pool.id == shown.pools[i].id {
				one("pool", &shown.pools[i], pool.capacity)
			}
		}
	}
}

// compares holds the engine's counts of sold tickets against what buyers were told.
func (a *audit) compares(sold map[string]int64, shown *shownEvent) {
	inPool := map[string]int64{}
	for i := range a.plan.lots {
		lot := &a.plan.lots[i]
		for _, pool := range lot.pools {
			inPool[pool] += sold[lot.id]
		}
		at := slices.IndexFunc(shown.lots, func(c shownCounts) bool { return c.id == lot.id })
		if at < 0 {
			a.off("the engine does not show lot %s", lot.id)
		} else if shown.lots[at].sold != sold[lot.id] {
			a.off("lot %s: buyers were told of %d tickets, the engine counts %d sold", lot.id, sold[lot.id], shown.lots[at].sold)
		}
	}
	for _, pool := range a.plan.pools {
		at := slices.IndexFunc(shown.pools, func(c shownCounts) bool { return c.id == pool.id })
		if at < 0 {
			a.off("the engine does not show pool %s", pool.id)
		} else if shown.pools[at].sold != inPool[pool.id] {
			a.off("pool %s: buyers were told of %d tickets of its lots, the engine counts %d sold", pool.id, inPool[pool.id], shown.pools[at].sold)
		}
	}
}
