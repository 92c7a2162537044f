//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// TestAnOperatorMakesABackup lets a running engine make a backup, asks for it again, restores it and finds in it what was sold.
func TestAnOperatorMakesABackup(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", nightYAML))
	mustSteer(t, s, "open", "night-one")
	c := connectTo(t, s)
	order := sell(t, c, "night-one", "b1")
	dir := filepath.Join(backupsBeside(data), "monday")
	wants(t, mustOperate(t, s, "backup", "monday", "--as", "maria"), "backup monday is whole and verified", dir, "last batch", "chain head")
	var reply wireAdminReply
	if err := json.Unmarshal([]byte(mustOperate(t, s, "backup", "monday", "--json")), &reply); err != nil {
		t.Fatal(err)
	}
	var report verifyReport
	if err := json.Unmarshal([]byte(must(t, "verify", dir, "--json")), &report); err != nil {
		t.Fatal(err)
	}
	b := reply.Backup
	if b.State != "whole" || b.Path != dir || b.LastBatch != int64(report.LastBatch) || b.ChainHead != report.ChainHead || b.Bytes == 0 || b.Made.IsZero() {
		t.Errorf("asked again it is %+v, and verify says %+v", b, report)
	}

	// Without a name it is the time; the client asks the same.
	named, err := c.Admin(within(t), &pb.BackupCommand{Operator: "maria"})
	if err != nil || !strings.HasSuffix(named.Backup.GetName(), "Z") || filepath.Dir(named.Backup.GetPath()) != backupsBeside(data) {
		t.Errorf("%v, %v", named, err)
	}
	if err := os.MkdirAll(filepath.Join(backupsBeside(data), "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = operate(t, s, "backup", "taken")
	refuses(t, err, "invalid", "name another")
	_, err = operate(t, s, "backup", "../monday")
	refuses(t, err, "invalid", "name must be")
	wants(t, mustOperate(t, s, "audit"), "maria (declared)  backup name=monday: ok", "backup name=taken: invalid")
	s.stop()
	s = serveOn(t, data)
	wants(t, mustOperate(t, s, "backup", "monday"), "backup monday is whole", b.ChainHead, b.States)
	s.stop()

	restored := filepath.Join(t.TempDir(), "restored")
	must(t, "restore", dir, restored)
	bringVaultKey(t, data, restored)
	s = serveOn(t, restored)
	if again, err := connectTo(t, s).Order(within(t), "night-one", &pb.OrderCommand{Buyer: "b1", Order: order.Id}); err != nil || again.Id != order.Id {
		t.Errorf("the order in the restored folder: %v, %v", again, err)
	}
}

// TestOneBackupAtATimeIsToldToOperators: while one is being made, another name is refused, and it is told how far the first is.
func TestOneBackupAtATimeIsToldToOperators(t *testing.T) {
	data := newData(t)
	p := startedProcess(t, data)
	defer func() {
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}()
	over := make(chan struct{})
	p.backups.mu.Lock()
	p.backups.last = madeWhile{name: "monday", dir: filepath.Join(p.backups.dir, "monday"), busy: true, over: over}
	p.backups.mu.Unlock()
	shop, err := client.Connect(p.natsURL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	_, err = shop.Admin(within(t), &pb.BackupCommand{Name: "tuesday"})
	refuses(t, err, "overloaded", "called monday")
	reply, err := shop.Admin(within(t), &pb.BackupCommand{Name: "monday"})
	if err != nil || reply.Backup.GetState() != "making" || reply.Backup.LastBatch != nil || reply.Backup.GetPath() == "" {
		t.Errorf("while it is made: %v, %v", reply, err)
	}
	p.backups.mu.Lock()
	p.backups.last = madeWhile{name: "monday", dir: "x", err: os.ErrPermission}
	p.backups.mu.Unlock()
	_, err = shop.Admin(within(t), &pb.BackupCommand{Name: "monday"})
	refuses(t, err, "internal", "permission denied", "name another")
}

// TestArchivesAreInBackups archives an event, lets the engine make a backup and makes one of its folder, restores both and shows the event's file from there.
func TestArchivesAreInBackups(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", nightYAML))
	mustSteer(t, s, "open", "night-one")
	sell(t, connectTo(t, s), "night-one", "b1")
	mustSteer(t, s, "close", "night-one")
	mustOperate(t, s, "archive", "night-one")
	mustOperate(t, s, "backup", "running")
	s.stop()
	stopped := filepath.Join(t.TempDir(), "stopped")
	must(t, "backup", data, stopped, "--copy")
	for _, dir := range []string{filepath.Join(backupsBeside(data), "running"), stopped} {
		wants(t, must(t, "verify", dir), "whole: every check passed")
		restored := filepath.Join(t.TempDir(), "restored")
		must(t, "restore", dir, restored)
		bringVaultKey(t, data, restored)
		wants(t, must(t, "archive", "show", filepath.Join(restored, "archive", "_", "night-one.archive")), "event night-one of account _", "1 orders", "replayed to state hash")
		s = serveOn(t, restored)
		_, err := steer(t, s, "show", "night-one")
		refuses(t, err, "event_archived")
		s.stop()
	}
}
