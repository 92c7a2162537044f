package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// What operators ask of single events, beside commands that go through their mailboxes.

// releaseAsk asks a quarantined event's actor to try again.
type releaseAsk struct{ done chan error }

// lookEvery is how often a wish of an operator is looked after.
const lookEvery = 2 * time.Millisecond

// Sleep puts an event to sleep now, however lately it was used, and returns when only its snapshot is left. It fails if ctx ends first, as it may while
// commands keep arriving. Codes: event_unknown, event_archived, quarantined, unavailable, or CodeOK.
func (n *Node) Sleep(ctx context.Context, account, event string) engine.Code {
	at := route{account, event}
	code := n.wish(ctx, at, func(ref *eventRef) { ref.sleepNow.Store(true) }, func(ref *eventRef) bool { return ref == nil })
	if ref, awake := n.routes.Load(at); code != engine.CodeOK && awake {
		ref.sleepNow.Store(false) // or it would go on trying whenever nothing waits for it
	}
	return code
}

// wish tells an awake event's actor of something and waits until it is fulfilled, with the actor's reference, or nil once it has gone.
func (n *Node) wish(ctx context.Context, at route, tell func(*eventRef), fulfilled func(*eventRef) bool) engine.Code {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for told := (*eventRef)(nil); ; {
		ref, awake := n.routes.Load(at)
		switch {
		case n.stopping.Load():
			return engine.CodeUnavailable
		case !awake && told == nil:
			if code := n.whereabouts(at); code != engine.CodeOK || fulfilled(nil) {
				return code
			}
		case awake && ref.quarantined.Load() != nil:
			return engine.CodeQuarantined
		case fulfilled(ref):
			return engine.CodeOK
		case ref != told:
			told = ref
			tell(ref)
			ref.box.wake()
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return engine.CodeUnavailable
		}
	}
}

// whereabouts is CodeOK for an event that sleeps.
func (n *Node) whereabouts(at route) engine.Code {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.known.find(at); known {
		return engine.CodeOK
	}
	if _, archived := n.archivedSince(at); archived {
		return engine.CodeEventArchived
	}
	return engine.CodeEventUnknown
}

// AwaitArchived returns when an event that has had its last fact is in its file, or with the error of ctx.
func (n *Node) AwaitArchived(ctx context.Context, account, event string) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	key := engine.Key{Account: account, Kind: engine.KindEvent, ID: event}
	for {
		if _, ok, err := n.snapshots.Archived(key); err != nil || ok {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("actors: event %s has had its last fact and is not in its file yet: %w", event, ctx.Err())
		}
	}
}

// ErrNotQuarantined is the answer to the release of an event that is not set aside.
var ErrNotQuarantined = errors.New("actors: the event is not quarantined")

// ReleaseQuarantine rebuilds a quarantined event from the log, checks every invariant the slow way, and lets it go on if all is well. Otherwise it
// stays where it is, and the error says why. The command that set it aside is still not run again.
func (n *Node) ReleaseQuarantine(ctx context.Context, account, event string) error {
	ref, awake := n.routes.Load(route{account, event})
	if !awake || ref.quarantined.Load() == nil {
		return ErrNotQuarantined
	}
	ask := &releaseAsk{done: make(chan error, 1)}
	if !ref.release.CompareAndSwap(nil, ask) {
		return errors.New("actors: its release is under way")
	}
	ref.box.wake()
	select {
	case err := <-ask.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("actors: its release is under way: %w", ctx.Err())
	}
}

// rebuildChecked rebuilds the event from the log and checks it. What set it aside may well make this panic too: then it stays where it is.
func (a *eventActor) rebuildChecked() (agg engine.Aggregate, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("actors: rebuild event %s: panic: %v", a.ref.key.ID, p)
		}
	}()
	if agg, err = a.node.snapshots.Rebuild(a.ref.key); err != nil {
		return nil, err
	}
	return agg, agg.Check()
}

// tryRelease does what ReleaseQuarantine asks for.
func (a *eventActor) tryRelease(ask *releaseAsk) {
	if a.ev != nil { // another release came first
		a.ref.release.Store(nil)
		ask.done <- ErrNotQuarantined
		return
	}
	a.awaitDurable()
	agg, err := a.rebuildChecked()
	ev, ok := agg.(*engine.Event)
	switch {
	case err != nil:
	case !ok:
		err = fmt.Errorf("actors: event %s was rebuilt from the log as a %T", a.ref.key.ID, agg)
	case ev.Seq() == 0:
		err = fmt.Errorf("actors: the log has no fact of event %s", a.ref.key.ID)
	default:
		a.ev = ev
		a.ref.quarantined.Store(nil)
		a.recallCounted()
		a.resumeWork()
		a.node.cfg.Logger.Warn("event released from quarantine", "event", a.ref.key.ID, "facts", ev.Seq())
	}
	a.ref.release.Store(nil)
	ask.done <- err
}
