package transport_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// adminExample answers operators as docs/wire.md shows it.
func adminExample(_ context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
	at := engine.Instant(1_777_629_600_000_000_000) // 2026-05-01T10:00:00Z
	switch cmd.Verb {
	case "audit":
		return &engine.AdminAnswer{Audit: 9, Entries: &engine.AuditPage{Oldest: 1, Next: 8, Entries: []engine.Audit{
			{Seq: 7, At: at, Account: "_", Verb: "snapshot", Operator: "maria", RequestID: "s1"},
			{Seq: 8, At: at + 60e9, Account: "_", Verb: "events", RequestID: "n1"},
		}}}
	case "events":
		return &engine.AdminAnswer{Audit: 10, Events: &engine.EventCounts{Awake: 2, Asleep: 41, Quarantined: []engine.QuarantinedEvent{
			{Event: "night-two", Why: "its snapshot is missing"},
		}}}
	case "why":
		w := &engine.WhyView{
			Kind: engine.WhyRefused, Message: "the limit per buyer leaves 1 of 2 tickets", At: at, Code: engine.CodeLimitReached, Field: "items",
			Rule: "limit_per_buyer", Numbers: []engine.WhyNumber{{Name: "limit_per_buyer", Value: 4}, {Name: "bought", Value: 3}, {Name: "asked", Value: 2}},
		}
		if cmd.Request == "h1" {
			w = &engine.WhyView{
				Kind: engine.WhyAccepted, Message: "the hold was accepted: hold h1 is confirmed now", At: at, Verb: engine.VerbHold, Seq: 2, Shows: engine.ShowsHold,
				ID: "h1", State: "confirmed", Amount: 9500, Currency: "EUR",
			}
		}
		return &engine.AdminAnswer{Audit: 12, Why: w}
	case "archive":
		return &engine.AdminAnswer{Audit: 13, Event: &engine.Whereabouts{Event: cmd.Event, Place: "archived", File: "archive/_/" + cmd.Event + ".archive"}}
	case "sleep":
		return &engine.AdminAnswer{Audit: 14, Event: &engine.Whereabouts{Event: cmd.Event, Place: "asleep"}}
	case "release-quarantine":
		return &engine.AdminAnswer{Audit: 15, Code: engine.CodeWrongState, Field: "event", Text: "event " + cmd.Event + " is not quarantined"}
	case "lane":
		return &engine.AdminAnswer{Audit: 18, Lanes: []engine.LaneView{{
			Gateway: "sandbox", RateMilli: max(cmd.RateMilli, 25_000), EffectiveMilli: 25_000, Waiting: 180, Finishing: 2, InFlight: 8, EtaMs: 14_400,
		}}}
	case "one-click":
		return &engine.AdminAnswer{Audit: 19, OneClick: &engine.OneClickView{On: cmd.OneClick != "off", Share: max(cmd.Share, 500)}}
	case "resolve":
		return &engine.AdminAnswer{Audit: 20, Resolved: &engine.ResolvedView{Event: cmd.Event, Purchase: cmd.Purchase, State: "released", Charge: "voided"}}
	case "webhooks":
		return &engine.AdminAnswer{Audit: 21, Webhooks: &engine.WebhooksView{Made: "wh-0123456789ab", Secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}}
	case "evidence":
		return &engine.AdminAnswer{Audit: 22, Evidence: `{"order":{"id":"` + cmd.Order + `"}}`}
	case "wallet-show":
		return &engine.AdminAnswer{Audit: 24, Wallet: `{"account":"_","buyer":"` + cmd.Buyer + `","one_click":"yes"}`}
	case "wallet-export":
		return &engine.AdminAnswer{Audit: 25, Wallet: `{"account":"_","buyer":"` + cmd.Buyer + `","one_click":"yes"}`}
	case "wallet-erase":
		if cmd.RequestID == "we1" {
			return &engine.AdminAnswer{
				Audit: 26, Code: engine.CodeEraseWaits, RetryAfterMs: 500,
				Text: "the buyer is to be forgotten, and this is open: the charge of order o17 of event night-one; the engine goes on by itself, ask again to know",
			}
		}
		return &engine.AdminAnswer{Audit: 27, Erased: cmd.Buyer}
	case "ticket-rotate":
		return &engine.AdminAnswer{Audit: 23, TicketKey: "kPrK_qmxVWaYVA9w"}
	case "inspect":
		return &engine.AdminAnswer{Audit: 17, Inspection: &engine.InspectView{
			Account: "_", Event: cmd.Event, Fact: engine.Seq(cmd.Fact), At: at, Batch: 340, LastBatch: 512, HighMark: at + 60e9, StateHash: 0x0123456789abcdef,
			State: "on_sale", Name: "Night One", Currency: "EUR", HoldsLive: 1, Orders: 0, Cut: true,
			Lots:  []engine.InspectedLot{{Lot: "ga", Counts: engine.Counts{Capacity: 100, Free: 98, Held: 2}}},
			Facts: []engine.FactView{{Seq: engine.Seq(cmd.Fact), At: at, Kind: "held", RequestID: "h1", Text: "hold h3 of buyer b1: 2 x ga, for 120000 ms"}},
		}}
	case "backup":
		b := &engine.BackupView{Name: cmd.Name, Path: "/var/lib/holdfast-backups/" + cmd.Name}
		if cmd.RequestID != "b1" {
			b.Whole, b.LastBatch, b.Aggregates, b.Bytes, b.Made = true, 4711, 45, 1_300_000, at
			b.ChainHead, b.States = strings.Repeat("0123456789abcdef", 4), strings.Repeat("fedcba9876543210", 4)
		}
		return &engine.AdminAnswer{Audit: 16, Backup: b}
	case "snapshot":
		return &engine.AdminAnswer{Audit: 11, Snapshot: &engine.PassView{From: 120, To: 340, Trimmed: 0, Facts: 5100, Snapshots: 3, Bytes: 91_000, TookMs: 12}}
	}
	return &engine.AdminAnswer{Code: engine.CodeUnknownVerb, Text: "no " + cmd.Verb}
}

// serveAdmin starts a world with operators.
func serveAdmin(t testing.TB, a transporttest.Admin) *world {
	t.Helper()
	return serve(t, transport.Config{Admin: a}, new(transporttest.Engine))
}

func (w *world) askAdmin(t testing.TB, verb, body string) *pb.AdminReply {
	t.Helper()
	return decodeAdmin(t, w.ask(t, transport.AdminSubject(verb), []byte(body)).Data)
}

func decodeAdmin(t testing.TB, body []byte) *pb.AdminReply {
	t.Helper()
	reply := new(pb.AdminReply)
	decode := proto.Unmarshal
	if len(body) > 0 && body[0] == '{' {
		decode = protojson.Unmarshal
	}
	if err := decode(body, reply); err != nil {
		t.Fatalf("reply %s: %v", body, err)
	}
	return reply
}

func TestAdminCommandsGoRoundInBothLanguages(t *testing.T) {
	var got []*engine.AdminCommand
	w := serveAdmin(t, func(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
		got = append(got, cmd)
		return adminExample(ctx, cmd)
	})
	body, err := proto.Marshal(&pb.AuditCommand{RequestId: "a1", Operator: "maria", After: 5, Limit: 2, Since: timestamppb.New(time.Unix(1_777_000_000, 0)), Correlation: "7"})
	if err != nil {
		t.Fatal(err)
	}
	fromProto := decodeAdmin(t, w.ask(t, transport.AdminSubject("audit"), body).Data)
	fromJSON := w.askAdmin(t, "audit", `{"request_id":"a1","operator":"maria","after":5,"limit":"2","since":"2026-04-24T03:06:40Z","correlation":"7"}`)
	if !proto.Equal(fromProto, fromJSON) {
		t.Errorf("the replies differ:\n%v\n%v", fromProto, fromJSON)
	}
	if fromProto.RequestId != "a1" || fromProto.Correlation != "7" || fromProto.Audit != 9 || len(fromProto.Entries.GetEntries()) != 2 {
		t.Errorf("reply %v", fromProto)
	}
	if len(got) != 2 || !reflect.DeepEqual(got[0], got[1]) {
		t.Errorf("the commands differ: %+v", got)
	}
	want := engine.AdminCommand{Verb: "audit", Account: "_", RequestID: "a1", Operator: "maria", After: 5, Limit: 2, Since: 1_777_000_000e9}
	if *got[0] != want {
		t.Errorf("command %+v, want %+v", *got[0], want)
	}
}

func TestAdminRefusesWhatCannotBeRight(t *testing.T) {
	w := serveAdmin(t, func(context.Context, *engine.AdminCommand) *engine.AdminAnswer {
		t.Error("a command that can never be right was carried out")
		return &engine.AdminAnswer{}
	})
	for _, c := range []struct{ verb, body, code, field string }{
		{"resign", `{}`, "unknown_verb", ""},
		{"audit", `{"limit":1001}`, "invalid", "limit"},
		{"audit", `{"limit":-1}`, "invalid", "limit"},
		{"audit", `{"after":-1}`, "invalid", "after"},
		{"audit", `{"since":"yesterday"}`, "invalid", "since"},
		{"audit", `{"opperator":"maria"}`, "unknown_field", "opperator"},
		{"why", `{"request":"h1"}`, "invalid", "event"},
		{"why", `{"event":"e1"}`, "invalid", "request"},
		{"why", `{"event":"e.1","request":"h1"}`, "invalid", "event"},
		{"why", `{"event":"e1","request":"4111111111111111"}`, "card_number", "request"},
		{"inspect", `{"facts":1}`, "invalid", "event"},
		{"inspect", `{"event":"e1","facts":201}`, "invalid", "facts"},
		{"inspect", `{"event":"e1","facts":-1}`, "invalid", "facts"},
		{"inspect", `{"event":"e1","fact":-1}`, "invalid", "fact"},
		{"inspect", `{"event":"e1","batch":-1}`, "invalid", "batch"},
		{"inspect", `{"event":"e1","at":"yesterday"}`, "invalid", "at"},
		{"backup", `{"name":"../monday"}`, "invalid", "name"},
		{"backup", `{"name":"4111111111111111"}`, "card_number", "name"},
		{"events", `{"limit":1}`, "unknown_field", "limit"},
		{"events", `{"operator":"maria@example.com"}`, "invalid", "operator"},
		{"events", `{"operator":"4111111111111111"}`, "card_number", "operator"},
		{"events", `{"request_id":"no id"}`, "invalid", "request_id"},
		{"events", `{"request_id":"r1"`, "malformed", "request_id"},
		{"events", "\xff\xff", "malformed", ""},
		{"events", `{"operator":"` + strings.Repeat("m", transport.CommandBytesMax) + `"}`, "too_large", ""},
	} {
		r := w.askAdmin(t, c.verb, c.body)
		if r.Error.GetCode() != c.code || r.Error.GetField() != c.field || r.Error.GetMessage() == "" || r.Audit != 0 {
			t.Errorf("%s %.60s is answered %v, want %s of %q", c.verb, c.body, r, c.code, c.field)
		}
	}
}

func TestAdminRepliesGoToInboxesOnly(t *testing.T) {
	w := serveAdmin(t, func(context.Context, *engine.AdminCommand) *engine.AdminAnswer {
		t.Error("a command was carried out whose answer would be a command")
		return &engine.AdminAnswer{}
	})
	sub, err := w.caller.SubscribeSync("holdfast.v1.admin.events")
	if err != nil {
		t.Fatal(err)
	}
	for _, reply := range []string{"holdfast.v1.admin.events", "holdfast.v1.events.e1.close"} {
		if err := w.caller.PublishRequest(transport.AdminSubject("snapshot"), reply, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.caller.Publish(transport.AdminSubject("snapshot"), []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	for w.server.Stats().DroppedReply+w.server.Stats().DroppedNoReply < 3 {
		if within(t).Err() != nil {
			t.Fatal("the messages were not dropped")
		}
		time.Sleep(time.Millisecond)
	}
	if n, _, err := sub.Pending(); err != nil || n > 0 {
		t.Errorf("%d answers went to a subject of commands, %v", n, err)
	}
}

func TestAdminBeyondItsBoundIsOverloaded(t *testing.T) {
	begun, letGo := make(chan bool, transport.AdminInFlightMax), make(chan bool)
	w := serveAdmin(t, func(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
		begun <- true
		<-letGo
		return adminExample(ctx, cmd)
	})
	inbox := w.caller.NewInbox()
	answers, err := w.caller.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	for range transport.AdminInFlightMax {
		if err := w.caller.PublishRequest(transport.AdminSubject("events"), inbox, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	for range transport.AdminInFlightMax {
		<-begun
	}
	if r := w.askAdmin(t, "events", `{}`); r.Error.GetCode() != "overloaded" || r.Error.GetRetryAfterMs() == 0 || !r.Error.GetRetryable() {
		t.Errorf("one too many is answered %v", r)
	}
	close(letGo)
	for range transport.AdminInFlightMax {
		m, err := answers.NextMsgWithContext(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if r := decodeAdmin(t, m.Data); r.Events.GetAsleep() != 41 {
			t.Errorf("answer %v", r)
		}
	}
	if r := w.askAdmin(t, "events", `{}`); r.Error != nil {
		t.Errorf("afterwards it is answered %v", r)
	}
}

func TestAdminDrainAnswersWhatWasTaken(t *testing.T) {
	begun, letGo := make(chan bool), make(chan bool)
	w := &world{url: broker(t)}
	server, err := transport.Serve(transport.Config{Admin: transporttest.Admin(func(ctx context.Context, cmd *engine.AdminCommand) *engine.AdminAnswer {
		begun <- true
		select {
		case <-letGo:
		case <-ctx.Done():
			return &engine.AdminAnswer{Code: engine.CodeUnavailable, Text: "stopping"}
		}
		return adminExample(ctx, cmd)
	})}, connect(t, w.url), new(transporttest.Engine))
	if err != nil {
		t.Fatal(err)
	}
	w.server, w.caller = server, connect(t, w.url)
	answered := make(chan error, 1)
	go func() {
		m, err := w.caller.RequestWithContext(within(t), transport.AdminSubject("events"), []byte(`{}`))
		if err == nil && !strings.Contains(string(m.Data), `"asleep":41`) {
			err = fmt.Errorf("the answer is %s", m.Data)
		}
		answered <- err
	}()
	<-begun
	drained := make(chan error, 1)
	go func() { drained <- server.Drain(within(t)) }()
	close(letGo)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}
