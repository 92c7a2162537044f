package enginetest

import (
	"fmt"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// FIFO reads the log of an event with a line and finds every turn that was not the next one, by the rules of docs/line-rules.md and nothing else: it draws the
// places itself, from what the event has published, and knows nothing of the event's state. It is used by one goroutine.
//
// Next are those who were skipped and came back, by place; then, of the track that is the furthest behind its share of the passes, the first who waits. Whoever
// is absent then is skipped, and whoever is not gets a pass. Nobody has two places, or a hold without a pass while the event is sold through its line.
type FIFO struct {
	Grants     int // passes
	Skips      int
	Inversions int      // turns that were somebody else's, and holds without a pass
	Wrong      []string // the first of what was wrong, in words

	key     engine.Key
	reader  engine.FactReader
	entries []fifoEntry
	newest  map[string]line.Entry // of each buyer
	commit  line.Hash
	root    line.Hash
	value   string
	lobby   int64 // entries of the lobby; -1 while it is open
	open    bool  // the lobby
	drawn   bool
	closed  bool // the event is over
	mode    engine.LineMode
	tracks  []fifoTrack
	back    []line.Entry // who were skipped and came back, by place
	grants  uint64
	held    string                   // whose hold was granted by the fact before, if nobody asked for it
	holders map[engine.HoldID]string // of live holds
}

type fifoEntry struct {
	buyer  string
	place  line.Place
	track  uint8
	state  engine.PlaceState
	absent bool
	back   bool
}

type fifoTrack struct {
	share   int64
	granted int64
	wait    []line.Entry // in the order of their places; those before next had their turn
	next    int
}

const wrongsShown = 10

// NewFIFO returns a checker of the log of an event, from its first fact on.
func NewFIFO(key engine.Key) *FIFO {
	return &FIFO{key: key, newest: map[string]line.Entry{}, lobby: -1, tracks: []fifoTrack{{share: 10_000}}, holders: map[engine.HoldID]string{}}
}

// Read reads the next run of the log.
func (c *FIFO) Read(run *engine.Run) error { return c.reader.Each(run, c.fact) }

func (c *FIFO) wrong(f *engine.Fact, format string, values ...any) {
	c.Inversions++
	if len(c.Wrong) < wrongsShown {
		c.Wrong = append(c.Wrong, fmt.Sprintf("fact %d: ", f.Seq)+fmt.Sprintf(format, values...))
	}
}

func (c *FIFO) at(e line.Entry) *fifoEntry {
	if e == 0 || int(e) > len(c.entries) {
		return &fifoEntry{}
	}
	return &c.entries[e-1]
}

func (c *FIFO) fact(f *engine.Fact) error {
	if c.held != "" && f.Kind != engine.FactConfirmed { // a late payment takes what its hold had
		c.holds(f, c.held)
	}
	c.held = ""
	switch f.Kind { // the others have nothing to do with the line
	case engine.FactCreated, engine.FactUpdated:
		c.spec(f.Spec, f.Kind == engine.FactCreated)
	case engine.FactClosed, engine.FactCancelled:
		c.closed = true
	case engine.FactLobby:
		if f.Commit != (line.Hash{}) {
			c.commit = f.Commit
		}
		c.open = c.open || f.Opens
	case engine.FactJoined:
		c.joined(f)
	case engine.FactLeft:
		c.at(f.Entry).state = engine.PlaceLeft
	case engine.FactPresence:
		c.presence(f)
	case engine.FactLobbyClosed:
		c.root, c.lobby, c.open = f.Root, f.Entries, false
	case engine.FactDrawValue:
		c.value = string([]byte(f.Value))
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
	case engine.FactHeld:
		buyer := string([]byte(f.Buyer))
		delete(c.holders, f.Replaces)
		c.holders[f.Hold] = buyer
		if f.RequestID == "" {
			c.held = buyer
		} else {
			c.holds(f, buyer)
		}
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

// ordered spends the pass of a buyer.
func (c *FIFO) ordered(buyer string) {
	if e := c.at(c.newest[buyer]); e.state == engine.PlaceAdmitted || e.state == engine.PlaceLapsed {
		e.state = engine.PlaceSpent
	}
}

func (c *FIFO) spec(s *engine.EventSpec, all bool) {
	l := s.Line
	if l == nil {
		return
	}
	if all || l.Set&engine.SetLineMode != 0 {
		c.mode = l.Mode
	}
	if (all || l.Set&engine.SetTracks != 0) && len(l.Tracks) > 0 {
		for len(c.tracks) < len(l.Tracks) {
			c.tracks = append(c.tracks, fifoTrack{})
		}
		for i, t := range l.Tracks {
			c.tracks[i].share = t.ShareBp
		}
	}
}

func (c *FIFO) joined(f *engine.Fact) {
	buyer := string([]byte(f.Buyer))
	if int(f.Entry) != len(c.entries)+1 {
		c.wrong(f, "entry %d follows entry %d", f.Entry, len(c.entries))
	}
	if e := c.at(c.newest[buyer]); e.state >= engine.PlaceWaiting && e.state <= engine.PlaceAdmitted {
		c.wrong(f, "buyer %s has entry %d and gets entry %d", buyer, c.newest[buyer], f.Entry)
	}
	c.entries = append(c.entries, fifoEntry{buyer: buyer, track: f.Track, state: engine.PlaceWaiting})
	c.newest[buyer] = f.Entry
	if !c.open {
		c.entries[f.Entry-1].place = line.Place(f.Entry)
		c.waits(f.Entry)
	}
}

// waits puts an entry behind the others of its track. Who joins after the lobby and before its draw is done is put there before those of the lobby are: they
// are sorted in once the draw is made.
func (c *FIFO) waits(e line.Entry) {
	t := &c.tracks[c.at(e).track]
	t.wait = append(t.wait, e)
}

// draw makes the places of the lobby's entries, from the leaves that anybody can make.
func (c *FIFO) draw(f *engine.Fact) {
	leaves := make([]line.Hash, c.lobby)
	for i := range leaves {
		leaves[i] = line.Leaf(c.key.Account, c.key.ID, c.commit, line.Entry(i+1), c.entries[i].buyer)
	}
	if line.Root(leaves) != c.root || line.Commit(f.Seed) != c.commit {
		c.wrong(f, "the root or the commit was another")
	}
	for i, place := range line.Places(f.Seed, c.root, c.value, leaves) {
		c.entries[i].place = place
		c.waits(line.Entry(i + 1))
	}
	for i := range c.tracks {
		slices.SortFunc(c.tracks[i].wait, func(a, b line.Entry) int { return int(c.at(a).place) - int(c.at(b).place) })
	}
	c.drawn = true
}

func (c *FIFO) presence(f *engine.Fact) {
	e := c.at(f.Entry)
	if e.absent = f.Off; !f.Off && e.state == engine.PlaceSkipped {
		e.state, e.back = engine.PlaceWaiting, true
		at, _ := slices.BinarySearchFunc(c.back, e.place, func(b line.Entry, p line.Place) int { return int(c.at(b).place) - int(p) })
		c.back = slices.Insert(c.back, at, f.Entry)
	}
}

// next is whose turn it is; 0 is nobody's.
func (c *FIFO) next() line.Entry {
	for len(c.back) > 0 {
		if e := c.at(c.back[0]); e.state == engine.PlaceWaiting && e.back {
			return c.back[0]
		}
		c.back = c.back[1:]
	}
	best, most := line.Entry(0), int64(0)
	for i := range c.tracks {
		t := &c.tracks[i]
		for t.next < len(t.wait) && (c.at(t.wait[t.next]).state != engine.PlaceWaiting || c.at(t.wait[t.next]).back) {
			t.next++
		}
		if t.next == len(t.wait) {
			continue
		}
		if behind := t.share*int64(c.grants+1) - 10_000*t.granted; best == 0 || behind > most {
			best, most = t.wait[t.next], behind
		}
	}
	return best
}

// turn checks that it was an entry's turn to be admitted or skipped.
func (c *FIFO) turn(f *engine.Fact, skipped bool) {
	e := c.at(f.Entry)
	switch next := c.next(); {
	case c.closed || c.mode != engine.LineModeLine || c.lobby > 0 && !c.drawn || c.open:
		c.wrong(f, "entry %d has its turn while nobody is served", f.Entry)
	case e.state != engine.PlaceWaiting:
		c.wrong(f, "entry %d has its turn and is %s", f.Entry, e.state)
	case next != f.Entry:
		c.wrong(f, "entry %d, at place %d, has its turn before entry %d, at place %d", f.Entry, e.place, next, c.at(next).place)
	case e.absent != skipped:
		c.wrong(f, "entry %d is admitted or skipped, and absent: %t", f.Entry, e.absent)
	}
	e.back = false
	if skipped {
		e.state = engine.PlaceSkipped
		c.Skips++
		return
	}
	e.state = engine.PlaceAdmitted
	c.tracks[e.track].granted++
	c.grants++
	c.Grants++
}

// holds checks that a buyer may hold.
func (c *FIFO) holds(f *engine.Fact, buyer string) {
	if e := c.at(c.newest[buyer]); c.mode == engine.LineModeLine && e.state != engine.PlaceAdmitted {
		c.wrong(f, "buyer %s has a hold and no pass: entry %d is %s", buyer, c.newest[buyer], e.state)
	}
}
