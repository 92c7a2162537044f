package actors

import (
	"context"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// An event is archived in three steps, each durable before the next: its last fact, its snapshot, its file. Its actor does the first two and leaves for good;
// the archivist does the third for many at once. A restart in between finds an event whose last fact says so, wakes it, and goes on.

// archivist moves events that have had their last fact out of the log.
type archivist struct {
	waiting map[route]engine.Instant // since when they are archived; guarded by the node's lock
	ready   chan struct{}            // told when one is added
}

// archiveAt is the wall time at which the event's time of keeping is over; false while it is not closed or something is held.
func (a *eventActor) archiveAt() (engine.Instant, bool) {
	closed, ok := a.ev.Archivable()
	retention := a.node.cfg.Retention
	return closed + engine.Instant(retention), ok && retention >= 0
}

// isArchived reports whether the event has had its last fact.
func (a *eventActor) isArchived() bool {
	if a.ev == nil {
		return false
	}
	_, ok := a.ev.Archived()
	return ok
}

// leaveForGood is leave for an event that has had its last fact: nobody wakes it any more.
func (n *Node) leaveForGood(ref *eventRef, since engine.Instant) bool {
	at := route{ref.key.Account, ref.key.ID}
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.leaveLocked(ref, false, 0) {
		return false
	}
	n.archives.waiting[at] = since
	select {
	case n.archives.ready <- struct{}{}:
	default:
	}
	return true
}

// archivedSince tells whether an event that is neither awake nor asleep was archived. The caller holds n.mu. It reads one key of the store.
func (n *Node) archivedSince(at route) (engine.Instant, bool) {
	if since, ok := n.archives.waiting[at]; ok {
		return since, true
	}
	since, ok, err := n.snapshots.Archived(engine.Key{Account: at.account, Kind: engine.KindEvent, ID: at.event})
	if err != nil {
		n.cfg.Fatal(err) // an id might be given away twice
	}
	return since, ok
}

// Archived tells whether an event was archived, and the node time of its last fact.
func (n *Node) Archived(account, event string) (since engine.Instant, ok bool) {
	at := route{account, event}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.known.find(at); known {
		return 0, false
	}
	return n.archivedSince(at)
}

// runArchivist archives what waits until ctx ends.
func (n *Node) runArchivist(ctx context.Context) {
	defer n.beating.Done()
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.archives.ready:
		case <-retry.C:
		}
		for {
			batch := n.takeArchives()
			if len(batch) == 0 {
				break
			}
			if !n.archive(ctx, batch) {
				retry.Reset(archiveRetry)
				break
			}
		}
	}
}

// takeArchives returns the keys of up to archiveBatch events that wait.
func (n *Node) takeArchives() []engine.Key {
	n.mu.Lock()
	defer n.mu.Unlock()
	var keys []engine.Key
	for at := range n.archives.waiting {
		if len(keys) == archiveBatch {
			break
		}
		keys = append(keys, engine.Key{Account: at.account, Kind: engine.KindEvent, ID: at.event})
	}
	return keys
}

// archive moves events into their files. It reports whether all went well; those that did not wait on.
func (n *Node) archive(ctx context.Context, keys []engine.Key) bool {
	if !n.forgetLinks(ctx, keys) || !n.forgetSeeds(keys) { // first: a start between the two goes on with both
		return false
	}
	err := n.snapshots.Archive(ctx, keys)
	if err != nil && len(keys) > 1 && ctx.Err() == nil {
		well := true // one may stand in the way of the others
		for i := range keys {
			well = n.archive(ctx, keys[i:i+1]) && well
		}
		return well
	}
	if err != nil {
		if ctx.Err() == nil {
			n.cfg.Logger.Error("events were not archived; it is tried again", "events", len(keys), "first", keys[0].ID, "err", err)
		}
		return false
	}
	n.mu.Lock()
	for _, key := range keys {
		delete(n.archives.waiting, route{key.Account, key.ID})
	}
	n.mu.Unlock()
	n.cfg.Logger.Info("events archived", "events", len(keys), "first", keys[0].ID)
	return true
}
