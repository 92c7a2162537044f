package engine

import (
	"fmt"
	"strconv"
	"strings"
)

// WaiterView shows somebody on the waiting list. Its strings belong to the event.
type WaiterView struct {
	Event     string
	Buyer     string
	Waiter    int64 // the number, in the order in which waiters came
	State     WaitState
	Ahead     int64 // waiting: how many who came before still wait
	Hold      HoldID
	HoldIn    Incarnation // of Hold
	Until     Instant     // offered: node time until which the tickets are held
	Wishes    []WishView
	MaxMinor  int64 // total with fees that may not be exceeded, if HasMax: as was said, or with AutoBuy what the dearest wish cost when the buyer began to wait
	HasMax    bool
	First     bool // has paid too late, and is before all who have not
	AutoBuy   bool
	Method    string // that is to be charged
	Agreement string
}

// ListView shows an event's waiting list: waiters by their state.
type ListView struct {
	Waiting, Offered, Bought, Lapsed, Released, Unpaid, Left, Took, Unfit int64
}

// viewList shows the waiting list, nil if nobody has ever waited.
func (e *Event) viewList() *ListView {
	if e.list == nil {
		return nil
	}
	v := &e.work.list
	for state, at := range map[WaitState]*int64{
		WaitWaiting: &v.Waiting, WaitOffered: &v.Offered, WaitBought: &v.Bought, WaitLapsed: &v.Lapsed, WaitReleased: &v.Released, WaitUnpaid: &v.Unpaid,
		WaitLeft: &v.Left, WaitTook: &v.Took, WaitUnfit: &v.Unfit,
	} {
		*at = int64(e.list.counts[state])
	}
	return v
}

// WishView shows a wish.
type WishView struct {
	Wish
	Off bool // it cannot be any more
}

// WaitChange says what has become of somebody on the waiting list, without their having asked. With AutoBuy and WaitOffered the shell buys the hold with
// PaymentCommand.Auto, with what the wallet says of Method now.
type WaitChange struct {
	Waiter    int64
	Buyer     string
	State     WaitState
	Why       Code // unpaid, unfit, or still waiting with a wish less: the reason
	Hold      HoldID
	HoldIn    Incarnation
	Until     Instant // offered: node time
	AutoBuy   bool
	Method    string
	Agreement string
}

// showWaiter shows a waiter.
func (e *Event) showWaiter(slot uint32) {
	w, r := e.list, e.list.rows.at(slot)
	v := &e.work.waiter
	*v = WaiterView{
		Event: e.key.ID, Buyer: e.buyerName(r.buyer), Waiter: int64(slot) + 1, State: r.state, MaxMinor: r.maxPrice, HasMax: r.flags&waitPriced != 0,
		First: r.flags&waitFirst != 0, AutoBuy: r.flags&waitAuto != 0, Method: e.named(r.method), Agreement: e.named(r.agreement), Wishes: v.Wishes[:0],
	}
	for i := range r.count {
		wish := &r.wishes[i]
		v.Wishes = append(v.Wishes, WishView{Wish: Wish{Lot: e.lots[wish.lot].spec.Lot, Quantity: int64(wish.quantity), Together: wish.together}, Off: wish.struck})
	}
	switch {
	case r.state == WaitWaiting && e.lineOver():
		v.State = WaitOver
	case r.state == WaitWaiting:
		v.Ahead = w.ahead(slot)
	case r.state == WaitOffered:
		h := e.holds.at(e.buyers.at(r.buyer).hold - 1)
		v.Hold, v.HoldIn, v.Until = h.id(), e.holdIncarnation(h.id()), h.expires+Instant(e.down)
	}
	e.out.Shows |= ShowsWaiter
	e.out.Waiter = v
}

// ahead counts who waits before a slot.
func (w *waitList) ahead(slot uint32) (n int64) {
	first := w.rows.at(slot).flags&waitFirst != 0
	for _, other := range w.early {
		if before := other < slot; before == first && other != slot && w.rows.at(other).state == WaitWaiting {
			n++ // of those who have paid too late the ones that came before, and for others the ones that came after too
		}
	}
	if first {
		return n
	}
	for _, block := range w.waiting[:slot>>slabShift] {
		n += int64(block)
	}
	for i := slot &^ slabMask; i < slot; i++ {
		if w.rows.at(i).state == WaitWaiting {
			n++
		}
	}
	return n
}

// tellWaiter tells a buyer that something happened to their waiting.
func (e *Event) tellWaiter(slot uint32, why Code) {
	e.signals.Waits = append(e.signals.Waits, e.waitChange(slot, why))
}

func (e *Event) waitChange(slot uint32, why Code) WaitChange {
	r := e.list.rows.at(slot)
	c := WaitChange{
		Waiter: int64(slot) + 1, Buyer: strings.Clone(e.buyerName(r.buyer)), State: r.state, Why: why, AutoBuy: r.flags&waitAuto != 0,
		Method: strings.Clone(e.named(r.method)), Agreement: strings.Clone(e.named(r.agreement)),
	}
	if r.state == WaitOffered {
		h := e.holds.at(e.buyers.at(r.buyer).hold - 1)
		c.Hold, c.HoldIn, c.Until = h.id(), e.holdIncarnation(h.id()), h.expires+Instant(e.down)
	}
	return c
}

// HasOffers reports whether tickets are offered to anybody on the waiting list at the moment: some of that may be for the shell to buy. It costs nothing.
func (e *Event) HasOffers() bool {
	return e.list != nil && e.list.counts[WaitOffered] > 0 && !e.lineOver()
}

// AutoBuys appends the offers that the shell is to buy and has not begun to: for a shell that has just read the event from disk. Later ones are in the event's
// [Signals].
func (e *Event) AutoBuys(dst []WaitChange) []WaitChange {
	if e.list == nil || e.list.counts[WaitOffered] == 0 {
		return dst
	}
	for slot := range e.list.rows.rows {
		r := e.list.rows.at(slot)
		if r.state == WaitOffered && r.flags&waitAuto != 0 && e.holds.at(e.buyers.at(r.buyer).hold-1).state() == HoldHeld {
			dst = append(dst, e.waitChange(slot, CodeOK))
		}
	}
	return dst
}

// waitFact reads a fact about the waiting list, behind its kind, with wishes where those before it were: for those who read the log without the state.
func (d *decoder) waitFact(kind factKind, f *Fact, a *asked) {
	f.Wishes = f.Wishes[:0]
	switch kind { //nolint:exhaustive // those of the list
	case kindWished:
		var w factWished
		d.wished(&w)
		*a = w.asked
		for i := range w.count {
			f.Wishes = append(f.Wishes, FactWish{Lot: w.wishes[i].lot, Quantity: uint32(w.wishes[i].quantity), Together: w.wishes[i].together})
		}
		f.Kind, f.Buyer, f.Waiter, f.First = FactWished, w.buyer, int64(w.waiter), w.flags&waitFirst != 0
	case kindWishEnded:
		var w factWishEnded
		d.wishEnded(&w)
		*a = w.asked
		f.Kind, f.Waiter, f.Wish, f.Code = FactWishEnded, int64(w.waiter), int(w.wish), w.code
	case kindOfferedTo:
		var w factOfferedTo
		d.offeredTo(&w)
		f.Kind, f.Waiter, f.Wish = FactOfferedTo, int64(w.waiter), int(w.wish)+1
	case kindWaitKept:
		var w factWaitKept
		d.waitKept(&w)
		*a = w.asked
	}
}

// viewWaitFact puts into words what a fact about the waiting list says that was just folded.
func (e *Event) viewWaitFact(v *FactView, fact []byte) (a asked) {
	d := decoder{buf: fact[1:]}
	switch factKind(fact[0]) { //nolint:exhaustive // those of the list
	case kindWished:
		var f factWished
		d.wished(&f)
		a = f.asked
		v.Text = fmt.Sprintf("buyer %s is waiter %d, for ", f.buyer, f.waiter)
		for i := range f.count {
			if i > 0 {
				v.Text += " or "
			}
			v.Text += e.waitText(&f.wishes[i])
		}
		if f.flags&waitPriced != 0 {
			v.Text += ", at most " + strconv.FormatInt(f.maxPrice, 10)
		}
		if f.flags&waitPriceSeen != 0 {
			v.Text += ", which it costs now"
		}
		if f.flags&waitFirst != 0 {
			v.Text += ", before all others: it has paid too late"
		}
		if f.flags&waitAuto != 0 {
			v.Text += ", bought with " + f.method
		}
	case kindWaitKept:
		var f factWaitKept
		d.waitKept(&f)
		a = f.asked
		v.Text = fmt.Sprintf("waiter %d has asked again, and keeps the place", f.waiter)
	case kindWishEnded:
		var f factWishEnded
		d.wishEnded(&f)
		a = f.asked
		v.Text = fmt.Sprintf("waiter %d is %s", f.waiter, f.state)
		if f.wish != 0 {
			v.Text = fmt.Sprintf("wish %d of waiter %d cannot be any more", f.wish, f.waiter)
		}
		if f.code != CodeOK {
			v.Text += ": " + f.code.String()
		}
	case kindOfferedTo:
		var f factOfferedTo
		d.offeredTo(&f)
		v.Text = fmt.Sprintf("it is the turn of waiter %d, with %s", f.waiter, e.waitText(&e.list.rows.at(f.waiter - 1).wishes[f.wish]))
	}
	return a
}

func (e *Event) waitText(w *waitWish) string {
	text := strconv.Itoa(int(w.quantity)) + " " + e.lots[w.lot].spec.Lot
	if w.together {
		text += " together"
	}
	return text
}
