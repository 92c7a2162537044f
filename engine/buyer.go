package engine

// buyerNamed finds a buyer, by the hash of the id. It returns slot + 1, or 0.
func (e *Event) buyerNamed(id string, hash uint64) uint32 {
	var p probe
	e.buyerIndex.seek(&p, index32(hash))
	return e.buyerFound(&p, id)
}

// buyerFound is buyerNamed for a walk that has been started.
func (e *Event) buyerFound(p *probe, id string) uint32 {
	for {
		slot, ok := e.buyerIndex.next(p)
		if !ok {
			return 0
		}
		if e.names.get(e.buyers.at(slot).name) == id {
			return slot + 1
		}
	}
}

// buyerName returns the id of a buyer.
func (e *Event) buyerName(slot uint32) string { return e.names.get(e.buyers.at(slot).name) }

// buyerHash returns the hash of a buyer's id.
func (e *Event) buyerHash(slot uint32) uint64 { return hashString(e.seed, e.buyerName(slot)) }

// intern returns the slot of a buyer, who is new if known is 0.
func (e *Event) intern(id string, hash uint64, known uint32) uint32 {
	if known != 0 {
		return known - 1
	}
	slot := e.buyers.alloc()
	e.buyers.at(slot).name = e.names.put(id)
	e.buyerIndex.insert(index32(hash), slot)
	return slot
}

// forget drops a buyer of whom nothing is left.
func (e *Event) forget(slot uint32) {
	b := e.buyers.at(slot)
	if b.hold != 0 || b.customer != 0 || b.ended != 0 || b.linked != 0 || e.entryOf(slot+1)|e.waiterOf(slot+1) != 0 {
		return
	}
	e.buyerIndex.remove(index32(e.buyerHash(slot)), slot)
	e.names.drop(b.name)
	e.buyers.release(slot)
}

// unitsBought is how many units a buyer (slot + 1, or 0) has bought.
func (e *Event) unitsBought(buyer uint32) int64 {
	if buyer == 0 || plantedBug(plantedForgetBought) {
		return 0
	}
	return e.unitsOwned(buyer - 1)
}

// unitsOwned is how many units the buyer in a slot has bought.
func (e *Event) unitsOwned(buyer uint32) int64 {
	if c := e.buyers.at(buyer).customer; c != 0 {
		return e.customers.at(c - 1).units
	}
	return 0
}

// ownsMore counts units that a buyer has more, or less, for whom the buyer is linked to.
func (e *Event) ownsMore(buyer uint32, units int64) {
	if linked := e.buyers.at(buyer).linked; linked != 0 {
		first := e.members.at(e.members.at(linked - 1).cluster)
		e.sumCluster(first, -1)
		first.bought += units
		e.sumCluster(first, 1)
	}
}

// hasBought reports whether a buyer (slot + 1, or 0) has bought of a lot.
func (e *Event) hasBought(buyer, lot uint32) bool {
	if buyer == 0 {
		return false
	}
	c := e.buyers.at(buyer - 1).customer
	if c == 0 {
		return false
	}
	for i := e.customers.at(c - 1).bought; i != 0; {
		row := e.bought.at(i - 1)
		if row.lot == lot {
			return row.units > 0
		}
		i = row.next
	}
	return false
}

// noteBought adds an order's basket to what its buyer has bought.
func (e *Event) noteBought(buyer, order uint32, b *basket) {
	c := e.customerOf(buyer)
	c.orders++
	c.order = order + 1
	customer := e.buyers.at(buyer).customer - 1
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		lot := e.prices[it.price].lot
		units := int64(it.sales) * e.lots[lot].units
		e.customers.at(customer).units += units
		e.boughtOf(customer, lot).units += units
		e.ownsMore(buyer, units)
	}
}

// takeBack takes units of a lot out of what a buyer has bought.
func (e *Event) takeBack(buyer, lot uint32, units int64) {
	customer := e.buyers.at(buyer).customer - 1
	e.customers.at(customer).units -= units
	e.boughtOf(customer, lot).units -= units
	e.ownsMore(buyer, -units)
}

// customerOf returns what a buyer has bought, made if it is missing.
func (e *Event) customerOf(buyer uint32) *customerRow {
	row := e.buyers.at(buyer)
	if row.customer == 0 {
		row.customer = e.customers.alloc() + 1
	}
	return e.customers.at(row.customer - 1)
}

// boughtOf returns the row of a customer and a lot, made if it is missing.
func (e *Event) boughtOf(customer, lot uint32) *boughtRow {
	for i := e.customers.at(customer).bought; i != 0; {
		row := e.bought.at(i - 1)
		if row.lot == lot {
			return row
		}
		i = row.next
	}
	slot := e.bought.alloc()
	row := e.bought.at(slot)
	*row = boughtRow{lot: lot, next: e.customers.at(customer).bought}
	e.customers.at(customer).bought = slot + 1
	return row
}

// firstItem and nextItem go through the items of a basket, until one has no sales:
//
//	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it)
func (e *Event) firstItem(b *basket) itemRow {
	if b.more == 0 {
		return itemRow{price: b.price, sales: b.sales}
	}
	return *e.items.at(b.more - 1)
}

func (e *Event) nextItem(it itemRow) itemRow {
	if it.next == 0 {
		return itemRow{}
	}
	return *e.items.at(it.next - 1)
}

// total is the price of a basket with fees. It cannot overflow: see MinorMax.
func (e *Event) total(b *basket) int64 {
	sum := int64(0)
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		sum += int64(it.sales) * e.prices[it.price].total
	}
	return sum
}
