package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/transport"
)

// fourSources are all that tell of a sale, behind one batch of the log.
type fourSources struct {
	report     *report // with the ledger of orders
	all, event transport.KPIMessage
	gauges     map[string]string
}

// TestFourSaySameOfADemo holds all that tells of a demo's sale against each other, behind one and the same batch of the log: the ledger of orders, to the cent, and
// the report, /metrics and what is published over NATS, to the digit for every exact KPI.
func TestFourSaySameOfADemo(t *testing.T) {
	p, _ := soldDemo(t)
	nc, err := nats.Connect(p.natsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ofAll, ofEvent := subscribed(t, nc, transport.SubjectKPI), subscribed(t, nc, transport.SubjectEventKPI(demoEvent))
	var off []string
	for range 3 { // a buyer may come of age between one answer and the next
		s := gatherFour(t, p, ofAll, ofEvent)
		compared := 0
		if compared, off = s.differ(); len(off) == 0 {
			t.Logf("%d exact figures of %d orders agree behind batch %d", compared, len(s.report.Money.Orders), s.report.Figures.Batch)
			if compared < len(measure.Definitions())/4 || len(s.report.Money.Orders) == 0 {
				t.Errorf("only %d figures of %d orders were compared", compared, len(s.report.Money.Orders))
			}
			return
		}
	}
	t.Error(strings.Join(off, "\n"))
}

// gatherFour asks all sources until all are of one batch: some facts come late, how long answers took every ten seconds.
func gatherFour(t *testing.T, p *process, ofAll, ofEvent *nats.Subscription) *fourSources {
	t.Helper()
	out := filepath.Join(t.TempDir(), "report")
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		s := &fourSources{event: published(t, ofEvent)}
		for s.all = published(t, ofAll); s.all.Sale.Batch < s.event.Sale.Batch; {
			s.all = published(t, ofAll)
		}
		s.gauges = metricsOf(t, p.httpURL)
		must(t, "report", "--event", demoEvent, "--http", strings.TrimPrefix(p.httpURL, "http://"), "--out", out) // an error if it is not the ledger's
		s.report, _, _ = readReport(t, out)
		// The gauges name no batch: they are of this one if it was the newest before them and is so now.
		if batch := s.report.Figures.Batch; s.event.Sale.Batch == batch && s.all.Sale.Batch == batch && p.store.Durable() == batch {
			return s
		}
	}
	t.Fatal("the log does not come to rest")
	return nil
}

// differ says in what the sources differ, and how many figures were compared.
func (s *fourSources) differ() (compared int, off []string) {
	reported, told := s.report.Figures.Rows[0].Figures, s.event.Sale.Rows[0].Figures
	var face, fees, refunds, tickets int64
	for i := range s.report.Money.Orders {
		o := &s.report.Money.Orders[i]
		face, fees, refunds, tickets = face+o.FaceMinor, fees+o.FeesMinor, refunds+o.RefundMinor, tickets+o.Tickets
	}
	for kpi, want := range map[string]int64{
		"orders": int64(len(s.report.Money.Orders)), "tickets": tickets, "revenue.face": face, "revenue.fees": fees, "revenue.refunds": refunds,
		"revenue.net": face + fees - refunds,
	} {
		for what, figures := range map[string][]measure.Figure{"the report": reported, "the event's messages": told, "the messages of all": s.all.Sale.Rows[0].Figures} {
			if f := figureOf(figures, kpi); f == nil || f.Value == nil || *f.Value != float64(want) {
				off = append(off, fmt.Sprintf("%s: %s is not the ledger's %d: %s", what, kpi, want, asJSON(f)))
			}
		}
	}
	// The demo's buyers say on which device and through which channel they buy: no order is missing in a table.
	for _, table := range s.report.By {
		if by := table.Query.By; by == measure.ByFlow || by == measure.ByDevice || by == measure.ByChannel {
			sum := 0.0
			for i := range table.Rows {
				if f := figureOf(table.Rows[i].Figures, "orders"); f != nil && f.Value != nil {
					sum += *f.Value
				}
			}
			if sum != float64(len(s.report.Money.Orders)) {
				off = append(off, fmt.Sprintf("by %s there are %v of %d orders", by, sum, len(s.report.Money.Orders)))
			}
		}
	}
	// The gauges and the messages of all events, of which there is one; the report and the messages of that one.
	for _, d := range measure.Definitions() {
		all, said := figureOf(s.all.Sale.Rows[0].Figures, d.ID), figureOf(reported, d.ID)
		name := fmt.Sprintf("holdfast_kpi{kpi=%q,window=%q,flow=%q}", d.ID, measure.WindowSale, "all")
		text, there := s.gauges[name]
		if there != (d.Exact && all != nil && all.Value != nil) {
			off = append(off, fmt.Sprintf("%s is there: %v, published: %s", name, there, asJSON(all)))
			continue
		}
		if !d.Exact {
			continue
		}
		if said == nil || !reflect.DeepEqual(figureOf(told, d.ID), said) {
			off = append(off, fmt.Sprintf("published: %s, the report: %s", asJSON(figureOf(told, d.ID)), asJSON(said)))
		}
		if !there {
			continue
		}
		if shown, err := strconv.ParseFloat(text, 64); err != nil || shown != *all.Value || said != nil && said.Value != nil && shown != *said.Value {
			off = append(off, fmt.Sprintf("%s is %s, published: %s, the report: %s", name, text, asJSON(all), asJSON(said)))
		}
		compared++
	}
	return compared, off
}

func subscribed(t *testing.T, nc *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// published is the newest message with figures that has come.
func published(t *testing.T, sub *nats.Subscription) (m transport.KPIMessage) {
	t.Helper()
	for {
		msg, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		if waiting, _, err := sub.Pending(); err != nil || waiting > 0 {
			continue
		}
		if err := json.Unmarshal(msg.Data, &m); err != nil || m.Sale == nil || len(m.Sale.Rows) == 0 {
			t.Fatalf("published: %.200s %v", msg.Data, err)
		}
		return m
	}
}
