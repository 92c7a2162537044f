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
// time of keeping is over; then the count starts anew, and the next time of keeping is twice as long: however slowly tickets come back, one is long enough. What is
// kept is not there for those behind it, nor for everybody else.

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

// wishKind is what wishes of one kind have in common: so many sales of one lot, side by side or not.
type wishKind struct {
	lot      uint32
	quantity uint16
	together bool
}

func (w *waitWish) kind() wishKind { return wishKind{w.lot, w.quantity, w.together} }

// waitKind is the wishes of a kind of which somebody waits. When nobody does any more it is given back.
type waitKind struct {
	wishKind
	first   uint64 // the order of the first of them
	passing passing
	waiting int
	*waitQueues
}

// waitQueues are the wishRefs of a kind in order; those that are over are dropped when they are first.
type waitQueues struct {
	firsts fifo[uint32] // of those who have paid too late
	queue  fifo[uint32] // of all others
}

// passing is how often the first of a kind was passed over. It is forgotten with that waiter: when another one is first.
type passing struct {
	until  Instant // event time until which tickets are kept; 0 if none are
	passed uint8   // times since the last time of keeping
	rounds uint8   // times of keeping that are over and were not enough
}

// wishRef names a wish: the waiter's slot and which of the wishes it is.
func wishRef(slot uint32, wish int) uint32 { return slot<<wishBits | uint32(wish) }

const wishBits = 2 // WishesMax is 4

// order is the order of wishes: of those who have paid too late first, then as waiters came, and of the same waiter by preference.
// The lower half of it is the wishRef.
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
	kinds    []waitKind      // of which somebody waits, in an order that means nothing
	kindAt   map[wishKind]uint32
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
		e.list = &waitList{kindAt: map[wishKind]uint32{}}
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

// kindOf finds the kind of a wish of somebody who waits. It is good until the next who waits no more.
func (w *waitList) kindOf(wish *waitWish) *waitKind { return &w.kinds[w.kindAt[wish.kind()]] }

// kindsWith is how many kinds there are if somebody waits for these wishes too, those that cannot be any more aside.
func (e *Event) kindsWith(wishes []waitWish) (kinds int) {
	var has map[wishKind]uint32
	if e.list != nil {
		kinds, has = len(e.list.kinds), e.list.kindAt
	}
	for i := range wishes {
		if _, ok := has[wishes[i].kind()]; !ok && !wishes[i].struck {
			kinds++
		}
	}
	return kinds
}

// enqueue puts the wishes of a waiter who has just come behind all others of their kinds.
func (w *waitList) enqueue(slot uint32) {
	r := w.rows.at(slot)
	for i := range r.count {
		wish := &r.wishes[i]
		if r.state != WaitWaiting || wish.struck {
			continue
		}
		at, ok := w.kindAt[wish.kind()]
		if !ok {
			at = uint32(len(w.kinds))
			w.kinds = append(w.kinds, waitKind{wishKind: wish.kind(), waitQueues: new(waitQueues)})
			w.kindAt[wish.kind()] = at
		}
		k := &w.kinds[at]
		queue := &k.queue
		if r.flags&waitFirst != 0 {
			queue = &k.firsts
		}
		_, ref := queue.push()
		*ref = wishRef(slot, int(i))
		if order := w.order(*ref); k.waiting == 0 || order < k.first {
			k.first, k.passing = order, passing{}
		}
		k.waiting++
	}
}

// dequeue takes the wishes out of a waiter who waits no more.
func (w *waitList) dequeue(slot uint32) {
	r := w.rows.at(slot)
	for i := range r.count {
		if !r.wishes[i].struck {
			w.dequeueWish(wishRef(slot, int(i)))
		}
	}
}

// dequeueWish takes a wish out that is over. A kind of which nobody waits any more is given back, so that there is room for others.
func (w *waitList) dequeueWish(ref uint32) {
	kind := w.rows.at(ref >> wishBits).wishes[ref&(WishesMax-1)].kind()
	at := w.kindAt[kind]
	k := &w.kinds[at]
	if k.waiting--; k.waiting > 0 {
		if uint32(k.first) == ref {
			k.first, k.passing = w.order(w.front(k)), passing{}
		}
		return
	}
	last := len(w.kinds) - 1
	*k = w.kinds[last]
	w.kindAt[k.wishKind] = at
	delete(w.kindAt, kind)
	w.kinds[last] = waitKind{}
	w.kinds = w.kinds[:last]
}

// front finds the first wish of a kind.
func (w *waitList) front(k *waitKind) uint32 {
	if ref, ok := w.frontOf(&k.firsts); ok {
		return ref
	}
	ref, ok := w.frontOf(&k.queue)
	if !ok {
		panic("engine: nobody waits for what somebody waits for")
	}
	return ref
}

// frontOf is the first wish of a queue that is not over; those before it are dropped.
func (w *waitList) frontOf(q *fifo[uint32]) (ref uint32, ok bool) {
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
	return uint32(k.first)
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

// listHash is what the waiting list adds to the state hash beside its waiters: nothing where there is none. Which kinds there are follows from the waiters.
func (e *Event) listHash() uint64 {
	if e.list == nil {
		return 0
	}
	h := hasher(hashK3 ^ e.seed)
	h.word(uint64(e.list.rows.rows))
	sum := uint64(h)
	for i := range e.list.kinds {
		k := &e.list.kinds[i]
		if p := &k.passing; p.passed != 0 {
			h := hasher(hashK3 ^ e.seed)
			h.pair(k.first, uint64(p.passed)|uint64(p.rounds)<<8)
			h.word(uint64(p.until))
			sum += uint64(h)
		}
	}
	return sum
}

// setWaiter changes where a waiter is.
func (e *Event) setWaiter(slot uint32, state WaitState) {
	w := e.list
	r := w.rows.at(slot)
	e.rows -= e.waiterHash(slot)
	was := r.state
	r.state = state
	if was == WaitWaiting {
		w.dequeue(slot)
		w.waiting[slot>>slabShift]--
	}
	w.counts[was]--
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
