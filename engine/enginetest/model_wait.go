package enginetest

import (
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// modelList is the waiting list done the naive way: everybody who ever waited, gone through from the front whenever something may be free.
type modelList struct {
	waiters []*modelWaiter
	passed  map[engine.Wish]*modelPassed // the first who wishes so, while passed over

	// What is kept from the present command.
	keptOf     map[string]int64 // by lot, in units
	keptOfPool map[string]int64
}

type modelWaiter struct {
	n      int64
	buyer  string
	state  engine.WaitState
	wishes []engine.WishView
	max    int64
	hasMax bool
	before int // how often the buyer had waited
	hold   *modelHold
	code   *modelCode
	auto   engine.Annotation // what is to be charged as soon as the turn comes; with no method nothing is
	seen   bool              // max was not said: it is what the dearest wish cost when the buyer agreed to be charged
}

type modelPassed struct {
	who   *modelWaiter
	times int
	again int   // times of keeping that are over and were not enough
	until int64 // event time until which tickets are kept, 0 if none are
}

func (w *modelWaiter) live() bool {
	return w.state == engine.WaitWaiting || w.state == engine.WaitOffered
}

// wants reports whether somebody waits for just this.
func (w *modelWaiter) wants(wish engine.Wish) bool {
	return w.state == engine.WaitWaiting && slices.Contains(w.wishes, engine.WishView{Wish: wish})
}

// waiter is the newest of a buyer, nil if there is none.
func (m *Model) waiter(buyer string) *modelWaiter {
	for _, w := range slices.Backward(m.list.waiters) {
		if w.buyer == buyer {
			return w
		}
	}
	return nil
}

// kinds lists what somebody waits for, and these.
func (m *Model) kinds(more ...engine.WishView) (kinds []engine.Wish) {
	seen := map[engine.Wish]bool{}
	add := func(wish engine.WishView) {
		if !wish.Off && !seen[wish.Wish] {
			seen[wish.Wish] = true
			kinds = append(kinds, wish.Wish)
		}
	}
	for _, w := range m.list.waiters {
		for _, wish := range w.wishes {
			if w.state == engine.WaitWaiting {
				add(wish)
			}
		}
	}
	for _, wish := range more {
		add(wish)
	}
	return kinds
}

// firstOf is who came first of those who wait for just this, nil if nobody does.
func (m *Model) firstOf(wish engine.Wish) *modelWaiter {
	for _, w := range m.list.waiters {
		if w.wants(wish) {
			return w
		}
	}
	return nil
}

// invalidWait adds what can never be right in wishes.
func (m *Model) invalidWait(cmd *engine.Command) {
	m.invalidCode(cmd)
	m.id("buyer", cmd.Buyer)
	wishes := lineSaid(cmd).Wishes
	m.bad.addIf(len(wishes) == 0 || len(wishes) > engine.WishesMax, engine.CodeInvalid, "wishes")
	m.bad.addIf(cmd.MaxPrice < 0, engine.CodeInvalid, "max_price_minor")
	for i, w := range wishes {
		field := "wishes[" + strconv.Itoa(i) + "]."
		m.id(field+"lot", w.Lot)
		m.bad.addIf(w.Quantity < 1 || w.Quantity > engine.WishQuantityMax, engine.CodeInvalid, field+"quantity")
		m.bad.addIf(slices.Contains(wishes[:i], w), engine.CodeInvalid, field+"lot")
	}
}

// wait considers a buyer who wants to wait.
func (m *Model) wait(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	mine := &modelWaiter{n: int64(len(m.list.waiters) + 1), buyer: cmd.Buyer, state: engine.WaitWaiting, max: cmd.MaxPrice, hasMax: cmd.HasMaxPrice || cmd.MaxPrice > 0}
	for i, wish := range lineSaid(cmd).Wishes {
		l := m.lot(wish.Lot)
		if l == nil {
			m.refusals.add(engine.CodeLotUnknown, "wishes["+strconv.Itoa(i)+"].lot")
			continue
		}
		wish.Together = wish.Together && l.seated()
		m.refusals.addIf(slices.Contains(mine.wishes, engine.WishView{Wish: wish}), engine.CodeInvalid, "wishes")
		mine.wishes = append(mine.wishes, engine.WishView{Wish: wish})
	}
	if len(m.refusals) == 0 && lineSaid(cmd).Code != "" {
		if mine.code = m.tryCode(cmd); mine.code != nil {
			m.considerTime(mine.code)
			of := func(v engine.WishView) bool { return mine.code.isFor(m.lot(v.Lot)) }
			m.bad.addIf(!slices.ContainsFunc(mine.wishes, of), engine.CodeInvalid, "code")
		}
		if len(m.refusals)+len(m.bad) > 0 {
			return nil
		}
	}
	if lineSaid(cmd).AutoBuy {
		mine.auto = cmd.Payment.Note
		m.refusals.addIf(mine.auto.Agreement == "", engine.CodeAgreementMissing, "buyer")
	}
	before := m.waiter(cmd.Buyer)
	if len(m.refusals) == 0 && before != nil && before.live() {
		same := before.max == mine.max && before.hasMax == mine.hasMax || before.seen && !mine.hasMax
		same = same && before.code == mine.code && before.auto.Method == mine.auto.Method
		same = same && slices.EqualFunc(before.wishes, mine.wishes, func(a, b engine.WishView) bool { return a.Wish == b.Wish })
		if same {
			m.silent = mine.auto.Method == "" || m.Closed() // who is bought for must not be bought for twice
			return func(*engine.Outcome) *modelRequest { return &modelRequest{waiter: before} }
		}
		m.refusals.add(engine.CodeWrongState, "buyer")
	}
	if before != nil {
		mine.before = before.before + 1
	}
	if mine.auto.Method != "" && !mine.hasMax {
		mine.hasMax, mine.seen = true, true
		for _, wish := range mine.wishes {
			mine.max = max(mine.max, m.priceNow(mine, wish.Wish))
		}
	}
	m.considerWait(cmd, mine)
	return func(*engine.Outcome) *modelRequest {
		if cmd.Payment != nil {
			m.linkBy(cmd.Buyer, slices.Compact(slices.Sorted(slices.Values(cmd.Payment.Note.Links))))
		}
		m.list.waiters = append(m.list.waiters, mine)
		if e := m.entry(cmd.Buyer); e != nil && e.state == engine.PlaceAdmitted && e.browsing {
			wish := mine.wishes[0]
			e.picked, e.browsing, e.held = true, false, m.lineTime()
			m.line.shopping.Wished(e.granted, e.held, uint32(wish.Quantity*m.lot(wish.Lot).spec.Units))
		}
		return &modelRequest{waiter: mine}
	}
}

// priceNow is what a hold of a wish would cost a waiter now, with fees.
func (m *Model) priceNow(of *modelWaiter, what engine.Wish) int64 {
	items := []engine.ItemView{(&wish{lot: m.lot(what.Lot)}).item(what.Quantity)}
	m.keepPromise(of.buyer, of.code, items)
	m.discount(of.code, items)
	return items[0].Quantity * price(&items[0])
}

// considerWait adds the reasons why somebody cannot wait.
func (m *Model) considerWait(cmd *engine.Command, mine *modelWaiter) {
	if !m.selling() {
		m.refusals.add(engine.CodeNotOnSale, "event")
		return
	}
	m.refusals.addIf(m.liveHold(cmd.Buyer) != nil, engine.CodeWrongState, "buyer")
	m.refusals.addIf(mine.before >= 16, engine.CodeTooMany, "buyer")
	m.refusals.addIf(m.buyers()[cmd.Buyer] == 0 && len(m.buyers()) >= m.limits.Buyers, engine.CodeTooMany, "")
	m.refusals.addIf(len(m.list.waiters) >= m.limits.Line, engine.CodeTooMany, "")
	m.refusals.addIf(len(m.kinds(mine.wishes...)) > engine.WishKindsMax, engine.CodeTooMany, "wishes")
	closed := m.lineMode() == engine.LineModeLine && m.line.phase != engine.LineNone && !m.hasPass(cmd.Buyer)
	for _, w := range mine.wishes {
		l := m.lot(w.Lot)
		s, units := &l.spec, w.Quantity*l.spec.Units
		m.refusals.addIf(w.Quantity < max(1, s.MinOrder), engine.CodeBelowMinimum, "wishes")
		m.refusals.addIf(s.MaxOrder > 0 && w.Quantity > s.MaxOrder || m.spec.LimitPerOrder > 0 && units > m.spec.LimitPerOrder, engine.CodeAboveMaximum, "wishes")
		m.refusals.addIf(m.spec.LimitPerBuyer > 0 && m.bought(cmd.Buyer)+units > m.spec.LimitPerBuyer, engine.CodeLimitReached, "wishes")
		if w.Together {
			all := &theater{seats: l.seats, free: map[string]bool{}}
			for _, seat := range l.seats {
				all.free[seat.label] = true
			}
			m.refusals.addIf(all.together(&modelParty{seats: w.Quantity}, w.Quantity) == nil, engine.CodeNotTogether, "wishes")
		}
		m.refusals.addIf(s.CodeOnly && (mine.code == nil || !mine.code.isFor(l)), engine.CodeLotNotOpen, "wishes")
		m.refusals.addIf(closed && (!m.soldOut(l) || !l.open), engine.CodePassRequired, "buyer")
	}
	affordable := func(v engine.WishView) bool { return m.priceNow(mine, v.Wish) <= mine.max }
	m.refusals.addIf(mine.hasMax && len(mine.wishes) > 0 && !slices.ContainsFunc(mine.wishes, affordable), engine.CodePriceExceeded, "max_price_minor")
	links := []uint64(nil)
	if cmd.Payment != nil {
		links = slices.Compact(slices.Sorted(slices.Values(cmd.Payment.Note.Links)))
	}
	if len(m.links[cmd.Buyer])+len(links) > 0 {
		cluster := m.clusterOf(cmd.Buyer, links)
		m.refusals.addIf(len(cluster) > engine.LinkedBuyersMax || len(m.brought(cmd.Buyer, links)) > engine.LinksPerBuyerMax, engine.CodeTooManyLinks, "buyer")
		for _, b := range cluster {
			other := m.waiter(b)
			m.refusals.addIf(b != cmd.Buyer && other != nil && other.live(), engine.CodeAlreadyInLine, "buyer")
		}
	}
}

// bought is how many units a buyer has bought.
func (m *Model) bought(buyer string) (units int64) {
	for _, o := range m.orders {
		if o.hold.buyer == buyer {
			units += o.hold.units()
		}
	}
	return units
}

func (m *Model) hasPass(buyer string) bool {
	e := m.entry(buyer)
	return e != nil && e.state == engine.PlaceAdmitted && e.deadline > m.lineTime()
}

// leaveList considers a buyer who waits no more.
func (m *Model) leaveList(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	w := m.waiter(cmd.Buyer)
	if w == nil || !w.live() || m.Closed() {
		m.refusals.add(engine.CodeNotInLine, "buyer")
		return nil
	}
	return func(*engine.Outcome) *modelRequest {
		h := w.hold
		w.state, w.hold = engine.WaitLeft, nil
		if h != nil {
			m.end(h, engine.HoldReleased)
		}
		return &modelRequest{waiter: w}
	}
}

// offers reports whether the list is gone through at all.
func (m *Model) offers() bool {
	return m.state == engine.EventOnSale && m.liveHolds() < int64(m.limits.Holds)
}

// nextOffer is whose turn it is, and with which wish: the first whom what is free fits, nil if it fits nobody.
func (m *Model) nextOffer() (*modelWaiter, int) {
	for _, w := range m.list.waiters {
		for i := range w.wishes {
			if m.offers() && w.wants(w.wishes[i].Wish) && !w.wishes[i].Off && m.fits(w, w.wishes[i].Wish) {
				return w, i
			}
		}
	}
	return nil, 0
}

// fits reports whether what is free fits a wish, beside what is kept for those who came before.
func (m *Model) fits(w *modelWaiter, wish engine.Wish) bool {
	l := m.lot(wish.Lot)
	if !l.open || m.counts(l, nil).Free < wish.Quantity*l.spec.Units {
		return false
	}
	m.keep(w)
	room := m.room(l, nil, nil)
	m.keepNone()
	if room < wish.Quantity || !l.seated() {
		return room >= wish.Quantity
	}
	p, t := &modelParty{seats: wish.Quantity}, m.theater(l, nil)
	if wish.Together {
		return t.together(p, wish.Quantity) != nil
	}
	return t.count(p.takes) >= wish.Quantity
}

// keep finds out what is kept for others from a waiter, or with nil from whoever does not wait.
func (m *Model) keep(from *modelWaiter) {
	m.list.keptOf, m.list.keptOfPool = map[string]int64{}, map[string]int64{}
	for wish, p := range m.list.passed {
		if !p.who.wants(wish) || p.until <= m.eventTime() || from != nil && p.who.n >= from.n {
			continue
		}
		l := m.lot(wish.Lot)
		units := wish.Quantity * l.spec.Units
		most := m.counts(l, nil)
		could := most.Capacity-most.Blocked >= units
		for _, id := range l.spec.Pools {
			c := m.poolCounts(m.pool(id), nil)
			could = could && c.Capacity-c.Blocked >= units
		}
		if !could {
			continue
		}
		m.list.keptOf[wish.Lot] += units
		if wish.Together {
			m.list.keptOf[wish.Lot] = most.Free
		}
		for _, id := range l.spec.Pools {
			m.list.keptOfPool[id] += units
		}
	}
	for lot, units := range m.list.keptOf {
		m.list.keptOf[lot] = min(units, m.counts(m.lot(lot), nil).Free)
	}
	for pool, units := range m.list.keptOfPool {
		m.list.keptOfPool[pool] = min(units, m.poolCounts(m.pool(pool), nil).Free)
	}
}

func (m *Model) keepNone() { m.list.keptOf, m.list.keptOfPool = nil, nil }

// settleList offers what is free until it fits nobody.
func (m *Model) settleList() {
	for w, i := m.nextOffer(); w != nil; w, i = m.nextOffer() {
		m.offerTo(w, i)
	}
}

// offerTo holds tickets for a waiter, or strikes the wish off if a rule forbids it that has nothing to do with what is free.
func (m *Model) offerTo(w *modelWaiter, i int) {
	wish := w.wishes[i].Wish
	l := m.lot(wish.Lot)
	cmd := &engine.Command{Buyer: w.buyer, Items: []engine.Item{{Lot: wish.Lot, Quantity: wish.Quantity, Split: l.seated() && !wish.Together}}}
	said, why := m.said, m.refusals
	m.said, m.refusals = nil, nil
	m.keep(w)
	wishes := m.wishes(cmd)
	if m.using = nil; w.code != nil && w.code.isFor(l) {
		m.using = w.code
		m.considerCode(m.using, wishes, nil)
	}
	m.considerRules(cmd, wishes, nil)
	taken := m.takeWhole(wishes, nil)
	m.keepNone()
	m.keepPromise(w.buyer, m.using, taken)
	m.discount(m.using, taken)
	total := int64(0)
	for j := range taken {
		total += taken[j].Quantity * price(&taken[j])
	}
	m.refusals.addIf(w.hasMax && total > w.max, engine.CodePriceExceeded, "max_price_minor")
	code := m.refusals.first()
	m.said, m.refusals = said, why
	if code != engine.CodeOK {
		w.wishes[i].Off = true
		if !slices.ContainsFunc(w.wishes, func(v engine.WishView) bool { return !v.Off }) {
			w.state = engine.WaitUnfit
		}
		return
	}
	life := int64(300_000_000_000)
	if m.spec.Line != nil && m.spec.Line.OfferTTLMs > 0 {
		life = m.spec.Line.OfferTTLMs * 1e6
	}
	h := &modelHold{
		id: engine.HoldID(len(m.holds) + 1), in: m.incarnation, buyer: w.buyer, state: engine.HoldHeld, items: taken, total: total,
		deadline: m.eventTime() + life, end: m.eventTime() + max(life, m.spec.MaxHoldMs*1e6),
	}
	m.holds = append(m.holds, h)
	m.heldInLine(h, false)
	m.Offers++
	w.state, w.hold = engine.WaitOffered, h
	m.passOver(w, h)
}

// heldInList notes a hold that was not offered: its buyer waits no more, or has given the offer up for it.
func (m *Model) heldInList(h *modelHold) {
	if w := m.waiter(h.buyer); w != nil && w.live() {
		w.state, w.hold = engine.WaitTook, nil
	}
	m.passOver(nil, h)
}

// passOver counts for the first of each kind, before a waiter or before everybody who does not wait, that tickets went to somebody else.
func (m *Model) passOver(from *modelWaiter, h *modelHold) {
	for _, wish := range m.kinds() {
		first := m.firstOf(wish)
		if first == nil || from != nil && first.n >= from.n || !slices.ContainsFunc(h.items, func(it engine.ItemView) bool { return m.share(wish.Lot, it.Lot) }) {
			continue
		}
		if m.list.passed == nil {
			m.list.passed = map[engine.Wish]*modelPassed{}
		}
		p := m.list.passed[wish]
		if p == nil || !p.who.wants(wish) {
			p = &modelPassed{who: first}
			m.list.passed[wish] = p
		}
		if p.until > m.eventTime() {
			continue
		}
		if p.until != 0 {
			p.times, p.again, p.until = 0, p.again+1, 0
		}
		if p.times++; p.times >= engine.PassedOverMax {
			aside := int64(600_000_000_000)
			if m.spec.Line != nil && m.spec.Line.AsideMs > 0 {
				aside = m.spec.Line.AsideMs * 1e6
			}
			year := 365 * 24 * time.Hour.Nanoseconds()
			again := p.again
			if wish.Together {
				again = min(again, 3)
			}
			for range again {
				aside = min(2*aside, year)
			}
			p.until = m.eventTime() + aside
			m.Kept++
			m.KeptLonger += min(p.again, 1)
		}
	}
}

// share reports whether two lots take from the same place.
func (m *Model) share(a, b string) bool {
	return a == b || slices.ContainsFunc(m.lot(a).spec.Pools, func(p string) bool { return slices.Contains(m.lot(b).spec.Pools, p) })
}

// offerEnded notes that a hold has ended that may have been offered.
func (m *Model) offerEnded(h *modelHold, state engine.HoldState) {
	w := m.waiter(h.buyer)
	if w == nil || w.state != engine.WaitOffered {
		return
	}
	w.hold = nil
	switch state {
	case engine.HoldConfirmed:
		w.state = engine.WaitBought
	case engine.HoldExpired:
		w.state = engine.WaitLapsed
	default:
		w.state = engine.WaitReleased
	}
}

// listDeadline is when the list wants to be looked at again, false if never. It may be so at any time.
func (m *Model) listDeadline() (at engine.Instant, ok bool) {
	waiting := slices.ContainsFunc(m.list.waiters, func(w *modelWaiter) bool { return w.state == engine.WaitWaiting })
	for wish, p := range m.list.passed {
		ok = ok || waiting && m.offers() && p.who.wants(wish) && p.until > m.eventTime()
	}
	return 1<<63 - 1, ok
}

// showWaiter shows somebody who waits.
func (m *Model) showWaiter(out *engine.Outcome, w *modelWaiter) {
	v := &engine.WaiterView{Event: m.key.ID, Buyer: w.buyer, Waiter: w.n, State: w.state, Wishes: slices.Clone(w.wishes), MaxMinor: w.max, HasMax: w.hasMax}
	if w.auto.Method != "" {
		v.AutoBuy, v.Method, v.Agreement = true, w.auto.Method, w.auto.Agreement
	}
	switch {
	case w.state == engine.WaitWaiting && m.Closed():
		v.State = engine.WaitOver
	case w.state == engine.WaitWaiting:
		for _, other := range m.list.waiters[:w.n-1] {
			if other.state == engine.WaitWaiting {
				v.Ahead++
			}
		}
	case w.state == engine.WaitOffered:
		v.Hold, v.HoldIn, v.Until = w.hold.id, w.hold.in, engine.Instant(w.hold.deadline+m.down)
	}
	out.Shows, out.Waiter = out.Shows|engine.ShowsWaiter, v
}

// viewList counts those who wait by their state, nil if nobody ever has.
func (m *Model) viewList() *engine.ListView {
	if len(m.list.waiters) == 0 {
		return nil
	}
	v := &engine.ListView{}
	counts := map[engine.WaitState]*int64{
		engine.WaitWaiting: &v.Waiting, engine.WaitOffered: &v.Offered, engine.WaitBought: &v.Bought, engine.WaitLapsed: &v.Lapsed, engine.WaitReleased: &v.Released,
		engine.WaitUnpaid: &v.Unpaid, engine.WaitLeft: &v.Left, engine.WaitTook: &v.Took, engine.WaitUnfit: &v.Unfit,
	}
	for _, w := range m.list.waiters {
		*counts[w.state]++
	}
	return v
}
