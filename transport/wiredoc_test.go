package transport_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/holdfast-engine/holdfast/engine"
	"github.com/holdfast-engine/holdfast/engine/payment"
	"github.com/holdfast-engine/holdfast/transport"
	pb "github.com/holdfast-engine/holdfast/transport/holdfastpb"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

var rewrite = flag.Bool("rewrite", false, "write the replies that the engine gives into docs/wire.md")

const wireDoc = "../docs/wire.md"

var (
	exampleRE = regexp.MustCompile("(?s)```json send (\\S+)\n(.*?)\n```\n\n```json reply\n(.*?)\n```")
	messageRE = regexp.MustCompile("(?m)^Message `(\\w+)`:\n\n((?:\\|.*\n)+)")
	rowRE     = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([^|]+) \\|")
)

func readWireDoc(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(wireDoc)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWireExamplesAreTrue sends every example of docs/wire.md, in order, over NATS to the engine's rules, and compares the replies.
func TestWireExamplesAreTrue(t *testing.T) {
	doc := readWireDoc(t)
	watch := new(transport.Watch)
	w := serveDirectWith(t, transport.Config{Admin: transporttest.Admin(adminExample), Watch: watch, Measurer: kpisExample{}}, &transporttest.Direct{
		Now:  1_777_629_600_000_000_000, // 2026-05-01T10:00:00Z
		Seed: lineSeed, Note: noteExample, Gateway: chargeExample(), Changed: watch.PurchaseChanged,
	})
	verbs := map[string]bool{}
	fixed := exampleRE.ReplaceAllStringFunc(doc, func(example string) string {
		parts := exampleRE.FindStringSubmatch(example)
		subject, body, want := parts[1], parts[2], parts[3]
		verb := subject[strings.LastIndexByte(subject, '.')+1:]
		if strings.HasPrefix(subject, "holdfast.v1.buyers.") {
			verb = "buyers " + verb
		}
		verbs[verb] = true
		got := w.ask(t, subject, []byte(body)).Data
		switch { // it is a reply in the eyes of protojson too
		case strings.HasPrefix(subject, transport.AdminSubject("")):
			decodeAdmin(t, got)
		case subject == transport.SubjectKPIs:
			decodeKPIsReply(t, got)
		case strings.HasPrefix(verb, "buyers "):
			decodeBuyerReply(t, got)
		default:
			decodeReply(t, got)
		}
		if *rewrite {
			return fmt.Sprintf("```json send %s\n%s\n```\n\n```json reply\n%s\n```", subject, body, wrap(t, got))
		}
		if compact(t, got) != compact(t, []byte(want)) {
			t.Errorf("%s %s\nis answered\n%s\nand the page says\n%s", subject, body, wrap(t, got), want)
		}
		return example
	})
	for _, verb := range []string{
		"create", "update", "open", "pause", "get", "hold", "extend", "release", "confirm", "order", "block", "unblock", "capacity", "batch", "buyer_batch", "list",
		"offer", "buy", "purchase", "complete", "undo", "refund", "admit", "reissue", "cancel", "one_click", "touch",
		"join", "leave", "place", "absent", "present", "wait", "draw", "codes", "here",
		"buyers save", "buyers list", "buyers remove", "buyers default", "buyers agree", "buyers history",
		"audit", "events", "snapshot", "why", "archive", "sleep", "release-quarantine", "backup", "inspect", "lane", "one-click", "resolve",
	} {
		if !verbs[verb] {
			t.Errorf("no example of %s", verb)
		}
	}
	if *rewrite {
		if err := os.WriteFile(wireDoc, []byte(fixed), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
}

// noteExample is what the shell knows in the examples: every buyer has a saved card, and has agreed.
func noteExample(cmd *engine.Command) engine.Annotation {
	return engine.Annotation{
		Known: true, Method: "m1", Gateway: "sandbox", Kind: payment.MethodCard, Agreement: "2026-01", Brand: "visa", LastFour: "4242",
		Can:        payment.Reusable | payment.SeparateCapture | payment.Instant | payment.Voidable,
		OneClickOn: true, OneClickShare: engine.OneClickEveryone,
	}
}

// chargeExample is the gateway of the examples. It declines the card of b8, and wants b9 to authenticate, who has done it when it is asked a second time.
func chargeExample() func(engine.Work) payment.Result {
	asked := 0
	return func(w engine.Work) payment.Result {
		if w.Operation == payment.LookUp {
			asked++
		}
		return chargedExample(w, asked > 1)
	}
}

func chargedExample(w engine.Work, authenticated bool) payment.Result {
	result := payment.Result{Ref: "ch_1", AmountMinor: w.AmountMinor, Currency: w.Currency}
	switch w.Operation {
	case payment.Capture:
		result.Answer = payment.Captured
	case payment.Void, payment.Cancel:
		result.Answer = payment.Voided
	case payment.Refund:
		result.Answer = payment.Refunded
	case payment.Authorise:
		switch result.Answer = payment.Authorised; w.Buyer {
		case "b8":
			result.Answer, result.Decline = payment.DeclinedSoft, payment.DeclineInsufficientFunds
		case "b9":
			result.Answer = payment.ActionNeeded
		}
	case payment.LookUp:
		if result.Answer = payment.Pending; authenticated {
			result.Answer = payment.Authorised
		}
	}
	return result
}

// wrap writes a reply as the page shows it: dense, in lines that break after a comma.
func wrap(t *testing.T, body []byte) string {
	t.Helper()
	const lineLen = 140
	var b strings.Builder
	column, quoted := 0, false
	text := compact(t, body)
	for i := 0; i < len(text); i++ {
		c := text[i]
		b.WriteByte(c)
		column++
		if c == '"' && text[i-1] != '\\' {
			quoted = !quoted
		}
		if c == ',' && !quoted && column+nextComma(text[i+1:]) > lineLen {
			b.WriteString("\n ")
			column = 1
		}
	}
	return b.String()
}

func nextComma(s string) int {
	if n := strings.IndexByte(s, ','); n >= 0 {
		return n + 1
	}
	return len(s)
}

var stateHashRE = regexp.MustCompile(`"state_hash":"[0-9a-f]{16}"`)

// compact leaves out space, and the state hash, which means nothing to a reader.
func compact(t *testing.T, body []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, body); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return stateHashRE.ReplaceAllString(b.String(), `"state_hash":"0123456789abcdef"`)
}

// TestWireTablesMatchTheSchema holds every table of docs/wire.md against the generated descriptors.
func TestWireTablesMatchTheSchema(t *testing.T) {
	tables := map[string][][]string{}
	for _, m := range messageRE.FindAllStringSubmatch(readWireDoc(t), -1) {
		if tables[m[1]] != nil {
			t.Errorf("two tables for %s", m[1])
		}
		tables[m[1]] = rowRE.FindAllStringSubmatch(m[2], -1)
	}
	var messages []protoreflect.MessageDescriptor
	for _, file := range []protoreflect.FileDescriptor{pb.File_holdfast_proto, pb.File_buyers_proto, pb.File_kpis_proto, pb.File_admin_proto} {
		for i := range file.Messages().Len() {
			messages = append(messages, file.Messages().Get(i))
		}
	}
	for _, d := range messages {
		rows := tables[string(d.Name())]
		var got, want []string
		for _, row := range rows {
			got = append(got, row[1]+" "+strings.TrimSpace(row[2]))
		}
		for j := range d.Fields().Len() {
			want = append(want, string(d.Fields().Get(j).Name())+" "+typeName(d.Fields().Get(j)))
		}
		if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
			t.Errorf("message %s: the page has\n%s\nand the schema\n%s", d.Name(), a, b)
		}
		delete(tables, string(d.Name()))
	}
	for name := range tables {
		t.Errorf("the page has message %s, which is not in the schema", name)
	}
}

func typeName(f protoreflect.FieldDescriptor) string {
	var name string
	switch {
	case f.Kind() == protoreflect.MessageKind && f.Message().FullName() == "google.protobuf.Timestamp":
		name = "time"
	case f.Kind() == protoreflect.MessageKind:
		name = "`" + string(f.Message().Name()) + "`"
	case f.Kind() == protoreflect.Int64Kind:
		name = "integer"
	case f.Kind() == protoreflect.BoolKind:
		name = "boolean"
	default:
		name = f.Kind().String()
	}
	if f.IsList() {
		return "list of " + name
	}
	return name
}

// TestWireCodesAreTheEngines holds the list of codes against the engine's.
func TestWireCodesAreTheEngines(t *testing.T) {
	_, section, ok := strings.Cut(readWireDoc(t), "\n## Codes\n")
	if !ok {
		t.Fatal("the page has no section Codes")
	}
	// They are said before a command is looked at, or by a buyer's wallet, which remembers no refusal.
	unremembered := []engine.Code{engine.CodeOverloaded, engine.CodeUnavailable, engine.CodeQuarantined, engine.CodeEraseWaits}
	var got, want []string
	for _, row := range rowRE.FindAllStringSubmatch(section, -1) {
		got = append(got, row[1]+" "+strings.TrimSpace(row[2]))
	}
	for c := engine.CodeOK + 1; int(c) < engine.Codes; c++ {
		retry := "no"
		switch {
		case !c.Retryable():
		case slices.Contains(unremembered, c):
			retry = "with the same id"
		default: // engine/testdata/transcripts/retrying.txt
			retry = "with a new id"
		}
		want = append(want, c.String()+" "+retry)
	}
	if a, b := strings.Join(got, "\n"), strings.Join(want, "\n"); a != b {
		t.Errorf("the page lists\n%s\nand the engine has\n%s", a, b)
	}
}

// TestWireNamesTheBounds looks for the bounds that the page tells.
func TestWireNamesTheBounds(t *testing.T) {
	doc := readWireDoc(t)
	for _, n := range []int{transport.CommandBytesMax, transport.BatchBytesMax, transport.BatchCommandsMax} {
		text := fmt.Sprintf("%d,%03d", n/1000, n%1000)
		if !strings.Contains(doc, text) {
			t.Errorf("the page does not say %s", text)
		}
	}
}
