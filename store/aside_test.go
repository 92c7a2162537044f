package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

// An event whose facts do not fold is set aside by a start, with the reason; the others are there. Its log is left as it is, so each start says so again, and
// a snapshot pass cuts nothing away.
func TestAStartSetsAsideWhatDoesNotFold(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 5, 2)
	b.put(2, 5, 2)
	b.put(3, 5, 2)
	b.w.Run(b.s, toyKey(1), func(toy *storetest.Toy, f *engine.Facts) { storetest.AppendProof(f, toy.StateHash()+1) })
	worse := &engine.Run{Key: toyKey(3), First: b.w.Toy(toyKey(3)).Seq() + 1}
	storetest.AppendPanic(&worse.Facts)
	b.s.Append(worse)
	b.put(1, 1, 1)
	b.put(2, 1, 1)
	for range 2 {
		b.reopen()
		if len(b.rec.Unusable) != 2 || len(b.rec.Awake) != 1 || b.rec.Awake[0].Key != toyKey(2) {
			t.Fatalf("recovered %d and set aside %+v, want the second event and two set aside", len(b.rec.Awake), b.rec.Unusable)
		}
		for _, u := range b.rec.Unusable {
			if why := map[engine.Key]string{toyKey(1): "proof", toyKey(3): "panicked"}[u.Key]; why == "" || !strings.Contains(u.Why, why) {
				t.Errorf("%v is set aside because of %q", u.Key, u.Why)
			}
		}
		if got, want := b.rec.Awake[0].State.StateHash(), b.w.Toy(toyKey(2)).StateHash(); got != want {
			t.Errorf("the event beside them has state %016x, want %016x", got, want)
		}
		if _, err := b.s.Pass(t.Context()); err == nil {
			t.Error("a pass went over them")
		}
	}
}

// A run that is missing, and whatever does not fold of the node itself, still refuse the start.
func TestAStartRefusesWhatMayBeMissing(t *testing.T) {
	node := engine.Key{Account: engine.SingleAccount, Kind: engine.KindNode, ID: "node"}
	for name, run := range map[string]*engine.Run{
		"a gap in an event": {Key: toyKey(1), First: 99},
		"the node":          {Key: node, First: 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.put(1, 5, 2)
			storetest.AppendProof(&run.Facts, 1)
			b.s.Append(run)
			if err := b.s.settle(); err != nil {
				t.Fatal(err)
			}
			b.close()
			s := mustOpen(t, b.c)
			_, err := s.Recover()
			if err == nil || (run.Key == toyKey(1)) != errors.Is(err, engine.ErrOutOfOrder) {
				t.Errorf("recovered: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
