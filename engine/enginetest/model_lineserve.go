package enginetest

import (
	"math"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// Whose turn it is in the model, and what a pass is good for.

// heldInLine notes a hold of somebody who may have a pass.
func (m *Model) heldInLine(h *modelHold, replaces bool) {
	e := m.entry(h.buyer)
	if e == nil || e.state != engine.PlaceAdmitted || replaces {
		return
	}
	e.held, e.units = m.lineTime(), uint32(h.units())
	if e.browsing {
		m.line.shopping.Picked(e.granted, e.held, e.units)
	} else {
		m.line.shopping.HoldMade(e.held, e.units)
	}
	e.picked, e.holding, e.browsing = true, true, false
}

// holdEndedInLine notes that the hold of somebody who may have a pass has been paid, or has come back.
func (m *Model) holdEndedInLine(h *modelHold, sold bool) {
	e := m.entry(h.buyer)
	if e == nil || e.turn == 0 || !e.holding {
		return
	}
	m.line.shopping.HoldEnded(e.held, m.lineTime(), e.units, sold)
	if e.holding = false; e.state != engine.PlaceAdmitted {
		e.turn = 0
	} else if !sold && m.state == engine.EventPaused {
		e.granted, e.picked, e.browsing = m.lineTime(), false, !e.absent
		if e.browsing {
			m.line.shopping.Granted(e.granted)
		}
	}
	if sold && (e.state == engine.PlaceAdmitted || e.state == engine.PlaceLapsed) {
		m.endPlace(e, engine.PlaceSpent)
	}
}

// inTrack lists those of a track who wait for their turn, by place.
func (m *Model) inTrack(track int) []*modelEntry {
	var list []*modelEntry
	for i, e := range m.line.entries {
		placed := m.line.phase == engine.LineServing || m.line.phase == engine.LineDrawing && m.line.stage >= 2 && i < m.line.lobby
		if placed && e.track == track && e.state == engine.PlaceWaiting && !e.back {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *modelEntry) int { return int(a.place) - int(b.place) })
	return list
}

// next is whose turn it is, nil for nobody's.
func (m *Model) next() *modelEntry {
	var next *modelEntry
	for _, e := range m.line.entries {
		if e.back && e.state == engine.PlaceWaiting && (next == nil || e.place < next.place) {
			next = e
		}
	}
	if next != nil {
		return next
	}
	all := int64(1)
	for _, n := range m.line.granted {
		all += n
	}
	best := int64(0)
	for i, t := range m.tracks() {
		if list := m.inTrack(i); len(list) > 0 && (next == nil || t.ShareBp*all-10_000*m.line.granted[i] > best) {
			next, best = list[0], t.ShareBp*all-10_000*m.line.granted[i]
		}
	}
	return next
}

// room is how many may be admitted now.
func (m *Model) roomInLine() int64 {
	in := line.Admission{LanePerMin: uint32(m.line.perMin), PassMs: uint64(m.spec.Line.PassTTLMs)}
	passes := int64(0)
	var oldest, newest *modelEntry // passes
	for _, e := range m.line.entries {
		if e.state == engine.PlaceAdmitted {
			if oldest == nil || e.turn < oldest.turn {
				oldest = e
			}
			if newest == nil || e.turn > newest.turn {
				newest = e
			}
			passes++
			if e.holding {
				in.Holding++
			}
		}
	}
	taken := map[string]int64{}
	m.keep(nil)
	defer m.keepNone()
	if oldest != nil {
		in.PassMs = max(in.PassMs, uint64(oldest.deadline-oldest.granted)/1e6, uint64(newest.deadline-newest.granted)/1e6)
	}
	for _, l := range m.lots {
		if len(l.spec.Requires) > 0 {
			continue
		}
		c := m.counts(l, nil)
		in.Held += uint64(c.Held + c.Paying)
		if !l.open {
			continue
		}
		free := c.Free - m.list.keptOf[l.spec.Lot]
		for _, id := range l.spec.Pools {
			free = min(free, m.poolCounts(m.pool(id), nil).Free-m.list.keptOfPool[id]-taken[id])
		}
		units := max(1, l.spec.Units)
		free = max(0, free) / units * units
		if free < max(1, l.spec.MinOrder)*units {
			free = 0
		}
		for _, id := range l.spec.Pools {
			taken[id] += free
		}
		in.Free += uint64(free)
	}
	if in.Free == 0 {
		return 0
	}
	shopping := m.line.shopping
	shopping.Advance(m.lineTime())
	room := int64(line.Shoppers(&shopping, in).Grant)
	if most := m.spec.Line.ShoppersMax; most > 0 {
		room = min(room, max(0, most-passes))
	}
	return room
}

func (m *Model) serving() bool {
	return m.line.phase == engine.LineServing && m.lineMode() == engine.LineModeLine && m.state == engine.EventOnSale
}

// settleLine does what follows by itself.
func (m *Model) settleLine() {
	l := &m.line
	if l.phase == engine.LineLobby && m.selling() {
		l.phase, l.lobby, l.root = engine.LineClosed, len(l.entries), line.Root(m.leaves())
	}
	if l.phase == engine.LineDrawing && !m.Closed() && !l.worked {
		m.drawSome()
	}
	if l.worked || !m.serving() {
		return
	}
	for room := m.roomInLine(); room > 0; {
		e := m.next()
		if e == nil {
			return
		}
		if !e.back {
			l.served[e.track] = max(l.served[e.track], e.place)
		}
		l.turns++
		e.turn, e.back, e.granted = l.turns, false, m.lineTime()
		if e.absent {
			e.state, e.deadline = engine.PlaceSkipped, max(e.granted+m.spec.Line.GraceMs*1e6, m.lastUntil(engine.PlaceSkipped))
			continue
		}
		room--
		e.deadline = max(e.granted+m.spec.Line.PassTTLMs*1e6, m.lastUntil(engine.PlaceAdmitted))
		e.state = engine.PlaceAdmitted
		if e.picked = m.liveHold(e.buyer) != nil; e.picked {
			e.units = uint32(m.liveHold(e.buyer).units())
			l.shopping.HoldMade(e.granted, e.units)
		}
		e.holding, e.browsing, e.held = e.picked, !e.picked, e.granted
		e.shown = map[string][]engine.LotSpec{}
		for _, lot := range m.lots {
			e.shown[lot.spec.Lot] = []engine.LotSpec{lot.spec}
		}
		l.granted[e.track]++
		if e.browsing {
			l.shopping.Granted(e.granted)
		}
		if room == 0 {
			room = m.roomInLine()
		}
	}
}

// lastUntil is the latest deadline of those in a state.
func (m *Model) lastUntil(state engine.PlaceState) int64 {
	last := int64(0)
	for _, e := range m.line.entries {
		if e.state == state {
			last = max(last, e.deadline)
		}
	}
	return last
}

// showPrice notes what a lot costs from now on for those whom a pass was granted.
func (m *Model) showPrice(l *modelLot) {
	for _, e := range m.line.entries {
		if e.shown != nil {
			e.shown[l.spec.Lot] = append(e.shown[l.spec.Lot], l.spec)
		}
	}
}

// keepPromise gives items the prices that their buyer was shown with a pass that is good and that come to the least, with a code if there is one.
func (m *Model) keepPromise(buyer string, c *modelCode, items []engine.ItemView) {
	e := m.entry(buyer)
	if e == nil || e.state != engine.PlaceAdmitted || e.deadline <= m.lineTime() {
		return
	}
	for i := range items {
		least, shown, which := int64(math.MaxInt64), e.shown[items[i].Lot], 0
		for n, s := range shown {
			at := items[i]
			at.FaceMinor, at.TaxMinor, at.Fees = s.FaceMinor, s.TaxMinor, slices.Clone(s.Fees)
			paid := []engine.ItemView{at}
			if m.discount(c, paid); price(&paid[0]) <= least {
				items[i], least, which = at, price(&paid[0]), n
			}
		}
		if which > 0 && which < len(shown)-1 {
			m.Least++
		}
	}
}

// considerPass adds that a buyer has no pass where one is needed. It reports whether one is.
func (m *Model) considerPass(buyer string) bool {
	if !m.line.there || m.lineMode() != engine.LineModeLine {
		return false
	}
	e := m.entry(buyer)
	switch {
	case e != nil && e.state == engine.PlaceAdmitted && e.deadline > m.lineTime():
		return false
	case e != nil && (e.state == engine.PlaceAdmitted || e.state == engine.PlaceLapsed):
		m.refusals.add(engine.CodePassExpired, "buyer")
	default:
		m.refusals.add(engine.CodePassRequired, "buyer")
	}
	return true
}

// expireLine ends passes and times of grace that are over.
func (m *Model) expireLine() {
	if m.Closed() {
		return
	}
	for _, state := range []engine.PlaceState{engine.PlaceAdmitted, engine.PlaceSkipped} {
		var due []*modelEntry
		for _, e := range m.line.entries {
			if e.state == state && e.deadline <= m.lineTime() {
				due = append(due, e)
			}
		}
		slices.SortFunc(due, func(a, b *modelEntry) int { return a.turn - b.turn })
		for _, e := range due {
			if state == engine.PlaceAdmitted {
				m.endPlace(e, engine.PlaceLapsed)
			} else {
				m.endPlace(e, engine.PlaceGone)
			}
		}
	}
}

// lineDeadline is when the line wants an Expire, false if never. That it wants to look again at those who shop is no deadline: it may do so at any time.
func (m *Model) lineDeadline() (at engine.Instant, ok bool) {
	if m.Closed() {
		return 0, false
	}
	waiting := false
	for _, e := range m.line.entries {
		waiting = waiting || e.state == engine.PlaceWaiting
		if (e.state == engine.PlaceAdmitted || e.state == engine.PlaceSkipped) && (m.line.stopped == nil || e.deadline <= m.lineTime()) {
			if due := engine.Instant(e.deadline + m.line.stood + m.down); !ok || due < at {
				at, ok = due, true
			}
		}
	}
	if fresh, quiet := m.line.shopping.Count(); !ok && waiting && m.serving() && fresh+quiet > 0 {
		return 1<<63 - 1, true
	}
	return at, ok
}
