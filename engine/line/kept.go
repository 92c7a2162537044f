package line

import "math"

// kept are the share of units that become orders, of those in a hold that is made, and the share that comes back, of those in holds now, with how sure they are. Units of
// a hold, so many on average, go together.
func (c *Course) kept(units float64) (keep, back guess) {
	f := c.fate(assumedOfHolds())
	share := func(q uint64) float64 { return float64(q) / one }
	var variance [freshLen + 1]float64
	last := share(f.well[freshLen])
	variance[freshLen] = last * (1 - last) / (float64(c.Late.Well+c.Late.Ill)/units + holdsAtAge)
	for age := freshLen - 1; age >= 0; age-- {
		well, ill := share(f.ends[age].well), share(f.ends[age].ill)
		next, seen := share(f.well[age+1]), float64(c.Ages[age].Seen)/units+holdsAtAge
		stay := 1 - well - ill
		variance[age] = (well*(1-well)*(1-next)*(1-next)+ill*(1-ill)*next*next)/seen + stay*stay*variance[age+1]
	}
	keep = guessed(share(f.well[0]), variance[0])
	keep.sd = math.Hypot(keep.sd, drift)

	there, lost, off := 0.0, 0.0, 0.0
	count := func(n uint32, age int) {
		there += float64(n)
		lost += float64(n) * (1 - share(f.well[age]))
		off += float64(n) * math.Sqrt(variance[age]) // they are wrong together
	}
	for age := range freshLen {
		if h := c.at(age); h != nil {
			count(h.There, age)
		}
	}
	count(c.Old, freshLen)
	if there == 0 {
		return keep, guess{mean: 1 - keep.mean, sd: keep.sd}
	}
	off /= there
	back = guessed(lost/there, off*off)
	back.sd = math.Hypot(back.sd, drift)
	return keep, back
}
