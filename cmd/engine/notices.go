package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/transport/notice"
	"github.com/holdfast-engine/holdfast/transport/webhook"
)

// noticesCursor is the name of the cursor by which notices are made.
const noticesCursor = "notices"

// noticeSettings are the settings of notices.
type noticeSettings struct {
	off bool
	// loopback lets webhooks go to this machine.
	loopback bool
	pause    func(attempt int) time.Duration // between attempts of webhooks; nil is from seconds to a day
	look     time.Duration                   // how often somebody looks who is due to be asked; 0 is the surveyor's default
	stream   notice.StreamConfig
}

func (n *noticeSettings) addTo(f *pflag.FlagSet) {
	f.BoolVar(&n.off, "no-notices", false, "tell nothing to the stream "+notice.Stream+": what happens meanwhile is not told later either")
	f.DurationVar(&n.stream.AgeMax, "notices-age", notice.StreamAgeMaxDefault, "how long notices are kept, as in 168h")
	size(f, &n.stream.BytesMax, "notices-bytes", notice.StreamBytesMaxDefault, "notices that are kept of an account, in bytes: beyond it the oldest go")
	f.BoolVar(&n.loopback, "webhooks-loopback", false, "let webhooks go to this machine too, and in plain HTTP there: for trials; addresses of a network of your own are never called")
}

// startNotices follows the log and tells what happens in it. A folder that has told nothing before begins with what happens from now on: nobody waits for mail about
// the orders of last year.
func (p *process) startNotices(ctx context.Context) error {
	known := p.store.HasCursor(noticesCursor)
	if p.config.bounds.notices.off && !known {
		return nil
	}
	cursor, err := p.store.Cursor(noticesCursor)
	if err != nil {
		return err
	}
	if p.config.bounds.notices.off {
		return cursor.Remove()
	}
	if !known {
		cursor.Advance(p.store.Durable())
	}
	streams := notice.NewStreams()
	for account, nc := range p.accounts {
		if err := streams.Add(account, nc, p.config.natsURL == "", p.config.bounds.notices.stream); err != nil {
			return err
		}
	}
	p.findStreams(ctx, streams)
	p.notices = &notice.Reader{Log: cursor, Engine: p.node, Codes: p.tickets, Publisher: streams, Logger: p.config.logger, Now: time.Now}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var stopped atomic.Bool
	go func() {
		defer close(done)
		if err := p.notices.Run(ctx); err != nil {
			stopped.Store(true)
			p.config.logger.Error("notices have stopped: sales go on, and the log is kept from here until the next start", "err", err)
		}
	}()
	p.onClose("notices", func(ctx context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("a notice is still on its way: %w", ctx.Err())
		}
	})
	p.startSurveys(streams)
	if err := p.startWebhooks(streams); err != nil {
		return err
	}
	p.addNoticeMetrics(p.node.Metrics(), &stopped)
	return nil
}

// startSurveys tells who is due to be asked how it went, if somebody measures.
func (p *process) startSurveys(streams *notice.Streams) {
	m := p.node.Measurement()
	if m == nil {
		return
	}
	s := &notice.Surveyor{Surveys: m, Engine: p.node, Publisher: streams, Logger: p.config.logger, Every: p.config.bounds.notices.look}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	p.onClose("surveys", func(ctx context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("a survey.due is still on its way: %w", ctx.Err())
		}
	})
	p.node.Metrics().Counter("holdfast_surveys_due_total", "Buyers who were due to be asked how it went, told in a notice survey.due.", s.Published)
	p.node.Metrics().Counter("holdfast_surveys_skipped_total", "Buyers who were due to be asked and of whom no notice tells: their event is archived or set aside, or the account has no JetStream.", s.Skipped)
}

// findStreams makes the streams of our own server before anything happens that would want them. Of another system they are found when it answers.
func (p *process) findStreams(ctx context.Context, streams *notice.Streams) {
	if p.config.natsURL != "" {
		return
	}
	for account := range p.accounts {
		within, cancel := context.WithTimeout(ctx, streamTimeout)
		if _, err := streams.JetStream(within, account); err != nil {
			p.config.logger.Warn("notices wait for their stream", "account", account, "err", err)
		}
		cancel()
	}
}

// streamTimeout is how long a start waits for a stream of its own server.
const streamTimeout = 2 * time.Second

func (p *process) addNoticeMetrics(m *actors.Metrics, stopped *atomic.Bool) {
	count := func(name, help string, of func(*notice.Stats) uint64) {
		m.Counter(name, help, func() uint64 {
			s := p.notices.Stats()
			return of(&s)
		})
	}
	count("holdfast_notices_total", "Notices that JetStream has on disk.", func(s *notice.Stats) uint64 { return s.Published })
	count("holdfast_notices_late_total", "Ends of holds that no notice tells: the reader of the log was more than 10 s behind, and passes over them until it has caught up.", func(s *notice.Stats) uint64 { return s.Late })
	count("holdfast_notices_skipped_total", "Facts that no notice tells: their event is archived or set aside, or the account has no JetStream.", func(s *notice.Stats) uint64 { return s.Skipped })
	count("holdfast_notices_failures_total", "Attempts to make or publish a notice that failed and are made again.", func(s *notice.Stats) uint64 { return s.Failures })
	m.Gauge("holdfast_notices_lag_seconds", "How long ago the oldest fact became durable that is to be told and is not yet; 0 if there is none.", func() float64 { return p.notices.Stats().Lag.Seconds() })
	hooks := func(name, help string, of func(webhook.Stats) uint64) {
		m.Counter(name, help, func() uint64 { return of(p.webhooks.Stats()) })
	}
	hooks("holdfast_webhooks_delivered_total", "Notices that endpoints have taken.", func(s webhook.Stats) uint64 { return s.Delivered })
	hooks("holdfast_webhooks_failures_total", "Attempts to deliver a notice to an endpoint that failed.", func(s webhook.Stats) uint64 { return s.Failed })
	hooks("holdfast_webhooks_dead_total", "Notices that were given up: engine webhooks dead shows them.", func(s webhook.Stats) uint64 { return s.Dead })
	m.Gauge("holdfast_notices_stopped", "1 if notices cannot go on until the next start, else 0. Any is an alarm: see the log.", func() float64 {
		if stopped.Load() {
			return 1
		}
		return 0
	})
}
