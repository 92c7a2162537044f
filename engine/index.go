package engine

import "math/bits"

// index finds rows by a 32-bit hash: extendible hashing with small segments.
//
//	hash, low bits --> directory --> segment: | header | hash,ref | hash,ref | ...
//
// A segment is a bag: entries in no order, scanned by hash, the row itself deciding equality. A full segment first moves to the next size
// and, at the largest, splits in two; so nearly all of its memory is used at every size of table, and an insert moves at most
// segmentEntriesMax entries. The directory doubles lazily: a new chunk of it is copied from its lower half when the first split writes to
// it, so a doubling copies at most dirEntries small numbers in one step.
//
// The order of entries never reaches an answer.
type index struct {
	dir   [][]uint32 // segment refs in chunks; nil means: as the chunk without the topmost bit of the number
	segs  blocks[uint64]
	depth uint8 // low bits of the hash that the directory looks at
	count int
}

const (
	dirShift          = 10
	dirEntries        = 1 << dirShift
	segmentClassMax   = 8
	segmentEntriesMax = segmentClassMax*blockUnit - 1
	// dirFillMin is the average number of entries a directory entry must have before the directory doubles. Ids that were made to collide
	// get a chain of segments instead of a huge directory.
	dirFillMin = 4
	depthMax   = 28
)

// A segment's header: entries in bits 0-15, depth in 16-23, ref of a chained segment in 32-63.
func header(n int, depth uint8, chained uint32) uint64 {
	return uint64(n) | uint64(depth)<<16 | uint64(chained)<<32
}

// probe walks the rows whose hash is the one looked for.
type probe struct {
	seg  []uint64
	i, n int
	hash uint32
}

// seek starts a walk.
func (x *index) seek(hash uint32) probe {
	if x.dir == nil {
		return probe{i: 1}
	}
	seg := x.segs.at(x.segment(hash))
	return probe{seg: seg, i: 1, n: int(seg[0] & 0xffff), hash: hash}
}

// next returns the next row that may be meant.
func (x *index) next(p *probe) (uint32, bool) {
	for {
		for p.i <= p.n {
			e := p.seg[p.i]
			p.i++
			if uint32(e>>32) == p.hash {
				return uint32(e), true
			}
		}
		if p.seg == nil {
			return 0, false
		}
		chained := uint32(p.seg[0] >> 32)
		if chained == 0 {
			return 0, false
		}
		p.seg = x.segs.at(chained)
		p.i, p.n = 1, int(p.seg[0]&0xffff)
	}
}

// chunk returns the directory chunk that answers for number c.
func (x *index) chunk(c uint32) []uint32 {
	for x.dir[c] == nil {
		c &^= 1 << (bits.Len32(c) - 1)
	}
	return x.dir[c]
}

// segment returns the ref of the segment for a hash.
func (x *index) segment(hash uint32) uint32 {
	i := hash & (1<<x.depth - 1)
	return x.chunk(i >> dirShift)[i&(dirEntries-1)]
}

// insert adds a row. The caller knows that it is not there yet.
func (x *index) insert(hash, row uint32) {
	if x.dir == nil {
		ref := x.segs.alloc(1)
		x.segs.at(ref)[0] = header(0, 0, 0)
		x.dir = [][]uint32{{ref}}
	}
	x.count++
	for {
		ref := x.segment(hash)
		seg := x.segs.at(ref)
		n := int(seg[0] & 0xffff)
		if n+1 < len(seg) {
			seg[n+1] = uint64(hash)<<32 | uint64(row)
			seg[0]++
			return
		}
		depth := uint8(seg[0] >> 16)
		chained := uint32(seg[0] >> 32)
		switch {
		case chained != 0:
			x.insertChained(ref, hash, row)
			return
		case len(seg) < segmentClassMax*blockUnit:
			grown := x.segs.alloc(len(seg)/blockUnit + 1)
			copy(x.segs.at(grown), x.segs.at(ref))
			x.segs.release(ref)
			x.point(hash, depth, grown)
		case depth == x.depth && (depth >= depthMax || x.count < dirFillMin<<depth):
			x.insertChained(ref, hash, row)
			return
		default:
			if depth == x.depth {
				x.double()
			}
			x.split(ref, hash, depth)
		}
	}
}

// insertChained adds a row to the first segment of a chain that has room, or to a new one at its end.
func (x *index) insertChained(ref, hash, row uint32) {
	for {
		seg := x.segs.at(ref)
		if n := int(seg[0] & 0xffff); n+1 < len(seg) {
			seg[n+1] = uint64(hash)<<32 | uint64(row)
			seg[0]++
			return
		}
		chained := uint32(seg[0] >> 32)
		if chained == 0 {
			chained = x.segs.alloc(segmentClassMax)
			x.segs.at(chained)[0] = header(0, 0, 0)
			seg = x.segs.at(ref)
			seg[0] |= uint64(chained) << 32
		}
		ref = chained
	}
}

// point makes every directory entry that shares the low depth bits of hash name a segment.
func (x *index) point(hash uint32, depth uint8, ref uint32) {
	low := hash & (1<<depth - 1)
	for i := low; i < 1<<x.depth; i += 1 << depth {
		c := i >> dirShift
		if x.dir[c] == nil {
			if bits.Len32(c)-1+dirShift != int(depth)-1 {
				continue // it follows an entry that is written as well
			}
			lower := x.chunk(c)
			x.dir[c] = append(make([]uint32, 0, dirEntries), lower...)
		}
		x.dir[c][i&(dirEntries-1)] = ref
	}
}

// double makes the directory look at one more bit.
func (x *index) double() {
	if x.depth < dirShift {
		x.dir[0] = append(x.dir[0], x.dir[0]...)
	} else {
		x.dir = append(x.dir, make([][]uint32, len(x.dir))...)
	}
	x.depth++
}

// split shares the entries of a full segment between itself and a new one by the next bit of their hashes.
func (x *index) split(ref, hash uint32, depth uint8) {
	full := x.segs.at(ref)
	var low, high [segmentEntriesMax]uint64
	nl, nh := 0, 0
	for _, e := range full[1:] {
		if e>>(32+depth)&1 == 0 {
			low[nl] = e
			nl++
		} else {
			high[nh] = e
			nh++
		}
	}
	x.segs.release(ref)
	prefix := hash & (1<<depth - 1)
	x.point(prefix, depth+1, x.segmentOf(low[:nl], depth+1))
	x.point(prefix|1<<depth, depth+1, x.segmentOf(high[:nh], depth+1))
}

// segmentOf makes a segment that just holds the entries, with room for one more.
func (x *index) segmentOf(entries []uint64, depth uint8) uint32 {
	class := min(len(entries)/blockUnit+1, segmentClassMax)
	ref := x.segs.alloc(class)
	seg := x.segs.at(ref)
	seg[0] = header(len(entries), depth, 0)
	copy(seg[1:], entries)
	return ref
}

// remove takes a row out. It reports whether the row was there.
func (x *index) remove(hash, row uint32) bool {
	if x.dir == nil {
		return false
	}
	want := uint64(hash)<<32 | uint64(row)
	for ref := x.segment(hash); ref != 0; {
		seg := x.segs.at(ref)
		n := int(seg[0] & 0xffff)
		for i := 1; i <= n; i++ {
			if seg[i] == want {
				seg[i] = seg[n]
				seg[0]--
				x.count--
				return true
			}
		}
		ref = uint32(seg[0] >> 32)
	}
	return false
}
