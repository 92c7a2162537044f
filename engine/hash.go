package engine

import "math/bits"

// The hashes below are part of the log's format: fingerprints and state proofs are made of them. They never change; a better one would
// get a new name and a new format version.
//
// Each step multiplies two 64-bit words to 128 bits and folds the halves, the scheme of wyhash. The constants have bytes above 0x7f in
// every position, which no id has, so that no caller can choose an id that makes a factor zero.
const (
	hashK0 = 0xa0b1d6c5f8e39d97
	hashK1 = 0xe7c3a9f1b5d48e8b
	hashK2 = 0x8ebc96affcd5ccd1
	hashK3 = 0xd98ec5a3f2e9b4ad
)

// mix folds the product of a and b.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hashString hashes the bytes of s and its length, starting from seed.
func hashString(seed uint64, s string) uint64 {
	h := seed ^ hashK0
	n := len(s)
	i := 0
	for ; n-i > 16; i += 16 {
		h = mix(le64(s[i:])^hashK1, le64(s[i+8:])^h)
	}
	var a, b uint64
	switch rest := s[i:]; {
	case len(rest) >= 8:
		a, b = le64(rest), le64(rest[len(rest)-8:])
	case len(rest) >= 4:
		a, b = le32(rest), le32(rest[len(rest)-4:])
	case len(rest) > 0:
		a = uint64(rest[0])<<16 | uint64(rest[len(rest)/2])<<8 | uint64(rest[len(rest)-1])
	}
	return mix(hashK2^uint64(n), mix(a^hashK1, b^h))
}

func le64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func le32(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

// hasher hashes a sequence of values; each one depends on all before it.
type hasher uint64

func (h *hasher) word(v uint64) { *h = hasher(mix(uint64(*h)^hashK3, v^hashK1)) }

func (h *hasher) pair(a, b uint64) { *h = hasher(mix(uint64(*h)^a^hashK3, b^hashK1)) }

func (h *hasher) int(v int64) { h.word(uint64(v)) }

func (h *hasher) string(s string) { *h = hasher(hashString(uint64(*h), s)) }

func (h *hasher) bool(v bool) {
	if v {
		h.word(1)
	} else {
		h.word(0)
	}
}

func (h *hasher) strings(list []string) {
	h.word(uint64(len(list)))
	for _, s := range list {
		h.string(s)
	}
}
