package engine

import "unsafe"

// arena keeps short strings (ids, payment references) without a pointer for each: a byte of length, then the bytes, in a run of a size
// class of four bytes. The average waste is 2.5 bytes a string.
type arena struct{ runs blocks[byte] }

// arenaLenMax is the longest string an arena takes, in bytes.
const arenaLenMax = (blockClasses-1)*blockUnit - 1

// put keeps a copy of s and returns its ref, which is never 0.
func (a *arena) put(s string) uint32 {
	ref := a.runs.alloc((len(s) + blockUnit) / blockUnit)
	run := a.runs.at(ref)
	run[0] = byte(len(s))
	copy(run[1:], s)
	return ref
}

// get returns the string of a ref as a view: it is good until drop of this ref or the next put, and never kept longer than a step.
func (a *arena) get(ref uint32) string {
	run := a.runs.at(ref)
	return view(run[1 : 1+int(run[0])])
}

// drop frees the string.
func (a *arena) drop(ref uint32) { a.runs.release(ref) }

// view returns b as a string without a copy. It exists because an answer and a decoded fact show strings that live in the event's own
// memory or in the log's buffer, for one step, and a copy each would be the only allocations of the hot path.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
