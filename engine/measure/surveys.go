package measure

import (
	"encoding/binary"

	"github.com/holdfast-engine/holdfast/engine"
)

// SurveyDue is somebody to be asked how it went, when the time has come.
type SurveyDue struct {
	// Due is when. No two of a book are due at the same moment: it also says how far one has read.
	Due engine.Instant
	Key engine.Key // the event
	// What the attempt was: its purchase, or its hold if it was paid elsewhere; and its order if it became one.
	Purchase engine.PurchaseID
	Hold     engine.HoldID
	Order    engine.OrderID
}

// SurveyKeepMs is how long after its moment somebody is still asked: who was not told of by then, as the engine was down, is not asked at all, because an
// answer much later is an answer to another question.
const SurveyKeepMs = 24 * 3_600_000

// SurveysMax bounds those who wait to be asked, or were due within [SurveyKeepMs]. Beyond it nobody more is chosen.
const SurveysMax = 1 << 18

// surveyKey keys the choice, so that it has nothing to do with any other that is made of the same ids.
const surveyKey = 0x5d3f_0c9a_71e2_b846

// surveys are those chosen, in the order in which they are due.
type surveys struct {
	list []chosen
	come int // of list, those whose moment has come
	last engine.Instant
}

type chosen struct {
	due      engine.Instant
	person   uint64
	event    eventID
	place    uint32
	purchase engine.PurchaseID
	hold     engine.HoldID
	order    engine.OrderID
}

// choose decides at the end of an attempt, whatever end that is, whether to ask about it.
func (m *people) choose(event eventID, e *Entry, in []seriesID) {
	if e.Person == 0 || m.policy.SurveyPermille <= 0 {
		return
	}
	if !sampled(e, m.policy.SurveyPermille) || len(m.surveys.list) >= SurveysMax {
		return
	}
	pause := engine.Instant(m.policy.SurveyPauseMs * 1e6)
	due := max(e.At+engine.Instant(m.policy.SurveyDelayMs*1e6), m.surveys.last+1)
	a := m.asked.find(e.Person)
	if a != nil && due < a.at+pause {
		return
	}
	if a == nil {
		a = m.asked.add(e.Person)
	}
	*a = askedRow{at: due, event: event, place: m.moments.places.of(in)}
	m.surveys.last = due
	m.surveys.list = append(m.surveys.list, chosen{due, e.Person, event, a.place, e.Purchase, e.Hold, e.Order})
	if v := m.visits.find(visitKey(event, e.Person)); v != nil {
		v.flags &^= visitCSAT | visitNPS
	}
	m.wakeAt(due)
}

// sampled says whether an attempt is in the sample: of so many in a thousand, by a keyed hash of person, event and attempt.
func sampled(e *Entry, permille int64) bool {
	attempt := uint64(e.Purchase)<<1 | 1
	if e.Purchase == 0 {
		attempt = uint64(e.Hold) << 1
	}
	return mix(mix(mix(surveyKey^e.Person)^PersonOf(e.Key.Account, e.Key.ID))^attempt)%1000 < uint64(permille)
}

// comeDue counts those whose moment has come, and forgets those whose moment is long gone.
func (m *people) comeDue(now engine.Instant) {
	s := &m.surveys
	for ; s.come < len(s.list) && s.list[s.come].due <= now; s.come++ {
		c := &s.list[s.come]
		number := m.moments.count(c.due, c.place, bit(colAsked))
		if a := m.asked.find(c.person); a != nil && a.at == c.due {
			a.moment, a.state = number, askedDue
		}
	}
	gone := 0
	for gone < s.come && s.list[gone].due+SurveyKeepMs*1e6 <= now {
		gone++
	}
	if gone > 0 {
		s.list = append(s.list[:0], s.list[gone:]...)
		s.come -= gone
	}
}

func (s *surveys) wake(m *people) {
	if s.come < len(s.list) {
		m.wakeAt(s.list[s.come].due)
	}
}

// Surveys appends those who are due to be asked after one moment and up to another, in order, at most limit. Asking the book changes nothing: whoever tells
// them keeps how far that has come. now may be later than the book's newest entry.
func (b *Book) Surveys(dst []SurveyDue, after, now engine.Instant, limit int) []SurveyDue {
	m := b.people
	for i := range m.surveys.list {
		c := &m.surveys.list[i]
		if c.due > now || limit == 0 {
			break
		}
		if c.due > after && c.due+SurveyKeepMs*1e6 > now {
			dst = append(dst, SurveyDue{Due: c.due, Key: b.events[c.event].Key, Purchase: c.purchase, Hold: c.hold, Order: c.order})
			limit--
		}
	}
	return dst
}

func (s *surveys) appendState(dst []byte) []byte {
	dst = binary.AppendUvarint(binary.AppendVarint(dst, int64(s.last)), uint64(s.come))
	dst = binary.AppendUvarint(dst, uint64(len(s.list)))
	for i := range s.list {
		c := &s.list[i]
		dst = binary.LittleEndian.AppendUint64(binary.AppendVarint(dst, int64(c.due)), c.person)
		for _, n := range [...]uint64{uint64(c.event), uint64(c.place), uint64(c.purchase), uint64(c.hold), uint64(c.order)} {
			dst = binary.AppendUvarint(dst, n)
		}
	}
	return dst
}

func (s *surveys) readState(r *reader, m *people) {
	s.last, s.come = engine.Instant(r.int()), int(min(r.uint(), SurveysMax))
	n := r.count(14)
	if n > SurveysMax || s.come > n {
		r.fail("surveys beyond their bound")
		return
	}
	for range n {
		s.list = append(s.list, chosen{
			due: engine.Instant(r.int()), person: r.fixed64(), event: m.eventID(r), place: m.moments.places.read(r), purchase: engine.PurchaseID(r.uint()),
			hold: engine.HoldID(r.uint()), order: engine.OrderID(r.uint()),
		})
	}
}
