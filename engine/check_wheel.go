package engine

// wheelParts is how much of the wheel is at and below a place.
type wheelParts struct{ holds, nodes, buckets int }

// wheel verifies that every hold whose clock runs is in the one bucket of its deadline.
func (c *checker) wheel() error {
	e := c.e
	n, err := c.kid(e.due.wheel.root, nil)
	if err != nil {
		return err
	}
	unsorted, err := c.batches()
	if err != nil {
		return err
	}
	if w := &e.due.wheel; n.holds+unsorted != c.held || e.due.holds != c.held || n.holds != w.count || n.nodes != w.nodes.live() || n.buckets != w.buckets.live() {
		return e.broken("the wheel has %+v beside %d unsorted holds, it says %d holds, %d nodes, %d buckets, of %d", n, unsorted, w.count, w.nodes.live(), w.buckets.live(), c.held)
	}
	return nil
}

// batches counts the holds whose clock runs and that are not sorted, and verifies that none of them is due before its batch.
func (c *checker) batches() (holds int, err error) {
	e, queued := c.e, 0
	for _, chunk := range e.holdSlots.chunks {
		if chunk == nil || chunk.sorted {
			continue
		}
		b := batch{place: chunk.place}
		inQueue := chunk.queued > 0
		if inQueue {
			queued++
			b = *e.due.at(int(chunk.queued - 1))
		} else if e.due.any && e.due.newest.place == chunk.place {
			inQueue, b = true, e.due.newest
		}
		for _, ref := range chunk.values {
			if ref == 0 || ref&endedTag != 0 || e.holds.at(ref-1).state() != HoldHeld {
				continue
			}
			holds++
			if h := e.holds.at(ref - 1); !inQueue || b.place != chunk.place || h.expires < b.deadline {
				return 0, e.broken("hold %d is due at %d, its batch at %d", h.id(), h.expires, b.deadline)
			}
		}
	}
	if queued != e.due.queued {
		return 0, e.broken("%d batches wait in a queue of %d", queued, e.due.queued)
	}
	return holds, nil
}

// kid counts what is at and below a kid of a node, nil for the root.
func (c *checker) kid(k wheelKid, above *wheelNode) (n wheelParts, err error) {
	if k.isNode() {
		return c.node(k, above)
	}
	if k == 0 {
		return n, nil
	}
	e := c.e
	slots := e.due.wheel.slots(k)
	if len(slots) == 0 {
		return n, e.broken("a bucket of the wheel is empty")
	}
	for _, s := range slots {
		h := e.holds.at(s)
		if h.idState == 0 {
			return n, e.broken("a bucket has slot %d, which is free", s)
		}
		if above != nil && !c.below(keyOf(h), k, above) {
			return n, e.broken("hold %d is in a bucket of level %d, not of its deadline %d", h.id(), above.level, h.expires)
		}
	}
	return wheelParts{holds: len(slots), buckets: 1}, nil
}

// below reports whether a key belongs below the kid k of a node.
func (c *checker) below(key wheelKey, k wheelKid, above *wheelNode) bool {
	return key.parting(above.like) <= int(above.level) && above.kids[key.digit(above.level)] == k
}

func (c *checker) node(k wheelKid, above *wheelNode) (sum wheelParts, err error) {
	n := c.e.due.wheel.nodes.at(k.node())
	if above != nil && (n.level >= above.level || !c.below(n.like, k, above)) {
		return sum, c.e.broken("a node of level %d is below one of level %d", n.level, above.level)
	}
	sum.nodes = 1
	for i, kid := range n.kids {
		if (kid != 0) != (n.used>>i&1 != 0) {
			return sum, c.e.broken("a node of the wheel does not know its kids")
		}
		below, err := c.kid(kid, n)
		if err != nil {
			return sum, err
		}
		sum.holds, sum.nodes, sum.buckets = sum.holds+below.holds, sum.nodes+below.nodes, sum.buckets+below.buckets
	}
	if n.used&(n.used-1) == 0 {
		return sum, c.e.broken("a node of the wheel has a single kid")
	}
	return sum, nil
}
