package engine

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// settleAll lets an event go on until nothing is left over, and returns how many steps that took and what those who wait were told.
func (w *world) settleAll() (steps int, told []WaitChange) {
	w.t.Helper()
	var signals Signals
	for ; w.e.Unsettled(); steps++ {
		before := w.facts.Count
		if w.e.Step(&Command{Verb: VerbSettle}, w.now, &w.facts); w.facts.Count == before {
			w.t.Fatal("an event that is not settled does nothing")
		}
		if n := w.facts.Count - before; n > FollowUpsMax+2 {
			w.t.Fatalf("a step has %d facts", n)
		}
	}
	w.e.TakeSignals(&signals)
	return steps, signals.Waits
}

func soldOut(t testing.TB, limits Limits) *world {
	t.Helper()
	w := &world{t: t, e: NewWithLimits(testKey(), limits), now: start}
	spec := testSpec()
	spec.LimitPerBuyer, spec.Lots[0].Capacity = 0, 1
	w.ok(&Command{Verb: VerbCreate, Spec: spec})
	w.ok(hold("z", "ga", 1))
	w.ok(&Command{Verb: VerbConfirm, Buyer: "z", Hold: "h1", PaymentRef: "inv-1"})
	return w
}

// TestFiftyThousandTicketsAreFreedAtOnce raises a capacity by that much: those who wait are served in slices of a step, in their order, and nobody else gets
// anything in between, not even somebody whose command comes before the rest was settled.
func TestFiftyThousandTicketsAreFreedAtOnce(t *testing.T) {
	const freed = 50_000
	w := soldOut(t, Limits{})
	for i := range freed + 10 {
		w.ok(waits("b"+strconv.Itoa(i), Wish{Lot: "ga", Quantity: 1}))
	}
	w.facts.Reset()
	first := w.e.Seq() + 1
	replica, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: freed + 1})
	if !w.e.Unsettled() {
		t.Fatal("all were served in one step")
	}
	if out := w.refused(CodeSoldOut, hold("x", "ga", 1)); !strings.HasSuffix(string(out.AppendMessage(nil)), out.Text) || out.Text == "" {
		t.Errorf("a stranger is told %q", out.AppendMessage(nil))
	}
	steps, told := w.settleAll()
	if steps < freed/FollowUpsMax {
		t.Errorf("%d steps", steps)
	}
	for i, c := range told {
		if c.Waiter != int64(i)+1 || c.State != WaitOffered {
			t.Fatalf("offer %d goes to waiter %d, who is %s", i+1, c.Waiter, c.State)
		}
	}
	if len(told) != freed {
		t.Errorf("%d were told", len(told))
	}
	w.refused(CodeSoldOut, hold("x", "ga", 1))
	if err := replica.Fold(&Run{Key: testKey(), First: first, At: w.now, Facts: w.facts}); err != nil {
		t.Fatal(err)
	}
	if replica.StateHash() != w.e.StateHash() {
		t.Error("the replica is another one")
	}
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
	if v := w.ok(about(VerbPlace, "b"+strconv.Itoa(freed+4))).Waiter; v.Ahead != 4 {
		t.Errorf("%d are ahead", v.Ahead)
	}
}

// TestTheLargeRequestDoesNotStarve lets single tickets come back one by one, each wanted by somebody at once, while one waits for eight.
func TestTheLargeRequestDoesNotStarve(t *testing.T) {
	w := soldOut(t, Limits{})
	w.ok(waits("large", Wish{Lot: "ga", Quantity: 8}))
	served := 0
	for i := range 100 {
		buyer := "b" + strconv.Itoa(i)
		w.ok(waits(buyer, Wish{Lot: "ga", Quantity: 1}))
		w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: w.e.lots[0].capacity + 1})
		if w.settleAll(); w.ok(about(VerbPlace, "large")).Waiter.State == WaitOffered {
			break
		}
		served++
		if w.now += second; w.ok(about(VerbPlace, buyer)).Waiter.State == WaitOffered {
			w.ok(&Command{Verb: VerbConfirm, Buyer: buyer, Hold: holdText(w.e.holdLast), PaymentRef: "inv"})
		} else {
			w.refused(CodeSoldOut, hold("x", "ga", 1)) // what is kept is not there for strangers either
		}
	}
	if served != PassedOverMax+7 {
		t.Errorf("eight tickets side by side were there after %d others: %d pass it over, then seven are kept", served, PassedOverMax)
	}
}

// TestATimeOfKeepingHasAnEnd doubles the longest and the shortest.
func TestATimeOfKeepingHasAnEnd(t *testing.T) {
	for _, ms := range []int64{asideMsMin, asideMsMax} {
		spec := testSpec()
		spec.Line = &LineSpec{AsideMs: ms}
		e, last := newWorld(t, spec).e, Instant(0)
		for rounds := range uint8(asideRoundsMax + 1) {
			if life := e.asideLife(rounds); life != asideLifeMax && life != Instant(ms)*1e6<<rounds || life < last {
				t.Errorf("%d ms, doubled %d times: %d", ms, rounds, life)
			} else {
				last = life
			}
		}
		if last != asideLifeMax || instantMax+last < instantMax {
			t.Errorf("%d ms becomes %d", ms, last)
		}
	}
}

// TestBoundsOfTheWaitingList fills it: wishes, their kinds, waiters in all, and how often one buyer may wait.
func TestBoundsOfTheWaitingList(t *testing.T) {
	w := soldOut(t, Limits{Line: 2 * joinsMax})
	w.refused(CodeInvalid, waits("b", Wish{Lot: "ga", Quantity: WishQuantityMax + 1}))
	var wishes []Wish
	for i := range WishesMax {
		wishes = append(wishes, Wish{Lot: "ga", Quantity: WishQuantityMax - int64(i)})
	}
	w.refused(CodeInvalid, waits("b", append(wishes, Wish{Lot: "ga", Quantity: 1})...))
	w.ok(waits("b", wishes...))
	for range joinsMax {
		w.ok(waits("c", Wish{Lot: "ga", Quantity: 1}))
		w.ok(&Command{Verb: VerbLeave, Buyer: "c", Line: &LineCommand{List: true}})
	}
	w.refused(CodeTooMany, waits("c", Wish{Lot: "ga", Quantity: 1}))
	for i := range joinsMax - 1 {
		w.ok(waits("d"+strconv.Itoa(i), Wish{Lot: "ga", Quantity: 1}))
	}
	w.refused(CodeTooMany, waits("e", Wish{Lot: "ga", Quantity: 1}))
	if err := w.e.Check(); err != nil {
		t.Fatal(err)
	}
}

// TestKindsOfWishesAreBounded fills them, as each costs a look at what is freed. One of which nobody waits any more is given back: because everybody has left, was offered
// tickets, or cannot have them any more; also in an event that slept, or was folded.
func TestKindsOfWishesAreBounded(t *testing.T) {
	spec := testSpec()
	spec.Lots, spec.LimitPerBuyer = nil, 0
	for i := range WishKindsMax/WishQuantityMax + 1 {
		spec.Lots = append(spec.Lots, LotSpec{Lot: "l" + strconv.Itoa(i), Capacity: 0})
	}
	w := newWorld(t, spec)
	n := 0
	for i := range WishKindsMax / WishQuantityMax {
		for q := range WishQuantityMax {
			w.ok(waits("b"+strconv.Itoa(n), Wish{Lot: "l" + strconv.Itoa(i), Quantity: int64(q) + 1}))
			n++
		}
	}
	last := "l" + strconv.Itoa(WishKindsMax/WishQuantityMax)
	full := func() {
		t.Helper()
		asleep, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
		if err != nil {
			t.Fatal(err)
		}
		if asleep.StateHash() != w.e.StateHash() || asleep.Check() != nil {
			t.Fatalf("the event that slept is another one: %v", asleep.Check())
		}
		if n++; n%2 == 0 {
			w.e = asleep.(*Event)
		}
		out := w.refused(CodeTooMany, waits("x", Wish{Lot: last, Quantity: WishQuantityMax}))
		if text := string(out.AppendMessage(nil)); !out.Code.Retryable() || !strings.Contains(text, "as others wait for") {
			t.Errorf("who could wait when somebody has left is told %q", text)
		}
	}
	leave := func(buyer string) *Command {
		return &Command{Verb: VerbLeave, Buyer: buyer, Line: &LineCommand{List: true}}
	}
	full()
	w.ok(waits("y", Wish{Lot: "l0", Quantity: 1})) // as b0
	w.ok(leave("b0"))
	full()
	w.ok(leave("y"))
	w.ok(waits("c1", Wish{Lot: last, Quantity: 1}))
	full()
	w.ok(&Command{Verb: VerbCapacity, Lot: "l1", Quantity: 1})
	w.waiter("b"+strconv.Itoa(WishQuantityMax), WaitOffered)
	w.ok(waits("c2", Wish{Lot: last, Quantity: 2}))
	full()
	w.ok(leave("b2"))
	poor := waits("c3", Wish{Lot: "l2", Quantity: 1}, Wish{Lot: last, Quantity: 3})
	poor.MaxPrice, poor.HasMaxPrice = 0, true
	w.ok(poor)
	w.ok(leave("b" + strconv.Itoa(2*WishQuantityMax)))
	full()
	w.ok(&Command{Verb: VerbUpdate, Spec: &EventSpec{Lots: []LotSpec{{Lot: "l2", Set: SetLotFace, FaceMinor: 1000}}}})
	w.ok(&Command{Verb: VerbCapacity, Lot: "l2", Quantity: 1})
	if v := w.ok(about(VerbPlace, "c3")).Waiter; !v.Wishes[0].Off || v.State != WaitWaiting {
		t.Errorf("who waits for what is too dear is %+v", v)
	}
	w.ok(waits("c4", Wish{Lot: last, Quantity: 4}))
	full()
	replica := New(testKey())
	if err := replica.Fold(&Run{Key: testKey(), First: 1, At: w.now, Facts: w.facts}); err != nil {
		t.Fatal(err)
	}
	if replica.StateHash() != w.e.StateHash() || replica.Check() != nil {
		t.Errorf("the replica is another one: %v", replica.Check())
	}
	for i := range n {
		w.step(leave("b" + strconv.Itoa(i)))
	}
	if len(w.e.list.kinds) != 4 || w.e.Check() != nil {
		t.Errorf("of those who are left there are %d kinds", len(w.e.list.kinds))
	}
}

// waitModel is the waiting list as its rules say it in words: a list of those who wait, gone through from the front whenever something is free.
type waitModel struct {
	waiters []modelWaiter
	whole   map[string]int64 // how much there is of a lot or pool, taken or not
	free    map[string]int64
	pool    map[string]string // of a lot
	inPool  map[string]int64
	held    map[string]Wish // live holds, by buyer
	passed  map[Wish]*modelPassed
	now     Instant
	offers  []WaitChange
	kept    int // times
}

type modelWaiter struct {
	buyer   string
	wishes  []Wish
	waiting bool
}

type modelPassed struct {
	of, times, again int
	until            Instant
}

// first is the first who waits for just this, -1 if nobody does.
func (m *waitModel) first(wish Wish) int {
	for i := range m.waiters {
		for _, w := range m.waiters[i].wishes {
			if m.waiters[i].waiting && w == wish {
				return i
			}
		}
	}
	return -1
}

// room is what somebody at a place of the list may have of a lot.
func (m *waitModel) room(place int, lot string) int64 {
	free, inPool := m.free[lot], m.inPool[m.pool[lot]]
	for wish, p := range m.passed {
		couldHave := wish.Quantity <= m.whole[wish.Lot] && (m.pool[wish.Lot] == "" || wish.Quantity <= m.whole[m.pool[wish.Lot]])
		if p.until > m.now && p.of == m.first(wish) && p.of < place && couldHave {
			if wish.Lot == lot {
				free -= wish.Quantity
			}
			if m.pool[wish.Lot] == m.pool[lot] {
				inPool -= wish.Quantity
			}
		}
	}
	if m.pool[lot] == "" {
		return free
	}
	return min(free, inPool)
}

// take gives tickets to a buyer at a place of the list.
func (m *waitModel) take(place int, buyer string, wish Wish) {
	m.free[wish.Lot] -= wish.Quantity
	m.inPool[m.pool[wish.Lot]] -= wish.Quantity
	m.held[buyer] = wish
	for i := range m.waiters {
		if m.waiters[i].buyer == buyer {
			m.waiters[i].waiting = false
		}
	}
	kinds := map[Wish]bool{}
	for i := range m.waiters {
		for _, w := range m.waiters[i].wishes {
			kinds[w] = kinds[w] || m.waiters[i].waiting
		}
	}
	for kind, any := range kinds {
		if !any || kind.Lot != wish.Lot && (m.pool[kind.Lot] == "" || m.pool[kind.Lot] != m.pool[wish.Lot]) {
			continue
		}
		first := m.first(kind)
		if first >= place {
			continue
		}
		p := m.passed[kind]
		if p == nil || p.of != first {
			p = &modelPassed{of: first}
			m.passed[kind] = p
		}
		if p.until != 0 && p.until <= m.now {
			p.times, p.again, p.until = 0, p.again+1, 0
		}
		if p.until == 0 {
			if p.times++; p.times == PassedOverMax {
				p.until = m.now + asideDefault*1e6<<p.again
				m.kept++
			}
		}
	}
}

func (m *waitModel) end(buyer string, comesBack bool) {
	wish, ok := m.held[buyer]
	if delete(m.held, buyer); ok && comesBack {
		m.free[wish.Lot] += wish.Quantity
		m.inPool[m.pool[wish.Lot]] += wish.Quantity
	}
}

// settle offers until nobody fits.
func (m *waitModel) settle() {
	for again := true; again; {
		again = false
		for i := range m.waiters {
			for _, w := range m.waiters[i].wishes {
				if m.waiters[i].waiting && m.room(i, w.Lot) >= w.Quantity {
					m.offers = append(m.offers, WaitChange{Waiter: int64(i) + 1, Buyer: m.waiters[i].buyer})
					m.take(i, m.waiters[i].buyer, w)
					again = true
				}
			}
			if again {
				break
			}
		}
	}
}

// TestNobodyOvertakesOnTheWaitingList compares random histories with the model: who is offered what, in which order, and what is left for everybody else. In
// between the event sleeps, and a replica folds what it wrote.
func TestNobodyOvertakesOnTheWaitingList(t *testing.T) {
	offers, kept := 0, 0
	for seed := range uint64(60) {
		o, k := playWaiting(t, seed)
		offers, kept = offers+o, kept+k
	}
	if offers < 500 || kept < 100 {
		t.Errorf("only %d offers, %d times were tickets kept", offers, kept)
	}
}

func playWaiting(t *testing.T, seed uint64) (offers, kept int) { //nolint:gocognit,cyclop // one history
	t.Helper()
	dice := rand.New(rand.NewPCG(seed, 1))
	spec := testSpec()
	spec.LimitPerBuyer, spec.HoldTTLMs, spec.MaxHoldMs = 0, HoldTTLMsMax/2, HoldTTLMsMax
	spec.Pools = []PoolSpec{{Pool: "hall", Capacity: 6}}
	spec.Lots = []LotSpec{{Lot: "a", Capacity: 4, Pools: []string{"hall"}}, {Lot: "b", Capacity: 4, Pools: []string{"hall"}}, {Lot: "c", Capacity: 3}}
	spec.Line = &LineSpec{OfferTTLMs: HoldTTLMsMax}
	w := newWorld(t, spec)
	replica := New(testKey())
	fold := func() {
		t.Helper()
		if err := replica.Fold(&Run{Key: testKey(), First: replica.Seq() + 1, At: w.now, Facts: w.facts}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		w.facts.Reset()
	}
	fold()
	m := &waitModel{
		whole: map[string]int64{"a": 4, "b": 4, "c": 3, "hall": 6},
		free:  map[string]int64{"a": 4, "b": 4, "c": 3}, pool: map[string]string{"a": "hall", "b": "hall"}, inPool: map[string]int64{"hall": 6},
		held: map[string]Wish{}, passed: map[Wish]*modelPassed{},
	}
	lots := []string{"a", "b", "c"}
	for step := range 800 {
		m.now, m.offers = w.now, nil
		buyer, lot, n := "b"+strconv.Itoa(dice.IntN(25)), lots[dice.IntN(3)], 1+dice.Int64N(3)
		switch dice.IntN(9) {
		case 0, 1: // wait
			if n++; dice.IntN(3) > 0 {
				break
			}
			if _, holds := m.held[buyer]; holds {
				break
			}
			wishes := []Wish{{Lot: lot, Quantity: n}}
			if dice.IntN(2) == 0 {
				wishes = append(wishes, Wish{Lot: lots[dice.IntN(3)], Quantity: n + 1})
			}
			rows := uint32(0)
			if w.e.list != nil {
				rows = w.e.list.rows.rows
			}
			if out := w.step(waits(buyer, wishes...)); out.Code == CodeOK && w.e.list.rows.rows > rows {
				m.waiters = append(m.waiters, modelWaiter{buyer, wishes, true})
			}
		case 2, 3: // a stranger, or somebody who waits, takes tickets
			if n = 1; dice.IntN(8) > 0 {
				buyer = "s" + strconv.Itoa(dice.IntN(6))
			}
			if _, holds := m.held[buyer]; holds {
				break
			}
			want := m.room(len(m.waiters), lot) >= n
			if out := w.step(hold(buyer, lot, n)); (out.Code == CodeOK) != want {
				t.Fatalf("seed %d, step %d: %d of %s for a stranger: %s, the model says %t", seed, step, n, lot, out.Code, want)
			}
			if want {
				m.take(len(m.waiters), buyer, Wish{Lot: lot, Quantity: n})
			}
		case 4, 5, 6: // a hold ends
			if dice.IntN(2) == 0 {
				buyer = "s" + strconv.Itoa(dice.IntN(6))
			}
			if _, holds := m.held[buyer]; !holds {
				break
			}
			id := holdText(w.e.holds.at(w.e.buyers.at(w.e.buyerNamed(buyer, hashString(w.e.seed, buyer))-1).hold - 1).id())
			if dice.IntN(40) == 0 {
				w.ok(&Command{Verb: VerbConfirm, Buyer: buyer, Hold: id, PaymentRef: "inv"})
				m.end(buyer, false)
			} else {
				w.ok(&Command{Verb: VerbRelease, Buyer: buyer, Hold: id})
				m.end(buyer, true)
			}
		case 7: // more tickets, or somebody gives up
			if dice.IntN(20) == 0 {
				m.whole[lot]++
				w.ok(&Command{Verb: VerbCapacity, Lot: lot, Quantity: m.whole[lot]})
				m.free[lot]++
			} else if _, holds := m.held[buyer]; !holds && dice.IntN(4) == 0 && w.step(&Command{Verb: VerbLeave, Buyer: buyer, Line: &LineCommand{List: true}}).Code == CodeOK {
				for i := range m.waiters {
					m.waiters[i].waiting = m.waiters[i].waiting && m.waiters[i].buyer != buyer
				}
			}
		case 8: // time goes by
			if w.now += Instant(dice.Int64N(20)) * second; dice.IntN(20) == 0 {
				w.now += asideDefault * 1e6
			}
			m.now = w.now
			w.step(&Command{Verb: VerbExpire})
		}
		_, told := w.settleAll()
		var got []WaitChange
		for _, c := range told {
			if c.State == WaitOffered {
				got = append(got, c)
			}
		}
		if m.settle(); len(got) != len(m.offers) {
			t.Fatalf("seed %d, step %d: %d offers, the model makes %d", seed, step, len(got), len(m.offers))
		}
		for i := range got {
			if got[i].Waiter != m.offers[i].Waiter {
				t.Fatalf("seed %d, step %d: an offer to waiter %d, the model's is to %d", seed, step, got[i].Waiter, m.offers[i].Waiter)
			}
		}
		offers, kept = offers+len(got), m.kept
		fold()
		if err := w.e.Check(); err != nil {
			t.Fatalf("seed %d, step %d: %v", seed, step, err)
		}
		if step%20 == 0 {
			opened, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
			if err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			w.e = opened.(*Event)
		}
		if replica.StateHash() != w.e.StateHash() {
			t.Fatalf("seed %d, step %d: the replica is another one", seed, step)
		}
	}
	return offers, kept
}

// TestAskingAgainKeepsThePlace repeats a wait with another request id.
func TestAskingAgainKeepsThePlace(t *testing.T) {
	w := soldOut(t, Limits{})
	for i := range 3 {
		w.ok(waits("b"+strconv.Itoa(i), Wish{Lot: "ga", Quantity: 1}))
	}
	if v := w.ok(waits("b0", Wish{Lot: "ga", Quantity: 1})).Waiter; v.Waiter != 1 || v.Ahead != 0 {
		t.Errorf("who asks again is waiter %d, behind %d", v.Waiter, v.Ahead)
	}
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 2})
	if _, told := w.settleAll(); len(told) != 1 || told[0].Buyer != "b0" {
		t.Errorf("told were %+v", told)
	}
}

// TestAskingAgainIsBoughtForOnce: a request that only kept a place is known for as long as others are, over sleeps too: said again when the tickets were bought, it buys
// no others.
func TestAskingAgainIsBoughtForOnce(t *testing.T) {
	spec := testSpec()
	spec.Lots = []LotSpec{{Lot: "ga", FaceMinor: 1000, Capacity: 1}}
	w := newWorld(t, spec)
	sell := func(buyer string, id HoldID) {
		w.ok(&Command{Verb: VerbConfirm, Buyer: buyer, Hold: string(AppendHoldID(nil, id, 0)), PaymentRef: "inv"})
	}
	sell("zoe", w.ok(hold("zoe", "ga", 1)).Hold.ID)
	buy := func(id string) *Outcome {
		return w.ok(&Command{Verb: VerbBuy, RequestID: id, Buyer: "dora", Items: []Item{{Lot: "ga", Quantity: 1}}, Line: &LineCommand{Wait: true}, Payment: &PaymentCommand{Note: goodCard()}})
	}
	for _, id := range []string{"q1", "q2"} {
		if out := buy(id); out.Waiter.Waiter != 1 || out.Repeated {
			t.Fatalf("%s: %+v", id, out.Waiter)
		}
	}
	w.ok(&Command{Verb: VerbCapacity, Lot: "ga", Quantity: 2})
	sell("dora", w.ok(about(VerbPlace, "dora")).Waiter.Hold)
	asleep, err := OpenSnapshot(testKey(), w.e.AppendSnapshot(nil))
	if err != nil {
		t.Fatal(err)
	}
	w.e = asleep.(*Event)
	w.now += 60 * second
	for _, id := range []string{"q1", "q2"} {
		if out := buy(id); out.Waiter.Waiter != 1 || out.Waiter.State != WaitBought || !out.Repeated {
			t.Errorf("%s, when they were bought: %+v, repeated %v", id, out.Waiter, out.Repeated)
		}
	}
}
