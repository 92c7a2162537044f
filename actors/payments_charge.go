package actors

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// chargeKey names a charge.
type chargeKey struct {
	account, event string
	purchase       engine.PurchaseID
}

// charge is a charge that something has to be done for. It is the lane's; while it is busy its job, and while an event is asked about it its ask, belong to
// whoever has them. It is also the replier to what the lane asks events.
type charge struct {
	lane  *lane
	at    chargeKey
	buyer string

	// The lane's own.
	work   engine.Work   // being done: Authorise, Capture, Void or Refund
	next   []engine.Work // wanted behind it
	number uint64        // of its arrival
	place  uint64        // in the line of those that wait for their first turn, counted from the lane's start
	key    int64         // in its queue
	index  int
	in     *chargeQueue // nil while busy, telling, or new
	start  bool         // it waits for its first turn
	tries  int          // that brought no answer since the last one that did
	lookUp bool         // ask before anything is sent again
	cancel bool         // end it at the gateway unless it has ended
	asked  bool         // the buyer has come back: ask again at once
	before bool         // its request was made by a process before this one: nobody knows whether it was answered

	// Of the request that is durable, if there is one.
	intended engine.Instant // 0: nothing was sent
	wall     engine.Instant // intended, by the wall's clock
	sent     engine.Instant // when it was sent last, or may have been
	attempt  uint32
	hash     [sha256.Size]byte
	body     []byte // nil after a restart, until it is read from the vault
	lost     bool   // the vault does not have the bytes
	ending   []byte // the bytes of a cancel, which has intents of its own
	cancels  uint32 // attempt of the next one

	// The job.
	job       job
	along     *charge           // that the same goroutine does next
	operation payment.Operation // of the call
	result    payment.Result
	untouched bool // the result is known without a call
	err       error
	began     time.Duration // the charge's turn
	called    time.Duration // the call left
	gateway   time.Duration // the calls took, of this turn
	commit    time.Duration // the intent took to become durable

	// What an event is asked.
	ask     *asking // nil unless something is
	intends bool    // an intent is asked, not a result told
	code    engine.Code

	named string // order, once it was made
	keyed string // the last requestKey, of
	keyOf struct {
		operation payment.Operation
		refund    engine.RefundID
		attempt   uint32
	}

	heard  time.Duration                  // when the gateway answered last
	secret atomic.Pointer[payment.Result] // what the buyer's client needs, while the buyer has to act
	queued atomic.Bool                    // it waits for its first turn: for readers
}

// job is what the goroutine that waits for a charge has to do.
type job uint8

const (
	jobPrepare job = iota // make the request, seal it, and tell the event
	jobRecall             // read the request's bytes from the vault, then send them
	jobCall
)

func newCharge(l *lane, key engine.Key, w *engine.Work) *charge {
	c := &charge{lane: l, at: chargeKey{key.Account, key.ID, w.Purchase}}
	c.want(w)
	c.buyer = c.work.Buyer
	return c
}

// want makes w what has to be done. A look-up and a cancel are ways to end an authorisation.
func (c *charge) want(w *engine.Work) {
	c.work = *w
	c.lookUp, c.cancel, c.asked = false, false, false
	switch w.Operation {
	case payment.LookUp:
		c.work.Operation, c.lookUp = payment.Authorise, true
	case payment.Cancel:
		c.work.Operation, c.lookUp, c.cancel = payment.Authorise, true, true
	case payment.Authorise, payment.Capture, payment.Void, payment.Refund:
	}
	c.intended, c.attempt, c.hash = w.Intended, w.Attempt, w.Hash
	c.sent = c.lane.node.clock.Now()
	if c.lookUp { // what is to be ended is the authorisation
		c.intended, c.attempt, c.hash = w.Asked, w.AskedAttempt, w.AskedHash
	}
	c.wall, c.before = c.intended, c.intended > 0
	if c.cancels = w.Attempt; w.Intended != 0 {
		c.cancels++
	}
	c.body, c.ending, c.lost = nil, nil, false
	c.answered()
}

// unanswered counts a question that brought no answer.
func (c *charge) unanswered() {
	if c.tries == 0 {
		c.lane.show.unknown.Add(1)
	}
	c.tries++
}

// answered ends the count.
func (c *charge) answered() {
	if c.tries > 0 {
		c.lane.show.unknown.Add(-1)
		c.tries = 0
	}
}

// old reports whether the request's key may have been forgotten by the gateway, which would take the same request for a new charge.
func (c *charge) old() bool { return c.age() >= payment.KeyAgeMax }

// age is how old the request's key is. Node time stands still while the machine sleeps, and the gateway's clock does not: the wall's counts too, and whichever
// says more is believed.
func (c *charge) age() int64 { return c.ageAt(c.lane.node.clock.Now()) }

func (c *charge) ageAt(now engine.Instant) int64 {
	return int64(max(now-c.intended, c.lane.node.clock.Wall()-c.wall))
}

// same reports whether w is what is being done, named again.
func (c *charge) same(w *engine.Work) bool {
	return w.Operation == c.work.Operation && w.Refund == c.work.Refund && w.Attempt <= c.attempt
}

// order is what the gateway can be asked for: the same for everything that is done for the charge. It is a part of every key.
func (c *charge) order() string {
	if c.named == "" {
		b := make([]byte, 0, 160)
		b = append(b, "hf."...)
		b = append(append(b, c.lane.node.cfg.Installation...), '.')
		b = append(append(b, c.at.account...), '.')
		b = append(append(b, c.at.event...), '.')
		c.named = string(engine.AppendPurchaseID(b, c.at.purchase, c.work.Incarnation))
	}
	return c.named
}

// requestKey is the idempotency key of the request for an operation: it never changes while the request is sent again.
func (c *charge) requestKey(op payment.Operation) string {
	attempt := c.attempt
	if op == payment.Cancel {
		attempt = c.cancels
	}
	of := &c.keyOf
	if c.keyed != "" && of.operation == op && of.refund == c.work.Refund && of.attempt == attempt && !plantedBug(plantedNewKey) {
		return c.keyed
	}
	b := append(append(make([]byte, 0, 192), c.order()...), '.')
	b = append(append(b, op.String()...), '.')
	if op == payment.Refund {
		b = append(strconv.AppendUint(b, uint64(c.work.Refund), 10), '.')
	}
	if plantedBug(plantedNewKey) {
		b = append(strconv.AppendInt(b, int64(c.tries), 10), '.')
	}
	c.keyed = string(strconv.AppendUint(b, uint64(attempt), 10))
	of.operation, of.refund, of.attempt = op, c.work.Refund, attempt
	return c.keyed
}

// intent is what the request for an operation is made of.
func (c *charge) intent(op payment.Operation) payment.Intent {
	w := &c.work
	return payment.Intent{
		Operation: op, Key: c.requestKey(op), Order: c.order(), Ref: w.Ref, AmountMinor: w.AmountMinor, Currency: w.Currency,
		OnSession: w.OnSession, ReturnURL: w.ReturnURL,
	}
}

// runAll does the jobs of the charge and of those along with it. It is called from a goroutine that may wait.
func (c *charge) runAll() {
	l := c.lane
	for c != nil {
		next := c.along // c is somebody else's when it has run
		c.along = nil
		if next == nil {
			c.run()
			return
		}
		began := l.node.clock.Mono()
		c.run()
		if l.node.clock.Mono()-began > prepareSlow {
			for c = next; c != nil; c = next {
				next, c.along = c.along, nil
				l.jobs.do(c)
			}
			return
		}
		c = next
	}
}

// run does the charge's job.
func (c *charge) run() {
	l := c.lane
	if l.ctx.Err() != nil {
		return // the process stops
	}
	switch c.job {
	case jobPrepare:
		if !c.prepare() {
			l.box.post(laneMessage{what: laneAnswered, charge: c})
		}
		return
	case jobRecall:
		c.recall()
	case jobCall:
		c.call()
	}
	l.box.post(laneMessage{what: laneAnswered, charge: c})
}

// prepare makes the exact bytes of a request, seals them, and tells the event, whose answer goes on from here. It returns false, with a result or an error,
// if it comes to nothing.
func (c *charge) prepare() bool {
	l := c.lane
	intent := c.intent(c.operation)
	if c.operation == payment.Authorise {
		var err error
		intent.Method, err = l.node.cfg.Wallets.Method(c.at.account, c.work.Buyer, c.work.Method)
		switch {
		case errors.Is(err, ErrNoMethod):
			return c.give(payment.Result{Answer: payment.DeclinedHard, Decline: payment.DeclineInvalidMethod})
		case err != nil:
			c.err = err
			return false
		}
	}
	body, err := l.gateway.Prepare(intent)
	if err != nil {
		l.node.cfg.Logger.Error("a gateway cannot make a request", "gateway", l.gateway.Name(), "event", c.at.event, "operation", c.operation.String(), "err", err.Error())
		return c.give(payment.Result{Answer: payment.Failed, Decline: payment.DeclineConfiguration})
	}
	hash := sha256.Sum256(body)
	if c.operation == payment.Cancel { // it has no secret, and after a restart another one will do: nothing can be ended twice
		c.ending = body
		return c.announce(hash)
	}
	sealed, err := l.node.cfg.Vault.Seal(c.at.account, c.work.Buyer, intent.Key, body)
	if err != nil {
		c.err = err
		return false
	}
	c.body, c.hash = body, hash
	if plantedBug(plantedPostFirst) {
		c.intended, c.wall = l.node.clock.Now(), l.node.clock.Wall()
		c.call()
	}
	return c.announce(hash, sealed)
}

// announce tells the event what is about to be sent.
func (c *charge) announce(hash [sha256.Size]byte, beside ...engine.Sealed) bool {
	a := newAsking()
	a.pay = engine.PaymentCommand{At: c.at.purchase, Operation: c.operation, Refund: c.work.Refund, Attempt: c.attempt, Hash: hash}
	if c.operation == payment.Cancel {
		a.pay.Attempt = c.cancels
	}
	c.intends, c.called = true, c.lane.node.clock.Mono()
	if code := c.submit(a, engine.VerbIntend, beside...); code != engine.CodeOK {
		c.err = submitError(code)
		return false
	}
	return true
}

// give is what a request comes to that cannot be made. The event learns of it like of any other: an intent first, of nothing.
func (c *charge) give(r payment.Result) bool {
	c.result, c.untouched = r, true
	return c.announce(sha256.Sum256(nil))
}

// submitError says that an event did not take a command.
type submitError engine.Code

// Error implements error.
func (e submitError) Error() string { return "the event answers " + engine.Code(e).String() }

// recall reads the bytes of a request that was made before a restart. If they are not there, or are others, only the gateway knows what became of it.
func (c *charge) recall() {
	name := c.requestKey(c.work.Operation)
	body, ok, err := c.lane.node.cfg.Vault.Open(c.at.account, c.work.Buyer, name)
	if err != nil {
		c.err = err
		return
	}
	if ok && sha256.Sum256(body) == c.hash {
		c.body = body
	}
	c.lost = c.body == nil
}

// call sends what is to be sent.
func (c *charge) call() {
	l := c.lane
	w := &c.work
	now, began := l.node.clock.both()
	call := payment.Call{Operation: c.operation, Order: c.order(), Ref: w.Ref}
	if c.intended > 0 {
		call.Age = c.ageAt(now)
	}
	switch c.operation {
	case payment.LookUp:
		if w.Operation == payment.Refund {
			call.RefundRef = c.requestKey(payment.Refund)
		}
	case payment.Cancel:
		call.Key, call.Body = c.requestKey(c.operation), c.ending
	case payment.Authorise, payment.Capture, payment.Void, payment.Refund:
		call.Key, call.Body = c.requestKey(c.operation), c.body
		c.sent = now
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.CallTimeout)
	defer cancel()
	c.result = l.gateway.Do(ctx, call)
	c.gateway += l.node.clock.Mono() - began
	if plantedBug(plantedTimeoutDeclines) && c.result.Answer == payment.Unknown {
		c.result.Answer = payment.DeclinedSoft
	}
}

// asking is what a charge's event is asked, until it has answered durably. It is pooled: it is most of what a charge needs, and needed for the least time.
type asking struct {
	engine.Request
	cmd    [1]engine.Command
	pay    engine.PaymentCommand
	result payment.Result
	beside [1]engine.Sealed
}

var askings = sync.Pool{New: func() any { return new(asking) }}

func newAsking() *asking {
	a, _ := askings.Get().(*asking)
	return a
}

func (a *asking) free() {
	*a = asking{}
	askings.Put(a)
}

// submit asks the charge's event.
func (c *charge) submit(a *asking, verb engine.Verb, beside ...engine.Sealed) engine.Code {
	a.cmd[0] = engine.Command{Verb: verb, Payment: &a.pay}
	a.Request = engine.Request{Account: c.at.account, Event: c.at.event, Commands: a.cmd[:], Beside: append(a.beside[:0], beside...), Reply: c}
	c.ask = a
	code := c.lane.submit(&a.Request)
	if code != engine.CodeOK {
		c.ask = nil
		a.free()
	}
	return code
}

// Outcome implements engine.Replier.
func (c *charge) Outcome(_ *engine.Request, _ int, out *engine.Outcome) { c.code = out.Code }

// Durable implements engine.Replier. An intent that is durable may leave at once.
func (c *charge) Durable(*engine.Request) {
	l := c.lane
	c.ask.free()
	c.ask = nil
	if !c.intends || c.code != engine.CodeOK {
		l.box.post(laneMessage{what: laneTold, charge: c})
		return
	}
	now, mono := l.node.clock.both()
	if c.operation != payment.Cancel {
		c.intended, c.wall = now, l.node.clock.Wall()
	}
	c.commit = mono - c.called
	if c.untouched {
		l.box.post(laneMessage{what: laneAnswered, charge: c})
		return
	}
	c.job = jobCall
	l.jobs.do(c)
}
