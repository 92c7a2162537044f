package measure

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// A keyed table does what a slice of rows does, in the order in which they were begun, that forgets its first when it is full. What was taken out leaves a hole.
func TestKeyedRowsAreWhatASliceKeeps(t *testing.T) {
	type row struct{ key, value uint64 }
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 40).Draw(t, "max")
		table := newKeyed[uint64](int64(most))
		var rows []row // key 0: a hole
		at := func(key uint64) int {
			for i := range rows {
				if rows[i].key == key {
					return i
				}
			}
			return -1
		}
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			key := rapid.Uint64Range(1, 60).Draw(t, "key")
			i := at(key)
			switch got := table.find(key); {
			case (got == nil) != (i < 0), got != nil && *got != rows[i].value:
				t.Fatalf("row %d is %v, want one of %v", key, got, rows)
			case i < 0:
				if len(rows) == most {
					rows = rows[1:]
				}
				rows = append(rows, row{key, key * 7})
				*table.add(key) = key * 7
			default:
				if to := rapid.Uint64Range(1, 60).Draw(t, "to"); at(to) < 0 {
					table.rename(key, to)
					rows[i].key = to
				} else {
					table.drop(key)
					rows[i] = row{}
				}
			}
		}
		put := func(dst []byte, v *uint64) []byte { return binary.AppendUvarint(dst, *v) }
		state := table.appendState(nil, put)
		again := newKeyed[uint64](int64(most))
		r := &reader{buf: state}
		again.readState(r, func(r *reader, v *uint64) { *v = r.uint() })
		if r.err() != nil || !bytes.Equal(again.appendState(nil, put), state) {
			t.Fatalf("a state is not read as it was: %v", r.err())
		}
		for _, want := range rows {
			if want.key == 0 {
				continue
			}
			if got := again.find(want.key); got == nil || *got != want.value {
				t.Fatalf("row %d is %v, want %d", want.key, got, want.value)
			}
		}
	})
}
