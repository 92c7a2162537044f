package engine

import (
	"encoding/binary"
	"math"
)

// A payment that was made outside may come after its hold has ended. While the hold is among the ended ones the event knows what it had: a confirm that says late
// gets the same tickets if they are free, or with equal as many of a lot at the same price. Otherwise it is refused, and the log has the payment's reference:
// somebody has to give the money back.

// factLate says what became of a payment that came after its hold had expired: another hold was granted in its place, which is confirmed, or none.
//
//	| 38 | asked, if none | expired hold | hold granted in its place, 0 if none | payment reference, if none |
type factLate struct {
	asked
	hold       HoldID
	granted    HoldID
	paymentRef string
}

func (f *factLate) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindLate)))
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(f.hold)), uint64(f.granted))
	return appendString(dst, f.paymentRef)
}

func (d *decoder) late(f *factLate) {
	d.asked(&f.asked)
	f.hold, f.granted, f.paymentRef = HoldID(d.uint(1<<stateShift-1)), HoldID(d.uint(1<<stateShift-1)), d.string(PaymentRefLenMax)
	if (f.id == "") != (f.granted != 0) || f.granted != 0 && f.paymentRef != "" {
		d.fail("a late payment that was taken and was not")
	}
}

// keepLate notes what an expired hold had. Its row is the newest of the ended ones.
func (e *Event) keepLate(price, sales uint32, more []byte) {
	pos := e.ended.tail - 1
	row := e.ended.at(pos)
	row.price, row.sales = price, sales
	if more == nil {
		return
	}
	if e.lates == nil {
		e.lates = map[uint64][]byte{}
	}
	e.lates[pos] = more
}

// confirmLate is confirm for a payment that may have come after the hold's end.
func (e *Event) confirmLate(cmd *Command) {
	if !e.validOwn(cmd) {
		return
	}
	if !e.sellsHere(cmd) {
		return
	}
	f := &e.work.confirmed
	known, hash, buyer := e.knownToo(cmd, &f.asked)
	if known {
		return
	}
	slot, why := e.heldBy(cmd, buyer)
	if why.code == CodeOK {
		e.finishConfirm(cmd, f, slot)
		return
	}
	id, _, _ := ParseHoldID(cmd.Hold)
	ref := e.holdSlots.get(uint64(id))
	if why.code != CodeHoldExpired {
		e.refuseAsked(cmd, &f.asked, why)
		return
	}
	if ref&endedTag == 0 { // its expiry is not written yet: the tickets are still held
		e.finishConfirm(cmd, f, ref-1)
		return
	}
	pos := e.ended.near(ref &^ endedTag)
	total := e.ended.at(pos).total
	why, price := e.judgeLate(cmd, pos, hash, buyer)
	switch {
	case total > 0 && cmd.PaymentRef == "" && !cmd.BoxOffice:
		why = refusal{code: CodePaymentRefMissing, field: fieldPaymentRef, want: total}
	case e.orders.live() >= e.limits.Orders:
		why = refusal{code: CodeTooMany, text: tooManyOrders, want: int64(e.limits.Orders)}
	}
	late := factLate{hold: id}
	// Others cannot be helped by trying again: the money has to go back.
	//
	//exhaustive:ignore
	switch why.code {
	case CodeOK:
	case CodePaymentInProgress, CodePaymentRefMissing, CodeTooMany:
		e.refuseAsked(cmd, &f.asked, why)
		return
	default:
		had := e.lateItems(pos)
		late.asked, late.paymentRef = f.asked, cmd.PaymentRef
		e.emitLate(&late)
		e.waitFirst(cmd, hash, buyer, had)
		e.showLate()
		return
	}
	h := &e.work.held
	h.price = price
	slot = e.grant(&e.work.command, h)
	h.price = nil
	late.granted = e.holds.at(slot).id()
	e.finishConfirm(cmd, f, slot)
	if e.holdSlots.get(uint64(id))&endedTag != 0 { // it may have been the oldest of the ended ones, and is forgotten for those that ended just now
		e.emitLate(&late)
	}
}

func (e *Event) emitLate(f *factLate) {
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyLate(f)
}

// showLate says that a late payment gets no tickets.
func (e *Event) showLate() { e.out.Code, e.out.Field = CodeLateNotPossible, fieldNames[fieldHold] }

// judgeLate finds out whether what an expired hold had can be taken once more, at the price that was promised: what is wanted is in work.command, and price
// gives the prices by lot.
func (e *Event) judgeLate(cmd *Command, pos uint64, hash uint64, buyer uint32) (refusal, []factItem) {
	impossible := refusal{code: CodeLateNotPossible, field: fieldHold}
	items := e.lateItems(pos)
	if len(items) == 0 || e.state == EventCancelled {
		return impossible, nil
	}
	again := &e.work.command
	*again = Command{Verb: VerbHold, Buyer: cmd.Buyer, Channel: cmd.Channel, Device: cmd.Device}
	for i := range items {
		it := &items[i]
		lot := e.prices[it.price].lot
		want := Item{Lot: e.lots[lot].spec.Lot, Quantity: int64(it.sales)}
		if it.seats != nil {
			want.Quantity = 0
			for _, n := range it.seats {
				want.Seats = append(want.Seats, string(e.lots[lot].seating.appendLabel(nil, n)))
			}
		}
		again.Items = append(again.Items, want)
	}
	if code := e.codeOfItems(items); code != 0 {
		e.work.ofCode = LineCommand{code: code}
		again.Line = &e.work.ofCode
	}
	h := &e.work.held
	h.asked, h.buyerHash, h.buyerRow = asked{}, hash, buyer
	e.late = true
	e.judgeReplacing(again, h)
	if (e.why.code == CodeSoldOut || e.why.code == CodeSeatTaken) && cmd.Payment.Equal {
		e.equalLots(again, items)
		e.judgeReplacing(again, h)
	}
	e.late = false
	if e.why.code == CodeOK {
		return refusal{}, items
	}
	if e.why.code == CodePaymentInProgress {
		return e.why, nil
	}
	return impossible, nil
}

// codeOfItems is slot + 1 of the code that items were taken with; 0 is none.
func (e *Event) codeOfItems(items []factItem) uint32 {
	for i := range items {
		if code := e.prices[items[i].price].code; code != 0 {
			return code
		}
	}
	return 0
}

// lateItems is what an expired hold had.
func (e *Event) lateItems(pos uint64) []factItem {
	row := e.ended.at(pos)
	if row.sales != 0 {
		return []factItem{{price: row.price, sales: row.sales}}
	}
	d := decoder{buf: e.lates[pos]}
	return d.lateItems()
}

// lateItems reads a basket that was kept.
func (d *decoder) lateItems() (items []factItem) {
	if len(d.buf) == 0 {
		return nil
	}
	for range d.count(ItemsPerHoldMax, 2) {
		it := factItem{price: uint32(d.uint(math.MaxUint32))}
		v := d.uint(QuantityMax << 1)
		if it.sales = uint32(v >> 1); v&1 != 0 {
			it.seats = d.seats(int(min(it.sales, SeatsPerHoldMax)), nil)
		}
		items = append(items, it)
	}
	return items
}

// equalLots replaces items that are not free by as many of a lot at the same price, with as many tickets a sale: other seats of the same lot first.
func (e *Event) equalLots(cmd *Command, items []factItem) {
	for i := range items {
		p := &e.prices[items[i].price]
		mine := &e.lots[p.lot]
		need := int64(items[i].sales) * mine.units
		if e.itemFree(&items[i], need) {
			continue
		}
		for number := range e.lots {
			lot := uint32((int(p.lot) + number) % len(e.lots))
			l := &e.lots[lot]
			room, _ := e.room(nil, lot)
			if l.open && !l.spec.CodeOnly && l.units == mine.units && e.prices[l.price].total == p.total && room >= need {
				cmd.Items[i] = Item{Lot: l.spec.Lot, Quantity: int64(items[i].sales), Split: l.seating != nil}
				break
			}
		}
	}
}

// itemFree reports whether all that an item had is free.
func (e *Event) itemFree(it *factItem, need int64) bool {
	lot := e.prices[it.price].lot
	for _, n := range it.seats {
		if e.lots[lot].seating.seats[n].state != seatFree {
			return false
		}
	}
	room, _ := e.room(nil, lot)
	return room >= need
}

func (e *Event) applyLate(f *factLate) {
	pos := e.ended.near(e.holdSlots.get(uint64(f.hold)) &^ endedTag)
	row := e.ended.at(pos)
	if f.granted != 0 && e.line != nil {
		e.passPaidLate(row.buyer)
	}
	e.rows -= e.endedHash(row, pos)
	state := HoldConfirmed
	if f.granted == 0 {
		state = HoldReleased // it cannot be asked for again: the money has to go back
	}
	row.idState, row.price, row.sales = idState(f.hold, state), 0, 0
	delete(e.lates, pos)
	e.rows += e.endedHash(row, pos)
	e.remember(&f.asked, VerbConfirm, 0, 0)
}

func (e *Event) foldLate(d *decoder) error {
	var f factLate
	d.late(&f)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	buyer, state, ok := e.endedNamed(f.hold)
	if !ok || state != HoldExpired {
		return unfit("a payment is late for a hold that has not expired")
	}
	if other, state, ok := e.endedNamed(f.granted); f.granted != 0 && (!ok || state != HoldConfirmed || other != buyer) {
		return unfit("a late payment got a hold that is not confirmed, or another's")
	}
	e.applyLate(&f)
	return nil
}

// endedNamed finds an ended hold.
func (e *Event) endedNamed(id HoldID) (buyer uint32, state HoldState, ok bool) {
	ref := e.holdSlots.get(uint64(id))
	if ref&endedTag == 0 {
		return 0, 0, false
	}
	row := e.ended.at(e.ended.near(ref &^ endedTag))
	return row.buyer, row.state(), true
}

// appendLates appends what the expired holds of a snapshot had, in their order: a basket each, an empty one where it is not known. State hashes do not have it,
// as proofs in older logs are without it.
func (e *Event) appendLates(dst []byte) []byte {
	for pos := e.ended.head; pos < e.ended.tail; pos++ {
		row := e.ended.at(pos)
		switch more := e.lates[pos]; {
		case row.state() != HoldExpired:
		case more != nil:
			dst = append(dst, more...)
		case row.sales != 0:
			dst = binary.AppendUvarint(binary.AppendUvarint(append(dst, 1), uint64(row.price)), uint64(row.sales)<<1)
		default:
			dst = append(dst, 0)
		}
	}
	return dst
}

func (e *Event) openLates(d *decoder) {
	for pos := e.ended.head; pos < e.ended.tail && d.what == ""; pos++ {
		row := e.ended.at(pos)
		if row.state() != HoldExpired {
			continue
		}
		from := d.buf
		items := d.lateItems()
		for i := range items {
			it := &items[i]
			if it.sales == 0 || int(it.price) >= len(e.prices) || (e.lots[e.prices[it.price].lot].seating != nil) != (it.seats != nil) || it.seats != nil && len(it.seats) != int(it.sales) {
				d.fail("an expired hold of what there is not")
				return
			}
			for _, n := range it.seats {
				if int(n) >= len(e.lots[e.prices[it.price].lot].seating.seats) {
					d.fail("an expired hold of seats that there are not")
					return
				}
			}
		}
		switch {
		case d.what != "" || len(items) == 0:
		case len(items) == 1 && items[0].seats == nil:
			row.price, row.sales = items[0].price, items[0].sales
		default:
			if e.lates == nil {
				e.lates = map[uint64][]byte{}
			}
			e.lates[pos] = append([]byte(nil), from[:len(from)-len(d.buf)]...)
		}
	}
}

// keepPrices gives the items of a late payment the prices that were promised, where the lot is the same.
func (e *Event) keepPrices(f *factHeld) {
	for i := range f.price { // none, but for a late payment
		for j := range f.items {
			if e.prices[f.items[j].price].lot == e.prices[f.price[i].price].lot {
				f.items[j].price = f.price[i].price
			}
		}
	}
}
