package wallet

import (
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// eraseRetryMs is when to ask again whether a buyer is forgotten.
const eraseRetryMs = 500

// Step decides about a command: it validates everything first, then emits facts, each folded at once with the apply that recovery uses. at is node time;
// wall time and hashes are in the command. The outcome is valid until the next Step.
func (s *Shard) Step(c *Command, at engine.Instant, facts *engine.Facts) *Outcome {
	s.facts, s.at = facts, at
	s.out = Outcome{Verb: c.Verb}
	if c.Verb == VerbProve {
		s.emit(&fact{kind: kindProved, hash: s.hash})
		return s.end()
	}
	if r := c.valid(); r != nil {
		s.out.Code, s.out.Field, s.out.Text = r.code, r.field, r.text
		return s.end()
	}
	b := s.buyers[c.Buyer]
	if !s.repeats(c, b) {
		s.decide(c, b)
	}
	return s.end()
}

func (s *Shard) end() *Outcome {
	s.out.Seq = s.seq
	s.facts = nil
	return &s.out
}

// repeats answers a command whose request id is remembered.
func (s *Shard) repeats(c *Command, b *Buyer) bool {
	if b == nil || c.Verb.Reads() || c.Verb >= verbCallersEnd || c.Verb == VerbImport { // an import is known by what it brings
		return false
	}
	r := b.remembered(c.RequestID)
	if r == nil {
		return false
	}
	if r.verb != c.Verb || r.print != c.print() {
		s.refuse(engine.CodeRequestMismatch, "request_id", "this request id was used before, with other content")
		return true
	}
	s.out.Repeated = true
	if c.Verb == VerbErase {
		s.waits()
		return true
	}
	s.out.Method = r.method
	s.shows(c.Buyer, ShowsMethods)
	return true
}

func (s *Shard) decide(c *Command, b *Buyer) {
	switch {
	case c.Verb == VerbErased:
		s.erased(c, b)
	case c.Verb == VerbErase:
		s.erase(c, b)
	case b != nil && b.Erasing && c.Verb != VerbExport && c.Verb != VerbPurchased:
		s.waits()
	case b == nil && len(s.buyers) >= BuyersPerShardMax && c.adds():
		s.refuse(engine.CodeTooMany, "buyer", "this part of the wallets has no room for another buyer")
	default:
		s.decideFor(c, b)
	}
}

// adds reports whether the command may make a new buyer.
func (c *Command) adds() bool {
	return c.Verb == VerbSave || c.Verb == VerbAgree || c.Verb == VerbImport || c.Verb == VerbPurchased
}

func (s *Shard) decideFor(c *Command, b *Buyer) {
	switch c.Verb {
	case VerbSave:
		s.save(c, b)
	case VerbImport:
		s.importRow(c, b)
	case VerbAgree:
		s.agree(c, b, c.asked())
		s.shows(c.Buyer, ShowsMethods)
	case VerbPurchased:
		s.purchased(c, b)
	case VerbRemove, VerbDefault, VerbBlocked, VerbLost, VerbSealed:
		s.ofMethod(c, b)
	case VerbList:
		s.read(c, b, ShowsMethods)
	case VerbHistory:
		s.read(c, b, ShowsHistory)
	case VerbExport:
		s.read(c, b, ShowsMethods|ShowsHistory|ShowsAll)
	case VerbErase, VerbErased, VerbProve, verbCallersEnd:
		s.refuse(engine.CodeUnknownVerb, "", "a wallet has no such verb")
	default:
		s.refuse(engine.CodeUnknownVerb, "", "a wallet has no such verb")
	}
}

func (s *Shard) refuse(code engine.Code, field, text string) {
	s.out.Code, s.out.Field, s.out.Text = code, field, text
}

// waits says that the buyer is being forgotten.
func (s *Shard) waits() {
	s.refuse(engine.CodeEraseWaits, "", "the buyer is to be forgotten, as soon as no charge is open: ask again")
	s.out.RetryAfterMs = eraseRetryMs
}

func (s *Shard) shows(buyer string, shows Shows) {
	s.out.Buyer, s.out.Shows = s.buyers[buyer], shows
}

func (s *Shard) read(c *Command, b *Buyer, shows Shows) {
	if b == nil {
		s.refuse(engine.CodeBuyerUnknown, "buyer", "nothing is known of this buyer")
		return
	}
	s.shows(c.Buyer, shows)
}

// asked is what a fact of the command answers.
func (c *Command) asked() request { return request{id: c.RequestID, print: c.print()} }

// save keeps a method. A token that is there already is the same method, with new details.
func (s *Shard) save(c *Command, b *Buyer) {
	number, ok := s.numberFor(c, b)
	if !ok {
		return
	}
	s.emit(s.saved(c, number, c.WallMs, c.asked()))
	s.out.Method, s.out.Seal = number, true
	s.shows(c.Buyer, ShowsMethods)
}

// numberFor is the number of the method that is saved.
func (s *Shard) numberFor(c *Command, b *Buyer) (number uint32, ok bool) {
	switch {
	case b == nil:
		return 1, true
	case b.byToken(c.Hashes.Token) != nil:
		return b.byToken(c.Hashes.Token).Number, true
	case len(b.Methods) >= MethodsPerBuyerMax:
		s.refuse(engine.CodeTooMany, "buyer", "the buyer has as many methods as there may be: remove one first")
		return 0, false
	}
	return b.last + 1, true
}

func (s *Shard) saved(c *Command, number uint32, savedMs int64, asked request) *fact {
	return &fact{
		kind: kindSaved, asked: asked, buyer: c.Buyer, number: number, makeDefault: c.MakeDefault, device: c.Hashes.Device, wallMs: c.WallMs,
		method: Method{
			Number: number, Gateway: strings.Clone(c.Gateway), Kind: c.Kind, Funding: c.Funding, Expiry: expiryOf(c.ExpiryYear, c.ExpiryMonth),
			SavedMs: savedMs, Token: c.Hashes.Token, Fingerprint: c.Hashes.Fingerprint,
		},
	}
}

// agree notes what the buyer agreed to.
func (s *Shard) agree(c *Command, b *Buyer, asked request) {
	if c.Withdraw && (b == nil || b.Agreements[c.Scope].Version == "") {
		s.refuse(engine.CodeAgreementMissing, "scope", "the buyer has no such agreement to withdraw")
		return
	}
	a := Agreement{AtMs: c.WallMs}
	if !c.Withdraw {
		a.Version, a.CapMinor, a.Currency, a.UntilMs = strings.Clone(c.Version), c.CapMinor, strings.Clone(c.Currency), c.UntilMs
	}
	s.emit(&fact{kind: kindAgreed, asked: asked, buyer: c.Buyer, scope: c.Scope, agreement: a})
}

// importRow brings what was elsewhere before. What is there already is left as it is, so that the same row again has no facts.
func (s *Shard) importRow(c *Command, b *Buyer) {
	number := uint32(0)
	if c.Token != "" {
		n, ok := s.numberFor(c, b)
		if !ok {
			return
		}
		number = n
	}
	saved := c.SavedAtMs
	if saved == 0 {
		saved = c.WallMs
	}
	if number != 0 {
		f := s.saved(c, number, min(saved, c.WallMs), request{})
		if b == nil || b.method(number) == nil || !sameDetails(b.method(number), &f.method) || c.MakeDefault && b.Default != number {
			s.emit(f)
			s.out.Seal = true
		}
	}
	if b = s.buyers[c.Buyer]; c.Purchases > 0 && (b == nil || b.Purchases < c.Purchases || b.LastMs < c.LastPurchaseMs) {
		s.emit(&fact{kind: kindImported, buyer: c.Buyer, purchases: c.Purchases, wallMs: c.LastPurchaseMs})
	}
	if c.Version != "" {
		b = s.buyers[c.Buyer]
		a := Agreement{}
		if b != nil {
			a = b.Agreements[c.Scope]
		}
		if a.Version != c.Version || a.CapMinor != c.CapMinor || a.Currency != c.Currency || a.UntilMs != c.UntilMs {
			s.agree(c, b, request{})
		}
	}
	s.out.Method = number
	s.shows(c.Buyer, ShowsMethods)
}

// sameDetails reports whether saving b over a changes nothing that a caller can say.
func sameDetails(a, b *Method) bool {
	return a.Gateway == b.Gateway && a.Kind == b.Kind && a.Funding == b.Funding && a.Expiry == b.Expiry && (b.Fingerprint == 0 || a.Fingerprint == b.Fingerprint)
}

// ofMethod does what is about one method that must be there.
func (s *Shard) ofMethod(c *Command, b *Buyer) {
	var m *Method
	if b != nil && c.Method != "" {
		m = b.Method(c.Method)
	}
	if m == nil {
		s.refuse(engine.CodeMethodUnknown, "method", "the buyer has no such saved method")
		return
	}
	number := m.Number
	f := fact{buyer: c.Buyer, number: number}
	switch c.Verb { //nolint:exhaustive // the others are not about a method
	case VerbRemove:
		f.kind, f.asked, s.out.Wipe = kindRemoved, c.asked(), true
	case VerbDefault:
		f.kind, f.asked = kindDefaulted, c.asked()
	case VerbBlocked:
		if m.Blocked != payment.DeclineNone || c.Decline == payment.DeclineNone {
			return
		}
		f.kind, f.method.Blocked = kindBlocked, c.Decline
	case VerbLost:
		f.kind, s.out.Wipe = kindLost, true
	case VerbSealed:
		f.kind, s.out.Seal = kindSealed, true
	}
	s.emit(&f)
	s.out.Method = number
	s.shows(c.Buyer, ShowsMethods)
}

// purchased notes an order of the buyer, or what became of it. What is older than what is known changes nothing: facts may come twice.
func (s *Shard) purchased(c *Command, b *Buyer) {
	p := &c.Purchase
	if b != nil {
		if i := b.order(p.Event, p.Order); i >= 0 && b.History[i].Seq >= p.Seq {
			return
		}
		if b.Erasing && b.order(p.Event, p.Order) < 0 {
			return
		}
	}
	s.emit(&fact{kind: kindPurchased, buyer: c.Buyer, purchase: *p, device: p.Device})
}

// erase notes that the buyer is to be forgotten. Of somebody of whom nothing is known nothing is left to forget: the same command again ends so.
func (s *Shard) erase(c *Command, b *Buyer) {
	if b == nil {
		return
	}
	if !b.Erasing {
		s.emit(&fact{kind: kindErasing, asked: c.asked(), buyer: c.Buyer})
	}
	s.waits()
}

// erased forgets the buyer, whose key is destroyed.
func (s *Shard) erased(c *Command, b *Buyer) {
	if b == nil || !b.Erasing {
		s.refuse(engine.CodeBuyerUnknown, "buyer", "this buyer is not to be forgotten")
		return
	}
	s.emit(&fact{kind: kindErased, buyer: c.Buyer})
}
