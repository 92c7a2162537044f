package wallet

import (
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Outcome is what Step returns for a command. It belongs to the shard and is valid until the next Step.
type Outcome struct {
	Verb         Verb
	Code         engine.Code
	Repeated     bool // the request id was seen before with the same content
	Field        string
	Text         string // a sentence, with every refusal
	RetryAfterMs int64
	Seq          engine.Seq

	// Buyer is the wallet as it is now, for those verbs that show it; nil after a refusal and if nothing is known. The shell adds what is sealed.
	Buyer  *Buyer
	Shows  Shows
	Method uint32 // save, import, remove, default: the method that is meant; 0 is none
	// Seal says that the method's secrets have to be sealed beside the run.
	Seal bool
	// Wipe says that the secrets of Method have to be removed with the run.
	Wipe bool

	Views []MethodView // filled in by the shell, in the order of Buyer.Methods
	// Eligible is whether the buyer may buy with one click, or why not; filled in by the shell, which knows the policy.
	Eligible engine.Eligibility
}

// Shows says which parts of a wallet an outcome shows.
type Shows uint8

// One bit a part.
const (
	ShowsMethods Shows = 1 << iota
	ShowsHistory
	ShowsAll // an export
)

// MethodView is what the shell adds to a method when it is shown.
type MethodView struct {
	Method   *Method
	Brand    string
	LastFour string
	Usable   engine.Eligibility // EligibleYes, or why it cannot be charged with one click
}

// Secrets are what is sealed of a method.
type Secrets struct {
	Token    string
	Customer string
	Brand    string
	LastFour string
}

// SecretsOf are the secrets in a command.
func SecretsOf(cmd *Command) Secrets {
	return Secrets{Token: cmd.Token, Customer: cmd.Customer, Brand: cmd.Brand, LastFour: cmd.LastFour}
}

// DeclineName is the name of a reason why a method is blocked, empty if it is not.
func (m *Method) DeclineName() string {
	if m.Blocked == payment.DeclineNone {
		return ""
	}
	return m.Blocked.String()
}
