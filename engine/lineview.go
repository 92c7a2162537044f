package engine

import "github.com/holdfast-engine/holdfast/engine/line"

// PlaceView shows where a buyer is in the line. Its strings belong to the event.
type PlaceView struct {
	Event   string
	Buyer   string
	Entry   line.Entry
	Place   line.Place // 0: not drawn yet
	State   PlaceState
	Absent  bool            // the buyer is known not to be there
	Until   Instant         // node time until which: admitted, the pass is good; skipped, the buyer may come back
	Prices  []PromisedPrice // admitted: what each open lot that is for everybody costs at most, a sale with fees
	Track   string
	Wants   int64
	Leaf    line.Hash // of an entry of the lobby: what the root is made of; zero of others
	Commit  line.Hash // of an entry of the lobby: what the leaf is made with
	InLobby bool      // it is one
}

// LineView shows an event's line.
type LineView struct {
	Mode      LineMode
	Phase     LinePhase
	Committed bool      // Commit is known
	Commit    line.Hash // what was promised for the draw
	Root      line.Hash // over the lobby's entries, from LineClosed on
	Entries   int64     // of the lobby: so far, or in all once it is closed
	Value     string    // the public value; empty while there is none
	Revealed  bool      // Seed is known
	Seed      line.Seed
	Joined    int64 // entries in all
	Waiting   int64 // the next counts are of entries by their state
	Skipped   int64
	Admitted  int64
	Spent     int64
	Lapsed    int64
	Gone      int64
	Left      int64
	Returned  int64      // of those who wait: who were skipped and are back, and with a draw those who have no place yet
	Served    line.Place // the last place whose turn has come, in any track
	PerMin    int64      // purchases a minute that the payment lane can take; 0 is unknown
	Tracks    []TrackView

	// How many may shop: what it is made of, and what it comes to.
	Shopping  line.Shopping
	Patience  line.Patience // how those who wait behave: with Shopping, what chances are made of
	Admission line.Admission
	Room      line.Room

	Overtaken int64            // turns and holds while it was somebody else's turn, as the event counts them: 0
	Fairness  *line.FairReport // nil if nobody has asked for it

	LeavesFrom line.Entry // of the first of Leaves
	Leaves     []line.Hash
}

// PromisedPrice is what a sale of a lot costs at most with a pass.
type PromisedPrice struct {
	Lot        string
	TotalMinor int64
	SoldOut    bool // nothing of it is free, nor held or being paid so that it may come back
}

// TrackView shows a track of a line.
type TrackView struct {
	Track    string
	ShareBp  int64
	Waiting  int64      // with a place, and their turn has not come
	Granted  int64      // passes so far
	Served   line.Place // the last place whose turn has come
	CodeOnly bool       // only for those with a code
}

// showPlace shows an entry.
func (e *Event) showPlace(slot uint32) {
	l, r := e.line, e.line.rows.at(slot)
	v := &e.work.place
	*v = PlaceView{
		Event: e.key.ID, Buyer: e.buyerName(r.buyer), Entry: line.Entry(slot + 1), Place: r.place, State: r.state, Absent: r.flags&rowAbsent != 0,
		Track: e.trackName(r.track), Wants: int64(r.wants), InLobby: l.phase == LineLobby || slot < l.entries,
	}
	if v.InLobby {
		v.Leaf, v.Commit = e.leaf(slot), l.commit
	}
	if e.lineOver() && r.state.live() {
		v.State = PlaceOver
	} else if r.state == PlaceAdmitted || r.state == PlaceSkipped {
		v.Until = e.turnUntil(l.turns.at(r.prev - 1))
	}
	if v.State == PlaceAdmitted {
		v.Prices = e.promisedPrices(r.buyer + 1)
	}
	e.out.Shows |= ShowsPlace
	e.out.Place = v
}

// viewLine shows the line, nil if the event has none and wants none.
func (e *Event) viewLine() *LineView {
	if e.line == nil && e.spec.Line == nil {
		return nil
	}
	v := &e.work.line
	*v = LineView{Mode: e.lineMode(), Phase: e.linePhase(), Tracks: v.Tracks[:0], Leaves: v.Leaves[:0]}
	for i := range e.trackCount() {
		t := TrackView{Track: e.trackName(uint8(i)), ShareBp: sharesAll, CodeOnly: e.trackOf(uint8(i)).CodeOnly}
		if e.spec.Line != nil && len(e.spec.Line.Tracks) > 0 {
			t.ShareBp = e.spec.Line.Tracks[i].ShareBp
		}
		if e.line != nil {
			t.Waiting = int64(e.line.tracks[i].waiting.n)
		}
		v.Tracks = append(v.Tracks, t)
	}
	l := e.line
	if l == nil {
		return v
	}
	for i := range v.Tracks {
		v.Tracks[i].Granted, v.Tracks[i].Served = int64(l.tracks[i].granted), l.tracks[i].served
		v.Served = max(v.Served, l.tracks[i].served)
	}
	v.Committed, v.Commit, v.Root, v.Entries, v.Value = l.committed, l.commit, l.root, int64(l.entries), l.value
	v.Revealed, v.Seed = l.phase >= LineDrawing && l.seed != line.Seed{}, l.seed
	if l.phase == LineLobby {
		v.Entries = int64(l.rows.rows)
	}
	v.Joined, v.Returned, v.PerMin = int64(l.rows.rows), int64(l.counts[PlaceWaiting]), l.perMin
	for i := range v.Tracks {
		v.Returned -= v.Tracks[i].Waiting
	}
	v.Overtaken = int64(l.fair.Overtaken())
	v.Shopping, v.Patience, v.Admission, v.Room = *e.shoppingNow(), l.patience, e.admission(), e.roomInside()
	v.Waiting, v.Skipped, v.Admitted = int64(l.counts[PlaceWaiting]), int64(l.counts[PlaceSkipped]), int64(l.counts[PlaceAdmitted])
	v.Spent, v.Lapsed, v.Gone, v.Left = int64(l.counts[PlaceSpent]), int64(l.counts[PlaceLapsed]), int64(l.counts[PlaceGone]), int64(l.counts[PlaceLeft])
	return v
}

// showFairness adds to the line that is shown how fair it has been.
func (e *Event) showFairness(v *LineView) {
	if r, ok := e.Fairness(); ok && v != nil {
		e.work.fair = r
		v.Fairness = &e.work.fair
	}
}

// showLine shows the line alone.
func (e *Event) showLine() {
	if v := e.viewLine(); v != nil {
		e.out.Shows |= ShowsLine
		e.out.Line = v
	}
}

// Line shows the event's line, false if it has none and wants none: for whoever broadcasts it. The view belongs to the event, and is valid until its next step.
func (e *Event) Line() (v *LineView, ok bool) {
	v = e.viewLine()
	return v, v != nil
}

// showLeaves shows leaves of the lobby's entries, from one on.
func (e *Event) showLeaves(from line.Entry) {
	v := e.out.Line
	if v == nil {
		if v = e.viewLine(); v == nil {
			return
		}
		e.out.Shows |= ShowsLine
		e.out.Line = v
	}
	v.LeavesFrom = from
	for n := int64(from); n <= v.Entries && len(v.Leaves) < EntriesPageMax; n++ {
		v.Leaves = append(v.Leaves, e.leaf(uint32(n-1)))
	}
}

// PlaceChange says what has become of somebody's place in the line, without their having asked.
type PlaceChange struct {
	Entry line.Entry
	Place line.Place
	Buyer string
	State PlaceState
	Until Instant // node time: admitted, of the pass; skipped, of the time of grace
}

// promisedPrices is what each open lot costs at most for a buyer (slot + 1) with a pass, without a code. Lots that are sold with a code only are left out.
func (e *Event) promisedPrices(buyer uint32) []PromisedPrice {
	list := e.work.prices[:0]
	e.promised, e.coded = e.promisedTo(buyer), 0
	for i := range e.lots {
		if l := &e.lots[i]; l.open && !l.spec.CodeOnly {
			list = append(list, PromisedPrice{Lot: l.spec.Lot, TotalMinor: e.prices[e.priceFor(uint32(i))].total, SoldOut: e.isSoldOut(uint32(i))})
		}
	}
	e.work.prices = list
	return list
}

// isSoldOut reports whether less of a lot is free, held or being paid, and fits its pools, than it is sold by: nothing of it can be had any more, unless tickets are given back
// or added.
func (e *Event) isSoldOut(lot uint32) bool {
	l := &e.lots[lot]
	left := l.unsold()
	for _, p := range l.pools {
		left = min(left, e.pools[p].unsold())
	}
	return left < l.minOrder*l.units
}
