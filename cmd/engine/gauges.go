package main

import (
	"sync"
	"time"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
)

// scraped reads a room's statistics once for all metrics of a scrape, not once a metric.
type scraped[T any] struct {
	read func() T

	mu   sync.Mutex
	at   time.Time
	last T
}

// scrapedFor is how long a reading serves: longer than a scrape takes, shorter than two are apart.
const scrapedFor = 100 * time.Millisecond

func (s *scraped[T]) get() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.at) > scrapedFor {
		s.last, s.at = s.read(), now
	}
	return s.last
}

// observe hands what a group commit showed to the metrics. It is called from the journal's goroutine, also while the node is starting.
func (p *process) observe(b store.BatchStats) {
	if m := p.metrics.Load(); m != nil {
		m.OfferCommit(actors.Commit{Runs: b.Runs, Facts: b.Facts, Bytes: b.Bytes, FsyncNs: b.DurableNs, TailFsyncNs: b.TailSyncNs})
	}
}

// addMetrics puts the store's numbers beside the node's.
func (p *process) addMetrics(m *actors.Metrics) {
	p.metrics.Store(m)
	s := &scraped[store.Stats]{read: p.store.Stats}
	count := func(name, help string, of func(*store.Stats) uint64) {
		m.Counter(name, help, func() uint64 {
			st := s.get()
			return of(&st)
		})
	}
	gauge := func(name, help string, of func(*store.Stats) float64) {
		m.Gauge(name, help, func() float64 {
			st := s.get()
			return of(&st)
		})
	}
	count("holdfast_journal_runs_total", "Runs made durable, those without facts included.", func(s *store.Stats) uint64 { return s.Runs })
	count("holdfast_journal_batches_total", "Batches (group commits) made durable.", func(s *store.Stats) uint64 { return s.Batches })
	count("holdfast_journal_facts_total", "Facts made durable.", func(s *store.Stats) uint64 { return s.Facts })
	count("holdfast_journal_bytes_total", "Bytes of the batches made durable.", func(s *store.Stats) uint64 { return s.Bytes })
	gauge("holdfast_journal_durable_batch", "Number of the newest batch that is durable in both copies.", func(s *store.Stats) float64 { return float64(s.Durable) })
	gauge("holdfast_log_bytes", "Log since the last snapshot pass.", func(s *store.Stats) float64 { return float64(s.LogBytes) })
	count("holdfast_tail_waits_total", "Times the tail had to wait for Pebble to flush: more segments or a faster disk would help.", func(s *store.Stats) uint64 { return s.TailWaits })
	count("holdfast_memtable_flushes_total", "Memtables that Pebble flushed.", func(s *store.Stats) uint64 { return s.Flushes })
	count("holdfast_write_stalls_total", "Times Pebble made writes wait.", func(s *store.Stats) uint64 { return s.Stalls })
	count("holdfast_sleeps_total", "Snapshots of events that went to sleep.", func(s *store.Stats) uint64 { return s.Sleeps })
	count("holdfast_sleep_bytes_total", "Bytes of those snapshots.", func(s *store.Stats) uint64 { return s.SleepBytes })
	count("holdfast_events_archived_total", "Events moved into archives.", func(s *store.Stats) uint64 { return s.Archived })
	count("holdfast_snapshot_ingests_total", "Tables of snapshots ingested.", func(s *store.Stats) uint64 { return s.Ingests })
	count("holdfast_snapshot_passes_total", "Snapshot passes finished: each replayed the log and compared state hashes.", func(s *store.Stats) uint64 { return s.Passes })
	count("holdfast_snapshot_pass_failures_total", "Snapshot passes that failed. Any is an alarm: see the log.", func(s *store.Stats) uint64 { return s.PassFailures })
	gauge("holdfast_snapshot_pass_seconds", "How long the last snapshot pass took.", func(s *store.Stats) float64 { return float64(s.PassNs) / 1e9 })
	gauge("holdfast_journal_trimmed_batch", "Batches below this number have been cut away.", func(s *store.Stats) float64 { return float64(s.Trimmed) })
	gauge("holdfast_cursor_lag_bytes", "Log that the slowest reader of facts holds back.", func(s *store.Stats) float64 { return float64(s.CursorLagBytes) })
	gauge("holdfast_cursor_holds_back", "1 while a reader of facts is too far behind and new holds are refused, else 0.", func(s *store.Stats) float64 { return one(s.HoldsBack) })
	gauge("holdfast_disk_free_bytes", "Free space on the disk of the data folder; 0 if it is not known.", func(s *store.Stats) float64 { return float64(s.FreeBytes) })
	gauge("holdfast_disk_full", "1 while the disk is nearly full and new holds are refused, else 0.", func(s *store.Stats) float64 { return one(s.Full) })
	count("holdfast_repaired_batches_total", "Batches that one copy of the log got from the other at the start.", func(s *store.Stats) uint64 { return s.Repaired })
}

// addTransportMetrics puts the wire's numbers beside them, for each account that is served.
func (p *process) addTransportMetrics(m *actors.Metrics) {
	names := make([]string, len(p.servers))
	stats := make([]*scraped[transport.Stats], len(p.servers))
	for i, s := range p.servers {
		names[i], stats[i] = s.Account(), &scraped[transport.Stats]{read: s.Stats}
	}
	count := func(name, help string, of func(*transport.Stats) uint64) {
		m.CounterPer(name, help, "account", names, func(i int) uint64 {
			st := stats[i].get()
			return of(&st)
		})
	}
	gauge := func(name, help string, of func(*transport.Stats) float64) {
		m.GaugePer(name, help, "account", names, func(i int) float64 {
			st := stats[i].get()
			return of(&st)
		})
	}
	count("holdfast_messages_total", "NATS messages received, whatever became of them.", func(s *transport.Stats) uint64 { return s.Messages })
	count("holdfast_message_bytes_total", "Bytes of those messages.", func(s *transport.Stats) uint64 { return s.MessageBytes })
	count("holdfast_message_commands_total", "Commands in messages that the engine took.", func(s *transport.Stats) uint64 { return s.Commands })
	count("holdfast_message_batches_total", "Messages that were batches.", func(s *transport.Stats) uint64 { return s.Batches })
	count("holdfast_message_json_total", "Messages that were JSON.", func(s *transport.Stats) uint64 { return s.JSON })
	count("holdfast_replies_total", "Answers handed to the NATS connection.", func(s *transport.Stats) uint64 { return s.Replies })
	count("holdfast_replies_failed_total", "Answers that the NATS connection did not take: their callers retry with the same request id.", func(s *transport.Stats) uint64 { return s.RepliesFailed })
	count("holdfast_messages_dropped_no_reply_total", "Messages dropped unread because nobody would learn the answer.", func(s *transport.Stats) uint64 { return s.DroppedNoReply })
	count("holdfast_messages_dropped_reply_subject_total", "Messages dropped unread because the answer was to go to a subject that is no inbox.", func(s *transport.Stats) uint64 { return s.DroppedReply })
	count("holdfast_messages_dropped_pending_total", "Messages dropped because more had arrived than the pending limits allow.", func(s *transport.Stats) uint64 { return s.DroppedPending })
	count("holdfast_messages_overloaded_total", "Messages refused as overloaded before the engine took them.", func(s *transport.Stats) uint64 { return s.Refused[engine.CodeOverloaded] })
	count("holdfast_messages_refused_total", "Messages refused before the engine took them, for any reason.", func(s *transport.Stats) (n uint64) {
		for _, refused := range s.Refused {
			n += refused
		}
		return n
	})
	var codes []string
	for code := engine.CodeOK + 1; int(code) < engine.Codes; code++ {
		codes = append(codes, code.String())
	}
	m.CounterPer("holdfast_touches_refused_unheard_total", "Messages with touches that were refused, by code, and came without a reply subject: nobody was told.", "code", codes, func(i int) (n uint64) {
		for _, s := range stats {
			n += s.get().Unheard[int(engine.CodeOK)+1+i]
		}
		return n
	})
	count("holdfast_purchase_changes_published_total", "Changes of purchases published on the subjects of their buyers.", func(s *transport.Stats) uint64 { return s.Pushes })
	count("holdfast_purchase_changes_lost_total", "Changes of purchases that were not published, because too many were.", func(s *transport.Stats) uint64 { return s.PushesLost })
	count("holdfast_kpi_messages_total", "Messages with figures that were published.", func(s *transport.Stats) uint64 { return s.KPIs })
	count("holdfast_kpi_messages_lost_total", "Messages with figures that were not published: too long, or the NATS connection did not take them.",
		func(s *transport.Stats) uint64 { return s.KPIsLost })
	count("holdfast_lines_published_total", "Lines published, one a second and event.", func(s *transport.Stats) uint64 { return s.Lines })
	count("holdfast_line_changes_published_total", "Buyers who were told what has become of them in a line, without having asked.", func(s *transport.Stats) uint64 { return s.LinesTold })
	count("holdfast_line_messages_lost_total", "Lines, and buyers, of which nothing was published: too many, too long, or the NATS connection did not take them.",
		func(s *transport.Stats) uint64 { return s.LinesLost })
	count("holdfast_receipts_failed_total", "Receipts of lobbies that could not be signed: their joins stand, and they can be asked for.", func(s *transport.Stats) uint64 { return s.ReceiptsFailed })
	gauge("holdfast_line_followed", "Buyers who wait and are told when their chance of a ticket has another word.", func(s *transport.Stats) float64 { return float64(s.Followed) })
	count("holdfast_line_not_followed_total", "Answers to buyers who are not, because too many are.", func(s *transport.Stats) uint64 { return s.NotFollowed })
	gauge("holdfast_presence_watched", "Buyers who have sent a heartbeat, and are absent when they say nothing any more.", func(s *transport.Stats) float64 { return float64(s.Watched) })
	count("holdfast_presence_not_watched_total", "Heartbeats of buyers who are not watched, because too many are.", func(s *transport.Stats) uint64 { return s.NotWatched })
	gauge("holdfast_buys_waiting", "Callers of buy that wait for the final state of their purchase.", func(s *transport.Stats) float64 { return float64(s.Parked) })
	gauge("holdfast_pending_messages", "Messages that have arrived and are not decoded.", func(s *transport.Stats) float64 { return float64(s.PendingMessages) })
	gauge("holdfast_pending_bytes", "Bytes of those messages.", func(s *transport.Stats) float64 { return float64(s.PendingBytes) })
	gauge("holdfast_account_inflight_commands", "Commands of the account that are taken and not answered.", func(s *transport.Stats) float64 { return float64(s.CommandsInFlight) })
	gauge("holdfast_account_inflight_bytes", "Bytes of the messages they came in.", func(s *transport.Stats) float64 { return float64(s.BytesInFlight) })
	m.Counter("holdfast_nats_denied_connections_total", "Connections that the embedded NATS server refused: who they are is not known, or there are too many.",
		func() uint64 { return p.denied.Counts().Connections })
	m.Counter("holdfast_nats_denied_subjects_total", "Messages and subscriptions that the embedded NATS server refused because the user has no right to the subject.",
		func() uint64 { return p.denied.Counts().Subjects })
	m.Counter("holdfast_nats_denied_messages_total", "Messages that the embedded NATS server refused because they are too large or not its protocol.",
		func() uint64 { return p.denied.Counts().Messages })
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
