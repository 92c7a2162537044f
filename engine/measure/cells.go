package measure

import (
	"encoding/binary"
	"math/bits"
)

// cellColumn is one thing that cells count. The first track has what is counted by the minute of the first view, the second what is counted by other times.
type cellColumn uint8

const (
	cohortViewed            cellColumn = iota // buyer-events with a view
	cohortObtainable                          // that saw tickets that could be bought
	cohortOrdered                             // that have an order
	cohortOrderedObtainable                   // that have one, and saw tickets that could be bought
	cohortNet                                 // that have one that they kept
	funnelSelected                            // in the order of the steps, see [buyerRow.reach]
	funnelHeld
	funnelAttempted
	funnelOrdered
	toldSelected    // that reported the step itself
	toldHeld        // the same, of what a funnel takes for granted of shops that sell elsewhere
	toldAttempted   //
	cohortCompleted // that selected tickets and ordered behind it
	cohortEligible  // that could have one-click
	cohortAsked     // that the engine was asked about
	cohortSells     // whose event sells here
	cohortTrackEnd

	heldFirst          cellColumn = trackColumns + iota - cohortTrackEnd - 1 // by the minute of the first hold: all
	heldInTime                                                               // with an order in time
	heldCouldNot                                                             // that could not
	offered                                                                  // by the minute of the first offer of one-click: all
	offeredTried                                                             // who tried it
	triedTries                                                               // by the minute of the first one-click attempt: attempts
	triedClean                                                               // those that became orders without another action
	usedFirst                                                                // by the minute of a person's first one-click order: persons
	usedAgain                                                                // who used it again
	timeViews                                                                // by their own time: views
	timeViewsLinked                                                          // of somebody
	timeOrders                                                               // orders
	timeOrdersLinked                                                         // of a buyer-event with a view
	timeOrdersEligible                                                       // of somebody to whom one-click was offered
	timeOrdersOneClick                                                       // by one-click
	timeClicks                                                               // clicks whose answer is due
	timeConfirmed                                                            // answered with an order in time
	cellColumnsEnd
)

// There are as many columns as two tracks have.
var _ = [1]struct{}{}[2*trackColumns-int(cellColumnsEnd)]

// cell is what was counted of one event, or of one genre of an account, in one way: all series are sums of cells. An entry counts in two of them, that of its
// event and that of its account, not in each of a dozen series.
type cell struct {
	key    cellKey
	twin   uint32 // of an event's cell: that of its account
	tracks [2]track
	times  sketches
}

type cellKey struct {
	scope   uint32 // the number of the event, or of the account
	account bool
	genre   uint8
	how     How
}

// cells are all of a book.
type cells struct {
	levels levels
	max    int
	all    []cell
	of     map[cellKey]uint32
	scopes [2]map[uint32][]uint32 // the cells of events and of accounts, by their number
	recent [1 << waysBits]recentCell
}

// recentCell is a cell of an event that was asked for lately. Cells stay for ever.
type recentCell struct {
	key   cellKey
	id    uint32
	known bool
}

func newCells(max int64) cells {
	return cells{max: int(max), of: make(map[cellKey]uint32), scopes: [2]map[uint32][]uint32{make(map[uint32][]uint32), make(map[uint32][]uint32)}}
}

// find returns the cell of an event, made if need be, with that of its account. Where there are as many cells as there may be, what would need a new one counts
// in the event as a whole only.
func (c *cells) find(ev *event, how How) uint32 {
	key := cellKey{scope: uint32(ev.number), genre: ev.genre, how: how}
	lately := &c.recent[how.mixed(key.scope, waysBits)]
	if lately.known && lately.key == key {
		return lately.id
	}
	id, ok := c.of[key]
	if !ok {
		if how != (How{}) && len(c.all) >= c.max {
			return c.find(ev, How{})
		}
		above := cellKey{scope: ev.account.number, account: true, genre: ev.genre, how: how}
		twin, ok := c.of[above]
		if !ok {
			twin = c.add(cell{key: above})
		}
		id = c.add(cell{key: key, twin: twin})
	}
	*lately = recentCell{key, id, true}
	return id
}

func (c *cells) add(k cell) uint32 {
	id := uint32(len(c.all))
	c.all = append(c.all, k)
	c.of[k.key] = id
	s := c.scopes[flag(k.key.account)]
	s[k.key.scope] = append(s[k.key.scope], id)
	return id
}

// count counts n things in a cell of an event and in that of its account. n may be below 0 for what was counted before.
func (c *cells) count(id uint32, k minuteKey, what cellColumn, n int64) {
	key := c.levels.key(k)
	e := &c.all[id]
	e.tracks[what/trackColumns].at(key).n[what%trackColumns] += uint32(n)
	c.all[e.twin].tracks[what/trackColumns].at(key).n[what%trackColumns] += uint32(n)
}

// countAll counts one of each column of the first of track that has a bit.
func (c *cells) countAll(id uint32, k minuteKey, first cellColumn, columns uint32, n int64) {
	if columns == 0 {
		return
	}
	key := c.levels.key(k)
	e := &c.all[id]
	one, other := e.tracks[first/trackColumns].at(key), c.all[e.twin].tracks[first/trackColumns].at(key)
	for ; columns != 0; columns &= columns - 1 {
		at := int(first)%trackColumns + bits.TrailingZeros32(columns)
		one.n[at] += uint32(n)
		other.n[at] += uint32(n)
	}
}

// time counts n durations of a kind.
func (c *cells) time(id uint32, kind duration, k minuteKey, index int32, n, sumMs int64) {
	key := sketchKey(kind, c.levels.key(k))
	e := &c.all[id]
	e.times.add(key, index, n, sumMs)
	c.all[e.twin].times.add(key, index, n, sumMs)
}

// advance makes everything as coarse as it is kept once the newest entry is of a minute.
func (c *cells) advance(minute, matureMs int64) {
	l := levelsAt(minute, matureMs)
	if l == c.levels {
		return
	}
	c.levels = l
	for i := range c.all {
		c.all[i].tracks[0].fold(l)
		c.all[i].tracks[1].fold(l)
		c.all[i].times.fold(l)
	}
}

// each calls use with the cells that a series is the sum of, and a bit each hour of the day that it is of.
func (c *cells) each(t *seriesTable, id seriesID, use func(k *cell, hours uint32)) {
	k := t.keys[id]
	hours := ^uint32(0)
	if k.by == dimHour {
		hours = 0
		for h := 1; h < len(hourNames); h++ {
			if k.of.slots[slotOf(dimHour, uint8(h))] == id+1 {
				hours |= 1 << h
			}
		}
	}
	if k.of.event != nil || k.by != dimEvent {
		scope, numbers := uint32(0), c.scopes[flag(k.of.event == nil)]
		if k.of.event != nil {
			scope = uint32(k.of.event.number)
		} else {
			scope = k.of.account.number
		}
		for _, n := range numbers[scope] {
			if e := &c.all[n]; t.holds(k, id, e.key) {
				use(e, hours)
			}
		}
		return
	}
	for _, ev := range k.of.account.events { // events that found no room for a series of their own
		if ev.slots[0] == id+1 {
			for _, n := range c.scopes[0][uint32(ev.number)] {
				use(&c.all[n], hours)
			}
		}
	}
}

// holds says whether what is counted in one way is in a series.
func (t *seriesTable) holds(k seriesKey, id seriesID, of cellKey) bool {
	var value uint8
	switch k.by { //nolint:exhaustive // of the others a series has everything
	case dimFlow:
		value = of.how.flow
	case dimDevice:
		value = of.how.device
	case dimMethod:
		value = of.how.method
	case dimChannel:
		value = of.how.channel
	case dimGenre:
		value = of.genre
	default:
		return true
	}
	if value == 0 {
		return false
	}
	if value > wordsMax && (k.by == dimChannel || k.by == dimGenre) {
		value = 0 // a word that came too late
	}
	return k.of.slots[slotOf(k.by, value)] == id+1
}

func (c *cells) appendState(dst []byte) []byte {
	dst = binary.AppendVarint(binary.AppendVarint(dst, c.levels.minutes), c.levels.quarters)
	dst = binary.AppendUvarint(dst, uint64(len(c.all)))
	for i := range c.all {
		k := &c.all[i]
		dst = append(binary.AppendUvarint(dst, uint64(k.key.scope)), flag(k.key.account), k.key.genre)
		dst = binary.AppendUvarint(appendHow(dst, k.key.how), uint64(k.twin))
		dst = k.times.appendState(k.tracks[1].appendState(k.tracks[0].appendState(dst)))
	}
	return dst
}

func (c *cells) readState(r *reader) {
	c.levels = levels{r.int(), r.int()}
	for range r.count(11) {
		var k cell
		k.key.scope, k.key.account, k.key.genre = uint32(r.uint()), r.byte() == 1, r.byte()
		k.key.how, k.twin = r.how(), uint32(r.uint())
		k.tracks[0].readState(r)
		k.tracks[1].readState(r)
		k.times.readState(r)
		if _, ok := c.of[k.key]; ok || !k.key.account && (int(k.twin) >= len(c.all) || !c.all[k.twin].key.account) {
			r.fail("a cell twice, or of no account")
			return
		}
		c.add(k)
	}
}

// read reads the number of a cell of an event.
func (c *cells) read(r *reader) uint32 {
	n := r.uint()
	if n >= uint64(len(c.all)) || c.all[n].key.account {
		r.fail("a cell that is not there")
		return 0
	}
	return uint32(n)
}
