package transport_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/holdfast-engine/holdfast/transport"
	"github.com/holdfast-engine/holdfast/transport/transporttest"
)

// asyncAPISpec is the official JSON schema of AsyncAPI 3.0.0, from version 6.11.1 of the npm package @asyncapi/specs (Apache-2.0).
const asyncAPISpec = "testdata/asyncapi-3.0.0.json"

// readAsyncAPI reads docs/asyncapi.yaml as a JSON value.
func readAsyncAPI(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(asyncAPIDoc)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return jsonValue(t, string(b)).(map[string]any)
}

// jsonValue reads JSON with its numbers as they are written.
func jsonValue(t *testing.T, text string) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// TestWireAsyncAPIIsValid holds docs/asyncapi.yaml against the schema that AsyncAPI itself publishes.
func TestWireAsyncAPIIsValid(t *testing.T) {
	text, err := os.ReadFile(asyncAPISpec)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("asyncapi.json", jsonValue(t, string(text))); err != nil {
		t.Fatal(err)
	}
	spec, err := c.Compile("asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc := readAsyncAPI(t)
	if err := spec.Validate(doc); err != nil {
		t.Errorf("docs/asyncapi.yaml is not AsyncAPI 3.0.0: %v", err)
	}
	delete(doc["info"].(map[string]any), "title")
	if spec.Validate(doc) == nil {
		t.Error("a document without a title passes: this test proves nothing")
	}
}

// payloads validates payloads of messages against docs/asyncapi.yaml.
type payloads struct {
	t        *testing.T
	compiler *jsonschema.Compiler
}

// newPayloads reads docs/asyncapi.yaml. With strict, replies too may have only the fields that are described.
func newPayloads(t *testing.T, strict bool) payloads {
	t.Helper()
	doc := readAsyncAPI(t)
	if strict {
		for _, s := range doc["components"].(map[string]any)["schemas"].(map[string]any) {
			if s := s.(map[string]any); s["properties"] != nil {
				s["additionalProperties"] = false
			}
		}
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7) // AsyncAPI's schemas are a superset of it
	c.AssertFormat()
	if err := c.AddResource("doc.json", doc); err != nil {
		t.Fatal(err)
	}
	return payloads{t, c}
}

// check is nil if payload is what message has.
func (p payloads) check(message string, payload any) error {
	p.t.Helper()
	s, err := p.compiler.Compile("doc.json#/components/messages/" + message + "/payload")
	if err != nil {
		p.t.Fatal(err)
	}
	return s.Validate(payload)
}

// TestWireAsyncAPIDescribesTheExamples validates every request and reply of docs/wire.md.
func TestWireAsyncAPIDescribesTheExamples(t *testing.T) {
	p := newPayloads(t, true)
	a := &asyncAPI{t: t, meanings: wireMeanings(t)}
	for _, e := range wireExamples(t) {
		request, reply := e.message(), a.replyName(e.exchange)
		unread := strings.Contains(e.answered, `"unknown_field"`) // an example of what no schema allows
		if err := p.check(request, jsonValue(t, e.sent)); (err == nil) == unread {
			t.Errorf("%s %s: %v", request, e.sent, err)
		}
		if err := p.check(reply, jsonValue(t, e.answered)); err != nil {
			t.Errorf("%s %s: %v", reply, e.answered, err)
		}
	}
}

// TestWireAsyncAPIExamplesAreAccepted sends every example of a request in docs/asyncapi.yaml to the engine.
func TestWireAsyncAPIExamplesAreAccepted(t *testing.T) {
	w := serveDirectWith(t, transport.Config{Admin: transporttest.Admin(adminExample), Measurer: kpisExample{}}, &transporttest.Direct{Now: 1_777_629_600_000_000_000})
	channels := readAsyncAPI(t)["channels"].(map[string]any)
	messages := readAsyncAPI(t)["components"].(map[string]any)["messages"].(map[string]any)
	w.askJSON(t, transport.Subject("observed", "create"), `{"request_id":"c","currency":"EUR","mode":"observe"}`)
	for _, x := range exchanges(t) { // create comes first
		event := "e1"
		if x.name == "touch" { // such an event takes all kinds
			event = "observed"
		}
		subject := strings.NewReplacer("{event}", event, "{buyer}", "b1").Replace(channels[x.name].(map[string]any)["address"].(string))
		for _, e := range messages[x.message()].(map[string]any)["examples"].([]any) {
			body, err := json.Marshal(e.(map[string]any)["payload"])
			if err != nil {
				t.Fatal(err)
			}
			if reply := w.ask(t, subject, body).Data; unacceptable(t, reply) {
				t.Errorf("%s %s is answered %s", subject, body, reply)
			}
		}
	}
}

// unacceptable reports whether a reply in JSON says that a request, or one in its batch, can never be right.
func unacceptable(t *testing.T, reply []byte) bool {
	t.Helper()
	type outcome struct{ Error struct{ Code string } }
	var r struct {
		outcome
		Results []outcome
	}
	if err := json.Unmarshal(reply, &r); err != nil {
		t.Fatalf("reply %s: %v", reply, err)
	}
	return slices.ContainsFunc(append(r.Results, r.outcome), func(o outcome) bool {
		return slices.Contains([]string{"malformed", "too_large", "unknown_verb", "unknown_field", "card_number", "invalid"}, o.Error.Code)
	})
}
