package fault

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
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
const hostileMin = 150

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
	for _, m := range messages {
		h.send(&m)
		if after := h.state(); after != before {
			t.Fatalf("%s changed the event from %s to %s", m.Name, before, after)
		}
	}
	spy, err := h.nc.SubscribeSync(">")
	if err == nil {
		err = h.nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	raw := attacks()
	for i := range raw {
		h.attack(p, spy, before, &raw[i])
	}
	if n := len(messages) + len(raw); n < hostileMin {
		t.Errorf("there are %d hostile inputs, there must be %d", n, hostileMin)
	}
	h.noSecretSeen(p)
	h.nc.Close()

	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	// What the log comes to is what was seen: a further start would add its outage.
	if after := replayed(t, h.ctx, engine, filepath.Join(dir, "data")); after != before {
		t.Errorf("the log comes to %s, the event was %s", after, before)
	}
	t.Logf("%d hostile messages, each refused with its code, and %d attacks on the connection: state %s throughout", len(messages), len(raw), before)
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
	if strings.Contains(string(reply.Data), canaryCard) {
		h.t.Errorf("%s: the reply repeats a card number: %s", m.Name, reply.Data)
	}
}

// noSecretSeen looks for the canaries where a secret would come to light: the engine's log, its metrics, and what it says of its health.
func (h *hostile) noSecretSeen(p *Process) {
	h.t.Helper()
	seen := map[string]string{"the log": p.Tail(64 << 20)}
	for _, page := range []string{"/metrics", "/readyz", "/healthz"} {
		req, err := http.NewRequestWithContext(h.ctx, http.MethodGet, p.Ready.HTTP+page, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			h.t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err := errors.Join(err, res.Body.Close()); err != nil {
			h.t.Fatal(err)
		}
		seen[page] = string(text)
	}
	for where, text := range seen {
		for _, canary := range []string{canarySecret, canaryCard} {
			if at := strings.Index(text, canary); at >= 0 {
				h.t.Errorf("%s shows %s: %s", where, canary, text[max(0, at-100):min(len(text), at+100)])
			}
		}
	}
}
