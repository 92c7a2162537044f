package engine

import "math/bits"

// index finds rows by a 32-bit hash, made by index32: extendible hashing with small segments.
//
//	hash, low bits --> directory --> segment, 1 to 6 lines of 64 bytes:
//
//	| entries, depth, chained: 8 bytes | tags, a byte each: 8 a line | hash,row | hash,row | ... 6, 13, 20, 27, 34 or 41 |
//
// A segment is a bag: entries in no order, found by a tag, the topmost byte of the hash, in the first line; the row itself decides equality. A full
// segment moves to the next size or, at the largest, splits in two: an insert moves at most segmentEntriesMax entries. Hashes are skewed, so that
// the segments of a growing table do not all split at the same time: memory that one gives back another one takes, and an entry costs between ten and eleven
// bytes at every size of table.
//
// The directory doubles lazily: a new chunk of it is copied from its lower half when the first split writes to it, so a doubling copies at most
// dirEntries small numbers in one step.
//
// The order of entries never reaches an answer.
type index struct {
	dir   [][]uint32 // segment refs in chunks; nil means: as the chunk without the topmost bit of the number
	segs  blocks[uint64]
	depth uint8 // low bits of the hash that the directory looks at
	count int
}

const (
	dirShift   = 10
	dirEntries = 1 << dirShift

	segmentUnit       = 8 // words of 64 bits in a line
	segmentClassMax   = 6 // the tags of larger ones would not fit in the first line
	segmentEntriesMax = segmentClassMax*(segmentUnit-1) - 1
	segmentDepth      = 8 // bit of the depth in the first word; the entries are below
	segmentChained    = 32

	// dirFillMin is the average number of entries a directory entry must have before the directory doubles. Ids that were made to collide
	// get a chain of segments instead of a huge directory.
	dirFillMin = 4
	depthMax   = 24 // the bits above are the tag
)

// index32 takes the hash that an index uses out of a 64-bit hash. It makes some hashes up to twice as dense as others, smoothly: log2(1+u) of the
// hash as a fraction u, by u + 0.344 u(1-u). The bits are then reversed, as the directory looks at the low ones first. (Spiral storage, Martin
// 1979, does this for linear hashing.)
func index32(h uint64) uint32 {
	u := h >> 32
	bend := u * (1<<32 - u) >> 32
	return bits.Reverse32(uint32(u + bend*1409>>12))
}

// segment is the words of one segment.
type segment []uint64

func (s segment) entries() int    { return int(s[0] & (1<<segmentDepth - 1)) }
func (s segment) depth() uint8    { return uint8(s[0] >> segmentDepth) }
func (s segment) chained() uint32 { return uint32(s[0] >> segmentChained) }
func (s segment) class() int      { return len(s) / segmentUnit }
func (s segment) room() int       { return s.class()*(segmentUnit-1) - 1 }
func (s segment) full() bool      { return s.entries() == s.room() }

// pairs is the entries: the hash above, the row below.
func (s segment) pairs() []uint64 { return s[1+s.class():] }

// put writes entry i.
func (s segment) put(i int, pair uint64) {
	word, shift := &s[1+i/8], uint(i%8*8)
	*word = *word&^(0xff<<shift) | pair>>56<<shift
	s.pairs()[i] = pair
}

// add appends an entry to a segment that is not full.
func (s segment) add(pair uint64) {
	s.put(s.entries(), pair)
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
	s[0] = uint64(depth) << segmentDepth
	return ref, s
}

func (x *index) release(ref uint32) { x.segs.release(int(ref>>blockBits), ref&blockMask) }

// probe walks the rows whose hash is the one looked for.
type probe struct {
	seg   segment
	tags  uint64 // the tag looked for, in every byte
	match uint64 // the topmost bit of every byte of word that may match and was not looked at
	word  int
	hash  uint32
}

const (
	everyByte = 0x0101010101010101
	everyTop  = 0x8080808080808080
)

// seek starts a walk. It already reads the segment.
//
// It fills a probe of the caller's instead of returning one: a struct that comes back in registers is stored in words and copied in larger pieces,
// which stalls the processor for longer than the rest of a seek takes. For the same reason there are few struct results elsewhere on this path.
func (x *index) seek(p *probe, hash uint32) {
	p.seg = nil
	if x.dir != nil {
		p.start(x.at(x.segment(hash)), hash)
	}
}

// seekTwo starts walks in two indexes. It reads both directories before it reads either segment, so that the processor waits for memory twice
// and not four times.
func seekTwo(x *index, p *probe, hash uint32, y *index, q *probe, hash2 uint32) {
	if x.dir == nil || y.dir == nil {
		x.seek(p, hash)
		y.seek(q, hash2)
		return
	}
	ref, ref2 := x.segment(hash), y.segment(hash2)
	seg, seg2 := x.at(ref), y.at(ref2)
	p.start(seg, hash)
	q.start(seg2, hash2)
}

func (p *probe) start(seg segment, hash uint32) {
	p.hash, p.tags = hash, uint64(hash>>24)*everyByte
	p.seg, p.word, p.match = seg, 1, matches(seg[1], p.tags)
}

// matches returns the topmost bit of the bytes of word that are as those of tags, and sometimes of a byte above one.
func matches(word, tags uint64) uint64 {
	d := word ^ tags
	return (d - everyByte) &^ d & everyTop
}

// next returns the next row that may be meant.
func (x *index) next(p *probe) (uint32, bool) {
	for p.seg != nil {
		for p.match != 0 {
			i := (p.word-1)*8 + bits.TrailingZeros64(p.match)/8
			p.match &= p.match - 1
			if i >= p.seg.entries() {
				p.match = 0
			} else if pair := p.seg.pairs()[i]; uint32(pair>>32) == p.hash {
				return uint32(pair), true
			}
		}
		p.word++
		if p.word > p.seg.class() {
			ref := p.seg.chained()
			if ref == 0 {
				return 0, false
			}
			p.seg, p.word = x.at(ref), 1
		}
		p.match = matches(p.seg[p.word], p.tags)
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
	pair := uint64(hash)<<32 | uint64(row)
	for {
		ref := x.segment(hash)
		seg := x.at(ref)
		depth := seg.depth()
		switch {
		case !seg.full():
			seg.add(pair)
			return
		case seg.chained() != 0:
			x.insertChained(ref, pair)
			return
		case seg.class() < segmentClassMax:
			x.point(hash, depth, x.grow(ref, seg))
		case depth == x.depth && (depth >= depthMax || x.count < dirFillMin<<depth):
			x.insertChained(ref, pair)
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
func (x *index) insertChained(ref uint32, pair uint64) {
	for {
		seg := x.at(ref)
		if !seg.full() {
			seg.add(pair)
			return
		}
		chained := seg.chained()
		if chained == 0 {
			chained, _ = x.alloc(segmentClassMax, 0)
			x.at(ref)[0] |= uint64(chained) << segmentChained
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
	var pairs [2][segmentEntriesMax]uint64
	var n [2]int
	for _, pair := range x.at(ref).pairs() {
		side := pair >> (32 + depth) & 1
		pairs[side][n[side]] = pair
		n[side]++
	}
	x.release(ref)
	prefix := hash & (1<<depth - 1)
	for side := range uint32(2) {
		list := pairs[side][:n[side]]
		// The smallest class with room for one more.
		class := min((len(list)+1)/(segmentUnit-1)+1, segmentClassMax)
		x.point(prefix|side<<depth, depth+1, x.segmentOf(list, class, depth+1))
	}
}

// grow moves a segment to the next size.
func (x *index) grow(ref uint32, full segment) uint32 {
	grown, seg := x.alloc(full.class()+1, 0)
	seg[0] = full[0]
	copy(seg[1:], full[1:1+full.class()])
	copy(seg.pairs(), full.pairs())
	x.release(ref)
	return grown
}

// segmentOf makes a segment with entries.
func (x *index) segmentOf(pairs []uint64, class int, depth uint8) uint32 {
	ref, seg := x.alloc(class, depth)
	for _, pair := range pairs {
		seg.add(pair)
	}
	return ref
}

// remove takes a row out. It reports whether the row was there.
func (x *index) remove(hash, row uint32) bool {
	if x.dir == nil {
		return false
	}
	want, tags := uint64(hash)<<32|uint64(row), uint64(hash>>24)*everyByte
	for ref := x.segment(hash); ref != 0; {
		seg := x.at(ref)
		pairs, n := seg.pairs(), seg.entries()
		for word := range seg.class() {
			for match := matches(seg[1+word], tags); match != 0; match &= match - 1 {
				i := word*8 + bits.TrailingZeros64(match)/8
				if i >= n {
					break
				}
				if pairs[i] == want {
					seg.put(i, pairs[n-1])
					seg[0]--
					x.count--
					return true
				}
			}
		}
		ref = seg.chained()
	}
	return false
}
