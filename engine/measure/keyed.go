package measure

import (
	"encoding/binary"
	"math/bits"
)

// keyed keeps the newest rows by a 64-bit key that is a hash, in the order in which they were begun: when there are as many as there may be, the oldest is let
// go for a new one. Rows lie in chunks without pointers, so that nothing is copied when their number grows and the garbage collector has nothing to follow.
// A row costs itself, 8 bytes of key, and 11 to 22 bytes of index. A place in the index has half of what its key is mixed to: a search looks at no row but its
// own, and an index that grows is copied from front to back, as both are in the order of that half.
type keyed[R any] struct {
	max         uint64
	first, next uint64 // the number of the oldest row, and the one that the next row gets
	live        int    // rows that are not holes
	chunks      [][]keyedRow[R]
	index       []uint64     // open addressing: the tag of the key, and the row's place in the ring and one; 0 is empty
	last        *keyedRow[R] // found last: what one person does comes in groups
}

// keyedRow has key 0 where a row was taken out: such a hole takes its place until it is the oldest.
type keyedRow[R any] struct {
	key uint64
	row R
}

const keyedChunkRows = 1 << 10

func newKeyed[R any](max int64) keyed[R] { return keyed[R]{max: uint64(min(max, 1<<31))} }

func (t *keyed[R]) at(number uint64) *keyedRow[R] {
	p := number % t.max
	return &t.chunks[p/keyedChunkRows][p%keyedChunkRows]
}

// tag is the upper half of a place in the index.
func tag(key uint64) uint32 { return uint32(key * 0x9e3779b97f4a7c15 >> 32) }

func (t *keyed[R]) home(tag uint32) int {
	return int(uint64(tag) >> (32 - bits.TrailingZeros(uint(len(t.index)))))
}

func (t *keyed[R]) row(entry uint64) *keyedRow[R] {
	p := uint32(entry) - 1
	return &t.chunks[p/keyedChunkRows][p%keyedChunkRows]
}

// slot is where a key is in the index, or the empty place where it would be.
func (t *keyed[R]) slot(key uint64) (slot int, row *keyedRow[R]) {
	mask, want := len(t.index)-1, tag(key)
	for i := t.home(want); ; i = (i + 1) & mask {
		entry := t.index[i]
		if entry == 0 {
			return i, nil
		}
		if uint32(entry>>32) != want {
			continue
		}
		if row = t.row(entry); row.key == key {
			return i, row
		}
	}
}

// find returns the row of a key, nil if there is none. It stays where it is until it is let go.
func (t *keyed[R]) find(key uint64) *R {
	if t.last != nil && t.last.key == key {
		return &t.last.row
	}
	if t.live == 0 {
		return nil
	}
	if _, row := t.slot(key); row != nil {
		t.last = row
		return &row.row
	}
	return nil
}

// look fetches the place in the index at which the search for a key begins, see [Book.look].
func (t *keyed[R]) look(key uint64) uint64 {
	if len(t.index) == 0 {
		return 0
	}
	return t.index[t.home(tag(key))]
}

// add begins a row for a key that has none.
func (t *keyed[R]) add(key uint64) *R {
	if t.next-t.first == t.max {
		t.drop(t.at(t.first).key)
		t.first++
	}
	if (t.live+1)*4 > len(t.index)*3 {
		t.grow()
	}
	row := t.push(key)
	t.enter(key, (t.next-1)%t.max)
	t.last = row
	return &row.row
}

// push takes the next place, for a row or for a hole.
func (t *keyed[R]) push(key uint64) *keyedRow[R] {
	if p := t.next % t.max; p/keyedChunkRows == uint64(len(t.chunks)) {
		t.chunks = append(t.chunks, make([]keyedRow[R], min(keyedChunkRows, t.max-p)))
	}
	t.next++
	row := t.at(t.next - 1)
	*row = keyedRow[R]{key: key}
	return row
}

func (t *keyed[R]) grow() {
	old := t.index
	t.index, t.live = make([]uint64, max(16, 2*len(old))), 0
	for _, entry := range old {
		if entry != 0 {
			t.put(entry)
		}
	}
}

// enter puts a key and its place in the ring into the index.
func (t *keyed[R]) enter(key, place uint64) { t.put(uint64(tag(key))<<32 | (place + 1)) }

func (t *keyed[R]) put(entry uint64) {
	i := t.home(uint32(entry >> 32))
	for t.index[i] != 0 {
		i = (i + 1) & (len(t.index) - 1)
	}
	t.index[i] = entry
	t.live++
}

// drop takes a row out, if it is there, and leaves a hole. Those behind it in the index move up, so that no search ends too early.
func (t *keyed[R]) drop(key uint64) {
	if key == 0 || t.live == 0 {
		return
	}
	i, row := t.slot(key)
	if row == nil {
		return
	}
	t.unindex(i)
	*row = keyedRow[R]{}
}

func (t *keyed[R]) unindex(i int) {
	mask := len(t.index) - 1
	t.index[i] = 0
	t.live--
	for j := (i + 1) & mask; t.index[j] != 0; j = (j + 1) & mask {
		home := t.home(uint32(t.index[j] >> 32))
		if (j-home)&mask >= (j-i)&mask {
			t.index[i], t.index[j] = t.index[j], 0
			i = j
		}
	}
}

// rename gives a row that is there another key, which has no row. It keeps its age.
func (t *keyed[R]) rename(from, to uint64) {
	i, row := t.slot(from)
	place := uint64(uint32(t.index[i])) - 1
	t.unindex(i)
	row.key = to
	t.enter(to, place)
}

// appendState appends the rows and the holes in their order, each row by put.
func (t *keyed[R]) appendState(dst []byte, put func([]byte, *R) []byte) []byte {
	dst = binary.AppendUvarint(dst, t.next-t.first)
	for n := t.first; n < t.next; n++ {
		row := t.at(n)
		dst = binary.LittleEndian.AppendUint64(dst, row.key)
		if row.key != 0 {
			dst = put(dst, &row.row)
		}
	}
	return dst
}

// readState is the opposite of appendState, for a table that is empty.
func (t *keyed[R]) readState(r *reader, get func(*reader, *R)) {
	n := r.count(8)
	if uint64(n) > t.max {
		r.fail("it has more rows than the policy allows")
		return
	}
	for range n {
		if len(r.buf) < 8 {
			r.fail("it ends too early")
			return
		}
		key := binary.LittleEndian.Uint64(r.buf)
		r.buf = r.buf[8:]
		switch {
		case key == 0:
			t.push(0)
		case t.find(key) != nil:
			r.fail("it has a row twice")
			return
		default:
			get(r, t.add(key))
		}
	}
}
