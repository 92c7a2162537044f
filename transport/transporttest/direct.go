package transporttest

import (
	"hash/fnv"
	"slices"
	"strings"
	"sync"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// Direct is the real engine's rules without actors and without a disk: every command is stepped at once, and its answer leaves at once. It
// is safe for concurrent use, one command at a time.
type Direct struct {
	// Now is node time; it stands still unless the test moves it.
	Now engine.Instant
	// Note is what the shell knows of an offer or a buy; nil is nothing.
	Note func(*engine.Command) engine.Annotation
	// Gateway is asked for what the rules want done, once the answers of a request have left; nil lets it wait for ever.
	Gateway func(engine.Work) payment.Result
	// Changed is told of purchases that have another state; nil tells nobody.
	Changed func(account, event string, c engine.PurchaseChange)
	// Seed is that of every lobby, brought as soon as an event wants one.
	Seed line.Seed
	// Moved is told of places that have changed, Over of events with a line or a waiting list that have ended, and LobbyClosed of lobbies that are: it calls published when the seed may be revealed. Nil tells nobody: then the
	// seed is revealed at once.
	Moved       func(account, event string, places []engine.PlaceChange, waits []engine.WaitChange)
	Over        func(account, event string)
	LobbyClosed func(account, event string, published func())

	mu     sync.Mutex
	shards map[engine.Key]*wallet.Shard
	events map[string]*engine.Event
	facts  engine.Facts
}

// Submit implements transport.Engine.
func (d *Direct) Submit(r *engine.Request) engine.Code {
	d.mu.Lock()
	var then []func()
	defer func() {
		d.mu.Unlock()
		for _, tell := range then {
			tell()
		}
	}()
	e := d.events[r.Event]
	if e == nil {
		if r.Commands[0].Verb != engine.VerbCreate {
			return engine.CodeEventUnknown
		}
		e = engine.New(engine.Key{Account: r.Account, Kind: engine.KindEvent, ID: r.Event}.Clone())
	}
	for i := range r.Commands {
		d.facts.Reset()
		if c := &r.Commands[i]; d.Note != nil && (c.Verb == engine.VerbOffer || c.Verb == engine.VerbBuy) {
			c.Payment.Note = d.Note(c)
		}
		r.Reply.Outcome(r, i, e.Step(&r.Commands[i], d.Now, &d.facts))
		for e.Unsettled() {
			e.Step(&engine.Command{Verb: engine.VerbSettle}, d.Now, &d.facts)
		}
	}
	if e.Exists() {
		if d.events == nil {
			d.events = make(map[string]*engine.Event)
		}
		d.events[e.Key().ID] = e
	}
	account, event := strings.Clone(r.Account), strings.Clone(r.Event) // the request is gone once it is answered
	r.Reply.Durable(r)
	if e.Exists() {
		then = d.signalled(account, event, e)
	}
	return engine.CodeOK
}

// Lines returns the events that have a line and are not over. It implements what transport asks for them.
func (d *Direct) Lines(_ string, dst []string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, e := range d.events {
		if e.HasLine() {
			dst = append(dst, id)
		}
	}
	slices.Sort(dst)
	return dst
}

// lined brings what the line of an event wants, and returns what is to be told once nothing is locked.
func (d *Direct) lined(account, event string, e *engine.Event, s *engine.Signals) (then []func()) {
	if d.Moved != nil && len(s.Places)+len(s.Waits) > 0 {
		then = append(then, func() { d.Moved(account, event, s.Places, s.Waits) })
	}
	if d.Over != nil && s.Over {
		then = append(then, func() { d.Over(account, event) })
	}
	switch s.Line {
	case engine.LineWantsSeed:
		d.shell(e, &engine.Command{Verb: engine.VerbSeed, Line: &engine.LineCommand{Commit: line.Commit(d.Seed)}})
	case engine.LineWantsReveal:
		reveal := engine.Command{Verb: engine.VerbReveal, Line: &engine.LineCommand{Seed: d.Seed}}
		if d.LobbyClosed == nil {
			d.shell(e, &reveal)
			break
		}
		then = append(then, func() {
			d.LobbyClosed(account, event, func() {
				d.mu.Lock()
				d.shell(e, &reveal)
				more := d.signalled(account, event, e)
				d.mu.Unlock()
				for _, tell := range more {
					tell()
				}
			})
		})
	case engine.LineWantsNothing, engine.LineWantsValue:
	}
	return then
}

// shell steps a command of the shell's own.
func (d *Direct) shell(e *engine.Event, c *engine.Command) {
	d.facts.Reset()
	e.Step(c, d.Now, &d.facts)
	for e.Unsettled() {
		e.Step(&engine.Command{Verb: engine.VerbSettle}, d.Now, &d.facts)
	}
}

// signalled does what the event wants done, as the payment lane does, and tells what has changed: at once, or by what it returns, once nothing is locked.
func (d *Direct) signalled(account, event string, e *engine.Event) (then []func()) {
	for {
		var s engine.Signals
		e.TakeSignals(&s)
		then = append(then, d.lined(account, event, e, &s)...)
		for _, c := range s.Changes {
			if d.Changed != nil {
				d.Changed(account, event, c)
			}
		}
		if s.Empty() {
			return then
		}
		if d.Gateway == nil {
			continue
		}
		for _, w := range s.Work {
			step := func(verb engine.Verb, result *payment.Result) {
				d.facts.Reset()
				e.Step(&engine.Command{Verb: verb, Payment: &engine.PaymentCommand{
					At: w.Purchase, Operation: w.Operation, Refund: w.Refund, Result: result,
				}}, d.Now, &d.facts)
			}
			if w.Operation.Changes() {
				step(engine.VerbIntend, nil)
			}
			result := d.Gateway(w)
			step(engine.VerbResult, &result)
		}
	}
}

// SubmitWallet implements transport.Wallets. Nothing is sealed: methods are shown without brand and last digits, and every agreement makes eligible.
func (d *Direct) SubmitWallet(r *wallet.Request) engine.Code {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shards == nil {
		d.shards = make(map[engine.Key]*wallet.Shard)
	}
	for i := range r.Commands {
		c := &r.Commands[i]
		key := wallet.KeyOf(r.Account, c.Buyer)
		shard := d.shards[key]
		if shard == nil {
			shard = wallet.New(key)
			d.shards[key] = shard
		}
		sum := fnv.New64a()
		sum.Write([]byte(c.Gateway + " " + c.Token))
		c.WallMs, c.Hashes.Token, c.Hashes.Secrets = int64(d.Now)/1e6, sum.Sum64(), sum.Sum64()
		d.facts.Reset()
		out := shard.Step(c, d.Now, &d.facts)
		if b := out.Buyer; b != nil {
			out.Eligible = engine.EligibleNoAgreement
			if b.Agreements[wallet.ScopeOneClick].Version != "" {
				out.Eligible = engine.EligibleYes
			}
			for j := range b.Methods {
				out.Views = append(out.Views, wallet.MethodView{Method: &b.Methods[j]})
			}
		}
		r.Reply.Outcome(r, i, out)
	}
	r.Reply.Durable(r)
	return engine.CodeOK
}

// Archived implements transport.Engine: nothing ever is.
func (d *Direct) Archived(_, _ string) (at engine.Instant, ok bool) { return 0, false }

// Events implements transport.Engine.
func (d *Direct) Events(_, after string, limit int) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []string
	for id := range d.events {
		if id > after {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids[:min(limit, len(ids))]
}

// StateHash returns the state hash of an event, and its last sequence, 0 if it does not exist.
func (d *Direct) StateHash(event string) (hash uint64, seq engine.Seq) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := d.events[event]
	if e == nil {
		return 0, 0
	}
	return e.StateHash(), e.Seq()
}
