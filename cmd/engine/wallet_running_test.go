package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// walletsAtWork is an engine in whose folder the buyers of buyersCSV were brought while it was stopped, and which sells with undo.
func walletsAtWork(t *testing.T) (x *paying, data string) {
	t.Helper()
	data = stoppedFolder(t)
	if r, err := importResult(t, write(t, "buyers.csv", buyersCSV), "--data", data); err != nil || r.Buyers != 4 {
		t.Fatalf("%+v, %v", r, err)
	}
	x = payingWith(t, sandbox.Config{}, func(c *processConfig) { c.data, c.wallets = data, nil })
	x.ask("holdfast.v1.events.late.create", `{"request_id":"c2","name":"Late","country":"NL","city":"Utrecht","currency":"EUR","hold_ttl_ms":120000,"open":true,
		"undo_ms":600000,"lots":[{"lot":"ga","face_minor":4500,"capacity":10}]}`)
	return x, data
}

// TestWalletsOfARunningEngine: what an operator is shown and handed out, who is asked, and what the audit says.
func TestWalletsOfARunningEngine(t *testing.T) {
	x, data := walletsAtWork(t)
	at := func(args ...string) string {
		return must(t, append(append([]string{"wallet"}, args...), "--nats", x.p.natsURL, "--as", "maria")...)
	}

	wants(t, at("show", "anna"), "buyer      anna\n", "one click  yes\n", "method m1  sandbox, card, visa 4242, expires 2099-12")
	wants(t, at("show", "carl"), "one click  no agreement")
	text := at("export", "anna", "--request-id", "ask-1")
	var e exportedWallet
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Methods) != 1 || e.Methods[0].Brand != "visa" || e.Methods[0].LastFour != "4242" || e.Methods[0].Expires != "2099-12" || len(e.Agreements) != 1 ||
		e.Agreements[0].Version != "terms-1" || e.Purchases != 3 || e.Account != engine.SingleAccount || e.Devices == nil {
		t.Errorf("the export is %s", text)
	}
	for _, args := range [][]string{{"show", "nobody"}, {"export", "nobody"}} {
		_, err := engineRun(t, append(append([]string{"wallet"}, args...), "--nats", x.p.natsURL)...)
		refuses(t, err, "buyer_unknown")
	}
	_, err := engineRun(t, "wallet", "export", "4111111111111111", "--nats", x.p.natsURL)
	refuses(t, err, "card_number")

	// A folder that was named is not passed over; with the engine named too, its wallets are shown.
	_, err = engineRun(t, "wallet", "show", "anna", "--data", data)
	refuses(t, err, "in use", "--nats")
	wants(t, at("show", "anna", "--data", data), "visa 4242")
	_, err = engineRun(t, "wallet", "show", "anna", "--nats", x.p.natsURL, "--account", "other")
	refuses(t, err, "--account")
	t.Setenv("HOLDFAST_NATS", x.p.natsURL)
	wants(t, must(t, "wallet", "show", "anna"), "visa 4242")

	c, err := client.Connect(x.p.natsURL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	shown, err := c.Admin(within(t), &pb.WalletShowCommand{Buyer: "anna"})
	if err != nil || strings.Contains(shown.Wallet, `"devices"`) {
		t.Errorf("what is only looked at is %v, %v", shown, err)
	}
	handed, err := c.Admin(within(t), &pb.WalletExportCommand{Buyer: "anna"})
	if err != nil || !strings.Contains(handed.Wallet, `"devices"`) {
		t.Errorf("the export is %v, %v", handed, err)
	}
	audit := must(t, "admin", "audit", "--nats", x.p.natsURL)
	wants(t, audit, "maria (declared)  wallet-show buyer=anna: ok", "maria (declared)  wallet-export buyer=anna: ok  ask-1", "wallet-export buyer=nobody: buyer_unknown")
	said := regexp.MustCompile(`cli-[0-9a-f]{24}`).ReplaceAllString(audit, "") // request ids are random, and may have any four digits
	for _, secret := range []string{"visa", "4242", "terms-1", "sbx_ok"} {
		if strings.Contains(said, secret) {
			t.Errorf("the audit has %q:\n%s", secret, audit)
		}
	}
	if strings.Contains(text, "sbx_ok") || strings.Contains(handed.Wallet, "sbx_ok") {
		t.Error("an export shows a token")
	}
}

// TestErasureAtARunningEngineWaitsForCharges: it says what for, goes on by itself when the charge has ended, and leaves nothing in the vault.
func TestErasureAtARunningEngineWaitsForCharges(t *testing.T) {
	x, _ := walletsAtWork(t)
	erase := func(buyer, wait string) (string, error) {
		t.Helper()
		return engineRun(t, "wallet", "erase", buyer, "--nats", x.p.natsURL, "--as", "maria", "--wait", wait)
	}
	out, err := erase("bert", "1m")
	if err != nil || !strings.Contains(out, "bert is forgotten") {
		t.Fatalf("nothing of bert is open: %s %v", out, err)
	}
	b := x.ask("holdfast.v1.events.late.buy", `{"request_id":"b1","buyer":"anna","items":[{"lot":"ga","quantity":1}],"wait_ms":20000}`)
	if b.Error != nil || b.Purchase.State != "sold" {
		t.Fatalf("anna's purchase is %+v", b)
	}
	eventually(t, "the wallet learns of the order", func() bool {
		anna := x.p.node.WalletBuyer(engine.SingleAccount, "anna")
		return anna != nil && anna.ChargeOpen()
	})
	_, err = erase("anna", "0s")
	refuses(t, err, "erase_waits", "order "+b.Order.ID+" of event late")
	wants(t, must(t, "wallet", "export", "anna", "--nats", x.p.natsURL), `"erasing": true`, b.Order.ID)
	answer, err := x.nc.Request("holdfast.v1.admin.wallet-erase", []byte(`{"buyer":"anna"}`), patience)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, string(answer.Data), `"retryable":true`, `"retry_after_ms":`)

	if u := x.ask("holdfast.v1.events.late.undo", `{"request_id":"u1","buyer":"anna","purchase":"`+b.Purchase.ID+`"}`); u.Error != nil {
		t.Fatalf("undo: %+v", u.Error)
	}
	eventually(t, "the eraser forgets anna by itself", func() bool { return x.p.node.WalletBuyer(engine.SingleAccount, "anna") == nil })
	out, err = erase("anna", "0s")
	if err != nil || !strings.Contains(out, "anna is forgotten") {
		t.Errorf("%s %v", out, err)
	}
	if names, err := x.p.store.Vault().Names(engine.SingleAccount, "anna"); err != nil || len(names) != 0 {
		t.Errorf("the vault still has %v, %v", names, err)
	}
	_, err = engineRun(t, "wallet", "export", "anna", "--nats", x.p.natsURL)
	refuses(t, err, "buyer_unknown")
	wants(t, must(t, "wallet", "export", "carl", "--nats", x.p.natsURL), `"brand": "visa"`) // nobody else is
	wants(t, must(t, "admin", "audit", "--nats", x.p.natsURL), "wallet-erase buyer=anna: erase_waits", "wallet-erase buyer=anna: ok")
}

// TestWalletsAreForOperatorsOnly: no other role asks, and what an operator asked for comes to nobody else.
func TestWalletsAreForOperatorsOnly(t *testing.T) {
	seeds := roleKeys(t)
	s := serveRoles(t, newData(t), seeds, "")
	operator := connectRole(t, s.NATS, "operator", seeds)
	shop := connectRole(t, s.NATS, "shop", seeds)
	wants(t, string(shop.ask("holdfast.v1.buyers.anna.agree", `{"request_id":"a1","scope":"one_click","version":"terms-1"}`)), "terms-1")
	for _, verb := range []string{"wallet-show", "wallet-export", "wallet-erase"} {
		subject := "holdfast.v1.admin." + verb
		for _, role := range roles[:len(roles)-1] {
			if role == "operator" {
				continue
			}
			c := connectRole(t, s.NATS, role, seeds)
			if err := c.nc.PublishRequest(subject, "_INBOX_"+role+".answer", []byte(`{"buyer":"anna"}`)); err != nil {
				t.Fatal(err)
			}
			if !c.denied("Publish", subject) {
				t.Errorf("%s may publish to %s", role, subject)
			}
			if _, err := c.nc.SubscribeSync("_INBOX_operator.>"); err != nil || !c.denied("Subscription", "_INBOX_operator.>") {
				t.Errorf("%s may listen to the answers of operators: %v", role, err)
			}
		}
	}
	wants(t, string(operator.ask("holdfast.v1.admin.wallet-export", `{"buyer":"anna"}`)), "terms-1") // in spite of those who were denied
	wants(t, string(operator.ask("holdfast.v1.admin.wallet-erase", `{"buyer":"anna"}`)), `"erased":"anna"`)
	wants(t, string(operator.ask("holdfast.v1.admin.wallet-show", `{"buyer":"anna"}`)), "buyer_unknown")
}
