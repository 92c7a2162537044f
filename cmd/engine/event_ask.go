package main

import (
	"context"
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
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no answer from %s within %v: %w; it may have been carried out: send it again with the same --request-id", s.access.url, s.timeout, err)
	case strings.Contains(err.Error(), "no responders"):
		return nil, fmt.Errorf("NATS runs at %s, but no engine answers there: start one with `engine serve --nats %s`: %w", s.access.url, s.access.url, err)
	}
	return nil, fmt.Errorf("no engine at %s: start one with `engine serve`, or name another with --nats: %w", s.access.url, err)
}

// request connects, asks once, and lets go: these commands are typed by people.
func (a *natsAccess) request(ctx context.Context, subject string, body []byte) ([]byte, error) {
	options, err := a.Options(a.url)
	if err != nil {
		return nil, err
	}
	nc, err := transport.Connect(a.url, options...)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	answer, err := nc.RequestWithContext(ctx, subject, body)
	if err != nil {
		return nil, err
	}
	return answer.Data, nil
}
