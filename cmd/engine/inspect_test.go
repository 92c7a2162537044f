package main

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// inspectedBy is what inspect --json says.
func inspectedBy(t *testing.T, args ...string) inspected {
	t.Helper()
	var found inspected
	if err := json.Unmarshal([]byte(must(t, append([]string{"inspect", "--json"}, args...)...)), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestInspectShowsAnEventAsItIsAndWas(t *testing.T) {
	data := soldFolder(t)
	now := inspectedBy(t, data, "e1", "--facts", "1000")
	if now.Orders != 20 || now.Lots[0].Sold != 20 || now.State != "on_sale" || now.Cut || uint64(len(now.Facts)) != now.Fact || now.Facts[0].Kind != "created" {
		t.Errorf("the event is %+v", now)
	}
	var report verifyReport
	if err := json.Unmarshal([]byte(must(t, "verify", data, "--json", "--events")), &report); err != nil {
		t.Fatal(err)
	}
	if report.Events[0].StateHash != now.StateHash || report.LastBatch != now.LastBatch {
		t.Errorf("verify has %+v, inspect %s at batch %d", report.Events[0], now.StateHash, now.LastBatch)
	}
	orders := int64(0)
	for _, f := range now.Facts {
		if f.Kind == "confirmed" {
			orders++
		}
		then := inspectedBy(t, data, "e1", "--at", strconv.FormatUint(f.Fact, 10), "--facts", "3")
		if then.Fact != f.Fact || then.Orders != orders || then.Facts[len(then.Facts)-1] != f || len(then.Facts) != min(3, int(f.Fact)) {
			t.Fatalf("behind fact %d it has %d orders, want %d: %+v", f.Fact, then.Orders, orders, then)
		}
		at := inspectedBy(t, data, "e1", "--at", f.At.Format(time.RFC3339Nano))
		if at.Fact < f.Fact || at.At.After(f.At) {
			t.Fatalf("at %v it is at fact %d of %v, want at least %d", f.At, at.Fact, at.At, f.Fact)
		}
	}
	mid := inspectedBy(t, data, "e1", "--at", "batch:"+strconv.FormatUint(now.Batch-1, 10))
	if mid.Fact >= now.Fact || mid.Batch >= now.Batch {
		t.Errorf("a batch earlier it is at fact %d of batch %d, now at %d of %d", mid.Fact, mid.Batch, now.Fact, now.Batch)
	}
	text := must(t, "inspect", data, "e1")
	wants(t, text, "event e1 of account _", "on_sale", "confirmed", "of buyer b19", "paid inv", "state hash", now.StateHash)
	serveOn(t, data).stop() // a second start has an outage behind it
	wants(t, must(t, "inspect", data, "--node"), "the node", "node time", "was down")

	backup, restored := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "r")
	must(t, "backup", data, backup)
	if before, after := inspectedBy(t, data, "e1"), inspectedBy(t, backup, "e1"); before.StateHash != after.StateHash || before.Fact != after.Fact {
		t.Errorf("the folder has %+v, its backup %+v", before, after)
	}
	must(t, "restore", backup, restored)
	wants(t, must(t, "inspect", restored, "--node"), "restored", "from a backup")
}

func TestInspectRefusesWhatIsNotThere(t *testing.T) {
	data := soldFolder(t)
	for _, c := range []struct {
		args  []string
		words []string
	}{
		{[]string{data, "nobody"}, []string{"event nobody", "no fact", "verify"}},
		{[]string{data, "e1", "--at", "1970-01-01T00:00:01Z"}, []string{"event e1", "at that moment"}},
		{[]string{data, "e1", "--at", "yesterday"}, []string{"--at yesterday", "batch:17"}},
		{[]string{data, "e1", "--at", "0"}, []string{"--at 0"}},
		{[]string{data, "e1", "--facts", "1001"}, []string{"--facts", "1000"}},
		{[]string{data, "a*b"}, []string{"a*b", "A-Z"}},
		{[]string{data}, []string{"name a data folder and an event"}},
		{[]string{t.TempDir(), "e1"}, []string{"no data folder"}},
	} {
		_, err := engineRun(t, append([]string{"inspect"}, c.args...)...)
		if err == nil {
			t.Errorf("%v: it answers", c.args)
			continue
		}
		wants(t, err.Error(), c.words...)
	}
	s := serveOn(t, data)
	defer s.stop()
	if _, err := engineRun(t, "inspect", data, "e1"); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a folder that an engine has: %v", err)
	}
}
