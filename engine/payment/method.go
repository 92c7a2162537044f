package payment

// MethodKind is a kind of payment method. The numbers are part of the log's format.
type MethodKind uint8

// The kinds of methods.
const (
	MethodCard         MethodKind = 1 // credit, debit and prepaid cards
	MethodWallet       MethodKind = 2 // a card behind a phone's wallet: authenticates by itself
	MethodRedirect     MethodKind = 3 // the buyer goes to their bank's page and comes back, as with iDEAL
	MethodDelayedDebit MethodKind = 4 // the money comes days later and may fail: not taken for tickets
)

// String returns the kind's name on the wire.
func (k MethodKind) String() string {
	switch k {
	case MethodCard:
		return "card"
	case MethodWallet:
		return "wallet"
	case MethodRedirect:
		return "redirect"
	case MethodDelayedDebit:
		return "delayed_debit"
	}
	return "unknown"
}

// ParseMethodKind reads what String wrote.
func ParseMethodKind(s string) (MethodKind, bool) {
	for k := MethodCard; k <= MethodDelayedDebit; k++ {
		if k.String() == s {
			return k, true
		}
	}
	return 0, false
}

// Capabilities is what can be done with a kind of method at a gateway, a bit each. They are part of the log's format.
type Capabilities uint8

// The capabilities.
const (
	Reusable        Capabilities = 1 << iota // may be saved and charged again
	SeparateCapture                          // authorises first, captures later
	Instant                                  // the answer is final at once or after authentication
	Redirect                                 // needs the buyer to go elsewhere and come back
	Voidable                                 // what was authorised can be let go at no cost
)

// Has reports whether c has all of want.
func (c Capabilities) Has(want Capabilities) bool { return c&want == want }

// OneClick reports whether a method can be charged with one click: saved, and decided at once.
func (c Capabilities) OneClick() bool { return c.Has(Reusable|Instant) && c&Redirect == 0 }
