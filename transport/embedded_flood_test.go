package transport_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport"
)

// TestReaderThatDoesNotReadIsCutOff: what waits for one connection is bounded, and the others go on.
func TestReaderThatDoesNotReadIsCutOff(t *testing.T) {
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", ConfigFile: natsConfig(t, 0o600, "max_pending: 1MB\n")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	deaf, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	if _, err := io.WriteString(deaf, "CONNECT {\"verbose\":false}\r\nSUB flood 1\r\n"); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return s.NumSubscriptions() > 0 && s.NumClients() == 1 })
	caller, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer caller.Close()
	body := make([]byte, 256<<10)
	await(t, func() bool {
		for range 16 {
			if err := caller.Publish("flood", body); err != nil {
				t.Fatal(err)
			}
		}
		if err := caller.Flush(); err != nil {
			t.Fatal(err)
		}
		return s.NumSlowConsumers() > 0 && s.NumClients() == 1
	})
}

// TestHandshakesEnd: connections that begin TLS and do not finish are ended.
func TestHandshakesEnd(t *testing.T) {
	p := newPKI(t)
	url := embed(t, transport.EmbeddedConfig{Listen: "127.0.0.1:0", ConfigFile: natsConfig(t, 0o600, oneUser+fmt.Sprintf("tls { cert_file: %q, key_file: %q }\n", p.cert, p.key))})
	var half []net.Conn
	for i := range 200 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "tls://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			_, _ = io.WriteString(conn, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") // a hello that does not end
		}
		half = append(half, conn)
	}
	options, err := transport.Access{User: "shop", PasswordFile: secretFile(t, "canary-password", 0o600), CAFile: p.ca}.Options(url)
	if err != nil {
		t.Fatal(err)
	}
	honest, err := nats.Connect(url, append(options, nats.Timeout(patience))...)
	if err != nil {
		t.Fatalf("an honest caller meanwhile: %v", err)
	}
	honest.Close()
	for _, conn := range half {
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Fatal("a handshake that never ends is waited for")
		}
	}
}

func isTimeout(err error) bool {
	timeout, is := err.(net.Error) //nolint:errorlint // as io.Copy returns it
	return is && timeout.Timeout()
}
