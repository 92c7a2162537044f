package engine

import (
	"math/bits"
	"unsafe"
)

// slabShift sets how many rows a chunk of a slab has: 1,024. A step that needs a new chunk pays for one allocation of some 50 KB, about ten
// microseconds; no step ever copies more than one chunk.
const slabShift = 10

const (
	slabRows  = 1 << slabShift
	slabMask  = slabRows - 1
	firstRows = 4 // the first chunk starts with room for so many: an event with few holds stays small
)

// slab is a table of fixed-size rows, addressed by slot. It grows a chunk at a time and never moves a full chunk, so no step copies a large
// table. The slots of freed rows are used again, the latest first. A pointer from at is good until the next alloc.
//
// Slots never reach an answer, a fact or a state hash: which free slot is used next need not survive a snapshot.
type slab[T any] struct {
	chunks [][]T
	rows   uint32 // slots ever used: the next fresh one
	free   stack
}

// live is how many rows are in use.
func (s *slab[T]) live() int { return int(s.rows) - s.free.n }

// at returns the row in a slot.
func (s *slab[T]) at(slot uint32) *T { return &s.chunks[slot>>slabShift][slot&slabMask] }

// alloc returns a slot whose row is zero.
func (s *slab[T]) alloc() uint32 {
	if slot, ok := s.free.pop(); ok {
		return slot
	}
	slot := s.rows
	s.chunks = growChunks(s.chunks, int(slot), 1, slabRows, firstRows)
	s.rows++
	return slot
}

// release frees a row and clears it.
func (s *slab[T]) release(slot uint32) {
	var zero T
	*s.at(slot) = zero
	s.free.push(slot)
}

// growChunks makes room for element n of a chunked table with width values an element and per elements a chunk. The first chunk starts
// with room for first elements and doubles up to its full size; later ones are made whole.
func growChunks[T any](chunks [][]T, n, width, per, first int) [][]T {
	c := n / per
	if c > 0 {
		if c == len(chunks) {
			chunks = append(chunks, make([]T, per*width))
		}
		return chunks
	}
	if len(chunks) == 0 {
		return append(chunks, make([]T, first*width))
	}
	if n*width == len(chunks[0]) {
		grown := make([]T, min(2*n, per)*width)
		copy(grown, chunks[0])
		chunks[0] = grown
	}
	return chunks
}

// stack is a chunked stack of slots.
type stack struct {
	chunks [][]uint32
	n      int
}

func (s *stack) push(v uint32) {
	s.chunks = growChunks(s.chunks, s.n, 1, slabRows, firstRows)
	s.chunks[s.n>>slabShift][s.n&slabMask] = v
	s.n++
}

func (s *stack) pop() (uint32, bool) {
	if s.n == 0 {
		return 0, false
	}
	s.n--
	return s.chunks[s.n>>slabShift][s.n&slabMask], true
}

// blocks keeps runs of values in size classes: class c, from 1, holds runs of c*unit values. It is where strings and index segments live: many
// small runs of few sizes, without a pointer for each. The caller names the same unit, a constant, with every call.
type blocks[T any] struct{ classes []blockClass[T] }

type blockClass[T any] struct {
	chunks [][]T
	rows   uint32
	free   stack
}

const (
	// blockShift sets the runs in a chunk, up to 64 bytes wide: 1,024. Of wider ones there are fewer, so that a chunk is 64 KiB or less: clearing it, and the
	// first touch of its pages, would otherwise take most of a millisecond; and so would copying the list of chunks if they were much smaller.
	blockShift   = 10
	blockBits    = 26 // of a run's number in its class
	blockMask    = 1<<blockBits - 1
	blockRowsMax = 1 << blockBits
)

// alloc returns the number of a run of a class. Its values are whatever they were.
func (b *blocks[T]) alloc(unit, class int) uint32 {
	for len(b.classes) < class {
		b.classes = append(b.classes, blockClass[T]{})
	}
	c := &b.classes[class-1]
	if i, ok := c.free.pop(); ok {
		return i
	}
	if c.rows == blockRowsMax {
		panic("engine: a size class is full: a bound of the tables above it is wrong")
	}
	c.chunks = growChunks(c.chunks, int(c.rows), class*unit, 1<<chunkShift[T](class*unit), 1)
	c.rows++
	return c.rows - 1
}

// at returns a run. It is good until the next alloc.
func (b *blocks[T]) at(unit, class int, i uint32) []T {
	width := class * unit
	shift := chunkShift[T](width)
	from := int(i&(1<<shift-1)) * width
	return b.classes[class-1].chunks[i>>shift][from : from+width : from+width]
}

// chunkShift says how many runs of so many values a chunk has.
func chunkShift[T any](width int) uint {
	var v T
	return blockShift - uint(bits.Len(uint(width*int(unsafe.Sizeof(v))-1)/64))
}

// release frees a run.
func (b *blocks[T]) release(class int, i uint32) { b.classes[class-1].free.push(i) }

// live is how many runs are in use.
func (b *blocks[T]) live() int {
	n := 0
	for i := range b.classes {
		n += int(b.classes[i].rows) - b.classes[i].free.n
	}
	return n
}
