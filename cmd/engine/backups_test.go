//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// await asks for a backup until it is over.
func (b *backups) await(t *testing.T, name string) madeWhile {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		v, err := b.make(name)
		if err != nil {
			t.Fatal(err)
		}
		if !v.busy {
			return v
		}
		time.Sleep(time.Millisecond) // polled, as callers poll
	}
	t.Fatalf("backup %s is not over after %v", name, patience)
	return madeWhile{}
}

// TestARunningEngineIsBackedUpUnderLoad sells from several goroutines while backups are made. Everything that was confirmed before a backup was asked for is in what
// is restored from it, with the same ids; and what is sold from there has ids that the original has given to nobody.
func TestARunningEngineIsBackedUpUnderLoad(t *testing.T) {
	data := newData(t)
	p := startedProcess(t, data)
	shop, err := client.Connect(p.natsURL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shop.Create(within(t), "e1", smallEvent(1_000_000)); err != nil {
		t.Fatal(err)
	}
	var sold sync.Map // order id -> buyer, once it was answered
	var count atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	var buyers sync.WaitGroup
	for i := range 8 {
		buyers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				buyer := "b" + strconv.Itoa(i) + "-" + strconv.Itoa(n)
				order, err := sellTo(within(t), shop, "e1", buyer)
				if err != nil {
					t.Error(err)
					return
				}
				sold.Store(order.Id, buyer)
				count.Add(1)
			}
		})
	}
	stop := sync.OnceFunc(func() { cancel(); buyers.Wait() })
	defer stop()
	before := map[string]string{}
	for count.Load() < 50 {
		time.Sleep(time.Millisecond) // until enough was sold
	}
	sold.Range(func(order, buyer any) bool { before[order.(string)] = buyer.(string); return true })
	view := p.backups.await(t, "monday")
	if view.err != nil || view.m == nil || view.m.LastBatch == 0 || view.dir != filepath.Join(backupsBeside(data), "monday") {
		t.Fatalf("%+v", view)
	}
	stop()
	if again, err := p.backups.make("monday"); err != nil || again.m != view.m {
		t.Errorf("asked again: %+v, %v", again, err)
	}
	if _, err := p.backups.make("../monday"); err == nil {
		t.Error("a backup goes where its name says")
	}
	if err := os.MkdirAll(filepath.Join(backupsBeside(data), "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := p.backups.make("taken"); !errors.Is(err, errBackupName) {
		t.Errorf("a folder that is no backup: %v", err)
	}
	_ = shop.Close()
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	then := inspectedBy(t, data, "e1", "--at", "batch:"+strconv.FormatUint(view.m.LastBatch, 10))
	copied := inspectedBy(t, view.dir, "e1")
	if then.Fact != copied.Fact || then.StateHash != copied.StateHash || then.Fact == 0 {
		t.Errorf("at batch %d the original is at fact %d with state hash %s, the backup at %d with %s", view.m.LastBatch, then.Fact, then.StateHash, copied.Fact, copied.StateHash)
	}

	restored := filepath.Join(t.TempDir(), "restored")
	must(t, "restore", view.dir, restored)
	bringVaultKey(t, data, restored)
	p = startedProcess(t, restored)
	shop, err = client.Connect(p.natsURL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	for order, buyer := range before {
		if again, err := shop.Order(within(t), "e1", &pb.OrderCommand{Buyer: buyer, Order: order}); err != nil || again.Id != order {
			t.Fatalf("order %s was answered before the backup was asked for: %v, %v", order, again, err)
		}
	}
	for i := range 50 {
		order, err := sellTo(within(t), shop, "e1", "new"+strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		if _, taken := sold.Load(order.Id); taken {
			t.Fatalf("order %s is given by the original and by the copy", order.Id)
		}
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	wants(t, must(t, "verify", restored), "whole: every check passed")
}

// sellTo holds a ticket and pays for it.
func sellTo(ctx context.Context, shop *client.Client, event, buyer string) (*pb.Order, error) {
	hold, err := shop.Hold(ctx, event, &pb.HoldCommand{Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
	if err != nil {
		return nil, err
	}
	return shop.Confirm(ctx, event, &pb.ConfirmCommand{Buyer: buyer, Hold: hold.Id, PaymentRef: "inv-" + buyer})
}

// TestAStopEndsABackup stops an engine while a backup may be under way: nothing of it is left, or all of it.
func TestAStopEndsABackup(t *testing.T) {
	data := soldFolder(t)
	p := startedProcess(t, data)
	if _, err := p.backups.make("now"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.backups.make("another"); err != nil && !errors.Is(err, errBackupBusy) {
		t.Errorf("two at once: %v", err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"now", "another"} {
		dir := filepath.Join(backupsBeside(data), name)
		if _, err := os.Stat(dir); err == nil {
			wants(t, must(t, "verify", dir), "whole: every check passed")
		}
	}
}

// TestASignalMakesABackup asks a process for a backup with SIGUSR1 while it serves.
func TestASignalMakesABackup(t *testing.T) {
	data := newData(t)
	c := startChild(t, data)
	shop, err := client.Connect(c.NATS, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = shop.Close() }()
	if _, err := shop.Create(within(t), "e1", smallEvent(100)); err != nil {
		t.Fatal(err)
	}
	order := sell(t, shop, "e1", "anna")
	if err := c.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a backup", func() bool {
		if strings.Contains(c.logs.String(), "level=ERROR") {
			t.Fatalf("%s", c.logs)
		}
		made, err := filepath.Glob(filepath.Join(backupsBeside(data), "*", "BACKUP"))
		return err == nil && len(made) == 1
	})
	eventually(t, "the log says so", func() bool { return strings.Contains(c.logs.String(), "a backup was made") })
	if state := c.end(t, syscall.SIGTERM); state.ExitCode() != 0 {
		t.Errorf("it ended with %v\n%s", state, c.logs)
	}
	made, err := filepath.Glob(filepath.Join(backupsBeside(data), "*"))
	if err != nil || len(made) != 1 {
		t.Fatal(made, err)
	}
	if found := inspectedBy(t, made[0], "e1"); found.Orders != 1 || !strings.Contains(found.Facts[len(found.Facts)-1].Text+found.Facts[len(found.Facts)-2].Text, order.Id) {
		t.Errorf("the backup has %+v", found)
	}
}

// startedProcess is an engine in this process, over a data folder.
func startedProcess(t *testing.T, data string) *process {
	t.Helper()
	c := quietConfig(t)
	c.data = data
	p, err := startProcess(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
