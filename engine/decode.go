package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrMalformed is in every error about bytes that are no facts or no snapshot of this format.
var ErrMalformed = errors.New("engine: malformed bytes")

// decoder reads the engine's binary formats. The first thing that does not fit makes it bad; it then returns zeros, so callers look once,
// at the end. It never allocates more than the bytes it is given can justify. Strings are views into the buffer.
type decoder struct {
	buf  []byte
	what string // the first thing that did not fit; empty while good
}

func (d *decoder) fail(what string) {
	if d.what == "" {
		d.what = what
	}
	d.buf = nil
}

// err returns what did not fit.
func (d *decoder) err() error {
	if d.what == "" {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrMalformed, d.what)
}

func (d *decoder) byte() byte {
	if len(d.buf) == 0 {
		d.fail("it ends too early")
		return 0
	}
	b := d.buf[0]
	d.buf = d.buf[1:]
	return b
}

func (d *decoder) bool() bool {
	b := d.byte()
	if b > 1 {
		d.fail("a yes or no is neither")
	}
	return b == 1
}

// uint reads a varint of at most most. Only the shortest form is right, so that equal states have equal bytes.
func (d *decoder) uint(most uint64) uint64 {
	if len(d.buf) > 0 && d.buf[0] < 0x80 && uint64(d.buf[0]) <= most {
		v := uint64(d.buf[0])
		d.buf = d.buf[1:]
		return v
	}
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

// int reads a varint that fits in an int64 and is not negative.
func (d *decoder) int() int64 { return int64(d.uint(math.MaxInt64)) }

// signed reads a signed varint.
func (d *decoder) signed() int64 {
	u := d.uint(math.MaxUint64)
	v := int64(u >> 1)
	if u&1 != 0 {
		v = ^v
	}
	return v
}

func (d *decoder) fixed64() uint64 {
	if len(d.buf) < 8 {
		d.fail("it ends too early")
		return 0
	}
	v := binary.LittleEndian.Uint64(d.buf)
	d.buf = d.buf[8:]
	return v
}

// string reads a string of at most most bytes.
func (d *decoder) string(most int) string {
	n := d.uint(uint64(most))
	if n > uint64(len(d.buf)) {
		d.fail("a string is cut off")
		return ""
	}
	s := view(d.buf[:n])
	d.buf = d.buf[n:]
	return s
}

// id reads an id of a caller's.
func (d *decoder) id() string {
	s := d.string(IDLenMax)
	if d.what == "" && !ValidID(s) {
		d.fail("an id has bytes that ids never have")
	}
	return s
}

// idOrNone reads an id or an empty string.
func (d *decoder) idOrNone() string {
	s := d.string(IDLenMax)
	if d.what == "" && s != "" && !ValidID(s) {
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

func (d *decoder) asked(a *asked) {
	*a = asked{id: d.idOrNone()}
	if a.id != "" {
		a.print = d.fixed64()
	}
}

// caller reads the request of a fact that always has one.
func (d *decoder) caller(a *asked) {
	d.asked(a)
	if a.id == "" {
		d.fail("a request id is missing")
	}
}

// seats reads n seat numbers into list.
func (d *decoder) seats(n int, list []uint32) []uint32 {
	before := int64(0)
	for range n {
		v := d.signed()
		if v < -math.MaxUint32 || v > math.MaxUint32 || before+v < 0 || before+v > math.MaxUint32 {
			d.fail("a seat's number is too large")
		}
		if d.what != "" {
			return list
		}
		before += v
		list = append(list, uint32(before))
	}
	return list
}

func (d *decoder) place() (place uint32, isPool bool) {
	v := d.uint(1 << 32)
	return uint32(v >> 1), v&1 != 0
}

// held reads what factHeld.append wrote after the kind. items and their seats are kept in the given memory.
func (d *decoder) held(f *factHeld, seats []uint32) []uint32 {
	d.asked(&f.asked) // none if a purchase follows, which has it
	f.buyer = d.id()
	f.hold = HoldID(d.uint(1<<stateShift - 1))
	f.replaces = 0
	if back := d.uint(uint64(f.hold)); back != 0 {
		f.replaces = f.hold - HoldID(back)
		if f.replaces == 0 {
			d.fail("a hold replaces none")
		}
	}
	f.life, f.rest = d.int(), d.int()
	how := d.byte()
	f.fill, f.device = Fill(how&3), Device(how>>heldDeviceShift&7)
	if f.fill > FillBestEffort || f.device > DeviceKiosk || how>>6 != 0 {
		d.fail("a hold was asked for in an unknown way")
	}
	f.channel = ""
	if how&heldChannel != 0 {
		f.channel = d.id()
	}
	n := d.count(ItemsPerHoldMax, 2)
	f.items = f.items[:0]
	for range n {
		it := factItem{price: uint32(d.uint(math.MaxUint32))}
		v := d.uint(QuantityMax << 1)
		it.sales = uint32(v >> 1)
		if v&1 != 0 {
			if len(seats)+int(it.sales) > SeatsPerHoldMax {
				d.fail("a hold has too many seats")
				return seats
			}
			from := len(seats)
			seats = d.seats(int(it.sales), seats)
			it.seats = seats[from:len(seats):len(seats)]
		}
		f.items = append(f.items, it)
	}
	return seats
}
