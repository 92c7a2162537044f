package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
)

// Bounds that nobody needs to set.
const (
	// turnCommandsMax cuts a long turn into runs, so that the journal can write the first while the next is decided.
	turnCommandsMax = 1024
	// turnFactBytesMax cuts a run for the same reason when its facts are large.
	turnFactBytesMax = 256 << 10
	// spareMessagesMax is the largest slice a mailbox keeps for its next turn.
	spareMessagesMax = 64 << 10
	// proofFactsMax and proofEvery say how often an event puts its state hash into the log, where recovery and snapshots compare it.
	proofFactsMax = 1 << 16
	proofEvery    = time.Minute
	// expireStepsMax is how many Expire steps one turn takes before it serves what waits: 256 holds each.
	expireStepsMax = 4
	// drawStepsMax is how many slices of a draw one turn takes before it serves what waits: some 20 ms.
	drawStepsMax = 32
	// lookAgainAfter is the longest that a timer for a deadline is set for. Node time is drawn towards wall time meanwhile: at 500 ppm, a timer for a
	// deadline three hours away would be 5 s late, one that looks at the clock again after so long 0.15 s.
	lookAgainAfter = 5 * time.Minute
	// panicWindow is how long one panic makes a second, different one quarantine the event.
	panicWindow = time.Minute
	// poisonMax bounds how many panicking commands an event remembers; one more quarantines it.
	poisonMax = 16
	// wakeAgainAfter is when events whose deadline has come are looked at again while as many are awake as may be.
	wakeAgainAfter = 100 * time.Millisecond
	// stepsTimed is how many steps are timed together, and slowSteps the time that none of them may take.
	stepsTimed = 16
	slowSteps  = time.Millisecond
	// archiveBatch is how many events are archived by one reading of the log.
	archiveBatch = 64
	// archiveRetry is how long to wait after an event could not be archived, or not put to sleep for it.
	archiveRetry = 10 * time.Second
	// sampleBatchesMax bounds the metrics actor's mailbox. Beyond it samples are dropped and counted.
	sampleBatchesMax = 4096
)

// Defaults of Config.
const (
	InflightPerEventDefault = 64 << 10
	EventsAwakeMaxDefault   = 200_000
	EventsMaxDefault        = 1_000_000
	SleepAfterDefault       = time.Minute
	RetentionDefault        = 30 * 24 * time.Hour
	RetentionDaysMax        = 3650 // of Retention: ten years; what has to be kept longer is kept in archives
)

// Config says how a node runs.
type Config struct {
	// InflightPerEvent bounds the commands of one event that are accepted and not yet answered; more are refused `overloaded`. 0 is InflightPerEventDefault.
	InflightPerEvent int64
	// EventsAwakeMax bounds the events in memory; beyond it a sleeping event is not woken and a new one not created: `overloaded`, and events that sleep past a
	// deadline wait until another one has gone to sleep. 0 is EventsAwakeMaxDefault.
	EventsAwakeMax int64
	// EventsMax bounds the events known, awake and asleep; beyond it create is refused `overloaded`. 0 is EventsMaxDefault.
	EventsMax int64
	// SleepAfter is how long an event must be idle before it goes to sleep. 0 is SleepAfterDefault; negative is never.
	SleepAfter time.Duration
	// Retention is how long after its closing an event is archived, once nothing of it is held any more; at most RetentionDaysMax days. 0 is
	// RetentionDefault; negative is never.
	Retention time.Duration
	// Installation is the id of the data folder: no two folders have the same. It keeps the keys of their charges apart where they share an account of a
	// gateway, and decides which buyers are in when one-click checkout is open to a share of them.
	Installation string
	// Watcher is told of purchases whose state has changed; nil if nobody wants to know.
	Watcher Watcher
	// Gateways is the payment services that charges are made through; each has a lane. Vault keeps what is sent to them, and the secrets of saved methods:
	// required with gateways. Without one that is a [WalletVault] the node has no wallets of its own.
	Gateways []Gateway
	Vault    Vault
	Lane     LaneConfig
	// Wallets knows the buyers' saved methods; nil is the node's own, if there is a vault to keep them in.
	Wallets Wallets
	// OneClickAtOnce lets buyers buy with one click who have not completed a purchase before.
	OneClickAtOnce bool
	// Measure says how KPIs are made of the log; nil measures nothing.
	Measure *MeasureConfig
	// Wall is the wall clock, time.Now by default.
	Wall func() time.Time
	// wallNow is a wall clock that tests set while the process runs; Wall's if nil.
	wallNow func() engine.Instant
	// Logger takes operational messages: no buyer, no request content. slog.Default() if nil.
	Logger *slog.Logger
	// Fatal stops the process. It is called when going on could lose or invent something. Required.
	Fatal func(error)
	// NewEvent makes the state of an event that does not exist yet, and OpenEvent that of a sleeping one. engine.New and engine.OpenSnapshot
	// by default; tests put other limits here.
	NewEvent  func(engine.Key) *engine.Event
	OpenEvent func(engine.Key, []byte) (*engine.Event, error)
}

func (c *Config) validate() error {
	if c.Fatal == nil {
		return errors.New("actors: Config.Fatal is required: say what stops the process")
	}
	if c.InflightPerEvent == 0 {
		c.InflightPerEvent = InflightPerEventDefault
	}
	if c.EventsAwakeMax == 0 {
		c.EventsAwakeMax = EventsAwakeMaxDefault
	}
	if c.EventsMax == 0 {
		c.EventsMax = EventsMaxDefault
	}
	if c.InflightPerEvent < 1 || c.EventsAwakeMax < 1 || c.EventsMax < 1 {
		return errors.New("actors: bounds must be at least 1")
	}
	if c.SleepAfter == 0 {
		c.SleepAfter = SleepAfterDefault
	}
	if c.Retention == 0 {
		c.Retention = RetentionDefault
	}
	if c.Retention > RetentionDaysMax*24*time.Hour {
		return fmt.Errorf("actors: events cannot be kept for %v after closing: choose %d days or less, or never", c.Retention, RetentionDaysMax)
	}
	if c.Wall == nil {
		c.Wall = time.Now
	}
	if len(c.Gateways) > 0 && (c.Vault == nil || !engine.ValidID(c.Installation)) {
		return errors.New("actors: Config.Vault and Config.Installation are required with gateways: say where their requests are kept, and what sets their keys apart")
	}
	if err := c.Lane.validate(); err != nil {
		return err
	}
	if c.Wallets == nil {
		c.Wallets = noWallets{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.NewEvent == nil {
		c.NewEvent = engine.New
	}
	if c.OpenEvent == nil {
		c.OpenEvent = openEvent
	}
	return nil
}

// openEvent is the default of Config.OpenEvent.
func openEvent(key engine.Key, state []byte) (*engine.Event, error) {
	agg, err := engine.OpenSnapshot(key, state)
	if err != nil {
		return nil, fmt.Errorf("open snapshot: %w", err)
	}
	ev, ok := agg.(*engine.Event)
	if !ok {
		return nil, fmt.Errorf("the snapshot of %s is a %T", key.ID, agg)
	}
	return ev, nil
}
