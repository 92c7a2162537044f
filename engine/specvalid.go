package engine

import "strconv"

// specCheck checks what an organiser says about an event, on its own and against the event as it is. It names the first field that is wrong.
type specCheck struct {
	e     *Event
	field string
	text  string
	code  Code
}

func (c *specCheck) bad(name, text string) bool {
	c.code, c.field, c.text = CodeInvalid, name, text
	return false
}

// tell turns an outcome that a shared check has set into the checker's result.
func (c *specCheck) tell(ok bool) bool {
	if !ok {
		c.code, c.field, c.text = c.e.out.Code, c.e.out.Field, c.e.out.Text
	}
	return ok
}

// fields checks the parts of a spec that stand alone.
func (c *specCheck) fields(s *EventSpec) bool {
	for _, t := range [...]struct{ name, text string }{
		{"name", s.Name}, {"genre", s.Genre}, {"performer", s.Performer}, {"venue", s.Venue}, {"city", s.City},
	} {
		if !c.tell(c.e.validText(t.name, t.text, EventTextLenMax)) {
			return false
		}
	}
	if !c.tell(c.e.validText("time_zone", s.TimeZone, TimeZoneLenMax)) {
		return false
	}
	if s.Country != "" && (len(s.Country) != 2 || !isUpper(s.Country[0]) || !isUpper(s.Country[1])) {
		return c.bad("country", "it is two capital letters, as in NL")
	}
	for _, t := range [...]struct {
		name string
		at   Instant
	}{{"doors_at", s.DoorsAt}, {"starts_at", s.StartsAt}, {"opens_at", s.OpensAt}, {"closes_at", s.ClosesAt}} {
		if t.at < 0 || t.at > instantMax {
			return c.bad(t.name, "it is outside of the years 1970 to 2259")
		}
	}
	if s.OpensAt != 0 && s.ClosesAt != 0 && s.OpensAt >= s.ClosesAt {
		return c.bad("closes_at", "it is not after opens_at")
	}
	if _, ok := CurrencyExponent(s.Currency); !ok {
		return c.bad("currency", "it is no ISO 4217 code, as in EUR")
	}
	switch {
	case s.HoldTTLMs < HoldTTLMsMin || s.HoldTTLMs > HoldTTLMsMax:
		return c.bad("hold_ttl_ms", "it is "+strconv.Itoa(HoldTTLMsMin)+" to "+strconv.Itoa(HoldTTLMsMax))
	case s.MaxHoldMs < s.HoldTTLMs || s.MaxHoldMs > MaxHoldMsMax:
		return c.bad("max_hold_ms", "it is hold_ttl_ms to "+strconv.Itoa(MaxHoldMsMax))
	case s.SpreadMs < 0 || s.SpreadMs > s.HoldTTLMs/spreadShare:
		return c.bad("spread_ms", "it is 0 to an eighth of hold_ttl_ms")
	case s.LimitPerBuyer < 0 || s.LimitPerBuyer > LimitMax:
		return c.bad("limit_per_buyer", "it is 0 (none) to "+strconv.Itoa(LimitMax))
	case s.LimitPerOrder < 0 || s.LimitPerOrder > LimitMax:
		return c.bad("limit_per_order", "it is 0 (none) to "+strconv.Itoa(LimitMax))
	}
	return c.pay(&s.Pay) && c.line(s)
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

// withDefaults fills what the organiser left to the engine.
func withDefaults(s *EventSpec) {
	s.Pay.fill()
	s.Line = s.Line.filled()
	if s.HoldTTLMs == 0 {
		s.HoldTTLMs = HoldTTLMsDefault
	}
	if s.MaxHoldMs == 0 {
		s.MaxHoldMs = min(s.HoldTTLMs*MaxHoldTTLsDefault, MaxHoldMsMax)
	}
	if !s.HasSpread {
		s.SpreadMs = s.HoldTTLMs / spreadShareDefault
	}
}

// layout checks new lots and pools: their ids, prices, seats, and how they refer to each other and to what the event has already.
func (c *specCheck) layout(s *EventSpec) bool {
	pools := map[string]bool{}
	for i := range c.e.pools {
		pools[c.e.pools[i].id] = true
	}
	for i := range s.Pools {
		p := &s.Pools[i]
		name := "pools[" + strconv.Itoa(i) + "]."
		if !c.tell(c.e.validID(name+"pool", p.Pool)) {
			return false
		}
		if pools[p.Pool] {
			return c.bad(name+"pool", "the event has it already")
		}
		if p.Capacity < 0 || p.Capacity > CapacityMax {
			return c.bad(name+"capacity", "it is 0 to "+strconv.Itoa(CapacityMax))
		}
		pools[p.Pool] = true
	}
	if len(pools) > c.e.limits.Pools {
		c.code, c.field, c.text = CodeTooMany, "pools", "an event has at most "+strconv.Itoa(c.e.limits.Pools)+" pools"
		return false
	}
	after := map[string]string{} // lot -> the lot it follows
	for i := range c.e.lots {
		after[c.e.lots[i].spec.Lot] = c.e.lots[i].spec.After
	}
	known := len(after)
	seats := int64(c.e.seatsTotal)
	prices := c.e.pricesOfLots()
	changed := map[string]bool{}
	for i := range s.Lots {
		l := &s.Lots[i]
		name := "lots[" + strconv.Itoa(i) + "]."
		if _, old := c.e.lotNamed(l.Lot); old && ValidID(l.Lot) {
			if changed[l.Lot] {
				return c.bad(name+"lot", "it is there twice")
			}
			changed[l.Lot] = true
			if l.Set&(SetLotFace|SetLotFees|SetLotTax) != 0 {
				prices++
			}
			continue // change checks the rest
		}
		prices++
		if !c.tell(c.e.validID(name+"lot", l.Lot)) {
			return false
		}
		if _, twice := after[l.Lot]; twice {
			return c.bad(name+"lot", "it is there twice")
		}
		after[l.Lot] = l.After
		if !c.lot(l, name, pools, &seats) {
			return false
		}
	}
	switch {
	case len(after) > c.e.limits.Lots:
		c.code, c.field, c.text = CodeTooMany, "lots", "an event has at most "+strconv.Itoa(c.e.limits.Lots)+" lots"
		return false
	case seats > int64(c.e.limits.Seats):
		c.code, c.field, c.text = CodeTooMany, "lots", "an event has at most "+strconv.Itoa(c.e.limits.Seats)+" seats"
		return false
	case prices > c.e.limits.PriceVersions:
		c.code, c.field, c.text = CodeTooMany, "lots", "an event remembers at most "+strconv.Itoa(c.e.limits.PriceVersions)+" prices"
		return false
	case len(after) == known:
		return true
	}
	return c.links(s, after)
}

// lot checks one new lot, but for the lots it names.
func (c *specCheck) lot(l *LotSpec, name string, pools map[string]bool, seats *int64) bool {
	if !c.price(l, name) {
		return false
	}
	switch {
	case l.Units < 0 || l.Units > UnitsPerSaleMax:
		return c.bad(name+"units", "it is 1 to "+strconv.Itoa(UnitsPerSaleMax))
	case l.Capacity < 0 || l.Capacity > CapacityMax:
		return c.bad(name+"capacity", "it is 0 to "+strconv.Itoa(CapacityMax))
	case len(l.Pools) > PoolsPerLotMax:
		return c.bad(name+"pools", "a lot draws from at most "+strconv.Itoa(PoolsPerLotMax)+" pools")
	case len(l.Requires) > RequiresPerLotMax:
		return c.bad(name+"requires", "it names at most "+strconv.Itoa(RequiresPerLotMax)+" lots")
	}
	for i, p := range l.Pools {
		if !pools[p] {
			return c.bad(name+"pools", "the event has no pool of this name")
		}
		for _, q := range l.Pools[:i] {
			if p == q {
				return c.bad(name+"pools", "a pool is there twice")
			}
		}
	}
	if len(l.Rows) == 0 {
		return true
	}
	return c.rows(l, name, seats)
}

// price checks what an update may change of a lot.
func (c *specCheck) price(l *LotSpec, name string) bool {
	if !c.tell(c.e.validText(name+"name", l.Name, EventTextLenMax)) {
		return false
	}
	if l.FaceMinor < 0 || l.FaceMinor > MinorMax {
		return c.bad(name+"face_minor", "it is 0 to "+strconv.Itoa(MinorMax))
	}
	if len(l.Fees) > FeesPerLotMax {
		return c.bad(name+"fees", "a price has at most "+strconv.Itoa(FeesPerLotMax)+" fees")
	}
	total := l.FaceMinor
	for i := range l.Fees {
		fee := name + "fees[" + strconv.Itoa(i) + "]."
		if !c.tell(c.e.validText(fee+"name", l.Fees[i].Name, EventTextLenMax)) {
			return false
		}
		if m := l.Fees[i].Minor; m < 0 || m > MinorMax {
			return c.bad(fee+"minor", "it is 0 to "+strconv.Itoa(MinorMax))
		}
		total += l.Fees[i].Minor
	}
	switch {
	case total > MinorMax:
		return c.bad(name+"fees", "face and fees are above "+strconv.Itoa(MinorMax))
	case l.TaxMinor < 0 || l.TaxMinor > total:
		return c.bad(name+"tax_minor", "it is part of face and fees: 0 to their sum")
	case l.MinOrder < 0 || l.MinOrder > QuantityMax:
		return c.bad(name+"min_order", "it is 0 to "+strconv.Itoa(QuantityMax))
	case l.MaxOrder < 0 || l.MaxOrder > LimitMax:
		return c.bad(name+"max_order", "it is 0 (none) to "+strconv.Itoa(LimitMax))
	case l.MaxOrder > 0 && l.MaxOrder < l.MinOrder:
		return c.bad(name+"max_order", "it is below min_order")
	}
	return true
}

// rows checks the seats of a lot.
func (c *specCheck) rows(l *LotSpec, name string, seats *int64) bool {
	if len(l.Rows) > RowsPerLotMax {
		return c.bad(name+"rows", "a lot has at most "+strconv.Itoa(RowsPerLotMax)+" rows")
	}
	if l.Units > 1 {
		return c.bad(name+"units", "a seat is one ticket")
	}
	seen := make(map[string]bool, len(l.Rows))
	sum, accessible := int64(0), int64(0)
	for i := range l.Rows {
		r := &l.Rows[i]
		row := name + "rows[" + strconv.Itoa(i) + "]."
		if !c.tell(c.e.validID(row+"section", r.Section)) || !c.tell(c.e.validID(row+"row", r.Row)) {
			return false
		}
		if r.Through != "" && !c.tell(c.e.validID(row+"through", r.Through)) {
			return false
		}
		_, _, rows, _, ok := rowsOf(r)
		if !ok {
			return c.bad(row+"through", "it does not count on from row, as 1 through 40 or A through M do")
		}
		if len(seen)+rows > RowsPerLotMax {
			return c.bad(name+"rows", "a lot has at most "+strconv.Itoa(RowsPerLotMax)+" rows")
		}
		ok = eachRow(r, func(row string) bool {
			label := r.Section + "/" + row
			twice := seen[label]
			seen[label] = true
			return !twice
		})
		if !ok {
			return c.bad(row+"row", "it is there twice")
		}
		shape, wrong := shapeRow(r)
		if wrong.field != "" {
			return c.bad(row+wrong.field, wrong.text)
		}
		if sum += r.Seats * int64(rows); sum > int64(c.e.limits.Seats) {
			break // too many in all, which is said in the end
		}
		if accessible += shape.count(seatAccessible) * int64(rows); accessible > AccessibleMax {
			return c.bad(row+"accessible", "a lot has at most "+strconv.Itoa(AccessibleMax)+" accessible seats")
		}
	}
	if l.Capacity != 0 && l.Capacity != sum && sum <= int64(c.e.limits.Seats) {
		return c.bad(name+"capacity", "a seated lot has as many tickets as seats: leave it out")
	}
	*seats += sum
	return true
}

// links checks the lots that new lots name, and that no tier waits for itself.
func (c *specCheck) links(s *EventSpec, after map[string]string) bool {
	for i := range s.Lots {
		l := &s.Lots[i]
		name := "lots[" + strconv.Itoa(i) + "]."
		if _, old := c.e.lotNamed(l.Lot); old {
			continue
		}
		for _, r := range l.Requires {
			if _, ok := after[r]; !ok || r == l.Lot {
				return c.bad(name+"requires", "it names a lot that the event does not have, or itself")
			}
		}
		steps := 0
		for at := l.After; at != ""; at = after[at] {
			if _, ok := after[at]; !ok {
				return c.bad(name+"after", "the event has no lot of this name")
			}
			if steps++; at == l.Lot || steps > TierChainMax {
				return c.bad(name+"after", "the tier would wait for itself, or for more than "+strconv.Itoa(TierChainMax)+" others in a row")
			}
		}
	}
	return true
}

// change checks what an update says about a lot that the event has.
func (c *specCheck) change(l *LotSpec, now *LotSpec, name string) bool {
	if l.Set&SetLotOther != 0 {
		return c.bad(name+"lot", "an update changes a lot's name, prices, min_order, max_order and code_only only; capacity has its own command")
	}
	merged := mergedLot(now, l)
	return c.price(&merged, name)
}

// mergedLot is a lot's spec with the meant fields of an update. Its lists belong to the specs it came from.
func mergedLot(now, l *LotSpec) LotSpec {
	m := *now
	if l.Set&SetLotName != 0 {
		m.Name = l.Name
	}
	if l.Set&SetLotFace != 0 {
		m.FaceMinor = l.FaceMinor
	}
	if l.Set&SetLotFees != 0 {
		m.Fees = l.Fees
	}
	if l.Set&SetLotTax != 0 {
		m.TaxMinor = l.TaxMinor
	}
	if l.Set&SetLotMin != 0 {
		m.MinOrder = l.MinOrder
	}
	if l.Set&SetLotMax != 0 {
		m.MaxOrder = l.MaxOrder
	}
	if l.Set&SetLotCodeOnly != 0 {
		m.CodeOnly = l.CodeOnly
	}
	return m
}
