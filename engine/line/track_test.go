package line

import (
	"math/rand/v2"
	"testing"
)

// served lets n passes be granted, and returns how many each track got.
func served(tracks []Track, n int) []uint64 {
	got := make([]uint64, len(tracks))
	for range n {
		i, ok := NextTrack(tracks)
		if !ok {
			break
		}
		tracks[i].Granted++
		tracks[i].Waiting--
		got[i]++
	}
	return got
}

func TestTracksGetTheirShares(t *testing.T) {
	got := served([]Track{{ShareBp: 8500, Waiting: 10000}, {ShareBp: 1000, Waiting: 10000}, {ShareBp: 500, Waiting: 10000}}, 1000)
	if got[0] != 850 || got[1] != 100 || got[2] != 50 {
		t.Errorf("of 1,000 passes the tracks got %v", got)
	}
}

func TestAShareThatNobodyWantsGoesToTheOthers(t *testing.T) {
	got := served([]Track{{ShareBp: 8000, Waiting: 1000}, {ShareBp: 1000, Waiting: 3}, {ShareBp: 1000, Waiting: 1000}}, 300)
	if got[1] != 3 || got[0]+got[2] != 297 || got[2] < 30 {
		t.Errorf("of 300 passes the tracks got %v", got)
	}
	if _, ok := NextTrack([]Track{{ShareBp: 10000}}); ok {
		t.Error("there is a next one of nobody")
	}
}

func TestAheadIsWhoIsServedBefore(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 4))
	for range 300 {
		tracks := make([]Track, 1+rng.IntN(4))
		for i := range tracks {
			tracks[i] = Track{ShareBp: 1 + rng.Uint64N(5000), Granted: rng.Uint64N(300), Waiting: rng.Uint64N(500)}
		}
		mine := rng.IntN(len(tracks))
		tracks[mine].Waiting++
		before := rng.Uint64N(tracks[mine].Waiting)
		ahead := Ahead(tracks, mine, before)
		want, got := uint64(0), uint64(0)
		copied := append([]Track(nil), tracks...)
		for {
			i, _ := NextTrack(copied)
			copied[i].Granted++
			copied[i].Waiting--
			if i == mine {
				if got == before {
					break
				}
				got++
			}
			want++
		}
		slack := 10000/tracks[mine].ShareBp + 4 // the next pass of a small share may be some passes off
		if ahead+slack < want || ahead > want+slack {
			t.Errorf("%d are served before the waiter with %d before it in track %d of %+v, Ahead says %d", want, before, mine, tracks, ahead)
		}
	}
}
