package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	cardDigitsMin = 13
	cardDigitsMax = 19
)

// IsCardNumber reports whether s as a whole is a payment card's number: digits, alone or grouped by single spaces, dashes, dots or
// underscores, with a known issuer's prefix and length and a right check digit.
//
// Ids and payment references that are card numbers are refused, so that no careless caller can put one into the log.
func IsCardNumber(s string) bool {
	if len(s) < cardDigitsMin || len(s) > 2*cardDigitsMax || !isDigit(s[0]) {
		return false
	}
	var digits [cardDigitsMax]byte
	n := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			if n == cardDigitsMax {
				return false
			}
			digits[n] = c - '0'
			n++
		case (c == ' ' || c == '-' || c == '.' || c == '_') && isDigit(s[i-1]):
		default:
			return false
		}
	}
	return isCard(digits[:n])
}

// ContainsCardNumber reports whether a card number stands anywhere in free text, between characters that are neither letters nor digits.
// Digits may be full-width or of another script, and grouped by single spaces, dashes or dots of any kind.
func ContainsCardNumber(s string) bool {
	if len(s) < cardDigitsMin {
		return false
	}
	var digits [cardDigitsMax + 1]byte
	n, total := 0, 0 // kept in digits, and met in this run
	gap := 0         // separators since the last digit of the run
	inWord := false  // the run touches a letter
	var last rune
	flush := func() bool {
		found := !inWord && total == n && isCard(digits[:n])
		n, total = 0, 0
		return found
	}
	for _, r := range s {
		if d, ok := digitOf(r); ok {
			if total == 0 {
				inWord = isLetter(last)
			}
			if n < cardDigitsMax {
				digits[n] = d
				n++
			}
			total++
			gap = 0
		} else if total > 0 {
			gap++
			if gap > 1 || !isSeparator(r, false) {
				inWord = inWord || gap == 1 && isLetter(r)
				if flush() {
					return true
				}
			}
		}
		last = r
	}
	return total > 0 && flush()
}

// HidesCardNumber reports whether a card number stands anywhere in s: in the middle of words too, with up to three separators between its digits, and beside other
// numbers, as its date of expiry is. It is for fields in which no number of this length has any business: one in fifty random numbers of 16 digits is taken for a card's.
func HidesCardNumber(s string) bool {
	if len(s) < cardDigitsMin {
		return false
	}
	var digits [cardDigitsMax]byte // the last of a run
	var begins [cardDigitsMax]bool // which of them begin a group
	n, gap := 0, 1                 // of them, and separators since the last
	ends := func() bool {          // a group ends: with it and those before it there may be a number
		for i := range n {
			if begins[i] && isCard(digits[i:n]) {
				return true
			}
		}
		return false
	}
	for _, r := range s {
		if d, ok := digitOf(r); ok {
			if n == len(digits) {
				copy(digits[:], digits[1:])
				copy(begins[:], begins[1:])
				n--
			}
			digits[n], begins[n] = d, gap > 0
			n++
			gap = 0
			continue
		}
		if gap == 0 && ends() {
			return true
		}
		if gap++; gap > separatorsMax || !isSeparator(r, true) {
			n = 0
		}
	}
	return gap == 0 && ends()
}

// separatorsMax is how many separators may stand between two digits of a hidden number.
const separatorsMax = 3

func isDigit(c byte) bool { return c-'0' <= 9 }

func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r >= utf8.RuneSelf && r < 0xff10 && !isSeparator(r, false)
}

// isSeparator reports whether r may stand between the digits of a number, as people and their programs write it.
func isSeparator(r rune, strict bool) bool {
	switch {
	case r == ' ', r == '-', r == '.':
		return true
	case r < utf8.RuneSelf:
		return strict && (r == '_' || r == '/' || r == ',' || r == '*' || r == '\t' || r == '\n' || r == '\r')
	}
	return r == 0xad || r == 0xfeff || r >= 0x200b && r <= 0x200d || r == 0x2060 || r == 0x2212 || unicode.In(r, unicode.Zs, unicode.Pd) || r == 0xff0e
}

// digitOf returns the value of a decimal digit of any script.
func digitOf(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r - '0'), true
	case r < 0x660:
		return 0, false
	case r >= '０' && r <= '９':
		return byte(r - '０'), true
	}
	for i := range unicode.Nd.R16 { // each range is whole rows of ten
		if t := &unicode.Nd.R16[i]; r >= rune(t.Lo) && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), true
		}
	}
	for i := range unicode.Nd.R32 {
		if t := &unicode.Nd.R32[i]; r >= rune(t.Lo) && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10), true
		}
	}
	return 0, false
}

// HidesCardCode reports whether s names a card's security code and gives one: "cvc: 123", "CVV2=1234".
func HidesCardCode(s string) bool {
	for i := 0; i+6 <= len(s); i++ {
		if !isCodeName(s[i:i+3]) || i > 0 && isLetter(rune(s[i-1])) && s[i-1] != '_' {
			continue
		}
		rest := s[i+3:]
		if rest[0] == '2' {
			rest = rest[1:]
		}
		value := strings.TrimLeft(rest, " :=#_-\"'\t")
		if _, glued := digitOf(rune(s[max(i-1, 0)])); glued && value == rest {
			continue // within a word, as in a random id
		}
		digits, within := 0, false
		for _, r := range value {
			if _, ok := digitOf(r); !ok {
				within = isLetter(r)
				break
			}
			digits++
		}
		if !within && (digits == 3 || digits == 4) {
			return true
		}
	}
	return false
}

func isCodeName(s string) bool {
	switch strings.ToLower(s) {
	case "cvc", "cvv", "cvn", "csc":
		return true
	}
	return false
}

// HidesSecretKey reports whether s holds what gateways and others begin their secret keys with.
func HidesSecretKey(s string) bool {
	for _, mark := range [...]string{"sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", "-----BEGIN "} {
		if strings.Contains(s, mark) {
			return true
		}
	}
	return false
}

// isCard checks issuer, length and the check digit (Luhn) of decimal digits.
func isCard(digits []byte) bool {
	n := len(digits)
	if n < cardDigitsMin || n > cardDigitsMax || !isIssuer(digits) {
		return false
	}
	sum := 0
	for i, d := range digits {
		v := int(d)
		if (n-i)%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// isIssuer reports whether a card scheme issues numbers with these first digits and this length (ISO/IEC 7812 ranges in use).
func isIssuer(d []byte) bool {
	n := len(d)
	p4 := int(d[0])*1000 + int(d[1])*100 + int(d[2])*10 + int(d[3])
	p2, p3 := p4/100, p4/10
	switch {
	case d[0] == 4: // Visa
		return n == 13 || n == 16 || n == 19
	case p2 >= 51 && p2 <= 55, p4 >= 2221 && p4 <= 2720: // Mastercard
		return n == 16
	case p2 == 34, p2 == 37: // American Express
		return n == 15
	case p4 == 6011, p2 == 65, p3 >= 644 && p3 <= 649: // Discover
		return n >= 16
	case p4 >= 3528 && p4 <= 3589: // JCB
		return n >= 16
	case p2 == 36, p2 == 38, p2 == 39, p3 >= 300 && p3 <= 305: // Diners Club
		return n >= 14
	case p2 == 62: // UnionPay
		return n >= 16
	case p4 == 5018, p4 == 5020, p4 == 5038, p4 == 5893, p4 == 6304, p4 == 6759, p4 >= 6761 && p4 <= 6763: // Maestro
		return true
	}
	return false
}
