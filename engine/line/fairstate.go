package line

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
)

// Append appends f to b, for a snapshot or a state hash, but for what Sold has counted: that follows from the orders of an event.
//
//	| n | n tracks: joined served no-shows left ordered overtook | sum and max of its waits, ms | n | n buckets that are not empty: how far from the one before, count |
//	| n | n strata: shopped, of both flows, ordered, of both |
func (f *Fairness) Append(b []byte) []byte {
	put := func(values ...uint64) {
		for _, v := range values {
			b = binary.AppendUvarint(b, v)
		}
	}
	put(uint64(len(f.tracks)))
	for i := range f.tracks {
		t := &f.tracks[i]
		put(t.joined, t.served, t.noShows, t.left, t.ordered, t.overtook, t.waits.sum, t.waits.max)
		filled, last := uint64(0), 0
		for _, n := range t.waits.counts {
			filled += min(n, 1)
		}
		put(filled)
		for bucket, n := range t.waits.counts {
			if n > 0 {
				put(uint64(bucket-last), n)
				last = bucket
			}
		}
	}
	put(uint64(len(f.strata)))
	for i := range f.strata {
		s := &f.strata[i]
		put(s.shopped[Standard], s.shopped[OneClick], s.ordered[Standard], s.ordered[OneClick])
	}
	return b
}

// OpenFairness reads what Append has written at the beginning of b, and returns what is behind it. Bytes that no Append writes are an error.
func OpenFairness(b []byte) (Fairness, []byte, error) {
	var f Fairness
	r := uints{b: b}
	for range r.upTo(math.MaxUint8 + 1) {
		var t trackCounts
		for _, v := range [...]*uint64{&t.joined, &t.served, &t.noShows, &t.left, &t.ordered, &t.overtook, &t.waits.sum, &t.waits.max} {
			*v = r.next()
		}
		bucket := uint64(0)
		for i := range r.upTo(waitBuckets) {
			gap, n := r.upTo(waitBuckets), r.next()
			if bucket += gap; i > 0 && gap == 0 || n == 0 || n > math.MaxUint32 || bucket >= waitBuckets {
				r.bad = true
				break
			}
			for uint64(len(t.waits.counts)) <= bucket {
				t.waits.counts = append(t.waits.counts, 0)
			}
			t.waits.counts[bucket] = n
			t.waits.n += n
		}
		if t.served != t.waits.n || t.waits.max > 0 && waitBucket(t.waits.max) != int(bucket) || t.waits.max > t.waits.sum {
			r.bad = true
		}
		f.tracks = append(f.tracks, t)
	}
	for range r.upTo(strataMax) {
		s := stratum{}
		for _, v := range [...]*uint64{&s.shopped[Standard], &s.shopped[OneClick], &s.ordered[Standard], &s.ordered[OneClick]} {
			*v = r.next()
		}
		for flow := range flows {
			r.bad = r.bad || s.ordered[flow] > s.shopped[flow]
		}
		f.strata = append(f.strata, s)
	}
	if n := len(f.strata); r.bad || n > 0 && f.strata[n-1] == (stratum{}) {
		return Fairness{}, nil, errors.New("line: the fairness of a line has sums that cannot be")
	}
	return f, r.b, nil
}

const (
	waitBuckets = (64 - 7 + 2) * waitSteps // of the longest wait that an int64 of milliseconds can be, and a little more
	strataMax   = 256                      // of the last place, and a little more
)

// uints reads numbers of variable length. It is bad once something was not there, or out of bounds, and reads zeros from then on.
type uints struct {
	b   []byte
	bad bool
}

func (r *uints) next() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.bad = r.bad || n <= 0 || n != (bits.Len64(v|1)+6)/7; r.bad {
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *uints) upTo(most uint64) uint64 {
	v := r.next()
	if r.bad = r.bad || v > most; r.bad {
		return 0
	}
	return v
}
