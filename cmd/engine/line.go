package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/holdfast-engine/holdfast/transport/client"
)

func lineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "line",
		Short: "The line of an event: how far it is, its draw, and how fair it was",
		Long: `Looks at the line of an event of a running engine, gives the public value that its draw waits for, and recomputes the draw from what was published. An event gets a line when
it is created: the field line of its file, as in  line: {mode: line, draw_value: true}.  Without a mode it is open:
whoever comes may buy, and nobody can join. docs/line.md says what happens when, and how to run a sale with one.`,
		Example: `  engine line status night-one
  engine line draw night-one --value "lottery of 1 June 2030: 7 14 21 28 35 42"
  engine line verify night-one
  engine line report night-one`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(lineStatusCommand(), overNATS((*eventSettings).lineDraw), overNATS((*eventSettings).lineVerify), overNATS((*eventSettings).lineReport))
	return cmd
}

// overNATS makes a command with the flags of those that ask a running engine over NATS.
func overNATS(command func(*eventSettings) *cobra.Command) *cobra.Command {
	s := &eventSettings{}
	cmd := command(s)
	f := cmd.Flags()
	s.access.addTo(f)
	f.DurationVar(&s.timeout, "timeout", eventTimeoutDefault, "how long to wait for an answer, as in 10s")
	f.BoolVar(&s.json, "json", false, "print what was found as JSON")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return s.prepare(cmd) }
	return cmd
}

// connect connects a client, for commands that ask more than once.
func (s *eventSettings) connect() (*client.Client, error) {
	options, err := s.access.Options(s.access.url)
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(s.access.url, client.Options{Timeout: s.timeout}, options...)
	if err != nil {
		return nil, fmt.Errorf("no engine at %s: start one with `engine serve`, or name another with --nats: %w", s.access.url, err)
	}
	return c, nil
}

func oneLine(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one event, as in: engine line %s night-one; `engine event list` lists them", cmd.Name())
	}
	return nil
}

func (s *eventSettings) lineDraw() *cobra.Command {
	var value string
	cmd := &cobra.Command{
		Use:   "draw EVENT --value VALUE",
		Short: "Give the public value that a draw waits for",
		Long: `Gives the public value of a draw that has promised one (line: {draw_value: true}): something that everybody can look up and that nobody could know when the lobby closed, such
as the numbers of a lottery, the closing price of a share, or the next block of a public chain. Say before the lobby opens where it will come from.

The lobby must be closed, which it is when the event has opened. The value can be given once; it is published before the seed is revealed, and places follow from both.

` + accessHelp,
		Example: `  engine line draw night-one --value "lottery of 1 June 2030: 7 14 21 28 35 42"`,
		Args:    oneLine,
		RunE: func(cmd *cobra.Command, args []string) error {
			if value == "" {
				return errors.New("give the value with --value, as in: engine line draw " + args[0] + ` --value "lottery of 1 June 2030: 7 14 21 28 35 42"`)
			}
			return s.send(cmd.Context(), args[0], "draw", map[string]any{"value": value})
		},
	}
	f := cmd.Flags()
	f.StringVar(&value, "value", "", "the value: 1 to 256 printable characters of ASCII, just as it was published")
	f.StringVar(&s.requestID, "request-id", "", "request id of the command (default a new random one): the same id again has its effect once")
	f.BoolVar(&s.dryRun, "dry-run", false, "check the command here, show what would be sent, and send nothing")
	return cmd
}

func errNoLine(event string) error {
	return fmt.Errorf("event %s has no line: it is given one with the field line of its file; `engine line --help` says more", event)
}
