package engine

import "github.com/holdfast-engine/holdfast/engine/payment"

// purchaseRow is one run of buy; purchase n is in slot n-1. Purchases are kept for good, like orders.
type purchaseRow struct {
	hold     HoldID
	order    OrderID // 0 until it is sold
	offer    OfferID // 0 if there was none
	total    int64
	since    Instant // node time: its place in the lane
	changed  Instant // node time of its last change
	deadline Instant // event time at which it wants something; 0 is never
	undo     Instant // event time until which the buyer can take it back
	left     int64   // nanoseconds that its hold had left when the clock stopped
	there    int64   // that the gateway has of it where that is not the total: what has to be let go or given back
	intended Instant // node time of the intent of operation; 0 if none was made
	asked    Instant // node time of the newest intent to authorise; 0 if none was made
	hash     [32]byte
	// askedHash is the hash of that intent's request, askedAttempt its attempt, until the purchase is over.
	askedHash    [32]byte
	askedAttempt uint32
	buyer        uint32
	gateway      uint32 // in names, like the next two; 0 is empty
	method       uint32
	ref          uint32 // the gateway's id of the charge
	in           uint32 // the currency of there, in names too; 0 is the event's
	due          uint32 // place in the queue of deadlines + 1; follows from deadline
	attempt      uint32 // requests of operation that went before
	state        PurchaseState
	charge       ChargeState
	flow         Flow
	kind         payment.MethodKind
	can          payment.Capabilities
	decline      payment.Decline
	// operation is what the last intent, or the next one, asks.
	operation payment.Operation
	softs     uint8 // soft declines of its hold so far
	flags     uint8
}

const (
	purchaseTaken   = 1 << iota // the money was taken, not just reserved
	purchaseUndone              // the buyer took it back
	purchaseWaits               // its charge is tried again at deadline
	purchaseURL                 // it has a return address, in urls
	purchaseOther               // the gateway has another amount or currency than asked, in there and in
	purchaseUnknown             // of flags: above all that there are
)

// softDeclinesMax is how many soft declines end a hold: schemes count retries, and a buyer with three declined cards blocks tickets.
const softDeclinesMax = 3

// unfinished reports whether the purchase has no final state yet: its hold is being paid.
func (r *purchaseRow) unfinished() bool { return r.state != 0 && !r.state.Final() }

// owed is the money that a request for the purchase is about: the total, or what the gateway has if that is something else.
func (r *purchaseRow) owed(currency, other string) (int64, string) {
	switch {
	case r.flags&purchaseOther == 0:
		return r.total, currency
	case r.in == 0:
		return r.there, currency
	}
	return r.there, other
}

// wants is what the lane has to do for the purchase now; 0 is nothing.
func (r *purchaseRow) wants() payment.Operation {
	switch r.state {
	case PurchaseQueued, PurchaseAuthorising:
		return payment.Authorise
	case PurchaseActionRequired, PurchaseStuck:
		return payment.LookUp
	case PurchaseCancelling:
		return payment.Cancel
	case PurchaseSold, PurchaseDeclined, PurchaseReleased:
	}
	if r.flags&purchaseWaits != 0 {
		return 0
	}
	switch r.charge {
	case ChargeCapturing:
		return payment.Capture
	case ChargeVoiding:
		if r.flags&purchaseTaken != 0 || !r.can.Has(payment.Voidable) {
			return payment.Refund
		}
		return payment.Void
	case ChargeNone, ChargeAuthorised, ChargeCaptured, ChargeVoided, ChargeCaptureFailed:
	}
	return 0
}

// purchases is all that an event has of purchases.
type purchases struct {
	rows slab[purchaseRow]
	due  payQueue
	open int               // purchases that want something of the lane
	urls map[uint32]string // return addresses of purchases that are not over, by slot
}

// liftPurchase takes a purchase out of the sums before it changes, putPurchase puts it back.
func (e *Event) liftPurchase(slot uint32) *purchaseRow {
	row := e.purchases.rows.at(slot)
	e.rows -= e.purchaseHash(row, slot)
	if row.wants() != 0 {
		e.purchases.open--
	}
	return row
}

func (e *Event) putPurchase(slot uint32, deadline Instant) {
	row := e.purchases.rows.at(slot)
	row.changed = e.now
	if row.deadline != deadline {
		if row.due != 0 {
			e.purchases.due.remove(&e.purchases.rows, slot)
		}
		if row.deadline = deadline; deadline != 0 {
			e.purchases.due.push(&e.purchases.rows, slot)
		}
	}
	e.countPurchase(row, slot)
}

// countPurchase adds a purchase to the sums.
func (e *Event) countPurchase(row *purchaseRow, slot uint32) {
	e.rows += e.purchaseHash(row, slot)
	if row.wants() != 0 {
		e.purchases.open++
	}
}

// purchaseHash is the hash of a purchase's row.
func (e *Event) purchaseHash(r *purchaseRow, slot uint32) uint64 {
	h := hasher(e.buyerHash(r.buyer) ^ hashK1)
	h.pair(uint64(slot), uint64(r.hold))
	h.pair(uint64(r.order), uint64(r.offer))
	h.pair(uint64(r.total), uint64(r.since))
	h.pair(uint64(r.changed), uint64(r.deadline))
	h.pair(uint64(r.undo), uint64(r.left))
	h.pair(uint64(r.state)|uint64(r.charge)<<8|uint64(r.flow)<<16|uint64(r.kind)<<24|uint64(r.can)<<32|uint64(r.decline)<<40|uint64(r.operation)<<48|uint64(r.flags)<<56,
		uint64(r.attempt)<<8|uint64(r.softs))
	h.string(e.named(r.gateway))
	h.string(e.named(r.method))
	h.string(e.named(r.ref))
	if r.intended != 0 {
		h.word(uint64(r.intended))
		h.string(view(r.hash[:]))
	}
	if r.asked != 0 {
		h.pair(uint64(r.asked), uint64(r.askedAttempt))
		h.string(view(r.askedHash[:]))
	}
	if r.flags&purchaseURL != 0 {
		h.string(e.purchases.urls[slot])
	}
	if r.flags&purchaseOther != 0 {
		h.int(r.there)
		h.string(e.named(r.in))
	}
	return uint64(h)
}

// named returns a string of names, empty for 0.
func (e *Event) named(ref uint32) string {
	if ref == 0 {
		return ""
	}
	return e.names.get(ref)
}

// name keeps a string in names, 0 for none.
func (e *Event) name(s string) uint32 {
	if s == "" {
		return 0
	}
	return e.names.put(s)
}

// purchaseNamed finds a purchase by its number and incarnation.
func (e *Event) purchaseNamed(id PurchaseID, in Incarnation) (slot uint32, ok bool) {
	if id == 0 || uint64(id) > uint64(e.purchases.rows.rows) || in != e.purchaseIncarnation(id) {
		return 0, false
	}
	return uint32(id - 1), true
}

// payQueue is a heap of the purchases that have a deadline: by deadline and, of equal ones, by number, so that its order depends on nothing else.
type payQueue struct {
	slots [][]uint32
	n     int
}

func (q *payQueue) at(i int) *uint32 { return &q.slots[i>>slabShift][i&slabMask] }

func (q *payQueue) before(rows *slab[purchaseRow], a, b uint32) bool {
	x, y := rows.at(a).deadline, rows.at(b).deadline
	return x < y || x == y && a < b
}

func (q *payQueue) put(rows *slab[purchaseRow], i int, slot uint32) {
	*q.at(i) = slot
	rows.at(slot).due = uint32(i + 1)
}

func (q *payQueue) push(rows *slab[purchaseRow], slot uint32) {
	q.slots = growChunks(q.slots, q.n, 1, slabRows, firstRows)
	q.n++
	q.rise(rows, q.n-1, slot)
}

func (q *payQueue) rise(rows *slab[purchaseRow], i int, slot uint32) {
	for i > 0 && q.before(rows, slot, *q.at((i - 1) / 2)) {
		q.put(rows, i, *q.at((i - 1) / 2))
		i = (i - 1) / 2
	}
	q.put(rows, i, slot)
}

func (q *payQueue) sink(rows *slab[purchaseRow], i int, slot uint32) {
	for {
		below := 2*i + 1
		if below+1 < q.n && q.before(rows, *q.at(below + 1), *q.at(below)) {
			below++
		}
		if below >= q.n || !q.before(rows, *q.at(below), slot) {
			break
		}
		q.put(rows, i, *q.at(below))
		i = below
	}
	q.put(rows, i, slot)
}

// remove takes a purchase out. Its deadline is still the one that it was put in with.
func (q *payQueue) remove(rows *slab[purchaseRow], slot uint32) {
	i := int(rows.at(slot).due - 1)
	rows.at(slot).due = 0
	q.n--
	if i == q.n {
		return
	}
	last := *q.at(q.n)
	q.sink(rows, i, last)
	q.rise(rows, int(rows.at(last).due-1), last)
}

// first returns the purchase whose deadline is next.
func (q *payQueue) first() (slot uint32, ok bool) {
	if q.n == 0 {
		return 0, false
	}
	return *q.at(0), true
}
