package engine

import (
	"fmt"
	"testing"
)

// sold is an event with an order of so many tickets of ga at 10.00 each, paid outside.
func soldOrder(t *testing.T, tickets int64) *world {
	t.Helper()
	spec := testSpec()
	spec.LimitPerBuyer, spec.LimitPerOrder = 0, 0
	spec.Lots[0].Capacity = tickets
	w := newWorld(t, spec)
	w.ok(hold("b1", "ga", tickets))
	w.ok(&Command{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv-1"})
	return w
}

// TestBoundsAfterTheSale fills every bound of what becomes of orders.
func TestBoundsAfterTheSale(t *testing.T) {
	w := soldOrder(t, TicketsPerRefundMax+1)
	names := make([]string, TicketsPerRefundMax+1)
	for i := range names {
		names[i] = fmt.Sprintf("t%d", i+1)
	}
	w.refused(CodeInvalid, &Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{Tickets: names}})
	for range RefundsPerOrderMax - 1 {
		w.ok(&Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{HasAmount: true, AmountMinor: 1}})
	}
	w.ok(&Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{Tickets: names[:TicketsPerRefundMax]}})
	w.refused(CodeTooMany, &Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{}})

	for range TicketCodesMax {
		w.ok(&Command{Verb: VerbReissue, Payment: &PaymentCommand{Ticket: "t257"}})
	}
	w.refused(CodeTooMany, &Command{Verb: VerbReissue, Payment: &PaymentCommand{Ticket: "t257"}})
	w.ok(&Command{Verb: VerbAdmit, Payment: &PaymentCommand{Ticket: "t257", Code: TicketCodesMax}})

	// Four million rows take a while: the tables are told that they have them.
	w = soldOrder(t, 3)
	w.ok(&Command{Verb: VerbAdmit, Payment: &PaymentCommand{Ticket: "t1"}})
	rows := w.e.tickets.rows
	w.e.tickets.rows = TicketsChangedMax
	for _, cmd := range []*Command{
		{Verb: VerbAdmit, Payment: &PaymentCommand{Ticket: "t2"}},
		{Verb: VerbReissue, Payment: &PaymentCommand{Ticket: "t2"}},
		{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{Tickets: []string{"t2"}}},
	} {
		if out := w.step(cmd); out.Code != CodeTooMany {
			t.Errorf("%s of a full table is answered %s", cmd.Verb, out.Code)
		}
	}
	w.e.tickets.rows = rows
	w.e.refunds.rows = RefundsMax
	if out := w.step(&Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{}}); out.Code != CodeTooMany {
		t.Errorf("a refund beyond the bound is answered %s", out.Code)
	}
	w.e.refunds.rows = 0
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}

	w = soldOrder(t, TicketsShownMax+10)
	out := w.ok(&Command{Verb: VerbRefund, Order: "o1", Payment: &PaymentCommand{}})
	if len(out.Order.Marks) != TicketsShownMax || len(out.Refund.Tickets) != TicketsShownMax || out.Order.Tickets != TicketsShownMax+10 {
		t.Errorf("of %d tickets %d are shown, and %d as void", out.Order.Tickets, len(out.Order.Marks), len(out.Refund.Tickets))
	}
	if w.e.tickets.live() != 0 {
		t.Errorf("a refund of a whole order keeps %d rows of tickets", w.e.tickets.live())
	}
}

// TestPartsOfAPriceAddUp cuts prices into pieces: no minor unit is lost or made.
func TestPartsOfAPriceAddUp(t *testing.T) {
	for _, amount := range []int64{0, 1, 2, 99, 100, 10_003, 12_625, MinorMax - 1, MinorMax} {
		for _, n := range []int64{1, 2, 3, 4, 7, 999, UnitsPerSaleMax} {
			sum := int64(0)
			for i := range n {
				part := sharePart(amount, i, n)
				if part < amount/n || part > amount/n+1 {
					t.Errorf("piece %d of %d of %d is %d", i, n, amount, part)
				}
				sum += part
			}
			if sum != amount {
				t.Errorf("%d pieces of %d add up to %d", n, amount, sum)
			}
		}
	}
}

// TestACancellationGoesOnInSlices cancels an event with more holds and orders than one step may see to, and puts it to sleep and folds its log in between.
func TestACancellationGoesOnInSlices(t *testing.T) {
	spec := testSpec()
	spec.Lots[0].Capacity = 4 * FollowUpsMax
	w := newWorld(t, spec)
	const orders, holds = 2*FollowUpsMax + 10, FollowUpsMax + 7
	for i := range orders + holds {
		buyer := fmt.Sprintf("b%d", i)
		w.ok(hold(buyer, "ga", 1))
		if i < orders {
			w.ok(&Command{Verb: VerbConfirm, Buyer: buyer, Hold: fmt.Sprintf("h%d", i+1), PaymentRef: "inv"})
		}
	}
	// The first, the last and some in the middle have nothing left to refund.
	for _, order := range []int{1, 100, 101, 102, orders} {
		w.ok(&Command{Verb: VerbRefund, Order: fmt.Sprintf("o%d", order), Payment: &PaymentCommand{}})
	}
	replica := New(testKey())
	if err := replica.Fold(&Run{Key: w.e.Key(), First: 1, At: w.now, Facts: w.facts}); err != nil {
		t.Fatal(err)
	}
	steps := 0
	cmd := &Command{Verb: VerbCancel}
	for {
		w.facts.Reset()
		first := w.e.Seq() + 1
		if out := w.step(cmd); out.Code != CodeOK {
			t.Fatal(out.Code)
		}
		steps++
		if w.facts.Count > FollowUpsMax+1 || w.facts.Count == 0 {
			t.Fatalf("step %d has %d facts", steps, w.facts.Count)
		}
		if err := replica.Fold(&Run{Key: w.e.Key(), First: first, At: w.now, Facts: w.facts}); err != nil {
			t.Fatal(err)
		}
		a, err := OpenSnapshot(w.e.Key(), w.e.AppendSnapshot(nil))
		if err != nil {
			t.Fatal(err)
		}
		if a.StateHash() != w.e.StateHash() || replica.StateHash() != w.e.StateHash() || a.(*Event).Unsettled() != w.e.Unsettled() {
			t.Fatalf("after step %d: live %016x, asleep %016x, folded %016x", steps, w.e.StateHash(), a.StateHash(), replica.StateHash())
		}
		if !w.e.Unsettled() {
			break
		}
		cmd = &Command{Verb: VerbSettle}
	}
	c := w.ok(&Command{Verb: VerbGet}).Event.Cancel
	if steps < 4 || w.e.holds.live() != 0 || c.Orders != orders-5 || c.External != orders-5 || c.Refunded+c.Failed != 0 {
		t.Errorf("%d steps, %d holds live, %+v", steps, w.e.holds.live(), c)
	}
	if l := &w.e.lots[0]; l.in[shareSold] != 0 || l.in[shareBlocked] != orders-5 {
		t.Errorf("after all refunds: %+v", l.view())
	}
}

func TestEveryFieldHasItsName(t *testing.T) {
	for f := fieldNone + 1; f < fieldsEnd; f++ {
		if fieldNames[f] == "" {
			t.Errorf("field %d has no name", f)
		}
	}
}
