package payment

// Answer is what a gateway said, or that nobody knows what it did. The numbers are part of the log's format.
type Answer uint8

// The answers.
const (
	Unknown      Answer = iota // no answer, or none that can be trusted: it may or may not have happened. The zero value, on purpose
	Authorised                 // the money is reserved
	Captured                   // the money is taken
	DeclinedSoft               // not now: another method, or the same later, may do
	DeclinedHard               // never with this method: it must not be tried again
	ActionNeeded               // the buyer has to authenticate, or to come back from a redirect: the charge waits for them
	Pending                    // the gateway has it and has not decided: ask again
	Voided                     // nothing is reserved or taken any more, and nothing will be
	Refunded                   // it was given back
	NotFound                   // look-up: the gateway has no such charge
	NotDone                    // definitely not done, and may be sent again with the same key: rate limited, or refused before it was looked at
	Failed                     // definitely not done, and sending it again is of no use: the request itself is wrong. Of a look-up: the refund has failed
)

// String returns the answer's name, as in metrics.
func (a Answer) String() string {
	switch a {
	case Unknown:
		return "unknown"
	case Authorised:
		return "authorised"
	case Captured:
		return "captured"
	case DeclinedSoft:
		return "declined_soft"
	case DeclinedHard:
		return "declined_hard"
	case ActionNeeded:
		return "action_needed"
	case Pending:
		return "pending"
	case Voided:
		return "voided"
	case Refunded:
		return "refunded"
	case NotFound:
		return "not_found"
	case NotDone:
		return "not_done"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// Definite reports whether the answer settles what was asked: it will not change by asking again.
func (a Answer) Definite() bool {
	switch a {
	case Authorised, Captured, DeclinedSoft, DeclinedHard, Voided, Refunded, Failed:
		return true
	case Unknown, ActionNeeded, Pending, NotFound, NotDone:
	}
	return false
}

// Result is what became of a call.
type Result struct {
	Answer       Answer
	Ref          string  // the gateway's id of the charge or of the refund; may be empty if it is not known
	Decline      Decline // with DeclinedSoft and DeclinedHard, and Failed
	AmountMinor  int64   // that the gateway has reserved, taken or given back; the lane compares it with what was asked
	Currency     string
	RetryAfterMs int64  // with NotDone and Unknown: not before; 0 if it did not say
	Throttled    bool   // with NotDone: the gateway limits requests
	ClientSecret string // with ActionNeeded: what the buyer's client needs. Never stored, never logged
	RedirectURL  string // with ActionNeeded: where the buyer has to go. Never stored
	Detail       string // for people, without a secret: as in "connection reset"
}

// Decline says why a charge was declined, in the words that all gateways' codes are mapped to. The numbers are part of the log's format.
type Decline uint8

// The reasons of declines.
const (
	DeclineNone              Decline = iota
	DeclineGeneric                   // no reason given: soft
	DeclineInsufficientFunds         // soft
	DeclineTryAgain                  // the issuer could not be reached: soft
	DeclineVelocity                  // too often, or above a limit of the card: soft
	DeclineExpired                   // the card has expired: hard
	DeclineLostOrStolen              // hard
	DeclineFraud                     // the issuer or the gateway suspects fraud: hard
	DeclineNotPermitted              // the card cannot pay this: hard
	DeclineInvalidMethod             // the method is unknown, detached or invalid: hard
	DeclineAuthentication            // the buyer did not or could not authenticate: soft
	DeclineCurrency                  // the method cannot pay in this currency: hard
	DeclineAmount                    // too small or too large: hard
	DeclineConfiguration             // the gateway refuses the request itself: hard, and an operator has to look
	declineEnd
)

// Declines is how many reasons there are: the size of a table indexed by Decline.
const Declines = int(declineEnd)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var declineNames = [Declines]string{
	"", "generic", "insufficient_funds", "try_again", "velocity", "expired", "lost_or_stolen", "fraud", "not_permitted", "invalid_method",
	"authentication_failed", "currency", "amount", "configuration",
}

// String returns the reason's name on the wire.
func (d Decline) String() string {
	if d < declineEnd {
		return declineNames[d]
	}
	return "unknown"
}

// Hard reports whether the same method must not be tried again.
func (d Decline) Hard() bool {
	switch d {
	case DeclineExpired, DeclineLostOrStolen, DeclineFraud, DeclineNotPermitted, DeclineInvalidMethod, DeclineCurrency, DeclineAmount, DeclineConfiguration:
		return true
	case DeclineNone, DeclineGeneric, DeclineInsufficientFunds, DeclineTryAgain, DeclineVelocity, DeclineAuthentication, declineEnd:
	}
	return false
}
