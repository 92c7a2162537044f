package line

import (
	"math/rand/v2"
	"testing"
)

func TestPatienceIsWhatWaitersShow(t *testing.T) {
	var p Patience
	start := int64(1_000_000) * second
	p.Joined(start, 1000)
	for i := range int64(600) { // a minute of waiting costs one of hundred waiters; one turn a second, one of five absent, half of them come back
		at := start + i*second
		if i%6 == 0 {
			p.Gave(at)
		}
		p.Turn(at, i%5 != 0)
		if i%10 == 9 {
			p.Came(at)
		}
	}
	if p.Waiting != 300 {
		t.Errorf("%d wait, of 1,000 of whom 700 are gone", p.Waiting)
	}
	if missed := float64(p.Missed) / float64(p.Called); missed != 0.2 {
		t.Errorf("one of five was absent, it says %.3f", missed)
	}
	if back := float64(p.Back) / float64(p.Missed); back < 0.48 || back > 0.52 {
		t.Errorf("half came back, it says %.3f", back)
	}
	if turns := float64(p.Recent) / float64(p.Ticks); turns < 13 || turns > 17 {
		t.Errorf("15 turns come each 15 seconds, it says %.3f", turns)
	}
	if back, rest, err := OpenPatience(p.Append(nil)); err != nil || len(rest) != 0 || back != p {
		t.Errorf("%+v came back as %+v: %v", p, back, err)
	}
}

func TestPatienceTakesAnyNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 3000 {
		var p Patience
		for range rng.IntN(30) {
			at := int64(rng.Uint64() >> rng.IntN(64))
			switch rng.IntN(4) {
			case 0:
				p.Joined(at, rng.Uint32()>>rng.IntN(32))
			case 1:
				p.Gave(at)
			case 2:
				p.Turn(at, rng.IntN(2) == 0)
			case 3:
				p.Came(at)
			}
		}
		back, _, err := OpenPatience(p.Append(nil))
		if err != nil || back != p {
			t.Fatalf("%+v came back as %+v: %v", p, back, err)
		}
	}
}

func FuzzOpenPatience(f *testing.F) {
	var p Patience
	p.Joined(second, 5)
	f.Add(p.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, rest, err := OpenPatience(b)
		if err != nil {
			return
		}
		if again := append(p.Append(nil), rest...); string(again) != string(b) {
			t.Fatalf("%x was read as %x", b, again)
		}
		var s Shopping
		if c := NewOutlook(&s, &p).Chance(Prospect{Ahead: 100, Free: 50}); !(c >= 0 && c <= 1) {
			t.Fatalf("a chance of %v", c)
		}
	})
}
