package line

import "math"

// A habit is one way in which shoppers might behave: a share of them, the takers, takes something, after a time that is gamma distributed, and the others never do. Which habit they have
// is not known: each explains more or less well what was seen.
type habit struct {
	weight float64 // how probable it is, after what was seen
	takers guess
	until  [freshLen + 1]float64 // the share of takers that have taken something before an age
	gone   [freshLen + 1]float64 // the share of passes that stopped before an age; takers do not
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
	var gone [freshLen + 1]float64
	stay := 1.0
	for age, a := range c.Ages {
		passes := float64(a.Seen + weightAtAge)
		gone[age+1] = gone[age] + stay*min(float64(a.Ill)/passes, 1)
		stay *= max(1-float64(a.Ill+a.Well)/passes, 0)
	}
	best := math.Inf(-1)
	for i := range habitsMax {
		h := habit{gone: gone}
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
	low, high := -5.0, 6.0
	for range 24 { // the logarithm of the likelihood has one peak
		a, b := low+(high-low)*0.382, low+(high-low)*0.618
		if h.likelihood(ages, a) < h.likelihood(ages, b) {
			low = a
		} else {
			high = b
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
		left := takers * (1 - h.until[age])
		others := max(1-takers-h.gone[age], 0.001)
		picks := min(max(takers*(h.until[age+1]-h.until[age])/(left+others), 1e-6), 1-1e-6)
		picked := float64(min(a.Well, a.Seen))
		sum += picked*math.Log(picks) + (float64(a.Seen)-picked)*math.Log(1-picks)
	}
	return sum
}

// takes is the share of passes that are browsing at an age that take something at last, if so many are takers.
func (h *habit) takes(age int, takers float64) float64 {
	left := takers * (1 - h.until[age])
	return left / (left + max(1-takers-h.gone[age], 0.001))
}
