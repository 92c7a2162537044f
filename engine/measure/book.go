package measure

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Book keeps all KPIs of a log. It is used by one goroutine.
type Book struct {
	policy    Policy
	zones     Zones
	now       engine.Instant // the latest time of an entry
	batch     uint64         // the last batch of the log that is in it
	accounts  []*account
	accountOf map[string]*account
	events    []*event
	eventOf   map[engine.Key]*event
	last      *event // of the entry before: a run has many of one event
	series    seriesTable
	counts    *counts
	meters    []meter
	cohorts   *cohorts // of the meters
	people    *people  // of the meters
	in        []seriesID
	how       How // of the entry that is added
	ways      [1 << waysBits]way
	looked    uint64 // what look found last: nobody wants it, but what nobody can see is not looked for
}

// Zones finds a time zone by its IANA name: [time.LoadLocation], which reads files and so is the shell's to call.
type Zones func(name string) (*time.Location, error)

// NewBook returns an empty book. It panics if the policy's bounds are below 1.
func NewBook(p Policy, zones Zones) *Book {
	if min(p.SeriesMax, p.RowsMax, p.PeopleMax) < 1 {
		panic("measure: bounds of a policy must be 1 or more")
	}
	b := &Book{
		policy: p, zones: zones, accountOf: make(map[string]*account), eventOf: make(map[engine.Key]*event), series: seriesTable{max: int(p.SeriesMax)},
	}
	b.meters = newMeters(b)
	return b
}

// Now is the time of the newest entry; 0 if there is none.
func (b *Book) Now() engine.Instant { return b.now }

// Batch is the last batch of the log that is in the book.
func (b *Book) Batch() uint64 { return b.batch }

// SetBatch says that everything up to a batch is in the book.
func (b *Book) SetBatch(batch uint64) { b.batch = batch }

// Add takes an entry. Entries of one event come in the order in which they happened, those of several events in about that order.
func (b *Book) Add(e *Entry) {
	if e.At > b.now {
		b.now = e.At
		for _, m := range b.meters {
			m.advance(b.now)
		}
	}
	s := b.event(e.Key)
	s.note(e, b.zones)
	if e.Kind >= KindEventSet { // about the event itself: nothing of it is broken down
		b.in = b.appendWhole(b.in[:0], s)
	} else {
		b.how = s.account.how(e)
		b.in = b.seriesOf(b.in[:0], s, e.At, b.how)
	}
	for _, m := range b.meters {
		m.add(&s.Subject, e, b.in)
	}
}

// way is what entries of an event in one way, and at one hour of the day, count in. That never changes once it is found: see [seriesTable].
type way struct {
	event *event
	how   How
	hour  uint8
	genre uint8
	n     uint8
	in    [waySeriesMax]seriesID
}

const (
	waysBits     = 9 // of the number of ways that are remembered
	waySeriesMax = 3 + 2*(int(dimChannel)-int(dimNone))
)

// seriesOf appends what appendSeries does, for the price of a look if it was asked for lately.
func (b *Book) seriesOf(dst []seriesID, s *event, at engine.Instant, how How) []seriesID {
	hour := s.hourOf(at)
	w := &b.ways[how.mixed(uint32(s.number)*uint32(len(hourNames))+uint32(hour), waysBits)]
	if w.event == s && w.how == how && w.hour == hour && w.genre == s.genre {
		return append(dst, w.in[:w.n]...)
	}
	dst = b.appendSeries(dst, s, at, how)
	*w = way{event: s, how: how, hour: hour, genre: s.genre, n: uint8(copy(w.in[:], dst)), in: w.in}
	return dst
}

// appendSeries appends the series that something counts in: first its account, then its event, then by each dimension that it says something of. No series is
// there twice.
func (b *Book) appendSeries(dst []seriesID, s *event, at engine.Instant, how How) []seriesID {
	dst = b.appendWhole(dst, s)
	dst = b.appendBoth(dst, s, dimHour, slotHour, s.hourOf(at))
	if how.flow != 0 {
		dst = b.appendBoth(dst, s, dimFlow, slotFlow, how.flow)
	}
	if how.device != 0 {
		dst = b.appendBoth(dst, s, dimDevice, slotDevice, how.device)
	}
	if how.method != 0 {
		dst = b.appendBoth(dst, s, dimMethod, slotMethod, how.method)
	}
	if how.channel != 0 {
		dst = b.appendBoth(dst, s, dimChannel, slotChannel, how.channel)
	}
	return dst
}

// appendWhole appends the series of all of an account, of all of an event, and of its genre.
func (b *Book) appendWhole(dst []seriesID, s *event) []seriesID {
	dst = b.appendOne(dst, &s.account.scope, dimNone, 0, 0)
	dst = b.appendOne(dst, &s.scope, dimNone, 0, 0)
	if s.genre != 0 {
		dst = b.appendOne(dst, &s.account.scope, dimGenre, slotGenre, s.genre)
	}
	return dst
}

// appendBoth appends the series of a value in the account and in the event.
func (b *Book) appendBoth(dst []seriesID, s *event, d dim, slot int, value uint8) []seriesID {
	return b.appendOne(b.appendOne(dst, &s.account.scope, d, slot, value), &s.scope, d, slot, value)
}

// appendOne appends a series, if there is room for it. Nearly always it is there: then this is one look.
func (b *Book) appendOne(dst []seriesID, s *scope, d dim, slot int, value uint8) []seriesID {
	if value > wordsMax { // a word that came too late
		value = 0
	}
	if id := s.slots[slot+int(value)]; id != slotEmpty && id != slotNoRoom {
		return append(dst, id-1)
	}
	if id, ok := b.series.of(s, d, value); ok {
		return append(dst, id)
	}
	return dst
}

// Answer answers a query that [Query.Check] has found right. now is the wall time. An event that is not known has no rows, and
// one that found no room for a series of its own has one, [SeriesOther], of all that found none.
func (b *Book) Answer(q *Query, now engine.Instant) *Answer {
	a := &Answer{Query: *q, AtMs: int64(now) / 1e6, ThroughMs: int64(b.now) / 1e6, Batch: b.batch, Rows: []Row{}}
	if q.By == ByFlow {
		a.Title = "descriptive: buyers choose their flow"
	}
	s := b.scope(q.Account, q.Event)
	if s == nil {
		return a
	}
	var rows []named
	rows, a.Folded = b.series.values(s, dimOf(q.By))
	meters := b.asked(q)
	for _, r := range rows {
		a.Rows = append(a.Rows, row(meters, q, r, now))
	}
	if id, own, _ := b.series.whole(s); own && q.Courses {
		var from engine.Instant
		a.Courses, from = b.counts.course(q, id, now)
		a.Markers = s.markers(from)
	}
	if s.event != nil {
		is := b.eventNow(s.event)
		a.Event = &is
	}
	return a
}

// Size is how many figures the answer to a query that [Query.Check] has found right would have, without making it.
func (b *Book) Size(q *Query) int {
	s := b.scope(q.Account, q.Event)
	if s == nil {
		return 0
	}
	rows, _ := b.series.values(s, dimOf(q.By))
	figures := 0
	for _, m := range b.meters {
		for _, d := range m.definitions() {
			if q.wants(d.ID) {
				figures++
			}
		}
	}
	return len(rows) * figures
}

// scope is the account or event that a query is about; nil if it is not known.
func (b *Book) scope(account, id string) *scope {
	if id == "" {
		if a := b.accountOf[account]; a != nil {
			return &a.scope
		}
		return nil
	}
	if e := b.eventOf[engine.Key{Account: account, Kind: engine.KindEvent, ID: id}]; e != nil {
		return &e.scope
	}
	return nil
}

// asked are the meters that have something of what a query wants.
func (b *Book) asked(q *Query) []meter {
	return slices.DeleteFunc(slices.Clone(b.meters), func(m meter) bool {
		return !slices.ContainsFunc(m.definitions(), func(d Definition) bool { return q.wants(d.ID) })
	})
}

func row(meters []meter, q *Query, s named, now engine.Instant) Row {
	r := Row{Series: s.name, Figures: []Figure{}}
	for _, m := range meters {
		r.Figures = m.figures(r.Figures, q, s.id, now)
	}
	r.Figures = slices.DeleteFunc(r.Figures, func(f Figure) bool { return !q.wants(f.KPI) })
	return r
}

// stateVersion is the first byte of a book's state.
const stateVersion = 2

// AppendState appends the whole book, in one order only: equal books have equal bytes.
func (b *Book) AppendState(dst []byte) []byte {
	dst = binary.AppendUvarint(binary.AppendVarint(append(dst, stateVersion), int64(b.now)), b.batch)
	dst = binary.AppendUvarint(dst, uint64(len(b.accounts)))
	for _, a := range b.accounts {
		dst = append(a.genres.appendState(a.channels.appendState(appendString(dst, a.name))), flag(a.selling))
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.events)))
	for _, s := range b.events {
		dst = s.appendState(dst)
	}
	dst = b.series.appendState(dst)
	for _, m := range b.meters {
		dst = m.appendState(dst)
	}
	return dst
}

// OpenBook reads what [Book.AppendState] wrote, under the same policy. A state of another version is refused: it is made anew from the log.
func OpenBook(p Policy, zones Zones, state []byte) (*Book, error) {
	b := NewBook(p, zones)
	if len(state) == 0 || state[0] != stateVersion {
		return nil, fmt.Errorf("%w: it is of another version", errMalformed)
	}
	r := &reader{buf: state[1:]}
	b.now, b.batch = engine.Instant(r.int()), r.uint()
	for range r.count(4) {
		a := b.newAccount(r.string())
		a.channels.readState(r)
		a.genres.readState(r)
		a.selling = r.byte() == 1
	}
	if len(b.accountOf) != len(b.accounts) {
		r.fail("an account twice")
	}
	for range r.count(26) {
		b.readEvent(r)
	}
	b.series.readState(r, b)
	for _, m := range b.meters {
		m.readState(r)
	}
	if len(r.buf) > 0 {
		r.fail("something follows its end")
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return b, nil
}
