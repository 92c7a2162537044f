package measure_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-engine/holdfast/engine/measure"
)

var rewrite = flag.Bool("rewrite", false, "write the definitions into docs/kpis.md")

const (
	kpisPage         = "../../docs/kpis.md"
	definitionsBegin = "<!-- From here on the page is written from the code: go test ./engine/measure -run KPIsPage -rewrite -->\n"
)

// TestKPIsPageIsTheDefinitions holds docs/kpis.md and the definitions together.
func TestKPIsPageIsTheDefinitions(t *testing.T) {
	text, err := os.ReadFile(kpisPage)
	if err != nil {
		t.Fatal(err)
	}
	told, have, ok := strings.Cut(string(text), definitionsBegin)
	if !ok {
		t.Fatalf("%s lacks the line %q", kpisPage, definitionsBegin)
	}
	want := writeDefinitions(measure.Definitions())
	if *rewrite {
		if err := os.WriteFile(kpisPage, []byte(told+definitionsBegin+want), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
		return
	}
	if have != want {
		t.Errorf("%s is not what the definitions say: run go test ./engine/measure -run KPIsPage -rewrite, and read the diff", kpisPage)
	}
}

// writeDefinitions writes a table of all KPIs, and then each of them, group by group.
func writeDefinitions(all []measure.Definition) string {
	var groups []string
	for i := range all {
		if !slices.Contains(groups, all[i].Group) {
			groups = append(groups, all[i].Group)
		}
	}
	var b strings.Builder
	b.WriteString("\n## All of them\n\n| KPI | what it is | unit | |\n| --- | --- | --- | --- |\n")
	each := func(use func(*measure.Definition)) {
		for _, group := range groups {
			for i := range all {
				if all[i].Group == group {
					use(&all[i])
				}
			}
		}
	}
	exactness := map[bool]string{true: "exact", false: "sketched"}
	each(func(d *measure.Definition) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.ID, cell(d.Name), d.Unit, exactness[d.Exact])
	})
	group := ""
	each(func(d *measure.Definition) {
		if d.Group != group {
			group = d.Group
			fmt.Fprintf(&b, "\n## Group: %s\n", group)
		}
		fmt.Fprintf(&b, "\n### %s\n\n`%s`, in %s, %s.\n\n- **Formula**: %s\n- **Made of**: %s\n- **Population**: %s\n- **Windows**: %s\n", d.Name, d.ID, d.Unit,
			exactness[d.Exact], cell(d.Formula), cell(d.Facts), cell(d.Population), cell(d.Windows))
		if d.Edges != "" {
			fmt.Fprintf(&b, "- **Mind**: %s\n", cell(d.Edges))
		}
	})
	return b.String()
}

// cell keeps a text from being read as more than text.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "\n", " ").Replace(text)
}

// TestDefinitionsAreWhole looks for what a reader would miss.
func TestDefinitionsAreWhole(t *testing.T) {
	id := regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$`)
	seen := map[string]bool{}
	for _, d := range measure.Definitions() {
		if !id.MatchString(d.ID) || seen[d.ID] {
			t.Errorf("the id %q is malformed, or there twice", d.ID)
		}
		seen[d.ID] = true
		for what, text := range map[string]string{
			"name": d.Name, "group": d.Group, "unit": string(d.Unit), "formula": d.Formula, "facts": d.Facts, "population": d.Population, "windows": d.Windows,
		} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s has no %s", d.ID, what)
			}
		}
	}
}
