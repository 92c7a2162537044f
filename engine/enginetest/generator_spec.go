package enginetest

import (
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// Spec draws an event small enough to sell out: a handful of tickets in a few lots that share pools, follow and require each other. One in
// fifteen has something in it that is wrong, or looks wrong.
func (g *Generator) Spec() *engine.EventSpec {
	s := &engine.EventSpec{
		Name: "Night One", Currency: pick(g, "currency", "EUR", "JPY", "KWD"), HoldTTLMs: int64(1+g.below(40, "ttl")) * 1000,
		LimitPerBuyer: pick[int64](g, "limit per buyer", 0, 0, 4, 6, 10), LimitPerOrder: pick[int64](g, "limit per order", 0, 0, 3, 5),
		Open: !g.chance(30, "draft"),
	}
	s.Pay.LimitPerLinked = pick[int64](g, "limit per linked", 0, 0, 0, 5, 8)
	s.MaxHoldMs = s.HoldTTLMs * int64(1+g.below(4, "longest"))
	switch g.weighted("spread", 50, 25, 25) {
	case 1:
		s.HasSpread = true
	case 2:
		s.HasSpread, s.SpreadMs = true, s.HoldTTLMs/8-1
	}
	if g.chance(20, "texts") {
		s.Genre, s.Performer, s.Venue, s.City, s.Country, s.TimeZone = "concert", "The Openers", "Arena", "Utrecht", "NL", "Europe/Amsterdam"
		s.StartsAt = g.shell.Now + 86400e9
		s.DoorsAt = s.StartsAt - 3600e9
	}
	if g.chance(15, "opens") {
		s.OpensAt = g.shell.Now + engine.Instant(g.below(60, "opens"))*1e9
	}
	if g.chance(10, "closes") {
		s.ClosesAt = g.shell.Now + engine.Instant(60+g.below(3600, "closes"))*1e9
	}
	for i := range g.weighted("pools", 40, 40, 20) {
		s.Pools = append(s.Pools, engine.PoolSpec{Pool: "p" + strconv.Itoa(i), Capacity: int64(g.below(24, "capacity"))})
	}
	for i := range 1 + g.weighted("lots", 20, 30, 30, 15, 5) {
		s.Lots = append(s.Lots, g.lot("l"+strconv.Itoa(i), s.Lots, s.Pools))
	}
	if g.Lines {
		g.lineOf(s)
	}
	if g.chance(7, "wrong") {
		g.spoil(s)
	}
	return s
}

// lot draws a lot that may follow and require the lots before it.
func (g *Generator) lot(id string, before []engine.LotSpec, pools []engine.PoolSpec) engine.LotSpec {
	l := engine.LotSpec{Lot: id, FaceMinor: pick[int64](g, "face", 0, 1000, 2500, 4500)}
	if g.chance(40, "fee") {
		l.Fees = append(l.Fees, engine.Fee{Name: "service", Minor: pick[int64](g, "fee", 0, 250, 99)})
	}
	l.CodeOnly = g.Codes && g.chance(25, "code only")
	if g.chance(20, "tax") {
		l.TaxMinor = l.FaceMinor / 10
	}
	if g.chance(50, "seated") {
		for r := range 1 + g.below(2, "rows") {
			l.Rows = append(l.Rows, g.row(strconv.Itoa(r+1)))
		}
	} else {
		l.Capacity = int64(g.below(16, "capacity"))
		l.Units = pick[int64](g, "units", 0, 1, 1, 2, 4)
	}
	for _, p := range pools {
		if g.chance(50, "in pool") {
			l.Pools = append(l.Pools, p.Pool)
		}
	}
	if len(before) > 0 {
		if g.chance(30, "after") {
			l.After = before[g.below(len(before), "after")].Lot
		}
		if g.chance(20, "requires") {
			l.Requires = append(l.Requires, before[g.below(len(before), "requires")].Lot)
		}
	}
	if g.chance(15, "min") {
		l.MinOrder = int64(1 + g.below(3, "min"))
	}
	if g.chance(15, "max") {
		l.MaxOrder = max(l.MinOrder, int64(1+g.below(3, "max")))
	}
	return l
}

// row draws a row, most often a plain one. Whatever it draws is right.
func (g *Generator) row(name string) engine.RowSpec {
	r := engine.RowSpec{Section: "A", Row: name, Seats: int64(1 + g.below(7, "seats"))}
	if g.chance(40, "a plain row") {
		return r
	}
	if g.chance(15, "block") {
		r.Row, r.Through = name+"a", name+"b"
	}
	if g.chance(20, "rank") {
		r.Rank = int64(1 + g.below(3, "rank"))
	}
	names := make([]string, r.Seats)
	switch g.weighted("numbers", 50, 15, 15, 10, 10) {
	case 1:
		r.First, r.Step = pick[int64](g, "first", 1, 2, 101), 2
	case 2:
		r.First, r.Step = r.Seats+10, -1
	case 3:
		for i := range names {
			names[i] = "s" + strconv.Itoa(i/2) + pick(g, "label", "a", "b", "c")[:1] + string(rune('a'+i))
		}
		r.Labels = strings.Join(names, " ")
	case 4:
		if r.Seats > 1 {
			missing := int64(2 + g.below(int(r.Seats)-1, "missing"))
			r.Missing = strconv.FormatInt(missing, 10)
		}
	}
	seats, wrong := modelRow(&r)
	if wrong != "" {
		panic("enginetest: a row that was drawn to be right is not: " + wrong)
	}
	name = seats[g.below(len(seats), "seat")].name
	if g.chance(30, "aisle") && name != seats[len(seats)-1].name {
		r.Aisles = name
	}
	if g.chance(20, "best") {
		r.Best = name
	}
	// One kind from the left, another one behind it, and in the end a third.
	kinds := []*string{&r.Accessible, &r.Companion, &r.Restricted}
	next := g.below(len(seats), "first of a kind")
	for i, list := range kinds {
		n := g.weighted("of a kind", 60, 30, 10)
		if n == 0 || next+n > len(seats) || i == 1 && r.Accessible == "" {
			continue
		}
		*list = seats[next].name
		if n > 1 {
			*list += "-" + seats[next+n-1].name
		}
		next += n
	}
	if _, wrong := modelRow(&r); wrong != "" {
		r.Companion = "" // an aisle is between
	}
	return r
}

// spoil writes something into a spec that is wrong, or that looks wrong and is right.
func (g *Generator) spoil(s *engine.EventSpec) {
	l := &s.Lots[g.below(len(s.Lots), "lot")]
	spoils := []func(){
		func() { s.Name = g.badText() },
		func() { s.Currency = pick(g, "currency", "", "eur", "EURO", "XXX", "ZZZ", "E\x00R") },
		func() { s.HoldTTLMs = g.number(1000, "ttl") },
		func() { s.MaxHoldMs = g.number(1000, "longest") },
		func() { s.HasSpread, s.SpreadMs = true, g.number(s.HoldTTLMs/8, "spread") },
		func() { s.LimitPerBuyer = g.number(1, "limit") },
		func() { s.LimitPerOrder = g.number(1, "limit") },
		func() { s.OpensAt = engine.Instant(g.number(int64(g.shell.Now), "opens")) },
		func() { s.ClosesAt = engine.Instant(g.number(int64(g.shell.Now), "closes")) },
		func() {
			s.OpensAt, s.ClosesAt = g.shell.Now+60e9, g.shell.Now+engine.Instant(pick[int64](g, "closes", 60e9, 59e9, 61e9))
		},
		func() { s.StartsAt = engine.Instant(g.number(int64(g.shell.Now), "starts")) },
		func() { s.DoorsAt = engine.Instant(g.number(int64(g.shell.Now), "doors")) },
		func() { s.Country = pick(g, "country", "nl", "NLD", "N", "??", "\x00\x00") },
		func() { s.TimeZone = g.badText() },
		func() { s.Genre = g.badText() },
		func() { s.Lots = nil },
		func() { s.Lots = append(s.Lots, s.Lots[0]) },
		func() { s.Pools = append(s.Pools, engine.PoolSpec{Pool: g.badID(), Capacity: 5}) },
		func() { s.Pools = append(s.Pools, engine.PoolSpec{Pool: "p0", Capacity: 5}) },
		func() { s.Pools = append(s.Pools, engine.PoolSpec{Pool: "p9", Capacity: g.number(1, "capacity")}) },
		func() { l.Lot = g.badID() },
		func() { l.Name = g.badText() },
		func() { l.FaceMinor = g.number(1000, "face") },
		func() { l.TaxMinor = g.number(l.FaceMinor, "tax") },
		func() { l.Fees = []engine.Fee{{Name: g.badText(), Minor: 1}} },
		func() { l.Fees = []engine.Fee{{Name: "service", Minor: g.number(250, "fee")}} },
		func() { l.Fees = []engine.Fee{{Name: "service", Minor: 1}, {Name: "service", Minor: 2}} },
		func() { l.Fees = make([]engine.Fee, 20) },
		func() { l.Capacity = g.number(1, "capacity") },
		func() { l.Units = g.number(1, "units") },
		func() { l.Pools = append(l.Pools, pick(g, "pool", "none", "", "p0", "p0")) },
		func() {
			l.Requires = append(l.Requires, pick(g, "requires", "none", "", l.Lot, s.Lots[len(s.Lots)-1].Lot))
		},
		func() { l.After = pick(g, "after", "none", l.Lot, s.Lots[len(s.Lots)-1].Lot, "a b") },
		func() { l.MinOrder = g.number(1, "min") },
		func() { l.MaxOrder = g.number(1, "max") },
		func() { l.MinOrder, l.MaxOrder = 3, 2 },
		func() { l.Rows = append(l.Rows, engine.RowSpec{Section: g.badText(), Row: "1", Seats: 2}) },
		func() { l.Rows = append(l.Rows, engine.RowSpec{Section: "A", Row: g.badText(), Seats: 2}) },
		func() { l.Rows = append(l.Rows, engine.RowSpec{Section: "A", Row: "1", Seats: g.number(1, "seats")}) },
		func() { l.Rows = append(l.Rows, engine.RowSpec{Section: "A", Row: "1", Seats: 1}) },
		func() { l.Rows = append(l.Rows, g.badRow()) },
		func() { l.Rows = append(l.Rows, g.badRow()) },
		func() { s.Lots[0].After, s.Lots[len(s.Lots)-1].After = s.Lots[len(s.Lots)-1].Lot, s.Lots[0].Lot },
	}
	spoils[g.below(len(spoils), "wrong")]()
}

// badRow draws a row that is wrong, or looks wrong, in one thing.
func (g *Generator) badRow() engine.RowSpec {
	r := engine.RowSpec{Section: "B", Row: "1", Seats: 4}
	list := pick(g, "list", "", "1", "1-4", "4-1", "0", "5", "1-", "-", "1,2", "1 1", "1  2", " 1", "a", "4111111111111111", "1\x00", strings.Repeat("1 ", 70), strings.Repeat("x", 1<<15+1))
	fields := []func(){
		func() { r.Through = pick(g, "through", "1", "2", "0", "01", "B", "5000", "1000000", "a b", "R2", "") },
		func() {
			r.Row = pick(g, "row", "A", "z", "R9", "AA", "9", "A1", "-")
			r.Through = pick(g, "through", "A", "C", "z", "a", "R12", "AB", "ZZ", "B1", "10", "A3", "-")
		},
		func() { r.Rank = g.number(1, "rank") },
		func() { r.First = g.number(1, "first") },
		func() { r.Step = g.number(1, "step") },
		func() { r.First, r.Step = 3, -1 },
		func() { r.First, r.Step = 999_990, pick[int64](g, "step", 3, 4) },
		func() {
			r.Labels = pick(g, "labels", "a b c d", "a b c", "a b c a", "a b  c d", "a-b c d e", "a b c 4111111111111111", list)
		},
		func() { r.Labels, r.First = "a b c d", 1 },
		func() { r.Labels, r.Step = "a b c d", 1 },
		func() { r.Labels, r.Missing = "a b c d", "a" },
		func() { r.Missing = pick(g, "missing", "2", "2-3", "1", "4", "5", "6", "3 5", "x", "02", list) },
		func() { r.Aisles = list },
		func() { r.Best = list },
		func() { r.Accessible = list },
		func() { r.Companion = list },
		func() { r.Restricted = list },
		func() { r.Accessible, r.Companion = "1", pick(g, "companion", "2", "3", "1", "2-3", "2-4") },
		func() { r.Accessible, r.Companion, r.Aisles = "1", "2", "1" },
		func() { r.Seats, r.Accessible = 4097, "1-4097" },
	}
	fields[g.below(len(fields), "wrong")]()
	return r
}

// badText is what a hostile caller writes where text for people belongs. Some of it is fine.
func (g *Generator) badText() string {
	return pick(g, "text", "", "é", "a\x00b", "\xff\xfe", "two\nlines", "\x1b[31m", strings.Repeat("x", 200), strings.Repeat("x", 201), strings.Repeat("x", 100_000), "a/b", " ", "\u202e", "call 4111 1111 1111 1111")
}

// update draws a change of an existing event.
func (g *Generator) update() *engine.EventSpec {
	s := &engine.EventSpec{}
	if g.chance(60, "fields") {
		all := g.Spec()
		set := engine.SpecFields(1 << g.below(18, "set"))
		if g.chance(50, "two fields") {
			set |= engine.SpecFields(1 << g.below(18, "set"))
		}
		if g.chance(90, "that may change") {
			set &^= engine.SetCurrency | engine.SetOpen
		}
		if g.chance(15, "the show moves") {
			set = pick(g, "moves", engine.SetStartsAt, engine.SetStartsAt|engine.SetVenue, engine.SetRefundUntil, engine.SetRefundWindow|engine.SetStartsAt)
			all.StartsAt = g.shell.Now + engine.Instant(pick[int64](g, "starts", 3600e9, 7200e9, 9000e9))
			all.Pay.RefundUntil = g.shell.Now + engine.Instant(pick[int64](g, "until", -1e9, 5e9, 60e9))
			all.Pay.RefundWindowMs, all.Pay.HasRefundWindow = pick[int64](g, "window", 0, 10_000, 60_000), true
		}
		all.Lots, all.Pools, all.Set = nil, nil, set
		s = all
	}
	if g.chance(30, "lot") && len(g.model.lots) > 0 {
		old := g.model.lots[g.below(len(g.model.lots), "lot")].spec
		l := g.lot(old.Lot, nil, nil)
		l.Set = engine.LotFields(1 << g.below(6, "set"))
		if g.chance(30, "two fields") {
			l.Set |= engine.LotFields(1 << g.below(7, "set"))
		}
		s.Lots = append(s.Lots, l)
	}
	if g.chance(15, "new lot") {
		var before []engine.LotSpec
		var pools []engine.PoolSpec
		for _, l := range g.model.lots {
			before = append(before, l.spec)
		}
		for _, p := range g.model.pools {
			pools = append(pools, p.spec)
		}
		s.Lots = append(s.Lots, g.lot("n"+strconv.Itoa(g.below(3, "name")), before, pools))
	}
	if g.chance(10, "pool") {
		s.Pools = append(s.Pools, engine.PoolSpec{Pool: "p" + strconv.Itoa(g.below(4, "name")), Capacity: int64(g.below(24, "capacity"))})
	}
	if len(s.Lots) > 0 && g.chance(10, "wrong") {
		g.spoil(s)
	}
	return s
}
