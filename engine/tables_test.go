package engine

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The tables are compared with maps and slices.

func TestSlabKeepsRowsAndReusesSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s slab[[3]uint64]
		want := map[uint32]uint64{}
		var slots []uint32
		next := uint64(1)
		most := 0
		t.Repeat(map[string]func(*rapid.T){
			"alloc": func(t *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(t, "n") {
					slot := s.alloc()
					if *s.at(slot) != [3]uint64{} {
						t.Fatalf("slot %d is not zero", slot)
					}
					if want[slot] != 0 {
						t.Fatalf("slot %d is given twice", slot)
					}
					*s.at(slot) = [3]uint64{next, next, next}
					want[slot] = next
					slots = append(slots, slot)
					next++
				}
				most = max(most, len(slots))
			},
			"release": func(t *rapid.T) {
				for range rapid.IntRange(1, 200).Draw(t, "n") {
					if len(slots) == 0 {
						return
					}
					i := int(next) % len(slots)
					s.release(slots[i])
					delete(want, slots[i])
					slots[i] = slots[len(slots)-1]
					slots = slots[:len(slots)-1]
				}
			},
			"": func(t *rapid.T) {
				for slot, v := range want {
					if s.at(slot)[1] != v {
						t.Fatalf("slot %d has %d, want %d", slot, s.at(slot)[1], v)
					}
				}
				if s.live() != len(want) || int(s.rows) > most {
					t.Fatalf("%d rows live of %d, want %d of at most %d", s.live(), s.rows, len(want), most)
				}
			},
		})
	})
}

func TestArenaKeepsStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a arena
		want := map[uint32]string{}
		var refs []uint32
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				s := strings.Repeat(rapid.StringN(1, 4, -1).Draw(t, "s"), rapid.IntRange(1, 30).Draw(t, "times"))
				s = s[:min(len(s), arenaLenMax)]
				ref := a.put(s)
				if _, taken := want[ref]; taken || ref == 0 {
					t.Fatalf("ref %d is given twice, or is none", ref)
				}
				want[ref] = s
				refs = append(refs, ref)
			},
			"drop": func(t *rapid.T) {
				if len(refs) == 0 {
					return
				}
				i := rapid.IntRange(0, len(refs)-1).Draw(t, "i")
				a.drop(refs[i])
				delete(want, refs[i])
				refs = slices.Delete(refs, i, i+1)
			},
			"": func(t *rapid.T) {
				for ref, s := range want {
					if a.get(ref) != s {
						t.Fatalf("ref %d is %q, want %q", ref, a.get(ref), s)
					}
				}
				if a.runs.live() != len(want) {
					t.Fatalf("%d strings live, want %d", a.runs.live(), len(want))
				}
			},
		})
	})
}

func TestFifoIsAQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q fifo[int]
		first := rapid.Uint64Range(0, 1<<40).Draw(t, "first")
		q.startAt(first)
		var want []int
		pushed := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				for range rapid.IntRange(1, 300).Draw(t, "n") {
					pos, row := q.push()
					if pos != first+uint64(pushed) || *row != 0 {
						t.Fatalf("position %d has %d, want zero at %d", pos, *row, first+uint64(pushed))
					}
					*row = pushed
					want = append(want, pushed)
					pushed++
				}
			},
			"pop": func(t *rapid.T) {
				for range min(len(want), rapid.IntRange(1, 300).Draw(t, "n")) {
					q.pop()
					want = want[1:]
				}
			},
			"": func(t *rapid.T) {
				if q.count() != len(want) {
					t.Fatalf("%d rows, want %d", q.count(), len(want))
				}
				for i, v := range want {
					pos := q.head + uint64(i)
					if *q.at(pos) != v || q.near(uint32(pos)&lowMask) != pos {
						t.Fatalf("row %d at %d is %d, want %d", i, pos, *q.at(pos), v)
					}
				}
			},
		})
	})
}

// indexModel compares an index with a map from row to hash.
func indexModel(t *rapid.T, hash func(row uint32) uint32) {
	var x index
	rows := map[uint32]bool{}
	var order []uint32
	next := uint32(0)
	find := func(row uint32) int {
		n := 0
		var p probe
		x.seek(&p, hash(row))
		for {
			got, ok := x.next(&p)
			if !ok {
				return n
			}
			if got == row {
				n++
			}
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"insert": func(t *rapid.T) {
			for range rapid.IntRange(1, 150).Draw(t, "n") {
				if find(next) != 0 {
					t.Fatalf("row %d is found before it is there", next)
				}
				x.insert(hash(next), next)
				rows[next] = true
				order = append(order, next)
				next++
			}
		},
		"remove": func(t *rapid.T) {
			for range rapid.IntRange(1, 150).Draw(t, "n") {
				if len(order) == 0 {
					return
				}
				i := int(mix(uint64(next), uint64(len(order))) % uint64(len(order)))
				row := order[i]
				if !x.remove(hash(row), row) || x.remove(hash(row), row) {
					t.Fatalf("row %d is not removed just once", row)
				}
				delete(rows, row)
				order[i] = order[len(order)-1]
				order = order[:len(order)-1]
			}
		},
		"": func(t *rapid.T) {
			if x.count != len(rows) {
				t.Fatalf("%d rows, want %d", x.count, len(rows))
			}
			for row := range next {
				if n := find(row); (n == 1) != rows[row] || n > 1 {
					t.Fatalf("row %d is found %d times, want %t", row, n, rows[row])
				}
			}
		},
	})
}

func TestIndexFindsRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		indexModel(t, func(row uint32) uint32 { return index32(mix(uint64(row)^hashK0, hashK1)) })
	})
}

func TestIndexFindsRowsWhoseHashesCollide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.Uint32Range(0, 1<<6).Draw(t, "bits that differ") << 20
		indexModel(t, func(row uint32) uint32 { return uint32(mix(uint64(row)^hashK0, hashK1)) & keep })
	})
}

func TestIndexGrowsEvenly(t *testing.T) {
	var x index
	for row := range uint32(400_000) {
		x.insert(index32(mix(uint64(row)^hashK0, hashK1)), row)
		if x.count%50_000 != 0 {
			continue
		}
		// Nearly all of the segments' memory is in use at any size of the table.
		numbers := 0
		for _, class := range x.segs.classes {
			for _, chunk := range class.chunks {
				numbers += len(chunk)
			}
		}
		if bytes := 4 * float64(numbers) / float64(x.count); bytes > 12.5 {
			t.Fatalf("an entry of %d takes %.1f bytes", x.count, bytes)
		}
	}
	if len(x.dir) < 8 {
		t.Fatalf("the directory has %d chunks: it is not the one this test is about", len(x.dir))
	}
	for c, chunk := range x.dir {
		if len(chunk) != 0 && len(chunk) != dirEntries {
			t.Fatalf("directory chunk %d has %d entries", c, len(chunk))
		}
	}
}

func TestSpanKeepsValuesOfIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s span
		want := map[uint64]uint32{}
		var ids []uint64
		last := rapid.Uint64Range(0, 1<<50).Draw(t, "first")
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				last += rapid.Uint64Range(0, 900).Draw(t, "skip")
				for range rapid.IntRange(1, 300).Draw(t, "n") {
					last++
					s.set(last, uint32(last)|1)
					want[last] = uint32(last) | 1
					ids = append(ids, last)
				}
			},
			"drop": func(t *rapid.T) {
				for range rapid.IntRange(1, 300).Draw(t, "n") {
					if len(ids) == 0 {
						return
					}
					i := 0 // mostly the oldest
					if last%3 == 0 {
						i = len(ids) / 2
					}
					s.drop(ids[i])
					delete(want, ids[i])
					ids = slices.Delete(ids, i, i+1)
				}
			},
			"": func(t *rapid.T) {
				if s.count() != len(want) || s.get(last+1) != 0 {
					t.Fatalf("%d ids, want %d", s.count(), len(want))
				}
				for id, v := range want {
					if s.get(id) != v {
						t.Fatalf("id %d is %d, want %d", id, s.get(id), v)
					}
				}
			},
		})
	})
}

func TestWheelOrdersDeadlinesAndIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows slab[holdRow]
		var w wheel
		var live []uint32
		lastID := HoldID(rapid.Uint64Range(0, 1<<50).Draw(t, "last id"))
		now := rapid.Int64Range(0, 1<<62).Draw(t, "now")
		width := rapid.SampledFrom([]int64{0, 1, 3, 1000, 1e6, 1e9, 1e12, 1e15}).Draw(t, "width")
		first := func() (uint32, bool) {
			if len(live) == 0 {
				return 0, false
			}
			return slices.MinFunc(live, func(a, b uint32) int {
				if keyOf(rows.at(a)).before(keyOf(rows.at(b))) {
					return -1
				}
				return 1
			}), true
		}
		insert := func(at Instant) {
			slot := rows.alloc()
			lastID++
			*rows.at(slot) = holdRow{idState: idState(lastID, HoldHeld), expires: at}
			w.insert(&rows, slot)
			live = append(live, slot)
		}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				for range rapid.IntRange(1, 60).Draw(t, "n") {
					insert(Instant(now + rapid.Int64Range(0, width).Draw(t, "deadline")))
				}
			},
			"insert equal ones": func(t *rapid.T) {
				at := Instant(now + rapid.Int64Range(0, width).Draw(t, "deadline"))
				for range rapid.IntRange(1, 100).Draw(t, "n") {
					insert(at)
				}
			},
			"extend": func(t *rapid.T) {
				at := Instant(now + rapid.Int64Range(0, width).Draw(t, "deadline"))
				for range rapid.IntRange(1, 40).Draw(t, "n") {
					if len(live) > 0 {
						slot := live[rapid.IntRange(0, len(live)-1).Draw(t, "i")]
						w.remove(&rows, slot)
						rows.at(slot).expires = at
						w.insert(&rows, slot)
					}
				}
			},
			"remove": func(t *rapid.T) {
				for range rapid.IntRange(1, 40).Draw(t, "n") {
					if len(live) > 0 {
						i := rapid.IntRange(0, len(live)-1).Draw(t, "i")
						w.remove(&rows, live[i])
						rows.release(live[i])
						live = slices.Delete(live, i, i+1)
					}
				}
			},
			"expire": func(t *rapid.T) {
				now += width / 2
				for {
					slot, ok := w.first(&rows)
					if !ok || int64(rows.at(slot).expires) > now {
						return
					}
					w.remove(&rows, slot)
					rows.release(slot)
					live = slices.DeleteFunc(live, func(s uint32) bool { return s == slot })
				}
			},
			"": func(t *rapid.T) {
				got, ok := w.first(&rows)
				want, any := first()
				if ok != any || ok && got != want {
					t.Fatalf("first is slot %d (%t), want %d (%t)", got, ok, want, any)
				}
				if w.count != len(live) || len(live) == 0 && w.nodes.live()+w.buckets.live() != 0 {
					t.Fatalf("%d holds and %d nodes, want %d holds", w.count, w.nodes.live(), len(live))
				}
			},
		})
	})
}

func TestManyEqualDeadlinesStayInSmallBuckets(t *testing.T) {
	const holds = 100_000
	var rows slab[holdRow]
	var w wheel
	for i := range holds {
		slot := rows.alloc()
		// Inserted in an order that has nothing to do with their ids, as by extensions.
		*rows.at(slot) = holdRow{idState: idState(HoldID(i*7919%holds+1), HoldHeld), expires: start}
		w.insert(&rows, slot)
	}
	if n := w.nodes.live(); n > holds/100 {
		t.Fatalf("%d nodes for %d holds", n, holds)
	}
	for i := range holds {
		slot, ok := w.first(&rows)
		if !ok || rows.at(slot).id() != HoldID(i+1) {
			t.Fatalf("hold %d comes as number %d", rows.at(slot).id(), i+1)
		}
		w.remove(&rows, slot)
	}
	if w.count != 0 || w.nodes.live() != 0 || w.root != 0 || w.buckets.live() != 0 {
		t.Fatalf("the wheel is not empty: %+v", w.root)
	}
}
