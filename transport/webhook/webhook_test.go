package webhook_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/notice"
	"github.com/holdfast-engine/holdfast/transport/webhook"
)

const patience = 30 * time.Second

// memorySafe is a vault that hides nothing.
type memorySafe struct {
	mu   sync.Mutex
	kept []byte
	err  error
}

func (s *memorySafe) ReadEndpoints(string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept, s.kept != nil, s.err
}

func (s *memorySafe) WriteEndpoints(_ string, plain []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.kept = plain
	}
	return s.err
}

// names is a resolver with a table.
type names map[string][]netip.Addr

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if found, ok := n[host]; ok {
		return found, nil
	}
	return nil, errors.New("no such host")
}

// bench is a NATS server with notices, and hooks over it.
type bench struct {
	t       *testing.T
	nc      *nats.Conn
	streams *notice.Streams
	safe    *memorySafe
	roots   *x509.CertPool
	names   names
	hooks   *webhook.Hooks
	n       int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	b := &bench{t: t, streams: notice.NewStreams(), safe: &memorySafe{}, roots: x509.NewCertPool(), names: names{}}
	if b.nc, err = transport.Connect(url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.nc.Close)
	if err := b.streams.Add("_", b.nc, true, notice.StreamConfig{}); err != nil {
		t.Fatal(err)
	}
	b.begin()
	return b
}

// begin starts hooks, as a process does.
func (b *bench) begin() {
	b.t.Helper()
	b.hooks = webhook.New(webhook.Config{
		Safe: b.safe, Streams: b.streams, Logger: slog.New(slog.DiscardHandler), Loopback: true, RootCAs: b.roots, Resolver: b.names,
		Pause: func(int) time.Duration { return time.Millisecond },
	})
	if err := b.hooks.Start("_"); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.end)
}

func (b *bench) end() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.hooks.Close(ctx); err != nil {
		b.t.Error(err)
	}
}

// publish keeps a notice, and returns its id.
func (b *bench) publish(kind notice.Kind) string {
	b.t.Helper()
	b.n++
	id := fmt.Sprintf("_/e1/%d", b.n)
	if err := b.streams.Publish(b.t.Context(), &notice.Notice{Account: "_", Event: "e1", Kind: kind, ID: id, Body: []byte(`{"id":"` + id + `"}`)}); err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *bench) add(url string, kinds ...string) (id, secret string) {
	b.t.Helper()
	id, secret, err := b.hooks.Add("_", url, kinds)
	if err != nil {
		b.t.Fatal(err)
	}
	return id, secret
}

func (b *bench) eventually(what string, holds func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("it never happened: %s; endpoints %+v", what, b.hooks.List(b.t.Context(), "_"))
		}
	}
}

// request is what an endpoint got.
type request struct {
	header http.Header
	body   string
}

// endpoint is a service that notes what it gets, and answers as it is told.
type endpoint struct {
	*httptest.Server
	mu  sync.Mutex
	got []request
}

func (b *bench) endpoint(answer http.HandlerFunc) *endpoint {
	b.t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			b.t.Error(err)
		}
		e.mu.Lock()
		e.got = append(e.got, request{r.Header.Clone(), string(body)})
		e.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	e.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	b.t.Cleanup(e.Close)
	b.roots.AddCert(e.Certificate())
	return e
}

func (e *endpoint) requests() []request {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.got)
}

// ids are those of the notices that the endpoint got, sorted.
func (e *endpoint) ids() []string {
	var ids []string
	for _, r := range e.requests() {
		ids = append(ids, r.header.Get("Webhook-Id"))
	}
	slices.Sort(ids)
	return ids
}

func TestNoticesAreDeliveredSigned(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	all, closed := b.endpoint(nil), b.endpoint(nil)
	before := b.publish(notice.EventClosed)
	_, secret := b.add(all.URL + "/hooks?token=canary")
	b.add(closed.URL, "event.closed")
	var want, ofKind []string
	for range 20 {
		want = append(want, b.publish(notice.OrderConfirmed))
	}
	ofKind = append(ofKind, b.publish(notice.EventClosed))
	want = append(want, ofKind...)
	slices.Sort(want)
	b.eventually("everything is delivered", func() bool { return len(all.requests()) >= len(want) && len(closed.requests()) > 0 })
	if got := all.ids(); !slices.Equal(got, want) || slices.Contains(got, before) {
		t.Fatalf("delivered %q, want %q", got, want)
	}
	if got := closed.ids(); !slices.Equal(got, ofKind) {
		t.Fatalf("one who wants event.closed gets %q", got)
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil || !strings.HasPrefix(secret, "whsec_") {
		t.Fatal(secret, err)
	}
	for _, r := range all.requests() {
		if err := verifier.Verify([]byte(r.body), r.header); err != nil || r.body != `{"id":"`+r.header.Get("Webhook-Id")+`"}` || r.header.Get("Content-Type") != "application/cloudevents+json" {
			t.Fatalf("%v: %+v", err, r)
		}
		if err := verifier.Verify([]byte(r.body+" "), r.header); err == nil {
			t.Fatal("a changed body verifies")
		}
	}
	if other := closed.requests()[0]; verifier.Verify([]byte(other.body), other.header) == nil {
		t.Fatal("two endpoints have one secret")
	}
	for _, v := range b.hooks.List(t.Context(), "_") {
		if text := fmt.Sprintf("%+v", v); strings.Contains(text, "whsec_") || strings.Contains(text, secret) || strings.Contains(text, "canary") {
			t.Errorf("a list shows a secret: %s", text)
		}
	}
}

func TestWhatFailsIsSentAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var mu sync.Mutex
	tries := map[string]int{}
	answers := []int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusFound, http.StatusNoContent}
	elsewhere := b.endpoint(nil)
	e := b.endpoint(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		id := r.Header.Get("Webhook-Id")
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(answers[tries[id]])
		tries[id]++
	})
	b.add(e.URL)
	for range 5 {
		b.publish(notice.OrderConfirmed)
	}
	b.eventually("all arrive in the end", func() bool { return b.hooks.Stats().Delivered == 5 })
	if n := len(e.requests()); n != 20 {
		t.Errorf("%d requests for 5 notices that succeed at the fourth attempt", n)
	}
	if len(elsewhere.requests()) != 0 {
		t.Error("a redirect was followed")
	}
	if v := b.hooks.List(t.Context(), "_")[0]; v.Failed != 15 {
		t.Errorf("%+v", v)
	}
}

func TestDeadLettersAreKeptAndCanBeRevived(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var mu sync.Mutex
	works := false
	e := b.endpoint(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !works {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	id, _ := b.add(e.URL)
	first, second := b.publish(notice.OrderConfirmed), b.publish(notice.TicketIssued)
	b.eventually("both are given up", func() bool { return b.hooks.Stats().Dead == 2 })
	if n := len(e.requests()); n != 2*webhook.AttemptsMax {
		t.Errorf("%d attempts for two notices", n)
	}
	dead, err := b.hooks.Dead(t.Context(), "_", id, 10)
	if err != nil || len(dead) != 2 || dead[0].Attempts != webhook.AttemptsMax || !strings.Contains(dead[0].Error, "500") {
		t.Fatalf("%+v, %v", dead, err)
	}
	if n, err := b.hooks.Revive(t.Context(), "_", id, 10); n != 0 || err == nil {
		t.Fatalf("%d revived by an endpoint that does not work: %v", n, err)
	}
	mu.Lock()
	works = true
	mu.Unlock()
	for _, want := range []int{1, 1, 0} {
		if n, err := b.hooks.Revive(t.Context(), "_", id, 1); n != want || err != nil {
			t.Fatalf("%d revived, want %d: %v", n, want, err)
		}
	}
	if dead, err = b.hooks.Dead(t.Context(), "_", id, 10); err != nil || len(dead) != 0 {
		t.Fatalf("%+v, %v", dead, err)
	}
	last := e.requests()[len(e.requests())-2:]
	if got := []string{last[0].header.Get("Webhook-Id"), last[1].header.Get("Webhook-Id")}; !slices.Contains(got, first) || !slices.Contains(got, second) {
		t.Fatalf("revived %q", got)
	}
}

func TestASlowEndpointHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	release := make(chan struct{})
	slow := b.endpoint(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	endless := b.endpoint(func(w http.ResponseWriter, r *http.Request) {
		junk := make([]byte, 1<<16)
		for r.Context().Err() == nil {
			if _, err := w.Write(junk); err != nil {
				return
			}
		}
	})
	good := b.endpoint(nil)
	for _, e := range []*endpoint{slow, endless, good} {
		b.add(e.URL)
	}
	const many = 3 * webhook.AtOnceMax
	for range many {
		b.publish(notice.OrderConfirmed)
	}
	b.eventually("the others get everything", func() bool { return len(good.requests()) == many && len(endless.requests()) == many })
	b.eventually("the slow one has as much in hand as it may", func() bool { return len(slow.requests()) == webhook.AtOnceMax })
	for _, v := range b.hooks.List(t.Context(), "_") {
		if v.Host == slow.URL && v.Waiting != many {
			t.Errorf("%+v: %d wait", v, many)
		}
	}
}

func TestAddressesInsideTheHouseAreNeverCalled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(nil)
	port := e.URL[strings.LastIndex(e.URL, ":"):]
	for name, ips := range map[string][]string{
		"metadata.example": {"169.254.169.254"}, "lan.example": {"10.1.2.3"}, "mixed.example": {"127.0.0.1", "192.168.0.1"}, "mapped.example": {"::ffff:10.0.0.1"},
		"nat64.example": {"64:ff9b::a00:1"}, "none.example": {}, "crowd.example": slices.Repeat([]string{"127.0.0.1"}, 17),
	} {
		b.names[name] = []netip.Addr{}
		for _, ip := range ips {
			b.names[name] = append(b.names[name], netip.MustParseAddr(ip))
		}
		b.add("https://" + name + port)
	}
	b.add("https://unknown.example" + port)
	b.publish(notice.OrderConfirmed)
	b.eventually("all are given up", func() bool { return b.hooks.Stats().Dead == 8 })
	if n := len(e.requests()); n != 0 {
		t.Fatalf("%d requests went to an address inside the house", n)
	}
	for _, v := range b.hooks.List(t.Context(), "_") {
		if v.Delivered != 0 || !strings.Contains(v.Error, "inside the house") && !strings.Contains(v.Error, "resolve") {
			t.Errorf("%+v", v)
		}
	}
}

func TestAnEndpointMustSpeakTLSThatIsGoodEnough(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10} //nolint:gosec // that is what must not be spoken
	old.StartTLS()
	t.Cleanup(old.Close)
	b.roots.AddCert(old.Certificate())
	stranger := httptest.NewTLSServer(http.NotFoundHandler()) // whose certificate is as good as any test's: another name is asked for
	stranger.Config.ErrorLog = old.Config.ErrorLog
	t.Cleanup(stranger.Close)
	b.names["shop.test"] = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	b.add(old.URL)
	b.add("https://shop.test" + stranger.URL[strings.LastIndex(stranger.URL, ":"):])
	b.publish(notice.OrderConfirmed)
	b.eventually("both are given up", func() bool { return b.hooks.Stats().Dead == 2 })
	for i, want := range []string{"protocol version", "certificate"} {
		if v := b.hooks.List(t.Context(), "_")[i]; !strings.Contains(v.Error, want) {
			t.Errorf("%+v, want %q", v, want)
		}
	}
}

func TestURLsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	strict := webhook.New(webhook.Config{Safe: &memorySafe{}, Streams: b.streams, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = strict.Close(context.Background()) })
	for _, url := range []string{
		"", "shop.example", "http://shop.example", "ftp://shop.example", "https://", "https:///x", "https://user:secret@shop.example", "https://shop.example/#x", "https:shop.example",
		"https://127.0.0.1", "https://[::1]/", "https://10.0.0.1", "https://192.168.1.1", "https://172.16.0.1", "https://169.254.169.254/latest/meta-data", "https://0.0.0.0",
		"https://100.64.0.1", "https://[fd00::1]", "https://[fe80::1]", "https://[::ffff:127.0.0.1]", "https://224.0.0.1", "https://255.255.255.255", "http://127.0.0.1",
		"https://[64:ff9b::7f00:1]", "https://[2002:7f00:1::]", "https://[::127.0.0.1]", "https://shop.example/" + strings.Repeat("x", webhook.URLBytesMax),
	} {
		if _, _, err := strict.Add("_", url, nil); !errors.Is(err, webhook.ErrInvalid) {
			t.Errorf("%.60q is taken: %v", url, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
	if _, _, err := strict.Add("_", "https://shop.example", []string{"order.eaten"}); !errors.Is(err, webhook.ErrInvalid) {
		t.Errorf("a kind that there is not is taken: %v", err)
	}
	for range webhook.EndpointsMax {
		if _, _, err := strict.Add("_", "https://shop.example/hooks", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := strict.Add("_", "https://shop.example/hooks", nil); !errors.Is(err, webhook.ErrInvalid) {
		t.Errorf("one endpoint too many: %v", err)
	}
}

func TestEndpointsLastAcrossStarts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(nil)
	id, _ := b.add(e.URL)
	first := b.publish(notice.OrderConfirmed)
	b.eventually("the first is delivered", func() bool { return b.hooks.Stats().Delivered == 1 })
	b.end()
	second := b.publish(notice.OrderConfirmed)
	b.begin()
	b.eventually("the second is delivered", func() bool { return len(e.requests()) == 2 })
	if got := e.ids(); !slices.Equal(got, []string{first, second}) {
		t.Fatalf("delivered %q", got)
	}
	if err := b.hooks.Replay(t.Context(), "_", id, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.eventually("both are delivered again", func() bool { return len(e.requests()) == 4 })
	if got := e.ids(); !slices.Equal(got, []string{first, first, second, second}) {
		t.Fatalf("delivered %q", got)
	}
	if err := b.hooks.Remove(t.Context(), "_", id); err != nil {
		t.Fatal(err)
	}
	b.publish(notice.OrderConfirmed)
	js, err := jetstream.New(b.nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), notice.Stream)
	if err != nil || s.CachedInfo().State.Consumers != 0 {
		t.Fatalf("%+v, %v: an endpoint that was removed has a consumer", s.CachedInfo().State, err)
	}
	for _, err := range []error{b.hooks.Remove(t.Context(), "_", id), b.hooks.Replay(t.Context(), "_", id, time.Now())} {
		if !errors.Is(err, webhook.ErrNone) {
			t.Error(err)
		}
	}
	if _, err := b.hooks.Revive(t.Context(), "_", id, 1); !errors.Is(err, webhook.ErrNone) {
		t.Error(err)
	}
	b.end()
	b.begin()
	if list := b.hooks.List(t.Context(), "_"); len(list) != 0 || len(e.requests()) != 4 {
		t.Fatalf("%+v", list)
	}
}

func TestAnEndpointThatCannotBeKeptIsNotMade(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.safe.err = errors.New("no disk")
	if _, _, err := b.hooks.Add("_", "https://shop.example", nil); err == nil || len(b.hooks.List(t.Context(), "_")) != 0 {
		t.Fatal(err)
	}
	if err := b.hooks.Start("_"); err == nil || !strings.Contains(err.Error(), "no disk") {
		t.Fatal(err)
	}
	b.safe.err, b.safe.kept = nil, []byte("{")
	if err := b.hooks.Start("_"); err == nil {
		t.Fatal("endpoints that cannot be read are taken for none")
	}
}

func TestDeadLettersAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	e := b.endpoint(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	id, _ := b.add(e.URL)
	b.publish(notice.OrderConfirmed)
	b.eventually("the first is given up", func() bool { return b.hooks.Stats().Dead == 1 })
	js, err := jetstream.New(b.nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), webhook.DeadStream)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.CachedInfo().Config; c.MaxMsgsPerSubject != webhook.DeadLettersMax || c.MaxBytes != webhook.DeadBytesMax || c.MaxAge == 0 {
		t.Errorf("the stream of dead letters is %+v", c)
	}
	small := s.CachedInfo().Config // the same with a bound that a test can fill
	small.MaxMsgsPerSubject = 2 * webhook.DeadShownMax
	if _, err := js.UpdateStream(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	for i := range 2*webhook.DeadShownMax + 10 {
		if _, err := js.PublishAsync("holdfast.v1.dead."+id, []byte("{}")); err != nil {
			t.Fatal(i, err)
		}
	}
	<-js.PublishAsyncComplete()
	if info, err := s.Info(t.Context()); err != nil || info.State.Msgs != 2*webhook.DeadShownMax {
		t.Errorf("%+v, %v", info.State, err)
	}
	if dead, err := b.hooks.Dead(t.Context(), "_", id, 1<<20); err != nil || len(dead) != webhook.DeadShownMax {
		t.Errorf("%d dead letters are shown, %v", len(dead), err)
	}
}

// TestErrorsDoNotShowTheAddress has endpoints whose address is written otherwise than net/http writes it in its errors: what may be a secret in it is in none.
func TestErrorsDoNotShowTheAddress(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	addresses := []string{"HTTPS://unknown.example/canary", "https://unknown.example/sch\u00f6n/canary", "https://unknown.example/?key=canary"}
	for _, a := range addresses {
		b.add(a)
	}
	b.publish(notice.OrderConfirmed)
	b.eventually("all are given up", func() bool { return b.hooks.Stats().Dead == uint64(len(addresses)) })
	for _, v := range b.hooks.List(t.Context(), "_") {
		dead, err := b.hooks.Dead(t.Context(), "_", v.ID, 10)
		if err != nil || len(dead) != 1 || !strings.Contains(dead[0].Error, "resolve") {
			t.Errorf("%+v, %v", dead, err)
		}
		if text := fmt.Sprintf("%+v %+v", v.Error, dead); strings.Contains(text, "canary") {
			t.Errorf("an error shows a secret: %s", v.Error)
		}
	}
}
