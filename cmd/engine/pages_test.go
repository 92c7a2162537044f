package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var (
	fenced      = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	quotedRun   = regexp.MustCompile("`((?:go run \\./cmd/engine|bin/engine|engine) [^`\n]+)`")
	commandLine = regexp.MustCompile(`^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:go run \./cmd/engine|bin/engine|engine) (.*)$`)
	shellEnd    = regexp.MustCompile(`\s(?:[|>&;#]|2>).*$|   .*$`)
)

// TestPagesShowCommandsThatExist reads every page for commands of this program, and tries whether it knows them and their flags.
func TestPagesShowCommandsThatExist(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/*/*.md", "../../docs/*/*/*.md"} {
		found, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	tried := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, m := range fenced.FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, strings.Split(m[1], "\n")...)
		}
		for _, m := range quotedRun.FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, m[1])
		}
		for _, line := range lines {
			if m := commandLine.FindStringSubmatch(line); m != nil {
				tried++
				cmd, rest, err := newRoot(io.Discard, io.Discard).Find(strings.Fields(shellEnd.ReplaceAllString(m[1], "")))
				if err == nil {
					err = cmd.ParseFlags(rest)
				}
				if errors.Is(err, pflag.ErrHelp) {
					err = nil
				}
				if words := cmd.Flags().Args(); err == nil && cmd.HasSubCommands() && len(words) > 0 {
					err = fmt.Errorf("%s has no subcommand %s", cmd.Name(), words[0])
				}
				if err != nil {
					t.Errorf("%s shows %q, which the program does not know: %v", strings.TrimPrefix(page, "../../"), line, err)
				}
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d commands were found", tried)
	}
}
