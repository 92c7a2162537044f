package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// The bounds of a request.
const (
	requestTimeout      = 15 * time.Second
	dialTimeout         = 5 * time.Second
	answerHeaderMax     = 16 << 10
	answerBytesRead     = 4 << 10 // then the connection is closed: nobody reads what an endpoint says
	idlePerHost         = 4
	idleTimeout         = 90 * time.Second
	addressesPerNameMax = 16
)

// resolver finds the addresses of a name.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// newClient makes the client of all endpoints. It resolves a name itself, refuses it if one of its addresses is inside the house, and dials the address that it has looked at:
// a name that points elsewhere a moment later changes nothing. It follows no redirect, uses no proxy, and speaks TLS 1.2 or later.
func newClient(c *Config) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs},
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  requestTimeout,
			MaxResponseHeaderBytes: answerHeaderMax,
			MaxIdleConnsPerHost:    idlePerHost,
			IdleConnTimeout:        idleTimeout,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				host, port, err := net.SplitHostPort(address)
				if err != nil {
					return nil, err
				}
				ip, err := resolve(ctx, c.Resolver, host, c.Loopback)
				if err != nil {
					return nil, err
				}
				return dialer.DialContext(ctx, network, net.JoinHostPort(ip.String(), port))
			},
		},
	}
}

// ErrInside says that a name or an address is inside the house.
var ErrInside = errors.New("it resolves to an address inside the house, which is never called")

// resolve returns an address that may be called.
func resolve(ctx context.Context, r resolver, host string, loopback bool) (netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		if !mayCall(ip, loopback) {
			return ip, ErrInside
		}
		return ip, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	found, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("its name does not resolve: %w", err)
	}
	if len(found) == 0 || len(found) > addressesPerNameMax {
		return netip.Addr{}, fmt.Errorf("its name resolves to %d addresses", len(found))
	}
	for _, ip := range found {
		if !mayCall(ip, loopback) {
			return ip, ErrInside // also beside good ones: who answers like that tries something
		}
	}
	return found[0].Unmap(), nil
}

// insides are the ranges that IsGlobalUnicast and IsPrivate do not know of.
var insides = func() (list []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}()

// mayCall reports whether an address is outside the house; with loopback, this machine's own too.
func mayCall(ip netip.Addr, loopback bool) bool {
	ip = ip.Unmap()
	if ip.IsLoopback() {
		return loopback
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.Zone() != "" {
		return false
	}
	for _, p := range insides {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}
