package store

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

func TestACursorReadsTheLogInOrderAndGoesOnAfterARestart(t *testing.T) {
	b := newBench(t, nil)
	c, err := b.s.Cursor("projection")
	if err != nil {
		t.Fatal(err)
	}
	var all storetest.Consumer
	for i := range 100 {
		b.put(i%5, 1, i%3)
		limit := i % 4
		last, err := all.Poll(t.Context(), c, limit)
		if err != nil {
			t.Fatal(err)
		}
		c.Advance(last)
		if i == 50 {
			b.reopen() // the place is saved when the store closes
			if c, err = b.s.Cursor("projection"); err != nil {
				t.Fatal(err)
			}
			if c.Position() != last {
				t.Fatalf("the cursor is at %d after a restart, it was at %d", c.Position(), last)
			}
		}
	}
	for {
		last, err := all.Poll(t.Context(), c, 0)
		if err != nil {
			t.Fatal(err)
		}
		if c.Advance(last); last == b.s.Durable() {
			break
		}
	}
	if err := all.Compare(b.w.Written(), 0); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(t.Context(), c.Position()-1, 0, nil); err == nil {
		t.Error("what lies behind the cursor was read")
	}
}

func TestACursorThatDidNotSaveMeetsItsBatchesAgain(t *testing.T) {
	b := newBench(t, nil)
	c, err := b.s.Cursor("projection")
	if err != nil {
		t.Fatal(err)
	}
	b.put(1, 10, 1)
	c.Advance(b.s.Durable())
	b.s.cursors.Lock()
	saved := c.saved.seq
	b.s.cursors.Unlock()
	if saved != 0 {
		t.Fatalf("the place was saved before anybody did: %d", saved)
	}
	if err := b.s.save(); err != nil {
		t.Fatal(err)
	}
	b.s.cursors.Lock()
	defer b.s.cursors.Unlock()
	if c.saved.seq != b.s.Durable() || c.saved.bytes == 0 || c.saved.head == (link{}) {
		t.Errorf("saved %+v", c.saved)
	}
}

func TestANewCursorStartsAtWhatIsLeft(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 20, 1)
	b.pass()
	b.put(1, 20, 1)
	cut := b.pass().To
	b.put(1, 20, 1)
	if got := b.pass().Trimmed; got != cut {
		t.Fatalf("cut up to %d, want %d", got, cut)
	}
	c, err := b.s.Cursor("late")
	if err != nil {
		t.Fatal(err)
	}
	if c.Position() != cut {
		t.Fatalf("a new cursor is at %d, the log starts behind %d", c.Position(), cut)
	}
	var all storetest.Consumer
	if _, err := all.Poll(t.Context(), c, 0); err != nil {
		t.Fatal(err)
	}
	if err := all.Compare(b.w.Written(), 40); err != nil {
		t.Error(err)
	}
}

func TestACursorThatHoldsTooMuchIsNoticed(t *testing.T) {
	var alarms []error
	b := newBench(t, func(c *Config) {
		c.CursorLagBytes = 10 << 10
		c.Alarm = func(err error) { alarms = append(alarms, err) }
	})
	c, err := b.s.Cursor("slow")
	if err != nil {
		t.Fatal(err)
	}
	b.s.keep()
	if b.s.HoldsBack() {
		t.Fatal("an empty log is held back")
	}
	b.put(1, 50, 5)
	b.s.keep()
	b.s.keep()
	if !b.s.HoldsBack() || len(alarms) != 1 || b.s.Stats().CursorLagBytes <= 10<<10 {
		t.Fatalf("holds back: %v, %d bytes, alarms %v: want one alarm", b.s.HoldsBack(), b.s.Stats().CursorLagBytes, alarms)
	}
	c.Advance(b.s.Durable())
	b.s.keep()
	if b.s.HoldsBack() {
		t.Error("it holds nothing back any more")
	}
}

func TestACursorWaitsForTheNextBatch(t *testing.T) {
	b := newBench(t, nil)
	c, err := b.s.Cursor("waiting")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() { got <- c.Wait(t.Context(), 0) }()
	b.put(1, 1, 1)
	if err := <-got; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { got <- c.Wait(ctx, 1) }()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() { got <- c.Wait(t.Context(), 1) }()
	b.close()
	if err := <-got; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestCursorsAreChecked(t *testing.T) {
	b := newBench(t, nil)
	if _, err := b.s.Cursor("no/good"); err == nil {
		t.Error("a cursor with a bad name was made")
	}
	c, err := b.s.Cursor("good")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("it advanced to what is not durable")
		}
	}()
	if _, err := c.Read(t.Context(), 0, 0, func(uint64, *engine.Run) error { return nil }); err != nil {
		t.Error(err)
	}
	c.Advance(1)
}

// TestACursorStopsAtAChangedBatch changes a batch under a cursor. One that an earlier process has made is hashed again; one that this process has made must still go on
// where the one before it ended.
func TestACursorStopsAtAChangedBatch(t *testing.T) {
	for what, c := range map[string]struct {
		reopen bool
		at     func(batch) int
	}{
		"a fact, before a restart": {true, func(b batch) int { return len(b) - linkLen - 1 }},
		"the link, before it":      {true, func(b batch) int { return len(b) - 1 }},
		"the chain, before it":     {true, func(batch) int { return batchPrevAt }},
		"the chain, after it":      {false, func(batch) int { return batchPrevAt }},
		"the link, after it":       {false, func(b batch) int { return len(b) - 1 }},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, nil)
			if _, err := b.s.Cursor("projection"); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				b.put(1, 1, 2)
			}
			if c.reopen {
				b.reopen()
			}
			cursor, err := b.s.Cursor("projection")
			if err != nil {
				t.Fatal(err)
			}
			v, closer, err := b.s.db.Get(journalKey(2))
			if err != nil {
				t.Fatal(err)
			}
			changed := bytes.Clone(v)
			_ = closer.Close()
			changed[c.at(changed)] ^= 1
			if err := b.s.db.Set(journalKey(2), changed, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
			last, err := cursor.Read(t.Context(), 0, 0, func(uint64, *engine.Run) error { return nil })
			if !errors.Is(err, ErrDamaged) || last > 2 {
				t.Errorf("a cursor reads up to batch %d, and says: %v", last, err)
			}
		})
	}
}
