package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/transport"
)

const nightYAML = `
event: night-one
name: Night One
performer: The Openers
venue: Arena
city: Utrecht
country: NL
time_zone: Europe/Amsterdam
starts_at: 2030-06-01T18:00:00Z
currency: EUR
hold_ttl_ms: 120000
limit_per_buyer: 4
pools:
  - {pool: house, capacity: 1010}
lots:
  - lot: ga
    face_minor: 4500
    fees: [{name: service, minor: 250}]
    capacity: 1000
    pools: [house]
  - lot: stalls
    face_minor: 9000
    rows: [{section: A, row: 1, seats: 20}]
    pools: [house]
`

// steer runs an event command against a running engine.
func steer(t *testing.T, s *serving, args ...string) (string, error) {
	t.Helper()
	return engineRun(t, append(append([]string{"event"}, args...), "--nats", s.NATS)...)
}

func mustSteer(t *testing.T, s *serving, args ...string) string {
	t.Helper()
	out, err := steer(t, s, args...)
	if err != nil {
		t.Fatalf("engine event %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func TestEventsAreSteeredFromTheCommandLine(t *testing.T) {
	s := serveOn(t, newData(t))
	file := write(t, "night.yaml", nightYAML)
	wants(t, mustSteer(t, s, "create", "-f", file), "event night-one is draft", "engine event open night-one")
	wants(t, mustSteer(t, s, "open", "night-one"), "event night-one is on sale")
	wants(t, mustSteer(t, s, "block", "night-one", "--lot", "stalls", "--seats", "A/1/1,A/1/2"), "lot stalls", "blocked 2", "free 18")
	wants(t, mustSteer(t, s, "block", "night-one", "--lot", "ga", "--quantity", "40"), "lot ga", "blocked 40")
	wants(t, mustSteer(t, s, "block", "night-one", "--lot", "ga", "--quantity", "10", "--undo"), "blocked 30")
	wants(t, mustSteer(t, s, "capacity", "night-one", "--lot", "ga", "--to", "1200"), "capacity 1,200")
	wants(t, mustSteer(t, s, "capacity", "night-one", "--pool", "house", "--to", "0"), "pool house", "0 was asked for", "cannot go below")
	wants(t, mustSteer(t, s, "capacity", "night-one", "--pool", "house", "--to", "1220"), "pool house", "capacity 1,220")

	sell(t, connectTo(t, s), "night-one", "b1")
	shown := mustSteer(t, s, "show", "night-one")
	wants(t, shown, "night-one: Night One, on sale", "The Openers, Arena, Utrecht NL", "47.50 EUR", "90.00 EUR", "ga", "stalls", "house", "1,200", "4 tickets a buyer", "1 orders")
	var reply struct{ Event wireEvent }
	if err := json.Unmarshal([]byte(mustSteer(t, s, "show", "night-one", "--json")), &reply); err != nil || reply.Event.Lots[0].Sold != 1 || reply.Event.StateHash == "" {
		t.Errorf("show --json: %+v, %v", reply, err)
	}

	wants(t, mustSteer(t, s, "pause", "night-one"), "paused")
	wants(t, mustSteer(t, s, "close", "night-one", "--request-id", "the-end"), "closed")
	wants(t, mustSteer(t, s, "close", "night-one", "--request-id", "the-end"), "closed", "done before")
}

func TestRowsOfAnEventFileAreReadAsTheyAreWritten(t *testing.T) {
	s := serveOn(t, newData(t))
	file := write(t, "hall.yaml", `
event: hall
name: Hall
currency: EUR
lots:
  - lot: stalls
    face_minor: 9000
    rows:
      - {section: A, row: 1, through: 40, seats: 25, aisles: 12, accessible: 1-2, companion: 3, restricted: 25}
      - {section: B, row: A, through: C, seats: 3, labels: 1a 1b 2, best: 2}
`)
	wants(t, mustSteer(t, s, "create", "-f", file), "event hall is draft")
	wants(t, mustSteer(t, s, "show", "hall"), "1,009", "seats, 80 accessible free, 40 companion free, 40 restricted view free")
	wants(t, mustSteer(t, s, "block", "hall", "--lot", "stalls", "--seats", "A/40/3,B/C/2"), "blocked 2")
	wants(t, mustSteer(t, s, "show", "hall"), "39 companion free")
	wrong := write(t, "wrong.yaml", "name: Hall\ncurrency: EUR\nlots: [{lot: stalls, rows: [{section: A, row: 1, seats: 4, accessible: 5}]}]\n")
	_, err := steer(t, s, "create", "wrong", "-f", wrong)
	refuses(t, err, "lots[0].rows[0].accessible", "no seat 5")
}

func TestCreateTakesJSONFromStdinAndIsListed(t *testing.T) {
	s := serveOn(t, newData(t))
	for _, id := range []string{"b", "a", "c"} {
		file := write(t, id+".json", `{"name":"Night","currency":"EUR","lots":[{"lot":"ga","capacity":5,"face_minor":100}]}`)
		mustSteer(t, s, "create", id, "-f", file)
	}
	if got := mustSteer(t, s, "list"); got != "a\nb\nc\n" {
		t.Errorf("list printed %q", got)
	}
	if got := mustSteer(t, s, "list", "--after", "a", "--limit", "1"); got != "b\n" {
		t.Errorf("list --after a --limit 1 printed %q", got)
	}
}

func TestRefusalsEndInAnErrorWithCodeAndMessage(t *testing.T) {
	s := serveOn(t, newData(t))
	file := write(t, "night.yaml", nightYAML)
	mustSteer(t, s, "create", "-f", file)
	for _, c := range []struct {
		wants []string
		args  []string
	}{
		{[]string{"event_exists"}, []string{"create", "-f", file}},
		{[]string{"event_unknown", "no-such"}, []string{"show", "no-such"}},
		{[]string{"lot_unknown"}, []string{"block", "night-one", "--lot", "nowhere", "--quantity", "1"}},
		{[]string{"wrong_state"}, []string{"pause", "night-one"}},
		{[]string{"which is it"}, []string{"create", "night-two", "-f", file}},
		{[]string{"-f FILE"}, []string{"create", "night-two"}},
		{[]string{"--quantity N", "--seats"}, []string{"block", "night-one", "--lot", "ga"}},
		{[]string{"--lot"}, []string{"block", "night-one", "--quantity", "3"}},
		{[]string{"--pool"}, []string{"capacity", "night-one", "--to", "3"}},
		{[]string{"--to"}, []string{"capacity", "night-one", "--lot", "ga"}},
		{[]string{"invalid"}, []string{"show", "not an id"}},
		{[]string{"unknown_field", "nameX", "name"}, []string{"create", "x", "-f", write(t, "x.yaml", "nameX: Night\n")}},
	} {
		_, err := steer(t, s, c.args...)
		refuses(t, err, c.wants...)
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	s := serveOn(t, newData(t))
	file := write(t, "night.yaml", nightYAML)
	out := mustSteer(t, s, "create", "-f", file, "--dry-run", "--request-id", "c-1")
	wants(t, out, "holdfast.v1.events.night-one.create", `"request_id": "c-1"`, `"row": "1"`, `"starts_at": "2030-06-01T18:00:00Z"`, "rules take it", "Nothing was sent")
	if got := mustSteer(t, s, "list"); got != "" {
		t.Errorf("after the dry run there are events: %q", got)
	}
	mustSteer(t, s, "create", "-f", file)
	before := mustSteer(t, s, "show", "night-one")
	wants(t, mustSteer(t, s, "close", "night-one", "--dry-run"), "night-one.close", "Nothing was sent")
	wants(t, mustSteer(t, s, "block", "night-one", "--lot", "ga", "--quantity", "3", "--dry-run"), `"quantity": 3`)
	if after := mustSteer(t, s, "show", "night-one"); after != before {
		t.Errorf("the dry runs changed the event:\n%s%s", before, after)
	}
	// What the rules refuse they refuse here as well, engine or no engine.
	spoilt := func(old, new string) string { return write(t, "spoilt.yaml", strings.Replace(nightYAML, old, new, 1)) }
	for _, c := range []struct {
		wants []string
		args  []string
	}{
		{[]string{"invalid", "currency"}, []string{"create", "-f", spoilt("EUR", "EURO")}},
		{[]string{"unknown_field", "limit_per_buyer"}, []string{"create", "-f", spoilt("limit_per_buyer", "limit_per_byer")}},
		{[]string{"invalid", "quantity"}, []string{"block", "night-one", "--lot", "ga", "--quantity", "-3"}},
	} {
		_, err := engineRun(t, append(append([]string{"event"}, c.args...), "--dry-run", "--nats", "nats://127.0.0.1:1")...)
		refuses(t, err, c.wants...)
	}
}

func TestNoEngineIsExplained(t *testing.T) {
	_, err := engineRun(t, "event", "list", "--nats", "nats://127.0.0.1:1")
	refuses(t, err, "engine serve", "--nats")
	t.Setenv("HOLDFAST_NATS", "nats://127.0.0.1:2")
	_, err = engineRun(t, "event", "list")
	refuses(t, err, "127.0.0.1:2")
}

func TestEventFilesThatCannotBeAreExplained(t *testing.T) {
	for _, c := range []struct{ text, wants string }{
		{"", "empty"},
		{"{", "no JSON"},
		{`{"name":"x"} {"name":"y"}`, "one file is one event"},
		{"- a\n- b\n", "YAML"},
		{"event: 7\n", "event must be text"},
		{"name: x\n", "has no id"},
	} {
		_, err := engineRun(t, "event", "create", "-f", write(t, "event", c.text), "--nats", "nats://127.0.0.1:1")
		refuses(t, err, c.wants)
	}
	_, err := engineRun(t, "event", "create", "-f", "nowhere.yaml")
	refuses(t, err, "nowhere.yaml")
}

func TestExampleInTheHelpIsAnEvent(t *testing.T) {
	// From the first field to the end: the example of `engine event create --help`.
	_, text, found := strings.Cut(eventExample, "\n\n")
	if !found {
		t.Fatal("the help shows no example")
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	out := must(t, "event", "create", "-f", write(t, "example.yaml", strings.Join(lines, "\n")), "--dry-run")
	wants(t, out, "holdfast.v1.events.night-one.create", "rules take it")
}

// TestCodesAreSetFromAFile: codes come from a file or stdin, are not printed, and are used by whoever has them.
func TestCodesAreSetFromAFile(t *testing.T) {
	s := serveOn(t, newData(t))
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", strings.Replace(nightYAML, "capacity: 1000\n", "capacity: 1000\n    code_only: true\n", 1)))
	mustSteer(t, s, "open", "night-one")
	wants(t, mustSteer(t, s, "codes", "night-one"), "has no codes", "engine event codes --help")
	file := write(t, "codes.yaml", `
codes:
  - {name: fans, code: "FANS-4KQ7", uses: 2, lots: [ga], discount_bp: 1550, ends_at: 2030-05-01T10:00:00Z}
  - {name: voucher, code: "0123456", uses: 1000, discount_minor: 500}
`)
	dry := mustSteer(t, s, "codes", "night-one", "-f", file, "--dry-run")
	wants(t, dry, "fans", "(not shown)", "Nothing was sent")
	for _, secret := range []string{"FANS-4KQ7", "0123456"} {
		if strings.Contains(dry, secret) {
			t.Errorf("--dry-run prints %s", secret)
		}
	}
	wants(t, mustSteer(t, s, "codes", "night-one", "-f", file, "--request-id", "once"), "code fans: 0 of 2 used, 15.50 % off, for ga, until 2030-05-01T10:00:00Z", "code voucher: 0 of 1,000 used, 5.00 EUR off")
	wants(t, mustSteer(t, s, "codes", "night-one", "-f", file, "--request-id", "once"), "done before")

	for _, ask := range []struct{ body, want string }{
		{`{"request_id":"h1","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`, `"code":"lot_not_open"`},
		{`{"request_id":"h2","buyer":"b1","items":[{"lot":"ga","quantity":1}],"code":"fans-4kq8"}`, `"code":"code_unknown"`},
		{`{"request_id":"h3","buyer":"b1","items":[{"lot":"ga","quantity":1}],"code":" fans-4kq7"}`, `"total_minor":4053`},
	} {
		reply, err := transport.Ask(t.Context(), s.NATS, transport.Access{}, "holdfast.v1.events.night-one.hold", []byte(ask.body))
		if err != nil || !strings.Contains(string(reply), ask.want) {
			t.Errorf("%s is answered %s (%v), want %s", ask.body, reply, err, ask.want)
		}
	}
	wants(t, mustSteer(t, s, "codes", "night-one"), "code fans: 1 of 2 used")
	for _, wrong := range []struct{ file, why string }{
		{"codes: [{name: fans, code: 1234567, uses: 1}]", "codes[0].code is not text: put it in quotes"},
		{"codes: [fans]", "codes[0] is not of the form"},
		{"lots: []", "no list `codes`"},
		{"event: other\ncodes: [{name: fans}]", "which is it?"},
		{"codes: [{name: more, code: \"FANS-4KQ9\", discount_bp: 100}]", "codes[0].uses"},
	} {
		_, err := steer(t, s, "codes", "night-one", "-f", write(t, "wrong.yaml", wrong.file))
		refuses(t, err, wrong.why)
		if strings.Contains(err.Error(), "FANS-4KQ9") || strings.Contains(err.Error(), "1234567") {
			t.Errorf("the error has the code: %v", err)
		}
	}
}
