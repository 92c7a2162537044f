package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
	"github.com/holdfast-engine/holdfast/transport"
)

// bounds are the settings of the three rooms that a person may want to change. Everything else of their configuration is wiring.
type bounds struct {
	store     store.Config
	actors    actors.Config
	transport transport.Config
	event     engine.Limits

	processCommandsMax int64
	processBytesMax    int64

	notices noticeSettings
	measure measureSettings
}

// addTo makes a flag of every bound. A default is the room's own constant, so that help and code cannot disagree.
func (b *bounds) addTo(cmd *cobra.Command) {
	b.storeFlags(cmd.Flags())
	b.actorFlags(cmd.Flags())
	b.transportFlags(cmd.Flags())
	b.eventFlags(cmd.Flags())
	b.notices.addTo(cmd.Flags())
	b.measure.addTo(cmd.Flags())
}

func (b *bounds) storeFlags(f *pflag.FlagSet) {
	c := &b.store
	size(f, &c.MemTableBytes, "memtable-bytes", store.DefaultMemTableBytes, "Pebble's memtable, in bytes: larger flushes less often and takes more memory")
	size(f, &c.TailSegmentBytes, "tail-segment-bytes", store.DefaultTailSegmentBytes, "one segment of the tail, the second copy of the newest log, in bytes; a run of facts may fill half of one")
	f.IntVar(&c.TailSegments, "tail-segments", store.DefaultTailSegments, "segments of the tail: together they must hold what Pebble has not flushed")
	f.IntVar(&c.BatchesInFlight, "batches-in-flight", store.DefaultBatchesInFlight, "group commits on their way to the disk at once")
	size(f, &c.BatchBytes, "batch-bytes", store.DefaultBatchBytes, "size at which a group commit takes no further run, in bytes")
	size(f, &c.PassBytes, "pass-bytes", store.DefaultPassBytes, "log that starts a snapshot pass, in bytes; negative is never")
	size(f, &c.CursorLagBytes, "cursor-lag-bytes", store.DefaultCursorLagBytes, "log that a reader of facts may hold back before new holds are refused, in bytes")
	size(f, &c.ReserveBytes, "reserve-bytes", store.DefaultReserveBytes,
		"disk space kept for a start on a full disk, in bytes: below twice as much free space new holds are refused, below once the engine stops; negative is none")
	f.DurationVar(&c.SleepDelay, "sleep-delay", store.DefaultSleepDelay, "how long a snapshot of an event that goes to sleep may wait for others, as in 5ms")
	f.DurationVar(&c.KeepEvery, "keep-every", store.DefaultKeepEvery, "how often positions are saved and the disk is looked at, as in 1s; negative is never")
	f.DurationVar(&c.OpenTimeout, "open-timeout", store.DefaultOpenTimeout, "how long opening the data folder may take, as in 2m")
	f.DurationVar(&c.StallTimeout, "stall-timeout", store.DefaultStallTimeout, "how long one sync may take before /readyz says that the disk hangs, as in 5s")
	f.BoolVar(&c.AcceptOneCopy, "accept-one-copy", false,
		"start although the tail is missing altogether, so that nothing proves that the log ends where it should: an operator's decision, for one start")
}

func (b *bounds) actorFlags(f *pflag.FlagSet) {
	c := &b.actors
	f.Int64Var(&c.InflightPerEvent, "inflight-per-event", actors.InflightPerEventDefault, "commands of one event that are taken and not answered; more are refused as overloaded")
	f.Int64Var(&c.EventsAwakeMax, "events-awake-max", actors.EventsAwakeMaxDefault, "events in memory at once; beyond it none is woken or created: overloaded")
	f.Int64Var(&c.EventsMax, "events-max", actors.EventsMaxDefault, "events altogether, asleep ones included; beyond it create is refused as overloaded")
	f.DurationVar(&c.Retention, "retention", actors.RetentionDefault, "how long after its closing an event is archived, as in 720h; negative is never")
	laneFlags(f, &c.Lane)
	f.DurationVar(&c.SleepAfter, "sleep-after", actors.SleepAfterDefault, "how long an event must be idle before it leaves memory, as in 1m; negative is never")
}

func (b *bounds) transportFlags(f *pflag.FlagSet) {
	c := &b.transport
	f.StringVar(&c.Account, "account", "_", "account that the NATS connection belongs to: the tenant of every event")
	f.StringSliceVar(&c.ReplyPrefixes, "reply-prefixes", transport.ReplyPrefixesDefault(), "what the subjects of answers begin with, each with a point or an underscore at the end")
	f.StringVar(&c.QueueGroup, "queue-group", "holdfast", "NATS queue group of the engine's subscriptions")
	f.Int64Var(&c.CommandsInFlightMax, "account-commands-max", transport.CommandsInFlightMaxDefault, "commands of the account that are taken and not answered; more are refused as overloaded")
	size(f, &c.BytesInFlightMax, "account-bytes-max", transport.BytesInFlightMaxDefault, "messages those commands came in, in bytes; more are refused as overloaded")
	f.Int64Var(&b.processCommandsMax, "process-commands-max", transport.CommandsInFlightMaxDefault, "commands of all accounts that are taken and not answered; more are refused as overloaded")
	size(f, &b.processBytesMax, "process-bytes-max", transport.BytesInFlightMaxDefault, "messages of all accounts, in bytes; more are refused as overloaded")
	f.IntVar(&c.PendingMessagesMax, "pending-messages-max", transport.PendingMessagesMaxDefault, "messages that have arrived and are not decoded; more are dropped and counted")
	size(f, &c.PendingBytesMax, "pending-bytes-max", transport.PendingBytesMaxDefault, "the same in bytes")
	f.IntVar(&c.ParkedMax, "waiting-buys-max", transport.ParkedMaxDefault, "buys of the account that wait for the final state of their purchase; more are answered at once")
	size(f, &c.ParkedBytesMax, "waiting-bytes-max", transport.ParkedBytesMaxDefault, "the same in bytes of messages and answers")
	f.DurationVar(&c.Presence, "presence", transport.PresenceDefault, "how long a buyer in a line who has sent heartbeats may send none before they count as absent, as in 30s; at least 2s")
	f.DurationVar(&c.RetryAfter, "retry-after", transport.OverloadedRetryAfterDefault, "hint in an overloaded answer: when to try again, as in 50ms")
}

// eventFlags are the bounds that a new event is created with. They become part of its first fact: an event that exists keeps its own.
func (b *bounds) eventFlags(f *pflag.FlagSet) {
	c, d := &b.event, engine.DefaultLimits()
	bound := func(at *int, name string, def int, usage string) {
		f.IntVar(at, name, def, usage+" (of events created from now on)")
	}
	bound(&c.Lots, "event-lots-max", d.Lots, "lots of one event")
	bound(&c.Pools, "event-pools-max", d.Pools, "pools of one event")
	bound(&c.Seats, "event-seats-max", d.Seats, "seats of all lots of one event: 12 bytes each")
	bound(&c.PriceVersions, "event-prices-max", d.PriceVersions, "prices that the lots of one event ever have")
	bound(&c.Holds, "event-holds-max", d.Holds, "live holds of one event: about 120 bytes each")
	bound(&c.Buyers, "event-buyers-max", d.Buyers, "buyers of one event who hold or bought something")
	bound(&c.Orders, "event-orders-max", d.Orders, "orders of one event: about 150 bytes each")
	bound(&c.Ended, "event-ended-max", d.Ended, "ended holds of one event that are told apart from unknown ones")
	bound(&c.Requests, "event-requests-max", d.Requests, "newest accepted request ids that one event remembers, beside those of confirms")
	bound(&c.Touches, "event-touches-max", d.Touches, "newest touches that one event knows again by their ids")
	bound(&c.Refusals, "event-refusals-max", d.Refusals, "newest refused request ids that one event remembers, in memory only")
}

// defaultBounds are the bounds of an engine that nobody has configured.
func defaultBounds() bounds {
	var b bounds
	b.addTo(&cobra.Command{})
	return b
}
