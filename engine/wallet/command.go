package wallet

import (
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Verb says what a command asks for. The numbers of those that are remembered are part of the log's format.
type Verb uint8

// The verbs of callers.
const (
	VerbSave    Verb = iota + 1 // save a method, or its new details
	VerbList                    // show the methods, the agreements, and whether the buyer may buy with one click
	VerbRemove                  // forget a method
	VerbDefault                 // choose the method that is taken if a purchase names none
	VerbAgree                   // agree to be charged without further steps, or withdraw it
	VerbHistory                 // show the purchases
	VerbExport                  // operators: show everything
	VerbErase                   // operators: forget the buyer, for good
	VerbImport                  // operators: bring a buyer with what was elsewhere before
	verbCallersEnd
)

// The verbs of the shell.
const (
	VerbPurchased Verb = iota + 100 // an order of the buyer came, or became another one
	VerbBlocked                     // the method must not be charged again
	VerbErased                      // the buyer's key is destroyed
	VerbLost                        // the method's secrets are not in the vault
	VerbSealed                      // the method's secrets are sealed once more
	VerbProve                       // put the state's hash into the log
)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var verbNames = [verbCallersEnd]string{"", "save", "list", "remove", "default", "agree", "history", "export", "erase", "import"}

// String returns the verb's name on the wire; empty for those of the shell.
func (v Verb) String() string {
	if v < verbCallersEnd {
		return verbNames[v]
	}
	return ""
}

// ParseVerb reads a verb of callers by its name on the wire.
func ParseVerb(s string) (Verb, bool) {
	for v := VerbSave; v < verbCallersEnd; v++ {
		if verbNames[v] == s {
			return v, true
		}
	}
	return 0, false
}

// OfBuyers reports whether services may send the verb; the others of callers are for operators.
func (v Verb) OfBuyers() bool { return v >= VerbSave && v <= VerbHistory }

// Reads reports whether the verb changes nothing.
func (v Verb) Reads() bool { return v == VerbList || v == VerbHistory || v == VerbExport }

// Command is what somebody asks of a buyer's wallet. Which fields matter depends on the verb.
type Command struct {
	Verb      Verb
	RequestID string
	Buyer     string

	Method string // remove, default; blocked, lost, sealed: as in "m3"

	// save, import
	Gateway     string
	Kind        payment.MethodKind
	Token       string // the gateway's secret name of the method
	Customer    string // the gateway's name of the buyer; may be empty
	Brand       string // as in "visa"; may be empty
	LastFour    string // digits to show; may be empty
	ExpiryMonth int64  // 1 to 12; 0 with ExpiryYear 0 is never
	ExpiryYear  int64
	Funding     Funding
	Fingerprint string // the same for the same card whoever saves it, as the gateway says; may be empty
	DeviceID    string // the device at which this happens, which is known from then on; may be empty
	MakeDefault bool

	// import
	SavedAtMs      int64 // wall time at which the method was saved first; 0 is now
	Purchases      int64 // completed elsewhere
	LastPurchaseMs int64 // wall time

	// agree, import
	Scope    Scope
	Version  string // of the text that was agreed to, an id
	CapMinor int64  // at most, for one purchase; 0 is no cap
	Currency string // of the cap
	UntilMs  int64  // wall time; 0 is until it is withdrawn
	Withdraw bool

	// purchased
	Purchase Purchase

	Decline payment.Decline // blocked

	// What the shell knows and the shard cannot. No part of the request's fingerprint but Secrets.
	WallMs  int64 // wall time
	Hashes  Hashes
	Charges bool // erase: a charge of the buyer is open
}

// Hashes are keyed hashes of what a shard must not know but has to compare. 0 is none.
type Hashes struct {
	Token       uint64 // of gateway and token
	Fingerprint uint64
	Device      uint64
	Secrets     uint64 // of all fields that are sealed or hashed: a repeat must have the same
}

// Funding says where a card's money comes from. The numbers are part of the log's format.
type Funding uint8

// The kinds of funding.
const (
	FundingUnknown Funding = iota
	FundingCredit
	FundingDebit
	FundingPrepaid
	fundingEnd
)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var fundingNames = [fundingEnd]string{"", "credit", "debit", "prepaid"}

// String returns the funding's name on the wire; empty if it is unknown.
func (f Funding) String() string {
	if f < fundingEnd {
		return fundingNames[f]
	}
	return "unknown"
}

// ParseFunding reads what String wrote.
func ParseFunding(s string) (Funding, bool) {
	for f := range fundingEnd {
		if fundingNames[f] == s {
			return f, true
		}
	}
	return 0, false
}

// Scope says what an agreement allows. The numbers are part of the log's format.
type Scope uint8

// The scopes.
const (
	ScopeNone     Scope = iota
	ScopeOneClick       // to be charged with one click
	ScopeAutoBuy        // to be charged when a place in a line comes up
	scopeEnd
)

//nolint:gochecknoglobals // a constant table: Go has no constant arrays
var scopeNames = [scopeEnd]string{"", "one_click", "auto_buy"}

// String returns the scope's name on the wire.
func (s Scope) String() string {
	if s < scopeEnd {
		return scopeNames[s]
	}
	return "unknown"
}

// ParseScope reads what String wrote.
func ParseScope(text string) (Scope, bool) {
	for s := ScopeOneClick; s < scopeEnd; s++ {
		if scopeNames[s] == text {
			return s, true
		}
	}
	return 0, false
}

// Request carries commands for buyers of one shard to it, and says whom to tell. Its strings may be views into a network buffer that lives as long as the
// request; the shard copies what it keeps.
type Request struct {
	Account    string
	Commands   []Command // 1 to CommandsPerRequestMax, all of buyers of one partition
	ReceivedNs int64     // on the node's monotonic clock, set by whoever takes the request
	Reply      Replier   // nil for the shell's own
}

// Replier takes the answers to a request, as [engine.Replier] does.
type Replier interface {
	// Outcome is called once a command, in their order. out is valid during the call only.
	Outcome(r *Request, i int, out *Outcome)
	// Durable is called once, after the last Outcome, when everything that the outcomes show is durable.
	Durable(r *Request)
}

// PartitionOf returns the partition whose shard has a buyer, and the shard's id.
func PartitionOf(buyer string) (p engine.Partition, shard string) {
	p = engine.PartitionOf(buyer)
	var b [4]byte
	for i, n := 3, int(p); i >= 0; i, n = i-1, n/10 {
		b[i] = byte('0' + n%10)
	}
	return p, string(b[:])
}

// KeyOf names the aggregate that has a buyer's wallet.
func KeyOf(account, buyer string) engine.Key {
	_, shard := PartitionOf(buyer)
	return engine.Key{Account: account, Kind: engine.KindWallet, ID: shard}
}
