package engine

import "github.com/holdfast-engine/holdfast/engine/line"

// The line of an event: buyers gather in the lobby before it opens, are drawn, and are then served in the order of their places. Whoever comes later is behind.
//
//	none ──> lobby ──> closed ──> drawing ──> serving       with a lobby before the event opens
//	none ──────────────────────────────────> serving       of an event that is on sale: first come, first served
//
//	lobby: buyers join, the root over their entries grows    closed: the event has opened, the root is known; waits for the value, if there is one, and the seed
//	drawing: places are made of the seed, some in each step  serving: passes are granted, by place

// LinePhase is where an event's line is. The numbers are part of the log's format.
type LinePhase uint8

// The phases.
const (
	LineNone LinePhase = iota
	LineLobby
	LineClosed
	LineDrawing
	LineServing
	linePhasesEnd
)

// String returns the phase's name on the wire.
func (p LinePhase) String() string {
	switch p {
	case LineNone:
		return "none"
	case LineLobby:
		return "lobby"
	case LineClosed:
		return "closed"
	case LineDrawing:
		return "drawing"
	case LineServing:
		return "serving"
	case linePhasesEnd:
	}
	return "unknown"
}

// LineWant is what an event's line waits for its shell to do.
type LineWant uint8

// What a line may want.
const (
	LineWantsNothing LineWant = iota
	LineWantsSeed             // a VerbSeed with the commit of a seed that was sealed
	LineWantsValue            // a VerbDraw of an operator with the public value; the shell does nothing
	LineWantsReveal           // a VerbReveal with the seed, once everything before is durable and published
)

// LineCommand is what a command about the line says. Which fields matter depends on the verb.
type LineCommand struct {
	// join, hold, offer, buy, wait: as the buyer typed it, up to CodeLenMax bytes. A hold and an offer keep theirs: what buys them gives none
	Code string
	code uint32 // slot + 1 of a code that the engine itself knows: of an offer, a late payment, or somebody whose turn has come

	Codes []CodeSpec // codes: 1 to CodesPerCommandMax

	// join
	Track string // empty is the first
	Wants int64  // tickets that the buyer means to take, a hint: 0 to WantsMax; 0 is not said

	// wait; the highest price is in Command.MaxPrice. With AutoBuy it is what the dearest wish costs now, if none is given, and the method and the agreement are those that
	// the shell has annotated
	Wishes  []Wish // the dearest first
	AutoBuy bool   // buy with the saved method as soon as the turn comes
	Wait    bool   // buy: if it is sold out, wait for it and buy it then
	List    bool   // leave, and place with WaitingFrom: the waiting list is meant

	Fairness bool // get, and place without a buyer: show how fair the line has been, too

	Receipt     bool       // place: the shell adds the receipt of the buyer's entry
	EntriesFrom line.Entry // place: show the leaves of the lobby's entries from here on, up to EntriesPageMax

	// place without a buyer, by the shell only: show who waits, of the entries from this one on, or with List of the waiters from this one on; 0 is not asked
	WaitingFrom uint32

	Value string // draw: the public value, 1 to DrawValueLenMax bytes of printable ASCII

	Commit line.Hash // seed
	Seed   line.Seed // reveal
	PerMin int64     // rate: purchases a minute that the payment lane can take; 0 is unknown
}

// noLine is what a command without a LineCommand says.
//
//nolint:gochecknoglobals // a constant
var noLine LineCommand

func lineOf(cmd *Command) *LineCommand {
	if cmd.Line == nil {
		return &noLine
	}
	return cmd.Line
}

// eventLine is all that an event has of its line.
type eventLine struct {
	phase     LinePhase
	committed bool // commit is known
	commit    line.Hash
	seed      line.Seed // once it is revealed
	root      line.Hash // once the lobby is closed
	value     string    // once it is given
	entries   uint32    // of the lobby, once it is closed
	tree      line.Tree // until it is closed
	draw      draw      // between the reveal and the last place

	rows   slab[lineRow] // entry n is in slot n-1, for good
	newest slotMap       // slot + 1 of the newest entry of a buyer, by the buyer's slot
	counts [placeStatesEnd]int
	tracks [TracksMax]lineTrack
	perMin int64 // purchases a minute that the payment lane can take; 0 is unknown

	turns    slab[turnRow]
	passes   chain // of turns, by deadline
	skipped  chain // of turns, by deadline
	returned placeQueue
	holding  int // passes whose buyer has a hold
	shopping line.Shopping
	patience line.Patience
	fair     line.Fairness
	began    Instant // node time from which on the line was served
	bare     Seq     // of the last hold for somebody without a pass; volatile
	told     uint64  // how often shopping was told something; volatile
	clock    lineClock
	looked   Instant // line time of the last look at who may be admitted; volatile
	room     room    // what it found; volatile
}

// lineTrack is what a line has of one of its tracks.
type lineTrack struct {
	waiting chain
	granted uint64     // passes so far
	served  line.Place // the last place whose turn has come
}

// lineHere returns the event's line, made if there is none yet.
func (e *Event) lineHere() *eventLine {
	if e.line == nil {
		e.line = new(eventLine)
		e.turnLineClock()
	}
	return e.line
}

// linePhase is where the line is.
func (e *Event) linePhase() LinePhase {
	if e.line == nil {
		return LineNone
	}
	return e.line.phase
}

// lineMode is the mode that the organiser wants.
func (e *Event) lineMode() LineMode {
	if e.spec.Line == nil {
		return LineModeOpen
	}
	return e.spec.Line.Mode
}

// startLine begins to serve where there is no lobby: the event is on sale, and to be sold through its line. And it sets the line's clock. It is called when
// either has changed.
func (e *Event) startLine() {
	if e.lineMode() == LineModeLine && e.linePhase() == LineNone && (e.state == EventOnSale || e.state == EventPaused) {
		e.lineHere()
		e.servesFromNow()
	}
	e.turnLineClock()
}

// LineWants is what the line waits for: for a shell that has just read the event from disk. Later changes are in the event's [Signals].
func (e *Event) LineWants() LineWant {
	switch e.linePhase() {
	case LineNone:
		if e.state == EventDraft && e.lineMode() == LineModeLine && (e.line == nil || !e.line.committed) {
			return LineWantsSeed
		}
	case LineClosed:
		switch {
		case e.lineOver():
		case e.spec.Line != nil && e.spec.Line.DrawValue && e.line.value == "":
			return LineWantsValue
		default:
			return LineWantsReveal
		}
	case LineLobby, LineDrawing, LineServing, linePhasesEnd:
	}
	return LineWantsNothing
}

// HasLine reports whether the event has a line, or is to have one, and is not over. It costs nothing.
func (e *Event) HasLine() bool {
	return e.state != 0 && !e.lineOver() && (e.line != nil || e.spec.Line != nil)
}

// LineServes reports whether somebody waits or shops in the event's line. It costs nothing.
func (e *Event) LineServes() bool {
	return e.serves() && (e.line.counts[PlaceWaiting]+e.line.counts[PlaceSkipped] > 0 || e.line.passes.n > 0)
}

// LanePerMin is how many purchases a minute the line counts on; 0 is unknown.
func (e *Event) LanePerMin() int64 { return e.lanePerMin() }

// Draws reports whether the event's line is being drawn: VerbSettle goes on with it, a slice at a time, and nobody gets anything meanwhile.
func (e *Event) Draws() bool { return e.linePhase() == LineDrawing && !e.lineOver() }

// lineOver reports whether the line has ended with its event: nobody is served any more.
func (e *Event) lineOver() bool { return e.state >= EventClosed }

// signalLine says what the line wants if that has changed.
func (e *Event) signalLine() {
	if now := e.LineWants(); now != e.waiting {
		if e.waiting = now; now != LineWantsNothing {
			e.signals.Line = now
		}
	}
}

// lineUnsettled reports whether the line goes on by itself.
func (e *Event) lineUnsettled() bool {
	return e.line != nil && (e.lobbyCloses() || e.line.phase == LineDrawing && !e.lineOver() || e.admits())
}

// settleLine does what follows for the line, as much as a step may take.
func (e *Event) settleLine() {
	if e.lobbyCloses() {
		e.closeLobby()
	}
	if e.line.phase == LineDrawing && !e.lineOver() && e.followUps > 0 {
		e.drawOn()
		e.followUps = 0 // a slice is the work of a step
	}
	e.admitWaiting()
}

// leaf is the leaf of the entry in a slot.
func (e *Event) leaf(slot uint32) line.Hash {
	return line.Leaf(e.key.Account, e.key.ID, e.line.commit, line.Entry(slot+1), e.buyerName(e.line.rows.at(slot).buyer))
}
