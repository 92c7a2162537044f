package engine

import (
	"encoding/binary"
	"math"
)

// appendList appends the waiting list to a snapshot, since version 5: | 0 | if there is none, or
//
//	| 1 | n | n waiters: buyer, joined, state, flags, waited before, highest price, method, agreement, code if flags say so | n wishes: lot, quantity * 2 + together, struck |
//	| n | n kinds of wishes whose first was passed over, in the order of those: the first wish (waiter * 4 + which), how often, times of keeping, kept until |
//
// Who is before whom follows from the numbers.
func (e *Event) appendList(dst []byte, buyers []uint32) []byte {
	w := e.list
	if w == nil {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(append(dst, 1), uint64(w.rows.rows))
	for slot := range w.rows.rows {
		r := w.rows.at(slot)
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(buyers[r.buyer])), uint64(r.joined))
		dst = binary.AppendUvarint(append(dst, byte(r.state), r.flags, r.before), uint64(r.maxPrice))
		dst = appendString(appendString(dst, e.named(r.method)), e.named(r.agreement))
		if r.flags&waitCoded != 0 {
			dst = binary.AppendUvarint(dst, uint64(r.code))
		}
		dst = append(dst, r.count)
		for i := range r.count {
			dst = appendBool(appendWaitWish(dst, &r.wishes[i]), r.wishes[i].struck)
		}
	}
	w.firsts = w.firsts[:0]
	for i := range w.kinds {
		if k := &w.kinds[i]; k.passing.passed != 0 {
			w.firsts = append(w.firsts, waitFirstOf{k.first, uint32(i)})
		}
	}
	sortFirsts(w.firsts)
	dst = binary.AppendUvarint(dst, uint64(len(w.firsts)))
	for _, f := range w.firsts {
		p := &w.kinds[f.kind].passing
		dst = binary.AppendUvarint(append(binary.AppendUvarint(dst, uint64(uint32(f.order))), p.passed, p.rounds), uint64(p.until))
	}
	return dst
}

// openList reads what appendList wrote.
func (e *Event) openList(d *decoder) {
	if !d.bool() || d.what != "" {
		return
	}
	w := e.listHere()
	for range d.count(e.limits.Line, 10) { //nolint:mnd // bytes that a waiter takes at least
		r := waiterRow{buyer: uint32(d.uint(math.MaxUint32)), joined: uint32(d.uint(math.MaxUint32))}
		r.state, r.flags, r.before, r.maxPrice = WaitState(d.byte()), d.byte(), d.byte(), d.int()
		method, agreement := d.idOrNone(), d.idOrNone()
		if r.flags&waitCoded != 0 {
			if r.code = uint32(d.uint(uint64(e.codesCount()))); r.code == 0 {
				d.fail("a waiter with a code that is not there")
			}
		}
		if r.count = d.byte(); r.count == 0 || r.count > WishesMax {
			d.fail("a waiter with no wishes, or too many")
			return
		}
		live := false
		for i := range r.count {
			r.wishes[i] = d.waitWish()
			r.wishes[i].struck = d.bool()
			live = live || !r.wishes[i].struck
		}
		if d.what != "" {
			return
		}
		if what := e.fitWaiter(&r, method, agreement, live); what != "" {
			d.fail(what)
			return
		}
		if r.state == WaitWaiting && e.kindsWith(r.wishes[:r.count]) > WishKindsMax {
			d.fail("too many kinds of wishes")
			return
		}
		slot := w.rows.alloc()
		r.method, r.agreement = e.name(method), e.name(agreement)
		*w.rows.at(slot) = r
		e.addWaiter(slot)
	}
	for range d.count(len(w.kinds), 4) { //nolint:mnd // bytes that one takes at least
		k := w.kindWithFirst(uint32(d.uint(math.MaxUint32)))
		p := passing{passed: d.byte(), rounds: d.byte(), until: Instant(d.uint(uint64(instantMax) + 1<<56))}
		if d.what != "" {
			return
		}
		if k == nil || k.passing.passed != 0 || p.passed < 1 || p.passed > PassedOverMax || p.rounds > asideRoundsMax || (p.until != 0) != (p.passed == PassedOverMax) {
			d.fail("somebody was passed over who is not the first, or as can not be")
			return
		}
		k.passing = p
		w.keptUntil(p.until)
	}
}

// kindWithFirst finds the kind of which a wish is the first, nil if there is none.
func (w *waitList) kindWithFirst(ref uint32) *waitKind {
	slot, i := ref>>wishBits, ref&(WishesMax-1)
	if slot >= w.rows.rows || i >= uint32(w.rows.at(slot).count) {
		return nil
	}
	at, ok := w.kindAt[w.rows.at(slot).wishes[i].kind()]
	if !ok || uint32(w.kinds[at].first) != ref {
		return nil
	}
	return &w.kinds[at]
}

// fitWaiter says what is wrong with a waiter of a snapshot, "" if nothing is.
func (e *Event) fitWaiter(r *waiterRow, method, agreement string, live bool) string {
	switch {
	case r.buyer >= e.buyers.rows || r.joined > e.age():
		return "a waiter who is nobody, or of later"
	case r.state < WaitWaiting || r.state >= waitStatesEnd || r.flags >= waitFlagsEnd:
		return "a waiter in no state"
	case (r.flags&waitAuto != 0) != (method != "" && agreement != "") || r.flags&waitAuto == 0 && method+agreement != "":
		return "a waiter with half an agreement"
	case r.flags&waitPriced == 0 && r.maxPrice != 0:
		return "a waiter with a highest price that was not said"
	case !fitPriceSeen(r.flags):
		return "a waiter with a price that was seen, and nothing to be charged"
	case live == (r.state == WaitUnfit):
		return "a waiter without wishes who waits, or with some who does not"
	}
	b := e.buyers.at(r.buyer)
	before := uint8(0)
	if at := e.waiterOf(r.buyer + 1); at != 0 {
		last := e.list.rows.at(at - 1)
		if before = last.before + 1; last.state.live() {
			return "a buyer who waits twice"
		}
	}
	if r.before != before || before >= joinsMax {
		return "a buyer who has waited before, and has not"
	}
	if r.state == WaitOffered && b.hold == 0 || r.state == WaitWaiting && b.hold != 0 {
		return "a waiter with an offer and no hold, or the other way round"
	}
	return e.fitWishes(r.wishes[:r.count])
}

// waiters verifies the waiting list: one live waiter a buyer, the queues of its kinds, and whom they count for.
func (c *checker) waiters() error {
	e := c.e
	w := e.list
	if w == nil {
		return nil
	}
	if w.offering != 0 {
		return e.broken("an offer is begun and not ended")
	}
	var counts [waitStatesEnd]int
	waiting := make([]int, len(w.kinds))
	for slot := range w.rows.rows {
		r := w.rows.at(slot)
		if r.buyer >= e.buyers.rows || r.state < WaitWaiting || r.state >= waitStatesEnd || r.count == 0 || r.count > WishesMax {
			return e.broken("waiter %d is %+v", slot+1, *r)
		}
		if last := c.buyers[r.buyer].waiter; last != 0 && w.rows.at(last-1).state.live() {
			return e.broken("the buyer of waiter %d waits twice", slot+1)
		}
		c.buyers[r.buyer].waiter = slot + 1
		counts[r.state]++
		c.rows += e.waiterHash(slot)
		for _, ref := range [...]uint32{r.method, r.agreement} {
			if ref != 0 {
				c.names++
			}
		}
		if hold := e.buyers.at(r.buyer).hold; r.state == WaitOffered && hold == 0 || r.state == WaitWaiting && hold != 0 {
			return e.broken("waiter %d is %s, with hold %d", slot+1, r.state, hold)
		}
		for i := range r.count {
			wish := &r.wishes[i]
			if at, ok := w.kindAt[wish.kind()]; r.state == WaitWaiting && !wish.struck && (!ok || int(at) >= len(w.kinds) || w.kinds[at].wishKind != wish.kind()) {
				return e.broken("a wish of waiter %d is of no kind", slot+1)
			}
		}
	}
	for i := range w.kinds {
		k := &w.kinds[i]
		last := uint64(0)
		for _, q := range [...]*fifo[uint32]{&k.firsts, &k.queue} {
			for pos := q.head; pos < q.tail; pos++ {
				ref := *q.at(pos)
				r := w.rows.at(ref >> wishBits)
				wish := &r.wishes[ref&(WishesMax-1)]
				if w.order(ref)+1 <= last || wish.kind() != k.wishKind || (r.flags&waitFirst != 0) != (q == &k.firsts) {
					return e.broken("wish %d of waiter %d is behind another, or in a queue of others", ref&(WishesMax-1), ref>>wishBits+1)
				}
				if last = w.order(ref) + 1; r.state == WaitWaiting && !wish.struck {
					if waiting[i]++; waiting[i] == 1 && w.order(ref) != k.first {
						return e.broken("waiter %d is the first who wants %d of lot %d, and is not known to be", ref>>wishBits+1, k.quantity, k.lot)
					}
				}
			}
		}
		if waiting[i] != k.waiting || k.waiting == 0 {
			return e.broken("%d wait for %d of lot %d, counted %d", k.waiting, k.quantity, k.lot, waiting[i])
		}
	}
	if len(w.kindAt) != len(w.kinds) || len(w.kinds) > WishKindsMax {
		return e.broken("%d kinds of wishes, %d are found", len(w.kinds), len(w.kindAt))
	}
	if counts != w.counts {
		return e.broken("the list counts %v, its waiters %v", w.counts, counts)
	}
	return nil
}
