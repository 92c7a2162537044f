package engine

import (
	"encoding/binary"
	"math"
)

// factWished says that a buyer waits for tickets.
//
//	| 72 | asked, or nobody | buyer | waiter | 1 auto-buy 2 highest price 4 has paid too late 8 code 16 the price then | highest price | method | agreement | code | n | n wishes: lot, quantity * 2 + together |
//
// Highest price, method and agreement, and code are there if the byte says so.
type factWished struct {
	asked
	buyer             string
	waiter            uint32 // its number: slot + 1
	flags             uint8
	maxPrice          int64
	method, agreement string
	wishes            [WishesMax]waitWish
	count             uint8
	code              uint32 // slot + 1; 0 is none

	// Found out before apply; not in the log.
	buyerHash uint64
	buyerRow  uint32 // slot + 1 if the buyer is known
}

func (f *factWished) append(dst []byte) []byte {
	dst = appendString(f.asked.append(append(dst, byte(kindWished))), f.buyer)
	dst = append(binary.AppendUvarint(dst, uint64(f.waiter)), f.flags)
	if f.flags&waitPriced != 0 {
		dst = binary.AppendUvarint(dst, uint64(f.maxPrice))
	}
	if f.flags&waitAuto != 0 {
		dst = appendString(appendString(dst, f.method), f.agreement)
	}
	if f.flags&waitCoded != 0 {
		dst = binary.AppendUvarint(dst, uint64(f.code))
	}
	dst = append(dst, f.count)
	for i := range f.count {
		dst = appendWaitWish(dst, &f.wishes[i])
	}
	return dst
}

func appendWaitWish(dst []byte, w *waitWish) []byte {
	v := uint64(w.quantity) << 1
	if w.together {
		v |= 1
	}
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(w.lot)), v)
}

func (d *decoder) wished(f *factWished) {
	d.asked(&f.asked)
	f.buyer, f.waiter, f.flags = d.id(), uint32(d.uint(math.MaxUint32)), d.byte()
	if f.flags >= waitFlagsEnd {
		d.fail("a waiter of an unknown sort")
	}
	if (f.id == "") != (f.flags&waitFirst != 0) || f.flags&waitFirst != 0 && f.flags&waitAuto != 0 {
		d.fail("a waiter whom nobody has asked for, or who has paid too late and has asked")
	}
	if !fitPriceSeen(f.flags) {
		d.fail("a waiter with a price that was seen, and nothing to be charged")
	}
	if f.flags&waitPriced != 0 {
		f.maxPrice = d.int()
	}
	if f.flags&waitAuto != 0 {
		f.method, f.agreement = d.id(), d.id()
	}
	if f.flags&waitCoded != 0 {
		if f.code = uint32(d.uint(CodesMax)); f.code == 0 {
			d.fail("somebody waits with a code that is none")
		}
	}
	if f.count = d.byte(); f.count == 0 || f.count > WishesMax {
		d.fail("a waiter with no wishes, or too many")
		f.count = 0
	}
	for i := range f.count {
		f.wishes[i] = d.waitWish()
	}
}

// fitPriceSeen reports whether only who is to be charged has a highest price that was not said.
func fitPriceSeen(flags uint8) bool {
	return flags&waitPriceSeen == 0 || flags&(waitAuto|waitPriced) == waitAuto|waitPriced
}

func (d *decoder) waitWish() (w waitWish) {
	w.lot = uint32(d.uint(math.MaxUint32))
	v := d.uint(WishQuantityMax<<1 | 1)
	w.quantity, w.together = uint16(v>>1), v&1 != 0
	return w
}

// factWishEnded says that a waiter's turn will not come any more, or of an offer that it could not be paid: what is held for it is free again. With a wish it is
// only this one that cannot be, for the reason of a refusal; the last one ends the waiter.
//
//	| 73 | asked, or nobody | waiter | wish + 1, or 0 for all | state | code |
type factWishEnded struct {
	asked
	waiter uint32
	wish   uint8
	state  WaitState
	code   Code
}

func (f *factWishEnded) append(dst []byte) []byte {
	dst = binary.AppendUvarint(f.asked.append(append(dst, byte(kindWishEnded))), uint64(f.waiter))
	return append(dst, f.wish, byte(f.state), byte(f.code))
}

func (d *decoder) wishEnded(f *factWishEnded) {
	d.asked(&f.asked)
	f.waiter, f.wish, f.state, f.code = uint32(d.uint(math.MaxUint32)), d.byte(), WaitState(d.byte()), Code(d.byte())
	if f.state >= waitStatesEnd || f.code >= codeEnd || f.wish > WishesMax {
		d.fail("a waiter ends in an unknown way")
	}
}

// factOfferedTo says whose turn has come, with which wish. The next fact is the hold.
//
//	| 74 | waiter | wish |
type factOfferedTo struct {
	waiter uint32
	wish   uint8
}

func (f *factOfferedTo) append(dst []byte) []byte {
	return append(binary.AppendUvarint(append(dst, byte(kindOfferedTo)), uint64(f.waiter)), f.wish)
}

func (d *decoder) offeredTo(f *factOfferedTo) {
	f.waiter, f.wish = uint32(d.uint(math.MaxUint32)), d.byte()
}

// factWaitKept says that a waiter who is to be bought for has asked for just that again: whoever repeats this request later is shown that waiter, and is not bought for
// once more.
//
//	| 78 | asked | waiter |
type factWaitKept struct {
	asked
	waiter uint32
}

func (f *factWaitKept) append(dst []byte) []byte {
	return binary.AppendUvarint(f.asked.append(append(dst, byte(kindWaitKept))), uint64(f.waiter))
}

func (d *decoder) waitKept(f *factWaitKept) {
	d.asked(&f.asked)
	if f.waiter = uint32(d.uint(math.MaxUint32)); f.id == "" {
		d.fail("nobody has asked again")
	}
}
