package transport_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// pki is a small authority of a test: files in PEM.
type pki struct {
	ca, cert, key             string // of the server, for 127.0.0.1
	clientCert, clientKey     string
	strangerCert, strangerKey string // of another authority
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	dir := t.TempDir()
	put := func(name, kind string, der []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	serial := int64(0)
	issue := func(name string, template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, string, string) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if by == nil {
			parent, by = template, key
		}
		serial++
		template.SerialNumber, template.Subject = big.NewInt(serial), pkix.Name{CommonName: name}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		keyDER, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key, put(name+".pem", "CERTIFICATE", der), put(name+".key", "EC PRIVATE KEY", keyDER)
	}
	authority := func() *x509.Certificate {
		return &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	}
	leaf := func(use x509.ExtKeyUsage) *x509.Certificate {
		return &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{use}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	}
	var p pki
	ca, caKey, caFile, _ := issue("ca", authority(), nil, nil)
	other, otherKey, _, _ := issue("other", authority(), nil, nil)
	p.ca = caFile
	_, _, p.cert, p.key = issue("server", leaf(x509.ExtKeyUsageServerAuth), ca, caKey)
	_, _, p.clientCert, p.clientKey = issue("client", leaf(x509.ExtKeyUsageClientAuth), ca, caKey)
	_, _, p.strangerCert, p.strangerKey = issue("stranger", leaf(x509.ExtKeyUsageClientAuth), other, otherKey)
	return &p
}

// natsConfig writes a configuration for the embedded server.
func natsConfig(t *testing.T, mode os.FileMode, text string) string {
	t.Helper()
	return secretFile(t, text, mode)
}

// embed starts an embedded server that the test stops.
func embed(t *testing.T, c transport.EmbeddedConfig) string {
	t.Helper()
	s, url, err := transport.Embedded(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return url
}

const oneUser = `authorization { users: [ {user: shop, password: canary-password} ] }` + "\n"

func TestEmbeddedServerIsNotLeftOpen(t *testing.T) {
	p := newPKI(t)
	tlsBlock := fmt.Sprintf("tls { cert_file: %q, key_file: %q }\n", p.cert, p.key)
	openKey := filepath.Join(t.TempDir(), "open.key")
	text, err := os.ReadFile(p.key)
	if err == nil {
		err = os.WriteFile(openKey, text, 0o644) //nolint:gosec // this is what must be refused
	}
	if err != nil {
		t.Fatal(err)
	}
	const everywhere, here = "0.0.0.0:0", "127.0.0.1:0"
	for name, c := range map[string]struct {
		listen, config string
		mode           os.FileMode
		wants          string
	}{
		"everywhere without anything":            {everywhere, "", 0, "both users and TLS"},
		"everywhere without TLS":                 {everywhere, oneUser, 0o600, "both users and TLS"},
		"everywhere without users":               {everywhere, tlsBlock, 0o600, "both users and TLS"},
		"everywhere with TLS for those who like": {everywhere, oneUser + tlsBlock + "allow_non_tls: true\n", 0o600, "both users and TLS"},
		"everywhere by the file":                 {"", "listen: \"0.0.0.0:0\"\n" + oneUser, 0o600, "both users and TLS"},
		"a host that is left out":                {"", "port: 14222\n" + oneUser, 0o600, "would listen everywhere"},
		"another name":                           {"example.com:0", "", 0, "both users and TLS"},
		"a user for everybody":                   {here, oneUser + "no_auth_user: shop\n", 0o600, "no_auth_user"},
		"a monitoring port":                      {here, oneUser + "http_port: 18222\n", 0o600, "monitoring port"},
		"a monitoring address":                   {here, oneUser + "http: \"127.0.0.1:18222\"\n", 0o600, "monitoring port"},
		"a profiling port":                       {here, oneUser + "prof_port: 16060\n", 0o600, "monitoring port"},
		"a cluster":                              {here, oneUser + "cluster { name: c, listen: \"127.0.0.1:16222\" }\n", 0o600, "cluster"},
		"leaf nodes":                             {here, oneUser + "leafnodes { listen: \"127.0.0.1:17422\" }\n", 0o600, "leaf nodes"},
		"a gateway":                              {here, oneUser + "gateway { name: g, listen: \"127.0.0.1:17222\" }\n", 0o600, "gateway"},
		"web sockets":                            {here, oneUser + "websocket { listen: \"127.0.0.1:18080\", no_tls: true }\n", 0o600, "web sockets"},
		"MQTT":                                   {here, oneUser + "mqtt { listen: \"127.0.0.1:11883\" }\n", 0o600, "MQTT"},
		"no headers":                             {here, oneUser + "no_header_support: true\n", 0o600, "no_header_support"},
		"a password that others may read":        {here, oneUser, 0o644, "chmod 600"},
		"a password that the group may read":     {here, "accounts { A: { users: [ {user: a, password: canary-password} ] } }\n", 0o640, "chmod 600"},
		"a token that others may read":           {here, "authorization { token: canary-password }\n", 0o604, "chmod 600"},
		"a key that others may read":             {here, fmt.Sprintf("tls { cert_file: %q, key_file: %q }\n", p.cert, openKey), 0o644, "chmod 600"},
		"old TLS":                                {here, fmt.Sprintf("tls { cert_file: %q, key_file: %q, min_version: \"1.1\" }\n", p.cert, p.key), 0o600, "1.1"},
		"a setting that there is not":            {here, "max_conections: 5\n", 0o600, "max_conections"},
		"a variable that there is not":           {here, "authorization { users: [ {nkey: $HOLDFAST_NKEY_NOBODY} ] }\n", 0o600, "HOLDFAST_NKEY_NOBODY"},
		"a key of nobody":                        {here, "authorization { users: [ {nkey: UABC} ] }\n", 0o600, "nkey"},
	} {
		t.Run(name, func(t *testing.T) {
			config := transport.EmbeddedConfig{Listen: c.listen}
			if c.config != "" {
				config.ConfigFile = natsConfig(t, c.mode, c.config)
			}
			s, _, err := transport.Embedded(config)
			if err == nil {
				s.Shutdown()
				t.Fatalf("it starts, it should say %q", c.wants)
			}
			if !strings.Contains(err.Error(), c.wants) || strings.Contains(err.Error(), "canary") {
				t.Errorf("it says %v, it should say %q", err, c.wants)
			}
		})
	}
}

// TestTLSWithUsers: beyond loopback, with everything that is needed there.
func TestTLSWithUsers(t *testing.T) {
	p := newPKI(t)
	config := natsConfig(t, 0o600, `authorization { users: [ {user: engine, password: canary-engine}, {user: shop, password: canary-password} ] }
tls { cert_file: "`+p.cert+`", key_file: "`+p.key+`", ca_file: "`+p.ca+`", verify: true }
`)
	var denied transport.Denied
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "0.0.0.0:0", ConfigFile: config, Denied: &denied})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	url = strings.Replace(url, "0.0.0.0", "127.0.0.1", 1)
	if !strings.HasPrefix(url, "tls://") {
		t.Errorf("the address is %s", url)
	}
	nc, err := transport.ConnectEmbedded(s, transport.Access{User: "engine", PasswordFile: secretFile(t, "canary-engine", 0o600)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	server, err := transport.Serve(transport.Config{}, nc, &transporttest.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Drain(within(t)); err != nil {
			t.Error(err)
		}
	})
	password := secretFile(t, "canary-password", 0o600)
	good := transport.Access{User: "shop", PasswordFile: password, CAFile: p.ca, CertFile: p.clientCert, KeyFile: p.clientKey}
	change := func(f func(*transport.Access)) transport.Access {
		a := good
		f(&a)
		return a
	}
	for name, c := range map[string]struct {
		access  transport.Access
		options []nats.Option
		in      bool
	}{
		"as it should be":               {good, nil, true},
		"without a certificate":         {change(func(a *transport.Access) { a.CertFile, a.KeyFile = "", "" }), nil, false},
		"with a stranger's certificate": {change(func(a *transport.Access) { a.CertFile, a.KeyFile = p.strangerCert, p.strangerKey }), nil, false},
		"believing in somebody else":    {change(func(a *transport.Access) { a.CAFile = p.strangerCert }), nil, false},
		"without a user":                {change(func(a *transport.Access) { a.User, a.PasswordFile = "", "" }), nil, false},
		"with another password":         {change(func(a *transport.Access) { a.PasswordFile = secretFile(t, "canary-guess", 0o600) }), nil, false},
		"with a version before TLS 1.2": {good, []nats.Option{nats.Secure(&tls.Config{MaxVersion: tls.VersionTLS11, InsecureSkipVerify: true})}, false}, //nolint:gosec // a caller of yesterday
	} {
		t.Run(name, func(t *testing.T) {
			options, err := c.access.Options(url)
			if err != nil {
				t.Fatal(err)
			}
			caller, err := nats.Connect(url, append(options, c.options...)...)
			if err == nil {
				defer caller.Close()
			}
			if (err == nil) != c.in {
				t.Fatalf("connecting: %v", err)
			}
			if c.in {
				if m, err := caller.RequestWithContext(within(t), transport.Subject("e1", "get"), []byte("{}")); err != nil || len(m.Data) == 0 {
					t.Errorf("the engine answers %v", err)
				}
			}
		})
	}
	if denied.Counts().Connections < 3 {
		t.Errorf("%d connections were denied", denied.Counts().Connections)
	}
	lines, _ := denied.Take()
	if text := strings.Join(lines, "\n"); strings.Contains(text, "canary") || text == "" {
		t.Errorf("what is denied reads %q", text)
	}
}

// TestAPasswordLeavesForAnotherMachineOverTLSOnly: the server would take it in the clear.
func TestAPasswordLeavesForAnotherMachineOverTLSOnly(t *testing.T) {
	url := embed(t, transport.EmbeddedConfig{Listen: "127.0.0.1:0", ConfigFile: natsConfig(t, 0o600, oneUser)})
	access := transport.Access{User: "shop", PasswordFile: secretFile(t, "canary-password", 0o600)}
	for address, wants := range map[string]error{url: nil, strings.Replace(url, "127.0.0.1", "0.0.0.0", 1): nats.ErrSecureConnWanted} {
		options, err := access.Options(address)
		if err != nil {
			t.Fatal(err)
		}
		nc, err := nats.Connect(address, options...)
		if err == nil {
			nc.Close()
		}
		if !errors.Is(err, wants) {
			t.Errorf("%s: %v, must be %v", address, err, wants)
		}
	}
}

// TestFloodsAreBounded: connections that never say who they are, that say it slowly, too many, too much at once. Honest callers are served.
func TestFloodsAreBounded(t *testing.T) {
	const connections = 40
	var denied transport.Denied
	config := natsConfig(t, 0o600, fmt.Sprintf("max_connections: %d\nauthorization { timeout: 1, users: [ {user: engine, password: e}, {user: shop, password: canary-password} ] }\n", connections))
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0", ConfigFile: config, Denied: &denied})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	nc, err := transport.ConnectEmbedded(s, transport.Access{User: "engine", PasswordFile: secretFile(t, "e", 0o600)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	server, err := transport.Serve(transport.Config{}, nc, &transporttest.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Drain(within(t)); err != nil {
			t.Error(err)
		}
	})
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	var half []net.Conn
	for i := range 3 * connections {
		conn := dial()
		switch i % 3 {
		case 1: // a CONNECT that never ends
			_, _ = io.WriteString(conn, `CONNECT {"user":"shop","pass":"canary`)
		case 2: // pings instead of an answer
			_, _ = io.WriteString(conn, strings.Repeat("PING\r\n", 100))
		}
		half = append(half, conn)
	}
	if n := s.NumClients(); n > connections {
		t.Errorf("%d connections are there", n)
	}
	refused := 0
	for _, conn := range half {
		said, _ := io.ReadAll(conn) // every one of them is ended, sooner or later
		if strings.Contains(string(said), "maximum connections exceeded") {
			refused++
		}
	}
	if refused == 0 { // some learn it by a reset: they had written more than was read
		t.Errorf("none of %d connections was refused as too many", len(half))
	}
	caller, err := nats.Connect(url, nats.UserInfo("shop", "canary-password"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(caller.Close)

	// More subscriptions than a connection may have.
	for i := range 200 {
		if _, err := caller.SubscribeSync(fmt.Sprintf("a.%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := caller.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := s.NumSubscriptions(); n > 250 || caller.LastError() == nil {
		t.Errorf("%d subscriptions are there: %v", n, caller.LastError())
	}

	// A control line that does not end.
	long := dial()
	_, _ = io.WriteString(long, `CONNECT {"user":"shop","pass":"canary-password","verbose":false}`+"\r\nPUB "+strings.Repeat("a", 1<<20))
	if said, _ := io.ReadAll(long); !strings.Contains(string(said), "ontrol") && !strings.Contains(string(said), "ontrol Line") {
		t.Errorf("an endless line is answered %.200q", said)
	}

	// Pings without end, while an honest caller asks.
	pings := dial()
	_, _ = io.WriteString(pings, `CONNECT {"user":"shop","pass":"canary-password","verbose":false}`+"\r\n"+strings.Repeat("PING\r\n", 20_000))
	honest, err := nats.Connect(url, nats.UserInfo("shop", "canary-password"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(honest.Close)
	if m, err := honest.RequestWithContext(within(t), transport.Subject("e1", "get"), []byte("{}")); err != nil || len(m.Data) == 0 {
		t.Errorf("an honest caller during the flood: %v", err)
	}
	in := bufio.NewReader(pings)
	for range 20_000 {
		line, err := in.ReadString('\n')
		for err == nil && line != "PONG\r\n" {
			line, err = in.ReadString('\n')
		}
		if err != nil {
			t.Fatalf("pings are not answered: %v", err)
		}
	}
	lines, more := denied.Take()
	if len(lines) == 0 || len(lines) > 8 {
		t.Errorf("%d lines for the log, and %d more", len(lines), more)
	}
	if strings.Contains(strings.Join(lines, "\n"), "canary") {
		t.Errorf("a secret is in %q", lines)
	}
}

// TestWhatIsDeniedIsNotedOnceAndWithoutSecrets: a few lines, the rest is counted.
func TestWhatIsDeniedIsNotedOnceAndWithoutSecrets(t *testing.T) {
	var denied transport.Denied
	config := natsConfig(t, 0o600, `authorization { users: [ {user: shop, password: canary-password, permissions: {publish: {allow: ["ok"]}, subscribe: {allow: ["_INBOX.>"]}} } ] }`)
	url := embed(t, transport.EmbeddedConfig{Listen: "127.0.0.1:0", ConfigFile: config, Denied: &denied})
	for _, option := range []nats.Option{nats.UserInfo("shop", "canary-guess"), nats.Token("canary-token"), nats.UserJWT(
		func() (string, error) { return "canary.jwt.x", nil }, func([]byte) ([]byte, error) { return []byte("canary"), nil })} {
		if nc, err := nats.Connect(url, option); err == nil {
			nc.Close()
			t.Error("a stranger connects")
		}
	}
	nc, err := nats.Connect(url, nats.UserInfo("shop", "canary-password"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	const times = 50
	for range times {
		if err := nc.Publish("holdfast.v1.events.4111111111111111.close", []byte("canary")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nc.SubscribeSync("secret.>"); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	c := denied.Counts()
	if c.Connections != 3 || c.Subjects != times+1 {
		t.Errorf("counted %+v", c)
	}
	lines, more := denied.Take()
	if len(lines) != 8 || more != times+1+3-8 {
		t.Errorf("%d lines, and %d more: %q", len(lines), more, lines)
	}
	text := strings.Join(lines, "\n")
	if !strings.Contains(text, `User "shop"`) || strings.Contains(text, "canary") || strings.Contains(text, "4111") {
		t.Errorf("the lines are %q", lines)
	}
	if lines, more := denied.Take(); len(lines) != 0 || more != 0 {
		t.Errorf("the same is noted again: %q, %d", lines, more)
	}
}
