package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/holdfast-engine/holdfast/transport/notice"
)

// The bounds of endpoints.
const (
	// EndpointsMax is how many endpoints an account may have: each costs a consumer and a few goroutines.
	EndpointsMax = 16
	// URLBytesMax is the longest URL of an endpoint.
	URLBytesMax = 1024
	// secretBytes is the length of a secret, as Standard Webhooks advises.
	secretBytes = 32
)

// Endpoint is a service that notices are delivered to.
type Endpoint struct {
	ID     string    `json:"id"`
	URL    string    `json:"url"`
	Secret string    `json:"secret"`          // whsec_ and base64
	Kinds  []string  `json:"kinds,omitempty"` // of notices; empty is all
	Made   time.Time `json:"made"`
	Since  time.Time `json:"since"` // deliver what was published from then on
	Round  int       `json:"round"` // of its consumer: a replay begins another one
}

// Safe keeps the endpoints of accounts with their secrets, sealed. It is what [Hooks] need from the vault.
type Safe interface {
	// ReadEndpoints returns what WriteEndpoints kept last, or nothing.
	ReadEndpoints(account string) ([]byte, bool, error)
	// WriteEndpoints returns when plain is durable, in place of what was there.
	WriteEndpoints(account string, plain []byte) error
}

// ErrInvalid says that an endpoint cannot be what was asked for. The text says why.
var ErrInvalid = errors.New("invalid")

// newEndpoint makes an endpoint of what an operator asks for.
func newEndpoint(address string, kinds []string, now time.Time, loopback bool) (Endpoint, error) {
	if err := checkURL(address, loopback); err != nil {
		return Endpoint{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	for _, k := range kinds {
		if !slices.Contains(notice.Kinds(), notice.Kind(k)) {
			return Endpoint{}, fmt.Errorf("%w: there are no notices of kind %q: docs/notices.md lists them", ErrInvalid, k)
		}
	}
	var secret [secretBytes]byte
	var id [6]byte
	_, _ = rand.Read(secret[:]) // it never fails: see its documentation
	_, _ = rand.Read(id[:])
	return Endpoint{
		ID: "wh-" + hex.EncodeToString(id[:]), URL: address, Secret: "whsec_" + base64.StdEncoding.EncodeToString(secret[:]), Kinds: slices.Clone(kinds), Made: now, Since: now,
	}, nil
}

// checkURL refuses what is never called. What its name resolves to is looked at with every call.
func checkURL(address string, loopback bool) error {
	if len(address) > URLBytesMax {
		return fmt.Errorf("the URL has %d bytes and may have %d", len(address), URLBytesMax)
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("this is no URL")
	case u.User != nil:
		return errors.New("the URL holds a user or a password: leave it out, requests are signed")
	case u.Fragment != "" || u.Opaque != "" || u.Hostname() == "":
		return errors.New("use a URL like https://shop.example/hooks")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback || !isLoopback(u.Hostname())):
		return errors.New("the URL must begin with https://")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && !mayCall(ip, loopback) {
		return fmt.Errorf("%s is an address inside the house: endpoints must be reachable from outside", ip)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// hostOf is what of a URL may be shown: its path may hold a secret.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// filters are the subjects of an endpoint's notices.
func (e *Endpoint) filters() []string {
	if len(e.Kinds) == 0 {
		return []string{notice.Subjects}
	}
	var subjects []string
	for _, k := range e.Kinds {
		subjects = append(subjects, notice.SubjectPrefix+"*."+k)
	}
	return subjects
}

// consumer is the name of the endpoint's consumer.
func (e *Endpoint) consumer() string {
	if e.Round == 0 {
		return "webhook-" + e.ID
	}
	return fmt.Sprintf("webhook-%s-%d", e.ID, e.Round)
}

func readEndpoints(s Safe, account string) ([]Endpoint, error) {
	plain, there, err := s.ReadEndpoints(account)
	if err != nil || !there {
		return nil, err
	}
	var list []Endpoint
	if err := json.Unmarshal(plain, &list); err != nil {
		return nil, fmt.Errorf("the endpoints of account %s cannot be read: the vault holds something else there", account)
	}
	return list, nil
}

// withoutAddress is what an error of net/http says behind the URL, which may hold a secret and is not always written there as it was given.
func withoutAddress(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
