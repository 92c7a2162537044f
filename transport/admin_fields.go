package transport

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-engine/holdfast/engine"
)

// The commands of operators as tables, read by the same decoders as those of events. A new verb is a line in adminMessages with the table of its
// message, its place in admin.proto, in the answer (encode_admin.go) and in cmd/engine, which carries it out.

func operatorField() field {
	return field{name: "operator", num: 2, kind: kindString, str: func(s *scope) *string { return &s.admin.Operator }}
}

func adminEventField() field {
	return field{name: "event", num: 3, kind: kindString, str: func(s *scope) *string { return &s.admin.Event }}
}

func adminTime(name string, num uint8, at func(*scope) *engine.Instant) field {
	return field{name: name, num: num, kind: kindTime, present: true, at: at}
}

func adminBuyerField() field {
	return field{name: "buyer", num: 5, kind: kindString, str: func(s *scope) *string { return &s.admin.Buyer }}
}

// adminMessages holds the message of every admin verb.
var adminMessages = map[string]*message{
	"audit": newMessage("AuditCommand",
		requestIDField(), operatorField(),
		field{name: "after", num: 5, kind: kindInt, num64: func(s *scope) *int64 { return &s.admin.After }},
		field{name: "limit", num: 6, kind: kindInt, num64: func(s *scope) *int64 { return &s.admin.Limit }},
		adminTime("since", 7, func(s *scope) *engine.Instant { return &s.admin.Since }),
		adminTime("until", 8, func(s *scope) *engine.Instant { return &s.admin.Until }),
		correlationField()),
	"why": newMessage("WhyCommand",
		requestIDField(), operatorField(), adminEventField(),
		field{name: "request", num: 5, kind: kindString, str: func(s *scope) *string { return &s.admin.Request }},
		correlationField()),
	"events":             newMessage("EventsCommand", requestIDField(), operatorField(), correlationField()),
	"archive":            newMessage("ArchiveCommand", requestIDField(), operatorField(), adminEventField(), correlationField()),
	"sleep":              newMessage("SleepCommand", requestIDField(), operatorField(), adminEventField(), correlationField()),
	"release-quarantine": newMessage("ReleaseQuarantineCommand", requestIDField(), operatorField(), adminEventField(), correlationField()),
	"inspect": newMessage("InspectCommand",
		requestIDField(), operatorField(), adminEventField(),
		field{name: "facts", num: 5, kind: kindInt, num64: func(s *scope) *int64 { return &s.admin.Facts }},
		field{name: "fact", num: 6, kind: kindInt, num64: func(s *scope) *int64 { return &s.admin.Fact }},
		field{name: "batch", num: 7, kind: kindInt, num64: func(s *scope) *int64 { return &s.admin.Batch }},
		adminTime("at", 8, func(s *scope) *engine.Instant { return &s.admin.At }),
		correlationField()),
	"backup": newMessage("BackupCommand", requestIDField(), operatorField(),
		field{name: "name", num: 5, kind: kindString, str: func(s *scope) *string { return &s.admin.Name }},
		correlationField()),
	"webhooks": newMessage("WebhooksCommand", requestIDField(), operatorField(),
		field{name: "action", num: 5, kind: kindString, str: func(s *scope) *string { return &s.admin.Action }},
		field{name: "endpoint", num: 6, kind: kindString, str: func(s *scope) *string { return &s.admin.Endpoint }},
		field{name: "url", num: 7, kind: kindString, str: func(s *scope) *string { return &s.admin.URL }},
		field{name: "kinds", num: 8, kind: kindStrings, add: func(_ *decoder, s *scope, v string) { s.admin.Kinds = strings.TrimPrefix(s.admin.Kinds+","+v, ",") }},
		adminTime("since", 9, func(s *scope) *engine.Instant { return &s.admin.Since }),
		field{name: "limit", num: 10, kind: kindInt, num64: func(s *scope) *int64 { return &s.admin.Limit }},
		correlationField()),
	"evidence": newMessage("EvidenceCommand", requestIDField(), operatorField(), adminEventField(),
		field{name: "order", num: 5, kind: kindString, str: func(s *scope) *string { return &s.admin.Order }},
		correlationField()),
	"ticket-rotate": newMessage("TicketRotateCommand", requestIDField(), operatorField(), correlationField()),
	"snapshot":      newMessage("SnapshotCommand", requestIDField(), operatorField(), correlationField()),
	"wallet-show":   newMessage("WalletShowCommand", requestIDField(), operatorField(), adminBuyerField(), correlationField()),
	"wallet-export": newMessage("WalletExportCommand", requestIDField(), operatorField(), adminBuyerField(), correlationField()),
	"wallet-erase":  newMessage("WalletEraseCommand", requestIDField(), operatorField(), adminBuyerField(), correlationField()),
	"lane": newMessage("LaneCommand",
		requestIDField(), operatorField(),
		field{name: "gateway", num: 5, kind: kindString, str: func(s *scope) *string { return &s.admin.Gateway }},
		field{name: "rate_milli", num: 6, kind: kindInt, num64: func(s *scope) *int64 { return &s.admin.RateMilli }},
		correlationField()),
	"one-click": newMessage("OneClickEverywhereCommand",
		requestIDField(), operatorField(),
		field{name: "one_click", num: 5, kind: kindString, str: func(s *scope) *string { return &s.admin.OneClick }},
		field{name: "share", num: 6, kind: kindInt, num64: func(s *scope) *int64 { return &s.admin.Share }},
		correlationField()),
	"resolve": newMessage("ResolveCommand",
		requestIDField(), operatorField(), adminEventField(),
		field{name: "purchase", num: 5, kind: kindString, str: func(s *scope) *string { return &s.admin.Purchase }},
		field{name: "answer", num: 6, kind: kindString, str: func(s *scope) *string { return &s.admin.Answer }},
		correlationField()),
}

// adminVerbNames lists the verbs of operators, for people.
var adminVerbNames = strings.Join(slices.Sorted(maps.Keys(adminMessages)), ", ")

// decodeAdmin decodes a command of an operator and checks what can be checked without the engine. It reports whether it may be carried out; if
// not, problem says why.
func (d *decoder) decodeAdmin(m *message, cmd *engine.AdminCommand, body []byte) bool {
	d.scope.admin = cmd
	if !d.decode(m, body) {
		return false
	}
	cmd.RequestID = d.scope.requestID
	for _, id := range [...]struct{ name, value string }{{"request_id", cmd.RequestID}, {"operator", cmd.Operator}} {
		if id.value != "" {
			d.checkID(id.name, id.value)
		}
	}
	for i := range m.fields {
		switch m.fields[i].name {
		case "event":
			d.checkID("event", cmd.Event)
		case "request":
			d.checkID("request", cmd.Request)
		case "name":
			if cmd.Name != "" {
				d.checkID("name", cmd.Name)
			}
		case "gateway":
			if cmd.Gateway != "" {
				d.checkID("gateway", cmd.Gateway)
			}
		case "rate_milli":
			if cmd.RateMilli < 0 {
				d.fail(engine.CodeInvalid, "rate_milli", "rate_milli must not be negative: it is thousandths of a call a second")
			}
		case "one_click":
			if cmd.OneClick != "" && cmd.OneClick != "on" && cmd.OneClick != "off" {
				d.fail(engine.CodeInvalid, "one_click", "one_click must be on or off")
			}
		case "share":
			if cmd.Share < 0 || cmd.Share > engine.AllBuyers {
				d.fail(engine.CodeInvalid, "share", "share must be 0 to "+strconv.Itoa(engine.AllBuyers)+": hundredths of a percent")
			}
		case "purchase":
			d.checkID("purchase", cmd.Purchase)
		case "answer":
			if cmd.Answer != "authorised" && cmd.Answer != "captured" && cmd.Answer != "voided" {
				d.fail(engine.CodeInvalid, "answer", "answer must be authorised, captured or voided: what the gateway's own pages say of the charge")
			}
		case "order":
			d.checkID("order", cmd.Order)
		case "buyer":
			d.checkID("buyer", cmd.Buyer)
		case "action":
			if a := cmd.Action; a != "add" && a != "remove" && a != "list" && a != "replay" && a != "dead" {
				d.fail(engine.CodeInvalid, "action", "action must be add, remove, list, replay or dead")
			}
		case "endpoint":
			if cmd.Endpoint != "" {
				d.checkID("endpoint", cmd.Endpoint)
			}
		case "limit":
			if cmd.Limit == 0 {
				cmd.Limit = ListLimitDefault
			}
			if cmd.Limit < 0 || cmd.Limit > ListLimitMax {
				d.fail(engine.CodeInvalid, "limit", "limit must be 1 to "+strconv.Itoa(ListLimitMax))
			}
		case "facts":
			if cmd.Facts < 0 || cmd.Facts > InspectFactsMax {
				d.fail(engine.CodeInvalid, "facts", "facts must be 0 to "+strconv.Itoa(InspectFactsMax))
			}
		case "fact":
			if cmd.Fact < 0 {
				d.fail(engine.CodeInvalid, "fact", "fact must not be negative: it is the seq of a fact")
			}
		case "batch":
			if cmd.Batch < 0 {
				d.fail(engine.CodeInvalid, "batch", "batch must not be negative: it is the seq of a batch of the log")
			}
		case "after":
			if cmd.After < 0 {
				d.fail(engine.CodeInvalid, "after", "after must not be negative: it is the seq of an entry")
			}
		}
	}
	return d.problem.code == engine.CodeOK
}

// checkID refuses what is no id, or looks like a card number.
func (d *decoder) checkID(name, value string) {
	switch {
	case !engine.ValidID(value):
		d.fail(engine.CodeInvalid, name, name+" must be 1 to "+strconv.Itoa(engine.IDLenMax)+" of A-Z a-z 0-9 _ -")
	case engine.IsCardNumber(value):
		d.fail(engine.CodeCardNumber, name, name+" looks like a card number: never send one")
	}
}
