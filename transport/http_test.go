package transport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/holdfast-engine/holdfast/transport"
)

func serveHTTP(t testing.TB, c transport.HTTPConfig) *transport.HTTPServer {
	t.Helper()
	if c.Metrics == nil {
		c.Metrics = func(w io.Writer) { _, _ = io.WriteString(w, "holdfast_up 1\n") }
	}
	if c.Ready == nil {
		c.Ready = func() error { return nil }
	}
	h, err := transport.ServeHTTP(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

// fetch gets a URL and returns the status and the body.
func fetch(t testing.TB, client *http.Client, url, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(within(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestHTTPShowsMetricsHealthAndReadiness(t *testing.T) {
	var broken atomic.Bool
	h := serveHTTP(t, transport.HTTPConfig{Listen: "127.0.0.1:0", Ready: func() error {
		if broken.Load() {
			return errors.New("the disk does not answer")
		}
		return nil
	}})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	check := func(path string, status int, body string) {
		t.Helper()
		if s, b := fetch(t, client, h.URL()+path, ""); s != status || !strings.Contains(b, body) {
			t.Errorf("%s: %d %q", path, s, b)
		}
	}
	check("/metrics", http.StatusOK, "holdfast_up 1")
	check("/healthz", http.StatusOK, "alive")
	check("/readyz", http.StatusOK, "ready")
	broken.Store(true)
	check("/readyz", http.StatusServiceUnavailable, "the disk does not answer")
	check("/healthz", http.StatusOK, "alive")
	check("/debug/pprof/", http.StatusNotFound, "")
}

func TestHTTPAsksForTheToken(t *testing.T) {
	const token = "0123456789abcdef"
	h := serveHTTP(t, transport.HTTPConfig{Listen: "127.0.0.1:0", Token: token})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for given, status := range map[string]int{"": 401, "0123456789abcdeg": 401, token + "x": 401, token: 200} {
		for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
			if s, _ := fetch(t, client, h.URL()+path, given); s != status {
				t.Errorf("%s with token %q: %d instead of %d", path, given, s, status)
			}
		}
	}
}

func TestHTTPSpeaksTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	h := serveHTTP(t, transport.HTTPConfig{Listen: "127.0.0.1:0", CertFile: cert, KeyFile: key})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	if s, b := fetch(t, client, h.URL()+"/healthz", ""); s != http.StatusOK || !strings.HasPrefix(h.URL(), "https://") {
		t.Errorf("%s: %d %q", h.URL(), s, b)
	}
}

// certificate makes a certificate for 127.0.0.1, trusted by the pool.
func certificate(t testing.TB) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pemCert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	err = errors.Join(
		os.WriteFile(certFile, pemCert, 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pemCert)
	return certFile, keyFile, pool
}

func TestHTTPIsNotOpenToOthersByAccident(t *testing.T) {
	write, ready := func(io.Writer) {}, func() error { return nil }
	for _, c := range []transport.HTTPConfig{
		{Listen: "0.0.0.0:0", Metrics: write, Ready: ready},
		{Listen: "[::]:0", Metrics: write, Ready: ready},
		{Listen: ":0", Metrics: write, Ready: ready},
		{Listen: "127.0.0.1", Metrics: write, Ready: ready},
		{Listen: "127.0.0.1:70000", Metrics: write, Ready: ready},
		{Listen: "127.0.0.1:0", Token: "short", Metrics: write, Ready: ready},
		{Listen: "127.0.0.1:0", CertFile: "cert.pem", Metrics: write, Ready: ready},
		{Listen: "127.0.0.1:0", CertFile: "no.pem", KeyFile: "no.pem", Metrics: write, Ready: ready},
		{Listen: "127.0.0.1:0"},
	} {
		if h, err := transport.ServeHTTP(c); err == nil {
			t.Errorf("%+v was taken", c)
			_ = h.Close(within(t))
		}
	}
	h := serveHTTP(t, transport.HTTPConfig{Listen: "0.0.0.0:0", Token: "0123456789abcdef"})
	if h.URL() == "" {
		t.Error("no URL")
	}
}

func TestEmbeddedServerIsOnlyForThisMachine(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", "[::]:0", ":4222", "4222", "192.0.2.1:0", "127.0.0.1:x"} {
		if s, _, err := transport.Embedded(transport.EmbeddedConfig{Listen: listen}); err == nil {
			t.Errorf("%s was taken", listen)
			s.Shutdown()
		}
	}
}

func TestEmbeddedServerKeepsStreamsInTheDataFolder(t *testing.T) {
	dir := t.TempDir()
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	js, err := jetstream.New(connect(t, url))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(within(t), jetstream.StreamConfig{Name: "notices", Subjects: []string{"notices.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(within(t), "notices.1", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "jetstream")); err != nil {
		t.Error(err)
	}
	if cfg := s.JetStreamConfig(); cfg == nil || !cfg.SyncAlways {
		t.Errorf("JetStream config %+v: writes are not synced", cfg)
	}
	if _, _, err := transport.Embedded(transport.EmbeddedConfig{Listen: strings.TrimPrefix(url, "nats://"), ReadyWithin: 100 * time.Millisecond}); err == nil {
		t.Error("a second server listens on the same port")
	}
}

func TestConnectSaysWhereNobodyIs(t *testing.T) {
	if _, err := transport.Connect("nats://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("error %v", err)
	}
}
