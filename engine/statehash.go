package engine

// StateHash is a hash over the whole state of the event: a sum of the hashes of its rows, so that their order in memory does not matter.
// Equal states have equal hashes, live, replayed and read from a snapshot. Rows that follow from others (indexes, buyers, seat owners, sums)
// are not in it; Check compares those.
//
// Hashes of holds, orders, requests, ended holds and blocked seats are kept as they change. The others, at most a few thousand small rows,
// are added here.
func (e *Event) StateHash() uint64 {
	if e.state == 0 {
		return 0
	}
	h := hasher(e.seed)
	h.word(e.static)
	h.pair(uint64(e.seq), uint64(e.lastAt))
	h.pair(uint64(e.state), uint64(e.since))
	h.pair(uint64(e.down), uint64(e.holdLast))
	h.pair(uint64(e.ticketLast), uint64(e.orders.rows))
	h.pair(e.requests.head, e.requests.tail)
	h.pair(e.ended.head, e.ended.tail)
	sum := uint64(h) + e.rows
	for i := range e.lots {
		l := &e.lots[i]
		flags := uint64(0)
		if l.open {
			flags |= 1
		}
		if l.exhausted {
			flags |= 2
		}
		sum += countsHash(&l.counts, hashK0+uint64(i), flags)
	}
	for i := range e.pools {
		sum += countsHash(&e.pools[i].counts, hashK1+uint64(i), uint64(e.pools[i].own))
	}
	return sum + e.refusedHash() + e.restoresHash() + e.purchasesHash() + e.cancelledHash() + e.windowHash() + e.touchesHash() + e.lineHash() + e.listHash() + e.codesHash()
}

func (e *Event) refusedHash() uint64 {
	sum := uint64(0)
	if e.refused == nil {
		return sum
	}
	for code := range e.refused {
		for flow, n := range e.refused[code] {
			if n > 0 {
				sum += mix(uint64(code)<<8^uint64(flow)^hashK2, n^hashK3)
			}
		}
	}
	return sum
}

func countsHash(c *counts, seed, flags uint64) uint64 {
	h := hasher(seed)
	h.pair(uint64(c.capacity), flags)
	h.pair(uint64(c.in[shareFree]), uint64(c.in[shareHeld]))
	h.pair(uint64(c.in[sharePaying]), uint64(c.in[shareSold]))
	h.word(uint64(c.in[shareBlocked]))
	return uint64(h)
}

// basketHash adds a basket to h.
func (e *Event) basketHash(h *hasher, b *basket) {
	if b.more == 0 {
		h.pair(uint64(b.price), uint64(b.sales))
		return
	}
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		h.pair(uint64(it.price), uint64(it.sales))
		if it.seats == 0 {
			continue
		}
		seats := e.lots[e.prices[it.price].lot].seating.seats
		for n := it.seats; n != 0; n = seats[n-1].next {
			h.word(uint64(n))
		}
	}
}

func (e *Event) holdHash(r *holdRow, buyer uint64) uint64 {
	h := hasher(buyer)
	h.pair(r.idState, uint64(r.expires))
	h.word(uint64(r.maxEnd))
	e.basketHash(&h, &r.basket)
	return uint64(h)
}

func (e *Event) endedHash(r *endedRow, pos uint64) uint64 {
	h := hasher(e.buyerHash(r.buyer))
	h.pair(r.idState, pos)
	h.int(r.total)
	return uint64(h)
}

func (e *Event) orderHash(r *orderRow, slot uint32, buyer uint64, payment string) uint64 {
	h := hasher(buyer)
	h.pair(uint64(slot)|uint64(r.flags)<<32, uint64(r.hold))
	h.pair(uint64(r.ticket), uint64(r.at))
	h.int(r.total)
	h.string(payment)
	e.basketHash(&h, &r.basket)
	if r.purchase != 0 {
		h.word(uint64(r.purchase))
	}
	return uint64(h)
}

func requestHash(r *requestRow, name, pos uint64) uint64 {
	h := hasher(name)
	h.pair(r.print, r.object)
	h.pair(uint64(r.amount), pos)
	h.word(uint64(r.at))
	return uint64(h)
}

// seatHash is the hash of a blocked seat; seats in other states are in the hashes of holds and orders, or free.
func seatHash(lot, seat uint32, s seatState) uint64 {
	if s != seatBlocked {
		return 0
	}
	return mix(uint64(lot)<<32^uint64(seat)^hashK0, hashK2)
}
