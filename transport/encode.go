package transport

import (
	"github.com/holdfast-engine/holdfast/engine"
)

// refusal answers a message that the engine never saw, or took no command of.
type refusal struct {
	code         engine.Code
	field        string
	text         string
	retryAfterMs int64
}

// appendOutcome appends the fields of a Reply for one command, without braces and correlation.
func appendOutcome(dst []byte, json bool, requestID string, out *engine.Outcome) []byte {
	if json {
		w := jsonWriter{b: dst}
		w.outcome(requestID, out)
		return w.b
	}
	w := protoWriter{b: dst}
	w.outcome(requestID, out)
	return w.b
}

// appendRefusal appends a whole Reply that refuses a message.
func appendRefusal(dst []byte, json bool, requestID, correlation string, r *refusal) []byte {
	if json {
		w := jsonWriter{b: append(dst, '{')}
		w.refusal(requestID, r)
		w.str("correlation", correlation)
		w.end('}')
		return w.b
	}
	w := protoWriter{b: dst}
	w.refusal(requestID, r)
	w.str(15, correlation)
	return w.b
}

// appendList appends a whole Reply to events.list.
func appendList(dst []byte, json bool, requestID, correlation string, events []string, next string) []byte {
	if json {
		w := jsonWriter{b: append(dst, '{')}
		w.str("request_id", requestID)
		w.list("events")
		for _, id := range events {
			w.comma()
			w.quote(id)
		}
		w.end(']')
		w.str("next", next)
		w.str("correlation", correlation)
		w.end('}')
		return w.b
	}
	w := protoWriter{b: dst}
	w.str(1, requestID)
	for _, id := range events {
		w.element(9, id)
	}
	w.str(10, next)
	w.str(15, correlation)
	return w.b
}

// tickets walks the tickets of an order: numbered without holes in the order of its items and their seats.
type tickets struct {
	items     []engine.ItemView
	id        engine.TicketID
	left      int64 // of the order
	ofItem    int64 // left of the item, this one included
	done      int64 // of the item
	lot, seat string
	units     int64
	seats     []string
	marks     []engine.TicketMark // of this ticket and those behind it
	mark      engine.TicketMark
}

func ticketsOf(o *engine.OrderView) tickets {
	return tickets{items: o.Items, id: o.FirstTicket - 1, left: min(o.Tickets, TicketsShownMax), marks: o.Marks}
}

// next steps to the next ticket and reports whether there is one.
func (t *tickets) next() bool {
	if t.left <= 0 {
		return false
	}
	t.left--
	t.id++
	t.mark = engine.TicketMark{State: engine.TicketValid}
	if len(t.marks) > 0 {
		t.mark, t.marks = t.marks[0], t.marks[1:]
	}
	for t.ofItem == 0 && len(t.items) > 0 {
		it := &t.items[0]
		t.items = t.items[1:]
		t.units = max(1, it.Units)
		t.lot, t.seats, t.done = it.Lot, it.Seats, 0
		t.ofItem = it.Quantity * t.units
		if len(it.Seats) > 0 {
			t.ofItem = int64(len(it.Seats)) * t.units
		}
	}
	t.seat = ""
	if t.ofItem > 0 {
		if i := t.done / t.units; i < int64(len(t.seats)) {
			t.seat = t.seats[i]
		}
		t.ofItem--
		t.done++
	}
	return true
}

// echoID returns id if a reply may echo it: an id, not whatever a stranger sent, and never a card number.
func echoID(id string) string {
	if engine.ValidID(id) && !looksLikeCard(id) {
		return id
	}
	return ""
}
