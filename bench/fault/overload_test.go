package fault

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/load"
)

// The overload: a disk that needs overloadSync for a sync and room for overloadInFlight commands make about 20,000 commands a second possible.
const (
	overloadSync     = 35 * time.Millisecond
	overloadInFlight = 2000
	overloadTimes    = 10
	overloadBatch    = 25
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
	client, err := Dial(in.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	create := SaleSpec("create", "flood", 900_000_000, time.Hour)
	create.LimitPerBuyer = 0
	if r, err := client.Ask(within(t, patience), NewCommand("flood", create)); err != nil || r.GetError() != nil {
		t.Fatal(err, r)
	}
	nc, err := load.Connect(in.NATS, true)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	g, err := load.New(nc, load.Config{Events: []string{"flood"}, Lot: "early", Batch: overloadBatch, Timeout: patience, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
	slow.SetDelay(overloadSync)
	accepted := int64(0)
	closed := func() float64 {
		r, err := g.Closed(within(t, patience), overloadInFlight, 0, time.Second)
		accepted += accountedFor(t, r, err)
		return r.Goodput()
	}

	before := closed()
	quiet := heapBytes()
	var peak atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go watchHeap(&peak, stop, done)
	flood, err := g.Open(within(t, patience), load.Schedule{PerSecond: before * overloadTimes, Arrivals: load.Constant, For: overloadFor})
	accepted += accountedFor(t, flood, err)
	close(stop)
	<-done
	after := closed()

	st := in.Server.Stats()
	t.Logf("capacity %.0f/s; sent %d, %d times as many in %v: %d accepted, %.2f of capacity, %d refused; afterwards %.0f/s (%.2f); heap %d MiB before, at most %d MiB",
		before, flood.Sent, overloadTimes, overloadFor, flood.Accepted, flood.Goodput()/before, flood.Overloaded, after, after/before, quiet>>20, peak.Load()>>20)
	if flood.Overloaded == 0 {
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
	v, err := client.Show(within(t, patience), "flood")
	if err != nil {
		t.Fatal(err)
	}
	if err := ConservedEvent(v); err != nil {
		t.Error(err)
	}
	if got := v.GetHoldsLive(); got != accepted {
		t.Errorf("%d holds are live, %d were accepted", got, accepted)
	}
	if in.Server.Stats().CommandsInFlight > 1 {
		t.Errorf("%d commands are still in flight", in.Server.Stats().CommandsInFlight)
	}
}

// accountedFor returns how many commands were accepted, and fails unless every command of a load was: or else refused as overloaded with a hint when to
// come back.
func accountedFor(t *testing.T, r *load.Result, err error) (accepted int64) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if r.Due != r.Sent || r.Sent != r.Accepted+r.Overloaded || r.WithoutHint > 0 || r.Repeated > 0 {
		t.Errorf("of %d commands %d were sent, %d accepted and %d refused as overloaded, %d without a hint; %d timed out: %v",
			r.Due, r.Sent, r.Accepted, r.Overloaded, r.WithoutHint, r.TimedOut, r.Outcomes)
	}
	return r.Accepted
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
