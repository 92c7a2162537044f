package engine

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// bigVenue is a venue of 50,000 seats: 25 sections of 40 rows of 50, the better sections first, with two aisles a row; wheelchair spaces with companion
// seats in the first row of each section, and a restricted view on the last seats of each.
func bigVenue() *EventSpec {
	lot := LotSpec{Lot: "seats", FaceMinor: 9000}
	for i := range 25 {
		section := "S" + strconv.Itoa(i+1)
		lot.Rows = append(lot.Rows,
			RowSpec{Section: section, Row: "1", Seats: 50, Aisles: "15 35", Accessible: "1 4", Companion: "2-3", Restricted: "49-50"},
			RowSpec{Section: section, Row: "2", Through: "40", Seats: 50, Aisles: "15 35", Restricted: "49-50"})
	}
	return &EventSpec{Name: "Night One", Currency: "EUR", HoldTTLMs: 120_000, MaxHoldMs: 600_000, Open: true, Lots: []LotSpec{lot}}
}

// sellSeats sells seats until no more than so many are free, in groups of one to four at random places, so that what is left is in pieces.
func sellSeats(tb testing.TB, e *Event, facts *Facts, left int64) {
	tb.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	s := e.lots[0].seating
	for n := 0; e.lots[0].in[shareFree] > left; n++ {
		row := &s.rows[rng.IntN(len(s.rows))]
		first, size := rng.IntN(row.shape.seats), 1+rng.IntN(4)
		var labels []string
		for seat := first; seat < min(first+size, row.shape.seats); seat++ {
			if number := row.first + uint32(seat); s.seats[number].state == seatFree && int64(len(labels)) < e.lots[0].in[shareFree]-left {
				labels = append(labels, string(s.appendLabel(nil, number)))
			}
		}
		if len(labels) == 0 {
			continue
		}
		buyer := benchID('s', n)
		out := benchStep(tb, e, &Command{Verb: VerbHold, RequestID: benchID('h', n), Buyer: buyer, Items: []Item{{Lot: "seats", Seats: labels}}}, start, facts, CodeOK)
		hold := string(AppendHoldID(nil, out.Hold.ID, out.Hold.Incarnation))
		benchStep(tb, e, &Command{Verb: VerbConfirm, RequestID: benchID('k', n), Buyer: buyer, Hold: hold, BoxOffice: true}, start, facts, CodeOK)
	}
}

// BenchmarkBestSeats measures the step of a hold that leaves the choice of seats to the engine, in a venue of 50,000 seats: with all seats free, and
// with 95 in 100 sold at random. Parties are as they come to a box office; three in ten may be split, and three in a hundred have a wheelchair. Each hold is
// released before the next, unmeasured. Percentiles are of single steps, in microseconds.
func BenchmarkBestSeats(b *testing.B) {
	for _, sold := range []int64{0, 95, 99} {
		b.Run(fmt.Sprintf("seats=50000/sold=%d%%", sold), func(b *testing.B) {
			e, facts := New(testKey()), &Facts{}
			benchStep(b, e, &Command{Verb: VerbCreate, RequestID: "c1", Spec: bigVenue()}, start, facts, CodeOK)
			sellSeats(b, e, facts, 50_000*(100-sold)/100)
			rng := rand.New(rand.NewPCG(3, 4))
			times := hdrhistogram.New(1, int64(time.Second), 3)
			sizes := []int64{1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 4, 4, 4, 4, 5, 6, 8, 10, 12, 16}
			refused := 0
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				it := Item{Lot: "seats", Quantity: sizes[rng.IntN(len(sizes))], Split: rng.IntN(10) < 3}
				if rng.IntN(100) < 3 {
					it = Item{Lot: "seats", Quantity: 2, Accessible: 1, Companion: 1}
				}
				facts.Reset()
				cmd := &Command{Verb: VerbHold, RequestID: benchID('r', i), Buyer: "b", Items: []Item{it}}
				from := time.Now()
				out := e.Step(cmd, benchAt(i), facts)
				_ = times.RecordValue(time.Since(from).Nanoseconds())
				if out.Code != CodeOK {
					refused++
					continue
				}
				cmd = &Command{Verb: VerbRelease, RequestID: benchID('x', i), Buyer: "b", Hold: string(AppendHoldID(nil, out.Hold.ID, out.Hold.Incarnation))}
				benchStep(b, e, cmd, benchAt(i), facts, CodeOK)
			}
			b.StopTimer()
			for _, q := range []float64{50, 99, 99.9, 100} {
				b.ReportMetric(float64(times.ValueAtQuantile(q))/1e3, fmt.Sprintf("p%g-µs", q))
			}
			if b.N > 1 {
				b.Logf("%d holds, %d refused, state hash %016x", b.N, refused, e.StateHash())
			}
		})
	}
}

// BenchmarkWorstSeats measures the steps that have to look at the most: none of them may come near a millisecond.
func BenchmarkWorstSeats(b *testing.B) {
	party := func(it Item) *Command {
		it.Lot = "seats"
		return &Command{Verb: VerbHold, Buyer: "b", Items: []Item{it}}
	}
	for _, c := range []struct {
		name string
		sold int64 // in a hundred
		spec func(s *EventSpec)
		cmd  *Command
	}{
		{"split into singles", 99, nil, party(Item{Quantity: 256, Split: true})},
		{"split exactly", 95, nil, party(Item{Quantity: 16, Split: true})},
		{"split of all free", 0, nil, party(Item{Quantity: 256, Split: true})},
		{"no such party", 95, nil, party(Item{Quantity: 50})},
		{"alternatives", 95, nil, &Command{Verb: VerbHold, Buyer: "b", Items: []Item{{Lot: "seats", Seats: []string{"S1/1/10", "S1/1/11"}}}}},
		{"all rows alike", 0, func(s *EventSpec) {
			for i := range s.Lots[0].Rows {
				s.Lots[0].Rows[i].Rank = 1
			}
		}, party(Item{Quantity: 2})},
		{"no wheelchair fits", 0, func(s *EventSpec) {
			s.Lots[0].Rows = []RowSpec{{Section: "S", Row: "1", Through: "25", Seats: 2000, Accessible: "1-150", Companion: "151-165"}}
		}, party(Item{Quantity: 16, Accessible: 3, Companion: 12})},
	} {
		b.Run(c.name, func(b *testing.B) {
			e, facts := New(testKey()), &Facts{}
			spec := bigVenue()
			if c.spec != nil {
				c.spec(spec)
			}
			benchStep(b, e, &Command{Verb: VerbCreate, RequestID: "c1", Spec: spec}, start, facts, CodeOK)
			sellSeats(b, e, facts, e.lots[0].capacity*(100-c.sold)/100)
			times := hdrhistogram.New(1, int64(time.Second), 3)
			for i := range b.N {
				facts.Reset()
				for j := range e.lots[0].seating.rows {
					e.lots[0].seating.spoil(&e.lots[0].seating.rows[j]) // as if every row had changed since the search before
				}
				c.cmd.RequestID = benchID('r', i)
				from := time.Now()
				out := e.Step(c.cmd, benchAt(i), facts)
				_ = times.RecordValue(time.Since(from).Nanoseconds())
				if out.Code == CodeOK {
					benchStep(b, e, &Command{Verb: VerbRelease, RequestID: benchID('x', i), Buyer: "b", Hold: string(AppendHoldID(nil, out.Hold.ID, out.Hold.Incarnation))}, benchAt(i), facts, CodeOK)
				}
			}
			b.ReportMetric(float64(times.ValueAtQuantile(50))/1e3, "p50-µs")
			b.ReportMetric(float64(times.ValueAtQuantile(99))/1e3, "p99-µs")
			if b.N > 1 {
				b.Logf("state hash %016x", e.StateHash())
			}
		})
	}
}
