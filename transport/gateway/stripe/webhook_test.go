package stripe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe/stripetest"
)

const (
	secret    = "whsec_0123456789abcdef"
	oldSecret = "whsec_fedcba9876543210"
)

// endpoint is webhooks, and what they led to.
type endpoint struct {
	t      *testing.T
	hooks  *stripe.Hooks
	server *stripetest.Server

	mu      sync.Mutex
	now     time.Time
	fails   error
	nudged  []string
	outside []stripe.Outside
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	g, server := open(t)
	e := &endpoint{t: t, server: server, now: time.Unix(1_800_000_000, 0)}
	var err error
	e.hooks, err = g.NewHooks(stripe.HooksConfig{
		Secrets: []string{secret, oldSecret},
		Nudge: func(_ context.Context, order string) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.fails == nil {
				e.nudged = append(e.nudged, order)
			}
			return e.fails
		},
		Outside: func(_ context.Context, o stripe.Outside) error {
			e.mu.Lock()
			defer e.mu.Unlock()
			if e.fails == nil {
				e.outside = append(e.outside, o)
			}
			return e.fails
		},
		Now: func() time.Time { return e.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sign is what Stripe puts into its header.
func (e *endpoint) sign(payload []byte, at time.Time, with string) string {
	return webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: payload, Secret: with, Timestamp: at}).Header
}

func (e *endpoint) post(payload []byte, headers ...string) int {
	r := httptest.NewRequestWithContext(e.t.Context(), http.MethodPost, "/webhooks/stripe", strings.NewReader(string(payload)))
	for _, h := range headers {
		r.Header.Add("Stripe-Signature", h)
	}
	w := httptest.NewRecorder()
	e.hooks.ServeHTTP(w, r)
	return w.Code
}

func (e *endpoint) deliver(payload []byte) int {
	return e.post(payload, e.sign(payload, e.now, secret))
}

// event is a webhook as Stripe sends it.
func event(t *testing.T, id, kind string, object map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"id": id, "object": "event", "type": kind, "livemode": false, "data": map[string]any{"object": object}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func intentEvent(t *testing.T, id, kind, order string) []byte {
	t.Helper()
	return event(t, id, kind, map[string]any{
		"id": "pi_1", "object": "payment_intent", "amount": 9500, "currency": "eur", "metadata": map[string]string{"hf_order": order},
	})
}

func TestWebhooksNudge(t *testing.T) {
	e := newEndpoint(t)
	// Out of order, on purpose: what came last says nothing about what is so.
	for i, kind := range []string{
		"payment_intent.canceled", "payment_intent.succeeded", "payment_intent.amount_capturable_updated", "payment_intent.payment_failed", "payment_intent.processing",
	} {
		payload := intentEvent(t, fmt.Sprint("evt_", i), kind, "hf.x.a.e.p1")
		for range 3 {
			if got := e.deliver(payload); got != http.StatusOK {
				t.Errorf("%s: %d", kind, got)
			}
		}
	}
	if len(e.nudged) != 5 || e.nudged[0] != "hf.x.a.e.p1" || len(e.outside) != 0 {
		t.Errorf("nudged %v, want each webhook once", e.nudged)
	}
	if e.hooks.Count(stripe.HookTaken) != 5 || e.hooks.Count(stripe.HookRepeated) != 10 {
		t.Errorf("%d taken, %d repeated", e.hooks.Count(stripe.HookTaken), e.hooks.Count(stripe.HookRepeated))
	}
}

func TestWebhooksThatAreNotOurs(t *testing.T) {
	e := newEndpoint(t)
	for name, payload := range map[string][]byte{
		"another shop's charge":  intentEvent(t, "evt_1", "payment_intent.succeeded", "order-77"),
		"a charge without order": event(t, "evt_2", "payment_intent.succeeded", map[string]any{"id": "pi_1", "currency": "eur"}),
		"a type of another kind": event(t, "evt_3", "customer.created", map[string]any{"id": "cus_1"}),
		"a type of tomorrow":     event(t, "evt_4", "payment_intent.teleported", map[string]any{"id": "pi_1"}),
		"a dispute of theirs":    event(t, "evt_5", "charge.dispute.created", map[string]any{"id": "dp_1", "payment_intent": "pi_9", "amount": 1, "currency": "eur"}),
		"our own refund":         event(t, "evt_6", "refund.created", map[string]any{"id": "re_1", "payment_intent": "pi_1", "amount": 1, "currency": "eur", "metadata": map[string]string{"hf_key": "hf.x", "hf_order": "hf.x.a.e.p1"}}),
	} {
		if got := e.deliver(payload); got != http.StatusOK {
			t.Errorf("%s: %d", name, got)
		}
	}
	if len(e.nudged) != 0 || len(e.outside) != 0 || e.hooks.Count(stripe.HookIgnored) != 6 {
		t.Errorf("nudged %v, outside %v, %d ignored", e.nudged, e.outside, e.hooks.Count(stripe.HookIgnored))
	}
}

func TestForgedWebhooksAreRefused(t *testing.T) {
	e := newEndpoint(t)
	payload := intentEvent(t, "evt_1", "payment_intent.succeeded", "hf.x.a.e.p1")
	good := e.sign(payload, e.now, secret)
	_, signature, _ := strings.Cut(good, ",")
	for name, headers := range map[string][]string{
		"no signature":          nil,
		"an empty one":          {""},
		"two headers":           {good, good},
		"two times":             {fmt.Sprintf("t=%d,%s", e.now.Unix(), good)},
		"no time":               {signature},
		"another secret":        {e.sign(payload, e.now, "whsec_of_somebody_else")},
		"other bytes":           {e.sign(append(payload, ' '), e.now, secret)},
		"stale":                 {e.sign(payload, e.now.Add(-5*time.Minute-time.Second), secret)},
		"of the future":         {e.sign(payload, e.now.Add(5*time.Minute+time.Second), secret)},
		"time changed":          {fmt.Sprintf("t=%d,%s", e.now.Unix()+1, signature)},
		"an old scheme":         {strings.Replace(good, "v1=", "v0=", 1)},
		"a signature too short": {good[:len(good)-2]},
		"a very long header":    {good + strings.Repeat(",v0=00", 1000)},
	} {
		if got := e.post(payload, headers...); got != http.StatusBadRequest {
			t.Errorf("%s: %d", name, got)
		}
	}
	for name, broken := range map[string][]byte{
		"nothing": nil, "no JSON": []byte("{"), "no event": []byte(`{"id":"evt_1","object":"v2.core.event"}`), "an id that is none": []byte(`{"id":"../x","object":"event"}`),
		"too long": []byte(`{"id":"evt_1","object":"event","type":"` + strings.Repeat("x", 256<<10) + `"}`),
	} {
		if got := e.deliver(broken); got != http.StatusBadRequest {
			t.Errorf("%s, signed: %d", name, got)
		}
	}
	if len(e.nudged) != 0 {
		t.Errorf("a forged webhook nudged %v", e.nudged)
	}
	for _, header := range []string{e.sign(payload, e.now.Add(-4*time.Minute), secret), e.sign(payload, e.now, oldSecret)} {
		if got := e.post(payload, header); got != http.StatusOK {
			t.Errorf("a good one: %d", got)
		}
	}
}

func TestWhatIsDoneElsewhereIsPutOnRecord(t *testing.T) {
	e := newEndpoint(t)
	g, err := stripe.New(stripe.Config{Key: stripetest.Key, Base: e.server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	paid := g.Do(t.Context(), callOf(t, g, charge("k1")))
	object := func(more map[string]any) map[string]any {
		o := map[string]any{"id": "x_1", "payment_intent": paid.Ref, "amount": 9500, "currency": "eur"}
		for k, v := range more {
			o[k] = v
		}
		return o
	}
	for i, c := range []struct {
		kind   string
		object map[string]any
		want   stripe.Outside
	}{
		{"charge.dispute.created", object(map[string]any{"reason": "fraudulent"}), stripe.Outside{Kind: stripe.DisputeOpened, Reason: "fraudulent"}},
		{"charge.dispute.closed", object(map[string]any{"status": "lost"}), stripe.Outside{Kind: stripe.DisputeClosed, Reason: "lost"}},
		{"radar.early_fraud_warning.created", object(map[string]any{"fraud_type": "misc", "currency": ""}), stripe.Outside{Kind: stripe.FraudWarned, Reason: "misc"}},
		{"refund.created", object(map[string]any{"reason": "Some <b>text</b>"}), stripe.Outside{Kind: stripe.RefundedOutside}},
		{"refund.failed", object(map[string]any{"failure_reason": "expired_or_canceled_card", "metadata": map[string]string{"hf_key": "hf.x", "hf_order": "hf.x.a.e.p1"}}), stripe.Outside{Kind: stripe.RefundFailed, Reason: "expired_or_canceled_card"}},
	} {
		id := fmt.Sprint("evt_", i)
		payload := event(t, id, c.kind, c.object)
		e.fails = errors.New("the engine starts")
		if got := e.deliver(payload); got != http.StatusServiceUnavailable {
			t.Errorf("%s while it cannot be kept: %d, want it to come again", c.kind, got)
		}
		e.fails = nil
		for range 2 {
			if got := e.deliver(payload); got != http.StatusOK {
				t.Errorf("%s: %d", c.kind, got)
			}
		}
		want := c.want
		want.ID, want.Ref, want.Order, want.AmountMinor = id, paid.Ref, "hf.x.a.e.p1", 9500
		if want.Kind != stripe.FraudWarned {
			want.Currency = "EUR"
		}
		if len(e.outside) != i+1 || e.outside[i] != want {
			t.Errorf("%s: put on record %+v, want %+v once", c.kind, e.outside, want)
		}
	}
	e.server.Close()
	if got := e.deliver(event(t, "evt_9", "charge.dispute.created", object(nil))); got != http.StatusServiceUnavailable {
		t.Errorf("a dispute whose charge cannot be asked for: %d", got)
	}
}

func TestWebhooksAreBounded(t *testing.T) {
	g, _ := open(t)
	enough := make(chan struct{})
	var inside sync.WaitGroup
	inside.Add(32)
	hooks, err := g.NewHooks(stripe.HooksConfig{
		Secrets: []string{secret}, Outside: func(context.Context, stripe.Outside) error { return nil },
		Nudge: func(context.Context, string) error {
			inside.Done()
			<-enough
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoint{t: t, hooks: hooks, now: time.Now()}
	var waiting sync.WaitGroup
	for i := range 32 {
		waiting.Go(func() { e.deliver(intentEvent(t, fmt.Sprint("evt_", i), "payment_intent.succeeded", "hf.x.a.e.p1")) })
	}
	inside.Wait()
	if got := e.deliver(intentEvent(t, "evt_more", "payment_intent.succeeded", "hf.x.a.e.p1")); got != http.StatusServiceUnavailable {
		t.Errorf("one more than there is room for: %d", got)
	}
	close(enough)
	waiting.Wait()
	if _, err := g.NewHooks(stripe.HooksConfig{}); err == nil {
		t.Error("webhooks without a secret")
	}
}

// FuzzWebhook sends any bytes, signed and not: nothing may be believed that is not signed, and nothing may be put on record that is not fit to be.
func FuzzWebhook(f *testing.F) {
	f.Add([]byte(`{"id":"evt_1","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","currency":"eur","metadata":{"hf_order":"hf.x.a.e.p1"}}}}`), "t=1800000000,v1=00")
	f.Add([]byte(`{"id":"evt_1","object":"event","type":"refund.failed","data":{"object":{"payment_intent":"pi_1","currency":"isk","amount":1,"metadata":{"hf_order":"hf.x"}}}}`), "")
	f.Add([]byte(`{"id":"evt_1","object":"event","type":"refund.created","data":{"object":{"metadata":null}}}`), "t=,t=")
	f.Add([]byte(`[]`), "v1=,,=")
	g, err := stripe.New(stripe.Config{Key: stripetest.Key, Base: "http://127.0.0.1:1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, payload []byte, header string) {
		e := &endpoint{t: t, now: time.Unix(1_800_000_000, 0)}
		forged := true
		e.hooks, err = g.NewHooks(stripe.HooksConfig{
			Secrets: []string{secret}, Now: func() time.Time { return e.now },
			Nudge: func(_ context.Context, order string) error {
				if forged || !strings.HasPrefix(order, "hf.") || len(order) > 500 {
					t.Errorf("nudged %q (forged: %v)", order, forged)
				}
				return nil
			},
			Outside: func(_ context.Context, o stripe.Outside) error {
				if forged || !strings.HasPrefix(o.Order, "hf.") || strings.ContainsAny(o.Reason+o.Ref+o.ID+o.Currency, " \r\n<>\"'\x1b") {
					t.Errorf("on record: %+v (forged: %v)", o, forged)
				}
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if header == e.sign(payload, e.now, secret) {
			return
		}
		e.post(payload, header)
		forged = false
		e.deliver(payload)
	})
}

func TestOldWebhooksAreForgotten(t *testing.T) {
	e := newEndpoint(t)
	first := intentEvent(t, "evt_first", "payment_intent.succeeded", "hf.x.a.e.p1")
	e.deliver(first)
	for i := range 4096 {
		e.deliver(intentEvent(t, fmt.Sprint("evt_", i), "payment_intent.succeeded", "hf.x.a.e.p2"))
	}
	e.deliver(first)
	if got := len(e.nudged); got != 4098 {
		t.Errorf("%d nudges: the first webhook should have been forgotten, and no other", got)
	}
	e.deliver(intentEvent(t, "evt_4095", "payment_intent.succeeded", "hf.x.a.e.p2"))
	if got := len(e.nudged); got != 4098 {
		t.Errorf("%d nudges: a webhook of a moment ago was taken twice", got)
	}
}
