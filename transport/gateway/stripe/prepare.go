package stripe

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// What a charge and a refund are found by again.
const (
	metadataOrder = "hf_order"
	metadataKey   = "hf_key"
)

// The bounds of what goes to Stripe. Longer is refused by Prepare, as Stripe would refuse it.
const (
	keyBytesMax        = 255
	metadataBytesMax   = 500
	refBytesMax        = 128
	returnURLBytesMax  = 2048
	descriptorBytesMax = 22
)

// idealToken is a redirect method that is not saved: the buyer chooses their bank on its page.
const idealToken = "ideal"

// ErrCannot says that Stripe, or this gateway, can never do what is asked.
var ErrCannot = errors.New("the stripe gateway cannot do this")

func cannot(why string) error { return fmt.Errorf("%w: %s", ErrCannot, why) }

// Prepare makes the exact bytes of a request: a form, its fields sorted. The same intent gives the same bytes.
func (g *Gateway) Prepare(in payment.Intent) ([]byte, error) {
	if in.Operation == payment.LookUp {
		return nil, nil
	}
	if in.Key == "" || len(in.Key) > keyBytesMax {
		return nil, cannot("a request needs an idempotency key of at most 255 bytes")
	}
	if in.Ref != "" && !isRef(in.Ref) {
		return nil, cannot("this is no id of a charge at Stripe")
	}
	form := url.Values{}
	var err error
	switch in.Operation {
	case payment.Authorise:
		err = authoriseForm(form, in)
	case payment.Capture:
		err = amountForm(form, "amount_to_capture", in)
	case payment.Refund:
		form.Set("payment_intent", in.Ref)
		form.Set("metadata["+metadataKey+"]", in.Key)
		form.Set("metadata["+metadataOrder+"]", in.Order)
		err = amountForm(form, "amount", in)
	case payment.Void:
		if in.Ref == "" {
			err = cannot("a void needs the charge's id")
		}
		form.Set("cancellation_reason", "requested_by_customer")
	case payment.Cancel:
		if in.Ref == "" && in.Order == "" {
			err = cannot("a cancel needs the charge's id or its order")
		}
		form.Set("cancellation_reason", "abandoned")
	case payment.LookUp:
	default:
		err = cannot("there is no such operation")
	}
	if err != nil {
		return nil, err
	}
	return []byte(form.Encode()), nil
}

// amountForm asks for a part of a charge.
func amountForm(form url.Values, field string, in payment.Intent) error {
	amount, err := toStripe(in.AmountMinor, in.Currency)
	switch {
	case in.Ref == "":
		return cannot("a " + in.Operation.String() + " needs the charge's id")
	case err != nil:
		return cannot(err.Error())
	case amount <= 0 || !isCurrency(in.Currency):
		return cannot("an amount above 0 in a currency is needed")
	}
	form.Set(field, strconv.FormatInt(amount, 10))
	return nil
}

func authoriseForm(form url.Values, in payment.Intent) error {
	amount, err := toStripe(in.AmountMinor, in.Currency)
	switch {
	case err != nil:
		return cannot(err.Error())
	case amount <= 0 || !isCurrency(in.Currency):
		return cannot("an amount above 0 in a currency is needed")
	case in.Order == "" || len(in.Order) > metadataBytesMax || strings.ContainsAny(in.Order, `'"\`):
		return cannot("a charge needs an order that it can be found by: at most 500 bytes, no quotes")
	case in.Method.Token == "":
		return cannot("a charge needs a method of payment")
	case len(in.ReturnURL) > returnURLBytesMax:
		return cannot("the return URL is too long")
	}
	form.Set("amount", strconv.FormatInt(amount, 10))
	form.Set("currency", strings.ToLower(in.Currency))
	form.Set("confirm", "true")
	form.Set("metadata["+metadataOrder+"]", in.Order)
	form.Set("metadata["+metadataKey+"]", in.Key)
	if in.Method.Customer != "" {
		form.Set("customer", in.Method.Customer)
	}
	if in.ReturnURL != "" {
		form.Set("return_url", in.ReturnURL)
	}
	descriptor := descriptorOf(in.Descriptor)
	switch in.Method.Kind {
	case payment.MethodCard, payment.MethodWallet:
		form.Set("payment_method_types[]", "card")
		form.Set("payment_method", in.Method.Token)
		form.Set("capture_method", "manual")
		if !in.OnSession {
			form.Set("off_session", "true")
		}
		if descriptor != "" {
			form.Set("statement_descriptor_suffix", descriptor)
		}
	case payment.MethodRedirect:
		if in.ReturnURL == "" || !in.OnSession {
			return cannot("a redirect method needs the buyer, and a URL to send them back to")
		}
		form.Set("payment_method_types[]", "ideal")
		if in.Method.Token == idealToken {
			form.Set("payment_method_data[type]", "ideal")
		} else {
			form.Set("payment_method", in.Method.Token)
		}
		form.Set("capture_method", "automatic")
		if descriptor != "" {
			form.Set("statement_descriptor", descriptor)
		}
	case payment.MethodDelayedDebit:
		return cannot("delayed debit is not taken for tickets: it may fail days later")
	default:
		return cannot("the kind of the method is not known")
	}
	return nil
}

// descriptorOf makes a text one that Stripe takes for statements: at most 22 characters, none of < > \ ' " *, with a letter.
func descriptorOf(text string) string {
	kept := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`<>\'"*`, r) {
			return -1
		}
		return r
	}, text)
	kept = strings.TrimSpace(kept[:min(len(kept), descriptorBytesMax)])
	if !strings.ContainsAny(strings.ToLower(kept), "abcdefghijklmnopqrstuvwxyz") {
		return ""
	}
	return kept
}

// isRef reports whether ref can stand in a path.
func isRef(ref string) bool {
	return ref != "" && len(ref) <= refBytesMax && !slices.ContainsFunc([]byte(ref), func(b byte) bool {
		return b != '_' && (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z')
	})
}
