package measure

import (
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// toldPurchase is a purchase under way.
type toldPurchase struct {
	hold    engine.HoldID
	since   engine.Instant // of the stage that it is in
	method  payment.MethodKind
	channel uint16
	device  engine.Device
	stage   stage
	acted   bool // its buyer had to authenticate
}

// stage is where a purchase under way is.
type stage uint8

const (
	stageLane stage = iota
	stageGateway
	stageBuyer // who authenticates
	stages
)

// toldOrder is an order: 32 bytes.
type toldOrder struct {
	person   uint64
	basket   uint32 // 0: it is not known what was sold
	purchase uint32 // 0: paid outside
	ticket   uint32 // the first, its lower half
	refund   uint32 // number of its newest refund
	channel  uint16
	device   engine.Device
	method   payment.MethodKind
	flow     engine.Flow
	flags    orderFlags
}

type orderFlags uint8

const (
	orderActed orderFlags = 1 << iota // its buyer had to authenticate
	orderVoid                         // all of its tickets are void
	orderFlagsEnd
)

// toldRefund is a refund.
type toldRefund struct {
	amount  int64
	order   uint32
	older   uint32 // number of the order's refund before it
	byBuyer bool
	done    bool
}

// ofOrder fills the entry that was begun with an order.
func (r *Reader) ofOrder(e *told, id engine.OrderID, row *toldOrder) {
	entry := r.entry
	entry.Order, entry.Person, entry.Purchase = id, row.person, engine.PurchaseID(row.purchase)
	entry.Flow, entry.HasFlow, entry.Device, entry.Channel, entry.Method = row.flow, true, row.device, r.texts.text(row.channel), row.method
	entry.NeededAction = row.flags&orderActed != 0
	if row.basket != 0 {
		b := &e.sets.list[row.basket-1]
		entry.Units, entry.Money = b.units, b.money
	}
}

// orderOf is the order of a purchase, nil if it was not sold or is not known.
func (e *told) orderOf(id engine.PurchaseID) (engine.OrderID, *toldOrder) {
	n := e.bought.at(uint64(id))
	if n == nil || *n == 0 {
		return 0, nil
	}
	return engine.OrderID(*n), e.orders.at(uint64(*n))
}

// confirmed takes that a hold was paid outside: that is an attempt, and an order at once.
func (r *Reader) confirmed(e *told, f *engine.Fact) {
	row := e.holds.find(uint64(f.Hold))
	if row == nil {
		r.sell(e, f, toldOrder{ticket: uint32(f.Ticket)})
		return
	}
	r.ofHold(KindAttempted, e, f.Hold, row, f.At).Ref = e.ref(f.RequestID)
	r.emit()
	order := toldOrder{person: row.person, basket: row.basket, ticket: uint32(f.Ticket), channel: row.channel, device: row.device}
	r.end(e, f.Hold, row, shareSold)
	r.sell(e, f, order)
}

// sell keeps an order and tells it. One of which it is not known what was sold is kept for its refunds only.
func (r *Reader) sell(e *told, f *engine.Fact, order toldOrder) {
	row := e.orders.next(uint64(f.Order))
	if row == nil {
		r.unknown()
		return
	}
	if *row = order; row.basket == 0 {
		r.unknown()
		return
	}
	r.begin(KindOrdered, e, f.At)
	r.ofOrder(e, f.Order, row)
	r.entry.Hold = f.Hold
	r.emit()
}

// buying takes that a hold is being paid.
func (r *Reader) buying(e *told, f *engine.Fact) {
	if b := e.bought.next(uint64(f.Purchase)); b == nil {
		r.unknown()
		return
	}
	hold := e.holds.find(uint64(f.Hold))
	if hold == nil || f.Purchase == 0 {
		r.unknown()
		return
	}
	e.stock.moveAll(&e.sets.list[hold.basket-1], hold.in(), sharePaying)
	hold.flow = holdFlow(f.Flow) | holdPaying
	p := e.purchases.put(uint64(f.Purchase))
	*p = toldPurchase{hold: f.Hold, since: f.At, method: f.Method, channel: hold.channel, device: hold.device}
	if f.Channel != "" {
		p.channel = r.texts.of(f.Channel)
	}
	if f.Device != engine.DeviceUnknown {
		p.device = f.Device
	}
	r.ofPurchase(KindAttempted, e, f, p, hold).Ref = e.ref(f.RequestID)
	r.emit()
}

// ofPurchase begins an entry about a purchase under way. Its duration is that of the stage that it was in.
func (r *Reader) ofPurchase(kind Kind, e *told, f *engine.Fact, p *toldPurchase, hold *toldHold) *Entry {
	entry := r.ofHold(kind, e, p.hold, hold, f.At)
	entry.Purchase, entry.Method, entry.Device, entry.Channel = f.Purchase, p.method, p.device, r.texts.text(p.channel)
	entry.NeededAction = p.acted
	entry.DurationMs = int64(f.At-p.since) / 1e6
	return entry
}

// underWay finds a purchase under way and its hold.
func (e *told) underWay(id engine.PurchaseID) (*toldPurchase, *toldHold) {
	p := e.purchases.find(uint64(id))
	if p == nil {
		return nil, nil
	}
	if hold := e.holds.find(uint64(p.hold)); hold != nil {
		return p, hold
	}
	return nil, nil
}

// intended takes that the lane asks the gateway. Only the first question to authorise ends the wait in the lane.
func (r *Reader) intended(e *told, f *engine.Fact) {
	p, hold := e.underWay(f.Purchase)
	if p == nil || f.Operation != payment.Authorise || p.stage != stageLane {
		return // of a charge of an order, or one more try
	}
	r.ofPurchase(KindAsked, e, f, p, hold)
	r.emit()
	p.stage, p.since = stageGateway, f.At
}

// action takes that a buyer has to authenticate.
func (r *Reader) action(e *told, f *engine.Fact) {
	p, hold := e.underWay(f.Purchase)
	if p == nil {
		r.unknown()
		return
	}
	r.ofPurchase(KindAction, e, f, p, hold)
	r.emit()
	p.stage, p.since, p.acted = stageBuyer, f.At, true
}

// answered tells that what was asked of the gateway is known now.
func (r *Reader) answered(e *told, f *engine.Fact, p *toldPurchase, hold *toldHold) {
	if p.stage == stageLane {
		return
	}
	r.ofPurchase(KindAuthorised, e, f, p, hold)
	r.emit()
}

// sold takes that a purchase is an order.
func (r *Reader) sold(e *told, f *engine.Fact) {
	p, hold := e.underWay(f.Purchase)
	if p == nil {
		r.sell(e, f, toldOrder{person: e.person(f.Buyer), purchase: uint32(f.Purchase), ticket: uint32(f.Ticket)})
		return
	}
	r.answered(e, f, p, hold)
	order := toldOrder{
		person: hold.person, basket: hold.basket, purchase: uint32(f.Purchase), ticket: uint32(f.Ticket), channel: p.channel, device: p.device, method: p.method,
		flow: hold.flow.flow(),
	}
	if p.acted {
		order.flags = orderActed
	}
	f.Hold = p.hold
	r.end(e, p.hold, hold, shareSold)
	e.purchases.drop(uint64(f.Purchase))
	if b := e.bought.at(uint64(f.Purchase)); b != nil {
		*b = uint32(f.Order)
	}
	r.sell(e, f, order)
	if f.Charge == engine.ChargeCaptured {
		r.settled(e, &engine.Fact{Kind: engine.FactCaptured, At: f.At, Purchase: f.Purchase})
	}
}

// unsold takes that a charge was declined, or that a purchase was given up without one. Its hold may live on.
func (r *Reader) unsold(e *told, f *engine.Fact) {
	p, hold := e.underWay(f.Purchase)
	if p == nil {
		r.unknown()
		return
	}
	if f.Kind == engine.FactDeclined {
		r.answered(e, f, p, hold)
		entry := r.ofPurchase(KindDeclined, e, f, p, hold)
		entry.Decline, entry.Hard, entry.Failure = f.Decline, !f.Soft, FailureOfDecline(f.Decline)
	} else {
		r.ofPurchase(KindReleased, e, f, p, hold).Failure = e.failure(p)
	}
	r.entry.DurationMs = 0
	r.emit()
	id := p.hold
	e.purchases.drop(uint64(f.Purchase))
	if f.Kind == engine.FactDeclined && f.LifeNs > 0 {
		e.stock.moveAll(&e.sets.list[hold.basket-1], sharePaying, shareHeld)
		hold.flow &^= holdPaying
		return
	}
	r.tellEnded(e, id, hold, f.At, false)
}

// failure is whose fault it is that a purchase was given up: of the event that was called off, of the lane that had no turn for it, of its buyer who did not
// authenticate, or of the gateway that did not answer.
func (e *told) failure(p *toldPurchase) Failure {
	switch {
	case e.state == engine.EventCancelled:
		return FailureStock
	case p.stage == stageLane:
		return FailureOurs
	case p.acted:
		return FailureBuyer
	}
	return FailurePayment
}

// settled takes that the money of a purchase was taken, or let go: then its refunds are done.
func (r *Reader) settled(e *told, f *engine.Fact) {
	id, row := e.orderOf(f.Purchase)
	if row == nil {
		return // of a purchase that was not sold
	}
	if f.Kind == engine.FactCaptured {
		r.begin(KindCaptured, e, f.At)
		r.ofOrder(e, id, row)
		r.emit()
		return
	}
	for n := row.refund; n != 0; {
		refund := e.refunds.at(uint64(n))
		if refund == nil {
			break
		}
		if !refund.done {
			r.refunded(e, refund, engine.RefundID(n), f.At)
		}
		n = refund.older
	}
}

// undone takes that a buyer took a purchase back.
func (r *Reader) undone(e *told, f *engine.Fact) {
	id, row := e.orderOf(f.Purchase)
	if row == nil {
		r.unknown()
		return
	}
	r.begin(KindUndone, e, f.At)
	r.ofOrder(e, id, row)
	r.entry.AmountMinor = r.entry.Money.TotalMinor
	r.emit()
	e.void(id, row, nil, shareFree)
}

// refunding takes that money of an order has to go back.
func (r *Reader) refunding(e *told, f *engine.Fact) {
	row, refund := e.orders.at(uint64(f.Order)), e.refunds.next(uint64(f.Refund))
	if row == nil || refund == nil {
		r.unknown()
		return
	}
	*refund = toldRefund{amount: f.AmountMinor, order: uint32(f.Order), older: row.refund, byBuyer: f.ByBuyer}
	row.refund = uint32(f.Refund)
	r.tellRefund(KindRefunding, e, f.Refund, refund, f.At).Whole = f.Whole
	r.emit()
	to := shareFree
	if f.Blocked {
		to = shareBlocked
	}
	if f.Whole || len(f.Tickets) > 0 {
		e.void(f.Order, row, f.Tickets, to)
	}
	if f.Begins == engine.RefundDone || f.Begins == engine.RefundExternal { // whoever took the money outside gives it back
		r.refunded(e, refund, f.Refund, f.At)
	}
}

// tellRefund begins an entry about a refund.
func (r *Reader) tellRefund(kind Kind, e *told, id engine.RefundID, row *toldRefund, at engine.Instant) *Entry {
	entry := r.begin(kind, e, at)
	if order := e.orders.at(uint64(row.order)); order != nil {
		r.ofOrder(e, engine.OrderID(row.order), order)
	}
	entry.Refund, entry.AmountMinor, entry.ByBuyer = id, row.amount, row.byBuyer
	return entry
}

// refunded takes that the money of a refund went back.
func (r *Reader) refunded(e *told, row *toldRefund, id engine.RefundID, at engine.Instant) {
	if row == nil {
		r.unknown()
		return
	}
	if row.done {
		return
	}
	row.done = true
	r.tellRefund(KindRefunded, e, id, row, at)
	r.emit()
}

// void makes tickets of an order void, all that are not yet if list is nil: their units are free again, or blocked. The tickets are counted from the order's first.
func (e *told) void(id engine.OrderID, row *toldOrder, list []engine.TicketID, to share) {
	if row.basket == 0 || row.flags&orderVoid != 0 {
		return
	}
	b := &e.sets.list[row.basket-1]
	gone := e.voids[id]
	if list == nil {
		for i := range b.items {
			n := b.items[i].units
			if gone != nil {
				n -= int64(gone[i])
			}
			e.stock.move(b.items[i].lot, n, shareSold, to)
		}
		row.flags |= orderVoid
		delete(e.voids, id)
		return
	}
	if gone == nil {
		if e.voids == nil {
			e.voids = make(map[engine.OrderID][]uint32)
		}
		gone = make([]uint32, len(b.items))
		e.voids[id] = gone
	}
	for _, ticket := range list {
		at := int64(ticket)
		for i := range b.items {
			if at < b.items[i].units {
				gone[i]++
				e.stock.move(b.items[i].lot, 1, shareSold, to)
				break
			}
			at -= b.items[i].units
		}
	}
}
