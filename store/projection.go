package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// A projection is what a reader of the log has made of it, kept so that the reader need not begin again: a header under p|name and the state in chunks of
// SnapshotChunkBytes under p|name|generation|chunk. Both come in ingested tables, as snapshots do: all of a new projection is there, or all of the old one.
// The header, little endian:
//
//	+---------+---------+------------+---------+-----------+----------+
//	| version | 0...    | generation | batch   | state len | sha-256  |
//	| 1 byte  | 7 bytes | 8 bytes    | 8 bytes | 8 bytes   | 32 bytes |
//	+---------+---------+------------+---------+-----------+----------+
//
// batch is a journal seq: the state is made of every batch up to it.
const (
	projectionVersion   = 1
	projectionHeaderLen = 32 + sha256.Size
)

type projectionHeader struct {
	generation, batch, length uint64
	sum                       [sha256.Size]byte
}

func (h *projectionHeader) append(dst []byte) []byte {
	dst = append(dst, projectionVersion, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, h.generation)
	dst = binary.LittleEndian.AppendUint64(dst, h.batch)
	dst = binary.LittleEndian.AppendUint64(dst, h.length)
	return append(dst, h.sum[:]...)
}

func (h *projectionHeader) read(b []byte) error {
	if len(b) != projectionHeaderLen || b[0] != projectionVersion {
		if len(b) > 0 && b[0] > projectionVersion {
			return fmt.Errorf("a projection has format %d, this program reads up to %d: %w", b[0], projectionVersion, ErrNewer)
		}
		return fmt.Errorf("a projection's header does not decode: %w", ErrDamaged)
	}
	h.generation = binary.LittleEndian.Uint64(b[8:])
	h.batch = binary.LittleEndian.Uint64(b[16:])
	h.length = binary.LittleEndian.Uint64(b[24:])
	h.sum = [sha256.Size]byte(b[32:])
	return nil
}

// Projection keeps what one reader of the log has made of it. It is used by one goroutine at a time.
type Projection struct {
	s    *Store
	name string
	mu   sync.Mutex // one Save at a time
}

// Projection returns the projection with a name, 1 to 64 of A-Z a-z 0-9 _ -.
func (s *Store) Projection(name string) (*Projection, error) {
	if !engine.ValidID(name) {
		return nil, fmt.Errorf("store: a projection cannot be called %q: choose 1 to %d of A-Z a-z 0-9 _ -", name, engine.IDLenMax)
	}
	return &Projection{s: s, name: name}, nil
}

// Load returns the state that was saved last and the batch of the journal up to which it goes; nil if none was. The state is the caller's to keep. Errors wrap
// [ErrDamaged] where it is not what was saved, or [ErrNewer]: it can be made anew from the log.
func (p *Projection) Load() (batch uint64, state []byte, err error) {
	if err := p.s.life.check(); err != nil {
		return 0, nil, err
	}
	snap := p.s.db.NewSnapshot()
	defer func() { _ = snap.Close() }()
	h, state, err := readProjection(snap, p.name)
	if err != nil {
		return 0, nil, fmt.Errorf("store: load projection %s: %w", p.name, pebbleError(err))
	}
	return h.batch, state, nil
}

// Save replaces the state by one that is made of every batch up to batch, which must be durable. When it returns nil the new state is durable; after an error
// or a crash there is the old one or the new one, whole. Nothing of it goes through the log of Pebble, so nobody waits for it. It keeps nothing of state.
func (p *Projection) Save(ctx context.Context, batch uint64, state []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.s.life.check(); err != nil {
		return err
	}
	if d := p.s.Durable(); batch > d {
		panic(fmt.Sprintf("store: projection %s is of batch %d, but only %d are durable", p.name, batch, d))
	}
	if err := p.save(ctx, batch, state); err != nil {
		return fmt.Errorf("store: save projection %s: %w", p.name, err)
	}
	return nil
}

func (p *Projection) save(ctx context.Context, batch uint64, state []byte) error {
	old, found, err := getProjection(p.s.db, p.name)
	switch {
	case errors.Is(err, ErrDamaged): // it was made anew: what is left of it goes too, below
		found = false
	case err != nil:
		return err
	}
	h := projectionHeader{generation: old.generation + 1, batch: batch, length: uint64(len(state)), sum: sha256.Sum256(state)}
	if !found {
		// Behind whatever chunks there are without a header that says so.
		if h.generation, err = lastGeneration(p.s.db, p.name); err != nil {
			return err
		}
		h.generation++
	}
	g := p.s.newIngestion()
	defer g.abandon()
	if err := g.project(ctx, p.name, &h, state); err != nil {
		return err
	}
	// As for snapshots: a backup, which links tables after a flush, must not get a state that is ahead of its log.
	p.s.snapshots.Lock()
	defer p.s.snapshots.Unlock()
	if err := g.finish(ctx, nil); err != nil {
		if ctx.Err() != nil {
			return err
		}
		// Whether a failed ingestion left anything durable is not known.
		p.s.life.die(fmt.Errorf("store: save projection %s: %w", p.name, err))
		return err
	}
	g.files = nil
	return nil
}

// project builds the tables of a projection: what there was goes, and the new one comes.
func (g *ingestion) project(ctx context.Context, name string, h *projectionHeader, state []byte) error {
	w, err := g.table()
	if err != nil {
		return err
	}
	g.states = w
	if err := w.Set(projectionKey(name), h.append(nil)); err != nil {
		return fmt.Errorf("write a projection: %w", err)
	}
	if err := w.DeleteRange(projectionChunkKey(name, 0, 0), projectionChunkKey(name, h.generation, 0)); err != nil {
		return fmt.Errorf("write a projection: %w", err)
	}
	for i := range chunksOf(h.length) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if g.written > tableBytesMax {
			if err := g.states.Close(); err != nil {
				return fmt.Errorf("finish a table of a projection: %w", err)
			}
			if g.states, err = g.table(); err != nil {
				g.states = nil
				return err
			}
			g.written = 0
		}
		chunk := state[i*SnapshotChunkBytes : min((i+1)*SnapshotChunkBytes, len(state))]
		if err := g.states.Set(projectionChunkKey(name, h.generation, uint32(i)), chunk); err != nil {
			return fmt.Errorf("write a projection: %w", err)
		}
		g.written += len(chunk)
	}
	return nil
}

// getProjection reads the header of a projection.
func getProjection(r reader, name string) (h projectionHeader, found bool, err error) {
	v, closer, err := r.Get(projectionKey(name))
	if errors.Is(err, pebble.ErrNotFound) {
		return h, false, nil
	}
	if err != nil {
		return h, false, fmt.Errorf("read the header of a projection: %w", err)
	}
	defer func() { _ = closer.Close() }()
	return h, true, h.read(v)
}

// readProjection reads and checks a projection; a nil state says that there is none.
func readProjection(r reader, name string) (h projectionHeader, state []byte, err error) {
	h, found, err := getProjection(r, name)
	if err != nil || !found {
		return h, nil, err
	}
	if h.length > 1<<40 {
		return h, nil, fmt.Errorf("a projection of %d bytes: %w", h.length, ErrDamaged)
	}
	state = make([]byte, 0, min(h.length, 64<<20))
	if err := h.check(r, name, func(chunk []byte) { state = append(state, chunk...) }); err != nil {
		return h, nil, err
	}
	return h, state, nil
}

// check calls use with the state in pieces, and fails at the end if they are not what was saved.
func (h *projectionHeader) check(r reader, name string, use func(chunk []byte)) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: projectionChunkKey(name, h.generation, 0), UpperBound: projectionChunkKey(name, h.generation+1, 0)})
	if err != nil {
		return fmt.Errorf("read a projection: %w", err)
	}
	defer func() { _ = it.Close() }()
	sum, n, length := sha256.New(), 0, uint64(0)
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read chunk %d of a projection: %w", n, err)
		}
		if length += uint64(len(v)); length > h.length || string(it.Key()) != string(projectionChunkKey(name, h.generation, uint32(n))) {
			break
		}
		_, _ = sum.Write(v) // never fails
		use(v)
		n++
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("read a projection: %w", err)
	}
	if length != h.length || [sha256.Size]byte(sum.Sum(nil)) != h.sum {
		return fmt.Errorf("a projection up to batch %d should have %d bytes, or its content has changed: %w", h.batch, h.length, ErrDamaged)
	}
	return nil
}

// lastGeneration is the highest generation of which there are chunks, 0 if there are none.
func lastGeneration(r reader, name string) (uint64, error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: projectionChunkKey(name, 0, 0), UpperBound: projectionChunkKey(name, ^uint64(0), 0)})
	if err != nil {
		return 0, fmt.Errorf("look for a projection: %w", err)
	}
	defer func() { _ = it.Close() }()
	if !it.Last() {
		return 0, it.Error()
	}
	k := it.Key()
	return binary.BigEndian.Uint64(k[len(k)-12:]), nil
}

// projectionNames are the names of all projections, in order.
func projectionNames(r reader) ([]string, error) {
	lower, upper := prefixBounds(keyProjection)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("look for projections: %w", err)
	}
	defer func() { _ = it.Close() }()
	var names []string
	for ok := it.First(); ok; ok = it.Next() {
		k := it.Key()
		if len(k) < 3 || len(k) < 3+int(k[2]) {
			return nil, fmt.Errorf("a projection has an impossible key %x: %w", k, ErrDamaged)
		}
		if len(k) == 3+int(k[2]) {
			names = append(names, string(k[3:]))
		}
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("look for projections: %w", err)
	}
	return names, nil
}

func projectionKey(name string) []byte {
	k := append(make([]byte, 0, 3+len(name)+12), keyProjection, '|', byte(len(name)))
	return append(k, name...)
}

func projectionChunkKey(name string, generation uint64, chunk uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(projectionKey(name), generation), chunk)
}
