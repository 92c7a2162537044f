package engine

import (
	"encoding/binary"
	"math"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// appendLineState appends the line to a snapshot, since version 5: | 0 | if there is none, or
//
//	| 1 + phase | 1 commit 2 seed 4 stood 8 stands | commit | seed | its clock: how long it stood still | since when it does | lane's rate | shopping, patience, fairness: see engine/line | began to be served | a track: granted, served |
//	| closed: entries, root | value | drawing: work done |
//	| n | n entries: buyer, place (0 where it is its number or not drawn), joined, state, track, wants, flags |
//	| n | n passes, by deadline: entry, granted, deadline, held, prices, units, flags | n | those skipped, the same | n | passes that ended before their buyers' holds, by entry |
//
// Who waits in which order follows from the places, and the tree of a lobby from its entries.
func (e *Event) appendLineState(dst []byte, buyers []uint32) []byte {
	l := e.line
	if l == nil {
		return append(dst, 0)
	}
	how := byte(0)
	if l.committed {
		how |= keptCommit
	}
	if l.seed != (line.Seed{}) {
		how |= keptSeed
	}
	if l.clock.stood != 0 {
		how |= keptStood
	}
	if l.clock.stands {
		how |= keptStands
	}
	dst = append(dst, 1+byte(l.phase), how)
	if l.committed {
		dst = append(dst, l.commit[:]...)
	}
	if how&keptSeed != 0 {
		dst = append(dst, l.seed[:]...)
	}
	if how&keptStood != 0 {
		dst = binary.AppendVarint(dst, int64(l.clock.stood))
	}
	if how&keptStands != 0 {
		dst = binary.AppendUvarint(dst, uint64(l.clock.stopped))
	}
	dst = l.fair.Append(l.patience.Append(l.shopping.Append(binary.AppendUvarint(dst, uint64(l.perMin)))))
	dst = binary.AppendUvarint(dst, uint64(l.began))
	for t := range e.trackCount() {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, l.tracks[t].granted), uint64(l.tracks[t].served))
	}
	if l.phase >= LineClosed {
		dst = append(binary.AppendUvarint(dst, uint64(l.entries)), l.root[:]...)
	}
	dst = appendString(dst, l.value)
	if l.phase == LineDrawing {
		dst = binary.AppendUvarint(dst, l.draw.done)
	}
	dst = binary.AppendUvarint(dst, uint64(l.rows.rows))
	for slot := range l.rows.rows {
		r := l.rows.at(slot)
		dst = binary.AppendUvarint(dst, uint64(buyers[r.buyer]))
		place := r.place
		if l.follows(slot) {
			place = 0
		}
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(place)), uint64(r.joined))
		dst = append(dst, byte(r.state), r.track, r.wants, r.flags&^rowChained)
	}
	return e.appendTurns(dst)
}

// appendTurns appends those whose turn has come.
func (e *Event) appendTurns(dst []byte) []byte {
	l := e.line
	var kept []byte
	n := 0
	for slot := range l.rows.rows {
		if r := l.rows.at(slot); l.hasTurn(r) && !r.state.live() {
			kept = appendTurn(kept, l.turns.at(r.prev-1))
			n++
		}
	}
	for _, c := range [...]*chain{&l.passes, &l.skipped} {
		dst = binary.AppendUvarint(dst, uint64(c.n))
		for at := c.first; at != 0; at = l.turns.at(at - 1).next {
			dst = appendTurn(dst, l.turns.at(at-1))
		}
	}
	return append(binary.AppendUvarint(dst, uint64(n)), kept...)
}

func appendTurn(dst []byte, t *turnRow) []byte {
	for _, v := range [...]uint64{uint64(t.entry) + 1, uint64(t.granted), uint64(t.deadline), uint64(t.held), uint64(t.prices), uint64(t.units)} {
		dst = binary.AppendUvarint(dst, v)
	}
	return append(dst, t.flags)
}

// openTurns reads what appendTurns wrote.
func (e *Event) openTurns(d *decoder) {
	l := e.line
	for i, c := range [...]*chain{&l.passes, &l.skipped, nil} {
		last := Instant(0)
		for range d.count(int(l.rows.rows), 7) { //nolint:mnd // bytes that a turn takes at least
			entry := d.entry()
			t := turnRow{granted: Instant(d.uint(uint64(instantMax))), deadline: Instant(d.uint(uint64(instantMax) + 1<<56)), held: Instant(d.uint(uint64(instantMax)))}
			t.entry, t.prices, t.units, t.flags = uint32(entry)-1, uint32(d.uint(uint64(len(e.prices)))), uint32(d.uint(math.MaxUint32)), d.byte()
			if d.what != "" || entry == 0 || uint32(entry) > l.rows.rows || t.flags >= turnFlagsEnd || t.deadline < last && c != nil {
				d.fail("a turn of nobody, or out of order")
				return
			}
			r := l.rows.at(t.entry)
			if l.hasTurn(r) || !e.fitsTurn(r, &t, i) {
				d.fail("a turn that its entry cannot have")
				return
			}
			last = t.deadline
			turn := l.turns.alloc()
			*l.turns.at(turn) = t
			r.prev = turn + 1
			if c != nil {
				chainPush(c, &l.turns, turn)
			}
			if i == 0 && t.flags&turnHolding != 0 {
				l.holding++
			}
			e.rows += l.turnHash(t.entry)
		}
	}
	if l.passes.n != l.counts[PlaceAdmitted] || l.skipped.n != l.counts[PlaceSkipped] {
		d.fail("an entry whose turn has come, and that has none")
	}
}

// fitsTurn reports whether an entry can have a turn that is a pass, a time of grace, or a pass that has ended before its buyer's hold.
func (e *Event) fitsTurn(r *lineRow, t *turnRow, which int) bool {
	holding := e.buyers.at(r.buyer).hold != 0
	if which == 1 {
		return r.state == PlaceSkipped && t.held == 0 && t.prices == 0 && t.units == 0 && t.flags == 0
	}
	if (t.flags&turnHolding != 0) != holding || (t.units != 0) != holding || holding && t.flags&turnPicked == 0 || t.flags&turnPicked != 0 && t.flags&turnBrowsing != 0 || (t.held != 0) != (t.flags&turnPicked != 0) {
		return false
	}
	if which == 0 {
		return r.state == PlaceAdmitted && (t.flags&turnPicked != 0 || (t.flags&turnBrowsing == 0) == (r.flags&rowAbsent != 0))
	}
	return holding && r.state > PlaceAdmitted && e.line.newest.get(r.buyer) == t.entry+1
}

const (
	keptCommit = 1 << iota
	keptSeed
	keptStood
	keptStands
	keptLineEnd
)

// follows reports whether the place of an entry is its number: it came after the lobby, or there was none.
func (l *eventLine) follows(slot uint32) bool { return l.phase >= LineClosed && slot >= l.entries }

// openLine reads what appendLineState wrote.
func (e *Event) openLine(d *decoder) {
	phase := d.byte()
	if phase == 0 || d.what != "" {
		return
	}
	l := e.lineHere()
	l.phase = LinePhase(phase - 1)
	how := d.byte()
	if l.phase >= linePhasesEnd || how >= keptLineEnd {
		d.fail("a line in no phase")
		return
	}
	if l.committed = how&keptCommit != 0; l.committed {
		d.hash((*[32]byte)(&l.commit))
	}
	if how&keptSeed != 0 {
		d.hash((*[32]byte)(&l.seed))
	}
	l.clock = lineClock{stands: how&keptStands != 0}
	if how&keptStood != 0 {
		l.clock.stood = Instant(d.signed())
	}
	if l.clock.stands {
		l.clock.stopped = Instant(d.uint(uint64(e.lastAt)))
	}
	if l.clock.stood == 0 && how&keptStood != 0 || l.clock.stood > e.lastAt || l.clock.stood < -e.lastAt || l.clock.stands && l.clock.stopped < l.clock.stood {
		d.fail("a line's clock that no clock can be")
	}
	l.perMin = int64(d.uint(LimitMax))
	if shopping, rest, err := line.OpenShopping(d.buf); err == nil {
		l.shopping, d.buf = shopping, rest
	} else {
		d.fail("shoppers who behave as nobody can")
	}
	if patience, rest, err := line.OpenPatience(d.buf); err == nil {
		l.patience, d.buf = patience, rest
	} else {
		d.fail("waiters who behave as nobody can")
	}
	if fair, rest, err := line.OpenFairness(d.buf); err == nil {
		l.fair, d.buf = fair, rest
	} else {
		d.fail("a line as fair as none can be")
	}
	l.began = Instant(d.uint(uint64(e.lastAt)))
	for t := range e.trackCount() {
		l.tracks[t].granted, l.tracks[t].served = d.uint(math.MaxUint32), line.Place(d.uint(math.MaxUint32))
	}
	if l.phase >= LineClosed {
		l.entries = uint32(d.uint(uint64(e.limits.Line)))
		d.hash((*[32]byte)(&l.root))
	}
	l.value = d.text(DrawValueLenMax)
	done := uint64(0)
	if l.phase == LineDrawing {
		done = d.uint(1 << 40) //nolint:mnd // more than there can be to do
	}
	e.openEntries(d)
	if d.what != "" {
		return
	}
	if e.openTurns(d); d.what != "" {
		return
	}
	if l.entries > l.rows.rows || e.line.phase == LineNone && l.rows.rows > 0 {
		d.fail("a line with fewer entries than its lobby, or with some and no phase")
		return
	}
	for slot := range l.lobbyLen() {
		if l.phase == LineLobby {
			l.tree.Append(e.leaf(slot))
		}
	}
	e.openOrder(d, done)
}

// openEntries reads the entries of a line.
func (e *Event) openEntries(d *decoder) {
	l := e.line
	for range d.count(e.limits.Line, 7) { //nolint:mnd // bytes that an entry takes at least
		r := lineRow{buyer: uint32(d.uint(math.MaxUint32)), place: line.Place(d.uint(math.MaxUint32)), joined: uint32(d.uint(math.MaxUint32))}
		r.state, r.track, r.wants, r.flags = PlaceState(d.byte()), d.byte(), d.byte(), d.byte()
		switch {
		case d.what != "" || r.buyer >= e.buyers.rows || r.flags&rowChained != 0 || r.joined > e.age():
			d.fail("an entry of nobody, or of later")
		case r.state < PlaceWaiting || r.state >= placeStatesEnd || int(r.track) >= e.trackCount() || r.wants > WantsMax:
			d.fail("an entry in no state, or of no track")
		case r.flags&rowAbsent != 0 && !r.state.live(), r.state == PlaceSkipped && r.flags&rowAbsent == 0, r.flags&rowReturned != 0 && r.state != PlaceWaiting, r.flags&rowOneClick != 0 && r.state < PlaceAdmitted:
			d.fail("an entry that is absent or back where it cannot be")
		}
		if d.what != "" {
			return
		}
		if newest := l.newest.get(r.buyer); newest != 0 {
			before := l.rows.at(newest - 1)
			if before.state.live() || r.joinsBefore() != before.joinsBefore()+1 {
				d.fail("a buyer with two places")
				return
			}
		} else if r.joinsBefore() != 0 {
			d.fail("a buyer who has joined before, and has not")
			return
		}
		slot := l.rows.alloc()
		if l.follows(slot) {
			if r.place != 0 {
				d.fail("a place that need not be said")
				return
			}
			r.place = line.Place(slot + 1)
		}
		*l.rows.at(slot) = r
		l.newest.set(r.buyer, slot+1)
		e.addEntry(slot)
	}
}

// openOrder puts those who wait in order of their places, and takes up a draw where it was.
func (e *Event) openOrder(d *decoder, done uint64) {
	l := e.line
	switch l.phase {
	case LineDrawing:
		if e.beginDraw(); done > e.drawEnd() || l.phase != LineDrawing {
			d.fail("a draw that has come too far")
			return
		}
	case LineServing:
	case LineNone, LineLobby, LineClosed, linePhasesEnd:
		for slot := range min(l.rows.rows, l.lobbyLen()) {
			if l.rows.at(slot).place != 0 {
				d.fail("a place before the draw")
				return
			}
		}
		return
	}
	order := make([]uint32, l.entries) // slot + 1 by place - 1
	placed := uint32(0)
	for slot := range l.entries {
		place := l.rows.at(slot).place
		if place == 0 {
			continue
		}
		if uint32(place) > l.entries || order[place-1] != 0 {
			d.fail("two entries with the same place, or one beyond the last")
			return
		}
		order[place-1] = slot + 1
		placed++
	}
	if l.phase == LineDrawing {
		e.resumeDraw(d, done, placed)
	} else if placed != l.entries {
		d.fail("an entry without a place")
	}
	if d.what != "" {
		return
	}
	for _, at := range order[:placed] {
		if at == 0 {
			d.fail("a place that nobody has")
			return
		}
		e.rewait(at - 1)
	}
	later := l.rows.rows
	if l.phase == LineDrawing {
		later = l.entries + uint32(max(done, l.sortedEnd())-l.sortedEnd())
	}
	for slot := l.entries; slot < later; slot++ {
		e.rewait(slot)
	}
}

// rewait puts an entry that waits for its turn in its place.
func (e *Event) rewait(slot uint32) {
	l := e.line
	if r := l.rows.at(slot); r.state == PlaceWaiting && r.flags&rowReturned != 0 {
		l.returned.push(&l.rows, slot)
	} else if r.state == PlaceWaiting {
		l.wait(slot)
	}
}

// lobbyLen is how many entries the lobby has, whether it is closed or not.
func (l *eventLine) lobbyLen() uint32 {
	if l.phase < LineClosed {
		return l.rows.rows
	}
	return l.entries
}

// sortedEnd is the work of a draw up to where all entries of the lobby have places.
func (l *eventLine) sortedEnd() uint64 { return uint64(l.entries) + uint64(len(l.draw.heads)) }

// resumeDraw makes the keys again that a draw had made, and checks that as many entries have places as it has placed.
func (e *Event) resumeDraw(d *decoder, done uint64, placed uint32) {
	l := e.line
	draw := &l.draw
	for draw.done = 0; draw.done < min(done, uint64(l.entries)); draw.done++ {
		slot := uint32(draw.done)
		e.putKey(slot)
	}
	count := uint32(0)
	for bucket := range uint64(len(draw.heads)) {
		if done <= uint64(l.entries)+bucket {
			break
		}
		for at := draw.heads[bucket]; at != 0; {
			r := l.rows.at(at - 1)
			if r.place == 0 {
				d.fail("an entry without the place that was drawn")
				return
			}
			count++
			at, r.next = r.next, 0
		}
		draw.heads[bucket] = 0
	}
	if count != placed {
		d.fail("an entry with a place that was not drawn")
		return
	}
	draw.done, draw.placed = done, placed
}

// lineHash is what the line adds to the state hash beside its entries: nothing where there is none.
func (e *Event) lineHash() uint64 {
	l := e.line
	if l == nil {
		return 0
	}
	h := hasher(hashK0 ^ e.seed)
	h.pair(uint64(l.phase)|uint64(l.entries)<<32, uint64(l.rows.rows))
	for t := range e.trackCount() {
		h.pair(l.tracks[t].granted, uint64(l.tracks[t].served))
	}
	e.work.bytes = l.fair.Append(l.patience.Append(l.shopping.Append(e.work.bytes[:0])))
	h.string(view(e.work.bytes))
	h.word(uint64(l.began))
	h.bool(l.committed)
	h.string(view(l.commit[:]))
	h.string(view(l.seed[:]))
	h.string(view(l.root[:]))
	h.string(l.value)
	h.pair(uint64(l.perMin), l.draw.done)
	if l.clock != (lineClock{}) {
		h.pair(uint64(l.clock.stood), uint64(l.clock.stopped))
		h.bool(l.clock.stands)
	}
	for _, p := range l.tree.Peaks() {
		h.string(view(p[:]))
	}
	return uint64(h)
}
