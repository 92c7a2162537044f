package transport_test

import (
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/holdfast-engine/holdfast/transport"
)

// wireExample is a request of docs/wire.md with its reply.
type wireExample struct{ subject, request, reply string }

func (e wireExample) verb() string { return e.subject[strings.LastIndexByte(e.subject, '.')+1:] }

func (e wireExample) refused() bool {
	return strings.Contains(e.reply, `"error":{`) && !strings.Contains(e.reply, `"results":`)
}

// wireExamples are those of callers: asyncapi.yaml is about them, docs/wire.md is about operators too.
func wireExamples(t *testing.T) (list []wireExample) {
	t.Helper()
	for _, m := range exampleRE.FindAllStringSubmatch(readWireDoc(t), -1) {
		if strings.HasPrefix(m[1], transport.AdminSubject("")) {
			continue
		}
		list = append(list, wireExample{m[1], m[2], m[3]})
	}
	return list
}

// requestExamples are the requests of the page for a subject.
func (a *asyncAPI) requestExamples(x exchange) (list []object) {
	for _, e := range a.examples {
		if e.verb() != x.verb || e.refused() {
			continue
		}
		list = append(list, object{{"name", x.verb + strconv.Itoa(len(list)+1)}, {"payload", payload(a.t, e.request)}})
	}
	if len(list) == 0 {
		list = append(list, object{{"name", x.verb + "1"}, {"payload", payload(a.t, `{"request_id":"`+x.verb+`1"}`)}})
	}
	return list
}

// payload reads JSON into a value that keeps the order of its members.
func payload(t *testing.T, text string) any {
	t.Helper()
	var node yaml.Node // JSON is YAML
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		t.Fatal(err)
	}
	var plain func(n *yaml.Node)
	plain = func(n *yaml.Node) {
		n.Style = 0
		if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
			n.Style = yaml.DoubleQuotedStyle
		}
		for _, c := range n.Content {
			plain(c)
		}
	}
	plain(&node)
	for _, m := range mappingsOf(&node) {
		for i := 0; i < len(m.Content); i += 2 {
			m.Content[i].Style = 0
		}
	}
	return node.Content[0]
}

func mappingsOf(n *yaml.Node) (list []*yaml.Node) {
	if n.Kind == yaml.MappingNode {
		list = append(list, n)
	}
	for _, c := range n.Content {
		list = append(list, mappingsOf(c)...)
	}
	return list
}
