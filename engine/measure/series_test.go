package measure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// TestEveryEntryCountsInItsSeries: the account and the event first, then each dimension that the entry says something of, no series twice.
func TestEveryEntryCountsInItsSeries(t *testing.T) {
	b := tell("e1").set("Night One\nconcert\nEUR\nEurope/Amsterdam").
		add(KindViewed, flow(engine.FlowOneClick), on(engine.DeviceMobile), over("web"), with(payment.MethodCard)).book()
	names := map[string]bool{}
	for i, id := range b.in {
		k := b.series.keys[id]
		name := fmt.Sprintf("%v %d %s", k.of.event != nil, k.by, k.of.account.nameOf(k.by, k.value))
		if names[name] || i == 0 && (k.of.event != nil || k.by != dimNone) || i == 1 && (k.of.event == nil || k.by != dimNone) {
			t.Errorf("series %d is %s", i, name)
		}
		names[name] = true
	}
	if len(b.in) != 3+2*5 {
		t.Errorf("it counts in %d series, want 13: %v", len(b.in), names)
	}
	for by, want := range map[Dimension][]string{
		ByNothing: {""}, ByEvent: {"e1"}, ByGenre: {"concert"}, ByFlow: {"one_click"}, ByDevice: {"mobile"}, ByMethod: {"card"}, ByChannel: {"web"}, ByHour: {"11"},
	} {
		a := b.Answer(&Query{Account: "shop", Window: WindowSale, By: by}, b.Now())
		if got := seriesNames(a); !slices.Equal(got, want) || a.Folded {
			t.Errorf("by %q: %q, want %q", by, got, want)
		}
	}
}

// TestHoursFollowTheClockOnTheWall: also on the days on which it is set, and in zones that differ by less than an hour.
func TestHoursFollowTheClockOnTheWall(t *testing.T) {
	for _, zone := range []string{"Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"} {
		place, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		s := &event{Subject: Subject{TimeZone: zone}}
		s.setZone(time.LoadLocation)
		for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(7 * time.Minute) {
			if got, want := s.hourOf(engine.Instant(at.UnixNano())), uint8(at.In(place).Hour()+1); got != want {
				t.Fatalf("%s at %v: hour %d, want %d", zone, at, got-1, want-1)
			}
		}
	}
}

// TestSeriesOfEventsAreBounded: totals of events first, then what breaks them down, hours last; the rest is folded and said to be.
func TestSeriesOfEventsAreBounded(t *testing.T) {
	p := PolicyDefault()
	p.SeriesMax = 100
	b := NewBook(p, time.LoadLocation)
	add := func(event int, channel string) {
		b.Add(&Entry{Kind: KindViewed, At: start, Key: eventKey(fmt.Sprintf("e%03d", event)), Device: engine.DeviceMobile, Channel: channel})
	}
	for i := range 150 {
		add(1, fmt.Sprintf("c%03d", i))
	}
	for i := range 120 {
		add(i, "web")
	}
	of := 0
	for _, k := range b.series.keys {
		if k.of.event != nil {
			of++
		}
	}
	if of > 100 || b.series.taken > 100 {
		t.Errorf("%d series of events, %d taken, want 100 at most", of, b.series.taken)
	}
	answer := func(q Query) *Answer {
		q.Account, q.Window = "shop", WindowSale
		return b.Answer(&q, b.Now())
	}
	if a := answer(Query{By: ByEvent}); len(a.Rows) < 50 || a.Rows[len(a.Rows)-1].Series != SeriesOther || !a.Folded {
		t.Errorf("by event: %q", seriesNames(a))
	}
	for _, by := range []Dimension{ByNothing, ByFlow, ByHour} { // what is of many events is not shown as if it were of one
		if a := answer(Query{Event: "e119", By: by, Courses: true}); !a.Folded || len(a.Rows) != 1 || a.Rows[0].Series != SeriesOther || a.Courses != nil || a.Event == nil {
			t.Errorf("an event without room, by %q: %q", by, seriesNames(a))
		}
	}
	if a := answer(Query{By: ByChannel}); len(a.Rows) != wordsMax+1 || !a.Folded {
		t.Errorf("%d channels of the account, want %d and other", len(a.Rows), wordsMax)
	}
	if a := answer(Query{Event: "e001", By: ByChannel}); !a.Folded || a.Rows[len(a.Rows)-1].Series != SeriesOther {
		t.Errorf("channels of an event: %q", seriesNames(a))
	}
	if a := answer(Query{Event: "e049", By: ByDevice}); !a.Folded || len(a.Rows) != 1 {
		t.Errorf("devices of an event without room: %q, want other alone", seriesNames(a))
	}
	if a := answer(Query{By: ByDevice}); a.Folded || len(a.Rows) != 1 {
		t.Errorf("devices of the account: %q", seriesNames(a))
	}
}

// TestBooksOpenAsTheyWere: the frame's part of the state, also where there was no room.
func TestBooksOpenAsTheyWere(t *testing.T) {
	p := PolicyDefault()
	p.SeriesMax = 24
	b := NewBook(p, time.LoadLocation)
	for i := range 200 {
		e := Entry{
			Kind: KindViewed, At: start + engine.Instant(i)*engine.Instant(10*time.Minute), Key: eventKey(fmt.Sprint("e", i%30)),
			Device: engine.Device(i % 5), Channel: fmt.Sprint("c", i%70), HasFlow: i%3 > 0, Method: payment.MethodKind(i % 6),
		}
		if i < 60 && i%2 == 0 {
			e.Kind, e.Text = KindEventSet, fmt.Sprintf("Night %d\ngenre %d\nEUR\nEurope/Amsterdam", i, i%3)
		}
		b.Add(&e)
		state := b.AppendState(nil)
		again, err := OpenBook(p, time.LoadLocation, state)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []Query{{By: ByEvent}, {Event: "e29"}, {Event: "e1", By: ByHour}} {
			q.Account, q.Window = "shop", WindowSale
			if got, want := again.Answer(&q, b.Now()), b.Answer(&q, b.Now()); !reflect.DeepEqual(got, want) {
				inJSON := func(a *Answer) string { text, _ := json.Marshal(a); return string(text) }
				t.Fatalf("after %d entries %+v is answered\n%s, want\n%s", i+1, q, inJSON(got), inJSON(want))
			}
		}
		if again.series.taken != b.series.taken || !bytes.Equal(again.AppendState(nil), state) {
			t.Fatalf("after %d entries the book opens as another", i+1)
		}
		b = again
	}
}

// BenchmarkAdd is the mix of one sale: of 100 entries 50 views, 15 holds, 12 attempts, 10 orders, and touches between, over some events.
func BenchmarkAdd(b *testing.B) {
	for _, events := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			book := newTestBook()
			entries := saleEntries(events)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				e := &entries[i%len(entries)]
				e.At = start + engine.Instant(i)*1000
				book.Add(e)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// saleEntries are 65,536 entries of a sale, in runs of 64 of one event.
func saleEntries(events int) []Entry {
	entries := make([]Entry, 1<<16)
	kinds := [...]Kind{
		KindViewed, KindViewed, KindViewed, KindViewed, KindViewed, KindPrompted, KindClicked, KindOffered, KindHeld, KindHeld, KindHoldEnded, KindAttempted,
		KindAsked, KindAuthorised, KindOrdered, KindCaptured, KindClickSeen, KindViewed, KindSelected, KindStepped,
	}
	channels := [...]string{"web", "app"}
	for i := range entries {
		e := &entries[i]
		*e = Entry{
			Kind: kinds[i*7%len(kinds)], At: start, Key: eventKey(fmt.Sprintf("event-%05d", i/64%events)), Person: uint64(i*2654435761 + 1),
			HasFlow: true, Flow: engine.Flow(i / 3 % 2), Device: engine.Device(i / 5 % 4), Channel: channels[i/7%2], Method: payment.MethodKind(i / 11 % 3),
			Hold: engine.HoldID(i + 1), Purchase: engine.PurchaseID(i + 1), Order: engine.OrderID(i + 1),
			Units: 2, Money: Money{9000, 500, 0, 9500}, DurationMs: int64(100 + i%500),
		}
	}
	return entries
}
