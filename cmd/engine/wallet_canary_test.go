package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// Canaries: what must never lie anywhere, and what may lie only sealed.
const (
	canaryToken       = "tok_canary_5ecret_token"
	canaryCustomer    = "cus_canary_5ecret_customer"
	canaryFingerprint = "fp_canary_5ecret_fingerprint"
	canaryDevice      = "dev_canary_5ecret_device"
	canaryBrand       = "canary5ecretbrand"
	canaryName        = "Nightingale Canary"
	canaryKey         = "sk_live_canary5ecret"
	canaryCode        = "cvc 731"
	canaryCard        = "4000056655665556"
)

// cardsInDisguise are a card number as somebody careless or clever may send it.
func cardsInDisguise() []string {
	return []string{
		canaryCard, "4000 0566 5566 5556", "4000-0566-5566-5556", "４０００ ０５６６ ５５６６ ５５５６", "４００００５６６５５６６５５５６",
	}
}

// forms are the forms in which a text may lie in a file: as it is, hex, UTF-16, and base64 at each of its three alignments.
func forms(s string) map[string][]byte {
	all := map[string][]byte{"as it is": []byte(s), "hex": []byte(hex.EncodeToString([]byte(s))), "HEX": []byte(strings.ToUpper(hex.EncodeToString([]byte(s))))}
	var little, big []byte
	for _, u := range utf16.Encode([]rune(s)) {
		little, big = append(little, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	all["UTF-16"], all["UTF-16, big end first"] = little, big
	for shift := range 3 {
		padded := append(make([]byte, shift), s...)
		// Only what every text with s at this place has in common: without what the bytes around it decide.
		for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			text := enc.EncodeToString(padded[:len(padded)/3*3])
			all[fmt.Sprint(name, shift)] = []byte(text[(shift*8+5)/6:])
		}
	}
	return all
}

func TestFormsAreFound(t *testing.T) {
	const s = "canary-5ecret-text"
	for shift := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte("xyz"[:shift] + s + "and more"))
		found := false
		for _, f := range forms(s) {
			found = found || bytes.Contains([]byte(text), f)
		}
		if !found {
			t.Errorf("base64 behind %d bytes hides it", shift)
		}
	}
}

// look reports where canaries lie in a text.
func look(t *testing.T, where string, content []byte, canaries []string) {
	t.Helper()
	for _, c := range canaries {
		for form, b := range forms(c) {
			if i := bytes.Index(content, b); i >= 0 {
				t.Errorf("%s has %q (%s) at %d: %.80q", where, c, form, i, content[max(0, i-30):])
			}
		}
	}
}

// TestCanariesAreNowhere plants what must not be kept in every field of every command for wallets and purchases, in a real process with a real store, and
// looks for it in the data folder, the log, the metrics and the answers; then it forgets the buyer.
func TestCanariesAreNowhere(t *testing.T) {
	var logs output
	c := quietConfig(t)
	c.logger = slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	access := &natsAccess{url: p.natsURL}
	var answers bytes.Buffer
	ask := func(subject string, body any) string {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := access.request(within(t), subject, text)
		if err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		answers.Write(answer)
		return string(answer)
	}
	save := func() map[string]any {
		return map[string]any{
			"request_id": "s1", "gateway": "sandbox", "kind": "card", "token": canaryToken, "customer": canaryCustomer, "brand": canaryBrand, "last_four": "5556",
			"fingerprint": canaryFingerprint, "device_id": canaryDevice, "expiry_year": 2099, "expiry_month": 1,
		}
	}
	wants(t, ask("holdfast.v1.events.e1.create", map[string]any{
		"request_id": "c1", "name": "Night", "currency": "EUR", "open": true, "lots": []any{map[string]any{"lot": "ga", "face_minor": 100, "capacity": 50}},
	}), `"on_sale"`)
	// What is right is taken, and shown as much as a button needs.
	saved := ask("holdfast.v1.buyers.anna.save", save())
	wants(t, saved, `"m1"`, canaryBrand, "5556")
	look(t, "the answer to save", []byte(saved), []string{canaryToken, canaryCustomer, canaryFingerprint, canaryDevice})
	ask("holdfast.v1.buyers.anna.agree", map[string]any{"request_id": "a1", "scope": "one_click", "version": "terms-1"})
	items := []any{map[string]any{"lot": "ga", "quantity": 1}}
	ask("holdfast.v1.events.e1.offer", map[string]any{"request_id": "f1", "buyer": "anna", "items": items, "device_id": canaryDevice, "links": []any{canaryFingerprint}})
	ask("holdfast.v1.events.e1.hold", map[string]any{"request_id": "h1", "buyer": "anna", "items": items})
	ask("holdfast.v1.events.e1.confirm", map[string]any{"request_id": "k1", "buyer": "anna", "hold": "h1", "payment_ref": "inv-1"})
	answers.Reset() // those above may show the brand

	// What must never be sent: in every field of every command.
	commands := map[string]map[string]any{
		"buyers.anna.save":   save(),
		"buyers.anna.remove": {"request_id": "r1", "method": "m1"}, "buyers.anna.default": {"request_id": "d1", "method": "m1"},
		"buyers.anna.agree": {"request_id": "a2", "scope": "one_click", "version": "terms-2", "currency": "EUR"}, "buyers.anna.list": {"request_id": "l1"},
		"buyers.anna.history":  {"request_id": "l2"},
		"events.e1.offer":      {"request_id": "f2", "buyer": "anna", "method": "m1", "device_id": "phone", "channel": "app", "device": "mobile"},
		"events.e1.buy":        {"request_id": "b1", "buyer": "anna", "offer": "f1", "hold": "h1", "method": "m1", "return_url": "https://shop.example/", "device_id": "phone", "channel": "app"},
		"events.e1.purchase":   {"request_id": "p1", "buyer": "anna", "purchase": "p1"},
		"events.e1.complete":   {"request_id": "p2", "buyer": "anna", "purchase": "p1"},
		"events.e1.undo":       {"request_id": "u1", "buyer": "anna", "purchase": "p1"},
		"events.e1.confirm":    {"request_id": "k2", "buyer": "anna", "hold": "h1", "payment_ref": "inv-2"},
		"events.e1.refund":     {"request_id": "x1", "buyer": "anna", "order": "o1", "reason": "goodwill"},
		"events.e1.admit":      {"request_id": "t1", "ticket": "t1", "gate": "north"},
		"events.e1.reissue":    {"request_id": "t2", "buyer": "anna", "ticket": "t1"},
		"events.e1.one_click":  {"request_id": "o1"},
		"events.e1.hold":       {"request_id": "h2", "buyer": "anna", "channel": "app"},
		"buyers.anna.nonsense": {"request_id": "z1"},
	}
	planted := append(cardsInDisguise(), canaryKey+"/", canaryCode, canaryName)
	tried := 0
	for subject, body := range commands {
		for field := range body {
			if _, isText := body[field].(string); !isText {
				continue
			}
			for _, secret := range planted {
				if (secret == canaryCode || secret == canaryName) && (field == "payment_ref" || field == "return_url" || field == "device_id") && strings.HasPrefix(subject, "events.") {
					continue // free text of an event's command: a name in it is the caller's to leave out
				}
				bad := map[string]any{}
				for k, v := range body {
					bad[k] = v
				}
				bad[field] = secret
				answer := ask("holdfast.v1."+subject, bad)
				if !strings.Contains(answer, `"error"`) {
					t.Errorf("%s takes %q as %s: %s", subject, secret, field, answer)
				}
				tried++
			}
		}
		for _, name := range []string{"card_number", "cvc", "pan"} { // fields that are none
			bad := map[string]any{"request_id": "n1", name: canaryCard}
			if answer := ask("holdfast.v1."+subject, bad); !strings.Contains(answer, `"error"`) {
				t.Errorf("%s takes a field %s: %s", subject, name, answer)
			}
		}
	}
	for _, subject := range []string{"holdfast.v1.buyers." + canaryCard + ".list", "holdfast.v1.buyers." + canaryKey + ".list", "holdfast.v1.events." + canaryCard + ".get"} {
		if answer := ask(subject, map[string]any{}); !strings.Contains(answer, `"error"`) {
			t.Errorf("%s is answered %s", subject, answer)
		}
	}
	t.Logf("%d planted in %d commands", tried, len(commands))
	_, metrics := fetch(t, p.httpURL+"/metrics")
	wants(t, metrics, "holdfast_wallet_commands_total")
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	never := append(cardsInDisguise(), canaryKey, canaryName, canaryToken, canaryCustomer, canaryFingerprint, canaryDevice)
	look(t, "the answers", answers.Bytes(), never)
	look(t, "the metrics", []byte(metrics), append(never, canaryBrand))
	look(t, "the log", []byte(logs.String()), append(never, canaryBrand))
	scan := func(what string, canaries ...string) {
		t.Helper()
		files := 0
		err := filepath.WalkDir(c.data, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			look(t, what+": "+path, content, canaries)
			files++
			return err
		})
		if err != nil || files < 5 {
			t.Fatalf("%d files, %v", files, err)
		}
	}
	scan("the data folder", append(never, canaryBrand, canaryCode)...)

	// Forgotten: what was sealed opens no more, and nothing of it is left.
	if p, err = startProcess(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := eraseBuyer(within(t), p, "_", "anna"); err != nil {
		t.Error(err)
	}
	if names, err := p.store.Vault().Names("_", "anna"); err != nil || len(names) != 0 {
		t.Errorf("the vault still has %v, %v", names, err)
	}
	if _, ok, err := p.store.Vault().Open("_", "anna", "m1"); ok || err != nil {
		t.Errorf("a token opens after it was erased: %v", err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	scan("after the erasure", append(never, canaryBrand)...)
	wants(t, must(t, "verify", c.data), "whole: every check passed")
}
