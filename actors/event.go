package actors

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/line"
)

// eventActor owns one event. Nothing else touches its state, so no domain lock exists.
//
// A turn steps through everything that waited, writes the outcomes into the requests' own reply buffers, and appends the facts as one run.
// It does not wait for the disk: the next turn builds on facts that are not durable yet, and that is safe because replies leave in log order.
type eventActor struct {
	node      *Node
	ref       *eventRef
	partition engine.Partition
	ev        *engine.Event // nil while not loaded and when quarantined
	run       *engine.Run   // being filled; nil between turns
	now       engine.Instant

	// where the turn is: the request and command being stepped, so that a panic loses neither
	requests  []*engine.Request
	request   int
	command   int
	stage     stage
	markBytes int // length of the run's facts before the present step
	markFacts int
	// lengths of the run's signals before the present command of a caller
	markWork    int
	markChanges int
	ratedAt     time.Duration // when the event was told the lanes' rate
	times       eventTimes
	timedAt     time.Duration // up to here steps have been timed
	untimed     int           // steps since then

	unreleased atomic.Int64  // runs appended and not yet durable
	idle       chan struct{} // told when unreleased reaches 0
	nudge      atomic.Bool   // a turn is wanted when unreleased reaches 0
	free       runPool

	poison    []panicked
	scratch   engine.Command // the shell's own commands
	refusal   engine.Outcome // answers given without a Step
	timer     *time.Timer
	timerAt   time.Duration // monotonic time the timer is set for; 0 is not set
	lastUse   time.Duration
	lastShown time.Duration
	shown     bool         // the gauges show the present state
	counted   *line.Totals // what the node's totals have of its line; nil before the first time

	proved      engine.Seq // the last proof fact
	provedAt    time.Duration
	sleep       sleepStage
	sleepSeq    engine.Seq    // what the snapshot holds
	sleepKept   *atomic.Int32 // of the newest attempt: 0 under way, 1 durable, 2 failed
	retiredDone bool
}

// stage says what a turn was doing, for when it panics.
type stage uint8

const (
	betweenSteps stage = iota
	steppingOwn        // in Step with a command of the shell's own
	stepping           // in Step with a caller's command
	replying           // encoding a caller's outcome
)

func newEventActor(n *Node, ref *eventRef, ev *engine.Event) *eventActor {
	return &eventActor{node: n, ref: ref, partition: engine.PartitionOf(ref.key.ID), ev: ev, idle: make(chan struct{}, 1)}
}

// Receive is called by the library, one message at a time.
func (a *eventActor) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		a.start()
	case *turn[*engine.Request]:
		a.turn(msg.Messages)
	case *actor.Stopped:
		if a.timer != nil {
			a.timer.Stop()
		}
	}
}

// start loads the event unless recovery or a create has made it, and tells it of outages since its last fact.
func (a *eventActor) start() {
	a.timer = time.AfterFunc(time.Hour, a.ref.box.wake)
	a.timer.Stop()
	a.lastUse = a.node.clock.Mono()
	a.provedAt = a.lastUse
	if a.ev == nil && a.ref.quarantined.Load() == nil {
		state, ok, err := a.node.snapshots.Load(a.ref.key)
		if err == nil && ok {
			a.ev, err = a.node.cfg.OpenEvent(a.ref.key, state)
		}
		switch {
		case err != nil:
			a.quarantine("its snapshot cannot be read: " + err.Error())
		case !ok:
			a.quarantine("its snapshot is missing")
		}
	}
	a.recallCounted()
	a.resumeWork()
	a.ref.box.wake() // a first turn, for what is due already
}

func (a *eventActor) turn(requests []*engine.Request) {
	a.requests, a.request, a.command = requests, 0, 0
	mono := a.node.clock.Mono()
	if ask := a.ref.release.Load(); ask != nil {
		a.tryRelease(ask)
	}
	a.timedAt, a.untimed = mono, 0
	if len(requests) > 0 {
		a.sleep = awake
	}
	if slices.ContainsFunc(requests, func(r *engine.Request) bool { return !r.Look }) {
		a.lastUse = mono
	}
	for !a.stepAll() {
		a.recoverFromPanic()
		a.timedAt, a.untimed = a.node.clock.Mono(), 0
	}
	a.requests = nil
	a.rest(mono)
}

// stepAll steps through the turn's requests from where it is. It returns false after a panic, with a.request and a.command at the culprit.
func (a *eventActor) stepAll() (done bool) {
	defer func() {
		if cause := recover(); cause != nil {
			done = false
			a.notePanic(cause)
		}
	}()
	a.begin()
	a.due()
	ahead := 0 // commands that the event has been told of
	for ; a.request < len(a.requests); a.request++ {
		req := a.requests[a.request]
		for ; a.command < len(req.Commands); a.command++ {
			if ahead == 0 {
				ahead = a.lookAhead()
			}
			ahead--
			a.step(req, &req.Commands[a.command])
		}
		a.command = 0
		a.run.Requests = append(a.run.Requests, req)
		if len(a.run.Samples) >= turnCommandsMax || len(a.run.Facts.Buf) >= turnFactBytesMax {
			a.timeSteps()
			a.append()
			a.begin()
			a.timedAt = a.node.clock.Mono()
		}
	}
	a.timeSteps()
	a.append()
	return true
}

// lookAhead tells a large event of the next commands of the turn, from the present one on, and returns how many they are: 1 if the event is small or has
// none. The event's memory is then read for all of them at once.
func (a *eventActor) lookAhead() int {
	if a.ev == nil || !a.ev.LooksAhead() {
		return 1
	}
	n, command := 0, a.command
	for _, req := range a.requests[a.request:] {
		for ; command < len(req.Commands) && n < engine.AheadMax; command++ {
			a.ev.Foresee(&req.Commands[command])
			n++
		}
		if command = 0; n == engine.AheadMax {
			break
		}
	}
	a.ev.Warm()
	return n
}

// begin opens a run at the present node time.
func (a *eventActor) begin() {
	a.now = a.node.clock.Now()
	if a.run == nil {
		a.run = a.free.take()
		a.run.Key, a.run.Partition, a.run.Owner = a.ref.key, a.partition, a
	}
	switch {
	case a.run.Facts.Count > 0: // a panic interrupted the turn: the run's facts have their time
		a.now = a.run.At
	case a.ev != nil:
		a.now = max(a.now, a.ev.LastAt())
		a.run.At, a.run.First = a.now, a.ev.Seq()+1
	default:
		a.run.At = a.now
	}
}

// append hands the run to the journal. A run with neither facts nor requests is kept for the next turn.
func (a *eventActor) append() {
	run := a.run
	if run.Facts.Count == 0 && len(run.Requests) == 0 && run.Signals.Empty() {
		run.Samples = run.Samples[:0]
		return
	}
	a.run = nil
	a.shown = false
	a.showLine() // before anything is told of it
	a.unreleased.Add(1)
	if plantedBug(plantedAnswerEarly) {
		answerNow(run)
	}
	a.node.journal.Append(run)
}

// step runs one command of a caller and encodes its answer.
func (a *eventActor) step(req *engine.Request, cmd *engine.Command) {
	a.markWork, a.markChanges = len(a.run.Signals.Work), len(a.run.Signals.Changes)
	if a.ev == nil {
		a.answer(req, cmd, a.refuse(cmd, engine.CodeQuarantined, "the event is set aside until an operator has looked at it"))
		return
	}
	if len(a.poison) > 0 && a.isPoison(cmd) {
		a.answer(req, cmd, a.refuse(cmd, engine.CodeInternal, "this command made the engine fail before and is not run again"))
		return
	}
	a.stage = stepping
	out := a.stepEngine(cmd)
	if len(req.Beside) > 0 && out.Code == engine.CodeOK && a.run.Facts.Count > a.markFacts {
		a.run.Beside = append(a.run.Beside, req.Beside...)
	}
	a.stage = replying
	a.answer(req, cmd, out)
	a.stage = betweenSteps
	if a.untimed++; a.untimed == stepsTimed {
		a.timeSteps()
	}
	a.settle()
	if cmd.Verb == engine.VerbCreate {
		a.reincarnate() // before anything gets an id
	}
}

// timeSteps measures the steps since the last time, at most stepsTimed of them together: a clock read for each would cost a tenth of a small step.
func (a *eventActor) timeSteps() {
	if a.untimed == 0 {
		return
	}
	now := a.node.clock.Mono()
	a.node.metrics.stepsTook(now - a.timedAt)
	a.timedAt, a.untimed = now, 0
}

// stepEngine runs one command with the bookkeeping that a panic and the live check need.
func (a *eventActor) stepEngine(cmd *engine.Command) *engine.Outcome {
	a.markBytes, a.markFacts = len(a.run.Facts.Buf), a.run.Facts.Count
	out := a.ev.Step(cmd, a.now, &a.run.Facts)
	if a.run.Facts.Count > a.markFacts {
		if err := a.ev.LiveCheck(); err != nil {
			panic(breach{err})
		}
	}
	a.ev.TakeSignals(&a.run.Signals)
	return out
}

func (a *eventActor) answer(req *engine.Request, cmd *engine.Command, out *engine.Outcome) {
	if !req.Look {
		// The sample is filled where it stays: made of its bytes and then copied, it stalls the processor for a hundred nanoseconds.
		a.run.Samples = append(a.run.Samples, engine.Sample{})
		sample := &a.run.Samples[len(a.run.Samples)-1]
		sample.Verb, sample.Code, sample.Flow, sample.Repeated, sample.LatencyNs = cmd.Verb, out.Code, flowOf(cmd), out.Repeated, req.ReceivedNs
	}
	if cmd.Payment != nil {
		a.paid(cmd, out)
	}
	if req.Reply != nil {
		req.Reply.Outcome(req, a.command, out)
	}
}

// flowOf is how the buyer of a command checks out, as far as the command alone says.
func flowOf(cmd *engine.Command) engine.Flow {
	if cmd.Verb == engine.VerbOffer || cmd.Verb == engine.VerbBuy && cmd.Hold == "" {
		return engine.FlowOneClick
	}
	return engine.FlowStandard
}

// paid adds what only the shell knows to the outcome of a command about payments.
func (a *eventActor) paid(cmd *engine.Command, out *engine.Outcome) {
	if cmd.Verb == engine.VerbBuy && len(a.run.Signals.Work) == a.markWork {
		a.node.payments.comesNot(cmd)
	}
	if out.Shows&engine.ShowsPurchase != 0 {
		a.node.payments.show(a.ref.key, out.Purchase)
		a.showChange(out)
	}
	if out.Shows&engine.ShowsOffer != 0 {
		out.Offer.Brand, out.Offer.LastFour = cmd.Payment.Note.Brand, cmd.Payment.Note.LastFour
	}
}

// settle lets the event go on with what steps left over, ahead of everything that waits. Draws take turns with what waits: nobody gets anything from a line that
// is being drawn.
func (a *eventActor) settle() {
	for a.ev != nil && a.ev.Unsettled() && !a.ev.Draws() {
		a.internal(engine.Command{Verb: engine.VerbSettle})
		if len(a.run.Samples) >= turnCommandsMax || len(a.run.Facts.Buf) >= turnFactBytesMax {
			a.append()
			a.begin()
			a.timedAt = a.node.clock.Mono()
		}
	}
}

// drawOn goes on with a draw for as long as one turn may.
func (a *eventActor) drawOn() {
	for range drawStepsMax {
		if !a.ev.Draws() {
			return
		}
		a.internal(engine.Command{Verb: engine.VerbSettle})
	}
}

// internal runs a command of the shell's own.
func (a *eventActor) internal(cmd engine.Command) {
	a.timeSteps()
	a.scratch = cmd
	a.stage = steppingOwn
	a.stepEngine(&a.scratch)
	a.run.Samples = append(a.run.Samples, engine.Sample{Verb: cmd.Verb}) // counted; nobody waits for it
	a.stage = betweenSteps
	a.untimed++
	a.timeSteps()
}

// due runs what time asks for: outages, expiries, scheduled opening and closing, proofs.
func (a *eventActor) due() {
	if a.ev == nil || a.ev.Seq() == 0 || a.isArchived() {
		return
	}
	if down := a.node.downSince(a.ev.LastAt()); down > 0 && !plantedBug(plantedForgetOutage) {
		a.internal(engine.Command{Verb: engine.VerbResume, Down: down})
	}
	a.reincarnate()
	a.rate()
	a.drawOn()
	a.settle() // what a crash has left over
	for range expireStepsMax {
		if at, ok := a.ev.NextDeadline(); !ok || at > a.now {
			break
		}
		a.internal(engine.Command{Verb: engine.VerbExpire})
		a.settle()
	}
	if at, ok := a.ev.NextSchedule(); ok {
		if wall := a.node.clock.Wall(); at <= wall {
			a.internal(engine.Command{Verb: engine.VerbSchedule, Wall: wall})
			a.settle()
		}
	}
	if at, ok := a.archiveAt(); ok && at <= a.node.clock.Wall() {
		a.internal(engine.Command{Verb: engine.VerbArchive})
		return
	}
	mono := a.node.clock.Mono()
	if a.timesDue(mono) {
		a.tellTimes()
	}
	if facts := a.ev.Seq() - a.proved; facts >= proofFactsMax || (facts > 0 && mono-a.provedAt >= proofEvery) {
		a.prove(mono)
	}
}

// reincarnate tells the event of restores of the log since its last fact: its ids must not be those that the original gives.
func (a *eventActor) reincarnate() {
	if in := a.node.incarnation; in > a.ev.Incarnation() && a.ev.Exists() {
		a.internal(engine.Command{Verb: engine.VerbRestore, Incarnation: in})
	}
}

// prove puts the state hash into the log: recovery and every snapshot pass compare it with theirs.
func (a *eventActor) prove(mono time.Duration) {
	a.internal(engine.Command{Verb: engine.VerbProve})
	a.proved, a.provedAt = a.ev.Seq(), mono
}

func (a *eventActor) refuse(cmd *engine.Command, code engine.Code, text string) *engine.Outcome {
	a.refusal = engine.Outcome{Verb: cmd.Verb, Code: code, Text: text}
	return &a.refusal
}

// Released is called by the journal, in log order, when the run and everything before it is durable: the answers leave now.
func (a *eventActor) Released(run *engine.Run) {
	n := a.node
	mono := int64(n.clock.Mono())
	commands := int64(0)
	for _, req := range run.Requests {
		commands += int64(len(req.Commands))
		if req.Reply != nil {
			req.Reply.Durable(req)
		}
	}
	for i := range run.Samples {
		run.Samples[i].LatencyNs = mono - run.Samples[i].LatencyNs
	}
	if n.cfg.Measure != nil {
		a.times.add(run.Samples, mono)
	}
	run.Samples = n.metrics.offer(run.Samples)
	if !run.Signals.Empty() {
		n.signalled(run)
	}
	if run.Facts.Count > 0 {
		a.ref.gauges.exists.Store(true)
	}
	a.free.put(run)
	n.inflight.Add(-commands)
	a.ref.inflight.Add(-commands)
	if a.unreleased.Add(-1) == 0 {
		select {
		case a.idle <- struct{}{}:
		default:
		}
		if a.nudge.Load() {
			a.ref.box.wake()
		}
	}
}

// awaitDurable waits until every run appended so far is durable. Only rare paths wait.
func (a *eventActor) awaitDurable() {
	for a.unreleased.Load() > 0 {
		<-a.idle
	}
}
