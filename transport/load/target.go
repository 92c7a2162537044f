package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport"
)

// ErrNotLoopback means that a host is, or may be, another machine than this one.
var ErrNotLoopback = errors.New("not loopback")

const dialTimeout = 2 * time.Second

// Connect connects to NATS for a load. With onlyLoopback the connection goes to this machine and nowhere else: whatever a host's name resolves to, and
// wherever the NATS server says that others of its cluster are, each address is looked at when it is dialled. The options come last and win.
func Connect(urls string, onlyLoopback bool, options ...nats.Option) (*nats.Conn, error) {
	all := []nats.Option{nats.Name("holdfast load")}
	if onlyLoopback {
		all = append(all, nats.SetCustomDialer(loopbackDialer{}))
	}
	return transport.Connect(urls, append(all, options...)...)
}

// Redacted is a list of URLs without their passwords, for people to read.
func Redacted(urls string) string {
	all := strings.Split(urls, ",")
	for i, text := range all {
		switch u, err := url.Parse(strings.TrimSpace(text)); {
		case err == nil && u.User != nil:
			all[i] = u.Redacted()
		case err != nil && strings.Contains(text, "@"):
			all[i] = "(a URL that cannot be read)"
		}
	}
	return strings.Join(all, ",")
}

// CheckLoopback returns [ErrNotLoopback] unless every host in a list of URLs, with commas between them, resolves to loopback addresses only.
func CheckLoopback(ctx context.Context, urls string) error {
	for text := range strings.SplitSeq(urls, ",") {
		text = strings.TrimSpace(text)
		if !strings.Contains(text, "://") {
			text = "nats://" + text
		}
		u, err := url.Parse(text)
		if err != nil {
			return fmt.Errorf("read the URL %q: %w", text, errors.Unwrap(err)) // the whole error would show a password
		}
		if u.Hostname() == "" {
			return fmt.Errorf("the URL %q names no host", u.Redacted())
		}
		if _, err := loopbackAddresses(ctx, u.Hostname()); err != nil {
			return err
		}
	}
	return nil
}

// loopbackAddresses resolves a host, to loopback addresses or to an error.
func loopbackAddresses(ctx context.Context, host string) ([]netip.Addr, error) {
	addresses := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		addresses = append(addresses, ip)
	} else if addresses, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host); err != nil {
		return nil, fmt.Errorf("find out where %s is: %w", host, err)
	}
	for _, ip := range addresses {
		if !ip.Unmap().IsLoopback() {
			return nil, fmt.Errorf("%s is at %s: %w", host, ip, ErrNotLoopback)
		}
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	return addresses, nil
}

type loopbackDialer struct{}

// Dial implements nats.CustomDialer.
func (loopbackDialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	return DialLoopback(ctx, network, address)
}

// DialLoopback connects to an address of this machine, or returns [ErrNotLoopback].
func DialLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	addresses, err := loopbackAddresses(ctx, host)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	var errs []error
	for _, ip := range addresses {
		c, err := d.DialContext(ctx, network, net.JoinHostPort(ip.String(), port))
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
