package line

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestInversionsAreCounted(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		places := make([]Place, n)
		for i := range places {
			places[i] = Place(rng.IntN(40))
		}
		before := slices.Clone(places)
		want := uint64(0)
		for i := range places {
			for j := range i {
				if places[j] > places[i] {
					want++
				}
			}
		}
		if got := Inversions(places); got != want || !slices.Equal(places, before) {
			t.Fatalf("%v has %d inversions, counted %d", before, want, got)
		}
	}
}

func TestOvertakingOutsideTheRulesIsSeen(t *testing.T) {
	fair := []Grant{{Place: 1}, {Place: 3}, {Place: 100, Track: 1}, {Place: 4}, {Place: 2, Returned: true}, {Place: 101, Track: 1}, {Place: 5}}
	if o := Overtakes(fair); o.Outside != 0 || o.Pairs != 6 {
		t.Errorf("tracks and absences are within the rules: %+v", o)
	}
	swapped := slices.Clone(fair)
	swapped[1], swapped[3] = swapped[3], swapped[1]
	if o := Overtakes(swapped); o.Outside != 1 {
		t.Errorf("two waiters that were swapped are counted as %+v", o)
	}
}

func TestPercentilesOfWaits(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var w, a, b Waits
	var all []int64
	for i := range 5000 {
		ms := int64(math.Exp(rng.Float64() * 20))
		all = append(all, ms)
		w.Add(ms)
		if i%3 == 0 {
			a.Add(ms)
		} else {
			b.Add(ms)
		}
	}
	slices.Sort(all)
	a.Merge(&b)
	if !reflect.DeepEqual(a, w) {
		t.Error("parts that were merged differ from the whole")
	}
	for _, share := range []float64{0, 0.01, 0.5, 0.9, 0.99, 1} {
		exact := uint64(all[max(int(math.Ceil(share*5000))-1, 0)])
		if got := w.PercentileMs(share); got < exact || got > exact+exact/waitSteps {
			t.Errorf("the percentile %v is %d, it says %d", share, exact, got)
		}
	}
	if w.MaxMs() != uint64(all[4999]) || w.Count() != 5000 {
		t.Errorf("the longest of %d waits is %d", w.Count(), w.MaxMs())
	}
	for ms := range uint64(100_000) {
		if b := waitBucket(ms); waitTop(b) < ms || b > 0 && waitTop(b-1) >= ms {
			t.Fatalf("%d ms are in bucket %d, up to %d", ms, b, waitTop(b))
		}
	}
	w.Add(math.MaxInt64)
	w.Add(-5)
	if w.PercentileMs(1) != math.MaxInt64 || w.PercentileMs(0) != 0 {
		t.Error("the longest and the shortest wait are not kept")
	}
}

// TestFlowsAreComparedAtEqualPlace: who is in front finds more, and standard buyers are more often in front here. Taken together they do better; at equal place one-click does.
func TestFlowsAreComparedAtEqualPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var f, a, b Fairness
	for i := range 40000 {
		place := Place(1 + rng.IntN(10000))
		flow := Standard
		if rng.Float64() < float64(place)/10000 {
			flow = OneClick
		}
		chance := 0.8 - 0.7*float64(place)/10000
		if flow == OneClick {
			chance += 0.1
		}
		ordered := rng.Float64() < chance
		f.Shopped(0, place, flow, ordered)
		part := &a
		if i%2 == 0 {
			part = &b
		}
		part.Shopped(0, place, flow, ordered)
	}
	r := f.Report()
	if math.Abs(r.Difference-0.1) > 3*r.Error || r.Error > 0.01 {
		t.Errorf("one-click does better by 0.1 at equal place, the report says %.3f ± %.3f", r.Difference, r.Error)
	}
	if raw := share64(r.Flows[OneClick]) - share64(r.Flows[Standard]); raw > 0 {
		t.Errorf("the flows were not made to mislead: %.3f", raw)
	}
	a.Merge(&b)
	if !reflect.DeepEqual(a.Report(), r) {
		t.Error("parts that were merged differ from the whole")
	}
}

func share64(f FlowReport) float64 { return float64(f.Ordered) / float64(f.Shopped) }

func TestFairnessOfTracks(t *testing.T) {
	var f Fairness
	for i := range 100 {
		track := uint8(0)
		if i%5 == 0 {
			track = 2
		}
		f.Joined(track)
		switch i % 10 {
		case 9:
			f.Left(track)
		case 8:
			f.NoShow(track)
		default:
			f.Served(track, int64(i)*1000)
		}
	}
	f.Sold(2, 1)
	f.Sold(8, 4)
	f.Sold(6, 2)
	r := f.Report()
	if len(r.Tracks) != 3 || r.Tracks[2].Served != 20 || r.Tracks[2].Share != 0.25 || r.Tracks[1].Share != 0 || r.All.Joined != 100 || r.All.NoShows != 10 || r.All.Left != 10 {
		t.Errorf("the report says %+v", r)
	}
	if r.Tickets != 16 || r.Linked != 14 || r.MostLinked != 8 {
		t.Errorf("14 of 16 tickets went to linked buyers, 8 to some of them: %+v", r)
	}
	if r.All.MaxMs != 97_000 || r.All.P50Ms < 47_000 || r.All.P50Ms > 47_000+47_000/waitSteps {
		t.Errorf("half waited 47 s at most: %+v", r.All)
	}
	for place := range Place(100_000) {
		if a, b := stratumOf(place), stratumOf(place+1); b != a && b != a+1 {
			t.Fatalf("places %d and %d are in strata %d and %d", place, place+1, a, b)
		}
	}
	if stratumOf(math.MaxUint32) >= strataMax {
		t.Error("the last place has no stratum")
	}
}

// TestFairnessIsReadAsItWasWritten writes counts down and reads them, whole, cut off, and with each byte changed: what is read is sound.
func TestFairnessIsReadAsItWasWritten(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var f Fairness
	for i := range 2000 {
		track, place := uint8(rng.IntN(3)), Place(1+rng.Uint32N(1<<uint(1+rng.IntN(31))))
		f.Joined(track)
		f.Served(track, int64(math.Exp(rng.Float64()*20)))
		f.Shopped(track, place, Flow(rng.IntN(2)), i%3 == 0)
		switch i % 7 {
		case 0:
			f.NoShow(track)
		case 1:
			f.Left(track)
		case 2:
			f.Overtook(track)
		}
	}
	bytes := f.Append(nil)
	again, rest, err := OpenFairness(append(slices.Clone(bytes), 7))
	if err != nil || len(rest) != 1 || !reflect.DeepEqual(again, f) || !reflect.DeepEqual(again.Report(), f.Report()) {
		t.Fatalf("read again it is another, %d bytes are left: %v", len(rest), err)
	}
	if empty, rest, err := OpenFairness((&Fairness{}).Append(nil)); err != nil || len(rest) != 0 || !reflect.DeepEqual(empty, Fairness{}) {
		t.Errorf("nothing counted is read as %+v: %v", empty, err)
	}
	for i := range bytes {
		if _, _, err := OpenFairness(bytes[:i]); err == nil {
			t.Fatalf("%d of %d bytes are taken for all", i, len(bytes))
		}
		changed := slices.Clone(bytes)
		changed[i] ^= byte(1 << rng.IntN(8))
		if other, rest, err := OpenFairness(changed); err == nil && !slices.Equal(append(other.Append(nil), rest...), changed) {
			t.Fatalf("byte %d is changed, and written again it is another", i)
		}
	}
}

func BenchmarkInversions(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	places := make([]Place, 1_000_000)
	for i := range places {
		places[i] = Place(rng.Uint32())
	}
	for b.Loop() {
		Inversions(places)
	}
}
