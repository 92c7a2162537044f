package engine

import (
	"encoding/binary"
	"slices"
)

// offerRow is the promise that was made with a one-click button. Offer n has position n-1 in its queue.
type offerRow struct {
	total    int64
	expires  Instant // event time
	purchase PurchaseID
	buyer    uint32
	method   uint32 // in names; 0 if nothing is to be paid
	items    []byte // what was offered, see wish.go
}

// factOffered says that a buyer was shown the one-click button, and what it promised.
//
//	| 30 | asked | buyer | offer | device * 2 + channel follows | channel? | life, ns | total | method | agreement | length | items, see wish.go |
type factOffered struct {
	asked
	buyer     string
	offer     OfferID
	device    Device
	channel   string
	life      int64
	total     int64
	method    string
	agreement string // only the log keeps it, for evidence
	items     []byte

	// Found out before apply; not in the log.
	buyerHash uint64
	buyerRow  uint32
}

func (f *factOffered) append(dst []byte) []byte {
	dst = appendString(f.asked.append(append(dst, byte(kindOffered))), f.buyer)
	dst = binary.AppendUvarint(dst, uint64(f.offer))
	how := byte(f.device) << 1
	if f.channel != "" {
		how |= 1
	}
	if dst = append(dst, how); f.channel != "" {
		dst = appendString(dst, f.channel)
	}
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(f.life)), uint64(f.total))
	return appendString(appendString(appendString(dst, f.method), f.agreement), view(f.items))
}

func (d *decoder) offered(f *factOffered) {
	d.caller(&f.asked)
	f.buyer, f.offer = d.id(), OfferID(d.int())
	how := d.byte()
	f.device, f.channel = Device(how>>1), ""
	if f.device > DeviceKiosk {
		d.fail("an offer was asked for in an unknown way")
	}
	if how&1 != 0 {
		f.channel = d.id()
	}
	f.life, f.total = d.int(), d.int()
	f.method, f.agreement, f.items = d.idOrNone(), d.idOrNone(), []byte(d.string(wishLenMax))
}

// offer answers whether a buyer may see the one-click button, and what it would cost. It holds nothing.
func (e *Event) offer(cmd *Command) {
	p := paymentOf(cmd)
	if !e.validBuy(cmd, p) {
		return
	}
	if cmd.Hold != "" || p.Offer != "" {
		e.bad("items", "an offer is of items")
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	f := &e.work.offered
	known, hash, buyer := e.knownToo(cmd, &f.asked)
	if known {
		return
	}
	h := &e.work.held
	h.buyerRow = buyer
	e.judgeReplacing(cmd, h)
	if e.why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, e.why)
		e.out.Alternatives = e.work.alternatives
		return
	}
	f.buyer, f.buyerHash, f.buyerRow = cmd.Buyer, hash, buyer
	f.device, f.channel, f.total = cmd.Device, cmd.Channel, e.totalWanted()
	f.items = e.appendWish(f.items[:0], cmd.Items)
	f.method, f.agreement = p.Note.Method, p.Note.Agreement
	if f.total == 0 {
		f.method = ""
	}
	v := &e.work.offer
	*v = OfferView{Event: e.key.ID, Buyer: f.buyer, Reason: e.whyNoButton(p, f.total), TotalMinor: f.total, Currency: e.spec.Currency, Method: f.method}
	e.out.Shows, e.out.Offer = ShowsOffer, v
	if v.Reason != "" {
		e.offerItems(v, f.items)
		return
	}
	f.offer, f.life = OfferID(e.offers.tail)+1, e.spec.Pay.OfferTTLMs*1e6
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyOffered(f)
	e.showOffer(f.offer, f.total)
}

// totalWanted is what the tickets cost that were judged to be free.
func (e *Event) totalWanted() (total int64) {
	for i := range e.work.wanted {
		w := &e.work.wanted[i]
		total += w.take * e.costOf(w.lot)
	}
	return total
}

// whyNoButton says why a buyer sees no one-click button; empty if there is no reason.
func (e *Event) whyNoButton(p *PaymentCommand, total int64) string {
	n := &p.Note
	switch {
	case !e.oneClickOn(n):
		return CodeOneClickOff.String()
	case total == 0:
		return ""
	case n.Eligible != EligibleYes:
		return n.Eligible.String()
	case n.MethodWhy != EligibleYes:
		return n.MethodWhy.String()
	case n.Method == "" || p.Method != "" && n.Method != p.Method:
		return EligibleNoMethod.String()
	case n.Gateway == "":
		return EligibleNoGateway.String()
	case !n.Can.OneClick():
		return EligibleNotReusable.String()
	case n.Agreement == "":
		return EligibleNoAgreement.String()
	case n.StepUp != StepUpNone:
		return n.StepUp.String()
	case n.aboveCap(total, e.spec.Currency):
		return StepUpAboveAgreement.String()
	case n.Breaker:
		return CodePaymentUnavailable.String()
	case n.Busy:
		return CodePaymentBusy.String()
	}
	return ""
}

func (e *Event) applyOffered(f *factOffered) {
	buyer := e.intern(f.buyer, f.buyerHash, f.buyerRow)
	e.customerOf(buyer).offers++
	if e.line != nil {
		e.fairOneClick(buyer)
	}
	pos, row := e.offers.push()
	*row = offerRow{total: f.total, expires: e.eventTime() + Instant(f.life), buyer: buyer, method: e.name(f.method), items: slices.Clone(f.items)}
	e.rows += e.offerHash(row, pos)
	if e.offers.count() > e.limits.Offers {
		e.forgetOffer()
	}
	e.remember(&f.asked, VerbOffer, uint64(f.offer), f.total)
}

// forgetOffer drops the oldest offer: from now on it is unknown.
func (e *Event) forgetOffer() {
	row := *e.offers.at(e.offers.head)
	e.rows -= e.offerHash(&row, e.offers.head)
	if row.method != 0 {
		e.names.drop(row.method)
	}
	e.offers.pop()
	b := e.buyers.at(row.buyer)
	c := e.customers.at(b.customer - 1)
	if c.offers--; c.offers == 0 && c.purchases == 0 && c.orders == 0 {
		e.customers.release(b.customer - 1)
		b.customer = 0
		e.forget(row.buyer)
	}
}

func (e *Event) offerHash(r *offerRow, pos uint64) uint64 {
	h := hasher(e.buyerHash(r.buyer) ^ hashK2)
	h.pair(pos, uint64(r.total))
	h.pair(uint64(r.expires), uint64(r.purchase))
	h.string(e.named(r.method))
	h.string(view(r.items))
	return uint64(h)
}

// offerNamed finds an offer of a buyer (slot + 1, or 0) that can buy now.
func (e *Event) offerNamed(text string, buyer uint32) (row *offerRow, id OfferID, why refusal) {
	unknown := refusal{code: CodeOfferUnknown, field: fieldOffer}
	id, in, ok := ParseOfferID(text)
	if !ok || buyer == 0 || id == 0 || uint64(id) > e.offers.tail || uint64(id) <= e.offers.head || in != e.offerIncarnation(id) {
		return nil, 0, unknown
	}
	row = e.offers.at(uint64(id) - 1)
	switch {
	case row.buyer != buyer-1:
		return nil, 0, unknown
	case row.purchase != 0 && e.purchases.rows.at(uint32(row.purchase-1)).unfinished():
		return nil, 0, refusal{code: CodePaymentInProgress, field: fieldOffer}
	case row.purchase != 0 && !plantedBug(plantedOfferTwice):
		return nil, 0, refusal{code: CodeOfferUsed, field: fieldOffer}
	case row.expires <= e.eventTime():
		return nil, 0, refusal{code: CodeOfferExpired, field: fieldOffer}
	}
	return row, id, refusal{}
}

// takeOffer makes the command of a buy with an offer whole: the offer's items and its total as the maximum. It leaves the reason to refuse in why.
func (e *Event) takeOffer(cmd *Command, p *PaymentCommand, buyer uint32) (*Command, OfferID) {
	row, id, why := e.offerNamed(p.Offer, buyer)
	if why.code != CodeOK {
		e.why = why
		return cmd, 0
	}
	items := e.itemsOfWish(row.items)
	if len(cmd.Items) > 0 && !slices.EqualFunc(cmd.Items, items, sameItem) {
		e.why = refusal{code: CodeInvalid, field: fieldItems, text: notWhatWasOffered}
		return cmd, 0
	}
	if p.Method == "" && e.named(row.method) != p.Note.Method && row.total > 0 {
		e.why = refusal{code: CodeMethodUnusable, field: fieldMethod, text: methodWasOther}
		return cmd, 0
	}
	whole := &e.work.command
	*whole = *cmd
	whole.Items = items
	if code := e.codeOfWish(row.items); code != 0 {
		whole.Line = &e.work.ofCode
		*whole.Line = *lineOf(cmd)
		whole.Line.code = code
	}
	if !cmd.HasMaxPrice && cmd.MaxPrice == 0 || row.total < cmd.MaxPrice {
		whole.HasMaxPrice, whole.MaxPrice = true, row.total
	}
	return whole, id
}

func sameItem(a, b Item) bool {
	return a.Lot == b.Lot && a.Quantity == b.Quantity && slices.Equal(a.Seats, b.Seats) && a.Accessible == b.Accessible && a.Companion == b.Companion &&
		a.Restricted == b.Restricted && a.Split == b.Split
}

// showOffer shows an offer. Of one that is forgotten only the id and the total are left, and the total is the caller's.
func (e *Event) showOffer(id OfferID, total int64) {
	v := &e.work.offer
	*v = OfferView{ID: id, Incarnation: e.offerIncarnation(id), Event: e.key.ID, TotalMinor: total, Currency: e.spec.Currency}
	e.out.Shows |= ShowsOffer
	e.out.Offer = v
	if uint64(id) <= e.offers.head {
		v.Reason = CodeOfferUnknown.String()
		return
	}
	row := e.offers.at(uint64(id) - 1)
	v.OneClick, v.Buyer, v.Method, v.ExpiresAt = true, e.buyerName(row.buyer), e.named(row.method), row.expires+Instant(e.down)
	e.offerItems(v, row.items)
}

// offerItems shows what was offered, at the prices that were promised.
func (e *Event) offerItems(v *OfferView, wish []byte) {
	d := decoder{buf: wish}
	e.work.items, e.work.labels, e.work.seatText = e.work.items[:0], e.work.labels[:0], e.work.seatText[:0]
	for range d.byte() {
		w := d.wishItem()
		p := &e.prices[w.price]
		l := &e.lots[p.lot]
		item := ItemView{Lot: l.spec.Lot, Quantity: w.sales, Units: l.units, FaceMinor: p.face, TaxMinor: p.tax, Fees: p.fees, Code: e.codeName(p.code)}
		for _, n := range w.seats {
			item.Seats = append(item.Seats, string(l.seating.appendLabel(nil, n)))
		}
		e.work.items = append(e.work.items, item)
		v.FaceMinor += w.sales * p.face
		v.FeesMinor += w.sales * (p.total - p.face)
		v.TaxMinor += w.sales * p.tax
	}
	v.Items = e.work.items
}

func (e *Event) foldOffered(d *decoder) error {
	f := &e.work.offered
	d.offered(f)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	f.buyerHash = hashString(e.seed, f.buyer)
	f.buyerRow = e.buyerNamed(f.buyer, f.buyerHash)
	switch {
	case f.offer != OfferID(e.offers.tail)+1:
		return unfit("an offer's id is not the next")
	case f.life <= 0 || f.life > offerTTLMsMax*1e6:
		return unfit("an offer lives too long")
	case f.buyerRow == 0 && e.buyers.live() >= e.limits.Buyers:
		return unfit("a table is full")
	case !e.fitsWish(f.items):
		return unfit("an offer is of what there is not")
	}
	e.applyOffered(f)
	return nil
}

// appendOffers appends the offers of a snapshot: | first position | n | n times: total expires purchase buyer method items | for each restore: offers before it |
func (e *Event) appendOffers(dst []byte, buyers []uint32) []byte {
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, e.offers.head), uint64(e.offers.count()))
	for pos := e.offers.head; pos < e.offers.tail; pos++ {
		r := e.offers.at(pos)
		for _, v := range [...]uint64{uint64(r.total), uint64(r.expires), uint64(r.purchase), uint64(buyers[r.buyer])} {
			dst = binary.AppendUvarint(dst, v)
		}
		dst = appendString(appendString(dst, e.named(r.method)), view(r.items))
	}
	for i := range e.restores {
		dst = binary.AppendUvarint(dst, uint64(e.restores[i].offer))
	}
	return dst
}

func (e *Event) openOffers(d *decoder) {
	e.offers.startAt(d.uint(1 << 56))
	for range d.count(e.limits.Offers, 7) {
		r := offerRow{total: d.int(), expires: Instant(d.uint(uint64(instantMax) + 1<<56)), purchase: PurchaseID(d.uint(uint64(e.purchases.rows.rows)))}
		r.buyer = uint32(d.uint(uint64(max(1, e.buyers.rows) - 1)))
		method, items := d.idOrNone(), []byte(d.string(wishLenMax))
		if d.what != "" || e.buyers.rows == 0 || !e.fitsWish(items) {
			d.fail("an offer of nobody, or of what there is not")
			return
		}
		r.method, r.items = e.name(method), slices.Clone(items)
		pos, row := e.offers.push()
		*row = r
		e.customerOf(r.buyer).offers++
		e.rows += e.offerHash(row, pos)
	}
	before := OfferID(0)
	for i := range e.restores {
		r := &e.restores[i]
		if r.offer = OfferID(d.uint(e.offers.tail)); r.offer < before {
			d.fail("restores out of order")
			return
		}
		before = r.offer
	}
}

// offers verifies the offers: each of its buyer, and each that has bought of its purchase.
func (c *checker) offers() error {
	e := c.e
	if e.offers.count() > e.limits.Offers {
		return e.broken("%d offers, above the bound", e.offers.count())
	}
	for pos := e.offers.head; pos < e.offers.tail; pos++ {
		r := e.offers.at(pos)
		if r.buyer >= e.buyers.rows || e.buyers.at(r.buyer).name == 0 || !e.fitsWish(r.items) {
			return e.broken("offer %d is of nobody, or of nothing", pos+1)
		}
		if r.purchase != 0 {
			if p := e.purchases.rows.at(uint32(r.purchase - 1)); p.offer != OfferID(pos)+1 || p.buyer != r.buyer {
				return e.broken("offer %d has bought purchase %d, which is of another", pos+1, r.purchase)
			}
		}
		if r.method != 0 {
			c.names++
		}
		c.buyers[r.buyer].offers++
		c.rows += e.offerHash(r, pos)
	}
	return nil
}
