package engine

// AheadMax is how many commands an event looks ahead at most: as many lines of memory as a processor fetches at once, and a few.
const AheadMax = 16

// aheadEntriesMin is how many index entries an event must have before looking ahead pays: smaller tables stay in the processor's cache by themselves.
const aheadEntriesMin = 1 << 17

// ahead is what the next commands will look up.
type ahead struct {
	n      int
	read   uint64 // of what was read: it keeps the compiler from leaving the reads out
	next   [AheadMax]lookup
	oldest [AheadMax]lookup
}

// lookup is a walk that will be started.
type lookup struct {
	request, buyer       uint32 // hashes
	requestSeg, buyerSeg uint32 // refs of segments
}

// LooksAhead reports whether the event is so large that [Event.Foresee] and [Event.Warm] make its next steps faster.
func (e *Event) LooksAhead() bool { return e.requestIndex.count+e.buyerIndex.count >= aheadEntriesMin }

// Foresee notes that a command will be stepped soon, at most [AheadMax] of them before the next [Event.Warm]. The command may be anything.
func (e *Event) Foresee(cmd *Command) {
	if e.requestIndex.dir == nil || e.buyerIndex.dir == nil {
		return
	}
	if e.work.ahead == nil {
		e.work.ahead = new(ahead)
	}
	a := e.work.ahead
	if a.n == AheadMax {
		return
	}
	l := &a.next[a.n]
	a.n++
	l.request, l.buyer = index32(hashString(e.seed, cmd.RequestID)), index32(hashString(e.seed, cmd.Buyer))
	l.requestSeg, l.buyerSeg = e.requestIndex.segment(l.request), e.buyerIndex.segment(l.buyer)
}

// Warm reads what the foreseen commands will read and write, and forgets that they were foreseen. It changes nothing and decides nothing: in an event with
// millions of holds a step waits for memory some ten times, one after the other, and here the processor waits for the lines of many commands at once.
func (e *Event) Warm() {
	a := e.work.ahead
	if a == nil {
		return
	}
	next := a.next[:a.n]
	oldest := a.oldest[:e.forgettable(len(next))]
	a.n = 0
	for i := range oldest {
		name := e.requests.at(e.requests.head + uint64(i)).name
		l := &oldest[i]
		l.request = index32(hashString(e.seed, e.names.get(name)))
		l.requestSeg = e.requestIndex.segment(l.request)
	}
	read := uint64(0)
	for i := range next {
		read += e.requestIndex.at(next[i].requestSeg)[1] + e.buyerIndex.at(next[i].buyerSeg)[1]
	}
	for i := range oldest {
		read += e.requestIndex.at(oldest[i].requestSeg)[1]
	}
	for i := range next {
		read += e.requestIndex.at(next[i].requestSeg).peek() + e.buyerIndex.at(next[i].buyerSeg).peek()
	}
	var p probe
	for i := range oldest {
		seg := e.requestIndex.at(oldest[i].requestSeg)
		p.start(seg, oldest[i].request)
		row, _ := e.requestIndex.next(&p)
		read += seg.peek() + uint64(row)
	}
	a.read = read
}

// forgettable is how many of the oldest requests will be forgotten if n more are accepted, at most n.
func (e *Event) forgettable(n int) int {
	return max(0, min(n, e.requests.count(), e.requests.count()+n-e.limits.Requests))
}

// peek reads the line that the next entry goes to.
func (s segment) peek() uint64 { return s.pairs()[min(s.entries(), s.room()-1)] }
