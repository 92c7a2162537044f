package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/holdfast-engine/holdfast/engine"
)

// The defaults of [Config], and the bounds that are not its to choose.
const (
	DefaultMemTableBytes    = 64 << 20
	DefaultTailSegmentBytes = 32 << 20
	DefaultTailSegments     = 4
	DefaultBatchesInFlight  = 32
	DefaultBatchBytes       = 1 << 20
	DefaultPassBytes        = 2 << 30
	DefaultCursorLagBytes   = 8 << 30
	DefaultReserveBytes     = 256 << 20
	DefaultSleepDelay       = 5 * time.Millisecond
	DefaultKeepEvery        = time.Second
	DefaultOpenTimeout      = 2 * time.Minute
	DefaultStallTimeout     = 5 * time.Second

	// batchesAtOnce is how many batches leave as soon as there is something to write: one that the disk syncs, one for the sync after that, one
	// that is being made. With more, batches on a fast disk are smaller, and cost more than they save.
	batchesAtOnce = 3
	// batchPause is how long after the last one a batch beyond batchesAtOnce leaves. Whatever is written before the present sync ends is part of the
	// next one: what has to wait for a batch to be durable first waits for one sync more, and on a disk that needs longer than this that is most of it.
	batchPause = time.Millisecond

	// TailSegmentsMin is the fewest segments that let one be written while the next is made free.
	TailSegmentsMin = 3
	// RunBytesShare says how much of a tail segment one run's facts may fill: 1/RunBytesShare.
	RunBytesShare = 2
	// SnapshotChunkBytes is the size of the pieces in which a state is kept: a larger value would be one block of a table, and of a block that is damaged Pebble
	// tries which bit it may be, one after the other over the whole block: 17 s for a block of 1 MiB. Pieces of any size are read.
	SnapshotChunkBytes = 32 << 10
	// sleepBytesMax is how much state may wait to be ingested before it is, without waiting for [Config.SleepDelay].
	sleepBytesMax = 32 << 20
	// sleepWaitingBytesMax bounds the states that wait to be ingested, in bytes: beyond it Sleep answers ErrBusy.
	sleepWaitingBytesMax = 4 * sleepBytesMax
)

// Config says where a store lies and how it behaves. Only Dir, New and Open must be set.
type Config struct {
	// Dir is the data folder. It is created, with mode 0700, if it is missing.
	Dir string
	// FS is the file system Dir lies on; nil is the operating system's.
	FS vfs.FS

	// New makes an aggregate that has no facts yet; Open makes one from the state of a snapshot. The state is Open's to keep.
	New  func(engine.Key) engine.Aggregate
	Open func(engine.Key, []byte) (engine.Aggregate, error)

	// VaultKey is the file with the master key of the vault, outside Dir. If there is none it is made, unless Dir's vault already has keys, which only the file
	// that closed them opens. Empty opens the store without its vault: see [Store.Vault].
	VaultKey string

	// Logger takes what the store and Pebble have to say; nil is slog.Default.
	Logger *slog.Logger
	// Fatal is called once, from any goroutine, when a write, a sync or a check has failed and nothing more will be acknowledged. It should not
	// return; if it does (in a test), the store stays dead. Nil prints what happened and what to do on standard error and exits with status 1.
	// There is no retry: after a failed fsync the kernel forgets the pages, and the next one lies.
	Fatal func(error)
	// Alarm is told, from any goroutine, of what an operator must see although the store goes on: a pass that failed, a snapshot that differs from
	// its log, a cursor that holds back too much, a disk that fills. Nil logs it.
	Alarm func(error)
	// Observe is called after each batch, from the goroutine that releases runs: it must not block. Nil is nobody.
	Observe func(BatchStats)
	// Prove is called at the start of a snapshot pass and asks awake aggregates to put a proof of their state into the log. It returns when they
	// have, or when it has waited enough: a pass without proofs is still a pass. Nil asks nobody.
	Prove func(context.Context)

	// MemTableBytes is the size of Pebble's memtable; 0 is DefaultMemTableBytes.
	MemTableBytes int64
	// TailSegmentBytes and TailSegments shape the tail, the ring that holds the newest batches a second time; 0 is the default. A segment bounds
	// a run: its facts may fill 1/RunBytesShare of one.
	TailSegmentBytes int64
	TailSegments     int
	// BatchesInFlight is how many batches may be on their way to the disk at once; 0 is DefaultBatchesInFlight. The first three leave as soon as
	// something waits, more only while the disk is slow: see batchPause.
	BatchesInFlight int
	// BatchBytes is the size at which a batch takes no further run, in bytes; 0 is DefaultBatchBytes.
	BatchBytes int
	// PassBytes is how much log starts a snapshot pass, in bytes; 0 is DefaultPassBytes, negative is never: only [Store.Pass] starts one.
	PassBytes int64
	// CursorLagBytes is how much log a cursor may hold back before [Store.HoldsBack] says so, in bytes; 0 is DefaultCursorLagBytes.
	CursorLagBytes int64
	// ReserveBytes is the size of the file that keeps space for recovery on a full disk, and the free space below which the store stops rather
	// than meet the end of the disk; below twice as much [Store.Full] says so. 0 is DefaultReserveBytes, negative is none.
	ReserveBytes int64
	// SleepDelay is how long a snapshot of [Store.Sleep] may wait for others; 0 is DefaultSleepDelay.
	SleepDelay time.Duration
	// KeepEvery is how often the high mark and the cursors are saved and the disk is looked at; 0 is DefaultKeepEvery, negative is never.
	KeepEvery time.Duration
	// OpenTimeout bounds [Open]; 0 is DefaultOpenTimeout.
	OpenTimeout time.Duration
	// StallTimeout is how long a sync may take before [Store.Ready] says that the disk hangs; 0 is DefaultStallTimeout.
	StallTimeout time.Duration
	// AcceptOneCopy starts although the tail is missing or unreadable altogether, so that nothing proves that the log ends where it should. It is
	// an operator's decision to go on with what is left.
	AcceptOneCopy bool

	restoring bool // the folder is being made by [Restore]
}

func (c *Config) validate() error {
	if c.Dir == "" {
		return errors.New("store: Config.Dir is empty: name the data folder")
	}
	if c.New == nil || c.Open == nil {
		return errors.New("store: Config.New and Config.Open must be set: the store cannot make aggregates without them")
	}
	if c.FS == nil {
		c.FS = vfs.Default
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Fatal == nil {
		c.Fatal = exit
	}
	if c.Alarm == nil {
		log := c.Logger
		c.Alarm = func(err error) { log.Error("store: an operator should look", "err", err) }
	}
	orDefault(&c.MemTableBytes, DefaultMemTableBytes)
	orDefault(&c.TailSegmentBytes, DefaultTailSegmentBytes)
	orDefault(&c.TailSegments, DefaultTailSegments)
	orDefault(&c.BatchesInFlight, DefaultBatchesInFlight)
	orDefault(&c.BatchBytes, DefaultBatchBytes)
	orDefault(&c.PassBytes, DefaultPassBytes)
	orDefault(&c.CursorLagBytes, DefaultCursorLagBytes)
	orDefault(&c.ReserveBytes, DefaultReserveBytes)
	orDefault(&c.SleepDelay, DefaultSleepDelay)
	orDefault(&c.KeepEvery, DefaultKeepEvery)
	orDefault(&c.OpenTimeout, DefaultOpenTimeout)
	orDefault(&c.StallTimeout, DefaultStallTimeout)
	if c.ReserveBytes < 0 {
		c.ReserveBytes = 0
	}
	switch {
	case c.MemTableBytes < 64<<10 || c.MemTableBytes > 1<<30:
		return fmt.Errorf("store: MemTableBytes is %d: choose 64 KiB to 1 GiB", c.MemTableBytes)
	case c.TailSegmentBytes < 16<<10 || c.TailSegmentBytes > 1<<30:
		return fmt.Errorf("store: TailSegmentBytes is %d: choose 16 KiB to 1 GiB", c.TailSegmentBytes)
	case c.TailSegments < TailSegmentsMin || c.TailSegments > 1000:
		return fmt.Errorf("store: TailSegments is %d: choose %d to 1000", c.TailSegments, TailSegmentsMin)
	case c.BatchesInFlight < 1 || c.BatchesInFlight > 64:
		return fmt.Errorf("store: BatchesInFlight is %d: choose 1 to 64", c.BatchesInFlight)
	case c.BatchBytes < 1:
		return fmt.Errorf("store: BatchBytes is %d: choose 1 or more", c.BatchBytes)
	case c.CursorLagBytes < 0 || c.SleepDelay < 0 || c.OpenTimeout < 0 || c.StallTimeout < 0:
		return errors.New("store: CursorLagBytes, SleepDelay, OpenTimeout and StallTimeout cannot be negative")
	}
	c.BatchBytes = min(c.BatchBytes, int(c.TailSegmentBytes/RunBytesShare))
	return nil
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// exit is the default of Config.Fatal.
func exit(err error) {
	fmt.Fprintf(os.Stderr, `engine: the journal has stopped: %v
Nothing was acknowledged that is not on disk. What to do: look at the disk (space, kernel log, hardware), then start the engine again; it
checks both copies of the log and goes on from the last durable batch. Callers retry with the same request ids.
`, err)
	os.Exit(1)
}
