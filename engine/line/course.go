package line

import "math"

// How what passes come to is watched. Changing one of these changes what a log folds to.
const (
	cohortNs  = 15_000_000_000 // what began within as much is watched together
	cohortMs  = cohortNs / 1_000_000
	freshLen  = 20      // cohorts: what has not ended so long after it began is old
	sampleMax = 1 << 10 // beyond it an average forgets half of what it has seen, so that the newest count most
	oldMax    = 1 << 14 // x 15 s: the same for what is old
)

// A Course is a life table: what becomes of things that begin one by one and end in one of two ways, by their age. Of those that were there at an age, so many ended in each
// way within the next 15 seconds. So the many that end at once do not hide those that will not end for long, at whatever moment one looks.
//
// Things are counted by when they began, in cohorts of 15 seconds, while they are young: for five minutes. What happens at an age is counted once its cohort is past it.
type Course struct {
	Now   int64            // the newest time that was told / 15 s
	Young [freshLen]Cohort // things that are there, by the time they began / 15 s, modulo freshLen
	Old   uint32           // things that are there and not young any more
	Ages  [freshLen]Age    // what became of young ones, by age / 15 s
	Late  Age              // and of old ones: each is counted every 15 seconds
}

// A Cohort is the things that began within the same 15 seconds.
type Cohort struct {
	There uint32 // now
	Well  uint32 // ended at the age they have now, in the one way,
	Ill   uint32 // and in the other
}

// An Age is what became of things that were there at an age, within 15 seconds.
type Age struct {
	Seen uint64
	Well uint64 // of them, those that ended in the one way,
	Ill  uint64 // and in the other
}

// begin counts n things that are there, from a time on.
func (c *Course) begin(began, at int64, n uint32) {
	c.advance(at)
	if h := c.cohort(began); h != nil {
		h.There = plus(h.There, n)
		return
	}
	c.Old = plus(c.Old, n)
}

// end counts n things as not there any more.
func (c *Course) end(began, at int64, n uint32, well bool) {
	c.advance(at)
	h := c.cohort(began)
	switch {
	case h != nil && well:
		h.There, h.Well = h.There-min(h.There, n), plus(h.Well, n)
	case h != nil:
		h.There, h.Ill = h.There-min(h.There, n), plus(h.Ill, n)
	default:
		c.Old -= min(c.Old, n)
		if well {
			c.Late.Well += uint64(n)
		} else {
			c.Late.Ill += uint64(n)
		}
		c.Late.halve(oldMax)
	}
}

// cohort is that of what began at a time; nil if that is old.
func (c *Course) cohort(began int64) *Cohort {
	cohort := min(max(began, 0)/cohortNs, c.Now)
	if c.Now-cohort >= freshLen {
		return nil
	}
	return &c.Young[cohort%freshLen]
}

// at is the cohort of an age; nil if there is none so old.
func (c *Course) at(age int) *Cohort {
	if int64(age) > c.Now {
		return nil
	}
	return &c.Young[(c.Now-int64(age))%freshLen]
}

// advance makes everything older until a time.
func (c *Course) advance(at int64) {
	now := max(at, 0) / cohortNs
	for i := 0; c.Now < now && i < freshLen; i++ { // after so many steps nothing is young
		for age := range freshLen {
			h, a := c.at(age), &c.Ages[age]
			if h == nil {
				break
			}
			a.Seen += uint64(h.There) + uint64(h.Well) + uint64(h.Ill)
			a.Well += uint64(h.Well)
			a.Ill += uint64(h.Ill)
			a.halve(sampleMax)
			h.Well, h.Ill = 0, 0
		}
		c.Late.Seen += uint64(c.Old)
		c.Late.halve(oldMax)
		c.Now++
		oldest := &c.Young[c.Now%freshLen] // its place is that of the cohort that begins
		c.Old = plus(c.Old, oldest.There)
		if plantedBug(plantedForgetQuiet) {
			c.Old = 0
		}
		*oldest = Cohort{}
	}
	c.Now = max(c.Now, now)
}

// count is how many are there: young ones, and old ones.
func (c *Course) count() (young, old uint32) {
	for _, h := range c.Young {
		young = plus(young, h.There)
	}
	return young, c.Old
}

// can reports whether a course can be like this.
func (c *Course) can() bool {
	for _, a := range c.Ages {
		if a.beyond(sampleMax) {
			return false
		}
	}
	return !c.Late.beyond(oldMax) && c.Now >= 0 && c.Now <= math.MaxInt64/cohortNs
}

// halve forgets half once more was seen than limit.
func (a *Age) halve(limit uint64) {
	for a.beyond(limit) {
		a.Seen, a.Well, a.Ill = a.Seen/2, a.Well/2, a.Ill/2
	}
}

// beyond reports whether more was seen than limit.
func (a *Age) beyond(limit uint64) bool { return a.Seen > limit || a.Well > limit || a.Ill > limit }

// An assumption is what is assumed of a course before anything was seen: of weight things that are there at an age, so many end in each way. Shares are in 2^-32.
type assumption struct {
	weight uint64
	first  [3]uint64 // that end well at the first three ages; later it is three quarters of what was found of the age before
	ill    uint64    // that end ill, at any age
	oldIll uint64    // at least, when they are old
	ages   int       // nothing is older: it has ended by then; 0: things may be of any age
	atLast uint64    // that end well at last: as long as fewer have, a quarter of those who are missing is expected at the next age
}

// A fate is what things come to, by age; the last is of old ones. Shares are in 2^-32.
type fate struct {
	well    [freshLen + 1]uint64                 // the share that ends well, at last
	youngMs [freshLen + 1]uint64                 // how long they are still there and young, on average
	ends    [freshLen]struct{ well, ill uint64 } // the shares that end in each way within 15 seconds
}

// fate is what was seen of a course and what is assumed of it.
func (c *Course) fate(a assumption) fate {
	var f fate
	got, left := uint64(0), uint64(one) // shares that have ended well before an age, and that are there
	for age, seen := range c.Ages {
		expected := a.first[min(age, 2)]
		if age > 2 {
			expected = f.ends[age-1].well / 4 * 3
			if got < a.atLast && left > 0 {
				expected = max(expected, min(mulDiv(a.atLast-got, one, left), one)/4)
			}
		}
		end := &f.ends[age]
		if a.ages != 0 && age >= a.ages {
			end.ill = one
			continue
		}
		end.well = (min(seen.Well, seen.Seen)*one + a.weight*expected) / (seen.Seen + a.weight)
		end.ill = min((min(seen.Ill, seen.Seen)*one+a.weight*a.ill)/(seen.Seen+a.weight), one-end.well)
		got += times(left, end.well)
		left = times(left, one-end.well-end.ill)
	}
	// Old ones go on as the oldest young ones did, at half the rate, until something else is seen.
	late := (min(c.Late.Well, c.Late.Seen)*one + a.weight*(f.ends[freshLen-1].well/2)) / (c.Late.Seen + a.weight)
	ends := max((min(c.Late.Ill, c.Late.Seen)*one+a.weight*a.oldIll)/(c.Late.Seen+a.weight), a.oldIll)
	if f.well[freshLen] = share(late, late+ends); a.ages != 0 {
		f.well[freshLen] = 0
	}
	for age := freshLen - 1; age >= 0; age-- {
		gone := f.ends[age].well + f.ends[age].ill
		f.well[age] = f.ends[age].well + times(one-gone, f.well[age+1])
		f.youngMs[age] = times(2*one-gone, cohortMs)/2 + times(one-gone, f.youngMs[age+1])
	}
	return f
}

// total is the sum over everything that is there of a share by age, x 2^32.
func (c *Course) total(share *[freshLen + 1]uint64) uint64 {
	sum := share[freshLen] * uint64(c.Old)
	for age := range freshLen {
		if h := c.at(age); h != nil {
			sum = add(sum, share[age]*uint64(h.There))
		}
	}
	return sum
}

// plus is n + m, or the largest number.
func plus(n, m uint32) uint32 { return n + min(m, math.MaxUint32-n) }
