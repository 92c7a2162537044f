package sandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/holdfast-engine/holdfast/transport/gateway/sandbox"
)

// tear writes a line without an end, as a crash does.
func tear(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"charge":{"ref":"sbx_ch_torn","order":"o9"`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedLedgerIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	if err := os.WriteFile(path, []byte("{\"charge\":7}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.ReadTruth(path); err == nil {
		t.Error("a damaged ledger was read")
	}
	if _, err := sandbox.New(sandbox.Config{File: path}); err == nil {
		t.Error("a damaged ledger was opened")
	}
}
