package store

import (
	"fmt"
	"syscall"
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

// BenchmarkJournal appends runs of 64-byte facts, a bounded number outstanding, and reports durable facts and runs.
func BenchmarkJournal(b *testing.B) {
	for _, facts := range []int{1, 64, 256} {
		for _, outstanding := range []int{1, 64, 1024, 4096} {
			if facts*outstanding > 16384 {
				continue
			}
			for _, depth := range depths() {
				b.Run(fmt.Sprintf("facts=%d/outstanding=%d/depth=%d", facts, outstanding, depth), func(b *testing.B) {
					benchmarkJournal(b, facts, outstanding, depth)
				})
			}
		}
	}
}

// depths are the numbers of batches in flight to compare: the default alone, or all with HOLDFAST_DEPTHS.
func depths() []int {
	if envInt("HOLDFAST_DEPTHS", 0) != 0 {
		return []int{1, 2, 3, 4, 6}
	}
	return []int{DefaultBatchesInFlight}
}

func benchmarkJournal(b *testing.B, facts, outstanding, depth int) {
	c := Config{
		Dir: b.TempDir() + "/data", New: storetest.NewToy, Open: storetest.OpenToy, Logger: quiet(), PassBytes: -1, BatchesInFlight: depth, ReserveBytes: -1,
	}
	var batches int
	var durable time.Duration
	c.Observe = func(s BatchStats) {
		batches++
		durable += time.Duration(s.DurableNs)
	}
	s, err := Open(c)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	// The runs come back in the order in which they were appended, so each event has runs of its own.
	p := &pool{free: make(chan *engine.Run, outstanding)}
	for i := range outstanding {
		r := &engine.Run{Key: toyKey(i % 1000), Owner: p, First: 1}
		payload := make([]byte, 62)
		for range facts {
			storetest.AppendAdd(&r.Facts, payload)
		}
		p.free <- r
	}
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cpuTime()
	for range b.N {
		s.Append(<-p.free)
	}
	for range outstanding {
		<-p.free
	}
	b.StopTimer()
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/run")
	sec := b.Elapsed().Seconds()
	b.ReportMetric(float64(b.N)/sec, "runs/s")
	b.ReportMetric(float64(b.N*facts)/sec, "facts/s")
	b.ReportMetric(float64(b.N)/float64(batches), "runs/batch")
	b.ReportMetric(float64(durable.Microseconds())/float64(batches), "durable-us")
}

// cpuTime is what the process has used of all processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRecover opens and recovers a folder with a million 64-byte facts in runs of the given size, and checks every link of the chain on the way.
func BenchmarkRecover(b *testing.B) {
	for _, facts := range []int{1, 64} {
		b.Run(fmt.Sprintf("facts=%d", facts), func(b *testing.B) {
			c := Config{Dir: b.TempDir() + "/data", New: storetest.NewToy, Open: storetest.OpenToy, Logger: quiet(), PassBytes: -1, ReserveBytes: -1}
			s, err := Open(c)
			if err != nil {
				b.Fatal(err)
			}
			const total = 1_000_000
			payload := make([]byte, 62)
			events := 100
			for i := range total / facts {
				r := &engine.Run{Key: toyKey(i % events), First: engine.Seq(i/events*facts + 1)}
				for range facts {
					storetest.AppendAdd(&r.Facts, payload)
				}
				s.Append(r)
				if i%1024 == 0 {
					if err := s.settle(); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			var open, recover time.Duration
			b.ResetTimer()
			for b.Loop() {
				began := time.Now()
				s, err := Open(c)
				if err != nil {
					b.Fatal(err)
				}
				opened := time.Now()
				rec, err := s.Recover()
				if err != nil || rec.Facts < total-64 {
					b.Fatal(rec.Facts, err)
				}
				recover += time.Since(opened)
				open += opened.Sub(began)
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(open.Milliseconds())/float64(b.N), "open-ms")
			b.ReportMetric(float64(recover.Milliseconds())/float64(b.N), "recover-ms")
		})
	}
}
