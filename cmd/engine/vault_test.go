package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
)

// sealOne makes a record durable in a process's vault.
func sealOne(t *testing.T, p *process, subject, plain string) {
	t.Helper()
	sealed, err := p.store.Vault().Seal(engine.SingleAccount, subject, "m1", []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	// Beside an audit fact of the node, as no other aggregate is needed for it.
	done := make(released)
	key := engine.Key{Account: "vault-test", Kind: engine.KindNode, ID: "node"}
	run := &engine.Run{Key: key, Partition: engine.PartitionOf(key.ID), First: 1, At: p.node.Clock().Now(), Beside: []engine.Sealed{sealed}, Owner: done}
	if !engine.NewNode(key).Outage(1, 2, &run.Facts) {
		t.Fatal("no fact")
	}
	p.store.Append(run)
	<-done
}

type released chan struct{}

func (r released) Released(*engine.Run) { close(r) }

func wantSealed(t *testing.T, p *process, subject, want string) {
	t.Helper()
	plain, ok, err := p.store.Vault().Open(engine.SingleAccount, subject, "m1")
	if err != nil || !ok || string(plain) != want {
		t.Errorf("the record of %s opens as %q, %v, %v", subject, plain, ok, err)
	}
}

func TestVaultKeyOfAProcess(t *testing.T) {
	c := quietConfig(t)
	start := func() *process {
		t.Helper()
		p, err := startProcess(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	stop := func(p *process) {
		t.Helper()
		if err := p.stop(); err != nil {
			t.Fatal(err)
		}
	}
	p := start()
	sealOne(t, p, "anna", "tok_anna")
	if _, err := engineRun(t, "vault", "rotate", c.data); err == nil {
		t.Error("the key of a running engine was changed")
	}
	stop(p)

	key := vaultKeyBeside(c.data)
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := engineRun(t, "vault", "rotate", c.data)
	if err != nil || !strings.Contains(out, "keys are closed") {
		t.Fatalf("rotate: %v\n%s", err, out)
	}
	p = start()
	wantSealed(t, p, "anna", "tok_anna")
	stop(p)

	if err := os.WriteFile(key, before, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := startProcess(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--vault-key") {
		t.Errorf("started with the old key: %v", err)
	}
	c.vaultKey = filepath.Join(c.data, "vault.key")
	if _, err := startProcess(t.Context(), c); err == nil || !strings.Contains(err.Error(), "lies in the data folder") {
		t.Errorf("started with a key in the data folder: %v", err)
	}
	if _, err := engineRun(t, "vault", "rotate", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there was rotated")
	}
}
