package actors

import "github.com/holdfast-engine/holdfast/engine"

// Watcher is told of purchases whose state has changed, when that is durable and in the order of the log, an event's changes one after the other. It must
// not block.
type Watcher interface {
	PurchaseChanged(account, event string, c engine.PurchaseChange)
}

// signalled hands on what a durable run wants done and told.
func (n *Node) signalled(run *engine.Run) {
	if n.cfg.Watcher != nil {
		for _, c := range run.Signals.Changes {
			n.cfg.Watcher.PurchaseChanged(run.Key.Account, run.Key.ID, c)
		}
	}
}

// resumeWork names again what an event that was just read from disk waits for.
func (a *eventActor) resumeWork() {
	if a.ev == nil || !a.ev.HasOpenWork() {
		return
	}
}
