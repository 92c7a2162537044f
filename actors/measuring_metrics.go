package actors

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// scrapeWaits is how long a scrape waits for the book: one that is late shows no KPIs.
const scrapeWaits = 2 * time.Second

// addMetrics registers the metrics of measurement and the KPIs themselves.
func (m *Measurement) addMetrics(to *Metrics) {
	to.Gauge("holdfast_kpi_lag_seconds", "How old the oldest fact is that is durable and in no KPI yet; 0 if there is none.", func() float64 { return m.Lag().Seconds() })
	to.Gauge("holdfast_kpi_stopped", "1 if the log cannot be measured any further, else 0. Any is an alarm: see the log. Sales go on.", func() float64 {
		if m.stopped.Load() != nil {
			return 1
		}
		return 0
	})
	to.Gauge("holdfast_kpi_since_seconds", "When the log began that the KPIs are made of, in seconds since the Unix epoch; 0 if they are made of all of it.",
		func() float64 { return float64(m.began.Load()) / 1e9 })
	to.Counter("holdfast_kpi_facts_total", "Facts read into the KPIs since the start.", m.facts.Load)
	to.Counter("holdfast_kpi_questions_refused_total", "Questions about KPIs that were refused because too many waited.", m.refused.Load)
	to.Counter("holdfast_kpi_checkpoints_total", "Checkpoints of the KPIs written since the start.", m.kept.Load)
	to.Counter("holdfast_kpi_checkpoint_failures_total", "Checkpoints of the KPIs that could not be written: the log is kept from the last one on.", m.failures.Load)
	to.Gauge("holdfast_kpi_checkpoint_batch", "Batch of the journal up to which the last checkpoint of the KPIs is.", func() float64 { return float64(m.keptAt.Load()) })
	to.Gauge("holdfast_kpi_checkpoint_bytes", "Size of the last checkpoint of the KPIs.", func() float64 { return float64(m.keptLen.Load()) })
	to.Gauge("holdfast_kpi_checkpoint_pause_seconds", "How long the book stood still while the last checkpoint was encoded.", func() float64 { return float64(m.encodeNs.Load()) / 1e9 })
	to.written("holdfast_kpi", "Exact KPIs by id, window (sale, 1m) and flow (all, standard, one_click): docs/kpis.md defines them. What has no value has no line.", "gauge", m.writeKPIs)
}

// writeKPIs writes the exact KPIs, as an answer has them.
func (m *Measurement) writeKPIs(w io.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWaits)
	defer cancel()
	exact := make(map[string]bool)
	for _, d := range measure.Definitions() {
		exact[d.ID] = d.Exact
	}
	for _, account := range m.cfg.Accounts {
		for _, window := range []measure.Window{measure.WindowSale, measure.Window1m} {
			for _, by := range []measure.Dimension{measure.ByNothing, measure.ByFlow} {
				a, err := m.Answer(ctx, &measure.Query{Account: account, Window: window, By: by})
				if err != nil {
					return
				}
				for _, row := range a.Rows {
					writeRow(w, account, window, &row, exact)
				}
			}
		}
	}
}

func writeRow(w io.Writer, account string, window measure.Window, row *measure.Row, exact map[string]bool) {
	flow := row.Series
	if flow == "" {
		flow = "all"
	}
	of := ""
	if account != engine.SingleAccount {
		of = fmt.Sprintf("account=%q,", account)
	}
	for i := range row.Figures {
		if f := &row.Figures[i]; f.Value != nil && exact[f.KPI] {
			fmt.Fprintf(w, "holdfast_kpi{%skpi=%q,window=%q,flow=%q} %s\n", of, f.KPI, window, flow, strconv.FormatFloat(*f.Value, 'g', -1, 64))
		}
	}
}
