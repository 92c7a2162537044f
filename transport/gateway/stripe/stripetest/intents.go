package stripetest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// object is a charge as Stripe shows it.
func (in *Intent) object() map[string]any {
	o := map[string]any{
		"id": in.ID, "object": "payment_intent", "amount": in.Amount, "amount_capturable": in.Capturable, "amount_received": in.Received,
		"currency": in.Currency, "status": in.Status, "client_secret": in.Secret, "metadata": in.Metadata,
		"latest_charge": map[string]any{"id": "ch_" + in.ID, "object": "charge", "amount_refunded": in.Refunded},
	}
	if in.LastDecline != "" {
		o["last_payment_error"] = map[string]any{"type": "card_error", "code": "card_declined", "decline_code": in.LastDecline}
	}
	if in.Status == "requires_action" && in.Redirect {
		o["next_action"] = map[string]any{"type": "redirect_to_url", "redirect_to_url": map[string]any{"url": "https://bank.invalid/" + in.ID}}
	}
	return o
}

func (r *Refund) object(currency string) map[string]any {
	return map[string]any{
		"id": r.ID, "object": "refund", "amount": r.Amount, "currency": currency, "status": r.Status, "metadata": r.Metadata, "payment_intent": r.Intent,
	}
}

// apply carries a request out.
func (s *Server) apply(r *http.Request, form url.Values, fault Fault, faulty bool) (int, any) {
	refused := faulty && fault == CaptureFails
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	switch {
	case r.URL.Path == "/v1/payment_intents":
		return s.create(form)
	case r.URL.Path == "/v1/refunds":
		return s.refund(form, refused, faulty && fault == RefundPending)
	case len(parts) == 3 && parts[0] == "payment_intents" && s.intents[parts[1]] == nil:
		return http.StatusNotFound, problem("invalid_request_error", "resource_missing", "", nil)
	case len(parts) == 3 && parts[0] == "payment_intents" && parts[2] == "capture":
		return s.capture(s.intents[parts[1]], form, refused)
	case len(parts) == 3 && parts[0] == "payment_intents" && parts[2] == "cancel":
		in := s.intents[parts[1]]
		if in.Status == "succeeded" || in.Status == "canceled" || in.Status == "processing" {
			return http.StatusBadRequest, problem("invalid_request_error", "payment_intent_unexpected_state", "", in)
		}
		in.Status, in.Capturable = "canceled", 0
		return http.StatusOK, in.object()
	}
	return http.StatusNotFound, problem("invalid_request_error", "", "", nil)
}

func (s *Server) create(form url.Values) (int, any) {
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	method := form.Get("payment_method")
	ideal := form.Get("payment_method_types[]") == "ideal"
	switch {
	case err != nil || amount <= 0 || len(form.Get("currency")) != 3 || form.Get("confirm") != "true":
		return http.StatusBadRequest, problem("invalid_request_error", "parameter_missing", "", nil)
	case amount > 99_999_999:
		return http.StatusBadRequest, problem("invalid_request_error", "amount_too_large", "", nil)
	case method == "pm_card_missing", method == "" && form.Get("payment_method_data[type]") != "ideal":
		return http.StatusBadRequest, problem("invalid_request_error", "resource_missing", "", nil)
	case ideal && form.Get("capture_method") == "manual":
		return http.StatusBadRequest, problem("invalid_request_error", "payment_intent_invalid_parameter", "", nil)
	case ideal && form.Get("return_url") == "":
		return http.StatusBadRequest, problem("invalid_request_error", "parameter_missing", "", nil)
	}
	s.ids++
	in := &Intent{
		ID: fmt.Sprintf("pi_%d", s.ids), Currency: form.Get("currency"), Amount: amount, Method: method, Metadata: metadata(form),
		Manual: form.Get("capture_method") == "manual", Redirect: ideal,
	}
	in.Secret = in.ID + "_secret_x"
	s.intents[in.ID] = in
	s.order = append(s.order, in.ID)
	decline, isDecline := strings.CutPrefix(method, "pm_card_declined_")
	switch {
	case isDecline:
		in.Status, in.LastDecline = "requires_payment_method", decline
		return http.StatusPaymentRequired, problem("card_error", "card_declined", decline, in)
	case method == "pm_card_authenticationRequired" && form.Get("off_session") == "true":
		in.Status, in.LastDecline = "requires_payment_method", "authentication_required"
		return http.StatusPaymentRequired, problem("card_error", "authentication_required", "authentication_required", in)
	case method == "pm_card_authenticationRequired", ideal:
		in.Status = "requires_action"
	case method == "pm_card_processing":
		in.Status = "processing"
	case method == "pm_card_other_amount":
		in.Amount++
		in.succeed()
	default:
		in.succeed()
	}
	return http.StatusOK, in.object()
}

func (s *Server) capture(in *Intent, form url.Values, refused bool) (int, any) {
	amount, err := strconv.ParseInt(form.Get("amount_to_capture"), 10, 64)
	switch {
	case in.Status != "requires_capture":
		return http.StatusBadRequest, problem("invalid_request_error", "payment_intent_unexpected_state", "", in)
	case err != nil || amount > in.Capturable:
		return http.StatusBadRequest, problem("invalid_request_error", "amount_too_large", "", nil)
	case refused:
		return http.StatusPaymentRequired, problem("card_error", "card_declined", "do_not_honor", in)
	}
	in.Status, in.Received, in.Capturable = "succeeded", amount, 0
	return http.StatusOK, in.object()
}

func (s *Server) refund(form url.Values, refused, pending bool) (int, any) {
	in := s.intents[form.Get("payment_intent")]
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	switch {
	case in == nil:
		return http.StatusNotFound, problem("invalid_request_error", "resource_missing", "", nil)
	case in.Received == in.Refunded:
		return http.StatusBadRequest, problem("invalid_request_error", "charge_already_refunded", "", nil)
	case err != nil || amount > in.Received-in.Refunded:
		return http.StatusBadRequest, problem("invalid_request_error", "amount_too_large", "", nil)
	case refused:
		return http.StatusPaymentRequired, problem("card_error", "card_declined", "do_not_honor", nil)
	}
	s.ids++
	r := &Refund{ID: fmt.Sprintf("re_%d", s.ids), Intent: in.ID, Amount: amount, Metadata: metadata(form), Status: "succeeded"}
	if pending {
		r.Status = "pending"
	}
	in.Refunded += amount
	s.refunds = append(s.refunds, r)
	return http.StatusOK, r.object(in.Currency)
}

// metadata reads metadata[name]=value.
func metadata(form url.Values) map[string]string {
	m := map[string]string{}
	for name := range maps.Keys(form) {
		if inner, ok := strings.CutPrefix(name, "metadata["); ok {
			m[strings.TrimSuffix(inner, "]")] = form.Get(name)
		}
	}
	return m
}

// read answers a request that changes nothing.
func (s *Server) read(r *http.Request) (int, any) {
	query := r.URL.Query()
	id := strings.TrimPrefix(r.URL.Path, "/v1/payment_intents/")
	switch {
	case r.URL.Path == "/v1/payment_intents/search":
		field, value, ok := strings.Cut(query.Get("query"), ":")
		if !ok || field != "metadata['hf_order']" {
			return http.StatusBadRequest, problem("invalid_request_error", "", "", nil)
		}
		data := []any{}
		for _, id := range s.order {
			if in := s.intents[id]; "'"+in.Metadata["hf_order"]+"'" == value {
				data = append(data, in.object())
			}
		}
		return http.StatusOK, map[string]any{"object": "search_result", "data": data, "has_more": false}
	case r.URL.Path == "/v1/refunds":
		return s.readRefunds(query)
	case s.intents[id] != nil:
		return http.StatusOK, s.intents[id].object()
	}
	return http.StatusNotFound, problem("invalid_request_error", "resource_missing", "", nil)
}

// refundsPage is a page of refunds: shorter than Stripe's, so that tests turn pages.
const refundsPage = 2

// readRefunds lists the refunds of a charge, the newest first, as Stripe does.
func (s *Server) readRefunds(query url.Values) (int, any) {
	data, more, skip := []any{}, false, query.Get("starting_after") != ""
	for i := len(s.refunds) - 1; i >= 0; i-- {
		r := s.refunds[i]
		switch {
		case r.Intent != query.Get("payment_intent"):
		case skip:
			skip = r.ID != query.Get("starting_after")
		case len(data) == refundsPage:
			more = true
		default:
			data = append(data, r.object(s.intents[r.Intent].Currency))
		}
	}
	return http.StatusOK, map[string]any{"object": "list", "data": data, "has_more": more}
}
