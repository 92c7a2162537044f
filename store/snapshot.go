package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// A snapshot is a header under its s| key and the aggregate's state in chunks of SnapshotChunkBytes under t| keys. The header, little endian:
//
//	+---------+---------+----------+---------+---------+---------+-----------+----------+
//	| version | 0...    | position | last at | hash    | wake    | state len | sha-256  |
//	| 1 byte  | 7 bytes | 8 bytes  | 8 bytes | 8 bytes | 8 bytes | 8 bytes   | 32 bytes |
//	+---------+---------+----------+---------+---------+---------+-----------+----------+
//
// position is a journal seq: every fact of the aggregate in batches up to it is in the snapshot. The SHA-256 is that of the whole state.
const (
	snapshotVersion = 1
	headerLen       = 48 + sha256.Size
)

// header is the header of a snapshot; seq, from its key, is the aggregate's last fact in it.
type header struct {
	seq      engine.Seq
	position uint64
	lastAt   engine.Instant
	hash     uint64
	wake     engine.Instant
	length   uint64
	sum      [sha256.Size]byte
}

func (h *header) append(dst []byte) []byte {
	dst = append(dst, snapshotVersion, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint64(dst, h.position)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.lastAt))
	dst = binary.LittleEndian.AppendUint64(dst, h.hash)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.wake))
	dst = binary.LittleEndian.AppendUint64(dst, h.length)
	return append(dst, h.sum[:]...)
}

func (h *header) read(b []byte, seq engine.Seq) error {
	if len(b) != headerLen || b[0] != snapshotVersion {
		if len(b) > 0 && b[0] > snapshotVersion {
			return fmt.Errorf("a snapshot has format %d, this program reads up to %d: %w", b[0], snapshotVersion, ErrNewer)
		}
		return fmt.Errorf("a snapshot's header does not decode: %w", ErrDamaged)
	}
	h.seq = seq
	h.position = binary.LittleEndian.Uint64(b[8:])
	h.lastAt = engine.Instant(binary.LittleEndian.Uint64(b[16:]))
	h.hash = binary.LittleEndian.Uint64(b[24:])
	h.wake = engine.Instant(binary.LittleEndian.Uint64(b[32:]))
	h.length = binary.LittleEndian.Uint64(b[40:])
	h.sum = [sha256.Size]byte(b[48:])
	return nil
}

func (h *header) asleep(k engine.Key) engine.Asleep {
	return engine.Asleep{Key: k, Seq: h.seq, LastAt: h.lastAt, StateHash: h.hash, Wake: h.wake}
}

// eachHeader calls use with every snapshot header, by aggregate, oldest first. name is valid during the call.
func eachHeader(r reader, use func(name []byte, h *header) error) error {
	lower, upper := prefixBounds(keySnapshot)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return fmt.Errorf("read the snapshots: %w", err)
	}
	defer func() { _ = it.Close() }()
	for ok := it.First(); ok; ok = it.Next() {
		name, seq, ok := splitSnapshotKey(it.Key())
		if !ok {
			return fmt.Errorf("a snapshot has an impossible key %x: %w", it.Key(), ErrDamaged)
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return fmt.Errorf("read the snapshot of %s: %w", describe(aggregateKey(name)), err)
		}
		var h header
		if err := h.read(v, seq); err != nil {
			return fmt.Errorf("%s: %w", describe(aggregateKey(name)), err)
		}
		if err := use(name, &h); err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return fmt.Errorf("read the snapshots: %w", err)
	}
	return nil
}

// readHeaders returns the newest snapshot of every aggregate that has one.
func readHeaders(r reader) (map[string]*known, error) {
	all := make(map[string]*known)
	var last *known
	err := eachHeader(r, func(name []byte, h *header) error {
		if last == nil || last.name != string(name) {
			last = &known{key: aggregateKey(name), name: string(name)}
			all[last.name] = last
		}
		last.header = *h
		return nil
	})
	return all, err
}

// headersOf returns the snapshots of one aggregate, oldest first.
func headersOf(r reader, name string) ([]header, error) {
	lower := snapshotKey([]byte(name), 0)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: append(snapshotKey([]byte(name), ^engine.Seq(0)), 0)})
	if err != nil {
		return nil, fmt.Errorf("read the snapshots: %w", err)
	}
	defer func() { _ = it.Close() }()
	var hs []header
	for ok := it.First(); ok; ok = it.Next() {
		got, seq, ok := splitSnapshotKey(it.Key())
		if !ok || string(got) != name {
			return nil, fmt.Errorf("a snapshot has an impossible key %x: %w", it.Key(), ErrDamaged)
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read a snapshot's header: %w", err)
		}
		var h header
		if err := h.read(v, seq); err != nil {
			return nil, err
		}
		hs = append(hs, h)
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("read the snapshots: %w", err)
	}
	return hs, nil
}

func newestHeader(r reader, name string) (header, bool, error) {
	hs, err := headersOf(r, name)
	if err != nil || len(hs) == 0 {
		return header{}, false, err
	}
	return hs[len(hs)-1], true, nil
}

// readState reads and checks the state of a snapshot.
func readState(r reader, name string, h *header) ([]byte, error) {
	if h.length > 1<<40 {
		return nil, fmt.Errorf("a snapshot of %d bytes: %w", h.length, ErrDamaged)
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: stateKey([]byte(name), h.seq, 0), UpperBound: stateKey([]byte(name), h.seq, uint32(chunksOf(h.length)))})
	if err != nil {
		return nil, fmt.Errorf("read a snapshot: %w", err)
	}
	defer func() { _ = it.Close() }()
	var state []byte
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read chunk %d of a snapshot: %w", n, err)
		}
		if string(it.Key()) != string(stateKey([]byte(name), h.seq, uint32(n))) {
			break
		}
		if state == nil {
			state = make([]byte, 0, h.length)
		}
		state = append(state, v...)
		n++
	}
	if err := it.Error(); err != nil {
		return nil, fmt.Errorf("read a snapshot: %w", err)
	}
	if uint64(len(state)) != h.length || sha256.Sum256(state) != h.sum {
		return nil, fmt.Errorf("a snapshot at fact %d has %d bytes in %d chunks, it should have %d, or its content has changed: %w", h.seq, len(state), n, h.length, ErrDamaged)
	}
	return state, nil
}

func chunksOf(length uint64) int {
	return int((length + SnapshotChunkBytes - 1) / SnapshotChunkBytes)
}

// openSnapshot makes the aggregate that a snapshot holds, and checks that it is the one.
func openSnapshot(c *Config, r reader, name string, key engine.Key, h *header) (engine.Aggregate, error) {
	state, err := readState(r, name, h)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", describe(key), err)
	}
	a, err := c.Open(key, state)
	if err != nil {
		return nil, fmt.Errorf("open the snapshot of %s at fact %d: %w", describe(key), h.seq, err)
	}
	if a.Seq() != h.seq || a.StateHash() != h.hash {
		return nil, fmt.Errorf("the snapshot of %s at fact %d opens as fact %d with state hash %016x, it should be %016x: %w",
			describe(key), h.seq, a.Seq(), a.StateHash(), h.hash, ErrDamaged)
	}
	return a, nil
}

// Load returns the newest snapshot of an aggregate; ok is false if it has none. The state is the caller's to keep.
func (s *Store) Load(key engine.Key) (state []byte, ok bool, err error) {
	if err := s.life.check(); err != nil {
		return nil, false, err
	}
	name := string(appendAggregate(nil, key))
	if state, ok := s.sleepState(name); ok {
		return state, true, nil
	}
	state, err = s.load(name)
	if errors.Is(err, errNoSnapshot) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("store: load %s: %w", describe(key), pebbleError(err))
	}
	return state, true, nil
}

func (s *Store) load(name string) ([]byte, error) {
	snap := s.db.NewSnapshot()
	defer func() { _ = snap.Close() }()
	h, ok, err := newestHeader(snap, name)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errNoSnapshot
	}
	return readState(snap, name, &h)
}
