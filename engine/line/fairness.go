package line

import (
	"math"
	"math/bits"
)

// Fairness counts what became of the people of a line. It is part of an event's state, is changed by its facts only, and two that were told the same are equal. Parts that were
// counted apart are merged in any order, and give what one count of all would. The zero Fairness is empty.
type Fairness struct {
	tracks  []trackCounts
	strata  []stratum
	orders  uint64 // tickets sold,
	linked  uint64 // of them to clusters of linked buyers
	cluster uint64 // and the most tickets of one cluster
}

// trackCounts is what became of the people of one track.
type trackCounts struct {
	joined, served, noShows, left, ordered, overtook uint64
	waits                                            Waits
}

// A stratum is those whose places are about the same, by flow: with a pass, and of them with an order.
type stratum struct{ shopped, ordered [flows]uint64 }

// A Flow is how a buyer checked out.
type Flow uint8

// The flows.
const (
	Standard Flow = iota
	OneClick
	flows
)

// track is what is counted of a track.
func (f *Fairness) track(track uint8) *trackCounts {
	for len(f.tracks) <= int(track) {
		f.tracks = append(f.tracks, trackCounts{})
	}
	return &f.tracks[track]
}

// Joined counts one who joined the line.
func (f *Fairness) Joined(track uint8) { f.track(track).joined++ }

// Served counts one who got a pass, so long after it began to wait: after the line began to be served, or after it joined, whichever was later.
func (f *Fairness) Served(track uint8, waitedMs int64) {
	t := f.track(track)
	t.served++
	t.waits.Add(waitedMs)
}

// NoShow counts one who was absent at its turn and did not come back in time.
func (f *Fairness) NoShow(track uint8) { f.track(track).noShows++ }

// Left counts one who gave its place up.
func (f *Fairness) Left(track uint8) { f.track(track).left++ }

// Overtook counts a turn, or tickets that were held, while it was somebody else's turn.
func (f *Fairness) Overtook(track uint8) { f.track(track).overtook++ }

// Overtaken is how often that was.
func (f *Fairness) Overtaken() (n uint64) {
	for i := range f.tracks {
		n += f.tracks[i].overtook
	}
	return n
}

// Shopped counts what became of a pass of somebody with a place: whether it ended in an order, by the flow that its buyer was given.
func (f *Fairness) Shopped(track uint8, place Place, flow Flow, ordered bool) {
	f.stratum(place).shopped[min(flow, OneClick)]++
	if ordered {
		f.Ordered(track, place, flow)
	}
}

// Ordered counts that a pass has ended in an order after all that was counted as one that had not.
func (f *Fairness) Ordered(track uint8, place Place, flow Flow) {
	f.stratum(place).ordered[min(flow, OneClick)]++
	f.track(track).ordered++
}

// Sold counts the tickets of one person, or of all buyers that are linked as one.
func (f *Fairness) Sold(tickets uint64, buyers int) {
	f.orders += tickets
	if buyers > 1 {
		f.linked += tickets
		f.cluster = max(f.cluster, tickets)
	}
}

// stratum is what is counted of places about there.
func (f *Fairness) stratum(place Place) *stratum {
	n := stratumOf(place)
	for len(f.strata) <= n {
		f.strata = append(f.strata, stratum{})
	}
	return &f.strata[n]
}

// stratumOf is the stratum of a place: eight for each doubling.
func stratumOf(place Place) int {
	shift := max(bits.Len32(uint32(place))-4, 0)
	return shift*8 + int(place>>shift)
}

// Merge adds what other has counted.
func (f *Fairness) Merge(other *Fairness) {
	for i := range other.tracks {
		t, o := f.track(uint8(i)), &other.tracks[i]
		t.add(o)
	}
	for len(f.strata) < len(other.strata) {
		f.strata = append(f.strata, stratum{})
	}
	for i := range other.strata {
		for flow := range flows {
			f.strata[i].shopped[flow] += other.strata[i].shopped[flow]
			f.strata[i].ordered[flow] += other.strata[i].ordered[flow]
		}
	}
	f.orders += other.orders
	f.linked += other.linked
	f.cluster = max(f.cluster, other.cluster)
}

// add adds what o has counted.
func (t *trackCounts) add(o *trackCounts) {
	t.joined, t.served, t.noShows = t.joined+o.joined, t.served+o.served, t.noShows+o.noShows
	t.left, t.ordered, t.overtook = t.left+o.left, t.ordered+o.ordered, t.overtook+o.overtook
	t.waits.Merge(&o.waits)
}

// A FairTrack is what a report says of one track. Shares are of all tracks, from 0 to 1.
type FairTrack struct {
	Joined   uint64
	Served   uint64  // passes
	NoShows  uint64  // absent at their turn, and not back in time
	Left     uint64  // gave their place up
	Ordered  uint64  // passes that ended in an order
	Overtook uint64  // turns and holds while it was somebody else's turn: 0 in a fair line
	Share    float64 // of the passes
	P50Ms    uint64  // what half of those who were served waited at most,
	P90Ms    uint64  // nine of ten,
	P99Ms    uint64  // ninety-nine of a hundred
	MaxMs    uint64  // and all
}

// A FairReport is a [Fairness] in figures.
type FairReport struct {
	All        FairTrack
	Tracks     []FairTrack // by track
	Tickets    uint64      // sold
	Linked     uint64      // of them to clusters of linked buyers,
	MostLinked uint64      // and to the one with the most
	Flows      [2]FlowReport
	// Difference is how much larger the share of one-click passes that ended in an order was than that of standard ones with about the same place, and Error its
	// standard error; both 0 if no two can be compared.
	Difference, Error float64
}

// A FlowReport is what became of the passes of one flow.
type FlowReport struct {
	Shopped uint64
	Ordered uint64
}

// Report is what was counted so far.
//
// Flows are compared at equal place, as those in front find more: the difference is that of Mantel and Haenszel over strata of places, eight for each doubling.
//
// Source: S. Greenland, J. M. Robins, Estimation of a common effect parameter from sparse follow-up data, Biometrics 41 (1985), for the difference and its variance.
func (f *Fairness) Report() FairReport {
	r := FairReport{Tickets: f.orders, Linked: f.linked, MostLinked: f.cluster}
	var all trackCounts
	for i := range f.tracks {
		t := &f.tracks[i]
		all.add(t)
	}
	r.All = all.report(all.served)
	for i := range f.tracks {
		r.Tracks = append(r.Tracks, f.tracks[i].report(all.served))
	}
	var c comparison
	r.Flows, c = f.flows()
	r.Difference, r.Error, _ = c.difference()
	return r
}

// flows is what became of the passes of each flow, and how they compare.
func (f *Fairness) flows() (reports [flows]FlowReport, c comparison) {
	for i := range f.strata {
		s := &f.strata[i]
		for flow := range flows {
			reports[flow].Shopped += s.shopped[flow]
			reports[flow].Ordered += s.ordered[flow]
		}
		c.add(s)
	}
	return reports, c
}

// A comparison is the sums over strata that a difference of flows is made of. Those of several lines add up to that of all: each stratum of each line is one more.
type comparison struct{ over, weights, variance float64 }

func (c *comparison) add(s *stratum) {
	n0, n1 := float64(s.shopped[Standard]), float64(s.shopped[OneClick])
	if n0 == 0 || n1 == 0 {
		return
	}
	a, b, n := float64(s.ordered[OneClick]), float64(s.ordered[Standard]), n0+n1
	c.over += (a*n0 - b*n1) / n
	c.weights += n1 * n0 / n
	c.variance += (a*(n1-a)*n0*n0*n0 + b*(n0-b)*n1*n1*n1) / (n1 * n0 * n * n)
}

// difference is the difference of the flows and its standard error; both 0, and false, if there is nothing to compare.
func (c *comparison) difference() (difference, deviation float64, ok bool) {
	if c.weights <= 0 {
		return 0, 0, false
	}
	return c.over / c.weights, math.Sqrt(max(c.variance, 0)) / c.weights, true // sums that were replaced often may be off in the last digits
}

// report is what a report says of t, where so many passes were granted altogether.
func (t *trackCounts) report(passes uint64) FairTrack {
	r := FairTrack{
		Joined: t.joined, Served: t.served, NoShows: t.noShows, Left: t.left, Ordered: t.ordered, Overtook: t.overtook,
		P50Ms: t.waits.PercentileMs(0.5), P90Ms: t.waits.PercentileMs(0.9), P99Ms: t.waits.PercentileMs(0.99), MaxMs: t.waits.MaxMs(),
	}
	if passes > 0 {
		r.Share = float64(t.served) / float64(passes)
	}
	return r
}
