package transport

import (
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON tokens (RFC 8259) out of a message.
type scanner struct {
	b []byte
	i int
	d *decoder // whose scratch takes unescaped strings
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// take skips the next byte if it is c.
func (s *scanner) take(c byte) bool {
	if s.i < len(s.b) && s.b[s.i] == c {
		s.i++
		return true
	}
	return false
}

// literal skips the word if it is next.
func (s *scanner) literal(word string) bool {
	if len(s.b)-s.i >= len(word) && string(s.b[s.i:s.i+len(word)]) == word {
		s.i += len(word)
		return true
	}
	return false
}

// number returns the bytes that could belong to a number.
func (s *scanner) number() []byte {
	from := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			s.i++
		default:
			return s.b[from:s.i]
		}
	}
	return s.b[from:s.i]
}

// plainByte says which bytes stand for themselves in a JSON string of ASCII.
var plainByte = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// text reads a string. Without escapes it is a view into the message.
func (s *scanner) text() (string, bool) {
	if !s.take('"') {
		return "", false
	}
	from := s.i
	for s.i < len(s.b) && plainByte[s.b[s.i]] {
		s.i++
	}
	if s.take('"') {
		return view(s.b[from : s.i-1]), true
	}
	// Something else than plain ASCII: find the end, validate, unescape if needed.
	escaped := false
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			raw := s.b[from:s.i]
			s.i++
			if !utf8.Valid(raw) {
				return "", false
			}
			if !escaped {
				return view(raw), true
			}
			return s.unescape(raw)
		case c == '\\':
			escaped = true
			s.i += 2
		case c < ' ':
			return "", false
		default:
			s.i++
		}
	}
	return "", false
}

// unescape writes raw into scratch with its escapes resolved. Scratch may move when it grows; strings already given out stay where they are.
func (s *scanner) unescape(raw []byte) (string, bool) {
	out := s.d.scratch
	if cap(out)-len(out) < len(raw) {
		out = make([]byte, 0, max(len(raw), 2*cap(out), 256)) // never longer than raw, so one string is never split
	}
	from := len(out)
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		if i == len(raw) {
			return "", false
		}
		switch raw[i] {
		case '"', '\\', '/':
			out = append(out, raw[i])
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, n := unicodeEscape(raw[i+1:])
			if n == 0 {
				return "", false
			}
			i += n
			out = utf8.AppendRune(out, r)
		default:
			return "", false
		}
	}
	s.d.scratch = out
	return view(out[from:len(out):len(out)]), true
}

// unicodeEscape reads what follows \u: four hexadecimal digits, or two surrogates that belong together. n is 0 if it is neither.
func unicodeEscape(b []byte) (r rune, n int) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(b) < 10 || b[4] != '\\' || b[5] != 'u' {
		return 0, 0
	}
	low, ok := hex4(b[6:])
	if !ok {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
		return 0, 0
	}
	return r, 10
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		r <<= 4
		switch {
		case c >= '0' && c <= '9':
			r |= rune(c - '0')
		case c >= 'a' && c <= 'f':
			r |= rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			r |= rune(c-'A') + 10
		default:
			return 0, false
		}
	}
	return r, true
}

// intStatus says what became of a number.
type intStatus uint8

const (
	intOK         intStatus = iota
	intNone                 // not a JSON number at all
	intFraction             // a JSON number, but with a fraction or an exponent
	intOutOfRange           // does not fit in 64 bits
)

// parseInt reads a whole number as JSON writes it: no plus, no leading zero.
func parseInt(b []byte) (int64, intStatus) {
	i := 0
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		i = 1
	}
	from := i
	var v uint64
	tooLong := false
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		if i-from >= 19 { // 19 digits always fit in 64 bits without a sign
			tooLong = true
			continue
		}
		v = v*10 + uint64(b[i]-'0')
	}
	if i == from || b[from] == '0' && i-from > 1 {
		return 0, intNone
	}
	if i < len(b) {
		if !isFraction(b[i:]) {
			return 0, intNone
		}
		return 0, intFraction
	}
	if negative {
		if tooLong || v > 1<<63 {
			return 0, intOutOfRange
		}
		return -int64(v), intOK
	}
	if tooLong || v > 1<<63-1 {
		return 0, intOutOfRange
	}
	return int64(v), intOK
}

// isFraction reports whether b may follow the digits of a JSON number.
func isFraction(b []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n > 0
	}
	if len(b) > 0 && b[0] == '.' {
		b = b[1:]
		if !digits() {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
}
