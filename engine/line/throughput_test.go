package line

import (
	"math/rand/v2"
	"testing"
)

// soldBy is how many bought by a second of a sale, and how many units, where a share of shoppers vanishes without a word: their passes lie until they end.
func soldBy(seconds, stock, lanePerMin int, vanish float64) (orders, units int) {
	w := newSale(shape{
		people: 60_000, stock: stock, quantity: []int{1, 2}, pick: 1 - vanish, think: 45, pay: 3, holdTTL: 120, passTTL: 600, lanePerMin: lanePerMin, paced: lanePerMin > 0,
		tracks: []uint64{10000}, lapse: 0.05,
	}, rand.New(rand.NewPCG(95, 95)))
	for range seconds {
		w.step()
	}
	return w.sold, stock - w.free - w.held
}

// TestAThirdWhoVanishDoNotSlowTheLine: with 30 % of those who get a pass vanishing, as many buy as without, but for one in twenty at most, through a lane, and where only the stock
// is a bound.
func TestAThirdWhoVanishDoNotSlowTheLine(t *testing.T) {
	const lanePerMin, minutes = 600, 20
	all, _ := soldBy(minutes*60, 200_000, lanePerMin, 0)
	some, _ := soldBy(minutes*60, 200_000, lanePerMin, 0.3)
	t.Logf("in %d minutes of a lane of %d a minute, %d bought if nobody vanishes, %d if 30 %% do", minutes, lanePerMin, all, some)
	if some < all*95/100 || all < lanePerMin*minutes*95/100 {
		t.Errorf("%d bought if nobody vanishes, %d if 30 %% do, through a lane for %d", all, some, lanePerMin*minutes)
	}
	for _, at := range []int{240, 480, 900} {
		_, all := soldBy(at, 20_000, 0, 0)
		_, some := soldBy(at, 20_000, 0, 0.3)
		t.Logf("of 20,000 tickets without a lane %d are sold in %d s if nobody vanishes, %d if 30 %% do", all, at, some)
		if at > 300 && some < all*95/100 {
			t.Errorf("of 20,000 tickets %d are sold in %d s if nobody vanishes, %d if 30 %% do", all, at, some)
		}
	}
}
