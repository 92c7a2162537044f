package notice

import (
	"fmt"
	"strconv"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/ticket"
)

// Codes makes the codes of tickets.
type Codes interface {
	Code(*ticket.Claims) (string, error)
}

// TicketsPerNoticeMax is how many tickets one notice lists: an order of more is told in several, so that none outgrows a message.
const TicketsPerNoticeMax = 100

// building makes the notices of one event's facts.
type building struct {
	codes   Codes
	account string
	event   string
	about   *about
	made    []*Notice
	err     error
}

func (b *building) add(kind Kind, id, subject string, at engine.Instant, data *Data) {
	data.Event = b.about.event
	n, err := envelope(b.account, b.event, kind, id, subject, at, data)
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("notice %s: %w", id, err)
	}
	b.made = append(b.made, n)
}

// fact adds what one fact has to tell.
func (b *building) fact(t *engine.Told, v *toldView) {
	seq := strconv.FormatUint(uint64(t.Seq), 10)
	// Those that are told: the others are left out by tells.
	//
	//exhaustive:ignore
	switch t.Kind {
	case engine.ToldConfirmed, engine.ToldSold:
		if v.order != nil {
			b.order(t, v.order, seq)
		}
	case engine.ToldDeclined:
		b.purchase(PurchaseDeclined, t, v, seq)
	case engine.ToldReleased:
		b.purchase(PurchaseReleased, t, v, seq)
	case engine.ToldUndone:
		b.purchase(OrderUndone, t, v, seq)
	case engine.ToldRefunding:
		b.refund(OrderRefunding, t, v, seq)
	case engine.ToldRefunded:
		b.refund(OrderRefunded, t, v, seq)
	case engine.ToldRefundFailed:
		b.refund(OrderRefundFailed, t, v, seq)
	case engine.ToldReissued:
		b.ticket(TicketReplaced, t, v, seq)
	case engine.ToldAdmitted:
		b.ticket(TicketAdmitted, t, v, seq)
	case engine.ToldExpired:
		if v.hold != nil {
			id := string(engine.AppendHoldID(nil, v.hold.ID, v.hold.Incarnation))
			b.add(HoldExpired, seq, id, t.At, &Data{Buyer: v.hold.Buyer, Hold: &Hold{ID: id, State: engine.HoldExpired.String()}})
		}
	case engine.ToldWaiterOffered:
		b.waiter(WaiterOffered, t, v, seq)
	case engine.ToldWaiterLeft:
		b.waiter(WaiterLeft, t, v, seq)
	case engine.ToldWaiterUnpaid:
		b.waiter(WaiterUnpaid, t, v, seq)
	case engine.ToldWaiterUnfit:
		b.waiter(WaiterUnfit, t, v, seq)
	case engine.ToldUpdated:
		if t.StartsAt {
			b.add(EventRescheduled, seq, b.event, t.At, &Data{RequestID: t.RequestID})
		}
	case engine.ToldClosed:
		b.add(EventClosed, seq, b.event, t.At, &Data{RequestID: t.RequestID})
	case engine.ToldCancelled:
		b.add(EventCancelled, seq, b.event, t.At, &Data{RequestID: t.RequestID})
	}
}

// purchase tells that a purchase came to nothing, or was taken back.
func (b *building) purchase(kind Kind, t *engine.Told, v *toldView, seq string) {
	p := v.purchase
	if p == nil {
		return
	}
	told := &Purchase{
		ID: string(engine.AppendPurchaseID(nil, p.ID, p.Incarnation)), State: p.State.String(), TotalMinor: p.TotalMinor, Currency: p.Currency,
	}
	if kind == PurchaseDeclined {
		told.Decline = p.Decline.String()
		if p.HoldLives {
			told.HoldUntil = momentOrNone(p.HoldUntil)
		}
	}
	data := &Data{Buyer: p.Buyer, RequestID: t.RequestID, Purchase: told}
	if kind == OrderUndone && v.order != nil {
		data.Order = b.orderOf(v.order)
	}
	b.add(kind, seq, told.ID, t.At, data)
}

// refund tells what becomes of money that goes back.
func (b *building) refund(kind Kind, t *engine.Told, v *toldView, seq string) {
	if v.refund == nil || v.order == nil {
		return
	}
	r := &Refund{
		ID: string(engine.AppendRefundID(nil, v.refund.ID, v.refund.Incarnation)), State: v.refund.State.String(), AmountMinor: v.refund.AmountMinor,
		Currency: v.refund.Currency,
	}
	for _, id := range v.refund.Tickets {
		r.Tickets = append(r.Tickets, string(engine.AppendTicketID(nil, id, v.order.Incarnation)))
	}
	b.add(kind, seq, r.ID, t.At, &Data{Buyer: v.order.Buyer, RequestID: t.RequestID, Order: b.orderOf(v.order), Refund: r})
}

// ticket tells what became of one ticket: its new code, or that it was used.
func (b *building) ticket(kind Kind, t *engine.Told, v *toldView, seq string) {
	if v.ticket == nil || v.order == nil {
		return
	}
	one := Ticket{
		ID: string(engine.AppendTicketID(nil, v.ticket.ID, v.ticket.Incarnation)), Lot: v.ticket.Lot, Seat: v.ticket.Seat, Generation: v.ticket.Generation,
		AdmittedAt: momentOrNone(v.ticket.AdmittedAt), Gate: v.ticket.Gate,
	}
	if v.ticket.State == engine.TicketValid || v.ticket.State == engine.TicketPending {
		one.Code = b.code(&ticket.Claims{
			Account: b.account, Event: b.event, Ticket: one.ID, Generation: one.Generation, Lot: one.Lot, Seat: one.Seat, IssuedAt: ticket.IssuedAt(v.order.At),
		})
	}
	b.add(kind, seq, one.ID, t.At, &Data{Buyer: v.order.Buyer, RequestID: t.RequestID, Order: b.orderOf(v.order), Tickets: []Ticket{one}})
}

// code makes the code of a ticket.
func (b *building) code(c *ticket.Claims) string {
	code, err := b.codes.Code(c)
	if err != nil && b.err == nil {
		b.err = err
	}
	return code
}

// order tells that an order was made, and its tickets.
func (b *building) order(t *engine.Told, v *engine.OrderView, seq string) {
	o := b.orderOf(v)
	b.add(OrderConfirmed, seq, o.ID, t.At, &Data{Buyer: v.Buyer, RequestID: t.RequestID, Order: o})
	issued := b.tickets(v)
	for from := 0; from < len(issued); from += TicketsPerNoticeMax {
		part := issued[from:min(from+TicketsPerNoticeMax, len(issued))]
		id := seq + "/tickets"
		if from > 0 {
			id += "/" + strconv.Itoa(from/TicketsPerNoticeMax)
		}
		b.add(TicketIssued, id, o.ID, t.At, &Data{Buyer: v.Buyer, RequestID: t.RequestID, Order: o, Tickets: part})
	}
}

func (b *building) orderOf(v *engine.OrderView) *Order {
	o := &Order{
		ID: string(engine.AppendOrderID(nil, v.ID, v.Incarnation)), Hold: string(engine.AppendHoldID(nil, v.Hold, v.HoldIncarnation)),
		TotalMinor: v.TotalMinor, Currency: v.Currency, At: moment(v.At), PaymentRef: v.PaymentRef, TicketCount: v.Tickets, Items: b.itemsOf(v.Items),
		UndoUntil: momentOrNone(v.UndoUntil),
	}
	if v.Purchase != 0 {
		o.Purchase = string(engine.AppendPurchaseID(nil, v.Purchase, v.PurchaseIn))
	}
	return o
}

func (b *building) itemsOf(views []engine.ItemView) []Item {
	items := make([]Item, 0, len(views))
	for i := range views {
		it := &views[i]
		item := Item{Lot: it.Lot, Name: b.about.names[it.Lot], Quantity: it.Quantity, FaceMinor: it.FaceMinor, TaxMinor: it.TaxMinor, Seats: it.Seats}
		for _, f := range it.Fees {
			item.Fees = append(item.Fees, Fee{Name: f.Name, Minor: f.Minor})
		}
		items = append(items, item)
	}
	return items
}

// tickets are those of an order with their codes.
func (b *building) tickets(v *engine.OrderView) []Ticket {
	var list []Ticket
	for _, t := range ticket.Of(b.account, v) {
		list = append(list, Ticket{ID: t.Ticket, Lot: t.Lot, Seat: t.Seat, Generation: t.Generation, Code: b.code(&t)})
	}
	return list
}

// soldOut tells that the event is, after a sale. It is told once for each order that was the last: a refund may open the sale again.
func (b *building) soldOut(at engine.Instant) {
	if b.about.soldOut {
		b.add(EventSoldOut, "sold_out/"+strconv.FormatInt(b.about.orders, 10), b.event, at, &Data{})
	}
}

// stale is how old a fact is: the lag of its notice.
func stale(at engine.Instant, now time.Time) time.Duration { return max(0, now.Sub(moment(at))) }
