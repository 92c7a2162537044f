package main

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// soldDemo runs the demo's sale in a folder and returns the engine that is still up, and its gateway.
func soldDemo(t *testing.T) (*process, *sandbox.Gateway) {
	t.Helper()
	gateway, err := sandbox.New(demoSandbox(3))
	if err != nil {
		t.Fatal(err)
	}
	page, err := newShopPage()
	if err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(t.Context(), demoProcess(t.TempDir(), gateway, page, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
	if balanced, err := demoSales(t.Context(), demoSettings{buyers: 300, tickets: 80, seed: 3, exit: true}, p, gateway, page, io.Discard); err != nil || !balanced {
		t.Fatalf("the demo ends with balanced %v, %v", balanced, err)
	}
	return p, gateway
}

// readReport reads the three files of a report.
func readReport(t *testing.T, out string) (r *report, page string, orders [][]string) {
	t.Helper()
	text, err := os.ReadFile(out + ".json")
	if err != nil {
		t.Fatal(err)
	}
	r = new(report)
	if err := json.Unmarshal(text, r); err != nil {
		t.Fatal(err)
	}
	html, err := os.ReadFile(out + ".html")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(out + "-orders.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if orders, err = csv.NewReader(f).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return r, string(html), orders
}

// TestReportOfADemo compares the report of a running engine with its gateway's truth, with its figures, and with the report of its folder once it has stopped.
func TestReportOfADemo(t *testing.T) {
	p, gateway := soldDemo(t)
	at, dir := strings.TrimPrefix(p.httpURL, "http://"), t.TempDir()
	out := filepath.Join(dir, "running")
	var a measure.Answer // behind the same batch as the report
	// Some facts come late: captures, refunds, and refusals, whose numbers are in the log a second after the last of them.
	for deadline, rests := time.Now().Add(patience), 0; rests < 3; time.Sleep(time.Second) {
		last := a.Batch
		a = measure.Answer{}
		printed := must(t, "report", "--event", demoEvent, "--http", at, "--out", out)
		wants(t, printed, "agree to the cent", out+".html")
		if err := json.Unmarshal([]byte(must(t, "kpi", "--http", at, "--event", demoEvent, "-o", "json")), &a); err != nil {
			t.Fatal(err)
		}
		running, _, _ := readReport(t, out)
		if a.Batch == running.Figures.Batch && a.Batch == last {
			rests++
		} else {
			rests = 0
		}
		if time.Now().After(deadline) {
			t.Fatal("the log does not come to rest")
		}
	}
	running, page, orders := readReport(t, out)
	if running.Source != "a running engine" || !running.Money.agrees() || len(running.Money.Orders) == 0 {
		t.Fatalf("%+v", running.Money.Checks)
	}

	// The CSV, charge by charge, against what the gateway did.
	truth := gateway.Truth()
	charges := map[string]sandbox.Charge{}
	for _, c := range truth.Charges {
		charges[c.Ref] = c
	}
	column := map[string]int{}
	for i, name := range orders[0] {
		column[name] = i
	}
	var net, outside, tied int64
	for _, row := range orders[1:] {
		minor, err := strconv.ParseInt(row[column["net_minor"]], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		net += minor
		ref := row[column["charge"]]
		if ref == "" {
			outside += minor
			continue
		}
		c, known := charges[ref]
		if left := c.CapturedMinor - c.RefundedMinor; !known || left != minor {
			t.Errorf("order %s: charge %s comes to %d minor units at the gateway, %d in the report", row[column["order"]], ref, left, minor)
		}
		tied++
	}
	var taken int64
	for _, o := range truth.Orders {
		taken += o.TakenMinor
	}
	if net-outside != taken || tied == 0 {
		t.Errorf("%d charges: the gateway took %d minor units, the report says %d, and %d outside", tied, taken, net-outside, outside)
	}

	// The figures are those of the answer, to the digit.
	sameFigures(t, "the running engine's answer", a.Rows[0].Figures, running.Figures.Rows[0].Figures)
	checkPage(t, page, running)

	// Without the engine: the same, from its folder.
	_, err := engineRun(t, "report", "--event", demoEvent, "--data", p.config.data, "--out", out)
	refuses(t, err, "another process")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	before := out + ".json"
	offlineOut := filepath.Join(dir, "folder")
	wants(t, must(t, "report", "--event", demoEvent, "--data", p.config.data, "--out", offlineOut, "--baseline", before), "agree to the cent")
	offline, page, _ := readReport(t, offlineOut)
	if !reflect.DeepEqual(running.Money.Orders, offline.Money.Orders) {
		t.Errorf("once the engine has stopped, the orders are\n%+v, not\n%+v", offline.Money.Orders, running.Money.Orders)
	}
	if !reflect.DeepEqual(running.Sold, offline.Sold) {
		t.Errorf("once the engine has stopped, what was sold is\n%+v, not\n%+v", offline.Sold, running.Sold)
	}
	if !reflect.DeepEqual(running.Incidents, offline.Incidents) || len(running.Incidents) == 0 {
		t.Errorf("incidents: %+v, then %+v", running.Incidents, offline.Incidents)
	}
	sameFigures(t, "the folder's report", offline.Figures.Rows[0].Figures, running.Figures.Rows[0].Figures)
	if len(running.By) < 3 || len(running.By) != len(offline.By) {
		t.Errorf("%d tables, then %d", len(running.By), len(offline.By))
	}
	wants(t, page, "before and after, not causal", "running.json")
	if rows := offline.Baseline.Rows; len(rows) == 0 || !reflect.DeepEqual(rows[0].Before, rows[0].After) {
		t.Errorf("baseline: %+v", rows)
	}
}

// sameFigures compares figures, but for what is told every ten seconds only: how long answers took, and how many there were.
func sameFigures(t *testing.T, what string, got, want []measure.Figure) {
	t.Helper()
	if len(got) != len(want) || len(got) == 0 {
		t.Fatalf("%s has %d figures, the report %d", what, len(got), len(want))
	}
	for i := range got {
		if id := got[i].KPI; strings.HasPrefix(id, "latency.l2") || strings.HasPrefix(id, "latency.hold") || strings.HasPrefix(id, "throughput.commands") {
			continue
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s: %+v, the report: %+v", what, asJSON(&got[i]), asJSON(&want[i]))
		}
	}
}

func asJSON(f *measure.Figure) string {
	text, _ := json.Marshal(f)
	return string(text)
}

// checkPage looks for what the page must have and must not.
func checkPage(t *testing.T, page string, r *report) {
	t.Helper()
	at := 0
	for _, id := range []string{"verdict", "money", "sold", "refusals", "fairness", "baseline", "incidents", "definitions"} { // in this order
		next := strings.Index(page, `id="`+id+`"`)
		if next < at {
			t.Errorf("section %s is not where it should be", id)
		}
		at = next
	}
	wants(t, page, "<svg", "There was no line", "descriptive: buyers choose their flow", "data:text/csv;base64,", "agrees", r.Money.Orders[0].Order)
	if strings.Contains(page, "DIFFERS") {
		t.Error("the page says that figures and orders differ")
	}
	for _, m := range regexp.MustCompile(`(?i)(?:src|href|url)\s*[=(]\s*["']?([^"'\s>)]+)`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "data:") {
			t.Errorf("the page loads %s", m[1])
		}
	}
	for _, buyer := range []string{`"buyer"`, "buyer-1"} {
		if strings.Contains(page, buyer) {
			t.Errorf("the page names a buyer: %s", buyer)
		}
	}
	for i := range r.Figures.Rows[0].Figures {
		f := &r.Figures.Rows[0].Figures[i]
		if f.KPI == "revenue.net" && !strings.Contains(page, figureText(f)) {
			t.Errorf("the page has no net revenue of %s", figureText(f))
		}
	}
}

// TestReportOfAnEventThatSellsElsewhere: there is no ledger to hold its figures against, and the lots that somebody has left in its file are none that sell.
func TestReportOfAnEventThatSellsElsewhere(t *testing.T) {
	s := serveOn(t, newData(t))
	c, at, out := connectTo(t, s), strings.TrimPrefix(s.HTTP, "http://"), filepath.Join(t.TempDir(), "spring")
	spring := smallEvent(100)
	spring.Mode = "observe"
	if _, err := c.Create(within(t), "spring", spring); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Touch(within(t), "spring", &pb.Touch{Kind: "viewed", Id: "t1", Buyer: "b1", Consent: true},
		&pb.Touch{Kind: "ordered", Id: "t2", Buyer: "b1", Consent: true, Ref: "A-1", Quantity: 2, FaceMinor: 9000, FeesMinor: 500}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the order is in the figures", func() bool {
		said, err := engineRun(t, "kpi", "--http", at, "--event", "spring")
		return err == nil && strings.Contains(said, "95.00 EUR")
	})
	printed := must(t, "report", "--event", "spring", "--http", at, "--out", out)
	wants(t, printed, "1 orders of 2 tickets", "there is no ledger here")
	if r, page, orders := readReport(t, out); !r.Money.Elsewhere || len(r.Money.Checks) != 0 || len(r.Sold) != 0 || len(orders) != 1 || strings.Contains(page, "DIFFER") {
		t.Errorf("%+v %+v", r.Money, r.Sold)
	}
	figures := must(t, "kpi", "--http", at, "--event", "spring", "--kpis", "sold_out.,conversion_obtainable")
	if strings.Count(figures, "not available") != 5 {
		t.Errorf("it has tickets of its own:\n%s", figures)
	}
}

// TestReportOfAnEventThatIsArchived: its figures stay, and its orders are in the archive, also when the log has none of them any more.
func TestReportOfAnEventThatIsArchived(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	c := connectTo(t, s)
	if _, err := c.Create(within(t), "night-one", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	order := sell(t, c, "night-one", "b1")
	mustSteer(t, s, "close", "night-one")
	mustOperate(t, s, "archive", "night-one")
	check := func(args ...string) {
		t.Helper()
		out := filepath.Join(t.TempDir(), "r")
		wants(t, must(t, append([]string{"report", "--event", "night-one", "--out", out}, args...)...), "10.0 % sold: 1 orders of 1 tickets", "ledger of 1 orders agree to the cent")
		if r, page, orders := readReport(t, out); len(r.Sold) != 1 || r.Sold[0].Sold != 1 || len(orders) != 2 || orders[1][0] != order.Id || !strings.Contains(page, "Night One") {
			t.Errorf("%+v %v", r.Sold, orders)
		}
	}
	at := strings.TrimPrefix(s.HTTP, "http://")
	eventually(t, "it is archived in the figures too", func() bool {
		said, err := engineRun(t, "kpi", "--http", at, "--event", "night-one")
		return err == nil && strings.Contains(said, "archived")
	})
	check("--http", at)
	s.stop()
	check("--data", data)
	_, err := engineRun(t, "inspect", data, "night-one")
	refuses(t, err, "was archived at 20", "engine archive show "+data)
	wants(t, must(t, "inspect", data, "night-one", "--at", "1"), "night-one")
	backup := filepath.Join(t.TempDir(), "backup")
	must(t, "backup", data, backup)
	check("--data", backup)
}

func TestReportsThatCannotBe(t *testing.T) {
	s := serveOn(t, newData(t))
	at := strings.TrimPrefix(s.HTTP, "http://")
	for want, args := range map[string][]string{
		"name the event":                    {},
		"cannot be the id":                  {"--event", "a b"},
		"refused, event_unknown (event)":    {"--event", "nobody", "--http", at},
		"no data folder":                    {"--event", "e1", "--data", t.TempDir()},
		"is no JSON of figures":             {"--event", "e1", "--baseline", write(t, "b.json", "x")},
		"has no figures of a whole":         {"--event", "e1", "--baseline", write(t, "b.json", `{"query":{"by":"flow"},"rows":[{"figures":[]}]}`)},
		"refused, invalid (account): name ": {"--event", "e1", "--account", "other", "--http", at},
	} {
		_, err := engineRun(t, append([]string{"report", "--out", filepath.Join(t.TempDir(), "r")}, args...)...)
		refuses(t, err, want)
	}
}

// TestReportSaysWhenMoneyDiffers: one cent is enough.
func TestReportSaysWhenMoneyDiffers(t *testing.T) {
	m := reportMoney{Currency: "EUR", Orders: []reportOrder{{Order: "o1", Tickets: 2, FaceMinor: 9000, FeesMinor: 500, TotalMinor: 9500, RefundMinor: 100}}}
	figures := []measure.Figure{
		figure("orders", measure.UnitCount, 1), figure("tickets", measure.UnitCount, 2), figure("revenue.face", measure.UnitMinor, 9000),
		figure("revenue.fees", measure.UnitMinor, 500), figure("revenue.refunds", measure.UnitMinor, 100), figure("revenue.net", measure.UnitMinor, 9400),
	}
	if m.check(figures); !m.agrees() {
		t.Errorf("%+v", m.Checks)
	}
	m.Checks = nil
	*figures[5].Value = 9401
	if m.check(figures); m.agrees() {
		t.Error("a cent was not seen")
	}
	r := &report{Event: "e1", Made: time.Now(), Money: m, Figures: &measure.Answer{Rows: []measure.Row{{Figures: figures}}}, Definitions: measure.Definitions()}
	r.Verdict = r.judge()
	var b strings.Builder
	if err := r.writeHTML(&b, nil); err != nil {
		t.Fatal(err)
	}
	wants(t, b.String(), "THE FIGURES AND THE LEDGER DIFFER", "DIFFERS", "94.01 EUR", "94.00 EUR")
}

func TestOnlyChangesOfTheSaleAreIncidents(t *testing.T) {
	for args, want := range map[[2]string]bool{
		{"lane", "gateway=sandbox rate_milli=40000"}: true,
		{"one-click", "event=e1 one_click=off"}:      true,
		{"one-click", "event=e10 one_click=off"}:     false,
		{"one-click", "one_click=off"}:               true,
		{"resolve", "event=e1 purchase=p7"}:          true,
		{"charge_disputed", "event=e1 purchase=p7"}:  true,
		{"why", "event=e1 request=h1"}:               false,
		{"wallet-erase", "buyer=b7"}:                 false,
		{"evidence", "event=e1 order=o1"}:            false,
	} {
		if got := aboutSale(&engine.Audit{Verb: args[0], Arguments: args[1]}, "e1"); got != want {
			t.Errorf("%s %s: %v", args[0], args[1], got)
		}
	}
}

func TestChartsAddUpWhatDoesNotFit(t *testing.T) {
	r := &report{Figures: &measure.Answer{}}
	var points []measure.Point
	var sum float64
	for i := range 1000 {
		v := float64(i % 7)
		if i < 10 || i > 990 {
			v = 0 // what lies before and behind is not drawn
		}
		sum += v
		points = append(points, measure.Point{AtMs: int64(i) * 10_000, Value: v})
	}
	c := r.chart("orders", points)
	if len(c.Bars) > chartBarsMax || len(c.Bars) < chartBarsMax/2 {
		t.Errorf("%d bars", len(c.Bars))
	}
	var drawn float64
	for _, b := range c.Bars {
		drawn += b.Height / chartHeight * float64(c.Most)
		if b.X < 0 || b.X+b.Width > chartWidth || b.Y < 0 || b.Height > chartHeight {
			t.Errorf("bar %+v is outside", b)
		}
	}
	if drawn < sum*0.99 || drawn > sum*1.01 {
		t.Errorf("the bars come to %.0f, the course to %.0f", drawn, sum)
	}
	if one := r.chart("orders", points[10:11]); len(one.Bars) != 1 || one.Most != int64(points[10].Value) || one.EachSecond != 10 {
		t.Errorf("one step: %+v", one)
	}
	if empty := r.chart("orders", []measure.Point{{AtMs: 0}, {AtMs: 10}}); len(empty.Bars) != 0 {
		t.Errorf("%d bars of nothing", len(empty.Bars))
	}
}
