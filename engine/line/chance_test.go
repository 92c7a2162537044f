package line

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// An asking is what a waiter was told, and what became of it.
type asking struct {
	chance float64
	got    bool
}

// askings simulates a sale, and asks waiters at several moments: some anywhere in the line, and some where the chance is about as drawn, so that there are enough of every chance.
// Who is asked stays, is there and takes what it wants, as the chance supposes; of a hundred buyers there is one such.
func askings(rng *rand.Rand) []asking {
	w := newSale(drawn(rng), rng)
	moments := map[int]bool{}
	for range 8 {
		moments[2+int(600*rng.Float64()*rng.Float64())] = true
	}
	type told struct {
		who    int
		chance float64
	}
	var all []told
	quota := 2 + w.people/100
	for more := true; more; more = w.step() {
		if !moments[w.now] {
			continue
		}
		for _, t := range append([]told(nil), all...) {
			if w.buyers[t.who].state == simWaiting && rng.IntN(3) == 0 {
				all = append(all, told{t.who, w.ask(t.who)})
			}
		}
		for range min(2, quota) {
			if i := w.someone(); i >= 0 {
				quota--
				w.buyers[i].determined = true
				w.told = append(w.told, i)
				all = append(all, told{i, w.ask(i)})
			}
		}
	}
	list := make([]asking, len(all))
	for i, t := range all {
		list[i] = asking{t.chance, w.buyers[t.who].got}
	}
	return list
}

// someone is a waiter who was not asked yet: anyone, or the one who is nearest to having a chance that is drawn. -1 if nobody waits.
func (w *sale) someone() int {
	var waiting []int
	for _, i := range w.queues[w.rng.IntN(len(w.queues))] {
		if b := &w.buyers[i]; b.state == simWaiting && !b.determined {
			waiting = append(waiting, i)
		}
	}
	if len(waiting) == 0 {
		return -1
	}
	if w.rng.IntN(3) == 0 {
		return waiting[w.rng.IntN(len(waiting))]
	}
	want, low, high := w.rng.Float64(), 0, len(waiting)-1
	for low < high {
		if mid := (low + high) / 2; w.ask(waiting[mid]) > want {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return waiting[low]
}

// TestChancesAreCalibrated: among those told a chance, the share that got a ticket is within 5 points of it, by decile, over sales of all shapes.
func TestChancesAreCalibrated(t *testing.T) {
	const sales = 2000
	var told, got [10]float64
	var count, in [10]int
	for n := range uint64(sales) {
		var here [10]int
		for _, a := range askings(rand.New(rand.NewPCG(n, 2027))) {
			d := min(int(a.chance*10), 9)
			here[d] = 1
			count[d]++
			told[d] += a.chance
			if a.got {
				got[d]++
			}
		}
		for d, n := range here {
			in[d] += n
		}
	}
	var table strings.Builder
	for d := range told {
		n := float64(max(count[d], 1))
		fmt.Fprintf(&table, "| %d-%d %% | %.1f %% | %.1f %% | %+.1f | %d | %d |\n", d*10, d*10+10, 100*told[d]/n, 100*got[d]/n, 100*(got[d]-told[d])/n, count[d], in[d])
		if off := math.Abs(got[d]-told[d]) / n; off > 0.05 {
			t.Errorf("of those told %.1f %%, %.1f %% got a ticket", 100*told[d]/n, 100*got[d]/n)
		}
		if in[d] < 500 || count[d] < 1000 {
			t.Errorf("decile %d: %d askings in %d sales only", d, count[d], in[d])
		}
	}
	t.Logf("%d simulated sales\n\n| decile | told | got one | points off | askings | in sales |\n| --- | --- | --- | --- | --- | --- |\n%s", sales, table.String())
}

func TestChancesThatAreCertain(t *testing.T) {
	o := NewOutlook(&Shopping{}, &Patience{})
	for name, c := range map[string]struct {
		in   Prospect
		want float64
	}{
		"the next, and there is enough":  {Prospect{Free: 10, Quantity: 2}, 1},
		"the next, and there is nothing": {Prospect{}, 0},
		"it wants more than there is":    {Prospect{Free: 3, Quantity: 4}, 0},
		"far more than all could take":   {Prospect{Ahead: 1000, Free: 1 << 40}, 1},
		"far too many come before":       {Prospect{Ahead: 1 << 40, Free: 100}, 0},
	} {
		if got := o.Chance(c.in); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s: the chance is %v", name, got)
		}
	}
}

func TestChancesFollowTheirReasons(t *testing.T) {
	var s Shopping
	var p Patience
	for i := range int64(300) {
		s.Granted(i * second)
		s.Picked(i*second, (i+1)*second, 2)
		s.HoldEnded((i+1)*second, (i+2)*second, 2, i%9 != 0)
		p.Joined(i*second, 2)
		p.Turn(i*second, i%7 != 0)
	}
	o := NewOutlook(&s, &p)
	base := Prospect{Ahead: 60, Skipped: 10, Wished: 4, Quantity: 2, Free: 70, Held: 30, Coming: 10, ComingSD: 5}
	chance := o.Chance(base)
	if chance < 0.05 || chance > 0.95 {
		t.Fatalf("a chance of %v says little about what changes it", chance)
	}
	for name, c := range map[string]struct {
		change func(in *Prospect)
		better bool
	}{
		"more ahead":                 {func(in *Prospect) { in.Ahead += 10 }, false},
		"more who were skipped":      {func(in *Prospect) { in.Skipped += 20 }, false},
		"more on the waiting list":   {func(in *Prospect) { in.Wished += 10 }, false},
		"it wants more":              {func(in *Prospect) { in.Quantity += 2 }, false},
		"more free":                  {func(in *Prospect) { in.Free += 10 }, true},
		"more held":                  {func(in *Prospect) { in.Held += 60 }, true},
		"more is expected back":      {func(in *Prospect) { in.Coming += 10 }, true},
		"less is expected than none": {func(in *Prospect) { in.Coming = -1e9 }, false},
	} {
		in := base
		c.change(&in)
		if got := o.Chance(in); got == chance || got > chance != c.better {
			t.Errorf("%s: the chance goes from %.4f to %.4f", name, chance, got)
		}
	}
}

func TestChancesTakeAnyNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	large := func() uint64 { return rng.Uint64() >> rng.IntN(64) }
	for range 300 {
		var s Shopping
		var p Patience
		for range rng.IntN(40) {
			a, b := int64(large()), int64(large())
			s.Granted(a)
			s.Picked(a, b, uint32(large()))
			s.Stopped(b, a)
			s.HoldMade(b, uint32(large()))
			s.HoldEnded(b, a, uint32(large()), rng.IntN(2) == 0)
			p.Joined(a, uint32(large()))
			p.Turn(b, rng.IntN(2) == 0)
			p.Gave(b)
		}
		in := Prospect{
			Ahead: large(), Skipped: large(), Wished: large(), Quantity: uint32(large()), Free: large(), Held: large(),
			Coming: rng.NormFloat64() * 1e6, ComingSD: rng.ExpFloat64() * 1e6,
		}
		if rng.IntN(9) == 0 {
			in.Coming, in.ComingSD = []float64{math.NaN(), math.Inf(1), math.Inf(-1)}[rng.IntN(3)], math.Inf(1)
		}
		if c := NewOutlook(&s, &p).Chance(in); !(c >= 0 && c <= 1) {
			t.Fatalf("a chance of %v for %+v after %+v %+v", c, in, s, p)
		}
	}
}

func TestWordsAreNotTurnedRoundByLittle(t *testing.T) {
	for _, c := range []struct {
		chance float64
		free   uint64
		before Word
		want   Word
	}{
		{0.5, 1, Untold, Likely},
		{0.49, 1, Untold, Unlikely},
		{0.46, 1, Likely, Likely},
		{0.44, 1, Likely, Unlikely},
		{0.54, 1, Unlikely, Unlikely},
		{0.56, 1, Unlikely, Likely},
		{0.005, 0, Unlikely, SoldOut},
		{0.005, 1, Unlikely, Unlikely},
		{0.05, 0, SoldOut, SoldOut},
		{0.07, 0, SoldOut, Unlikely},
		{0.05, 3, SoldOut, Unlikely},
		{0, 0, Untold, SoldOut},
		{1, 5, SoldOut, Likely},
	} {
		if got := Tell(c.chance, c.free, c.before); got != c.want {
			t.Errorf("a chance of %v with %d free after %q is %q, want %q", c.chance, c.free, c.before, got, c.want)
		}
	}
}

func BenchmarkOutlook(b *testing.B) {
	s, p := busy()
	for b.Loop() {
		NewOutlook(&s, &p)
	}
}

func BenchmarkChance(b *testing.B) {
	s, p := busy()
	o := NewOutlook(&s, &p)
	b.ReportAllocs()
	for b.Loop() {
		o.Chance(Prospect{Ahead: 1000, Free: 900, Held: 100})
	}
}

// busy is a sale in its second minute.
func busy() (s Shopping, p Patience) {
	p.Joined(0, 10000)
	for i := range int64(1000) {
		s.Granted(i * second / 10)
		p.Turn(i*second/10, i%8 != 0)
		if i > 300 && i%3 != 0 {
			s.Picked((i-300)*second/10, i*second/10, 2)
			s.HoldMade(i*second/10, 2)
		}
	}
	return s, p
}
