package measure

import (
	"encoding/binary"
	"math/bits"
)

// table keeps rows by a key, the newest max of them: beyond it the oldest is forgotten. Rows are numbered in the order in which they came, from 0, and keep
// their numbers. A key is a hash already, or made one by mix. It costs 8 bytes of key and 4 to 8 of index a row beside the row itself, up to twice that right
// after it has grown.
type table[R any] struct {
	max   int
	first uint64 // the number of the oldest row
	n     int
	keys  []uint64 // rings of a power of two
	rows  []R
	// Open addressing, twice as many as there is room for: position in the rings + 1 in the lower bits, as many as it can have, and bits of the key's hash above
	// them: a search for what is not there looks at no key.
	slots []uint32
}

func newTable[R any](max int64) table[R] { return table[R]{max: int(max)} }

// next is the number that the next row gets.
func (t *table[R]) next() uint64 { return t.first + uint64(t.n) }

func (t *table[R]) at(number uint64) *R { return &t.rows[number&uint64(len(t.rows)-1)] }

// key is that of a row.
func (t *table[R]) key(number uint64) uint64 { return t.keys[number&uint64(len(t.rows)-1)] }

// home is where the search for a key begins, and tag the bits of its hash that slots have.
func (t *table[R]) home(key uint64) (home int, tag uint32) {
	hash := key * 0x9e3779b97f4a7c15
	return int(hash >> (64 - bits.TrailingZeros(uint(len(t.slots))))), uint32(hash) &^ t.places()
}

// places has the bits of a slot that are its place.
func (t *table[R]) places() uint32 { return uint32(len(t.slots) - 1) }

// find returns the row of a key, valid until the next add or drop; nil if there is none.
func (t *table[R]) find(key uint64) *R {
	if t.n == 0 {
		return nil
	}
	mask, places := len(t.slots)-1, t.places()
	for i, tag := t.home(key); t.slots[i] != 0; i = (i + 1) & mask {
		if t.slots[i]&^places != tag {
			continue
		}
		if p := t.slots[i]&places - 1; t.keys[p] == key {
			return &t.rows[p]
		}
	}
	return nil
}

// look fetches the place in the index at which the search for a key begins, see [Book.look].
func (t *table[R]) look(key uint64) uint64 {
	if len(t.slots) == 0 {
		return 0
	}
	home, _ := t.home(key)
	return uint64(t.slots[home])
}

// add appends a row whose key is not there yet, and returns it, valid until the next add or drop.
func (t *table[R]) add(key uint64) *R {
	if t.n == t.max {
		t.drop()
	}
	if t.n == len(t.rows) {
		t.grow()
	}
	p := t.next() & uint64(len(t.rows)-1)
	t.keys[p] = key
	t.n++
	t.index(uint32(p))
	var zero R
	t.rows[p] = zero
	return &t.rows[p]
}

func (t *table[R]) index(p uint32) {
	mask := len(t.slots) - 1
	i, tag := t.home(t.keys[p])
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = tag | (p + 1)
}

func (t *table[R]) grow() {
	size := max(16, 2*len(t.rows))
	keys, rows := make([]uint64, size), make([]R, size)
	for i := range uint64(t.n) {
		from, to := (t.first+i)&uint64(len(t.rows)-1), (t.first+i)&uint64(size-1)
		keys[to], rows[to] = t.keys[from], t.rows[from]
	}
	t.keys, t.rows, t.slots = keys, rows, make([]uint32, 2*size)
	for i := range uint64(t.n) {
		t.index(uint32((t.first + i) & uint64(size-1)))
	}
}

// drop forgets the oldest row. Those behind it in the index move up, so that no search ends too early.
func (t *table[R]) drop() {
	p := uint32(t.first & uint64(len(t.rows)-1))
	mask, places := len(t.slots)-1, t.places()
	i, tag := t.home(t.keys[p])
	for t.slots[i] != tag|(p+1) {
		i = (i + 1) & mask
	}
	t.slots[i] = 0
	for j := (i + 1) & mask; t.slots[j] != 0; j = (j + 1) & mask {
		home, _ := t.home(t.keys[t.slots[j]&places-1])
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i], t.slots[j] = t.slots[j], 0
			i = j
		}
	}
	t.first++
	t.n--
}

// appendState appends the rows in their order, each by put.
func (t *table[R]) appendState(dst []byte, put func([]byte, *R) []byte) []byte {
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, t.first), uint64(t.n))
	for i := range uint64(t.n) {
		dst = put(binary.LittleEndian.AppendUint64(dst, t.key(t.first+i)), t.at(t.first+i))
	}
	return dst
}

// readState is the opposite of appendState.
func (t *table[R]) readState(r *reader, get func(*reader, *R)) {
	t.first = r.uint()
	n := r.count(9)
	if n > t.max {
		r.fail("more rows than the policy allows")
		return
	}
	for range n {
		key := r.fixed64()
		if t.find(key) != nil {
			r.fail("a row twice")
			return
		}
		get(r, t.add(key))
	}
}

// mix makes a hash of a number, and another of every other number (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
