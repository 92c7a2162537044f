package engine

import (
	"strconv"
	"testing"
)

const second = Instant(1e9)

// start is the node time at which the tests begin.
const start = 1_700_000_000 * second

func testKey() Key { return Key{Account: SingleAccount, Kind: KindEvent, ID: "e1"} }

func testSpec() *EventSpec {
	return &EventSpec{
		Name: "Night One", Currency: "EUR", HoldTTLMs: 120_000, MaxHoldMs: 600_000, HasSpread: true, LimitPerBuyer: 4, Open: true,
		Lots: []LotSpec{
			{Lot: "ga", FaceMinor: 4500, Fees: []Fee{{Name: "service", Minor: 250}}, Capacity: 1000},
			{Lot: "stalls", FaceMinor: 9000, Rows: []RowSpec{{Section: "A", Row: "1", Seats: 20}}},
		},
	}
}

// world drives one event and checks it after every step.
type world struct {
	t     testing.TB
	e     *Event
	now   Instant
	facts Facts
	last  int // requests so far
}

func newWorld(t testing.TB, spec *EventSpec) *world {
	t.Helper()
	w := &world{t: t, e: New(testKey()), now: start}
	if spec != nil {
		w.ok(&Command{Verb: VerbCreate, Spec: spec})
	}
	return w
}

// step runs a command, with a request id of its own unless it has one.
func (w *world) step(cmd *Command) *Outcome {
	w.t.Helper()
	if cmd.RequestID == "" && cmd.Verb < VerbExpire && !cmd.Verb.IsRead() {
		w.last++
		cmd.RequestID = "r" + strconv.Itoa(w.last)
	}
	out := w.e.Step(cmd, w.now, &w.facts)
	if err := w.e.LiveCheck(); err != nil {
		w.t.Fatalf("%s: %v", cmd.Verb, err)
	}
	return out
}

func (w *world) ok(cmd *Command) *Outcome {
	w.t.Helper()
	out := w.step(cmd)
	if out.Code != CodeOK {
		w.t.Fatalf("%s is refused: %s (%s): %s", cmd.Verb, out.Code, out.Field, out.AppendMessage(nil))
	}
	return out
}

func (w *world) refused(code Code, cmd *Command) *Outcome {
	w.t.Helper()
	out := w.step(cmd)
	if out.Code != code {
		w.t.Fatalf("%s: got %s (%s: %s), want %s", cmd.Verb, out.Code, out.Field, out.AppendMessage(nil), code)
	}
	return out
}

func hold(buyer, lot string, quantity int64) *Command {
	return &Command{Verb: VerbHold, Buyer: buyer, Items: []Item{{Lot: lot, Quantity: quantity}}}
}

func TestHoldConfirmReleaseExpire(t *testing.T) {
	w := newWorld(t, testSpec())
	h := w.ok(hold("b1", "ga", 2)).Hold
	if h.TotalMinor != 9500 || h.ExpiresAt != start+120*second {
		t.Fatalf("hold is %+v", h)
	}
	id := string(AppendHoldID(nil, h.ID))
	o := w.ok(&Command{Verb: VerbConfirm, Buyer: "b1", Hold: id, PaymentRef: "inv-77"}).Order
	if o.Tickets != 2 || o.FirstTicket != 1 || o.TotalMinor != 9500 {
		t.Fatalf("order is %+v", o)
	}
	w.refused(CodeLimitReached, hold("b1", "ga", 3))
	h = w.ok(hold("b2", "ga", 1)).Hold
	w.ok(&Command{Verb: VerbRelease, Buyer: "b2", Hold: string(AppendHoldID(nil, h.ID))})
	w.ok(hold("b3", "ga", 1))
	for at, ok := w.e.NextDeadline(); ok; at, ok = w.e.NextDeadline() {
		w.now = at
		w.ok(&Command{Verb: VerbExpire})
	}
	ev := w.ok(&Command{Verb: VerbGet}).Event
	if c := ev.Lots[0].Counts; c != (Counts{Capacity: 1000, Free: 998, Sold: 2}) {
		t.Fatalf("counts are %+v", c)
	}
}
