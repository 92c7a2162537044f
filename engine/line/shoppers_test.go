package line

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

const second = int64(1_000_000_000)

func TestShoppersFillTheStockAndNoMore(t *testing.T) {
	var s Shopping
	s.Advance(1000 * second)
	room := Shoppers(&s, Admission{Free: 1000})
	f := s.Forecast(0)
	want := 1000 / (float64(f.Pick) / one * float64(f.Units) / one)
	if got := float64(room.Grant); math.Abs(got-want) > 1 {
		t.Errorf("1,000 free tickets let %v shop, want about %v", got, want)
	}
	for range room.Grant {
		s.Granted(1000 * second)
	}
	if again := Shoppers(&s, Admission{Free: 1000}); again.Grant > 1 || again.Promised < 990 {
		t.Errorf("with as many shopping as the stock is for, more are let in: %+v", again)
	}
	if room := Shoppers(&s, Admission{Free: 0, Held: 1 << 40}); room.Grant != 0 {
		t.Errorf("passes are granted while nothing is free: %+v", room)
	}
}

func TestShoppersObeyTheirBounds(t *testing.T) {
	var s Shopping
	if room := Shoppers(&s, Admission{Free: 1 << 40, Max: 100}); room.Grant != 100 {
		t.Errorf("at most 100 may shop, but %d are let in", room.Grant)
	}
	s.Granted(0)
	if room := Shoppers(&s, Admission{Free: 1 << 40, Max: 100, Holding: 60}); room.Grant != 39 {
		t.Errorf("100 may shop and 61 do: %d more are let in", room.Grant)
	}
	lane := Shoppers(&s, Admission{Free: 1 << 40, LanePerMin: 60})
	f := s.Forecast(0)
	want := float64(f.FreshMs) / 60_000 / (float64(f.Pick) / one * float64(f.Keep) / one) * 60
	if math.Abs(float64(lane.ByLane)-want) > 1 || lane.Grant != lane.ByLane-1 {
		t.Errorf("60 purchases a minute let %d shop, want about %v: %+v", lane.ByLane, want, lane)
	}
	if late := Shoppers(&s, Admission{Free: 1 << 40, LanePerMin: 60, Holding: 150}); late.Grant != lane.Grant-90 {
		t.Errorf("90 purchases more than the lane does in a minute take room of 90: %d, then %d", lane.Grant, late.Grant)
	}
	for _, c := range []struct {
		in    Admission
		bound Bound
	}{
		{Admission{Held: 100, LanePerMin: 60}, BoundFree},
		{Admission{Free: 20, LanePerMin: 6000, Max: 1000}, BoundStock},
		{Admission{Free: 1 << 40, LanePerMin: 60, Max: 1000}, BoundLane},
		{Admission{Free: 1 << 40, LanePerMin: 6000, Max: 10}, BoundMax},
	} {
		if room := Shoppers(&s, c.in); room.Bound != c.bound {
			t.Errorf("%+v: %v keeps others out, not %v: %+v", c.in, c.bound, room.Bound, room)
		}
	}
}

// TestWhoVanishesIsSeen: shoppers who take nothing and never come back stop counting as soon as it shows, long before their passes end.
func TestWhoVanishesIsSeen(t *testing.T) {
	var s Shopping
	rng := rand.New(rand.NewPCG(3, 3))
	for at := range int64(600) {
		for range 10 { // a pass each tenth of a second; 30 % vanish, the others take something within a minute
			s.Granted(at * second)
		}
		for range 10 {
			if granted := at - rng.Int64N(60); granted >= 0 && rng.IntN(10) < 7 {
				s.Picked(granted*second, at*second, 1+rng.Uint32N(3))
			}
		}
	}
	f := s.Forecast(0)
	if pick := float64(f.Pick) / one; math.Abs(pick-0.7) > 0.03 {
		t.Errorf("7 of 10 take something, the forecast says %.3f", pick)
	}
	if units := float64(f.Units) / one; math.Abs(units-2) > 0.1 {
		t.Errorf("each takes two on average, the forecast says %.3f", units)
	}
	if pick := float64(s.Passes.fate(assumedOfPasses(0)).well[8]) / one; pick > 0.05 {
		t.Errorf("of those who have taken nothing for two minutes nobody will, the forecast says %.3f", pick)
	}
	if want := 0.7*30 + 0.3*300; math.Abs(float64(f.FreshMs)/1000-want) > 10 {
		t.Errorf("a pass is fresh for %v s on average, the forecast says %v ms", want, f.FreshMs)
	}
	fresh, quiet := s.Count()
	if quiet < 850 || fresh > 1200 {
		t.Errorf("%d are fresh and %d quiet", fresh, quiet)
	}
}

func TestHoldsThatLingerComeBackMoreOften(t *testing.T) {
	var s Shopping
	for i := range int64(500) { // nine of ten are paid in two seconds, one lapses after two minutes
		s.HoldMade(i*second, 20)
		if i >= 2 {
			s.HoldEnded((i-2)*second, i*second, 18, true)
		}
		if i == 60 { // nothing has lapsed yet
			if keep := float64(s.Forecast(0).Keep) / one; keep > 0.97 {
				t.Errorf("holds that did not lapse yet are forecast to be kept: %.3f", keep)
			}
		}
		if i >= 120 {
			s.HoldEnded((i-120)*second, i*second, 2, false)
		}
	}
	f := s.Forecast(0)
	if keep := float64(f.Keep) / one; math.Abs(keep-0.9) > 0.03 {
		t.Errorf("nine of ten units taken are kept, the forecast says %.3f", keep)
	}
	if back := float64(f.Back) / one; math.Abs(back-240.0/276) > 0.1 {
		t.Errorf("240 of the 276 units that are held at a moment come back, the forecast says %.3f", back)
	}
}

// TestNoNumbersAreTooLarge: whatever it is told, nothing overflows, no share is above one, and bounds hold.
func TestNoNumbersAreTooLarge(t *testing.T) {
	rng := rand.New(rand.NewPCG(64, 64))
	large := func() uint64 { return rng.Uint64() >> rng.IntN(64) }
	for range 2000 {
		var s Shopping
		for range rng.IntN(40) {
			a, b := int64(large()), int64(large())
			switch rng.IntN(7) {
			case 0:
				s.Granted(a)
			case 1:
				s.Picked(a, b, uint32(large()))
			case 2:
				s.Stopped(a, b)
			case 3:
				s.Returned(a, b)
			case 4:
				s.HoldEnded(a, b, uint32(large()), rng.IntN(2) == 0)
			case 5:
				s.Advance(b)
			case 6:
				s.HoldMade(b, uint32(large()))
			}
		}
		back, rest, err := OpenShopping(s.Append(nil))
		if err != nil || len(rest) != 0 || back != s {
			t.Fatalf("%+v came back as %+v: %v", s, back, err)
		}
		for i := range s.Passes.Young {
			s.Passes.Young[i].There, s.Holds.Young[i].There = uint32(large()), uint32(large())
		}
		s.Passes.Old, s.Holds.Old = uint32(large()), uint32(large())
		f := s.Forecast(0)
		for _, p := range []uint64{f.Pick, f.Keep, f.Back} {
			if p > one {
				t.Fatalf("a share of %d/2^32 in %+v", p, f)
			}
		}
		in := Admission{Free: large(), Held: large(), Holding: uint32(large()), LanePerMin: uint32(large()), Max: uint32(large())}
		room := Shoppers(&s, in)
		if room.Supply < in.Free || room.Grant > room.ByStock || room.Grant > room.ByLane || in.Max > 0 && room.Grant > in.Max || in.Free == 0 && room.Grant > 0 {
			t.Fatalf("%+v of %+v", room, in)
		}
	}
}

func TestMoreOfEverythingLetsMoreIn(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var s Shopping
	for range 300 {
		in := Admission{Free: 1 + rng.Uint64N(10000), Held: rng.Uint64N(1000), Holding: rng.Uint32N(500), LanePerMin: 1 + rng.Uint32N(3000), Max: 1 + rng.Uint32N(20000)}
		before := Shoppers(&s, in).Grant
		for name, more := range map[string]Admission{
			"stock": {Free: in.Free + 100, Held: in.Held, Holding: in.Holding, LanePerMin: in.LanePerMin, Max: in.Max}, "holds": {Free: in.Free, Held: in.Held + 100, Holding: in.Holding, LanePerMin: in.LanePerMin, Max: in.Max},
			"lane": {Free: in.Free, Held: in.Held, Holding: in.Holding, LanePerMin: in.LanePerMin + 10, Max: in.Max}, "room": {Free: in.Free, Held: in.Held, Holding: in.Holding, LanePerMin: in.LanePerMin, Max: in.Max + 10},
		} {
			if after := Shoppers(&s, more).Grant; after < before {
				t.Fatalf("more %s lets fewer in: %d, then %d", name, before, after)
			}
		}
		s.Granted(rng.Int64N(1000) * second)
	}
}

func FuzzOpenShopping(f *testing.F) {
	var s Shopping
	s.Granted(100 * second)
	s.Picked(100*second, 130*second, 2)
	f.Add(s.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, rest, err := OpenShopping(b)
		if err != nil {
			return
		}
		if again := append(s.Append(nil), rest...); !reflect.DeepEqual(again, b) {
			t.Fatalf("%x was read as %x", b, again)
		}
		Shoppers(&s, Admission{Free: 1 << 63, Held: math.MaxUint64, LanePerMin: 1})
		s.Granted(s.Passes.Now*cohortNs + 20*second)
		s.HoldEnded(0, math.MaxInt64, math.MaxUint32, false)
	})
}

func BenchmarkShoppers(b *testing.B) {
	var s Shopping
	for i := range int64(2000) {
		s.Granted(i * second / 10)
	}
	b.ReportAllocs()
	for b.Loop() {
		Shoppers(&s, Admission{Free: 1000, Held: 100, LanePerMin: 1500})
	}
}

// TestPassesThatMustHaveEndedPromiseNothing: where passes are short, nobody is expected to take something later than they live.
func TestPassesThatMustHaveEndedPromiseNothing(t *testing.T) {
	var s Shopping
	for range 100 {
		s.Granted(0)
	}
	s.Passes.advance(30 * second)
	if room := Shoppers(&s, Admission{Free: 1000, PassMs: 10_000}); room.Promised != 0 || room.Bound != BoundStock {
		t.Errorf("after 30 s: %+v", room)
	}
	if room := Shoppers(&s, Admission{Free: 1000, PassMs: 60_000}); room.Promised < 50 {
		t.Errorf("of passes of a minute, after 30 s: %+v", room)
	}
	if long, ever := Shoppers(&s, Admission{Free: 1000, PassMs: 600_000}), Shoppers(&s, Admission{Free: 1000}); long != ever {
		t.Errorf("passes of ten minutes: %+v, and for as long as it takes: %+v", long, ever)
	}
}
