package actors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// Audit notes what an operator asked for, and returns when the fact is durable: only then may the answer leave. It sets the Seq and At of the
// entry. When ctx ends first, or the node has stopped, the error says so and the fact may or may not become durable.
func (n *Node) Audit(ctx context.Context, entry *engine.Audit) error {
	durable := make(released, 1)
	run := &engine.Run{Key: nodeKey(), Partition: engine.PartitionOf(nodeKey().ID), Owner: durable}
	n.audit.Lock()
	if n.stopping.Load() {
		n.audit.Unlock()
		return errors.New("actors: the engine is stopping")
	}
	run.First, run.At = n.node.Seq()+1, max(n.clock.Now(), n.node.LastAt())
	if !n.node.Audit(entry, run.At, &run.Facts) {
		n.audit.Unlock()
		return fmt.Errorf("actors: an audit entry of verb %s has a text that is too long", entry.Verb)
	}
	n.journal.Append(run) // under the lock: the log has the facts in the order of their numbers
	n.audit.Unlock()
	select {
	case <-durable:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("actors: the audit is not durable yet: %w", ctx.Err())
	}
}

// Audits returns a page of what operators did. It may show an entry whose answer has not left yet.
func (n *Node) Audits(q engine.AuditQuery) engine.AuditPage {
	n.audit.Lock()
	defer n.audit.Unlock()
	return n.node.Audits(q)
}

// asleepPage is how many events are counted before the lock is let go.
const asleepPage = 4096

// quarantinedListMax bounds the list of quarantined events in an answer.
const quarantinedListMax = 100

// EventCounts counts the events of an account by state, and lists the first quarantined ones. Cost: O(events), for operators.
func (n *Node) EventCounts(account string) engine.EventCounts {
	var c engine.EventCounts
	c.Asleep = n.asleepOf(account)
	n.routes.Range(func(at route, ref *eventRef) bool {
		if at.account != account || !ref.gauges.exists.Load() {
			return true
		}
		if why := ref.quarantined.Load(); why != nil {
			c.Quarantined = append(c.Quarantined, engine.QuarantinedEvent{Event: at.event, Why: *why})
		} else {
			c.Awake++
		}
		return true
	})
	slices.SortFunc(c.Quarantined, func(a, b engine.QuarantinedEvent) int { return strings.Compare(a.Event, b.Event) })
	c.Quarantined = c.Quarantined[:min(len(c.Quarantined), quarantinedListMax)]
	return c
}

// asleepOf counts an account's sleeping events, a page at a time so that nobody waits long for the lock.
func (n *Node) asleepOf(account string) (asleep int64) {
	for after, more := "", true; more; {
		left := asleepPage
		n.mu.Lock()
		more = false
		n.known.page(account, after, func(id string, awake bool) bool {
			if !awake {
				asleep++
			}
			if left--; left == 0 {
				after, more = strings.Clone(id), true
			}
			return left > 0
		})
		n.mu.Unlock()
	}
	return asleep
}
