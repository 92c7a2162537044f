package fault

import (
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/encoding/protojson"

	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// hostileMin is how many hostile inputs there must be at least.
const hostileMin = 40

// TestHostileInputsChangeNothing sends every hostile message of the table, and some that only a NATS client can send, to a real engine. Each gets its
// code, and the event's state hash stays what it was, after a kill -9 too.
func TestHostileInputsChangeNothing(t *testing.T) {
	dir := t.TempDir()
	engine := engineProgram(t)
	p, err := Serve(engine, filepath.Join(dir, "data"), filepath.Join(dir, "engine.log"), "--reserve-bytes", "16MiB")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	}()
	h := &hostile{t: t, ctx: within(t, patience)}
	h.connect(p)
	h.want("create", transporttest.HostileEvent, "ok")
	h.want("hold", `{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":2},{"lot":"stalls","seats":["A/1/4"]}]}`, "ok")
	before := h.state()

	messages := transporttest.HostileMessages(hostileEvent)
	if len(messages) < hostileMin {
		t.Errorf("the table has %d hostile messages, there must be %d", len(messages), hostileMin)
	}
	for _, m := range messages {
		h.send(&m)
		if after := h.state(); after != before {
			t.Fatalf("%s changed the event from %s to %s", m.Name, before, after)
		}
	}
	for name, attack := range repliesNowhere() {
		if err := h.nc.PublishMsg(attack); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := h.nc.Flush(); err != nil {
			t.Fatal(err)
		}
		if after := h.state(); after != before {
			t.Fatalf("%s changed the event from %s to %s", name, before, after)
		}
	}
	h.nc.Close()

	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	// What the log comes to is what was seen: a further start would add its outage.
	if after := replayed(t, h.ctx, engine, filepath.Join(dir, "data")); after != before {
		t.Errorf("the log comes to %s, the event was %s", after, before)
	}
	t.Logf("%d hostile messages, each refused with its code, and %d that must not be answered: state %s throughout", len(messages), len(repliesNowhere()), before)
}

const hostileEvent = "e1"

// replayed is the state hash that `engine verify` finds at the end of the log of the one event in a folder, which must be whole.
func replayed(t *testing.T, ctx context.Context, engine, data string) string {
	t.Helper()
	out, err := exec.CommandContext(ctx, engine, "verify", data, "--json", "--events").Output()
	if err != nil {
		t.Fatalf("verify: %v\n%s", err, out)
	}
	var report struct {
		Events []struct {
			StateHash string `json:"state_hash"`
		} `json:"event_list"`
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Events) != 1 {
		t.Fatalf("verify --json found %d events: %v\n%s", len(report.Events), err, out)
	}
	return report.Events[0].StateHash
}

// hostile is a caller that plays by no rules.
type hostile struct {
	t   *testing.T
	ctx context.Context
	nc  *nats.Conn
}

func (h *hostile) connect(p *Process) {
	h.t.Helper()
	nc, err := nats.Connect(p.Ready.NATS)
	if err != nil {
		h.t.Fatal(err)
	}
	h.nc = nc
}

func (h *hostile) ask(subject string, body []byte) (*nats.Msg, *pb.Reply) {
	h.t.Helper()
	m, err := h.nc.RequestWithContext(h.ctx, subject, body)
	if err != nil {
		h.t.Fatalf("%q: %v", subject, err)
	}
	reply := new(pb.Reply)
	if strings.HasPrefix(string(m.Data), "{") {
		err = protojson.Unmarshal(m.Data, reply)
	} else {
		reply, err = decodeReply(m.Data)
	}
	if err != nil {
		h.t.Fatalf("%q: the reply %q: %v", subject, m.Data, err)
	}
	return m, reply
}

func (h *hostile) want(verb, body, want string) {
	h.t.Helper()
	if _, r := h.ask(Subject(hostileEvent, verb), []byte(body)); code(r) != want {
		h.t.Fatalf("%s: %v, must be %s", verb, r, want)
	}
}

// state is the event's state hash, and its last look.
func (h *hostile) state() string {
	h.t.Helper()
	_, r := h.ask(Subject(hostileEvent, "get"), []byte("{}"))
	if r.GetEvent() == nil {
		h.t.Fatalf("get: %v", r)
	}
	if err := ConservedEvent(r.GetEvent()); err != nil {
		h.t.Error(err)
	}
	return r.GetEvent().GetStateHash()
}

// send demands the code of the table, in the body and in the headers, and that the answer repeats nothing secret.
func (h *hostile) send(m *transporttest.HostileMessage) {
	h.t.Helper()
	reply, r := h.ask(m.Subject, m.Body)
	if got := code(r); got != m.Code.String() || m.Field != "" && r.GetError().GetField() != m.Field {
		h.t.Errorf("%s: refused as %s for field %q, must be %s for %q: %v", m.Name, got, r.GetError().GetField(), m.Code, m.Field, r)
	}
	if got := reply.Header.Get("Nats-Service-Error-Code"); got != m.Code.String() {
		h.t.Errorf("%s: the header says %q, must be %s", m.Name, got, m.Code)
	}
	if strings.Contains(string(reply.Data), "4111111111111111") {
		h.t.Errorf("%s: the reply repeats a card number: %s", m.Name, reply.Data)
	}
}

// repliesNowhere are messages that must not be answered where they ask for it: the engine would give an order in its own name.
func repliesNowhere() map[string]*nats.Msg {
	get := Subject(hostileEvent, "get")
	hold := []byte(`{"request_id":"nowhere","buyer":"b9","items":[{"lot":"ga","quantity":1}]}`)
	return map[string]*nats.Msg{
		"a reply that would close the event":    {Subject: get, Reply: Subject(hostileEvent, "close"), Data: []byte("{}")},
		"a reply that would pause the event":    {Subject: get, Reply: Subject(hostileEvent, "pause"), Data: []byte(`{"request_id":"p1"}`)},
		"a hold whose reply is a command":       {Subject: Subject(hostileEvent, "hold"), Reply: Subject(hostileEvent, "release"), Data: hold},
		"a hold whose reply is JetStream's own": {Subject: Subject(hostileEvent, "hold"), Reply: "$JS.API.STREAM.CREATE.x", Data: hold},
		"a hold without a reply":                {Subject: Subject(hostileEvent, "hold"), Data: hold},
		"an inbox that is not one":              {Subject: Subject(hostileEvent, "hold"), Reply: "_INBOXX.a", Data: hold},
		"headers that claim to be someone":      {Subject: Subject(hostileEvent, "hold"), Reply: "elsewhere", Data: hold, Header: nats.Header{"Nats-Request-Info": {`{"acc":"admin"}`}, "Nats-Rollup": {"all"}}},
	}
}
