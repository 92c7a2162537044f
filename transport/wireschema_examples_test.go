package transport_test

import (
	"path"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// wireExample is a request of docs/wire.md with its reply.
type wireExample struct {
	exchange
	sent, answered string
}

func (e wireExample) refused() bool {
	return strings.Contains(e.answered, `"error":{`) && !strings.Contains(e.answered, `"results":`)
}

func wireExamples(t *testing.T) (list []wireExample) {
	t.Helper()
	for _, m := range exampleRE.FindAllStringSubmatch(readWireDoc(t), -1) {
		list = append(list, wireExample{exchangeOn(t, m[1]), m[2], m[3]})
	}
	return list
}

// exchangeOn is the exchange of a subject without parameters.
func exchangeOn(t *testing.T, subject string) exchange {
	t.Helper()
	for _, x := range exchanges(t) {
		if ok, err := path.Match(strings.NewReplacer("{event}", "*", "{buyer}", "*").Replace(x.subject), subject); err == nil && ok {
			return x
		}
	}
	t.Fatalf("docs/wire.md shows subject %s, on which the engine answers nothing", subject)
	return exchange{}
}

// requestExamples are the requests of the page for a subject.
func (a *asyncAPI) requestExamples(x exchange) (list []object) {
	for _, e := range a.examples {
		if e.name != x.name || e.refused() {
			continue
		}
		list = append(list, object{{"name", x.name + strconv.Itoa(len(list)+1)}, {"payload", payload(a.t, e.sent)}})
	}
	if len(list) == 0 {
		list = append(list, object{{"name", x.name + "1"}, {"payload", payload(a.t, fullRequests[x.name][0])}})
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
