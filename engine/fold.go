package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrOutOfOrder is in the error of Fold for a run that does not continue where the aggregate is.
var ErrOutOfOrder = errors.New("engine: a run does not continue at the next sequence")

// ErrProof is in the error of Fold when the log holds a state hash that the replay does not have.
var ErrProof = errors.New("engine: the replayed state differs from the state that was logged")

// Fold applies the facts of a run read from the log.
//
// It refuses a run that does not continue at Seq+1 ([ErrOutOfOrder]), bytes that do not decode or do not fit the state ([ErrMalformed]) and a state
// proof that differs ([ErrProof]). After an error the event is of no more use. The run's memory is not kept.
func (e *Event) Fold(run *Run) error {
	if run.Facts.Count == 0 {
		return nil
	}
	if err := e.continues(run); err != nil {
		return err
	}
	d := decoder{buf: run.Facts.Buf}
	for range run.Facts.Count {
		if err := e.foldNext(&d); err != nil {
			return err
		}
	}
	return e.endsRun(&d)
}

// continues checks that a run goes on where the event is, and sets the moment of its facts.
func (e *Event) continues(run *Run) error {
	if run.First != e.seq+1 {
		return fmt.Errorf("%w: event %q is at %d, the run starts at %d", ErrOutOfOrder, e.key.ID, e.seq, run.First)
	}
	if run.At < 0 || run.At > instantMax {
		return fmt.Errorf("%w: event %q, fact %d: its time %d is out of range", ErrMalformed, e.key.ID, run.First, run.At)
	}
	e.now = max(run.At, e.lastAt)
	return nil
}

// foldNext folds the next fact of a run.
func (e *Event) foldNext(d *decoder) error {
	e.applying = e.seq + 1
	if err := e.foldFact(d); err != nil {
		return fmt.Errorf("event %q, fact %d: %w", e.key.ID, e.seq+1, err)
	}
	e.advance()
	if err := e.LiveCheck(); err != nil {
		return fmt.Errorf("event %q, fact %d: %w: %w", e.key.ID, e.seq, ErrMalformed, err)
	}
	return nil
}

// endsRun checks that nothing follows the last fact of a run.
func (e *Event) endsRun(d *decoder) error {
	if e.betweenOffer() {
		return fmt.Errorf("%w: event %q: a run ends with an offer without its hold", ErrMalformed, e.key.ID)
	}
	if len(d.buf) > 0 {
		return fmt.Errorf("%w: event %q: %d bytes after the last fact of a run", ErrMalformed, e.key.ID, len(d.buf))
	}
	return nil
}

// unfit is the error for a fact that decodes but cannot have happened to this event.
func unfit(what string) error {
	return fmt.Errorf("%w: the fact does not fit the state: %s", ErrMalformed, what)
}

// foldFact reads the next fact, checks that it fits the state, and applies it.
func (e *Event) foldFact(d *decoder) error {
	kind := factKind(d.byte())
	if d.what != "" {
		return d.err()
	}
	if e.betweenOffer() && kind != kindHeld {
		return unfit("the hold of an offer is missing")
	}
	if e.state == EventArchived {
		return unfit("an archived event has no more facts")
	}
	if (e.state == 0) != (kind == kindCreated) {
		return unfit("an event is created once, and first")
	}
	switch kind {
	case kindCreated:
		return e.foldCreated(d)
	case kindUpdated:
		return e.foldUpdated(d)
	case kindOpened, kindPaused, kindClosed:
		return e.foldTurned(d, kind)
	case kindHeld:
		return e.foldHeld(d)
	case kindExtended:
		return e.foldExtended(d)
	case kindReleased:
		return e.foldReleased(d)
	case kindConfirmed:
		return e.foldConfirmed(d)
	case kindExpired:
		return e.foldExpired(d)
	case kindBlocked, kindUnblocked:
		return e.foldBlocked(d, kind)
	case kindResized:
		return e.foldResized(d)
	case kindTierOpened:
		return e.foldTierOpened(d)
	case kindResumed:
		return e.foldResumed(d)
	case kindTallied:
		return e.foldTallied(d)
	case kindProved:
		return e.foldProved(d)
	case kindRestored:
		return e.foldRestored(d)
	case kindArchived:
		return e.foldArchived()
	case kindOffered:
		return e.foldOffered(d)
	case kindBuying:
		return e.foldBuying(d)
	case kindIntended:
		return e.foldIntended(d)
	case kindSold:
		return e.foldSold(d)
	case kindDeclined:
		return e.foldDeclined(d)
	case kindPaid:
		return e.foldPaid(d)
	case kindUndone:
		return e.foldUndone(d)
	case kindResolved:
		return e.foldResolved(d)
	case kindLate:
		return e.foldLate(d)
	case kindOneClick:
		return e.foldOneClick(d)
	case kindAdmitted:
		return e.foldAdmitted(d)
	case kindReissued:
		return e.foldReissued(d)
	case kindRefunding:
		return e.foldRefunding(d)
	case kindRefundsDated:
		return e.foldRefundsDated(d)
	case kindRefundsEnded:
		return e.foldRefundsEnded(d)
	case kindCancelled:
		return e.foldCancelled(d)
	case kindSwept:
		return e.foldSwept(d)
	case kindPassed:
		return e.foldPassed(d)
	case kindRefundSent:
		return e.foldRefundSent(d)
	case kindRefundStep:
		return e.foldRefundStep(d)
	case kindLinked:
		return e.foldLinked(d)
	case kindTimed:
		return e.foldTimed(d)
	case kindTouched:
		return e.foldTouched(d)
	case kindLobby:
		return e.foldLobby(d)
	case kindJoined:
		return e.foldJoined(d)
	case kindLeft:
		return e.foldLeft(d)
	case kindPresence:
		return e.foldPresence(d)
	case kindLobbyClosed:
		return e.foldLobbyClosed(d)
	case kindDrawValue:
		return e.foldDrawValue(d)
	case kindRevealed:
		return e.foldRevealed(d)
	case kindDrawn:
		return e.foldDrawn(d)
	case kindRated:
		return e.foldRated(d)
	case kindGranted:
		return e.foldGranted(d)
	case kindPassEnded:
		return e.foldPassEnded(d)
	case kindSkipped:
		return e.foldSkipped(d)
	case kindWished:
		return e.foldWished(d)
	case kindWishEnded:
		return e.foldWishEnded(d)
	case kindOfferedTo:
		return e.foldOfferedTo(d)
	case kindWaitKept:
		return e.foldWaitKept(d)
	case kindCodes:
		return e.foldCodes(d)
	case kindGuessed:
		return e.foldGuessed(d)
	case kindPriced:
		return e.foldPriced(d)
	case kindOutage, kindAudited, kindSetting:
	}
	return fmt.Errorf("%w: fact of unknown kind %d: was it written by a newer version?", ErrMalformed, kind)
}

// fresh checks that a request id was not used before, and hashes it.
func (e *Event) fresh(a *asked) error {
	if a.id == "" {
		return nil
	}
	a.hash = hashString(e.seed, a.id)
	if e.requestNamed(a.id, a.hash) != nil {
		return unfit("a request id is used twice")
	}
	return nil
}

func (e *Event) foldCreated(d *decoder) error {
	var f factCreated
	d.caller(&f.asked)
	f.spec, f.limits = d.spec(), d.limits()
	if err := d.err(); err != nil {
		return err
	}
	if f.limits != f.limits.filled() {
		return unfit("a bound is out of range")
	}
	f.hash = hashString(e.seed, f.id)
	e.limits = f.limits
	check := specCheck{e: e}
	if !check.fields(f.spec) || !check.layout(f.spec) {
		return unfit(check.field + ": " + check.text)
	}
	e.applyCreated(&f)
	return nil
}

func (e *Event) foldUpdated(d *decoder) error {
	var f factUpdated
	d.caller(&f.asked)
	f.spec = d.spec()
	if err := d.err(); err != nil {
		return err
	}
	check := specCheck{e: e}
	if !check.update(f.spec) {
		return unfit(check.field + ": " + check.text)
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	e.applyUpdated(&f)
	return nil
}

func (e *Event) foldTurned(d *decoder, kind factKind) error {
	f := factTurned{kind: kind}
	d.asked(&f.asked)
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	if e.state == EventCancelled {
		return unfit("an event that was cancelled stays so")
	}
	e.applyTurned(&f)
	return nil
}

func (e *Event) foldHeld(d *decoder) error {
	f := &e.work.held
	if e.work.seats == nil {
		e.work.seats = make([]uint32, 0, SeatsPerHoldMax)
	}
	d.held(f, e.work.seats[:0])
	if err := d.err(); err != nil {
		return err
	}
	if err := e.fresh(&f.asked); err != nil {
		return err
	}
	f.buyerHash = hashString(e.seed, f.buyer)
	f.buyerRow = e.buyerNamed(f.buyer, f.buyerHash)
	old := uint32(0)
	if f.buyerRow != 0 {
		old = e.buyers.at(f.buyerRow - 1).hold
	}
	switch {
	case f.hold != e.holdLast+1:
		return unfit("a hold's id is not the next")
	case old == 0 && f.replaces != 0, old != 0 && (e.holds.at(old-1).id() != f.replaces || e.holds.at(old-1).state() != HoldHeld):
		return unfit("a hold replaces another than its buyer's")
	case len(f.items) == 0:
		return unfit("a hold is empty")
	case e.betweenOffer() && !e.isOffered(f):
		return unfit("a hold is another than was offered")
	case f.life > (HoldTTLMsMax+HoldTTLMsMax/spreadShare)*1e6 || f.rest > MaxHoldMsMax*1e6:
		return unfit("a hold lives too long")
	case old == 0 && e.holds.live() >= e.limits.Holds, f.buyerRow == 0 && e.buyers.live() >= e.limits.Buyers:
		return unfit("a table is full")
	}
	for i := range f.items {
		if err := e.fitItem(&f.items[i], old); err != nil {
			return err
		}
	}
	if e.codes != nil && !e.oneCode(f.items) {
		return unfit("items with two codes")
	}
	if len(f.items) > 1 && e.sharesSeats(f.items) {
		return unfit("a seat is there twice")
	}
	e.applyHeld(f)
	return nil
}

// fitItem checks an item of a hold. What is free is checked by the counts themselves.
func (e *Event) fitItem(it *factItem, old uint32) error {
	if int(it.price) >= len(e.prices) || it.sales == 0 {
		return unfit("an item of no lot, or of nothing")
	}
	l := &e.lots[e.prices[it.price].lot]
	if (l.seating != nil) != (it.seats != nil) {
		return unfit("seats of a counted lot, or none of a seated one")
	}
	for i, n := range it.seats {
		if int(n) >= len(l.seating.seats) || slices.Contains(it.seats[:i], n) {
			return unfit("a seat that is not there, or there twice")
		}
		if s := &l.seating.seats[n]; s.state != seatFree && (s.state != seatHeld || old == 0 || s.owner != old-1) {
			return unfit("a seat that is not free")
		}
	}
	return nil
}

// sharesSeats reports whether two items name the same seat.
func (e *Event) sharesSeats(items []factItem) bool {
	for i := range items {
		for j := range items[:i] {
			if e.prices[items[i].price].lot != e.prices[items[j].price].lot {
				continue
			}
			for _, n := range items[i].seats {
				if slices.Contains(items[j].seats, n) {
					return true
				}
			}
		}
	}
	return false
}

// liveSlot finds a live hold by its id.
func (e *Event) liveSlot(id HoldID) (uint32, error) {
	ref := e.holdSlots.get(uint64(id))
	if ref == 0 || ref&endedTag != 0 {
		return 0, unfit("a hold is not live")
	}
	return ref - 1, nil
}

// foldOwn reads and checks what facts on a live hold have in common.
func (e *Event) foldOwn(d *decoder, a *asked, id HoldID) (uint32, error) {
	if err := d.err(); err != nil {
		return 0, err
	}
	if err := e.fresh(a); err != nil {
		return 0, err
	}
	slot, err := e.liveSlot(id)
	if err == nil && e.holds.at(slot).state() != HoldHeld {
		return 0, unfit("a hold is being paid")
	}
	return slot, err
}

func (e *Event) foldExtended(d *decoder) error {
	var f factExtended
	d.caller(&f.asked)
	f.hold, f.life = HoldID(d.uint(math.MaxInt64)), d.int()
	slot, err := e.foldOwn(d, &f.asked, f.hold)
	if err != nil {
		return err
	}
	if row := e.holds.at(slot); f.life > MaxHoldMsMax*1e6 || e.eventTime()+Instant(f.life) > row.maxEnd || e.eventTime()+Instant(f.life) < row.expires {
		return unfit("a hold is extended beyond its end, or back")
	}
	e.applyExtended(&f, slot)
	return nil
}

func (e *Event) foldReleased(d *decoder) error {
	var f factReleased
	d.caller(&f.asked)
	f.hold = HoldID(d.uint(math.MaxInt64))
	slot, err := e.foldOwn(d, &f.asked, f.hold)
	if err != nil {
		return err
	}
	e.applyReleased(&f, slot)
	return nil
}

func (e *Event) foldConfirmed(d *decoder) error {
	f := &e.work.confirmed
	d.caller(&f.asked)
	f.hold, f.order, f.ticket = HoldID(d.uint(math.MaxInt64)), OrderID(d.int()), TicketID(d.int())
	f.boxOffice, f.paymentRef = d.bool(), d.string(PaymentRefLenMax)
	slot, err := e.foldOwn(d, &f.asked, f.hold)
	if err != nil {
		return err
	}
	switch {
	case f.order != OrderID(e.orders.rows)+1 || f.ticket != e.ticketLast+1:
		return unfit("an order's or a ticket's id is not the next")
	case e.orders.live() >= e.limits.Orders:
		return unfit("a table is full")
	}
	e.applyConfirmed(f, slot)
	return nil
}

func (e *Event) foldExpired(d *decoder) error {
	f := factExpired{hold: HoldID(d.uint(math.MaxInt64))}
	slot, err := e.foldOwn(d, &asked{}, f.hold)
	if err != nil {
		return err
	}
	e.applyExpired(&f, slot)
	return nil
}

func (e *Event) foldTierOpened(d *decoder) error {
	f := factTierOpened{lot: uint32(d.uint(math.MaxUint32))}
	if err := d.err(); err != nil {
		return err
	}
	if int(f.lot) >= len(e.lots) || e.lots[f.lot].open || !e.lots[e.lots[f.lot].after].exhausted {
		return unfit("a tier opens that is not there, open, or not due")
	}
	e.applyTierOpened(&f)
	return nil
}

func (e *Event) foldResumed(d *decoder) error {
	f := factResumed{add: d.int()}
	if err := d.err(); err != nil {
		return err
	}
	if f.add > int64(e.eventTime()) {
		return unfit("an outage longer than time")
	}
	e.applyResumed(&f)
	return nil
}

func (e *Event) foldTallied(d *decoder) error {
	var counts [Codes][Flows]uint32
	for range d.count(Codes*Flows, 3) {
		code, flow := d.byte(), d.byte()
		n := d.uint(math.MaxUint32)
		if int(code) >= Codes || int(flow) >= Flows {
			return unfit("a tally of an unknown code")
		}
		counts[code][flow] = uint32(n)
	}
	if err := d.err(); err != nil {
		return err
	}
	e.applyTallied(&factTallied{counts: &counts})
	return nil
}

func (e *Event) foldProved(d *decoder) error {
	f := factProved{hash: d.fixed64()}
	if err := d.err(); err != nil {
		return err
	}
	if have := e.StateHash(); have != f.hash {
		return fmt.Errorf("%w: logged %016x, replayed %016x", ErrProof, f.hash, have)
	}
	return nil
}
