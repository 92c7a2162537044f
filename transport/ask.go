package transport

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// ErrDenied says that the user of a connection has no right to what was asked.
var ErrDenied = errors.New("NATS denies it to this user")

// Ask connects to the NATS system at address, sends one request, and lets go. It is for commands that people type. Where NATS denies the request it
// returns an error that wraps [ErrDenied] at once, and does not wait for an answer that cannot come.
func Ask(ctx context.Context, address string, a Access, subject string, body []byte) ([]byte, error) {
	options, err := a.Options(address)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	nc, err := Connect(address, append(options, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			stop(fmt.Errorf("%w: %w", ErrDenied, err))
		}
	}))...)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	answer, err := nc.RequestWithContext(ctx, subject, body)
	if denied := context.Cause(ctx); err != nil && errors.Is(denied, ErrDenied) {
		return nil, denied
	}
	if err != nil {
		return nil, err
	}
	return answer.Data, nil
}
