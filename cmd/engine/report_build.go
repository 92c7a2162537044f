package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
	"github.com/holdfast-engine/holdfast/store"
)

// reportOutagesMax and reportAuditsMax bound what a report tells of the process and its operators: the newest.
const (
	reportOutagesMax = 200
	reportAuditsMax  = 1000
)

// reportSources are where a report comes from: a running engine, or a folder.
type reportSources struct {
	answer func(*measure.Query) (*measure.Answer, error)
	look   func(store.Look) (store.Seen, error)
}

// errNothingKnown says that no figures are there of an event.
var errNothingKnown = errors.New("nothing is known of this event")

// buildReport makes the report of an event. Its orders are those behind the same batch of the log as its figures.
func buildReport(key engine.Key, from reportSources) (*report, error) {
	r := &report{
		Made: time.Now().UTC().Truncate(time.Millisecond), Version: versionText(), Account: key.Account, Event: key.ID, Incidents: []reportIncident{},
		Definitions: measure.Definitions(),
	}
	q := measure.Query{Account: key.Account, Event: key.ID, Window: measure.WindowSale, Courses: true}
	var err error
	if r.Figures, err = from.answer(&q); err != nil {
		return nil, fmt.Errorf("the figures: %w", err)
	}
	if len(r.Figures.Rows) == 0 {
		return nil, errNothingKnown
	}
	for _, by := range []measure.Dimension{measure.ByFlow, measure.ByDevice, measure.ByMethod, measure.ByChannel, measure.ByHour} {
		table, err := from.answer(&measure.Query{Account: key.Account, Event: key.ID, Window: measure.WindowSale, By: by})
		if err != nil {
			return nil, fmt.Errorf("the figures by %s: %w", by, err)
		}
		if len(table.Rows) > 0 {
			r.By = append(r.By, table)
		}
	}
	if err := r.takeEvent(key, from); err != nil {
		return nil, err
	}
	if err := r.takeIncidents(key, from); err != nil {
		return nil, err
	}
	r.Verdict = r.judge()
	return r, nil
}

// takeEvent takes what was sold, and for what.
func (r *report) takeEvent(key engine.Key, from reportSources) error {
	seen, err := from.look(store.Look{Key: key, At: store.LookAt{Batch: r.Figures.Batch}})
	if errors.Is(err, store.ErrCut) { // a snapshot is newer than the figures: the event as it is now
		seen, err = from.look(store.Look{Key: key})
	}
	if err != nil {
		return fmt.Errorf("the event's orders: %w", err)
	}
	ev, ok := seen.State.(*engine.Event)
	if !ok {
		return fmt.Errorf("event %s is a %T", key.ID, seen.State)
	}
	ev.Reread() // it may be archived and its file not written yet
	var none engine.Facts
	view := &ev.Step(&engine.Command{Verb: engine.VerbGet}, ev.LastAt(), &none).Event
	r.Money.Currency, r.Money.Through = strings.Clone(view.Spec.Currency), seen.Batch
	if r.Money.Elsewhere = view.Spec.Observe; r.Money.Elsewhere {
		r.Sold, r.Money.Orders, r.Money.Checks = []reportLot{}, []reportOrder{}, []reportAgreeing{}
		return nil
	}
	for i := range view.Lots {
		l := &view.Lots[i]
		r.Sold = append(r.Sold, reportLot{
			Lot: strings.Clone(l.Spec.Lot), FaceMinor: l.Spec.FaceMinor, Capacity: l.Capacity, Blocked: l.Blocked, Sold: l.Sold, Free: l.Free,
		})
	}
	r.Line = lineOf(ev, view.List)
	if err := r.Money.takeOrders(ev); err != nil {
		return err
	}
	r.Money.check(r.Figures.Rows[0].Figures)
	return nil
}

// takeIncidents takes what happened besides: of the event, of the process, and by operators. Commands that only look, and those about a buyer, are left out.
func (r *report) takeIncidents(key engine.Key, from reportSources) error {
	for _, m := range r.Figures.Markers {
		r.Incidents = append(r.Incidents, reportIncident{time.UnixMilli(m.AtMs).UTC(), m.Kind, m.Text})
	}
	seen, err := from.look(store.Look{
		Key: engine.Key{Account: engine.SingleAccount, Kind: engine.KindNode, ID: "node"}, Facts: reportOutagesMax,
		Only: func(f *engine.FactView) bool { return f.Kind == "outage" || f.Kind == "restored" },
	})
	if errors.Is(err, store.ErrUnknown) { // the process has never stopped
		return r.sortIncidents()
	}
	if err != nil {
		return fmt.Errorf("outages: %w", err)
	}
	began := engine.Instant(0)
	if e := r.Figures.Event; e != nil {
		began = engine.Instant(e.OnSaleMs) * engine.Instant(time.Millisecond)
	}
	for i := range seen.Facts {
		if f := &seen.Facts[i]; f.At >= began {
			r.Incidents = append(r.Incidents, reportIncident{wall(f.At), f.Kind, f.Text})
		}
	}
	if node, ok := seen.State.(*engine.Node); ok {
		for _, a := range node.Audits(engine.AuditQuery{Account: key.Account, Since: began, Limit: reportAuditsMax}).Entries {
			if aboutSale(&a, key.ID) {
				r.Incidents = append(r.Incidents, reportIncident{wall(a.At), "operator", strings.TrimSpace(a.Verb + " " + a.Arguments + ": " + a.Code.String())})
			}
		}
	}
	return r.sortIncidents()
}

func (r *report) sortIncidents() error {
	slices.SortStableFunc(r.Incidents, func(a, b reportIncident) int { return a.At.Compare(b.At) })
	return nil
}

// aboutSale reports whether an entry of the audit tells of a change that may have moved this event's figures.
func aboutSale(a *engine.Audit, event string) bool {
	switch a.Verb {
	case "lane", "one-click", "resolve", "release-quarantine", "archive":
	default:
		if !strings.HasPrefix(a.Verb, "charge_") { // what a gateway says was done to a charge elsewhere
			return false
		}
	}
	named, of, _ := strings.Cut(a.Arguments+" ", "event=")
	return named == a.Arguments+" " || strings.HasPrefix(of, event+" ")
}

// judge says in a few sentences what a reader should know first.
func (r *report) judge() []string {
	figures := r.Figures.Rows[0].Figures
	text := func(kpi string) string {
		if f := figureOf(figures, kpi); f != nil {
			return figureText(f)
		}
		return string(measure.WhyNotAvailable)
	}
	has := func(kpi string) bool {
		f := figureOf(figures, kpi)
		return f != nil && f.Value != nil
	}
	var said []string
	sold := fmt.Sprintf("%s orders of %s tickets before refunds, %s net.", text("orders"), text("tickets"), text("revenue.net"))
	if !has("orders") {
		sold = "No order has been reported."
	}
	if has("sold_out.time") {
		sold = "Sold out in " + text("sold_out.time") + ": " + sold
	} else if has("sold_out.sell_through") {
		sold = text("sold_out.sell_through") + " sold: " + sold
	}
	said = append(said, sold)
	if has("conversion") {
		f := figureOf(figures, "conversion")
		said = append(said, fmt.Sprintf("%s of those who looked bought%s (%s); %s of the views could be linked.", figureText(f), map[bool]string{true: ", so far"}[f.SoFar], madeOf(f), text("coverage.views")))
	} else {
		said = append(said, "How many of those who looked bought is "+text("conversion")+".")
	}
	if has("errors.rate") {
		said = append(said, fmt.Sprintf("%s of the purchases failed without being sold out: %s by us, %s by payment.", text("errors.rate"), text("errors.ours"), text("errors.payment")))
	}
	if has("latency.l1.p95") {
		said = append(said, "95 % of the buyers saw the result of their click within "+text("latency.l1.p95")+".")
	} else if has("latency.l2.p95") {
		said = append(said, "95 % of the answers took the engine less than "+text("latency.l2.p95")+"; what buyers saw is not available.")
	}
	if r.Line != nil {
		said = append(said, r.Line.verdict())
	}
	if r.Money.Elsewhere {
		said = append(said, "The event sells elsewhere and is only observed: its orders are as its shop reports them, and there is no ledger here to hold them against.")
	} else if r.Money.agrees() {
		said = append(said, "The figures and the ledger of "+thousands(int64(len(r.Money.Orders)))+" orders agree to the cent.")
	} else {
		said = append(said, "THE FIGURES AND THE LEDGER DIFFER: see Money.")
	}
	if r.Money.OpenMinor > 0 {
		said = append(said, money(r.Money.OpenMinor, r.Money.Currency)+" of refunds have not gone back yet.")
	}
	return said
}

// compare puts the figures of the time before beside those of now.
func (r *report) compare(file string, before *measure.Answer) {
	b := &reportBaseline{Title: "before and after, not causal", File: filepath.Base(file)}
	after := r.Figures.Rows[0].Figures
	if len(before.Rows) > 0 {
		for _, d := range r.Definitions {
			was, is := figureOf(before.Rows[0].Figures, d.ID), figureOf(after, d.ID)
			if was == nil && is == nil {
				continue
			}
			none := &measure.Figure{KPI: d.ID, Unit: d.Unit, Why: measure.WhyNotAvailable}
			b.Rows = append(b.Rows, reportBaselineLine{Before: *cmp.Or(was, none), After: *cmp.Or(is, none)})
		}
	}
	r.Baseline = b
}
