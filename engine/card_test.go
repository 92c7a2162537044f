package engine

import (
	"strings"
	"testing"
)

// The numbers below are the card schemes' published test numbers.
func TestCardNumbersAreKnown(t *testing.T) {
	cards := []string{
		"4111111111111111", "4242424242424242", "4222222222222", "4000056655665556", "5555555555554444", "2223003122003222", "378282246310005",
		"6011111111111117", "3566002020360505", "30569309025904", "36227206271667", "6200000000000005", "4111-1111-1111-1111", "4111 1111 1111 1111",
		"3782_822463_10005", "6759649826438453",
	}
	for _, s := range cards {
		if !IsCardNumber(s) {
			t.Errorf("%s is not known", s)
		}
		for _, text := range []string{s, "pay with " + s, s + ".", "(" + s + ")", "card:" + s + "!"} {
			if s != "3782_822463_10005" && !ContainsCardNumber(text) {
				t.Errorf("it is not found in %q", text)
			}
		}
	}
	if !ContainsCardNumber("４１１１１１１１１１１１１１１１") {
		t.Error("full-width digits hide a card number")
	}
}

// TestCardNumbersAreFoundInDisguise: other scripts, other separators, and, where no such number has any business, in the middle of words.
func TestCardNumbersAreFoundInDisguise(t *testing.T) {
	for _, s := range []string{
		"４１１１ １１１１ １１１１ １１１１", "４１１１－１１１１－１１１１－１１１１", "4111\u00a01111\u00a01111\u00a01111", "4111\u20131111\u20131111\u20131111",
		"٤١١١١١١١١١١١١١١١", "4111\u200b1111\u200b1111\u200b1111", "４１１１　１１１１　１１１１　１１１１", "\U0001d7dc\U0001d7d9\U0001d7d9\U0001d7d9111111111111",
	} {
		if !ContainsCardNumber(s) || !ContainsCardNumber("pay with "+s+" now") || !HidesCardNumber(s) {
			t.Errorf("%q hides a card number", s)
		}
	}
	for _, s := range []string{
		"tok4111111111111111", "x4111111111111111y", "4111 - 1111 - 1111 - 1111", "tok_4111_1111_1111_1111", "4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "a٤١١١١١١١١١١١١١١١b", "4111/1111/1111/1111",
		"4111 1111 1111 1111 12/26", "12/26 4111 1111 1111 1111 123", "4111111111111111 12 26 cvc", "tel. 0031 4111-1111-1111-1111", "1 1 1 1 1 1 1 1 1 4111111111111111",
	} {
		if !HidesCardNumber(s) {
			t.Errorf("%q hides a card number", s)
		}
	}
	for _, s := range []string{"", "tok_1MtwBwLkdIwHu7ix28a3tqPa", "pm_card_visa", "sbx_slow_2000", "4111111111111112", "41111111111111111111", "4111111111111111111111111111", "2026-11-22 10:15:00.123456", "+31 6 1234 5678, order 123456", "m1", "fp-20261122-0001"} {
		if HidesCardNumber(s) {
			t.Errorf("%q is taken for a card number", s)
		}
	}
}

func TestCodesAndKeysAreFound(t *testing.T) {
	for _, s := range []string{"cvc 123", "CVV: 1234", "cvv2=999", "my_cvc_123", "csc #123", "card, cvn-123.", "12/27cvc 123"} {
		if !HidesCardCode(s) {
			t.Errorf("%q gives a code", s)
		}
	}
	for _, s := range []string{"", "cvc", "cvc 12", "cvc 12345", "abcvc 123", "a cvc was asked for", "tok_cv123", "v2dm6etj4cvn6530", "h78cvc379j"} {
		if HidesCardCode(s) {
			t.Errorf("%q is taken for a code", s)
		}
	}
	for _, s := range []string{"sk_live_abc", "Bearer rk_live_1", "whsec_x", "-----BEGIN PRIVATE KEY-----"} {
		if !HidesSecretKey(s) {
			t.Errorf("%q is a key", s)
		}
	}
	if HidesSecretKey("sbx_ok") || HidesSecretKey("pk_live_public") {
		t.Error("a token is taken for a secret key")
	}
}

func TestOtherNumbersAreNoCards(t *testing.T) {
	for _, s := range []string{
		"", "4111111111111112", "411111111111111", "1700000000000", "9999999999999995", "4111--1111-1111-1111",
		"41111111111111111111111111111111111111111", "b4111111111111111", "550e8400-e29b-41d4-a716-446655440000", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
		"pi_3MtwBwLkdIwHu7ix28a3tqPa", "00000000000000000000",
	} {
		if IsCardNumber(s) || ContainsCardNumber(s) {
			t.Errorf("%q is taken for a card number", s)
		}
	}
}

func TestRandomIDsAreHardlyEverCards(t *testing.T) {
	const hexDigits = "0123456789abcdef"
	state, found := uint64(1), 0
	for range 300_000 {
		var b [36]byte
		for i := range b {
			state = mix(state^hashK0, hashK1)
			b[i] = hexDigits[state%16]
			if i == 8 || i == 13 || i == 18 || i == 23 {
				b[i] = '-'
			}
		}
		if IsCardNumber(string(b[:])) {
			found++
		}
	}
	if found != 0 {
		t.Fatalf("%d of 300,000 UUIDs are taken for card numbers", found)
	}
}

// No field of a command takes a card number, and no answer repeats one.
func TestNoFieldTakesACardNumber(t *testing.T) {
	const card = "4111111111111111"
	for name, cmd := range map[string]*Command{
		"request_id":        {Verb: VerbPause, RequestID: card},
		"channel":           {Verb: VerbPause, Channel: card},
		"buyer":             hold(card, "ga", 1),
		"items[0].lot":      hold("b", card, 1),
		"items[0].seats[0]": {Verb: VerbHold, Buyer: "b", Items: []Item{{Lot: "stalls", Seats: []string{card + "/1/1"}}}},
		"items[0].seats[1]": {Verb: VerbHold, Buyer: "b", Items: []Item{{Lot: "stalls", Seats: []string{"A/1/1", "A/" + card + "/1"}}}},
		"hold":              {Verb: VerbRelease, Buyer: "b", Hold: card},
		"order":             {Verb: VerbOrder, Order: card},
		"lot":               {Verb: VerbBlock, Lot: card, Quantity: 1},
		"pool":              {Verb: VerbBlock, Pool: card, Quantity: 1},
		"seats[0]":          {Verb: VerbBlock, Lot: "stalls", Seats: []string{card + "/1/1"}},
		"name":              {Verb: VerbUpdate, Spec: &EventSpec{Set: SetName, Name: "call " + card}},
		"lots[0].name":      {Verb: VerbUpdate, Spec: &EventSpec{Lots: []LotSpec{{Lot: "x", Name: card}}}},
		"lots[0].lot":       {Verb: VerbUpdate, Spec: &EventSpec{Lots: []LotSpec{{Lot: card}}}},
		"pools[0].pool":     {Verb: VerbUpdate, Spec: &EventSpec{Pools: []PoolSpec{{Pool: card}}}},
		"lots[0].fees[0].name": {Verb: VerbUpdate, Spec: &EventSpec{
			Lots: []LotSpec{{Lot: "x", Fees: []Fee{{Name: "4111 1111 1111 1111"}}}},
		}},
	} {
		w := newWorld(t, testSpec())
		facts := len(w.facts.Buf)
		out := w.step(cmd)
		if out.Code != CodeCardNumber || out.Field != name || len(w.facts.Buf) != facts || strings.Contains(string(out.AppendMessage(nil))+out.Lot, "4111") {
			t.Errorf("%s: %s (%s): %s", name, out.Code, out.Field, out.AppendMessage(nil))
		}
	}
}
