package engine

import (
	"encoding/binary"
	"strings"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// Who is served, and in which order. A pass is the right to shop; as many are granted as engine/line's Shoppers finds room for. Next are those who were skipped
// and came back, by place; then of the track that is the furthest behind its share its first. Whoever is absent when the turn comes is skipped, and blocks nobody.

// turnRow is what somebody has whose turn has come: a pass, or the time of grace of who was skipped.
type turnRow struct {
	granted  Instant // line time from which on its buyer has looked around
	deadline Instant // line time
	held     Instant // line time at which the pass's buyer got the hold that is live
	entry    uint32  // slot of the entry
	prices   uint32  // how many price versions there were when the pass was granted
	units    uint32  // of the hold that is live, as it was first
	chained
	flags uint8
}

// lifeMs is how long it lasts from then on.
func (t *turnRow) lifeMs() uint64 { return uint64(max(t.deadline-t.granted, 0)) / 1e6 }

const (
	turnPicked   = 1 << iota // the buyer has had a hold with it
	turnHolding              // and has one now
	turnBrowsing             // the buyer is there and has had none yet
	turnFlagsEnd             // above all that there are
)

// factGranted says that an entry got a pass, which lives so long.
//
//	| 69 | entry | life, ns |
type factGranted struct {
	entry line.Entry
	life  int64
}

func (f *factGranted) append(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(append(dst, byte(kindGranted)), uint64(f.entry)), uint64(f.life))
}

// factPassEnded says that a pass ran out before its buyer had ordered. That a pass was spent is in the fact of the order.
//
//	| 70 | entry |
type factPassEnded struct{ entry line.Entry }

func (f *factPassEnded) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindPassEnded)), uint64(f.entry))
}

// factSkipped says that the turn of an entry came while its buyer was absent, who has so long to come back and be next, or with 0 that this time is over.
//
//	| 71 | entry | grace, ns |
type factSkipped struct {
	entry line.Entry
	grace int64
}

func (f *factSkipped) append(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(append(dst, byte(kindSkipped)), uint64(f.entry)), uint64(f.grace))
}

// serves reports whether the line serves anybody now.
func (e *Event) serves() bool {
	return e.line != nil && e.line.phase == LineServing && e.lineMode() == LineModeLine && e.state == EventOnSale
}

// firstReturned returns the slot of the first of those who were skipped and are back.
func (l *eventLine) firstReturned() (slot uint32, ok bool) {
	for l.returned.n > 0 {
		slot := l.returned.first()
		if r := l.rows.at(slot); r.state == PlaceWaiting && r.flags&rowReturned != 0 {
			return slot, true
		}
		l.returned.pop(&l.rows) // it was left since
	}
	return 0, false
}

// next returns the slot of the entry whose turn is next.
func (e *Event) next() (slot uint32, ok bool) {
	l := e.line
	if slot, ok := l.firstReturned(); ok {
		return slot, true
	}
	var tracks [TracksMax]line.Track
	n := e.trackCount()
	for t := range n {
		tracks[t] = line.Track{ShareBp: uint64(e.shareOf(t)), Granted: l.tracks[t].granted, Waiting: uint64(l.tracks[t].waiting.n)}
	}
	track, ok := line.NextTrack(tracks[:n])
	if !ok {
		return 0, false
	}
	slot = l.tracks[track].waiting.first - 1
	if second := l.rows.at(slot).next; plantedBug(plantedSwapWaiters) && second != 0 {
		slot = second - 1
	}
	return slot, true
}

// shareOf is the share of a track, in hundredths of a percent.
func (e *Event) shareOf(track int) int64 {
	if s := e.spec.Line; s != nil && track < len(s.Tracks) {
		return s.Tracks[track].ShareBp
	}
	return sharesAll
}

// admits reports whether somebody is to be admitted or skipped now.
func (e *Event) admits() bool {
	if !e.serves() {
		return false
	}
	_, any := e.next()
	return any && e.mayAdmit() > 0
}

// admitWaiting admits those whose turn is next, as many as there is room for and the step may still do.
func (e *Event) admitWaiting() {
	if !e.serves() {
		return
	}
	slot, any := e.next()
	if !any {
		return
	}
	e.line.looked = e.lineTime()
	for room := e.mayAdmit(); room > 0 && any && e.followUps > 0; e.followUps-- {
		if e.line.rows.at(slot).flags&rowAbsent != 0 {
			e.emitSkipped(slot, max(Instant(e.spec.Line.GraceMs)*1e6, e.line.lastDeadline(&e.line.skipped)-e.lineTime()))
		} else {
			e.emitGranted(slot)
			if room--; room == 0 { // what was promised to these may leave something for one more
				room = e.mayAdmit()
			}
		}
		slot, any = e.next()
	}
}

func (e *Event) emitGranted(slot uint32) {
	f := factGranted{
		entry: line.Entry(slot + 1),
		// No pass runs out before one that was granted earlier, not even if passes have become shorter since: so they run out in the order of their grants.
		life: int64(max(Instant(e.spec.Line.PassTTLMs)*1e6, e.line.lastDeadline(&e.line.passes)-e.lineTime())),
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyGranted(&f)
	e.tellPlace(slot)
}

func (e *Event) applyGranted(f *factGranted) {
	l := e.line
	slot := uint32(f.entry - 1)
	r := l.rows.at(slot)
	e.fairServed(r)
	e.takeTurn(slot)
	turn := e.turnOf(slot)
	t := l.turns.at(turn)
	now := e.lineTime()
	*t = turnRow{granted: now, deadline: now + Instant(f.life), entry: slot, prices: uint32(len(e.prices))}
	chainPush(&l.passes, &l.turns, turn)
	if hold := e.buyers.at(r.buyer).hold; hold != 0 {
		t.held, t.flags = now, turnPicked|turnHolding
		t.units = holdUnits(e.unitsIn(&e.holds.at(hold - 1).basket))
		l.shopping.HoldMade(int64(now), t.units)
		l.holding++
	} else {
		t.flags = turnBrowsing
		l.shopping.Granted(int64(now))
	}
	l.told++
	l.tracks[r.track].granted++
	e.setState(slot, PlaceAdmitted, 0, rowReturned)
	e.rows += l.turnHash(slot)
}

func (e *Event) emitSkipped(slot uint32, grace Instant) {
	f := factSkipped{entry: line.Entry(slot + 1), grace: int64(grace)}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applySkipped(&f)
	e.tellPlace(slot)
}

func (e *Event) applySkipped(f *factSkipped) {
	l := e.line
	slot := uint32(f.entry - 1)
	if f.grace == 0 {
		l.fair.NoShow(l.rows.at(slot).track)
		e.endPlace(slot, PlaceGone)
		return
	}
	e.takeTurn(slot)
	turn := e.turnOf(slot)
	now := e.lineTime()
	*l.turns.at(turn) = turnRow{granted: now, deadline: now + Instant(f.grace), entry: slot}
	chainPush(&l.skipped, &l.turns, turn)
	e.setState(slot, PlaceSkipped, 0, rowReturned)
	e.rows += l.turnHash(slot)
}

// takeTurn takes an entry out of those who wait: its turn has come.
func (e *Event) takeTurn(slot uint32) {
	l := e.line
	e.fairTurn(slot)
	r := l.rows.at(slot)
	if r.flags&rowReturned == 0 {
		t := &l.tracks[r.track]
		t.served = max(t.served, r.place)
	} else if l.returned.n > 0 && l.returned.first() == slot {
		l.returned.pop(&l.rows)
	}
	l.unwait(slot)
	r.prev = l.turns.alloc() + 1
}

// turnOf is the slot of the turn that an entry has.
func (e *Event) turnOf(slot uint32) uint32 { return e.line.rows.at(slot).prev - 1 }

// hasTurn reports whether an entry has one.
func (l *eventLine) hasTurn(r *lineRow) bool {
	return r.flags&rowChained == 0 && r.state >= PlaceSkipped && r.prev != 0
}

// lastDeadline is the latest deadline of a chain of turns, 0 if there is none.
func (l *eventLine) lastDeadline(c *chain) Instant {
	if c.last == 0 {
		return 0
	}
	return l.turns.at(c.last - 1).deadline
}

// endTurn ends the turn of an entry, if it has one: its pass, or its time of grace. Of a pass whose buyer has a hold the row stays until that has ended.
func (e *Event) endTurn(slot uint32) {
	l := e.line
	r := l.rows.at(slot)
	if !l.hasTurn(r) {
		return
	}
	e.rows -= l.turnHash(slot)
	turn := r.prev - 1
	t := l.turns.at(turn)
	switch r.state { //nolint:exhaustive // the others have no turn that is in a chain
	case PlaceAdmitted:
		chainRemove(&l.passes, &l.turns, turn)
		if t.flags&turnBrowsing != 0 {
			l.shopping.Stopped(int64(t.granted), int64(e.lineTime()))
			l.told++
		}
		if t.flags&turnHolding != 0 {
			l.holding--
			t.flags &^= turnBrowsing
			e.rows += l.turnHash(slot)
			return
		}
	case PlaceSkipped:
		chainRemove(&l.skipped, &l.turns, turn)
	}
	l.turns.release(turn)
	r.prev = 0
}

// dropTurn forgets the turn that an entry still has whose pass has ended: its buyer joins again, and nobody follows the hold that was made with it any more.
func (e *Event) dropTurn(slot uint32) {
	l := e.line
	if r := l.rows.at(slot); l.hasTurn(r) {
		t := l.turns.at(r.prev - 1)
		l.shopping.HoldEnded(int64(t.held), int64(e.lineTime()), t.units, false)
		e.fairPass(r, false)
		l.told++
		e.rows -= l.turnHash(slot)
		l.turns.release(r.prev - 1)
		r.prev = 0
	}
}

// browses notes that the buyer of a pass looks around, or is not there.
func (e *Event) browses(slot uint32, present bool) {
	l := e.line
	t := l.turns.at(e.turnOf(slot))
	if t.flags&turnPicked != 0 || present == (t.flags&turnBrowsing != 0) {
		return
	}
	e.rows -= l.turnHash(slot)
	l.told++
	if t.flags ^= turnBrowsing; present {
		l.shopping.Returned(int64(t.granted), int64(e.lineTime()))
	} else {
		l.shopping.Stopped(int64(t.granted), int64(e.lineTime()))
	}
	e.rows += l.turnHash(slot)
}

// passHeld notes that a buyer got a hold, in place of another one or not.
func (e *Event) passHeld(buyer uint32, replaced bool, units int64) {
	at := e.line.newest.get(buyer)
	if at == 0 {
		return
	}
	l := e.line
	r := l.rows.at(at - 1)
	if r.state != PlaceAdmitted || replaced {
		return
	}
	e.rows -= l.turnHash(at - 1)
	t := l.turns.at(r.prev - 1)
	t.held, t.units = e.lineTime(), holdUnits(units)
	if t.flags&turnBrowsing != 0 {
		l.shopping.Picked(int64(t.granted), int64(t.held), t.units)
	} else {
		l.shopping.HoldMade(int64(t.held), t.units)
	}
	l.told++
	t.flags = turnPicked | turnHolding
	l.holding++
	e.rows += l.turnHash(at - 1)
}

// passWished notes that a buyer waits for tickets, who may have had none with a pass yet.
func (e *Event) passWished(buyer uint32, units int64) {
	at := e.entryOf(buyer + 1)
	if at == 0 || e.line.rows.at(at-1).state != PlaceAdmitted {
		return
	}
	l := e.line
	t := l.turns.at(e.turnOf(at - 1))
	if t.flags&turnBrowsing == 0 {
		return
	}
	e.rows -= l.turnHash(at - 1)
	t.held, t.flags = e.lineTime(), turnPicked
	l.shopping.Wished(int64(t.granted), int64(t.held), holdUnits(units))
	l.told++
	e.rows += l.turnHash(at - 1)
}

// passHoldEnded notes that the hold of a buyer has become an order, or has come back.
func (e *Event) passHoldEnded(buyer uint32, sold bool) {
	at := e.line.newest.get(buyer)
	if at == 0 {
		return
	}
	l := e.line
	r := l.rows.at(at - 1)
	if !l.hasTurn(r) || l.turns.at(r.prev-1).flags&turnHolding == 0 {
		return
	}
	t := l.turns.at(r.prev - 1)
	l.told++
	l.shopping.HoldEnded(int64(t.held), int64(e.lineTime()), t.units, sold)
	e.rows -= l.turnHash(at - 1)
	t.flags, t.units = t.flags&^turnHolding, 0
	if r.state == PlaceAdmitted {
		l.holding--
		if !sold && e.state == EventPaused { // what was held is gone before anybody could take something else: its buyer has yet to choose
			t.granted, t.held, t.flags = e.lineTime(), 0, 0
			if r.flags&rowAbsent == 0 {
				t.flags = turnBrowsing
				l.shopping.Granted(int64(t.granted))
			}
		}
		e.rows += l.turnHash(at - 1)
	} else {
		e.fairPass(r, sold)
		l.turns.release(r.prev - 1)
		r.prev = 0
	}
	if sold && (r.state == PlaceAdmitted || r.state == PlaceLapsed) {
		e.endPlace(at-1, PlaceSpent)
	}
}

// passPaidLate notes that a hold of a buyer whose pass has run out was paid late: the order is the pass's after all. An expired hold does not say with which pass it was
// made, so whoever bought without one meanwhile is taken for it.
func (e *Event) passPaidLate(buyer uint32) {
	at := e.line.newest.get(buyer)
	if at == 0 || e.line.rows.at(at-1).state != PlaceLapsed {
		return
	}
	r := e.line.rows.at(at - 1)
	e.line.fair.Ordered(r.track, r.place, r.flow())
	e.endPlace(at-1, PlaceSpent)
}

// dueLine does what time asks of the line: passes that run out go on to others, and the grace of those who were skipped ends. It does at most so many.
func (e *Event) dueLine(most int) {
	if e.line == nil || e.lineOver() {
		return
	}
	l := e.line
	for ; most > 0 && e.turnsOver(&l.passes); most-- {
		slot := l.turns.at(l.passes.first - 1).entry
		f := factPassEnded{entry: line.Entry(slot + 1)}
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
		e.applyPassEnded(&f)
		e.tellPlace(slot)
	}
	for ; most > 0 && e.turnsOver(&l.skipped); most-- {
		e.emitSkipped(l.turns.at(l.skipped.first-1).entry, 0)
	}
}

func (e *Event) applyPassEnded(f *factPassEnded) { e.endPlace(uint32(f.entry-1), PlaceLapsed) }

// nextInLine is the event time at which the line wants something; false if never.
func (e *Event) nextInLine() (at Instant, ok bool) {
	if e.line == nil || e.lineOver() {
		return 0, false
	}
	l := e.line
	for _, c := range [...]*chain{&l.passes, &l.skipped} {
		if c.first == 0 || l.clock.stands && !e.turnsOver(c) {
			continue
		}
		if deadline := l.turns.at(c.first-1).deadline + l.clock.stood; !ok || deadline < at {
			at, ok = deadline, true
		}
	}
	if fresh, quiet := l.shopping.Count(); !e.serves() || fresh+quiet == 0 || l.counts[PlaceWaiting] == 0 {
		return at, ok
	}
	looked := max(l.looked, e.lastAt-Instant(e.down)-l.clock.stood)
	if look := (looked/lookNs+1)*lookNs + l.clock.stood; !ok || look < at {
		at, ok = look, true
	}
	return at, ok
}

// tellPlace tells a buyer that something happened to their place.
func (e *Event) tellPlace(slot uint32) {
	r := e.line.rows.at(slot)
	change := PlaceChange{Entry: line.Entry(slot + 1), Place: r.place, Buyer: strings.Clone(e.buyerName(r.buyer)), State: r.state}
	if r.state == PlaceAdmitted || r.state == PlaceSkipped {
		change.Until = e.turnUntil(e.line.turns.at(r.prev - 1))
	}
	e.signals.Places = append(e.signals.Places, change)
}

// turnHash is the hash of the turn that an entry has.
func (l *eventLine) turnHash(slot uint32) uint64 {
	t := l.turns.at(l.rows.at(slot).prev - 1)
	h := hasher(hashK2)
	h.pair(uint64(slot), uint64(t.granted))
	h.pair(uint64(t.deadline), uint64(t.held))
	h.pair(uint64(t.prices)|uint64(t.units)<<32, uint64(t.flags))
	return uint64(h)
}
