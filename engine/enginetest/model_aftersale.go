package enginetest

import (
	"fmt"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// modelTicket is what became of a ticket since it was sold.
type modelTicket struct {
	lot        string
	item       int
	seat       string
	price      int64 // with fees
	face       int64
	void       bool
	admitted   engine.Instant
	gate       string
	generation uint32
}

type modelRefund struct {
	id      engine.RefundID
	in      engine.Incarnation
	order   *modelOrder
	amount  int64
	state   engine.RefundState
	tickets []int // places in the order
	at      engine.Instant
	cmd     engine.PaymentCommand
}

// cut is what each of n pieces of an amount is worth: as equal as whole minor units allow, and together exactly the amount.
func cut(amount int64, n int64) []int64 {
	var pieces []int64
	given := int64(0)
	for i := int64(1); i <= n; i++ {
		upTo := amount * i / n
		pieces = append(pieces, upTo-given)
		given = upTo
	}
	return pieces
}

// issue lists the tickets of an order.
func (o *modelOrder) issue() {
	for i := range o.hold.items {
		it := &o.hold.items[i]
		price := it.FaceMinor
		for _, f := range it.Fees {
			price += f.Minor
		}
		prices, faces := cut(price, it.Units), cut(it.FaceMinor, it.Units)
		for sale := range it.Quantity {
			for u := range it.Units {
				t := &modelTicket{lot: it.Lot, item: i, price: prices[u], face: faces[u]}
				if it.Seats != nil {
					t.seat = it.Seats[sale]
				}
				o.all = append(o.all, t)
			}
		}
	}
}

// left is how many tickets of an item of a hold are not void.
func (h *modelHold) left(item int) int64 {
	n := h.items[item].Quantity * h.items[item].Units
	if h.order != nil {
		for _, t := range h.order.all {
			if t.item == item && t.void {
				n--
			}
		}
	}
	return n
}

// sits reports whether a seat of an item is still the hold's or its order's.
func (h *modelHold) sits(item int, label string) bool {
	if !slices.Contains(h.items[item].Seats, label) {
		return false
	}
	if h.order != nil {
		for _, t := range h.order.all {
			if t.item == item && t.seat == label && t.void {
				return false
			}
		}
	}
	return true
}

func (t *modelTicket) state() engine.TicketState {
	switch {
	case t.void:
		return engine.TicketVoided
	case t.admitted != 0:
		return engine.TicketAdmitted
	}
	return engine.TicketValid
}

// ticket finds a ticket by its id.
func (m *Model) ticket(name string) (o *modelOrder, place int) {
	id, in, ok := engine.ParseTicketID(name)
	for _, o := range m.orders {
		if ok && in == o.in && id >= o.first && id < o.first+engine.TicketID(o.tickets) {
			return o, int(id - o.first)
		}
	}
	return nil, 0
}

// atGate considers letting the holder of a ticket in, or giving a ticket a new code.
func (m *Model) atGate(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	o, place := m.ticket(cmd.Payment.Ticket)
	if o == nil || cmd.Buyer != "" && cmd.Buyer != o.hold.buyer {
		m.refusals.add(engine.CodeTicketUnknown, "ticket")
		return nil
	}
	t := o.all[place]
	m.refusals.addIf(t.void, engine.CodeTicketVoid, "ticket")
	m.refusals.addIf(!t.void && t.admitted != 0, engine.CodeAlreadyAdmitted, "ticket")
	m.refusals.addIf(cmd.Verb == engine.VerbAdmit && cmd.Payment.Code != t.generation, engine.CodeTicketVoid, "ticket")
	m.met = &modelMet{o, place}
	return func(*engine.Outcome) *modelRequest {
		if cmd.Verb == engine.VerbAdmit {
			t.admitted, t.gate = m.now, cmd.Payment.Gate
		} else {
			t.generation++
		}
		return &modelRequest{ticket: &modelMet{o, place}}
	}
}

// modelMet is a ticket that a command was about.
type modelMet struct {
	order *modelOrder
	place int
}

// refund considers giving back money of an order.
func (m *Model) refund(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	p := cmd.Payment
	id, in, _ := engine.ParseOrderID(cmd.Order)
	if id == 0 || int(id) > len(m.orders) || m.orders[id-1].in != in || cmd.Buyer != "" && m.orders[id-1].hold.buyer != cmd.Buyer {
		m.refusals.add(engine.CodeOrderUnknown, "order")
		return nil
	}
	o := m.orders[id-1]
	m.refusals.addIf(len(o.refunds) >= engine.RefundsPerOrderMax, engine.CodeTooMany, "")
	m.refusals.addIf(p.ByBuyer && !m.window.open(&m.spec), engine.CodeNotRefundable, "by_buyer")
	var places []int
	switch {
	case p.HasAmount:
		m.refusals.addIf(p.AmountMinor > o.hold.total-o.refunded(), engine.CodeNotRefundable, "amount_minor")
	case len(p.Tickets) > 0:
		places = m.refundTickets(p, o)
	default:
		for i, t := range o.all {
			if !t.void {
				places = append(places, i)
				m.refusals.addIf(p.ByBuyer && t.admitted != 0, engine.CodeNotRefundable, "order")
			}
		}
		m.refusals.addIf(len(places) == 0, engine.CodeNotRefundable, "order")
	}
	return func(*engine.Outcome) *modelRequest { return &modelRequest{refund: m.giveBack(o, places, *p)} }
}

func (m *Model) refundTickets(p *engine.PaymentCommand, o *modelOrder) (places []int) {
	for i, name := range p.Tickets {
		of, place := m.ticket(name)
		if of != o {
			m.refusals.add(engine.CodeTicketUnknown, "tickets")
			continue
		}
		m.bad.addIf(slices.Contains(p.Tickets[:i], name), engine.CodeInvalid, "tickets")
		m.refusals.addIf(o.all[place].void, engine.CodeTicketVoid, "tickets")
		m.refusals.addIf(p.ByBuyer && o.all[place].admitted != 0, engine.CodeNotRefundable, "tickets")
		places = append(places, place)
	}
	slices.Sort(places)
	return places
}

// giveBack refunds tickets of an order, or an amount.
func (m *Model) giveBack(o *modelOrder, places []int, p engine.PaymentCommand) *modelRefund {
	amount := p.AmountMinor
	if !p.HasAmount {
		amount = 0
		for _, i := range places {
			if p.KeepFees {
				amount += o.all[i].face
			} else {
				amount += o.all[i].price
			}
		}
		amount = min(amount, o.hold.total-o.refunded())
	}
	r := &modelRefund{id: m.lastRefund + 1, in: m.incarnation, order: o, amount: amount, state: engine.RefundExternal, tickets: places, at: m.now, cmd: p}
	if amount == 0 {
		r.state = engine.RefundDone
	}
	m.lastRefund++
	o.refunds = append(o.refunds, r)
	for _, i := range places {
		t := o.all[i]
		t.void = true
		if l := m.lot(t.lot); p.Block && l.seated() {
			l.shut = append(l.shut, t.seat)
		} else if p.Block {
			l.blocked++
		}
	}
	return r
}

func (o *modelOrder) refunded() (sum int64) {
	for _, r := range o.refunds {
		sum += r.amount
	}
	return sum
}

// showAfter completes the view of an order.
func (m *Model) showAfter(v *engine.OrderView, o *modelOrder) {
	v.RefundedMinor = o.refunded()
	for _, t := range o.all {
		v.Marks = append(v.Marks, engine.TicketMark{State: t.state(), Generation: t.generation, AdmittedAt: t.admitted, Gate: t.gate})
	}
	for _, r := range o.refunds {
		v.Refunds = append(v.Refunds, m.viewRefund(r))
	}
}

func (m *Model) viewRefund(r *modelRefund) engine.RefundView {
	v := engine.RefundView{
		ID: r.id, Incarnation: r.in, Order: r.order.id, OrderIn: r.order.in, AmountMinor: r.amount, Currency: m.spec.Currency, State: r.state, At: r.at,
		KeepFees: r.cmd.KeepFees, Blocked: r.cmd.Block, ByBuyer: r.cmd.ByBuyer, Reason: r.cmd.Reason,
	}
	for _, i := range r.tickets {
		v.Tickets = append(v.Tickets, r.order.first+engine.TicketID(i))
	}
	return v
}

func (m *Model) showTicket(out *engine.Outcome, met *modelMet) {
	o, t := met.order, met.order.all[met.place]
	out.Shows |= engine.ShowsTicket
	out.Ticket = &engine.TicketView{
		ID: o.first + engine.TicketID(met.place), Incarnation: o.in, Order: o.id, Generation: t.generation, State: t.state(), AdmittedAt: t.admitted, Gate: t.gate,
		Lot: t.lot, Seat: t.seat,
	}
}

// invalidTicket adds what is wrong with a command about a ticket.
func (m *Model) invalidTicket(cmd *engine.Command) {
	if cmd.Buyer != "" {
		m.id("buyer", cmd.Buyer)
	}
	if cmd.Payment == nil {
		m.bad.add(engine.CodeInvalid, "ticket")
		return
	}
	m.id("ticket", cmd.Payment.Ticket)
	if cmd.Verb == engine.VerbAdmit && cmd.Payment.Gate != "" {
		m.id("gate", cmd.Payment.Gate)
	}
}

// invalidRefund adds what is wrong with a refund.
func (m *Model) invalidRefund(cmd *engine.Command) {
	r, p := &m.bad, cmd.Payment
	if cmd.Buyer != "" || p != nil && p.ByBuyer {
		m.id("buyer", cmd.Buyer)
	}
	if p == nil {
		r.add(engine.CodeInvalid, "order")
		return
	}
	m.id("order", cmd.Order)
	if p.Reason != "" {
		m.id("reason", p.Reason)
	}
	r.addIf(len(p.Tickets) > engine.TicketsPerRefundMax, engine.CodeInvalid, "tickets")
	r.addIf(p.HasAmount && (len(p.Tickets) > 0 || p.AmountMinor <= 0), engine.CodeInvalid, "amount_minor")
	r.addIf(p.HasAmount && p.ByBuyer, engine.CodeInvalid, "amount_minor")
	r.addIf(p.HasAmount && p.KeepFees, engine.CodeInvalid, "keep_fees")
	r.addIf(p.HasAmount && p.Block, engine.CodeInvalid, "block")
	for i, id := range p.Tickets {
		m.id(fmt.Sprintf("tickets[%d]", i), id)
	}
}
