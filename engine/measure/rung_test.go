package measure

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestARungIsATableByTime compares a rung with a map: buckets come in any order, are dropped from the front, and are read back from bytes.
func TestARungIsATableByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g rung
		want := map[uint32]counters{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			number := rapid.Uint32Range(0, 30).Draw(t, "number")
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				g.drop(number, func(n uint32, c *counters) {
					if n >= number || want[n] != *c {
						t.Fatalf("bucket %d was dropped below %d as %v, want %v", n, number, *c, want[n])
					}
					delete(want, n)
				})
				for n := range want {
					if n < number {
						t.Fatalf("bucket %d was not dropped below %d", n, number)
					}
				}
			case 1:
				r := reader{buf: g.appendState(nil)}
				g = rung{}
				if g.readState(&r); r.err() != nil || len(r.buf) > 0 {
					t.Fatal(r.err())
				}
			default:
				var c counters
				c[rapid.IntRange(0, int(countersEnd)-1).Draw(t, "counter")] = rapid.Int64Range(1, 1<<40).Draw(t, "by")
				g.put(number, &c)
				whole := want[number]
				whole.merge(&c)
				want[number] = whole
			}
			from := rapid.Uint32Range(0, 30).Draw(t, "from")
			numbers := []uint32{}
			g.each(from, func(n uint32, c *counters) {
				if numbers = append(numbers, n); *c != want[n] {
					t.Fatalf("bucket %d is %v, want %v", n, *c, want[n])
				}
			})
			due := slices.DeleteFunc(slices.Sorted(maps.Keys(want)), func(n uint32) bool { return n < from })
			if !slices.Equal(numbers, due) {
				t.Fatalf("buckets %v from %d on, want %v", numbers, from, due)
			}
		}
	})
}
