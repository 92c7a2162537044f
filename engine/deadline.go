package engine

import "math/bits"

// wheel orders live holds by deadline and, of equal deadlines, by id: buckets of buckets, by four bits of this key at a time, made only where holds
// are dense.
//
//	node (level 23) --0--> bucket: a - b - c
//	                --3--> node (level 20) --1--> bucket: d - e
//	                                       --f--> bucket: f - g - h
//
// A bucket is a list of hold rows, in no order, linked through the rows themselves. It holds at most bucketMax holds: one more, and it becomes a
// node. So the earliest hold is found in a few dozen reads, nothing ever moves more than a bucket, 100,000 equal deadlines are as good as
// different ones, and nothing cascades as time passes. The order does not depend on when holds were inserted.
type wheel struct {
	nodes slab[wheelNode]
	root  wheelKid
	count int
}

const (
	wheelBits = 4
	wheelFan  = 1 << wheelBits
	bucketMax = 32
	// Levels 0 to 13 look at the id, levels 14 to 29 at the deadline.
	wheelIDLevels = stateShift / wheelBits
)

// wheelKid is a bucket, a node or nothing.
type wheelKid struct {
	ref  uint32 // the slot of a bucket's first hold, or the node's slot
	size uint32 // holds in a bucket, or kidNode
}

const kidNode = ^uint32(0) // as wheelKid.size: ref is a node

type wheelNode struct {
	like  wheelKey // a key that shares with all keys below whatever is above level
	kids  [wheelFan]wheelKid
	used  uint16 // one bit a kid
	level uint8
}

// wheelKey is where a hold belongs.
type wheelKey struct {
	deadline uint64 // deadlines are never negative
	id       uint64
}

func keyOf(h *holdRow) wheelKey { return wheelKey{uint64(h.expires), uint64(h.id())} }

func (k wheelKey) before(o wheelKey) bool {
	return k.deadline < o.deadline || k.deadline == o.deadline && k.id < o.id
}

// digit returns the bits of a key at a level.
func (k wheelKey) digit(level uint8) uint8 {
	if level >= wheelIDLevels {
		return uint8(k.deadline >> (wheelBits * (level - wheelIDLevels)) & (wheelFan - 1))
	}
	return uint8(k.id >> (wheelBits * level) & (wheelFan - 1))
}

// parting returns the highest level at which two keys differ, -1 if they are equal.
func (k wheelKey) parting(o wheelKey) int {
	if d := k.deadline ^ o.deadline; d != 0 {
		return wheelIDLevels + (bits.Len64(d)-1)/wheelBits
	}
	return (bits.Len64(k.id^o.id)+wheelBits-1)/wheelBits - 1
}

// place names where a kid is kept, in a form that outlives growth of the nodes.
type place struct {
	node uint32 // node's slot + 1; 0 is the root
	kid  uint8
}

func (w *wheel) kid(p place) *wheelKid {
	if p.node == 0 {
		return &w.root
	}
	return &w.nodes.at(p.node - 1).kids[p.kid]
}

// insert adds a hold by its deadline and id.
func (w *wheel) insert(rows *slab[holdRow], slot uint32) {
	key := keyOf(rows.at(slot))
	w.count++
	var p place
	for {
		k := w.kid(p)
		switch k.size {
		case kidNode:
			n := w.nodes.at(k.ref)
			if level := key.parting(n.like); level > int(n.level) {
				w.raise(p, uint8(level))
			} else {
				p = place{node: k.ref + 1, kid: key.digit(n.level)}
			}
		case bucketMax:
			w.burst(rows, p, key)
		default:
			if k.size == 0 && p.node != 0 {
				w.nodes.at(p.node - 1).used |= 1 << p.kid
			}
			k.push(rows, slot)
			return
		}
	}
}

// push puts a hold in front of a bucket. At its ends the links of a bucket lead to the hold itself.
func (k *wheelKid) push(rows *slab[holdRow], slot uint32) {
	row := rows.at(slot)
	row.next, row.prev = slot, slot
	if k.size > 0 {
		row.next = k.ref
		rows.at(k.ref).prev = slot
	}
	k.ref = slot
	k.size++
}

// raise puts a new node at level above the node at p.
func (w *wheel) raise(p place, level uint8) {
	slot := w.nodes.alloc()
	k := w.kid(p)
	n := w.nodes.at(slot)
	n.like, n.level = w.nodes.at(k.ref).like, level
	at := n.like.digit(level)
	n.kids[at], n.used = *k, 1<<at
	*k = wheelKid{ref: slot, size: kidNode}
}

// burst turns the full bucket at p into a node at the level where its keys and one more part.
func (w *wheel) burst(rows *slab[holdRow], p place, key wheelKey) {
	slot := w.nodes.alloc()
	k := w.kid(p)
	n := w.nodes.at(slot)
	level := 0
	for i, s := 0, k.ref; i < bucketMax; i++ {
		row := rows.at(s)
		level = max(level, key.parting(keyOf(row)))
		s = row.next
	}
	n.like, n.level = key, uint8(level)
	for i, s := 0, k.ref; i < bucketMax; i++ {
		row := rows.at(s)
		next, at := row.next, keyOf(row).digit(n.level)
		n.kids[at].push(rows, s)
		n.used |= 1 << at
		s = next
	}
	*k = wheelKid{ref: slot, size: kidNode}
}

// remove takes a hold out. Its deadline is still the one it was inserted with.
func (w *wheel) remove(rows *slab[holdRow], slot uint32) {
	row := rows.at(slot)
	key := keyOf(row)
	w.count--
	var p, parent place
	for w.kid(p).size == kidNode {
		k := w.kid(p)
		parent, p = p, place{node: k.ref + 1, kid: key.digit(w.nodes.at(k.ref).level)}
	}
	k := w.kid(p)
	k.size--
	first, last := row.prev == slot, row.next == slot
	switch {
	case first && last:
		k.ref = 0
	case first:
		k.ref = row.next
		rows.at(row.next).prev = row.next
	case last:
		rows.at(row.prev).next = row.prev
	default:
		rows.at(row.prev).next = row.next
		rows.at(row.next).prev = row.prev
	}
	if k.size > 0 || p.node == 0 {
		return
	}
	// A node always has two kids or more: with one left, that kid takes the node's place.
	n := w.nodes.at(p.node - 1)
	n.used &^= 1 << p.kid
	if n.used&(n.used-1) == 0 {
		*w.kid(parent) = n.kids[bits.TrailingZeros16(n.used)]
		w.nodes.release(p.node - 1)
	}
}

// first returns the hold with the earliest deadline and, of those, the lowest id.
func (w *wheel) first(rows *slab[holdRow]) (uint32, bool) {
	k := w.root
	for k.size == kidNode {
		n := w.nodes.at(k.ref)
		k = n.kids[bits.TrailingZeros16(n.used)]
	}
	best, s := k.ref, k.ref
	for i := uint32(1); i < k.size; i++ {
		s = rows.at(s).next
		if keyOf(rows.at(s)).before(keyOf(rows.at(best))) {
			best = s
		}
	}
	return best, k.size > 0
}
