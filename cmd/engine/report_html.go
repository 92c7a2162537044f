package main

import (
	"cmp"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

//go:embed reportpage/report.html
var reportPage string

// reportRowsShown is how many orders the page shows; all of them are in the CSV, which it carries.
const reportRowsShown = 20

// writeHTML writes the page. orders is the CSV, which the page carries in itself.
func (r *report) writeHTML(w io.Writer, orders []byte) error {
	known := definitionsByID()
	t, err := template.New("report").Funcs(template.FuncMap{
		"figure": figureText, "madeOf": madeOf, "interval": intervalText, "remarks": remarks, "thousands": thousands, "wait": waitText,
		"money":   func(minor int64) string { return money(minor, r.Money.Currency) },
		"when":    func(t time.Time) string { return t.In(r.zone()).Format("2006-01-02 15:04:05 MST") },
		"len64":   func(orders []reportOrder) int64 { return int64(len(orders)) },
		"pointer": func(f measure.Figure) *measure.Figure { return &f },
		"whole": func(n int64) *float64 {
			v := float64(n)
			return &v
		},
		"name":  func(kpi string) string { return cmp.Or(known[kpi].Name, kpi) },
		"words": func(s string) string { return strings.ReplaceAll(s, "_", " ") },
		"value": func(v *float64, kpi string) string {
			if v == nil {
				return string(measure.WhyNotAvailable)
			}
			if strings.HasPrefix(kpi, "revenue.") {
				return money(int64(*v), r.Money.Currency)
			}
			return thousands(int64(*v))
		},
	}).Parse(reportPage)
	if err != nil {
		return fmt.Errorf("the page of the report: %w", err)
	}
	page := &reportView{report: r, Name: r.Event, Zone: r.zone().String(), RowsShown: r.Money.Orders[:min(len(r.Money.Orders), reportRowsShown)]}
	if e := r.Figures.Event; e != nil && e.Name != "" {
		page.Name = e.Name
	}
	// A link to data of its own: nothing is loaded from anywhere.
	page.CSV = template.URL("data:text/csv;base64," + base64.StdEncoding.EncodeToString(orders)) //nolint:gosec // it is our own CSV, in base64
	for _, section := range reportSections {
		if v := r.section(section.title, section.about, section.begins...); len(v.Lines) > 0 {
			page.Sections = append(page.Sections, v)
		}
	}
	for _, kpi := range []string{"tickets", "orders", "refusals"} {
		if points := r.Figures.Courses[kpi]; len(points) > 0 {
			page.Charts = append(page.Charts, r.chart(kpi, points))
		}
	}
	for _, table := range r.By {
		page.Tables = append(page.Tables, breakdown(table))
	}
	if e := r.Figures.Event; e != nil {
		for code, n := range e.Refusals {
			page.Refusals = append(page.Refusals, reportRefusal{code, n})
		}
		slices.SortFunc(page.Refusals, func(a, b reportRefusal) int {
			if a.Count != b.Count {
				return int(b.Count - a.Count)
			}
			return strings.Compare(a.Code, b.Code)
		})
	}
	if err := t.Execute(w, page); err != nil {
		return fmt.Errorf("the page of the report: %w", err)
	}
	return nil
}

// zone is the event's time zone.
func (r *report) zone() *time.Location {
	if e := r.Figures.Event; e != nil && e.TimeZone != "" && e.TimeZone != "Local" {
		if z, err := time.LoadLocation(e.TimeZone); err == nil {
			return z
		}
	}
	return time.UTC
}

// reportView is what the page is made of.
type reportView struct {
	*report
	Name, Zone string
	Sections   []reportSection
	Charts     []reportChart
	Tables     []reportTable
	Refusals   []reportRefusal
	RowsShown  []reportOrder
	CSV        template.URL
}

type reportRefusal struct {
	Code  string
	Count int64
}

// reportSection is a table of figures.
type reportSection struct {
	Title, About string
	Lines        []reportLine
}

// reportLine is a figure, with a bar if it is a share.
type reportLine struct {
	ID, Name string
	Figure   *measure.Figure
	Percent  string // of the bar; empty has none
}

// reportSections are the page's tables of figures, in their order: by the beginnings of the KPIs in them.
var reportSections = []struct {
	title, about string
	begins       []string
}{
	{"Conversion", "Of the buyers who looked: by when they came. Coverage says how many of the views and orders could be linked.", []string{"conversion", "coverage."}},
	{"Funnel", "Each step as a share of the one before, in order, per buyer.", []string{"funnel.", "abandonment", "checkout_time."}},
	{"One-click", "How one-click checkout was taken up.", []string{"adoption.", "revenue.share_shift", "revenue.cannibalisation"}},
	{"Speed", "What buyers saw (L1), what the engine took (L2), and the stages between.", []string{"latency."}},
	{"Throughput", "", []string{"throughput."}},
	{"Failures", "Sold out and limits are right answers, and no failures.", []string{"errors.", "refusals."}},
	{"Revenue", "", []string{"revenue."}},
	{"Selling out", "", []string{"sold_out."}},
	{"Afterwards", "Regret, support, satisfaction and return.", []string{"regret.", "support.", "satisfaction.", "retention."}},
}

func (r *report) section(title, about string, begins ...string) reportSection {
	s := reportSection{Title: title, About: about}
	figures := r.Figures.Rows[0].Figures
	for _, d := range r.Definitions {
		f := figureOf(figures, d.ID)
		if f == nil || !slices.ContainsFunc(begins, func(b string) bool { return strings.HasPrefix(d.ID, b) }) {
			continue
		}
		if title == "Revenue" && (d.ID == "revenue.share_shift" || d.ID == "revenue.cannibalisation") {
			continue // they are with one-click
		}
		line := reportLine{ID: d.ID, Name: d.Name, Figure: f}
		if f.Value != nil && f.Unit == measure.UnitRatio {
			line.Percent = strconv.FormatFloat(100*min(max(*f.Value, 0), 1), 'f', 1, 64) //nolint:mnd // of a hundred
		}
		s.Lines = append(s.Lines, line)
	}
	return s
}

// reportTable is the figures of several series beside one another: those in which any of them has a value.
type reportTable struct {
	Title  string
	By     string
	Series []string
	Lines  []reportTableLine
}

type reportTableLine struct {
	Name  string
	Cells []string
}

// breakdownColumnsMax is how many series a table of the page has; there are more in the JSON.
const breakdownColumnsMax = 12

func breakdown(a *measure.Answer) reportTable {
	t := reportTable{Title: a.Title, By: string(a.Query.By)}
	rows := a.Rows[:min(len(a.Rows), breakdownColumnsMax)]
	for i := range rows {
		t.Series = append(t.Series, rows[i].Series)
	}
	for _, d := range measure.Definitions() {
		line, any := reportTableLine{Name: d.Name}, false
		for i := range rows {
			text := ""
			if f := figureOf(rows[i].Figures, d.ID); f != nil {
				if text = figureText(f); f.SoFar {
					text += " so far"
				}
				any = any || f.Value != nil && *f.Value != 0
			}
			line.Cells = append(line.Cells, text)
		}
		if any {
			t.Lines = append(t.Lines, line)
		}
	}
	return t
}
