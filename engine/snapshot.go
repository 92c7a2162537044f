package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// snapshotVersion is the first byte of an event's snapshot. Version N reads what N-1 wrote.
const snapshotVersion = 5

// AppendSnapshot appends the whole state of the event. Equal states have equal bytes: rows are written by id, not by where they lie in memory.
//
//	| 5 | state | if the event exists: |
//	| seq lastAt since down holdLast | limits | spec | prices | pools | lots | buyers | orders | refunds | cancellation, window | links | holds | ended | requests | money |
//	| refusal totals | restores | dates (dated.go) | purchases (paysnap.go) | offers (offer.go) | expired holds (late.go) | touches (touched.go) | codes (codesnap.go) | line (linesnap.go) | waiting list (waitsnap.go) |
//	| state hash, 8 bytes |
//
// Version 1 had neither restores nor dates, version 2 neither purchases nor anything of what became of orders, version 3 no
// touches, version 4 neither codes nor line nor waiting list. What follows from these (counts, seat owners, sums, indexes, the wheel) is built again and compared by the state hash and Check.
func (e *Event) AppendSnapshot(dst []byte) []byte {
	dst = append(dst, snapshotVersion, byte(e.state))
	if e.state == 0 {
		return dst
	}
	for _, v := range [...]uint64{uint64(e.seq), uint64(e.lastAt), uint64(e.since), uint64(e.down), uint64(e.holdLast)} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = appendSpec(appendLimits(dst, e.limits), &e.spec)
	dst = e.appendLayout(dst)
	holds := e.holdsByID()
	numbers := e.numberBuyers(holds)
	dst = binary.AppendUvarint(dst, uint64(len(numbers.slots)))
	for _, slot := range numbers.slots {
		dst = appendString(dst, e.buyerName(slot))
	}
	dst = binary.AppendUvarint(dst, uint64(e.orders.rows))
	for i := range e.orders.rows {
		o := e.orders.at(i)
		dst = binary.AppendUvarint(dst, uint64(o.hold))
		dst = binary.AppendUvarint(dst, uint64(o.at-e.since))
		dst = binary.AppendUvarint(dst, uint64(numbers.of[o.buyer]))
		if o.after == 0 {
			dst = appendString(append(dst, byte(o.flags)), e.paymentRefOf(o))
		} else {
			dst = appendString(append(dst, byte(o.flags|orderTouched)), e.paymentRefOf(o))
			dst = e.appendAfter(dst, i)
		}
		dst = e.appendBasket(dst, &o.basket, o.ticket)
	}
	dst = e.appendLinks(e.appendCalledOff(e.appendRefunds(dst)), numbers.of)
	dst = binary.AppendUvarint(dst, uint64(len(holds)))
	for _, slot := range holds {
		h := e.holds.at(slot)
		dst = binary.AppendUvarint(dst, uint64(h.id()))
		dst = append(dst, byte(h.state()))
		dst = binary.AppendUvarint(dst, uint64(h.expires))
		dst = binary.AppendUvarint(dst, uint64(h.maxEnd-h.expires))
		dst = binary.AppendUvarint(dst, uint64(numbers.of[h.buyer]))
		dst = e.appendBasket(dst, &h.basket, 0)
	}
	dst = e.appendDated(e.appendRestores(e.appendMemories(dst, numbers.of)))
	dst = e.appendTouches(e.appendLates(e.appendOffers(e.appendPurchases(dst, numbers.of), numbers.of)))
	dst = e.appendList(e.appendLineState(e.appendCodes(dst), numbers.of), numbers.of)
	return binary.LittleEndian.AppendUint64(dst, e.StateHash())
}

// appendLayout appends prices, pools and lots with what cannot be found out from holds and orders.
func (e *Event) appendLayout(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(e.pools)))
	for i := range e.pools {
		p := &e.pools[i]
		dst = appendString(dst, p.id)
		dst = binary.AppendUvarint(dst, uint64(p.capacity))
		dst = binary.AppendUvarint(dst, uint64(p.own))
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.lots)))
	for i := range e.lots {
		l := &e.lots[i]
		dst = appendLotSpec(dst, &l.spec)
		dst = binary.AppendUvarint(dst, uint64(l.capacity))
		dst = appendBool(appendBool(dst, l.open), l.exhausted)
		dst = binary.AppendUvarint(dst, uint64(l.in[shareBlocked]))
		if l.seating == nil {
			continue
		}
		var blocked []uint32
		for n := range l.seating.seats {
			if l.seating.seats[n].state == seatBlocked {
				blocked = append(blocked, uint32(n))
			}
		}
		dst = appendSeats(dst, blocked)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.prices)))
	for i := range e.prices {
		p := &e.prices[i]
		if p.code != 0 {
			for _, v := range [...]uint64{uint64(p.lot) | codePriceFlag, uint64(p.face), uint64(p.tax), uint64(p.before), uint64(p.code)} {
				dst = binary.AppendUvarint(dst, v)
			}
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(p.lot))
		dst = binary.AppendUvarint(dst, uint64(p.face))
		dst = binary.AppendUvarint(dst, uint64(p.tax))
		dst = appendFees(dst, p.fees)
	}
	return dst
}

// codePriceFlag marks, at the lot of a price, one with a code: face, tax, number + 1 of the price that it is made of, and code + 1 follow. Lots are below it.
const codePriceFlag = 1 << 24

// appendMemories appends what is remembered of things that are over: ended holds, requests, refusal totals.
func (e *Event) appendMemories(dst []byte, buyers []uint32) []byte {
	dst = binary.AppendUvarint(dst, e.ended.head)
	dst = binary.AppendUvarint(dst, uint64(e.ended.count()))
	for pos := e.ended.head; pos < e.ended.tail; pos++ {
		r := e.ended.at(pos)
		dst = append(binary.AppendUvarint(dst, uint64(r.id())), byte(r.state()))
		dst = binary.AppendUvarint(dst, uint64(r.total))
		dst = binary.AppendUvarint(dst, uint64(buyers[r.buyer]))
	}
	from := e.requests.head
	if plantedBug(plantedForgetRequests) {
		from = e.requests.tail
	}
	dst = binary.AppendUvarint(dst, from)
	dst = binary.AppendUvarint(dst, e.requests.tail-from)
	for pos := from; pos < e.requests.tail; pos++ {
		dst = e.appendRequest(dst, e.requests.at(pos))
	}
	dst = binary.AppendUvarint(dst, uint64(e.money.rows))
	for i := range e.money.rows {
		dst = e.appendRequest(dst, e.money.at(i))
	}
	return e.appendRefused(dst)
}

// appendRefused appends the totals of all tallies: | n | n times: code, flow, total |
func (e *Event) appendRefused(dst []byte) []byte {
	n := 0
	var list []byte
	if e.refused != nil {
		for code := range e.refused {
			for flow, total := range e.refused[code] {
				if total > 0 {
					list = binary.AppendUvarint(append(list, byte(code), byte(flow)), total)
					n++
				}
			}
		}
	}
	return append(binary.AppendUvarint(dst, uint64(n)), list...)
}

func (e *Event) appendRequest(dst []byte, r *requestRow) []byte {
	dst = appendString(dst, e.names.get(r.name))
	dst = binary.LittleEndian.AppendUint64(dst, r.print)
	dst = append(dst, byte(r.verb()))
	dst = binary.AppendUvarint(dst, r.id())
	dst = binary.AppendUvarint(dst, uint64(r.amount))
	return binary.AppendUvarint(dst, uint64(r.at))
}

// appendBasket appends the items of a basket: | n | n times: price, sales * 2 + seated, seats |. The seats of an order, whose first ticket is first, are those
// that it was sold with.
func (e *Event) appendBasket(dst []byte, b *basket, first TicketID) []byte {
	n := 0
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		n++
	}
	dst = binary.AppendUvarint(dst, uint64(n))
	for it := e.firstItem(b); it.sales > 0; it = e.nextItem(it) {
		dst = binary.AppendUvarint(dst, uint64(it.price))
		l := &e.lots[e.prices[it.price].lot]
		if l.seating == nil {
			dst = binary.AppendUvarint(dst, uint64(it.sales)<<1)
		} else {
			dst = binary.AppendUvarint(dst, uint64(it.sales)<<1|1)
			list := make([]uint32, 0, SeatsPerHoldMax)
			if first == 0 {
				for s := it.seats; s != 0; s = l.seating.seats[s-1].next {
					list = append(list, s-1)
				}
			} else {
				e.eachSeat(&it, first, func(_ TicketID, s uint32) { list = append(list, s) })
			}
			dst = appendSeats(dst, list)
		}
		if first != 0 {
			first += TicketID(int64(it.sales) * l.units)
		}
	}
	return dst
}

// holdsByID lists the slots of the live holds in the order of their ids.
func (e *Event) holdsByID() []uint32 {
	list := make([]uint32, 0, e.holds.live())
	for slot := range e.holds.rows {
		if e.holds.at(slot).idState != 0 {
			list = append(list, slot)
		}
	}
	slices.SortFunc(list, func(a, b uint32) int {
		if e.holds.at(a).id() < e.holds.at(b).id() {
			return -1
		}
		return 1
	})
	return list
}

// buyerNumbers numbers buyers by where they first appear in a snapshot.
type buyerNumbers struct {
	slots []uint32 // by number
	of    []uint32 // by slot
}

func (e *Event) numberBuyers(holds []uint32) buyerNumbers {
	n := buyerNumbers{of: make([]uint32, e.buyers.rows)}
	for i := range n.of {
		n.of[i] = math.MaxUint32
	}
	meet := func(slot uint32) {
		if n.of[slot] == math.MaxUint32 {
			n.of[slot] = uint32(len(n.slots))
			n.slots = append(n.slots, slot)
		}
	}
	for i := range e.orders.rows {
		meet(e.orders.at(i).buyer)
	}
	for _, slot := range holds {
		meet(e.holds.at(slot).buyer)
	}
	for pos := e.ended.head; pos < e.ended.tail; pos++ {
		meet(e.ended.at(pos).buyer)
	}
	for slot := range e.members.rows {
		meet(e.members.at(slot).buyer)
	}
	for slot := range e.purchases.rows.rows {
		meet(e.purchases.rows.at(slot).buyer)
	}
	for pos := e.offers.head; pos < e.offers.tail; pos++ {
		meet(e.offers.at(pos).buyer)
	}
	if e.line != nil {
		for slot := range e.line.rows.rows {
			meet(e.line.rows.at(slot).buyer)
		}
	}
	if e.list != nil {
		for slot := range e.list.rows.rows {
			meet(e.list.rows.at(slot).buyer)
		}
	}
	return n
}

// NewAggregate returns an aggregate of the key's kind without any facts yet. An unknown kind is a bug of the caller.
func NewAggregate(key Key) Aggregate {
	switch key.Kind {
	case KindEvent:
		return New(key)
	case KindNode:
		return NewNode(key)
	case KindWallet: // of package wallet
	}
	panic(fmt.Sprintf("engine: aggregate %q of unknown kind %d", key.ID, key.Kind))
}

// OpenSnapshot reads what AppendSnapshot of the same aggregate wrote. It checks everything, so that damaged or hostile bytes give an error
// ([ErrMalformed]) and never a wrong state. The bytes are not kept.
func OpenSnapshot(key Key, state []byte) (Aggregate, error) {
	switch key.Kind {
	case KindEvent:
		return openEvent(key, state)
	case KindNode:
		return openNode(key, state)
	case KindWallet: // of package wallet
	}
	return nil, fmt.Errorf("%w: snapshot of %q, of unknown kind %d", ErrMalformed, key.ID, key.Kind)
}
