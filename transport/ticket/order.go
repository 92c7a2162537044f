package ticket

import (
	"iter"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// IssuedAt is a time as codes have it. A ticket keeps the time of its order through every new code.
func IssuedAt(order engine.Instant) int64 { return int64(order) / 1e9 }

// Of goes through the claims of the tickets of an order that admit somebody, or will: those that are void have no code. Their strings are their own.
func Of(account string, o *engine.OrderView) iter.Seq2[engine.TicketID, Claims] {
	return func(use func(engine.TicketID, Claims) bool) {
		n := 0
		for i := range o.Items {
			it := &o.Items[i]
			units := max(1, it.Units)
			for k := range it.Quantity * units {
				id := o.FirstTicket + engine.TicketID(n)
				c := Claims{
					Account: account, Event: strings.Clone(o.Event), Lot: strings.Clone(it.Lot), IssuedAt: IssuedAt(o.At),
					Ticket: string(engine.AppendTicketID(nil, id, o.Incarnation)),
				}
				if seat := k / units; seat < int64(len(it.Seats)) {
					c.Seat = strings.Clone(it.Seats[seat])
				}
				void := false
				if n < len(o.Marks) {
					c.Generation, void = o.Marks[n].Generation, o.Marks[n].State == engine.TicketVoided
				}
				n++
				if !void && !use(id, c) {
					return
				}
			}
		}
	}
}
