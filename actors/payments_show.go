package actors

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// chargeOpen reports whether something is to be done for a charge of a buyer.
func (p *payments) chargeOpen(account, buyer string) (open bool) {
	for _, l := range p.lanes {
		l.charges.Range(func(at chargeKey, c *charge) bool {
			open = at.account == account && c.buyer == buyer
			return !open
		})
		if open {
			return true
		}
	}
	return false
}

// laneLoad estimates how long a purchase's turn takes from what turns took lately.
type laneLoad struct {
	begun  float64 // charges that had their first turn, the older the less
	others float64 // calls besides, likewise: captures that are owed, look-ups, what is sent again
	slot   float64 // seconds that a turn has a goroutine
	slots  float64 // turns that slot is the mean of
}

const (
	loadFades = 0.998 // what a turn still counts after the next: the mean of about 500
	loadPrior = 10    // turns that are assumed before there were any, each with a capture to come
)

func newLaneLoad() laneLoad { return laneLoad{begun: loadPrior, others: loadPrior} }

func (w *laneLoad) starts() { w.begun, w.others = w.begun*loadFades+1, w.others*loadFades }
func (w *laneLoad) more()   { w.others++ }
func (w *laneLoad) owes()   { w.others++ }

// took notes how long a turn had its goroutine.
func (w *laneLoad) took(d time.Duration) {
	w.slots = min(w.slots+1, 1/(1-loadFades))
	w.slot += (d.Seconds() - w.slot) / w.slots
}

// fresh forgets how long turns took, after the gateway was away.
func (w *laneLoad) fresh() { w.slot, w.slots = 0, 0 }

// laneShow is what others see of a lane.
type laneShow struct {
	coming   atomic.Int64  // buys that were let through and whose charges have not come yet
	waiting  atomic.Int64  // charges that wait for their first turn
	lined    atomic.Uint64 // charges that ever waited for it
	started  atomic.Uint64 // and that had it
	urgent   atomic.Int64  // charges to be finished now
	later    atomic.Int64  // charges to be asked about later
	calls    atomic.Int64
	unknown  atomic.Int64 // charges whose last question was not answered
	starved  atomic.Uint64
	opened   atomic.Uint64
	open     atomic.Bool
	rate     atomic.Uint64 // calls a second, as bits
	turnNs   atomic.Int64  // a purchase before one in the line is worth so much time
	heldUpNs atomic.Int64  // before the first of them, besides
}

// publish shows what the lane is like after a turn of its actor.
func (l *lane) publish() {
	s := &l.show
	s.waiting.Store(int64(l.starts.len()))
	s.urgent.Store(int64(l.urgent.len()))
	s.later.Store(int64(l.later.len()))
	s.calls.Store(int64(l.calls))
	s.open.Store(l.breaker.open)
	s.opened.Store(l.breaker.opened)
	rate := l.pace.effective()
	s.rate.Store(math.Float64bits(rate))
	if l.load.slot > 0 {
		rate = min(rate, float64(l.cfg.Concurrency)/l.load.slot)
	}
	s.turnNs.Store(int64((1 + l.load.others/l.load.begun) / rate * float64(time.Second)))
	s.heldUpNs.Store(int64(float64(l.urgent.len()) / rate * float64(time.Second)))
}

// eta is how long a purchase has to wait that has so many before it.
func (s *laneShow) eta(place int64) time.Duration {
	const most = time.Duration(math.MaxInt64 / 2)
	if turn := s.turnNs.Load(); turn > 0 && place > int64(most)/turn {
		return most
	}
	return time.Duration(place*s.turnNs.Load() + s.heldUpNs.Load())
}

// before is how many purchases a next one would have before it, and how long it would have to wait.
func (s *laneShow) before() (purchases int64, eta time.Duration) {
	purchases = s.waiting.Load() + max(s.coming.Load(), 0)
	return purchases, s.eta(purchases)
}

// noteLane adds the lane's part of the note of an offer or a buy.
func (p *payments) noteLane(cmd *engine.Command) {
	note := &cmd.Payment.Note
	if note.Gateway == "" {
		return
	}
	l := p.lanes[note.Gateway]
	if l == nil {
		note.MethodWhy = engine.EligibleNoGateway
		if note.Eligible == engine.EligibleYes {
			note.Eligible = engine.EligibleNoGateway
		}
		return
	}
	s := &l.show
	before, eta := s.before()
	switch {
	case s.open.Load():
		note.Breaker, note.RetryAfterMs = true, probeFirst.Milliseconds()
	case eta > l.cfg.EtaMax || before >= int64(l.cfg.QueueMax):
		note.Busy, note.RetryAfterMs = true, min(max(eta-l.cfg.EtaMax, time.Second), time.Minute).Milliseconds()
	case cmd.Verb == engine.VerbBuy:
		s.coming.Add(1)
	}
}

// comesNot takes back what noteLane counted for a buy that brings the lane no charge.
func (p *payments) comesNot(cmd *engine.Command) {
	if cmd.Payment == nil || cmd.Payment.Note.Breaker || cmd.Payment.Note.Busy {
		return
	}
	if l := p.lanes[cmd.Payment.Note.Gateway]; l != nil {
		l.show.coming.Add(-1)
	}
}

// comes notes that a charge that noteLane counted has come.
func (p *payments) comes(w *engine.Work) {
	if l := p.lanes[w.Gateway]; l != nil && w.Operation == payment.Authorise && w.Intended == 0 {
		l.show.coming.Add(-1)
	}
}

// show fills in what only the lane knows of a purchase: its place, how long it has to wait, and what the buyer's client needs to go on. It does not wait for the
// gateway: what the lane does not have, it asks for, and the watcher is told when it is there.
func (p *payments) show(key engine.Key, v *engine.PurchaseView) {
	if v.State != engine.PurchaseQueued && v.State != engine.PurchaseActionRequired {
		return
	}
	l := p.lanes[v.Gateway]
	if l == nil {
		return
	}
	c, known := l.charges.Load(chargeKey{key.Account, key.ID, v.ID})
	switch {
	case v.State == engine.PurchaseQueued:
		place := l.show.waiting.Load() + max(l.show.coming.Load(), 1) - 1 // it is one of those that are coming
		if known && c.queued.Load() {
			place = int64(c.place - l.show.started.Load() - 1)
		}
		v.LanePlace = max(place, 0)
		v.EtaMs = l.show.eta(v.LanePlace).Milliseconds()
	case known:
		if r := c.secret.Load(); r != nil {
			v.ClientSecret, v.RedirectURL = r.ClientSecret, r.RedirectURL
		} else {
			l.box.post(laneMessage{what: laneAsk, at: &chargeKey{key.Account, key.ID, v.ID}})
		}
	}
}

// Lanes shows the lanes of all gateways, in the order in which they were given.
func (n *Node) Lanes() []engine.LaneView {
	views := make([]engine.LaneView, 0, len(n.cfg.Gateways))
	for _, g := range n.cfg.Gateways {
		s := &n.payments.lanes[g.Name()].show
		rate := int64(n.cfg.Lane.Rate * 1000) //nolint:mnd // thousandths
		if set, ok := n.Setting(engine.LaneRateSetting(g.Name())); ok {
			rate = set
		}
		views = append(views, engine.LaneView{
			Gateway: g.Name(), RateMilli: rate, EffectiveMilli: int64(math.Float64frombits(s.rate.Load()) * 1000), Waiting: s.waiting.Load(), //nolint:mnd // thousandths
			Finishing: s.urgent.Load(), Later: s.later.Load(), InFlight: s.calls.Load(), Unknown: s.unknown.Load(), EtaMs: s.eta(s.waiting.Load()).Milliseconds(),
			BreakerOpen: s.open.Load(),
		})
	}
	return views
}
