package engine

import (
	"encoding/binary"
	"strings"

	"github.com/holdfast-engine/holdfast/engine/line"
)

// factLobby says what was promised for the draw, that the lobby has opened, or both.
//
//	| 60 | 1 commit, 2 opens, 3 both | commit, 32 bytes, with 1 and 3 |
type factLobby struct {
	commits, opens bool
	commit         line.Hash
}

const (
	lobbyCommits = 1 << iota
	lobbyOpens
)

func (f *factLobby) append(dst []byte) []byte {
	how := byte(0)
	if f.opens {
		how = lobbyOpens
	}
	if !f.commits {
		return append(dst, byte(kindLobby), how)
	}
	return append(append(dst, byte(kindLobby), how|lobbyCommits), f.commit[:]...)
}

func (d *decoder) lobby(f *factLobby) {
	how := d.byte()
	if f.commits, f.opens = how&lobbyCommits != 0, how&lobbyOpens != 0; how == 0 || how > lobbyCommits|lobbyOpens {
		d.fail("a lobby of which nothing is said")
	}
	if f.commits {
		d.hash((*[32]byte)(&f.commit))
	}
}

// factLobbyClosed says that the event has opened: the list of the lobby is whole, and this is its root.
//
//	| 64 | root, 32 bytes | entries |
type factLobbyClosed struct {
	root    line.Hash
	entries uint32
}

func (f *factLobbyClosed) append(dst []byte) []byte {
	return binary.AppendUvarint(append(append(dst, byte(kindLobbyClosed)), f.root[:]...), uint64(f.entries))
}

// factDrawValue has the public value that the draw was to wait for.
//
//	| 65 | asked | value |
type factDrawValue struct {
	asked
	value string
}

func (f *factDrawValue) append(dst []byte) []byte {
	return appendString(f.asked.append(append(dst, byte(kindDrawValue))), f.value)
}

// factRevealed has the seed. Whoever reads it can make every place.
//
//	| 66 | seed, 32 bytes |
type factRevealed struct{ seed line.Seed }

func (f *factRevealed) append(dst []byte) []byte {
	return append(append(dst, byte(kindRevealed)), f.seed[:]...)
}

// factRated says how many purchases a minute the payment lane can take.
//
//	| 68 | purchases a minute |
type factRated struct{ perMin int64 }

func (f *factRated) append(dst []byte) []byte {
	return binary.AppendUvarint(append(dst, byte(kindRated)), uint64(f.perMin))
}

// takeSeed takes the commit of the seed that the event wants. One that it does not want changes nothing: the shell has asked twice.
func (e *Event) takeSeed(cmd *Command) {
	if !e.awaits(LineWantsSeed) {
		return
	}
	f := factLobby{commits: true, opens: e.spec.Line.LobbyAt == 0, commit: lineOf(cmd).Commit}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyLobby(&f)
	e.showLine()
}

// awaits reports whether the line wants what its shell brings, and refuses it otherwise.
func (e *Event) awaits(what LineWant) bool {
	switch {
	case e.state == 0:
		e.out.Code, e.out.Field = CodeEventUnknown, fieldNames[fieldEvent]
	case e.LineWants() != what:
		e.out.Code = CodeWrongState
	default:
		return true
	}
	return false
}

// fitsLobby reports whether the lobby can be promised or opened like this.
func (e *Event) fitsLobby(f *factLobby) bool {
	committed := e.line != nil && e.line.committed
	return e.linePhase() == LineNone && e.state == EventDraft && e.spec.Line != nil && f.commits != committed && (f.commits || f.opens)
}

func (e *Event) applyLobby(f *factLobby) {
	l := e.lineHere()
	if f.commits {
		l.committed, l.commit = true, f.commit
	}
	if f.opens {
		l.phase = LineLobby
	}
}

// nextLobby is the wall time at which the lobby opens; false if never.
func (e *Event) nextLobby() (wall Instant, ok bool) {
	return e.lobbyAt(), e.state == EventDraft && e.lineMode() == LineModeLine && e.linePhase() == LineNone && e.line != nil && e.line.committed
}

func (e *Event) lobbyAt() Instant {
	if e.spec.Line == nil {
		return 0
	}
	return e.spec.Line.LobbyAt
}

// openLobby opens the lobby when wall time has come.
func (e *Event) openLobby(wall Instant) {
	if at, ok := e.nextLobby(); !ok || wall < at {
		return
	}
	f := factLobby{opens: true}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyLobby(&f)
}

// lobbyCloses reports whether the event has opened and its lobby has not closed yet.
func (e *Event) lobbyCloses() bool {
	return e.linePhase() == LineLobby && (e.state == EventOnSale || e.state == EventPaused)
}

// closeLobby closes the lobby of an event that has opened.
func (e *Event) closeLobby() {
	f := factLobbyClosed{root: e.line.tree.Root(), entries: e.line.rows.rows}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyLobbyClosed(&f)
}

func (e *Event) applyLobbyClosed(f *factLobbyClosed) {
	l := e.line
	l.phase, l.root, l.entries, l.tree = LineClosed, f.root, f.entries, line.Tree{}
}

// drawValue takes the public value that the draw waits for.
func (e *Event) drawValue(cmd *Command) {
	value := lineOf(cmd).Value
	if !e.validRequest(cmd) {
		return
	}
	switch {
	case value == "":
		e.bad("value", "it is missing")
		return
	case len(value) > DrawValueLenMax:
		e.tooMany("value", DrawValueLenMax)
		return
	case !isPrintable(value):
		e.bad("value", "it is not printable ASCII")
		return
	case ContainsCardNumber(value):
		e.card("value")
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	f := factDrawValue{value: value}
	if e.known(cmd, &f.asked) {
		return
	}
	switch phase := e.linePhase(); {
	case e.lineOver() || phase < LineClosed || !e.spec.Line.DrawValue:
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeWrongState, field: fieldEvent, text: drawsLater})
		return
	case phase > LineClosed || e.line.value != "":
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeDrawDone, field: fieldEvent})
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyDrawValue(&f)
	e.showLine()
}

func (e *Event) applyDrawValue(f *factDrawValue) {
	e.line.value = strings.Clone(f.value)
	e.remember(&f.asked, VerbDraw, 0, 0)
}

// reveal takes the seed, and begins the draw.
func (e *Event) reveal(cmd *Command) {
	f := factRevealed{seed: lineOf(cmd).Seed}
	if !e.awaits(LineWantsReveal) {
		return
	}
	if line.Commit(f.seed) != e.line.commit {
		e.bad("seed", "it is not the one that was promised")
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyRevealed(&f)
	e.settle()
	e.showLine()
}

func (e *Event) applyRevealed(f *factRevealed) {
	e.line.seed = f.seed
	e.beginDraw()
}

// rate takes how many purchases a minute the payment lane can take.
func (e *Event) rate(cmd *Command) {
	f := factRated{perMin: min(max(0, lineOf(cmd).PerMin), LimitMax)}
	if e.state == 0 || e.spec.Line == nil || e.lineOver() || f.perMin == e.lanePerMin() {
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyRated(&f)
}

func (e *Event) lanePerMin() int64 {
	if e.line == nil {
		return 0
	}
	return e.line.perMin
}

func (e *Event) applyRated(f *factRated) { e.lineHere().perMin = f.perMin }
