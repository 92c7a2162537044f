package sandbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// State is where a charge is.
type State string

// The states of a charge.
const (
	Waiting    State = "waiting"    // for the buyer
	Undecided  State = "undecided"  // the sandbox takes its time
	Declined   State = "declined"   // nothing was reserved
	Authorised State = "authorised" // reserved
	Captured   State = "captured"   // taken, all or a part; what is given back is in RefundedMinor
	Voided     State = "voided"     // let go
)

// Charge is one charge, as the sandbox knows it.
type Charge struct {
	Ref           string          `json:"ref"`
	Order         string          `json:"order"`
	Key           string          `json:"key"` // of the request that made it
	State         State           `json:"state"`
	AmountMinor   int64           `json:"amount_minor"`
	CapturedMinor int64           `json:"captured_minor,omitempty"`
	RefundedMinor int64           `json:"refunded_minor,omitempty"`
	Currency      string          `json:"currency"`
	Decline       payment.Decline `json:"decline,omitempty"`
	At            time.Time       `json:"at"`
	DecidedAt     time.Time       `json:"decided_at,omitzero"` // an undecided charge: when it will be
	Secret        string          `json:"secret,omitempty"`    // a waiting charge: what the buyer's client needs
	TakenAtOnce   bool            `json:"taken_at_once,omitempty"`
	Token         string          `json:"token"`
	Refunds       []Refund        `json:"refunds,omitempty"`
	CapturesTried int             `json:"captures_tried,omitempty"`
}

// Refund is money that was given back.
type Refund struct {
	Ref         string    `json:"ref"`
	Key         string    `json:"key"`
	AmountMinor int64     `json:"amount_minor"`
	At          time.Time `json:"at"`
}

// answer is what a look-up says.
func (c *Charge) answer() payment.Result {
	r := payment.Result{Ref: c.Ref, AmountMinor: c.AmountMinor, Currency: c.Currency}
	switch c.State {
	case Waiting:
		r.Answer, r.ClientSecret = payment.ActionNeeded, c.Secret
		if c.TakenAtOnce {
			r.RedirectURL = redirectURL(c.Secret)
		}
	case Undecided:
		r.Answer, r.RetryAfterMs = payment.Pending, 100
	case Declined:
		r.Answer, r.Decline, r.AmountMinor = payment.DeclinedSoft, c.Decline, 0
		if c.Decline.Hard() {
			r.Answer = payment.DeclinedHard
		}
	case Authorised:
		r.Answer = payment.Authorised
	case Captured:
		r.Answer, r.AmountMinor = payment.Captured, c.CapturedMinor
		if c.RefundedMinor == c.CapturedMinor {
			r.Answer = payment.Voided // nothing is taken any more
		}
	case Voided:
		r.Answer = payment.Voided
	}
	return r
}

// redirectURL is the page of the bank that nobody has.
func redirectURL(secret string) string { return "https://bank.invalid/pay/" + secret }

// apply does what a request asks for. It returns the charge that it made or changed, nil for none.
func (g *Gateway) apply(b body, k *key, attempt int, how behaviour) (payment.Result, *Charge) {
	if b.Operation == payment.Authorise.String() {
		c := g.charge(b, k, attempt, how)
		return c.answer(), c
	}
	c := g.find(b.Ref, b.Order)
	if c == nil {
		if b.Operation == payment.Cancel.String() {
			return payment.Result{Answer: payment.NotFound}, nil
		}
		return misused("there is no charge " + b.Ref), nil
	}
	c.decide(g.config.Now())
	op, _ := operationOf(b.Operation)
	// An authorisation was made above, and a look-up has no body.
	//
	//exhaustive:ignore
	switch op {
	case payment.Capture:
		return g.capture(c, b, k, attempt), c
	case payment.Void, payment.Cancel:
		return c.letGo(op), c
	case payment.Refund:
		return g.refund(c, b, k, attempt), c
	}
	return misused("there is no operation " + b.Operation), nil
}

// charge makes a charge. Every request with a key of its own makes one, as at real gateways: it is for the caller to ask once.
func (g *Gateway) charge(b body, k *key, attempt int, how behaviour) *Charge {
	seed, faults, now := g.config.Seed, g.config.Faults, g.config.Now()
	if how.decline == 0 && !how.authenticate {
		switch {
		case happens(faults.DeclineHard, seed, "decline hard", k.Key, 1):
			how.decline = payment.DeclineLostOrStolen
		case happens(faults.DeclineSoft, seed, "decline soft", k.Key, 1):
			how.decline = payment.DeclineInsufficientFunds
		case happens(faults.Authenticate, seed, "authenticate", k.Key, 1):
			how.authenticate = true
		}
	}
	c := &Charge{
		Ref: g.newRef("sbx_ch_", k.Key), Order: b.Order, Key: k.Key, State: Authorised, AmountMinor: b.AmountMinor + how.amountMore,
		Currency: b.Currency, At: now, Token: b.Token, TakenAtOnce: how.captures || b.Kind == payment.MethodRedirect.String(),
	}
	if how.otherCurrency {
		c.Currency = "XTS" // the code that ISO 4217 keeps for tests
	}
	switch {
	case how.decline != 0:
		c.State, c.Decline = Declined, how.decline
	case how.authenticate && !b.OnSession:
		c.State, c.Decline = Declined, payment.DeclineAuthentication
	case how.authenticate:
		c.State, c.Secret = Waiting, fmt.Sprintf("%s_secret_%016x", c.Ref, draw(seed, "secret", c.Ref, 0))
		g.secrets[c.Secret] = c
	case how.pending > 0:
		c.State, c.DecidedAt = Undecided, now.Add(how.pending)
	default:
		c.succeed()
	}
	g.charges[c.Ref] = c
	g.byOrder[c.Order] = append(g.byOrder[c.Order], c)
	return c
}

// newRef is an id that no charge and no refund has.
func (g *Gateway) newRef(prefix, key string) string {
	for n := 0; ; n++ {
		ref := fmt.Sprintf("%s%016x", prefix, draw(g.config.Seed, prefix, key, n))
		if g.charges[ref] == nil {
			return ref
		}
	}
}

func (c *Charge) succeed() {
	c.State = Authorised
	if c.TakenAtOnce {
		c.State, c.CapturedMinor = Captured, c.AmountMinor
	}
}

// decide ends the time that an undecided charge takes, if it is over.
func (c *Charge) decide(now time.Time) (changed bool) {
	if c.State != Undecided || now.Before(c.DecidedAt) {
		return false
	}
	c.succeed()
	return true
}

// decide does so and keeps it. It reports whether the ledger could be kept.
func (g *Gateway) decide(c *Charge) bool {
	return !c.decide(g.config.Now()) || g.keep(record{Charge: c})
}

func (g *Gateway) capture(c *Charge, b body, k *key, attempt int) payment.Result {
	if c.State != Authorised {
		return misused("a charge that is " + string(c.State) + " cannot be captured")
	}
	c.CapturesTried++
	if b.AmountMinor > c.AmountMinor || b.Currency != c.Currency {
		return misused("the charge has another amount or currency")
	}
	if c.CapturesTried <= behaviourOf(c.Token).captureFails || happens(g.config.Faults.CaptureFails, g.config.Seed, "capture fails", k.Key, attempt) {
		return payment.Result{Answer: payment.Failed, Decline: payment.DeclineGeneric, Ref: c.Ref, Detail: "the issuer refused the capture"}
	}
	c.State, c.CapturedMinor = Captured, b.AmountMinor
	return c.answer()
}

// letGo voids what is not taken, and cancels what is not decided.
func (c *Charge) letGo(op payment.Operation) payment.Result {
	switch c.State {
	case Waiting, Undecided, Authorised:
		c.State = Voided
	case Captured:
		if op == payment.Void {
			return payment.Result{Answer: payment.Failed, Ref: c.Ref, Detail: "the charge is captured: refund it"}
		}
	case Declined, Voided:
	}
	return c.answer()
}

func (g *Gateway) refund(c *Charge, b body, k *key, attempt int) payment.Result {
	failed := payment.Result{Answer: payment.Failed, Decline: payment.DeclineGeneric, Ref: c.Ref}
	switch {
	case c.State != Captured:
		failed.Detail = "a charge that is " + string(c.State) + " cannot be refunded"
	case b.AmountMinor > c.CapturedMinor-c.RefundedMinor || b.Currency != c.Currency:
		failed.Detail = "more than is left to refund, or in another currency"
	case behaviourOf(c.Token).refundFails > 0 || happens(g.config.Faults.RefundFails, g.config.Seed, "refund fails", k.Key, attempt):
		failed.Detail = "the issuer refused the refund"
	default:
		r := Refund{Ref: g.newRef("sbx_re_", k.Key), Key: k.Key, AmountMinor: b.AmountMinor, At: g.config.Now()}
		c.Refunds = append(c.Refunds, r)
		c.RefundedMinor += r.AmountMinor
		return payment.Result{Answer: payment.Refunded, Ref: r.Ref, AmountMinor: r.AmountMinor, Currency: c.Currency}
	}
	return failed
}

// lookUpRefund finds a refund by the key that it was asked for with.
func (g *Gateway) lookUpRefund(call payment.Call) payment.Result {
	if c := g.find(call.Ref, call.Order); c != nil {
		for _, r := range c.Refunds {
			if r.Key == call.RefundRef {
				return payment.Result{Answer: payment.Refunded, Ref: r.Ref, AmountMinor: r.AmountMinor, Currency: c.Currency}
			}
		}
	}
	return payment.Result{Answer: payment.NotFound}
}

// find is the charge with this id or, without one, the charge of the order that matters most: one that costs the buyer something before others, then the last.
func (g *Gateway) find(ref, order string) *Charge {
	if ref != "" {
		return g.charges[ref]
	}
	var best *Charge
	for _, c := range g.byOrder[order] {
		if best == nil || c.weight() >= best.weight() {
			best = c
		}
	}
	return best
}

func (c *Charge) weight() int {
	switch {
	case c.State == Captured && c.CapturedMinor > c.RefundedMinor, c.State == Authorised:
		return 2
	case c.State == Waiting, c.State == Undecided:
		return 1
	}
	return 0
}

// ErrNobodyWaits says that no charge waits for a buyer with this client secret.
var ErrNobodyWaits = errors.New("no charge waits for a buyer with this client secret")

// Authenticate is what the buyer's client does with the client secret of an answer: the buyer authenticates, or comes back from the bank's page, or
// fails to. The charge is then decided, and Config.Changed is told.
func (g *Gateway) Authenticate(clientSecret string, succeeds bool) error {
	order, err := g.authenticate(clientSecret, succeeds)
	if err == nil && g.config.Changed != nil {
		g.config.Changed(order)
	}
	return err
}

func (g *Gateway) authenticate(clientSecret string, succeeds bool) (order string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.secrets[clientSecret]
	if c == nil || c.State != Waiting {
		return "", ErrNobodyWaits
	}
	if succeeds {
		c.succeed()
	} else {
		c.State, c.Decline = Declined, payment.DeclineAuthentication
	}
	delete(g.secrets, clientSecret)
	if !g.keep(record{Charge: c}) {
		return "", g.broken
	}
	return c.Order, nil
}
