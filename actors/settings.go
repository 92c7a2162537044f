package actors

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfast-engine/holdfast/engine"
)

// oneClick is what is set for one-click checkout everywhere.
type oneClick struct {
	on    bool
	share int64 // of buyers, in hundredths of a percent
}

// ErrSetting is the answer to a setting that cannot be, as a share of one-click checkout that would shrink.
var ErrSetting = errors.New("actors: the setting is refused: it is out of range, or would take back what only grows")

// Set changes a setting of the node, at once, and returns when that is durable. When ctx ends first, or the node has stopped, the error says so and the
// setting may or may not become durable.
func (n *Node) Set(ctx context.Context, name string, value int64) error {
	durable := make(released, 1)
	run := &engine.Run{Key: nodeKey(), Partition: engine.PartitionOf(nodeKey().ID), Owner: durable}
	n.audit.Lock()
	if n.stopping.Load() {
		n.audit.Unlock()
		return errors.New("actors: the engine is stopping")
	}
	run.First, run.At = n.node.Seq()+1, max(n.clock.Now(), n.node.LastAt())
	if !n.node.Set(name, value, run.At, &run.Facts) {
		n.audit.Unlock()
		return fmt.Errorf("%w: %s = %d", ErrSetting, name, value)
	}
	n.journal.Append(run) // under the lock: the log has the facts in the order of their numbers
	n.applySettings()
	n.audit.Unlock()
	select {
	case <-durable:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("actors: the setting is not durable yet: %w", ctx.Err())
	}
}

// Setting returns a setting of the node, and false if nobody has set it.
func (n *Node) Setting(name string) (int64, bool) {
	n.audit.Lock()
	defer n.audit.Unlock()
	return n.node.Setting(name)
}

// OneClick is what is set for one-click checkout everywhere: whether it is on, and for which share of buyers, in hundredths of a percent.
func (n *Node) OneClick() (on bool, share int64) {
	set := n.oneClick.Load()
	return set.on, set.share
}

// applySettings makes the settings effective. The caller holds n.audit, unless nobody else has the node yet.
func (n *Node) applySettings() {
	on, share := n.node.OneClick()
	n.oneClick.Store(&oneClick{on: on, share: share})
}
