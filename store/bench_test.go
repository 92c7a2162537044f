package store

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/store/storetest"
)

// pool appends runs of its own again and again, a bounded number at a time.
type pool struct {
	free chan *engine.Run
}

func (p *pool) Released(r *engine.Run) { p.free <- r }

// BenchmarkJournal appends runs of 64-byte facts, outstanding of them at a time, and reports durable facts and runs.
func BenchmarkJournal(b *testing.B) {
	for _, facts := range []int{1, 64, 256} {
		for _, depth := range []int{1, 2, 3, 4} {
			b.Run(fmt.Sprintf("facts=%d/depth=%d", facts, depth), func(b *testing.B) {
				c := Config{
					Dir: b.TempDir() + "/data", New: storetest.NewToy, Open: storetest.OpenToy, Logger: quiet(), PassBytes: -1, BatchesInFlight: depth, ReserveBytes: -1,
				}
				var batches int
				var fsync time.Duration
				c.Observe = func(s BatchStats) { batches++; fsync += time.Duration(s.DurableNs) }
				s, err := Open(c)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				outstanding := max(16, 4096/facts)
				p := &pool{free: make(chan *engine.Run, outstanding)}
				var seqs [100]engine.Seq
				for i := range outstanding {
					r := &engine.Run{Key: engine.Key{Account: "_", Kind: engine.KindEvent, ID: fmt.Sprintf("event%d", i%len(seqs))}, Owner: p}
					payload := make([]byte, 62)
					for range facts {
						storetest.AppendAdd(&r.Facts, payload)
					}
					p.free <- r
				}
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for i := range b.N {
					r := <-p.free
					n := i % len(seqs)
					r.Key.ID = r.Key.ID[:5]
					r.First = seqs[n] + 1
					seqs[n] += engine.Seq(facts)
					s.Append(r)
				}
				for range outstanding {
					<-p.free
				}
				wg.Wait()
				b.StopTimer()
				sec := b.Elapsed().Seconds()
				b.ReportMetric(float64(b.N)/sec, "runs/s")
				b.ReportMetric(float64(b.N*facts)/sec, "facts/s")
				b.ReportMetric(float64(b.N)/float64(batches), "runs/batch")
				b.ReportMetric(float64(fsync.Microseconds())/float64(batches), "durable-us")
			})
		}
	}
}
