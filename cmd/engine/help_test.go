package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand calls f with every command of the program.
func everyCommand(t *testing.T, f func(t *testing.T, cmd *cobra.Command)) {
	t.Helper()
	root := newRoot(io.Discard, io.Discard)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		t.Run(strings.ReplaceAll(cmd.CommandPath(), " ", "-"), func(t *testing.T) { f(t, cmd) })
		for _, sub := range cmd.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				visit(sub)
			}
		}
	}
	visit(root)
}

func TestHelpTeaches(t *testing.T) {
	everyCommand(t, func(t *testing.T, cmd *cobra.Command) {
		help := must(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		if cmd.Short == "" {
			t.Error("it has no short text")
		}
		if cmd.HasParent() && cmd.Name() != "version" && cmd.Example == "" {
			t.Error("its help has no example")
		}
		for _, line := range strings.Split(cmd.Example, "\n") {
			if line != "" && !strings.Contains(line, "engine ") {
				t.Errorf("example %q does not run the engine", line)
			}
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				wants(t, help, "--"+f.Name)
			}
		})
	})
}

// TestHelpSaysEveryDefault: pflag prints a default that is not the zero of its type; where it is, the text must say what nothing means.
func TestHelpSaysEveryDefault(t *testing.T) {
	everyCommand(t, func(t *testing.T, cmd *cobra.Command) {
		help := must(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("--%s has no text", f.Name)
			}
			if strings.Contains(f.Usage, "`") { // pflag takes what is quoted so for the name of the value
				t.Errorf("--%s is shown as %q", f.Name, f.Usage)
			}
			switch f.DefValue {
			case "", "0", "false", "[]":
				return
			}
			if !strings.Contains(help, "(default "+f.DefValue+")") && !strings.Contains(help, `(default "`+f.DefValue+`")`) {
				t.Errorf("the help does not say that --%s is %s unless given", f.Name, f.DefValue)
			}
		})
	})
}

func TestEveryBoundIsAFlag(t *testing.T) {
	cmd := serveCommand()
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	for _, name := range []string{
		"data", "listen", "http", "nats", "config", "log-level", "log-format", "drain-timeout",
		"memtable-bytes", "tail-segment-bytes", "tail-segments", "batches-in-flight", "batch-bytes", "pass-bytes", "cursor-lag-bytes", "reserve-bytes",
		"sleep-delay", "keep-every", "open-timeout", "stall-timeout", "accept-one-copy",
		"inflight-per-event", "events-awake-max", "events-max", "sleep-after", "retention",
		"account", "reply-prefixes", "queue-group", "account-commands-max", "account-bytes-max", "process-commands-max", "process-bytes-max",
		"pending-messages-max", "pending-bytes-max", "waiting-buys-max", "waiting-bytes-max", "retry-after", "presence",
		"event-lots-max", "event-pools-max", "event-seats-max", "event-prices-max", "event-holds-max", "event-buyers-max", "event-orders-max",
		"event-ended-max", "event-requests-max", "event-touches-max", "event-refusals-max",
	} {
		if !slices.Contains(names, name) {
			t.Errorf("serve has no flag --%s", name)
		}
	}
}

func TestUnknownCommandsAreExplained(t *testing.T) {
	_, err := engineRun(t, "srve")
	refuses(t, err, "engine srve", "did you mean engine serve?")
	refuses(t, err, "`engine --help`")
	_, err = engineRun(t, "event", "shwo")
	refuses(t, err, "engine event shwo", "did you mean engine event show?", "`engine event --help`")
	_, err = engineRun(t, "baseline", "import")
	refuses(t, err, "engine baseline import FILE...", "`engine baseline import --help`")
	_, err = engineRun(t, "demo", "now")
	refuses(t, err, "engine demo [flags]")
	_, err = engineRun(t, "verify")
	refuses(t, err, "engine verify ./data")
	_, err = engineRun(t, "event", "show")
	refuses(t, err, "engine event show", "engine event list")
}

func TestVersionSaysWhatRuns(t *testing.T) {
	wants(t, must(t, "version"), "holdfast ", "go1.")
}
