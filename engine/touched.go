package engine

import (
	"encoding/binary"
	"math/bits"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Touches are taken from a command into one fact. They have no request that is remembered: each is known by its own id, in a queue of its own, so that no
// number of touches makes the event forget the request of a hold.

// factTouched says what buyers' clients saw and did: the touches of one command that were new.
//
//	| 56 | n | n touches |
//
//	touch: | kind | device, method * 8, one-click * 64, consent * 128 | hash of its id, 8 bytes | which fields follow | the fields, in the order of touchFields |
//
// Of a touch without consent no id is in the fact, nor what somebody wrote. The hash is of the touch's id and the event's name.
type factTouched struct {
	touches []Touch  // of the command
	fresh   []uint16 // those that were new
	hashes  []uint64 // of their ids
}

const (
	touchedMethodShift = 3
	touchedOneClick    = 1 << 6
	touchedConsent     = 1 << 7
)

func (f *factTouched) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(kindTouched)), uint64(len(f.fresh)))
	for i, n := range f.fresh {
		dst = f.touches[n].append(dst, f.hashes[i])
	}
	return dst
}

func (t *Touch) append(dst []byte, hash uint64) []byte {
	how := byte(t.Device) | byte(t.Method)<<touchedMethodShift
	if t.Flow == FlowOneClick {
		how |= touchedOneClick
	}
	set := t.fields()
	if t.Consent {
		how |= touchedConsent
	} else {
		set &^= touchPersonal
	}
	dst = binary.LittleEndian.AppendUint64(append(dst, byte(t.Kind), how), hash)
	dst = binary.AppendUvarint(dst, uint64(set))
	for rest := set; rest != 0; rest &= rest - 1 {
		if text, number := t.field(bits.TrailingZeros32(uint32(rest))); text != nil {
			dst = appendString(dst, *text)
		} else {
			dst = binary.AppendUvarint(dst, uint64(*number))
		}
	}
	return dst
}

// touch reads a touch, all but its id, of which there is only the hash. Its strings are views into the buffer.
func (d *decoder) touch(t *Touch) (hash uint64) {
	*t = Touch{}
	t.Kind = TouchKind(d.byte())
	how := d.byte()
	t.Device, t.Method = Device(how&(1<<touchedMethodShift-1)), payment.MethodKind(how>>touchedMethodShift&7)
	t.Consent = how&touchedConsent != 0
	if how&touchedOneClick != 0 {
		t.Flow = FlowOneClick
	}
	if t.Kind == 0 || t.Kind >= touchKindsEnd || t.Device > DeviceKiosk || t.Method > payment.MethodDelayedDebit {
		d.fail("a touch of an unknown kind, or by an unknown device or method")
	}
	hash = d.fixed64()
	set := touchFields(d.uint(uint64(touchFieldsEnd - 1)))
	if !t.Consent && set&touchPersonal != 0 {
		d.fail("a touch without consent that says whose it is")
	}
	for rest := set; rest != 0; rest &= rest - 1 {
		field := bits.TrailingZeros32(uint32(rest))
		text, number := t.field(field)
		switch {
		case text == nil:
			*number = d.int()
		case 1<<field == touchText:
			*text = d.string(TouchTextLenMax)
		default:
			*text = d.id()
		}
		if text == nil && *number == 0 || text != nil && *text == "" {
			d.fail("a field of a touch is there and empty")
		}
	}
	return hash
}

// touch takes what buyers' clients saw and did, in any state of the event: surveys and support come after the show.
func (e *Event) takeTouches(cmd *Command) {
	if !e.validTouches(cmd) {
		return
	}
	if e.state == 0 {
		e.refuse(cmd, refusal{code: CodeEventUnknown, field: fieldEvent})
		return
	}
	if !e.fitTouches(cmd.Touch.Touches) {
		return
	}
	f := &e.work.touched
	f.touches, f.fresh, f.hashes = cmd.Touch.Touches, f.fresh[:0], f.hashes[:0]
	for i := range f.touches {
		hash := hashString(e.seed, f.touches[i].ID)
		if e.hasTouch(hash) && !plantedBug(plantedTouchTwice) {
			continue
		}
		e.applyTouched(hash)
		f.fresh, f.hashes = append(f.fresh, uint16(i)), append(f.hashes, hash)
	}
	if len(f.fresh) > 0 {
		e.facts.Buf = f.append(e.facts.Buf)
		e.emitted()
	}
	e.out.Shows = ShowsTouch
	e.out.Touch = TouchView{Taken: int64(len(f.fresh)), Repeated: int64(len(f.touches) - len(f.fresh))}
	e.out.Repeated = len(f.fresh) == 0
	f.touches = nil
}

// touched reports whether a touch with this hash of its id is among those that are remembered.
func (e *Event) hasTouch(hash uint64) bool {
	var p probe
	e.touchIndex.seek(&p, index32(hash))
	for {
		ref, ok := e.touchIndex.next(&p)
		if !ok {
			return false
		}
		if *e.touches.at(e.touches.near(ref)) == hash {
			return true
		}
	}
}

// applyTouched remembers a touch, and forgets the oldest one if there are too many.
func (e *Event) applyTouched(hash uint64) {
	if e.touches.count() >= e.limits.Touches {
		pos := e.touches.head
		oldest := *e.touches.at(pos)
		e.rows -= touchHash(oldest, pos)
		e.touchIndex.remove(index32(oldest), uint32(pos&lowMask))
		e.touches.pop()
	}
	pos, row := e.touches.push()
	*row = hash
	e.touchIndex.insert(index32(hash), uint32(pos&lowMask))
	e.rows += touchHash(hash, pos)
}

func (e *Event) foldTouched(d *decoder) error {
	n := d.count(TouchesPerCommandMax, 11)
	if n == 0 {
		d.fail("touches that are none")
	}
	var t Touch
	for range n {
		hash := d.touch(&t)
		if err := d.err(); err != nil {
			return err
		}
		switch {
		case e.hasTouch(hash):
			return unfit("a touch is there twice")
		case !e.spec.Observe && (t.Kind > TouchDelivered || t.Flow != FlowStandard):
			return unfit("a touch of an event that sells elsewhere")
		}
		e.applyTouched(hash)
	}
	return d.err()
}

func touchHash(hash, pos uint64) uint64 { return mix(hash^hashK1, pos^hashK0) }

// touchesHash is the part of the state hash that is not in rows: 0 while nobody has reported anything.
func (e *Event) touchesHash() uint64 {
	if e.touches.tail == 0 {
		return 0
	}
	h := hasher(hashK1)
	h.pair(e.touches.head, e.touches.tail)
	return uint64(h)
}

// appendTouches appends the touches that are remembered: | position of the first | n | n hashes, 8 bytes each |. Snapshots have them since version 4.
func (e *Event) appendTouches(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, e.touches.head)
	dst = binary.AppendUvarint(dst, uint64(e.touches.count()))
	for pos := e.touches.head; pos < e.touches.tail; pos++ {
		dst = binary.LittleEndian.AppendUint64(dst, *e.touches.at(pos))
	}
	return dst
}

func (e *Event) openTouches(d *decoder) {
	e.touches.startAt(d.uint(1 << 56))
	for range d.count(e.limits.Touches, 8) {
		hash := d.fixed64()
		if d.what != "" || e.hasTouch(hash) {
			d.fail("a touch is there twice")
			return
		}
		e.applyTouched(hash)
	}
}

// touchesRows counts the touches that are remembered again.
func (c *checker) touchesRows() error {
	e := c.e
	if e.touches.count() > e.limits.Touches || e.touches.count() != e.touchIndex.count {
		return e.broken("%d touches are remembered, %d indexed", e.touches.count(), e.touchIndex.count)
	}
	for pos := e.touches.head; pos < e.touches.tail; pos++ {
		hash := *e.touches.at(pos)
		if !e.hasTouch(hash) {
			return e.broken("touch %016x is not found", hash)
		}
		c.rows += touchHash(hash, pos)
	}
	return nil
}
