package engine

import (
	"encoding/binary"
	"math"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// What snapshots have since version 3: purchases.
//
//	| n | n purchases | for each restore: purchases before it |
//
//	purchase: | hold order offer total | since changed, from the event's first fact | deadline undo left | buyer | state charge flow kind can decline
//	          operation softs flags | attempt | gateway method gateway's id | intended, hash? | asked, attempt, hash? | return address? | amount and currency that the gateway has? |
func (e *Event) appendPurchases(dst []byte, buyers []uint32) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.purchases.rows.rows))
	for slot := range e.purchases.rows.rows {
		r := e.purchases.rows.at(slot)
		for _, v := range [...]uint64{
			uint64(r.hold), uint64(r.order), uint64(r.offer), uint64(r.total), uint64(r.since - e.since), uint64(r.changed - e.since),
			uint64(r.deadline), uint64(r.undo), uint64(r.left), uint64(buyers[r.buyer]),
		} {
			dst = binary.AppendUvarint(dst, v)
		}
		dst = append(dst, byte(r.state), byte(r.charge), byte(r.flow), byte(r.kind), byte(r.can), byte(r.decline), byte(r.operation), r.softs, r.flags)
		dst = binary.AppendUvarint(dst, uint64(r.attempt))
		dst = appendString(appendString(appendString(dst, e.named(r.gateway)), e.named(r.method)), e.named(r.ref))
		if dst = binary.AppendUvarint(dst, uint64(r.intended)); r.intended != 0 {
			dst = append(dst, r.hash[:]...)
		}
		if dst = binary.AppendUvarint(dst, uint64(r.asked)); r.asked != 0 {
			dst = append(binary.AppendUvarint(dst, uint64(r.askedAttempt)), r.askedHash[:]...)
		}
		if r.flags&purchaseURL != 0 {
			dst = appendString(dst, e.purchases.urls[slot])
		}
		if r.flags&purchaseOther != 0 {
			dst = appendString(binary.AppendUvarint(dst, uint64(r.there)), e.named(r.in))
		}
	}
	for i := range e.restores {
		dst = binary.AppendUvarint(dst, uint64(e.restores[i].purchase))
	}
	return dst
}

func (e *Event) openPurchases(d *decoder) {
	for range d.count(e.limits.Purchases, 25) {
		var r purchaseRow
		r.hold, r.order, r.offer, r.total = HoldID(d.uint(uint64(e.holdLast))), OrderID(d.uint(uint64(e.orders.rows))), OfferID(d.int()), d.int()
		r.since, r.changed = e.since+Instant(d.uint(uint64(e.lastAt-e.since))), e.since+Instant(d.uint(uint64(e.lastAt-e.since)))
		r.deadline, r.undo = Instant(d.uint(uint64(instantMax)+1<<56)), Instant(d.uint(uint64(instantMax)+1<<56))
		r.left, r.buyer = d.int(), uint32(d.uint(math.MaxUint32))
		r.state, r.charge, r.flow, r.kind = PurchaseState(d.byte()), ChargeState(d.byte()), Flow(d.byte()), payment.MethodKind(d.byte())
		r.can, r.decline, r.operation = payment.Capabilities(d.byte()), payment.Decline(d.byte()), payment.Operation(d.byte())
		r.softs, r.flags, r.attempt = d.byte(), d.byte(), uint32(d.uint(attemptsMax))
		gateway, method, ref := d.idOrNone(), d.idOrNone(), d.string(PaymentRefLenMax)
		if r.intended = Instant(d.uint(uint64(instantMax))); r.intended != 0 {
			d.hash(&r.hash)
		}
		if r.asked = Instant(d.uint(uint64(instantMax))); r.asked != 0 {
			r.askedAttempt = uint32(d.uint(attemptsMax))
			d.hash(&r.askedHash)
		}
		url := ""
		if r.flags&purchaseURL != 0 {
			url = string([]byte(d.string(ReturnURLLenMax)))
		}
		in := ""
		if r.flags&purchaseOther != 0 {
			r.there, in = d.int(), d.idOrNone()
		}
		if d.what != "" || r.buyer >= e.buyers.rows {
			d.fail("a purchase of nobody")
			return
		}
		slot := e.purchases.rows.alloc()
		r.gateway, r.method, r.ref, r.in = e.name(gateway), e.name(method), e.name(ref), e.name(in)
		*e.purchases.rows.at(slot) = r
		if url != "" {
			if e.purchases.urls == nil {
				e.purchases.urls = map[uint32]string{}
			}
			e.purchases.urls[slot] = url
		}
		if r.order != 0 {
			o := e.orders.at(uint32(r.order - 1))
			hash, paid := e.buyerHash(o.buyer), e.named(o.payment)
			e.rows -= e.orderHash(o, uint32(r.order-1), hash, paid)
			o.purchase = slot + 1
			e.rows += e.orderHash(o, uint32(r.order-1), hash, paid)
		}
		if r.deadline != 0 {
			e.purchases.due.push(&e.purchases.rows, slot)
		}
		c := e.customerOf(r.buyer)
		c.purchases++
		c.purchase = slot + 1
		e.countPurchase(e.purchases.rows.at(slot), slot)
	}
	before := PurchaseID(0)
	for i := range e.restores {
		r := &e.restores[i]
		if r.purchase = PurchaseID(d.uint(uint64(e.purchases.rows.rows))); r.purchase < before {
			d.fail("restores out of order")
			return
		}
		before = r.purchase
	}
}

func (d *decoder) hash(to *[32]byte) {
	if len(d.buf) < len(to) {
		d.fail("a hash is cut off")
		return
	}
	copy(to[:], d.buf)
	d.buf = d.buf[len(to):]
}

// purchasesHash is what the purchases and offers add to the state hash beside their rows: nothing, where there are none.
func (e *Event) purchasesHash() uint64 {
	if e.purchases.rows.rows == 0 && e.offers.tail == 0 {
		return 0
	}
	h := hasher(hashK1)
	h.word(uint64(e.purchases.rows.rows))
	h.pair(e.offers.head, e.offers.tail)
	for i := range e.restores {
		h.pair(uint64(e.restores[i].purchase), uint64(e.restores[i].offer))
	}
	return uint64(h)
}
