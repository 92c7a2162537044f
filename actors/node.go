package actors

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/holdfast-engine/holdfast/engine"
)

// Journal makes facts durable, in order. Append returns at once; the journal calls run.Owner.Released after every fact of the run, and of all
// runs appended before it, survives a power cut. There is no cancel: a half-cancelled append has no honest answer.
type Journal interface {
	Append(run *engine.Run)
}

// Snapshots keeps what aggregates were when they went to sleep, and rebuilds one whose memory was dropped.
type Snapshots interface {
	// Load reads the last snapshot of a sleeping aggregate.
	Load(key engine.Key) (state []byte, ok bool, err error)
	// Sleep keeps a snapshot and calls done once, from any goroutine, when it is durable or could not be made so.
	Sleep(snap *engine.Snapshot, done func(error))
	// Rebuild folds the durable log onto the aggregate's last snapshot.
	Rebuild(key engine.Key) (engine.Aggregate, error)
	// Archive moves sleeping aggregates into files of their own, and returns when nothing else is left of them but that Archived says so.
	Archive(ctx context.Context, keys []engine.Key) error
	// Archived tells whether an aggregate was archived, and the node time of its last fact. It must be quick: it reads one key.
	Archived(key engine.Key) (at engine.Instant, ok bool, err error)
	// HighMark notes that node time has reached at.
	HighMark(at engine.Instant)
}

// route names an event to callers.
type route struct{ account, event string }

// Node owns every event of the process: it finds the actor a request is for, starts it on first use, wakes it for its deadlines and
// drains all before the process stops. See the package comment for the promises.
type Node struct {
	cfg       Config
	journal   Journal
	snapshots Snapshots
	clock     *Clock
	// incarnation is that of the ids that events give: it changes only while no node runs.
	incarnation engine.Incarnation
	metrics     *Metrics
	system      *actor.ActorSystem
	root        *actor.RootContext

	routes *xsync.Map[route, *eventRef] // awake events; read without a lock on the hot path
	lines  *xsync.Map[route, struct{}]  // of those, the ones that have a line and are not over
	// linesServing is how many of lines somebody waits or shops in, and lineRate how many purchases a minute each of them may count on.
	linesServing atomic.Int64
	lineRate     atomic.Int64
	fair         lineFair
	inflight     atomic.Int64 // commands accepted and not yet answered
	stopping     atomic.Bool
	refusing     atomic.Pointer[string] // why new holds are refused, nil while they are not

	mu    sync.Mutex // guards what follows, and every change of routes
	known *knownEvents
	alarm alarmClock

	audit sync.Mutex // guards what changes of node after the start: the audit and settings; outages are all there before the first actor starts
	node  *engine.Node

	oneClick   atomic.Pointer[oneClick] // what is set everywhere
	payments   *payments
	seeds      *seeds
	autoBuys   *autoBuys
	recovering bool // there was a log: events may come with charges that are not finished
	closing    atomic.Bool

	archives    archivist
	wallets     *walletRoom  // nil without a vault
	measurement *Measurement // nil if nobody measures

	turns         turns
	stop          chan struct{}
	stopArchivist context.CancelFunc // and those who draw and buy
	beating       sync.WaitGroup
}

// eventRef is the way to an awake event's actor, and what the actor shows to other goroutines.
type eventRef struct {
	key         engine.Key
	again       bool // it was awake before, since the start
	box         *mailbox[*engine.Request]
	pid         *actor.PID
	inflight    atomic.Int64           // commands accepted and not yet answered
	quarantined atomic.Pointer[string] // why the event is set aside
	sleepNow    atomic.Bool            // an operator wants it to sleep
	release     atomic.Pointer[releaseAsk]
	retiring    atomic.Bool // the process stops: prove, let everything become durable, be done
	retired     chan struct{}
	gauges      gauges
	line        lineShow
}

// Start makes a node over a recovered log: it writes the outage that lies between the log and now, hands recovered events to their actors
// and starts the clock. It returns when the outage is durable, so a node that cannot write does not start. The events of recovered are the node's afterwards:
// recovered no longer names them.
func Start(cfg Config, journal Journal, snapshots Snapshots, recovered *engine.Recovered) (*Node, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	logger := cfg.Logger
	n := &Node{
		cfg: cfg, journal: journal, snapshots: snapshots,
		clock:  NewClock(cfg.Wall, recovered.HighMark),
		system: actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) })),
		routes: xsync.NewMap[route, *eventRef](),
		lines:  xsync.NewMap[route, struct{}](),
		known:  newKnownEvents(),
		stop:   make(chan struct{}),
		turns:  newTurns(),

		archives: archivist{waiting: make(map[route]engine.Instant), ready: make(chan struct{}, 1)},
	}
	if cfg.wallNow != nil {
		n.clock.wallNow = cfg.wallNow
	}
	n.root = n.system.Root.WithGuardian(&stopStrategy{fatal: cfg.Fatal})
	n.metrics = newMetrics(n, recovered)
	n.alarm.due = n.wakeDue

	var err error
	if n.node, err = recallNode(snapshots, recovered); err != nil {
		return nil, err
	}
	n.incarnation = n.node.Incarnation()
	n.applySettings()
	n.recovering = recovered.HighMark > 0
	if err := n.recordOutage(recovered.HighMark); err != nil {
		return nil, err
	}
	if err := n.startWallets(recovered); err != nil {
		return nil, err
	}
	if err := n.startPayments(); err != nil {
		return nil, err
	}
	n.seeds, n.autoBuys = newSeeds(n), newAutoBuys(n)
	n.metrics.lineMetrics(n)
	n.rateLines()
	asleep, err := n.takeOver(recovered)
	if err != nil {
		return nil, err
	}
	if n.wallets != nil {
		n.wallets.eraser.start()
	}
	n.beating.Add(4) //nolint:mnd // as many as follow
	go n.beat()
	ctx, cancel := context.WithCancel(context.Background())
	go n.runArchivist(ctx)
	go n.seeds.run(ctx)
	go n.autoBuys.run(ctx)
	n.stopArchivist = cancel
	if cfg.Measure != nil {
		n.measurement = startMeasuring(n, *cfg.Measure)
	}
	logger.Info("node started", "events_awake", n.routes.Size(), "events_asleep", asleep, "facts", recovered.Facts, "recovery_ms", recovered.TookMs)
	return n, nil
}

// takeOver starts the actors of the events that recovery has rebuilt, and remembers those that sleep.
func (n *Node) takeOver(recovered *engine.Recovered) (asleep int, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range recovered.Asleep {
		if s.Key.Kind == engine.KindEvent {
			n.known.sleep(n.known.add(route{s.Key.Account, s.Key.ID}), s.Wake)
		}
	}
	asleep = n.known.len()
	for _, r := range recovered.Awake {
		if r.Key.Kind == engine.KindEvent {
			ev, ok := r.State.(*engine.Event)
			if !ok {
				return 0, fmt.Errorf("actors: event %s is a %T", r.Key.ID, r.State)
			}
			n.spawn(r.Key, ev)
		}
	}
	for _, u := range recovered.Unusable {
		if u.Key.Kind != engine.KindEvent {
			continue
		}
		n.spawnAside(u.Key, "its log does not fold: "+u.Why)
	}
	n.rearm()
	recovered.Awake, recovered.Asleep = nil, nil // whoever keeps it would keep events in memory that have gone to sleep since
	return asleep, nil
}

// recordOutage logs the time between the last node time known and now, during which deadlines stood still, and waits until it is durable.
func (n *Node) recordOutage(from engine.Instant) error {
	now := n.clock.Now()
	if from == 0 {
		return nil // the first start
	}
	run := &engine.Run{Key: nodeKey(), Partition: engine.PartitionOf(nodeKey().ID), First: n.node.Seq() + 1, At: now}
	if !n.node.Outage(from, now, &run.Facts) {
		return nil // no time has passed
	}
	return appendDurably(n.journal, run)
}

// Submit hands a request to its event's actor, which is woken unless the request is a look. [engine.CodeOK] means that req.Reply will be called; any other code means that nothing
// happened and nothing will: event_unknown, event_archived, event_exists, overloaded, unavailable, quarantined. Safe for concurrent use; it does not block.
func (n *Node) Submit(req *engine.Request) engine.Code { return n.submit(req, nil) }

// submit hands a request over once it is annotated, unless the caller finds something in the notes for which it is not to be.
func (n *Node) submit(req *engine.Request, judge func() engine.Code) engine.Code {
	commands := int64(len(req.Commands))
	if commands == 0 || commands > engine.CommandsPerRequestMax {
		return engine.CodeTooLarge
	}
	if n.stopping.Load() {
		return engine.CodeUnavailable
	}
	if n.refusing.Load() != nil && takesRoom(req) {
		return engine.CodeUnavailable
	}
	req.ReceivedNs = int64(n.clock.Mono())
	annotated := n.annotate(req)
	code := engine.CodeOK
	if judge != nil {
		code = judge()
	}
	if code == engine.CodeOK {
		code = n.post(req)
	}
	if code != engine.CodeOK && annotated {
		n.unannotate(req)
	}
	return code
}

// post puts a request into its event's mailbox.
func (n *Node) post(req *engine.Request) engine.Code {
	commands := int64(len(req.Commands))
	for {
		ref, ok := n.routes.Load(route{req.Account, req.Event})
		if !ok {
			if req.Look {
				return engine.CodeUnavailable
			}
			var code engine.Code
			if ref, code = n.wakeFor(req); code != engine.CodeOK {
				return code
			}
		}
		if ref.quarantined.Load() != nil {
			return engine.CodeQuarantined
		}
		n.inflight.Add(commands)
		switch ref.box.post(req) {
		case postedOK:
			return engine.CodeOK
		case postedFull:
			n.inflight.Add(-commands)
			return engine.CodeOverloaded
		case postedClosed:
			n.inflight.Add(-commands)
			n.awaitLeave()
		}
	}
}

// awaitLeave returns when an actor that has closed its mailbox is out of the routes: it leaves under the lock.
func (n *Node) awaitLeave() {
	n.mu.Lock()
	defer n.mu.Unlock()
}

// takesRoom reports whether a request is refused first when room runs short: it takes tickets, or makes the log longer and nobody waits to pay.
func takesRoom(req *engine.Request) bool {
	for i := range req.Commands {
		switch cmd := &req.Commands[i]; cmd.Verb { //nolint:exhaustive // the others take none
		case engine.VerbHold, engine.VerbCreate, engine.VerbOffer, engine.VerbTouch, engine.VerbJoin, engine.VerbWait, engine.VerbCodes:
			return true
		case engine.VerbBuy:
			if cmd.Hold == "" {
				return true
			}
		}
	}
	return false
}

// wakeFor starts the actor a request is for: of a sleeping event, or of a new one if the request creates it.
func (n *Node) wakeFor(req *engine.Request) (*eventRef, engine.Code) {
	at := route{req.Account, req.Event}
	n.mu.Lock()
	defer n.mu.Unlock()
	if ref, ok := n.routes.Load(at); ok {
		return ref, engine.CodeOK
	}
	_, known := n.known.find(at)
	if !known {
		if _, archived := n.archivedSince(at); archived {
			if req.Commands[0].Verb == engine.VerbCreate {
				return nil, engine.CodeEventExists
			}
			return nil, engine.CodeEventArchived
		}
	}
	switch {
	case !known && (req.Commands[0].Verb != engine.VerbCreate || !engine.ValidID(at.event)):
		return nil, engine.CodeEventUnknown
	case int64(n.known.awake) >= n.cfg.EventsAwakeMax:
		return nil, engine.CodeOverloaded
	case !known && int64(n.known.len()) >= n.cfg.EventsMax:
		return nil, engine.CodeOverloaded
	}
	key := engine.Key{Account: at.account, Kind: engine.KindEvent, ID: at.event}.Clone()
	if !known {
		return n.spawn(key, n.cfg.NewEvent(key)), engine.CodeOK
	}
	return n.spawn(key, nil), engine.CodeOK
}

// spawn starts an event's actor; ev nil means that it reads its snapshot first. The caller holds n.mu.
func (n *Node) spawn(key engine.Key, ev *engine.Event) *eventRef {
	return n.spawnRef(&eventRef{key: key, retired: make(chan struct{})}, ev)
}

// spawnAside starts an actor that has no event and answers that it is set aside. The caller holds n.mu.
func (n *Node) spawnAside(key engine.Key, why string) {
	ref := &eventRef{key: key, retired: make(chan struct{})}
	ref.quarantined.Store(&why)
	n.spawnRef(ref, nil)
	n.cfg.Logger.Error("event quarantined", "event", key.ID, "why", why)
}

func (n *Node) spawnRef(ref *eventRef, ev *engine.Event) *eventRef {
	key := ref.key
	ref.box = &mailbox[*engine.Request]{
		admit: func(req *engine.Request) bool {
			commands := int64(len(req.Commands))
			if ref.inflight.Load()+commands > n.cfg.InflightPerEvent {
				if _, lanes := req.Reply.(*charge); !lanes { // those are as few as the lanes' calls, and about money
					return false
				}
			}
			ref.inflight.Add(commands)
			return true
		},
		escaped: func(cause any) { n.cfg.Fatal(fmt.Errorf("event actor %s panicked outside a step: %v", key.ID, cause)) },
	}
	ref.gauges.exists.Store(ev == nil || ev.Seq() > 0)
	at := route{key.Account, key.ID}
	row, ok := n.known.find(at)
	if !ok {
		row = n.known.add(at)
	}
	ref.again = n.known.wakeUp(row)
	a := newEventActor(n, ref, ev)
	ref.pid = n.root.Spawn(actor.PropsFromProducer(func() actor.Actor { return a }, actor.WithDispatcher(n.turns),
		actor.WithMailbox(func() actor.Mailbox { return ref.box })))
	n.routes.Store(at, ref)
	return ref
}

// downSince is how long the process has been down since the given node time, in nanoseconds. The outages are all recorded before the first
// actor starts, so actors read them without a lock.
func (n *Node) downSince(at engine.Instant) int64 { return n.node.DownSince(at) }

// leave takes an actor whose state is kept, or that has none, out of the routes, unless something waits for it.
func (n *Node) leave(ref *eventRef, kept bool, wake engine.Instant) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leaveLocked(ref, kept, wake)
}

func (n *Node) leaveLocked(ref *eventRef, kept bool, wake engine.Instant) bool {
	if !ref.box.closeIfEmpty() {
		return false
	}
	at := route{ref.key.Account, ref.key.ID}
	n.routes.Delete(at)
	n.lines.Delete(at)
	n.showServes(&ref.line, false)
	if row, ok := n.known.find(at); ok && kept {
		n.known.sleep(row, wake)
		n.rearm()
	} else if ok {
		n.known.remove(row)
	}
	n.root.Stop(ref.pid)
	return true
}

// rearm sets the timer for the earliest alarm, or to look at the clock again before. The caller holds n.mu.
func (n *Node) rearm() {
	wake, ok := n.known.nextWake()
	if !ok {
		return
	}
	wait := min(max(time.Duration(wake-n.clock.Now()), 0), lookAgainAfter)
	if int64(n.known.awake) >= n.cfg.EventsAwakeMax {
		wait = max(wait, wakeAgainAfter)
	}
	n.alarm.set(wait)
}

// wakesAtOnce is how many sleeping events are started before others may look at what the node knows: an opening at one moment may wake very many.
const wakesAtOnce = 256

// wakeDue starts the sleeping events whose time has come, as many as may be awake.
func (n *Node) wakeDue() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopping.Load() {
		return
	}
	now := n.clock.Now()
	for woken := 0; int64(n.known.awake) < n.cfg.EventsAwakeMax; woken++ {
		if woken == wakesAtOnce {
			n.alarm.set(0)
			return
		}
		if wake, ok := n.known.nextWake(); !ok || wake > now {
			break
		}
		at := n.known.route(n.known.alarms[0])
		n.spawn(engine.Key{Account: at.account, Kind: engine.KindEvent, ID: at.event}, nil)
	}
	n.rearm()
}

// beat slews the clock and persists node time, once a second.
func (n *Node) beat() {
	defer n.beating.Done()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	alarmed := false
	for {
		select {
		case <-n.stop:
			return
		case <-tick.C:
		}
		n.rateLines()
		ahead := n.clock.Slew()
		n.metrics.clockAheadNs.Store(int64(ahead))
		if far := ahead.Abs() > ClockAlarm; far != alarmed {
			alarmed = far
			n.cfg.Logger.Warn("node time and wall time differ", "alarm", far, "node_ahead_ms", ahead.Milliseconds())
		}
		n.snapshots.HighMark(n.clock.Now())
	}
}

// RefuseHolds makes the node refuse new holds, events, touches, joins, wishes and codes as unavailable, for the reason that operators see; an empty reason ends it. Everything
// that frees or finishes goes on.
func (n *Node) RefuseHolds(reason string) {
	old := n.refusing.Load()
	switch {
	case reason == "" && old != nil:
		n.refusing.Store(nil)
		n.cfg.Logger.Info("new holds are taken again")
	case reason != "" && (old == nil || *old != reason):
		n.refusing.Store(&reason)
		n.cfg.Logger.Warn("new holds are refused", "reason", reason)
	}
}
