package measure_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// Exactly one in five of those who look at Night One buys, in every minute alike, and takes one to five minutes for it: nothing about the checkout changes. The
// orders of a minute over the views of the same minute say 0 % when the sale opens and 420 % five minutes later, because they are not the same people.
// Conversion says what is true of those who came, and until their time is over that it is not the last word.
func ExampleBook_conversion() {
	fmt.Print(conversionTable())
	// Output:
	// | at    | views of the minute | orders of the minute | orders / views | conversion of all who came | of cohorts whose time is over |
	// | ----- | ------------------- | -------------------- | -------------- | -------------------------- | ----------------------------- |
	// | 10:01 |                1000 |                    0 |            0 % |               0.0 % so far |                       not yet |
	// | 10:02 |                 600 |                   40 |            7 % |               2.5 % so far |                       not yet |
	// | 10:03 |                 300 |                   64 |           21 % |               5.5 % so far |                       not yet |
	// | 10:04 |                 150 |                   76 |           51 % |               8.8 % so far |                       not yet |
	// | 10:05 |                  50 |                   82 |          164 % |              12.5 % so far |                       not yet |
	// | 10:06 |                  20 |                   84 |          420 % |              16.3 % so far |                       not yet |
	// | 10:08 |                  10 |                   22 |          220 % |              19.3 % so far |                       not yet |
	// | 10:10 |                   0 |                    4 |       no views |              20.0 % so far |                       not yet |
	// | 10:36 |                   0 |                    0 |       no views |              20.0 % so far |                        20.0 % |
	// | 11:00 |                   0 |                    0 |       no views |                     20.0 % |                        20.0 % |
}

// The page of the figures shows the table that the example prints.
func TestKPIsPageShowsWhyConversionIsOfCohorts(t *testing.T) {
	page, err := os.ReadFile(kpisPage)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), conversionTable()) {
		t.Errorf("%s lacks the table that ExampleBook_conversion prints:\n%s", kpisPage, conversionTable())
	}
}

func conversionTable() string {
	var b strings.Builder
	opens := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	show := engine.Key{Account: "shop", Kind: engine.KindEvent, ID: "night-one"}
	entries := []measure.Entry{{Kind: measure.KindEventSet, Key: show, At: engine.Instant(opens.UnixNano()), Text: "Night One\nconcert\nEUR\nEurope/Amsterdam"}}
	buyer := 0
	for minute, views := range []int{1000, 600, 300, 150, 50, 20, 10, 10} {
		for i := range views {
			buyer++
			looked := opens.Add(time.Duration(minute)*time.Minute + time.Duration(i)*time.Minute/time.Duration(views))
			e := measure.Entry{Kind: measure.KindViewed, Key: show, At: engine.Instant(looked.UnixNano()), Person: measure.PersonOf("shop", fmt.Sprint(buyer))}
			if entries = append(entries, e); i%5 == 0 {
				e.Kind, e.Order, e.Units = measure.KindOrdered, engine.OrderID(buyer), 1
				e.At += engine.Instant(time.Duration(1+i/5%5) * time.Minute)
				entries = append(entries, e)
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b measure.Entry) int { return int(a.At - b.At) })

	book := measure.NewBook(measure.PolicyDefault(), time.LoadLocation)
	fmt.Fprintln(&b, "| at    | views of the minute | orders of the minute | orders / views | conversion of all who came | of cohorts whose time is over |")
	fmt.Fprintln(&b, "| ----- | ------------------- | -------------------- | -------------- | -------------------------- | ----------------------------- |")
	for _, minute := range []int{1, 2, 3, 4, 5, 6, 8, 10, 36, 60} {
		now := engine.Instant(opens.Add(time.Duration(minute) * time.Minute).UnixNano())
		for len(entries) > 0 && entries[0].At < now {
			book.Add(&entries[0])
			entries = entries[1:]
		}
		figure := func(kpi string, w measure.Window) measure.Figure {
			q := measure.Query{Account: "shop", Window: w, KPIs: []string{kpi}}
			return book.Answer(&q, now).Rows[0].Figures[0]
		}
		views, orders := *figure("views", measure.Window1m).Value, *figure("orders", measure.Window1m).Value
		naive := "no views"
		if views > 0 {
			naive = fmt.Sprintf("%.0f %%", 100*orders/views)
		}
		conversion, mature := figure("conversion", measure.WindowSale), figure("conversion_mature", measure.WindowSale)
		told := fmt.Sprintf("%.1f %%", 100**conversion.Value)
		if conversion.SoFar {
			told += " so far"
		}
		settled := string(mature.Why)
		if mature.Value != nil {
			settled = fmt.Sprintf("%.1f %%", 100**mature.Value)
		}
		fmt.Fprintf(&b, "| %s | %19.0f | %20.0f | %14s | %26s | %29s |\n", opens.Add(time.Duration(minute)*time.Minute).Format("15:04"), views, orders, naive, told, settled)
	}
	return b.String()
}
