package engine

import "unicode/utf8"

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
// Digits may be full-width, and grouped by single spaces, dashes or dots.
func ContainsCardNumber(s string) bool {
	var digits [cardDigitsMax + 1]byte
	n, total := 0, 0 // kept in digits, and met in this run
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
		} else {
			_, digitBefore := digitOf(last)
			if grouping := r == ' ' || r == '-' || r == '.'; !grouping || !digitBefore {
				inWord = inWord || isLetter(r)
				if total > 0 && flush() {
					return true
				}
			}
		}
		last = r
	}
	return total > 0 && flush()
}

func isDigit(c byte) bool { return c-'0' <= 9 }

func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r >= utf8.RuneSelf && r < 0xff10
}

// digitOf returns the value of an ASCII or full-width digit.
func digitOf(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r - '0'), true
	case r >= '０' && r <= '９':
		return byte(r - '０'), true
	}
	return 0, false
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
