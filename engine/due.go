package engine

// due knows which live hold is due next. Most holds are confirmed or released long before their deadline, so a hold is not put in order when it is granted:
// the holds whose ids share a chunk of holdSlots, 256 granted one after the other, are a batch, of which only a moment before which none of them is due is known.
// When that has come, an Expire sorts the batch into the wheel.
//
//	newest batch: the chunk that is being granted from
//	queue: a heap of the other chunks that are not sorted, by their moment
//	wheel: the holds of chunks that are sorted, each by its own deadline
//
// A grant touches nothing but the newest batch; an extension or the end of a hold that is not sorted touches nothing at all.
type due struct {
	wheel  wheel
	queue  [][]batch
	queued int
	newest batch
	any    bool // newest is one
	holds  int  // whose clock runs
}

// batch is the holds of a chunk of holdSlots that is not sorted.
type batch struct {
	deadline Instant // event time: no hold of the batch is due before it
	place    uint32  // of the chunk
}

// sortsPerExpire is how many batches an Expire sorts at most: 256 holds each, some 50 microseconds.
const sortsPerExpire = 4

func (d *due) at(i int) *batch { return &d.queue[i>>slabShift][i&slabMask] }

// push adds a batch to the queue.
func (d *due) push(b batch, holds *span) {
	d.queue = growChunks(d.queue, d.queued, 1, slabRows, firstRows)
	d.queued++
	d.rise(d.queued-1, b, holds)
}

// put writes a batch to a place in the queue, and into its chunk where it is.
func (d *due) put(i int, b batch, holds *span) {
	*d.at(i) = b
	holds.chunks[b.place].queued = uint32(i + 1)
}

// before is the order of the queue: by deadline and, of equal ones, by the ids of the holds. Without the second, the order in which holds end would depend on
// how the queue came about, and an event that was woken from its snapshot would end them in another.
func (d *due) before(a, b batch, holds *span) bool {
	return a.deadline < b.deadline || a.deadline == b.deadline && holds.chunks[a.place].number < holds.chunks[b.place].number
}

// rise moves a batch from i towards the head of the queue to where it belongs, sink away from it.
func (d *due) rise(i int, b batch, holds *span) {
	for i > 0 && d.before(b, *d.at((i - 1) / 2), holds) {
		d.put(i, *d.at((i - 1) / 2), holds)
		i = (i - 1) / 2
	}
	d.put(i, b, holds)
}

func (d *due) sink(i int, b batch, holds *span) {
	for {
		below := 2*i + 1
		if below+1 < d.queued && d.before(*d.at(below + 1), *d.at(below), holds) {
			below++
		}
		if below >= d.queued || !d.before(*d.at(below), b, holds) {
			break
		}
		d.put(i, *d.at(below), holds)
		i = below
	}
	d.put(i, b, holds)
}

// remove takes the batch of a chunk out of the queue, or out of the newest's place.
func (d *due) remove(c *spanChunk, holds *span) {
	if c.queued == 0 {
		if d.any && d.newest.place == c.place {
			d.any = false
		}
		return
	}
	i := int(c.queued - 1)
	c.queued = 0
	d.queued--
	if i == d.queued {
		return
	}
	last := *d.at(d.queued)
	d.sink(i, last, holds)
	d.rise(int(holds.chunks[last.place].queued-1), last, holds)
}

// first returns the batch that may be due first.
func (d *due) first(holds *span) (b batch, ok bool) {
	if d.queued > 0 {
		b, ok = *d.at(0), true
	}
	if d.any && (!ok || d.before(d.newest, b, holds)) {
		b, ok = d.newest, true
	}
	return b, ok
}

// clock starts the clock of a hold that has just got its place in holdSlots.
func (e *Event) clock(slot uint32) {
	row := e.holds.at(slot)
	c := e.holdSlots.chunk(uint64(row.id()) >> spanShift)
	d := &e.due
	d.holds++
	switch {
	case c.sorted:
		d.wheel.insert(&e.holds, slot)
	case c.queued > 0: // a hold that was read from a snapshot, or whose clock stood still
		e.sortBatch(c)
	case d.any && d.newest.place == c.place:
		d.newest.deadline = min(d.newest.deadline, row.expires)
	default:
		if d.any {
			d.push(d.newest, &e.holdSlots)
		}
		d.newest, d.any = batch{deadline: row.expires, place: c.place}, true
	}
}

// stopClock takes a hold out of what is due. Its deadline and its place in holdSlots are still there.
func (e *Event) stopClock(slot uint32) {
	e.due.holds--
	if e.holdSlots.chunk(uint64(e.holds.at(slot).id()) >> spanShift).sorted {
		e.due.wheel.remove(&e.holds, slot)
	}
}

// reclock gives a hold another deadline.
func (e *Event) reclock(slot uint32, expires Instant) {
	row := e.holds.at(slot)
	c := e.holdSlots.chunk(uint64(row.id()) >> spanShift)
	if !c.sorted && expires < row.expires { // no command does this, but a log could
		e.sortBatch(c)
	}
	if !c.sorted {
		row.expires = expires
		return
	}
	e.due.wheel.remove(&e.holds, slot)
	row.expires = expires
	e.due.wheel.insert(&e.holds, slot)
}

// sortBatch puts the holds of a batch into the wheel, those whose clock runs.
func (e *Event) sortBatch(c *spanChunk) {
	e.due.remove(c, &e.holdSlots)
	c.sorted = true
	for _, ref := range c.values {
		if ref != 0 && ref&endedTag == 0 && e.holds.at(ref-1).state() == HoldHeld {
			e.due.wheel.insert(&e.holds, ref-1)
		}
	}
}

// nextDue returns the hold that is due first at event time now, if any is. It sorts as many batches as sorts says, and counts them off: if more would have to
// be sorted to know, it returns none, and the next Expire goes on.
func (e *Event) nextDue(now Instant, sorts *int) (slot uint32, ok bool) {
	for {
		slot, ok = e.due.wheel.first(&e.holds)
		ok = ok && e.holds.at(slot).expires <= now
		b, any := e.due.first(&e.holdSlots)
		if !any || b.deadline > now || ok && !e.mayPrecede(b, slot) {
			return slot, ok
		}
		if *sorts == 0 {
			return 0, false
		}
		*sorts--
		e.sortBatch(e.holdSlots.chunks[b.place])
	}
}

// mayPrecede reports whether a hold of a batch may have to end before the hold in slot: holds end by their deadlines and, of equal ones, by their ids.
func (e *Event) mayPrecede(b batch, slot uint32) bool {
	row := e.holds.at(slot)
	return b.deadline < row.expires || b.deadline == row.expires && e.holdSlots.chunks[b.place].number<<spanShift < uint64(row.id())
}

// nextDeadline returns a moment in event time before which no hold is due: the exact deadline of the first, or an earlier one.
func (e *Event) nextDeadline() (at Instant, ok bool) {
	if e.due.holds == 0 {
		return 0, false
	}
	if slot, any := e.due.wheel.first(&e.holds); any {
		at, ok = e.holds.at(slot).expires, true
	}
	if b, any := e.due.first(&e.holdSlots); any && (!ok || b.deadline < at) {
		at, ok = b.deadline, true
	}
	return at, ok
}
