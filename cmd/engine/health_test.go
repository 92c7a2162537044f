package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certificate makes a self-signed certificate for a name that no test asks for, and its key, as files.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shape := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"tickets.example"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, shape, shape, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))),
		write(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

func TestHealthSaysWhetherTheEngineIsReady(t *testing.T) {
	s := serveOn(t, newData(t))
	at := strings.TrimPrefix(s.HTTP, "http://")
	wants(t, must(t, "health", "--http", at), "ready")
	wants(t, must(t, "health", "--http", at, "--live"), "alive")
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, must(t, "health", "--http", "0.0.0.0:"+port), "ready")
	wants(t, must(t, "health", "--http", ":"+port), "ready")
	wants(t, must(t, "health", "--http", s.HTTP), "ready") // as serve prints it
	wants(t, must(t, "health", "--http", s.HTTP+"/"), "ready")
	for _, wrong := range []string{"nats://" + at, s.HTTP + "/metrics", "http://"} {
		_, err = engineRun(t, "health", "--http", wrong)
		refuses(t, err, "host:port")
	}
	t.Setenv("HOLDFAST_HTTP", at)
	wants(t, must(t, "health"), "ready")
	wants(t, must(t, "health", "--config", write(t, "engine.yaml", "sleep-after: 1m\nhttp: 127.0.0.1:1\n")), "ready") // the environment wins
	s.stop()
	_, err = engineRun(t, "health")
	refuses(t, err, "is the engine running")
}

func TestHealthReadsTheSettingsOfServe(t *testing.T) {
	token := write(t, "token", "a-token-of-some-length\n")
	s := serveOn(t, newData(t), "--http-token-file", token)
	file := write(t, "engine.yaml", "http: "+strings.TrimPrefix(s.HTTP, "http://")+"\nhttp-token-file: "+token+"\n")
	wants(t, must(t, "health", "--config", file), "ready")
	_, err := engineRun(t, "health", "--http", strings.TrimPrefix(s.HTTP, "http://"))
	refuses(t, err, "401", "a token is needed")
	_, err = engineRun(t, "health", "--config", write(t, "wrong.yaml", "slep-after: 1m\n"))
	refuses(t, err, "slep-after", "sleep-after")
	_, err = engineRun(t, "health", "--http", "8480")
	refuses(t, err, "host:port")
}

func TestHealthTrustsTheEnginesOwnCertificateOnly(t *testing.T) {
	cert, key := certificate(t)
	s := serveOn(t, newData(t), "--http-cert", cert, "--http-key", key)
	at := strings.TrimPrefix(s.HTTP, "https://")
	wants(t, must(t, "health", "--http", at, "--http-cert", cert), "ready")
	wants(t, must(t, "health", "--http", s.HTTP, "--http-cert", cert), "ready")
	other, _ := certificate(t)
	_, err := engineRun(t, "health", "--http", at, "--http-cert", other)
	refuses(t, err, "another certificate")
	_, err = engineRun(t, "health", "--http", at, "--http-cert", key)
	refuses(t, err, "no PEM certificate")
}

// notifications is a service manager that wants to be told.
func notifications(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = manager.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return manager
}

func TestServiceManagerIsToldOfStartAndStop(t *testing.T) {
	manager := notifications(t)
	s := serveOn(t, newData(t))
	s.stop()
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		b := make([]byte, 64)
		if n, err := manager.Read(b); err != nil || string(b[:n]) != want {
			t.Fatalf("told %q, want %q: %v", b[:n], want, err)
		}
	}
}

func TestServiceManagerThatIsNotThereStopsTheStart(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	_, err := engineRun(t, "serve", "--data", newData(t), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--reserve-bytes", "-1")
	refuses(t, err, "service manager")
}
