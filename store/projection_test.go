package store

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2"
)

func (b *bench) projection() *Projection {
	b.t.Helper()
	p, err := b.s.Projection("kpi")
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) project(state []byte) {
	b.t.Helper()
	if err := b.projection().Save(b.t.Context(), b.s.Durable(), state); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) wantProjection(batch uint64, state []byte) {
	b.t.Helper()
	got, bytesGot, err := b.projection().Load()
	if err != nil || got != batch || !bytes.Equal(bytesGot, state) {
		b.t.Fatalf("the projection is of batch %d, %d bytes: %v; want batch %d, %d bytes", got, len(bytesGot), err, batch, len(state))
	}
}

// keys counts the keys of projections.
func (b *bench) projectionKeys() (n int) {
	b.t.Helper()
	lower, upper := prefixBounds(keyProjection)
	it, err := b.s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		b.t.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	if err := it.Close(); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestAProjectionIsReplacedWhole(t *testing.T) {
	b := newBench(t, nil)
	b.wantProjection(0, nil)
	var last []byte
	for i, size := range []int{5 * SnapshotChunkBytes, 3*SnapshotChunkBytes + 1, 0, 1, 2 * SnapshotChunkBytes} {
		b.put(1, 2, 1)
		last = bytes.Repeat([]byte{byte(i + 1)}, size)
		b.project(last)
		b.wantProjection(b.s.Durable(), append([]byte{}, last...))
		if want := 1 + chunksOf(uint64(size)); b.projectionKeys() != want {
			t.Errorf("%d keys are left of a projection of %d bytes, want %d", b.projectionKeys(), size, want)
		}
	}
	at := b.s.Durable()
	b.put(1, 2, 1)
	b.pass()
	b.reopen()
	b.wantProjection(at, last)
	b.close()
	if rep := b.verify(); len(rep.Projections) != 1 || rep.Projections[0] != (VerifiedProjection{Name: "kpi", Batch: at, Bytes: uint64(len(last))}) {
		t.Errorf("the report has %+v", rep.Projections)
	}
}

func TestAProjectionThatIsGivenUpIsTheOldOne(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 2, 1)
	b.project([]byte("one"))
	at := b.s.Durable()
	b.put(1, 2, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.projection().Save(ctx, b.s.Durable(), make([]byte, 3*SnapshotChunkBytes)); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	b.wantProjection(at, []byte("one"))
	if err := b.s.Ready(); err != nil {
		t.Error(err)
	}
	if left, err := b.s.folder.fs.List(b.s.folder.path(nameTemp)); err != nil || len(left) != 0 {
		t.Errorf("%v are left behind: %v", left, err)
	}
}

func TestADamagedProjectionIsFoundAndReplaced(t *testing.T) {
	for what, spoil := range map[string]func(*pebble.Batch, *projectionHeader) error{
		"another byte": func(d *pebble.Batch, h *projectionHeader) error {
			return d.Set(projectionChunkKey("kpi", h.generation, 1), make([]byte, SnapshotChunkBytes), nil)
		},
		"a chunk missing": func(d *pebble.Batch, h *projectionHeader) error {
			return d.Delete(projectionChunkKey("kpi", h.generation, 1), nil)
		},
		"a header that is none": func(d *pebble.Batch, _ *projectionHeader) error { return d.Set(projectionKey("kpi"), []byte{0}, nil) },
		"ahead of the log": func(d *pebble.Batch, h *projectionHeader) error {
			h.batch = 1000
			return d.Set(projectionKey("kpi"), h.append(nil), nil)
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, nil)
			b.put(1, 2, 1)
			b.project(bytes.Repeat([]byte("kpi"), SnapshotChunkBytes))
			h, _, err := getProjection(b.s.db, "kpi")
			if err != nil {
				t.Fatal(err)
			}
			if err := b.s.remember(func(d *pebble.Batch) error { return spoil(d, &h) }); err != nil {
				t.Fatal(err)
			}
			// Of one that is ahead of the log only the reader can tell.
			if _, _, err := b.projection().Load(); h.batch != 1000 && !errors.Is(err, ErrDamaged) {
				t.Errorf("it was read: %v", err)
			}
			b.close()
			rep, err := Verify(VerifyConfig{Dir: b.c.Dir, FS: b.c.FS, New: b.c.New, Open: b.c.Open})
			if err != nil || len(rep.Problems) != 1 || !errors.Is(rep.Problems[0], ErrDamaged) {
				t.Errorf("verify finds %v %v", rep.Problems, err)
			}
			b.open()
			b.project([]byte("anew"))
			b.wantProjection(b.s.Durable(), []byte("anew"))
			if b.projectionKeys() != 2 {
				t.Errorf("%d keys are left, want 2", b.projectionKeys())
			}
		})
	}
}

func TestABackupHasTheProjection(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 5, 1)
	state := bytes.Repeat([]byte("kpi"), SnapshotChunkBytes)
	b.project(state)
	at := b.s.Durable()
	b.put(1, 5, 1)
	cursor, err := b.s.Cursor("kpi")
	if err != nil {
		t.Fatal(err)
	}
	cursor.Advance(at)
	if err := b.s.save(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.s.Backup(t.Context(), BackupConfig{Dir: "b/one"}); err != nil {
		t.Fatal(err)
	}
	b.close()
	b.c.Dir = "c/data"
	if _, err := Restore(t.Context(), RestoreConfig{Backup: "b/one", Store: b.c, Incarnate: keepAs}); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.wantProjection(at, state)
	if cursor, err = b.s.Cursor("kpi"); err != nil || cursor.Position() != at {
		t.Errorf("the cursor is at %d in the restored folder (%v), want %d", cursor.Position(), err, at)
	}
}

func TestARewoundCursorBeginsWithWhatIsLeft(t *testing.T) {
	b := newBench(t, nil)
	c, err := b.s.Cursor("kpi")
	if err != nil {
		t.Fatal(err)
	}
	b.put(1, 20, 1)
	c.Advance(b.s.Durable())
	if err := b.s.save(); err != nil {
		t.Fatal(err)
	}
	first := b.pass().To
	b.put(1, 20, 1)
	if got := b.pass().Trimmed; got != first {
		t.Fatalf("cut up to %d, want %d", got, first)
	}
	b.put(1, 20, 1)
	c.Advance(b.s.Durable())
	if err := b.s.save(); err != nil {
		t.Fatal(err)
	}
	if c.LagBytes() != 0 {
		t.Errorf("the cursor is at the end and %d bytes behind", c.LagBytes())
	}
	gone, err := c.Rewind()
	if err != nil || gone != first || c.Position() != first || c.LagBytes() == 0 {
		t.Fatalf("rewound to %d (%v), at %d, %d bytes behind; want %d", gone, err, c.Position(), c.LagBytes(), first)
	}
	b.reopen()
	if c, err = b.s.Cursor("kpi"); err != nil || c.Position() != first {
		t.Errorf("after a restart it is at %d (%v)", c.Position(), err)
	}
}

// TestPiecesOfAnySizeAreRead keeps what was kept in pieces of another size: those of an earlier program are of 1 MiB.
func TestPiecesOfAnySizeAreRead(t *testing.T) {
	b := newBench(t, nil)
	b.put(1, 2, 1)
	state := bytes.Repeat([]byte("kpi"), SnapshotChunkBytes)
	b.project(state)
	h, _, err := getProjection(b.s.db, "kpi")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.s.remember(func(d *pebble.Batch) error {
		if err := d.DeleteRange(projectionChunkKey("kpi", h.generation, 0), projectionChunkKey("kpi", h.generation+1, 0), nil); err != nil {
			return err
		}
		return d.Set(projectionChunkKey("kpi", h.generation, 0), state, nil)
	}); err != nil {
		t.Fatal(err)
	}
	b.wantProjection(h.batch, state)
	b.close()
	b.open()
	b.wantProjection(h.batch, state)
}
