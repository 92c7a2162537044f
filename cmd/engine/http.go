package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/dashboard"
	"github.com/holdfast-engine/holdfast/transport/gateway/stripe"
)

// httpAccess says who may look at the HTTP side. Beyond loopback it needs a token or TLS.
type httpAccess struct {
	tokenFile string
	certFile  string
	keyFile   string
}

func (a *httpAccess) addTo(f *pflag.FlagSet) {
	f.StringVar(&a.tokenFile, "http-token-file", "", "file with a token of 16 bytes or more, mode 0600, which callers of the HTTP side must send as Authorization: Bearer")
	f.StringVar(&a.certFile, "http-cert", "", "PEM file with a certificate, for TLS on the HTTP side; with --http-key")
	f.StringVar(&a.keyFile, "http-key", "", "PEM file with the certificate's key, mode 0600")
}

// token reads the token, which is kept out of arguments and environments because others can read those.
func (a *httpAccess) token() (string, error) {
	if a.tokenFile == "" {
		return "", nil
	}
	text, err := transport.SecretFile(a.tokenFile)
	if err != nil {
		return "", fmt.Errorf("read --http-token-file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", fmt.Errorf("--http-token-file %s is empty: put a token of 16 bytes or more into it", a.tokenFile)
	}
	return token, nil
}

// startHTTP starts the HTTP side. It is the first part to start and the last to close, so that probes see how far the others are.
func (p *process) startHTTP(context.Context) error {
	token, err := p.config.httpAccess.token()
	if err != nil {
		return err
	}
	page, err := dashboard.New()
	if err != nil {
		return fmt.Errorf("read the dashboard: %w", err)
	}
	h, err := transport.ServeHTTP(transport.HTTPConfig{
		Listen: p.config.http, Token: token, CertFile: p.config.httpAccess.certFile, KeyFile: p.config.httpAccess.keyFile,
		Ready: p.ready, KeySet: p.keySet, Webhooks: map[string]http.HandlerFunc{stripe.Name: p.serveHook}, Shop: p.config.shop,
		Measurer: &p.figures, State: p.showState, Report: p.report, Lines: &p.watch, Page: page,
		Metrics: func(w io.Writer) {
			if m := p.metrics.Load(); m != nil { // nil until the node has started
				m.WriteText(w)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("%w; --http names another address, and port 0 picks a free one", err)
	}
	p.httpURL = h.URL()
	p.onClose("the HTTP side", h.Close)
	return nil
}
