package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/holdfast-engine/holdfast/engine"
)

// What the store remembers beside batches and snapshots, under m|name. Each value starts with its version.
const (
	metaVersion = 1

	metaPass   = "pass"    // passRecord: where the last two snapshot passes ended
	metaTrim   = "trim"    // position: the batch before the first that is kept
	metaHigh   = "high"    // the latest node time known to have been reached
	metaCursor = "cursor|" // and its name: position up to which a consumer has read
)

// position is a place in the journal: behind batch seq. The zero position of a folder is {0, genesis, 0}.
type position struct {
	seq   uint64
	head  link   // of batch seq
	bytes uint64 // of all batches up to and including seq
}

const positionLen = 8 + linkLen + 8

func (p *position) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, p.seq)
	dst = append(dst, p.head[:]...)
	return binary.LittleEndian.AppendUint64(dst, p.bytes)
}

func (p *position) read(b []byte) {
	p.seq = binary.LittleEndian.Uint64(b)
	p.head = link(b[8 : 8+linkLen])
	p.bytes = binary.LittleEndian.Uint64(b[8+linkLen:])
}

// passRecord says where the last pass ended and where the one before it did. Every aggregate with facts up to last has a snapshot that holds
// them; so start at last. The journal is kept from before on, so that it can be folded once more and compared.
type passRecord struct{ before, last position }

// reader is a Pebble database or a snapshot of one.
type reader interface {
	pebble.Reader
}

// getMeta calls use with the value of m|name, without its version; found is false if there is none.
func getMeta(r reader, name string, length int, use func(b []byte)) (found bool, err error) {
	v, closer, err := r.Get(metaKey(name))
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read what is remembered as %q: %w", name, err)
	}
	defer func() { _ = closer.Close() }()
	if len(v) != 1+length || v[0] != metaVersion {
		if len(v) > 0 && v[0] > metaVersion {
			return false, fmt.Errorf("what is remembered as %q has format %d: %w", name, v[0], ErrNewer)
		}
		return false, fmt.Errorf("what is remembered as %q does not decode: %w", name, ErrDamaged)
	}
	use(v[1:])
	return true, nil
}

func getPosition(r reader, name string, p *position) (bool, error) {
	return getMeta(r, name, positionLen, p.read)
}

func putPosition(b *pebble.Batch, name string, p *position) error {
	return b.Set(metaKey(name), p.append([]byte{metaVersion}), nil)
}

func getPass(r reader, genesis *position) (passRecord, error) {
	p := passRecord{before: *genesis, last: *genesis}
	_, err := getMeta(r, metaPass, 2*positionLen, func(b []byte) {
		p.before.read(b)
		p.last.read(b[positionLen:])
	})
	return p, err
}

func (p *passRecord) encode() []byte { return p.last.append(p.before.append([]byte{metaVersion})) }

func getHigh(r reader) (at engine.Instant, err error) {
	_, err = getMeta(r, metaHigh, 8, func(b []byte) { at = engine.Instant(binary.LittleEndian.Uint64(b)) })
	return at, err
}

func putHigh(b *pebble.Batch, at engine.Instant) error {
	return b.Set(metaKey(metaHigh), binary.LittleEndian.AppendUint64([]byte{metaVersion}, uint64(at)), nil)
}
