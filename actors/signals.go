package actors

import "github.com/holdfast-engine/holdfast/engine"

// Watcher is told of purchases whose state has changed, when that is durable and in the order of the log, an event's changes one after the other. It must
// not block.
type Watcher interface {
	PurchaseChanged(account, event string, c engine.PurchaseChange)
}
