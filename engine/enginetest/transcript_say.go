package enginetest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// sayOutcome writes an outcome as a person at the counter would say it.
func sayOutcome(out *engine.Outcome) string {
	again := ""
	if out.Repeated {
		again = "again: "
	}
	if out.Code != engine.CodeOK {
		text := again + "refused " + out.Code.String()
		if out.Code.Retryable() {
			text += " (try later)"
		}
		text += ": " + string(out.AppendMessage(nil))
		if out.Field != "" && out.Code != engine.CodeInvalid && out.Code != engine.CodeCardNumber { // their sentence names the field
			text += " [" + out.Field + "]"
		}
		if t := out.Ticket; out.Shows&engine.ShowsTicket != 0 {
			text += "\n  " + sayTicket(t)
		}
		if out.Shows&engine.ShowsWaiter != 0 {
			text += "\n  " + sayWaiter(out.Waiter)
		}
		for _, a := range out.Alternatives {
			text += "\n  or " + a.Lot + " " + strings.Join(a.Seats, " ")
		}
		return text
	}
	switch {
	case out.Shows&engine.ShowsWaiter != 0:
		if out.Shows&engine.ShowsPlace != 0 {
			again += sayPlace(out.Place) + "\n"
		}
		if again += sayWaiter(out.Waiter); out.Shows&engine.ShowsHold != 0 {
			again += "\n" + sayHold(&out.Hold)
		}
		return again
	case out.Shows&engine.ShowsPurchase != 0:
		return again + sayPurchase(out)
	case out.Shows&engine.ShowsOffer != 0:
		return again + sayOffer(out.Offer)
	case out.Shows&engine.ShowsRefund != 0:
		return again + sayRefund(out.Refund)
	case out.Shows&engine.ShowsTicket != 0:
		return again + sayTicket(out.Ticket)
	case out.Shows&engine.ShowsOrder != 0:
		return again + sayOrder(&out.Order)
	case out.Shows&engine.ShowsHold != 0:
		return again + sayHold(&out.Hold)
	case out.Shows&engine.ShowsCapacity != 0:
		c := &out.Capacity
		name := "lot " + c.Lot
		if c.Pool != "" {
			name = "pool " + c.Pool
		}
		return again + name + ": " + sayCounts(&c.Counts)
	case out.Shows&engine.ShowsTouch != 0:
		return again + sayTouch(&out.Touch)
	case out.Shows&engine.ShowsPlace != 0:
		return again + sayPlace(out.Place)
	case out.Shows&engine.ShowsLine != 0:
		return again + sayLine(out.Line)
	case out.Shows&engine.ShowsEvent != 0 && out.Verb == engine.VerbCodes && !out.Repeated:
		return again + sayCodes(out.Event.Codes, out.Event.Spec.Currency)
	case out.Shows&engine.ShowsEvent != 0 && out.Verb == engine.VerbGet:
		return sayEvent(&out.Event)
	case out.Shows&engine.ShowsEvent != 0:
		return again + "the event is " + out.Event.State.String()
	}
	return again + "done"
}

// sayWhy writes what became of a request id.
func sayWhy(out *engine.Outcome) string {
	w := out.Why
	if w == nil {
		return sayOutcome(out)
	}
	text := w.Kind.String()
	switch w.Kind {
	case engine.WhyAccepted:
		text += fmt.Sprintf(" as fact %d at %s", w.Seq, clockTime(w.At))
		if w.Currency != "" {
			text += ", " + money(w.Amount, w.Currency)
		} else if w.Amount != 0 {
			text += fmt.Sprintf(", %d", w.Amount)
		}
	case engine.WhyRefused:
		text += " " + w.Code.String() + " at " + clockTime(w.At)
	case engine.WhyUnknown:
		text += fmt.Sprintf(", %d accepted and %d refused remembered", w.Accepted, w.Refused)
		if w.CoveredMs > 0 {
			text += fmt.Sprintf(", all of the last %d ms", w.CoveredMs)
		}
	}
	text += ": " + w.Message
	if w.Rule != "" {
		text += "\n  rule: " + w.Rule
	}
	for _, n := range w.Numbers {
		text += fmt.Sprintf("\n  %s %d", n.Name, n.Value)
	}
	return text
}

func sayHold(h *engine.HoldView) string {
	text := fmt.Sprintf("hold %s of %s %s: %s", sayID(uint64(h.ID), h.Incarnation), h.Buyer, h.State, sayItems(h.Items, h.Currency))
	if h.State == engine.HoldHeld {
		return text + money(h.TotalMinor, h.Currency) + ", until " + clockTime(h.ExpiresAt)
	}
	return text + money(h.TotalMinor, h.Currency)
}

// sayID is a number as people say it, with the incarnation behind it where there is one.
func sayID(n uint64, in engine.Incarnation) string {
	text := strconv.FormatUint(n, 10)
	if in != 0 {
		text += "-" + string(engine.AppendIncarnation(nil, in))
	}
	return text
}

func sayOrder(o *engine.OrderView) string {
	text := fmt.Sprintf("order %s of %s: %s%s", sayID(uint64(o.ID), o.Incarnation), o.Buyer, sayItems(o.Items, o.Currency), money(o.TotalMinor, o.Currency))
	switch o.Tickets {
	case 0:
	case 1:
		text += ", ticket " + sayID(uint64(o.FirstTicket), o.Incarnation)
	default:
		text += ", tickets " + sayID(uint64(o.FirstTicket), o.Incarnation) + " to " + sayID(uint64(o.FirstTicket)+uint64(o.Tickets)-1, o.Incarnation)
	}
	if o.PaymentRef != "" {
		text += ", paid " + o.PaymentRef
	}
	for i, m := range o.Marks {
		if m != (engine.TicketMark{State: engine.TicketValid}) {
			text += "\n  ticket " + sayID(uint64(o.FirstTicket)+uint64(i), o.Incarnation) + sayMark(m)
		}
	}
	for i := range o.Refunds {
		text += "\n  " + sayRefund(&o.Refunds[i])
	}
	return text
}

func sayMark(m engine.TicketMark) string {
	text := " " + m.State.String()
	if m.AdmittedAt != 0 {
		text += ", used at " + clockTime(m.AdmittedAt)
	}
	if m.Gate != "" {
		text += ", gate " + m.Gate
	}
	if m.Generation != 0 {
		text += fmt.Sprintf(", code %d", m.Generation)
	}
	return text
}

func sayTicket(t *engine.TicketView) string {
	text := "ticket " + sayID(uint64(t.ID), t.Incarnation) + " of order " + sayID(uint64(t.Order), t.Incarnation) + ": " + t.Lot
	if t.Seat != "" {
		text += " " + t.Seat
	}
	return text + "," + sayMark(engine.TicketMark{State: t.State, Generation: t.Generation, AdmittedAt: t.AdmittedAt, Gate: t.Gate})
}

func sayRefund(r *engine.RefundView) string {
	text := fmt.Sprintf("refund %s of order %s: %s, %s", sayID(uint64(r.ID), r.Incarnation), sayID(uint64(r.Order), r.OrderIn), money(r.AmountMinor, r.Currency), r.State)
	for i, t := range r.Tickets {
		if i == 0 {
			text += ", void:"
		}
		text += " " + sayID(uint64(t), r.OrderIn)
	}
	for _, s := range []struct {
		is   bool
		text string
	}{{r.KeepFees, "fees kept"}, {r.Blocked, "blocked"}, {r.ByBuyer, "by the buyer"}, {r.Reason != "", "because " + r.Reason}} {
		if s.is {
			text += ", " + s.text
		}
	}
	return text
}

func sayItems(items []engine.ItemView, currency string) string {
	var b strings.Builder
	for i := range items {
		it := &items[i]
		fmt.Fprintf(&b, "%d %s", it.Quantity, it.Lot)
		if it.Units != 1 {
			fmt.Fprintf(&b, " (%d tickets)", it.Quantity*it.Units)
		}
		if len(it.Seats) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(it.Seats, " "))
		}
		if it.Code != "" {
			b.WriteString(" with " + it.Code)
		}
		b.WriteString(", ")
	}
	return b.String()
}

func sayCounts(c *engine.Counts) string {
	text := fmt.Sprintf("%d %s = %d free + %d held + %d sold + %d blocked", c.Capacity, plural(c.Capacity, "ticket"), c.Free, c.Held, c.Sold, c.Blocked)
	if c.Paying != 0 {
		text += fmt.Sprintf(" + %d paying", c.Paying)
	}
	return text
}

func sayEvent(e *engine.EventView) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d %s live, %d %s\n", e.State, e.HoldsLive, plural(e.HoldsLive, "hold"), e.Orders, plural(e.Orders, "order"))
	if c := e.Cancel; c != nil {
		fmt.Fprintf(&b, "  to refund: %d %s, %d refunded, %d failed, %d paid outside", c.Orders, plural(c.Orders, "order"), c.Refunded, c.Failed, c.External)
		if c.Reason != "" {
			b.WriteString(", because " + c.Reason)
		}
		b.WriteByte('\n')
	}
	if e.Line != nil {
		b.WriteString("  " + sayLine(e.Line) + "\n")
	}
	if e.List != nil {
		b.WriteString("  " + sayList(e.List) + "\n")
	}
	for i := range e.Lots {
		l := &e.Lots[i]
		fmt.Fprintf(&b, "  lot %s at %s", l.Spec.Lot, money(l.Spec.FaceMinor, e.Spec.Currency))
		for _, f := range l.Spec.Fees {
			fmt.Fprintf(&b, " + %s %s", money(f.Minor, e.Spec.Currency), f.Name)
		}
		fmt.Fprintf(&b, ": %s, %d can be sold", sayCounts(&l.Counts), l.Available)
		for _, kind := range []struct {
			free int64
			name string
		}{{l.FreeAccessible, "accessible"}, {l.FreeCompanion, "companion"}, {l.FreeRestricted, "with a restricted view"}} {
			if kind.free > 0 {
				fmt.Fprintf(&b, ", %d free %s", kind.free, kind.name)
			}
		}
		if !l.Open {
			b.WriteString(", not open yet")
		}
		if l.Spec.CodeOnly {
			b.WriteString(", with a code only")
		}
		b.WriteByte('\n')
	}
	for i := range e.Pools {
		fmt.Fprintf(&b, "  pool %s: %s\n", e.Pools[i].Pool, sayCounts(&e.Pools[i].Counts))
	}
	if e.Codes != nil {
		b.WriteString("  " + strings.ReplaceAll(sayCodes(e.Codes, e.Spec.Currency), "\n", "\n  "))
	}
	return strings.TrimRight(b.String(), "\n")
}

func plural(n int64, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
