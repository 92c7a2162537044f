package bench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store"
)

// BenchmarkJournal is the log alone: runs of holds' facts, 64 runs waiting at any time, each durable in both copies before the next takes its place.
func BenchmarkJournal(b *testing.B) {
	for _, facts := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("run=%d", facts), func(b *testing.B) {
			measure(b, func() { benchmarkJournal(b, facts) })
		})
	}
}

func benchmarkJournal(b *testing.B, factsPerRun int) {
	const waiting = 64
	dir := dataDir(b)
	disk := newDisk(b)
	commits := hdrhistogram.New(1, 1e9, 3)
	s := openStore(b, dir, func(c *store.Config) {
		c.PassBytes = -1 // the facts repeat: nothing may fold them
		c.Observe = func(s store.BatchStats) { _ = commits.RecordValue(min(max(1, s.DurableNs/1000), 1e9)) }
	})

	ev, facts := pureEvent(b, 1e9)
	facts.Reset()
	ids := idText(bench.NewWorkload(1), factsPerRun)
	cmd := holdOne()
	for i := range factsPerRun {
		holdCommand(&cmd, ids, i)
		if out := ev.Step(&cmd, start, facts); out.Code != engine.CodeOK {
			b.Fatal(out.Code)
		}
	}
	free := make(releases, waiting)
	for range waiting {
		free <- &engine.Run{
			Key: eventKey(), Partition: engine.PartitionOf(bench.EventID), At: start, Owner: free,
			Facts: engine.Facts{Buf: append([]byte(nil), facts.Buf...), Count: facts.Count},
		}
	}
	first := engine.Seq(1)
	out, err := bench.Alternate(rounds(), roundFor()/2, func(d time.Duration) (bench.Round, error) {
		disk.probe()
		r := bench.Round{Latency: hdrhistogram.New(1, 1e9, 3)}
		began := time.Now()
		sent := make(map[*engine.Run]time.Duration, waiting)
		for r.Took < d {
			run := <-free
			r.Took = time.Since(began)
			if at, ok := sent[run]; ok {
				_ = r.Latency.RecordValue(max(1, (r.Took - at).Microseconds()))
				r.Commands += int64(run.Facts.Count)
			}
			sent[run] = r.Took
			run.First = first
			first += engine.Seq(run.Facts.Count)
			s.Append(run)
		}
		return r, nil
	})
	check(b, err)
	for range waiting {
		<-free
	}
	check(b, s.Close())

	rates := bench.Rates(out[0])
	latency := hdrhistogram.New(1, 1e9, 3)
	for i := range out[0] {
		latency.Merge(out[0][i].Latency)
	}
	b.ReportMetric(rates.Median(), "facts/s")
	b.ReportMetric(rates.Median()*float64(len(facts.Buf))/float64(facts.Count)/1e6, "MB/s")
	b.ReportMetric(float64(latency.ValueAtQuantile(50)), "p50-us")
	b.ReportMetric(float64(latency.ValueAtQuantile(99)), "p99-us")
	b.ReportMetric(float64(commits.ValueAtQuantile(50)), "commit-p50-us")
	b.ReportMetric(disk.p50(), "fsync-p50-us")
	b.Logf("facts/s %v", rates)
	b.Logf("%d facts of %d B a run, %.1f runs a commit", facts.Count, len(facts.Buf), float64(s.Stats().Runs)/float64(max(1, s.Stats().Batches)))
}

// releases gives released runs back to whoever appends.
type releases chan *engine.Run

func (r releases) Released(run *engine.Run) { r <- run }

// openStore opens and recovers a store by itself.
func openStore(b *testing.B, dir string, change func(*store.Config)) *store.Store {
	b.Helper()
	c := store.Config{Dir: dir, New: engine.NewAggregate, Open: engine.OpenSnapshot, Fatal: func(err error) { panic(err) }}
	if change != nil {
		change(&c)
	}
	s, err := store.Open(c)
	check(b, err)
	_, err = s.Recover()
	check(b, err)
	return s
}
