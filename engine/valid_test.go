package engine

import (
	"strconv"
	"strings"
	"testing"
)

func repeated[T any](n int, one func(i int) T) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = one(i)
	}
	return list
}

// Every bound of a spec is met: one less is accepted, one more is refused with the field that is to blame.
func TestSpecBounds(t *testing.T) {
	name := func(i int) string { return "x" + strconv.Itoa(i) }
	for _, c := range []struct {
		field string
		most  int64
		set   func(s *EventSpec, n int64)
	}{
		{"name", EventTextLenMax, func(s *EventSpec, n int64) { s.Name = strings.Repeat("n", int(n)) }},
		{"genre", EventTextLenMax, func(s *EventSpec, n int64) { s.Genre = strings.Repeat("n", int(n)) }},
		{"performer", EventTextLenMax, func(s *EventSpec, n int64) { s.Performer = strings.Repeat("n", int(n)) }},
		{"venue", EventTextLenMax, func(s *EventSpec, n int64) { s.Venue = strings.Repeat("n", int(n)) }},
		{"city", EventTextLenMax, func(s *EventSpec, n int64) { s.City = strings.Repeat("n", int(n)) }},
		{"time_zone", TimeZoneLenMax, func(s *EventSpec, n int64) { s.TimeZone = strings.Repeat("n", int(n)) }},
		{"starts_at", int64(instantMax), func(s *EventSpec, n int64) { s.StartsAt = Instant(n) }},
		{"hold_ttl_ms", HoldTTLMsMax, func(s *EventSpec, n int64) { s.HoldTTLMs, s.MaxHoldMs = n, MaxHoldMsMax }},
		{"max_hold_ms", MaxHoldMsMax, func(s *EventSpec, n int64) { s.MaxHoldMs = n }},
		{"spread_ms", 120_000 / spreadShare, func(s *EventSpec, n int64) { s.SpreadMs, s.HasSpread = n, true }},
		{"limit_per_buyer", LimitMax, func(s *EventSpec, n int64) { s.LimitPerBuyer = n }},
		{"limit_per_order", LimitMax, func(s *EventSpec, n int64) { s.LimitPerOrder = n }},
		{"lots[0].name", EventTextLenMax, func(s *EventSpec, n int64) { s.Lots[0].Name = strings.Repeat("n", int(n)) }},
		{"lots[0].face_minor", MinorMax, func(s *EventSpec, n int64) { s.Lots[0].FaceMinor, s.Lots[0].Fees = n, nil }},
		{"lots[0].fees[0].minor", MinorMax, func(s *EventSpec, n int64) { s.Lots[0].FaceMinor, s.Lots[0].Fees[0].Minor = 0, n }},
		{"lots[0].fees", MinorMax, func(s *EventSpec, n int64) { s.Lots[0].FaceMinor, s.Lots[0].Fees[0].Minor = 1, n-1 }},
		{"lots[0].fees", FeesPerLotMax, func(s *EventSpec, n int64) { s.Lots[0].Fees = make([]Fee, n) }},
		{"lots[0].tax_minor", 4750, func(s *EventSpec, n int64) { s.Lots[0].TaxMinor = n }},
		{"lots[0].units", UnitsPerSaleMax, func(s *EventSpec, n int64) { s.Lots[0].Units = n }},
		{"lots[0].capacity", CapacityMax, func(s *EventSpec, n int64) { s.Lots[0].Capacity = n }},
		{"lots[0].min_order", QuantityMax, func(s *EventSpec, n int64) { s.Lots[0].MinOrder = n }},
		{"lots[0].max_order", LimitMax, func(s *EventSpec, n int64) { s.Lots[0].MaxOrder = n }},
		{"lots[0].pools", PoolsPerLotMax, func(s *EventSpec, n int64) {
			s.Lots[0].Pools = repeated(int(n), name)
			s.Pools = repeated(int(n), func(i int) PoolSpec { return PoolSpec{Pool: name(i)} })
		}},
		{"lots[0].requires", RequiresPerLotMax, func(s *EventSpec, n int64) {
			s.Lots[0].Requires = repeated(int(n), name)
			s.Lots = append(s.Lots, repeated(int(n), func(i int) LotSpec { return LotSpec{Lot: name(i)} })...)
		}},
		{"lots[67].after", TierChainMax, func(s *EventSpec, n int64) {
			for i := range n + 1 {
				l := LotSpec{Lot: name(int(i))}
				if i > 0 {
					l.After = name(int(i - 1))
				}
				s.Lots = append(s.Lots, l)
			}
		}},
		{"lots[1].rows", RowsPerLotMax, func(s *EventSpec, n int64) {
			s.Lots[1].Rows = repeated(int(n), func(i int) RowSpec { return RowSpec{Section: "A", Row: name(i), Seats: 1} })
		}},
		{"lots[1].rows[0].seats", SeatsPerRowMax, func(s *EventSpec, n int64) { s.Lots[1].Rows[0].Seats = n }},
		{"lots[1].rows[0].rank", RowRankMax, func(s *EventSpec, n int64) { s.Lots[1].Rows[0].Rank = n }},
		{"lots[1].rows[0].labels", RowTextLenMax, func(s *EventSpec, n int64) {
			labels := strings.Join(repeated(RowTextLenMax/8, func(i int) string { return "s" + strconv.Itoa(100_000+i) }), " ")
			r := &s.Lots[1].Rows[0]
			r.Seats, r.Labels = RowTextLenMax/8, labels+strings.Repeat("x", int(n)-len(labels))
		}},
		{"lots[1].rows[0].aisles", RangesPerRowMax, func(s *EventSpec, n int64) {
			r := &s.Lots[1].Rows[0]
			r.Seats, r.Aisles = n+1, strings.Join(repeated(int(n), func(i int) string { return strconv.Itoa(i + 1) }), " ")
		}},
		{"lots[1].rows[0].accessible", AccessibleMax, func(s *EventSpec, n int64) {
			r := &s.Lots[1].Rows[0]
			r.Seats, r.Accessible = 5000, "1-"+strconv.FormatInt(n, 10)
		}},
		{"lots[1].rows", RowsPerLotMax, func(s *EventSpec, n int64) {
			s.Lots[1].Rows = []RowSpec{{Section: "A", Row: "1", Through: "4000", Seats: 1}, {Section: "B", Row: "1", Through: strconv.FormatInt(n-4000, 10), Seats: 1}}
		}},
		{"pools[0].capacity", CapacityMax, func(s *EventSpec, n int64) { s.Pools = []PoolSpec{{Pool: "p", Capacity: n}} }},
		{"pools", 64, func(s *EventSpec, n int64) {
			s.Pools = repeated(int(n), func(i int) PoolSpec { return PoolSpec{Pool: name(i)} })
		}},
		{"lots", 1024, func(s *EventSpec, n int64) {
			s.Lots = repeated(int(n), func(i int) LotSpec { return LotSpec{Lot: name(i)} })
		}},
	} {
		spec := testSpec()
		c.set(spec, c.most)
		newWorld(t, spec)
		spec = testSpec()
		c.set(spec, c.most+1)
		w := newWorld(t, nil)
		out := w.step(&Command{Verb: VerbCreate, Spec: spec})
		if out.Code != CodeInvalid && out.Code != CodeTooMany || out.Field != c.field || len(out.Text) == 0 || w.facts.Count != 0 || w.e.Exists() {
			t.Errorf("%s above %d: %s, field %q: %s", c.field, c.most, out.Code, out.Field, out.AppendMessage(nil))
		}
	}
}

// Every bound of a command is met.
func TestCommandBounds(t *testing.T) {
	spec := testSpec()
	spec.LimitPerBuyer = 0
	spec.Lots[0].Capacity = CapacityMax
	spec.Lots[1].Rows[0].Seats = 2000
	spec.Lots[1].Rows[0].Accessible = "2000"
	for i := range ItemsPerHoldMax {
		spec.Lots = append(spec.Lots, LotSpec{Lot: "x" + strconv.Itoa(i), Capacity: 10})
	}
	seats := func(n int64) []string {
		return repeated(int(n), func(i int) string { return "A/1/" + strconv.Itoa(i+1) })
	}
	for _, c := range []struct {
		field string
		most  int64
		make  func(n int64) *Command
	}{
		{"items", ItemsPerHoldMax, func(n int64) *Command {
			return &Command{Verb: VerbHold, Buyer: "b", Items: repeated(int(n), func(i int) Item { return Item{Lot: "x" + strconv.Itoa(i%ItemsPerHoldMax), Quantity: 1} })}
		}},
		{"items[0].quantity", QuantityMax, func(n int64) *Command { return hold("b", "ga", n) }},
		{"items[0].seats", SeatsPerHoldMax, func(n int64) *Command {
			return &Command{Verb: VerbHold, Buyer: "b", Items: []Item{{Lot: "stalls", Seats: seats(n)}}}
		}},
		{"items", SeatsPerHoldMax, func(n int64) *Command { return hold("b", "stalls", n) }},
		{"items[0].quantity", AccessiblePartyMax, func(n int64) *Command {
			return &Command{Verb: VerbHold, Buyer: "b", Items: []Item{{Lot: "stalls", Quantity: n, Accessible: 1}}}
		}},
		{"seats", SeatsPerBlockMax, func(n int64) *Command { return &Command{Verb: VerbBlock, Lot: "stalls", Seats: seats(n)} }},
		{"quantity", CapacityMax, func(n int64) *Command { return &Command{Verb: VerbBlock, Lot: "ga", Quantity: n} }},
		{"quantity", CapacityMax, func(n int64) *Command { return &Command{Verb: VerbCapacity, Lot: "ga", Quantity: n} }},
		{"request_id", IDLenMax, func(n int64) *Command {
			return &Command{Verb: VerbPause, RequestID: strings.Repeat("r", int(n))}
		}},
		{"buyer", IDLenMax, func(n int64) *Command { return hold(strings.Repeat("b", int(n)), "ga", 1) }},
		{"channel", IDLenMax, func(n int64) *Command {
			c := hold("b", "ga", 1)
			c.Channel = strings.Repeat("c", int(n))
			return c
		}},
		{"items[0].lot", IDLenMax, nil},
	} {
		if c.make == nil {
			w := newWorld(t, testSpec())
			if out := w.refused(CodeInvalid, hold("b", strings.Repeat("l", IDLenMax+1), 1)); out.Field != c.field {
				t.Errorf("%s: field %q", c.field, out.Field)
			}
			continue
		}
		w := newWorld(t, spec)
		w.ok(c.make(c.most))
		seq := w.e.Seq()
		out := w.refused(CodeInvalid, c.make(c.most+1))
		if out.Field != c.field || len(out.Text) == 0 || w.e.Seq() != seq {
			t.Errorf("%s above %d: field %q: %s", c.field, c.most, out.Field, out.AppendMessage(nil))
		}
		if err := w.e.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestPaymentRefIsBoundedAndClean(t *testing.T) {
	w := newWorld(t, testSpec())
	w.ok(hold("b1", "ga", 1))
	confirm := func(ref string) *Command {
		return &Command{Verb: VerbConfirm, Buyer: "b1", Hold: "h1", PaymentRef: ref}
	}
	for ref, code := range map[string]Code{
		strings.Repeat("p", PaymentRefLenMax+1): CodeInvalid, "inv\n77": CodeInvalid, "inv\x7f": CodeInvalid, "invé": CodeInvalid,
		"4111111111111111": CodeCardNumber, "card 4111 1111 1111 1111": CodeCardNumber,
	} {
		out := w.refused(code, confirm(ref))
		if out.Field != "payment_ref" || strings.Contains(string(out.AppendMessage(nil)), ref) {
			t.Errorf("%q: field %q: %s", ref, out.Field, out.AppendMessage(nil))
		}
	}
	ref := strings.Repeat("p", PaymentRefLenMax)
	if o := w.ok(confirm(ref)).Order; o.PaymentRef != ref {
		t.Fatalf("the reference is %q", o.PaymentRef)
	}
}

// Each message names what is wrong in words, without a code or a number alone.
func TestEveryRefusalHasASentence(t *testing.T) {
	for code := CodeMalformed; code < codeEnd; code++ {
		out := Outcome{Code: code, Lot: "ga", Have: 1, Want: 2}
		text := string(out.AppendMessage(nil))
		if len(strings.Fields(text)) < 2 || strings.Contains(text, code.String()+" ") && strings.Contains(code.String(), "_") {
			t.Errorf("%s: %q", code, text)
		}
		if out = (Outcome{Code: code}); len(out.AppendMessage(nil)) == 0 {
			t.Errorf("%s has no message", code)
		}
	}
	if out := (Outcome{}); len(out.AppendMessage(nil)) != 0 {
		t.Error("ok has a message")
	}
}
