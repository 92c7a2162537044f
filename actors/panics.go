package actors

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// breach is the panic of a failed conservation check.
type breach struct{ err error }

// panicked remembers a command that made Step panic.
type panicked struct {
	culprit
	at time.Duration
}

// culprit is what tells a command from others. Those of the engine's own have no request id: what a lane tells of one purchase must not stand for what it tells
// of all.
type culprit struct {
	verb             engine.Verb
	requestID, buyer string
	purchase         string
	at               engine.PurchaseID
	told             engine.Seq
}

func culpritOf(cmd *engine.Command) culprit {
	c := culprit{verb: cmd.Verb, requestID: cmd.RequestID, buyer: cmd.Buyer}
	if p := cmd.Payment; p != nil {
		c.purchase, c.at = p.Purchase, p.At
		if p.Told != nil {
			c.told = p.Told.Seq
		}
	}
	return c
}

func (a *eventActor) isPoison(cmd *engine.Command) bool {
	c := culpritOf(cmd)
	return slices.ContainsFunc(a.poison, func(p panicked) bool { return p.culprit == c })
}

// notePanic takes the half-done step out of the run and decides whether the event can go on.
//
// A panic before anything was emitted is a panic in Step: the command is remembered as poison and the event is rebuilt from the log. After
// something was emitted the panic came from Apply, or a conservation check failed: replay might do the same, so the event is quarantined,
// as it is by a second panic within a minute from another command, and by one in a command of the shell's own. A panic while the reply was
// encoded changes no state and loses no fact.
func (a *eventActor) notePanic(cause any) {
	a.node.metrics.panics.Inc()
	a.node.cfg.Logger.Error("panic in an event's turn", "event", a.ref.key.ID, "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
	if a.stage == replying {
		return
	}
	facts := &a.run.Facts
	emitted := facts.Count > a.markFacts
	facts.Buf, facts.Count = facts.Buf[:a.markBytes], a.markFacts
	mono := a.node.clock.Mono()
	switch b, broken := cause.(breach); {
	case broken:
		a.quarantine("conservation is broken: " + b.err.Error())
	case emitted:
		a.quarantine(fmt.Sprintf("a fact could not be folded: %v", cause))
	case a.stage != stepping:
		a.quarantine(fmt.Sprintf("a command of the engine's own failed: %v", cause))
	case len(a.poison) > 0 && mono-a.poison[len(a.poison)-1].at < panicWindow:
		a.quarantine(fmt.Sprintf("two commands failed within a minute, the second with: %v", cause))
	case len(a.poison) >= poisonMax:
		a.quarantine(fmt.Sprintf("%d commands have failed, the last with: %v", poisonMax+1, cause))
	default:
		cmd := &a.requests[a.request].Commands[a.command]
		c := culpritOf(cmd)
		c.requestID, c.buyer, c.purchase = strings.Clone(c.requestID), strings.Clone(c.buyer), strings.Clone(c.purchase)
		a.poison = append(a.poison, panicked{culprit: c, at: mono})
	}
}

// recoverFromPanic makes the turn able to go on after its culprit: the memory is dropped, everything appended becomes durable, the event
// is rebuilt from the log. The culprit is answered `internal`; if only its reply failed it is stepped over and gets none.
func (a *eventActor) recoverFromPanic() {
	was := a.stage
	a.stage = betweenSteps
	if was == stepping && a.ev != nil {
		a.rebuild()
	}
	a.begin()
	if was != stepping && was != replying {
		return
	}
	req := a.requests[a.request]
	if was == stepping {
		cmd := &req.Commands[a.command]
		a.answer(req, cmd, a.refuse(cmd, engine.CodeInternal, "the engine failed on this command; nothing was changed; do not send it again as it is"))
	}
	a.command++
	if a.command == len(req.Commands) {
		a.run.Requests = append(a.run.Requests, req)
		a.request, a.command = a.request+1, 0
	}
}

// rebuild drops the event's memory and folds it anew from the log.
func (a *eventActor) rebuild() {
	created := a.ev.Seq() > 0
	a.ev = nil
	a.append()
	a.awaitDurable()
	if !created {
		a.ev = a.node.cfg.NewEvent(a.ref.key)
		return
	}
	agg, err := a.node.snapshots.Rebuild(a.ref.key)
	if err != nil {
		a.quarantine("it could not be rebuilt from the log: " + err.Error())
		return
	}
	ev, ok := agg.(*engine.Event)
	if !ok {
		a.quarantine(fmt.Sprintf("it was rebuilt from the log as a %T", agg))
		return
	}
	a.ev = ev
	a.resumeWork()
}

// quarantine sets the event aside: visible in readiness and metrics, answered `quarantined`, other events go on.
func (a *eventActor) quarantine(why string) {
	a.ev = nil
	a.ref.quarantined.Store(&why)
	a.node.cfg.Logger.Error("event quarantined", "event", a.ref.key.ID, "why", why)
}
