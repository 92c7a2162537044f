package enginetest

import (
	"slices"

	"github.com/holdfast-engine/holdfast/engine"
)

type modelOrder struct {
	id      engine.OrderID
	in      engine.Incarnation // in which it was made
	hold    *modelHold
	ref     string
	at      engine.Instant
	first   engine.TicketID
	tickets int64
	all     []*modelTicket
	refunds []*modelRefund
}

// sell makes an order of a hold, with its tickets.
func (m *Model) sell(h *modelHold, ref string) *modelOrder {
	m.end(h, engine.HoldConfirmed)
	o := &modelOrder{id: engine.OrderID(len(m.orders) + 1), in: m.incarnation, hold: h, ref: ref, at: m.now, first: m.lastTicket + 1, tickets: h.units()}
	o.issue()
	h.order = o
	m.orders = append(m.orders, o)
	m.lastTicket += engine.TicketID(o.tickets)
	return o
}

func (m *Model) order(cmd *engine.Command) func(*engine.Outcome) *modelRequest {
	id, in, _ := engine.ParseOrderID(cmd.Order)
	if id == 0 || int(id) > len(m.orders) || m.orders[id-1].in != in || cmd.Buyer != "" && m.orders[id-1].hold.buyer != cmd.Buyer {
		m.refusals.add(engine.CodeOrderUnknown, "order")
		return nil
	}
	return func(out *engine.Outcome) *modelRequest {
		m.showOrder(out, m.orders[id-1])
		return nil
	}
}

func (m *Model) showHold(out *engine.Outcome, h *modelHold) {
	out.Shows |= engine.ShowsHold
	out.Hold = engine.HoldView{ID: h.id, Incarnation: h.in, Event: m.key.ID, State: h.state, TotalMinor: h.total, Currency: m.spec.Currency}
	if h.forgotten {
		out.Hold.State = engine.HoldForgotten
		return
	}
	out.Hold.Buyer = h.buyer
	if !h.ended() {
		out.Hold.ExpiresAt, out.Hold.Items = engine.Instant(h.deadline+m.down), slices.Clone(h.items)
	}
}

func (m *Model) showOrder(out *engine.Outcome, o *modelOrder) {
	out.Shows |= engine.ShowsOrder
	out.Order = engine.OrderView{
		ID: o.id, Incarnation: o.in, Hold: o.hold.id, HoldIncarnation: o.hold.in, Event: m.key.ID, Buyer: o.hold.buyer, TotalMinor: o.hold.total, Currency: m.spec.Currency, PaymentRef: o.ref,
		At: o.at, FirstTicket: o.first, Tickets: o.tickets, Items: slices.Clone(o.hold.items),
	}
	m.showAfter(&out.Order, o)
}

func (m *Model) showCapacity(out *engine.Outcome, lot, pool string, asked int64) {
	out.Shows |= engine.ShowsCapacity
	out.Capacity = engine.CapacityView{Lot: lot, Pool: pool, Asked: asked}
	if pool != "" {
		out.Capacity.Counts = m.poolCounts(m.pool(pool), nil)
	} else {
		out.Capacity.Counts = m.counts(m.lot(lot), nil)
	}
}

func (m *Model) showEvent(out *engine.Outcome) {
	out.Shows |= engine.ShowsEvent
	spec := m.spec
	v := engine.EventView{ID: m.key.ID, State: m.state, Spec: &spec, HoldsLive: m.liveHolds(), Orders: int64(len(m.orders)), Cancel: m.off}
	for _, id := range m.bounded[:min(1, len(m.bounded))] {
		age := int64(m.requests[id].at-m.since) / 1e9 * 1e9 // to a second
		v.CoveredMs = (int64(m.now-m.since) - age) / 1e6
	}
	m.keep(nil)
	defer m.keepNone()
	for _, l := range m.lots {
		s := l.spec
		lv := engine.LotView{Spec: &s, Counts: m.counts(l, nil), Open: l.open, SoldOut: m.soldOut(l), Seated: l.seated()}
		t := m.theater(l, nil)
		lv.FreeAccessible = t.count(func(s modelSeat) bool { return s.kind == "accessible" })
		lv.FreeCompanion = t.count(func(s modelSeat) bool { return s.kind == "companion" })
		lv.FreeRestricted = t.count(func(s modelSeat) bool { return s.kind == "restricted" })
		if l.open {
			lv.Available = m.room(l, nil, nil)
		}
		v.Lots = append(v.Lots, lv)
	}
	for _, p := range m.pools {
		v.Pools = append(v.Pools, engine.PoolView{Pool: p.spec.Pool, Counts: m.poolCounts(p, nil)})
	}
	v.Line, v.List, v.Codes = m.viewLine(), m.viewList(), m.viewCodes(nil)
	out.Event = v
}
