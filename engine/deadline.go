package engine

import "math/bits"

// wheel orders live holds by deadline: buckets of buckets, by four bits of the deadline at a time, made only where holds are dense.
//
//	node (level 9) --0--> bucket: a -> b -> c
//	               --3--> node (level 6) --1--> bucket: d -> e
//	                                     --f--> bucket: f -> f' -> f''   (equal deadlines: any number)
//
// A bucket is a list of hold rows, linked through the rows themselves. It holds at most bucketMixedMax holds of different deadlines or any
// number of one deadline, so that the earliest hold is always found in a few dozen reads, inserting moves at most bucketMixedMax rows, and
// 100,000 equal deadlines cost no more than one. Nothing cascades as time passes.
//
// Buckets are in the order of the ids: of equal deadlines the lowest id is the first out, whatever was extended, asleep or replayed in between.
type wheel struct {
	nodes slab[wheelNode]
	root  wheelKid
	count int
}

const (
	wheelBits      = 4
	wheelFan       = 1 << wheelBits
	bucketMixedMax = 32
)

// wheelKid is a bucket, a node or nothing. It knows both ends of a bucket, so that adding to it touches no other hold but the last.
type wheelKid struct {
	ref  uint32 // the first hold's slot of a bucket, or the node's slot
	last uint32 // the last hold's slot of a bucket
	size uint32 // holds in a bucket, or kidNode
}

const (
	kidNode  = 1 << 31 // in wheelKid.size: ref is a node
	kidMixed = 1 << 30 // in wheelKid.size: the bucket may hold different deadlines
	kidCount = kidMixed - 1
)

type wheelNode struct {
	prefix uint64 // what all deadlines below have in common: the bits above the node's own
	used   uint16 // one bit a kid
	level  uint8  // the node looks at bits 4*level to 4*level+3
	kids   [wheelFan]wheelKid
}

// above returns the bits of a deadline above a level.
func above(key uint64, level uint8) uint64 { return key >> (wheelBits * level) >> wheelBits }

// digit returns the bits of a deadline at a level.
func digit(key uint64, level uint8) uint64 { return key >> (wheelBits * level) & (wheelFan - 1) }

// parting returns the level of the highest bits that differ in different.
func parting(different uint64) uint8 { return uint8((bits.Len64(different) - 1) / wheelBits) }

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

// deadline is a hold's key. Deadlines are never negative.
func deadline(rows *slab[holdRow], slot uint32) uint64 { return uint64(rows.at(slot).expires) }

// insert adds a hold by its deadline.
func (w *wheel) insert(rows *slab[holdRow], slot uint32) {
	key := deadline(rows, slot)
	w.count++
	var p place
	for {
		k := w.kid(p)
		switch {
		case k.size == 0:
			*k = bucketOf(rows, slot)
			if p.node != 0 {
				w.nodes.at(p.node - 1).used |= 1 << p.kid
			}
			return
		case k.size&kidNode != 0:
			n := w.nodes.at(k.ref)
			if prefix := above(key, n.level); prefix != n.prefix {
				// The new deadline leaves the path above this node: put a node where they part.
				w.raise(p, key, parting(n.prefix^prefix)+n.level+1)
				continue
			}
			p = place{node: k.ref + 1, kid: uint8(digit(key, n.level))}
		case k.size&kidCount < bucketMixedMax || k.size&kidMixed == 0 && deadline(rows, k.last) == key:
			k.add(rows, slot, key)
			return
		default:
			w.burst(rows, p, key)
		}
	}
}

// bucketOf returns a bucket of one hold.
func bucketOf(rows *slab[holdRow], slot uint32) wheelKid {
	row := rows.at(slot)
	row.next, row.prev = slot, slot
	return wheelKid{ref: slot, last: slot, size: 1}
}

// add puts a hold into a bucket, in the order of the ids: a new hold at the end, an extended one where it belongs. At its ends the links of a
// bucket lead to the hold itself.
func (k *wheelKid) add(rows *slab[holdRow], slot uint32, key uint64) {
	last, row := rows.at(k.last), rows.at(slot)
	if uint64(last.expires) != key {
		k.size |= kidMixed
	}
	k.size++
	id := row.id()
	if last.id() <= id {
		row.next, row.prev = slot, k.last
		last.next = slot
		k.last = slot
		return
	}
	after := k.last // the first hold with a higher id
	for after != k.ref && rows.at(rows.at(after).prev).id() > id {
		after = rows.at(after).prev
	}
	higher := rows.at(after)
	row.next, row.prev = after, higher.prev
	if after == k.ref {
		row.prev, k.ref = slot, slot
	} else {
		rows.at(higher.prev).next = slot
	}
	higher.prev = slot
}

// raise puts a new node at level above the node at p.
func (w *wheel) raise(p place, key uint64, level uint8) {
	slot := w.nodes.alloc()
	k := w.kid(p)
	below := w.nodes.at(k.ref)
	n := w.nodes.at(slot)
	// The node below has the prefix of the new node and one digit more at level.
	at := below.prefix >> (wheelBits * (level - below.level - 1)) & (wheelFan - 1)
	n.prefix, n.level, n.used = above(key, level), level, 1<<at
	n.kids[at] = *k
	*k = wheelKid{ref: slot, size: kidNode}
}

// burst turns the full bucket at p into a node at the level where its deadlines and key part.
func (w *wheel) burst(rows *slab[holdRow], p place, key uint64) {
	slot := w.nodes.alloc()
	k := w.kid(p)
	bucket := *k
	different := uint64(0)
	if bucket.size&kidMixed == 0 {
		different = deadline(rows, bucket.ref) ^ key
	} else {
		for i, s := uint32(0), bucket.ref; i < bucket.size&kidCount; i++ {
			different |= deadline(rows, s) ^ key
			s = rows.at(s).next
		}
	}
	if different == 0 {
		// Marked mixed, but all are equal by now, and equal to the new one.
		k.size &^= kidMixed
		w.nodes.release(slot)
		return
	}
	n := w.nodes.at(slot)
	n.level = parting(different)
	n.prefix = above(key, n.level)
	*k = wheelKid{ref: slot, size: kidNode}
	if bucket.size&kidMixed == 0 {
		at := digit(deadline(rows, bucket.ref), n.level)
		n.kids[at], n.used = bucket, 1<<at
		return
	}
	for i, s := uint32(0), bucket.ref; i < bucket.size&kidCount; i++ {
		next, k := rows.at(s).next, deadline(rows, s)
		at := digit(k, n.level)
		if kid := &n.kids[at]; kid.size == 0 {
			*kid = bucketOf(rows, s)
			n.used |= 1 << at
		} else {
			kid.add(rows, s, k)
		}
		s = next
	}
}

// remove takes a hold out. Its deadline is still the one it was inserted with.
func (w *wheel) remove(rows *slab[holdRow], slot uint32) {
	key := deadline(rows, slot)
	w.count--
	var p, parent place
	for w.kid(p).size&kidNode != 0 {
		k := w.kid(p)
		parent, p = p, place{node: k.ref + 1, kid: uint8(digit(key, w.nodes.at(k.ref).level))}
	}
	k := w.kid(p)
	row := rows.at(slot)
	switch first, last := k.ref == slot, k.last == slot; {
	case first && last:
	case first:
		k.ref = row.next
		rows.at(k.ref).prev = k.ref
	case last:
		k.last = row.prev
		rows.at(k.last).next = k.last
	default:
		rows.at(row.prev).next = row.next
		rows.at(row.next).prev = row.prev
	}
	k.size--
	if k.size&kidCount > 0 {
		return
	}
	*k = wheelKid{}
	if p.node == 0 {
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

// first returns the hold with the earliest deadline.
func (w *wheel) first(rows *slab[holdRow]) (uint32, bool) {
	k := w.root
	if k.size == 0 {
		return 0, false
	}
	for k.size&kidNode != 0 {
		n := w.nodes.at(k.ref)
		k = n.kids[bits.TrailingZeros16(n.used)]
	}
	best := k.ref
	if k.size&kidMixed == 0 {
		return best, true
	}
	for s := k.ref; s != k.last; {
		s = rows.at(s).next
		if rows.at(s).expires < rows.at(best).expires {
			best = s
		}
	}
	return best, true
}
