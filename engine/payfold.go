package engine

import "github.com/holdfast-engine/holdfast/engine/payment"

// foldBuying and the other functions of this file read facts of purchases, check that they fit the state, and apply them.
func (e *Event) foldBuying(d *decoder) error {
	f := &e.work.buying
	d.buying(f)
	hold, err := e.foldOwn(d, &f.asked, f.hold)
	if err != nil {
		return err
	}
	total := e.total(&e.holds.at(hold).basket)
	switch {
	case f.purchase != PurchaseID(e.purchases.rows.rows)+1:
		return unfit("a purchase's id is not the next")
	case e.purchases.rows.live() >= e.limits.Purchases:
		return unfit("a table is full")
	case f.offer != 0 && !e.fitsOffer(f.offer, e.holds.at(hold).buyer):
		return unfit("an offer that is another's, or has bought, buys")
	case total > 0 && (f.gateway == "" || f.method == ""):
		return unfit("a purchase that nobody can charge")
	case e.holds.at(hold).expires < e.eventTime():
		return unfit("a hold is paid after its deadline")
	}
	e.applyBuying(f, hold)
	return nil
}

// fitsOffer reports whether an offer is a buyer's and has not bought.
func (e *Event) fitsOffer(id OfferID, buyer uint32) bool {
	if uint64(id) > e.offers.tail || uint64(id) <= e.offers.head {
		return false
	}
	row := e.offers.at(uint64(id) - 1)
	return row.buyer == buyer && row.purchase == 0
}

// foldPurchase finds the purchase of a fact that was read.
func (e *Event) foldPurchase(d *decoder, id PurchaseID) (uint32, *purchaseRow, error) {
	if err := d.err(); err != nil {
		return 0, nil, err
	}
	if id == 0 || uint64(id) > uint64(e.purchases.rows.rows) {
		return 0, nil, unfit("a purchase that is not there")
	}
	return uint32(id - 1), e.purchases.rows.at(uint32(id - 1)), nil
}

func (e *Event) foldIntended(d *decoder) error {
	var f factIntended
	d.intended(&f)
	slot, _, err := e.foldPurchase(d, f.purchase)
	if err != nil {
		return err
	}
	if !e.fitsIntent(&f, slot) {
		return unfit("a request that the purchase does not want")
	}
	e.applyIntended(&f, slot)
	return nil
}

func (e *Event) foldSold(d *decoder) error {
	var f factSold
	d.sold(&f)
	slot, row, err := e.foldPurchase(d, f.purchase)
	if err != nil {
		return err
	}
	paid := f.charge == ChargeAuthorised || f.charge == ChargeCaptured
	switch {
	case !row.unfinished() || f.total != row.total || f.buyer != e.buyerName(row.buyer):
		return unfit("a purchase that is over, or another, is sold")
	case paid != (row.total > 0) || !paid && f.charge != ChargeNone:
		return unfit("a purchase is sold without its charge")
	case f.order != OrderID(e.orders.rows)+1 || f.ticket != e.ticketLast+1:
		return unfit("an order's or a ticket's id is not the next")
	case e.orders.live() >= e.limits.Orders:
		return unfit("a table is full")
	}
	e.applySold(&f, slot)
	return nil
}

func (e *Event) foldDeclined(d *decoder) error {
	var f factDeclined
	d.declined(&f)
	slot, row, err := e.foldPurchase(d, f.purchase)
	if err != nil {
		return err
	}
	switch {
	case !row.unfinished() || f.decline == payment.DeclineNone || int(f.decline) >= payment.Declines:
		return unfit("a purchase that is over is declined, or for no reason")
	case f.life > 0 && (!f.soft || row.softs+1 >= softDeclinesMax):
		return unfit("a hold outlives its last decline")
	case f.life > MaxHoldMsMax*1e6 || f.life > 0 && e.eventTime()+Instant(f.life) > e.holds.at(e.buyers.at(row.buyer).hold-1).maxEnd:
		return unfit("a hold lives beyond its end")
	}
	e.applyDeclined(&f, slot)
	return nil
}

func (e *Event) foldPaid(d *decoder) error {
	var f factPaid
	d.paid(&f)
	slot, row, err := e.foldPurchase(d, f.purchase)
	if err != nil {
		return err
	}
	if !row.fits(&f) {
		return unfit("a payment that is " + f.step.String() + " where it cannot be")
	}
	e.applyPaid(&f, slot)
	return nil
}

// fits reports whether a purchase can take a step.
func (r *purchaseRow) fits(f *factPaid) bool {
	waiting := r.flags&purchaseWaits != 0
	if f.waits && (f.taken || waiting || f.step != stepCapturing && f.step != stepVoiding) || f.taken && f.step != stepVoiding && f.step != stepCaptureFailed {
		return false
	}
	if f.there != 0 && !f.taken && (f.step != stepVoiding || r.charge != ChargeNone || f.waits) {
		return false
	}
	switch f.step {
	case stepAction:
		return r.state == PurchaseAuthorising
	case stepCancelling:
		return r.state == PurchaseAuthorising || r.state == PurchaseActionRequired
	case stepStuck:
		return r.state == PurchaseCancelling
	case stepReleased:
		return r.unfinished()
	case stepCapturing:
		if f.waits {
			return r.charge == ChargeCapturing && int(r.attempt)+1 < capturesMax
		}
		return r.charge == ChargeAuthorised || r.charge == ChargeCapturing && waiting
	case stepCaptured:
		return r.charge == ChargeAuthorised || r.charge == ChargeCapturing || r.charge == ChargeCaptureFailed
	case stepCaptureFailed:
		return r.charge == ChargeAuthorised || r.charge == ChargeCapturing
	case stepVoiding:
		if f.waits {
			return r.charge == ChargeVoiding && r.attempt < attemptsMax
		}
		return r.charge == ChargeVoiding && (waiting || f.taken && r.flags&purchaseTaken == 0) ||
			r.charge == ChargeNone && r.state.Final() && r.state != PurchaseSold && r.total > 0
	case stepVoided:
		return r.charge == ChargeVoiding || r.charge == ChargeCaptureFailed
	case stepsEnd:
	}
	return false
}
