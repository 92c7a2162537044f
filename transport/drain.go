package transport

import (
	"context"
	"errors"
	"fmt"
)

// Drain stops taking messages, answers what was taken, and returns when every answer has reached the NATS server. Messages that arrived
// before are still taken, unless ctx ends: then Drain gives up and says what is left. It may be called again, to go on waiting.
func (s *Server) Drain(ctx context.Context) error {
	s.stop.Do(func() {
		if err := s.service.Stop(); err != nil {
			s.stopErr = fmt.Errorf("drain: stop discovery: %w", err)
		}
		if err := s.sub.Drain(); err != nil {
			s.stopErr = errors.Join(s.stopErr, fmt.Errorf("drain: unsubscribe: %w", err))
		}
		if s.admin != nil {
			if err := s.admin.sub.Drain(); err != nil {
				s.stopErr = errors.Join(s.stopErr, fmt.Errorf("drain: unsubscribe operators: %w", err))
			}
		}
		if s.buyers != nil {
			if err := s.buyers.sub.Drain(); err != nil {
				s.stopErr = errors.Join(s.stopErr, fmt.Errorf("drain: unsubscribe wallets: %w", err))
			}
		}
		if s.kpis != nil {
			if err := s.kpis.sub.Drain(); err != nil {
				s.stopErr = errors.Join(s.stopErr, fmt.Errorf("drain: unsubscribe analysts: %w", err))
			}
		}
	})
	if s.stopErr != nil {
		return s.stopErr
	}
	unheard := []chan struct{}{s.unheard}
	if s.buyers != nil {
		unheard = append(unheard, s.buyers.unheard)
	}
	for _, heard := range unheard {
		select {
		case <-heard:
		case <-ctx.Done():
			return fmt.Errorf("drain: messages are still arriving: %w", ctx.Err())
		}
	}
	s.parking.close()
	s.config.Watch.leave(s)
	if err := s.pushes.close(ctx); err != nil {
		return err
	}
	if err := s.lines.close(ctx); err != nil {
		return err
	}
	s.draining.Store(true)
	if commands, _ := s.account.InFlight(); commands == 0 {
		s.given(0)
	}
	select {
	case <-s.idle:
	case <-ctx.Done():
		commands, _ := s.account.InFlight()
		return fmt.Errorf("drain: %d commands are not answered: %w", commands, ctx.Err())
	}
	if s.admin != nil {
		if err := s.admin.drain(ctx); err != nil {
			return err
		}
	}
	if s.kpis != nil {
		if err := s.kpis.drain(ctx); err != nil {
			return err
		}
	}
	s.signer.close()
	s.outbox.close()
	if _, ok := ctx.Deadline(); !ok { // which nats.go insists on
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, drainFlushTimeout)
		defer cancel()
	}
	if err := s.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("drain: flush answers: %w", err)
	}
	return nil
}
