package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// Cursor is the place up to which a consumer has read the log. The log behind it is kept until the cursor has moved on, and its new place has been
// saved: about once a second, so after a crash a consumer meets again what it read in the last second. A cursor is used by one goroutine.
type Cursor struct {
	s     *Store
	name  string
	saved position // what the disk says
	next  uint64   // where it is to go
}

// cursors are all that exist, whether or not a consumer has asked for them since the start.
type cursors struct {
	sync.Mutex
	all map[string]*Cursor
}

// Cursor returns the cursor with a name, 1 to 64 of A-Z a-z 0-9 _ -. A new one starts at the beginning of what is left of the log, and holds it from now
// on.
func (s *Store) Cursor(name string) (*Cursor, error) {
	if err := s.life.check(); err != nil {
		return nil, err
	}
	if !engine.ValidID(name) {
		return nil, fmt.Errorf("store: a cursor cannot be called %q: choose 1 to %d of A-Z a-z 0-9 _ -", name, engine.IDLenMax)
	}
	s.cursors.Lock()
	defer s.cursors.Unlock()
	if c := s.cursors.all[name]; c != nil {
		return c, nil
	}
	_, trim := s.positions()
	c := &Cursor{s: s, name: name, saved: trim, next: trim.seq}
	if err := s.remember(func(b *pebble.Batch) error { return putPosition(b, metaCursor+name, &c.saved) }); err != nil {
		return nil, fmt.Errorf("store: cursor %s: %w", name, err)
	}
	s.cursors.all[name] = c
	return c, nil
}

// HasCursor reports whether there is a cursor with a name, of earlier days or asked for since the start.
func (s *Store) HasCursor(name string) bool {
	s.cursors.Lock()
	defer s.cursors.Unlock()
	return s.cursors.all[name] != nil
}

// loadCursors finds the cursors of earlier days.
func (s *Store) loadCursors() error {
	s.cursors.all = make(map[string]*Cursor)
	prefix := metaKey(metaCursor)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: append(metaKey(metaCursor), 0xff)})
	if err != nil {
		return fmt.Errorf("read the cursors: %w", err)
	}
	var names []string
	for ok := it.First(); ok; ok = it.Next() {
		names = append(names, string(it.Key()[len(prefix):]))
	}
	if err := it.Error(); err != nil {
		_ = it.Close()
		return fmt.Errorf("read the cursors: %w", err)
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("read the cursors: %w", err)
	}
	for _, name := range names {
		c := &Cursor{s: s, name: name}
		if _, err := getPosition(s.db, metaCursor+name, &c.saved); err != nil {
			return err
		}
		c.next = c.saved.seq
		s.cursors.all[name] = c
	}
	return nil
}

// Name is the cursor's name.
func (c *Cursor) Name() string { return c.name }

// Position is the journal seq of the last batch that the consumer is done with; 0 is none.
func (c *Cursor) Position() uint64 {
	c.s.cursors.Lock()
	defer c.s.cursors.Unlock()
	return c.next
}

// Advance says that the consumer is done with every batch up to seq. A seq at or below Position changes nothing; one that is not durable yet panics.
func (c *Cursor) Advance(seq uint64) {
	if d := c.s.Durable(); seq > d {
		panic(fmt.Sprintf("store: cursor %s advances to batch %d, but only %d are durable", c.name, seq, d))
	}
	c.s.cursors.Lock()
	defer c.s.cursors.Unlock()
	c.next = max(c.next, seq)
}

// Durable is the journal seq of the newest batch that is durable.
func (c *Cursor) Durable() uint64 { return c.s.Durable() }

// LagBytes is how much log is behind the cursor, in bytes.
func (c *Cursor) LagBytes() uint64 {
	c.s.cursors.Lock()
	defer c.s.cursors.Unlock()
	return cursorLag(&c.saved, c.s.journal.bytes.Load())
}

// Rewind puts the cursor back to the beginning of what is left of the log, durably, and returns the last batch that is gone; 0 is none.
func (c *Cursor) Rewind() (uint64, error) {
	if err := c.s.life.check(); err != nil {
		return 0, err
	}
	c.s.cursors.Lock()
	defer c.s.cursors.Unlock()
	_, trim := c.s.positions()
	if err := c.s.remember(func(b *pebble.Batch) error { return putPosition(b, metaCursor+c.name, &trim) }); err != nil {
		return 0, fmt.Errorf("store: rewind cursor %s: %w", c.name, err)
	}
	c.saved, c.next = trim, trim.seq
	return trim.seq, nil
}

// Remove forgets the cursor: it holds nothing back any more.
func (c *Cursor) Remove() error {
	c.s.cursors.Lock()
	defer c.s.cursors.Unlock()
	if err := c.s.remember(func(b *pebble.Batch) error { return b.Delete(metaKey(metaCursor+c.name), nil) }); err != nil {
		return fmt.Errorf("store: remove cursor %s: %w", c.name, err)
	}
	delete(c.s.cursors.all, c.name)
	return nil
}

// Read calls use with the runs of the durable batches behind after, in the order of the log: at most limit batches, 0 for all that are durable now.
// It returns the last batch read; if use fails, the one before. after must not be below the cursor's Position. The run, except for its key, is valid
// during the call only.
func (c *Cursor) Read(ctx context.Context, after uint64, limit int, use func(seq uint64, run *engine.Run) error) (uint64, error) {
	if err := c.s.life.check(); err != nil {
		return after, err
	}
	if p := c.Position(); after < p {
		return after, fmt.Errorf("store: cursor %s is at batch %d: what lies behind may be gone, it cannot be read from %d", c.name, p, after)
	}
	end := c.s.Durable()
	if limit > 0 && end-min(end, after) > uint64(limit) {
		end = after + uint64(limit)
	}
	if after >= end {
		return after, nil
	}
	last, err := c.read(ctx, after, end, use)
	if err != nil {
		err = fmt.Errorf("store: cursor %s: %w", c.name, pebbleError(err))
	}
	return last, err
}

func (c *Cursor) read(ctx context.Context, after, end uint64, use func(uint64, *engine.Run) error) (uint64, error) {
	r := runsReader{keys: keyCache{}, last: after, own: c.s.journal.own, use: use}
	err := r.read(ctx, c.s.db, end)
	return r.last, err
}

// runsReader reads batches one after the other and hands out their runs.
type runsReader struct {
	keys  keyCache
	last  uint64 // the last batch that was used whole
	head  link   // of it, once begun
	begun bool
	own   uint64 // the first batch that this process has made itself; 0 is none
	use   func(uint64, *engine.Run) error
}

// read reads the batches behind r.last up to end.
func (r *runsReader) read(ctx context.Context, from reader, end uint64) error {
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: journalKey(r.last + 1), UpperBound: journalKey(end + 1)})
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	defer func() { _ = it.Close() }()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read batch %d: %w", r.last+1, err)
		}
		if err := r.batch(v); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if r.last != end {
		return fmt.Errorf("the journal ends at batch %d, not at %d: %w", r.last, end, ErrDamaged)
	}
	return nil
}

// batch hands out the runs of the batch behind r.last.
func (r *runsReader) batch(v []byte) error {
	b, err := viewBatch(v, r.last+1)
	if err != nil {
		return err
	}
	if !r.begun {
		r.head, r.begun = b.prev(), true
	}
	check := b.checkLink
	if r.own > 0 && b.seq() >= r.own {
		// Its link was made here, nearly always of the very bytes that are read, and what comes from a table has Pebble's checksum. To hash it again is a tenth
		// of what those who follow the log do.
		check = b.checkPrev
	}
	if err := check(&r.head); err != nil {
		return err
	}
	runs := b.reader()
	for {
		more, err := runs.next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		runs.run.Key = r.keys.key(runs.name)
		if err := r.use(b.seq(), &runs.run); err != nil {
			return err
		}
	}
	r.last, r.head = b.seq(), b.link()
	return nil
}

// Wait returns when a batch behind after is durable, or with the error of ctx or of the store.
func (c *Cursor) Wait(ctx context.Context, after uint64) error {
	return c.s.journal.waitDurable(ctx, after)
}

// keyCache decodes keys once as long as they come again and again.
type keyCache map[string]engine.Key

const keyCacheLen = 4096

func (k keyCache) key(name []byte) engine.Key {
	if key, ok := k[string(name)]; ok {
		return key
	}
	if len(k) >= keyCacheLen {
		clear(k)
	}
	key := aggregateKey(name)
	k[string(name)] = key
	return key
}

// saveCursors puts the cursors that have moved into b, and returns what becomes true when b is durable. REQUIRES: the lock of the cursors.
func (s *Store) saveCursors(b *pebble.Batch) (moved map[*Cursor]position, err error) {
	for _, c := range s.cursors.all {
		if c.next == c.saved.seq {
			continue
		}
		p, err := s.positionOf(c.next)
		if err != nil {
			return nil, err
		}
		if err := putPosition(b, metaCursor+c.name, &p); err != nil {
			return nil, fmt.Errorf("save cursor %s: %w", c.name, err)
		}
		if moved == nil {
			moved = make(map[*Cursor]position)
		}
		moved[c] = p
	}
	return moved, nil
}

// positionOf is the place behind a batch that is still there.
func (s *Store) positionOf(seq uint64) (position, error) {
	v, closer, err := s.db.Get(journalKey(seq))
	if err != nil {
		return position{}, fmt.Errorf("read batch %d: %w", seq, err)
	}
	defer func() { _ = closer.Close() }()
	b, err := viewBatch(v, seq)
	if err != nil {
		return position{}, err
	}
	return position{seq: seq, head: b.link(), bytes: b.before() + uint64(len(b))}, nil
}

// HoldsBack reports whether a cursor holds back more log than [Config.CursorLagBytes]: the log cannot be cut, so new holds should be refused before
// the disk fills. It is looked at about once a second.
func (s *Store) HoldsBack() bool { return s.holdsBack.Load() }

// waitDurable waits for a batch behind after.
func (j *journal) waitDurable(ctx context.Context, after uint64) error {
	for {
		j.mu.Lock()
		if j.acked.Load() > after {
			j.mu.Unlock()
			return nil
		}
		if j.readers == nil {
			j.readers = make(chan struct{})
		}
		moved := j.readers
		j.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		case <-j.life.done:
			return j.life.check()
		case <-j.closed:
			if j.acked.Load() > after {
				return nil
			}
			return ErrClosed
		}
	}
}

func cursorLag(saved *position, bytes uint64) uint64 {
	return bytes - min(bytes, saved.bytes)
}
