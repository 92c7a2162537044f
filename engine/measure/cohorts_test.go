package measure

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// wantShare fails the test unless the figure is part of whole.
func wantShare(t *testing.T, f Figure, part, whole int64) {
	t.Helper()
	if f.Value == nil || f.Numerator == nil || *f.Numerator != part || *f.Denominator != whole || *f.Value != float64(part)/float64(whole) {
		t.Errorf("%s = %s, want %d of %d", f.KPI, shown(f), part, whole)
	}
}

func shown(f Figure) string {
	if f.Value == nil {
		return string(f.Why)
	}
	s := fmt.Sprint(*f.Value)
	if f.Numerator != nil {
		s += fmt.Sprintf(" (%d of %d)", *f.Numerator, *f.Denominator)
	}
	if f.SoFar {
		s += " so far"
	}
	return s
}

func session(name string) func(*Entry) { return func(e *Entry) { e.Person = SessionOf("shop", name) } }

func known(name, buyer string) func(*Entry) {
	return func(e *Entry) { e.Person, e.Alias = SessionOf("shop", name), PersonOf("shop", buyer) }
}

func step(name string) func(*Entry) { return func(e *Entry) { e.Text = name } }

func took(ms int64) func(*Entry) { return func(e *Entry) { e.DurationMs = ms } }

func offer(e *Entry) { e.OneClick, e.Variant = true, VariantIn }

const std, one = engine.FlowStandard, engine.FlowOneClick

// Five buyers come to Night One. Ann looks, selects, holds and buys by the standard checkout. Bob looks before he is known, then buys by one-click and takes the order
// back. Cem holds, and his card is declined. Dee holds and leaves. Eve looks when nothing is left.
func fiveBuyers() *tale {
	s := time.Second
	return tell("e1").set("Night One\nconcert\nEUR\nEurope/Amsterdam").onSale().stock(4, 0, 0, 0, 0).
		add(KindViewed, by("ann"), on(engine.DeviceDesktop)).after(10*s).add(KindSelected, by("ann")).after(5*s).add(KindHeld, by("ann"), flow(std)).
		add(KindViewed, session("s1"), on(engine.DeviceMobile)).add(KindViewed). // the second without consent
		after(60*s).add(KindAttempted, by("ann"), flow(std)).add(KindOrdered, by("ann"), flow(std), order(1), paid(4500, 250, 0, 1)).
		after(5*s).add(KindSelected, known("s1", "bob")).add(KindOffered, by("bob"), offer).add(KindClicked, by("bob")).
		after(s).add(KindHeld, by("bob"), flow(one)).add(KindAttempted, by("bob"), flow(one)).
		after(s).add(KindOrdered, by("bob"), flow(one), order(2), purchase(1), paid(4500, 250, 0, 1)).
		add(KindClickSeen, by("bob"), took(1900)).
		after(30*s).add(KindUndone, by("bob"), flow(one), order(2), paid(4500, 250, 0, 1), amount(4750)).
		add(KindViewed, by("cem")).after(s).add(KindHeld, by("cem"), flow(std)).add(KindAttempted, by("cem"), flow(std)).
		after(s).add(KindDeclined, by("cem"), flow(std), failed(FailurePayment)).
		add(KindViewed, by("dee")).after(s).add(KindHeld, by("dee"), flow(std)).
		after(s).stock(0, 2, 0, 2, 0).add(KindViewed, by("eve"))
}

func TestFiveBuyers(t *testing.T) {
	h := fiveBuyers()
	b := h.book()
	now := h.at
	of := func(kpi string) Figure { return figureOf(t, b, Query{}, now, "", kpi) }
	wantShare(t, of("conversion"), 2, 5)
	if f := of("conversion"); !f.SoFar || *f.Mature != 0 {
		t.Errorf("conversion is %s, with %v mature", shown(f), *f.Mature)
	}
	wantWhy(t, of("conversion_mature"), WhyNotYet)
	wantShare(t, of("conversion_obtainable"), 2, 4) // Eve could not
	wantShare(t, of("conversion_net"), 1, 5)        // Bob took his back
	wantShare(t, of("coverage.views"), 5, 6)
	wantShare(t, of("coverage.orders"), 2, 2)
	wantValue(t, of("funnel.viewed"), 5)
	wantShare(t, of("funnel.selected"), 4, 5) // Cem and Dee hold without having reported a selection
	wantShare(t, of("funnel.held"), 4, 4)
	wantShare(t, of("funnel.attempted"), 3, 4)
	wantShare(t, of("funnel.ordered"), 2, 3)
	wantWhy(t, of("abandonment"), WhyNotYet)
	wantShare(t, of("adoption.attempted"), 1, 1)
	wantShare(t, of("adoption.share"), 1, 1)
	wantShare(t, of("adoption.again"), 0, 1)
	wantShare(t, of("adoption.no_action"), 1, 1)
	wantShare(t, of("adoption.eligible"), 1, 5)
	wantShare(t, of("checkout_time.completion"), 2, 2)
	wantValue(t, of("checkout_time.mean"), (65_000+2_000)/2)
	wantShare(t, of("latency.confirmed_2s"), 1, 1)

	now += engine.Instant(40 * time.Minute)
	wantShare(t, of("conversion_mature"), 2, 5)
	wantShare(t, of("abandonment"), 2, 4)
	wantShare(t, of("abandonment.could_not"), 1, 4) // Cem
	wantShare(t, of("abandonment.did_not"), 1, 4)   // Dee
	if f := of("conversion"); f.SoFar {
		t.Errorf("conversion is %s", shown(f))
	}
	byFlow := func(series, kpi string) Figure { return figureOf(t, b, Query{By: ByFlow}, now, series, kpi) }
	wantWhy(t, byFlow("one_click", "conversion"), WhyNoFlow) // of one who has a flow, all would have an order
	wantWhy(t, byFlow("standard", "checkout_time.completion"), WhyNoFlow)
	wantShare(t, byFlow("one_click", "funnel.ordered"), 1, 1)
	wantShare(t, byFlow("standard", "abandonment"), 2, 3)
	wantShare(t, figureOf(t, b, Query{Event: "e1", By: ByDevice}, now, "mobile", "conversion"), 1, 1)
	wantShare(t, figureOf(t, b, Query{By: ByHour}, now, "11", "conversion"), 2, 5) // 10:00 UTC in Amsterdam in winter
	wantWhy(t, figureOf(t, b, Query{Window: Window1m}, now, "", "conversion"), WhyNotAvailable)
	wantWhy(t, figureOf(t, b, Query{Window: Window10s}, now, "", "conversion"), WhyNotAvailable)
	wantShare(t, figureOf(t, b, Query{Window: Window1h}, now, "", "conversion"), 2, 5)
}

func TestALateOrderRaisesItsOldCohort(t *testing.T) {
	h := tell("e1").onSale().add(KindViewed, by("ann")).add(KindHeld, by("ann"), flow(std)).after(3*time.Hour).
		add(KindHeld, by("ann"), flow(std)).add(KindAttempted, by("ann"), flow(std)).add(KindOrdered, by("ann"), flow(std), order(1), paid(1000, 0, 0, 1))
	b := h.book()
	wantShare(t, figureOf(t, b, Query{}, h.at, "", "conversion"), 1, 1)
	wantShare(t, figureOf(t, b, Query{Window: Window24h}, h.at, "", "conversion"), 1, 1)
	wantWhy(t, figureOf(t, b, Query{Window: Window1h}, h.at, "", "conversion"), WhyNotAvailable)
	wantShare(t, figureOf(t, b, Query{}, h.at, "", "abandonment"), 1, 1)
}

func TestMissingStepsAreNotAvailable(t *testing.T) {
	h := tell("e1").add(KindEventSet, step("Night One\nconcert\nEUR\nUTC"), func(e *Entry) { e.On = true })
	h.add(KindViewed, by("zoe")).add(KindSelected, by("zoe")).after(time.Second)
	for _, kpi := range []string{"conversion", "conversion_net", "funnel.ordered", "checkout_time.completion"} {
		wantWhy(t, figureOf(t, h.book(), Query{}, h.at, "", kpi), WhyNotAvailable) // it has not said yet that it reports orders
	}
	for i := range 10 {
		buyer := by(fmt.Sprint("b", i))
		h.add(KindViewed, buyer)
		if i < 5 {
			h.after(time.Second).add(KindSelected, buyer)
		}
		if i < 2 {
			h.after(time.Second).add(KindObservedOrder, buyer, paid(1000, 0, 0, 1), flow(std))
		}
	}
	b := h.book()
	of := func(kpi string) Figure { return figureOf(t, b, Query{}, h.at, "", kpi) }
	wantShare(t, of("funnel.selected"), 6, 11)
	wantWhy(t, of("funnel.held"), WhyNotAvailable)
	wantWhy(t, of("funnel.attempted"), WhyNotAvailable)
	wantShare(t, of("funnel.ordered"), 2, 6)
	wantWhy(t, of("abandonment"), WhyNotAvailable)
	wantWhy(t, of("conversion_obtainable"), WhyNotAvailable)
	wantWhy(t, of("adoption.eligible"), WhyNotAvailable)
}

func TestTheLineIsNoPartOfTheCheckout(t *testing.T) {
	h := tell("e1").onSale().add(KindViewed, by("ann")).add(KindSelected, session("s1")).after(10*time.Second).
		add(KindStepped, session("s1"), step("line")).after(5*time.Minute).add(KindStepped, session("s1"), step("admitted")).
		after(20*time.Second).add(KindClicked, known("s1", "ann")).add(KindHeld, by("ann"), flow(std)).add(KindAttempted, by("ann"), flow(std)).
		add(KindOrdered, by("ann"), flow(std), order(1), paid(1000, 0, 0, 1))
	b := h.book()
	wantValue(t, figureOf(t, b, Query{}, h.at, "", "checkout_time.mean"), 30_000)
	if f := figureOf(t, b, Query{}, h.at, "", "checkout_time.line_wait.p50"); *f.Value < 297_000 || *f.Value > 303_000 {
		t.Errorf("the wait in the line is %s", shown(f))
	}
}

func TestUnansweredClicksStayInTheDenominator(t *testing.T) {
	h := tell("e1").onSale().add(KindClicked, by("ann")).add(KindClicked, by("bob")).after(time.Second).add(KindClickSeen, by("bob"), took(800))
	b := h.book()
	confirmed := func(after time.Duration) Figure {
		return figureOf(t, b, Query{}, h.at+engine.Instant(after), "", "latency.confirmed_2s")
	}
	wantShare(t, confirmed(0), 0, 1)              // Bob saw no order; Ann's answer is not due
	wantShare(t, confirmed(9*time.Second), 0, 2)  // now it is
	wantShare(t, confirmed(90*time.Second), 0, 2) // and counts once
	h.after(5*time.Minute).add(KindViewed, by("eve"))
	b.Add(&h.entries[len(h.entries)-1])
	wantShare(t, confirmed(0), 0, 2)
}

// Clients tell when the result of any payment was seen (it is L1), but only clicks on the one-click button are asked to be confirmed by one-click orders.
func TestWhoPaysStepByStepIsNoClick(t *testing.T) {
	h := tell("e1").onSale().
		add(KindClicked, by("ann")).add(KindAttempted, by("ann"), flow(one)).add(KindOrdered, by("ann"), flow(one), order(1), paid(1000, 0, 0, 1)).add(KindClickSeen, by("ann"), took(700)).
		add(KindAttempted, by("bob"), flow(std)).add(KindOrdered, by("bob"), flow(std), order(2), paid(1000, 0, 0, 1)).add(KindClickSeen, by("bob"), took(900))
	b := h.book()
	wantShare(t, figureOf(t, b, Query{}, h.at, "", "latency.confirmed_2s"), 1, 1)
	if f := figureOf(t, b, Query{}, h.at, "", "latency.l1.p50"); f.Denominator == nil || *f.Denominator != 2 {
		t.Errorf("L1 is %s: both have seen a result", shown(f))
	}
	if f := figureOf(t, b, Query{By: ByFlow}, h.at, "standard", "latency.confirmed_2s"); f.Value != nil {
		t.Errorf("nobody clicked one-click in the standard flow, and %s were confirmed", shown(f))
	}
}

// Ann's one-click attempt is declined, and she pays what she holds step by step with another card. Bob's click is refused, and then he buys step by step. Cem's shop
// does not report clicks. Dee's second click is refused. Each screen is reported by the same touch.
func TestClicksAreOfOneClick(t *testing.T) {
	ref := func(n uint64) func(*Entry) { return func(e *Entry) { e.Ref = n } }
	h := tell("e1").onSale().
		add(KindClicked, by("ann")).add(KindAttempted, by("ann"), flow(one), ref(1)).add(KindDeclined, by("ann"), flow(one)).add(KindClickSeen, by("ann"), took(700), ref(1)).
		add(KindAttempted, by("ann"), flow(std), ref(2)).add(KindOrdered, by("ann"), flow(std), order(1)).add(KindClickSeen, by("ann"), took(600), ref(2)).
		add(KindClicked, by("bob")).add(KindClickSeen, by("bob"), took(30), ref(3)).
		add(KindAttempted, by("bob"), flow(std), ref(4)).add(KindClickSeen, by("bob"), took(40), ref(4)).add(KindClickSeen, by("bob"), took(40), ref(5)).
		add(KindAttempted, by("cem"), flow(one), ref(6)).add(KindOrdered, by("cem"), flow(one), order(2)).add(KindClickSeen, by("cem"), took(900), ref(6)).
		add(KindClickSeen, by("cem"), took(900), ref(6)).
		add(KindClicked, by("dee")).add(KindAttempted, by("dee"), flow(one), ref(7)).add(KindOrdered, by("dee"), flow(one), order(3)).
		after(20*time.Second).add(KindClicked, by("dee")).add(KindClickSeen, by("dee"), took(50), ref(8)) // refused: the order is of the click before
	b := h.book()
	wantShare(t, figureOf(t, b, Query{}, h.at, "", "latency.confirmed_2s"), 1, 5)
	wantShare(t, figureOf(t, b, Query{By: ByFlow}, h.at, "one_click", "latency.confirmed_2s"), 1, 5) // Bob's and Dee's too: there is no other click
}

// A shop that reports no views: that no order has one says nothing. One that reports them is told how many orders have none, also in a window without any view.
func TestCoverageOfOrdersNeedsViews(t *testing.T) {
	h := tell("e1").onSale().add(KindOrdered, by("ann"), flow(std), order(1), paid(1000, 0, 0, 1))
	wantWhy(t, figureOf(t, h.book(), Query{}, h.at, "", "coverage.orders"), WhyNotAvailable)
	h.add(KindViewed, by("bob")).after(10*time.Minute).add(KindOrdered, by("cem"), flow(std), order(2), paid(1000, 0, 0, 1))
	for _, by := range []Dimension{ByNothing, ByFlow} {
		series := map[Dimension]string{ByFlow: "standard"}[by]
		wantShare(t, figureOf(t, h.book(), Query{Window: Window1m, By: by}, h.at, series, "coverage.orders"), 0, 1)
		wantShare(t, figureOf(t, h.book(), Query{By: by}, h.at, series, "coverage.orders"), 0, 2)
	}
}

// At a shop that sells elsewhere a touch that names no flow is of the standard one only where there is one: what a buyer looks at later does not turn a one-click order.
func TestSilenceIsNoFlow(t *testing.T) {
	r := NewReader()
	e := r.event(eventKey("o1"))
	e.observe = true
	got := make([]string, engine.TouchKinds)
	var k engine.TouchKind
	r.use = func(entries []Entry) {
		if got[k] = "none"; entries[0].HasFlow {
			got[k] = flowNames[flowValue(entries[0].Flow)]
		}
	}
	for k = range engine.TouchKind(engine.TouchKinds) {
		r.touched(e, &engine.Touch{Kind: k}, start)
		r.handOver()
	}
	for k, want := range map[engine.TouchKind]string{
		engine.TouchViewed: "none", engine.TouchPageReady: "none", engine.TouchClickSeen: "none", engine.TouchSupport: "none", engine.TouchCarted: "standard",
		engine.TouchStepped: "standard", engine.TouchOrdered: "standard", engine.TouchFailed: "standard", engine.TouchRefunded: "standard",
	} {
		if got[k] != want {
			t.Errorf("a touch of kind %d says flow %s, want %s", k, got[k], want)
		}
	}
}

func TestARowThatIsLetGoStaysCounted(t *testing.T) {
	p := PolicyDefault()
	p.RowsMax = 2
	b := NewBook(p, time.LoadLocation)
	h := tell("e1").onSale().add(KindViewed, by("ann")).add(KindViewed, by("bob")).add(KindViewed, by("cem")).
		add(KindOrdered, by("ann"), flow(std), order(1), paid(1000, 0, 0, 1)).add(KindOrdered, by("cem"), flow(std), order(2), paid(1000, 0, 0, 1))
	for i := range h.entries {
		b.Add(&h.entries[i])
	}
	wantShare(t, figureOf(t, b, Query{}, h.at, "", "conversion"), 1, 3)      // Ann had been let go
	wantShare(t, figureOf(t, b, Query{}, h.at, "", "coverage.orders"), 1, 2) // and that shows
}

func TestCohortsGoOnFromTheirState(t *testing.T) {
	h := fiveBuyers()
	whole := h.book()
	for stop := range h.entries {
		b := newTestBook()
		for i := range h.entries {
			b.Add(&h.entries[i])
			if i == stop {
				var err error
				if b, err = OpenBook(PolicyDefault(), time.LoadLocation, b.AppendState(nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !bytes.Equal(b.AppendState(nil), whole.AppendState(nil)) {
			t.Fatalf("a stop behind entry %d changes the state", stop)
		}
	}
}

func TestClicksThatAreWaitedForAreBounded(t *testing.T) {
	h := tell("e1").onSale()
	b := h.book()
	e := Entry{Kind: KindClicked, At: start, Key: eventKey("e1")}
	for i := range uint64(clicksMax + 3) {
		e.Person = i + 1
		b.Add(&e)
	}
	wantShare(t, figureOf(t, b, Query{}, start, "", "latency.confirmed_2s"), 0, 3) // the first three are not waited for
	e.Kind, e.DurationMs = KindClickSeen, 500
	e.Person = 1
	b.Add(&e) // too late: it has counted
	wantShare(t, figureOf(t, b, Query{}, start, "", "latency.confirmed_2s"), 0, 3)
	wantShare(t, figureOf(t, b, Query{}, start+engine.Instant(time.Minute), "", "latency.confirmed_2s"), 0, clicksMax+3)
}

func TestWaysBeyondTheBoundCountInTheirEventOnly(t *testing.T) {
	p := PolicyDefault()
	p.SeriesMax = 1 // four cells
	b := NewBook(p, time.LoadLocation)
	for i := range 20 {
		e := Entry{Kind: KindViewed, At: start, Key: eventKey("e1"), Person: uint64(i + 1), Channel: fmt.Sprint("c", i%5), Device: engine.Device(i % 3)}
		b.Add(&e)
	}
	wantValue(t, figureOf(t, b, Query{}, start, "", "funnel.viewed"), 20)
	if n := len(b.cohortCells().all); n > cellsPerSeries+2 {
		t.Errorf("there are %d cells", n)
	}
}

func (b *Book) cohortCells() *cells {
	for _, m := range b.meters {
		if c, ok := m.(*cohorts); ok {
			return &c.cells
		}
	}
	return nil
}
