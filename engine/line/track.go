package line

// A Track is a share of the line, as [NextTrack] and [Ahead] see it.
type Track struct {
	ShareBp uint64 // hundredths of a percent of the passes; those of all tracks need not come to 10,000
	Granted uint64 // passes so far
	Waiting uint64 // who wait in it
}

// NextTrack is the track whose first gets the next pass: of those in which somebody waits, the one that is the furthest behind its share of the passes granted so far, the
// first of several. It is false if nobody waits.
//
//	behind = share x passes of all tracks - passes of the track x shares of all tracks
//
// So over any time in which all have somebody, no track gets less than its share but for one pass, and a share that nobody wants goes to the others.
func NextTrack(tracks []Track) (int, bool) {
	var granted, shares uint64
	for _, t := range tracks {
		granted, shares = granted+t.Granted, shares+t.ShareBp
	}
	best, found, most := 0, false, int64(0)
	for i, t := range tracks {
		if t.Waiting == 0 {
			continue
		}
		if behind := int64(t.ShareBp*(granted+1)) - int64(t.Granted*shares); !found || behind > most {
			best, found, most = i, true, behind
		}
	}
	return best, found
}

// Ahead is about how many get a pass before the waiter of track mine who has before others in front of it there, if nobody comes or goes: those others, and those of other
// tracks whose turn [NextTrack] finds earlier. It is exact but for one a track. Cost: about 10 microseconds.
func Ahead(tracks []Track, mine int, before uint64) uint64 {
	var others uint64
	for i, t := range tracks {
		if i != mine {
			others += t.Waiting
		}
	}
	low, high := before, before+others // passes before the waiter's
	for low < high {
		mid := low + (high-low)/2
		if passesAfter(tracks, mine, before, mid+1) >= float64(before)+1 {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// passesAfter is how many of the next n passes track mine gets: as many as put all tracks that get any behind by the same.
func passesAfter(tracks []Track, mine int, before, n uint64) float64 {
	var granted, shares float64
	for _, t := range tracks {
		granted, shares = granted+float64(t.Granted), shares+float64(t.ShareBp)
	}
	granted += float64(n)
	gets := func(i int, level float64) float64 {
		t := tracks[i]
		waiting := float64(t.Waiting)
		if i == mine {
			waiting = max(waiting, float64(before)+1)
		}
		return min(max(float64(t.ShareBp)/shares*granted-level-float64(t.Granted), 0), waiting)
	}
	low, high := -granted, granted // a high level leaves little for anybody
	for range 60 {
		level := (low + high) / 2
		sum := 0.0
		for i := range tracks {
			sum += gets(i, level)
		}
		if sum > float64(n) {
			low = level
		} else {
			high = level
		}
	}
	return gets(mine, low) + 1e-6
}
