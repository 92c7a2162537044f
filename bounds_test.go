package holdfast_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
)

// until is when nothing of these tests has expired yet.
const until = engine.Instant(1_000_000_000)

// A sale is an event with a memory for request ids, so that a test reads as what is asked.
type sale struct {
	t        *testing.T
	ev       *engine.Event
	now      engine.Instant
	requests int
}

func newSale(t *testing.T) *sale {
	t.Helper()
	key := engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}
	return &sale{t: t, ev: engine.New(key), now: until}
}

// step carries out a command under a request id of its own, unless it has one. The outcome is valid until the next step.
func (s *sale) step(cmd engine.Command) *engine.Outcome {
	if cmd.RequestID == "" && cmd.Verb < engine.VerbExpire {
		s.requests++
		cmd.RequestID = fmt.Sprintf("r%d", s.requests)
	}
	return s.ev.Step(&cmd, s.now, &engine.Facts{})
}

func (s *sale) create(spec engine.EventSpec) *engine.Outcome {
	spec.Currency, spec.Open = "EUR", true
	return s.step(engine.Command{Verb: engine.VerbCreate, Spec: &spec})
}

// opened creates an event that must be accepted.
func opened(t *testing.T, spec engine.EventSpec) *sale {
	t.Helper()
	s := newSale(t)
	s.want(engine.CodeOK, s.create(spec))
	return s
}

func (s *sale) hold(buyer string, items ...engine.Item) *engine.Outcome {
	return s.step(engine.Command{Verb: engine.VerbHold, Buyer: buyer, Items: items})
}

func (s *sale) want(code engine.Code, out *engine.Outcome) *engine.Outcome {
	s.t.Helper()
	if out.Code != code {
		s.t.Fatalf("%s was answered %s (%s %s), it should be %s", out.Verb, out.Code, out.Field, out.AppendMessage(nil), code)
	}
	return out
}

// spec is an event with n lots of ten tickets, named l0, l1, ...
func spec(n int64) engine.EventSpec {
	var s engine.EventSpec
	for i := range n {
		s.Lots = append(s.Lots, engine.LotSpec{Lot: fmt.Sprintf("l%d", i), Capacity: 10})
	}
	return s
}

// one is an event with one lot.
func one(lot engine.LotSpec) engine.EventSpec {
	lot.Lot = "ga"
	return engine.EventSpec{Lots: []engine.LotSpec{lot}}
}

func seats(n int64) []string {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = fmt.Sprintf("A/1/%d", i+1)
	}
	return labels
}

func letters(n int64) string { return strings.Repeat("a", int(n)) }

// TestBoundsOfACommand asks for as much as each bound allows, which is accepted, and for one more, which is refused.
func TestBoundsOfACommand(t *testing.T) {
	created := func(spec func(n int64) engine.EventSpec) func(*testing.T, int64) engine.Code {
		return func(t *testing.T, n int64) engine.Code { return newSale(t).create(spec(n)).Code }
	}
	row := []engine.RowSpec{{Section: "A", Row: "1", Seats: 2000}}
	for _, c := range []struct {
		name  string
		bound int64
		ask   func(t *testing.T, n int64) engine.Code
	}{
		{"UnitsPerSaleMax", engine.UnitsPerSaleMax, created(func(n int64) engine.EventSpec {
			return one(engine.LotSpec{Capacity: 5000, Units: n})
		})},
		{"EventTextLenMax", engine.EventTextLenMax, created(func(n int64) engine.EventSpec {
			s := spec(1)
			s.Name = letters(n)
			return s
		})},
		{"TimeZoneLenMax", engine.TimeZoneLenMax, created(func(n int64) engine.EventSpec {
			s := spec(1)
			s.TimeZone = letters(n)
			return s
		})},
		{"FeesPerLotMax", engine.FeesPerLotMax, created(func(n int64) engine.EventSpec {
			return one(engine.LotSpec{Capacity: 1, Fees: make([]engine.Fee, n)})
		})},
		{"PoolsPerLotMax", engine.PoolsPerLotMax, created(func(n int64) engine.EventSpec {
			s := one(engine.LotSpec{Capacity: 1})
			for i := range n {
				pool := fmt.Sprintf("p%d", i)
				s.Pools = append(s.Pools, engine.PoolSpec{Pool: pool, Capacity: 1})
				s.Lots[0].Pools = append(s.Lots[0].Pools, pool)
			}
			return s
		})},
		{"RequiresPerLotMax", engine.RequiresPerLotMax, created(func(n int64) engine.EventSpec {
			s := spec(n + 1)
			for _, l := range s.Lots[1:] {
				s.Lots[0].Requires = append(s.Lots[0].Requires, l.Lot)
			}
			return s
		})},
		{"TierChainMax", engine.TierChainMax, created(func(n int64) engine.EventSpec {
			s := spec(n + 1)
			for i := range s.Lots[1:] {
				s.Lots[i+1].After = s.Lots[i].Lot
			}
			return s
		})},
		{"RowsPerLotMax", engine.RowsPerLotMax, created(func(n int64) engine.EventSpec {
			s := one(engine.LotSpec{})
			for i := range n {
				s.Lots[0].Rows = append(s.Lots[0].Rows, engine.RowSpec{Section: "A", Row: fmt.Sprint(i), Seats: 1})
			}
			return s
		})},
		{"SeatsPerRowMax", engine.SeatsPerRowMax, created(func(n int64) engine.EventSpec {
			return one(engine.LotSpec{Rows: []engine.RowSpec{{Section: "A", Row: "1", Seats: n}}})
		})},
		{"MinorMax", engine.MinorMax, created(func(n int64) engine.EventSpec { return one(engine.LotSpec{Capacity: 1, FaceMinor: n}) })},
		{"CapacityMax", engine.CapacityMax, created(func(n int64) engine.EventSpec { return one(engine.LotSpec{Capacity: n}) })},
		{"LimitMax", engine.LimitMax, created(func(n int64) engine.EventSpec {
			s := spec(1)
			s.LimitPerBuyer = n
			return s
		})},
		{"HoldTTLMsMax", engine.HoldTTLMsMax, created(func(n int64) engine.EventSpec {
			s := spec(1)
			s.HoldTTLMs, s.MaxHoldMs = n, engine.MaxHoldMsMax
			return s
		})},
		{"MaxHoldMsMax", engine.MaxHoldMsMax, created(func(n int64) engine.EventSpec {
			s := spec(1)
			s.HoldTTLMs, s.MaxHoldMs = 1000, n
			return s
		})},
		{"IDLenMax", engine.IDLenMax, func(t *testing.T, n int64) engine.Code {
			return opened(t, spec(1)).hold(letters(n), engine.Item{Lot: "l0", Quantity: 1}).Code
		}},
		{"ItemsPerHoldMax", engine.ItemsPerHoldMax, func(t *testing.T, n int64) engine.Code {
			var items []engine.Item
			for i := range n {
				items = append(items, engine.Item{Lot: fmt.Sprintf("l%d", i), Quantity: 1})
			}
			return opened(t, spec(n)).hold("b1", items...).Code
		}},
		{"SeatsPerHoldMax", engine.SeatsPerHoldMax, func(t *testing.T, n int64) engine.Code {
			return opened(t, one(engine.LotSpec{Rows: row})).hold("b1", engine.Item{Lot: "ga", Seats: seats(n)}).Code
		}},
		{"QuantityMax", engine.QuantityMax, func(t *testing.T, n int64) engine.Code {
			return opened(t, one(engine.LotSpec{Capacity: 2 * n})).hold("b1", engine.Item{Lot: "ga", Quantity: n}).Code
		}},
		{"SeatsPerBlockMax", engine.SeatsPerBlockMax, func(t *testing.T, n int64) engine.Code {
			s := opened(t, one(engine.LotSpec{Rows: row}))
			return s.step(engine.Command{Verb: engine.VerbBlock, Lot: "ga", Seats: seats(n)}).Code
		}},
		{"PaymentRefLenMax", engine.PaymentRefLenMax, func(t *testing.T, n int64) engine.Code {
			s := opened(t, one(engine.LotSpec{Capacity: 1, FaceMinor: 100}))
			s.want(engine.CodeOK, s.hold("b1", engine.Item{Lot: "ga", Quantity: 1}))
			return s.step(engine.Command{Verb: engine.VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: letters(n)}).Code
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code := c.ask(t, c.bound); code != engine.CodeOK {
				t.Errorf("%d is the bound and was answered %s, it should be ok", c.bound, code)
			}
			if code := c.ask(t, c.bound+1); code != engine.CodeInvalid {
				t.Errorf("%d is above the bound and was answered %s, it should be invalid", c.bound+1, code)
			}
		})
	}
}

// TestBoundsOfAStep lets more become due at once than one step may do, and finds that the rest is done by the next ones.
func TestBoundsOfAStep(t *testing.T) {
	t.Run("ExpireBatchMax", func(t *testing.T) {
		s := opened(t, engine.EventSpec{HoldTTLMs: 1000, HasSpread: true, Lots: []engine.LotSpec{{Lot: "ga", Capacity: 1000}}})
		for i := range engine.ExpireBatchMax + 1 {
			s.want(engine.CodeOK, s.hold(fmt.Sprintf("b%d", i), engine.Item{Lot: "ga", Quantity: 1}))
		}
		s.now += 2e9
		for _, left := range []int64{1, 0} {
			s.step(engine.Command{Verb: engine.VerbExpire})
			if live := s.step(engine.Command{Verb: engine.VerbGet}).Event.HoldsLive; live != left {
				t.Fatalf("%d holds are live after an Expire, it should be %d", live, left)
			}
		}
	})
	t.Run("FollowUpsMax", func(t *testing.T) {
		sp := spec(engine.FollowUpsMax + 2)
		for i := range sp.Lots[1:] {
			sp.Lots[i+1].After = "l0"
		}
		s := opened(t, sp)
		s.want(engine.CodeOK, s.hold("b1", engine.Item{Lot: "l0", Quantity: 10}))
		if !s.ev.Unsettled() {
			t.Fatal("more tiers open than one step may open, but nothing is left to settle")
		}
		s.step(engine.Command{Verb: engine.VerbSettle})
		if s.ev.Unsettled() {
			t.Fatal("one more step should have settled what was left")
		}
		for _, lot := range s.step(engine.Command{Verb: engine.VerbGet}).Event.Lots {
			if !lot.Open {
				t.Fatalf("tier %s has not opened", lot.Spec.Lot)
			}
		}
	})
	t.Run("OutagesMax", func(t *testing.T) {
		n := engine.NewNode(engine.Key{Account: engine.SingleAccount, Kind: engine.KindNode, ID: "node"})
		const each = 10
		for i := range engine.Instant(engine.OutagesMax + 1) {
			n.Outage(until+100*i, until+100*i+each, &engine.Facts{})
		}
		if down := n.DownSince(until - 1); down != (engine.OutagesMax+1)*each {
			t.Errorf("the node was down for %d ns, but says %d: outages that are no longer kept one by one still count", (engine.OutagesMax+1)*each, down)
		}
	})
}
