package measure

import "math"

// z95 is the quantile of the normal distribution that 95 % lie within.
const z95 = 1.959963984540054

// wilson is the 95 % interval of Wilson's score of k out of n, 0 < n.
func wilson(k, n int64) (low, high float64) {
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z95*z95/(2*m)) / (1 + z95*z95/m)
	half := z95 / (1 + z95*z95/m) * math.Sqrt(p*(1-p)/m+z95*z95/(4*m*m))
	low, high = mid-half, mid+half
	if k == 0 { // what is exactly so, but for rounding
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}

// newcombe is the 95 % interval of the difference of two shares, k of n less j of m, made of their Wilson intervals (Newcombe 1998, method 10).
func newcombe(k, n, j, m int64) (low, high float64) {
	p, q := float64(k)/float64(n), float64(j)/float64(m)
	pl, ph := wilson(k, n)
	ql, qh := wilson(j, m)
	return p - q - math.Hypot(p-pl, qh-q), p - q + math.Hypot(ph-p, q-ql)
}

// promoterInterval is the 95 % interval of a Net Promoter Score: Wald's with three answers added, of which a quarter promote, half are passive and a quarter
// detract (Rocks 2016), so that it does not shrink to nothing when all agree.
func promoterInterval(promoters, detractors, n int64) (low, high float64) {
	m := float64(n) + 3
	p, d := (float64(promoters)+0.75)/m, (float64(detractors)+0.75)/m
	half := z95 * math.Sqrt((p+d-(p-d)*(p-d))/m)
	return max(-100, 100*(p-d-half)), min(100, 100*(p-d+half))
}
