package holdfast_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// alertRules is what this test reads of deploy/alerts.yml.
type alertRules struct {
	Groups []struct {
		Rules []struct {
			Alert       string
			Expr        string
			Labels      struct{ Severity string }
			Annotations struct{ Summary, Runbook string }
		}
	}
}

// TestAlertsAreExplained holds deploy/alerts.yml against the metrics that the code registers and against docs/operations.md.
func TestAlertsAreExplained(t *testing.T) {
	var rules alertRules
	if err := yaml.Unmarshal([]byte(read(t, "deploy/alerts.yml")), &rules); err != nil {
		t.Fatal(err)
	}
	registered, page := registeredMetrics(t), read(t, "docs/operations.md")
	var alerts []string
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, rule.Alert)
			for _, name := range metric.FindAllString(rule.Expr, -1) {
				if !registered[name] && !registered[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")] {
					t.Errorf("deploy/alerts.yml: %s names the metric %s, which nothing registers", rule.Alert, name)
				}
			}
			if want := "docs/operations.md#" + strings.ToLower(rule.Alert); rule.Annotations.Runbook != want {
				t.Errorf("deploy/alerts.yml: the runbook of %s should be %s", rule.Alert, want)
			}
			if !slices.Contains([]string{"page", "ticket"}, rule.Labels.Severity) || rule.Annotations.Summary == "" {
				t.Errorf("deploy/alerts.yml: %s needs a severity, page or ticket, and a summary", rule.Alert)
			}
		}
	}
	var explained []string
	for _, m := range regexp.MustCompile(`(?m)^### (Holdfast\w+)$`).FindAllStringSubmatch(page, -1) {
		explained = append(explained, m[1])
	}
	if a, b := strings.Join(explained, " "), strings.Join(alerts, " "); a != b {
		t.Errorf("docs/operations.md explains, in this order,\n%s\nand deploy/alerts.yml has\n%s", a, b)
	}
}

// TestPrometheusTakesItsFiles asks promtool.
func TestPrometheusTakesItsFiles(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: Debian package prometheus")
	}
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = "deploy"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestRefusalsOfAStartAreQuoted looks in the code for every sentence that docs/operations.md says a start may end with.
func TestRefusalsOfAStartAreQuoted(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "docs/operations.md"), "\n### When it does not start\n")
	section, _, _ = strings.Cut(section, "\n### ")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1)
	if len(rows) < 10 {
		t.Fatalf("only %d rows say what a start may end with", len(rows))
	}
	var code strings.Builder
	for _, source := range sources(t) {
		if strings.HasSuffix(source, ".go") && !strings.HasSuffix(source, "_test.go") {
			code.WriteString(read(t, source))
		}
	}
	for _, row := range rows {
		if !strings.Contains(code.String(), row[1]) {
			t.Errorf("docs/operations.md explains %q, which no part of the program says", row[1])
		}
	}
}
