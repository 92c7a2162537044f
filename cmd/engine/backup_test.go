package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// idsOf sells to buyers and returns the ids of what was made: "hold h1", "order o1", "ticket t1".
func idsOf(t *testing.T, data, prefix string, n int) []string {
	t.Helper()
	s := serveOn(t, data)
	defer s.stop()
	c := connectTo(t, s)
	var ids []string
	for i := range n {
		buyer := prefix + strconv.Itoa(i)
		hold, err := c.Hold(within(t), "e1", &pb.HoldCommand{RequestId: "h" + buyer, Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		order, err := c.Confirm(within(t), "e1", &pb.ConfirmCommand{RequestId: "k" + buyer, Buyer: buyer, Hold: hold.Id, PaymentRef: "inv"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, "hold "+hold.Id, "order "+order.Id)
		for _, ticket := range order.Tickets {
			ids = append(ids, "ticket "+ticket.Id)
		}
	}
	return ids
}

// TestARestoredFolderGoesOnWithItsOwnIDs is the whole way: sell, back up, go on with the original, restore, go on with the copy.
func TestARestoredFolderGoesOnWithItsOwnIDs(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	if _, err := connectTo(t, s).Create(within(t), "e1", smallEvent(100)); err != nil {
		t.Fatal(err)
	}
	s.stop()
	before := idsOf(t, data, "before", 10)
	backup, restored := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "restored")

	var made madeBackup
	if err := json.Unmarshal([]byte(must(t, "backup", data, backup, "--json")), &made); err != nil {
		t.Fatal(err)
	}
	var report verifyReport
	if err := json.Unmarshal([]byte(must(t, "verify", backup, "--json")), &report); err != nil {
		t.Fatal(err)
	}
	if !report.OK || report.States != made.States || report.LastBatch != made.LastBatch || report.ChainHead != made.ChainHead || report.Tickets != 10 {
		t.Errorf("backup says %+v, verify of it %+v", made, report)
	}
	if _, err := engineRun(t, "serve", "--data", backup, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "engine restore") {
		t.Errorf("a backup is served: %v", err)
	}
	original := idsOf(t, data, "later", 10)

	wants(t, must(t, "restore", backup, restored), "whole, verified and ready", "new ids", made.States)
	bringVaultKey(t, data, restored)
	given := map[string]bool{}
	for _, id := range append(before, original...) {
		given[id] = true
	}
	if again := idsOf(t, restored, "before", 10); fmt.Sprint(again) != fmt.Sprint(before) {
		t.Errorf("requests of before the backup are answered with %v, they were with %v", again, before)
	}
	for _, id := range idsOf(t, restored, "later", 10) {
		if given[id] {
			t.Errorf("%s is given by the original and by the copy", id)
		}
	}
	out := must(t, "verify", restored, "--events")
	wants(t, out, "whole: every check passed", "20")
}

func TestBackupsThatAreNoneAreRefused(t *testing.T) {
	data := soldFolder(t)
	root := t.TempDir()
	backup := filepath.Join(root, "backup")
	must(t, "backup", data, backup, "--copy")
	refuse := func(what string, words ...string) {
		t.Helper()
		to := filepath.Join(root, "restored")
		_, err := engineRun(t, "restore", backup, to)
		if err == nil {
			t.Fatalf("%s: restored", what)
		}
		wants(t, err.Error(), words...)
		if _, err := os.Stat(to); err == nil {
			t.Errorf("%s: the refused restore left %s", what, to)
		}
		if _, err := os.Stat(to + ".unfinished"); err == nil {
			t.Errorf("%s: the refused restore left its half", what)
		}
	}
	path := filepath.Join(backup, "BACKUP")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(what, from, to string, words ...string) {
		t.Helper()
		changed := strings.Replace(string(text), from, to, 1)
		if changed == string(text) {
			t.Fatalf("%s: %q is not in the manifest", what, from)
		}
		if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		refuse(what, words...)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(root, "secret")
	if err := os.WriteFile(secret, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	edit("a path out of the folder", `"log/`, `"log/../../`, "none that a backup has")
	edit("an absolute path", `"name": "log/`, `"name": "/etc/`, "none that a backup has")
	edit("another file of the backup", `"name": "FORMAT"`, `"name": "BACKUP"`, "none that a backup has")
	edit("a newer version", `"backup_version": 1`, `"backup_version": 2`, "newer")
	edit("an unknown field", `"backup_version": 1`, `"backup_version": 1, "also": 2`, "also")
	edit("other states", `"states": "`, `"states": "0`, "hex digits")
	edit("not JSON", `{`, ``, "JSON")

	table, content := largest(t, filepath.Join(backup, "log", "*"))
	if err := os.Remove(table); err != nil {
		t.Fatal(err)
	}
	refuse("a file that is missing", filepath.Base(table))
	if err := os.Symlink(secret, table); err != nil {
		t.Fatal(err)
	}
	refuse("a symbolic link", "links are not followed")
	if err := os.Remove(table); err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(table, content, 0o600); err != nil {
		t.Fatal(err)
	}
	refuse("a changed file", "SHA-256", "take another")
	if err := os.WriteFile(filepath.Join(backup, "unfinished"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refuse("an unfinished backup", "never finished")
	if err := os.RemoveAll(backup); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(data, backup); err != nil {
		t.Fatal(err)
	}
	refuse("a link to a folder", "links are not followed")

	s := serveOn(t, data)
	_, err = engineRun(t, "backup", data, filepath.Join(root, "another"))
	s.stop()
	if err == nil {
		t.Fatal("a folder that an engine has is backed up from outside")
	}
	wants(t, err.Error(), "in use")
	for _, args := range [][]string{{"backup"}, {"backup", data}, {"restore", backup}, {"restore"}, {"backup", data, data}, {"backup", data, data + "/log"}} {
		if _, err := engineRun(t, args...); err == nil {
			t.Errorf("%v works", args)
		}
	}
}

// bringVaultKey does what an operator does who restores a backup: the vault's key, which is in no backup, comes from where its copy is kept.
func bringVaultKey(t *testing.T, data, restored string) {
	t.Helper()
	key, err := os.ReadFile(vaultKeyBeside(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vaultKeyBeside(restored), key, 0o600); err != nil {
		t.Fatal(err)
	}
}
