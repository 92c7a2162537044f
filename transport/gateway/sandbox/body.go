package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// bodyBytesMax is the longest request that the sandbox reads.
const bodyBytesMax = 16 << 10

// body is a request as it goes out: JSON with these fields in this order.
type body struct {
	Operation   string `json:"operation"`
	Order       string `json:"order"`
	Ref         string `json:"ref,omitempty"`
	AmountMinor int64  `json:"amount_minor,omitempty"`
	Currency    string `json:"currency,omitempty"`
	Token       string `json:"token,omitempty"`
	Kind        string `json:"kind,omitempty"`
	OnSession   bool   `json:"on_session,omitempty"`
	ReturnURL   string `json:"return_url,omitempty"`
	Descriptor  string `json:"descriptor,omitempty"`
}

// ErrCannot says that the gateway can never do what is asked.
var ErrCannot = errors.New("the sandbox cannot do this")

// prepare makes the bytes of a request. The same intent gives the same bytes. A look-up has none.
func prepare(in payment.Intent) ([]byte, error) {
	if in.Operation == payment.LookUp {
		return nil, nil
	}
	b := body{Operation: in.Operation.String(), Order: in.Order, Ref: in.Ref}
	switch in.Operation {
	case payment.Authorise:
		switch in.Method.Kind {
		case payment.MethodCard, payment.MethodWallet, payment.MethodRedirect:
		case payment.MethodDelayedDebit:
			return nil, fmt.Errorf("%w: delayed debit is not taken for tickets, as it may fail days later", ErrCannot)
		default:
			return nil, fmt.Errorf("%w: a method of kind %d", ErrCannot, in.Method.Kind)
		}
		if in.Method.Token == "" || in.AmountMinor <= 0 || in.Currency == "" || in.Order == "" {
			return nil, fmt.Errorf("%w: a charge needs an order, a method, a currency and an amount above 0", ErrCannot)
		}
		b.AmountMinor, b.Currency, b.Token, b.Kind = in.AmountMinor, in.Currency, in.Method.Token, in.Method.Kind.String()
		b.OnSession, b.ReturnURL, b.Descriptor = in.OnSession, in.ReturnURL, in.Descriptor
	case payment.Capture, payment.Refund:
		if in.Ref == "" || in.AmountMinor <= 0 {
			return nil, fmt.Errorf("%w: a %s needs the charge's id and an amount above 0", ErrCannot, in.Operation)
		}
		b.AmountMinor, b.Currency = in.AmountMinor, in.Currency
	case payment.Void:
		if in.Ref == "" {
			return nil, fmt.Errorf("%w: a void needs the charge's id", ErrCannot)
		}
	case payment.Cancel:
		if in.Ref == "" && in.Order == "" {
			return nil, fmt.Errorf("%w: a cancel needs the charge's id or its order", ErrCannot)
		}
	case payment.LookUp: // has no bytes
	default:
		return nil, fmt.Errorf("%w: operation %d", ErrCannot, in.Operation)
	}
	return json.Marshal(b)
}

// readBody decodes what prepare made.
func readBody(data []byte) (body, error) {
	var b body
	if len(data) > bodyBytesMax {
		return b, fmt.Errorf("the request has %d bytes, more than %d", len(data), bodyBytesMax)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return b, fmt.Errorf("read the request: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return b, errors.New("something follows the request")
	}
	return b, nil
}

// operationOf reads what Operation.String wrote.
func operationOf(name string) (payment.Operation, bool) {
	for op := payment.Authorise; op <= payment.Cancel; op++ {
		if op.String() == name {
			return op, true
		}
	}
	return 0, false
}
