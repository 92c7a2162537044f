package store

import (
	"sync/atomic"
	"time"
)

// BatchStats is what [Config.Observe] learns of a batch.
type BatchStats struct {
	Runs  int
	Facts int
	Bytes int
	// PebbleSyncNs is from handing the batch to both copies to its sync in Pebble's log; TailSyncNs is the latest write and sync of the tail;
	// DurableNs is until both were durable, in nanoseconds.
	PebbleSyncNs int64
	TailSyncNs   int64
	DurableNs    int64
}

// Stats is what a store has done since it was opened, and how it is.
type Stats struct {
	Runs, Batches, Facts, Bytes uint64 // made durable and released
	Durable                     uint64 // highest journal seq that is durable in both copies
	LogBytes                    uint64 // log since the last pass, in bytes
	TailWaits                   uint64 // times the tail waited for Pebble to flush before it could go on
	Flushes, Stalls             uint64 // memtables flushed, times Pebble made writes wait
	Sleeps, SleepBytes          uint64 // snapshots of sleeping aggregates, and their states in bytes
	Archived                    uint64 // aggregates moved into archives
	Ingests                     uint64 // tables of snapshots ingested
	Passes, PassFailures        uint64
	PassNs                      int64  // the last pass
	Trimmed                     uint64 // batches below this journal seq have been cut away
	CursorLagBytes              uint64 // log that the slowest cursor holds back
	FreeBytes                   uint64 // free space on the disk; 0 if it is not known
	Full                        bool
	HoldsBack                   bool
	Repaired                    uint64 // batches that one copy had to get from the other at the start
}

type counters struct {
	runs, batches, facts, bytes, tailWaits, flushes, stalls, sleeps, sleepBytes, archived, ingests, passes, passFailures atomic.Uint64
	repaired, freeBytes, trimmed, cursorLag                                                                              atomic.Uint64
	passNs                                                                                                               atomic.Int64
}

// syncClock knows how long syncs take, and since when one has been under way.
type syncClock struct {
	start      time.Time    // of the process: instants below are nanoseconds since
	batchSince atomic.Int64 // the oldest batch in flight, 0 if none is
	tailNs     atomic.Int64 // the latest write and sync of the tail
	lastNs     atomic.Int64 // the last time that a batch was durable in both copies, or a probe
	probeSince atomic.Int64 // a probe or a write of something to remember, 0 if none is
}

func (c *syncClock) at(t time.Time) int64 { return max(1, t.Sub(c.start).Nanoseconds()) }

func (c *syncClock) begin(t time.Time) { c.batchSince.CompareAndSwap(0, c.at(t)) }

// end notes that a batch is durable; with inFlight others it is the next one's turn.
func (c *syncClock) end(t time.Time, inFlight int) {
	now := c.at(t)
	c.lastNs.Store(now)
	if inFlight == 0 {
		now = 0
	}
	c.batchSince.Store(now)
}

// probe notes that a sync that is no batch's begins, or that it has ended.
func (c *syncClock) probe(begins bool) {
	now := c.at(time.Now())
	if begins {
		c.probeSince.Store(now)
		return
	}
	c.probeSince.Store(0)
	c.lastNs.Store(now)
}

func (c *syncClock) tail(took time.Duration) { c.tailNs.Store(took.Nanoseconds()) }

// stalled is how long the oldest sync has been under way.
func (c *syncClock) stalled(now time.Time) time.Duration {
	var longest int64
	for _, since := range []int64{c.batchSince.Load(), c.probeSince.Load()} {
		if since != 0 {
			longest = max(longest, c.at(now)-since)
		}
	}
	return time.Duration(longest)
}

// Stats returns what the store has done and how it is.
func (s *Store) Stats() Stats {
	c := &s.stats
	return Stats{
		Runs: c.runs.Load(), Batches: c.batches.Load(), Facts: c.facts.Load(), Bytes: c.bytes.Load(), Durable: s.Durable(), LogBytes: s.LogBytes(),
		TailWaits: c.tailWaits.Load(), Flushes: c.flushes.Load(), Stalls: c.stalls.Load(), Sleeps: c.sleeps.Load(), SleepBytes: c.sleepBytes.Load(),
		Archived: c.archived.Load(),
		Ingests:  c.ingests.Load(), Passes: c.passes.Load(), PassFailures: c.passFailures.Load(), PassNs: c.passNs.Load(), Trimmed: c.trimmed.Load(),
		CursorLagBytes: c.cursorLag.Load(), FreeBytes: c.freeBytes.Load(), Full: s.Full(), HoldsBack: s.HoldsBack(), Repaired: c.repaired.Load(),
	}
}
