package stripe

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// FuzzAnswers reads any bytes as the answer to each kind of request. Money may only be reported where the bytes say so, of the order that was asked about.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `{"object":"payment_intent","id":"pi_1","status":"requires_capture","amount":9500,"amount_capturable":9500,"currency":"eur"}`,
		`{"object":"payment_intent","id":"pi_1","status":"succeeded","amount":9500,"amount_received":9500,"currency":"eur","metadata":{"hf_order":"other"}}`,
		`{"object":"search_result","data":[null]}`, `{"object":"search_result","data":[{"id":"pi_1","status":"requires_action","metadata":{"hf_order":"o"}}]}`,
		`{"object":"refund","id":"re_1","status":"succeeded","amount":1,"currency":"jpy"}`, `{"error":{"type":"card_error","decline_code":"lost_card"}}`,
		`{"error":{"type":"invalid_request_error","code":"payment_intent_unexpected_state","payment_intent":{"id":"pi_1","status":"succeeded"}}}`,
		`{"error":{"type":"idempotency_error"}}`, `{"error":null}`, `<html>`,
	} {
		for _, status := range []int{200, 400, 402, 429, 500} {
			f.Add(status, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, status int, data []byte) {
		r := reply{status: status, data: data}
		if status >= 400 { // as stripe-go does it
			var raw struct {
				Error *stripego.Error `json:"error"`
			}
			if err := json.Unmarshal(data, &raw); err != nil || raw.Error == nil {
				r.err = errors.New("no error in it")
			}
			r.problem = raw.Error
		}
		call := payment.Call{Key: "k", Order: "o", Ref: "pi_1"}
		_, searched := readSearch(r, "o")
		results := []payment.Result{readAuthorise(r, call), readRefund(r, call), searched}
		for _, op := range []payment.Operation{payment.Capture, payment.Void, payment.Cancel} {
			call.Operation = op
			results = append(results, readFinish(r, call))
		}
		for _, got := range results {
			switch got.Answer {
			case payment.Authorised, payment.Captured, payment.Refunded, payment.Voided:
				if !json.Valid(data) || got.Ref == "" {
					t.Errorf("status %d, %q: %+v", status, data, got)
				}
			case payment.DeclinedSoft, payment.DeclinedHard:
				if got.Decline == payment.DeclineNone || got.Decline.Hard() != (got.Answer == payment.DeclinedHard) {
					t.Errorf("status %d, %q: a decline for no reason: %+v", status, data, got)
				}
			case payment.Unknown, payment.ActionNeeded, payment.Pending, payment.NotFound, payment.NotDone, payment.Failed:
			}
			if len(got.Detail) > 400 || strings.ContainsAny(got.Detail, "\r\n\x1b") {
				t.Errorf("the detail %q is not fit to be shown", got.Detail)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "7": 7000, "-3": 0, "999999999": 3_600_000, "soon": 0, "Mon, 02 Jan 2006 15:04:05 GMT": 0} {
		if got := retryAfter(&http.Response{Header: http.Header{"Retry-After": {text}}}).Milliseconds(); got != want {
			t.Errorf("%q: %d ms, want %d", text, got, want)
		}
	}
}

func TestBodiesEnd(t *testing.T) {
	b := &bounded{io.NopCloser(strings.NewReader(strings.Repeat("x", 100))), 10}
	if data, err := io.ReadAll(b); !errors.Is(err, errAnswerTooLong) || len(data) != 10 {
		t.Errorf("%d bytes and %v", len(data), err)
	}
}
