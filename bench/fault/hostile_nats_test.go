package fault

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// The canaries are secrets that callers send where secrets may be, and where they may not. None of them may ever be seen again.
const (
	canarySecret = "canary-5ecret"
	canaryCard   = "4111111111111111"
)

// An attack is what somebody writes into a NATS connection, byte by byte, and what comes of it.
type attack struct {
	name  string
	bytes string
	want  string // silent, cut (NATS ends the connection), or the code of the engine's answer
	// target is where an answer would do harm: the engine must publish nothing there.
	target string
}

const (
	attackInbox = "_INBOX.attacker.1"
	attackHold  = `{"request_id":"nowhere","buyer":"b9","items":[{"lot":"ga","quantity":1}]}`
)

func pub(subject, reply, body string) string {
	return fmt.Sprintf("PUB %s %s %d\r\n%s\r\n", subject, reply, len(body), body)
}

func hpub(subject, reply, headers, body string) string {
	headers = "NATS/1.0\r\n" + headers + "\r\n"
	return fmt.Sprintf("HPUB %s %s %d %d\r\n%s%s\r\n", subject, reply, len(headers), len(headers)+len(body), headers, body)
}

// attacks are all of them.
func attacks() []attack {
	var list []attack
	add := func(name, bytes, want, target string) {
		list = append(list, attack{name, bytes, want, target})
	}
	hold, get := Subject(hostileEvent, "hold"), Subject(hostileEvent, "get")

	// Replies that would be orders in the engine's name.
	for _, target := range []string{
		Subject(hostileEvent, "close"), Subject(hostileEvent, "pause"), Subject(hostileEvent, "open"), Subject(hostileEvent, "block"), Subject(hostileEvent, "capacity"),
		Subject(hostileEvent, "release"), Subject(hostileEvent, "confirm"), Subject(hostileEvent, "batch"), Subject(hostileEvent, "buyer_batch"), Subject("e2", "create"),
		"holdfast.v1.events.list", "holdfast.v1.admin.audit", "holdfast.v1.admin.backup", "holdfast.v1.kpi", "holdfast.v1.alerts.disk",
		"$JS.API.STREAM.CREATE.x", "$JS.API.STREAM.DELETE.x", "$JS.API.STREAM.PURGE.x", "$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SRV.PING", "$KV.leases.x",
		"_INBOX", "_INBOX.", "_INBOX..a", "_INBOX.a.", "_INBOX.*", "_INBOX.>", "_INBOX.a.*", "_INBOX.a.>", "_INBOXX.a", "_inbox.a", "INBOX.a", "_INBOX.a\x00b", "_INBOX.a\u202eb",
		"_INBOX.\x7f", ">", "*", ".", "a", "__INBOX.a", "_INBO.a",
	} {
		add("a hold to be answered at "+target, pub(hold, target, attackHold), "silent", target)
	}
	for _, target := range []string{"$JS.ACK.x", "_R_.x", "$GR.x", "_GR_.x.y.z"} { // NATS keeps some of these for itself
		add("a hold to be answered at "+target, pub(hold, target, attackHold), "silent", target)
	}
	for _, subject := range []string{get, Subject(hostileEvent, "batch"), Subject(hostileEvent, "buyer_batch"), "holdfast.v1.events.list"} {
		for _, target := range []string{Subject(hostileEvent, "close"), "holdfast.v1.admin.audit", "$JS.API.STREAM.PURGE.x", "_INBOX.>"} {
			add(subject+" to be answered at "+target, pub(subject, target, "{}"), "silent", target)
		}
	}
	add("a hold to be answered nowhere", fmt.Sprintf("PUB %s %d\r\n%s\r\n", hold, len(attackHold), attackHold), "silent", "")
	add("a batch to be answered nowhere", fmt.Sprintf("PUB %s 2\r\n{}\r\n", Subject(hostileEvent, "batch")), "silent", "")
	add("a list to be answered nowhere", "PUB holdfast.v1.events.list 2\r\n{}\r\n", "silent", "")

	// Headers claim things. None is believed: the answer is what it would be without.
	for _, h := range []string{
		`Nats-Request-Info: {"acc":"admin","user":"engine"}`, "Nats-Rollup: all", "Nats-Rollup: sub", "Nats-Expected-Stream: feed", "Nats-Expected-Last-Sequence: 0",
		"Nats-Expected-Last-Subject-Sequence: 0", "Nats-Msg-Id: h1", "Nats-Msg-Id: h1\r\nNats-Msg-Id: h1", "Nats-TTL: 1s", "Nats-Schedule: @at 2030-01-01T00:00:00Z",
		"Nats-Schedule-Target: " + Subject(hostileEvent, "close"), "Nats-Service-Error: x\r\nNats-Service-Error-Code: 500", "Status: 503", "Holdfast-Account: other",
		"account: other\r\naccount: another", "buyer: b1", "Authorization: Bearer " + canarySecret, "X-Card: " + canaryCard, "Content-Type: application/protobuf",
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Long: " + strings.Repeat("x", 60<<10), strings.Repeat("A: b\r\n", 2000) + "A: b",
		"No colon here", "\x00: \x00", "Empty:", ": empty", "Folded: a\r\n b", "Nats-Request-Info: a\r\n\r\nPUB " + Subject(hostileEvent, "close") + " 2",
	} {
		name, answer := h[:min(len(h), 40)], "answered"
		if strings.Contains(h, canaryCard) {
			answer = "card_number"
		}
		add("header "+name, hpub(get, attackInbox, h+"\r\n", "{}"), answer, "")
	}
	add("header without a version", fmt.Sprintf("HPUB %s %s 8 10\r\nA: b\r\n\r\n{}\r\n", get, attackInbox), "answered", "")

	// Tokens of subjects. An empty one is no subject for NATS, or none that anybody listens on.
	for _, token := range []string{"*", ">", "a*b", "\x01", "\x00", "a\u202eb", "a\u200bb", "\u043d\u0456\u0433\u04bb\u0442", "$JS", "$SYS", "..", "%2e%2e", "a/b", "/etc/passwd", "..\\x", "e1;close", "'", "\"", "`id`", "${x}", "\xff\xfe", "e1\x1b[31m"} {
		if strings.Contains(token, ".") {
			add("event id "+token, pub("holdfast.v1.events."+token+".hold", attackInbox, attackHold), "silent", "")
			continue
		}
		add("event id "+token, pub("holdfast.v1.events."+token+".hold", attackInbox, attackHold), "invalid", "")
	}
	for _, subject := range []string{"holdfast.v1.events..hold", "holdfast.v1.events.hold", ".holdfast.v1.events.e1.hold", "holdfast.v1.events.e1.hold.", "holdfast.v1.events.e1.hold.x", "HOLDFAST.V1.EVENTS.E1.HOLD", "holdfast.v2.events.e1.hold"} {
		add("subject "+subject, pub(subject, attackInbox, attackHold), "silent", "")
	}
	add("event id of 900 letters", pub("holdfast.v1.events."+strings.Repeat("e", 900)+".hold", attackInbox, attackHold), "invalid", "")
	add("event id that is a card number", pub("holdfast.v1.events."+canaryCard+".hold", attackInbox, attackHold), "card_number", "")
	add("verb with a card number", pub("holdfast.v1.events.e1."+canaryCard, attackInbox, attackHold), "unknown_verb", "")
	add("verb with a control character", pub("holdfast.v1.events.e1.hold\x01", attackInbox, attackHold), "unknown_verb", "")

	// Not the protocol of NATS.
	add("subject longer than a control line", pub("holdfast.v1.events."+strings.Repeat("e", 4<<10)+".hold", attackInbox, attackHold), "cut", "")
	add("payload longer than any message", "PUB "+hold+" "+attackInbox+" 1048577\r\n", "cut", "")
	add("payload of a size below zero", "PUB "+hold+" "+attackInbox+" -1\r\n", "cut", "")
	add("payload of a size that is no number", "PUB "+hold+" "+attackInbox+" "+canarySecret+"\r\n", "cut", "")
	add("payload longer than said", "PUB "+hold+" "+attackInbox+" 2\r\n{}{}{}\r\n", "cut", "")
	add("headers longer than the message", "HPUB "+hold+" "+attackInbox+" 100 10\r\n", "cut", "")
	add("HTTP", "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+canarySecret+"\r\n\r\n", "cut", "")
	add("TLS to a server without", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+strings.Repeat("\x00", 64), "cut", "")
	add("binary", "\x00\x01\x02\xff\xfe\r\n", "cut", "")
	add("subscription to a broken subject", "SUB a..b 9\r\n", "silent", "")
	return list
}

// wireAttacker writes into a connection what no library would.
type wireAttacker struct {
	conn net.Conn
	in   *bufio.Reader
}

func newAttacker(t *testing.T, url string) *wireAttacker {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "nats://"), patience)
	if err != nil {
		t.Fatal(err)
	}
	a := &wireAttacker{conn, bufio.NewReader(conn)}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	connect := `CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"user":"x","pass":"` + canarySecret + `","name":"` + canaryCard + `"}` + "\r\nSUB " + attackInbox + " 1\r\n"
	if said, open := a.exchange(connect); !open {
		t.Fatalf("NATS does not let the attacker in: %s", said)
	}
	return a
}

// exchange writes, and returns what NATS says until it has looked at all of it, or until it ends the connection.
func (a *wireAttacker) exchange(text string) (said string, open bool) {
	_, _ = io.WriteString(a.conn, text+"PING\r\n") // a connection that is cut meanwhile shows when it is read
	var b bytes.Buffer
	for {
		line, err := a.in.ReadString('\n')
		if line == "PONG\r\n" {
			return b.String(), true
		}
		b.WriteString(line)
		if err != nil {
			return b.String(), false
		}
	}
}

// attack carries out one attack and demands what is to come of it, and that the state is still as before.
func (h *hostile) attack(p *Process, spy *nats.Subscription, before string, a *attack) {
	h.t.Helper()
	w := newAttacker(h.t, p.Ready.NATS)
	defer w.conn.Close()
	said, open := w.exchange(a.bytes)
	if after := h.state(); after != before { // what was answered before this is on its way to the attacker
		h.t.Fatalf("%s changed the event from %s to %s", a.name, before, after)
	}
	if open {
		var more string
		more, open = w.exchange("")
		said += more
	}
	got := "silent"
	switch {
	case !open:
		got = "cut"
	case strings.Contains(said, `"code":"`):
		_, code, _ := strings.Cut(said, `"code":"`)
		got, _, _ = strings.Cut(code, `"`)
	case strings.Contains(said, "MSG "+attackInbox) && strings.Contains(said, "{"):
		got = "answered"
	}
	if got != a.want {
		h.t.Errorf("%q: %s, must be %s: %.300q", a.name, got, a.want, said)
	}
	for _, canary := range []string{canarySecret, canaryCard} {
		if strings.Contains(said, canary) {
			h.t.Errorf("%q: the answer repeats %s: %.300q", a.name, canary, said)
		}
	}
	for {
		m, err := spy.NextMsg(0)
		if err != nil {
			break
		}
		if a.target != "" && m.Subject == a.target && !strings.Contains(a.bytes, string(m.Data)) {
			h.t.Errorf("%q: the engine published %.200q to %s", a.name, m.Data, m.Subject)
		}
	}
}
