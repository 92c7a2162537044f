package measure

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// BenchmarkMemory fills books with 10,000 events and a million buyers, each of whom views, and half of whom hold, pay and get an order, over an hour, and says what
// stays in memory: of the whole book, of one that only counts by time, of one with no meter at all, and what its state is on disk.
func BenchmarkMemory(b *testing.B) {
	for _, of := range []struct {
		name   string
		meters func(*Book) []meter
	}{
		{"all", func(b *Book) []meter { return b.meters }},
		{"counts", func(b *Book) []meter { return []meter{b.counts} }},
		{"frame", func(*Book) []meter { return nil }},
	} {
		b.Run(of.name, func(b *testing.B) {
			for b.Loop() {
				before := heapBytes()
				book := newTestBook()
				book.meters = of.meters(book)
				entries := fill(book, 10_000, 1_000_000)
				b.ReportMetric(float64(heapBytes()-before)/1e6, "MB")
				b.ReportMetric(float64(len(book.AppendState(nil)))/1e6, "MB-state")
				b.ReportMetric(float64(len(book.series.keys)), "series")
				b.ReportMetric(float64(entries)/b.Elapsed().Seconds(), "entries/s")
				runtime.KeepAlive(book)
			}
		})
	}
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// fill lets buyers come to events, all within an hour, and says how many entries that was.
func fill(book *Book, events, buyers int) (entries int) {
	keys := make([]engine.Key, events)
	for i := range keys {
		keys[i] = eventKey(fmt.Sprintf("event-%05d", i))
		book.Add(&Entry{Kind: KindEventSet, At: start, Key: keys[i], Text: fmt.Sprintf("Night %d\ngenre %d\nEUR\nEurope/Amsterdam", i, i%8)})
		book.Add(&Entry{Kind: KindState, At: start, Key: keys[i], State: engine.EventOnSale})
	}
	for i := range buyers {
		e := Entry{
			At: start + engine.Instant(i)*3_600_000_000_000/engine.Instant(buyers), Key: keys[i%events], Person: PersonOf("shop", fmt.Sprint(i)), HasFlow: true,
			Flow: engine.Flow(i / events % 2), Device: engine.Device(i/events%4 + 1), Channel: [...]string{"web", "app"}[i/events/2%2], Method: payment.MethodCard,
			Hold: engine.HoldID(i/events + 1), Purchase: engine.PurchaseID(i/events + 1), Order: engine.OrderID(i/events + 1), Units: 2,
		}
		for _, kind := range [...]Kind{KindViewed, KindHeld, KindAttempted, KindOrdered} {
			if kind != KindViewed && i/events%2 == 0 {
				continue
			}
			e.Kind, e.Money = kind, Money{}
			if kind == KindOrdered {
				e.Money = Money{9000, 500, 0, 9500}
			}
			book.Add(&e)
			e.At += 1e9
			entries++
		}
	}
	return entries
}

// BenchmarkAnswer asks a book of 1,000 events and 100,000 buyers what a dashboard asks.
func BenchmarkAnswer(b *testing.B) {
	book := newTestBook()
	fill(book, 1000, 100_000)
	for _, q := range []Query{
		{Window: WindowSale, Courses: true},
		{Window: Window1h, Courses: true},
		{Window: Window24h},
		{Event: "event-00007", Window: Window15m, Courses: true},
		{Window: WindowSale, By: ByFlow},
		{Window: Window1m, By: ByEvent, KPIs: []string{"orders", "tickets", "refusals"}},
	} {
		q.Account = "shop"
		name := fmt.Sprintf("window=%s,by=%s,event=%v,courses=%v", q.Window, q.By, q.Event != "", q.Courses)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				book.Answer(&q, book.Now())
			}
		})
	}
	b.Run("events", func(b *testing.B) {
		for b.Loop() {
			book.Events("shop")
		}
	})
}
