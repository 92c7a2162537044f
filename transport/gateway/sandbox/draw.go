package sandbox

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"time"
)

// draw is a number that depends on the seed and on what it is for, and looks random.
func draw(seed uint64, what, key string, attempt int) uint64 {
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], seed)
	binary.LittleEndian.PutUint64(b[8:], uint64(attempt))
	_, _ = h.Write(b[:]) // a hash never fails
	_, _ = h.Write([]byte(what))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(key))
	// FNV leaves the high bits of short inputs alike: mix them, as splitmix64 does.
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// happens reports whether something that happens so many times in 10,000 happens now.
func happens(often int, seed uint64, what, key string, attempt int) bool {
	return often > 0 && draw(seed, what, key, attempt)%10_000 < uint64(often)
}

// z99 is where 99 in 100 of a standard normal distribution are below.
const z99 = 2.3263478740408408

// of draws a time.
func (l Latency) of(seed uint64, key string, attempt int) time.Duration {
	if l.Median <= 0 {
		return 0
	}
	if l.P99 <= l.Median {
		return l.Median
	}
	sigma := math.Log(float64(l.P99)/float64(l.Median)) / z99
	// Box-Muller on two numbers in (0, 1].
	u := (float64(draw(seed, "latency u", key, attempt)>>11) + 1) / (1 << 53)
	v := (float64(draw(seed, "latency v", key, attempt)>>11) + 1) / (1 << 53)
	z := math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*v)
	return time.Duration(float64(l.Median) * math.Exp(sigma*z))
}
