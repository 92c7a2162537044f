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
	const waiting, perRun = 16, 1024
	free := make(releases, waiting)
	for range waiting {
		free <- &engine.Run{Key: eventKey(), Partition: engine.PartitionOf(bench.EventID), Owner: free}
	}
	ids := idText(bench.NewWorkload(1), holds)
	cmd := holdOne()
	now := start
	for i := 0; i < holds || i == 0; {
		run := <-free
		run.Facts.Reset()
		run.First, run.At = ev.Seq()+1, now
		if i == 0 {
			run.First = 1
			run.Facts.Buf, run.Facts.Count = append(run.Facts.Buf, facts.Buf...), facts.Count
		}
		for end := min(holds, i+perRun); i < end; i++ {
			holdCommand(&cmd, ids, i)
			if out := ev.Step(&cmd, now, &run.Facts); out.Code != engine.CodeOK {
				b.Fatalf("hold %d: %v", i, out.Code)
			}
		}
		now += 1_000_000
		s.Append(run)
	}
	for range waiting {
		<-free
	}
	check(b, s.Close())
	return ev.StateHash()
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
