package measure

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Book keeps all KPIs of a log. It is used by one goroutine.
type Book struct {
	policy   Policy
	zones    Zones
	now      engine.Instant // the latest time of an entry
	batch    uint64         // the last batch of the log that is in it
	subjects map[engine.Key]*event
	series   seriesTable
	meters   []meter
	in       []seriesID
}

// event is what a book knows of an event.
type event struct {
	Subject
	zone    *time.Location // UTC if it names none that is known
	in      [4]seriesID    // account, event, by event, by genre: what every entry of it counts in
	genre   string         // that in[3] is of
	inKnown bool
}

// Zones finds a time zone by its IANA name: [time.LoadLocation], which reads files and so is the shell's to call.
type Zones func(name string) (*time.Location, error)

// NewBook returns an empty book. It panics if the policy's bounds are below 1.
func NewBook(p Policy, zones Zones) *Book {
	if min(p.SeriesMax, p.RowsMax, p.PeopleMax) < 1 {
		panic("measure: bounds of a policy must be 1 or more")
	}
	b := &Book{policy: p, zones: zones, subjects: make(map[engine.Key]*event), series: newSeriesTable(p.SeriesMax)}
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
	s := b.subject(e.Key)
	s.note(e, b.zones)
	b.in = b.appendSeries(b.in[:0], s, e.At, e.how())
	for _, m := range b.meters {
		m.add(&s.Subject, e, b.in)
	}
}

// subject is what is known of an event, made if it is new.
func (b *Book) subject(key engine.Key) *event {
	if s := b.subjects[key]; s != nil {
		return s
	}
	s := &event{Subject: Subject{Key: key.Clone()}, zone: time.UTC}
	b.subjects[s.Key] = s
	return s
}

// note keeps what an entry says about the event itself. An EventSet gives its words in Text, one a line: name, genre, currency, time zone.
func (s *event) note(e *Entry, zones Zones) {
	//exhaustive:ignore // the others say nothing about the event
	switch e.Kind {
	case KindEventSet:
		words := append(strings.SplitN(strings.Clone(e.Text), "\n", 4), "", "", "", "")
		s.Name, s.Genre, s.Currency, s.TimeZone, s.Observe = words[0], words[1], words[2], words[3], e.On
		if s.genre != s.Genre {
			s.inKnown = false
		}
		s.setZone(zones)
	case KindState:
		if s.State = e.State; e.State == engine.EventOnSale && s.OnSale == 0 {
			s.OnSale = e.At
		}
	case KindStock:
		s.Stock = e.Stock
	}
}

func (s *event) setZone(zones Zones) {
	if z, err := zones(s.TimeZone); err == nil && s.TimeZone != "" && s.TimeZone != "Local" {
		s.zone = z
	} else {
		s.zone = time.UTC
	}
}

// appendSeries appends the series that something counts in: its account and its event, whole and by each dimension that it says something of.
func (b *Book) appendSeries(dst []seriesID, s *event, at engine.Instant, how How) []seriesID {
	account := s.Key.Account
	if !s.inKnown {
		genre := s.Genre
		if genre == "" {
			genre = "none"
		}
		s.in = [4]seriesID{
			b.series.of(seriesKey{account, "", ByNothing, ""}), b.series.of(seriesKey{account, s.Key.ID, ByNothing, ""}),
			b.series.of(seriesKey{account, "", ByEvent, s.Key.ID}), b.series.of(seriesKey{account, "", ByGenre, genre}),
		}
		s.genre, s.inKnown = s.Genre, true
	}
	dst = append(dst, s.in[:]...)
	hour := fmt.Sprintf("%02d", time.Unix(0, int64(at)).In(s.zone).Hour())
	for _, d := range [...]struct {
		by    Dimension
		value string
	}{{ByFlow, how.Flow}, {ByDevice, how.Device}, {ByMethod, how.Method}, {ByChannel, how.Channel}, {ByHour, hour}} {
		if d.value == "" {
			continue
		}
		dst = append(dst, b.series.of(seriesKey{account, "", d.by, d.value}), b.series.of(seriesKey{account, s.Key.ID, d.by, d.value}))
	}
	return dst
}

// Answer answers a query that [Query.Check] has found right. now is the wall time. An event that is not known has no rows.
func (b *Book) Answer(q *Query, now engine.Instant) *Answer {
	a := &Answer{Query: *q, AtMs: int64(now) / 1e6, ThroughMs: int64(b.now) / 1e6, Batch: b.batch, Rows: []Row{}, Folded: b.series.folded}
	if q.By == ByFlow {
		a.Title = "descriptive: buyers choose their flow"
	}
	if q.By == ByNothing {
		if id, ok := b.series.find(seriesKey{account: q.Account, event: q.Event}); ok {
			a.Rows = append(a.Rows, b.row(q, "", id, now))
		}
		return a
	}
	for _, k := range b.series.values(q.Account, q.Event, q.By) {
		id, _ := b.series.find(k)
		a.Rows = append(a.Rows, b.row(q, k.value, id, now))
	}
	return a
}

func (b *Book) row(q *Query, name string, id seriesID, now engine.Instant) Row {
	r := Row{Series: name, Figures: []Figure{}}
	for _, m := range b.meters {
		r.Figures = m.figures(r.Figures, q, id, now)
	}
	r.Figures = slices.DeleteFunc(r.Figures, func(f Figure) bool { return !q.wants(f.KPI) })
	return r
}

// stateVersion is the first byte of a book's state.
const stateVersion = 1

// AppendState appends the whole book, in one order only: equal books have equal bytes.
func (b *Book) AppendState(dst []byte) []byte {
	dst = binary.AppendUvarint(binary.AppendVarint(append(dst, stateVersion), int64(b.now)), b.batch)
	dst = b.series.appendState(dst)
	keys := make([]engine.Key, 0, len(b.subjects))
	for k := range b.subjects {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y engine.Key) int {
		if c := strings.Compare(x.Account, y.Account); c != 0 {
			return c
		}
		return strings.Compare(x.ID, y.ID)
	})
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	for _, k := range keys {
		dst = b.subjects[k].appendState(dst)
	}
	for _, m := range b.meters {
		dst = m.appendState(dst)
	}
	return dst
}

func (s *event) appendState(dst []byte) []byte {
	for _, text := range [...]string{s.Key.Account, s.Key.ID, s.Name, s.Genre, s.Currency, s.TimeZone} {
		dst = appendString(dst, text)
	}
	observe := uint64(0)
	if s.Observe {
		observe = 1
	}
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, observe), uint64(s.State))
	for _, n := range [...]int64{int64(s.OnSale), s.Stock.Free, s.Stock.Held, s.Stock.Paying, s.Stock.Sold, s.Stock.Blocked, s.Stock.Sellable} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

func (s *event) readState(r *reader) {
	s.Key = engine.Key{Account: r.string(), Kind: engine.KindEvent, ID: r.string()}
	s.Name, s.Genre, s.Currency, s.TimeZone = r.string(), r.string(), r.string(), r.string()
	s.Observe, s.State = r.uint() == 1, engine.EventState(r.uint())
	s.OnSale = engine.Instant(r.int())
	s.Stock = Stock{r.int(), r.int(), r.int(), r.int(), r.int(), r.int()}
}

// OpenBook reads what [Book.AppendState] wrote, under the same policy. A state of another version is refused: it is made anew from the log.
func OpenBook(p Policy, zones Zones, state []byte) (*Book, error) {
	b := NewBook(p, zones)
	if len(state) == 0 || state[0] != stateVersion {
		return nil, fmt.Errorf("%w: it is of another version", errMalformed)
	}
	r := &reader{buf: state[1:]}
	b.now, b.batch = engine.Instant(r.int()), r.uint()
	b.series.readState(r)
	for range r.count(15) {
		s := &event{}
		s.readState(r)
		s.setZone(zones)
		b.subjects[s.Key] = s
	}
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
