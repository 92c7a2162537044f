package measure

import "slices"

// rows is a table of rows by number, without pointers in its own memory if V has none: the garbage collector never looks at it. The number 0 is none.
// A row takes 8 bytes and itself, and the table is at most three quarters full and at least a fifth, once it has some size.
type rows[V any] struct {
	keys  []uint64 // 0: empty
	vals  []V
	n     int
	shift uint8
}

const rowsMin = 8

// home is where a number belongs.
func (t *rows[V]) home(key uint64) int { return int(key * 0x9e3779b97f4a7c15 >> t.shift) }

// find returns the row of a number, nil if there is none. It is valid until the next put or drop.
func (t *rows[V]) find(key uint64) *V {
	if t.n == 0 || key == 0 {
		return nil
	}
	for i := t.home(key); ; i = (i + 1) & (len(t.keys) - 1) {
		switch t.keys[i] {
		case key:
			return &t.vals[i]
		case 0:
			return nil
		}
	}
}

// put returns the row of a number above 0, made if need be. It is valid until the next put or drop.
func (t *rows[V]) put(key uint64) *V {
	if (t.n+1)*4 > len(t.keys)*3 {
		t.resize(max(rowsMin, len(t.keys)*2))
	}
	i := t.home(key)
	for t.keys[i] != key {
		if t.keys[i] == 0 {
			t.keys[i] = key
			t.n++
			break
		}
		i = (i + 1) & (len(t.keys) - 1)
	}
	return &t.vals[i]
}

// drop removes a number that is there.
func (t *rows[V]) drop(key uint64) {
	if t.find(key) == nil {
		return
	}
	mask := len(t.keys) - 1
	i := t.home(key)
	for t.keys[i] != key {
		i = (i + 1) & mask
	}
	// Those behind it move up until there is a gap, so that nothing has to be skipped later.
	for j := (i + 1) & mask; t.keys[j] != 0; j = (j + 1) & mask {
		if home := t.home(t.keys[j]); (j-home)&mask >= (j-i)&mask {
			t.keys[i], t.vals[i] = t.keys[j], t.vals[j]
			i = j
		}
	}
	var none V
	t.keys[i], t.vals[i] = 0, none
	if t.n--; t.n*5 < len(t.keys) && len(t.keys) > rowsMin {
		t.resize(len(t.keys) / 2) //nolint:mnd // halved
	}
}

func (t *rows[V]) resize(size int) {
	keys, vals := t.keys, t.vals
	t.keys, t.vals, t.n, t.shift = make([]uint64, size), make([]V, size), 0, 64
	for s := size; s > 1; s /= 2 {
		t.shift--
	}
	for i, key := range keys {
		if key != 0 {
			*t.put(key) = vals[i]
		}
	}
}

// numbers are all numbers in ascending order.
func (t *rows[V]) numbers() []uint64 {
	list := make([]uint64, 0, t.n)
	for _, key := range t.keys {
		if key != 0 {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}
