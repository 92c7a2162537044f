package line

import "math"

// A habit is one way in which shoppers might behave: a share of them, the takers, takes something, after a time that is gamma distributed, and the others never do. Which habit they have
// is not known: each explains more or less well what was seen. Whoever stops browsing before might have been either.
type habit struct {
	weight float64 // how probable it is, after what was seen
	takers guess
	until  [freshLen + 1]float64 // the share of takers that have taken something before an age
}

// The habits that are supposed: how long takers take on average, and how much it varies.
const (
	paces     = 7 // from paceMin seconds, each 1.8 times the one before
	paceMin   = 8
	paceRatio = 1.8
	shapes    = 2 // exponential, and gamma with shape 4
	habitsMax = paces * shapes
)

// takersLogit and takersSD are what is assumed of the share of takers before anything was seen: about 0.65, and anything from 0.3 to 0.9 would be no surprise.
const (
	takersLogit = 0.7
	takersSD    = 1.0
)

// gammaCDF is the share of a gamma distribution with mean and shape 1 or 4 that is below t.
func gammaCDF(t, mean float64, shape int) float64 {
	if shape == 1 {
		return -math.Expm1(-t / mean)
	}
	x := 4 * t / mean
	return 1 - math.Exp(-x)*(1+x+x*x/2+x*x*x/6)
}

// habits are the ways in which shoppers may behave, with how probable each is after what was seen, and how many there are. Improbable ones are left out.
func (c *Course) habits() (list [habitsMax]habit, n int) {
	best := math.Inf(-1)
	for i := range habitsMax {
		var h habit
		mean, shape := paceMin*math.Pow(paceRatio, float64(i%paces)), []int{1, 4}[i/paces]
		for age := 1; age <= freshLen; age++ {
			h.until[age] = gammaCDF((float64(age)-0.5)*cohortMs/1000, mean, shape)
		}
		h.weight = h.fit(&c.Ages)
		best = max(best, h.weight)
		list[i] = h
	}
	sum := 0.0
	for _, h := range list {
		if h.weight = math.Exp(h.weight - best); h.weight > 0.005 {
			list[n] = h
			sum += h.weight
			n++
		}
	}
	for i := range list[:n] {
		list[i].weight /= sum
	}
	return list, n
}

// fit finds the share of takers that explains best what was seen of fresh passes, and returns the logarithm of how well the habit explains it, whatever the share.
func (h *habit) fit(ages *[freshLen]Age) float64 {
	const golden = 0.6180339887498949
	low, high := -5.0, 6.0
	a, b := high-golden*(high-low), low+golden*(high-low)
	atA, atB := h.likelihood(ages, a), h.likelihood(ages, b)
	for high-low > 0.002 { // the logarithm of the likelihood has one peak: golden section search
		if atA < atB {
			low, a, atA = a, b, atB
			b = low + golden*(high-low)
			atB = h.likelihood(ages, b)
		} else {
			high, b, atB = b, a, atA
			a = high - golden*(high-low)
			atA = h.likelihood(ages, a)
		}
	}
	const step = 0.05
	peak := (low + high) / 2
	top := h.likelihood(ages, peak)
	bend := (2*top - h.likelihood(ages, peak-step) - h.likelihood(ages, peak+step)) / (step * step)
	h.takers = guess{mean: logistic(peak), sd: 1 / math.Sqrt(max(bend, 1/(takersSD*takersSD)))}
	return top + math.Log(h.takers.sd)
}

// likelihood is the logarithm of the probability of what was seen of fresh passes, if the share of takers has a logit, and of that logit.
func (h *habit) likelihood(ages *[freshLen]Age, logit float64) float64 {
	off := (logit - takersLogit) / takersSD
	sum := -off * off / 2
	takers := logistic(logit)
	for age, a := range ages {
		if a.Seen == 0 {
			continue
		}
		picks := h.hazard(age, takers)
		picked := float64(min(a.Well, a.Seen))
		sum += picked*math.Log(picks) + (float64(a.Seen)-picked)*math.Log(1-picks)
	}
	return sum
}

// hazard is the share of passes that are browsing at an age that take something within 15 seconds, if so many are takers.
func (h *habit) hazard(age int, takers float64) float64 {
	return min(max(takers*(h.until[age+1]-h.until[age])/(1-takers*h.until[age]), 1e-6), 1-1e-6)
}

// takes are the shares of passes that are browsing at an age that take something at last, if so many are takers, and so many stop at each age and so many old ones
// take something. The last is of old ones.
func (h *habit) takes(takers float64, stops *[freshLen]float64, old func(expected float64) float64) (share [freshLen + 1]float64) {
	share[freshLen] = old(takers * (1 - h.until[freshLen]) / (1 - takers*h.until[freshLen]))
	for age := freshLen - 1; age >= 0; age-- {
		stop := stops[age]
		pick := h.hazard(age, takers) * (1 - stop/2)
		share[age] = pick + max(1-pick-stop, 0)*share[age+1]
	}
	return share
}
