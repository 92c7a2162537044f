package line

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"
)

// Marks of RFC 6962: what is hashed for a leaf and for a node begins differently, so that neither can be taken for the other.
const (
	leafMark byte = 0
	nodeMark byte = 1
)

// node is the parent of two hashes: SHA-256(0x01 ‖ left ‖ right).
func node(left, right Hash) Hash {
	var b [1 + 2*HashLen]byte
	b[0] = nodeMark
	copy(b[1:], left[:])
	copy(b[1+HashLen:], right[:])
	return sha256.Sum256(b[:])
}

// A Tree is the Merkle tree of RFC 6962 over leaves that are appended: of a tree of n leaves it keeps one hash for each bit that is set in n. The zero Tree
// is empty.
//
//	7 leaves:      peaks[0]      peaks[1]  peaks[2]     root = node(peaks[0], node(peaks[1], peaks[2]))
//	              ┌────┴────┐     ┌─┴─┐       │
//	             0..1     2..3    4   5       6
//
// Source: RFC 6962, section 2.1.
type Tree struct {
	size  uint64
	peaks []Hash // the roots of the whole subtrees, the largest first
}

// OpenTree is the tree that had this size and these peaks (see [Tree.Peaks]). The peaks are copied. It is an error if there are not as many peaks as
// bits are set in size.
func OpenTree(size uint64, peaks []Hash) (Tree, error) {
	if len(peaks) != bits.OnesCount64(size) {
		return Tree{}, fmt.Errorf("line: a tree of %d leaves has %d peaks, not %d", size, bits.OnesCount64(size), len(peaks))
	}
	return Tree{size: size, peaks: slices.Clone(peaks)}, nil
}

// Append adds a leaf behind the others. Cost: one hash on average, at most 64; it allocates only when the tree gets a level more than ever.
func (t *Tree) Append(leaf Hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.peaks) - 1
		leaf = node(t.peaks[last], leaf)
		t.peaks = t.peaks[:last]
	}
	t.peaks = append(t.peaks, leaf)
	t.size++
}

// Size is how many leaves there are.
func (t *Tree) Size() uint64 { return t.size }

// Peaks is what [OpenTree] needs beside the size, the largest subtree first. It is the tree's own until the next Append.
func (t *Tree) Peaks() []Hash { return t.peaks }

// Root is the root over all leaves so far; of an empty tree the SHA-256 of nothing. Cost: at most 63 hashes.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	root := t.peaks[len(t.peaks)-1]
	for i := len(t.peaks) - 2; i >= 0; i-- {
		root = node(t.peaks[i], root)
	}
	return root
}

// Root is the root over leaves, in their order: what a [Tree] that they were appended to would have.
func Root(leaves []Hash) Hash {
	var t Tree
	for _, leaf := range leaves {
		t.Append(leaf)
	}
	return t.Root()
}
