package transport_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/ticket"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// lineReport is what a report of a line has beside the line.
type lineReport struct {
	OpensAtMs int64 `json:"opens_at_ms"`
	LastsTo   int64 `json:"lasts_to"`
	Room      *struct {
		Free, Supply, Grant int64
		ByStock             int64  `json:"by_stock"`
		ByLane              *int64 `json:"by_lane"`
		ByMax               *int64 `json:"by_max"`
		Bound               string
	}
	WaitingList *struct{ Waiting int64 } `json:"waiting_list"`
	Line        *struct {
		Phase    string
		Fairness *struct {
			All struct{ Served, Overtook int64 }
		}
	}
}

// TestALineIsShownOverHTTP: as it is published, page by page, and with a report for those who run it.
func TestALineIsShownOverHTTP(t *testing.T) {
	watch := new(transport.Watch)
	e := &transporttest.Direct{Now: engine.Instant(time.Now().UnixNano()), Seed: lineSeed, Moved: watch.LineMoved, Over: watch.LineOver, LobbyClosed: watch.LobbyClosed}
	w := serveDirectWith(t, transport.Config{Watch: watch, Lines: e, Codes: ticket.NewRing(new(memorySafe), time.Now)}, e)
	h := serveHTTP(t, transport.HTTPConfig{
		Listen: "127.0.0.1:0", Measurer: new(fakeMeasurer), Lines: watch,
		State: func() *transport.State {
			return &transport.State{Accounts: []string{engine.SingleAccount}, Ready: true, Version: "v9"}
		},
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	report := func(event string) (r lineReport) {
		t.Helper()
		status, body := fetch(t, client, h.URL()+"/api/v1/line?report=1&event="+event, "")
		if err := json.Unmarshal([]byte(body), &r); err != nil || status != http.StatusOK {
			t.Fatalf("the report answers %d: %s", status, body)
		}
		return r
	}
	ok := func(verb, body string) {
		t.Helper()
		if r := w.askJSON(t, transport.Subject("e1", verb), body); r.Error != nil {
			t.Fatal(r.Error)
		}
	}
	ok("create", strings.Replace(lobbyBody(8), `"pass_ttl_ms"`, `"shoppers_max":3,"pass_ttl_ms"`, 1))
	for i := range 60 {
		ok("join", fmt.Sprintf(`{"request_id":"j%d","buyer":"b%d"}`, i, i))
	}
	if r := report("e1"); r.Line == nil || r.Line.Phase != "lobby" || r.Room != nil || r.WaitingList != nil {
		t.Errorf("the report of the lobby is %+v", r)
	}
	ok("open", `{"request_id":"o"}`)
	var r lineReport
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if r = report("e1"); r.Line.Phase == "serving" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the line is not served: %+v", r)
		}
	}
	if r.Room == nil || r.Room.Free != 8 || r.Room.Grant != 0 || r.Room.Bound != "max" || r.Room.ByLane != nil || r.Room.ByMax == nil || *r.Room.ByMax != 0 || r.Room.ByStock == 0 {
		t.Errorf("the room is %+v", r.Room)
	}
	if r.LastsTo < 4 || r.LastsTo > 30 || r.Line.Fairness == nil || r.Line.Fairness.All.Served != 3 || r.Line.Fairness.All.Overtook != 0 {
		t.Errorf("8 tickets last to place %d, and the line was %+v", r.LastsTo, r.Line.Fairness)
	}

	// As it is published: without what is for those who run it.
	var status int
	var body string
	var now pb.LineNow
	for deadline := time.Now().Add(time.Minute); now.Line.GetPhase() != "serving"; time.Sleep(10 * time.Millisecond) { // it is published once a second
		status, body = fetch(t, client, h.URL()+"/api/v1/line?event=e1", "")
		if err := protojson.Unmarshal([]byte(body), &now); err != nil || status != http.StatusOK || time.Now().After(deadline) {
			t.Fatalf("%d, %v: %s", status, err, body)
		}
	}
	if now.Line.Fairness != nil || strings.Contains(body, `"room"`) {
		t.Errorf("it is published with what is for those who run it: %s", body)
	}
	status, body = fetch(t, client, h.URL()+"/api/v1/line/entries?event=e1&from=41", "")
	if status != http.StatusOK || strings.Count(body, `"`) < 40 || !strings.Contains(body, `"leaves_from":41`) {
		t.Errorf("%d: %s", status, body)
	}

	// Without a line there is a report that says so, and nothing that was published.
	if r := w.askJSON(t, transport.Subject("e2", "create"), `{"request_id":"c2","currency":"EUR","lots":[{"lot":"ga","face_minor":4500,"capacity":10}]}`); r.Error != nil {
		t.Fatal(r.Error)
	}
	if r := report("e2"); r.Line != nil {
		t.Errorf("an event without a line has %+v", r)
	}
	for path, want := range map[string]string{
		"line?event=e2": "event_unknown", "line?event=e3&report=1": "event_unknown", "line?event=e1&report=2": "invalid", "line/entries?event=e1&from=0": "invalid", "line?event=a%20b": "invalid",
	} {
		if _, body := fetch(t, client, h.URL()+"/api/v1/"+path, ""); !strings.Contains(body, `"`+want+`"`) {
			t.Errorf("%s is answered %s, it should be %s", path, body, want)
		}
	}
}
