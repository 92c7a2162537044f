package measure

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is in every error about bytes that are no state of a book.
var errMalformed = errors.New("measure: malformed state")

// reader reads a book's state. The first thing that does not fit makes it bad; it then returns zeros, so callers look once, at the end. It never allocates
// more than the bytes it is given can justify.
type reader struct {
	buf  []byte
	what string
}

func (r *reader) fail(what string) {
	if r.what == "" {
		r.what = what
	}
	r.buf = nil
}

func (r *reader) err() error {
	if r.what == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", errMalformed, r.what)
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.buf)
	if n <= 0 {
		r.fail("it ends too early")
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.buf)
	if n <= 0 {
		r.fail("it ends too early")
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.buf) == 0 {
		r.fail("it ends too early")
		return 0
	}
	c := r.buf[0]
	r.buf = r.buf[1:]
	return c
}

// count reads how many things follow, each of at least size bytes.
func (r *reader) count(size int) int {
	n := r.uint()
	if n > uint64(len(r.buf)/max(size, 1)) {
		r.fail("it counts more than follows")
		return 0
	}
	return int(n)
}

func (r *reader) string() string {
	n := r.count(1)
	s := string(r.buf[:n])
	r.buf = r.buf[n:]
	return s
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// flag is a bool as a byte.
func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func (r *reader) fixed64() uint64 {
	if len(r.buf) < 8 {
		r.fail("it ends too early")
		return 0
	}
	v := binary.LittleEndian.Uint64(r.buf)
	r.buf = r.buf[8:]
	return v
}
