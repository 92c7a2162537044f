package engine

import (
	"encoding/binary"
	"slices"
	"strconv"
)

// refundRow is a refund; refund n is in slot n-1. It stays for good.
type refundRow struct {
	amount int64
	at     Instant // node time
	order  uint32  // slot
	older  uint32  // number of the order's refund before it
	reason uint32  // in names; 0 if none was said

	// Of an order that was charged through a gateway.
	ref     uint32 // in names: the gateway's id of the refund, once it is done
	call    uint32 // slot + 1 of the request that may have left; 0 if there is none
	attempt uint32 // requests that definitely failed

	state RefundState
	how   refundHow
}

// refundHow says what a refund was asked to do, a bit each. They are part of the log's format.
type refundHow uint8

const (
	refundWhole     refundHow = 1 << iota // of all tickets that were not void
	refundKeepFees                        // without the fees
	refundBlock                           // the tickets do not come back on sale
	refundByBuyer                         // the buyer asked
	refundCancelled                       // the event was cancelled
	refundHowEnd
)

// factRefunding says that money of an order has to go back, and that tickets of it are void from now on.
//
//	| 47 | asked | refund | order | amount | how | state | reason | n | n tickets: the first less the order's first, then differences |
type factRefunding struct {
	asked
	refund  RefundID
	order   OrderID
	amount  int64
	how     refundHow
	state   RefundState // that it begins in
	reason  string
	tickets []TicketID // in ascending order; none with refundWhole, and none of a part of the amount
}

func (f *factRefunding) append(dst []byte, first TicketID) []byte {
	dst = f.asked.append(append(dst, byte(kindRefunding)))
	for _, v := range [...]uint64{uint64(f.refund), uint64(f.order), uint64(f.amount)} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = appendString(append(dst, byte(f.how), byte(f.state)), f.reason)
	dst = binary.AppendUvarint(dst, uint64(len(f.tickets)))
	for _, id := range f.tickets {
		dst = binary.AppendUvarint(dst, uint64(id-first))
		first = id
	}
	return dst
}

// refund gives back money of an order: of all of it, of some tickets, or a part of the amount.
func (e *Event) refund(cmd *Command) {
	if !e.validRefund(cmd) {
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	p := cmd.Payment
	if p.FailedRefund != "" {
		e.retryRefund(cmd)
		return
	}
	f := &e.work.refunding
	if e.known(cmd, &f.asked) {
		return
	}
	id, _, ok := ParseOrderID(cmd.Order)
	if !ok || !e.orderSaid(cmd, id) {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeOrderUnknown, field: fieldOrder})
		return
	}
	f.refund, f.order, f.reason = RefundID(e.refunds.rows)+1, id, p.Reason
	e.judgeRefund(cmd, f)
	if e.why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, e.why)
		return
	}
	e.emitRefunding(f)
	e.showRefund(f.refund)
}

// orderSaid reports whether a command names an order that is there, and of a buyer that it names the buyer's own.
func (e *Event) orderSaid(cmd *Command, id OrderID) bool {
	named, in, ok := ParseOrderID(cmd.Order)
	return ok && named == id && uint64(id) <= uint64(e.orders.rows) && in == e.orderIncarnation(id) &&
		(cmd.Buyer == "" || e.buyerName(e.orders.at(uint32(id-1)).buyer) == cmd.Buyer)
}

func (e *Event) emitRefunding(f *factRefunding) {
	e.facts.Buf = f.append(e.facts.Buf, e.orders.at(uint32(f.order-1)).ticket)
	e.emitted()
	e.applyRefunding(f)
	if p := e.orders.at(uint32(f.order - 1)).purchase; p != 0 && f.state == RefundQueued {
		if e.purchases.rows.at(p-1).charge == ChargeVoiding {
			e.signal(p-1, false)
		} else {
			e.signalRefund(uint32(f.refund - 1))
		}
	}
}

// judgeRefund applies the rules of a refund, and fills f with what it will be. It leaves the reason to refuse in why.
func (e *Event) judgeRefund(cmd *Command, f *factRefunding) {
	e.why.code = CodeOK
	p, order := cmd.Payment, uint32(f.order-1)
	left := e.leftOf(order)
	f.how, f.tickets = howOf(p), f.tickets[:0]
	if a := e.after(order); a != nil && a.count >= RefundsPerOrderMax {
		e.because(refusal{code: CodeTooMany, text: tooManyRefunds, want: RefundsPerOrderMax})
	}
	if e.refunds.rows >= RefundsMax {
		e.because(refusal{code: CodeTooMany, text: tooManyRefunds, want: RefundsMax})
	}
	if p.ByBuyer && !e.buyersMayRefund() {
		e.because(refusal{code: CodeNotRefundable, field: fieldByBuyer, text: notByBuyers})
	}
	switch {
	case p.HasAmount:
		f.how &^= refundWhole
		f.amount = p.AmountMinor
		if f.amount > left && !plantedBug(plantedRefundAboveTotal) {
			e.because(refusal{code: CodeNotRefundable, field: fieldAmount, have: left, want: f.amount, text: moreThanLeft})
		}
	case len(p.Tickets) > 0:
		f.how &^= refundWhole
		e.judgeTickets(cmd, f)
		f.amount = min(e.valueOf(order, f.tickets, p.KeepFees), left)
	default:
		if e.allVoid(order) {
			e.because(refusal{code: CodeNotRefundable, field: fieldOrder, text: nothingLeft})
		}
		if p.ByBuyer && e.anyAdmitted(order) {
			e.because(refusal{code: CodeNotRefundable, field: fieldOrder, text: ticketsUsed})
		}
		f.amount = min(e.valueLeft(order, p.KeepFees), left)
	}
	f.state = e.refundBegins(order, f.amount)
}

func howOf(p *PaymentCommand) refundHow {
	how := refundWhole
	if p.KeepFees {
		how |= refundKeepFees
	}
	if p.Block {
		how |= refundBlock
	}
	if p.ByBuyer {
		how |= refundByBuyer
	}
	return how
}

// judgeTickets finds the tickets that a refund names.
func (e *Event) judgeTickets(cmd *Command, f *factRefunding) {
	order := uint32(f.order - 1)
	added := 0
	for i, name := range cmd.Payment.Tickets {
		id, in, ok := ParseTicketID(name)
		at, found := e.orderOfTicket(id)
		about := refusal{field: fieldTickets, subject: aboutRefundTicket, at: uint32(i)}
		switch {
		case !ok || !found || at != order || in != e.orderIncarnation(f.order):
			about.code = CodeTicketUnknown
		case slices.Contains(cmd.Payment.Tickets[:i], name):
			about.code, about.text = CodeInvalid, ticketTwice
		case e.stateOfTicket(order, id) == TicketVoided:
			about.code = CodeTicketVoid
		case cmd.Payment.ByBuyer && e.stateOfTicket(order, id) == TicketAdmitted:
			about.code, about.text = CodeNotRefundable, ticketsUsed
		}
		if about.code != CodeOK {
			e.because(about)
			continue
		}
		if e.ticketChanged(id) == nil {
			added++
		}
		f.tickets = append(f.tickets, id)
	}
	if e.tickets.live()+added > TicketsChangedMax {
		e.because(refusal{code: CodeTooMany, text: tooManyTickets, want: TicketsChangedMax})
	}
	slices.Sort(f.tickets)
}

// sharePart is the part of an amount that belongs to piece i of n: the pieces are equal to a minor unit, and together exactly the amount.
func sharePart(amount, i, n int64) int64 { return amount*(i+1)/n - amount*i/n }

// valueOf is what tickets of an order cost.
func (e *Event) valueOf(order uint32, tickets []TicketID, keepFees bool) int64 {
	sum := int64(0)
	for _, id := range tickets {
		place := e.placeOfTicket(order, id)
		p := &e.prices[place.price]
		units := e.lots[p.lot].units
		sum += sharePart(p.value(keepFees), place.index%units, units)
	}
	return sum
}

// value is what a sale costs, with fees or without.
func (p *priceVersion) value(keepFees bool) int64 {
	if keepFees {
		return p.face
	}
	return p.total
}

// valueLeft is what the tickets of an order cost that are not void.
func (e *Event) valueLeft(order uint32, keepFees bool) int64 {
	sum := int64(0)
	for it := e.firstItem(&e.orders.at(order).basket); it.sales > 0; it = e.nextItem(it) {
		sum += int64(it.sales) * e.prices[it.price].value(keepFees)
	}
	a := e.after(order)
	if a == nil {
		return sum
	}
	if a.void {
		return 0
	}
	for ref := a.tickets; ref != 0; {
		row := e.tickets.at(ref - 1)
		if row.void {
			sum -= e.valueOf(order, []TicketID{row.id}, keepFees)
		}
		ref = row.next
	}
	return sum
}

// allVoid reports whether an order has no ticket any more that is good for anything.
func (e *Event) allVoid(order uint32) bool {
	if a := e.after(order); a == nil || a.void {
		return a != nil
	}
	left := e.ticketsOf(order)
	for _, n := range e.gone(order) {
		left -= n
	}
	return left == 0
}

// anyAdmitted reports whether a ticket of an order was used that is not void.
func (e *Event) anyAdmitted(order uint32) bool {
	a := e.after(order)
	if a == nil || a.void {
		return false
	}
	for ref := a.tickets; ref != 0; {
		row := e.tickets.at(ref - 1)
		if row.admitted != 0 && !row.void {
			return true
		}
		ref = row.next
	}
	return false
}

// validRefund checks a refund command.
func (e *Event) validRefund(cmd *Command) bool {
	if !e.validRequest(cmd) || cmd.Buyer != "" && !e.validID("buyer", cmd.Buyer) {
		return false
	}
	p := cmd.Payment
	if p == nil {
		e.bad("order", "it is missing")
		return false
	}
	switch {
	case !e.validID("order", cmd.Order):
		return false
	case p.Reason != "" && !e.validID("reason", p.Reason):
		return false
	case p.ByBuyer && !e.validID("buyer", cmd.Buyer):
		return false
	case len(p.Tickets) > TicketsPerRefundMax:
		e.tooMany("tickets", TicketsPerRefundMax)
		return false
	case p.FailedRefund != "" && !e.validID("refund", p.FailedRefund):
		return false
	case p.FailedRefund != "" && (p.HasAmount || len(p.Tickets) > 0 || p.KeepFees || p.Block || p.ByBuyer || p.Reason != ""):
		e.bad("refund", "a refund is tried again as it was: leave the rest out")
		return false
	case p.HasAmount && len(p.Tickets) > 0:
		e.bad("amount_minor", "it names an amount and tickets: give one of them")
		return false
	case p.HasAmount && p.AmountMinor <= 0:
		e.bad("amount_minor", "it is 1 or more")
		return false
	case p.HasAmount && p.ByBuyer:
		e.bad("amount_minor", "a buyer gives tickets back: name them, or none for the whole order")
		return false
	case p.HasAmount && p.KeepFees:
		e.bad("keep_fees", "an amount has no fees: leave one of them out")
		return false
	case p.HasAmount && p.Block:
		e.bad("block", "a part of the amount leaves the tickets as they are")
		return false
	}
	for i, id := range p.Tickets {
		if !e.validID("tickets["+strconv.Itoa(i)+"]", id) {
			return false
		}
	}
	return true
}

func (e *Event) applyRefunding(f *factRefunding) {
	order := uint32(f.order - 1)
	by := uint32(f.refund)
	to := shareFree
	if f.how&refundBlock != 0 {
		to = shareBlocked
	}
	if f.how&refundCancelled != 0 {
		e.cancelled.next = order + 1
	}
	if f.how&refundWhole != 0 {
		e.voidTickets(order, nil, by, to)
	} else if len(f.tickets) > 0 {
		e.voidTickets(order, f.tickets, by, to)
	}
	slot := e.refunds.alloc()
	a := e.touch(order)
	row := e.refunds.at(slot)
	*row = refundRow{amount: f.amount, at: e.now, order: order, older: a.refunds, state: f.state, how: f.how}
	if f.reason != "" {
		row.reason = e.names.put(f.reason)
	}
	a.refunds, a.refunded = by, a.refunded+f.amount
	a.count++
	e.touched(order)
	e.putRefund(slot)
	e.letGo(row)
	e.remember(&f.asked, VerbRefund, uint64(f.refund), f.amount)
}

func (e *Event) refundHash(r *refundRow, slot uint32) uint64 {
	h := hasher(hashK0)
	h.pair(uint64(slot)|uint64(r.order)<<32, uint64(r.amount))
	h.pair(uint64(r.state)|uint64(r.how)<<8, uint64(r.at))
	if r.reason != 0 {
		h.string(e.names.get(r.reason))
	}
	if r.ref != 0 || r.attempt != 0 {
		h.word(uint64(r.attempt))
		h.string(e.named(r.ref))
	}
	if r.call != 0 {
		c := e.calls.at(r.call - 1)
		h.word(uint64(c.intended))
		h.string(view(c.hash[:]))
	}
	return uint64(h)
}

func (e *Event) foldRefunding(d *decoder) error {
	f := &e.work.refunding
	d.refunding(f)
	if err := d.err(); err != nil {
		return err
	}
	if f.order == 0 || uint64(f.order) > uint64(e.orders.rows) {
		return unfit("a refund of an order that is not there")
	}
	order := uint32(f.order - 1)
	d.tickets(f, e.orders.at(order).ticket)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if err := e.fitRefunding(f, order); err != nil {
		return err
	}
	e.applyRefunding(f)
	return nil
}

// refunding reads a refund up to its tickets.
func (d *decoder) refunding(f *factRefunding) {
	d.asked(&f.asked)
	f.refund, f.order, f.amount = RefundID(d.int()), OrderID(d.int()), d.int()
	f.how, f.state, f.reason = refundHow(d.byte()), RefundState(d.byte()), d.idOrNone()
}

// tickets reads the tickets of a refund.
func (d *decoder) tickets(f *factRefunding, first TicketID) {
	f.tickets = f.tickets[:0]
	for i := range d.count(TicketsPerRefundMax, 1) {
		step := d.uint(1 << 32)
		if i > 0 && step == 0 {
			d.fail("a ticket is there twice")
		}
		first += TicketID(step)
		f.tickets = append(f.tickets, first)
	}
}

// fitRefunding checks a refund that was read against the order.
func (e *Event) fitRefunding(f *factRefunding, order uint32) error {
	left, count := e.leftOf(order), uint32(0)
	if a := e.after(order); a != nil {
		count = a.count
	}
	whole, off := f.how&refundWhole != 0, f.how&refundCancelled != 0
	switch {
	case off != (f.id == ""):
		return unfit("a refund that nobody asked for, of an event that was not cancelled")
	case off && (e.state != EventCancelled || order < e.cancelled.next || order-e.cancelled.next > passedMax || !e.nothingToRefund(e.cancelled.next, order) || f.how != refundWhole|refundBlock|refundCancelled):
		return unfit("a refund of a cancelled event that is not the next")
	case f.refund != RefundID(e.refunds.rows)+1:
		return unfit("a refund's id is not the next")
	case f.how >= refundHowEnd || whole && len(f.tickets) > 0:
		return unfit("a refund was asked for in an unknown way")
	case f.amount > left:
		return unfit("more is refunded than was paid")
	case f.state != e.refundBegins(order, f.amount):
		return unfit("a refund begins in a state that it cannot")
	case f.amount == 0 && !whole && len(f.tickets) == 0:
		return unfit("a refund of nothing")
	case whole && e.allVoid(order):
		return unfit("a refund of an order without tickets")
	case !off && (count >= RefundsPerOrderMax || e.refunds.rows >= RefundsMax), len(f.tickets) > 0 && e.tickets.live()+len(f.tickets) > TicketsChangedMax+TicketsPerRefundMax:
		return unfit("a table is full")
	}
	for _, id := range f.tickets {
		if at, ok := e.orderOfTicket(id); !ok || at != order || e.stateOfTicket(order, id) == TicketVoided {
			return unfit("a refund of a ticket that is void, or not the order's")
		}
	}
	return nil
}
