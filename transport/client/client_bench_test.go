package client_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// BenchmarkHoldAsync measures client, NATS server and codecs together, over an engine that costs nothing.
func BenchmarkHoldAsync(b *testing.B) {
	items := []engine.ItemView{{Lot: "ga", Quantity: 2, Units: 1, FaceMinor: 4500}}
	answer := func(r *engine.Request, i int, out *engine.Outcome) {
		out.Shows = engine.ShowsHold
		out.Hold = engine.HoldView{ID: 7, Event: r.Event, Buyer: r.Commands[i].Buyer, State: engine.HoldHeld, Currency: "EUR", TotalMinor: 9000, Items: items}
	}
	for _, batch := range []int{1, 64} {
		for _, outstanding := range []int{64, 1024, 4096} {
			b.Run(fmt.Sprintf("outstanding=%d/batch=%d", outstanding, batch), func(b *testing.B) {
				url := broker(b)
				serve(b, url, &transporttest.Engine{Answer: answer})
				c := connect(b, url, client.Options{BatchCommandsMax: batch, MessagesInFlightMax: max(8, outstanding/batch)})
				cmd := &pb.HoldCommand{RequestId: "h-00000001", Buyer: "b-00000001", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}}
				slots := make(chan struct{}, outstanding)
				var left sync.WaitGroup
				left.Add(b.N)
				done := func(r client.Reply, err error) {
					if err != nil || r.Code() != engine.CodeOK {
						b.Error(err, r.Code())
					}
					<-slots
					left.Done()
				}
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					slots <- struct{}{}
					c.HoldAsync("e1", cmd, done)
				}
				left.Wait()
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "holds/s")
			})
		}
	}
}
