package line

import (
	"math"
	"math/bits"
)

// waitSteps is how many buckets of [Waits] there are for each doubling: a percentile is exact within 1/64.
const waitSteps = 64

// Waits counts how long people waited, in buckets of at most 1/64 of their length. The zero Waits is empty. It takes 8 bytes for each bucket up to the longest wait: about 16 KB for a day.
type Waits struct {
	counts []uint64
	n      uint64
	sum    uint64 // milliseconds
	max    uint64
}

// Add counts one who waited so many milliseconds; negative is 0.
func (w *Waits) Add(ms int64) {
	wait := uint64(max(ms, 0))
	b := waitBucket(wait)
	if b >= len(w.counts) {
		w.counts = append(w.counts, make([]uint64, b+1-len(w.counts))...)
	}
	w.counts[b]++
	w.n++
	w.sum = add(w.sum, wait)
	w.max = max(w.max, wait)
}

// Merge adds what other has counted.
func (w *Waits) Merge(other *Waits) {
	if len(other.counts) > len(w.counts) {
		w.counts = append(w.counts, make([]uint64, len(other.counts)-len(w.counts))...)
	}
	for i, n := range other.counts {
		w.counts[i] += n
	}
	w.n += other.n
	w.sum = add(w.sum, other.sum)
	w.max = max(w.max, other.max)
}

// replace takes out what was counted in was, and adds what is counted in is: the same with more.
func (w *Waits) replace(was, is *Waits) {
	if len(is.counts) > len(w.counts) {
		w.counts = append(w.counts, make([]uint64, len(is.counts)-len(w.counts))...)
	}
	for i, n := range is.counts {
		w.counts[i] += n
	}
	for i, n := range was.counts {
		w.counts[i] -= n
	}
	w.n += is.n - was.n
	w.sum += is.sum - was.sum
	w.max = max(w.max, is.max)
}

// Count is how many were counted.
func (w *Waits) Count() uint64 { return w.n }

// MeanMs is their mean, rounded down; 0 of nobody.
func (w *Waits) MeanMs() uint64 {
	if w.n == 0 {
		return 0
	}
	return w.sum / w.n
}

// SumMs is all their waits together, at most what a uint64 can be.
func (w *Waits) SumMs() uint64 { return w.sum }

// MaxMs is the longest wait.
func (w *Waits) MaxMs() uint64 { return w.max }

// PercentileMs is what a share of all waited at most, at least the true value and at most 1/64 above it; 0 of nobody. share is from 0 to 1.
func (w *Waits) PercentileMs(share float64) uint64 {
	if w.n == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(min(max(share, 0), 1)*float64(w.n))), 1)
	for b, n := range w.counts {
		if n >= rank {
			return min(waitTop(b), w.max)
		}
		rank -= n
	}
	return w.max
}

// waitBucket is the bucket of a wait: each below waitSteps has its own, and then each doubling has waitSteps.
func waitBucket(ms uint64) int {
	shift := max(bits.Len64(ms)-bits.Len64(waitSteps), 0)
	return shift*waitSteps + int(ms>>shift)
}

// waitTop is the longest wait of a bucket.
func waitTop(b int) uint64 {
	shift := max(b/waitSteps-1, 0)
	return (uint64(b-shift*waitSteps)+1)<<shift - 1
}
