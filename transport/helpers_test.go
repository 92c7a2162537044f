package transport_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// patience is how long a test waits for something that must happen. No test passes because of it.
const patience = 20 * time.Second

// within returns a context that ends long after a healthy test has.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// broker starts an embedded NATS server and returns its URL.
func broker(t testing.TB) string {
	t.Helper()
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return url
}

// connect opens a NATS connection that the test closes.
func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// world is a server over a fake engine, and a connection of a caller.
type world struct {
	url    string
	engine *transporttest.Engine
	server *transport.Server
	caller *nats.Conn
}

// serve starts a world. The server is drained when the test ends.
func serve(t testing.TB, c transport.Config, e *transporttest.Engine) *world {
	t.Helper()
	w := &world{url: broker(t), engine: e}
	s, err := transport.Serve(c, connect(t, w.url), e)
	if err != nil {
		t.Fatal(err)
	}
	w.server = s
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		e.Wait()
	})
	w.caller = connect(t, w.url)
	return w
}

// ask sends a body and returns the reply as it came.
func (w *world) ask(t testing.TB, subject string, body []byte) *nats.Msg {
	t.Helper()
	m, err := w.caller.RequestWithContext(within(t), subject, body)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	return m
}

// askJSON sends JSON and decodes the JSON reply.
func (w *world) askJSON(t testing.TB, subject, body string) *pb.Reply {
	t.Helper()
	return decodeReply(t, w.ask(t, subject, []byte(body)).Data)
}

// askProto sends a message and decodes the protobuf reply.
func (w *world) askProto(t testing.TB, subject string, m proto.Message) *pb.Reply {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return decodeReply(t, w.ask(t, subject, body).Data)
}

// decodeBuyerReply decodes a reply about a wallet with the standard decoders.
func decodeBuyerReply(t testing.TB, body []byte) *pb.BuyerReply {
	t.Helper()
	reply := new(pb.BuyerReply)
	var err error
	if len(body) > 0 && body[0] == '{' {
		err = protojson.Unmarshal(body, reply)
	} else {
		err = proto.Unmarshal(body, reply)
	}
	if err != nil {
		t.Fatalf("reply %q: %v", body, err)
	}
	return reply
}

// decodeReply decodes a reply with the standard decoders.
func decodeReply(t testing.TB, body []byte) *pb.Reply {
	t.Helper()
	reply := new(pb.Reply)
	if len(body) > 0 && body[0] == '{' {
		if err := protojson.Unmarshal(body, reply); err != nil {
			t.Fatalf("reply %s: %v", body, err)
		}
		return reply
	}
	if err := proto.Unmarshal(body, reply); err != nil {
		t.Fatalf("reply %x: %v", body, err)
	}
	return reply
}

// heldAnswer answers holds with what was asked for, at 4750 a ticket.
func heldAnswer(r *engine.Request, i int, out *engine.Outcome) {
	c := &r.Commands[i]
	out.Shows = engine.ShowsHold
	out.Hold = engine.HoldView{
		ID: engine.HoldID(i + 1), Event: r.Event, Buyer: c.Buyer, State: engine.HoldHeld, Currency: "EUR",
		ExpiresAt: engine.Instant(1_777_629_727_000_000_000),
	}
	for _, it := range c.Items {
		out.Hold.Items = append(out.Hold.Items, engine.ItemView{
			Lot: it.Lot, Quantity: it.Quantity, Units: 1, FaceMinor: 4500, Fees: []engine.Fee{{Name: "service", Minor: 250}}, Seats: it.Seats,
		})
		out.Hold.TotalMinor += 4750 * it.Quantity
	}
}
