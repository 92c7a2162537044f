package line

// Totals is what the lines of several events have counted together, without their tracks. The zero Totals is that of none.
type Totals struct {
	Joined   uint64
	Served   uint64 // passes
	NoShows  uint64 // absent at their turn, and not back in time
	Left     uint64 // gave their place up
	Overtook uint64 // turns and holds while it was somebody else's turn: 0 in fair lines
	Waits    Waits  // of those who were served
	Flows    [flows]FlowReport

	Tickets  int64 // sold
	Linked   int64 // of them to clusters of linked buyers,
	Clusters int64 // which are so many

	compared comparison
}

// Totals sets t to what f has counted, but for tickets, which are 0. It uses the memory that t has.
func (f *Fairness) Totals(t *Totals) {
	waits := Waits{counts: t.Waits.counts[:0]}
	*t = Totals{}
	for i := range f.tracks {
		track := &f.tracks[i]
		t.Joined, t.Served, t.NoShows = t.Joined+track.joined, t.Served+track.served, t.NoShows+track.noShows
		t.Left, t.Overtook = t.Left+track.left, t.Overtook+track.overtook
		waits.Merge(&track.waits)
	}
	t.Waits = waits
	t.Flows, t.compared = f.flows()
}

// Replace puts what a line has counted by now in place of what it had counted before: was is in t, or zero, and is not changed, and is has at least as much of all but
// tickets, linked and clusters.
func (t *Totals) Replace(was, is *Totals) {
	t.Joined += is.Joined - was.Joined
	t.Served += is.Served - was.Served
	t.NoShows += is.NoShows - was.NoShows
	t.Left += is.Left - was.Left
	t.Overtook += is.Overtook - was.Overtook
	t.Waits.replace(&was.Waits, &is.Waits)
	for flow := range flows {
		t.Flows[flow].Shopped += is.Flows[flow].Shopped - was.Flows[flow].Shopped
		t.Flows[flow].Ordered += is.Flows[flow].Ordered - was.Flows[flow].Ordered
	}
	t.Tickets += is.Tickets - was.Tickets
	t.Linked += is.Linked - was.Linked
	t.Clusters += is.Clusters - was.Clusters
	t.compared.over += is.compared.over - was.compared.over
	t.compared.weights += is.compared.weights - was.compared.weights
	t.compared.variance += is.compared.variance - was.compared.variance
}

// Difference is how much larger the share of one-click passes that ended in an order was than that of standard ones with about the same place in the same line, and its
// standard error: the difference of [FairReport], over the strata of all lines, so that a line in which all find something is never compared with one in which few do.
// It is false if no two passes can be compared.
func (t *Totals) Difference() (difference, deviation float64, ok bool) {
	return t.compared.difference()
}
