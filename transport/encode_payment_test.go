package transport

import (
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// referencePaymentViews adds what a reply says of payments, as the generated types.
func referencePaymentViews(r *pb.Reply, out *engine.Outcome) {
	if out.Shows&engine.ShowsPurchase != 0 {
		r.Purchase = referencePurchase(out.Purchase)
	}
	if out.Shows&engine.ShowsOffer != 0 {
		o := out.Offer
		r.Offer = &pb.Offer{
			Event: o.Event, Buyer: o.Buyer, OneClick: o.OneClick, Reason: o.Reason, Method: o.Method, Brand: o.Brand, LastFour: o.LastFour,
			TotalMinor: o.TotalMinor, FaceMinor: o.FaceMinor, FeesMinor: o.FeesMinor, TaxMinor: o.TaxMinor, Currency: o.Currency,
			ExpiresAt: timestampOf(o.ExpiresAt), Items: referenceItems(o.Items),
		}
		if o.ID != 0 {
			r.Offer.Id = string(engine.AppendOfferID(nil, o.ID, o.Incarnation))
		}
	}
	if out.Shows&engine.ShowsRefund != 0 {
		r.Refund = referenceRefund(out.Refund)
	}
	if out.Shows&engine.ShowsTicket != 0 {
		t := out.Ticket
		r.Ticket = &pb.Ticket{
			Id: string(engine.AppendTicketID(nil, t.ID, t.Incarnation)), Lot: t.Lot, Seat: t.Seat, State: t.State.String(),
			Generation: int64(t.Generation), AdmittedAt: timestampOf(t.AdmittedAt), Gate: t.Gate,
		}
		if t.Order != 0 {
			r.Ticket.Order = string(engine.AppendOrderID(nil, t.Order, t.Incarnation))
		}
	}
}

func referencePurchase(p *engine.PurchaseView) *pb.Purchase {
	m := &pb.Purchase{
		Id: string(engine.AppendPurchaseID(nil, p.ID, p.Incarnation)), Event: p.Event, Buyer: p.Buyer, State: p.State.String(), Flow: "standard",
		TotalMinor: p.TotalMinor, Currency: p.Currency, Gateway: p.Gateway, Method: p.Method, Decline: p.Decline.String(), HoldLives: p.HoldLives,
		HoldUntil: timestampOf(p.HoldUntil), PayUntil: timestampOf(p.PayUntil), UndoUntil: timestampOf(p.UndoUntil), Charge: p.Charge.String(),
		At: timestampOf(p.At), LanePlace: p.LanePlace, EtaMs: p.EtaMs, ClientSecret: p.ClientSecret, RedirectUrl: p.RedirectURL, Undone: p.Undone,
	}
	if p.Flow == engine.FlowOneClick {
		m.Flow = "one_click"
	}
	if p.Hold != 0 {
		m.Hold = string(engine.AppendHoldID(nil, p.Hold, p.HoldIncarnation))
	}
	if p.Order != 0 {
		m.Order = string(engine.AppendOrderID(nil, p.Order, p.Incarnation))
	}
	return m
}

func referenceRefund(v *engine.RefundView) *pb.Refund {
	m := &pb.Refund{
		Id: string(engine.AppendRefundID(nil, v.ID, v.Incarnation)), Order: string(engine.AppendOrderID(nil, v.Order, v.OrderIn)),
		AmountMinor: v.AmountMinor, Currency: v.Currency, State: v.State.String(), At: timestampOf(v.At),
	}
	for _, id := range v.Tickets {
		m.Tickets = append(m.Tickets, string(engine.AppendTicketID(nil, id, v.OrderIn)))
	}
	return m
}

func referencePolicy(e *pb.Event, p *engine.PayPolicy) {
	given := func(v int64, has bool) *int64 {
		if !has {
			return nil
		}
		return &v
	}
	e.UndoMs, e.PayMs, e.GraceMs, e.ActionMs, e.RedirectMs = given(p.UndoMs, p.HasUndo), p.PayMs, p.GraceMs, p.ActionMs, p.RedirectMs
	e.QueueMs, e.OfferTtlMs, e.LimitPerLinked, e.RefundUntil = p.QueueMs, p.OfferTTLMs, p.LimitPerLinked, timestampOf(p.RefundUntil)
	e.RefundWindowMs, e.OneClickOff = given(p.RefundWindowMs, p.HasRefundWindow), p.OneClickOff
	e.OneClickShare = given(p.OneClickShare, p.HasOneClickShare)
}

func (d dice) refund() engine.RefundView {
	v := engine.RefundView{
		ID: engine.RefundID(d.number()), Incarnation: engine.Incarnation(d.IntN(3)), Order: engine.OrderID(d.number()),
		OrderIn: engine.Incarnation(d.IntN(3)), AmountMinor: d.number(), Currency: d.text(), State: engine.RefundState(d.IntN(7)), At: d.at(),
	}
	for range d.IntN(3) {
		v.Tickets = append(v.Tickets, engine.TicketID(d.number()))
	}
	return v
}

func (d dice) mark() engine.TicketMark {
	return engine.TicketMark{State: engine.TicketState(d.IntN(5)), Generation: uint32(d.IntN(3)), AdmittedAt: d.at(), Gate: d.text()}
}

func (d dice) policy() engine.PayPolicy {
	return engine.PayPolicy{
		UndoMs: d.number(), HasUndo: d.IntN(2) == 0, PayMs: d.number(), GraceMs: d.number(), ActionMs: d.number(), RedirectMs: d.number(),
		QueueMs: d.number(), OfferTTLMs: d.number(), LimitPerLinked: d.number(), RefundUntil: d.at(), RefundWindowMs: d.number(),
		HasRefundWindow: d.IntN(2) == 0, OneClickOff: d.IntN(2) == 0, OneClickShare: d.number(), HasOneClickShare: d.IntN(2) == 0,
	}
}

// payments fills in the views of payments, and what an order shows of them.
func (d dice) payments(out *engine.Outcome) {
	o := &out.Order
	o.Purchase, o.PurchaseIn = engine.PurchaseID(d.IntN(2)), engine.Incarnation(d.IntN(3))
	o.Charge, o.UndoUntil, o.RefundedMinor = engine.ChargeState(d.IntN(8)), d.at(), d.number()
	for range d.IntN(3) {
		o.Refunds = append(o.Refunds, d.refund())
		o.Marks = append(o.Marks, d.mark())
	}
	out.Purchase = &engine.PurchaseView{
		ID: engine.PurchaseID(d.number()), Incarnation: engine.Incarnation(d.IntN(3)), Event: d.text(), Buyer: d.text(),
		State: engine.PurchaseState(d.IntN(10)), Flow: engine.Flow(d.IntN(2)), Hold: engine.HoldID(d.IntN(2)),
		HoldIncarnation: engine.Incarnation(d.IntN(3)), TotalMinor: d.number(), Currency: d.text(), Gateway: d.text(), Method: d.text(),
		Decline: payment.Decline(d.IntN(payment.Declines)), HoldLives: d.IntN(2) == 0, HoldUntil: d.at(), PayUntil: d.at(), UndoUntil: d.at(),
		Charge: engine.ChargeState(d.IntN(8)), Order: engine.OrderID(d.IntN(2)), At: d.at(), LanePlace: d.number(), EtaMs: d.number(),
		ClientSecret: d.text(), RedirectURL: d.text(), Undone: d.IntN(2) == 0,
	}
	out.Offer = &engine.OfferView{
		ID: engine.OfferID(d.IntN(2)), Incarnation: engine.Incarnation(d.IntN(3)), Event: d.text(), Buyer: d.text(), OneClick: d.IntN(2) == 0,
		Reason: d.text(), Method: d.text(), Brand: d.text(), LastFour: d.text(), TotalMinor: d.number(), FaceMinor: d.number(),
		FeesMinor: d.number(), TaxMinor: d.number(), Currency: d.text(), ExpiresAt: d.at(), Items: d.items(),
	}
	refund := d.refund()
	out.Refund = &refund
	m := d.mark()
	out.Ticket = &engine.TicketView{
		ID: engine.TicketID(d.number()), Incarnation: engine.Incarnation(d.IntN(3)), Order: engine.OrderID(d.IntN(2)), Generation: m.Generation,
		State: m.State, AdmittedAt: m.AdmittedAt, Gate: m.Gate, Lot: d.text(), Seat: d.text(),
	}
}
