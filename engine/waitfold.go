package engine

func (e *Event) foldWished(d *decoder) error {
	var f factWished
	d.wished(&f)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	f.buyerHash = hashString(e.seed, f.buyer)
	f.buyerRow = e.buyerNamed(f.buyer, f.buyerHash)
	rows := uint32(0)
	if e.list != nil {
		rows = e.list.rows.rows
	}
	at := e.waiterOf(f.buyerRow)
	switch {
	case e.state != EventOnSale && e.state != EventPaused || e.spec.Observe:
		return unfit("somebody waits for tickets of an event that sells none")
	case f.waiter != rows+1:
		return unfit("a waiter's number is not the next")
	case at != 0 && (e.list.rows.at(at-1).state.live() || e.list.rows.at(at-1).before+1 >= joinsMax):
		return unfit("somebody waits who waits already, or has waited too often")
	case f.buyerRow != 0 && e.buyers.at(f.buyerRow-1).hold != 0:
		return unfit("somebody waits who has a hold")
	case rows >= uint32(e.limits.Line), f.buyerRow == 0 && e.buyers.live() >= e.limits.Buyers:
		return unfit("a table is full")
	}
	if int(f.code) > e.codesCount() {
		return unfit("somebody waits with a code that is not there")
	}
	if what := e.fitWishes(f.wishes[:f.count]); what != "" {
		return unfit(what)
	}
	if e.kindsWith(f.wishes[:f.count]) > WishKindsMax {
		return unfit("too many kinds of wishes")
	}
	e.applyWished(&f)
	return nil
}

// fitWishes says what is wrong with the wishes of one waiter, "" if nothing is.
func (e *Event) fitWishes(wishes []waitWish) string {
	for i := range wishes {
		w := &wishes[i]
		if int(w.lot) >= len(e.lots) || w.quantity < 1 || w.quantity > WishQuantityMax || w.together && e.lots[w.lot].seating == nil {
			return "a wish for a lot that is not there, or for what it does not have"
		}
		for j := range i {
			if wishes[j].kind() == w.kind() {
				return "the same wish twice"
			}
		}
	}
	return ""
}

func (e *Event) foldWaitKept(d *decoder) error {
	var f factWaitKept
	d.waitKept(&f)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if e.list == nil || f.waiter == 0 || f.waiter > e.list.rows.rows || e.lineOver() {
		return unfit("somebody asks again who is not there, or of an event that is over")
	}
	if r := e.list.rows.at(f.waiter - 1); !r.state.live() || r.flags&waitAuto == 0 {
		return unfit("somebody asks again who does not wait to be bought for")
	}
	e.applyWaitKept(&f)
	return nil
}

func (e *Event) foldWishEnded(d *decoder) error {
	var f factWishEnded
	d.wishEnded(&f)
	if err := d.err(); err != nil {
		return err
	}
	if f.id != "" {
		if err := e.fresh(&f.asked); err != nil {
			return err
		}
	}
	if e.list == nil || f.waiter == 0 || f.waiter > e.list.rows.rows || e.lineOver() && f.state != WaitUnpaid { // what was offered before may still be paid, or not
		return unfit("a waiter who is not there, or of an event that is over")
	}
	r := e.list.rows.at(f.waiter - 1)
	offered := r.state == WaitOffered
	if offered && e.holds.at(e.buyers.at(r.buyer).hold-1).state() != HoldHeld {
		return unfit("a waiter ends whose tickets are being paid")
	}
	fits := false
	switch f.state { //nolint:exhaustive // the others are said by the facts of the hold
	case WaitLeft:
		fits = f.wish == 0 && f.id != "" && (offered || r.state == WaitWaiting)
	case WaitUnpaid:
		fits = f.wish == 0 && f.id == "" && offered && r.flags&waitAuto != 0
	case WaitUnfit:
		fits = f.wish != 0 && f.wish <= r.count && f.id == "" && r.state == WaitWaiting && !r.wishes[f.wish-1].struck
	}
	if !fits {
		return unfit("a waiter ends in a way that cannot be")
	}
	e.applyWishEnded(&f)
	return nil
}

func (e *Event) foldOfferedTo(d *decoder) error {
	var f factOfferedTo
	d.offeredTo(&f)
	if err := d.err(); err != nil {
		return err
	}
	if e.list == nil || f.waiter == 0 || f.waiter > e.list.rows.rows || e.state != EventOnSale {
		return unfit("the turn of a waiter who is not there, or of an event that does not sell")
	}
	r := e.list.rows.at(f.waiter - 1)
	if f.wish >= r.count || r.state != WaitWaiting || r.wishes[f.wish].struck || e.buyers.at(r.buyer).hold != 0 {
		return unfit("the turn of a waiter who does not wait for this")
	}
	if k := e.list.kindOf(&r.wishes[f.wish]); uint32(k.first) != wishRef(f.waiter-1, int(f.wish)) && !plantedBug(plantedOvertakeWaiter) {
		return unfit("the turn of a waiter who is not the first of its kind")
	}
	e.applyOfferedTo(&f)
	return nil
}

// isOffered reports whether a hold is the one that the fact before has announced.
func (e *Event) isOffered(f *factHeld) bool {
	if e.list == nil || e.list.offering == 0 {
		return true
	}
	ref := e.list.offering - 1
	r := e.list.rows.at(ref >> wishBits)
	w := &r.wishes[ref&(WishesMax-1)]
	return f.buyerRow == r.buyer+1 && f.id == "" && len(f.items) == 1 && e.prices[f.items[0].price].lot == w.lot && (e.prices[f.items[0].price].code == 0 || e.prices[f.items[0].price].code == r.code) && f.items[0].sales == uint32(w.quantity)
}

// betweenOffer reports whether an offer was announced and its hold is not there yet.
func (e *Event) betweenOffer() bool { return e.list != nil && e.list.offering != 0 }
