package transport

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// failUnknownField refuses a field name that the message does not have, and names the nearest that it has. A name that does not look like
// one is not echoed: it could be anything, a card number too.
func (d *decoder) failUnknownField(m *message, name string) {
	if !echoable(name) {
		d.fail(engine.CodeUnknownField, "", "a field has a name that no message of this contract has")
		return
	}
	if isCardField(name) {
		d.fail(engine.CodeCardNumber, name, "never send the data of a card: save a method of payment by its gateway's token")
		return
	}
	text := "there is no field " + name + " here"
	if near := nearest(m, name); near != "" {
		text += ": did you mean " + near + "?"
	}
	d.fail(engine.CodeUnknownField, name, text)
}

func echoable(name string) bool {
	digits := 0
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == '-':
		default:
			return false
		}
	}
	return name != "" && len(name) <= 40 && digits < 8
}

// nearest returns the field of m that name was probably meant to be, or "".
func nearest(m *message, name string) string {
	best, bestDistance := "", max(1, len(name)/3)+1
	for i := range m.fields {
		known := m.fields[i].name
		if plainName(known) == plainName(name) { // only another way to write words: requestId, Request-ID
			return known
		}
		if n := distance(name, known); n < bestDistance {
			best, bestDistance = known, n
		}
	}
	return best
}

func plainName(s string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s))
}

// distance is how many letters must be changed, added, dropped or swapped with their neighbour to get from a to b.
func distance(a, b string) int {
	before, last, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			next[j] = min(last[j]+1, next[j-1]+1, last[j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, last, next = last, next, before
	}
	return last[len(b)]
}
