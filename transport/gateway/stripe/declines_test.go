package stripe

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// alsoPublished are the decline codes in Stripe's documentation that stripe-go has no constants for.
const alsoPublished = "authentication_not_handled highest_risk_level incorrect_address live_mode_test_card mobile_device_authentication_required"

// TestEveryPublishedDeclineIsMapped reads the decline codes out of stripe-go's source, so that a new version with a new code fails here.
func TestEveryPublishedDeclineIsMapped(t *testing.T) {
	published := strings.Fields(alsoPublished)
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/stripe/stripe-go/v85").Output()
	if err != nil {
		t.Fatalf("find stripe-go's source: %v", err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "error.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && strings.HasPrefix(spec.Names[0].Name, "DeclineCode") {
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			published = append(published, code)
		}
		return true
	})
	if len(published) < 45 {
		t.Fatalf("only %d codes were found: where has stripe-go put them?", len(published))
	}
	for _, code := range published {
		if d, ok := declines[stripego.DeclineCode(code)]; !ok || d == payment.DeclineNone {
			t.Errorf("%s has no reason of ours", code)
		}
		if !isCode(code) {
			t.Errorf("%s would not be shown to people", code)
		}
	}
	if len(declines) != len(published) {
		t.Errorf("%d codes are mapped, %d are published", len(declines), len(published))
	}
}

// TestNeverRetryIsHard holds the codes for which the card schemes forbid another attempt.
func TestNeverRetryIsHard(t *testing.T) {
	for _, code := range []stripego.DeclineCode{
		"do_not_try_again", "expired_card", "fraudulent", "invalid_account", "invalid_number", "lost_card", "merchant_blacklist", "pickup_card", "restricted_card",
		"revocation_of_all_authorizations", "revocation_of_authorization", "security_violation", "stolen_card", "stop_payment_order", "transaction_not_allowed",
	} {
		if !declines[code].Hard() {
			t.Errorf("%s is soft: it would be tried again", code)
		}
	}
	for _, code := range []stripego.DeclineCode{
		"approve_with_id", "authentication_required", "card_velocity_exceeded", "do_not_honor", "generic_decline", "insufficient_funds", "issuer_not_available",
		"processing_error", "reenter_transaction", "try_again_later", "withdrawal_count_limit_exceeded",
	} {
		if declines[code].Hard() {
			t.Errorf("%s is hard: the buyer could not try another time", code)
		}
	}
}

func TestDeclineOfAnError(t *testing.T) {
	for _, c := range []struct {
		e    *stripego.Error
		want payment.Decline
	}{
		{nil, payment.DeclineGeneric},
		{&stripego.Error{Type: stripego.ErrorTypeCard, Code: "card_declined", DeclineCode: "lost_card"}, payment.DeclineLostOrStolen},
		{&stripego.Error{Type: stripego.ErrorTypeCard, Code: "expired_card"}, payment.DeclineExpired},
		{&stripego.Error{Type: stripego.ErrorTypeCard, Code: "card_declined", DeclineCode: "a_code_of_tomorrow"}, payment.DeclineGeneric},
		{&stripego.Error{Type: stripego.ErrorTypeCard, Code: "incorrect_cvc", DeclineCode: "a_code_of_tomorrow"}, payment.DeclineInvalidMethod},
		{&stripego.Error{Type: stripego.ErrorTypeInvalidRequest, Code: "amount_too_small"}, payment.DeclineAmount},
		{&stripego.Error{Type: stripego.ErrorTypeInvalidRequest, Code: "parameter_unknown"}, payment.DeclineConfiguration},
	} {
		if got := declineOf(c.e); got != c.want {
			t.Errorf("%+v: %v, want %v", c.e, got, c.want)
		}
	}
}
