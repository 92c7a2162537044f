package transport

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/holdfast-engine/holdfast/engine"
)

// The protobuf encoder of replies. It writes the bytes that deterministic proto.Marshal would write, without the message in between.

// protoWriter appends protobuf fields. Zero values are left out, as proto3 does.
type protoWriter struct {
	b    []byte
	lost int64 // changes of purchases that were not published: a purchase tells of them

	codes map[engine.TicketID]string // of the tickets of an order, if they were asked for

	placed written // where the place stands, if one was written
}

func (w *protoWriter) tag(num int, typ protowire.Type) {
	if num < 16 {
		w.b = append(w.b, byte(num<<3|int(typ)))
		return
	}
	w.b = protowire.AppendTag(w.b, protowire.Number(num), typ)
}

func (w *protoWriter) str(num int, v string) {
	if v == "" {
		return
	}
	w.element(num, v)
}

// element writes a string also when it is empty: an element of a list.
func (w *protoWriter) element(num int, v string) {
	w.tag(num, protowire.BytesType)
	w.b = protowire.AppendVarint(w.b, uint64(len(v)))
	w.b = append(w.b, v...)
}

func (w *protoWriter) num(num int, v int64) {
	if v == 0 {
		return
	}
	w.tag(num, protowire.VarintType)
	w.b = protowire.AppendVarint(w.b, uint64(v))
}

func (w *protoWriter) flag(num int, v bool) {
	if v {
		w.tag(num, protowire.VarintType)
		w.b = append(w.b, 1)
	}
}

func (w *protoWriter) time(num int, at engine.Instant) {
	if at == 0 {
		return
	}
	from := w.open(num)
	seconds, nanos := int64(at)/1e9, int64(at)%1e9
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+1e9
	}
	w.num(1, seconds)
	w.num(2, nanos)
	w.close(from)
}

// open starts a nested message and returns where it starts; close writes its length. One byte is kept for the length, which is enough for
// most; a longer message is moved up.
func (w *protoWriter) open(num int) int {
	w.tag(num, protowire.BytesType)
	w.b = append(w.b, 0)
	return len(w.b)
}

func (w *protoWriter) close(from int) {
	size := len(w.b) - from
	if size < 0x80 {
		w.b[from-1] = byte(size)
		return
	}
	extra := protowire.SizeVarint(uint64(size)) - 1
	w.b = append(w.b, "\x00\x00\x00\x00"[:extra]...)
	copy(w.b[from+extra:], w.b[from:from+size])
	protowire.AppendVarint(w.b[:from-1], uint64(size))
}

// outcome writes the fields of a Reply for one command, without its correlation.
func (w *protoWriter) outcome(requestID string, out *engine.Outcome) {
	w.str(1, requestID)
	w.flag(2, out.Repeated)
	if out.Code != engine.CodeOK {
		from := w.open(3)
		w.str(1, out.Code.String())
		w.tag(2, protowire.BytesType)
		w.b = append(w.b, 0)
		text := len(w.b)
		w.b = out.AppendMessage(w.b)
		w.close(text)
		w.str(3, out.Field)
		w.flag(4, out.Code.Retryable())
		w.num(5, out.RetryAfterMs)
		for i := range out.Alternatives {
			a := w.open(6)
			w.str(1, out.Alternatives[i].Lot)
			for _, seat := range out.Alternatives[i].Seats {
				w.element(2, seat)
			}
			w.close(a)
		}
		w.close(from)
	}
	if out.Shows&engine.ShowsHold != 0 {
		w.hold(4, &out.Hold)
	}
	if out.Shows&engine.ShowsOrder != 0 {
		w.order(5, &out.Order)
	}
	if out.Shows&engine.ShowsEvent != 0 {
		w.event(6, &out.Event)
	}
	if out.Shows&engine.ShowsCapacity != 0 {
		from := w.open(7)
		c := &out.Capacity
		w.str(1, c.Lot)
		w.str(2, c.Pool)
		w.num(3, c.Asked)
		w.counts(4, &c.Counts)
		w.close(from)
	}
	if out.Shows&paymentViews != 0 {
		w.paymentViews(out)
	}
	if out.Shows&engine.ShowsTouch != 0 {
		from := w.open(16)
		w.num(1, out.Touch.Taken)
		w.num(2, out.Touch.Repeated)
		w.close(from)
	}
	if out.Shows&lineViews != 0 {
		w.lineViews(out)
	}
}

// refusal writes the fields of a Reply that refuses a message before the engine saw it.
func (w *protoWriter) refusal(requestID string, r *refusal) {
	w.str(1, requestID)
	from := w.open(3)
	w.str(1, r.code.String())
	w.str(2, r.text)
	w.str(3, r.field)
	w.flag(4, r.code.Retryable())
	w.num(5, r.retryAfterMs)
	w.close(from)
}

func (w *protoWriter) hold(num int, h *engine.HoldView) {
	from := w.open(num)
	w.tag(1, protowire.BytesType)
	w.b = append(w.b, 0)
	id := len(w.b)
	w.b = engine.AppendHoldID(w.b, h.ID, h.Incarnation)
	w.close(id)
	w.str(2, h.Event)
	w.str(3, h.Buyer)
	w.str(4, h.State.String())
	w.num(5, h.TotalMinor)
	w.str(6, h.Currency)
	w.time(7, h.ExpiresAt)
	w.items(8, h.Items)
	w.close(from)
}

func (w *protoWriter) items(num int, items []engine.ItemView) {
	for i := range items {
		it := &items[i]
		from := w.open(num)
		w.str(1, it.Lot)
		w.num(2, it.Quantity)
		w.num(3, it.Units)
		w.num(4, it.FaceMinor)
		w.num(5, it.TaxMinor)
		w.fees(6, it.Fees)
		for _, seat := range it.Seats {
			w.element(7, seat)
		}
		w.str(8, it.Code)
		w.close(from)
	}
}

func (w *protoWriter) fees(num int, fees []engine.Fee) {
	for i := range fees {
		from := w.open(num)
		w.str(1, fees[i].Name)
		w.num(2, fees[i].Minor)
		w.close(from)
	}
}

func (w *protoWriter) order(num int, o *engine.OrderView) {
	from := w.open(num)
	id := w.open(1)
	w.b = engine.AppendOrderID(w.b, o.ID, o.Incarnation)
	w.close(id)
	if o.Hold != 0 {
		id = w.open(2)
		w.b = engine.AppendHoldID(w.b, o.Hold, o.HoldIncarnation)
		w.close(id)
	}
	w.str(3, o.Event)
	w.str(4, o.Buyer)
	w.num(5, o.TotalMinor)
	w.str(6, o.Currency)
	w.str(7, o.PaymentRef)
	w.time(8, o.At)
	w.items(9, o.Items)
	for t := ticketsOf(o); t.next(); {
		ticket := w.open(10)
		id = w.open(1)
		w.b = engine.AppendTicketID(w.b, t.id, o.Incarnation)
		w.close(id)
		w.str(2, t.lot)
		w.str(3, t.seat)
		w.mark(t.mark)
		w.str(9, w.codes[t.id])
		w.close(ticket)
	}
	w.num(11, o.Tickets)
	w.orderMoney(o)
	w.close(from)
}

func (w *protoWriter) event(num int, e *engine.EventView) {
	from := w.open(num)
	w.str(1, e.ID)
	w.str(2, e.State.String())
	w.num(3, e.HoldsLive)
	w.num(4, e.Orders)
	w.tag(5, protowire.BytesType)
	w.b = append(w.b, 16)
	w.b = appendHex16(w.b, e.StateHash)
	w.num(6, e.CoveredMs)
	if s := e.Spec; s != nil {
		w.str(20, s.Name)
		w.str(21, s.Genre)
		w.str(22, s.Performer)
		w.str(23, s.Venue)
		w.str(24, s.City)
		w.str(25, s.Country)
		w.str(26, s.TimeZone)
		w.time(27, s.DoorsAt)
		w.time(28, s.StartsAt)
		w.time(29, s.OpensAt)
		w.time(30, s.ClosesAt)
		w.str(31, s.Currency)
		w.num(32, s.HoldTTLMs)
		w.num(33, s.MaxHoldMs)
		w.num(34, s.SpreadMs)
		w.num(35, s.LimitPerBuyer)
		w.num(36, s.LimitPerOrder)
	}
	for i := range e.Pools {
		pool := w.open(38)
		w.str(1, e.Pools[i].Pool)
		w.counts(2, &e.Pools[i].Counts)
		w.close(pool)
	}
	for i := range e.Lots {
		w.lot(39, &e.Lots[i])
	}
	if s := e.Spec; s != nil {
		w.policy(&s.Pay)
	}
	if e.Cancel != nil {
		w.cancel(52, e.Cancel)
	}
	if e.Spec != nil && e.Spec.Observe {
		w.str(53, "observe")
	}
	if e.Line != nil {
		w.line(54, e.Line, lineSpecOf(e))
	}
	if e.List != nil {
		w.waitingList(55, e.List)
	}
	if e.Codes != nil {
		w.codesShown(56, e.Codes)
	}
	w.close(from)
}

func (w *protoWriter) lot(num int, l *engine.LotView) {
	from := w.open(num)
	s := l.Spec
	w.str(1, s.Lot)
	w.counts(2, &l.Counts)
	w.num(8, l.Available)
	w.flag(9, l.Open)
	w.flag(10, l.Seated)
	w.num(11, l.FreeAccessible)
	w.num(12, l.FreeCompanion)
	w.num(13, l.FreeRestricted)
	w.str(20, s.Name)
	w.num(21, s.FaceMinor)
	w.fees(22, s.Fees)
	w.num(23, s.TaxMinor)
	w.num(24, max(1, s.Units))
	for _, p := range s.Pools {
		w.element(25, p)
	}
	for _, r := range s.Requires {
		w.element(26, r)
	}
	w.str(27, s.After)
	w.num(28, s.MinOrder)
	w.num(29, s.MaxOrder)
	w.flag(30, s.CodeOnly)
	w.close(from)
}

// counts writes the six counts, which have consecutive numbers everywhere.
func (w *protoWriter) counts(first int, c *engine.Counts) {
	w.num(first, c.Capacity)
	w.num(first+1, c.Free)
	w.num(first+2, c.Held)
	w.num(first+3, c.Paying)
	w.num(first+4, c.Sold)
	w.num(first+5, c.Blocked)
}
