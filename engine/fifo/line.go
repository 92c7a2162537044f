package fifo

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// theLine is what a log says of those in the line.
type theLine struct {
	entries []entry
	newest  map[string]line.Entry // of each buyer
	commit  line.Hash
	root    line.Hash
	value   string
	lobby   int64 // entries of the lobby; -1 while it is open
	open    bool  // the lobby
	drawn   bool
	mode    engine.LineMode
	tracks  []track
	back    []line.Entry // who were skipped and came back, by place
	passes  uint64
}

type entry struct {
	buyer  string
	place  line.Place
	track  uint8
	state  engine.PlaceState
	absent bool
	back   bool
}

type track struct {
	share   int64
	granted int64
	wait    []line.Entry // in the order of their places; those before next had their turn
	next    int
}

// ordered spends the pass of a buyer.
func (c *Checker) ordered(buyer string) {
	if e := c.at(c.line.newest[buyer]); e.state == engine.PlaceAdmitted || e.state == engine.PlaceLapsed {
		e.state = engine.PlaceSpent
	}
}

func (c *Checker) spec(s *engine.EventSpec, all bool) {
	l := s.Line
	if l == nil {
		return
	}
	if all || l.Set&engine.SetLineMode != 0 {
		c.line.mode = l.Mode
	}
	if (all || l.Set&engine.SetTracks != 0) && len(l.Tracks) > 0 {
		for len(c.line.tracks) < len(l.Tracks) {
			c.line.tracks = append(c.line.tracks, track{})
		}
		for i, t := range l.Tracks {
			c.line.tracks[i].share = t.ShareBp
		}
	}
}

func (c *Checker) joined(f *engine.Fact) {
	buyer := string([]byte(f.Buyer))
	n := line.Entry(len(c.line.entries) + 1)
	if f.Entry != n || int(f.Track) >= len(c.line.tracks) {
		c.wrong(f, "entry %d of track %d follows entry %d", f.Entry, f.Track, n-1)
		return
	}
	if e := c.at(c.line.newest[buyer]); e.state >= engine.PlaceWaiting && e.state <= engine.PlaceAdmitted {
		c.wrong(f, "buyer %s has entry %d and gets entry %d", buyer, c.line.newest[buyer], f.Entry)
	}
	c.line.entries = append(c.line.entries, entry{buyer: buyer, track: f.Track, state: engine.PlaceWaiting})
	c.line.newest[buyer] = n
	if !c.line.open {
		c.at(n).place = line.Place(n)
		c.waits(n)
	}
}

// waits puts an entry behind the others of its track. Who joins after the lobby and before its draw is done is put there before those of the lobby are: they
// are sorted in once the draw is made.
func (c *Checker) waits(e line.Entry) {
	t := &c.line.tracks[c.at(e).track]
	t.wait = append(t.wait, e)
}

// draw makes the places of the lobby's entries, from the leaves that anybody can make.
func (c *Checker) draw(f *engine.Fact) {
	leaves := make([]line.Hash, max(0, c.line.lobby))
	if len(leaves) > len(c.line.entries) {
		c.wrong(f, "the lobby has %d entries, and %d have joined", len(leaves), len(c.line.entries))
		return
	}
	for i := range leaves {
		leaves[i] = line.Leaf(c.key.Account, c.key.ID, c.line.commit, line.Entry(i+1), c.line.entries[i].buyer)
	}
	if line.Root(leaves) != c.line.root || line.Commit(f.Seed) != c.line.commit {
		c.wrong(f, "the root or the commit was another")
	}
	for i, place := range line.Places(f.Seed, c.line.root, c.line.value, leaves) {
		c.line.entries[i].place = place
		c.waits(line.Entry(i + 1))
	}
	for i := range c.line.tracks {
		slices.SortFunc(c.line.tracks[i].wait, func(a, b line.Entry) int { return int(c.at(a).place) - int(c.at(b).place) })
	}
	c.line.drawn = true
}

func (c *Checker) presence(f *engine.Fact) {
	e := c.at(f.Entry)
	if e.absent = f.Off; !f.Off && e.state == engine.PlaceSkipped {
		e.state, e.back = engine.PlaceWaiting, true
		at, _ := slices.BinarySearchFunc(c.line.back, e.place, func(b line.Entry, p line.Place) int { return int(c.at(b).place) - int(p) })
		c.line.back = slices.Insert(c.line.back, at, f.Entry)
	}
}

// next is whose turn it is; 0 is nobody's.
func (c *Checker) next() line.Entry {
	for len(c.line.back) > 0 {
		if e := c.at(c.line.back[0]); e.state == engine.PlaceWaiting && e.back {
			return c.line.back[0]
		}
		c.line.back = c.line.back[1:]
	}
	best, most := line.Entry(0), int64(0)
	for i := range c.line.tracks {
		t := &c.line.tracks[i]
		for t.next < len(t.wait) && (c.at(t.wait[t.next]).state != engine.PlaceWaiting || c.at(t.wait[t.next]).back) {
			t.next++
		}
		if t.next == len(t.wait) {
			continue
		}
		if behind := t.share*int64(c.line.passes+1) - 10_000*t.granted; best == 0 || behind > most {
			best, most = t.wait[t.next], behind
		}
	}
	return best
}

// turn checks that it was an entry's turn to be admitted or skipped.
func (c *Checker) turn(f *engine.Fact, skipped bool) {
	e := c.at(f.Entry)
	switch next := c.next(); {
	case !c.selling || c.line.mode != engine.LineModeLine || c.line.lobby > 0 && !c.line.drawn || c.line.open:
		c.wrong(f, "entry %d has its turn while nobody is served", f.Entry)
	case e.state != engine.PlaceWaiting:
		c.wrong(f, "entry %d has its turn and is %s", f.Entry, e.state)
	case next != f.Entry:
		c.wrong(f, "entry %d, at place %d, has its turn before entry %d, at place %d", f.Entry, e.place, next, c.at(next).place)
	case e.absent != skipped:
		c.wrong(f, "entry %d is admitted or skipped, and absent: %t", f.Entry, e.absent)
	}
	back := e.back
	e.back = false
	if skipped {
		e.state = engine.PlaceSkipped
		c.skips++
		return
	}
	e.state = engine.PlaceAdmitted
	c.line.tracks[e.track].granted++
	c.line.passes++
	c.grants = append(c.grants, line.Grant{Place: e.place, Track: e.track, Returned: back})
}

// holds checks that a buyer may hold who was not offered it.
func (c *Checker) holds(f *engine.Fact, buyer string) {
	if e := c.at(c.line.newest[buyer]); c.line.mode == engine.LineModeLine && e.state != engine.PlaceAdmitted {
		c.wrong(f, "buyer %s has a hold and no pass: entry %d is %s", buyer, c.line.newest[buyer], e.state)
	}
}
