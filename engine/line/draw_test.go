package line

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestVectorsOfTheDraw are golden: what they say is in published lobbies and in receipts. docs/line.md has them too.
func TestVectorsOfTheDraw(t *testing.T) {
	var seed Seed
	for i := range seed {
		seed[i] = byte(i)
	}
	commit := Commit(seed)
	leaf := Leaf("_", "night-one", commit, 1, "alice")
	other := Leaf("_", "night-one", commit, 2, "bob")
	root := Root([]Hash{leaf, other})
	key := NewDraw(seed, root, "").Key(leaf)
	named := NewDraw(seed, root, "7 14 21 28 35 42").Key(leaf)
	for what, v := range map[string]struct{ got, want string }{
		"the commit":                 {commit.String(), "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd"},
		"the leaf of alice":          {leaf.String(), "047b971c702781eeeea12d3454ccebc5e9050b8a56b12b72b27a3fadbc1c9ba5"},
		"the leaf of bob":            {other.String(), "314ac9774dfe545ab0f04bac175852bd54e9dd0aacddbe2912cf0e11e07b6a82"},
		"the root of both":           {root.String(), "b4d9cfc2c6ae937173d4be5705820cc804f2cc2b9e8d5df5655246f46d1810d7"},
		"the key of alice":           {hex.EncodeToString(key[:]), "10e4aff316987d25c0a02c81ccdffedd"},
		"her key with a value":       {hex.EncodeToString(named[:]), "6a5588e1a17b30dcca047cc3499406b5"},
		"what a receipt's key signs": {hex.EncodeToString(ReceiptStatement(2, root)[:28]), "686f6c6466617374206c696e65207265636569707420310a00000002"},
	} {
		if v.got != v.want {
			t.Errorf("%s is %s, was %s", what, v.got, v.want)
		}
	}
}

// TestKeysAreHMACs compares with the standard library's HMAC, over messages put together as the documentation says.
func TestKeysAreHMACs(t *testing.T) {
	rng := rand.New(rand.NewPCG(198, 1))
	for range 200 {
		var seed Seed
		var root, leaf Hash
		for i := range 32 {
			seed[i], root[i], leaf[i] = byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())
		}
		value := fmt.Sprint(rng.Uint64N(1 << rng.Uint64N(60)))
		named := sha256.Sum256([]byte(value))
		mac := hmac.New(sha256.New, seed[:])
		mac.Write(slices.Concat(root[:], named[:], leaf[:]))
		draw := NewDraw(seed, root, value)
		for range 2 { // the second time from the state that the first has left
			if key := draw.Key(leaf); !hmac.Equal(key[:], mac.Sum(nil)[:KeyLen]) {
				t.Fatalf("the key of %s is %x", leaf, key)
			}
		}
	}
}

// TestPlacesAreTheOrderOfKeys compares the draw with sorting.
func TestPlacesAreTheOrderOfKeys(t *testing.T) {
	for _, n := range []int{0, 1, 2, 7, 8, 9, 64, 1000, 5000} {
		leaves := someLeaves(n)
		root := Root(leaves)
		draw := NewDraw(Seed{1}, root, "beacon")
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			ka, kb := draw.Key(leaves[a]), draw.Key(leaves[b])
			return cmp.Or(ka.Compare(kb), cmp.Compare(a, b))
		})
		places := Places(Seed{1}, root, "beacon", leaves)
		for place, entry := range order {
			if places[entry] != Place(place+1) {
				t.Fatalf("of %d, entry %d has place %d, sorting says %d", n, entry+1, places[entry], place+1)
			}
		}
	}
}

// TestSlicesOfADrawChangeNothing: however a deal is cut, also where keys are equal or in one bucket.
func TestSlicesOfADrawChangeNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(20, 48))
	for range 200 {
		n := rng.IntN(300)
		keys := make([]Key, n+1)
		for i := range keys {
			keys[i][0], keys[i][15] = byte(rng.IntN(1+rng.IntN(256))), byte(rng.IntN(3))
		}
		want := make([]Entry, n)
		for i := range want {
			want[i] = Entry(i + 1)
		}
		slices.SortStableFunc(want, func(a, b Entry) int { return keys[a].Compare(keys[b]) })
		deal := NewDeal(n)
		for _, i := range rng.Perm(n) {
			deal.Put(Entry(i+1), keys[i+1])
		}
		var got []Entry
		for len(got) < n {
			got = deal.Take(got, 1+rng.IntN(40))
		}
		if !slices.Equal(got, want) || len(deal.Take(nil, 1)) != 0 {
			t.Fatalf("the order of %v is %v, taken in slices it was %v", keys, want, got)
		}
	}
}

// chiSquare is how unlikely it is that counts come from a uniform draw: standard deviations above what is expected, by the approximation of Wilson and Hilferty.
func chiSquare(counts []int, expected float64) float64 {
	sum := 0.0
	for _, n := range counts {
		d := float64(n) - expected
		sum += d * d / expected
	}
	df := float64(len(counts) - 1)
	return (math.Cbrt(sum/df) - (1 - 2/(9*df))) / math.Sqrt(2/(9*df))
}

// drawer turns leaves into the order of entries.
type drawer func(seed Seed, root Hash, leaves []Hash) []Place

func fairDraw(seed Seed, root Hash, leaves []Hash) []Place { return Places(seed, root, "", leaves) }

// unfairness is the largest of three measures of a draw of n, over many seeds, in standard deviations: how uneven the places of each entry are, how much a place depends on the
// order of arrival, and how uneven the order of two entries is.
func unfairness(draw drawer, n, seeds int) float64 {
	leaves := someLeaves(n)
	root := Root(leaves)
	counts := make([]int, n*n)
	first := make([]int, n*n)
	slope, square := 0.0, 0.0
	for i := range seeds {
		seed := Seed(sha256.Sum256([]byte(fmt.Sprint("seed ", i))))
		places := draw(seed, root, leaves)
		dot := 0.0
		for e, place := range places {
			counts[e*n+int(place)-1]++
			dot += (float64(e) - float64(n-1)/2) * (float64(place) - float64(n+1)/2)
			for o := range e {
				if place < places[o] {
					first[e*n+o]++
				}
			}
		}
		slope += dot
		square += dot * dot
	}
	worst := 0.0
	for e := range n { // each entry: all places alike
		worst = max(worst, chiSquare(counts[e*n:e*n+n], float64(seeds)/float64(n)))
	}
	for p := range n { // each place: all entries alike
		column := make([]int, n)
		for e := range n {
			column[e] = counts[e*n+p]
		}
		worst = max(worst, chiSquare(column, float64(seeds)/float64(n)))
	}
	for e := range n {
		for o := range e {
			worst = max(worst, math.Abs(float64(first[e*n+o])-float64(seeds)/2)/math.Sqrt(float64(seeds)/4))
		}
	}
	return max(worst, math.Abs(slope)/math.Sqrt(square)) // arrival and place: not correlated
}

// TestTheDrawIsUniform: over 20,000 seeds each entry gets each place equally often, whenever it came, and each two are in either order. With this many measures the largest is about
// 4 standard deviations in a fair draw.
func TestTheDrawIsUniform(t *testing.T) {
	if worst := unfairness(fairDraw, 24, 20_000); worst > 5.5 {
		t.Errorf("the draw is %.1f standard deviations from uniform", worst)
	}
}

// TestABiasedShuffleIsFound: the measures that find nothing in the draw find what shuffles do wrong that people have written.
func TestABiasedShuffleIsFound(t *testing.T) {
	const n, seeds = 24, 20_000
	if fair := unfairness(shuffled(func(rng *rand.Rand, i, n int) int { return i + rng.IntN(n-i) }), n, seeds); fair > 5.5 {
		t.Errorf("a fair shuffle is found to be %.1f standard deviations from uniform", fair)
	}
	for name, draw := range map[string]drawer{
		"each with any other":         shuffled(func(rng *rand.Rand, i, n int) int { return rng.IntN(n) }),
		"each with a later one":       shuffled(func(rng *rand.Rand, i, n int) int { return min(i+1+rng.IntN(n-i), n-1) }),
		"a byte modulo what is left":  shuffled(func(rng *rand.Rand, i, n int) int { return i + int(uint8(rng.Uint32()))%(n-i) }),
		"an earlier arrival helps":    early,
		"the last two always in turn": tied,
	} {
		if worst := unfairness(draw, n, seeds); worst < 6 {
			t.Errorf("%s: only %.1f standard deviations from uniform", name, worst)
		}
	}
}

// shuffled swaps each place with the one that other says.
func shuffled(other func(rng *rand.Rand, i, n int) int) drawer {
	return func(seed Seed, _ Hash, leaves []Hash) []Place {
		rng := rand.New(rand.NewChaCha8(seed))
		places := make([]Place, len(leaves))
		for i := range places {
			places[i] = Place(i + 1)
		}
		for i := range places {
			o := other(rng, i, len(places))
			places[i], places[o] = places[o], places[i]
		}
		return places
	}
}

// early is the draw, but one of a hundred times the first to come is first.
func early(seed Seed, root Hash, leaves []Hash) []Place {
	places := fairDraw(seed, root, leaves)
	if seed[0] < 5 {
		at := slices.Index(places, 1)
		places[0], places[at] = places[at], places[0]
	}
	return places
}

// tied is the draw, but the last two entries are in the order of arrival.
func tied(seed Seed, root Hash, leaves []Hash) []Place {
	places := fairDraw(seed, root, leaves)
	n := len(places)
	if places[n-1] < places[n-2] {
		places[n-1], places[n-2] = places[n-2], places[n-1]
	}
	return places
}

// TestTheRootAndTheValueDecideToo: with the same seed, another list or another public value is another draw.
func TestTheRootAndTheValueDecideToo(t *testing.T) {
	leaves := someLeaves(1000)
	root := Root(leaves)
	base := Places(Seed{1}, root, "", leaves)
	same := func(places []Place) (n int) {
		for i := range base {
			if base[i] == places[i] {
				n++
			}
		}
		return n
	}
	for name, places := range map[string][]Place{
		"another seed":  Places(Seed{2}, root, "", leaves),
		"another value": Places(Seed{1}, root, "x", leaves),
		"another list":  Places(Seed{1}, Root(someLeaves(1001)), "", leaves),
	} {
		if n := same(places); n > 8 {
			t.Errorf("%s leaves %d of 1,000 places as they were", name, n)
		}
	}
}

func TestKeysAllocateNothing(t *testing.T) {
	d := NewDraw(Seed{1}, Hash{2}, "x")
	leaf := Leaf("_", "night-one", Hash{}, 1, "b1")
	if n := testing.AllocsPerRun(100, func() { d.Key(leaf) }); n != 0 {
		t.Errorf("a key allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() { Leaf("_", "night-one", Hash{}, 1, "b1") }); n != 0 {
		t.Errorf("a leaf allocates %v times", n)
	}
}

func BenchmarkPlaces(b *testing.B) {
	leaves := make([]Hash, 1_000_000)
	for i := range leaves {
		leaves[i] = Leaf("_", "night-one", Hash{}, Entry(i+1), "buyer")
	}
	b.ReportAllocs()
	for b.Loop() {
		Places(Seed{1}, Hash{2}, "", leaves)
	}
}

func BenchmarkKey(b *testing.B) {
	d := NewDraw(Seed{1}, Hash{2}, "x")
	leaf := Leaf("_", "night-one", Hash{}, 1, "b1")
	b.ReportAllocs()
	for b.Loop() {
		d.Key(leaf)
	}
}

func BenchmarkLeaf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Leaf("_", "night-one", Hash{}, 1, "b1")
	}
}

func BenchmarkTreeAppend(b *testing.B) {
	var t Tree
	b.ReportAllocs()
	for b.Loop() {
		t.Append(Hash{1})
	}
}
