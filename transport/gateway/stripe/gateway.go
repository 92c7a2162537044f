package stripe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Name is how methods name the gateway.
const Name = "stripe"

// APIVersion is the version of Stripe's API that requests are pinned to, and that webhook endpoints have to be made with.
const APIVersion = "2026-03-25.dahlia"

// BaseDefault is where Stripe answers.
const BaseDefault = "https://api.stripe.com"

const (
	// timeoutDefault is how long a call waits for its answer: Stripe's own client libraries wait 80 s, the lane no longer than this.
	timeoutDefault = 30 * time.Second
	dialTimeout    = 5 * time.Second
	// answerBytesMax is the longest answer that is read: a page of 100 charges is below 400 KiB.
	answerBytesMax = 2 << 20
	connectionsMax = 64
)

// Config says how to reach Stripe.
type Config struct {
	// Key is the secret or restricted key of the account: sk_... or rk_.... It goes into one header and nowhere else.
	Key string
	// Base is where Stripe answers; empty is BaseDefault. It must be https, or http on loopback, as in tests.
	Base string
	// Timeout bounds a call; 0 is 30 s.
	Timeout time.Duration
	// Roots are the authorities that the server's certificate may be of; nil is the system's.
	Roots *x509.CertPool
}

// Gateway charges through one account at Stripe. It is safe for concurrent use.
type Gateway struct {
	key     string
	timeout time.Duration
	backend stripego.RawRequestBackend
	client  *http.Client
}

// New returns the gateway. It does not connect yet. Errors never hold the key.
func New(c Config) (*Gateway, error) {
	if err := checkKey(c.Key); err != nil {
		return nil, err
	}
	if c.Base == "" {
		c.Base = BaseDefault
	}
	base, err := url.Parse(c.Base)
	if err != nil || base.Host == "" || base.User != nil || base.Path != "" || base.RawQuery != "" {
		return nil, errors.New("stripe's address must be like " + BaseDefault)
	}
	if base.Scheme != "https" && (base.Scheme != "http" || !isLoopback(base.Hostname())) {
		return nil, errors.New("stripe is spoken to over https only")
	}
	if c.Timeout <= 0 {
		c.Timeout = timeoutDefault
	}
	client := &http.Client{
		Transport: &guard{next: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
			TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true, MaxConnsPerHost: connectionsMax, MaxIdleConnsPerHost: connectionsMax,
			IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	backend := stripego.GetBackendWithConfig(stripego.APIBackend, &stripego.BackendConfig{
		URL: stripego.String(c.Base), HTTPClient: client, MaxNetworkRetries: stripego.Int64(0), EnableTelemetry: stripego.Bool(false),
		LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull}, // what it would log has details of requests
	})
	raw, ok := backend.(stripego.RawRequestBackend)
	if !ok {
		return nil, fmt.Errorf("stripe-go's backend %T does not take raw requests any more", backend)
	}
	return &Gateway{key: c.Key, timeout: c.Timeout, backend: raw, client: client}, nil
}

// Close lets go of idle connections.
func (g *Gateway) Close() { g.client.CloseIdleConnections() }

// Name is how methods name the gateway.
func (*Gateway) Name() string { return Name }

// Capabilities says what can be done with a kind of method. Delayed debits can be saved, and are refused.
func (*Gateway) Capabilities(k payment.MethodKind) payment.Capabilities {
	switch k {
	case payment.MethodCard, payment.MethodWallet:
		return payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable
	case payment.MethodRedirect:
		return payment.Instant | payment.Redirect
	case payment.MethodDelayedDebit:
		return payment.Reusable
	}
	return 0
}

// checkKey refuses what cannot be a secret key: above all a publishable one.
func checkKey(key string) error {
	switch {
	case strings.HasPrefix(key, "pk_"):
		return errors.New("this is a publishable key of Stripe: the engine needs a secret or a restricted one, sk_... or rk_...: see its dashboard")
	case !strings.HasPrefix(key, "sk_") && !strings.HasPrefix(key, "rk_"), strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("this is no secret key of Stripe: it begins with sk_ or rk_ and has no spaces")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
