package transport_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

func TestHoldGoesRoundInBothLanguages(t *testing.T) {
	w := serve(t, transport.Config{}, &transporttest.Engine{Answer: heldAnswer, Async: true})
	command := &pb.HoldCommand{RequestId: "h1", Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: 2}}, Correlation: "7"}

	fromProto := w.askProto(t, transport.Subject("e1", "hold"), command)
	fromJSON := w.askJSON(t, transport.Subject("e1", "hold"),
		`{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":2}],"correlation":"7"}`)
	if !proto.Equal(fromProto, fromJSON) {
		t.Errorf("the replies differ:\n%v\n%v", fromProto, fromJSON)
	}
	if fromProto.RequestId != "h1" || fromProto.Correlation != "7" {
		t.Errorf("reply %v does not echo the request id and the correlation", fromProto)
	}
	if h := fromProto.Hold; h.GetEvent() != "e1" || h.GetBuyer() != "b1" || h.GetState() != "held" || h.GetTotalMinor() != 9500 {
		t.Errorf("hold %v", h)
	}
}

func TestBatchIsAnsweredByIndex(t *testing.T) {
	w := serve(t, transport.Config{}, &transporttest.Engine{Answer: heldAnswer})
	batch := &pb.Batch{RequestId: "whole", Correlation: "9"}
	for _, id := range []string{"a", "b", "c"} {
		batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Hold{Hold: &pb.HoldCommand{
			RequestId: id, Buyer: "buyer-" + id, Items: []*pb.Item{{Lot: "ga", Quantity: 1}},
		}}})
	}
	reply := w.askProto(t, transport.Subject("e1", "batch"), batch)
	if reply.RequestId != "whole" || reply.Correlation != "9" || len(reply.Results) != 3 {
		t.Fatalf("reply %v", reply)
	}
	for i, id := range []string{"a", "b", "c"} {
		if r := reply.Results[i]; r.RequestId != id || r.Hold.GetBuyer() != "buyer-"+id {
			t.Errorf("result %d is %v", i, r)
		}
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRepliesGoOnlyToInboxes(t *testing.T) {
	e := &transporttest.Engine{Answer: heldAnswer}
	w := serve(t, transport.Config{}, e)
	spy, err := w.caller.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`)
	subject := transport.Subject("e1", "hold")
	for _, reply := range []string{
		"holdfast.v1.events.e2.close", "holdfast.v1.admin.refund", "$JS.API.STREAM.DELETE.orders", "$SYS.REQ.SERVER.PING", "_INBOX", "_INBOX.",
		"_INBOX.*", "_INBOX.a.>", "_INBOX.a..b", "_inbox.a", "_INBOXES.a", "inbox.a", "_INBOX.a\x01", "_INBOX.\u202e",
	} {
		if err := publishRaw(w.url, subject, reply, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.caller.Publish(subject, body); err != nil { // no reply subject at all
		t.Fatal(err)
	}
	if err := w.caller.PublishRequest(transport.SubjectList, "holdfast.v1.events.e2.close", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	w.ask(t, transport.Subject("e1", "get"), []byte(`{}`)) // everything before it has been looked at
	await(t, func() bool { return w.server.Stats().DroppedReply == 15 })
	if st := w.server.Stats(); st.DroppedNoReply != 1 {
		t.Errorf("%d messages without a reply subject were dropped instead of 1", st.DroppedNoReply)
	}
	if requests, _ := e.Taken(); requests != 1 {
		t.Errorf("the engine took %d requests instead of the one to an inbox", requests)
	}
	for {
		m, err := spy.NextMsg(0)
		if err != nil {
			break
		}
		if len(m.Data) > 0 && !strings.HasPrefix(m.Subject, "_INBOX.") && string(m.Data) != string(body) && string(m.Data) != "{}" {
			t.Errorf("the engine published %q to %s", m.Data, m.Subject)
		}
	}
}

// publishRaw publishes with a reply subject that no client library would let through.
func publishRaw(url, subject, reply string, body []byte) error {
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "CONNECT {\"verbose\":false}\r\nPUB %s %s %d\r\n%s\r\nPING\r\n", subject, reply, len(body), body)
	if err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("after reply subject %q: %w", reply, err)
		}
		if strings.HasPrefix(line, "PONG") {
			return nil
		}
	}
}

// await waits for a condition by looking at it.
func await(t testing.TB, f func() bool) {
	t.Helper()
	ctx := within(t)
	for !f() {
		select {
		case <-ctx.Done():
			t.Fatal("it did not come to pass")
		case <-time.After(time.Millisecond):
		}
	}
}

// awaitNothingInFlight waits until the room that commands took is given back: that is after their answers have left.
func awaitNothingInFlight(t *testing.T, s *transport.Server) {
	t.Helper()
	await(t, func() bool { st := s.Stats(); return st.CommandsInFlight == 0 && st.BytesInFlight == 0 })
}

func TestOtherReplyPrefixesCanBeConfigured(t *testing.T) {
	w := serve(t, transport.Config{ReplyPrefixes: []string{"_INBOX_shop."}}, &transporttest.Engine{})
	sub, err := w.caller.SubscribeSync("_INBOX_shop.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{"_INBOX.1", "_INBOX_shop.1"} {
		if err := w.caller.PublishRequest(transport.Subject("e1", "get"), reply, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := sub.NextMsgWithContext(within(t)); err != nil {
		t.Fatal(err)
	}
	if st := w.server.Stats(); st.DroppedReply != 1 {
		t.Errorf("%d dropped", st.DroppedReply)
	}
}

func TestInFlightBoundsAnswerOverloaded(t *testing.T) {
	hold := `{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`
	for name, c := range map[string]transport.Config{
		"commands of the account": {CommandsInFlightMax: 2, RetryAfter: 70 * time.Millisecond},
		"bytes of the account":    {BytesInFlightMax: int64(2*len(hold) + 1), RetryAfter: 70 * time.Millisecond},
		"commands of the process": {Process: transport.NewBound(2, 1<<20), RetryAfter: 70 * time.Millisecond},
		"bytes of the process":    {Process: transport.NewBound(1<<20, int64(2*len(hold)+1)), RetryAfter: 70 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			e := &transporttest.Engine{Answer: heldAnswer}
			w := serve(t, c, e)
			e.Hold()
			subject := transport.Subject("e1", "hold")
			sub, err := w.caller.SubscribeSync("_INBOX.here")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := w.caller.PublishRequest(subject, "_INBOX.here", []byte(hold)); err != nil {
					t.Fatal(err)
				}
			}
			refused := w.askJSON(t, subject, hold)
			if x := refused.Error; x.GetCode() != "overloaded" || !x.Retryable || x.RetryAfterMs != 70 || refused.RequestId != "h1" {
				t.Fatalf("reply %v", refused)
			}
			e.LetGo()
			for range 2 {
				if _, err := sub.NextMsgWithContext(within(t)); err != nil {
					t.Fatal(err)
				}
			}
			await(t, func() bool { return w.server.Stats().CommandsInFlight == 0 })
			if r := w.askJSON(t, subject, hold); r.Error != nil {
				t.Errorf("after the answers: %v", r.Error)
			}
			if n := w.server.Stats().Refused[engine.CodeOverloaded]; n != 1 {
				t.Errorf("%d were refused", n)
			}
			awaitNothingInFlight(t, w.server)
			if c.Process != nil { // it is given back first
				if commands, bytes := c.Process.InFlight(); commands != 0 || bytes != 0 {
					t.Errorf("the process still counts %d commands and %d bytes", commands, bytes)
				}
			}
		})
	}
}

func TestWhatTheEngineDoesNotTakeIsAnswered(t *testing.T) {
	codes := map[string]engine.Code{
		"e-unknown": engine.CodeEventUnknown, "e-over": engine.CodeOverloaded, "e-stopping": engine.CodeUnavailable, "e-set-aside": engine.CodeQuarantined,
	}
	w := serve(t, transport.Config{}, &transporttest.Engine{Code: func(event string) engine.Code { return codes[event] }})
	for event, code := range codes {
		r := w.askJSON(t, transport.Subject(event, "batch"), `{"request_id":"b9","commands":[{"get":{}},{"get":{}}],"correlation":"c"}`)
		if r.Error.GetCode() != code.String() || r.Error.Message == "" || r.Error.Retryable != code.Retryable() || r.RequestId != "b9" || r.Correlation != "c" {
			t.Errorf("%s: %v", event, r)
		}
		if wants := code == engine.CodeOverloaded || code == engine.CodeUnavailable; (r.Error.RetryAfterMs > 0) != wants {
			t.Errorf("%s: retry after %d ms", event, r.Error.RetryAfterMs)
		}
	}
	awaitNothingInFlight(t, w.server)
}

func TestRefusalHeadersAreForCallersThatLookThere(t *testing.T) {
	w := serve(t, transport.Config{}, &transporttest.Engine{Answer: soldOutAnswer})
	subject := transport.Subject("e1", "hold")
	m := w.ask(t, subject, []byte(`{"request_id":"h1"}`))
	if m.Header.Get(transport.HeaderErrorCode) != "sold_out" || m.Header.Get(transport.HeaderError) == "" {
		t.Errorf("headers %v", m.Header)
	}
	if m = w.ask(t, subject, []byte(`{"request_id":"h1","correlation":"c"}`)); m.Header != nil {
		t.Errorf("headers %v in spite of a correlation", m.Header)
	}
}

// manySeats answers with a hold of very many seats.
func manySeats(_ *engine.Request, _ int, out *engine.Outcome) {
	out.Shows = engine.ShowsHold
	out.Hold = engine.HoldView{ID: 1, State: engine.HoldHeld, Items: []engine.ItemView{{Lot: "stalls", Seats: slices.Repeat([]string{"A/1/1"}, 2_000)}}}
}

func TestRepliesAlwaysFitIntoAMessage(t *testing.T) {
	w := serve(t, transport.Config{}, &transporttest.Engine{Answer: manySeats})
	for _, language := range []string{"json", "protobuf"} {
		batch := &pb.Batch{}
		for range 1024 {
			batch.Commands = append(batch.Commands, &pb.BatchCommand{Command: &pb.BatchCommand_Hold{Hold: &pb.HoldCommand{RequestId: strings.Repeat("r", 64)}}})
		}
		body, err := proto.Marshal(batch)
		if language == "json" {
			body, err = protojson.MarshalOptions{UseProtoNames: true}.Marshal(batch)
		}
		if err != nil {
			t.Fatal(err)
		}
		answer := w.ask(t, transport.Subject("e1", "batch"), body)
		if len(answer.Data) > 1<<20 {
			t.Errorf("%s: the reply has %d bytes", language, len(answer.Data))
		}
		reply := decodeReply(t, answer.Data)
		shown := 0
		for i, r := range reply.Results {
			if r.Hold != nil {
				shown++
			} else if r.Error.GetCode() != "too_large" || r.RequestId == "" {
				t.Fatalf("%s: result %d is %v", language, i, r)
			}
		}
		if len(reply.Results) != 1024 || shown == 0 || shown == 1024 {
			t.Errorf("%s: %d of %d results are shown", language, shown, len(reply.Results))
		}
	}
}

func TestEventsAreListedInPages(t *testing.T) {
	e := &transporttest.Engine{}
	for i := range 250 {
		e.IDs = append(e.IDs, fmt.Sprintf("e%03d", i))
	}
	w := serve(t, transport.Config{}, e)
	var got []string
	after := ""
	for {
		r := w.askJSON(t, transport.SubjectList, fmt.Sprintf(`{"request_id":"l1","after":%q,"correlation":"c"}`, after))
		if r.RequestId != "l1" || r.Correlation != "c" || len(r.Events) > 100 {
			t.Fatalf("reply %v", r)
		}
		got = append(got, r.Events...)
		if after = r.Next; after == "" {
			break
		}
	}
	if !slices.Equal(got, e.IDs) {
		t.Errorf("listed %d events: %v", len(got), got)
	}
	for body, field := range map[string]string{`{"limit":1001}`: "limit", `{"limit":-1}`: "limit", `{"after":"a b"}`: "after", `{"aftr":"a"}`: "aftr"} {
		if r := w.askJSON(t, transport.SubjectList, body); r.Error.GetField() != field {
			t.Errorf("%s: %v", body, r)
		}
	}
	if r := w.askProto(t, transport.SubjectList, &pb.ListCommand{Limit: 2}); len(r.Events) != 2 || r.Next != "e001" {
		t.Errorf("reply %v", r)
	}
}

func TestDiscoveryFindsTheService(t *testing.T) {
	w := serve(t, transport.Config{Version: "1.2.3"}, &transporttest.Engine{})
	w.ask(t, transport.Subject("e1", "get"), []byte(`{}`))
	await(t, func() bool { return w.server.Stats().Commands == 1 }) // a command is counted once the engine has it, and may be answered by then
	var ping micro.Ping
	var info micro.Info
	var stats struct {
		Endpoints []struct {
			Name string          `json:"name"`
			Data transport.Stats `json:"data"`
		} `json:"endpoints"`
	}
	for subject, into := range map[string]any{"$SRV.PING.holdfast": &ping, "$SRV.INFO.holdfast": &info, "$SRV.STATS.holdfast": &stats} {
		if err := json.Unmarshal(w.ask(t, subject, nil).Data, into); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
	}
	if ping.Name != transport.ServiceName || ping.Version != "1.2.3" {
		t.Errorf("ping %+v", ping)
	}
	if !strings.Contains(info.Metadata["subjects"], transport.SubjectEvents) || !strings.Contains(info.Metadata["verbs"], "hold") || len(info.Endpoints) != 1 {
		t.Errorf("info %+v", info)
	}
	if len(stats.Endpoints) != 1 || stats.Endpoints[0].Data.Commands != 1 || stats.Endpoints[0].Data.Messages == 0 {
		t.Errorf("stats %+v", stats)
	}
}

func TestDrainAnswersWhatWasTaken(t *testing.T) {
	e := &transporttest.Engine{Answer: heldAnswer}
	url := broker(t)
	s, err := transport.Serve(transport.Config{}, connect(t, url), e)
	if err != nil {
		t.Fatal(err)
	}
	caller := connect(t, url)
	sub, err := caller.SubscribeSync("_INBOX.drain")
	if err != nil {
		t.Fatal(err)
	}
	e.Hold()
	const n = 100
	for i := range n {
		body := fmt.Sprintf(`{"request_id":"h%d","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`, i)
		if err := caller.PublishRequest(transport.Subject("e1", "hold"), "_INBOX.drain", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool { _, commands := e.Taken(); return commands == n })

	short, cancel := context.WithCancel(within(t))
	cancel()
	if err := s.Drain(short); err == nil {
		t.Error("a drain without time says that everything was answered")
	}
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(within(t)) }()
	e.LetGo()
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := sub.NextMsgWithContext(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = caller.RequestWithContext(within(t), transport.Subject("e1", "get"), nil)
	if !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("after the drain: %v", err)
	}
	if st := s.Stats(); st.Replies != n || st.CommandsInFlight != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestWhatArrivesTooFastIsDroppedAndCounted(t *testing.T) {
	let := make(chan struct{})
	var once sync.Once
	e := &transporttest.Engine{Answer: func(*engine.Request, int, *engine.Outcome) { <-let }}
	w := serve(t, transport.Config{PendingMessagesMax: 8}, e)
	t.Cleanup(func() { once.Do(func() { close(let) }) })
	const n = 100
	for range n {
		if err := w.caller.PublishRequest(transport.Subject("e1", "get"), "_INBOX.x", []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() bool { return w.server.Stats().DroppedPending >= n-10 })
	once.Do(func() { close(let) })
	await(t, func() bool { st := w.server.Stats(); return st.Messages+st.DroppedPending == n })
}

func TestBadConfigIsRefused(t *testing.T) {
	nc := connect(t, broker(t))
	for _, c := range []transport.Config{
		{Account: "a.b"},
		{ReplyPrefixes: []string{"_INBOX"}},
		{ReplyPrefixes: []string{"*."}},
		{ReplyPrefixes: []string{"."}},
		{CommandsInFlightMax: -1},
		{Version: "one"},
		{RetryAfter: -1},
	} {
		if s, err := transport.Serve(c, nc, &transporttest.Engine{}); err == nil {
			t.Errorf("config %+v was taken", c)
			_ = s.Drain(within(t))
		}
	}
}
