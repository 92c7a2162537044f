package transport_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// fullRequests are requests that the engine takes, in which every field of every message is there once at least.
var fullRequests = map[string][]string{
	"create": {
		`{"request_id":"r1","name":"N","genre":"g","performer":"p","venue":"v","city":"c","country":"NL","time_zone":"Europe/Amsterdam",
		"doors_at":"2026-06-01T17:00:00Z","starts_at":"2026-06-01T18:00:00Z","opens_at":"2026-05-01T18:00:00Z","closes_at":"2026-06-01T18:00:00Z",
		"currency":"EUR","hold_ttl_ms":120000,"max_hold_ms":600000,"spread_ms":0,"limit_per_buyer":4,"limit_per_order":4,"open":true,"correlation":"x",
		"undo_ms":10000,"pay_ms":120000,"grace_ms":60000,"action_ms":180000,"redirect_ms":600000,"queue_ms":900000,"offer_ttl_ms":120000,
		"limit_per_linked":4,"refund_until":"2026-05-30T18:00:00Z","refund_window_ms":1209600000,"one_click_off":true,"one_click_share":10000,"mode":"sell",
		"line":{"mode":"line","lobby_at":"2026-05-01T09:00:00Z","pass_ttl_ms":600000,"grace_ms":120000,"shoppers_max":100,"draw_value":true,
		"offer_ttl_ms":300000,"aside_ms":600000,"tracks":[{"track":"general","share_bp":10000},{"track":"fans","code_only":true}]},
		"pools":[{"pool":"hall","capacity":1010}],"lots":[{"lot":"base","capacity":10},
		{"lot":"ga","name":"n","face_minor":4500,"fees":[{"name":"service","minor":250}],"tax_minor":1,"capacity":1000,"units":1,"pools":["hall"],
		"requires":["base"],"after":"base","min_order":1,"max_order":65536,"code_only":true},{"lot":"seats","rows":[{"section":"A","row":"1","seats":20},
		{"section":"B","row":"1","through":"2","seats":20,"rank":1,"first":101,"step":1,"best":"110","aisles":"105","missing":"119","accessible":"101",
		"companion":"102","restricted":"120"},{"section":"C","row":"1","seats":3,"labels":"a b c"}]}]}`,
	},
	"update": {
		`{"request_id":"r1","name":"N","genre":"g","performer":"p","venue":"v","city":"c","country":"NL","time_zone":"Europe/Amsterdam",
		"doors_at":"2026-06-01T17:00:00Z","starts_at":"2026-06-01T18:00:00Z","opens_at":"2026-05-01T18:00:00Z","closes_at":"2026-06-01T18:00:00Z",
		"hold_ttl_ms":120000,"max_hold_ms":600000,"spread_ms":0,"limit_per_buyer":4,"limit_per_order":4,"correlation":"x",
		"undo_ms":10000,"pay_ms":120000,"grace_ms":60000,"action_ms":180000,"redirect_ms":600000,"queue_ms":900000,"offer_ttl_ms":120000,
		"limit_per_linked":4,"refund_until":"2026-05-30T18:00:00Z","refund_window_ms":1209600000,
		"line":{"mode":"line","lobby_at":"2026-05-01T09:00:00Z","pass_ttl_ms":600000,"grace_ms":120000,"shoppers_max":100,"draw_value":true,
		"offer_ttl_ms":300000,"aside_ms":600000,"tracks":[{"track":"general","share_bp":10000}]},
		"pools":[{"pool":"p9","capacity":1010}],"lots":[{"lot":"l9","capacity":10}]}`,
	},
	"open":  {`{"request_id":"r1","correlation":"x"}`},
	"pause": {`{"request_id":"r1","correlation":"x"}`},
	"close": {`{"request_id":"r1","correlation":"x"}`},
	"get":   {`{"request_id":"r1","fairness":true,"correlation":"x"}`},
	"hold": {
		`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","items":[{"lot":"ga","quantity":2},{"lot":"stalls","seats":["A/1/1"]},
		{"lot":"stalls","quantity":3,"accessible":1,"companion":1,"restricted":true},{"lot":"stalls","quantity":3,"restricted":true,"split":true}],
		"fill":"at_least","at_least":1,"max_price_minor":100000,"correlation":"x"}`,
		`{"request_id":"r1","buyer":"b1","items":[{"lot":"ga","quantity":2}],"links":["card-0a1b"],"code":"FANS-2026"}`,
	},
	"offer": {
		`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","items":[{"lot":"ga","quantity":2},{"lot":"stalls","seats":["A/1/1"]},
		{"lot":"stalls","quantity":3,"accessible":1,"companion":1,"restricted":true},{"lot":"stalls","quantity":3,"restricted":true,"split":true}],
		"method":"m1","device_id":"d1","contact_changed_at":"2026-04-01T10:00:00Z","links":["card-0a1b"],"code":"FANS-2026","correlation":"x"}`,
	},
	"buy": {
		`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","items":[{"lot":"ga","quantity":2},{"lot":"stalls","seats":["A/1/1"]},
		{"lot":"stalls","quantity":3,"accessible":1,"companion":1,"restricted":true},{"lot":"stalls","quantity":3,"restricted":true,"split":true}],
		"method":"m1","max_price_minor":100000,"wait_ms":0,"again":true,"return_url":"https://shop.example/back","device_id":"d1",
		"contact_changed_at":"2026-04-01T10:00:00Z","links":["card-0a1b"],"codes":true,"correlation":"x"}`,
		`{"request_id":"r1","buyer":"b1","items":[{"lot":"ga","quantity":2}],"wait_ms":0,"wait":true,"code":"FANS-2026"}`, `{"request_id":"r1","buyer":"b1","offer":"f1","wait_ms":0}`, `{"request_id":"r1","buyer":"b1","hold":"h1","wait_ms":0}`,
	},
	"purchase": {`{"request_id":"r1","buyer":"b1","purchase":"p1","codes":true,"correlation":"x"}`},
	"complete": {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","purchase":"p1","correlation":"x"}`},
	"undo":     {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","purchase":"p1","correlation":"x"}`},
	"refund": {
		`{"request_id":"r1","buyer":"b1","channel":"web","order":"o1","tickets":["t1"],"keep_fees":true,"block":true,"by_buyer":true,"reason":"goodwill","correlation":"x"}`,
		`{"request_id":"r1","order":"o1","amount_minor":100}`, `{"request_id":"r1","order":"o1","refund":"r1"}`,
	},
	"admit":     {`{"request_id":"r1","ticket":"t1","generation":0,"gate":"north","correlation":"x"}`},
	"reissue":   {`{"request_id":"r1","buyer":"b1","ticket":"t1","correlation":"x"}`},
	"cancel":    {`{"request_id":"r1","reason":"weather","correlation":"x"}`},
	"one_click": {`{"request_id":"r1","on":true,"share":10000,"correlation":"x"}`},
	"touch": {
		`{"request_id":"r1","correlation":"x","touches":[{"kind":"viewed","id":"t1","buyer":"b1","session":"s1","consent":true,"ago_ms":10,"device":"mobile",
		"source":"newsletter","channel":"web","campaign":"spring","method_kind":"card","cart_minor":9500,"flow":"one_click"}]}`,
		`{"touches":[{"kind":"stepped","id":"t1","step":"details"}]}`,
		`{"touches":[{"kind":"page_ready","id":"t1","load_ms":800,"prompt_ms":900}]}`,
		`{"touches":[{"kind":"click_seen","id":"t1","click_to_seen_ms":640,"click_id":"r7"}]}`,
		`{"touches":[{"kind":"surveyed","id":"t1","survey":"csat","score":4,"text":"quick"}]}`,
		`{"touches":[{"kind":"support","id":"t1","topic":"refund","order":"o1"}]}`,
		`{"touches":[{"kind":"ordered","id":"t1","ref":"A-1","quantity":2,"face_minor":9000,"fees_minor":500,"tax_minor":700}]}`,
		`{"touches":[{"kind":"refunded","id":"t1","ref":"A-1","amount_minor":9500}]}`,
		`{"touches":[{"kind":"failed","id":"t1","failure":"payment"}]}`,
	},
	"join":    {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","track":"general","wants":2,"links":["card-0a1b"],"code":"FANS-2026","correlation":"x"}`},
	"leave":   {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","list":true,"correlation":"x"}`},
	"place":   {`{"request_id":"r1","buyer":"b1","receipt":true,"correlation":"x"}`, `{"request_id":"r1","entries_from":1,"fairness":true}`},
	"absent":  {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","correlation":"x"}`},
	"present": {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","correlation":"x"}`},
	"wait": {
		`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","wishes":[{"lot":"ga","quantity":2,"together":true}],"auto_buy":true,"method":"m1",
		"max_price_minor":100000,"links":["card-0a1b"],"code":"FANS-2026","correlation":"x"}`,
	},
	"codes": {
		`{"request_id":"r1","codes":[{"name":"fans","code":"FANS-2026","uses":100,"lots":["ga"],"discount_bp":1500,"opens_at":"2026-05-01T09:00:00Z",
		"ends_at":"2026-05-01T20:00:00Z","ended":true}],"correlation":"x"}`,
		`{"request_id":"r1","codes":[{"name":"fans","hash":"` + strings.Repeat("0a", 32) + `","uses":100,"discount_minor":500,"track":"general"}]}`,
	},
	"here":    {`{"request_id":"r1","buyer":"b1","buyers":["b2","b3"],"correlation":"x"}`},
	"draw":    {`{"request_id":"r1","value":"7 14 21","correlation":"x"}`},
	"extend":  {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","hold":"h1","correlation":"x"}`},
	"release": {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","hold":"h1","correlation":"x"}`},
	"confirm": {`{"request_id":"r1","buyer":"b1","channel":"web","device":"mobile","hold":"h1","payment_ref":"i1","box_office":true,"late":true,"equal":true,"correlation":"x"}`},
	"order":   {`{"request_id":"r1","buyer":"b1","order":"o1","codes":true,"correlation":"x"}`},
	"block": {
		`{"request_id":"r1","lot":"ga","quantity":1,"correlation":"x"}`, `{"request_id":"r1","lot":"stalls","seats":["A/1/1"]}`,
		`{"request_id":"r1","pool":"hall","quantity":1}`,
	},
	"unblock": {
		`{"request_id":"r1","lot":"ga","quantity":1,"correlation":"x"}`, `{"request_id":"r1","lot":"stalls","seats":["A/1/1"]}`,
		`{"request_id":"r1","pool":"hall","quantity":1}`,
	},
	"capacity":    {`{"request_id":"r1","lot":"ga","capacity":1,"correlation":"x"}`, `{"request_id":"r1","pool":"hall","capacity":1}`},
	"buyer_batch": {`{"request_id":"r1","commands":[{"get":{}},{"hold":{"request_id":"r1","buyer":"b1","items":[{"lot":"ga","quantity":2}]}}],"correlation":"x"}`},
	"batch":       {`{"request_id":"r1","commands":[{"get":{}},{"hold":{"request_id":"r1","buyer":"b1","items":[{"lot":"ga","quantity":2}]}}],"correlation":"x"}`},
	"list":        {`{"request_id":"r1","after":"e0","limit":10,"correlation":"x"}`},

	"buyers_save": {
		`{"request_id":"r1","gateway":"sandbox","kind":"card","token":"sbx_ok","customer":"cus_1","brand":"visa","last_four":"4242","expiry_month":12,
		"expiry_year":2030,"funding":"credit","fingerprint":"fp1","device_id":"d1","default":true,"correlation":"x"}`,
	},
	"buyers_list":    {`{"request_id":"r1","correlation":"x"}`},
	"buyers_remove":  {`{"request_id":"r1","method":"m1","correlation":"x"}`},
	"buyers_default": {`{"request_id":"r1","method":"m1","correlation":"x"}`},
	"buyers_agree": {
		`{"request_id":"r1","scope":"one_click","version":"v1","cap_minor":20000,"currency":"EUR","until":"2027-01-01T00:00:00Z","withdraw":false,"correlation":"x"}`,
	},
	"buyers_history": {`{"request_id":"r1","correlation":"x"}`},

	"kpis_get": {`{"request_id":"r1","event":"e1","window":"1h","by":"flow","kpis":["support.all"],"correlation":"x"}`},

	"admin_audit": {
		`{"request_id":"r1","operator":"maria","after":3,"limit":10,"since":"2026-06-01T17:00:00Z","until":"2026-06-01T18:00:00Z","correlation":"x"}`,
	},
	"admin_events":   {`{"request_id":"r1","operator":"maria","correlation":"x"}`},
	"admin_why":      {`{"request_id":"r1","operator":"maria","event":"e1","request":"h1","correlation":"x"}`},
	"admin_snapshot": {`{"request_id":"r1","operator":"maria","correlation":"x"}`},
	"admin_inspect": {
		`{"request_id":"r1","operator":"maria","event":"e1","facts":3,"fact":7,"batch":9,"at":"2026-06-01T17:00:00Z","correlation":"x"}`,
	},
	"admin_backup":  {`{"request_id":"r1","operator":"maria","name":"monday","correlation":"x"}`},
	"admin_archive": {`{"request_id":"r1","operator":"maria","event":"e1","correlation":"x"}`},
	"admin_sleep":   {`{"request_id":"r1","operator":"maria","event":"e1","correlation":"x"}`},

	"admin_webhooks": {
		`{"request_id":"r1","operator":"maria","action":"add","url":"https://shop.example/hooks","kinds":["order.confirmed"],"correlation":"x"}`,
		`{"request_id":"r2","operator":"maria","action":"replay","endpoint":"wh-1","since":"2026-05-01T10:00:00Z","limit":10,"correlation":"x"}`,
	},
	"admin_evidence":      {`{"request_id":"r1","operator":"maria","event":"e1","order":"o1","correlation":"x"}`},
	"admin_ticket-rotate": {`{"request_id":"r1","operator":"maria","correlation":"x"}`},

	"admin_wallet-show":   {`{"request_id":"r1","operator":"maria","buyer":"b7","correlation":"x"}`},
	"admin_wallet-export": {`{"request_id":"r1","operator":"maria","buyer":"b7","correlation":"x"}`},
	"admin_wallet-erase":  {`{"request_id":"r1","operator":"maria","buyer":"b7","correlation":"x"}`},

	"admin_lane":      {`{"request_id":"r1","operator":"maria","gateway":"sandbox","rate_milli":40000,"correlation":"x"}`},
	"admin_one-click": {`{"request_id":"r1","operator":"maria","one_click":"on","share":500,"correlation":"x"}`},
	"admin_resolve":   {`{"request_id":"r1","operator":"maria","event":"e1","purchase":"p7","answer":"voided","correlation":"x"}`},

	"admin_release-quarantine": {`{"request_id":"r1","operator":"maria","event":"e1","correlation":"x"}`},
}

// betweenFields are fields whose values are bound by others as well, in ways that no schema can say: what the schema takes, the engine may refuse.
var betweenFields = map[string]string{
	"HoldCommand.at_least":           "it is at most what the items ask for, and goes with fill at_least only",
	"HoldCommand.fill":               "at_least goes with it",
	"CreateCommand.hold_ttl_ms":      "it is at most max_hold_ms",
	"UpdateCommand.hold_ttl_ms":      "it is at most max_hold_ms",
	"CreateCommand.max_hold_ms":      "it is at least hold_ttl_ms",
	"UpdateCommand.max_hold_ms":      "it is at least hold_ttl_ms",
	"CreateCommand.spread_ms":        "it is at most an eighth of hold_ttl_ms",
	"UpdateCommand.spread_ms":        "it is at most an eighth of hold_ttl_ms",
	"CreateCommand.closes_at":        "it is after opens_at",
	"UpdateCommand.closes_at":        "it is after opens_at",
	"CreateCommand.opens_at":         "it is before closes_at",
	"UpdateCommand.opens_at":         "it is before closes_at",
	"KpisCommand.by":                 "one event has no other events and genres",
	"KpisCommand.kpis":               "they are on the list of docs/kpis.md",
	"AgreeCommand.cap_minor":         "it goes with a currency",
	"AgreeCommand.currency":          "it goes with a cap, and is on the list of ISO 4217",
	"AgreeCommand.withdraw":          "it goes with a scope alone",
	"AgreeCommand.version":           "there is one unless it is withdrawn",
	"SaveMethodCommand.expiry_year":  "it goes with a month",
	"SaveMethodCommand.expiry_month": "it goes with a year",
	"CreateCommand.currency":         "it is on the list of ISO 4217",
	"CreateCommand.lots":             "lots name each other and pools",
	"CreateCommand.pools":            "lots name pools",
	"LotSpec.lot":                    "lots name each other",
	"LotSpec.pools":                  "they are pools of the event, each once",
	"LotSpec.requires":               "they are lots of the event",
	"LotSpec.after":                  "it is a lot of the event, and there is no circle",
	"LotSpec.tax_minor":              "it is at most face and fees",
	"LotSpec.face_minor":             "with the fees it has the same bound",
	"Fee.minor":                      "with face and fees it has the same bound",
	"LotSpec.min_order":              "it is at most max_order",
	"LotSpec.max_order":              "it is at least min_order",
	"LotSpec.capacity":               "a seated lot has as many tickets as seats",
	"PoolSpec.pool":                  "lots name pools",
	"RowSpec.row":                    "with the section it is there once, and through counts on from it",
	"RowSpec.through":                "it counts on from row",
	"RowSpec.seats":                  "other fields name seats of the row",
	"RowSpec.first":                  "other fields name seats of the row",
	"RowSpec.step":                   "other fields name seats of the row",
	"RowSpec.labels":                 "there are as many as seats",
	"RowSpec.best":                   "it is a seat of the row",
	"RowSpec.aisles":                 "they are seats of the row",
	"RowSpec.missing":                "they are between the row's numbers",
	"RowSpec.accessible":             "they are seats of the row",
	"RowSpec.companion":              "they are seats of the row, beside accessible ones",
	"RowSpec.restricted":             "they are seats of the row",
	"RefundCommand.buyer":            "by_buyer wants it",
	"Touch.kind":                     "other fields go with it, or have to",
	"Touch.step":                     "stepped needs it",
	"Touch.click_id":                 "click_seen needs it",
	"Touch.topic":                    "support needs it",
	"Touch.quantity":                 "ordered needs it",
	"Touch.ref":                      "ordered and refunded need it",
	"Touch.amount_minor":             "refunded needs it",
	"Touch.failure":                  "failed needs it",
	"Touch.survey":                   "the score has the bounds of its kind",
	"Touch.score":                    "it has the bounds of the survey's kind",
	"Touch.tax_minor":                "it is at most face and fees",
	"Touch.face_minor":               "tax_minor is at most face and fees",
	"Touch.fees_minor":               "tax_minor is at most face and fees",
	"CodesCommand.codes":             "their names are different",
	"CodeSpec.name":                  "it is never the code",
	"CodeSpec.code":                  "a new one has it, or a hash",
	"CodeSpec.hash":                  "a new one has it, or a code",
	"CodeSpec.uses":                  "a new one has them",
	"CodeSpec.lots":                  "they are lots of the event",
	"CodeSpec.track":                 "it is a track of the event",
	"CodeSpec.opens_at":              "it is before ends_at",
	"CodeSpec.ends_at":               "it is after opens_at",
	"LineSpec.tracks":                "their shares are 10,000 together",
	"LineSpec.lobby_at":              "it is before opens_at",
	"TrackSpec.share_bp":             "those of all tracks are 10,000 together",
	"TrackSpec.track":                "it is there once",
	"JoinCommand.track":              "it is a track of the event",
	"Item.seats":                     "with the seats of the other items it has the same bound",
	"Item.accessible":                "it is at most the quantity, and goes with no split",
	"Item.companion":                 "with accessible it is at most the quantity",
	"Item.quantity":                  "the sum over the items has the same bound",
}

// TestWireAsyncAPIRulesAreTheEngines bends every field of every request, in turn, to both sides of each bound, to other types and to words
// that are none, and compares what docs/asyncapi.yaml says of the result with what the engine says.
func TestWireAsyncAPIRulesAreTheEngines(t *testing.T) {
	if *rewrite {
		t.Skip("docs/asyncapi.yaml is being written")
	}
	schemas := newPayloads(t, false)
	now := &transporttest.Direct{Now: 1_777_629_600_000_000_000}
	w := serveDirectWith(t, transport.Config{Admin: transporttest.Admin(adminExample), Measurer: kpisExample{}}, now)
	events, bent := 0, 0
	for _, x := range exchanges(t) {
		if len(fullRequests[x.name]) == 0 {
			t.Errorf("fullRequests has no request of %s: add one with all its fields", x.name)
		}
		seen := map[string]bool{}
		for _, full := range fullRequests[x.name] {
			ask := func(body string) (code, text string) {
				events++
				event := "e" + strconv.Itoa(events)
				mode := ""
				if x.name == "touch" { // such an event takes all kinds
					mode = `"mode":"observe",`
				}
				if x.name != "create" && strings.Contains(x.subject, "{event}") {
					reply := w.askJSON(t, transport.Subject(event, "create"), `{"request_id":"c","currency":"EUR","open":true,`+mode+`
						"pools":[{"pool":"hall","capacity":1000000000}],
						"lots":[{"lot":"ga","capacity":1000000000},{"lot":"stalls","rows":[{"section":"A","row":"1","seats":10000}]}]}`)
					if reply.Error != nil {
						t.Fatal(reply.Error)
					}
				}
				reply := w.ask(t, strings.NewReplacer("{event}", event, "{buyer}", event).Replace(x.subject), []byte(body)).Data
				if unacceptable(t, reply) {
					return "refused", string(reply)
				}
				return "accepted", string(reply)
			}
			if verdict, text := ask(full); verdict != "accepted" {
				t.Fatalf("%s %s\nshould be taken, and is answered %s", x.name, full, text)
			}
			bend(t, x.request, full, seen, func(field, what, body string) {
				if len(body) > transport.CommandBytesMax && !strings.HasSuffix(x.name, transport.VerbBatch) {
					return // refused for its length: protobuf has room for such a list
				}
				bent++
				schemaErr := schemas.check(x.message(), jsonValue(t, body))
				verdict, text := ask(body)
				switch {
				case schemaErr == nil && verdict == "refused" && betweenFields[field] == "":
					t.Errorf("%s, %s: the engine refuses it and docs/asyncapi.yaml does not; give the field a rule in wireschema_rules_test.go, "+
						"or a reason in betweenFields: %s", field, what, text)
				case schemaErr != nil && verdict == "accepted" && !strings.HasPrefix(what, "empty"):
					t.Errorf("%s, %s: the engine takes it and docs/asyncapi.yaml does not; correct the field's rule in wireschema_rules_test.go: %v\n%.300s",
						field, what, schemaErr, text)
				}
			})
		}
		for name := range fieldsIn(x.request) {
			if !seen[name] && fmt.Sprint(fieldRules[name].value) != fmt.Sprint(refused) && x.name != "update" && !strings.HasSuffix(x.name, transport.VerbBatch) {
				t.Errorf("fullRequests[%q] never has %s: add it", x.name, name)
			}
		}
	}
	t.Logf("%d requests", bent)
	if bent < 1000 {
		t.Errorf("only %d requests were bent", bent)
	}
}

// fieldsIn is the set of Message.field of a message and those in it.
func fieldsIn(m protoreflect.MessageDescriptor) map[string]bool {
	names := map[string]bool{}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		names[string(m.Name())+"."+string(f.Name())] = true
		if f.Kind() == protoreflect.MessageKind && !isTime(f) {
			maps.Copy(names, fieldsIn(f.Message()))
		}
	}
	return names
}

// bend calls try with full in which one field at a time has another value. It notes the fields that full has in seen.
func bend(t *testing.T, m protoreflect.MessageDescriptor, full string, seen map[string]bool, try func(field, what, body string)) {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(full), &root); err != nil {
		t.Fatal(err)
	}
	body := func() string {
		b, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var message func(m protoreflect.MessageDescriptor, o map[string]any)
	message = func(m protoreflect.MessageDescriptor, o map[string]any) {
		o["zzz"] = 1
		try(string(m.Name()), "with an unknown field", body())
		delete(o, "zzz")
		for _, key := range slices.Sorted(maps.Keys(o)) {
			f := m.Fields().ByName(protoreflect.Name(key))
			name := string(m.Name()) + "." + key
			seen[name] = true
			original := o[key]
			delete(o, key)
			if betweenFields[name] == "" {
				try(name, "missing", body())
			}
			for _, v := range bentValues(f, fieldRule(name, true), original) {
				o[key] = v.value
				try(name, v.what, body())
			}
			o[key] = original
			switch v := original.(type) {
			case map[string]any:
				message(f.Message(), v)
			case []any:
				for _, one := range v {
					if one, ok := one.(map[string]any); ok {
						message(f.Message(), one)
					}
				}
			}
		}
	}
	message(m, root.(map[string]any))
}

type bentValue struct {
	what  string
	value any
}

// bentValues are values for a field, good and bad.
func bentValues(f protoreflect.FieldDescriptor, r rule, original any) (list []bentValue) {
	add := func(what string, v any) { list = append(list, bentValue{what, v}) }
	if f.IsList() {
		add("empty", []any{})
		add("no list", map[string]any{})
		for _, bound := range r.list {
			if bound.key == "maxItems" {
				most := bound.value.(int)
				add(fmt.Sprintf("%d values", most), manyOf(f, original, most))
				add(fmt.Sprintf("%d values", most+1), manyOf(f, original, most+1))
			}
		}
		if f.Kind() == protoreflect.StringKind {
			for _, v := range bentTexts() {
				list = append(list, bentValue{"a list with " + v.what, []any{v.value}})
			}
		}
		return list
	}
	switch {
	case f.Kind() == protoreflect.Int64Kind:
		add("empty: 0", 0)
		for _, n := range []int64{-1, 1, 2, 1 << 40, 1 << 62} {
			add(strconv.FormatInt(n, 10), json.Number(strconv.FormatInt(n, 10)))
		}
		for _, bound := range r.value {
			n, err := strconv.ParseInt(fmt.Sprint(bound.value), 10, 64)
			if err != nil {
				continue
			}
			for _, n := range []int64{n - 1, n, n + 1} {
				if n != 0 {
					add(strconv.FormatInt(n, 10), json.Number(strconv.FormatInt(n, 10)))
				}
			}
		}
		add("a fraction", 1.5)
		add("a boolean", true)
	case f.Kind() == protoreflect.BoolKind:
		add("empty: false", false)
		add("true", true)
		add("a text", "true")
	case isTime(f):
		add("a moment", "2026-06-01T17:30:00.123+02:00")
		add("nonsense", "yesterday")
		add("a number", 1)
	case f.Kind() == protoreflect.StringKind:
		add("empty", "")
		add("a number", 5)
		list = append(list, bentTexts()...)
	default:
		add("a text", "x")
	}
	return list
}

func bentTexts() (list []bentValue) {
	for _, n := range []int{15, 16, 17, 63, 64, 65, 127, 128, 129, 199, 200, 201, 5000} {
		list = append(list, bentValue{fmt.Sprintf("%d letters", n), strings.Repeat("x", n)})
	}
	for _, v := range []string{"x", "AA", "EUR", "two words", "tab\there", "A/1/1", "A/1/0", "A/1", "A/1/1/1", "é", "all_or_nothing", "kiosk", "web"} {
		list = append(list, bentValue{strconv.Quote(v), v})
	}
	return list
}

// manyOf is a list of n values that differ.
func manyOf(f protoreflect.FieldDescriptor, original any, n int) []any {
	first := original.([]any)[0]
	list := make([]any, n)
	for i := range list {
		switch v := first.(type) {
		case map[string]any:
			v = maps.Clone(v)
			if f.Name() == "rows" {
				v["row"] = strconv.Itoa(i)
			}
			if f.Name() == "wishes" {
				v["quantity"] = i + 1
			}
			list[i] = v
		default:
			list[i] = "x" + strconv.Itoa(i)
			if f.Name() == "seats" {
				list[i] = fmt.Sprintf("A/1/%d", i+1)
			}
		}
	}
	return list
}
