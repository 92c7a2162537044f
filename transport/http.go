package transport

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// HTTPListenDefault is where the HTTP side listens when nothing else is said.
const HTTPListenDefault = "127.0.0.1:8480"

// The bounds of the HTTP side, which serves scrapers, probes and a few people.
const (
	httpHeaderBytesMax = 16 << 10
	httpReadTimeout    = 5 * time.Second
	httpWriteTimeout   = 30 * time.Second // a scrape of 100,000 series takes a tenth of a second
	httpIdleTimeout    = 2 * time.Minute
	// httpTokenLenMin keeps a token from being guessed.
	httpTokenLenMin = 16
)

// HTTPConfig says how [ServeHTTP] listens and what it shows.
type HTTPConfig struct {
	// Listen is host:port; empty is [HTTPListenDefault], port 0 picks a free one. Anything but loopback needs a Token or TLS.
	Listen string
	// Token is what callers send as "Authorization: Bearer ...", 16 bytes or more; empty asks for none.
	Token string
	// CertFile and KeyFile turn TLS on. They are PEM files.
	CertFile, KeyFile string
	// Metrics writes the metrics in the Prometheus text format, for /metrics.
	Metrics func(io.Writer)
	// KeySet returns the public keys that verify the codes of an account's tickets, for /jwks.json; of the only account if none is named. They are no secret, so
	// no token is asked for them. Nil serves none.
	KeySet func(account string) ([]byte, error)
	// Ready says why the engine cannot serve, nil if it can, for /readyz.
	Ready func() error
	// Webhooks are posted to /webhooks/ and their name. No token is asked for, as their senders have none: each handler tells its sender by a signature.
	Webhooks map[string]http.HandlerFunc
	// Measurer answers for the figures below /api/v1/, and State says how the engine is; nil serves none.
	Measurer Measurer
	State    func() *State
	// Report makes reports of events, for /api/v1/report; nil makes none.
	Report Report
	// Lines knows the servers whose lines are shown, for /api/v1/line and /api/v1/line/entries; nil shows none.
	Lines *Watch
	// Page serves everything else: the dashboard; nil serves nothing else.
	Page http.Handler
	// Shop serves /shop/, the page of the demo; nil serves none.
	Shop http.Handler
}

func (c HTTPConfig) withDefaults() (HTTPConfig, error) {
	if c.Listen == "" {
		c.Listen = HTTPListenDefault
	}
	host, _, err := splitListen(c.Listen)
	if err != nil {
		return c, err
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return c, errors.New("TLS needs a certificate and its key: give both files")
	}
	if c.Token != "" && len(c.Token) < httpTokenLenMin {
		return c, fmt.Errorf("the token has %d bytes: use %d or more", len(c.Token), httpTokenLenMin)
	}
	if !isLoopback(host) && c.Token == "" && c.CertFile == "" {
		return c, fmt.Errorf("%s is reachable from other machines: give a token or a TLS certificate, or listen on 127.0.0.1", c.Listen)
	}
	if c.Metrics == nil || c.Ready == nil {
		return c, errors.New("the functions for metrics and readiness must be given")
	}
	if (c.Measurer == nil) != (c.State == nil) {
		return c, errors.New("whoever measures and the function for the engine's state must be given together")
	}
	return c, nil
}

// local reports whether nothing but the address keeps others out.
func (c *HTTPConfig) local() bool {
	host, _, err := splitListen(c.Listen)
	return err == nil && isLoopback(host) && c.Token == "" && c.CertFile == ""
}

// HTTPServer serves /metrics, /healthz, /readyz, the figures, the dashboard and webhooks.
type HTTPServer struct {
	server *http.Server
	url    string
	ended  chan struct{} // closed when nothing is served any more, and err says why
	err    error
}

// ServeHTTP starts the HTTP side and returns when it listens.
func ServeHTTP(c HTTPConfig) (*HTTPServer, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("serve HTTP: %w", err)
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("serve HTTP: listen on %s: %w", c.Listen, err)
	}
	scheme := "http"
	if c.CertFile != "" {
		certificate, err := keyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("serve HTTP: load the TLS certificate: %w", err), listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		})
		scheme = "https"
	}
	mux := routes(c)
	h := &HTTPServer{
		server: &http.Server{
			Handler: withWebhooks(c.Webhooks, withKeySet(c.KeySet, guard(c.Token, mux))), MaxHeaderBytes: httpHeaderBytesMax,
			ReadTimeout: httpReadTimeout, ReadHeaderTimeout: httpReadTimeout, WriteTimeout: httpWriteTimeout, IdleTimeout: httpIdleTimeout,
		},
		url:   scheme + "://" + listener.Addr().String(),
		ended: make(chan struct{}),
	}
	if c.Measurer != nil {
		figures := newKPIAPI(&c)
		mux.Handle(kpiPrefix, secured(c.local(), figures.routes()))
		h.server.RegisterOnShutdown(sync.OnceFunc(func() { close(figures.closing) })) // each Shutdown calls it
	}
	go func() {
		defer close(h.ended)
		h.err = h.server.Serve(listener)
	}()
	return h, nil
}

// URL is where the server listens, as in http://127.0.0.1:8480.
func (h *HTTPServer) URL() string { return h.url }

// Close stops taking requests and waits for those that are being answered, no longer than ctx. It may be called again.
func (h *HTTPServer) Close(ctx context.Context) error {
	err := h.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, h.server.Close())
	}
	if <-h.ended; !errors.Is(h.err, http.ErrServerClosed) {
		err = errors.Join(err, h.err)
	}
	if err != nil {
		return fmt.Errorf("close HTTP: %w", err)
	}
	return nil
}

func routes(c HTTPConfig) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", secured(c.local(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		c.Metrics(w)
	})))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := c.Ready(); err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		say(w, http.StatusOK, "ready")
	})
	if c.Shop != nil {
		mux.Handle("/shop/", c.Shop)
	}
	if c.Page != nil {
		mux.Handle("/", secured(c.local(), c.Page))
	}
	return mux
}

// withWebhooks puts webhooks beside what a token is asked for.
func withWebhooks(hooks map[string]http.HandlerFunc, next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	for name, hook := range hooks {
		mux.Handle("POST /webhooks/"+name, hook)
	}
	return mux
}

// say answers with a line of text.
func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the prober has gone: nothing to do
}

// withKeySet serves the public keys before anybody is asked for a token.
func withKeySet(keys func(account string) ([]byte, error), next http.Handler) http.Handler {
	if keys == nil {
		return next
	}
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("GET /jwks.json", func(w http.ResponseWriter, r *http.Request) {
		text, err := keys(r.URL.Query().Get("account"))
		if err != nil {
			say(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", "max-age=300")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(append(text, '\n')) // whoever asked has gone: nothing to do
	})
	return mux
}

// guard asks for the token, if there is one: as a bearer's, or as the password of basic authentication under any name, which is what a browser asks its user
// for and sends with all that a page loads. The hashes are compared, so that neither content nor length shows in the time it takes.
func guard(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, password, basic := r.BasicAuth(); basic {
			given, ok = password, true
		}
		have := sha256.Sum256([]byte(given))
		if !ok || subtle.ConstantTimeCompare(have[:], want[:]) != 1 {
			w.Header().Add("WWW-Authenticate", "Bearer")
			w.Header().Add("WWW-Authenticate", `Basic realm="holdfast: any name, the token as password"`)
			say(w, http.StatusUnauthorized, "a token is needed: send it as Authorization: Bearer ..., or as the password of basic authentication")
			return
		}
		next.ServeHTTP(w, r)
	})
}
