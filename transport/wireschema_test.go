package transport_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"gopkg.in/yaml.v3"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// docs/asyncapi.yaml is generated: fields and types come from the schema's descriptors, meanings and examples from docs/wire.md, words, codes
// and states from the engine, and bounds from the engine's constants by the table in wireschema_rules_test.go.

const asyncAPIDoc = "../docs/asyncapi.yaml"

const asyncAPIHead = `# Generated from the schema, docs/wire.md and the engine's bounds by: go test ./transport -run Wire -rewrite
`

const asyncAPIText = `The ticket reservation engine: every subject, message, reply and refusal in its JSON form.

A command is a NATS request with a reply subject below _INBOX. (or a prefix that the engine was configured with); a request without one is dropped.
A single command has at most %d bytes, a batch %d. Whole numbers may also be strings of digits, null is the same as absent, and so are 0, ""
and [] where a field is not required. Lengths count bytes of UTF-8. What looks like a card number is refused in every field,
and so are characters that turn the direction of writing. The same messages are accepted as protobuf of package holdfast.v1
(transport/holdfastpb/holdfast.proto) and answered in it. docs/wire.md tells the story.`

// object is a mapping that keeps its order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalYAML implements yaml.Marshaler.
func (o object) MarshalYAML() (any, error) {
	node := &yaml.Node{Kind: yaml.MappingNode}
	for _, m := range o {
		var value yaml.Node
		if err := value.Encode(m.value); err != nil {
			return nil, err
		}
		node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: m.key}, &value)
	}
	return node, nil
}

func ref(path ...string) object { return object{{"$ref", "#/" + strings.Join(path, "/")}} }

// TestWireAsyncAPIIsGenerated compares docs/asyncapi.yaml with what the schema, the page and the engine say now.
func TestWireAsyncAPIIsGenerated(t *testing.T) {
	want := generateAsyncAPI(t)
	if *rewrite {
		if err := os.WriteFile(asyncAPIDoc, want, 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(asyncAPIDoc)
	if err != nil {
		t.Fatal(err)
	}
	haveLines, wantLines := strings.Split(string(have), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(haveLines), len(wantLines)) {
		a, b := lineAt(haveLines, i), lineAt(wantLines, i)
		if a != b {
			t.Fatalf("docs/asyncapi.yaml is not what the contract says, first in line %d:\n%s\nshould be\n%s\nrun go test ./transport -run Wire -rewrite, and read the diff", i+1, a, b)
		}
	}
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// exchange is a subject on which the engine answers.
type exchange struct {
	name    string // of the channel and the operation
	verb    string
	subject string // with {parameters}
	request protoreflect.MessageDescriptor
	reply   protoreflect.MessageDescriptor
}

// message is the name of the request's message: both kinds of batch are the same in the schema, and not in what may be in them.
func (x exchange) message() string {
	if x.verb == transport.VerbBuyerBatch {
		return "BuyerBatch"
	}
	return string(x.request.Name())
}

var contract = []protoreflect.FileDescriptor{pb.File_holdfast_proto, pb.File_buyers_proto, pb.File_kpis_proto, pb.File_admin_proto}

// contractMessages are all messages of the contract.
func contractMessages() (list []protoreflect.MessageDescriptor) {
	for _, file := range contract {
		for i := range file.Messages().Len() {
			list = append(list, file.Messages().Get(i))
		}
	}
	return list
}

// exchanges lists all of them. A verb of an event is a field of BatchCommand; a verb of operators is told by the comment above its message.
func exchanges(t *testing.T) []exchange {
	t.Helper()
	const event = "{event}"
	var list []exchange
	reply := new(pb.Reply).ProtoReflect().Descriptor()
	verbs := new(pb.BatchCommand).ProtoReflect().Descriptor().Fields()
	for i := range verbs.Len() {
		verb := string(verbs.Get(i).Name())
		list = append(list, exchange{verb, verb, transport.Subject(event, verb), verbs.Get(i).Message(), reply})
	}
	list = append(list,
		exchange{transport.VerbBatch, transport.VerbBatch, transport.Subject(event, transport.VerbBatch), new(pb.Batch).ProtoReflect().Descriptor(), reply},
		exchange{transport.VerbBuyerBatch, transport.VerbBuyerBatch, transport.Subject(event, transport.VerbBuyerBatch), new(pb.Batch).ProtoReflect().Descriptor(), reply},
		exchange{transport.VerbHere, transport.VerbHere, transport.Subject(event, transport.VerbHere), new(pb.HereCommand).ProtoReflect().Descriptor(), reply},
		exchange{"list", "list", transport.SubjectList, new(pb.ListCommand).ProtoReflect().Descriptor(), reply})
	comments := schemaComments(t)
	for _, of := range []struct {
		file         protoreflect.FileDescriptor
		name, prefix string // of the exchange, and of the subject
		reply        protoreflect.MessageDescriptor
	}{
		{pb.File_buyers_proto, "buyers_", transport.BuyerSubject("<buyer>", ""), new(pb.BuyerReply).ProtoReflect().Descriptor()},
		{pb.File_kpis_proto, "kpis_", "holdfast.v1.kpis.", new(pb.KpisReply).ProtoReflect().Descriptor()},
		{pb.File_admin_proto, "admin_", transport.AdminSubject(""), new(pb.AdminReply).ProtoReflect().Descriptor()},
	} {
		for i := range of.file.Messages().Len() {
			m := of.file.Messages().Get(i)
			_, subject, ok := strings.Cut(comments[string(m.Name())], " Subject: ")
			subject = strings.TrimSuffix(subject, ".")
			verb, ours := strings.CutPrefix(subject, of.prefix)
			if ok && !ours {
				t.Errorf("the comment above %s names the subject %s: %s is about %s", m.Name(), subject, of.file.Path(), of.prefix)
			}
			if ok {
				subject = strings.ReplaceAll(subject, "<buyer>", "{buyer}")
				list = append(list, exchange{of.name + verb, verb, subject, m, of.reply})
			}
		}
	}
	return list
}

// published are the messages that the engine sends by itself.
var published = []struct {
	name    string
	subject string
	message protoreflect.MessageDescriptor
}{
	{"line", transport.SubjectLine("{event}"), new(pb.LineNow).ProtoReflect().Descriptor()},
	{"own_line", transport.SubjectOwnLine("{event}", "{buyer}"), new(pb.LineChanged).ProtoReflect().Descriptor()},
	{"purchases", transport.SubjectPurchases("{event}", "{buyer}"), new(pb.PurchaseChanged).ProtoReflect().Descriptor()},
}

// asyncAPI gathers what the document is made of.
type asyncAPI struct {
	t        *testing.T
	meanings map[string]string // Message.field -> what docs/wire.md says
	comments map[string]string // message -> what the schema says
	examples []wireExample
	always   map[string]bool // Message.field that every reply has which has the message
	requests map[string]bool // messages of requests, and those in them
}

func generateAsyncAPI(t *testing.T) []byte {
	t.Helper()
	a := &asyncAPI{
		t: t, meanings: wireMeanings(t), comments: schemaComments(t), examples: wireExamples(t), always: fieldsAlwaysGiven(t), requests: map[string]bool{},
	}
	for _, x := range exchanges(t) {
		noteReachable(x.request, a.requests)
	}
	var channels, operations, messages object
	for _, x := range exchanges(t) {
		reply := a.replyName(x)
		channel := object{{"address", x.subject}}
		if strings.Contains(x.subject, "{event}") {
			channel = append(channel, member{"parameters", object{{"event", object{{"description", "the event's id: 1 to 64 of A-Z a-z 0-9 _ -"}}}}})
		}
		if strings.Contains(x.subject, "{buyer}") {
			channel = append(channel, member{"parameters", object{{"buyer", object{{"description", "the buyer's id: 1 to 64 of A-Z a-z 0-9 _ -"}}}}})
		}
		channel = append(channel, member{"messages", object{{x.message(), ref("components", "messages", x.message())}}})
		channels = append(channels, member{x.name, channel})
		operations = append(operations, member{x.name, object{
			{"action", "receive"},
			{"channel", ref("channels", x.name)},
			{"summary", a.comment(x.request)},
			{"messages", []object{ref("channels", x.name, "messages", x.message())}},
			{"reply", object{
				{"channel", ref("channels", "replies")},
				{"messages", []object{ref("channels", "replies", "messages", reply)}},
			}},
		}})
		messages = append(messages, member{x.message(), object{
			{"name", x.message()},
			{"summary", a.comment(x.request)},
			{"payload", ref("components", "schemas", string(x.request.Name()))},
			{"examples", a.requestExamples(x)},
		}})
	}
	var replies object
	for _, shown := range a.shown() {
		replies = append(replies, member{shown.name(), ref("components", "messages", shown.name())})
		messages = append(messages, member{shown.name(), a.reply(shown)})
	}
	for _, p := range published {
		name := string(p.message.Name())
		parameters := object{{"event", object{{"description", "the event's id"}}}}
		if strings.Contains(p.subject, "{buyer}") {
			parameters = append(parameters, member{"buyer", object{{"description", "the buyer's id"}}})
		}
		channels = append(channels, member{p.name, object{
			{"address", p.subject},
			{"parameters", parameters},
			{"messages", object{{name, ref("components", "messages", name)}}},
		}})
		operations = append(operations, member{p.name, object{
			{"action", "send"},
			{"channel", ref("channels", p.name)},
			{"summary", a.comment(p.message)},
			{"messages", []object{ref("channels", p.name, "messages", name)}},
		}})
		messages = append(messages, member{name, object{
			{"name", name},
			{"summary", a.comment(p.message)},
			{"payload", ref("components", "schemas", name)},
		}})
	}
	channels = append(channels, member{"replies", object{
		{"address", nil},
		{"description", "The reply subject that the caller chose, below _INBOX. unless the engine was configured with other prefixes."},
		{"messages", replies},
	}})
	doc := object{
		{"asyncapi", "3.0.0"},
		{"info", object{
			{"title", "Holdfast"},
			{"version", "v1"},
			{"description", fmt.Sprintf(asyncAPIText, transport.CommandBytesMax, transport.BatchBytesMax)},
			{"license", object{{"name", "Apache-2.0"}, {"url", "https://www.apache.org/licenses/LICENSE-2.0"}}},
		}},
		{"defaultContentType", "application/json"},
		{"servers", object{{"local", object{
			{"host", transport.ListenDefault}, {"protocol", "nats"}, {"description", "the embedded NATS server of engine serve"},
		}}}},
		{"channels", channels},
		{"operations", operations},
		{"components", object{{"messages", messages}, {"schemas", a.schemas()}}},
	}
	var b bytes.Buffer
	b.WriteString(asyncAPIHead)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wireMeanings is what docs/wire.md says of each Message.field.
func wireMeanings(t *testing.T) map[string]string {
	t.Helper()
	meanings := map[string]string{}
	for _, m := range messageRE.FindAllStringSubmatch(readWireDoc(t), -1) {
		for _, row := range meaningRE.FindAllStringSubmatch(m[2], -1) {
			meanings[m[1]+"."+row[1]] = strings.TrimSpace(row[2])
		}
	}
	return meanings
}

// noteReachable notes m and the messages in it.
func noteReachable(m protoreflect.MessageDescriptor, into map[string]bool) {
	if into[string(m.Name())] {
		return
	}
	into[string(m.Name())] = true
	for i := range m.Fields().Len() {
		if f := m.Fields().Get(i); f.Kind() == protoreflect.MessageKind && !isTime(f) {
			noteReachable(f.Message(), into)
		}
	}
}

func isTime(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.MessageKind && f.Message().FullName() == "google.protobuf.Timestamp"
}

// comment is what the schema says of a message, without its subject.
func (a *asyncAPI) comment(m protoreflect.MessageDescriptor) string {
	text, _, _ := strings.Cut(a.comments[string(m.Name())], " Subject: ")
	if text == "" {
		a.t.Errorf("the schema says nothing of message %s: write a comment above it", m.Name())
	}
	return text
}

var (
	meaningRE = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| [^|]+ \\| ([^|]*) \\|$")
	commentRE = regexp.MustCompile(`(?m)((?:^// .*\n)+)^message (\w+) \{`)
)

// schemaComments are the comments above the messages of the schema.
func schemaComments(t *testing.T) map[string]string {
	t.Helper()
	comments := map[string]string{}
	for _, file := range contract {
		text, err := os.ReadFile("holdfastpb/" + file.Path())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range commentRE.FindAllStringSubmatch(string(text), -1) {
			comments[m[2]] = strings.Join(strings.Fields(strings.ReplaceAll(m[1], "// ", " ")), " ")
		}
	}
	return comments
}

// answer is a field of Reply or AdminReply that answers commands.
type answer struct{ reply, field string }

func (s answer) name() string {
	return strings.TrimSuffix(s.reply, "Reply") + strings.ToUpper(s.field[:1]) + s.field[1:] + "Reply"
}

// answerTo is the field that answers an exchange: the one whose row in docs/wire.md names the verb.
func (a *asyncAPI) answerTo(x exchange) answer {
	for i := range x.reply.Fields().Len() {
		s := answer{string(x.reply.Name()), string(x.reply.Fields().Get(i).Name())}
		verbs, _, _ := strings.Cut(a.meanings[s.reply+"."+s.field], ":")
		if slices.Contains(strings.Split(strings.TrimPrefix(verbs, "events."), ", "), x.verb) {
			return s
		}
	}
	a.t.Errorf("no field of %s in docs/wire.md names %s: say there which field answers it", x.reply.Name(), x.verb)
	return answer{string(x.reply.Name()), "error"}
}

// replyName is the message that answers an exchange.
func (a *asyncAPI) replyName(x exchange) string { return a.answerTo(x).name() }

// shown lists the fields that answer commands, each once.
func (a *asyncAPI) shown() (list []answer) {
	for _, x := range exchanges(a.t) {
		if s := a.answerTo(x); !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// shownInstead are fields that are there instead of one, by what was asked for.
var shownInstead = map[string][]string{
	"place":    {"line", "waiter"}, // the entries of a lobby, and who is on the waiting list alone
	"purchase": {"waiter"},         // who buys what is sold out, and waits
}

// reply is the message that answers with one field, or with an error.
func (a *asyncAPI) reply(shown answer) object {
	var examples []object
	for _, refused := range []bool{false, true} {
		for _, e := range a.examples {
			if a.answerTo(e.exchange) == shown && e.refused() == refused {
				name := "accepted"
				if refused {
					name = "refused"
				}
				examples = append(examples, object{{"name", name}, {"payload", payload(a.t, e.answered)}})
				break
			}
		}
	}
	one := []object{{{"required", []string{shown.field}}}, {{"required", []string{"error"}}}}
	for _, field := range shownInstead[shown.field] {
		one = append(one, object{{"required", []string{field}}})
	}
	return object{
		{"name", shown.name()},
		{"summary", "The answer in " + shown.field + ", or an error."},
		{"headers", object{
			{"type", "object"},
			{"description", "only with an error, and only if the request had no correlation"},
			{"properties", object{
				{transport.HeaderError, object{{"type", "string"}, {"description", "error.code"}}},
				{transport.HeaderErrorCode, object{{"type", "string"}, {"description", "error.code"}}},
			}},
		}},
		{"payload", object{{"allOf", []object{
			ref("components", "schemas", shown.reply),
			{{"anyOf", one}},
		}}}},
		{"examples", examples},
	}
}

// schemas are all messages of the schema.
func (a *asyncAPI) schemas() (list object) {
	known := map[string]bool{}
	for _, m := range contractMessages() {
		var properties object
		var required []string
		for j := range m.Fields().Len() {
			f := m.Fields().Get(j)
			name := string(m.Name()) + "." + string(f.Name())
			known[name] = true
			properties = append(properties, member{string(f.Name()), a.property(name, f)})
			if requiredFields[name] || !a.requests[string(m.Name())] && a.always[name] {
				required = append(required, string(f.Name()))
			}
		}
		schema := object{{"type", "object"}, {"description", a.comment(m)}, {"properties", properties}}
		if len(required) > 0 {
			schema = append(schema, member{"required", required})
		}
		if a.requests[string(m.Name())] {
			schema = append(schema, member{"additionalProperties", false})
		}
		list = append(list, member{string(m.Name()), append(schema, messageRules[string(m.Name())]...)})
	}
	reachable := maps.Clone(a.requests)
	for _, x := range exchanges(a.t) {
		noteReachable(x.reply, reachable)
	}
	for _, p := range published {
		noteReachable(p.message, reachable)
	}
	for _, m := range contractMessages() {
		if !reachable[string(m.Name())] {
			a.t.Errorf("message %s is in no request and in no reply: add its subject to exchanges, or to the comment above it", m.Name())
		}
	}
	for name := range fieldRules {
		if strings.Contains(name, ".") && !known[name] {
			a.t.Errorf("wireschema_rules_test.go has a rule for %s, which the schema does not have", name)
		}
	}
	return list
}

// property is the schema of one field.
func (a *asyncAPI) property(name string, f protoreflect.FieldDescriptor) object {
	var value object
	switch {
	case isTime(f):
		value = object{{"type", "string"}, {"format", "date-time"}}
	case f.Kind() == protoreflect.MessageKind:
		value = ref("components", "schemas", string(f.Message().Name()))
	case f.Kind() == protoreflect.Int64Kind:
		value = object{{"type", "integer"}, {"format", "int64"}}
	case f.Kind() == protoreflect.BoolKind:
		value = object{{"type", "boolean"}}
	case f.Kind() == protoreflect.DoubleKind:
		value = object{{"type", "number"}, {"format", "double"}}
	case f.Kind() == protoreflect.StringKind:
		value = object{{"type", "string"}}
	default:
		a.t.Fatalf("%s has a kind that asyncapi.yaml has no type for: %s", name, f.Kind())
	}
	if words := transport.FieldWords(strings.Split(name, ".")[0], string(f.Name())); words != "" {
		value = append(value, member{"enum", strings.Split(words, ", ")})
	}
	if words := replyWords(name); words != nil {
		value = append(value, member{"enum", words})
	}
	rule := fieldRule(name, a.requests[strings.Split(name, ".")[0]])
	value = append(value, rule.value...)
	if f.IsList() {
		value = append(object{{"type", "array"}, {"items", value}}, rule.list...)
	}
	if f.Kind() == protoreflect.MessageKind && !isTime(f) && !f.IsList() {
		return value // nothing may stand beside a $ref
	}
	if a.meanings[name] == "" {
		a.t.Errorf("docs/wire.md does not say what %s means", name)
	}
	return append(value, member{"description", a.meanings[name]})
}

// replyWords are the words that a field of a reply may have; nil for a field that is free.
func replyWords(name string) (words []string) {
	switch name {
	case "Error.code":
		for c := engine.CodeOK + 1; int(c) < engine.Codes; c++ {
			words = append(words, c.String())
		}
	case "Hold.state":
		for s := engine.HoldHeld; s.String() != "unknown"; s++ {
			words = append(words, s.String())
		}
	case "Purchase.state":
		for s := engine.PurchaseQueued; s.String() != "unknown"; s++ {
			if !slices.Contains(words, s.String()) {
				words = append(words, s.String())
			}
		}
	case "Purchase.charge", "Order.charge":
		for s := engine.ChargeNone; s.String() != "unknown"; s++ {
			words = append(words, s.String())
		}
	case "Purchase.decline":
		for d := payment.DeclineGeneric; int(d) < payment.Declines; d++ {
			words = append(words, d.String())
		}
	case "Purchase.flow":
		words = []string{"standard", "one_click"}
	case "Refund.state":
		for s := engine.RefundQueued; s.String() != "unknown"; s++ {
			words = append(words, s.String())
		}
	case "Ticket.state":
		for s := engine.TicketPending; s.String() != "unknown"; s++ {
			words = append(words, s.String())
		}
	case "Event.state":
		for s := engine.EventDraft; s.String() != "unknown"; s++ {
			words = append(words, s.String())
		}
	}
	return words
}

// fieldsAlwaysGiven asks for a reply in which everything is zero, but for one value in each list: what is there nevertheless is always there.
// Texts are left out when they are empty, but some never are. Lists may be missing.
func fieldsAlwaysGiven(t *testing.T) map[string]bool {
	t.Helper()
	w := serve(t, transport.Config{}, &transporttest.Engine{Answer: func(_ *engine.Request, _ int, out *engine.Outcome) {
		out.Code, out.Shows = engine.CodeSoldOut, engine.ShowsHold|engine.ShowsOrder|engine.ShowsEvent|engine.ShowsCapacity|
			engine.ShowsPurchase|engine.ShowsOffer|engine.ShowsRefund|engine.ShowsTicket
		item := []engine.ItemView{{Quantity: 1, Units: 1}}
		out.Hold.Items, out.Order.Items, out.Order.Tickets = item, item, 1
		out.Event.Lots, out.Event.Pools = []engine.LotView{{Spec: &engine.LotSpec{}}}, []engine.PoolView{{}}
		out.Event.Spec = &engine.EventSpec{}
		out.Purchase, out.Offer = &engine.PurchaseView{State: engine.PurchaseQueued}, &engine.OfferView{}
		out.Refund, out.Ticket = &engine.RefundView{State: engine.RefundQueued}, &engine.TicketView{State: engine.TicketValid}
	}})
	var reply map[string]any
	if err := json.Unmarshal(w.ask(t, transport.Subject("e1", "get"), []byte("{}")).Data, &reply); err != nil {
		t.Fatal(err)
	}
	always := map[string]bool{}
	for _, name := range textsNeverEmpty {
		always[name] = true
	}
	var note func(d protoreflect.MessageDescriptor, given map[string]any)
	note = func(d protoreflect.MessageDescriptor, given map[string]any) {
		for key, v := range given {
			if list, ok := v.([]any); ok {
				v = list[0]
			} else {
				always[string(d.Name())+"."+key] = true
			}
			if sub, ok := v.(map[string]any); ok {
				note(d.Fields().ByName(protoreflect.Name(key)).Message(), sub)
			}
		}
	}
	for key, v := range reply { // of a Reply's own fields none is in every reply
		note(new(pb.Reply).ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(key)).Message(), v.(map[string]any))
	}
	return always
}
