package actors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/measure"
)

// soldLog is the log of a sale, a batch a run, with a cursor and a checkpoint as a store has them.
type soldLog struct {
	mu       sync.Mutex
	ev       *engine.Event
	runs     []*engine.Run
	gone     uint64 // batches that have been cut off
	position uint64
	advances []uint64

	batch uint64 // of the checkpoint
	state []byte
	saves int

	reads []int // how many batches each reading handed out

	broken error         // of reading
	gate   chan struct{} // if not nil, reading waits for it
	full   error         // of saving
}

var errBug = errors.New("a bug")

func newSoldLog() *soldLog {
	return &soldLog{ev: engine.New(engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: "e1"})}
}

// sell puts holds of as many buyers into the log, a run each, at a node time.
func (l *soldLog) sell(at time.Time, buyers int) { l.sellRuns(at, buyers, 1) }

// sellRuns puts so many runs into the log, with holds of so many buyers in each.
func (l *soldLog) sellRuns(at time.Time, runs, buyers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range runs {
		run := &engine.Run{Key: l.ev.Key(), First: l.ev.Seq() + 1, At: engine.Instant(at.UnixNano())}
		for range buyers {
			n := l.ev.Seq()
			cmd := engine.Command{Verb: engine.VerbHold, RequestID: fmt.Sprintf("h%d", n), Buyer: fmt.Sprintf("b%d", n), Items: []engine.Item{{Lot: "ga", Quantity: 1}}}
			if n == 0 {
				cmd = create("c1", 1_000_000)
			}
			l.ev.Step(&cmd, run.At, &run.Facts)
		}
		l.runs = append(l.runs, run)
	}
}

func (l *soldLog) Position() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.position
}

func (l *soldLog) Advance(seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.position = max(l.position, seq)
	l.advances = append(l.advances, seq)
}

func (l *soldLog) Durable() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.runs))
}

func (l *soldLog) Rewind() (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.position = l.gone
	return l.gone, nil
}

func (l *soldLog) Wait(context.Context, uint64) error { return errors.New("nobody waits for this log") }

func (l *soldLog) Read(_ context.Context, after uint64, limit int, use func(uint64, *engine.Run) error) (uint64, error) {
	l.mu.Lock()
	runs, gate, broken := slices.Clone(l.runs), l.gate, l.broken
	l.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if errors.Is(broken, errBug) {
		panic(broken)
	}
	if broken != nil {
		return after, broken
	}
	n := 0
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reads = append(l.reads, n)
	}()
	for ; n < limit && after < uint64(len(runs)); n++ {
		if err := use(after+1, runs[after]); err != nil {
			return after, fmt.Errorf("read: %w", err)
		}
		after++
	}
	return after, nil
}

func (l *soldLog) Load() (uint64, []byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.batch, slices.Clone(l.state), nil
}

func (l *soldLog) Save(_ context.Context, batch uint64, state []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full != nil {
		return l.full
	}
	l.batch, l.state = batch, slices.Clone(state)
	l.saves++
	return nil
}

// measured starts a node that measures l, and returns a function that stops it.
func measured(t *testing.T, l *soldLog, change ...func(*MeasureConfig)) (*Node, func()) {
	t.Helper()
	log := newFakeLog()
	c := &MeasureConfig{Log: l, Checkpoint: l, Accounts: []string{engine.SingleAccount}, Policy: measure.PolicyDefault()}
	for _, f := range change {
		f(c)
	}
	n, err := Start(Config{
		Fatal: func(err error) { t.Errorf("fatal: %v", err) }, Logger: slog.New(slog.DiscardHandler),
		Measure: c,
	}, log, log, &engine.Recovered{})
	if err != nil {
		t.Fatal(err)
	}
	return n, func() {
		if err := n.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// replay is the state of the KPIs when the log is read at once.
func (l *soldLog) replay(t *testing.T) []byte {
	t.Helper()
	f := measure.NewFollower(measure.PolicyDefault(), time.LoadLocation)
	for i, run := range l.runs {
		if err := f.Run(run); err != nil {
			t.Fatal(err)
		}
		f.Book.SetBatch(uint64(i + 1))
	}
	return f.AppendState(nil)
}

func TestKPIsFollowTheLogAndGoOnFromTheirCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newSoldLog()
		for life := range 3 {
			n, stop := measured(t, l)
			m := n.Measurement()
			for range 5 {
				l.sell(time.Now(), 1500)
				if m.Lag() == 0 {
					t.Error("1,500 facts are not in the book, and it says that it lacks none")
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if lag := m.Lag(); lag != 0 {
					t.Errorf("all is read, and the lag is %v", lag)
				}
			}
			if got := l.Position(); life == 0 && got != 0 {
				t.Errorf("the log was let go up to %d before there was a checkpoint", got)
			}
			saves := l.saves
			l.sell(time.Now(), 10)
			time.Sleep(CheckpointEveryDefault)
			synctest.Wait()
			if l.saves != saves+1 || l.Position() != l.batch || l.batch != l.Durable() {
				t.Errorf("after the time of a checkpoint there are %d, want %d; it is of batch %d, the cursor at %d, the log at %d",
					l.saves, saves+1, l.batch, l.Position(), l.Durable())
			}
			l.sell(time.Now(), 10)
			stop()
			if l.batch != l.Durable() || l.Position() != l.batch {
				t.Errorf("a stop left a checkpoint of batch %d and the cursor at %d; the log is at %d", l.batch, l.Position(), l.Durable())
			}
			if !bytes.Equal(l.state, l.replay(t)) {
				t.Errorf("life %d: the checkpoint is not what one reading of the log comes to", life)
			}
		}
	})
}

func TestMuchLogIsWorthACheckpointSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newSoldLog()
		_, stop := measured(t, l, func(c *MeasureConfig) { c.CheckpointBytes = 10_000 })
		for _, c := range []struct {
			buyers, saves int
			wait          time.Duration
		}{
			{10, 0, time.Second},                  // not worth it
			{500, 0, time.Second},                 // worth it, but not so soon
			{1, 1, checkpointPause},               // by now it is
			{2000, 2, time.Second},                // so much that it does not wait
			{1, 2, checkpointPause + time.Second}, // again not worth it
		} {
			l.sell(time.Now(), c.buyers)
			time.Sleep(c.wait)
			synctest.Wait()
			if l.saves != c.saves {
				t.Fatalf("%d checkpoints after %d facts, want %d", l.saves, len(l.runs), c.saves)
			}
		}
		stop()
	})
}

func TestACheckpointThatCannotBeUsedIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for what, spoil := range map[string]func(*soldLog){
			"damaged":          func(l *soldLog) { l.state = []byte("nothing that was ever written") },
			"another version":  func(l *soldLog) { l.state[0]++ },
			"too short":        func(l *soldLog) { l.state = l.state[:len(l.state)/2] },
			"of another batch": func(l *soldLog) { l.batch-- },
			"ahead of the log": func(l *soldLog) { l.batch = 1000 },
		} {
			l := newSoldLog()
			l.sell(time.Now(), 20)
			_, stop := measured(t, l)
			stop()
			spoil(l)
			n, stop := measured(t, l)
			time.Sleep(time.Second)
			synctest.Wait()
			if n.Measurement().Since() != 0 {
				t.Errorf("%s: the log is whole, and the KPIs say that it is not", what)
			}
			if l.saves != 2 || !bytes.Equal(l.state, l.replay(t)) { // no backup is whole before
				t.Errorf("%s: it is still there when the log has been read", what)
			}
			stop()
			if !bytes.Equal(l.state, l.replay(t)) || l.batch != l.Durable() {
				t.Errorf("%s: the KPIs are not what the log says", what)
			}
		}
	})
}

func TestKPIsOfALogThatWasCutSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newSoldLog()
		l.sell(time.Now(), 20)
		time.Sleep(time.Hour)
		began := time.Now()
		l.sell(began, 20)
		l.gone, l.position = 20, 20
		for life := range 2 { // the second reads it from the checkpoint
			n, stop := measured(t, l)
			time.Sleep(time.Second)
			synctest.Wait()
			a, err := n.Measurement().Answer(t.Context(), &measure.Query{Account: engine.SingleAccount, Window: measure.WindowSale})
			if err != nil || a.SinceMs != began.UnixMilli() || n.Measurement().Since() != engine.Instant(began.UnixNano()) {
				t.Errorf("life %d: the KPIs are since %+v (%v), want %d", life, a, err, began.UnixMilli())
			}
			stop()
		}
		// Nobody measures, and the log is cut: what was measured before cannot be continued.
		l.sell(time.Now(), 100)
		l.gone, l.position = 100, 100
		n, stop := measured(t, l)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := n.Measurement().Since(); got != l.runs[100].At {
			t.Errorf("the KPIs are since %v, the log begins at %v", got, l.runs[100].At)
		}
		stop()
	})
}

func TestALogThatCannotBeReadStopsMeasuringAndNothingElse(t *testing.T) {
	for _, broken := range []error{errors.New("a fact that nobody knows"), errBug} {
		t.Run(broken.Error(), func(t *testing.T) { stopsMeasuring(t, broken) })
	}
}

func stopsMeasuring(t *testing.T, broken error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := newSoldLog()
		n, stop := measured(t, l)
		l.sell(time.Now(), 20)
		time.Sleep(time.Second)
		synctest.Wait()
		l.mu.Lock()
		l.broken = broken
		l.mu.Unlock()
		l.sell(time.Now(), 20)
		time.Sleep(time.Minute)
		synctest.Wait()
		m := n.Measurement()
		if m.Stopped() == "" {
			t.Fatal("it goes on")
		}
		if lag := m.Lag(); lag < 59*time.Second || lag > 61*time.Second {
			t.Errorf("the oldest fact that is not in the book is a minute old, not %v", lag)
		}
		a, err := m.Answer(t.Context(), &measure.Query{Account: engine.SingleAccount, Window: measure.WindowSale})
		if err != nil || a.Batch != 20 || a.LagMs < 59_000 {
			t.Errorf("%+v %v, want what was measured before", a, err)
		}
		if got := ask(t, n, "e2", create("c1", 1)); got.code != engine.CodeOK {
			t.Errorf("an event was refused %v", got.code)
		}
		stop()
		if l.saves != 0 || l.Position() != 0 {
			t.Errorf("a book that stopped within a batch was kept: %d times, and the log let go up to %d", l.saves, l.Position())
		}
	})
}

func TestACheckpointThatIsNotWrittenKeepsTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newSoldLog()
		l.full = errors.New("no room")
		n, stop := measured(t, l)
		l.sell(time.Now(), 20)
		time.Sleep(CheckpointEveryDefault + time.Second)
		synctest.Wait()
		if got := n.Measurement().failures.Load(); got != 1 || l.Position() != 0 {
			t.Errorf("%d failures, and the log was let go up to %d", got, l.Position())
		}
		l.mu.Lock()
		l.full = nil
		l.mu.Unlock()
		l.sell(time.Now(), 1)
		time.Sleep(CheckpointEveryDefault + time.Second)
		synctest.Wait()
		if l.Position() != 21 {
			t.Errorf("the log was let go up to %d, want 21", l.Position())
		}
		stop()
	})
}

func TestALargeLogIsReadInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newSoldLog()
		l.sell(time.Now(), 2*measureBatchesMax+10)
		n, stop := measured(t, l)
		time.Sleep(time.Second)
		synctest.Wait()
		if want := []int{measureBatchesMax, measureBatchesMax, 10}; !slices.Equal(l.reads, want) {
			t.Errorf("pieces of %v batches, want %v", l.reads, want)
		}
		l.reads = nil
		l.sellRuns(time.Now(), 6, 30_000)
		each := len(l.runs[len(l.runs)-1].Facts.Buf)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(l.reads) < 2 || n.Measurement().Lag() != 0 {
			t.Errorf("6 batches of %d bytes were read in pieces of %v", each, l.reads)
		}
		for _, batches := range l.reads {
			if (batches-1)*each > measureBytesMax {
				t.Errorf("a piece of %d batches of %d bytes", batches, each)
			}
		}
		stop()
		if !bytes.Equal(l.state, l.replay(t)) {
			t.Error("what was read in pieces is not what is read at once")
		}
	})
}

func TestATableThatIsTooLongIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newSoldLog()
		events := MeasureFiguresMax/len(measure.Definitions()) + 1
		for i := range events {
			l.ev = engine.New(engine.Key{Account: engine.SingleAccount, Kind: engine.KindEvent, ID: fmt.Sprintf("e%d", i)})
			l.sell(time.Now(), 1)
		}
		n, stop := measured(t, l)
		time.Sleep(time.Second)
		synctest.Wait()
		q := measure.Query{Account: engine.SingleAccount, Window: measure.WindowSale, By: measure.ByEvent}
		if a, err := n.Measurement().Answer(t.Context(), &q); !errors.Is(err, measure.ErrTooMuch) {
			t.Errorf("all figures of %d events: %v", events, err)
		} else if a != nil {
			t.Errorf("it is made: %d rows", len(a.Rows))
		}
		q.KPIs = []string{"orders"}
		if a, err := n.Measurement().Answer(t.Context(), &q); err != nil || len(a.Rows) != events {
			t.Errorf("one figure of each: %+v %v", a, err)
		}
		stop()
	})
}

// reading is a node whose book is being read until the gate is closed. It is called in a bubble of synctest.
func reading(t *testing.T) (l *soldLog, n *Node, gate chan struct{}, stop func()) {
	t.Helper()
	l = newSoldLog()
	n, stop = measured(t, l)
	gate = make(chan struct{})
	l.mu.Lock()
	l.gate = gate
	l.mu.Unlock()
	l.sell(time.Now(), 20)
	time.Sleep(time.Second)
	synctest.Wait()
	return l, n, gate, stop
}

func TestQuestionsAreBoundedAndShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n, gate, stop := reading(t)
		m := n.Measurement()
		answers := make(chan *measure.Answer, MeasureAsksMax)
		for range MeasureAsksMax {
			go func() {
				a, err := m.Answer(t.Context(), &measure.Query{Account: engine.SingleAccount, Window: measure.Window1m})
				if err != nil {
					t.Error(err)
				}
				answers <- a
			}()
		}
		synctest.Wait()
		if _, err := m.Answer(t.Context(), &measure.Query{Account: engine.SingleAccount}); !errors.Is(err, ErrMeasureBusy) {
			t.Errorf("one question beyond the bound: %v", err)
		}
		if got := m.refused.Load(); got != 1 {
			t.Errorf("%d questions are counted as refused, want 1", got)
		}
		l.mu.Lock()
		l.gate = nil
		l.mu.Unlock()
		close(gate)
		first := <-answers
		for range MeasureAsksMax - 1 {
			if a := <-answers; a != first {
				t.Fatal("who asked the same in the same second got an answer of their own")
			}
		}
		time.Sleep(time.Second)
		if a, err := m.Answer(t.Context(), &measure.Query{Account: engine.SingleAccount, Window: measure.Window1m}); err != nil || a == first || a.Batch != 20 {
			t.Errorf("%+v %v: an answer of the second before", a, err)
		}
		for i := range sharedAnswersMax + 10 {
			if _, err := m.Answer(t.Context(), &measure.Query{Account: engine.SingleAccount, Event: fmt.Sprintf("e%d", i), Window: measure.Window1m}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if kept := len(m.shared.by); kept < 10 || kept > sharedAnswersMax {
			t.Errorf("%d answers are kept", kept)
		}
		all := make([]string, 0, len(measure.Definitions())+1)
		for _, d := range measure.Definitions() {
			all = append(all, d.ID)
		}
		made, kept := 0, 0
		for i := range 2*sharedFiguresMax/len(all) + 1 {
			a, err := m.Answer(t.Context(), &measure.Query{Account: engine.SingleAccount, Window: measure.Window1m, KPIs: append(all, fmt.Sprint("none", i))})
			if err != nil {
				t.Fatal(err)
			}
			made += len(a.Rows[0].Figures)
		}
		synctest.Wait()
		for _, told := range m.shared.by {
			kept += told.figures()
		}
		if made <= sharedFiguresMax || kept == 0 || kept > sharedFiguresMax || kept != m.shared.figures {
			t.Errorf("%d of %d figures are kept, and %d are counted", kept, made, m.shared.figures)
		}
		events, err := m.Events(t.Context(), engine.SingleAccount)
		if err != nil {
			t.Error(events, err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if len(m.shared.by) != 0 {
			t.Errorf("%d answers of a second that is over are kept", len(m.shared.by))
		}
		stop()
		if _, err := m.Answer(context.Background(), &measure.Query{Account: engine.SingleAccount}); !errors.Is(err, ErrMeasureStopped) {
			t.Errorf("a question after the stop: %v", err)
		}
	})
}

func TestNobodyWaitsForAQuestionThatNobodyAsksAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, n, gate, stop := reading(t)
		m := n.Measurement()
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, MeasureAsksMax)
		for i := range MeasureAsksMax - 1 {
			go func() {
				_, err := m.Answer(ctx, &measure.Query{Account: engine.SingleAccount, Event: fmt.Sprint("e", i)})
				left <- err
			}()
		}
		synctest.Wait()
		cancel()
		for range MeasureAsksMax - 1 {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		l.mu.Lock()
		l.gate = nil
		l.mu.Unlock()
		close(gate)
		a, err := m.Answer(t.Context(), &measure.Query{Account: engine.SingleAccount, Window: measure.Window1m})
		synctest.Wait()
		if err != nil || len(m.shared.by) != 1 {
			t.Errorf("%v %v: %d answers were made, want the one that somebody waits for", a != nil, err, len(m.shared.by))
		}
		stop()
	})
}
