package load

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport"
)

func TestHoldsKeptAreBounded(t *testing.T) {
	const most = 20
	var k keptHolds
	for i := range 3 * most {
		k.put(most).set(time.Duration(i), fmt.Appendf(nil, "h%d", i), []byte("anna"))
	}
	if k.count != most || len(k.ring) > most {
		t.Fatalf("%d holds are kept in room for %d, at most %d may be", k.count, len(k.ring), most)
	}
	if h := k.take(0); string(h.hold()) != "h40" || string(h.whose()) != "anna" {
		t.Errorf("the oldest kept is %s", h.hold())
	}
	if h := k.take(50); string(h.hold()) != "h50" {
		t.Errorf("the oldest that is young enough is %s", h.hold())
	}
	if h := k.take(1000); h != nil || k.count != 0 {
		t.Errorf("%s is kept, and is too old", h.hold())
	}
	c := Config{Events: make([]string, EventsMax+1), Lot: "ga"}
	if _, err := c.withDefaults(); err == nil {
		t.Error("more events than EventsMax were taken")
	}
}

// TestMessagesInFlightAreBounded fills the room for messages on their way: the next has to wait until one is answered or given up.
func TestMessagesInFlightAreBounded(t *testing.T) {
	s, url, err := transport.Embedded(transport.EmbeddedConfig{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	silent, err := nc.SubscribeSync(transport.Subject("e1", "hold"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(nc, Config{Events: []string{"e1"}, Lot: "ga", Timeout: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := g.Closed(t.Context(), MessagesInFlightMax+1, 0, time.Second); err == nil {
		t.Error("a closed loop of more messages than MessagesInFlightMax was taken")
	}
	g.begin(0, time.Hour, 1e18)
	if len(g.slots) != MessagesInFlightMax {
		t.Fatalf("there is room for %d messages", len(g.slots))
	}
	g.mu.Lock()
	g.slots = g.slots[:8]
	for range 8 {
		g.send(g.now())
	}
	if !g.full() || g.flying != 8 {
		t.Errorf("%d messages are on their way and there is still room", g.flying)
	}
	g.mu.Unlock()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if g.wait(ended, 0) {
		t.Error("one more message may be sent")
	}
	m, err := silent.NextMsg(time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if number, ok := correlationOf(m.Data[len(m.Data)-correlationLen:]); !ok || number != g.oldest {
		t.Errorf("the first message has number %d, %v", number, ok)
	}
	g.mu.Lock()
	g.forget(g.oldest)
	g.mu.Unlock()
	if !g.wait(t.Context(), 0) {
		t.Error("one was answered, and there is still no room")
	}
	if g.wait(ended, 0) {
		t.Error("a load that is late does not see that it was ended")
	}
}
