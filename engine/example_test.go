package engine_test

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
)

// An event is driven by commands. Each has a request id of the caller's; the facts go to a log.
func Example() {
	event := engine.New(engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "night-one"})
	now := engine.Instant(1_700_000_000e9)
	var facts engine.Facts

	event.Step(&engine.Command{Verb: engine.VerbCreate, RequestID: "c1", Spec: &engine.EventSpec{
		Name: "Night One", Currency: "EUR", HoldTTLMs: 120_000, Open: true,
		Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Capacity: 3}},
	}}, now, &facts)

	out := event.Step(&engine.Command{
		Verb: engine.VerbHold, RequestID: "h1", Buyer: "b1", Items: []engine.Item{{Lot: "ga", Quantity: 2}},
	}, now, &facts)
	hold := string(engine.AppendHoldID(nil, out.Hold.ID, out.Hold.Incarnation))
	fmt.Println(hold, out.Hold.State, out.Hold.TotalMinor, out.Hold.Currency)

	out = event.Step(&engine.Command{
		Verb: engine.VerbHold, RequestID: "h2", Buyer: "b2", Items: []engine.Item{{Lot: "ga", Quantity: 2}},
	}, now, &facts)
	fmt.Println(out.Code, "-", string(out.AppendMessage(nil)))

	out = event.Step(&engine.Command{
		Verb: engine.VerbConfirm, RequestID: "k1", Buyer: "b1", Hold: hold, PaymentRef: "inv-77",
	}, now, &facts)
	fmt.Println(string(engine.AppendOrderID(nil, out.Order.ID, out.Order.Incarnation)), out.Order.Tickets, "tickets from", string(engine.AppendTicketID(nil, out.Order.FirstTicket, out.Order.Incarnation)))
	fmt.Println(facts.Count, "facts")
	// Output:
	// h1 held 9500 EUR
	// sold_out - lot ga has 1 of 2 tickets left
	// o1 2 tickets from t1
	// 3 facts
}

// A log is folded into an event that ends up as the live one.
func ExampleEvent_Fold() {
	key := engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "night-one"}
	live, now := engine.New(key), engine.Instant(1_700_000_000e9)
	run := engine.Run{Key: key, First: 1, At: now}
	live.Step(&engine.Command{Verb: engine.VerbCreate, RequestID: "c1", Spec: &engine.EventSpec{
		Currency: "EUR", Open: true, Lots: []engine.LotSpec{{Lot: "ga", Capacity: 100}},
	}}, now, &run.Facts)
	live.Step(&engine.Command{
		Verb: engine.VerbHold, RequestID: "h1", Buyer: "b1", Items: []engine.Item{{Lot: "ga", Quantity: 1}},
	}, now, &run.Facts)

	replayed := engine.New(key)
	if err := replayed.Fold(&run); err != nil {
		fmt.Println(err)
	}
	opened, err := engine.OpenSnapshot(key, live.AppendSnapshot(nil))
	fmt.Println(replayed.StateHash() == live.StateHash(), opened.StateHash() == live.StateHash(), err)
	// Output: true true <nil>
}

// NextDeadline says when the event wants an Expire, which ends holds that are due.
func ExampleEvent_NextDeadline() {
	event := engine.New(engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "night-one"})
	now := engine.Instant(1_700_000_000e9)
	var facts engine.Facts
	event.Step(&engine.Command{Verb: engine.VerbCreate, RequestID: "c1", Spec: &engine.EventSpec{
		Currency: "EUR", HoldTTLMs: 60_000, HasSpread: true, Open: true, Lots: []engine.LotSpec{{Lot: "ga", Capacity: 1}},
	}}, now, &facts)
	event.Step(&engine.Command{
		Verb: engine.VerbHold, RequestID: "h1", Buyer: "b1", Items: []engine.Item{{Lot: "ga", Quantity: 1}},
	}, now, &facts)

	at, ok := event.NextDeadline()
	fmt.Println((at-now)/1e9, "s", ok)
	event.Step(&engine.Command{Verb: engine.VerbExpire}, at, &facts)
	out := event.Step(&engine.Command{Verb: engine.VerbGet}, at, &facts)
	fmt.Println(out.Event.Lots[0].Free, "free")
	// Output:
	// 60 s true
	// 1 free
}

// A caller's id may not be a card number: it would end up in the log.
func ExampleIsCardNumber() {
	fmt.Println(engine.IsCardNumber("4111-1111-1111-1111"), engine.IsCardNumber("order-4711"))
	// Output: true false
}

func ExampleCurrencyExponent() {
	for _, code := range []string{"EUR", "JPY", "KWD", "XXX"} {
		exponent, ok := engine.CurrencyExponent(code)
		fmt.Println(code, exponent, ok)
	}
	// Output:
	// EUR 2 true
	// JPY 0 true
	// KWD 3 true
	// XXX 0 false
}
