package measure

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// TestCountsAreWhatTheEntriesSay compares every KPI that is counted by time, in every window, broken down in every way, and every course, with what is found by
// going through all entries again: over random histories, and with the book written down and opened again between.
func TestCountsAreWhatTheEntriesSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := &oracle{zones: map[string]*time.Location{}, events: map[string]Subject{}}
		b, whole := newTestBook(), newTestBook()
		add := func(e Entry) {
			b.Add(&e)
			whole.Add(&e)
			o.entries = append(o.entries, e)
		}
		o.setUp(t, add)
		at := start
		for range rapid.IntRange(1, 150).Draw(t, "entries") {
			add(drawEntry(t, &at))
			switch rapid.IntRange(0, 60).Draw(t, "then") {
			case 0:
				again, err := OpenBook(PolicyDefault(), time.LoadLocation, b.AppendState(nil))
				if err != nil {
					t.Fatal(err)
				}
				b = again
			case 1:
				o.compare(t, b, b.Now()+engine.Instant(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "later")))
			}
		}
		o.compare(t, b, b.Now())
		if !bytes.Equal(b.AppendState(nil), whole.AppendState(nil)) {
			for i, m := range b.meters {
				if !bytes.Equal(m.appendState(nil), whole.meters[i].appendState(nil)) {
					t.Errorf("%T differs", m)
				}
			}
			t.Fatal("a book that was written down and opened between is another one than a book that was not")
		}
	})
}

// oracle answers by going through all entries.
type oracle struct {
	entries []Entry
	zones   map[string]*time.Location
	events  map[string]Subject
}

var oracleEvents = []Subject{
	{Key: eventKey("e1"), Genre: "concert", Currency: "EUR", TimeZone: "Europe/Amsterdam"},
	{Key: eventKey("e2"), Genre: "sport", Currency: "EUR", TimeZone: "Asia/Kathmandu"},
	{Key: eventKey("e3"), Currency: "JPY", TimeZone: "", Observe: true},
}

func (o *oracle) setUp(t *rapid.T, add func(Entry)) {
	for _, s := range oracleEvents {
		if s.Observe && rapid.Bool().Draw(t, "only engine events") {
			continue
		}
		zone, err := time.LoadLocation(s.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		o.zones[s.Key.ID], o.events[s.Key.ID] = zone, s
		add(Entry{Kind: KindEventSet, At: start, Key: s.Key, Text: "Night\n" + s.Genre + "\n" + s.Currency + "\n" + s.TimeZone, On: s.Observe})
		if rapid.Bool().Draw(t, "on sale") {
			add(Entry{Kind: KindState, At: start, Key: s.Key, State: engine.EventOnSale})
			s.OnSale = start
			o.events[s.Key.ID] = s
		}
	}
}

// drawEntry draws something that happens: most at the same time or soon, some after hours or days, some up to 50 minutes late.
func drawEntry(t *rapid.T, at *engine.Instant) Entry {
	steps := []time.Duration{0, 50 * time.Millisecond, 700 * time.Millisecond, 4 * time.Second, 12 * time.Second, time.Minute, 11 * time.Minute, 2 * time.Hour, 30 * time.Hour, 40 * 24 * time.Hour}
	i := rapid.IntRange(0, 60).Draw(t, "step")
	*at += engine.Instant(steps[min(i%10, max(0, i-50))])
	if i < 45 {
		*at += engine.Instant(steps[i%6])
	}
	e := Entry{
		At: *at, Key: oracleEvents[rapid.IntRange(0, 1).Draw(t, "event")].Key, HasFlow: rapid.Bool().Draw(t, "has flow"), Device: engine.Device(rapid.IntRange(0, 2).Draw(t, "device")),
		Channel: rapid.SampledFrom([]string{"", "web", "app"}).Draw(t, "channel"), Method: payment.MethodKind(rapid.IntRange(0, 2).Draw(t, "method")),
	}
	if e.HasFlow {
		e.Flow = engine.Flow(rapid.IntRange(0, 1).Draw(t, "flow"))
	}
	if rapid.IntRange(0, 5).Draw(t, "late") == 0 {
		e.At -= engine.Instant(rapid.Int64Range(0, int64(50*time.Minute)).Draw(t, "by"))
	}
	e.Kind = rapid.SampledFrom([]Kind{
		KindViewed, KindPrompted, KindClicked, KindOffered, KindHeld, KindAttempted, KindOrdered, KindOrdered, KindOrdered, KindDeclined, KindReleased, KindRefused, KindAdmitted,
		KindTimed, KindRefunded, KindUndone, KindSelected, KindObservedOrder, KindObservedFailed, KindObservedRefund,
	}).Draw(t, "kind")
	amount := rapid.Int64Range(0, 5000).Draw(t, "amount")
	// Not exhaustive: the others need no more.
	//exhaustive:ignore
	switch e.Kind {
	case KindObservedOrder, KindObservedFailed, KindObservedRefund:
		e.Key = oracleEvents[2].Key
		e.Failure = Failure(rapid.IntRange(1, 5).Draw(t, "failure"))
	case KindReleased:
		e.Failure = Failure(rapid.IntRange(0, 5).Draw(t, "failure"))
	case KindDeclined:
		e.Decline = payment.Decline(rapid.IntRange(0, payment.Declines-1).Draw(t, "decline"))
	case KindRefused:
		e.Code, e.Count = engine.Code(rapid.IntRange(1, engine.Codes-1).Draw(t, "code")), amount
	case KindTimed:
		e.Times = &Times{Buckets: []TimesBucket{{Index: 1, Count: uint32(amount)}, {Index: 9, Count: 3}}}
	}
	if e.Kind == KindOrdered || e.Kind == KindObservedOrder {
		e.Units, e.Money = amount%5+1, Money{amount, amount / 10, amount / 3, amount + amount/10}
	}
	if e.Kind == KindRefunded || e.Kind == KindUndone || e.Kind == KindObservedRefund {
		e.AmountMinor = amount
	}
	e.Purchase, e.Order, e.Ref = engine.PurchaseID(e.At%1000+1), engine.OrderID(e.At%999+1), uint64(e.At%1001+1)
	return e
}

// compare asks the book and the oracle about the account and an event, whole and by one dimension, in every window.
func (o *oracle) compare(t *rapid.T, b *Book, now engine.Instant) {
	kpis := []string{}
	for _, k := range countKPIs() {
		kpis = append(kpis, k.ID)
	}
	for _, event := range []string{"", rapid.SampledFrom([]string{"e1", "e2", "e3"}).Draw(t, "of")} {
		by := rapid.SampledFrom(Dimensions()).Draw(t, "by")
		for _, w := range Windows() {
			for _, by := range slices.Compact([]Dimension{ByNothing, by}) {
				q := Query{Account: "shop", Event: event, Window: w, By: by, KPIs: kpis, Courses: by == ByNothing}
				if _, err := q.Check(); err != nil {
					continue
				}
				a := b.Answer(&q, now)
				rows := o.rows(event, by)
				if got, want := seriesNames(a), rows; !slices.Equal(got, want) {
					t.Fatalf("%+v: rows %q, want %q", q, got, want)
				}
				for _, row := range a.Rows {
					want := o.figures(event, by, row.Series, w, now)
					for _, f := range row.Figures {
						w, asked := want[f.KPI]
						if !asked || (f.Value == nil) != (w.why != "") || f.Why != w.why || f.Value != nil && *f.Value != w.value {
							t.Fatalf("%+v at %v, series %q: %s = %v %q, want %+v", q, time.Unix(0, int64(now)).UTC(), row.Series, f.KPI, show(f.Value), f.Why, w)
						}
					}
					if len(row.Figures) != len(want) {
						t.Fatalf("%d figures, want %d", len(row.Figures), len(want))
					}
				}
				if by == ByNothing && len(rows) > 0 {
					o.compareCourses(t, event, a)
				}
			}
		}
	}
}

func show(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}

func (o *oracle) compareCourses(t *rapid.T, event string, a *Answer) {
	for id, points := range a.Courses {
		if len(points) == 0 || len(points) > courseMax {
			t.Fatalf("%+v: a course of %d points", a.Query, len(points))
		}
		stepMs := int64(10_000)
		if len(points) > 1 {
			stepMs = points[1].AtMs - points[0].AtMs
		}
		for i, p := range points {
			from, to := engine.Instant(p.AtMs*1e6), engine.Instant((p.AtMs+stepMs)*1e6)
			if i == len(points)-1 {
				to = math.MaxInt64
			}
			want := int64(0)
			for _, e := range o.entries {
				if (event == "" || e.Key.ID == event) && e.At >= from && e.At < to {
					want += countOf(&e, id)
				}
			}
			if p.Value != float64(want) {
				t.Fatalf("%+v: %s at %v is %v, want %d", a.Query, id, time.UnixMilli(p.AtMs).UTC(), p.Value, want)
			}
		}
	}
}

// countOf is what an entry adds to a count.
func countOf(e *Entry, id string) int64 {
	kinds := map[string][]Kind{
		"views": {KindViewed}, "prompts": {KindPrompted}, "clicks": {KindClicked}, "offers": {KindOffered}, "holds": {KindHeld}, "attempts": {KindAttempted},
		"orders": {KindOrdered, KindObservedOrder}, "tickets": {KindOrdered, KindObservedOrder}, "declines": {KindDeclined}, "admitted": {KindAdmitted}, "refusals": {KindRefused},
	}
	switch {
	case !slices.Contains(kinds[id], e.Kind):
		return 0
	case id == "tickets":
		return e.Units
	case id == "refusals":
		return e.Count
	}
	return 1
}

func (o *oracle) valueOf(e *Entry, by Dimension) string {
	switch by {
	case ByNothing:
		return ""
	case ByEvent:
		return e.Key.ID
	case ByGenre:
		if s, ok := o.events[e.Key.ID]; ok {
			return cmp.Or(s.Genre, "none")
		}
	case ByFlow:
		if e.HasFlow {
			return []string{"standard", "one_click"}[e.Flow]
		}
	case ByDevice:
		return []string{"", "desktop", "mobile"}[e.Device]
	case ByMethod:
		return []string{"", "card", "wallet"}[e.Method]
	case ByChannel:
		return e.Channel
	case ByHour:
		if e.Kind >= KindEventSet {
			return ""
		}
		zone := time.UTC
		if z := o.zones[e.Key.ID]; z != nil {
			zone = z
		}
		return fmt.Sprintf("%02d", time.Unix(0, int64(e.At)).In(zone).Hour())
	}
	return ""
}

func (o *oracle) rows(event string, by Dimension) []string {
	rows := []string{}
	for i := range o.entries {
		e := &o.entries[i]
		if v := o.valueOf(e, by); (event == "" || e.Key.ID == event) && (v != "" || by == ByNothing) && !slices.Contains(rows, v) {
			rows = append(rows, v)
		}
	}
	slices.Sort(rows)
	return rows
}

// wanted is what a figure has to be.
type wanted struct {
	value float64
	why   Why
}

// figures are those of a series, found by going through all entries.
func (o *oracle) figures(event string, by Dimension, series string, w Window, now engine.Instant) map[string]wanted {
	var in, all, whole []*Entry // of the series and the window; of the series; of the account, or of the event if it sells elsewhere
	observe := o.events[event].Observe
	if by == ByEvent {
		observe = o.events[series].Observe
	}
	selling := false
	for i := range o.entries {
		e := &o.entries[i]
		scope := cmp.Or(event, map[bool]string{true: series}[by == ByEvent])
		if !observe || e.Key.ID == scope {
			whole = append(whole, e)
		}
		selling = selling || e.Kind == KindEventSet && !e.On
		if (event == "" || e.Key.ID == event) && o.valueOf(e, by) == series {
			if all = append(all, e); w == WindowSale || e.At >= w.Begin(now) {
				in = append(in, e)
			}
		}
	}
	ofEngine := !observe && (event != "" || by == ByEvent || selling)
	counted := func(e *Entry, kinds []Kind) bool {
		return slices.Contains(kinds, e.Kind) && (e.Kind != KindRefused || e.Count > 0 && FailureOf(e.Code) != FailureNone)
	}
	said := func(kinds ...Kind) bool { // whether one says what it is broken down by, if there is one
		is := false
		for i := range o.entries {
			if e := &o.entries[i]; (event == "" || e.Key.ID == event) && counted(e, kinds) {
				if is = true; o.valueOf(e, by) != "" {
					return true
				}
			}
		}
		return !is || by != ByDevice && by != ByMethod && by != ByChannel
	}
	known := func(kinds ...Kind) bool {
		return said(kinds...) && slices.ContainsFunc(whole, func(e *Entry) bool { return slices.Contains(kinds, e.Kind) && (e.Kind != KindRefused || e.Count > 0) })
	}
	sum := func(from []*Entry, of func(e *Entry) int64) (n int64) {
		for _, e := range from {
			n += of(e)
		}
		return n
	}
	want := map[string]wanted{}
	put := func(id string, value float64, known bool) {
		if want[id] = (wanted{value: value}); !known || math.IsNaN(value) || math.IsInf(value, 0) {
			want[id] = wanted{why: WhyNotAvailable}
		}
	}
	long := w != Window10s

	touches := map[string]Kind{"views": KindViewed, "prompts": KindPrompted, "clicks": KindClicked}
	facts := map[string][]Kind{
		"offers": {KindOffered}, "holds": {KindHeld}, "attempts": {KindAttempted}, "orders": {KindOrdered, KindObservedOrder}, "tickets": {KindOrdered, KindObservedOrder},
		"declines": {KindDeclined}, "admitted": {KindAdmitted}, "refusals": {KindRefused},
	}
	n := map[string]int64{}
	for id, kind := range touches {
		n[id] = sum(in, func(e *Entry) int64 { return countOf(e, id) })
		put(id, float64(n[id]), known(kind))
	}
	for id, kinds := range facts {
		n[id] = sum(in, func(e *Entry) int64 { return countOf(e, id) })
		put(id, float64(n[id]), ofEngine && said(kinds...) || known(kinds...))
	}
	for _, id := range []string{"views", "prompts", "clicks", "offers"} {
		if by == ByFlow && n[id] == 0 && want[id].why == "" {
			want[id] = wanted{why: WhyNoFlow} // they come before it
		}
	}
	sold := ofEngine && said(KindOrdered, KindObservedOrder) || known(KindOrdered, KindObservedOrder)
	put("orders_per_100_views", float64(n["orders"])/float64(n["views"])*100, long && sold && known(KindViewed))

	isOrder := func(e *Entry) bool { return e.Kind == KindOrdered || e.Kind == KindObservedOrder }
	span := func(is func(*Entry) bool) float64 {
		first, last := w.Begin(now), now
		if w == WindowSale {
			first, last = math.MaxInt64, math.MinInt64
			for _, e := range all {
				if is(e) {
					first, last = min(first, e.At), max(last, e.At)
				}
			}
			if first > last {
				return 1
			}
		}
		return max(1, float64(last-first)/1e9)
	}
	commands := func(e *Entry) (n int64) {
		if e.Kind == KindTimed {
			for _, b := range e.Times.Buckets {
				n += int64(b.Count)
			}
		}
		return n
	}
	put("throughput.orders", float64(n["orders"])/span(isOrder), long && sold)
	put("throughput.tickets", float64(n["tickets"])/span(isOrder), long && sold)
	put("throughput.commands", float64(sum(in, commands))/span(func(e *Entry) bool { return e.Kind == KindTimed }), long && known(KindTimed))
	o.peaks(all, w, now, func(id string, value float64) { put(id, value, long && sold) })

	currencies := map[string]bool{}
	for _, e := range all {
		if isOrder(e) && e.Money != (Money{}) || (e.Kind == KindRefunded || e.Kind == KindUndone || e.Kind == KindObservedRefund) && e.AmountMinor > 0 {
			currencies[o.events[e.Key.ID].Currency] = true
		}
	}
	delete(currencies, "") // of an event that has said nothing of itself
	minor := func(id string, of func(e *Entry) int64, known bool) int64 {
		v := sum(in, of)
		put(id, float64(v), long && known)
		return v
	}
	nonzero := func(of func(e *Entry) int64) bool {
		return slices.ContainsFunc(whole, func(e *Entry) bool { return of(e) != 0 })
	}
	ofOrder := func(of func(m *Money) int64) func(e *Entry) int64 {
		return func(e *Entry) int64 {
			if isOrder(e) {
				return of(&e.Money)
			}
			return 0
		}
	}
	faceOf, feesOf, taxOf := ofOrder(func(m *Money) int64 { return m.FaceMinor }), ofOrder(func(m *Money) int64 { return m.FeesMinor }), ofOrder(func(m *Money) int64 { return m.TaxMinor })
	refundOf := func(e *Entry) int64 { return e.AmountMinor }
	ordersSay, refundsSay := said(KindOrdered, KindObservedOrder), o.refundsSay(event, by)
	face, fees := minor("revenue.face", faceOf, ordersSay && (ofEngine || nonzero(faceOf))), minor("revenue.fees", feesOf, ordersSay && (ofEngine || nonzero(feesOf)))
	minor("revenue.tax", taxOf, ordersSay && nonzero(taxOf))
	refunds := minor("revenue.refunds", refundOf, refundsSay && (ofEngine || nonzero(refundOf)))
	put("revenue.net", float64(face+fees-refunds), long && ordersSay && refundsSay && (ofEngine || nonzero(faceOf) && nonzero(refundOf)))
	put("revenue.order_value", float64(face+fees)/float64(n["orders"]), long && n["orders"] > 0 && (ofEngine || nonzero(faceOf)))
	if len(currencies) > 1 {
		for _, id := range []string{"face", "fees", "tax", "refunds", "net", "order_value"} {
			if id := "revenue." + id; want[id].why == "" {
				want[id] = wanted{why: WhyMixed}
			}
		}
	}
	measured := func(kinds ...Kind) bool { return ofEngine && said(kinds...) || known(kinds...) }
	o.errors(in, n["orders"], long, sold, measured, put)
	for _, id := range []string{"first_empty", "at", "sell_through", "time"} {
		put("sold_out."+id, 0, false)
	}
	return want
}

// refundsSay is whether a refund of money says what it is broken down by, if there is one.
func (o *oracle) refundsSay(event string, by Dimension) bool {
	is := false
	for i := range o.entries {
		if e := &o.entries[i]; (event == "" || e.Key.ID == event) && e.AmountMinor != 0 {
			if is = true; o.valueOf(e, by) != "" {
				return true
			}
		}
	}
	return !is || by != ByDevice && by != ByMethod && by != ByChannel
}

func (o *oracle) errors(in []*Entry, orders int64, long, sold bool, measured func(...Kind) bool, put func(string, float64, bool)) {
	var failed, refused [FailuresEnd]float64
	all := float64(orders)
	for _, e := range in {
		// Not exhaustive: the others end nothing.
		//exhaustive:ignore
		switch e.Kind {
		case KindDeclined:
			// Not exhaustive: the others are the issuer's or the gateway's word.
			//exhaustive:ignore
			switch e.Decline {
			case payment.DeclineAuthentication:
				failed[FailureBuyer]++
			case payment.DeclineConfiguration:
				failed[FailureOurs]++
			default:
				failed[FailurePayment]++
			}
			all++
		case KindReleased:
			if all++; e.Failure == FailureNone {
				failed[FailureBuyer]++
			} else {
				failed[e.Failure]++
			}
		case KindObservedFailed:
			failed[e.Failure]++
			all++
		case KindRefused:
			refused[FailureOf(e.Code)] += float64(e.Count)
		}
	}
	ended := measured(KindDeclined, KindReleased, KindObservedFailed)
	put("errors.rate", (failed[FailureOurs]+failed[FailurePayment])/all, long && sold && ended)
	for f, name := range []string{"", "ours", "payment", "stock", "buyer", "input"} {
		if f > 0 {
			n := failed[f]
			if Failure(f) == FailureStock || Failure(f) == FailureInput {
				n += refused[f]
			}
			put("errors."+name, n, ended)
			put("refusals."+name, refused[f], measured(KindRefused))
		}
	}
}

// peaks are the most of a second and of a minute. What is known more than a minute later than the newest order is in no second.
func (o *oracle) peaks(all []*Entry, w Window, now engine.Instant, put func(string, float64)) {
	var orders, tickets [2]map[int64]int64 // by second, by minute
	for i := range 2 {
		orders[i], tickets[i] = map[int64]int64{}, map[int64]int64{}
	}
	newest := int64(math.MinInt64)
	for _, e := range all {
		if e.Kind != KindOrdered && e.Kind != KindObservedOrder {
			continue
		}
		second := int64(e.At) / 1e9
		known := newest == math.MinInt64 || second > newest-secondsKept
		newest = max(newest, second)
		if w != WindowSale && e.At < w.Begin(now) {
			continue
		}
		if orders[1][second/60]++; known {
			orders[0][second]++
			tickets[0][second] += e.Units
		}
		tickets[1][second/60] += e.Units
	}
	most := func(of map[int64]int64) (n float64) {
		for _, v := range of {
			n = max(n, float64(v))
		}
		return n
	}
	put("throughput.orders_peak_1s", most(orders[0]))
	put("throughput.tickets_peak_1s", most(tickets[0]))
	put("throughput.orders_peak_1m", most(orders[1])/60)
	put("throughput.tickets_peak_1m", most(tickets[1])/60)
}
