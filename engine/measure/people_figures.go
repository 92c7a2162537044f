package measure

import "github.com/holdfast-engine/holdfast/engine"

// answersMin is how many answers a satisfaction needs to be shown.
const answersMin = 30

func (m *people) figures(dst []Figure, q *Query, id seriesID, now engine.Instant) []Figure {
	var n [columns]int64
	kept := false
	if q.Window != Window10s {
		n, kept = m.moments.window(q.Window, id, now)
	}
	orders, oneClick := n[colBefore]+n[colAfter], n[colBeforeOne]+n[colAfterOne]
	f := figurer{dst: dst, kept: kept, heard: m.heardOf(id)}
	f.only(heardAttempts).share("errors.never_succeeded", n[colAttempted]-n[colSucceeded], n[colAttempted])
	for _, r := range [...]struct {
		kpi  string
		of   column
		made uint8
	}{
		{"rate", colRegretted, heardSales | heardRefunds | heardMeant},
		{"undo", colUndone, heardSales},
		{"refund_72h", colRefunded, heardRefunds},
		{"disputes", colDisputed, heardSales},
		{"did_not_mean", colNotMeant, heardMeant},
	} {
		f.only(r.made).per1000("regret."+r.kpi, n[r.of], orders).mature(n[colSettled], orders)
	}
	f.scores(&n)
	f.only(heardSupport).perOrders("support.all", n[colSupport], orders)
	f.only(heardSupport).perOrders("support.one_click", n[colAboutOneClick], oneClick)
	for i, kpi := range [retentions]string{"retention.7d", "retention.30d", "retention.90d"} {
		f.retention(kpi, q.Window, n[colDays7+2*column(i)], n[colAgain7+2*column(i)], n[colFirst])
	}
	f.ratio("revenue.frequency", UnitPerBuyer, n[colFirst]+n[colMore], n[colFirst])
	shift := f.none("revenue.share_shift", UnitRatio, WhyNotAvailable)
	if kept && q.By != ByFlow {
		all, _ := m.moments.window(WindowSale, id, now)
		shift.shift(all[colBeforeOne], all[colBefore], n[colAfterOne], n[colAfter])
	}
	f.none("revenue.cannibalisation", UnitMinor, WhyNoControl)
	return f.dst
}

// figurer appends figures; without what the window needs none has a value, and none that only says that nothing was reported.
type figurer struct {
	dst   []Figure
	kept  bool
	heard uint8
	mute  bool // the next figure has no value
}

// only lets the next figure have a value only if some of what it is made of has ever been heard of.
func (f *figurer) only(made uint8) *figurer {
	f.mute = f.heard&made == 0
	return f
}

func (f *figurer) none(kpi string, unit Unit, why Why) *Figure {
	f.dst = append(f.dst, Figure{KPI: kpi, Unit: unit, Why: why})
	return &f.dst[len(f.dst)-1]
}

func (f *Figure) of(value float64, numerator, denominator int64) *Figure {
	f.Value, f.Why, f.Numerator, f.Denominator = &value, "", &numerator, &denominator
	return f
}

func (f *Figure) between(low, high float64) *Figure {
	f.Low, f.High = &low, &high
	return f
}

// ratio is one number over another.
func (f *figurer) ratio(kpi string, unit Unit, numerator, denominator int64) *Figure {
	g, mute := f.none(kpi, unit, WhyNotAvailable), f.mute
	if f.mute = false; f.kept && denominator > 0 && !mute {
		g.of(float64(numerator)/float64(denominator), numerator, denominator)
	}
	return g
}

// share is a part of a whole, with its interval.
func (f *figurer) share(kpi string, part, whole int64) *Figure {
	g := f.ratio(kpi, UnitRatio, part, whole)
	if g.Value != nil {
		g.between(wilson(part, whole))
	}
	return g
}

// per1000 is how many of a thousand.
func (f *figurer) per1000(kpi string, part, whole int64) *Figure {
	g := f.ratio(kpi, UnitPer1000, part, whole)
	if g.Value != nil {
		low, high := wilson(part, whole)
		g.of(1000*float64(part)/float64(whole), part, whole).between(1000*low, 1000*high)
	}
	return g
}

// perOrders is how many come on a thousand orders; there may be more than orders. What came without any order has a numerator only.
func (f *figurer) perOrders(kpi string, queries, orders int64) {
	g := f.ratio(kpi, UnitPer1000, queries, orders)
	switch {
	case g.Value != nil:
		g.of(1000*float64(queries)/float64(orders), queries, orders)
	case f.kept && queries > 0:
		g.Numerator = &queries
	}
}

// mature says how much of a whole is old enough.
func (f *Figure) mature(old, whole int64) {
	if f.Value != nil {
		share := float64(old) / float64(whole)
		f.Mature, f.SoFar = &share, old < whole
	}
}

func (f *figurer) scores(n *[columns]int64) {
	csat := f.share("satisfaction.csat", n[colSatisfied], n[colCSAT])
	csat.hide(n[colCSAT])
	nps := f.ratio("satisfaction.nps", UnitScore, n[colPromoter]-n[colDetractor], n[colNPS])
	if nps.Value != nil {
		nps.of(100**nps.Value, n[colPromoter]-n[colDetractor], n[colNPS]).between(promoterInterval(n[colPromoter], n[colDetractor], n[colNPS]))
	}
	nps.hide(n[colNPS])
	f.share("satisfaction.responses", n[colResponded], n[colAsked])
}

// hide leaves of a satisfaction with few answers only how many there are.
func (f *Figure) hide(answers int64) {
	if f.Value != nil && answers < answersMin {
		*f = Figure{KPI: f.KPI, Unit: f.Unit, Why: WhyTooFew, Denominator: &answers}
	}
}

// retention is of persons who were watched long enough; first are all.
func (f *figurer) retention(kpi string, w Window, watched, again, first int64) {
	switch g := f.share(kpi, again, watched); {
	case !f.kept || first == 0:
	case w != WindowSale || watched == 0:
		*g = Figure{KPI: kpi, Unit: UnitRatio, Why: WhyNotYet}
	default:
		g.mature(watched, first)
	}
}

// shift is one share less another.
func (f *Figure) shift(beforeOne, before, afterOne, after int64) {
	if before > 0 && after > 0 {
		f.of(float64(afterOne)/float64(after)-float64(beforeOne)/float64(before), afterOne, after).between(newcombe(afterOne, after, beforeOne, before))
	}
}
