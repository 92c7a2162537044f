package actors

import (
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// answered is told that a charge's job is done. What the gateway has said for good is told to the event; what is not known is asked again, with the same bytes
// under the same key, and is never taken for a no.
func (l *lane) answered(c *charge, mono time.Duration) {
	l.calls--
	switch {
	case c.err != nil:
		l.notDone(c, mono)
		return
	case c.job == jobRecall:
		c.lookUp = c.lost // only the gateway knows whether it has left
		l.urgent.push(c, int64(mono))
		l.pace.give()
		return
	}
	r := &c.result
	c.heard = mono
	if c.untouched {
		l.pace.give()
		l.tell(c, mono)
		return
	}
	l.called(c, r, mono)
	if c.operation == payment.Cancel && r.Answer != payment.Voided && r.Answer != payment.Authorised && r.Answer != payment.Captured {
		l.unanswered(c, r, mono) // that it could not be ended does not say what became of it
		return
	}
	if c.operation == payment.LookUp && r.Answer == payment.Failed && c.work.Operation != payment.Refund {
		l.unanswered(c, r, mono) // the question was refused, which says nothing about the charge. A refund may have failed
		return
	}
	switch r.Answer {
	case payment.Unknown, payment.NotDone:
		l.unanswered(c, r, mono)
	case payment.NotFound:
		l.notFound(c, mono)
	case payment.Pending, payment.ActionNeeded:
		l.waiting(c, r, mono)
	case payment.Authorised:
		l.authorised(c, mono)
	case payment.Captured, payment.DeclinedSoft, payment.DeclinedHard, payment.Voided, payment.Refunded, payment.Failed:
		if r.Answer == payment.DeclinedHard && c.work.Operation == payment.Authorise {
			l.node.BlockMethod(c.at.account, c.buyer, c.work.Method, r.Decline)
		}
		l.ended(c, r, mono)
	}
}

// notDone takes back a job that came to nothing: the vault could not be read or written, or the event did not take the intent.
func (l *lane) notDone(c *charge, mono time.Duration) {
	l.pace.give()
	if !isTaken(c.err) {
		l.drop(c, mono)
		return
	}
	l.node.cfg.Logger.Warn("a charge has to wait", "gateway", l.gateway.Name(), "event", c.at.event, "err", c.err.Error())
	l.wantsLater(c, mono, tellAgainAfter)
}

// called does the accounts of a call.
func (l *lane) called(c *charge, r *payment.Result, mono time.Duration) {
	l.node.payments.metrics.answered(c.operation, r)
	l.load.took(mono - c.began)
	if r.Throttled {
		pause := throttlePause
		if r.RetryAfterMs > 0 {
			pause = time.Duration(r.RetryAfterMs) * time.Millisecond
		}
		l.pace.throttled(mono, pause)
		return
	}
	was := l.breaker.open
	if c.tries == 0 || !failed(r) { // one charge that is never answered is no reason to refuse the others
		l.breaker.note(mono, failed(r), c.before)
	}
	if !was && l.breaker.open {
		l.node.cfg.Logger.Error("the gateway does not answer: new purchases are refused until it does", "gateway", l.gateway.Name(), "detail", r.Detail)
	}
}

// unanswered asks again after a while: the same bytes under the same key, or the same look-up.
func (l *lane) unanswered(c *charge, r *payment.Result, mono time.Duration) {
	pause := min(retryFirst<<min(c.tries, 6), retryPauseLimit) //nolint:mnd // 2^6 s is above the limit
	pause = max(pause, min(time.Duration(r.RetryAfterMs)*time.Millisecond, retryPauseLimit))
	c.unanswered()
	// Every other time the gateway is asked what has become of it: some keep "an error" as the answer to a key for ever.
	c.lookUp = c.intended > 0 && (c.cancel || c.tries%2 == 0)
	c.look()
	l.wantsLater(c, mono, pause)
}

// look asks at once if the buyer has come back, or the charge's time is over, while it was busy.
func (c *charge) look() {
	if c.asked {
		c.asked, c.lookUp = false, true
	}
}

// notFound goes on after a look-up that found nothing, or a request about a charge that the gateway does not know.
func (l *lane) notFound(c *charge, mono time.Duration) {
	switch {
	case c.operation != payment.LookUp:
		c.result = payment.Result{Answer: payment.Failed, Decline: payment.DeclineConfiguration, Detail: c.result.Detail}
		l.ended(c, &c.result, mono)
		return
	case c.work.Operation == payment.Void:
		c.result.Answer = payment.Voided
		l.ended(c, &c.result, mono)
		return
	case (c.lost || c.cancel || c.intended > 0 && c.old()) && l.node.clock.Now()-c.sent < engine.Instant(l.lostAfter): // it may still be on its way, and must not be sent again
		l.wantsLater(c, mono, time.Duration(c.sent-l.node.clock.Now())+l.lostAfter)
		return
	case c.work.Operation == payment.Authorise && c.old():
		l.tell(c, mono) // nothing of it can come any more
		return
	case c.cancel: // whatever was sent has ended by now, and has come to nothing
		c.result.Answer = payment.Voided
		l.ended(c, &c.result, mono)
		return
	case c.lost || c.old():
		c.anew()
	}
	c.lookUp = false
	l.wantsLater(c, mono, retryFirst)
}

// anew gives up a request that has surely not been done, and cannot be sent again as it was: the next one has a key of its own.
func (c *charge) anew() {
	c.attempt++
	c.intended, c.body, c.lost = 0, nil, false
}

// waiting goes on with a charge that the gateway has and that has not ended: the buyer has to act, or the gateway has.
func (l *lane) waiting(c *charge, r *payment.Result, mono time.Duration) {
	if c.cancel && c.work.Operation == payment.Authorise && c.operation == payment.LookUp {
		l.endIt(c)
		return
	}
	c.lookUp = true
	if r.Answer == payment.ActionNeeded && c.work.Operation == payment.Authorise {
		known := c.secret.Swap(&payment.Result{ClientSecret: r.ClientSecret, RedirectURL: r.RedirectURL}) != nil
		c.answered()
		if !known && l.node.cfg.Watcher != nil && c.operation == payment.LookUp { // somebody has asked in vain
			l.node.cfg.Watcher.PurchaseChanged(c.at.account, c.at.event, engine.PurchaseChange{
				Purchase: c.at.purchase, Incarnation: c.work.Incarnation, Buyer: c.work.Buyer, State: engine.PurchaseActionRequired,
			})
		}
		if !known {
			l.tell(c, mono)
			return
		}
	}
	l.rest(c, mono)
}

// rest looks a charge up again later, or at once if somebody has asked for it.
func (l *lane) rest(c *charge, mono time.Duration) {
	if c.asked {
		c.look()
		l.wantsLater(c, mono, askAgainAfter)
		return
	}
	pause := retryPauseLimit
	if c.result.Answer == payment.Pending {
		pause = min(retryFirst<<min(c.tries, 6), retryPauseLimit) //nolint:mnd // 2^6 s is above the limit
		c.unanswered()
	}
	l.wantsLater(c, mono, pause)
}

// endIt ends at the gateway what has not ended by itself: with an intent of its own, at once, in the turn of the look-up.
func (l *lane) endIt(c *charge) {
	l.calls++
	l.pace.take()
	c.operation, c.err, c.untouched = payment.Cancel, nil, false
	c.job = jobPrepare
	if c.ending != nil {
		c.job = jobCall
	}
	l.jobs.do(c)
}

// authorised goes on when money is reserved: it is what was wanted, or what is still there to be captured or let go.
func (l *lane) authorised(c *charge, mono time.Duration) {
	if c.operation == payment.LookUp && (c.work.Operation == payment.Capture || c.work.Operation == payment.Void) {
		if c.old() || c.lost || c.tries >= storedAfter { // its bytes are gone, or the gateway has stored an error as the answer to its key
			c.anew()
		}
		c.lookUp = false
		l.wantsLater(c, mono, retryFirst)
		return
	}
	l.load.owes()
	l.ended(c, &c.result, mono)
}

// ended tells the event what cannot change any more.
func (l *lane) ended(c *charge, r *payment.Result, mono time.Duration) {
	c.answered()
	if r.Ref != "" && c.work.Operation != payment.Refund {
		c.work.Ref = r.Ref
	}
	l.tell(c, mono)
}

// tell tells the event what has become of a charge.
func (l *lane) tell(c *charge, mono time.Duration) {
	a := newAsking()
	a.result = c.result
	a.result.ClientSecret, a.result.RedirectURL = "", "" // the lane keeps them
	a.pay = engine.PaymentCommand{At: c.at.purchase, Operation: c.operation, Refund: c.work.Refund, Attempt: c.attempt, Result: &a.result}
	c.intends, c.called = false, mono
	l.telling++
	var code engine.Code
	if c.intended > 0 && (c.result.Answer.Definite() || c.result.Answer == payment.NotFound) { // nobody sends it again
		code = c.submit(a, engine.VerbResult, l.node.cfg.Vault.Remove(c.at.account, c.work.Buyer, c.requestKey(c.work.Operation)))
	} else {
		code = c.submit(a, engine.VerbResult)
	}
	if code != engine.CodeOK {
		l.telling--
		l.untold(c, code, mono)
	}
}

// untold keeps a result that the event does not take at the moment.
func (l *lane) untold(c *charge, code engine.Code, mono time.Duration) {
	if !isTaken(submitError(code)) {
		l.node.cfg.Logger.Error("an event does not take what its gateway has answered: it is asked for again when the event is back",
			"event", c.at.event, "code", code.String())
		l.drop(c, mono)
		return
	}
	c.lookUp = c.work.Operation == payment.Authorise && c.intended > 0
	l.wantsLater(c, mono, tellAgainAfter)
}

// told is told that an event has refused an intent, or has taken a result, durably.
func (l *lane) told(c *charge, mono time.Duration) {
	if c.intends {
		l.calls--
		l.pace.give()
		l.drop(c, mono)
		return
	}
	l.telling--
	if c.code != engine.CodeOK {
		l.untold(c, c.code, mono)
		return
	}
	if c.work.Operation == payment.Authorise && (c.result.Answer == payment.Authorised || c.result.Answer == payment.Captured) {
		l.node.payments.metrics.confirmed(c, l.node.clock.Now()-c.work.Since, mono-c.called)
	}
	if c.result.Answer == payment.ActionNeeded {
		l.rest(c, mono)
		return
	}
	l.drop(c, mono)
}
