package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestInspectShowsALine looks at the line of an event, and at somebody in it, as they are and as they were.
func TestInspectShowsALine(t *testing.T) {
	data := newData(t)
	p := startedProcess(t, data)
	ask := func(verb string, body map[string]any) string {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := (&natsAccess{url: p.natsURL}).request(within(t), "holdfast.v1.events.e1."+verb, text)
		if err != nil || strings.Contains(string(answer), `"error"`) {
			t.Fatalf("%s: %s, %v", verb, answer, err)
		}
		return string(answer)
	}
	ask("create", map[string]any{
		"request_id": "c1", "name": "Night", "currency": "EUR", "line": map[string]any{"mode": "line", "shoppers_max": 1}, "lots": []any{map[string]any{"lot": "ga", "face_minor": 100, "capacity": 5}},
	})
	phase := func(want string) func() bool {
		return func() bool { return lineOfEvent(t, ask("get", map[string]any{}))["phase"] == want }
	}
	eventually(t, "the lobby opens", phase("lobby"))
	for i := range 3 {
		ask("join", map[string]any{"request_id": fmt.Sprint("j", i), "buyer": fmt.Sprint("b", i)})
	}
	ask("open", map[string]any{"request_id": "o1"})
	eventually(t, "the line is served", phase("serving"))
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	text := must(t, "inspect", data, "e1", "--buyer", "b1")
	wants(t, text, "mode line, serving: 3 joined, 3 in the lobby, 1 passes, 0 overtaken", "2 waiting, 1 admitted", "commit", "root", "seed", "buyer b1", "entry 2 of track general, place ", "entry 3 of track general")
	found := inspectedBy(t, data, "e1", "--buyer", "b2", "--facts", "1000")
	if found.Line == nil || found.Place == nil || found.Place.Entry != 3 || found.Place.Place < 1 || found.Line.Places["waiting"] != 2 {
		t.Errorf("the line is %+v, b2 is %+v", found.Line, found.Place)
	}
	for _, f := range found.Facts {
		if f.Kind == "joined" && strings.Contains(f.Text, "b2") {
			then := inspectedBy(t, data, "e1", "--buyer", "b2", "--at", fmt.Sprint(f.Fact))
			if then.Line.Phase != "lobby" || then.Line.Seed != "" || then.Place.Place != 0 || then.Place.Entry != 3 {
				t.Errorf("when b2 joined the line was %+v, and b2 %+v", then.Line, then.Place)
			}
			before := must(t, "inspect", data, "e1", "--buyer", "b2", "--at", fmt.Sprint(f.Fact-1))
			wants(t, before, "has no place in the line")
			return
		}
	}
	t.Errorf("no fact says that b2 has joined: %+v", found.Facts)
}

// lineOfEvent is the line in the answer to get.
func lineOfEvent(t *testing.T, answer string) map[string]any {
	t.Helper()
	var v struct {
		Event struct{ Line map[string]any }
	}
	if err := json.Unmarshal([]byte(answer), &v); err != nil || v.Event.Line == nil {
		t.Fatalf("no line in %s: %v", answer, err)
	}
	return v.Event.Line
}
