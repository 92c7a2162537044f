package wallet

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// decoder reads facts and snapshots. The first thing that does not fit makes it bad; it then returns zeros, so callers look once, at the end. Strings are
// copies.
type decoder struct {
	buf  []byte
	what string
}

func (d *decoder) fail(what string) {
	if d.what == "" {
		d.what = what
	}
	d.buf = nil
}

func (d *decoder) err() error {
	if d.what == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", engine.ErrMalformed, d.what)
}

func (d *decoder) byte(most byte) byte {
	if len(d.buf) == 0 {
		d.fail("it ends too early")
		return 0
	}
	b := d.buf[0]
	if d.buf = d.buf[1:]; b > most {
		d.fail("a byte is too large")
		return 0
	}
	return b
}

func (d *decoder) bool() bool { return d.byte(1) == 1 }

// uint reads a varint of at most most. Only the shortest form is right, so that equal states have equal bytes.
func (d *decoder) uint(most uint64) uint64 {
	v, n := binary.Uvarint(d.buf)
	switch {
	case n <= 0:
		d.fail("a number is cut off or too long")
		return 0
	case n > 1 && d.buf[n-1] == 0:
		d.fail("a number is longer than needed")
		return 0
	case v > most:
		d.fail("a number is too large")
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) int() int64 { return int64(d.uint(math.MaxInt64)) }

func (d *decoder) fixed64() uint64 {
	if len(d.buf) < 8 {
		d.fail("it ends too early")
		return 0
	}
	v := binary.LittleEndian.Uint64(d.buf)
	d.buf = d.buf[8:]
	return v
}

func (d *decoder) string(most int) string {
	n := d.uint(uint64(most))
	if n > uint64(len(d.buf)) {
		d.fail("a string is cut off")
		return ""
	}
	s := string(d.buf[:n])
	d.buf = d.buf[n:]
	return s
}

func (d *decoder) id() string {
	s := d.string(engine.IDLenMax)
	if d.what == "" && !engine.ValidID(s) {
		d.fail("an id has bytes that ids never have")
	}
	return s
}

func (d *decoder) idOrNone() string {
	s := d.string(engine.IDLenMax)
	if d.what == "" && s != "" && !engine.ValidID(s) {
		d.fail("an id has bytes that ids never have")
	}
	return s
}

// count reads how many things follow, each of at least size bytes.
func (d *decoder) count(most, size int) int {
	n := d.uint(uint64(most))
	if n > uint64(len(d.buf)/size) {
		d.fail("a list is cut off")
		return 0
	}
	return int(n)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendInt(dst []byte, v int64) []byte { return binary.AppendUvarint(dst, uint64(v)) }

// request is read and written as what a fact answers: id and, unless that is empty, fingerprint.
func (d *decoder) request(r *request) {
	*r = request{id: d.idOrNone()}
	if r.id != "" {
		r.print = d.fixed64()
	}
}

func (r *request) append(dst []byte) []byte {
	dst = appendString(dst, r.id)
	if r.id != "" {
		dst = binary.LittleEndian.AppendUint64(dst, r.print)
	}
	return dst
}

func cloneID(s string) string { return strings.Clone(s) }
