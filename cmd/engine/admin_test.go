package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/transport/client"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
)

// operate runs an admin command against a running engine.
func operate(t *testing.T, s *serving, args ...string) (string, error) {
	t.Helper()
	return engineRun(t, append(append([]string{"admin"}, args...), "--nats", s.NATS)...)
}

func mustOperate(t *testing.T, s *serving, args ...string) string {
	t.Helper()
	out, err := operate(t, s, args...)
	if err != nil {
		t.Fatalf("engine admin %s: %v", strings.Join(args, " "), err)
	}
	return out
}

func TestOperatorsAreAnsweredAndAudited(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", nightYAML))
	wants(t, mustOperate(t, s, "events", "--as", "maria", "--request-id", "n1"), "1 awake, 0 asleep, 0 quarantined")
	wants(t, mustOperate(t, s, "snapshot", "--request-id", "s1"), "facts replayed", "2 snapshots")
	_, err := operate(t, s, "events", "--as", "maria the operator")
	refuses(t, err, "invalid", "operator")

	wants(t, mustOperate(t, s, "audit"), "maria (declared)  events: ok  n1\n", "nobody named  snapshot: ok  s1\n")
	s.stop()

	// The audit is in the log: it is there after a restart, and a pass has not lost it.
	s = serveOn(t, data)
	var reply wireAdminReply
	if err := json.Unmarshal([]byte(mustOperate(t, s, "audit", "--since", "1h", "--limit", "2", "--json")), &reply); err != nil {
		t.Fatal(err)
	}
	entries := reply.Entries.Entries
	if len(entries) != 2 || entries[0].Verb != "events" || entries[0].Operator != "maria" || entries[1].RequestID != "s1" || reply.Entries.Next != entries[1].Seq {
		t.Errorf("after the restart the audit is %+v", reply.Entries)
	}
	if out := mustOperate(t, s, "audit", "--until", "1h"); out != "" {
		t.Errorf("before the engine ran there was %s", out)
	}
	s.stop()
	wants(t, must(t, "verify", data), "whole")
}

func TestClientSpeaksForOperators(t *testing.T) {
	s := serveOn(t, newData(t))
	c := connectTo(t, s)
	reply, err := c.Admin(within(t), &pb.EventsCommand{Operator: "maria"})
	if err != nil || reply.Audit == 0 || reply.Events.GetAwake() != 0 {
		t.Fatalf("%v, %v", reply, err)
	}
	page, err := c.Admin(within(t), &pb.AuditCommand{})
	if err != nil || len(page.Entries.GetEntries()) != 1 || page.Entries.Entries[0].Operator != "maria" || page.Entries.Entries[0].KnownBy != "declared" {
		t.Fatalf("%v, %v", page, err)
	}
	if _, err := c.Admin(within(t), &pb.AuditCommand{Limit: -1}); !strings.Contains(err.Error(), "limit") {
		t.Errorf("a negative limit: %v", err)
	}
	if _, err := c.Admin(within(t), &pb.HoldCommand{}); err == nil {
		t.Error("a hold is no command of an operator")
	}
	_ = c.Close()
	if _, err := c.Admin(within(t), &pb.EventsCommand{}); err != client.ErrClosed { //nolint:errorlint // it is returned as it is
		t.Errorf("after Close: %v", err)
	}
}

func TestAdminCommandsThatCannotBeAreExplained(t *testing.T) {
	for _, c := range []struct {
		wants string
		args  []string
	}{
		{"neither a time", []string{"audit", "--since", "yesterday"}},
		{"negative", []string{"audit", "--limit", "-1"}},
		{"engine serve", []string{"events"}},
	} {
		_, err := engineRun(t, append(append([]string{"admin"}, c.args...), "--nats", "nats://127.0.0.1:1")...)
		refuses(t, err, c.wants)
	}
}

func TestWhyExplainsARequest(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", nightYAML), "--request-id", "c1")
	c := connectTo(t, s)
	mustSteer(t, s, "open", "night-one", "--request-id", "o1")
	for id, quantity := range map[string]int64{"h1": 3, "h2": 5} {
		_, err := c.Hold(within(t), "night-one", &pb.HoldCommand{RequestId: id, Buyer: "b1", Items: []*pb.Item{{Lot: "ga", Quantity: quantity}}})
		if (err == nil) != (id == "h1") {
			t.Fatalf("%s: %v", id, err)
		}
	}
	why := func(args ...string) string {
		t.Helper()
		return must(t, append([]string{"why", "night-one"}, args...)...)
	}
	wants(t, why("h1", "--nats", s.NATS, "--as", "maria"), "accepted at", "as fact 3", "hold h1 is held now", "142.50 EUR")
	wants(t, why("o1", "--nats", s.NATS), "as fact 2", "the event is on sale now")
	wants(t, why("h2", "--nats", s.NATS), "refused, limit_reached", "rule: limit_per_buyer", "limit_per_buyer 4", "bought 0", "asked 5")
	wants(t, why("nobody", "--nats", s.NATS), "unknown", "never arrived", "all accepted ids", "1 refusals")
	var reply wireAdminReply
	if err := json.Unmarshal([]byte(why("h1", "--nats", s.NATS, "--json")), &reply); err != nil || reply.Why.Fact != 3 || *reply.Why.Amount != 14250 || reply.Why.Object != "hold" {
		t.Errorf("--json: %+v, %v", reply.Why, err)
	}
	_, err := engineRun(t, "why", "no-such", "h1", "--nats", s.NATS)
	refuses(t, err, "event_unknown", "no-such")
	_, err = engineRun(t, "why", "night-one")
	refuses(t, err, "an event and a request id")
	wants(t, mustOperate(t, s, "audit"), "maria (declared)  why event=night-one request=h1: ok", "why event=no-such request=h1: event_unknown")
	s.stop()

	// The same from the folder, where accepted requests are.
	wants(t, why("h1", "--data", data), "accepted at", "as fact 3", "hold h1 is held now")
	wants(t, why("h2", "--data", data, "--json"), `"kind": "unknown"`, `"refused_ids": 0`)
	_, err = engineRun(t, "why", "no-such", "h1", "--data", data)
	refuses(t, err, "no event no-such")
}

func TestAClosedEventIsArchivedAndItsIDStaysTaken(t *testing.T) {
	data := newData(t)
	s := serveOn(t, data)
	night := write(t, "night.yaml", nightYAML)
	mustSteer(t, s, "create", "-f", night)
	mustSteer(t, s, "open", "night-one")
	c := connectTo(t, s)
	sell(t, c, "night-one", "b1")
	_, err := operate(t, s, "archive", "night-one")
	refuses(t, err, "wrong_state", "on sale")
	mustSteer(t, s, "close", "night-one")
	wants(t, mustOperate(t, s, "sleep", "night-one"), "event night-one is asleep")
	_, err = operate(t, s, "release-quarantine", "night-one")
	refuses(t, err, "not quarantined")
	hold, err := c.Hold(within(t), "night-one", &pb.HoldCommand{Buyer: "b2", Items: []*pb.Item{{Lot: "ga", Quantity: 1}}})
	refuses(t, err, "not_on_sale")
	if hold != nil {
		t.Errorf("a closed event gave %v", hold)
	}
	wants(t, mustOperate(t, s, "archive", "night-one", "--as", "maria"), "event night-one is archived, in archive/_/night-one.archive")
	gone := func() {
		t.Helper()
		_, err := steer(t, s, "show", "night-one")
		refuses(t, err, "event_archived", "archived at 20")
		_, err = steer(t, s, "create", "-f", night)
		refuses(t, err, "event_exists", "the id is taken", "archived at 20")
		if out := mustSteer(t, s, "list"); out != "" {
			t.Errorf("it is still listed: %s", out)
		}
		_, err = operate(t, s, "archive", "night-one")
		refuses(t, err, "event_archived")
	}
	gone()
	wants(t, mustOperate(t, s, "audit"), "maria (declared)  archive event=night-one: ok", "archive event=night-one: wrong_state")
	s.stop()
	s = serveOn(t, data)
	gone()
	s.stop()
	file := filepath.Join(data, "archive", "_", "night-one.archive")
	wants(t, must(t, "archive", "show", file), "event night-one of account _, archived at", "1 orders, 1 tickets sold", "replayed to state hash")
	wants(t, must(t, "archive", "show", file, "--json"), `"event": "night-one"`, `"replayed": true`, `"tickets": 1`)
	wants(t, must(t, "archive", "show", file, "--facts"), "\n1 1 20")
	wants(t, must(t, "verify", data), "whole")
	_, err = engineRun(t, "archive", "show", write(t, "no.archive", "holdfast archive 1\nno"))
	refuses(t, err, "damaged")
	_, err = engineRun(t, "archive", "show")
	refuses(t, err, "name one file")
}

func TestEventsAreArchivedByThemselves(t *testing.T) {
	s := serveOn(t, newData(t), "--retention", "1ms")
	mustSteer(t, s, "create", "-f", write(t, "night.yaml", nightYAML))
	mustSteer(t, s, "close", "night-one")
	ctx := within(t)
	for {
		_, err := steer(t, s, "show", "night-one")
		if err != nil && strings.Contains(err.Error(), "event_archived: event night-one was archived at") {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("it is not archived: %v", err)
		}
	}
}
