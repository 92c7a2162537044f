package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
)

// lane is the paced line in front of a gateway account. It is an actor: it alone decides what is called when. What waits (calls, and writing into the vault)
// is done by as many goroutines as may wait at once, so that ten thousand purchases in the line cost memory and nothing else.
//
// Its line is a cache: what has to be done is in the events, and after a restart they name it again.
type lane struct {
	node    *Node
	gateway Gateway
	cfg     LaneConfig
	submit  func(*engine.Request) engine.Code
	// lostAfter is how long after a request was sent a look-up that finds nothing says that nothing has come of it.
	lostAfter time.Duration

	box    *mailbox[laneMessage]
	pid    *actor.PID
	timer  *time.Timer
	ctx    context.Context //nolint:containedctx // the end of the lane is the end of what it started
	cancel context.CancelFunc
	jobs   *crew[*charge]
	probes sync.WaitGroup

	charges *xsync.Map[chargeKey, *charge] // everything that something is to be done for; others only read

	// The actor's own.
	starts   chargeQueue // wait for their first turn, by the time they were first wanted
	urgent   chargeQueue // to be finished, by arrival
	later    chargeQueue // to be asked about again at some time
	arrived  uint64      // charges
	pace     pacer
	breaker  breaker
	calls    int     // jobs under way
	telling  int     // results that events have not taken yet
	prepare  *charge // begun in this turn: the first of those whose requests one goroutine makes
	prepares int
	begins   time.Duration // no charge has its first turn before
	stops    bool
	drained  chan struct{}
	load     laneLoad

	show laneShow
}

// laneMessage is what a lane is told.
type laneMessage struct {
	what   laneTopic
	charge *charge
	at     *chargeKey
	rate   float64
	result *payment.Result
}

type laneTopic uint8

const (
	laneWork     laneTopic = iota // an event wants something done
	laneAnswered                  // a job is done
	laneTold                      // an event has answered, durably
	laneProbed                    // a probe is answered
	laneAsk                       // somebody wants what the buyer's client needs, and the lane does not have it
	laneRate                      // another rate
	laneStop
)

func newLane(n *Node, g Gateway) *lane {
	l := &lane{node: n, gateway: g, cfg: n.cfg.Lane, submit: n.Submit, charges: xsync.NewMap[chargeKey, *charge](), jobs: newCrew((*charge).runAll), drained: make(chan struct{})}
	l.lostAfter = lostAfter
	if late, ok := g.(LateFinder); ok {
		l.lostAfter += late.FindsLate()
	}
	if milli, ok := n.node.Setting(engine.LaneRateSetting(g.Name())); ok {
		l.cfg.Rate = float64(milli) / 1000
	}
	l.pace = newPacer(l.cfg.Rate)
	l.load = newLaneLoad()
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.box = &mailbox[laneMessage]{escaped: func(cause any) { n.cfg.Fatal(fmt.Errorf("the lane of %s panicked: %v", g.Name(), cause)) }}
	l.publish()
	return l
}

// start starts the lane's actor.
func (l *lane) start() {
	l.timer = time.AfterFunc(time.Hour, l.box.wake)
	l.timer.Stop()
	if l.node.recovering {
		l.begins = l.node.clock.Mono() + settleFirst
	}
	l.pid = l.node.root.Spawn(actor.PropsFromProducer(func() actor.Actor { return l }, actor.WithDispatcher(l.node.turns),
		actor.WithMailbox(func() actor.Mailbox { return l.box })))
}

// stop lets what is under way end until ctx does, and stops the lane.
func (l *lane) stop(ctx context.Context) {
	l.box.post(laneMessage{what: laneStop})
	select {
	case <-l.drained:
	case <-ctx.Done():
	}
	l.cancel()
	l.jobs.stop()
	l.jobs.wait()
	l.probes.Wait()
	l.timer.Stop()
	l.node.root.Stop(l.pid)
}

// Receive is called by the library, one message at a time.
func (l *lane) Receive(ctx actor.Context) {
	msg, ok := ctx.Message().(*turn[laneMessage])
	if !ok {
		return
	}
	mono := l.node.clock.Mono()
	for i := range msg.Messages {
		l.receive(&msg.Messages[i], mono)
	}
	l.pump(mono)
	l.publish()
}

func (l *lane) receive(m *laneMessage, mono time.Duration) {
	switch m.what {
	case laneWork:
		l.take(m.charge, mono)
	case laneAnswered:
		l.answered(m.charge, mono)
	case laneTold:
		l.told(m.charge, mono)
	case laneProbed:
		l.probed(m.result, mono)
	case laneAsk:
		if c, ok := l.charges.Load(*m.at); ok {
			l.lookUpNow(c, mono)
		}
	case laneRate:
		l.cfg.Rate = m.rate
		l.pace.set(mono, m.rate)
	case laneStop:
		l.stops = true
	}
}

// take takes a piece of work that an event wants done. The same work may be named again, and a charge has one thing done at a time.
func (l *lane) take(c *charge, mono time.Duration) {
	has, known := l.charges.Load(c.at)
	if known {
		switch w := &c.work; {
		case c.cancel && has.work.Operation == payment.Authorise:
			has.cancel = true
			l.lookUpNow(has, mono)
		case c.lookUp && has.work.Operation == payment.Authorise:
			l.lookUpNow(has, mono)
		case has.same(w):
		default:
			has.next = append(has.next, *w)
		}
		return
	}
	l.arrived++
	c.number = l.arrived
	l.charges.Store(c.at, c)
	l.line(c, mono)
}

// line puts a charge where it has to wait: new ones behind those that were wanted before them, what is to be finished before all of those.
func (l *lane) line(c *charge, mono time.Duration) {
	if c.work.Operation == payment.Authorise && c.intended == 0 {
		c.start = true
		c.place = l.show.lined.Add(1)
		c.queued.Store(true)
		l.starts.push(c, int64(c.work.Since))
		return
	}
	l.urgent.push(c, int64(mono))
}

// lookUpNow asks the gateway about a charge as soon as may be: because its time is over, or because the buyer says that they have done their part.
func (l *lane) lookUpNow(c *charge, mono time.Duration) {
	switch {
	case c.start: // nothing was sent
	case c.in == nil:
		c.asked = true // when its job is done
	default:
		c.lookUp = true
		c.in.remove(c)
		if wait := c.heard + askAgainAfter - mono; c.heard > 0 && wait > 0 { // whoever asks every moment is not answered sooner
			l.wantsLater(c, mono, wait)
			return
		}
		l.urgent.push(c, int64(mono))
	}
}

// pump begins what may begin now, and sets the timer for what comes next.
func (l *lane) pump(mono time.Duration) {
	for c := l.later.first(); c != nil && c.key <= int64(mono); c = l.later.first() {
		l.later.remove(c)
		l.urgent.push(c, int64(mono))
	}
	if l.breaker.wantsProbe(mono) && !l.stops {
		l.breaker.probing = true
		l.probes.Go(l.probe)
	}
	for l.calls < l.cfg.Concurrency && !l.breaker.open && !l.stops {
		c := l.urgent.first()
		if c == nil {
			if c = l.starts.first(); c == nil || mono < l.begins {
				break
			}
		}
		if l.pace.wait(mono) > 0 {
			break
		}
		l.pace.take()
		l.begin(c, mono)
	}
	l.handOver()
	if l.stops && l.calls == 0 && l.telling == 0 {
		select {
		case <-l.drained:
		default:
			close(l.drained)
		}
	}
	l.rearm(mono)
}

// begin gives a charge its turn.
func (l *lane) begin(c *charge, mono time.Duration) {
	c.in.remove(c)
	l.calls++
	if c.start {
		c.start = false
		c.queued.Store(false)
		l.show.started.Add(1)
		l.load.starts()
		l.node.payments.metrics.queue(l.node.clock.Now() - c.work.Since)
	} else if l.starts.len() > 0 {
		l.show.starved.Add(1)
	}
	c.began, c.gateway, c.commit = mono, 0, 0
	c.err, c.untouched = nil, false
	c.job, c.operation = c.plan()
	if c.operation == payment.LookUp || c.tries > 0 {
		l.load.more()
	}
	if c.job != jobPrepare {
		l.jobs.do(c)
		return
	}
	c.along, l.prepare = l.prepare, c
	if l.prepares++; l.prepares == preparesMax {
		l.handOver()
	}
}

// handOver has the requests made of the charges that were begun. To make one takes microseconds: less than to wake a goroutine for it.
func (l *lane) handOver() {
	if l.prepare != nil {
		l.jobs.do(l.prepare)
		l.prepare, l.prepares = nil, 0
	}
}

// plan says what the charge's turn is used for.
func (c *charge) plan() (job, payment.Operation) {
	switch {
	case c.intended == 0 && !c.lookUp:
		return jobPrepare, c.work.Operation
	case c.lookUp || c.old(): // after so long, a gateway takes the same key for a new charge
		return jobCall, payment.LookUp
	case c.body == nil:
		return jobRecall, c.work.Operation
	}
	return jobCall, c.work.Operation
}

// rearm sets the timer for whatever the lane has to do next without being told.
func (l *lane) rearm(mono time.Duration) {
	next := time.Duration(1<<63 - 1)
	if c := l.later.first(); c != nil {
		next = time.Duration(c.key)
	}
	if l.breaker.open {
		if !l.breaker.probing && !l.stops {
			next = min(next, l.breaker.probeAt)
		}
	} else if l.calls < l.cfg.Concurrency && !l.stops {
		switch {
		case l.urgent.len() > 0:
			next = min(next, mono+l.pace.wait(mono))
		case l.starts.len() > 0:
			next = min(next, max(mono+l.pace.wait(mono), l.begins))
		}
	}
	if next == 1<<63-1 {
		l.timer.Stop()
		return
	}
	l.timer.Reset(max(next-mono, 0))
}

// drop forgets a charge: there is nothing more to do for it, or its event does not want it any more.
func (l *lane) drop(c *charge, mono time.Duration) {
	c.secret.Store(nil)
	c.answered()
	if len(c.next) == 0 {
		l.charges.Delete(c.at)
		return
	}
	w := c.next[0]
	c.next = c.next[1:]
	c.want(&w)
	l.line(c, mono)
}

// wantsLater asks about a charge again after a while.
func (l *lane) wantsLater(c *charge, mono, pause time.Duration) { l.later.push(c, int64(mono+pause)) }

// probe asks the gateway anything, to see whether it answers: about a charge that is not there.
func (l *lane) probe() {
	ctx, cancel := context.WithTimeout(l.ctx, l.cfg.CallTimeout)
	defer cancel()
	r := l.gateway.Do(ctx, payment.Call{Operation: payment.LookUp, Order: "hf." + l.node.cfg.Installation + ".probe"})
	l.box.post(laneMessage{what: laneProbed, result: &r})
}

func (l *lane) probed(r *payment.Result, mono time.Duration) {
	if !l.breaker.probed(mono, failed(r)) {
		return
	}
	l.node.cfg.Logger.Warn("the gateway answers again", "gateway", l.gateway.Name())
	l.load.fresh()
	for _, c := range slices.Clone(l.later.heap) { // what is unknown is not kept waiting for its next time
		if c.tries > 0 {
			l.later.remove(c)
			l.urgent.push(c, int64(mono))
		}
	}
}

// failed reports whether a call was not answered. A gateway that limits us has answered.
func failed(r *payment.Result) bool {
	return r.Answer == payment.Unknown || r.Answer == payment.NotDone && !r.Throttled
}

// isTaken reports whether an event that did not take a command may take it a little later.
func isTaken(err error) bool {
	var code submitError
	if !errors.As(err, &code) {
		return true // not an event's answer: the vault's
	}
	return engine.Code(code) == engine.CodeOverloaded || engine.Code(code) == engine.CodeUnavailable
}
