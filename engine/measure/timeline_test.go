package measure

import (
	"fmt"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// TestADayHas23Or25Hours: on the days on which clocks are set, one hour of the day is missing or there twice, and all of the day is counted.
func TestADayHas23Or25Hours(t *testing.T) {
	for _, day := range []struct {
		date      string
		hours     int
		odd       string // the hour that is not there, or twice
		views     float64
		midnightZ time.Time
	}{
		{"2026-03-29", 23, "02", 0, time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC)},
		{"2026-10-25", 25, "02", 120, time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC)},
		{"2026-11-22", 24, "02", 60, time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)},
	} {
		h := tell("e1")
		h.at = engine.Instant(day.midnightZ.UnixNano())
		h.set("Night One\nconcert\nEUR\nEurope/Amsterdam")
		for range day.hours * 60 {
			h.add(KindViewed).after(time.Minute)
		}
		b := h.book()
		all := 0.0
		for _, row := range b.Answer(&Query{Account: "shop", Event: "e1", By: ByHour, Window: WindowSale, KPIs: []string{"views"}}, b.Now()).Rows {
			all += *row.Figures[0].Value
			want := 60.0
			if row.Series == day.odd {
				want = day.views
			}
			wantValue(t, row.Figures[0], want)
		}
		if all != float64(day.hours*60) {
			t.Errorf("%s: %v views in all hours, want %d", day.date, all, day.hours*60)
		}
		if hours := len(b.Answer(&Query{Account: "shop", Event: "e1", By: ByHour, Window: WindowSale}, b.Now()).Rows); hours != min(day.hours, 24) {
			t.Errorf("%s: %d hours of the day, want %d", day.date, hours, min(day.hours, 24))
		}
	}
}

// TestWhatComesVeryLateCountsInSums: of a second and a minute that are long over the most is not known any more, as the definitions say.
func TestWhatComesVeryLateCountsInSums(t *testing.T) {
	h := tell("e1").onSale()
	for range 3 {
		h.add(KindOrdered, paid(100, 0, 0, 1)).after(time.Second)
	}
	h.after(10*time.Hour).add(KindOrdered, paid(100, 0, 0, 1)).after(time.Minute).add(KindOrdered, paid(100, 0, 0, 1))
	late := h.at - engine.Instant(8*time.Hour)
	h.at = late
	for range 5 {
		h.add(KindOrdered, paid(100, 0, 0, 1))
	}
	b := h.book()
	sale, day := Query{Event: "e1", Window: WindowSale}, Query{Event: "e1", Window: Window24h}
	for _, q := range []Query{sale, day} {
		wantValue(t, figureOf(t, b, q, b.Now(), "", "orders"), 10)
		wantValue(t, figureOf(t, b, q, b.Now(), "", "throughput.orders_peak_1s"), 1)
		wantValue(t, figureOf(t, b, q, b.Now(), "", "throughput.orders_peak_1m"), 3.0/60)
	}
	wantValue(t, figureOf(t, b, Query{Event: "e1", Window: Window1h}, b.Now(), "", "orders"), 2)
}

// TestCoursesCoverTheWholeSale: in at most courseMax points, the first of which is when it came on sale, as fine as there is room for.
func TestCoursesCoverTheWholeSale(t *testing.T) {
	for _, sale := range []struct{ long, step time.Duration }{
		{10 * time.Minute, 10 * time.Second}, {4 * time.Hour, time.Minute}, {60 * time.Hour, 15 * time.Minute}, {12 * 24 * time.Hour, time.Hour}, {200 * 24 * time.Hour, 24 * time.Hour},
	} {
		h := tell("e1").add(KindViewed).after(time.Hour).onSale()
		from := h.at
		for range 100 {
			h.add(KindViewed).after(sale.long / 100)
		}
		b := h.book()
		a := b.Answer(&Query{Account: "shop", Event: "e1", Window: WindowSale, Courses: true}, b.Now())
		line := a.Courses["views"]
		if len(line) < 2 || len(line) > courseMax {
			t.Fatalf("a sale of %v has a course of %d points", sale.long, len(line))
		}
		all := 0.0
		for _, p := range line {
			all += p.Value
		}
		if step := time.Duration(line[1].AtMs-line[0].AtMs) * time.Millisecond; step != sale.step || line[0].AtMs > int64(from)/1e6 {
			t.Errorf("a sale of %v from %d has steps of %v from %d, want %v", sale.long, int64(from)/1e6, step, line[0].AtMs, sale.step)
		}
		if all < 100 || all > 101 { // the view before it came on sale is in the same day
			t.Errorf("a sale of %v: %v views in its course, want 100", sale.long, all)
		}
		if a.Courses["orders"] == nil || a.Courses["refusals"] == nil {
			t.Errorf("courses of %v", a.Courses)
		}
	}
}

// TestBucketsAreBounded: whatever happens, and for how long, a series keeps a bounded number of buckets; and with many events they are kept for windows only.
func TestBucketsAreBounded(t *testing.T) {
	for _, events := range []int{1, coursesMax + 1} {
		b := newTestBook()
		for i := range events {
			b.Add(&Entry{Kind: KindEventSet, At: start, Key: eventKey(fmt.Sprint("e", i)), Text: "Night\n\nEUR\n"})
		}
		for i := range 400 {
			for j := range 60 {
				at := start + engine.Instant(time.Duration(i)*24*time.Hour+time.Duration(j)*7*time.Minute/60)
				b.Add(&Entry{Kind: KindOrdered, At: at, Key: eventKey("e0"), Units: 1, Money: Money{FaceMinor: 1 << 40}})
			}
		}
		for i := range 6000 {
			b.Add(&Entry{Kind: KindViewed, At: b.Now() + engine.Instant(3*time.Second), Key: eventKey("e0")})
			if i%100 == 0 {
				b.Add(&Entry{Kind: KindViewed, At: b.Now() - engine.Instant(3*time.Hour), Key: eventKey("e0")})
			}
		}
		for id, l := range b.counts.lines {
			kept := keptWindows
			if b.counts.courses(seriesID(id)) {
				kept = keptCourses
			}
			for i := range l.rungs {
				n, most := 0, 0
				if kept[i] > 0 {
					most = int(kept[i]/rungSteps[i]) + 1
					if i+1 < len(rungSteps) {
						most += int(rungSteps[i+1] / rungSteps[i])
					}
				}
				if l.rungs[i].each(0, func(uint32, *counters) { n++ }); n > most {
					t.Errorf("%d events, series %d keeps %d buckets of %v, want %d at most", events, id, n, time.Duration(rungSteps[i]), most)
				}
			}
			if len(l.seconds) > secondsKept {
				t.Errorf("series %d keeps %d seconds", id, len(l.seconds))
			}
		}
		if whole := b.series.keys[0]; whole.of.event != nil || !b.counts.courses(0) {
			t.Error("the account has no course")
		}
	}
}
