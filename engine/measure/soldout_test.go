package measure

import (
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// TestNothingFreeIsNotSoldOut: held tickets come back; and what was sold out stays so for the record.
func TestNothingFreeIsNotSoldOut(t *testing.T) {
	h := tell("e1").set("Night One\nconcert\nEUR\n").stock(0, 0, 0, 0, 4).stock(4, 0, 0, 0, 4)
	at := func() float64 { return float64(h.at / 1e6) }
	want := func(kpi string, v float64) {
		t.Helper()
		wantValue(t, figureOf(t, h.book(), Query{Event: "e1", Window: Window10s}, h.at, "", kpi), v)
	}
	why := func(kpi string, w Why) {
		t.Helper()
		wantWhy(t, figureOf(t, h.book(), Query{Event: "e1", Window: Window10s}, h.at, "", kpi), w)
	}
	h.after(time.Minute).onSale()
	opened := at()
	why("sold_out.first_empty", WhyNotYet) // before it came on sale nothing was free either
	h.after(time.Second).stock(0, 2, 2, 0, 4)
	empty := at()
	want("sold_out.first_empty", empty)
	why("sold_out.at", WhyNotYet)
	why("sold_out.time", WhyNotYet)
	want("sold_out.sell_through", 0)
	h.after(time.Minute).stock(1, 0, 0, 3, 4)
	want("sold_out.sell_through", 0.75)
	h.after(time.Minute).stock(0, 0, 0, 4, 4)
	sold := at()
	h.after(time.Minute).stock(2, 0, 0, 2, 3)
	want("sold_out.first_empty", empty)
	want("sold_out.at", sold)
	want("sold_out.time", sold-opened)
	want("sold_out.sell_through", 0.5)
}

// TestSellThroughOfMany sums over the events of an account or a genre; those that sell elsewhere have none.
func TestSellThroughOfMany(t *testing.T) {
	h := tell("e1").set("Night One\nconcert\nEUR\n").stock(6, 0, 0, 4, 9).of("e2").set("Night Two\nconcert\nEUR\n").stock(0, 0, 0, 10, 0)
	h.of("e3").set("Match\nsport\nEUR\n").stock(18, 0, 1, 1, 0)
	h.of("e4").add(KindEventSet, func(e *Entry) { e.Text, e.On = "Elsewhere\nfilm\nEUR\n", true })
	b := h.book()
	f := figureOf(t, b, Query{}, b.Now(), "", "sold_out.sell_through")
	if wantValue(t, f, 15.0/40); *f.Numerator != 15 || *f.Denominator != 40 {
		t.Errorf("%d of %d", *f.Numerator, *f.Denominator)
	}
	wantValue(t, figureOf(t, b, Query{By: ByGenre}, b.Now(), "concert", "sold_out.sell_through"), 14.0/20)
	wantValue(t, figureOf(t, b, Query{By: ByEvent}, b.Now(), "e3", "sold_out.sell_through"), 1.0/20)
	wantWhy(t, figureOf(t, b, Query{By: ByGenre}, b.Now(), "film", "sold_out.sell_through"), WhyNotAvailable)
	wantWhy(t, figureOf(t, b, Query{Event: "e4"}, b.Now(), "", "sold_out.at"), WhyNotAvailable)
	wantWhy(t, figureOf(t, b, Query{}, b.Now(), "", "sold_out.at"), WhyNotAvailable)
}

// TestEveryRefusalIsSomebodys: each code but that of success has a failure, so no new one is left out of the errors.
func TestEveryRefusalIsSomebodys(t *testing.T) {
	for code := range engine.Code(engine.Codes) {
		if f := FailureOf(code); (f == FailureNone) != (code == engine.CodeOK) || f >= FailuresEnd {
			t.Errorf("%v is a failure of class %d", code, f)
		}
	}
}
