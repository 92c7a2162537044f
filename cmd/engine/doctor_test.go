package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// findings is what the doctor says, by what it is about.
func findings(t *testing.T, args ...string) (map[string]finding, error) {
	t.Helper()
	out, err := engineRun(t, append([]string{"doctor", "--json"}, args...)...)
	var report struct {
		OK       bool      `json:"ok"`
		Findings []finding `json:"findings"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if report.OK != (err == nil) {
		t.Errorf("ok is %t, the error %v", report.OK, err)
	}
	found := map[string]finding{}
	for _, f := range report.Findings {
		if f.What == "" || f.Measured == "" || (f.Verdict == verdictOK) != (f.Advice == "") {
			t.Errorf("%+v", f)
		}
		found[f.What] = f
	}
	return found, err
}

func TestDoctorLooksAtTheFolder(t *testing.T) {
	data := newData(t)
	found, _ := findings(t, "--data", data)
	for _, what := range []string{"data folder", "fsync", "clock", "processors", "date"} {
		if found[what].Measured == "" {
			t.Errorf("it says nothing about %s: %v", what, found)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(data)); err != nil || len(entries) > 1 {
		t.Errorf("it leaves %v, %v", entries, err)
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(data, 0o755); err != nil { //nolint:gosec // what the doctor must find
		t.Fatal(err)
	}
	found, err := findings(t, "--data", data)
	if f := found["data folder"]; f.Verdict != verdictFix || !strings.Contains(f.Advice, "0700") || !errors.Is(err, errMustBeFixed) {
		t.Errorf("a folder that others can read: %+v, %v", f, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	if found, _ := findings(t, "--data", link); found["data folder"].Verdict != verdictNote {
		t.Errorf("a link: %+v", found["data folder"])
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, err := findings(t, "--data", file); found["data folder"].Verdict != verdictFix || err == nil {
		t.Errorf("a file: %+v, %v", found, err)
	}
	if _, err := os.Stat("/dev/shm"); err == nil {
		if found, err := findings(t, "--data", "/dev/shm/holdfast-that-is-not-there"); found["file system"].Verdict != verdictFix || err == nil {
			t.Errorf("a folder in memory: %+v, %v", found["file system"], err)
		}
	}
}

func TestDoctorLooksAtNATS(t *testing.T) {
	s := serveOn(t, newData(t))
	defer s.stop()
	found, _ := findings(t, "--data", newData(t), "--nats", s.NATS)
	if f := found["NATS"]; f.Verdict != verdictOK || !strings.Contains(f.Measured, "nats-server 2.") {
		t.Errorf("%+v", f)
	}
	if f := found["NATS max_payload"]; f.Verdict != verdictOK {
		t.Errorf("%+v", f)
	}
	if f := found["NATS TLS"]; f.Verdict != verdictOK {
		t.Errorf("on this machine: %+v", f)
	}
	if f := found["JetStream"]; f.Verdict != verdictOK {
		t.Errorf("the embedded server has JetStream: %+v", f)
	}
	if f := found["NATS max_pending, sync_interval"]; f.Verdict != verdictNote {
		t.Errorf("%+v", f)
	}
	if found, err := findings(t, "--nats", "nats://127.0.0.1:1"); err == nil || found["NATS"].Verdict != verdictFix {
		t.Errorf("where nobody is: %+v, %v", found["NATS"], err)
	}
	if found, _ := findings(t, "--nats", "nats://somebody:secret@127.0.0.1:1"); strings.Contains(found["NATS"].Measured, "secret") {
		t.Errorf("it prints a password: %+v", found["NATS"])
	}
}
