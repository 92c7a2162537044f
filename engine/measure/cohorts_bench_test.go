package measure

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// journeys are what buyers do at some events: nine of ten look, four of ten select tickets, three hold them, two buy, one in ten is declined, and a third of those
// who buy do so by one-click. Several hundred are on their way at the same time.
func journeys(buyers, events int, spread time.Duration) []Entry {
	r := rand.New(rand.NewPCG(1, 2))
	keys := make([]engine.Key, events)
	all := make([]Entry, 0, 8*buyers)
	for i := range keys {
		keys[i] = eventKey(fmt.Sprint("e", i))
		all = append(all, Entry{Kind: KindEventSet, At: start, Key: keys[i], Text: "Night\nconcert\nEUR\nEurope/Amsterdam"},
			Entry{Kind: KindState, At: start, Key: keys[i], State: engine.EventOnSale}, Entry{Kind: KindStock, At: start, Key: keys[i], Stock: Stock{Free: 1}})
	}
	const underway = 512
	var waiting [underway][]Entry
	for i := range buyers + underway {
		slot := &waiting[r.IntN(underway)]
		for _, e := range *slot {
			e.At = start + engine.Instant(i)*engine.Instant(spread)/engine.Instant(buyers)
			all = append(all, e)
		}
		*slot = (*slot)[:0]
		if i >= buyers {
			continue
		}
		e := Entry{Key: keys[r.IntN(events)], Person: r.Uint64() | 1, Device: engine.Device(1 + r.IntN(3)), Channel: []string{"web", "app"}[r.IntN(2)]}
		one := r.IntN(3) == 0
		add := func(kind Kind) {
			e.Kind = kind
			*slot = append(*slot, e)
		}
		if r.IntN(10) > 0 {
			add(KindPageReady)
			add(KindViewed)
		}
		if what := r.IntN(10); what < 4 {
			add(KindSelected)
			if one {
				e.OneClick, e.Variant = true, VariantIn
				add(KindOffered)
				add(KindClicked)
			}
			if e.HasFlow = true; one {
				e.Flow = engine.FlowOneClick
			}
			if what < 3 {
				add(KindHeld)
				e.Method, e.Purchase = payment.MethodCard, 1
				add(KindAttempted)
				e.DurationMs = r.Int64N(400)
				add(KindAsked)
				add(KindAuthorised)
				if e.Money.TotalMinor = 4750; what < 2 {
					add(KindOrdered)
					if one {
						add(KindClickSeen)
					}
				} else {
					e.Failure = FailurePayment
					add(KindDeclined)
				}
			}
		}
	}
	return all
}

// BenchmarkCohorts adds whole journeys to a book that has this meter only, and to one that has none: what is between them is the meter's.
func BenchmarkCohorts(b *testing.B) {
	for _, size := range []struct{ buyers, events int }{{100_000, 1}, {1_000_000, 1}, {1_000_000, 10_000}} {
		entries := journeys(size.buyers, size.events, 2*time.Hour)
		for _, with := range []bool{false, true} {
			b.Run(fmt.Sprintf("buyers=%d/events=%d/meter=%v", size.buyers, size.events, with), func(b *testing.B) {
				var book *Book
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				for b.Loop() {
					book = newTestBook()
					if book.meters = nil; with {
						book.meters = []meter{newCohorts(book)}
					}
					for i := range entries {
						book.Add(&entries[i])
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(entries)), "ns/entry")
				b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(size.buyers), "B/buyer")
				runtime.KeepAlive(book)
			})
		}
	}
}

// BenchmarkCohortsAnswer answers what is published each second of an account: the last minute, and all of the sale.
func BenchmarkCohortsAnswer(b *testing.B) {
	entries := journeys(200_000, 1000, 2*time.Hour)
	book := newTestBook()
	book.meters = []meter{newCohorts(book)}
	for i := range entries {
		book.Add(&entries[i])
	}
	for _, q := range []Query{{Window: Window1m}, {Window: WindowSale}, {Window: WindowSale, By: ByFlow}, {Window: WindowSale, Event: "e1"}} {
		b.Run(fmt.Sprintf("window=%s/by=%s/event=%s", q.Window, q.By, q.Event), func(b *testing.B) {
			q.Account = "shop"
			for b.Loop() {
				book.Answer(&q, book.Now())
			}
		})
	}
}
