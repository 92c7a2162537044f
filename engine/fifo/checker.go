package fifo

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// Checker reads the log of an event and finds every turn that was not the next one. It takes about 100 bytes for each who joined or waited. It is used by one goroutine.
type Checker struct {
	key     engine.Key
	reader  engine.FactReader
	selling bool // the event is on sale
	line    theLine
	list    theList
	holders map[engine.HoldID]string // of live holds
	offered string                   // whose hold is the next fact, because it was offered
	held    string                   // whose hold the fact before has granted, if nobody asked for it and it was not offered
	holding engine.HoldID            // that one

	grants     []line.Grant
	skips      int64
	offers     int64
	inversions int64
	wrongs     []string
}

// Report is what a checker has found so far.
type Report struct {
	Passes     int64
	Skips      int64          // who was absent at their turn
	Offers     int64          // to those on the waiting list
	Inversions int64          // turns and offers that were somebody else's, and holds without a pass: 0 in a fair line
	Wrong      []string       // the first ten of what was wrong, in words
	Overtaken  line.Overtaken // pairs of passes: Pairs is what tracks and absences have caused, too
}

const wrongsShown = 10

// New returns a checker of the log of an event, from its first fact on.
func New(key engine.Key) *Checker {
	return &Checker{
		key: key.Clone(), holders: map[engine.HoldID]string{},
		line: theLine{newest: map[string]line.Entry{}, lobby: -1, tracks: []track{{share: 10_000}}}, list: theList{newest: map[string]int64{}},
	}
}

// Read reads the next run of the log. It fails if the run's facts cannot be decoded.
func (c *Checker) Read(run *engine.Run) error { return c.reader.Each(run, c.fact) }

// Inversions is that of the report, without the cost of making one.
func (c *Checker) Inversions() int64 { return c.inversions }

// Passes is how many were granted.
func (c *Checker) Passes() int64 { return int64(len(c.grants)) }

// Report says what was found so far. Cost: n log n of the passes.
func (c *Checker) Report() Report {
	return Report{
		Passes: c.Passes(), Skips: c.skips, Offers: c.offers, Inversions: c.inversions, Wrong: c.wrongs, Overtaken: line.Overtakes(c.grants),
	}
}

func (c *Checker) wrong(f *engine.Fact, format string, values ...any) {
	c.inversions++
	if len(c.wrongs) < wrongsShown {
		c.wrongs = append(c.wrongs, fmt.Sprintf("fact %d: ", f.Seq)+fmt.Sprintf(format, values...))
	}
}

func (c *Checker) at(e line.Entry) *entry {
	if e == 0 || int(e) > len(c.line.entries) {
		return &entry{}
	}
	return &c.line.entries[e-1]
}

func (c *Checker) fact(f *engine.Fact) error {
	if c.held != "" && (f.Kind != engine.FactConfirmed || f.Hold != c.holding) { // a late payment takes what its hold had
		c.holds(f, c.held)
	}
	c.held = ""
	if c.offered != "" && (f.Kind != engine.FactHeld || f.Buyer != c.offered) {
		c.wrong(f, "what was offered to buyer %s is not what follows", c.offered)
		c.offered = ""
	}
	switch f.Kind { //nolint:exhaustive // the others have nothing to do with whose turn it is
	case engine.FactCreated, engine.FactUpdated:
		if c.spec(f.Spec, f.Kind == engine.FactCreated); f.Kind == engine.FactCreated {
			c.selling = f.Spec.Open
		}
	case engine.FactOpened:
		c.selling = true
	case engine.FactPaused, engine.FactClosed, engine.FactCancelled:
		c.selling = false
	case engine.FactLobby:
		if f.Commit != (line.Hash{}) {
			c.line.commit = f.Commit
		}
		c.line.open = c.line.open || f.Opens
	case engine.FactJoined:
		c.joined(f)
	case engine.FactLeft:
		c.at(f.Entry).state = engine.PlaceLeft
	case engine.FactPresence:
		c.presence(f)
	case engine.FactLobbyClosed:
		c.line.root, c.line.lobby, c.line.open = f.Root, f.Entries, false
	case engine.FactDrawValue:
		c.line.value = string([]byte(f.Value))
	case engine.FactRevealed:
		c.draw(f)
	case engine.FactGranted:
		c.turn(f, false)
	case engine.FactSkipped:
		if f.LifeNs > 0 {
			c.turn(f, true)
		} else {
			c.at(f.Entry).state = engine.PlaceGone
		}
	case engine.FactPassEnded:
		c.at(f.Entry).state = engine.PlaceLapsed
	case engine.FactWished:
		c.wished(f)
	case engine.FactWishEnded:
		c.wishEnded(f)
	case engine.FactOfferedTo:
		c.offeredTo(f)
	case engine.FactHeld:
		c.granted(f)
	case engine.FactReleased, engine.FactExpired, engine.FactSwept:
		delete(c.holders, f.Hold)
	case engine.FactSold:
		c.ordered(f.Buyer)
	case engine.FactConfirmed:
		c.ordered(c.holders[f.Hold])
		delete(c.holders, f.Hold)
	}
	return nil
}

// granted notes a hold.
func (c *Checker) granted(f *engine.Fact) {
	buyer := string([]byte(f.Buyer))
	delete(c.holders, f.Replaces)
	c.holders[f.Hold] = buyer
	switch {
	case c.offered != "":
		c.offered = ""
		return
	case f.RequestID == "": // of a purchase or a late payment: the next fact says
		c.held, c.holding = buyer, f.Hold
	default:
		c.holds(f, buyer)
	}
	c.took(buyer)
}
