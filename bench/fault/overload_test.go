package fault

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// The overload: a disk that needs overloadSync for a sync and room for overloadInFlight commands make about 20,000 commands a second possible.
const (
	overloadSync     = 35 * time.Millisecond
	overloadInFlight = 2000
	overloadTimes    = 10
	overloadBatch    = 25
	overloadClients  = 4
	overloadFor      = 3 * time.Second
	// overloadHeapBytes is how much the heap may grow, the callers in this process included: far below what an unbounded queue of these seconds takes.
	overloadHeapBytes = 256 << 20
)

// TestOverloadIsRefusedAndGoesAway sends ten times what the engine can do, at a constant rate whatever the answers. Every command is answered, or
// refused as overloaded with a hint when to come back; memory stays flat; when the flood is over, everything is as fast as before.
func TestOverloadIsRefusedAndGoesAway(t *testing.T) {
	slow := NewSlowFS()
	c := InsideConfig{Data: t.TempDir()}
	c.Store.FS = slow
	c.Transport.CommandsInFlightMax = overloadInFlight
	in, err := StartInside(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		slow.SetDelay(0)
		if err := in.Stop(within(t, patience)); err != nil {
			t.Error(err)
		}
	}()
	clients, err := Dials(in.NATS, overloadClients)
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll(clients)
	create := SaleSpec("create", "flood", 900_000_000, time.Hour)
	create.LimitPerBuyer = 0
	if r, err := clients[0].Ask(within(t, patience), NewCommand("flood", create)); err != nil || r.GetError() != nil {
		t.Fatal(err, r)
	}
	slow.SetDelay(overloadSync)
	f := &flood{t: t, clients: clients}

	before := f.closed(time.Second)
	quiet := heapBytes()
	var peak atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go watchHeap(&peak, stop, done)
	flooded := f.open(overloadFor, before*overloadTimes)
	close(stop)
	<-done
	after := f.closed(time.Second)

	st := in.Server.Stats()
	t.Logf("capacity %.0f/s; sent %.0f/s, %.1f times as much: accepted %.0f/s (%.2f of capacity), refused %.0f/s; afterwards %.0f/s (%.2f); heap %d MiB before, at most %d MiB",
		before, flooded.sent, flooded.sent/before, flooded.accepted, flooded.accepted/before, flooded.refused, after, after/before, quiet>>20, peak.Load()>>20)
	if flooded.refused == 0 {
		t.Error("nothing was refused: that was no overload")
	}
	if lost := st.DroppedPending + st.DroppedReply + st.DroppedNoReply + st.RepliesFailed; lost > 0 {
		t.Errorf("%d messages were dropped silently: %+v", lost, st)
	}
	if st.Refused[engine.CodeOverloaded] == 0 {
		t.Errorf("the refusals were not counted: %+v", st)
	}
	if grown := int64(peak.Load()) - int64(quiet); grown > overloadHeapBytes {
		t.Errorf("the heap grew by %d MiB under the flood, %d MiB are allowed: something queues without a bound", grown>>20, overloadHeapBytes>>20)
	}
	if after < before/2 {
		t.Errorf("after the flood %.0f commands a second went through, before it %.0f: it has not recovered", after, before)
	}
	v, err := clients[0].Show(within(t, patience), "flood")
	if err != nil {
		t.Fatal(err)
	}
	if err := ConservedEvent(v); err != nil {
		t.Error(err)
	}
	if got := v.GetHoldsLive(); got != f.accepted.Load() {
		t.Errorf("%d holds are live, %d were accepted", got, f.accepted.Load())
	}
	if in.Server.Stats().CommandsInFlight > 1 {
		t.Errorf("%d commands are still in flight", in.Server.Stats().CommandsInFlight)
	}
}

// flood sends batches of holds, each for a buyer of its own.
type flood struct {
	t        *testing.T
	clients  []*Client
	said     atomic.Int64
	accepted atomic.Int64
}

// rates are commands a second.
type rates struct{ sent, accepted, refused float64 }

func (f *flood) batch() []byte {
	cmds := make([]*Command, overloadBatch)
	for i := range cmds {
		n := strconv.FormatInt(f.said.Add(1), 10)
		cmds[i] = NewCommand("flood", &pb.HoldCommand{RequestId: "h" + n, Buyer: "b" + n, Items: []*pb.Item{{Lot: "early", Quantity: 1}}})
	}
	return EncodeBatch(cmds)
}

// judge counts a reply to a batch: all of it accepted, or all of it refused as overloaded with a hint.
func (f *flood) judge(b []byte) (accepted bool) {
	r, err := decodeReply(b)
	switch {
	case err != nil:
		f.t.Error(err)
	case r.GetError() == nil:
		for _, result := range r.GetResults() {
			if c := code(result); c != "ok" {
				f.t.Errorf("a hold was refused: %v", result)
			}
		}
		f.accepted.Add(int64(len(r.GetResults())))
		return true
	case code(r) != engine.CodeOverloaded.String() || r.GetError().GetRetryAfterMs() <= 0 || !r.GetError().GetRetryable():
		f.t.Errorf("refused with %v, must be overloaded, retryable, with a hint when", r.GetError())
	}
	return false
}

// closed keeps as much in flight as the engine takes and returns how many commands a second it accepts.
func (f *flood) closed(d time.Duration) float64 {
	started, before := time.Now(), f.accepted.Load()
	var wg sync.WaitGroup
	for i := range overloadInFlight / overloadBatch {
		wg.Go(func() {
			for time.Since(started) < d {
				b, err := f.clients[i%len(f.clients)].Raw(f.t.Context(), "flood", "batch", f.batch())
				if err != nil {
					f.t.Error(err)
					return
				}
				f.judge(b)
			}
		})
	}
	wg.Wait()
	return float64(f.accepted.Load()-before) / time.Since(started).Seconds()
}

// open sends at a constant rate, waits for every answer, and says what became of it all.
func (f *flood) open(d time.Duration, perSecond float64) rates {
	started, before := time.Now(), f.accepted.Load()
	var sent, refused atomic.Int64
	var wg sync.WaitGroup
	share := perSecond / float64(len(f.clients)) / overloadBatch // messages a second
	for _, c := range f.clients {
		answers := make(chan []byte, 1<<16)
		count := make(chan int64, 1)
		wg.Go(func() {
			var n int64
			for now := time.Since(started); now < d; now = time.Since(started) {
				for due := int64(now.Seconds() * share); n < due; n++ {
					if err := c.Send("flood", "batch", f.batch(), answers); err != nil {
						f.t.Error(err)
						break
					}
				}
				time.Sleep(time.Millisecond)
			}
			sent.Add(n * overloadBatch)
			count <- n
		})
		wg.Go(func() {
			total, got := int64(-1), int64(0)
			for total < 0 || got < total {
				select {
				case b := <-answers:
					got++
					if !f.judge(b) {
						refused.Add(overloadBatch)
					}
				case total = <-count:
				case <-time.After(patience):
					f.t.Errorf("%d of %d messages were never answered: dropped silently", total-got, total)
					return
				}
			}
		})
	}
	wg.Wait()
	s := d.Seconds()
	return rates{sent: float64(sent.Load()) / s, accepted: float64(f.accepted.Load()-before) / s, refused: float64(refused.Load()) / s}
}

func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// watchHeap notes the largest heap that is live after a collection.
func watchHeap(peak *atomic.Uint64, stop, done chan struct{}) {
	defer close(done)
	for {
		peak.Store(max(peak.Load(), heapBytes()))
		select {
		case <-stop:
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}
