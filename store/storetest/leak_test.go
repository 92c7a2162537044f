package storetest_test

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

// TestNoGoroutineIsLeftBehind lives apart from the store's other tests: stores that those kill on purpose never end.
func TestNoGoroutineIsLeftBehind(t *testing.T) {
	defer goleak.VerifyNone(t)
	fs := vfs.NewMem()
	for range 3 {
		s, err := store.Open(store.Config{Dir: "data", FS: fs, New: storetest.NewToy, Open: storetest.OpenToy, MemTableBytes: 1 << 20, PassBytes: 1})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := s.Recover()
		if err != nil {
			t.Fatal(err)
		}
		w := storetest.NewWriter()
		w.Adopt(rec)
		k := engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"}
		for range 100 {
			w.Put(s, k, 2, nil)
		}
		c, err := s.Cursor("reader")
		if err != nil {
			t.Fatal(err)
		}
		w.AwaitAll()
		c.Advance(s.Durable())
		done := make(chan error, 1)
		toy := w.Toy(k)
		s.Sleep(&engine.Snapshot{Asleep: engine.Asleep{Key: k, Seq: toy.Seq(), LastAt: toy.LastAt(), StateHash: toy.StateHash()}, State: toy.AppendSnapshot(nil)},
			func(err error) { done <- err })
		if _, err := s.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Rebuild(k); err == nil {
			t.Error("a closed store rebuilt an event")
		}
	}
}
