package engine

import (
	"encoding/binary"
	"time"
)

// factAdmitted says that the holder of a ticket was let in.
//
//	| 45 | asked | ticket | gate |
type factAdmitted struct {
	asked
	ticket TicketID
	gate   string // empty if none was said
}

func (f *factAdmitted) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindAdmitted)))
	return appendString(binary.AppendUvarint(dst, uint64(f.ticket)), f.gate)
}

// factReissued says that a ticket got a new code: the codes of earlier generations admit nobody any more.
//
//	| 46 | asked | ticket | generation |
type factReissued struct {
	asked
	ticket TicketID
	code   uint32
}

func (f *factReissued) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindReissued)))
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(f.ticket)), uint64(f.code))
}

// admit lets the holder of a ticket in, once.
func (e *Event) admit(cmd *Command) {
	var f factAdmitted
	order, ok := e.ticketAsked(cmd, &f.asked, &f.ticket)
	if !ok {
		return
	}
	code := uint32(0)
	row := e.ticketChanged(f.ticket)
	if row != nil {
		code = row.code
	}
	about := refusal{field: fieldTicket, subject: aboutTicket, have: int64(f.ticket)}
	switch e.stateOfTicket(order, f.ticket) {
	case TicketVoided:
		about.code = CodeTicketVoid
	case TicketAdmitted:
		if !plantedBug(plantedAdmitTwice) {
			about.code = CodeAlreadyAdmitted
		}
	case TicketPending:
		about.code = CodeTicketTooEarly
	case TicketValid:
	}
	switch {
	case about.code != CodeOK && about.code != CodeAlreadyAdmitted:
	case cmd.Payment.Code != code: // also of a ticket that was used: an old code is nobody's
		about.code, about.text = CodeTicketVoid, codeReplaced
	case about.code == CodeOK && row == nil && e.tickets.live() >= TicketsChangedMax:
		about = refusal{code: CodeTooMany, text: tooManyTickets, want: TicketsChangedMax}
	}
	if about.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, about)
		return
	}
	f.gate = cmd.Payment.Gate
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyAdmitted(&f, order)
	e.showTicket(f.ticket)
}

// reissue gives a ticket that was not used a new code.
func (e *Event) reissue(cmd *Command) {
	var f factReissued
	order, ok := e.ticketAsked(cmd, &f.asked, &f.ticket)
	if !ok {
		return
	}
	row := e.ticketChanged(f.ticket)
	about := refusal{field: fieldTicket, subject: aboutTicket, have: int64(f.ticket)}
	switch state := e.stateOfTicket(order, f.ticket); {
	case state == TicketVoided:
		about.code = CodeTicketVoid
	case state == TicketAdmitted:
		about.code = CodeAlreadyAdmitted
	case row == nil && e.tickets.live() >= TicketsChangedMax:
		about = refusal{code: CodeTooMany, text: tooManyTickets, want: TicketsChangedMax}
	case row != nil && row.code >= TicketCodesMax:
		about = refusal{code: CodeTooMany, text: tooManyCodes, want: TicketCodesMax}
	}
	if about.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, about)
		return
	}
	f.code = 1
	if row != nil {
		f.code = row.code + 1
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyReissued(&f, order)
	e.showTicket(f.ticket)
}

// ticketAsked does what admit and reissue have in common: it checks the command, looks up its request and finds the ticket, which of a buyer that is
// named has to be the buyer's own.
func (e *Event) ticketAsked(cmd *Command, a *asked, id *TicketID) (order uint32, ok bool) {
	if !e.validTicket(cmd) {
		return 0, false
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return 0, false
	}
	if e.known(cmd, a) {
		return 0, false
	}
	n, in, ok := ParseTicketID(cmd.Payment.Ticket)
	if ok {
		order, ok = e.orderOfTicket(n)
	}
	if !ok || in != e.orderIncarnation(OrderID(order)+1) || cmd.Buyer != "" && e.buyerName(e.orders.at(order).buyer) != cmd.Buyer {
		e.refuseAsked(cmd, a, refusal{code: CodeTicketUnknown, field: fieldTicket})
		return 0, false
	}
	*id = n
	return order, true
}

// validTicket checks an admit or reissue command.
func (e *Event) validTicket(cmd *Command) bool {
	if !e.validRequest(cmd) || cmd.Buyer != "" && !e.validID("buyer", cmd.Buyer) {
		return false
	}
	if cmd.Payment == nil {
		e.bad("ticket", "it is missing")
		return false
	}
	p := cmd.Payment
	return e.validID("ticket", p.Ticket) && (cmd.Verb != VerbAdmit || p.Gate == "" || e.validID("gate", p.Gate))
}

func (e *Event) applyAdmitted(f *factAdmitted, order uint32) {
	row := e.changing(order, f.ticket)
	row.admitted = e.now
	if f.gate != "" {
		row.gate = e.names.put(f.gate)
	}
	e.changed(row)
	e.remember(&f.asked, VerbAdmit, uint64(f.ticket), 0)
}

func (e *Event) applyReissued(f *factReissued, order uint32) {
	row := e.changing(order, f.ticket)
	row.code = f.code
	e.changed(row)
	e.remember(&f.asked, VerbReissue, uint64(f.ticket), 0)
}

func (e *Event) foldAdmitted(d *decoder) error {
	var f factAdmitted
	d.caller(&f.asked)
	f.ticket, f.gate = TicketID(d.int()), d.idOrNone()
	order, err := e.foldTicket(d, &f.asked, f.ticket)
	if err != nil {
		return err
	}
	if e.stateOfTicket(order, f.ticket) == TicketPending {
		return unfit("a ticket is used that may still be undone")
	}
	e.applyAdmitted(&f, order)
	return nil
}

func (e *Event) foldReissued(d *decoder) error {
	var f factReissued
	d.caller(&f.asked)
	f.ticket, f.code = TicketID(d.int()), uint32(d.uint(TicketCodesMax))
	order, err := e.foldTicket(d, &f.asked, f.ticket)
	if err != nil {
		return err
	}
	code := uint32(0)
	if row := e.ticketChanged(f.ticket); row != nil {
		code = row.code
	}
	if f.code != code+1 {
		return unfit("a ticket's code is not its next")
	}
	e.applyReissued(&f, order)
	return nil
}

// foldTicket checks what facts on a ticket have in common: it can be used, and was not.
func (e *Event) foldTicket(d *decoder, a *asked, id TicketID) (order uint32, err error) {
	if err := d.err(); err != nil {
		return 0, err
	}
	if err := e.fresh(a); err != nil {
		return 0, err
	}
	order, ok := e.orderOfTicket(id)
	if !ok {
		return 0, unfit("a ticket that is not there")
	}
	if state := e.stateOfTicket(order, id); state == TicketVoided || state == TicketAdmitted {
		return 0, unfit("a ticket that is void or was used")
	}
	if e.ticketChanged(id) == nil && e.tickets.live() >= TicketsChangedMax {
		return 0, unfit("a table is full")
	}
	return order, nil
}

// showTicket shows a ticket.
func (e *Event) showTicket(id TicketID) {
	order, _ := e.orderOfTicket(id)
	e.out.Shows |= ShowsTicket
	o := e.orders.at(order)
	v := e.viewTicket(order, id, e.viewItems(&o.basket, o.ticket))
	e.out.Ticket = &v
}

// viewTicket shows a ticket of an order with these items.
func (e *Event) viewTicket(order uint32, id TicketID, items []ItemView) TicketView {
	m := e.markOf(order, id)
	v := TicketView{ID: id, Order: OrderID(order) + 1, State: m.State, Generation: m.Generation, AdmittedAt: m.AdmittedAt, Gate: m.Gate}
	v.Incarnation = e.orderIncarnation(v.Order)
	place := e.placeOfTicket(order, id)
	v.Lot = items[place.item].Lot
	if seats := items[place.item].Seats; seats != nil {
		v.Seat = seats[place.index]
	}
	return v
}

// admittedText says when and where a ticket was used.
func admittedText(v *TicketView) string {
	if v.AdmittedAt == 0 {
		return ""
	}
	text := "at " + time.Unix(0, int64(v.AdmittedAt)).UTC().Format(time.RFC3339)
	if v.Gate != "" {
		text += ", gate " + v.Gate
	}
	return text
}
