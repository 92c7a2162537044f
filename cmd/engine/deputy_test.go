package main

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/holdfast-engine/holdfast/transport"
)

// TestNobodyMakesTheEngineActForThem: with the users of deploy/nats.conf, whoever may ask for something has the answer sent where it would be an order,
// a secret learned or another's answer. The engine has no right to give orders, and what reaches another inbox matches no request there.
func TestNobodyMakesTheEngineActForThem(t *testing.T) {
	seeds := roleKeys(t)
	s := serveRoles(t, newData(t), seeds, "")
	prepareNight(t, s, seeds)
	operator := connectRole(t, s.NATS, "operator", seeds)
	before := operator.state()
	get := transport.Subject("night", "get")
	for _, c := range []struct {
		role, subject, reply, body string
		header                     nats.Header
	}{
		{"shop", get, "_INBOX_operator.guess", "{}", nil},
		{"shop", get, "_INBOX_office.guess", "{}", nil},
		{"shop", get, "_INBOX_engine.guess", "{}", nil},
		{"shop", get, "_INBOX.guess", "{}", nil},
		{"shop", get, transport.Subject("night", "close"), "{}", nil},
		{"observer", get, "holdfast.v1.admin.backup", "{}", nil},
		{"observer", "holdfast.v1.events.list", transport.Subject("night", "pause"), "{}", nil},
		{"observer", "$SRV.PING", transport.Subject("night", "close"), "", nil},
		{"observer", "$SRV.INFO.holdfast", "holdfast.v1.admin.backup", "", nil},
		{"observer", "$SRV.STATS.holdfast", "$JS.API.STREAM.PURGE.x", "", nil},
		{"operator", "$SRV.STATS.holdfast", "$SYS.REQ.SERVER.PING", "", nil},
		{"shop", get, "_INBOX_shop.a", "{}", nats.Header{"Nats-Trace-Dest": {transport.Subject("night", "close")}}},
		{"shop", get, "_INBOX_shop.a", "{}", nats.Header{"Nats-Trace-Dest": {"_INBOX_operator.trace"}, "Nats-Trace-Only": {"true"}}},
		{"shop", get, "_INBOX_shop.a", "{}", nats.Header{"Nats-Rollup": {"all"}, "Nats-Msg-Id": {"1"}, "Nats-Expected-Last-Sequence": {"0"}}},
		{"shop", get, "_INBOX_shop.a", "{}", nats.Header{"Nats-Request-Info": {`{"acc":"$SYS","user":"operator"}`}}},
	} {
		by := connectRole(t, s.NATS, c.role, seeds)
		if err := by.nc.PublishMsg(&nats.Msg{Subject: c.subject, Reply: c.reply, Data: []byte(c.body), Header: c.header}); err != nil {
			t.Fatal(err)
		}
		if err := by.nc.FlushTimeout(patience); err != nil {
			t.Fatal(err)
		}
		if after := operator.state(); after != before { // and the operator still gets its own answers
			t.Errorf("%s asks on %s for an answer on %s: the state was %s and is %s", c.role, c.subject, c.reply, before, after)
		}
	}
	for _, role := range []string{"shop", "office", "observer"} { // and everybody is served
		connectRole(t, s.NATS, role, seeds).ask(get, "{}")
	}
	if strings.Contains(s.logs.String(), "SU") && containsSeed(t, s.logs.String(), seeds) {
		t.Error("a seed is in the log")
	}
}

// TestCommandLineSpeaksForItsUser: the flags of access, with a user of deploy/nats.conf.
func TestCommandLineSpeaksForItsUser(t *testing.T) {
	seeds := roleKeys(t)
	s := serveRoles(t, newData(t), seeds, "")
	prepareNight(t, s, seeds)
	as := func(role string) []string {
		return []string{"--nkey", seeds[role], "--inbox-prefix", "_INBOX_" + role}
	}
	wants(t, mustSteer(t, s, append([]string{"show", "night"}, as("observer")...)...), "night: Night")
	_, err := steer(t, s, "list")
	refuses(t, err, "does not take these credentials", "--nkey")
	t.Setenv("HOLDFAST_NKEY", seeds["observer"])
	t.Setenv("HOLDFAST_INBOX_PREFIX", "_INBOX_observer")
	wants(t, mustSteer(t, s, "list"), "night")
	_, err = steer(t, s, append([]string{"close", "night"}, as("observer")...)...)
	refuses(t, err, "NATS denies it to this user", "holdfast.v1.events.night.close", "--inbox-prefix")
	_, err = steer(t, s, "show", "night", "--nkey", seeds["observer"], "--inbox-prefix", "_INBOX_operator")
	refuses(t, err, "NATS denies it to this user", "_INBOX_operator")
	wants(t, mustSteer(t, s, append([]string{"close", "night"}, as("organiser")...)...), "closed")
}
