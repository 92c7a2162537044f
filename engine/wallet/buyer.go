package wallet

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Buyer is a buyer's wallet as it is after some fact. It never changes: a later fact makes another one, so that anybody may read one without a lock.
type Buyer struct {
	ID         string
	Methods    []Method // in the order in which they came
	Default    uint32   // number of the method that is taken if a purchase names none; 0 is none
	Agreements [scopeEnd]Agreement
	Purchases  int64 // completed, those that are forgotten too
	LastMs     int64 // wall time of the last one
	History    []Purchase
	Devices    []Device
	Erasing    bool // the buyer is to be forgotten, and a charge is still open or the key is being destroyed

	last     uint32 // the number that was given to a method last
	requests []request
	hash     uint64
}

// Method is a saved method without its secrets.
type Method struct {
	Number      uint32
	Gateway     string
	Kind        payment.MethodKind
	Funding     Funding
	Expiry      uint32 // year * 12 + month - 1; 0 is never
	SavedMs     int64  // wall time at which it was saved first
	Token       uint64 // keyed hash
	Fingerprint uint64 // keyed hash; 0 is none
	Blocked     payment.Decline
}

// ID is the method's id, as in "m3".
func (m *Method) ID() string { return "m" + strconv.FormatUint(uint64(m.Number), 10) }

// methodNumber reads a method's id; 0 is none.
func methodNumber(id string) uint32 {
	rest, ok := strings.CutPrefix(id, "m")
	if !ok || rest == "" || rest[0] == '0' {
		return 0
	}
	n, err := strconv.ParseUint(rest, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// expiryOf packs a month.
func expiryOf(year, month int64) uint32 {
	if year == 0 {
		return 0
	}
	return uint32(year*12 + month - 1)
}

// ExpiryMonth and ExpiryYear take the month apart in which the method expires; 0 is never.
func (m *Method) ExpiryMonth() int64 {
	if m.Expiry == 0 {
		return 0
	}
	return int64(m.Expiry%12) + 1
}

// ExpiryYear is the year in which the method expires; 0 is never.
func (m *Method) ExpiryYear() int64 { return int64(m.Expiry / 12) }

// Agreement is what a buyer agreed to in one scope. Version is empty if there is none.
type Agreement struct {
	Version  string
	CapMinor int64 // 0 is no cap
	Currency string
	AtMs     int64 // wall time at which it was given
	UntilMs  int64 // 0 is until it is withdrawn
}

// Holds reports whether the agreement is in force at a wall time.
func (a *Agreement) Holds(wallMs int64) bool {
	return a.Version != "" && (a.UntilMs == 0 || wallMs < a.UntilMs)
}

// Purchase is an order in a buyer's history.
type Purchase struct {
	Event         string
	Order         string // as the engine writes it, as in "o7"
	TotalMinor    int64
	RefundedMinor int64
	Currency      string
	AtMs          int64 // wall time
	Undone        bool
	Open          bool       // the money is reserved, and neither taken nor let go
	Seq           engine.Seq // the event's last fact that is in it
	Device        uint64     // keyed hash of the device at which it was made; not kept in the history
}

// Device is a device that a buyer has used.
type Device struct {
	Hash   uint64
	SeenMs int64 // wall time at which it was seen last
}

// request is an accepted command that is remembered.
type request struct {
	id     string
	print  uint64
	verb   Verb
	method uint32
}

// Method returns a method by its id; the default one if id is empty.
func (b *Buyer) Method(id string) *Method {
	number := b.Default
	if id != "" {
		number = methodNumber(id)
	}
	return b.method(number)
}

func (b *Buyer) method(number uint32) *Method {
	if i := b.find(number); i >= 0 {
		return &b.Methods[i]
	}
	return nil
}

func (b *Buyer) find(number uint32) int {
	return slices.IndexFunc(b.Methods, func(m Method) bool { return m.Number == number })
}

// byToken returns the method that a token is of.
func (b *Buyer) byToken(token uint64) *Method {
	for i := range b.Methods {
		if b.Methods[i].Token == token {
			return &b.Methods[i]
		}
	}
	return nil
}

func (b *Buyer) remembered(id string) *request {
	if id == "" {
		return nil
	}
	for i := range b.requests {
		if b.requests[i].id == id {
			return &b.requests[i]
		}
	}
	return nil
}

// ChargeOpen reports whether a charge of a known purchase is open.
func (b *Buyer) ChargeOpen() bool {
	return slices.ContainsFunc(b.History, func(p Purchase) bool { return p.Open })
}

// completed is how many known purchases were not taken back.
func (b *Buyer) completed() (n int64) {
	for i := range b.History {
		if !b.History[i].Undone {
			n++
		}
	}
	return n
}

// KnowsDevice reports whether the buyer has used a device before.
func (b *Buyer) KnowsDevice(hash uint64) bool {
	return slices.ContainsFunc(b.Devices, func(d Device) bool { return d.Hash == hash })
}
