package transport

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// EmbeddedConfig says how an embedded NATS server listens and keeps.
type EmbeddedConfig struct {
	// Listen is host:port, port 0 picks a free one; empty is what ConfigFile says, else 127.0.0.1:4222. Anything but loopback is refused unless
	// ConfigFile has users and TLS.
	Listen string
	// ConfigFile is a configuration of NATS itself, with accounts, users, permissions, TLS and limits; empty is a server without users. What it
	// says of JetStream's place and syncing does not count.
	ConfigFile string
	// DataDir is the data folder; JetStream keeps its streams below it, in the folder jetstream. Empty turns JetStream off.
	DataDir string
	// ReadyWithin is how long the server may take to accept connections; 0 is 10 s.
	ReadyWithin time.Duration
	// Denied counts and notes what the server denies; nil notes nothing.
	Denied *Denied
}

// ListenDefault is where the embedded NATS server listens when nothing else is said.
const ListenDefault = "127.0.0.1:4222"

// Embedded starts a NATS server inside this process, with JetStream on and every write of it synced, and returns it with the URL to
// connect to. It handles no signals: the caller shuts it down, after its clients.
func Embedded(c EmbeddedConfig) (*natsserver.Server, string, error) {
	s, err := c.start()
	if err != nil {
		return nil, "", fmt.Errorf("embedded NATS server: %w", err)
	}
	return s, s.ClientURL(), nil
}

func (c EmbeddedConfig) start() (*natsserver.Server, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	if err := portFree(options.Host, options.Port); err != nil {
		return nil, err
	}
	if c.ReadyWithin == 0 {
		c.ReadyWithin = 10 * time.Second
	}
	s, err := natsserver.NewServer(options)
	if err != nil {
		return nil, err
	}
	if c.Denied != nil {
		s.SetLogger(natsLog{c.Denied}, false, false)
	}
	s.Start()
	if !s.ReadyForConnections(c.ReadyWithin) {
		s.Shutdown()
		return nil, fmt.Errorf("not listening on %s:%d after %v: is the port taken?", options.Host, options.Port, c.ReadyWithin)
	}
	return s, nil
}

// portFree says at once that a port is taken: the NATS server would only say, after a while, that it is not listening.
func portFree(host string, port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(max(port, 0))))
	if err != nil {
		return fmt.Errorf("%w; --listen names another address, and port 0 picks a free one", err)
	}
	return l.Close()
}

// ConnectEmbedded opens the connection that a [Server] answers on to an embedded NATS server. It goes through the listener, which is faster, or, if
// the server speaks TLS there, past it: who is in the same process needs no certificate. It still has to say who it is.
func ConnectEmbedded(s *natsserver.Server, a Access) (*nats.Conn, error) {
	a.CAFile, a.CertFile, a.KeyFile = "", "", ""
	options, err := a.Options(ListenDefault)
	if err != nil {
		return nil, err
	}
	host, tls := strings.CutPrefix(s.ClientURL(), "tls://")
	if tls {
		options = append(options, nats.InProcessServer(s))
		host = "nats://" + host
	}
	return Connect(host, options...)
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
