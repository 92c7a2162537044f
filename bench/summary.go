package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Side is one of the things that are compared: it runs for a while and says what it did.
type Side func(time.Duration) (Round, error)

// Alternate runs rounds of each side in turns, so that whatever else the machine does meets all of them, after a short one of each that is not
// counted. The result has a row a side.
func Alternate(rounds int, each time.Duration, sides ...Side) ([][]Round, error) {
	out := make([][]Round, len(sides))
	for r := -1; r < rounds; r++ {
		for i, side := range sides {
			d := each
			if r < 0 {
				d = each / 5
			}
			round, err := side(d)
			if err != nil {
				return nil, err
			}
			if r >= 0 {
				out[i] = append(out[i], round)
			}
		}
	}
	return out, nil
}

// Numbers are measurements of one thing, a round each.
type Numbers []float64

// Rates returns the rate of each round, a second.
func Rates(rounds []Round) Numbers {
	n := make(Numbers, len(rounds))
	for i := range rounds {
		n[i] = rounds[i].PerSecond()
	}
	return n
}

// CPUNs returns the processor time of each round, in nanoseconds a command, of load, server and engine together. Unlike the rate it hardly depends on what
// else the machine does.
func CPUNs(rounds []Round) Numbers {
	n := make(Numbers, len(rounds))
	for i := range rounds {
		n[i] = float64(rounds[i].CPU) / float64(max(1, rounds[i].All))
	}
	return n
}

// Over returns the quotient of each round: rounds that ran one after the other are compared with each other.
func (n Numbers) Over(d Numbers) Numbers {
	q := make(Numbers, len(n))
	for i := range n {
		q[i] = n[i] / d[i]
	}
	return q
}

// Median is the middle one.
func (n Numbers) Median() float64 {
	s := slices.Sorted(slices.Values(n))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// Spread is the distance from the smallest to the largest as a share of the median.
func (n Numbers) Spread() float64 {
	if m := n.Median(); m != 0 {
		return (slices.Max(n) - slices.Min(n)) / m
	}
	return 0
}

// String lists the numbers in their order with median and spread.
func (n Numbers) String() string {
	var b strings.Builder
	for _, v := range n {
		b.WriteString(compact(v) + " ")
	}
	fmt.Fprintf(&b, "median %s spread %.0f%%", compact(n.Median()), 100*n.Spread())
	return b.String()
}

// compact writes a number with three digits or so.
func compact(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2fM", v/1e6)
	case v >= 1e4:
		return fmt.Sprintf("%.0fk", v/1e3)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// Latencies joins the latencies of all rounds, in microseconds.
func Latencies(rounds []Round) *hdrhistogram.Histogram {
	all := newLatencies()
	for i := range rounds {
		all.Merge(rounds[i].Latency)
	}
	return all
}
