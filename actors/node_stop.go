package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Stop refuses new requests, answers those it took, writes each event's state proof and returns when all of it is durable or ctx ends.
// A second call returns at once.
func (n *Node) Stop(ctx context.Context) error {
	if n.closing.Swap(true) {
		return nil
	}
	defer n.turns.stop()
	if n.measurement != nil {
		defer n.measurement.stop(ctx) // last: what the others write on their way out is part of the log
	}
	n.stopPayments(ctx)
	n.stopping.Store(true)
	close(n.stop)
	n.stopArchivist()
	n.beating.Wait()
	n.mu.Lock()
	n.alarm.stop()
	n.mu.Unlock()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for n.inflight.Load() > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("actors: %d commands were still unanswered: %w", n.inflight.Load(), ctx.Err())
		case <-poll.C:
		}
	}
	n.mu.Lock()
	var refs []*eventRef
	n.routes.Range(func(_ route, ref *eventRef) bool { refs = append(refs, ref); return true })
	n.mu.Unlock()
	for _, ref := range refs {
		ref.retiring.Store(true)
		ref.box.wake()
	}
	for _, ref := range refs {
		select {
		case <-ctx.Done():
			return fmt.Errorf("actors: event %s was not durable in time: %w", ref.key.ID, ctx.Err())
		case <-ref.retired:
		}
	}
	if err := n.stopWallets(ctx); err != nil {
		return err
	}
	n.metrics.close()
	n.system.Shutdown()
	return nil
}

// stopStrategy is the guardian of all our actors: a failure that an actor did not handle itself ends the process. The library's default
// would restart it with empty state.
type stopStrategy struct{ fatal func(error) }

func (s *stopStrategy) HandleFailure(_ *actor.ActorSystem, _ actor.Supervisor, child *actor.PID, _ *actor.RestartStatistics, reason, _ any) {
	s.fatal(fmt.Errorf("actor %s failed: %v", child.GetId(), reason))
}
