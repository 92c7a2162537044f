package wallet

import (
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// refusal is why a command can never be right.
type refusal struct {
	code  engine.Code
	field string
	text  string
}

func invalid(field, format string, args ...any) *refusal {
	return &refusal{engine.CodeInvalid, field, fmt.Sprintf(format, args...)}
}

// Valid checks what can never be right in a command of a caller: nil if there is nothing. What it refuses is neither kept nor repeated in its texts.
func (c *Command) Valid() (code engine.Code, field, text string) {
	if r := c.valid(); r != nil {
		return r.code, r.field, r.text
	}
	return engine.CodeOK, "", ""
}

func (c *Command) valid() *refusal {
	if r := c.hides(); r != nil {
		return r
	}
	if !engine.ValidID(c.Buyer) {
		return invalid("buyer", "a buyer's id is 1 to %d of A-Z a-z 0-9 _ -", engine.IDLenMax)
	}
	if c.Buyer[0] == '_' {
		return invalid("buyer", "ids that begin with _ are the engine's own: this buyer cannot have a wallet")
	}
	if needed := !c.Verb.Reads() && c.Verb < verbCallersEnd; (needed || c.RequestID != "") && !engine.ValidID(c.RequestID) {
		return invalid("request_id", "give a request id: 1 to %d of A-Z a-z 0-9 _ -", engine.IDLenMax)
	}
	switch c.Verb {
	case VerbSave:
		return c.validMethod()
	case VerbRemove, VerbDefault:
		if methodNumber(c.Method) == 0 {
			return invalid("method", "name a method as the engine does, as in m1")
		}
	case VerbAgree:
		return c.validAgreement()
	case VerbImport:
		return c.validImport()
	case VerbList, VerbHistory, VerbExport, VerbErase:
	case VerbPurchased, VerbBlocked, VerbErased, VerbLost, VerbSealed, VerbProve:
	case verbCallersEnd:
	}
	return nil
}

// hides looks for what must never be sent here in every field that a caller can write into.
func (c *Command) hides() *refusal {
	for _, f := range [...]struct{ name, value string }{
		{"buyer", c.Buyer},
		{"request_id", c.RequestID},
		{"method", c.Method},
		{"gateway", c.Gateway},
		{"token", c.Token},
		{"customer", c.Customer},
		{"brand", c.Brand},
		{"last_four", c.LastFour},
		{"fingerprint", c.Fingerprint},
		{"device_id", c.DeviceID},
		{"version", c.Version},
		{"currency", c.Currency},
	} {
		switch {
		case f.value == "":
		case engine.IsCardNumber(f.value), f.name != "request_id" && f.name != "buyer" && engine.HidesCardNumber(f.value):
			return &refusal{engine.CodeCardNumber, f.name, "this looks like a card number: never send one here, only the gateway's token"}
		case engine.HidesCardCode(f.value), f.name != "last_four" && f.name != "request_id" && f.name != "buyer" && isCode(f.value):
			return &refusal{engine.CodeCardNumber, f.name, "this looks like a card's security code: never send one here"}
		case engine.HidesSecretKey(f.value):
			return invalid(f.name, "this looks like a secret key of a gateway: never send one here; if it is one, revoke it")
		}
	}
	return nil
}

// isCode reports whether s is three or four digits and nothing else.
func isCode(s string) bool {
	if len(s) != 3 && len(s) != 4 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// plain reports whether s is 1 to most bytes of visible ASCII.
func plain(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func (c *Command) validMethod() *refusal {
	switch {
	case !engine.ValidID(c.Gateway):
		return invalid("gateway", "name the gateway, as in sandbox or stripe")
	case !plain(c.Token, SecretLenMax):
		return invalid("token", "give the gateway's token of the method: 1 to %d visible ASCII characters", SecretLenMax)
	case c.Customer != "" && !plain(c.Customer, SecretLenMax):
		return invalid("customer", "the gateway's name of the buyer is up to %d visible ASCII characters", SecretLenMax)
	case c.Kind < payment.MethodCard || c.Kind > payment.MethodDelayedDebit:
		return invalid("kind", "say what the method is: card, wallet, redirect or delayed_debit")
	case c.Brand != "" && (len(c.Brand) > BrandLenMax || !engine.ValidID(c.Brand)):
		return invalid("brand", "a brand is up to %d of A-Z a-z 0-9 _ -, as in visa", BrandLenMax)
	case c.LastFour != "" && (len(c.LastFour) != 4 || !isCode(c.LastFour)):
		return invalid("last_four", "give the last four digits, or nothing")
	case c.ExpiryYear == 0 && c.ExpiryMonth != 0, c.ExpiryYear != 0 && (c.ExpiryMonth < 1 || c.ExpiryMonth > 12):
		return invalid("expiry_month", "a month is 1 to 12, with a year")
	case c.ExpiryYear != 0 && (c.ExpiryYear < 2000 || c.ExpiryYear > ExpiryYearMax):
		return invalid("expiry_year", "a year is 2000 to %d", ExpiryYearMax)
	case c.Funding >= fundingEnd:
		return invalid("funding", "funding is credit, debit or prepaid")
	case c.Fingerprint != "" && !plain(c.Fingerprint, HintLenMax):
		return invalid("fingerprint", "a fingerprint is up to %d visible ASCII characters", HintLenMax)
	case c.DeviceID != "" && !plain(c.DeviceID, HintLenMax):
		return invalid("device_id", "a device's id is up to %d visible ASCII characters", HintLenMax)
	}
	return nil
}

func (c *Command) validAgreement() *refusal {
	switch {
	case c.Scope == ScopeNone || c.Scope >= scopeEnd:
		return invalid("scope", "say what is agreed to: one_click or auto_buy")
	case c.Withdraw && (c.Version != "" || c.CapMinor != 0 || c.UntilMs != 0):
		return invalid("withdraw", "an agreement that is withdrawn has no version, cap or end")
	case !c.Withdraw && !engine.ValidID(c.Version):
		return invalid("version", "name the version of the text that the buyer agreed to: 1 to %d of A-Z a-z 0-9 _ -", engine.IDLenMax)
	case c.CapMinor < 0 || c.CapMinor > CapMinorMax:
		return invalid("cap_minor", "a cap is 0 to %d minor units", int64(CapMinorMax))
	case (c.CapMinor > 0) != (c.Currency != ""):
		return invalid("currency", "a cap has a currency, and only a cap")
	case c.Currency != "" && !isCurrency(c.Currency):
		return invalid("currency", "give a currency by its ISO 4217 code, as in EUR")
	case c.UntilMs < 0 || c.UntilMs > msMax:
		return invalid("until", "this moment cannot be")
	}
	return nil
}

func (c *Command) validImport() *refusal {
	if c.Token != "" || c.Gateway != "" {
		if r := c.validMethod(); r != nil {
			return r
		}
	}
	if c.Scope != ScopeNone || c.Version != "" {
		if r := c.validAgreement(); r != nil {
			return r
		}
	}
	switch {
	case c.Withdraw:
		return invalid("withdraw", "an import cannot withdraw an agreement")
	case c.Purchases < 0 || c.Purchases > ImportedPurchasesMax:
		return invalid("purchases", "a buyer may bring 0 to %d purchases", ImportedPurchasesMax)
	case c.SavedAtMs < 0 || c.SavedAtMs > msMax:
		return invalid("saved_at", "this moment cannot be")
	case c.LastPurchaseMs < 0 || c.LastPurchaseMs > msMax:
		return invalid("last_purchase", "this moment cannot be")
	case c.Token == "" && c.Purchases == 0 && c.Version == "":
		return invalid("", "a row has a method, purchases or an agreement")
	}
	return nil
}

func isCurrency(code string) bool {
	_, ok := engine.CurrencyExponent(code)
	return ok
}
