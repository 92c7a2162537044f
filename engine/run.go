package engine

// Facts collects what a turn of an aggregate decided: encoded facts, one after the other, and how many they are.
type Facts struct {
	Buf   []byte
	Count int
}

// Reset empties f and keeps its memory.
func (f *Facts) Reset() { f.Buf, f.Count = f.Buf[:0], 0 }

// Run is the facts of one aggregate from one turn of its actor, on their way to the log, with the replies that wait for them.
//
// The actor fills it and hands it to the journal; it must not touch it again before Released. Facts.Count may be 0: such a run is never
// written, it only takes its place in the order so that the replies in it leave after everything appended before them is durable.
type Run struct {
	Key       Key
	Partition Partition
	First     Seq     // sequence of the first fact; with Facts.Count 0, of the next one
	At        Instant // node time of the turn, the time of every fact in it
	Facts     Facts

	// Beside is sealed records that become durable with the facts, in the same write, but are no part of the log: its hashes and replays know nothing of them.
	Beside []Sealed
	// Signals is what the facts ask others to do and tell them, once they are durable.
	Signals Signals

	Requests []*Request // answered by the run's owner when the run is durable
	Samples  []Sample   // one a command, completed and offered to the metrics actor when the run is durable
	Owner    Releaser   // told when the run is durable; nil for a run that nobody waits for
}

// Sealed is a record of the vault: bytes encrypted under the key of whom they are about.
type Sealed struct {
	Key   []byte // as the vault names it
	Value []byte // nil removes the record
}

// Releaser is told that a run is durable. Released is called once a run, in the order of the appends, from the journal's own goroutine:
// it must not block. The run belongs to the releaser again.
type Releaser interface {
	Released(*Run)
}

// Aggregate is state that its runs rebuild: what the log folds at recovery and for snapshots.
type Aggregate interface {
	// Fold applies the facts of a run read from the log. It refuses a run that does not continue at Seq()+1 ([ErrOutOfOrder]), facts that do not
	// decode and a state proof that differs; the aggregate is then unusable. The run's memory is not kept.
	Fold(run *Run) error
	// Seq is the sequence of the last fact folded.
	Seq() Seq
	// LastAt is the node time of the last fact folded.
	LastAt() Instant
	// StateHash is an order-free hash over all rows of the state. Equal states have equal hashes, live and replayed.
	StateHash() uint64
	// NextDeadline is the node time at which the aggregate wants to be awake, false if it need not be woken.
	NextDeadline() (Instant, bool)
	// AwaitsWall reports whether the aggregate also wants to be awake at a wall time, which only its shell can tell in node time.
	AwaitsWall() bool
	// AppendSnapshot appends the whole state, in a versioned format that OpenSnapshot reads.
	AppendSnapshot(dst []byte) []byte
	// Check verifies every invariant the slow way and names the first that is broken.
	Check() error
}

// Asleep is what is known of an aggregate whose state is only on disk.
type Asleep struct {
	Key       Key
	Seq       Seq
	LastAt    Instant
	StateHash uint64
	Wake      Instant // node time of its next deadline; 0 is never
}

// Snapshot is the encoded state of an aggregate that goes to sleep.
type Snapshot struct {
	Asleep
	State []byte
}

// Recovered is what a start found in the log.
type Recovered struct {
	Awake    []Recalled // aggregates met in the tail, folded up to its end
	Asleep   []Asleep   // aggregates whose last snapshot holds all their facts
	Unusable []Unusable // events whose log is whole and does not fold: they are set aside, the others go on
	HighMark Instant    // the latest node time known to have been reached: node time never starts below it
	Facts    uint64     // facts folded
	TookMs   int64      // recovery time
}

// Unusable is an event that recovery could not rebuild.
type Unusable struct {
	Key Key
	Why string
}

// Recalled is an aggregate that recovery has rebuilt.
type Recalled struct {
	Key   Key
	State Aggregate
}
