package line

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestTotalsOfLinesAreThoseOfAllTheirPeople lets three lines go on in turns, each told anew whenever it likes, and compares the totals with one count of everything.
func TestTotalsOfLinesAreThoseOfAllTheirPeople(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 1))
	var lines [3]Fairness
	var was [3]Totals
	var whole Fairness
	var sum, is Totals
	for range 5000 {
		i := rng.IntN(len(lines))
		track, waited, place := uint8(rng.IntN(3)), rng.Int64N(1_000_000), Place(1+rng.IntN(1000))
		flow, ordered, what := Flow(rng.IntN(2)), rng.IntN(2) == 0, rng.IntN(6)
		for _, f := range []*Fairness{&lines[i], &whole} {
			f.Joined(track)
			switch what {
			case 0:
				f.Left(track)
			case 1:
				f.NoShow(track)
			case 2:
				f.Overtook(track)
			default:
				f.Served(track, waited)
				f.Shopped(track, place, flow, ordered)
			}
		}
		if i = rng.IntN(len(lines)); rng.IntN(20) == 0 {
			lines[i].Totals(&is)
			is.Tickets, is.Linked, is.Clusters = was[i].Tickets+int64(rng.IntN(5))-2, was[i].Linked-1, int64(i)
			sum.Replace(&was[i], &is)
			was[i], is = is, was[i]
		}
	}
	tickets, linked := int64(0), int64(0)
	for i := range lines {
		lines[i].Totals(&is)
		is.Tickets, is.Linked, is.Clusters = was[i].Tickets, was[i].Linked, 1
		sum.Replace(&was[i], &is)
		tickets, linked = tickets+is.Tickets, linked+is.Linked
	}
	var want Totals
	whole.Totals(&want)
	want.Tickets, want.Linked, want.Clusters = tickets, linked, 3
	sum.compared, want.compared = comparison{}, comparison{}
	if !reflect.DeepEqual(sum, want) {
		t.Errorf("the totals are\n%+v\nand all together\n%+v", sum, want)
	}
	if r := whole.Report(); r.All.Joined != want.Joined || r.All.P90Ms != sum.Waits.PercentileMs(0.9) || r.Flows != sum.Flows {
		t.Errorf("the report of all together is %+v", r)
	}
}

// TestFlowsOfSeveralLinesAreComparedWithinEach: in one line most find a ticket and few have the button, in the other it is the other way round. Places alone would mislead.
func TestFlowsOfSeveralLinesAreComparedWithinEach(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var sum, none Totals
	mixed := Fairness{}
	for i, chance := range []float64{0.8, 0.2} {
		var f Fairness
		for range 20_000 {
			place, flow, finds := Place(1+rng.IntN(500)), Standard, chance
			if rng.Float64() < []float64{0.1, 0.9}[i] {
				flow, finds = OneClick, chance+0.1
			}
			ordered := rng.Float64() < finds
			f.Shopped(0, place, flow, ordered)
			mixed.Shopped(0, place, flow, ordered)
		}
		if _, _, ok := sum.Difference(); ok != (i > 0) {
			t.Errorf("after %d lines there is something to compare: %v", i, ok)
		}
		var is Totals
		f.Totals(&is)
		sum.Replace(&none, &is)
		if difference, deviation, _ := sum.Difference(); i == 0 && (difference != f.Report().Difference || deviation != f.Report().Error) {
			t.Errorf("of one line it is %.4f ± %.4f, its report says %+v", difference, deviation, f.Report())
		}
	}
	difference, deviation, ok := sum.Difference()
	if !ok || math.Abs(difference-0.1) > 3*deviation || deviation > 0.02 {
		t.Errorf("one-click does better by 0.1 in each line, of both it is %.3f ± %.3f", difference, deviation)
	}
	if r := mixed.Report(); r.Difference > 0 {
		t.Errorf("the lines were not made to mislead: %.3f", r.Difference)
	}
}

// BenchmarkTotals counts a line whose people have waited up to an hour, and puts it in place of what it was.
func BenchmarkTotals(b *testing.B) {
	for _, tracks := range []int{1, 3, 16} {
		b.Run(map[int]string{1: "tracks=1", 3: "tracks=3", 16: "tracks=16"}[tracks], func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			var f Fairness
			for i := range 100_000 {
				f.Served(uint8(i%tracks), rng.Int64N(3_600_000))
				f.Shopped(uint8(i%tracks), Place(1+rng.IntN(1_000_000)), Flow(i/tracks%2), i%3 == 0)
			}
			var sum, was, is Totals
			b.ReportAllocs()
			for b.Loop() {
				f.Totals(&is)
				sum.Replace(&was, &is)
				was, is = is, was
			}
		})
	}
}
