package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-engine/holdfast/engine"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

const lineYAML = `
event: night-one
name: Night One
currency: EUR
line: {mode: line, draw_value: true, shoppers_max: 3, tracks: [{track: general, share_bp: 8000}, {track: member, share_bp: 2000}]}
lots:
  - {lot: ga, face_minor: 4500, capacity: 10}
`

const lineOfTest = 40

// lineIn waits until the line of night-one is in a phase.
func lineIn(t *testing.T, s *serving, phase engine.LinePhase) {
	t.Helper()
	for ctx := within(t); ; time.Sleep(20 * time.Millisecond) {
		e, err := connectTo(t, s).Get(ctx, "night-one")
		if err != nil {
			t.Fatal(err)
		}
		if e.Line.GetPhase() == phase.String() {
			return
		}
	}
}

// TestALineIsFollowedAndVerifiedFromTheCommandLine takes a line from its lobby to its first passes.
func TestALineIsFollowedAndVerifiedFromTheCommandLine(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	ask := func(args ...string) string {
		t.Helper()
		return must(t, append(append([]string{"line"}, args...), "--nats", s.NATS)...)
	}
	no := func(args ...string) error {
		t.Helper()
		_, err := engineRun(t, append(append([]string{"line"}, args...), "--nats", s.NATS)...)
		return err
	}
	status := func(flags ...string) (string, error) {
		return engineRun(t, append([]string{"line", "status", "night-one", "--http", strings.TrimPrefix(s.HTTP, "http://")}, flags...)...)
	}
	shows := func(texts ...string) {
		t.Helper()
		out, err := status()
		if err != nil {
			t.Fatal(err)
		}
		wants(t, out, texts...)
	}
	_, err := status()
	refuses(t, err, "event_unknown", "engine event list")
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", lineYAML))
	lineIn(t, s, engine.LineLobby)
	c := connectTo(t, s)
	for i := range lineOfTest {
		track := ""
		if i%4 == 0 {
			track = "member"
		}
		if _, err := c.Join(within(t), "night-one", &pb.JoinCommand{Buyer: "b" + strconv.Itoa(i), Track: track}); err != nil {
			t.Fatal(err)
		}
	}
	shows("lobby", "the lobby closes when the event opens", "seed promised", "40 waiting", "member")
	refuses(t, no("draw", "night-one", "--value", "early"), "refused")
	refuses(t, no("draw", "night-one"), "--value")
	refuses(t, no("verify", "night-one"), "nothing to verify yet", "lobby")
	refuses(t, no("verify", "nowhere.json"), "nowhere.json", "not the id of an event")

	mustSteer(t, s, "open", "night-one")
	shows("closed", "engine line draw night-one --value")
	refuses(t, no("verify", "night-one"), "waits for its public value")
	wants(t, ask("draw", "night-one", "--value", "7 14 21", "--request-id", "d1"), `with the value "7 14 21"`)
	wants(t, ask("draw", "night-one", "--value", "7 14 21", "--request-id", "d1"), "done before")
	lineIn(t, s, engine.LineServing)

	shows("serving", "passes are granted by place", "nobody else may shop: shoppers_max is reached", "left of the maximum 0", "3 shopping", "at place", "member")
	out, err := status("--json")
	var st lineStatus
	if err := errors.Join(err, json.Unmarshal([]byte(out), &st)); err != nil || st.Line.Phase != "serving" || st.Line.Value != "7 14 21" || st.Line.Entries != lineOfTest || len(st.Checkpoints) == 0 || st.Room.Bound != "max" {
		t.Errorf("status --json: %s, %v", out, err)
	}
	draw := st.Line
	file := filepath.Join(t.TempDir(), "draw.json")
	wants(t, ask("verify", "night-one", "--save", file), "VERIFIED: 40 entries of night-one", draw.Commit, draw.Root, draw.Seed)
	out = must(t, "line", "verify", file, "--places")
	wants(t, out, "entry 40 place ")
	for i := range lineOfTest {
		p, _, err := c.Place(within(t), "night-one", &pb.PlaceCommand{Buyer: "b" + strconv.Itoa(i)})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, out, "entry "+strconv.Itoa(int(p.Entry))+" place "+strconv.Itoa(int(p.Place))+"\n")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"the value":      {"7 14 21", "7 14 22"},
		"the list":       {`"from": 1`, `"from": 2`},
		"how many":       {`"entries": 40`, `"entries": 41`},
		"the seed":       {draw.Seed, draw.Commit},
		"what it is not": {`"lobby"`, `"hobby"`},
	} {
		_, err := engineRun(t, "line", "verify", write(t, "other.json", strings.ReplaceAll(string(text), change[0], change[1])))
		if name == "the value" { // another value is another draw: only who has a place sees that it is not theirs
			if err != nil {
				t.Errorf("%s was changed, and it says %v", name, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s was changed, and it is verified", name)
		}
	}
}

// TestTheExampleOfADrawIsVerified takes the files that the script in another language is tested with.
func TestTheExampleOfADrawIsVerified(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "examples", "line-verify")
	draw, receipt, keys := filepath.Join(dir, "draw.json"), filepath.Join(dir, "receipt.json"), filepath.Join(dir, "jwks.json")
	wants(t, must(t, "line", "verify", draw), "VERIFIED: 300 entries of night-one")
	wants(t, must(t, "line", "verify", draw, "--receipt", receipt, "--jwks", keys), "VERIFIED: entry 207 of 300 has place 134", "buyer-206")
	var found lineVerdict
	if err := json.Unmarshal([]byte(must(t, "line", "verify", draw, "--receipt", receipt, "--jwks", keys, "--json")), &found); err != nil || !found.Verified || found.Place != 134 {
		t.Errorf("--json: %+v, %v", found, err)
	}
	_, err := engineRun(t, "line", "verify", draw, "--receipt", receipt)
	refuses(t, err, "--jwks", "engine ticket keys")
	text, err := os.ReadFile(receipt)
	if err != nil {
		t.Fatal(err)
	}
	_, err = engineRun(t, "line", "verify", draw, "--jwks", keys, "--receipt", write(t, "r.json", strings.Replace(string(text), "buyer-206", "buyer-207", 1)))
	refuses(t, err, "NOT VERIFIED", "path")
	_, err = engineRun(t, "line", "verify", draw, "--jwks", keys, "--receipt", draw)
	refuses(t, err, "not a receipt", "join or place")
}

// TestALineIsReportedFromAnEngineAndFromItsLog: the figures are the same, and the log is judged.
func TestALineIsReportedFromAnEngineAndFromItsLog(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", strings.Replace(lineYAML, "draw_value: true", "draw_value: false", 1)))
	lineIn(t, s, engine.LineLobby)
	c := connectTo(t, s)
	for i := range lineOfTest {
		if _, err := c.Join(within(t), "night-one", &pb.JoinCommand{Buyer: "b" + strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	mustSteer(t, s, "open", "night-one")
	lineIn(t, s, engine.LineServing)
	for i := range lineOfTest {
		buyer := "b" + strconv.Itoa(i)
		if p, _, err := c.Place(within(t), "night-one", &pb.PlaceCommand{Buyer: buyer}); err != nil {
			t.Fatal(err)
		} else if p.State == engine.PlaceAdmitted.String() {
			h, err := c.Hold(within(t), "night-one", &pb.HoldCommand{Buyer: buyer, Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Confirm(within(t), "night-one", &pb.ConfirmCommand{Buyer: buyer, Hold: h.Id, PaymentRef: "inv"}); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	wants(t, must(t, "line", "report", "night-one", "--nats", s.NATS), "Fairness of the line of night-one", "Overtaken outside the rules", "general", "1 ordered")
	var live, logged fairReport
	if err := json.Unmarshal([]byte(must(t, "line", "report", "night-one", "--nats", s.NATS, "--json")), &live); err != nil {
		t.Fatal(err)
	}
	mustSteer(t, s, "create", "plain", "-f", write(t, "plain.yaml", "name: Plain\ncurrency: EUR\nlots: [{lot: ga, face_minor: 1, capacity: 1}]\n"))
	_, err := engineRun(t, "line", "report", "plain", "--nats", s.NATS)
	refuses(t, err, "has no line", "engine line --help")
	s.stop()
	wants(t, must(t, "line", "report", "night-one", "--data", data), "Checked by the log", "0 inversions in 4 passes")
	if err := json.Unmarshal([]byte(must(t, "line", "report", "night-one", "--data", data, "--json")), &logged); err != nil {
		t.Fatal(err)
	}
	if logged.Checked == nil || logged.Checked.Inversions != 0 || logged.Checked.Passes != 4 || live.All.Served != 4 || live.All != logged.All || live.Seed != logged.Seed || live.Tickets != 1 {
		t.Errorf("live it says %+v, by the log %+v, checked %+v", live.reportLineOf, logged.reportLineOf, logged.Checked)
	}
	_, err = engineRun(t, "line", "report", "plain", "--data", data)
	refuses(t, err, "has no line")
	_, err = engineRun(t, "line", "report", "night-one", "--data", data, "--archive", data)
	refuses(t, err, "not both")
}
