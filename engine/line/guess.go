package line

import "math"

// A guess is a share that is not known exactly: in logits, normal around that of mean.
type guess struct {
	mean float64
	sd   float64 // in logits
}

// guessed is the guess of a share with a mean and a variance.
func guessed(mean, variance float64) guess {
	mean = min(max(mean, 1e-9), 1-1e-9)
	return guess{mean: mean, sd: math.Sqrt(variance) / (mean * (1 - mean))}
}

// seen is the guess of a share of which so many of so many were seen.
func seen(yes, all float64) guess {
	mean := yes / all
	return guessed(mean, mean*(1-mean)/(all+1))
}

// variance is that of the share itself.
func (g guess) variance() float64 {
	v := g.sd * g.mean * (1 - g.mean)
	return v * v
}

// and is the guess of g and other both: their product.
func (g guess) and(other guess) guess {
	return guessed(g.mean*other.mean, g.variance()*other.mean*other.mean+other.variance()*g.mean*g.mean)
}

// at is the share if it is z standard deviations from its middle.
func (g guess) at(z float64) float64 {
	odds := g.mean / (1 - g.mean) * math.Exp(min(max(z*g.sd, -30), 30))
	return odds / (1 + odds)
}

// logistic is the share of a logit.
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// normal is the probability that a normally distributed number around 0 is less than x.
func normal(x, variance float64) float64 {
	switch {
	case variance > 0:
		return 0.5 * math.Erfc(-x/math.Sqrt(2*variance))
	case x < 0:
		return 0
	default:
		return 1
	}
}
