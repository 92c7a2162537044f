package line

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// KeyLen is the length of a [Key] in bytes.
const KeyLen = 16

// A Key decides about the place of an entry: who has the lowest is first. Two that are equal, of which nobody will see any, go by entry number.
type Key [KeyLen]byte

// Compare is negative if k comes before other, positive if it comes after it, and 0 if they are equal.
func (k Key) Compare(other Key) int { return bytes.Compare(k[:], other[:]) }

// head is the first half of k as a number. Keys are in the order of their heads.
func (k Key) head() uint64 { return binary.BigEndian.Uint64(k[:8]) }

// A Draw makes keys of leaves:
//
//	Key(leaf) = the first 16 bytes of HMAC-SHA256( key: seed, message: root ‖ SHA-256(value) ‖ leaf )
//
// root is that of the closed lobby, over all leaves in order; value is the public value that was given after the lobby closed, and nothing ("") where none was
// promised. A Draw is for one goroutine. Zero Draws are of no use: see [NewDraw].
//
// Source: RFC 2104 and FIPS 198-1 for HMAC, FIPS 180-4 for SHA-256.
type Draw struct {
	sha          hash.Hash
	state        encoding.BinaryUnmarshaler // of sha
	inner, outer []byte                     // what sha has hashed before the leaf, and before the inner hash
	buf          []byte
}

// NewDraw prepares the draw of a seed, a root and a value. Cost: about a microsecond.
func NewDraw(seed Seed, root Hash, value string) *Draw {
	named := sha256.Sum256([]byte(value))
	sha := sha256.New()
	d := &Draw{sha: sha, buf: make([]byte, HashLen)}
	d.state = sha.(encoding.BinaryUnmarshaler) // the documentation of crypto/sha256 promises it
	if plantedBug(plantedForgetRoot) {
		root = Hash{}
	}
	d.inner = d.after(seed, 0x36, root[:], named[:])
	d.outer = d.after(seed, 0x5c)
	return d
}

// after is the state of SHA-256 once it has read the seed, made as long as a block and combined with pad, and then parts.
func (d *Draw) after(seed Seed, pad byte, parts ...[]byte) []byte {
	var block [sha256.BlockSize]byte
	copy(block[:], seed[:])
	for i := range block {
		block[i] ^= pad
	}
	d.sha.Reset()
	d.sha.Write(block[:])
	for _, part := range parts {
		d.sha.Write(part)
	}
	state, err := d.sha.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic("line: the state of SHA-256 cannot be kept: " + err.Error())
	}
	return state
}

// Key is the key of a leaf. Cost: two blocks of SHA-256, no allocation.
func (d *Draw) Key(leaf Hash) Key {
	copy(d.buf, leaf[:])
	d.resume(d.inner)
	d.buf = d.sha.Sum(d.buf[:0])
	d.resume(d.outer)
	d.buf = d.sha.Sum(d.buf[:0])
	return Key(d.buf[:KeyLen])
}

// resume puts SHA-256 where state was taken, and feeds it what is in the buffer.
func (d *Draw) resume(state []byte) {
	if err := d.state.UnmarshalBinary(state); err != nil {
		panic("line: the state of SHA-256 cannot be taken up again: " + err.Error())
	}
	d.sha.Write(d.buf)
}
