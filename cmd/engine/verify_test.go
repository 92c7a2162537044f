package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// soldFolder is the data folder of an engine that has sold some tickets and was stopped.
func soldFolder(t *testing.T) string {
	t.Helper()
	data := newData(t)
	s := serveOn(t, data)
	c := connectTo(t, s)
	if _, err := c.Create(within(t), "e1", smallEvent(100)); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		sell(t, c, "e1", "b"+strconv.Itoa(i))
	}
	s.stop()
	return data
}

func TestVerifyProvesAWholeFolder(t *testing.T) {
	data := soldFolder(t)
	out := must(t, "verify", data, "--events")
	wants(t, out, "whole: every check passed", "chain head", "e1", "20", "state hash")
	var report verifyReport
	if err := json.Unmarshal([]byte(must(t, "verify", data, "--json")), &report); err != nil {
		t.Fatal(err)
	}
	if !report.OK || report.EventCount != 1 || report.Orders != 20 || report.Tickets != 20 || report.Batches == 0 || len(report.ChainHead) != 64 || report.Events != nil {
		t.Errorf("verify --json: %+v", report)
	}
}

// largest is the largest file that a pattern finds, with its content.
func largest(t *testing.T, pattern string) (name string, content []byte) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		if b = bytes.TrimRight(b, "\x00"); len(b) > len(content) {
			name, content = n, b
		}
	}
	if len(content) < 1000 {
		t.Fatalf("%s holds nothing that could be damaged", pattern)
	}
	return name, content
}

// overwrite puts b into a file at an offset.
func overwrite(t *testing.T, name string, at int, b []byte) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(b, int64(at))
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifySaysWhatIsDamaged(t *testing.T) {
	data := soldFolder(t)
	// The newer half of the tail has gone.
	name, content := largest(t, filepath.Join(data, "tail", "*"))
	half := len(content) / 2
	overwrite(t, name, half, make([]byte, len(content)-half))
	out, err := engineRun(t, "verify", data)
	refuses(t, err, "not whole")
	wants(t, out, "NOT WHOLE", "1. ", "lost acknowledged batches", "What to do")
	out, err = engineRun(t, "verify", data, "--json")
	refuses(t, err, "not whole")
	var report verifyReport
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.OK || len(report.Problems) == 0 {
		t.Errorf("verify --json of a damaged folder: %+v, %v", report, err)
	}
	// The next start repairs it from the other copy.
	serveOn(t, data).stop()
	wants(t, must(t, "verify", data), "whole: every check passed")
}

func TestVerifyRefusesADamagedLog(t *testing.T) {
	data := soldFolder(t)
	name, content := largest(t, filepath.Join(data, "log", "*.log"))
	overwrite(t, name, len(content)/2, []byte{content[len(content)/2] ^ 0x40})
	out, err := engineRun(t, "verify", data)
	refuses(t, err, "")
	t.Logf("verify says: %v\n%s", err, out)
	if strings.Contains(out, "whole: every check passed") {
		t.Error("a damaged log passes for whole")
	}
}

func TestVerifyRefusesWhatIsNoDataFolder(t *testing.T) {
	_, err := engineRun(t, "verify", t.TempDir())
	refuses(t, err, "no data folder")
	_, err = engineRun(t, "verify", filepath.Join(t.TempDir(), "nowhere"))
	refuses(t, err, "no data folder")
}
