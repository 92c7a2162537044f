package transport

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// EmbeddedConfig says how an embedded NATS server listens and keeps.
type EmbeddedConfig struct {
	// Listen is host:port; empty is 127.0.0.1:4222, port 0 picks a free one. Anything but loopback is refused without TLS and users:
	// use a NATS server of your own for that.
	Listen string
	// DataDir is the data folder; JetStream keeps its streams below it, in the folder jetstream. Empty turns JetStream off.
	DataDir string
	// ReadyWithin is how long the server may take to accept connections; 0 is 10 s.
	ReadyWithin time.Duration
}

// ListenDefault is where the embedded NATS server listens when nothing else is said.
const ListenDefault = "127.0.0.1:4222"

// The limits of the embedded server.
const (
	embeddedPayloadBytesMax = 1 << 20
	// embeddedControlLineBytesMax is plenty for two ids in a subject and an inbox.
	embeddedControlLineBytesMax = 1024
	// embeddedPendingBytesMax is what the server keeps for a connection that does not read. The engine's own connection carries everybody's
	// commands: less would cut it off in a burst that the in-flight bounds are there to answer.
	embeddedPendingBytesMax = 64 << 20
	embeddedWriteDeadline   = 2 * time.Second
	embeddedPingInterval    = 20 * time.Second
	embeddedPingsOutMax     = 2
)

// Embedded starts a NATS server inside this process, with JetStream on and every write of it synced, and returns it with the URL to
// connect to. It handles no signals: the caller shuts it down, after its clients.
func Embedded(c EmbeddedConfig) (*natsserver.Server, string, error) {
	if c.Listen == "" {
		c.Listen = ListenDefault
	}
	host, port, err := splitListen(c.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("embedded NATS server: %w", err)
	}
	if !isLoopback(host) {
		return nil, "", fmt.Errorf("embedded NATS server: %s is not loopback, and the embedded server has no users and no TLS: "+
			"listen on 127.0.0.1, or run a NATS server of your own and name it with --nats", c.Listen)
	}
	if c.ReadyWithin == 0 {
		c.ReadyWithin = 10 * time.Second
	}
	if port == 0 {
		port = natsserver.RANDOM_PORT
	}
	options := &natsserver.Options{
		ServerName: "holdfast", Host: host, Port: port,
		NoSigs: true, NoLog: true,
		MaxPayload: embeddedPayloadBytesMax, MaxControlLine: embeddedControlLineBytesMax, MaxPending: embeddedPendingBytesMax,
		WriteDeadline: embeddedWriteDeadline, PingInterval: embeddedPingInterval, MaxPingsOut: embeddedPingsOutMax,
	}
	if c.DataDir != "" {
		options.JetStream = true
		options.StoreDir = filepath.Join(c.DataDir, "jetstream")
		options.SyncAlways = true // an acknowledged message survives a power cut
	}
	s, err := natsserver.NewServer(options)
	if err != nil {
		return nil, "", fmt.Errorf("embedded NATS server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(c.ReadyWithin) {
		s.Shutdown()
		return nil, "", fmt.Errorf("embedded NATS server: not listening on %s after %v: is the port taken?", c.Listen, c.ReadyWithin)
	}
	return s, s.ClientURL(), nil
}

// splitListen takes host:port apart.
func splitListen(listen string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: use host:port: %w", listen, err)
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen address %q: the port must be 0 to 65535", listen)
	}
	if host == "" {
		return "", 0, errors.New("listen address without a host would listen everywhere: write 127.0.0.1 or 0.0.0.0 before the port")
	}
	return host, port, nil
}

// isLoopback reports whether only this machine can reach host.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
