package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe/stripetest"
)

const hookSecret = "whsec_0123456789abcdef"

// secretIn writes a file that only its owner may read.
func secretIn(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestStripesWebhooksReachTheAudit starts an engine with Stripe as its gateway and posts webhooks to it over HTTP.
func TestStripesWebhooksReachTheAudit(t *testing.T) {
	fake := stripetest.New(t)
	c := quietConfig(t)
	c.httpAccess.tokenFile = secretIn(t, "0123456789abcdef0123") // which Stripe does not have
	c.gateways = gatewaySettings{names: []string{"stripe"}, stripe: stripeSettings{
		keyFile: secretIn(t, stripetest.Key), secretsFile: secretIn(t, hookSecret), url: fake.URL,
	}}
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	post := func(id, order, secret string) int {
		t.Helper()
		payload := fmt.Appendf(nil, `{"id":%q,"object":"event","type":"refund.failed","data":{"object":{"id":"re_1","payment_intent":"pi_7","amount":9500,"currency":"eur",`+
			`"failure_reason":"expired_or_canceled_card","metadata":{"hf_order":%q,"hf_key":"hf.x"}}}}`, id, order)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.httpURL+"/webhooks/stripe", bytes.NewReader(payload))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Stripe-Signature", webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: secret, Timestamp: time.Now()}).Header)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	ours := "hf." + p.store.Installation() + "._.e1.p7"
	for _, c := range []struct {
		id, order, secret string
		want              int
	}{
		{"evt_1", ours, hookSecret, http.StatusOK},
		{"evt_1", ours, hookSecret, http.StatusOK}, // again
		{"evt_2", ours, "whsec_of_somebody_else", http.StatusBadRequest},
		{"evt_3", "hf.elsewhere._.e1.p7", hookSecret, http.StatusOK}, // another installation's, at the same account
	} {
		if got := post(c.id, c.order, c.secret); got != c.want {
			t.Errorf("%s of %s: %d, want %d", c.id, c.order, got, c.want)
		}
	}
	page := p.node.Audits(engine.AuditQuery{Account: engine.SingleAccount, Limit: 10})
	if len(page.Entries) != 1 {
		t.Fatalf("the audit has %+v, want one entry", page.Entries)
	}
	got := page.Entries[0]
	if got.Verb != "charge_refund_failed" || got.Operator != "stripe" || got.RequestID != "evt_1" ||
		got.Arguments != "event=e1 purchase=p7 charge=pi_7 minor=9500 currency=EUR reason=expired_or_canceled_card" {
		t.Errorf("the audit has %+v", got)
	}
	if p.outsideCount.Load() != 1 || p.stripeHooks.Count(0) != 2 {
		t.Errorf("counted %d changes and %d webhooks", p.outsideCount.Load(), p.stripeHooks.Count(0))
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

func TestStripeThatCannotWorkIsExplained(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte(stripetest.Key), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, s := range map[string]stripeSettings{
		"--gateway-stripe-key-file":     {},
		"chmod 600":                     {keyFile: open},
		"publishable":                   {keyFile: secretIn(t, "pk_live_x")},
		"https":                         {keyFile: secretIn(t, stripetest.Key), url: "http://stripe.example"},
		"--gateway-stripe-webhook-file": {keyFile: secretIn(t, stripetest.Key), secretsFile: secretIn(t, "")},
	} {
		c := quietConfig(t)
		c.gateways = gatewaySettings{names: []string{"stripe"}, stripe: s}
		p, err := startProcess(t.Context(), c)
		if err == nil {
			_ = p.stop()
			t.Errorf("it started with %+v", s)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), stripetest.Key) {
			t.Errorf("the error %q does not say %q, or says the key", err, want)
		}
	}
}
