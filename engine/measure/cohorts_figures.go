package measure

import "github.com/holdfast-engine/holdfast/engine"

// cohortSums is what a series counted in a window.
type cohortSums struct {
	all, mature [cellColumnsEnd]int64
	spreads     [durations]spread
	reports     bool // views were ever reported
	orders      bool // there ever was one
}

// begin is the first minute of a window that ends at now; 0 is all there is. Cohorts are minutes.
func (m *cohorts) begin(w Window, now engine.Instant) int64 {
	if w == WindowSale {
		return 0
	}
	return max(1, msOf(w.Begin(now))/60_000)
}

// sum adds up the cells of a series. wants says which durations are asked for.
func (m *cohorts) sum(s *cohortSums, w Window, id seriesID, now engine.Instant, wants func(duration) bool) {
	begin := m.begin(w, now)
	l := m.cells.levels
	counted := func(k minuteKey, hours uint32) bool { return k.minute() >= begin && hours&(1<<k.hour()) != 0 }
	in := make(map[*cell]uint32)
	m.cells.each(&m.b.series, id, func(c *cell, hours uint32) {
		in[c] = hours
		for t := range c.tracks {
			for i := range c.tracks[t] {
				b := &c.tracks[t][i]
				if !counted(b.key, hours) {
					continue
				}
				mature := l.end(b.key)*60_000+m.b.policy.MatureMs <= msOf(now)
				for n := range b.n {
					s.all[t*trackColumns+n] += int64(b.n[n])
					if mature {
						s.mature[t*trackColumns+n] += int64(b.n[n])
					}
				}
			}
		}
		for i := range c.times.all {
			k := &c.times.all[i]
			if kind := duration(k.key >> 32); wants(kind) && counted(minuteKey(k.key), hours) {
				s.spreads[kind].take(k)
			}
		}
	})
	m.clicks.due(msOf(now), func(k *click) {
		hours, ok := in[&m.cells.all[k.cell]]
		if !ok {
			hours, ok = in[&m.cells.all[m.cells.all[k.cell].twin]]
		}
		if ok && counted(k.at, hours) {
			s.all[timeClicks]++
		}
	})
}

func (m *cohorts) figures(dst []Figure, q *Query, id seriesID, now engine.Instant) []Figure {
	now = max(now, m.b.now)
	asked := durationsAsked(q)
	s := &cohortSums{reports: m.ever(id, timeViews), orders: m.ever(id, timeOrders)}
	kept := q.Window != Window10s
	if kept {
		m.sum(s, q.Window, id, now, func(d duration) bool { return asked&(1<<d) != 0 })
	}
	begin := len(dst)
	f := figurer{dst: dst, kept: kept}
	f.conversion(s)
	f.funnel(s)
	f.adoption(s)
	f.checkout(s)
	for _, l := range latencies() {
		for _, p := range percentiles() {
			f.quantile("latency."+l.id+p.suffix, &s.spreads[l.of], p.q)
		}
		if l.of == durationAuthentication {
			f.share("latency.confirmed_2s", s.all[timeConfirmed], s.all[timeClicks])
		}
	}
	if q.By == ByFlow {
		for i := begin; i < len(f.dst); i++ {
			if g := &f.dst[i]; kept && beforeFlow(g.KPI) {
				*g = Figure{KPI: g.KPI, Unit: g.Unit, Why: WhyNoFlow}
			}
		}
	}
	return f.dst
}

// beforeFlow says whether a figure is about buyers who have no flow yet: it begins with the first hold, attempt or order. In a table by flow it would be a share of
// those who got so far, and look many times as good as it is.
func beforeFlow(kpi string) bool {
	switch kpi {
	case "conversion", "conversion_mature", "conversion_obtainable", "conversion_net", "coverage.views", "funnel.viewed", "funnel.selected", "funnel.selected.time.p50", "funnel.held",
		"adoption.attempted", "adoption.share", "adoption.eligible", "checkout_time.completion":
		return true
	}
	return false
}

// ever says whether something was ever counted where a series is: at the event, or at any of the account.
func (m *cohorts) ever(id seriesID, what cellColumn) bool {
	of := m.b.series.keys[id].of
	scope := of.account.number
	if of.event != nil {
		scope = uint32(of.event.number)
	}
	for _, n := range m.cells.scopes[flag(of.event == nil)][scope] {
		for i := range m.cells.all[n].tracks[what/trackColumns] {
			if m.cells.all[n].tracks[what/trackColumns][i].n[what%trackColumns] > 0 {
				return true
			}
		}
	}
	return false
}

// durationsAsked has a bit each duration that a query asks for.
func durationsAsked(q *Query) (asked uint32) {
	if len(q.KPIs) == 0 {
		return 1<<durations - 1
	}
	for _, l := range latencies() {
		for _, p := range percentiles() {
			if q.wants("latency." + l.id + p.suffix) {
				asked |= 1 << l.of
			}
		}
	}
	for i, step := range funnelSteps() {
		if q.wants("funnel." + step + ".time.p50") {
			asked |= 1 << (durationSelected + duration(i))
		}
	}
	if q.wants("checkout_time.p50") || q.wants("checkout_time.mean") {
		asked |= 1 << durationCheckout
	}
	if q.wants("checkout_time.line_wait.p50") {
		asked |= 1 << durationLine
	}
	return asked
}

// cohortShare is a share of cohorts that may still change, with how much of them is old enough.
func (f *figurer) cohortShare(kpi string, part, whole, matureWhole int64) {
	f.share(kpi, part, whole).mature(matureWhole, whole)
}

// matured is a share of what is old enough only.
func (f *figurer) matured(kpi string, part, whole, all int64) {
	g := f.share(kpi, part, whole)
	switch {
	case g.Value != nil:
		share := float64(whole) / float64(all)
		g.Mature = &share
	case f.kept && all > 0:
		g.Why = WhyNotYet
	}
}

// ordersKnown says whether somebody tells of orders: the engine does where it sells, and a shop that sells elsewhere once it has reported one. Until then it has
// no conversion, and not one of 0.
func (s *cohortSums) ordersKnown() bool { return s.orders || s.all[cohortSells] > 0 }

func (f *figurer) conversion(s *cohortSums) {
	n, old := &s.all, &s.mature
	viewed, matureViewed := n[cohortViewed], old[cohortViewed]
	if !s.ordersKnown() {
		viewed, matureViewed = 0, 0
	}
	f.cohortShare("conversion", n[cohortOrdered], viewed, matureViewed)
	f.matured("conversion_mature", old[cohortOrdered], matureViewed, viewed)
	f.cohortShare("conversion_obtainable", n[cohortOrderedObtainable], n[cohortObtainable], old[cohortObtainable])
	f.cohortShare("conversion_net", n[cohortNet], viewed, matureViewed)
	f.share("coverage.views", n[timeViewsLinked], n[timeViews])
	orders := n[timeOrders]
	if !s.reports {
		orders = 0
	}
	f.share("coverage.orders", n[timeOrdersLinked], orders)
}

func funnelSteps() [funnelEnd]string {
	return [funnelEnd]string{"selected", "held", "attempted", "ordered"}
}

func (f *figurer) funnel(s *cohortSums) {
	n := &s.all
	viewed := f.none("funnel.viewed", UnitCount, WhyNotAvailable)
	before := n[cohortViewed]
	if f.kept && before > 0 {
		v := float64(before)
		viewed.Value, viewed.Why = &v, ""
		viewed.mature(s.mature[cohortViewed], before)
	}
	for i, step := range funnelSteps() {
		reached := n[funnelSelected+cellColumn(i)]
		told := n[toldSelected+cellColumn(min(i, stepAttempted))]
		if i == stepOrdered && s.ordersKnown() || i != stepOrdered && told > 0 || i != stepSelected && n[cohortSells] > 0 {
			f.share("funnel."+step, reached, before).mature(s.mature[cohortViewed], max(1, n[cohortViewed]))
			before = reached
		} else {
			f.none("funnel."+step, UnitRatio, WhyNotAvailable)
		}
		f.quantile("funnel."+step+".time.p50", &s.spreads[durationSelected+duration(i)], 0.5)
	}
	old := &s.mature
	holds, done, could := old[heldFirst], old[heldInTime], old[heldCouldNot]
	f.matured("abandonment", holds-done, holds, n[heldFirst])
	f.matured("abandonment.could_not", could, holds, n[heldFirst])
	f.matured("abandonment.did_not", holds-done-could, holds, n[heldFirst])
}

func (f *figurer) adoption(s *cohortSums) {
	n := &s.all
	f.cohortShare("adoption.attempted", n[offeredTried], n[offered], s.mature[offered])
	f.share("adoption.share", n[timeOrdersOneClick], n[timeOrdersEligible])
	f.share("adoption.again", n[usedAgain], n[usedFirst])
	f.share("adoption.no_action", n[triedClean], n[triedTries])
	active := n[cohortViewed]
	if n[cohortAsked] == 0 {
		active = 0 // nobody asked the engine
	}
	f.share("adoption.eligible", n[cohortEligible], active)
}

func (f *figurer) checkout(s *cohortSums) {
	took := &s.spreads[durationCheckout]
	f.quantile("checkout_time.p50", took, 0.5)
	mean := f.none("checkout_time.mean", UnitMs, WhyNotAvailable)
	if f.kept && took.n > 0 {
		v := float64(took.sum) / float64(took.n)
		mean.Value, mean.Why, mean.Denominator = &v, "", &took.n
	}
	selected, matureSelected := s.all[toldSelected], s.mature[toldSelected]
	if !s.ordersKnown() {
		selected, matureSelected = 0, 0
	}
	f.cohortShare("checkout_time.completion", s.all[cohortCompleted], selected, matureSelected)
	f.quantile("checkout_time.line_wait.p50", &s.spreads[durationLine], 0.5)
}

// quantile is one of durations, with how many there are.
func (f *figurer) quantile(kpi string, of *spread, q float64) {
	g := f.none(kpi, UnitMs, WhyNotAvailable)
	if f.kept && of.n > 0 {
		v := of.quantile(q)
		g.Value, g.Why, g.Denominator, g.RelativeErrorMax = &v, "", &of.n, TimesErrorMax
	}
}

// latency is a KPI of durations, with three percentiles.
type latency struct {
	id string
	of duration
}

func latencies() []latency {
	return []latency{
		{"l1", durationSeen},
		{"l2", durationEngine},
		{"l2_failed", durationEngineFailed},
		{"hold", durationHold},
		{"lane", durationLane},
		{"gateway", durationGateway},
		{"commit", durationCommit},
		{"authentication", durationAuthentication},
		{"page_load", durationPageLoad},
		{"prompt", durationPrompt},
	}
}

type percentile struct {
	suffix, name string
	q            float64
}

func percentiles() [3]percentile {
	return [3]percentile{{".p50", "median", 0.50}, {".p95", "95th percentile", 0.95}, {".p99", "99th percentile", 0.99}}
}
