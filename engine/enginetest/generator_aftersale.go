package enginetest

import (
	"math"

	"github.com/holdfast-engine/holdfast/engine"
)

// gate draws an admit or a reissue.
func (g *Generator) gate(verb engine.Verb) engine.Command {
	p := &engine.PaymentCommand{Ticket: g.ticketID(g.anOrder())}
	cmd := engine.Command{Verb: verb, Payment: p}
	if o, place := g.model.ticket(p.Ticket); o != nil && g.chance(90, "its code") {
		p.Code = o.all[place].generation
	} else {
		p.Code = uint32(g.below(3, "code"))
	}
	switch g.weighted("gate", 50, 45, 2, 3) {
	case 1:
		p.Gate = pick(g, "gate", "north", "south")
	case 2:
		p.Gate = g.badID()
	case 3:
		cmd.Buyer = g.buyer()
	}
	if g.chance(1, "nothing") {
		cmd.Payment = nil
	}
	return cmd
}

// anOrder draws one of the orders, nil if there is none.
func (g *Generator) anOrder() *modelOrder {
	if n := len(g.model.orders); n > 0 {
		return g.model.orders[g.below(n, "order")]
	}
	return nil
}

func (g *Generator) ticketID(o *modelOrder) string {
	if o == nil || g.chance(4, "bad ticket") {
		return pick(g, "ticket", "", "t0", "x", "1", string(engine.AppendTicketID(nil, g.model.lastTicket+1, 0)), string(engine.AppendTicketID(nil, math.MaxUint64, 0)),
			string(engine.AppendOrderID(nil, 1, 0)), g.badID())
	}
	return string(engine.AppendTicketID(nil, o.first+engine.TicketID(g.below(int(min(o.tickets, 64)), "ticket")), g.incarnation(o.in)))
}

// refund draws a refund: of the whole order, of tickets, or of an amount.
func (g *Generator) refund() engine.Command {
	p := &engine.PaymentCommand{}
	cmd := g.order()
	cmd.Verb, cmd.Payment = engine.VerbRefund, p
	if g.chance(50, "no buyer") {
		cmd.Buyer = ""
	}
	var o *modelOrder
	if id, _, ok := engine.ParseOrderID(cmd.Order); ok && int(id) <= len(g.model.orders) {
		o = g.model.orders[id-1]
	}
	switch g.weighted("of what", 25, 50, 20, 1) {
	case 1:
		for range 1 + g.below(3, "tickets") {
			p.Tickets = append(p.Tickets, g.ticketID(o))
		}
		if g.chance(4, "of another") {
			p.Tickets = append(p.Tickets, g.ticketID(g.anOrder()))
		}
	case 2:
		p.HasAmount, p.AmountMinor = true, int64(1+g.below(600, "amount"))
		if o != nil && g.chance(20, "all that is left") {
			p.AmountMinor = o.hold.total - o.refunded() + int64(g.below(2, "and one more"))
		}
		if g.chance(4, "bad amount") {
			p.AmountMinor = g.number(100, "amount")
		}
	case 3:
		for range engine.TicketsPerRefundMax + g.below(2, "too many") {
			p.Tickets = append(p.Tickets, g.ticketID(o))
		}
	}
	if owed := g.owed(); owed != nil && g.model.state == engine.EventCancelled && g.chance(50, "what was kept") {
		cmd.Buyer, cmd.Order = "", string(engine.AppendOrderID(nil, owed.id, owed.in))
		p.Tickets, p.HasAmount, p.AmountMinor = nil, true, owed.hold.total-owed.refunded()
	}
	few := !p.HasAmount || g.chance(3, "what goes not with an amount")
	p.KeepFees = few && g.chance(20, "keep fees")
	p.Block = few && g.chance(25, "block")
	p.ByBuyer = few && g.chance(30, "by buyer")
	switch g.weighted("reason", 70, 28, 2) {
	case 1:
		p.Reason = pick(g, "reason", "goodwill", "ill")
	case 2:
		p.Reason = g.badID()
	}
	if g.chance(1, "nothing") {
		cmd.Payment = nil
	}
	return cmd
}

// owed is an order of which something was not given back, nil if there is none.
func (g *Generator) owed() *modelOrder {
	for _, o := range g.model.orders {
		if o.hold.total > o.refunded() {
			return o
		}
	}
	return nil
}

func (g *Generator) cancel() engine.Command {
	cmd := engine.Command{Verb: engine.VerbCancel}
	if g.chance(50, "reason") {
		cmd.Payment = &engine.PaymentCommand{Reason: "rain"}
	}
	if g.chance(2, "bad reason") {
		cmd.Payment = &engine.PaymentCommand{Reason: g.badID()}
	}
	return cmd
}
