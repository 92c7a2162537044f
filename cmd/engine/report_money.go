package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// takeOrders reads every order of an event: the ledger of the report.
func (m *reportMoney) takeOrders(ev *engine.Event) error {
	ask := func(t *engine.Told) *engine.Outcome {
		var none engine.Facts
		return ev.Step(&engine.Command{Verb: engine.VerbTell, Payment: &engine.PaymentCommand{Told: t}}, ev.LastAt(), &none) // a read: it changes nothing
	}
	var none engine.Facts
	count := ev.Step(&engine.Command{Verb: engine.VerbGet}, ev.LastAt(), &none).Event.Orders
	m.Orders = make([]reportOrder, 0, count)
	for id := engine.OrderID(1); int64(id) <= count; id++ {
		out := ask(&engine.Told{Order: id})
		if out.Code != engine.CodeOK || out.Order.ID != id {
			return fmt.Errorf("order %d of %d cannot be read: %s", id, count, out.Code)
		}
		o := takeOrder(&out.Order)
		if purchase := out.Order.Purchase; purchase != 0 {
			if out = ask(&engine.Told{Purchase: purchase}); out.Code != engine.CodeOK || out.Purchase == nil {
				return fmt.Errorf("the purchase of order %s cannot be read: %s", o.Order, out.Code)
			}
			o.takePurchase(out.Purchase)
		}
		o.NetMinor = o.TotalMinor - o.RefundMinor
		m.OpenMinor += o.openMinor
		m.Orders = append(m.Orders, o)
	}
	return nil
}

func takeOrder(v *engine.OrderView) reportOrder {
	o := reportOrder{
		Order: string(engine.AppendOrderID(nil, v.ID, v.Incarnation)), At: wall(v.At), Flow: flowName(engine.FlowStandard), Tickets: v.Tickets, TotalMinor: v.TotalMinor,
		ChargeState: v.Charge.String(), PaymentRef: strings.Clone(v.PaymentRef),
	}
	for i := range v.Items {
		it := &v.Items[i]
		o.FaceMinor += it.Quantity * it.FaceMinor
		o.TaxMinor += it.Quantity * it.TaxMinor
		for _, f := range it.Fees {
			o.FeesMinor += it.Quantity * f.Minor
		}
	}
	for i := range v.Refunds {
		r := &v.Refunds[i]
		switch r.State {
		case engine.RefundDone, engine.RefundExternal:
			o.RefundMinor += r.AmountMinor
		case engine.RefundQueued, engine.RefundSent, engine.RefundFailed:
			o.openMinor += r.AmountMinor
		}
		o.Refunds = append(o.Refunds, fmt.Sprintf("%s %s %d", engine.AppendRefundID(nil, r.ID, r.Incarnation), r.State, r.AmountMinor))
	}
	return o
}

func (o *reportOrder) takePurchase(v *engine.PurchaseView) {
	o.Purchase, o.Flow = string(engine.AppendPurchaseID(nil, v.ID, v.Incarnation)), flowName(v.Flow)
	o.Gateway, o.Charge, o.Undone, o.PaymentRef = strings.Clone(v.Gateway), strings.Clone(v.ChargeRef), v.Undone, ""
	if o.Undone {
		o.RefundMinor = o.TotalMinor
	}
}

// check holds the figures against the orders.
func (m *reportMoney) check(figures []measure.Figure) {
	var sum struct{ tickets, face, fees, refunds int64 }
	for i := range m.Orders {
		o := &m.Orders[i]
		sum.tickets, sum.face, sum.fees, sum.refunds = sum.tickets+o.Tickets, sum.face+o.FaceMinor, sum.fees+o.FeesMinor, sum.refunds+o.RefundMinor
	}
	for _, c := range []reportAgreeing{
		{KPI: "orders", Orders: int64(len(m.Orders))},
		{KPI: "tickets", Orders: sum.tickets},
		{KPI: "revenue.face", Orders: sum.face},
		{KPI: "revenue.fees", Orders: sum.fees},
		{KPI: "revenue.refunds", Orders: sum.refunds},
		{KPI: "revenue.net", Orders: sum.face + sum.fees - sum.refunds},
	} {
		f := figureOf(figures, c.KPI)
		if f != nil {
			c.Figure = f.Value
		}
		c.Agrees = c.Figure != nil && *c.Figure == float64(c.Orders) || c.Figure == nil && c.Orders == 0
		m.Checks = append(m.Checks, c)
	}
}

// figureOf is the figure of a KPI, nil if it is not there.
func figureOf(figures []measure.Figure, kpi string) *measure.Figure {
	for i := range figures {
		if figures[i].KPI == kpi {
			return &figures[i]
		}
	}
	return nil
}

// writeCSV writes the orders, one a line, in minor units.
func (m *reportMoney) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{ // errors show at the end
		"order", "at", "flow", "tickets", "currency", "face_minor", "fees_minor", "tax_minor", "total_minor", "refund_minor", "net_minor", "undone", "purchase", "gateway",
		"charge", "charge_state", "payment_ref", "refunds",
	})
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	for i := range m.Orders {
		o := &m.Orders[i]
		_ = c.Write([]string{
			o.Order, o.At.Format(time.RFC3339Nano), o.Flow, n(o.Tickets), m.Currency, n(o.FaceMinor), n(o.FeesMinor), n(o.TaxMinor), n(o.TotalMinor), n(o.RefundMinor),
			n(o.NetMinor), strconv.FormatBool(o.Undone), o.Purchase, o.Gateway, plainCell(o.Charge), o.ChargeState, plainCell(o.PaymentRef), strings.Join(o.Refunds, "; "),
		})
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("write the orders: %w", err)
	}
	return nil
}
