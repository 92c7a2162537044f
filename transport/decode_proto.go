package transport

import (
	"strconv"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/holdfast-engine/holdfast/engine"
)

// The protobuf decoder. It accepts what every encoder writes, and reads it as proto.Unmarshal does, with two differences on purpose: a
// field that is there twice, or with a foreign wire type, is refused instead of merged or ignored, because no encoder writes it and two
// readers that see different values in one message are a way around checks. Unknown field numbers are ignored, so that a newer caller can
// talk to an older engine.

const notProtobuf = "the body is not protobuf of this contract; a JSON body starts with {"

// view returns the bytes of a message as a string. Messages are never written after they arrived.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// varint reads a varint; n is 0 if there is none.
func varint(b []byte) (v uint64, n int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	if v, n = protowire.ConsumeVarint(b); n < 0 {
		return 0, 0
	}
	return v, n
}

// sized reads a length-delimited value; n is 0 if there is none.
func sized(b []byte) (v []byte, n int) {
	size, n := varint(b)
	if n == 0 || size > uint64(len(b)-n) {
		return nil, 0
	}
	end := n + int(size)
	return b[n:end:end], end
}

// tagged reads a field's number and wire type; n is 0 if there is none. protowire.ConsumeTag lets numbers above the largest valid one pass.
func tagged(b []byte) (num protowire.Number, typ protowire.Type, n int) {
	tag, n := varint(b)
	if n == 0 || tag>>3 == 0 || tag>>3 > uint64(protowire.MaxValidNumber) {
		return 0, 0, 0
	}
	return protowire.Number(tag >> 3), protowire.Type(tag & 7), n
}

// protoMessage decodes b as m.
func (d *decoder) protoMessage(m *message, b []byte) bool {
	s := &d.scope
	var seen uint64
	var count [fieldNumberMax + 1]uint32
	for len(b) > 0 {
		num, typ, n := tagged(b)
		if n == 0 {
			d.fail(engine.CodeMalformed, "", notProtobuf)
			return false
		}
		b = b[n:]
		var f *field
		if num <= fieldNumberMax {
			f = m.byNum[num]
		}
		if f == nil {
			if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
				d.fail(engine.CodeMalformed, "", notProtobuf)
				return false
			}
			b = b[n:]
			continue
		}
		list := f.kind == kindStrings || f.kind == kindMessages
		if !list && seen&(1<<num) != 0 {
			d.fail(engine.CodeMalformed, f.name, "the field is there twice")
			return false
		}
		seen |= 1 << num

		if f.kind == kindInt || f.kind == kindBool {
			var v uint64
			if typ == protowire.VarintType {
				v, n = varint(b)
			}
			if typ != protowire.VarintType || n == 0 {
				d.fail(engine.CodeMalformed, f.name, "the field is not a number as the contract has it")
				return false
			}
			b = b[n:]
			d.setInt(s, f, int64(v))
			continue
		}
		var v []byte
		if typ == protowire.BytesType {
			v, n = sized(b)
		}
		if typ != protowire.BytesType || n == 0 {
			d.fail(engine.CodeMalformed, f.name, "the field is not of the type the contract has")
			return false
		}
		b = b[n:]
		index := -1
		if list {
			index = int(count[num])
			count[num]++
		}
		if !d.protoValue(s, f, v, index) {
			return false
		}
	}
	return true
}

// setInt stores a number or a flag.
func (d *decoder) setInt(s *scope, f *field, v int64) {
	if f.kind == kindInt {
		if f.most > 0 && (v < 0 || v > f.most) {
			d.fail(engine.CodeInvalid, f.name, "the field must be 0 to "+strconv.FormatInt(f.most, 10))
			return
		}
		if isCardInt(v) {
			d.fail(engine.CodeCardNumber, f.name, f.name+" looks like a card number: never send one")
			return
		}
		*f.num64(s) = v
	} else {
		*f.flag(s) = v != 0
	}
	if f.mark != nil && (f.present || v != 0) {
		f.mark(s)
	}
}

// protoValue decodes a length-delimited value of f.
func (d *decoder) protoValue(s *scope, f *field, v []byte, index int) bool {
	switch f.kind {
	case kindString, kindStrings:
		str := view(v)
		if !ascii(v) && !utf8.Valid(v) {
			name := f.name
			if index >= 0 {
				name = indexed(name, index)
			}
			d.fail(engine.CodeMalformed, name, "the field is not UTF-8")
			return false
		}
		return d.setString(s, f, str)
	case kindTime:
		return d.protoTime(s, f, v)
	case kindMessage, kindMessages:
		d.push(f.name, index)
		if f.mark != nil {
			f.mark(s)
		}
		f.enter(d, s)
		if d.problem.code != engine.CodeOK || !d.protoMessage(f.sub, v) {
			return false
		}
		if f.leave != nil {
			f.leave(d, s)
		}
		d.pop()
		return d.problem.code == engine.CodeOK
	case kindInt, kindBool:
	}
	panic("transport: not a length-delimited kind: " + f.name)
}

// setString stores a string, a word or an element of a list of strings.
func (d *decoder) setString(s *scope, f *field, v string) bool {
	if text := cardIn(f, v); text != "" {
		d.fail(engine.CodeCardNumber, f.name, text)
		return false
	}
	switch {
	case f.id && v != "" && !engine.ValidID(v):
		d.fail(engine.CodeInvalid, f.name, "the field must be an id: 1 to 64 of A-Z a-z 0-9 _ -")
	case f.str != nil:
		*f.str(s) = v
	case f.word != nil:
		if !f.word(s, v) {
			d.fail(engine.CodeInvalid, f.name, "the field must be one of "+f.words)
			return false
		}
	default:
		f.add(d, s, v)
	}
	if f.mark != nil && (f.present || v != "" || f.kind == kindStrings) {
		f.mark(s)
	}
	return d.problem.code == engine.CodeOK
}

// protoTime decodes a google.protobuf.Timestamp.
func (d *decoder) protoTime(s *scope, f *field, b []byte) bool {
	var seconds, nanos int64
	var seen uint64
	for len(b) > 0 {
		num, typ, n := tagged(b)
		if n == 0 {
			d.fail(engine.CodeMalformed, f.name, notProtobuf)
			return false
		}
		b = b[n:]
		if num > 2 {
			if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
				d.fail(engine.CodeMalformed, f.name, notProtobuf)
				return false
			}
			b = b[n:]
			continue
		}
		v, n := varint(b)
		if typ != protowire.VarintType || n == 0 || seen&(1<<num) != 0 {
			d.fail(engine.CodeMalformed, f.name, "the field is not a google.protobuf.Timestamp")
			return false
		}
		seen |= 1 << num
		b = b[n:]
		if num == 1 {
			seconds = int64(v)
		} else {
			nanos = int64(int32(v))
		}
	}
	if nanos < 0 || nanos > 999_999_999 || seconds < instantSecondsMin || seconds > instantSecondsMax {
		d.fail(engine.CodeInvalid, f.name, timeRange)
		return false
	}
	d.setTime(s, f, seconds, nanos)
	return true
}

const (
	// An instant counts nanoseconds in 64 bits, so time ends in the year 2262 and begins in 1678.
	instantSecondsMin = -9_223_372_035
	instantSecondsMax = 9_223_372_035
	timeRange         = "the time must be an RFC 3339 time from the year 1678 to 2261"
)

func (d *decoder) setTime(s *scope, f *field, seconds, nanos int64) {
	*f.at(s) = engine.Instant(seconds*1e9 + nanos)
	if f.mark != nil {
		f.mark(s)
	}
}

// ascii reports whether b holds no byte above 127; it is most strings' short way around UTF-8 validation.
func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
