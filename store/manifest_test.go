package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func goldenManifest() *Manifest {
	sum := strings.Repeat("0a", 32)
	return &Manifest{
		Version: 1, StoreFormat: 1, Folder: "0123456789abcdef", FirstBatch: 1, LastBatch: 7, Asked: 6, ChainHead: sum, States: sum, Aggregates: 2, Bytes: 30,
		Files: []Copied{{Name: "log/000012.sst", Bytes: 10, SHA256: sum}, {Name: "tail/000", Bytes: 10, SHA256: sum}, {Name: "FORMAT", Bytes: 10, SHA256: sum}},
	}
}

func TestManifestsAreReadOrRefused(t *testing.T) {
	text, err := json.Marshal(goldenManifest())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := parseManifest(text); err != nil || m.LastBatch != 7 || len(m.Files) != 3 {
		t.Fatalf("%+v, %v", m, err)
	}
	for what, change := range map[string]func(m *Manifest){
		"no FORMAT":        func(m *Manifest) { m.Files, m.Bytes = m.Files[:2], 20 },
		"a file twice":     func(m *Manifest) { m.Files[1].Name = m.Files[0].Name },
		"a sum that lies":  func(m *Manifest) { m.Bytes++ },
		"an end too early": func(m *Manifest) { m.LastBatch = 5 },
		"a long name":      func(m *Manifest) { m.Files[0].Name = "log/" + strings.Repeat("a", 101) },
		"a huge file":      func(m *Manifest) { m.Files[0].Bytes = 1 << 60 },
		"no SHA-256":       func(m *Manifest) { m.Files[0].SHA256 = "" },
		"capital digits":   func(m *Manifest) { m.Files[0].SHA256 = strings.ToUpper(m.Files[0].SHA256) },
		"a short folder":   func(m *Manifest) { m.Folder = "0123" },
		"no states":        func(m *Manifest) { m.States = "" },
		"no chain":         func(m *Manifest) { m.ChainHead = "00" },
		"a newer store":    func(m *Manifest) { m.StoreFormat = formatVersion + 1 },
		"version 0":        func(m *Manifest) { m.Version = 0 },
	} {
		m := goldenManifest()
		change(m)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseManifest(text); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, name := range []string{
		"", "/", "..", "log/..", "log/.", "log//a", "/log/a", "log/a/b", "../log/a", "log/../a", "log", "log/", "tail", "BACKUP", "LOCK", "unfinished", "reserve", "tmp/a",
		"log/.hidden", "log/a\x00b", "log/a\nb", "LOG/a", "FORMAT/a", "./FORMAT", "jetstream/a", `log\a`,
		"archive", "archive/", "archive/a.archive", "archive/_/", "archive/_/.archive", "archive/../a.archive", "archive/_/../a.archive", "archive/_/a/b.archive", "archive/_/a",
		"archive/_/a.archive/b", "archive/./a.archive", "archive//a.archive", "archive/_/a.b.archive", "archive/a\nb/a.archive", "/archive/_/a.archive",
	} {
		m := goldenManifest()
		m.Files[0].Name = name
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseManifest(text); !errors.Is(err, ErrDamaged) {
			t.Errorf("file %q: %v", name, err)
		}
	}
}

func TestAHugeManifestIsRefused(t *testing.T) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("backup", 0o700); err != nil {
		t.Fatal(err)
	}
	f := folder{fs: fs, dir: "backup"}
	if err := f.write(nameBackup, strings.Repeat(" ", manifestBytesMax+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadManifest(fs, "backup"); !errors.Is(err, ErrDamaged) {
		t.Errorf("a manifest beyond the bound: %v", err)
	}
}

// FuzzManifest reads hostile manifests: whatever is accepted names only files inside a folder, each once.
func FuzzManifest(f *testing.F) {
	text, err := json.Marshal(goldenManifest())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"backup_version":2}`))
	f.Add(bytes.Replace(text, []byte("log/000012.sst"), []byte("archive/_/night-one.archive"), 1))
	f.Add([]byte(`{"backup_version":1,"files":[{"name":"log/../../a"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		seen := map[string]bool{}
		for _, file := range m.Files {
			if path.Clean("/f/"+file.Name) != "/f/"+file.Name || strings.ContainsAny(file.Name, "\\\x00\n") || seen[file.Name] {
				t.Fatalf("it takes file %q", file.Name)
			}
			seen[file.Name] = true
		}
	})
}
