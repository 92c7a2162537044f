package transport_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

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
	c.Wallets = e
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

func TestCardNumbersInHeadersAreRefused(t *testing.T) {
	w := serve(t, transport.Config{}, &transporttest.Engine{Answer: heldAnswer})
	for name, header := range map[string]nats.Header{
		"value": {"Traceparent": {"fine"}, "X-Note": {"paid with 4111 1111 1111 1111"}}, "name": {"4111-1111-1111-1111": {"x"}},
	} {
		m := &nats.Msg{Subject: transport.Subject("e1", "hold"), Header: header, Data: []byte(`{"request_id":"h1","buyer":"b1"}`)}
		answer, err := w.caller.RequestMsgWithContext(within(t), m)
		if err != nil {
			t.Fatal(err)
		}
		if r := decodeReply(t, answer.Data); r.Error.GetCode() != "card_number" || r.Error.Field != "header" || strings.Contains(string(answer.Data), "4111") {
			t.Errorf("%s: answered %s", name, answer.Data)
		}
	}
	m := &nats.Msg{Subject: transport.Subject("e1", "hold"), Header: nats.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736"}}}
	m.Data = []byte(`{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`)
	if answer, err := w.caller.RequestMsgWithContext(within(t), m); err != nil || decodeReply(t, answer.Data).Error != nil {
		t.Errorf("a header without a card number: %v, %v", answer, err)
	}
	if requests, _ := w.engine.Taken(); requests != 1 {
		t.Errorf("the engine was asked %d times", requests)
	}
}
