package measure_test

import (
	"fmt"
	"math"
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// compare holds the figures of everything since the sales began against what the season wrote down.
func (s *season) compare() {
	t, w := s.t, &s.truth
	q := &measure.Query{Account: "shop"}
	if _, err := q.Check(); err != nil {
		t.Fatal(err)
	}
	a := s.book.Answer(q, s.book.Now())
	figures := map[string]measure.Figure{}
	for _, f := range a.Rows[0].Figures {
		figures[f.KPI] = f
	}
	compared := 0
	is := func(kpi string, want float64) {
		t.Helper()
		compared++
		f := figures[kpi]
		if f.Value == nil {
			t.Errorf("%s has no value (%s), must be %v", kpi, f.Why, want)
		} else if off := math.Abs(*f.Value - want); off > f.RelativeErrorMax*math.Abs(want)+1e-9*math.Max(1, math.Abs(want)) {
			t.Errorf("%s is %v, must be %v within %v", kpi, *f.Value, want, f.RelativeErrorMax)
		}
	}
	share := func(kpi string, n, of int64) { t.Helper(); is(kpi, float64(n)/float64(of)) }

	var rows, ordered, kept, obtainable, obtained, viewedOrders, selected, held, attempted, funnelOrdered, abandonable, abandoned, couldNot int64
	var couldHave, offered, tried, oneClickOrders, offeredOrders, tries, never int64
	for _, v := range s.visits {
		if v.attempted {
			tries++
			if !v.ordered {
				never++
			}
		}
		if v.held {
			abandonable++
			if !v.ordered || v.orderedAt > v.firstHold+30*60e9 {
				abandoned++
				if v.lastFailed {
					couldNot++
				}
			}
		}
		if v.offered {
			offered++
			if v.oneClickTried {
				tried++
			}
			if v.ordered {
				offeredOrders++
			}
			if v.oneClickOrder {
				oneClickOrders++
			}
		}
		if !v.consent {
			continue
		}
		rows++
		if v.offered {
			couldHave++
		}
		if v.ordered {
			ordered++
			viewedOrders++
		}
		if v.ordered && v.kept {
			kept++
		}
		if v.obtainable {
			obtainable++
			if v.ordered {
				obtained++
			}
		}
		for step, n := range map[*int64]bool{&selected: v.selected, &held: v.held, &attempted: v.attempted, &funnelOrdered: v.ordered} {
			if n {
				*step++
			}
		}
	}
	is("views", float64(w.views))
	is("prompts", float64(w.prompts))
	is("clicks", float64(w.clicks))
	is("holds", float64(w.holds))
	is("attempts", float64(w.attempts))
	is("orders", float64(w.orders))
	is("tickets", float64(w.tickets))
	is("declines", float64(w.declined))
	is("revenue.face", float64(w.face))
	is("revenue.fees", float64(w.fees))
	is("revenue.refunds", float64(w.refunds))
	is("revenue.net", float64(w.face+w.fees-w.refunds))
	share("revenue.order_value", w.face+w.fees, w.orders)
	share("errors.rate", w.failed, w.purchases)
	share("errors.never_succeeded", never, tries)
	is("throughput.orders_peak_1s", float64(largest(w.seconds)))
	is("throughput.orders_peak_1m", float64(largest(w.minutes))/60)
	is("orders_per_100_views", 100*float64(w.orders)/float64(w.views))

	share("conversion", ordered, rows)
	share("conversion_mature", ordered, rows)
	share("conversion_obtainable", obtained, obtainable)
	share("conversion_net", kept, rows)
	share("coverage.views", w.viewsLinked, w.views)
	share("coverage.orders", viewedOrders, w.orders)
	is("funnel.viewed", float64(rows))
	share("funnel.selected", selected, rows)
	share("funnel.held", held, selected)
	share("funnel.attempted", attempted, held)
	share("funnel.ordered", funnelOrdered, attempted)
	share("abandonment", abandoned, abandonable)
	share("abandonment.could_not", couldNot, abandonable)
	share("abandonment.did_not", abandoned-couldNot, abandonable)
	share("adoption.attempted", tried, offered)
	share("adoption.share", oneClickOrders, offeredOrders)
	share("adoption.no_action", w.noAction, w.oneClickTries)
	share("adoption.again", int64(count(w.oneClicks, func(n int) bool { return n > 1 })), int64(len(w.oneClicks)))
	share("adoption.eligible", couldHave, rows)

	is("checkout_time.p50", quantile(w.checkout, 0.5))
	is("checkout_time.mean", mean(w.checkout, 30*60_000))
	is("latency.l1.p50", quantile(w.seen, 0.5))
	is("latency.l1.p95", quantile(w.seen, 0.95))
	is("latency.l1.p99", quantile(w.seen, 0.99))
	is("latency.lane.p50", 50)
	is("latency.gateway.p50", quantile(w.gateway, 0.5))
	is("latency.gateway.p95", quantile(w.gateway, 0.95))
	is("latency.authentication.p50", 20_000)
	share("latency.confirmed_2s", w.seenConfirmed, w.clicksLinked)
	is("latency.page_load.p50", quantile(w.load, 0.5))
	is("latency.page_load.p95", quantile(w.load, 0.95))

	share("regret.undo", 1000*w.undone, w.orders)
	share("regret.refund_72h", 1000*w.byBuyer, w.orders)
	share("regret.rate", 1000*(w.undone+w.byBuyer), w.orders)
	share("satisfaction.csat", w.happy, w.csat)
	share("satisfaction.responses", w.answers, w.dues)
	share("support.all", 1000*w.support, w.orders)
	share("support.one_click", 1000*w.supportOneClick, w.oneClick)
	for _, n := range []int64{7, 30, 90} {
		var came int64
		for buyer, first := range w.firstOrder {
			if again := w.again[buyer]; len(again) > 0 && again[0] <= first+engine.Instant(n*24*3600e9) {
				came++
			}
		}
		share(fmt.Sprintf("retention.%dd", n), came, int64(len(w.firstOrder)))
	}
	share("revenue.frequency", w.orders, int64(len(w.firstOrder)))
	t.Logf("%d figures compared; %d views, %d orders, %d surveys", compared, w.views, w.orders, w.dues)
}

func largest(m map[int64]int64) (n int64) {
	for _, v := range m {
		n = max(n, v)
	}
	return n
}

func count[K comparable, V any](m map[K]V, is func(V) bool) (n int) {
	for _, v := range m {
		if is(v) {
			n++
		}
	}
	return n
}

// quantile is the lower one where it falls between two, as the definitions say.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1))]
}

func mean(values []float64, most float64) (sum float64) {
	for _, v := range values {
		sum += min(v, most)
	}
	return sum / float64(len(values))
}
