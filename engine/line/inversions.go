package line

import "slices"

// A Grant is one pass, as the fairness of a line is judged by: in the order in which they were granted.
type Grant struct {
	Place    Place
	Track    uint8
	Returned bool // it had been skipped, and is late by its own absence
}

// Overtaken counts the pairs of grants in which the later place came first.
type Overtaken struct {
	Pairs   uint64 // all of them: what tracks and absences have caused is in it
	Outside uint64 // outside the rules: in the same track, and neither had been skipped. 0 in a fair line.
}

// Overtakes counts who was overtaken. Cost: n log n, and 16 bytes a grant.
func Overtakes(grants []Grant) Overtaken {
	all := make([]Place, 0, len(grants))
	tracks := map[uint8][]Place{}
	for _, g := range grants {
		all = append(all, g.Place)
		if !g.Returned {
			tracks[g.Track] = append(tracks[g.Track], g.Place)
		}
	}
	o := Overtaken{Pairs: Inversions(all)}
	for _, places := range tracks { // a sum: the order of the map is of no account
		o.Outside += Inversions(places)
	}
	return o
}

// Inversions is how many pairs of places are in the wrong order: the larger before the smaller. Places is not changed. Cost: n log n, by merging.
func Inversions(places []Place) uint64 {
	if slices.IsSorted(places) {
		return 0
	}
	return mergeCount(slices.Clone(places), make([]Place, len(places)))
}

// mergeCount sorts places, with scratch of the same length, and counts the inversions.
func mergeCount(places, scratch []Place) uint64 {
	if len(places) < 2 {
		return 0
	}
	half := len(places) / 2
	count := mergeCount(places[:half], scratch[:half]) + mergeCount(places[half:], scratch[half:])
	left, right := places[:half], places[half:]
	for i := range scratch {
		if len(right) == 0 || len(left) > 0 && left[0] <= right[0] {
			scratch[i], left = left[0], left[1:]
			continue
		}
		scratch[i], right = right[0], right[1:]
		count += uint64(len(left)) // all that are left there were before it and are larger
	}
	copy(places, scratch)
	return count
}
