package engine

import "github.com/holdfast-engine/holdfast/engine/line"

// WaitingPage shows who waits in a stretch of an event's line or waiting list, for a shell that tells them something. It belongs to the event.
type WaitingPage struct {
	Rows []WaitingRow
	Next uint32 // where the next page begins, 0 behind the last
}

// WaitingRow is one who waits. On the waiting list there is only a buyer.
type WaitingRow struct {
	Buyer string
	Place line.Place // 0: not drawn yet
	Track uint8
	Wants uint8
}

// showWaiting shows who waits of the entries from one on, or of the waiters, and looks at no more than WaitingPageMax of them. In the line these are all whom it still has something to tell:
// also who was skipped, and who has a pass. Who pays for tickets when the event closes may go on, and is not among them. Of the waiters it leaves out those who are in the line as well: who is told of
// one is told of both.
func (e *Event) showWaiting(from uint32, list bool) {
	page := &e.work.page
	page.Rows, page.Next = page.Rows[:0], 0
	e.out.Shows |= ShowsWaiting
	e.out.Waiting = page
	rows := uint32(0)
	if list && e.list != nil {
		rows = e.list.rows.rows
	} else if !list && e.line != nil {
		rows = e.line.rows.rows
	}
	end := min(uint64(from)-1+WaitingPageMax, uint64(rows))
	for slot := uint64(from) - 1; slot < end; slot++ {
		if list {
			if r := e.list.rows.at(uint32(slot)); r.state == WaitWaiting && !e.toTell(e.entryOf(r.buyer+1)) {
				page.Rows = append(page.Rows, WaitingRow{Buyer: e.buyerName(r.buyer)})
			}
		} else if r := e.line.rows.at(uint32(slot)); e.toTell(uint32(slot) + 1) {
			page.Rows = append(page.Rows, WaitingRow{Buyer: e.buyerName(r.buyer), Place: r.place, Track: r.track, Wants: r.wants})
		}
	}
	if end < uint64(rows) {
		page.Next = uint32(end) + 1
	}
}

// toTell reports whether an entry (slot + 1, or 0) is of those whom the line has something to tell.
func (e *Event) toTell(entry uint32) bool {
	if entry == 0 {
		return false
	}
	r := e.line.rows.at(entry - 1)
	return r.state.live() && (e.state != EventClosed || r.state != PlaceAdmitted || e.buyers.at(r.buyer).hold == 0)
}

// signalOver says that the event has ended, if anybody may wait in it.
func (e *Event) signalOver() {
	e.signals.Over = e.line != nil || e.list != nil || e.spec.Line != nil
}
