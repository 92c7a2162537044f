package measure

import (
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// TestCountsOfASale is a small sale, by hand.
func TestCountsOfASale(t *testing.T) {
	h := tell("e1").set("Night One\nconcert\nEUR\nEurope/Amsterdam").onSale().stock(4, 0, 0, 0, 1)
	h.add(KindViewed, by("ann")).add(KindViewed).after(time.Second).add(KindPrompted, by("ann")).add(KindClicked, by("ann"))
	h.after(time.Second).add(KindHeld, by("ann")).add(KindAttempted, purchase(1)).add(KindOrdered, purchase(1), order(1), paid(9000, 500, 0, 2), flow(engine.FlowOneClick))
	h.add(KindOrdered, order(2), paid(4500, 250, 0, 1)).stock(1, 0, 0, 3, 1)
	h.after(90*time.Second).add(KindAttempted, purchase(2)).add(KindDeclined, purchase(2))
	h.add(KindAttempted, purchase(3)).add(KindReleased, purchase(3), failed(FailureOurs)).add(KindOrdered, order(3), paid(4500, 250, 0, 1)).stock(0, 0, 0, 4, 1)
	h.add(KindRefunded, order(2), amount(4750))
	h.add(KindRefused, func(e *Entry) { e.Code, e.Count = engine.CodeSoldOut, 7 })
	b := h.book()
	sale := Query{Event: "e1", Window: WindowSale}
	for kpi, want := range map[string]float64{
		"views": 2, "prompts": 1, "clicks": 1, "offers": 0, "holds": 1, "attempts": 3, "orders": 3, "tickets": 4, "declines": 1, "refusals": 7, "admitted": 0,
		"orders_per_100_views": 150, "throughput.orders": 3.0 / 90, "throughput.orders_peak_1s": 2, "throughput.tickets_peak_1m": 3.0 / 60,
		"revenue.face": 18000, "revenue.fees": 1000, "revenue.refunds": 4750, "revenue.net": 14250, "revenue.order_value": 19000.0 / 3,
		"errors.rate": 2.0 / 5, "errors.ours": 1, "errors.payment": 1, "errors.stock": 7, "refusals.stock": 7,
		"sold_out.first_empty": float64(start/1e6) + 92_000, "sold_out.at": float64(start/1e6) + 92_000, "sold_out.time": 92_000, "sold_out.sell_through": 1,
	} {
		wantValue(t, figureOf(t, b, sale, b.Now(), "", kpi), want)
	}
	wantWhy(t, figureOf(t, b, sale, b.Now(), "", "revenue.tax"), WhyNotAvailable)
	wantWhy(t, figureOf(t, b, sale, b.Now(), "", "throughput.commands"), WhyNotAvailable)
	wantValue(t, figureOf(t, b, Query{Window: Window1m}, b.Now(), "", "orders"), 1)
	wantValue(t, figureOf(t, b, Query{Window: Window1m}, b.Now(), "", "views"), 0)
	wantWhy(t, figureOf(t, b, Query{Window: Window1m}, b.Now(), "", "orders_per_100_views"), WhyNotAvailable)
	wantWhy(t, figureOf(t, b, Query{Window: Window10s}, b.Now(), "", "revenue.net"), WhyNotAvailable)
	if f := figureOf(t, b, Query{Event: "e1"}, b.Now(), "", "revenue.net"); f.Currency != "EUR" {
		t.Errorf("net revenue in %q", f.Currency)
	}
}

// Where no caller says on which device somebody bought, a table by device does not say that nobody did; where one does, it counts what says so.
func TestNobodySaidTheDevice(t *testing.T) {
	phone := func(e *Entry) { e.Device = engine.DeviceMobile }
	h := tell("e1").set("Night One\nconcert\nEUR\nEurope/Amsterdam").onSale().add(KindViewed, by("ann"), phone).add(KindHeld, by("ann")).
		add(KindOrdered, by("ann"), order(1), paid(1000, 0, 0, 1)).add(KindRefused, func(e *Entry) { e.Code, e.Count = engine.CodeSoldOut, 7 })
	silent := []string{"holds", "orders", "tickets", "refusals", "throughput.orders", "revenue.face", "revenue.net", "errors.rate", "refusals.stock"}
	for _, kpi := range silent {
		wantWhy(t, figureOf(t, h.book(), Query{By: ByDevice}, h.at, "mobile", kpi), WhyNotAvailable)
	}
	wantValue(t, figureOf(t, h.book(), Query{By: ByDevice}, h.at, "mobile", "views"), 1)
	wantValue(t, figureOf(t, h.book(), Query{By: ByDevice}, h.at, "mobile", "attempts"), 0) // there were none
	h.add(KindOrdered, by("bob"), order(2), paid(700, 0, 0, 1), func(e *Entry) { e.Device = engine.DeviceDesktop })
	wantValue(t, figureOf(t, h.book(), Query{By: ByDevice}, h.at, "mobile", "orders"), 0)
	wantValue(t, figureOf(t, h.book(), Query{By: ByDevice}, h.at, "desktop", "revenue.net"), 700)
}

// What comes before a buyer has a flow is in no row of a table by flow, and the table does not say that there were none.
func TestCountsBeforeAFlow(t *testing.T) {
	h := tell("e1").onSale().add(KindViewed, by("ann")).add(KindPrompted, by("ann")).add(KindClicked, by("ann")).add(KindOffered, by("ann")).
		add(KindHeld, by("ann"), flow(one)).add(KindOrdered, by("ann"), flow(one), order(1), paid(1000, 0, 0, 1))
	for _, kpi := range []string{"views", "prompts", "clicks", "offers"} {
		wantWhy(t, figureOf(t, h.book(), Query{By: ByFlow}, h.at, "one_click", kpi), WhyNoFlow)
	}
	if f := figureOf(t, h.book(), Query{By: ByFlow}, h.at, "one_click", "holds"); f.Value == nil || *f.Value != 1 {
		t.Errorf("holds by one-click are %s", shown(f))
	}
}
