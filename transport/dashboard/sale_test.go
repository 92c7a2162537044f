package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport"
)

// sale makes up figures of a sale that goes on, consistent with each other: what the page is tested and looked at with. The figures are those of a moment, which
// moves by a second with each answer.
type sale struct {
	mu        sync.Mutex
	second    int64
	events    int      // how many there are
	accounts  []string // that are served, by default one
	silent    error    // why there are no answers
	alarms    []transport.StateAlarm
	stuck     bool // no answer ever comes
	paused    bool // the event that is looked at
	soldOut   bool
	poor      bool // nothing was reported by touches
	slow      bool
	lagMs     int64   // of the figures
	oursPart  float64 // of the purchases fail by us
	phase     string  // of the line of the first event; empty: it has none
	overtaken int     // in that line
	maximum   bool    // it binds, and not the lane
}

// saleStarted is when it began, on the wall.
var saleStarted = time.Now().Add(-22 * time.Minute).Truncate(time.Minute).UnixMilli()

func (s *sale) served() []string {
	if len(s.accounts) > 0 {
		return s.accounts
	}
	return []string{"_"}
}

func (s *sale) set(change func(*sale)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// answered is how far the sale is, which each answer moves.
func (s *sale) answered() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.second
}

func (s *sale) Answer(ctx context.Context, q *measure.Query) (*measure.Answer, error) {
	s.mu.Lock()
	if s.stuck {
		s.mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	defer s.mu.Unlock()
	if s.silent != nil {
		return nil, s.silent
	}
	s.second++
	now := time.Now().UnixMilli()
	a := &measure.Answer{Query: *q, AtMs: now, ThroughMs: now - 220, LagMs: max(s.lagMs, 40), Batch: uint64(9000 + s.second), Rows: []measure.Row{}}
	var e *measure.EventNow
	for _, known := range s.list() {
		if known.ID == q.Event {
			e = &known
		}
	}
	if q.Event != "" && e == nil {
		return a, nil
	}
	a.Event = e
	currency := "EUR"
	if e != nil {
		currency = e.Currency
	}
	switch q.By {
	case measure.ByNothing:
		a.Rows = append(a.Rows, measure.Row{Figures: s.figures(q, currency, 1, e)})
	case measure.ByFlow:
		a.Title = "descriptive: buyers choose their flow"
		a.Rows = append(a.Rows, measure.Row{Series: "one_click", Figures: s.figures(q, currency, .38, e)}, measure.Row{Series: "standard", Figures: s.figures(q, currency, .62, e)})
	case measure.ByEvent, measure.ByGenre, measure.ByDevice, measure.ByMethod, measure.ByChannel, measure.ByHour:
		for i, name := range []string{"desktop", "mobile", "tablet"} {
			a.Rows = append(a.Rows, measure.Row{Series: name, Figures: s.figures(q, currency, []float64{.31, .63, .06}[i], e)})
		}
	}
	if q.Courses {
		s.courses(a, now)
	}
	return a, nil
}

func (s *sale) Events(context.Context, string) ([]measure.EventNow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent != nil {
		return nil, s.silent
	}
	return s.list(), nil
}

func (s *sale) list() []measure.EventNow {
	names := []struct{ id, name, currency, state string }{
		{"night-one", "Night One", "EUR", "on_sale"},
		{"night-two", "Night Two", "EUR", "on_sale"},
		{"tokyo", "Tokyo Dome", "JPY", "paused"},
		{"kuwait", "Kuwait Opera, the anniversary gala with all the orchestras", "KWD", "on_sale"},
		{"spring-tour", "Spring Tour 2025", "EUR", "closed"},
	}
	var all []measure.EventNow
	for i := range s.events {
		e := measure.EventNow{
			ID: fmt.Sprintf("club-%03d", i), Name: fmt.Sprintf("Club Night %d", i), Currency: "EUR", State: "on_sale", Sellable: 400, Free: 400 - int64(i*37%400), Sold: int64(i * 37 % 400),
			OneClick: "off", Genre: "club", TimeZone: "Europe/Amsterdam", OnSaleMs: saleStarted, LastMs: saleStarted, Orders: int64(i * 17 % 200),
		}
		if i < len(names) {
			n := names[i]
			e.ID, e.Name, e.Currency, e.State, e.Genre, e.Observe = n.id, n.name, n.currency, n.state, "concert", n.id == "spring-tour"
		}
		switch {
		case i == 0:
			sold := min(11_900+s.second*3, 19_400)
			e.Sellable, e.Sold, e.Held, e.Paying, e.Blocked = 19_600, sold, 640, 212, 400
			e.Free = e.Sellable - e.Sold - e.Held - e.Paying
			e.OneClick, e.Orders = "10 %", sold*10/21
			e.Refusals = map[string]int64{"limit_reached": 412, "sold_out": 1893, "rate_limited": 77, "hold_expired": 240, "not_on_sale": 31}
			if s.paused {
				e.State = "paused"
			}
			if s.soldOut {
				e.Free, e.Held, e.Paying, e.Sold = 0, 0, 0, e.Sellable
			}
		case e.Observe:
			e.Sellable, e.Free, e.Sold = 0, 0, 0
		}
		all = append(all, e)
	}
	return all
}

func (s *sale) state() *transport.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	lag := int64(40)
	return &transport.State{
		AtMs: time.Now().UnixMilli(), StartedAtMs: saleStarted - 3_600_000, Version: "test", Accounts: s.served(), Ready: true, Alarms: append([]transport.StateAlarm{}, s.alarms...),
		Books: transport.StateBooks{Balanced: true, UnknownCharges: 2}, LagMs: &lag,
		Lanes: []transport.StateLane{
			{Gateway: "stripe", RatePerS: 25, EffectivePerS: 25, Waiting: 212, InFlight: 24, Unknown: 2, EtaMs: 8500},
			{Gateway: "sandbox", RatePerS: 100, EffectivePerS: 60, InFlight: 3},
		},
	}
}

// figures are those of a share of the sale.
func (s *sale) figures(q *measure.Query, currency string, part float64, e *measure.EventNow) []measure.Figure {
	t := float64(s.second)
	views := math.Round((52_000 + 11*t) * part)
	orders := math.Round((5_667 + 1.4*t) * part)
	if q.Event == "spring-tour" {
		views, orders = 61_204, 3_335
	}
	if e != nil {
		if n := float64(e.Orders); n > 0 && part == 1 && q.Event != "spring-tour" {
			orders = n
		}
	}
	var all []measure.Figure
	put := func(f measure.Figure) {
		for _, id := range q.KPIs {
			if id == f.KPI {
				all = append(all, f)
			}
		}
		if len(q.KPIs) == 0 {
			all = append(all, f)
		}
	}
	whole := func(v float64) *int64 { n := int64(v); return &n }
	number := func(v float64) *float64 { return &v }
	count := func(id string, v float64) { put(measure.Figure{KPI: id, Value: number(v), Unit: measure.UnitCount}) }
	ratio := func(id string, n, d float64) {
		n, d = math.Round(n), math.Round(d)
		put(measure.Figure{KPI: id, Value: number(n / d), Unit: measure.UnitRatio, Numerator: whole(n), Denominator: whole(d)})
	}
	none := func(id string, unit measure.Unit, why measure.Why) {
		put(measure.Figure{KPI: id, Unit: unit, Why: why})
	}
	minor := func(id string, v float64) {
		put(measure.Figure{KPI: id, Value: number(math.Round(v)), Unit: measure.UnitMinor, Currency: currency})
	}
	ms := func(id string, v, n float64) {
		put(measure.Figure{KPI: id, Value: number(v), Unit: measure.UnitMs, Denominator: whole(n), RelativeErrorMax: .01})
	}
	per1000 := func(id string, n float64) {
		put(measure.Figure{KPI: id, Value: number(n / orders * 1000), Unit: measure.UnitPer1000, Numerator: whole(n), Denominator: whole(orders)})
	}
	count("orders", orders)
	count("tickets", math.Round(orders*2.1))
	put(measure.Figure{KPI: "throughput.orders", Value: number(4.2 + math.Sin(t/9)), Unit: measure.UnitPerSec})
	put(measure.Figure{KPI: "throughput.orders_peak_1s", Value: number(61), Unit: measure.UnitPerSec})
	if s.poor {
		for _, id := range []string{"conversion", "adoption.attempted", "abandonment", "coverage.views", "coverage.orders"} {
			none(id, measure.UnitRatio, measure.WhyNotAvailable)
		}
		none("latency.l1.p95", measure.UnitMs, measure.WhyNotAvailable)
	} else {
		put(measure.Figure{
			KPI: "conversion", Value: number(orders / views), Unit: measure.UnitRatio, Numerator: whole(orders), Denominator: whole(views), Low: number(orders/views - .002), High: number(orders/views + .002),
			Mature: number(.64), SoFar: q.Event != "spring-tour",
		})
		ratio("adoption.attempted", orders*.31, orders*.82)
		steps := []struct {
			id   string
			n    float64
			time float64
		}{{"viewed", views, 0}, {"selected", views * .41, 38_000}, {"held", views * .22, 21_000}, {"attempted", views * .14, 74_000}, {"ordered", orders, 3_100}}
		for i, step := range steps {
			before := step.n
			if i > 0 {
				before = steps[i-1].n
				ms("funnel."+step.id+".time.p50", step.time, step.n)
			}
			if i == 0 {
				count("funnel."+step.id, step.n)
			} else {
				ratio("funnel."+step.id, step.n, before)
			}
		}
		held := views * .22
		ratio("abandonment", held*.31, held)
		ratio("abandonment.could_not", held*.06, held)
		ratio("abandonment.did_not", held*.25, held)
		ratio("coverage.views", views*.87, views)
		ratio("coverage.orders", orders*.91, orders)
		slow := 1.0
		if s.slow {
			slow = 3
		}
		for i, p := range []string{"p50", "p95", "p99"} {
			ms("latency.l1."+p, []float64{640, 1340, 2350}[i]*slow*(1+.04*math.Sin(t/5)), orders)
			ms("latency.l2."+p, []float64{4, 11, 38}[i], orders)
			ms("latency.lane."+p, []float64{120, 480, 900}[i], orders)
			ms("latency.gateway."+p, []float64{310, 720, 1400}[i], orders)
			ms("latency.commit."+p, []float64{3, 9, 21}[i], orders)
		}
		ratio("latency.confirmed_2s", orders*.968, orders)
		ms("checkout_time.p50", 94_000-part*40_000, orders)
	}
	ratio("errors.rate", orders*.011, orders*1.05)
	for id, part := range map[string]float64{"errors.ours": s.oursPart, "errors.payment": .01} {
		put(measure.Figure{KPI: id, Value: number(math.Round(orders * part)), Unit: measure.UnitCount, Denominator: whole(orders * 1.05)})
	}
	ratio("errors.never_succeeded", views*.004, views)
	minor("revenue.face", orders*2.1*4500)
	minor("revenue.fees", orders*2.1*250)
	minor("revenue.tax", orders*2.1*390)
	minor("revenue.refunds", orders*62)
	minor("revenue.net", orders*2.1*4750-orders*62)
	minor("revenue.order_value", 9975)
	put(measure.Figure{KPI: "revenue.frequency", Value: number(1.08), Unit: measure.UnitPerBuyer, Denominator: whole(orders / 1.08)})
	ratio("revenue.share_shift", orders*.38, orders)
	none("revenue.cannibalisation", measure.UnitRatio, measure.WhyNoControl)
	ratio("sold_out.sell_through", 12_000, 19_600)
	none("sold_out.at", measure.UnitInstant, measure.WhyNotYet)
	put(measure.Figure{KPI: "sold_out.first_empty", Value: number(float64(saleStarted + 540_000)), Unit: measure.UnitInstant})
	for id, n := range map[string]float64{"regret.rate": 31, "regret.undo": 19, "regret.refund_72h": 9, "regret.disputes": 1, "regret.did_not_mean": 2, "support.all": 48, "support.one_click": 13} {
		per1000(id, math.Round(n*part))
	}
	put(measure.Figure{KPI: "satisfaction.csat", Value: number(.887), Unit: measure.UnitRatio, Numerator: whole(188), Denominator: whole(212), Low: number(.837), High: number(.923)})
	none("satisfaction.nps", measure.UnitScore, measure.WhyTooFew)
	ratio("satisfaction.responses", 212, 880)
	return all
}

// courses are the counts of each minute, or of each ten seconds in the last quarter of an hour.
func (s *sale) courses(a *measure.Answer, now int64) {
	step, from := int64(60_000), saleStarted
	if length := a.Query.Window.LengthMs(); length > 0 && length <= 15*60_000 {
		step, from = 10_000, now-length
	}
	a.Courses = map[string][]measure.Point{}
	for at := from - from%step; at <= now; at += step {
		x := float64(at-saleStarted) / 60_000
		wave := (240*math.Exp(-x/9) + 60 + 22*math.Sin(x*1.7) + 9*math.Sin(x*7.3)) * float64(step) / 60_000
		if x > 11 && x < 12.6 {
			wave *= .04 // it was paused
		}
		for id, factor := range map[string]float64{"orders": 1, "holds": 1.9, "refusals": .55, "views": 6} {
			a.Courses[id] = append(a.Courses[id], measure.Point{AtMs: at, Value: math.Max(0, math.Round(wave*factor))})
		}
	}
	for _, m := range []measure.Marker{
		{AtMs: saleStarted + 240_000, Kind: "rollout", Text: "one-click for 5 % of buyers"},
		{AtMs: saleStarted + 660_000, Kind: "pause", Text: "by maria"},
		{AtMs: saleStarted + 756_000, Kind: "open", Text: "by maria"},
		{AtMs: saleStarted + 900_000, Kind: "rollout", Text: "one-click for 10 % of buyers"},
		{AtMs: saleStarted + 1_080_000, Kind: "capacity", Text: "lot stalls: 19,800 to 20,000"},
	} {
		if m.AtMs >= from {
			a.Markers = append(a.Markers, m)
		}
	}
}

var errStarting = errors.New("the engine is starting")
