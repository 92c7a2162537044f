package engine

import "math/bits"

// wheel orders live holds by deadline and, of equal deadlines, by id: buckets of buckets, by four bits of this key at a time, made only where holds
// are dense.
//
//	node (level 23) --0--> bucket: | 3 | a | b | c |
//	                --3--> node (level 20) --1--> bucket: | 2 | d | e |
//	                                       --f--> bucket: | 3 | f | g | h |
//
// A bucket is slots of holds, in no order, behind their number; it takes 3, 7, 15 or 31 of them, and with one more it becomes a node. So the earliest hold
// is found in a few dozen reads, nothing ever moves more than a bucket, 100,000 equal deadlines are as good as different ones, and nothing cascades as
// time passes. The order does not depend on when holds were inserted. Among ten million holds an insert touches one line of a node and one of a bucket that
// are not in the cache, and an entry costs about seven bytes.
type wheel struct {
	nodes    slab[wheelNode]
	buckets  blocks[uint32]
	root     wheelKid
	count    int
	earliest uint32 // slot + 1 of the first hold; 0: not known
}

const (
	wheelBits = 4
	wheelFan  = 1 << wheelBits

	bucketUnit    = 4 // slots and their number, in the smallest bucket
	bucketSizes   = 4 // each twice as large as the one before
	bucketMax     = bucketUnit<<(bucketSizes-1) - 1
	kidNode       = 1 << 31 // a kid that is a node
	kidSizeShift  = 28      // of the number of a bucket's size, from 1
	wheelIDLevels = stateShift / wheelBits
	// Levels 0 to 13 look at the id, levels 14 to 29 at the deadline.
)

// wheelKid is a node, a bucket, or nothing, which is 0.
type wheelKid uint32

func (k wheelKid) isNode() bool { return k&kidNode != 0 }
func (k wheelKid) node() uint32 { return uint32(k &^ kidNode) }
func (k wheelKid) class() int   { return 1 << (k>>kidSizeShift - 1) }

type wheelNode struct {
	kids  [wheelFan]wheelKid
	like  wheelKey // a key that shares with all keys below whatever is above level
	used  uint16   // one bit a kid
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

// bucket returns the number of slots and the slots of a kid that is a bucket.
func (w *wheel) bucket(k wheelKid) []uint32 {
	return w.buckets.at(bucketUnit, k.class(), uint32(k)&blockMask)
}

// slots returns the holds of a bucket.
func (w *wheel) slots(k wheelKid) []uint32 {
	if k == 0 {
		return nil
	}
	b := w.bucket(k)
	return b[1 : 1+b[0]]
}

// insert adds a hold by its deadline and id.
func (w *wheel) insert(rows *slab[holdRow], slot uint32) {
	key := keyOf(rows.at(slot))
	w.count++
	if w.earliest != 0 && key.before(keyOf(rows.at(w.earliest-1))) {
		w.earliest = slot + 1
	}
	var p place
	for {
		k := *w.kid(p)
		if !k.isNode() {
			if w.add(p, k, slot) {
				return
			}
			w.burst(rows, p, key)
			continue
		}
		n := w.nodes.at(k.node())
		if level := key.parting(n.like); level > int(n.level) {
			w.raise(p, uint8(level))
		} else {
			p = place{node: k.node() + 1, kid: key.digit(n.level)}
		}
	}
}

// add puts a hold into the bucket k at p, which is made or made larger if need be. It returns false if the bucket is as full as a bucket may be.
func (w *wheel) add(p place, k wheelKid, slot uint32) bool {
	if k == 0 {
		k = w.newBucket(1)
		if *w.kid(p) = k; p.node != 0 {
			w.nodes.at(p.node - 1).used |= 1 << p.kid
		}
	}
	b := w.bucket(k)
	if int(b[0]) == len(b)-1 {
		size := k >> kidSizeShift
		if size == bucketSizes {
			return false
		}
		larger := w.newBucket(size + 1)
		copy(w.bucket(larger), w.bucket(k)) // b may have moved
		w.buckets.release(k.class(), uint32(k)&blockMask)
		*w.kid(p) = larger
		b = w.bucket(larger)
	}
	b[0]++
	b[b[0]] = slot
	return true
}

func (w *wheel) newBucket(size wheelKid) wheelKid {
	k := size << kidSizeShift
	k |= wheelKid(w.buckets.alloc(bucketUnit, k.class()))
	w.bucket(k)[0] = 0
	return k
}

// raise puts a new node at level above the node at p.
func (w *wheel) raise(p place, level uint8) {
	slot := w.nodes.alloc()
	k := w.kid(p)
	n := w.nodes.at(slot)
	n.like, n.level = w.nodes.at(k.node()).like, level
	at := n.like.digit(level)
	n.kids[at], n.used = *k, 1<<at
	*k = wheelKid(slot) | kidNode
}

// burst turns the full bucket at p into a node at the level where its keys and one more part.
func (w *wheel) burst(rows *slab[holdRow], p place, key wheelKey) {
	var full [bucketMax]uint32
	k := *w.kid(p)
	copy(full[:], w.slots(k))
	w.buckets.release(k.class(), uint32(k)&blockMask)
	slot := w.nodes.alloc()
	*w.kid(p) = wheelKid(slot) | kidNode
	level := 0
	for _, s := range full {
		level = max(level, key.parting(keyOf(rows.at(s))))
	}
	n := w.nodes.at(slot)
	n.like, n.level = key, uint8(level)
	for _, s := range full {
		at := place{node: slot + 1, kid: keyOf(rows.at(s)).digit(n.level)}
		w.add(at, n.kids[at.kid], s)
	}
}

// remove takes a hold out. Its deadline is still the one it was inserted with.
func (w *wheel) remove(rows *slab[holdRow], slot uint32) {
	key := keyOf(rows.at(slot))
	w.count--
	if w.earliest == slot+1 {
		w.earliest = 0
	}
	var p, parent place
	k := w.root
	for k.isNode() {
		parent, p = p, place{node: k.node() + 1, kid: key.digit(w.nodes.at(k.node()).level)}
		k = *w.kid(p)
	}
	b := w.bucket(k)
	for i := 1; ; i++ {
		if b[i] == slot {
			b[i] = b[b[0]]
			break
		}
	}
	if b[0]--; b[0] > 0 {
		return
	}
	w.buckets.release(k.class(), uint32(k)&blockMask)
	*w.kid(p) = 0
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

// first returns the hold with the earliest deadline and, of those, the lowest id.
func (w *wheel) first(rows *slab[holdRow]) (uint32, bool) {
	if w.earliest != 0 {
		return w.earliest - 1, true
	}
	k := w.root
	for k.isNode() {
		n := w.nodes.at(k.node())
		k = n.kids[bits.TrailingZeros16(n.used)]
	}
	slots := w.slots(k)
	if len(slots) == 0 {
		return 0, false
	}
	best := slots[0]
	for _, s := range slots[1:] {
		if keyOf(rows.at(s)).before(keyOf(rows.at(best))) {
			best = s
		}
	}
	w.earliest = best + 1
	return best, true
}
