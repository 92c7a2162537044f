package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// FactLog is a cursor over the log that can begin anew.
type FactLog interface {
	FactCursor
	// Durable is the newest batch that is durable.
	Durable() uint64
	// Rewind puts the cursor back to the beginning of what is left of the log, and returns the last batch that is gone.
	Rewind() (uint64, error)
}

// Checkpoint keeps what a reader of the log has made of it, so that it need not read all of it again.
type Checkpoint interface {
	// Load returns the newest that was saved, and up to which batch of the log it is; nil if there is none.
	Load() (batch uint64, state []byte, err error)
	// Save replaces it: when it returns nil the new one is durable, otherwise there is the old one or the new one, whole. It keeps nothing of state.
	Save(ctx context.Context, batch uint64, state []byte) error
}

// MeasureConfig says what is measured, and where it is kept.
type MeasureConfig struct {
	Log        FactLog
	Checkpoint Checkpoint
	// Accounts are those whose KPIs are metrics.
	Accounts []string
	// Policy is that of a book that begins; one that is there keeps its own.
	Policy measure.Policy
	// CheckpointEvery is how often a checkpoint is written while something happens; 0 is CheckpointEveryDefault.
	CheckpointEvery time.Duration
	// CheckpointBytes of facts are worth a checkpoint before that, though not within checkpointPause of the last one; checkpointHurry times as many are always. 0
	// is CheckpointBytesDefault.
	CheckpointBytes int64
}

// Defaults of MeasureConfig.
const (
	CheckpointEveryDefault = 5 * time.Minute
	CheckpointBytesDefault = 256 << 20
)

const (
	// measureEvery is how long the book waits between two looks at the log: what came meanwhile is read at once, in large pieces, instead of waking for each
	// group commit of a sale.
	measureEvery = 200 * time.Millisecond
	// measureBatchesMax and measureBytesMax bound a piece of the log, so that a question never waits long behind it.
	measureBatchesMax = 4096
	measureBytesMax   = 4 << 20
	// checkpointPause is how long a checkpoint waits for the one before, unless the log that is kept for it is much: the book stands still while one is encoded.
	checkpointPause = 30 * time.Second
	checkpointHurry = 4
)

// Measurement keeps the KPIs of a node: it follows the durable log by a cursor, so that nothing is ever left out, and answers from a book that one goroutine
// owns. Its methods are safe for concurrent use.
type Measurement struct {
	cfg    MeasureConfig
	clock  *Clock
	logger *slog.Logger

	asks   chan *kpiAsk
	saved  chan savedCheckpoint
	quit   chan struct{}
	done   chan struct{}
	ctx    context.Context //nolint:containedctx // the goroutine's own: it ends when a stop has no time left
	cancel context.CancelFunc

	// What others see.
	at       atomic.Uint64 // the last batch in the book
	since    atomic.Int64  // nothing that is durable and not in the book is older, while there is something
	began    atomic.Int64  // when the log began that the book is made of, 0 if it is made of all of it
	facts    atomic.Uint64
	stopped  atomic.Pointer[string] // why nothing is measured any more
	refused  atomic.Uint64          // questions beyond the bound
	kept     atomic.Uint64          // checkpoints written
	keptAt   atomic.Uint64          // the batch of the last one
	keptLen  atomic.Int64           // and its length
	encodeNs atomic.Int64           // how long the book stood still for it
	failures atomic.Uint64

	// What is the goroutine's own.
	follower  *measure.Follower
	useless   bool   // the checkpoint that is there cannot be used, and no backup is whole until there is another
	cut       bool   // what is left of the log is not all of it, and the first run has not been read
	inBatch   uint64 // the batch that is being read
	bytes     int64  // of facts read since the last checkpoint
	savedLast time.Duration
	saving    bool
	shared    sharedAnswers
}

// savedCheckpoint is how the writing of a checkpoint ended.
type savedCheckpoint struct {
	batch uint64
	err   error
}

// startMeasuring begins to follow the log. The log's beginning, or a large checkpoint, is read in the background.
func startMeasuring(n *Node, cfg MeasureConfig) *Measurement {
	if cfg.CheckpointEvery == 0 {
		cfg.CheckpointEvery = CheckpointEveryDefault
	}
	if cfg.CheckpointBytes == 0 {
		cfg.CheckpointBytes = CheckpointBytesDefault
	}
	m := &Measurement{
		cfg: cfg, clock: n.clock, logger: n.cfg.Logger,
		asks: make(chan *kpiAsk, MeasureAsksMax), saved: make(chan savedCheckpoint, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.since.Store(int64(n.clock.Now()))
	m.addMetrics(n.metrics)
	go m.run()
	return m
}

// stop reads what is left of the log, keeps a checkpoint of it and ends. What it has no time for is read at the next start.
func (m *Measurement) stop(ctx context.Context) {
	close(m.quit)
	defer m.cancel()
	select {
	case <-m.done:
	case <-ctx.Done():
		m.logger.Warn("the KPIs are not kept up to the end of the log: the next start reads the rest", "err", ctx.Err())
		m.cancel()
		<-m.done
	}
}

func (m *Measurement) run() {
	defer close(m.done)
	m.guard(m.open)
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	now := make(chan time.Time)
	close(now)
	again := (<-chan time.Time)(now)
	for {
		select {
		case <-again:
			again = tick.C
			m.guard(func() {
				if m.look() {
					again = now
				}
			})
		case a := <-m.asks:
			m.answer(a)
		case s := <-m.saved:
			m.noteSaved(s)
		case <-m.quit:
			m.guard(m.finish)
			return
		}
	}
}

// guard makes a panic the end of measuring, and of nothing else.
func (m *Measurement) guard(do func()) {
	defer func() {
		if cause := recover(); cause != nil {
			m.fail(fmt.Errorf("it panicked: %v\n%s", cause, debug.Stack()))
		}
	}()
	do()
}

// open reads the checkpoint, or begins anew if there is none that goes on with what is left of the log.
func (m *Measurement) open() {
	batch, state, err := m.cfg.Checkpoint.Load()
	switch {
	case err != nil:
	case state == nil:
		err = errNoCheckpoint
	case batch < m.cfg.Log.Position():
		err = fmt.Errorf("it ends at batch %d, and the log has been cut up to %d since: nobody measured meanwhile", batch, m.cfg.Log.Position())
	case batch > m.cfg.Log.Durable():
		err = fmt.Errorf("it ends at batch %d, and the log at %d", batch, m.cfg.Log.Durable())
	default:
		if m.follower, err = measure.OpenFollower(time.LoadLocation, state); err == nil && m.follower.Book.Batch() != batch {
			err = fmt.Errorf("its book ends at batch %d, not at %d", m.follower.Book.Batch(), batch)
		}
	}
	m.savedLast = m.clock.Mono()
	if err == nil {
		m.logger.Info("KPIs go on from their checkpoint", "batch", batch, "bytes", len(state))
		m.cfg.Log.Advance(batch)
		m.keptAt.Store(batch)
		m.keptLen.Store(int64(len(state)))
		m.show(batch)
		return
	}
	m.follower = measure.NewFollower(m.cfg.Policy, time.LoadLocation)
	gone, rewindErr := m.cfg.Log.Rewind()
	if rewindErr != nil {
		m.fail(fmt.Errorf("begin anew: %w", rewindErr))
		return
	}
	m.cut = gone > 0
	if m.useless = !errors.Is(err, errNoCheckpoint); m.useless {
		m.logger.Error("the checkpoint of the KPIs cannot be used: they are made anew from what is left of the log", "first_batch", gone+1, "err", err)
	} else if m.cut {
		m.logger.Warn("the log was cut before anybody measured: KPIs begin with what is left of it", "first_batch", gone+1)
	}
	m.follower.Book.SetBatch(gone)
	m.show(gone)
}

var errNoCheckpoint = errors.New("actors: there is no checkpoint")

// show tells others up to where the book is.
func (m *Measurement) show(batch uint64) {
	m.began.Store(int64(m.follower.Since))
	m.at.Store(batch)
}

// look reads one piece of the log, and reports whether there is more.
func (m *Measurement) look() (more bool) {
	if m.stopped.Load() != nil {
		return false
	}
	now, at := m.clock.Now(), m.at.Load()
	m.shared.forget(now)
	end := m.cfg.Log.Durable()
	if at < end {
		last, err := m.read(at)
		if err != nil {
			m.fail(err)
			return false
		}
		m.follower.Book.SetBatch(last)
		m.show(last)
		at = last
	}
	if at >= end {
		m.since.Store(int64(now)) // whatever comes now was not durable before
	}
	m.maybeSave(at >= end)
	return at < end
}

var errEnough = errors.New("actors: enough for once")

// read folds a piece of the log, whole batches, and returns the last of them.
func (m *Measurement) read(at uint64) (last uint64, err error) {
	var bytes int64
	last, err = m.cfg.Log.Read(m.ctx, at, measureBatchesMax, func(seq uint64, run *engine.Run) error {
		if seq != m.inBatch {
			if bytes > measureBytesMax {
				return errEnough
			}
			m.inBatch = seq
			m.since.Store(int64(run.At))
		}
		bytes += int64(len(run.Facts.Buf))
		if m.cut {
			m.follower.Since, m.cut = run.At, false
		}
		if err := m.follower.Run(run); err != nil {
			return fmt.Errorf("batch %d: %w", seq, err)
		}
		m.facts.Add(uint64(run.Facts.Count))
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	m.bytes += bytes
	return last, err
}

// fail ends the measuring: what the book has stays to be read, and ages. Sales know nothing of it.
func (m *Measurement) fail(err error) {
	if m.ctx.Err() != nil {
		return // a stop without time
	}
	why := err.Error()
	m.stopped.Store(&why)
	m.logger.Error("alarm: the log cannot be measured any further: KPIs stand still from here, sales go on", "batch", m.inBatch, "err", err)
}

// maybeSave begins to write a checkpoint if it is time to: at once where the one that is there is of no use and all of the log has been read.
func (m *Measurement) maybeSave(whole bool) {
	anew := m.useless && whole
	if m.saving || m.bytes == 0 && !anew {
		return
	}
	since := m.clock.Mono() - m.savedLast
	if !anew && since < m.cfg.CheckpointEvery && m.bytes < checkpointHurry*m.cfg.CheckpointBytes && (m.bytes < m.cfg.CheckpointBytes || since < checkpointPause) {
		return
	}
	batch, state := m.encode()
	m.saving = true
	if plantedBug(plantedLetLogGo) {
		m.cfg.Log.Advance(batch)
	}
	go func() { m.saved <- savedCheckpoint{batch, m.cfg.Checkpoint.Save(m.ctx, batch, state)} }()
}

// encode makes a checkpoint of the book as it is.
func (m *Measurement) encode() (batch uint64, state []byte) {
	began := time.Now()
	state = m.follower.AppendState(make([]byte, 0, m.keptLen.Load()*9/8+1024))
	m.encodeNs.Store(time.Since(began).Nanoseconds())
	m.keptLen.Store(int64(len(state)))
	m.bytes, m.savedLast, m.useless = 0, m.clock.Mono(), false
	return m.follower.Book.Batch(), state
}

// noteSaved lets the log go up to a checkpoint that is durable.
func (m *Measurement) noteSaved(s savedCheckpoint) {
	m.saving = false
	if s.err != nil {
		m.failures.Add(1)
		if m.ctx.Err() == nil {
			m.logger.Error("the checkpoint of the KPIs was not written: the log is kept from the last one on", "err", s.err)
		}
		return
	}
	m.kept.Add(1)
	m.keptAt.Store(s.batch)
	m.cfg.Log.Advance(s.batch)
}

// finish reads the rest of the log and keeps it.
func (m *Measurement) finish() {
	if m.saving {
		m.noteSaved(<-m.saved)
	}
	for m.ctx.Err() == nil && m.look() {
		if m.saving {
			m.noteSaved(<-m.saved)
		}
	}
	if m.saving {
		m.noteSaved(<-m.saved)
	}
	if m.stopped.Load() == nil && m.ctx.Err() == nil && (m.bytes > 0 || m.useless) {
		batch, state := m.encode()
		m.noteSaved(savedCheckpoint{batch, m.cfg.Checkpoint.Save(m.ctx, batch, state)})
	}
}

// Lag is how old the oldest fact is that is durable and not in the book: 0 if there is none.
func (m *Measurement) Lag() time.Duration {
	since := m.since.Load()
	if m.at.Load() >= m.cfg.Log.Durable() {
		return 0
	}
	return max(time.Duration(int64(m.clock.Now())-since), 1)
}

// Since is when the log began that the KPIs are made of; 0 if they are made of all of it.
func (m *Measurement) Since() engine.Instant { return engine.Instant(m.began.Load()) }

// Stopped is why nothing is measured any more; nothing while it is.
func (m *Measurement) Stopped() string {
	if why := m.stopped.Load(); why != nil {
		return *why
	}
	return ""
}
