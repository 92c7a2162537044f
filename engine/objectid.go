package engine

import "strconv"

// Callers see a hold, an order or a ticket as a letter and its number: h17. After a restore from a backup the incarnation follows, in base 36: h17-tgs3k0.
// Both parts count: h17 and h17-tgs3k0 are two holds, of two copies of one log.

// AppendHoldID appends a hold's id as callers see it: "h" and its number.
func AppendHoldID(dst []byte, id HoldID, in Incarnation) []byte {
	return appendLettered(dst, 'h', uint64(id), in)
}

// AppendOrderID appends an order's id as callers see it: "o" and its number.
func AppendOrderID(dst []byte, id OrderID, in Incarnation) []byte {
	return appendLettered(dst, 'o', uint64(id), in)
}

// AppendTicketID appends a ticket's id as callers see it: "t" and its number. Its incarnation is that of its order.
func AppendTicketID(dst []byte, id TicketID, in Incarnation) []byte {
	return appendLettered(dst, 't', uint64(id), in)
}

// AppendPurchaseID appends a purchase's id as callers see it: "p" and its number.
func AppendPurchaseID(dst []byte, id PurchaseID, in Incarnation) []byte {
	return appendLettered(dst, 'p', uint64(id), in)
}

// AppendRefundID appends a refund's id as callers see it: "r" and its number.
func AppendRefundID(dst []byte, id RefundID, in Incarnation) []byte {
	return appendLettered(dst, 'r', uint64(id), in)
}

// AppendOfferID appends an offer's id as callers see it: "f" and its number.
func AppendOfferID(dst []byte, id OfferID, in Incarnation) []byte {
	return appendLettered(dst, 'f', uint64(id), in)
}

func appendLettered(dst []byte, letter byte, n uint64, in Incarnation) []byte {
	dst = strconv.AppendUint(append(dst, letter), n, 10)
	if in != 0 {
		dst = AppendIncarnation(append(dst, '-'), in)
	}
	return dst
}

// AppendIncarnation appends an incarnation as it stands in ids: in base 36.
func AppendIncarnation(dst []byte, in Incarnation) []byte {
	return strconv.AppendUint(dst, uint64(in), 36)
}

// ParseHoldID reads what AppendHoldID wrote, and nothing else.
func ParseHoldID(s string) (HoldID, Incarnation, bool) {
	n, in, ok := parseLettered(s, 'h')
	return HoldID(n), in, ok
}

// ParseOrderID reads what AppendOrderID wrote, and nothing else.
func ParseOrderID(s string) (OrderID, Incarnation, bool) {
	n, in, ok := parseLettered(s, 'o')
	return OrderID(n), in, ok
}

// ParseTicketID reads what AppendTicketID wrote, and nothing else.
func ParseTicketID(s string) (TicketID, Incarnation, bool) {
	n, in, ok := parseLettered(s, 't')
	return TicketID(n), in, ok
}

// ParsePurchaseID reads what AppendPurchaseID wrote, and nothing else.
func ParsePurchaseID(s string) (PurchaseID, Incarnation, bool) {
	n, in, ok := parseLettered(s, 'p')
	return PurchaseID(n), in, ok
}

// ParseRefundID reads what AppendRefundID wrote, and nothing else.
func ParseRefundID(s string) (RefundID, Incarnation, bool) {
	n, in, ok := parseLettered(s, 'r')
	return RefundID(n), in, ok
}

// ParseOfferID reads what AppendOfferID wrote, and nothing else.
func ParseOfferID(s string) (OfferID, Incarnation, bool) {
	n, in, ok := parseLettered(s, 'f')
	return OfferID(n), in, ok
}

func parseLettered(s string, letter byte) (n uint64, in Incarnation, ok bool) {
	if len(s) < 2 || s[0] != letter {
		return 0, 0, false
	}
	s = s[1:]
	for i := 0; i < len(s); i++ {
		if s[i] == '-' {
			if in, ok = parseIncarnation(s[i+1:]); !ok {
				return 0, 0, false
			}
			s = s[:i]
			break
		}
	}
	n, ok = parseNumber(s)
	if !ok {
		return 0, 0, false
	}
	return n, in, true
}

// parseIncarnation reads a positive number in base 36, in small letters and without leading zeros.
func parseIncarnation(s string) (Incarnation, bool) {
	if len(s) == 0 || len(s) > 8 || s[0] == '0' {
		return 0, false
	}
	n := Incarnation(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			n = n*36 + Incarnation(c-'0')
		case c >= 'a' && c <= 'z':
			n = n*36 + Incarnation(c-'a') + 10
		default:
			return 0, false
		}
	}
	return n, n <= IncarnationMax
}
