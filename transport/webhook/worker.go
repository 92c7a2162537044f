package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/holdfast-engine/holdfast/transport/notice"
)

const (
	// AtOnceMax is how many notices are on their way to one endpoint: those beyond it wait.
	AtOnceMax = 16
	// ackWait is how long JetStream waits for a delivery: longer than a request takes.
	ackWait = time.Minute
	// ackPendingMax is how many notices of an endpoint may wait for another attempt, before those behind them are no longer tried.
	ackPendingMax = 1024
	// retryConsume is how long a worker waits when JetStream does not answer.
	retryConsume = 2 * time.Second
	infoTimeout  = 2 * time.Second
)

// worker delivers to one endpoint.
type worker struct {
	hooks    *Hooks
	account  string
	endpoint Endpoint
	ctx      context.Context //nolint:containedctx // of the worker's life
	cancel   context.CancelFunc
	done     chan struct{}

	delivered, failed atomic.Uint64
	lastError         atomic.Pointer[string]
}

// run delivers until the worker is stopped.
func (w *worker) run() {
	defer close(w.done)
	for w.ctx.Err() == nil {
		if err := w.consume(); err != nil && w.ctx.Err() == nil {
			w.hooks.c.Logger.Warn("webhooks wait for JetStream", "endpoint", w.endpoint.ID, "err", err)
		}
		select {
		case <-time.After(retryConsume):
		case <-w.ctx.Done():
		}
	}
}

// consume takes notices from the endpoint's consumer, some at once.
func (w *worker) consume() error {
	js, err := w.hooks.c.Streams.JetStream(w.ctx, w.account)
	if err != nil || js == nil {
		return err
	}
	c, err := js.CreateOrUpdateConsumer(w.ctx, notice.Stream, jetstream.ConsumerConfig{
		Durable: w.endpoint.consumer(), Description: "webhooks to " + hostOf(w.endpoint.URL), FilterSubjects: w.endpoint.filters(),
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &w.endpoint.Since,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxAckPending: ackPendingMax,
	})
	if err != nil {
		return fmt.Errorf("consumer %s: %w", w.endpoint.consumer(), err)
	}
	it, err := c.Messages(jetstream.PullMaxMessages(AtOnceMax))
	if err != nil {
		return fmt.Errorf("consumer %s: %w", w.endpoint.consumer(), err)
	}
	defer context.AfterFunc(w.ctx, it.Stop)()
	defer it.Stop()
	var sending sync.WaitGroup
	defer sending.Wait()
	slots := make(chan struct{}, AtOnceMax)
	for {
		m, err := it.Next()
		if err != nil {
			return fmt.Errorf("consumer %s: %w", w.endpoint.consumer(), err)
		}
		slots <- struct{}{}
		sending.Go(func() {
			defer func() { <-slots }()
			if err := w.deliver(js, m); err != nil && w.ctx.Err() == nil { // it comes again when JetStream has waited for long enough
				w.hooks.c.Logger.Warn("webhooks: JetStream does not hear what became of a notice", "endpoint", w.endpoint.ID, "err", err)
			}
		})
	}
}

// deliver sends one notice, and tells JetStream what became of it.
func (w *worker) deliver(js jetstream.JetStream, m jetstream.Msg) error {
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	attempt := int(meta.NumDelivered) //nolint:gosec // small
	id := m.Headers().Get(jetstream.MsgIDHeader)
	asked, err := post(w.ctx, w.hooks.client, &w.endpoint, id, m.Data(), w.hooks.c.Now())
	if w.ctx.Err() != nil {
		return nil // the process stops: it comes again after the next start
	}
	if err == nil {
		w.arrived()
		return m.Ack()
	}
	w.note(err)
	if attempt < AttemptsMax {
		return m.NakWithDelay(max(w.hooks.c.Pause(attempt), asked))
	}
	if err := bury(w.ctx, js, &w.endpoint, m, id, attempt, err); err != nil {
		return errors.Join(err, m.NakWithDelay(w.hooks.c.Pause(attempt)))
	}
	w.hooks.dead.Add(1)
	w.hooks.c.Logger.Warn("a notice is a dead letter", "endpoint", w.endpoint.ID, "notice", id, "attempts", attempt, "err", err)
	return m.Term()
}

// note remembers an attempt that failed.
func (w *worker) note(err error) {
	w.failed.Add(1)
	w.hooks.failed.Add(1)
	text := err.Error()
	w.lastError.Store(&text)
}

// arrived counts a notice that the endpoint has taken.
func (w *worker) arrived() {
	w.delivered.Add(1)
	w.hooks.delivered.Add(1)
	w.lastError.Store(nil)
}

// stop ends the worker, and its consumer if JetStream answers.
func (w *worker) stop(ctx context.Context) {
	w.cancel()
	<-w.done
	ctx, cancel := context.WithTimeout(ctx, infoTimeout)
	defer cancel()
	js, err := w.hooks.c.Streams.JetStream(ctx, w.account)
	if err == nil && js != nil {
		err = js.DeleteConsumer(ctx, notice.Stream, w.endpoint.consumer())
	}
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		w.hooks.c.Logger.Warn("webhooks: a consumer that nobody needs any more is still there", "consumer", w.endpoint.consumer(), "err", err)
	}
}

// waiting is how many notices are to be delivered.
func (w *worker) waiting(ctx context.Context) uint64 {
	ctx, cancel := context.WithTimeout(ctx, infoTimeout)
	defer cancel()
	js, err := w.hooks.c.Streams.JetStream(ctx, w.account)
	if err != nil || js == nil {
		return 0
	}
	c, err := js.Consumer(ctx, notice.Stream, w.endpoint.consumer())
	if err != nil {
		return 0
	}
	info := c.CachedInfo()
	return info.NumPending + uint64(max(0, info.NumAckPending)) //nolint:gosec // not negative
}
