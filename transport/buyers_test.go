package transport_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

func TestWalletsAreKeptInBothLanguages(t *testing.T) {
	w := serveDirect(t, &transporttest.Direct{Now: 1_777_000_000_000_000_000})
	ask := func(verb string, m proto.Message) *pb.BuyerReply {
		t.Helper()
		body, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return decodeBuyerReply(t, w.ask(t, transport.BuyerSubject("b1", verb), body).Data)
	}
	save := &pb.SaveMethodCommand{RequestId: "s1", Gateway: "sandbox", Kind: "card", Token: "sbx_secret", ExpiryMonth: 3, ExpiryYear: 2031, Correlation: "7f"}
	saved := ask("save", save)
	if saved.Error != nil || saved.Method != "m1" || saved.Correlation != "7f" || saved.RequestId != "s1" || saved.Repeated {
		t.Fatalf("saved as %v", saved)
	}
	if again := ask("save", save); !again.Repeated || again.Method != "m1" {
		t.Errorf("saved again as %v", again)
	}
	body := w.ask(t, transport.BuyerSubject("b1", "list"), []byte(`{"request_id":"l1"}`)).Data
	list := decodeBuyerReply(t, body)
	if m := list.Wallet.GetMethods(); len(m) != 1 || m[0].Id != "m1" || m[0].ExpiryYear != 2031 || !m[0].Default || list.Wallet.OneClick {
		t.Errorf("wallet %s", body)
	}
	if strings.Contains(string(body), "sbx_secret") {
		t.Errorf("a token is shown: %s", body)
	}
	if r := ask("remove", &pb.RemoveMethodCommand{RequestId: "r1", Method: "m1"}); r.Error != nil || len(r.Wallet.GetMethods()) != 0 {
		t.Errorf("removed: %v", r)
	}
	if r := ask("history", &pb.HistoryCommand{}); r.Error != nil || r.History == nil {
		t.Errorf("history: %v", r)
	}
	awaitNothingInFlight(t, w.server)
}

func TestWalletsRefuseWhatIsHostile(t *testing.T) {
	w := serveDirect(t, &transporttest.Direct{Now: 1_777_000_000_000_000_000})
	for _, c := range []struct{ buyer, verb, body, code, field string }{
		{"b1", "save", `{"request_id":"x","gateway":"sandbox","kind":"card","token":"4111111111111111"}`, "card_number", "token"},
		{"b1", "save", `{"request_id":"x","gateway":"sandbox","kind":"card","token":"tok_4111111111111111"}`, "card_number", "token"},
		{"b1", "save", `{"request_id":"x","gateway":"sandbox","kind":"card","token":"４１１１ １１１１ １１１１ １１１１"}`, "card_number", "token"},
		{"b1", "save", `{"request_id":"x","gateway":"sandbox","kind":"card","token":"t","cvc":"123"}`, "card_number", "cvc"},
		{"b1", "save", `{"request_id":"x","gateway":"sandbox","kind":"card","token":"t","fingerprint":"cvv: 123"}`, "card_number", "fingerprint"},
		{"b1", "save", `{"request_id":"x","gateway":"sandbox","kind":"card","token":"t","expiry_year":4111111111111111}`, "card_number", "expiry_year"},
		{"b1", "save", `{"request_id":"x","gateway":"sandbox","kind":"gold","token":"t"}`, "invalid", "kind"},
		{"b1", "save", `{"request_id":"x","gateway":"sandbox","kind":"card","token":"t","device_id":"a b"}`, "invalid", "device_id"},
		{"b1", "save", `{"request_id":"x","buyer":"b2"}`, "unknown_field", "buyer"},
		{"b1", "save", strings.Repeat(" ", 70_000), "too_large", ""},
		{"b1", "export", `{}`, "unknown_verb", ""},
		{"b1", "erase", `{"request_id":"x"}`, "unknown_verb", ""},
		{"b1", "*", `{}`, "unknown_verb", ""},
		{"4111-1111-1111-1111", "list", `{}`, "card_number", "buyer"},
		{"b*", "list", `{}`, "invalid", "buyer"},
		{"_tickets", "list", `{}`, "invalid", "buyer"},
	} {
		answer := w.ask(t, transport.BuyerSubject(c.buyer, c.verb), []byte(c.body))
		r := decodeBuyerReply(t, answer.Data)
		if r.Error.GetCode() != c.code || r.Error.GetField() != c.field {
			t.Errorf("%s %s %.80s is answered %v, not %s of %q", c.buyer, c.verb, c.body, r.Error, c.code, c.field)
		}
		if strings.Contains(string(answer.Data), "4111") || answer.Header.Get(transport.HeaderErrorCode) != c.code {
			t.Errorf("%s %s is answered %s, %v", c.buyer, c.verb, answer.Data, answer.Header)
		}
	}
	if r := decodeBuyerReply(t, w.ask(t, transport.BuyerSubject("b1", "list"), []byte(`{}`)).Data); len(r.Wallet.GetMethods()) != 0 {
		t.Errorf("something was saved: %v", r)
	}
}
