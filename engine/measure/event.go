package measure

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// eventID numbers the events of a book, densely, in the order in which they were first heard of. The numbers are part of the state.
type eventID uint32

// account is what a book knows of an account.
type account struct {
	scope
	name             string
	number           uint32
	channels, genres words
	events           []*event
	foldedSlots      []seriesID // of all events that there was no room for
	selling          bool       // an event of it sells here, and not only in mode observe
}

// event is what a book knows of an event.
type event struct {
	Subject
	scope
	number eventID
	zone   *time.Location // UTC if it names none that is known
	genre  uint8          // its number among the account's, 0 before the event has said anything of itself

	firstEmpty, soldOut engine.Instant // 0: it has not happened
	lastAt              engine.Instant // of its newest entry
	oneClick            bool
	permille            uint32 // of the buyers that one-click is offered to, while it is on
	orders              int64
	refused             *refusals
	marks               []marked // the oldest first

	hour             uint8 // the number of the hour of the day, in its time zone, that hourFrom to hourTo is in
	hourFrom, hourTo engine.Instant
}

func (b *Book) newAccount(name string) *account {
	a := &account{name: strings.Clone(name), number: uint32(len(b.accounts))}
	a.account, a.slots = a, make([]seriesID, slotsOfAccount)
	b.accounts = append(b.accounts, a)
	b.accountOf[a.name] = a
	return a
}

func (b *Book) newEvent(a *account, key engine.Key) *event {
	s := &event{Subject: Subject{Key: engine.Key{Account: a.name, Kind: key.Kind, ID: strings.Clone(key.ID)}}, number: eventID(len(b.events)), zone: time.UTC}
	s.account, s.event, s.slots = a, s, make([]seriesID, slotsOfEvent)
	a.events = append(a.events, s)
	b.events = append(b.events, s)
	b.eventOf[s.Key] = s
	return s
}

// event is what is known of an event, made if it is new.
func (b *Book) event(key engine.Key) *event {
	if b.last != nil && b.last.Key == key {
		return b.last
	}
	s := b.eventOf[key]
	if s == nil {
		a := b.accountOf[key.Account]
		if a == nil {
			a = b.newAccount(key.Account)
		}
		s = b.newEvent(a, key)
	}
	b.last = s
	return s
}

// note keeps what an entry says about the event itself. An EventSet gives its words in Text, one a line: name, genre, currency, time zone.
func (s *event) note(e *Entry, zones Zones) {
	s.lastAt = max(s.lastAt, e.At)
	// Not exhaustive: the others say nothing about the event.
	//exhaustive:ignore
	switch e.Kind {
	case KindOrdered, KindObservedOrder:
		s.orders++
	case KindRefused:
		s.refuse(e)
	case KindEventSet:
		words := append(strings.SplitN(strings.Clone(e.Text), "\n", 4), "", "", "", "")
		s.Name, s.Genre, s.Currency, s.TimeZone, s.Observe = words[0], words[1], words[2], words[3], e.On
		s.account.selling = s.account.selling || !s.Observe
		s.setGenre()
		s.setZone(zones)
	case KindState:
		if s.State = e.State; e.State == engine.EventOnSale && s.OnSale == 0 {
			s.OnSale = e.At
		}
		s.mark(e)
	case KindRollout:
		s.oneClick, s.permille = e.On, e.Permille
		s.mark(e)
	case KindCapacity, KindTier:
		s.mark(e)
	case KindStock:
		s.stocked(e)
	}
}

// stocked notes where the tickets are, and whether that was the first time that there was none left.
func (s *event) stocked(e *Entry) {
	s.Stock = e.Stock
	if s.Stock.Sellable <= 0 {
		return
	}
	if s.firstEmpty == 0 && s.Stock.Free == 0 && s.OnSale != 0 {
		s.firstEmpty = e.At
	}
	if s.soldOut == 0 && s.Stock.Sold >= s.Stock.Sellable {
		s.soldOut = e.At
	}
}

func (s *event) setGenre() {
	if s.Genre == "" {
		s.genre = s.account.genres.number("none")
	} else {
		s.genre = s.account.genres.number(s.Genre)
	}
}

func (s *event) setZone(zones Zones) {
	s.zone, s.hourFrom, s.hourTo = time.UTC, 0, 0
	if s.TimeZone == "" || s.TimeZone == "Local" {
		return
	}
	if z, err := zones(s.TimeZone); err == nil {
		s.zone = z
	}
}

// hourOf is the number of the hour of the day at a moment, in the event's time zone. Clocks differ from UTC, and change, at whole quarters of an hour, so what
// was found for one moment holds for its quarter.
func (s *event) hourOf(at engine.Instant) uint8 {
	if at < s.hourFrom || at >= s.hourTo {
		const quarter = engine.Instant(15 * time.Minute)
		local := time.Unix(0, int64(at)).In(s.zone)
		s.hour, s.hourFrom = uint8(local.Hour()+1), floor(at, quarter)
		if s.hourTo = s.hourFrom + quarter; !quartered(local) {
			s.hourFrom, s.hourTo = at, at+1
		}
	}
	return s.hour
}

// quartered says whether a clock differs from UTC by whole quarters of an hour. Some did not, long ago.
func quartered(local time.Time) bool {
	_, offset := local.Zone()
	return offset%(15*60) == 0
}

func (s *event) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.account.number))
	for _, text := range [...]string{s.Key.ID, s.Name, s.Genre, s.Currency, s.TimeZone} {
		dst = appendString(dst, text)
	}
	dst = append(dst, byte(s.Key.Kind), s.genre, s.folded, flag(s.Observe), byte(s.State))
	dst = s.appendMarks(s.appendRefused(binary.AppendUvarint(append(dst, flag(s.oneClick)), uint64(s.permille))))
	for _, n := range [...]int64{int64(s.lastAt), s.orders, int64(s.OnSale), int64(s.firstEmpty), int64(s.soldOut), s.Stock.Free, s.Stock.Held, s.Stock.Paying, s.Stock.Sold, s.Stock.Blocked, s.Stock.Sellable} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

// readEvent reads an event of a book whose accounts are there.
func (b *Book) readEvent(r *reader) {
	n := r.uint()
	if n >= uint64(len(b.accounts)) {
		r.fail("an event of nobody")
		return
	}
	a, id := b.accounts[n], r.string()
	var texts [4]string
	for i := range texts {
		texts[i] = r.string()
	}
	s := b.newEvent(a, engine.Key{Account: a.name, Kind: engine.Kind(r.byte()), ID: id})
	s.Name, s.Genre, s.Currency, s.TimeZone = texts[0], texts[1], texts[2], texts[3]
	s.genre, s.folded, s.Observe, s.State = r.byte(), r.byte(), r.byte() == 1, engine.EventState(r.byte())
	if s.genre > wordsMax+1 || int(s.genre) > len(a.genres.names) && s.genre != wordsMax+1 || len(b.eventOf) != len(b.events) {
		r.fail("an event twice, or of an unknown genre")
		return
	}
	s.oneClick, s.permille = r.byte() == 1, uint32(r.uint())
	s.readRefused(r)
	s.readMarks(r)
	s.lastAt, s.orders = engine.Instant(r.int()), r.int()
	s.OnSale, s.firstEmpty, s.soldOut = engine.Instant(r.int()), engine.Instant(r.int()), engine.Instant(r.int())
	s.Stock = Stock{r.int(), r.int(), r.int(), r.int(), r.int(), r.int()}
	s.setZone(b.zones)
}
