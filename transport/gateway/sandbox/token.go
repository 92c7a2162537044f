package sandbox

import (
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// A behaviour is what a token asks for.
type behaviour struct {
	decline       payment.Decline // the charge is declined
	authenticate  bool            // the buyer has to act first
	captures      bool            // taken at once
	pending       time.Duration   // undecided for so long
	slow          time.Duration
	lostRequest   bool // the first request never arrives
	lostAnswer    bool // the first answer never arrives
	storedError   bool // the answer is a server error, for ever
	throttled     int  // so many requests are refused first
	amountMore    int64
	otherCurrency bool
	captureFails  int // so many captures fail
	refundFails   int // so many refunds fail
}

const always = 1 << 30

// slowMsMax bounds what a token can ask for, in milliseconds: an hour.
const slowMsMax = 3_600_000

// behaviourOf reads a token. A token that it does not know is declined.
func behaviourOf(token string) behaviour {
	name, _, _ := strings.Cut(token, ".")
	if name, ok := strings.CutPrefix(name, "sbx_decline_"); ok {
		return behaviour{decline: declineOf(name)}
	}
	if d, ok := millis(name, "sbx_slow_"); ok {
		return behaviour{slow: d}
	}
	if d, ok := millis(name, "sbx_pending_"); ok {
		return behaviour{pending: d}
	}
	switch name {
	case "sbx_ok":
		return behaviour{}
	case "sbx_auth":
		return behaviour{authenticate: true}
	case "sbx_redirect":
		return behaviour{authenticate: true, captures: true}
	case "sbx_timeout_charged":
		return behaviour{lostAnswer: true}
	case "sbx_timeout_before":
		return behaviour{lostRequest: true}
	case "sbx_error_charged":
		return behaviour{storedError: true}
	case "sbx_error":
		return behaviour{storedError: true, decline: payment.DeclineTryAgain}
	case "sbx_throttle":
		return behaviour{throttled: 2}
	case "sbx_wrong_amount":
		return behaviour{amountMore: 1}
	case "sbx_wrong_currency":
		return behaviour{otherCurrency: true}
	case "sbx_capture_fails":
		return behaviour{captureFails: always}
	case "sbx_capture_fails_once":
		return behaviour{captureFails: 1}
	case "sbx_refund_fails":
		return behaviour{refundFails: always}
	}
	return behaviour{decline: payment.DeclineInvalidMethod}
}

// declineOf is the reason that a token names.
func declineOf(name string) payment.Decline {
	switch name {
	case "soft":
		return payment.DeclineInsufficientFunds
	case "hard":
		return payment.DeclineLostOrStolen
	}
	for d := payment.DeclineGeneric; int(d) < payment.Declines; d++ {
		if d.String() == name {
			return d
		}
	}
	return payment.DeclineInvalidMethod
}

// millis reads the time at the end of a token.
func millis(name, prefix string) (time.Duration, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || ms < 0 || ms > slowMsMax {
		return 0, false
	}
	return time.Duration(ms) * time.Millisecond, true
}
