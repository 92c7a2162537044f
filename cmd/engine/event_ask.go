package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-engine/holdfast/transport"
)

const (
	// subjectList is where events are listed, eventsPageMax the longest page.
	subjectList   = transport.SubjectList
	eventsPageMax = transport.ListLimitMax
)

// ask sends one message to the running engine and returns its answer. The errors say how to get a running engine.
func (s *eventSettings) ask(ctx context.Context, subject string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	answer, err := s.access.request(ctx, subject, body)
	switch {
	case err == nil:
		return answer, nil
	case errors.Is(err, transport.ErrDenied):
		return nil, fmt.Errorf("%s: %w; another user may (--nkey, --user or --creds), and a user whose answers come to an inbox of its own needs --inbox-prefix", subject, err)
	case errors.Is(err, transport.ErrCredentials):
		return nil, fmt.Errorf("%w; give --nkey, --creds, or --user with --password-file", err)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no answer from %s within %v: %w; it may have been carried out: send it again with the same --request-id", s.access.url, s.timeout, err)
	case strings.Contains(err.Error(), "no responders"):
		return nil, fmt.Errorf("NATS runs at %s, but no engine answers there: start one with `engine serve --nats %s`: %w", s.access.url, s.access.url, err)
	}
	return nil, fmt.Errorf("no engine at %s: start one with `engine serve`, or name another with --nats: %w", s.access.url, err)
}

// request asks once.
func (a *natsAccess) request(ctx context.Context, subject string, body []byte) ([]byte, error) {
	return transport.Ask(ctx, a.url, a.Access, subject, body)
}
