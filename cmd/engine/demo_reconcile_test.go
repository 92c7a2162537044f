package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// soundMoney is three sources that agree: an order paid through the engine, one paid elsewhere, one taken back, and a declined purchase.
type soundMoney struct {
	told      []toldOrder
	purchases map[string]toldPurchase
	kept      []keptOrder
	truth     sandbox.Truth
}

func newSoundMoney() *soundMoney {
	return &soundMoney{
		told: []toldOrder{{id: "o1", buyer: "b1", total: 9500, tickets: []string{"t1", "t2"}}, {id: "o2", buyer: "b2", total: 4750, tickets: []string{"t3"}}},
		purchases: map[string]toldPurchase{
			"p1": {id: "p1", buyer: "b1", state: "sold", order: "o1", total: 9500},
			"p2": {id: "p2", buyer: "b3", state: "sold", order: "o3", total: 4750, undone: true},
			"p3": {id: "p3", buyer: "b4", state: "declined", total: 4750},
		},
		kept: []keptOrder{
			{id: "o1", purchase: "p1", buyer: "b1", charge: "captured", total: 9500, tickets: 2},
			{id: "o2", buyer: "b2", charge: "none", total: 4750, tickets: 1},
			{id: "o3", purchase: "p2", buyer: "b3", charge: "voided", total: 4750, tickets: 1},
		},
		truth: sandbox.Truth{
			Charges: []sandbox.Charge{{Order: "_/e/p1", State: sandbox.Captured}, {Order: "_/e/p2", State: sandbox.Voided}, {Order: "_/e/p3", State: sandbox.Declined}},
			Orders: map[string]sandbox.OrderOfMoney{
				"_/e/p1": {Charges: 1, TakenMinor: 9500, Currency: "EUR"}, "_/e/p2": {Currency: "EUR"}, "_/e/p3": {Currency: "EUR"},
				"_/other/p9": {Charges: 1, TakenMinor: 1, Currency: "EUR"}, // of another event
			},
		},
	}
}

func TestReconciliationSeesWhatIsOff(t *testing.T) {
	compare := func(m *soundMoney) *reconciliation { return reconcile(m.told, m.purchases, m.kept, &m.truth, "_/e/") }
	sound := compare(newSoundMoney())
	if len(sound.off) != 0 {
		t.Fatalf("sound books are off: %q", sound.off)
	}
	if sound.gateway.taken != 9500 || sound.engine.tickets != 3 || sound.books.undone != 1 || sound.gateway.declined != 1 {
		t.Errorf("the sums are %+v, %+v, %+v", sound.books, sound.engine, sound.gateway)
	}
	var out output
	sound.print(&out)
	wants(t, out.String(), "difference: 0 tickets, 0 orders", "95.00 EUR")

	money := func(id string, change func(*sandbox.OrderOfMoney)) func(*soundMoney) {
		return func(m *soundMoney) {
			o := m.truth.Orders[id]
			change(&o)
			m.truth.Orders[id] = o
		}
	}
	for _, c := range []struct {
		name, says string
		spoil      func(*soundMoney)
	}{
		{"charged twice", "charged 2 times", money("_/e/p1", func(o *sandbox.OrderOfMoney) { o.Charges = 2 })},
		{"charged without a ticket", "0 minor units are due, the gateway took 4750", money("_/e/p3", func(o *sandbox.OrderOfMoney) { o.TakenMinor = 4750 })},
		{"a ticket without a charge", "the gateway has no charge", func(m *soundMoney) { delete(m.truth.Orders, "_/e/p1") }},
		{"another amount", "9500 minor units are due, the gateway took 9400", money("_/e/p1", func(o *sandbox.OrderOfMoney) { o.TakenMinor = 9400 })},
		{"undone and still reserved", "keeps 4750 reserved", money("_/e/p2", func(o *sandbox.OrderOfMoney) { o.ReservedMinor = 4750 })},
		{"undecided at the end", "has 1 charges undecided", money("_/e/p3", func(o *sandbox.OrderOfMoney) { o.Undecided = 1 })},
		{"a charge that nobody knows", "no buyer was told of such a purchase", func(m *soundMoney) { m.truth.Orders["_/e/p8"] = sandbox.OrderOfMoney{} }},
		{"an order that nobody was told of", "of which that buyer was not told", func(m *soundMoney) {
			m.kept = append(m.kept, keptOrder{id: "o4", purchase: "p7", buyer: "b9", charge: "captured"})
		}},
		{"a purchase sold twice", "was sold twice", func(m *soundMoney) { m.kept[1].purchase = "p1" }},
		{"sold, and no order", "the engine has no order of it", func(m *soundMoney) { m.kept = m.kept[1:] }},
		{"declined, and an order", "the engine has order o2 of it", func(m *soundMoney) { m.kept[1].purchase, m.kept[1].buyer = "p3", "b4" }},
		{"an order at another price", "promised 9500", func(m *soundMoney) { m.kept[0].total = 1 }},
		{"never captured", "the charge of order o1 is authorised", func(m *soundMoney) { m.kept[0].charge = "authorised" }},
		{"no end", "came to no end", func(m *soundMoney) { m.purchases["p3"] = toldPurchase{id: "p3", state: "authorising"} }},
		{"a key used for other bytes", "under a key that had come with other bytes", func(m *soundMoney) { m.truth.Misuses = 1 }},
		{"a ticket too many", "the sums differ", func(m *soundMoney) { m.kept[0].tickets++ }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newSoundMoney()
			c.spoil(m)
			r := compare(m)
			if !slices.ContainsFunc(r.off, func(s string) bool { return strings.Contains(s, c.says) }) {
				t.Errorf("it says %q, it should say %q", r.off, c.says)
			}
			var out output
			r.print(&out)
			wants(t, out.String(), "difference: OFF")
		})
	}
}
