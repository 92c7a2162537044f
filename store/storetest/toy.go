package storetest

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
)

// The facts of a [Toy]: one byte that says what it is, then
const (
	toyAdd   = 1 // a length byte and a payload: counted, and mixed into the state hash
	toyProof = 2 // 8 bytes: the state hash before it
	toyPad   = 3 // 4 bytes: the state is this many bytes larger from now on
	toyBreak = 4 // nothing: from now on Check fails
	toyPanic = 5 // nothing: Fold panics
)

// PayloadMax is the longest payload of a toy's fact, in bytes.
const PayloadMax = 255

// Toy is an aggregate with hardly any rules: it counts its facts, mixes them into a hash, proves its state when told to, and can be as large as
// wanted.
type Toy struct {
	Key    engine.Key
	seq    engine.Seq
	lastAt engine.Instant
	hash   uint64
	adds   uint64
	pad    uint32
	broken bool
	wake   engine.Instant
}

// NewToy makes a toy without facts.
func NewToy(key engine.Key) engine.Aggregate { return &Toy{Key: key} }

// OpenToy makes the toy that a snapshot holds.
func OpenToy(key engine.Key, state []byte) (engine.Aggregate, error) {
	const head = 1 + 8*5 + 4 + 1
	if len(state) < head || state[0] != 1 {
		return nil, fmt.Errorf("a toy of %d bytes", len(state))
	}
	t := &Toy{
		Key: key, seq: engine.Seq(binary.LittleEndian.Uint64(state[1:])), lastAt: engine.Instant(binary.LittleEndian.Uint64(state[9:])),
		hash: binary.LittleEndian.Uint64(state[17:]), adds: binary.LittleEndian.Uint64(state[25:]),
		wake: engine.Instant(binary.LittleEndian.Uint64(state[33:])), pad: binary.LittleEndian.Uint32(state[41:]), broken: state[45] != 0,
	}
	if len(state) != head+int(t.pad) {
		return nil, fmt.Errorf("a toy of %d bytes that should have %d", len(state), head+int(t.pad))
	}
	return t, nil
}

// AppendAdd appends a fact with a payload of up to [PayloadMax] bytes.
func AppendAdd(f *engine.Facts, payload []byte) {
	f.Buf = append(append(f.Buf, toyAdd, byte(len(payload))), payload...)
	f.Count++
}

// AppendProof appends a fact that says what the state hash is.
func AppendProof(f *engine.Facts, hash uint64) {
	f.Buf = binary.LittleEndian.AppendUint64(append(f.Buf, toyProof), hash)
	f.Count++
}

// AppendPad appends a fact that makes the state n bytes larger.
func AppendPad(f *engine.Facts, n uint32) {
	f.Buf = binary.LittleEndian.AppendUint32(append(f.Buf, toyPad), n)
	f.Count++
}

// AppendBreak appends a fact after which Check fails.
func AppendBreak(f *engine.Facts) {
	f.Buf = append(f.Buf, toyBreak)
	f.Count++
}

// AppendPanic appends a fact that Fold panics at.
func AppendPanic(f *engine.Facts) {
	f.Buf = append(f.Buf, toyPanic)
	f.Count++
}

// Fold applies the facts of a run.
func (t *Toy) Fold(run *engine.Run) error {
	if run.First != t.seq+1 {
		return fmt.Errorf("a run starts at fact %d after fact %d: %w", run.First, t.seq, engine.ErrOutOfOrder)
	}
	b := run.Facts.Buf
	for i := range run.Facts.Count {
		n, err := t.apply(b)
		if err != nil {
			return fmt.Errorf("fact %d: %w", run.First+engine.Seq(i), err)
		}
		b = b[n:]
		t.seq++
	}
	if len(b) != 0 {
		return fmt.Errorf("%d bytes after the last fact", len(b))
	}
	t.lastAt = run.At
	return nil
}

var errShort = errors.New("the fact is cut short")

func (t *Toy) apply(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, errShort
	}
	switch b[0] {
	case toyAdd:
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return 0, errShort
		}
		n := 2 + int(b[1])
		t.hash += mix(b[2:n]) ^ uint64(t.seq+1)*0x9e3779b97f4a7c15
		t.adds++
		return n, nil
	case toyProof:
		if len(b) < 9 {
			return 0, errShort
		}
		if got := binary.LittleEndian.Uint64(b[1:]); got != t.StateHash() {
			return 0, fmt.Errorf("the state hash is %016x, the proof says %016x", t.StateHash(), got)
		}
		return 9, nil
	case toyPad:
		if len(b) < 5 {
			return 0, errShort
		}
		t.pad += binary.LittleEndian.Uint32(b[1:])
		return 5, nil
	case toyBreak:
		t.broken = true
		return 1, nil
	case toyPanic:
		panic("storetest: a fact that Fold panics at")
	}
	return 0, fmt.Errorf("what is a fact that starts with %d", b[0])
}

// mix is FNV-1a over words of 8 bytes: a benchmark of recovery should measure the store, not the toy.
func mix(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for ; len(b) >= 8; b = b[8:] {
		h = (h ^ binary.LittleEndian.Uint64(b)) * 1099511628211
	}
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// Seq is the sequence of the last fact.
func (t *Toy) Seq() engine.Seq { return t.seq }

// LastAt is the time of the last run.
func (t *Toy) LastAt() engine.Instant { return t.lastAt }

// StateHash depends on every fact and its place.
func (t *Toy) StateHash() uint64 { return t.hash ^ t.adds<<32 ^ uint64(t.pad) }

// NextDeadline is what SetWake said.
func (t *Toy) NextDeadline() (engine.Instant, bool) { return t.wake, t.wake != 0 }

// AwaitsWall implements [engine.Aggregate].
func (t *Toy) AwaitsWall() bool { return false }

// SetWake sets the next deadline. It is part of snapshots, not of the log.
func (t *Toy) SetWake(at engine.Instant) { t.wake = at }

// AppendSnapshot appends the state.
func (t *Toy) AppendSnapshot(dst []byte) []byte {
	dst = append(dst, 1)
	for _, v := range []uint64{uint64(t.seq), uint64(t.lastAt), t.hash, t.adds, uint64(t.wake)} {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	dst = binary.LittleEndian.AppendUint32(dst, t.pad)
	broken := byte(0)
	if t.broken {
		broken = 1
	}
	dst = append(dst, broken)
	return append(dst, make([]byte, t.pad)...)
}

// Check fails after AppendBreak.
func (t *Toy) Check() error {
	if t.broken {
		return errors.New("the toy is broken")
	}
	return nil
}

// Spoil changes the state of a toy in a way that no fact explains.
func Spoil(t *Toy) { t.hash++ }
