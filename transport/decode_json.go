package transport

import (
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// The JSON decoder: strict where encoding/json is lenient. A field is there once, by its exact name; nothing follows the object; a whole
// number is written as one, in digits or as a string of digits; strings are UTF-8. null is the same as absent, except in a list.

func (d *decoder) decodeJSON(m *message, body []byte) bool {
	s := scanner{b: body, d: d}
	if !d.jsonMessage(&s, m) {
		return false
	}
	s.space()
	if s.i != len(s.b) {
		d.fail(engine.CodeMalformed, "", "something follows the JSON object")
		return false
	}
	return true
}

// jsonMessage decodes an object as m.
func (d *decoder) jsonMessage(s *scanner, m *message) bool {
	if !s.take('{') {
		return d.syntax("", "a { is missing")
	}
	if s.space(); s.take('}') {
		return true
	}
	var seen uint64
	for {
		s.space()
		key, ok := s.text()
		if !ok {
			return d.syntax("", "a field name in double quotes is missing or is not valid JSON text")
		}
		i := fieldIndex(m, key)
		if i < 0 {
			d.failUnknownField(m, key)
			return false
		}
		f := &m.fields[i]
		if seen&(1<<i) != 0 {
			return d.syntax(f.name, "the field is there twice")
		}
		seen |= 1 << i
		if s.space(); !s.take(':') {
			return d.syntax(f.name, "a : is missing after the field name")
		}
		s.space()
		if !d.jsonField(s, f) {
			return false
		}
		s.space()
		if s.take(',') {
			continue
		}
		if s.take('}') {
			return true
		}
		return d.syntax(f.name, "a , or } is missing after the value")
	}
}

func fieldIndex(m *message, key string) int {
	for i := range m.fields {
		if m.fields[i].name == key {
			return i
		}
	}
	return -1
}

// syntax refuses text that is not JSON of this contract.
func (d *decoder) syntax(field, text string) bool {
	d.fail(engine.CodeMalformed, field, "the body is not JSON of this contract: "+text)
	return false
}

// jsonField decodes the value of f, or its list of values.
func (d *decoder) jsonField(s *scanner, f *field) bool {
	if s.literal("null") {
		return true
	}
	if f.kind != kindStrings && f.kind != kindMessages {
		return d.jsonValue(s, f, -1)
	}
	if !s.take('[') {
		return d.syntax(f.name, "the field is a list in [ ]")
	}
	if s.space(); s.take(']') {
		return true
	}
	for i := 0; ; i++ {
		s.space()
		if !d.jsonValue(s, f, i) {
			return false
		}
		s.space()
		if s.take(',') {
			continue
		}
		if s.take(']') {
			return true
		}
		return d.syntax(indexed(f.name, i), "a , or ] is missing after the value")
	}
}

// jsonValue decodes one value of f; index is its place in a list, or -1.
func (d *decoder) jsonValue(s *scanner, f *field, index int) bool {
	sc := &d.scope
	switch f.kind {
	case kindString, kindStrings:
		v, ok := s.text()
		if !ok {
			name := f.name
			if index >= 0 {
				name = indexed(name, index)
			}
			return d.syntax(name, "the field is a string: UTF-8 in double quotes")
		}
		return d.setString(sc, f, v)
	case kindInt:
		v, ok := d.jsonInt(s, f.name)
		if !ok {
			return false
		}
		d.setInt(sc, f, v)
		return true
	case kindBool:
		switch {
		case s.literal("true"):
			d.setInt(sc, f, 1)
		case s.literal("false"):
			d.setInt(sc, f, 0)
		default:
			return d.syntax(f.name, "the field is true or false")
		}
		return true
	case kindTime:
		v, ok := s.text()
		if !ok {
			return d.syntax(f.name, "the field is an RFC 3339 time in double quotes")
		}
		at, ok := parseTime(v)
		if !ok {
			d.fail(engine.CodeInvalid, f.name, timeRange+`, as in "2026-05-01T10:02:07Z"`)
			return false
		}
		seconds := at.Unix()
		d.setTime(sc, f, seconds, int64(at.Nanosecond()))
		return true
	case kindMessage, kindMessages:
		d.push(f.name, index)
		if s.peek() != '{' {
			return d.syntax("", "the field is an object in { }")
		}
		if f.mark != nil {
			f.mark(sc)
		}
		f.enter(d, sc)
		if d.problem.code != engine.CodeOK || !d.jsonMessage(s, f.sub) {
			return false
		}
		if f.leave != nil {
			f.leave(d, sc)
		}
		d.pop()
		return d.problem.code == engine.CodeOK
	}
	panic("transport: no such kind: " + f.name)
}

// jsonInt decodes a whole number, bare or as a string of digits, so that callers whose numbers are 64-bit floats can send all of them.
func (d *decoder) jsonInt(s *scanner, name string) (int64, bool) {
	digits := s.peek() == '"'
	var token []byte
	if digits {
		v, ok := s.text()
		if !ok {
			return 0, d.syntax(name, "the field is a whole number")
		}
		token = []byte(v)
	} else {
		token = s.number()
	}
	v, status := parseInt(token)
	switch status {
	case intOK:
		return v, true
	case intOutOfRange:
		d.fail(engine.CodeInvalid, name, "the number does not fit in 64 bits")
	case intFraction:
		d.fail(engine.CodeInvalid, name, "the field is a whole number, without fraction or exponent")
	case intNone:
		return 0, d.syntax(name, "the field is a whole number")
	}
	return 0, false
}

// parseTime reads an RFC 3339 time that an Instant can hold. time.Parse alone is too kind: it takes a comma for the point.
func parseTime(v string) (time.Time, bool) {
	const shortest = len("2006-01-02T15:04:05Z")
	if len(v) < shortest || v[10] != 'T' {
		return time.Time{}, false
	}
	for i := 19; i < len(v); i++ {
		if v[i] == ',' || v[i] == '.' && (i != 19 || fractionDigits(v[20:]) > 9) {
			return time.Time{}, false
		}
	}
	at, err := time.Parse(time.RFC3339Nano, v)
	if err != nil || at.Unix() < instantSecondsMin || at.Unix() > instantSecondsMax {
		return time.Time{}, false
	}
	return at, true
}

func fractionDigits(v string) int {
	n := 0
	for n < len(v) && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	return n
}
