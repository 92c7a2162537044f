package actors

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/wallet"
)

// fakeLog is a Journal and Snapshots in memory. While held, nothing becomes durable.
type fakeLog struct {
	mu           sync.Mutex
	held         bool
	waiting      []*engine.Run
	facts        map[engine.Key][]*engine.Run // copies of what was made durable
	kept         map[engine.Key]*engine.Snapshot
	archived     map[engine.Key]engine.Instant
	unarchivable *engine.Key
	refuse       bool // snapshots cannot be kept, and nothing archived
	unread       bool // whoever reads the log's facts panics
	highMarks    []engine.Instant
	released     sync.Mutex // one release at a time, in order
}

func newFakeLog() *fakeLog {
	return &fakeLog{facts: make(map[engine.Key][]*engine.Run), kept: make(map[engine.Key]*engine.Snapshot), archived: make(map[engine.Key]engine.Instant)}
}

func (l *fakeLog) Append(run *engine.Run) {
	l.mu.Lock()
	l.waiting = append(l.waiting, run)
	held := l.held
	l.mu.Unlock()
	if !held {
		go l.releaseAll()
	}
}

// hold stops or starts durability.
func (l *fakeLog) hold(held bool) {
	l.mu.Lock()
	l.held = held
	l.mu.Unlock()
	if !held {
		l.releaseAll()
	}
}

func (l *fakeLog) releaseAll() {
	l.released.Lock()
	defer l.released.Unlock()
	for {
		l.mu.Lock()
		if l.held || len(l.waiting) == 0 {
			l.mu.Unlock()
			return
		}
		run := l.waiting[0]
		l.waiting = l.waiting[1:]
		if run.Facts.Count > 0 {
			keep := &engine.Run{Key: run.Key, Partition: run.Partition, First: run.First, At: run.At}
			keep.Facts = engine.Facts{Buf: bytes.Clone(run.Facts.Buf), Count: run.Facts.Count}
			l.facts[run.Key] = append(l.facts[run.Key], keep)
		}
		l.mu.Unlock()
		if run.Owner != nil {
			run.Owner.Released(run)
		}
	}
}

func (l *fakeLog) Load(key engine.Key) ([]byte, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	snap, ok := l.kept[key]
	if !ok {
		return nil, false, nil
	}
	return snap.State, true, nil
}

func (l *fakeLog) Sleep(snap *engine.Snapshot, done func(error)) {
	l.mu.Lock()
	refuse := l.refuse
	if !refuse {
		l.kept[snap.Key] = snap
	}
	l.mu.Unlock()
	if refuse {
		go done(errors.New("no room"))
		return
	}
	go done(nil)
}

func (l *fakeLog) Rebuild(key engine.Key) (engine.Aggregate, error) {
	l.mu.Lock()
	if l.unread {
		panic("the log was read")
	}
	runs := l.facts[key]
	l.mu.Unlock()
	agg := wallet.NewAggregate(key)
	for _, run := range runs {
		if err := agg.Fold(run); err != nil {
			return nil, err
		}
	}
	return agg, nil
}

func (l *fakeLog) Archive(_ context.Context, keys []engine.Key) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse || l.unarchivable != nil && slices.Contains(keys, *l.unarchivable) {
		return errors.New("no room")
	}
	for _, key := range keys {
		l.archived[key] = l.kept[key].LastAt
		delete(l.kept, key)
		delete(l.facts, key)
	}
	return nil
}

func (l *fakeLog) Archived(key engine.Key) (engine.Instant, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.archived[key]
	return at, ok, nil
}

func (l *fakeLog) HighMark(at engine.Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.highMarks = append(l.highMarks, at)
}

// recovered is what a restart over this log would find, everything awake.
func (l *fakeLog) recovered(t *testing.T) *engine.Recovered {
	t.Helper()
	l.mu.Lock()
	var keys []engine.Key
	for key := range l.facts {
		keys = append(keys, key)
	}
	mark := engine.Instant(0)
	if n := len(l.highMarks); n > 0 {
		mark = l.highMarks[n-1]
	}
	l.mu.Unlock()
	r := &engine.Recovered{HighMark: mark}
	for _, key := range keys {
		agg, err := l.Rebuild(key)
		if err != nil {
			t.Fatalf("rebuild %v: %v", key, err)
		}
		r.Awake = append(r.Awake, engine.Recalled{Key: key, State: agg})
	}
	return r
}

// answer is one outcome as a test wants it.
type answer struct {
	code     engine.Code
	repeated bool
	hold     string
	state    engine.HoldState
	expires  engine.Instant
	hash     uint64
	lots     []engine.Counts
}

// caller collects the answers to one request.
type caller struct {
	answers []answer
	durable chan struct{}
	panics  bool // the encoder fails
}

func (c *caller) Outcome(_ *engine.Request, i int, out *engine.Outcome) {
	if c.panics {
		panic("the encoder fails")
	}
	a := answer{code: out.Code, repeated: out.Repeated}
	if out.Shows&engine.ShowsHold != 0 {
		a.hold = string(engine.AppendHoldID(nil, out.Hold.ID, out.Hold.Incarnation))
		a.state, a.expires = out.Hold.State, out.Hold.ExpiresAt
	}
	if out.Shows&engine.ShowsEvent != 0 {
		a.hash = out.Event.StateHash
		for _, l := range out.Event.Lots {
			a.lots = append(a.lots, l.Counts)
		}
	}
	for len(c.answers) < i {
		c.answers = append(c.answers, answer{})
	}
	c.answers = append(c.answers, a)
}

func (c *caller) Durable(*engine.Request) { close(c.durable) }

// send submits commands for an event and returns who will be answered.
func send(n *Node, event string, cmds ...engine.Command) (*caller, engine.Code) {
	c := &caller{durable: make(chan struct{})}
	return c, n.Submit(&engine.Request{Account: engine.SingleAccount, Event: event, Commands: cmds, Reply: c})
}

// ask submits one command and waits for its answer.
func ask(t *testing.T, n *Node, event string, cmd engine.Command) answer {
	t.Helper()
	c, code := send(n, event, cmd)
	if code != engine.CodeOK {
		return answer{code: code}
	}
	<-c.durable
	if len(c.answers) == 0 {
		return answer{}
	}
	return c.answers[0]
}

func create(requestID string, capacity int64) engine.Command {
	return engine.Command{Verb: engine.VerbCreate, RequestID: requestID, Spec: &engine.EventSpec{
		Name: "Night One", Currency: "EUR", Open: true, HoldTTLMs: 120_000, MaxHoldMs: 600_000, HasSpread: true,
		Lots: []engine.LotSpec{{Lot: "ga", FaceMinor: 4500, Capacity: capacity}},
	}}
}

func hold(requestID, buyer string) engine.Command {
	return engine.Command{Verb: engine.VerbHold, RequestID: requestID, Buyer: buyer, Items: []engine.Item{{Lot: "ga", Quantity: 1}}}
}

// started is a node over a log, stopped at the end of the test.
func started(t *testing.T, l *fakeLog, c Config) *Node {
	t.Helper()
	if c.Fatal == nil {
		c.Fatal = func(err error) { t.Errorf("fatal: %v", err) }
	}
	c.Logger = slog.New(slog.DiscardHandler)
	n, err := Start(c, l, l, l.recovered(t))
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		l.hold(false)
		if err := n.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("stop: %v", err)
		}
	})
	return n
}
