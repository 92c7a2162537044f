package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

// baselineSales is what was sold when and to whom, as far as no KPI says it: to compare with what the shop knows of itself.
type baselineSales struct {
	From    time.Time     `json:"from"` // of the first row and of the last, in the mapping's time zone
	To      time.Time     `json:"to"`
	Orders  int64         `json:"orders"`
	Tickets int64         `json:"tickets"`
	Buyers  int64         `json:"buyers"` // with an order
	Days    []baselineDay `json:"days"`   // the busiest ones, by tickets
	Minute  baselineDay   `json:"busiest_minute"`
	// BuyersBy is how many buyers have how many tickets.
	BuyersBy map[int64]int64 `json:"buyers_by_tickets"`
}

// baselineDay is a day or minute, as its beginning is written in the mapping's time zone.
type baselineDay struct {
	Begin   string `json:"begin"`
	Orders  int64  `json:"orders"`
	Tickets int64  `json:"tickets"`
}

// baselineDaysMax is how many days are listed.
const baselineDaysMax = 10

// sales sums up the rows, which are in the order of their times.
func (b *baselineImport) sales() baselineSales {
	zone := b.mapping.zone
	s := baselineSales{From: time.Unix(0, b.rows[0].at).In(zone), To: time.Unix(0, b.rows[len(b.rows)-1].at).In(zone), BuyersBy: map[int64]int64{}}
	of := map[uint64]int64{}
	days, minutes := map[string]*baselineDay{}, map[string]*baselineDay{}
	for i := range b.rows {
		row := &b.rows[i]
		if row.kind != measure.KindObservedOrder {
			continue
		}
		s.Orders++
		s.Tickets += int64(row.units)
		if row.person != 0 {
			of[row.person] += int64(row.units)
		}
		at := time.Unix(0, row.at).In(zone)
		for at, in := range map[string]map[string]*baselineDay{at.Format(time.DateOnly): days, at.Format("2006-01-02 15:04"): minutes} {
			if in[at] == nil {
				in[at] = &baselineDay{Begin: at}
			}
			in[at].Orders++
			in[at].Tickets += int64(row.units)
		}
	}
	s.Buyers = int64(len(of))
	for _, n := range of {
		s.BuyersBy[n]++
	}
	if busiest := ranked(minutes); len(busiest) > 0 {
		s.Minute = busiest[0]
	}
	s.Days = ranked(days)
	s.Days = s.Days[:min(len(s.Days), baselineDaysMax)]
	return s
}

// ranked are days or minutes, the busiest first.
func ranked(all map[string]*baselineDay) []baselineDay {
	var list []baselineDay
	for _, d := range all {
		list = append(list, *d)
	}
	slices.SortFunc(list, func(x, y baselineDay) int {
		if x.Tickets != y.Tickets {
			return int(y.Tickets - x.Tickets)
		}
		return strings.Compare(x.Begin, y.Begin)
	})
	return list
}

// over is how many buyers have more than so many tickets, and the most that one has.
func (s *baselineSales) over(tickets int64) (buyers, most int64) {
	for n, count := range s.BuyersBy {
		if most = max(most, n); n > tickets {
			buyers += count
		}
	}
	return buyers, most
}

// baselineLimit is the limit of a buyer that sales are compared with.
const baselineLimit = 4

func (s *baselineSales) print(w io.Writer, currency string) {
	fmt.Fprintf(w, "%s to %s, in %s\n", s.From.Format(time.RFC3339), s.To.Format(time.RFC3339), currency)
	if s.Orders == 0 {
		fmt.Fprintln(w, "orders: not available")
		return
	}
	fmt.Fprintf(w, "%s orders, %s tickets", thousands(s.Orders), thousands(s.Tickets))
	if s.Buyers > 0 {
		over, most := s.over(baselineLimit)
		fmt.Fprintf(w, ", %s buyers; %s of them with more than %d tickets, %d at most", thousands(s.Buyers), thousands(over), baselineLimit, most)
	}
	fmt.Fprintf(w, "\nbusiest day %s: %s tickets; busiest minute %s: %s tickets\n", s.Days[0].Begin, thousands(s.Days[0].Tickets), s.Minute.Begin, thousands(s.Minute.Tickets))
}

// printImport says what became of the files.
func (b *baseline) printImport(w io.Writer, out string) error {
	var text strings.Builder
	for i := range b.Files {
		f := &b.Files[i]
		fmt.Fprintf(&text, "%s: %s rows, %s taken, %s bad, %s duplicates\n", f.Name, thousands(f.Rows), thousands(f.Taken), thousands(f.Bad), thousands(f.Duplicates))
		for _, r := range f.BadRows[:min(len(f.BadRows), baselineShownMax)] {
			fmt.Fprintf(&text, "  line %d: %s\n", r.Line, r.Why)
		}
		if n := f.Bad - baselineShownMax; n > 0 {
			fmt.Fprintf(&text, "  and %s bad rows more: the first %d are in %s\n", thousands(n), baselineBadMax, out)
		}
		if lines := f.DuplicateLines[:min(len(f.DuplicateLines), baselineShownMax)]; len(lines) > 0 {
			fmt.Fprintf(&text, "  duplicates in lines %s\n", strings.Trim(fmt.Sprint(lines), "[]"))
		}
	}
	b.Sales.print(&text, b.Currency)
	fmt.Fprintf(&text, "figures: engine baseline report %s\n", out)
	_, err := io.WriteString(w, text.String())
	return err
}
