package measure

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
)

// naive computes the figures of orders and persons from raw entries, by going through all of them again and again.
type naive struct {
	policy  Policy
	entries []Entry
}

// fact is one thing to count: when, where (as the entry that it belongs to says) and how much.
type fact struct {
	at    engine.Instant
	where *Entry
	flow  string
	what  string
}

// facts are all things to count that are known after the entries.
func (n *naive) facts() []fact {
	var all []fact
	ms := func(ms int64) engine.Instant { return engine.Instant(ms * 1e6) }
	last := n.entries[len(n.entries)-1].At
	note := func(at engine.Instant, where *Entry, what string) {
		flow := ""
		if where.HasFlow {
			flow = flowNames[flowValue(where.Flow)]
		}
		all = append(all, fact{at, where, flow, what})
	}
	orders := n.orders()
	for _, o := range orders {
		n.orderFacts(o, note)
		if o.At+ms(n.policy.RegretMs) < last {
			note(o.At, o, "settled")
		}
	}
	n.personFacts(orders, last, note)
	answered := map[string]bool{}
	asked := n.asked()
	for _, a := range asked {
		if a.due <= last {
			note(a.due, a.of, "asked")
		}
	}
	replied := map[int]bool{}
	for i := range n.entries {
		e := &n.entries[i]
		if e.Kind == KindSupport {
			where := n.orderOf(orders, i)
			if where == nil {
				where = n.lastAttempt(i, ms(n.policy.SupportMs))
			}
			if where != nil {
				note(e.At, where, "query")
			} else {
				all = append(all, fact{e.At, e, "unattributed", "query"})
			}
		}
		if e.Kind != KindSurveyed {
			continue
		}
		ask := -1 // the newest asking of the person that is due
		newest := -1
		for j, a := range asked {
			if e.Person != 0 && a.of.Person == e.Person && a.chosenBy <= i {
				newest = j
			}
		}
		if newest >= 0 && asked[newest].due <= e.At && asked[newest].of.Key == e.Key {
			ask = newest
		}
		if ask >= 0 && !replied[ask] {
			replied[ask] = true
			note(asked[ask].due, asked[ask].of, "responded")
		}
		if e.Survey == SurveyRegret {
			continue
		}
		if n.lastAttempt(i, math.MaxInt64) != nil {
			once := fmt.Sprint(e.Person, e.Key.ID, e.Survey, n.askings(asked, i))
			if answered[once] {
				continue
			}
			answered[once] = true
		}
		where := n.orderOf(orders, i)
		if where == nil && ask >= 0 {
			where = asked[ask].of
		}
		if where == nil {
			where = n.lastAttempt(i, ms(n.policy.SupportMs))
		}
		if where == nil {
			where = e
		}
		note(e.At, where, []string{"", "csat", "nps"}[e.Survey])
		if e.Survey == SurveyCSAT && e.Score >= 4 {
			note(e.At, where, "satisfied")
		}
		if e.Survey == SurveyNPS && e.Score >= 9 {
			note(e.At, where, "promoter")
		}
		if e.Survey == SurveyNPS && e.Score <= 6 {
			note(e.At, where, "detractor")
		}
	}
	return all
}

// orders are the orders, each once.
func (n *naive) orders() []*Entry {
	var orders []*Entry
	for i := range n.entries {
		e := &n.entries[i]
		twice := false
		for _, o := range orders {
			twice = twice || (e.Kind == KindOrdered || e.Ref != 0) && o.Kind == e.Kind && o.Key == e.Key && o.Order == e.Order && o.Ref == e.Ref
		}
		if (e.Kind == KindOrdered || e.Kind == KindObservedOrder) && !twice {
			orders = append(orders, e)
		}
	}
	return orders
}

func (n *naive) orderFacts(o *Entry, note func(engine.Instant, *Entry, string)) {
	side, sold := "before", false // nothing becomes of an order before it is there
	undone, refunded, disputed, unmeant := false, false, false, false
	for i := range n.entries {
		e := &n.entries[i]
		if e.Key != o.Key {
			continue
		}
		same := sold && o.Kind == KindOrdered && e.Order == o.Order
		if e == o {
			sold = true
			note(o.At, o, "order "+side)
			if o.HasFlow && o.Flow == engine.FlowOneClick {
				note(o.At, o, "one-click "+side)
			}
		}
		// The others do not matter.
		//
		//exhaustive:ignore
		switch e.Kind {
		case KindRollout:
			if e.On && e.Permille > 0 {
				side = "after"
			}
		case KindUndone:
			undone = undone || same
		case KindRefunding:
			refunded = refunded || same && e.ByBuyer && e.At-o.At <= engine.Instant(n.policy.RegretMs*1e6)
		case KindObservedRefund:
			refunded = refunded || sold && o.Kind == KindObservedOrder && e.Ref != 0 && e.Ref == o.Ref && e.At-o.At <= engine.Instant(n.policy.RegretMs*1e6)
		case KindDisputed:
			disputed = disputed || same
		case KindSurveyed:
			if e.Survey == SurveyRegret && e.Score == 1 {
				same = same || sold && e.Order == 0 && e.Ref != 0 && o.Kind == KindObservedOrder && e.Ref == o.Ref
				unmeant = unmeant || same || e.Order == 0 && e.Ref == 0 && e.Person != 0 && n.lastOrder(i) == o
			}
		}
	}
	for what, is := range map[string]bool{"undone": undone, "refunded": refunded, "disputed": disputed, "unmeant": unmeant, "regretted": undone || refunded || disputed || unmeant} {
		if is {
			note(o.At, o, what)
		}
	}
}

// lastOrder is the newest order of an entry's person at its event.
func (n *naive) lastOrder(i int) (last *Entry) {
	for _, o := range (&naive{n.policy, n.entries[:i]}).orders() {
		if o.Key == n.entries[i].Key && o.Person == n.entries[i].Person {
			last = o
		}
	}
	return last
}

func (n *naive) orderOf(orders []*Entry, i int) *Entry {
	e := &n.entries[i]
	for _, o := range orders {
		byNumber := e.Order != 0 && o.Kind == KindOrdered && o.Order == e.Order
		byRef := e.Order == 0 && e.Ref != 0 && o.Kind == KindObservedOrder && o.Ref == e.Ref
		if (byNumber || byRef) && o.Key == e.Key && o.At <= e.At {
			for j := range i {
				if o == &n.entries[j] {
					return o
				}
			}
		}
	}
	return nil
}

// lastAttempt is the newest attempt of an entry's person at its event, if it is not longer ago.
func (n *naive) lastAttempt(i int, within engine.Instant) (last *Entry) {
	e := &n.entries[i]
	for j := range i {
		a := &n.entries[j]
		if e.Person != 0 && a.Person == e.Person && a.Key == e.Key && n.isAttempt(j) && e.At-a.At <= within {
			last = a
		}
	}
	return last
}

// isAttempt says whether an entry is one. An order that is reported again is none.
func (n *naive) isAttempt(i int) bool {
	e := &n.entries[i]
	if e.Kind == KindOrdered || e.Kind == KindObservedOrder {
		for _, o := range n.orders() {
			if o == e {
				return true
			}
		}
		return false
	}
	return e.Kind == KindAttempted || e.Kind == KindObservedFailed
}

// personFacts are about persons: their first attempts at an event, and their first orders.
func (n *naive) personFacts(orders []*Entry, last engine.Instant, note func(engine.Instant, *Entry, string)) {
	tried := map[string]bool{}
	for i := range n.entries {
		e := &n.entries[i]
		id := fmt.Sprint(e.Person, e.Key.ID)
		if e.Person == 0 || tried[id] || !n.isAttempt(i) {
			continue
		}
		tried[id] = true
		note(e.At, e, "tried")
		for _, o := range orders {
			if o.Person == e.Person && o.Key == e.Key {
				note(e.At, e, "succeeded")
				break
			}
		}
	}
	first := map[uint64]*Entry{}
	again := map[uint64]engine.Instant{}
	for _, o := range orders {
		switch f := first[o.Person]; {
		case o.Person == 0:
		case f == nil:
			first[o.Person] = o
			note(o.At, o, "first")
		default:
			note(f.At, f, "more")
			if again[o.Person] == 0 {
				again[o.Person] = o.At
			}
		}
	}
	for person, f := range first {
		for _, days := range []int{7, 30, 90} {
			over := f.At + engine.Instant(days)*engine.Instant(24*time.Hour)
			if over > last {
				continue
			}
			note(f.At, f, fmt.Sprint("watched ", days))
			if at := again[person]; at != 0 && at < over {
				note(f.At, f, fmt.Sprint("again ", days))
			}
		}
	}
}

type asking struct {
	due      engine.Instant
	of       *Entry
	chosenBy int
}

// asked are the askings, as the definition of the response rate says.
func (n *naive) asked() (all []asking) {
	for i := range n.entries {
		e := &n.entries[i]
		end := e.Kind == KindOrdered || e.Kind == KindReleased || e.Kind == KindDeclined && e.Hard
		if !end || e.Person == 0 || !sampled(e, n.policy.SurveyPermille) {
			continue
		}
		due := e.At + engine.Instant(n.policy.SurveyDelayMs*1e6)
		if len(all) > 0 {
			due = max(due, all[len(all)-1].due+1)
		}
		paused := false
		for _, a := range all {
			paused = paused || a.of.Person == e.Person && due < a.due+engine.Instant(n.policy.SurveyPauseMs*1e6)
		}
		if !paused {
			all = append(all, asking{due, e, i})
		}
	}
	return all
}

// askings is how often a person had been asked about an event before an entry.
func (n *naive) askings(asked []asking, i int) (times int) {
	for _, a := range asked {
		if a.chosenBy < i && a.of.Person == n.entries[i].Person && a.of.Key == n.entries[i].Key {
			times++
		}
	}
	return times
}

// heard says whether anything was reported that a KPI is made of.
func (n *naive) heard(event, kpi string) bool {
	made := map[string][]Kind{
		"errors.never_succeeded": {KindAttempted, KindObservedFailed, KindOrdered}, "regret.undo": {KindOrdered}, "regret.disputes": {KindOrdered},
		"regret.refund_72h": {KindOrdered, KindObservedRefund}, "regret.did_not_mean": {}, "regret.rate": {KindOrdered, KindObservedRefund}, "support.all": {KindSupport}, "support.one_click": {KindSupport},
	}[kpi]
	for i := range n.entries {
		e := &n.entries[i]
		if event != "" && e.Key.ID != event {
			continue
		}
		if slices.Contains(made, e.Kind) || e.Kind == KindSurveyed && e.Survey == SurveyRegret && (kpi == "regret.did_not_mean" || kpi == "regret.rate") {
			return true
		}
	}
	return made == nil
}

// countFacts is how much of something there is in a series and window.
func countFacts(facts []fact, q Query, flow, what string, now engine.Instant) (n int64) {
	for _, f := range facts {
		if f.what == what && f.at >= q.Window.Begin(now) && (q.Event == "" || q.Event == f.where.Key.ID) && (flow == "" || flow == f.flow) {
			n++
		}
	}
	return n
}

// want is what the naive model says about a KPI: numerator and denominator.
func want(facts []fact, q Query, flow, kpi string, now engine.Instant) (numerator, denominator int64) {
	n := func(what string) int64 { return countFacts(facts, q, flow, what, now) }
	orders := n("order before") + n("order after")
	switch kpi {
	case "errors.never_succeeded":
		return n("tried") - n("succeeded"), n("tried")
	case "regret.rate":
		return n("regretted"), orders
	case "regret.undo":
		return n("undone"), orders
	case "regret.refund_72h":
		return n("refunded"), orders
	case "regret.disputes":
		return n("disputed"), orders
	case "regret.did_not_mean":
		return n("unmeant"), orders
	case "satisfaction.csat":
		return n("satisfied"), n("csat")
	case "satisfaction.nps":
		return n("promoter") - n("detractor"), n("nps")
	case "satisfaction.responses":
		return n("responded"), n("asked")
	case "support.all":
		return n("query"), orders
	case "retention.7d":
		return n("again 7"), n("watched 7")
	case "retention.30d":
		return n("again 30"), n("watched 30")
	case "retention.90d":
		return n("again 90"), n("watched 90")
	case "revenue.frequency":
		return n("first") + n("more"), n("first")
	case "revenue.share_shift":
		return n("one-click after"), n("order after")
	}
	return -1, -1
}

// randomHistory draws a history of a few buyers at two shows.
func randomHistory(t *rapid.T) []Entry {
	var entries []Entry
	now := taleBegin
	orders := map[string]engine.OrderID{}
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }
	for range rapid.IntRange(1, 60).Draw(t, "entries") {
		now += []engine.Instant{0, 1, 3e9, 40e9, 11 * 60e9, 3 * 3600e9, 26 * 3600e9, 9 * dayNs, 31 * dayNs}[pick("wait", 9)]
		key := eventKey([]string{"night", "matinee"}[pick("event", 2)])
		e := Entry{
			At: now, Key: key, HasFlow: pick("flow known", 4) > 0, Flow: engine.Flow(pick("flow", 2)), Hold: engine.HoldID(pick("hold", 40) + 1),
			Kind: []Kind{
				KindViewed, KindAttempted, KindOrdered, KindOrdered, KindOrdered, KindUndone, KindRefunding, KindDisputed, KindSurveyed, KindSurveyed, KindSupport, KindReleased, KindDeclined, KindRollout,
				KindObservedOrder, KindObservedFailed, KindObservedRefund,
			}[pick("kind", 17)],
		}
		if n := pick("buyer", 6); n > 0 {
			e.Person = PersonOf("shop", fmt.Sprint("b", n))
		}
		// The others have nothing else.
		//
		//exhaustive:ignore
		switch e.Kind {
		case KindOrdered:
			orders[key.ID]++
			e.Order, e.Purchase = orders[key.ID], engine.PurchaseID(orders[key.ID])
		case KindUndone, KindDisputed, KindRefunding, KindSupport, KindSurveyed:
			e.Order = engine.OrderID(pick("order", int(orders[key.ID])+2))
			e.ByBuyer = pick("by buyer", 3) > 0
			e.Survey = Survey(pick("survey", 3) + 1)
			if e.Order == 0 && (e.Kind == KindSupport || e.Kind == KindSurveyed) && pick("names a reference", 2) > 0 {
				e.Ref = RefOf(key, fmt.Sprint(pick("ref", 6)))
			}
			e.Score = int64(map[Survey]int{SurveyCSAT: pick("csat", 5) + 1, SurveyNPS: pick("nps", 11), SurveyRegret: pick("regret", 2)}[e.Survey])
		case KindReleased, KindDeclined:
			e.Purchase, e.Hard = engine.PurchaseID(1000+pick("purchase", 20)), pick("hard", 2) > 0
		case KindRollout:
			e.On, e.Permille = pick("on", 2) > 0, uint32(pick("permille", 2)*500)
		case KindObservedOrder, KindObservedRefund:
			if n := pick("ref", 7); n < 6 { // else without consent
				e.Ref = RefOf(key, fmt.Sprint(n))
			}
		}
		entries = append(entries, e)
	}
	return entries
}

// TestPeopleAreWhatTheDefinitionsSay: every figure of orders and persons, in every window and by flow, is what somebody finds who goes through the raw entries.
func TestPeopleAreWhatTheDefinitionsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := PolicyDefault()
		p.SurveyPermille, p.SurveyPauseMs, p.RegretMs = 600, 20*24*3_600_000, int64(rapid.SampledFrom([]int{60_000, 72 * 3_600_000}).Draw(t, "regret"))
		n := &naive{policy: p, entries: randomHistory(t)}
		b, stop := NewBook(p, time.LoadLocation), rapid.IntRange(0, len(n.entries)).Draw(t, "stop")
		whole := NewBook(p, time.LoadLocation)
		for i := range n.entries {
			if i == stop {
				var err error
				if b, err = OpenBook(p, time.LoadLocation, b.AppendState(nil)); err != nil {
					t.Fatal(err)
				}
			}
			b.Add(&n.entries[i])
			whole.Add(&n.entries[i])
			if rapid.IntRange(0, 9).Draw(t, "ask") == 0 { // who asks changes nothing
				whole.Answer(&Query{Account: "shop", Window: rapid.SampledFrom(Windows()).Draw(t, "asked")}, n.entries[i].At+5e9)
			}
		}
		if !bytes.Equal(b.people.appendState(nil), whole.people.appendState(nil)) {
			t.Fatal("a stop changes the state")
		}
		for i := range n.entries {
			e := &n.entries[i]
			t.Logf("%d %s kind %d %s person %x order %d purchase %d ref %x flow %v %v survey %d score %d buyer %v hard %v on %v %d", i, time.Duration(e.At-taleBegin), e.Kind, e.Key.ID,
				e.Person&0xfff, e.Order, e.Purchase, e.Ref&0xfff, e.HasFlow, e.Flow, e.Survey, e.Score, e.ByBuyer, e.Hard, e.On, e.Permille)
		}
		facts := n.facts()
		now := b.Now() + engine.Instant(rapid.IntRange(0, 30).Draw(t, "later"))*1e9
		for _, window := range []Window{Window1m, Window15m, Window1h, Window24h, WindowSale, Window15m} {
			for _, event := range []string{"", "night"} {
				for _, by := range []Dimension{ByNothing, ByFlow} {
					q := Query{Account: "shop", Event: event, Window: window, By: by}
					for _, row := range whole.Answer(&q, now).Rows {
						for _, f := range row.Figures {
							if !n.heard(event, f.KPI) {
								if f.Value != nil || f.Why != WhyNotAvailable {
									t.Fatalf("%s of what was never reported: %s", f.KPI, say(f))
								}
								continue
							}
							compare(t, facts, q, row.Series, f, now)
						}
					}
				}
			}
		}
	})
}

// compare holds a figure against the naive model.
func compare(t *rapid.T, facts []fact, q Query, flow string, f Figure, now engine.Instant) {
	num, den := want(facts, q, flow, f.KPI, now)
	if den < 0 {
		return
	}
	where := fmt.Sprintf("%s of %q by %q in %q: %s; %d/%d is expected", f.KPI, q.Event, flow, q.Window, say(f), num, den)
	switch {
	case f.KPI == "revenue.share_shift":
		whole := q
		whole.Window = WindowSale
		before, one := countFacts(facts, whole, flow, "order before", now), countFacts(facts, whole, flow, "one-click before", now)
		if flow != "" || before == 0 || den == 0 {
			if f.Value != nil {
				t.Fatal(where)
			}
			return
		}
		if f.Value == nil || math.Abs(*f.Value-(float64(num)/float64(den)-float64(one)/float64(before))) > 1e-12 {
			t.Fatal(where)
		}
	case len(f.KPI) > 10 && f.KPI[:10] == "retention." && q.Window != WindowSale:
		if f.Value != nil {
			t.Fatal(where)
		}
	case den == 0:
		if f.Value != nil || f.Why == "" {
			t.Fatal(where)
		}
	case f.Why == WhyTooFew:
		if *f.Denominator != den || den >= answersMin || f.Numerator != nil {
			t.Fatal(where)
		}
	case f.Value == nil || *f.Numerator != num || *f.Denominator != den:
		t.Fatal(where)
	case math.Abs(*f.Value-map[Unit]float64{UnitRatio: 1, UnitPer1000: 1000, UnitScore: 100, UnitPerBuyer: 1}[f.Unit]*float64(num)/float64(den)) > 1e-9:
		t.Fatal(where)
	case f.Low != nil && (*f.Low > *f.Value || *f.High < *f.Value):
		t.Fatal(where, *f.Low, *f.High)
	case f.Mature != nil && f.KPI[:7] == "regret." && *f.Mature != float64(countFacts(facts, q, flow, "settled", now))/float64(den):
		t.Fatal(where)
	}
}
