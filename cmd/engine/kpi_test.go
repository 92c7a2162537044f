package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

func figure(kpi string, unit measure.Unit, value float64) measure.Figure {
	return measure.Figure{KPI: kpi, Unit: unit, Value: &value}
}

func TestFiguresReadWell(t *testing.T) {
	num, den, low, high, mature := int64(250), int64(1000), 0.224, 0.278, 0.8
	a := &measure.Answer{Query: measure.Query{Event: "e1", Window: measure.Window15m}, AtMs: 1_777_629_600_000, LagMs: 120}
	rate := figure("errors.never_succeeded", measure.UnitRatio, 0.25)
	rate.Numerator, rate.Denominator, rate.Low, rate.High, rate.Mature, rate.SoFar = &num, &den, &low, &high, &mature, true
	net := figure("revenue.net", measure.UnitMinor, 2_383_500)
	net.Currency = "EUR"
	sketched := figure("of.tomorrow", measure.UnitMs, 1234)
	sketched.RelativeErrorMax = 0.01
	a.Rows = []measure.Row{{Figures: []measure.Figure{rate, net, sketched, {KPI: "satisfaction.csat", Unit: measure.UnitRatio, Why: measure.WhyTooFew}}}}
	var b bytes.Buffer
	if err := printKPITable(&b, a); err != nil {
		t.Fatal(err)
	}
	wants(t, b.String(), "e1\nthe last 15m, as of 2026-05-01T10:00:00Z, 0.1 s behind\n", "\nerrors\n", "25.0 %", "250 of 1,000", "[22.4 to 27.8 %]", "so far, 80 % mature",
		"23,835.00 EUR", "too few", "\nothers\n", "of.tomorrow", "1.2 s", "±1 %")

	a.Query.By, a.Title = measure.ByFlow, "descriptive: buyers choose their flow"
	a.Rows[0].Series = "one_click"
	a.Rows = append(a.Rows, measure.Row{Series: "standard", Figures: []measure.Figure{net}})
	b.Reset()
	if err := printKPITable(&b, a); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if lines[2] != a.Title || strings.Join(strings.Fields(lines[4]), " ") != "one_click standard" {
		t.Errorf("it begins\n%s", strings.Join(lines[:5], "\n"))
	}
	if at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "  Net revenue") }); at < 0 || strings.Count(lines[at], "23,835.00 EUR") != 2 {
		t.Errorf("net revenue is not in both columns:\n%s", b.String())
	}
	a.Rows[1].Series = "=HYPERLINK(1)"
	b.Reset()
	if err := printKPICSV(&b, a); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(records) != 6 || records[5][3] != "'=HYPERLINK(1)" || records[1][6] != "0.25" || records[2][6] != "2383500" ||
		records[0][20] != "title" || records[5][20] != a.Title { // a table that is passed on says what it is, too

		t.Errorf("%q %v", records, err)
	}
}

func TestFiguresOfARunningEngine(t *testing.T) {
	s := serveOn(t, newData(t))
	at := strings.TrimPrefix(s.HTTP, "http://")
	c := connectTo(t, s)
	if _, err := c.Create(within(t), "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	sell(t, c, "e1", "b1")
	sell(t, c, "e1", "b2")
	var a measure.Answer
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // the figures follow the log
		if time.Now().After(deadline) {
			t.Fatal("the two orders are in no figure")
		}
		out, err := engineRun(t, "kpi", "--http", at, "--event", "e1", "-o", "json")
		if err != nil {
			continue // the event is not known yet
		}
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(a.Rows[0].Figures, func(f measure.Figure) bool { return f.KPI == "orders" }); *a.Rows[0].Figures[i].Value == 2 {
			break
		}
	}
	wants(t, must(t, "kpi", "--http", at, "--event", "e1", "--kpis", "orders,tickets"), "e1", "since the sale began", "Orders", "2")
	wants(t, must(t, "kpi", "--http", at, "--by", "flow"), "descriptive: buyers choose their flow", "standard")
	wants(t, must(t, "kpi", "--http", at, "--kpis", "orders", "-o", "csv"), "orders,Orders,2,count")
	for want, args := range map[string][]string{
		"refused, invalid (window)":      {"--window", "5m"},
		"refused, invalid (by)":          {"--by", "luck"},
		"refused, invalid (kpis)":        {"--kpis", "happiness"},
		"refused, event_unknown (event)": {"--event", "nobody"},
		"choose table, csv or json":      {"-o", "xml"},
	} {
		_, err := engineRun(t, append([]string{"kpi", "--http", at}, args...)...)
		refuses(t, err, want)
	}
}

func TestDefinitionsArePrinted(t *testing.T) {
	wants(t, must(t, "kpi", "definitions"), "revenue\n", "revenue.net")
	wants(t, must(t, "kpi", "definitions", "revenue.net"), "revenue.net: ", "formula", "population")
	var all []measure.Definition
	if err := json.Unmarshal([]byte(must(t, "kpi", "definitions", "--json", "revenue.")), &all); err != nil || len(all) < 3 {
		t.Errorf("%d definitions, %v", len(all), err)
	}
	_, err := engineRun(t, "kpi", "definitions", "happiness")
	refuses(t, err, "there is no KPI happiness")
}

// TestKPITablesFitATerminal holds what people see to 80 columns, with the longest of everything; what does not fit behind a figure is below it.
func TestKPITablesFitATerminal(t *testing.T) {
	n, d, mature, low, high := int64(16_406), int64(72_693), 0.5, 11.25, 999.5
	row := func(series string) measure.Row {
		r := measure.Row{Series: series}
		for _, def := range measure.Definitions() {
			f := figure(def.ID, def.Unit, 1234.56)
			f.Currency, f.Numerator, f.Denominator, f.Low, f.High, f.Mature, f.SoFar = "EUR", &n, &d, &low, &high, &mature, true
			if def.Unit == measure.UnitInstant {
				f = measure.Figure{KPI: def.ID, Unit: def.Unit, Why: measure.WhyNotAvailable}
			}
			r.Figures = append(r.Figures, f)
		}
		return r
	}
	for _, a := range []measure.Answer{
		{Query: measure.Query{Event: "night-one"}, Rows: []measure.Row{row("all")}},
		{Query: measure.Query{Event: "night-one", By: measure.ByFlow}, Rows: []measure.Row{row("one_click"), row("standard")}},
	} {
		var out strings.Builder
		if err := printKPITable(&out, &a); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > kpiColumns {
				t.Errorf("too wide: %s", line)
			}
		}
		wants(t, out.String(), "so far", "1,234.6 /s", "Conversion", "123456.0 %")
		if strings.Contains(out.String(), kpiMore) {
			t.Error("the mark of what may follow below is printed")
		}
	}
}
