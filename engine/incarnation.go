package engine

import "encoding/binary"

// Incarnation tells the copies of one log apart: 0 is the original, and every restore of a backup is another one. It is part of the ids that are given
// from then on, so that the original, which may have gone on after the backup, and its copies never give the same id to two things.
type Incarnation uint64

// IncarnationMax is the highest incarnation: eight characters of an id.
const IncarnationMax Incarnation = 1<<40 - 1

// RestoresMax is how often a log may be restored, each time from a backup of the copy before.
const RestoresMax = 1000

// restoredAt is what an event remembers of a restore: up to these numbers its holds, orders and tickets had been given before.
type restoredAt struct {
	incarnation Incarnation
	hold        HoldID
	order       OrderID
	ticket      TicketID
	refund      RefundID
	purchase    PurchaseID
	offer       OfferID
}

// factRestored says that the log was restored from a backup: what is made from now on has ids of another incarnation. It is a fact of events and of
// nodes.
//
//	| 19 | incarnation |
type factRestored struct{ incarnation Incarnation }

func (f *factRestored) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindRestored)), uint64(f.incarnation))
}

// Incarnation is the incarnation of the ids that the event gives next.
func (e *Event) Incarnation() Incarnation {
	if n := len(e.restores); n > 0 {
		return e.restores[n-1].incarnation
	}
	return 0
}

// restore notes that the log was restored. An incarnation that is not later than the event's own changes nothing.
func (e *Event) restore(in Incarnation) {
	f := factRestored{incarnation: in}
	if e.state == 0 || !e.fitsRestore(in) {
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyRestored(&f)
}

func (e *Event) fitsRestore(in Incarnation) bool {
	return in > e.Incarnation() && in <= IncarnationMax && len(e.restores) < RestoresMax
}

func (e *Event) foldRestored(d *decoder) error {
	f := factRestored{incarnation: Incarnation(d.uint(uint64(IncarnationMax)))}
	if err := d.err(); err != nil {
		return err
	}
	if !e.fitsRestore(f.incarnation) {
		return unfit("an incarnation that is not later than the one before, or one too many")
	}
	e.applyRestored(&f)
	return nil
}

func (e *Event) applyRestored(f *factRestored) {
	e.restores = append(e.restores, restoredAt{
		incarnation: f.incarnation, hold: e.holdLast, order: OrderID(e.orders.rows), ticket: e.ticketLast, refund: RefundID(e.refunds.rows),
		purchase: PurchaseID(e.purchases.rows.rows), offer: OfferID(e.offers.tail),
	})
}

// holdIncarnation is the incarnation in which a hold got its id. Events that were never restored pay for a comparison.
func (e *Event) holdIncarnation(id HoldID) Incarnation {
	for i := len(e.restores) - 1; i >= 0; i-- {
		if id > e.restores[i].hold {
			return e.restores[i].incarnation
		}
	}
	return 0
}

func (e *Event) orderIncarnation(id OrderID) Incarnation {
	for i := len(e.restores) - 1; i >= 0; i-- {
		if id > e.restores[i].order {
			return e.restores[i].incarnation
		}
	}
	return 0
}

func (e *Event) offerIncarnation(id OfferID) Incarnation {
	for i := len(e.restores) - 1; i >= 0; i-- {
		if id > e.restores[i].offer {
			return e.restores[i].incarnation
		}
	}
	return 0
}

func (e *Event) purchaseIncarnation(id PurchaseID) Incarnation {
	for i := len(e.restores) - 1; i >= 0; i-- {
		if id > e.restores[i].purchase {
			return e.restores[i].incarnation
		}
	}
	return 0
}

// ticketIncarnation is that of the ticket's order.
func (e *Event) ticketIncarnation(id TicketID) Incarnation {
	order, _ := e.orderOfTicket(id)
	return e.orderIncarnation(OrderID(order) + 1)
}

func (e *Event) refundIncarnation(id RefundID) Incarnation {
	for i := len(e.restores) - 1; i >= 0; i-- {
		if id > e.restores[i].refund {
			return e.restores[i].incarnation
		}
	}
	return 0
}

// appendRestores appends the restores of a snapshot: | n | n times: incarnation, hold, order, ticket, refund |. Version 2 had no refunds.
func (e *Event) appendRestores(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(e.restores)))
	for i := range e.restores {
		r := &e.restores[i]
		for _, v := range [...]uint64{uint64(r.incarnation), uint64(r.hold), uint64(r.order), uint64(r.ticket), uint64(r.refund)} {
			dst = binary.AppendUvarint(dst, v)
		}
	}
	return dst
}

// openRestores reads what appendRestores wrote, and fails d where it does not fit the holds, orders and tickets that were read before.
func (e *Event) openRestores(d *decoder, version byte) {
	before := restoredAt{}
	for range d.count(RestoresMax, 4) {
		r := restoredAt{incarnation: Incarnation(d.uint(uint64(IncarnationMax))), hold: HoldID(d.uint(uint64(e.holdLast)))}
		r.order, r.ticket = OrderID(d.uint(uint64(e.orders.rows))), TicketID(d.uint(uint64(e.ticketLast)))
		if version > 2 {
			r.refund = RefundID(d.uint(uint64(e.refunds.rows)))
		}
		if r.incarnation <= before.incarnation || r.hold < before.hold || r.order < before.order || r.ticket < before.ticket || r.refund < before.refund {
			d.fail("restores out of order")
			return
		}
		e.restores = append(e.restores, r)
		before = r
	}
}

// restoresHash is what the restores add to the state hash: nothing, where there were none.
func (e *Event) restoresHash() uint64 {
	if len(e.restores) == 0 {
		return 0
	}
	h := hasher(hashK3)
	for i := range e.restores {
		r := &e.restores[i]
		h.pair(uint64(r.incarnation), uint64(r.hold))
		h.pair(uint64(r.order), uint64(r.ticket))
		if r.refund != 0 {
			h.word(uint64(r.refund))
		}
	}
	return uint64(h)
}

// checkRestores verifies that restores are in order and that no order or ticket lies across one.
func (e *Event) checkRestores() error {
	before := restoredAt{}
	for i, r := range e.restores {
		switch {
		case r.incarnation <= before.incarnation || r.incarnation > IncarnationMax || r.hold < before.hold || r.order < before.order || r.ticket < before.ticket || r.refund < before.refund:
			return e.broken("restore %d, of incarnation %d, is out of order", i+1, r.incarnation)
		case r.hold > e.holdLast || uint64(r.order) > uint64(e.orders.rows) || r.ticket > e.ticketLast || uint64(r.refund) > uint64(e.refunds.rows):
			return e.broken("restore %d, of incarnation %d, is after what was given last", i+1, r.incarnation)
		case uint64(r.order) < uint64(e.orders.rows) && e.orders.at(uint32(r.order)).ticket != r.ticket+1:
			return e.broken("restore %d, of incarnation %d, lies inside an order", i+1, r.incarnation)
		case uint64(r.order) == uint64(e.orders.rows) && r.ticket != e.ticketLast:
			return e.broken("restore %d, of incarnation %d, lies inside the last order", i+1, r.incarnation)
		}
		before = r
	}
	return nil
}
