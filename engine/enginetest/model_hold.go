package enginetest

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

type modelHold struct {
	id        engine.HoldID
	in        engine.Incarnation // in which it was granted
	buyer     string
	state     engine.HoldState
	items     []engine.ItemView
	total     int64
	deadline  int64 // event time, ns
	end       int64 // event time, ns: extensions and replacements go no further
	order     *modelOrder
	forgotten bool // it ended, and too many others have ended since
}

// ended reports whether the hold is no longer live. Confirmed is an end too.
func (h *modelHold) ended() bool { return h.state != engine.HoldHeld && h.state != engine.HoldPaying }

func (h *modelHold) units() int64 {
	var units int64
	for i := range h.items {
		units += h.left(i)
	}
	return units
}

func (m *Model) due(h *modelHold) bool { return m.eventTime() >= h.deadline }

// liveHold returns the one live hold of a buyer, nil if there is none.
func (m *Model) liveHold(buyer string) *modelHold {
	for _, h := range m.holds {
		if h.buyer == buyer && !h.ended() {
			return h
		}
	}
	return nil
}

// wish is what a hold asks of one lot, all items together.
type wish struct {
	lot      *modelLot
	quantity int64
	seats    []string      // chosen
	parties  []*modelParty // for which seats are picked
}

// hold considers a hold: the rules, in the order of the codes.
func (m *Model) hold(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	m.refusals.addIf(m.state != engine.EventOnSale, engine.CodeNotOnSale, "event")
	wishes := m.wishes(cmd)
	if wishes == nil {
		return nil
	}
	if len(m.refusals) == 0 && m.considerPass(cmd.Buyer) {
		return nil
	}
	if next, _ := m.nextOffer(); next != nil && len(m.refusals) == 0 { // what was freed is offered first
		m.refusals.add(engine.CodeSoldOut, "items")
		return nil
	}
	old := m.liveHold(cmd.Buyer)
	if lineSaid(cmd).Code != "" {
		if len(m.refusals)+len(m.bad) > 0 {
			return nil
		}
		if m.using = m.tryCode(cmd); m.using != nil {
			m.considerCode(m.using, wishes, old)
		}
		if len(m.refusals)+len(m.bad) > 0 {
			return nil
		}
	}
	m.keep(nil)
	defer m.keepNone()
	m.refusals.addIf(old == nil && m.liveHolds() >= int64(m.limits.Holds), engine.CodeTooMany, "")
	m.refusals.addIf(m.buyers()[cmd.Buyer] == 0 && len(m.buyers()) >= m.limits.Buyers, engine.CodeTooMany, "")
	m.considerRules(cmd, wishes, old)
	taken := m.fill(cmd, wishes, old)
	m.keepPromise(cmd.Buyer, m.using, taken)
	m.discount(m.using, taken)
	var sales, total int64
	for i := range taken {
		sales += taken[i].Quantity
		total += taken[i].Quantity * price(&taken[i])
	}
	m.refusals.addIf((cmd.HasMaxPrice || cmd.MaxPrice > 0) && total > cmd.MaxPrice, engine.CodePriceExceeded, "max_price_minor")
	return func(*engine.Outcome) *modelRequest {
		m.link(cmd)
		return &modelRequest{hold: m.grant(cmd.Buyer, taken, total, old)}
	}
}

// wishes adds up the items of a command by lot. It is nil if some lot or seat does not exist or is asked for in the wrong way.
func (m *Model) wishes(cmd *engine.Command) []*wish {
	var wishes []*wish
	bad := false
	for _, item := range cmd.Items {
		l := m.lot(item.Lot)
		if l == nil {
			m.refusals.add(engine.CodeLotUnknown, "items")
			bad = true
			continue
		}
		if !l.seated() && (len(item.Seats) > 0 || special(item)) {
			m.bad.add(engine.CodeInvalid, "items")
			bad = true
			continue
		}
		for _, label := range item.Seats {
			if !slices.Contains(l.labels, label) {
				m.refusals.add(engine.CodeSeatUnknown, "items")
				bad = true
			}
		}
		k := slices.IndexFunc(wishes, func(w *wish) bool { return w.lot == l })
		if k < 0 {
			k = len(wishes)
			wishes = append(wishes, &wish{lot: l})
		}
		for i, label := range item.Seats {
			again := slices.Contains(item.Seats[:i], label) || slices.Contains(wishes[k].seats, label)
			m.bad.addIf(again && slices.Contains(l.labels, label), engine.CodeInvalid, "items")
		}
		if l.seated() && len(item.Seats) == 0 {
			wishes[k].parties = append(wishes[k].parties, &modelParty{item.Quantity, item.Accessible, item.Companion, item.Restricted, item.Split})
		}
		wishes[k].quantity += item.Quantity + int64(len(item.Seats))
		wishes[k].seats = append(wishes[k].seats, item.Seats...)
	}
	var seats int64
	for _, w := range wishes {
		if w.lot.seated() {
			seats += w.quantity
		}
	}
	if seats > engine.SeatsPerHoldMax {
		m.bad.add(engine.CodeInvalid, "items")
		bad = true
	}
	if bad {
		return nil
	}
	return wishes
}

// special reports whether an item says more about seats than how many.
func special(it engine.Item) bool {
	return it.Accessible != 0 || it.Companion != 0 || it.Restricted || it.Split
}

// considerRules adds the refusals that come from what is asked for, whatever is free.
func (m *Model) considerRules(cmd *engine.Command, wishes []*wish, old *modelHold) {
	var units int64
	for _, w := range wishes {
		s := &w.lot.spec
		units += w.quantity * s.Units
		m.refusals.addIf(!w.lot.open || s.CodeOnly && (m.using == nil || !m.using.isFor(w.lot)), engine.CodeLotNotOpen, "items")
		m.refusals.addIf(w.quantity < max(1, s.MinOrder), engine.CodeBelowMinimum, "items")
		m.refusals.addIf(s.MaxOrder > 0 && w.quantity > s.MaxOrder, engine.CodeAboveMaximum, "items")
		m.refusals.addIf(!m.requirementMet(cmd.Buyer, s, lotsOf(wishes), old), engine.CodeRequiresMissing, "items")
	}
	m.refusals.addIf(m.spec.LimitPerOrder > 0 && units > m.spec.LimitPerOrder, engine.CodeAboveMaximum, "items")
	m.refusals.addIf(m.spec.LimitPerBuyer > 0 && m.unitsOf(cmd.Buyer, old)+units > m.spec.LimitPerBuyer, engine.CodeLimitReached, "items")
	m.considerLinks(cmd, units, old)
}

func lotsOf(wishes []*wish) []string {
	var lots []string
	for _, w := range wishes {
		lots = append(lots, w.lot.spec.Lot)
	}
	return lots
}

// requirementMet reports whether one of the lots that a lot is sold with only is in the same hold or already the buyer's.
func (m *Model) requirementMet(buyer string, s *engine.LotSpec, inHold []string, old *modelHold) bool {
	if len(s.Requires) == 0 {
		return true
	}
	for _, r := range s.Requires {
		if slices.Contains(inHold, r) || m.has(buyer, r, old) {
			return true
		}
	}
	return false
}

// fill takes what is free, and adds the refusals that the command's way to fill leads to.
func (m *Model) fill(cmd *engine.Command, wishes []*wish, old *modelHold) []engine.ItemView {
	if cmd.Fill == engine.FillAllOrNothing {
		return m.takeWhole(wishes, old)
	}
	least := int64(1)
	if cmd.Fill == engine.FillAtLeast {
		least = cmd.AtLeast
	}
	taken, onlySeats, notTogether := m.takeFree(cmd, wishes, old)
	var sales int64
	for i := range taken {
		sales += taken[i].Quantity
	}
	code := engine.CodeSoldOut
	switch {
	case onlySeats:
		code = engine.CodeSeatTaken
	case notTogether:
		code = engine.CodeNotTogether
	}
	m.refusals.addIf(sales < least, code, "items")
	return taken
}

// takeWhole takes everything that was wished for, and refuses if there is less room in some lot or pool, or a seat is not free.
func (m *Model) takeWhole(wishes []*wish, old *modelHold) []engine.ItemView {
	var taken []engine.ItemView
	for _, w := range wishes {
		m.refusals.addIf(m.room(w.lot, old, taken) < w.quantity, engine.CodeSoldOut, "items")
		for _, label := range w.seats {
			m.refusals.addIf(!m.seatFree(w.lot, label, old), engine.CodeSeatTaken, "items")
		}
		it := w.item(w.quantity)
		it.Seats = slices.Clone(w.seats)
		t := m.theater(w.lot, old)
		for _, label := range it.Seats {
			t.free[label] = false
		}
		for _, p := range w.parties {
			lacking := t.lacking(p)
			seats := t.seat(p, true, m.saidSeats(w.lot, len(it.Seats)))
			m.refusals.addIf(seats == nil, lacking, "items")
			it.Seats = append(it.Seats, seats...)
		}
		taken = append(taken, it)
	}
	return taken
}

// saidSeats is what the engine says to have taken of a lot, after the first so many seats.
func (m *Model) saidSeats(l *modelLot, after int) []string {
	if m.said == nil || m.said.Shows&engine.ShowsHold == 0 {
		return nil
	}
	for _, it := range m.said.Hold.Items {
		if it.Lot == l.spec.Lot {
			return it.Seats[min(after, len(it.Seats)):]
		}
	}
	return nil
}

// takeFree takes of each lot in turn what is free, nothing below its minimum, and nothing of an add-on without what it is sold with: such an
// add-on is struck off, and everything is taken again without it. onlySeats reports that chosen seats were not free, and nothing else was missing;
// notTogether that all that was missing are seats side by side.
func (m *Model) takeFree(cmd *engine.Command, wishes []*wish, old *modelHold) (taken []engine.ItemView, onlySeats, notTogether bool) {
	short, seatTaken := false, false
	var lots []string
	for _, w := range wishes {
		it := w.item(w.quantity)
		for _, label := range w.seats {
			if m.seatFree(w.lot, label, old) {
				it.Seats = append(it.Seats, label)
			} else {
				it.Quantity--
				seatTaken = true
			}
		}
		if room := m.room(w.lot, old, taken); room < it.Quantity {
			short = true
			it.Quantity = room
			it.Seats = it.Seats[:min(int64(len(it.Seats)), room)]
		}
		if w.lot.seated() {
			t := m.theater(w.lot, old)
			for _, label := range it.Seats {
				t.free[label] = false
			}
			room := it.Quantity
			for _, p := range w.parties {
				smaller := *p
				if smaller.seats = min(p.seats, room-int64(len(it.Seats))); smaller.seats == 0 || smaller.seats < p.seats && p.accessible > 0 {
					continue
				}
				lacking := t.lacking(&smaller)
				seats := t.seat(&smaller, false, m.saidSeats(w.lot, len(it.Seats)))
				if int64(len(seats)) < smaller.seats {
					short = short || lacking == engine.CodeSoldOut
					notTogether = notTogether || lacking == engine.CodeNotTogether
				}
				it.Seats = append(it.Seats, seats...)
			}
			it.Quantity = int64(len(it.Seats))
		}
		if it.Quantity > 0 && it.Quantity >= w.lot.spec.MinOrder {
			taken = append(taken, it)
			lots = append(lots, it.Lot)
		}
	}
	for i := range taken {
		if l := m.lot(taken[i].Lot); !m.requirementMet(cmd.Buyer, &l.spec, lots, old) {
			taken, _, _ = m.takeFree(cmd, slices.DeleteFunc(slices.Clone(wishes), func(w *wish) bool { return w.lot == l }), old)
			break
		}
	}
	return taken, seatTaken && !short, notTogether && !short
}

// item is so many sales of a lot at its present price.
func (w *wish) item(quantity int64) engine.ItemView {
	s := &w.lot.spec
	return engine.ItemView{Lot: s.Lot, Quantity: quantity, Units: s.Units, FaceMinor: s.FaceMinor, TaxMinor: s.TaxMinor, Fees: slices.Clone(s.Fees)}
}

// buyers counts what is known of each buyer: live holds, orders, and ended holds that are still remembered.
func (m *Model) buyers() map[string]int {
	known := map[string]int{}
	for _, h := range m.holds {
		if !h.ended() || !h.forgotten || h.state == engine.HoldConfirmed {
			known[h.buyer]++
		}
	}
	for b := range m.links {
		known[b]++ // for good
	}
	for _, e := range m.line.entries {
		known[e.buyer]++ // for good
	}
	for _, w := range m.list.waiters {
		known[w.buyer]++ // for good
	}
	return known
}

func (m *Model) liveHolds() int64 {
	var n int64
	for _, h := range m.holds {
		if !h.ended() {
			n++
		}
	}
	return n
}

func price(it *engine.ItemView) int64 {
	total := it.FaceMinor
	for _, f := range it.Fees {
		total += f.Minor
	}
	return total
}

// grant makes a hold and ends the one it replaces, whose longest end it inherits unless that has passed.
func (m *Model) grant(buyer string, items []engine.ItemView, total int64, old *modelHold) *modelHold {
	h := &modelHold{
		id: engine.HoldID(len(m.holds) + 1), in: m.incarnation, buyer: buyer, state: engine.HoldHeld, items: items, total: total,
		end: m.eventTime() + m.spec.MaxHoldMs*1e6,
	}
	if old != nil {
		if old.end > m.eventTime() {
			h.end = old.end
		}
		m.end(old, engine.HoldReplaced)
	}
	m.lease(h)
	m.holds = append(m.holds, h)
	m.heldInLine(h, old != nil)
	m.heldInList(h)
	return h
}

// lease gives a hold a deadline of its time to live and its spread from now, never past its end and never earlier than before.
func (m *Model) lease(h *modelHold) {
	least := m.eventTime() + m.spec.HoldTTLMs*1e6
	h.deadline = max(h.deadline, min(least+m.spread(h, least), h.end))
}

// spread returns how much longer a hold lives than others: what the engine made of it, if that is a spread at all and no other than before.
func (m *Model) spread(h *modelHold, least int64) int64 {
	limit := m.spec.SpreadMs * 1e6
	if limit == 0 || m.said == nil || m.said.Shows&engine.ShowsHold == 0 || least >= h.end {
		return 0
	}
	if known, ok := m.spreads[h.id][limit]; ok {
		return known
	}
	spread := int64(m.said.Hold.ExpiresAt) - m.down - least
	if spread < 0 || spread >= limit {
		return 0
	}
	if least+spread < h.end && least+spread > h.deadline {
		m.spreads[h.id] = map[int64]int64{limit: spread}
	}
	return spread
}

// end ends a hold. It is remembered until too many others have ended.
func (m *Model) end(h *modelHold, state engine.HoldState) {
	h.state = state
	if state != engine.HoldReplaced {
		m.holdEndedInLine(h, state == engine.HoldConfirmed)
		m.offerEnded(h, state)
	}
	m.ended = append(m.ended, h)
	if len(m.ended) > m.limits.Ended {
		m.ended[0].forgotten = true
		m.ended = m.ended[1:]
	}
}

// act considers extend, release and confirm, which all are about a live hold of the buyer's own.
func (m *Model) act(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	id, in, _ := engine.ParseHoldID(cmd.Hold)
	if id == 0 || int(id) > len(m.holds) || m.holds[id-1].in != in || m.holds[id-1].buyer != cmd.Buyer || m.holds[id-1].forgotten {
		m.refusals.add(engine.CodeHoldUnknown, "hold")
		return nil
	}
	h := m.holds[id-1]
	switch {
	case h.state == engine.HoldExpired || h.state == engine.HoldHeld && m.due(h):
		m.refusals.add(engine.CodeHoldExpired, "hold")
	case h.ended():
		m.refusals.add(engine.CodeHoldEnded, "hold")
	case cmd.Verb == engine.VerbExtend && slices.ContainsFunc(m.list.waiters, func(w *modelWaiter) bool { return w.hold == h && w.state == engine.WaitOffered }):
		m.refusals.add(engine.CodeWrongState, "hold")
	}
	if cmd.Verb == engine.VerbConfirm {
		m.refusals.addIf(h.total > 0 && !cmd.BoxOffice && cmd.PaymentRef == "", engine.CodePaymentRefMissing, "payment_ref")
		m.refusals.addIf(len(m.orders) >= m.limits.Orders, engine.CodeTooMany, "")
	}
	return func(*engine.Outcome) *modelRequest {
		switch cmd.Verb {
		case engine.VerbExtend:
			m.lease(h)
		case engine.VerbRelease:
			m.end(h, engine.HoldReleased)
		default:
			return &modelRequest{order: m.sell(h, cmd.PaymentRef)}
		}
		return &modelRequest{hold: h}
	}
}

// NextExpiry returns the node time at which the next hold ends, false if no hold is live.
func (m *Model) NextExpiry() (engine.Instant, bool) {
	var next int64
	found := false
	for _, h := range m.holds {
		if h.state == engine.HoldHeld && (!found || h.deadline < next) {
			next, found = h.deadline, true
		}
	}
	if !found {
		return 0, false
	}
	return engine.Instant(next + m.down), true
}

// NextDeadline returns the node time at which the event wants an Expire, false if it wants none.
func (m *Model) NextDeadline() (engine.Instant, bool) {
	at, ok := m.NextExpiry()
	if m.tallied && (!ok || m.tallyDue < at) {
		at, ok = m.tallyDue, true
	}
	if due, any := m.listDeadline(); any && (!ok || due < at) {
		at, ok = due, true
	}
	if due, any := m.lineDeadline(); any && (!ok || due < at) {
		at, ok = due, true
	}
	return at, ok
}

// expire ends due holds, those whose deadline came first before the others, of equal deadlines the lowest id, and no more than one batch of them.
func (m *Model) expire() {
	for range engine.ExpireBatchMax {
		var next *modelHold
		for _, h := range m.holds {
			if h.state == engine.HoldHeld && m.due(h) && (next == nil || h.deadline < next.deadline) {
				next = h
			}
		}
		if next == nil {
			return
		}
		m.end(next, engine.HoldExpired)
	}
}
