package stripe

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// refundPagesMax bounds how many pages of a charge's refunds are read, at 100 a page.
const refundPagesMax = 10

// Do sends a call once and tells what became of it. A look-up or a cancel by order is a search first.
func (g *Gateway) Do(ctx context.Context, call payment.Call) payment.Result {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	switch {
	case call.Operation.Changes() && call.Age > payment.KeyAgeMax:
		return unknown("the key is too old to be sent again: look the charge up")
	case call.Operation.Changes() && (call.Key == "" || len(call.Key) > keyBytesMax):
		return failed(payment.DeclineConfiguration, "a request needs an idempotency key")
	case call.Ref != "" && !isRef(call.Ref):
		return failed(payment.DeclineConfiguration, "this is no id of a charge at Stripe")
	}
	switch call.Operation {
	case payment.Authorise:
		return readAuthorise(g.post(ctx, "/v1/payment_intents", call), call)
	case payment.Capture, payment.Void:
		if call.Ref == "" {
			return failed(payment.DeclineConfiguration, "the charge's id is missing")
		}
		verb := "/capture"
		if call.Operation == payment.Void {
			verb = "/cancel"
		}
		return readFinish(g.post(ctx, "/v1/payment_intents/"+call.Ref+verb, call), call)
	case payment.Refund:
		return readRefund(g.post(ctx, "/v1/refunds", call), call)
	case payment.Cancel:
		return g.cancel(ctx, call)
	case payment.LookUp:
		if call.RefundRef != "" {
			return g.lookUpRefund(ctx, call)
		}
		result, _ := g.lookUp(ctx, call)
		return asked(result)
	}
	return failed(payment.DeclineConfiguration, "there is no such operation")
}

func (g *Gateway) post(ctx context.Context, path string, call payment.Call) reply {
	return g.send(ctx, http.MethodPost, path, call.Key, call.Body)
}

// cancel ends a charge, whose id may not be known yet.
func (g *Gateway) cancel(ctx context.Context, call payment.Call) payment.Result {
	if call.Ref == "" {
		found, ref := g.lookUp(ctx, call)
		switch {
		case found.Answer == payment.NotFound || found.Answer == payment.Unknown || found.Answer == payment.NotDone || ref == "":
			return found
		case found.Answer == payment.Voided || found.Answer == payment.Captured:
			return found // there is nothing left to cancel
		}
		call.Ref = ref
	}
	return readFinish(g.post(ctx, "/v1/payment_intents/"+call.Ref+"/cancel", call), call)
}

// lookUp finds a charge by its id, or by its order: then the one that matters most, if there are several.
func (g *Gateway) lookUp(ctx context.Context, call payment.Call) (result payment.Result, ref string) {
	var intent *stripego.PaymentIntent
	if call.Ref != "" {
		r := g.send(ctx, http.MethodGet, "/v1/payment_intents/"+call.Ref+"?expand[]=latest_charge", "", nil)
		if r.problem != nil && r.status == http.StatusNotFound {
			return payment.Result{Answer: payment.NotFound}, ""
		}
		if intent, result = readIntent(r); intent == nil {
			return result, ""
		}
	} else {
		r := g.send(ctx, http.MethodGet, "/v1/payment_intents/search?limit=100&expand[]=data.latest_charge&query="+searchOf(call.Order), "", nil)
		found, result := readSearch(r, call.Order)
		if found == nil {
			return result, ""
		}
		intent = found
	}
	if !belongs(intent.Metadata, call.Order) {
		return unknown("the charge with this id is of another order"), ""
	}
	return resultOf(intent), intent.ID
}

// findsLate is by how much Stripe's search is taken to be behind on a bad day: it says "under a minute" for good ones, and more during an outage.
const findsLate = 15 * time.Minute

// FindsLate is how late a charge may be found by its order.
func (*Gateway) FindsLate() time.Duration { return findsLate }

// searchOf is the query for the charges of an order. Prepare has refused orders with quotes; whatever else is in one is escaped.
func searchOf(order string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(order)
	return url.QueryEscape("metadata['" + metadataOrder + "']:'" + escaped + "'")
}

// belongs reports whether an object of Stripe is of an order, as far as it says.
func belongs(metadata map[string]string, order string) bool {
	of, says := metadata[metadataOrder]
	return !says || order == "" || of == order
}

// asked is the answer to a look-up that was refused: the question was wrong, and that says nothing about the charge or the refund.
func asked(result payment.Result) payment.Result {
	if result.Answer == payment.Failed {
		result.Answer = payment.Unknown
	}
	return result
}

// lookUpRefund finds a refund by the key that it was asked for with, among those of its charge.
func (g *Gateway) lookUpRefund(ctx context.Context, call payment.Call) payment.Result {
	ref := call.Ref
	if ref == "" {
		var found payment.Result
		if found, ref = g.lookUp(ctx, call); ref == "" {
			return asked(found)
		}
	}
	after := ""
	for range refundPagesMax {
		path := "/v1/refunds?limit=100&payment_intent=" + ref
		if after != "" {
			path += "&starting_after=" + url.QueryEscape(after)
		}
		r := g.send(ctx, http.MethodGet, path, "", nil)
		if r.problem != nil && r.status == http.StatusNotFound {
			return payment.Result{Answer: payment.NotFound}
		}
		var page struct {
			Data    []*stripego.Refund `json:"data"`
			HasMore bool               `json:"has_more"`
		}
		if result, ok := r.ok(); !ok {
			return asked(result)
		}
		if json.Unmarshal(r.data, &page) != nil {
			return unknown(r.say("an answer that cannot be read"))
		}
		for _, refund := range page.Data {
			if refund == nil {
				return unknown(r.say("an answer that cannot be read"))
			}
			if refund.Metadata[metadataKey] == call.RefundRef {
				return resultOfRefund(refund)
			}
			after = refund.ID
		}
		if !page.HasMore {
			return payment.Result{Answer: payment.NotFound}
		}
	}
	return unknown("the charge has too many refunds to look through")
}
