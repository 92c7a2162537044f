package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/holdfast-engine/holdfast/transport/webhook"
)

func TestWebhooksOfARunningEngine(t *testing.T) {
	t.Parallel()
	var verifier atomic.Pointer[standardwebhooks.Webhook]
	var works atomic.Bool
	got := make(chan string, 100)
	shopSide := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if v := verifier.Load(); err != nil || v == nil || v.Verify(body, r.Header) != nil || !works.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		got <- r.Header.Get("Webhook-Id")
	}))
	defer shopSide.Close()
	data := newData(t)
	s := serveOn(t, data, "--webhooks-loopback")
	at := func(args ...string) string { return must(t, append(args, "--nats", s.NATS)...) }
	made := at("webhooks", "add", shopSide.URL+"/hooks?token=canary", "--kinds", "order.confirmed,ticket.issued")
	words := strings.Fields(made)
	id, secret := words[1], words[3]
	v, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier.Store(v)
	works.Store(true)
	shop := connectTo(t, s)
	if _, err := shop.Create(within(t), "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	sell(t, shop, "e1", "b1")
	first := map[string]bool{<-got: true, <-got: true}
	eventually(t, "both are counted", func() bool { return strings.Contains(at("webhooks", "list"), "2 delivered, 0 attempts failed, 0 wait") })
	list := at("webhooks", "list", "--json")
	wants(t, list, id, shopSide.URL, "order.confirmed")
	audit := must(t, "admin", "audit", "--nats", s.NATS)
	wants(t, audit, "webhooks action=add kinds=order.confirmed,ticket.issued: ok")
	for what, text := range map[string]string{"the list": list, "the audit": audit, "the log": s.logs.String()} {
		if strings.Contains(text, strings.TrimPrefix(secret, "whsec_")) || strings.Contains(text, "canary") {
			t.Errorf("%s has a secret: %s", what, text)
		}
	}
	wants(t, at("webhooks", "replay", id, "--since", "1h"), "gets again")
	for range 2 {
		if id := <-got; !first[id] {
			t.Errorf("a replay delivers %s, which was not delivered before", id)
		}
	}
	wants(t, at("webhooks", "replay", id), "0 dead letters")
	if dead := at("webhooks", "dead", id); dead != "" {
		t.Errorf("dead letters: %s", dead)
	}
	for _, args := range [][]string{
		{"webhooks", "add", "https://10.0.0.1/hooks"},
		{"webhooks", "add", "https://shop.example", "--kinds", "order.eaten"},
		{"webhooks", "remove", "wh-none"},
		{"webhooks", "replay", "wh-none"},
		{"webhooks", "replay", id, "--since", "yesterday"},
	} {
		if _, err := engineRun(t, append(args, "--nats", s.NATS)...); err == nil {
			t.Errorf("%q succeeds", args)
		}
	}
	wants(t, at("webhooks", "remove", id), "is removed")
	wants(t, at("webhooks", "list"), "no endpoints: `engine webhooks add URL` makes one")
	s.stop()
	// The endpoint's secret is nowhere in the folder but sealed.
	plain := strings.TrimPrefix(secret, "whsec_")
	err = filepath.WalkDir(data, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), plain) {
			t.Errorf("%s has the endpoint's secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s = serveOn(t, data, "--no-notices")
	if _, err := engineRun(t, "webhooks", "list", "--nats", s.NATS); err == nil || !strings.Contains(err.Error(), "no-notices") {
		t.Errorf("without notices: %v", err)
	}
}

func TestTicketKeysAreRotated(t *testing.T) {
	t.Parallel()
	s := serveOn(t, newData(t))
	at := func(args ...string) string { return must(t, append(args, "--nats", s.NATS)...) }
	shop := connectTo(t, s)
	if _, err := shop.Create(within(t), "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	order := sell(t, shop, "e1", "b1")
	code := func() string {
		words := strings.Fields(at("ticket", "show", "--event", "e1", "--order", order.Id))
		return words[len(words)-1]
	}
	before := code()
	old := write(t, "old.json", at("ticket", "keys"))
	wants(t, at("ticket", "rotate"), "signs from now on")
	after := code()
	fresh := write(t, "fresh.json", at("ticket", "keys"))
	for _, one := range []string{before, after} {
		wants(t, must(t, "ticket", "verify", one, "--jwks", fresh), "VALID SIGNATURE")
	}
	wants(t, must(t, "ticket", "verify", before, "--jwks", old), "VALID SIGNATURE")
	if _, err := engineRun(t, "ticket", "verify", after, "--jwks", old); err == nil || !strings.Contains(err.Error(), "none of the 1 keys") {
		t.Errorf("a code of a key that the gate does not have: %v", err)
	}
}

func TestEvidenceOfAnOrder(t *testing.T) {
	t.Parallel()
	s := serveOn(t, newData(t))
	at := func(args ...string) string { return must(t, append(args, "--nats", s.NATS)...) }
	shop := connectTo(t, s)
	if _, err := shop.Create(within(t), "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	order := sell(t, shop, "e1", "b1")
	sell(t, shop, "e1", "b2")
	nc := natsOf(t, s.NATS)
	for verb, body := range map[string]string{
		"admit":  `{"request_id":"a1","ticket":"` + order.Tickets[0].Id + `","gate":"north"}`,
		"refund": `{"request_id":"f1","order":"` + order.Id + `","amount_minor":100,"reason":"goodwill"}`,
	} {
		answer, err := nc.RequestWithContext(within(t), "holdfast.v1.events.e1."+verb, []byte(body))
		if err != nil || strings.Contains(string(answer.Data), `"error"`) {
			t.Fatalf("%s: %v %s", verb, err, answer.Data)
		}
	}
	var e evidence
	if err := json.Unmarshal([]byte(at("order", "evidence", "--event", "e1", "--order", order.Id, "--json")), &e); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, f := range e.Facts {
		kinds = append(kinds, f.Kind)
		if strings.Contains(f.Text, "b2") {
			t.Errorf("a fact about somebody else: %+v", f)
		}
	}
	if e.Buyer != "b1" || e.Order.TotalMinor != order.TotalMinor || len(e.Tickets) != 1 || e.Tickets[0].Gate != "north" || e.Tickets[0].AdmittedAt == nil || len(e.Refunds) != 1 || e.Cut {
		t.Errorf("the evidence is %+v", e)
	}
	for _, kind := range []string{"held", "confirmed", "admitted", "refunding"} {
		if !strings.Contains(strings.Join(kinds, " "), kind) {
			t.Errorf("no fact %s among %q", kind, kinds)
		}
	}
	wants(t, at("order", "evidence", "--event", "e1", "--order", order.Id), "order "+order.Id+" of buyer b1", "paid outside", "admitted", "refund r1", "facts:")
	for _, args := range [][]string{{"order", "evidence", "--event", "e1"}, {"order", "evidence", "--event", "e1", "--order", "o99"}, {"order", "evidence", "--event", "none", "--order", "o1"}} {
		if _, err := engineRun(t, append(args, "--nats", s.NATS)...); err == nil {
			t.Errorf("%q succeeds", args)
		}
	}
}

func TestDeadLettersAreShownAndReplayed(t *testing.T) {
	t.Parallel()
	var works atomic.Bool
	shopSide := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !works.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer shopSide.Close()
	c := quietConfig(t)
	c.bounds.notices.loopback = true
	c.bounds.notices.pause = func(int) time.Duration { return time.Millisecond }
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	at := func(args ...string) string { return must(t, append(args, "--nats", p.natsURL)...) }
	id := strings.Fields(at("webhooks", "add", shopSide.URL))[1]
	shop := connectTo(t, &serving{readyLine: readyLine{NATS: p.natsURL}})
	if _, err := shop.Create(within(t), "e1", smallEvent(10)); err != nil {
		t.Fatal(err)
	}
	sell(t, shop, "e1", "b1")
	eventually(t, "both notices are dead letters", func() bool { return p.webhooks.Stats() == webhook.Stats{Failed: 2 * webhook.AttemptsMax, Dead: 2} })
	wants(t, at("webhooks", "dead", id), "_/e1/3", "10 attempts: it answered 503")
	if _, err := engineRun(t, "webhooks", "replay", id, "--nats", p.natsURL); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a replay to an endpoint that is down: %v", err)
	}
	works.Store(true)
	wants(t, at("webhooks", "replay", id), "2 dead letters delivered")
	if dead := at("webhooks", "dead", id); dead != "" {
		t.Errorf("what was delivered is still dead: %s", dead)
	}
}
