package measure

import (
	"encoding/binary"
	"math"
	"slices"
)

// sketch is how many durations of one kind were how long, in one bucket of time: counts by [TimesIndex], in its order, and only where there are any. What was
// added can be taken out again.
type sketch struct {
	key  uint64 // kind<<32 | bucket of time
	sum  int64  // milliseconds
	bars []sketchBar
}

type sketchBar struct {
	index int16
	n     uint32
}

// sketches are those of a cell, in the order of their keys.
type sketches struct {
	all  []sketch
	last [durations]uint16 // where that of each kind was that was added to last: most entries are of the same minute as the one before
	room []sketchBar       // of the last one that went: what moves on is often the only one of its minute, and the next one needs room again
}

func sketchKey(kind duration, k minuteKey) uint64 { return uint64(kind)<<32 | uint64(k) }

// search is where the sketch of a key is, or has to be.
func (s *sketches) search(key uint64) (int, bool) {
	if i := int(s.last[key>>32]); i < len(s.all) && s.all[i].key == key {
		return i, true
	}
	from, to := 0, len(s.all)
	for from < to {
		if mid := int(uint(from+to) >> 1); s.all[mid].key < key {
			from = mid + 1
		} else {
			to = mid
		}
	}
	s.last[key>>32] = uint16(min(from, math.MaxUint16))
	return from, from < len(s.all) && s.all[from].key == key
}

// bar is where a bucket is, or would be. Like search it is written out: a function to compare with costs more than the search. Nobody can guess which way such a
// search goes, so it goes both in the same steps, without a branch.
func (k *sketch) bar(index int16) (int, bool) {
	from := 0
	for n := len(k.bars); n > 0; {
		half := (n + 1) / 2
		next := from
		if k.bars[from+half-1].index < index {
			next = from + half
		}
		from, n = next, n-half
	}
	return from, from < len(k.bars) && k.bars[from].index == index
}

// add adds n durations of one bucket, whose sum is in milliseconds; n may be below 0 for what was added before.
func (s *sketches) add(key uint64, index int32, n, sum int64) {
	i, ok := s.search(key)
	if !ok {
		s.all = insert(s.all, i, sketch{key: key, bars: s.room[:0]})
		s.room = nil
	}
	k := &s.all[i]
	k.sum += sum
	j, ok := k.bar(int16(index))
	if !ok {
		k.bars = insert(k.bars, j, sketchBar{index: int16(index)})
	}
	if k.bars[j].n += uint32(n); k.bars[j].n == 0 {
		if k.bars = slices.Delete(k.bars, j, j+1); len(k.bars) == 0 {
			s.room = k.bars
			s.all = slices.Delete(s.all, i, i+1)
		}
	}
}

// fold makes what has become old as coarse as it is kept.
func (s *sketches) fold(l levels) {
	var moved []sketch
	s.all = slices.DeleteFunc(s.all, func(k sketch) bool {
		at := minuteKey(k.key)
		old := l.key(at) != at
		if old {
			moved = append(moved, k)
		}
		return old
	})
	for i := range moved {
		key := moved[i].key>>32<<32 | uint64(l.key(minuteKey(moved[i].key)))
		sum := moved[i].sum
		for _, b := range moved[i].bars {
			s.add(key, int32(b.index), int64(b.n), sum)
			sum = 0
		}
	}
	if len(moved) > 0 {
		s.all = trim(s.all)
	}
}

func (s *sketches) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s.all)))
	for i := range s.all {
		dst = binary.AppendVarint(binary.AppendUvarint(dst, s.all[i].key), s.all[i].sum)
		dst = binary.AppendUvarint(dst, uint64(len(s.all[i].bars)))
		for _, b := range s.all[i].bars {
			dst = binary.AppendUvarint(binary.AppendVarint(dst, int64(b.index)), uint64(b.n))
		}
	}
	return dst
}

func (s *sketches) readState(r *reader) {
	s.all = make([]sketch, r.count(5))
	for i := range s.all {
		k := &s.all[i]
		k.key, k.sum = r.uint(), r.int()
		k.bars = make([]sketchBar, r.count(2))
		for j := range k.bars {
			b := &k.bars[j]
			b.index, b.n = int16(r.int()), uint32(r.uint())
			if j > 0 && b.index <= k.bars[j-1].index {
				r.fail("its durations are not in order")
				return
			}
		}
		if i > 0 && k.key <= s.all[i-1].key || len(k.bars) == 0 || duration(k.key>>32) >= durations {
			r.fail("its sketches are not in order")
			return
		}
	}
}

// spread is the sum of sketches: what quantiles are read from.
type spread struct {
	n, sum int64
	bars   map[int16]int64
}

func (s *spread) take(k *sketch) {
	if s.bars == nil {
		s.bars = make(map[int16]int64, len(k.bars))
	}
	s.sum += k.sum
	for _, b := range k.bars {
		s.bars[b.index] += int64(b.n)
		s.n += int64(b.n)
	}
}

// quantile is the duration in milliseconds below or at which a share of all are, at the lower of two neighbours, within [TimesErrorMax].
func (s *spread) quantile(q float64) float64 {
	indexes := make([]int16, 0, len(s.bars))
	for index := range s.bars {
		indexes = append(indexes, index)
	}
	slices.Sort(indexes)
	rank := int64(q * float64(s.n-1))
	for _, index := range indexes {
		if rank -= s.bars[index]; rank < 0 {
			return TimesMs(int32(index))
		}
	}
	return 0
}
