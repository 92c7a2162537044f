package engine

import "unsafe"

// arena keeps short strings (ids, payment references) without a pointer for each, in runs of a size class of four bytes. A string whose
// length is a multiple of four takes just its own bytes; of others the last byte of the run says how many bytes are not theirs.
//
//	ref - 1: | class - 1, 5 bits | padded, 1 bit | number of the run in its class, 26 bits |
type arena struct{ runs blocks[byte] }

const (
	arenaUnit   = 4
	arenaLenMax = 32 * arenaUnit // the longest string an arena takes, in bytes
	arenaPadded = 1 << blockBits
	arenaClass  = blockBits + 1
)

// put keeps a copy of s, which is not empty, and returns its ref, which is never 0.
func (a *arena) put(s string) uint32 {
	class := (len(s) + arenaUnit - 1) / arenaUnit
	i := a.runs.alloc(arenaUnit, class)
	run := a.runs.at(arenaUnit, class, i)
	copy(run, s)
	ref := uint32(class-1)<<arenaClass | i
	if pad := len(run) - len(s); pad > 0 {
		run[len(run)-1] = byte(pad)
		ref |= arenaPadded
	}
	return ref + 1
}

// get returns the string of a ref as a view: it is good until drop of this ref or the next put, and never kept longer than a step.
func (a *arena) get(ref uint32) string {
	ref--
	run := a.runs.at(arenaUnit, int(ref>>arenaClass)+1, ref&blockMask)
	n := len(run)
	if ref&arenaPadded != 0 {
		n -= int(run[n-1])
	}
	return view(run[:n])
}

// drop frees the string.
func (a *arena) drop(ref uint32) {
	ref--
	a.runs.release(int(ref>>arenaClass)+1, ref&blockMask)
}

// view returns b as a string without a copy. It exists because an answer and a decoded fact show strings that live in the event's own
// memory or in the log's buffer, for one step, and a copy each would be the only allocations of the hot path.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
