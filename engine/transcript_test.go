package engine_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/holdfast-engine/holdfast/engine/enginetest"
)

// TestTranscripts plays the rules as they are written down in testdata/transcripts. After a change of a rule:
//
//	go test ./engine -run TestTranscripts -rewrite
//
// and then read the difference: every changed line is a changed promise to somebody.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		transcript := enginetest.NewTranscript()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			script := d.FullCmd()
			if d.Input != "" {
				script += "\n"
				if d.Cmd == "create" || d.Cmd == "update" || d.Cmd == "codes" {
					script += "  " // datadriven trims what follows the first line
				}
				script += d.Input
			}
			said := transcript.Play(script)
			for _, shout := range []string{"CANNOT READ", "WRONG"} {
				if strings.Contains(said, shout) {
					t.Errorf("%s: %s\n%s", d.Pos, script, said)
				}
			}
			return said
		})
	})
}
