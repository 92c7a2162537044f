package actors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Defaults of LaneConfig.
const (
	LaneRateDefault        = 25      // calls a second: what a large gateway publishes for one endpoint
	LaneConcurrencyDefault = 32      // calls at once
	LaneEtaMaxDefault      = 600     // seconds that a purchase may have to wait for its turn
	LaneQueueMaxDefault    = 1 << 20 // purchases that wait for their turn
	LaneRateMax            = 1e6     // calls a second
	LaneConcurrencyMax     = 1 << 12 // goroutines that wait for the gateway
)

// Times of a lane that nobody needs to set.
const (
	retryFirst      = time.Second      // before what is unknown is sent again; then twice as long each time
	retryPauseLimit = time.Minute      // up to this, which is also how often an unfinished charge is looked up
	askAgainAfter   = time.Second      // between two look-ups of a charge, however often somebody wants one
	tellAgainAfter  = time.Second      // before an event that takes nothing at the moment is told again
	throttlePause   = time.Second      // after an answer that limits us and does not say for how long
	settleFirst     = time.Second / 2  // after a start, before new charges begin: what is unfinished comes in first, in any order
	laneDrain       = 10 * time.Second // the longest that a stop waits for what gateways have under way
	storedAfter     = 4                // answers of a gateway that say nothing, before a capture or a void that it has not done gets another key
	lostAfter       = 2 * callTimeout  // when a request that was sent is no longer on its way, unless the gateway needs longer to find it
	callTimeout     = 30 * time.Second // of one call
	preparesMax     = 16               // requests that a goroutine makes one after the other
	prepareSlow     = time.Millisecond // by then the rest of them is for others: one waits for the disk
)

// LaneConfig says how the lanes run. Zero fields stand for the defaults.
type LaneConfig struct {
	Rate        float64       // calls a second, unless an operator has set another for the gateway
	Concurrency int           // calls at once: so many goroutines wait for the gateway
	EtaMax      time.Duration // purchases that would have to wait longer are refused `payment_busy`, before they hold anything
	QueueMax    int           // purchases that wait for their turn; more are refused likewise
	CallTimeout time.Duration // of one call
}

func (c *LaneConfig) validate() error {
	if c.Rate == 0 {
		c.Rate = LaneRateDefault
	}
	if c.Concurrency == 0 {
		c.Concurrency = LaneConcurrencyDefault
	}
	if c.EtaMax == 0 {
		c.EtaMax = LaneEtaMaxDefault * time.Second
	}
	if c.QueueMax == 0 {
		c.QueueMax = LaneQueueMaxDefault
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = callTimeout
	}
	if c.Rate < 0 || c.Rate > LaneRateMax || c.Concurrency < 1 || c.Concurrency > LaneConcurrencyMax || c.EtaMax < 0 || c.QueueMax < 1 || c.CallTimeout < 0 {
		return fmt.Errorf("actors: a lane makes above 0 and up to %g calls a second, 1 to %d at once", float64(LaneRateMax), LaneConcurrencyMax)
	}
	return nil
}

// Vault keeps the exact bytes of requests, sealed under the key of the buyer they are about, so that they can be sent again as they were. Its methods are safe
// for concurrent use.
type Vault interface {
	// Seal encrypts a record. It becomes durable with the run that it is put beside. It may wait for the disk.
	Seal(account, subject, name string, plain []byte) (engine.Sealed, error)
	// Open reads a record, and false if there is none or its subject was erased.
	Open(account, subject, name string) ([]byte, bool, error)
	// Remove makes what removes a record, durably with the run that it is put beside.
	Remove(account, subject, name string) engine.Sealed
}

// payments is the lanes of a node, one a gateway.
type payments struct {
	lanes   map[string]*lane // read only
	metrics *paymentMetrics
	strange sync.Map // gateways that work is for and that this process does not have: each is logged once
}

// startPayments starts the lane of each gateway.
func (n *Node) startPayments() error {
	n.payments = &payments{lanes: make(map[string]*lane, len(n.cfg.Gateways))}
	for _, g := range n.cfg.Gateways {
		switch {
		case !engine.ValidID(g.Name()):
			return fmt.Errorf("actors: %q cannot be the name of a gateway: it must be an id", g.Name())
		case n.payments.lanes[g.Name()] != nil:
			return fmt.Errorf("actors: there are two gateways %s", g.Name())
		}
		n.payments.lanes[g.Name()] = newLane(n, g)
	}
	n.payments.metrics = newPaymentMetrics(n)
	for _, l := range n.payments.lanes {
		l.start()
	}
	return nil
}

// stopPayments lets the gateways answer what is under way, as long as that is soon, and stops the lanes. What is left is taken up at the next start.
func (n *Node) stopPayments(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, laneDrain)
	defer cancel()
	var stopping sync.WaitGroup
	for _, l := range n.payments.lanes {
		stopping.Go(func() { l.stop(ctx) })
	}
	stopping.Wait()
}

// signalled hands on what a durable run wants done and told. It is called from the journal's goroutine.
func (n *Node) signalled(run *engine.Run) {
	for i := range run.Signals.Work {
		n.payments.comes(&run.Signals.Work[i])
		n.payments.take(n, run.Key, &run.Signals.Work[i])
	}
	if run.Signals.Line != engine.LineWantsNothing {
		n.seeds.wants(run.Key, run.Signals.Line)
	}
	for i := range run.Signals.Waits {
		n.autoBuys.offered(run.Key, &run.Signals.Waits[i])
	}
	for i := range run.Signals.Changes {
		n.payments.metrics.changed(run.Signals.Changes[i].State)
	}
	for _, a := range run.Signals.Alarms {
		n.payments.metrics.alarms[a.Why].Inc()
		n.cfg.Logger.Error("a payment needs an operator", "why", a.Why.String(), "event", run.Key.ID, "purchase", string(engine.AppendPurchaseID(nil, a.Purchase, a.Incarnation)))
	}
	if n.cfg.Watcher != nil {
		for _, c := range run.Signals.Changes {
			n.cfg.Watcher.PurchaseChanged(run.Key.Account, run.Key.ID, c)
		}
		if len(run.Signals.Places) > 0 || len(run.Signals.Waits) > 0 {
			n.cfg.Watcher.LineMoved(run.Key.Account, run.Key.ID, run.Signals.Places, run.Signals.Waits)
		}
		if run.Signals.Over {
			n.cfg.Watcher.LineOver(run.Key.Account, run.Key.ID)
		}
	}
}

// take hands a piece of work to its lane.
func (p *payments) take(n *Node, key engine.Key, w *engine.Work) {
	l := p.lanes[w.Gateway]
	if l == nil {
		if _, known := p.strange.LoadOrStore(w.Gateway, true); !known {
			n.cfg.Logger.Error("charges wait for a gateway that this process does not have: start it with it", "gateway", w.Gateway, "event", key.ID)
		}
		return
	}
	l.box.post(laneMessage{what: laneWork, charge: newCharge(l, key, w)})
}

// resumeWork names again what an event that was just read from disk waits for.
func (a *eventActor) resumeWork() {
	if a.ev == nil {
		return
	}
	if want := a.ev.LineWants(); want != engine.LineWantsNothing {
		a.node.seeds.wants(a.ref.key, want)
	}
	down := engine.Instant(a.node.downSince(a.ev.LastAt())) // the event is told of it in its first turn
	for _, c := range a.ev.AutoBuys(nil) {
		c.Until += down
		a.node.autoBuys.offered(a.ref.key, &c)
	}
	if !a.ev.HasOpenWork() {
		return
	}
	for _, w := range a.ev.OpenWork(nil) {
		a.node.payments.take(a.node, a.ref.key, &w)
	}
}

// ErrNoGateway is the answer to a question about a gateway that the process does not have.
var ErrNoGateway = errors.New("actors: there is no such gateway")

// SetLaneRate changes how many calls a second a lane makes, in thousandths, at once, and returns when that is durable.
func (n *Node) SetLaneRate(ctx context.Context, gateway string, rateMilli int64) error {
	l := n.payments.lanes[gateway]
	if l == nil {
		return ErrNoGateway
	}
	if rateMilli < 1 || rateMilli > LaneRateMax*1000 {
		return ErrSetting
	}
	if err := n.Set(ctx, engine.LaneRateSetting(gateway), rateMilli); err != nil {
		return err
	}
	l.box.post(laneMessage{what: laneRate, rate: float64(rateMilli) / 1000})
	return nil
}
