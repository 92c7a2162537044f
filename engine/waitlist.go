package engine

// The waiting list of an event: who wants tickets that are sold out. Freed tickets go to the first whom they fit, before the line and before everybody else: as a
// hold, which the buyer pays in time or, where that was agreed, the shell buys at once. It is there with a line and without.
//
//	waiting ──> offered ──> bought                     the hold became an order
//	   │           ├──────> lapsed, released, unpaid   its time ran out, the buyer gave it back, the saved method could not be charged
//	   ├──────> left, took, unfit                      the buyer gave the place up, took other tickets, or wishes for what cannot be any more
//
// A wish is one lot, and how many side by side or not; a waiter has some, the dearest first. Wishes for as many tickets of the same lot are of one kind, and a kind
// is served in the order in which its waiters came: what fits its first fits all. So the first who fits is the earliest among the firsts of all kinds that fit.
//
// Whoever does not fit is passed over when somebody behind gets tickets of a wished lot, or of one with which it shares a pool. The first of a kind that was
// passed over PassedOverMax times has freed tickets kept, as many as it wishes for (of a lot that it wants side by side: all), until it fits, gives up, or the
// time of keeping is over; then the count starts anew. What is kept is not there for those behind it, nor for everybody else.

// WaitState is where somebody is who waits for tickets. The numbers are part of the log's format.
type WaitState uint8

// The states of a waiter; those behind offered are final.
const (
	WaitWaiting  WaitState = iota + 1
	WaitOffered            // tickets are held for the buyer
	WaitBought             // and are bought
	WaitLapsed             // their time ran out
	WaitReleased           // the buyer gave them back
	WaitUnpaid             // they could not be paid as agreed: the method is gone, or was declined
	WaitLeft               // the buyer gave the place up
	WaitTook               // the buyer took tickets without waiting for the turn
	WaitUnfit              // nothing of what the buyer wishes for can be any more, by a limit or the highest price
	waitStatesEnd
	WaitOver // only shown: the event has ended before the turn came
)

// String returns the state's name on the wire.
func (s WaitState) String() string {
	switch s {
	case WaitWaiting:
		return "waiting"
	case WaitOffered:
		return "offered"
	case WaitBought:
		return "bought"
	case WaitLapsed:
		return "lapsed"
	case WaitReleased:
		return "released"
	case WaitUnpaid:
		return "unpaid"
	case WaitLeft:
		return "left"
	case WaitTook:
		return "took"
	case WaitUnfit:
		return "unfit"
	case WaitOver:
		return "over"
	case waitStatesEnd:
	}
	return "unknown"
}

// live reports whether the state keeps its buyer from waiting once more.
func (s WaitState) live() bool { return s == WaitWaiting || s == WaitOffered }

// Wish is what somebody waits for: so many sales of a lot. Together wants seats side by side; of a lot without seats it means nothing.
type Wish struct {
	Lot      string
	Quantity int64 // 1 to WishQuantityMax
	Together bool
}

// waitWish is a wish of a waiter.
type waitWish struct {
	lot      uint32
	quantity uint16
	together bool
	struck   bool // it cannot be any more
}

// waiterRow is one who waits: 64 bytes. Waiter n is in slot n-1. They are kept for good, as evidence.
type waiterRow struct {
	buyer     uint32
	joined    uint32 // seconds since the event was created
	maxPrice  int64  // total with fees that may not be exceeded, if waitPriced
	method    uint32 // in names: what is to be charged; 0 without auto-buy
	agreement uint32 // in names
	wishes    [WishesMax]waitWish
	state     WaitState
	count     uint8 // of wishes
	flags     uint8
	before    uint8  // how often the buyer had waited before
	code      uint32 // slot + 1 of the code that the tickets are to be taken with; 0 is none
}

const (
	waitAuto      = 1 << iota // bought as soon as it is offered, under the agreement
	waitPriced                // there is a highest price
	waitFirst                 // has paid, too late: before all who have not
	waitCoded                 // there is a code
	waitPriceSeen             // the highest price was not said: it is what the dearest wish cost when the buyer agreed to be charged
	waitFlagsEnd
)

// waitKind is the wishes for as many sales of one lot.
type waitKind struct {
	lot      uint32
	quantity uint16
	together bool
	firsts   fifo[uint32] // wishRefs in order, of those who have paid too late; those that are over are dropped when they are first
	queue    fifo[uint32] // of all others
	waiting  int          // of both, not over

	// How often the first was passed over. It counts for the waiter it was begun for, and for nobody after.
	counted uint32  // slot + 1
	passed  uint32  //
	until   Instant // event time until which tickets are kept; 0 if none are
}

// wishRef names a wish: the waiter's slot and which of the wishes it is.
func wishRef(slot uint32, wish int) uint32 { return slot<<wishBits | uint32(wish) }

const wishBits = 2 // WishesMax is 4

// order is the order of wishes: of those who have paid too late first, then as waiters came, and of the same waiter by preference.
func (w *waitList) order(ref uint32) uint64 {
	return w.rank(ref>>wishBits)<<wishBits | uint64(ref&(WishesMax-1))
}

// rank is the order of waiters.
func (w *waitList) rank(slot uint32) uint64 {
	if w.rows.at(slot).flags&waitFirst != 0 {
		return uint64(slot)
	}
	return uint64(slot) | 1<<32
}

// waitList is all that an event has of its waiting list.
type waitList struct {
	rows     slab[waiterRow] // for good
	newest   slotMap         // of a buyer
	kinds    []waitKind      // in the order in which somebody first wished so
	counts   [waitStatesEnd]int
	waiting  []int32  // how many of each 1,024 waiters wait: to find out who is ahead
	early    []uint32 // slots of those who have paid too late
	offering uint32   // slot + 1 and wish of whom the next fact is the hold; between two facts of a step

	// Volatile.
	look    bool          // somebody may fit who did not: not looked since
	due     Instant       // event time of the first end of a time of keeping since the last look; 0 if there is none
	keeping bool          // lots and pools are for the command that is judged
	closed  bool          // to the command that is judged: freed tickets are to be offered first
	lots    []int64       // units that are kept from it, by lot
	pools   []int64       // by pool
	firsts  []waitFirstOf // of the kinds that may be served or are kept for, in their order: scratch
}

// everybody is the rank of those who do not wait: behind all that do.
const everybody = 1 << 63

// listHere returns the event's waiting list, made if there is none yet.
func (e *Event) listHere() *waitList {
	if e.list == nil {
		e.list = new(waitList)
	}
	return e.list
}

// waiterOf finds the newest waiter of a buyer (slot + 1, or 0): its slot + 1, or 0.
func (e *Event) waiterOf(buyer uint32) uint32 {
	if buyer == 0 || e.list == nil {
		return 0
	}
	return e.list.newest.get(buyer - 1)
}

// liveWaiter is waiterOf, of those who still wait or have an offer.
func (e *Event) liveWaiter(buyer uint32) uint32 {
	if at := e.waiterOf(buyer); at != 0 && e.list.rows.at(at-1).state.live() {
		return at
	}
	return 0
}

// kindOf finds the kind of a wish, made if it is missing.
func (w *waitList) kindOf(wish *waitWish) *waitKind {
	for i := range w.kinds {
		if k := &w.kinds[i]; k.lot == wish.lot && k.quantity == wish.quantity && k.together == wish.together {
			return k
		}
	}
	w.kinds = append(w.kinds, waitKind{lot: wish.lot, quantity: wish.quantity, together: wish.together})
	return &w.kinds[len(w.kinds)-1]
}

// hasKind reports whether there is a kind for a wish.
func (w *waitList) hasKind(wish *waitWish) bool {
	for i := range w.kinds {
		if k := &w.kinds[i]; k.lot == wish.lot && k.quantity == wish.quantity && k.together == wish.together {
			return true
		}
	}
	return false
}

// enqueue puts the wishes of a waiter who has just come behind all others of their kinds.
func (w *waitList) enqueue(slot uint32) {
	r := w.rows.at(slot)
	for i := range r.count {
		if k := w.kindOf(&r.wishes[i]); r.state == WaitWaiting && !r.wishes[i].struck {
			queue := &k.queue
			if r.flags&waitFirst != 0 {
				queue = &k.firsts
			}
			_, at := queue.push()
			*at = wishRef(slot, int(i))
			k.waiting++
		}
	}
}

// dequeue takes the wishes of a waiter out whose turn has come, or who gives up. The queues drop them later.
func (w *waitList) dequeue(slot uint32) {
	r := w.rows.at(slot)
	for i := range r.count {
		if !r.wishes[i].struck {
			w.kindOf(&r.wishes[i]).waiting--
		}
	}
}

// first is the wish that is first of a kind of which somebody waits.
func (w *waitList) first(k *waitKind) uint32 {
	if ref, ok := w.firstOf(&k.firsts); ok {
		return ref
	}
	ref, ok := w.firstOf(&k.queue)
	if !ok {
		panic("engine: nobody waits for what somebody waits for")
	}
	return ref
}

// firstOf is the first wish of a queue that is not over; those before it are dropped.
func (w *waitList) firstOf(q *fifo[uint32]) (ref uint32, ok bool) {
	for q.head < q.tail {
		ref := *q.at(q.head)
		if r := w.rows.at(ref >> wishBits); r.state == WaitWaiting && !r.wishes[ref&(WishesMax-1)].struck {
			return ref, true
		}
		q.pop()
	}
	return 0, false
}

// second is the wish behind the first of a kind, for a planted bug.
func (w *waitList) second(k *waitKind) uint32 {
	for pos := k.queue.head + 1; pos < k.queue.tail; pos++ {
		ref := *k.queue.at(pos)
		if r := w.rows.at(ref >> wishBits); r.state == WaitWaiting && !r.wishes[ref&(WishesMax-1)].struck {
			return ref
		}
	}
	return w.first(k)
}

// count is how often the first of a kind was passed over, for whom, and until when tickets are kept: zero unless that is who is first now.
func (w *waitList) count(k *waitKind) (counted, passed uint32, until Instant) {
	if k.counted == 0 || k.waiting == 0 || w.first(k)>>wishBits != k.counted-1 {
		return 0, 0, 0
	}
	return k.counted, k.passed, k.until
}

// startAnew forgets how often somebody was passed over who is not the first of a kind any more: somebody has come who is before.
func (k *waitKind) startAnew(w *waitList) {
	if counted, _, _ := w.count(k); counted == 0 {
		k.counted, k.passed, k.until = 0, 0, 0
	}
}

// waiterHash is the hash of a waiter.
func (e *Event) waiterHash(slot uint32) uint64 {
	r := e.list.rows.at(slot)
	h := hasher(e.buyerHash(r.buyer) ^ hashK3)
	h.pair(uint64(slot)|uint64(r.joined)<<32, uint64(r.state)|uint64(r.count)<<8|uint64(r.flags)<<16|uint64(r.before)<<24)
	h.int(r.maxPrice)
	for i := range r.count {
		w := &r.wishes[i]
		h.pair(uint64(w.lot), uint64(w.quantity))
		h.bool(w.together)
		h.bool(w.struck)
	}
	h.string(e.named(r.method))
	h.string(e.named(r.agreement))
	if r.code != 0 {
		h.word(uint64(r.code))
	}
	return uint64(h)
}

// listHash is what the waiting list adds to the state hash beside its waiters: nothing where there is none.
func (e *Event) listHash() uint64 {
	if e.list == nil {
		return 0
	}
	h := hasher(hashK3 ^ e.seed)
	h.pair(uint64(e.list.rows.rows), uint64(len(e.list.kinds)))
	for i := range e.list.kinds {
		counted, passed, until := e.list.count(&e.list.kinds[i])
		h.pair(uint64(counted), uint64(passed))
		h.word(uint64(until))
	}
	return uint64(h)
}

// setWaiter changes where a waiter is.
func (e *Event) setWaiter(slot uint32, state WaitState) {
	w := e.list
	r := w.rows.at(slot)
	e.rows -= e.waiterHash(slot)
	if r.state == WaitWaiting {
		w.dequeue(slot)
		w.waiting[slot>>slabShift]--
	}
	w.counts[r.state]--
	r.state = state
	w.counts[state]++
	e.rows += e.waiterHash(slot)
	w.look = true // what was kept for it is there for others
}

// mayFit reports whether somebody may fit who did not at the last look: something was freed, or a time of keeping has ended.
func (w *waitList) mayFit(now Instant) bool { return w.look || w.due != 0 && w.due <= now }

// keptUntil notes that there is a time of keeping, and when it ends.
func (w *waitList) keptUntil(end Instant) {
	if end != 0 && (w.due == 0 || end < w.due) {
		w.due = end
	}
}

// lookAgain notes that somebody may fit who did not.
func (e *Event) lookAgain() {
	if e.list != nil {
		e.list.look = true
	}
}
