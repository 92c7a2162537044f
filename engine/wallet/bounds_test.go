package wallet

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// bench is a shard whose facts are replayed by a second one as they come.
type bench struct {
	t        *testing.T
	s, other *Shard
	at       engine.Instant
}

func newBench(t *testing.T) *bench {
	key := KeyOf("_", "anna")
	return &bench{t: t, s: New(key), other: New(key)}
}

func (b *bench) do(c Command) *Outcome {
	b.t.Helper()
	b.at++
	c.WallMs = max(c.WallMs, int64(b.at))
	run := engine.Run{First: b.s.Seq() + 1, At: b.at}
	out := b.s.Step(&c, b.at, &run.Facts)
	if err := b.other.Fold(&run); err != nil {
		b.t.Fatal(err)
	}
	if b.other.StateHash() != b.s.StateHash() {
		b.t.Fatal("replay differs")
	}
	return out
}

func (b *bench) want(c Command, code engine.Code) *Outcome {
	b.t.Helper()
	out := b.do(c)
	if out.Code != code {
		b.t.Errorf("%s %+v: %s %q, want %s", c.Verb, c, out.Code, out.Text, code)
	}
	return out
}

func save(request string, token uint64) Command {
	return Command{
		Verb: VerbSave, RequestID: request, Buyer: "anna", Gateway: "sandbox", Kind: payment.MethodCard, Token: fmt.Sprint("tok_", token), Hashes: Hashes{Token: token},
	}
}

// TestBoundsOfAWallet fills what a buyer may have, and tries both sides of what a command may say.
func TestBoundsOfAWallet(t *testing.T) {
	b := newBench(t)
	for i := range MethodsPerBuyerMax {
		c := save(fmt.Sprint("s", i), uint64(i+1))
		c.Hashes.Device = uint64(1000 + i)
		b.want(c, engine.CodeOK)
	}
	b.want(save("one-more", 99), engine.CodeTooMany)
	b.want(save("the-same", 3), engine.CodeOK)
	late := save("late", 3)
	late.Hashes.Device = 2000
	b.want(late, engine.CodeOK)
	anna := b.s.Buyer("anna")
	if len(anna.Devices) != DevicesPerBuyerMax || anna.KnowsDevice(1000) || !anna.KnowsDevice(1001) || !anna.KnowsDevice(2000) {
		t.Errorf("%d devices are known", len(anna.Devices))
	}
	if len(anna.requests) != RequestsPerBuyerMax || anna.remembered("s0") != nil || anna.remembered("late") == nil {
		t.Errorf("%d requests are remembered", len(anna.requests))
	}
	for i := range HistoryPerBuyerMax + 5 {
		b.want(Command{Verb: VerbPurchased, Buyer: "anna", Purchase: Purchase{Event: "e1", Order: fmt.Sprint("o", i), TotalMinor: 1, Currency: "EUR", Seq: 1}}, engine.CodeOK)
	}
	if anna = b.s.Buyer("anna"); len(anna.History) != HistoryPerBuyerMax || anna.Purchases != HistoryPerBuyerMax+5 || anna.History[0].Order != "o5" {
		t.Errorf("%d purchases are kept of %d, from %s", len(anna.History), anna.Purchases, anna.History[0].Order)
	}
	if err := b.s.Check(); err != nil {
		t.Error(err)
	}

	long := func(n int) string { return strings.Repeat("x", n) }
	for _, c := range []struct {
		field string
		set   func(c *Command, over int)
	}{
		{"token", func(c *Command, over int) { c.Token = long(SecretLenMax + over) }},
		{"customer", func(c *Command, over int) { c.Customer = long(SecretLenMax + over) }},
		{"fingerprint", func(c *Command, over int) { c.Fingerprint = long(HintLenMax + over) }},
		{"device_id", func(c *Command, over int) { c.DeviceID = long(HintLenMax + over) }},
		{"brand", func(c *Command, over int) { c.Brand = long(BrandLenMax + over) }},
		{"expiry_year", func(c *Command, over int) { c.ExpiryYear, c.ExpiryMonth = int64(ExpiryYearMax+over), 1 }},
		{"expiry_month", func(c *Command, over int) { c.ExpiryYear, c.ExpiryMonth = 2030, int64(12+over) }},
		{"gateway", func(c *Command, over int) { c.Gateway = long(engine.IDLenMax + over) }},
		{"cap_minor", func(c *Command, over int) {
			*c = Command{Verb: VerbAgree, RequestID: "a", Buyer: "anna", Scope: ScopeOneClick, Version: "v1", Currency: "EUR", CapMinor: CapMinorMax + int64(over)}
		}},
		{"purchases", func(c *Command, over int) {
			*c = Command{Verb: VerbImport, RequestID: "a", Buyer: "anna", Purchases: ImportedPurchasesMax + int64(over)}
		}},
	} {
		for over := range 2 {
			cmd := save("s", 3)
			c.set(&cmd, over)
			code, field, text := cmd.Valid()
			if (code == engine.CodeOK) != (over == 0) || over == 1 && (field != c.field || text == "" || code != engine.CodeInvalid) {
				t.Errorf("%s, %d over its bound: %s %s %q", c.field, over, code, field, text)
			}
		}
	}
}

func TestBuyersOfAShardAreBounded(t *testing.T) {
	s := New(KeyOf("_", "anna"))
	for i := range BuyersPerShardMax {
		id := fmt.Sprint("b", i)
		s.buyers[id] = &Buyer{ID: id}
	}
	var facts engine.Facts
	for _, c := range []Command{
		save("s1", 1), {Verb: VerbAgree, RequestID: "a1", Buyer: "anna", Scope: ScopeOneClick, Version: "v1"}, {Verb: VerbImport, RequestID: "i1", Buyer: "anna", Purchases: 1},
	} {
		if out := s.Step(&c, 1, &facts); out.Code != engine.CodeTooMany || facts.Count != 0 {
			t.Errorf("%s: %s", c.Verb, out.Code)
		}
	}
	delete(s.buyers, "b7")
	c := save("s1", 1)
	if out := s.Step(&c, 1, &facts); out.Code != engine.CodeOK {
		t.Errorf("with room again: %s", out.Code)
	}
}

// TestWhatMustNeverBeSentIsRefused tries every field that a caller can write into.
func TestWhatMustNeverBeSentIsRefused(t *testing.T) {
	fields := map[string]func(c *Command, s string){
		"buyer": func(c *Command, s string) { c.Buyer = s }, "request_id": func(c *Command, s string) { c.RequestID = s },
		"gateway": func(c *Command, s string) { c.Gateway = s }, "token": func(c *Command, s string) { c.Token = s },
		"customer": func(c *Command, s string) { c.Customer = s }, "brand": func(c *Command, s string) { c.Brand = s },
		"last_four": func(c *Command, s string) { c.LastFour = s }, "fingerprint": func(c *Command, s string) { c.Fingerprint = s },
		"device_id": func(c *Command, s string) { c.DeviceID = s }, "version": func(c *Command, s string) { c.Version = s },
		"currency": func(c *Command, s string) { c.Currency = s }, "method": func(c *Command, s string) { c.Method = s },
	}
	for name, set := range fields {
		for _, secret := range []string{"4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "４１１１１１１１１１１１１１１１", "cvc 123", "sk_live_abcdef", "cvv:1234"} {
			c := save("s1", 1)
			set(&c, secret)
			code, field, text := c.Valid()
			if code != engine.CodeCardNumber && code != engine.CodeInvalid || field != name {
				t.Errorf("%q as %s: %s %s", secret, name, code, field)
			}
			if strings.Contains(text, secret) {
				t.Errorf("the refusal repeats %q", secret)
			}
		}
	}
	for _, code := range []string{"123", "1234"} {
		c := save("s1", 1)
		c.Token = code
		if got, _, _ := c.Valid(); got != engine.CodeCardNumber {
			t.Errorf("a token %s is %s", code, got)
		}
	}
	c := save("s1", 1)
	c.Buyer = "_tickets"
	if code, field, _ := c.Valid(); code != engine.CodeInvalid || field != "buyer" {
		t.Errorf("a buyer with an id of the engine's own: %s %s", code, field)
	}
}
