package engine

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// history is a random history of an event with a line, a waiting list, codes and payments. It is lived by one that never sleeps and one that often does, and a
// replica folds what they write.
type history struct {
	t                      *testing.T
	seed                   uint64
	dice                   *rand.Rand
	awake, sleepy, replica *Event
	now                    Instant
	requests               int
	coded                  bool
	auto                   []WaitChange // offers that the shell is to buy
}

// TestAnEventThatSleepsAndItsReplicaLiveTheSame compares the three after every step: the same answers and facts, the same state hash; what is counted twice is the
// same; nobody fits who is not served; and once nobody does anything any more, everything that waits for a time ends.
func TestAnEventThatSleepsAndItsReplicaLiveTheSame(t *testing.T) {
	for seed := range uint64(60) {
		h := newHistory(t, seed)
		for range 300 {
			h.move()
			h.check()
		}
		h.end()
	}
}

func newHistory(t *testing.T, seed uint64) *history {
	t.Helper()
	h := &history{t: t, seed: seed, dice: rand.New(rand.NewPCG(seed, 77)), now: start}
	limits := Limits{}
	if h.one(4) {
		limits.Holds = 4
	}
	h.awake, h.sleepy, h.replica = NewWithLimits(testKey(), limits), NewWithLimits(testKey(), limits), New(testKey())
	spec := testSpec()
	spec.LimitPerBuyer, spec.Pay.UndoMs, spec.Pay.LimitPerLinked = []int64{0, 4, 6}[h.dice.IntN(3)], 10_000, []int64{0, 5}[h.dice.IntN(2)]
	spec.Pools = []PoolSpec{{Pool: "hall", Capacity: 9}}
	spec.Lots = []LotSpec{
		{Lot: "a", FaceMinor: 1000, Capacity: 6, Pools: []string{"hall"}},
		{Lot: "b", FaceMinor: 2000, Capacity: 4, Pools: []string{"hall"}},
		{Lot: "c", FaceMinor: 500, Capacity: 3},
		{Lot: "s", FaceMinor: 900, Rows: []RowSpec{{Section: "A", Row: "1", Seats: 6}}},
		{Lot: "p", FaceMinor: 0, Capacity: 4, Units: 2},
		{Lot: "late", FaceMinor: 700, Capacity: 3, After: "c"},
	}
	spec.Line = &LineSpec{Mode: LineMode(h.dice.IntN(2)), PassTTLMs: 60_000, GraceMs: 10_000, OfferTTLMs: 30_000, AsideMs: 40_000, ShoppersMax: h.dice.Int64N(4)}
	lobby := h.one(2)
	if spec.Open = !lobby; lobby {
		spec.Line.Mode = LineModeLine
	}
	if h.one(3) {
		spec.Line.Tracks = []TrackSpec{{Track: "general", ShareBp: 6000}, {Track: "member", ShareBp: 4000}}
	}
	h.do(&Command{Verb: VerbCreate, Spec: spec})
	if h.coded = h.one(2); h.coded {
		track := ""
		if len(spec.Line.Tracks) > 0 {
			track = "member"
		}
		h.do(&Command{Verb: VerbCodes, Line: &LineCommand{Codes: []CodeSpec{
			{Name: "f", Code: "FANS2026", Uses: 2, Track: track, Lots: []string{"c", "s"}, DiscountBp: 2000}, {Name: "g", Code: "LESS2026", Uses: 3, DiscountMinor: 300},
		}}})
	}
	if lobby {
		h.do(&Command{Verb: VerbSeed, Line: &LineCommand{Commit: line.Commit(goldenSeed())}})
		for range h.dice.IntN(12) {
			h.join()
		}
		h.do(&Command{Verb: VerbOpen})
	}
	return h
}

// one is true once in n times.
func (h *history) one(n int) bool { return h.dice.IntN(n) == 0 }

func (h *history) buyer() string { return "b" + strconv.Itoa(h.dice.IntN(14)) }

func (h *history) lot() string { return []string{"a", "b", "c", "s", "p", "late"}[h.dice.IntN(6)] }

// do gives a command to both events and the facts to the replica, and lets them go on until they are settled.
func (h *history) do(cmd *Command) Code {
	h.t.Helper()
	code := h.step(cmd)
	for n := 0; h.awake.Unsettled(); n++ {
		if before := h.awake.Seq(); h.step(&Command{Verb: VerbSettle}) != CodeOK || h.awake.Seq() == before || n > 1000 {
			h.t.Fatalf("seed %d: after %s the event is never settled", h.seed, cmd.Verb)
		}
	}
	if ref, any := h.awake.firstWhoFits(); any || h.sleepy.Unsettled() {
		h.t.Fatalf("seed %d: after %s waiter %d fits and is not served, or the sleepy event is not settled", h.seed, cmd.Verb, ref>>wishBits+1)
	}
	var signals Signals
	h.sleepy.TakeSignals(&signals)
	signals.Reset()
	h.awake.TakeSignals(&signals)
	for _, c := range signals.Waits {
		if c.AutoBuy && c.State == WaitOffered {
			h.auto = append(h.auto, c)
		}
	}
	return code
}

func (h *history) step(cmd *Command) Code {
	h.t.Helper()
	h.requests++
	if cmd.RequestID = "r" + strconv.Itoa(h.requests); h.one(4) && h.sleepy.Exists() && !h.sleepy.tally.any { // refusals that were not written yet are lost in a sleep
		opened, err := OpenSnapshot(testKey(), h.sleepy.AppendSnapshot(nil))
		if err != nil {
			h.t.Fatalf("seed %d: %v", h.seed, err)
		}
		h.sleepy = opened.(*Event)
	}
	var facts, same Facts
	again := *cmd
	code := h.awake.Step(cmd, h.now, &facts).Code
	if other := h.sleepy.Step(&again, h.now, &same).Code; other != code || !bytes.Equal(facts.Buf, same.Buf) {
		h.t.Fatalf("seed %d: to %s the sleepy event says %s and %x, the other one %s and %x", h.seed, cmd.Verb, other, same.Buf, code, facts.Buf)
	}
	if facts.Count == 0 {
		return code
	}
	if err := h.replica.Fold(&Run{Key: testKey(), First: h.replica.Seq() + 1, At: h.now, Facts: facts}); err != nil {
		h.t.Fatalf("seed %d: the replica does not take %s: %v", h.seed, cmd.Verb, err)
	}
	if h.replica.StateHash() != h.awake.StateHash() {
		h.t.Fatalf("seed %d: after %s the replica is another one", h.seed, cmd.Verb)
	}
	return code
}

// check counts everything again, and lets time go by.
func (h *history) check() {
	h.t.Helper()
	if err := h.awake.Check(); err != nil {
		h.t.Fatalf("seed %d: %v", h.seed, err)
	}
	if l := h.awake.line; l != nil {
		browsing, units := uint32(0), uint32(0)
		for slot := range l.rows.rows {
			if r := l.rows.at(slot); l.hasTurn(r) {
				turn := l.turns.at(r.prev - 1)
				browsing += uint32(turn.flags & turnBrowsing / turnBrowsing)
				units += uint32(turn.flags&turnHolding/turnHolding) * turn.units
			}
		}
		fresh, quiet := l.shopping.Count()
		held := l.shopping.Holds.Old
		for _, c := range l.shopping.Holds.Young {
			held += c.There
		}
		if fresh+quiet != browsing || held != units {
			h.t.Fatalf("seed %d: %d shoppers with %d units are counted, there are %d with %d", h.seed, fresh+quiet, held, browsing, units)
		}
	}
	if h.now += Instant(h.dice.Int64N(3000)) * 1e6; h.one(30) {
		h.now += 50 * second
	}
	if h.one(2) {
		h.due()
	}
}

// due does what is due.
func (h *history) due() {
	h.t.Helper()
	for n := 0; ; n++ {
		at, ok := h.awake.NextDeadline()
		if !ok || at > h.now {
			return
		}
		if h.do(&Command{Verb: VerbExpire}); n > 100 {
			h.t.Fatalf("seed %d: the event wants to be woken without end", h.seed)
		}
	}
}

// end lets time go by until nothing is due any more: nobody has a pass or a time of grace then, and nobody waits while there is something free.
func (h *history) end() {
	h.t.Helper()
	for n := 0; ; n++ {
		at, ok := h.awake.NextDeadline()
		if !ok {
			break
		}
		if h.now = max(h.now, at); n > 4000 {
			h.t.Fatalf("seed %d: the event wants to be woken without end", h.seed)
		}
		h.due()
	}
	l := h.awake.line
	if l == nil || !h.awake.serves() {
		return
	}
	if l.passes.n+l.skipped.n > 0 || l.holding == 0 && l.counts[PlaceWaiting] > 0 && h.awake.admission().Free > 0 {
		h.t.Fatalf("seed %d: %d passes and %d skipped are left, %d wait with %+v", h.seed, l.passes.n, l.skipped.n, l.counts[PlaceWaiting], h.awake.admission())
	}
}

// move does something.
func (h *history) move() {
	moves := [...]struct {
		often int
		do    func()
	}{
		{4, h.join}, {6, h.place}, {9, h.hold}, {6, h.wait}, {3, h.pay}, {6, h.payAuto}, {3, h.gateway}, {3, h.tickets}, {4, h.organise}, {2, h.shell},
	}
	n := h.dice.IntN(46) // as often as all of them
	for _, m := range moves {
		if n -= m.often; n < 0 {
			m.do()
			return
		}
	}
}

// by adds what the shell knows of a buyer, and perhaps a code.
func (h *history) by(cmd *Command) *Command {
	cmd.Payment = &PaymentCommand{Method: "m1", Note: goodCard()}
	if h.one(3) {
		cmd.Payment.Note.Links = []uint64{1 + h.dice.Uint64N(6)}
	}
	if cmd.Line == nil {
		cmd.Line = &LineCommand{}
	}
	if h.coded && h.one(2) {
		cmd.Line.Code = []string{"FANS2026", "LESS2026", "FANS2026", "LESS2026", "NONE2026"}[h.dice.IntN(5)]
	}
	return cmd
}

func (h *history) join() {
	l := &LineCommand{Wants: h.dice.Int64N(4)}
	if h.one(4) {
		l.Track = []string{"general", "member", "press"}[h.dice.IntN(3)]
	}
	h.do(h.by(&Command{Verb: VerbJoin, Buyer: h.buyer(), Line: l}))
}

func (h *history) place() {
	h.do(about([...]Verb{VerbAbsent, VerbAbsent, VerbPresent, VerbPresent, VerbLeave}[h.dice.IntN(5)], h.buyer()))
}

// holdOf is the hold that a buyer has, empty if there is none.
func (h *history) holdOf(buyer string) string {
	at := h.awake.buyerNamed(buyer, hashString(h.awake.seed, buyer))
	if at == 0 || h.awake.buyers.at(at-1).hold == 0 {
		return ""
	}
	return holdText(h.awake.holds.at(h.awake.buyers.at(at-1).hold - 1).id())
}

func (h *history) hold() {
	buyer := h.buyer()
	id := h.holdOf(buyer)
	switch n := h.dice.IntN(8); {
	case n < 4:
		h.do(h.by(hold(buyer, h.lot(), 1+h.dice.Int64N(3))))
	case n == 4 && h.awake.holdLast > 0:
		late := holdText(1 + HoldID(h.dice.Int64N(int64(h.awake.holdLast))))
		h.do(&Command{Verb: VerbConfirm, Buyer: buyer, Hold: late, PaymentRef: "inv", Payment: &PaymentCommand{Late: true, Equal: h.one(2)}})
	case id == "":
	case n == 5:
		h.do(&Command{Verb: VerbConfirm, Buyer: buyer, Hold: id, PaymentRef: "inv"})
	default:
		h.do(&Command{Verb: VerbRelease, Buyer: buyer, Hold: id})
	}
}

func (h *history) wait() {
	if h.one(5) {
		h.do(&Command{Verb: VerbLeave, Buyer: h.buyer(), Line: &LineCommand{List: true}})
		return
	}
	wishes := []Wish{{Lot: h.lot(), Quantity: 1 + h.dice.Int64N(3), Together: h.one(2)}}
	if h.one(2) {
		wishes = append(wishes, Wish{Lot: h.lot(), Quantity: 4 + h.dice.Int64N(4)})
	}
	cmd := h.by(waits(h.buyer(), wishes...))
	if cmd.Line.AutoBuy = h.one(2); h.one(3) {
		cmd.HasMaxPrice, cmd.MaxPrice = true, 3000
	}
	h.do(cmd)
}

func (h *history) pay() {
	buyer := h.buyer()
	if id := h.holdOf(buyer); id != "" {
		h.do(h.by(&Command{Verb: VerbBuy, Buyer: buyer, Hold: id}))
		return
	}
	h.do(h.by(&Command{Verb: VerbBuy, Buyer: buyer, Items: []Item{{Lot: h.lot(), Quantity: 1 + h.dice.Int64N(2)}}, Line: &LineCommand{Wait: h.one(2)}}))
}

func (h *history) payAuto() {
	if len(h.auto) == 0 {
		return
	}
	c := h.auto[len(h.auto)-1]
	h.auto = h.auto[:len(h.auto)-1]
	cmd := &Command{Verb: VerbBuy, Buyer: c.Buyer, Hold: holdText(c.Hold), Payment: &PaymentCommand{Auto: true, Method: "m1", Note: goodCard()}}
	if h.one(2) {
		cmd.Payment.Note.MethodWhy = EligibleNoMethod
	}
	h.do(cmd)
}

// gateway answers about a purchase, or its buyer takes it back.
func (h *history) gateway() {
	n := h.awake.purchases.rows.rows
	if n == 0 {
		return
	}
	slot := uint32(h.dice.IntN(int(n)))
	row, id := h.awake.purchases.rows.at(slot), PurchaseID(slot)+1
	switch {
	case row.unfinished():
		answers := [...]payment.Result{
			{Answer: payment.Authorised, AmountMinor: row.total, Currency: "EUR", Ref: "ch"},
			{Answer: payment.Authorised, AmountMinor: row.total, Currency: "EUR", Ref: "ch"},
			{Answer: payment.DeclinedSoft, Decline: payment.DeclineTryAgain},
			{Answer: payment.DeclinedHard, Decline: payment.DeclineGeneric},
		}
		h.do(&Command{Verb: VerbIntend, Payment: &PaymentCommand{At: id, Operation: payment.Authorise}})
		h.do(&Command{Verb: VerbResult, Payment: &PaymentCommand{At: id, Operation: payment.Authorise, Result: &answers[h.dice.IntN(4)]}})
	case row.state == PurchaseSold:
		h.do(&Command{Verb: VerbUndo, Buyer: h.awake.buyerName(row.buyer), Payment: &PaymentCommand{Purchase: string(AppendPurchaseID(nil, id, 0))}})
	}
}

// tickets become more or fewer.
func (h *history) tickets() {
	lot, verb := h.lot(), [...]Verb{VerbBlock, VerbUnblock}[h.dice.IntN(2)]
	switch n := h.dice.IntN(5); {
	case n == 0:
		h.do(&Command{Verb: VerbCapacity, Pool: "hall", Quantity: 4 + h.dice.Int64N(10)})
	case n == 1 && h.awake.orders.rows > 0:
		order := OrderID(h.dice.IntN(int(h.awake.orders.rows))) + 1
		h.do(&Command{Verb: VerbRefund, Order: string(AppendOrderID(nil, order, 0)), Payment: &PaymentCommand{}})
	case lot == "s":
		h.do(&Command{Verb: verb, Lot: lot, Seats: []string{"A/1/" + strconv.Itoa(1+h.dice.IntN(6))}})
	case n == 2:
		h.do(&Command{Verb: verb, Lot: lot, Quantity: 1 + h.dice.Int64N(2)})
	default:
		h.do(&Command{Verb: VerbCapacity, Lot: lot, Quantity: h.dice.Int64N(10)})
	}
}

// organise changes the event.
func (h *history) organise() {
	specs := [...]LineSpec{
		{Set: SetLineMode, Mode: LineMode(h.dice.IntN(2))},
		{Set: SetPassTTL, PassTTLMs: 10_000 + h.dice.Int64N(100_000)},
		{Set: SetLineGrace, GraceMs: 1000 + h.dice.Int64N(30_000)},
		{Set: SetShoppersMax, ShoppersMax: h.dice.Int64N(5)},
		{Set: SetAside, AsideMs: 1000 + h.dice.Int64N(60_000)},
		{Set: SetTracks, Tracks: []TrackSpec{{Track: "general", ShareBp: 5000}, {Track: "member", ShareBp: 5000}, {Track: "press"}}},
	}
	switch h.dice.IntN(6) {
	case 0, 1:
		h.do(&Command{Verb: VerbUpdate, Spec: &EventSpec{Line: &specs[h.dice.IntN(len(specs))]}})
	case 2:
		h.do(&Command{Verb: VerbUpdate, Spec: &EventSpec{Lots: []LotSpec{{Lot: h.lot(), Set: SetLotFace, FaceMinor: 300 + h.dice.Int64N(1500)}}}})
	case 3:
		h.do(&Command{Verb: VerbPause})
	case 4:
		h.do(&Command{Verb: VerbOpen})
	case 5:
		if h.one(10) {
			h.do(&Command{Verb: [...]Verb{VerbClose, VerbCancel}[h.dice.IntN(2)]})
			for len(h.auto) > 0 { // what was offered before may still be bought
				h.payAuto()
			}
		}
	}
}

// shell says what only the shell knows.
func (h *history) shell() {
	switch {
	case h.awake.LineWants() == LineWantsReveal:
		h.do(&Command{Verb: VerbReveal, Line: &LineCommand{Seed: goldenSeed()}})
	case h.one(5):
		h.now += 20 * second
		h.do(&Command{Verb: VerbResume, Down: int64(15 * second)})
	default:
		h.do(&Command{Verb: VerbRate, Line: &LineCommand{PerMin: h.dice.Int64N(3) * 5}})
	}
}
