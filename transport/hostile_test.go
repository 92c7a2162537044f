package transport_test

import (
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// serveDirect starts a server over the engine's own rules.
func serveDirect(t testing.TB, e *transporttest.Direct) *world {
	t.Helper()
	return serveDirectWith(t, transport.Config{}, e)
}

func serveDirectWith(t testing.TB, c transport.Config, e *transporttest.Direct) *world {
	t.Helper()
	w := &world{url: broker(t)}
	s, err := transport.Serve(c, connect(t, w.url), e)
	if err != nil {
		t.Fatal(err)
	}
	w.server = s
	t.Cleanup(func() {
		if err := s.Drain(within(t)); err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	w.caller = connect(t, w.url)
	return w
}

func TestHostileMessagesAreRefusedAndChangeNothing(t *testing.T) {
	e := &transporttest.Direct{Now: 1_777_000_000_000_000_000}
	w := serveDirect(t, e)
	if r := w.askJSON(t, transport.Subject("e1", "create"), transporttest.HostileEvent); r.Error != nil {
		t.Fatal(r.Error)
	}
	hash, seq := e.StateHash("e1")
	messages := transporttest.HostileMessages("e1")
	if len(messages) < 40 {
		t.Fatalf("only %d hostile messages", len(messages))
	}
	for _, m := range messages {
		t.Run(m.Name, func(t *testing.T) {
			answer := w.ask(t, m.Subject, m.Body)
			reply := decodeReply(t, answer.Data)
			if reply.Error.GetCode() != m.Code.String() || reply.Error.GetField() != m.Field {
				t.Errorf("refused as %v instead of code %s, field %q", reply.Error, m.Code, m.Field)
			}
			if reply.Error.GetMessage() == "" || strings.Contains(string(answer.Data), "4111") {
				t.Errorf("reply %s", answer.Data)
			}
			if answer.Header.Get(transport.HeaderErrorCode) != m.Code.String() {
				t.Errorf("headers %v", answer.Header)
			}
			if got, at := e.StateHash("e1"); got != hash || at != seq {
				t.Errorf("the event has changed: fact %d to %d", seq, at)
			}
		})
	}
	if ids := e.Events(engine.SingleAccount, "", 10); len(ids) != 1 {
		t.Errorf("events %v", ids)
	}
}

// Run with a fake engine that accepts everything, to see that what the table leaves to the rules is not refused before, and the rest is.
func TestHostileMessagesAreRefusedByTheRoomThatTheTableSays(t *testing.T) {
	e := &transporttest.Engine{Answer: heldAnswer}
	w := serve(t, transport.Config{}, e)
	for _, m := range transporttest.HostileMessages("e1") {
		reply := decodeReply(t, w.ask(t, m.Subject, m.Body).Data)
		if (reply.Error == nil) != m.ByEngine {
			t.Errorf("%s: ByEngine is %v, and the reply is %v", m.Name, m.ByEngine, reply)
		}
	}
}
