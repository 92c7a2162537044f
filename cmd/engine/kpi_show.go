package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

// kpiColumnsMax is how many series are printed beside one another; more are printed one below the other.
const kpiColumnsMax = 3

// Tables fit into a terminal: names that are longer than their column take two lines, and what does not fit behind a figure follows below it.
const (
	kpiColumns     = 80
	kpiNameColumns = 30
	kpiMore        = "\x01" // in front of what may follow below
)

// printKPITable prints figures for people: group by group, each with its unit, what it was made of and how sure it is.
func printKPITable(w io.Writer, a *measure.Answer) error {
	var b strings.Builder
	b.WriteString(kpiHead(a))
	switch {
	case len(a.Rows) == 0:
		b.WriteString("\nnothing has happened yet\n")
	case a.Query.By == measure.ByNothing || len(a.Rows) > kpiColumnsMax:
		for i := range a.Rows {
			if a.Query.By != measure.ByNothing {
				fmt.Fprintf(&b, "\n%s: %s\n", a.Query.By, a.Rows[i].Series)
			}
			printKPIRow(&b, &a.Rows[i])
		}
	default:
		printKPIColumns(&b, a.Rows)
		b.WriteString("\n* so far: the newest buyers have not had their time\n-o csv and -o json say what each figure is made of, and its interval\n")
	}
	if a.Folded {
		b.WriteString("\nthere was no room for more series: the rest is in " + measure.SeriesOther + "\n")
	}
	for line := range strings.Lines(b.String()) { // a table fills its last column up with blanks
		line = strings.TrimRight(line, " \n")
		if figure, more, ok := strings.Cut(line, kpiMore); ok && utf8.RuneCountInString(line) > kpiColumns {
			line = strings.TrimRight(figure, " ") + "\n" + strings.Repeat(" ", kpiNameColumns) + strings.Join(strings.Fields(more), " ")
		}
		if _, err := io.WriteString(w, strings.TrimRight(strings.ReplaceAll(line, kpiMore, ""), " ")+"\n"); err != nil {
			return fmt.Errorf("print the figures: %w", err)
		}
	}
	return nil
}

// kpiHead says what the figures are about.
func kpiHead(a *measure.Answer) string {
	what := "all events"
	if a.Event != nil {
		what = a.Event.ID
		if a.Event.Name != "" && a.Event.Name != a.Event.ID {
			what += " (" + a.Event.Name + ")"
		}
		what += ", " + strings.ReplaceAll(a.Event.State, "_", " ")
	} else if a.Query.Event != "" {
		what = a.Query.Event
	}
	head := fmt.Sprintf("%s\n%s, as of %s, %.1f s behind\n", what, windowWords(a.Query.Window), time.UnixMilli(a.AtMs).UTC().Format(time.RFC3339), float64(a.LagMs)/1e3)
	if a.Title != "" {
		head += a.Title + "\n"
	}
	return head
}

// windowWords says of which time figures are.
func windowWords(w measure.Window) string {
	if w == "" || w == measure.WindowSale {
		return "since the sale began"
	}
	return "the last " + string(w)
}

// eachGroup calls use with every figure, group by group in the order of the definitions. Coverage follows conversion.
func eachGroup(figures []measure.Figure, group func(name string), use func(d measure.Definition, f *measure.Figure)) {
	at := make(map[string]*measure.Figure, len(figures))
	for i := range figures {
		at[figures[i].KPI] = &figures[i]
	}
	var groups []string
	by := map[string][]measure.Definition{}
	for _, d := range measure.Definitions() {
		if at[d.ID] == nil {
			continue
		}
		name := d.Group
		if strings.HasPrefix(d.ID, "coverage.") && by["conversion"] != nil {
			name = "conversion"
		}
		if by[name] == nil {
			groups = append(groups, name)
		}
		by[name] = append(by[name], d)
	}
	for _, name := range groups {
		group(name)
		for _, d := range by[name] {
			use(d, at[d.ID])
			delete(at, d.ID)
		}
	}
	unknown := false
	for i := range figures { // of a newer engine
		if f := &figures[i]; at[f.KPI] != nil {
			if !unknown {
				group("others")
				unknown = true
			}
			use(measure.Definition{ID: f.KPI, Name: f.KPI, Unit: f.Unit}, f)
		}
	}
}

func printKPIRow(b *strings.Builder, row *measure.Row) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	eachGroup(row.Figures, func(name string) { fmt.Fprintf(t, "\n%s\t\t\t\n", name) }, func(d measure.Definition, f *measure.Figure) {
		more := ""
		if interval, said := intervalText(f), remarks(f); interval+said != "" {
			more = kpiMore + strings.TrimSpace(interval+" "+said)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", nameColumn(d.Name, "\t\t\t\n"), figureText(f), madeOf(f), more)
	})
	_ = t.Flush() // a strings.Builder takes everything
}

// nameColumn is a figure's name in its column: what does not fit is on a line before, which ends with end.
func nameColumn(name, end string) string {
	text, line := "", " "
	for word := range strings.FieldsSeq(name) {
		if utf8.RuneCountInString(line)+utf8.RuneCountInString(word) > kpiNameColumns {
			text, line = text+line+end, "   "
		}
		line += " " + word
	}
	return text + line
}

func printKPIColumns(b *strings.Builder, rows []measure.Row) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "\n\t")
	var all []measure.Figure
	in := make([]map[string]*measure.Figure, len(rows))
	seen := map[string]bool{}
	for i := range rows {
		fmt.Fprintf(t, "%s\t", rows[i].Series)
		in[i] = map[string]*measure.Figure{}
		for j := range rows[i].Figures {
			f := &rows[i].Figures[j]
			if in[i][f.KPI] = f; !seen[f.KPI] {
				seen[f.KPI] = true
				all = append(all, *f)
			}
		}
	}
	fmt.Fprintln(t)
	eachGroup(all, func(name string) { fmt.Fprintf(t, "%s%s\n", name, strings.Repeat("\t", len(rows)+1)) }, func(d measure.Definition, f *measure.Figure) {
		fmt.Fprintf(t, "%s\t", nameColumn(d.Name, strings.Repeat("\t", len(rows)+1)+"\n"))
		for i := range rows {
			one := in[i][f.KPI]
			if one == nil {
				fmt.Fprint(t, "\t")
				continue
			}
			text := figureText(one)
			if one.SoFar {
				text += "*"
			}
			fmt.Fprintf(t, "%s\t", text)
		}
		fmt.Fprintln(t)
	})
	_ = t.Flush() // a strings.Builder takes everything
}

// figureText writes a figure's value in its unit, or why there is none.
func figureText(f *measure.Figure) string {
	if f.Value == nil {
		return string(f.Why)
	}
	return valueText(*f.Value, f.Unit, f.Currency)
}

// valueText writes a value in its unit.
func valueText(v float64, unit measure.Unit, currency string) string {
	switch unit {
	case measure.UnitCount:
		return thousands(int64(math.Round(v)))
	case measure.UnitRatio:
		return strconv.FormatFloat(v*100, 'f', 1, 64) + " %" //nolint:mnd // of a hundred
	case measure.UnitMs:
		return durationText(v)
	case measure.UnitMinor:
		return money(int64(math.Round(v)), currency)
	case measure.UnitPerSec:
		return decimals(v) + " /s"
	case measure.UnitPer100:
		return decimals(v) + " per 100"
	case measure.UnitPer1000:
		return decimals(v) + " per 1,000"
	case measure.UnitScore:
		return decimals(v)
	case measure.UnitInstant:
		return time.UnixMilli(int64(v)).UTC().Format(time.RFC3339)
	case measure.UnitPerBuyer:
		return strconv.FormatFloat(v, 'f', 2, 64) + " per buyer"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// decimals writes a number with as many decimals as say something.
func decimals(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return thousands(int64(v))
	}
	if math.Abs(v) < 0.1 { //nolint:mnd // where a tenth would say that there is none
		digits := 1 - int(math.Floor(math.Log10(math.Abs(v))))
		return strconv.FormatFloat(v, 'f', min(digits, 6), 64) //nolint:mnd // a millionth
	}
	whole, tenth, _ := strings.Cut(strconv.FormatFloat(v, 'f', 1, 64), ".")
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil && math.Abs(v) >= 1000 {
		whole = thousands(n)
	}
	return whole + "." + tenth
}

// durationText writes milliseconds as people say them. Nothing takes no time at all.
func durationText(ms float64) string {
	switch d := time.Duration(ms * float64(time.Millisecond)); {
	case ms >= 0 && ms < 0.05: //nolint:mnd // half of what is shown
		return "< 0.1 ms"
	case ms < 10: //nolint:mnd // where a tenth still says something
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 1000: //nolint:mnd // a second
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
	default:
		return d.Round(time.Second).String()
	}
}

// madeOf says what a ratio was made of, or of how many a mean is.
func madeOf(f *measure.Figure) string {
	switch {
	case f.Numerator != nil && f.Denominator != nil:
		return thousands(*f.Numerator) + " of " + thousands(*f.Denominator)
	case f.Denominator != nil && f.Value != nil:
		return "of " + thousands(*f.Denominator)
	}
	return ""
}

// intervalText is the 95 % interval.
func intervalText(f *measure.Figure) string {
	if f.Low == nil || f.High == nil {
		return ""
	}
	low, high := valueText(*f.Low, f.Unit, f.Currency), valueText(*f.High, f.Unit, f.Currency)
	if _, unit, ok := strings.Cut(high, " "); ok {
		low = strings.TrimSuffix(low, " "+unit)
	}
	return "[" + low + " to " + high + "]"
}

// remarks say how sure a figure is.
func remarks(f *measure.Figure) string {
	var said []string
	if f.SoFar {
		text := "so far"
		if f.Mature != nil {
			text += ", " + strconv.FormatFloat(*f.Mature*100, 'f', 0, 64) + " % mature"
		}
		said = append(said, text)
	}
	if f.RelativeErrorMax > 0 {
		said = append(said, "±"+strconv.FormatFloat(f.RelativeErrorMax*100, 'g', 3, 64)+" %")
	}
	return strings.Join(said, ", ")
}

// printKPICSV prints a line for each figure, with all its digits.
func printKPICSV(w io.Writer, a *measure.Answer) error {
	c := csv.NewWriter(w)
	known := definitionsByID()
	_ = c.Write([]string{ // errors show at the end
		"event", "window", "by", "series", "kpi", "name", "value", "unit", "currency", "why", "numerator", "denominator", "low", "high", "relative_error_max",
		"mature", "so_far", "at_ms", "through_ms", "batch", "title",
	})
	whole := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'f', -1, 64)
	}
	for i := range a.Rows {
		for j := range a.Rows[i].Figures {
			f := &a.Rows[i].Figures[j]
			_ = c.Write([]string{
				plainCell(a.Query.Event), string(a.Query.Window), string(a.Query.By), plainCell(a.Rows[i].Series), f.KPI, known[f.KPI].Name, number(f.Value), string(f.Unit), f.Currency,
				string(f.Why), whole(f.Numerator), whole(f.Denominator), number(f.Low), number(f.High), number(&f.RelativeErrorMax), number(f.Mature),
				strconv.FormatBool(f.SoFar), strconv.FormatInt(a.AtMs, 10), strconv.FormatInt(a.ThroughMs, 10), strconv.FormatUint(a.Batch, 10), a.Title,
			})
		}
	}
	c.Flush()
	return c.Error()
}

// plainCell keeps a spreadsheet from taking a text for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
