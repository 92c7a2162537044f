package transport

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/holdfast-engine/holdfast/engine"
)

// The encoders of what one-click checkout shows: purchases, offers, refunds, and what became of tickets.

// paymentViews are the views that this file writes.
const paymentViews = engine.ShowsPurchase | engine.ShowsOffer | engine.ShowsRefund | engine.ShowsTicket

// flowName is the name of a flow on the wire.
func flowName(f engine.Flow) string {
	if f == engine.FlowOneClick {
		return "one_click"
	}
	return "standard"
}

// JSON.

func (w *jsonWriter) paymentViews(out *engine.Outcome) {
	if out.Shows&engine.ShowsPurchase != 0 {
		w.purchase(out.Purchase)
	}
	if out.Shows&engine.ShowsOffer != 0 {
		w.offer(out.Offer)
	}
	if out.Shows&engine.ShowsRefund != 0 {
		w.object("refund")
		w.refund(out.Refund)
	}
	if out.Shows&engine.ShowsTicket != 0 {
		w.ticket(out.Ticket)
	}
}

// idOf writes an id that the engine gave out.
func idOf[T any](w *jsonWriter, name string, appendID func([]byte, T, engine.Incarnation) []byte, id T, in engine.Incarnation) {
	w.key(name)
	w.b = append(w.b, '"')
	w.b = append(appendID(w.b, id, in), '"')
}

func (w *jsonWriter) purchase(p *engine.PurchaseView) {
	w.object("purchase")
	idOf(w, "id", engine.AppendPurchaseID, p.ID, p.Incarnation)
	w.str("event", p.Event)
	w.str("buyer", p.Buyer)
	w.str("state", p.State.String())
	w.str("flow", flowName(p.Flow))
	if p.Hold != 0 {
		idOf(w, "hold", engine.AppendHoldID, p.Hold, p.HoldIncarnation)
	}
	w.num("total_minor", p.TotalMinor)
	w.str("currency", p.Currency)
	w.str("gateway", p.Gateway)
	w.str("method", p.Method)
	w.str("decline", p.Decline.String())
	if p.HoldLives {
		w.flag("hold_lives", true)
	}
	w.time("hold_until", p.HoldUntil)
	w.time("pay_until", p.PayUntil)
	w.time("undo_until", p.UndoUntil)
	w.str("charge", p.Charge.String())
	if p.Order != 0 {
		idOf(w, "order", engine.AppendOrderID, p.Order, p.Incarnation)
	}
	w.time("at", p.At)
	w.numIf("lane_place", p.LanePlace)
	w.numIf("eta_ms", p.EtaMs)
	w.str("client_secret", p.ClientSecret)
	w.str("redirect_url", p.RedirectURL)
	w.numIf("pushes_lost", w.lost)
	if p.Undone {
		w.flag("undone", true)
	}
	w.end('}')
}

func (w *jsonWriter) offer(o *engine.OfferView) {
	w.object("offer")
	if o.ID != 0 {
		idOf(w, "id", engine.AppendOfferID, o.ID, o.Incarnation)
	}
	w.str("event", o.Event)
	w.str("buyer", o.Buyer)
	w.flag("one_click", o.OneClick)
	w.str("reason", o.Reason)
	w.str("method", o.Method)
	w.str("brand", o.Brand)
	w.str("last_four", o.LastFour)
	w.num("total_minor", o.TotalMinor)
	w.num("face_minor", o.FaceMinor)
	w.num("fees_minor", o.FeesMinor)
	w.numIf("tax_minor", o.TaxMinor)
	w.str("currency", o.Currency)
	w.time("expires_at", o.ExpiresAt)
	w.items(o.Items)
	w.end('}')
}

// refund writes a refund whose brace is open.
func (w *jsonWriter) refund(r *engine.RefundView) {
	idOf(w, "id", engine.AppendRefundID, r.ID, r.Incarnation)
	idOf(w, "order", engine.AppendOrderID, r.Order, r.OrderIn)
	w.num("amount_minor", r.AmountMinor)
	w.str("currency", r.Currency)
	w.str("state", r.State.String())
	if len(r.Tickets) > 0 {
		w.list("tickets")
		for _, id := range r.Tickets {
			w.comma()
			w.b = append(w.b, '"')
			w.b = append(engine.AppendTicketID(w.b, id, r.OrderIn), '"')
		}
		w.end(']')
	}
	w.time("at", r.At)
	w.end('}')
}

func (w *jsonWriter) ticket(t *engine.TicketView) {
	w.object("ticket")
	idOf(w, "id", engine.AppendTicketID, t.ID, t.Incarnation)
	w.str("lot", t.Lot)
	w.str("seat", t.Seat)
	w.mark(engine.TicketMark{State: t.State, Generation: t.Generation, AdmittedAt: t.AdmittedAt, Gate: t.Gate})
	if t.Order != 0 {
		idOf(w, "order", engine.AppendOrderID, t.Order, t.Incarnation)
	}
	w.end('}')
}

func (w *jsonWriter) mark(m engine.TicketMark) {
	w.str("state", m.State.String())
	w.numIf("generation", int64(m.Generation))
	w.time("admitted_at", m.AdmittedAt)
	w.str("gate", m.Gate)
}

// orderMoney writes what became of an order's money.
func (w *jsonWriter) orderMoney(o *engine.OrderView) {
	if o.Purchase != 0 {
		idOf(w, "purchase", engine.AppendPurchaseID, o.Purchase, o.PurchaseIn)
		w.str("charge", o.Charge.String())
	}
	w.time("undo_until", o.UndoUntil)
	w.numIf("refunded_minor", o.RefundedMinor)
	if len(o.Refunds) == 0 {
		return
	}
	w.list("refunds")
	for i := range o.Refunds {
		w.comma()
		w.b = append(w.b, '{')
		w.refund(&o.Refunds[i])
	}
	w.end(']')
}

func (w *jsonWriter) policy(p *engine.PayPolicy) {
	w.numGiven("undo_ms", p.UndoMs, p.HasUndo)
	w.numIf("pay_ms", p.PayMs)
	w.numIf("grace_ms", p.GraceMs)
	w.numIf("action_ms", p.ActionMs)
	w.numIf("redirect_ms", p.RedirectMs)
	w.numIf("queue_ms", p.QueueMs)
	w.numIf("offer_ttl_ms", p.OfferTTLMs)
	w.numIf("limit_per_linked", p.LimitPerLinked)
	w.time("refund_until", p.RefundUntil)
	w.numGiven("refund_window_ms", p.RefundWindowMs, p.HasRefundWindow)
	if p.OneClickOff {
		w.flag("one_click_off", true)
	}
	w.numGiven("one_click_share", p.OneClickShare, p.HasOneClickShare)
}

// numGiven writes a number, also 0, if it was given.
func (w *jsonWriter) numGiven(name string, v int64, given bool) {
	if given {
		w.num(name, v)
	}
}

func (w *jsonWriter) cancel(c *engine.CancelView) {
	w.object("cancel")
	w.str("reason", c.Reason)
	w.num("orders", c.Orders)
	w.num("refunded", c.Refunded)
	w.num("failed", c.Failed)
	w.num("external", c.External)
	w.end('}')
}

// Protobuf.

func (w *protoWriter) paymentViews(out *engine.Outcome) {
	if out.Shows&engine.ShowsPurchase != 0 {
		w.purchase(11, out.Purchase)
	}
	if out.Shows&engine.ShowsOffer != 0 {
		w.offer(12, out.Offer)
	}
	if out.Shows&engine.ShowsRefund != 0 {
		w.refund(13, out.Refund)
	}
	if out.Shows&engine.ShowsTicket != 0 {
		w.ticket(14, out.Ticket)
	}
}

// protoID writes an id that the engine gave out.
func protoID[T any](w *protoWriter, num int, appendID func([]byte, T, engine.Incarnation) []byte, id T, in engine.Incarnation) {
	from := w.open(num)
	w.b = appendID(w.b, id, in)
	w.close(from)
}

func (w *protoWriter) purchase(num int, p *engine.PurchaseView) {
	from := w.open(num)
	protoID(w, 1, engine.AppendPurchaseID, p.ID, p.Incarnation)
	w.str(2, p.Event)
	w.str(3, p.Buyer)
	w.str(4, p.State.String())
	w.str(5, flowName(p.Flow))
	if p.Hold != 0 {
		protoID(w, 6, engine.AppendHoldID, p.Hold, p.HoldIncarnation)
	}
	w.num(7, p.TotalMinor)
	w.str(8, p.Currency)
	w.str(9, p.Gateway)
	w.str(10, p.Method)
	w.str(11, p.Decline.String())
	w.flag(12, p.HoldLives)
	w.time(13, p.HoldUntil)
	w.time(14, p.PayUntil)
	w.time(15, p.UndoUntil)
	w.str(16, p.Charge.String())
	if p.Order != 0 {
		protoID(w, 17, engine.AppendOrderID, p.Order, p.Incarnation)
	}
	w.time(18, p.At)
	w.num(19, p.LanePlace)
	w.num(20, p.EtaMs)
	w.str(21, p.ClientSecret)
	w.str(22, p.RedirectURL)
	w.num(23, w.lost)
	w.flag(24, p.Undone)
	w.close(from)
}

func (w *protoWriter) offer(num int, o *engine.OfferView) {
	from := w.open(num)
	if o.ID != 0 {
		protoID(w, 1, engine.AppendOfferID, o.ID, o.Incarnation)
	}
	w.str(2, o.Event)
	w.str(3, o.Buyer)
	w.flag(4, o.OneClick)
	w.str(5, o.Reason)
	w.str(6, o.Method)
	w.str(7, o.Brand)
	w.str(8, o.LastFour)
	w.num(9, o.TotalMinor)
	w.num(10, o.FaceMinor)
	w.num(11, o.FeesMinor)
	w.num(12, o.TaxMinor)
	w.str(13, o.Currency)
	w.time(14, o.ExpiresAt)
	w.items(15, o.Items)
	w.close(from)
}

func (w *protoWriter) refund(num int, r *engine.RefundView) {
	from := w.open(num)
	protoID(w, 1, engine.AppendRefundID, r.ID, r.Incarnation)
	protoID(w, 2, engine.AppendOrderID, r.Order, r.OrderIn)
	w.num(3, r.AmountMinor)
	w.str(4, r.Currency)
	w.str(5, r.State.String())
	for _, id := range r.Tickets {
		protoID(w, 6, engine.AppendTicketID, id, r.OrderIn)
	}
	w.time(7, r.At)
	w.close(from)
}

func (w *protoWriter) ticket(num int, t *engine.TicketView) {
	from := w.open(num)
	protoID(w, 1, engine.AppendTicketID, t.ID, t.Incarnation)
	w.str(2, t.Lot)
	w.str(3, t.Seat)
	w.mark(engine.TicketMark{State: t.State, Generation: t.Generation, AdmittedAt: t.AdmittedAt, Gate: t.Gate})
	if t.Order != 0 {
		protoID(w, 8, engine.AppendOrderID, t.Order, t.Incarnation)
	}
	w.close(from)
}

func (w *protoWriter) mark(m engine.TicketMark) {
	w.str(4, m.State.String())
	w.num(5, int64(m.Generation))
	w.time(6, m.AdmittedAt)
	w.str(7, m.Gate)
}

func (w *protoWriter) orderMoney(o *engine.OrderView) {
	if o.Purchase != 0 {
		protoID(w, 12, engine.AppendPurchaseID, o.Purchase, o.PurchaseIn)
		w.str(13, o.Charge.String())
	}
	w.time(14, o.UndoUntil)
	w.num(15, o.RefundedMinor)
	for i := range o.Refunds {
		w.refund(16, &o.Refunds[i])
	}
}

func (w *protoWriter) policy(p *engine.PayPolicy) {
	w.numGiven(40, p.UndoMs, p.HasUndo)
	w.num(41, p.PayMs)
	w.num(42, p.GraceMs)
	w.num(43, p.ActionMs)
	w.num(44, p.RedirectMs)
	w.num(45, p.QueueMs)
	w.num(46, p.OfferTTLMs)
	w.num(47, p.LimitPerLinked)
	w.time(48, p.RefundUntil)
	w.numGiven(49, p.RefundWindowMs, p.HasRefundWindow)
	w.flag(50, p.OneClickOff)
	w.numGiven(51, p.OneClickShare, p.HasOneClickShare)
}

// numGiven writes an optional number: also its zero, if it was given.
func (w *protoWriter) numGiven(num int, v int64, given bool) {
	if given {
		w.tag(num, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, uint64(v))
	}
}

func (w *protoWriter) cancel(num int, c *engine.CancelView) {
	from := w.open(num)
	w.str(1, c.Reason)
	w.num(2, c.Orders)
	w.num(3, c.Refunded)
	w.num(4, c.Failed)
	w.num(5, c.External)
	w.close(from)
}
