package line

// A Grove is a whole tree over a few leaves, for the paths of all of them: the joins that are released together, or a lobby's list. Its root is that of a
// [Tree] with the same leaves.
type Grove struct {
	levels [][]Hash // levels[0] is the leaves; a node without a sibling goes up as it is
}

// NewGrove hashes the tree over leaves, which are kept and must not change. Cost: a hash a leaf.
func NewGrove(leaves []Hash) *Grove {
	g := &Grove{levels: [][]Hash{leaves}}
	for level := leaves; len(level) > 1; {
		up := make([]Hash, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			up = append(up, node(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			up = append(up, level[len(level)-1])
		}
		g.levels = append(g.levels, up)
		level = up
	}
	return g
}

// Root is the root of the tree.
func (g *Grove) Root() Hash {
	if len(g.levels[0]) == 0 {
		return Root(nil)
	}
	return g.levels[len(g.levels)-1][0]
}

// Path is the audit path of leaf index (from 0): the siblings on the way to the root, nearest first. It panics if there is no such leaf.
//
// Source: RFC 6962, section 2.1.1.
func (g *Grove) Path(index int) []Hash {
	return g.AppendPath(make([]Hash, 0, len(g.levels)-1), index)
}

// AppendPath appends the audit path of leaf index to dst.
func (g *Grove) AppendPath(dst []Hash, index int) []Hash {
	_ = g.levels[0][index]
	for _, level := range g.levels[:len(g.levels)-1] {
		if sibling := index ^ 1; sibling < len(level) {
			dst = append(dst, level[sibling])
		}
		index /= 2
	}
	return dst
}

// VerifyPath reports whether path leads from leaf, at index (from 0) of a tree of size leaves, to root. Any input is answered; no allocation.
//
// Source: RFC 9162, section 2.1.3.2, which gives the algorithm for the trees of RFC 6962.
func VerifyPath(leaf Hash, index, size uint64, path []Hash, root Hash) bool {
	if index >= size {
		return false
	}
	at, last := index, size-1
	for _, sibling := range path {
		if last == 0 {
			return false // the path is longer than the tree is high
		}
		if at&1 == 1 || at == last {
			leaf = node(sibling, leaf)
			for at&1 == 0 && at != 0 {
				at >>= 1
				last >>= 1
			}
		} else {
			leaf = node(leaf, sibling)
		}
		at >>= 1
		last >>= 1
	}
	return last == 0 && leaf == root
}
