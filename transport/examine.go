package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
)

// NATSFacts is what can be found out about a NATS system from one connection to it. What needs more rights than the connection has is left out.
type NATSFacts struct {
	URL          string // as it was given, without what comes before an @
	Version      string
	RoundTrip    time.Duration
	MaxPayload   int64
	AuthRequired bool
	TLS          bool // the connection is encrypted
	Loopback     bool // the server is on this machine
	JetStream    bool // on, for this account
	Cluster      string

	// From the server's own account ($SYS); Known is false for others.
	Known        bool
	MaxPending   int64         // bytes that may wait for a slow consumer
	SyncInterval time.Duration // how long JetStream keeps data from the disk; meaningless with SyncAlways
	SyncAlways   bool
}

// Examine connects to a NATS system and finds out what there is to know, within a few seconds.
func Examine(ctx context.Context, at string, options ...nats.Option) (NATSFacts, error) {
	facts := NATSFacts{URL: at}
	if u, err := url.Parse(at); err == nil {
		facts.URL = u.Redacted()
		if u.User != nil {
			u.User = nil
			facts.URL = u.String()
		}
		ip := net.ParseIP(u.Hostname())
		facts.Loopback = u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	}
	nc, err := nats.Connect(at, append([]nats.Option{nats.Name("holdfast doctor"), nats.NoReconnect(), nats.Timeout(3 * time.Second)}, options...)...)
	if err != nil {
		return facts, fmt.Errorf("connect to NATS at %s: %w", facts.URL, err)
	}
	defer nc.Close()
	if facts.RoundTrip, err = nc.RTT(); err != nil {
		return facts, fmt.Errorf("ask the NATS server at %s for an answer: %w", facts.URL, err)
	}
	facts.Version, facts.Cluster = nc.ConnectedServerVersion(), nc.ConnectedClusterName()
	facts.MaxPayload, facts.AuthRequired = nc.MaxPayload(), nc.AuthRequired()
	if state, err := nc.TLSConnectionState(); err == nil {
		facts.TLS = state.HandshakeComplete
	}
	facts.JetStream = jetStreamOn(ctx, nc)
	facts.askServer(ctx, nc)
	return facts, nil
}

// jetStreamOn reports whether the account may use JetStream.
func jetStreamOn(ctx context.Context, nc *nats.Conn) bool {
	answer, err := ask(ctx, nc, "$JS.API.INFO")
	if err != nil {
		return false
	}
	var info struct {
		Error *struct{} `json:"error"`
	}
	return json.Unmarshal(answer, &info) == nil && info.Error == nil
}

// askServer reads settings that only the system account may see.
func (f *NATSFacts) askServer(ctx context.Context, nc *nats.Conn) {
	answer, err := ask(ctx, nc, "$SYS.REQ.SERVER.PING.VARZ")
	if err != nil {
		return
	}
	var varz struct {
		Data struct {
			MaxPending int64 `json:"max_pending"`
			JetStream  struct {
				Config *struct {
					SyncInterval time.Duration `json:"sync_interval"`
					SyncAlways   bool          `json:"sync_always"`
				} `json:"config"`
			} `json:"jetstream"`
		} `json:"data"`
	}
	if json.Unmarshal(answer, &varz) != nil {
		return
	}
	f.Known, f.MaxPending = true, varz.Data.MaxPending
	if c := varz.Data.JetStream.Config; c != nil {
		f.SyncInterval, f.SyncAlways = c.SyncInterval, c.SyncAlways
	}
}

// ask waits a moment for the first answer. A server that does not allow the question never answers.
func ask(ctx context.Context, nc *nats.Conn, subject string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, nil)
	if err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	return m.Data, nil
}
