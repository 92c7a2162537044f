package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

// figureOf is a figure of a baseline.
func (b *baseline) figureOf(t *testing.T, by measure.Dimension, series, kpi string) measure.Figure {
	t.Helper()
	for _, row := range b.answer(by).Rows {
		for _, f := range row.Figures {
			if row.Series == series && f.KPI == kpi {
				return f
			}
		}
	}
	t.Fatalf("no %s of %q by %q", kpi, series, by)
	return measure.Figure{}
}

func (b *baseline) wantOf(t *testing.T, by measure.Dimension, series, kpi string, numerator, denominator int64) {
	t.Helper()
	f := b.figureOf(t, by, series, kpi)
	if f.Value == nil || f.Numerator == nil || *f.Numerator != numerator || denominator != 0 && (f.Denominator == nil || *f.Denominator != denominator) {
		t.Errorf("%s of %q is %+v %s, want %d of %d", kpi, series, f, figureText(&f), numerator, denominator)
	}
}

// imported runs an import and reads what it wrote.
func importedBaseline(t *testing.T, mapping string, args ...string) (*baseline, string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "baseline.json")
	said, err := engineRun(t, append([]string{"baseline", "import", "--map", mapping, "--out", out}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openBaseline(out)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := readBaseline(out); err != nil || len(a.Rows) != len(b.Figures.Rows) { // as engine report reads it
		t.Fatalf("%+v %v", a, err)
	}
	return b, said
}

func written(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const fixtureMap = `
event: spring
name: Spring
genre: concert
currency: EUR
time_zone: Europe/Amsterdam
files:
  - file: views.*
    rows: viewed
    columns: {at: t, buyer: who, device: device, id: id}
  - file: orders.*
    rows: order
    columns: {at: t, buyer: who, order: no, quantity: n, face: price, fees: fee, device: device, flow: "=standard"}
  - file: refunds.*
    rows: refunded
    columns: {at: t, order: no, amount: amount}
`

const (
	fixtureViews = `id,t,who,device
v1,2025-03-30 01:59:00,ann,Desktop
v2,2025-03-30T03:01:00+02:00,ben,mobile
v2,2025-03-30T03:01:00+02:00,ben,mobile
v3,2025-03-30 03:02:00,cid,mobile
v4,never,dee,mobile
v5,2025-03-30 03:03:00,4111 1111 1111 1111,mobile
v6,2025-03-30 03:03:00
`
	fixtureOrders = `t,who,no,n,price,fee,device
2025-03-30 03:10:00,ann,A-1,2,90.00,5,desktop
2025-03-30 03:11:00,cid,A-2,1,45.50,2.5,mobile
2025-03-30 03:11:00,cid,A-2,1,45.50,2.5,mobile
2025-03-30 03:12:00,,A-3,1,45.505,2.5,mobile
`
	fixtureRefunds = `t,no,amount
2025-03-31 03:10:00,A-1,45
`
)

// TestBaselineByHand: three buyers look in the night in which the clocks go forward, two buy, one of them gives a ticket back; the other rows are bad or doubled.
func TestBaselineByHand(t *testing.T) {
	t.Parallel()
	mapping := written(t, "map.yaml", fixtureMap)
	views, orders, refunds := written(t, "views.csv", fixtureViews), written(t, "orders.csv", fixtureOrders), written(t, "refunds.csv", fixtureRefunds)
	b, said := importedBaseline(t, mapping, "--on-bad", "skip", refunds, views, orders)
	wants(t, said, "views.csv: 7 rows, 3 taken, 3 bad, 1 duplicates", "  line 6: at (t): it is no time", "  line 7: there is a card number in it", "  line 8: it has 2 cells, and the line of names 4",
		"  duplicates in lines 4\n", "orders.csv: 4 rows, 2 taken, 1 bad, 1 duplicates", "  line 5: face (price): EUR has 2 decimals", "2 orders, 3 tickets, 2 buyers")
	if strings.Contains(said, "4111") {
		t.Error("a card number is shown")
	}
	b.wantOf(t, measure.ByNothing, "", "conversion", 2, 3)
	b.wantOf(t, measure.ByDevice, "mobile", "conversion", 1, 2)
	b.wantOf(t, measure.ByNothing, "", "regret.refund_72h", 1, 2)
	b.wantOf(t, measure.ByFlow, "standard", "revenue.frequency", 2, 2)
	for kpi, want := range map[string]string{
		"orders": "2", "tickets": "3", "revenue.face": "135.50 EUR", "revenue.fees": "7.50 EUR", "revenue.refunds": "45.00 EUR", "revenue.net": "98.00 EUR",
		"errors.never_succeeded": "not available", "support.all": "not available", "regret.undo": "not available", "satisfaction.csat": "not available", "prompts": "not available",
		"conversion_obtainable": "not available", "checkout_time.p50": "not available", "latency.l2.p95": "not available",
	} {
		if f := b.figureOf(t, measure.ByNothing, "", kpi); figureText(&f) != want {
			t.Errorf("%s is %s, want %s", kpi, figureText(&f), want)
		}
	}
	if at := b.Sales.From.Format(time.RFC3339); at != "2025-03-30T01:59:00+01:00" || b.Sales.Minute.Begin != "2025-03-30 03:10" {
		t.Errorf("it begins at %s, and its busiest minute is %+v", at, b.Sales.Minute)
	}
	_, err := engineRun(t, "baseline", "import", "--map", mapping, "--out", filepath.Join(t.TempDir(), "x"), views)
	if err == nil || !strings.Contains(err.Error(), "line 6: at (t): it is no time") {
		t.Errorf("--on-bad stop: %v", err)
	}
}

// TestBaselineReadsEveryFormat: the same records as JSON lines and as Parquet, with times and money of Parquet's own, give the same figures.
func TestBaselineReadsEveryFormat(t *testing.T) {
	t.Parallel()
	mapping := written(t, "map.yaml", fixtureMap)
	const csvRows = "t,who,no,n,price,fee,device\n2025-03-30T01:10:00Z,ann,A-1,2,90.00,5,desktop\n2025-03-30T01:11:00Z,cid,A-2,1,45.50,2.5,mobile\n"
	const jsonRows = `{"t":"2025-03-30T01:10:00Z","who":"ann","no":"A-1","n":2,"price":90.00,"fee":5,"device":"desktop"}
{"t":"2025-03-30T01:11:00Z","who":"cid","no":"A-2","n":1,"price":"45.50","fee":2.5,"device":"mobile","note":null}
`
	type order struct {
		T      time.Time `parquet:"t,timestamp(millisecond)"`
		Who    string    `parquet:"who"`
		No     string    `parquet:"no"`
		N      int32     `parquet:"n"`
		Price  int64     `parquet:"price,decimal(2:18)"`
		Fee    float64   `parquet:"fee"`
		Device *string   `parquet:"device,optional"`
	}
	desktop, mobile := "desktop", "mobile"
	at := time.Date(2025, 3, 30, 1, 10, 0, 0, time.UTC)
	file := filepath.Join(t.TempDir(), "orders.parquet")
	if err := parquet.WriteFile(file, []order{{at, "ann", "A-1", 2, 9000, 5, &desktop}, {at.Add(time.Minute), "cid", "A-2", 1, 4550, 2.5, &mobile}}); err != nil {
		t.Fatal(err)
	}
	var first string
	for _, name := range []string{written(t, "orders.csv", csvRows), written(t, "orders.jsonl", jsonRows), file} {
		b, _ := importedBaseline(t, mapping, name)
		var text strings.Builder
		for _, by := range baselineDimensions() {
			if err := b.print(&text, by, "csv"); err != nil {
				t.Fatal(err)
			}
		}
		if first == "" {
			first = text.String()
		}
		if text.String() != first {
			t.Errorf("%s gives other figures than the first file", name)
		}
		b.wantOf(t, measure.ByDevice, "desktop", "revenue.frequency", 1, 1)
	}
	if err := os.WriteFile(file, []byte("PAR1 and then nothing PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := engineRun(t, "baseline", "import", "--map", mapping, "--out", filepath.Join(t.TempDir(), "x"), file); err == nil || !strings.Contains(err.Error(), "it is damaged, or no Parquet") {
		t.Errorf("damaged Parquet: %v", err)
	}
}

// TestMappingsSayWhatIsWrong: each is refused with the field and what to do.
// TestBaselinePageRuns runs what docs/baseline.md shows, in the folder that it names, but for the last command, which wants an engine.
func TestBaselinePageRuns(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("../../docs/baseline.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.FromSlash("../../docs/examples/baseline"))); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	ran, printed := 0, ""
	for line := range strings.Lines(fenced.FindStringSubmatch(string(text))[1]) {
		line, into, _ := strings.Cut(strings.TrimSpace(line), " > ")
		if !strings.HasPrefix(line, "engine baseline ") {
			continue
		}
		out := must(t, strings.Fields(line)[1:]...)
		ran++
		if printed += out; into != "" {
			if err := os.WriteFile(into, []byte(out), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d commands of the page were run", ran)
	}
	wants(t, printed, "22 orders, 44 tickets, 22 buyers", "Net revenue                    1,947.50 EUR", "18.3 %", "22 of 120", "spring-2025,sale,device,mobile,orders,Orders,")
	_, err = engineRun(t, "baseline", "report", "autumn.json")
	refuses(t, err, "autumn.json", "`engine baseline import`")
}

// TestSmallFiguresAreNotNothing: what is not 0 is not shown as 0.
func TestSmallFiguresAreNotNothing(t *testing.T) {
	for want, got := range map[string]string{
		"0.00034 /s": valueText(0.000341, measure.UnitPerSec, ""), "0.050 /s": valueText(0.05, measure.UnitPerSec, ""), "7.8 /s": valueText(7.83, measure.UnitPerSec, ""), "0 /s": valueText(0, measure.UnitPerSec, ""),
		"< 0.1 ms": valueText(0, measure.UnitMs, ""), "0.1 ms": valueText(0.06, measure.UnitMs, ""),
	} {
		if got != want {
			t.Errorf("%q is shown, want %q", got, want)
		}
	}
}

func TestMappingsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, err := parseBaselineMap([]byte(baselineTemplate)); err != nil {
		t.Errorf("the template: %v", err)
	}
	for change, want := range map[[2]string]string{
		{"event: spring-2025", "event: spring 2025"}:       "event: give it an id",
		{"currency: EUR", "currency: EURO"}:                "currency: \"EURO\" is no currency",
		{"time_zone: Europe/Amsterdam", "time_zone: CETT"}: "time_zone: \"CETT\" is none",
		{"money: whole", "money: cents"}:                   "money: \"cents\"",
		{"rows: viewed", "rows: seen"}:                     "files, the one called \"views*.csv\": rows: there is no \"seen\"",
		{"device: device", "devise: device"}:               "did you mean device?",
		{"order: order_no, quantity", "quantity"}:          "rows of order need order",
		{"money: whole", "monney: whole"}:                  "it is no mapping",
	} {
		_, err := parseBaselineMap([]byte(strings.Replace(baselineTemplate, change[0], change[1], 1)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", change[1], err, want)
		}
	}
	mapping := written(t, "map.yaml", fixtureMap)
	for name, want := range map[string]string{
		written(t, "views.csv", "id,t,whom,device\n"):                "there is nothing to measure",
		written(t, "views.csv", "id,t,whom,device\nv1,2025,ann,x\n"): "there is no column \"who\"; did you mean \"whom\"?",
		written(t, "other.csv", "id\n"):                              "the mapping says nothing of a file called other.csv",
		written(t, "views.txt", "id\n"):                              "its name must end in .csv",
	} {
		if _, err := engineRun(t, "baseline", "import", "--map", mapping, "--out", filepath.Join(t.TempDir(), "x"), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// TestRowsThatNeverEndAreRefused: a quotation mark that is not closed, in a file that is small only as long as it is compressed.
func TestRowsThatNeverEndAreRefused(t *testing.T) {
	t.Parallel()
	endless := strings.Repeat("x,\n", 1<<20)
	for name, text := range map[string]string{
		"rows.csv.gz": "name,other\na,b\n\"" + endless, "names.csv.gz": "\"" + endless, "rows.jsonl.gz": "{\"a\":1}\n\"" + strings.ReplaceAll(endless, "\n", ""),
	} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := io.WriteString(z, text); err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		file, rows := written(t, name, packed.String()), 0
		err := readRecords(file, func(*record) error {
			rows++
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "longer than 65536 bytes") || rows > 1 {
			t.Errorf("%s: %d rows, %v", name, rows, err)
		}
	}
	long := "name,other\n" + strings.Repeat(strings.Repeat("y", 60<<10)+",z\n", 20) // long ones that are allowed
	rows := 0
	if err := readRecords(written(t, "long.csv", long), func(r *record) error {
		if rows++; r.err != nil || r.cells["other"] != "z" {
			t.Errorf("line %d: %v", r.line, r.err)
		}
		return nil
	}); err != nil || rows != 20 {
		t.Errorf("%d long rows, %v", rows, err)
	}
}

// TestParquetThatUnpacksToTooMuchIsRefused: a file of a few kilobytes may hold gigabytes, in few large values, or in very many of one.
func TestParquetThatUnpacksToTooMuchIsRefused(t *testing.T) {
	t.Parallel()
	type row struct {
		Text string `parquet:"text,zstd"`
	}
	file := filepath.Join(t.TempDir(), "rows.parquet")
	if err := parquet.WriteFile(file, []row{{"short"}, {strings.Repeat("y", rowBytesMax+1)}}); err != nil {
		t.Fatal(err)
	}
	rows := 0
	err := readRecords(file, func(*record) error {
		rows++
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "row 2: a line is longer than 65536 bytes") || rows != 1 {
		t.Errorf("a long value: %d rows, %v", rows, err)
	}

	page := func(size, values int32) *format.ColumnMetaData {
		h := format.PageHeader{Type: format.DataPage, UncompressedPageSize: size, CompressedPageSize: 3}
		h.DataPageHeader = thrift.New(format.DataPageHeader{NumValues: values})
		body, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
		if err != nil {
			t.Fatal(err)
		}
		one := append(body, "abc"...)
		if err := os.WriteFile(file, slices.Concat(one, one), 0o600); err != nil {
			t.Fatal(err)
		}
		return &format.ColumnMetaData{NumValues: 2 * int64(values), TotalCompressedSize: int64(2 * len(one))}
	}
	for _, c := range [][2]int32{{1 << 20, 1000}, {math.MaxInt32, 1}, {16, math.MaxInt32}} {
		meta := page(c[0], c[1])
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := largestPages(f, meta); err != nil || n != int64(c[0])+int64(c[1])*parquetValueBytes {
			t.Errorf("%v: %d bytes, %v", c, n, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzAmountsAndTimes: whatever is in a cell is an amount or a time, or refused.
func FuzzAmountsAndTimes(f *testing.F) {
	for _, cell := range []string{"", "45", "45.00", ".5", "-1", "1e3", "99999999999999999999", "2025-03-30 02:30:00", "2025-03-30T02:30:00Z", "0000-00-00 00:00:00"} {
		f.Add(cell)
	}
	m, err := parseBaselineMap([]byte(baselineTemplate))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		if n, err := m.minor(cell); err == nil && (n < 0 || n > baselineMinorMax) {
			t.Errorf("%q is %d", cell, n)
		}
		if at, err := m.moment(cell); err == nil && time.Unix(0, at).Year() < 1970 {
			t.Errorf("%q is %d", cell, at)
		}
	})
}

// publicData is where public data lies that is not ours to give on. It is read before TestMain takes all settings away: to the program itself HOLDFAST_DATA means
// something else.
var publicData = os.Getenv("HOLDFAST_DATA")

func dataFolder(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(publicData, "onsale")); publicData == "" || err != nil {
		t.Skip("HOLDFAST_DATA does not name a folder with onsale/ and funnel/: public records of an on-sale and of a funnel, which are not part of this project")
	}
	return publicData
}

// TestBaselineOfAnOnSale: the tickets of a concert in 2010, without views or carts. The counts were made beforehand, by other means.
func TestBaselineOfAnOnSale(t *testing.T) {
	t.Parallel()
	mapping := written(t, "map.yaml", `
event: concert-2010
name: Concert 2010
genre: concert
currency: TWD
money: whole
time_zone: Asia/Taipei
files:
  - {file: "*.csv", rows: ticket, columns: {at: ts, order: order_no, buyer: buyer_no, face: price_twd, channel: buyer_type}}
`)
	b, _ := importedBaseline(t, mapping, filepath.Join(dataFolder(t), "onsale", "concert_onsale_2010_tickets.csv"))
	for kpi, want := range map[string]string{"orders": "3,335", "tickets": "7,069", "views": "not available", "conversion": "not available", "funnel.ordered": "not available", "support.all": "not available"} {
		if f := b.figureOf(t, measure.ByNothing, "", kpi); figureText(&f) != want {
			t.Errorf("%s is %s, want %s", kpi, figureText(&f), want)
		}
	}
	b.wantOf(t, measure.ByNothing, "", "revenue.frequency", 3335, 2724)
	b.wantOf(t, measure.ByNothing, "", "throughput.tickets_peak_1m", 42, 0)
	if s := &b.Sales; s.Days[0] != (baselineDay{"2010-09-18", s.Days[0].Orders, 6235}) || s.From.Format(time.TimeOnly) != "13:18:55" || s.Minute.Tickets != 42 {
		t.Errorf("it begins at %v, busiest day %+v, busiest minute %+v", s.From, s.Days[0], s.Minute)
	}
	if over, most := b.Sales.over(baselineLimit); over != 239 || most != 13 {
		t.Errorf("%d buyers have more than %d tickets, and one has %d, want 239 and 13", over, baselineLimit, most)
	}
}

// TestBaselineOfAFunnel: four stages, a table each, and a table of users with day and device.
func TestBaselineOfAFunnel(t *testing.T) {
	t.Parallel()
	folder := dataFolder(t)
	mapping := written(t, "map.yaml", `
event: four-stages
currency: USD
time: "2006-01-02"
files:
  - {file: "*user_table*", rows: buyer, columns: {buyer: user_id, at: date, device: device}}
  - {file: "*home_page*", rows: viewed, columns: {buyer: user_id}, unique: [user_id]}
  - {file: "*search_page*", rows: selected, columns: {buyer: user_id}, unique: [user_id]}
  - {file: "*payment_page*", rows: stepped, columns: {buyer: user_id, step: "=payment"}, unique: [user_id]}
  - {file: "*confirmation*", rows: order, columns: {buyer: user_id, order: user_id}}
`)
	files, err := filepath.Glob(filepath.Join(folder, "funnel", "ecom4_*.csv.gz"))
	if err != nil || len(files) != 5 {
		t.Fatalf("%d files of the funnel: %v", len(files), err)
	}
	b, _ := importedBaseline(t, mapping, files...)
	for series, stages := range map[string][4]int64{"desktop": {60200, 30100, 3010, 150}, "mobile": {30200, 15100, 3020, 302}} {
		if f := b.figureOf(t, measure.ByDevice, series, "funnel.viewed"); figureText(&f) != thousands(stages[0]) {
			t.Errorf("%s: viewed is %s, want %d", series, figureText(&f), stages[0])
		}
		b.wantOf(t, measure.ByDevice, series, "funnel.selected", stages[1], stages[0])
		b.wantOf(t, measure.ByDevice, series, "funnel.attempted", stages[2], stages[1])
		b.wantOf(t, measure.ByDevice, series, "funnel.ordered", stages[3], stages[2])
		b.wantOf(t, measure.ByDevice, series, "conversion", stages[3], stages[0])
		b.wantOf(t, measure.ByDevice, series, "errors.never_succeeded", stages[2]-stages[3], stages[2])
		if f := b.figureOf(t, measure.ByDevice, series, "funnel.held"); figureText(&f) != "not available" {
			t.Errorf("%s: held is %s", series, fmt.Sprint(figureText(&f)))
		}
	}
}
