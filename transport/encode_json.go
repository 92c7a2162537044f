package transport

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/holdfast-engine/holdfast/engine"
)

// The JSON encoder of replies. Fields that are empty are left out; counts, amounts and error.retryable are always written, because their
// zero is an answer.

// jsonWriter appends JSON. A comma is written by looking at the byte before: no value ends in { or [.
type jsonWriter struct {
	b    []byte
	lost int64 // changes of purchases that were not published: a purchase tells of them

	codes map[engine.TicketID]string // of the tickets of an order, if they were asked for

	placeEnd int // where the place's members end, if one was written
}

func (w *jsonWriter) comma() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' {
		w.b = append(w.b, ',')
	}
}

// key writes a name of the contract, which needs no escaping.
func (w *jsonWriter) key(name string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *jsonWriter) object(name string) {
	w.key(name)
	w.b = append(w.b, '{')
}

func (w *jsonWriter) list(name string) {
	w.key(name)
	w.b = append(w.b, '[')
}

func (w *jsonWriter) end(c byte) { w.b = append(w.b, c) }

func (w *jsonWriter) str(name, v string) {
	if v == "" {
		return
	}
	w.key(name)
	w.quote(v)
}

func (w *jsonWriter) num(name string, v int64) {
	w.key(name)
	w.b = strconv.AppendInt(w.b, v, 10)
}

func (w *jsonWriter) numIf(name string, v int64) {
	if v != 0 {
		w.num(name, v)
	}
}

func (w *jsonWriter) flag(name string, v bool) {
	w.key(name)
	w.b = strconv.AppendBool(w.b, v)
}

func (w *jsonWriter) time(name string, at engine.Instant) {
	if at == 0 {
		return
	}
	w.key(name)
	w.b = append(w.b, '"')
	w.b = time.Unix(0, int64(at)).UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

func (w *jsonWriter) strs(name string, list []string) {
	if len(list) == 0 {
		return
	}
	w.list(name)
	for _, v := range list {
		w.comma()
		w.quote(v)
	}
	w.end(']')
}

func (w *jsonWriter) quote(v string) {
	w.b = append(w.b, '"')
	from := len(w.b)
	w.b = append(w.b, v...)
	w.closeQuote(from)
}

// closeQuote ends the string whose bytes stand from from on, escaping what needs it.
func (w *jsonWriter) closeQuote(from int) {
	plain := true
	for _, c := range w.b[from:] {
		if !plainByte[c] && c < utf8.RuneSelf {
			plain = false
			break
		}
	}
	if !plain {
		raw := string(w.b[from:])
		w.b = w.b[:from]
		for i := 0; i < len(raw); i++ {
			switch c := raw[i]; {
			case c == '"' || c == '\\':
				w.b = append(w.b, '\\', c)
			case c == '\n':
				w.b = append(w.b, '\\', 'n')
			case c < ' ':
				w.b = append(w.b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			default:
				w.b = append(w.b, c)
			}
		}
	}
	w.b = append(w.b, '"')
}

const hexDigits = "0123456789abcdef"

func appendHex16(dst []byte, v uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

// outcome writes the members of a Reply for one command, without its correlation.
func (w *jsonWriter) outcome(requestID string, out *engine.Outcome) {
	w.str("request_id", requestID)
	if out.Repeated {
		w.flag("repeated", true)
	}
	if out.Code != engine.CodeOK {
		w.object("error")
		w.str("code", out.Code.String())
		w.key("message")
		w.b = append(w.b, '"')
		from := len(w.b)
		w.b = out.AppendMessage(w.b)
		w.closeQuote(from)
		w.str("field", out.Field)
		w.flag("retryable", out.Code.Retryable())
		w.numIf("retry_after_ms", out.RetryAfterMs)
		w.alternatives(out.Alternatives)
		w.end('}')
	}
	if out.Shows&engine.ShowsHold != 0 {
		w.hold(&out.Hold)
	}
	if out.Shows&engine.ShowsOrder != 0 {
		w.order(&out.Order)
	}
	if out.Shows&engine.ShowsEvent != 0 {
		w.event(&out.Event)
	}
	if out.Shows&engine.ShowsCapacity != 0 {
		w.object("capacity")
		w.str("lot", out.Capacity.Lot)
		w.str("pool", out.Capacity.Pool)
		w.num("asked", out.Capacity.Asked)
		w.counts(&out.Capacity.Counts)
		w.end('}')
	}
	if out.Shows&paymentViews != 0 {
		w.paymentViews(out)
	}
	if out.Shows&lineViews != 0 {
		w.lineViews(out)
	}
	if out.Shows&engine.ShowsTouch != 0 {
		w.object("touches")
		w.num("taken", out.Touch.Taken)
		w.num("repeated", out.Touch.Repeated)
		w.end('}')
	}
}

func (w *jsonWriter) alternatives(list []engine.Alternative) {
	if len(list) == 0 {
		return
	}
	w.list("alternatives")
	for i := range list {
		w.comma()
		w.b = append(w.b, '{')
		w.str("lot", list[i].Lot)
		w.strs("seats", list[i].Seats)
		w.end('}')
	}
	w.end(']')
}

// refusal writes the members of a Reply that refuses a message before the engine saw it.
func (w *jsonWriter) refusal(requestID string, r *refusal) {
	w.str("request_id", requestID)
	w.object("error")
	w.str("code", r.code.String())
	w.str("message", r.text)
	w.str("field", r.field)
	w.flag("retryable", r.code.Retryable())
	w.numIf("retry_after_ms", r.retryAfterMs)
	w.end('}')
}

func (w *jsonWriter) hold(h *engine.HoldView) {
	w.object("hold")
	w.key("id")
	w.b = append(w.b, '"')
	w.b = append(engine.AppendHoldID(w.b, h.ID, h.Incarnation), '"')
	w.str("event", h.Event)
	w.str("buyer", h.Buyer)
	w.str("state", h.State.String())
	w.num("total_minor", h.TotalMinor)
	w.str("currency", h.Currency)
	w.time("expires_at", h.ExpiresAt)
	w.items(h.Items)
	w.end('}')
}

func (w *jsonWriter) items(items []engine.ItemView) {
	if len(items) == 0 {
		return
	}
	w.list("items")
	for i := range items {
		it := &items[i]
		w.comma()
		w.b = append(w.b, '{')
		w.str("lot", it.Lot)
		w.num("quantity", it.Quantity)
		w.num("units", it.Units)
		w.num("face_minor", it.FaceMinor)
		w.numIf("tax_minor", it.TaxMinor)
		w.fees(it.Fees)
		w.strs("seats", it.Seats)
		w.str("code", it.Code)
		w.end('}')
	}
	w.end(']')
}

func (w *jsonWriter) fees(fees []engine.Fee) {
	if len(fees) == 0 {
		return
	}
	w.list("fees")
	for i := range fees {
		w.comma()
		w.b = append(w.b, '{')
		w.str("name", fees[i].Name)
		w.num("minor", fees[i].Minor)
		w.end('}')
	}
	w.end(']')
}

func (w *jsonWriter) order(o *engine.OrderView) {
	w.object("order")
	w.key("id")
	w.b = append(w.b, '"')
	w.b = append(engine.AppendOrderID(w.b, o.ID, o.Incarnation), '"')
	if o.Hold != 0 {
		w.key("hold")
		w.b = append(w.b, '"')
		w.b = append(engine.AppendHoldID(w.b, o.Hold, o.HoldIncarnation), '"')
	}
	w.str("event", o.Event)
	w.str("buyer", o.Buyer)
	w.num("total_minor", o.TotalMinor)
	w.str("currency", o.Currency)
	w.str("payment_ref", o.PaymentRef)
	w.time("at", o.At)
	w.items(o.Items)
	w.list("tickets")
	for t := ticketsOf(o); t.next(); {
		w.comma()
		w.b = append(w.b, `{"id":"`...)
		w.b = append(engine.AppendTicketID(w.b, t.id, o.Incarnation), '"')
		w.str("lot", t.lot)
		w.str("seat", t.seat)
		w.mark(t.mark)
		w.str("code", w.codes[t.id])
		w.end('}')
	}
	w.end(']')
	w.num("ticket_count", o.Tickets)
	w.orderMoney(o)
	w.end('}')
}

func (w *jsonWriter) event(e *engine.EventView) {
	w.object("event")
	w.str("id", e.ID)
	w.str("state", e.State.String())
	if s := e.Spec; s != nil {
		w.str("name", s.Name)
		w.str("genre", s.Genre)
		w.str("performer", s.Performer)
		w.str("venue", s.Venue)
		w.str("city", s.City)
		w.str("country", s.Country)
		w.str("time_zone", s.TimeZone)
		w.time("doors_at", s.DoorsAt)
		w.time("starts_at", s.StartsAt)
		w.time("opens_at", s.OpensAt)
		w.time("closes_at", s.ClosesAt)
		w.str("currency", s.Currency)
		w.num("hold_ttl_ms", s.HoldTTLMs)
		w.num("max_hold_ms", s.MaxHoldMs)
		w.num("spread_ms", s.SpreadMs)
		w.numIf("limit_per_buyer", s.LimitPerBuyer)
		w.numIf("limit_per_order", s.LimitPerOrder)
		w.policy(&s.Pay)
		if s.Observe {
			w.str("mode", "observe")
		}
	}
	if e.Cancel != nil {
		w.cancel(e.Cancel)
	}
	if e.Line != nil {
		w.line(e.Line, lineSpecOf(e))
	}
	if e.List != nil {
		w.waitingList(e.List)
	}
	if e.Codes != nil {
		w.codesShown(e.Codes)
	}
	w.num("holds_live", e.HoldsLive)
	w.num("orders", e.Orders)
	w.key("state_hash")
	w.b = append(w.b, '"')
	w.b = append(appendHex16(w.b, e.StateHash), '"')
	w.num("covered_ms", e.CoveredMs)
	if len(e.Pools) > 0 {
		w.list("pools")
		for i := range e.Pools {
			w.comma()
			w.b = append(w.b, '{')
			w.str("pool", e.Pools[i].Pool)
			w.counts(&e.Pools[i].Counts)
			w.end('}')
		}
		w.end(']')
	}
	w.list("lots")
	for i := range e.Lots {
		w.lot(&e.Lots[i])
	}
	w.end(']')
	w.end('}')
}

func (w *jsonWriter) lot(l *engine.LotView) {
	s := l.Spec
	w.comma()
	w.b = append(w.b, '{')
	w.str("lot", s.Lot)
	w.str("name", s.Name)
	w.num("face_minor", s.FaceMinor)
	w.fees(s.Fees)
	w.numIf("tax_minor", s.TaxMinor)
	w.num("units", max(1, s.Units))
	w.strs("pools", s.Pools)
	w.strs("requires", s.Requires)
	w.str("after", s.After)
	w.numIf("min_order", s.MinOrder)
	w.numIf("max_order", s.MaxOrder)
	if s.CodeOnly {
		w.flag("code_only", true)
	}
	w.counts(&l.Counts)
	w.num("available", l.Available)
	w.flag("open", l.Open)
	w.flag("seated", l.Seated)
	w.numIf("free_accessible", l.FreeAccessible)
	w.numIf("free_companion", l.FreeCompanion)
	w.numIf("free_restricted", l.FreeRestricted)
	w.end('}')
}

func (w *jsonWriter) counts(c *engine.Counts) {
	w.num("capacity", c.Capacity)
	w.num("free", c.Free)
	w.num("held", c.Held)
	w.num("paying", c.Paying)
	w.num("sold", c.Sold)
	w.num("blocked", c.Blocked)
}
