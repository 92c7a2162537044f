package engine

import "github.com/holdfast-engine/holdfast/engine/line"

// PlaceStates and WaitStates are the sizes of tables indexed by PlaceState and WaitState, without those that are only shown.
const (
	PlaceStates = int(placeStatesEnd)
	WaitStates  = int(waitStatesEnd)
)

// LineStats is figures about an event's line and its waiting list.
type LineStats struct {
	Places    [PlaceStates]int64 // entries by their state: those who are admitted have a pass
	Passes    int64              // granted so far
	Overtaken int64              // turns that were somebody else's
	Waiters   [WaitStates]int64  // of the waiting list, by their state
	Behind    float64            // the largest part of all passes that a track is behind its promised share by, in which somebody waits, but for one pass: 0 to 1

	// How many may shop: what it is made of, and what it comes to. All 0 while nobody is served.
	Admission    line.Admission
	Room         line.Room
	Fresh, Quiet int64 // passes that are browsing: for less than five minutes, and for longer
}

// LineStats returns figures about the line as of the last step; false if the event has neither a line nor a waiting list, or is over. It takes some microseconds.
func (e *Event) LineStats() (s LineStats, ok bool) {
	if e.lineOver() || e.line == nil && e.list == nil {
		return s, false
	}
	if e.list != nil {
		for i, n := range e.list.counts {
			s.Waiters[i] = int64(n)
		}
	}
	l := e.line
	if l == nil {
		return s, true
	}
	for i, n := range l.counts {
		s.Places[i] = int64(n)
	}
	for i := range l.tracks {
		s.Passes += int64(l.tracks[i].granted)
	}
	s.Overtaken = int64(l.fair.Overtaken())
	s.Behind = e.shareBehind(s.Passes)
	if e.serves() {
		fresh, quiet := e.shoppingNow().Count()
		s.Fresh, s.Quiet = int64(fresh), int64(quiet)
		s.Admission, s.Room = e.admission(), e.roomInside()
	}
	return s, true
}

// shareBehind is how far the track of those in which somebody waits is behind that is the furthest, after so many passes of all tracks. A fair line owes no track more
// than one pass, unless nobody waited in it for a while: then it has yet to catch up.
func (e *Event) shareBehind(passes int64) (most float64) {
	shares := int64(0)
	for t := range e.trackCount() {
		shares += e.shareOf(t)
	}
	for t := range e.trackCount() {
		if track := &e.line.tracks[t]; track.waiting.n > 0 && passes > 0 {
			promised := float64(passes) * float64(e.shareOf(t)) / float64(shares)
			most = max(most, (promised-float64(track.granted)-1)/float64(passes))
		}
	}
	return most
}
