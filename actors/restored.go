package actors

import (
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// nodeKey names the aggregate that remembers the process's outages.
func nodeKey() engine.Key {
	return engine.Key{Account: engine.SingleAccount, Kind: engine.KindNode, ID: "node"}
}

// recallNode finds the node's own aggregate, in the log's tail or in its snapshot, or makes the first.
func recallNode(snapshots Snapshots, recovered *engine.Recovered) (*engine.Node, error) {
	var agg engine.Aggregate = engine.NewNode(nodeKey())
	for _, s := range recovered.Asleep {
		if s.Key != nodeKey() {
			continue
		}
		state, ok, err := snapshots.Load(s.Key)
		if err == nil && !ok {
			err = errors.New("it is missing")
		}
		if err != nil {
			return nil, fmt.Errorf("actors: the snapshot of the node: %w", err)
		}
		if agg, err = engine.OpenSnapshot(s.Key, state); err != nil {
			return nil, fmt.Errorf("actors: the snapshot of the node: %w", err)
		}
	}
	for _, r := range recovered.Awake {
		if r.Key == nodeKey() {
			agg = r.State
		}
	}
	node, ok := agg.(*engine.Node)
	if !ok {
		return nil, fmt.Errorf("actors: the node's own aggregate is a %T", agg)
	}
	return node, nil
}

// Restored puts into a log that was just restored from a backup, and recovered, that its events give ids of another incarnation from now on, and
// returns it when that is durable. It is wanted, or the next one if the log's own is as high already: two restores of one backup should want different
// ones. No node may run on the log.
func Restored(journal Journal, snapshots Snapshots, recovered *engine.Recovered, wanted engine.Incarnation) (engine.Incarnation, error) {
	node, err := recallNode(snapshots, recovered)
	if err != nil {
		return 0, err
	}
	in := max(wanted, node.Incarnation()+1)
	run := &engine.Run{Key: nodeKey(), Partition: engine.PartitionOf(nodeKey().ID), First: node.Seq() + 1, At: max(recovered.HighMark, node.LastAt())}
	if !node.Restored(in, &run.Facts) {
		return 0, fmt.Errorf("actors: incarnation %d is refused: it must not be above %d, and a log cannot be restored more than %d times, each time from a backup of the copy before",
			in, engine.IncarnationMax, engine.RestoresMax)
	}
	return in, appendDurably(journal, run)
}

// appendDurably appends a run of the node's own and waits until it is durable.
func appendDurably(journal Journal, run *engine.Run) error {
	durable := make(released, 1)
	run.Owner = durable
	journal.Append(run)
	select {
	case <-durable:
		return nil
	case <-time.After(30 * time.Second):
		return errors.New("actors: the log did not take a fact of the node within 30 s: check the disk (free space, errors in the system log)")
	}
}

// released is a Releaser that tells a waiting goroutine.
type released chan *engine.Run

func (r released) Released(run *engine.Run) { r <- run }
