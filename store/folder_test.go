package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/store/storetest"
)

// TestMain lets the test binary be the second process of TestASecondProcessIsRefused.
func TestMain(m *testing.M) {
	if dir := os.Getenv("HOLDFAST_TEST_HOLD_FOLDER"); dir != "" {
		s, err := Open(small(vfs.Default, dir))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("open")
		_, _ = io.Copy(io.Discard, os.Stdin) // until the test closes it
		if err := s.Close(); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestASecondProcessIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "HOLDFAST_TEST_HOLD_FOLDER="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("the first process says %q, %v", line, err)
	}
	if _, err := Open(small(vfs.Default, dir)); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "stop the other engine") {
		t.Errorf("the second process got %v", err)
	}
	if _, err := Verify(VerifyConfig{Dir: dir, New: storetest.NewToy, Open: storetest.OpenToy}); !errors.Is(err, ErrInUse) {
		t.Errorf("a check of a folder in use got %v", err)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, small(vfs.Default, dir))
	if _, err := Open(small(vfs.Default, dir)); !errors.Is(err, ErrInUse) {
		t.Errorf("a second store in the same process got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, want 0700", info.Mode())
	}
}

func writeFile(t *testing.T, fs vfs.FS, path, content string) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 3, 1)
	b.close()
	f := folder{fs: b.c.FS, dir: b.c.Dir}
	if _, err := f.readFormat(); err != nil {
		t.Fatal(err)
	}
	before := readFolder(t, b.c.FS, dataDir)
	writeFile(t, b.c.FS, f.path(nameFormat), encodeFormat(formatVersion+1, f.tag))
	if _, err := Open(b.c); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "run the newer program") {
		t.Errorf("a newer format got %v", err)
	}
	if _, err := Verify(VerifyConfig{Dir: dataDir, FS: b.c.FS, New: b.c.New, Open: b.c.Open}); !errors.Is(err, ErrNewer) {
		t.Errorf("a check of a newer format got %v", err)
	}
	after := readFolder(t, b.c.FS, dataDir)
	delete(before, f.path(nameFormat))
	for p, content := range before {
		if string(after[p]) != string(content) {
			t.Errorf("%s was changed", p)
		}
	}
}

// A folder of an older program is read as it is, and says the newer version before anything is written that the older program would misread.
func TestAnOlderFormatIsRaised(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 3, 1)
	b.close()
	f := folder{fs: b.c.FS, dir: b.c.Dir}
	if _, err := f.readFormat(); err != nil {
		t.Fatal(err)
	}
	writeFile(t, b.c.FS, f.path(nameFormat), encodeFormat(1, f.tag))
	if rep, err := Verify(VerifyConfig{Dir: dataDir, FS: b.c.FS, New: b.c.New, Open: b.c.Open}); err != nil || len(rep.Problems) > 0 {
		t.Errorf("a check of an older format: %v %v", rep, err)
	}
	s, err := Open(b.c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	raised := folder{fs: b.c.FS, dir: b.c.Dir}
	if _, err := raised.readFormat(); err != nil || raised.version != formatVersion || raised.tag != f.tag {
		t.Errorf("after a start FORMAT says version %d, id %x: %v", raised.version, raised.tag, err)
	}
}

func TestAHalfMadeFolderIsMadeAgain(t *testing.T) {
	fs := vfs.NewMem()
	for _, d := range []string{"log", "tail"} {
		if err := fs.MkdirAll(fs.PathJoin(dataDir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, fs, dataDir+"/log/MANIFEST-000001", "half a manifest")
	if _, err := Open(small(fs, dataDir)); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a log without a FORMAT got %v: it may be somebody's data", err)
	}
	writeFile(t, fs, dataDir+"/"+nameCreating, "")
	if rep, err := Verify(VerifyConfig{Dir: dataDir, FS: fs, New: storetest.NewToy, Open: storetest.OpenToy}); err != nil || len(rep.Problems) > 0 {
		t.Errorf("a check of a half-made folder got %v, %v", rep.Problems, err)
	}
	s := mustOpen(t, small(fs, dataDir))
	defer func() { _ = s.Close() }()
	if there, _ := s.folder.exists(nameCreating); there {
		t.Error("the folder is made, but still says that it is being made")
	}
}

func TestATailOfAnotherFolderIsRefused(t *testing.T) {
	a, b := newBench(t, nil), newBench(t, nil)
	a.put(1, 5, 1)
	b.put(1, 5, 1)
	a.close()
	b.close()
	for p, content := range readFolder(t, a.c.FS, dataDir+"/tail") {
		writeFile(t, b.c.FS, p, string(content))
	}
	if _, err := Open(b.c); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "another data folder") {
		t.Errorf("another folder's tail got %v", err)
	}
}

func TestAMissingTailIsRefusedUnlessAccepted(t *testing.T) {
	b := newBench(t, nil)
	for range 10 {
		b.put(1, 5, 1) // the later batches say that the earlier ones were durable
	}
	b.close()
	if err := b.c.FS.RemoveAll(dataDir + "/tail"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(b.c); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "--accept-one-copy") {
		t.Fatalf("a missing tail got %v", err)
	}
	alarms := 0
	b.c.AcceptOneCopy = true
	b.c.Alarm = func(error) { alarms++ }
	b.open()
	storetest.CheckRecovered(t, b.w, b.rec)
	if alarms != 1 {
		t.Errorf("%d alarms, want 1", alarms)
	}
	b.c.AcceptOneCopy = false
	b.reopen() // the tail has been filled again
	b.close()
	b.verify()
}

// TestTheRingMayBeShapedAnew opens a folder with other numbers and sizes of segments.
func TestTheRingMayBeShapedAnew(t *testing.T) {
	b := newBench(t, nil)
	for i, shape := range []struct{ segments, kib int }{{4, 64}, {3, 16}, {8, 32}, {3, 128}, {5, 16}} {
		b.c.TailSegments, b.c.TailSegmentBytes = shape.segments, int64(shape.kib)<<10
		b.reopen()
		storetest.CheckRecovered(t, b.w, b.rec)
		for range 20 + 10*i {
			b.put(i, 3, 5)
		}
		if names, err := b.c.FS.List(dataDir + "/tail"); err != nil || len(names) > shape.segments {
			t.Errorf("%d segments, want at most %d", len(names), shape.segments)
		}
	}
	b.close()
	b.verify()
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no folder":         func(c *Config) { c.Dir = "" },
		"no constructors":   func(c *Config) { c.New = nil },
		"tiny memtable":     func(c *Config) { c.MemTableBytes = 1 },
		"tiny segments":     func(c *Config) { c.TailSegmentBytes = 1 },
		"two segments":      func(c *Config) { c.TailSegments = 2 },
		"nothing in flight": func(c *Config) { c.BatchesInFlight = -1 },
		"no batch":          func(c *Config) { c.BatchBytes = -1 },
		"negative delay":    func(c *Config) { c.SleepDelay = -1 },
	} {
		c := small(vfs.NewMem(), dataDir)
		change(&c)
		if _, err := Open(c); err == nil {
			t.Errorf("%s: it opened", name)
		}
	}
}

func TestAPlaceThatCannotBeAFolderIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(small(vfs.Default, path)); err == nil {
		t.Error("a file was opened as a data folder")
	}
	if _, err := Verify(VerifyConfig{Dir: t.TempDir(), New: storetest.NewToy, Open: storetest.OpenToy}); err == nil {
		t.Error("an empty folder was checked as a data folder")
	}
}
