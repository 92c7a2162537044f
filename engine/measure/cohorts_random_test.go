package measure

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// plainSums is what a series counted in a window, as the model says.
type plainSums struct {
	all, mature [cellColumnsEnd]int64
	samples     [durations][]int64
	reports     bool // views, at any time
	orders      bool // the same
	byFlow      bool
}

func (n *plain) sums(q *Query, series string, now int64) *plainSums {
	s := &plainSums{byFlow: q.By == ByFlow}
	for _, c := range n.counts {
		if (q.Event == "" || q.Event == c.way.event) && (q.By != ByEvent || series == c.way.event) {
			s.reports, s.orders = s.reports || c.what == timeViews, s.orders || c.what == timeOrders
		}
	}
	begin := int64(math.MinInt64)
	if q.Window != WindowSale {
		step := int64(60_000)
		if q.Window == Window24h {
			step = 900_000
		}
		begin = (now - q.Window.LengthMs()) / step * step
	}
	in := func(w plainWay, at int64) bool {
		hour := time.UnixMilli(at).In(n.state[w.event].zone).Format("15")
		value := map[Dimension]string{ByNothing: series, ByEvent: w.event, ByGenre: w.genre, ByFlow: w.flow, ByDevice: w.device, ByMethod: w.method, ByChannel: w.channel, ByHour: hour}[q.By]
		return at >= begin && (q.Event == "" || q.Event == w.event) && value == series
	}
	add := func(what cellColumn, at int64, k int64) {
		s.all[what] += k
		if at/60_000*60_000+60_000+PolicyDefault().MatureMs <= now {
			s.mature[what] += k
		}
	}
	if1 := func(on bool) int64 {
		if on {
			return 1
		}
		return 0
	}
	for _, r := range n.rows {
		ev := n.state[r.event]
		order, ordered := r.first(ev, stepOrdered)
		if view, ok := r.viewed(); ok && in(r.way, view.ms) {
			times := r.funnel(ev)
			add(cohortViewed, view.ms, 1)
			add(cohortObtainable, view.ms, if1(view.obtainable))
			add(cohortOrdered, view.ms, if1(ordered))
			add(cohortOrderedObtainable, view.ms, if1(ordered && view.obtainable))
			add(cohortNet, view.ms, if1(r.paid > r.back || r.free > 0))
			add(cohortCompleted, view.ms, if1(r.completed && len(times) > 0 && times[0] >= 0))
			add(cohortEligible, view.ms, if1(r.mayUse))
			add(cohortAsked, view.ms, if1(r.asked))
			add(cohortSells, view.ms, if1(!ev.observe))
			before := view.ms
			for step, ms := range times {
				add(funnelSelected+cellColumn(step), view.ms, 1)
				if ms < 0 {
					continue
				}
				if step < stepOrdered {
					add(toldSelected+cellColumn(step), view.ms, 1)
				}
				s.samples[durationSelected+duration(step)] = append(s.samples[durationSelected+duration(step)], ms-before)
				before = ms
			}
		}
		if hold, ok := r.first(ev, stepHeld); ok && in(r.way, hold) {
			inTime := ordered && order <= hold+PolicyDefault().MatureMs
			add(heldFirst, hold, 1)
			add(heldInTime, hold, if1(inTime))
			add(heldCouldNot, hold, if1(!inTime && r.failed))
		}
		tried := false
		for i, e := range r.told {
			if e.Kind == KindOffered && e.OneClick && !slices.ContainsFunc(r.told[:i], func(e plainTold) bool { return e.Kind == KindOffered && e.OneClick }) && in(r.way, e.ms) {
				add(offered, e.ms, 1)
				add(offeredTried, e.ms, if1(r.triedOffer))
			}
			if e.Kind == KindAttempted && e.Flow == engine.FlowOneClick && !tried {
				if tried = true; in(r.way, e.ms) {
					add(triedTries, e.ms, r.tries)
					add(triedClean, e.ms, r.clean)
				}
			}
		}
	}
	for _, u := range n.users {
		if in(u.way, u.ms) {
			add(usedFirst, u.ms, 1)
			add(usedAgain, u.ms, if1(u.again))
		}
	}
	for _, c := range n.counts {
		if in(c.way, c.at) {
			add(c.what, c.at, 1)
		}
	}
	for _, c := range n.clicks {
		if (c.answered || c.ms+10_000 <= now) && in(c.way, c.ms) {
			add(timeClicks, c.ms, 1)
			add(timeConfirmed, c.ms, if1(c.confirmed))
		}
	}
	for _, k := range n.samples {
		if in(k.way, k.at) {
			s.samples[k.kind] = append(s.samples[k.kind], k.ms)
		}
	}
	for i := range s.samples {
		slices.Sort(s.samples[i])
	}
	return s
}

// figures are what the definitions say, of the model's sums: numerator and denominator of ratios, values of the others; without a value they are not there.
func (s *plainSums) figures() map[string][2]int64 {
	n, old := &s.all, &s.mature
	got := map[string][2]int64{}
	ofOrders := []string{"conversion", "conversion_mature", "conversion_net", "funnel.ordered", "checkout_time.completion"}
	ratio := func(id string, part, whole int64) {
		if n[cohortSells] == 0 && !s.orders && slices.Contains(ofOrders, id) {
			return // nobody tells of orders
		}
		if whole > 0 && (!s.byFlow || !beforeFlow(id)) && (s.reports || id != "coverage.orders") {
			got[id] = [2]int64{part, whole}
		}
	}
	ratio("conversion", n[cohortOrdered], n[cohortViewed])
	ratio("conversion_mature", old[cohortOrdered], old[cohortViewed])
	ratio("conversion_obtainable", n[cohortOrderedObtainable], n[cohortObtainable])
	ratio("conversion_net", n[cohortNet], n[cohortViewed])
	ratio("coverage.views", n[timeViewsLinked], n[timeViews])
	ratio("coverage.orders", n[timeOrdersLinked], n[timeOrders])
	before := n[cohortViewed]
	for step, name := range []string{"selected", "held", "attempted", "ordered"} {
		reported := step == stepOrdered || n[toldSelected+cellColumn(min(step, stepAttempted))] > 0
		if reported || step != stepSelected && n[cohortSells] > 0 {
			ratio("funnel."+name, n[funnelSelected+cellColumn(step)], before)
			before = n[funnelSelected+cellColumn(step)]
		}
	}
	ratio("abandonment", old[heldFirst]-old[heldInTime], old[heldFirst])
	ratio("abandonment.could_not", old[heldCouldNot], old[heldFirst])
	ratio("abandonment.did_not", old[heldFirst]-old[heldInTime]-old[heldCouldNot], old[heldFirst])
	ratio("adoption.attempted", n[offeredTried], n[offered])
	ratio("adoption.share", n[timeOrdersOneClick], n[timeOrdersEligible])
	ratio("adoption.again", n[usedAgain], n[usedFirst])
	ratio("adoption.no_action", n[triedClean], n[triedTries])
	if n[cohortAsked] > 0 {
		ratio("adoption.eligible", n[cohortEligible], n[cohortViewed])
	}
	ratio("checkout_time.completion", n[cohortCompleted], n[toldSelected])
	ratio("latency.confirmed_2s", n[timeConfirmed], n[timeClicks])
	return got
}

// history draws what happens at two events that sell here and at one that sells elsewhere.
func history(r *rand.Rand, length int) []Entry {
	var all []Entry
	now := int64(start) / 1e6
	events := []string{"e1", "e2", "o1"}
	for _, id := range events {
		all = append(all, Entry{Kind: KindEventSet, At: start, Key: eventKey(id), Text: "Night\nconcert\nEUR\nEurope/Amsterdam", On: id == "o1"})
		if id == "o1" {
			all[len(all)-1].Text = "Night\nconcert\nEUR\nUTC"
		}
	}
	type bought struct {
		key    engine.Key
		person uint64
		money  Money
	}
	var orders []bought
	pick := func(kinds ...Kind) Kind { return kinds[r.IntN(len(kinds))] }
	for range length {
		switch r.IntN(30) {
		case 0:
			now += r.Int64N(3 * 3_600_000)
		case 1, 2, 3:
			now += r.Int64N(10 * 60_000)
		default:
			now += 1 + r.Int64N(20_000)
		}
		e := Entry{At: engine.Instant(now * 1e6), Key: eventKey(events[r.IntN(3)])}
		observe := e.Key.ID == "o1"
		buyer, sessionID := PersonOf("shop", fmt.Sprint("b", r.IntN(5))), SessionOf("shop", fmt.Sprint("s", r.IntN(8)))
		if r.IntN(3) == 0 {
			e.Device = engine.Device(r.IntN(3))
		}
		if r.IntN(4) == 0 {
			e.Channel = []string{"", "web", "app"}[r.IntN(3)]
		}
		switch c := r.IntN(20); {
		case c < 9: // a touch
			e.Kind = pick(KindViewed, KindViewed, KindViewed, KindSelected, KindSelected, KindCarted, KindStepped, KindClicked, KindClickSeen, KindPageReady)
			e.Text = []string{"line", "admitted", "payment", "details"}[r.IntN(4)]
			e.Ref = uint64(r.IntN(2))
			e.DurationMs, e.LoadMs, e.PromptMs = r.Int64N(5000), r.Int64N(4000), r.Int64N(4000)
			e.Flow, e.HasFlow = engine.Flow(r.IntN(2)), observe
			switch r.IntN(8) {
			case 0:
			case 1, 2:
				e.Person = sessionID
			case 3:
				e.Person, e.Alias = sessionID, buyer
			default:
				e.Person = buyer
			}
			if (e.Kind == KindViewed || e.Kind == KindSelected) && r.IntN(3) == 0 {
				e.At -= engine.Instant(r.Int64N(120_000) * 1e6)
			}
		case c < 10:
			e.Kind, e.State = KindState, []engine.EventState{engine.EventOnSale, engine.EventPaused}[min(1, r.IntN(4))]
		case c < 11:
			e.Kind, e.Stock.Free = KindStock, r.Int64N(2)
		case len(orders) > 0 && c < 13:
			i := r.IntN(len(orders))
			o := orders[i]
			orders = slices.Delete(orders, i, i+1)
			e.Key, e.Person, e.Money, e.AmountMinor = o.key, o.person, o.money, o.money.TotalMinor
			switch {
			case o.key.ID == "o1":
				e.Kind = KindObservedRefund
			case r.IntN(2) == 0:
				e.Kind = KindUndone
			default:
				e.Kind, e.Whole = KindRefunding, true
				all = append(all, e)
				e.Kind, e.Whole = KindRefunded, false
			}
			if r.IntN(2) == 0 && e.Kind != KindUndone {
				e.AmountMinor /= 2
			}
		default:
			e.Person, e.Flow, e.HasFlow = buyer, engine.Flow(r.IntN(2)), true
			e.Method = []payment.MethodKind{0, payment.MethodCard}[r.IntN(2)]
			e.DurationMs = r.Int64N(900)
			e.NeededAction, e.Ref = r.IntN(4) == 0, uint64(r.IntN(2))
			if observe {
				e.Kind = pick(KindObservedOrder, KindObservedFailed)
			} else {
				e.Kind = pick(KindOffered, KindHeld, KindHeld, KindAttempted, KindAttempted, KindAsked, KindAction, KindAuthorised, KindDeclined, KindReleased, KindOrdered, KindOrdered)
			}
			switch e.Kind { //nolint:exhaustive // the others say nothing more
			case KindOffered:
				e.HasFlow, e.Variant = false, Variant(1+r.IntN(3))
				e.OneClick = e.Variant == VariantIn
			case KindDeclined, KindReleased, KindObservedFailed:
				e.Failure = Failure(r.IntN(int(FailuresEnd)))
			case KindOrdered, KindObservedOrder:
				if e.Money.FaceMinor = r.Int64N(3) * 1000; !observe {
					e.Purchase = engine.PurchaseID(r.IntN(2))
				}
				e.Money.TotalMinor = e.Money.FaceMinor
				orders = append(orders, bought{e.Key, e.Person, e.Money})
			}
		}
		all = append(all, e)
	}
	return all
}

func TestCohortsAreWhatTheDefinitionsSay(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		entries := history(r, 60+r.IntN(500))
		b, model := newTestBook(), newPlain()
		for i := range entries {
			b.Add(&entries[i])
			model.add(&entries[i])
		}
		now := b.Now() + engine.Instant(r.Int64N(30)*60_000*1e6)
		for _, w := range Windows()[1:] {
			for _, by := range Dimensions() {
				q := Query{Account: "shop", Window: w, By: by}
				if r.IntN(2) == 0 && by != ByEvent && by != ByGenre {
					q.Event = "e1"
				}
				for _, row := range b.Answer(&q, now).Rows {
					compareWithModel(t, fmt.Sprintf("seed %d: %s of %q by %q in %s", seed, row.Series, q.Event, by, w), model.sums(&q, row.Series, int64(now)/1e6), row.Figures)
				}
			}
		}
		if t.Failed() {
			return
		}
	}
}

func compareWithModel(t *testing.T, where string, s *plainSums, figures []Figure) {
	t.Helper()
	ratios := s.figures()
	quantiles := map[string]plainQuantile{}
	for _, l := range latencies() {
		for _, p := range percentiles() {
			quantiles["latency."+l.id+p.suffix] = plainQuantile{s.samples[l.of], p.q}
		}
	}
	for i, step := range funnelSteps() {
		quantiles["funnel."+step+".time.p50"] = plainQuantile{s.samples[durationSelected+duration(i)], 0.5}
	}
	quantiles["checkout_time.p50"] = plainQuantile{s.samples[durationCheckout], 0.5}
	quantiles["checkout_time.line_wait.p50"] = plainQuantile{s.samples[durationLine], 0.5}
	seen := 0
	for _, f := range figures {
		quantile, isQuantile := quantiles[f.KPI]
		want, is := ratios[f.KPI]
		switch {
		case isQuantile:
			seen++
			if s.byFlow && beforeFlow(f.KPI) {
				quantile.samples = nil
			}
			quantile.check(t, where, f)
		case f.KPI == "checkout_time.mean":
			sum := int64(0)
			for _, ms := range s.samples[durationCheckout] {
				sum += min(ms, 30*60_000)
			}
			if n := len(s.samples[durationCheckout]); (f.Value == nil) != (n == 0) || n > 0 && *f.Value != float64(sum)/float64(n) {
				t.Errorf("%s: %s = %s, want %d / %d", where, f.KPI, shown(f), sum, n)
			}
		case f.KPI == "funnel.viewed":
			n := s.all[cohortViewed]
			if s.byFlow {
				n = 0
			}
			if (f.Value == nil) != (n == 0) || n > 0 && *f.Value != float64(n) {
				t.Errorf("%s: %s = %s, want %d", where, f.KPI, shown(f), n)
			}
		case is:
			seen++
			if f.Value == nil || *f.Numerator != want[0] || *f.Denominator != want[1] {
				t.Errorf("%s: %s = %s, want %d of %d", where, f.KPI, shown(f), want[0], want[1])
			}
			if f.KPI == "conversion" && *f.Mature != float64(s.mature[cohortViewed])/float64(s.all[cohortViewed]) {
				t.Errorf("%s: %v of conversion are mature, want %d of %d", where, *f.Mature, s.mature[cohortViewed], s.all[cohortViewed])
			}
		case f.Value != nil && slices.ContainsFunc([]string{"conversion", "coverage.", "funnel.", "abandonment", "adoption.", "checkout_time.", "latency."}, func(p string) bool { return strings.HasPrefix(f.KPI, p) }):
			t.Errorf("%s: %s = %s, want no value", where, f.KPI, shown(f))
		}
	}
	if seen < len(ratios)+len(quantiles) {
		t.Errorf("%s: %d of %d figures are there", where, seen, len(ratios)+len(quantiles))
	}
}

type plainQuantile struct {
	samples []int64
	q       float64
}

func (n plainQuantile) check(t *testing.T, where string, f Figure) {
	t.Helper()
	if len(n.samples) == 0 {
		if f.Value != nil {
			t.Errorf("%s: %s = %s of nothing", where, f.KPI, shown(f))
		}
		return
	}
	want := float64(n.samples[int(n.q*float64(len(n.samples)-1))])
	if f.Value == nil || math.Abs(*f.Value-want) > TimesErrorMax*want*(1+1e-9) || *f.Denominator != int64(len(n.samples)) {
		t.Errorf("%s: %s = %s of %v, want %v of %d", where, f.KPI, shown(f), f.Denominator, want, len(n.samples))
	}
}

func TestCohortsGoOnFromAnyStop(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		entries := history(r, 400)
		whole, b := newTestBook(), newTestBook()
		for i := range entries {
			whole.Add(&entries[i])
			b.Add(&entries[i])
			if r.IntN(20) == 0 {
				var err error
				if b, err = OpenBook(PolicyDefault(), time.LoadLocation, b.AppendState(nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !bytes.Equal(b.AppendState(nil), whole.AppendState(nil)) {
			t.Fatalf("seed %d: stops change the state", seed)
		}
	}
}
