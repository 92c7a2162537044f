package engine

const fifoRows = 256 // rows a chunk

// fifo is a queue of fixed-size rows in chunks, addressed by position: the first row ever pushed has position 0. Rows between head and tail
// are present. A pointer from at is good until the next push.
type fifo[T any] struct {
	chunks [][]T
	base   uint64 // position of the first row of chunks[0]
	head   uint64
	tail   uint64
	spare  []T // one emptied chunk, so that a full queue that turns over allocates nothing
}

// count is how many rows are present.
func (q *fifo[T]) count() int { return int(q.tail - q.head) }

// at returns the row at a position from head to tail-1.
func (q *fifo[T]) at(pos uint64) *T {
	i := pos - q.base
	return &q.chunks[i/fifoRows][i%fifoRows]
}

// near returns the full position whose low 31 bits are low: the queue never holds 2^31 rows.
func (q *fifo[T]) near(low uint32) uint64 { return q.head + uint64((low-uint32(q.head))&lowMask) }

// lowMask keeps the part of a position that other tables store.
const lowMask = 1<<31 - 1

// push appends a zero row, for the caller to fill in place, and returns its position.
func (q *fifo[T]) push() (uint64, *T) {
	i := int(q.tail - q.base)
	if q.spare != nil && i/fifoRows == len(q.chunks) {
		q.chunks, q.spare = append(q.chunks, q.spare), nil
	} else {
		q.chunks = growChunks(q.chunks, i, 1, fifoRows, firstRows)
	}
	q.tail++
	return q.tail - 1, &q.chunks[i/fifoRows][i%fifoRows]
}

// pop drops the row at head.
func (q *fifo[T]) pop() {
	var zero T
	*q.at(q.head) = zero
	q.head++
	if q.head-q.base == fifoRows {
		q.spare = q.chunks[0]
		q.chunks[0] = nil
		q.chunks = q.chunks[1:]
		q.base += fifoRows
	}
}

// startAt sets the position of the first row of an empty queue, when a snapshot is read.
func (q *fifo[T]) startAt(pos uint64) { *q = fifo[T]{base: pos, head: pos, tail: pos} }
