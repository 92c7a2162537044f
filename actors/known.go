package actors

import (
	"strings"
	"unsafe"

	"github.com/tidwall/btree"

	"github.com/holdfast-engine/holdfast/engine"
)

// knownEvents is every event of the node, awake or asleep, in the order of account and id, with the times at which sleeping ones want to be woken. An event
// costs about 45 bytes beyond its id, and no pointer that the garbage collector would have to follow. It belongs to whoever holds the node's lock; the hot path
// never comes here, because events that are awake are found in the node's routes.
//
//	order, a B-tree of row numbers --> rows in chunks: | wake | id: length, place | account | place in alarms |
//	alarms, a heap of row numbers  -->
type knownEvents struct {
	rows     [][]knownRow // in chunks, so that growth copies nothing
	used     uint32       // rows ever used
	free     uint32       // row + 1 of the first free row; its wake leads to the next
	ids      [engine.IDLenMax + 1]idsOfLength
	accounts []string // by number; row.account
	numbers  map[string]uint16
	order    *btree.BTreeG[uint32]
	alarms   []uint32 // of sleeping events that want to be woken: a heap by wake
	awake    int

	sought struct { // what the row number seeking stands for in a comparison
		account uint16
		id      string
	}
}

type knownRow struct {
	wake    engine.Instant // node time; 0 is never
	id      uint32         // place in ids
	alarm   uint32         // place in alarms + 1; 0 is none
	account uint16
	idLen   uint8 // 0: the row is free
	awake   bool
	woken   bool // it was awake before
}

const (
	knownShift = 8 // of the rows in a chunk
	knownMask  = 1<<knownShift - 1
	seeking    = ^uint32(0)
)

func newKnownEvents() *knownEvents {
	k := &knownEvents{numbers: make(map[string]uint16)}
	k.order = btree.NewBTreeGOptions(k.before, btree.Options{NoLocks: true})
	return k
}

func (k *knownEvents) at(row uint32) *knownRow { return &k.rows[row>>knownShift][row&knownMask] }

func (k *knownEvents) len() int { return k.order.Len() }

// name returns the account and the id of a row; the id is a view that lives until the row is removed.
func (k *knownEvents) name(row uint32) (account uint16, id string) {
	if row == seeking {
		return k.sought.account, k.sought.id
	}
	r := k.at(row)
	return r.account, k.ids[r.idLen].at(r.id, r.idLen)
}

// route returns the name of a row, with strings of its own.
func (k *knownEvents) route(row uint32) route {
	account, id := k.name(row)
	return route{account: k.accounts[account], event: strings.Clone(id)}
}

func (k *knownEvents) before(a, b uint32) bool {
	accountA, idA := k.name(a)
	accountB, idB := k.name(b)
	return accountA < accountB || accountA == accountB && idA < idB
}

// find returns the row of an event.
func (k *knownEvents) find(at route) (uint32, bool) {
	account, ok := k.numbers[at.account]
	if !ok {
		return 0, false
	}
	k.sought.account, k.sought.id = account, at.event
	return k.order.Get(seeking)
}

// add makes the row of an event that is not known yet. It is asleep, without an alarm.
func (k *knownEvents) add(at route) uint32 {
	account, ok := k.numbers[at.account]
	if !ok {
		account = uint16(len(k.accounts))
		k.accounts = append(k.accounts, strings.Clone(at.account))
		k.numbers[k.accounts[account]] = account
	}
	row := k.free - 1
	if k.free > 0 {
		k.free = uint32(k.at(row).wake)
	} else {
		row = k.used
		if row>>knownShift == uint32(len(k.rows)) {
			k.rows = append(k.rows, make([]knownRow, 1<<knownShift))
		}
		k.used++
	}
	length := uint8(len(at.event))
	*k.at(row) = knownRow{account: account, idLen: length, id: k.ids[length].put(at.event)}
	k.order.Set(row)
	return row
}

// remove forgets an event.
func (k *knownEvents) remove(row uint32) {
	k.disarm(row)
	k.order.Delete(row)
	r := k.at(row)
	if r.awake {
		k.awake--
	}
	k.ids[r.idLen].drop(r.id)
	*r = knownRow{wake: engine.Instant(k.free)}
	k.free = row + 1
}

// wakeUp notes that an event is awake, and reports whether it was before.
func (k *knownEvents) wakeUp(row uint32) (again bool) {
	k.disarm(row)
	r := k.at(row)
	if !r.awake {
		r.awake = true
		k.awake++
	}
	again, r.woken = r.woken, true
	return again
}

// sleep notes that an event sleeps until wake, 0 for as long as nobody asks.
func (k *knownEvents) sleep(row uint32, wake engine.Instant) {
	k.disarm(row)
	r := k.at(row)
	if r.awake {
		r.awake = false
		k.awake--
	}
	r.wake = wake
	if wake > 0 {
		k.alarms = append(k.alarms, row)
		r.alarm = uint32(len(k.alarms))
		k.rise(len(k.alarms) - 1)
	}
}

// nextWake is the time of the earliest alarm.
func (k *knownEvents) nextWake() (engine.Instant, bool) {
	if len(k.alarms) == 0 {
		return 0, false
	}
	return k.at(k.alarms[0]).wake, true
}

// page calls use with the account's events after an id, in order, until it returns false.
func (k *knownEvents) page(account, after string, use func(id string, awake bool) bool) {
	number, ok := k.numbers[account]
	if !ok {
		return
	}
	k.sought.account, k.sought.id = number, after
	k.order.Ascend(seeking, func(row uint32) bool {
		of, id := k.name(row)
		if of != number {
			return false
		}
		return id == after || use(id, k.at(row).awake)
	})
}

// disarm takes an event's alarm out of the heap.
func (k *knownEvents) disarm(row uint32) {
	r := k.at(row)
	if r.alarm == 0 {
		return
	}
	i, last := int(r.alarm-1), len(k.alarms)-1
	r.alarm = 0
	moved := k.alarms[last]
	k.alarms = k.alarms[:last]
	if i == last {
		return
	}
	k.place(i, moved)
	k.sink(i)
	k.rise(i)
}

func (k *knownEvents) place(i int, row uint32) {
	k.alarms[i] = row
	k.at(row).alarm = uint32(i + 1)
}

// rise moves the alarm at i towards the top of the heap, sink away from it, to where it belongs.
func (k *knownEvents) rise(i int) {
	row := k.alarms[i]
	wake := k.at(row).wake
	for i > 0 {
		up := (i - 1) / 2
		if k.at(k.alarms[up]).wake <= wake {
			break
		}
		k.place(i, k.alarms[up])
		i = up
	}
	k.place(i, row)
}

func (k *knownEvents) sink(i int) {
	row := k.alarms[i]
	wake := k.at(row).wake
	for {
		down := 2*i + 1
		if down+1 < len(k.alarms) && k.at(k.alarms[down+1]).wake < k.at(k.alarms[down]).wake {
			down++
		}
		if down >= len(k.alarms) || wake <= k.at(k.alarms[down]).wake {
			break
		}
		k.place(i, k.alarms[down])
		i = down
	}
	k.place(i, row)
}

// idsOfLength keeps the ids of one length, one after the other. A place that was dropped is used again.
type idsOfLength struct {
	chunks [][]byte // idsPerChunk ids each
	used   uint32
	free   []uint32
}

const idsPerChunk = 256

func (l *idsOfLength) put(id string) uint32 {
	place := l.used
	if n := len(l.free); n > 0 {
		place, l.free = l.free[n-1], l.free[:n-1]
	} else {
		if place/idsPerChunk == uint32(len(l.chunks)) {
			l.chunks = append(l.chunks, make([]byte, idsPerChunk*len(id)))
		}
		l.used++
	}
	copy(l.chunks[place/idsPerChunk][int(place%idsPerChunk)*len(id):], id)
	return place
}

// at returns an id as a view: comparisons along a search would otherwise copy a string each.
func (l *idsOfLength) at(place uint32, length uint8) string {
	return unsafe.String(&l.chunks[place/idsPerChunk][int(place%idsPerChunk)*int(length)], length)
}

func (l *idsOfLength) drop(place uint32) { l.free = append(l.free, place) }
