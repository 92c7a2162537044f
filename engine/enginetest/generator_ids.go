package enginetest

import (
	"math"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

func (g *Generator) buyer() string {
	if g.chance(1, "bad buyer") {
		return g.badID()
	}
	return "b" + strconv.Itoa(g.below(generatedBuyers, "buyer"))
}

func (g *Generator) lotID() string {
	if len(g.model.lots) == 0 || g.chance(3, "no such lot") {
		return pick(g, "lot", "none", "none", "none", "", "a b", strings.Repeat("l", 65))
	}
	return g.model.lots[g.below(len(g.model.lots), "lot")].spec.Lot
}

func (g *Generator) poolID() string {
	if len(g.model.pools) == 0 || g.chance(5, "no such pool") {
		return pick(g, "pool", "none", "none", "", "a b")
	}
	return g.model.pools[g.below(len(g.model.pools), "pool")].spec.Pool
}

// badID is what a hostile caller writes where an id belongs. Some of it is an id.
func (g *Generator) badID() string {
	ids := []string{"", " ", "a b", "*", ">", "a.b", "é", "\x00", "a/b", "b0\n", "\u202e", "_", "-", "4111111111111111", "4111-1111-1111-1111"}
	long := []int{engine.IDLenMax, engine.IDLenMax + 1, 100_000}
	n := g.below(len(ids)+len(long), "id")
	if n < len(ids) {
		return ids[n]
	}
	return strings.Repeat("x", long[n-len(ids)])
}

// number is a number that is too small, too large, or just wrong somewhere. near is one that is not.
func (g *Generator) number(near int64, what string) int64 {
	return pick(g, what, near, 0, -1, near-1, near+1, 1<<16, 1<<20, 1<<31-1, 1<<31, 1<<40, 1<<53+1, math.MaxInt64, math.MinInt64, math.MaxInt64/2, -near)
}
