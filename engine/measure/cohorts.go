package measure

import (
	"encoding/binary"
	"math/bits"

	"github.com/holdfast-engine/holdfast/engine"
)

// cohorts is the meter of buyer-events, one row for each buyer at each event: conversion, the funnel, abandonment, adoption, and how long it all took. A row
// counts in the way in which its buyer was last seen, and in the minute of its first view; when something changes that, what it counts moves with it. So an
// entry costs the same however many rows there are, and an answer is a sum over minutes, not over rows.
type cohorts struct {
	b       *Book
	cells   cells
	rows    keyed[buyerRow] // by event and person
	aliases keyed[uint64]   // sessions: the buyer that each turned out to be
	users   keyed[userRow]  // persons who bought by one-click
	clicks  clicks
}

// userRow is somebody's first one-click order.
type userRow struct {
	at    minuteKey
	cell  uint32
	again bool
}

// cellsPerSeries bounds the cells: so many times the series that a policy allows.
const cellsPerSeries = 4

func newCohorts(b *Book) *cohorts {
	m := &cohorts{b: b}
	if b != nil {
		p := &b.policy
		m.cells = newCells(cellsPerSeries * p.SeriesMax)
		m.rows, m.aliases, m.users = newKeyed[buyerRow](p.RowsMax), newKeyed[uint64](p.PeopleMax), newKeyed[userRow](p.PeopleMax)
		m.clicks = newClicks()
	}
	return m
}

// rowUse says what an entry does to the row of its buyer.
type rowUse uint8

const (
	rowIgnores rowUse = iota
	rowFollows        // it changes a row that is there
	rowBegins         // it begins one if there is none
)

// use is what entries of a kind do.
func (k Kind) use() rowUse {
	switch k { //nolint:exhaustive // the others do nothing
	case KindViewed, KindSelected, KindCarted, KindStepped, KindClicked, KindOffered, KindHeld, KindAttempted, KindOrdered, KindObservedOrder, KindObservedFailed:
		return rowBegins
	case KindClickSeen, KindPageReady, KindAction, KindAsked, KindAuthorised, KindDeclined, KindReleased, KindUndone, KindRefunding, KindRefunded, KindObservedRefund,
		KindTimed:
		return rowFollows
	}
	return rowIgnores
}

func rowKey(event eventID, person uint64) uint64 { return max(1, mix(person^mix(uint64(event)+1))) }

func (m *cohorts) add(_ *Subject, e *Entry, _ []seriesID) {
	use := e.Kind.use()
	if use == rowIgnores {
		return
	}
	ev := m.b.last
	said := m.b.how
	at := minuteOf(msOf(e.At), ev.hourOf(e.At))
	person := m.person(ev, e)
	if person == 0 {
		cell := m.cells.find(ev, said)
		m.count(cell, nil, person, at, e)
		m.time(cell, at, e)
		return
	}
	key := rowKey(ev.number, person)
	row := m.rows.find(key)
	if row == nil {
		cell := m.cells.find(ev, said)
		if use == rowFollows { // it was let go, or began before the log that is left
			m.time(cell, at, e)
			return
		}
		row = m.rows.add(key)
		*row = buyerRow{base: msOf(e.At), cell: cell}
		if !ev.Observe {
			row.flags = rowSells
		}
	}
	was := *row
	m.note(ev, row, at, e)
	if how := m.cells.all[row.cell].key.how.or(said); how != m.cells.all[row.cell].key.how {
		row.cell = m.cells.find(ev, how)
	}
	m.move(&was, row)
	m.count(row.cell, row, person, at, e)
	m.time(row.cell, at, e)
	if e.Kind == KindClicked || e.Kind == KindClickSeen {
		m.clicks.note(&m.cells, key, m.cells.find(ev, m.cells.all[row.cell].key.how.or(How{flow: flowValue(engine.FlowOneClick)})), row, at, e)
	}
}

// or is how, with what an entry says where it says something.
func (h How) or(said How) How {
	if said.flow != 0 {
		h.flow = said.flow
	}
	if said.device != 0 {
		h.device = said.device
	}
	if said.method != 0 {
		h.method = said.method
	}
	if said.channel != 0 {
		h.channel = said.channel
	}
	return h
}

// person is who an entry is about, and makes one of a session and its buyer once they are known to be one.
func (m *cohorts) person(ev *event, e *Entry) uint64 {
	if e.Alias == 0 {
		if e.Kind < KindOffered && e.Person != 0 { // facts of the engine name buyers
			if buyer := m.aliases.find(e.Person); buyer != nil {
				return *buyer
			}
		}
		return e.Person
	}
	if known := m.aliases.find(e.Person); known == nil {
		*m.aliases.add(e.Person) = e.Alias
	} else {
		*known = e.Alias
	}
	from, to := rowKey(ev.number, e.Person), rowKey(ev.number, e.Alias)
	session := m.rows.find(from)
	if session == nil {
		return e.Alias
	}
	m.clicks.rename(from, to)
	buyer := m.rows.find(to)
	if buyer == nil {
		m.rows.rename(from, to)
		return e.Alias
	}
	was := *buyer
	buyer.unite(session)
	if how := m.cells.all[session.cell].key.how.or(m.cells.all[buyer.cell].key.how); how != m.cells.all[buyer.cell].key.how {
		buyer.cell = m.cells.find(ev, how)
	}
	m.move(session, &buyerRow{cell: session.cell})
	m.move(&was, buyer)
	m.rows.drop(from)
	return e.Alias
}

// note changes a row by what happened.
func (m *cohorts) note(ev *event, r *buyerRow, at minuteKey, e *Entry) {
	ms := msOf(e.At)
	switch e.Kind { //nolint:exhaustive // the others change nothing that a row keeps
	case KindViewed:
		if r.view(ms) {
			r.hour = at.hour()
			if r.flags &^= rowObtainable; ev.State == engine.EventOnSale && ev.Stock.Free > 0 {
				r.flags |= rowObtainable
			}
		}
	case KindSelected:
		r.reach(stepSelected, ms)
		if !r.has(rowPicked) || ms > r.pickMs() {
			r.lastPick, r.waitedMs = r.since(ms), 0
			r.flags |= rowPicked
		}
	case KindCarted:
		if ev.Observe {
			r.held(at, ms)
		} else {
			r.reach(stepSelected, ms)
		}
	case KindStepped:
		if e.Text == stepPayment && ev.Observe {
			r.reach(stepAttempted, ms)
		}
	case KindOffered:
		r.offered(at, e)
	case KindHeld:
		r.held(at, ms)
	case KindAttempted, KindObservedFailed:
		r.reach(stepAttempted, ms)
		m.fail(r, ms, e.Failure)
		if e.Kind == KindAttempted {
			r.asks(at, e)
		}
	case KindDeclined, KindReleased:
		m.fail(r, ms, e.Failure)
	case KindOrdered, KindObservedOrder:
		r.ordered(e)
	case KindUndone, KindRefunded, KindObservedRefund:
		r.left -= e.AmountMinor
		if e.Kind == KindUndone && e.Money.TotalMinor == 0 {
			r.free = uint8(max(0, int(r.free)-1))
		}
	case KindRefunding:
		if e.Whole && e.Money.TotalMinor == 0 {
			r.free = uint8(max(0, int(r.free)-1))
		}
	}
}

// The steps that mean something here: a shop's own line, and where a shop that sells elsewhere begins to take money.
const (
	stepLine     = "line"
	stepAdmitted = "admitted"
	stepPayment  = "payment"
)

func (r *buyerRow) offered(at minuteKey, e *Entry) {
	if e.Variant != VariantNone {
		r.flags |= rowAsked
	}
	if e.Variant == VariantIn || e.Variant == VariantOut {
		r.flags |= rowEligible
	}
	if e.OneClick && !r.has(rowOffered) {
		r.flags |= rowOffered
		r.offer = at
	}
}

func (r *buyerRow) held(at minuteKey, ms int64) {
	if r.reach(stepHeld, ms) {
		r.hold = at
	}
}

// asks notes an attempt. What its buyer sees next is about it, and not about an order before.
func (r *buyerRow) asks(at minuteKey, e *Entry) {
	r.request, r.orders = requestOf(e.Ref), 0
	if r.flags |= rowUntold; e.HasFlow && e.Flow == engine.FlowOneClick {
		r.flags |= rowByOneClick
		r.try(at)
	} else {
		r.flags &^= rowByOneClick
	}
}

// try notes a one-click attempt.
func (r *buyerRow) try(at minuteKey) {
	if r.has(rowOffered) {
		r.flags |= rowOfferTried
	}
	if !r.has(rowTried) {
		r.flags |= rowTried
		r.tried = at
	}
	r.tries = plus(r.tries, 1)
}

// inTime says whether something happened while the first hold was watched.
func (m *cohorts) inTime(r *buyerRow, ms int64) bool {
	return r.did(stepHeld) && ms <= r.stepAt(stepHeld)+m.b.policy.MatureMs
}

// fail notes how the last attempt ended; a new one has not failed yet.
func (m *cohorts) fail(r *buyerRow, ms int64, f Failure) {
	if !m.inTime(r, ms) {
		return
	}
	if f == FailureOurs || f == FailurePayment || f == FailureStock {
		r.flags |= rowFailed
	} else {
		r.flags &^= rowFailed
	}
}

func (r *buyerRow) ordered(e *Entry) {
	ms := msOf(e.At)
	r.reach(stepOrdered, ms)
	if e.Money.TotalMinor > 0 {
		r.left += e.Money.TotalMinor
	} else {
		r.free = plus(r.free, 1)
	}
	if r.has(rowPicked) && ms >= r.pickMs() {
		r.flags |= rowCompleted
	}
	if e.HasFlow && e.Flow == engine.FlowOneClick {
		r.orders = plus(r.orders, 1)
		if !e.NeededAction && r.clean < r.tries {
			r.clean++
		}
	}
}

// move takes away what a row counted and counts what it does now.
func (m *cohorts) move(was, r *buyerRow) {
	if *was == *r {
		return
	}
	viewed := (was.flags|r.flags)&rowViewed != 0 // before that a row is in no cohort and no funnel
	var reachedBefore, toldBefore, reached, told uint32
	if viewed {
		reachedBefore, toldBefore = was.funnel()
		reached, told = r.funnel()
		m.shift(was.cell, minuteOf(was.base, was.hour), was.cohort(reachedBefore, toldBefore), r.cell, minuteOf(r.base, r.hour), r.cohort(reached, told), cohortViewed)
	}
	m.shift(was.cell, was.hold, was.heldColumns(m.b.policy.MatureMs), r.cell, r.hold, r.heldColumns(m.b.policy.MatureMs), heldFirst)
	m.shift(was.cell, was.offer, was.offerColumns(), r.cell, r.offer, r.offerColumns(), offered)
	same := was.cell == r.cell
	if !same || was.tries != r.tries || was.clean != r.clean || was.tried != r.tried {
		m.some(was.cell, was.tried, triedTries, -int64(was.tries))
		m.some(was.cell, was.tried, triedClean, -int64(was.clean))
		m.some(r.cell, r.tried, triedTries, int64(r.tries))
		m.some(r.cell, r.tried, triedClean, int64(r.clean))
	}
	same = same && was.base == r.base && was.hour == r.hour
	if !viewed || same && was.steps == r.steps && toldBefore == told {
		return
	}
	before, now := was.stepsMs(toldBefore), r.stepsMs(told)
	for rest := toldBefore | told; rest != 0; rest &= rest - 1 {
		step := bits.TrailingZeros32(rest)
		if same && before[step] == now[step] {
			continue
		}
		kind := durationSelected + duration(step)
		if ms := before[step]; ms >= 0 {
			m.cells.time(was.cell, kind, minuteOf(was.base, was.hour), TimesIndex(ms*1e6), -1, -ms)
		}
		if ms := now[step]; ms >= 0 {
			m.cells.time(r.cell, kind, minuteOf(r.base, r.hour), TimesIndex(ms*1e6), 1, ms)
		}
	}
}

func (m *cohorts) some(cell uint32, at minuteKey, what cellColumn, n int64) {
	if n != 0 {
		m.cells.count(cell, at, what, n)
	}
}

// shift moves one of each column from where it was to where it is.
func (m *cohorts) shift(fromCell uint32, from minuteKey, was uint32, toCell uint32, to minuteKey, is uint32, first cellColumn) {
	if fromCell == toCell && from == to {
		m.cells.countAll(toCell, to, first, was&^is, -1)
		m.cells.countAll(toCell, to, first, is&^was, 1)
		return
	}
	m.cells.countAll(fromCell, from, first, was, -1)
	m.cells.countAll(toCell, to, first, is, 1)
}

// count counts what has its own time. r is nil if the entry is of nobody.
func (m *cohorts) count(cell uint32, r *buyerRow, person uint64, at minuteKey, e *Entry) {
	switch e.Kind { //nolint:exhaustive // the others have cohorts only
	case KindViewed:
		what := uint32(1)
		if r != nil {
			what |= 1 << (timeViewsLinked - timeViews)
		}
		m.cells.countAll(cell, at, timeViews, what, 1)
	case KindStepped:
		if r != nil {
			m.line(cell, r, at, e)
		}
	case KindOrdered, KindObservedOrder:
		what, oneClick := uint32(1), e.HasFlow && e.Flow == engine.FlowOneClick
		if r != nil && r.has(rowViewed) {
			what |= 1 << (timeOrdersLinked - timeOrders)
		}
		if r != nil && r.has(rowOffered) {
			what |= 1 << (timeOrdersEligible - timeOrders)
			if oneClick {
				what |= 1 << (timeOrdersOneClick - timeOrders)
			}
		}
		m.cells.countAll(cell, at, timeOrders, what, 1)
		if r == nil {
			return
		}
		if oneClick {
			m.used(person, cell, at)
		}
		m.checkout(cell, r, at, msOf(e.At))
	}
}

// used notes a one-click order of a person.
func (m *cohorts) used(person uint64, cell uint32, at minuteKey) {
	u := m.users.find(person)
	switch {
	case u == nil:
		*m.users.add(person) = userRow{at: at, cell: cell}
		m.cells.count(cell, at, usedFirst, 1)
	case !u.again:
		u.again = true
		m.cells.count(u.cell, u.at, usedAgain, 1)
	}
}

// advance makes what has become old as coarse as it is kept, and counts clicks that were never answered.
func (m *cohorts) advance(now engine.Instant) {
	m.cells.advance(msOf(now)/60_000, m.b.policy.MatureMs)
	m.clicks.advance(&m.cells, msOf(now))
}

func (m *cohorts) appendState(dst []byte) []byte {
	dst = m.cells.appendState(dst)
	dst = m.rows.appendState(dst, func(dst []byte, r *buyerRow) []byte { return r.append(dst) })
	dst = m.aliases.appendState(dst, func(dst []byte, buyer *uint64) []byte { return binary.LittleEndian.AppendUint64(dst, *buyer) })
	dst = m.users.appendState(dst, func(dst []byte, u *userRow) []byte {
		return append(binary.AppendUvarint(binary.AppendUvarint(dst, uint64(u.at)), uint64(u.cell)), flag(u.again))
	})
	return m.clicks.appendState(dst)
}

func (m *cohorts) readState(r *reader) {
	m.cells.readState(r)
	m.rows.readState(r, func(r *reader, row *buyerRow) { row.read(r, &m.cells) })
	m.aliases.readState(r, func(r *reader, buyer *uint64) { *buyer = r.fixed64() })
	m.users.readState(r, func(r *reader, u *userRow) { *u = userRow{minuteKey(r.uint()), m.cells.read(r), r.byte() == 1} })
	m.clicks.readState(r, &m.cells)
}
