package engine

import (
	"fmt"
	"math"
)

// ToldKind says what a fact tells those outside who follow the log.
type ToldKind uint8

// The kinds. Facts that nobody outside waits for are ToldOther.
const (
	ToldOther         ToldKind = iota
	ToldUpdated                // the event was changed
	ToldClosed                 // its sale has ended
	ToldConfirmed              // a hold was paid outside and is an order
	ToldExpired                // a hold's deadline passed, or its event was cancelled
	ToldAdmitted               // the holder of a ticket was let in
	ToldReissued               // a ticket got a new code
	ToldCancelled              // the show does not take place
	ToldRefunded               // the gateway has given money back
	ToldRefundFailed           // the gateway has refused to: an operator has to look
	ToldRefunding              // money of an order has to go back, and tickets of it may be void
	ToldBuying                 // a hold is being paid: its purchase waits for the gateway
	ToldSold                   // a purchase was paid and is an order
	ToldDeclined               // a charge was declined
	ToldUndone                 // a buyer took a purchase back
	ToldReleased               // a purchase was given up: nothing was charged
	ToldWaiterOffered          // tickets are held for somebody on the waiting list, whose turn has come
	ToldWaiterLeft             // somebody gave up the place on the waiting list, or what was offered
	ToldWaiterUnpaid           // what was offered could not be bought as agreed
	ToldWaiterUnfit            // a wish of a waiter cannot be any more; the last one ends the waiting
)

// Told is what one fact of an event says by itself, without the event's state. Its strings are views into the run.
type Told struct {
	Kind      ToldKind
	Seq       Seq
	At        Instant // node time of its run
	RequestID string  // of the command that it answers; empty if nobody asked
	Hold      HoldID
	Order     OrderID
	Ticket    TicketID // the first of the order; of admitted and reissued the one that is meant
	Refund    RefundID
	Purchase  PurchaseID
	Buyer     string // sold: of the purchase
	StartsAt  bool   // updated: the show has another time

	// Of the waiting list; how a wait ends otherwise is told by what becomes of the hold that was offered.
	Waiter int64   // the number
	Wish   int     // offered: which of the waiter's wishes it is, from 1; unfit: which one is off
	Until  Instant // offered: node time until which Hold is held, but for outages since
	Why    Code    // unpaid, unfit: the reason
}

// Teller reads facts one by one without keeping the state: for those who follow the log by a cursor. It is used by one goroutine.
type Teller struct {
	held      factHeld
	buying    factBuying
	offered   factOffered
	refunding factRefunding
	linked    factLinked
	touch     Touch
	turn      factOfferedTo // whose hold the next fact is; waiter 0 if it is nobody's
	seats     []uint32
	told      Told
}

// Each calls use with each fact of a run of an event, until use fails. What use is given is valid during the call only. Facts that do not decode end it with
// an error that wraps [ErrMalformed]: nothing behind them can be read.
func (t *Teller) Each(run *Run, use func(*Told) error) error {
	if t.seats == nil {
		t.seats = make([]uint32, 0, SeatsPerHoldMax)
	}
	d := decoder{buf: run.Facts.Buf}
	t.turn = factOfferedTo{}
	for i := range run.Facts.Count {
		t.told = Told{Seq: run.First + Seq(i), At: run.At}
		t.read(&d)
		if err := d.err(); err != nil {
			return fmt.Errorf("event %q, fact %d: %w", run.Key.ID, t.told.Seq, err)
		}
		if err := use(&t.told); err != nil {
			return err
		}
	}
	if len(d.buf) > 0 {
		return fmt.Errorf("%w: event %q: %d bytes after the last fact of a run", ErrMalformed, run.Key.ID, len(d.buf))
	}
	return nil
}

// read reads one fact: what it tells, and wherever the next one begins.
func (t *Teller) read(d *decoder) {
	v := &t.told
	var a asked
	switch kind := factKind(d.byte()); kind {
	case kindHeld: // most facts are of this kind: nothing of it is kept, unless it is what the fact before has offered
		d.held(&t.held, t.seats[:0])
		if a = t.held.asked; t.turn.waiter != 0 {
			v.Kind, v.Waiter, v.Wish = ToldWaiterOffered, int64(t.turn.waiter), int(t.turn.wish)+1
			v.Hold, v.Until = t.held.hold, v.At+Instant(t.held.life)
			t.turn.waiter = 0
		}
	case kindExtended:
		d.caller(&a)
		v.Hold = HoldID(d.uint(math.MaxInt64))
		d.int()
	case kindReleased:
		d.caller(&a)
		v.Hold = HoldID(d.uint(math.MaxInt64))
	case kindConfirmed:
		d.caller(&a)
		v.Kind, v.Hold, v.Order, v.Ticket = ToldConfirmed, HoldID(d.uint(math.MaxInt64)), OrderID(d.int()), TicketID(d.int())
		d.bool()
		d.string(PaymentRefLenMax)
	case kindExpired:
		v.Kind, v.Hold = ToldExpired, HoldID(d.uint(math.MaxInt64))
	case kindCreated:
		d.caller(&a)
		d.spec()
		d.limits()
	case kindUpdated:
		d.caller(&a)
		v.Kind, v.StartsAt = ToldUpdated, d.spec().Set&SetStartsAt != 0
	case kindOpened, kindPaused:
		d.asked(&a)
	case kindClosed:
		d.asked(&a)
		v.Kind = ToldClosed
	case kindBlocked, kindUnblocked:
		d.caller(&a)
		d.place()
		d.uint(CapacityMax)
		t.seats = d.seats(d.count(SeatsPerBlockMax, 1), t.seats[:0])
	case kindResized:
		d.caller(&a)
		d.place()
		d.uint(CapacityMax)
		d.uint(CapacityMax)
	case kindTierOpened:
		d.uint(math.MaxUint32)
	case kindResumed:
		d.int()
	case kindTallied:
		for range d.count(Codes*Flows, 3) {
			d.byte()
			d.byte()
			d.uint(math.MaxUint32)
		}
	case kindProved:
		d.fixed64()
	case kindRestored:
		d.uint(math.MaxUint64)
	case kindAdmitted, kindReissued, kindRefunding, kindRefundsDated, kindRefundsEnded, kindCancelled, kindSwept, kindPassed, kindRefundSent, kindRefundStep, kindLinked:
		t.readAfterSale(d, kind, &a)
	case kindOffered:
		d.offered(&t.offered)
		a = t.offered.asked
	case kindBuying, kindIntended, kindSold, kindDeclined, kindPaid, kindUndone, kindResolved:
		t.readPurchase(d, kind, &a)
	case kindLate:
		var f factLate
		d.late(&f)
		a = f.asked
		v.Hold = f.hold
	case kindOneClick:
		d.caller(&a)
		d.bool()
		d.uint(OneClickEveryone)
	case kindTouched:
		for range d.count(TouchesPerCommandMax, 11) {
			d.touch(&t.touch)
		}
	case kindTimed:
		d.timed(nil, nil)
	case kindLobby, kindJoined, kindLeft, kindPresence, kindLobbyClosed, kindDrawValue, kindRevealed, kindDrawn, kindRated, kindGranted, kindPassEnded, kindSkipped:
		var f Fact
		d.lineFact(kind, &f, &a)
	case kindWished, kindWishEnded, kindOfferedTo, kindWaitKept:
		t.readWait(d, kind, &a)
	case kindCodes, kindGuessed, kindPriced:
		var f Fact
		d.codeFact(kind, &f, &a)
	case kindArchived:
	case kindOutage, kindAudited, kindSetting:
		d.fail(fmt.Sprintf("a fact of the node, %d, in an event", kind))
	default:
		d.fail(fmt.Sprintf("a fact of unknown kind %d: was it written by a newer version?", kind))
	}
	v.RequestID = a.id
}

// readAfterSale reads a fact about what became of an order.
func (t *Teller) readAfterSale(d *decoder, kind factKind, a *asked) {
	v := &t.told
	// Those that Teller.read hands over.
	//
	//exhaustive:ignore
	switch kind {
	case kindAdmitted:
		d.caller(a)
		v.Kind, v.Ticket = ToldAdmitted, TicketID(d.int())
		d.idOrNone()
	case kindReissued:
		d.caller(a)
		v.Kind, v.Ticket = ToldReissued, TicketID(d.int())
		d.uint(TicketCodesMax)
	case kindRefunding:
		d.refunding(&t.refunding)
		*a = t.refunding.asked
		d.tickets(&t.refunding, 0)
		v.Kind, v.Refund, v.Order = ToldRefunding, t.refunding.refund, t.refunding.order
	case kindRefundsDated:
		d.uint(windowLast)
	case kindRefundsEnded:
		d.bool()
	case kindCancelled:
		d.caller(a)
		d.idOrNone()
		v.Kind = ToldCancelled
	case kindSwept:
		v.Kind, v.Hold = ToldExpired, HoldID(d.uint(math.MaxInt64))
	case kindPassed:
		d.uint(passedMax)
		d.uint(passedMax)
	case kindLinked:
		d.linked(&t.linked)
	case kindRefundSent:
		v.Refund = RefundID(d.int())
		d.uint(attemptsMax)
		var hash [32]byte
		d.hash(&hash)
	case kindRefundStep:
		var f factRefundStep
		d.refundStep(&f)
		*a, v.Refund = f.asked, f.refund
		switch f.step {
		case refundIsDone:
			v.Kind = ToldRefunded
		case refundFailed:
			v.Kind = ToldRefundFailed
		case refundAgain:
		}
	}
}

// readPurchase reads a fact about a purchase.
func (t *Teller) readPurchase(d *decoder, kind factKind, a *asked) {
	v := &t.told
	// Those that Teller.read hands over.
	//
	//exhaustive:ignore
	switch kind {
	case kindBuying:
		d.buying(&t.buying)
		*a = t.buying.asked
		v.Kind, v.Purchase, v.Hold = ToldBuying, t.buying.purchase, t.buying.hold
	case kindUndone:
		d.caller(a)
		v.Kind, v.Purchase = ToldUndone, PurchaseID(d.int())
	case kindResolved:
		d.caller(a)
		v.Purchase = PurchaseID(d.int())
		d.byte()
	case kindIntended:
		var f factIntended
		d.intended(&f)
		v.Purchase = f.purchase
	case kindSold:
		var f factSold
		d.sold(&f)
		v.Kind, v.Purchase, v.Order, v.Ticket, v.Buyer = ToldSold, f.purchase, f.order, f.ticket, f.buyer
	case kindDeclined:
		var f factDeclined
		d.declined(&f)
		v.Kind, v.Purchase = ToldDeclined, f.purchase
	case kindPaid:
		var f factPaid
		d.paid(&f)
		if v.Purchase = f.purchase; f.step == stepReleased {
			v.Kind = ToldReleased
		}
	}
}

// readWait reads a fact about the waiting list. An offer is told with its hold, which is the next fact.
func (t *Teller) readWait(d *decoder, kind factKind, a *asked) {
	v := &t.told
	// Those that Teller.read hands over.
	//
	//exhaustive:ignore
	switch kind {
	case kindWished:
		var f factWished
		d.wished(&f)
		*a = f.asked
	case kindWaitKept:
		var f factWaitKept
		d.waitKept(&f)
		*a = f.asked
	case kindOfferedTo:
		d.offeredTo(&t.turn)
	case kindWishEnded:
		var f factWishEnded
		d.wishEnded(&f)
		*a, v.Waiter, v.Wish, v.Why = f.asked, int64(f.waiter), int(f.wish), f.code
		switch f.state { //nolint:exhaustive // the others are said by the facts of the hold
		case WaitLeft:
			v.Kind = ToldWaiterLeft
		case WaitUnpaid:
			v.Kind = ToldWaiterUnpaid
		case WaitUnfit:
			v.Kind = ToldWaiterUnfit
		}
	}
}

// tell shows what a fact is about, as it is now: the shell asks, for those who follow the log. What has been forgotten since is not shown.
func (e *Event) tell(t *Told) {
	switch {
	case e.state == 0:
		e.out.Code, e.out.Field = CodeEventUnknown, fieldNames[fieldEvent]
	case t.Refund != 0 && uint64(t.Refund) <= uint64(e.refunds.rows):
		e.showRefund(t.Refund)
	case t.Purchase != 0 && uint64(t.Purchase) <= uint64(e.purchases.rows.rows):
		e.showPurchase(uint32(t.Purchase - 1))
	case t.Order == 0 && t.Ticket != 0 && t.Ticket <= e.ticketLast:
		e.showTicket(t.Ticket)
		e.showOrder(e.out.Ticket.Order)
	case t.Order != 0 && uint64(t.Order) <= uint64(e.orders.rows):
		e.showOrder(t.Order)
	case t.Waiter != 0:
		if e.list == nil || t.Waiter > int64(e.list.rows.rows) {
			return
		}
		if e.showWaiter(uint32(t.Waiter - 1)); t.Hold != 0 && t.Hold <= e.holdLast {
			e.showHold(t.Hold, 0)
		}
	case t.Hold != 0 && t.Hold <= e.holdLast:
		e.showHold(t.Hold, 0)
	}
}
