package engine

import (
	"fmt"
	"math"

	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// FactKind says what a [Fact] is about.
type FactKind uint8

// The kinds. Facts that say nothing to those who only read the log are FactOther.
const (
	FactOther       FactKind = iota
	FactCreated              // the event was made: Spec
	FactUpdated              // Spec has what was changed and added
	FactOpened               // on sale
	FactPaused               //
	FactClosed               //
	FactCancelled            // the show does not take place
	FactArchived             // the last fact of an event
	FactHeld                 // a hold was granted: Hold, Replaces, Buyer, Items, LifeNs; without RequestID it is of the purchase or late payment that follows
	FactExtended             // Hold, LifeNs
	FactReleased             // Hold: its buyer gave it back
	FactExpired              // Hold: its deadline passed
	FactSwept                // Hold: its event was cancelled
	FactConfirmed            // Hold was paid outside and is Order
	FactBlocked              // Place, Pool, Units went out of sale
	FactUnblocked            // and came back
	FactResized              // Place, Pool has a capacity of Units now
	FactTierOpened           // the lot Place
	FactTallied              // Refusals since the tally before
	FactOffered              // the one-click button was promised: Offer, Buyer, TotalMinor, LifeNs
	FactBuying               // Hold is being paid: Purchase, Offer, Flow, Gateway, Method
	FactIntended             // the lane is about to ask the gateway: Purchase, Operation
	FactSold                 // Purchase is Order: Buyer, TotalMinor, Charge
	FactDeclined             // Purchase: Decline, Soft; the hold lives on for LifeNs, or has ended
	FactAction               // Purchase: its buyer has to authenticate
	FactGivenUp              // Purchase: nothing was charged, its hold has ended
	FactCaptured             // Purchase: its money is taken
	FactVoided               // Purchase: its money was let go, or given back
	FactUndone               // Purchase: its buyer took it back, all tickets of its order are void
	FactLate                 // a payment came after the end of Hold; Replaces was granted in its place, or nothing
	FactOneClick             // one-click checkout is Off, or for Share of the buyers
	FactAdmitted             // the holder of Ticket was let in
	FactRefunding            // money of Order has to go back: Refund, AmountMinor, Tickets or Whole, Blocked, ByBuyer, Begins
	FactRefunded             // Refund: the gateway has given it back
	FactTouched              // Touches
	FactTimed                // Times
	FactLobby                // the lobby was promised (Commit), or opened (Opens), or both
	FactJoined               // Buyer has joined the line: Entry, Track
	FactLeft                 // Entry was given up
	FactPresence             // the buyer of Entry is back, or with Off not there
	FactLobbyClosed          // the lobby has Entries, with this Root
	FactDrawValue            // the draw's public value: Value
	FactRevealed             // Seed is known, the draw begins
	FactDrawn                // some of the draw is done
	FactRated                // the payment lane takes Units purchases a minute
	FactGranted              // Entry got a pass, for LifeNs
	FactPassEnded            // the pass of Entry ran out
	FactSkipped              // the turn of Entry came while nobody was there: back within LifeNs, or with 0 that is over
	FactWished               // Buyer waits for tickets, as Waiter: Wishes, First
	FactWishEnded            // Waiter will not be offered Wish any more, or with 0 nothing, or an offer could not be paid: Code
	FactOfferedTo            // it is the turn of Waiter with Wish: the hold follows
	FactPriced               // the next price: as Price, but for FaceMinor and TaxMinor, with a code
	FactOutage               // of the node: it was down for LifeNs
	FactAudited              // of the node: Audit
)

// Fact is what one fact of the log says by itself, in full, without the state of what it is about. Which fields matter depends on Kind; the others are zero.
// Its slices are valid until the next fact is read, its strings as long as the bytes of its run.
type Fact struct {
	Kind      FactKind
	Seq       Seq
	At        Instant // node time of its run
	RequestID string  // of the command that it answers; empty if nobody asked

	Buyer    string
	Hold     HoldID
	Replaces HoldID
	Purchase PurchaseID
	Offer    OfferID
	Order    OrderID
	Ticket   TicketID // the first of the order
	Refund   RefundID
	Items    []FactItem
	LifeNs   int64

	Flow       Flow
	Device     Device
	Channel    string
	Gateway    string
	Method     payment.MethodKind
	TotalMinor int64
	Charge     ChargeState
	Operation  payment.Operation
	Decline    payment.Decline
	Soft       bool
	BoxOffice  bool

	Price     uint32 // number of a price, as in FactItem
	FaceMinor int64
	TaxMinor  int64

	AmountMinor             int64
	Tickets                 []TicketID // less the first of their order
	Whole, Blocked, ByBuyer bool
	Begins                  RefundState

	Place uint32 // number of a lot or, with Pool, of a pool, in the order in which they were added
	Pool  bool
	Units int64

	Entry   line.Entry
	Entries int64
	Track   uint8
	Opens   bool
	Commit  line.Hash // zero if it was not said
	Root    line.Hash
	Seed    line.Seed
	Value   string
	Waiter  int64 // of the waiting list
	Wishes  []FactWish
	First   bool // the waiter is before all others
	Wish    int  // from 1
	Code    Code // why a wish cannot be any more, or was not paid

	Off      bool
	Share    int64 // of buyers, in hundredths of a percent
	Refusals []Refusals
	Spec     *EventSpec
	Touches  []Touch // without their ids, of which the log has only hashes
	Times    []Timed
	Audit    *Audit
}

// FactWish is what somebody waits for: so many sales of one lot.
type FactWish struct {
	Lot      uint32 // number of the lot, in the order in which they were added
	Quantity uint32
	Together bool // side by side; false for lots without seats
}

// FactItem is what was taken of one lot.
type FactItem struct {
	Price uint32 // number of the price, in the order in which lots got them
	Sales uint32
}

// Refusals counts refusals of one code and flow.
type Refusals struct {
	Code  Code
	Flow  Flow
	Count uint32
}

// FactReader reads facts in full without keeping any state: for those who follow the log by a cursor and need more than a [Teller] tells. It is used by one
// goroutine. Reading allocates nothing but the spec of an event that is created or updated, and what an operator did.
type FactReader struct {
	fact      Fact
	items     []FactItem
	wishes    []FactWish
	tally     []Refusals
	held      factHeld
	buying    factBuying
	offered   factOffered
	refunding factRefunding
	linked    factLinked
	touches   []Touch
	times     []Timed
	buckets   []TimedBucket
	audit     Audit
	seats     []uint32
}

// Each calls use with each fact of a run of an event or a node, until use fails; runs of others have nothing to read. Facts that do not decode end it with an
// error that wraps [ErrMalformed]: nothing behind them can be read.
func (r *FactReader) Each(run *Run, use func(*Fact) error) error {
	if run.Key.Kind == KindWallet {
		return nil
	}
	if r.seats == nil {
		r.seats = make([]uint32, 0, SeatsPerHoldMax)
	}
	d := decoder{buf: run.Facts.Buf}
	for i := range run.Facts.Count {
		r.fact = Fact{} // in place: a whole fact made elsewhere and moved here costs twice as much
		r.fact.Seq, r.fact.At = run.First+Seq(i), run.At
		if run.Key.Kind == KindNode {
			r.readNode(&d)
		} else {
			r.read(&d)
		}
		if err := d.err(); err != nil {
			return fmt.Errorf("%s, fact %d: %w", run.Key.ID, r.fact.Seq, err)
		}
		if err := use(&r.fact); err != nil {
			return err
		}
	}
	if len(d.buf) > 0 {
		return fmt.Errorf("%w: %s: %d bytes after the last fact of a run", ErrMalformed, run.Key.ID, len(d.buf))
	}
	return nil
}

// read reads one fact of an event.
func (r *FactReader) read(d *decoder) {
	f := &r.fact
	var a asked
	switch kind := factKind(d.byte()); kind {
	case kindHeld: // most facts are of this kind
		h := &r.held
		d.held(h, r.seats[:0])
		r.items = r.items[:0]
		for i := range h.items {
			r.items = append(r.items, FactItem{Price: h.items[i].price, Sales: h.items[i].sales})
		}
		f.Kind, f.Buyer, f.Hold, f.Replaces, f.Items, f.LifeNs, f.Device, f.Channel = FactHeld, h.buyer, h.hold, h.replaces, r.items, h.life, h.device, h.channel
		a = h.asked
	case kindExtended:
		d.caller(&a)
		f.Kind, f.Hold, f.LifeNs = FactExtended, HoldID(d.uint(math.MaxInt64)), d.int()
	case kindReleased:
		d.caller(&a)
		f.Kind, f.Hold = FactReleased, HoldID(d.uint(math.MaxInt64))
	case kindConfirmed:
		d.caller(&a)
		f.Kind, f.Hold, f.Order, f.Ticket, f.BoxOffice = FactConfirmed, HoldID(d.uint(math.MaxInt64)), OrderID(d.int()), TicketID(d.int()), d.bool()
		d.string(PaymentRefLenMax)
	case kindExpired:
		f.Kind, f.Hold = FactExpired, HoldID(d.uint(math.MaxInt64))
	case kindCreated:
		d.caller(&a)
		f.Kind, f.Spec = FactCreated, d.spec()
		d.limits()
	case kindUpdated:
		d.caller(&a)
		f.Kind, f.Spec = FactUpdated, d.spec()
	case kindOpened, kindPaused, kindClosed:
		d.asked(&a)
		f.Kind = FactOpened + FactKind(kind-kindOpened)
	case kindBlocked, kindUnblocked:
		d.caller(&a)
		f.Kind = FactBlocked + FactKind(kind-kindBlocked)
		f.Place, f.Pool = d.place()
		f.Units = int64(d.uint(CapacityMax))
		r.seats = d.seats(d.count(SeatsPerBlockMax, 1), r.seats[:0])
	case kindResized:
		d.caller(&a)
		f.Kind = FactResized
		f.Place, f.Pool = d.place()
		d.uint(CapacityMax)
		f.Units = int64(d.uint(CapacityMax))
	case kindTierOpened:
		f.Kind, f.Place = FactTierOpened, uint32(d.uint(math.MaxUint32))
	case kindResumed:
		d.int()
	case kindTallied:
		f.Kind, f.Refusals = FactTallied, r.tallied(d)
	case kindProved:
		d.fixed64()
	case kindRestored:
		d.uint(math.MaxUint64)
	case kindArchived:
		f.Kind = FactArchived
	case kindTouched:
		r.touches = r.touches[:0]
		for range d.count(TouchesPerCommandMax, 11) {
			r.touches = append(r.touches, Touch{})
			d.touch(&r.touches[len(r.touches)-1])
		}
		f.Kind, f.Touches = FactTouched, r.touches
	case kindTimed:
		r.times, r.buckets = d.timed(r.times[:0], r.buckets[:0])
		f.Kind, f.Times = FactTimed, r.times
	case kindOffered, kindBuying, kindIntended, kindSold, kindDeclined, kindPaid, kindUndone, kindResolved, kindLate, kindOneClick:
		r.readPurchase(d, kind, &a)
	case kindAdmitted, kindReissued, kindRefunding, kindRefundsDated, kindRefundsEnded, kindCancelled, kindSwept, kindPassed, kindRefundSent, kindRefundStep, kindLinked:
		r.readAfterSale(d, kind, &a)
	case kindLobby, kindJoined, kindLeft, kindPresence, kindLobbyClosed, kindDrawValue, kindRevealed, kindDrawn, kindRated, kindGranted, kindPassEnded, kindSkipped:
		d.lineFact(kind, f, &a)
	case kindWished, kindWishEnded, kindOfferedTo, kindWaitKept:
		f.Wishes = r.wishes
		d.waitFact(kind, f, &a)
		r.wishes = f.Wishes
	case kindCodes, kindGuessed, kindPriced:
		d.codeFact(kind, f, &a)
	case kindOutage, kindAudited, kindSetting:
		d.fail(fmt.Sprintf("a fact of the node, %d, in an event", kind))
	default:
		d.fail(fmt.Sprintf("a fact of unknown kind %d: was it written by a newer version?", kind))
	}
	f.RequestID = a.id
}

func (r *FactReader) tallied(d *decoder) []Refusals {
	r.tally = r.tally[:0]
	for range d.count(Codes*Flows, 3) {
		code, flow, count := d.byte(), d.byte(), d.uint(math.MaxUint32)
		if int(code) >= Codes || int(flow) >= Flows {
			d.fail("a tally of an unknown code")
		}
		r.tally = append(r.tally, Refusals{Code: Code(code), Flow: Flow(flow), Count: uint32(count)})
	}
	return r.tally
}

// readPurchase reads a fact about an offer or a purchase.
func (r *FactReader) readPurchase(d *decoder, kind factKind, a *asked) {
	f := &r.fact
	// Those that FactReader.read hands over.
	//
	//exhaustive:ignore
	switch kind {
	case kindOffered:
		o := &r.offered
		d.offered(o)
		*a = o.asked
		f.Kind, f.Offer, f.Buyer, f.TotalMinor, f.LifeNs, f.Device, f.Channel, f.Flow = FactOffered, o.offer, o.buyer, o.total, o.life, o.device, o.channel, FlowOneClick
	case kindBuying:
		b := &r.buying
		d.buying(b)
		*a = b.asked
		f.Kind, f.Purchase, f.Hold, f.Offer, f.Flow, f.Device = FactBuying, b.purchase, b.hold, b.offer, b.flow, b.device
		f.Channel, f.Gateway, f.Method = b.channel, b.gateway, b.kind
	case kindIntended:
		var i factIntended
		d.intended(&i)
		f.Kind, f.Purchase, f.Operation = FactIntended, i.purchase, i.operation
	case kindSold:
		var s factSold
		d.sold(&s)
		f.Kind, f.Purchase, f.Order, f.Ticket, f.Charge, f.Buyer, f.TotalMinor = FactSold, s.purchase, s.order, s.ticket, s.charge, s.buyer, s.total
	case kindDeclined:
		var n factDeclined
		d.declined(&n)
		f.Kind, f.Purchase, f.Decline, f.Soft, f.LifeNs = FactDeclined, n.purchase, n.decline, n.soft, n.life
	case kindPaid:
		var p factPaid
		d.paid(&p)
		f.Kind, f.Purchase = p.step.told(), p.purchase
	case kindUndone:
		d.caller(a)
		f.Kind, f.Purchase = FactUndone, PurchaseID(d.int())
	case kindResolved:
		d.caller(a)
		f.Purchase = PurchaseID(d.int())
		d.byte()
	case kindLate:
		var l factLate
		d.late(&l)
		*a = l.asked
		f.Kind, f.Hold, f.Replaces = FactLate, l.hold, l.granted
	case kindOneClick:
		d.caller(a)
		f.Kind, f.Off, f.Share = FactOneClick, d.bool(), int64(d.uint(OneClickEveryone))
	}
}

// told is what a step of a payment is to those who read the log.
func (s payStep) told() FactKind {
	switch s {
	case stepAction:
		return FactAction
	case stepReleased:
		return FactGivenUp
	case stepCaptured:
		return FactCaptured
	case stepVoided:
		return FactVoided
	case stepCancelling, stepStuck, stepCapturing, stepCaptureFailed, stepVoiding, stepsEnd:
	}
	return FactOther
}

// readAfterSale reads a fact about what became of an order.
func (r *FactReader) readAfterSale(d *decoder, kind factKind, a *asked) {
	f := &r.fact
	// Those that FactReader.read hands over.
	//
	//exhaustive:ignore
	switch kind {
	case kindAdmitted:
		d.caller(a)
		f.Kind, f.Ticket = FactAdmitted, TicketID(d.int())
		d.idOrNone()
	case kindReissued:
		d.caller(a)
		f.Ticket = TicketID(d.int())
		d.uint(TicketCodesMax)
	case kindRefunding:
		n := &r.refunding
		d.refunding(n)
		*a = n.asked
		d.tickets(n, 0)
		f.Kind, f.Refund, f.Order, f.AmountMinor, f.Tickets, f.Begins = FactRefunding, n.refund, n.order, n.amount, n.tickets, n.state
		f.Whole, f.Blocked, f.ByBuyer = n.how&refundWhole != 0, n.how&refundBlock != 0, n.how&refundByBuyer != 0
	case kindRefundsDated:
		d.uint(windowLast)
	case kindRefundsEnded:
		d.bool()
	case kindCancelled:
		d.caller(a)
		d.idOrNone()
		f.Kind = FactCancelled
	case kindSwept:
		f.Kind, f.Hold = FactSwept, HoldID(d.uint(math.MaxInt64))
	case kindPassed:
		d.uint(passedMax)
		d.uint(passedMax)
	case kindLinked:
		d.linked(&r.linked)
	case kindRefundSent:
		f.Refund = RefundID(d.int())
		d.uint(attemptsMax)
		var hash [32]byte
		d.hash(&hash)
	case kindRefundStep:
		var s factRefundStep
		d.refundStep(&s)
		if *a, f.Refund = s.asked, s.refund; s.step == refundIsDone {
			f.Kind = FactRefunded
		}
	}
}

// readNode reads one fact of a node.
func (r *FactReader) readNode(d *decoder) {
	f := &r.fact
	switch kind := factKind(d.byte()); kind { //nolint:exhaustive // the others are of events
	case kindOutage:
		d.uint(uint64(instantMax))
		f.Kind, f.LifeNs = FactOutage, d.int()
	case kindRestored:
		d.uint(uint64(IncarnationMax))
	case kindAudited:
		r.audit = d.audit()
		f.Kind, f.Audit, f.RequestID = FactAudited, &r.audit, r.audit.RequestID
	case kindSetting:
		d.string(2 * IDLenMax) //nolint:mnd // as long as a setting's name may be
		d.uint(1 << 62)
	default:
		d.fail(fmt.Sprintf("a fact of unknown kind %d: was it written by a newer version?", kind))
	}
}

// SeatCount is how many seats the rows of a lot have that was checked: its capacity.
func (l *LotSpec) SeatCount() int64 {
	n := int64(0)
	for i := range l.Rows {
		shape, wrong := shapeRow(&l.Rows[i])
		_, _, rows, _, ok := rowsOf(&l.Rows[i])
		if wrong.field == "" && ok {
			n += int64(rows) * int64(shape.seats)
		}
	}
	return n
}
