package payment

// Operation says what a gateway is asked to do.
type Operation uint8

// The operations. The numbers are part of the log's format.
const (
	Authorise Operation = 1 // reserve the money, or take it at once if the method knows no separate capture
	Capture   Operation = 2 // take what was authorised, or a part of it
	Void      Operation = 3 // let go of what was authorised: it costs the buyer nothing
	Refund    Operation = 4 // give back what was taken, or a part of it
	LookUp    Operation = 5 // ask what became of a charge: changes nothing
	Cancel    Operation = 6 // end a charge that has no final answer yet; if it is authorised, void it
)

// String returns the operation's name, as in metrics.
func (o Operation) String() string {
	switch o {
	case Authorise:
		return "authorise"
	case Capture:
		return "capture"
	case Void:
		return "void"
	case Refund:
		return "refund"
	case LookUp:
		return "look_up"
	case Cancel:
		return "cancel"
	}
	return "unknown"
}

// Changes reports whether the operation is a request that must be recorded before it leaves.
func (o Operation) Changes() bool { return o != LookUp }

// KeyAgeMax is how long after its intent a request may be sent again under the same key, in nanoseconds: gateways forget keys after 24 hours, and
// what is then sent is a new charge. Later there are only look-ups.
const KeyAgeMax = 23 * 3600 * 1e9

// Intent is what a request to a gateway is made of. A gateway makes the exact bytes of the request from it, and nothing else.
type Intent struct {
	Operation   Operation
	Key         string // the idempotency key: unique a request, at most 255 bytes of A-Z a-z 0-9 _ - . :
	Order       string // what the gateway can be asked for in a look-up: "account/event/p7", the same for all requests of one charge
	Ref         string // the gateway's own id of the charge; empty for Authorise and for a look-up before its answer
	RefundRef   string // look-up of a refund: its Key
	AmountMinor int64
	Currency    string // ISO 4217
	Method      Method // Authorise only
	OnSession   bool   // the buyer is there and can authenticate
	ReturnURL   string // where a redirect method sends the buyer back to
	Descriptor  string // what the buyer reads on the statement; may be empty
}

// Method is a saved method of payment as its gateway knows it. Token and Customer are secrets of the vault: never in a log line or a fact.
type Method struct {
	Token    string
	Customer string
	Kind     MethodKind
}

// Call is one request as it goes out.
type Call struct {
	Operation Operation
	Key       string // of the intent
	Order     string // of the intent
	Ref       string // of the intent
	RefundRef string // of the intent
	Body      []byte // exactly what Prepare made; empty for LookUp
	Age       int64  // nanoseconds since the intent became durable
}
