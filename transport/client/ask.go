package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
)

// ask sends a message outside the senders, and waits: for commands that wait for something, which would keep others of the event from leaving, and
// for those that are about no event. wait is how long the engine may take before an attempt counts as lost.
func (c *Client) ask(ctx context.Context, subject string, m proto.Message, wait time.Duration) (Reply, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.options.Timeout+wait)
		defer cancel()
		deadline, _ = ctx.Deadline()
	}
	body, err := proto.Marshal(m)
	if err != nil {
		return Reply{}, fmt.Errorf("holdfast: encode the command: %w", err)
	}
	k := &call{}
	for {
		if c.closed.Load() {
			return Reply{}, k.unanswered(false, ErrClosed)
		}
		if err := ctx.Err(); err != nil {
			return Reply{}, k.unanswered(false, err)
		}
		k.attempts++
		answer, err := c.attempt(ctx, subject, body, wait+c.options.AttemptTimeout)
		var hint time.Duration
		switch {
		case err == nil:
			r := Reply{answer.Data}
			if !resend(r.Code()) {
				return r, nil
			}
			again := r.Err()
			k.last.Store(&again)
			hint = r.retryAfter()
		case errors.Is(err, nats.ErrNoResponders):
			none := ErrNoEngine
			k.last.Store(&none)
		default:
			k.lost.Store(true)
		}
		pause := c.options.pause(k.attempts, hint)
		if time.Until(deadline) < pause {
			return Reply{}, k.unanswered(false, context.DeadlineExceeded)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-c.stop:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// attempt sends a message once.
func (c *Client) attempt(ctx context.Context, subject string, body []byte, patience time.Duration) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := c.nc.RequestWithContext(ctx, subject, body)
	if err != nil {
		return nil, fmt.Errorf("send to %s: %w", subject, err)
	}
	return m, nil
}
