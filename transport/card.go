package transport

import (
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/engine"
)

// Cards' data have no business here: methods of payment are the gateway's tokens. What looks like a card's number or its security code is refused in
// every field, subject and header before anything else looks at it, and is told to nobody again.

// cardDigitsMin is the length of the shortest card number.
const cardDigitsMin = 13

// looksLikeCard reports whether a card number stands in s, as the whole or among other text.
func looksLikeCard(s string) bool {
	if len(s) < cardDigitsMin {
		return false
	}
	digits := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c-'0' <= 9 || c >= 0x80 { // full-width digits have no ASCII
			digits++
		}
	}
	return digits >= cardDigitsMin && (engine.ContainsCardNumber(s) || engine.IsCardNumber(s))
}

// cardIn returns what a refusal says of a text that has a card's data, "" if it has none. A list of short numbers with spaces between is no card
// number, whatever they look like together.
func cardIn(f *field, s string) string {
	switch {
	case f.list:
	case looksLikeCard(s):
		return f.name + " looks like a card number: never send one"
	case mayNameCode(s) && engine.HidesCardCode(s):
		return f.name + " looks like a card's security code: never send one"
	}
	return ""
}

// mayNameCode is the quick look for what a security code is called: cvc, cvv, cvn, csc.
func mayNameCode(s string) bool {
	for i := 0; i+len("vc123") < len(s); i++ {
		if s[i]|0x20 == 'c' && (s[i+1]|0x20 == 'v' || s[i+1]|0x20 == 's') {
			return true
		}
	}
	return false
}

// isCardInt reports whether a number is a card's.
func isCardInt(v int64) bool {
	const shortest = 1_000_000_000_000
	return v >= shortest && engine.IsCardNumber(strconv.FormatInt(v, 10))
}

// isCardField reports whether a name is one that other interfaces have for a card's data.
func isCardField(name string) bool {
	switch plainName(name) {
	case "cvc", "cvc2", "cvv", "cvv2", "cvn", "csc", "cardcvc", "cardcvv", "securitycode", "cardsecuritycode", "cardnumber", "cardno", "pan":
		return true
	}
	return false
}

// cardInHeaders reports whether a card number is in the headers of a message.
func cardInHeaders(h nats.Header) bool {
	for name, values := range h {
		if looksLikeCard(name) {
			return true
		}
		for _, v := range values {
			if looksLikeCard(v) {
				return true
			}
		}
	}
	return false
}
