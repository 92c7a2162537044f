package engine

import "math/bits"

// index finds rows by a 32-bit hash: extendible hashing with small segments.
//
//	hash, low bits --> directory --> segment: | entries | depth | chained | hash hash ... | row row ... |
//
// A segment is a bag: entries in no order, scanned by hash, the row itself deciding equality. A full segment moves to the next size or, at the
// largest, splits in two: an insert moves at most segmentEntriesMax entries. Hashes are skewed first, so that the segments of a growing table do
// not all split at the same time: memory that one gives back another one takes, and an entry costs about ten bytes at every size of table.
//
// The directory doubles lazily: a new chunk of it is copied from its lower half when the first split writes to it, so a doubling copies at most
// dirEntries small numbers in one step.
//
// The order of entries never reaches an answer.
type index struct {
	dir   [][]uint32 // segment refs in chunks; nil means: as the chunk without the topmost bit of the number
	segs  blocks[uint32]
	depth uint8 // low bits of the hash that the directory looks at
	count int
}

const (
	dirShift   = 10
	dirEntries = 1 << dirShift

	// A segment of class c has 16c numbers, 64 bytes: two of header, then 8c-1 hashes, then as many rows.
	segmentUnit       = 16
	segmentClassMax   = 4
	segmentEntriesMax = segmentClassMax*segmentUnit/2 - 1
	segmentDepth      = 8 // bit of the depth in the first number; the entries are below

	// dirFillMin is the average number of entries a directory entry must have before the directory doubles. Ids that were made to collide
	// get a chain of segments instead of a huge directory.
	dirFillMin = 4
	depthMax   = 28
)

// segment is the numbers of one segment.
type segment []uint32

func (s segment) entries() int    { return int(s[0] & (1<<segmentDepth - 1)) }
func (s segment) depth() uint8    { return uint8(s[0] >> segmentDepth) }
func (s segment) chained() uint32 { return s[1] }
func (s segment) room() int       { return len(s)/2 - 1 }
func (s segment) full() bool      { return s.entries() == s.room() }

// hashes and rows are the two halves behind the header.
func (s segment) hashes() []uint32 { return s[2 : 2+s.room()] }
func (s segment) rows() []uint32   { return s[2+s.room():] }

// add appends an entry to a segment that is not full.
func (s segment) add(hash, row uint32) {
	n := s.entries()
	s.hashes()[n], s.rows()[n] = hash, row
	s[0]++
}

// at returns the segment of a ref, which has its class in the topmost bits. A ref is never 0.
func (x *index) at(ref uint32) segment {
	return x.segs.at(segmentUnit, int(ref>>blockBits), ref&blockMask)
}

// alloc returns an empty segment.
func (x *index) alloc(class int, depth uint8) (uint32, segment) {
	ref := uint32(class)<<blockBits | x.segs.alloc(segmentUnit, class)
	s := x.at(ref)
	s[0], s[1] = uint32(depth)<<segmentDepth, 0
	return ref, s
}

func (x *index) release(ref uint32) { x.segs.release(int(ref>>blockBits), ref&blockMask) }

// probe walks the rows whose hash is the one looked for.
type probe struct {
	seg  segment
	i, n int
	hash uint32
}

// skew makes some hashes up to twice as dense as others, smoothly: log2(1+u) of the hash as a fraction u, by u + 0.344 u(1-u). The bits are then
// reversed, as the directory looks at the low ones first. (Spiral storage, Martin 1979, does this for linear hashing.)
func skew(hash uint32) uint32 {
	u := uint64(hash)
	bend := u * (1<<32 - u) >> 32
	return bits.Reverse32(uint32(u + bend*1409>>12))
}

// seek starts a walk. It already reads the segment: seeking in two tables before walking in either lets the processor fetch both at once.
func (x *index) seek(hash uint32) probe {
	if x.dir == nil {
		return probe{}
	}
	hash = skew(hash)
	seg := x.at(x.segment(hash))
	return probe{seg: seg, n: seg.entries(), hash: hash}
}

// next returns the next row that may be meant.
func (x *index) next(p *probe) (uint32, bool) {
	for p.seg != nil {
		hashes := p.seg.hashes()
		for p.i < p.n {
			p.i++
			if hashes[p.i-1] == p.hash {
				return p.seg.rows()[p.i-1], true
			}
		}
		chained := p.seg.chained()
		if chained == 0 {
			return 0, false
		}
		p.seg = x.at(chained)
		p.i, p.n = 0, p.seg.entries()
	}
	return 0, false
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
		ref, _ := x.alloc(1, 0)
		x.dir = [][]uint32{{ref}}
	}
	x.count++
	hash = skew(hash)
	for {
		ref := x.segment(hash)
		seg := x.at(ref)
		depth := seg.depth()
		switch {
		case !seg.full():
			seg.add(hash, row)
			return
		case seg.chained() != 0:
			x.insertChained(ref, hash, row)
			return
		case int(ref>>blockBits) < segmentClassMax:
			grown := x.segmentOf(seg.hashes(), seg.rows(), int(ref>>blockBits)+1, depth)
			x.release(ref)
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
		seg := x.at(ref)
		if !seg.full() {
			seg.add(hash, row)
			return
		}
		chained := seg.chained()
		if chained == 0 {
			chained, _ = x.alloc(segmentClassMax, 0)
			x.at(ref)[1] = chained
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
			x.dir[c] = append(make([]uint32, 0, dirEntries), x.chunk(c)...)
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

// split shares the entries of a full segment between two new ones by the next bit of their hashes.
func (x *index) split(ref, hash uint32, depth uint8) {
	full := x.at(ref)
	var hashes, rows [2][segmentEntriesMax]uint32
	var n [2]int
	for i, h := range full.hashes() {
		side := h >> depth & 1
		hashes[side][n[side]], rows[side][n[side]] = h, full.rows()[i]
		n[side]++
	}
	x.release(ref)
	prefix := hash & (1<<depth - 1)
	for side := range uint32(2) {
		h, r := hashes[side][:n[side]], rows[side][:n[side]]
		// The smallest class with room for one more.
		x.point(prefix|side<<depth, depth+1, x.segmentOf(h, r, min(len(h)*2/segmentUnit+1, segmentClassMax), depth+1))
	}
}

// segmentOf makes a segment with entries.
func (x *index) segmentOf(hashes, rows []uint32, class int, depth uint8) uint32 {
	ref, seg := x.alloc(class, depth)
	copy(seg.hashes(), hashes)
	copy(seg.rows(), rows)
	seg[0] += uint32(len(hashes))
	return ref
}

// remove takes a row out. It reports whether the row was there.
func (x *index) remove(hash, row uint32) bool {
	if x.dir == nil {
		return false
	}
	hash = skew(hash)
	for ref := x.segment(hash); ref != 0; {
		seg := x.at(ref)
		hashes, rows, n := seg.hashes(), seg.rows(), seg.entries()
		for i := range n {
			if hashes[i] == hash && rows[i] == row {
				hashes[i], rows[i] = hashes[n-1], rows[n-1]
				seg[0]--
				x.count--
				return true
			}
		}
		ref = seg.chained()
	}
	return false
}
