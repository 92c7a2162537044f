package measure

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// crowd are entries of an on-sale as the meter of orders and persons meets them: for each of many buyers a view, a click, a hold, an attempt and four times of
// five an order; one order in fifty is regretted, one buyer in a hundred asks or answers.
func crowd(buyers int) []Entry {
	var entries []Entry
	key := eventKey("night")
	for i := range buyers {
		e := Entry{
			At: taleBegin + engine.Instant(i)*engine.Instant(20*time.Microsecond), Key: key, Person: mix(uint64(i) + 1), HasFlow: true, Flow: engine.Flow(i % 2), Device: engine.Device(i%3 + 1),
			Channel: "web", Hold: engine.HoldID(i + 1), Purchase: engine.PurchaseID(i + 1),
		}
		for _, kind := range []Kind{KindViewed, KindClicked, KindHeld, KindAttempted} {
			e.Kind = kind
			entries = append(entries, e)
		}
		if i%5 > 0 {
			e.Kind, e.Order, e.Units = KindOrdered, engine.OrderID(i+1), 2
			entries = append(entries, e)
		}
		if i%50 == 1 {
			e.Kind, e.ByBuyer = KindRefunding, true
			entries = append(entries, e)
		}
		if i%100 == 2 {
			e.Kind, e.Survey, e.Score = KindSurveyed, SurveyCSAT, 5
			entries = append(entries, e)
		}
	}
	return entries
}

// BenchmarkPeople adds an on-sale to the meter alone: ns an entry of the mix, and what an order costs.
func BenchmarkPeople(b *testing.B) {
	for _, buyers := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("buyers=%d", buyers), func(b *testing.B) {
			entries := crowd(buyers)
			var before, after runtime.MemStats
			n := 0
			var book *Book
			for b.Loop() {
				b.StopTimer()
				runtime.GC() // the book before is of no use any more
				runtime.ReadMemStats(&before)
				book = NewBook(PolicyDefault(), time.LoadLocation)
				in := book.appendSeries(nil, book.event(entries[0].Key), entries[0].At, How{flow: 1, device: 1, channel: 1})
				b.StartTimer()
				for i := range entries {
					if e := &entries[i]; e.At > book.now {
						book.now = e.At
						book.people.advance(e.At)
					}
					book.people.add(nil, &entries[i], in)
				}
				n += len(entries)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/entry")
			b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(buyers), "B/buyer")
			b.ReportMetric(float64(len(book.AppendState(nil)))/float64(buyers), "state-B/buyer")
			runtime.KeepAlive(book)
			runtime.KeepAlive(entries)
		})
	}
}
