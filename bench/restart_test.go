package bench_test

import (
	"os"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
)

// BenchmarkRestart is the time from opening a data folder to the first answer over NATS, with all holds in the tail of the log: there is no snapshot, so every
// fact is read and folded. Each round restarts on a fresh copy of the folder.
func BenchmarkRestart(b *testing.B) {
	measure(b, func() {
		holds := size(1_000_000, 10_000)
		dir := dataDir(b)
		hash := fillLog(b, dir, holds)
		checkRecovery(b, copyOf(b, dir), holds, hash)

		var times, recoveries bench.Numbers
		for range rounds() {
			folder := copyOf(b, dir)
			began := time.Now()
			rig, err := bench.StartRig(bench.RigConfig{Dir: folder})
			check(b, err)
			state, err := rig.State(bench.EventID)
			times = append(times, float64(time.Since(began).Microseconds())/1000)
			check(b, err)
			recoveries = append(recoveries, float64(rig.Recovered.TookMs))
			if state.Holds != int64(holds) {
				b.Fatalf("%d holds came back of %d", state.Holds, holds)
			}
			check(b, rig.Close())
			check(b, os.RemoveAll(folder))
		}
		b.ReportMetric(times.Median(), "restart-ms")
		b.ReportMetric(recoveries.Median(), "recover-ms")
		b.ReportMetric(float64(holds)/times.Median()*1000, "facts/s")
		b.Logf("restart ms %v", times)
		b.Logf("recover ms %v", recoveries)
		b.Logf("state      %016x after %d holds, live and recovered", hash, holds)
	})
}

// fillLog writes a log with so many holds of one event into dir and returns the event's state hash.
func fillLog(b *testing.B, dir string, holds int) (hash uint64) {
	b.Helper()
	s := openStore(b, dir, func(c *store.Config) { c.PassBytes = -1 })
	ev, facts := pureEvent(b, 1e9)
	l := newLogged(b, s, ev, facts)
	ids := idText(bench.NewWorkload(1), holds)
	cmd := holdOne()
	for i := range holds {
		holdCommand(&cmd, ids, i)
		l.step(&cmd)
	}
	l.flush()
	check(b, s.Close())
	return ev.StateHash()
}

// logged is an event whose facts go into a log, as those of its actor do: 1,024 commands a run, 16 runs waiting at any time.
type logged struct {
	b     *testing.B
	s     *store.Store
	ev    *engine.Event
	free  releases
	run   *engine.Run
	now   engine.Instant
	steps int
}

const (
	loggedWaiting = 16
	loggedPerRun  = 1024
)

// newLogged goes on with an event that was just created, with these facts.
func newLogged(b *testing.B, s *store.Store, ev *engine.Event, created *engine.Facts) *logged {
	b.Helper()
	l := &logged{b: b, s: s, ev: ev, free: make(releases, loggedWaiting), now: start}
	for range loggedWaiting {
		l.free <- &engine.Run{Key: eventKey(), Partition: engine.PartitionOf(bench.EventID), Owner: l.free}
	}
	l.begin()
	l.run.First = 1
	l.run.Facts.Buf, l.run.Facts.Count = append(l.run.Facts.Buf, created.Buf...), created.Count
	return l
}

func (l *logged) begin() {
	l.run = <-l.free
	l.run.Facts.Reset()
	l.run.First, l.run.At = l.ev.Seq()+1, l.now
}

// step runs a command that must be accepted, and what it leaves over.
func (l *logged) step(cmd *engine.Command) {
	l.b.Helper()
	if l.run == nil {
		l.begin()
	}
	out := l.ev.Step(cmd, l.now, &l.run.Facts)
	if out.Code != engine.CodeOK {
		l.b.Fatalf("step %d, %v: %v %s", l.steps, cmd.Verb, out.Code, out.AppendMessage(nil))
	}
	if l.steps++; l.steps%loggedPerRun == 0 {
		l.append()
	}
	for cmd.Verb != engine.VerbSettle && l.ev.Unsettled() {
		l.step(&engine.Command{Verb: engine.VerbSettle})
	}
}

func (l *logged) append() {
	l.now += 1_000_000
	l.s.Append(l.run)
	l.run = nil
}

// flush waits until everything is durable.
func (l *logged) flush() {
	if l.run != nil {
		l.append()
	}
	var all [loggedWaiting]*engine.Run
	for i := range all {
		all[i] = <-l.free
	}
	for _, run := range all {
		l.free <- run
	}
}

// checkRecovery proves that what comes back is what was there.
func checkRecovery(b *testing.B, dir string, holds int, hash uint64) {
	b.Helper()
	s, err := store.Open(store.Config{Dir: dir, New: engine.NewAggregate, Open: engine.OpenSnapshot})
	check(b, err)
	recovered, err := s.Recover()
	check(b, err)
	if len(recovered.Awake) != 1 || recovered.Awake[0].State.StateHash() != hash || recovered.Facts < uint64(holds) {
		b.Fatalf("%d aggregates and %d facts came back, not one with state %016x and %d holds", len(recovered.Awake), recovered.Facts, hash, holds)
	}
	check(b, s.Close())
	check(b, os.RemoveAll(dir))
}

// copyOf copies a data folder.
func copyOf(b *testing.B, dir string) string {
	b.Helper()
	to := dataDir(b)
	check(b, os.CopyFS(to, os.DirFS(dir)))
	return to
}
