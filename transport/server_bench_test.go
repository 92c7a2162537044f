package transport_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// pump sends a body again and again, keeping so many requests outstanding, until b.N are answered.
func pump(b *testing.B, nc *nats.Conn, subject string, body []byte, outstanding int) {
	b.Helper()
	slots := make(chan struct{}, outstanding)
	inbox := nats.NewInbox()
	var answered sync.WaitGroup
	sub, err := nc.Subscribe(inbox, func(*nats.Msg) {
		<-slots
		answered.Done()
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	answered.Add(b.N)
	b.ResetTimer()
	for range b.N {
		slots <- struct{}{}
		if err := nc.PublishRequest(subject, inbox, body); err != nil {
			b.Fatal(err)
		}
	}
	answered.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}

// sameHeld answers every hold alike, without making anything.
func sameHeld() func(*engine.Request, int, *engine.Outcome) {
	items := []engine.ItemView{{Lot: "ga", Quantity: 2, Units: 1, FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}}}
	return func(r *engine.Request, i int, out *engine.Outcome) {
		out.Shows = engine.ShowsHold
		out.Hold = engine.HoldView{
			ID: 123456, Event: r.Event, Buyer: r.Commands[i].Buyer, State: engine.HoldHeld, TotalMinor: 9500, Currency: "EUR",
			ExpiresAt: 1_777_629_727_123_456_789, Items: items,
		}
	}
}

func soldOutAnswer(_ *engine.Request, _ int, out *engine.Outcome) {
	out.Code, out.Field, out.Lot, out.Have, out.Want = engine.CodeSoldOut, "items", "ga", 0, 2
}

// BenchmarkServer compares the server over an engine that costs nothing with a plain echo of the same bytes.
func BenchmarkServer(b *testing.B) {
	hold := &pb.HoldCommand{RequestId: "h-00000001", Buyer: "b-00000001", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}, Correlation: "0123456789abcdef"}
	body, err := proto.Marshal(hold)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		answer func(*engine.Request, int, *engine.Outcome)
	}{{"held", sameHeld()}, {"sold_out", soldOutAnswer}} {
		for _, outstanding := range []int{64, 1024, 4096} {
			w := serve(b, transport.Config{}, &transporttest.Engine{Answer: c.answer})
			reply := w.ask(b, transport.Subject("e1", "hold"), body)
			echo := connect(b, w.url)
			if _, err := echo.Subscribe("holdfast.v1.echoes.*.*", func(m *nats.Msg) { _ = echo.Publish(m.Reply, reply.Data) }); err != nil {
				b.Fatal(err)
			}
			if err := echo.Flush(); err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("answer=%s/outstanding=%d/server=echo", c.name, outstanding), func(b *testing.B) {
				pump(b, w.caller, "holdfast.v1.echoes.e1.hold", body, outstanding)
			})
			b.Run(fmt.Sprintf("answer=%s/outstanding=%d/server=holdfast", c.name, outstanding), func(b *testing.B) {
				pump(b, w.caller, transport.Subject("e1", "hold"), body, outstanding)
			})
		}
	}
}
