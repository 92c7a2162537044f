package holdfast_test

import (
	"regexp"
	"strings"
	"testing"
)

// A duty in docs/compliance.md is a row of three cells: the duty, what Holdfast does, and what shows it.
var (
	dutyRow    = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]*) \| ([^|]+) \|$`)
	transcript = regexp.MustCompile("`(engine/(?:wallet/)?testdata/transcripts/[a-z_]+\\.txt)`")
)

// TestEveryDutyIsShownOrTheShops wants a test or a transcript that exists for each duty, or the words that it is the shop's.
func TestEveryDutyIsShownOrTheShops(t *testing.T) {
	page, tests := read(t, "docs/compliance.md"), testNames(t, sources(t))
	duties := 0
	for _, row := range dutyRow.FindAllStringSubmatch(page, -1) {
		duty, does, shown := row[1], strings.TrimSpace(row[2]), strings.TrimSpace(row[3])
		if duty == "duty" || strings.HasPrefix(duty, "---") {
			continue
		}
		duties++
		if shown == "the shop's" {
			continue
		}
		named := 0
		for _, m := range quotedTest.FindAllStringSubmatch(shown, -1) {
			named++
			if !tests[m[1]] {
				t.Errorf("docs/compliance.md says that %s shows %q, but there is no such test: correct the page, or write it", m[1], duty)
			}
		}
		for _, m := range transcript.FindAllStringSubmatch(shown, -1) {
			named++
			wantFile(t, "docs/compliance.md", m[1])
		}
		if named == 0 || does == "" {
			t.Errorf("docs/compliance.md says nothing that shows %q: name a test or a transcript, or say: the shop's", duty)
		}
		if rest := strings.Trim(transcript.ReplaceAllString(quotedTest.ReplaceAllString(shown, ""), ""), ", "); rest != "" {
			t.Errorf("docs/compliance.md shows %q also by %q, which is neither a test nor a transcript", duty, rest)
		}
	}
	if duties < 20 {
		t.Errorf("docs/compliance.md has %d duties that this test can read: write each as | duty | what Holdfast does | `TestName` |", duties)
	}
}
