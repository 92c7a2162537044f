package stripe

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

func unknown(why string) payment.Result { return payment.Result{Answer: payment.Unknown, Detail: why} }

func failed(why payment.Decline, detail string) payment.Result {
	return payment.Result{Answer: payment.Failed, Decline: why, Detail: detail}
}

// say describes a reply to people: only with what Stripe's documentation lists, never with a message, which may quote what was sent.
func (r reply) say(what string) string {
	text := fmt.Sprintf("stripe: %s, status %d", what, r.status)
	if e := r.problem; e != nil {
		for _, code := range []string{string(e.Type), string(e.Code), string(e.DeclineCode)} {
			if isCode(code) {
				text += ", " + code
			}
		}
	}
	if r.requestID != "" {
		text += ", request " + r.requestID
	}
	return text
}

// isCode reports whether text looks like one of Stripe's codes: short, lower case, with underscores.
func isCode(text string) bool {
	return text != "" && len(text) <= 64 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_") == ""
}

// ok reports whether a request was carried out, or what its failure means whatever was asked: nothing is known, or nothing was done.
func (r reply) ok() (payment.Result, bool) {
	ms := r.retryAfter.Milliseconds()
	switch {
	case r.unsent:
		return payment.Result{Answer: payment.NotDone, Detail: "stripe: cannot connect"}, false
	case r.status == http.StatusOK && r.err == nil && r.problem == nil:
		return payment.Result{}, true
	case r.status == http.StatusTooManyRequests && r.problem != nil && r.problem.Code == stripego.ErrorCodeLockTimeout:
		return payment.Result{Answer: payment.NotDone, RetryAfterMs: max(ms, 500), Detail: r.say("another request works on the same charge")}, false
	case r.status == http.StatusTooManyRequests: // refused before it was looked at, also if the reason did not arrive whole
		return payment.Result{Answer: payment.NotDone, Throttled: true, RetryAfterMs: ms, Detail: r.say("too many requests")}, false
	case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
		return payment.Result{Answer: payment.NotDone, RetryAfterMs: ms, Detail: r.say("the key is not accepted, or may not do this")}, false
	case r.status == http.StatusConflict:
		return payment.Result{Answer: payment.Unknown, RetryAfterMs: max(ms, 500), Detail: r.say("a request with this key is under way")}, false
	case r.problem != nil && r.problem.Type == stripego.ErrorTypeIdempotency:
		return unknown(r.say("the key came with other bytes before, and those may have been a charge")), false
	case r.problem != nil && r.status >= 400 && r.status < 500:
		return failed(declineOf(r.problem), r.say("refused")), false
	case r.status == 0:
		return unknown("stripe: no answer"), false
	}
	return payment.Result{Answer: payment.Unknown, RetryAfterMs: ms, Detail: r.say("no answer that can be trusted")}, false
}

// readIntent reads a charge, or says why there is none.
func readIntent(r reply) (*stripego.PaymentIntent, payment.Result) {
	if result, ok := r.ok(); !ok {
		return nil, result
	}
	intent := new(stripego.PaymentIntent)
	if json.Unmarshal(r.data, intent) != nil || intent.Object != "payment_intent" || !isRef(intent.ID) {
		return nil, unknown(r.say("an answer that cannot be read"))
	}
	return intent, payment.Result{}
}

// readSearch reads the charges of an order, and chooses.
func readSearch(r reply, order string) (*stripego.PaymentIntent, payment.Result) {
	if result, ok := r.ok(); !ok {
		return nil, asked(result)
	}
	var page struct {
		Object  string                    `json:"object"`
		Data    []*stripego.PaymentIntent `json:"data"`
		HasMore bool                      `json:"has_more"`
	}
	if json.Unmarshal(r.data, &page) != nil || page.Object != "search_result" {
		return nil, unknown(r.say("an answer that cannot be read"))
	}
	var best *stripego.PaymentIntent
	for _, intent := range page.Data {
		switch {
		case intent == nil || !isRef(intent.ID):
			return nil, unknown(r.say("an answer that cannot be read"))
		case intent.Metadata[metadataOrder] != order: // Stripe's search folds case
		case best == nil || weight(intent) > weight(best):
			best = intent
		}
	}
	if best == nil && page.HasMore {
		return nil, unknown(r.say("more charges of this order than can be looked through"))
	}
	if best == nil {
		return nil, payment.Result{Answer: payment.NotFound}
	}
	return best, payment.Result{}
}

// weight puts first what costs the buyer something, then what may still do so.
func weight(intent *stripego.PaymentIntent) int {
	// What is not named costs nothing.
	//
	//exhaustive:ignore
	switch resultOf(intent).Answer {
	case payment.Authorised, payment.Captured:
		return 3
	case payment.ActionNeeded, payment.Pending, payment.Unknown:
		return 2
	case payment.DeclinedSoft, payment.DeclinedHard:
		return 1
	}
	return 0
}

// resultOf is what the state of a charge means.
func resultOf(intent *stripego.PaymentIntent) payment.Result {
	currency := strings.ToUpper(string(intent.Currency))
	r := payment.Result{Ref: intent.ID, Currency: currency, AmountMinor: fromStripe(intent.Amount, currency)}
	switch intent.Status {
	case stripego.PaymentIntentStatusRequiresCapture:
		r.Answer, r.AmountMinor = payment.Authorised, fromStripe(intent.AmountCapturable, currency)
	case stripego.PaymentIntentStatusSucceeded:
		r.Answer, r.AmountMinor = payment.Captured, fromStripe(intent.AmountReceived, currency)
		if c := intent.LatestCharge; c != nil && c.AmountRefunded > 0 && c.AmountRefunded >= intent.AmountReceived {
			r.Answer = payment.Voided // nothing is taken any more
		}
	case stripego.PaymentIntentStatusRequiresAction:
		r.Answer, r.ClientSecret = payment.ActionNeeded, intent.ClientSecret
		if next := intent.NextAction; next != nil && next.RedirectToURL != nil {
			r.RedirectURL = next.RedirectToURL.URL
		}
	case stripego.PaymentIntentStatusProcessing, stripego.PaymentIntentStatusRequiresConfirmation:
		r.Answer = payment.Pending
	case stripego.PaymentIntentStatusRequiresPaymentMethod:
		r.Decline, r.AmountMinor = declineOf(intent.LastPaymentError), 0
		r.Answer = declined(r.Decline)
	case stripego.PaymentIntentStatusCanceled:
		r.Answer = payment.Voided
	default:
		r.Answer, r.Detail = payment.Unknown, "stripe: a charge in a state that is not known here"
	}
	return r
}

// readAuthorise reads the answer to a new charge.
func readAuthorise(r reply, call payment.Call) payment.Result {
	if e := r.problem; e != nil && (r.status == http.StatusPaymentRequired || r.status == http.StatusBadRequest && e.Type == stripego.ErrorTypeCard) {
		why := declineOf(e)
		result := payment.Result{Answer: declined(why), Decline: why, Detail: r.say("declined")}
		if e.PaymentIntent != nil && isRef(e.PaymentIntent.ID) {
			result.Ref = e.PaymentIntent.ID
		}
		return result
	}
	intent, result := readIntent(r)
	switch {
	case result.Answer == payment.Failed && result.Decline != payment.DeclineConfiguration:
		result.Answer = declined(result.Decline) // the request is as it should be: what it names is not
		return result
	case intent == nil:
		return result
	case !belongs(intent.Metadata, call.Order):
		return unknown(r.say("an answer about another order"))
	}
	return resultOf(intent)
}

// readFinish reads the answer to a capture, a void or a cancel. Where the charge was in another state than such a request needs, that state is the answer.
func readFinish(r reply, call payment.Call) payment.Result {
	intent, result := readIntent(r)
	if intent == nil {
		e := r.problem
		if result.Answer != payment.Failed || e == nil || e.Code != stripego.ErrorCodePaymentIntentUnexpectedState || e.PaymentIntent == nil {
			return result
		}
		intent = e.PaymentIntent
	}
	if !belongs(intent.Metadata, call.Order) || intent.ID != call.Ref {
		return unknown(r.say("an answer about another charge"))
	}
	now := resultOf(intent)
	switch call.Operation {
	case payment.Capture:
		// In the other states it is captured, or it will be known later whether it is.
		//
		//exhaustive:ignore
		switch now.Answer {
		case payment.Voided, payment.DeclinedSoft, payment.DeclinedHard, payment.ActionNeeded:
			return failed(payment.DeclineGeneric, r.say("the charge cannot be captured: it is "+now.Answer.String()))
		case payment.Authorised:
			return unknown(r.say("the charge should be captured, and is not"))
		}
	case payment.Void:
		if now.Answer == payment.Captured {
			return failed(payment.DeclineNone, r.say("the charge is captured: refund it"))
		}
	case payment.Authorise, payment.Refund, payment.LookUp, payment.Cancel:
	}
	return now
}

// readRefund reads the answer to a refund.
func readRefund(r reply, call payment.Call) payment.Result {
	if result, ok := r.ok(); !ok {
		return result
	}
	refund := new(stripego.Refund)
	if json.Unmarshal(r.data, refund) != nil || refund.Object != "refund" || !isRef(refund.ID) {
		return unknown(r.say("an answer that cannot be read"))
	}
	if key, says := refund.Metadata[metadataKey]; says && key != call.Key {
		return unknown(r.say("an answer about another refund"))
	}
	return resultOfRefund(refund)
}

// resultOfRefund is what the state of a refund means. One that Stripe calls pending is on its way to the buyer; should it fail after all, a webhook says so.
func resultOfRefund(refund *stripego.Refund) payment.Result {
	currency := strings.ToUpper(string(refund.Currency))
	r := payment.Result{Ref: refund.ID, Currency: currency, AmountMinor: fromStripe(refund.Amount, currency)}
	switch refund.Status {
	case stripego.RefundStatusSucceeded, stripego.RefundStatusPending:
		r.Answer = payment.Refunded
	case stripego.RefundStatusRequiresAction:
		r.Answer = payment.Pending
	case stripego.RefundStatusFailed, stripego.RefundStatusCanceled:
		r.Answer, r.Decline, r.Detail = payment.Failed, payment.DeclineGeneric, "stripe: the refund has failed"
	default:
		r.Answer, r.Detail = payment.Unknown, "stripe: a refund in a state that is not known here"
	}
	return r
}
