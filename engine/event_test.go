package engine

import (
	"strconv"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/payment"
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
	if cmd.RequestID == "" && (cmd.Verb < VerbExpire || cmd.Verb >= VerbJoin && cmd.Verb.OfCallers()) && !cmd.Verb.IsRead() {
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

func TestStatsSayHowFarBackOnlyOnceRequestsAreForgotten(t *testing.T) {
	w := &world{t: t, e: NewWithLimits(testKey(), Limits{Requests: 3}), now: start}
	w.ok(&Command{Verb: VerbCreate, Spec: testSpec()})
	for n, want := range []int64{0, 20_000, 20_000, 20_000} { // of three, the oldest is two holds old
		w.now += 10 * second
		w.ok(hold("b"+strconv.Itoa(n), "ga", 1))
		if got := w.e.Stats().CoveredMs; got != want {
			t.Errorf("after %d holds requests are covered for %d ms, want %d", n+1, got, want)
		}
	}
}

func TestHoldConfirmReleaseExpire(t *testing.T) {
	w := newWorld(t, testSpec())
	h := w.ok(hold("b1", "ga", 2)).Hold
	if h.TotalMinor != 9500 || h.ExpiresAt != start+120*second {
		t.Fatalf("hold is %+v", h)
	}
	id := string(AppendHoldID(nil, h.ID, h.Incarnation))
	o := w.ok(&Command{Verb: VerbConfirm, Buyer: "b1", Hold: id, PaymentRef: "inv-77"}).Order
	if o.Tickets != 2 || o.FirstTicket != 1 || o.TotalMinor != 9500 {
		t.Fatalf("order is %+v", o)
	}
	w.refused(CodeLimitReached, hold("b1", "ga", 3))
	h = w.ok(hold("b2", "ga", 1)).Hold
	w.ok(&Command{Verb: VerbRelease, Buyer: "b2", Hold: string(AppendHoldID(nil, h.ID, h.Incarnation))})
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

// goodCard is what the shell knows of a buyer who can buy with one click.
func goodCard() Annotation {
	return Annotation{
		Known: true, Method: "m1", Gateway: "sandbox", Kind: payment.MethodCard, Agreement: "v1", WaitAgreement: "v1", OneClickOn: true, OneClickShare: OneClickEveryone,
		Can: payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable,
	}
}

// pay has a live hold paid.
func (w *world) pay(buyer, id string) {
	w.t.Helper()
	w.ok(&Command{Verb: VerbBuy, Buyer: buyer, Hold: id, Payment: &PaymentCommand{Note: goodCard()}})
}

func TestAHoldThatIsBeingPaidIsLeftAlone(t *testing.T) {
	w := newWorld(t, testSpec())
	w.ok(hold("b1", "ga", 2))
	w.ok(&Command{Verb: VerbHold, Buyer: "b2", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/7"}}}})
	w.pay("b1", "h1")
	w.pay("b2", "h2")
	for at := range PurchaseID(2) {
		w.ok(&Command{Verb: VerbIntend, Payment: &PaymentCommand{At: at + 1, Operation: payment.Authorise}})
	}
	w.refused(CodePaymentInProgress, hold("b1", "ga", 1))
	for _, verb := range []Verb{VerbExtend, VerbRelease, VerbConfirm} {
		w.refused(CodePaymentInProgress, &Command{Verb: verb, Buyer: "b1", Hold: "h1"})
	}
	w.refused(CodeSeatTaken, &Command{Verb: VerbHold, Buyer: "b3", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/7"}}}})
	w.now += 1000 * second
	w.ok(&Command{Verb: VerbExpire})
	ev := w.ok(&Command{Verb: VerbGet}).Event
	if c := ev.Lots[0].Counts; c != (Counts{Capacity: 1000, Free: 998, Paying: 2}) || ev.HoldsLive != 2 {
		t.Fatalf("%d holds live, counts %+v", ev.HoldsLive, c)
	}
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil || opened.StateHash() != w.e.StateHash() {
		t.Fatalf("opened %v: %v", opened, err)
	}
}

// The checks see what they are there to see.
func TestChecksNoticeWhatIsBroken(t *testing.T) {
	for name, breakIt := range map[string]func(e *Event){
		"a free ticket too many":      func(e *Event) { e.lots[0].in[shareFree]++ },
		"a held ticket lost":          func(e *Event) { e.lots[0].in[shareHeld]--; e.lots[0].in[shareFree]++ },
		"a seat without its owner":    func(e *Event) { e.lots[1].seating.seats[3] = seatRow{} },
		"a seat with two owners":      func(e *Event) { e.lots[1].seating.seats[4] = seatRow{state: seatSold} },
		"a hold that is not found":    func(e *Event) { e.holdSlots.drop(2) },
		"a buyer who is not found":    func(e *Event) { e.buyerIndex.remove(index32(e.buyerHash(1)), 1) },
		"a buyer's sum":               func(e *Event) { e.customers.at(0).units++ },
		"a request that is lost":      func(e *Event) { e.requestIndex.remove(index32(hashString(e.seed, "r2")), 1) },
		"a deadline changed":          func(e *Event) { e.holds.at(1).expires++ },
		"a hold out of the wheel":     func(e *Event) { e.sortBatch(e.holdSlots.chunk(0)); e.due.wheel.remove(&e.holds, 1) },
		"a batch that is due late":    func(e *Event) { e.due.newest.deadline += 1e12 },
		"a ticket number left out":    func(e *Event) { e.ticketLast++ },
		"an order's total":            func(e *Event) { e.orders.at(0).total++ },
		"a price changed":             func(e *Event) { e.prices[0].total++ },
		"a string kept for nothing":   func(e *Event) { e.names.put("nobody") },
		"a row hash":                  func(e *Event) { e.rows++ },
		"a tier open before time":     func(e *Event) { e.lots[0].exhausted, e.tiersDue = true, 1 },
		"the name of the event":       func(e *Event) { e.spec.Name = "Another Night" },
		"a confirm that is forgotten": func(e *Event) { e.money.release(0) },
	} {
		w := newWorld(t, testSpec())
		w.ok(hold("b1", "ga", 2))
		w.ok(&Command{Verb: VerbHold, Buyer: "b2", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/4"}}}})
		w.ok(&Command{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: "inv-77"})
		if err := w.e.Check(); err != nil {
			t.Fatal(err)
		}
		before := w.e.StateHash()
		breakIt(w.e)
		if err := w.e.Check(); err == nil {
			t.Errorf("%s: not noticed (state hash %016x, was %016x)", name, w.e.StateHash(), before)
		}
	}
}

// The O(1) check of production sees a count that leaves its bounds in the step that does it.
func TestLiveCheckNoticesABreach(t *testing.T) {
	w := newWorld(t, testSpec())
	w.e.lots[0].in[shareFree]++
	out := w.e.Step(hold("b1", "ga", 1), w.now, &w.facts)
	if out.Code != CodeInvalid || w.e.LiveCheck() != nil {
		t.Fatalf("a refused command is judged: %v", w.e.LiveCheck())
	}
	cmd := hold("b1", "ga", 1)
	cmd.RequestID = "h1"
	w.e.Step(cmd, w.now, &w.facts)
	if err := w.e.LiveCheck(); err == nil {
		t.Fatal("a breach of conservation is not noticed")
	}
}

func TestIDsAreReadAsWritten(t *testing.T) {
	for _, n := range []uint64{1, 9, 10, 4711, 1<<56 - 1} {
		for _, in := range []Incarnation{0, 1, 35, 36, 1 << 31, IncarnationMax} {
			h, in1, ok1 := ParseHoldID(string(AppendHoldID(nil, HoldID(n), in)))
			o, in2, ok2 := ParseOrderID(string(AppendOrderID(nil, OrderID(n), in)))
			k, in3, ok3 := ParseTicketID(string(AppendTicketID(nil, TicketID(n), in)))
			if !ok1 || !ok2 || !ok3 || uint64(h) != n || uint64(o) != n || uint64(k) != n || in1 != in || in2 != in || in3 != in {
				t.Errorf("%d of %d is read as %d of %d, %d of %d and %d of %d", n, in, h, in1, o, in2, k, in3)
			}
			if id := string(AppendTicketID(nil, TicketID(n), in)); !ValidID(id) {
				t.Errorf("%s is no id", id)
			}
		}
	}
	for _, s := range []string{
		"", "h", "h0", "h01", "h-1", "h1 ", "H1", "o1", "1", "h99999999999999999999", "h1\x00",
		"h1-", "h1-0", "h1-01", "h1-A", "h1-1-1", "h1--1", "h1-zzzzzzzz", "h1-100000000", "h-", "h1-1 ",
	} {
		if id, in, ok := ParseHoldID(s); ok {
			t.Errorf("%q is read as %d of %d", s, id, in)
		}
	}
}

// A step never runs backwards, even if its caller does.
func TestTimeNeverRunsBackwards(t *testing.T) {
	w := newWorld(t, testSpec())
	w.now += 100 * second
	w.ok(hold("b1", "ga", 1))
	w.now -= 50 * second
	if h := w.ok(hold("b2", "ga", 1)).Hold; h.ExpiresAt != start+220*second || w.e.LastAt() != start+100*second {
		t.Fatalf("a hold of the past expires at %d, last fact at %d", h.ExpiresAt-start, w.e.LastAt()-start)
	}
}
