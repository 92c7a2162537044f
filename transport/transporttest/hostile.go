package transporttest

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/holdfast-engine/holdfast/engine"
)

// HostileMessage is a message that no honest caller sends, and the refusal it must get. None of them may change anything.
type HostileMessage struct {
	Name    string
	Subject string
	Body    []byte
	Code    engine.Code
	Field   string
	// ByEngine says that the engine's rules refuse it, and not the codec: with a fake engine it would go through.
	ByEngine bool
}

// HostileEvent is a create command, in JSON, for the event that the hostile messages are sent to. It has a counted lot ga of 100, a seated
// lot stalls with seats A/1/1 to A/1/20, a pool hall of 100, and is on sale.
const HostileEvent = `{"request_id":"c1","name":"Night One","starts_at":"2026-06-01T18:00:00Z","currency":"EUR","hold_ttl_ms":120000,` +
	`"open":true,"pools":[{"pool":"hall","capacity":100}],"lots":[` +
	`{"lot":"ga","face_minor":4500,"fees":[{"name":"service","minor":250}],"capacity":100,"pools":["hall"]},` +
	`{"lot":"stalls","face_minor":9000,"rows":[{"section":"A","row":"1","seats":20}]}]}`

// HostileMessages returns the table for an event made of [HostileEvent].
func HostileMessages(event string) []HostileMessage {
	subject := func(verb string) string { return "holdfast.v1.events." + event + "." + verb }
	var list []HostileMessage
	add := func(name, subject, body string, code engine.Code, field string) {
		body = strings.Replace(body, `"hostile"`, fmt.Sprintf(`"hostile-%d"`, len(list)), 1) // a refusal of the rules is remembered by its id
		list = append(list, HostileMessage{Name: name, Subject: subject, Body: []byte(body), Code: code, Field: field})
	}
	rule := func(name, verb, body string, code engine.Code, field string) {
		add(name, subject(verb), body, code, field)
		list[len(list)-1].ByEngine = true
	}
	hold := func(rest string) string { return `{"request_id":"hostile","buyer":"b1",` + rest + `}` }
	item := func(rest string) string { return hold(`"items":[{"lot":"ga",` + rest + `}]`) }

	// Subjects: NATS carries nearly any token.
	add("event id is a wildcard", "holdfast.v1.events.*.hold", item(`"quantity":1`), engine.CodeInvalid, "event")
	add("event id is a full wildcard token", "holdfast.v1.events.a>b.hold", item(`"quantity":1`), engine.CodeInvalid, "event")
	add("event id with NUL", "holdfast.v1.events.a\x00b.hold", item(`"quantity":1`), engine.CodeInvalid, "event")
	add("event id with a direction override", "holdfast.v1.events.a\u202eb.hold", item(`"quantity":1`), engine.CodeInvalid, "event")
	add("event id that looks like a path", "holdfast.v1.events./etc/passwd.hold", item(`"quantity":1`), engine.CodeInvalid, "event")
	add("event id that is too long", "holdfast.v1.events."+strings.Repeat("e", 65)+".hold", item(`"quantity":1`), engine.CodeInvalid, "event")
	add("event id that is a card number", "holdfast.v1.events.4111111111111111.create", HostileEvent, engine.CodeCardNumber, "event")
	add("verb of the shell", subject("expire"), `{}`, engine.CodeUnknownVerb, "")
	add("verb in capitals", subject("HOLD"), item(`"quantity":1`), engine.CodeUnknownVerb, "")
	add("verb that is a wildcard", subject("*"), `{}`, engine.CodeUnknownVerb, "")
	add("event that does not exist", "holdfast.v1.events.nowhere.get", `{}`, engine.CodeEventUnknown, "event")
	list[len(list)-1].ByEngine = true

	// JSON that is not JSON, or not all of it.
	add("JSON cut off", subject("hold"), `{"request_id":"hostile","buyer":"b1","items":[{"lot":"ga"`, engine.CodeMalformed, "items[0].lot")
	add("nothing but a brace", subject("hold"), `{`, engine.CodeMalformed, "")
	add("something after the object", subject("hold"), item(`"quantity":1`)+`{}`, engine.CodeMalformed, "")
	add("comma at the end", subject("hold"), `{"request_id":"hostile",}`, engine.CodeMalformed, "")
	add("single quotes", subject("hold"), `{'buyer':'b1'}`, engine.CodeMalformed, "")
	add("comment", subject("hold"), `{/* */"buyer":"b1"}`, engine.CodeMalformed, "")
	add("field twice", subject("hold"), hold(`"buyer":"b2"`), engine.CodeMalformed, "buyer")
	add("not UTF-8", subject("hold"), "{\"buyer\":\"b\xff\"}", engine.CodeMalformed, "buyer")
	add("half a surrogate pair", subject("hold"), `{"buyer":"\ud83c"}`, engine.CodeMalformed, "buyer")
	add("control character in a string", subject("hold"), "{\"buyer\":\"a\nb\"}", engine.CodeMalformed, "buyer")
	add("depth of 10,000 in a field", subject("hold"), `{"items":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`}`,
		engine.CodeMalformed, "items[0]")
	add("depth of 10,000 in an unknown field", subject("hold"), `{"x":`+strings.Repeat(`{"x":`, 5_000)+`1`+strings.Repeat("}", 5_001),
		engine.CodeUnknownField, "x")
	add("10,000 fields", subject("hold"), manyKeys(5_000), engine.CodeUnknownField, "k0")

	// Fields that are not, and types that are not.
	add("field in capitals", subject("hold"), hold(`"Items":[]`), engine.CodeUnknownField, "Items")
	add("field with a typing error", subject("hold"), item(`"quantiy":1`), engine.CodeUnknownField, "items[0].quantiy")
	add("field of another verb", subject("hold"), hold(`"payment_ref":"inv-1"`), engine.CodeUnknownField, "payment_ref")
	add("price from the caller", subject("hold"), item(`"quantity":1,"face_minor":1`), engine.CodeUnknownField, "items[0].face_minor")
	add("deadline from the caller", subject("hold"), hold(`"expires_at":"2099-01-01T00:00:00Z"`), engine.CodeUnknownField, "expires_at")
	add("state from the caller", subject("hold"), hold(`"state":"confirmed"`), engine.CodeUnknownField, "state")
	add("card number as a field name", subject("hold"), hold(`"4111111111111111":1`), engine.CodeUnknownField, "")
	add("fraction", subject("hold"), item(`"quantity":1.5`), engine.CodeInvalid, "items[0].quantity")
	add("exponent", subject("hold"), item(`"quantity":1e2`), engine.CodeInvalid, "items[0].quantity")
	add("exponent beyond every number", subject("hold"), item(`"quantity":1e400`), engine.CodeInvalid, "items[0].quantity")
	add("NaN", subject("hold"), item(`"quantity":NaN`), engine.CodeMalformed, "items[0].quantity")
	add("hexadecimal", subject("hold"), item(`"quantity":0x10`), engine.CodeMalformed, "items[0].quantity")
	add("leading zero", subject("hold"), item(`"quantity":01`), engine.CodeMalformed, "items[0].quantity")
	add("2^63", subject("hold"), item(`"quantity":9223372036854775808`), engine.CodeInvalid, "items[0].quantity")
	add("2^63 as a string", subject("hold"), item(`"quantity":"9223372036854775808"`), engine.CodeInvalid, "items[0].quantity")
	add("number as a word", subject("hold"), item(`"quantity":"two"`), engine.CodeMalformed, "items[0].quantity")
	add("number for a string", subject("hold"), hold(`"channel":7`), engine.CodeMalformed, "channel")
	add("object for a list", subject("hold"), hold(`"items":{"lot":"ga"}`), engine.CodeMalformed, "items")
	add("null in a list", subject("hold"), hold(`"items":[null]`), engine.CodeMalformed, "items[0]")
	add("true for a number", subject("hold"), item(`"quantity":true`), engine.CodeMalformed, "items[0].quantity")
	add("unknown way to fill", subject("hold"), hold(`"fill":"some"`), engine.CodeInvalid, "fill")
	add("unknown device", subject("hold"), hold(`"device":"toaster"`), engine.CodeInvalid, "device")
	add("time without a zone", subject("create"), `{"request_id":"hostile","starts_at":"2026-06-01T18:00:00"}`, engine.CodeInvalid, "starts_at")
	add("year 0", subject("create"), `{"request_id":"hostile","starts_at":"0000-01-01T00:00:00Z"}`, engine.CodeInvalid, "starts_at")
	add("year 9999", subject("create"), `{"request_id":"hostile","starts_at":"9999-12-31T23:59:59Z"}`, engine.CodeInvalid, "starts_at")
	add("30th of February", subject("create"), `{"request_id":"hostile","starts_at":"2026-02-30T00:00:00Z"}`, engine.CodeInvalid, "starts_at")
	add("correlation too long", subject("hold"), hold(`"correlation":"0123456789abcdefg"`), engine.CodeInvalid, "correlation")
	add("correlation that is a card number", subject("hold"), hold(`"correlation":"4111111111111111"`), engine.CodeCardNumber, "correlation")

	// Protobuf.
	add("JSON list", subject("hold"), `[]`, engine.CodeMalformed, "")
	add("byte order mark before JSON", subject("hold"), "\ufeff{}", engine.CodeMalformed, "")
	add("random bytes", subject("hold"), "\x00\x01\x02\x03", engine.CodeMalformed, "")
	add("length beyond the end", subject("hold"), "\x0a\xff\xff\xff\xff\x0f", engine.CodeMalformed, "request_id")
	add("varint without an end", subject("hold"), "\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", engine.CodeMalformed, "at_least")
	add("protobuf field twice", subject("hold"), "\x12\x01a\x12\x01b", engine.CodeMalformed, "buyer")
	add("protobuf string that is not UTF-8", subject("hold"), "\x12\x01\xff", engine.CodeMalformed, "buyer")
	add("foreign wire type", subject("hold"), "\x10\x01", engine.CodeMalformed, "buyer")
	add("groups of groups", subject("hold"), strings.Repeat("\x9b\x06", 20_000), engine.CodeMalformed, "")

	// Sizes.
	add("message too large", subject("hold"), `{"x":"`+strings.Repeat("x", 64<<10)+`"}`, engine.CodeTooLarge, "")
	add("257 items", subject("hold"), hold(`"items":[`+strings.TrimSuffix(strings.Repeat(`{"lot":"ga","quantity":1},`, 257), ",")+`]`),
		engine.CodeTooLarge, "items[256]")
	add("4,097 seats", subject("block"), `{"lot":"stalls","seats":[`+strings.TrimSuffix(strings.Repeat(`"A/1/1",`, 4097), ",")+`]}`,
		engine.CodeTooLarge, "seats")
	add("17 links", subject("offer"), `{"request_id":"hostile","buyer":"b1","links":[`+strings.TrimSuffix(strings.Repeat(`"l",`, 17), ",")+`]}`,
		engine.CodeTooLarge, "links")
	add("4,097 tickets", subject("refund"), `{"request_id":"hostile","tickets":[`+strings.TrimSuffix(strings.Repeat(`"t1",`, 4097), ",")+`]}`,
		engine.CodeTooLarge, "tickets")
	add("wait above the bound", subject("buy"), `{"request_id":"hostile","buyer":"b1","wait_ms":30001}`, engine.CodeInvalid, "wait_ms")
	add("wait below zero", subject("buy"), `{"request_id":"hostile","buyer":"b1","wait_ms":-1}`, engine.CodeInvalid, "wait_ms")
	add("generation that is none", subject("admit"), `{"request_id":"hostile","ticket":"t1","generation":4294967296}`, engine.CodeInvalid, "generation")
	add("link with a space", subject("offer"), `{"request_id":"hostile","buyer":"b1","links":["a","a b"]}`, engine.CodeInvalid, "links[1]")
	add("batch too large", subject("batch"), `{"x":"`+strings.Repeat("x", 512<<10)+`"}`, engine.CodeTooLarge, "")
	add("batch of nothing", subject("batch"), `{"commands":[]}`, engine.CodeInvalid, "commands")
	add("batch of 1,025", subject("batch"), `{"commands":[`+strings.TrimSuffix(strings.Repeat(`{"get":{}},`, 1025), ",")+`]}`,
		engine.CodeTooLarge, "commands[1024]")
	add("batch with an empty entry", subject("batch"), `{"commands":[{"get":{}},{}]}`, engine.CodeUnknownVerb, "commands[1]")
	add("batch entry with two commands", subject("batch"), `{"commands":[{"get":{},"open":{}}]}`, engine.CodeMalformed, "commands[0].open")
	add("batch in a batch", subject("batch"), `{"commands":[{"batch":{}}]}`, engine.CodeUnknownField, "commands[0].batch")
	add("batch with one bad command", subject("batch"), `{"commands":[`+
		`{"hold":{"request_id":"x1","buyer":"b1","items":[{"lot":"ga","quantity":1}]}},{"hold":{"buyer":7}}]}`,
		engine.CodeMalformed, "commands[1].hold.buyer")
	for _, verb := range []string{
		"create", "update", "open", "pause", "close", "block", "unblock", "capacity", "refund", "admit", "reissue", "cancel", "one_click",
	} {
		add(verb+" in a batch of buyers' commands", subject("buyer_batch"), `{"commands":[{"get":{}},{"`+verb+`":{"request_id":"hostile"}}]}`,
			engine.CodeUnknownVerb, "commands[1]")
	}
	add("batch in a batch of buyers' commands", subject("buyer_batch"), `{"commands":[{"batch":{}}]}`, engine.CodeUnknownField, "commands[0].batch")
	add("buyers' batch too large", subject("buyer_batch"), `{"x":"`+strings.Repeat("x", 512<<10)+`"}`, engine.CodeTooLarge, "")
	add("close in protobuf in a batch of buyers' commands", subject("buyer_batch"), string(protoEntry("\x2a\x00")), engine.CodeUnknownVerb, "commands[0]")
	add("protobuf batch entry with two commands", subject("batch"), string(protoEntry("\x32\x00\x1a\x00")), engine.CodeMalformed, "commands[0].open")

	// What looks like the data of a card, wherever it stands.
	add("card number in a subject with dashes", "holdfast.v1.events.4111-1111-1111-1111.hold", item(`"quantity":1`), engine.CodeCardNumber, "event")
	add("card number in a subject in full-width digits", "holdfast.v1.events.４１１１１１１１１１１１１１１１.hold", item(`"quantity":1`), engine.CodeCardNumber, "event")
	add("card number with a name", subject("refund"), `{"request_id":"hostile","order":"o1","reason":"card 4111-1111-1111-1111"}`, engine.CodeCardNumber, "reason")
	add("card number at a gate", subject("admit"), `{"request_id":"hostile","ticket":"t1","gate":"4111111111111111"}`, engine.CodeCardNumber, "gate")
	add("card number as a method", subject("buy"), `{"request_id":"hostile","buyer":"b1","method":"4111 1111 1111 1111"}`, engine.CodeCardNumber, "method")
	add("card number as a device", subject("offer"), `{"request_id":"hostile","buyer":"b1","device_id":"4111_1111_1111_1111"}`, engine.CodeCardNumber, "device_id")
	add("card number as a link", subject("offer"), `{"request_id":"hostile","buyer":"b1","links":["4111111111111111"]}`, engine.CodeCardNumber, "links")
	add("card number in an address", subject("buy"), `{"request_id":"hostile","buyer":"b1","return_url":"https://shop.example/?pan=4111111111111111"}`,
		engine.CodeCardNumber, "return_url")
	add("card number as an amount", subject("refund"), `{"request_id":"hostile","order":"o1","amount_minor":4111111111111111}`, engine.CodeCardNumber, "amount_minor")
	add("card number as a purchase", subject("undo"), `{"request_id":"hostile","buyer":"b1","purchase":"4111111111111111"}`, engine.CodeCardNumber, "purchase")
	add("card number as a lot", subject("buy"), `{"request_id":"hostile","buyer":"b1","items":[{"lot":"4111111111111111","quantity":1}]}`, engine.CodeCardNumber, "items[0].lot")
	add("card number in an event's name", subject("update"), `{"request_id":"hostile","name":"pay now: 4111 1111 1111 1111"}`, engine.CodeCardNumber, "name")
	add("card number in protobuf", subject("reissue"), "\x0a\x07hostile\x2a\x104111111111111111", engine.CodeCardNumber, "ticket")
	add("security code of a card", subject("buy"), `{"request_id":"hostile","buyer":"b1","cvc":"123"}`, engine.CodeCardNumber, "cvc")
	add("security code of a card by another name", subject("buy"), `{"request_id":"hostile","buyer":"b1","Security-Code":"123"}`, engine.CodeCardNumber, "Security-Code")
	add("card number by name", subject("buy"), `{"request_id":"hostile","buyer":"b1","card_number":"4111"}`, engine.CodeCardNumber, "card_number")

	// Values that the rules refuse.
	rule("empty body", "hold", "", engine.CodeInvalid, "request_id")
	rule("no request id", "hold", `{"buyer":"b1","items":[{"lot":"ga","quantity":1}]}`, engine.CodeInvalid, "request_id")
	rule("request id with a space", "hold", `{"request_id":"a b","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`, engine.CodeInvalid, "request_id")
	rule("request id with a line break", "hold", `{"request_id":"a\nb","buyer":"b1"}`, engine.CodeInvalid, "request_id")
	add("request id that is a card number", subject("hold"), `{"request_id":"4111111111111111","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`,
		engine.CodeCardNumber, "request_id")
	rule("no buyer", "hold", `{"request_id":"hostile","items":[{"lot":"ga","quantity":1}]}`, engine.CodeInvalid, "buyer")
	rule("buyer with 1,000 letters", "hold", `{"request_id":"hostile","buyer":"`+strings.Repeat("b", 1000)+`"}`, engine.CodeInvalid, "buyer")
	add("buyer that is a card number", subject("hold"), `{"request_id":"hostile","buyer":"4111-1111-1111-1111","items":[{"lot":"ga","quantity":1}]}`,
		engine.CodeCardNumber, "buyer")
	rule("no items", "hold", `{"request_id":"hostile","buyer":"b1"}`, engine.CodeInvalid, "items")
	rule("quantity 0", "hold", item(`"quantity":0`), engine.CodeInvalid, "items[0].quantity")
	rule("quantity -1", "hold", item(`"quantity":-1`), engine.CodeInvalid, "items[0].quantity")
	rule("quantity -2^63", "hold", item(`"quantity":-9223372036854775808`), engine.CodeInvalid, "items[0].quantity")
	rule("quantity 2^63-1", "hold", item(`"quantity":9223372036854775807`), engine.CodeInvalid, "items[0].quantity")
	rule("quantity 2^31", "hold", item(`"quantity":2147483648`), engine.CodeInvalid, "items[0].quantity")
	rule("max price -1", "hold", hold(`"items":[{"lot":"ga","quantity":1}],"max_price_minor":-1`), engine.CodeInvalid, "max_price_minor")
	rule("lot with a slash", "hold", hold(`"items":[{"lot":"ga/../x","quantity":1}]`), engine.CodeInvalid, "items[0].lot")
	rule("lot that does not exist", "hold", hold(`"items":[{"lot":"vip","quantity":1}]`), engine.CodeLotUnknown, "items")
	rule("seat that does not exist", "hold", hold(`"items":[{"lot":"stalls","seats":["A/1/21"]}]`), engine.CodeSeatUnknown, "items")
	rule("seat that is no label", "hold", hold(`"items":[{"lot":"stalls","seats":["A1"]}]`), engine.CodeInvalid, "items[0].seats[0]")
	rule("party above the bound", "hold", hold(`"items":[{"lot":"stalls","quantity":257}]`), engine.CodeInvalid, "items")
	rule("companions without an accessible seat", "hold", hold(`"items":[{"lot":"stalls","quantity":2,"companion":2}]`), engine.CodeInvalid, "items[0].companion")
	rule("accessible seats below zero", "hold", hold(`"items":[{"lot":"stalls","quantity":2,"accessible":-1}]`), engine.CodeInvalid, "items[0].accessible")
	rule("a party of a counted lot", "hold", hold(`"items":[{"lot":"ga","quantity":2,"split":true}]`), engine.CodeInvalid, "items")
	rule("confirm without a hold", "confirm", `{"request_id":"hostile","buyer":"b1","hold":"h999","payment_ref":"inv-1"}`, engine.CodeHoldUnknown, "hold")
	add("payment reference that is a card number", subject("confirm"),
		`{"request_id":"hostile","buyer":"b1","hold":"h1","payment_ref":"pan 4111 1111 1111 1111"}`, engine.CodeCardNumber, "payment_ref")
	other := `{"request_id":"hostile","buyer":"b2","hold":"h1"`
	rule("confirm of another buyer's hold", "confirm", other+`,"payment_ref":"inv-1"}`, engine.CodeHoldUnknown, "hold")
	rule("release of another buyer's hold", "release", other+`}`, engine.CodeHoldUnknown, "hold")
	rule("extension of another buyer's hold", "extend", other+`}`, engine.CodeHoldUnknown, "hold")
	rule("hold id of a path", "release", `{"request_id":"hostile","buyer":"b1","hold":"../h1"}`, engine.CodeInvalid, "hold")
	rule("buyer that breaks out of a log line", "hold", `{"request_id":"hostile","buyer":"b1\nlevel=ERROR msg=forged","items":[{"lot":"ga","quantity":1}]}`,
		engine.CodeInvalid, "buyer")
	rule("buyer that colours a terminal", "hold", `{"request_id":"hostile","buyer":"\u001b[31mb1","items":[{"lot":"ga","quantity":1}]}`, engine.CodeInvalid, "buyer")
	rule("request id that breaks out of JSON", "hold", `{"request_id":"a\",\"x\":\"b","buyer":"b1","items":[{"lot":"ga","quantity":1}]}`, engine.CodeInvalid, "request_id")
	rule("channel that is a script", "hold", `{"request_id":"hostile","buyer":"b1","channel":"<script>","items":[{"lot":"ga","quantity":1}]}`, engine.CodeInvalid, "channel")
	add("card number in full-width digits", subject("confirm"), `{"request_id":"hostile","buyer":"b1","hold":"h1","payment_ref":"pan ４１１１１１１１１１１１１１１１"}`,
		engine.CodeCardNumber, "payment_ref")
	add("card number in dashes", subject("confirm"), `{"request_id":"hostile","buyer":"b1","hold":"h1","payment_ref":"4111-1111-1111-1111"}`, engine.CodeCardNumber, "payment_ref")
	rule("order that does not exist", "order", `{"buyer":"b1","order":"o999"}`, engine.CodeOrderUnknown, "order")
	rule("block of nothing", "block", `{"request_id":"hostile","lot":"ga","quantity":0}`, engine.CodeInvalid, "quantity")
	rule("capacity -1", "capacity", `{"request_id":"hostile","lot":"ga","capacity":-1}`, engine.CodeInvalid, "capacity")
	rule("event made twice", "create", strings.Replace(HostileEvent, "c1", "hostile", 1), engine.CodeEventExists, "event")
	return list
}

func manyKeys(n int) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"k%d":1`, i)
	}
	b.WriteByte('}')
	return b.String()
}

// protoEntry returns a batch in protobuf with one entry.
func protoEntry(entry string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), entry)
}
