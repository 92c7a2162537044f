package wallet

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// model is a shard as somebody would write it who had no other worry: slices and loops.
type model struct{ buyers []*modelBuyer }

type modelBuyer struct {
	id        string
	methods   []modelMethod
	def, last uint32
	oneClick  bool
	orders    map[string]int64 // to what was refunded
	orderSeq  map[string]engine.Seq
	undone    map[string]bool
	purchases int64
	erasing   bool
	requests  []modelRequest
}

type modelMethod struct {
	number  uint32
	token   uint64
	blocked bool
}

type modelRequest struct {
	id   string
	cmd  Command
	made uint32
}

func (m *model) find(id string) *modelBuyer {
	for _, b := range m.buyers {
		if b.id == id {
			return b
		}
	}
	return nil
}

func (m *model) get(id string) *modelBuyer {
	if b := m.find(id); b != nil {
		return b
	}
	b := &modelBuyer{id: id, orders: map[string]int64{}, orderSeq: map[string]engine.Seq{}, undone: map[string]bool{}}
	m.buyers = append(m.buyers, b)
	return b
}

func (b *modelBuyer) method(number uint32) *modelMethod {
	for i := range b.methods {
		if b.methods[i].number == number {
			return &b.methods[i]
		}
	}
	return nil
}

// step is the naive answer: the code, whether it is a repeat, and the method.
func (m *model) step(c *Command) (code engine.Code, repeated bool, number uint32) {
	b := m.find(c.Buyer)
	if b != nil && !c.Verb.Reads() && c.Verb < verbCallersEnd {
		for _, r := range b.requests {
			if r.id != c.RequestID {
				continue
			}
			same := r.cmd
			same.WallMs = c.WallMs
			if same != *c {
				return engine.CodeRequestMismatch, false, 0
			}
			if c.Verb == VerbErase {
				return engine.CodeEraseWaits, true, 0
			}
			return engine.CodeOK, true, r.made
		}
	}
	if b != nil && b.erasing && c.Verb != VerbErase && c.Verb != VerbErased && c.Verb != VerbPurchased && c.Verb != VerbExport {
		return engine.CodeEraseWaits, false, 0
	}
	remember := func(number uint32) {
		b = m.get(c.Buyer)
		b.requests = append(b.requests, modelRequest{c.RequestID, *c, number})
		if len(b.requests) > RequestsPerBuyerMax {
			b.requests = b.requests[1:]
		}
	}
	switch c.Verb { //nolint:exhaustive // what the test draws
	case VerbSave:
		if b != nil && len(b.methods) >= MethodsPerBuyerMax && !slices.ContainsFunc(b.methods, func(mm modelMethod) bool { return mm.token == c.Hashes.Token }) {
			return engine.CodeTooMany, false, 0
		}
		b = m.get(c.Buyer)
		for _, mm := range b.methods {
			if mm.token == c.Hashes.Token {
				number = mm.number
			}
		}
		if number == 0 {
			b.last++
			number = b.last
			b.methods = append(b.methods, modelMethod{number: number, token: c.Hashes.Token})
		}
		if b.def == 0 || c.MakeDefault {
			b.def = number
		}
		remember(number)
		return engine.CodeOK, false, number
	case VerbList, VerbHistory:
		if b == nil {
			return engine.CodeBuyerUnknown, false, 0
		}
		return engine.CodeOK, false, 0
	case VerbRemove, VerbDefault, VerbBlocked, VerbLost:
		number = methodNumber(c.Method)
		if b == nil || b.method(number) == nil {
			return engine.CodeMethodUnknown, false, 0
		}
		switch c.Verb { //nolint:exhaustive // these four
		case VerbRemove, VerbLost:
			b.methods = slices.DeleteFunc(b.methods, func(mm modelMethod) bool { return mm.number == number })
			if b.def == number {
				b.def = 0
				if n := len(b.methods); n > 0 {
					b.def = b.methods[n-1].number
				}
			}
			if c.Verb == VerbLost {
				b.requests = slices.DeleteFunc(b.requests, func(r modelRequest) bool { return r.cmd.Verb == VerbSave && r.made == number })
				return engine.CodeOK, false, number
			}
		case VerbDefault:
			b.def = number
		case VerbBlocked:
			if b.method(number).blocked {
				return engine.CodeOK, false, 0
			}
			b.method(number).blocked = true
			return engine.CodeOK, false, number
		}
		remember(number)
		return engine.CodeOK, false, number
	case VerbAgree:
		if c.Withdraw && (b == nil || !b.oneClick) {
			return engine.CodeAgreementMissing, false, 0
		}
		m.get(c.Buyer).oneClick = !c.Withdraw
		remember(0)
		return engine.CodeOK, false, 0
	case VerbPurchased:
		key := c.Purchase.Event + "/" + c.Purchase.Order
		if b != nil && b.orderSeq[key] >= c.Purchase.Seq {
			return engine.CodeOK, false, 0
		}
		if b != nil && b.erasing && b.orderSeq[key] == 0 {
			return engine.CodeOK, false, 0
		}
		b = m.get(c.Buyer)
		if was := b.orderSeq[key] != 0 && !b.undone[key]; was != !c.Purchase.Undone {
			b.purchases++
			if was {
				b.purchases -= 2
			}
		}
		b.undone[key] = c.Purchase.Undone
		b.orderSeq[key], b.orders[key] = c.Purchase.Seq, c.Purchase.RefundedMinor
		return engine.CodeOK, false, 0
	case VerbErase:
		if b == nil {
			return engine.CodeOK, false, 0
		}
		if !b.erasing {
			b.erasing = true
			remember(0)
		}
		return engine.CodeEraseWaits, false, 0
	case VerbErased:
		if b == nil || !b.erasing {
			return engine.CodeBuyerUnknown, false, 0
		}
		m.buyers = slices.DeleteFunc(m.buyers, func(x *modelBuyer) bool { return x == b })
		return engine.CodeOK, false, 0
	}
	panic("not drawn")
}

// sameShard are buyers of one partition.
func sameShard(t testing.TB, n int) (key engine.Key, buyers []string) {
	t.Helper()
	key = KeyOf("_", "anna")
	buyers = []string{"anna"}
	for i := 0; len(buyers) < n; i++ {
		if id := fmt.Sprintf("b%d", i); KeyOf("_", id) == key {
			buyers = append(buyers, id)
		}
	}
	return key, buyers
}

// TestWalletAnswersAsTheModelDoes draws commands, compares answers and states with the naive model, and that replay and snapshots come to the same.
func TestWalletAnswersAsTheModelDoes(t *testing.T) {
	key, buyers := sameShard(t, 4)
	rapid.Check(t, func(t *rapid.T) {
		live, replica := New(key), New(key)
		m := &model{}
		for i := range rapid.IntRange(1, 120).Draw(t, "commands") {
			c := drawCommand(t, buyers, i)
			before := live.Buyer(c.Buyer)
			var copied Buyer
			if before != nil {
				copied = *before
			}
			code, repeated, number := m.step(&c)
			run := engine.Run{Key: key, First: live.Seq() + 1, At: engine.Instant(i + 1)}
			out := live.Step(&c, run.At, &run.Facts)
			if out.Code != code || out.Repeated != repeated || out.Method != number {
				t.Fatalf("%s %+v: %s, repeated %v, method %d; the model says %s, %v, %d", c.Verb, c, out.Code, out.Repeated, out.Method, code, repeated, number)
			}
			if out.Code != engine.CodeOK && out.Text == "" {
				t.Fatalf("%s is refused %s without a sentence", c.Verb, out.Code)
			}
			if before != nil && copied.rowHash() != before.hash {
				t.Fatal("a published row was changed")
			}
			if err := replica.Fold(&run); err != nil {
				t.Fatal(err)
			}
			if err := live.Check(); err != nil {
				t.Fatal(err)
			}
			compare(t, live, m)
		}
		state := live.AppendSnapshot(nil)
		opened, err := Open(key, state)
		if err != nil {
			t.Fatal(err)
		}
		if h := live.StateHash(); replica.StateHash() != h || opened.StateHash() != h || opened.Seq() != live.Seq() || !bytes.Equal(opened.AppendSnapshot(nil), state) {
			t.Fatalf("live %016x, replayed %016x, opened %016x", h, replica.StateHash(), opened.StateHash())
		}
	})
}

func compare(t *rapid.T, s *Shard, m *model) {
	if s.Buyers() != len(m.buyers) {
		t.Fatalf("%d buyers, the model has %d", s.Buyers(), len(m.buyers))
	}
	for _, want := range m.buyers {
		b := s.Buyer(want.id)
		if b == nil || b.Default != want.def || len(b.Methods) != len(want.methods) || b.Purchases != want.purchases || b.Erasing != want.erasing ||
			(b.Agreements[ScopeOneClick].Version != "") != want.oneClick {
			t.Fatalf("buyer %s is %+v, the model has %+v", want.id, b, want)
		}
		for i := range want.methods {
			if w := want.methods[i]; b.Methods[i].Number != w.number || b.Methods[i].Token != w.token || (b.Methods[i].Blocked != 0) != w.blocked {
				t.Fatalf("buyer %s has method %+v, the model %+v", want.id, b.Methods[i], w)
			}
		}
		for i := range b.History {
			p := &b.History[i]
			if want.orders[p.Event+"/"+p.Order] != p.RefundedMinor {
				t.Fatalf("order %s of buyer %s: %d were refunded, the model says %d", p.Order, want.id, p.RefundedMinor, want.orders[p.Event+"/"+p.Order])
			}
		}
	}
}

func drawCommand(t *rapid.T, buyers []string, i int) Command {
	c := Command{
		Verb: rapid.SampledFrom([]Verb{
			VerbSave, VerbSave, VerbSave, VerbList, VerbRemove, VerbDefault, VerbAgree, VerbHistory, VerbErase, VerbPurchased, VerbPurchased, VerbBlocked, VerbErased, VerbLost,
		}).Draw(t, "verb"),
		Buyer: rapid.SampledFrom(buyers).Draw(t, "buyer"), WallMs: int64(i + 1),
	}
	if c.Verb < verbCallersEnd && !c.Verb.Reads() {
		c.RequestID = fmt.Sprintf("r%d", i-rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3}).Draw(t, "again"))
	}
	switch c.Verb { //nolint:exhaustive // the others say nothing more
	case VerbSave:
		n := rapid.Uint64Range(1, MethodsPerBuyerMax+4).Draw(t, "token")
		c.Gateway, c.Kind, c.Token, c.Hashes.Token, c.Hashes.Secrets = "sandbox", payment.MethodCard, fmt.Sprint("tok_", n), n, n
		c.MakeDefault = rapid.Bool().Draw(t, "default")
	case VerbRemove, VerbDefault, VerbBlocked, VerbLost:
		c.Method = fmt.Sprintf("m%d", rapid.IntRange(1, 6).Draw(t, "method"))
		if c.Verb == VerbBlocked {
			c.Decline = payment.DeclineFraud
		}
	case VerbAgree:
		c.Scope = ScopeOneClick
		if c.Withdraw = rapid.Bool().Draw(t, "withdraw"); !c.Withdraw {
			c.Version = "terms-1"
		}
	case VerbPurchased:
		c.Purchase = Purchase{
			Event: "e1", Order: fmt.Sprintf("o%d", rapid.IntRange(1, 5).Draw(t, "order")), TotalMinor: 100, Currency: "EUR",
			RefundedMinor: rapid.Int64Range(0, 100).Draw(t, "refunded"), Undone: rapid.Bool().Draw(t, "undone"), Seq: engine.Seq(rapid.IntRange(1, 9).Draw(t, "seq")),
		}
	}
	return c
}
