package holdfast_test

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	links     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	quoted    = regexp.MustCompile("`([^`\n]+)`")
	inTree    = regexp.MustCompile(`^(\.ci|actors|bench|cmd|deploy|docs|engine|store|tools|transport)/[A-Za-z0-9_./*-]*$`)
	targets   = regexp.MustCompile("(?m)(?:^\\s*|[`$(]|\\s&& )make ([a-z0-9-]+)")
	commands  = regexp.MustCompile(`(?:go run \./cmd/engine|bin/engine) ([a-z]+)`)
	machine   = regexp.MustCompile(`/(home|Users|root|` + `work)/[A-Za-z0-9._-]+`)
	metric    = regexp.MustCompile(`\bholdfast_[a-z0-9]+(?:_[a-z0-9]+)+\b`)
	inCode    = regexp.MustCompile(`"(holdfast_[a-z0-9_]+)`)
	notSource = regexp.MustCompile(`\.(hex|bin|png|svg|sum)$|^tools/go\.mod$`)
)

// TestDocumentsNameOnlyWhatExists reads every page for the files, tests, make targets and subcommands that it names.
func TestDocumentsNameOnlyWhatExists(t *testing.T) {
	makefile, files := read(t, "Makefile"), sources(t)
	tests := testNames(t, files)
	for _, page := range files {
		if !strings.HasSuffix(page, ".md") {
			continue
		}
		text := read(t, page)
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			wantFile(t, page, path.Join(path.Dir(page), target))
		}
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if inTree.MatchString(m[1]) && !boundName.MatchString(m[1]) {
				wantFile(t, page, strings.TrimSuffix(m[1], "/..."))
			}
		}
		for _, m := range quotedTest.FindAllStringSubmatch(text, -1) {
			if !tests[m[1]] {
				t.Errorf("%s names %s, but there is no such test: correct the page, or write it", page, m[1])
			}
		}
		for _, m := range targets.FindAllStringSubmatch(text, -1) {
			wantTarget(t, page, makefile, m[1])
		}
		for _, m := range commands.FindAllStringSubmatch(text, -1) {
			wantFile(t, page, "cmd/engine/"+m[1]+".go")
		}
	}
}

// TestMetricsPageIsTrue compares the metrics that the pages name with those that the code registers.
func TestMetricsPageIsTrue(t *testing.T) {
	registered := registeredMetrics(t)
	page := read(t, "docs/metrics.md")
	for name := range registered {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/metrics.md does not have %s: say there what it counts and when to look at it", name)
		}
	}
	for _, source := range sources(t) {
		if !strings.HasSuffix(source, ".md") {
			continue
		}
		for _, name := range metric.FindAllString(read(t, source), -1) {
			if !registered[name] {
				t.Errorf("%s names the metric %s, which nothing registers: correct the page", source, name)
			}
		}
	}
}

// registeredMetrics is the set of all metrics that the code has.
func registeredMetrics(t *testing.T) map[string]bool {
	t.Helper()
	registered := map[string]bool{}
	for _, source := range sources(t) {
		if strings.HasSuffix(source, ".go") && !strings.HasSuffix(source, "_test.go") && !strings.HasPrefix(source, "bench/") {
			for _, m := range inCode.FindAllStringSubmatch(read(t, source), -1) {
				registered[m[1]] = true
			}
		}
	}
	return registered
}

// TestCheckIsMadeOfTargets keeps every step of .ci/run something that can be run alone.
func TestCheckIsMadeOfTargets(t *testing.T) {
	makefile, check := read(t, "Makefile"), read(t, ".ci/run")
	steps := regexp.MustCompile(`(?m)^step .* make ([a-z0-9-]+)$`).FindAllStringSubmatch(check, -1)
	if len(steps) == 0 {
		t.Fatal(".ci/run has no step that is a make target: write its steps as: step <words> make <target>")
	}
	for _, m := range steps {
		wantTarget(t, ".ci/run", makefile, m[1])
	}
}

// TestNoFileNamesOneMachine finds paths that exist only where they were written.
func TestNoFileNamesOneMachine(t *testing.T) {
	for _, source := range sources(t) {
		if notSource.MatchString(source) {
			continue
		}
		for i, line := range strings.Split(read(t, source), "\n") {
			if found := machine.FindString(line); found != "" {
				t.Errorf("%s:%d names %s, a path of one machine: use a path from the root of the repository, or a temporary folder", source, i+1, found)
			}
		}
	}
}

func wantFile(t *testing.T, page, name string) {
	t.Helper()
	found, err := filepath.Glob(filepath.FromSlash(name))
	if err != nil || len(found) == 0 {
		t.Errorf("%s names %s, which does not exist: correct the page, or write the file", page, name)
	}
}

func wantTarget(t *testing.T, page, makefile, name string) {
	t.Helper()
	if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `:`).MatchString(makefile) {
		t.Errorf("%s says make %s, which the Makefile does not have: correct the page, or add the target", page, name)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}
