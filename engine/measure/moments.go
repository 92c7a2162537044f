package measure

import (
	"encoding/binary"
	"math/bits"

	"github.com/holdfast-engine/holdfast/engine"
)

// column is what is counted of orders and persons.
type column uint8

// The columns. The first ones are bits of a moment; the rest are counted since the beginning only.
const (
	colBefore    column = iota // an order before one-click was switched on at its event
	colBeforeOne               // of them, by one-click
	colAfter                   // an order since then
	colAfterOne                // of them, by one-click
	colUndone                  // the order was undone
	colRefunded                // its buyer asked for money back in time
	colDisputed                // its charge was disputed
	colNotMeant                // its buyer did not mean to buy
	colRegretted               // any of the four
	colSettled                 // the order is older than the time for regret
	colSupport                 // a query
	colAboutOneClick
	colCSAT
	colSatisfied
	colNPS
	colPromoter
	colDetractor
	colAsked // somebody was due to be asked
	colResponded
	colAttempted // a buyer's first attempt at an event
	colSucceeded // and it, or a later one, became an order
	colFirst     // a person's first order
	colMore      // that person's further orders
	colDays7     // a person whose first order is so long ago
	colAgain7    // and who ordered again in that time
	colDays30
	colAgain30
	colDays90
	colAgain90
	columns

	momentColumns  = colMore // those that are bits
	windowColumns  = colMore + 1
	slotMs         = 10_000
	slotsKept      = (24*3_600_000 + 15*60_000) / slotMs // a day, and how much earlier its window may begin
	placesPerEntry = 4                                   // times the series there may be
)

func bit(c column) uint32 { return 1 << c }

// moment is what happened at one time in one place, as it is known now: an order that is regretted later gets more bits.
type moment struct {
	slot  uint32 // time in units of slotMs since the epoch
	place uint32
	bits  uint32
	more  uint32
}

// moments are the moments of the last day, oldest first, and what was counted in each series since the beginning. Windows are sums over moments; they are kept
// while somebody asks for them and are no part of the state.
type moments struct {
	max    int
	places places
	first  uint64 // the number of the oldest moment
	n      int
	ring   []moment
	last   uint32 // slot of the newest: time does not run backwards
	gone   uint32 // what is older than this slot had to be given up before its day was over
	totals [][columns]int64
	sums   map[Window]*windowSums
}

// windowSums is what the moments from and up to a number come to, by series.
type windowSums struct {
	from, to uint64
	begin    uint32
	series   [][windowColumns]int32
}

func newMoments(p Policy) moments {
	return moments{max: int(p.PeopleMax), places: newPlaces(int(placesPerEntry * p.SeriesMax)), sums: make(map[Window]*windowSums)}
}

func timeSlot(at engine.Instant) uint32 { return uint32(int64(max(at, 0)) / 1e6 / slotMs) }

func (m *moments) moment(number uint64) *moment { return &m.ring[number&uint64(len(m.ring)-1)] }

// count takes a new moment and returns its number, as rows keep it. One that is told late counts when it is told.
func (m *moments) count(at engine.Instant, place, what uint32) uint32 {
	if m.n == m.max {
		m.gone = m.moment(m.first).slot + 1
		m.drop()
	}
	if m.n == len(m.ring) {
		ring := make([]moment, max(16, 2*len(m.ring)))
		for i := range uint64(m.n) {
			ring[(m.first+i)&uint64(len(ring)-1)] = *m.moment(m.first + i)
		}
		m.ring = ring
	}
	m.last = max(m.last, timeSlot(at))
	number := m.first + uint64(m.n)
	*m.moment(number) = moment{slot: m.last, place: place, bits: what}
	m.n++
	m.total(place, what)
	return uint32(number)
}

// total counts since the beginning.
func (m *moments) total(place, what uint32) {
	for _, id := range m.places.series(place) {
		t := m.of(id)
		for b := what; b != 0; b &= b - 1 {
			t[bits.TrailingZeros32(b)]++
		}
	}
}

func (m *moments) of(id seriesID) *[columns]int64 {
	if int(id) >= len(m.totals) {
		m.totals = append(m.totals, make([][columns]int64, int(id)+1-len(m.totals))...)
	}
	return &m.totals[id]
}

// later adds to what is known of a moment: bits that it did not have, or with colMore one more of what is counted there.
func (m *moments) later(number, place, what uint32) {
	m.total(place, what)
	full := m.first + uint64(number-uint32(m.first))
	if full >= m.first+uint64(m.n) || m.moment(full).place != place {
		return // older than a day: it is in the totals only
	}
	k := m.moment(full)
	if what&bit(colMore) != 0 {
		k.more++
	}
	k.bits |= what &^ bit(colMore)
	for _, w := range m.sums {
		if full >= w.from && full < w.to {
			m.sum(w, moment{place: place, bits: what &^ bit(colMore), more: what >> colMore & 1}, 1)
		}
	}
}

func (m *moments) drop() {
	for _, w := range m.sums {
		if w.from == m.first {
			if w.to > w.from {
				m.sum(w, *m.moment(m.first), -1)
			} else {
				w.to++
			}
			w.from++
		}
	}
	m.first++
	m.n--
}

// forget drops what is older than a day at a time.
func (m *moments) forget(now engine.Instant) {
	for m.n > 0 && m.moment(m.first).slot+slotsKept < timeSlot(now) {
		m.drop()
	}
}

func (m *moments) sum(w *windowSums, k moment, sign int32) {
	for _, id := range m.places.series(k.place) {
		if int(id) >= len(w.series) {
			w.series = append(w.series, make([][windowColumns]int32, int(id)+1-len(w.series))...)
		}
		s := &w.series[id]
		for b := k.bits; b != 0; b &= b - 1 {
			s[bits.TrailingZeros32(b)] += sign
		}
		s[colMore] += sign * int32(k.more)
	}
}

// window is what was counted in a series in a window that ends at now. It is false if the window reaches behind what is kept.
func (m *moments) window(q Window, id seriesID, now engine.Instant) (got [columns]int64, ok bool) {
	if q == WindowSale {
		if int(id) < len(m.totals) {
			got = m.totals[id]
		}
		return got, true
	}
	begin := timeSlot(q.Begin(now))
	if begin < m.gone {
		return got, false
	}
	w := m.sums[q]
	if w == nil || begin < w.begin || w.from < m.first {
		w = &windowSums{from: m.first, to: m.first}
		m.sums[q] = w
	}
	for w.begin = begin; w.to < m.first+uint64(m.n); w.to++ {
		m.sum(w, *m.moment(w.to), 1)
	}
	for ; w.from < w.to && m.moment(w.from).slot < begin; w.from++ {
		m.sum(w, *m.moment(w.from), -1)
	}
	if int(id) < len(w.series) {
		for c, n := range w.series[id] {
			got[c] = int64(n)
		}
	}
	return got, true
}

func (m *moments) appendState(dst []byte) []byte {
	dst = m.places.appendState(dst)
	for _, n := range [...]uint64{m.first, uint64(m.last), uint64(m.gone), uint64(m.n)} {
		dst = binary.AppendUvarint(dst, n)
	}
	for i := range uint64(m.n) {
		k := m.moment(m.first + i)
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(k.slot)), uint64(k.place))
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(k.bits)), uint64(k.more))
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.totals)))
	for i := range m.totals {
		for _, n := range m.totals[i] {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
	}
	return dst
}

func (m *moments) readState(r *reader) {
	m.places.readState(r)
	m.first, m.last, m.gone = r.uint(), uint32(r.uint()), uint32(r.uint())
	n := r.count(4)
	if n > m.max {
		r.fail("more moments than the policy allows")
		return
	}
	size := 16
	for size < n {
		size *= 2
	}
	m.ring = make([]moment, size)
	for m.n < n {
		m.n++
		*m.moment(m.first + uint64(m.n-1)) = moment{uint32(r.uint()), m.places.read(r), uint32(r.uint()) & (bit(momentColumns) - 1), uint32(r.uint())}
	}
	m.totals = make([][columns]int64, r.count(int(columns)))
	for i := range m.totals {
		for c := range m.totals[i] {
			m.totals[i][c] = int64(r.uint())
		}
	}
}
