package wallet

import (
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// freshMs is how long a method that was just saved, or a contact that was just changed, asks for the longer way: 24 hours.
const freshMs = 24 * 3600 * 1000

// Policy says who may buy with one click.
type Policy struct {
	// NeedsPurchase wants a completed purchase first.
	NeedsPurchase bool
	// Capabilities says what a gateway can do with a kind of method; false if there is no such gateway.
	Capabilities func(gateway string, kind payment.MethodKind) (payment.Capabilities, bool)
}

// Usable reports whether a method can be charged at all at a wall time, and why not.
func (p *Policy) Usable(m *Method, wallMs int64) (payment.Capabilities, engine.Eligibility) {
	can, ok := p.Capabilities(m.Gateway, m.Kind)
	switch {
	case !ok:
		return 0, engine.EligibleNoGateway
	case m.Blocked != payment.DeclineNone:
		return can, engine.EligibleBlocked
	case m.Expired(wallMs):
		return can, engine.EligibleExpired
	}
	return can, engine.EligibleYes
}

// Expired reports whether the method's last month is over at a wall time, in UTC.
func (m *Method) Expired(wallMs int64) bool {
	if m.Expiry == 0 {
		return false
	}
	end := time.Date(int(m.Expiry/12), time.Month(m.Expiry%12)+2, 1, 0, 0, 0, 0, time.UTC) // the first day after it
	return wallMs >= end.UnixMilli()
}

// Eligible reports whether the buyer may buy with one click with a method, the default one if method is empty; b may be nil. The reasons are in the order
// in which a buyer could do something about them.
func (p *Policy) Eligible(b *Buyer, method string, wallMs int64) engine.Eligibility {
	if b == nil || b.Erasing {
		return engine.EligibleUnknown
	}
	m := b.Method(method)
	if m == nil {
		return engine.EligibleNoMethod
	}
	can, why := p.Usable(m, wallMs)
	switch {
	case why != engine.EligibleYes:
		return why
	case !can.OneClick():
		return engine.EligibleNotReusable
	case p.NeedsPurchase && b.Purchases == 0:
		return engine.EligibleNoPurchase
	case !b.Agreements[ScopeOneClick].Holds(wallMs):
		return engine.EligibleNoAgreement
	}
	return engine.EligibleYes
}

// Moment is what is known of an offer or a buy besides the wallet.
type Moment struct {
	WallMs    int64
	Method    string // asked for; empty is the default one
	Device    uint64 // keyed hash; 0 if the caller said nothing
	ContactMs int64  // wall time at which the buyer's contact was changed last; 0 is unknown
	Waits     bool   // for somebody on a waiting list: what was agreed to about being bought for
}

// Annotate fills in the wallet's part of a note: the method, whether it and the buyer will do, and why the longer way is needed. b may be nil. Velocity is
// not its to know.
func (p *Policy) Annotate(b *Buyer, at *Moment, note *engine.Annotation) {
	note.Eligible = p.Eligible(b, at.Method, at.WallMs)
	note.MethodWhy = engine.EligibleNoMethod
	if b == nil || b.Erasing {
		note.MethodWhy = engine.EligibleUnknown
		return
	}
	note.Known = true
	scope := ScopeOneClick
	if at.Waits {
		scope = ScopeAutoBuy
	}
	if a := &b.Agreements[scope]; a.Holds(at.WallMs) {
		note.Agreement, note.CapMinor, note.CapCurrency = a.Version, a.CapMinor, a.Currency
	}
	if a := &b.Agreements[ScopeAutoBuy]; a.Holds(at.WallMs) {
		note.WaitAgreement = a.Version
	}
	m := b.Method(at.Method)
	if m == nil {
		return
	}
	note.Method, note.Gateway, note.Kind = m.ID(), m.Gateway, m.Kind
	note.Can, note.MethodWhy = p.Usable(m, at.WallMs)
	note.StepUp = b.stepUp(m, at)
}

func (b *Buyer) stepUp(m *Method, at *Moment) engine.StepUp {
	switch {
	case at.Device != 0 && !b.KnowsDevice(at.Device):
		return engine.StepUpNewDevice
	case at.WallMs-m.SavedMs < freshMs:
		return engine.StepUpNewMethod
	case at.ContactMs > 0 && at.WallMs-at.ContactMs < freshMs:
		return engine.StepUpNewContact
	}
	return engine.StepUpNone
}
