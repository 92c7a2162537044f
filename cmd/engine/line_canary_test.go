//go:build unix

package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/nats-io/nats.go"
)

// seedForms are the forms in which the bytes of a seed may lie somewhere: those of a text, also of its hexadecimal text, and one code unit a byte.
func seedForms(seed []byte) map[string][]byte {
	all := map[string][]byte{}
	for name, form := range forms(string(seed)) {
		if !strings.HasPrefix(name, "UTF-16") { // of bytes that are no text
			all[name] = form
		}
	}
	for name, form := range forms(hex.EncodeToString(seed)) {
		all["of the hexadecimal text, "+name] = form
	}
	var little, big []byte
	for _, b := range seed {
		little, big = append(little, b, 0), append(big, 0, b)
	}
	all["UTF-16"], all["UTF-16, big end first"] = little, big
	var units []byte
	for _, u := range utf16.Encode([]rune(strings.ToUpper(hex.EncodeToString(seed)))) {
		units = append(units, byte(u), byte(u>>8))
	}
	all["UTF-16 of HEX"] = units
	return all
}

// seedIn says in which form a seed lies in some bytes; empty if it does not.
func seedIn(seed, content []byte) string {
	for name, form := range seedForms(seed) {
		if bytes.Contains(content, form) {
			return name
		}
	}
	return ""
}

// seedUnder says which files below a folder have a seed.
func seedUnder(t *testing.T, dir string, seed []byte) (found []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if how := seedIn(seed, content); how != "" {
			found = append(found, path+": "+how)
		}
		files++
		return err
	})
	if err != nil || files < 5 {
		t.Fatalf("%d files below %s, %v", files, dir, err)
	}
	return found
}

// TestSeedsAreNowhereBeforeTheirReveal looks for the seed of a draw, while its lobby is open and when it is closed and waits for its value: in the data folder, a backup,
// the log, the metrics, and every message over NATS. A restored backup can draw; and once the seed is revealed the same search finds it.
func TestSeedsAreNowhereBeforeTheirReveal(t *testing.T) {
	var logs output
	c := quietConfig(t)
	c.logger = slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(p.natsURL)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var heard bytes.Buffer
	if _, err := nc.Subscribe(">", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&heard, "%s %v %s\n", m.Subject, m.Header, m.Data)
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	asks := func(p *process, subject string, body map[string]any) string {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&natsAccess{url: p.natsURL}).request(within(t), "holdfast.v1.events.e1."+subject, text)
		if err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		return string(answer)
	}
	wants(t, asks(p, "create", map[string]any{
		"request_id": "c1", "name": "Night", "currency": "EUR", "line": map[string]any{"mode": "line", "draw_value": true}, "lots": []any{map[string]any{"lot": "ga", "face_minor": 100, "capacity": 5}},
	}), `"draft"`)
	eventually(t, "the lobby opens", func() bool { return strings.Contains(asks(p, "get", map[string]any{}), `"lobby"`) })
	for i := range 50 {
		wants(t, asks(p, "join", map[string]any{"request_id": fmt.Sprint("j", i), "buyer": fmt.Sprint("b", i)}), `"place"`)
	}
	seed, ok, err := p.store.Vault().Open("_", "_lines", "e1")
	if err != nil || !ok || len(seed) != 32 {
		t.Fatalf("the sealed seed: %d bytes, %v", len(seed), err)
	}
	commit := lineOfEvent(t, asks(p, "get", map[string]any{}))["commit"]
	wants(t, asks(p, "open", map[string]any{"request_id": "o1"}), `"on_sale"`)
	eventually(t, "the root is shown", func() bool { return lineOfEvent(t, asks(p, "get", map[string]any{}))["phase"] == "closed" })
	asks(p, "place", map[string]any{"buyer": "b1", "entries_from": 1, "receipt": true})
	view := p.backups.await(t, "closed")
	if view.err != nil {
		t.Fatal(view.err)
	}
	_, metrics := fetch(t, p.httpURL+"/metrics")
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	nowhere := func(what string, content []byte) {
		t.Helper()
		if how := seedIn(seed, content); how != "" || len(content) == 0 {
			t.Errorf("%s, of %d bytes, has the seed: %s", what, len(content), how)
		}
	}
	mu.Lock()
	nowhere("what was said over NATS", bytes.Clone(heard.Bytes()))
	mu.Unlock()
	nowhere("the metrics", []byte(metrics))
	nowhere("the log", []byte(logs.String()))
	if found := seedUnder(t, view.dir, seed); found != nil {
		t.Errorf("the backup: %q", found)
	}
	nc.Close()
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	nowhere("the log of all", []byte(logs.String()))
	if found := seedUnder(t, c.data, seed); found != nil {
		t.Errorf("the data folder: %q", found)
	}

	// What is restored has the seed, sealed, and draws with it.
	restored := filepath.Join(t.TempDir(), "restored")
	must(t, "restore", view.dir, restored)
	bringVaultKey(t, c.data, restored)
	if found := seedUnder(t, restored, seed); found != nil {
		t.Errorf("what was restored: %q", found)
	}
	p = startedProcess(t, restored)
	wants(t, asks(p, "draw", map[string]any{"request_id": "d1", "value": "7 14 21"}), `"line"`)
	var drawn map[string]any
	eventually(t, "the restored lobby is drawn", func() bool {
		drawn = lineOfEvent(t, asks(p, "get", map[string]any{}))
		return drawn["phase"] == "serving"
	})
	if drawn["seed"] != hex.EncodeToString(seed) || drawn["commit"] != commit {
		t.Errorf("the lobby was promised %v, and is drawn as %v", commit, drawn)
	}
	if left, ok, err := p.store.Vault().Open("_", "_lines", "e1"); ok || err != nil {
		t.Errorf("the vault still has %d bytes, %v", len(left), err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if found := seedUnder(t, restored, seed); found == nil {
		t.Error("a revealed seed is in the log, and the search does not find it")
	}
}
