package actors

import (
	"context"
	"time"

	"github.com/holdfast-engine/holdfast/engine/payment"
)

// Gateway is a payment service, as the lane uses it. Implementations are safe for concurrent use; each lives in a folder of its own under transport.
type Gateway interface {
	// Name is how methods name their gateway: an id, as in "sandbox" or "stripe".
	Name() string
	// Capabilities says what the gateway can do with a kind of method.
	Capabilities(payment.MethodKind) payment.Capabilities
	// Prepare makes the exact bytes of a request. It is pure: the same intent gives the same bytes, always. It refuses what the gateway can never do.
	Prepare(payment.Intent) ([]byte, error)
	// Do sends a call and tells what became of it; it returns when ctx ends at the latest, then with Unknown. It never sends a call twice by itself.
	Do(ctx context.Context, call payment.Call) payment.Result
}

// LateFinder is a gateway whose look-up by order is a search that may be behind what was done.
type LateFinder interface {
	// FindsLate is by how much, on a bad day. Until then "not found" says nothing about a request that was sent.
	FindsLate() time.Duration
}
