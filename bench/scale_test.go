package bench_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/holdfast-engine/holdfast/actors"
	"github.com/holdfast-engine/holdfast/bench"
	"github.com/holdfast-engine/holdfast/engine"
)

// scaleWindows are the two ways to travel that are compared with the baseline: one a message, and batched.
func scaleWindows() []window { return []window{{4096, 1}, {4096, 64}} }

// fromEnv is a size that an environment variable can change.
func fromEnv(b *testing.B, name string, normal, short int) int {
	b.Helper()
	text, ok := os.LookupEnv(name)
	if !ok || testing.Short() {
		return size(normal, short)
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s=%s: give a number above 0", name, text)
	}
	return n
}

// BenchmarkScale compares durable holds over NATS in a large sale with the baseline: one event on sale at a time, some ten thousand live holds in it. Both are in one
// process and take turns.
//
//	holds    one event with 10 million live holds (BENCH_SCALE_HOLDS)
//	spread   as many live holds spread over 1,000 events, which are asked one message after the other
//	events   100,000 events (BENCH_SCALE_EVENTS), all awake, asked one message after the other
//	asleep   as many events asleep, and one hot event beside them
func BenchmarkScale(b *testing.B) {
	b.Run("holds", func(b *testing.B) {
		measure(b, func() {
			holds := fromEnv(b, "BENCH_SCALE_HOLDS", 10_000_000, 20_000)
			benchmarkScale(b, actors.Config{}, func(rig *bench.Rig) bench.LoadConfig {
				check(b, createFor(rig, bench.EventID))
				c := bench.LoadConfig{Subjects: bench.EngineSubjects, Workload: bench.NewWorkload(2)}
				fill(b, rig, c, holds)
				return c
			})
		})
	})
	b.Run("spread", func(b *testing.B) {
		measure(b, func() {
			holds := fromEnv(b, "BENCH_SCALE_HOLDS", 10_000_000, 20_000)
			benchmarkScale(b, actors.Config{}, func(rig *bench.Rig) bench.LoadConfig {
				c := bench.LoadConfig{Subjects: bench.EngineSubjects, Workload: bench.NewWorkload(2), Events: createMany(b, rig, size(1000, 10)), Again: true}
				fill(b, rig, c, holds)
				return c
			})
		})
	})
	b.Run("events", func(b *testing.B) {
		measure(b, func() {
			events := fromEnv(b, "BENCH_SCALE_EVENTS", 100_000, 200)
			benchmarkScale(b, actors.Config{SleepAfter: -1}, func(rig *bench.Rig) bench.LoadConfig {
				before := heapBytes()
				c := bench.LoadConfig{Subjects: bench.EngineSubjects, Workload: bench.NewWorkload(2), Events: createMany(b, rig, events), Again: true}
				fill(b, rig, c, events)
				b.ReportMetric(float64(heapBytes()-before)/float64(events), "B/event")
				return c
			})
		})
	})
	b.Run("asleep", func(b *testing.B) {
		measure(b, func() {
			events := fromEnv(b, "BENCH_SCALE_EVENTS", 100_000, 200)
			benchmarkScale(b, actors.Config{SleepAfter: 5 * time.Second}, func(rig *bench.Rig) bench.LoadConfig {
				createMany(b, rig, events)
				awaitAsleep(b, rig, events)
				check(b, createFor(rig, bench.EventID))
				return bench.LoadConfig{Subjects: bench.EngineSubjects, Workload: bench.NewWorkload(2)}
			})
		})
	})
}

// benchmarkScale runs the load that prepare has made room for in turns with the baseline.
func benchmarkScale(b *testing.B, c actors.Config, prepare func(*bench.Rig) bench.LoadConfig) {
	dir, remove, err := bench.DataDir()
	check(b, err)
	rig, err := bench.StartRig(bench.RigConfig{Dir: dir, Actors: c})
	check(b, err)
	createAll(b, rig, nights())
	scaled := prepare(rig)
	base := bench.LoadConfig{Subjects: bench.EngineSubjects, Events: nights(), Tickets: ticketsPerEventDefault, Workload: bench.NewWorkload(1)}
	for i, w := range scaleWindows() {
		name := []string{"one", "batched"}[i]
		scaled.Outstanding, scaled.Batch = w.outstanding, w.batch
		if len(scaled.Events) > 0 {
			scaled.Tickets = w.batch
		}
		base.Outstanding, base.Batch = w.outstanding, w.batch
		baseLoad, scaledLoad := startLoad(b, rig, base), startLoad(b, rig, scaled)
		out, err := bench.Alternate(rounds(), roundFor()/2, baseLoad.Run, scaledLoad.Run) // or ten million holds become more than an event may have
		check(b, err)
		baseRates, rates := bench.Rates(out[0]), bench.Rates(out[1])
		ratio := rates.Over(baseRates)
		cpu, baseCPU := bench.CPUNs(out[1]).Median(), bench.CPUNs(out[0]).Median()
		b.ReportMetric(ratio.Median(), name+"-ratio")
		b.ReportMetric(rates.Median(), name+"-holds/s")
		b.ReportMetric(cpu/baseCPU, name+"-cpu-ratio")
		b.Logf("%-8s baseline holds/s %v", name, baseRates)
		b.Logf("%-8s         holds/s %v", name, rates)
		b.Logf("%-8s           ratio %v; processor time %.0f ns a hold, baseline %.0f", name, ratio, cpu, baseCPU)
		b.Logf("%-8s             p99 %d us, baseline %d", name, bench.Latencies(out[1]).ValueAtQuantile(99), bench.Latencies(out[0]).ValueAtQuantile(99))
		baseLoad.Close()
		scaledLoad.Close()
		base.Events = base.Events[len(base.Events)/2:] // of the others some are sold
	}
	b.Logf("holds live %d, heap %d MiB, resident %d MiB", gauge(b, rig, "holdfast_holds_live"), heapBytes()>>20, residentBytes()>>20)
	check(b, rig.Close())
	check(b, remove())
}

// fill makes at least so many holds, in large batches.
func fill(b *testing.B, rig *bench.Rig, c bench.LoadConfig, holds int) {
	b.Helper()
	c.Outstanding, c.Batch = 16384, 256
	if len(c.Events) > 0 {
		c.Batch = min(256, max(1, holds/len(c.Events)))
		c.Outstanding, c.Tickets = 64*c.Batch, c.Batch
	}
	l := startLoad(b, rig, c)
	defer l.Close()
	for done := int64(0); done < int64(holds); {
		r, err := l.Run(roundFor())
		check(b, err)
		done += r.All
	}
}

// createFor puts an event on sale whose holds outlive every benchmark.
func createFor(rig *bench.Rig, event string) error {
	return rig.CreateFor(event, 1e9, 24*time.Hour)
}

// createMany puts so many events on sale and returns their ids.
func createMany(b *testing.B, rig *bench.Rig, events int) []string {
	b.Helper()
	names := make([]string, events)
	for i := range names {
		names[i] = fmt.Sprintf("show-%06d-2026", i)
	}
	createAll(b, rig, names)
	return names
}

// createAll puts events on sale, many at a time.
func createAll(b *testing.B, rig *bench.Rig, names []string) {
	b.Helper()
	const callers = 256
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for c := range callers {
		wg.Go(func() {
			for i := c; i < len(names) && errs[c] == nil; i += callers {
				errs[c] = createFor(rig, names[i])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		check(b, err)
	}
}

// awaitAsleep waits until so many events sleep.
func awaitAsleep(b *testing.B, rig *bench.Rig, events int) {
	b.Helper()
	for end := time.Now().Add(5 * time.Minute); gauge(b, rig, "holdfast_events_asleep") < int64(events); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("%d of %d events sleep", gauge(b, rig, "holdfast_events_asleep"), events)
		}
	}
}

// gauge reads a metric of the rig that is a whole number.
func gauge(b *testing.B, rig *bench.Rig, name string) int64 { return int64(reading(b, rig, name)) }

// reading reads a metric of the rig.
func reading(b *testing.B, rig *bench.Rig, name string) float64 {
	b.Helper()
	var text bytes.Buffer
	rig.Node.Metrics().WriteText(&text)
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text.Bytes())
	if m == nil {
		b.Fatalf("no metric %s", name)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	check(b, err)
	return v
}

// residentBytes is what the system has given the process; 0 where it does not say.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// BenchmarkScaleMemory is what live holds and sleeping events take after a collection: of the pure engine, and of the whole process with everything around it.
// beyond-B/hold leaves out the ids that are the caller's: the buyer's, and the request's while it is remembered.
func BenchmarkScaleMemory(b *testing.B) {
	for _, holds := range holdSizes() {
		b.Run(fmt.Sprintf("engine/holds=%d", holds), func(b *testing.B) {
			measure(b, func() {
				before := heapBytes()
				ev := liveHolds(b, holds, nil)
				reportHolds(b, heapBytes()-before, holds)
				runtime.KeepAlive(ev)
			})
		})
	}
	for _, holds := range holdSizes() {
		b.Run(fmt.Sprintf("process/holds=%d", holds), func(b *testing.B) {
			measure(b, func() {
				rig, end := startRig(b)
				defer end()
				check(b, createFor(rig, bench.EventID))
				c := bench.LoadConfig{Subjects: bench.EngineSubjects, Workload: bench.NewWorkload(1)}
				fill(b, rig, c, 1) // the buffers of everything around it are there
				few := gauge(b, rig, "holdfast_holds_live")
				before := heapBytes()
				fill(b, rig, c, holds)
				live := gauge(b, rig, "holdfast_holds_live")
				reportHolds(b, heapBytes()-before, int(live-few))
				b.ReportMetric(float64(residentBytes())/float64(live), "resident-B/hold")
			})
		})
	}
	b.Run("asleep", func(b *testing.B) {
		measure(b, func() { benchmarkAsleep(b, fromEnv(b, "BENCH_SCALE_EVENTS", 100_000, 200)) })
	})
}

// holdSizes are how many live holds are measured.
func holdSizes() []int {
	if testing.Short() {
		return []int{20_000}
	}
	if !full() {
		return []int{1_000_000, 3_000_000}
	}
	return []int{1_000_000, 3_000_000, 10_000_000}
}

func reportHolds(b *testing.B, bytes int64, holds int) {
	b.Helper()
	ids := float64(bench.IDLen) * (1 + min(1, float64(engine.DefaultLimits().Requests)/float64(holds)))
	each := float64(bytes) / float64(holds)
	b.ReportMetric(each, "B/hold")
	b.ReportMetric(each-ids, "beyond-B/hold")
}

// liveHolds is an event with so many holds; step, if not nil, is called for each, to run it.
func liveHolds(b *testing.B, holds int, step func(i int, run func())) *engine.Event {
	b.Helper()
	ev, facts := pureEvent(b, 1e9)
	s := &stepper{b: b, ev: ev, facts: facts, now: start}
	w := bench.NewWorkload(1)
	ids := make([]byte, 2*bench.IDLen)
	for i := range holds {
		w.IDs(ids, ids[bench.IDLen:])
		cmd := holdOne()
		holdCommand(&cmd, string(ids), 0)
		if step == nil {
			s.step(&cmd, engine.CodeOK)
			continue
		}
		step(i, func() { s.step(&cmd, engine.CodeOK) })
	}
	return ev
}

// BenchmarkScaleSteps grows one event to 5 million live holds (BENCH_SCALE_STEPS) and then lets them all expire, and times each step by the processor time of its
// thread: what a step keeps everybody else of the event waiting for, growth of tables included. Reading that clock costs some 200 ns, which are in each figure.
func BenchmarkScaleSteps(b *testing.B) {
	measure(b, func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		holds := fromEnv(b, "BENCH_SCALE_STEPS", 5_000_000, 20_000)
		steps := newStepTimes()
		ev := liveHolds(b, holds, func(_ int, run func()) { steps.time(run) })
		steps.report(b, "", "hold")
		expiries := newStepTimes()
		facts, now := new(engine.Facts), start
		for {
			at, ok := ev.NextDeadline()
			if !ok {
				break
			}
			facts.Reset()
			now = max(now, at)
			expiries.time(func() { ev.Step(&engine.Command{Verb: engine.VerbExpire}, now, facts) })
		}
		if live := ev.Stats().HoldsLive; live != 0 {
			b.Fatalf("%d holds did not expire", live)
		}
		expiries.report(b, "expire-", "expire")
	})
}

// stepTimes is the times of single steps, in nanoseconds.
type stepTimes struct {
	h    *hdrhistogram.Histogram
	long int
}

func newStepTimes() *stepTimes {
	return &stepTimes{h: hdrhistogram.New(1, int64(time.Minute), 3)}
}

func (s *stepTimes) time(run func()) {
	began := bench.ThreadTime()
	run()
	took := bench.ThreadTime() - began
	if took > time.Millisecond {
		s.long++
	}
	_ = s.h.RecordValue(int64(took)) // a minute would be noticed
}

func (s *stepTimes) report(b *testing.B, prefix, verb string) {
	b.Helper()
	us := func(q float64) float64 { return float64(s.h.ValueAtQuantile(q)) / 1000 }
	b.ReportMetric(us(50), prefix+"p50-us")
	b.ReportMetric(us(99), prefix+"p99-us")
	b.ReportMetric(us(99.9), prefix+"p99.9-us")
	b.ReportMetric(us(100), prefix+"p100-us")
	b.ReportMetric(float64(s.long), prefix+"above-1ms")
	b.Logf("%-6s %d steps: p50 %.1f p99 %.1f p99.9 %.1f p99.99 %.1f p100 %.1f us, %d above 1 ms", verb, s.h.TotalCount(), us(50), us(99), us(99.9), us(99.99), us(100), s.long)
}

// benchmarkAsleep puts events to sleep and measures what is left of them, before a restart and after it.
func benchmarkAsleep(b *testing.B, events int) {
	dir, remove, err := bench.DataDir()
	check(b, err)
	config := bench.RigConfig{Dir: dir, Actors: actors.Config{SleepAfter: 100 * time.Millisecond, EventsMax: int64(events) + 1, EventsAwakeMax: int64(events) + 1}}
	rig, err := bench.StartRig(config)
	check(b, err)
	check(b, createFor(rig, bench.EventID))
	awaitAsleep(b, rig, 1)
	before := heapBytes()
	ids := int64(0)
	for _, name := range createMany(b, rig, events) {
		ids += int64(len(name))
	}
	awaitAsleep(b, rig, events+1)
	slept := heapBytes() - before - ids
	check(b, rig.Close())
	rig, err = bench.StartRig(config)
	check(b, err)
	awaitAsleep(b, rig, events+1)
	again := heapBytes() - before - ids
	b.ReportMetric(float64(slept)/float64(events), "B/event")
	b.ReportMetric(float64(again)/float64(events), "restarted-B/event")
	b.ReportMetric(float64(residentBytes())/float64(events), "resident-B/event")
	check(b, rig.Close())
	check(b, remove())
}
