package actors

import "github.com/holdfast-engine/holdfast/engine"

// Watcher is told of purchases whose state has changed, and of what has become of places in lines and on waiting lists, when that is durable and in the order
// of the log, an event's changes one after the other. It must not block.
type Watcher interface {
	// PurchaseShown is called in the event's turn, with what the command that has brought about a final state shows of the purchase: valid during the call,
	// and not durable yet. What it returns comes back as c.Shown with PurchaseChanged, or not at all if the change is lost with the process; nil is fine.
	PurchaseShown(account, event string, c *engine.PurchaseChange, out *engine.Outcome) any
	PurchaseChanged(account, event string, c engine.PurchaseChange)

	// LineMoved is called with what has become of places in the line and on the waiting list without their buyers having asked. The slices are the engine's.
	LineMoved(account, event string, places []engine.PlaceChange, waits []engine.WaitChange)
	// LineOver is called when an event has ended that had a line or a waiting list: whoever still waits may be told. Who they are is for the watcher to read. It
	// is not called again after a restart.
	LineOver(account, event string)
	// LobbyClosed is called when the lobby is closed and its root stands. Once the root is published, the watcher calls published, from any goroutine: the
	// seed is revealed only then. It is called again after a restart, before anything is connected, and when the public value that the draw waits for is there:
	// what cannot be published yet has to wait.
	LobbyClosed(account, event string, published func())
}

// showChange lets the watcher make of a purchase what is wanted of it, while its event shows it anyway: else it has to be read when the change is durable. Only
// of what is final: the lane adds to the others what is known later.
func (a *eventActor) showChange(out *engine.Outcome) {
	changes := a.run.Signals.Changes[a.markChanges:]
	if len(changes) == 0 || a.node.cfg.Watcher == nil || out.Code != engine.CodeOK || out.Shows&engine.ShowsPurchase == 0 {
		return
	}
	if c := &changes[len(changes)-1]; c.State.Final() && c.Purchase == out.Purchase.ID && c.Incarnation == out.Purchase.Incarnation {
		c.Shown = a.node.cfg.Watcher.PurchaseShown(a.ref.key.Account, a.ref.key.ID, c, out)
	}
}
