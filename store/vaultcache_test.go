package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// TestNobodySealsUnderADestroyedKey seals and erases at the same time: a key that somebody had before a subject was erased is nobody's afterwards.
func TestNobodySealsUnderADestroyedKey(t *testing.T) {
	b := vaultBench(t, nil)
	const erasures, sealers = 20, 4
	type use struct{ ended, began uint64 } // the earliest end and the latest beginning of a use
	var (
		epoch atomic.Uint64 // odd while the subject is being erased
		mu    sync.Mutex
		uses  = make(map[[8]byte]use)
		stop  atomic.Bool
		wg    sync.WaitGroup
	)
	seal := func(method string) bool {
		began := epoch.Load()
		sealed, err := b.s.Vault().Seal("_", "anna", method, []byte("x"))
		ended := epoch.Load()
		if err != nil {
			t.Error(err)
			return false
		}
		id := [8]byte(sealed.Value[1:])
		mu.Lock()
		defer mu.Unlock()
		u, known := uses[id]
		if !known {
			u = use{ended, began}
		}
		uses[id] = use{min(u.ended, ended), max(u.began, began)}
		return true
	}
	for i := range sealers {
		wg.Go(func() {
			for n := 0; !stop.Load() && seal(fmt.Sprintf("m%d-%d", i, n)); n++ {
			}
		})
	}
	for range erasures {
		seal("m") // there is a key to destroy
		epoch.Add(1)
		if err := b.s.Vault().Erase(context.Background(), "_", "anna"); err != nil {
			t.Error(err)
		}
		epoch.Add(1)
	}
	stop.Store(true)
	wg.Wait()
	for id, u := range uses {
		if erased := (u.ended + 1) | 1; u.began > erased { // the first erasure that began after a use had ended
			t.Errorf("key %x was used before erasure %d and after it", binary.BigEndian.Uint64(id[:]), erased/2)
		}
	}
	if len(uses) < erasures {
		t.Errorf("%d keys were seen in %d erasures", len(uses), erasures)
	}
}

func TestAKeyReadBeforeAnErasureIsNotKept(t *testing.T) {
	var o openKeys
	_, before := o.get([]byte("anna"))
	o.forget()
	o.add([]byte("anna"), new(subjectKey), before)
	if k, _ := o.get([]byte("anna")); k != nil {
		t.Error("a key that was read before it was destroyed is kept")
	}
	_, now := o.get([]byte("anna"))
	o.add([]byte("anna"), new(subjectKey), now)
	if k, _ := o.get([]byte("anna")); k == nil {
		t.Error("a key that was read is not kept")
	}
	for i := range vaultKeysOpen + 10 {
		o.add(fmt.Append(nil, i), new(subjectKey), now)
	}
	if len(o.keys) != vaultKeysOpen {
		t.Errorf("%d keys are kept, want %d", len(o.keys), vaultKeysOpen)
	}
}
