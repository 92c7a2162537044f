package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/store/storetest"
)

func TestAFullDiskStopsTheStoreBeforeItIsFull(t *testing.T) {
	const mib = 1 << 20
	mem := vfs.NewMem()
	free := func(n uint64) { mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: n * mib, TotalBytes: 1 << 40}) }
	var died error
	var alarms []error
	c := small(mem, dataDir)
	c.KeepEvery, c.ReserveBytes = -1, 10*mib
	c.Fatal = func(err error) { died = err }
	c.Alarm = func(err error) { alarms = append(alarms, err) }

	free(9)
	if _, err := Open(c); !errors.Is(err, ErrDiskFull) || !strings.Contains(err.Error(), "reserve") {
		t.Fatalf("a start with 9 MiB free got %v", err)
	}
	free(1000)
	b := &bench{t: t, c: c, w: storetest.NewWriter()}
	b.open()
	if there, err := b.s.folder.exists(nameReserve); !there || err != nil {
		t.Errorf("no space was reserved: %v", err)
	}
	b.put(1, 5, 1)
	b.s.keep()
	if b.s.Full() || len(alarms) > 0 {
		t.Fatalf("with 1000 MiB free: full %v, alarms %v", b.s.Full(), alarms)
	}
	free(19)
	b.s.keep()
	b.s.keep()
	if !b.s.Full() || len(alarms) != 1 || died != nil {
		t.Fatalf("with 19 MiB free: full %v, alarms %v, died of %v: want full and one alarm", b.s.Full(), alarms, died)
	}
	b.put(1, 5, 1) // what is sold can still be confirmed
	free(1000)
	b.s.keep()
	if b.s.Full() {
		t.Fatal("with 1000 MiB free again it says it is full")
	}
	free(9)
	b.s.keep()
	if !errors.Is(died, ErrDiskFull) {
		t.Fatalf("with 9 MiB free it died of %v", died)
	}
	if err := b.s.Ready(); !errors.Is(err, ErrDead) {
		t.Errorf("a dead store says it is %v", err)
	}
	if err := b.s.Close(); !errors.Is(err, ErrDead) || !errors.Is(err, ErrDiskFull) {
		t.Errorf("closing a dead store: %v", err)
	}
	free(100)
	b.c.Fatal = nil
	b.open()
	storetest.CheckRecovered(t, b.w, b.rec)
}
