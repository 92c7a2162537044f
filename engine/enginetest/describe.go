package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// Describe writes down everything a caller may rely on in an outcome, one thing a line: two outcomes are the same answer when their descriptions
// are equal. Left out are the state hash, the sentence of a refusal and the field it blames, of which more than one may be right.
func Describe(out *engine.Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s repeated=%t\n", out.Verb, out.Code, out.Repeated)
	for _, a := range out.Alternatives {
		fmt.Fprintf(&b, "or seats %v of %s\n", a.Seats, a.Lot)
	}
	if out.Shows&engine.ShowsHold != 0 {
		h := &out.Hold
		fmt.Fprintf(&b, "hold %d-%d of %s in %s: %s, %d %s, until %d\n", h.ID, h.Incarnation, h.Buyer, h.Event, h.State, h.TotalMinor, h.Currency, h.ExpiresAt)
		describeItems(&b, h.Items)
	}
	if out.Shows&engine.ShowsOrder != 0 {
		o := &out.Order
		fmt.Fprintf(&b, "order %d-%d of hold %d-%d of %s in %s: %d %s paid %q at %d, tickets %d+%d\n",
			o.ID, o.Incarnation, o.Hold, o.HoldIncarnation, o.Buyer, o.Event, o.TotalMinor, o.Currency, o.PaymentRef, o.At, o.FirstTicket, o.Tickets)
		describeItems(&b, o.Items)
		describeAfter(&b, o)
	}
	if out.Shows&engine.ShowsRefund != 0 {
		describeRefund(&b, out.Refund)
	}
	if out.Shows&engine.ShowsTicket != 0 {
		t := out.Ticket
		fmt.Fprintf(&b, "ticket %d-%d of order %d, code %d: %s, admitted at %d gate %q, %s %s\n", t.ID, t.Incarnation, t.Order, t.Generation, t.State, t.AdmittedAt, t.Gate, t.Lot, t.Seat)
	}
	if out.Shows&engine.ShowsCapacity != 0 {
		c := &out.Capacity
		fmt.Fprintf(&b, "capacity of lot %q pool %q: asked %d, %s\n", c.Lot, c.Pool, c.Asked, describeCounts(&c.Counts))
	}
	if out.Shows&engine.ShowsTouch != 0 {
		fmt.Fprintf(&b, "touches: %+v\n", out.Touch)
	}
	if out.Shows&engine.ShowsPlace != 0 {
		fmt.Fprintf(&b, "place %+v\n", *out.Place)
	}
	if out.Shows&engine.ShowsWaiter != 0 {
		fmt.Fprintf(&b, "waiter %+v\n", *out.Waiter)
	}
	if out.Shows&engine.ShowsLine != 0 {
		describeLine(&b, out.Line)
	}
	if out.Shows&engine.ShowsEvent != 0 {
		describeEvent(&b, &out.Event)
	}
	return b.String()
}

// describeLine writes how a line is. How many may shop follows from the rest.
func describeLine(b *strings.Builder, v *engine.LineView) {
	fmt.Fprintf(b, "  line %s, %s, commit %t %s, root %s, %d entries, value %q, seed %t %x\n", v.Mode, v.Phase, v.Committed, v.Commit, v.Root, v.Entries, v.Value, v.Revealed, v.Seed)
	fmt.Fprintf(b, "    %d joined, %d waiting, %d skipped, %d admitted, %d spent, %d lapsed, %d gone, %d left, served up to %d, lane %d\n",
		v.Joined, v.Waiting, v.Skipped, v.Admitted, v.Spent, v.Lapsed, v.Gone, v.Left, v.Served, v.PerMin)
	for _, t := range v.Tracks {
		fmt.Fprintf(b, "    track %+v\n", t)
	}
	for i, leaf := range v.Leaves {
		fmt.Fprintf(b, "    leaf of entry %d: %s\n", int(v.LeavesFrom)+i, leaf)
	}
}

// describeAfter writes what became of an order since it was sold.
func describeAfter(b *strings.Builder, o *engine.OrderView) {
	for i, m := range o.Marks {
		if m != (engine.TicketMark{State: engine.TicketValid}) {
			fmt.Fprintf(b, "  ticket %d: %s, code %d, admitted at %d gate %q\n", i, m.State, m.Generation, m.AdmittedAt, m.Gate)
		}
	}
	fmt.Fprintf(b, "  refunded %d\n", o.RefundedMinor)
	for i := range o.Refunds {
		describeRefund(b, &o.Refunds[i])
	}
}

func describeRefund(b *strings.Builder, r *engine.RefundView) {
	fmt.Fprintf(b, "  refund %d-%d of order %d-%d: %d %s %s at %d, tickets %v, fees kept %t, blocked %t, by buyer %t, %q\n",
		r.ID, r.Incarnation, r.Order, r.OrderIn, r.AmountMinor, r.Currency, r.State, r.At, r.Tickets, r.KeepFees, r.Blocked, r.ByBuyer, r.Reason)
}

func describeItems(b *strings.Builder, items []engine.ItemView) {
	for i := range items {
		it := &items[i]
		fmt.Fprintf(b, "  %d of %s of %d units at %d %v tax %d seats %v code %q\n", it.Quantity, it.Lot, it.Units, it.FaceMinor, it.Fees, it.TaxMinor, it.Seats, it.Code)
	}
}

func describeCounts(c *engine.Counts) string {
	return fmt.Sprintf("%d = %d free + %d held + %d paying + %d sold + %d blocked", c.Capacity, c.Free, c.Held, c.Paying, c.Sold, c.Blocked)
}

func describeEvent(b *strings.Builder, e *engine.EventView) {
	s := e.Spec
	fmt.Fprintf(b, "event %s: %s, %d holds live, %d orders, requests known for %d ms\n", e.ID, e.State, e.HoldsLive, e.Orders, e.CoveredMs)
	fmt.Fprintf(b, "  %q %q %q %q %q %q %q doors %d starts %d opens %d closes %d\n",
		s.Name, s.Genre, s.Performer, s.Venue, s.City, s.Country, s.TimeZone, s.DoorsAt, s.StartsAt, s.OpensAt, s.ClosesAt)
	fmt.Fprintf(b, "  %s, holds %d ms, longest %d ms, spread %d ms, limits %d a buyer %d an order\n",
		s.Currency, s.HoldTTLMs, s.MaxHoldMs, s.SpreadMs, s.LimitPerBuyer, s.LimitPerOrder)
	if c := e.Cancel; c != nil {
		fmt.Fprintf(b, "  cancelled %q: %d orders, %d refunded, %d failed, %d outside\n", c.Reason, c.Orders, c.Refunded, c.Failed, c.External)
	}
	if e.Line != nil {
		describeLine(b, e.Line)
	}
	if e.List != nil {
		fmt.Fprintf(b, "  waiting list %+v\n", *e.List)
	}
	if e.Codes != nil {
		fmt.Fprintf(b, "  %d codes\n", e.Codes.All)
		for i := range e.Codes.Codes {
			fmt.Fprintf(b, "    %+v\n", e.Codes.Codes[i])
		}
	}
	for i := range e.Lots {
		l := &e.Lots[i]
		fmt.Fprintf(b, "  lot %s %q at %d %v tax %d, units %d, min %d, max %d, pools %v, requires %v, after %q, rows %v\n", l.Spec.Lot, l.Spec.Name,
			l.Spec.FaceMinor, l.Spec.Fees, l.Spec.TaxMinor, max(1, l.Spec.Units), l.Spec.MinOrder, l.Spec.MaxOrder, l.Spec.Pools, l.Spec.Requires, l.Spec.After, l.Spec.Rows)
		fmt.Fprintf(b, "    %s, available %d, open %t, sold out %t, seated %t, free of a kind %d %d %d\n",
			describeCounts(&l.Counts), l.Available, l.Open, l.SoldOut, l.Seated, l.FreeAccessible, l.FreeCompanion, l.FreeRestricted)
	}
	for i := range e.Pools {
		fmt.Fprintf(b, "  pool %s: %s\n", e.Pools[i].Pool, describeCounts(&e.Pools[i].Counts))
	}
}

// Difference tells how an outcome of the engine differs from the model's. It is empty when they are the same answer, and the field that the
// engine blames is one of those the model found to blame.
func (m *Model) Difference(got, want *engine.Outcome) string {
	g, w := Describe(got), Describe(want)
	if g != w {
		return fmt.Sprintf("engine: %s  [%s]\nmodel:  %s%v", g, got.Field, w, m.refusals)
	}
	if got.Code == engine.CodeOK || got.Repeated {
		return ""
	}
	blames := m.refusals.fields(got.Code)
	if !slices.Contains(blames, got.Field) {
		return fmt.Sprintf("engine: %s blames field %q\nmodel:  any of %q\n", got.Code, got.Field, blames)
	}
	return ""
}
