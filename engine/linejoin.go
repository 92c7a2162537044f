package engine

import (
	"encoding/binary"
	"slices"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// factJoined says that a buyer has joined the line, in a track. In the lobby its leaf is appended to the tree; afterwards its place is its number.
//
//	| 61 | asked | buyer | entry | track, code follows * 128 | code? | wants |
type factJoined struct {
	asked
	buyer string
	entry line.Entry
	track uint8
	wants uint8
	code  uint32 // slot + 1; 0 is none

	// Found out before apply; not in the log.
	buyerHash uint64
	buyerRow  uint32 // slot + 1 if the buyer is known
}

func (f *factJoined) append(dst []byte) []byte {
	dst = appendString(f.asked.append(append(dst, byte(kindJoined))), f.buyer)
	dst = binary.AppendUvarint(dst, uint64(f.entry))
	if f.code != 0 {
		dst = binary.AppendUvarint(append(dst, f.track|joinedCode), uint64(f.code))
		return append(dst, f.wants)
	}
	return append(dst, f.track, f.wants)
}

func (d *decoder) joined(f *factJoined) {
	d.caller(&f.asked)
	f.buyer, f.entry, f.track, f.code = d.id(), d.entry(), d.byte(), 0
	if f.track&joinedCode != 0 {
		f.track &^= joinedCode
		if f.code = uint32(d.uint(CodesMax)); f.code == 0 {
			d.fail("somebody joins with a code that is none")
		}
	}
	f.wants = d.byte()
}

const joinedCode = 1 << 7

// factLeft says that a buyer has given up a place.
//
//	| 62 | asked | entry |
type factLeft struct {
	asked
	entry line.Entry
}

func (f *factLeft) append(dst []byte) []byte {
	return binary.AppendUvarint(f.asked.append(append(dst, byte(kindLeft))), uint64(f.entry))
}

// factPresence says that a buyer who waits is not there, or is back.
//
//	| 63 | asked | entry | present |
type factPresence struct {
	asked
	entry   line.Entry
	present bool
}

func (f *factPresence) append(dst []byte) []byte {
	dst = binary.AppendUvarint(f.asked.append(append(dst, byte(kindPresence))), uint64(f.entry))
	return appendBool(dst, f.present)
}

// entry reads the number of an entry.
func (d *decoder) entry() line.Entry { return line.Entry(d.uint(1<<32 - 1)) }

// validLine checks what commands of buyers about the line have in common.
func (e *Event) validLine(cmd *Command) bool {
	l := lineOf(cmd)
	switch {
	case !e.validRequest(cmd) || !e.validID("buyer", cmd.Buyer), l.Track != "" && !e.validID("track", l.Track):
		return false
	case l.Wants < 0:
		e.bad("wants", "it is 0 or more")
		return false
	case l.Wants > WantsMax:
		e.tooMany("wants", WantsMax)
		return false
	}
	return e.validCode(cmd)
}

// join gives a buyer a place in the line. Whoever has one keeps it.
func (e *Event) join(cmd *Command) {
	if !e.validLine(cmd) {
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	f := factJoined{buyer: cmd.Buyer}
	known, hash, buyer := e.knownToo(cmd, &f.asked)
	if known {
		return
	}
	f.buyerHash, f.buyerRow = hash, buyer
	if at := e.liveEntry(buyer); at != 0 && !e.lineOver() && !plantedBug(plantedBackOfTheLine) {
		e.settle()
		e.showPlace(at - 1)
		return
	}
	e.why.code = CodeOK
	track, ok := e.trackNamed(lineOf(cmd).Track)
	if !ok {
		e.because(refusal{code: CodeTrackUnknown, field: fieldTrack})
	}
	f.track, f.wants = track, uint8(lineOf(cmd).Wants)
	e.judgeJoin(cmd, buyer)
	e.judgeJoinCode(cmd, &f)
	if e.why.code != CodeOK {
		e.refuseAsked(cmd, &f.asked, e.why)
		return
	}
	if links := e.linksSaid(cmd); len(links) > 0 {
		f.buyerRow = e.linkTo(cmd.Buyer, hash, f.buyerRow, links)
	}
	f.entry = 1
	if e.line != nil {
		f.entry += line.Entry(e.line.rows.rows)
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	slot := e.applyJoined(&f)
	e.settle()
	e.showPlace(slot)
}

// judgeJoin adds the reasons why a buyer (slot + 1, or 0) who has no place gets none.
func (e *Event) judgeJoin(cmd *Command, buyer uint32) {
	switch phase := e.linePhase(); {
	case e.lineOver():
		e.because(refusal{code: CodeNotOnSale, field: fieldEvent, text: e.notOnSale()})
		return
	case e.lineMode() == LineModeOpen:
		text := noLineHere
		if e.state != EventOnSale {
			text = noLineLater
		}
		e.because(refusal{code: CodeLobbyClosed, field: fieldEvent, text: text})
		return
	case phase == LineNone:
		e.because(refusal{code: CodeLobbyClosed, field: fieldEvent})
		return
	}
	if e.line.rows.live() >= e.limits.Line {
		e.because(refusal{code: CodeTooMany, text: tooManyInLine, want: int64(e.limits.Line)})
	}
	if buyer == 0 && e.buyers.live() >= e.limits.Buyers {
		e.because(refusal{code: CodeTooMany, text: tooManyBuyers, want: int64(e.limits.Buyers)})
	}
	if at := e.entryOf(buyer); at != 0 && e.line.rows.at(at-1).joinsBefore()+1 >= joinsMax {
		e.because(refusal{code: CodeTooMany, field: fieldBuyer, text: tooManyJoins, want: joinsMax})
	}
	e.judgeLinkedPlace(cmd, buyer, e.liveEntry)
}

// judgeLinkedPlace adds that somebody has a place, in the line or on the waiting list, whom the buyer is linked to. live finds it by the buyer's slot + 1.
func (e *Event) judgeLinkedPlace(cmd *Command, buyer uint32, live func(buyer uint32) uint32) {
	links := e.linksSaid(cmd)
	clusters, size, brought, isNew := e.merge(buyer, links)
	if !isNew && len(clusters) == 0 {
		return
	}
	if size > LinkedBuyersMax || brought > LinksPerBuyerMax || len(links) > LinksPerBuyerMax {
		e.because(refusal{code: CodeTooManyLinks, field: fieldBuyer})
		e.signals.Alarms = append(e.signals.Alarms, Alarm{Why: AlarmLinks})
		return
	}
	for _, c := range clusters {
		for m := c + 1; m != 0; m = e.members.at(m - 1).next {
			if other := e.members.at(m-1).buyer + 1; other != buyer && live(other) != 0 {
				e.because(refusal{code: CodeAlreadyInLine, field: fieldBuyer})
				return
			}
		}
	}
}

// linksSaid are the links that a command says, in ascending order and each once.
func (e *Event) linksSaid(cmd *Command) []uint64 {
	if cmd.Payment == nil {
		return nil
	}
	e.work.links = append(e.work.links[:0], cmd.Payment.Note.Links...)
	slices.Sort(e.work.links)
	return slices.Compact(e.work.links)
}

// applyJoined adds an entry and returns its slot.
func (e *Event) applyJoined(f *factJoined) uint32 {
	l := e.line
	buyer := e.intern(f.buyer, f.buyerHash, f.buyerRow)
	joins := uint8(0)
	if at := l.newest.get(buyer); at != 0 {
		joins = l.rows.at(at-1).joinsBefore() + 1
		e.dropTurn(at - 1)
	}
	slot := l.rows.alloc()
	*l.rows.at(slot) = lineRow{buyer: buyer, joined: e.age(), state: PlaceWaiting, track: f.track, wants: f.wants, flags: joins * rowJoins}
	l.newest.set(buyer, slot+1)
	l.fair.Joined(f.track)
	if f.code != 0 {
		e.codes.entries.set(slot, f.code)
	}
	switch l.phase {
	case LineLobby:
		l.tree.Append(e.leaf(slot))
	case LineServing:
		l.rows.at(slot).place = line.Place(slot + 1)
		l.wait(slot)
		l.patience.Joined(int64(e.eventTime()), 1)
	case LineClosed, LineDrawing: // they are put behind the others when those have places
		l.rows.at(slot).place = line.Place(slot + 1)
	case LineNone, linePhasesEnd:
	}
	e.addEntry(slot)
	e.remember(&f.asked, VerbJoin, uint64(f.entry), 0)
	return slot
}

// addEntry adds an entry to the sums.
func (e *Event) addEntry(slot uint32) {
	e.line.counts[e.line.rows.at(slot).state]++
	if countsCode(e.line.rows.at(slot).state) {
		e.placeCode(slot, 1)
	}
	e.rows += e.entryHash(slot) + e.line.placeHash(slot)
}

// leave gives a place up.
func (e *Event) leave(cmd *Command) {
	if lineOf(cmd).List {
		e.leaveList(cmd)
		return
	}
	var f factLeft
	slot, ok := e.ownPlace(cmd, &f.asked)
	if !ok {
		return
	}
	f.entry = line.Entry(slot + 1)
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyLeft(&f, slot)
	e.settle()
	e.showPlace(slot)
}

func (e *Event) applyLeft(f *factLeft, slot uint32) {
	e.line.fair.Left(e.line.rows.at(slot).track)
	e.endPlace(slot, PlaceLeft)
	e.remember(&f.asked, VerbLeave, uint64(f.entry), 0)
}

// endPlace gives a live entry a final state.
func (e *Event) endPlace(slot uint32, as PlaceState) {
	e.line.unwait(slot)
	if r := e.line.rows.at(slot); r.state == PlaceAdmitted && e.line.turns.at(r.prev-1).flags&turnHolding == 0 { // otherwise its hold says
		e.fairPass(r, as == PlaceSpent)
	}
	e.endTurn(slot)
	e.setState(slot, as, 0, rowAbsent|rowReturned)
}

// presence notes that a buyer who waits is not there, or is back.
func (e *Event) presence(cmd *Command) {
	f := factPresence{present: cmd.Verb == VerbPresent}
	slot, ok := e.ownPlace(cmd, &f.asked)
	if !ok {
		return
	}
	r := e.line.rows.at(slot)
	if f.present && r.state == PlaceSkipped && e.line.turns.at(r.prev-1).deadline <= e.lineTime() {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeNotInLine, field: fieldBuyer, text: turnIsOver})
		return
	}
	if e.changesPresence(r, f.present) {
		f.entry = line.Entry(slot + 1)
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
		e.applyPresence(&f, slot)
	}
	e.settle()
	e.showPlace(slot)
}

// changesPresence reports whether it is news that the buyer of a live entry is there, or not.
func (e *Event) changesPresence(r *lineRow, present bool) bool {
	return r.state.live() && present == (r.flags&rowAbsent != 0)
}

func (e *Event) applyPresence(f *factPresence, slot uint32) {
	l := e.line
	r := l.rows.at(slot)
	verb, set, clear := VerbAbsent, uint8(rowAbsent), uint8(0)
	if f.present {
		verb, set, clear = VerbPresent, 0, rowAbsent
	}
	switch r.state { //nolint:exhaustive // of live entries
	case PlaceWaiting:
		e.setState(slot, PlaceWaiting, set, clear)
	case PlaceSkipped: // whose buyer is back: next as soon as there is room
		e.endTurn(slot)
		e.setState(slot, PlaceWaiting, rowReturned, clear)
		l.returned.push(&l.rows, slot)
	case PlaceAdmitted:
		e.setState(slot, PlaceAdmitted, set, clear)
		e.browses(slot, f.present)
	}
	e.remember(&f.asked, verb, uint64(f.entry), 0)
}

// ownPlace does what leave, absent and present have in common: it checks the command, looks up its request and finds the buyer's place.
func (e *Event) ownPlace(cmd *Command, a *asked) (slot uint32, ok bool) {
	if !e.validLine(cmd) {
		return 0, false
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return 0, false
	}
	known, _, buyer := e.knownToo(cmd, a)
	if known {
		return 0, false
	}
	at := e.liveEntry(buyer)
	if at == 0 || e.lineOver() {
		e.refuseAsked(cmd, a, refusal{code: CodeNotInLine, field: fieldBuyer, text: e.whyNoPlace(buyer)})
		return 0, false
	}
	return at - 1, true
}

// whyNoPlace says what became of the place that a buyer had.
func (e *Event) whyNoPlace(buyer uint32) sentence {
	at := e.entryOf(buyer)
	switch {
	case at == 0:
		return noSentence
	case e.lineOver():
		return lineIsOver
	}
	switch e.line.rows.at(at - 1).state {
	case PlaceSpent:
		return passWasSpent
	case PlaceLapsed:
		return passHasLapsed
	case PlaceGone:
		return turnIsOver
	case PlaceLeft:
		return placeWasLeft
	case PlaceWaiting, PlaceSkipped, PlaceAdmitted, placeStatesEnd, PlaceOver:
	}
	return noSentence
}

// place shows a buyer's place, and leaves of the lobby's entries to whoever asks for them.
func (e *Event) place(cmd *Command) {
	from, fairness, waiting := lineOf(cmd).EntriesFrom, lineOf(cmd).Fairness, lineOf(cmd).WaitingFrom
	if cmd.Buyer != "" && !e.validID("buyer", cmd.Buyer) {
		return
	}
	if cmd.Buyer == "" && from == 0 && !fairness && waiting == 0 {
		e.bad("buyer", "it is missing")
		return
	}
	switch {
	case e.state == 0:
		e.out.Code, e.out.Field = CodeEventUnknown, fieldNames[fieldEvent]
		return
	case cmd.Buyer != "":
		buyer := e.buyerNamed(cmd.Buyer, hashString(e.seed, cmd.Buyer))
		if at := e.waiterOf(buyer); at != 0 {
			if e.showWaiter(at - 1); e.out.Waiter.State == WaitOffered { // with what is held, so that its price is known before it is paid
				e.showLive(e.buyers.at(buyer-1).hold - 1)
			}
		}
		at := e.entryOf(buyer)
		if at == 0 && e.out.Shows&ShowsWaiter != 0 {
			break
		}
		if at == 0 {
			e.out.Code, e.out.Field = CodeNotInLine, fieldNames[fieldBuyer]
			return
		}
		e.showPlace(at - 1)
	case waiting != 0:
		e.showWaiting(waiting, lineOf(cmd).List)
	default:
		if e.showLine(); fairness {
			e.showFairness(e.out.Line)
		}
	}
	if from != 0 {
		e.showLeaves(from)
	}
}
