package fault

import "hash/maphash"

// linearTable is a table that a state shares with the states it came from: put makes a new head and leaves what others see as it is.
type linearTable[V comparable] struct {
	rows   [linearSaid]*linearRow[V]
	digest uint64 // of what is in it, in any order: equal tables have equal digests
}

type linearRow[V comparable] struct {
	key   string
	value V
	older *linearRow[V]
}

func (t *linearTable[V]) get(key string) (value V, ok bool) {
	for r := t.rows[maphash.String(linearSeed, key)%linearSaid]; r != nil; r = r.older {
		if r.key == key {
			return r.value, true
		}
	}
	return value, false
}

func (t *linearTable[V]) put(key string, value V) {
	if was, ok := t.get(key); ok {
		t.digest -= digestOf(key, was)
	}
	t.digest += digestOf(key, value)
	at := &t.rows[maphash.String(linearSeed, key)%linearSaid]
	*at = &linearRow[V]{key: key, value: value, older: *at}
}

// onlyDigest is the table as it is compared: equal ones may have come about in different ways.
func (t *linearTable[V]) onlyDigest() linearTable[V] { return linearTable[V]{digest: t.digest} }

func digestOf[V comparable](key string, value V) uint64 {
	return maphash.Comparable(linearSeed, struct {
		key   string
		value V
	}{key, value}) | 1
}
