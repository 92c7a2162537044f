package engine

import (
	"encoding/binary"
	"math"
)

// A wish is what an offer is of, as bytes: what a buy with the offer will ask for, at the prices that were promised.
//
//	| n | n items: | price version | sales * 4 + kind | kind 1: accessible companion, restricted + 2 * split | kind 2: seats, as in a hold | |
const (
	wishQuantity = iota
	wishParty
	wishSeats
)

// wishLenMax bounds the bytes of a wish: all of a hold's items and seats, each as long as can be.
const wishLenMax = 1 + ItemsPerHoldMax*24 + SeatsPerHoldMax*5

type wishItem struct {
	price                 uint32
	sales                 int64
	seats                 []uint32
	accessible, companion int64
	restricted, split     bool
}

// appendWish appends items that were judged: their lots and seats are there.
func (e *Event) appendWish(dst []byte, items []Item) []byte {
	dst = append(dst, byte(len(items)))
	for i := range items {
		it := &items[i]
		lot, _ := e.lotNamed(it.Lot)
		l := &e.lots[lot]
		dst = binary.AppendUvarint(dst, uint64(e.takePrice(lot)))
		switch {
		case len(it.Seats) > 0:
			dst = binary.AppendUvarint(dst, uint64(len(it.Seats))<<2|wishSeats)
			before := int64(0)
			for _, label := range it.Seats {
				n, _ := l.seating.number(e.seed, label)
				dst = binary.AppendVarint(dst, int64(n)-before)
				before = int64(n)
			}
		case it.Accessible|it.Companion != 0 || it.Restricted || it.Split:
			dst = binary.AppendUvarint(dst, uint64(it.Quantity)<<2|wishParty)
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(it.Accessible)), uint64(it.Companion))
			how := byte(0)
			if it.Restricted {
				how = 1
			}
			if it.Split {
				how |= 2
			}
			dst = append(dst, how)
		default:
			dst = binary.AppendUvarint(dst, uint64(it.Quantity)<<2) // wishQuantity is 0
		}
	}
	return dst
}

func (d *decoder) wishItem() (w wishItem) {
	w.price = uint32(d.uint(math.MaxUint32))
	v := d.uint(QuantityMax<<2 | 3)
	w.sales = int64(v >> 2)
	switch v & 3 {
	case wishQuantity:
	case wishParty:
		w.accessible, w.companion = int64(d.uint(QuantityMax)), int64(d.uint(QuantityMax))
		how := d.byte()
		w.restricted, w.split = how&1 != 0, how&2 != 0
		if how > 3 {
			d.fail("a party with unknown wishes")
		}
	case wishSeats:
		if w.sales > SeatsPerHoldMax {
			d.fail("a wish has too many seats")
			return w
		}
		w.seats = d.seats(int(w.sales), make([]uint32, 0, w.sales))
	default:
		d.fail("a wish of an unknown kind")
	}
	if w.sales == 0 {
		d.fail("a wish for nothing")
	}
	return w
}

// fitsWish reports whether bytes are a wish for what the event has.
func (e *Event) fitsWish(wish []byte) bool {
	d := decoder{buf: wish}
	n := d.byte()
	if n == 0 || n > ItemsPerHoldMax {
		return false
	}
	for range n {
		w := d.wishItem()
		if d.what != "" || int(w.price) >= len(e.prices) {
			return false
		}
		l := &e.lots[e.prices[w.price].lot]
		if l.seating == nil && (w.seats != nil || w.accessible|w.companion != 0 || w.restricted || w.split) {
			return false
		}
		for _, n := range w.seats {
			if int(n) >= len(l.seating.seats) {
				return false
			}
		}
	}
	return len(d.buf) == 0
}

// codeOfWish is slot + 1 of the code that was given for an offer; 0 is none.
func (e *Event) codeOfWish(wish []byte) uint32 {
	if e.codes == nil {
		return 0
	}
	d := decoder{buf: wish}
	for range d.byte() {
		if code := e.prices[d.wishItem().price].code; code != 0 {
			return code
		}
	}
	return 0
}

// itemsOfWish returns the items that a command would ask for.
func (e *Event) itemsOfWish(wish []byte) []Item {
	items := e.work.wishItems[:0]
	d := decoder{buf: wish}
	for range d.byte() {
		w := d.wishItem()
		l := &e.lots[e.prices[w.price].lot]
		it := Item{Lot: l.spec.Lot, Accessible: w.accessible, Companion: w.companion, Restricted: w.restricted, Split: w.split}
		if w.seats == nil {
			it.Quantity = w.sales
		}
		for _, n := range w.seats {
			it.Seats = append(it.Seats, string(l.seating.appendLabel(nil, n)))
		}
		items = append(items, it)
	}
	e.work.wishItems = items
	return items
}
