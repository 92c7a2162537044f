package transport

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Connect opens the connection that a [Server] answers on: it reconnects for as long as it takes, and leaves slow-consumer events to the
// server's counts instead of printing them. Options given here come last and win.
func Connect(url string, options ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.Name("holdfast engine"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // Stats.DroppedPending counts what matters
		nats.SkipSubjectValidation(),                                      // reply subjects are checked before anything else
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w", url, err)
	}
	return nc, nil
}
