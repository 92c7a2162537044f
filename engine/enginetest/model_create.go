package enginetest

import (
	"fmt"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

// invalidSpec adds to bad what can never be right in what an organiser says about a new event. The model it is asked of has none yet.
func (m *Model) invalidSpec(s *engine.EventSpec, bad *refusals) {
	all := *s
	all.HoldTTLMs, all.MaxHoldMs, all.SpreadMs = lives(s)
	if all.Line != nil {
		all.Line = lineWith(nil, all.Line, ^engine.LineFields(0))
	}
	m.invalidFields(&all)
	m.invalidLineSpec(&all, nil)
	m.invalidLayout(s)
	*bad = append(*bad, m.bad...)
}

// lives returns how long holds live, at longest and how much longer each by its own, in milliseconds, with what the organiser left to the engine.
func lives(s *engine.EventSpec) (ttl, longest, spread int64) {
	ttl, longest, spread = s.HoldTTLMs, s.MaxHoldMs, s.SpreadMs
	if ttl == 0 {
		ttl = 120_000
	}
	if longest == 0 {
		longest = min(5*ttl, engine.MaxHoldMsMax)
	}
	if !s.HasSpread {
		spread = ttl / 16
	}
	return ttl, longest, spread
}

// invalidFields looks at the fields of an event as they will be.
func (m *Model) invalidFields(s *engine.EventSpec) {
	check := func(bad bool, field string) { m.bad.addIf(bad, engine.CodeInvalid, field) }
	m.text("name", s.Name, 200)
	m.text("genre", s.Genre, 200)
	m.text("performer", s.Performer, 200)
	m.text("venue", s.Venue, 200)
	m.text("city", s.City, 200)
	m.text("time_zone", s.TimeZone, 64)
	letter := func(i int) bool { return s.Country[i] >= 'A' && s.Country[i] <= 'Z' }
	check(s.Country != "" && (len(s.Country) != 2 || !letter(0) || !letter(1)), "country")
	const latest = engine.Instant(1<<63 - 1 - 1<<56)
	check(s.DoorsAt < 0 || s.DoorsAt > latest, "doors_at")
	check(s.StartsAt < 0 || s.StartsAt > latest, "starts_at")
	check(s.OpensAt < 0 || s.OpensAt > latest, "opens_at")
	check(s.ClosesAt < 0 || s.ClosesAt > latest, "closes_at")
	check(s.OpensAt != 0 && s.ClosesAt != 0 && s.ClosesAt <= s.OpensAt, "closes_at")
	_, known := engine.CurrencyExponent(s.Currency)
	check(!known, "currency")
	check(s.HoldTTLMs < 1 || s.HoldTTLMs > engine.HoldTTLMsMax, "hold_ttl_ms")
	check(s.MaxHoldMs < s.HoldTTLMs || s.MaxHoldMs > engine.MaxHoldMsMax, "max_hold_ms")
	check(s.SpreadMs < 0 || s.SpreadMs > s.HoldTTLMs/8, "spread_ms")
	check(s.LimitPerBuyer < 0 || s.LimitPerBuyer > engine.LimitMax, "limit_per_buyer")
	check(s.LimitPerOrder < 0 || s.LimitPerOrder > engine.LimitMax, "limit_per_order")
}

// invalidLayout looks at new lots and pools beside those that are there.
func (m *Model) invalidLayout(s *engine.EventSpec) {
	r := &m.bad
	pools := m.poolSpecs()
	for i := range s.Pools {
		p, field := &s.Pools[i], fmt.Sprintf("pools[%d].", i)
		m.id(field+"pool", p.Pool)
		r.addIf(slices.ContainsFunc(pools, func(o engine.PoolSpec) bool { return o.Pool == p.Pool }), engine.CodeInvalid, field+"pool")
		r.addIf(p.Capacity < 0 || p.Capacity > engine.CapacityMax, engine.CodeInvalid, field+"capacity")
		pools = append(pools, *p)
	}
	lots, prices := m.lotSpecs(), m.prices
	for i := range s.Lots {
		l, field := &s.Lots[i], fmt.Sprintf("lots[%d].", i)
		if m.lot(l.Lot) != nil {
			if l.Set&(engine.SetLotFace|engine.SetLotFees|engine.SetLotTax) != 0 {
				prices++
			}
			continue
		}
		prices++
		r.addIf(slices.ContainsFunc(lots, func(o engine.LotSpec) bool { return o.Lot == l.Lot }), engine.CodeInvalid, field+"lot")
		lots = append(lots, *l)
	}
	seats := int64(0)
	for i := range lots {
		for _, row := range lots[i].Rows {
			seats += min(max(0, row.Seats), engine.SeatsPerRowMax) * int64(max(1, len(rowNames(&row))))
		}
	}
	for i := range s.Lots {
		if m.lot(s.Lots[i].Lot) == nil {
			m.invalidLot(&s.Lots[i], lots, pools, fmt.Sprintf("lots[%d].", i))
		}
	}
	r.addIf(len(pools) > m.limits.Pools, engine.CodeTooMany, "pools")
	r.addIf(len(lots) > m.limits.Lots || seats > int64(m.limits.Seats) || prices > m.limits.PriceVersions, engine.CodeTooMany, "lots")
}

// invalidLot looks at a new lot beside all lots and pools that there will be.
func (m *Model) invalidLot(l *engine.LotSpec, lots []engine.LotSpec, pools []engine.PoolSpec, field string) {
	check := func(bad bool, name string) { m.bad.addIf(bad, engine.CodeInvalid, field+name) }
	m.id(field+"lot", l.Lot)
	m.invalidPrice(l, field)
	check(l.Units < 0 || l.Units > engine.UnitsPerSaleMax, "units")
	check(l.Capacity < 0 || l.Capacity > engine.CapacityMax, "capacity")
	check(len(l.Pools) > engine.PoolsPerLotMax, "pools")
	for i, id := range l.Pools {
		known := slices.ContainsFunc(pools, func(p engine.PoolSpec) bool { return p.Pool == id })
		check(!known || slices.Contains(l.Pools[:i], id), "pools")
	}
	named := func(id string) *engine.LotSpec {
		i := slices.IndexFunc(lots, func(o engine.LotSpec) bool { return o.Lot == id })
		if i < 0 {
			return nil
		}
		return &lots[i]
	}
	check(len(l.Requires) > engine.RequiresPerLotMax, "requires")
	for _, id := range l.Requires {
		check(named(id) == nil || id == l.Lot, "requires")
	}
	// Whoever follows the lots that a lot follows comes to one that follows none, before having met them all.
	before := l
	for range lots {
		if before != nil && before.After != "" {
			before = named(before.After)
		}
	}
	check(before == nil || before.After != "", "after")
	m.invalidRows(l, field)
}

func (m *Model) invalidRows(l *engine.LotSpec, field string) {
	check := func(bad bool, name string) { m.bad.addIf(bad, engine.CodeInvalid, field+name) }
	if len(l.Rows) == 0 {
		return
	}
	sum := int64(0)
	names := map[string]bool{}
	for i, row := range l.Rows {
		name := fmt.Sprintf("rows[%d].", i)
		m.id(field+name+"section", row.Section)
		m.id(field+name+"row", row.Row)
		if row.Through != "" {
			m.id(field+name+"through", row.Through)
		}
		for _, n := range rowNames(&row) {
			check(names[row.Section+"/"+n], name+"row")
			names[row.Section+"/"+n] = true
		}
		sum += min(max(0, row.Seats), engine.SeatsPerRowMax) * int64(len(rowNames(&row)))
	}
	for i := range l.Rows {
		seats, wrong := modelRows(l.Rows[:i+1])
		check(wrong != "", wrong)
		accessible := slices.DeleteFunc(seats, func(s modelSeat) bool { return s.kind != "accessible" })
		check(len(accessible) > engine.AccessibleMax, fmt.Sprintf("rows[%d].accessible", i))
	}
	check(l.Capacity != 0 && l.Capacity != sum, "capacity")
	check(l.Units > 1, "units")
}

// invalidPrice looks at what an update may change of a lot, as it will be.
func (m *Model) invalidPrice(l *engine.LotSpec, field string) {
	check := func(bad bool, name string) { m.bad.addIf(bad, engine.CodeInvalid, field+name) }
	m.text(field+"name", l.Name, 200)
	total := min(max(0, l.FaceMinor), engine.MinorMax+1)
	check(l.FaceMinor < 0 || l.FaceMinor > engine.MinorMax, "face_minor")
	check(len(l.Fees) > engine.FeesPerLotMax, "fees")
	for i, f := range l.Fees {
		m.text(fmt.Sprintf("%sfees[%d].name", field, i), f.Name, 200)
		check(f.Minor < 0 || f.Minor > engine.MinorMax, fmt.Sprintf("fees[%d].minor", i))
		total += min(max(0, f.Minor), engine.MinorMax+1)
	}
	check(total > engine.MinorMax, "fees")
	check(l.TaxMinor < 0 || l.TaxMinor > total, "tax_minor")
	check(l.MinOrder < 0 || l.MinOrder > engine.QuantityMax, "min_order")
	check(l.MaxOrder < 0 || l.MaxOrder > engine.LimitMax, "max_order")
	check(l.MaxOrder > 0 && l.MaxOrder < l.MinOrder, "max_order")
}

func (m *Model) create(cmd *engine.Command) *modelRequest {
	m.exists, m.since, m.state, m.spec = true, m.now, engine.EventDraft, *cmd.Spec
	if m.spec.Open {
		m.state = engine.EventOnSale
	}
	m.spec.HoldTTLMs, m.spec.MaxHoldMs, m.spec.SpreadMs = lives(cmd.Spec)
	m.spec.Lots, m.spec.Pools = nil, nil
	if m.spec.Line != nil {
		m.spec.Line = lineWith(nil, m.spec.Line, ^engine.LineFields(0))
	}
	m.addLayout(cmd.Spec)
	m.startLine()
	return &modelRequest{}
}

// addLayout adds new pools and lots, and changes the prices of those that are there.
func (m *Model) addLayout(s *engine.EventSpec) {
	for _, p := range s.Pools {
		m.pools = append(m.pools, &modelPool{spec: p})
	}
	for i := range s.Lots {
		l := &s.Lots[i]
		old := m.lot(l.Lot)
		if old == nil {
			m.addLot(l)
			continue
		}
		setLotFields(&old.spec, l)
		if l.Set&(engine.SetLotFace|engine.SetLotFees|engine.SetLotTax) != 0 {
			m.prices++
			m.showPrice(old)
		}
	}
}

func (m *Model) addLot(s *engine.LotSpec) {
	l := &modelLot{spec: *s, capacity: s.Capacity, open: s.After == ""}
	l.seats, _ = modelRows(s.Rows)
	for _, seat := range l.seats {
		l.labels = append(l.labels, seat.label)
	}
	if l.seated() {
		l.capacity = int64(len(l.labels))
	}
	l.spec.Units = max(1, s.Units)
	m.lots = append(m.lots, l)
	m.prices++
	m.showPrice(l)
}

// update considers a change of what the organiser said: some fields, the prices of lots, and new lots and pools.
func (m *Model) update(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	s := cmd.Spec
	m.bad.addIf(s.Set&engine.SetCurrency != 0, engine.CodeInvalid, "currency")
	m.bad.addIf(s.Set&engine.SetOpen != 0, engine.CodeInvalid, "open")
	m.bad.addIf(s.Set == 0 && len(s.Lots) == 0 && len(s.Pools) == 0 && (s.Line == nil || s.Line.Set == 0), engine.CodeInvalid, "event")
	after := m.spec
	setFields(&after, s)
	after.HoldTTLMs, after.MaxHoldMs, after.SpreadMs = lives(&after)
	if s.Line != nil {
		after.Line = lineWith(m.spec.Line, s.Line, s.Line.Set)
	}
	m.invalidFields(&after)
	m.invalidLineSpec(&after, m.spec.Line)
	m.invalidLayout(s)
	for i := range s.Lots {
		l, field := &s.Lots[i], fmt.Sprintf("lots[%d].", i)
		if old := m.lot(l.Lot); old != nil {
			m.bad.addIf(slices.ContainsFunc(s.Lots[:i], func(o engine.LotSpec) bool { return o.Lot == l.Lot }), engine.CodeInvalid, field+"lot")
			m.bad.addIf(l.Set&engine.SetLotOther != 0, engine.CodeInvalid, field+"lot")
			changed := old.spec
			setLotFields(&changed, l)
			m.invalidPrice(&changed, field)
		}
	}
	moves := engine.SetVenue | engine.SetCity | engine.SetCountry | engine.SetTimeZone | engine.SetDoorsAt | engine.SetStartsAt | engine.SetRefundUntil | engine.SetRefundWindow
	onlyMoves := s.Set&^moves == 0 && len(s.Lots) == 0 && len(s.Pools) == 0 && s.Line == nil
	m.refusals.addIf(m.state == engine.EventClosed && !onlyMoves || m.state == engine.EventCancelled, engine.CodeWrongState, "event")
	return func(*engine.Outcome) *modelRequest {
		m.rescheduled(&after, s)
		m.spec = after
		m.addLayout(s)
		m.startLine()
		return &modelRequest{}
	}
}

// setFields copies the fields that an update means.
func setFields(to, from *engine.EventSpec) {
	set := func(f engine.SpecFields, copyField func()) {
		if from.Set&f != 0 {
			copyField()
		}
	}
	set(engine.SetName, func() { to.Name = from.Name })
	set(engine.SetGenre, func() { to.Genre = from.Genre })
	set(engine.SetPerformer, func() { to.Performer = from.Performer })
	set(engine.SetVenue, func() { to.Venue = from.Venue })
	set(engine.SetCity, func() { to.City = from.City })
	set(engine.SetCountry, func() { to.Country = from.Country })
	set(engine.SetTimeZone, func() { to.TimeZone = from.TimeZone })
	set(engine.SetDoorsAt, func() { to.DoorsAt = from.DoorsAt })
	set(engine.SetStartsAt, func() { to.StartsAt = from.StartsAt })
	set(engine.SetOpensAt, func() { to.OpensAt = from.OpensAt })
	set(engine.SetClosesAt, func() { to.ClosesAt = from.ClosesAt })
	set(engine.SetHoldTTL, func() { to.HoldTTLMs = from.HoldTTLMs })
	set(engine.SetMaxHold, func() { to.MaxHoldMs = from.MaxHoldMs })
	set(engine.SetSpread, func() { to.SpreadMs, to.HasSpread = from.SpreadMs, true })
	set(engine.SetLimitPerBuyer, func() { to.LimitPerBuyer = from.LimitPerBuyer })
	set(engine.SetLimitPerOrder, func() { to.LimitPerOrder = from.LimitPerOrder })
	set(engine.SetLimitPerLinked, func() { to.Pay.LimitPerLinked = from.Pay.LimitPerLinked })
	set(engine.SetRefundUntil, func() { to.Pay.RefundUntil = from.Pay.RefundUntil })
	set(engine.SetRefundWindow, func() { to.Pay.RefundWindowMs, to.Pay.HasRefundWindow = from.Pay.RefundWindowMs, true })
}

// setLotFields copies the fields of a lot that an update means.
func setLotFields(to, from *engine.LotSpec) {
	set := func(f engine.LotFields, copyField func()) {
		if from.Set&f != 0 {
			copyField()
		}
	}
	set(engine.SetLotName, func() { to.Name = from.Name })
	set(engine.SetLotFace, func() { to.FaceMinor = from.FaceMinor })
	set(engine.SetLotFees, func() { to.Fees = slices.Clone(from.Fees) })
	set(engine.SetLotTax, func() { to.TaxMinor = from.TaxMinor })
	set(engine.SetLotMin, func() { to.MinOrder = from.MinOrder })
	set(engine.SetLotMax, func() { to.MaxOrder = from.MaxOrder })
	set(engine.SetLotCodeOnly, func() { to.CodeOnly = from.CodeOnly })
}

func (m *Model) poolSpecs() []engine.PoolSpec {
	var specs []engine.PoolSpec
	for _, p := range m.pools {
		specs = append(specs, p.spec)
	}
	return specs
}

func (m *Model) lotSpecs() []engine.LotSpec {
	var specs []engine.LotSpec
	for _, l := range m.lots {
		specs = append(specs, l.spec)
	}
	return specs
}
