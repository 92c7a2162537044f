package line

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTreesAreThoseOfRFC6962 compares with the roots that the reference implementation of certificate transparency publishes in its tests.
func TestTreesAreThoseOfRFC6962(t *testing.T) {
	inputs := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var tree Tree
	for n, want := range roots {
		if got := tree.Root().String(); got != want {
			t.Errorf("the root over %d leaves is %s, RFC 6962's is %s", n, got, want)
		}
		if n < len(inputs) {
			data, err := hex.DecodeString(inputs[n])
			if err != nil {
				t.Fatal(err)
			}
			tree.Append(sha256.Sum256(append([]byte{leafMark}, data...)))
		}
	}
}

// naiveRoot and naivePath are the definitions of RFC 6962, word for word.
func naiveRoot(leaves []Hash) Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	default:
		k := split(n)
		return node(naiveRoot(leaves[:k]), naiveRoot(leaves[k:]))
	}
}

func naivePath(leaves []Hash, m int) []Hash {
	n := len(leaves)
	if n == 1 {
		return nil
	}
	k := split(n)
	if m < k {
		return append(naivePath(leaves[:k], m), naiveRoot(leaves[k:]))
	}
	return append(naivePath(leaves[k:], m-k), naiveRoot(leaves[:k]))
}

// split is the largest power of two that is less than n.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

func someLeaves(n int) []Hash {
	leaves := make([]Hash, n)
	for i := range leaves {
		leaves[i] = Leaf("_", "night-one", Hash{7}, Entry(i+1), fmt.Sprint("buyer-", i))
	}
	return leaves
}

func TestTreesAndPathsAreTheirDefinition(t *testing.T) {
	all := someLeaves(70)
	var tree Tree
	for n := range len(all) + 1 {
		leaves := all[:n]
		grove, root := NewGrove(leaves), naiveRoot(leaves)
		if tree.Root() != root || Root(leaves) != root || grove.Root() != root {
			t.Fatalf("the roots over %d leaves differ from the definition", n)
		}
		again, err := OpenTree(tree.Size(), tree.Peaks())
		if err != nil || again.Root() != root {
			t.Fatalf("a tree of %d leaves that was opened again: %v", n, err)
		}
		for i, leaf := range leaves {
			path := grove.Path(i)
			if !slices.Equal(path, naivePath(leaves, i)) {
				t.Fatalf("the path of leaf %d of %d differs from the definition", i, n)
			}
			if !VerifyPath(leaf, uint64(i), uint64(n), path, root) {
				t.Fatalf("the path of leaf %d of %d does not verify", i, n)
			}
		}
		if n < len(all) {
			tree.Append(all[n])
		}
	}
}

func TestATreeOfAnotherSizeHasOtherPeaks(t *testing.T) {
	if _, err := OpenTree(3, make([]Hash, 1)); err == nil {
		t.Error("a tree of three leaves was opened with one peak")
	}
}

func TestOnlyTheRightPathVerifies(t *testing.T) {
	rng := rand.New(rand.NewPCG(6962, 1))
	for n := 1; n <= 40; n++ {
		leaves := someLeaves(n)
		grove := NewGrove(leaves)
		root := grove.Root()
		for i, leaf := range leaves {
			path := grove.Path(i)
			for other := range uint64(n + 2) {
				if other != uint64(i) && VerifyPath(leaf, other, uint64(n), path, root) {
					t.Fatalf("leaf %d of %d verifies as leaf %d", i, n, other)
				}
			}
			if VerifyPath(leaf, uint64(i), uint64(n), append(slices.Clone(path), Hash{}), root) {
				t.Fatalf("a longer path verifies")
			}
			if len(path) > 0 {
				bad := slices.Clone(path)
				bad[rng.IntN(len(bad))][rng.IntN(HashLen)] ^= 1 << rng.IntN(8)
				if VerifyPath(leaf, uint64(i), uint64(n), bad, root) || VerifyPath(leaf, uint64(i), uint64(n), path[1:], root) {
					t.Fatalf("a path that was changed verifies")
				}
			}
			leaf[rng.IntN(HashLen)] ^= 1
			if VerifyPath(leaf, uint64(i), uint64(n), path, root) {
				t.Fatalf("another leaf verifies")
			}
		}
	}
}

func TestATreeKeepsPeaksOnly(t *testing.T) {
	var tree Tree
	leaf := Hash{1}
	for range 1 << 16 {
		tree.Append(leaf)
	}
	if len(tree.Peaks()) != 1 || cap(tree.Peaks()) > 32 {
		t.Errorf("a tree of 65,536 leaves keeps %d hashes, with room for %d", len(tree.Peaks()), cap(tree.Peaks()))
	}
	if n := testing.AllocsPerRun(1000, func() { tree.Append(leaf) }); n != 0 {
		t.Errorf("an append allocates %v times", n)
	}
}

func FuzzVerifyPath(f *testing.F) {
	grove := NewGrove(someLeaves(11))
	var flat []byte
	for _, h := range grove.Path(9) {
		flat = append(flat, h[:]...)
	}
	f.Add(uint64(9), uint64(11), flat)
	f.Add(uint64(1<<63), uint64(1<<63+1), flat)
	f.Fuzz(func(t *testing.T, index, size uint64, flat []byte) {
		var path []Hash
		for ; len(flat) >= HashLen; flat = flat[HashLen:] {
			path = append(path, Hash(flat[:HashLen]))
		}
		leaves := someLeaves(11)
		if index < 11 && VerifyPath(leaves[index], index, size, path, Root(leaves)) && !slices.Equal(path, NewGrove(leaves).Path(int(index))) {
			t.Errorf("leaf %d verifies with a path that is not its own", index)
		}
		VerifyPath(Hash{}, index, size, path, Hash{})
	})
}
