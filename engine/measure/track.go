package measure

import (
	"encoding/binary"
	"slices"
)

// trackColumns is how many things a bucket counts.
const trackColumns = 17

// A moment of counting is a minute since the Unix epoch, and the hour of the day that it was at the event (1 to 24, as counted in series; 0 is none).
type minuteKey uint32

const minuteHours = 5 // bits

func minuteOf(ms int64, hour uint8) minuteKey {
	return minuteKey(max(ms, 0)/60_000<<minuteHours) | minuteKey(hour)
}

func (k minuteKey) minute() int64 { return int64(k >> minuteHours) }
func (k minuteKey) hour() uint8   { return uint8(k & (1<<minuteHours - 1)) }

// levels says how coarse time is kept: by the minute from minutes on, by the quarter of an hour from quarters on, and all in one before. Both are minutes since
// the epoch, at quarters. They follow the newest entry.
type levels struct{ minutes, quarters int64 }

const quarter = 15

// levelsAt are the levels when the newest entry is of a minute: minutes for the last hour, quarters for the last day, or as long as cohorts take to mature.
func levelsAt(minute, matureMs int64) levels {
	begun := minute - minute%quarter
	return levels{begun - 60, begun - 24*60 - matureMs/60_000/quarter*quarter - quarter}
}

// key is the bucket that a moment is counted in.
func (l levels) key(k minuteKey) minuteKey {
	m := k.minute()
	switch {
	case m >= l.minutes:
		return k
	case m >= l.quarters:
		return minuteKey((m-m%quarter)<<minuteHours) | minuteKey(k.hour())
	}
	return minuteKey(k.hour())
}

// end is the minute behind the last of a bucket; 0 of what is older than a day.
func (l levels) end(k minuteKey) int64 {
	m := k.minute()
	switch {
	case m >= l.minutes:
		return m + 1
	case m > 0:
		return m + quarter
	}
	return 0
}

// track is what was counted, by time.
type track []trackBucket

type trackBucket struct {
	key minuteKey
	n   [trackColumns]uint32
}

// at is a bucket, made if need be. It is valid until the next call. Most entries are of the newest minutes.
func (t *track) at(key minuteKey) *trackBucket {
	i := len(*t)
	for i > 0 && (*t)[i-1].key > key {
		i--
	}
	if i > 0 && (*t)[i-1].key == key {
		return &(*t)[i-1]
	}
	*t = insert(*t, i, trackBucket{key: key})
	return &(*t)[i]
}

// insert is [slices.Insert] for many short slices that live long: it leaves a quarter of room, not as much again.
func insert[E any](s []E, i int, e E) []E {
	if len(s) == cap(s) {
		s = append(make([]E, 0, len(s)+1+len(s)/4), s...)
	}
	return slices.Insert(s, i, e)
}

// trim gives room back where there is much.
func trim[E any](s []E) []E {
	if cap(s) > 2*len(s) {
		return slices.Clone(s)
	}
	return s
}

// fold makes what has become old as coarse as it is kept.
func (t *track) fold(l levels) {
	var moved []trackBucket
	*t = slices.DeleteFunc(*t, func(b trackBucket) bool {
		old := l.key(b.key) != b.key
		if old {
			moved = append(moved, b)
		}
		return old
	})
	for i := range moved {
		to := t.at(l.key(moved[i].key))
		for c, n := range moved[i].n {
			to.n[c] += n
		}
	}
	if len(moved) > 0 {
		*t = trim(*t)
	}
}

func (t track) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(t)))
	for i := range t {
		dst = binary.AppendUvarint(dst, uint64(t[i].key))
		for _, n := range t[i].n {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	return dst
}

func (t *track) readState(r *reader) {
	*t = make(track, r.count(1+trackColumns))
	for i := range *t {
		b := &(*t)[i]
		if b.key = minuteKey(r.uint()); i > 0 && b.key <= (*t)[i-1].key {
			r.fail("its times are not in order")
			return
		}
		for c := range b.n {
			b.n[c] = uint32(r.uint())
		}
	}
}
