package engine

import "github.com/holdfast-engine/holdfast/engine/line"

// How fair the line was, as the event counts it itself, fact by fact: what became of those who joined, how long they waited, and whether anybody was served while
// it was somebody else's turn. What a checker finds that knows only the log is in engine/fifo.

// Fairness is how fair the line has been so far, false if the event has none; it is there until the event is archived. Its cost grows with how many buyers are
// linked, and the logarithm of the longest wait.
func (e *Event) Fairness() (r line.FairReport, ok bool) {
	if e.line == nil {
		return line.FairReport{}, false
	}
	f := e.line.fair // what is added is of the copy alone
	others := e.unitsSold()
	for slot := range e.members.rows {
		if m := e.members.at(slot); m.size > 1 {
			f.Sold(uint64(m.bought), int(m.size))
			others -= m.bought
		}
	}
	f.Sold(uint64(others), 1)
	return f.Report(), true
}

// LineTotals sets t to what the line has counted so far; false, and t as it was, if the event has none. It is there until the event is archived, and but for tickets and
// linked buyers nothing in it becomes less. It uses the memory that t has. Cost: some microseconds a track, however many are in the line.
func (e *Event) LineTotals(t *line.Totals) (ok bool) {
	if e.line == nil {
		return false
	}
	e.line.fair.Totals(t)
	t.Tickets, t.Linked, t.Clusters = e.unitsSold(), e.linkedTo.units, int64(e.linkedTo.clusters)
	return true
}

// unitsSold is how many units of all lots are sold.
func (e *Event) unitsSold() (sold int64) {
	for i := range e.lots {
		sold += e.lots[i].in[shareSold]
	}
	return sold
}

// fairTurn counts a turn that comes before somebody else's: of somebody who was skipped and is back, or of an earlier place of the same track. Which track is next
// is in the shares that the tracks got. It asks the line's order, and not what has chosen the entry.
func (e *Event) fairTurn(slot uint32) {
	l := e.line
	r := l.rows.at(slot)
	first, any := l.firstReturned()
	if !any && r.flags&rowReturned == 0 {
		first = l.tracks[r.track].waiting.first - 1
	}
	if first != slot {
		l.fair.Overtook(r.track)
	}
}

// fairServed counts a pass, and how long its buyer had waited: since the line began to be served, or since they joined, to the second.
func (e *Event) fairServed(r *lineRow) {
	from := max(e.line.began, e.since+Instant(r.joined)*1e9)
	e.line.fair.Served(r.track, int64(max(0, e.now-from)/1e6))
}

// fairHeld counts a hold that a buyer without a pass has asked for. One that nobody has asked for is of somebody on the waiting list, of a payment that came late, or
// of a purchase, which the next fact says.
func (e *Event) fairHeld(buyer uint32, asked bool) {
	switch {
	case e.lineMode() != LineModeLine || e.shops(buyer) || e.betweenOffer():
	case asked:
		e.fairBare(buyer)
	default:
		e.line.bare = e.applying
	}
}

// fairBuying counts the hold of a purchase that was made by the fact before for somebody without a pass, and notes that a buyer was given one-click checkout.
func (e *Event) fairBuying(buyer uint32, flow Flow) {
	if e.line.bare == e.applying-1 && e.line.bare != 0 {
		e.fairBare(buyer)
	}
	if flow == FlowOneClick {
		e.fairOneClick(buyer)
	}
}

func (e *Event) fairBare(buyer uint32) {
	track := uint8(0)
	if at := e.entryOf(buyer + 1); at != 0 {
		track = e.line.rows.at(at - 1).track
	}
	e.line.fair.Overtook(track)
}

// fairOneClick notes that a buyer with a pass was given one-click checkout.
func (e *Event) fairOneClick(buyer uint32) {
	if at := e.entryOf(buyer + 1); at != 0 {
		if r := e.line.rows.at(at - 1); r.state == PlaceAdmitted && r.flags&rowOneClick == 0 {
			e.setState(at-1, PlaceAdmitted, rowOneClick, 0)
		}
	}
}

// fairPass counts what became of a pass.
func (e *Event) fairPass(r *lineRow, ordered bool) {
	e.line.fair.Shopped(r.track, r.place, r.flow(), ordered)
}

// flow is how the buyer of an entry was given to check out.
func (r *lineRow) flow() line.Flow {
	if r.flags&rowOneClick != 0 {
		return line.OneClick
	}
	return line.Standard
}

// shops reports whether a buyer has a pass that is good.
func (e *Event) shops(buyer uint32) bool {
	at := e.entryOf(buyer + 1)
	if at == 0 {
		return false
	}
	r := e.line.rows.at(at - 1)
	return r.state == PlaceAdmitted && e.line.turns.at(r.prev-1).deadline > e.lineTime()
}
