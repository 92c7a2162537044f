package transport

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// referenceReply returns what a reply to one command must say, as the generated type.
func referenceReply(id string, out *engine.Outcome) *pb.Reply {
	r := &pb.Reply{RequestId: id, Repeated: out.Repeated}
	if out.Code != engine.CodeOK {
		r.Error = &pb.Error{
			Code: out.Code.String(), Message: string(out.AppendMessage(nil)), Field: out.Field, Retryable: out.Code.Retryable(),
			RetryAfterMs: out.RetryAfterMs,
		}
		for _, a := range out.Alternatives {
			r.Error.Alternatives = append(r.Error.Alternatives, &pb.Alternative{Lot: a.Lot, Seats: a.Seats})
		}
	}
	if out.Shows&engine.ShowsHold != 0 {
		h := &out.Hold
		r.Hold = &pb.Hold{
			Id: string(engine.AppendHoldID(nil, h.ID, h.Incarnation)), Event: h.Event, Buyer: h.Buyer, State: h.State.String(), TotalMinor: h.TotalMinor,
			Currency: h.Currency, ExpiresAt: timestampOf(h.ExpiresAt), Items: referenceItems(h.Items),
		}
	}
	if out.Shows&engine.ShowsOrder != 0 {
		r.Order = referenceOrder(&out.Order)
	}
	if out.Shows&engine.ShowsEvent != 0 {
		r.Event = referenceEvent(&out.Event)
	}
	if out.Shows&engine.ShowsCapacity != 0 {
		c := &out.Capacity
		r.Capacity = &pb.Capacity{
			Lot: c.Lot, Pool: c.Pool, Asked: c.Asked, Capacity: c.Capacity, Free: c.Free, Held: c.Held, Paying: c.Paying, Sold: c.Sold, Blocked: c.Blocked,
		}
	}
	referencePaymentViews(r, out)
	if out.Shows&engine.ShowsTouch != 0 {
		r.Touches = &pb.Touches{Taken: out.Touch.Taken, Repeated: out.Touch.Repeated}
	}
	referenceLineViews(r, out)
	return r
}

func timestampOf(at engine.Instant) *timestamppb.Timestamp {
	if at == 0 {
		return nil
	}
	seconds, nanos := int64(at)/1e9, int64(at)%1e9
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+1e9
	}
	return &timestamppb.Timestamp{Seconds: seconds, Nanos: int32(nanos)}
}

func referenceItems(items []engine.ItemView) (out []*pb.TakenItem) {
	for _, it := range items {
		taken := &pb.TakenItem{
			Lot: it.Lot, Quantity: it.Quantity, Units: it.Units, FaceMinor: it.FaceMinor, TaxMinor: it.TaxMinor, Seats: it.Seats, Code: it.Code,
			Fees: referenceFeesOut(it.Fees),
		}
		out = append(out, taken)
	}
	return out
}

func referenceFeesOut(fees []engine.Fee) (out []*pb.Fee) {
	for _, f := range fees {
		out = append(out, &pb.Fee{Name: f.Name, Minor: f.Minor})
	}
	return out
}

func referenceOrder(o *engine.OrderView) *pb.Order {
	order := &pb.Order{
		Id: string(engine.AppendOrderID(nil, o.ID, o.Incarnation)), Event: o.Event, Buyer: o.Buyer, TotalMinor: o.TotalMinor, Currency: o.Currency,
		PaymentRef: o.PaymentRef, At: timestampOf(o.At), Items: referenceItems(o.Items), TicketCount: o.Tickets,
	}
	if o.Hold != 0 {
		order.Hold = string(engine.AppendHoldID(nil, o.Hold, o.HoldIncarnation))
	}
	type place struct{ lot, seat string }
	var places []place // of every ticket, the plain way
	for _, it := range o.Items {
		if len(it.Seats) == 0 {
			for range it.Quantity * max(1, it.Units) {
				places = append(places, place{lot: it.Lot})
			}
		}
		for _, seat := range it.Seats {
			for range max(1, it.Units) {
				places = append(places, place{it.Lot, seat})
			}
		}
	}
	for i := range min(o.Tickets, TicketsShownMax) {
		ticket := &pb.Ticket{Id: string(engine.AppendTicketID(nil, o.FirstTicket+engine.TicketID(i), o.Incarnation)), State: "valid"}
		if int(i) < len(o.Marks) {
			m := o.Marks[i]
			ticket.State, ticket.Generation, ticket.AdmittedAt, ticket.Gate = m.State.String(), int64(m.Generation), timestampOf(m.AdmittedAt), m.Gate
		}
		if int(i) < len(places) {
			ticket.Lot, ticket.Seat = places[i].lot, places[i].seat
		} else if len(places) > 0 {
			ticket.Lot = places[len(places)-1].lot
		}
		order.Tickets = append(order.Tickets, ticket)
	}
	if o.Purchase != 0 {
		order.Purchase, order.Charge = string(engine.AppendPurchaseID(nil, o.Purchase, o.PurchaseIn)), o.Charge.String()
	}
	order.UndoUntil, order.RefundedMinor = timestampOf(o.UndoUntil), o.RefundedMinor
	for i := range o.Refunds {
		order.Refunds = append(order.Refunds, referenceRefund(&o.Refunds[i]))
	}
	return order
}

func referenceEvent(e *engine.EventView) *pb.Event {
	s := e.Spec
	event := &pb.Event{
		Id: e.ID, State: e.State.String(), HoldsLive: e.HoldsLive, Orders: e.Orders, StateHash: fmt.Sprintf("%016x", e.StateHash),
		CoveredMs: e.CoveredMs, Name: s.Name, Genre: s.Genre, Performer: s.Performer, Venue: s.Venue, City: s.City, Country: s.Country,
		TimeZone: s.TimeZone, DoorsAt: timestampOf(s.DoorsAt), StartsAt: timestampOf(s.StartsAt), OpensAt: timestampOf(s.OpensAt),
		ClosesAt: timestampOf(s.ClosesAt), Currency: s.Currency, HoldTtlMs: s.HoldTTLMs, MaxHoldMs: s.MaxHoldMs, SpreadMs: s.SpreadMs,
		LimitPerBuyer: s.LimitPerBuyer, LimitPerOrder: s.LimitPerOrder,
	}
	referencePolicy(event, &s.Pay)
	if s.Observe {
		event.Mode = "observe"
	}
	if e.Line != nil {
		event.Line = referenceLineShown(e.Line, s.Line)
	}
	if l := e.List; l != nil {
		event.WaitingList = &pb.WaitingList{
			Waiting: l.Waiting, Offered: l.Offered, Bought: l.Bought, Lapsed: l.Lapsed, Released: l.Released, Unpaid: l.Unpaid, Left: l.Left, Took: l.Took, Unfit: l.Unfit,
		}
	}
	if e.Codes != nil {
		event.CodesAll = e.Codes.All
		for _, c := range e.Codes.Codes {
			event.Codes = append(event.Codes, &pb.CodeShown{
				Name: c.Name, Uses: c.Uses, Used: c.Used, Placed: c.Placed, Lots: c.Lots, DiscountBp: c.DiscountBp, DiscountMinor: c.DiscountMinor, Track: c.Track,
				OpensAt: timestampOf(c.OpensAt), EndsAt: timestampOf(c.EndsAt), Ended: c.Ended,
			})
		}
	}
	if c := e.Cancel; c != nil {
		event.Cancel = &pb.CancelProgress{Reason: c.Reason, Orders: c.Orders, Refunded: c.Refunded, Failed: c.Failed, External: c.External}
	}
	for _, p := range e.Pools {
		event.Pools = append(event.Pools, &pb.Pool{
			Pool: p.Pool, Capacity: p.Capacity, Free: p.Free, Held: p.Held, Paying: p.Paying, Sold: p.Sold, Blocked: p.Blocked,
		})
	}
	for _, l := range e.Lots {
		event.Lots = append(event.Lots, &pb.Lot{
			Lot: l.Spec.Lot, Capacity: l.Capacity, Free: l.Free, Held: l.Held, Paying: l.Paying, Sold: l.Sold, Blocked: l.Blocked,
			Available: l.Available, Open: l.Open, Seated: l.Seated,
			FreeAccessible: l.FreeAccessible, FreeCompanion: l.FreeCompanion, FreeRestricted: l.FreeRestricted, Name: l.Spec.Name, FaceMinor: l.Spec.FaceMinor,
			Fees: referenceFeesOut(l.Spec.Fees), TaxMinor: l.Spec.TaxMinor, Units: max(1, l.Spec.Units), Pools: l.Spec.Pools, Requires: l.Spec.Requires,
			After: l.Spec.After, MinOrder: l.Spec.MinOrder, MaxOrder: l.Spec.MaxOrder, CodeOnly: l.Spec.CodeOnly,
		})
	}
	return event
}

// dice makes random outcomes.
type dice struct{ *rand.Rand }

func (d dice) text() string {
	words := []string{"", "ga", "A/1/4", "Café \U0001F3AB", "quote \" slash \\ line\nbell\x07", string(bytes.Repeat([]byte("long "), 60))}
	return words[d.IntN(len(words))]
}

func (d dice) number() int64 {
	numbers := []int64{0, 1, 2, 127, 128, 9500, 1 << 40, 1<<63 - 1, -1}
	return numbers[d.IntN(len(numbers))]
}

func (d dice) at() engine.Instant {
	return engine.Instant([]int64{0, 1, -1, 1_777_629_727_000_000_000, 1_777_629_727_120_000_000, -1_000_000_000}[d.IntN(6)])
}

func (d dice) texts() (out []string) {
	for range d.IntN(4) {
		out = append(out, d.text())
	}
	return out
}

func (d dice) fees() (out []engine.Fee) {
	for range d.IntN(3) {
		out = append(out, engine.Fee{Name: d.text(), Minor: d.number()})
	}
	return out
}

func (d dice) counts() engine.Counts {
	return engine.Counts{Capacity: d.number(), Free: d.number(), Held: d.number(), Paying: d.number(), Sold: d.number(), Blocked: d.number()}
}

func (d dice) items() (out []engine.ItemView) {
	for range d.IntN(3) {
		out = append(out, engine.ItemView{
			Lot: d.text(), Quantity: int64(d.IntN(4)), Units: int64(d.IntN(3)), FaceMinor: d.number(), TaxMinor: d.number(), Fees: d.fees(),
			Seats: d.texts(), Code: d.text(),
		})
	}
	return out
}

func (d dice) outcome() *engine.Outcome {
	out := &engine.Outcome{
		Verb: engine.VerbHold, Repeated: d.IntN(2) == 0, Shows: engine.Shows(d.IntN(1<<13)) &^ engine.ShowsWhy, Field: d.text(), Lot: d.text(), RetryAfterMs: d.number(),
	}
	if d.IntN(2) == 0 {
		out.Code = engine.Code(d.IntN(engine.Codes))
		for range d.IntN(3) {
			out.Alternatives = append(out.Alternatives, engine.Alternative{Lot: d.text(), Seats: d.texts()})
		}
	}
	out.Hold = engine.HoldView{
		ID: engine.HoldID(d.number()), Incarnation: engine.Incarnation(d.IntN(3) * 1_000_000), Event: d.text(), Buyer: d.text(), State: engine.HoldState(d.IntN(8)), TotalMinor: d.number(), Currency: d.text(),
		ExpiresAt: d.at(), Items: d.items(),
	}
	out.Order = engine.OrderView{
		ID: engine.OrderID(d.number()), Incarnation: engine.Incarnation(d.IntN(40)), Hold: engine.HoldID(d.IntN(2)), HoldIncarnation: engine.Incarnation(d.IntN(2)), Event: d.text(), Buyer: d.text(), TotalMinor: d.number(), Currency: d.text(),
		PaymentRef: d.text(), At: d.at(), FirstTicket: 9, Items: d.items(),
	}
	d.payments(out)
	for _, it := range out.Order.Items {
		n := it.Quantity
		if len(it.Seats) > 0 {
			n = int64(len(it.Seats))
		}
		out.Order.Tickets += n * max(1, it.Units)
	}
	out.Event = engine.EventView{
		ID: d.text(), State: engine.EventState(d.IntN(5)), HoldsLive: d.number(), Orders: d.number(), StateHash: d.Uint64(), CoveredMs: d.number(),
		Spec: &engine.EventSpec{
			Name: d.text(), Venue: d.text(), City: d.text(), Country: d.text(), TimeZone: d.text(), DoorsAt: d.at(), StartsAt: d.at(),
			OpensAt: d.at(), ClosesAt: d.at(), Currency: d.text(), HoldTTLMs: d.number(), MaxHoldMs: d.number(), SpreadMs: d.number(),
			LimitPerBuyer: d.number(), LimitPerOrder: d.number(), Genre: d.text(), Performer: d.text(), Pay: d.policy(), Observe: d.IntN(2) == 0,
		},
	}
	if d.IntN(2) == 0 {
		out.Event.Cancel = &engine.CancelView{Reason: d.text(), Orders: d.number(), Refunded: d.number(), Failed: d.number(), External: d.number()}
	}
	for range d.IntN(3) {
		out.Event.Pools = append(out.Event.Pools, engine.PoolView{Pool: d.text(), Counts: d.counts()})
		out.Event.Lots = append(out.Event.Lots, engine.LotView{
			Spec: &engine.LotSpec{
				Lot: d.text(), Name: d.text(), FaceMinor: d.number(), Fees: d.fees(), TaxMinor: d.number(), Units: d.number(), Pools: d.texts(),
				Requires: d.texts(), After: d.text(), MinOrder: d.number(), MaxOrder: d.number(), CodeOnly: d.IntN(2) == 0,
			},
			Counts: d.counts(), Available: d.number(), Open: d.IntN(2) == 0, Seated: d.IntN(2) == 0,
			FreeAccessible: d.number(), FreeCompanion: d.number(), FreeRestricted: d.number(),
		})
	}
	d.line(out)
	if d.IntN(2) == 0 {
		out.Event.Codes = &engine.CodesView{All: d.number()}
		for range d.IntN(3) {
			out.Event.Codes.Codes = append(out.Event.Codes.Codes, engine.CodeView{
				Name: d.text(), Uses: d.number(), Used: d.number(), Placed: d.number(), Lots: d.texts(), DiscountBp: d.number(), DiscountMinor: d.number(), Track: d.text(),
				OpensAt: d.at(), EndsAt: d.at(), Ended: d.IntN(2) == 0,
			})
		}
	}
	out.Touch = engine.TouchView{Taken: d.number(), Repeated: d.number()}
	out.Capacity = engine.CapacityView{Lot: d.text(), Pool: d.text(), Asked: d.number(), Counts: d.counts()}
	return out
}

func checkOutcome(t *testing.T, out *engine.Outcome) {
	t.Helper()
	want := referenceReply("r1", out)
	binary := appendOutcome(nil, false, "r1", out)
	got := new(pb.Reply)
	if err := proto.Unmarshal(binary, got); err != nil || !proto.Equal(got, want) {
		t.Fatalf("protobuf reply (%v)\n%v\ninstead of\n%v", err, got, want)
	}
	standard, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
	if err != nil || !bytes.Equal(binary, standard) {
		t.Fatalf("protobuf reply (%v)\n%x\ninstead of\n%x", err, binary, standard)
	}
	text := append(appendOutcome([]byte{'{'}, true, "r1", out), '}')
	got = new(pb.Reply)
	if err := protojson.Unmarshal(text, got); err != nil || !proto.Equal(got, want) {
		t.Fatalf("JSON reply (%v)\n%s\nmeans\n%v\ninstead of\n%v", err, text, got, want)
	}
}

func TestRepliesMeanWhatTheOutcomeSays(t *testing.T) {
	d := dice{rand.New(rand.NewPCG(5, 6))}
	for range 2000 {
		checkOutcome(t, d.outcome())
	}
}

// FuzzReplies compares the reply encoders with the standard decoders.
func FuzzReplies(f *testing.F) {
	f.Add(uint64(1), "ga", "items[0].quantity", int64(9500), int64(1_777_629_727_120_000_000))
	f.Fuzz(func(t *testing.T, seed uint64, text, field string, amount, at int64) {
		out := dice{rand.New(rand.NewPCG(seed, 0))}.outcome()
		// What the engine shows was valid UTF-8 when it came in.
		out.Hold.Buyer, out.Field, out.Lot = validText(text), validText(field), validText(text)
		out.Hold.TotalMinor, out.Hold.ExpiresAt = amount, engine.Instant(at)
		checkOutcome(t, out)
	})
}

func validText(s string) string { return string(bytes.ToValidUTF8([]byte(s), nil)) }

func TestManyTicketsAreCountedNotListed(t *testing.T) {
	out := &engine.Outcome{Verb: engine.VerbConfirm, Shows: engine.ShowsOrder, Order: engine.OrderView{
		ID: 1, FirstTicket: 1, Tickets: TicketsShownMax + 1, Items: []engine.ItemView{{Lot: "ga", Quantity: TicketsShownMax + 1, Units: 1}},
	}}
	checkOutcome(t, out)
	reply := new(pb.Reply)
	if err := proto.Unmarshal(appendOutcome(nil, false, "", out), reply); err != nil {
		t.Fatal(err)
	}
	if o := reply.Order; len(o.Tickets) != TicketsShownMax || o.TicketCount != TicketsShownMax+1 {
		t.Errorf("%d tickets listed, %d counted", len(o.Tickets), o.TicketCount)
	}
}
