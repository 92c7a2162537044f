package measure

import "github.com/holdfast-engine/holdfast/engine"

// people is the meter of orders and persons: regret, support, satisfaction, retention, frequency, share shift, buyers who never succeeded, and whom to ask.
//
// It keeps, the newest Policy.PeopleMax of each: orders, so that what becomes of one counts where it counted; persons who ordered; visits, which are persons
// who tried to buy at an event; persons who were asked. What is beyond the bound is as if it had never been: a forgotten person's next order is a first one,
// what becomes of a forgotten order is not counted, and what was counted stays.
type people struct {
	b       *Book
	policy  Policy
	moments moments
	// heard is what has been heard of at each event: what was never reported is not known, and no figure of it is 0.
	heard []uint8

	persons table[personRow] // by person
	orders  table[boughtRow]
	visits  table[visitRow] // by event and person
	asked   table[askedRow] // by person
	surveys surveys
	// sessions are those whose buyer is known. The meter of cohorts keeps them, and comes first.
	sessions *keyed[uint64]

	settled uint64             // orders before this number are older than the time for regret
	watched [retentions]uint64 // persons before these numbers were watched so long
	wake    engine.Instant     // nothing becomes due before
}

// personRow is a person who ordered.
type personRow struct {
	firstAt engine.Instant
	moment  uint32 // of the first order
	place   uint32
	again   uint8 // a bit for each retention: ordered again in time
}

// boughtRow is an order.
type boughtRow struct {
	at     engine.Instant
	moment uint32
	place  uint32
	marks  uint32 // colUndone to colRegretted
}

// visitRow is a person who tried to buy at an event.
type visitRow struct {
	lastAt    engine.Instant // of the last attempt
	moment    uint32         // of the first attempt
	place     uint32
	lastPlace uint32
	lastOrder uint64 // number of the last order + 1; 0 is none
	flags     uint8
}

const (
	visitSucceeded = 1 << iota
	visitCSAT      // it has answered
	visitNPS
)

// askedRow is a person who was chosen to be asked.
type askedRow struct {
	at     engine.Instant // when it is due
	event  eventID
	moment uint32
	place  uint32 // of the attempt
	state  uint8
}

const (
	askedDue = 1 << iota // its moment has come
	askedAnswered
)

const retentions = 3

const dayNs = 24 * 3_600_000 * 1e6

// retentionNs is how long persons are watched.
func retentionNs(i int) engine.Instant {
	return [retentions]engine.Instant{7 * dayNs, 30 * dayNs, 90 * dayNs}[i]
}

func newPeople(b *Book) *people {
	m := &people{b: b}
	if b != nil {
		m.policy = b.policy
	}
	n := m.policy.PeopleMax
	m.moments = newMoments(m.policy)
	m.persons, m.orders, m.visits, m.asked = newTable[personRow](n), newTable[boughtRow](n), newTable[visitRow](n), newTable[askedRow](n)
	return m
}

// What can be heard of at an event.
const (
	heardSwitch   = 1 << iota // one-click was on at some time
	heardAttempts             // attempts, so that one without an order shows
	heardRefunds              // refunds; the engine's own need no report
	heardSales                // orders of the engine: undo and disputes would be known
	heardMeant                // answers to the survey of regret
	heardSupport              // queries
)

func (m *people) hear(event eventID, what uint8) {
	if int(event) >= len(m.heard) {
		m.heard = append(m.heard, make([]uint8, int(event)+1-len(m.heard))...)
	}
	m.heard[event] |= what
}

// heardOf is what has been heard of at an event, or at any of an account, that a series is of.
func (m *people) heardOf(id seriesID) (what uint8) {
	of := m.b.series.keys[id].of
	if of.event != nil {
		if n := int(of.event.number); n < len(m.heard) {
			what = m.heard[n]
		}
		return what
	}
	for i, heard := range m.heard {
		if m.b.events[i].account == of.account {
			what |= heard
		}
	}
	return what
}

// who is the buyer of an entry: what a session reports is its buyer's once that is known. Facts of the engine name buyers.
func (m *people) who(e *Entry) uint64 {
	switch {
	case e.Alias != 0:
		return e.Alias
	case e.Person != 0 && (e.Kind == KindStepped || e.Kind >= KindSurveyed && e.Kind < KindOffered):
		if buyer := m.sessions.find(e.Person); buyer != nil {
			return *buyer
		}
	}
	return e.Person
}

func (m *people) add(_ *Subject, e *Entry, in []seriesID) {
	if person := m.who(e); person != e.Person {
		known := *e
		known.Person = person
		e = &known
	}
	event := m.b.last.number
	// The others say nothing about orders or persons.
	//
	//exhaustive:ignore
	switch e.Kind {
	case KindAttempted, KindObservedFailed:
		m.attempt(event, e, in)
	case KindStepped:
		if m.b.last.Observe && e.Text == stepPayment {
			m.attempt(event, e, in)
		}
	case KindOrdered:
		m.hear(event, heardAttempts|heardRefunds|heardSales)
		m.order(event, orderKey(event, e.Order), e, in)
		m.choose(event, e, in)
	case KindObservedOrder:
		m.order(event, e.Ref, e, in)
	case KindReleased:
		m.choose(event, e, in)
	case KindDeclined:
		if e.Hard {
			m.choose(event, e, in)
		}
	case KindUndone:
		m.regret(orderKey(event, e.Order), colUndone)
	case KindRefunding:
		if e.ByBuyer {
			m.refund(orderKey(event, e.Order), e.At)
		}
	case KindObservedRefund:
		m.hear(event, heardRefunds)
		m.refund(e.Ref, e.At)
	case KindDisputed:
		m.regret(orderKey(event, e.Order), colDisputed)
	case KindSurveyed:
		m.answer(event, e, in)
	case KindSupport:
		m.hear(event, heardSupport)
		m.support(event, e, in)
	case KindRollout:
		if e.On && e.Permille > 0 {
			m.hear(event, heardSwitch)
		}
	}
}

// orderKey is the key of an order of the engine; a shop's own has that of its reference.
func orderKey(event eventID, order engine.OrderID) uint64 {
	return mix(uint64(event)<<40 ^ uint64(order))
}

func visitKey(event eventID, person uint64) uint64 { return person ^ mix(uint64(event)+1) }

// visit notes an attempt; first says that it is the person's first at the event.
func (m *people) visit(event eventID, e *Entry, place uint32) (v *visitRow, first bool) {
	key := visitKey(event, e.Person)
	if v = m.visits.find(key); v == nil {
		v, first = m.visits.add(key), true
		v.place = place
	}
	v.lastAt, v.lastPlace = e.At, place
	return v, first
}

func (m *people) attempt(event eventID, e *Entry, in []seriesID) {
	m.hear(event, heardAttempts)
	if e.Person == 0 {
		return
	}
	place := m.moments.places.of(in)
	if v, first := m.visit(event, e, place); first {
		v.moment = m.moments.count(e.At, place, bit(colAttempted))
	}
}

// order takes an order: everything that is new with it is one moment.
func (m *people) order(event eventID, key uint64, e *Entry, in []seriesID) {
	if key == 0 { // reported without consent: nothing names it, so nothing will become of it
		key = mix(^m.orders.next())
	} else if m.orders.find(key) != nil {
		return // a shop that reports an order twice
	}
	place := m.moments.places.of(in)
	what := bit(colBefore)
	if int(event) < len(m.heard) && m.heard[event]&heardSwitch != 0 {
		what = bit(colAfter)
	}
	if e.HasFlow && e.Flow == engine.FlowOneClick {
		what |= what << 1
	}
	if e.Person == 0 {
		m.newOrder(key, e, place, m.moments.count(e.At, place, what))
		return
	}
	v, attempted := m.visit(event, e, place)
	succeeded := v.flags&visitSucceeded == 0
	v.flags |= visitSucceeded
	v.lastOrder = m.orders.next() + 1
	switch {
	case attempted:
		what |= bit(colAttempted) | bit(colSucceeded)
	case succeeded:
		m.moments.later(v.moment, v.place, bit(colSucceeded))
	}
	p := m.persons.find(e.Person)
	first := p == nil
	if first {
		p = m.persons.add(e.Person)
		p.firstAt, p.place = e.At, place
		what |= bit(colFirst)
		m.wakeAt(e.At + retentionNs(0))
	} else {
		m.moments.later(p.moment, p.place, bit(colMore))
		for i := range retentions {
			if e.At < p.firstAt+retentionNs(i) {
				p.again |= 1 << i
			}
		}
	}
	number := m.moments.count(e.At, place, what)
	if first {
		p.moment = number
	}
	if attempted {
		v.moment = number
	}
	m.newOrder(key, e, place, number)
}

func (m *people) newOrder(key uint64, e *Entry, place, moment uint32) {
	*m.orders.add(key) = boughtRow{at: e.At, moment: moment, place: place}
	m.wakeAt(e.At + engine.Instant(m.policy.RegretMs*1e6))
}

// refund is one that the buyer asked for.
func (m *people) refund(key uint64, at engine.Instant) {
	if key == 0 {
		return // of no order
	}
	if o := m.orders.find(key); o != nil && at <= o.at+engine.Instant(m.policy.RegretMs*1e6) {
		m.mark(o, colRefunded)
	}
}

func (m *people) regret(key uint64, c column) {
	if o := m.orders.find(key); o != nil {
		m.mark(o, c)
	}
}

// mark says of an order that it is regretted; each way counts once, and so does the order.
func (m *people) mark(o *boughtRow, c column) {
	if what := (bit(c) | bit(colRegretted)) &^ o.marks; what&bit(c) != 0 {
		o.marks |= what
		m.moments.later(o.moment, o.place, what)
	}
}

// named is the order that an answer or a query names, nil if it is not known: by the engine's number, or, of an event in mode observe, by the shop's own reference.
func (m *people) named(event eventID, e *Entry) (o *boughtRow, names bool) {
	switch {
	case e.Order != 0:
		return m.orders.find(orderKey(event, e.Order)), true
	case e.Ref != 0:
		return m.orders.find(e.Ref), true
	}
	return nil, false
}

// answer takes the answer to a survey. It counts where its order counts; without one, where the attempt that its person was asked about, or else its last
// attempt at the event, counts; else where the answer says.
func (m *people) answer(event eventID, e *Entry, in []seriesID) {
	var v *visitRow
	var a *askedRow
	if e.Person != 0 {
		v, a = m.visits.find(visitKey(event, e.Person)), m.asked.find(e.Person)
	}
	o, names := m.named(event, e)
	if a != nil && (a.event != event || a.state&askedDue == 0) {
		a = nil
	}
	if a != nil && a.state&askedAnswered == 0 {
		a.state |= askedAnswered
		m.moments.later(a.moment, a.place, bit(colResponded))
	}
	if e.Survey == SurveyRegret {
		m.hear(event, heardMeant)
		if !names && v != nil && v.lastOrder > m.orders.first {
			o = m.orders.at(v.lastOrder - 1)
		}
		if o != nil && e.Score == 1 {
			m.mark(o, colNotMeant)
		}
		return
	}
	what, once := scored(e)
	if what == 0 || v != nil && v.flags&once != 0 {
		return
	}
	if v != nil {
		v.flags |= once
	}
	var place uint32
	switch {
	case o != nil:
		place = o.place
	case a != nil:
		place = a.place
	case v != nil && e.At <= v.lastAt+engine.Instant(m.policy.SupportMs*1e6):
		place = v.lastPlace
	default:
		place = m.moments.places.of(in)
	}
	m.moments.count(e.At, place, what)
}

// scored is what an answer counts as, and the flag of a visit that has given one.
func scored(e *Entry) (what uint32, once uint8) {
	switch {
	case e.Survey == SurveyCSAT && e.Score >= 1 && e.Score <= 5:
		if what, once = bit(colCSAT), visitCSAT; e.Score >= 4 {
			what |= bit(colSatisfied)
		}
	case e.Survey == SurveyNPS && e.Score >= 0 && e.Score <= 10:
		if what, once = bit(colNPS), visitNPS; e.Score >= 9 {
			what |= bit(colPromoter)
		} else if e.Score <= 6 {
			what |= bit(colDetractor)
		}
	}
	return what, once
}

// support takes a query. It counts where its order counts, or else the last attempt of its person at the event, if that is not too long ago; else it is
// unattributed, which is a flow of its own in tables by flow.
func (m *people) support(event eventID, e *Entry, in []seriesID) {
	what := bit(colSupport)
	if aboutOneClick(e.Text) {
		what |= bit(colAboutOneClick)
	}
	if o, _ := m.named(event, e); o != nil {
		m.moments.count(e.At, o.place, what)
		return
	}
	if e.Person != 0 {
		if v := m.visits.find(visitKey(event, e.Person)); v != nil && e.At <= v.lastAt+engine.Instant(m.policy.SupportMs*1e6) {
			m.moments.count(e.At, v.lastPlace, what)
			return
		}
	}
	m.moments.count(e.At, m.unattributed(event, in), what)
}

// unattributed is where a query counts that belongs to no order and no attempt: in tables by flow it has a row of its own.
func (m *people) unattributed(event eventID, in []seriesID) uint32 {
	where := make([]seriesID, 0, len(in)+2)
	for _, id := range in {
		if m.b.series.keys[id].by != dimFlow {
			where = append(where, id)
		}
	}
	s := m.b.events[event]
	return m.moments.places.of(m.b.appendBoth(where, s, dimFlow, slotFlow, flowUnattributed))
}

func aboutOneClick(topic string) bool {
	const about = "one_click"
	return len(topic) >= len(about) && topic[:len(about)] == about
}

func (m *people) wakeAt(at engine.Instant) {
	if at < m.wake {
		m.wake = at
	}
}

// advance settles what has become old enough.
func (m *people) advance(now engine.Instant) {
	if now < m.wake {
		return
	}
	regret := engine.Instant(m.policy.RegretMs * 1e6)
	for m.settled = max(m.settled, m.orders.first); m.settled < m.orders.next(); m.settled++ {
		o := m.orders.at(m.settled)
		if o.at+regret >= now {
			break
		}
		m.moments.later(o.moment, o.place, bit(colSettled))
	}
	for i := range retentions {
		at := &m.watched[i]
		for *at = max(*at, m.persons.first); *at < m.persons.next(); *at++ {
			p := m.persons.at(*at)
			if p.firstAt+retentionNs(i) > now {
				break
			}
			what := bit(colDays7 + 2*column(i))
			if p.again&(1<<i) != 0 {
				what |= what << 1
			}
			m.moments.total(p.place, what)
		}
	}
	m.comeDue(now)
	m.moments.forget(now)
	m.wake = now + engine.Instant(slotMs*1e6)
	m.nextWake()
}

// nextWake is when something becomes due that is known now, or in a slot's time for what is only tidied up.
func (m *people) nextWake() {
	if m.settled < m.orders.next() {
		m.wakeAt(m.orders.at(m.settled).at + engine.Instant(m.policy.RegretMs*1e6))
	}
	for i, at := range m.watched {
		if at < m.persons.next() {
			m.wakeAt(m.persons.at(at).firstAt + retentionNs(i))
		}
	}
	m.surveys.wake(m)
}
