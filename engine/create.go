package engine

import (
	"encoding/binary"
	"strconv"
)

// factCreated says that the event was made, with the bounds of its tables that a replay has to keep.
//
//	| 1 | asked | spec | bounds: lots pools seats prices holds buyers orders ended requests refusals |
//
// If there are other bounds than the standard ones for offers and purchases, a 0, which no bound is, stands before the bounds and these two behind them; if
// there is another one for touches, two 0 stand before and the three behind; if there is another one for the line, three 0 and the four behind.
type factCreated struct {
	asked
	spec   *EventSpec // with defaults filled in
	limits Limits
}

func (f *factCreated) append(dst []byte) []byte {
	dst = f.asked.append(append(dst, byte(kindCreated)))
	return appendLimits(appendSpec(dst, f.spec), f.limits)
}

func appendLimits(dst []byte, l Limits) []byte {
	d := DefaultLimits()
	inLine := l.Line != d.Line
	touches := inLine || l.Touches != d.Touches
	more := touches || l.Offers != d.Offers || l.Purchases != d.Purchases
	if more {
		dst = append(dst, 0)
	}
	if touches {
		dst = append(dst, 0)
	}
	if inLine {
		dst = append(dst, 0)
	}
	for _, n := range [...]int{l.Lots, l.Pools, l.Seats, l.PriceVersions, l.Holds, l.Buyers, l.Orders, l.Ended, l.Requests, l.Refusals} {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	if more {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(l.Offers)), uint64(l.Purchases))
	}
	if touches {
		dst = binary.AppendUvarint(dst, uint64(l.Touches))
	}
	if inLine {
		dst = binary.AppendUvarint(dst, uint64(l.Line))
	}
	return dst
}

func (d *decoder) limits() Limits {
	standard := DefaultLimits()
	l := Limits{Offers: standard.Offers, Purchases: standard.Purchases, Touches: standard.Touches, Line: standard.Line}
	zero := func() bool {
		there := len(d.buf) > 0 && d.buf[0] == 0
		if there {
			d.byte()
		}
		return there
	}
	more := zero()
	touches := more && zero()
	inLine := touches && zero()
	for _, n := range [...]*int{
		&l.Lots, &l.Pools, &l.Seats, &l.PriceVersions, &l.Holds, &l.Buyers, &l.Orders, &l.Ended, &l.Requests, &l.Refusals,
	} {
		*n = int(d.uint(1 << 30))
	}
	if more {
		l.Offers, l.Purchases = int(d.uint(1<<30)), int(d.uint(1<<30))
		if touches {
			l.Touches = int(d.uint(1 << 30))
		}
		if inLine {
			l.Line = int(d.uint(1 << 30))
		}
		if inLine == (l.Line == standard.Line) || !inLine && touches == (l.Touches == standard.Touches) || !touches && l.Offers == standard.Offers && l.Purchases == standard.Purchases {
			d.fail("bounds that need not be said")
		}
	}
	return l
}

// factUpdated says what was changed and added. Its spec has the fields named in Set, and the lots and pools that are meant.
//
//	| 2 | asked | spec |
type factUpdated struct {
	asked
	spec *EventSpec
}

func (f *factUpdated) append(dst []byte) []byte {
	return appendSpec(f.asked.append(append(dst, byte(kindUpdated))), f.spec)
}

// create makes the event.
func (e *Event) create(cmd *Command) {
	if !e.validRequest(cmd) || !e.validID("event", e.key.ID) {
		return
	}
	if cmd.Spec == nil {
		e.bad("event", "it is missing")
		return
	}
	spec := *cmd.Spec
	spec.Set = 0
	if withDefaults(&spec); spec.Line != nil {
		spec.Line.Set = 0
	}
	check := specCheck{e: &Event{key: e.key, seed: e.seed, limits: e.limits}} // an event without anything yet, even if this one exists
	if !check.fields(&spec) || !check.layout(&spec) {
		e.out.Code, e.out.Field, e.out.Text = check.code, check.field, check.text
		return
	}
	f := factCreated{spec: &spec, limits: e.limits}
	if e.state != 0 {
		if !e.known(cmd, &f.asked) {
			e.refuseAsked(cmd, &f.asked, refusal{code: CodeEventExists, field: fieldEvent})
		}
		return
	}
	f.asked = asked{id: cmd.RequestID, print: e.fingerprint(cmd), hash: hashString(e.seed, cmd.RequestID)}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyCreated(&f)
	e.settle()
	e.showEvent()
}

// update changes what an organiser may change of an event.
func (e *Event) update(cmd *Command) {
	if !e.validRequest(cmd) {
		return
	}
	if cmd.Spec == nil {
		e.bad("event", "it is missing")
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	var f factUpdated
	if e.known(cmd, &f.asked) {
		return
	}
	check := specCheck{e: e}
	f.spec = e.meant(cmd.Spec)
	if !check.update(f.spec) {
		e.out.Code, e.out.Field, e.out.Text = check.code, check.field, check.text
		return
	}
	if e.state == EventClosed && !f.spec.movesOnly() || e.state == EventCancelled {
		e.refuseAsked(cmd, &f.asked, refusal{code: CodeWrongState, field: fieldEvent, text: e.notOnSale()})
		return
	}
	e.facts.Buf = f.append(e.facts.Buf)
	e.emitted()
	e.applyUpdated(&f)
	e.settle()
	e.showEvent()
}

// movesOnly reports whether an update only moves the show or its refunds: that is possible after its sale has closed.
func (s *EventSpec) movesOnly() bool {
	const moves = SetVenue | SetCity | SetCountry | SetTimeZone | SetDoorsAt | SetStartsAt | SetRefundUntil | SetRefundWindow
	return s.Set&^moves == 0 && len(s.Lots)+len(s.Pools) == 0 && s.Line == nil
}

// update checks an update as a whole: what the event would be with it.
func (c *specCheck) update(s *EventSpec) bool {
	switch {
	case s.Set&SetCurrency != 0:
		return c.bad("currency", "an event keeps its currency")
	case s.Set&SetOpen != 0:
		return c.bad("open", "use the command open")
	case s.Set&SetObserve != 0:
		return c.bad("mode", "an event keeps its mode")
	case s.Set&SetOneClick != 0:
		return c.bad("one_click_off", "use the command one_click")
	case s.Set == 0 && len(s.Lots) == 0 && len(s.Pools) == 0 && !s.updatesLine():
		return c.bad("event", "it names nothing to change")
	}
	merged := c.e.spec
	mergeSpec(&merged, s)
	if !c.fields(&merged) || !c.layout(s) {
		return false
	}
	for i := range s.Lots {
		if number, old := c.e.lotNamed(s.Lots[i].Lot); old {
			if !c.change(&s.Lots[i], &c.e.lots[number].spec, "lots["+strconv.Itoa(i)+"].") {
				return false
			}
		}
	}
	return true
}

// meant copies an update without the fields that are not meant: nobody has checked those.
func (e *Event) meant(s *EventSpec) *EventSpec {
	m := &EventSpec{Set: s.Set, Pools: s.Pools}
	if copyMeant(m, s); m.Line != nil {
		m.Line.Set = s.Line.Set
	}
	for i := range s.Lots {
		l := s.Lots[i]
		if _, old := e.lotNamed(l.Lot); old {
			merged := mergedLot(&LotSpec{Lot: l.Lot}, &l)
			merged.Set = l.Set
			l = merged
		} else {
			l.Set = 0
		}
		m.Lots = append(m.Lots, l)
	}
	return m
}

// mergeSpec puts the meant fields of an update into a spec.
func mergeSpec(to, s *EventSpec) {
	copyMeant(to, s)
	if s.Set&SetSpread != 0 {
		to.HasSpread = true
	}
	withDefaults(to)
}

func copyMeant(to, s *EventSpec) {
	to.Pay.merge(&s.Pay, s.Set)
	if s.Line != nil {
		to.Line = to.Line.merged(s.Line)
	}
	for _, t := range [...]struct {
		bit      SpecFields
		to, from *string
	}{
		{SetName, &to.Name, &s.Name},
		{SetGenre, &to.Genre, &s.Genre},
		{SetPerformer, &to.Performer, &s.Performer},
		{SetVenue, &to.Venue, &s.Venue},
		{SetCity, &to.City, &s.City},
		{SetCountry, &to.Country, &s.Country},
		{SetTimeZone, &to.TimeZone, &s.TimeZone},
	} {
		if s.Set&t.bit != 0 {
			*t.to = string([]byte(*t.from))
		}
	}
	for _, v := range [...]struct {
		bit      SpecFields
		to, from *int64
	}{
		{SetDoorsAt, (*int64)(&to.DoorsAt), (*int64)(&s.DoorsAt)},
		{SetStartsAt, (*int64)(&to.StartsAt), (*int64)(&s.StartsAt)},
		{SetOpensAt, (*int64)(&to.OpensAt), (*int64)(&s.OpensAt)},
		{SetClosesAt, (*int64)(&to.ClosesAt), (*int64)(&s.ClosesAt)},
		{SetHoldTTL, &to.HoldTTLMs, &s.HoldTTLMs},
		{SetMaxHold, &to.MaxHoldMs, &s.MaxHoldMs},
		{SetSpread, &to.SpreadMs, &s.SpreadMs},
		{SetLimitPerBuyer, &to.LimitPerBuyer, &s.LimitPerBuyer},
		{SetLimitPerOrder, &to.LimitPerOrder, &s.LimitPerOrder},
	} {
		if s.Set&v.bit != 0 {
			*v.to = *v.from
		}
	}
}

func (e *Event) applyCreated(f *factCreated) {
	e.limits = f.limits
	e.since = e.now
	e.state = EventDraft
	if f.spec.Open {
		e.state = EventOnSale
	}
	e.spec = ownSpec(f.spec)
	e.addLayout(f.spec)
	e.startLine()
	e.remember(&f.asked, VerbCreate, 0, 0)
}

func (e *Event) applyUpdated(f *factUpdated) {
	before := e.spec.StartsAt
	mergeSpec(&e.spec, f.spec)
	e.addLayout(f.spec)
	e.rescheduled(before, f.spec)
	e.startLine()
	e.remember(&f.asked, VerbUpdate, 0, 0)
}

// ownSpec copies a spec without lots and pools: its strings may be views into a command.
func ownSpec(s *EventSpec) EventSpec {
	own := EventSpec{Currency: string([]byte(s.Currency)), Open: s.Open, Observe: s.Observe, HasSpread: s.HasSpread}
	all := *s
	all.Set = ^SpecFields(0) &^ SetSpread
	all.Pay.fill() // a fact that does not say it means the standard policy
	if all.Line != nil {
		whole := *all.Line
		whole.Set, all.Line = ^LineFields(0), &whole
	}
	mergeSpec(&own, &all)
	own.SpreadMs = s.SpreadMs
	return own
}

// addLayout adds the pools and lots of a fact that are new and changes those that are not.
func (e *Event) addLayout(s *EventSpec) {
	for i := range s.Pools {
		p := pool{id: string([]byte(s.Pools[i].Pool))}
		p.capacity = s.Pools[i].Capacity
		p.in[shareFree] = p.capacity
		e.poolIndex.insert(index32(hashString(e.seed, p.id)), uint32(len(e.pools)))
		e.pools = append(e.pools, p)
	}
	first := len(e.lots)
	for i := range s.Lots {
		if number, old := e.lotNamed(s.Lots[i].Lot); old {
			e.changeLot(number, &s.Lots[i])
		} else {
			e.addLot(&s.Lots[i])
		}
	}
	for i := first; i < len(e.lots); i++ {
		e.linkLot(uint32(i))
	}
	e.hashStatic()
}

// addLot adds a lot. The lots it names may come later: linkLot follows.
func (e *Event) addLot(s *LotSpec) {
	l := lot{spec: ownLot(s), units: max(1, s.Units), minOrder: max(1, s.MinOrder), after: -1}
	l.capacity = s.Capacity
	if len(s.Rows) > 0 {
		l.seating = newSeating(e.seed, l.spec.Rows)
		l.capacity = int64(len(l.seating.seats))
		e.seatsTotal += len(l.seating.seats)
	}
	l.in[shareFree] = l.capacity
	for _, p := range l.spec.Pools {
		number, _ := e.poolNamed(p)
		l.pools = append(l.pools, number)
	}
	number := uint32(len(e.lots))
	e.lotIndex.insert(index32(hashString(e.seed, l.spec.Lot)), number)
	e.lots = append(e.lots, l)
	e.price(number)
}

// linkLot resolves the lots that a new lot names, and opens it unless it is a tier.
func (e *Event) linkLot(number uint32) {
	l := &e.lots[number]
	for _, r := range l.spec.Requires {
		required, _ := e.lotNamed(r)
		l.requires = append(l.requires, required)
	}
	if l.spec.After == "" {
		l.open = true
	} else {
		after, _ := e.lotNamed(l.spec.After)
		l.after = int(after)
		e.lots[after].followers = append(e.lots[after].followers, number)
		if e.lots[after].exhausted {
			e.tiersDue++
		}
	}
	if l.in[shareFree] == 0 {
		e.exhaust(number)
	}
}

// changeLot changes what an update may change. A new price is a new version: live holds and orders keep theirs.
func (e *Event) changeLot(number uint32, s *LotSpec) {
	l := &e.lots[number]
	merged := mergedLot(&l.spec, s)
	l.spec = ownLot(&merged)
	l.minOrder = max(1, l.spec.MinOrder)
	if s.Set&(SetLotFace|SetLotFees|SetLotTax) != 0 {
		e.price(number)
	}
}

// pricesOfLots is how many price versions there are that no code has made.
func (e *Event) pricesOfLots() int {
	if e.codes == nil {
		return len(e.prices)
	}
	return len(e.prices) - e.codes.priced
}

// price adds the present price of a lot as a new version.
func (e *Event) price(number uint32) {
	l := &e.lots[number]
	v := priceVersion{lot: number, face: l.spec.FaceMinor, tax: l.spec.TaxMinor, fees: l.spec.Fees, total: l.spec.FaceMinor}
	for i := range v.fees {
		v.total += v.fees[i].Minor
	}
	if len(e.prices) > 0 && int(l.price) < len(e.prices) && e.prices[l.price].lot == number {
		v.before = l.price + 1
	}
	l.price = uint32(len(e.prices))
	e.prices = append(e.prices, v)
}

// ownLot copies a lot's spec with lists and strings of its own.
func ownLot(s *LotSpec) LotSpec {
	d := decoder{buf: appendLotSpec(nil, s)}
	own := d.lotSpec()
	own.Set = 0
	return own
}

// hashStatic hashes what only create and update change.
func (e *Event) hashStatic() {
	buf := appendSpec(nil, &e.spec)
	for i := range e.lots {
		buf = appendLotSpec(buf, &e.lots[i].spec)
	}
	for i := range e.prices {
		p := &e.prices[i]
		if p.code != 0 {
			continue // a fact of its own has made it
		}
		buf = binary.AppendUvarint(buf, uint64(p.lot))
		buf = binary.AppendVarint(buf, p.face)
		buf = binary.AppendVarint(buf, p.tax)
		buf = appendFees(buf, p.fees)
	}
	for i := range e.pools {
		buf = appendString(buf, e.pools[i].id)
	}
	e.static = hashString(hashK3, view(appendLimits(buf, e.limits)))
}

// lotNamed finds a lot by its id.
func (e *Event) lotNamed(id string) (uint32, bool) {
	var p probe
	e.lotIndex.seek(&p, index32(hashString(e.seed, id)))
	for {
		number, ok := e.lotIndex.next(&p)
		if !ok || e.lots[number].spec.Lot == id {
			return number, ok
		}
	}
}

// poolNamed finds a pool by its id.
func (e *Event) poolNamed(id string) (uint32, bool) {
	var p probe
	e.poolIndex.seek(&p, index32(hashString(e.seed, id)))
	for {
		number, ok := e.poolIndex.next(&p)
		if !ok || e.pools[number].id == id {
			return number, ok
		}
	}
}
